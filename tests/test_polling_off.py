"""With *Enable polling for changes* off, only what somebody asks for is looked at."""

import asyncio

from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from .home import Home

SN = "SIM0000001"
ADD = "device/sn/add"
DAY = 86_400


class Switch:
    """The switch in the system options of the account."""

    def __init__(self, home: Home, connect: WebSocketGenerator) -> None:
        self._home = home
        self._connect = connect

    async def turn(self, *, on: bool) -> None:
        """Turn it, as the front end does."""
        client = await self._connect(self._home.hass)
        await client.send_json_auto_id(
            {
                "type": "config_entries/update",
                "entry_id": self._home.entry.entry_id,
                "pref_disable_polling": not on,
            }
        )
        assert (await client.receive_json())["success"]
        await client.close()


@pytest.fixture
async def switch(home: Home, hass_ws_client: WebSocketGenerator) -> Switch:
    """Return the switch, which is off."""
    assert await async_setup_component(home.hass, "config", {})
    switch = Switch(home, hass_ws_client)
    await switch.turn(on=False)
    return switch


async def press(home: Home) -> None:
    entity_id = er.async_get(home.hass).async_get_entity_id(
        "button", "growatt_onboarding", f"{SN}_check_now"
    )
    await home.hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


async def test_nothing_is_looked_for_until_the_switch_is_on_again(
    home: Home, switch: Switch
) -> None:
    # What a person asks for is sent, and the cloud says yes.
    await home.accept(SN)
    asked = home.asked("*")
    home.growatt.bring_online(SN)
    # As long as the front end's own token holds.
    await asyncio.sleep(1_200)
    assert home.status(SN) == "accepted"
    assert home.asked("*") == asked
    assert home.coordinator.next_step() is None

    await switch.turn(on=True)
    await home.shows("associated", SN)


async def test_what_somebody_asks_for_is_looked_at(home: Home, switch: Switch) -> None:
    await home.accept(SN)
    await asyncio.sleep(DAY)
    asked = home.asked("*")
    assert await home.check([SN], timeout=60) == {SN: "accepted"}
    assert home.asked("*") > asked
    asked = home.asked("*")
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked

    home.growatt.bring_online(SN)
    await press(home)
    await home.shows("associated", SN)


async def test_what_was_asked_for_is_sent_until_the_cloud_takes_it(
    home: Home, switch: Switch
) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="code", code=10001)
    await home.add(SN)
    await home.shows("accepted", SN)
    assert home.asked(ADD) == 2


async def test_a_lost_answer_is_looked_for_when_somebody_asks(home: Home, switch: Switch) -> None:
    home.add_devices([SN], online=True)
    home.faults.add(ADD, kind="cut_after")
    await home.add(SN)
    await asyncio.sleep(DAY)
    assert home.status(SN) == "unconfirmed"
    assert home.asked("*") == 1
    await press(home)
    await home.shows("associated", SN)
    assert home.asked(ADD) == 1


async def test_a_list_of_several_pages_is_read_to_its_end(home: Home, switch: Switch) -> None:
    home.add_devices([f"SIM10{number:05}" for number in range(250)], plant_id=int(home.plant_id))
    await home.accept(SN)
    await asyncio.sleep(DAY)
    home.growatt.bring_online(SN)
    await press(home)
    await home.shows("associated", SN)
