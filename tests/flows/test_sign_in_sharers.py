"""Many accounts of one token: it is denied once, asked for once, and renewed for all of them."""

from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_PLANT,
    add_account,
    close,
    count_setups,
    fails,
    fields_of,
    follow,
    open_reconfigure,
    own_address,
    send,
    shown_values,
    submit,
    until,
)
from tests.restart import next_start

PLANTS = "plant/list"
USERS = "user/c_user_list"
SN = "SIM0000001"
NEW_TOKEN = "SIMULATORTOKENRENEWED00000000000"
OTHERS_TOKEN = "SIMULATORTOKENOFANOTHERMERCHANT0"
NAMES = ("bob", "carol", "dave")


@pytest.fixture
def setups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the entries that are set up from now on."""
    return count_setups(monkeypatch)


@pytest.fixture
async def accounts(
    hass: HomeAssistant, cloud: Simulator, setups: list[str]
) -> dict[str, MockConfigEntry]:
    """Return the entries of four accounts of the installer's token, by their names."""
    found = {RESIDENT: await add_account(hass, cloud)}
    for name in NAMES:
        user = cloud.growatt.add_user(name, f"{name}@example.com")
        found[name] = await add_account(hass, cloud, account_id=str(user.user_id), name=name)
    setups.clear()
    cloud.calls.clear()
    return found


def dialogs(hass: HomeAssistant) -> list[Any]:
    """Return the open dialogs that ask to sign in again."""
    flows = hass.config_entries.flow.async_progress_by_handler(
        DOMAIN, include_uninitialized=True, match_context={"source": SOURCE_REAUTH}
    )
    return list(flows)


