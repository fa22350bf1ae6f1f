"""The page for who looks after many customers: each of its examples runs, against the clouds."""

import asyncio
from copy import replace
from functools import partial
import json
from pathlib import Path
import re
import shutil
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import entity_sources
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.foreign import plain
from simulator import Simulator

from .common import UNLIMITED, act, entries, until
from .documents import ACCOUNT, DOCS, OTHER_ACCOUNT, OTHER_PLANT, PLANT, examples, sections, tables
from .example_house import House
from .rendered import render
from .test_docs_actions import EN

PAGE = "fleet.md"
BLUEPRINTS = DOCS.parent / "blueprints" / "automation" / "growatt_onboarding"
GOOD, WRONG, STICK = "ABC0000001", "ABC0000404", "QMN0000001"
ALSO_GOOD, THIRD = "ABC0000002", "ABC0000003"
CODE = "12AB3"
FIND = "An account's ID"
DASHBOARD = "See what waits and what is wrong"
SCANNER = "From a scanner to one message"
CUSTOMER = "A customer's account in one script"
WRONG_ONES = "Find what is wrong and put it right"
HAND_OVER = "Hand an account over"
REPLACE, MOVE, AGAIN = (f"{WRONG_ONES} {number}" for number in (2, 3, 4))


@pytest.fixture
async def house(hass: HomeAssistant, cloud: Simulator) -> House:
    assert await async_setup_component(hass, DOMAIN, {})
    return House(hass, cloud, PAGE)


def text_of(house: House, number: int = -1) -> str:
    """Return a message that was sent, with its title."""
    message = house.messages[number].data
    assert message["entity_id"] == ["notify.phone"]
    return f"{message['title']}\n{message['message']}"


def test_these_are_all_examples() -> None:
    known = (FIND, DASHBOARD, SCANNER, CUSTOMER, WRONG_ONES, REPLACE, MOVE, AGAIN, HAND_OVER)
    assert tuple(examples(PAGE)) == known


def test_the_reasons_are_those_that_there_are() -> None:
    [table] = tables(sections(PAGE)[WRONG_ONES])
    named = {key for row in table.rows for key in re.findall(r"`(\w+)`", row["Reason"])}
    assert named <= EN["exceptions"].keys()
    scripts = {example.loaded.get("alias") for example in examples(PAGE).values()}
    said = {name for row in table.rows for name in re.findall(r"\*([^*]+)\*", row["Then"])}
    assert said <= scripts


# An account's ID


async def test_an_account_is_found_by_its_name(house: House) -> None:
    await house.link()
    await house.link(OTHER_ACCOUNT)
    await house.scripts(FIND)
    found = await house.call("find_an_account", name="smit-solar")
    assert found == {"config_entry_id": OTHER_ACCOUNT}
    assert await house.call("find_an_account", name="nobody") == {"config_entry_id": None}
    [template] = re.findall(r"`({{.*?}})`", sections(PAGE)[FIND])
    assert Template(template, house.hass).async_render() == ACCOUNT


# The dashboard


def dashboard(house: House) -> str:
    """Return the dashboard's Markdown."""
    [view] = house.example(DASHBOARD).loaded["views"]
    [card] = view["cards"]
    assert card.keys() == {"type", "content"}
    return str(Template(card["content"], house.hass).async_render(parse_result=False))


def rows_of(markdown: str) -> dict[str, tuple[str, str, str]]:
    """Return what the table tells of each device: its icon, where it is, and its status."""
    shown = render(markdown)
    assert "table_open" in shown.structure
    row = (
        r'^\| <ha-icon icon="mdi:([\w-]+)"></ha-icon> '
        r"\| \[(\w+)\]\(/config/devices/device/\w+\)<br>(.*) \| (.*) \|$"
    )
    rows = re.findall(row, markdown, re.MULTILINE)
    assert len(rows) == shown.structure.count("tr_open") - 1
    return {serial: (icon, where, status) for icon, serial, where, status in rows}


