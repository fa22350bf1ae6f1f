"""The simulated time, which can run faster than real time and jump ahead."""

from collections.abc import Callable
import time


def _wall_clock() -> float:
    # Not `time.time` itself: a test that freezes time has to freeze the simulator too.
    return time.time()


class Clock:
    """Simulated time in unix seconds."""

    def __init__(self, source: Callable[[], float] | None = None, factor: float = 1.0) -> None:
        """Let `factor` seconds pass per second of `source` (default: the wall clock)."""
        if factor <= 0:
            raise ValueError(f"the time factor must be above 0, not {factor}")
        self._source = source or _wall_clock
        self._factor = factor
        self._start = self._source()
        self._offset = 0.0

    def now(self) -> float:
        """Return the simulated time in unix seconds."""
        real = self._source()
        if self._factor == 1.0:
            # The general formula is off by a fraction of a microsecond, too much for exact limits.
            return real + self._offset
        return self._start + (real - self._start) * self._factor + self._offset

    def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds` of simulated time."""
        if seconds < 0:
            raise ValueError("the simulated clock cannot go back")
        self._offset += seconds
