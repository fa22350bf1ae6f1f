"""Every kind of trouble, as a client meets it."""

import asyncio
import json
import re
from typing import Any

import aiohttp
import pytest

from simulator import FaultKind, Simulator

from .client import Client

CHECK = "user/check_user"
TAKEN = {"user_name": "sim-resident"}
REGISTER = {
    "user_name": "new-owner",
    "user_password": "not-a-real-password",
    "user_email": "owner@example.com",
    "user_type": 1,
    "user_country": "Germany",
}
EXECUTED = {
    FaultKind.CODE_AFTER,
    FaultKind.CUT_AFTER,
    FaultKind.CUT_BODY,
    FaultKind.HANG_AFTER,
    FaultKind.HOLD,
    FaultKind.LATE,
    FaultKind.SLOW,
    FaultKind.OVERSIZED,
    FaultKind.WRONG_TYPE,
    FaultKind.STRING_CODE,
    FaultKind.DATA_EMPTY,
    FaultKind.DATA_STRING,
    FaultKind.PASS,
}
WITHOUT_ANSWER = {FaultKind.HANG, FaultKind.HANG_AFTER, FaultKind.HOLD}


async def raw(client: Client, path: str = CHECK, **form: Any) -> tuple[int, str, bytes]:
    """POST and return status, content type and body; redirects are not followed."""
    async with client.session.post(
        client.address(path), data=form or TAKEN, headers=client.headers, allow_redirects=False
    ) as response:
        return response.status, response.content_type, await response.read()


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "pattern"),
    [
        ("firewall", 405, "text/html", rb"blocked"),
        ("method", 405, "text/html", rb"not allowed"),
        ("forbidden", 403, "text/html", rb"Forbidden"),
        ("login_page", 200, "text/html", rb'<html data-name="login">'),
        ("garbage", 200, "application/octet-stream", rb"\xff\xfe"),
        ("not_object", 200, "application/json", rb"^\[\{"),
        ("empty", 200, "application/json", rb"^$"),
        ("http_500", 500, "text/html", rb"error"),
        ("redirect", 302, "text/html", rb"Moved"),
        ("wrong_type", 200, "text/html", rb'"error_code": 10003'),
        ("string_code", 200, "application/json", rb'"error_code": "10003"'),
        ("pass", 200, "application/json", rb'"error_code": 10003'),
    ],
)
async def test_answers(
    simulator: Simulator,
    installer: Client,
    *,
    kind: str,
    status: int,
    content_type: str,
    pattern: bytes,
) -> None:
    """Once something else than the usual answer, then the usual one again."""
    fault = simulator.faults.add(CHECK, kind=kind)
    got = await raw(installer)
    assert got[:2] == (status, content_type)
    assert re.search(pattern, got[2])
    assert fault.hits == 1
    assert [(call.status, call.fault) for call in simulator.calls] == [(status, kind)]
    assert (await installer.post(CHECK, **TAKEN))["error_code"] == 10003


async def test_garbage_is_no_json(simulator: Simulator, installer: Client) -> None:
    """Garbage can be read neither as JSON nor as text."""
    simulator.faults.add(kind="garbage")
    _, _, body = await raw(installer)
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    with pytest.raises(json.JSONDecodeError):
        json.loads(body.decode(errors="replace"))


async def test_oversized(simulator: Simulator, installer: Client) -> None:
    """More than 1 MiB, and the right answer to whoever believes it."""
    simulator.faults.add(kind="oversized")
    _, _, body = await raw(installer)
    assert len(body) > 1024 * 1024
    assert json.loads(body)["error_code"] == 10003


@pytest.mark.parametrize(("kind", "data"), [("data_empty", ""), ("data_string", '{"count": 0')])
async def test_odd_data(simulator: Simulator, installer: Client, kind: str, data: str) -> None:
    """Data as an empty string, or as JSON within a string."""
    simulator.faults.add("device/list", kind=kind)
    answer = await installer.get("device/list", plant_id=20001)
    assert answer["error_code"] == 0
    assert isinstance(answer["data"], str)
    assert answer["data"].startswith(data)


