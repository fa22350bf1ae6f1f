"""What a later version left, to which somebody may return: left alone, told, in nobody's way."""

from copy import deepcopy
import inspect
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.account.bindings import store_key
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.const import DOMAIN, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.diagnostics import async_get_config_entry_diagnostics
from custom_components.growatt_onboarding.gateway import async_get_shared_data
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator

from .common import (
    NOTHING_STORED,
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    account_entry,
    act,
    entries,
    fails,
    open_at,
    open_inverters,
    open_reauth,
    open_reconfigure,
    submit,
)
from .escaped import as_read
from .fake_provider import URL, FakeCloud, add_provider, fake_provider
from .restart import next_start

LATER = "of_a_later_version"
SN = "SIM0000001"
NOTE = {
    "provider": LATER,
    "server": URL,
    "account_name": "alice",
    "started_at": 1.0,
    "of a later version too": "kept",
}
NOTE_KEY = f"{LATER}|{URL}||alice"


def later_entry(**options: Any) -> MockConfigEntry:
    """Return the entry of a provider that this version does not know."""
    data = {
        "provider": LATER,
        "server": URL,
        "access": {"key": "fake-key-value"},
        "account_id": None,
        "account_name": "alice",
        "other_names": [],
        "session": None,
        "activation_pending": False,
        "denied": False,
        "asked_at": None,
        "of a later version too": "kept",
    }
    return MockConfigEntry(
        **{"domain": DOMAIN, "title": "Alice", "unique_id": "x_7", "data": data, **options}
    )


