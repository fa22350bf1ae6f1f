"""What Home Assistant shows of an account and its inverters."""

import asyncio
from collections import Counter
from contextlib import nullcontext
from datetime import datetime
from functools import partial
import json
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.account.bindings import store_key
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account, DeviceKind
from custom_components.growatt_onboarding.cloud.servers import resolve
from custom_components.growatt_onboarding.const import DOMAIN

from .common import account_entry
from .home import Home
from .prove.timelapse import START
from .prove.world import World
from .used_texts import ROOT

SN = "SIM0000001"
OTHER_SN = "SIM0000002"
STICK = "STICK00001"


def entity_id(world: World, platform: str, unique_id: str) -> str:
    """Return the id of an entity that is there."""
    found = er.async_get(world.hass).async_get_entity_id(platform, DOMAIN, unique_id)
    assert found is not None
    return found


def shown(world: World, platform: str, unique_id: str) -> str:
    """Return what an entity shows."""
    state = world.hass.states.get(entity_id(world, platform, unique_id))
    assert state is not None
    return state.state


def status(world: World) -> State:
    """Return the state of the inverter's status sensor, with its attributes."""
    state = world.hass.states.get(world.entity_id(SN))
    assert state is not None
    return state


def account_pending(world: World, entry: MockConfigEntry) -> str:
    """Return what the account's binary sensor shows."""
    return shown(world, "binary_sensor", f"{entry.entry_id}_association_pending")


def count_pending(world: World, entry: MockConfigEntry) -> str:
    """Return how many devices wait, as the account's sensor shows it."""
    return shown(world, "sensor", f"{entry.entry_id}_inverters_pending")


def time_of(world: World, key: str, serial: str = SN) -> float | None:
    """Return what a sensor with a time shows, in simulated seconds; None while there is none."""
    found = er.async_get(world.hass).async_get_entity_id("sensor", DOMAIN, f"{serial}_{key}")
    if found is None:
        return None
    state = world.hass.states.get(found)
    assert state is not None
    return (datetime.fromisoformat(state.state) - START).total_seconds()


def show_next_check(world: World, *serials: str) -> None:
    """Enable the sensors *Next check* of many, as a person would before they are added."""
    for serial in serials:
        er.async_get(world.hass).async_get_or_create("sensor", DOMAIN, f"{serial}_next_check")


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


# Every entity: platform and key, then its class, category, and whether it is on from the start.
OF_AN_ACCOUNT = {
    ("binary_sensor", "activation_pending"): (None, None, True),
    ("binary_sensor", "association_pending"): (None, None, True),
    ("binary_sensor", "connected"): ("connectivity", "diagnostic", True),
    ("event", "device_association"): (None, None, True),
    ("sensor", "inverters_pending"): (None, None, True),
}
# Home Assistant has a name, words and icons for all of its class.
OF_ITS_CLASS = {("binary_sensor", "connected")}
OF_AN_INVERTER = {
    ("binary_sensor", "association_pending"): (None, None, True),
    ("button", "check_now"): (None, "diagnostic", True),
    ("event", "association"): (None, None, True),
    ("sensor", "associated"): ("timestamp", "diagnostic", True),
    ("sensor", "association_status"): ("enum", None, True),
    ("sensor", "next_check"): ("timestamp", "diagnostic", True),
    ("sensor", "submitted"): ("timestamp", "diagnostic", True),
}
OF_A_DATALOGGER = {**OF_AN_INVERTER, ("sensor", "last_report"): ("timestamp", "diagnostic", True)}
# The same in other words, for a datalogger.
OTHER_WORDS = {
    ("association_status", True): "datalogger_status",
    ("association", True): "datalogger_association",
}
# What a device has only while there is something to show.
AWAITED = {("sensor", "next_check"), ("sensor", "submitted")}
THERE = {("sensor", "associated"), ("sensor", "submitted")}
PASSING = AWAITED | THERE | {("sensor", "last_report")}


