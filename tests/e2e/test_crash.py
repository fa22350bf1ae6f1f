"""A few points of `scripts/prove crash`, for one device."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.prove.crash import POINTS, Point, prove
from tests.prove.devices import DATALOGGERS, INVERTERS, Devices
from tests.prove.homes import linked_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEW = {"b2", "f4"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def linked() -> AsyncIterator[Path]:
    """Return a configuration folder with one account."""
    async with linked_folder() as folder:
        yield folder


@pytest.mark.parametrize(
    "point", [pytest.param(point, id=point.text) for point in POINTS if point.key in FEW]
)
@pytest.mark.parametrize("devices", [INVERTERS, DATALOGGERS], ids=lambda devices: devices.name)
async def test_a_power_cut_loses_and_doubles_nothing(
    devices: Devices, point: Point, linked: Path
) -> None:
    await prove(point, devices, 1, linked)
