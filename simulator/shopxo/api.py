"""The actions of ShopXO's `api.php`, and how they refuse."""

from collections.abc import Callable
from dataclasses import dataclass
import re

from .state import COLUMNS, IN_REVIEW, LENGTHS, LOCKED, NORMAL, TYPES, ShopxoState, User
from .texts import LANGUAGES, Text

_FORMATS = {
    "username": (re.compile(r"[A-Za-z0-9_]{2,18}"), Text.USERNAME_FORMAT),
    "sms": (re.compile(r"1[3-9]\d{9}", re.ASCII), Text.MOBILE_FORMAT),
    "email": (
        re.compile(r"\w+([-+.]\w+)*@\w+([-.]\w+)*\.\w+([-.]\w+)*", re.ASCII),
        Text.EMAIL_FORMAT,
    ),
}
_TAKEN = {
    "username": Text.USERNAME_TAKEN,
    "sms": Text.MOBILE_TAKEN,
    "email": Text.EMAIL_TAKEN,
}
_UNKNOWN = {
    "username": Text.ACCOUNT_UNKNOWN,
    "sms": Text.MOBILE_UNKNOWN,
    "email": Text.EMAIL_UNKNOWN,
}
_PASSWORD_BYTES = range(6, 19)
_FORBIDDEN_STATES = {LOCKED: Text.LOCKED, IN_REVIEW: Text.IN_REVIEW}


