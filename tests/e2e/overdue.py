"""Inverters that are overdue sooner than after a day, for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.server.homeassistant_server import HomeAssistantServer

_USUAL = 86_400


@asynccontextmanager
async def overdue_after(server: HomeAssistantServer, seconds: float) -> AsyncIterator[None]:
    """Have the accounts that are set up within call inverters overdue after so many seconds."""

    async def set_overdue(after: float) -> None:
        async with server.client() as client:
            await client.call_service("soon_overdue", "set", {"seconds": after})

    await set_overdue(seconds)
    try:
        yield
    finally:
        await set_overdue(_USUAL)
