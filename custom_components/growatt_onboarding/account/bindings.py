"""An account's bindings, in memory and on disk, and the subentries that belong to them."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..binding import transitions
from ..binding.model import Binding, lasting
from ..const import CONF_PLANT_ID, CONF_SERIAL_NUMBER, SUBENTRY_INVERTER
from ..gateway import now
from ..gateway.store import NotStoredError
from .binding_store import BindingStore

# Home Assistant writes a subentry a second after it was added; after this many it surely has.
_SUBENTRY_STORED_AFTER: Final = 10


class Bindings:
    """The bindings of one account.

    A subentry that was on disk once ("anchored") and is gone at a start was removed by somebody,
    and its binding goes too. One that never was on disk was lost in a crash, and comes back.

    Attributes:
        known: the bindings by serial number; for others to read only.

    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], store: BindingStore) -> None:
        """Start empty; `async_load` fills it."""
        self.known: dict[str, Binding] = {}
        self._hass = hass
        self._entry = entry
        self._store = store
        # Known, but not on disk for the first time yet: nothing may be sent for these.
        self._arriving: set[str] = set()
        self._anchored: set[str] = set()
        self._added: dict[str, float] = {}
        self._cancel_anchor: CALLBACK_TYPE | None = None
        self._times_changed = False
        # Another object has the store from now on.
        self._closed = False

    # Reading

    async def async_load(self) -> None:
        """Read the store, and put store and subentries right with each other.

        An inverter of which no binding is known is looked for before anything is sent for it.
        """
        stored, anchored = await self._store.async_read()
        subentries = self._subentries()
        self.known.update(
            (serial, binding)
            for serial, binding in stored.items()
            if serial in subentries or serial not in anchored
        )
        time = now()
        for serial in subentries.keys() - self.known.keys():
            plant_id = subentries[serial].data[CONF_PLANT_ID]
            self.known[serial] = transitions.recover(serial, plant_id, time)
        self._anchored = anchored & subentries.keys()
        self._added = dict.fromkeys(subentries.keys() - self._anchored, time)
        self._put_subentries_right(self.known.values())
        if self.known != stored or self._anchored != anchored:
            await self.async_try_save()
        self._schedule_anchor()

    # Writing

    @property
    def unsaved(self) -> bool:
        """Whether a write failed and none has succeeded since."""
        return self._store.unsaved

    async def async_save(self, changed: Collection[str] | None = None) -> None:
        """Write these bindings, by default all; raises NotStoredError."""
        if changed is not None:
            await self._store.async_write_changed(changed, self.known, self._anchored)
            return
        time = now()
        anchored = self._anchored | {
            serial
            for serial, added in self._added.items()
            if not 0 <= time - added < _SUBENTRY_STORED_AFTER
        }
        await self._store.async_write(self.known, anchored)
        self._times_changed = False
        for serial in anchored & self._added.keys():
            self._anchored.add(serial)
            del self._added[serial]

    async def async_try_save(self, changed: Collection[str] | None = None) -> bool:
        """Write these bindings, by default all; a failure leaves them `unsaved`."""
        try:
            await self.async_save(changed)
        except NotStoredError:
            return False
        return True

    async def async_close(self) -> None:
        """Write what is worth keeping and was not worth a write of its own."""
        self._closed = True
        if self._cancel_anchor is not None:
            self._cancel_anchor()
            self._cancel_anchor = None
        if self.unsaved or self._times_changed:
            await self.async_try_save()

    # Changing

    async def async_add(self, bindings: Collection[Binding]) -> None:
        """Write down new bindings, then add their subentries.

        Raises NotStoredError, and then none was added.
        """
        new = {binding.serial: binding for binding in bindings}
        self.known.update(new)
        self._arriving |= new.keys()
        try:
            await self.async_save()
        except NotStoredError:
            for serial in new:
                self.known.pop(serial, None)
            raise
        finally:
            self._arriving -= new.keys()
        self._put_subentries_right(new.values())
        self._schedule_anchor()

    def ready(self) -> Mapping[str, Binding]:
        """Return the bindings that are on disk: the only ones to do anything about."""
        if not self._arriving:
            return self.known
        return {
            serial: binding
            for serial, binding in self.known.items()
            if serial not in self._arriving
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
            self._put_subentries_right([self.known[binding.serial]])

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
            if lasting(before) != lasting(binding):
                material.append(binding.serial)
        if material:
            await self.async_try_save(material)

    def see(self, serials: Collection[str]) -> bool:
        """Note which pending inverters a list without plants shows; tell whether any is new."""
        time = now()
        seen = [
            binding
            for serial, binding in self.known.items()
            if binding.pending and binding.seen_at is None and serial in serials
        ]
        self.known.update((binding.serial, transitions.seen(binding, time)) for binding in seen)
        return bool(seen)

    def removed(self) -> set[str]:
        """Return the serial numbers of the bindings whose subentry is gone, and forget these.

        What is left has to be saved.
        """
        had_subentry = self._anchored | self._added.keys()
        gone = (had_subentry & self.known.keys()) - self._subentries().keys()
        for serial in gone:
            del self.known[serial]
            self._anchored.discard(serial)
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

    def _put_subentries_right(self, bindings: Iterable[Binding]) -> None:
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
    def _schedule_anchor(self) -> None:
        """Write down which subentries are on disk as soon as the new ones are."""
        if self._added and self._cancel_anchor is None and not self._closed:
            self._cancel_anchor = async_call_later(
                self._hass, _SUBENTRY_STORED_AFTER, self._async_anchor
            )

    async def _async_anchor(self, _now: object) -> None:
        self._cancel_anchor = None
        if await self.async_try_save():
            self._schedule_anchor()
