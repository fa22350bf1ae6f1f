"""What the actions share: the account that one is for, how long it waits, and its errors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_TIMEOUT
from homeassistant.core import ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_get_config_entry

from ..clock import now
from ..cloud.provider import Capability
from ..const import CONF_ACCOUNT_ID, DOMAIN
from ..coordinator import AccountConfigEntry, AccountCoordinator
from ..foreign import translated

# The key of a text, and a state of results.
NOT_LOADED: Final = "not_loaded"
MAX_TIMEOUT: Final = 300
# What comes on top of the time that the calls themselves take: lists in between, and a look for
# each answer that says too little.
_EXTRA_WAIT: Final = 30


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return an error that is the caller's mistake."""
    return translated(ServiceValidationError, key, placeholders)


def account_entry(call: ServiceCall, capability: Capability) -> AccountConfigEntry:
    """Return the entry of the account that an action is for.

    Raises ServiceValidationError if the account does not support the action or is not signed in.
    """
    entry_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
    return usable_entry(async_get_config_entry(call.hass, DOMAIN, entry_id), capability)


def usable_entry(entry: AccountConfigEntry, capability: Capability) -> AccountConfigEntry:
    """Return an entry whose account can do this.

    Raises ServiceValidationError if it is not loaded, does not support that or is not signed in.
    """
    if entry.state is not ConfigEntryState.LOADED:
        raise invalid(NOT_LOADED, account=entry.title)
    account = entry.runtime_data
    if capability not in account.client.capabilities:
        raise invalid("not_supported", account=entry.title)
    # An account that the cloud denies still takes devices, to send them later.
    later = capability in (Capability.BIND, Capability.DATALOGGER)
    signed_in = (account.client if later else account.coordinator).signed_in
    if not signed_in or entry.data[CONF_ACCOUNT_ID] is None:
        raise invalid("not_signed_in", account=entry.title)
    return entry


def waiting_time(call: ServiceCall, coordinator: AccountCoordinator, calls: int) -> float:
    """Return how many seconds an action waits for the answers to so many calls.

    Calls of one account leave one after the other, about one a second.
    """
    given: float | None = call.data.get(CONF_TIMEOUT)
    if given is not None:
        return given
    return min(_EXTRA_WAIT + calls * coordinator.timing.call_gap, MAX_TIMEOUT)


async def async_through_reloads(
    entry: AccountConfigEntry,
    timeout: float,
    wait: Callable[[AccountCoordinator, float], Awaitable[None]],
) -> None:
    """Wait for something that takes up to `timeout` seconds, and goes on when a reload is over.

    `wait` gets the seconds that are left, and returns when the coordinator has stopped.
    """
    end = now() + timeout
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(end - now()):
                await async_settle(entry)
        if entry.state is not ConfigEntryState.LOADED:
            return
        coordinator = entry.runtime_data.coordinator
        await wait(coordinator, max(0, end - now()))
        if not coordinator.stopped or now() >= end:
            return


async def async_wait_for_answers(
    call: ServiceCall,
    entry: AccountConfigEntry,
    serials: Iterable[str],
    timeout: float,
    *,
    began: float,
) -> None:
    """Wait for the cloud's first answers for `timeout` seconds.

    An action that does not say how long it waits goes on while answers still come: the calls of
    others with the same credentials leave in between. `began`: when the action began to wait.
    """
    waiting = list(serials)

    async def wait(coordinator: AccountCoordinator, left: float) -> None:
        await coordinator.async_wait_for_answers(waiting, left)

    while waiting:
        await async_through_reloads(entry, timeout, wait)
        if entry.state is not ConfigEntryState.LOADED:
            return
        coordinator = entry.runtime_data.coordinator
        still_open = [serial for serial in waiting if coordinator.unanswered(serial)]
        left = began + MAX_TIMEOUT - now()
        if CONF_TIMEOUT in call.data or len(still_open) == len(waiting) or left <= 0:
            return
        waiting = still_open
        timeout = min(waiting_time(call, coordinator, len(waiting)), left)


async def async_usable(entry: AccountConfigEntry, capability: Capability) -> None:
    """Make sure that an account can do this still, once a reload in between is over.

    Raises ServiceValidationError as `usable_entry` does.
    """
    await async_settle(entry)
    usable_entry(entry, capability)


async def async_settle(entry: AccountConfigEntry) -> None:
    """Wait until an account is neither being set up nor unloaded."""
    async with entry.setup_lock:
        pass
