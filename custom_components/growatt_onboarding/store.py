"""Storage that says when it did not store.

Home Assistant's own `Store` logs a failed write and goes on, and writes nothing while it is
stopping. What this integration sends to a cloud depends on what is on disk, so here both raise.
"""

import asyncio
from datetime import UTC, datetime
import os
from typing import Any, override

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from homeassistant.util.json import SerializationError

from .const import DOMAIN, LOGGER

STORAGE_VERSION = 1

type StoredData = dict[str, Any]


class NotStoredError(HomeAssistantError):
    """The data is not on disk."""

    def __init__(self) -> None:
        """Say it in the user's language."""
        super().__init__(translation_domain=DOMAIN, translation_key="not_stored")


class DurableStore(Store[StoredData]):
    """A store whose every write is on disk when it returns."""

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        """Name the file."""
        super().__init__(hass, STORAGE_VERSION, key, private=True, atomic_writes=True)
        self._failure: Exception | None = None
        # Two writes at once would share one outcome.
        self._one_write = asyncio.Lock()

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        try:
            await super()._async_write_data(data)
        except (OSError, SerializationError, WriteError) as err:
            self._failure = err
            raise

    async def async_write(self, data: StoredData) -> None:
        """Write the data now.

        Raises NotStoredError when it could not be written or Home Assistant is stopping.
        """
        if self.hass.state in (CoreState.stopping, CoreState.final_write, CoreState.stopped):
            raise NotStoredError
        async with self._one_write:
            self._failure = None
            try:
                await self.async_save(data)
            except OSError as err:
                raise NotStoredError from err
            if self._failure is not None:
                raise NotStoredError from self._failure

    async def async_read(self) -> StoredData | None:
        """Return what is stored, None when there is nothing.

        Broken JSON is set aside by Home Assistant itself. A file of another shape, or of a newer
        version, is set aside here, and a repair tells about it: a start never fails for it.
        """
        try:
            data: Any = await self.async_load()
            if data is not None and not isinstance(data, dict):
                raise TypeError
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            NotImplementedError,
            UnsupportedStorageVersionError,
        ):
            await self.async_set_aside()
            return None
        return data

    async def async_set_aside(self) -> None:
        """Keep an unreadable file under another name and raise the repair."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        kept = f"{self.path}.unreadable.{stamp}"
        await self.hass.async_add_executor_job(os.replace, self.path, kept)
        LOGGER.error("The stored data in %s cannot be read; it was kept as %s", self.path, kept)
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            f"store_set_aside_{self.key}",
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="store_set_aside",
            translation_placeholders={"path": kept},
            data={"problem": "store_set_aside"},
        )
