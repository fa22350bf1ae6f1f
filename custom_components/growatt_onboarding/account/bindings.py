"""An account's bindings, in memory and on disk, and the subentries that belong to them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant

from ..binding import transitions
from ..binding.model import Binding, BindingState, persistent_fields, without_future
from ..clock import now
from ..cloud.model import DeviceKind
from ..const import (
    CONF_PLANT_ID,
    CONF_SERIAL_NUMBER,
    DEVICE_TYPES,
    DOMAIN,
    LOGGER,
)
from ..foreign import plain
from ..gateway.store import DurableStore, NotStoredError, StoredData
from .serials import is_serial, tracking_entries

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry
    from .records import Records

# Of so many devices of an account, no more are added because a cloud lists them.
_MOST_BROUGHT: Final = 1_000
# The journal holds at most one of so many bindings; beyond that the snapshot is written again.
_JOURNAL_FRACTION: Final = 50


def store_key(entry_id: str) -> str:
    """Return the key of the store with an account's bindings."""
    return f"{DOMAIN}.{entry_id}"


class Bindings:
    """The bindings of one account, each with a subentry of its kind.

    A binding whose subentry is gone at a start is dropped too if somebody was seen removing it.
    Otherwise Home Assistant lost the subentry, so it is added again.

    Attributes:
        known: the bindings by serial number; read-only for others.
        returned: serial numbers of the devices that were added again, until a person has seen
            that; read-only for others.

    """

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry, records: Records) -> None:
        self.known: dict[str, Binding] = {}
        self.returned: set[str] = set()
        self._hass = hass
        self._entry = entry
        self._records = records
        self._store = BindingStore(hass, store_key(entry.entry_id), entry.title)
        # New bindings that are not on disk yet: nothing may be sent for these.
        self._unsaved: set[str] = set()
        # Whose subentries were seen: only these can be found to be gone.
        self._had_subentry: set[str] = set()
        self._times_changed = False

    # Reading

    async def async_load(self) -> None:
        """Read the store, and reconcile bindings and subentries.

        A device without a stored binding is looked for before anything is sent for it.
        """
        stored, returned = await self._store.async_read()
        subentries = self._subentries()
        # Somebody may have added an inverter to another account meanwhile.
        removed = self._records.removed_serials(self._entry.entry_id)
        missing = stored.keys() - tracking_entries(self._hass).keys() - removed
        missing -= {serial for serial in missing if stored[serial].unwanted}
        time = now()
        for serial, binding in stored.items():
            if serial in subentries:
                self.known[serial] = without_future(binding, time)
            elif serial in missing:
                self.known[serial] = transitions.returned(without_future(binding, time))
        for serial in subentries.keys() - self.known.keys():
            subentry = subentries[serial]
            plant_id, kind = subentry.data[CONF_PLANT_ID], DeviceKind(subentry.subentry_type)
            self.known[serial] = transitions.recover(serial, plant_id, time, kind)
        self.returned = (returned & self.known.keys()) | missing
        if missing:
            LOGGER.warning(
                "%s: Home Assistant's config entries lacked %s devices that nobody removed; they"
                " were added again",
                self._entry.title,
                len(missing),
            )
        self._sync_subentries(self.known.values())
        if self.known != stored or self.returned != returned:
            await self.async_try_save()
        else:
            self._records.async_bindings_stored(self._entry.entry_id, self.known)

    # Writing

    @property
    def write_failed(self) -> bool:
        """Whether a write failed and none has succeeded since."""
        return self._store.write_failed

    async def async_save(self, changed: Collection[str] | None = None) -> None:
        """Write these bindings, by default all; raises NotStoredError."""
        if changed is not None:
            await self._store.async_write_changed(changed, self.known, self.returned)
            return
        await self._store.async_write(self.known, self.returned)
        self._times_changed = False
        self._records.async_bindings_stored(self._entry.entry_id, self.known)

    async def async_try_save(self, changed: Collection[str] | None = None) -> bool:
        """Write these bindings, by default all; return whether that succeeded."""
        try:
            await self.async_save(changed)
        except NotStoredError:
            return False
        return True

    async def async_close(self) -> None:
        """Write what has not been written yet."""
        if self.write_failed or self._times_changed:
            await self.async_try_save()

    # Changing

    async def async_add(
        self, bindings: Collection[Binding], before_adding: Callable[[], None] | None = None
    ) -> None:
        """Store new bindings, then call `before_adding` and add their subentries.

        Raises NotStoredError, in which case none was added.
        """
        new = {binding.serial: binding for binding in bindings}
        # First, so that no other account can add them meanwhile.
        self.known.update(new)
        self._unsaved |= new.keys()
        try:
            await self._records.async_added_again(self._entry.entry_id, new.keys())
            await self.async_save()
        except NotStoredError:
            for serial in new:
                self.known.pop(serial, None)
            raise
        finally:
            self._unsaved -= new.keys()
        if before_adding is not None:
            before_adding()
        self._sync_subentries(new.values())

    async def async_bring(self, bindings: Iterable[Binding]) -> None:
        """Add those of these inverters that nobody has added, and that nobody has removed here.

        Raises NotStoredError.
        """
        known = tracking_entries(self._hass).keys() | self._records.left_out(self._entry.entry_id)
        new = [
            binding
            for binding in bindings
            if binding.serial not in known and is_serial(binding.serial)
        ]
        if new := new[: max(0, _MOST_BROUGHT - len(self.known))]:
            await self.async_add(new)

    def ready(self) -> Mapping[str, Binding]:
        """Return the bindings that are on disk: only for these may anything be sent."""
        if not self._unsaved:
            return self.known
        return {
            serial: binding for serial, binding in self.known.items() if serial not in self._unsaved
        }

    async def async_store(self, binding: Binding) -> None:
        """Replace a binding, also on disk. Raises NotStoredError, in which case nothing changed."""
        before = self.known[binding.serial]
        self.known[binding.serial] = binding
        try:
            await self.async_save([binding.serial])
        except NotStoredError:
            if self.known.get(binding.serial) is binding:
                self.known[binding.serial] = before
            raise

    async def async_replace(self, binding: Binding) -> None:
        """Replace a binding and update its subentry; raises NotStoredError like `async_store`."""
        await self.async_store(binding)
        if binding.serial in self.known:
            self._sync_subentries([self.known[binding.serial]])

    async def async_take(self, bindings: Iterable[Binding]) -> None:
        """Replace those of these bindings that are still tracked; times alone cause no write.

        A failed write does not undo the change, because it reports what is so in the cloud.
        """
        to_write = []
        for binding in bindings:
            before = self.known.get(binding.serial)
            if before is None or before is binding:
                continue
            self.known[binding.serial] = binding
            self._times_changed = True
            if persistent_fields(before) != persistent_fields(binding):
                to_write.append(binding.serial)
        if to_write:
            await self.async_try_save(to_write)

    def see(self, serials: Collection[str]) -> bool:
        """Record which pending inverters the watch list shows; return whether any is new."""
        time = now()
        seen = [
            binding
            for serial, binding in self.known.items()
            if binding.pending and binding.watch_seen_at is None and serial in serials
        ]
        self.known.update((binding.serial, transitions.seen(binding, time)) for binding in seen)
        return bool(seen)

    def removed(self) -> set[str]:
        """Drop the bindings whose subentry is gone; return their serial numbers.

        The caller has to save the rest.
        """
        gone = (self._had_subentry & self.known.keys()) - self._subentries().keys()
        for serial in gone:
            del self.known[serial]
        self._had_subentry -= gone
        self.returned -= gone
        return gone

    def let_go(self, serial: str) -> None:
        """Remove the subentry of a device if it is unwanted, as nobody wanted it kept.

        The caller has to drop its binding.
        """
        binding, subentry = self.known.get(serial), self._subentries().get(serial)
        if binding is not None and binding.unwanted and subentry is not None:
            with self._records.letting_go(serial):
                self._hass.config_entries.async_remove_subentry(self._entry, subentry.subentry_id)

    async def async_keep_returned(self) -> None:
        """Record that a person has seen which inverters were added again."""
        self.returned = set()
        await self.async_try_save()

    # Subentries

    def _subentries(self) -> dict[str, ConfigSubentry]:
        return {
            subentry.unique_id: subentry
            for subentry in self._entry.subentries.values()
            if subentry.subentry_type in DEVICE_TYPES and subentry.unique_id is not None
        }

    def _sync_subentries(self, bindings: Iterable[Binding]) -> None:
        """Add missing subentries, and make the others those of the bindings' plants and kinds."""
        entries = self._hass.config_entries
        subentries = self._subentries()
        for binding in bindings:
            data = {CONF_SERIAL_NUMBER: binding.serial, CONF_PLANT_ID: binding.plant_id}
            subentry = subentries.get(binding.serial)
            if subentry is not None and subentry.subentry_type != binding.kind:
                # The type of a subentry stays, and no other one may have the same unique id.
                self._had_subentry.discard(binding.serial)
                with self._records.replacing(binding.serial):
                    entries.async_remove_subentry(self._entry, subentry.subentry_id)
                subentry = None
            self._had_subentry.add(binding.serial)
            if subentry is None:
                entries.async_add_subentry(
                    self._entry,
                    ConfigSubentry(
                        data=MappingProxyType(data),
                        subentry_type=binding.kind.value,
                        title=plain(binding.serial),
                        unique_id=binding.serial,
                    ),
                )
            elif subentry.data[CONF_PLANT_ID] != binding.plant_id:
                entries.async_update_subentry(self._entry, subentry, data={**subentry.data, **data})