def described(world: World, device_id: str, prefix: str) -> dict[tuple[str, str], Any]:
    """Return what the registry has of a device's entities."""
    found = er.async_entries_for_device(
        er.async_get(world.hass), device_id, include_disabled_entities=True
    )
    keys = [entity.unique_id.removeprefix(f"{prefix}_") for entity in found]
    for entity, key in zip(found, keys, strict=True):
        # The key names it everywhere: in texts, icons and its unique id.
        named = OTHER_WORDS.get((key, prefix == STICK), key)
        of_its_class = (entity.domain, key) in OF_ITS_CLASS
        assert entity.translation_key == (None if of_its_class else named)
    return {
        (entity.domain, key): (
            entity.original_device_class,
            entity.entity_category,
            entity.disabled_by is None,
        )
        for entity, key in zip(found, keys, strict=True)
    }


async def test_every_entity(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.add_devices([SN], online=True)
    await home.add(SN)
    await home.coordinator.async_track([STICK], home.plant_id, DeviceKind.DATALOGGER)
    await home.shows("accepted", STICK)
    await home.shows("associated", SN)
    of_account = described(home, home.entry.runtime_data.devices.account_id, home.entry.entry_id)
    # Growatt has nothing to activate.
    assert of_account == {
        key: value for key, value in OF_AN_ACCOUNT.items() if key[1] != "activation_pending"
    }
    # Nothing is on a page that has nothing to show.
    waiting = {key: OF_A_DATALOGGER[key] for key in OF_A_DATALOGGER.keys() - PASSING | AWAITED}
    assert described(home, home.device(STICK).id, STICK) == waiting
    there = {key: OF_AN_INVERTER[key] for key in OF_AN_INVERTER.keys() - PASSING | THERE}
    assert described(home, home.device(SN).id, SN) == there


def test_every_entity_has_a_name_and_an_icon() -> None:
    texts = json.loads((ROOT / "translations" / "en.json").read_text(encoding="utf-8"))["entity"]
    icons = json.loads((ROOT / "icons.json").read_text(encoding="utf-8"))["entity"]
    expected = {*OF_AN_ACCOUNT, *OF_A_DATALOGGER} - OF_ITS_CLASS
    expected |= {("sensor", "datalogger_status"), ("event", "datalogger_association")}
    for described_there in (texts, icons):
        there = {(domain, key) for domain, keys in described_there.items() for key in keys}
        assert there == expected
    # What can be seen of each has an icon of its own where it has a text of its own.
    for domain, key in expected:
        states = texts[domain][key].get("state", {}).keys()
        assert states <= icons[domain][key].get("state", {}).keys()
        for attribute, described_so in texts[domain][key].get("state_attributes", {}).items():
            icon = icons[domain][key]["state_attributes"][attribute]
            assert described_so.get("state", {}).keys() == icon.get("state", {}).keys()


def test_no_icon_repeats_its_default() -> None:
    icons = json.loads((ROOT / "icons.json").read_text(encoding="utf-8"))["entity"]
    entities = [icon for platform in icons.values() for icon in platform.values()]
    attributes = [
        icon for entity in entities for icon in entity.get("state_attributes", {}).values()
    ]
    for icon in entities + attributes:
        others = {**icon.get("state", {}), **icon.get("range", {})}
        assert icon["default"] not in others.values()


async def test_what_home_assistant_has_words_for(home: Home) -> None:
    connected = home.hass.states.get(
        entity_id(home, "binary_sensor", f"{home.entry.entry_id}_connected")
    )
    assert connected is not None
    assert connected.name.endswith(" Connectivity")
    assert "icon" not in connected.attributes


async def test_a_number_has_its_unit(home: Home) -> None:
    pending = home.hass.states.get(
        entity_id(home, "sensor", f"{home.entry.entry_id}_inverters_pending")
    )
    assert pending is not None
    assert pending.attributes["unit_of_measurement"] == "devices"


async def test_account_waits_while_any_device_does(home: Home) -> None:
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("off", "0")
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, OTHER_SN)
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("on", "2")
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("on", "1")
    home.growatt.bring_online(OTHER_SN)
    await home.shows("associated", OTHER_SN)
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("off", "0")
    # A removed one is not counted.
    home.remove_inverter(home.entry, SN)
    await home.add("SIM0000003")
    assert count_pending(home, home.entry) == "1"
    home.remove_inverter(home.entry, "SIM0000003")
    await asyncio.sleep(1)
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("off", "0")
    # A datalogger is counted as an inverter is.
    home.growatt.add_datalogger(STICK)
    await home.coordinator.async_track([STICK], home.plant_id, DeviceKind.DATALOGGER)
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("on", "1")
    await home.shows("accepted", STICK)
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", STICK)
    assert (account_pending(home, home.entry), count_pending(home, home.entry)) == ("off", "0")


