"""Simulated time for everything that runs on one event loop.

Nothing is mocked but the clock: whenever nothing is left to do before the next timer, the clock
jumps to it. Timers, sleeps and timeouts behave as ever, and sockets and files are real.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
import math
from typing import Any, Self

from freezegun import freeze_time

# Makes Home Assistant's clock one that can be stopped; its fixtures have done so already.
from pytest_homeassistant_custom_component import patch_time  # noqa: F401

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
# What was sent over the loopback interface arrives at once, or at least within this (real) time.
_ARRIVAL = 0.001
_THREADS = 0.05


class Timelapse:
    """Makes an event loop's time pass as fast as it can."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Take over `loop`, by default the running one, as soon as this is entered."""
        self._loop: Any = loop or asyncio.get_running_loop()
        self._stack = ExitStack()
        self._began = 0.0
        self._passed = 0  # microseconds
        self._in_threads = 0
        self.jumps = 0

    def __enter__(self) -> Self:
        """Stop the clock."""
        loop = self._loop
        self._began = loop.time()
        self._wall: Any = self._stack.enter_context(freeze_time(START))
        self._select: Callable[[float | None], list[Any]] = loop._selector.select
        self._run_in_executor = loop.run_in_executor
        for owner, name, value in (
            (loop, "time", self._time),
            (loop, "run_in_executor", self._in_executor),
            (loop._selector, "select", self._wait),
        ):
            setattr(owner, name, value)
            self._stack.callback(delattr, owner, name)
        return self

    def __exit__(self, *_: object) -> None:
        """Let time pass as it does."""
        self._stack.close()

    @property
    def passed(self) -> float:
        """Return how many simulated seconds have passed."""
        return self._passed / 1e6

    async def until(self, condition: Callable[[], object], seconds: float = 7_200) -> float:
        """Return, when a condition holds, how long that took; TimeoutError after `seconds`."""
        began = self.passed
        while not condition():
            if self.passed - began > seconds:
                raise TimeoutError
            await asyncio.sleep(1)
        return self.passed - began

    def _time(self) -> float:
        return self._began + self.passed

    def _in_executor(self, *args: Any) -> asyncio.Future[Any]:
        self._in_threads += 1
        future: asyncio.Future[Any] = self._run_in_executor(*args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._in_threads -= 1

    def _wait(self, timeout: float | None) -> list[Any]:
        """Stand in for the selector: wait for sockets and threads, but not for time."""
        if (events := self._select(0)) or timeout == 0:
            return events
        # Threads announce their end through a socket of the loop.
        if (events := self._select(_THREADS if self._in_threads else _ARRIVAL)) or (
            self._in_threads or timeout is None
        ):
            return events
        self.jumps += 1
        # Whole microseconds: what the wall clock shows is not before what a timer waited for.
        self._passed += math.ceil(max(timeout, 0) * 1e6)
        self._wall.move_to(START + timedelta(microseconds=self._passed))
        return []
