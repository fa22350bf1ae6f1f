"""What the system information page says about this integration."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .access import minutes_until
from .const import CONF_SERVER, DOMAIN
from .coordinator import AccountConfigEntry


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the page's content."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return reachability per server, and how much is going on."""
    entries: list[AccountConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data.coordinator for entry in entries]
    planned = [
        at
        for coordinator in coordinators
        for serial in coordinator.data
        if (at := coordinator.next_check(serial)) is not None
    ]
    servers = sorted({entry.data[CONF_SERVER] for entry in entries})
    return {
        "accounts": len(entries),
        "pending_bindings": sum(
            binding.pending
            for coordinator in coordinators
            for binding in coordinator.data.values()
        ),
        "minutes_to_next_call": minutes_until(min(planned)) if planned else None,
        **{
            f"reach {server}": system_health.async_check_can_reach_url(hass, server)
            for server in servers
        },
    }
