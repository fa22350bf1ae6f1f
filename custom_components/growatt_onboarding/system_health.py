"""The integration's system health information."""

import asyncio
from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .account import is_understood
from .clock import shown
from .const import CONF_SERVER, DOMAIN
from .coordinator import AccountConfigEntry
from .foreign import plain
from .labels import async_why_unavailable


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the information, and the page where accounts are managed."""
    register.async_register_info(
        async_system_health_info, f"/config/integrations/integration/{DOMAIN}"
    )


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the number of accounts and pending bindings, the next call, and what can be done.

    Servers share one key because every key needs a translation.
    """
    entries: list[AccountConfigEntry] = hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )
    understood = filter(is_understood, entries)
    coordinators = [
        entry.runtime_data.coordinator for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    info: dict[str, Any] = {
        "accounts": len(entries),
        "pending_bindings": sum(
            binding.pending for coordinator in coordinators for binding in coordinator.data.values()
        ),
    }
    planned = filter(None, (coordinator.next_step() for coordinator in coordinators))
    if (next_call := min((step.at for step in planned), default=None)) is not None:
        info["next_call"] = dt_util.utc_from_timestamp(int(shown(next_call)))
    if servers := sorted({entry.data[CONF_SERVER] for entry in understood}):
        info["can_reach_servers"] = _async_can_reach(hass, servers)
    info["read_labels"] = plain(await async_why_unavailable(hass)) or "ok"
    return info


async def _async_can_reach(hass: HomeAssistant, servers: list[str]) -> str | dict[str, str]:
    """Return "ok", the share of the servers that can be reached, or why none can."""
    answers = await asyncio.gather(
        *(system_health.async_check_can_reach_url(hass, server) for server in servers)
    )
    failures = [answer for answer in answers if answer != "ok"]
    if not failures:
        return "ok"
    if len(failures) == len(answers):
        return failures[0]
    return f"{len(answers) - len(failures)}/{len(answers)}"