async def test_inverter_is_a_device_of_its_own(home: Home) -> None:
    """Below the account's device and its subentry; its model is known with the association."""
    home.add_devices([SN])
    await home.add(SN)
    account = dr.async_get(home.hass).async_get(home.entry.runtime_data.devices.account_id)
    assert account is not None
    assert account.name == f"Growatt {home.entry.title}"
    assert (account.manufacturer, account.model) == ("Growatt", "ShineServer")
    assert account.configuration_url == home.simulator.url
    device = home.device(SN)
    (subentry_id,) = home.entry.subentries
    assert device.config_subentry_id == subentry_id
    assert device.serial_number == SN
    assert device.manufacturer == "Growatt"
    assert device.model is None
    assert device.via_device_id == home.entry.runtime_data.devices.account_id

    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert home.device(SN).model == "MIN 3000TL-XH"
    await home.reload(home.entry)
    assert home.device(SN).model == "MIN 3000TL-XH"


async def test_the_status_names_the_datalogger_once_it_is_known(home: Home) -> None:
    home.add_devices([SN], datalogger_sn="STICK00001")
    await home.add(SN)
    await home.shows("accepted", SN)
    state = status(home)
    assert "datalogger" not in state.attributes
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    state = status(home)
    assert state.attributes["datalogger"] == "STICK00001"

    # Another stick is told, although the state is the same.
    home.growatt.devices[SN].datalogger_sn = "STICK00002"
    await asyncio.sleep(600)
    await home.check([SN], timeout=10)
    state = status(home)
    assert (state.state, state.attributes["datalogger"]) == ("associated", "STICK00002")


@pytest.mark.parametrize(
    ("server", "portal"),
    [
        ("global", "https://server.growatt.com"),
        ("north_america", "https://server-us.growatt.com"),
        # None is known for it.
        ("australia_new_zealand", "https://openapi-au.growatt.com"),
    ],
)
async def test_devices_link_to_the_portal(
    hass: HomeAssistant, hass_storage: dict[str, Any], server: str, portal: str
) -> None:
    """Nothing is asked of the real server: the inverter was associated long ago."""
    provider = registry.provider("growatt")
    target = Target(provider=provider, url=resolve(provider, server), credentials={"token": "fake"})
    entry = account_entry(target, Account(id="1", name="somebody", session={}))
    entry.add_to_hass(hass)
    binding = Binding(
        serial=SN, plant_id="1", queued_at=0, state=BindingState.ASSOCIATED, model="MIN 3000TL-XH"
    )
    hass_storage[store_key(entry.entry_id)] = {
        "version": 1,
        "data": {"generation": 1, "bindings": [binding.as_dict()], "returned": []},
    }
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.configuration_url for device in devices} == {portal}
    assert {device.model for device in devices} == {"ShineServer", "MIN 3000TL-XH"}
    assert {device.manufacturer for device in devices} == {"Growatt"}
    assert {device.entry_type for device in devices} == {None, dr.DeviceEntryType.SERVICE}


async def test_only_what_changed_is_written(home: Home) -> None:
    serials = [f"SIM{number:07}" for number in range(20)]
    await home.accept(*serials)
    writes = count_writes(home)
    home.growatt.bring_online(serials[3])
    await home.shows("associated", serials[3])
    await asyncio.sleep(3_600)
    of_the_device = er.async_entries_for_device(er.async_get(home.hass), home.device(serials[3]).id)
    count = entity_id(home, "sensor", f"{home.entry.entry_id}_inverters_pending")
    heard = entity_id(home, "event", f"{home.entry.entry_id}_device_association")
    assert writes.keys() <= {count, heard, *(entity.entity_id for entity in of_the_device)}
    assert set(writes.values()) == {1}
    assert writes[count] == 1
    assert writes[home.entity_id(serials[3])] == 1
    assert writes[home.entity_id(serials[3], "association_pending")] == 1
    assert writes[entity_id(home, "sensor", f"{serials[3]}_associated")] == 1


