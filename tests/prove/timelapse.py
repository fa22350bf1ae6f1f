"""Simulated time for everything that runs on one event loop.

Nothing is mocked but the clocks: whenever nothing is left to do before the next timer, they jump
to it. Timers, sleeps and timeouts behave as ever, and sockets and files are real.

Time passes for the loop, for the simulated clouds, and since the machine booted. The wall clock
follows until somebody sets it.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
import math
import time
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

from freezegun import freeze_time

# Makes Home Assistant's clock one that can be stopped; its fixtures have done so already.
from pytest_homeassistant_custom_component import patch_time

from custom_components.growatt_onboarding import clock

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
# How long the machine has been up at the start, and how long a boot takes, in seconds.
UPTIME = 1_000
BOOT = 20
# What was sent over the loopback interface arrives at once, or at least within this (real) time.
_ARRIVAL = 0.001
_THREADS = 0.05
_CLOCK_GETTIME = time.clock_gettime


def _names(module: Any) -> str:
    """Return what changes when a module gets names, among which freezegun has to look again.

    In place of all names of all two thousand modules, each time that the clocks are stopped.
    """
    return f"{id(module)}-{len(getattr(module, '__dict__', ()))}"


patch_time.ha_get_module_attributes_hash = _names


class Timelapse:
    """Makes an event loop's time pass as fast as it can."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Take over `loop`, by default the running one, as soon as this is entered."""
        self._loop: Any = loop or asyncio.get_running_loop()
        self._stack = ExitStack()
        self._began = 0.0
        # In microseconds: what has passed, when the machine booted, how far the wall clock is off.
        self._passed = 0
        self._booted = -UPTIME * 1_000_000
        self._off = 0
        self._boots = 0
        self._in_threads = 0
        self.jumps = 0

    def __enter__(self) -> Self:
        """Stop the clocks."""
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
        for target, replacement in (
            # Nobody here sets the clouds' clock.
            ("simulator.clock.time", SimpleNamespace(time=self._true_time)),
            ("time.clock_gettime", self._clock_gettime),
            (f"{clock.__name__}.boot_id", lambda: f"boot {self._boots}"),
        ):
            self._stack.enter_context(patch(target, replacement))
        clock.resume(None, None)
        return self

    def __exit__(self, *_: object) -> None:
        """Let time pass as it does."""
        self._stack.close()
        clock.resume(None, None)

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

    @property
    def wall_off(self) -> float:
        """Return by how many seconds the wall clock is ahead of the truth."""
        return self._off / 1e6

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock forward, or back where that is negative; no time passes."""
        self._off += round(seconds * 1e6)
        self._show()

    def reboot(self, off: float = 60) -> None:
        """Boot the machine after it was off for so many seconds, in which nothing may run."""
        self._passed += round(off * 1e6)
        self._booted = self._passed - BOOT * 1_000_000
        self._boots += 1
        self._show()

    def _show(self) -> None:
        self._wall.move_to(START + timedelta(microseconds=self._passed + self._off))

    def _true_time(self) -> float:
        return (START + timedelta(microseconds=self._passed)).timestamp()

    def _clock_gettime(self, clock_id: int) -> float:
        if clock_id != time.CLOCK_BOOTTIME:
            return _CLOCK_GETTIME(clock_id)
        return (self._passed - self._booted) / 1e6

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
        # Whole microseconds: what the clocks show is not before what a timer waited for.
        self._passed += math.ceil(max(timeout, 0) * 1e6)
        self._show()
        return []
