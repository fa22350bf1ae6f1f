"""ShopXO's interface: its calls, and what their result codes mean.

Source: ShopXO's document "user/reg" and its published source (version 6.9: UserService, Verify,
Email, Sms). Every call goes to `api.php`; `s` in its query names the action. The same number
means different things by action and by the kind of account, so each has rules of its own.
"""

from collections.abc import Mapping
from copy import replace
from enum import StrEnum
from typing import Final, NamedTuple

from ..answer import Answer, Reply, as_int, as_text, printable
from ..errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    NotAllowedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
    UnknownCodeError,
)
from ..fields import REQUIRED
from ..provider import Endpoint

COMMON: Final = Endpoint("GET", "api.php?s=base/common")
PICTURE: Final = Endpoint("GET", "api.php?s=user/userverifyentry")
SEND_CODE: Final = Endpoint("POST", "api.php?s=user/regverifysend")
REGISTER: Final = Endpoint("POST", "api.php?s=user/reg", irreversible=True)
LOGIN: Final = Endpoint("POST", "api.php?s=user/login")
TOKEN_USER: Final = Endpoint("POST", "api.php?s=user/tokenuserinfo")

# The only `application` whose registration and sign-in answer with a token.
APPLICATION: Final = {
    "application": "app",
    "application_client_type": "h5",
    "ajax": "ajax",
    "lang": "en",
}


class AccountType(StrEnum):
    """What names an account; the values are ShopXO's."""

    USERNAME = "username"
    EMAIL = "email"
    SMS = "sms"


FREE: Final = -3  # of a sign-in: no such account
WRONG_PASSWORD: Final = -4
PICTURE_MISSING: Final = -10
AWAITS_REVIEW: Final = -110
# A site's default pause between two codes to the same address.
RESEND_SECONDS: Final = 60.0

NOT_ACTIVE: Final = "account_not_active"


class Meaning(NamedTuple):
    """What a result code means: the error, its text, the field at fault, the time to wait."""

    error: type[CloudError]
    key: str | None = None
    field: str | None = None
    retry_after: float | None = None


class Hint(NamedTuple):
    """What a code means where the message beside it contains `part` (in lower case)."""

    code: int
    part: str
    meaning: Meaning


class Rules(NamedTuple):
    """How an action's answers are read: hints first, then codes; `answers` are no errors."""

    codes: Mapping[int, Meaning]
    hints: tuple[Hint, ...] = ()
    answers: frozenset[int] = frozenset()


_GENERIC: Final[Mapping[int, Meaning]] = {
    -1: Meaning(RejectedError),
    -100: Meaning(TryAgainError),
    -400: Meaning(AccessDeniedError, "session_ended"),
    -500: Meaning(UnexpectedAnswerError, "site_error"),
    -1000: Meaning(NotAllowedError, "site_lacks_function"),
    -10000: Meaning(NotAllowedError, "site_closed"),
}
_PICTURE: Final[Mapping[int, Meaning]] = {
    PICTURE_MISSING: Meaning(InvalidInputError, "captcha_needed", "captcha"),
    -11: Meaning(InvalidInputError, "captcha_expired", "captcha"),
    -12: Meaning(InvalidInputError, "captcha_wrong", "captcha"),
}
_CODE: Final[Mapping[int, Meaning]] = {
    -10: Meaning(InvalidInputError, "code_expired", "code"),
    -11: Meaning(InvalidInputError, "code_wrong", "code"),
}
_FORMAT: Final = {
    AccountType.USERNAME: Meaning(InvalidInputError, "username_format", "username"),
    AccountType.EMAIL: Meaning(InvalidInputError, "invalid_email", "email"),
    AccountType.SMS: Meaning(InvalidInputError, "phone_refused", "phone"),
}
_TAKEN: Final = {
    AccountType.USERNAME: Meaning(TakenError, "username_taken", "username"),
    AccountType.EMAIL: Meaning(TakenError, "email_taken", "email"),
    AccountType.SMS: Meaning(TakenError, "phone_taken", "phone"),
}
_REGISTRATION_CLOSED: Final = Meaning(NotAllowedError, "registration_closed")
_SIGN_IN_CLOSED: Final = Meaning(NotAllowedError, "sign_in_closed")
_PASSWORD_LENGTH: Final = Meaning(InvalidInputError, "password_6_to_18", "password")
_TOO_SOON: Final = Meaning(TryAgainError, "code_too_soon", retry_after=RESEND_SECONDS)


def _hints(code: int, meaning: Meaning, *parts: str) -> tuple[Hint, ...]:
    return tuple(Hint(code, part, meaning) for part in parts)


