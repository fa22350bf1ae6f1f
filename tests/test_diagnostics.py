"""What a bug report carries, and what it must not."""

from collections.abc import AsyncGenerator
import json

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.diagnostics import (
    async_get_config_entry_diagnostics,
    async_get_device_diagnostics,
)
from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN

from .prove.timelapse import Timelapse
from .prove.world import World

SN = "SIM0004711"


@pytest.fixture
async def world(hass: HomeAssistant, simulator: Simulator) -> AsyncGenerator[World]:
    with Timelapse() as clock:
        yield World(hass, simulator, clock)


@pytest.fixture
async def entry(world: World) -> MockConfigEntry:
    entry = await world.add_account()
    world.add_devices([SN])
    await world.bind(entry, world.add_plant(entry), [SN])
    await world.shows("accepted", SN)
    return entry


def personal(entry: MockConfigEntry) -> list[str]:
    """Return what must not be found."""
    return [INSTALLER_TOKEN, SN, SN[:-4], entry.title, entry.data["account_id"] + '"']


async def test_an_account_tells_what_helps_and_nothing_personal(
    world: World, entry: MockConfigEntry
) -> None:
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    text = json.dumps(found)
    assert [word for word in personal(entry) if word in text] == []
    assert found["reachable"] is True
    assert found["calls"]["v1/device/sn/add"]["requests_cooling_down"] == 1
    (binding,) = found["bindings"].values()
    assert binding["state"] == "accepted"
    assert 0 <= binding["next_check_in"] <= 30
    assert list(found["bindings"]) == ["**REDACTED**4711"]


async def test_an_inverter_tells_of_itself(world: World, entry: MockConfigEntry) -> None:
    found = await async_get_device_diagnostics(world.hass, entry, world.device(SN))
    assert [word for word in personal(entry) if word in json.dumps(found)] == []
    assert found["binding"]["state"] == "accepted"


async def test_the_accounts_device_tells_of_the_account(
    world: World, entry: MockConfigEntry
) -> None:
    device = dr.async_get(world.hass).async_get(entry.runtime_data.device_id)
    assert device is not None
    found = await async_get_device_diagnostics(world.hass, entry, device)
    assert list(found["bindings"]) == ["**REDACTED**4711"]
