"""The events of an association, and the button that has it looked for."""

import asyncio
from functools import partial
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN

from .prove.world import World

SN = "SIM0000001"


def entity_id(world: World, platform: str, key: str) -> str:
    found = er.async_get(world.hass).async_get_entity_id(platform, DOMAIN, f"{SN}_{key}")
    assert found is not None
    return found


def reported(events: list[Any], event_entity: str) -> list[str]:
    """Return the kinds of events that the entity fired, each once."""
    kinds: dict[str, str] = {}
    for event in events:
        state = event.data["new_state"]
        if event.data["entity_id"] == event_entity and state and "event_type" in state.attributes:
            kinds[state.state] = state.attributes["event_type"]
    return [kind for kind in kinds.values() if kind]


async def test_each_step_of_an_association_is_an_event(
    world: World, entry: MockConfigEntry
) -> None:
    events = async_capture_events(world.hass, "state_changed")
    plant_id = world.add_plant(entry)
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await world.shows("accepted", SN)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    event_entity = entity_id(world, "event", "association")
    assert reported(events, event_entity) == ["accepted", "associated"]

    world.simulator.growatt.remove_from_plant(SN)
    await asyncio.sleep(10)
    await world.check([SN])
    await world.shows("lost", SN)
    assert reported(events, event_entity) == ["accepted", "associated", "lost"]


async def test_a_reload_is_no_news(world: World, entry: MockConfigEntry) -> None:
    plant_id = world.add_plant(entry)
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    state = world.hass.states.get(entity_id(world, "event", "association"))
    assert state is not None
    await world.unload(entry)
    await world.set_up(entry)
    again = world.hass.states.get(entity_id(world, "event", "association"))
    assert again is not None
    assert again.state == state.state


async def test_an_answer_during_a_reload_is_an_event(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    events = async_capture_events(world.hass, "state_changed")
    world.add_devices([SN])
    world.simulator.faults.add("device/sn/add", kind="hold")
    await world.bind(entry, plant_id, [SN])
    await world.simulator.faults.wait_held()
    reload = world.hass.async_create_task(world.reload(entry))
    await asyncio.sleep(1)
    world.simulator.faults.release()
    await reload
    assert world.status(SN) == "accepted"
    assert reported(events, entity_id(world, "event", "association")) == ["accepted"]


async def test_the_first_answer_after_an_outage_is_an_event_that_triggers_see(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """Triggers take no notice of an event that ends an unavailable state."""
    serials = [f"SIM00002{number:02}" for number in range(12)]
    world.add_devices(serials)
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
    await world.bind(entry, plant_id, serials)
    await world.shows("accepted", *serials)
    world.simulator.faults.add("*", kind="firewall", times=2)
    await world.shows("unavailable", *serials)
    events = async_capture_events(world.hass, "state_changed")
    for serial in serials:
        world.simulator.growatt.bring_online(serial)
    await world.shows("associated", *serials)
    fired = [
        event.data["old_state"].state
        for event in events
        if event.data["entity_id"].startswith("event.")
        and event.data["new_state"].attributes["event_type"] == "associated"
    ]
    assert len(fired) == len(serials)
    assert "unavailable" not in fired


async def test_the_button_looks_at_once_or_says_when(world: World, entry: MockConfigEntry) -> None:
    plant_id = world.add_plant(entry)
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    button = {"entity_id": entity_id(world, "button", "check_now")}
    world.simulator.growatt.remove_from_plant(SN)
    await asyncio.sleep(10)

    with pytest.raises(ServiceValidationError) as caught:
        await world.hass.services.async_call("button", "press", button, blocking=True)
    assert caught.value.translation_key == "check_planned"
    assert caught.value.translation_placeholders == {"minutes": "5"}
    # Planned all the same.
    await world.shows("lost", SN)

    await asyncio.sleep(400)
    world.simulator.growatt.move(SN, int(plant_id))
    await world.hass.services.async_call("button", "press", button, blocking=True)
    await world.shows("associated", SN)


async def test_the_button_says_that_somebody_has_to_sign_in(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await world.shows("accepted", SN)
    button = {"entity_id": entity_id(world, "button", "check_now")}
    token = world.simulator.growatt.tokens.pop(INSTALLER_TOKEN)
    await world.clock.until(lambda: [*entry.async_get_active_flows(world.hass, {SOURCE_REAUTH})])
    with pytest.raises(ServiceValidationError) as caught:
        await world.hass.services.async_call("button", "press", button, blocking=True)
    assert caught.value.translation_key == "not_signed_in"

    world.simulator.growatt.tokens[INSTALLER_TOKEN] = token
    await world.reload(entry)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    await asyncio.sleep(400)
    await world.hass.services.async_call("button", "press", button, blocking=True)


async def test_updating_an_entity_looks_for_the_inverter(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    assert await async_setup_component(world.hass, "homeassistant", {})
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    await asyncio.sleep(400)
    looks = world.asked("device/list")
    update = partial(world.hass.services.async_call, "homeassistant", "update_entity")
    account = er.async_get(world.hass).async_get_entity_id(
        "sensor", DOMAIN, f"{entry.entry_id}_inverters_pending"
    )
    # Of an account only what is pending is looked for.
    await update({"entity_id": account}, blocking=True)
    await asyncio.sleep(10)
    assert world.asked("device/list") == looks
    world.simulator.growatt.remove_from_plant(SN)
    await update({"entity_id": world.entity_id(SN)}, blocking=True)
    await world.shows("lost", SN)
