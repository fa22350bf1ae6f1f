"""What all simulated clouds share, below HTTP."""

import asyncio
from dataclasses import dataclass, field
import random
from typing import Any

from .calls import CallLog
from .clock import Clock
from .faults import Faults
from .limits import LimitReading


@dataclass
class Message:
    """An e-mail or text message that a cloud sent."""

    time: float
    cloud: str
    to: str
    purpose: str
    code: str


@dataclass
class Simulation:
    """The time, the options, and everything that tests look at or interfere with."""

    clock: Clock = field(default_factory=Clock)
    offline_for: float | None = None
    limit_reading: LimitReading = "parameters"
    accept_any: bool = False
    calls: CallLog = field(default_factory=CallLog)
    faults: Faults = field(default_factory=Faults)
    mailbox: list[Message] = field(default_factory=list)
    # The answers to all captchas that are still good, by id.
    captchas: dict[str, str] = field(default_factory=dict)
    # Makes reproducible codes and captchas, not secrets.
    random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # Requests that are executed although their clients may be gone.
    late: set[asyncio.Future[Any]] = field(default_factory=set)

    def now(self) -> float:
        """Return the simulated time in unix seconds."""
        return self.clock.now()

    async def until(self, event: asyncio.Event | None = None, seconds: float | None = None) -> bool:
        """Wait for an event, for real seconds, or forever.

        Returns False if the server stops first.
        """
        waits = [asyncio.ensure_future(self.stopping.wait())]
        if event is not None:
            waits.append(asyncio.ensure_future(event.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self.stopping.is_set()
