"""The interface of all simulated clouds: they answer requests without an HTTP server."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import hashlib
import json
from typing import Any, ClassVar


@dataclass(frozen=True)
class Request:
    """A request as a cloud sees it. A GET has no form, whatever its body is."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    # As it was sent, before anything in it was decoded.
    raw_query: str = ""

    @property
    def params(self) -> dict[str, str]:
        """Query and form; the form takes precedence."""
        return {**self.query, **self.form}


@dataclass
class Answer:
    """A cloud's answer. `code_key` is the key of the result code in `payload`."""

    payload: Any
    code_key: str = "error_code"
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> int | str | None:
        """The result code, as sent."""
        return self.payload.get(self.code_key) if isinstance(self.payload, dict) else None

    def encode(self) -> bytes:
        """Return the body: bytes and text as is, everything else as JSON."""
        if isinstance(self.payload, bytes):
            return self.payload
        if isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload, ensure_ascii=False).encode()


def page(title: str, text: str, status: int) -> Answer:
    """Return an HTML page, as proxies and firewalls send them."""
    html = f"<!doctype html><html><head><title>{title}</title></head><body>{text}</body></html>"
    return Answer(html, status=status, content_type="text/html")


def method_not_allowed(allowed: str) -> Answer:
    """Return how a server refuses a method, unlike a firewall."""
    return replace(page("405", "Method not allowed.", 405), headers={"Allow": allowed})


def digest(password: str) -> str:
    """Return what a cloud stores of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def stringified(value: object) -> object:
    """Return a copy in which every number is a string, as some servers send them."""
    if isinstance(value, dict):
        return type(value)({key: stringified(item) for key, item in value.items()})
    if isinstance(value, list):
        return [stringified(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


class Cloud(ABC):
    """One provider's cloud. Its state is plain Python for tests to read and change."""

    name: ClassVar[str]
    # The software of a site of its own: at one address there is only one of these.
    is_portal: ClassVar[bool] = False
    # Parameters whose values are never logged; those in `never_in_url` must not be in a URL.
    secrets: ClassVar[frozenset[str]] = frozenset()
    never_in_url: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def owns(self, path: str) -> bool:
        """Return whether a path belongs to this cloud."""

    @abstractmethod
    def token_of(self, request: Request) -> str | None:
        """Return the token of a request, for the log of calls."""

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Execute a request. Synchronous, so that it cannot be canceled halfway."""

    @abstractmethod
    def error(self, path: str, code: int, message: str) -> Answer:
        """Return an error in the format of a path."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the state as JSON, without secrets."""

    @abstractmethod
    def load(self, kind: str, item: dict[str, Any]) -> int | str | None:
        """Add a user, a device, ... from the control interface or a seed file.

        Returns its id. Raises KeyError for an unknown kind, TypeError or ValueError for an item
        that makes no sense.
        """
