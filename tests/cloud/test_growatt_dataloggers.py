"""Dataloggers, as the Growatt client sees them, against the simulated server over a socket."""

import json
import logging

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.errors import (
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    RejectedError,
)
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.growatt.api import DATALOGGER_VALIDATE
from custom_components.growatt_onboarding.cloud.model import (
    DeviceKind,
    Location,
    Sighting,
    SightingPage,
)
from custom_components.growatt_onboarding.cloud.provider import Call, Pace
from simulator import INSTALLER_TOKEN, Simulator

from .helpers import (
    FAKE_TOKEN,
    RecordingGate,
    everything_said,
    growatt_client,
    http_answer,
    raw_server,
    sends,
)

STICK = "XGD0000001"
CODE = "K7Q2M"
SERIAL = "FAK0000001"
PLANT = "20001"
USER = "101"
REPORTED = 1_700_000_000.0
DATALOGGER = DeviceKind.DATALOGGER
VALIDATE = "device/datalogger/validate"


@pytest.fixture(autouse=True)
def stick(simulator: Simulator) -> None:
    """Manufacture a datalogger that was somebody's once, with one inverter behind it."""
    simulator.growatt.limits.reading = "none"
    simulator.growatt.add_datalogger(STICK, check_code=CODE, last_report=REPORTED, devices=[SERIAL])


# What the label says


async def test_label(client: GrowattClient, simulator: Simulator, gate: RecordingGate) -> None:
    """Nobody has it, and the question has no effect; what planners see of it has no code."""
    assert await client.validate_datalogger(STICK, f" {CODE}\n") is None
    assert gate.permitted == [Call(DATALOGGER_VALIDATE, f"datalogSn={STICK}")]
    assert DATALOGGER_VALIDATE.pace is Pace.FREE
    assert DATALOGGER_VALIDATE.optional
    assert simulator.growatt.dataloggers[STICK].plant_id is None


@pytest.mark.parametrize(
    ("serial", "code", "expected"),
    [
        (STICK, "WRONG", (InvalidInputError, "check_code_wrong", "check_code", 10002)),
        ("XGD0000404", CODE, (InvalidInputError, "check_code_wrong", "check_code", 10002)),
        ("XGD1", CODE, (RejectedError, "serial_rejected", "serial_number", 10001)),
        (STICK, " ", (InvalidInputError, "required", "check_code", None)),
    ],
)
async def test_label_that_is_wrong(
    client: GrowattClient, serial: str, code: str, expected: tuple[object, ...]
) -> None:
    """It is said at the field at fault, and the right label is accepted afterward."""
    with pytest.raises(CloudError) as caught:
        await client.validate_datalogger(serial, code)
    error = caught.value
    assert (type(error), error.key, error.field, error.code) == expected
    assert await client.validate_datalogger(STICK, CODE) is None


@pytest.mark.parametrize("fault", ["data_string", "string_code", "wrong_type", None])
@pytest.mark.parametrize("as_strings", [True, False])
async def test_who_has_it(
    client: GrowattClient,
    simulator: Simulator,
    gate: RecordingGate,
    *,
    fault: str | None,
    as_strings: bool,
) -> None:
    """That somebody has it is an answer, no error."""
    growatt = simulator.growatt
    growatt.numbers_as_strings = as_strings
    growatt.accept_datalogger(growatt.dataloggers[STICK], growatt.plants[int(PLANT)])
    if fault is not None:
        simulator.faults.add(VALIDATE, kind=fault)
    assert await client.validate_datalogger(STICK, CODE) == Location(PLANT, owner_id=USER)
    assert [error for _, error in gate.ended] == [None]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", Location(None)),
        (None, Location(None)),
        ("collector already exists", Location(None)),
        ([], Location(None)),
        ({}, Location(None)),
        ({"plant_id": "", "user_id": True}, Location(None)),
        ({"plant_id": 7}, Location("7")),
        ('{"user_id": "8"}', Location(None, owner_id="8")),
    ],
)
async def test_who_has_it_is_not_told(
    http: aiohttp.ClientSession, data: object, expected: Location
) -> None:
    body = json.dumps({"error_code": "10003", "error_msg": "exists", "data": data}).encode()
    async with raw_server(sends(http_answer(body))) as server:
        client = growatt_client(http, server.url, FAKE_TOKEN)
        assert await client.validate_datalogger(STICK, CODE) == expected


