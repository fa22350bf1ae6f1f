"""Signing in: linking an account, signing in again, and changing its server or credentials."""

from collections.abc import AsyncGenerator, Callable
from copy import replace
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import Offer, Server
from custom_components.growatt_onboarding.const import DATA_TIMING
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from simulator.quectel import USER_DOMAIN, USER_DOMAIN_SECRET
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    UNLIMITED,
    Fault,
    account_entry,
    add_account,
    code,
    count_setups,
    entries,
    fields_of,
    kind,
    open_at,
    open_dialog,
    open_reauth,
    open_reconfigure,
    own_address,
    shown_values,
    submit,
    suggested,
    track,
    unique_id,
)
from tests.fake_provider import LOGIN, URL, FakeCloud, add_provider, fake_provider

PLANTS = "plant/list"
USERS = "user/c_user_list"
SN = "SIM0000001"
OFFERED = ["find", "global", "north_america", "australia_new_zealand", "china"]
NEW_TOKEN = "SIMULATORTOKENENDUSERRENEWED0000"
PASSWORD = "Not-a-real-one-1"


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident with a token of their own."""
    return await add_account(hass, cloud, token=END_USER_TOKEN)


@pytest.fixture
def setups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the entries that are set up from now on."""
    return count_setups(monkeypatch)


@pytest.fixture
async def elsewhere(cloud: Simulator) -> AsyncGenerator[Simulator]:
    """Return another server, which has the resident as well."""
    async with Simulator() as other:
        other.growatt.limits.reading = "none"
        yield other


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
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == RESIDENT
    result = await open_at(hass, cloud, "link")
    assert result["step_id"] == "known_account"
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


async def test_link_says_what_a_new_installers_token_lacks(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.growatt.add_token(NEW_TOKEN, merchant="a new one")
    result = await open_at(hass, cloud, "link", NEW_TOKEN)
    assert result["step_id"] == "link_form"
    result = await submit(hass, result)
    assert result["errors"] == {"account_id": "token_sees_nothing"}
    cloud.growatt.add_user("linked", "linked@example.com", merchant="a new one")
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "linked"


async def test_link_asks_for_the_id_that_the_token_does_not_tell(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    result = await open_at(hass, cloud, "link", END_USER_TOKEN)
    assert result["step_id"] == "link_form"
    assert fields_of(result) == ["account_id"]
    assert not result["errors"]
    result = await submit(hass, result)
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
    cloud.faults.add(PLANTS, kind="pass")
    cloud.faults.add(PLANTS, **fault, times=2)
    result = await submit(hass, result, **own_address(cloud.url), token=END_USER_TOKEN)
    # What is wrong is no reason not to create an account.
    assert result["step_id"] == "method"
    assert result["menu_options"] == ["link", "register"]
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
    assert result["step_id"] == "known_account"
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


# Signing in again


async def test_reauth_with_a_new_token_reloads_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    cloud.growatt.add_token(NEW_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
    result = await open_reauth(hass, entry)
    assert result["step_id"] == "reauth_confirm"
    assert result["description_placeholders"]["name"] == RESIDENT
    assert shown_values(result)["server"] == cloud.url
    # A secret that is not valid any longer is of no use to anybody.
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


@pytest.mark.parametrize("loaded", [True, False])
async def test_reauth_with_the_same_token_reloads_once(
    hass: HomeAssistant, entry: ConfigEntry, setups: list[str], *, loaded: bool
) -> None:
    """The cloud took it for invalid for a while: only a reload lets the work go on."""
    if not loaded:
        await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, await open_reauth(hass, entry), token=END_USER_TOKEN)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def test_reauth_with_a_new_token_sets_up_an_entry_that_is_not_loaded(
    hass: HomeAssistant, entry: ConfigEntry, setups: list[str]
) -> None:
    """It has no listener of its own then that would reload it."""
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, await open_reauth(hass, entry), token=INSTALLER_TOKEN)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def test_reauth_refuses_another_account(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    merchant = "SIMULATORTOKENOTHERMERCHANT00000"
    cloud.growatt.add_token(merchant, merchant="elsewhere")
    for name in ("bob", "carol", "dave", "erin"):
        cloud.growatt.add_user(name, f"{name}@example.com", merchant="elsewhere")

    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=merchant)
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "wrong_account"}
    assert result["description_placeholders"]["expected"] == RESIDENT
    assert result["description_placeholders"]["found"] == "bob, carol, dave, … (4)"
    assert suggested(result) == {"token": merchant}
    assert not setups

    result = await submit(hass, result, token=END_USER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_reauth_while_the_list_of_accounts_cannot_be_read(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """Whether the token opens the account is not known then."""
    eve = str(cloud.growatt.add_user("eve", "eve@example.com").user_id)
    entry = await add_account(hass, cloud, account_id=eve, name="eve")
    cloud.faults.add(USERS, kind="http_500")
    result = await open_reauth(hass, entry)
    result = await submit(hass, result, token=INSTALLER_TOKEN)
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "server_error"}
    assert suggested(result) == {"token": INSTALLER_TOKEN}
    result = await submit(hass, result, token=INSTALLER_TOKEN)
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


# New credentials


async def test_the_form_has_what_is_stored_but_no_secret(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_reconfigure(hass, entry)
    assert result["step_id"] == "new_access_growatt"
    assert shown_values(result) == {"name": RESIDENT, "server": cloud.url}
    assert suggested(result) == {"server": cloud.url}
    assert fields_of(result) == ["server", "token"]
    # It is one of the servers in this form, so nobody has to type it again.
    offered = result["data_schema"].schema["server"].config["options"]
    assert offered == [*OFFERED, cloud.url, "own_address"]
    assert not cloud.calls


async def test_an_account_on_the_server_for_tests_stays_there(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, entry: ConfigEntry
) -> None:
    """Nobody is offered that server, but who is on it is not moved."""
    growatt = registry.provider("growatt")
    servers = tuple(
        server._replace(url=cloud.url) if server.for_tests else server for server in growatt.servers
    )
    add_provider(monkeypatch, replace(growatt, servers=servers))
    result = await open_reconfigure(hass, entry)
    offered = result["data_schema"].schema["server"].config["options"]
    assert offered == [*OFFERED, "test", "own_address"]
    assert suggested(result) == {"server": "test"}
    result = await submit(hass, result, server="test", token="x" * 32)
    assert result["errors"] == {"token": "invalid_token"}
    result = await submit(hass, result, server="test")
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["server"] == cloud.url


async def test_a_known_server_is_chosen_in_the_list(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, entry: ConfigEntry
) -> None:
    servers = (Server("global", "https://cloud.example"), Server("china", cloud.url))
    add_provider(monkeypatch, replace(registry.provider("growatt"), servers=servers))
    result = await open_reconfigure(hass, entry)
    assert suggested(result) == {"server": "china"}
    result = await submit(hass, result, server="china")
    assert result["reason"] == "reconfigure_successful"


@pytest.mark.parametrize("loaded", [True, False])
async def test_a_secret_left_empty_stays(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str], *, loaded: bool
) -> None:
    before = dict(entry.data)
    if not loaded:
        await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, await open_reconfigure(hass, entry), server=cloud.url)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data == before
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED


