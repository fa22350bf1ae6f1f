"""An account's bindings, in memory and on disk, and the subentries that belong to them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..binding import transitions
from ..binding.model import Binding, BindingState, persistent_fields
from ..clock import now
from ..const import CONF_PLANT_ID, CONF_SERIAL_NUMBER, LOGGER, SUBENTRY_INVERTER
from ..gateway.store import DurableStore, NotStoredError, StoredData

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry

# All are written once more when more than one of so many has changed: a few are always all written.
_JOURNAL_FRACTION: Final = 50
# Home Assistant writes a subentry a second after it was added; after this many it surely has.
_SUBENTRY_STORED_AFTER: Final = 10


class Bindings:
    """The bindings of one account.

    A subentry that was on disk once and is gone at a start was removed by somebody, and its
    binding goes too. One that never was on disk was lost in a crash, and comes back.

    Attributes:
        known: the bindings by serial number; for others to read only.

    """

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry, store: BindingStore) -> None:
        """Start empty; `async_load` fills it."""
        self.known: dict[str, Binding] = {}
        self._hass = hass
        self._entry = entry
        self._store = store
        # Known, but not on disk for the first time yet: nothing may be sent for these.
        self._unsaved: set[str] = set()
        self._subentry_stored: set[str] = set()
        self._added: dict[str, float] = {}
        self._cancel_stored_check: CALLBACK_TYPE | None = None
        self._times_changed = False
        # Another object has the store from now on.
        self._closed = False

    # Reading

    async def async_load(self) -> None:
        """Read the store, and put store and subentries right with each other.

        An inverter of which no binding is known is looked for before anything is sent for it.
        """
        stored, subentry_stored = await self._store.async_read()
        subentries = self._subentries()
        self.known.update(
            (serial, binding)
            for serial, binding in stored.items()
            if serial in subentries or serial not in subentry_stored
        )
        time = now()
        for serial in subentries.keys() - self.known.keys():
            plant_id = subentries[serial].data[CONF_PLANT_ID]
            self.known[serial] = transitions.recover(serial, plant_id, time)
        self._subentry_stored = subentry_stored & subentries.keys()
        self._added = dict.fromkeys(subentries.keys() - self._subentry_stored, time)
        self._sync_subentries(self.known.values())
        if self.known != stored or self._subentry_stored != subentry_stored:
            await self.async_try_save()
        self._schedule_stored_check()

    # Writing

    @property
    def write_failed(self) -> bool:
        """Whether a write failed and none has succeeded since."""
        return self._store.write_failed

    async def async_save(self, changed: Collection[str] | None = None) -> None:
        """Write these bindings, by default all; raises NotStoredError."""
        if changed is not None:
            await self._store.async_write_changed(changed, self.known, self._subentry_stored)
            return
        time = now()
        subentry_stored = self._subentry_stored | {
            serial
            for serial, added in self._added.items()
            if not 0 <= time - added < _SUBENTRY_STORED_AFTER
        }
        await self._store.async_write(self.known, subentry_stored)
        self._times_changed = False
        for serial in subentry_stored & self._added.keys():
            self._subentry_stored.add(serial)
            del self._added[serial]

    async def async_try_save(self, changed: Collection[str] | None = None) -> bool:
        """Write these bindings, by default all; a failure leaves them `write_failed`."""
        try:
            await self.async_save(changed)
        except NotStoredError:
            return False
        return True

    async def async_close(self) -> None:
        """Write what is worth keeping and was not worth a write of its own."""
        self._closed = True
        if self._cancel_stored_check is not None:
            self._cancel_stored_check()
            self._cancel_stored_check = None
        if self.write_failed or self._times_changed:
            await self.async_try_save()

    # Changing

    async def async_add(self, bindings: Collection[Binding]) -> None:
        """Write down new bindings, then add their subentries.

        Raises NotStoredError, and then none was added.
        """
        new = {binding.serial: binding for binding in bindings}
        self.known.update(new)
        self._unsaved |= new.keys()
        try:
            await self.async_save()
        except NotStoredError:
            for serial in new:
                self.known.pop(serial, None)
            raise
        finally:
            self._unsaved -= new.keys()
        self._sync_subentries(new.values())
        self._schedule_stored_check()

    def ready(self) -> Mapping[str, Binding]:
        """Return the bindings that are on disk: the only ones to do anything about."""
        if not self._unsaved:
            return self.known
        return {
            serial: binding for serial, binding in self.known.items() if serial not in self._unsaved
        }

    async def async_store(self, binding: Binding) -> None:
        """Replace a binding, on disk too. Raises NotStoredError, and then nothing changed."""
        before = self.known[binding.serial]
        self.known[binding.serial] = binding
        try:
            await self.async_save([binding.serial])
        except NotStoredError:
            if self.known.get(binding.serial) is binding:
                self.known[binding.serial] = before
            raise

    async def async_replace(self, binding: Binding) -> None:
        """Replace a binding, on disk and in its subentry; raises NotStoredError as above."""
        await self.async_store(binding)
        if binding.serial in self.known:
            self._sync_subentries([self.known[binding.serial]])

    async def async_take(self, bindings: Iterable[Binding]) -> None:
        """Replace the bindings among these that are still tracked; the times alone cost no write.

        These are things that are so in the cloud: a failed write does not undo them.
        """
        material = []
        for binding in bindings:
            before = self.known.get(binding.serial)
            if before is None or before is binding:
                continue
            self.known[binding.serial] = binding
            self._times_changed = True
            if persistent_fields(before) != persistent_fields(binding):
                material.append(binding.serial)
        if material:
            await self.async_try_save(material)

    def see(self, serials: Collection[str]) -> bool:
        """Note which pending inverters a list without plants shows; tell whether any is new."""
        time = now()
        seen = [
            binding
            for serial, binding in self.known.items()
            if binding.pending and binding.watch_seen_at is None and serial in serials
        ]
        self.known.update((binding.serial, transitions.seen(binding, time)) for binding in seen)
        return bool(seen)

    def removed(self) -> set[str]:
        """Return the serial numbers of the bindings whose subentry is gone, and forget these.

        What is left has to be saved.
        """
        had_subentry = self._subentry_stored | self._added.keys()
        gone = (had_subentry & self.known.keys()) - self._subentries().keys()
        for serial in gone:
            del self.known[serial]
            self._subentry_stored.discard(serial)
            self._added.pop(serial, None)
        return gone

    # Subentries

    def _subentries(self) -> dict[str, ConfigSubentry]:
        """Return the inverters' subentries by serial number."""
        return {
            subentry.unique_id: subentry
            for subentry in self._entry.get_subentries_of_type(SUBENTRY_INVERTER)
            if subentry.unique_id is not None
        }

    def _sync_subentries(self, bindings: Iterable[Binding]) -> None:
        """Give bindings without a subentry one; where the plants differ, the binding knows best."""
        entries = self._hass.config_entries
        subentries = self._subentries()
        for binding in bindings:
            data = {CONF_SERIAL_NUMBER: binding.serial, CONF_PLANT_ID: binding.plant_id}
            if (subentry := subentries.get(binding.serial)) is None:
                entries.async_add_subentry(
                    self._entry,
                    ConfigSubentry(
                        data=MappingProxyType(data),
                        subentry_type=SUBENTRY_INVERTER,
                        title=binding.serial,
                        unique_id=binding.serial,
                    ),
                )
                self._added[binding.serial] = now()
            elif subentry.data[CONF_PLANT_ID] != binding.plant_id:
                entries.async_update_subentry(self._entry, subentry, data={**subentry.data, **data})

    @callback
    def _schedule_stored_check(self) -> None:
        """Write down which subentries are on disk as soon as the new ones are."""
        if self._added and self._cancel_stored_check is None and not self._closed:
            self._cancel_stored_check = async_call_later(
                self._hass, _SUBENTRY_STORED_AFTER, self._async_note_stored
            )

    async def _async_note_stored(self, _now: object) -> None:
        self._cancel_stored_check = None
        if await self.async_try_save():
            self._schedule_stored_check()


