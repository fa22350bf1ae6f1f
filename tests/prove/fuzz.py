"""Proof: whatever a cloud answers or a person submits, nothing but our own errors comes of it.

10,000 random answers for every call of every client, and as many random inputs for every step of
every dialog. Nothing is logged as an error, and the event loop never stands still for long.
The clients take minutes, and so do the dialogs: what an input ended is put back where it was. A
smaller number as an argument takes its share of that.
"""

import asyncio
from collections.abc import Iterable, Iterator
import itertools
import sys
import time
from typing import Final

from simulator import Simulator

from . import fuzz_clients, fuzz_dialogs
from .hostile import BLOCK
from .world import new_world

NUMBER: Final = 10_000
_MOST_SHOWN = 10
# Dialogs that are walked through in one home, as what inputs left behind adds up, and homes.
_WALKS: Final = 50
_HOMES: Final = 100


def _of_clients(found: Iterable[fuzz_clients.Asked]) -> Iterator[str]:
    """Yield the table of the calls."""
    yield f"{'call':38} answers  longest  outcomes"
    for one in found:
        shown = ", ".join(f"{name} {times}" for name, times in one.outcomes.most_common(4))
        yield f"{one.call:38} {one.answers:7} {one.longest * 1_000:5.0f} ms  {shown}"


def _of_dialogs(found: fuzz_dialogs.Walked) -> Iterator[str]:
    """Yield the table of the steps."""
    yield f"{'dialog':18} {'step':24}  inputs  visits"
    for dialog, step in fuzz_dialogs.EVERY_STEP:
        inputs, visits = found.inputs[dialog, step], found.visits[dialog, step]
        yield f"{dialog:18} {step:24} {inputs:7} {visits:7}"
    shown = ", ".join(f"{name} {times}" for name, times in found.answers.most_common())
    yield f"answers: {shown}"
    yield (
        f"{found.walks} walks; put back {found.put_back} times; longest"
        f" {found.longest * 1_000:.0f} ms"
    )


async def _walked(number: int) -> fuzz_dialogs.Walked:
    """Give every step of every dialog so many random inputs."""
    found = fuzz_dialogs.Walked()
    for _ in range(_HOMES):
        async with new_world(Simulator()) as world:
            await fuzz_dialogs.fuzz(world, number, found, walks=_WALKS)
        if found.fewest() >= number:
            break
    else:
        found.problems.append(f"{found.walks} walks were too few")
    return found


async def prove(number: int, names: tuple[str, ...]) -> int:
    """Give everything so many random answers and inputs, and print what came of them."""
    began = time.monotonic()
    asked = await fuzz_clients.fuzz_all(number, names)
    problems = [f"{one.call} {problem}" for one in asked for problem in one.problems]
    print(*_of_clients(asked), sep="\n")  # noqa: T201
    if not names or "dialogs" in names:
        walked = await _walked(number)
        problems += walked.problems
        print(*_of_dialogs(walked), sep="\n")  # noqa: T201
    for problem in itertools.islice(problems, _MOST_SHOWN):
        print(f"  FAILED: {problem}")  # noqa: T201
    print(  # noqa: T201
        f"{len(problems)} problems; a block of over {BLOCK * 1_000:.0f} ms is one;"
        f" took {time.monotonic() - began:.0f} s"
    )
    return int(bool(problems))


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    words = tuple(word for word in sys.argv[1:] if not word.isdecimal())
    sys.exit(asyncio.run(prove(numbers[0] if numbers else NUMBER, words)))
