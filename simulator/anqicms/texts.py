"""AnQiCMS's messages in the languages that it ships with.

Only English and Chinese have all of them. What another language lacks is said in Chinese.
"""

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
    API_CLOSED = "api_closed"
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
    Text.NEEDS_LOGIN: "This operation requires login, please log in and try again",
    Text.API_CLOSED: "API interface function is not open",
    Text.NO_USER: "User does not exist",
    Text.PARAMETER: "Invalid Parameter",
    Text.TOKEN: "Invalid Token",
    Text.VERIFIED: "Verification Successful",
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
    Text.NEEDS_LOGIN: "该操作需要登录，请登录后重试",  # noqa: RUF001
    Text.API_CLOSED: "API接口功能未开放",
    Text.NO_USER: "用户不存在",
    Text.PARAMETER: "参数错误",
    Text.TOKEN: "无效的令牌",
    Text.VERIFIED: "验证成功",
}
# What signing in says in the other languages: the captcha, the account, the password, the failure.
_SIGN_IN = {
    "zh-TW": ("圖形碼不正確", "請輸入帳號", "請輸入6位以上長度的密碼", "登入失敗"),
    "pt-BR": (
        "Código gráfico incorreto",
        "Por favor insira o nome de usuário",
        "Por favor insira uma senha de 6 caracteres ou mais de comprimento",
        "falha no login",
    ),
    "ru": (
        "Неправильный графический код",
        "Пожалуйста, введите имя пользователя",
        "Пожалуйста, введите пароль длиной 6 или более символов.",
        "Ошибка входа",
    ),
    "ja": (
        "間違ったグラフィックコード",
        "ユーザー名を入力してください",
        "6文字以上のパスワードを入力してください",
        "ログインに失敗しました",
    ),
    "fa": (
        "کد گرافیکی نادرست",
        "لطفا نام کاربری را وارد کنید",
        "لطفا رمز عبور 6 کاراکتری یا بیشتر را وارد کنید",
        "ورود ناموفق بود",
    ),
    "bn": (
        "ভুল গ্রাফিক্স কোড",
        "অনুগ্রহ করে ইনপুট ব্যবহারকারীর নাম",
        "অনুগ্রহ করে 6 অক্ষর বা তার বেশি দৈর্ঘ্যের একটি পাসওয়ার্ড লিখুন",
        "লগইন ব্যর্থ",
    ),
    "id": (
        "Kode grafis salah",
        "Silakan masukkan Nama Pengguna",
        "Silakan masukkan kata sandi yang panjangnya 6 karakter atau lebih",
        "Gagal masuk",
    ),
}
_SAID = (Text.GRAPHIC_CODE, Text.ENTER_ACCOUNT, Text.LOGIN_PASSWORD, Text.LOGIN_FAILED)
LANGUAGES: dict[str, dict[Text, str]] = {
    "en": ENGLISH,
    "zh": CHINESE,
    **{
        language: {**CHINESE, **dict(zip(_SAID, said, strict=True))}
        for language, said in _SIGN_IN.items()
    },
}