# English is asked for; a site without it answers in Chinese. "类型" is an unknown kind of account.
_CLOSED_PARTS = ("close", "关闭", "關閉", "type", "类型", "類型")


def common() -> Rules:
    """Return the rules of calls that need no account."""
    return Rules(codes=_GENERIC)


def register(kind: AccountType) -> Rules:
    """Return the rules of `user/reg`, where -110 says that the account awaits a review.

    -10 has a second meaning, told by its message: somebody else was faster with this name.
    """
    by_name = kind is AccountType.USERNAME
    verify = _PICTURE[PICTURE_MISSING] if by_name else Meaning(InvalidInputError, REQUIRED, "code")
    forbidden = Meaning(InvalidInputError, "username_forbidden", _FORMAT[kind].field)
    return Rules(
        codes={
            **_GENERIC,
            **(_PICTURE if by_name else _CODE),
            -2: _FORMAT[kind],
            -3: _TAKEN[kind],
        },
        hints=(
            *_hints(-10, _TAKEN[kind], "exist", "已存在"),
            *_hints(-1, forbidden, "prohibit", "禁止"),
            *_hints(-1, verify, "verification code", "验证码", "驗證碼"),
            *_hints(-1, _PASSWORD_LENGTH, "password", "密码", "密碼"),
            *_hints(-1, _REGISTRATION_CLOSED, *_CLOSED_PARTS),
        ),
        answers=frozenset({AWAITS_REVIEW}),
    )


def send_code(kind: AccountType) -> Rules:
    """Return the rules of `user/regverifysend`."""
    return Rules(
        codes={
            **_GENERIC,
            **_PICTURE,
            -2: _FORMAT[kind],
            -3: _TAKEN[kind],
            -100: Meaning(TryAgainError, "code_not_sent"),
        },
        hints=(
            *_hints(-100, _TOO_SOON, "frequent", "频繁", "頻繁"),
            *_hints(-1, _REGISTRATION_CLOSED, *_CLOSED_PARTS),
        ),
    )


def login() -> Rules:
    """Return the rules of `user/login`.

    -10 says that the account may not sign in, because the site reviews it or has locked it, unless
    the message says that the picture's answer is missing.
    """
    return Rules(
        codes={
            **_GENERIC,
            **_PICTURE,
            -2: Meaning(InvalidInputError, "account_unknown", "login"),
            FREE: Meaning(InvalidInputError, "account_unknown", "login"),
            WRONG_PASSWORD: Meaning(InvalidInputError, "password_wrong", "password"),
            PICTURE_MISSING: Meaning(NotAllowedError, NOT_ACTIVE),
        },
        hints=(
            *_hints(PICTURE_MISSING, _PICTURE[PICTURE_MISSING], "picture", "图片", "圖片"),
            *_hints(-1, _PASSWORD_LENGTH, "6~18", "password", "密码", "密碼"),
            *_hints(-1, _SIGN_IN_CLOSED, *_CLOSED_PARTS),
        ),
    )


def look() -> Rules:
    """Return the rules of a sign-in that only asks whether the account exists."""
    # Each of them is said of an account only once it was found.
    found = frozenset({WRONG_PASSWORD, *_PICTURE})
    return replace(login(), answers=found | {FREE})


def token_user() -> Rules:
    """Return the rules of `user/tokenuserinfo`, whose -1 says that the token is worth nothing."""
    return Rules(codes={**_GENERIC, -1: Meaning(AccessDeniedError, "session_ended")})


def read_reply(rules: Rules, answer: Answer, secrets: tuple[str, ...] = ()) -> Reply:
    """Return the site's reply; raise what it or the page in its stead means.

    `secrets` are kept out of the message that an error shows.
    """
    body = answer.json_object()
    if (code := as_int(body.get("code"))) is None:
        raise UnexpectedAnswerError
    if code == 0 or code in rules.answers:
        return Reply(code, body.get("data"))
    message = printable(as_text(body.get("msg")) or "", without=secrets)
    raise _error(rules, code, message)


def _error(rules: Rules, code: int, message: str) -> CloudError:
    """Return the error that a result code means beside this message."""
    lowered = message.lower()
    meaning = next(
        (hint.meaning for hint in rules.hints if hint.code == code and hint.part in lowered),
        rules.codes.get(code, Meaning(UnknownCodeError)),
    )
    return meaning.error(
        meaning.key,
        field=meaning.field,
        placeholders={"code": str(code), "message": message},
        retry_after=meaning.retry_after,
        code=code,
    )
