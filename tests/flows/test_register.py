"""Creating an account in the dialog."""

import asyncio
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, FlowType
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from tests.common import (
    NEW_ACCOUNT,
    RESIDENT,
    RESIDENT_ID,
    SECRETS,
    Fault,
    add_account,
    code,
    entries,
    fields_of,
    follow,
    is_closed,
    kind,
    open_at,
    open_dialog,
    own_address,
    send,
    shown_values,
    submit,
    suggested,
    unique_id,
)
from tests.prove.world import World

REGISTER = "user/user_register"
CHECK = "user/check_user"
PLANTS = "plant/list"
USERS = "user/c_user_list"


async def test_create_an_account_and_go_on_to_inverters(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    hass.config.country = "BE"
    result = await open_at(hass, cloud, "register")
    assert result["step_id"] == "register_form"
    assert suggested(result) == {"country": "BE"}

    result = await submit(
        hass, result, **NEW_ACCOUNT, installer_code="SIM01", phone="+31 6 1234", time_zone="1"
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    (entry,) = entries(hass)
    assert result["title"] == entry.title == "alice"
    assert entry.data == {
        "provider": "growatt",
        "server": cloud.url,
        "access": {"token": INSTALLER_TOKEN},
        "account_id": "102",
        "account_name": "alice",
        "other_names": [],
        "session": {},
        "activation_pending": False,
        "denied": False,
        "asked_at": None,
    }
    assert entry.unique_id == unique_id(f"growatt|{cloud.url}|", "102")
    user = cloud.growatt.user_named("alice")
    assert user is not None
    assert (user.email, user.country) == ("alice@example.com", "Netherlands")
    assert (user.agent_code, user.tel, user.time_zone) == ("SIM01", "3161234", "1")
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_SUBENTRIES_FLOW
    devices = await hass.config_entries.subentries.async_configure(flow_id)
    # The first plant is created in the same form.
    assert devices["step_id"] == "datalogger"
    assert {"serial_number", "name", "peak_power"} <= set(devices["data_schema"].schema)
    assert NEW_ACCOUNT["password"] not in str(entry.data)


@pytest.mark.parametrize("path", [PLANTS, CHECK, REGISTER])
async def test_odd_but_right_answers_are_understood(
    hass: HomeAssistant, cloud: Simulator, path: str
) -> None:
    cloud.faults.add(path, kind="data_empty", times=None)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1


@pytest.mark.parametrize("fault", [kind("data_empty"), code(10011)])
async def test_an_account_whose_id_nobody_tells_is_asked_to_sign_in(
    hass: HomeAssistant, cloud: Simulator, fault: Fault
) -> None:
    cloud.faults.add(REGISTER, kind="data_empty")
    cloud.faults.add(USERS, **fault, times=None)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] is None
    assert "next_flow" not in result
    (reauth,) = hass.config_entries.flow.async_progress()
    assert reauth["context"]["source"] == SOURCE_REAUTH

    cloud.faults.clear()
    result = await submit(hass, reauth | {"handler": DOMAIN}, token=INSTALLER_TOKEN)
    assert result["reason"] == "reauth_successful"
    (entry,) = entries(hass)
    assert entry.data["account_id"] == "102"


async def test_the_id_stays_unknown_where_the_look_for_it_fails(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.faults.add(REGISTER, kind="data_empty")
    cloud.faults.add(CHECK, kind="pass")
    cloud.faults.add(CHECK, kind="cut")
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] is None
    assert len(cloud.calls.of(REGISTER)) == 1


@pytest.mark.parametrize(
    ("path", "fault", "errors"),
    [
        (REGISTER, code(10014), {"installer_code": "installer_code_wrong"}),
        (REGISTER, code(10001), {"base": "system_error"}),
        (REGISTER, code(10012), {"base": "rate_limited"}),
        (REGISTER, code(31337), {"base": "unknown_code"}),
        (REGISTER, kind("firewall"), {"base": "blocked"}),
        (CHECK, code(-1), {"base": "wrong_server"}),
    ],
)
async def test_what_refuses_a_registration_stands_at_its_field(
    hass: HomeAssistant, cloud: Simulator, path: str, fault: Fault, errors: dict[str, str]
) -> None:
    cloud.faults.add(path, **fault)

    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)

    assert result["step_id"] == "register_form"
    assert result["errors"] == errors
    assert suggested(result) == NEW_ACCOUNT
    assert not entries(hass)

    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"username": ""}, {"username": "required"}),
        ({"password": "   "}, {"password": "required"}),
        ({"email": "alice"}, {"email": "invalid_email"}),
        ({"phone": "call me"}, {"phone": "invalid_phone"}),
        ({"installer_code": "WRONG"}, {"installer_code": "installer_code_wrong"}),
    ],
)
async def test_bad_input_to_register_stands_at_its_field(
    hass: HomeAssistant, cloud: Simulator, typed: dict[str, str], errors: dict[str, str]
) -> None:
    result = await submit(hass, await open_at(hass, cloud, "register"), **{**NEW_ACCOUNT, **typed})
    assert result["step_id"] == "register_form"
    assert result["errors"] == errors
    assert suggested(result) == {**NEW_ACCOUNT, **typed}

    # What was cleared stays cleared: the optional ones are left out this time.
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_field_that_was_cleared_does_not_come_back(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_at(hass, cloud, "register")
    result = await submit(hass, result, **NEW_ACCOUNT, installer_code="WRONG")
    result = await submit(hass, result, **{**NEW_ACCOUNT, "email": "alice"})
    assert result["errors"] == {"email": "invalid_email"}
    assert "installer_code" not in suggested(result)


async def test_a_token_that_may_not_register(hass: HomeAssistant, cloud: Simulator) -> None:
    result = await open_at(hass, cloud, "register", END_USER_TOKEN)
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert cloud.growatt.user_named("alice") is None
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "refused")
    assert result["menu_options"] == ["use_account", "server", "back"]
    assert shown_values(result)["reason"].startswith("This token is not allowed to create")

    result = await submit(hass, result, next_step_id="back")
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "not_allowed_register"}
    assert suggested(result) == NEW_ACCOUNT

    # The way out is in the same dialog, and what was learned before is not asked again.
    result = await submit(hass, result, **NEW_ACCOUNT)
    asked = len(cloud.calls)
    result = await submit(hass, result, next_step_id="use_account")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["account_id"] == RESIDENT_ID
    assert len(cloud.calls.of(USERS)) == 1
    # What follows is the form for devices, which shows the plants.
    assert len(cloud.calls) == asked + 1


