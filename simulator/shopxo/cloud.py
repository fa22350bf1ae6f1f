"""ShopXO's `api.php` as clients meet it."""

from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import SimpleCookie
import json
import re
from typing import Any, ClassVar

from simulator.cloud import Answer, Cloud, Request, page

from .state import COLUMNS, IN_REVIEW, LOCKED, NORMAL, TYPES, ShopxoState, User
from .texts import CHINESE, LANGUAGES, Text

_SCRIPT = re.compile(r"/(?:public/)?api\.php(?:/(?P<action>[\w/]+?)(?:\.html)?)?")
_FORMATS = {
    "username": (re.compile(r"[A-Za-z0-9_]{2,18}"), Text.USERNAME_FORMAT),
    "sms": (re.compile(r"1[3-9]\d{9}"), Text.MOBILE_FORMAT),
    "email": (
        re.compile(r"\w+([-+.]\w+)*@\w+([-.]\w+)*\.\w+([-.]\w+)*"),
        Text.EMAIL_FORMAT,
    ),
}
_TAKEN = {
    "username": Text.USERNAME_TAKEN,
    "sms": Text.MOBILE_TAKEN,
    "email": Text.EMAIL_TAKEN,
}
_PASSWORD_BYTES = range(6, 19)
_FORBIDDEN_STATES = {LOCKED: Text.LOCKED, IN_REVIEW: Text.IN_REVIEW}


class RefusedError(Exception):
    """An action says no, with a code and the text beside it."""

    def __init__(self, code: int, text: Text, *values: str) -> None:
        """Refuse; `values` fill the text."""
        super().__init__(text)
        self.code = code
        self.text = text
        self.values = values


@dataclass(frozen=True)
class Call:
    """A request whose parameters went through the filter. One left out is empty."""

    cloud: ShopxoCloud
    action: str
    public: dict[str, str]
    params: dict[str, str]
    key: str
    language: dict[Text, str]

    def text(self, name: str) -> str:
        """Return a parameter."""
        return self.params.get(name, "")

    @property
    def platform(self) -> str:
        """What the token is for."""
        return self.public.get("application_client_type") or "pc"

    @property
    def is_app(self) -> bool:
        """Whether the caller is told the token."""
        return self.public.get("application") == "app"


@dataclass(frozen=True)
class Done:
    """What an action answers."""

    text: Text
    data: object = ""
    code: int = 0


type Action = Callable[[Call], Done]


