"""What Home Assistant's own growatt_server reads: MIN inverters and a plant's power."""

from typing import Any

import pytest

from simulator import Simulator
from simulator.growatt.model import vendor_time

from .client import Client

SN = "SIM0000001"
DETAILS, SETTINGS, LATEST = (
    f"device/tlx/{name}" for name in ("tlx_data_info", "tlx_set_info", "tlx_last_data")
)
# The endpoint, the name of its parameter, and its codes for an empty and an unknown one.
ENDPOINTS = [
    (DETAILS, "device_sn", (10001, 10001)),
    (SETTINGS, "device_sn", (10001, 10001)),
    (LATEST, "tlx_sn", (10003, 10002)),
]


@pytest.fixture
def placed(simulator: Simulator) -> str:
    """Return an inverter that stands in the end user's plant and is online."""
    return simulator.growatt.add_device(SN, online=True, plant_id=20001).sn


async def ask(client: Client, path: str, serial: str | None) -> Any:
    """Ask about an inverter, with the method and the parameter of the endpoint."""
    [name] = (name for endpoint, name, _ in ENDPOINTS if endpoint == path)
    return await client.send(
        "POST" if path == LATEST else "GET", path, {} if serial is None else {name: serial}
    )


async def test_details(resident: Client, placed: str) -> None:
    """Who it is stands in the data, and beside it."""
    answer = await ask(resident, DETAILS, placed)
    data = answer.pop("data")
    assert answer == {
        "dataloggerSn": "QMN000SIM0000001",
        "deviceSn": SN,
        "error_code": 0,
        "error_msg": "",
    }
    assert (data["serialNum"], data["dataLogSn"]) == (SN, "QMN000SIM0000001")
    assert (data["pmax"], data["lost"], data["status"]) == (3000, False, 1)


async def test_settings(resident: Client, placed: str) -> None:
    """Every period can be read, and what Home Assistant lets people set."""
    answer = await ask(resident, SETTINGS, placed)
    data = answer["data"]
    assert (answer["error_code"], answer["deviceSn"]) == (0, SN)
    assert [data[f"forcedTimeStart{period}"] for period in range(1, 10)] == ["0:0"] * 9
    assert [data[f"time{period}Mode"] for period in range(1, 10)] == [0] * 9
    assert (data["chargePowerCommand"], data["onGridDischargeStopSOC"]) == (100, 10)


async def test_latest_data(simulator: Simulator, resident: Client, placed: str) -> None:
    """Meters stand at zero; whether it is online can be told."""
    answer = await ask(resident, LATEST, placed)
    data = answer["data"]
    assert (answer["error_code"], answer["tlx_sn"]) == (0, SN)
    assert (data["eacTotal"], data["ppv4"], data["epv1Today"]) == (0, 0, 0)
    assert (data["fac"], data["statusText"], data["lost"]) == (50, "Normal", False)
    simulator.growatt.take_offline(SN)
    simulator.advance(300)
    offline = (await ask(resident, LATEST, placed))["data"]
    assert (offline["fac"], offline["statusText"], offline["lost"]) == (0, "Waiting", True)


@pytest.mark.parametrize(("path", "codes"), [(path, codes) for path, _, codes in ENDPOINTS])
async def test_refused(
    simulator: Simulator, resident: Client, path: str, codes: tuple[int, int]
) -> None:
    """Only a MIN inverter in a plant of one's own can be read."""
    growatt = simulator.growatt
    somebody = growatt.add_user("somebody", "somebody@example.com")
    foreign = growatt.add_plant(somebody.user_id, "Foreign").plant_id
    growatt.add_device("SIMSTORE01", kind="sph", plant_id=20001)
    growatt.add_device("SIMFOREIGN", plant_id=foreign)
    growatt.add_device("SIMNOPLANT")
    empty, unknown = codes
    assert (await ask(resident, path, None))["error_code"] == empty
    for serial in ("NOBODYS001", "SIMSTORE01", "SIMFOREIGN", "SIMNOPLANT"):
        answer = await ask(resident, path, serial)
        assert (answer["error_code"], answer["data"]) == (unknown, ""), serial


class TestPower:
    """A plant's power over a day."""

    async def test_today(self, simulator: Simulator, resident: Client) -> None:
        """Every five minutes until now, in the plant's time, newest first."""
        plant = simulator.growatt.plants[20001]
        plant.time_zone = 2.0
        now = plant_time(simulator, 2.0)
        answer = await resident.get("plant/power", plant_id=20001, date=now[:10])
        data = answer["data"]
        newest = f"{now[:14]}{int(now[14:16]) // 5 * 5:02}"
        assert data["powers"][0] == {"time": newest, "power": 0}
        assert data["powers"][-1] == {"time": f"{now[:10]} 00:00", "power": 0}
        assert data["count"] == len(data["powers"])

    @pytest.mark.parametrize(("day", "count"), [("2020-02-29", 288), ("2999-01-01", 0)])
    async def test_other_days(self, resident: Client, day: str, count: int) -> None:
        """A day that is over is whole, one that is to come is empty."""
        answer = await resident.get("plant/power", plant_id=20001, date=day)
        assert (answer["error_code"], answer["data"]["count"]) == (0, count)

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            ({"date": "2026-01-01"}, 10003),
            ({"plant_id": "", "date": "2026-01-01"}, 10003),
            ({"plant_id": 20001}, 10003),
            ({"plant_id": 20001, "date": "01.02.2026"}, 10003),
            ({"plant_id": 99999, "date": "2026-01-01"}, 10002),
        ],
    )
    async def test_refused(self, resident: Client, parameters: dict[str, Any], code: int) -> None:
        """Both parameters are needed, and the plant has to be one's own."""
        answer = await resident.get("plant/power", **parameters)
        assert (answer["error_code"], answer["data"]) == (code, "")


def plant_time(simulator: Simulator, hours: float) -> str:
    """Return the time at a plant, as the vendor prints it."""
    return vendor_time(simulator.now() + hours * 3600)
