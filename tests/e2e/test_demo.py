"""The demo as a visitor starts it: on taken ports, twice, interrupted at any time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
import signal
import socket

import psutil
import pytest

from tests.server.client import PATIENCE
from tests.server.homeassistant_server import PROJECT

from .demo import INTERRUPTED, PORT, RUNS
from .story import WIDTH
from .waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

STAYS = "Ctrl-C ends it."


class Demo:
    """A demo under way, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Follow a process."""
        self._process = process
        self.lines: list[str] = []

    async def reach(self, text: str) -> None:
        """Wait until it has printed this."""
        async with asyncio.timeout(PATIENCE):
            while not any(text in line for line in self.lines):
                assert await self._read(), f"{text!r} never came: {self.lines}"

    async def end(self) -> int:
        """Wait until it has ended and return its exit status."""
        async with asyncio.timeout(PATIENCE):
            while await self._read():
                pass
            return await self._process.wait()

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: signal the whole group in front."""
        os.killpg(self._process.pid, signal.SIGINT)

    def with_home_assistant(self) -> list[psutil.Process]:
        """Return it and all that it has started, once Home Assistant is among them."""
        itself = psutil.Process(self._process.pid)
        started = itself.children(recursive=True)
        return [itself, *started] if any(map(_is_home_assistant, started)) else []

    async def _read(self) -> bool:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode()
        if line:
            self.lines.append(line.rstrip("\n"))
        return bool(line)


def _is_home_assistant(process: psutil.Process) -> bool:
    try:
        return "homeassistant" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def demo(*arguments: str) -> AsyncIterator[Demo]:
    """Start scripts/demo; nothing of it is left afterwards."""
    process = await asyncio.create_subprocess_exec(
        PROJECT / "scripts/demo",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    running = Demo(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            # Home Assistant goes with it.
            process.kill()
            await process.wait()


async def test_it_shows_the_main_job_whoever_has_its_port() -> None:
    with socket.socket() as owner:
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        owner.bind(("127.0.0.1", PORT))
        owner.listen()
        async with demo("--once") as running:
            assert await running.end() == 0, running.lines
    assert any(f"port {PORT} is taken" in line for line in running.lines)
    assert running.lines[-1].startswith("Done:")


@pytest.mark.parametrize("provider", RUNS)
async def test_it_shows_the_main_job_of_every_provider(provider: str) -> None:
    async with demo("--provider", provider, "--once") as running:
        assert await running.end() == 0, running.lines
    assert running.lines[-1].startswith("Done:")
    assert max(map(len, running.lines)) <= WIDTH
    assert all(line.isprintable() for line in running.lines)


async def test_it_stays_until_ctrl_c_and_leaves_nothing() -> None:
    async with demo() as running:
        await running.reach(STAYS)
        processes = running.with_home_assistant()
        assert processes
        running.press_ctrl_c()
        assert await running.end() == 0, running.lines
        assert [process for process in processes if process.is_running()] == []
    assert running.lines[-1] == "Stopped."


async def test_ctrl_c_while_home_assistant_starts() -> None:
    async with demo("--once") as running:
        processes = await until(running.with_home_assistant, "the process of Home Assistant")
        running.press_ctrl_c()
        assert await running.end() == INTERRUPTED, running.lines
        assert [process for process in processes if process.is_running()] == []
    assert running.lines[-1] == "Stopped."