async def test_a_token_that_may_not_register_is_replaced(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_at(hass, cloud, "register", END_USER_TOKEN)
    result = await submit(hass, result, **NEW_ACCOUNT)
    result = await submit(hass, result, next_step_id="server")
    assert result["step_id"] == "growatt"
    assert not result["errors"]
    assert suggested(result) == {"server": cloud.url, "token": END_USER_TOKEN}
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    result = await submit(hass, result, next_step_id="register")
    assert not result["errors"]
    assert suggested(result) == NEW_ACCOUNT
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "alice"


async def test_a_token_that_may_not_register_and_opens_nothing(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    await add_account(hass, cloud)
    result = await open_at(hass, cloud, "register", END_USER_TOKEN)
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["step_id"] == "refused"
    assert result["menu_options"] == ["server", "back"]
    # A browser may load the page anew.
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert again["menu_options"] == result["menu_options"]


@pytest.mark.parametrize("username", [RESIDENT, "answered"])
async def test_a_name_that_is_taken(hass: HomeAssistant, cloud: Simulator, username: str) -> None:
    """Most people want another one; whose account it is can use it."""
    typed = {**NEW_ACCOUNT, "username": username, "installer_code": "SIM01"}
    result = await open_at(hass, cloud, "register")
    if username != RESIDENT:
        cloud.faults.add(REGISTER, **code(10003))
    result = await submit(hass, result, **typed)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "taken")
    assert result["menu_options"] == ["back", "use_account"]
    assert shown_values(result)["reason"].startswith("An account with this name already exists.")
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert again["step_id"] == "taken"

    result = await submit(hass, result, next_step_id="back")
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"username": "username_taken"}
    assert suggested(result) == typed
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_name_that_is_taken_where_no_account_is_left(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    await add_account(hass, cloud)
    result = await open_at(hass, cloud, "register")
    result = await submit(hass, result, **{**NEW_ACCOUNT, "username": RESIDENT})
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"username": "username_taken"}
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_what_may_stay_empty_is_in_a_section(hass: HomeAssistant, cloud: Simulator) -> None:
    """A section shows no error: what was refused stands outside, from then on."""
    result = await open_at(hass, cloud, "register")
    required = ["username", "password", "email", "country"]
    assert fields_of(result) == [*required, "more: installer_code, phone, time_zone"]
    assert is_closed(result)

    typed = {**NEW_ACCOUNT, "installer_code": "WRONG", "time_zone": "1"}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"installer_code": "installer_code_wrong"}
    assert fields_of(result) == [*required, "installer_code", "more: phone, time_zone"]
    # What somebody typed is not hidden.
    assert not is_closed(result)
    assert suggested(result) == typed

    result = await submit(hass, result, **{**typed, "email": "alice", "installer_code": "SIM01"})
    assert result["errors"] == {"email": "invalid_email"}
    assert fields_of(result) == [*required, "installer_code", "more: phone, time_zone"]
    result = await submit(hass, result, **{**NEW_ACCOUNT, "phone": "call me"})
    assert result["errors"] == {"phone": "invalid_phone"}
    assert fields_of(result) == [*required, "installer_code", "phone", "more: time_zone"]
    assert is_closed(result)
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("more", ["text", 5, {"installer_code": 5}, {"password": "x"}])
async def test_a_section_that_is_none(hass: HomeAssistant, cloud: Simulator, more: Any) -> None:
    result = await open_at(hass, cloud, "register")
    with pytest.raises(InvalidData):
        await send(hass, result, **NEW_ACCOUNT, more=more)
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_section_where_nothing_is_asked(hass: HomeAssistant, cloud: Simulator) -> None:
    """A browser may send anything while there is progress."""
    cloud.faults.add(REGISTER, kind="hold")
    result = await send(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    result = await send(hass, result, more="x")
    cloud.faults.release()
    assert (await follow(hass, result))["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("fault", ["cut", "hang", "garbage"])
async def test_a_lost_answer_without_an_account(
    hass: HomeAssistant, cloud: Simulator, fault: str
) -> None:
    """Nobody knows at first: the request may still be on its way."""
    cloud.faults.add(REGISTER, kind=fault)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["step_id"] == "outcome_unknown"
    assert len(cloud.calls.of(REGISTER)) == 1
    assert len(cloud.calls.of(CHECK)) == 2

    # No server works on it for so long.
    await asyncio.sleep(905)
    result = await submit(hass, result, next_step_id="register_form")
    assert suggested(result) == NEW_ACCOUNT
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "not_registered"}
    assert suggested(result) == NEW_ACCOUNT
    assert len(cloud.calls.of(REGISTER)) == 1

    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "fault",
    # Lost, late, too much of it; and a cloud that fails once the account is there.
    [kind("cut_after"), kind("hang_after"), kind("oversized"), kind("code_after", code=10001)],
    ids=str,
)
async def test_a_lost_answer_with_an_account(
    hass: HomeAssistant, cloud: Simulator, fault: Fault
) -> None:
    cloud.faults.add(REGISTER, **fault)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1
    assert len(cloud.calls.of(CHECK)) == 2


