"""Diagnostics for bug reports, without personal data.

Only what is listed here is included. Serial numbers are cut to their end, at most four characters,
and plants are numbered. A cloud's own words are included without what is known to be personal or
looks like it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.util import dt as dt_util

from .account import account_names, is_understood
from .binding.model import Binding
from .binding.planner import Planned
from .binding.timing import Timing
from .clock import now, shown
from .cloud import registry
from .cloud.servers import server_key
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ACTIVATION_PENDING,
    CONF_CREDENTIALS,
    CONF_DENIED,
    CONF_PROVIDER,
    CONF_SERVER,
    CONF_SESSION,
    SUBENTRY_DATALOGGER,
    SUBENTRY_INVERTER,
)
from .coordinator import AccountConfigEntry
from .gateway import Gateway

# Number of characters at the end of a serial number that stay readable.
_SERIAL_END: Final = 4
# A value up to this length, such as a plant id, may be part of something else by chance.
_SHORT: Final = 4

# How each field of a binding is included; a field that is not listed here is left out.
_PLAIN: Final = (
    "kind",
    "state",
    "silent",
    "failures",
    "known_to_cloud",
    "maybe_accepted_before",
    "keep_refused",
    "reason",
    "model",
    "series",
)
_TIMES: Final = (
    "queued_at",
    "sent_at",
    "accepted_at",
    "associated_at",
    "overdue_at",
    "list_checked_at",
    "watch_seen_at",
    "holder_checked_at",
    "missing_at",
    "brought_at",
    "behind_checked_at",
)
# By the cloud's clock.
_TIMES_OF_CLOUD: Final = ("last_report",)
_SERIALS: Final = ("serial", "datalogger")
_HIDDEN: Final = ("device_key", "holder_plant", "holder_plant_name", "holder_owner")

# What looks personal: e-mail addresses, coordinates, phone numbers, device numbers.
_LOOKS_PERSONAL: Final = (
    r"\S+@\S+",
    r"\d+[.,]\d{3,}",
    r"\+?\d(?:[ ()/.-]*\d){5,}",
    r"(?=[\w-]*\d)[\w-]{6,}",
)
# Shorter words of a name would be found in every text.
_SHORTEST_WORD: Final = 3


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: AccountConfigEntry
) -> dict[str, Any]:
    """Return the diagnostics of an account."""
    if entry.state is not ConfigEntryState.LOADED:
        return {"account": _account(entry)}
    bindings = entry.runtime_data.coordinator.data
    return {**_overview(entry), "bindings": _bindings(entry, bindings.values())}


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: AccountConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return the diagnostics of an inverter or a datalogger, else those of the account."""
    subentry = entry.subentries.get(device.config_subentry_id or "")
    if subentry is None or entry.state is not ConfigEntryState.LOADED:
        return await async_get_config_entry_diagnostics(hass, entry)
    binding = entry.runtime_data.coordinator.data.get(subentry.unique_id or "")
    return {**_overview(entry), "bindings": _bindings(entry, [binding] if binding else [])}


