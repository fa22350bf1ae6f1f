"""Sign in to Home Assistant as its own login page does."""

from dataclasses import dataclass
import time
from typing import Any

import aiohttp


class SignInError(Exception):
    """Home Assistant refused the name, the password or the refresh token."""


@dataclass(frozen=True)
class Tokens:
    """What a front end keeps of a sign-in (`localStorage.hassTokens`)."""

    url: str
    access_token: str
    refresh_token: str
    expires_in: int
    expires_at: float
    """Seconds since the epoch."""

    @property
    def client_id(self) -> str:
        """The client the tokens were made out to: the front end at this address."""
        return f"{self.url}/"

    def as_front_end(self) -> dict[str, Any]:
        """Return them as the front end writes them."""
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "hassUrl": self.url,
            "clientId": self.client_id,
            "expires": int(self.expires_at * 1000),
            "refresh_token": self.refresh_token,
        }


async def sign_in(session: aiohttp.ClientSession, url: str, username: str, password: str) -> Tokens:
    """Sign in with a name and a password. Raises SignInError."""
    client_id = f"{url}/"
    start = {
        "client_id": client_id,
        "handler": ["homeassistant", None],
        "redirect_uri": f"{url}/?auth_callback=1",
    }
    async with session.post(f"{url}/auth/login_flow", json=start) as response:
        flow = await _answer(response)
    credentials = {"client_id": client_id, "username": username, "password": password}
    address = f"{url}/auth/login_flow/{flow['flow_id']}"
    async with session.post(address, json=credentials) as response:
        flow = await _answer(response)
    if flow["type"] != "create_entry":
        raise SignInError(f"Home Assistant refused to sign {username!r} in: {flow['errors']}")
    form = {"grant_type": "authorization_code", "code": flow["result"], "client_id": client_id}
    return await _tokens(session, url, form)


async def refresh(session: aiohttp.ClientSession, tokens: Tokens) -> Tokens:
    """Trade the refresh token for a new access token. Raises SignInError."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh_token,
        "client_id": tokens.client_id,
    }
    return await _tokens(session, tokens.url, form, refresh_token=tokens.refresh_token)


async def _tokens(
    session: aiohttp.ClientSession, url: str, form: dict[str, str], refresh_token: str = ""
) -> Tokens:
    async with session.post(f"{url}/auth/token", data=form) as response:
        answer = await _answer(response)
    return Tokens(
        url=url,
        access_token=answer["access_token"],
        refresh_token=answer.get("refresh_token", refresh_token),
        expires_in=answer["expires_in"],
        expires_at=time.time() + answer["expires_in"],
    )


async def _answer(response: aiohttp.ClientResponse) -> Any:
    if not response.ok:
        text = await response.text()
        raise SignInError(f"{response.url.path} answered {response.status}: {text[:500]}")
    return await response.json()
