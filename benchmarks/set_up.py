"""Setting an account up and unloading it, beside entities that do nothing; and its memory."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
import gc
import statistics
import time
import tracemalloc
from typing import Final

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.button import ButtonEntity
from homeassistant.components.event import EventEntity
from homeassistant.components.sensor import SensorEntity
from homeassistant.config_entries import ConfigEntry, ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockPlatform,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

from custom_components.growatt_onboarding.binding.model import BindingState
from custom_components.growatt_onboarding.const import DOMAIN

from . import table, world as worlds
from .watch import Blocks, milliseconds, watched

_GROUP: Final = "Event loop"
_EMPTY: Final = "empty_entities"
# Nobody asks there: nothing is pending.
_NOWHERE: Final = "http://127.0.0.1:9"


@dataclass
class Life:
    """What setting an entry up and unloading it cost."""

    set_up: Blocks
    unload: Blocks
    entities: Counter[str]


async def ours(inverters: int) -> Life:
    """Set up an account with inverters of which none is pending."""
    where = worlds.plants(inverters, max(1, inverters // 100))
    async with worlds.real_time() as hass:
        state = BindingState.ASSOCIATED
        entry = await worlds.pending_entry(
            hass, _NOWHERE, str(worlds.OWNER), where, time.time(), state=state
        )
        return await _live(hass, entry, DOMAIN)


async def empty(inverters: int, entities: Counter[str]) -> Life:
    """Set up an integration with as many subentries, devices and entities that do nothing."""
    where = worlds.plants(inverters, max(1, inverters // 100))
    async with worlds.real_time() as hass:
        like = await worlds.pending_entry(hass, _NOWHERE, "1", where, time.time())
        entry = MockConfigEntry(
            domain=_EMPTY,
            subentries_data=[
                {**subentry.as_dict(), "subentry_type": "inverter"}
                for subentry in like.subentries.values()
            ],
        )
        platforms = {name: count // inverters for name, count in entities.items()}
        _add_empty(hass, platforms)
        with mock_config_flow(_EMPTY, ConfigFlow):
            return await _live(hass, entry, _EMPTY)


_KINDS: Final[dict[str, type[Entity]]] = {
    "binary_sensor": BinarySensorEntity,
    "button": ButtonEntity,
    "event": EventEntity,
    "sensor": SensorEntity,
}


def _add_empty(hass: HomeAssistant, platforms: dict[str, int]) -> None:
    """Make the integration of empty entities known, with so many per subentry and platform."""

    async def set_up(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, platforms)
        return True

    async def unload(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        return await hass.config_entries.async_unload_platforms(entry, platforms)

    mock_integration(hass, MockModule(_EMPTY, async_setup_entry=set_up, async_unload_entry=unload))
    mock_platform(hass, f"{_EMPTY}.config_flow")
    for name, count in platforms.items():
        mock_platform(hass, f"{_EMPTY}.{name}", MockPlatform(async_setup_entry=_adder(name, count)))


def _adder(
    name: str, count: int
) -> Callable[[HomeAssistant, ConfigEntry, AddConfigEntryEntitiesCallback], Awaitable[None]]:
    kind = type("Empty", (_KINDS[name],), {"_attr_event_types": ["nothing"]})

    async def add(
        hass: HomeAssistant, entry: ConfigEntry, async_add: AddConfigEntryEntitiesCallback
    ) -> None:
        for subentry in entry.subentries.values():
            entities = []
            for number in range(count):
                entity: Entity = kind()
                entity._attr_should_poll = False
                entity._attr_has_entity_name = True
                entity._attr_name = f"{name} {number}"
                entity._attr_unique_id = f"{subentry.unique_id}_{name}_{number}"
                entity._attr_device_info = DeviceInfo(
                    identifiers={(_EMPTY, subentry.unique_id or "")}, name=subentry.title
                )
                entities.append(entity)
            async_add(entities, config_subentry_id=subentry.subentry_id)

    return add


async def _live(hass: HomeAssistant, entry: MockConfigEntry, domain: str) -> Life:
    entry.add_to_hass(hass)
    # What earlier runs left is not looked through again in this one.
    gc.collect()
    gc.freeze()
    async with watched() as set_up:
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    entities = Counter(
        item.domain
        for item in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if item.config_subentry_id is not None
    )
    gc.collect()
    async with watched() as unload:
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
    return Life(set_up, unload, entities)


async def memory(live: Callable[[], Awaitable[object]]) -> float:
    """Return the most bytes that are allocated at a time meanwhile."""
    gc.collect()
    tracemalloc.start()
    await live()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@dataclass
class Compared:
    """Set-up and unloading in several runs: processor seconds of ours and of empty entities."""

    ours: list[Life] = field(default_factory=list)
    empty: list[Life] = field(default_factory=list)

    def rows(self, inverters: int) -> list[table.Row]:
        """Return the table's rows."""
        return [self._row(inverters, name) for name in ("set_up", "unload")]

    def _row(self, inverters: int, name: str) -> table.Row:
        mine, theirs = (
            statistics.median(getattr(life, name).process for life in lives)
            for lives in (self.ours, self.empty)
        )
        count = sum(self.ours[0].entities.values())
        return table.Row(
            group=_GROUP,
            what=f"{name.replace('_', '-')} of {inverters} inverters with {count} entities",
            ours=milliseconds(mine),
            theirs=f"as many empty entities {milliseconds(theirs)}",
            ratio=table.quotient(mine, theirs),
            goal="at most 1.2",
            met=mine <= 1.2 * theirs,
        )


async def compare(inverters: int, runs: int) -> Compared:
    """Set up and unload both, alternating."""
    compared = Compared()
    for _ in range(runs):
        compared.ours.append(await ours(inverters))
        compared.empty.append(await empty(inverters, compared.ours[0].entities))
    return compared


def linear(many: Compared, half: Compared, inverters: int) -> list[table.Row]:
    """Return the rows that compare many inverters with half as many."""
    rows = []
    for name in ("set_up", "unload"):
        whole, part = (
            statistics.median(getattr(life, name).process for life in compared.ours)
            for compared in (many, half)
        )
        rows.append(
            table.Row(
                group=_GROUP,
                what=f"{name.replace('_', '-')} of {inverters} beside {inverters // 2}",
                ours=milliseconds(whole),
                theirs=f"half as many {milliseconds(part)}",
                ratio=table.quotient(whole, part),
                goal="linear: below 2.5",
                met=whole < 2.5 * part,
            )
        )
    return rows


async def memory_row(entities: Counter[str]) -> table.Row:
    """Return the row about memory; `entities` are those of one inverter."""
    few, number = 50, 300

    def of(count: int) -> Counter[str]:
        return Counter({name: each * count for name, each in entities.items()})

    # What is imported and cached with the first is not counted.
    await ours(few)
    await empty(few, of(few))
    mine = await memory(lambda: ours(number)) - await memory(lambda: ours(few))
    theirs = await memory(lambda: empty(number, of(number))) - await memory(
        lambda: empty(few, of(few))
    )
    count = number - few
    return table.Row(
        group=_GROUP,
        what="memory per inverter",
        ours=f"{mine / count / 1024:.0f} KiB",
        theirs=f"as many empty entities {theirs / count / 1024:.0f} KiB",
        ratio=table.quotient(mine, theirs),
    )
