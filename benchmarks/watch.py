"""Watches Home Assistant's event loop: what runs on it, for how long, and what blocks it."""

import asyncio
from asyncio.events import Handle
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import logging
import time
from typing import Self

from homeassistant import block_async_io


@dataclass
class Blocks:
    """What ran on the event loop: seconds of processor time, and what took longest."""

    total: float = 0
    longest: float = 0
    culprit: str = ""
    process: float = 0
    runs: int = 0


@asynccontextmanager
async def watched() -> AsyncGenerator[Blocks]:
    """Measure everything that the event loop runs meanwhile."""
    blocks = Blocks()
    original = Handle._run
    clock = time.thread_time
    ended: list[bool] = []

    def run(self: Handle) -> None:
        began = clock()
        original(self)
        took = clock() - began
        if ended:
            return
        blocks.total += took
        blocks.runs += 1
        if took > blocks.longest:
            blocks.longest, blocks.culprit = took, repr(self)[:300]

    Handle._run = run  # type: ignore[method-assign]
    # From the beginning of a run to the end of one: what is measured goes on in the same task.
    await asyncio.sleep(0)
    blocks.total = blocks.longest = 0
    began = time.process_time()
    try:
        yield blocks
        await asyncio.sleep(0)
    finally:
        ended.append(True)
        blocks.process = time.process_time() - began
        Handle._run = original  # type: ignore[method-assign]


class Detector(logging.Handler):
    """Counts what Home Assistant's detector of blocking calls says."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line."""
        if "blocking call" in (text := record.getMessage()).lower():
            self.said.append(text)

    def __enter__(self) -> Self:
        """Switch the detector on, for the whole process, and listen."""
        block_async_io.enable()
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        """End listening."""
        logging.getLogger().removeHandler(self)


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds; TimeoutError after five minutes."""
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)


def milliseconds(seconds: float) -> str:
    """Return a time as text."""
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"
