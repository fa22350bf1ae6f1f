"""Growatt's ShineServer OpenAPI v1 (and the v4 device list) as a simulated cloud."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from simulator.calls import mask
from simulator.cloud import Answer, Cloud, Request, method_not_allowed, stringified
from simulator.limits import Limits
from simulator.simulation import Simulation

# Imported because they register their endpoints.
from . import devices, min_inverters, plants, users
from .api import (
    ENDPOINTS,
    ApiError,
    BareReply,
    Endpoint,
    ExtraKeys,
    GrowattRequest,
    NoData,
    Permission,
)
from .model import Token
from .state import GrowattState

__all__ = ["GrowattCloud", "devices", "min_inverters", "plants", "users"]


class Refusals(NamedTuple):
    """The generic refusals (code and text) of one version of the API."""

    invalid: tuple[int, str]
    denied: tuple[int, str]
    often: tuple[int, str]


_DENIED = (10011, "error_permission_denied")
V1 = Refusals(_DENIED, _DENIED, (10012, "error_frequently_access"))
V4 = Refusals(
    (2, "INVALID_SECRET_TOKEN"), (101, "NO_PERMISSION_TO_ACCESS"), (102, "FREQUENTLY_ACCESS")
)
MOVED = (-1, "Please use the new domain name to access")
# Codes with one meaning everywhere; they are numbers even where others are strings.
GENERIC = frozenset({-1, 10011, 10012, 10013})

COUNTRIES = frozenset(
    Path(__file__).with_name("countries.txt").read_text(encoding="utf-8").splitlines()
)


class GrowattCloud(GrowattState, Cloud):
    """The server as its clients see it."""

    name: ClassVar[str] = "growatt"
    secrets: ClassVar[frozenset[str]] = frozenset({"user_password", "token", "valiCode"})
    never_in_url: ClassVar[frozenset[str]] = secrets

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        rules = {path: endpoint.rule for path, endpoint in ENDPOINTS.items()}
        self.limits = Limits(simulation.now, rules, simulation.limit_reading)
        # The server's region; tokens of other regions are unknown to it.
        self.region = "global"
        self.region_reject_tokens: set[str] = set()
        self.wrong_domain = False
        # Whether numbers are sent as strings, as some servers do.
        self.numbers_as_strings = False

    @property
    def unknown_countries(self) -> list[str]:
        """The countries of end users that the vendor's list does not contain."""
        return [user.country for user in self.users.values() if user.country not in COUNTRIES]

    def owns(self, path: str) -> bool:
        """Return whether a path is below /v1/ or /v4/."""
        return path.startswith(("/v1/", "/v4/"))

    def token_of(self, request: Request) -> str | None:
        """Return the `token` header."""
        return request.headers.get("token")

    def answer(self, request: Request) -> Answer:
        """Answer a request as the vendor's pages describe it."""
        try:
            endpoint = self._endpoint(_short(request.path))
            if request.method != endpoint.method:
                return method_not_allowed(endpoint.method)
            return self._success(endpoint, self._carry_out(endpoint, request))
        except ApiError as err:
            return self.error(request.path, err.code, err.message, err.data)

    def error(self, path: str, code: int, message: str, data: object = "") -> Answer:
        """Return an error, which mostly has an empty string as its data."""
        path = _short(path)
        if self.numbers_as_strings:
            data = stringified(data)
        if _is_v4(path):
            return Answer({"data": data, "code": code, "message": message}, code_key="code")
        endpoint = ENDPOINTS.get(path)
        as_string = endpoint is not None and endpoint.string_code and code not in GENERIC
        sent = str(code) if as_string else code
        return Answer({"data": data, "error_code": sent, "error_msg": message})

    def state(self) -> dict[str, Any]:
        """Return the state as JSON, without passwords, tokens and check codes."""
        return {
            "users": [user.as_json() for user in self.users.values()],
            "plants": [asdict(plant) for plant in self.plants.values()],
            "dataloggers": [stick.as_json() for stick in self.dataloggers.values()],
            "devices": [asdict(device) for device in self.devices.values()],
            "bindings": [asdict(binding) for binding in self.bindings.values()],
            "unknown_countries": self.unknown_countries,
            "limits": {
                "reading": self.limits.reading,
                "violations": [
                    {
                        "time": violation.time,
                        "endpoint": violation.endpoint,
                        "params": mask(violation.params, self.secrets),
                        "rule": violation.rule,
                        "early": violation.early,
                    }
                    for violation in self.limits.violations
                ],
            },
        }

    def load(self, kind: str, item: dict[str, Any]) -> int | str | None:
        """Add an end user, plant, token, datalogger or device and return its id."""
        match kind:
            case "users":
                return self.add_user(**item).user_id
            case "plants":
                return self.add_plant(**item).plant_id
            case "dataloggers":
                return self.add_datalogger(**item).sn
            case "devices":
                return self.add_device(**item).sn
            case "tokens":
                return self.add_token(**item).user_id
        raise KeyError(kind)

    def _endpoint(self, path: str) -> Endpoint:
        if self.wrong_domain:
            raise ApiError(*MOVED)
        if path not in ENDPOINTS:
            raise ApiError(*_refusals(path).denied)
        return ENDPOINTS[path]

    def _carry_out(self, endpoint: Endpoint, request: Request) -> object:
        """Return the result of the endpoint's handler, or raise a refusal."""
        refusals = _refusals(endpoint.path)
        value = self.token_of(request) or ""
        if not value and endpoint.path == "user/user_register":
            raise ApiError(10008, "token is empty")
        token = self.tokens.get(value)
        if token is None or token.region != self.region or value in self.region_reject_tokens:
            raise ApiError(*refusals.invalid)
        if not _allowed(token, endpoint):
            raise ApiError(*refusals.denied)
        params = request.params
        if self.limits.admit(value, endpoint.path, params) is not None:
            raise ApiError(*refusals.often)
        return endpoint.handler(GrowattRequest(self, token, params, self.simulation.now()))

    def _success(self, endpoint: Endpoint, result: object) -> Answer:
        if self.numbers_as_strings:
            result = stringified(result)
        if isinstance(result, BareReply):
            return Answer(dict(result), code_key="result")
        if _is_v4(endpoint.path):
            payload = {"data": result, "code": 0, "message": "SUCCESSFUL_OPERATION"}
            return Answer(payload, code_key="code")
        envelope: dict[str, Any] = {
            "error_code": "0" if endpoint.string_code else 0,
            "error_msg": "",
        }
        if isinstance(result, NoData):
            return Answer(envelope)
        if isinstance(result, ExtraKeys):
            return Answer({**result, **envelope})
        return Answer({"data": result, **envelope})


def _is_v4(path: str) -> bool:
    return "new-api/" in path


def _short(path: str) -> str:
    """Return a path without its version, because all endpoints exist in both."""
    return path.split("/", 2)[2]


def _refusals(path: str) -> Refusals:
    return V4 if _is_v4(path) else V1


def _allowed(token: Token, endpoint: Endpoint) -> bool:
    permissions: dict[Permission | None, bool] = {
        None: True,
        "register": token.may_register,
        "bind": token.may_bind,
        "v4": token.may_v4,
    }
    return permissions[endpoint.permission] and endpoint.path not in token.endpoints_denied