class RefusedError(Exception):
    """A refusal with a code and a text, whose placeholders `values` fill."""

    def __init__(self, code: int, text: Text, *values: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.values = values


@dataclass(frozen=True)
class ShopxoRequest:
    """A request as its action sees it. A missing parameter is an empty one.

    `params` went through the request filter; `unfiltered` lacks what stood in a JSON body.
    """

    state: ShopxoState
    action: str
    unfiltered: dict[str, str]
    params: dict[str, str]
    key: str
    language: dict[Text, str]

    def text(self, name: str) -> str:
        """Return a parameter."""
        return self.params.get(name, "")

    @property
    def platform(self) -> str:
        """The platform that a token is for."""
        return self.unfiltered.get("application_client_type") or "pc"

    @property
    def is_app(self) -> bool:
        """Whether the client is an app, the only one that gets to see its token."""
        return self.unfiltered.get("application") == "app"


@dataclass(frozen=True)
class Done:
    """A successful action's answer."""

    text: Text
    data: object = ""


type Action = Callable[[ShopxoRequest], Done]


def _check_picture(request: ShopxoRequest, kind: str, *, required: bool) -> None:
    """Check the answer to a captcha, if one is required."""
    if not required:
        return
    if _empty(request.text("verify")):
        raise RefusedError(-10, Text.PICTURE_EMPTY)
    if (secret := request.state.picture(kind, request.key)) is None:
        raise RefusedError(-11, Text.CODE_EXPIRED)
    if secret.value != request.text("verify").lower():
        raise RefusedError(-12, Text.CODE_WRONG)


def _check_code(request: ShopxoRequest, purpose: str) -> None:
    """Check a code that was sent. Its parameter is read only if there is a code to compare."""
    state, account = request.state, request.text("accounts")
    if not state.code_known(purpose, account):
        raise RefusedError(-10, Text.CODE_EXPIRED)
    if "verify" not in request.params:
        raise thrown('Undefined array key "verify"')
    if not state.code_right(purpose, account, request.text("verify")):
        raise RefusedError(-11, Text.CODE_WRONG)


def thrown(message: str) -> RefusedError:
    """Return an exception of the site's own software, with the text that it happens to have."""
    return RefusedError(-500, Text.RAW, message)


def _as_stored(state: ShopxoState, column: str, value: str) -> str:
    """Return what a column keeps of a value; too long a one fails, unless the database cuts it."""
    if len(value) > LENGTHS[column] and state.strict_database:
        raise thrown(
            "SQLSTATE[22001]: String data, right truncated: 1406 Data too long for column"
            f" '{column}' at row 1"
        )
    return value[: LENGTHS[column]]


def _check_new_account(state: ShopxoState, kind: str, account: str) -> None:
    """Refuse a name that is malformed or taken."""
    pattern, text = _FORMATS[kind]
    if not pattern.fullmatch(account):
        raise RefusedError(-2, text)
    if state.find(account, COLUMNS[kind]):
        if state.version_2:
            raise RefusedError(-10, Text.EXISTS)
        raise RefusedError(-3, _TAKEN[kind], account)


def _deliver_code(state: ShopxoState, purpose: str, kind: str, account: str) -> None:
    """Send a code by e-mail or text message."""
    if kind == "username":
        raise RefusedError(-2, Text.NO_SENDING)
    if state.sending_fails:
        raise RefusedError(-100, Text.NOT_SENT, state.sending_fails)
    if not state.send_code(purpose, account, account):
        raise RefusedError(-100, Text.NOT_SENT, LANGUAGES["en"][Text.FREQUENT])


def _as_app_data(state: ShopxoState, user: User, token: str) -> dict[str, object]:
    """Return what an app receives about a user."""
    return {
        "id": str(user.id) if state.ids_as_text else user.id,
        "number_code": f"{user.id:010}",
        "system_type": "default",
        "platform": "h5",
        "status": str(user.status) if state.ids_as_text else user.status,
        "token": token,
        "username": user.username,
        "nickname": user.nickname,
        "mobile": user.mobile,
        "email": user.email,
        "gender": 0,
        "gender_text": "secret",
        "integral": 0,
        "mobile_security": user.mobile[:3] + "***" if user.mobile else "",
        "email_security": user.email[:1] + "***" if user.email else "",
        "user_name_view": user.username or user.email or user.mobile,
        "is_mandatory_bind_mobile": 0,
    }


def _common(request: ShopxoRequest) -> Done:
    state = request.state
    return Done(
        Text.SUCCESS,
        {
            "config": {
                "home_site_name": "Simulated Shop",
                "home_user_reg_type": state.register_types,
                "home_user_login_type": state.login_types,
                "home_user_register_img_verify_state": int(state.register_picture),
                "home_user_login_img_verify_state": int(state.login_picture),
                "common_img_verify_state": int(state.code_picture),
                "common_register_is_enable_audit": int(state.review),
                "home_is_enable_userregister_agreement": 1,
                "agreement_userregister_url": state.agreements[0],
                "agreement_userprivacy_url": state.agreements[1],
                "common_verify_expire_time": state.code_lifetime,
                "common_verify_interval_time": state.resend_pause,
                "common_user_is_mandatory_bind_mobile": 0,
            }
        },
    )


def _register(request: ShopxoRequest) -> Done:
    state, kind, account = request.state, request.text("type"), request.text("accounts")
    _check_account(account)
    if _empty(request.text("pwd")):
        raise RefusedError(-1, Text.PASSWORD_EMPTY)
    if kind not in TYPES:
        raise RefusedError(-1, Text.REGISTER_TYPE)
    if "verify" in request.params and _empty(request.text("verify")):
        raise RefusedError(-1, Text.VERIFY_EMPTY)
    if kind not in state.register_types:
        raise RefusedError(-1, Text.REGISTER_CLOSED)
    _check_new_account(state, kind, account)
    if kind == "username":
        _check_picture(request, "user_reg", required=state.register_picture)
    else:
        _check_code(request, "user_reg")
    if account in state.forbidden_names:
        raise RefusedError(-1, Text.FORBIDDEN, account)
    if state.adding_fails:
        raise RefusedError(-100, Text.ADD_FAILED)
    name = _as_stored(state, "email", account) if kind == "email" else account
    user = state.add_user(
        nickname=_as_stored(state, "nickname", request.text("nickname")),
        status=IN_REVIEW if state.review else NORMAL,
        **{COLUMNS[kind]: name},
    )
    # Of any length; only signing in requires 6 to 18 bytes.
    user.set_password(request.text("pwd"))
    # The captcha stays valid; the code does not.
    state.spend_code("user_reg", account)
    if state.review:
        raise RefusedError(-110, Text.AWAITS_APPROVAL)
    return _signed_in(request, user, Text.REGISTERED)


def _send_register_code(request: ShopxoRequest) -> Done:
    state, kind, account = request.state, request.text("type"), request.text("accounts")
    _check_account(account)
    if kind not in TYPES:
        raise RefusedError(-1, Text.REGISTER_TYPE)
    if kind not in state.register_types:
        raise RefusedError(-1, Text.REGISTER_CLOSED)
    _check_picture(request, "user_reg", required=state.code_picture)
    _check_new_account(state, kind, account)
    _deliver_code(state, "user_reg", kind, account)
    state.spend_picture("user_reg", request.key)
    return Done(Text.SENT)


def _find_to_sign_in(request: ShopxoRequest) -> User:
    state, kind, account = request.state, request.text("type"), request.text("accounts")
    if kind not in TYPES:
        raise RefusedError(-1, Text.LOGIN_TYPE)
    _check_account(account)
    if kind not in state.login_types:
        raise RefusedError(-1, Text.LOGIN_CLOSED)
    pattern, text = _FORMATS[kind]
    if kind != "username" and not pattern.fullmatch(account):
        raise RefusedError(-2, text)
    column = "username|mobile|email" if kind == "username" else COLUMNS[kind]
    if (user := state.find(account, column)) is None:
        raise RefusedError(-3, _UNKNOWN[kind])
    return user


def _login(request: ShopxoRequest) -> Done:
    state = request.state
    user = _find_to_sign_in(request)
    by_password = request.text("type") == "username"
    if by_password:
        if len(request.text("pwd").encode()) not in _PASSWORD_BYTES:
            raise RefusedError(-1, Text.PASSWORD_LENGTH)
        _check_picture(request, "user_login", required=state.login_picture)
        if not user.password_digest:
            raise RefusedError(-4, Text.PASSWORD_UNSET)
        if not user.has_password(request.text("pwd")):
            raise RefusedError(-4, Text.PASSWORD_WRONG)
    else:
        _check_code(request, "user_login")
    if (forbidden := _FORBIDDEN_STATES.get(user.status)) is not None:
        raise RefusedError(-10, forbidden)
    if by_password:
        state.spend_picture("user_login", request.key)
    return _signed_in(request, user, Text.SIGNED_IN)


def _send_login_code(request: ShopxoRequest) -> Done:
    state, kind, account = request.state, request.text("type"), request.text("accounts")
    _check_picture(request, "user_login", required=state.code_picture)
    _find_to_sign_in(request)
    _deliver_code(state, "user_login", kind, account)
    state.spend_picture("user_login", request.key)
    return Done(Text.SENT)


def _token_user(request: ShopxoRequest) -> Done:
    token = request.text("token")
    if not token:
        raise RefusedError(-1, Text.TOKEN_EMPTY)
    if (user := request.state.user_of(token)) is None:
        raise RefusedError(-1, Text.USER_MISSING)
    return Done(Text.SUCCESS, _as_app_data(request.state, user, token))


def _cancel(request: ShopxoRequest) -> Done:
    """Delete the account: despite its name, `logout` ends more than a session."""
    if (user := request.state.user_of(request.text("token"))) is None:
        raise RefusedError(-400, Text.SIGN_IN_FIRST)
    del request.state.users[user.id]
    return Done(Text.CANCELLED)


ACTIONS: dict[str, Action] = {
    "base/common": _common,
    "user/reg": _register,
    "user/regverifysend": _send_register_code,
    "user/login": _login,
    "user/loginverifysend": _send_login_code,
    "user/tokenuserinfo": _token_user,
    "safety/logout": _cancel,
}


def _signed_in(request: ShopxoRequest, user: User, text: Text) -> Done:
    """Sign a user in; only an app gets to see the token."""
    if not request.is_app:
        return Done(text, {"body_html": "", "user_id": user.id})
    return Done(
        text, _as_app_data(request.state, user, request.state.sign_in(user, request.platform))
    )


def _check_account(account: str) -> None:
    if _empty(account):
        raise RefusedError(-1, Text.ACCOUNT_EMPTY)


def _empty(value: str) -> bool:
    """Return whether PHP considers a text empty."""
    return value in {"", "0"}