async def test_the_dashboard_shows_what_needs_somebody(house: House) -> None:
    await house.link()
    await house.link(OTHER_ACCOUNT)
    cloud = house.cloud.growatt
    held = cloud.add_device("ABC0000003", plant_id=OTHER_PLANT)
    for serial in (GOOD, ALSO_GOOD):
        cloud.add_device(serial)
    cloud.bring_online(GOOD)
    await house.bind(GOOD, ALSO_GOOD, WRONG, held.sn)
    await until(lambda: house.devices()[GOOD] == "associated")
    await until(lambda: house.devices()[held.sn] == "conflict")
    markdown = dashboard(house)
    assert "**2** refused, **0** late, **1** waiting, 1 in the cloud." in markdown
    rows = rows_of(markdown)
    # Those that need somebody come first, and what is well is not there.
    assert list(rows) == [held.sn, WRONG, ALSO_GOOD]
    where = r"jansen\-solar, Home"
    assert rows[ALSO_GOOD] == ("clock-outline", where, "**Waiting for the inverter**")
    status = (
        r"**Held by another account**<br>The device is in the plant Barn of the account smit\-solar"
    )
    assert rows[held.sn][:2] == ("alert-circle", where)
    assert rows[held.sn][2].startswith(status)
    ids = [link.removeprefix("/config/devices/device/") for link in render(markdown).links]
    devices = [dr.async_get(house.hass).async_get(device_id) for device_id in ids]
    assert [device and device.name for device in devices] == [held.sn, WRONG, ALSO_GOOD]
    assert "Not connected" not in markdown


async def test_the_dashboard_shows_what_is_late(hass: HomeAssistant, cloud: Simulator) -> None:
    hass.data[DATA_TIMING] = replace(UNLIMITED, overdue_after=100)
    house = House(hass, cloud, PAGE)
    await house.link()
    house.cloud.growatt.add_device(ALSO_GOOD)
    await house.bind(ALSO_GOOD)
    assert rows_of(dashboard(house))[ALSO_GOOD][0] == "clock-outline"
    await asyncio.sleep(110)
    # What is only tried again is not late, and tells why all the same.
    house.cloud.faults.add("device/sn/add", kind="code", code=10010, times=None)
    house.cloud.growatt.add_device(GOOD)
    await house.bind(GOOD)
    assert rows_of(dashboard(house))[GOOD][0] == "clock-outline"
    assert "could not add" in rows_of(dashboard(house))[GOOD][-1]
    assert "**0** refused, **1** late, **1** waiting" in dashboard(house)
    row = rows_of(dashboard(house))[ALSO_GOOD]
    assert row[0] == "clock-alert"
    assert "Check the datalogger" in row[-1]


async def test_the_dashboard_says_whose_devices_are_missing(house: House) -> None:
    entry = await house.link()
    house.cloud.growatt.add_device(ALSO_GOOD)
    await house.bind(ALSO_GOOD)
    house.cloud.faults.add("*", kind="firewall", times=50)
    await act(house.hass, "check_association", config_entry_id=entry.entry_id)
    await until(lambda: "Not connected" in dashboard(house))
    assert r"jansen\-solar" in dashboard(house)


async def test_names_of_others_are_only_words_there(house: House) -> None:
    await house.link(with_plant=False)
    name = "a | b [c](https://example.com/) *d* <img src=x>"
    user = house.cloud.growatt.user_named("jansen-solar")
    assert user is not None
    plant = house.cloud.growatt.add_plant(user.user_id, name)
    await act(house.hass, "list_plants")
    await act(
        house.hass, "bind_device", plant_id=str(plant.plant_id), serial_numbers=[WRONG], timeout=5
    )
    shown = render(dashboard(house))
    assert name in shown.text
    assert [link for link in shown.links if not link.startswith("/config/")] == []
    assert shown.structure.count("tr_open") == 2


