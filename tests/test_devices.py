"""Deleting a device from its own page, as Home Assistant's front end does."""

import asyncio
from typing import Any

from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.const import DOMAIN

from .home import Home

SN, OTHER = "SIM0000001", "SIM0000002"


@pytest.fixture
async def front_end(home: Home, hass_ws_client: WebSocketGenerator) -> Any:
    """Return a connection of the front end."""
    assert await async_setup_component(home.hass, "config", {})
    return await hass_ws_client(home.hass)


async def delete(front_end: Any, device: dr.DeviceEntry) -> bool:
    """Delete a device; return whether that was allowed."""
    request = {"type": "config/device_registry/remove", "device_id": device.id}
    await front_end.send_json_auto_id(request)
    return bool((await front_end.receive_json())["success"])


async def lost(home: Home) -> None:
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(400)
    await home.check([SN])
    await home.shows("lost", SN, seconds=600)


async def rejected(home: Home) -> None:
    await home.add(SN)
    await home.shows("rejected", SN)


async def conflict(home: Home) -> None:
    stranger = home.growatt.add_user("stranger", "stranger@example.com")
    theirs = home.growatt.add_plant(stranger.user_id, "Their roof")
    home.add_devices([SN], plant_id=theirs.plant_id)
    await home.add(SN)
    await home.shows("conflict", SN)


async def accepted(home: Home) -> None:
    await home.accept(SN)


async def associated(home: Home) -> None:
    await home.associate(SN)


async def add_stick(home: Home) -> None:
    await home.coordinator.async_track([SN], home.plant_id, DeviceKind.DATALOGGER)


async def lost_stick(home: Home) -> None:
    await associated_stick(home)
    home.growatt.delete_datalogger(home.growatt.dataloggers[SN])
    for _ in range(2):
        await asyncio.sleep(400)
        await home.check([SN], timeout=10)
    await home.shows("lost", SN)


async def rejected_stick(home: Home) -> None:
    await add_stick(home)
    await home.shows("rejected", SN)


async def accepted_stick(home: Home) -> None:
    home.growatt.add_datalogger(SN)
    await add_stick(home)
    await home.shows("accepted", SN)


async def associated_stick(home: Home) -> None:
    home.growatt.add_datalogger(SN, online=True)
    await add_stick(home)
    await home.shows("associated", SN)


@pytest.mark.parametrize("become", [lost, rejected, conflict, lost_stick, rejected_stick])
async def test_what_is_not_there_goes_with_its_device(
    home: Home, become: Any, hass_ws_client: WebSocketGenerator
) -> None:
    await become(home)
    await home.accept(OTHER)
    assert await async_setup_component(home.hass, "config", {})
    assert await delete(await hass_ws_client(home.hass), home.device(SN))
    await home.hass.async_block_till_done()
    assert [subentry.unique_id for subentry in home.entry.subentries.values()] == [OTHER]
    assert set(home.coordinator.data) == {OTHER}
    assert home.status(SN) is None
    assert not home.issues()
    devices = dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)
    names = {device.name for device in devices}
    assert SN not in names
    assert OTHER in names
    entities = er.async_get(home.hass).entities.values()
    assert not [entity for entity in entities if entity.unique_id.startswith(SN)]

    # It can be added again, and stays removed otherwise.
    await home.reload(home.entry)
    assert home.status(SN) is None
    assert (await home.add(SN))[SN] != "already_tracked"


@pytest.mark.parametrize("become", [accepted, associated, accepted_stick, associated_stick])
async def test_one_that_is_there_or_awaited_stays(home: Home, become: Any, front_end: Any) -> None:
    """It is removed where it was added, not by the way."""
    await become(home)
    device = home.device(SN)
    assert not await delete(front_end, device)
    assert home.device(SN) == device
    assert set(home.coordinator.data) == {SN}


async def test_the_accounts_device_goes_with_the_account_only(home: Home, front_end: Any) -> None:
    devices = dr.async_get(home.hass)
    device = devices.async_get_device_by_identifier(
        (DOMAIN, home.entry.entry_id), home.entry.entry_id
    )
    assert device is not None
    assert not await delete(front_end, device)
    assert devices.async_get(device.id) is not None


async def test_while_the_account_is_taken_down_nobody_knows(
    home: Home, hass_ws_client: WebSocketGenerator
) -> None:
    await lost(home)
    device = home.device(SN)
    assert await async_setup_component(home.hass, "config", {})
    await home.unload(home.entry)
    assert not await delete(await hass_ws_client(home.hass), device)
    await home.set_up(home.entry)
    assert await delete(await hass_ws_client(home.hass), device)
    await home.hass.async_block_till_done()
    assert not home.entry.subentries
