"""The simulator as a fixture, on a real socket of the loopback interface."""

from collections.abc import AsyncGenerator

import pytest

from simulator import Simulator


@pytest.fixture
async def simulator(
    socket_enabled: None,
) -> AsyncGenerator[Simulator]:
    """Run a fresh simulator.

    `socket_enabled` lifts the test harness's ban on sockets for this test; connections stay
    limited to 127.0.0.1.
    """
    async with Simulator() as running:
        yield running
