"""A cloud that says "too often", be it our calls or those of another program, is asked less."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
import itertools

from homeassistant.util import dt as dt_util
import pytest

from simulator.growatt import INSTALLER_TOKEN
from tests.home import Home

SN, OTHER_SN = "SIM0000001", "SIM0000002"
HOUR, DAY = 3_600, 86_400
ADD = "device/sn/add"
LIST = "device/list"
HOLDER = "plant/sn_plant"
WATCH = "new-api/queryDeviceList"
# What each version of the API answers then.
TOO_OFTEN = {WATCH: 102, LIST: 10012, HOLDER: 10012, ADD: 10012}


def gaps(home: Home, path: str) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(home.times(path))]


@pytest.mark.parametrize("path", [LIST, ADD])
async def test_each_refusal_makes_the_pause_longer(home: Home, path: str) -> None:
    """Up to an hour, like any other failure."""
    home.token.may_v4 = False
    home.faults.add(path, kind="code", code=TOO_OFTEN[path], times=None)
    home.add_devices([SN], online=True)
    await home.add(SN)
    await asyncio.sleep(8 * HOUR)
    pauses = [round(pause) for pause in gaps(home, path)]
    assert pauses[:4] == sorted(pauses[:4])
    assert pauses[0] == pytest.approx(303, abs=5)
    assert all(HOUR / 2 < pause < HOUR + 5 for pause in pauses[4:])

    home.faults.clear()
    await home.shows("associated", SN)


async def test_refused_list_of_all_devices_is_taken_for_missing(home: Home) -> None:
    """The plants' own lists are read as often as without it."""
    home.faults.add(WATCH, kind="code", code=TOO_OFTEN[WATCH], times=None)
    await home.accept(SN)
    looks, watches = home.asked(LIST), home.asked(WATCH)
    await asyncio.sleep(6 * HOUR)
    looks = home.asked(LIST) - looks
    assert 4 < home.asked(WATCH) - watches < 14

    home.faults.clear()
    await asyncio.sleep(HOUR)
    before, watches = home.asked(LIST), home.asked(WATCH)
    await asyncio.sleep(HOUR)
    assert home.asked(WATCH) - watches > home.asked(LIST) - before > 0

    home.remove_inverter(home.entry, SN)
    home.token.may_v4 = False
    await home.accept(OTHER_SN)
    before = home.asked(LIST)
    await asyncio.sleep(6 * HOUR)
    assert home.asked(LIST) - before == pytest.approx(looks, abs=3)


async def stay(_: Home) -> None:
    """Nothing happens meanwhile."""


async def restart(home: Home) -> None:
    await home.restart()


async def crash(home: Home) -> None:
    # What was learned is written in the background.
    await asyncio.sleep(1)
    await home.restart(crash=True)


def seconds(_: datetime) -> str:
    return "3600"


def date(now: datetime) -> str:
    """Return a date instead, which counts from that of the answer."""
    return format_datetime(now + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize("meanwhile", [stay, restart, crash])
@pytest.mark.parametrize("header", [seconds, date])
@pytest.mark.parametrize("path", [LIST, WATCH])
async def test_the_pause_that_the_server_asks_for_is_kept(
    home: Home,
    path: str,
    header: Callable[[datetime], str],
    meanwhile: Callable[[Home], Awaitable[None]],
) -> None:
    await home.accept(SN)
    home.token.may_v4 = path == WATCH
    # The date of an answer is that of the machine.
    retry_after = header(datetime.now(dt_util.UTC) if header is date else dt_util.utcnow())
    refusal = home.faults.add(path, kind="too_many", retry_after=retry_after)
    await home.check([SN])
    await home.clock.until(lambda: refusal.spent)
    await asyncio.sleep(1)
    refused = home.times(path)[-1]
    await meanwhile(home)
    # Nor does a person's request pass a limit.
    await home.check([SN])
    await asyncio.sleep(2 * HOUR)
    after = [time for time in home.times(path) if time > refused]
    # A date is in whole seconds.
    assert after[0] - refused == pytest.approx(HOUR, abs=40)
    assert after[0] - refused >= HOUR - (header is date)

    home.growatt.bring_online(SN)
    await home.shows("associated", SN)


async def test_another_program_with_the_same_token(home: Home) -> None:
    """It reads what we want to read, as often as it may: what is left to us is enough."""
    await home.accept(SN)

    async def other(path: str, every: float) -> None:
        while True:
            home.growatt.limits.admit(INSTALLER_TOKEN, path, {})
            await asyncio.sleep(every)

    home.growatt.limits.reading = "endpoint"
    async with asyncio.TaskGroup() as programs:
        tasks = [programs.create_task(other(WATCH, 20)), programs.create_task(other(LIST, 330))]
        asked = home.asked("*")
        await asyncio.sleep(6 * HOUR)
        # Alone we would ask as often.
        assert home.asked("*") - asked < 150
        home.growatt.bring_online(SN)
        await home.shows("associated", SN, seconds=DAY)
        for task in tasks:
            task.cancel()
