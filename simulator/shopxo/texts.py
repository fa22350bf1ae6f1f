"""A ShopXO site's messages in the languages that a client can request."""

# ruff: noqa: RUF001 - Chinese punctuation

from enum import StrEnum


class Text(StrEnum):
    """The meanings of messages."""

    ACCOUNT_EMPTY = "account_empty"
    PASSWORD_EMPTY = "password_empty"  # noqa: S105 - a kind of message
    PASSWORD_LENGTH = "password_length"  # noqa: S105 - a kind of message
    REGISTER_TYPE = "register_type"
    LOGIN_TYPE = "login_type"
    VERIFY_EMPTY = "verify_empty"
    REGISTER_CLOSED = "register_closed"
    LOGIN_CLOSED = "login_closed"
    EMAIL_FORMAT = "email_format"
    MOBILE_FORMAT = "mobile_format"
    USERNAME_FORMAT = "username_format"
    USERNAME_TAKEN = "username_taken"
    EMAIL_TAKEN = "email_taken"
    MOBILE_TAKEN = "mobile_taken"
    PICTURE_EMPTY = "picture_empty"
    CODE_EXPIRED = "code_expired"
    CODE_WRONG = "code_wrong"
    EXISTS = "exists"
    FORBIDDEN = "forbidden"
    ADD_FAILED = "add_failed"
    AWAITS_APPROVAL = "awaits_approval"
    REGISTERED = "registered"
    ACCOUNT_UNKNOWN = "account_unknown"
    EMAIL_UNKNOWN = "email_unknown"
    MOBILE_UNKNOWN = "mobile_unknown"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 - a kind of message
    PASSWORD_UNSET = "password_unset"  # noqa: S105 - a kind of message
    IN_REVIEW = "in_review"
    LOCKED = "locked"
    SIGNED_IN = "signed_in"
    NO_SENDING = "no_sending"
    SENT = "sent"
    NOT_SENT = "not_sent"
    FREQUENT = "frequent"
    TOKEN_EMPTY = "token_empty"  # noqa: S105 - a kind of message
    USER_MISSING = "user_missing"
    SIGN_IN_FIRST = "sign_in_first"
    SUCCESS = "success"
    CANCELLED = "cancelled"
    RAW = "raw"
    NO_ACTION = "no_action"
    NO_CONTROLLER = "no_controller"


