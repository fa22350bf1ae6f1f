"""The simulator's clock: simulated unix seconds that can run faster and jump ahead."""

from collections.abc import Callable
import time


def _wall_clock() -> float:
    # Looked up at each call, so that a test which freezes time freezes the simulator too.
    return time.time()


class Clock:
    """Simulated time, derived from a source of real seconds."""

    def __init__(self, source: Callable[[], float] | None = None, factor: float = 1.0) -> None:
        """Run `factor` simulated seconds per second of `source` (default: the wall clock)."""
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
            # The general formula loses a fraction of a microsecond, enough to upset exact limits.
            return real + self._offset
        return self._start + (real - self._start) * self._factor + self._offset

    def advance(self, seconds: float) -> None:
        """Jump `seconds` simulated seconds ahead; a clock never runs backwards."""
        if seconds < 0:
            raise ValueError("the simulated clock cannot go back")
        self._offset += seconds
