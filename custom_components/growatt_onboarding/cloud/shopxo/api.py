"""ShopXO's API: endpoints, result codes and answers.

Source: ShopXO's document "user/reg" and its published source (version 6.9: UserService, Verify,
Email, Sms). Every call goes to `api.php`; the action is the query parameter `s`.

Functions that read a reply raise UnexpectedAnswerError if what was asked for is missing.
"""

from collections.abc import Mapping
from copy import replace
from enum import StrEnum
import re
from typing import Final, NamedTuple

from ..answer import (
    UNKNOWN_CODE,
    Answer,
    Meaning,
    Reply,
    as_flag,
    as_int,
    as_list,
    as_message,
    as_object,
    as_text,
    image_type,
)
from ..errors import (
    CODE_TOO_SOON,
    AccessDeniedError,
    InvalidInputError,
    NotAllowedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UndecidedError,
    UnexpectedAnswerError,
)
from ..fields import REQUIRED
from ..model import Account, Captcha
from ..provider import Agreement, AgreementKind, Endpoint
from ..servers import web_page

COMMON: Final = Endpoint("GET", "api.php?s=base/common")
# The same, asked of a site that may run other software.
LOOK: Final = replace(COMMON, optional=True)
PICTURE: Final = Endpoint("GET", "api.php?s=user/userverifyentry")
SEND_CODE: Final = Endpoint("POST", "api.php?s=user/regverifysend")
REGISTER: Final = Endpoint("POST", "api.php?s=user/reg", irreversible=True)
LOGIN: Final = Endpoint("POST", "api.php?s=user/login")
TOKEN_USER: Final = Endpoint("POST", "api.php?s=user/tokenuserinfo")

# Only the application "app" gets a token when registering or signing in.
APPLICATION: Final = {
    "application": "app",
    "application_client_type": "h5",
    "ajax": "ajax",
    "lang": "en",
}


class AccountType(StrEnum):
    """What identifies an account. The values are ShopXO's."""

    USERNAME = "username"
    EMAIL = "email"
    SMS = "sms"


FREE: Final = -3  # when signing in: no such account
WRONG_PASSWORD: Final = -4
PICTURE_MISSING: Final = -10
AWAITS_REVIEW: Final = -110
NOT_ACTIVE: Final = "account_not_active"
LOCKED: Final = "account_locked"

# What sites answer to a look only after they have found the account: the password or the code is
# wrong, or the code or the picture's answer is missing or wrong.
_FOUND: Final = frozenset({WRONG_PASSWORD, PICTURE_MISSING, -11, -12})
# What says nothing of an account: nobody may sign in this way, it has another shape, or the site's
# software failed, as it does when a code is on its way.
_UNTOLD: Final = frozenset({-1, -2, -500})

# The default pause between two codes to the same address, and the longest believed.
RESEND_SECONDS: Final = 60
_LONGEST_RESEND: Final = 86_400
_AGREEMENTS = {
    AgreementKind.TERMS: "agreement_userregister_url",
    AgreementKind.PRIVACY: "agreement_userprivacy_url",
}
_REGISTER_TYPES = "home_user_reg_type"
_SITE = frozenset({_REGISTER_TYPES, "home_user_login_type", "home_site_name"})


class Hint(NamedTuple):
    """What a code means if its message matches a pattern, ignoring case."""

    code: int
    pattern: str
    meaning: Meaning


class Rules(NamedTuple):
    """What the codes of an action mean. They depend on the action and on the account type.

    Attributes:
        codes: their meanings.
        hints: meanings that depend on the message too; these take precedence.
        answers: codes that are not errors.

    """

    codes: Mapping[int, Meaning]
    hints: tuple[Hint, ...] = ()
    answers: frozenset[int] = frozenset()


