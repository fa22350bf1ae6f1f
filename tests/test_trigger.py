"""The triggers, in automations as people make them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components.websocket_api.automation import async_get_triggers_for_target
from homeassistant.core import ServiceCall
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.trigger import async_get_all_descriptions
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.trigger import TRIGGERS

from .home import Home

SN, OTHER, WRONG = "SIM0000001", "SIM0000002", "UNKNOWN001"
STICK = "STICK00001"
DAY = 86_400


@pytest.fixture(autouse=True)
async def ended(home: Home) -> AsyncGenerator[None]:
    """Turn the automations off before Home Assistant stops."""
    yield
    if automations := home.hass.states.async_entity_ids("automation"):
        await home.hass.services.async_call(
            "automation", "turn_off", {"entity_id": automations}, blocking=True
        )


async def automate(home: Home, *triggers: str, **target: Any) -> list[ServiceCall]:
    """Make an automation of these triggers; return the calls of its action."""
    calls = async_mock_service(home.hass, "test", "heard")
    told = {
        name: f"{{{{ trigger.{name} }}}}"
        for name in ("platform", "serial_number", "reason", "plant", "account", "device_id")
    }
    config = {
        "id": "one",
        "alias": "One",
        "mode": "queued",
        "max": 100,
        "triggers": [
            {"trigger": f"{DOMAIN}.{one}", **({"target": target} if target else {})}
            for one in triggers
        ],
        "actions": [{"action": "test.heard", "data": told}],
    }
    assert await async_setup_component(home.hass, "automation", {"automation": [config]})
    await home.hass.async_block_till_done()
    state = home.hass.states.get("automation.one")
    assert state is not None
    # A faulty one is there too, but unavailable.
    assert state.state == "on"
    return calls


def heard(calls: list[ServiceCall]) -> list[tuple[str, str]]:
    """Return which triggers fired, and for which devices."""
    return [
        (call.data["platform"].removeprefix(f"{DOMAIN}."), call.data["serial_number"])
        for call in calls
    ]


def account_device(home: Home) -> str:
    device_id: str = home.entry.runtime_data.devices.account_id
    return device_id


async def test_each_trigger_fires_for_what_it_is_about(home: Home) -> None:
    """Without a target for the devices of all accounts, those added later too."""
    calls = await automate(home, *TRIGGERS)
    bob = await home.add_account()
    theirs = home.add_plant(bob, "Theirs")
    home.add_devices([OTHER], plant_id=int(theirs))
    await home.add(WRONG, OTHER)
    await home.shows("conflict", OTHER)
    await home.shows("rejected", WRONG)
    assert sorted(heard(calls)) == [("conflict", OTHER), ("refused", WRONG)]
    (refused,) = (call.data for call in calls if call.data["serial_number"] == WRONG)
    assert (refused["reason"], refused["account"]) == ("serial_rejected", home.entry.title)
    assert refused["plant"] == f"ID {home.plant_id}"
    assert refused["device_id"] == home.device(WRONG).id

    calls.clear()
    home.add_devices([SN])
    await home.bind(bob, theirs, [SN])
    await asyncio.sleep(DAY + 60)
    assert heard(calls) == [("overdue", SN)]
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert heard(calls) == [("overdue", SN), ("associated", SN)]


async def test_what_is_refused_and_not_kept_is_heard_of(home: Home) -> None:
    """Often only after the action has answered, and nothing else tells it."""
    calls = await automate(home, "refused", "conflict", device_id=[account_device(home)])
    theirs = home.add_plant(await home.add_account(), "Theirs")
    held = home.add_devices((f"HELD{number:06}" for number in range(3)), plant_id=int(theirs))
    data = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
    wrong = [f"UNKNOWN{number:03}" for number in range(3)]
    await home.call("bind_device", **data, serial_numbers=[*held, *wrong], keep_refused=False)
    await asyncio.sleep(3_600)
    assert not home.entry.subentries
    assert sorted(heard(calls)) == [
        *(("conflict", serial) for serial in held),
        *(("refused", serial) for serial in wrong),
    ]
    assert {call.data["reason"] for call in calls} == {"held_by_account", "serial_rejected"}


async def test_an_account_as_target_is_all_its_devices(home: Home) -> None:
    """Each once, though its own event has the target, too."""
    calls = await automate(home, "associated", device_id=[account_device(home)])
    bob = await home.add_account()
    home.add_devices([OTHER], online=True)
    await home.bind(bob, home.add_plant(bob), [OTHER])
    await home.shows("associated", OTHER)
    serials = [f"SIM00002{number:02}" for number in range(30)]
    await home.accept(*serials)
    for serial in serials:
        home.growatt.bring_online(serial)
    await home.shows("associated", *serials)
    await home.hass.async_block_till_done()
    assert sorted(heard(calls)) == [("associated", serial) for serial in serials]


async def test_several_ways_to_a_device_are_one_event(home: Home) -> None:
    area = ar.async_get(home.hass).async_create("Roof")
    await home.accept(SN)
    devices = dr.async_get(home.hass)
    for device_id in (account_device(home), home.device(SN).id):
        devices.async_update_device(device_id, area_id=area.id)
    calls = await automate(
        home, "associated", area_id=[area.id], device_id=[account_device(home), home.device(SN).id]
    )
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert heard(calls) == [("associated", SN)]


@pytest.mark.parametrize("kind", ["device_id", "entity_id", "area_id", "label_id"])
async def test_a_device_as_target_is_that_one_only(home: Home, kind: str) -> None:
    """An area or a label counts as it is when something happens."""
    area = ar.async_get(home.hass).async_create("Roof")
    label = lr.async_get(home.hass).async_create("Mine")
    await home.accept(SN, OTHER)
    event = er.async_get(home.hass).async_get_entity_id("event", DOMAIN, f"{SN}_association")
    target = {
        "device_id": home.device(SN).id,
        "entity_id": event,
        "area_id": area.id,
        "label_id": label.label_id,
    }[kind]
    calls = await automate(home, "associated", "refused", **{kind: target})
    dr.async_get(home.hass).async_update_device(
        home.device(SN).id, area_id=area.id, labels={label.label_id}
    )
    for serial in (SN, OTHER):
        home.growatt.bring_online(serial)
    await home.shows("associated", SN, OTHER)
    assert heard(calls) == [("associated", SN)]


@pytest.mark.parametrize(
    "change",
    [{"hidden_by": er.RegistryEntryHider.USER}, {"disabled_by": er.RegistryEntryDisabler.USER}],
)
@pytest.mark.parametrize("whose", ["device", "account"])
async def test_a_device_is_meant_whatever_is_shown_of_it(
    home: Home, whose: str, change: dict[str, Any]
) -> None:
    """Who hides or disables an event has not turned the automations of its device off."""
    await home.accept(SN)
    registry = er.async_get(home.hass)
    target = home.device(SN).id if whose == "device" else account_device(home)
    calls = await automate(home, "associated", device_id=target)
    for entry in er.async_entries_for_device(registry, target):
        if entry.domain == "event":
            registry.async_update_entity(entry.entity_id, **change)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert heard(calls) == [("associated", SN)]


async def test_an_inverter_that_its_datalogger_brings_is_told_without_its_device(
    home: Home,
) -> None:
    """It is associated before Home Assistant has a device of it."""
    calls = await automate(home, "associated", device_id=[account_device(home)])
    home.growatt.add_datalogger(STICK, devices=[SN])
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", STICK, SN)
    await home.hass.async_block_till_done()
    assert heard(calls) == [("associated", STICK), ("associated", SN)]
    assert calls[0].data["device_id"] == home.device(STICK).id


async def test_a_reload_fires_none(home: Home) -> None:
    calls = await automate(home, *TRIGGERS)
    await home.associate(SN)
    await home.restart()
    await asyncio.sleep(60)
    assert heard(calls) == [("associated", SN)]


@pytest.mark.parametrize("options", [None, {}])
async def test_what_an_editor_leaves_empty_is_taken(home: Home, options: Any) -> None:
    config = {"target": {}} if options is None else {"target": {}, "options": options}
    for trigger in TRIGGERS.values():
        complete = {"platform": f"{DOMAIN}.associated", **config}
        validated = await trigger.async_validate_complete_config(home.hass, complete)
        assert not validated["target"]


async def test_home_assistant_offers_them_where_they_fit(home: Home) -> None:
    await home.accept(SN)
    assert await async_setup_component(home.hass, "automation", {})
    descriptions = await async_get_all_descriptions(home.hass)
    expected = {f"{DOMAIN}.{key}" for key in TRIGGERS}
    assert expected <= descriptions.keys()
    assert all(descriptions[key] for key in expected)
    for device_id in (home.device(SN).id, account_device(home)):
        offered = await async_get_triggers_for_target(
            home.hass, {"device_id": [device_id]}, expand_group=True
        )
        assert expected <= offered
