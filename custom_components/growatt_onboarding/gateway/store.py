"""A store that raises an error if the data did not reach the disk.

Home Assistant's own `Store` logs a failed write and continues, and it writes nothing while Home
Assistant is stopping. What this integration sends depends on what is on disk, so here both raise.
"""

import asyncio
from datetime import UTC, datetime
import os
from pathlib import Path
from typing import Any, override

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import STORAGE_DIR, Store

from ..const import DOMAIN, LOGGER
from ..foreign import async_raise_issue

STORAGE_VERSION = 1

type StoredData = dict[str, Any]


class NotStoredError(HomeAssistantError):
    """The data is not on disk."""

    def __init__(self) -> None:
        super().__init__(translation_domain=DOMAIN, translation_key="not_stored")


class DurableStore(Store[StoredData]):
    """A store whose writes return only when the data is on disk."""

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        super().__init__(hass, STORAGE_VERSION, key, private=True, atomic_writes=True)
        self._on_disk = False
        # Whether there was a file that could not be read.
        self.damaged = False
        # The file could neither be read nor quarantined: it must not be overwritten.
        self._unwritable = False
        # Concurrent writes would share one `_on_disk`.
        self._durable_write_lock = asyncio.Lock()

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: StoredData
    ) -> StoredData:
        """Accept data of a later minor version unchanged; there is no earlier version."""
        if old_major_version != STORAGE_VERSION:
            raise NotImplementedError
        return old_data

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        await super()._async_write_data(data)
        self._on_disk = True

    async def async_write(self, data: StoredData) -> None:
        """Write the data now; of several calls, the last one's data stays.

        Raises NotStoredError if the data could not be written or Home Assistant is stopping.
        """
        if self._unwritable or self.hass.is_stopping or self.hass.state is CoreState.stopped:
            raise NotStoredError
        # If the caller is canceled, the write continues, and no later one may overtake it.
        await asyncio.shield(
            self.hass.async_create_task(self._async_write_in_turn(data), f"{DOMAIN} write")
        )

    async def _async_write_in_turn(self, data: StoredData) -> None:
        """Write the data after all earlier writes; raises NotStoredError."""
        async with self._durable_write_lock:
            self._on_disk = False
            try:
                await self.async_save(data)
            except OSError as err:
                raise NotStoredError from err
            if not self._on_disk:
                raise NotStoredError

    async def async_write_last(self, data: StoredData) -> None:
        """Write while Home Assistant stops, when nothing depends on the outcome."""
        if self._unwritable:
            return
        try:
            await self.async_save(data)
        except OSError:
            LOGGER.exception("%s could not be written", self.path)

    async def async_read(self) -> StoredData | None:
        """Return the stored data, None if there is none.

        Home Assistant itself quarantines broken JSON. Here a file that cannot be read or has the
        wrong shape or a newer version is quarantined, with a repair, so that a start never fails.
        """
        existed = await self.hass.async_add_executor_job(os.path.exists, self.path)
        try:
            data: Any = await self.async_load()
            # An existing file without data was quarantined by Home Assistant.
            self.damaged = existed and data is None
            if data is not None and not isinstance(data, dict):
                raise TypeError
        except (
            AttributeError,
            HomeAssistantError,
            KeyError,
            NotImplementedError,
            OSError,  # Home Assistant could not quarantine it
            TypeError,
            ValueError,
        ):
            await self.async_quarantine()
            return None
        return data

    async def async_quarantine(self) -> None:
        """Rename an unreadable file and raise the repair about it."""
        self.damaged = True
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        kept = f"{self._quarantine_prefix}{stamp}"
        try:
            await self.hass.async_add_executor_job(os.replace, self.path, kept)
        except OSError:
            LOGGER.exception("%s can be neither read nor renamed", self.path)
            self._unwritable = True
            return
        LOGGER.error("The data in %s cannot be read; the file was renamed to %s", self.path, kept)
        async_raise_issue(
            self.hass,
            self._issue_id,
            "store_set_aside",
            # This shows in diagnostics, which must not reveal the configuration folder's path.
            {"path": f"{STORAGE_DIR}/{Path(kept).name}"},
            is_fixable=True,
            is_persistent=True,
        )

    @override
    async def async_remove(self) -> None:
        """Remove the file, its quarantined copies and the repair about them.

        A file that cannot be removed stays.
        """
        try:
            await super().async_remove()
            await self.hass.async_add_executor_job(self._remove_quarantined)
        except OSError as err:
            # On a read-only file system, not even a missing file can be unlinked.
            LOGGER.debug("%s cannot be removed: %s", self.path, err)
        ir.async_delete_issue(self.hass, DOMAIN, self._issue_id)

    def _remove_quarantined(self) -> None:
        prefix = Path(self._quarantine_prefix)
        for path in prefix.parent.glob(f"{prefix.name}*"):
            path.unlink(missing_ok=True)

    @property
    def _quarantine_prefix(self) -> str:
        return f"{self.path}.unreadable."

    @property
    def _issue_id(self) -> str:
        return f"store_set_aside_{self.key}"
