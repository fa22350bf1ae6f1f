"""The plainest client of a Growatt server: what is sent is what the test says."""

from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass
class Client:
    """Calls endpoints below one version with one token (None: without the header)."""

    session: aiohttp.ClientSession
    url: str
    token: str | None
    version: str = "v1"

    def address(self, path: str) -> str:
        """Return an endpoint's address."""
        return f"{self.url}/{self.version}/{path}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {} if self.token is None else {"token": self.token}

    async def get(self, path: str, **query: Any) -> Any:
        """GET with parameters in the query, and read the answer as JSON."""
        async with self.session.get(
            self.address(path), params=query, headers=self.headers
        ) as response:
            return await response.json()

    async def post(self, path: str, **form: Any) -> Any:
        """POST with parameters as a form, and read the answer as JSON."""
        async with self.session.post(
            self.address(path), data=form, headers=self.headers
        ) as response:
            return await response.json()

    async def send(self, method: str, path: str, params: dict[str, Any]) -> Any:
        """GET or POST."""
        return await (self.get if method == "GET" else self.post)(path, **params)
