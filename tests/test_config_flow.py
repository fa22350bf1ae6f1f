"""The account dialog: choosing the server, creating an account, linking one."""

import asyncio
from typing import Any

from aiohttp.resolver import AbstractResolver
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    FlowType,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest

from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator

from .common import (
    NEW_ACCOUNT,
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    SECRETS,
    add_account,
    close,
    count_setups,
    entries,
    open_at,
    open_dialog,
    open_reauth,
    own_address,
    send,
    submit,
    suggested,
    unique_id,
)

REGISTER = "user/user_register"
CHECK = "user/check_user"
PLANTS = "plant/list"
USERS = "user/c_user_list"

type Fault = dict[str, Any]


def code(number: int) -> Fault:
    return {"kind": "code", "code": number, "msg": "the cloud's own words"}


def kind(name: str, **options: Any) -> Fault:
    return {"kind": name, **options}


# What a cloud can answer that is no answer, and the error for it.
BROKEN = [
    (kind("garbage"), "not_json"),
    (kind("empty"), "empty_answer"),
    (kind("not_object"), "unexpected_answer"),
    (kind("http_500"), "server_error"),
    (kind("login_page"), "login_page"),
    (kind("redirect"), "redirected"),
    (kind("oversized"), "too_large"),
    (kind("cut"), "no_answer"),
    (kind("cut_after"), "no_answer"),
    (kind("cut_body"), "no_answer"),
    (kind("hang"), "no_answer"),
    (kind("hang_after"), "no_answer"),
]
# Codes without a meaning of their own at an endpoint.
GENERIC = [
    (code(10012), "rate_limited"),
    (code(10013), "rejected"),
    (code(31337), "unknown_code"),
]
REFUSED = [(kind("firewall"), "blocked"), (kind("forbidden"), "blocked")]


# Which cloud, which server


async def test_create_an_account_and_go_on_to_inverters(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    hass.config.country = "BE"
    result = await open_at(hass, cloud, "register")
    assert result["step_id"] == "register_form"
    assert suggested(result) == {"country": "BE"}

    result = await submit(
        hass,
        result,
        **NEW_ACCOUNT,
        installer_code="SIM01",
        phone="+31 6 1234",
        time_zone="1",
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
        "session": {},
        "activation_pending": False,
    }
    assert entry.unique_id == unique_id(f"growatt|{cloud.url}|", "102")
    user = cloud.growatt.user_named("alice")
    assert user is not None
    assert (user.email, user.country) == ("alice@example.com", "Netherlands")
    assert (user.agent_code, user.tel, user.time_zone) == ("SIM01", "3161234", "1")
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_SUBENTRIES_FLOW
    inverters = await hass.config_entries.subentries.async_configure(flow_id)
    assert inverters["step_id"] == "create_plant"
    assert NEW_ACCOUNT["password"] not in str(entry.data)


@pytest.mark.parametrize(
    ("fault", "at", "key"),
    [
        (code(10001), "base", "system_error"),
        (code(10011), "token", "invalid_token"),
        (code(-1), "address", "wrong_server"),
        *((fault, "base", key) for fault, key in GENERIC),
        *((fault, "base", key) for fault, key in REFUSED),
        *((fault, "address", key) for fault, key in BROKEN),
    ],
)
async def test_the_server_step_tells_what_is_wrong_and_recovers(
    hass: HomeAssistant, cloud: Simulator, fault: Fault, at: str, key: str
) -> None:
    cloud.faults.add(PLANTS, **fault)
    typed = {**own_address(cloud.url), "token": INSTALLER_TOKEN}

    result = await submit(hass, await open_dialog(hass), **typed)

    assert result["step_id"] == "server"
    assert result["errors"] == {at: key}
    assert suggested(result) == typed
    if key == "unknown_code":
        assert result["description_placeholders"]["code"] == "31337"
        assert result["description_placeholders"]["message"] == "the cloud's own words"
    if key == "redirected":
        assert result["description_placeholders"]["location"] == ""

    result = await submit(hass, result, **typed)
    assert result["step_id"] == "method"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("*", "wrong_type"),
        ("*", "string_code"),
        ("*", "data_string"),
        (PLANTS, "data_empty"),
        (CHECK, "data_empty"),
        (REGISTER, "data_empty"),
    ],
)
async def test_odd_but_right_answers_are_understood(
    hass: HomeAssistant, cloud: Simulator, path: str, fault: str
) -> None:
    cloud.faults.add(path, kind=fault, times=None)
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


