"""The blueprints, loaded by Home Assistant as a person would import them, and triggered."""

import asyncio
from collections.abc import AsyncGenerator
from copy import replace
from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import automations_with_blueprint
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
)
from homeassistant.helpers.entity import entity_sources
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.growatt_onboarding.binding.model import Problem
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.foreign import plain
from custom_components.growatt_onboarding.repairs import issue_id
from simulator import Simulator

from .common import RESIDENT_PLANT, UNLIMITED, act, add_account, associate, track, until

BLUEPRINTS = Path(__file__).parents[1] / "blueprints"
FOLDER = BLUEPRINTS / "automation" / "growatt_onboarding"
PHONE = "notify.phone"
SERIAL, OTHER = "SIM0000001", "SIM0000002"
STICK, CODE = "QMN0000009", "12345"
# One of only digits must not become a number on its way.
DIGITS = "0123456789"


@pytest.fixture(autouse=True)
async def imported(hass: HomeAssistant, tmp_path: Path) -> AsyncGenerator[None]:
    """Put the blueprints where Home Assistant looks for them."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    hass.config.config_dir = str(tmp_path)
    await hass.config.async_set_time_zone("UTC")
    yield
    # Or it would wait for its time when the test is over.
    if automations := hass.states.async_entity_ids("automation"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": automations}, blocking=True
        )


@pytest.fixture
def messages(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the messages that were sent."""
    return async_mock_service(hass, "notify", "send_message")


async def use(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Make an automation from a blueprint."""
    path = f"growatt_onboarding/{name}.yaml"
    config = {"id": name, "alias": name, "use_blueprint": {"path": path, "input": inputs}}
    assert await async_setup_component(hass, "automation", {"automation": [config]})
    await hass.async_block_till_done()
    (entity_id,) = automations_with_blueprint(hass, path)
    state = hass.states.get(entity_id)
    # A faulty one is there too, but unavailable.
    assert state is not None
    assert state.state == "on"


def texts(messages: list[ServiceCall]) -> list[str]:
    """Return the texts of the messages, having seen to whom they went."""
    assert all(message.data["entity_id"] == [PHONE] for message in messages)
    assert all(message.data["title"] for message in messages)
    return [message.data["message"] for message in messages]


# All of them


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
async def test_each_can_be_imported(hass: HomeAssistant, path: Path) -> None:
    await async_setup_component(hass, "automation", {})
    blueprints = hass.data["blueprint"]["automation"]
    blueprint = (await blueprints.async_get_blueprints())[f"growatt_onboarding/{path.name}"]
    assert isinstance(blueprint, Blueprint), blueprint
    assert blueprint.validate() is None
    assert blueprint.metadata["source_url"].endswith(str(path.relative_to(BLUEPRINTS.parent)))
    assert blueprint.metadata["homeassistant"]["min_version"] == "2026.9.0"
    assert all(entry["name"] and entry["selector"] for entry in blueprint.inputs.values())


# Tell me when an inverter is associated


def device_id(hass: HomeAssistant, entry: MockConfigEntry, key: str) -> str:
    """Return the id of a device of an account, by its serial number, or of the account's own."""
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, key), entry.entry_id)
    assert device is not None
    return device.id


@pytest.mark.parametrize("kind", ["none", "device", "account"])
async def test_a_message_when_an_inverter_is_associated(
    hass: HomeAssistant, cloud: Simulator, messages: list[ServiceCall], kind: str
) -> None:
    for serial in (SERIAL, OTHER):
        cloud.growatt.add_device(serial, online=False)
    entry = await add_account(hass, cloud)
    if kind == "device":
        await track(entry, SERIAL)
        await hass.async_block_till_done()
    chosen = {"device": SERIAL, "account": entry.entry_id}
    target = (
        {"devices": {"device_id": [device_id(hass, entry, chosen[kind])]}} if kind in chosen else {}
    )
    await use(hass, "notify_associated", **target, notify=[PHONE])
    # With the account, or without a target, those that are added later count, too.
    await track(entry, *{SERIAL, OTHER} - entry.runtime_data.coordinator.data.keys())
    for serial in (SERIAL, OTHER):
        await associate(cloud, entry, serial)
    await hass.async_block_till_done()
    told = texts(messages)
    assert len(told) == (1 if kind == "device" else 2)
    assert f"{SERIAL} ({entry.title}) is online" in told[0]
    # What happened before is not told again.
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert len(messages) == len(told)


