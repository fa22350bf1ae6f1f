"""AnQiCMS's API for users: endpoints, result codes, messages and answers.

Source: AnQiCMS's document "api/register" and its published source (version 3.5: apiUser, user,
base64Captcha). Nearly every refusal has the code -1, so the message has to tell them apart. That of
a registration is in the language we ask for. Signing in answers in the site's: we know those that
the software ships with.

Functions that read a reply raise UnexpectedAnswerError if what was asked for is missing.
"""

from base64 import b64decode, urlsafe_b64decode
import binascii
from collections.abc import Mapping
from copy import replace
from http import HTTPStatus
import re
from typing import Final, NamedTuple

from ..answer import (
    UNKNOWN_CODE,
    Answer,
    Meaning,
    Reply,
    as_flag,
    as_int,
    as_message,
    as_object,
    as_text,
    image_type,
)
from ..errors import (
    AccessDeniedError,
    InvalidInputError,
    NotAllowedError,
    RejectedError,
    TakenError,
    UnexpectedAnswerError,
)
from ..fields import REQUIRED
from ..model import Captcha, repr_without
from ..provider import Endpoint
from ..transport import is_header_value

CAPTCHA: Final = Endpoint("GET", "api/captcha")
# The same, asked of a site that may run other software.
LOOK: Final = replace(CAPTCHA, optional=True)
REGISTER: Final = Endpoint("POST", "api/register", irreversible=True)
LOGIN: Final = Endpoint("POST", "api/login")
DETAIL: Final = Endpoint("GET", "api/user/detail")
# Since 3.5.7; older versions answer with a web page.
EMAIL_EXISTS: Final = Endpoint("GET", "api/verify/email", optional=True)

# Answered if the owner lets it be read.
SYSTEM: Final = Endpoint("GET", "api/setting/system")

FAILED: Final = -1
LANGUAGE: Final = "en"
LOGIN_FAILED: Final = "login_failed"
CAPTCHA_WRONG: Final = "captcha_wrong"
UPDATE_TOKEN: Final = "Update-Token"  # noqa: S105 - the name of a header

# 200 is documented for other endpoints only.
_IN_REVIEW: Final = 0
_SUCCESS: Final = frozenset({0, int(HTTPStatus.OK)})

_CAPTCHA_WRONG: Final = Meaning(InvalidInputError, CAPTCHA_WRONG, "captcha")
_PASSWORD_LENGTH: Final = Meaning(InvalidInputError, "password_6_to_72", "password")
SIGN_IN_FAILED: Final = Meaning(InvalidInputError, LOGIN_FAILED, "password")
# Name, password or captcha, in words that we do not know.
SIGN_IN_REFUSED: Final = Meaning(InvalidInputError, "sign_in_refused")
_REFUSED: Final = Meaning(InvalidInputError, "username_or_password_refused", "username")
# What the message of code -1 means, by what it contains. The first match counts.
_MESSAGES: Final[Mapping[Endpoint, Mapping[str, Meaning]]] = {
    REGISTER: {
        "graphic|captcha|图形|圖形|图片验证码": _CAPTCHA_WRONG,
        "username and password|用户名和密码": _REFUSED,
        "more than 6|6位|password": _PASSWORD_LENGTH,
        "username has been registered|用户名已被注册": Meaning(
            TakenError, "username_taken", "username"
        ),
        "phone number has been registered|手机号已被注册": Meaning(
            TakenError, "phone_taken", "phone"
        ),
        "email has been registered|邮箱已被注册": Meaning(TakenError, "email_taken", "email"),
        "at least one|至少填写一个": Meaning(InvalidInputError, "email_or_phone_needed", "email"),
        "incorrect mobile phone|手机号不正确": Meaning(InvalidInputError, "phone_refused", "phone"),
        "incorrect email|邮箱不正确": Meaning(InvalidInputError, "invalid_email", "email"),
        "verification code|验证码": Meaning(InvalidInputError, "code_wrong", "code"),
    },
    LOGIN: {
        "graphic|captcha|图形|圖形|验证码": _CAPTCHA_WRONG,
        "gráfico|графическ|グラフィック|گرافیکی|গ্রাফিক্স|kode grafis": _CAPTCHA_WRONG,
        "login failed|登录失败|wrong password|密码错误|登入失敗": SIGN_IN_FAILED,
        "falha no login|ошибка входа|ログインに失敗": SIGN_IN_FAILED,
        "ورود ناموفق|লগইন ব্যর্থ|gagal masuk": SIGN_IN_FAILED,
        "6 characters|6位|password": _PASSWORD_LENGTH,
        "enter your account|账号|帐号|帳號": Meaning(InvalidInputError, REQUIRED, "login"),
    },
}
_SESSION_ENDED: Final = Meaning(AccessDeniedError, "session_ended")
_NO_ACCESS: Final = Meaning(NotAllowedError, "site_refuses_access")
_REGISTRATION_CLOSED: Final = Meaning(NotAllowedError, "registration_closed")
_CODES: Final[Mapping[Endpoint, Mapping[int, Meaning]]] = {
    REGISTER: {1001: _REGISTRATION_CLOSED, 1002: _REGISTRATION_CLOSED},
    LOGIN: {1001: _NO_ACCESS, 1002: _NO_ACCESS},
    # -1: the user has been deleted.
    DETAIL: {FAILED: _SESSION_ENDED, 1001: _SESSION_ENDED, 1002: _NO_ACCESS},
}


