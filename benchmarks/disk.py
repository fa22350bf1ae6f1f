"""How often Home Assistant writes to its disk while inverters are pending."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from homeassistant.helpers import storage
from homeassistant.util import file

from custom_components.growatt_onboarding.const import DOMAIN
from simulator.growatt import INSTALLER_TOKEN

from . import table, world as worlds

_GROUP: Final = "Disk"
_DAY: Final = 86_400.0
_INVERTERS: Final = 100
_PLANTS: Final = 4


@dataclass(frozen=True)
class Write:
    """A file that was written."""

    name: str
    size: int


@contextmanager
def counted() -> Iterator[list[Write]]:
    """Note every file that Home Assistant writes."""
    written: list[Write] = []

    def noting(original: Any) -> Any:
        def write(path: str, data: str | bytes, *args: Any, **kwargs: Any) -> None:
            written.append(Write(Path(path).name, len(data)))
            original(path, data, *args, **kwargs)

        return write

    with (
        patch.object(storage, "write_utf8_file", noting(file.write_utf8_file)),
        patch.object(storage, "write_utf8_file_atomic", noting(file.write_utf8_file_atomic)),
    ):
        yield written


def ours(written: list[Write]) -> list[Write]:
    """Return the writes of what belongs to this integration."""
    return [write for write in written if write.name.startswith(DOMAIN)]


async def day(*, v4: bool = True, after: float = 0) -> tuple[list[Write], int]:
    """Return what is written in a day while nothing changes, and how often the cloud was asked."""
    with counted() as written:
        async with worlds.simulated() as world:
            world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = v4
            await worlds.add_accepted(world, _INVERTERS, _PLANTS)
            await asyncio.sleep(60 + after)
            written.clear()
            asked = worlds.calls_by(world, INSTALLER_TOKEN)
            await asyncio.sleep(_DAY)
            return list(written), worlds.calls_by(world, INSTALLER_TOKEN) - asked


async def life() -> tuple[list[Write], int]:
    """Return what is written from binding inverters until all are associated, each in its time."""
    with counted() as written:
        async with worlds.simulated() as world:
            entry, _ = await worlds.add_pending(world, _INVERTERS, _PLANTS, online=True)
            coordinator = entry.runtime_data.coordinator
            await world.clock.until(
                lambda: not any(item.pending for item in coordinator.data.values())
            )
            return list(written), len(coordinator.data)


async def measure() -> list[table.Row]:
    """Return the table's rows."""
    rows = []
    # The first use of the watch list is noted, and after a day that all are overdue.
    for v4, after, name, most in (
        (True, 0, "first day", 2),
        (True, _DAY, "second day", 0),
        (False, 0, "first day, token without v4", 1),
    ):
        written, asked = await day(v4=v4, after=after)
        own = ours(written)
        rows.append(
            table.Row(
                group=_GROUP,
                what=f"writes per day, {_INVERTERS} pending and nothing changes, {name}",
                ours=f"{len(own)}, {sum(write.size for write in own) / 1000:.0f} kB",
                theirs=f"one for each of {asked} calls",
                ratio=table.quotient(len(own), asked),
                goal=f"only when something changed: at most {most}",
                met=len(own) <= most,
            )
        )
    written, inverters = await life()
    own = ours(written)
    rows.append(
        table.Row(
            group=_GROUP,
            what="writes from binding to association, per inverter",
            ours=f"{len(own) / inverters:.1f},"
            f" {sum(write.size for write in own) / 1000 / inverters:.0f} kB",
        )
    )
    return rows


if __name__ == "__main__":
    worlds.alone()
    table.send(asyncio.run(measure()))