async def test_five_hundred_devices_are_a_hundred_rows(house: House) -> None:
    hass = house.hass
    entry = MockConfigEntry(domain=DOMAIN, title="many")
    entry.add_to_hass(hass)
    for number in range(500):
        serial = f"ABC{number:07}"
        device = dr.async_get(hass).async_get_or_create(
            config_entry_id=entry.entry_id, identifiers={(DOMAIN, serial)}, name=plain(serial)
        )
        entity = er.async_get(hass).async_get_or_create(
            "sensor", DOMAIN, serial, config_entry=entry, device_id=device.id
        )
        source: Any = {"domain": DOMAIN, "custom_component": True, "config_entry": entry.entry_id}
        entity_sources(hass)[entity.entity_id] = source
        told = {"plant": "Home", "explanation": "x" * 400}
        hass.states.async_set(entity.entity_id, "rejected" if number == 499 else "accepted", told)
    markdown = dashboard(house)
    rows = rows_of(markdown)
    assert len(rows) == 100
    assert next(iter(rows)) == "ABC0000499"
    assert "**1** refused, **0** late, **499** waiting" in markdown
    assert markdown.endswith("And 400 more.")


# A scanner


async def test_from_a_scanner_to_one_message(
    house: House, hass_client_no_auth: ClientSessionGenerator, tmp_path: Path
) -> None:
    # Where Home Assistant puts a blueprint that is imported from its address.
    imported = tmp_path / "blueprints" / "automation" / "growatt-onboarding"
    shutil.copytree(BLUEPRINTS, imported)
    house.hass.config.config_dir = str(tmp_path)
    await house.link()
    house.cloud.growatt.add_device(GOOD)
    house.cloud.growatt.add_datalogger(STICK, check_code=CODE)
    assert await async_setup_component(house.hass, "webhook", {})
    await house.automation(SCANNER)

    [body] = re.findall(r"-d '(.*)' ", sections(PAGE)[SCANNER])
    [path] = re.findall(r"8123(/api/webhook/\S+)", sections(PAGE)[SCANNER])
    client = await hass_client_no_auth()
    response = await client.post(path, json=json.loads(body))
    assert response.status == 200
    await until(lambda: house.messages)
    assert text_of(house) == f"2 added, 0 not\n{STICK}, {GOOD}"

    house.cloud.growatt.add_device(ALSO_GOOD)
    read = {"serial_numbers": [ALSO_GOOD, WRONG, GOOD]}
    house.hass.bus.async_fire("growatt_onboarding_bind", read)
    await until(lambda: len(house.messages) == 2)
    title, added, *bad = text_of(house).splitlines()
    assert (title, added) == ("1 added, 2 not", ALSO_GOOD)
    assert bad[0].startswith(f"{WRONG}: The cloud does not accept the serial number.")
    assert bad[1].startswith(f"{GOOD}: {GOOD} is already in Home Assistant")


# A customer

NEW = {
    "username": "meyer-solar",
    "password": "Not-a-real-1",
    "email": "meyer@example.com",
    "country": "NL",
    "plant": "Meyer, Dorpsstraat 1",
    "peak_power": "6,4",
    "datalogger": STICK,
    "check_code": CODE,
    "inverters": [GOOD],
}


@pytest.fixture
async def installer(house: House) -> House:
    """Return a house with the installer's script, and a van that brought two devices."""
    await house.link()
    house.cloud.growatt.add_datalogger(STICK, check_code=CODE)
    house.cloud.growatt.add_device(GOOD, datalogger_sn=STICK)
    await house.scripts(CUSTOMER)
    return house


async def test_a_customer_in_one_go(installer: House) -> None:
    customer = await installer.call("new_customer", **NEW)
    user = installer.cloud.growatt.user_named("meyer-solar")
    assert user is not None
    plant = installer.cloud.growatt.plants[customer["plant_id"]]
    assert (plant.user_id, plant.name, plant.peak_power) == (user.user_id, NEW["plant"], 6.4)
    assert text_of(installer) == "meyer-solar\n2 of 2 devices are there."
    installer.cloud.growatt.bring_datalogger_online(STICK)
    there = {STICK: "associated", GOOD: "associated"}
    await until(lambda: installer.devices(customer["config_entry_id"]) == there)