async def test_times_of_an_association(home: Home) -> None:
    home.add_devices([SN, OTHER_SN])
    await home.add(OTHER_SN, SN)
    # The second one's turn is to come.
    assert (time_of(home, "submitted"), time_of(home, "associated")) == (None, None)
    await home.shows("accepted", SN)
    (_, sent) = home.times("device/sn/add")
    assert time_of(home, "submitted") == int(sent)
    await asyncio.sleep(1_000)
    assert time_of(home, "submitted") == int(sent)
    assert time_of(home, "associated") is None

    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert time_of(home, "associated") == int(home.clock.passed)
    associated = time_of(home, "associated")
    await asyncio.sleep(1_000)
    await home.check([SN], timeout=10)
    assert time_of(home, "associated") == associated
    await home.reload(home.entry)
    assert time_of(home, "associated") == associated

    # While it is not there, it is not associated.
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(1_000)
    await home.check([SN])
    await home.shows("lost", SN)
    assert time_of(home, "associated") is None
    assert time_of(home, "submitted") == int(sent)
    await asyncio.sleep(1_000)
    await home.coordinator.async_submit_again(SN)
    await asyncio.sleep(5)
    assert time_of(home, "submitted") == int(home.times("device/sn/add")[-1]) > sent


async def test_a_datalogger_shows_what_an_inverter_does(home: Home) -> None:
    """And when it last reported, as far as the list of its plant was read."""
    home.growatt.add_datalogger(STICK)
    await home.coordinator.async_track([STICK], home.plant_id, DeviceKind.DATALOGGER)
    event = entity_id(home, "event", f"{STICK}_association")
    button = entity_id(home, "button", f"{STICK}_check_now")
    await home.shows("accepted", STICK)
    (sent,) = home.times("device/datalogger/add")
    await asyncio.sleep(1_000)
    assert home.pending(STICK) == "on"
    assert time_of(home, "submitted", STICK) == int(sent)
    assert (time_of(home, "associated", STICK), time_of(home, "last_report", STICK)) == (None, None)
    planned = time_of(home, "next_check", STICK)
    assert planned is not None
    assert planned > home.clock.passed

    home.growatt.bring_datalogger_online(STICK)
    online = home.clock.passed
    await home.hass.services.async_call("button", "press", {"entity_id": button}, blocking=True)
    await home.shows("associated", STICK, seconds=400)
    assert home.pending(STICK) == "off"
    assert time_of(home, "associated", STICK) == int(home.clock.passed)
    reported = time_of(home, "last_report", STICK)
    assert reported is not None
    assert int(online) <= reported <= home.clock.passed
    fired = home.hass.states.get(event)
    assert fired is not None
    assert fired.attributes["event_type"] == "associated"

    # It is told as it was last read: nothing is asked for it.
    await home.coordinator.async_track(["STICK00002"], home.plant_id, DeviceKind.DATALOGGER)
    await home.reload(home.entry)
    assert time_of(home, "last_report", STICK) == reported
    home.growatt.take_datalogger_offline(STICK)
    await asyncio.sleep(86_400)
    assert home.status(STICK) == "associated"


async def test_a_time_is_there_only_while_there_is_one(home: Home) -> None:
    """What a person changed of it is kept meanwhile."""
    entities = er.async_get(home.hass)
    await home.accept(SN)
    waiting = entity_id(home, "sensor", f"{SN}_next_check")
    assert time_of(home, "next_check") is not None
    assert time_of(home, "associated") is None
    entities.async_update_entity(waiting, name="Patience", new_entity_id="sensor.patience")

    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert time_of(home, "associated") is not None
    assert time_of(home, "next_check") is None
    assert home.hass.states.get("sensor.patience") is None
    # So it stays after a start.
    await home.reload(home.entry)
    assert time_of(home, "associated") is not None
    assert time_of(home, "next_check") is None

    home.growatt.remove_from_plant(SN)
    home.growatt.devices[SN].online = False
    await asyncio.sleep(600)
    await home.check([SN])
    await home.shows("lost", SN)
    assert time_of(home, "associated") is None
    await asyncio.sleep(600)
    await home.coordinator.async_submit_again(SN)
    await home.shows("accepted", SN)
    assert time_of(home, "next_check") is not None
    assert entity_id(home, "sensor", f"{SN}_next_check") == "sensor.patience"


