"""What Home Assistant's page about the system's health tells of the integration."""

from datetime import datetime
import inspect
import json
from typing import Any

from homeassistant.components.system_health import get_info
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.growatt_onboarding import clock, labels
from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN, Simulator

from .common import account_entry, add_account, track
from .used_texts import ROOT

SN = "SIM0000001"
# Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()


async def info(hass: HomeAssistant) -> dict[str, Any]:
    """Return what is told, once everything is known."""
    found = await get_system_health_info(hass, DOMAIN)
    return {
        key: await value if inspect.isawaitable(value) else value for key, value in found.items()
    }


async def add_elsewhere(hass: HomeAssistant, url: str, name: str) -> MockConfigEntry:
    target = Target(
        provider=registry.provider("growatt"), url=url, credentials={"token": INSTALLER_TOKEN}
    )
    entry = account_entry(target, Account(id="7", name=name, session={}))
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def test_without_accounts(hass: HomeAssistant) -> None:
    assert await info(hass) == {"accounts": 0, "pending_bindings": 0, "read_labels": "ok"}


async def test_nothing_pending(hass: HomeAssistant, cloud: Simulator) -> None:
    await add_account(hass, cloud)
    assert await info(hass) == {
        "accounts": 1,
        "pending_bindings": 0,
        "can_reach_servers": "ok",
        "read_labels": "ok",
    }


async def test_pending(hass: HomeAssistant, cloud: Simulator) -> None:
    entry = await add_account(hass, cloud)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    found = await info(hass)
    assert found["pending_bindings"] == 1
    planned = entry.runtime_data.coordinator.next_step()
    assert found["next_call"].timestamp() == int(planned.at)
    # As it is told to somebody who copies it; nothing in it is personal.
    told = (await get_info(hass))[DOMAIN]
    assert datetime.fromisoformat(told["next_call"]) == found["next_call"]
    for personal in (SN, INSTALLER_TOKEN, entry.title, cloud.url):
        assert personal not in str(told)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert (await info(hass))["pending_bindings"] == 0


async def test_the_next_call_is_told_by_the_wall_clock(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await add_account(hass, cloud)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    monkeypatch.setattr(clock, "wall", lambda: clock.now() + 3_600)
    planned = entry.runtime_data.coordinator.next_step()
    assert (await info(hass))["next_call"].timestamp() == pytest.approx(planned.at + 3_600, abs=1)


async def test_servers_that_cannot_be_reached(hass: HomeAssistant, cloud: Simulator) -> None:
    nowhere = await add_elsewhere(hass, NOWHERE, "nowhere")
    assert (await info(hass))["can_reach_servers"] == {"type": "failed", "error": "unreachable"}
    await add_account(hass, cloud)
    # A server that two accounts use counts once.
    await add_account(hass, cloud, account_id="102", name="another")
    found = await info(hass)
    assert (found["accounts"], found["can_reach_servers"]) == (3, "1/2")
    assert await hass.config_entries.async_remove(nowhere.entry_id)
    assert (await info(hass))["can_reach_servers"] == "ok"


async def test_why_labels_cannot_be_read(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr(labels, "_why_unavailable", lambda: "Unable to find zbar shared library")
        assert (await info(hass))["read_labels"] == "Unable to find zbar shared library"
    assert (await info(hass))["read_labels"] == "ok"


async def test_everything_that_is_told_has_a_text(hass: HomeAssistant, cloud: Simulator) -> None:
    entry = await add_account(hass, cloud)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    texts = json.loads((ROOT / "translations" / "en.json").read_text(encoding="utf-8"))
    assert set(await info(hass)) == set(texts["system_health"]["info"])
