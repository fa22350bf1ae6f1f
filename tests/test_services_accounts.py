"""The actions that list accounts and link them."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.setup import async_setup_component
import pytest

import custom_components.growatt_onboarding as integration
from custom_components.growatt_onboarding.cloud.provider import Offer
from custom_components.growatt_onboarding.const import DOMAIN
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator

from .common import (
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    act,
    add_account,
    add_fake_account,
    entries,
    fails,
    refused,
    track,
)
from .fake_provider import BY_NAME, LOGIN, FakeCloud

NEW_TOKEN = "SIMULATORTOKENRENEWED00000000000"


def states(response: dict[str, Any]) -> dict[str, str]:
    """Return what became of each account, by its ID."""
    return {one["account_id"]: one["state"] for one in response["results"]}


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    """Set the integration up, without any account."""
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with the installer's token."""
    return await add_account(hass, cloud)


async def test_the_accounts_that_are_here(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    assert (await act(hass, "list_accounts"))["accounts"] == [
        {
            "account_id": RESIDENT_ID,
            "account_name": RESIDENT,
            "account": entry.title,
            "config_entry_id": entry.entry_id,
            "provider": "growatt",
            "server": cloud.url,
            "state": "loaded",
            "signed_in": True,
            "devices": 0,
            "pending": 0,
        }
    ]
    cloud.growatt.add_device("GOOD000001")
    await track(entry, "GOOD000001", "UNKNOWN001")
    (account,) = (await act(hass, "list_accounts"))["accounts"]
    assert (account["devices"], account["pending"]) == (2, 1)
    await hass.config_entries.async_unload(entry.entry_id)
    (account,) = (await act(hass, "list_accounts"))["accounts"]
    assert (account["state"], account["signed_in"], account["devices"]) == ("not_loaded", False, 2)


async def test_link_many_of_a_tokens_end_users(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    users = [cloud.growatt.add_user(name, f"{name}@example.com") for name in ("bob", "eve")]
    response = await act(hass, "list_accounts", config_entry_id=entry.entry_id)
    assert {one["account_id"]: one["config_entry_id"] for one in response["accounts"]} == {
        RESIDENT_ID: entry.entry_id,
        **{str(user.user_id): None for user in users},
    }
    wanted = [str(user.user_id) for user in users]
    response = await act(
        hass,
        "link_account",
        config_entry_id=entry.entry_id,
        account_id=[*wanted, RESIDENT_ID, "404", f" {wanted[0]} "],
    )
    results = {result["account_id"]: result for result in response["results"]}
    assert {account_id: result["state"] for account_id, result in results.items()} == {
        **dict.fromkeys(wanted, "linked"),
        RESIDENT_ID: "already_linked",
        "404": "not_found",
    }
    assert results["404"]["reason"] == "account_not_opened"
    assert "404" in results["404"]["explanation"]
    for account_id in wanted:
        added = hass.config_entries.async_get_entry(results[account_id]["config_entry_id"])
        assert added is not None
        assert added.title == results[account_id]["account"]
        assert added.data["access"] == {"token": INSTALLER_TOKEN}
        assert added.runtime_data.client.signed_in
    assert len(entries(hass)) == 3
    # All that costs two rare calls, whatever the number of accounts.
    assert len(cloud.calls.of("user/c_user_list")) == 2


UNREAD = {
    "http_500": "server_error",
    "firewall": "blocked",
    "too_many": "rate_limited",
    "hang": "no_answer",
    "login_page": "login_page",
    "empty": "empty_answer",
    "code": "rate_limited",
}


@pytest.mark.parametrize("kind", UNREAD)
async def test_customers_that_cannot_be_listed(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, kind: str
) -> None:
    """Who is not known is not said to be missing."""
    bob, eve = (
        str(cloud.growatt.add_user(name, f"{name}@example.com").user_id) for name in ("bob", "eve")
    )
    cloud.growatt.add_plant(int(bob), "Roof")
    fault = {"code": 10012} if kind == "code" else {}
    cloud.faults.add("user/c_user_list", kind=kind, times=3, **fault)
    account = {"config_entry_id": entry.entry_id}
    await fails(hass, "list_accounts", UNREAD[kind], **account)
    # Whose plants are known can be linked.
    response = await act(hass, "link_account", **account, account_id=[bob, eve])
    results = {result["account_id"]: result for result in response["results"]}
    assert (results[bob]["state"], results[bob]["account"]) == ("linked", f"Roof ({bob})")
    assert (results[eve]["state"], results[eve]["reason"]) == ("not_listed", "accounts_unread")
    assert (results[eve]["explanation"] or "").startswith("The cloud's list of accounts could not")
    assert "gives no access" not in results[eve]["explanation"]
    assert results[bob].keys() == results[eve].keys()
    [alone] = (await act(hass, "link_account", **account, account_id=eve))["results"]
    assert (alone["state"], alone["config_entry_id"]) == ("not_listed", None)

    response = await act(hass, "link_account", **account, account_id=[bob, eve, "404"])
    assert [(one["account"], one["state"]) for one in response["results"]] == [
        ("bob", "already_linked"),
        ("eve", "linked"),
        ("404", "not_found"),
    ]


async def test_link_the_account_of_an_end_users_token(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    there = {"server": cloud.url, "token": END_USER_TOKEN}
    response = await act(hass, "list_accounts", **there)
    (account,) = response["accounts"]
    assert account["account_id"] == RESIDENT_ID
    # Without a plant, the token does not tell whose it is.
    del cloud.growatt.plants[int(RESIDENT_PLANT)]
    await refused(hass, "list_accounts", "accounts_not_told", **there)
    await refused(hass, "link_account", "account_id_needed", **there, account_id=["101", "102"])
    assert not entries(hass)
    response = await act(hass, "link_account", **there, account_id=RESIDENT_ID)
    assert [result["state"] for result in response["results"]] == ["linked"]
    (entry,) = entries(hass)
    assert entry.data["account_id"] == RESIDENT_ID


async def test_link_the_accounts_of_a_token_that_shows_none_yet(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """Who names them is taken at their word, and what cannot be an ID stops no other."""
    cloud.growatt.add_token(NEW_TOKEN, merchant="a new one")
    there = {"server": cloud.url, "token": NEW_TOKEN}
    await refused(hass, "list_accounts", "accounts_not_told", **there)
    response = await act(hass, "link_account", **there, account_id=["202", "x", "203"])
    assert states(response) == {"202": "linked", "x": "not_found", "203": "linked"}
    assert {entry.data["account_id"] for entry in entries(hass)} == {"202", "203"}
    # As soon as it shows some, these are all that it opens.
    user = cloud.growatt.add_user("linked", "linked@example.com", merchant="a new one")
    shown = str(user.user_id)
    response = await act(hass, "link_account", **there, account_id=["204", shown])
    assert states(response) == {"204": "not_found", shown: "linked"}


async def test_accounts_of_a_cloud_that_wants_a_sign_in(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = FakeCloud(offer=Offer(register=(BY_NAME,), link=(LOGIN,)))
    entry = await add_fake_account(hass, monkeypatch, portal)
    account = {"config_entry_id": entry.entry_id}
    await refused(hass, "list_accounts", "not_supported", **account)
    await refused(hass, "link_account", "not_supported", **account, account_id="8")


async def test_a_token_that_is_not_valid(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    del cloud.growatt.tokens[INSTALLER_TOKEN]
    await fails(hass, "list_accounts", "invalid_token", config_entry_id=entry.entry_id)
    there = {"server": cloud.url, "token": INSTALLER_TOKEN}
    await refused(hass, "link_account", "invalid_token", **there, account_id=RESIDENT_ID)


async def test_link_completes_an_account_whose_id_was_not_known(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    unknown = await add_account(hass, cloud, account_id=None)
    there = {"server": cloud.url, "token": INSTALLER_TOKEN}
    response = await act(hass, "link_account", **there, account_id=RESIDENT_ID)
    (result,) = response["results"]
    assert (result["state"], result["config_entry_id"]) == ("linked", unknown.entry_id)
    await hass.async_block_till_done()
    assert unknown.data["account_id"] == RESIDENT_ID
    assert entries(hass) == [unknown]


async def test_link_an_account_that_cannot_be_set_up(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> bool:
        raise ConfigEntryError

    monkeypatch.setattr(integration, "async_setup_entry", failing)
    there = {"server": cloud.url, "token": INSTALLER_TOKEN}
    response = await act(hass, "link_account", **there, account_id=RESIDENT_ID)
    monkeypatch.undo()
    (result,) = response["results"]
    (entry,) = entries(hass)
    assert (result["state"], result["reason"]) == ("failed", "not_loaded")
    assert result["explanation"].startswith(f"{RESIDENT} is not loaded")
    await hass.config_entries.async_reload(entry.entry_id)
    response = await act(hass, "link_account", **there, account_id=RESIDENT_ID)
    assert [one["state"] for one in response["results"]] == ["already_linked"]
