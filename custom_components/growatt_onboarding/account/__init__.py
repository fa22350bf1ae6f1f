"""An account as a config entry: what is stored, what tells two of them apart, how to talk to it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud import registry
from ..cloud.model import Account, Values, repr_without
from ..cloud.provider import CloudClient, Provider
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_ACTIVATION_PENDING,
    CONF_CREDENTIALS,
    CONF_PROVIDER,
    CONF_SERVER,
    CONF_SESSION,
)
from ..gateway import Gateway, SharedData

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry


def fingerprint(text: str) -> str:
    """Return a short text that tells this one apart from others without giving it away."""
    return sha256(text.encode()).hexdigest()[:16]


class Target(NamedTuple):
    """A server to talk to, with the credentials for it."""

    provider: Provider
    url: str
    credentials: Values

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "credentials")

    def client(self, shared: SharedData) -> CloudClient:
        """Return a client without an account's session."""
        return shared.client(self.provider, self.url, self.credentials)

    @property
    def realm(self) -> str:
        """Within what account ids are unique: a server, or a site or user domain on it."""
        return f"{self.provider.key}|{self.url}|{self.provider.identify(self.credentials)}"

    def unique_id(self, account: Account) -> str:
        """Return what tells this account apart from every other: no address, no user name."""
        return f"{fingerprint(self.realm)}_{account.id or fingerprint(account.name.casefold())}"

    def entry_data(self, account: Account) -> dict[str, Any]:
        """Return what the account's config entry stores."""
        return {
            CONF_PROVIDER: self.provider.key,
            CONF_SERVER: self.url,
            CONF_CREDENTIALS: dict(self.credentials),
            CONF_ACCOUNT_ID: account.id,
            CONF_ACCOUNT_NAME: account.name,
            CONF_SESSION: None if account.session is None else dict(account.session),
            CONF_ACTIVATION_PENDING: account.activation_pending,
        }


def entry_target(entry: AccountConfigEntry) -> Target:
    """Return the server and credentials of an account's entry."""
    return Target(
        provider=registry.provider(entry.data[CONF_PROVIDER]),
        url=entry.data[CONF_SERVER],
        credentials=entry.data[CONF_CREDENTIALS],
    )


def is_same_account(entry: AccountConfigEntry, target: Target, account: Account) -> bool:
    """Tell whether an entry's account is this one, found here or at another place than before.

    Elsewhere the same id may be somebody else's, so the names have to agree there too, unless
    one of them is only the id.
    """
    known_id, known_name = entry.data[CONF_ACCOUNT_ID], entry.data[CONF_ACCOUNT_NAME]
    same_name: bool = account.name.casefold() == known_name.casefold()
    if known_id is None:
        return same_name
    names_tell = known_id not in {known_name, account.name}
    moved = entry_target(entry).realm != target.realm
    return account.id == known_id and (same_name or not (moved and names_tell))


@callback
def entry_client(
    hass: HomeAssistant, shared: SharedData, entry: AccountConfigEntry
) -> tuple[CloudClient, Gateway]:
    """Return the client of an account's entry and what it shares with others."""
    target = entry_target(entry)
    stored_data: Mapping[str, Any] = entry.data

    @callback
    def store_session(session: Values) -> None:
        """Keep the session that the cloud handed out anew, unless somebody signed in meanwhile."""
        nonlocal stored_data
        if entry.data != stored_data:
            return
        stored_data = {**stored_data, CONF_SESSION: dict(session)}
        # While it is taken down, the last answer is still waited for.
        if entry.state in {ConfigEntryState.LOADED, ConfigEntryState.UNLOAD_IN_PROGRESS}:
            entry.runtime_data.loaded_data = dict(stored_data)
        hass.config_entries.async_update_entry(entry, data=stored_data)

    client = shared.client(
        target.provider,
        target.url,
        target.credentials,
        session=entry.data[CONF_SESSION],
        on_session=store_session,
    )
    return client, shared.gateway(target.provider, target.url, target.credentials)
