"""Which accounts can be linked, and what they are called, while the cloud's list is not read."""

import asyncio

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    act,
    add_account,
    close,
    count_setups,
    entries,
    fields_of,
    open_reauth,
    refused,
    submit,
    track,
)
from tests.home import Home

USERS = "user/c_user_list"
NEW_TOKEN = "SIMULATORTOKENRENEWED00000000000"


@pytest.fixture
async def there(hass: HomeAssistant, cloud: Simulator) -> dict[str, str]:
    """Return what an action takes for the installer's token."""
    assert await async_setup_component(hass, DOMAIN, {})
    return {"server": cloud.url, "token": INSTALLER_TOKEN}


@pytest.fixture
async def nameless(hass: HomeAssistant, cloud: Simulator, there: dict[str, str]) -> ConfigEntry:
    """Return the entry of an account that was linked while the list could not be read."""
    cloud.faults.add(USERS, kind="http_500")
    response = await act(hass, "link_account", **there, account_id=RESIDENT_ID)
    [result] = response["results"]
    assert (result["state"], result["account_name"]) == ("linked", RESIDENT_ID)
    [entry] = entries(hass)
    assert (entry.title, entry.data["account_name"]) == (f"Sim Home ({RESIDENT_ID})", RESIDENT_ID)
    return entry


@pytest.fixture
def setups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the entries that are set up from now on."""
    return count_setups(monkeypatch)


@pytest.mark.parametrize("action", ["list_accounts", "link_account"])
@pytest.mark.parametrize("title", [None, RESIDENT_ID, "Grandma (101)"])
async def test_the_name_is_taken_over_once_it_is_known(
    hass: HomeAssistant,
    there: dict[str, str],
    nameless: ConfigEntry,
    setups: list[str],
    *,
    action: str,
    title: str | None,
) -> None:
    """What a person has called it stays, and nothing is set up again."""
    await track(nameless, "UNKNOWN001")
    if title is not None:
        hass.config_entries.async_update_entry(nameless, title=title)
    setups.clear()
    wanted = {"account_id": RESIDENT_ID} if action == "link_account" else {}
    response = await act(hass, action, **there, **wanted)
    await hass.async_block_till_done()
    expected = "Grandma (101)" if title == "Grandma (101)" else RESIDENT
    [told] = response.get("results") or response["accounts"]
    assert (told["account_name"], told["account"]) == (RESIDENT, expected)
    assert (nameless.data["account_name"], nameless.title) == (RESIDENT, expected)
    assert setups == []
    [here] = (await act(hass, "list_accounts"))["accounts"]
    assert (here["account_name"], here["config_entry_id"]) == (RESIDENT, nameless.entry_id)
    # It is stored like any other.
    await hass.config_entries.async_reload(nameless.entry_id)
    assert nameless.data["account_name"] == RESIDENT


async def test_an_account_that_is_not_loaded_gets_its_name(
    hass: HomeAssistant, there: dict[str, str], nameless: ConfigEntry
) -> None:
    await hass.config_entries.async_unload(nameless.entry_id)
    await act(hass, "list_accounts", **there)
    assert (nameless.data["account_name"], nameless.title) == (RESIDENT, RESIDENT)
    assert await hass.config_entries.async_setup(nameless.entry_id)


async def test_a_name_that_is_known_stays(
    hass: HomeAssistant, cloud: Simulator, there: dict[str, str]
) -> None:
    await act(hass, "link_account", **there, account_id=RESIDENT_ID)
    [entry] = entries(hass)
    user = cloud.growatt.user_named(RESIDENT)
    assert user is not None
    user.name = "renamed"
    await act(hass, "list_accounts", **there)
    assert (entry.data["account_name"], entry.title) == (RESIDENT, RESIDENT)


async def test_a_customer_who_is_newer_than_the_list(home: Home) -> None:
    """The limits let nobody ask again yet: that is said, and when it ends."""
    account = {"config_entry_id": home.entry.entry_id}
    assert (await home.call("list_accounts", **account))["next_list"] is None
    await asyncio.sleep(60)
    user = home.growatt.add_user("new", "new@example.com")
    home.growatt.add_plant(user.user_id, "Neu")
    wanted = {**account, "account_id": str(user.user_id)}
    earlier = await home.call("list_accounts", **account)
    assert {one["account_name"] for one in earlier["accounts"]} == {"sim-resident", "user-2"}
    [result] = (await home.call("link_account", **wanted))["results"]
    assert (result["state"], result["reason"]) == ("not_listed", "accounts_unread")
    assert result["explanation"].endswith("Try again in 5 min.")
    assert result["next_list"] == earlier["next_list"]
    at = dt_util.parse_datetime(result["next_list"], raise_on_error=True)
    await asyncio.sleep((at - dt_util.utcnow()).total_seconds() + 1)
    [result] = (await home.call("link_account", **wanted))["results"]
    assert (result["state"], result["account"]) == ("linked", "new")


async def test_a_customer_after_the_tenth_list_of_the_day(home: Home) -> None:
    account = {"config_entry_id": home.entry.entry_id}
    for _ in range(10):
        assert (await home.call("list_accounts", **account))["next_list"] is None
        await asyncio.sleep(400)
    user = home.growatt.add_user("new", "new@example.com")
    assert len((await home.call("list_accounts", **account))["accounts"]) == 2
    wanted = {**account, "account_id": str(user.user_id)}
    [result] = (await home.call("link_account", **wanted))["results"]
    assert result["state"] == "not_listed"
    await asyncio.sleep(86_400)
    [result] = (await home.call("link_account", **wanted))["results"]
    assert result["state"] == "linked"


async def test_a_token_that_shows_nothing_yet_within_the_limits(home: Home) -> None:
    """What the cloud has just said holds: somebody can name the accounts, as they were told."""
    bob = await add_account(home.hass, home.simulator, account_id="202", name="bob")
    home.growatt.add_token(NEW_TOKEN, merchant="a new one")
    there = {"server": home.simulator.url, "token": NEW_TOKEN}
    for _ in range(2):
        await refused(home.hass, "list_accounts", "accounts_not_told", **there)
    for _ in range(2):
        dialog = await submit(home.hass, await open_reauth(home.hass, bob), token=NEW_TOKEN)
        assert dialog["errors"] == {"account_id": "token_sees_nothing"}
        assert fields_of(dialog) == ["account_id", "for_all"]
        close(home.hass, dialog)
    answer = await home.call("link_account", **there, account_id=["203", "204"])
    assert [one["state"] for one in answer["results"]] == ["linked", "linked"]
    assert len(home.simulator.calls.of(USERS)) == 1


async def test_two_at_once_learn_the_name(home: Home) -> None:
    """A limit lets only one of them ask."""
    account = {"config_entry_id": home.entry.entry_id}
    await home.call("list_plants", **account)
    answers = await asyncio.gather(
        *(home.call("link_account", **account, account_id="101") for _ in range(2))
    )
    results = [result for answer in answers for result in answer["results"]]
    assert [result["account_name"] for result in results] == [RESIDENT, RESIDENT]
    assert {result["account"] for result in results} == {RESIDENT}
    assert len(home.simulator.calls.of(USERS)) == 1