class BindingStore:
    """The files of one account's bindings.

    Attributes:
        write_failed: a write failed and none has succeeded since.

    """

    def __init__(self, hass: HomeAssistant, key: str, name: str) -> None:
        """Name the files, and the account for the log."""
        self.write_failed = False
        self._hass = hass
        self._name = name
        self._snapshot = DurableStore(hass, key)
        self._journal = DurableStore(hass, f"{key}.journal")
        # Counts the writes of everything.
        self._generation = 0
        self._changed: set[str] = set()
        self._one_write = asyncio.Lock()
        # What was stored last of each binding.
        self._as_dicts: dict[str, tuple[Binding, dict[str, Any]]] = {}

    async def async_read(self) -> tuple[dict[str, Binding], set[str]]:
        """Return the stored bindings, and which of them had their subentry on disk."""
        if (stored := await self._async_read_snapshot()) is None:
            # Without what it was made after, the small file says nothing.
            await self._journal.async_remove()
            return {}, set()
        bindings, subentry_stored, self._generation = stored
        journal = await self._journal.async_read()
        try:
            if journal is not None and journal["generation"] == self._generation:
                newest = _restored(journal["bindings"])
                bindings |= newest
                self._changed.update(newest)
        except AttributeError, KeyError, TypeError, ValueError:
            await self._journal.async_quarantine()
        if self._journal.damaged:
            # Some may have been sent since: they are looked for before anything is sent.
            bindings |= {
                serial: transitions.recover(serial, binding.plant_id, binding.queued_at)
                for serial, binding in bindings.items()
                if binding.state is BindingState.QUEUED
            }
        return bindings, subentry_stored

    async def _async_read_snapshot(self) -> tuple[dict[str, Binding], set[str], int] | None:
        """Return what the big file holds, None when it is not there or holds something else."""
        if (stored := await self._snapshot.async_read()) is None:
            return None
        try:
            bindings, subentry_stored = (
                _restored(stored["bindings"]),
                set(stored["subentry_stored"]),
            )
            return bindings, subentry_stored, int(stored["generation"])
        except AttributeError, KeyError, TypeError, ValueError:
            await self._snapshot.async_quarantine()
            return None

    async def async_write(
        self, known: Mapping[str, Binding], subentry_stored: Collection[str]
    ) -> None:
        """Write everything; raises NotStoredError."""
        async with self._one_write:
            await self._async_write(
                self._snapshot, lambda: self._snapshot_data(known, subentry_stored)
            )

    async def async_write_changed(
        self, serials: Iterable[str], known: Mapping[str, Binding], subentry_stored: Collection[str]
    ) -> None:
        """Write these bindings, with all others where that is as good; raises NotStoredError."""
        async with self._one_write:
            self._changed.update(serials)
            if not self.write_failed and len(self._changed) <= len(known) // _JOURNAL_FRACTION:
                with suppress(NotStoredError):
                    await self._journal.async_write(self._journal_data(known))
                    return
            await self._async_write(
                self._snapshot, lambda: self._snapshot_data(known, subentry_stored)
            )

    async def async_remove(self) -> None:
        """Remove the files."""
        await self._snapshot.async_remove()
        await self._journal.async_remove()

    async def _async_write(self, store: DurableStore, data: Callable[[], StoredData]) -> None:
        try:
            await store.async_write(data())
        except NotStoredError, asyncio.CancelledError:
            if not (self.write_failed or self._hass.is_stopping):
                LOGGER.error("%s: storage cannot be written, so nothing is sent", self._name)
            self.write_failed = True
            raise
        if self.write_failed:
            self.write_failed = False
            LOGGER.info("%s: storage can be written again", self._name)

    def _snapshot_data(
        self, known: Mapping[str, Binding], subentry_stored: Collection[str]
    ) -> StoredData:
        """Return all there is to store; what has changed until now is part of it."""
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
            "subentry_stored": sorted(subentry_stored),
        }

    def _journal_data(self, known: Mapping[str, Binding]) -> StoredData:
        """Return what differs from the last write of everything."""
        changed = [known[serial].as_dict() for serial in self._changed if serial in known]
        return {"generation": self._generation, "bindings": changed}


def _restored(stored: Iterable[dict[str, Any]]) -> dict[str, Binding]:
    """Return stored bindings by serial number; raise what shows that they are none."""
    bindings = map(Binding.from_dict, stored)
    return {binding.serial: binding for binding in bindings}
