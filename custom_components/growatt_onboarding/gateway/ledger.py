"""When each call may be made, so that no limit of a cloud is ever passed.

One ledger holds what was called with one server and token. It survives restarts and the accounts
that used it: its records end by age.

A time that lies in the future was noted before the clock was set back. It is taken for the
present, and kept as that, so that nothing waits longer than the limit itself from then on.

Not every call is worth a write: of most it is on disk only that their endpoint is in use. After a
crash such an endpoint counts as called at the start, whatever the parameters were.
"""

from collections import defaultdict
from collections.abc import Mapping
import math
from typing import Any, NamedTuple, Self

from ..binding.timing import CALLS_PER_DAY, Timing
from ..cloud.provider import Pace


class Limit(NamedTuple):
    """How often the same request may be made.

    Attributes:
        cooldown: seconds between two of the same request, 0 for no limit.
        per_day: calls in any 24 hours, None for no limit.

    """

    cooldown: float = 0
    per_day: int | None = None


UNLIMITED = Limit()

# Stands for every subject of an endpoint.
_ANY = "*"

type _Times = defaultdict[str, dict[str, float]]


class Ledger:
    """The calls of one token, by endpoint and by what makes two requests the same (subject).

    Attributes:
        timing: the pauses that apply.
        by_endpoint: the cloud has shown that it counts an endpoint whatever its parameters.
        paused_until: no background call before, because the cloud could not be reached.
        outages: how many calls in a row ended that way.

    """

    def __init__(self, timing: Timing) -> None:
        """Start with no calls."""
        self.timing = timing
        self.by_endpoint = False
        self.paused_until: float = 0
        self.outages = 0
        self._last_call = -math.inf
        self._calls: _Times = defaultdict(dict)
        self._refused_until: _Times = defaultdict(dict)
        self._days: dict[str, list[float]] = {}
        # What speaks against `by_endpoint`: the last request let through per endpoint, and whether
        # a different one was let through too soon after it to be counted alike.
        self._let_through: dict[str, tuple[str, float]] = {}
        self._by_parameters = False
        # Endpoints of which only this is on disk: that they are in use.
        self._in_use: set[str] = set()
        self._limits = {
            Pace.FREE: UNLIMITED,
            Pace.QUICK: Limit(timing.quick_cooldown),
            Pace.SLOW: Limit(timing.slow_cooldown),
            Pace.SLOW_DAILY: Limit(timing.slow_cooldown, CALLS_PER_DAY),
        }

    def limit(self, pace: Pace) -> Limit:
        """Return how often a call of this pace may be made."""
        return self._limits[pace]

    def soonest(self, now: float) -> float:
        """Return the earliest time, `now` or later, at which any call may be made."""
        self._last_call = min(self._last_call, now)
        return max(now, self._last_call + self.timing.call_gap)

    def ready_at(self, endpoint: str, subject: str | None, limit: Limit, now: float) -> float:
        """Return the earliest time, `now` or later, at which the call may be made.

        With no subject: a call whose parameters are not known, as when others make it.
        """
        counted = None if self._counts_endpoint(limit) else subject
        times = [self.soonest(now)]
        if limit.cooldown:
            last = _newest(self._calls.get(endpoint), counted, now)
            last = max(last, _newest(self._calls.get(endpoint), _ANY, now))
            times.append(last + limit.cooldown + self.timing.margin)
        longest = now + max(self.timing.slow_cooldown, limit.cooldown) + self.timing.margin
        times.append(_newest(self._refused_until.get(endpoint), counted, longest))
        if limit.per_day is not None and endpoint in self._days:
            calls = self._days[endpoint] = sorted(min(at, now) for at in self._days[endpoint])
            if len(calls) >= limit.per_day:
                times.append(calls[-limit.per_day] + self.timing.day + self.timing.call_longest)
        return max(times)

    def paused(self, now: float) -> float:
        """Return until when background work leaves a cloud alone that could not be reached.

        A person's own attempt does not wait for that.
        """
        if self.paused_until > now + self.timing.day:
            self.paused_until = now + self.timing.outage_longest
        return self.paused_until

    def record(self, endpoint: str, subject: str, limit: Limit, now: float) -> bool:
        """Note that a call is being made; tell whether that has to be on disk before it leaves.

        Until `finished` says better, after a crash too, it may arrive as late as a call can end.
        """
        self._last_call = now
        if limit.cooldown:
            self._calls[endpoint][subject] = now + self.timing.call_longest
        if limit.per_day is not None:
            self._days.setdefault(endpoint, []).append(now)
            return True
        # Shorter pauses are over before a restart could forget them.
        if endpoint in self._in_use or limit.cooldown <= self.timing.quick_cooldown:
            return False
        self._in_use.add(endpoint)
        return True

    def withdraw(self, endpoint: str, subject: str) -> None:
        """Take back what `record` noted last: the call was not made after all."""
        self._in_use.discard(endpoint)
        self._calls.get(endpoint, {}).pop(subject, None)
        if self._days.get(endpoint):
            self._days[endpoint].pop()

    def finished(self, endpoint: str, subject: str, now: float) -> None:
        """Note that a call ended: the cloud may have counted it as late as now."""
        if subject in self._calls.get(endpoint, {}):
            self._calls[endpoint][subject] = now

    def let_through(self, endpoint: str, subject: str, limit: Limit, now: float) -> None:
        """Note that the cloud answered a call as wanted, so counted it and let it through."""
        other, at = self._let_through.get(endpoint, (subject, now))
        # From end to end; no request takes so long that its beginning would tell otherwise.
        surely = limit.cooldown - self.timing.call_longest
        if other != subject and 0 <= now - at < surely:
            self._by_parameters = True
        self._let_through[endpoint] = (subject, now)

    def reached(self) -> None:
        """Note that the cloud answered."""
        self.outages = 0
        self.paused_until = 0

    def unreachable(self, now: float, retry_after: float | None = None) -> None:
        """Note that the cloud could not be reached or that its firewall refused us."""
        self.outages += 1
        wanted = min(retry_after or 0, self.timing.day)
        self.paused_until = now + max(self.timing.outage_pause(self.outages), wanted)

    def refused(self, endpoint: str, subject: str, limit: Limit, now: float) -> None:
        """Note that the cloud said "too often" although this ledger had allowed the call.

        Where the endpoint had been called with other parameters, the cloud may count endpoints:
        that is kept from then on. Only where it had just let different requests through, so
        somebody else may have used the token, it takes a second such refusal.
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
        self._refused_until[endpoint][subject] = now + pause

    def prune(self, now: float) -> None:
        """Forget what no longer limits anything."""
        _drop_until(self._calls, now - self.timing.slow_cooldown - self.timing.margin)
        _drop_until(self._refused_until, now)
        day = self.timing.day + self.timing.call_longest
        for endpoint, calls in list(self._days.items()):
            self._days[endpoint] = [at for at in calls if at > now - day]
            if not self._days[endpoint]:
                del self._days[endpoint]
        if self.paused_until <= now:
            self.paused_until = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is worth keeping."""
        return not (
            self._calls
            or self._refused_until
            or self._days
            or self.by_endpoint
            or self.paused_until
            or self._in_use
        )

    def close(self) -> None:
        """Note that no call follows before the ledger is stored: then the times say everything."""
        self._in_use.clear()

    def reopen(self, now: float) -> None:
        """Go on from what was stored: without a `close`, what was in use may have been called."""
        for endpoint in self._in_use:
            self._calls[endpoint][_ANY] = now
        self._in_use.clear()

    def as_dict(self) -> dict[str, Any]:
        """Return what has to be stored."""
        return {
            "in_use": sorted(self._in_use),
            "by_endpoint": self.by_endpoint,
            "paused_until": self.paused_until,
            "outages": self.outages,
            "calls": {key: dict(value) for key, value in self._calls.items()},
            "refused_until": {key: dict(value) for key, value in self._refused_until.items()},
            "days": {key: list(value) for key, value in self._days.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], timing: Timing) -> Self:
        """Return the ledger that `as_dict` described.

        Raises ValueError when the data does not describe a ledger.
        """
        try:
            ledger = cls(timing)
            ledger.by_endpoint = _checked(data["by_endpoint"], bool)
            ledger.paused_until = _number(data["paused_until"])
            ledger.outages = _checked(data["outages"], int)
            ledger._calls = _restored(data["calls"])
            ledger._refused_until = _restored(data["refused_until"])
            ledger._days = {
                key: [_number(at) for at in calls] for key, calls in data["days"].items()
            }
            ledger._in_use = {_checked(endpoint, str) for endpoint in data["in_use"]}
        except (AttributeError, KeyError, OverflowError, TypeError) as err:
            raise ValueError(f"not a ledger: {err}") from err
        return ledger

    def usage(self, now: float) -> dict[str, dict[str, Any]]:
        """Return per endpoint how much of its limits is used up, for a bug report."""
        return {
            endpoint: {
                "requests_cooling_down": sum(
                    now - last < self.timing.slow_cooldown
                    for last in self._calls.get(endpoint, {}).values()
                ),
                "calls_in_24_hours": sum(
                    now - at < self.timing.day for at in self._days.get(endpoint, ())
                ),
            }
            for endpoint in sorted({*self._calls, *self._days})
        }

    def _counts_endpoint(self, limit: Limit) -> bool:
        """Tell whether requests with different parameters have to keep apart too.

        Where that costs seconds, they do anyway: it need not be found out.
        """
        return self.by_endpoint or 0 < limit.cooldown <= self.timing.quick_cooldown