class BindingStore:
    """The files of one account's bindings: a snapshot of all, and a journal of later changes."""

    def __init__(self, hass: HomeAssistant, key: str, name: str) -> None:
        # Whether a write failed and none has succeeded since.
        self.write_failed = False
        self._hass = hass
        self._name = name
        self._snapshot = DurableStore(hass, key)
        self._journal = DurableStore(hass, f"{key}.journal")
        # Counts the snapshots; a journal belongs to the snapshot of the same generation.
        self._generation = 0
        self._changed: set[str] = set()
        self._write_lock = asyncio.Lock()
        # Caches the stored form of each binding.
        self._as_dicts: dict[str, tuple[Binding, dict[str, Any]]] = {}

    async def async_read(self) -> tuple[dict[str, Binding], set[str]]:
        """Return the stored bindings, and the serial numbers of those that were added again."""
        if (stored := await self._async_read_snapshot()) is None:
            # A journal means nothing without its snapshot.
            await self._journal.async_remove()
            return {}, set()
        bindings, returned, self._generation = stored
        journal = await self._journal.async_read()
        try:
            if journal is not None and journal["generation"] == self._generation:
                newest = _restored(journal["bindings"])
                bindings |= newest
                self._changed.update(newest)
        except AttributeError, KeyError, TypeError, ValueError:
            await self._journal.async_quarantine()
        if self._journal.damaged:
            # Some may have been sent since the snapshot: look for them before sending anything.
            bindings |= {
                serial: transitions.recover(
                    serial, binding.plant_id, binding.queued_at, binding.kind
                )
                for serial, binding in bindings.items()
                if binding.state is BindingState.QUEUED
            }
        return bindings, returned

    async def _async_read_snapshot(self) -> tuple[dict[str, Binding], set[str], int] | None:
        """Return the contents of the snapshot, None if it is missing or invalid."""
        if (stored := await self._snapshot.async_read()) is None:
            return None
        try:
            bindings, generation = _restored(stored["bindings"]), int(stored["generation"])
            return bindings, set(stored["returned"]), generation
        except AttributeError, KeyError, TypeError, ValueError:
            await self._snapshot.async_quarantine()
            return None

    async def async_write(self, known: Mapping[str, Binding], returned: Collection[str]) -> None:
        """Write a snapshot; raises NotStoredError."""
        async with self._write_lock:
            await self._async_write_snapshot(known, returned)

    async def async_write_changed(
        self, serials: Iterable[str], known: Mapping[str, Binding], returned: Collection[str]
    ) -> None:
        """Write the journal if few bindings changed, else a snapshot; raises NotStoredError."""
        async with self._write_lock:
            self._changed.update(serials)
            if not self.write_failed and len(self._changed) <= len(known) // _JOURNAL_FRACTION:
                changed = [known[serial].as_dict() for serial in self._changed if serial in known]
                with suppress(NotStoredError):
                    await self._journal.async_write(
                        {"generation": self._generation, "bindings": changed}
                    )
                    return
            await self._async_write_snapshot(known, returned)

    @classmethod
    async def async_move(cls, hass: HomeAssistant, key: str, new_key: str) -> None:
        """Move bindings from one key to another; raises NotStoredError."""
        old, new = cls(hass, key, key), cls(hass, new_key, new_key)
        bindings, returned = await old.async_read()
        if bindings:
            there, returned_there = await new.async_read()
            await new.async_write(bindings | there, returned | returned_there)
        await old.async_remove()

    async def async_remove(self) -> None:
        """Remove both files."""
        await self._snapshot.async_remove()
        await self._journal.async_remove()

    async def _async_write_snapshot(
        self, known: Mapping[str, Binding], returned: Collection[str]
    ) -> None:
        try:
            await self._snapshot.async_write(self._snapshot_data(known, returned))
        except NotStoredError, asyncio.CancelledError:
            if not (self.write_failed or self._hass.is_stopping):
                LOGGER.error("%s: storage cannot be written, so nothing is sent", self._name)
            self.write_failed = True
            raise
        if self.write_failed:
            self.write_failed = False
            LOGGER.info("%s: storage can be written again", self._name)

    def _snapshot_data(self, known: Mapping[str, Binding], returned: Collection[str]) -> StoredData:
        """Return the data of a new snapshot, which starts a new journal."""
        self._generation += 1
        self._changed.clear()
        self._as_dicts = {
            serial: last
            if (last := self._as_dicts.get(serial)) is not None and last[0] is binding
            else (binding, binding.as_dict())
            for serial, binding in known.items()
        }
        return {
            "generation": self._generation,
            "bindings": [as_dict for _, as_dict in self._as_dicts.values()],
            "returned": sorted(returned),
        }


def _restored(stored: Iterable[dict[str, Any]]) -> dict[str, Binding]:
    """Return stored bindings by serial number; raise TypeError or ValueError if invalid."""
    bindings = map(Binding.from_dict, stored)
    return {binding.serial: binding for binding in bindings}
