"""Growatt's endpoints for plants."""

from typing import Any

import pytest

from simulator import Simulator

from .client import Client

FORM = {"c_user_id": 101, "name": "Roof", "peak_power": 7.5}


@pytest.fixture
def foreign_plant(simulator: Simulator) -> int:
    """Return the id of a plant that the installer's token does not see."""
    growatt = simulator.growatt
    user = growatt.add_user("foreign", "foreign@example.com", merchant="somebody else")
    return growatt.add_plant(user.user_id, "Foreign").plant_id


async def test_add(simulator: Simulator, installer: Client) -> None:
    """A plant is kept with all of its odd parameters."""
    answer = await installer.post(
        "plant/add",
        **FORM,
        latitude_f="Germany",
        latitude_d="SIM01",
        currency="EUR",
        longitude="10.1",
        latitude="48.1",
        timezone_id="9.5",
        plant_type=1,
        createDate="2026-01-02",
        formulaMoney="0.3",
        city="Ulm",
        plantAddress="Street 1",
    )
    assert answer == {"data": {"plant_id": 20002}, "error_code": 0, "error_msg": ""}
    plant = simulator.growatt.plants[20002]
    assert vars(plant) == {
        "plant_id": 20002,
        "user_id": 101,
        "name": "Roof",
        "created": "2026-01-02",
        "peak_power": 7.5,
        "country": "Germany",
        "city": "Ulm",
        "address": "Street 1",
        "longitude": "10.1",
        "latitude": "48.1",
        "installer_code": "SIM01",
        "currency": "EUR",
        "time_zone": 9.5,
        "plant_type": 1,
        "price": "0.3",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"c_user_id": ""}, 10002),
        ({"name": ""}, 10003),
        ({"peak_power": ""}, 10004),
        ({"peak_power": "many"}, 10001),
        ({"c_user_id": 999}, 10005),
        ({"c_user_id": "x"}, 10001),
        ({"c_user_id": 102}, 10005),
        ({"name": "Sim Home"}, 10006),
        ({"longitude": "east"}, 10001),
        ({"formulaMoney": "cheap"}, 10001),
    ],
)
async def test_add_refused(
    simulator: Simulator, installer: Client, change: dict[str, Any], code: int
) -> None:
    """Each refusal has its code and creates nothing; the corrected form works."""
    simulator.growatt.add_user("foreign", "f@example.com", merchant="somebody else")
    answer = await installer.post("plant/add", **{**FORM, **change})
    assert (answer["error_code"], answer["data"]) == (code, "")
    assert list(simulator.growatt.plants) == [20001]
    assert (await installer.post("plant/add", **FORM))["error_code"] == 0


async def test_end_user_adds_an_own_plant(simulator: Simulator, resident: Client) -> None:
    """An end user's token adds plants for its user only."""
    other = simulator.growatt.add_user("neighbour", "neighbour@example.com")
    assert (await resident.post("plant/add", **FORM))["error_code"] == 0
    answer = await resident.post("plant/add", **{**FORM, "c_user_id": other.user_id})
    assert answer["error_code"] == 10005


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"name": "Sim Home"}, 0),
        ({"c_user_id": ""}, 10002),
        ({"name": ""}, 10003),
        ({"c_user_id": 999}, 10005),
        ({"name": "Second"}, 10006),
        ({"plant_id": 999}, 10007),
        ({"plant_id": ""}, 10007),
    ],
)
async def test_modify(
    simulator: Simulator, installer: Client, change: dict[str, Any], code: int
) -> None:
    """A plant changes only when everything is right; its own name is no clash."""
    simulator.growatt.add_plant(101, "Second")
    form = {"c_user_id": 101, "plant_id": 20001, "name": "New", "latitude_f": "Austria", **change}
    assert (await installer.post("plant/modify", **form))["error_code"] == code
    plant = simulator.growatt.plants[20001]
    assert plant.country == ("Germany" if code else "Austria")
    assert plant.peak_power == 5.0


@pytest.mark.usefixtures("foreign_plant")
@pytest.mark.parametrize(("plant", "code"), [("", 10002), (999, 10004), (20002, 10004), (20001, 0)])
async def test_delete(simulator: Simulator, installer: Client, plant: Any, code: int) -> None:
    """Deleting a plant sets its devices and dataloggers free, and forgets open requests."""
    growatt = simulator.growatt
    growatt.add_device("SIM0000001", plant_id=20001, online=True)
    growatt.add_device("SIM0000002")
    growatt.accept(growatt.devices["SIM0000002"], growatt.plants[20001], growatt.users[101])
    assert (await installer.post("plant/delete", plant_id=plant))["error_code"] == code
    growatt.bring_online("SIM0000002")
    stays = 20001 if code else None
    assert (20001 in growatt.plants) is bool(code)
    assert {device.plant_id for device in growatt.devices.values()} == {stays}
    assert growatt.dataloggers["QMN000SIM0000001"].plant_id == stays


