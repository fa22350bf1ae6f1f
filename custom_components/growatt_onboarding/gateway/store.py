"""Storage that says when it did not store.

Home Assistant's own `Store` logs a failed write and goes on, and writes nothing while it is
stopping. What this integration sends to a cloud depends on what is on disk, so here both raise.
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

STORAGE_VERSION = 1

type StoredData = dict[str, Any]


class NotStoredError(HomeAssistantError):
    """The data is not on disk."""

    def __init__(self) -> None:
        """Say it in the user's language."""
        super().__init__(translation_domain=DOMAIN, translation_key="not_stored")


class DurableStore(Store[StoredData]):
    """A store whose every write is on disk when it returns.

    Attributes:
        damaged: there was something on disk, and it could not be read.

    """

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        """Name the file."""
        super().__init__(hass, STORAGE_VERSION, key, private=True, atomic_writes=True)
        self._on_disk = False
        # What was on disk could not be read.
        self.damaged = False
        # What is on disk could neither be read nor kept aside: it must not be overwritten.
        self._unwritable = False
        # Two writes at once would share one outcome.
        self._one_write = asyncio.Lock()

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: StoredData
    ) -> StoredData:
        """Take what a later minor version stored as it is; no earlier one has there been."""
        if old_major_version != STORAGE_VERSION:
            raise NotImplementedError
        return old_data

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        await super()._async_write_data(data)
        self._on_disk = True

    async def async_write(self, data: StoredData) -> None:
        """Write the data now; of several calls the last one's data stays.

        Raises NotStoredError when it could not be written or Home Assistant is stopping.
        """
        if self._unwritable or self.hass.is_stopping or self.hass.state is CoreState.stopped:
            raise NotStoredError
        # When the caller is cancelled, the write goes on, and a later one must not overtake it.
        await asyncio.shield(
            self.hass.async_create_task(self._async_write_in_turn(data), f"{DOMAIN} write")
        )

    async def _async_write_in_turn(self, data: StoredData) -> None:
        """Write the data when the writes before are done; raises NotStoredError."""
        async with self._one_write:
            self._on_disk = False
            try:
                await self.async_save(data)
            except OSError as err:
                raise NotStoredError from err
            if not self._on_disk:
                raise NotStoredError

    async def async_write_last(self, data: StoredData) -> None:
        """Write while Home Assistant ends; nothing depends on it any more."""
        if self._unwritable:
            return
        try:
            await self.async_save(data)
        except OSError:
            LOGGER.exception("%s could not be written", self.path)

    async def async_read(self) -> StoredData | None:
        """Return what is stored, None when there is nothing.

        Broken JSON is set aside by Home Assistant itself. A file of another shape or a newer
        version, or one that cannot be read, is set aside here, and a repair tells about it: a
        start never fails for it.
        """
        there = await self.hass.async_add_executor_job(os.path.exists, self.path)
        try:
            data: Any = await self.async_load()
            # Else Home Assistant has set it aside.
            self.damaged = there and data is None
            if data is not None and not isinstance(data, dict):
                raise TypeError
        except (
            AttributeError,
            HomeAssistantError,
            KeyError,
            NotImplementedError,
            TypeError,
            ValueError,
        ):
            await self.async_quarantine()
            return None
        return data

    async def async_quarantine(self) -> None:
        """Keep an unreadable file under another name and raise the repair."""
        self.damaged = True
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        kept = f"{self._kept}{stamp}"
        try:
            await self.hass.async_add_executor_job(os.replace, self.path, kept)
        except OSError:
            LOGGER.exception("%s cannot be read, nor kept under another name", self.path)
            self._unwritable = True
            return
        LOGGER.error("The stored data in %s cannot be read; it was kept as %s", self.path, kept)
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            self._issue_id,
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="store_set_aside",
            # Home Assistant puts it into diagnostics: where its folder is, is nobody's business.
            translation_placeholders={"path": f"{STORAGE_DIR}/{Path(kept).name}"},
        )

    @override
    async def async_remove(self) -> None:
        """Remove the file, what was set aside of it, and the repair about that."""
        await super().async_remove()
        await self.hass.async_add_executor_job(self._remove_kept)
        ir.async_delete_issue(self.hass, DOMAIN, self._issue_id)

    def _remove_kept(self) -> None:
        kept = Path(self._kept)
        for path in kept.parent.glob(f"{kept.name}*"):
            path.unlink(missing_ok=True)

    @property
    def _kept(self) -> str:
        return f"{self.path}.unreadable."

    @property
    def _issue_id(self) -> str:
        return f"store_set_aside_{self.key}"