async def test_what_a_crash_left_of_a_time_is_removed(home: Home) -> None:
    """Home Assistant writes its list of entities later than the binding is on disk."""
    await home.associate(SN)
    async with home.down():
        (subentry_id,) = home.entry.subentries
        er.async_get(home.hass).async_get_or_create(
            "sensor",
            DOMAIN,
            f"{SN}_next_check",
            config_entry=home.entry,
            config_subentry_id=subentry_id,
        )
    assert time_of(home, "next_check") is None
    assert time_of(home, "associated") is not None


async def test_next_check_is_off_among_many(home: Home) -> None:
    few = [f"SIM{number:07}" for number in range(10)]
    await home.accept(*few)
    assert all(time_of(home, "next_check", serial) is not None for serial in few)
    await home.add("SIM0000010")
    entities = er.async_get(home.hass)
    entity = entities.async_get(entity_id(home, "sensor", "SIM0000010_next_check"))
    assert entity is not None
    assert entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION


async def test_next_check_is_when_it_is_looked_for_next(home: Home) -> None:
    await home.accept(SN)
    for _ in range(5):
        planned = time_of(home, "next_check")
        assert planned is not None
        calls = len(home.times("*"))
        await asyncio.sleep(planned - home.clock.passed - 1)
        assert len(home.times("*")) == calls
        await asyncio.sleep(5)
        assert home.times("*")[calls] - planned in (0, pytest.approx(0.5, abs=0.5))

    # It tells so also while the cloud cannot be reached.
    home.faults.add(kind="cut", times=None)
    await home.shows("unavailable", SN)
    planned = time_of(home, "next_check")
    assert planned is not None
    assert planned > home.clock.passed
    home.faults.clear()
    await home.shows("accepted", SN)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert time_of(home, "next_check") is None


async def test_next_check_follows_what_another_account_asks(home: Home) -> None:
    """One reading of the list that the token's accounts share changes what all of them show."""
    other = await home.add_account()
    home.add_devices([SN, OTHER_SN])
    await home.add(SN)
    await home.bind(other, home.add_plant(other), [OTHER_SN])
    await home.shows("accepted", SN, OTHER_SN)
    await asyncio.sleep(100)
    for _ in range(10):
        await asyncio.sleep(20)
        for serial in (SN, OTHER_SN):
            planned = time_of(home, "next_check", serial)
            assert planned is not None
            assert planned > home.clock.passed - 1

    # One that is removed leaves nothing behind that would be told.
    home.remove_inverter(home.entry, SN)
    await asyncio.sleep(60)
    entities = er.async_get(home.hass)
    assert entities.async_get_entity_id("sensor", DOMAIN, f"{SN}_next_check") is None
    planned = time_of(home, "next_check", OTHER_SN)
    assert planned is not None
    assert planned > home.clock.passed - 1


async def test_next_check_stands_still_while_many_wait_for_their_turn(home: Home) -> None:
    serials = [f"SIM{number:07}" for number in range(50)]
    show_next_check(home, *serials)
    home.add_devices(serials)
    await home.add(*serials)
    writes = count_writes(home)
    await home.shows("accepted", serials[-1])
    last = entity_id(home, "sensor", f"{serials[-1]}_next_check")
    # Once for what follows its submission, and perhaps once when its plant's list was due before.
    assert 1 <= writes[last] <= 3
    planned = time_of(home, "next_check", serials[-1])
    assert planned is not None
    assert planned > home.clock.passed - 10


