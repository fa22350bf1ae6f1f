"""How the devices of an account stand below each other, and that they follow what they are of."""

import asyncio
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Event, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding import async_remove_config_entry_device
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.foreign import plain

from .home import Home
from .prove.world import World

STICK, OTHER_STICK = "STICK00001", "STICK00002"
SN, OTHER_SN = "SIM0000001", "SIM0000002"


def account_device(world: World, entry: MockConfigEntry) -> dr.DeviceEntry:
    """Return the account's device."""
    devices = dr.async_get(world.hass)
    device = devices.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)
    assert device is not None
    return device


def above(home: Home, serial: str = SN) -> str | None:
    """Return what a device stands below: a serial number, or "account"."""
    via = home.device(serial).via_device_id
    if via == account_device(home, home.entry).id:
        return "account"
    device = dr.async_get(home.hass).async_get(via) if via is not None else None
    return device.serial_number if device is not None else None


async def add_stick(home: Home, *serials: str) -> None:
    """Add dataloggers to the plant."""
    await home.coordinator.async_track(serials, home.plant_id, DeviceKind.DATALOGGER)
    await home.hass.async_block_till_done()


async def stick_with_inverter(home: Home) -> None:
    """Add a datalogger, which brings the inverter behind it."""
    home.growatt.add_datalogger(STICK, devices=[SN])
    await add_stick(home, STICK)
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", STICK, SN)


async def test_what_a_datalogger_brings_stands_below_it(home: Home) -> None:
    home.growatt.add_datalogger(STICK, devices=[SN])
    await add_stick(home, STICK)
    await home.shows("accepted", STICK)
    assert above(home, STICK) == "account"
    await asyncio.sleep(600)
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", STICK, SN)
    stick, inverter = home.device(STICK), home.device(SN)
    assert (above(home, STICK), above(home)) == ("account", STICK)
    # It is described as an inverter's.
    assert (stick.name, stick.serial_number, stick.model) == (STICK, STICK, "ShineWiFi-X")
    assert stick.manufacturer == inverter.manufacturer == "Growatt"
    assert stick.configuration_url == inverter.configuration_url == home.simulator.url
    assert stick.identifiers == {(DOMAIN, STICK)}
    subentry = home.entry.subentries[str(stick.config_subentry_id)]
    assert (subentry.unique_id, subentry.subentry_type) == (STICK, "datalogger")

    for again in (home.restart(), home.reload(home.entry)):
        await again
        assert (home.device(STICK), home.device(SN)) == (stick, inverter)


async def test_a_datalogger_that_comes_later_takes_its_inverters_below_it(home: Home) -> None:
    home.add_devices([SN], datalogger_sn=STICK, online=True)
    home.add_devices([OTHER_SN], datalogger_sn=OTHER_STICK, online=True)
    await home.add(SN, OTHER_SN)
    await home.shows("associated", SN, OTHER_SN)
    assert (above(home), above(home, OTHER_SN)) == ("account", "account")
    await add_stick(home, STICK)
    assert (above(home), above(home, OTHER_SN)) == (STICK, "account")


async def test_without_its_datalogger_an_inverter_is_below_the_account_again(home: Home) -> None:
    await stick_with_inverter(home)
    device = home.device(SN)
    home.remove_inverter(home.entry, STICK)
    await home.hass.async_block_till_done()
    assert home.status(STICK) is None
    assert above(home) == "account"
    assert home.device(SN).id == device.id
    await add_stick(home, STICK)
    assert above(home) == STICK


async def test_an_inverter_moves_when_it_is_seen_behind_another_datalogger(home: Home) -> None:
    await stick_with_inverter(home)
    home.growatt.add_datalogger(OTHER_STICK)
    await add_stick(home, OTHER_STICK)
    for stick, expected in ((OTHER_STICK, OTHER_STICK), ("STICK00003", "account"), (STICK, STICK)):
        home.growatt.devices[SN].datalogger_sn = stick
        await asyncio.sleep(600)
        await home.check([SN], timeout=10)
        assert above(home) == expected


async def test_the_datalogger_of_another_account_is_none_of_its_own(home: Home) -> None:
    other = await home.add_account()
    home.growatt.add_datalogger(STICK, online=True)
    coordinator = other.runtime_data.coordinator
    await coordinator.async_track([STICK], home.add_plant(other), DeviceKind.DATALOGGER)
    await home.shows("associated", STICK)
    home.add_devices([SN], online=True)
    home.growatt.devices[SN].datalogger_sn = STICK
    await home.add(SN)
    await home.shows("associated", SN)
    assert above(home) == "account"


