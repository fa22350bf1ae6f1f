"""Setting accounts up, taking them down, removing them."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.account.bindings import store_key
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.coordinator import AccountCoordinator
from simulator import END_USER_TOKEN, Simulator

from . import common
from .common import RESIDENT, SECRETS, UNLIMITED, add_account, associate

BIND = "device/sn/add"
SERIAL = "SIM0000001"


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident."""
    return await add_account(hass, cloud, token=END_USER_TOKEN)


async def track(hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry) -> None:
    """Add an inverter that is not online yet, and wait until the cloud has accepted it."""
    cloud.growatt.add_device(SERIAL)
    await common.track(entry, SERIAL)
    await hass.async_block_till_done()


def pending(hass: HomeAssistant, unique_id: str) -> str:
    """Return the state of a binary sensor *Waiting for the cloud*."""
    entity_id = er.async_get(hass).async_get_entity_id(
        "binary_sensor", DOMAIN, f"{unique_id}_association_pending"
    )
    assert entity_id is not None
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


async def test_accounts_of_one_name_at_several_clouds_are_told_apart(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    others = [
        await add_account(hass, cloud, provider=provider, name=RESIDENT, session=None)
        for provider in ("quectel", "shopxo", "anqicms")
    ]
    entries = [entry, *others]
    devices, entities = dr.async_get(hass), er.async_get(hass)
    accounts = [
        devices.async_get_device_by_identifier((DOMAIN, one.entry_id), one.entry_id)
        for one in entries
    ]
    assert None not in accounts
    assert len({(one.manufacturer, one.model) for one in accounts if one}) == len(entries)
    connected = [
        entities.async_get_entity_id("binary_sensor", DOMAIN, f"{one.entry_id}_connected")
        for one in entries
    ]
    assert connected == [
        f"binary_sensor.{vendor}_sim_resident_connectivity"
        for vendor in ("growatt", "quectel", "shopxo", "anqicms")
    ]


async def test_an_account_that_names_its_cloud_is_not_called_by_it_twice(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    named = await add_account(hass, cloud, name="growatt at home")
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), named.entry_id)
    assert [device.name for device in devices] == ["growatt at home"]


async def test_a_pending_association_survives_a_restart(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    await track(hass, cloud, entry)
    assert pending(hass, SERIAL) == STATE_ON
    assert pending(hass, entry.entry_id) == STATE_ON

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert pending(hass, SERIAL) == STATE_UNAVAILABLE
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert pending(hass, SERIAL) == STATE_ON

    await associate(cloud, entry, SERIAL)
    await hass.async_block_till_done()
    assert pending(hass, SERIAL) == STATE_OFF
    assert pending(hass, entry.entry_id) == STATE_OFF
    assert len(cloud.calls.of(BIND)) == 1


async def test_the_stores_hold_no_secret(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, hass_storage: dict[str, Any]
) -> None:
    await track(hass, cloud, entry)
    await entry.runtime_data.client.plants(entry.data["account_id"])
    for key in (DOMAIN, store_key(entry.entry_id)):
        for secret in SECRETS:
            assert secret not in str(hass_storage[key])


async def test_a_renamed_account_is_not_set_up_anew(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    coordinator = entry.runtime_data.coordinator
    hass.config_entries.async_update_entry(entry, title="My home")
    await hass.async_block_till_done()
    assert entry.runtime_data.coordinator is coordinator


async def test_the_actions_are_there_without_an_account(hass: HomeAssistant) -> None:
    hass.data[DATA_TIMING] = UNLIMITED
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, "register_account")


async def test_devices_have_the_names_of_the_account_and_its_inverters(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    await track(hass, cloud, entry)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_entry(entry, title="My home")
    hass.config_entries.async_update_subentry(entry, subentry, title="Garage")
    await hass.async_block_till_done()
    devices = dr.async_get(hass)
    names = {device.name for device in dr.async_entries_for_config_entry(devices, entry.entry_id)}
    assert names == {"Growatt My home", "Garage"}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    device = devices.async_get_device_by_identifier((DOMAIN, SERIAL), entry.entry_id)
    assert device is not None
    assert device.name == "Garage"


async def test_an_inverter_that_is_removed_while_its_account_is_set_up(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await track(hass, cloud, entry)
    assert await hass.config_entries.async_unload(entry.entry_id)
    (subentry,) = entry.subentries.values()

    load = AccountCoordinator.async_load

    async def meanwhile(coordinator: AccountCoordinator) -> None:
        hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
        await load(coordinator)

    with monkeypatch.context() as patched:
        patched.setattr(AccountCoordinator, "async_load", meanwhile)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    assert not entry.runtime_data.coordinator.data
    assert pending(hass, entry.entry_id) == STATE_OFF
    await track(hass, cloud, entry)
    assert pending(hass, entry.entry_id) == STATE_ON