class ShopxoCloud(ShopxoState, Cloud):
    """The site."""

    name: ClassVar[str] = "shopxo"
    secrets: ClassVar[frozenset[str]] = frozenset({"pwd", "verify", "token"})
    never_in_url: ClassVar[frozenset[str]] = secrets

    def owns(self, path: str) -> bool:
        """Say whether a path is the script, wherever the site keeps it."""
        return _SCRIPT.fullmatch(path) is not None

    def token_of(self, request: Request) -> str | None:
        """Return the parameter `token`."""
        return request.params.get("token")

    def answer(self, request: Request) -> Answer:
        """Answer one call; everything is said with HTTP 200."""
        call = self._call(request)
        answer = self._answered(call)
        answer.headers["Set-Cookie"] = f"uuid={call.key}; Path=/"
        return answer

    def error(self, path: str, code: int, message: str) -> Answer:
        """Return a refusal."""
        return self._json(code, message, self.no_data)

    def state(self) -> dict[str, Any]:
        """Return users and settings without secrets."""
        return {
            "users": [user.as_json() for user in self.users.values()],
            "register_types": self.register_types,
            "login_types": self.login_types,
            "register_picture": self.register_picture,
            "login_picture": self.login_picture,
            "code_picture": self.code_picture,
            "review": self.review,
            "closed_reason": self.closed_reason,
        }

    def load(self, kind: str, item: dict[str, Any]) -> int | str | None:
        """Add a user, or let one in: `{"approve": name}`; returns the id."""
        if kind != "users":
            raise KeyError(kind)
        if "approve" in item:
            return self.approve(item["approve"]).id
        return self.add_user(**item).id

    def _call(self, request: Request) -> Call:
        """Take a request apart: parameters may come as query, as form and as JSON."""
        match = _SCRIPT.fullmatch(request.path)
        in_path = match["action"] if match is not None else None
        action = (in_path or request.params.get("s", "")).strip("/").lower()
        params = {**request.params, **_json_params(request)}
        # A token that is good takes the place of the client's own id.
        key = params.get("uuid") or _cookie(request, "uuid")
        if (user := self.user_of(params.get("token", "?"))) is not None:
            key = str(user.id)
        if not key:
            key = f"{self.world.random.getrandbits(128):032x}"
        return Call(
            self,
            action.removesuffix(".html"),
            # PHP's $_REQUEST knows nothing of a JSON body.
            request.params,
            {name: self.filtered(value) for name, value in params.items()},
            key,
            LANGUAGES.get(params.get("lang", ""), CHINESE),
        )

    def _answered(self, call: Call) -> Answer:
        if self.closed_reason:
            closed = self._json(-10000, self.closed_reason, self.no_data)
            closed.content_type = "text/html"
            return closed
        if call.action == "user/userverifyentry":
            # The picture is said to be a page.
            return Answer(self.new_picture(call.text("type"), call.key), content_type="text/html")
        if call.action in self.throwing and call.public.get("ajax") != "ajax":
            return page("500", "system exception", 200)
        try:
            done = self._carried_out(call)
        except RefusedError as err:
            text = call.language[err.text].format(*err.values)
            return self._json(err.code, text, self.no_data)
        return self._json(done.code, call.language[done.text], done.data)

    def _carried_out(self, call: Call) -> Done:
        if call.action in self.throwing:
            raise RefusedError(-500, Text.EXCEPTION)
        if (action := _ACTIONS.get(call.action)) is None:
            raise RefusedError(-1000, Text.NO_ACTION, call.action)
        return action(call)

    def _json(self, code: int, message: str, data: object) -> Answer:
        return Answer({"msg": message, "code": code, "data": data}, code_key="code")

    # What the actions share

    def check_picture(self, call: Call, kind: str, *, wanted: bool) -> None:
        """Judge the answer to a picture, where one is wanted."""
        if not wanted:
            return
        if _empty(call.text("verify")):
            raise RefusedError(-10, Text.PICTURE_EMPTY)
        if (secret := self.picture(kind, call.key)) is None:
            raise RefusedError(-11, Text.CODE_EXPIRED)
        if secret.value != call.text("verify").lower():
            raise RefusedError(-12, Text.CODE_WRONG)

    def check_code(self, purpose: str, account: str, typed: str) -> None:
        """Judge a code."""
        if not self.code_known(purpose, account):
            raise RefusedError(-10, Text.CODE_EXPIRED)
        if not self.code_right(purpose, account, typed):
            raise RefusedError(-11, Text.CODE_WRONG)

    def check_new_account(self, kind: str, account: str) -> None:
        """Refuse what cannot name a new user."""
        pattern, text = _FORMATS[kind]
        if not pattern.fullmatch(account):
            raise RefusedError(-2, text)
        if self.find(account, COLUMNS[kind]):
            raise RefusedError(-3, _TAKEN[kind], account)

    def deliver_code(self, purpose: str, kind: str, account: str) -> None:
        """Send a code by mail or text message."""
        if kind == "username":
            raise RefusedError(-2, Text.NO_SENDING)
        if self.sending_fails:
            raise RefusedError(-100, Text.NOT_SENT, self.sending_fails)
        if not self.send_code(purpose, account, account):
            raise RefusedError(-100, Text.NOT_SENT, LANGUAGES["en"][Text.FREQUENT])

    def told(self, user: User, token: str) -> dict[str, object]:
        """Return a user as an app is told."""
        number: int | str = str(user.id) if self.ids_as_text else user.id
        return {
            "id": number,
            "number_code": f"{user.id:010}",
            "system_type": "default",
            "platform": "h5",
            "status": str(user.status) if self.ids_as_text else user.status,
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


# The actions


def _common(call: Call) -> Done:
    cloud = call.cloud
    return Done(
        Text.SUCCESS,
        {
            "config": {
                "home_site_name": "Simulated Shop",
                "home_user_reg_type": cloud.register_types,
                "home_user_login_type": cloud.login_types,
                "home_user_register_img_verify_state": int(cloud.register_picture),
                "home_user_login_img_verify_state": int(cloud.login_picture),
                "common_img_verify_state": int(cloud.code_picture),
                "common_register_is_enable_audit": int(cloud.review),
                "home_is_enable_userregister_agreement": 1,
                "agreement_userregister_url": "http://shop.example/agreement/register.html",
                "agreement_userprivacy_url": "http://shop.example/agreement/privacy.html",
                "common_verify_expire_time": cloud.code_lifetime,
                "common_verify_interval_time": cloud.resend_pause,
                "common_user_is_mandatory_bind_mobile": 0,
            }
        },
    )


def _register(call: Call) -> Done:
    cloud, kind, account = call.cloud, call.text("type"), call.text("accounts")
    _check_account(account)
    if _empty(call.text("pwd")):
        raise RefusedError(-1, Text.PASSWORD_EMPTY)
    if kind not in TYPES:
        raise RefusedError(-1, Text.REGISTER_TYPE)
    if "verify" in call.params and _empty(call.text("verify")):
        raise RefusedError(-1, Text.VERIFY_EMPTY)
    if kind not in cloud.register_types:
        raise RefusedError(-1, Text.REGISTER_CLOSED)
    cloud.check_new_account(kind, account)
    if kind == "username":
        cloud.check_picture(call, "user_reg", wanted=cloud.register_picture)
    else:
        cloud.check_code("user_reg", account, call.text("verify"))
    if account in cloud.forbidden_names:
        raise RefusedError(-1, Text.FORBIDDEN, account)
    if cloud.adding_fails:
        raise RefusedError(-100, Text.ADD_FAILED)
    user = cloud.add_user(
        nickname=call.text("nickname"),
        status=IN_REVIEW if cloud.review else NORMAL,
        **{COLUMNS[kind]: account},
    )
    # Of any length: only signing in asks for 6 to 18.
    user.set_password(call.text("pwd"))
    # The picture stays good; the code does not.
    cloud.spend_code("user_reg", account)
    if cloud.review:
        raise RefusedError(-110, Text.AWAITS_APPROVAL)
    return _signed_in(call, user, Text.REGISTERED)


def _send_register_code(call: Call) -> Done:
    cloud, kind, account = call.cloud, call.text("type"), call.text("accounts")
    _check_account(account)
    if kind not in TYPES:
        raise RefusedError(-1, Text.REGISTER_TYPE)
    if kind not in cloud.register_types:
        raise RefusedError(-1, Text.REGISTER_CLOSED)
    cloud.check_picture(call, "user_reg", wanted=cloud.code_picture)
    cloud.check_new_account(kind, account)
    cloud.deliver_code("user_reg", kind, account)
    cloud.spend_picture("user_reg", call.key)
    return Done(Text.SENT)


def _find_to_sign_in(call: Call) -> User:
    cloud, kind, account = call.cloud, call.text("type"), call.text("accounts")
    if kind not in TYPES:
        raise RefusedError(-1, Text.LOGIN_TYPE)
    _check_account(account)
    if kind not in cloud.login_types:
        raise RefusedError(-1, Text.LOGIN_CLOSED)
    pattern, text = _FORMATS[kind]
    if kind != "username" and not pattern.fullmatch(account):
        raise RefusedError(-2, text)
    column = "username|mobile|email" if kind == "username" else COLUMNS[kind]
    if (user := cloud.find(account, column)) is None:
        raise RefusedError(-3, Text.ACCOUNT_UNKNOWN)
    return user


def _login(call: Call) -> Done:
    cloud, account = call.cloud, call.text("accounts")
    user = _find_to_sign_in(call)
    by_password = call.text("type") == "username"
    if by_password:
        if len(call.text("pwd").encode()) not in _PASSWORD_BYTES:
            raise RefusedError(-1, Text.PASSWORD_LENGTH)
        cloud.check_picture(call, "user_login", wanted=cloud.login_picture)
        if not user.has_password(call.text("pwd")):
            raise RefusedError(-4, Text.PASSWORD_WRONG)
    else:
        cloud.check_code("user_login", account, call.text("verify"))
    if (forbidden := _FORBIDDEN_STATES.get(user.status)) is not None:
        raise RefusedError(-10, forbidden)
    if by_password:
        cloud.spend_picture("user_login", call.key)
    return _signed_in(call, user, Text.SIGNED_IN)


def _send_login_code(call: Call) -> Done:
    cloud, kind, account = call.cloud, call.text("type"), call.text("accounts")
    cloud.check_picture(call, "user_login", wanted=cloud.code_picture)
    _find_to_sign_in(call)
    cloud.deliver_code("user_login", kind, account)
    cloud.spend_picture("user_login", call.key)
    return Done(Text.SENT)


def _token_user(call: Call) -> Done:
    token = call.text("token")
    if not token:
        raise RefusedError(-1, Text.TOKEN_EMPTY)
    if (user := call.cloud.user_of(token)) is None:
        raise RefusedError(-1, Text.USER_MISSING)
    return Done(Text.SUCCESS, call.cloud.told(user, token))


def _cancel(call: Call) -> Done:
    """Delete the account: what this is called notwithstanding, it ends more than a session."""
    if (user := call.cloud.user_of(call.text("token"))) is None:
        raise RefusedError(-400, Text.SIGN_IN_FIRST)
    del call.cloud.users[user.id]
    return Done(Text.CANCELLED)


_ACTIONS: dict[str, Action] = {
    "base/common": _common,
    "user/reg": _register,
    "user/regverifysend": _send_register_code,
    "user/login": _login,
    "user/loginverifysend": _send_login_code,
    "user/tokenuserinfo": _token_user,
    "safety/logout": _cancel,
}


def _signed_in(call: Call, user: User, text: Text) -> Done:
    """Sign a user in; only an app is told the token."""
    if not call.is_app:
        return Done(text, {"body_html": "", "user_id": user.id})
    return Done(text, call.cloud.told(user, call.cloud.sign_in(user, call.platform)))


def _check_account(account: str) -> None:
    if _empty(account):
        raise RefusedError(-1, Text.ACCOUNT_EMPTY)


def _empty(value: str) -> bool:
    """Say what PHP says of a text."""
    return value in {"", "0"}


def _json_params(request: Request) -> dict[str, str]:
    """Return the texts and numbers of a JSON body."""
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        return {}
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    return {str(name): str(value) for name, value in body.items() if isinstance(value, str | int)}


def _cookie(request: Request, name: str) -> str:
    found = SimpleCookie(request.headers.get("Cookie", "")).get(name)
    return found.value if found is not None else ""
