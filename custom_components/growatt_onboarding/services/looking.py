"""The actions that look: list the devices, and check them in the cloud."""

import asyncio
from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID, ATTR_STATE, CONF_TIMEOUT
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, callback
from homeassistant.helpers.service import async_get_config_entry

from ..account.plants import as_spoken
from ..binding.model import Binding
from ..clock import now
from ..cloud.errors import InvalidInputError
from ..cloud.fields import REQUIRED
from ..const import CONF_PLANT_ID, DOMAIN
from ..coordinator import AccountConfigEntry, AccountCoordinator
from ..outcome import binding_result, result
from ..texts import async_reasons
from .chosen import Refusal, device_of
from .common import invalid, loaded_entries

ATTR_KIND: Final = "kind"
_ASKED: Final = "asked"


async def list_devices(call: ServiceCall) -> ServiceResponse:
    """List the inverters and dataloggers, of all accounts that are set up or of those given.

    Responds with `devices`, each as in the results of `bind_device`. Asks no cloud.
    """
    given: list[str] | None = call.data.get(ATTR_CONFIG_ENTRY_ID)
    plants = set(map(as_spoken, call.data.get(CONF_PLANT_ID, ())))
    entries = loaded_entries(call.hass) if given is None else _entries(call.hass, given)
    return {
        "devices": [
            binding_result(entry, binding)
            for entry in entries
            for binding in entry.runtime_data.coordinator.data.values()
            if _is_wanted(call, entry, binding, plants)
        ]
    }


@callback
def _entries(hass: HomeAssistant, entry_ids: list[str]) -> list[AccountConfigEntry]:
    """Return these accounts; raises ServiceValidationError if one is none or is not loaded."""
    ids = dict.fromkeys(entry_ids)
    return [async_get_config_entry(hass, DOMAIN, entry_id) for entry_id in ids]


def _is_wanted(
    call: ServiceCall, entry: AccountConfigEntry, binding: Binding, plants: set[str]
) -> bool:
    """Return whether no filter leaves a device out; `plants` are as people call them."""
    return (
        binding.state in call.data.get(ATTR_STATE, (binding.state,))
        and binding.kind in call.data.get(ATTR_KIND, (binding.kind,))
        and not (plants and plants.isdisjoint(entry.runtime_data.plants.spoken(binding.plant_id)))
    )


async def check_association(call: ServiceCall) -> ServiceResponse:
    """Check devices now, as far as the limits allow: those given, and accounts' pending ones.

    Responds with `results` like `bind_device`, each with `asked`: whether the cloud was asked for
    the device meanwhile. If not, `next_check` says when it will be.
    """
    chosen = _to_check(call)
    able = {one: serials for one, serials in chosen.items() if one.signed_in}
    if chosen and not able:
        raise invalid("not_signed_in", account=next(iter(chosen)).config_entry.title)
    began = now()
    for coordinator, serials in able.items():
        coordinator.async_check(serials)
    timeout: float = call.data[CONF_TIMEOUT]
    await asyncio.gather(
        *(
            coordinator.async_wait_for_checks(serials, timeout)
            for coordinator, serials in able.items()
        )
    )
    reasons = await async_reasons(call.hass)
    results = []
    for coordinator, serials in chosen.items():
        entry = coordinator.config_entry
        told: dict[str, object] = {}
        if coordinator not in able:
            told = {**Refusal("not_signed_in", {"account": entry.title}).told(reasons)}
        for serial in serials:
            last = coordinator.last_check(serial)
            told[_ASKED] = last is not None and last >= began
            binding = coordinator.data.get(serial)
            results.append(
                # Somebody removed it while the action waited.
                result(serial, "removed", **told)
                if binding is None
                else binding_result(entry, binding, **told)
            )
    return {"results": [*results]}


def _to_check(call: ServiceCall) -> dict[AccountCoordinator, list[str]]:
    """Return the serial numbers to check, by account and each once.

    Raises ServiceValidationError if one is no device, or no account.
    """
    if not call.data.keys() & {ATTR_DEVICE_ID, ATTR_CONFIG_ENTRY_ID}:
        raise InvalidInputError(REQUIRED, field=f"{ATTR_DEVICE_ID} / {ATTR_CONFIG_ENTRY_ID}")
    chosen: dict[AccountCoordinator, list[str]] = {}
    for device_id in call.data.get(ATTR_DEVICE_ID, ()):
        entry, serial = device_of(call.hass, device_id)
        chosen.setdefault(entry.runtime_data.coordinator, []).append(serial)
    for entry in _entries(call.hass, call.data.get(ATTR_CONFIG_ENTRY_ID, [])):
        coordinator = entry.runtime_data.coordinator
        if coordinator.pending:
            chosen.setdefault(coordinator, []).extend(coordinator.pending)
    return {coordinator: list(dict.fromkeys(serials)) for coordinator, serials in chosen.items()}
