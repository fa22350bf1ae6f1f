"""The events of an association."""

import asyncio
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.reports import OF_ALL, Report

from .home import Home

SN = "SIM0000001"
OTHER_SN = "SIM0000002"
STICK = "STICK00001"
WRONG = "UNKNOWN001"
HOUR = 3_600
DAY = 86_400


def entity_id(home: Home) -> str:
    found = er.async_get(home.hass).async_get_entity_id("event", DOMAIN, f"{SN}_association")
    assert found is not None
    return found


def account_event(home: Home) -> str:
    unique_id = f"{home.entry.entry_id}_device_association"
    found = er.async_get(home.hass).async_get_entity_id("event", DOMAIN, unique_id)
    assert found is not None
    return found


def heard(events: list[Any], event_entity: str) -> list[tuple[str, str]]:
    """Return what the entity fired, with the serial number of each."""
    states = [event.data["new_state"] for event in events]
    fired = {
        state.state: state.attributes
        for state in states
        if state and state.entity_id == event_entity and state.attributes.get("event_type")
    }
    return [(told["event_type"], told["serial_number"]) for told in fired.values()]


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
    await home.hass.async_block_till_done()
    fired = [
        event.data["old_state"].state
        for event in events
        if event.data["entity_id"].startswith("event.")
        and event.data["new_state"].attributes["event_type"] == "associated"
    ]
    # Each device's own, and the account's.
    assert len(fired) == 2 * len(serials)
    assert "unavailable" not in fired


# The event of an account


async def test_an_account_hears_of_all_its_devices(home: Home) -> None:
    """Of each on its own, also when many change with one answer."""
    events = async_capture_events(home.hass, "state_changed")
    serials = [f"SIM00002{number:02}" for number in range(30)]
    await home.accept(*serials)
    for serial in serials:
        home.growatt.bring_online(serial)
    await home.shows("associated", *serials)
    await home.hass.async_block_till_done()
    fired = heard(events, account_event(home))
    for kind in ("accepted", "associated"):
        assert sorted(serial for one, serial in fired if one == kind) == serials
    # One more that is added later.
    await home.add(WRONG)
    await home.shows("rejected", WRONG)
    await home.hass.async_block_till_done()
    assert heard(events, account_event(home))[2 * len(serials) :] == [("rejected", WRONG)]
    state = home.hass.states.get(account_event(home))
    assert state is not None
    assert (state.attributes["reason"], state.attributes["plant"]) == (
        "serial_rejected",
        f"ID {home.plant_id}",
    )
    assert "serial number is wrong" in state.attributes["explanation"]


async def test_an_account_hears_of_a_device_whose_own_event_is_disabled(home: Home) -> None:
    er.async_get(home.hass).async_get_or_create(
        "event", DOMAIN, f"{SN}_association", disabled_by=er.RegistryEntryDisabler.USER
    )
    events = async_capture_events(home.hass, "state_changed")
    await home.accept(SN)
    assert heard(events, account_event(home)) == [("accepted", SN)]


async def test_an_account_hears_of_an_inverter_that_its_datalogger_brings(home: Home) -> None:
    events = async_capture_events(home.hass, "state_changed")
    home.growatt.add_datalogger(STICK, devices=[SN])
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", SN)
    await home.hass.async_block_till_done()
    assert ("associated", SN) in heard(events, account_event(home))


# Overdue


async def test_an_overdue_device_is_an_event_once(home: Home) -> None:
    events = async_capture_events(home.hass, "state_changed")
    await home.accept(SN)
    await asyncio.sleep(DAY + 60)
    assert heard(events, entity_id(home)) == [("accepted", SN), ("overdue", SN)]
    assert heard(events, account_event(home)) == [("accepted", SN), ("overdue", SN)]
    state = home.hass.states.get(entity_id(home))
    assert state is not None
    assert state.attributes["reason"] == "inverter_unseen"

    for crash in (False, True):
        await home.restart(crash=crash)
        await asyncio.sleep(DAY)
        assert f"overdue_{SN}" in home.issues()
    assert heard(events, entity_id(home))[1:] == [("overdue", SN)]

    # It is another wait once it was sent again.
    await home.call("submit_again", serial_numbers=SN)
    await home.shows("accepted", SN)
    assert f"overdue_{SN}" not in home.issues()
    await asyncio.sleep(DAY + 60)
    assert heard(events, entity_id(home))[2:] == [("accepted", SN), ("overdue", SN)]


async def test_what_happens_while_home_assistant_starts_is_told_once_it_has(home: Home) -> None:
    """No automation hears of anything before that."""
    await home.accept(SN, OTHER_SN)
    events = async_capture_events(home.hass, "state_changed")
    told: list[Report] = []
    async_dispatcher_connect(home.hass, OF_ALL, told.append)
    async with home.down():
        home.growatt.bring_online(SN)
        await asyncio.sleep(HOUR)
        home.hass.set_state(CoreState.starting)
    await home.shows("associated", SN)
    await asyncio.sleep(60)
    await home.reload(home.entry)
    assert told == []
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await home.hass.async_block_till_done()
    assert [(report.event_type, report.binding.serial) for report in told] == [("associated", SN)]
    assert heard(events, account_event(home))[-1] == ("associated", SN)
    # From now on all is told at once.
    home.growatt.bring_online(OTHER_SN)
    await home.shows("associated", OTHER_SN)
    await home.hass.async_block_till_done()
    assert heard(events, account_event(home))[-1] == ("associated", OTHER_SN)


async def test_what_became_overdue_while_home_assistant_was_down_is_an_event(home: Home) -> None:
    """Once Home Assistant has started, as no automation would hear of it before that."""
    await home.accept(SN)
    events = async_capture_events(home.hass, "state_changed")
    async with home.down():
        await asyncio.sleep(2 * DAY)
        home.hass.set_state(CoreState.starting)
    await asyncio.sleep(60)
    restored = [("accepted", SN)]
    assert heard(events, entity_id(home)) == restored
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await asyncio.sleep(60)
    assert heard(events, entity_id(home)) == [*restored, ("overdue", SN)]
    assert f"overdue_{SN}" in home.issues()


async def test_what_is_refused_while_home_assistant_starts_stays_until_that_is_told(
    home: Home,
) -> None:
    """Although nobody wants it kept."""
    told: list[Report] = []
    async_dispatcher_connect(home.hass, OF_ALL, told.append)
    async with home.entry.runtime_data.gateway.background_lock:
        where = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
        await home.call("bind_device", serial_numbers=WRONG, keep_refused=False, timeout=0, **where)
        await home.unload(home.entry)
    home.hass.set_state(CoreState.starting)
    await home.set_up(home.entry)
    await home.shows("rejected", WRONG)
    await asyncio.sleep(60)
    assert WRONG in home.coordinator.data
    assert told == []
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await home.hass.async_block_till_done()
    assert [(report.event_type, report.binding.serial) for report in told] == [("rejected", WRONG)]
    assert home.coordinator.data == {}
