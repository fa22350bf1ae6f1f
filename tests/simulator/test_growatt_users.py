"""Growatt's endpoints for end users."""

from typing import Any

import pytest

from simulator import Simulator
from simulator.growatt.cloud import COUNTRIES

from .client import Client

FORM = {
    "user_name": "new-owner",
    "user_password": "pass wörd&=+%",
    "user_email": "owner@example.com",
    "user_type": 1,
    "user_country": "Germany",
}
OPTIONAL = {"agentCode": "SIM01", "user_tel": "0123456", "time": "1"}


async def test_register(simulator: Simulator, installer: Client) -> None:
    """A registration creates the end user with everything that was sent."""
    answer = await installer.post("user/user_register", **FORM, **OPTIONAL)
    assert answer == {"data": {"c_user_id": 102}, "error_code": 0, "error_msg": ""}
    user = simulator.growatt.users[102]
    assert (user.name, user.email, user.country) == ("new-owner", "owner@example.com", "Germany")
    assert (user.agent_code, user.tel, user.time_zone, user.user_type) == (
        "SIM01",
        "0123456",
        "1",
        1,
    )
    assert user.has_password("pass wörd&=+%")
    assert not user.has_password("pass word&=+%")


async def test_register_keeps_the_password_to_itself(
    simulator: Simulator, installer: Client
) -> None:
    """The password is in no log and in no description of the state."""
    await installer.post("user/user_register", **FORM)
    (call,) = simulator.calls.of("user_register")
    assert call.params["user_password"] == "***"
    assert call.params["user_name"] == "new-owner"
    seen = repr((simulator.calls[:], simulator.growatt.state(), simulator.growatt.users))
    assert str(FORM["user_password"]) not in seen


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"user_name": ""}, 10002),
        ({"user_password": ""}, 10002),
        ({"user_name": "sim-resident"}, 10003),
        ({"user_email": ""}, 10004),
        ({"user_email": None}, 10004),
        ({"user_type": ""}, 10006),
        ({"user_type": "x"}, 10001),
        ({"user_country": ""}, 10001),
        ({"agentCode": "NOBODY"}, 10014),
    ],
)
async def test_register_refused(
    simulator: Simulator, installer: Client, change: dict[str, Any], code: int
) -> None:
    """Each refusal has its code and creates nobody; the corrected form works."""
    form = {name: value for name, value in {**FORM, **change}.items() if value is not None}
    answer = await installer.post("user/user_register", **form)
    assert (answer["error_code"], answer["data"]) == (code, "")
    assert answer["error_msg"]
    assert list(simulator.growatt.users) == [101]
    assert (await installer.post("user/user_register", **FORM))["error_code"] == 0


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [("POST", "user/user_register", FORM), ("GET", "user/c_user_list", {})],
)
async def test_only_for_installers(
    resident: Client, method: str, path: str, params: dict[str, Any]
) -> None:
    """The end user's token that comes with the simulator has no end users."""
    assert (await resident.send(method, path, params))["error_code"] == 10011


async def test_unknown_country_is_recorded(simulator: Simulator, installer: Client) -> None:
    """No code exists for a country that the vendor does not list, so it is taken and noted."""
    await installer.post("user/user_register", **{**FORM, "user_country": "Colombia"})
    await installer.post(
        "user/user_register", **{**FORM, "user_name": "other", "user_country": "Columbia"}
    )
    assert simulator.growatt.unknown_countries == ["Colombia"]


def test_countries() -> None:
    """The vendor's spellings are whole."""
    assert len(COUNTRIES) == 251
    assert {"Other", "Iran", "Cocos( Keeling) Islands", "HongKong(China)"} <= COUNTRIES


@pytest.mark.parametrize(("name", "code"), [("free", 0), ("sim-resident", 10003), ("", 10002)])
async def test_check(installer: Client, name: str, code: int) -> None:
    """A name is free, taken or missing."""
    answer = await installer.post("user/check_user", user_name=name)
    assert (answer["error_code"], answer["data"]) == (code, "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"agentCode": "SIM01"}, 0),
        ({"c_user_id": ""}, 10002),
        ({"c_user_id": 999}, 10003),
        ({"c_user_id": 102}, 10004),
        ({"agentCode": "NOBODY"}, 10014),
        ({"mobile": ""}, 10001),
    ],
)
async def test_modify(
    simulator: Simulator, installer: Client, change: dict[str, Any], code: int
) -> None:
    """A telephone number changes only when everything is right."""
    simulator.growatt.add_user("foreign", "foreign@example.com", merchant="somebody else")
    form = {"c_user_id": 101, "mobile": "0999", **change}
    assert (await installer.post("user/modify", **form))["error_code"] == code
    assert simulator.growatt.users[101].tel == ("" if code else "0999")


async def test_list(simulator: Simulator, installer: Client) -> None:
    """An installer sees its merchant's end users and nobody else's."""
    simulator.growatt.add_user("foreign", "foreign@example.com", merchant="somebody else")
    await installer.post("user/user_register", **FORM)
    data = (await installer.get("user/c_user_list"))["data"]
    assert data["count"] == 2
    assert [user["c_user_name"] for user in data["c_user"]] == ["sim-resident", "new-owner"]
    assert data["c_user"][1] == {
        "c_user_id": 103,
        "c_user_name": "new-owner",
        "c_user_email": "owner@example.com",
        "c_user_tel": "",
        "c_user_regtime": data["c_user"][1]["c_user_regtime"],
    }
