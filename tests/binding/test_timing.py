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


@pytest.mark.parametrize("pause", [TIMING.retry_pause, TIMING.outage_pause])
def test_pauses_double_up_to_an_hour(pause: object) -> None:
    assert callable(pause)
    assert [pause(failures) for failures in range(1, 9)] == [
        60,
        120,
        240,
        480,
        960,
        1_920,
        3_600,
        3_600,
    ]
    # As many as come together in months.
    assert pause(100_000) == 3_600


def test_a_faster_clock_makes_everything_shorter() -> None:
    faster = TIMING.scaled(10)._asdict()
    assert faster == {name: value / 10 for name, value in TIMING._asdict().items()}
