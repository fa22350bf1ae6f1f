"""The process: ready when it says so, on loopback only, gone when stopped."""

import asyncio
from contextlib import suppress
import ipaddress
import os
from pathlib import Path
import socket
import sys

import psutil
import pytest

from . import homeassistant_server
from .homeassistant_server import HomeAssistantServer, ServerError, free_port
from .websocket import HomeAssistantApiError

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROWATT_ONBOARDING_STAND_IN = {
    "manifest.json": """{
  "domain": "growatt_onboarding", "name": "Stand-in", "codeowners": [], "version": "1.0.0",
  "documentation": "https://www.example.com", "iot_class": "calculated"
}""",
    "const.py": """
from homeassistant.util.hass_dict import HassKey
from .binding.timing import Timing
DATA_TIMING: HassKey[Timing] = HassKey("growatt_onboarding_timing")
""",
    "binding/__init__.py": "",
    "binding/timing.py": """
from dataclasses import dataclass
@dataclass(frozen=True)
class Timing:
    interval: float = 300
    def scaled(self, factor: float) -> Timing:
        return Timing(self.interval / factor)
""",
    "__init__.py": """
from .binding.timing import Timing
from .const import DATA_TIMING
async def async_setup(hass, config):
    timing = hass.data.get(DATA_TIMING, Timing())
    hass.states.async_set("growatt_onboarding.interval", timing.interval)
    return True
""",
}


async def test_it_is_set_up_and_reaches_nothing_beyond_the_machine() -> None:
    async with HomeAssistantServer(components=[]) as server:
        async with server.client() as client:
            config = await client.config()
            user = await client.command("auth/current_user")
        assert server.pid is not None
        connections = psutil.Process(server.pid).net_connections("inet")
        attempts = server.attempts_beyond_loopback()
        errors = server.log_lines("ERROR", "CRITICAL")
    assert config["state"] == "RUNNING"
    assert (config["country"], config["time_zone"]) == ("NL", "Europe/Amsterdam")
    assert {"frontend", "repairs", "history", "my", "automation"} <= set(config["components"])
    assert user["is_owner"]
    assert user["is_admin"]
    assert attempts == []
    assert errors == []
    assert server.port in {connection.laddr.port for connection in connections}
    for connection in connections:
        assert ipaddress.ip_address(connection.laddr.ip).is_loopback


async def test_other_machines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "reaching_out.py").write_text(
        "import asyncio, aiohttp, socket\n"
        "from aiohttp.resolver import AsyncResolver\n"
        "def refused(do):\n"
        "    try: do()\n"
        "    except OSError: print('refused')\n"
        "refused(lambda: socket.create_connection(('192.0.2.1', 443)))\n"
        "refused(lambda: socket.getaddrinfo('example.com', 443))\n"
        "refused(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53)))\n"
        "refused(lambda: socket.socket().bind(('0.0.0.0', 0)))\n"
        "async def lookup(): await AsyncResolver().resolve('example.com')\n"
        "refused(lambda: asyncio.run(lookup()))\n"
        "socket.socket().bind(('127.0.0.1', 0))\n"
        "print('local is fine')\n"
    )
    launcher = Path(__file__).with_name("loopback_only.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        launcher,
        "reaching_out",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert out.decode().splitlines() == ["refused"] * 5 + ["local is fine"], err.decode()
    assert err.decode().count("BEYOND LOOPBACK:") == 5


async def test_it_comes_back_with_what_it_had(example: str, server: HomeAssistantServer) -> None:
    async with server.client() as client:
        flow = await client.start_config_flow(example)
        await flow.submit_and_follow(name="Kept")
        url, pid = server.url, server.pid

        await server.restart()
        with pytest.raises(HomeAssistantApiError, match="has ended"):
            await client.config_entries()

    assert server.url == url
    assert server.pid != pid
    async with server.client() as client:
        [entry] = await client.config_entries(example)
        await client.remove_config_entry(entry["entry_id"])


async def test_nothing_is_left_of_it() -> None:
    async with HomeAssistantServer(components=[]) as server:
        folder, pid = server.config_dir, server.pid
        assert pid is not None
        process = psutil.Process(pid)
    assert not folder.exists()
    assert not process.is_running()


async def test_nothing_is_left_after_an_exception_or_a_kill(tmp_path: Path) -> None:
    async def fail() -> None:
        async with HomeAssistantServer(tmp_path, components=[]) as server:
            assert server.pid is not None
            processes.append(psutil.Process(server.pid))
            raise ZeroDivisionError

    processes: list[psutil.Process] = []
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not processes[0].is_running()
    assert (tmp_path / "configuration.yaml").exists()

    async with HomeAssistantServer(tmp_path, components=[]) as server:
        await server.kill()
        await server.start()
        assert server.log().count("Starting Home Assistant") == 3


async def test_a_taken_port_is_left_to_its_owner() -> None:
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", 0))
        owner.listen()
        taken = owner.getsockname()[1]
        assert free_port(taken) != taken
        async with HomeAssistantServer(components=[], port=taken) as server:
            assert server.port != taken


async def test_a_port_lost_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HomeAssistantServer(components=[]) as owner:
        taken = owner.port
        ports = iter([taken, free_port()])
        monkeypatch.setattr(homeassistant_server, "free_port", lambda _wanted: next(ports))
        async with HomeAssistantServer(components=[]) as server:
            assert server.port != taken
            assert server.log().count("Failed to create HTTP server at port") > 0


async def test_it_comes_back_when_its_user_restarts_it(tmp_path: Path) -> None:
    async with HomeAssistantServer(tmp_path, components=[]) as server:
        pid = server.pid
        served = asyncio.create_task(server.serve())
        async with server.client() as client:
            # The answer may be lost with the connection.
            with suppress(HomeAssistantApiError):
                await client.call_service("homeassistant", "restart")
        async with asyncio.timeout(homeassistant_server.START_TIMEOUT):
            while server.pid in (pid, None):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await server.stop()
        assert await served == 0
        assert server.log().count("Starting Home Assistant") == 2


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "frontend"
    broken.mkdir()
    (broken / "manifest.json").write_text(
        '{"domain": "frontend", "name": "Broken", "version": "1.0.0", "codeowners": [],'
        ' "documentation": "https://www.example.com", "iot_class": "calculated"}'
    )
    (broken / "__init__.py").write_text("raise RuntimeError('broken on purpose')")
    with pytest.raises(ServerError, match="broken on purpose"):
        async with HomeAssistantServer(components=[broken]):
            pass


async def test_the_fast_clock_is_there_first(tmp_path: Path) -> None:
    product = tmp_path / "growatt_onboarding"
    for name, text in GROWATT_ONBOARDING_STAND_IN.items():
        path = product / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    async with (
        HomeAssistantServer(
            components=[product], configuration={"growatt_onboarding": {}}, speed=60
        ) as server,
        server.client() as client,
    ):
        # Without its place in the copied manifest it would come later at some starts.
        assert (await client.state("growatt_onboarding.interval"))["state"] == "5.0"
    original = GROWATT_ONBOARDING_STAND_IN["manifest.json"]
    assert (product / "manifest.json").read_text() == original
