"""Growatt's endpoints for devices and dataloggers, and how a device finds its plant."""

from dataclasses import replace
from typing import Any

import pytest

from simulator import Simulator

from .client import Client

SN = "SIM0000001"
STICK = "QMN000SIM0000001"
BINDING = {"plant_id": 20001, "c_user_id": 101, "sn": SN}


@pytest.fixture(autouse=True)
def device(simulator: Simulator) -> None:
    """Manufacture one device that belongs to nobody and is offline."""
    simulator.growatt.add_device(SN)


async def listed(installer: Client, plant_id: int = 20001) -> list[str]:
    """Return the serial numbers in a plant."""
    data = (await installer.get("device/list", plant_id=plant_id, perpage=100))["data"]
    return [device["device_sn"] for device in data["devices"]]


async def test_accepted_is_not_associated(simulator: Simulator, installer: Client) -> None:
    """A device that is offline is accepted, and is in its plant once it is online."""
    simulator.growatt.limits.reading = "none"
    assert await installer.post("device/sn/add", **BINDING) == {"error_code": "0", "error_msg": ""}
    assert await listed(installer) == []
    assert (await installer.post("plant/sn_plant", device_sn=SN))["error_code"] == 10005
    assert (await installer.post("new-api/queryDeviceList"))["data"]["data"] == []
    accepted = simulator.now()
    simulator.advance(3600)
    simulator.growatt.bring_online(SN)
    simulator.advance(60)
    assert await listed(installer) == [SN]
    found = (await installer.post("plant/sn_plant", device_sn=SN))["data"]["plant"]
    assert (found["plant_id"], found["user_id"]) == (20001, 101)
    (entry,) = (await installer.post("new-api/queryDeviceList"))["data"]["data"]
    assert (entry["deviceSn"], entry["deviceType"], entry["datalogSn"]) == (SN, "min", STICK)
    binding = simulator.growatt.bindings[SN]
    assert (binding.plant_id, binding.user_id, binding.accepted_count) == (20001, 101, 1)
    assert binding.accepted_at == pytest.approx(accepted, abs=60)
    assert binding.associated_at == pytest.approx(accepted + 3600, abs=60)


async def test_online_device_is_associated_at_once(simulator: Simulator, installer: Client) -> None:
    """A device that is online already is in its plant when the answer arrives."""
    simulator.growatt.bring_online(SN)
    assert (await installer.post("device/sn/add", **BINDING))["error_code"] == "0"
    assert await listed(installer) == [SN]
    binding = simulator.growatt.bindings[SN]
    assert binding.associated_at == binding.accepted_at


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"c_user_id": ""}, "10006"),
        ({"plant_id": ""}, "10002"),
        ({"sn": ""}, "10002"),
        ({"sn": "SIM0000404"}, "10002"),
        ({"sn": STICK}, "10002"),
        ({"sn": f"{SN},SIM0000003"}, "10002"),
        ({"plant_id": "x"}, "10001"),
        ({"c_user_id": 999}, "10005"),
        ({"plant_id": 999}, "10004"),
        ({"plant_id": 20002}, "10004"),
        ({"sn": "SIM0000002"}, "10003"),
        ({"sn": "SIM0000003"}, "10007"),
        ({"sn": "SIM0000004"}, "10003"),
    ],
)
async def test_add_refused(
    simulator: Simulator, installer: Client, change: dict[str, Any], code: str
) -> None:
    """Each refusal has its code, as a string, and accepts nothing; the corrected form works."""
    growatt = simulator.growatt
    neighbour = growatt.add_user("neighbour", "neighbour@example.com")
    growatt.add_plant(neighbour.user_id, "Next door")
    growatt.add_device("SIM0000002", plant_id=20001)
    growatt.add_device("SIM0000003", datalogger_sn="")
    growatt.add_device("SIM0000004", plant_id=20002)
    answer = await installer.post("device/sn/add", **{**BINDING, **change})
    assert (answer["error_code"], answer["data"]) == (code, "")
    assert growatt.bindings == {}
    growatt.limits.reset()
    assert (await installer.post("device/sn/add", **BINDING))["error_code"] == "0"


@pytest.mark.parametrize(("exists", "code", "count"), [(True, "10003", 1), (False, "0", 2)])
async def test_submitting_twice_is_counted(
    simulator: Simulator, installer: Client, *, exists: bool, code: str, count: int
) -> None:
    """A request that repeats a pending one exists already, or is accepted and counted again."""
    simulator.growatt.repeated_exists = exists
    await installer.post("device/sn/add", **BINDING)
    simulator.advance(300)
    assert (await installer.post("device/sn/add", **BINDING))["error_code"] == code
    assert simulator.growatt.bindings[SN].accepted_count == count


