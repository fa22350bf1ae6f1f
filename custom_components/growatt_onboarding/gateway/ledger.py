"""The ledger: when each call may be made, so that no limit of a cloud is ever exceeded.

A ledger holds the calls made to one server with one set of credentials. It survives restarts and
the accounts that used it; its records expire by age.

All times are those of our own clock, which never jumps. After another boot of the machine nobody
knows for sure how long it was off, so that time counts as none.

Most calls are not written to disk one by one, only that their endpoint is in use. After a crash
such an endpoint counts as called at the start, whatever the parameters.
"""

from collections import defaultdict
from collections.abc import Mapping
import math
from typing import Any, NamedTuple, Self

from ..binding.timing import CALLS_PER_DAY, Timing
from ..clock import stored_time
from ..cloud.provider import Pace


class Limit(NamedTuple):
    """How often the same request may be made."""

    cooldown: float = 0  # seconds between two identical requests, 0 for no limit
    per_day: int | None = None  # calls in any 24 hours, None for no limit


UNLIMITED = Limit()

# A subject that stands for all subjects of an endpoint.
_ANY = "*"

type _Times = defaultdict[str, dict[str, float]]


class Ledger:
    """The calls with one set of credentials, by endpoint and by subject (`Call.subject`).

    Attributes:
        by_endpoint: whether the cloud was found to limit an endpoint across all parameters.
        lost_at: when the records of calls were found to be lost, None if they were not. Whatever
            has a limit counts as called once then. It is the same for all ledgers, and not stored
            with each of them.
        paused_until: no background calls before this time, because the cloud was unreachable.
            Calls that a person waits for are not affected.
        paused_from: when the cloud was last unreachable.
        outages: how many calls in a row failed to reach the cloud.

    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.by_endpoint = False
        self.lost_at: float | None = None
        self.paused_until: float = 0
        self.paused_from: float = 0
        self.outages = 0
        self._last_call = -math.inf
        # When somebody last asked for an attempt.
        self._wanted_at = -math.inf
        self._calls: _Times = defaultdict(dict)
        self._refused_until: _Times = defaultdict(dict)
        self._days: dict[str, list[float]] = {}
        # Evidence against `by_endpoint`: the last request let through per endpoint, and whether a
        # different one was let through too soon afterwards to share its limit.
        self._let_through: dict[str, tuple[str, float]] = {}
        self._by_parameters = False
        # Endpoints of which only their use is on disk, not each call.
        self._in_use: set[str] = set()
        self._limits = {
            Pace.FREE: UNLIMITED,
            Pace.QUICK: Limit(timing.quick_cooldown),
            Pace.SLOW: Limit(timing.slow_cooldown),
            Pace.SLOW_DAILY: Limit(timing.slow_cooldown, CALLS_PER_DAY),
        }
        self.longest_cooldown = max(limit.cooldown for limit in self._limits.values())

    def limit(self, pace: Pace) -> Limit:
        """Return how often a call of this pace may be made."""
        return self._limits[pace]

    def soonest(self, now: float) -> float:
        """Return the earliest time, `now` or later, at which any call may be made."""
        return max(now, self._last_call + self.timing.call_gap)

    def ready_at(self, endpoint: str, subject: str | None, limit: Limit, now: float) -> float:
        """Return the earliest time, `now` or later, at which the call may be made.

        Without a subject: for a call with any parameters.
        """
        counted = None if self._counts_endpoint(limit) else subject
        times = [self.soonest(now)]
        lost_at = -math.inf if self.lost_at is None else self.lost_at
        if limit.cooldown:
            calls = self._calls.get(endpoint)
            # That of a call in progress is in the future.
            last = min(max(_newest(calls, counted), _newest(calls, _ANY)), now)
            times.append(max(last, lost_at) + limit.cooldown + self.timing.margin)
        times.append(_newest(self._refused_until.get(endpoint), counted))
        if limit.per_day is not None:
            latest = sorted((lost_at, *self._days.get(endpoint, ())))[-limit.per_day :]
            if len(latest) == limit.per_day:
                times.append(latest[0] + self.timing.day + self.timing.call_longest)
        return max(times)

    def record(self, endpoint: str, subject: str, limit: Limit, now: float) -> bool:
        """Record that a call is being made; return whether this must be on disk before it leaves.

        Until `finished` corrects it, even after a crash, it counts as made when it would end at
        the latest.
        """
        self._last_call = now
        if limit.cooldown:
            self._calls[endpoint][subject] = now + self.timing.call_longest
        if limit.per_day is not None:
            self._days.setdefault(endpoint, []).append(now)
            return True
        # Shorter pauses end before a restart could lose them.
        if endpoint in self._in_use or limit.cooldown <= self.timing.quick_cooldown:
            return False
        self._in_use.add(endpoint)
        return True

    def withdraw(self, endpoint: str, subject: str) -> None:
        """Undo the last `record` of a call that was not made after all."""
        self._in_use.discard(endpoint)
        self._calls.get(endpoint, {}).pop(subject, None)
        if self._days.get(endpoint):
            self._days[endpoint].pop()

    def finished(self, endpoint: str, subject: str, now: float) -> None:
        """Record that a call ended: the cloud may have counted it as late as now."""
        if subject in self._calls.get(endpoint, {}):
            self._calls[endpoint][subject] = now

    def let_through(self, endpoint: str, subject: str, limit: Limit, now: float) -> None:
        """Record that the cloud let a call through, and so counted it."""
        other, at = self._let_through.get(endpoint, (subject, now))
        # Both times are ends of calls; this allows for when the second one began.
        surely = limit.cooldown - self.timing.call_longest
        if other != subject and now - at < surely:
            self._by_parameters = True
        self._let_through[endpoint] = (subject, now)

    def reached(self) -> None:
        """Record that the cloud answered."""
        self.outages = 0
        self.paused_until = 0

    def unreachable(self, now: float, retry_after: float | None = None) -> None:
        """Record that the cloud could not be reached or that its firewall refused us."""
        self.outages += 1
        wanted = min(retry_after or 0, self.timing.day)
        self.paused_from = now
        self.paused_until = now + max(self.timing.outage_pause(self.outages), wanted)
        if self._wanted_at > self._last_call:
            self.shorten_pause(self._wanted_at)

    def shorten_pause(self, now: float) -> None:
        """Let an attempt be made, as somebody asks for one: at once, but never twice a minute."""
        self._wanted_at = now
        self.paused_until = min(self.paused_until, self.paused_from + self.timing.outage_first)

    def refused(
        self, endpoint: str, subject: str, limit: Limit, now: float, retry_after: float = 0
    ) -> None:
        """Record that the cloud answered "too often" although this ledger allowed the call.

        It waits for the usual pause, or for `retry_after` seconds where the cloud wants more.

        If the endpoint was just called with other parameters, the cloud seems to limit endpoints,
        which is remembered. But if it recently let different requests through, somebody else may
        have used the credentials: then it takes a second such refusal.
        """
        pause = limit.cooldown + self.timing.margin
        if not self._counts_endpoint(limit) and any(
            now - last < pause
            for other, last in self._calls.get(endpoint, {}).items()
            if other != subject
        ):
            self.by_endpoint = not self._by_parameters
            self._by_parameters = False
            self._let_through.clear()
        wanted = min(retry_after, self.timing.day) + self.timing.margin
        self._refused_until[endpoint][subject] = now + max(pause, wanted)

    def prune(self, now: float) -> None:
        """Drop the records that no longer limit anything."""
        self._calls = _after(now - self.longest_cooldown - self.timing.margin, self._calls)
        self._refused_until = _after(now, self._refused_until)
        start = now - self.timing.day - self.timing.call_longest
        days = {key: [at for at in calls if at > start] for key, calls in self._days.items()}
        self._days = {endpoint: calls for endpoint, calls in days.items() if calls}
        if self.paused_until <= now:
            self.paused_until = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.holds_back or self.by_endpoint or self.paused_until or self._in_use)

    @property
    def holds_back(self) -> bool:
        """Whether there are calls that may keep others from being made."""
        return bool(self._calls or self._refused_until or self._days)

    def close(self) -> None:
        """Record a clean stop: no call follows, so the recorded times are complete."""
        self._in_use.clear()

    def reopen(self, now: float, unproven: float = 0) -> None:
        """Continue after a start: without `close`, endpoints in use may just have been called.

        Of the time since all this was stored, so many seconds are `unproven`: the limits count them
        as none. Whatever was stored, no record is in the future, and no pause lasts longer than its
        kind can.
        """
        longest = self.timing.day + self.timing.margin
        self._calls = _moved(self._calls, unproven, now)
        self._refused_until = _moved(self._refused_until, unproven, now + longest)
        self._days = {
            endpoint: [min(at + unproven, now) for at in calls]
            for endpoint, calls in self._days.items()
        }
        self.paused_from = min(self.paused_from, now)
        self.paused_until = min(self.paused_until, now + self.timing.day)
        for endpoint in self._in_use:
            self._calls[endpoint][_ANY] = now
        self._in_use.clear()

    def as_dict(self) -> dict[str, Any]:
        """Return the data to store."""
        return {
            "in_use": sorted(self._in_use),
            "by_endpoint": self.by_endpoint,
            "paused_from": self.paused_from,
            "paused_until": self.paused_until,
            "outages": self.outages,
            "calls": {key: dict(value) for key, value in self._calls.items()},
            "refused_until": {key: dict(value) for key, value in self._refused_until.items()},
            "days": {key: list(value) for key, value in self._days.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], timing: Timing) -> Self:
        """Return the ledger from `as_dict` data; raise ValueError if the data is invalid."""
        try:
            ledger = cls(timing)
            ledger.by_endpoint = _checked(data["by_endpoint"], bool)
            ledger.paused_from = stored_time(data["paused_from"])
            ledger.paused_until = stored_time(data["paused_until"])
            ledger.outages = _checked(data["outages"], int)
            ledger._calls = _restored(data["calls"])
            ledger._refused_until = _restored(data["refused_until"])
            ledger._days = {
                key: [stored_time(at) for at in calls] for key, calls in data["days"].items()
            }
            ledger._in_use = {_checked(endpoint, str) for endpoint in data["in_use"]}
        except (AttributeError, KeyError, TypeError) as err:
            raise ValueError(f"not a ledger: {err}") from err
        return ledger

    def usage(self, now: float) -> dict[str, dict[str, Any]]:
        """Return how much of its limits each endpoint has used, for diagnostics."""
        return {
            endpoint: {
                "requests_cooling_down": sum(
                    now - last < self.longest_cooldown
                    for last in self._calls.get(endpoint, {}).values()
                ),
                "calls_in_24_hours": sum(
                    now - at < self.timing.day for at in self._days.get(endpoint, ())
                ),
            }
            for endpoint in sorted({*self._calls, *self._days})
        }

    def _counts_endpoint(self, limit: Limit) -> bool:
        """Return whether requests with different parameters share the limit.

        Where a limit is only seconds, it is always shared: that costs little.
        """
        return self.by_endpoint or 0 < limit.cooldown <= self.timing.quick_cooldown


def _newest(times: dict[str, float] | None, subject: str | None) -> float:
    """Return the latest time of a subject (None: of all)."""
    if not times:
        return -math.inf
    return max(times.values()) if subject is None else times.get(subject, -math.inf)


def _moved(times: _Times, by: float, latest: float) -> _Times:
    """Return the times moved by so many seconds, but none later than `latest`."""
    moved = {
        endpoint: {subject: min(at + by, latest) for subject, at in subjects.items()}
        for endpoint, subjects in times.items()
    }
    return defaultdict(dict, moved)


def _after(start: float, times: _Times) -> _Times:
    """Return the times after `start`, without endpoints that have none."""
    kept = {
        endpoint: {subject: at for subject, at in subjects.items() if at > start}
        for endpoint, subjects in times.items()
    }
    return defaultdict(dict, {endpoint: left for endpoint, left in kept.items() if left})


def _restored(data: Mapping[str, Mapping[str, Any]]) -> _Times:
    restored = {
        endpoint: {subject: stored_time(at) for subject, at in subjects.items()}
        for endpoint, subjects in data.items()
    }
    return defaultdict(dict, restored)


def _checked[T](value: object, kind: type[T]) -> T:
    """Return a stored value of exactly this type; raise TypeError if it is not."""
    if type(value) is not kind:
        raise TypeError(value)
    return value
