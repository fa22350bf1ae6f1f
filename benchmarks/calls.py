"""How many calls the cloud gets in an hour while inverters are pending, and when none is."""

import asyncio
from dataclasses import dataclass
from typing import Final

from simulator.growatt import INSTALLER_TOKEN
from tests.prove.world import World

from . import table, world as worlds

_HOUR: Final = 3_600.0
_SIZES: Final = ((1, 1), (10, 1), (100, 4), (1000, 20))
_ROUND: Final = 300.0


@dataclass
class Counted:
    """What was counted in an hour."""

    calls: float
    violations: int = 0
    seen: int = 0


async def ours(inverters: int, plants: int) -> tuple[Counted, Counted]:
    """Return what we ask in the first hour after acceptance, and in an hour some hours later."""
    async with worlds.simulated() as world:
        await worlds.add_accepted(world, inverters, plants)
        return await _hour(world), await _hour(world, after=2 * _HOUR)


async def without_v4(inverters: int, plants: int) -> Counted:
    """Return what we ask in an hour, not the first, where only the plants' lists may be read."""
    async with worlds.simulated() as world:
        world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
        await worlds.add_accepted(world, inverters, plants)
        return await _hour(world, after=_ROUND)


async def _hour(world: World, after: float = 0) -> Counted:
    await asyncio.sleep(after)
    before = worlds.calls_by(world, INSTALLER_TOKEN)
    await asyncio.sleep(_HOUR)
    return Counted(worlds.calls_by(world, INSTALLER_TOKEN) - before, worlds.violations_by(world))


async def idle() -> Counted:
    """Return what we ask in an hour when all inverters are associated."""
    async with worlds.simulated() as world:
        await worlds.add_pending(world, 10, 1, online=True)
        await asyncio.sleep(_HOUR)
        return await _hour(world)


async def core(inverters: int, plants: int, seconds: float) -> Counted:
    """Return what growatt_server asks in an hour about the same devices, all of them online."""
    async with worlds.simulated() as world:
        account = await world.add_account()
        for number, serials in enumerate(worlds.spread(inverters, plants)):
            plant_id = world.add_plant(account, f"Plant {number}")
            world.add_devices(serials, plant_id=int(plant_id), online=True)
            await worlds.add_core(world, plant_id)
        before = worlds.calls_by(world, worlds.CORE_TOKEN)
        await asyncio.sleep(seconds)
        asked = worlds.calls_by(world, worlds.CORE_TOKEN) - before
        entries = world.hass.config_entries.async_loaded_entries(worlds.CORE)
        return Counted(
            asked * _HOUR / seconds,
            worlds.violations_by(world, [worlds.CORE_TOKEN]),
            sum(len(entry.runtime_data.devices) for entry in entries),
        )


async def loop(inverters: int, plants: int, seconds: float) -> Counted:
    """Return what a loop asks that asks where each pending inverter stands, at the limit."""
    async with worlds.simulated() as world:
        account = await world.add_account()
        serials: list[str] = []
        for number, found in enumerate(worlds.spread(inverters, plants)):
            world.add_plant(account, f"Plant {number}")
            serials += world.add_devices(found)
        api = worlds.plain_client(world.simulator.url)
        end = world.clock.passed + seconds
        while world.clock.passed < end:
            for serial in serials:
                await world.hass.async_add_executor_job(api.device.get_plant, serial)
            await asyncio.sleep(_ROUND)
        return Counted(
            worlds.calls_by(world, worlds.LOOP_TOKEN) * _HOUR / seconds,
            worlds.violations_by(world, [worlds.LOOP_TOKEN]),
        )


async def measure() -> list[table.Row]:
    """Return the table's rows."""
    rows = []
    for inverters, plants in _SIZES:
        seconds = _HOUR if inverters < 1000 else 2 * _ROUND
        first, later = await ours(inverters, plants)
        without = await without_v4(inverters, plants)
        theirs = await core(inverters, plants, seconds)
        plain = await loop(inverters, plants, seconds)
        what = f"{inverters} pending in {plants} plant{'s' * (plants > 1)}"
        seen = f"growatt_server {theirs.calls:.0f}"
        if theirs.seen < inverters:
            seen += f" (for the {theirs.seen} that it sees)"
        for hour, name in ((first, "first hour"), (later, "hour on the first day")):
            rows += [
                table.Row(
                    group="Calls per hour",
                    what=f"{what}, {name}",
                    ours=f"{hour.calls:.0f}, {hour.violations} over a limit",
                    theirs=f"{seen}, {theirs.violations} over a limit",
                    ratio=table.quotient(hour.calls, theirs.calls),
                    goal="one per plant and look, never over a limit",
                    met=hour.violations == 0,
                ),
                table.Row(
                    group="Calls per hour",
                    what=f"{what}, {name}",
                    ours=f"{hour.calls:.0f}",
                    theirs=f"sn_plant for each {plain.calls:.0f}, {plain.violations} over a limit",
                    ratio=table.quotient(hour.calls, plain.calls),
                ),
            ]
        rows.append(
            table.Row(
                group="Calls per hour",
                what=f"{what}, token without v4, on the first day",
                ours=f"{without.calls:.0f}, {without.violations} over a limit",
                theirs=seen,
                ratio=table.quotient(without.calls, theirs.calls),
                goal=f"one per plant and look: at most {plants * 12}",
                met=without.calls <= plants * 12 and not without.violations,
            )
        )
    nothing = await idle()
    rows.append(
        table.Row(
            group="Calls per hour",
            what="none pending",
            ours=f"{nothing.calls:.0f}",
            goal="none",
            met=nothing.calls == 0,
        )
    )
    return rows


if __name__ == "__main__":
    worlds.alone()
    table.send(asyncio.run(measure()))
