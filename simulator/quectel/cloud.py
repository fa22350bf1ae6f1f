"""The Quectel / Acceleronix end-user API of one data center as a simulated cloud."""

from typing import Any, ClassVar

from simulator.cloud import Answer, Cloud, Request, method_not_allowed, stringified
from simulator.simulation import Simulation

# Imported because they register their endpoints.
from . import devices, users
from .api import ENDPOINTS, ApiError, BadRequestError, QuectelRequest
from .state import QuectelState

__all__ = ["QuectelCloud", "devices", "users"]

PREFIX = "/v2/"


class QuectelCloud(QuectelState, Cloud):
    """A data center as its clients see it.

    Parameters are read from the query and the form, as the vendor's pages and its clients send
    them, even with PUT. So a secret in a URL is no error, but it is recorded in `secrets_in_url`.
    """

    name: ClassVar[str] = "quectel"
    secrets: ClassVar[frozenset[str]] = frozenset(
        {"pwd", "random", "code", "signature", "refreshToken"}
    )

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        # Path and parameter of each secret in a URL.
        self.secrets_in_url: list[tuple[str, str]] = []

    def owns(self, path: str) -> bool:
        """Return whether a path is below /v2/."""
        return path.startswith(PREFIX)

    def token_of(self, request: Request) -> str | None:
        """Return the access token, including its "Bearer"."""
        return request.headers.get("Authorization")

    def answer(self, request: Request) -> Answer:
        """Answer a request as the vendor's pages describe it."""
        self.secrets_in_url += [
            (request.path, name) for name in sorted(self.secrets & request.query.keys())
        ]
        endpoint = ENDPOINTS.get(request.path.removeprefix(PREFIX))
        if endpoint is None:
            return self._framework_error(request.path, 404, "Not Found")
        if request.method != endpoint.method:
            return method_not_allowed(endpoint.method)
        token = self.token_of(request) or ""
        api_request = QuectelRequest(self, token, request, self.simulation.now())
        try:
            return self._success(endpoint.handler(api_request))
        except ApiError as err:
            return self.error(request.path, err.code, err.message)
        except BadRequestError:
            return self._framework_error(request.path, 400, "Bad Request")

    def error(self, path: str, code: int, message: str) -> Answer:
        """Return an error, which has the same format for all paths."""
        return Answer({"code": code, "msg": message, "data": None, "extMsg": None}, code_key="code")

    def state(self) -> dict[str, Any]:
        """Return the state as JSON, without passwords, codes, tokens and keys."""
        return {
            "data_center": self.data_center,
            "user_domains": [
                {"name": domain.name, "disabled": domain.disabled}
                for domain in self.user_domains.values()
            ],
            "products": [
                {**vars(product), "user_domains": sorted(product.user_domains)}
                for product in self.products.values()
            ],
            "users": [user.as_json() for user in self.users.values()],
            "devices": [device.as_json() for device in self.devices.values()],
            "secrets_in_url": [list(found) for found in self.secrets_in_url],
        }

    def load(self, kind: str, item: dict[str, Any]) -> int | str | None:
        """Add an account or a device and return its id."""
        match kind:
            case "users":
                return self.add_user(**item).uid
            case "devices":
                return self.add_device(**item).device_key
        raise KeyError(kind)

    def _success(self, data: object) -> Answer:
        if self.numbers_as_strings:
            data = stringified(data)
        return Answer(
            {"code": self.success_code, "msg": "", "data": data, "extMsg": None}, code_key="code"
        )

    def _framework_error(self, path: str, status: int, error: str) -> Answer:
        return Answer(
            {
                "timestamp": int(self.simulation.now() * 1000),
                "status": status,
                "error": error,
                "path": path,
            },
            status=status,
        )
