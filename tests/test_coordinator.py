"""Accounts that are taken down or removed, and inverters that are, at any time."""

import asyncio
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.const import DOMAIN

from .home import Home
from .prove.world import World

ADD = "device/sn/add"
WATCH = "queryDeviceList"
SN = "SIM0000001"
OTHER_SN = "SIM0000002"
DAY = 86_400


# While a request is under way


async def test_inverter_removed_while_its_request_is_under_way(home: Home) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="hold")
    await home.add(SN)
    await home.faults.wait_held()
    home.remove_inverter(home.entry, SN)
    home.faults.release()
    await asyncio.sleep(DAY)
    assert home.status(SN) is None
    assert not home.entry.subentries
    assert home.asked("*") == 1


async def test_wanted_elsewhere_while_its_request_is_under_way(home: Home) -> None:
    """The answer to the first request says nothing about the second."""
    other = home.add_plant(home.entry, "Other")
    home.add_devices([SN])
    home.faults.add(ADD, kind="hold")
    await home.add(SN)
    await home.faults.wait_held()
    await home.coordinator.async_submit_again(SN, other)
    home.faults.release()
    await home.shows("accepted", SN)
    assert home.asked(ADD) == 2
    assert home.growatt.bindings[SN].plant_id == int(other)
    (subentry,) = home.entry.subentries.values()
    assert subentry.data["plant_id"] == other


async def test_unload_waits_for_the_answer(home: Home) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="hold")
    await home.add(SN)
    await home.faults.wait_held()
    unloading = asyncio.create_task(home.unload(home.entry))
    await asyncio.sleep(1)
    home.faults.release()
    await unloading
    await home.set_up(home.entry)
    assert home.status(SN) == "accepted"
    # Nor is its event lost.
    event_id = er.async_get(home.hass).async_get_entity_id("event", DOMAIN, f"{SN}_association")
    event = home.hass.states.get(event_id or "")
    assert event is not None
    assert event.attributes["event_type"] == "accepted"


@pytest.mark.parametrize("outcome", [{"return_value": False}, {"side_effect": ValueError}])
async def test_an_account_whose_entities_stay_goes_on(home: Home, outcome: dict[str, Any]) -> None:
    await home.accept(SN)
    with patch.object(home.hass.config_entries, "async_unload_platforms", **outcome):
        assert not await home.hass.config_entries.async_unload(home.entry.entry_id)
    assert home.entry.state is ConfigEntryState.FAILED_UNLOAD
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)


async def test_unload_does_not_wait_for_ever(home: Home) -> None:
    """A request that outlives the wait is unconfirmed, which is settled after the start."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    home.add_devices([SN])
    with pytest.MonkeyPatch.context() as stuck:
        stuck.setattr(GrowattClient, "bind", never)
        await home.add(SN)
        await asyncio.sleep(1)
        await home.unload(home.entry)
    await home.set_up(home.entry)
    assert home.status(SN) == "unconfirmed"
    await home.shows("accepted", SN)


async def test_nobody_waits_for_an_account_that_is_taken_down(home: Home) -> None:
    home.add_devices([SN])
    async with home.entry.runtime_data.gateway.background_lock:
        action = asyncio.create_task(home.add(SN, timeout=100))
        await asyncio.sleep(1)
        assert not action.done()
        await home.unload(home.entry)
        await asyncio.sleep(1)
        assert action.done()
    assert await action == {SN: "not_loaded"}


# Who is told


async def test_a_listener_that_fails_keeps_nobody_from_anything(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("told")

    stop = home.coordinator.async_add_listener(fail)
    await home.associate(SN)
    assert "in a listener of" in caplog.text
    stop()
    caplog.clear()
    assert await home.check([SN], timeout=10) == {SN: "associated"}
    assert "in a listener of" not in caplog.text


async def test_ten_accounts_on_one_token(world: World) -> None:
    """One watch serves all, and everybody's devices are found by it."""
    serials = [f"SIM000000{number}" for number in range(10)]
    world.add_devices(serials)
    for serial in serials:
        account = await world.add_account()
        await world.bind(account, world.add_plant(account), [serial])
    await asyncio.sleep(600)
    assert len(world.times(WATCH)) <= 600 / 30 + 2
    for serial in serials:
        world.simulator.growatt.bring_online(serial)
    assert await world.shows("associated", *serials) < 120
    assert not world.simulator.growatt.limits.violations


# Removal


async def test_removing_an_inverter_removes_only_that(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    home.add_devices([OTHER_SN])
    await home.add(SN, OTHER_SN)
    await home.shows("rejected", SN)
    await home.shows("accepted", OTHER_SN)
    home.remove_inverter(home.entry, SN)
    await home.clock.until(lambda: f"rejected_{SN}" not in home.issues(), 10)
    assert home.coordinator.next_check(SN) is None
    devices = dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)
    assert {device.serial_number for device in devices} == {None, OTHER_SN}
    entities = er.async_entries_for_config_entry(er.async_get(home.hass), home.entry.entry_id)
    assert not [entity for entity in entities if SN in entity.unique_id]
    stored = hass_storage[f"{DOMAIN}.{home.entry.entry_id}"]["data"]
    assert [binding["serial"] for binding in stored["bindings"]] == [OTHER_SN]
    assert home.status(OTHER_SN) == "accepted"


async def test_removing_an_account_removes_only_that(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    other = await home.add_account()
    await home.add(SN)
    await home.bind(other, home.add_plant(other), [OTHER_SN])
    await home.shows("rejected", SN, OTHER_SN)
    asked = home.asked("*")
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    # At the cloud everything stays as it is.
    assert home.asked("*") == asked
    assert set(home.issues()) == {f"rejected_{OTHER_SN}"}
    assert f"{DOMAIN}.{home.entry.entry_id}" not in hass_storage
    assert f"{DOMAIN}.{other.entry_id}" in hass_storage
    assert not dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)
    assert home.status(OTHER_SN) == "rejected"
    # The limits are the token's, not the account's.
    assert hass_storage[DOMAIN]["data"]["ledgers"]