def _newest(times: dict[str, float] | None, subject: str | None, bound: float) -> float:
    """Return the last time of a subject, or of all, having pulled back what is beyond a bound."""
    if not times:
        return -math.inf
    newest = max(times.values()) if subject is None else times.get(subject, -math.inf)
    if newest > bound:
        times.update({key: min(at, bound) for key, at in times.items()})
    return min(newest, bound)


def _drop_until(times: _Times, end: float) -> None:
    """Delete the times up to an end, and the endpoints that have none left."""
    for endpoint, subjects in list(times.items()):
        for subject, at in list(subjects.items()):
            if at <= end:
                del subjects[subject]
        if not subjects:
            del times[endpoint]


def _restored(data: Mapping[str, Mapping[str, Any]]) -> _Times:
    """Return stored times."""
    times: _Times = defaultdict(dict)
    for endpoint, subjects in data.items():
        times[endpoint] = {subject: _number(at) for subject, at in subjects.items()}
    return times


def _number(value: object) -> float:
    """Return a stored time; JSON may have made a whole one an integer."""
    number = float(value) if type(value) is int else _checked(value, float)
    if not math.isfinite(number):
        raise TypeError(value)
    return number


def _checked[T](value: object, kind: type[T]) -> T:
    """Return a stored value that has to be of just this type."""
    if type(value) is not kind:
        raise TypeError(value)
    return value