async def test_an_area_counts_with_what_comes_into_it_later(
    hass: HomeAssistant, cloud: Simulator, messages: list[ServiceCall]
) -> None:
    area = ar.async_get(hass).async_create("Roof")
    await use(hass, "notify_associated", devices={"area_id": [area.id]}, notify=[PHONE])
    for serial in (SERIAL, OTHER):
        cloud.growatt.add_device(serial, online=False)
    entry = await add_account(hass, cloud)
    await track(entry, SERIAL, OTHER)
    await hass.async_block_till_done()
    dr.async_get(hass).async_update_device(
        device_id(hass, entry, SERIAL), area_id=area.id, name_by_user="South"
    )
    for serial in (OTHER, SERIAL):
        await associate(cloud, entry, serial)
    await hass.async_block_till_done()
    (text,) = texts(messages)
    assert text.startswith("South (")


# Tell me when an inverter is refused or held elsewhere


async def test_a_message_when_an_inverter_is_refused_or_held_elsewhere(
    hass: HomeAssistant, cloud: Simulator, messages: list[ServiceCall]
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    theirs = cloud.growatt.add_plant(bob.user_id, "Theirs")
    cloud.growatt.add_device(OTHER, plant_id=theirs.plant_id)
    cloud.growatt.add_device(SERIAL, online=False)
    entry = await add_account(hass, cloud)
    await use(hass, "notify_refused", notify=[PHONE])
    await track(entry, SERIAL)
    await track(entry, "UNKNOWN001")
    await until(lambda: messages)
    (refused,) = messages
    assert refused.data["title"] == "Refused"
    (text,) = texts(messages)
    assert text.startswith(f"UNKNOWN001 ({entry.title}): The cloud does not accept")
    messages.clear()
    await track(entry, OTHER)
    await until(lambda: messages)
    (held,) = messages
    assert held.data["title"] == "Held elsewhere"
    (text,) = texts(messages)
    assert text.startswith(f"{OTHER} ({entry.title}): ")
    assert "Theirs" in text


async def test_only_what_is_chosen_is_told(
    hass: HomeAssistant, cloud: Simulator, messages: list[ServiceCall]
) -> None:
    label = lr.async_get(hass).async_create("Mine")
    await use(hass, "notify_refused", devices={"label_id": [label.label_id]}, notify=[PHONE])
    entry = await add_account(hass, cloud)
    await track(entry, "UNKNOWN001")
    await hass.async_block_till_done()
    assert texts(messages) == []
    account = device_id(hass, entry, entry.entry_id)
    dr.async_get(hass).async_update_device(account, labels={label.label_id})
    await track(entry, "UNKNOWN002")
    await until(lambda: messages)
    (text,) = texts(messages)
    assert "UNKNOWN002" in text


# Remind me of an overdue inverter


def add_device(hass: HomeAssistant, serial: str, kind: str = "inverter") -> None:
    """Add a device with an entity, as the integration does."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        subentries_data=[
            {
                "data": {},
                "subentry_id": subentry_id(serial),
                "subentry_type": kind,
                "title": serial,
                "unique_id": serial,
            }
        ],
    )
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        config_subentry_id=subentry_id(serial),
        identifiers={(DOMAIN, serial)},
        name=plain(serial),
        serial_number=serial,
    )
    for platform in ("event", "sensor"):
        entity = er.async_get(hass).async_get_or_create(
            platform, DOMAIN, f"{serial}_{platform}", config_entry=entry, device_id=device.id
        )
        source: Any = {"domain": DOMAIN, "custom_component": True, "config_entry": entry.entry_id}
        entity_sources(hass)[entity.entity_id] = source


def subentry_id(serial: str) -> str:
    return f"subentry-{serial[-2:]}"


def raise_issue(
    hass: HomeAssistant, serial: str, problem: Problem = Problem.OVERDUE, domain: str = DOMAIN
) -> None:
    """Raise a repair as the integration does."""
    ir.async_create_issue(
        hass,
        domain,
        issue_id(problem, subentry_id(serial)),
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=problem,
    )


async def at_six(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let it become the next six o'clock in the evening."""
    evening = dt_util.utcnow().replace(hour=18, minute=0, second=1)
    if evening <= dt_util.utcnow():
        evening += timedelta(days=1)
    freezer.move_to(evening)
    async_fire_time_changed(hass, evening)
    await hass.async_block_till_done()


@pytest.fixture
def listed(hass: HomeAssistant) -> None:
    """Have the action tell of one of the devices; the account of the others is not loaded."""
    one = {"serial_number": SERIAL, "account": "alice", "plant": "Home", "explanation": "Check it."}
    async_mock_service(hass, DOMAIN, "list_devices", response={"devices": [one]})


@pytest.mark.usefixtures("listed")
async def test_a_reminder_every_day_until_it_is_solved(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, messages: list[ServiceCall]
) -> None:
    await use(hass, "remind_overdue", notify=[PHONE])
    await at_six(hass, freezer)
    assert texts(messages) == []

    for serial in (SERIAL, DIGITS):
        add_device(hass, serial)
        raise_issue(hass, serial)
    await at_six(hass, freezer)
    (text,) = texts(messages)
    first, *late, last = text.splitlines()
    assert "over a day ago" in first
    assert late == [f"{SERIAL} (alice, Home): Check it.", DIGITS]
    assert "Repairs" in last

    ir.async_delete_issue(hass, DOMAIN, issue_id(Problem.OVERDUE, subentry_id(DIGITS)))
    await at_six(hass, freezer)
    assert len(messages) == 2
    assert DIGITS not in texts(messages)[-1]

    ignored = issue_id(Problem.OVERDUE, subentry_id(SERIAL))
    ir.async_ignore_issue(hass, DOMAIN, ignored, ignore=True)
    await hass.async_block_till_done()
    await at_six(hass, freezer)
    assert len(messages) == 2


@pytest.mark.usefixtures("listed")
async def test_a_reminder_of_a_datalogger(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, messages: list[ServiceCall]
) -> None:
    await use(hass, "remind_overdue", notify=[PHONE])
    add_device(hass, SERIAL)
    add_device(hass, STICK, "datalogger")
    raise_issue(hass, STICK)
    await at_six(hass, freezer)
    (text,) = texts(messages)
    assert STICK in text
    assert SERIAL not in text
    ir.async_delete_issue(hass, DOMAIN, issue_id(Problem.OVERDUE, subentry_id(STICK)))
    await at_six(hass, freezer)
    assert len(messages) == 1


async def test_no_reminder_of_anything_else(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, messages: list[ServiceCall]
) -> None:
    await use(hass, "remind_overdue", notify=[PHONE])
    add_device(hass, SERIAL)
    raise_issue(hass, SERIAL, Problem.CONFLICT)
    raise_issue(hass, SERIAL, Problem.REJECTED)
    raise_issue(hass, SERIAL, domain="strange")
    await hass.async_block_till_done()
    await at_six(hass, freezer)
    assert texts(messages) == []


async def test_a_reminder_at_once_of_each(
    hass: HomeAssistant, cloud: Simulator, messages: list[ServiceCall]
) -> None:
    """The integration itself says when a device is overdue, and not again after a reload."""
    for serial in (SERIAL, DIGITS):
        cloud.growatt.add_device(serial, online=False)
    hass.data[DATA_TIMING] = replace(UNLIMITED, overdue_after=0)
    entry = await add_account(hass, cloud)
    await use(hass, "remind_overdue", notify=[PHONE])
    where = {"config_entry_id": entry.entry_id, "plant_id": RESIDENT_PLANT}
    await act(hass, "bind_device", **where, serial_numbers=[SERIAL, DIGITS])
    await until(lambda: len(messages) == 2)
    assert [[one in text for one in (DIGITS, SERIAL)] for text in sorted(texts(messages))] == [
        [True, False],
        [False, True],
    ]
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert len(messages) == 2


@pytest.mark.parametrize(
    "kind",
    ["none", "device", "account", "event", "area", "floor", "label", "label of an area", "other"],
)
async def test_only_those_that_are_chosen_are_reminded_of(
    hass: HomeAssistant,
    cloud: Simulator,
    messages: list[ServiceCall],
    kind: str,
) -> None:
    """At once and every day; each message says whose the device is and what to check."""
    hass.data[DATA_TIMING] = replace(UNLIMITED, overdue_after=100)
    for serial in (SERIAL, OTHER):
        cloud.growatt.add_device(serial, online=False)
    entry = await add_account(hass, cloud)
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    theirs = cloud.growatt.add_plant(bob.user_id, "Theirs")
    other = await add_account(hass, cloud, account_id=str(bob.user_id), name="bob")
    for account in (entry, other):
        await act(hass, "list_plants", config_entry_id=account.entry_id)
    where = {"config_entry_id": other.entry_id, "plant_id": str(theirs.plant_id)}
    await track(entry, SERIAL)
    await act(hass, "bind_device", **where, serial_numbers=OTHER)
    await hass.async_block_till_done()
    device = device_id(hass, entry, SERIAL)
    event = er.async_get(hass).async_get_entity_id("event", DOMAIN, f"{SERIAL}_association")
    floor = fr.async_get(hass).async_create("Below")
    label = lr.async_get(hass).async_create("Mine").label_id
    area = ar.async_get(hass).async_create("Shed", floor_id=floor.floor_id, labels={label}).id
    of_device = lr.async_get(hass).async_create("This").label_id
    devices = dr.async_get(hass)
    devices.async_update_device(device, area_id=area, labels={of_device})
    target = {
        "none": {},
        "device": {"device_id": device},
        "account": {"device_id": [device_id(hass, entry, entry.entry_id)]},
        "event": {"entity_id": [event]},
        "area": {"area_id": [area]},
        "floor": {"floor_id": floor.floor_id},
        "label": {"label_id": [of_device]},
        "label of an area": {"label_id": [label]},
        "other": {"area_id": ar.async_get(hass).async_create("Nowhere").id},
    }[kind]
    await use(hass, "remind_overdue", devices=target, notify=[PHONE])
    mine = f"{SERIAL} ({entry.title}, Sim Home): Check the datalogger"
    every = {"none": [mine, f"{OTHER} (bob, Theirs): Check the datalogger"], "other": []}
    expected = every.get(kind, [mine])

    def told() -> list[list[str]]:
        """Return the lines about devices of each message that was sent since the last time."""
        lines = [
            [one.partition(" (the")[0] for one in text.splitlines()[1:-1]]
            for text in texts(messages)
        ]
        messages.clear()
        return sorted(lines)

    await asyncio.sleep(110)
    assert told() == sorted([one] for one in expected)
    for _ in range(2):
        await asyncio.sleep(86_400)
        assert told() == [expected] * bool(expected)


# Bind a serial number that is received

ANSWERED = [{"action": "test.answered", "data": {"results": "{{ bound.results }}"}}]


async def test_a_serial_number_in_an_event_is_bound(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.growatt.add_device(SERIAL, online=False)
    entry = await add_account(hass, cloud)
    answered = async_mock_service(hass, "test", "answered")
    await use(
        hass,
        "bind_received",
        account=entry.entry_id,
        plant_id=RESIDENT_PLANT,
        after=ANSWERED,
    )
    hass.bus.async_fire("growatt_onboarding_bind", {"serial_number": SERIAL.lower()})
    await until(lambda: answered)
    (result,) = answered[0].data["results"]
    assert (result["serial_number"], result["state"]) == (SERIAL, "accepted")
    assert cloud.growatt.bindings[SERIAL].accepted_count == 1
    assert [subentry.unique_id for subentry in entry.subentries.values()] == [SERIAL]


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\t", "; ", ", ", "\x1d\n", " "])
async def test_a_scanner_may_bring_several_numbers_in_one_text(
    hass: HomeAssistant, cloud: Simulator, separator: str
) -> None:
    """The action reads the text as every dialog does."""
    for serial in (SERIAL, OTHER):
        cloud.growatt.add_device(serial, online=False)
    entry = await add_account(hass, cloud)
    answered = async_mock_service(hass, "test", "answered")
    await use(
        hass,
        "bind_received",
        field="scan",
        after=ANSWERED,
    )
    scanned = f"SN: {SERIAL.lower()}{separator}{OTHER}\r\n"
    where = {"config_entry_id": entry.entry_id, "plant_id": int(RESIDENT_PLANT)}
    hass.bus.async_fire("growatt_onboarding_bind", {"scan": scanned, **where})
    await until(lambda: answered)
    assert [
        (result["serial_number"], result["state"]) for result in answered[0].data["results"]
    ] == [(SERIAL, "accepted"), (OTHER, "accepted")]


@pytest.mark.parametrize(
    ("inputs", "data", "account", "plant"),
    [
        ({"account": "one", "plant_id": "20001"}, {}, "one", "20001"),
        ({}, {"config_entry_id": "two", "plant_id": "20002"}, "two", "20002"),
        ({"plant_id": "20001"}, {"config_entry_id": "two"}, "two", "20001"),
        ({"account": "one"}, {"plant_id": 20002}, "one", "20002"),
        # Who sends something cannot choose otherwise.
        (
            {"account": "one", "plant_id": "20001"},
            {"config_entry_id": "two", "plant_id": "20002"},
            "one",
            "20001",
        ),
        # The action takes the only account there is.
        ({"plant_id": "20001"}, {}, None, "20001"),
    ],
)
async def test_whose_the_numbers_are(
    hass: HomeAssistant, inputs: dict[str, str], data: Any, account: str | None, plant: str
) -> None:
    inverters = async_mock_service(hass, DOMAIN, "bind_device", response={"results": []})
    sticks = async_mock_service(hass, DOMAIN, "bind_datalogger", response={"results": []})
    await use(hass, "bind_received", **inputs)
    given = {"serial_number": SERIAL, "dataloggers": {"serial_number": STICK}, **data}
    hass.bus.async_fire("growatt_onboarding_bind", given)
    await hass.async_block_till_done()
    assert len(inverters) == len(sticks) == 1
    for call in (*inverters, *sticks):
        assert call.data.get("config_entry_id") == account
        assert call.data["plant_id"] == plant


async def test_a_datalogger_and_an_inverter_in_one_event(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.growatt.add_device(SERIAL, online=False)
    cloud.growatt.add_datalogger(STICK, check_code=CODE)
    entry = await add_account(hass, cloud)
    answered = async_mock_service(hass, "test", "answered")
    await use(
        hass,
        "bind_received",
        account=entry.entry_id,
        plant_id=RESIDENT_PLANT,
        after=ANSWERED,
    )
    stick = {"serial_number": STICK, "check_code": CODE}
    hass.bus.async_fire(
        "growatt_onboarding_bind", {"dataloggers": [stick], "serial_number": SERIAL}
    )
    await until(lambda: answered)
    results = answered[0].data["results"]
    assert [(result["serial_number"], result["state"]) for result in results] == [
        (STICK, "accepted"),
        (SERIAL, "accepted"),
    ]
    # One of only digits stays a text.
    assert results[0]["check_code_checked"]
    assert {sub.unique_id: sub.subentry_type for sub in entry.subentries.values()} == {
        STICK: "datalogger",
        SERIAL: "inverter",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"serial_number": STICK}, [{"serial_number": STICK}]),
        ([{"serial_number": STICK, "check_code": CODE}], None),
        ([], []),
        (None, []),
        (" ", []),
        ([None, ""], []),
        (f" {STICK} ", [STICK]),
        (1234567890, ["1234567890"]),
        ([STICK, f"{OTHER}\n{DIGITS}"], None),
        (
            [STICK, {"serial_number": OTHER, "check_code": CODE}, None],
            [{"serial_number": OTHER, "check_code": CODE}, STICK],
        ),
    ],
)
async def test_which_dataloggers_are_read_from_an_event(
    hass: HomeAssistant, given: Any, expected: list[Any] | None
) -> None:
    calls = async_mock_service(hass, DOMAIN, "bind_datalogger", response={"results": []})
    await use(hass, "bind_received", account="account", plant_id="20001")
    hass.bus.async_fire("growatt_onboarding_bind", {"dataloggers": given})
    await hass.async_block_till_done()
    expected = given if expected is None else expected
    assert [call.data for call in calls] == (
        [{"config_entry_id": "account", "plant_id": "20001", "dataloggers": expected}]
        if expected
        else []
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"serial_number": f" {SERIAL} "}, [SERIAL]),
        ({"serial_number": DIGITS}, [DIGITS]),
        ({"serial_number": 1234567890}, ["1234567890"]),
        ({"serial_numbers": [SERIAL, DIGITS]}, [SERIAL, DIGITS]),
        ({"serial_numbers": SERIAL}, [SERIAL]),
        ({"serial_numbers": f"{SERIAL}, {OTHER}"}, [f"{SERIAL}, {OTHER}"]),
        ({"serial_number": "", "serial_numbers": [SERIAL]}, [SERIAL]),
        ({"serial_number": SERIAL, "serial_numbers": [OTHER, DIGITS]}, [SERIAL, OTHER, DIGITS]),
        ({"serial_number": [SERIAL], "serial_numbers": OTHER}, [SERIAL, OTHER]),
        ({"serial_number": None, "serial_numbers": [None, SERIAL]}, [SERIAL]),
        ({"serial_number": SERIAL, "serial_numbers": None}, [SERIAL]),
        ({"serial_number": None}, None),
        ({"serial_numbers": [None, " "]}, None),
        ({"serial_number": "{{ 1 + 1 }}'\""}, ["{{ 1 + 1 }}'\""]),
        ({"serial_number": f"{SERIAL}\t{OTHER}\n'x\"; y"}, [f"{SERIAL}\t{OTHER}\n'x\"; y"]),
        ({"serial_number": ""}, None),
        ({"serial_number": "\r\n"}, None),
        ({"serial_numbers": []}, None),
        ({"something": "else"}, None),
    ],
)
async def test_what_is_read_from_an_event(
    hass: HomeAssistant, data: dict[str, Any], expected: list[str] | None
) -> None:
    calls = async_mock_service(hass, DOMAIN, "bind_device", response={"results": []})
    await use(hass, "bind_received", account="account", plant_id="20001")
    hass.bus.async_fire("growatt_onboarding_bind", data)
    await hass.async_block_till_done()
    assert [call.data for call in calls] == (
        []
        if expected is None
        else [{"config_entry_id": "account", "plant_id": "20001", "serial_numbers": expected}]
    )


