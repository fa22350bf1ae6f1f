"""An AnQiCMS site's messages in the languages that its owner can choose."""

from enum import StrEnum


class Text(StrEnum):
    """The meanings of messages."""

    NAME_AND_PASSWORD = "name_and_password"  # noqa: S105 - a kind of message
    PASSWORD_LENGTH = "password_length"  # noqa: S105 - a kind of message
    NAME_TAKEN = "name_taken"
    PHONE_WRONG = "phone_wrong"
    PHONE_TAKEN = "phone_taken"
    EMAIL_WRONG = "email_wrong"
    EMAIL_TAKEN = "email_taken"
    EMAIL_OR_PHONE = "email_or_phone"
    VERIFY_EMAIL = "verify_email"
    GRAPHIC_CODE = "graphic_code"
    ENTER_ACCOUNT = "enter_account"
    LOGIN_PASSWORD = "login_password"  # noqa: S105 - a kind of message
    LOGIN_FAILED = "login_failed"
    NEEDS_LOGIN = "needs_login"
    NO_USER = "no_user"
    PARAMETER = "parameter"
    TOKEN = "token"  # noqa: S105 - a kind of message
    VERIFIED = "verified"


# Verbatim: most refusals differ in nothing else.
ENGLISH: dict[Text, str] = {
    Text.NAME_AND_PASSWORD: "Please fill in the username and password correctly",
    Text.PASSWORD_LENGTH: "Please enter a password of more than 6 digits",
    Text.NAME_TAKEN: "The username has been registered",
    Text.PHONE_WRONG: "Incorrect mobile phone number",
    Text.PHONE_TAKEN: "The mobile phone number has been registered",
    Text.EMAIL_WRONG: "Incorrect email",
    Text.EMAIL_TAKEN: "The email has been registered",
    Text.EMAIL_OR_PHONE: "Fill in at least one of the email and mobile phone number",
    Text.VERIFY_EMAIL: "Please Verify Your Email",
    Text.GRAPHIC_CODE: "Graphic code is incorrect",
    Text.ENTER_ACCOUNT: "Please enter your account",
    Text.LOGIN_PASSWORD: "Please enter a password of 6 characters or longer",
    Text.LOGIN_FAILED: "Login failed",
    Text.NEEDS_LOGIN: "This operation requires login",
    Text.NO_USER: "User does not exist",
    Text.PARAMETER: "Invalid parameter",
    Text.TOKEN: "Invalid token",
    Text.VERIFIED: "Verification successful",
}
CHINESE: dict[Text, str] = {
    Text.NAME_AND_PASSWORD: "请正确填写用户名和密码",
    Text.PASSWORD_LENGTH: "请输入6位以上的密码",
    Text.NAME_TAKEN: "该用户名已被注册",
    Text.PHONE_WRONG: "手机号不正确",
    Text.PHONE_TAKEN: "该手机号已被注册",
    Text.EMAIL_WRONG: "邮箱不正确",
    Text.EMAIL_TAKEN: "该邮箱已被注册",
    Text.EMAIL_OR_PHONE: "邮箱和手机号至少填写一个",
    Text.VERIFY_EMAIL: "请验证您的邮箱",
    Text.GRAPHIC_CODE: "图形码不正确",
    Text.ENTER_ACCOUNT: "请输入账号",
    Text.LOGIN_PASSWORD: "请输入6位及以上长度的密码",
    Text.LOGIN_FAILED: "登录失败",
    Text.NEEDS_LOGIN: "该操作需要登录",
    Text.NO_USER: "用户不存在",
    Text.PARAMETER: "无效的参数",
    Text.TOKEN: "无效的令牌",
    Text.VERIFIED: "验证成功",
}
LANGUAGES = {"en": ENGLISH, "zh": CHINESE}
