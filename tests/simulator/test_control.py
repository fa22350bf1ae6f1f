"""The control interface over HTTP."""

from typing import Any

import aiohttp
import pytest

from simulator import INSTALLER_TOKEN, Simulator
from simulator.simulation import Message

from .client import Client

STICK: dict[str, Any] = {
    "sn": "XGD0000001",
    "check_code": "K7Q2M",
    "last_report": 1.7e9,
    "devices": ["SIM0000002"],
}


class Control:
    """Sends requests to the control interface."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Control the simulator at an address."""
        self._session = session
        self._url = url

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and answer."""
        async with self._session.request(
            method, f"{self._url}/_control/{path}", json=body
        ) as response:
            return response.status, await response.json()


@pytest.fixture
def control(simulator: Simulator, session: aiohttp.ClientSession) -> Control:
    """Return the control interface of the running simulator."""
    return Control(session, simulator.url)


async def test_health(simulator: Simulator, control: Control) -> None:
    """It says that it runs, and does not log that somebody asked."""
    assert await control("GET", "health") == (200, {"ok": True})
    assert len(simulator.calls) == 0


async def test_state(simulator: Simulator, control: Control, installer: Client) -> None:
    """The state tells everything but secrets."""
    simulator.growatt.add_user("new", "new@example.com", password="not-a-real-password")
    await installer.get("plant/list")
    await installer.get("plant/list")
    status, state = await control("GET", "state")
    assert status == 200
    assert state["now"] <= simulator.now()
    growatt = state["growatt"]
    assert [user["name"] for user in growatt["users"]] == ["sim-resident", "new"]
    assert [plant["name"] for plant in growatt["plants"]] == ["Sim Home"]
    assert growatt["limits"]["reading"] == "parameters"
    assert [item["endpoint"] for item in growatt["limits"]["violations"]] == ["plant/list"]
    assert INSTALLER_TOKEN not in repr(state)
    assert simulator.growatt.users[102].password_digest not in repr(state)


async def test_calls(control: Control, installer: Client) -> None:
    """Calls can be listed, filtered and forgotten, without their tokens."""
    await installer.get("plant/list")
    await installer.post("user/check_user", user_name="someone")
    async with installer.session.post(installer.address("user/check_user?user_password=x")):
        pass
    _, answer = await control("GET", "calls")
    assert [call["code"] for call in answer["calls"]] == [0, 0, None]
    assert [call["params"] for call in answer["secrets_in_url"]] == [{"user_password": "***"}]
    assert answer["calls"][0]["token"] == "...0000"
    _, some = await control("GET", "calls?path=user/check_user")
    assert [call["params"] for call in some["calls"]] == [
        {"user_name": "someone"},
        {"user_password": "***"},
    ]
    assert await control("DELETE", "calls") == (200, {})
    assert (await control("GET", "calls"))[1] == {"calls": [], "secrets_in_url": []}


async def test_add_things(simulator: Simulator, control: Control) -> None:
    """Users, plants, tokens, devices and dataloggers can be added from outside."""
    added = [
        await control("POST", "users", {"name": "new", "email": "new@example.com"}),
        await control("POST", "plants", {"user_id": 102, "name": "New", "cloud": "growatt"}),
        await control("POST", "tokens", {"token": "N" * 32, "kind": "end_user", "user_id": 102}),
        await control("POST", "devices", {"sn": "SIM0000001", "plant_id": 20002, "kind": "sph"}),
        await control("POST", "dataloggers", STICK),
    ]
    assert added == [
        (201, {"id": 102}),
        (201, {"id": 20002}),
        (201, {"id": 102}),
        (201, {"id": "SIM0000001"}),
        (201, {"id": "XGD0000001"}),
    ]
    growatt = simulator.growatt
    datalogger = growatt.dataloggers["XGD0000001"]
    assert (datalogger.check_code, datalogger.last_report) == ("K7Q2M", 1.7e9)
    assert growatt.devices["SIM0000002"].datalogger_sn == "XGD0000001"
    assert growatt.plants[20002].user_id == 102
    assert growatt.tokens["N" * 32].user_id == 102
    assert growatt.devices["SIM0000001"].kind == "sph"


async def test_change_a_device(simulator: Simulator, control: Control) -> None:
    """A device goes online and offline, moves, and leaves."""
    simulator.growatt.add_device("SIM0000001")
    states = []
    for change in (
        {"online": True},
        {"plant_id": 20001},
        {"online": False},
        {"remove": True, "online": True},
    ):
        status, device = await control("POST", "devices/SIM0000001", change)
        states.append((status, device["online"], device["plant_id"]))
    assert states == [
        (200, True, None),
        (200, True, 20001),
        (200, False, 20001),
        (200, True, None),
    ]


async def test_change_a_datalogger(simulator: Simulator, control: Control) -> None:
    """A datalogger goes online, its devices after it, and all go offline; no code is told."""
    simulator.growatt.add_datalogger(**STICK)
    device = simulator.growatt.devices["SIM0000002"]
    states = []
    for change in (
        {"online": True, "devices_after": None},
        {"online": True, "devices_after": 60},
        {"online": True},
        {"online": False},
    ):
        status, datalogger = await control("POST", "dataloggers/XGD0000001", change)
        states.append((status, datalogger["online"], device.online, device.online_at is None))
        assert "K7Q2M" not in repr(datalogger)
    assert states == [
        (200, True, False, True),
        (200, True, False, False),
        (200, True, True, True),
        (200, False, False, True),
    ]
    assert "K7Q2M" not in repr(await control("GET", "state"))


async def test_clock(simulator: Simulator, control: Control) -> None:
    """Time can be told and moved on."""
    _, before = await control("POST", "clock")
    _, after = await control("POST", "clock", {"advance": 5000})
    assert after["now"] - before["now"] >= 5000
    assert simulator.now() >= after["now"]


async def test_limits(simulator: Simulator, control: Control, installer: Client) -> None:
    """Reading, rules and counts can be changed."""
    await installer.get("plant/list")
    assert await control("POST", "limits", {"reset": True}) == (200, {"reading": "parameters"})
    assert (await installer.get("plant/list"))["error_code"] == 0
    rules = {"plant/list": {"interval": None, "per_day": 2}}
    assert await control("POST", "limits", {"reading": "endpoint", "rules": rules}) == (
        200,
        {"reading": "endpoint"},
    )
    codes = [(await installer.get("plant/list"))["error_code"] for _ in range(2)]
    assert codes == [0, 10012]
    assert [item.rule for item in simulator.growatt.limits.violations] == ["per_day"]


async def test_faults(simulator: Simulator, control: Control, installer: Client) -> None:
    """Faults can be planned and dropped."""
    fault = {"path": "plant/list", "kind": "code", "times": None, "code": 10001}
    assert await control("POST", "faults", fault) == (
        201,
        {"kind": "code", "path": "plant/list"},
    )
    assert (await installer.get("plant/list"))["error_code"] == 10001
    assert await control("DELETE", "faults") == (200, {})
    assert (await installer.get("plant/list"))["error_code"] == 0
    assert await control("POST", "faults/release") == (200, {"held": 0})
    assert simulator.faults.held == 0


async def test_mailbox_and_captcha(simulator: Simulator, control: Control) -> None:
    """Codes and captcha answers can be read."""
    simulator.mailbox.append(Message(1.0, "quectel", "owner@example.com", "register", "123456"))
    simulator.captchas["one"] = "AB12"
    assert await control("GET", "mailbox") == (
        200,
        {
            "messages": [
                {
                    "time": 1.0,
                    "cloud": "quectel",
                    "to": "owner@example.com",
                    "purpose": "register",
                    "code": "123456",
                }
            ]
        },
    )
    assert await control("GET", "captcha") == (200, {"one": "AB12"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("users", {"name": "x"}, 400),
        ("users", [], 400),
        ("users", {"name": "x", "email": "x", "cloud": "nimbus"}, 404),
        ("plants", {"user_id": 999, "name": "x"}, 404),
        ("tokens", {"token": "x", "kind": "end_user"}, 400),
        ("devices", {"sn": "SIM0000009", "kind": "toaster"}, 400),
        ("devices/SIM0000404", {"online": True}, 404),
        ("devices/SIM0000001", {"onlien": True}, 400),
        ("devices/SIM0000001", {"plant_id": 999}, 404),
        ("dataloggers", {"check_code": "K7Q2M"}, 400),
        ("dataloggers", {"sn": "XGD0000009", "devices": 1}, 400),
        ("dataloggers", {"sn": "XGD0000009", "plant_id": 999}, 404),
        ("dataloggers/XGD0000404", {"online": True}, 404),
        ("dataloggers/QMN000SIM0000001", {}, 400),
        ("dataloggers/QMN000SIM0000001", {"online": "yes"}, 400),
        ("dataloggers/QMN000SIM0000001", {"online": True, "devices_after": "soon"}, 400),
        ("dataloggers/QMN000SIM0000001", {"online": False, "devices_after": 1}, 400),
        ("clock", {"advance": -1}, 400),
        ("clock", {"advance": "soon"}, 400),
        ("limits", {"reading": "loose"}, 400),
        ("limits", {"rules": {"plant/list": {"hourly": 1}}}, 400),
        ("faults", {"kind": "earthquake"}, 400),
        ("faults", {"kind": "cut", "times": "x"}, 400),
        ("faults", {"path": "*"}, 400),
    ],
)
async def test_nonsense(
    simulator: Simulator, control: Control, path: str, body: Any, status: int
) -> None:
    """What makes no sense is answered with a text and changes nothing."""
    simulator.growatt.add_device("SIM0000001")
    before = simulator.growatt.state()
    got, answer = await control("POST", path, body)
    assert (got, list(answer)) == (status, ["error"])
    assert answer["error"]
    assert simulator.growatt.state() == before