async def test_string_code_of_v4(simulator: Simulator, installer: Client) -> None:
    """The v4 list's code can be a string too."""
    simulator.faults.add(kind="string_code")
    assert (await installer.post("new-api/queryDeviceList"))["code"] == "0"


async def test_bare_reply_has_no_code_to_spoil(simulator: Simulator, installer: Client) -> None:
    """An answer without data is not given any by data_string."""
    simulator.faults.add(kind="data_string")
    assert "data" not in await installer.get("device/check/sn", sn="SIM0000001")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (CHECK, {"data": "", "error_code": 10012, "error_msg": "often"}),
        ("new-api/queryDeviceList", {"data": "", "code": 10012, "message": "often"}),
    ],
)
async def test_code(
    simulator: Simulator, installer: Client, path: str, expected: dict[str, Any]
) -> None:
    """An error in the form of its endpoint, which is not a violation of a limit."""
    simulator.faults.add(path, kind="code", code=10012, msg="often")
    assert await installer.post(path) == expected
    assert simulator.growatt.limits.violations == []


async def test_code_as_string_where_the_endpoint_sends_strings(
    simulator: Simulator, installer: Client
) -> None:
    """The codes of device/sn/add are strings, the generic ones numbers."""
    simulator.faults.add("device/sn/add", kind="code", code=10010)
    simulator.faults.add("device/sn/add", kind="code", code=10011)
    codes = [(await installer.post("device/sn/add"))["error_code"] for _ in range(2)]
    assert codes == ["10010", 10011]


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
async def test_cut(simulator: Simulator, installer: Client, kind: str) -> None:
    """The connection ends without an answer."""
    simulator.faults.add(kind=kind)
    with pytest.raises(aiohttp.ClientConnectionError):
        await raw(installer)
    assert [call.status for call in simulator.calls] == [None]


async def test_cut_body(simulator: Simulator, installer: Client) -> None:
    """The head and half of the body arrive."""
    simulator.faults.add(kind="cut_body")
    with pytest.raises(aiohttp.ClientPayloadError):
        await raw(installer)


async def test_redirect_is_counted_when_followed(simulator: Simulator, installer: Client) -> None:
    """Whoever follows a redirect leaves a trace."""
    simulator.faults.add(kind="redirect", times=2)
    await raw(installer)
    assert simulator.calls.of("check_user")[1:] == []
    async with installer.session.post(installer.address(CHECK), data=TAKEN):
        pass
    assert [call.cloud for call in simulator.calls] == ["growatt", "growatt", "redirect"]


@pytest.mark.parametrize("kind", list(FaultKind))
async def test_what_is_carried_out(
    simulator: Simulator, installer: Client, kind: FaultKind
) -> None:
    """Each kind either registers the user or does not, whatever the client sees."""
    simulator.faults.add(kind=kind)
    request = asyncio.create_task(raw(installer, "user/user_register", **REGISTER))
    if kind in WITHOUT_ANSWER:
        await simulator.calls.wait_for("user_register")
        await installer.get("plant/list")
        request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert (simulator.growatt.user_named("new-owner") is not None) is (kind in EXECUTED)


@pytest.mark.parametrize("executed", [True, False])
async def test_hold(simulator: Simulator, installer: Client, *, executed: bool) -> None:
    """The answer, or all that happens, waits until it is let go."""
    simulator.faults.add(kind="hold", executed=executed)
    request = asyncio.create_task(installer.post("user/user_register", **REGISTER))
    await simulator.faults.wait_held()
    assert (simulator.growatt.user_named("new-owner") is not None) is executed
    assert not request.done()
    simulator.faults.release()
    assert (await request)["data"] == {"c_user_id": 102}
    assert simulator.growatt.user_named("new-owner") is not None
    assert simulator.faults.held == 0


async def test_client_that_leaves_a_hold(simulator: Simulator, installer: Client) -> None:
    """What was held before being carried out never happens when the client goes away."""
    simulator.faults.add(kind="hold", executed=False)
    request = asyncio.create_task(installer.post("user/user_register", **REGISTER))
    await simulator.faults.wait_held()
    request.cancel()
    async with asyncio.timeout(10):
        while simulator.faults.held:
            await installer.post(CHECK, **TAKEN)
    simulator.faults.release()
    assert (await installer.post(CHECK, user_name="new-owner"))["error_code"] == 0


