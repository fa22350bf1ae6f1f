"""The page about actions: its tables are what the actions take and answer, and its examples run."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
import voluptuous as vol

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.const import DOMAIN
from scripts.lib.texts import TRANSLATIONS, read
from simulator import Simulator
from simulator.quectel import USER_DOMAIN_SECRET

from .common import TOLD, act, entries, until
from .documents import (
    OTHER_ACCOUNT,
    OTHER_PLANT,
    PLANT,
    Row,
    Table,
    actions_in,
    examples,
    names_in,
    sections,
    tables,
)
from .example_house import House

PAGE = "actions.md"
EN = read(TRANSLATIONS / "en.json")
DESCRIBED = load_yaml_dict(str(TRANSLATIONS.parent / "services.yaml"))
TITLES = {texts["name"]: action for action, texts in EN["services"].items()}
SECTIONS = sections(PAGE)
CLOUDS = {"growatt": "Growatt", "quectel": "Quectel", "shopxo": "ShopXO", "anqicms": "AnQiCMS"}
SHARED = "Which cloud and account"
PASSWORD = "Not-a-real-1"
STICK, CODE = "QMN0000001", "12AB3"


# Its tables


def table_of(section: str, about: str) -> Table | None:
    """Return the only table of a section with this first column."""
    found = [table for table in tables(SECTIONS[section]) if table.about == about]
    assert len(found) <= 1
    return found[0] if found else None


def fields_of(section: str) -> dict[str, Row]:
    """Return what a section says of the fields that its action takes."""
    table = table_of(section, "Field")
    return {name: row for row in table.rows for name in names_in(row["Field"])} if table else {}


def explained(title: str) -> dict[str, Row]:
    """Return what the page says of all fields of an action."""
    own, shared = fields_of(title), fields_of(SHARED)
    takes = DESCRIBED[TITLES[title]]["fields"]
    if "provider" not in takes:
        return own
    assert not own.keys() & shared.keys()
    return {**own, **{name: row for name, row in shared.items() if name in takes}}


def type_of(validator: Any, selector: dict[str, Any]) -> str:
    """Return what the page calls the type of a field."""
    [kind] = selector
    one = {"boolean": "boolean", "number": "number", "object": "mapping"}.get(kind, "text")
    several = isinstance(validator, vol.All) and cv.ensure_list in validator.validators
    return f"list of {one}s".replace("texts", "text") if several else one


@pytest.mark.parametrize("title", TITLES)
async def test_each_field_of_an_action(hass: HomeAssistant, title: str) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    action = TITLES[title]
    schema = hass.services.async_services_for_domain(DOMAIN)[action].schema
    assert isinstance(schema, vol.Schema)
    rows = explained(title)
    assert rows.keys() == DESCRIBED[action]["fields"].keys()
    for marker, validator in schema.schema.items():
        row, described = rows[str(marker)], DESCRIBED[action]["fields"][str(marker)]
        assert row["Type"] == type_of(validator, described["selector"]), marker
        assert row["Meaning"].startswith("required: ") is isinstance(marker, vol.Required), marker
        default = None if isinstance(marker.default, vol.Undefined) else marker.default()
        assert described.get("default") == default, marker
        if default is not None:
            assert f"{str(default).lower()} when left out" in row["Meaning"], marker
        number = described["selector"].get("number")
        if number:
            assert f"{number['min']} to {number['max']}" in row["Meaning"], marker
        inner = described["selector"].get("object", {}).get("fields", {})
        assert set(inner) <= set(names_in(row["Meaning"])), marker


def clouds_in(cell: str) -> set[str]:
    """Return the clouds that a table's cell names."""
    every = set(CLOUDS.values())
    return every if cell.startswith("all") else {name for name in every if name in cell}


@pytest.mark.parametrize(
    ("section", "fields"),
    [(SHARED, "credential_fields"), ("Register account", "register_fields")],
)
def test_which_cloud_takes_which_field(section: str, fields: str) -> None:
    taken: dict[str, set[str]] = {}
    for provider in registry.providers():
        for field in getattr(provider, fields):
            taken.setdefault(field.name, set()).add(CLOUDS[provider.key])
    told = {name: clouds_in(row["Cloud"]) for name, row in fields_of(section).items()}
    assert {name: told[name] for name in taken} == taken


def test_a_field_is_for_clouds_of_its_action() -> None:
    [summary] = tables(SECTIONS["Actions, triggers and blueprints"])
    clouds = {names_in(row["Action"])[0]: clouds_in(row["Clouds"]) for row in summary.rows}
    assert clouds.keys() == DESCRIBED.keys()
    for title, action in TITLES.items():
        for name, row in fields_of(title).items():
            assert clouds_in(row["Cloud"]) <= clouds[action], (action, name)


