"""Which accounts there were and which devices somebody removed, whatever Home Assistant saved.

Home Assistant's own list of entries can lag behind or be restored from an older copy. What is
missing there was removed only if somebody was seen removing it; otherwise it was lost.
"""

from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Set as AbstractSet,
)
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntryChange
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from ..const import CONF_ACCOUNT_NAME, CONF_PROVIDER, CONF_SERVER, DOMAIN, LOGGER
from ..foreign import async_raise_issue
from ..gateway import SharedData
from ..gateway.store import DurableStore, NotStoredError, StoredData
from . import abbreviated, is_understood
from .bindings import BindingStore, store_key
from .saved import SavedEntries

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry

ISSUE_ACCOUNT_MISSING: Final = "account_missing"


class KnownAccount(NamedTuple):
    """An account whose entry was not removed by anybody. Holds no secret."""

    unique_id: str | None
    provider: str  # key of the provider
    server: str  # URL of the server
    account_name: str

    @classmethod
    def of(cls, entry: AccountConfigEntry) -> Self:
        """Return what to remember of an entry."""
        data = entry.data
        return cls(entry.unique_id, data[CONF_PROVIDER], data[CONF_SERVER], data[CONF_ACCOUNT_NAME])


class RemovedDevice(NamedTuple):
    """An inverter or a datalogger that somebody removed."""

    entry_id: str
    serial: str


