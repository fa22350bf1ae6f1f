"""What the tests of the clouds share."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from simulator import Simulator
from simulator.growatt.state import INSTALLER_TOKEN

from .helpers import RecordingGate, growatt_client


@pytest.fixture
async def http(socket_enabled: None) -> AsyncGenerator[aiohttp.ClientSession]:
    """Return a session that others share: it keeps connections, and cookies even of addresses."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
def gate() -> RecordingGate:
    """Return a gate that lets everything pass until told otherwise."""
    return RecordingGate()


@pytest.fixture
def client(
    http: aiohttp.ClientSession,
    simulator: Simulator,
    gate: RecordingGate,
) -> GrowattClient:
    """Return a client of the simulated Growatt with an installer's token."""
    return growatt_client(http, simulator.url, INSTALLER_TOKEN, gate)
