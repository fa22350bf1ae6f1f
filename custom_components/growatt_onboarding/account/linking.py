"""Makes entries of accounts that credentials give access to, and renews those that there are."""

from collections.abc import Iterable
from copy import replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud.model import Account
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_ACTIVATION_PENDING,
    CONF_SESSION,
    DOMAIN,
)
from . import Target, entry_target, is_same_account, understood_entries

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry


class LinkState(StrEnum):
    """What became of an account that was to be added."""

    LINKED = "linked"
    ALREADY_LINKED = "already_linked"
    # There is no entry, or one that could not be set up.
    FAILED = "failed"


class Linked(NamedTuple):
    """An account that was to be added: what became of it, and its entry if there is one."""

    state: LinkState
    entry: AccountConfigEntry | None

    @property
    def reason(self) -> str | None:
        """The key of the text that says why it failed, None if it did not."""
        if self.state is not LinkState.FAILED:
            return None
        return "unknown" if self.entry is None else "not_loaded"


async def async_link(hass: HomeAssistant, target: Target, account: Account) -> Linked:
    """Add an account, as after its registration, unless it is here already."""
    if (lacking := lacking_entry(hass, target, account)) is not None:
        renew(hass, lacking, target, account)
        return Linked(LinkState.LINKED, lacking)
    if (known := entry_of(hass, target, account)) is not None:
        return Linked(LinkState.ALREADY_LINKED, known)
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IMPORT},
        data={
            "unique_id": target.unique_id(account),
            "title": account.title,
            "data": target.entry_data(account),
        },
    )
    added = entry_of(hass, target, account)
    is_set_up = added is not None and added.state is ConfigEntryState.LOADED
    return Linked(LinkState.LINKED if is_set_up else LinkState.FAILED, added)


@callback
def entry_of(hass: HomeAssistant, target: Target, account: Account) -> AccountConfigEntry | None:
    """Return the entry of an account on the target's server, None if there is none."""
    unique_id = target.unique_id(account)
    return hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)


@callback
def lacking_entry(
    hass: HomeAssistant, target: Target, account: Account
) -> AccountConfigEntry | None:
    """Return the account's entry if that lacks the id or the session, None otherwise."""
    for entry in understood_entries(hass):
        if (
            (entry.data[CONF_ACCOUNT_ID] is None or entry.data[CONF_SESSION] is None)
            and entry_target(entry).realm == target.realm
            and is_same_account(entry, target, account)
            and entry_of(hass, target, account) in {None, entry}
        ):
            return entry
    return None


def matching(
    entries: Iterable[AccountConfigEntry], target: Target, accounts: Iterable[Account]
) -> dict[AccountConfigEntry, Account]:
    """Return which of the accounts that the target's credentials open each entry is of, if any."""
    accounts = tuple(accounts)
    by_id = {account.id: (account,) for account in accounts}
    found = {}
    for entry in entries:
        known_id = entry.data[CONF_ACCOUNT_ID]
        candidates = accounts if known_id is None else by_id.get(known_id, ())
        for account in candidates:
            if is_same_account(entry, target, account):
                found[entry] = account
                break
    return found


@callback
def renew(hass: HomeAssistant, entry: AccountConfigEntry, target: Target, account: Account) -> None:
    """Update an account's entry with new credentials or a new session, and reload it once."""
    pending = account.activation_pending
    if pending is None:
        pending = entry.data[CONF_ACTIVATION_PENDING]
    account = replace(account, name=entry.data[CONF_ACCOUNT_NAME], activation_pending=pending)
    data = target.entry_data(account)
    # The entry's own listener reloads it for new data, but only while it is loaded.
    reload = entry.data == data or entry.state is not ConfigEntryState.LOADED
    hass.config_entries.async_update_entry(entry, unique_id=target.unique_id(account), data=data)
    if reload:
        hass.config_entries.async_schedule_reload(entry.entry_id)
