"""AnQiCMS's interface for users as clients meet it."""

from collections.abc import Callable
from dataclasses import dataclass, field
import json
from typing import Any, ClassVar
from urllib.parse import urlencode

from simulator.cloud import Answer, Cloud, Request, page

from .state import DAY, EMAIL, HOUR, PHONE, AnqicmsState, Site, User
from .texts import LANGUAGES, Text

FAILED = -1
NEEDS_LOGIN = 1001
_LEAST_PASSWORD_BYTES = 6

# The versions in which something came.
CAPTCHA_OFF = (3, 3, 0)
SIGNUP_VERIFY = (3, 5, 2)
EMAIL_EXISTS = (3, 5, 7)
UNVERIFIED_NAME = (3, 5, 8)


class RefusedError(Exception):
    """The site says no."""

    def __init__(self, text: Text | str, code: int = FAILED) -> None:
        """Refuse with one of the site's texts or with any other."""
        super().__init__(text)
        self.text = text
        self.code = code


@dataclass(frozen=True)
class Call:
    """A request to one of the sites."""

    cloud: AnqicmsCloud
    site: Site
    request: Request
    body: dict[str, object]
    headers: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a text of the JSON body without outer blanks."""
        value = self.body.get(name, "")
        if not isinstance(value, str):
            message = f"json: cannot unmarshal {type(value).__name__} into field {name}"
            raise RefusedError(message)
        return value.strip()


type Handler = Callable[[Call], Answer]


class AnqicmsCloud(AnqicmsState, Cloud):
    """The installation."""

    name: ClassVar[str] = "anqicms"
    secrets: ClassVar[frozenset[str]] = frozenset({"password", "captcha", "token", "code"})
    # The link in a mail does carry a token and a code.
    never_in_url: ClassVar[frozenset[str]] = frozenset({"password", "captcha"})

    def owns(self, path: str) -> bool:
        """Say whether a path is below /api/."""
        return path.startswith("/api/")

    def token_of(self, request: Request) -> str | None:
        """Return the header; `Authorization` is not read."""
        return request.headers.get("token")

    def answer(self, request: Request) -> Answer:
        """Answer one call."""
        if not self.installed:
            return _redirect("/install", 302)
        if "lang" in request.query:
            rest = {name: value for name, value in request.query.items() if name != "lang"}
            query = f"?{urlencode(rest)}" if rest else ""
            return _redirect(request.path + query, 307)
        handler = _HANDLERS.get((request.method, request.path))
        if handler is None or (handler in _SINCE and self.version < _SINCE[handler]):
            return page("404", "Not found.", 404)
        try:
            call = Call(self, self._site(request), request, _body(request))
            answer = handler(call)
        except RefusedError as err:
            return self.refusal(err.text, err.code)
        answer.headers.update(call.headers)
        return answer

    def error(self, path: str, code: int, message: str) -> Answer:
        """Return a refusal, which has no data."""
        return Answer({"code": code, "msg": message}, code_key="code")

    def refusal(self, text: Text | str, code: int = FAILED) -> Answer:
        """Return a refusal in the site's language."""
        return self.error("", code, self.said(text))

    def said(self, text: Text | str) -> str:
        """Return a text in the site's language."""
        return LANGUAGES[self.language][text] if isinstance(text, Text) else text

    def state(self) -> dict[str, Any]:
        """Return sites, users and settings without secrets."""
        return {
            "version": ".".join(map(str, self.version)),
            "captcha": self.captcha,
            "signup_verify": self.signup_verify,
            "sites": {
                site.id: [user.as_json() for user in site.users.values()]
                for site in self.sites.values()
            },
        }

    def load(self, kind: str, item: dict[str, Any]) -> int | str | None:
        """Add a user; returns its id."""
        if kind != "users":
            raise KeyError(kind)
        return self.add_user(**item).id

    def done(self, data: object, text: Text | str | None = "") -> Answer:
        """Return a success."""
        message = None if text is None else self.said(text)
        return Answer({"code": 0, "msg": message, "data": data}, code_key="code")

    def _site(self, request: Request) -> Site:
        """Return the site that the query names, else the first one."""
        site_id = request.query.get("site_id", "")
        found = self.sites.get(int(site_id)) if site_id.isdecimal() else None
        return found or next(iter(self.sites.values()))


# What the site answers


def _captcha(call: Call) -> Answer:
    cloud = call.cloud
    tells = cloud.version >= CAPTCHA_OFF
    if not cloud.captcha and tells:
        return cloud.done({"captcha_off": True})
    captcha_id, picture = cloud.new_captcha()
    data: dict[str, object] = {"captcha_id": captcha_id, "captcha": picture}
    return cloud.done({"captcha_off": False, **data} if tells else data)


