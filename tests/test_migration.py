"""Entries that another version of the integration stored."""

from copy import replace
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding import migration
from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.registry import PROVIDERS
from custom_components.growatt_onboarding.config_flow import GrowattOnboardingConfigFlow
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.migration import Step

from .common import UNLIMITED
from .fake_provider import URL, FakeCloud, fake_provider

SN = "SIM0000001"


@pytest.fixture(autouse=True)
def fake(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have a provider that no request is needed for."""
    hass.data[DATA_TIMING] = UNLIMITED
    monkeypatch.setitem(PROVIDERS, "fake", fake_provider(FakeCloud()))


def stored(hass: HomeAssistant, version: int, minor_version: int, **more: Any) -> ConfigEntry:
    """Return the entry of an account with an inverter, as a version of the integration left it."""
    target = Target(provider=PROVIDERS["fake"], url=URL, access={})
    account = Account(id="7", name="alice", session={"token": "fake"})
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=account.name,
        unique_id=target.unique_id(account),
        data={**target.entry_data(account), **more},
        version=version,
        minor_version=minor_version,
        subentries_data=[
            {
                "data": {"serial_number": SN, "plant_id": "1"},
                "subentry_type": SUBENTRY_INVERTER,
                "title": "On the roof",
                "unique_id": SN,
            }
        ],
    )
    entry.add_to_hass(hass)
    return entry


async def test_this_versions_own(hass: HomeAssistant) -> None:
    entry = stored(hass, migration.ENTRY_VERSION, migration.ENTRY_MINOR_VERSION)
    data = dict(entry.data)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data == data


async def test_a_later_minor_version_is_used_as_it_is(hass: HomeAssistant) -> None:
    """Who goes back to this version can go forward again: nothing is lost on the way."""
    entry = stored(hass, 1, 99, added_later=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["added_later"] is True
    assert (entry.version, entry.minor_version) == (1, 99)


async def test_a_later_major_version_is_refused(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    entry = stored(hass, 2, 1)
    data, subentries = dict(entry.data), dict(entry.subentries)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.MIGRATION_ERROR
    assert "has version 2 which is higher than the current version 1" in caplog.text
    assert (entry.data, entry.subentries) == (data, subentries)


async def test_steps_are_taken_in_their_order_from_where_the_entry_is(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(name: str) -> Step:
        return Step(
            account=lambda data: {**data, "steps": [*data.get("steps", []), name]},
            inverter=lambda data: {**data, "steps": [*data.get("steps", []), name]},
        )

    monkeypatch.setattr(migration, "STEPS", (add("1 to 2"), add("2 to 3"), add("3 to 4")))
    monkeypatch.setattr(GrowattOnboardingConfigFlow, "MINOR_VERSION", 4)
    entry = stored(hass, 1, 2)
    (before,) = entry.subentries.values()
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.minor_version == 4
    assert entry.data["steps"] == ["2 to 3", "3 to 4"]
    (after,) = entry.subentries.values()
    assert after.data == {**before.data, "steps": ["2 to 3", "3 to 4"]}
    assert replace(after, data=before.data) == before

    # Only once.
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.data["steps"] == ["2 to 3", "3 to 4"]