async def test_a_new_token_is_tested_and_kept(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    cloud.growatt.add_token(NEW_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
    typed = {"server": cloud.url, "token": "x" * 32}
    result = await submit(hass, await open_reconfigure(hass, entry), **typed)
    assert result["step_id"] == "new_access_growatt"
    assert result["errors"] == {"token": "invalid_token"}
    assert suggested(result) == typed
    assert not setups

    result = await submit(hass, result, **own_address(cloud.url), token=NEW_TOKEN)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["access"] == {"token": NEW_TOKEN}
    assert setups == [entry.entry_id]


# The server


async def test_an_account_that_is_removed_meanwhile(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    """Home Assistant ends a dialog to sign in again by itself, but not this one."""
    await open_reconfigure(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    assert not hass.config_entries.flow.async_progress()


async def test_another_server_keeps_the_inverters(
    hass: HomeAssistant,
    cloud: Simulator,
    elsewhere: Simulator,
    entry: ConfigEntry,
    setups: list[str],
) -> None:
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    subentries = dict(entry.subentries)
    binding = entry.runtime_data.coordinator.data[SN]
    assert binding.state == "accepted"

    result = await submit(hass, await open_reconfigure(hass, entry), **own_address(elsewhere.url))
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()

    assert entry.data["server"] == elsewhere.url
    assert entry.data["access"] == {"token": END_USER_TOKEN}
    assert entry.unique_id == unique_id(f"growatt|{elsewhere.url}|", RESIDENT_ID)
    assert setups == [entry.entry_id]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.subentries == subentries
    kept = entry.runtime_data.coordinator.data[SN]
    assert (kept.state, kept.queued_at) == (binding.state, binding.queued_at)
    # What was accepted is not sent again.
    assert not elsewhere.calls.of("device/sn/add")


@pytest.mark.parametrize(
    ("address", "error"),
    [("ftp://cloud.example", "invalid_url"), ("http://cloud.example", "insecure_url")],
)
async def test_a_wrong_address_stands_at_its_field(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, address: str, error: str
) -> None:
    result = await open_reconfigure(hass, entry)
    result = await submit(hass, result, **own_address(address))
    assert (result["step_id"], result["errors"]) == ("address", {"address": error})
    assert suggested(result) == {"address": address}
    # Without an address, the form comes again, and the account's server is still one to choose.
    result = await submit(hass, result, address="")
    assert (result["step_id"], result["errors"]) == ("new_access_growatt", {})
    assert suggested(result) == {"server": "own_address"}
    result = await submit(hass, result, server=cloud.url)
    assert result["reason"] == "reconfigure_successful"


async def test_a_server_that_cannot_be_reached(
    hass: HomeAssistant, cloud: Simulator, elsewhere: Simulator, entry: ConfigEntry
) -> None:
    url = elsewhere.url
    await elsewhere.stop()
    result = await submit(hass, await open_reconfigure(hass, entry), **own_address(url))
    assert result["errors"] == {"address": "cannot_connect"}
    assert entry.data["server"] == cloud.url


# Whose account it is


async def test_another_account_is_refused(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, setups: list[str]
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    cloud.growatt.add_plant(bob.user_id, "Bob's roof")
    cloud.growatt.add_token(NEW_TOKEN, kind="end_user", user_id=bob.user_id)
    result = await open_reconfigure(hass, entry)
    result = await submit(hass, result, **own_address(cloud.url), token=NEW_TOKEN)
    assert result["step_id"] == "new_access_growatt"
    assert result["errors"] == {"base": "wrong_account"}
    assert result["description_placeholders"]["expected"] == RESIDENT
    assert result["description_placeholders"]["found"] == f"Bob's roof ({bob.user_id})"
    assert not setups

    result = await submit(hass, result, **own_address(cloud.url))
    assert result["reason"] == "reconfigure_successful"


async def test_the_same_id_on_another_server_can_be_somebody_else(
    hass: HomeAssistant, cloud: Simulator, elsewhere: Simulator
) -> None:
    entry = await add_account(hass, cloud)
    elsewhere.growatt.users[int(RESIDENT_ID)].name = "stranger"
    result = await submit(hass, await open_reconfigure(hass, entry), **own_address(elsewhere.url))
    assert result["errors"] == {"base": "wrong_account"}
    assert result["description_placeholders"]["found"] == "stranger"
    assert entry.data["server"] == cloud.url


async def test_a_server_on_which_the_account_has_an_entry_already(
    hass: HomeAssistant, cloud: Simulator, elsewhere: Simulator, entry: ConfigEntry
) -> None:
    there = await add_account(hass, elsewhere, token=INSTALLER_TOKEN)
    hass.config_entries.async_update_entry(there, title="Second home")
    result = await submit(hass, await open_reconfigure(hass, entry), **own_address(elsewhere.url))
    assert result["step_id"] == "new_access_growatt"
    assert result["errors"] == {"base": "in_another_entry"}
    assert result["description_placeholders"]["other"] == "Second home"
    assert entry.unique_id != there.unique_id

    await hass.config_entries.async_remove(there.entry_id)
    result = await submit(hass, result, **own_address(elsewhere.url))
    assert result["reason"] == "reconfigure_successful"
    assert entries(hass) == [entry]


# Every cloud


@dataclass
class Site:
    """An account of a provider that takes a password to sign in."""

    provider: str
    name: str
    credentials: dict[str, str]
    shown: dict[str, str]
    identity: str
    fields: list[str]
    add: Callable[[Simulator], str]


def quectel_user(simulator: Simulator) -> str:
    return simulator.quectel.add_user("alice@example.com", password=PASSWORD).uid


def shopxo_user(simulator: Simulator) -> str:
    simulator.shopxo.login_types = ["username"]
    return str(simulator.shopxo.add_user(username="alice", password=PASSWORD).id)


def anqicms_user(simulator: Simulator) -> str:
    user = simulator.anqicms.add_user(user_name="alice", password=PASSWORD)
    return str(user.id)


SITES = [
    Site(
        "quectel",
        "alice@example.com",
        {"user_domain": USER_DOMAIN, "user_domain_secret": USER_DOMAIN_SECRET},
        {"user_domain": USER_DOMAIN},
        "email",
        ["server", "user_domain", "user_domain_secret"],
        quectel_user,
    ),
    Site("shopxo", "alice", {}, {}, "login", ["address"], shopxo_user),
    Site(
        "anqicms",
        "alice",
        {"site_id": "1"},
        {"site_id": "1"},
        "login",
        ["address", "more: site_id"],
        anqicms_user,
    ),
]


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.provider)
async def test_every_cloud(
    hass: HomeAssistant, cloud: Simulator, elsewhere: Simulator, setups: list[str], site: Site
) -> None:
    account_id = site.add(cloud)
    assert site.add(elsewhere) == account_id
    target = Target(
        provider=registry.provider(site.provider), url=cloud.url, credentials=site.credentials
    )
    entry = account_entry(target, Account(id=account_id, name=site.name))
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    setups.clear()

    result = await open_reconfigure(hass, entry)
    assert result["step_id"] == f"new_access_{registry.group_of(site.provider)}"
    assert fields_of(result) == site.fields
    listed = bool(target.provider.servers)
    assert suggested(result) == {**site.shown, "server" if listed else "address": cloud.url}
    address = own_address(elsewhere.url) if listed else {"address": elsewhere.url}
    result = await submit(hass, result, **site.shown, **address)
    assert result["step_id"] == "link_form", result
    assert suggested(result) == {site.identity: site.name}

    answers = {site.identity: site.name, "password": "Not-this-one-1"}
    if "captcha" in result["data_schema"].schema:
        answers["captcha"] = "none"
    result = await submit(hass, result, **answers)
    assert result["step_id"] == "link_form"
    assert result["errors"]
    answers["password"] = PASSWORD
    if "captcha" in result["data_schema"].schema:
        answers["captcha"] = list(elsewhere.captchas.values())[-1]
    result = await submit(hass, result, **answers)
    assert result["type"] is FlowResultType.ABORT, result["errors"]
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["server"] == elsewhere.url
    assert entry.data["access"] == site.credentials
    assert entry.data["session"]
    moved = target._replace(url=elsewhere.url)
    assert entry.unique_id == moved.unique_id(Account(id=account_id, name=site.name))
    assert setups == [entry.entry_id]


@pytest.fixture
async def portal(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> FakeCloud:
    """Return the cloud of one more provider."""
    hass.data[DATA_TIMING] = UNLIMITED
    cloud = FakeCloud(offer=Offer(link=(LOGIN,)), passwords={"alice": PASSWORD, "bob": PASSWORD})
    add_provider(monkeypatch, fake_provider(cloud))
    return cloud


@pytest.fixture
async def customer(hass: HomeAssistant, portal: FakeCloud) -> ConfigEntry:
    """Return the entry of an account there."""
    credentials = {"site": "1", "site_secret": "Not-a-real-secret-1"}
    entry = account_entry(
        Target(provider=registry.provider("fake"), url=URL, credentials=credentials),
        Account(id="id of alice", name="alice", session={"token": "fake"}),
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def test_who_signs_in_as_somebody_else_can_correct_it(
    hass: HomeAssistant, customer: ConfigEntry
) -> None:
    result = await submit(hass, await open_reconfigure(hass, customer), address=URL, site="1")
    assert result["step_id"] == "link_form"
    result = await submit(hass, result, username="bob", password=PASSWORD)
    assert result["step_id"] == "link_form"
    assert result["errors"] == {"base": "wrong_account"}
    assert suggested(result)["username"] == "bob"
    result = await submit(hass, result, username="alice", password=PASSWORD)
    assert result["reason"] == "reconfigure_successful"


async def test_an_optional_field_that_is_cleared_is_gone_but_a_secret_stays(
    hass: HomeAssistant, customer: ConfigEntry
) -> None:
    result = await submit(hass, await open_reconfigure(hass, customer), address=URL)
    result = await submit(hass, result, username="alice", password=PASSWORD)
    assert result["reason"] == "reconfigure_successful"
    assert customer.data["access"] == {"site_secret": "Not-a-real-secret-1"}


async def test_a_server_that_lets_nobody_sign_in(
    hass: HomeAssistant, portal: FakeCloud, customer: ConfigEntry
) -> None:
    portal.offer = Offer()
    result = await submit(hass, await open_reconfigure(hass, customer), address=URL, site="1")
    assert result["step_id"] == "new_access_portal"
    assert result["errors"] == {"base": "nothing_offered"}
    assert suggested(result) == {"address": URL, "site": "1"}
