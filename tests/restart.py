"""End Home Assistant in the test harness, and start it again with what is on disk by then."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from typing import Any

from homeassistant import loader
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN

from .home import Home
from .prove.world import World

_ENTRIES = "core.config_entries"


class Restarts:
    """Starts Home Assistant again."""

    def __init__(self, storage: dict[str, Any], stack: AsyncExitStack) -> None:
        self._storage = storage
        self._stack = stack

    async def __call__(self, world: World, **changed: Any) -> None:
        """Kill Home Assistant, change what it has on disk, and start it again."""
        on_disk = deepcopy(self._storage)
        await _stop(world.hass)
        self._storage.clear()
        self._storage.update(on_disk, **changed)
        hass = await self._stack.enter_async_context(_begun(world.hass))
        world.hass = hass
        if hass.config_entries.async_entries(DOMAIN):
            assert await async_setup_component(hass, DOMAIN, {})
        await hass.async_block_till_done()
        if isinstance(world, Home):
            entry: Any = hass.config_entries.async_get_entry(world.entry.entry_id)
            world.entry = entry

    async def with_subentries(self, home: Home, subentries: Mapping[str, ConfigSubentry]) -> None:
        """Start again with a list of entries that has only these inverters of the account."""
        entries = self.entries()
        for entry in entries["data"]["entries"]:
            if entry["entry_id"] == home.entry.entry_id:
                entry["subentries"] = [subentry.as_dict() for subentry in subentries.values()]
        await self(home, **{_ENTRIES: entries})

    async def with_entries(self, world: World, entries: dict[str, Any]) -> None:
        """Start again with another list of entries."""
        await self(world, **{_ENTRIES: entries})

    def entries(self) -> dict[str, Any]:
        """Return a copy of the list of entries on disk."""
        return deepcopy(self._storage[_ENTRIES])


@asynccontextmanager
async def next_start(hass: HomeAssistant) -> AsyncGenerator[HomeAssistant]:
    """End Home Assistant in peace, and begin the next one with what it has stored.

    The integration is yet to be set up.
    """
    hass.config_entries._async_schedule_save()
    # Home Assistant writes its entries after a second.
    await asyncio.sleep(5)
    await _stop(hass)
    async with _begun(hass) as again:
        yield again


@asynccontextmanager
async def _begun(before: HomeAssistant) -> AsyncGenerator[HomeAssistant]:
    """Begin another Home Assistant, with the timing of the one before."""
    async with async_test_home_assistant() as hass:
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        if (timing := before.data.get(DATA_TIMING)) is not None:
            hass.data[DATA_TIMING] = timing
        frame.async_setup(hass)
        await hass.config_entries.async_initialize()
        try:
            yield hass
        finally:
            await _stop(hass)


async def _stop(hass: HomeAssistant) -> None:
    """Stop Home Assistant without leaving anything behind."""
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_stop(force=True)


@asynccontextmanager
async def restarts(storage: dict[str, Any]) -> AsyncGenerator[Restarts]:
    """Return what starts Home Assistant again, and stop the last one in the end."""
    async with AsyncExitStack() as stack:
        yield Restarts(storage, stack)