async def test_last_request_wins(simulator: Simulator, installer: Client) -> None:
    """A pending device that is submitted for another plant ends there."""
    second = simulator.growatt.add_plant(101, "Second").plant_id
    await installer.post("device/sn/add", **BINDING)
    await installer.post("device/sn/add", **{**BINDING, "plant_id": second})
    simulator.growatt.bring_online(SN)
    assert simulator.growatt.devices[SN].plant_id == second
    binding = simulator.growatt.bindings[SN]
    assert (binding.plant_id, binding.accepted_count) == (second, 2)


async def test_comes_online_by_itself(simulator: Simulator, installer: Client) -> None:
    """A device can be made to come online at a time."""
    simulator.growatt.add_device("SIM0000002", online_after=100)
    due = simulator.growatt.devices["SIM0000002"].online_at
    await installer.post("device/sn/add", **{**BINDING, "sn": "SIM0000002"})
    online = []
    for _ in range(2):
        simulator.advance(50)
        online.append(simulator.growatt.devices["SIM0000002"].online)
    assert online == [False, True]
    assert simulator.growatt.bindings["SIM0000002"].associated_at == due


async def test_offline_devices_stay_where_they_are(simulator: Simulator, installer: Client) -> None:
    """Going offline ends no association; the list says that contact is lost."""
    simulator.growatt.add_device("SIM0000002", online=True, plant_id=20001)
    simulator.growatt.take_offline("SIM0000002")
    data = (await installer.get("device/list", plant_id=20001))["data"]
    (entry,) = data["devices"]
    assert (entry["lost"], entry["status"]) == (True, 0)


async def test_removed_device_stays_away(simulator: Simulator, installer: Client) -> None:
    """A device taken out of its plant does not find its way back by being online."""
    simulator.growatt.bring_online(SN)
    await installer.post("device/sn/add", **BINDING)
    simulator.growatt.remove_from_plant(SN)
    assert await listed(installer) == []
    assert simulator.growatt.devices[SN].plant_id is None


async def test_moved_device(simulator: Simulator, installer: Client) -> None:
    """A device can be moved to whoever's plant."""
    foreign = simulator.growatt.add_user("foreign", "f@example.com", merchant="somebody else")
    plant = simulator.growatt.add_plant(foreign.user_id, "Foreign").plant_id
    simulator.growatt.bring_online(SN)
    await installer.post("device/sn/add", **BINDING)
    simulator.growatt.move(SN, plant)
    assert await listed(installer) == []
    assert (await installer.post("plant/sn_plant", device_sn=SN))["error_code"] == 10011
    with pytest.raises(KeyError):
        simulator.growatt.move(SN, 999)


@pytest.mark.parametrize(
    ("arguments", "error"), [({"kind": "toaster"}, ValueError), ({"plant_id": 999}, KeyError)]
)
def test_impossible_device(
    simulator: Simulator, arguments: dict[str, Any], error: type[Exception]
) -> None:
    """A device of an unknown kind or in an unknown plant is not made."""
    with pytest.raises(error):
        simulator.growatt.add_device("SIM0000009", **arguments)
    assert "SIM0000009" not in simulator.growatt.devices


async def test_end_user_binds_for_itself_only(simulator: Simulator, resident: Client) -> None:
    """An end user's token binds into its own plants."""
    other = simulator.growatt.add_user("neighbour", "neighbour@example.com")
    plant = simulator.growatt.add_plant(other.user_id, "Next door")
    foreign = {"plant_id": plant.plant_id, "c_user_id": other.user_id, "sn": SN}
    assert (await resident.post("device/sn/add", **foreign))["error_code"] == "10005"
    assert (await resident.post("device/sn/add", **BINDING))["error_code"] == "0"


@pytest.mark.parametrize(
    ("serial", "code"),
    [
        ("ABC1234567", "0"),
        ("abc1234567", "10002"),
        ("SHORT", "10002"),
        ("QMN000ABC1234567", "10002"),
        ("ABC 1234567", "10002"),
    ],
)
async def test_serials_made_on_the_fly(
    simulator: Simulator, installer: Client, serial: str, code: str
) -> None:
    """Where it is switched on, every well-formed serial number has a device behind it."""
    simulator.simulation.accept_any = True
    answer = await installer.post("device/sn/add", **{**BINDING, "sn": serial})
    assert answer["error_code"] == code
    assert (serial in simulator.growatt.devices) is (code == "0")


async def test_made_on_the_fly_come_online() -> None:
    """They come online exactly so many seconds after their acceptance, and not before it."""
    simulator = Simulator(lambda: 1_900_000_000.0, accept_any=True, offline_for=120)
    growatt = simulator.growatt
    made = growatt.find_device("ABC1234567")
    assert made is not None
    simulator.advance(1000)
    seen = [growatt.devices["ABC1234567"].plant_id]
    growatt.accept(made, growatt.plants[20001], growatt.users[101])
    for seconds in (119, 1):
        simulator.advance(seconds)
        seen.append(growatt.devices["ABC1234567"].plant_id)
    assert seen == [None, None, 20001]
    assert growatt.bindings["ABC1234567"].associated_at == simulator.now()