async def test_unavailable_only_while_the_cloud_cannot_be_reached(home: Home) -> None:
    await home.accept(SN)
    home.faults.add(kind="code", code=10012, times=3)
    await asyncio.sleep(300)
    assert home.status(SN) == "accepted"
    home.faults.add(kind="firewall", times=2)
    await home.shows("unavailable", SN)
    assert home.pending(SN) == "unavailable"
    await home.reload(home.entry)
    assert home.status(SN) == "unavailable"
    await home.shows("accepted", SN)
    assert home.pending(SN) == "on"


async def test_an_account_that_needs_nothing_of_the_cloud_stays_available(home: Home) -> None:
    await home.associate(SN)
    waiting = await home.add_account()
    home.add_devices([OTHER_SN])
    await home.bind(waiting, home.add_plant(waiting), [OTHER_SN])
    home.faults.add(kind="cut", times=None)
    await home.shows("unavailable", OTHER_SN)
    assert home.status(SN) == "associated"
    # Until somebody wants something of it.
    await home.check([SN])
    assert home.status(SN) == "unavailable"
    home.faults.clear()
    await home.shows("associated", SN)


async def test_connected_follows_the_last_call_also_while_nothing_is_pending(
    world: World, entry: MockConfigEntry
) -> None:
    connected = f"{entry.entry_id}_connected"
    world.simulator.faults.add("plant/list", kind="firewall")
    for fails in (True, False):
        with pytest.raises(HomeAssistantError) if fails else nullcontext():
            await world.call("list_plants", config_entry_id=entry.entry_id)
        assert shown(world, "binary_sensor", connected) == ("off" if fails else "on")
        await asyncio.sleep(600)


@pytest.mark.parametrize("seconds", [3_600, -43_200])
async def test_times_are_right_after_the_clock_was_set(home: Home, seconds: int) -> None:
    await home.accept(SN, OTHER_SN)
    sent = time_of(home, "submitted")
    assert sent is not None
    home.clock.set_wall(seconds)
    await asyncio.sleep(40)
    assert time_of(home, "submitted") == sent + seconds
    # Small corrections, as a time server makes, change no state.
    home.clock.set_wall(40)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert time_of(home, "submitted") == sent + seconds
    seen = time_of(home, "associated")
    assert seen == pytest.approx(home.times("device/list")[-1] + seconds, abs=1)
    await home.reload(home.entry)
    assert time_of(home, "associated") == seen
    # Only a restart looks anew, to within a minute.
    await home.restart()
    seen = time_of(home, "associated")
    assert seen == pytest.approx(home.times("device/list")[-1] + seconds + 40, abs=1)
    home.clock.set_wall(-seconds)
    await asyncio.sleep(400)
    assert time_of(home, "associated") == pytest.approx(home.times("device/list")[-1], abs=1)
    assert time_of(home, "submitted") == sent


async def test_inverters_come_and_go_without_a_reload(home: Home) -> None:
    coordinator = home.coordinator
    serials = [f"SIM{number:07}" for number in range(100)]
    home.add_devices(serials)
    await home.add(*serials)
    await home.hass.async_block_till_done()
    assert all(home.status(serial) == "queued" for serial in serials[1:])
    for serial in serials[1:]:
        home.remove_inverter(home.entry, serial)
    await asyncio.sleep(1)
    devices = dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)
    assert {device.serial_number for device in devices} == {None, serials[0]}
    assert [home.status(serial) for serial in serials[:3]] == ["accepted", None, None]
    # One that was removed can be added again.
    await home.add(*serials[1:2])
    await home.shows("accepted", serials[1])
    assert home.coordinator is coordinator


async def test_updating_an_entity_looks_for_the_inverter(home: Home) -> None:
    assert await async_setup_component(home.hass, "homeassistant", {})
    await home.associate(SN)
    await asyncio.sleep(400)
    looks = home.asked("device/list")
    update = partial(home.hass.services.async_call, "homeassistant", "update_entity")
    account = er.async_get(home.hass).async_get_entity_id(
        "sensor", DOMAIN, f"{home.entry.entry_id}_inverters_pending"
    )
    # Of an account only what is pending is looked for.
    await update({"entity_id": account}, blocking=True)
    await asyncio.sleep(10)
    assert home.asked("device/list") == looks
    home.growatt.remove_from_plant(SN)
    await update({"entity_id": home.entity_id(SN)}, blocking=True)
    await home.shows("lost", SN)
