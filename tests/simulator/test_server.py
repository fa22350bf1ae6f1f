"""Starting, stopping, and waiting for calls."""

import asyncio

import aiohttp
import pytest

from simulator import Simulator
from simulator.calls import RecordedCall

from .client import Client


async def test_listens_on_loopback_only(simulator: Simulator) -> None:
    """Nobody outside this machine can reach it."""
    assert simulator.url.startswith("http://127.0.0.1:")


async def test_url_needs_a_start() -> None:
    """Before the start there is no address."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = Simulator().url


async def test_stop_and_start_again(simulator: Simulator, installer: Client) -> None:
    """What the clouds know survives a stop; stopping twice does no harm."""
    user = simulator.growatt.add_user("kept", "kept@example.com")
    await simulator.stop()
    await simulator.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await installer.get("plant/list")
    await simulator.start()
    installer.url = simulator.url
    answer = await installer.post("user/check_user", user_name=user.name)
    assert answer["error_code"] == 10003


async def test_wait_for_calls(simulator: Simulator, installer: Client) -> None:
    """A test can wait for a call instead of for time."""
    waiting = asyncio.create_task(simulator.calls.wait_for("check_user", count=2))
    for name in ("a", "b"):
        await installer.post("user/check_user", user_name=name)
    assert [call.params["user_name"] for call in await waiting] == ["a", "b"]


async def test_wait_for_calls_gives_up(simulator: Simulator) -> None:
    """A call that never comes is an error, not an endless test."""
    with pytest.raises(TimeoutError):
        await simulator.calls.wait_for("check_user", seconds=0.01)


@pytest.mark.usefixtures("socket_enabled")
async def test_on_call_hears_every_answer() -> None:
    """Somebody can listen to the calls."""
    heard: list[RecordedCall] = []
    async with Simulator(on_call=heard.append) as simulator, aiohttp.ClientSession() as session:
        await Client(session, simulator.url, None).get("plant/list")
        assert heard == simulator.calls[:]


async def test_body_of_several_parts(installer: Client) -> None:
    """A form of several parts is a form, and its files are no parameters."""
    form = aiohttp.FormData()
    form.add_field("user_name", "sim-resident")
    form.add_field("file", b"content", filename="name.txt")
    async with installer.session.post(
        installer.address("user/check_user"), data=form, headers=installer.headers
    ) as response:
        assert (await response.json())["error_code"] == 10003


async def test_broken_form(simulator: Simulator, installer: Client) -> None:
    """A form that cannot be read is refused before any cloud sees it."""
    headers = {**installer.headers, "Content-Type": "multipart/form-data; boundary=x"}
    async with installer.session.post(
        installer.address("user/check_user"), data=b"no form", headers=headers
    ) as response:
        assert response.status == 400
    assert len(simulator.calls) == 0
