"""The situations of the clock, which `scripts/prove neighbours` plays in simulated time.

They are in `clocks.py`; here they become rows of the table.
"""

import asyncio
import logging
import sys

from simulator import Simulator
from tests.e2e.story import Story

from .clocks import SCENARIOS
from .rows import chosen, show
from .world import new_world


async def _main() -> int:
    logging.basicConfig(level=logging.ERROR)
    story = Story()
    story.step("Set the clock, restart and reboot, in simulated time")
    rows = []
    for scenario in SCENARIOS:
        if chosen(scenario.__name__):
            async with new_world(Simulator()) as world:
                rows.append(await scenario(world))
    return show(story, rows)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
