"""The table of Quectel's endpoints, and what their handlers read requests with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re

from simulator.cloud import Request

from .model import User, UserDomain
from .state import QuectelState

type Handler = Callable[[QuectelRequest], object]

# The vendor's texts, shortened.
MESSAGES = {
    5013: "Incorrect user domain format",
    5015: "User domain does not exist",
    5022: "Please enter password",
    5023: "Please enter user domain",
    5026: "Please enter email",
    5031: "Email not registered",
    5032: "Token verification failed",
    5033: "User does not exist",
    5039: "Email already registered",
    5040: "Incorrect email format",
    5046: "Email verification code validation failed",
    5049: "Device already bound",
    5056: "Incorrect password format",
    5064: "Please enter verification code",
    5066: "Please enter Product Key",
    5088: "Please enter device SN",
    5090: "Requested device SN invalid",
    5104: "User domain disabled",
    5106: "Please enter token",
    5147: "Account frozen, please try again after 20 minutes",
    5579: "Account locked, please try again later",
    5171: "Timezone parameter validation failed",
    5172: "Country parameter validation failed",
    5173: "Language parameter validation failed",
    5229: "User domain not authorised for this product",
    5412: "Product binding mode is unique, cannot bind repeatedly",
    5420: "Signature verification failed",
    5550: "Please enter signature",
    5553: "Product or device does not exist",
    5583: "Incorrect email or password, you have 1 more attempt",
    5584: "Incorrect email or password, you have 2 more attempts",
    5585: "Incorrect email or password, you have 3 more attempts",
    5586: "Incorrect email or password, you have 4 more attempts",
    6083: "Bound device does not belong to current data center",
    6084: "MCC does not belong to current data center",
    6085: "Failed to query MCC data center",
}

USER_DOMAIN = re.compile(r"[A-Z]\.[A-Z]{2}\.\d+(\.\d+)?")
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
# Not documented: the ids that are known are small.
MAX_ID = 999


class ApiError(Exception):
    """A refusal with one of the documented codes."""

    def __init__(self, code: int) -> None:
        super().__init__(MESSAGES[code])
        self.code = code
        self.message = MESSAGES[code]


class BadRequestError(Exception):
    """A parameter of the wrong type, which the vendor's framework refuses by itself."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented endpoint."""

    path: str
    method: str
    handler: Handler


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register a handler."""

    def register(handler: Handler) -> Handler:
        ENDPOINTS[path] = Endpoint(path, method, handler)
        return handler

    return register


@dataclass(frozen=True, slots=True)
class QuectelRequest:
    """A request as its handler sees it. A missing parameter is an empty one."""

    state: QuectelState
    token: str
    http: Request
    now: float

    @property
    def params(self) -> Mapping[str, str]:
        """Query and form."""
        return self.http.params

    def text(self, name: str) -> str:
        """Return an optional parameter."""
        return self.params.get(name, "")

    def required(self, name: str, code: int) -> str:
        """Return a parameter; refuse with the given code when it is empty."""
        if not (value := self.text(name)):
            raise ApiError(code)
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """Return an integer, which is required unless there is a default."""
        value = self.text(name)
        if not value and default is not None:
            return default
        if not (value.isascii() and value.removeprefix("-").isdigit()):
            raise BadRequestError(name)
        return int(value)

    def option(self, name: str, code: int, lowest: int = 0) -> int:
        """Return an optional id (default: 0); refuse numbers that are out of range."""
        value = self.whole(name, 0)
        if not lowest <= value <= MAX_ID:
            raise ApiError(code)
        return value

    def user_domain(self) -> UserDomain:
        """Return the user domain that the request names."""
        name = self.required("userDomain", 5023)
        if not USER_DOMAIN.fullmatch(name):
            raise ApiError(5013)
        if (domain := self.state.user_domains.get(name)) is None:
            raise ApiError(5015)
        if domain.disabled:
            raise ApiError(5104)
        return domain

    def email(self) -> str:
        """Return the e-mail address that the request names."""
        email = self.required("email", 5026)
        if not EMAIL.fullmatch(email):
            raise ApiError(5040)
        return email

    def user(self) -> User:
        """Return the account whose token the request carries."""
        if not self.token:
            raise ApiError(5106)
        token = self.state.valid_token(self.token, "access")
        if token is None:
            raise ApiError(5032)
        if (user := self.state.users.get(token.uid)) is None:
            raise ApiError(5033)
        return user