_GENERIC: Final[Mapping[int, Meaning]] = {
    -1: Meaning(RejectedError),
    -100: Meaning(TryAgainError),
    -400: Meaning(AccessDeniedError, "session_ended"),
    # An exception of the site's software, with its raw text: the site can be reached.
    -500: Meaning(UndecidedError, "site_error"),
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


# We ask for English, but a site without it answers in Chinese. "类型" (type) is in the message
# for an account type that the site does not offer.
_CLOSED = "close|关闭|關閉|type|类型|類型"


def common() -> Rules:
    """Return the rules of actions that need no account."""
    return Rules(codes=_GENERIC)


def register(kind: AccountType) -> Rules:
    """Return the rules of `user/reg`.

    If its message says so, -10 means that somebody else has just taken the name.
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
            Hint(-10, "exist|已存在", _TAKEN[kind]),
            Hint(-1, "prohibit|禁止", forbidden),
            Hint(-1, "verification code|验证码|驗證碼", verify),
            Hint(-1, "password|密码|密碼", _PASSWORD_LENGTH),
            Hint(-1, _CLOSED, _REGISTRATION_CLOSED),
        ),
        answers=frozenset({AWAITS_REVIEW}),
    )


def send_code(kind: AccountType, pause: float = RESEND_SECONDS) -> Rules:
    """Return the rules of `user/regverifysend`; `pause` is the site's between two codes."""
    return Rules(
        codes={
            **_GENERIC,
            **_PICTURE,
            -2: _FORMAT[kind],
            -3: _TAKEN[kind],
            -100: Meaning(TryAgainError, "code_not_sent_because"),
        },
        hints=(
            Hint(PICTURE_MISSING, "exist|已存在", _TAKEN[kind]),
            Hint(
                -100,
                "frequent|频繁|頻繁",
                Meaning(TryAgainError, CODE_TOO_SOON, retry_after=pause),
            ),
            Hint(-1, _CLOSED, _REGISTRATION_CLOSED),
        ),
    )


def login() -> Rules:
    """Return the rules of `user/login`.

    -10 means that the account is waiting for review, unless the message says that it is locked or
    that the captcha solution is missing; -4 may mean that the account has no password at all.
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
            Hint(PICTURE_MISSING, "picture|图片|圖片", _PICTURE[PICTURE_MISSING]),
            Hint(PICTURE_MISSING, "prohibit|禁止|lock|锁|鎖", Meaning(NotAllowedError, LOCKED)),
            Hint(
                WRONG_PASSWORD,
                "set a|设置|設置|設定",
                Meaning(NotAllowedError, "account_without_password"),
            ),
            Hint(-1, "6~18|password|密码|密碼", _PASSWORD_LENGTH),
            Hint(-1, _CLOSED, _SIGN_IN_CLOSED),
        ),
    )


def look() -> Rules:
    """Return the rules of a sign-in that only checks whether the account exists."""
    return replace(login(), answers=frozenset({FREE, *_FOUND, *_UNTOLD}))


def known(reply: Reply) -> bool | None:
    """Return whether a look found an account, None if there is no telling."""
    return None if reply.code in _UNTOLD else reply.code != FREE


def token_user() -> Rules:
    """Return the rules of `user/tokenuserinfo`, where -1 means that the token is not valid."""
    return Rules(codes={**_GENERIC, -1: Meaning(AccessDeniedError, "session_ended")})


def read_reply(rules: Rules, answer: Answer) -> Reply:
    """Return the site's reply, or raise the error that it stands for."""
    body = answer.json_object()
    if (code := as_int(body.get("code"))) is None:
        raise UnexpectedAnswerError
    if code == 0 or code in rules.answers:
        return Reply(code, body.get("data"))
    words = as_message(body.get("msg"))
    message = answer.printable(words)
    for hint in rules.hints:
        # A mask could hide what the pattern looks for, as in a password that has "password" in it.
        if hint.code == code and re.search(hint.pattern, words, re.IGNORECASE):
            raise hint.meaning.to_error(code, message)
    raise rules.codes.get(code, UNKNOWN_CODE).to_error(code, message)


class Site(NamedTuple):
    """How a site is configured.

    Attributes:
        register_types: account types that can be registered.
        login_types: ways to sign in; only `USERNAME` takes a password.
        register_picture: registering with a user name takes a captcha.
        login_picture: signing in with a password takes a captcha.
        code_picture: having a code sent takes a captcha.
        resend_pause: seconds between two codes to the same address or number.
        review: new accounts have to be approved.
        agreements: pages to read before registering.

    """

    register_types: frozenset[AccountType]
    login_types: frozenset[AccountType]
    register_picture: bool
    login_picture: bool
    code_picture: bool
    resend_pause: float
    review: bool
    agreements: tuple[Agreement, ...]


def site(reply: Reply) -> Site:
    """Read `base/common`. Settings that this version lacks get the defaults of a new site."""
    body = as_object(reply.data) or {}
    config = as_object(body.get("config")) or body
    if not _SITE & config.keys():
        raise UnexpectedAnswerError
    return Site(
        register_types=_types(config, _REGISTER_TYPES),
        login_types=_types(config, "home_user_login_type"),
        register_picture=_switch(config, "home_user_register_img_verify_state", default=True),
        login_picture=_switch(config, "home_user_login_img_verify_state", default=True),
        code_picture=_switch(config, "common_img_verify_state", default=True),
        resend_pause=_seconds(config, "common_verify_interval_time", default=RESEND_SECONDS),
        review=_switch(config, "common_register_is_enable_audit", default=False),
        agreements=_agreements(config),
    )


def _switch(config: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = as_flag(config.get(name))
    return default if value is None else value


def _seconds(config: Mapping[str, object], name: str, *, default: int) -> float:
    value = as_int(config.get(name))
    return float(value if value is not None and 0 < value <= _LONGEST_RESEND else default)


def _types(config: Mapping[str, object], name: str) -> frozenset[AccountType]:
    """Return account types, sent as a list, an object, JSON or a comma-separated string."""
    value = config.get(name)
    if value is None:
        return frozenset(AccountType)
    if (found := as_object(value)) is not None:
        names: list[object] = list(found.values())
    elif (listed := as_list(value)) is not None:
        names = listed
    else:
        names = list((as_text(value) or "").split(","))
    texts = {as_text(name) for name in names}
    return frozenset(kind for kind in AccountType if kind.value in texts)


def _agreements(config: Mapping[str, object]) -> tuple[Agreement, ...]:
    if not _switch(config, "home_is_enable_userregister_agreement", default=True):
        return ()
    return tuple(
        Agreement(kind, page)
        for kind, name in _AGREEMENTS.items()
        if (page := web_page(as_text(config.get(name)) or "")) is not None
    )


def picture(challenge: str, answer: Answer) -> Captcha:
    """Read `user/userverifyentry`: an image, or an error in JSON."""
    if (media_type := image_type(answer.body)) is not None:
        return Captcha(image=answer.body, media_type=media_type, challenge=challenge)
    read_reply(common(), answer)
    raise UnexpectedAnswerError("no_picture")


def account(name: str, reply: Reply) -> Account:
    """Read the user sent after registering or signing in, which may lack everything.

    A site that takes us for a browser sends only the id; one whose session failed sends nothing.
    """
    user = as_object(reply.data) or {}
    account_id = _identifier(user.get("id")) or _identifier(user.get("user_id"))
    token = as_text(user.get("token"))
    session = {"token": token} if token is not None and account_id is not None else None
    names = (as_text(user.get(key)) for key in ("username", "email", "mobile"))
    others = tuple(dict.fromkeys(one for one in names if one and one != name))
    return Account(
        id=account_id,
        name=name,
        session=session,
        sign_in_needed=session is None,
        other_names=others,
    )


def known_user(reply: Reply) -> None:
    """Read `user/tokenuserinfo`."""
    if _identifier((as_object(reply.data) or {}).get("id")) is None:
        raise UnexpectedAnswerError


def _identifier(value: object) -> str | None:
    text = as_text(value)
    return None if text == "0" else text
