"""The events of an association, and the button that has it looked for."""

import asyncio
from typing import Any

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.growatt_onboarding.const import DOMAIN

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
