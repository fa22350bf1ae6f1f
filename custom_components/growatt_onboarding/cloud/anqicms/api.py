"""AnQiCMS's interface for users: its calls, and what its codes and messages mean.

Source: AnQiCMS's document "api/register" and its published source (version 3.5: apiUser, user,
base64Captcha). Nearly every refusal has the code -1 and is told by its message, in the language
of the site; those of the English and Chinese originals are known here, others are shown as
they are.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from ..answer import Answer, Reply, as_int, as_text, printable
from ..errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    NotAllowedError,
    RejectedError,
    TakenError,
    UnexpectedAnswerError,
    UnknownCodeError,
)
from ..fields import REQUIRED
from ..provider import Endpoint

CAPTCHA: Final = Endpoint("GET", "api/captcha")
REGISTER: Final = Endpoint("POST", "api/register", irreversible=True)
LOGIN: Final = Endpoint("POST", "api/login")
DETAIL: Final = Endpoint("GET", "api/user/detail")
# Since 3.5.7; before that another page answers.
EMAIL_EXISTS: Final = Endpoint("GET", "api/verify/email")

FAILED: Final = -1
LOGIN_FAILED: Final = "login_failed"
UPDATE_TOKEN: Final = "Update-Token"  # noqa: S105 - the name of a header

# Documented as a success too, but of calls that are not for users.
_IMPORTED: Final = int(HTTPStatus.OK)
_SUCCESS: Final = frozenset({0, _IMPORTED})


class Meaning(NamedTuple):
    """What an answer means: the error, its text, the field at fault."""

    error: type[CloudError]
    key: str | None = None
    field: str | None = None


type Messages = tuple[tuple[Meaning, tuple[str, ...]], ...]

_PASSWORD_LENGTH: Final = Meaning(InvalidInputError, "password_6_to_72", "password")
_CAPTCHA_WRONG: Final = (
    Meaning(InvalidInputError, "captcha_wrong", "captcha"),
    ("graphic", "captcha", "图形", "圖形", "图片验证码"),
)
# What a message of -1 contains (in lower case) says what it means; the first that fits counts.
_MESSAGES: Final[Mapping[Endpoint, Messages]] = {
    REGISTER: (
        _CAPTCHA_WRONG,
        (
            Meaning(InvalidInputError, "username_or_password_refused", "username"),
            ("username and password", "用户名和密码"),
        ),
        (_PASSWORD_LENGTH, ("more than 6", "6位", "password")),
        (
            Meaning(TakenError, "username_taken", "username"),
            ("username has been registered", "用户名已被注册"),
        ),
        (
            Meaning(TakenError, "phone_taken", "phone"),
            ("phone number has been registered", "手机号已被注册"),
        ),
        (
            Meaning(TakenError, "email_taken", "email"),
            ("email has been registered", "邮箱已被注册"),
        ),
        (
            Meaning(InvalidInputError, "email_or_phone_needed", "email"),
            ("at least one", "至少填写一个"),
        ),
        (
            Meaning(InvalidInputError, "phone_refused", "phone"),
            ("incorrect mobile phone", "手机号不正确"),
        ),
        (
            Meaning(InvalidInputError, "invalid_email", "email"),
            ("incorrect email", "邮箱不正确"),
        ),
        (
            Meaning(InvalidInputError, "code_wrong", "code"),
            ("verification code", "验证码"),
        ),
    ),
    LOGIN: (
        (_CAPTCHA_WRONG[0], (*_CAPTCHA_WRONG[1], "验证码")),
        (
            Meaning(InvalidInputError, LOGIN_FAILED, "password"),
            ("login failed", "登录失败", "wrong password", "密码错误"),
        ),
        (_PASSWORD_LENGTH, ("6 characters", "6位", "password")),
        (
            Meaning(InvalidInputError, REQUIRED, "login"),
            ("enter your account", "账号", "帐号"),
        ),
    ),
}
_SESSION_ENDED: Final = Meaning(AccessDeniedError, "session_ended")
_NO_ACCESS: Final = Meaning(NotAllowedError, "site_refuses_access")
_REGISTRATION_CLOSED: Final = Meaning(NotAllowedError, "registration_closed")
_CODES: Final[Mapping[Endpoint, Mapping[int, Meaning]]] = {
    REGISTER: {1001: _REGISTRATION_CLOSED, 1002: _REGISTRATION_CLOSED},
    LOGIN: {1001: _NO_ACCESS, 1002: _NO_ACCESS},
    # -1 is said of a user who was deleted since.
    DETAIL: {FAILED: _SESSION_ENDED, 1001: _SESSION_ENDED, 1002: _NO_ACCESS},
}


def read_reply(endpoint: Endpoint, answer: Answer, secrets: tuple[str, ...] = ()) -> Reply:
    """Return the site's reply; raise what it or the page in its stead means.

    `secrets` are kept out of the message that an error shows.
    """
    body = answer.json_object()
    if (code := as_int(body.get("code"))) is None:
        raise UnexpectedAnswerError
    if code in _SUCCESS:
        return Reply(code, body.get("data"))
    text = as_text(body.get("msg")) or as_text(body.get("message")) or ""
    message = printable(text, without=secrets)
    meaning = _meaning(endpoint, code, message)
    raise meaning.error(
        meaning.key,
        field=meaning.field,
        placeholders={"code": str(code), "message": message},
        code=code,
    )


def _meaning(endpoint: Endpoint, code: int, message: str) -> Meaning:
    if (meaning := _CODES.get(endpoint, {}).get(code)) is not None:
        return meaning
    if code != FAILED:
        return Meaning(UnknownCodeError)
    lowered = message.lower()
    return next(
        (
            meaning
            for meaning, parts in _MESSAGES.get(endpoint, ())
            if any(part in lowered for part in parts)
        ),
        Meaning(RejectedError),
    )
