"""Growatt Onboarding: from an inverter without an account to one associated in the cloud."""

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType

from .account import EntryData, entry_client
from .account.activation import ActivationCheck
from .account.bindings import BindingStore, store_key
from .account.dataloggers import Labels
from .account.plants import PlantNames
from .account.records import async_get_records
from .account.registration import async_resume_pending, async_review_pending
from .binding.model import BindingState
from .cloud import registry
from .const import (
    CONF_ACCOUNT_ID,
    CONF_PROVIDER,
    DEVICE_TYPES,
    DOMAIN,
    PLATFORMS,
    SIGNAL_WORDS_CHANGED,
)
from .coordinator import AccountConfigEntry, AccountCoordinator, AccountData
from .devices import AccountDevices
from .flows.power_card import PowerCard
from .gateway import async_get_shared_data
from .overdue import OverdueWatch
from .repairs import IssueManager, async_remove_issues
from .reports import Reports
from .services import async_setup_services
from .texts import async_follow_words

CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, and find out what a crash or a restored copy has taken away."""
    async_setup_services(hass)
    await async_follow_words(hass)
    shared, records = await async_get_shared_data(hass), await async_get_records(hass)
    records.async_start(shared)
    await async_review_pending(hass, shared)
    async_resume_pending(hass, shared)

    @callback
    def review() -> None:
        hass.async_create_task(async_review_pending(hass, shared), f"{DOMAIN} review")

    records.saved.async_add_listener(review)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: AccountConfigEntry) -> bool:
    """Set up an account, without calling the cloud unless something is pending."""
    shared = await async_get_shared_data(hass)
    data = EntryData(hass, entry)
    client, gateway = entry_client(shared, data)
    records = await async_get_records(hass)
    await records.async_adopt(entry)
    coordinator = AccountCoordinator(
        hass, data, client=client, shared=shared, gateway=gateway, records=records
    )
    provider = registry.provider(entry.data[CONF_PROVIDER])
    plants = PlantNames(hass, records, entry, client)
    devices = AccountDevices(hass, entry, coordinator, provider, plants)
    entry.runtime_data = AccountData(
        provider=provider,
        client=client,
        gateway=gateway,
        coordinator=coordinator,
        activation=ActivationCheck(
            hass,
            data,
            client=client,
            gateway=gateway,
            timing=shared.timing,
            reauth_on_denial=coordinator.reauth_on_denial,
            publish=coordinator.async_update_listeners,
        ),
        devices=devices,
        labels=Labels(client, entry.data[CONF_ACCOUNT_ID]),
        plants=plants,
        reports=Reports(hass, entry),
        entry_data=data,
    )
    plants.begin()
    await coordinator.async_load()
    devices.begin()
    entry.runtime_data.reports.begin()
    entry.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_WORDS_CHANGED, coordinator.async_notify)
    )
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(IssueManager(hass, entry).stop)
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    # Devices may have been removed or renamed during the setup.
    await _async_entry_updated(hass, entry)
    PowerCard(hass, entry).begin()
    coordinator.begin()
    OverdueWatch(hass, entry).begin()
    entry.runtime_data.activation.begin()
    return True


async def _async_entry_updated(hass: HomeAssistant, entry: AccountConfigEntry) -> None:
    """Apply changed devices and titles without a reload; other data needs one."""
    account = entry.runtime_data
    if entry.data != account.entry_data.current:
        hass.config_entries.async_schedule_reload(entry.entry_id)
        return
    account.coordinator.name = entry.title
    account.devices.follow_titles()
    account.coordinator.sync_subentries()


async def async_unload_entry(hass: HomeAssistant, entry: AccountConfigEntry) -> bool:
    """Unload an account; the answer to a call in progress is still awaited and published."""
    coordinator = entry.runtime_data.coordinator
    # Before the entities are gone: the answer may be worth an event.
    await coordinator.async_pause()
    await entry.runtime_data.reports.async_finish()
    unloaded = False
    try:
        unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    finally:
        if not unloaded:
            coordinator.resume()
    if unloaded:
        await coordinator.async_stop()
    return unloaded


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: AccountConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Remove the inverter or datalogger whose device is deleted; return whether that is allowed.

    It is if the binding is lost, rejected or held elsewhere. What is pending or associated is
    removed where it was added, and the account's device goes with the account.
    """
    subentry = entry.subentries.get(device.config_subentry_id or "")
    if subentry is None or subentry.subentry_type not in DEVICE_TYPES:
        return False
    if entry.state is not ConfigEntryState.LOADED:
        return False
    binding = entry.runtime_data.coordinator.data.get(subentry.unique_id or "")
    if binding is not None and (binding.pending or binding.state is BindingState.ASSOCIATED):
        return False
    # Home Assistant removes the device with it.
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: AccountConfigEntry) -> None:
    """Remove what was stored for an account; nothing changes in the cloud."""
    async_remove_issues(hass, entry)
    # There is nothing left to reconfigure. Home Assistant itself aborts only reauthentication.
    for flow in list(entry.async_get_active_flows(hass, {SOURCE_RECONFIGURE})):
        hass.config_entries.flow.async_abort(flow["flow_id"])
    await BindingStore(hass, store_key(entry.entry_id), entry.title).async_remove()
