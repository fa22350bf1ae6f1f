"""A thousand serial numbers through the action, against a cloud without limits."""

import asyncio
from dataclasses import dataclass
import time
from typing import Any, Final

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.const import DOMAIN
from simulator.growatt import INSTALLER_TOKEN

from . import disk, table, world as worlds
from .watch import until, watched

_GROUP: Final = "Bulk"
_SIZES: Final = (500, 1000)
# What our own pauses cost is known; what is left is ours to improve.
_WITHOUT_PAUSES: Final = Timing(call_gap=0, slow_cooldown=0, quick_cooldown=0, margin=0)


@dataclass(frozen=True)
class Bulk:
    """What became of so many serial numbers. Seconds, and what was written meanwhile."""

    answered: float
    done: float
    processor: float
    longest: float
    writes: int
    written: int


async def bulk(count: int, timeout: float = 0) -> Bulk:
    """Bind so many serial numbers."""
    where = worlds.plants(count, 1)
    [(plant_id, serials)] = where.items()
    with worlds.cloud(where, there=False) as cloud, disk.counted() as written:
        async with worlds.real_time(_WITHOUT_PAUSES) as hass:
            entry = await worlds.pending_entry(hass, cloud.url, str(worlds.OWNER), {}, time.time())
            entry.add_to_hass(hass)
            assert await hass.config_entries.async_setup(entry.entry_id)
            data: Any = {
                "config_entry_id": entry.entry_id,
                "plant_id": plant_id,
                "serial_numbers": serials,
                "timeout": timeout,
            }
            coordinator = entry.runtime_data.coordinator
            async with watched() as blocks:
                began = time.perf_counter()
                await hass.services.async_call(
                    DOMAIN, "bind_device", data, blocking=True, return_response=True
                )
                answered = time.perf_counter() - began
                await until(lambda: all(item.accepted_at for item in coordinator.data.values()))
                done = time.perf_counter() - began
            own = [item for item in written if DOMAIN in item.name]
            await hass.config_entries.async_unload(entry.entry_id)
    return Bulk(
        answered,
        done,
        blocks.process,
        blocks.longest,
        len(own),
        sum(item.size for item in own),
    )


async def paced(count: int) -> float:
    """Return how many a second are bound with the product's own pauses and limits."""
    async with worlds.simulated() as world:
        began = world.clock.passed
        await worlds.add_pending(world, count, 1)
        return count / (world.clock.passed - began)


async def plain(count: int) -> float:
    """Return how many a second a plain loop of growatt_public_api binds."""
    where = worlds.plants(count, 1)
    [(plant_id, serials)] = where.items()
    with worlds.cloud(where, there=False) as cloud:
        api = worlds.plain_client(cloud.url, INSTALLER_TOKEN)

        def loop() -> None:
            for serial in serials:
                answer = api.plant.add_device(int(plant_id), serial, worlds.OWNER)
                assert answer.error_code == 0

        began = time.perf_counter()
        await asyncio.to_thread(loop)
        return count / (time.perf_counter() - began)


async def measure() -> list[table.Row]:
    """Return the table's rows."""
    found = {count: await bulk(count) for count in _SIZES}
    most = found[_SIZES[-1]]
    half = found[_SIZES[-2]]
    loop = await plain(_SIZES[-1])
    rate = _SIZES[-1] / most.done
    return [
        table.Row(
            group=_GROUP,
            what=f"bindings per second, {_SIZES[-1]} at once, without pauses",
            ours=f"{rate:.0f}",
            theirs=f"loop of growatt_public_api {loop:.0f}, stores nothing",
            ratio=table.quotient(rate, loop),
        ),
        table.Row(
            group=_GROUP,
            what="the action answers with all of them stored after",
            ours=f"{most.answered:.2f} s",
            theirs=f"loop of growatt_public_api {_SIZES[-1] / loop:.1f} s",
            ratio=table.quotient(most.answered, _SIZES[-1] / loop),
            goal="at once",
        ),
        table.Row(
            group=_GROUP,
            what=f"processor time for {_SIZES[-1]} beside {_SIZES[-2]}",
            ours=f"{most.processor:.1f} s",
            theirs=f"{half.processor:.1f} s",
            ratio=table.quotient(most.processor, half.processor),
            goal="not quadratic: below 2.5",
            met=most.processor < 2.5 * half.processor,
        ),
        table.Row(
            group=_GROUP,
            what=f"written for {_SIZES[-1]} beside {_SIZES[-2]}",
            ours=f"{most.writes} writes, {most.written / 1e6:.0f} MB",
            theirs=f"{half.writes} writes, {half.written / 1e6:.0f} MB",
            ratio=table.quotient(most.written, half.written),
            goal="not quadratic: below 3",
            met=most.written < 3 * half.written,
        ),
        table.Row(
            group=_GROUP,
            what="bindings per second with our pauses between calls",
            ours=f"{await paced(100):.2f}",
        ),
    ]


if __name__ == "__main__":
    worlds.alone()
    table.send(asyncio.run(measure()))