async def test_what_may_be_left_empty(installer: House) -> None:
    """A stick alone, as it brings its inverters; and blanks around a name are not meant."""
    empty = {"inverters": [], "check_code": None, "plant": f" {NEW['plant']} "}
    for _ in range(2):
        await installer.call("new_customer", **{**NEW, **empty})
        assert text_of(installer) == "meyer-solar\n1 of 1 devices are there."
    assert [plant.name for plant in installer.cloud.growatt.plants.values()].count(
        NEW["plant"]
    ) == 1


async def test_an_account_that_was_made_although_the_cloud_says_no(installer: House) -> None:
    said = {"code": 10012, "msg": "error_frequently_access"}
    installer.cloud.faults.add("user/user_register", kind="code_after", **said)
    await installer.call("new_customer", **NEW)
    assert text_of(installer) == "meyer-solar\n2 of 2 devices are there."
    names = [user.name for user in installer.cloud.growatt.users.values()]
    assert names.count("meyer-solar") == 1


async def test_a_peak_power_that_is_no_number_stops_it_first(installer: House) -> None:
    before = len(installer.cloud.calls)
    for wrong in ("1,500", "much", "-3", "", "0", "0,00", "20000"):
        await installer.hass.services.async_call(
            "script", "new_customer", {**NEW, "peak_power": wrong}, blocking=True
        )
    assert len(installer.cloud.calls) == before
    assert len(entries(installer.hass)) == 1
    assert installer.messages == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("user/user_register", "The account was not created."),
        ("plant/add", "The account is there, its plant is not."),
    ],
)
async def test_a_customer_goes_on_where_it_stopped(installer: House, path: str, said: str) -> None:
    installer.cloud.faults.add(path, kind="code", code=10001, msg="error_system")
    stopped = await installer.call("new_customer", **NEW)
    assert stopped["devices"] == []
    assert text_of(installer).startswith(f"meyer-solar\n{said}")

    customer = await installer.call("new_customer", **NEW)
    assert text_of(installer) == "meyer-solar\n2 of 2 devices are there."
    assert len(customer["devices"]) == 2
    growatt = installer.cloud.growatt
    assert len([user for user in growatt.users.values() if user.name == "meyer-solar"]) == 1
    assert len([plant for plant in growatt.plants.values() if plant.name == NEW["plant"]]) == 1


@pytest.mark.parametrize("linked", [False, True])
async def test_a_customer_whom_the_cloud_has_already(installer: House, *, linked: bool) -> None:
    """Be it that the account is not here, or that its name could not be read when it was linked."""
    growatt = installer.cloud.growatt
    user = growatt.add_user("meyer-solar", "meyer@example.com")
    if linked:
        growatt.add_plant(user.user_id, NEW["plant"])
        installer.cloud.faults.add("user/c_user_list", kind="http_500")
        there = {"config_entry_id": ACCOUNT, "account_id": str(user.user_id)}
        [result] = (await act(installer.hass, "link_account", **there))["results"]
        assert result["account"] == f"{NEW['plant']} ({user.user_id})"
    customer = await installer.call("new_customer", **NEW)
    assert text_of(installer) == "meyer-solar\n2 of 2 devices are there."
    entry = installer.hass.config_entries.async_get_entry(customer["config_entry_id"])
    assert entry is not None
    assert entry.title == "meyer-solar"
    assert len(growatt.plants) == 3
    assert len(entries(installer.hass)) == 2


async def test_a_number_that_was_wrong_is_said_and_put_right(installer: House) -> None:
    wrong = {**NEW, "check_code": "WRONG", "inverters": [GOOD, WRONG]}
    await installer.call("new_customer", **wrong)
    _, count, *bad = text_of(installer).splitlines()
    assert count == "1 of 3 devices are there."
    assert [line.partition(":")[0] for line in bad] == [STICK, WRONG]
    customer = await installer.call("new_customer", **NEW)
    assert installer.devices(customer["config_entry_id"]).keys() == {STICK, GOOD}
    assert text_of(installer).endswith("2 of 2 devices are there.")


async def test_a_device_of_another_customer_is_not_there(installer: House) -> None:
    await installer.bind(GOOD)
    await installer.call("new_customer", **NEW)
    _, count, bad = text_of(installer).splitlines()
    assert count == "1 of 2 devices are there."
    assert bad.startswith(f"{GOOD}: {GOOD} is already in Home Assistant")


