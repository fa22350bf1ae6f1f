"""Growatt's endpoints for dataloggers, and what becomes of a datalogger and what is behind it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator import Simulator
from simulator.growatt.model import Datalogger

from .client import Client

STICK = "XGD0000001"
CODE = "K7Q2M"
SN = "SIM0000001"
FORM = {"plant_id": 20001, "c_user_id": 101, "sn": STICK}
LABEL = {"datalogSn": STICK, "valiCode": CODE}
REPORTED = 1_700_000_000.0
ADD = "device/datalogger/add"
VALIDATE = "device/datalogger/validate"


@pytest.fixture(autouse=True)
def stick(simulator: Simulator) -> Datalogger:
    """Manufacture a datalogger with one inverter behind it, both offline and nobody's."""
    simulator.growatt.limits.reading = "none"
    return simulator.growatt.add_datalogger(STICK, check_code=CODE, devices=[SN])


async def listed(client: Client, **options: Any) -> list[dict[str, Any]]:
    """Return the rows of the resident's dataloggers."""
    data = (await client.get("device/datalogger/list", plant_id=20001, **options))["data"]
    rows: list[dict[str, Any]] = data["dataloggers"]
    return rows


async def devices(client: Client) -> list[str]:
    """Return the serial numbers of the resident's other devices."""
    data = (await client.get("device/list", plant_id=20001))["data"]
    return [device["device_sn"] for device in data["devices"]]


async def reported(client: Client) -> tuple[bool, float | None]:
    """Return whether the list says that the only datalogger is lost, and when it reported."""
    (row,) = await listed(client)
    date = row["last_update_time"]
    return row["lost"], None if date is None else date["time"] / 1000


# What the label says


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "0"),
        ({"datalogSn": ""}, "10001"),
        ({"datalogSn": STICK[:7]}, "10001"),
        ({"datalogSn": STICK * 4}, "10001"),
        ({"datalogSn": "XGD0000404"}, "10002"),
        ({"datalogSn": STICK.lower()}, "10002"),
        ({"datalogSn": SN}, "10002"),
        ({"valiCode": ""}, "10002"),
        ({"valiCode": CODE.lower()}, "10002"),
        ({"valiCode": CODE[:-1]}, "10002"),
    ],
)
async def test_validate(installer: Client, change: dict[str, str], code: str) -> None:
    """The code belongs to the serial number, or there is a refusal without data; none is added."""
    answer = await installer.post(VALIDATE, **{**LABEL, **change})
    assert (answer["error_code"], answer["data"]) == (code, "")
    assert await listed(installer) == []


async def test_validate_what_somebody_has(simulator: Simulator, installer: Client) -> None:
    """Whose it is is told to whoever has the label, wherever it is; a wrong code tells nothing."""
    growatt = simulator.growatt
    foreign = growatt.add_user("foreign", "f@example.com", merchant="somebody else")
    plant = growatt.add_plant(foreign.user_id, "Foreign")
    growatt.accept_datalogger(growatt.dataloggers[STICK], plant)
    answer = await installer.post(VALIDATE, **LABEL)
    assert answer["error_code"] == "10003"
    assert answer["data"] == {"plant_id": plant.plant_id, "user_id": foreign.user_id}
    growatt.numbers_as_strings = True
    assert (await installer.post(VALIDATE, **LABEL))["data"]["plant_id"] == str(plant.plant_id)
    wrong = await installer.post(VALIDATE, **{**LABEL, "valiCode": "WRONG"})
    assert (wrong["error_code"], wrong["data"]) == ("10002", "")


async def test_check_codes_are_secret(simulator: Simulator, installer: Client) -> None:
    """The log of calls does not have them, and finds them in an address."""
    await installer.post(VALIDATE, **LABEL)
    (call,) = simulator.calls[:]
    assert call.params == {"datalogSn": STICK, "valiCode": "***"}
    assert simulator.calls.secrets_in_url == []
    async with installer.session.post(
        installer.address(VALIDATE), params=LABEL, headers=installer.headers
    ):
        pass
    assert len(simulator.calls.secrets_in_url) == 1
    assert CODE not in repr(simulator.growatt.dataloggers) + repr(simulator.growatt.state())


def test_usual_check_codes(simulator: Simulator) -> None:
    """Each datalogger has one of its own, unless a test says else."""
    made = [simulator.growatt.add_datalogger(f"XGD000001{n}").check_code for n in range(9)]
    assert len(set(made)) == 9
    assert {len(code) for code in made} == {5}