async def test_device_list(simulator: Simulator, installer: Client) -> None:
    """An entry of the list has the vendor's keys and types."""
    simulator.growatt.add_device("SIM0000002", kind="sph", online=True, plant_id=20001)
    answer = await installer.get("device/list", plant_id=20001)
    assert answer["error_code"] == 0
    assert answer["data"]["count"] == 1
    (entry,) = answer["data"]["devices"]
    assert entry == {
        "device_sn": "SIM0000002",
        "last_update_time": entry["last_update_time"],
        "model": "SPH 5000TL3",
        "lost": False,
        "status": 1,
        "manufacturer": "Growatt",
        "device_id": 3002,
        "datalogger_sn": "QMN000SIM0000002",
        "type": 5,
    }


async def test_phantom_devices(simulator: Simulator, installer: Client) -> None:
    """The count may promise devices that the list does not show."""
    simulator.growatt.phantom_devices = 1
    data = (await installer.get("device/list", plant_id=20001))["data"]
    assert data == {"count": 1, "devices": []}


@pytest.mark.parametrize(
    ("endless", "first", "second"),
    [("new", "END0000100", "END0000200"), ("same", "END0000000", "END0000000")],
)
async def test_endless_lists(
    simulator: Simulator, installer: Client, endless: Any, first: str, second: str
) -> None:
    """Each page is full, the last is never reached, and what exists is not shown."""
    simulator.growatt.endless = endless
    simulator.growatt.limits.reading = "none"
    v4 = replace(installer, version="v4")
    for page, serial in (1, first), (2, second):
        data = (await installer.get("device/list", plant_id=20001, page=page))["data"]
        assert data["devices"][0] == {"device_sn": serial}
        watched = (await v4.post("new-api/queryDeviceList", page=page))["data"]
        assert watched["data"][0] == {"deviceSn": serial}
        assert len(data["devices"]) == len(watched["data"]) == 100
        assert watched["lastPager"] is False
    simulator.growatt.endless = "blank"
    data = (await installer.get("device/list", plant_id=20001))["data"]
    assert data["devices"] == [{}] * 100


@pytest.mark.parametrize("path", ["device/list", "device/datalogger/list"])
@pytest.mark.parametrize(("plant", "code"), [("", 10002), (999, 10003), (20002, 10003)])
async def test_lists_refused(
    simulator: Simulator, installer: Client, path: str, plant: Any, code: int
) -> None:
    """Empty, unknown, and somebody else's plant."""
    foreign = simulator.growatt.add_user("foreign", "f@example.com", merchant="somebody else")
    simulator.growatt.add_plant(foreign.user_id, "Foreign")
    answer = await installer.get(path, plant_id=plant)
    assert (answer["error_code"], answer["data"]) == (code, "")


async def test_datalogger_brings_its_devices(simulator: Simulator, installer: Client) -> None:
    """A datalogger is in the plant at once, the devices behind it once they are online."""
    growatt = simulator.growatt
    growatt.limits.reading = "none"
    growatt.add_device("SIM0000002", datalogger_sn=STICK, online=True)
    form = {**BINDING, "sn": STICK}
    assert await installer.post("device/datalogger/add", **form) == {
        "data": "",
        "error_code": "0",
        "error_msg": "",
    }
    assert await listed(installer) == ["SIM0000002"]
    growatt.bring_online(SN)
    assert await listed(installer) == ["SIM0000002", SN]
    data = (await installer.get("device/datalogger/list", plant_id=20001))["data"]
    assert [(stick["sn"], stick["lost"]) for stick in data["dataloggers"]] == [(STICK, False)]
    assert data["peak_power_actual"]["userAccount"] == "sim-resident"
    assert growatt.bindings == {}
    deleted = {"plant_id": 20001, "sn": STICK}
    assert (await installer.post("device/datalogger/delete", **deleted))["error_code"] == "0"
    assert await listed(installer) == []
    assert (await installer.get("device/datalogger/list", plant_id=20001))["data"]["count"] == 0


async def test_datalogger_follows_its_device(simulator: Simulator, installer: Client) -> None:
    """A device bound by its own number brings its datalogger into the plant."""
    simulator.growatt.bring_online(SN)
    await installer.post("device/sn/add", **BINDING)
    data = (await installer.get("device/datalogger/list", plant_id=20001))["data"]
    assert [stick["sn"] for stick in data["dataloggers"]] == [STICK]


