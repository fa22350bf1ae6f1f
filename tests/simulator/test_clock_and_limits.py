"""The clock and the counting of calls, without a server."""

import pytest

from simulator.clock import Clock
from simulator.limits import LimitReading, Limits, Rule

DAY = 86_400.0
TOKEN = "T" * 32


class Source:
    """Real time that the test moves."""

    def __init__(self) -> None:
        """Begin near the present, where floats are coarse."""
        self.time = 1_900_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.time


@pytest.fixture
def source() -> Source:
    """Return a clock's source."""
    return Source()


def limits(source: Source, rule: Rule, reading: LimitReading = "parameters") -> Limits:
    """Return limits with one rule, for the endpoint "list"."""
    return Limits(source, {"list": rule}, reading)


def test_clock_follows_its_source(source: Source) -> None:
    """Without a factor the simulated time is exactly the real one."""
    clock = Clock(source)
    source.time += 0.125
    assert clock.now() == source.time


def test_clock_runs_faster_and_jumps(source: Source) -> None:
    """A factor multiplies real seconds; a jump comes on top and is not multiplied."""
    clock = Clock(source, factor=60)
    source.time += 2
    clock.advance(10)
    assert clock.now() == pytest.approx(source.time - 2 + 120 + 10, abs=1e-3)


@pytest.mark.parametrize("factor", [0, -1])
def test_clock_refuses_a_standstill(factor: float) -> None:
    """Time that stands or runs backwards is refused."""
    with pytest.raises(ValueError, match="factor"):
        Clock(factor=factor)


def test_clock_never_goes_back(source: Source) -> None:
    """A negative jump is refused."""
    with pytest.raises(ValueError, match="go back"):
        Clock(source).advance(-1)


def test_interval_ends_exactly(source: Source) -> None:
    """A call is refused up to the interval's end and admitted at it."""
    counted = limits(source, Rule(interval=300))
    assert counted.admit(TOKEN, "list", {}) is None
    source.time += 299.99
    violation = counted.admit(TOKEN, "list", {})
    assert violation is not None
    assert (violation.rule, violation.endpoint) == ("interval", "list")
    assert violation.early == pytest.approx(0.01, abs=1e-3)
    source.time += 0.01
    assert counted.admit(TOKEN, "list", {}) is None
    assert counted.violations == [violation]


def test_refused_call_does_not_count(source: Source) -> None:
    """A refusal neither prolongs the interval nor uses up the day."""
    counted = limits(source, Rule(interval=300, per_day=2))
    counted.admit(TOKEN, "list", {})
    source.time += 200
    assert counted.admit(TOKEN, "list", {}) is not None
    source.time += 100
    assert counted.admit(TOKEN, "list", {}) is None
    assert counted.used_today(TOKEN, "list") == 2


@pytest.mark.parametrize(
    ("reading", "other", "same"),
    [("parameters", False, True), ("endpoint", True, True), ("none", False, False)],
)
def test_readings(source: Source, reading: LimitReading, *, other: bool, same: bool) -> None:
    """The readings disagree about other parameters, not about the same in another order."""
    counted = limits(source, Rule(interval=300), reading)
    counted.admit(TOKEN, "list", {"a": "1", "b": "2"})
    assert (counted.admit(TOKEN, "list", {"a": "1", "b": "3"}) is not None) is other
    assert (counted.admit(TOKEN, "list", {"b": "2", "a": "1"}) is not None) is same


def test_reading_can_change_while_counting(source: Source) -> None:
    """Calls made under one reading count under the other."""
    counted = limits(source, Rule(interval=300))
    counted.admit(TOKEN, "list", {"plant_id": "1"})
    counted.reading = "endpoint"
    assert counted.admit(TOKEN, "list", {"plant_id": "2"}) is not None


def test_unknown_reading_is_refused(source: Source) -> None:
    """A misspelt reading does not switch the limits off."""
    with pytest.raises(ValueError, match="endpoints"):
        limits(source, Rule()).reading = "endpoints"  # type: ignore[assignment]


def test_tokens_are_counted_apart(source: Source) -> None:
    """One token's calls leave another's alone."""
    counted = limits(source, Rule(interval=300, per_day=1))
    counted.admit(TOKEN, "list", {})
    assert counted.admit("U" * 32, "list", {}) is None


def test_budget_is_any_24_hours(source: Source) -> None:
    """The eleventh call waits until the first is a day old, whatever its parameters."""
    counted = limits(source, Rule(per_day=10))
    for number in range(10):
        assert counted.admit(TOKEN, "list", {"page": str(number)}) is None
        source.time += 3600
    violation = counted.admit(TOKEN, "list", {"page": "10"})
    assert violation is not None
    assert violation.rule == "per_day"
    assert violation.early == pytest.approx(14 * 3600, abs=1e-3)
    source.time += 14 * 3600
    assert counted.admit(TOKEN, "list", {"page": "10"}) is None
    assert counted.admit(TOKEN, "list", {"page": "11"}) is not None


def test_rules_change_and_reset(source: Source) -> None:
    """A test can tighten a rule, or begin a new day."""
    counted = limits(source, Rule(interval=300))
    counted.change("list", per_day=1)
    counted.admit(TOKEN, "list", {})
    source.time += 300
    violation = counted.admit(TOKEN, "list", {})
    assert violation is not None
    assert violation.rule == "per_day"
    counted.reset()
    assert counted.admit(TOKEN, "list", {}) is None
    assert counted.rules["list"] == Rule(interval=300, per_day=1)


def test_violation_hides_its_token(source: Source) -> None:
    """A violation can be printed without giving a token away."""
    counted = limits(source, Rule(per_day=0))
    assert TOKEN not in repr(counted.admit(TOKEN, "list", {}))


def test_endpoint_without_a_rule_is_free(source: Source) -> None:
    """What has no documented limit has none."""
    counted = limits(source, Rule())
    assert [counted.admit(TOKEN, name, {}) for name in ("list", "list", "other", "other")] == [
        None
    ] * 4
