"""When each call may be made, so that no limit of a cloud is ever passed.

One ledger holds what was called with one server and token. It survives restarts and the accounts
that used it: its records end by age.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from .timing import Timing


@dataclass(frozen=True, slots=True)
class Limit:
    """How often the same request may be made.

    Attributes:
        cooldown: seconds between two of the same request, 0 for no limit.
        per_day: calls in any 24 hours, None for no limit.

    """

    cooldown: float = 0
    per_day: int | None = None


UNLIMITED = Limit()


@dataclass(slots=True)
class _Record:
    """The last time a request was made, and the one before it."""

    last: float
    before: float | None = None


@dataclass(slots=True)
class Ledger:
    """The calls of one token.

    Attributes:
        timing: the pauses that apply.
        by_endpoint: the cloud has shown that it counts an endpoint whatever its parameters.
        paused_until: no background call before, because the cloud could not be reached.
        outages: how many calls in a row ended that way.

    """

    timing: Timing
    by_endpoint: bool = False
    paused_until: float = 0
    outages: int = 0
    _last_call: float | None = None
    _records: dict[str, dict[str, _Record]] = field(default_factory=lambda: defaultdict(dict))
    _refused_until: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    _days: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def ready_at(self, endpoint: str, subject: str, limit: Limit, now: float) -> float:
        """Return the earliest time, `now` or later, at which the call may be made."""
        # A clock set back must not keep us waiting longer than the limit itself.
        times = [now]
        if self._last_call is not None:
            times.append(min(self._last_call, now) + self.timing.call_gap)
        if limit.cooldown:
            pause = limit.cooldown + self.timing.margin
            subjects = self._records.get(endpoint, {})
            chosen: Iterable[str] = subjects if self.by_endpoint else (subject,)
            times.extend(
                min(subjects[one].last, now) + pause for one in chosen if one in subjects
            )
        if refused := self._refused_until.get(endpoint):
            longest = now + self.timing.slow_cooldown + self.timing.margin
            chosen = refused if self.by_endpoint else (subject,)
            times.extend(min(refused[one], longest) for one in chosen if one in refused)
        if limit.per_day is not None:
            calls = self._days.get(endpoint, [])
            if len(calls) >= limit.per_day:
                oldest = sorted(calls)[-limit.per_day]
                times.append(min(oldest, now) + self.timing.day + self.timing.margin)
        return max(times)

    def paused(self, now: float) -> float:
        """Return until when background work leaves a cloud alone that could not be reached.

        A person's own attempt does not wait for that.
        """
        return min(self.paused_until, now + self.timing.outage_longest)

    def record(self, endpoint: str, subject: str, limit: Limit, now: float) -> None:
        """Note that a call is being made."""
        self._last_call = now
        if limit.cooldown:
            subjects = self._records[endpoint]
            known = subjects.get(subject)
            subjects[subject] = _Record(now, known.last if known else None)
        if limit.per_day is not None:
            self._days[endpoint].append(now)

    def finished(self, endpoint: str, subject: str, now: float) -> None:
        """Note that a call ended: the cloud may have counted it as late as now."""
        if record := self._records.get(endpoint, {}).get(subject):
            record.last = max(record.last, now)

    def reached(self) -> None:
        """Note that the cloud answered."""
        self.outages = 0
        self.paused_until = 0

    def unreachable(self, now: float, retry_after: float | None = None) -> None:
        """Note that the cloud could not be reached or that its firewall refused us."""
        self.outages += 1
        self.paused_until = now + max(self.timing.outage_pause(self.outages), retry_after or 0)

    def refused(self, endpoint: str, subject: str, limit: Limit, now: float) -> None:
        """Note that the cloud said "too often" although this ledger had allowed the call.

        Where this very request had not been made for long enough, but the endpoint had with other
        parameters, the cloud counts endpoints: that is kept from then on.
        """
        pause = limit.cooldown + self.timing.margin
        subjects = self._records.get(endpoint, {})
        record = subjects.get(subject)
        repeated = (
            record is not None and record.before is not None and record.last - record.before < pause
        )
        others = any(
            now - other.last < pause for name, other in subjects.items() if name != subject
        )
        if others and not repeated:
            self.by_endpoint = True
        self._refused_until[endpoint][subject] = now + pause

    def prune(self, now: float) -> None:
        """Forget what no longer limits anything."""
        horizon = now - self.timing.slow_cooldown - self.timing.margin
        for endpoint, subjects in list(self._records.items()):
            for subject, record in list(subjects.items()):
                if record.last < horizon:
                    del subjects[subject]
            if not subjects:
                del self._records[endpoint]
        for endpoint, refused in list(self._refused_until.items()):
            for subject, until in list(refused.items()):
                if until < now:
                    del refused[subject]
            if not refused:
                del self._refused_until[endpoint]
        for endpoint, calls in list(self._days.items()):
            kept = [at for at in calls if at > now - self.timing.day - self.timing.margin]
            if kept:
                self._days[endpoint] = kept
            else:
                del self._days[endpoint]

    @property
    def empty(self) -> bool:
        """Whether nothing is worth keeping."""
        return not (self._records or self._refused_until or self._days or self.by_endpoint)

    def as_dict(self) -> dict[str, Any]:
        """Return what has to be stored."""
        return {
            "by_endpoint": self.by_endpoint,
            "paused_until": self.paused_until,
            "outages": self.outages,
            "calls": {
                endpoint: {subject: record.last for subject, record in subjects.items()}
                for endpoint, subjects in self._records.items()
            },
            "refused_until": {key: dict(value) for key, value in self._refused_until.items()},
            "days": {key: list(value) for key, value in self._days.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], timing: Timing) -> Self:
        """Return the ledger that `as_dict` described.

        Raises ValueError when the data does not describe a ledger.
        """
        try:
            ledger = cls(
                timing,
                by_endpoint=bool(data["by_endpoint"]),
                paused_until=float(data["paused_until"]),
                outages=int(data["outages"]),
            )
            for endpoint, subjects in data["calls"].items():
                for subject, last in subjects.items():
                    ledger._records[endpoint][subject] = _Record(float(last))
            for endpoint, refused in data["refused_until"].items():
                for subject, until in refused.items():
                    ledger._refused_until[endpoint][subject] = float(until)
            for endpoint, calls in data["days"].items():
                ledger._days[endpoint] = [float(at) for at in calls]
        except (KeyError, TypeError, AttributeError) as err:
            raise ValueError(str(err)) from err
        return ledger

    def usage(self, now: float) -> dict[str, dict[str, Any]]:
        """Return per endpoint how much of its limits is used up, for a bug report."""
        return {
            endpoint: {
                "requests_cooling_down": sum(
                    now - record.last < self.timing.slow_cooldown
                    for record in self._records.get(endpoint, {}).values()
                ),
                "calls_in_24_hours": len(self._days.get(endpoint, [])),
            }
            for endpoint in sorted({*self._records, *self._days})
        }