@pytest.mark.parametrize(
    ("action", "change", "code"),
    [
        ("add", {"c_user_id": ""}, "10006"),
        ("add", {"plant_id": ""}, "10002"),
        ("add", {"sn": SN}, "10002"),
        ("add", {"c_user_id": 999}, "10005"),
        ("add", {"plant_id": 999}, "10004"),
        ("add", {"sn": "QMN000SIM0000002"}, "10003"),
        ("delete", {"plant_id": ""}, "10002"),
        ("delete", {"sn": ""}, "10002"),
        ("delete", {"plant_id": 999}, "10003"),
        ("delete", {}, "10004"),
    ],
)
async def test_datalogger_refused(
    simulator: Simulator, installer: Client, action: str, change: dict[str, Any], code: str
) -> None:
    """Each refusal has its code."""
    simulator.growatt.add_device("SIM0000002", plant_id=20001)
    form = {**BINDING, "sn": STICK, **change}
    assert (await installer.post(f"device/datalogger/{action}", **form))["error_code"] == code


@pytest.mark.parametrize("parameter", ["dataloggerSn", "sn"])
@pytest.mark.parametrize(
    ("serial", "kind"),
    [
        (SN, (1, 1, 22, "inverter")),
        ("SIM0000002", (1, 2, 96, "storage")),
        (STICK, (1, 3, 0, "datalog")),
        ("SIM0000404", (0, 4, 0, "other")),
    ],
)
async def test_check_serial(
    simulator: Simulator, installer: Client, parameter: str, serial: str, kind: tuple[Any, ...]
) -> None:
    """The kind of an inverter, a storage, a datalogger and of nothing, without an error code."""
    simulator.growatt.add_device("SIM0000002", kind="storage")
    answer = await installer.get("device/check/sn", **{parameter: serial})
    assert "error_code" not in answer
    assert tuple(answer[key] for key in ("result", "obj", "deviceType", "msg")) == kind
    assert answer["in_system"] is False


async def test_check_bound_serial(simulator: Simulator, installer: Client) -> None:
    """A device in anybody's plant is in the system."""
    simulator.growatt.move(SN, 20001)
    assert (await installer.get("device/check/sn", dataloggerSn=SN))["in_system"] is True


@pytest.mark.parametrize(("serial", "code"), [("", 10003), ("SIM0000404", 10005), (SN, 10005)])
async def test_datalogger_of_a_device(
    simulator: Simulator, installer: Client, serial: str, code: int
) -> None:
    """A device has to be in sight to tell its datalogger."""
    answer = await installer.post("device/sn_datalog", device_sn=serial)
    assert (answer["error_code"], answer["data"]) == (code, "")
    simulator.growatt.move(SN, 20001)
    answer = await installer.post("device/sn_datalog", device_sn=SN)
    assert answer["data"] == {"datalogSN": STICK}


async def test_creation_dates(simulator: Simulator, installer: Client) -> None:
    """Dates come by serial number, for what is in sight."""
    simulator.growatt.add_device("SIM0000002", plant_id=20001)
    answer = await installer.post(
        "device/all/create_date", pageNum=1, devices=f"{SN},SIM0000002,SIM0000404"
    )
    assert list(answer["data"]) == ["SIM0000002"]
    assert answer["data"]["SIM0000002"]["datalogSn"] == "QMN000SIM0000002"


@pytest.mark.parametrize(
    "form",
    [
        {"devices": SN},
        {"pageNum": 1},
        {"pageNum": 3, "devices": SN},
        {"pageNum": 1, "devices": ",".join([SN] * 101)},
    ],
)
async def test_creation_dates_refused(installer: Client, form: dict[str, Any]) -> None:
    """Both parameters are required, at most two pages, at most 100 serial numbers."""
    assert (await installer.post("device/all/create_date", **form))["error_code"] == 10001


async def test_v4_list_pages(simulator: Simulator, installer: Client) -> None:
    """A page of the v4 list holds 100 devices, and the last one says so."""
    for number in range(101, 251):
        simulator.growatt.add_device(f"SIM{number:07}", plant_id=20001)
    installer.version = "v4"
    simulator.growatt.limits.reading = "none"
    pages = []
    for page in (1, 2):
        async with installer.session.post(
            installer.address("new-api/queryDeviceList"),
            params={"page": page},
            headers=installer.headers,
        ) as response:
            pages.append((await response.json())["data"])
    assert [(page["count"], page["pages"], page["lastPager"]) for page in pages] == [
        (150, 2, False),
        (150, 2, True),
    ]
    assert [len(page["data"]) for page in pages] == [100, 50]


@pytest.mark.parametrize("page", ["0", "x", "-1"])
async def test_v4_list_of_no_page(installer: Client, page: str) -> None:
    """A page that is none has the code for a missing one."""
    assert (await installer.post("new-api/queryDeviceList", page=page))["code"] == 10