# Its responses

TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "time": lambda value: datetime.fromisoformat(value).tzinfo is not None,
    "mapping": lambda value: isinstance(value, dict),
    "list of mappings": lambda value: isinstance(value, list),
}


def keys_in(table: Table) -> dict[str, str]:
    """Return the type of each key that a table explains."""
    return {key: row["Type"] for row in table.rows for key in names_in(row[table.about])}


def explained_keys(section: str) -> dict[str, dict[str, str]]:
    """Return the keys of an action's response, and those in each of its lists, with their types."""
    own = table_of(section, "In the response")
    assert own is not None, section
    found = {"": keys_in(own)}
    for name in found[""]:
        if found[""][name] != "list of mappings":
            continue
        table = table_of(section, f"In each of `{name}`")
        found[name] = keys_in(table) if table is not None else {}
        (row,) = (row for row in own.rows if name in names_in(row[own.about]))
        if "(#what-is-told-of-a-device)" in row["Meaning"]:
            of_every_device = table_of("What is told of a device", "In each result")
            assert of_every_device is not None
            found[name] = {**keys_in(of_every_device), **found[name]}
    return found


def check_keys(told: dict[str, Any], types: dict[str, str], *, exactly: bool) -> None:
    """Compare what an action answered with what the page says of it."""
    assert told.keys() == types.keys() if exactly else told.keys() <= types.keys()
    for key, value in told.items():
        assert value is None or TYPES[types[key]](value), (key, value)


def check_response(action: str, response: dict[str, Any]) -> None:
    """Compare a response with what the page says of it."""
    title = EN["services"][action]["name"]
    types = explained_keys(title)
    # What is told of accounts elsewhere, or of one that is not added, is less.
    exactly = action not in {"list_accounts", "register_account"}
    check_keys(response, types[""], exactly=exactly)
    for name in types.keys() - {""}:
        for one in response[name]:
            check_keys(one, types[name], exactly=exactly)


def test_what_is_told_of_every_device() -> None:
    table = table_of("What is told of a device", "In each result")
    assert table is not None
    assert set(keys_in(table)) == set(TOLD)


def test_every_response_is_explained() -> None:
    for title in TITLES:
        assert explained_keys(title)
    accounts = explained_keys("List accounts")["accounts"]
    assert {"config_entry_id", "devices", "signed_in"} <= accounts.keys()


# Its examples

type Scene = Callable[[House], Awaitable[None]]
SCENES: dict[str, Scene] = {}


def scene(*names: str) -> Callable[[Scene], Scene]:
    """Register what has an example run, and what shows its response beside it."""

    def register(play: Scene) -> Scene:
        for name in names:
            SCENES[name] = play
        return play

    return register


@pytest.fixture
async def house(hass: HomeAssistant, cloud: Simulator) -> House:
    assert await async_setup_component(hass, DOMAIN, {})
    return House(hass, cloud, PAGE)


@scene("Check username")
async def a_name(house: House) -> None:
    await house.link(OTHER_ACCOUNT)
    await house.link()
    # Its own name is taken; that of somebody who is not there yet is not.
    told = await house.steps("Check username")
    assert told["name"] == {"username": "jansen-solar", "available": False}
    told = await house.steps("Check username", **{"jansen-solar": "meyer-solar"})
    assert told["name"]["available"]
    check_response("check_username", told["name"])


def portal(house: House) -> dict[str, str]:
    """Return what stands for the portal of the examples."""
    return {"https://portal.example.com": house.cloud.url}


@scene("Get captcha", "Get captcha 2", "Send verification code")
async def a_picture(house: House) -> None:
    told = await house.steps("Get captcha", **portal(house))
    picture = told["picture"]
    check_response("get_captcha", picture)
    shown = house.example("Get captcha 2").loaded
    assert shown.keys() == picture.keys()
    assert picture["image"].startswith(shown["image"].removesuffix("..."))
    typed = {
        shown["challenge_id"]: picture["challenge_id"],
        "4711": house.cloud.captchas[picture["challenge_id"]],
    }
    told = await house.steps("Send verification code", **portal(house), **typed)
    assert told["code"] == {"sent_to": "jansen@example.com"}
    check_response("send_verification_code", told["code"])
    assert len(house.cloud.mailbox) == 1


@scene("Register account")
async def an_account(house: House) -> None:
    await house.link()
    new = {"jansen-solar": "meyer-solar"}
    told = await house.steps("Register account", {"password": PASSWORD}, **new)
    check_response("register_account", told["account"])
    user = house.cloud.growatt.user_named("meyer-solar")
    assert user is not None
    assert user.has_password(PASSWORD)


