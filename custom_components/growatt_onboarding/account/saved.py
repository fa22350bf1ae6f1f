"""Which of our config entries Home Assistant has written to disk.

Home Assistant writes its entries a second after a change, later while changes keep coming, and not
at all if the disk is full or another integration keeps something in its entry that cannot be
written. No event tells, so the file is read back after each change.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.json import json_loads

from ..const import DOMAIN, LOGGER
from ..foreign import async_raise_issue

ISSUE_NOT_SAVED: Final = "entries_not_saved"
# Home Assistant's store of config entries.
_FILE: Final = "core.config_entries"
# Seconds between two readings: in the first minute after a change, and later.
_SOON: Final = 3
_LATER: Final = 60
# Seconds after which a change that is still not on disk is reported.
_REPORT_AFTER: Final = 120

type _SubentryIds = Mapping[str, frozenset[str]]


class SavedEntries:
    """Reads the entries back until those on disk are those in memory.

    Attributes:
        entry_ids: ids of the entries in the file when it was last read.
        up_to_date: whether entries and subentries in the file were those in memory then, and
            nothing has changed since.

    """

    def __init__(self, hass: HomeAssistant) -> None:
        self.entry_ids: frozenset[str] = frozenset()
        self.up_to_date = False
        self._hass = hass
        self._listeners: list[CALLBACK_TYPE] = []
        self._reading: asyncio.Task[None] | None = None
        self._changed_at = 0.0
        self._reported = False

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `listener` after each reading; return its removal."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_read_back(self) -> None:
        """Read the file, now and then, until it holds what is in memory."""
        self.up_to_date = False
        self._changed_at = self._hass.loop.time()
        if self._hass.is_stopping:
            return
        if self._reading is None or self._reading.done():
            self._reading = self._hass.async_create_background_task(
                self._async_read_back(), f"{DOMAIN} read back entries"
            )

    async def async_wait(self, entry_id: str) -> None:
        """Wait until an entry is on disk, or somebody has removed it."""
        saved = asyncio.Event()

        @callback
        def update() -> None:
            entry = self._hass.config_entries.async_get_entry(entry_id)
            if entry is None or entry_id in self.entry_ids:
                saved.set()

        remove = self.async_add_listener(update)
        try:
            update()
            if not saved.is_set():
                self.async_read_back()
            await saved.wait()
        finally:
            remove()

    async def _async_read_back(self) -> None:
        loop = self._hass.loop
        unsaved_since = loop.time()
        path = self._hass.config.path(STORAGE_DIR, _FILE)
        while not self.up_to_date:
            is_recent = loop.time() - self._changed_at < _REPORT_AFTER / 2
            await asyncio.sleep(_SOON if is_recent else _LATER)
            on_disk = await self._hass.async_add_executor_job(read_entries, path)
            self.entry_ids = frozenset(on_disk)
            self.up_to_date = on_disk == self._in_memory()
            if not self.up_to_date and loop.time() - unsaved_since >= _REPORT_AFTER:
                self._report()
            for listener in list(self._listeners):
                listener()
        self._withdraw()

    def _in_memory(self) -> _SubentryIds:
        return {
            entry.entry_id: frozenset(entry.subentries)
            for entry in self._hass.config_entries.async_entries(DOMAIN)
        }

    def _report(self) -> None:
        """Say once that Home Assistant does not save its entries.

        The repair is persistent: if the entries are lost, nothing of this integration is loaded at
        the next start.
        """
        if self._reported:
            return
        self._reported = True
        LOGGER.error(
            "Home Assistant has not saved its config entries for %s minutes; accounts and inverters"
            " that were added meanwhile are in danger. Check the free disk space, and the log for"
            " errors while saving %s or with other integrations' data",
            _REPORT_AFTER // 60,
            _FILE,
        )
        async_raise_issue(
            self._hass,
            ISSUE_NOT_SAVED,
            ISSUE_NOT_SAVED,
            {"file": _FILE},
            is_fixable=False,
            is_persistent=True,
            severity=ir.IssueSeverity.ERROR,
        )

    def _withdraw(self) -> None:
        if self._reported:
            self._reported = False
            LOGGER.info("Home Assistant has saved its config entries again")
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE_NOT_SAVED)


def read_entries(path: str) -> _SubentryIds:
    """Return the ids of our entries in Home Assistant's file, and those of their subentries.

    Reads the file itself: a second `Store` might migrate it or set it aside. Nothing but ids is
    kept. A file that cannot be read has no entries.
    """
    try:
        return entries_in(json_loads(Path(path).read_bytes()))
    except AttributeError, KeyError, OSError, TypeError, ValueError:
        return {}


def entries_in(stored: Any) -> _SubentryIds:
    """Return the ids in the content of Home Assistant's file.

    Raises AttributeError, KeyError or TypeError if it has another shape.
    """
    return {
        entry["entry_id"]: frozenset(sub["subentry_id"] for sub in entry["subentries"])
        for entry in stored["data"]["entries"]
        if entry["domain"] == DOMAIN
    }