# What is wrong


async def test_every_evening_what_is_wrong(house: House) -> None:
    await house.hass.config.async_set_time_zone("UTC")
    await house.link()
    house.cloud.growatt.add_device(GOOD)
    await house.automation(WRONG_ONES)
    await house.bind(GOOD)
    ran = house.hass.states.async_all("automation")[0].entity_id
    await house.hass.services.async_call("automation", "trigger", {"entity_id": ran}, blocking=True)
    assert house.messages == []
    await house.bind(WRONG)
    await house.hass.services.async_call("automation", "trigger", {"entity_id": ran}, blocking=True)
    title, line = text_of(house).strip().splitlines()
    assert title == "Devices that need somebody: 1"
    assert line.startswith(f"{WRONG} (jansen-solar, Home): The cloud does not accept the serial")
    # So is one that is in its plant no longer.
    house.cloud.growatt.bring_online(GOOD)
    check = partial(act, house.hass, "check_association")
    await check(config_entry_id=ACCOUNT)
    house.cloud.growatt.remove_from_plant(GOOD)
    devices = dr.async_get(house.hass)
    device = devices.async_get_device_by_identifier((DOMAIN, GOOD), ACCOUNT)
    assert device is not None
    await asyncio.sleep(60)
    await check(device_id=device.id)
    assert house.devices()[GOOD] == "lost"
    await house.hass.services.async_call("automation", "trigger", {"entity_id": ran}, blocking=True)
    title, *lines = text_of(house).strip().splitlines()
    assert title == "Devices that need somebody: 2"
    # It was the first to be added.
    gone, refused = lines
    assert refused == line
    assert gone.startswith(f"{GOOD} (jansen-solar, Home): The cloud no longer lists the device")
    await house.hass.services.async_call(
        "automation", "turn_off", {"entity_id": ran}, blocking=True
    )


async def test_a_typo_is_put_right(house: House) -> None:
    await house.link()
    house.cloud.growatt.add_device(GOOD)
    await house.bind(WRONG)
    await house.scripts(REPLACE)
    # As long as the new one is wrong too, the old one stays.
    result = await house.call("replace_a_device", old=WRONG, new="ABC0000405")
    assert (result["tracked"], result["reason"]) == (False, "serial_rejected")
    assert house.devices() == {WRONG: "rejected"}
    result = await house.call("replace_a_device", old=WRONG.lower(), new=GOOD)
    assert (result["state"], result["plant"]) == ("accepted", "Home")
    assert house.devices() == {GOOD: "accepted"}


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"kind": "code", "code": 10010, "times": None}, "queued"),
        ({"kind": "hold"}, "unconfirmed"),
    ],
)
async def test_the_old_one_stays_until_the_cloud_has_taken_the_new_one(
    house: House, fault: dict[str, Any], state: str
) -> None:
    await house.link()
    for serial in (GOOD, ALSO_GOOD):
        house.cloud.growatt.add_device(serial)
    await house.bind(GOOD)
    await house.scripts(REPLACE)
    house.cloud.faults.add("device/sn/add", **fault)
    result = await house.call("replace_a_device", old=GOOD, new=ALSO_GOOD)
    assert (result["state"], result["tracked"]) == (state, True)
    assert house.devices() == {GOOD: "accepted", ALSO_GOOD: state}
    house.cloud.faults.clear()
    house.cloud.faults.release()
    await act(house.hass, "submit_again", serial_numbers=ALSO_GOOD)
    await until(lambda: house.devices()[ALSO_GOOD] == "accepted")
    await house.call("replace_a_device", old=GOOD, new=ALSO_GOOD)
    assert house.devices() == {ALSO_GOOD: "accepted"}


