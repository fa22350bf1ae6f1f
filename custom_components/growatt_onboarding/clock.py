"""The time, as everything here takes it: Unix time that never jumps.

The wall clock is set forward and back: by people, by a time server, or after a boot of a computer
that has no battery for its clock. No limit of a cloud and no pause may depend on that. So the wall
clock is read only once, and from then on the time since the machine booted is added. A stored
`Reading` continues our time after a restart, and also after another boot of the machine.

What people see is converted to the wall clock with `shown`.
"""

from collections.abc import Mapping
from contextlib import suppress
import math
from pathlib import Path
import time
from typing import Any, Final, NamedTuple, Self

# Without this clock, our time still never jumps, but every start counts as one of the machine.
_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# The wall clock and ours may differ by so many seconds before what is shown is corrected.
_TOLERANCE: Final = 60
# The end of the year 9999, the last that can be shown.
_LAST: Final = 253_402_300_799


def stored_time(value: object) -> float:
    """Return a stored time; JSON may have turned a float into an int.

    Raises TypeError if it is no time.
    """
    if type(value) not in {float, int} or not 0 <= value <= _LAST:  # type: ignore[operator]
        raise TypeError(value)
    return float(value)  # type: ignore[arg-type]


class Reading(NamedTuple):
    """What the clocks showed at one moment, in seconds.

    Attributes:
        boot_id: which boot of the machine it was, None where the system does not tell.
        since_boot: the time since that boot.
        now: our time.
        wall: the time of the wall clock.

    """

    boot_id: str | None
    since_boot: float
    now: float
    wall: float

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return a stored reading; raise KeyError or TypeError if it is invalid."""
        boot_id = data["boot_id"]
        if not isinstance(boot_id, str | None):
            raise TypeError(boot_id)
        return cls(boot_id, *(stored_time(data[name]) for name in cls._fields[1:]))


class _Clock:
    """Our time, and how far the wall clock is from it."""

    def __init__(self) -> None:
        self._boot_id: str | None = None
        # Our time at the boot of the machine.
        self._booted_at = wall() - _since_boot()
        self._difference = 0.0

    def now(self) -> float:
        """Return our time in seconds."""
        return self._booted_at + _since_boot()

    def resume(self, before: Reading | None, boot_id: str | None) -> float:
        """Continue from a stored reading; without one, our time is that of the wall clock.

        Returns the seconds by which our time went on since the reading without anybody knowing
        that they have passed: 0 within one boot of the machine. After another boot, our time goes
        on by as much as the wall clock is later than both were then, and never back.
        """
        self._boot_id, self._difference = boot_id, 0.0
        since_boot, time_of_wall = _since_boot(), wall()
        unproven = 0.0
        if before is None:
            self._booted_at = time_of_wall - since_boot
        elif boot_id is not None and before.boot_id == boot_id and before.since_boot <= since_boot:
            self._booted_at = before.now - before.since_boot
        else:
            unproven = max(0.0, time_of_wall - max(before.wall, before.now))
            self._booted_at = before.now + unproven - since_boot
        return unproven

    def reading(self) -> Reading:
        """Return what the clocks show now, to be stored."""
        since_boot = _since_boot()
        return Reading(self._boot_id, since_boot, self._booted_at + since_boot, wall())

    def difference(self) -> float:
        """Return by how many seconds the wall clock is ahead of ours, 0 for up to a minute.

        Stays the same until it has changed by more than a minute, so that no state flickers.
        """
        difference = wall() - self.now()
        if abs(difference - self._difference) > _TOLERANCE:
            self._difference = difference if abs(difference) > _TOLERANCE else 0.0
        return self._difference

    def shown(self, at: float) -> float:
        """Return one of our times as the wall clock has it, for people to see."""
        return at + self.difference()


def wall() -> float:
    """Return the Unix time of the wall clock, to be compared with times that others took."""
    return time.time()


def boot_id() -> str | None:
    """Return which boot of the machine this is, None if the system does not tell. Reads a file."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip() or None
    return None


def _since_boot() -> float:
    """Return the seconds since the machine booted, with those in which it was asleep."""
    return time.clock_gettime(_SINCE_BOOT)


_CLOCK: Final = _Clock()
now: Final = _CLOCK.now
resume: Final = _CLOCK.resume
reading: Final = _CLOCK.reading
difference: Final = _CLOCK.difference
shown: Final = _CLOCK.shown


def minutes_until(at: float) -> int:
    """Return the minutes until a time, rounded up to at least one."""
    return max(1, math.ceil((at - now()) / 60))
