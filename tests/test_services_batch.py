"""The event with the first answers to all devices of an action, within the cloud's limits."""

import asyncio
from typing import Any

from homeassistant.core import Event
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN

from .common import fails, submit
from .home import Home

GOOD, OTHER, STICK = "GOOD000001", "GOOD000002", "QMN0000001"
BIND = "device/sn/add"
NEW_TOKEN = "SIMULATORTOKENRENEWED00000000000"


@pytest.fixture
def batches(home: Home) -> list[Event[dict[str, Any]]]:
    """Return the events that are fired from now on."""
    return async_capture_events(home.hass, f"{DOMAIN}_first_answers")


async def bind(home: Home, *serials: str, timeout: float = 0) -> Any:
    data = {"plant_id": home.plant_id, "serial_numbers": [*serials], "timeout": timeout}
    return await home.call("bind_device", config_entry_id=home.entry.entry_id, **data)


@pytest.mark.parametrize("number", [10001, 10010])
async def test_what_the_cloud_fails_to_take_is_answered(
    home: Home, batches: list[Event[dict[str, Any]]], number: int
) -> None:
    """It is submitted again for two hours, and what becomes of it then is no first answer."""
    home.add_devices([GOOD, OTHER])
    home.faults.add(BIND, kind="code", code=number, match={"sn": OTHER}, times=None)
    began = home.clock.passed
    response = await bind(home, GOOD, OTHER, timeout=300)
    assert home.clock.passed - began < 10
    assert [told["state"] for told in response["results"]] == ["accepted", "queued"]
    assert response["results"][1]["reason"]
    (event,) = batches
    assert event.data["states"] == {"accepted": [GOOD], "queued": [OTHER]}
    home.faults.clear()
    await home.shows("accepted", OTHER)
    assert len(batches) == 1


async def test_what_waits_for_its_datalogger_is_answered(
    home: Home, batches: list[Event[dict[str, Any]]]
) -> None:
    home.add_devices([GOOD])
    device = home.growatt.add_device(OTHER, datalogger_sn="")
    home.growatt.add_datalogger(STICK)
    home.growatt.bring_datalogger_online(STICK)
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    await home.shows("associated", STICK)
    await bind(home, GOOD, OTHER)
    await asyncio.sleep(10)
    (event,) = batches
    assert event.data["states"] == {"accepted": [GOOD], "queued": [OTHER]}
    device.datalogger_sn = STICK
    await home.shows("accepted", OTHER)
    assert len(batches) == 1


async def test_a_reload_takes_nothing_away(
    home: Home, batches: list[Event[dict[str, Any]]]
) -> None:
    home.add_devices([GOOD, OTHER])
    home.faults.add(BIND, kind="hold")
    await bind(home, GOOD, OTHER)
    await home.faults.wait_held()
    reload = home.hass.async_create_task(home.reload(home.entry))
    await asyncio.sleep(1)
    home.faults.release()
    await reload
    await home.shows("accepted", GOOD, OTHER)
    (event,) = batches
    assert event.data["states"] == {"accepted": [GOOD, OTHER]}
    assert event.data["account"] == home.entry.title


async def test_an_account_that_is_unloaded_for_a_while(
    home: Home, batches: list[Event[dict[str, Any]]]
) -> None:
    serials = home.add_devices(f"SIM{number:07}" for number in range(9))
    waiting = home.hass.async_create_task(bind(home, *serials, timeout=300))
    await asyncio.sleep(4)
    await home.unload(home.entry)
    await asyncio.sleep(60)
    await home.set_up(home.entry)
    await home.shows("accepted", *serials)
    (event,) = batches
    assert event.data["states"] == {"accepted": serials}
    assert {told["state"] for told in (await waiting)["results"]} == {"not_loaded"}


async def test_a_renewed_token_brings_it(home: Home, batches: list[Event[dict[str, Any]]]) -> None:
    home.add_devices([GOOD])
    del home.growatt.tokens[INSTALLER_TOKEN]
    await fails(home.hass, "list_plants", "invalid_token", config_entry_id=home.entry.entry_id)
    await bind(home, GOOD, timeout=300)
    home.growatt.add_token(NEW_TOKEN)
    (flow,) = home.hass.config_entries.flow.async_progress()
    dialog = await home.hass.config_entries.flow.async_configure(flow["flow_id"])
    await submit(home.hass, dialog, token=NEW_TOKEN)
    await home.shows("accepted", GOOD)
    (event,) = batches
    assert event.data["states"] == {"accepted": [GOOD]}
