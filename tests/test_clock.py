"""Our time: it never jumps, whatever happens to the wall clock."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from custom_components.growatt_onboarding import clock
from custom_components.growatt_onboarding.clock import Reading, stored_time

from .prove.timelapse import START, Timelapse

T = START.timestamp()
HOUR = 3_600.0
DAY = 86_400.0


@pytest.fixture
async def time() -> AsyncGenerator[Timelapse]:
    with Timelapse() as timelapse:
        yield timelapse


async def test_our_time_begins_with_that_of_the_wall_clock_and_leaves_it(time: Timelapse) -> None:
    assert clock.now() == T
    await asyncio.sleep(100)
    assert clock.now() == clock.wall() == T + 100
    for seconds in (400, -12 * HOUR, 7 * DAY):
        time.set_wall(seconds)
        await asyncio.sleep(1)
    assert clock.now() == T + 103
    assert clock.wall() == clock.now() + 400 - 12 * HOUR + 7 * DAY


@pytest.mark.parametrize("seconds", [0, 400, -12 * HOUR])
async def test_a_restart_within_one_boot_is_exact(time: Timelapse, seconds: float) -> None:
    clock.resume(None, clock.boot_id())
    before = clock.reading()
    await asyncio.sleep(1_000)
    time.set_wall(seconds)
    assert clock.resume(before, clock.boot_id()) == 0
    # A sleep may end a microsecond late.
    assert clock.now() == pytest.approx(T + 1_000, rel=0, abs=0.001)


@pytest.mark.parametrize(
    ("ahead", "off", "booted", "unproven"),
    [
        (0, 600, 0, 600),  # the wall clock is right all the time
        (0, 600, -HOUR, 0),  # boots behind
        (0, 600, -60, 540),
        (0, 600, DAY, 600 + DAY),  # boots ahead: nobody can tell that
        (DAY, 600, 0, 600),  # was ahead, and still is
        (DAY, 600, -DAY, 600 - DAY),  # was ahead, and is right again
        (-DAY, 600, 0, 600 - DAY),  # was behind, and still is
        (-DAY, 600, DAY, 600),  # was behind, and is right again
    ],
)
async def test_after_another_boot_our_time_goes_on_as_far_as_both_clocks_allow(
    time: Timelapse, ahead: float, off: float, booted: float, unproven: float
) -> None:
    clock.resume(None, clock.boot_id())
    await asyncio.sleep(1_000)
    time.set_wall(ahead)
    before = clock.reading()
    time.reboot(off)
    time.set_wall(booted)
    assert clock.resume(before, clock.boot_id()) == pytest.approx(max(0, unproven))
    assert clock.now() == pytest.approx(before.now + max(0, unproven))
    await asyncio.sleep(10)
    assert clock.now() == pytest.approx(before.now + max(0, unproven) + 10)


async def test_where_nothing_tells_the_boot_each_start_counts_as_one(time: Timelapse) -> None:
    clock.resume(None, None)
    before = clock.reading()
    await asyncio.sleep(100)
    assert clock.resume(before, None) == 100
    # The id alone proves nothing either: it cannot be the same boot.
    before = clock.reading()._replace(boot_id="boot", since_boot=1e6)
    await asyncio.sleep(100)
    assert clock.resume(before, "boot") == 100


async def test_what_is_shown_is_right_after_the_clock_was_set(time: Timelapse) -> None:
    for seconds, difference in (
        (50, 0),  # seconds are no jump
        (350, 400),
        (50, 400),  # and it is held steady
        (-100, 400),
        (-400, 0),
        (-12 * HOUR, -12 * HOUR - 50),
    ):
        time.set_wall(seconds)
        assert clock.difference() == pytest.approx(difference, abs=1e-3)
        assert clock.shown(T) == pytest.approx(T + difference, abs=1e-3)


async def test_a_restart_shows_what_the_wall_clock_shows(time: Timelapse) -> None:
    clock.resume(None, clock.boot_id())
    before = clock.reading()
    time.set_wall(HOUR)
    assert clock.shown(T) == T + HOUR
    clock.resume(before, clock.boot_id())
    assert clock.shown(T) == T + HOUR


def test_a_reading_is_stored() -> None:
    before = clock.reading()
    assert Reading.from_dict(before._asdict()) == before
    assert Reading.from_dict({**before._asdict(), "of a later version": 1}) == before


@pytest.mark.parametrize(
    "change",
    [
        {"boot_id": 1},
        {"since_boot": None},
        {"now": "1"},
        {"now": True},
        {"now": 1e300},
        {"wall": -1.0},
        {"wall": float("nan")},
    ],
    ids=str,
)
def test_what_is_no_reading(change: dict[str, Any]) -> None:
    data = {**clock.reading()._asdict(), **change}
    with pytest.raises(TypeError):
        Reading.from_dict(data)
    with pytest.raises(KeyError):
        Reading.from_dict({key: value for key, value in data.items() if key not in change})


@pytest.mark.parametrize("value", [-1, 10**400, float("inf"), "1", True, None, [1.0]])
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(TypeError):
        stored_time(value)


def test_the_boot_is_known_where_the_system_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "boot_id")
    assert clock.boot_id() is None
    for content, known in (("\n", None), ("1b\n", "1b")):
        (tmp_path / "boot_id").write_text(content)
        assert clock.boot_id() == known