def read_reply(endpoint: Endpoint, answer: Answer) -> Reply:
    """Return the site's reply, or raise the error that it stands for."""
    body = answer.json_object()
    if (code := as_int(body.get("code"))) is None:
        raise UnexpectedAnswerError
    if code in _SUCCESS:
        return Reply(code, body.get("data"))
    words = as_message(body.get("msg"), body.get("message"))
    # A mask could hide what tells the meaning, as in a password that has "password" in it.
    raise _meaning(endpoint, code, words).to_error(code, answer.printable(words))


def _meaning(endpoint: Endpoint, code: int, words: str) -> Meaning:
    if (meaning := _CODES.get(endpoint, {}).get(code)) is not None:
        return meaning
    if code != FAILED:
        return UNKNOWN_CODE
    for pattern, meaning in _MESSAGES.get(endpoint, {}).items():
        if re.search(pattern, words, re.IGNORECASE):
            return meaning
    return Meaning(RejectedError)


class User(NamedTuple):
    """A user of a site.

    Attributes:
        id: the user's number.
        name: the user name.
        email: the e-mail address.
        phone: the phone number.
        verified: the e-mail address has been confirmed.
        in_review: the site's owner has yet to approve the user.
        token: the session's token, None if the site sent none.

    """

    id: str
    name: str | None
    email: str | None
    phone: str | None
    verified: bool
    in_review: bool
    token: str | None

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "token")


def captcha_shown(reply: Reply) -> bool:
    """Read whether the site shows a captcha; before 3.1.6 there just is a picture or not."""
    body = as_object(reply.data)
    if body is None or not {"captcha_off", "captcha_id", "captcha"} & body.keys():
        raise UnexpectedAnswerError
    off = as_flag(body.get("captcha_off"))
    return bool(_picture(body)) if off is None else not off


def picture(reply: Reply) -> Captcha:
    """Read a captcha image, sent as a data URI."""
    body = as_object(reply.data) or {}
    challenge = as_text(body.get("captcha_id"))
    try:
        image = b64decode(_picture(body).rpartition(",")[2], validate=True)
    except binascii.Error, ValueError:
        image = b""
    media_type = image_type(image)
    if challenge is None or media_type is None:
        raise UnexpectedAnswerError("no_picture")
    return Captcha(image=image, media_type=media_type, challenge=challenge)


def _picture(body: Mapping[str, object]) -> str:
    """Return a captcha image as it was sent, empty without one."""
    sent = body.get("captcha")
    return sent.strip() if isinstance(sent, str) else ""


def user(reply: Reply) -> User:
    """Read a user. A success with the number 0 means that the site could not save one."""
    body = as_object(reply.data) or {}
    number = as_int(body.get("id"))
    if number is None:
        raise UnexpectedAnswerError
    if number <= 0:
        raise RejectedError("not_created")
    token = as_text(body.get("token"))
    return User(
        id=str(number),
        name=as_text(body.get("user_name")),
        email=as_text(body.get("email")),
        phone=as_text(body.get("phone")),
        verified=as_flag(body.get("email_verified")) or False,
        in_review=as_int(body.get("status")) == _IN_REVIEW,
        token=token if token is not None and is_header_value(token) else None,
    )


def token_end(token: str) -> int | None:
    """Return the Unix time at which a token ends, None if it does not tell."""
    payload = f"{token}..".split(".")[1]
    try:
        claims = as_object(urlsafe_b64decode(f"{payload}===").decode())
    except ValueError:
        return None
    return as_int((claims or {}).get("t"))


def exists(reply: Reply, email: str | None = None) -> bool:
    """Read who has an e-mail address; it is proved to exist only if the site names a user.

    With `email`, a user with another address is nobody.
    """
    body = as_object(reply.data) or {}
    found = as_text(body.get("email"))
    if (as_int(body.get("id")) or 0) <= 0 and found is None:
        raise UnexpectedAnswerError
    return None in {email, found} or str(email).casefold() == str(found).casefold()


def site_name(answer: Answer) -> str | None:
    """Read what a site calls itself, None if it does not tell."""
    body = as_object(read_reply(SYSTEM, answer).data) or {}
    return answer.printable(as_message(body.get("SiteName"))) or None