async def test_clear_lets_go(simulator: Simulator, installer: Client) -> None:
    """Dropping all faults also ends what is held."""
    simulator.faults.add(kind="hold", times=None)
    request = asyncio.create_task(installer.post(CHECK, **TAKEN))
    await simulator.faults.wait_held()
    simulator.faults.clear()
    assert (await request)["error_code"] == 10003
    assert (await installer.post(CHECK, **TAKEN))["error_code"] == 10003


@pytest.mark.parametrize(
    ("fault", "executed"),
    [
        ({"kind": "hang"}, False),
        ({"kind": "hang_after"}, True),
        ({"kind": "hold", "executed": True}, True),
        ({"kind": "hold", "executed": False}, False),
        ({"kind": "slow", "seconds": 3600}, True),
        ({"kind": "pass", "delay": 3600}, False),
    ],
)
async def test_stop_ends_what_waits(
    simulator: Simulator, installer: Client, fault: dict[str, Any], *, executed: bool
) -> None:
    """The simulator stops while requests wait, and they end; unexecuted ones stay so."""
    simulator.faults.add(**fault)
    request = asyncio.create_task(raw(installer, "user/user_register", **REGISTER))
    await simulator.calls.wait_for("user_register")
    async with asyncio.timeout(30):
        await simulator.stop()
        await asyncio.gather(request, return_exceptions=True)
    assert (simulator.growatt.user_named("new-owner") is not None) is executed


async def test_slow_and_delayed(simulator: Simulator, installer: Client) -> None:
    """Slow answers are right when they come."""
    simulator.faults.add(kind="slow", seconds=0.01)
    simulator.faults.add(kind="firewall", delay=0.01)
    assert (await installer.post(CHECK, **TAKEN))["error_code"] == 10003
    assert (await raw(installer))[0] == 405


async def test_late(simulator: Simulator, installer: Client) -> None:
    """It is carried out after its client has left."""
    simulator.faults.add(kind="late", seconds=0.5)
    request = asyncio.create_task(raw(installer, "user/user_register", **REGISTER))
    await simulator.calls.wait_for("user_register")
    (late,) = simulator.simulation.late
    request.cancel()
    async with asyncio.timeout(30):
        await late
    assert simulator.growatt.user_named("new-owner") is not None


async def test_times_path_and_order(simulator: Simulator, installer: Client) -> None:
    """The first fault that fits strikes, as often as it should, and only where it should."""
    simulator.faults.add("plant/list", kind="http_500")
    simulator.faults.add(CHECK, kind="firewall", times=2)
    simulator.faults.add("*", kind="forbidden", times=None)
    statuses = [(await raw(installer))[0] for _ in range(4)]
    assert statuses == [405, 405, 403, 403]
    async with installer.session.get(installer.address("plant/list")) as response:
        assert response.status == 500


async def test_match(simulator: Simulator, installer: Client) -> None:
    """A fault can be meant for one serial number."""
    fault = simulator.faults.add(CHECK, kind="firewall", match={"user_name": "b"})
    statuses = [(await raw(installer, user_name=name))[0] for name in "abb"]
    assert statuses == [200, 405, 200]
    assert fault.spent


async def test_probability_is_reproducible(simulator: Simulator, installer: Client) -> None:
    """The same seed makes the same trouble, some of the time."""
    simulator.faults.add(CHECK, kind="firewall", times=None, probability=0.5)
    runs = []
    for _ in range(2):
        simulator.faults.seed(7)
        runs.append([(await raw(installer))[0] for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 405}


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "earthquake"},
        {"kind": "cut", "probability": 0},
        {"kind": "cut", "times": 0},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "delay": -1},
        {"kind": "slow", "minutes": 1},
    ],
)
def test_impossible_fault(simulator: Simulator, options: dict[str, Any]) -> None:
    """A fault that could never strike is refused when it is planned."""
    with pytest.raises((ValueError, TypeError)):
        simulator.faults.add(**options)
