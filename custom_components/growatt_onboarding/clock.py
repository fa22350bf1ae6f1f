"""The time, as everything in the integration takes it."""

import math

from homeassistant.util import dt as dt_util


def now() -> float:
    """Return the time as Unix seconds, as everything in `binding/` takes it."""
    return dt_util.utcnow().timestamp()


def minutes_until(at: float) -> int:
    """Return how long it is until a time, in minutes as a person would say them."""
    return max(1, math.ceil((at - now()) / 60))
