"""An account's bindings on disk: all of them in one file, and what changed since in a small one.

Of many bindings mostly one changes, and writing all of them for each would take ever longer. The
small file counts only together with the write of everything that it was made after.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..binding import transitions
from ..binding.model import Binding, BindingState
from ..const import LOGGER
from ..gateway.store import DurableStore, NotStoredError, StoredData

# All are written once more when more than one of so many has changed: a few are always all written.
_MANY: Final = 50


class BindingStore:
    """The files of one account's bindings.

    Attributes:
        unsaved: a write failed and none has succeeded since.

    """

    def __init__(self, hass: HomeAssistant, key: str, name: str) -> None:
        """Name the files, and the account for the log."""
        self.unsaved = False
        self._hass = hass
        self._name = name
        self._all = DurableStore(hass, key)
        self._news = DurableStore(hass, f"{key}.news")
        # Counts the writes of everything.
        self._generation = 0
        self._changed: set[str] = set()
        self._one_write = asyncio.Lock()
        # What was stored last of each binding.
        self._as_dicts: dict[str, tuple[Binding, dict[str, Any]]] = {}

    async def async_read(self) -> tuple[dict[str, Binding], set[str]]:
        """Return the stored bindings, and which of them had their subentry on disk."""
        if (stored := await self._async_read_all()) is None:
            # Without what it was made after, the small file says nothing.
            await self._news.async_remove()
            return {}, set()
        bindings, anchored, self._generation = stored
        news = await self._news.async_read()
        try:
            if news is not None and news["generation"] == self._generation:
                newest = _restored(news["bindings"])
                bindings |= newest
                self._changed.update(newest)
        except AttributeError, KeyError, TypeError, ValueError:
            await self._news.async_set_aside()
        if self._news.damaged:
            # Some may have been sent since: they are looked for before anything is sent.
            bindings |= {
                serial: transitions.recover(serial, binding.plant_id, binding.queued_at)
                for serial, binding in bindings.items()
                if binding.state is BindingState.QUEUED
            }
        return bindings, anchored

    async def _async_read_all(self) -> tuple[dict[str, Binding], set[str], int] | None:
        """Return what the big file holds, None when it is not there or holds something else."""
        if (stored := await self._all.async_read()) is None:
            return None
        try:
            bindings, anchored = _restored(stored["bindings"]), set(stored["anchored"])
            return bindings, anchored, int(stored["generation"])
        except AttributeError, KeyError, TypeError, ValueError:
            await self._all.async_set_aside()
            return None

    async def async_write(self, known: Mapping[str, Binding], anchored: Collection[str]) -> None:
        """Write everything; raises NotStoredError."""
        async with self._one_write:
            await self._async_write(self._all, lambda: self._everything(known, anchored))

    async def async_write_changed(
        self, serials: Iterable[str], known: Mapping[str, Binding], anchored: Collection[str]
    ) -> None:
        """Write these bindings, with all others where that is as good; raises NotStoredError."""
        async with self._one_write:
            self._changed.update(serials)
            if not self.unsaved and len(self._changed) <= len(known) // _MANY:
                with suppress(NotStoredError):
                    await self._news.async_write(self._newest(known))
                    return
            await self._async_write(self._all, lambda: self._everything(known, anchored))

    async def async_remove(self) -> None:
        """Remove the files."""
        await self._all.async_remove()
        await self._news.async_remove()

    async def _async_write(self, store: DurableStore, data: Callable[[], StoredData]) -> None:
        try:
            await store.async_write(data())
        except NotStoredError, asyncio.CancelledError:
            if not (self.unsaved or self._hass.is_stopping):
                LOGGER.error("%s: storage cannot be written, so nothing is sent", self._name)
            self.unsaved = True
            raise
        if self.unsaved:
            self.unsaved = False
            LOGGER.info("%s: storage can be written again", self._name)

    def _everything(self, known: Mapping[str, Binding], anchored: Collection[str]) -> StoredData:
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
            "anchored": sorted(anchored),
        }

    def _newest(self, known: Mapping[str, Binding]) -> StoredData:
        """Return what differs from the last write of everything."""
        changed = [known[serial].as_dict() for serial in self._changed if serial in known]
        return {"generation": self._generation, "bindings": changed}


def _restored(stored: Iterable[dict[str, Any]]) -> dict[str, Binding]:
    """Return stored bindings by serial number; raise what shows that they are none."""
    bindings = map(Binding.from_dict, stored)
    return {binding.serial: binding for binding in bindings}
