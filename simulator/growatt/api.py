"""The table of Growatt's endpoints, and what their handlers read requests with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simulator.limits import Rule

from .model import Plant, Token, User
from .state import GrowattState

type Permission = Literal["register", "bind", "v4"]
type Handler = Callable[[GrowattRequest], object]

FIVE_MINUTES = 300.0
PER_DAY = 10
MAX_PER_PAGE = 100
MAX_PAGE = 250


class ApiError(Exception):
    """A refusal with one of the documented codes, and with data where a page names some."""

    def __init__(self, code: int, message: str, data: object = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class NoData(dict[str, Any]):
    """An answer that consists of the error code only, without a `data` key."""


class ExtraKeys(dict[str, Any]):
    """An answer with further keys next to `data` and the error code."""


class BareReply(dict[str, Any]):
    """An answer without the usual envelope."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented endpoint."""

    path: str
    method: str
    handler: Handler
    rule: Rule
    permission: Permission | None = None
    string_code: bool = False


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(
    method: str,
    path: str,
    *,
    interval: float | None = None,
    per_day: int | None = None,
    permission: Permission | None = None,
    string_code: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a handler with its limits and the permission that its token needs."""

    def register(handler: Handler) -> Handler:
        rule = Rule(interval, per_day)
        ENDPOINTS[path] = Endpoint(path, method, handler, rule, permission, string_code)
        return handler

    return register


@dataclass(frozen=True, slots=True)
class GrowattRequest:
    """A request as its handler sees it. A missing parameter is an empty one."""

    state: GrowattState
    token: Token
    params: Mapping[str, str]
    now: float

    def text(self, name: str) -> str:
        """Return an optional parameter."""
        return self.params.get(name, "")

    def required(self, name: str, code: int, message: str) -> str:
        """Return a parameter; refuse with the given code when it is empty."""
        if not (value := self.text(name)):
            raise ApiError(code, message)
        return value

    def integer(self, name: str, code: int, message: str) -> int:
        """Return a required integer; anything else is a system error."""
        return int(self._number(int, self.required(name, code, message)))

    def decimal(self, name: str, default: float = 0.0) -> float:
        """Return an optional decimal number; anything else is a system error."""
        value = self.text(name)
        return self._number(float, value) if value else default

    @staticmethod
    def _number(kind: Callable[[str], float], value: str) -> float:
        try:
            return kind(value)
        except ValueError:
            raise ApiError(10001, "error_system") from None

    def user(self, user_id: int, code: int) -> User:
        """Return an end user that the token may see, or refuse with `code`."""
        user = self.state.users.get(user_id)
        if user is None or not self.state.may_see_user(self.token, user):
            raise ApiError(code, "user does not exist")
        return user

    def plant(self, plant_id: int, code: int, owner: User | None = None) -> Plant:
        """Return a plant that the token may see (and `owner` has), or refuse with `code`."""
        plant = self.state.plants.get(plant_id)
        if (
            plant is None
            or not self.state.may_see_plant(self.token, plant)
            or (owner is not None and plant.user_id != owner.user_id)
        ):
            raise ApiError(code, "power station does not exist")
        return plant

    def shown[T](self, rows: list[T]) -> list[T] | None:
        """Return the rows of a list as the server sends them."""
        return None if self.state.null_lists and not rows else rows

    def paged[T](self, items: list[T]) -> list[T]:
        """Return the page of `items` that the request asks for."""
        page = int(self._number(int, self.text("page") or "1"))
        if self.state.ignores_page:
            page = 1
        size = int(self._number(int, self.text("perpage") or "20"))
        if size > MAX_PER_PAGE:
            raise ApiError(10013, "the number per page cannot be greater than 100")
        if page > MAX_PAGE:
            raise ApiError(10014, "the number of pages cannot be greater than 250")
        if page < 1 or size < 1:
            raise ApiError(10001, "error_system")
        return items[(page - 1) * size : page * size]