async def test_a_list_in_the_field_that_is_chosen_counts_once(hass: HomeAssistant) -> None:
    calls = async_mock_service(hass, DOMAIN, "bind_device", response={"results": []})
    await use(hass, "bind_received", account="account", plant_id="20001", field="serial_numbers")
    hass.bus.async_fire("growatt_onboarding_bind", {"serial_numbers": [SERIAL, OTHER]})
    await hass.async_block_till_done()
    assert [call.data["serial_numbers"] for call in calls] == [[SERIAL, OTHER]]


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"serial_number": SERIAL}},
        {"json": {"serial_numbers": [SERIAL]}},
        {"data": {"serial_number": SERIAL}},
    ],
    ids=["json", "json list", "form"],
)
async def test_a_serial_number_in_a_webhook_is_bound(
    hass: HomeAssistant,
    cloud: Simulator,
    hass_client_no_auth: ClientSessionGenerator,
    body: dict[str, Any],
) -> None:
    cloud.growatt.add_device(SERIAL, online=False)
    entry = await add_account(hass, cloud)
    assert await async_setup_component(hass, "webhook", {})
    webhook = {"trigger": "webhook", "webhook_id": "obviously-fake", "allowed_methods": ["POST"]}
    await use(
        hass,
        "bind_received",
        account=entry.entry_id,
        plant_id=RESIDENT_PLANT,
        trigger=[{**webhook, "local_only": True}],
    )
    client = await hass_client_no_auth()
    for nothing in ({"json": {}}, {"json": [SERIAL]}, {"data": {"other": SERIAL}}):
        response = await client.post("/api/webhook/obviously-fake", **nothing)
        assert response.status == 200
    await client.post("/api/webhook/obviously-fake", **body)
    await until(lambda: SERIAL in cloud.growatt.bindings)
    await until(lambda: entry.subentries)
    assert cloud.growatt.bindings[SERIAL].accepted_count == 1