class Records:
    """The accounts and the removed devices, in a store of their own.

    Attributes:
        saved: what of it Home Assistant has written by itself.

    """

    def __init__(self, hass: HomeAssistant) -> None:
        self.saved = SavedEntries(hass)
        self._hass = hass
        self._store = DurableStore(hass, f"{DOMAIN}.records")
        self._written: StoredData = {}
        self._accounts: dict[str, KnownAccount] = {}  # by entry id
        self._removed: dict[str, RemovedDevice] = {}  # by subentry id
        # Ids of removed subentries that Home Assistant's list on disk may still have.
        self._in_list: set[str] = set()
        # The serial numbers with bindings on disk by entry id, as far as it is known.
        self._bound: dict[str, frozenset[str]] = {}
        # The serial numbers of the devices that there are, by entry and subentry id.
        self._devices: dict[str, dict[str, str]] = {}
        # What somebody removed and nobody typed again, by entry id: no datalogger brings it back.
        self._left_out: dict[str, set[str]] = {}
        # What plants were last seen to be called, by entry and plant id.
        self._plants: dict[str, dict[str, str]] = {}
        self._plant_names: Counter[str] | None = None
        # The device whose subentry is being replaced by another one.
        self._replaced: str | None = None
        # The device that is being removed because the cloud has refused it.
        self._let_go: str | None = None

    # Reading and writing

    async def async_load(self) -> None:
        """Read the store."""
        if (data := await self._store.async_read()) is None:
            return
        try:
            accounts = {
                entry_id: _restored(KnownAccount, account)
                for entry_id, account in data["accounts"].items()
            }
            removed = {
                subentry_id: _restored(RemovedDevice, device)
                for subentry_id, device in data["removed"].items()
            }
            left_out = {key: set(serials) for key, serials in data["left_out"].items()}
            plants = {key: _names(names) for key, names in data["plants"].items()}
        except AttributeError, KeyError, TypeError:
            await self._store.async_quarantine()
            return
        self._accounts, self._removed, self._left_out = accounts, removed, left_out
        self._plants = plants
        self._written = data

    def _data(self) -> StoredData:
        return {
            "accounts": {key: account._asdict() for key, account in self._accounts.items()},
            "removed": {key: device._asdict() for key, device in self._removed.items()},
            "left_out": {
                key: sorted(serials) for key, serials in self._left_out.items() if serials
            },
            "plants": {key: dict(names) for key, names in self._plants.items()},
        }

    async def _async_save(self) -> None:
        """Write what has changed; raises NotStoredError."""
        if (data := self._data()) != self._written:
            await self._store.async_write(data)
            self._written = data

    @callback
    def _save_soon(self) -> None:
        """Write what has changed in the background; what fails is written with the next change."""

        async def save() -> None:
            try:
                await self._async_save()
            except NotStoredError:
                LOGGER.debug("A change of accounts and inverters could not be recorded yet")

        self._hass.async_create_task(save(), f"{DOMAIN} save records", eager_start=True)

    async def async_close(self, _event: Event) -> None:
        """Write what could not be written before, as Home Assistant stops."""
        if (data := self._data()) != self._written:
            await self._store.async_write_last(data)

    # Following Home Assistant's entries

    @callback
    def async_start(self, shared: SharedData) -> None:
        """Record what changes from now on, whatever the state of an account.

        A device whose removal Home Assistant could not save anymore is removed again.
        """
        entries: list[AccountConfigEntry] = self._hass.config_entries.async_entries(DOMAIN)
        for entry in entries:
            for subentry_id in entry.subentries.keys() & self._removed.keys():
                self._in_list.add(subentry_id)
                self._hass.config_entries.async_remove_subentry(entry, subentry_id)
            self._follow(entry)
        async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed)
        self.saved.async_add_listener(self._entries_read)
        self.saved.async_read_back()
        self._save_soon()
        self._raise_missing(shared)

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: AccountConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        before = self._devices.get(entry.entry_id)
        if change is ConfigEntryChange.REMOVED:
            self._forget(entry.entry_id)
        else:
            self._follow(entry)
        if self._devices.get(entry.entry_id) != before:
            self.saved.async_read_back()
        self._save_soon()

    def _follow(self, entry: AccountConfigEntry) -> None:
        """Record an account, and its devices that are gone since the last time."""
        entry_id = entry.entry_id
        if is_understood(entry):
            self._accounts[entry_id] = KnownAccount.of(entry)
        before = self._devices.get(entry_id, {})
        self._devices[entry_id] = {
            subentry.subentry_id: subentry.unique_id
            for subentry in entry.subentries.values()
            if subentry.unique_id is not None
        }
        for subentry_id in before.keys() - self._devices[entry_id].keys():
            if (serial := before[subentry_id]) != self._replaced:
                self._in_list.add(subentry_id)
                self._removed[subentry_id] = RemovedDevice(entry_id, serial)
                if serial != self._let_go:
                    self._left_out.setdefault(entry_id, set()).add(serial)

    @contextmanager
    def replacing(self, serial: str) -> Iterator[None]:
        """Take the removal of this device's subentry for none: another one takes its place."""
        self._replaced = serial
        try:
            yield
        finally:
            self._replaced = None

    @contextmanager
    def letting_go(self, serial: str) -> Iterator[None]:
        """Take the removal of this device for ours: a datalogger may bring it later."""
        before, self._let_go = self._let_go, serial
        try:
            yield
        finally:
            self._let_go = before

    def _forget(self, entry_id: str) -> None:
        self._accounts.pop(entry_id, None)
        self._devices.pop(entry_id, None)
        self._left_out.pop(entry_id, None)
        self._plants.pop(entry_id, None)
        self._plant_names = None
        self._bound.pop(entry_id, None)
        self._drop_removals(lambda _, device: device.entry_id == entry_id)
        ir.async_delete_issue(self._hass, DOMAIN, _issue_id(entry_id))

    @callback
    def _entries_read(self) -> None:
        if self.saved.up_to_date:
            self._in_list.clear()
        self._drop_settled()

    # Removed devices

    def removed_serials(self, entry_id: str) -> set[str]:
        """Return the serial numbers of an account's devices whose removal may not be saved yet."""
        return {one.serial for one in self._removed.values() if one.entry_id == entry_id}

    def left_out(self, entry_id: str) -> AbstractSet[str]:
        """Return what somebody removed from an account and nobody added to it again."""
        return self._left_out.get(entry_id, frozenset())

    @callback
    def async_bindings_stored(self, entry_id: str, serials: Iterable[str]) -> None:
        """Note which devices of an account have bindings on disk."""
        self._bound[entry_id] = frozenset(serials)
        self._drop_settled()

    def _drop_settled(self) -> None:
        """Drop the removals that nothing on disk can undo anymore."""
        self._drop_removals(
            lambda subentry_id, device: (
                subentry_id not in self._in_list
                and device.entry_id in self._bound
                and device.serial not in self._bound[device.entry_id]
            )
        )
        self._save_soon()

    def _drop_removals(self, is_over: Callable[[str, RemovedDevice], bool]) -> None:
        """Drop the removals of which that can be said, by subentry id and device."""
        self._removed = {
            subentry_id: device
            for subentry_id, device in self._removed.items()
            if not is_over(subentry_id, device)
        }

    async def async_added_again(self, entry_id: str, serials: Collection[str]) -> None:
        """Forget that somebody removed these devices; raises NotStoredError."""
        self._drop_removals(
            lambda _, device: device.entry_id == entry_id and device.serial in serials
        )
        self._left_out.get(entry_id, set()).difference_update(serials)
        await self._async_save()

    # Plants

    @callback
    def async_see_plants(self, entry_id: str, names: Mapping[str, str]) -> bool:
        """Remember what plants of an account are called, by id; return whether that is new.

        A list may lack some, so the others stay known.
        """
        before = self._plants.get(entry_id, {})
        if names.items() <= before.items():
            return False
        self._plants[entry_id] = {**before, **names}
        self._plant_names = None
        self._save_soon()
        return True

    def plants(self, entry_id: str) -> Mapping[str, str]:
        """Return the names of an account's plants by id, as far as they were seen."""
        return self._plants.get(entry_id, {})

    def plants_called(self, name: str) -> int:
        """Return how many plants of all accounts have a name."""
        if self._plant_names is None:
            known = (other for names in self._plants.values() for other in names.values())
            self._plant_names = Counter(map(str.casefold, known))
        return self._plant_names[name.casefold()]

    # Lost accounts

    def _missing(self) -> dict[str, KnownAccount]:
        """Return the accounts whose entries nobody removed but that have none."""
        entries = self._hass.config_entries
        return {
            entry_id: account
            for entry_id, account in self._accounts.items()
            if entries.async_get_entry(entry_id) is None
        }

    def _raise_missing(self, shared: SharedData) -> None:
        """Raise the repairs of lost accounts, except of those whose registration has one."""
        unfinished = {
            (pending.provider, pending.server, pending.account_name.casefold())
            for pending in shared.pending_registrations.values()
        }
        for entry_id, account in self._missing().items():
            key = (account.provider, account.server, account.account_name.casefold())
            if key in unfinished:
                continue
            LOGGER.warning(
                "An account that nobody removed is missing in Home Assistant's config entries;"
                " the repair says what to do"
            )
            async_raise_issue(
                self._hass,
                _issue_id(entry_id),
                ISSUE_ACCOUNT_MISSING,
                {"name": abbreviated(account.account_name)},
                is_fixable=True,
                severity=ir.IssueSeverity.ERROR,
                data={"problem": ISSUE_ACCOUNT_MISSING, "entry_id": entry_id},
            )

    async def async_adopt(self, entry: AccountConfigEntry) -> None:
        """Give an account that is linked again the bindings of its lost entry."""
        for entry_id, account in self._missing().items():
            if account.unique_id != entry.unique_id:
                continue
            try:
                await BindingStore.async_move(
                    self._hass, store_key(entry_id), store_key(entry.entry_id)
                )
            except NotStoredError:
                # The next start tries again.
                continue
            left_out = self._left_out.get(entry_id, set())
            self._left_out.setdefault(entry.entry_id, set()).update(left_out)
            self.async_see_plants(entry.entry_id, self.plants(entry_id))
            self._forget(entry_id)
        self._save_soon()

    async def async_forget_account(self, entry_id: str) -> None:
        """Forget a lost account, because somebody does not want it back."""
        self._forget(entry_id)
        await BindingStore(self._hass, store_key(entry_id), entry_id).async_remove()
        self._save_soon()


def _issue_id(entry_id: str) -> str:
    return f"{ISSUE_ACCOUNT_MISSING}_{entry_id}"


def _names(stored: Mapping[str, Any]) -> dict[str, str]:
    """Return stored names by id; raise TypeError if one is none."""
    if not all(isinstance(name, str) for name in stored.values()):
        raise TypeError(stored)
    return dict(stored)


def _restored[T: NamedTuple](kind: type[T], stored: Mapping[str, Any]) -> T:
    """Return a stored tuple; raise KeyError or TypeError if it has another shape."""
    values = [stored[name] for name in kind._fields]
    if not all(isinstance(value, (str, type(None))) for value in values):
        raise TypeError(stored)
    return kind(*values)


DATA_RECORDS: HassKey[Records] = HassKey(f"{DOMAIN}_records")


@singleton(DATA_RECORDS, async_=True)
async def async_get_records(hass: HomeAssistant) -> Records:
    """Return the only `Records`; the first call loads them."""
    records = Records(hass)
    await records.async_load()
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, records.async_close)
    return records