async def test_check_code_is_told_nobody(
    client: GrowattClient, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """No log, error, call or address has it, not even where the cloud repeats it."""
    caplog.set_level(logging.DEBUG)
    await client.validate_datalogger(STICK, CODE)
    said = ""
    for code in (10001, 10002, 10011, 77777):
        simulator.faults.add(VALIDATE, kind="code", code=code, msg=f"{CODE.lower()} is bad")
        with pytest.raises(CloudError) as caught:
            await client.validate_datalogger(STICK, CODE)
        said += everything_said(caught.value)
    for kind in ("firewall", "garbage", "cut", "redirect", "http_500"):
        simulator.faults.add(VALIDATE, kind=kind)
        with pytest.raises(CloudError) as caught:
            await client.validate_datalogger(STICK, CODE)
        said += everything_said(caught.value)
    assert said.count("… is bad") >= 4
    assert f"POST v1/{VALIDATE}: HTTP 200, code 77777, " in caplog.text
    for text in (said, caplog.text):
        assert CODE.casefold() not in text.casefold()
    assert simulator.calls.secrets_in_url == []
    assert {call.params["valiCode"] for call in simulator.calls.of(VALIDATE)} == {"***"}


# Adding and seeing one


async def test_add_until_its_devices_appear(client: GrowattClient, simulator: Simulator) -> None:
    """It is in the list at once with its old report; then it reports, then its inverter appears."""
    await client.bind(USER, PLANT, STICK, DATALOGGER)
    (call,) = simulator.calls.of("device/datalogger/add")
    assert call.params == {"plant_id": PLANT, "sn": STICK, "c_user_id": USER}
    (seen,) = (await client.sightings(PLANT, 1, DATALOGGER)).sightings
    assert seen == Sighting(
        serial=STICK,
        plant_id=PLANT,
        model="ShineWiFi-X",
        online=False,
        kind=DATALOGGER,
        reported_at=REPORTED,
    )
    assert await client.sightings(PLANT, 1) == SightingPage(())
    simulator.growatt.bring_datalogger_online(STICK, devices_after=300)
    (seen,) = (await client.sightings(PLANT, 1, DATALOGGER)).sightings
    assert (seen.online, seen.reported_at) == (True, pytest.approx(simulator.now(), abs=5))
    simulator.advance(300)
    (inverter,) = (await client.sightings(PLANT, 1)).sightings
    assert (inverter.serial, inverter.datalogger) == (SERIAL, STICK)
    assert (inverter.kind, inverter.reported_at) == (DeviceKind.INVERTER, None)
    with pytest.raises(AlreadyBoundError):
        await client.bind(USER, PLANT, STICK, DATALOGGER)


@pytest.mark.parametrize(
    ("ids", "field"),
    [(("", "1"), "account_id"), (("x", "1"), "account_id"), (("1", ""), "plant_id")],
)
async def test_no_ids(
    client: GrowattClient, simulator: Simulator, ids: tuple[str, str], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await client.bind(*ids, STICK, DATALOGGER)
    assert (caught.value.key, caught.value.field) == ("invalid_id", field)
    assert len(simulator.calls) == 0


async def test_what_never_reported_has_no_time(client: GrowattClient, simulator: Simulator) -> None:
    simulator.growatt.add_datalogger("XGD0000002", plant_id=int(PLANT))
    (seen,) = (await client.sightings(PLANT, 1, DATALOGGER)).sightings
    assert (seen.serial, seen.online, seen.reported_at) == ("XGD0000002", False, None)


async def sightings(
    http: aiohttp.ClientSession, kind: DeviceKind, data: dict[str, object], page: int = 1
) -> SightingPage:
    """Return what the client reads of a list with this data."""
    body = json.dumps({"error_code": 0, "data": data}).encode()
    async with raw_server(sends(http_answer(body))) as server:
        return await growatt_client(http, server.url, FAKE_TOKEN).sightings(PLANT, page, kind)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ({"time": 1_700_000_000_000, "year": 123, "timezoneOffset": -480}, REPORTED),
        ({"time": "1700000000500"}, REPORTED + 0.5),
        ('{"time": 1700000000000}', REPORTED),
        (1_700_000_000_000, REPORTED),
        (946_684_800_000, 946_684_800.0),
        (946_684_799_999, None),
        (4_133_980_799_999, 4_133_980_799.999),
        (4_133_980_800_000, None),
        # Seconds in place of milliseconds would be a day in 1970.
        (1_700_000_000, None),
        ({"time": -1_700_000_000_000}, None),
        ({"time": 0}, None),
        ({"time": True}, None),
        ({"time": None}, None),
        ({"time": {"time": 1_700_000_000_000}}, None),
        ({"time": 10**30}, None),
        ({"time": 1e400}, None),
        ({"year": 123, "month": 10, "date": 14}, None),
        ("2023-11-14 22:13:20", None),
        ("20231114221320", None),
        (True, None),
        ([1_700_000_000_000], None),
        ("", None),
        (None, None),
    ],
)
async def test_when_it_reported(
    http: aiohttp.ClientSession, date: object, expected: float | None
) -> None:
    """Only milliseconds that can be true are taken; a date as text is in nobody knows what zone."""
    row = {"sn": STICK, "last_update_time": date}
    (seen,) = (await sightings(http, DATALOGGER, {"count": 1, "dataloggers": [row]})).sightings
    assert (seen.serial, seen.online, seen.reported_at) == (STICK, None, expected)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        *((number, DeviceKind.INVERTER) for number in (1, 2, 4, 5, 6, 7, 8, 9, 10, "7", 7.0)),
        *((number, DeviceKind.OTHER) for number in (3, 11, "11")),
        *((number, DeviceKind.UNKNOWN) for number in (0, -1, 12, True, None, "", "min", [7])),
    ],
)
async def test_kinds_in_the_list_of_devices(
    http: aiohttp.ClientSession, said: object, kind: DeviceKind
) -> None:
    data = {"count": 1, "devices": [{"device_sn": SERIAL, "type": said}]}
    (seen,) = (await sightings(http, DeviceKind.INVERTER, data)).sightings
    assert seen.kind is kind


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [(DeviceKind.INVERTER, "devices", "device_sn"), (DATALOGGER, "dataloggers", "sn")],
)
@pytest.mark.parametrize(
    ("page", "rows", "count", "expected"),
    [
        (1, 1, 1, (1, False, False)),
        (1, 0, 0, (0, False, False)),
        (1, 0, 1, (0, False, True)),
        (1, 100, 101, (100, True, False)),
        (2, 1, 101, (1, False, False)),
        (2, 1, 102, (1, False, True)),
        (1, 1, None, (1, False, False)),
    ],
)
async def test_pages(
    http: aiohttp.ClientSession,
    kind: DeviceKind,
    name: str,
    key: str,
    *,
    page: int,
    rows: int,
    count: int | None,
    expected: tuple[int, bool, bool],
) -> None:
    """What counts more than it shows proves no absence."""
    data = {"count": count, name: [{key: f"fak{number}"} for number in range(rows)]}
    found = await sightings(http, kind, data, page)
    assert (len(found.serials), found.more, found.lacks_some) == expected
    assert all(serial.isupper() for serial in found.serials)


@pytest.mark.parametrize("fault", ["data_string", "string_code", "wrong_type", None])
async def test_list_understands(
    client: GrowattClient, simulator: Simulator, fault: str | None
) -> None:
    """Numbers as strings, data as text, any content type, a count that is wrong."""
    growatt = simulator.growatt
    growatt.accept_datalogger(growatt.dataloggers[STICK], growatt.plants[int(PLANT)])
    growatt.numbers_as_strings = True
    growatt.phantom_devices = 1
    if fault is not None:
        simulator.faults.add(kind=fault)
    page = await client.sightings(PLANT, 1, DATALOGGER)
    assert [(seen.serial, seen.reported_at) for seen in page.sightings] == [(STICK, REPORTED)]
    assert (page.more, page.lacks_some) == (False, True)


@pytest.mark.parametrize("null_lists", [True, False])
async def test_empty_list(
    http: aiohttp.ClientSession, simulator: Simulator, *, null_lists: bool
) -> None:
    simulator.growatt.null_lists = null_lists
    client = growatt_client(http, simulator.url, INSTALLER_TOKEN)
    assert await client.sightings(PLANT, 1, DATALOGGER) == SightingPage(())