def redact_serial(serial: str) -> str:
    """Return the end of a serial number, at most half of it, with the rest redacted."""
    left_out = max(len(serial) - _SERIAL_END, (len(serial) + 1) // 2)
    return f"{REDACTED}{serial[left_out:]}"


def redact_text(text: str, personal: Iterable[str]) -> str:
    """Return a text without these values, in any case, and without what looks personal."""
    known = sorted(filter(None, personal), key=len, reverse=True)
    exact = [re.escape(value) for value in known if len(value) > _SHORT]
    words = [rf"(?<!\w){re.escape(value)}(?!\w)" for value in known if len(value) <= _SHORT]
    # Alternatives are tried in order: known values go before patterns.
    return re.sub("|".join([*exact, *words, *_LOOKS_PERSONAL]), REDACTED, text, flags=re.IGNORECASE)


def _account(entry: AccountConfigEntry) -> dict[str, Any]:
    """Return the entry of an account."""
    data = entry.data
    types = Counter(subentry.subentry_type for subentry in entry.subentries.values())
    of_any_version = {
        "version": f"{entry.version}.{entry.minor_version}",
        "source": entry.source,
        "state": entry.state.value,
        "inverters": types[SUBENTRY_INVERTER],
        "dataloggers": types[SUBENTRY_DATALOGGER],
        "polling": not entry.pref_disable_polling,
        "provider": data.get(CONF_PROVIDER),
    }
    if not is_understood(entry):
        return of_any_version
    url = data[CONF_SERVER]
    known = server_key(registry.provider(data[CONF_PROVIDER]), url)
    return {
        **of_any_version,
        # A person's own server may have their name in its address.
        "server": known if known != url else f"own address, {url.partition(':')[0]}",
        "credentials": sorted(data[CONF_CREDENTIALS]),
        "account_id_known": data[CONF_ACCOUNT_ID] is not None,
        "session": sorted(data[CONF_SESSION]) if data[CONF_SESSION] is not None else None,
        "activation_pending": data[CONF_ACTIVATION_PENDING],
        "denied": data[CONF_DENIED],
    }


def _overview(entry: AccountConfigEntry) -> dict[str, Any]:
    """Return everything about an account except its bindings."""
    runtime = entry.runtime_data
    coordinator = runtime.coordinator
    return {
        "account": _account(entry),
        "capabilities": sorted(runtime.client.capabilities),
        "signed_in": runtime.client.signed_in,
        "connected": coordinator.connected,
        "available": coordinator.last_update_success,
        "next_step": _step(coordinator.next_step()),
        "ledger": _ledger(runtime.gateway, coordinator.timing),
    }


def _ledger(gateway: Gateway, timing: Timing) -> dict[str, Any]:
    """Return which calls were made and how they ended, without their subjects."""
    stored = gateway.ledger.as_dict()
    usage = gateway.ledger.usage(now())
    cooldown = gateway.ledger.longest_cooldown + timing.margin
    last_calls = {path: max(calls.values()) for path, calls in stored["calls"].items() if calls}
    refusals = {path: max(ends.values()) for path, ends in stored["refused_until"].items() if ends}
    return {
        "reachable": gateway.reachable,
        "counts_endpoints": stored["by_endpoint"],
        "outages_in_a_row": stored["outages"],
        "paused_until": _time(stored["paused_until"] or None),
        "endpoints": {
            path: {
                **usage.get(path, {}),
                "cooled_down_at_the_latest": _time(
                    last_calls[path] + cooldown if path in last_calls else None
                ),
                "refused_until": _time(refusals.get(path)),
                "last_answer": _last_answer(gateway, path),
            }
            for path in sorted({*usage, *last_calls, *refusals, *gateway.last_answers})
        },
    }


def _last_answer(gateway: Gateway, path: str) -> dict[str, Any] | None:
    if (answer := gateway.last_answers.get(path)) is None:
        return None
    return {"at": _time(answer.at), "error": answer.key, "code": answer.code}


def _bindings(entry: AccountConfigEntry, bindings: Iterable[Binding]) -> list[dict[str, Any]]:
    """Return bindings, each with its next step."""
    coordinator = entry.runtime_data.coordinator
    personal = set(_personal(entry))
    plants = {binding.plant_id: None for binding in coordinator.data.values()}
    numbers = {plant_id: number for number, plant_id in enumerate(plants, 1)}
    return [
        {
            **_binding(binding),
            "plant": numbers.get(binding.plant_id),
            "message": binding.message and redact_text(binding.message, personal),
            "next_step": _step(coordinator.next_step(binding.serial)),
        }
        for binding in bindings
    ]


def _binding(binding: Binding) -> dict[str, Any]:
    known = {"kind": binding.kind.value, **binding.as_dict()}
    return {
        **{name: known[name] for name in _PLAIN if name in known},
        **{name: _time(known[name]) for name in _TIMES if name in known},
        **{name: _of_cloud(known[name]) for name in _TIMES_OF_CLOUD if name in known},
        **{name: redact_serial(known[name]) for name in _SERIALS if name in known},
        **{name: REDACTED for name in _HIDDEN if name in known},
    }


def _step(planned: Planned | None) -> dict[str, Any] | None:
    """Return a planned step and its time, without its subject."""
    if planned is None:
        return None
    step = planned.step
    return {
        "kind": step.kind.value,
        "device": step.device.value,
        "page": step.page,
        "at": _time(planned.at),
    }


def _time(at: float | None) -> str | None:
    return None if at is None else _of_cloud(shown(at))


def _of_cloud(at: float) -> str:
    return dt_util.utc_from_timestamp(at).isoformat(timespec="seconds")


def _personal(entry: AccountConfigEntry) -> Iterator[str]:
    """Yield what must not occur in a text: secrets, ids, and names with each of their words."""
    yield from _texts(entry.data[CONF_CREDENTIALS])
    yield from _texts(entry.data[CONF_SESSION] or {})
    yield entry.data[CONF_ACCOUNT_ID] or ""
    names = [entry.title, *account_names(entry)]
    for subentry in entry.subentries.values():
        names.append(subentry.title)
        yield subentry.unique_id or ""
        yield from _texts(subentry.data)
    for binding in entry.runtime_data.coordinator.data.values():
        yield from (*binding.names, binding.plant_id)
        yield from (binding.datalogger or "", binding.holder_plant or "")
        yield binding.holder_owner or ""
        names.append(binding.holder_plant_name or "")
    for name in names:
        yield name
        yield from (word for word in name.split() if len(word) >= _SHORTEST_WORD)


def _texts(values: Mapping[str, Any]) -> Iterator[str]:
    return (value for value in values.values() if isinstance(value, str))
