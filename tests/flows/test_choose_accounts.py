"""Several of a token's accounts are chosen at once: what became of each is told."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ConfigEntryError
import pytest

import custom_components.growatt_onboarding as integration
from simulator import INSTALLER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    Result,
    add_account,
    entries,
    open_dialog,
    own_address,
    shown_values,
    submit,
)

USERS = "user/c_user_list"


@pytest.fixture
def ids(cloud: Simulator) -> dict[str, str]:
    """Return the ids of four accounts of a token, by their names."""
    users = [cloud.growatt.add_user(name, f"{name}@example.com") for name in ("zoe", "bob", "eve")]
    return {RESIDENT: RESIDENT_ID, **{user.name: str(user.user_id) for user in users}}


async def choose(hass: HomeAssistant, cloud: Simulator) -> Result:
    """Open the dialog where several accounts are chosen."""
    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    assert result["step_id"] == "several_accounts"
    result = await submit(hass, result, next_step_id="choose_accounts")
    assert result["step_id"] == "choose_accounts"
    assert shown_values(result) == {"server": cloud.url}
    return result


def offered(result: Result) -> dict[str, str]:
    """Return what can be chosen, by its value, in order."""
    config = result["data_schema"].schema["account_ids"].config
    assert config["multiple"]
    return {option["value"]: option["label"] for option in config["options"]}


async def test_several_at_once(hass: HomeAssistant, cloud: Simulator, ids: dict[str, str]) -> None:
    result = await choose(hass, cloud)
    assert list(offered(result).values()) == [
        "all",
        f"bob ({ids['bob']})",
        f"eve ({ids['eve']})",
        f"{RESIDENT} ({RESIDENT_ID})",
        f"zoe ({ids['zoe']})",
    ]
    result = await submit(hass, result, account_ids=[])
    assert result["errors"] == {"account_ids": "required"}
    result = await submit(hass, result, account_ids=[ids["bob"], ids["zoe"]])
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "accounts_added")
    assert shown_values(result)["linked"] == "zoe, bob"
    assert {entry.title: entry.state for entry in entries(hass)} == dict.fromkeys(
        ("zoe", "bob"), ConfigEntryState.LOADED
    )
    assert all(entry.data["access"] == {"token": INSTALLER_TOKEN} for entry in entries(hass))
    assert all(entry.runtime_data.coordinator.signed_in for entry in entries(hass))
    assert not hass.config_entries.flow.async_progress()
    # However many: one look answers for all.
    assert len(cloud.calls.of(USERS)) == 1


async def test_all_of_them(hass: HomeAssistant, cloud: Simulator, ids: dict[str, str]) -> None:
    await add_account(hass, cloud)
    result = await choose(hass, cloud)
    assert RESIDENT_ID not in offered(result)
    result = await submit(hass, result, account_ids=["all"])
    assert result["reason"] == "accounts_added"
    assert {entry.title for entry in entries(hass)} == set(ids)


async def test_only_one_goes_on_with_its_devices(
    hass: HomeAssistant, cloud: Simulator, ids: dict[str, str]
) -> None:
    result = await submit(hass, await choose(hass, cloud), account_ids=[ids["eve"]])
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "eve")
    assert "next_flow" in result


async def test_one_that_is_there_meanwhile_and_one_that_fails(
    hass: HomeAssistant, cloud: Simulator, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What became of each is told, and what failed stops no other."""
    original = integration.async_setup_entry

    async def failing(hass: HomeAssistant, entry: Any) -> bool:
        if entry.title == "bob":
            raise ConfigEntryError("the disk is full")
        return await original(hass, entry)

    monkeypatch.setattr(integration, "async_setup_entry", failing)
    result = await choose(hass, cloud)
    await add_account(hass, cloud)
    result = await submit(
        hass, result, account_ids=[RESIDENT_ID, ids["bob"], ids["eve"], ids["zoe"]]
    )
    assert result["reason"] == "some_accounts_added"
    assert shown_values(result) == {
        "linked": "zoe, eve",
        "already_linked": RESIDENT,
        "failed": (
            "bob (bob is not loaded. See what is wrong on the integration's page, then try again.)"
        ),
    }
    monkeypatch.undo()
    (bob,) = (entry for entry in entries(hass) if entry.title == "bob")
    await hass.config_entries.async_reload(bob.entry_id)
    assert {entry.title: entry.state for entry in entries(hass)} == dict.fromkeys(
        ids, ConfigEntryState.LOADED
    )


async def test_an_account_that_lacks_its_id_is_completed(
    hass: HomeAssistant, cloud: Simulator, ids: dict[str, str]
) -> None:
    unknown = await add_account(hass, cloud, account_id=None, name="bob")
    result = await choose(hass, cloud)
    result = await submit(hass, result, account_ids=[ids["bob"], ids["eve"]])
    assert result["reason"] == "accounts_added"
    await hass.async_block_till_done()
    assert unknown.data["account_id"] == ids["bob"]
    assert {entry.title for entry in entries(hass)} == {"bob", "eve"}


async def test_another_dialog_adds_all_of_them_meanwhile(
    hass: HomeAssistant, cloud: Simulator, ids: dict[str, str]
) -> None:
    first, second = await choose(hass, cloud), await choose(hass, cloud)
    assert (await submit(hass, first, account_ids=["all"]))["reason"] == "accounts_added"
    assert (await submit(hass, second, account_ids=["all"]))["reason"] == "already_configured"
