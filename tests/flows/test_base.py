"""Progress is shown long enough for the front end to have asked once by itself."""

import pytest

from custom_components.growatt_onboarding.flows import base
from custom_components.growatt_onboarding.flows.base import with_minimum_duration
from tests.prove.world import World

AT_LEAST = base._MINIMUM_DURATION


@pytest.fixture(autouse=True)
def _with_a_front_end(_no_front_end: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_MINIMUM_DURATION", AT_LEAST)


async def test_what_is_done_at_once_is_shown_all_the_same(world: World) -> None:
    done: list[float] = []

    async def work() -> None:
        done.append(world.clock.passed)

    began = world.clock.passed
    await with_minimum_duration(work())
    assert done == [began]
    assert world.clock.passed - began >= AT_LEAST > 0


async def test_a_fault_is_told(world: World) -> None:
    async def work() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await with_minimum_duration(work())