@pytest.fixture
def good(hass: HomeAssistant, cloud: Simulator) -> MockConfigEntry:
    """Return the entry of an account that this version knows."""
    growatt = registry.provider("growatt")
    target = Target(growatt, cloud.url, growatt.credentials({"token": END_USER_TOKEN}))
    entry = account_entry(target, Account(id=RESIDENT_ID, name=RESIDENT, session={}))
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
def bad(hass: HomeAssistant, hass_storage: dict[str, Any]) -> MockConfigEntry:
    """Return an entry of a later version; a registration there is pending, and one at Growatt."""
    entry = later_entry()
    entry.add_to_hass(hass)
    subentry = ConfigSubentry(
        data=MappingProxyType({"serial_number": SN, "plant_id": "7"}),
        subentry_type=SUBENTRY_INVERTER,
        title=SN,
        unique_id=SN,
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    hass_storage[store_key(entry.entry_id)] = {
        "version": 1,
        "data": {"generation": 1, "bindings": [], "returned": []},
    }
    growatt = {"provider": "growatt", "server": URL, "account_name": "bob", "started_at": 1.0}
    hass_storage[DOMAIN] = {
        "version": 1,
        "data": {
            **NOTHING_STORED,
            "registrations": {NOTE_KEY: NOTE, f"growatt|{URL}||bob": growatt},
        },
    }
    return entry


@pytest.fixture
async def started(hass: HomeAssistant, good: ConfigEntry, bad: ConfigEntry) -> None:
    """Start the integration with both."""
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()


async def text(hass: HomeAssistant, key: str) -> str:
    texts = await async_get_translations(hass, "en", "exceptions", [DOMAIN])
    return texts[f"component.{DOMAIN}.exceptions.{key}.message"]


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return our repairs by the name of the account that they are about."""
    return {
        (issue.translation_placeholders or {})["name"]: issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
    }


async def test_it_keeps_nothing_else_from_loading(
    hass: HomeAssistant, hass_storage: dict[str, Any], good: ConfigEntry, bad: ConfigEntry
) -> None:
    before = deepcopy(bad.as_dict())
    files = deepcopy(hass_storage[store_key(bad.entry_id)])
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    assert good.state is ConfigEntryState.LOADED
    assert await act(hass, "list_plants", config_entry_id=good.entry_id)

    assert bad.state is ConfigEntryState.SETUP_ERROR
    assert bad.error_reason_translation_key == "unknown_provider"
    told = (await text(hass, "unknown_provider")).format(provider=LATER)
    assert bad.reason == told.rstrip(".")
    assert bad.as_dict() == before
    assert hass_storage[store_key(bad.entry_id)] == files
    # The inverter that it tracks is still tracked.
    given = {"plant_id": RESIDENT_PLANT, "serial_numbers": [SN]}
    response = await act(hass, "bind_device", config_entry_id=good.entry_id, **given)
    assert [result["state"] for result in response["results"]] == ["already_tracked"]

    assert issues(hass)["b…"].translation_key == "registration_unfinished"
    told = issues(hass)["al…"]
    assert told.translation_key == "registration_unknown_provider"
    assert as_read(told.translation_placeholders) == {
        "name": "al…",
        "server": "https://…",
        "provider": LATER,
    }
    await (await async_get_shared_data(hass)).async_save()
    assert hass_storage[DOMAIN]["data"]["registrations"][NOTE_KEY] == NOTE


async def test_the_later_version_finds_everything(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    bad: ConfigEntry,
    started: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await (await async_get_shared_data(hass)).async_save()
    fake = fake_provider(FakeCloud())._replace(key=LATER)
    add_provider(monkeypatch, fake)
    async with next_start(hass) as again:
        assert await async_setup_component(again, DOMAIN, {})
        await again.async_block_till_done()
        back = again.config_entries.async_get_entry(bad.entry_id)
        assert back is not None
        assert back.state is ConfigEntryState.LOADED
        assert set(back.runtime_data.coordinator.data) == {SN}
        # Its account has an entry.
        assert NOTE_KEY not in hass_storage[DOMAIN]["data"]["registrations"]


async def test_an_entry_of_another_shape_is_in_nobodys_way(
    hass: HomeAssistant, cloud: Simulator, good: ConfigEntry, bad: ConfigEntry
) -> None:
    """Home Assistant itself does not set up an entry of a later major version."""
    other = later_entry(version=2, data={}, unique_id="y")
    other.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    assert good.state is ConfigEntryState.LOADED
    assert other.state is ConfigEntryState.MIGRATION_ERROR
    result = await open_at(hass, cloud, "link")
    assert result["step_id"] == "known_account"
    found = await async_get_config_entry_diagnostics(hass, other)
    assert found["account"]["version"] == "2.1"
    assert await system_health(hass) == {
        "accounts": 3,
        "pending_bindings": 0,
        "can_reach_servers": "ok",
        "read_labels": "ok",
    }
    assert (await open_reconfigure(hass, other))["reason"] == "unknown_provider"
    data = {"config_entry_id": other.entry_id}
    await fails(hass, "get_captcha", "unknown_provider", **data)


async def system_health(hass: HomeAssistant) -> dict[str, Any]:
    """Return what is told once everything is known."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    found = await get_system_health_info(hass, DOMAIN)
    return {
        key: await value if inspect.isawaitable(value) else value for key, value in found.items()
    }


async def test_dialogs_of_other_accounts_get_by(
    hass: HomeAssistant, cloud: Simulator, good: ConfigEntry, started: None
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    result = await open_at(hass, cloud, "link")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["account_id"] == str(bob.user_id)
    assert len(entries(hass)) == 3
    result = await submit(hass, await open_reauth(hass, good), token=INSTALLER_TOKEN)
    assert result["reason"] == "reauth_successful"


async def test_its_own_dialogs_and_actions_say_so(
    hass: HomeAssistant, cloud: Simulator, bad: ConfigEntry, started: None
) -> None:
    result = await open_reconfigure(hass, bad)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "unknown_provider")
    assert result["description_placeholders"]["provider"] == LATER
    assert (await open_inverters(hass, bad))["reason"] == "not_loaded"
    for action in ("get_captcha", "register_account"):
        told = await fails(hass, action, "unknown_provider", config_entry_id=bad.entry_id)
        assert told == {"provider": LATER}
    found = await async_get_config_entry_diagnostics(hass, bad)
    assert found["account"]["provider"] == LATER
    assert found["account"]["state"] == "setup_error"
    assert not any(word in str(found) for word in ("fake-key-value", "alice", "portal.example"))
    assert not cloud.calls


async def test_it_can_be_removed(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    good: ConfigEntry,
    bad: ConfigEntry,
    started: None,
) -> None:
    await hass.config_entries.async_remove(bad.entry_id)
    assert entries(hass) == [good]
    assert good.state is ConfigEntryState.LOADED
    assert store_key(bad.entry_id) not in hass_storage
    # The registration is another matter.
    assert set(issues(hass)) == {"b…", "al…"}
