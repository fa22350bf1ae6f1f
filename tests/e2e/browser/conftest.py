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
from tests.e2e.browser.texts import LANGUAGE
from tests.e2e.conftest import judged_server
from tests.server import browser
from tests.server.client import PATIENCE
from tests.server.homeassistant_server import HomeAssistantServer

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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[HomeAssistantServer]:
    """Return a Home Assistant for all scenarios in a browser, which may have it differ a little."""
    helpers = {"servers_at": {}, "soon_overdue": {}}
    async with judged_server(helpers, LANGUAGE) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(
    server: HomeAssistantServer, simulator: Simulator, request: pytest.FixtureRequest
) -> AsyncIterator[Homeowner]:
    """Return a person who is not signed in."""
    async with browser.page(server, language=LANGUAGE, storage=FOLLOW_THE_MACHINE) as page:
        async for person in _watched(page, server, LANGUAGE, request):
            yield person


@pytest_asyncio.fixture(loop_scope="session")
async def homeowner(
    server: HomeAssistantServer, simulator: Simulator, request: pytest.FixtureRequest
) -> AsyncIterator[Homeowner]:
    """Return a person who is signed in, and speaks as the house does unless the test says how."""
    tokens = json.dumps((await server.sign_in()).as_front_end())
    storage = {**FOLLOW_THE_MACHINE, "hassTokens": tokens}
    language = getattr(request, "param", LANGUAGE)
    async with browser.page(server, language=language, storage=storage) as page:
        async for person in _watched(page, server, language, request):
            yield person


async def _watched(
    page: Page, server: HomeAssistantServer, language: str, request: pytest.FixtureRequest
) -> AsyncIterator[Homeowner]:
    page.set_default_timeout(PATIENCE * 1_000)
    expect.set_options(timeout=PATIENCE * 1_000)
    scenario = f"{request.path.stem} {request.node.name}".replace("test_", "")
    yield Homeowner(page, server, language=language, scenario=scenario)
    if request.node.stash.get(_FAILED, False):
        folder = evidence.folder(request.node.nodeid)
        sys.stdout.write(f"What was seen is in {folder}\n")
        await evidence.leave(page, server, folder)