@scene("List accounts", "Link account")
async def customers(house: House) -> None:
    await house.link()
    told = await house.steps("List accounts")
    check_response("list_accounts", told["here"])
    [account] = told["here"]["accounts"]
    assert account.keys() == explained_keys("List accounts")["accounts"].keys()
    told = await house.steps("Link account")
    check_response("list_accounts", told["opened"])
    check_response("link_account", told["linked"])
    # The one that every simulator has.
    assert [one["account_name"] for one in told["linked"]["results"]] == ["sim-resident"]
    assert len(entries(house.hass)) == 2
    # Once more there is nothing to link.
    assert "linked" not in await house.steps("Link account")


@scene("List plants")
async def the_plants(house: House) -> None:
    await house.link()
    told = await house.steps("List plants")
    assert told["known"] == {"plants": [{"plant_id": str(PLANT), "name": "Home"}]}
    check_response("list_plants", told["known"])


@scene("Create plant")
async def the_first_plant(house: House) -> None:
    await house.link(with_plant=False)
    house.cloud.growatt.add_device("ABC0000001")
    told = await house.steps("Create plant")
    check_response("create_plant", told["plant"])
    [result] = told["bound"]["results"]
    assert (result["state"], result["plant"]) == ("accepted", "Home")
    assert house.cloud.growatt.plants[int(told["plant"]["plant_id"])].peak_power == 6.4
    # A plant that is there is used.
    told = await house.steps("Create plant")
    assert "plant" not in told
    assert told["bound"]["results"][0]["state"] == "already_tracked"


TIMES = ("submitted", "last_check", "next_check")


def is_shown(shown: dict[str, Any], told: dict[str, Any]) -> bool:
    """Return whether a result is the one that is shown, but for the times."""
    return all(
        (told[key] is None) is (value is None) if key in TIMES else told[key] == value
        for key, value in shown.items()
    )


@scene("Bind device", "Bind device 2")
async def inverters(house: House) -> None:
    await house.link_both()
    for serial in ("ABC0000001", "ABC0000002"):
        house.cloud.growatt.add_device(serial)
    house.cloud.growatt.bring_online("ABC0000002")
    await house.bind("ABC0000002", entry_id=OTHER_ACCOUNT)
    await until(lambda: house.devices(OTHER_ACCOUNT)["ABC0000002"] == "associated")
    told = await house.steps("Bind device")
    check_response("bind_device", told["bound"])
    shown = house.example("Bind device 2").loaded["results"]
    for one, other in zip(shown, told["bound"]["results"], strict=True):
        assert one.keys() == other.keys()
        assert is_shown(one, other), (one, other)


@scene("Bind device 3")
async def the_first_answers(house: House) -> None:
    await house.link()
    house.cloud.growatt.add_device("ABC0000001")
    events = async_capture_events(house.hass, f"{DOMAIN}_first_answers")
    await house.automation("Bind device 3")
    await house.bind("ABC0000001", "ABC0000404")
    await until(lambda: house.messages)
    [message] = house.messages
    assert " ".join(message.data["message"].split()) == (
        "jansen-solar, Home: accepted 1, rejected 1"
    )
    table = table_of("Bind device", "In the event's data")
    assert table is not None
    check_keys(events[0].data, keys_in(table), exactly=True)


@scene("Bind datalogger", "Bind datalogger 2")
async def dataloggers(house: House) -> None:
    await house.link()
    house.cloud.growatt.add_datalogger(STICK, check_code=CODE)
    house.cloud.growatt.add_datalogger("QMN0000002")
    house.cloud.growatt.add_datalogger("QMN0000003", check_code="99999")
    told = await house.steps("Bind datalogger")
    check_response("bind_datalogger", told["bound"])
    shown = house.example("Bind datalogger 2").loaded["results"]
    for one, other in zip(shown, told["bound"]["results"], strict=True):
        assert is_shown(one, other), (one, other)


async def with_refused(house: House) -> None:
    """Have one inverter that the cloud takes, and one that it does not know."""
    await house.link()
    house.cloud.growatt.add_device("ABC0000001")
    await house.bind("ABC0000001", "ABC0000002")
    assert house.devices() == {"ABC0000001": "accepted", "ABC0000002": "rejected"}


@scene("List devices")
async def the_devices(house: House) -> None:
    await with_refused(house)
    told = await house.steps("List devices")
    check_response("list_devices", told["refused"])
    assert [one["serial_number"] for one in told["refused"]["devices"]] == ["ABC0000002"]


@scene("Check association")
async def a_check(house: House) -> None:
    await with_refused(house)
    house.cloud.growatt.bring_online("ABC0000001")
    told = await house.steps("Check association")
    check_response("check_association", told["checked"])
    [result] = told["checked"]["results"]
    assert (result["state"], result["asked"]) == ("associated", True)