async def test_a_code_as_text_means_the_same(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.faults.add(PLANTS, kind="string_code")
    result = await submit(hass, await open_dialog(hass), **own_address(cloud.url), token="x" * 32)
    assert result["errors"] == {"token": "invalid_token"}


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"token": "x" * 32}, {"token": "invalid_token"}),
        ({"token": ""}, {"token": "required"}),
        ({"token": "líne\nbreak"}, {"token": "invalid_token"}),
        ({"address": "http://openapi.growatt.com"}, {"address": "insecure_url"}),
        ({"address": "ftp://example.com"}, {"address": "invalid_url"}),
        ({"address": " "}, {"address": "required"}),
        ({"server": "global"}, {"address": "address_unused"}),
    ],
)
async def test_bad_access_data_stand_at_their_field(
    hass: HomeAssistant, cloud: Simulator, typed: dict[str, str], errors: dict[str, str]
) -> None:
    good = {**own_address(cloud.url), "token": INSTALLER_TOKEN}
    result = await submit(hass, await open_dialog(hass), **{**good, **typed})
    assert result["step_id"] == "server"
    assert result["errors"] == errors
    assert suggested(result) == {**good, **typed}

    result = await submit(hass, result, **good)
    assert result["step_id"] == "method"


async def test_a_token_of_another_region(hass: HomeAssistant, cloud: Simulator) -> None:
    elsewhere = "SIMULATOR_TOKEN_OTHER_REGION_000"
    cloud.growatt.add_token(elsewhere, region="north_america")
    result = await submit(hass, await open_dialog(hass), **own_address(cloud.url), token=elsewhere)
    assert result["errors"] == {"token": "invalid_token"}


async def test_a_host_that_does_not_exist(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoSuchHost(AbstractResolver):
        async def resolve(self, *_: Any, **__: Any) -> list[Any]:
            raise OSError("no such host")

        async def close(self) -> None:
            pass

    connector = async_get_clientsession(hass).connector
    monkeypatch.setattr(connector, "_resolver", NoSuchHost())
    typed = {**own_address("https://nowhere.example"), "token": INSTALLER_TOKEN}
    result = await submit(hass, await open_dialog(hass), **typed)
    assert result["errors"] == {"address": "cannot_resolve"}
    assert suggested(result) == typed


async def test_a_server_that_is_not_there(hass: HomeAssistant, cloud: Simulator) -> None:
    url = cloud.url
    await cloud.stop()
    result = await submit(hass, await open_dialog(hass), **own_address(url), token=INSTALLER_TOKEN)
    assert result["errors"] == {"address": "cannot_connect"}


async def test_asked_too_soon_says_when(hass: HomeAssistant, simulator: Simulator) -> None:
    """A token whose list was asked for a moment ago, and whose answer is not known any more."""
    simulator.faults.add(PLANTS, kind="http_500")
    result = await open_dialog(hass)
    typed = {**own_address(simulator.url), "token": INSTALLER_TOKEN}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"address": "server_error"}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"base": "not_now"}
    assert result["description_placeholders"]["minutes"] in ("5", "6")
    assert len(simulator.calls) == 1


# Creating an account


REGISTER_CODES = [
    (10001, "base", "system_error"),
    (10002, "username", "username_or_password_empty"),
    (10003, "username", "username_taken"),
    (10004, "email", "email_empty"),
    (10006, "base", "rejected"),
    (10008, "base", "invalid_token"),
    (10011, "base", "not_allowed_register"),
    (10012, "base", "rate_limited"),
    (10013, "base", "rejected"),
    (10014, "installer_code", "installer_code_wrong"),
    (-1, "base", "wrong_server"),
    (31337, "base", "unknown_code"),
]
CHECK_CODES = [
    (10001, "base", "system_error"),
    (10002, "username", "required"),
    (10003, "username", "username_taken"),
    (10011, "base", "not_allowed_register"),
    (10012, "base", "rate_limited"),
    (-1, "base", "wrong_server"),
    (31337, "base", "unknown_code"),
]


