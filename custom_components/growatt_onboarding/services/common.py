"""What the actions share: the account that one is for, how long it waits, and its errors."""

from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_TIMEOUT
from homeassistant.core import ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_get_config_entry

from ..cloud.provider import Capability
from ..const import CONF_ACCOUNT_ID, DOMAIN
from ..coordinator import AccountConfigEntry, AccountCoordinator
from ..foreign import translated

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
    """Return a loaded entry whose account can do this.

    Raises ServiceValidationError if it does not support that or is not signed in.
    """
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