async def test_what_is_here_already_replaces_nothing(house: House) -> None:
    """Neither the device itself nor one that somebody else has: the old one would be lost."""
    await house.link_both()
    house.cloud.growatt.add_device(GOOD)
    house.cloud.growatt.add_device(ALSO_GOOD)
    await house.bind(GOOD)
    await house.bind(ALSO_GOOD, entry_id=OTHER_ACCOUNT)
    await house.scripts(REPLACE)
    for new in (GOOD, ALSO_GOOD):
        result = await house.call("replace_a_device", old=GOOD, new=new)
        assert result["state"] == "already_tracked"
        assert house.devices() == {GOOD: "accepted"}
    # One that is beside it has been added before, so that only the removal is left.
    house.cloud.growatt.add_device(THIRD)
    await house.bind(THIRD)
    await house.call("replace_a_device", old=GOOD, new=THIRD)
    assert house.devices() == {THIRD: "accepted"}


async def test_a_stick_is_replaced_under_warranty(house: House) -> None:
    await house.link()
    for number in (1, 2):
        house.cloud.growatt.add_datalogger(f"QMN000000{number}", check_code=CODE)
    where = {"plant_id": str(PLANT), "dataloggers": {"serial_number": STICK, "check_code": CODE}}
    await act(house.hass, "bind_datalogger", **where)
    await house.scripts(REPLACE)
    new = {"new": "QMN0000002", "check_code": CODE}
    result = await house.call("replace_a_device", old=STICK, **new)
    assert (result["kind"], result["check_code_checked"]) == ("datalogger", True)
    assert house.devices() == {"QMN0000002": "accepted"}
    # The cloud keeps the old one.
    assert house.cloud.growatt.dataloggers[STICK].plant_id == PLANT


async def test_a_device_moves_to_the_plant_that_has_it(house: House) -> None:
    await house.link()
    user = house.cloud.growatt.user_named("jansen-solar")
    assert user is not None
    garage = house.cloud.growatt.add_plant(user.user_id, "Garage").plant_id
    # Of such a name there are several.
    await house.link(OTHER_ACCOUNT)
    other = house.cloud.growatt.user_named("smit-solar")
    assert other is not None
    house.cloud.growatt.add_plant(other.user_id, "Garage")
    house.cloud.growatt.add_device(GOOD, plant_id=garage)
    for entry_id in (ACCOUNT, OTHER_ACCOUNT):
        await act(house.hass, "list_plants", config_entry_id=entry_id)
    await house.bind(GOOD)
    await until(lambda: house.devices()[GOOD] == "conflict")
    await house.scripts(MOVE)
    moved = await house.call("move_to_the_plant_that_has_it", serial_number=GOOD.lower())
    assert [one["plant"] for one in moved["results"]] == [f"Garage ({garage})"]
    house.cloud.growatt.bring_online(GOOD)
    await until(lambda: house.devices()[GOOD] == "associated")


async def test_what_others_have_let_go_is_submitted_again(house: House) -> None:
    await house.link()
    await house.link(OTHER_ACCOUNT)
    house.cloud.growatt.add_device(GOOD, plant_id=OTHER_PLANT)
    await house.bind(GOOD, WRONG)
    await until(lambda: house.devices()[GOOD] == "conflict")
    await house.scripts(AGAIN)
    nothing = await house.call("submit_again", reason="held_elsewhere")
    assert nothing == {"results": []}
    house.cloud.growatt.remove_from_plant(GOOD)
    again = await house.call("submit_again", reason="held_by_account")
    assert [(one["serial_number"], one["state"]) for one in again["results"]] == [
        (GOOD, "accepted")
    ]


# Handing over


async def test_an_account_is_ready_once_all_is_there(house: House) -> None:
    await house.link()
    house.cloud.growatt.add_device(GOOD)
    await house.scripts(HAND_OVER)
    nothing = {"ready": False, "devices": 0, "missing": []}
    assert await house.call("ready_to_hand_over", account=ACCOUNT) == nothing
    await house.bind(GOOD)
    result = await house.call("ready_to_hand_over", account=ACCOUNT)
    assert (result["ready"], len(result["missing"])) == (False, 1)
    house.cloud.growatt.bring_online(GOOD)
    await until(lambda: house.devices()[GOOD] == "associated")
    ready = {"ready": True, "devices": 1, "missing": []}
    assert await house.call("ready_to_hand_over", account=ACCOUNT) == ready
