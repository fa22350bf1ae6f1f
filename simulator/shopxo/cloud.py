"""ShopXO's `api.php` as its clients see it."""

from http.cookies import SimpleCookie
import json
import re
from typing import Any, ClassVar

from simulator.cloud import Answer, Cloud, Request, page

from .api import ACTIONS, Done, RefusedError, ShopxoRequest, thrown
from .state import ShopxoState
from .texts import CHINESE, LANGUAGES, Text

# The shop's own pages, which a browser shows.
_PAGES = "/index.php"
_SCRIPT = re.compile(r"/(?:public/)?api\.php(?:/(?P<action>[\w/]+?)(?:\.html)?)?")


class ShopxoCloud(ShopxoState, Cloud):
    """The site as its clients see it."""

    name: ClassVar[str] = "shopxo"
    is_portal: ClassVar[bool] = True
    secrets: ClassVar[frozenset[str]] = frozenset({"pwd", "verify", "token"})
    never_in_url: ClassVar[frozenset[str]] = secrets

    def owns(self, path: str) -> bool:
        """Return whether a path is the script in one of its locations, or the pages' script."""
        return _SCRIPT.fullmatch(path) is not None or path.startswith(_PAGES)

    def token_of(self, request: Request) -> str | None:
        """Return the parameter `token`."""
        return request.params.get("token")

    def answer(self, request: Request) -> Answer:
        """Answer one request, always with HTTP 200."""
        if request.path.startswith(_PAGES):
            controller = request.params.get("s", "index").partition("/")[0]
            return self._json(-1000, CHINESE[Text.NO_CONTROLLER].format(controller), self.no_data)
        action_request = self._action_request(request)
        answer = self._answered(action_request)
        answer.headers["Set-Cookie"] = f"uuid={action_request.key}; Path=/"
        return answer

    def error(self, path: str, code: int, message: str) -> Answer:
        """Return a refusal."""
        return self._json(code, message, self.no_data)

    def state(self) -> dict[str, Any]:
        """Return users and settings as JSON, without secrets."""
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
        """Add a user, or approve one (`{"approve": name}`), and return the id."""
        if kind != "users":
            raise KeyError(kind)
        if "approve" in item:
            return self.approve(item["approve"]).id
        return self.add_user(**item).id

    def _action_request(self, request: Request) -> ShopxoRequest:
        """Parse a request, whose parameters may come in the query, a form and JSON."""
        match = _SCRIPT.fullmatch(request.path)
        in_path = match["action"] if match is not None else None
        action = (in_path or request.params.get("s", "")).strip("/").lower()
        params = {**request.params, **_json_params(request)}
        # A valid token replaces the client's own id.
        key = params.get("uuid") or _cookie(request, "uuid")
        if (user := self.user_of(params.get("token", "?"))) is not None:
            key = str(user.id)
        if not key:
            key = f"{self.simulation.random.getrandbits(128):032x}"
        return ShopxoRequest(
            self,
            action.removesuffix(".html"),
            # PHP's $_REQUEST does not include a JSON body.
            request.params,
            {name: self.filtered(value) for name, value in params.items()},
            key,
            CHINESE if self.version_2 else LANGUAGES.get(params.get("lang", ""), CHINESE),
        )

    def _answered(self, request: ShopxoRequest) -> Answer:
        if self.closed_reason:
            closed = self._json(-10000, self.closed_reason, self.no_data)
            closed.content_type = "text/html"
            return closed
        if request.action == "user/userverifyentry":
            # The image is labeled as HTML.
            return Answer(
                self.new_picture(request.text("type"), request.key), content_type="text/html"
            )
        if request.action in self.throwing and request.unfiltered.get("ajax") != "ajax":
            return page("500", "system exception", 200)
        try:
            done = self._carried_out(request)
        except RefusedError as err:
            text = request.language[err.text].format(*err.values)
            return self._json(err.code, text, self.no_data)
        return self._json(0, request.language[done.text], done.data)

    def _carried_out(self, request: ShopxoRequest) -> Done:
        if request.action in self.throwing:
            raise thrown(self.throwing[request.action])
        if (action := ACTIONS.get(request.action)) is None:
            raise RefusedError(-1000, Text.NO_ACTION, request.action)
        return action(request)

    def _json(self, code: int, message: str, data: object) -> Answer:
        return Answer({"msg": message, "code": code, "data": data}, code_key="code")


def _json_params(request: Request) -> dict[str, str]:
    """Return the strings and numbers of a JSON body."""
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
