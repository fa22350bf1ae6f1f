"""An account as a config entry: its stored data, its identity and its client."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud import registry
from ..cloud.model import Account, Credentials, Values, repr_without
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


_ABBREVIATED_LENGTH: Final = 3


def fingerprint(text: str) -> str:
    """Return a short hash that identifies a text without revealing it."""
    return sha256(text.encode()).hexdigest()[:16]


def abbreviated(text: str) -> str:
    """Return the beginning of a name: enough to recognize it, but little to learn from."""
    return f"{text[: min(_ABBREVIATED_LENGTH, len(text) // 2)]}…"


class Target(NamedTuple):
    """A server to talk to, with the credentials for it."""

    provider: Provider
    url: str
    credentials: Credentials

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "credentials")

    def client(self, shared: SharedData) -> CloudClient:
        """Return a client without an account's session."""
        return shared.client(self.provider, self.url, self.credentials)

    @property
    def realm(self) -> str:
        """The scope in which account ids are unique: a server, or a site or user domain on it."""
        part = self.credentials.get(self.provider.realm_field or "", "")
        return f"{self.provider.key}|{self.url}|{part}"

    def unique_id(self, account: Account) -> str:
        """Return the account's unique id, which reveals no address and no user name."""
        return f"{fingerprint(self.realm)}_{account.id or fingerprint(account.name.casefold())}"

    def entry_data(self, account: Account) -> dict[str, Any]:
        """Return the data of the account's config entry."""
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
    """Return whether an entry is of this account, even if the account was in another realm.

    In another realm the same id may be somebody else's, so the names have to match too, unless
    one of them is just the id.
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
    """Return the client of an account's entry and its gateway."""
    target = entry_target(entry)
    stored_data: Mapping[str, Any] = entry.data

    @callback
    def store_session(session: Values) -> None:
        """Store a renewed session, unless somebody signed in meanwhile."""
        nonlocal stored_data
        if entry.data != stored_data:
            return
        stored_data = {**stored_data, CONF_SESSION: dict(session)}
        # An unloading entry still waits for the last answer.
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
