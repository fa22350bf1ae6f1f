"""An account as a config entry: its stored data, its identity and its client."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError

from ..cloud import registry
from ..cloud.errors import CloudError
from ..cloud.model import Account, Credentials, repr_without
from ..cloud.provider import CloudClient, Provider
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_ACTIVATION_PENDING,
    CONF_ASKED_AT,
    CONF_CREDENTIALS,
    CONF_DENIED,
    CONF_OTHER_NAMES,
    CONF_PROVIDER,
    CONF_SERVER,
    CONF_SESSION,
    DOMAIN,
    ENTRY_VERSION,
)
from ..foreign import translated
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
            CONF_OTHER_NAMES: list(account.other_names),
            CONF_SESSION: None if account.session is None else dict(account.session),
            CONF_ACTIVATION_PENDING: bool(account.activation_pending),
            # Whether somebody has to sign in: at once, or because the cloud denied these
            # credentials or this session since.
            CONF_DENIED: account.sign_in_needed,
            # When the cloud was last asked about the account itself.
            CONF_ASKED_AT: None,
        }


class EntryData:
    """The data of an account's entry that the account is set up with.

    What is changed here needs no reload, unlike data that somebody else changes.

    Attributes:
        current: the data at set-up, with what was changed here since.

    """

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry) -> None:
        self.entry = entry
        self.current: Mapping[str, Any] = dict(entry.data)
        self._hass = hass

    @callback
    def change(self, changes: Mapping[str, object]) -> bool:
        """Change the data; return whether they still were these.

        They are not after somebody has signed in meanwhile or has removed the account: then
        nothing is changed, because what led to the change is about other credentials.
        """
        entries = self._hass.config_entries
        if self.entry.data != self.current or not entries.async_get_entry(self.entry.entry_id):
            return False
        self.current = {**self.current, **changes}
        entries.async_update_entry(self.entry, data=self.current)
        return True


def is_understood(entry: AccountConfigEntry) -> bool:
    """Return whether this version knows the form of an entry, and its provider.

    If not, a later version made it, and it is left alone until that is installed again; or it is no
    account, but holds that somebody ignored a discovery.
    """
    known = entry.data.get(CONF_PROVIDER) in registry.PROVIDER_KEYS
    return entry.version == ENTRY_VERSION and known


@callback
def understood_entries(hass: HomeAssistant) -> list[AccountConfigEntry]:
    """Return the entries that are accounts, without those that only a later version understands."""
    return list(filter(is_understood, hass.config_entries.async_entries(DOMAIN)))


@callback
def sharers(
    hass: HomeAssistant, entry: AccountConfigEntry, target: Target | None = None
) -> list[AccountConfigEntry]:
    """Return the other accounts that stand and fall with an account's credentials.

    `target` has the credentials, by default those that the account has now. Where a session is
    needed, too, that is what an account stands and falls with.
    """
    if not is_understood(entry) or not _needs_only_credentials(entry):
        return []
    target = target or entry_target(entry)
    return [
        other
        for other in understood_entries(hass)
        if other is not entry and _needs_only_credentials(other) and entry_target(other) == target
    ]


def _needs_only_credentials(entry: AccountConfigEntry) -> bool:
    # None is the session of an account that nobody has signed in to.
    return bool(entry.data[CONF_SESSION] == {})


@callback
def reauth_flows(hass: HomeAssistant, entry: AccountConfigEntry) -> list[ConfigFlowResult]:
    """Return the dialogs in progress that ask for what an account, or a sharer of it, lacks."""
    asked_for = {entry.entry_id, *(other.entry_id for other in sharers(hass, entry))}
    flows = hass.config_entries.flow.async_progress_by_handler(
        DOMAIN, include_uninitialized=True, match_context={"source": SOURCE_REAUTH}
    )
    return [flow for flow in flows if flow["context"].get("entry_id") in asked_for]


def entry_target(entry: AccountConfigEntry) -> Target:
    """Return the server and credentials of an account's entry.

    Raises ConfigEntryError, with a text, for an entry that only a later version understands.
    """
    if not is_understood(entry):
        provider = str(entry.data.get(CONF_PROVIDER, "?"))
        raise translated(ConfigEntryError, "unknown_provider", {"provider": provider})
    return Target(
        provider=registry.provider(entry.data[CONF_PROVIDER]),
        url=entry.data[CONF_SERVER],
        credentials=entry.data[CONF_CREDENTIALS],
    )


def account_names(entry: AccountConfigEntry) -> tuple[str, ...]:
    """Return all names by which an entry's account is known."""
    return (entry.data[CONF_ACCOUNT_NAME], *entry.data[CONF_OTHER_NAMES])


def is_same_account(entry: AccountConfigEntry, target: Target, account: Account) -> bool:
    """Return whether an entry is of this account, even if the account was in another realm.

    In another realm the same id may be somebody else's, so the names have to match too, unless
    one of them is just the id.
    """
    known_id, known_name = entry.data[CONF_ACCOUNT_ID], entry.data[CONF_ACCOUNT_NAME]
    names = {name.casefold() for name in (account.name, *account.other_names)}
    same_name = any(name.casefold() in names for name in account_names(entry))
    if known_id is None:
        return same_name
    names_tell = known_id not in {known_name, account.name}
    moved = entry_target(entry).realm != target.realm
    return account.id == known_id and (same_name or not (moved and names_tell))


async def async_entry_elsewhere(
    hass: HomeAssistant, shared: SharedData, target: Target, account: Account
) -> AccountConfigEntry | None:
    """Return the entry that an account has in another realm of the same server, None if none.

    Where the realm may be left empty, a server takes a wrong one for its first. Accounts of
    different realms may have the same id and name, but none accepts the session of another.
    """
    if not target.provider.realm_optional or account.session is None:
        return None
    for entry in understood_entries(hass):
        other = entry_target(entry)
        if (
            (other.provider.key, other.url) != (target.provider.key, target.url)
            or other.realm == target.realm
            or entry.data[CONF_ACCOUNT_ID] not in {None, account.id}
            or not is_same_account(entry, target, account)
        ):
            continue
        client = shared.client(
            other.provider, other.url, other.credentials, session=account.session
        )
        with suppress(CloudError):
            await client.verify()
            return entry
    return None


def entry_client(shared: SharedData, data: EntryData) -> tuple[CloudClient, Gateway]:
    """Return the client of an account's entry and its gateway."""
    target = entry_target(data.entry)
    client = shared.client(
        target.provider,
        target.url,
        target.credentials,
        session=data.current[CONF_SESSION],
        on_session=lambda session: data.change({CONF_SESSION: dict(session)}),
    )
    return client, shared.gateway(target.provider, target.url, target.credentials)


def reauth_on_denial(
    entry: AccountConfigEntry, target: Target | None = None
) -> AbstractContextManager[None]:
    """Return a context for calls with credentials alone, which may be an account's own.

    If the cloud denies these, the account asks for others. An account with a session is only
    denied by what the cloud says of that.
    """
    if (
        entry.state is not ConfigEntryState.LOADED
        or entry.data[CONF_SESSION]
        or (target is not None and target != entry_target(entry))
    ):
        return nullcontext()
    return entry.runtime_data.coordinator.reauth_on_denial()