@pytest.mark.parametrize(
    ("path", "number", "errors"),
    [
        *((REGISTER, number, {at: key}) for number, at, key in REGISTER_CODES),
        *((CHECK, number, {at: key}) for number, at, key in CHECK_CODES),
    ],
)
async def test_codes_of_the_registration_stand_at_their_field(
    hass: HomeAssistant, cloud: Simulator, path: str, number: int, errors: dict[str, str]
) -> None:
    cloud.faults.add(path, **code(number))

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
        ({"username": "   "}, {"username": "required"}),
        ({"username": RESIDENT}, {"username": "username_taken"}),
        ({"password": ""}, {"password": "required"}),
        ({"password": "   "}, {"password": "required"}),
        ({"email": ""}, {"email": "required"}),
        ({"email": "alice"}, {"email": "invalid_email"}),
        ({"email": "alice@example"}, {"email": "invalid_email"}),
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
    assert result["errors"] == {"base": "not_allowed_register"}
    assert suggested(result) == NEW_ACCOUNT
    assert cloud.growatt.user_named("alice") is None
    # The way out is in the same dialog.
    result = await submit(hass, result, **NEW_ACCOUNT, link_instead=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["account_id"] == RESIDENT_ID


@pytest.mark.parametrize(("fault", "key"), REFUSED)
async def test_a_firewall_before_the_registration(
    hass: HomeAssistant, cloud: Simulator, fault: Fault, key: str
) -> None:
    cloud.faults.add(REGISTER, **fault)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["errors"] == {"base": key}
    assert suggested(result) == NEW_ACCOUNT
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "fault",
    ["cut", "hang", "garbage", "empty", "login_page", "http_500", "redirect", "not_object"],
)
async def test_a_lost_answer_without_an_account(
    hass: HomeAssistant, cloud: Simulator, fault: str
) -> None:
    cloud.faults.add(REGISTER, kind=fault)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "not_registered"}
    assert suggested(result) == NEW_ACCOUNT
    assert len(cloud.calls.of(REGISTER)) == 1
    assert len(cloud.calls.of(CHECK)) == 2

    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("fault", ["cut_after", "cut_body", "hang_after", "oversized"])
async def test_a_lost_answer_with_an_account(
    hass: HomeAssistant, cloud: Simulator, fault: str
) -> None:
    cloud.faults.add(REGISTER, kind=fault)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1
    assert len(cloud.calls.of(CHECK)) == 2


@pytest.mark.parametrize("code", [10001, 31337])
async def test_a_fault_of_the_cloud_that_created_the_account(
    hass: HomeAssistant, cloud: Simulator, code: int
) -> None:
    cloud.faults.add(REGISTER, kind="code_after", code=code)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1
    assert len(cloud.calls.of(CHECK)) == 2


