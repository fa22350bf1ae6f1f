"""What must not grow with the number of inverters: calls, writes to the disk, and states.

How long things take is for scripts/benchmark.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, callback
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account.bindings import store_key
from custom_components.growatt_onboarding.binding import planner
from custom_components.growatt_onboarding.binding.model import Binding
from custom_components.growatt_onboarding.gateway.store import DurableStore
from simulator.growatt import INSTALLER_TOKEN

from .prove.world import World

LIST = "device/list"
STICKS = "datalogger/list"
WATCH = "queryDeviceList"
HOUR = 3_600
DAY = 86_400


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with the keys of our stores, one for each time one is written."""
    keys: list[str] = []
    write = DurableStore._async_write_data

    async def noting(store: DurableStore, data: dict[str, Any]) -> None:
        keys.append(store.key)
        await write(store, data)

    monkeypatch.setattr(DurableStore, "_async_write_data", noting)
    return keys


@pytest.fixture
def states(hass: HomeAssistant) -> Iterator[list[str]]:
    """Return a list that fills with the entities whose state is written, changed or not."""
    seen: list[str] = []

    @callback
    def note(event: Event[Any]) -> None:
        seen.append(event.data["entity_id"])

    every = callback(lambda _: True)
    removers = [
        hass.bus.async_listen(kind, note, event_filter=every)
        for kind in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED)
    ]
    yield seen
    for remove in removers:
        remove()


def writes(written: list[str], entry: MockConfigEntry) -> int:
    """Return how often an account's bindings were written, all of them or some."""
    return sum(key.startswith(store_key(entry.entry_id)) for key in written)


async def accept(
    world: World, entry: MockConfigEntry, plants: int, per_plant: int
) -> dict[str, list[str]]:
    """Bind inverters whose devices are offline; return them by plant once all are accepted."""
    where: dict[str, list[str]] = {}
    for number in range(plants):
        plant_id = world.add_plant(entry, f"Plant {number}")
        where[plant_id] = [f"SIM{number}{device:05}" for device in range(per_plant)]
        world.add_devices(where[plant_id])
        await world.bind(entry, plant_id, where[plant_id])
    await world.shows("accepted", *(serial for serials in where.values() for serial in serials))
    return where