async def test_a_fault_of_the_cloud_that_no_look_settles(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.faults.add(REGISTER, kind="code", code=10001)
    cloud.faults.add(CHECK, kind="pass")
    cloud.faults.add(CHECK, kind="cut")
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["step_id"] == "outcome_unknown"


async def _lose_the_answer_and_the_look(hass: HomeAssistant, cloud: Simulator) -> dict[str, Any]:
    cloud.faults.add(REGISTER, kind="cut_after")
    cloud.faults.add(CHECK, kind="pass")
    cloud.faults.add(CHECK, kind="cut")
    return await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)


async def test_an_unknown_outcome_leads_to_linking(hass: HomeAssistant, cloud: Simulator) -> None:
    result = await _lose_the_answer_and_the_look(hass, cloud)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "outcome_unknown"
    assert result["menu_options"] == ["link", "register_form"]
    assert shown_values(result) == {"name": "alice", "server": cloud.url}

    result = await submit(hass, result, next_step_id="link")
    assert result["step_id"] == "choose_account"
    result = await submit(hass, result, account_id="102")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "alice"
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_an_unknown_outcome_links_no_other_account(world: World) -> None:
    """The list of accounts was asked for before, and may not be again so soon."""
    hass = world.hass
    result = await _lose_the_answer_and_the_look(hass, world.simulator)
    result = await submit(hass, result, next_step_id="link")
    assert result["step_id"] == "link_form"
    assert result["errors"] == {"base": "account_not_listed"}
    assert shown_values(result)["expected"] == "alice"
    assert not entries(hass)

    await asyncio.sleep(310)
    # Meanwhile Home Assistant has found it by itself.
    await submit(hass, result)
    assert [entry.title for entry in entries(hass)] == ["alice"]


