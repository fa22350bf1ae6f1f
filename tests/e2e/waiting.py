"""Wait for what comes by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

from tests.server.client import PATIENCE

POLL_INTERVAL = 0.05


async def until[T](look: Callable[[], T | Awaitable[T]], what: str, timeout: float = PATIENCE) -> T:
    """Look until there is something, and return it. Raises TimeoutError that says what lacks."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                seen = look()
                found: T = await seen if isawaitable(seen) else seen
                if found:
                    return found
                await asyncio.sleep(POLL_INTERVAL)
    except TimeoutError:
        raise TimeoutError(f"{what} did not come within {timeout} s") from None