def _register(call: Call) -> Answer:
    cloud, site = call.cloud, call.site
    if cloud.register_code is not None:
        raise RefusedError(Text.NEEDS_LOGIN, cloud.register_code)
    name, password = call.text("user_name"), call.text("password")
    email, phone = call.text("email"), call.text("phone")
    if cloud.judges_register_captcha and not _captcha_right(call):
        raise RefusedError(Text.GRAPHIC_CODE)
    if not name or not password:
        raise RefusedError(Text.NAME_AND_PASSWORD)
    if len(password.encode()) < _LEAST_PASSWORD_BYTES:
        raise RefusedError(Text.PASSWORD_LENGTH)
    verify = cloud.signup_verify and cloud.version >= SIGNUP_VERIFY
    unverified = _unverified(call, name, email) if verify else None
    if unverified is None:
        _check_new(call, name, email, phone)
    if verify and cloud.version < EMAIL_EXISTS and not EMAIL.search(email):
        raise RefusedError(Text.EMAIL_WRONG)
    # Whose account it is, the password is not asked.
    user = unverified or cloud.create(
        site, User(0, name, email, phone, call.text("real_name")), password
    )
    if verify:
        cloud.send_link(user)
        return cloud.done(_told(user, ""), Text.VERIFY_EMAIL)
    token = cloud.token(site, user)
    answer = cloud.done(_told(user, token))
    answer.headers["Set-Cookie"] = f"token={token}; Path=/"
    return answer


def _unverified(call: Call, name: str, email: str) -> User | None:
    """Return the account that the site answers with instead of a new one."""
    user = call.site.find("email", email)
    if user is None and call.cloud.version >= UNVERIFIED_NAME:
        user = call.site.find("user_name", name)
    return user if user is not None and not user.email_verified else None


def _check_new(call: Call, name: str, email: str, phone: str) -> None:
    site = call.site
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


def _login(call: Call) -> Answer:
    cloud = call.cloud
    if cloud.captcha and not _captcha_right(call):
        raise RefusedError(Text.GRAPHIC_CODE)
    login, password = call.text("user_name"), call.text("password")
    if cloud.version >= SIGNUP_VERIFY:
        login = call.text("email") or call.text("phone") or login
    if not login:
        raise RefusedError(Text.ENTER_ACCOUNT)
    if len(password.encode()) < _LEAST_PASSWORD_BYTES:
        raise RefusedError(Text.LOGIN_PASSWORD)
    # By the shape of the text alone, so that some user names never sign in.
    if EMAIL.search(login):
        user = call.site.find("email", login)
    elif PHONE.search(login):
        user = call.site.find("phone", login)
    else:
        user = call.site.find("user_name", login)
    if user is None or not user.has_password(password):
        raise RefusedError(Text.LOGIN_FAILED)
    return cloud.done(_told(user, cloud.token(call.site, user)))


def _detail(call: Call) -> Answer:
    cloud = call.cloud
    found = cloud.token_user(call.site, call.request.headers.get("token", ""))
    if found is None:
        raise RefusedError(Text.NEEDS_LOGIN, NEEDS_LOGIN)
    user, left = found
    if left < HOUR:
        call.headers["Update-Token"] = cloud.token(call.site, user, DAY)
    return cloud.done(_told(user, ""), None)


def _verify_email(call: Call) -> Answer:
    """Tell whether an address is known, or follow the link of a mail."""
    cloud, query = call.cloud, call.request.query
    state, email = query.get("state", ""), query.get("email", "")
    if state == "exist" and cloud.version >= EMAIL_EXISTS and EMAIL.search(email):
        if (user := call.site.find("email", email)) is None:
            raise RefusedError(Text.NO_USER)
        return cloud.done({"id": user.id, "email": user.email})
    user = call.site.find("email", email)
    if not query.get("token") or user is None:
        return _message(call, Text.PARAMETER)
    if query["token"] != user.link_token:
        return _message(call, Text.TOKEN)
    user.email_verified = True
    return _message(call, Text.VERIFIED, code=0)


def _message(call: Call, text: Text, code: int = FAILED) -> Answer:
    """Say something as a page, or as JSON to who asks for it."""
    if call.request.query.get("return") == "json":
        return call.cloud.refusal(text, code)
    return page("AnQiCMS", call.cloud.said(text), 200)


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/api/captcha"): _captcha,
    ("POST", "/api/register"): _register,
    ("POST", "/api/login"): _login,
    ("GET", "/api/user/detail"): _detail,
    ("GET", "/api/verify/email"): _verify_email,
}
_SINCE: dict[Handler, tuple[int, int, int]] = {_verify_email: SIGNUP_VERIFY}


def _told(user: User, token: str) -> dict[str, object]:
    """Return a user as the site tells of it."""
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


def _captcha_right(call: Call) -> bool:
    return call.cloud.captcha_right(call.text("captcha_id"), call.text("captcha"))


def _redirect(location: str, status: int) -> Answer:
    answer = page("Moved", "This page has moved.", status)
    answer.headers["Location"] = location
    return answer


def _body(request: Request) -> dict[str, object]:
    """Return the JSON body of a POST, which is the only form that is read."""
    if request.method != "POST":
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as err:
        raise RefusedError(str(err)) from err
    if not isinstance(body, dict):
        message = "json: cannot unmarshal into an object"
        raise RefusedError(message)
    return body
