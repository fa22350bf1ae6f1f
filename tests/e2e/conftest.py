"""A real Home Assistant and a simulated cloud for the scenarios, and what holds for all of them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN, INSTALLER_TOKEN
from tests.server.homeassistant_server import PROJECT, HomeAssistantServer

from .accounts import no_repair
from .dialogs import DOMAIN, PASSWORD

SPEED = 60
"""Simulated seconds per second, for Home Assistant and the simulator alike."""

PRODUCT = PROJECT / "custom_components" / DOMAIN
COMPONENTS = Path(__file__).parent / "components"
SECRETS = (INSTALLER_TOKEN, END_USER_TOKEN, PASSWORD)
# Home Assistant itself records the data of actions there.
RECORDER = "home-assistant_v2.db"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[HomeAssistantServer]:
    """Return a Home Assistant for all scenarios of a module, and judge what it left behind."""
    async with judged_server({"dialog_grace": {}}) as running:
        yield running


@asynccontextmanager
async def judged_server(
    helpers: Mapping[str, dict[str, Any]], language: str = "en"
) -> AsyncIterator[HomeAssistantServer]:
    """Run a Home Assistant with these helper integrations, and judge what it left behind."""
    async with HomeAssistantServer(
        components=[PRODUCT, *(COMPONENTS / helper for helper in helpers)],
        configuration=helpers,
        speed=SPEED,
        language=language,
        debug_loggers=(f"custom_components.{DOMAIN}", "aiohttp.client"),
    ) as running:
        yield running
        async with running.client() as client:
            await no_repair(client)
        await running.stop()
        keeps_secrets(running)
        assert running.attempts_beyond_loopback() == []


@pytest_asyncio.fixture(loop_scope="session")
async def simulator(server: HomeAssistantServer) -> AsyncIterator[Simulator]:
    """Return a cloud of this scenario's own, and remove its accounts in the end."""
    async with Simulator(time_factor=SPEED) as running:
        yield running
        if server.pid is None:
            await server.start()
        async with server.client() as client:
            for entry in await client.config_entries(DOMAIN):
                await client.remove_config_entry(entry["entry_id"])
        assert running.calls.secrets_in_url == []
        assert running.growatt.limits.violations == []


def keeps_secrets(server: HomeAssistantServer) -> None:
    """Assert that no secret stands in the log, and no password in any file."""
    log = server.log()
    assert f"DEBUG (MainThread) [custom_components.{DOMAIN}" in log
    assert [secret for secret in SECRETS if secret in log] == []
    assert [
        path for path in _files(server.config_dir) if PASSWORD.encode() in path.read_bytes()
    ] == []


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file but the recorder's."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith(RECORDER):
            yield path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what scenarios measured: told, never judged."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