async def test_an_inverter_of_an_earlier_start_finds_its_datalogger(home: Home) -> None:
    """Its entities are added first, before those of the datalogger."""
    home.add_devices([SN], datalogger_sn=STICK, online=True)
    await home.add(SN)
    await home.shows("associated", SN)
    await add_stick(home, STICK)
    devices = dr.async_get(home.hass)
    before = {serial: home.device(serial) for serial in (SN, STICK)}
    await home.unload(home.entry)
    for device in before.values():
        devices.async_remove_device(device.id)
    await home.set_up(home.entry)
    assert above(home) == STICK
    assert home.device(STICK).name == STICK


async def test_a_datalogger_is_renamed_with_its_subentry(home: Home) -> None:
    await stick_with_inverter(home)
    (subentry,) = home.entry.get_subentries_of_type("datalogger")
    home.hass.config_entries.async_update_subentry(home.entry, subentry, title="Garage")
    await home.hass.async_block_till_done()
    assert (home.device(STICK).name, home.device(SN).name) == ("Garage", SN)
    await home.reload(home.entry)
    assert (home.device(STICK).name, above(home)) == ("Garage", STICK)


@pytest.mark.parametrize("kind", [DeviceKind.DATALOGGER, DeviceKind.INVERTER])
async def test_what_turns_out_to_be_the_other_kind_begins_anew(
    home: Home, kind: DeviceKind, caplog: pytest.LogCaptureFixture
) -> None:
    """It gets the entities of its kind; none of the other kind stays."""
    wrong = {DeviceKind.DATALOGGER: DeviceKind.INVERTER}.get(kind, DeviceKind.DATALOGGER)
    await home.coordinator.async_track([SN], home.plant_id, wrong)
    await home.shows("rejected", SN)
    if kind is DeviceKind.DATALOGGER:
        home.growatt.add_datalogger(SN)
        home.add_devices([OTHER_SN], datalogger_sn=SN, online=True)
    else:
        home.add_devices([SN])
        home.growatt.add_datalogger(OTHER_SN)
    await asyncio.sleep(600)
    await home.coordinator.async_track_as(SN, kind)
    await home.hass.async_block_till_done()
    assert home.status(SN) == "queued"
    await home.shows("accepted" if kind is DeviceKind.INVERTER else "associated", SN)
    entities = er.async_get(home.hass)
    (subentry,) = (sub for sub in home.entry.subentries.values() if sub.unique_id == SN)
    assert subentry.subentry_type == kind
    for _ in range(2):
        found = er.async_entries_for_device(
            entities, home.device(SN).id, include_disabled_entities=True
        )
        assert {entity.config_subentry_id for entity in found} == {subentry.subentry_id}
        keys = {entity.translation_key for entity in found}
        assert ("datalogger_status" in keys) == (kind is DeviceKind.DATALOGGER)
        assert ("association_status" in keys) == (kind is DeviceKind.INVERTER)
        ours = [entity for entity in entities.entities.values() if entity.unique_id.startswith(SN)]
        assert len(ours) == len(found)
        shown = [home.hass.states.get(entity.entity_id) for entity in found if not entity.disabled]
        assert all(shown)
        assert above(home) == "account"
        await home.reload(home.entry)
    if kind is DeviceKind.DATALOGGER:
        await home.shows("associated", OTHER_SN)
        assert above(home, OTHER_SN) == SN
    assert "already exists" not in caplog.text
    assert "unique" not in caplog.text


async def test_only_devices_that_change_are_written(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    serials = home.add_devices([f"SIM{number:07}" for number in range(20)], datalogger_sn=STICK)
    await home.add(*serials)
    await home.shows("accepted", *serials)
    await add_stick(home, STICK)
    seen: list[tuple[str, Any]] = []

    @callback
    def note(event: Event[Any]) -> None:
        seen.append((event.data["device_id"], event.data.get("changes", {}).keys()))

    home.hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, note)
    home.growatt.bring_online(serials[3])
    await home.shows("associated", serials[3])
    await asyncio.sleep(3_600)
    assert {device for device, _ in seen} <= {home.device(serials[3]).id, home.device(STICK).id}
    assert above(home, serials[3]) == STICK


async def test_what_only_a_later_version_knows_is_left_alone(home: Home) -> None:
    await home.associate(SN)
    subentry = ConfigSubentry(
        data=MappingProxyType({"serial_number": "LATER00001"}),
        subentry_type="charger",
        title="Charger",
        unique_id="LATER00001",
    )
    home.hass.config_entries.async_add_subentry(home.entry, subentry)
    device = dr.async_get(home.hass).async_get_or_create(
        config_entry_id=home.entry.entry_id,
        config_subentry_id=subentry.subentry_id,
        identifiers={(DOMAIN, "LATER00001")},
        name=plain("Charger"),
    )
    await add_stick(home, STICK)
    await home.reload(home.entry)
    assert home.status("LATER00001") is None
    assert dr.async_get(home.hass).async_get(device.id) == device
    assert not await async_remove_config_entry_device(home.hass, home.entry, device)
    assert subentry.subentry_id in home.entry.subentries
