"""What became of a device, in the one shape in which attributes, events and actions tell it."""

from datetime import datetime
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_STATE
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .account import sharers
from .account.plants import recorded_name
from .account.records import DATA_RECORDS
from .binding.model import Binding, BindingState
from .clock import shown
from .const import CONF_PLANT_ID, CONF_SERIAL_NUMBER, DEVICE_TYPES
from .coordinator import AccountConfigEntry
from .foreign import LONGEST_TEXT, name_with_id, plain
from .texts import account_title, explanation, holds_itself, house_reasons, reason_key

ATTR_REASON: Final = "reason"
ATTR_EXPLANATION: Final = "explanation"
ATTR_PLANT: Final = "plant"
ATTR_HELD_BY: Final = "held_by"
ATTR_HELD_BY_PLANT_ID: Final = "held_by_plant_id"

# Everything that is told of a serial number, as it is when there is nothing to tell.
_NOTHING: Final[dict[str, Any]] = {
    CONF_SERIAL_NUMBER: None,
    ATTR_STATE: None,
    "tracked": False,
    "pending": False,
    "kind": None,
    ATTR_CONFIG_ENTRY_ID: None,
    "account": None,
    CONF_PLANT_ID: None,
    ATTR_PLANT: None,
    ATTR_REASON: None,
    ATTR_EXPLANATION: None,
    "message": None,
    ATTR_HELD_BY: None,
    ATTR_HELD_BY_PLANT_ID: None,
    "submitted": None,
    "last_check": None,
    "next_check": None,
}


def result(serial: str | None, state: str, **told: object) -> dict[str, Any]:
    """Return the result for a serial number: null, or false, where nothing is told."""
    return {**_NOTHING, CONF_SERIAL_NUMBER: serial, ATTR_STATE: state, **told}


@callback
def binding_result(
    entry: AccountConfigEntry, binding: Binding, **instead: object
) -> dict[str, Any]:
    """Return the result for the serial number of a binding, with other values instead of these."""
    coordinator = entry.runtime_data.coordinator
    told = {
        "tracked": not binding.unwanted,
        "pending": binding.pending,
        "kind": binding.kind.value,
        ATTR_CONFIG_ENTRY_ID: entry.entry_id,
        "account": plain(entry.title),
        CONF_PLANT_ID: binding.plant_id,
        "message": binding.message,
        "submitted": written(binding.sent_at),
        "last_check": written(coordinator.last_check(binding.serial)),
        "next_check": written(coordinator.next_check(binding.serial)),
    }
    known = result(binding.serial, binding.state.value, **told)
    return {**known, **outcome(entry, binding), **instead}


@callback
def subentry_told(
    hass: HomeAssistant, entry: AccountConfigEntry, serial: str
) -> dict[str, str | bool | None]:
    """Return what a result tells of a device whose account is not loaded, so of no binding."""
    subentry = next(one for one in entry.subentries.values() if one.unique_id == serial)
    kind = subentry.subentry_type
    # A later version may store other things.
    plant_id: str | None = subentry.data.get(CONF_PLANT_ID)
    return {
        "tracked": True,
        "kind": kind if kind in DEVICE_TYPES else None,
        ATTR_CONFIG_ENTRY_ID: entry.entry_id,
        "account": plain(entry.title),
        CONF_PLANT_ID: plant_id,
        ATTR_PLANT: recorded_name(hass.data[DATA_RECORDS], entry.entry_id, plant_id or ""),
    }


@callback
def outcome(entry: AccountConfigEntry, binding: Binding) -> dict[str, str | None]:
    """Return why a binding is as it is, its plant, and in a conflict who has the device.

    The reason is a key of this integration's texts; the explanation is in the house's language.
    """
    account, hass = entry.runtime_data, entry.runtime_data.coordinator.hass
    key = reason_key(entry, binding, overdue=binding.overdue)
    words = "" if key is None else explanation(hass, entry, house_reasons(hass), binding)
    return {
        ATTR_REASON: key,
        ATTR_EXPLANATION: plain(words, LONGEST_TEXT) or None,
        ATTR_PLANT: account.plants.label(binding.plant_id),
        **_holder(entry, binding),
    }


def _holder(entry: AccountConfigEntry, binding: Binding) -> dict[str, str | None]:
    """Return the plant that has a device, with its account unless that is the same.

    Its ID is told if the device can be submitted to it: it is a plant of the same account, or of
    another one here with the same credentials.
    """
    plant, owner = binding.holder_plant, binding.holder_owner
    if binding.state is not BindingState.CONFLICT or plant is None:
        return {ATTR_HELD_BY: None, ATTR_HELD_BY_PLANT_ID: None}
    hass, account = entry.runtime_data.coordinator.hass, entry.runtime_data
    label = account.plants.label(plant, binding.holder_plant_name)
    if owner is None or holds_itself(entry, owner):
        return {ATTR_HELD_BY: label, ATTR_HELD_BY_PLANT_ID: plant}
    in_reach = any(holds_itself(other, owner) for other in sharers(hass, entry))
    return {
        ATTR_HELD_BY: name_with_id(label, account_title(hass, entry, owner)),
        ATTR_HELD_BY_PLANT_ID: plant if in_reach else None,
    }


def local_time(at: float | None) -> datetime | None:
    """Return one of our times as people see it, in whole seconds, the resolution of a state."""
    return None if at is None else dt_util.utc_from_timestamp(int(shown(at)))


def written(at: float | None) -> str | None:
    """Return one of our times as actions write times: in ISO 8601, by the house's time zone."""
    time = local_time(at)
    return None if time is None else dt_util.as_local(time).isoformat()