# Adding one


async def test_a_new_one_has_never_reported(installer: Client) -> None:
    """It is in the plant at once, lost, without a date, and brings nothing yet."""
    assert (await installer.post(ADD, **FORM))["error_code"] == "0"
    assert await listed(installer) == [
        {
            "sn": STICK,
            "model": "ShineWiFi-X",
            "lost": True,
            "type": 0,
            "manufacturer": "Growatt",
            "last_update_time": None,
        }
    ]
    assert await devices(installer) == []


async def test_a_used_one_has_reported_long_ago(simulator: Simulator, installer: Client) -> None:
    """When it reported has nothing to do with when it was added."""
    simulator.growatt.add_datalogger(STICK, last_report=REPORTED)
    await installer.post(ADD, **FORM)
    assert await reported(installer) == (True, REPORTED)


async def test_java_dates(simulator: Simulator, installer: Client) -> None:
    """Only their milliseconds can be relied on: the rest is in the server's own time zone."""
    simulator.growatt.add_datalogger(STICK, last_report=REPORTED + 0.7, plant_id=20001)
    (row,) = await listed(installer)
    assert datetime.fromtimestamp(REPORTED, UTC).isoformat() == "2023-11-14T22:13:20+00:00"
    assert row["last_update_time"] == {
        "time": 1_700_000_000_000,
        "year": 123,
        "month": 10,
        "date": 15,
        "day": 3,
        "hours": 6,
        "minutes": 13,
        "seconds": 20,
        "timezoneOffset": -480,
    }


async def test_it_reports_and_its_devices_follow(simulator: Simulator, installer: Client) -> None:
    """First the datalogger itself is heard, every five minutes; then its devices appear."""
    growatt = simulator.growatt
    await installer.post(ADD, **FORM)
    simulator.advance(1000)
    growatt.bring_datalogger_online(STICK, devices_after=600)
    first = simulator.now()
    assert await reported(installer) == (False, pytest.approx(first, abs=5))
    assert await devices(installer) == []
    simulator.advance(599)
    assert await reported(installer) == (False, pytest.approx(first + 300, abs=5))
    assert await devices(installer) == []
    simulator.advance(1)
    assert await devices(installer) == [SN]
    assert growatt.bindings == {}


async def test_it_is_in_the_plant_of_whoever_adds_it_online(
    simulator: Simulator, installer: Client
) -> None:
    """What is online already is there at once, with its devices."""
    simulator.growatt.bring_datalogger_online(STICK)
    await installer.post(ADD, **FORM)
    assert [row["lost"] for row in await listed(installer)] == [False]
    assert await devices(installer) == [SN]


async def test_nothing_is_plugged_in(simulator: Simulator, installer: Client) -> None:
    """A datalogger may report while no device ever does."""
    await installer.post(ADD, **FORM)
    simulator.growatt.bring_datalogger_online(STICK, devices_after=None)
    simulator.advance(1e6)
    assert [row["lost"] for row in await listed(installer)] == [False]
    assert await devices(installer) == []


async def test_a_device_is_heard_through_it(simulator: Simulator, installer: Client) -> None:
    """While a device behind it is online, a datalogger reports."""
    await installer.post(ADD, **FORM)
    simulator.growatt.bring_online(SN)
    online = simulator.now()
    assert await reported(installer) == (False, pytest.approx(online, abs=5))
    simulator.advance(3700)
    simulator.growatt.take_offline(SN)
    simulator.advance(1e6)
    assert await reported(installer) == (True, pytest.approx(online + 3600, abs=5))
    assert await devices(installer) == [SN]


async def test_it_goes_offline(simulator: Simulator, installer: Client) -> None:
    """So do the devices behind it. All stay in the plant, and the last report is remembered."""
    growatt = simulator.growatt
    await installer.post(ADD, **FORM)
    growatt.bring_datalogger_online(STICK)
    online = simulator.now()
    simulator.advance(700)
    growatt.take_datalogger_offline(STICK)
    simulator.advance(1e6)
    assert await reported(installer) == (True, pytest.approx(online + 600, abs=5))
    assert await devices(installer) == [SN]
    assert not growatt.devices[SN].online
    with pytest.raises(KeyError):
        growatt.take_datalogger_offline("XGD0000404")


