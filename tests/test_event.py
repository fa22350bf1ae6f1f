"""The events of an association."""

import asyncio
from typing import Any

from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.growatt_onboarding.const import DOMAIN

from .home import Home

SN = "SIM0000001"


def entity_id(home: Home) -> str:
    found = er.async_get(home.hass).async_get_entity_id("event", DOMAIN, f"{SN}_association")
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


async def test_each_step_of_an_association_is_an_event(home: Home) -> None:
    events = async_capture_events(home.hass, "state_changed")
    await home.accept(SN)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    event_entity = entity_id(home)
    assert reported(events, event_entity) == ["accepted", "associated"]

    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(10)
    await home.check([SN])
    await home.shows("lost", SN)
    assert reported(events, event_entity) == ["accepted", "associated", "lost"]


async def test_a_reload_is_no_event(home: Home) -> None:
    await home.associate(SN)
    state = home.hass.states.get(entity_id(home))
    assert state is not None
    await home.unload(home.entry)
    await home.set_up(home.entry)
    again = home.hass.states.get(entity_id(home))
    assert again is not None
    assert again.state == state.state


async def test_an_answer_during_a_reload_is_an_event(home: Home) -> None:
    events = async_capture_events(home.hass, "state_changed")
    home.add_devices([SN])
    home.faults.add("device/sn/add", kind="hold")
    await home.add(SN)
    await home.faults.wait_held()
    reload = home.hass.async_create_task(home.reload(home.entry))
    await asyncio.sleep(1)
    home.faults.release()
    await reload
    assert home.status(SN) == "accepted"
    assert reported(events, entity_id(home)) == ["accepted"]


async def test_the_first_answer_after_an_outage_is_an_event_that_triggers_see(home: Home) -> None:
    """Triggers take no notice of an event that ends an unavailable state."""
    serials = [f"SIM00002{number:02}" for number in range(12)]
    home.add_devices(serials)
    home.token.may_v4 = False
    await home.add(*serials)
    await home.shows("accepted", *serials)
    home.faults.add("*", kind="firewall", times=2)
    await home.shows("unavailable", *serials)
    events = async_capture_events(home.hass, "state_changed")
    for serial in serials:
        home.growatt.bring_online(serial)
    await home.shows("associated", *serials)
    fired = [
        event.data["old_state"].state
        for event in events
        if event.data["entity_id"].startswith("event.")
        and event.data["new_state"].attributes["event_type"] == "associated"
    ]
    assert len(fired) == len(serials)
    assert "unavailable" not in fired
