"""Inverters that are overdue sooner than after a day, for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.server.homeassistant_server import HomeAssistantServer

_USUAL = 86_400
# Of a dialog, on the server's fast clock.
_WATCHES = 2


@asynccontextmanager
async def overdue_after(
    server: HomeAssistantServer, seconds: float, *, watched_for: float = _WATCHES
) -> AsyncIterator[None]:
    """Have the accounts that are set up within call inverters overdue after so many seconds.

    Their dialogs watch for `watched_for` seconds, unless they end earlier.
    """

    async def set_timing(after: float, watched: float) -> None:
        timing = {"seconds": after, "watched_for": watched}
        async with server.client() as client:
            await client.call_service("soon_overdue", "set", timing)

    await set_timing(seconds, watched_for)
    try:
        yield
    finally:
        await set_timing(_USUAL, _WATCHES)