def asks_for(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether the only dialog is this account's, with the only repair."""
    ours = [
        issue.issue_id
        for issue in ir.async_get(hass).issues.values()
        if issue.issue_domain == DOMAIN
    ]
    assert ours == [f"config_entry_reauth_{DOMAIN}_{entry.entry_id}"]
    return [flow["context"]["entry_id"] for flow in dialogs(hass)] == [entry.entry_id]


async def opened(hass: HomeAssistant) -> Any:
    """Return the only dialog that asks to sign in again, opened by a person."""
    await hass.async_block_till_done()
    (flow,) = dialogs(hass)
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


def revoke(cloud: Simulator, *, renewed: bool = True) -> None:
    """Have the vendor take the token for invalid, and know another one of the installer."""
    cloud.growatt.tokens.pop(INSTALLER_TOKEN, None)
    if renewed:
        cloud.growatt.add_token(NEW_TOKEN)


async def notice(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Have an account notice that its token is denied."""
    await fails(hass, "list_plants", "invalid_token", config_entry_id=entry.entry_id)
    await hass.async_block_till_done()


def tokens(accounts: dict[str, MockConfigEntry]) -> dict[str, str]:
    """Return the token of each account."""
    return {name: entry.data["access"]["token"] for name, entry in accounts.items()}


async def test_a_denied_token_is_denied_to_all_accounts_at_once(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry], setups: list[str]
) -> None:
    """Nobody has to be told again by the cloud, and nothing is reloaded for it."""
    unloaded = accounts["dave"]
    await hass.config_entries.async_unload(unloaded.entry_id)
    other = await add_account(hass, cloud, token=END_USER_TOKEN, account_id="999", name="else")
    cloud.calls.clear()
    setups.clear()
    revoke(cloud)
    await notice(hass, accounts["bob"])
    assert {name: entry.data["denied"] for name, entry in accounts.items()} == dict.fromkeys(
        (RESIDENT, *NAMES), True
    )
    assert len(cloud.calls) == 1
    assert not setups
    for entry in accounts.values():
        if entry is not unloaded:
            assert not entry.runtime_data.coordinator.signed_in
    assert other.runtime_data.coordinator.signed_in
    assert not other.data["denied"]
    assert asks_for(hass, accounts["bob"])


async def test_one_token_is_asked_for_once_and_renews_all(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry], setups: list[str]
) -> None:
    cloud.growatt.add_device(SN)
    revoke(cloud)
    await notice(hass, accounts["bob"])
    # The second one hears of it while the dialog is open.
    await accounts["carol"].runtime_data.coordinator.async_track([SN], RESIDENT_PLANT)
    accounts["carol"].async_start_reauth(hass)
    await hass.async_block_till_done()
    assert asks_for(hass, accounts["bob"])
    (flow,) = dialogs(hass)
    assert flow["context"]["title_placeholders"] == {"name": f"bob, {RESIDENT}, carol, … (4)"}

    result = await opened(hass)
    assert shown_values(result) == {"name": f"bob, {RESIDENT}, carol, … (4)", "server": cloud.url}
    result = await submit(hass, result, token="x" * 32)
    assert result["errors"] == {"token": "invalid_token"}
    cloud.calls.clear()
    result = await submit(hass, result, token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    assert shown_values(result)["accounts"].endswith("… (4)")
    await hass.async_block_till_done()
    assert tokens(accounts) == dict.fromkeys((RESIDENT, *NAMES), NEW_TOKEN)
    assert sorted(setups) == sorted(entry.entry_id for entry in accounts.values())
    assert all(entry.state is ConfigEntryState.LOADED for entry in accounts.values())
    assert all(entry.runtime_data.coordinator.signed_in for entry in accounts.values())
    assert {name: entry.title for name, entry in accounts.items()} == {
        name: name for name in accounts
    }
    assert not dialogs(hass)
    # One look with the new token answers for all of them.
    assert len(cloud.calls.of(USERS)) == 1
    await until(lambda: accounts["carol"].runtime_data.coordinator.data[SN].state != "queued")


async def test_forty_accounts(hass: HomeAssistant, cloud: Simulator, setups: list[str]) -> None:
    found: dict[str, MockConfigEntry] = {}
    for number in range(40):
        name = f"c{number}"
        user = cloud.growatt.add_user(name, f"{name}@example.com")
        found[name] = await add_account(hass, cloud, account_id=str(user.user_id), name=name)
    setups.clear()
    revoke(cloud)
    for entry in found.values():
        entry.runtime_data.coordinator._start_reauth()
    await hass.async_block_till_done()
    assert len(dialogs(hass)) == 1
    cloud.calls.clear()
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert set(tokens(found).values()) == {NEW_TOKEN}
    assert len(setups) == 40
    assert not dialogs(hass)
    assert {path: len(cloud.calls.of(path)) for path in (PLANTS, USERS)} == {PLANTS: 2, USERS: 1}
    assert len(cloud.calls) == 3


async def test_a_token_that_opens_only_some(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """Be it that it does not open the one that the dialog is of."""
    revoke(cloud, renewed=False)
    cloud.growatt.add_token(OTHERS_TOKEN, merchant="another")
    for name in ("carol", "dave"):
        user = cloud.growatt.user_named(name)
        assert user is not None
        user.merchant = "another"
    await notice(hass, accounts["bob"])
    result = await submit(hass, await opened(hass), token=OTHERS_TOKEN)
    assert result["reason"] == "some_accounts_renewed"
    assert shown_values(result) == {"accounts": "carol, dave", "others": f"bob, {RESIDENT}"}
    await hass.async_block_till_done()
    assert tokens(accounts) == {
        **dict.fromkeys((RESIDENT, "bob"), INSTALLER_TOKEN),
        **dict.fromkeys(("carol", "dave"), OTHERS_TOKEN),
    }
    assert [entry.runtime_data.coordinator.signed_in for entry in accounts.values()] == [
        *(False, False, True, True)
    ]
    # The others ask on their own, in one dialog.
    assert asks_for(hass, accounts["bob"])
    cloud.growatt.add_token(NEW_TOKEN)
    result = await submit(hass, await opened(hass), token=OTHERS_TOKEN)
    assert result["errors"] == {"base": "wrong_account"}
    result = await submit(hass, result, token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    assert shown_values(result)["accounts"] == f"bob, {RESIDENT}"
    await hass.async_block_till_done()
    assert not dialogs(hass)
    assert all(entry.runtime_data.coordinator.signed_in for entry in accounts.values())


async def test_accounts_that_are_not_running_are_renewed_too(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    unloaded, disabled, retrying = (accounts[name] for name in NAMES)
    await hass.config_entries.async_unload(unloaded.entry_id)
    await hass.config_entries.async_set_disabled_by(disabled.entry_id, ConfigEntryDisabler.USER)
    await hass.config_entries.async_unload(retrying.entry_id)
    retrying.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    revoke(cloud)
    await notice(hass, accounts[RESIDENT])
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert tokens(accounts) == dict.fromkeys((RESIDENT, *NAMES), NEW_TOKEN)
    assert not any(entry.data["denied"] for entry in accounts.values())
    assert [entry.state for entry in accounts.values()] == [
        *(ConfigEntryState.LOADED, ConfigEntryState.LOADED),
        *(ConfigEntryState.NOT_LOADED, ConfigEntryState.LOADED),
    ]
    await hass.config_entries.async_set_disabled_by(disabled.entry_id, None)
    assert disabled.runtime_data.coordinator.signed_in
    assert not dialogs(hass)


async def remove(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await hass.config_entries.async_remove(entry.entry_id)


async def disable(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)


@pytest.mark.parametrize("put_away", [remove, disable])
async def test_the_account_of_the_dialog_is_gone(
    hass: HomeAssistant,
    cloud: Simulator,
    accounts: dict[str, MockConfigEntry],
    put_away: Callable[[HomeAssistant, ConfigEntry], Any],
) -> None:
    revoke(cloud)
    await notice(hass, accounts["bob"])
    await put_away(hass, accounts.pop("bob"))
    await hass.async_block_till_done()
    assert asks_for(hass, accounts[RESIDENT])
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert set(tokens(accounts).values()) == {NEW_TOKEN}
    assert not dialogs(hass)


async def test_a_dialog_that_was_closed(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """It does not come again by itself, but when somebody wants something, or at a start."""
    revoke(cloud)
    await notice(hass, accounts["bob"])
    (flow,) = dialogs(hass)
    close(hass, flow)
    await hass.async_block_till_done()
    assert not dialogs(hass)
    await hass.config_entries.async_reload(accounts["carol"].entry_id)
    await hass.async_block_till_done()
    assert asks_for(hass, accounts["carol"])
    cloud.calls.clear()
    async with next_start(hass) as again:
        assert await async_setup_component(again, DOMAIN, {})
        await again.async_block_till_done()
        assert len(dialogs(again)) == 1
        assert not cloud.calls
        result = await submit(again, await opened(again), token=NEW_TOKEN)
        assert result["reason"] == "accounts_renewed"
        await again.async_block_till_done()
        assert not dialogs(again)


async def test_the_same_token_is_good_for_all_again(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """The cloud took it for invalid for a while."""
    revoke(cloud)
    await notice(hass, accounts["bob"])
    cloud.growatt.add_token(INSTALLER_TOKEN)
    result = await submit(hass, await opened(hass), token=INSTALLER_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert not any(entry.data["denied"] for entry in accounts.values())
    assert all(entry.runtime_data.coordinator.signed_in for entry in accounts.values())
    assert not dialogs(hass)


async def test_a_list_of_accounts_that_cannot_be_read(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """Whose plants are known is renewed. Of the others nobody says that the token is not theirs."""
    revoke(cloud)
    await notice(hass, accounts["bob"])
    cloud.faults.add(USERS, kind="http_500")
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "some_accounts_unknown"
    assert shown_values(result) == {"accounts": RESIDENT, "others": "bob, carol, dave"}
    assert accounts[RESIDENT].data["access"]["token"] == NEW_TOKEN
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert tokens(accounts) == dict.fromkeys((RESIDENT, *NAMES), NEW_TOKEN)
    assert not dialogs(hass)


async def renew_and_remove_one(
    hass: HomeAssistant,
    cloud: Simulator,
    accounts: dict[str, MockConfigEntry],
    token: str,
    look: str,
) -> dict[str, Any]:
    """Enter a new token, and remove an account before anybody takes what the look has found."""
    revoke(cloud)
    await notice(hass, accounts["bob"])
    cloud.faults.add(look, kind="hold")
    result = await send(hass, await opened(hass), token=token)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    cloud.faults.release()
    await hass.async_block_till_done()
    await hass.config_entries.async_remove(accounts.pop(RESIDENT).entry_id)
    return await follow(hass, result)


async def test_an_account_that_is_removed_while_the_token_is_looked_at(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """It is the first to be renewed, and stops no other."""
    result = await renew_and_remove_one(hass, cloud, accounts, NEW_TOKEN, USERS)
    assert result["reason"] == "accounts_renewed"
    assert shown_values(result)["accounts"] == "bob, carol, dave"
    await hass.async_block_till_done()
    assert tokens(accounts) == dict.fromkeys(NAMES, NEW_TOKEN)
    assert not dialogs(hass)


async def test_the_only_account_that_a_token_opens_is_removed_meanwhile(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """Then it opens none of those that still lack one."""
    result = await renew_and_remove_one(hass, cloud, accounts, END_USER_TOKEN, PLANTS)
    assert result["errors"] == {"base": "wrong_account"}
    assert asks_for(hass, accounts["bob"])
    result = await submit(hass, result, token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert tokens(accounts) == dict.fromkeys(NAMES, NEW_TOKEN)
    assert not dialogs(hass)


# Changing an account


@pytest.mark.parametrize("for_all", [True, False])
async def test_changing_one_account_changes_the_others_if_that_is_wanted(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry], *, for_all: bool
) -> None:
    revoke(cloud)
    await notice(hass, accounts["carol"])
    result = await open_reconfigure(hass, accounts["bob"])
    assert fields_of(result) == ["server", "token", "for_all"]
    assert shown_values(result) == {
        "name": "bob",
        "server": cloud.url,
        "accounts": f"{RESIDENT}, carol, dave",
    }
    wrong = {"token": "x" * 32} | ({} if for_all else {"for_all": False})
    result = await submit(hass, result, **own_address(cloud.url), **wrong)
    assert result["errors"] == {"token": "invalid_token"}
    # What was chosen stays chosen.
    (kept,) = (marker for marker in result["data_schema"].schema if marker == "for_all")
    assert kept.default() is for_all
    result = await submit(hass, result, server=cloud.url, token=NEW_TOKEN)
    await hass.async_block_till_done()
    if for_all:
        assert result["reason"] == "accounts_renewed"
        assert set(tokens(accounts).values()) == {NEW_TOKEN}
        assert not dialogs(hass)
        return
    assert result["reason"] == "reconfigure_successful"
    assert tokens(accounts) == {
        **dict.fromkeys((RESIDENT, "carol", "dave"), INSTALLER_TOKEN),
        "bob": NEW_TOKEN,
    }
    assert asks_for(hass, accounts["carol"])
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert shown_values(result)["accounts"].startswith("carol, ")
    await hass.async_block_till_done()
    assert set(tokens(accounts).values()) == {NEW_TOKEN}
    assert not dialogs(hass)


async def test_a_token_of_the_account_that_is_changed_alone(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """Others keep what is still good for them."""
    result = await open_reconfigure(hass, accounts["bob"])
    result = await submit(hass, result, **own_address(cloud.url), token=END_USER_TOKEN)
    assert result["errors"] == {"base": "wrong_account"}
    close(hass, result)
    result = await open_reconfigure(hass, accounts[RESIDENT])
    result = await submit(hass, result, server=cloud.url, token=END_USER_TOKEN)
    assert result["reason"] == "some_accounts_renewed"
    assert shown_values(result) == {"accounts": RESIDENT, "others": "bob, carol, dave"}
    await hass.async_block_till_done()
    assert tokens(accounts) == {
        RESIDENT: END_USER_TOKEN,
        **dict.fromkeys(NAMES, INSTALLER_TOKEN),
    }
    assert all(entry.runtime_data.coordinator.signed_in for entry in accounts.values())
    assert not dialogs(hass)


async def test_a_denial_while_an_account_is_being_changed(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """Home Assistant asks for no token of that one meanwhile; whoever is left asks later."""
    revoke(cloud)
    await open_reconfigure(hass, accounts["bob"])
    await notice(hass, accounts["bob"])
    assert not dialogs(hass)
    await hass.config_entries.async_remove(accounts.pop("bob").entry_id)
    await hass.async_block_till_done()
    assert asks_for(hass, accounts[RESIDENT])


async def test_an_account_whose_id_was_not_known_is_completed(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await add_account(hass, cloud)
    user = cloud.growatt.add_user("bob", "bob@example.com")
    unknown = await add_account(hass, cloud, account_id=None, name="bob")
    revoke(cloud)
    await notice(hass, entry)
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await hass.async_block_till_done()
    assert unknown.data["account_id"] == str(user.user_id)
    assert unknown.data["access"] == {"token": NEW_TOKEN}


async def test_an_account_that_has_an_entry_already_on_the_other_server_stays(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    async with Simulator() as elsewhere:
        elsewhere.growatt.limits.reading = "none"
        for name in NAMES:
            elsewhere.growatt.add_user(name, f"{name}@example.com")
        moved = await add_account(
            hass, elsewhere, account_id=accounts["carol"].data["account_id"], name="carol"
        )
        result = await open_reconfigure(hass, accounts["bob"])
        result = await submit(hass, result, **own_address(elsewhere.url))
        assert result["reason"] == "some_accounts_renewed"
        assert shown_values(result)["others"] == "carol"
        await hass.async_block_till_done()
        assert {name: entry.data["server"] for name, entry in accounts.items()} == {
            **dict.fromkeys((RESIDENT, "bob", "dave"), elsewhere.url),
            "carol": cloud.url,
        }
        assert moved.state is ConfigEntryState.LOADED


async def test_accounts_with_sessions_share_no_credentials(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """What is denied to one of them is its own session, which nobody else has."""
    users = [cloud.quectel.add_user(f"{name}@example.com", password="Not-1") for name in NAMES]
    entries = [
        await add_account(
            hass,
            cloud,
            provider="quectel",
            account_id=user.uid,
            name=f"{name}@example.com",
            session={"token": name},
        )
        for user, name in zip(users, NAMES, strict=True)
    ]
    entries[0].runtime_data.coordinator._start_reauth()
    entries[1].runtime_data.coordinator._start_reauth()
    await hass.async_block_till_done()
    assert {flow["context"]["entry_id"] for flow in dialogs(hass)} == {
        entries[0].entry_id,
        entries[1].entry_id,
    }
    assert not entries[2].data["denied"]
    result = await open_reconfigure(hass, entries[2])
    assert "for_all" not in fields_of(result)


async def test_a_person_who_asks_is_not_shown_a_second_dialog(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    revoke(cloud)
    await notice(hass, accounts["bob"])
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_REAUTH, "entry_id": accounts["dave"].entry_id},
        data=dict(accounts["dave"].data),
    )
    assert result["reason"] == "already_in_progress"
    assert asks_for(hass, accounts["bob"])


# A token that shows nothing


def new_token(cloud: Simulator) -> None:
    """Have the vendor take the token for invalid, and link nothing to the new one yet."""
    revoke(cloud, renewed=False)
    cloud.growatt.add_token(NEW_TOKEN, merchant="a new one")


def default_of(result: dict[str, Any], name: str) -> Any:
    """Return what a field of a form has at first."""
    (marker,) = (marker for marker in result["data_schema"].schema if marker == name)
    return marker.default()


@pytest.mark.parametrize("for_all", [True, False])
async def test_a_token_that_shows_nothing_is_for_all_if_somebody_says_so(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry], *, for_all: bool
) -> None:
    """But for whoever has no ID yet, and only once the one of the dialog was told right."""
    unknown = await add_account(hass, cloud, account_id=None, name="erin")
    new_token(cloud)
    await notice(hass, accounts["bob"])
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["errors"] == {"account_id": "token_sees_nothing"}
    assert fields_of(result) == ["account_id", "for_all"]
    assert shown_values(result)["accounts"] == f"{RESIDENT}, carol, dave"
    assert default_of(result, "for_all")
    result = await submit(hass, result, account_id="999", for_all=True)
    assert result["errors"] == {"base": "wrong_account"}
    assert not accounts["carol"].runtime_data.coordinator.signed_in
    result = await submit(hass, result, token=NEW_TOKEN)
    bob_id = accounts["bob"].data["account_id"]
    result = await submit(hass, result, account_id=bob_id, for_all=for_all)
    assert result["reason"] == "some_accounts_renewed"
    left = ["erin"] if for_all else [RESIDENT, "carol", "dave", "erin"]
    assert shown_values(result)["others"] == ", ".join(left)
    await hass.async_block_till_done()
    assert {name for name, token in tokens(accounts).items() if token == NEW_TOKEN} == (
        set(accounts) if for_all else {"bob"}
    )
    assert accounts["bob"].runtime_data.coordinator.signed_in
    assert unknown.data["denied"]
    # Whoever is left asks, and takes one that shows whom it is for.
    erin = cloud.growatt.add_user("erin", "erin@example.com")
    cloud.growatt.add_token(INSTALLER_TOKEN)
    await submit(hass, await opened(hass), token=INSTALLER_TOKEN)
    await hass.async_block_till_done()
    assert (unknown.data["account_id"], unknown.data["denied"]) == (str(erin.user_id), False)
    assert not dialogs(hass)


@pytest.mark.parametrize("for_all", [True, False])
async def test_changing_to_a_token_that_shows_nothing(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry], *, for_all: bool
) -> None:
    """What was chosen before it was known that nothing can confirm it can be chosen anew."""
    new_token(cloud)
    result = await open_reconfigure(hass, accounts["bob"])
    result = await submit(
        hass, result, **own_address(cloud.url), token=NEW_TOKEN, for_all=not for_all
    )
    assert fields_of(result) == ["account_id", "for_all"]
    assert default_of(result, "for_all") is not for_all
    bob_id = accounts["bob"].data["account_id"]
    result = await submit(hass, result, account_id=bob_id, for_all=for_all)
    assert result["reason"] == ("accounts_renewed" if for_all else "reconfigure_successful")
    await hass.async_block_till_done()
    assert {name for name, token in tokens(accounts).items() if token == NEW_TOKEN} == (
        set(accounts) if for_all else {"bob"}
    )


async def test_an_end_users_token_that_shows_nothing_is_for_one_account(
    hass: HomeAssistant, cloud: Simulator, accounts: dict[str, MockConfigEntry]
) -> None:
    """It can open no other."""
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    revoke(cloud)
    await notice(hass, accounts[RESIDENT])
    result = await submit(hass, await opened(hass), token=END_USER_TOKEN)
    assert result["errors"] == {"account_id": "account_id_needed"}
    assert fields_of(result) == ["account_id"]
    account_id = accounts[RESIDENT].data["account_id"]
    result = await submit(hass, result, account_id=account_id)
    assert result["reason"] == "some_accounts_renewed"
    await hass.async_block_till_done()
    assert [name for name, token in tokens(accounts).items() if token == END_USER_TOKEN] == [
        RESIDENT
    ]
    result = await submit(hass, await opened(hass), token=NEW_TOKEN)
    assert result["reason"] == "accounts_renewed"