async def test_a_fault_of_the_cloud_that_created_nothing(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.faults.add(REGISTER, kind="code", code=10001)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["errors"] == {"base": "system_error"}
    # The first one came before the form was sent.
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
    assert result["description_placeholders"] == {"name": "alice", "server": cloud.url}

    result = await submit(hass, result, next_step_id="link")
    assert result["step_id"] == "choose_account"
    result = await submit(hass, result, account_id="102")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "alice"
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_an_unknown_outcome_leads_back_to_the_form(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await _lose_the_answer_and_the_look(hass, cloud)
    result = await submit(hass, result, next_step_id="register_form")
    assert suggested(result) == NEW_ACCOUNT
    assert len(cloud.calls.of(REGISTER)) == 1
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["errors"] == {"username": "username_taken"}
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


# Linking an account


async def test_link_one_of_several_accounts(hass: HomeAssistant, cloud: Simulator) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    result = await open_at(hass, cloud, "link")
    assert result["step_id"] == "choose_account"
    options = result["data_schema"].schema["account_id"].config["options"]
    assert {option["value"]: option["label"] for option in options} == {
        RESIDENT_ID: f"{RESIDENT} ({RESIDENT_ID})",
        str(bob.user_id): f"bob ({bob.user_id})",
    }
    result = await submit(hass, result, account_id=str(bob.user_id))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "bob"
    assert "next_flow" in result

    # Those that are there already are offered no more.
    result = await open_at(hass, cloud, "link")
    options = result["data_schema"].schema["account_id"].config["options"]
    assert [option["value"] for option in options] == [RESIDENT_ID]
    result = await submit(hass, result, account_id=RESIDENT_ID)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    result = await open_at(hass, cloud, "link")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert len(entries(hass)) == 2


async def test_link_the_only_account_from_the_list_of_end_users(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    result = await open_at(hass, cloud, "link")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == RESIDENT
    assert result["data"]["account_id"] == RESIDENT_ID


async def test_link_with_an_end_users_token_by_the_plants(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_at(hass, cloud, "link", END_USER_TOKEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"Sim Home ({RESIDENT_ID})"
    assert result["data"]["account_id"] == RESIDENT_ID
    assert [call.code for call in cloud.calls.of(USERS)] == [10011]

    result = await open_at(hass, cloud, "link", END_USER_TOKEN)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_link_asks_for_the_id_that_the_token_does_not_tell(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    result = await open_at(hass, cloud, "link", END_USER_TOKEN)
    assert result["step_id"] == "link_form"
    assert result["errors"] == {"account_id": "account_id_needed"}

    result = await submit(hass, result, account_id="not a number")
    assert result["errors"] == {"account_id": "invalid_id"}
    assert suggested(result) == {"account_id": "not a number"}

    result = await submit(hass, result, account_id=RESIDENT_ID)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["account_id"] == RESIDENT_ID


@pytest.mark.parametrize(
    ("fault", "key"), [(code(10011), "invalid_token"), (kind("firewall"), "blocked")]
)
async def test_linking_tells_what_is_wrong_and_recovers(
    hass: HomeAssistant, cloud: Simulator, fault: Fault, key: str
) -> None:
    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address(cloud.url), token=END_USER_TOKEN)
    cloud.faults.add(PLANTS, **fault)
    result = await submit(hass, result, next_step_id="link")
    assert result["step_id"] == "link_form"
    assert result["errors"] == {"base": key}
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_account_that_is_known_by_its_id_does_not_complete_another_entry(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    unknown = await add_account(hass, cloud, account_id=None)
    await add_account(hass, cloud)
    result = await open_at(hass, cloud, "link")
    assert result["reason"] == "already_configured"
    assert unknown.data["account_id"] is None


async def test_link_completes_an_account_whose_id_was_not_known(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await add_account(hass, cloud, account_id=None)
    result = await open_at(hass, cloud, "link")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entries(hass) == [entry]
    assert entry.data["account_id"] == RESIDENT_ID
    assert entry.unique_id == unique_id(f"growatt|{cloud.url}|", RESIDENT_ID)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


# New credentials


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident with a token of their own."""
    return await add_account(hass, cloud, token=END_USER_TOKEN)


@pytest.fixture
def setups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the entries that are set up from now on."""
    return count_setups(monkeypatch)


NEW_TOKEN = "SIMULATOR_TOKEN_END_USER_RENEWED"


async def test_reauth_with_a_new_token_reloads_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    cloud.growatt.add_token(NEW_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
    result = await open_reauth(hass, entry)
    assert result["step_id"] == "reauth_confirm"
    assert result["description_placeholders"]["name"] == RESIDENT
    assert result["description_placeholders"]["server"] == cloud.url
    # A secret that is not valid any more is of no use to anybody.
    assert suggested(result) == {}
    assert not cloud.calls

    result = await submit(hass, result, token="x" * 32)
    assert result["errors"] == {"token": "invalid_token"}
    assert suggested(result) == {"token": "x" * 32}
    result = await submit(hass, result, token="")
    assert result["errors"] == {"token": "required"}
    assert not setups

    result = await submit(hass, result, token=NEW_TOKEN)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.data["access"] == {"token": NEW_TOKEN}
    assert entry.data["account_name"] == RESIDENT
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def test_reauth_with_the_same_token_reloads_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    """The cloud took it for invalid for a while: only a reload lets the work go on."""
    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=END_USER_TOKEN)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]


async def test_reauth_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    cloud.growatt.add_token(NEW_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=NEW_TOKEN)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def test_reauth_refuses_another_account(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    merchant = "SIMULATOR_TOKEN_OTHER_MERCHANT_0"
    cloud.growatt.add_token(merchant, merchant="elsewhere")
    for name in ("bob", "carol", "dave", "erin"):
        cloud.growatt.add_user(name, f"{name}@example.com", merchant="elsewhere")

    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=merchant)
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "wrong_account"}
    assert result["description_placeholders"]["expected"] == RESIDENT
    assert result["description_placeholders"]["found"] == "bob, carol, dave, …"
    assert suggested(result) == {"token": merchant}
    assert not setups

    result = await submit(hass, result, token=END_USER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_reauth_where_the_token_does_not_tell_the_account(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=END_USER_TOKEN)
    assert result["step_id"] == "link_form"
    assert result["errors"] == {"account_id": "account_id_needed"}
    assert suggested(result) == {"account_id": RESIDENT_ID}

    result = await submit(hass, result, account_id="999")
    assert result["errors"] == {"base": "wrong_account"}
    assert result["step_id"] == "reauth_confirm"
    result = await submit(hass, result, token=END_USER_TOKEN)
    result = await submit(hass, result, account_id=RESIDENT_ID)
    assert result["reason"] == "reauth_successful"


async def test_reauth_of_an_account_whose_id_was_not_known(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await add_account(hass, cloud, account_id=None)
    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=INSTALLER_TOKEN)
    assert result["reason"] == "reauth_successful"
    assert entry.data["account_id"] == RESIDENT_ID
    assert entry.unique_id == unique_id(f"growatt|{cloud.url}|", RESIDENT_ID)


# The dialog itself


async def test_closing_the_dialog_before_anything_was_sent(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_at(hass, cloud, "register")
    close(hass, result)
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress()
    assert not entries(hass)


@pytest.mark.parametrize("closed_first", [False, True])
async def test_closing_the_browser_while_the_plants_are_listed(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, *, closed_first: bool
) -> None:
    """The account is there by then; once it is removed, it can be added again."""
    asked = asyncio.Event()

    async def never(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    with monkeypatch.context() as stuck:
        stuck.setattr(GrowattClient, "plants", never)
        request = asyncio.create_task(send(hass, result, next_step_id="link"))
        await asked.wait()
        if closed_first:
            close(hass, result)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    assert not hass.config_entries.flow.async_progress()
    (entry,) = entries(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    result = await open_at(hass, cloud, "link")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_two_dialogs_do_not_add_an_account_twice(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    first = await open_at(hass, cloud, "link")
    second = await open_at(hass, cloud, "link")
    # Only one account is left for each, so it is taken at once.
    results = [first, second]
    assert [result["type"] for result in results] == [
        FlowResultType.CREATE_ENTRY,
        FlowResultType.ABORT,
    ]
    assert second["reason"] == "already_configured"


async def test_the_documented_servers_are_offered(hass: HomeAssistant) -> None:
    assert DATA_TIMING not in hass.data
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    if result["step_id"] == "user":
        result = await submit(hass, result, provider="growatt")
    config = result["data_schema"].schema["server"].config
    assert config["options"] == [
        "global",
        "north_america",
        "australia_new_zealand",
        "china",
        "test",
        "own_address",
    ]
    # What is shown closed is then the option's text, not its key.
    assert not config["custom_value"]
    assert config["translation_key"] == "server"
    assert result["data_schema"].schema["address"].config["type"] == "url"
    assert suggested(result) == {"server": "global"}