@scene("Submit again")
async def once_more(house: House) -> None:
    await with_refused(house)
    house.cloud.growatt.add_device("ABC0000002")
    told = await house.steps("Submit again")
    check_response("submit_again", told["again"])
    assert [one["done"] for one in told["again"]["results"]] == [True, True]
    assert house.devices()["ABC0000002"] == "accepted"


@scene("Move device")
async def to_another_account(house: House) -> None:
    await with_refused(house)
    await house.link(OTHER_ACCOUNT)
    told = await house.steps("Move device")
    check_response("move_device", told["moved"])
    assert [one["plant"] for one in told["moved"]["results"]] == ["Barn"]
    assert house.devices(OTHER_ACCOUNT) == {"ABC0000001": "accepted"}
    assert house.cloud.growatt.devices["ABC0000001"].requested_plant_id == OTHER_PLANT


@scene("Remove device")
async def what_the_cloud_does_not_know(house: House) -> None:
    await with_refused(house)
    await house.steps("Remove device")
    assert house.devices() == {"ABC0000001": "accepted"}
    # Once more there is nothing to remove.
    await house.steps("Remove device")
    removed = await act(house.hass, "remove_device", serial_numbers="ABC0000001")
    check_response("remove_device", removed)


@scene("Growatt: name, account, plant, stick, watch")
async def all_the_way_at_growatt(house: House) -> None:
    await house.link()
    house.cloud.growatt.add_datalogger(
        STICK, check_code=CODE, devices=["ABC0000001"], online_after=3_600
    )
    given = {"password": PASSWORD}
    told = await house.steps("Growatt: name, account, plant, stick, watch", given)
    found = {one["serial_number"]: one["state"] for one in told["there"]["devices"]}
    assert found[STICK] == "associated"
    entry_id = told["account"]["config_entry_id"]
    await until(lambda: house.devices(entry_id).get("ABC0000001") == "associated")


@scene("Quectel: code, account, inverter")
async def all_the_way_at_quectel(house: House) -> None:
    cloud = house.cloud
    cloud.quectel.add_user_domain("C.DM.12345.1", USER_DOMAIN_SECRET)
    cloud.quectel.add_product("pKEY01", "Inverter", user_domains={"C.DM.12345.1"})
    cloud.quectel.add_device("ABC0000001", product_key="pKEY01")
    house.answer(lambda: cloud.mailbox[-1].code)
    given = {"password": PASSWORD, "secret": USER_DOMAIN_SECRET}
    told = await house.steps("Quectel: code, account, inverter", given, europe=cloud.url)
    assert told["sent"] == {"sent_to": "jansen@example.com"}
    [result] = told["bound"]["results"]
    assert (result["state"], result["plant_id"]) == ("accepted", "pKEY01")


@scene("A portal: picture, code, account")
async def all_the_way_at_a_portal(house: House) -> None:
    cloud = house.cloud
    assert await async_setup_component(house.hass, "persistent_notification", {})
    house.answer(lambda: [*cloud.captchas.values()][-1], lambda: cloud.mailbox[-1].code)
    given = {"password": PASSWORD}
    told = await house.steps("A portal: picture, code, account", given, **portal(house))
    check_response("register_account", told["account"])
    [entry] = entries(house.hass)
    assert told["account"]["config_entry_id"] == entry.entry_id


@scene("Triggers")
async def a_message_once_it_is_there(house: House) -> None:
    await with_refused(house)
    await house.automation("Triggers")
    house.cloud.growatt.bring_online("ABC0000001")
    await until(lambda: house.messages)
    said = house.messages[0].data["message"]
    assert said == "ABC0000001 (jansen-solar, Home): is in the cloud"


@scene("Blueprints")
async def what_the_blueprint_takes(house: House) -> None:
    """That it does is shown where the blueprints are; here, that each part is what it takes."""
    event = house.example("Blueprints").loaded
    assert event["event"] == f"{DOMAIN}_bind"
    assert event["event_data"].keys() == {"dataloggers", "serial_numbers"}


def test_every_example_has_its_scene() -> None:
    assert SCENES.keys() == examples(PAGE).keys()


def test_every_action_has_an_example() -> None:
    loaded = [example.loaded for example in examples(PAGE).values()]
    assert {action for action, _ in actions_in(loaded, DOMAIN)} == DESCRIBED.keys()


@pytest.mark.parametrize("play", dict.fromkeys(SCENES.values()), ids=lambda play: play.__name__)
async def test_each_example(house: House, play: Scene) -> None:
    await play(house)
