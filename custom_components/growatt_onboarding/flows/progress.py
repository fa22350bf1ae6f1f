"""What a dialog waits for while it shows progress."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

# The front end asks once by itself when it begins to show progress. What ends at that moment is
# also told of, and asked for a second time when there is no dialog any more to answer.
_AT_LEAST: Final = 1.0


async def shown_in_peace(work: Coroutine[Any, Any, None]) -> None:
    """Do what progress is shown for, but take at least as long as the front end needs for it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _AT_LEAST
    await work
    await asyncio.sleep(max(0, end - loop.time()))
