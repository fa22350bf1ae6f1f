"""The endpoints of AnQiCMS, and how they refuse."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.cloud import Answer, Request, page

from .state import DAY, EMAIL, HOUR, PHONE, AnqicmsState, Site, User
from .texts import LANGUAGES, Text

FAILED = -1
NEEDS_LOGIN = 1001
_LEAST_PASSWORD_BYTES = 6

# The first versions with a feature.
CAPTCHA_OFF = (3, 1, 6)
CLIENT_LANGUAGE = (3, 3, 9)
CAPTCHA_OWN_SETTING = (3, 5, 2)
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

    @property
    def language(self) -> str:
        """The client's language, in which some things are said: without one it is Chinese."""
        if self.state.version < CLIENT_LANGUAGE:
            return self.state.language
        wanted = self.http.headers.get("Accept-Language", "").partition(",")[0].strip()
        known = (one for one in LANGUAGES if wanted in {one, one.partition("-")[0]})
        return next(known, "en" if wanted.startswith("en") else "zh")


type Handler = Callable[[AnqicmsRequest], Answer]


def refusal(
    state: AnqicmsState, text: Text | str, code: int = FAILED, language: str | None = None
) -> Answer:
    """Return a refusal, which has no data, by default in the site's language."""
    return Answer({"code": code, "msg": state.translated(text, language)}, code_key="code")


def _success(state: AnqicmsState, data: object, text: Text | str | None = "") -> Answer:
    message = None if text is None else state.translated(text)
    return Answer({"code": 0, "msg": message, "data": data}, code_key="code")


def _captcha(request: AnqicmsRequest) -> Answer:
    state = request.state
    has_flag = state.version >= CAPTCHA_OFF
    # Old versions tell of another setting than the one that signing in obeys.
    shown = state.captcha if state.version >= CAPTCHA_OWN_SETTING else state.admin_captcha
    if has_flag and not shown:
        return _success(state, {"captcha_off": True})
    captcha_id, picture = state.new_captcha()
    data: dict[str, object] = {"captcha_id": captcha_id, "captcha": picture}
    return _success(state, {"captcha_off": False, **data} if has_flag else data)


def _register(request: AnqicmsRequest) -> Answer:
    """Create a user, or return an unconfirmed one, whatever the password."""
    state, site = request.state, request.site
    if state.register_code is not None:
        raise RefusedError(Text.NEEDS_LOGIN, state.register_code)
    if state.judges_register_captcha and not _captcha_right(request):
        raise RefusedError(Text.GRAPHIC_CODE)
    name, password = request.text("user_name"), request.text("password")
    email, phone = request.text("email"), request.text("phone")
    confirms = state.signup_verify and state.version >= SIGNUP_VERIFY
    if not name or not password:
        raise RefusedError(Text.NAME_AND_PASSWORD)
    if confirms and state.version < EMAIL_EXISTS and not EMAIL.search(email):
        raise RefusedError(Text.EMAIL_WRONG)
    if len(password.encode()) < _LEAST_PASSWORD_BYTES:
        raise RefusedError(Text.PASSWORD_LENGTH)
    user = _unconfirmed(request, name, email, phone, confirms=confirms)
    if user is None:
        # Neither is stripped.
        real_name = str(request.body.get("real_name", ""))
        user = state.create(site, User(0, name, email, phone, real_name), password)
    if confirms:
        state.send_link(user)
        answer = _success(state, _user_data(user, ""))
        answer.payload["msg"] = state.translated(Text.VERIFY_EMAIL, request.language)
        return answer
    token = state.token(site, user)
    answer = _success(state, _user_data(user, token))
    answer.headers["Set-Cookie"] = f"token={token}; Path=/"
    return answer


def _unconfirmed(
    request: AnqicmsRequest, name: str, email: str, phone: str, *, confirms: bool
) -> User | None:
    """Return the unconfirmed user that the site returns instead of a new one, in its own order.

    Raises RefusedError if something is wrong or taken.
    """
    site = request.site
    if (user := site.find("user_name", name)) is not None:
        if confirms and request.state.version >= UNVERIFIED_NAME and not user.email_verified:
            return user
        raise RefusedError(Text.NAME_TAKEN)
    if phone and not PHONE.search(phone):
        raise RefusedError(Text.PHONE_WRONG)
    if site.find("phone", phone):
        raise RefusedError(Text.PHONE_TAKEN)
    if email and not EMAIL.search(email):
        raise RefusedError(Text.EMAIL_WRONG)
    if (user := site.find("email", email)) is not None:
        if confirms and not user.email_verified:
            return user
        raise RefusedError(Text.EMAIL_TAKEN)
    if not phone and not email:
        raise RefusedError(Text.EMAIL_OR_PHONE)
    return None


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
    if state.signup_verify and state.version >= SIGNUP_VERIFY and not user.email_verified:
        # Each time, and before the answer.
        state.send_link(user)
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


def _send_email(request: AnqicmsRequest) -> Answer:
    """Send the link again; nobody is told if the site sends none."""
    state, email = request.state, request.text("email")
    if not EMAIL.search(email):
        raise RefusedError(Text.PARAMETER)
    if (user := request.site.find("email", email)) is None:
        raise RefusedError(Text.NO_USER)
    if state.signup_verify:
        state.send_link(user)
    answer = _success(state, None)
    answer.payload["msg"] = state.translated(Text.VERIFY_EMAIL)
    return answer


def _system(request: AnqicmsRequest) -> Answer:
    """Return how the site is called, if its owner has opened what is not about users."""
    if not request.state.api_open:
        return refusal(request.state, Text.API_CLOSED, language=request.language)
    return _success(request.state, {"SiteName": request.site.name, "SiteLogo": ""})


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
    ("POST", "/api/verify/email"): _send_email,
    ("GET", "/api/setting/system"): _system,
}
SINCE: dict[Handler, tuple[int, int, int]] = {
    _verify_email: SIGNUP_VERIFY,
    _send_email: SIGNUP_VERIFY,
}
# What is said in the client's language; everything else is said in the site's.
IN_CLIENTS_LANGUAGE = frozenset({_register, _detail})


def _user_data(user: User, token: str) -> dict[str, object]:
    """Return a user as the site sends it."""
    return {
        **user.as_json(),
        "created_time": user.created_time,
        "updated_time": user.created_time,
        "parent_id": 0,
        "url_token": f"u{user.id}",
        "first_name": "",
        "last_name": "",
        "birthday": 0,
        "avatar_url": "",
        "introduce": "",
        "group_id": 1,
        "google_id": "",
        "reset_password": False,
        "status": user.status,
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
