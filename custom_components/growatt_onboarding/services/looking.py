"""The actions that look: list the devices, and check them in the cloud."""

import asyncio
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID, ATTR_STATE, CONF_TIMEOUT
from homeassistant.core import ServiceCall, ServiceResponse

from ..account.plants import as_spoken
from ..binding.model import Binding
from ..clock import now
from ..cloud.errors import InvalidInputError
from ..cloud.fields import REQUIRED
from ..const import CONF_PLANT_ID, CONF_SERIAL_NUMBERS, DOMAIN
from ..coordinator import AccountConfigEntry, AccountCoordinator
from ..outcome import binding_result, result
from ..texts import NOT_SIGNED_IN, async_reasons
from .chosen import Current, Refusal, chosen_accounts, chosen_devices
from .common import NOT_LOADED, async_through_reloads, invalid

ATTR_KIND: Final = "kind"
_ASKED: Final = "asked"


async def list_devices(call: ServiceCall) -> ServiceResponse:
    """List the inverters and dataloggers, of all accounts that are enabled or of those given.

    Responds with `devices`, each as in the results of `bind_device`, and `not_loaded`: the accounts
    whose devices cannot be among them. Asks no cloud.
    """
    given: list[str] | None = call.data.get(ATTR_CONFIG_ENTRY_ID)
    plants = set(map(as_spoken, call.data.get(CONF_PLANT_ID, ())))
    enabled = call.hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )
    entry_ids = [entry.entry_id for entry in enabled] if given is None else given
    loaded, others = chosen_accounts(call.hass, entry_ids)
    if given is not None and not loaded:
        raise invalid(others[0].refusal.key, **others[0].refusal.values)
    serials: set[str] | None = None
    if call.data.keys() & {CONF_SERIAL_NUMBERS, ATTR_DEVICE_ID}:
        serials = {one.serial for one in chosen_devices(call)}
    reasons = await async_reasons(call.hass)
    return {
        "devices": [
            binding_result(entry, binding)
            for entry in loaded
            for binding in entry.runtime_data.coordinator.data.values()
            if serials is None or binding.serial in serials
            if _is_wanted(call, entry, binding, plants)
        ],
        "not_loaded": [other.told(reasons) for other in others],
    }


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
    the device meanwhile. If not, `next_check` says when it will be, or `reason` why it cannot be.
    An account that is not loaded has a result without a serial number.
    """
    if not call.data.keys() & {ATTR_DEVICE_ID, ATTR_CONFIG_ENTRY_ID}:
        raise InvalidInputError(REQUIRED, field=f"{ATTR_DEVICE_ID} / {ATTR_CONFIG_ENTRY_ID}")
    chosen = chosen_devices(call) if ATTR_DEVICE_ID in call.data else []
    loaded, others = chosen_accounts(call.hass, call.data.get(ATTR_CONFIG_ENTRY_ID, []))
    to_check: dict[AccountConfigEntry, dict[str, None]] = {}
    for one in chosen:
        if one.entry is not None:
            to_check.setdefault(one.entry, {})[one.serial] = None
    for entry in loaded:
        if pending := entry.runtime_data.coordinator.pending:
            to_check.setdefault(entry, {}).update(dict.fromkeys(pending))
    reasons = await async_reasons(call.hass)
    told = {_ASKED: False}
    results = [one.result(reasons, **told) for one in chosen if one.entry is None]
    results += [result(None, NOT_LOADED, **other.told(reasons), **told) for other in others]
    if to_check and not results and not any(map(_signed_in, to_check)):
        raise invalid(NOT_SIGNED_IN, account=next(iter(to_check)).title)
    timeout: float = call.data[CONF_TIMEOUT]
    began = now()
    await asyncio.gather(*(_async_check(one, to_check[one], timeout) for one in to_check))
    current = Current(call.hass, reasons)
    checked = [
        _checked(current, reasons, serial, began)
        for serial in chain.from_iterable(to_check.values())
    ]
    return {"results": [*checked, *results]}


def _signed_in(entry: AccountConfigEntry) -> bool:
    return entry.runtime_data.coordinator.signed_in


async def _async_check(entry: AccountConfigEntry, serials: Iterable[str], timeout: float) -> None:
    """Check devices of an account, as far as somebody is signed in to it."""

    async def check(coordinator: AccountCoordinator, left: float) -> None:
        if coordinator.signed_in:
            coordinator.async_check(serials)
            await coordinator.async_wait_for_checks(serials, left)

    await async_through_reloads(entry, timeout, check)


def _checked(
    current: Current, reasons: Mapping[str, str], serial: str, began: float
) -> dict[str, Any]:
    """Return what is known of a device after a check that began then."""
    told: dict[str, Any] = {_ASKED: False}
    if (found := current.binding(serial)) is not None:
        entry, _ = found
        last = entry.runtime_data.coordinator.last_check(serial)
        told[_ASKED] = last is not None and last >= began
        if not _signed_in(entry):
            told |= Refusal(NOT_SIGNED_IN, {"account": entry.title}).told(reasons)
    return current.result(serial, **told)
