"""What Home Assistant's event loop has to do: per look, at set-up and at unloading; and memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
import statistics
import time
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.binding.timing import Timing

from . import set_up, table, world as worlds
from .watch import Blocks, Detector, milliseconds, until, watched

_GROUP: Final = "Event loop"
_MANY: Final = 1000
_PLANTS: Final = 10
_CORE_PLANTS: Final = 5
_CORE_PER_PLANT: Final = 20
_RUNS: Final = 3
_SET_UPS: Final = 5
# A look every second instead of every 30; the pauses between calls shrink alike.
_SPEED: Final = 30
_LONGEST: Final = 0.010
# How many inverters are associated in one look.
_COUNTS: Final = (1, 10, 100)
_QUIET_RUNS: Final = 5


@dataclass
class Look:
    """What one kind of look costs: what was measured several times, and in how many calls."""

    name: str
    blocks: list[Blocks] = field(default_factory=list)
    calls: int = 0


async def looks() -> tuple[list[Look], list[str]]:
    """Return what looks cost with many inverters, and what the detector said."""
    where = worlds.plants(_MANY, _PLANTS)
    plants = [(serial, plant) for plant, serials in where.items() for serial in serials]
    with worlds.cloud(where, there=False, speed=_SPEED) as cloud, Detector() as detector:
        async with worlds.real_time(Timing().scaled(_SPEED)) as hass:
            entry = await worlds.pending_entry(
                hass, cloud.url, str(worlds.OWNER), where, time.time()
            )
            await _set_up(hass, entry)
            await asyncio.sleep(3)
            found = [Look("nothing new"), *(Look(f"{count} associated") for count in _COUNTS)]
            for _ in range(_QUIET_RUNS):
                before = await cloud.calls()
                async with watched() as blocks:
                    await asyncio.sleep(2)
                found[0].blocks.append(blocks)
                found[0].calls += await cloud.calls() - before
            for look, count in zip(found[1:], _COUNTS, strict=True):
                for _ in range(_RUNS):
                    new, plants = dict(plants[:count]), plants[count:]
                    await _associate(cloud, entry, new, look)
            await hass.config_entries.async_unload(entry.entry_id)
    return found, detector.said


async def _associate(
    cloud: worlds.Cloud, entry: MockConfigEntry, new: dict[str, str], look: Look
) -> None:
    """Have devices appear in their plants, and measure until all are shown as associated."""
    data = entry.runtime_data.coordinator.data
    for serial, plant_id in new.items():
        await cloud.control("POST", f"devices/{serial}", {"plant_id": int(plant_id)})
    before = await cloud.calls()
    async with watched() as blocks:
        await until(lambda: not any(data[serial].pending for serial in new))
        await asyncio.sleep(0.2)
    look.blocks.append(blocks)
    look.calls += await cloud.calls() - before


async def core_looks() -> tuple[Blocks, int]:
    """Return what a round of growatt_server's looks costs, and for how many devices."""
    where = worlds.plants(_CORE_PLANTS * _CORE_PER_PLANT, _CORE_PLANTS)
    with worlds.cloud(where, there=True) as cloud, worlds.core_at(cloud.url):
        async with worlds.real_time() as hass:
            entries = [await _core_entry(hass, plant_id) for plant_id in where]
            coordinators = [
                coordinator
                for entry in entries
                for coordinator in (
                    entry.runtime_data.total_coordinator,
                    *entry.runtime_data.devices.values(),
                )
            ]
            async with watched() as blocks:
                for coordinator in coordinators:
                    await coordinator.async_refresh()
                    assert coordinator.last_update_success
            for entry in entries:
                await hass.config_entries.async_unload(entry.entry_id)
    return blocks, _CORE_PLANTS * _CORE_PER_PLANT


async def core_set_up() -> tuple[float, int]:
    """Return the processor time of setting up growatt_server, and for how many devices."""
    where = worlds.plants(_CORE_PLANTS * _CORE_PER_PLANT, _CORE_PLANTS)
    with worlds.cloud(where, there=True) as cloud, worlds.core_at(cloud.url):
        async with worlds.real_time() as hass:
            async with watched() as blocks:
                for plant_id in where:
                    await _core_entry(hass, plant_id)
            for entry in hass.config_entries.async_loaded_entries(worlds.CORE):
                await hass.config_entries.async_unload(entry.entry_id)
    return blocks.process, _CORE_PLANTS * _CORE_PER_PLANT


async def _core_entry(hass: HomeAssistant, plant_id: str) -> MockConfigEntry:
    entry = worlds.core_entry(plant_id)
    await _set_up(hass, entry)
    return entry


async def _set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


async def measure() -> list[table.Row]:
    """Return the table's rows."""
    many = await set_up.compare(_MANY, _SET_UPS)
    half = await set_up.compare(_MANY // 2, _RUNS)
    rows = [*many.rows(_MANY), *half.rows(_MANY // 2)]
    rows += set_up.linear(many, half, _MANY)
    core_time, devices = await core_set_up()
    per_inverter = statistics.median(life.set_up.process for life in many.ours) / _MANY
    rows.append(_per_device("set-up", per_inverter, core_time / devices))
    found, said = await looks()
    rows += [_longest(look) for look in found]
    blocks, devices = await core_looks()
    quiet = found[0]
    per_look = sum(blocks.process for blocks in quiet.blocks) / max(quiet.calls, 1)
    rows.append(_per_device("look", per_look / _MANY, blocks.process / devices))
    rows.append(
        table.Row(
            group=_GROUP,
            what="blocking calls that Home Assistant's detector found",
            ours=str(len(said)),
            goal="none",
            met=not said,
        )
    )
    each = Counter({name: count // _MANY for name, count in many.ours[0].entities.items()})
    rows.append(await set_up.memory_row(each))
    return rows


def _per_device(what: str, mine: float, theirs: float) -> table.Row:
    return table.Row(
        group=_GROUP,
        what=f"{what}, per device",
        ours=f"{mine * 1000:.3f} ms",
        theirs=f"growatt_server {theirs * 1000:.1f} ms",
        ratio=table.quotient(mine, theirs),
        goal="faster",
        met=mine < theirs,
    )


def _longest(look: Look) -> table.Row:
    longest = statistics.median(blocks.longest for blocks in look.blocks)
    total = sum(blocks.total for blocks in look.blocks) / max(look.calls, 1)
    return table.Row(
        group=_GROUP,
        what=f"a look with {_MANY} inverters, {look.name}: longest block, and all of a call",
        ours=f"{milliseconds(longest)}, {milliseconds(total)}",
        ratio=None,
        goal="no block over 10 ms",
        met=longest <= _LONGEST,
    )


if __name__ == "__main__":
    worlds.alone()
    table.send(asyncio.run(measure()))
