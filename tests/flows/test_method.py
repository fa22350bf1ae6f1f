"""What is offered once the credentials were accepted: the account that they open, or a new one."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from tests.common import (
    NEW_ACCOUNT,
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    Fault,
    Result,
    add_account,
    code,
    entries,
    kind,
    open_dialog,
    own_address,
    shown_values,
    submit,
    suggested,
)
from tests.prove.world import World

PLANTS = "plant/list"
USERS = "user/c_user_list"
NEW_TOKEN = "SIMULATORTOKENOFANEWINSTALLER000"


async def enter(hass: HomeAssistant, cloud: Simulator, token: str = INSTALLER_TOKEN) -> Result:
    """Open the dialog and enter a token."""
    return await submit(hass, await open_dialog(hass), **own_address(cloud.url), token=token)


def shown(result: Result) -> tuple[str, list[str]]:
    """Return the step and the options of a menu."""
    assert result["type"] is FlowResultType.MENU
    return result["step_id"], result["menu_options"]


def offered(result: Result) -> str:
    """Return the name of the account that is offered."""
    return str(result["description_placeholders"]["plain_account"])


@pytest.mark.parametrize(
    ("token", "name"), [(END_USER_TOKEN, "Sim Home"), (INSTALLER_TOKEN, RESIDENT)]
)
async def test_the_one_account_that_the_token_opens(world: World, token: str, name: str) -> None:
    """Nothing is asked twice of a cloud that limits how often it is."""
    hass, simulator = world.hass, world.simulator
    result = await enter(hass, simulator, token)
    assert shown(result) == ("one_account", ["use_account", "register"])
    assert shown_values(result) == {"server": simulator.url, "account": name, "note": ""}
    assert offered(result) == name
    # A browser may load the page anew.
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert shown(again) == shown(result)

    result = await submit(hass, result, next_step_id="use_account")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == RESIDENT_ID
    assert [len(simulator.calls.of(path)) for path in (PLANTS, USERS)] == [1, 1]


async def test_several_accounts(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.growatt.add_user("bob", "bob@example.com")
    cloud.growatt.add_user("carol", "carol@example.com")
    await add_account(hass, cloud)
    result = await enter(hass, cloud)
    assert shown(result) == ("several_accounts", ["use_account", "choose_accounts", "register"])
    # One of the three is there already.
    assert result["description_placeholders"]["plain_count"] == "2"
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert shown(again) == shown(result)
    result = await submit(hass, result, next_step_id="use_account")
    assert result["step_id"] == "choose_account"
    result = await submit(hass, result, account_id="103")
    assert result["title"] == "carol"

    result = await enter(hass, cloud)
    assert shown(result) == ("one_account", ["use_account", "register"])
    assert offered(result) == "bob"


async def test_accounts_that_are_here_already(hass: HomeAssistant, cloud: Simulator) -> None:
    await add_account(hass, cloud)
    result = await enter(hass, cloud)
    assert shown(result) == ("known_account", ["server", "register"])
    assert shown_values(result) == {"accounts": RESIDENT, "note": ""}
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert shown(again) == shown(result)

    # Another token may open another one.
    cloud.growatt.add_token(NEW_TOKEN, merchant="a new one")
    cloud.growatt.add_user("linked", "linked@example.com", merchant="a new one")
    result = await submit(hass, result, next_step_id="server")
    assert result["step_id"] == "growatt"
    result = await submit(hass, result, **own_address(cloud.url), token=NEW_TOKEN)
    assert offered(result) == "linked"
    result = await submit(hass, result, next_step_id="use_account")
    assert result["title"] == "linked"
    assert len(entries(hass)) == 2


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (NEW_TOKEN, "This token sees neither accounts nor plants yet."),
        (END_USER_TOKEN, "The token does not show which account it belongs to"),
    ],
)
@pytest.mark.parametrize("way", ["link_form", "register", "server"])
async def test_no_account(
    hass: HomeAssistant, cloud: Simulator, token: str, reason: str, way: str
) -> None:
    """The text says why, and each option leads on."""
    cloud.growatt.add_token(NEW_TOKEN, merchant="a new one")
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    result = await enter(hass, cloud, token)
    assert shown(result) == ("no_account", ["link_form", "register", "server"])
    assert shown_values(result)["reason"].startswith(reason)
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert shown(again) == shown(result)

    result = await submit(hass, result, next_step_id=way)
    assert not result["errors"]
    if way == "link_form":
        result = await submit(hass, result, account_id=RESIDENT_ID)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["data"]["account_id"] == RESIDENT_ID
    elif way == "register":
        assert result["step_id"] == "register_form"
    else:
        # Meanwhile there is something to see.
        cloud.growatt.add_plant(int(RESIDENT_ID), "Roof")
        result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
        assert offered(result) == RESIDENT


UNREAD = "The cloud's list of accounts could not be read in full just now"


@pytest.mark.parametrize(
    "fault", [code(10012), code(77777), kind("http_500"), kind("hang")], ids=str
)
@pytest.mark.parametrize("token", [END_USER_TOKEN, INSTALLER_TOKEN])
async def test_a_list_of_accounts_that_cannot_be_read(
    hass: HomeAssistant, cloud: Simulator, token: str, fault: Fault
) -> None:
    """Whose plants are known can be used, and that there may be more is said."""
    eve = str(cloud.growatt.add_user("eve", "eve@example.com").user_id)
    cloud.faults.add(USERS, **fault, times=3)
    result = await enter(hass, cloud, token)
    assert shown(result) == ("one_account", ["use_account", "link_form", "register"])
    assert shown_values(result)["note"].startswith(UNREAD)
    assert offered(result) == "Sim Home"
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert shown_values(again) == shown_values(result)
    if token == END_USER_TOKEN:
        result = await submit(hass, result, next_step_id="use_account")
        assert result["title"] == f"Sim Home ({RESIDENT_ID})"
        return

    # The one that was meant is another one.
    result = await submit(hass, result, next_step_id="link_form")
    assert not result["errors"]
    for typed in ({}, {"account_id": eve}):
        result = await submit(hass, result, **typed)
        assert result["step_id"] == "link_form"
        assert list(result["errors"]) == ["base"]
        assert result["errors"]["base"] not in {"wrong_account", "token_sees_nothing"}
        assert suggested(result) == typed
    result = await submit(hass, result, account_id=eve)
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "eve")


async def test_several_accounts_of_a_list_that_cannot_be_read(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    cloud.growatt.add_plant(bob.user_id, "Roof")
    cloud.growatt.add_user("eve", "eve@example.com")
    cloud.faults.add(USERS, kind="http_500")
    result = await enter(hass, cloud)
    options = ["use_account", "choose_accounts", "link_form", "register"]
    assert shown(result) == ("several_accounts", options)
    assert shown_values(result)["note"].startswith(UNREAD)
    # An empty form has the list read again.
    result = await submit(hass, result, next_step_id="link_form")
    result = await submit(hass, result)
    assert result["step_id"] == "choose_account"
    choices = result["data_schema"].schema["account_id"].config["options"]
    assert {option["label"].partition(" (")[0] for option in choices} == {RESIDENT, "bob", "eve"}


async def test_nothing_is_known_of_the_accounts(hass: HomeAssistant, cloud: Simulator) -> None:
    """That is not the same as a token that sees nothing."""
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    cloud.faults.add(USERS, kind="http_500", times=2)
    result = await enter(hass, cloud)
    assert shown(result) == ("method", ["link", "register"])
    result = await submit(hass, result, next_step_id="link")
    assert (result["step_id"], result["errors"]) == ("link_form", {"base": "server_error"})
    result = await submit(hass, result)
    assert result["title"] == RESIDENT


@pytest.mark.parametrize("token", [END_USER_TOKEN, INSTALLER_TOKEN])
async def test_an_account_without_a_plant_goes_on_to_its_first(world: World, token: str) -> None:
    """The limits forbid to ask again what was asked a moment ago, and the answers still hold."""
    hass, growatt = world.hass, world.simulator.growatt
    growatt.delete_plant(int(RESIDENT_PLANT))
    result = await enter(hass, world.simulator, token)
    if token == END_USER_TOKEN:
        result = await submit(hass, result, next_step_id="link_form")
        result = await submit(hass, result, account_id=RESIDENT_ID)
    else:
        result = await submit(hass, result, next_step_id="register")
        result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    subentries = hass.config_entries.subentries
    for _ in range(2):
        _, flow_id = result["next_flow"]
        device = await subentries.async_configure(flow_id)
        assert not device["errors"]
        assert {"name", "peak_power"} <= set(device["data_schema"].schema)
        await asyncio.sleep(60)


async def test_an_account_that_is_newer_than_the_list(world: World) -> None:
    """All that were listed are here, but the limits let nobody ask for others yet."""
    hass, simulator = world.hass, world.simulator
    result = await enter(hass, simulator)
    await submit(hass, result, next_step_id="use_account")
    eve = str(simulator.growatt.add_user("eve", "eve@example.com").user_id)
    await asyncio.sleep(30)
    result = await enter(hass, simulator)
    assert shown(result) == ("known_account", ["link_form", "server", "register"])
    assert shown_values(result)["note"].endswith("Try again in 5 min.")
    result = await submit(hass, result, next_step_id="link_form")
    result = await submit(hass, result)
    assert (result["step_id"], result["errors"]) == ("link_form", {"base": "not_now"})
    result = await submit(hass, result, account_id=eve)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.title == eve
    # Its name comes with the next list.
    await asyncio.sleep(310)
    await enter(hass, simulator)
    assert (entry.title, entry.data["account_name"]) == ("eve", "eve")


async def test_another_one_than_what_is_offered(world: World) -> None:
    """Who does not want the one that is known does not get it for asking too early."""
    hass, simulator = world.hass, world.simulator
    await enter(hass, simulator)
    simulator.growatt.add_user("eve", "eve@example.com")
    result = await enter(hass, simulator)
    assert shown(result) == ("one_account", ["use_account", "link_form", "register"])
    result = await submit(hass, result, next_step_id="link_form")
    result = await submit(hass, result)
    assert (result["step_id"], result["errors"]) == ("link_form", {"base": "not_now"})
    await asyncio.sleep(310)
    result = await submit(hass, result)
    assert result["step_id"] == "choose_account"


@pytest.mark.parametrize("fault", [code(10011), kind("firewall"), kind("hang")], ids=str)
async def test_a_look_that_fails(
    hass: HomeAssistant, cloud: Simulator, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Which account the token opens is not known then: all is offered, and nothing is lost."""
    cloud.faults.add(PLANTS, kind="pass")
    cloud.faults.add(PLANTS, **fault)
    result = await enter(hass, cloud)
    assert shown(result) == ("method", ["link", "register"])
    assert shown_values(result) == {"server": cloud.url}
    asked = len(cloud.calls)
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert shown(again) == shown(result)
    assert len(cloud.calls) == asked
    result = await submit(hass, result, next_step_id="link")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert INSTALLER_TOKEN not in caplog.text


async def test_a_refusal_after_a_look_that_failed(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.faults.add(PLANTS, kind="pass")
    cloud.faults.add(PLANTS, kind="firewall")
    result = await enter(hass, cloud, END_USER_TOKEN)
    result = await submit(hass, result, next_step_id="register")
    account: dict[str, Any] = {"username": "alice", "password": "Not-a-real-password-1"}
    account |= {"email": "alice@example.com", "country": "NL"}
    result = await submit(hass, result, **account)
    assert shown(result) == ("refused", ["link", "server", "back"])
    result = await submit(hass, result, next_step_id="link")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == RESIDENT_ID
