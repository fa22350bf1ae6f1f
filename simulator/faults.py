"""Planned faults: what goes wrong, for which calls, and how often."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import random
from typing import TypedDict, Unpack

from .calls import matches


class FaultKind(StrEnum):
    """Everything that can go wrong.

    Each comment starts with whether the cloud executes the request.
    """

    FIREWALL = "firewall"  # no: 405 with the page of a firewall
    METHOD = "method"  # no: 405 of the server itself, which names the methods that it allows
    FORBIDDEN = "forbidden"  # no: 403 with an HTML page
    LOGIN_PAGE = "login_page"  # no: 200 with a login page
    GARBAGE = "garbage"  # no: 200 with neither JSON nor HTML
    EMPTY = "empty"  # no: 200 without a body
    NOT_OBJECT = "not_object"  # no: 200 with a JSON list
    HTTP_500 = "http_500"  # no: 500 with an HTML page
    TOO_MANY = "too_many"  # no: 429 with an HTML page
    REDIRECT = "redirect"  # no: 302 to a path that logs requests as calls of `redirect`
    CODE = "code"  # no: the error `code` with `msg`, in the cloud's format
    CODE_AFTER = "code_after"  # yes, but the answer is the error `code` with `msg`
    CUT = "cut"  # no: the connection ends without an answer
    CUT_AFTER = "cut_after"  # yes, but the connection ends without an answer
    CUT_BODY = "cut_body"  # yes, but the connection ends in the middle of the body
    HANG = "hang"  # no: never an answer
    HANG_AFTER = "hang_after"  # yes, but never an answer
    HOLD = "hold"  # option `executed` decides; the answer waits for release()
    LATE = "late"  # yes, after `seconds`, even if the client is gone by then
    SLOW = "slow"  # yes; the answer comes after `seconds` of real time
    OVERSIZED = "oversized"  # yes; the answer is padded to more than 1 MiB
    WRONG_TYPE = "wrong_type"  # yes; the JSON is labeled as text/html
    STRING_CODE = "string_code"  # yes; the code is a string
    DATA_EMPTY = "data_empty"  # yes; `data` is an empty string
    DATA_STRING = "data_string"  # yes; `data` is JSON within a string
    PASS = "pass"  # noqa: S105 - yes; for a `delay`, or to spare a call from later faults


class Options(TypedDict, total=False):
    """A fault's options besides its path, kind and frequency."""

    match: dict[str, str]
    executed: bool
    seconds: float
    delay: float
    code: int
    msg: str
    retry_after: str


@dataclass
class Fault:
    """A planned fault; `hits` counts how often it has occurred."""

    path: str
    kind: FaultKind
    times: int | None
    probability: float
    match: dict[str, str] = field(default_factory=dict)
    executed: bool = True
    seconds: float = 0.0
    delay: float = 0.0
    code: int = 10001
    msg: str = ""
    retry_after: str = ""
    hits: int = 0

    def __post_init__(self) -> None:
        """Refuse a fault that could never occur."""
        self.kind = FaultKind(self.kind)
        if not 0 < self.probability <= 1:
            raise ValueError(f"a probability lies above 0 and up to 1, not {self.probability}")
        if (self.times is not None and self.times < 1) or min(self.seconds, self.delay) < 0:
            raise ValueError("a fault strikes at least once, and never in the past")

    @property
    def spent(self) -> bool:
        """Whether the fault has occurred as often as planned."""
        return self.times is not None and self.hits >= self.times

    def concerns(self, path: str, params: Mapping[str, str]) -> bool:
        """Return whether this fault is meant for a call."""
        return matches(path, self.path) and self.match.items() <= params.items()


class Faults:
    """The planned faults; the first one that matches a call occurs."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        # Reproducible faults, not secrets.
        self._random = random.Random(0)  # noqa: S311
        self._gate = asyncio.Event()
        self._changed = asyncio.Event()
        self.held = 0

    def add(
        self,
        path: str = "*",
        *,
        kind: FaultKind | str,
        times: int | None = 1,
        probability: float = 1.0,
        **options: Unpack[Options],
    ) -> Fault:
        """Plan a fault for the next `times` calls (None: all) whose path ends with `path`.

        Options: `match` (parameters that a call must have), `delay` (seconds of real time before
        anything happens), `seconds` (for slow and late), `executed` (for hold: whether the request
        is executed before or after the wait, default: before), `code` and `msg` (for code and
        code_after), `retry_after` (a header, for answers to requests that are not executed). Raises
        ValueError or TypeError if the fault makes no sense.
        """
        fault = Fault(path, FaultKind(kind), times, probability, **options)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Drop all faults and release held requests."""
        self._faults.clear()
        self.release()

    def seed(self, seed: int) -> None:
        """Seed the random numbers behind `probability`."""
        self._random.seed(seed)

    def release(self) -> None:
        """Let all requests that `hold` is keeping continue."""
        self._gate.set()
        self._gate = asyncio.Event()

    async def wait_held(self, count: int = 1, seconds: float = 10) -> None:
        """Wait until `count` requests are held; TimeoutError after `seconds` of real time."""
        async with asyncio.timeout(seconds):
            while self.held < count:
                self._changed.clear()
                await self._changed.wait()

    async def hold(self, until: Callable[[asyncio.Event], Awaitable[bool]]) -> bool:
        """Hold a request until release(); return what `until` returns for that event."""
        self.held += 1
        self._changed.set()
        try:
            return await until(self._gate)
        finally:
            self.held -= 1

    def take(self, path: str, params: Mapping[str, str]) -> Fault | None:
        """Return the fault that occurs in this call, if any."""
        for fault in self._faults:
            if fault.spent or not fault.concerns(path, params):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            fault.hits += 1
            return fault
        return None
