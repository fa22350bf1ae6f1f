"""What a bug report needs, with everything personal left out."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .access import now
from .binding.model import Binding
from .coordinator import AccountConfigEntry

_SERIAL_SHOWN: Final = 4

TO_REDACT: Final = {
    "access",
    "account_id",
    "account_name",
    "datalogger",
    "holder_owner",
    "holder_plant",
    "message",
    "plant_id",
    "serial",
    "serial_number",
    "session",
    "title",
    "unique_id",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: AccountConfigEntry
) -> dict[str, Any]:
    """Return what is known of an account."""
    coordinator = entry.runtime_data.coordinator
    return {
        "entry": async_redact_data(entry.as_dict(), TO_REDACT),
        "capabilities": sorted(entry.runtime_data.client.capabilities),
        "signed_in": entry.runtime_data.client.signed_in,
        "reachable": coordinator.last_update_success,
        "calls": coordinator.call_usage(),
        "bindings": {
            shown(serial): _binding(binding, coordinator.next_check(serial))
            for serial, binding in coordinator.data.items()
        },
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: AccountConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of an inverter, or of its account."""
    subentry = entry.subentries.get(device.config_subentry_id or "")
    if subentry is None or subentry.unique_id is None:
        return await async_get_config_entry_diagnostics(hass, entry)
    coordinator = entry.runtime_data.coordinator
    binding = coordinator.data.get(subentry.unique_id)
    return {
        "reachable": coordinator.last_update_success,
        "calls": coordinator.call_usage(),
        "binding": binding and _binding(binding, coordinator.next_check(binding.serial)),
    }


def shown(serial: str) -> str:
    """Return a serial number with all but its end left out."""
    return f"{REDACTED}{serial[-_SERIAL_SHOWN:]}"


def _binding(binding: Binding, next_check: float | None) -> Mapping[str, Any]:
    time = now()
    return {
        **async_redact_data(binding.as_dict(), TO_REDACT),
        "next_check_in": None if next_check is None else round(next_check - time),
    }
