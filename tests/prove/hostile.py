"""Random values, strange ones above all, and how long the event loop stands still."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import gc
import json
import random
import time
from typing import Any, Final
from unittest.mock import patch

# Seconds for which nothing else runs, and a person may notice.
BLOCK: Final = 0.1

_TEXTS: Final = (
    *(
        "",
        " ",
        "0",
        "1",
        "-1",
        "true",
        "null",
        "{",
        "[",
        "[]",
        "{}",
        '{"a": 1}',
        "<html>",
        "\\u0000",
    ),
    *(
        "\u200b",
        "\ud800",
        "\udcff\ud83d",
        "\0",
        "\r\nX: y",
        "\u202e",
        "%00",
        "%ff",
        "&#0;",
        "\\",
        '"',
    ),
    *("\u0660\u0661", "\u00b2", "1e999", "9" * 400, "NaN", "Infinity", "0x1", "1_0", "1.0", "-0.0"),
    *("https://[", "http://\u0130.x", "https://xn--\u2603/", "javascript:x", "a@b.cd", "Bearer x"),
    *("DEMO000001", "S.IM.10001.1", "../..", "{secret}", "%(x)s", "%s%n", "\u0130\u1e9e\ufb01"),
)
_NUMBERS: Final = (
    *(0, 1, -1, 2**31, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e308),
    *(float("nan"), float("inf"), -float("inf"), True, False, None),
)


class Dice(random.Random):
    """Random values, the same ones for the same seed."""

    def text(self, longest: int = 2_000) -> str:
        """Return any text."""
        match self.randrange(4):
            case 0:
                return self.choice(_TEXTS)
            case 1:
                return "".join(map(chr, self.choices(range(0x300), k=self.randrange(12))))
            case 2:
                return "".join(map(chr, self.choices(range(0x110000), k=self.randrange(40))))
        return self.choice(_TEXTS) * self.randrange(1 + longest // 8)

    def value(self, depth: int = 3) -> Any:
        """Return anything that JSON can hold."""
        match self.randrange(6 if depth else 4):
            case 0 | 1:
                return self.choice(_NUMBERS)
            case 4:
                return [self.value(depth - 1) for _ in range(self.randrange(5))]
            case 5:
                return {self.text(9): self.value(depth - 1) for _ in range(self.randrange(5))}
        return self.text()

    def changed(self, value: Any) -> Any:  # noqa: PLR0911 - a line for each kind of change
        """Return a value with something in it dropped, renamed, repeated, or of another type."""
        if isinstance(value, dict) and value and self.random() < 0.9:
            name = self.choice(list(value))
            match self.randrange(8):
                case 0:
                    return {key: kept for key, kept in value.items() if key != name}
                case 1:
                    return {**value, self.text(9): value[name]}
            return {**value, name: self.changed(value[name])}
        if isinstance(value, list) and value and self.random() < 0.9:
            at = self.randrange(len(value))
            match self.randrange(8):
                case 0:
                    return value[:at]
                case 1:
                    return [*value, *value[at:] * self.randrange(30)]
            return [*value[:at], self.changed(value[at]), *value[at + 1 :]]
        match self.randrange(6):
            case 0:
                return json.dumps(value)
            case 1:
                return str(value)
            case 2:
                return [value]
        return self.value()

    def deep(self) -> bytes:
        """Return JSON that is nested too deeply, or too long."""
        piece = self.choice((b"[", b'{"data":', b"1", b'"a', b"[{},", b"\\u", b"&amp;", b" "))
        return piece * self.randrange(1, 900_000 // len(piece))


def is_frequent(text: str) -> bool:
    """Return whether random values often are this text, or nothing but repetitions of it."""
    return text in map(str, _NUMBERS[:8]) or any(not text.replace(one, "") for one in _TEXTS if one)


@dataclass
class Blocks:
    """How long the event loop stood still, in seconds of work of its own thread.

    A slow machine, or another program, does not count; what the garbage collector does neither.
    """

    longest: float = 0.0
    _began: float = field(default_factory=time.thread_time)

    def start(self) -> None:
        """Begin a piece of work."""
        self._began = time.thread_time()

    def end(self) -> None:
        """End it, and begin the next."""
        self.longest = max(self.longest, time.thread_time() - self._began)
        self.start()


@contextmanager
def blocks() -> Iterator[Blocks]:
    """Measure everything that the event loop runs."""
    found = Blocks()
    run: Callable[[asyncio.Handle], None] = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        found.start()
        run(handle)
        found.end()

    enabled = gc.isenabled()
    gc.disable()
    try:
        with patch.object(asyncio.Handle, "_run", measured):
            yield found
    finally:
        if enabled:
            gc.enable()
