"""How well labels are read from photographs, and what that costs."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
import statistics
import time
from typing import Final

from custom_components.growatt_onboarding.labels import Labels, PictureError, async_read_labels
from custom_components.growatt_onboarding.labels.reader import read_labels

from . import table, world as worlds
from .photographed import photograph
from .watch import milliseconds

_GROUP: Final = "Labels"
_WITH_NUMBERS: Final = 800
_WITHOUT: Final = 200
# How many are read in a Home Assistant whose event loop is watched.
_WATCHED: Final = 20
_AT_ONCE: Final = 2
_TICK: Final = 0.001
_SHARE: Final = 0.95
_LONGEST: Final = 4.0
_LONGEST_BLOCK: Final = 0.010
_KINDS: Final = ("Code 128", "Code 39", "QR")


@dataclass(frozen=True)
class Result:
    """What was read from one photograph, and the seconds of processor time."""

    readable: dict[str, str]
    numbers: frozenset[str]
    read: Labels
    seconds: float


def read_one(index: int) -> Result:
    """Make a photograph and read it; the last ones have no serial number."""
    photo = photograph(index, with_numbers=index < _WITH_NUMBERS)
    began = time.process_time()
    try:
        read = read_labels(photo.jpeg)
    except PictureError:
        read = Labels([], [])
    seconds = time.process_time() - began
    return Result(photo.readable, photo.numbers, read, seconds)


def rows_of(results: list[Result]) -> Iterator[table.Row]:
    """Yield the rows about what was read."""
    readable: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for result in results:
        for number, kind in result.readable.items():
            readable[kind] += 1
            read[kind] += number in result.read.numbers
    share = read.total() / readable.total()
    each = ", ".join(f"{kind} {read[kind] / readable[kind]:.1%}" for kind in _KINDS)
    yield table.Row(
        group=_GROUP,
        what=f"read, of {readable.total()} readable codes in {len(results)} photographs",
        ours=f"{share:.1%}: {each}",
        goal="at least 95 %",
        met=share >= _SHARE,
    )
    wrong = sum(len(set(result.read.numbers) - result.numbers) for result in results)
    yield table.Row(
        group=_GROUP,
        what=f"wrong numbers, {_WITHOUT} of the photographs being without any",
        ours=str(wrong),
        goal="none",
        met=not wrong,
    )
    doubtful = [number in result.numbers for result in results for number in result.read.doubtful]
    yield table.Row(
        group=_GROUP,
        what="offered as doubtful: right and wrong",
        ours=f"{sum(doubtful)}, {len(doubtful) - sum(doubtful)}",
    )
    more = sum(len(result.numbers - result.readable.keys()) for result in results)
    more_read = sum(
        len((result.numbers - result.readable.keys()) & set(result.read.numbers))
        for result in results
    )
    yield table.Row(
        group=_GROUP,
        what="read, of codes whose bars are too narrow to count as readable",
        ours=f"{more_read} of {more}",
    )
    seconds = [result.seconds for result in results]
    yield table.Row(
        group=_GROUP,
        what="time for a photograph: median and longest",
        ours=f"{statistics.median(seconds):.1f} s, {max(seconds):.1f} s",
        goal="at most 4 s",
        met=max(seconds) <= _LONGEST,
    )


async def longest_block() -> float:
    """Return how long the event loop waited for one of several readings, at most.

    What other programs take of the processors is left out: while they do, this thread waits for a
    processor, or this process does no work.
    """
    photos = [photograph(index, with_numbers=True).jpeg for index in range(_WATCHED)]
    longest = 0.0
    async with worlds.real_time() as hass:
        await async_read_labels(hass, photos[0])  # imports
        for photo in photos:
            reading = asyncio.ensure_future(async_read_labels(hass, photo))
            while not reading.done():
                waited, began, worked = _waited(), time.monotonic(), time.process_time()
                await asyncio.sleep(_TICK)
                late = time.monotonic() - began - _TICK
                worked = time.process_time() - worked
                longest = max(longest, min(late - (_waited() - waited), worked))
            reading.exception()
    return longest


def _waited() -> float:
    """Return for how many seconds this thread was ready and had no processor."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def measure() -> list[table.Row]:
    """Return the table's rows."""
    with ProcessPoolExecutor(_AT_ONCE) as processes:
        results = list(processes.map(read_one, range(_WITH_NUMBERS + _WITHOUT)))
    block = asyncio.run(longest_block())
    return [
        *rows_of(results),
        table.Row(
            group=_GROUP,
            what=f"longest block of the event loop while {_WATCHED} photographs are read",
            ours=milliseconds(block),
            goal="at most 10 ms",
            met=block <= _LONGEST_BLOCK,
        ),
    ]


if __name__ == "__main__":
    worlds.alone()
    table.send(measure())
