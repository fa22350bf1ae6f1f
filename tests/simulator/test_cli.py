"""The simulator as a program."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Coroutine
import json
import os
from pathlib import Path
import signal
import sys
from typing import Any

import aiohttp
import pytest

from simulator import INSTALLER_TOKEN, Simulator
from simulator.__main__ import main

from .client import Client

ROOT = Path(__file__).parents[2]
READY = "Simulator ready at "

type Start = Callable[..., Coroutine[Any, Any, Process]]


@pytest.fixture
async def start(
    socket_enabled: None,
) -> AsyncGenerator[Start]:
    """Return what starts the program; whatever still runs at the end is ended."""
    started: list[Process] = []

    async def run(*arguments: object) -> Process:
        command = [sys.executable, "-m", "simulator", *map(str, arguments)]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONPATH": ""}
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    """Return the next line that the program prints."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().rstrip("\n")


async def ready(process: Process) -> str:
    """Return the address that the program prints."""
    text = await line(process)
    assert text.startswith(READY), text
    return text.removeprefix(READY)


async def end(process: Process, number: int = signal.SIGTERM) -> tuple[str, str]:
    """End the program and return what it printed since."""
    process.send_signal(number)
    async with asyncio.timeout(30):
        output, errors = await process.communicate()
    return output.decode(), errors.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_runs_until_told_to_end(start: Start, number: int) -> None:
    """It says where it is, prints a line without secrets per call, and ends with 0."""
    process = await start("--port", 0)
    url = await ready(process)
    async with aiohttp.ClientSession() as session:
        client = Client(session, url, INSTALLER_TOKEN)
        assert (await client.get("plant/list"))["error_code"] == 0
        async with session.post(f"{url}/_control/faults", json={"kind": "firewall"}) as response:
            assert response.status == 201
        secret = {"user_name": "x", "user_password": "not-a-real-password"}
        async with session.post(client.address("user/user_register"), data=secret):
            pass
    assert (await line(process))[9:] == "growatt GET /v1/plant/list -> 200 code 0"
    assert (await line(process))[9:] == "growatt POST /v1/user/user_register -> 405 (firewall)"
    assert await end(process, number) == ("", "")
    assert process.returncode == 0


async def test_ends_while_a_request_hangs(start: Start) -> None:
    """A client that waits for ever does not keep the program."""
    process = await start("--quiet")
    url = await ready(process)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/_control/faults", json={"kind": "hang"}):
            pass
        hanging = asyncio.create_task(Client(session, url, INSTALLER_TOKEN).get("plant/list"))
        async with asyncio.timeout(30):
            while True:
                async with session.get(f"{url}/_control/calls") as response:
                    if (await response.json())["calls"]:
                        break
        assert await end(process) == ("", "")
        await asyncio.gather(hanging, return_exceptions=True)
    assert process.returncode == 0


async def test_options(start: Start, tmp_path: Path) -> None:
    """Seed, limits, serial numbers and time are as the options say."""
    seed = tmp_path / "seed.json"
    seed.write_text(
        json.dumps(
            {
                "devices": [{"sn": "SIM0000001", "plant_id": 20002, "online": True}],
                "tokens": [{"token": "S" * 32, "merchant": "seeded"}],
                "plants": [{"user_id": 102, "name": "Seeded"}],
                "users": [{"name": "seeded", "email": "s@example.com", "merchant": "seeded"}],
            }
        )
    )
    process = await start(
        *("--seed", seed, "--limits", "none", "--accept-any-serial"),
        *("--offline-for", 1000, "--time-factor", 2, "--quiet"),
    )
    url = await ready(process)
    async with aiohttp.ClientSession() as session:
        client = Client(session, url, "S" * 32)
        for _ in range(2):
            plants = (await client.get("plant/list"))["data"]["plants"]
            assert [plant["name"] for plant in plants] == ["Seeded"]
        form = {"plant_id": 20002, "c_user_id": 102, "sn": "ABC1234567"}
        assert (await client.post("device/sn/add", **form))["error_code"] == "0"
        data = (await client.get("device/list", plant_id=20002))["data"]
        assert [device["device_sn"] for device in data["devices"]] == ["SIM0000001"]
        async with session.post(f"{url}/_control/clock", json={"advance": 1000}):
            pass
        data = (await client.get("device/list", plant_id=20002))["data"]
        assert [device["device_sn"] for device in data["devices"]] == ["SIM0000001", "ABC1234567"]
    assert await end(process) == ("", "")


async def test_taken_port(simulator: Simulator, start: Start) -> None:
    """A taken port is one line and exit status 2."""
    port = simulator.url.rpartition(":")[2]
    process = await start("--port", port)
    async with asyncio.timeout(30):
        output, errors = await process.communicate()
    assert process.returncode == 2
    assert output == b""
    expected = f"simulator: port {port} of 127.0.0.1 is taken by another program\n"
    assert errors.decode() == expected


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "Expecting"),
        ("[]", "users, plants, tokens, dataloggers, devices"),
        ('{"clouds": []}', "users, plants, tokens, dataloggers, devices"),
        ('{"users": [{"name": "x"}]}', "users, item 1: "),
        ('{"plants": [{"user_id": 9, "name": "x"}]}', "plants, item 1: unknown 9"),
    ],
)
@pytest.mark.usefixtures("socket_enabled")
def test_bad_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, text: str
) -> None:
    """A seed that makes no sense is one line that names it, and exit status 2."""
    seed = tmp_path / "seed.json"
    seed.write_text(content)
    assert main(["--seed", str(seed)]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith(f"simulator: seed {seed}: ")
    assert text in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--time-factor", "0"], ["--port", "70000"]])
@pytest.mark.usefixtures("socket_enabled")
def test_bad_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Impossible numbers are one line and exit status 2."""
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("simulator: ")


async def test_needs_aiohttp_only() -> None:
    """The program starts where Home Assistant is not installed."""
    script = (
        "import sys, simulator.__main__\n"
        "print(*{name.partition('.')[0] for name in sys.modules}"
        " & {'homeassistant', 'custom_components', 'voluptuous', 'pytest'})"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=ROOT, stdout=PIPE
    )
    output, _ = await process.communicate()
    assert (process.returncode, output) == (0, b"\n")
