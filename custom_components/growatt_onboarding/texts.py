"""Texts that fill placeholders of other texts, in the language of this Home Assistant.

Home Assistant translates a text for each user, but not the values of its placeholders.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.hass_dict import HassKey

from .account import entry_target
from .binding.model import Binding, BindingState
from .cloud.errors import DATALOGGER_UNLINKED
from .cloud.model import Account, DeviceKind
from .cloud.provider import Capability
from .const import CONF_ACCOUNT_ID, DOMAIN, SIGNAL_WORDS_CHANGED
from .foreign import only_id, plain

if TYPE_CHECKING:
    from .coordinator import AccountConfigEntry

# Another plant of the same account has the device.
HELD_IN_PLANT: Final = "held_in_plant"
# Nothing is asked for it until somebody signs in.
NOT_SIGNED_IN: Final = "not_signed_in"
_QUEUED_AGAIN: Final = "queued_again"
_GONE: Final = "gone"
_DATA_REASONS: HassKey[Mapping[str, str]] = HassKey(f"{DOMAIN}_reasons")
# The translation keys of the sensors that show a state.
_STATUS_KEYS: Final = {
    DeviceKind.INVERTER: "association_status",
    DeviceKind.DATALOGGER: "datalogger_status",
}


def reason_text(reasons: Mapping[str, str], key: str, values: Mapping[str, str]) -> str:
    """Return a reason's text, or the cloud's message if there is none or a value is missing."""
    try:
        return reasons[key].format_map(values).strip()
    except KeyError:
        return values.get("message") or key


@callback
def explanation(
    hass: HomeAssistant, entry: AccountConfigEntry, reasons: Mapping[str, str], binding: Binding
) -> str:
    """Return why a binding does not complete, and what to do about it."""
    plant, owner = binding.holder_plant, binding.holder_owner
    key = reason_key(entry, binding, overdue=binding.pending) or ""
    if binding.retried and key not in {DATALOGGER_UNLINKED, NOT_SIGNED_IN}:
        # What the error itself says is for who has to try again.
        key = _QUEUED_AGAIN
    values = {
        "serials": binding.serial,
        "account": plain(entry.title),
        "message": binding.message or "",
        "said": f"({binding.message})" if binding.message else "",
    }
    if plant is not None:
        values["plant"] = entry.runtime_data.plants.label(plant, binding.holder_plant_name)
    if key == "held_by_account" and owner is not None:
        values["owner"] = plain(account_title(hass, entry, owner))
    return reason_text(reasons, key, values)


@callback
def reason_key(entry: AccountConfigEntry, binding: Binding, *, overdue: bool) -> str | None:
    """Return the key of the text that says why a binding is as it is, None if all is well."""
    if binding.state is BindingState.CONFLICT:
        return holder_key(entry, binding.holder_plant, binding.holder_owner)
    if binding.state is BindingState.LOST:
        return _GONE
    if binding.pending and not entry.runtime_data.coordinator.signed_in:
        return NOT_SIGNED_IN
    if binding.reason is not None or not overdue:
        return binding.reason
    if binding.kind is DeviceKind.INVERTER:
        takes_dataloggers = Capability.DATALOGGER in entry.runtime_data.client.capabilities
        return "inverter_unseen" if takes_dataloggers else "inverter_unseen_alone"
    return "datalogger_silent" if binding.silent else "datalogger_unlisted"


@callback
def holder_key(entry: AccountConfigEntry, plant: str | None, owner: str | None) -> str:
    """Return the key of the text that says who has a device, as far as it is known."""
    if plant is None:
        return "held_elsewhere"
    ours = owner is None or holds_itself(entry, owner)
    return HELD_IN_PLANT if ours else "held_by_account"


def holds_itself(entry: AccountConfigEntry, owner: str) -> bool:
    """Return whether the account that holds a device is the entry's own."""
    return bool(owner == entry.data[CONF_ACCOUNT_ID])


@callback
def account_title(hass: HomeAssistant, entry: AccountConfigEntry, account_id: str) -> str:
    """Return the title of an account in the same realm.

    If it has no entry here, that is its name in the cloud, or its id where that is all there is.
    """
    unique_id = entry_target(entry).unique_id(Account(id=account_id, name=account_id))
    known = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)
    if known is not None:
        return known.title
    return entry.runtime_data.client.known_name(account_id) or only_id(account_id)


async def async_follow_words(hass: HomeAssistant) -> None:
    """Keep the reasons in the house's language, and signal when words of ours have changed.

    These are the texts in the house's language, and the titles of the accounts.
    """
    titles = _titles(hass)

    async def follow_language(event: Event) -> None:
        if "language" in event.data:
            hass.data[_DATA_REASONS] = await async_reasons(hass)
            async_dispatcher_send(hass, SIGNAL_WORDS_CHANGED)

    @callback
    def follow_titles(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        nonlocal titles
        if entry.domain == DOMAIN and titles != (titles := _titles(hass)):
            async_dispatcher_send(hass, SIGNAL_WORDS_CHANGED)

    hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, follow_language)
    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, follow_titles)
    hass.data[_DATA_REASONS] = await async_reasons(hass)


def _titles(hass: HomeAssistant) -> dict[str, str]:
    return {entry.entry_id: entry.title for entry in hass.config_entries.async_entries(DOMAIN)}


@callback
def house_reasons(hass: HomeAssistant) -> Mapping[str, str]:
    """Return the texts of the errors as `async_reasons` does, without waiting."""
    return hass.data[_DATA_REASONS]


async def async_reasons(hass: HomeAssistant) -> dict[str, str]:
    """Return the texts of the errors, by translation key."""
    return await _async_texts(hass, "exceptions", "", ".message")


async def async_state_names(hass: HomeAssistant) -> dict[tuple[DeviceKind, BindingState], str]:
    """Return the names of the states of each kind of device, in the states' order."""
    of_kinds = {
        kind: await _async_texts(hass, "entity", f"sensor.{key}.state.", "")
        for kind, key in _STATUS_KEYS.items()
    }
    return {
        (kind, state): names.get(state.value, state.value)
        for state in BindingState
        for kind, names in of_kinds.items()
    }


async def async_agreement_names(hass: HomeAssistant) -> dict[str, str]:
    """Return the names of the pages to read before registering, by their kinds."""
    return await _async_texts(hass, "selector", "agreement.options.", "")


async def async_server_names(hass: HomeAssistant) -> dict[str, str]:
    """Return the names of the known servers of all clouds, by their keys."""
    return await _async_texts(hass, "selector", "server.options.", "")


async def async_card_title(hass: HomeAssistant, serial: str) -> str:
    """Return the title of the card that offers to show the power of an inverter."""
    titles = await _async_texts(hass, "config", "step.discovered.", "")
    return titles["title"].format_map({"plain_serial": plain(serial)})


async def _async_texts(
    hass: HomeAssistant, category: str, prefix: str, suffix: str
) -> dict[str, str]:
    """Return a category's texts whose keys have this prefix and suffix, by the rest of the key."""
    texts = await async_get_translations(hass, hass.config.language, category, [DOMAIN])
    prefix = f"component.{DOMAIN}.{category}.{prefix}"
    return {
        key.removeprefix(prefix).removesuffix(suffix): text
        for key, text in texts.items()
        if key.startswith(prefix) and key.endswith(suffix)
    }
