"""The current time, as used throughout the integration."""

import math

from homeassistant.util import dt as dt_util


def now() -> float:
    """Return the current Unix time in seconds."""
    return dt_util.utcnow().timestamp()


def minutes_until(at: float) -> int:
    """Return the minutes until a time, rounded up to at least one."""
    return max(1, math.ceil((at - now()) / 60))