# Verbatim: some refusals differ in nothing else.
ENGLISH: dict[Text, str] = {
    Text.ACCOUNT_EMPTY: "Account cannot be empty",
    Text.PASSWORD_EMPTY: "Password cannot be empty",
    Text.PASSWORD_LENGTH: "Login password format is between 6 and 18 characters",
    Text.REGISTER_TYPE: "Wrong registration type",
    Text.LOGIN_TYPE: "Wrong login type",
    Text.VERIFY_EMPTY: "Verification code cannot be empty",
    Text.REGISTER_CLOSED: "Temporarily close registration",
    Text.LOGIN_CLOSED: "Temporarily close login",
    Text.EMAIL_FORMAT: "Email format error",
    Text.MOBILE_FORMAT: "Mobile number format error",
    Text.USERNAME_FORMAT: "The user name format is 2~18 characters with alphanumeric underscore",
    Text.USERNAME_TAKEN: "User already exists[{}]",
    Text.EMAIL_TAKEN: "Email already exists",
    Text.MOBILE_TAKEN: "Mobile number already exists",
    Text.PICTURE_EMPTY: "The picture verification code cannot be empty",
    Text.CODE_EXPIRED: "The verification code has expired",
    Text.CODE_WRONG: "Verification code error",
    Text.EXISTS: "The account already exists",
    Text.FORBIDDEN: "This username is prohibited from registration({})",
    Text.ADD_FAILED: "Add Failed",
    Text.AWAITS_APPROVAL: "User waiting for approval",
    Text.REGISTERED: "Register Succeeded",
    Text.ACCOUNT_UNKNOWN: "Account does not exist",
    Text.EMAIL_UNKNOWN: "Email does not exist, please register first!",
    Text.MOBILE_UNKNOWN: "Mobile number does not exist, please register first!",
    Text.PASSWORD_WRONG: "Password error",
    Text.PASSWORD_UNSET: "Please set a password first!",
    Text.IN_REVIEW: "User waiting for review",
    Text.LOCKED: "User is prohibited from logging in",
    Text.SIGNED_IN: "Login Succeeded",
    Text.NO_SENDING: "This type does not support sending verification code",
    Text.SENT: "Sending Succeeded",
    Text.NOT_SENT: "Sending Failed[{}]",
    Text.FREQUENT: "Frequent operation, please try again later!",
    Text.TOKEN_EMPTY: "Token cannot be empty",
    Text.USER_MISSING: "User information does not exist",
    Text.SIGN_IN_FIRST: "Login Failed, please login again",
    Text.SUCCESS: "success",
    Text.CANCELLED: "The account was cancelled",
    Text.RAW: "{}",
    Text.NO_ACTION: "{} not exist",
    Text.NO_CONTROLLER: "Controller does not exist({})",
}
CHINESE: dict[Text, str] = {
    Text.ACCOUNT_EMPTY: "账号不能为空",
    Text.PASSWORD_EMPTY: "密码不能为空",
    Text.PASSWORD_LENGTH: "登录密码格式6~18个字符之间",
    Text.REGISTER_TYPE: "注册类型有误",
    Text.LOGIN_TYPE: "登录类型有误",
    Text.VERIFY_EMPTY: "验证码不能为空",
    Text.REGISTER_CLOSED: "暂时关闭注册",
    Text.LOGIN_CLOSED: "暂时关闭登录",
    Text.EMAIL_FORMAT: "电子邮箱格式错误",
    Text.MOBILE_FORMAT: "手机号码格式错误",
    Text.USERNAME_FORMAT: "用户名格式由字母数字下划线2~18个字符",
    Text.USERNAME_TAKEN: "用户已存在[{}]",
    Text.EMAIL_TAKEN: "电子邮箱已存在",
    Text.MOBILE_TAKEN: "手机号码已存在",
    Text.PICTURE_EMPTY: "图片验证码不能为空",
    Text.CODE_EXPIRED: "验证码已过期",
    Text.CODE_WRONG: "验证码错误",
    Text.EXISTS: "账号已存在",
    Text.FORBIDDEN: "该用户名禁止注册({})",
    Text.ADD_FAILED: "添加失败",
    Text.AWAITS_APPROVAL: "用户等待审核中",
    Text.REGISTERED: "注册成功",
    Text.ACCOUNT_UNKNOWN: "帐号不存在",
    Text.EMAIL_UNKNOWN: "电子邮箱不存在、请先注册！",
    Text.MOBILE_UNKNOWN: "手机号码不存在、请先注册！",
    Text.PASSWORD_WRONG: "密码错误",
    Text.PASSWORD_UNSET: "请先设置密码！",
    Text.IN_REVIEW: "用户等待审核中",
    Text.LOCKED: "用户被禁止登录",
    Text.SIGNED_IN: "登录成功",
    Text.NO_SENDING: "该类型不支持验证码发送",
    Text.SENT: "发送成功",
    Text.NOT_SENT: "发送失败[{}]",
    Text.FREQUENT: "操作频繁，请稍后再试！",
    Text.TOKEN_EMPTY: "token不能为空",
    Text.USER_MISSING: "用户信息不存在",
    Text.SIGN_IN_FIRST: "登录失效，请重新登录",
    Text.SUCCESS: "操作成功",
    Text.CANCELLED: "账号注销成功",
    Text.RAW: "{}",
    Text.NO_ACTION: "{}方法不存在",
    Text.NO_CONTROLLER: "控制器不存在({})",
}
LANGUAGES = {"zh": CHINESE, "en": ENGLISH}
