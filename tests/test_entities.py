"""What Home Assistant shows of an account and its inverters."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator

from .prove.timelapse import Timelapse
from .prove.world import World

SN = "SIM0000001"
OTHER_SN = "SIM0000002"


@pytest.fixture
async def world(hass: HomeAssistant, simulator: Simulator) -> AsyncGenerator[World]:
    with Timelapse() as clock:
        yield World(hass, simulator, clock)


@pytest.fixture
async def entry(world: World) -> MockConfigEntry:
    return await world.add_account()


@pytest.fixture
def plant_id(world: World, entry: MockConfigEntry) -> str:
    return world.add_plant(entry)


def account_pending(world: World, entry: MockConfigEntry) -> str:
    """Return what the account's binary sensor shows."""
    entity_id = er.async_get(world.hass).async_get_entity_id(
        "binary_sensor", DOMAIN, f"{entry.entry_id}_association_pending"
    )
    assert entity_id is not None
    state = world.hass.states.get(entity_id)
    assert state is not None
    return state.state


def count_writes(world: World) -> Counter[str]:
    """Return a counter that counts from now on how often each state is written."""
    writes: Counter[str] = Counter()

    @callback
    def count(event: Event) -> None:
        writes[event.data["entity_id"]] += 1

    every = callback(lambda _: True)
    world.hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    world.hass.bus.async_listen(EVENT_STATE_REPORTED, count, event_filter=every)
    return writes


async def test_account_waits_while_any_inverter_does(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    assert account_pending(world, entry) == "off"
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, plant_id, [SN, OTHER_SN])
    assert account_pending(world, entry) == "on"
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    assert account_pending(world, entry) == "on"
    world.simulator.growatt.bring_online(OTHER_SN)
    await world.shows("associated", OTHER_SN)
    assert account_pending(world, entry) == "off"


async def test_inverter_is_a_device_of_its_own(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """Below the account's device and its subentry; its model is known with the association."""
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    device = world.device(SN)
    (subentry_id,) = entry.subentries
    assert device.config_subentry_id == subentry_id
    assert device.serial_number == SN
    assert device.manufacturer == "Growatt"
    assert device.model is None
    assert device.via_device_id == entry.runtime_data.device_id

    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    assert world.device(SN).model == "MIN 3000TL-XH"
    await world.reload(entry)
    assert world.device(SN).model == "MIN 3000TL-XH"


async def test_only_what_changed_is_written(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    serials = [f"SIM{number:07}" for number in range(20)]
    world.add_devices(serials)
    await world.bind(entry, plant_id, serials)
    await world.shows("accepted", *serials)
    writes = count_writes(world)
    world.simulator.growatt.bring_online(serials[3])
    await world.shows("associated", serials[3])
    await asyncio.sleep(3_600)
    of_the_device = er.async_entries_for_device(
        er.async_get(world.hass), world.device(serials[3]).id
    )
    assert writes.keys() <= {entity.entity_id for entity in of_the_device}
    assert writes[world.entity_id(serials[3])] == 1
    assert writes[world.entity_id(serials[3], "association_pending")] == 1


async def test_unavailable_only_while_the_cloud_cannot_be_reached(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await world.shows("accepted", SN)
    world.simulator.faults.add(kind="code", code=10012, times=3)
    await asyncio.sleep(300)
    assert world.status(SN) == "accepted"
    world.simulator.faults.add(kind="firewall", times=2)
    await world.shows("unavailable", SN)
    assert world.pending(SN) == "unavailable"
    await world.reload(entry)
    assert world.status(SN) == "unavailable"
    await world.shows("accepted", SN)
    assert world.pending(SN) == "on"


async def test_an_account_that_needs_nothing_of_the_cloud_stays_available(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    waiting = await world.add_account()
    world.add_devices([OTHER_SN])
    await world.bind(waiting, world.add_plant(waiting), [OTHER_SN])
    world.simulator.faults.add(kind="cut", times=None)
    await world.shows("unavailable", OTHER_SN)
    assert world.status(SN) == "associated"
    # Until somebody wants something of it.
    await world.check([SN])
    assert world.status(SN) == "unavailable"
    world.simulator.faults.clear()
    await world.shows("associated", SN)


async def test_inverters_come_and_go_without_a_reload(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    coordinator = entry.runtime_data.coordinator
    serials = [f"SIM{number:07}" for number in range(100)]
    world.add_devices(serials)
    await world.bind(entry, plant_id, serials)
    await world.hass.async_block_till_done()
    assert all(world.status(serial) == "queued" for serial in serials[1:])
    for serial in serials[1:]:
        world.remove_inverter(entry, serial)
    await asyncio.sleep(1)
    devices = dr.async_entries_for_config_entry(dr.async_get(world.hass), entry.entry_id)
    assert {device.serial_number for device in devices} == {None, serials[0]}
    assert [world.status(serial) for serial in serials[:3]] == ["accepted", None, None]
    # One that was removed can be added again.
    await world.bind(entry, plant_id, serials[1:2])
    await world.shows("accepted", serials[1])
    assert entry.runtime_data.coordinator is coordinator
