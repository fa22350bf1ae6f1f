"""Clients of the running simulator."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest

from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator

from .client import Client


@pytest.fixture
async def session(
    simulator: Simulator,
) -> AsyncGenerator[aiohttp.ClientSession]:
    """Return a session that ends before the simulator does."""
    async with aiohttp.ClientSession() as running:
        yield running


@pytest.fixture
def installer(simulator: Simulator, session: aiohttp.ClientSession) -> Client:
    """Return a client with the installer's token."""
    return Client(session, simulator.url, INSTALLER_TOKEN)


@pytest.fixture
def resident(simulator: Simulator, session: aiohttp.ClientSession) -> Client:
    """Return a client with the token of the one end user that every simulator has."""
    return Client(session, simulator.url, END_USER_TOKEN)
