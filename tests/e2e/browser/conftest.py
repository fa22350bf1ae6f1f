"""A browser before a real Home Assistant, and what it shows when a scenario fails."""

from collections.abc import AsyncIterator, Generator
import json
import sys

from playwright.async_api import Page, expect
import pytest
import pytest_asyncio

from simulator import Simulator
from tests.e2e.browser import evidence
from tests.e2e.browser.homeowner import Homeowner
from tests.server import browser
from tests.server.homeassistant_server import HomeAssistantServer

PATIENCE = 30_000
"""Milliseconds in which what is waited for must be seen."""

# Light or dark as the machine is, so that a scenario sees both.
FOLLOW_THE_MACHINE = {"selectedTheme": "{}"}
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which scenarios failed."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(
    server: HomeAssistantServer, simulator: Simulator, request: pytest.FixtureRequest
) -> AsyncIterator[Homeowner]:
    """Return a person who is not signed in."""
    async with browser.page(server, storage=FOLLOW_THE_MACHINE) as page:
        async for person in _watched(page, server, request):
            yield person


@pytest_asyncio.fixture(loop_scope="session")
async def homeowner(
    server: HomeAssistantServer, simulator: Simulator, request: pytest.FixtureRequest
) -> AsyncIterator[Homeowner]:
    """Return a person who is signed in, and speaks English unless the test says otherwise."""
    tokens = json.dumps((await server.sign_in()).as_front_end())
    storage = {**FOLLOW_THE_MACHINE, "hassTokens": tokens}
    language = getattr(request, "param", "en")
    async with browser.page(server, language=language, storage=storage) as page:
        async for person in _watched(page, server, request):
            yield person


async def _watched(
    page: Page, server: HomeAssistantServer, request: pytest.FixtureRequest
) -> AsyncIterator[Homeowner]:
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield Homeowner(page, server)
    if request.node.stash.get(_FAILED, False):
        folder = evidence.folder(request.node.nodeid)
        sys.stdout.write(f"What was seen is in {folder}\n")
        await evidence.leave(page, server, folder)