async def test_what_one_inverter_wants_is_not_worked_out_after_each_call_for_others(
    world: World, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else twice as many would cost four times as much."""
    worked_out: list[str] = []
    original = planner._wanted_by_state

    def wanted(binding: Binding, *args: Any) -> Any:
        worked_out.append(binding.serial)
        return original(binding, *args)

    monkeypatch.setattr(planner, "_wanted_by_state", wanted)
    [serials] = (await accept(world, entry, 1, 80)).values()
    assert len(worked_out) < len(serials) * world.asked("*") / 4


# Calls


@pytest.mark.parametrize("per_plant", [1, 20])
async def test_calls_do_not_grow_with_the_inverters_of_a_plant(
    world: World, entry: MockConfigEntry, per_plant: int
) -> None:
    """Twice an hour the plant's own list, and the list of everything every 5 minutes."""
    await accept(world, entry, 1, per_plant)
    await asyncio.sleep(HOUR)
    world.simulator.calls.clear()
    await asyncio.sleep(2 * HOUR)
    assert world.asked(WATCH) == 2 * 12
    assert world.asked(LIST) == 2 * 2
    assert world.asked("*") == 2 * 14
    assert not world.simulator.growatt.limits.violations


@pytest.mark.parametrize("per_plant", [1, 8])
async def test_without_v4_one_call_per_plant_and_look(
    world: World, entry: MockConfigEntry, per_plant: int
) -> None:
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
    where = await accept(world, entry, 3, per_plant)
    await asyncio.sleep(HOUR)
    world.simulator.calls.clear()
    await asyncio.sleep(HOUR)
    calls = [call.params["plant_id"] for call in world.simulator.calls.of(LIST)]
    # Five minutes and a margin lie between two looks.
    assert {plant_id: 11 <= calls.count(plant_id) <= 12 for plant_id in where} == dict.fromkeys(
        where, True
    )
    assert world.asked("*") == len(calls)
    assert not world.simulator.growatt.limits.violations


@pytest.mark.parametrize("with_stick", [False, True])
async def test_a_long_list_is_read_less_often(
    world: World, entry: MockConfigEntry, *, with_stick: bool
) -> None:
    """The plant has over a hundred devices, which nobody waits for."""
    cloud = world.simulator.growatt
    cloud.tokens[INSTALLER_TOKEN].may_v4 = False
    plant_id = world.add_plant(entry, "Large")
    for number in range(250):
        cloud.add_device(f"OLD{number:05}", plant_id=int(plant_id), online=True)
    world.add_devices(["SIM0000001"])
    await world.bind(entry, plant_id, ["SIM0000001"])
    if with_stick:
        cloud.add_datalogger("QMN0000001")
        await world.bind_dataloggers(entry, plant_id, ["QMN0000001"])
    # The first reading tells how long it is.
    await world.shows("accepted", "SIM0000001")
    await asyncio.sleep(60)
    for _ in range(3):
        world.simulator.calls.clear()
        await asyncio.sleep(HOUR)
        assert 6 <= len(world.simulator.calls.of(LIST)) <= 12
        assert 11 * with_stick <= len(world.simulator.calls.of(STICKS)) <= 12 * with_stick
    # It is found all the same, whatever the page.
    cloud.bring_online("SIM0000001")
    await world.shows("associated", "SIM0000001")


async def costs_nothing(
    world: World, entry: MockConfigEntry, written: list[str], states: list[str]
) -> None:
    """Reload an account and let two days pass, in which nothing is asked, written or published."""
    calls = world.asked("*")
    await world.reload(entry)
    assert world.asked("*") == calls
    for log in (written, states):
        log.clear()
    world.simulator.calls.clear()
    await asyncio.sleep(2 * DAY)
    assert (world.asked("*"), written, states) == (0, [], [])


async def test_nothing_is_asked_nor_written_when_nothing_is_pending(
    world: World, entry: MockConfigEntry, written: list[str], states: list[str]
) -> None:
    where = await accept(world, entry, 2, 3)
    serials = [serial for found in where.values() for serial in found]
    for serial in serials:
        world.simulator.growatt.bring_online(serial)
    await world.shows("associated", *serials)
    await asyncio.sleep(HOUR)
    await costs_nothing(world, entry, written, states)


@pytest.mark.parametrize("v4", [True, False])
async def test_a_stick_costs_nothing_once_it_has_brought_its_inverters(
    world: World, entry: MockConfigEntry, written: list[str], states: list[str], *, v4: bool
) -> None:
    cloud = world.simulator.growatt
    cloud.tokens[INSTALLER_TOKEN].may_v4 = v4
    plant_id = world.add_plant(entry)
    cloud.add_datalogger("QMN0000001", devices=["SIM0000001", "SIM0000002"])
    await world.bind_dataloggers(entry, plant_id, ["QMN0000001"])
    await asyncio.sleep(HOUR)
    # Its own list alone is asked for while it waits, whatever the token may do.
    world.simulator.calls.clear()
    await asyncio.sleep(2 * HOUR)
    assert 22 <= world.asked(STICKS) <= 24
    assert world.asked("*") == world.asked(STICKS)
    cloud.bring_datalogger_online("QMN0000001")
    await world.shows("associated", "SIM0000001", "SIM0000002")
    await asyncio.sleep(HOUR)
    await costs_nothing(world, entry, written, states)


async def test_a_stick_that_brings_nothing_is_asked_about_for_a_day(
    world: World, entry: MockConfigEntry
) -> None:
    cloud = world.simulator.growatt
    plant_id = world.add_plant(entry)
    cloud.add_datalogger("QMN0000001")
    cloud.bring_datalogger_online("QMN0000001")
    await world.bind_dataloggers(entry, plant_id, ["QMN0000001"])
    await asyncio.sleep(HOUR)
    world.simulator.calls.clear()
    await asyncio.sleep(HOUR)
    assert 11 <= world.asked(LIST) <= 12
    assert world.asked("*") == world.asked(LIST)
    await asyncio.sleep(DAY)
    world.simulator.calls.clear()
    await asyncio.sleep(DAY)
    assert world.asked("*") == 0
    assert not cloud.limits.violations


# Writes


@pytest.mark.parametrize("v4", [True, False])
async def test_looks_that_find_nothing_new_write_nothing(
    world: World, entry: MockConfigEntry, written: list[str], states: list[str], *, v4: bool
) -> None:
    """Neither to the disk nor a state: not even after a reload, when all is published first.

    Only when the next look is, which is shown of few devices, is new with each.
    """
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = v4
    await accept(world, entry, 2, 5)
    await asyncio.sleep(HOUR)
    await world.reload(entry)
    states.clear()
    await asyncio.sleep(HOUR)
    written.clear()
    world.simulator.calls.clear()
    await asyncio.sleep(2 * HOUR)
    assert world.asked(LIST) >= 4
    assert written == []
    assert {state for state in states if not state.endswith("_next_check")} == set()


async def test_writes_per_look_not_per_inverter(
    world: World, entry: MockConfigEntry, written: list[str]
) -> None:
    """All inverters of a plant appear in one look: that is one write."""
    where = await accept(world, entry, 2, 10)
    # Neither list has been asked for within the last minutes then.
    await asyncio.sleep(HOUR + 600)
    written.clear()
    world.simulator.calls.clear()
    serials = [serial for found in where.values() for serial in found]
    for serial in serials:
        world.simulator.growatt.bring_online(serial)
    await world.shows("associated", *serials)
    assert world.asked(LIST) == len(where)
    assert world.asked("*") == world.asked(LIST) + world.asked(WATCH)
    assert writes(written, entry) == world.asked(LIST)


async def test_storing_many_inverters_is_one_write(
    world: World, entry: MockConfigEntry, written: list[str]
) -> None:
    plant_id = world.add_plant(entry)
    serials = world.add_devices(f"SIM{number:07}" for number in range(100))
    states = await world.bind(entry, plant_id, serials)
    assert states.keys() == set(serials)
    assert writes(written, entry) <= 2
    assert world.asked("*") <= 1
