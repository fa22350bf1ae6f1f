"""AnQiCMS's user API as its clients see it."""

import json
from typing import Any, ClassVar
from urllib.parse import urlencode

from simulator.cloud import Answer, Cloud, Request, page

from .api import HANDLERS, IN_CLIENTS_LANGUAGE, SINCE, AnqicmsRequest, RefusedError, refusal
from .state import AnqicmsState, Site


class AnqicmsCloud(AnqicmsState, Cloud):
    """An installation as its clients see it."""

    name: ClassVar[str] = "anqicms"
    is_portal: ClassVar[bool] = True
    secrets: ClassVar[frozenset[str]] = frozenset({"password", "captcha", "token", "code"})
    # The link in an e-mail has a token and a code.
    never_in_url: ClassVar[frozenset[str]] = frozenset({"password", "captcha"})

    def owns(self, path: str) -> bool:
        """Return whether a path is below /api/."""
        return path.startswith("/api/")

    def token_of(self, request: Request) -> str | None:
        """Return the `token` header; `Authorization` is ignored."""
        return request.headers.get("token")

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        if not self.installed:
            return _redirect("/install", 302)
        if "lang" in request.query:
            rest = {name: value for name, value in request.query.items() if name != "lang"}
            query = f"?{urlencode(rest)}" if rest else ""
            return _redirect(request.path + query, 307)
        handler = HANDLERS.get((request.method, request.path))
        if handler is None or (handler in SINCE and self.version < SINCE[handler]):
            return page("404", "Not found.", 404)
        api_request = AnqicmsRequest(self, self._site(request), request, {})
        language = api_request.language if handler in IN_CLIENTS_LANGUAGE else None
        try:
            api_request.body.update(_body(request))
            answer = handler(api_request)
        except RefusedError as err:
            return refusal(self, err.text, err.code, language)
        answer.headers.update(api_request.headers)
        return answer

    def error(self, path: str, code: int, message: str) -> Answer:
        """Return a refusal."""
        return refusal(self, message, code)

    def state(self) -> dict[str, Any]:
        """Return sites, users and settings as JSON, without secrets."""
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
        """Add a user and return its id."""
        if kind != "users":
            raise KeyError(kind)
        return self.add_user(**item).id

    def _site(self, request: Request) -> Site:
        """Return the site that the query names, or else the first one."""
        site_id = request.query.get("site_id", "")
        found = self.sites.get(int(site_id)) if site_id.isdecimal() else None
        return found or next(iter(self.sites.values()))


def _redirect(location: str, status: int) -> Answer:
    answer = page("Moved", "This page has moved.", status)
    answer.headers["Location"] = location
    return answer


def _body(request: Request) -> dict[str, object]:
    """Return the JSON body of a POST, the only format that is accepted."""
    if request.method != "POST":
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as err:
        raise RefusedError(str(err)) from err
    if not isinstance(body, dict):
        raise RefusedError("json: cannot unmarshal into an object")
    return body