async def test_it_comes_online_by_itself(simulator: Simulator, installer: Client) -> None:
    """A datalogger can be made to come online at a time, with its devices."""
    simulator.growatt.add_datalogger(STICK, online_after=100, devices=[SN])
    await installer.post(ADD, **FORM)
    seen = []
    for _ in range(2):
        simulator.advance(50)
        seen.append(([row["lost"] for row in await listed(installer)], await devices(installer)))
    assert seen == [([True], []), ([False], [SN])]


async def test_a_device_that_is_connected_later(simulator: Simulator, installer: Client) -> None:
    """It finds the plant of the datalogger that it is connected to."""
    await installer.post(ADD, **FORM)
    simulator.growatt.add_device("SIM0000002", datalogger_sn=STICK, online=True)
    assert await devices(installer) == ["SIM0000002"]


async def test_one_that_was_removed_can_be_added_elsewhere(
    simulator: Simulator, installer: Client
) -> None:
    """With its old report, and with its devices once they are online again."""
    growatt = simulator.growatt
    second = growatt.add_plant(101, "Second").plant_id
    growatt.add_datalogger(
        STICK, check_code=CODE, last_report=REPORTED, plant_id=second, devices=[SN]
    )
    assert (await installer.post(ADD, **FORM))["error_code"] == "10003"
    deleted = {"plant_id": second, "sn": STICK}
    assert (await installer.post("device/datalogger/delete", **deleted))["error_code"] == "0"
    assert (await installer.post(VALIDATE, **LABEL))["error_code"] == "0"
    assert (await installer.post(ADD, **FORM))["error_code"] == "0"
    assert await reported(installer) == (True, REPORTED)
    growatt.bring_datalogger_online(STICK)
    assert await devices(installer) == [SN]


def test_nowhere(simulator: Simulator) -> None:
    """None is made in a plant that does not exist."""
    with pytest.raises(KeyError):
        simulator.growatt.add_datalogger("XGD0000009", plant_id=999)
    assert "XGD0000009" not in simulator.growatt.dataloggers


@pytest.mark.parametrize(
    ("serial", "code"),
    [("QMN000ABC1234567", "0"), ("QMN000SHORT", "10002"), ("ABC1234567", "10002")],
)
async def test_made_on_the_fly(
    simulator: Simulator, installer: Client, serial: str, code: str
) -> None:
    """Where it is switched on, each inverter that there could be has a datalogger."""
    simulator.simulation.accept_any = True
    simulator.simulation.offline_for = 60
    assert (await installer.post(ADD, **{**FORM, "sn": serial}))["error_code"] == code
    simulator.advance(60)
    assert await devices(installer) == ["ABC1234567"] * (code == "0")


# The lists


async def test_kinds_of_devices(simulator: Simulator, installer: Client) -> None:
    """A plant's list has all kinds, by number; the v4 list has no meter and no switch."""
    kinds = {"inv": 1, "storage": 2, "meter": 3, "sph": 5, "min": 7, "groboost": 11}
    for number, kind in enumerate(kinds):
        simulator.growatt.add_device(f"SIM100000{number}", kind=kind, plant_id=20001)
    data = (await installer.get("device/list", plant_id=20001))["data"]
    assert [row["type"] for row in data["devices"]] == list(kinds.values())
    v4 = (await installer.post("new-api/queryDeviceList"))["data"]
    assert [row["deviceType"] for row in v4["data"]] == ["inv", "storage", "sph", "min"]
    assert v4["count"] == 4
    meter = await installer.get("device/check/sn", dataloggerSn="SIM1000002")
    assert (meter["obj"], meter["msg"]) == (4, "other")


async def test_pages_of_dataloggers(simulator: Simulator, installer: Client) -> None:
    """They come in pages, and the count may promise more than there are."""
    for number in range(30):
        simulator.growatt.add_datalogger(f"XGD10000{number:02}", plant_id=20001)
    pages = [await listed(installer, page=page) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [20, 10, 0]
    simulator.growatt.phantom_devices = 2
    answer = await installer.get("device/datalogger/list", plant_id=20001, perpage=100)
    assert (answer["data"]["count"], len(answer["data"]["dataloggers"])) == (32, 30)


async def test_lists_that_are_odd(simulator: Simulator, installer: Client) -> None:
    """Null in place of an empty list, and a list without an end."""
    simulator.growatt.null_lists = True
    data = (await installer.get("device/datalogger/list", plant_id=20001))["data"]
    assert (data["count"], data["dataloggers"]) == (0, None)
    simulator.growatt.endless = "new"
    rows = await listed(installer, page=2)
    assert (len(rows), rows[0]) == (100, {"sn": "END0000200"})
