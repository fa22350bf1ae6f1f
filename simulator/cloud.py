"""What every simulated cloud is made of: requests in, answers out, no HTTP server inside."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
import hashlib
import json
from typing import Any, ClassVar


@dataclass(frozen=True)
class Request:
    """A call as a cloud sees it. A GET has no form, whatever its body holds."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def params(self) -> dict[str, str]:
        """Query and form together, the form winning."""
        return {**self.query, **self.form}


@dataclass
class Answer:
    """What a cloud says. `code_key` names the key of `payload` that holds its result code."""

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
        """Return the body: bytes and text as they are, everything else as JSON."""
        if isinstance(self.payload, bytes):
            return self.payload
        if isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload, ensure_ascii=False).encode()


def page(title: str, text: str, status: int) -> Answer:
    """Return an HTML page, as proxies and firewalls answer."""
    html = f"<!doctype html><html><head><title>{title}</title></head><body>{text}</body></html>"
    return Answer(html, status=status, content_type="text/html")


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
    """One provider's interface. Its state is plain Python, to be read and changed by tests."""

    name: ClassVar[str]
    # Parameters whose values are never logged; `never_in_url` must not stand in an address.
    secrets: ClassVar[frozenset[str]] = frozenset()
    never_in_url: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def owns(self, path: str) -> bool:
        """Say whether a path belongs to this cloud."""

    @abstractmethod
    def token_of(self, request: Request) -> str | None:
        """Return the token that a request carries, for the log of calls."""

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Carry a request out. Synchronous, so that nothing can end it half-way."""

    @abstractmethod
    def error(self, path: str, code: int, message: str) -> Answer:
        """Return an error in the form that this path uses."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the state as JSON, without secrets."""

    @abstractmethod
    def load(self, kind: str, item: dict[str, Any]) -> int | str | None:
        """Add one thing (a user, a device, ...) that the control interface or a seed names.

        Returns its id. KeyError for a kind that this cloud does not know, TypeError and
        ValueError for a thing that makes no sense.
        """
