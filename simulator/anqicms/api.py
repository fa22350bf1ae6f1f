"""The endpoints of AnQiCMS, and how they refuse."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.cloud import Answer, Request, page

from .state import DAY, EMAIL, HOUR, PHONE, AnqicmsState, Site, User
from .texts import Text

FAILED = -1
NEEDS_LOGIN = 1001
_LEAST_PASSWORD_BYTES = 6

# The first versions with a feature.
CAPTCHA_OFF = (3, 3, 0)
SIGNUP_VERIFY = (3, 5, 2)
EMAIL_EXISTS = (3, 5, 7)
UNVERIFIED_NAME = (3, 5, 8)


class RefusedError(Exception):
    """A refusal with one of the site's texts, or with any other."""

    def __init__(self, text: Text | str, code: int = FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


@dataclass(frozen=True)
class AnqicmsRequest:
    """A request as its handler sees it. `headers` are added to the answer's."""

    state: AnqicmsState
    site: Site
    http: Request
    body: dict[str, object]
    headers: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a string of the JSON body, stripped."""
        value = self.body.get(name, "")
        if not isinstance(value, str):
            raise RefusedError(f"json: cannot unmarshal {type(value).__name__} into field {name}")
        return value.strip()


type Handler = Callable[[AnqicmsRequest], Answer]


def refusal(state: AnqicmsState, text: Text | str, code: int = FAILED) -> Answer:
    """Return a refusal, which has no data."""
    return Answer({"code": code, "msg": state.translated(text)}, code_key="code")


def _success(state: AnqicmsState, data: object, text: Text | str | None = "") -> Answer:
    message = None if text is None else state.translated(text)
    return Answer({"code": 0, "msg": message, "data": data}, code_key="code")


def _captcha(request: AnqicmsRequest) -> Answer:
    state = request.state
    has_flag = state.version >= CAPTCHA_OFF
    if not state.captcha and has_flag:
        return _success(state, {"captcha_off": True})
    captcha_id, picture = state.new_captcha()
    data: dict[str, object] = {"captcha_id": captcha_id, "captcha": picture}
    return _success(state, {"captcha_off": False, **data} if has_flag else data)


def _register(request: AnqicmsRequest) -> Answer:
    state, site = request.state, request.site
    if state.register_code is not None:
        raise RefusedError(Text.NEEDS_LOGIN, state.register_code)
    name, password = request.text("user_name"), request.text("password")
    email, phone = request.text("email"), request.text("phone")
    if state.judges_register_captcha and not _captcha_right(request):
        raise RefusedError(Text.GRAPHIC_CODE)
    if not name or not password:
        raise RefusedError(Text.NAME_AND_PASSWORD)
    if len(password.encode()) < _LEAST_PASSWORD_BYTES:
        raise RefusedError(Text.PASSWORD_LENGTH)
    verify = state.signup_verify and state.version >= SIGNUP_VERIFY
    unverified = _unverified(request, name, email) if verify else None
    if unverified is None:
        _check_new(request, name, email, phone)
    if verify and state.version < EMAIL_EXISTS and not EMAIL.search(email):
        raise RefusedError(Text.EMAIL_WRONG)
    # An unverified account is returned whatever the password.
    user = unverified or state.create(
        site, User(0, name, email, phone, request.text("real_name")), password
    )
    if verify:
        state.send_link(user)
        return _success(state, _user_data(user, ""), Text.VERIFY_EMAIL)
    token = state.token(site, user)
    answer = _success(state, _user_data(user, token))
    answer.headers["Set-Cookie"] = f"token={token}; Path=/"
    return answer


def _unverified(request: AnqicmsRequest, name: str, email: str) -> User | None:
    """Return the unverified account that the site returns instead of a new one."""
    user = request.site.find("email", email)
    if user is None and request.state.version >= UNVERIFIED_NAME:
        user = request.site.find("user_name", name)
    return user if user is not None and not user.email_verified else None


def _check_new(request: AnqicmsRequest, name: str, email: str, phone: str) -> None:
    site = request.site
    if site.find("user_name", name):
        raise RefusedError(Text.NAME_TAKEN)
    if phone and not PHONE.search(phone):
        raise RefusedError(Text.PHONE_WRONG)
    if site.find("phone", phone):
        raise RefusedError(Text.PHONE_TAKEN)
    if email and not EMAIL.search(email):
        raise RefusedError(Text.EMAIL_WRONG)
    if site.find("email", email):
        raise RefusedError(Text.EMAIL_TAKEN)
    if not phone and not email:
        raise RefusedError(Text.EMAIL_OR_PHONE)


def _login(request: AnqicmsRequest) -> Answer:
    state = request.state
    if state.captcha and not _captcha_right(request):
        raise RefusedError(Text.GRAPHIC_CODE)
    login, password = request.text("user_name"), request.text("password")
    if state.version >= SIGNUP_VERIFY:
        login = request.text("email") or request.text("phone") or login
    if not login:
        raise RefusedError(Text.ENTER_ACCOUNT)
    if len(password.encode()) < _LEAST_PASSWORD_BYTES:
        raise RefusedError(Text.LOGIN_PASSWORD)
    # Only the format decides, so users with certain names can never sign in.
    if EMAIL.search(login):
        user = request.site.find("email", login)
    elif PHONE.search(login):
        user = request.site.find("phone", login)
    else:
        user = request.site.find("user_name", login)
    if user is None or not user.has_password(password):
        raise RefusedError(Text.LOGIN_FAILED)
    return _success(state, _user_data(user, state.token(request.site, user)))


def _detail(request: AnqicmsRequest) -> Answer:
    state = request.state
    found = state.token_user(request.site, request.http.headers.get("token", ""))
    if found is None:
        raise RefusedError(Text.NEEDS_LOGIN, NEEDS_LOGIN)
    user, left = found
    if left < HOUR:
        request.headers["Update-Token"] = state.token(request.site, user, DAY)
    return _success(state, _user_data(user, ""), None)


def _verify_email(request: AnqicmsRequest) -> Answer:
    """Return whether an e-mail address is known, or follow the link in an e-mail."""
    state, query = request.state, request.http.query
    purpose, email = query.get("state", ""), query.get("email", "")
    if purpose == "exist" and state.version >= EMAIL_EXISTS and EMAIL.search(email):
        if (user := request.site.find("email", email)) is None:
            raise RefusedError(Text.NO_USER)
        return _success(state, {"id": user.id, "email": user.email})
    user = request.site.find("email", email)
    if not query.get("token") or user is None:
        return _message(request, Text.PARAMETER)
    if query["token"] != user.link_token:
        return _message(request, Text.TOKEN)
    user.email_verified = True
    return _message(request, Text.VERIFIED, code=0)


def _message(request: AnqicmsRequest, text: Text, code: int = FAILED) -> Answer:
    """Return a message as a page, or as JSON if the request asks for it."""
    if request.http.query.get("return") == "json":
        return refusal(request.state, text, code)
    return page("AnQiCMS", request.state.translated(text), 200)


HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/api/captcha"): _captcha,
    ("POST", "/api/register"): _register,
    ("POST", "/api/login"): _login,
    ("GET", "/api/user/detail"): _detail,
    ("GET", "/api/verify/email"): _verify_email,
}
SINCE: dict[Handler, tuple[int, int, int]] = {_verify_email: SIGNUP_VERIFY}


def _user_data(user: User, token: str) -> dict[str, object]:
    """Return a user as the site sends it."""
    return {
        **user.as_json(),
        "created_time": 1700000000,
        "updated_time": 1700000000,
        "parent_id": 0,
        "avatar_url": "",
        "group_id": 2,
        "status": 1,
        "is_retailer": 0,
        "balance": 0,
        "total_reward": 0,
        "invite_code": "",
        "last_login": 0,
        "expire_time": 0,
        "extra": None,
        "token": token,
        "group": None,
        "full_avatar_url": "",
        "link": "",
    }


def _captcha_right(request: AnqicmsRequest) -> bool:
    return request.state.captcha_right(request.text("captcha_id"), request.text("captcha"))
