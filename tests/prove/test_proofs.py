"""The proofs in short: hours of them are for scripts/prove."""

import pytest

from . import clocks, limits, storm
from .world import World


@pytest.mark.parametrize(
    "scenario",
    [
        limits.Scenario(name="one", plants=2, inverters=4, hours=2),
        limits.Scenario(name="two", accounts=2, plants=1, inverters=3, hours=2, leaves=True),
        limits.Scenario(name="sticks", plants=2, inverters=2, dataloggers=2, hours=2),
        limits.Scenario(name="endpoint", plants=2, inverters=3, hours=3, reading="endpoint"),
    ],
    ids=lambda scenario: scenario.name,
)
async def test_limits(world: World, scenario: limits.Scenario) -> None:
    report = await limits.run(world, scenario)
    assert not report.problems
    assert len(report.delays) == scenario.accounts * scenario.plants * scenario.inverters


async def test_storm(world: World) -> None:
    report = await storm.run(world)
    assert not report.problems


@pytest.mark.parametrize("scenario", clocks.SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_clocks(world: World, scenario: clocks.Scenario) -> None:
    outcome = await scenario(world)
    assert outcome.holds, outcome
