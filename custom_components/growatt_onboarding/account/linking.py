"""Makes entries of accounts that credentials give access to, and renews those that there are.

Whoever asks which accounts these are asks here: what an account is called may be learned late.
"""

from collections.abc import Iterable
from copy import replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud.errors import AccountsUnreadError, CloudError
from ..cloud.model import Account, Values
from ..cloud.provider import CloudClient, Form
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_ACTIVATION_PENDING,
    CONF_SESSION,
    DOMAIN,
)
from ..foreign import plain
from ..gateway import async_get_shared_data
from . import Target, entry_target, is_same_account, is_understood, understood_entries

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry


class Opened(NamedTuple):
    """The accounts that credentials open, as far as that is known.

    Attributes:
        unread: why the cloud's list of them could not be read now, or not all of it. None if it
            was, or if there is none for these credentials.
        listed: the accounts are those of its list all the same, if only of an earlier one.

    """

    accounts: tuple[Account, ...]
    unread: CloudError | None = None
    listed: bool = True


async def async_opened(
    hass: HomeAssistant, target: Target, client: CloudClient, form: Form, values: Values
) -> Opened:
    """Return which accounts a form opens. Raises CloudError if none is known.

    Entries that go by their account's id until now take over its name.
    """
    shared = await async_get_shared_data(hass)
    gateway = shared.gateway(target.provider, target.url, target.credentials)
    async with gateway.accounts_lock:
        try:
            opened = Opened(await client.link(form, values))
        except AccountsUnreadError as err:
            opened = Opened(err.accounts, err.cause, err.listed)
    for account in opened.accounts:
        entry = entry_of(hass, target, account)
        if entry is not None and is_understood(entry):
            _take_over_name(hass, entry, client, account)
    return opened


@callback
def _take_over_name(
    hass: HomeAssistant, entry: AccountConfigEntry, client: CloudClient, account: Account
) -> None:
    """Call an account by its name that goes by its id until now, unless a person has renamed it."""
    unnamed = replace(account, name=entry.data[CONF_ACCOUNT_NAME])
    if unnamed.name != account.id or account.name == account.id:
        return
    named = {CONF_ACCOUNT_NAME: account.name}
    if entry.state is ConfigEntryState.LOADED:
        if not entry.runtime_data.entry_data.change(named):
            return
    else:
        hass.config_entries.async_update_entry(entry, data={**entry.data, **named})
    plants = [plant.name for plant in client.known_plants() if plant.owner_id == account.id]
    if entry.title in {plain(replace(unnamed, plant=plant).title) for plant in (None, *plants)}:
        hass.config_entries.async_update_entry(entry, title=plain(account.title))


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
