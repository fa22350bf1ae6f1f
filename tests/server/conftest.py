"""One real Home Assistant with the example integration, for all tests of the harness."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .client import HomeAssistantClient
from .configuration import COMPONENTS
from .homeassistant_server import HomeAssistantServer

EXAMPLE = COMPONENTS / "harness_example"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[HomeAssistantServer]:
    """Return a running server."""
    async with HomeAssistantServer(components=[EXAMPLE]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: HomeAssistantServer) -> AsyncIterator[HomeAssistantClient]:
    """Return its owner, signed in."""
    async with server.client() as signed_in:
        yield signed_in


@pytest.fixture
def example() -> str:
    """Return the domain of the example integration."""
    return EXAMPLE.name