async def test_an_unknown_outcome_and_an_id_that_is_known(world: World) -> None:
    hass = world.hass
    result = await _lose_the_answer_and_the_look(hass, world.simulator)
    result = await submit(hass, result, next_step_id="link")
    result = await submit(hass, result, account_id="102")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == "102"


async def test_an_unknown_outcome_leads_back_to_the_form(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await _lose_the_answer_and_the_look(hass, cloud)
    result = await submit(hass, result, next_step_id="register_form")
    assert suggested(result) == NEW_ACCOUNT
    assert len(cloud.calls.of(REGISTER)) == 1
    # The name is taken by now, by this very account.
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_no_secret_is_logged(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    cloud.faults.add(REGISTER, **code(31337))
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert "unknown_code" in str(result["errors"])
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not cloud.calls.secrets_in_url
    for private in (*SECRETS, NEW_ACCOUNT["email"]):
        assert private not in caplog.text


@pytest.mark.parametrize(
    "address", ["http://[::1", "http://a:99999", "http://xn--", "http://]\u00fc[x", "http://a>b"]
)
async def test_page_whose_address_is_none(
    hass: HomeAssistant, simulator: Simulator, address: str
) -> None:
    """A portal may send anything for its agreements: what is no page is not shown."""
    privacy = simulator.shopxo.agreements[1]
    simulator.shopxo.agreements = (address, privacy)
    simulator.portal = "shopxo"
    result = await open_dialog(hass, "shopxo")
    result = await submit(hass, result, address=simulator.url)
    assert result["step_id"] == "method"
    result = await submit(hass, result, next_step_id="register")
    result = await submit(hass, result, way="username")
    assert result["step_id"] == "register_form"
    assert result["description_placeholders"]["agreements"] == f"- Privacy policy: <{privacy}>"


async def test_address_that_breaks_a_parser(hass: HomeAssistant, cloud: Simulator) -> None:
    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address("@[]\u0660xn--@"), token=INSTALLER_TOKEN)
    assert result["errors"] == {"address": "invalid_url"}
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    assert result["step_id"] == "one_account"
