"""The pauses grow, and end growing."""

import pytest

from custom_components.growatt_onboarding.binding.timing import Timing

TIMING = Timing()


@pytest.mark.parametrize(
    ("age", "interval"),
    [
        (0, 30),
        (899, 30),
        (900, 300),
        (86_399, 300),
        (86_400, 1_800),
        (604_799, 1_800),
        (604_800, 21_600),
        (1e9, 21_600),
    ],
)
def test_the_longer_a_wait_the_rarer_the_looks(age: float, interval: float) -> None:
    assert TIMING.watch_interval(age) == interval


def test_pauses_after_outages_double_up_to_an_hour() -> None:
    pauses = [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]
    assert [TIMING.outage_pause(failures) for failures in range(1, 9)] == pauses
    # As many as come together in months.
    assert TIMING.outage_pause(100_000) == 3_600


def test_pauses_after_failures_double_unevenly_up_to_an_hour() -> None:
    pauses = [TIMING.retry_pause(failures) for failures in range(1, 9)]
    assert pauses[0] == 60
    for number, pause in enumerate(pauses[:6]):
        assert 1 <= pause / (60 * 2**number) < 1.25
    for pause in (*pauses[6:], TIMING.retry_pause(100_000)):
        assert 2_700 < pause <= 3_600


@pytest.mark.parametrize("period", [300, 600, 900, 1_800, 3_600])
def test_no_attempt_waits_for_ever_for_a_regular_neighbor(period: int) -> None:
    """Another program uses up the limit of five minutes at regular times; ours finds a gap."""
    now, met = 0.0, 0
    for failures in range(1, 25):
        now += TIMING.retry_pause(failures, TIMING.slow_cooldown)
        met += now % period >= TIMING.slow_cooldown
    assert met >= 24 * (1 - TIMING.slow_cooldown / period) - 5


def test_a_faster_clock_makes_everything_shorter() -> None:
    faster = TIMING.scaled(10)._asdict()
    assert faster == {name: value / 10 for name, value in TIMING._asdict().items()}