async def test_list(simulator: Simulator, installer: Client, foreign_plant: int) -> None:
    """The list shows what the token may see, with the vendor's mixture of types."""
    data = (await installer.get("plant/list"))["data"]
    assert data["count"] == 1
    (plant,) = data["plants"]
    assert plant == {
        "status": 4,
        "locale": "en-US",
        "total_energy": "0",
        "operator": "0",
        "country": "Germany",
        "city": "",
        "current_power": "",
        "create_date": simulator.growatt.plants[20001].created,
        "image_url": None,
        "plant_id": 20001,
        "name": "Sim Home",
        "installer": "0",
        "user_id": 101,
        "longitude": "",
        "latitude": "",
        "peak_power": 5.0,
        "latitude_d": None,
        "latitude_f": "Germany",
    }
    assert foreign_plant in simulator.growatt.plants


async def test_list_of_an_end_user(simulator: Simulator, resident: Client) -> None:
    """An end user does not see the neighbour's plant."""
    other = simulator.growatt.add_user("neighbour", "neighbour@example.com")
    simulator.growatt.add_plant(other.user_id, "Next door")
    plants = (await resident.get("plant/list"))["data"]["plants"]
    assert [plant["name"] for plant in plants] == ["Sim Home"]


async def test_list_searches(simulator: Simulator, installer: Client) -> None:
    """A keyword narrows the list."""
    simulator.growatt.add_plant(101, "Garage")
    data = (await installer.get("plant/list", search_type="name", search_keyword="Gar"))["data"]
    assert [plant["name"] for plant in data["plants"]] == ["Garage"]


async def test_status(simulator: Simulator, installer: Client) -> None:
    """A plant's status follows its devices: none, offline, online."""
    simulator.growatt.limits.reading = "none"

    async def status() -> int:
        plants = (await installer.get("plant/list"))["data"]["plants"]
        found: int = plants[0]["status"]
        return found

    seen = [await status()]
    simulator.growatt.add_device("SIM0000001", plant_id=20001)
    seen.append(await status())
    simulator.growatt.bring_online("SIM0000001")
    seen.append(await status())
    assert seen == [4, 2, 1]


@pytest.mark.parametrize(
    ("name", "code"), [("sim-resident", 0), ("", 10001), ("nobody", 10001), ("foreign", 10011)]
)
@pytest.mark.usefixtures("foreign_plant")
async def test_list_of_user(installer: Client, name: str, code: int) -> None:
    """One end user's plants, by name."""
    answer = await installer.post("plant/user_plant_list", user_name=name)
    assert answer["error_code"] == code
    if not code:
        assert [plant["plant_id"] for plant in answer["data"]["plants"]] == [20001]


@pytest.mark.parametrize("path", ["plant/details", "plant/data"])
@pytest.mark.parametrize(("plant", "code"), [(20001, 0), ("", 10003), (999, 10002)])
async def test_details_and_data(installer: Client, path: str, plant: Any, code: int) -> None:
    """These two mean the reverse by 10002 and 10003."""
    assert (await installer.get(path, plant_id=plant))["error_code"] == code


async def test_details(simulator: Simulator, installer: Client) -> None:
    """The details name the owner and the time zone."""
    simulator.growatt.plants[20001].time_zone = -4
    data = (await installer.get("plant/details", plant_id=20001))["data"]
    assert (data["user_id"], data["timezone"], data["name"]) == (101, "GMT-4", "Sim Home")


@pytest.mark.parametrize(
    ("serial", "code"),
    [
        ("", 10003),
        ("SIM0000404", 10005),
        ("SIM0000001", 10005),
        ("QMN000SIM0000001", 10005),
        ("SIM0000002", 10011),
    ],
)
async def test_plant_of_a_device_unknown(
    simulator: Simulator, installer: Client, foreign_plant: int, serial: str, code: int
) -> None:
    """Empty, unknown, bound nowhere, a datalogger, and out of sight."""
    simulator.growatt.add_device("SIM0000001")
    simulator.growatt.add_device("SIM0000002", plant_id=foreign_plant)
    answer = await installer.post("plant/sn_plant", device_sn=serial)
    assert (answer["error_code"], answer["data"]) == (code, "")


async def test_device_out_of_sight_may_not_exist(
    simulator: Simulator, installer: Client, foreign_plant: int
) -> None:
    """Which code a device out of sight gets is not documented, so a test can choose."""
    simulator.growatt.foreign_device_code = 10005
    simulator.growatt.add_device("SIM0000002", plant_id=foreign_plant)
    answer = await installer.post("plant/sn_plant", device_sn="SIM0000002")
    assert answer["error_code"] == 10005
