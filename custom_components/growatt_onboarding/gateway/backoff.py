"""The pauses of what failed by itself while the cloud could be reached."""

from collections.abc import Hashable

from ..binding.timing import Timing
from ..clock import now


class _Pause:
    """How often something has failed in a row, when it last did, and how long it pauses then."""

    def __init__(self, failures: int, began: float, seconds: float) -> None:
        self.failures = failures
        self.began = began
        self.end = began + seconds


class Backoff:
    """What failed, and until when it pauses. Each further failure in a row doubles the pause."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._pauses: dict[Hashable, _Pause] = {}

    def __len__(self) -> int:
        """Return how many pauses there are."""
        return len(self._pauses)

    def until(self, *keys: Hashable) -> float:
        """Return when the last pause of these ends, 0 if there is none."""
        return max((pause.end for key in keys if (pause := self._pauses.get(key))), default=0.0)

    def add(self, key: Hashable, *, first: float = 0, at_least: float = 0) -> None:
        """Record a failure.

        The first pause is no shorter than `first` seconds, none is shorter than `at_least`.
        """
        time = now()
        forgotten = time - self._timing.retry_longest
        self._pauses = {old: pause for old, pause in self._pauses.items() if pause.end > forgotten}
        before = self._pauses.get(key)
        failures = 1 if before is None else before.failures + 1
        pause = self._timing.retry_pause(failures, first)
        self._pauses[key] = _Pause(failures, time, max(pause, at_least))

    def shorten(self, *keys: Hashable) -> None:
        """Let what somebody asks for be tried now, but never more than once a minute."""
        for key in keys:
            if (pause := self._pauses.get(key)) is not None:
                pause.end = min(pause.end, pause.began + self._timing.retry_first)

    def end(self, *keys: Hashable) -> None:
        """Record a success."""
        for key in keys:
            self._pauses.pop(key, None)
