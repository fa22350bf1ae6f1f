"""Rate limits per token: a minimum interval and a number of calls in 24 hours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

type LimitReading = Literal["parameters", "endpoint", "none"]

DAY = 86_400.0
# Floats of this size are off by up to a microsecond, which must not count as a violation.
TOLERANCE = 0.001


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits of one endpoint; None means unlimited. `interval` is in seconds."""

    interval: float | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A call over a limit; `early` is by how many seconds."""

    time: float
    endpoint: str
    params: dict[str, str]
    rule: Literal["interval", "per_day"]
    early: float
    token: str = field(repr=False)


type _Key = tuple[LimitReading, str, str, tuple[tuple[str, str], ...]]


class Limits:
    """Counts the calls per token and refuses those over a limit.

    The vendor's pages do not say whether "once every 5 minutes" applies to an endpoint or to
    identical requests, so both readings exist: `endpoint` and `parameters`. The number per day
    always applies to the endpoint, in any 24 hours, which is the strictest reading. A refused
    call does not count.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        rules: Mapping[str, Rule],
        reading: LimitReading,
    ) -> None:
        """Apply `rules` by endpoint; `clock` returns the time."""
        self._clock = clock
        self.rules: dict[str, Rule] = dict(rules)
        self.violations: list[Violation] = []
        self._last: dict[_Key, float] = {}
        self._counted: dict[tuple[str, str], list[float]] = {}
        self.reading = reading

    @property
    def reading(self) -> LimitReading:
        """The reading of the interval that is enforced."""
        return self._reading

    @reading.setter
    def reading(self, reading: LimitReading) -> None:
        if reading not in get_args(LimitReading.__value__):
            raise ValueError(f"unknown reading of the limits: {reading!r}")
        self._reading = reading

    def change(self, endpoint: str, **values: float | None) -> None:
        """Replace `interval` or `per_day` of an endpoint's rule."""
        rule = self.rules.get(endpoint, Rule())
        self.rules[endpoint] = replace(rule, **values)  # type: ignore[arg-type]

    def reset(self) -> None:
        """Forget all counted calls, as if a day had passed. Violations stay."""
        self._last.clear()
        self._counted.clear()

    def used_today(self, token: str, endpoint: str) -> int:
        """Return the number of counted calls of an endpoint in the last 24 hours."""
        return len(self._recent(token, endpoint, self._clock()))

    def admit(self, token: str, endpoint: str, params: Mapping[str, str]) -> Violation | None:
        """Count a call; if it exceeds a limit, return the violation instead."""
        rule = self.rules.get(endpoint)
        if rule is None or self.reading == "none":
            return None
        now = self._clock()
        # Both are recorded, so that the reading can change without a reset.
        by_parameters: _Key = (
            "parameters",
            token,
            endpoint,
            tuple(sorted(params.items())),
        )
        by_endpoint: _Key = ("endpoint", token, endpoint, ())
        key = by_parameters if self.reading == "parameters" else by_endpoint
        violation = self._check(rule, key, now, dict(params))
        if violation is not None:
            self.violations.append(violation)
            return violation
        self._last[by_parameters] = self._last[by_endpoint] = now
        self._counted[(token, endpoint)] = [*self._recent(token, endpoint, now), now]
        return None

    def _recent(self, token: str, endpoint: str, now: float) -> list[float]:
        times = self._counted.get((token, endpoint), [])
        return [time for time in times if now - time < DAY - TOLERANCE]

    def _check(self, rule: Rule, key: _Key, now: float, params: dict[str, str]) -> Violation | None:
        _, token, endpoint, _ = key
        last = self._last.get(key)
        if rule.interval is not None and last is not None:
            early = last + rule.interval - now
            if early > TOLERANCE:
                return Violation(now, endpoint, params, "interval", early, token)
        if rule.per_day is not None:
            recent = self._recent(token, endpoint, now)
            if len(recent) >= rule.per_day:
                oldest = recent[-rule.per_day] if rule.per_day else now
                return Violation(now, endpoint, params, "per_day", oldest + DAY - now, token)
        return None
