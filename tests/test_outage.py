"""While the cloud cannot be reached, and after: what a person asks for is tried at once."""

import asyncio
from collections.abc import Awaitable, Callable
import itertools

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from tests.prove.world import Log

from .home import Home

SN, OTHER_SN = "SIM0000001", "SIM0000002"
MINUTE, HOUR = 60, 3_600
ADD = "device/sn/add"
CHECK = "device/check/sn"
HOLDER = "plant/sn_plant"
LIST = "device/list"
WATCH = "new-api/queryDeviceList"


def button(home: Home) -> str:
    entity_id = er.async_get(home.hass).async_get_entity_id("button", DOMAIN, f"{SN}_check_now")
    assert entity_id is not None
    return entity_id


async def press(home: Home) -> None:
    state = home.hass.states.get(button(home))
    assert state is not None
    assert state.state != STATE_UNAVAILABLE
    data = {"entity_id": button(home)}
    await home.hass.services.async_call("button", "press", data, blocking=True)


async def check(home: Home) -> None:
    # It waits for what it asks for.
    assert await home.check([SN], timeout=30) == {SN: "associated"}


async def update(home: Home) -> None:
    assert await async_setup_component(home.hass, "homeassistant", {})
    await home.hass.services.async_call(
        "homeassistant", "update_entity", {"entity_id": home.entity_id(SN)}, blocking=True
    )


async def bind_another(home: Home) -> None:
    home.add_devices([OTHER_SN], online=True)
    assert await home.add(OTHER_SN, timeout=30) == {OTHER_SN: "accepted"}


async def reload(home: Home) -> None:
    await home.reload(home.entry)


async def restart(home: Home) -> None:
    await home.restart()


async def crash(home: Home) -> None:
    await home.restart(crash=True)


async def outage(home: Home) -> None:
    """Have nothing reach the cloud until it is asked once an hour; then it is there again."""
    home.faults.add(kind="firewall", times=None)
    await asyncio.sleep(5 * HOUR)
    assert home.status(SN) == STATE_UNAVAILABLE
    home.faults.clear()
    # Without anybody who asks, the next attempt is far away.
    asked = home.asked("*")
    await asyncio.sleep(2 * MINUTE)
    assert home.asked("*") == asked


@pytest.mark.parametrize("ask", [press, check, update, bind_another, reload, restart, crash])
async def test_after_an_outage_a_person_need_not_wait(
    home: Home, ask: Callable[[Home], Awaitable[None]]
) -> None:
    await home.accept(SN)
    await outage(home)
    home.growatt.bring_online(SN)
    await ask(home)
    assert await home.shows("associated", SN) < MINUTE


async def test_submitting_again_is_tried_at_once(home: Home) -> None:
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    home.add_devices([SN], plant_id=elsewhere)
    await home.add(SN)
    await home.shows("conflict", SN)
    await home.accept(OTHER_SN)
    await outage(home)
    home.growatt.remove_from_plant(SN)
    await home.coordinator.async_submit_again(SN)
    await home.shows("accepted", SN, seconds=30)


@pytest.mark.parametrize("ask", [press, update, reload])
async def test_a_loop_of_requests_does_not_hammer(
    home: Home, ask: Callable[[Home], Awaitable[None]]
) -> None:
    """One attempt a minute at most, as long as it lasts."""
    await home.accept(SN)
    home.faults.add(kind="hang", times=None)
    await asyncio.sleep(5 * HOUR)
    asked = home.asked("*")
    for _ in range(HOUR // 10):
        await ask(home)
        await asyncio.sleep(10)
    times = home.times("*")[asked:]
    assert 10 < len(times) <= 60
    assert all(later - earlier >= MINUTE for earlier, later in itertools.pairwise(times))

    # Once the loop ends, it is asked as rarely as before.
    asked = home.asked("*")
    await asyncio.sleep(3 * HOUR)
    assert home.asked("*") - asked <= 4
    home.faults.clear()
    home.growatt.bring_online(SN)
    await press(home)
    assert await home.shows("associated", SN) <= MINUTE


# What is a help and not a need


@pytest.mark.parametrize("kind", ["login_page", "firewall", "http_500", "hang", "cut", "redirect"])
@pytest.mark.parametrize("path", [WATCH, HOLDER])
async def test_a_help_that_fails_says_nothing_about_the_cloud(
    home: Home, path: str, kind: str
) -> None:
    """The account stays available, and the help is asked for less and less."""
    home.faults.add(path, kind=kind, times=None)
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    home.add_devices([SN], plant_id=elsewhere)
    seen: set[str | None] = set()
    with Log(home) as log:
        # The cloud knows it already, so it is asked who holds it.
        await home.add(SN)
        await home.accept(OTHER_SN)
        for _ in range(6 * 60):
            await asyncio.sleep(MINUTE)
            seen |= {home.status(SN), home.status(OTHER_SN)}
    assert STATE_UNAVAILABLE not in seen
    assert log.reachable == []
    assert log.errors == []
    assert 0 < home.asked(path) < 40

    home.faults.clear()
    home.growatt.move(SN, int(home.plant_id))
    home.growatt.bring_online(OTHER_SN)
    await home.shows("associated", SN, OTHER_SN, seconds=2 * HOUR)


async def test_many_inverters_do_not_ask_for_a_help_that_fails(home: Home) -> None:
    """It fails for all of them at once, not for each by itself."""
    serials = [f"SIM{number:07}" for number in range(100)]
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    home.add_devices(serials, plant_id=elsewhere)
    home.faults.add(HOLDER, kind="login_page", times=None)
    await home.add(*serials)
    await asyncio.sleep(6 * HOUR)
    assert 0 < home.asked(HOLDER) < 15

    home.faults.clear()
    await home.shows("conflict", *serials, seconds=6 * HOUR)


async def test_a_help_that_answers_does_not_hide_an_outage(home: Home) -> None:
    await home.accept(SN)
    home.faults.add(LIST, kind="hang", times=None)
    home.faults.add(ADD, kind="hang", times=None)
    with Log(home) as log:
        await asyncio.sleep(6 * HOUR)
        assert [up for _, up in log.reachable] == [False]
        home.faults.clear()
        await asyncio.sleep(2 * HOUR)
    assert [up for _, up in log.reachable] == [False, True]
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
