"""The actions that undo and repeat: submit devices again, move them, and remove them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_STATE
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError

from ..binding.model import Binding, BindingState
from ..clock import now
from ..cloud.errors import CloudError
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability
from ..coordinator import AccountConfigEntry
from ..gateway.store import NotStoredError
from ..outcome import binding_result
from ..texts import async_reasons
from .chosen import REMOVED, Chosen, Current, Refusal, chosen_devices
from .common import (
    account_entry,
    async_settle,
    async_usable,
    async_wait_for_answers,
    usable_entry,
    waiting_time,
)
from .plants import async_given_plant_id

_DONE: Final = "done"
_NEEDED: Final = {
    DeviceKind.INVERTER: Capability.BIND,
    DeviceKind.DATALOGGER: Capability.DATALOGGER,
}

# Does something with a device; returns the account that has it then. Raises CloudError,
# HomeAssistantError or NotStoredError, in which case nothing was done.
type Change = Callable[[AccountConfigEntry, Binding], Awaitable[AccountConfigEntry]]


async def submit_again(call: ServiceCall) -> ServiceResponse:
    """Submit devices again.

    Responds with `results` like `bind_device`, each with `done`. If that is false, `reason` and
    `explanation` say why nothing was sent.
    """

    async def submit(entry: AccountConfigEntry, binding: Binding) -> AccountConfigEntry:
        _check_submittable(entry, binding)
        await entry.runtime_data.coordinator.async_submit_again(binding.serial)
        return entry

    return await _change(call, chosen_devices(call), submit)


async def move_device(call: ServiceCall) -> ServiceResponse:
    """Submit devices to another plant, also of another account with the same credentials.

    Responds like `submit_again`.
    """
    other: AccountConfigEntry | None = None
    if ATTR_CONFIG_ENTRY_ID in call.data:
        other = account_entry(call, Capability.BIND)
    chosen = chosen_devices(call)
    owners = [one.entry for one in chosen] if other is None else [other]
    plants = await _async_plants(call, owners)

    async def move(entry: AccountConfigEntry, binding: Binding) -> AccountConfigEntry:
        _check_submittable(entry, binding)
        target = entry if other is None else usable_entry(other, _NEEDED[binding.kind])
        if isinstance(plant_id := plants[target.entry_id], Exception):
            raise plant_id
        coordinator = entry.runtime_data.coordinator
        if target is entry:
            await coordinator.async_submit_again(binding.serial, plant_id)
            return entry
        if target.runtime_data.gateway is not entry.runtime_data.gateway:
            raise CloudError("other_token", placeholders={"account": target.title})
        await target.runtime_data.coordinator.async_take_over(coordinator, binding.serial, plant_id)
        return target

    return await _change(call, chosen, move, into=other)


async def _async_plants(
    call: ServiceCall, owners: Iterable[AccountConfigEntry | None]
) -> dict[str, str | CloudError | HomeAssistantError]:
    """Return the ID of the plant that was given, or why it is none, by the id of its owner."""
    plants: dict[str, str | CloudError | HomeAssistantError] = {}
    for entry in owners:
        if entry is None or entry.entry_id in plants:
            continue
        try:
            # Those of others may have been listed before.
            await async_usable(entry, Capability.BIND)
            plants[entry.entry_id] = await async_given_plant_id(entry, call)
        except (CloudError, HomeAssistantError) as err:
            plants[entry.entry_id] = err
    return plants


async def remove_device(call: ServiceCall) -> ServiceResponse:
    """Remove devices from Home Assistant. Nothing changes in the cloud.

    Responds like `submit_again`; the state of a device that was removed is `removed`.
    """
    reasons = await async_reasons(call.hass)
    chosen = chosen_devices(call)
    told: dict[str, object] = {"tracked": False, "pending": False, "next_check": None}
    told |= {ATTR_STATE: REMOVED, _DONE: True}
    gone: dict[str, dict[str, Any]] = {}
    for one in chosen:
        if (found := await _async_found(one)) is None:
            continue
        entry, binding = found
        gone[one.serial] = binding_result(entry, binding, **told)
        entry.runtime_data.coordinator.async_remove([one.serial])
        # Home Assistant takes a few milliseconds for each.
        await asyncio.sleep(0)
    current = Current(call.hass, reasons)
    left = {_DONE: False}
    results = [
        one.result(reasons, **left)
        if one.entry is None
        else gone.get(one.serial) or current.result(one.serial, **left)
        for one in chosen
    ]
    return {"results": [*results]}


def _check_submittable(entry: AccountConfigEntry, binding: Binding) -> None:
    """Raise an error if a device cannot be submitted."""
    usable_entry(entry, _NEEDED[binding.kind])
    if binding.state is BindingState.ASSOCIATED:
        plant = entry.runtime_data.plants.label(binding.plant_id)
        raise CloudError(
            "already_associated", placeholders={"serial": binding.serial, "plant": plant}
        )


async def _async_found(one: Chosen) -> tuple[AccountConfigEntry, Binding] | None:
    """Return a chosen device's account and binding now that its turn has come, None if it has none.

    Meanwhile others may have removed or moved it, and its account may have been unloaded.
    """
    if one.entry is None:
        return None
    await async_settle(one.entry)
    if one.entry.state is not ConfigEntryState.LOADED:
        return None
    binding = one.entry.runtime_data.coordinator.data.get(one.serial)
    return None if binding is None else (one.entry, binding)


async def _change(
    call: ServiceCall,
    chosen: list[Chosen],
    change: Change,
    *,
    into: AccountConfigEntry | None = None,
) -> ServiceResponse:
    """Change the chosen devices, one by one, and wait for the cloud's first answers.

    `into` is the other account that gets them, if one does.
    """
    reasons = await async_reasons(call.hass)
    refusals: dict[str, Refusal] = {}
    changed: dict[str, AccountConfigEntry] = {}
    for one in chosen:
        if into is not None:
            await async_settle(into)
        if (found := await _async_found(one)) is None:
            continue
        try:
            changed[one.serial] = await change(*found)
        except NotStoredError:
            refusals[one.serial] = Refusal.of(CloudError("not_stored"))
        except (CloudError, HomeAssistantError) as err:
            refusals[one.serial] = Refusal.of(err)
    await _async_wait(call, changed)
    current = Current(call.hass, reasons)

    def told(one: Chosen) -> dict[str, Any]:
        if one.entry is None:
            return one.result(reasons, **{_DONE: False})
        if (refusal := refusals.get(one.serial)) is not None:
            return current.result(one.serial, **refusal.told(reasons), **{_DONE: False})
        told = current.result(one.serial)
        # What was removed before its turn has not been submitted.
        return {**told, _DONE: one.serial in changed and told[ATTR_STATE] != REMOVED}

    return {"results": [told(one) for one in chosen]}


async def _async_wait(call: ServiceCall, changed: dict[str, AccountConfigEntry]) -> None:
    """Wait for the cloud's first answers to these devices."""
    by_entry: dict[AccountConfigEntry, list[str]] = {}
    for serial, entry in changed.items():
        by_entry.setdefault(entry, []).append(serial)
    began = now()

    async def wait(entry: AccountConfigEntry, serials: list[str]) -> None:
        await async_settle(entry)
        if entry.state is ConfigEntryState.LOADED:
            # Calls of accounts with the same credentials leave one after the other, too.
            timeout = waiting_time(call, entry.runtime_data.coordinator, len(changed))
            await async_wait_for_answers(call, entry, serials, timeout, began=began)

    await asyncio.gather(*(wait(entry, serials) for entry, serials in by_entry.items()))
