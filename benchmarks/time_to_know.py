"""How long after a device has come online Home Assistant shows it."""

import asyncio
from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
import random
import statistics
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, callback

from custom_components.growatt_onboarding.const import DOMAIN
from simulator.growatt import INSTALLER_TOKEN
from tests.prove.world import World

from . import table, world as worlds

_GROUP: Final = "Time to know"
_DAY: Final = 86_400.0
_FIRST: Final = 900.0
_ROUND: Final = 300.0
_VENDOR_LIMIT: Final = 300.0
_MEDIAN: Final = 30.0
# Inverters, plants, and how often that is tried: a single device has no median.
_SIZES: Final = ((1, 1, 10), (10, 1, 1), (100, 4, 1), (500, 10, 1))


@dataclass(frozen=True)
class Window:
    """When devices come online, in seconds since their acceptance, and how often we look then."""

    name: str
    begin: float
    until: float
    look: float

    @property
    def end(self) -> float:
        """The last moment after which there still is a look of that kind."""
        return self.until - self.look


_WINDOWS: Final = (
    Window("first 15 minutes", 0, _FIRST, 30),
    Window("first day", _FIRST, _DAY, 300),
    Window("first week", _DAY, 7 * _DAY, 1_800),
)


@dataclass(frozen=True)
class Delays:
    """Seconds from coming online to being shown, of each device."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        """The worst."""
        return max(self.seconds)

    def __str__(self) -> str:
        """Say both."""
        return f"median {self.median:.0f} s, worst {self.worst:.0f} s"


type Prepare = Callable[[World], object]


def _nothing(_: World) -> None:
    """Prepare nothing."""


async def ours(
    inverters: int, plants: int, tries: int, window: Window, prepare: Prepare = _nothing
) -> Delays:
    """Return how long it takes until the binary sensor is off."""
    seconds: list[float] = []
    for number in range(tries):
        async with worlds.simulated() as world:
            prepare(world)
            shown = Shown(world, inverters)
            stop = world.hass.bus.async_listen(EVENT_STATE_CHANGED, shown.follow)
            await _accept(world, inverters, plants, window, number)
            async with asyncio.timeout(window.end + _DAY):
                await shown.all.wait()
            stop()
            seconds += shown.delays()
    return Delays(seconds)


class Shown:
    """Notes when each inverter was first known to be associated."""

    def __init__(self, world: World, count: int) -> None:
        """Wait for so many."""
        self.all = asyncio.Event()
        self._world = world
        self._count = count
        self._times: dict[str, float] = {}

    @callback
    def follow(self, event: Event[EventStateChangedData]) -> None:
        """Note a binary sensor that turns off."""
        state = event.data["new_state"]
        if state is None or state.state != "off":
            return
        _, _, name = state.entity_id.partition(".")
        serial, _, key = name.partition("_")
        if key == "waiting_for_the_cloud" and state.entity_id.startswith("binary_sensor.bench"):
            self.note(serial.upper())

    def note(self, serial: str) -> None:
        """Note an inverter."""
        self._times.setdefault(serial, self._world.simulator.now())
        if len(self._times) == self._count:
            self.all.set()

    def __contains__(self, serial: str) -> bool:
        """Say whether an inverter was noted."""
        return serial in self._times

    def delays(self) -> list[float]:
        """Return how long each took since its device came online."""
        bindings = self._world.simulator.growatt.bindings
        return [
            time - (bindings[serial].associated_at or 0) for serial, time in self._times.items()
        ]


async def _accept(
    world: World, inverters: int, plants: int, window: Window, seed: int
) -> dict[str, list[str]]:
    """Have inverters accepted, whose devices come online some time in the window."""
    chance = random.Random(seed)  # noqa: S311
    _, where = await worlds.add_accepted(world, inverters, plants)
    for serials in where.values():
        for serial in serials:
            device = world.simulator.growatt._devices[serial]
            online_after = chance.uniform(window.begin, window.end)
            device.online_at = (device.requested or 0) + online_after
    return where


async def core(inverters: int, plants: int, window: Window) -> Delays:
    """Return how long it takes until growatt_server has a device."""
    async with worlds.simulated() as world:
        shown = Shown(world, inverters)
        where = await _accept_without_us(world, inverters, plants, window)
        entries = [await worlds.add_core(world, plant_id) for plant_id in where]
        while not shown.all.is_set():
            await asyncio.sleep(1)
            for entry in entries:
                for serial in entry.runtime_data.devices:
                    shown.note(serial)
        return Delays(shown.delays())


async def loop(inverters: int, plants: int, window: Window) -> Delays:
    """Return how long it takes until a loop over sn_plant has seen a device, at the limit."""
    async with worlds.simulated() as world:
        shown = Shown(world, inverters)
        where = await _accept_without_us(world, inverters, plants, window)
        api = worlds.plain_client(world.simulator.url)
        while not shown.all.is_set():
            for serial in (serial for serials in where.values() for serial in serials):
                if serial in shown:
                    continue
                answer = await world.hass.async_add_executor_job(api.device.get_plant, serial)
                if answer.error_code == 0:
                    shown.note(serial)
            await asyncio.sleep(_ROUND)
        return Delays(shown.delays())


async def _accept_without_us(
    world: World, inverters: int, plants: int, window: Window
) -> dict[str, list[str]]:
    where = await _accept(world, inverters, plants, window, 0)
    for entry in world.hass.config_entries.async_loaded_entries(DOMAIN):
        await world.hass.config_entries.async_unload(entry.entry_id)
    return where


def _without_v4(world: World) -> None:
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False


def _by_endpoint(world: World) -> None:
    world.simulator.growatt.limits.reading = "endpoint"


_VARIANTS: Final[tuple[tuple[str, Prepare], ...]] = (
    ("token without v4", _without_v4),
    ("limits count endpoints", _by_endpoint),
)


async def measure() -> list[table.Row]:
    """Return the table's rows."""
    rows = []
    first = _WINDOWS[0]
    theirs = await core(10, 1, first)
    plain = await loop(10, 1, first)
    for inverters, plants, tries in _SIZES:
        for window in _WINDOWS:
            mine = await ours(inverters, plants, tries, window)
            worst = _VENDOR_LIMIT + window.look
            goal, met = f"worst at most {worst:.0f} s", mine.worst <= worst
            if window is first:
                goal = f"median at most {_MEDIAN:.0f} s, {goal}"
                met = met and mine.median <= _MEDIAN
            what = f"{inverters} in {plants} plant{'s' * (plants > 1)}, {window.name}"
            rows.append(table.Row(group=_GROUP, what=what, ours=str(mine), goal=goal, met=met))
            if (inverters, window) == (10, first):
                rows[-1] = replace(
                    rows[-1],
                    theirs=f"growatt_server {theirs}",
                    ratio=table.quotient(mine.median, theirs.median),
                )
                rows.append(
                    table.Row(
                        group=_GROUP,
                        what=what,
                        ours=str(mine),
                        theirs=f"sn_plant for each {plain}",
                        ratio=table.quotient(mine.median, plain.median),
                    )
                )
    for name, prepare in _VARIANTS:
        mine = await ours(100, 4, 1, first, prepare)
        rows.append(
            table.Row(group=_GROUP, what=f"100 in 4 plants, {first.name}, {name}", ours=str(mine))
        )
    return rows


if __name__ == "__main__":
    worlds.alone()
    table.send(asyncio.run(measure()))
