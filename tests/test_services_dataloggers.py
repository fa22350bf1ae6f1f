"""The action that adds dataloggers, with or without what is printed beside their numbers."""

import asyncio
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN, Simulator

from .common import (
    RESIDENT_ID,
    RESIDENT_PLANT,
    act,
    add_account,
    by_serial,
    fails,
    full_disk,
    open_reauth,
    refused,
    submit,
    until,
)

STICK, OTHER, THIRD = "QMN0000001", "QMN0000002", "QMN0000003"
CODE, WRONG = "AB12C", "XY98Z"
ADD, VALIDATE, LIST = (
    "device/datalogger/add",
    "device/datalogger/validate",
    "device/datalogger/list",
)


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    """Set the integration up, without any account."""
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with the installer's token."""
    cloud.growatt.add_datalogger(STICK, check_code=CODE)
    return await add_account(hass, cloud)


async def bind(
    hass: HomeAssistant, *sticks: dict[str, str], **data: Any
) -> dict[str, dict[str, Any]]:
    """Add dataloggers; return the results by serial number."""
    response = await act(
        hass,
        "bind_datalogger",
        **{"plant_id": RESIDENT_PLANT, "dataloggers": list(sticks), **data},
    )
    found = by_serial(response, "tracked_state", "repeated", "check_code_checked")
    return {serial: {name: told[name] for name in BRIEF} for serial, told in found.items()}


def stick(serial: str = STICK, check_code: str | None = None) -> dict[str, str]:
    return {"serial_number": serial, **({} if check_code is None else {"check_code": check_code})}


# What these tests look at.
BRIEF = ("serial_number", "state", "pending", "reason", "message", "check_code_checked")


def result(serial: str, state: str, **values: Any) -> dict[str, Any]:
    """Return what an answer tells of a datalogger, unless it differs."""
    return {
        "serial_number": serial,
        "state": state,
        "pending": state == "accepted",
        "reason": None,
        "message": None,
        "check_code_checked": True,
        **values,
    }


def tracked(entry: ConfigEntry) -> dict[str | None, str]:
    return {subentry.unique_id: subentry.subentry_type for subentry in entry.subentries.values()}


async def test_with_and_without_a_check_code(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_datalogger(OTHER)
    cloud.growatt.add_datalogger(THIRD)
    found = await bind(hass, stick("qmn 0000001", f" {CODE} "), stick(OTHER), stick(THIRD, " "))
    assert list(found.values()) == [
        result(STICK, "accepted"),
        result(OTHER, "accepted", check_code_checked=False),
        result(THIRD, "accepted", check_code_checked=False),
    ]
    assert tracked(entry) == dict.fromkeys((STICK, OTHER, THIRD), "datalogger")
    # What was typed is compared before anything is sent.
    paths = [call.path.removeprefix("/v1/") for call in cloud.calls if "datalogger" in call.path]
    assert paths[:2] == [VALIDATE, ADD]
    assert len(cloud.calls.of(VALIDATE)) == 1
    assert len(cloud.calls.of(ADD)) == 3


@pytest.mark.parametrize(
    "given",
    [
        f"{STICK}, {OTHER}\n{THIRD}",
        [STICK, f"{OTHER} {THIRD}"],
        [{"serial_number": f"{STICK}\t{OTHER}"}, THIRD],
        [{"serial_number": STICK, "check_code": None}, {"serial_number": OTHER}, THIRD],
    ],
)
async def test_as_a_scanner_gives_them(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, given: Any
) -> None:
    """Which a text with several numbers is; only a check code belongs to one number."""
    cloud.growatt.add_datalogger(OTHER)
    cloud.growatt.add_datalogger(THIRD)
    found = await bind(hass, dataloggers=given)
    assert {serial: told["state"] for serial, told in found.items()} == dict.fromkeys(
        (STICK, OTHER, THIRD), "accepted"
    )


async def test_two_numbers_with_one_check_code_are_none(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    found = await bind(hass, stick(f"{STICK} {OTHER}", CODE))
    assert [told["state"] for told in found.values()] == ["invalid"]
    assert not cloud.calls


async def test_a_single_one_need_not_be_in_a_list(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    found = await bind(hass, dataloggers=stick(STICK, CODE))
    assert found == {STICK: result(STICK, "accepted")}


async def test_what_is_wrong_does_not_stop_the_others(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    for serial in (OTHER, THIRD):
        cloud.growatt.add_datalogger(serial, check_code=CODE)
    cloud.growatt.add_device("SIM0000001")
    bob = await add_account(hass, cloud, account_id="102", name="bob")
    await bind(hass, stick(THIRD), config_entry_id=bob.entry_id, timeout=0)

    found = await bind(
        hass,
        stick("x!", CODE),
        stick(OTHER, WRONG),
        stick("QMN404", CODE),
        stick(THIRD, CODE),
        stick("QMN0000404"),
        stick("SIM0000001"),
        stick(STICK, CODE),
        config_entry_id=entry.entry_id,
    )

    refusal = {"reason": "serial_rejected", "check_code_checked": False}
    assert list(found.values()) == [
        result("x!", "invalid", reason="serial_invalid", check_code_checked=False),
        result(
            OTHER,
            "invalid",
            reason="check_code_wrong",
            message="10002: collector serial number does not match the check code",
        ),
        result(
            "QMN404",
            "invalid",
            reason="serial_rejected",
            message="10001: collector serial number is empty or its length is incorrect",
        ),
        result(
            THIRD,
            "already_tracked",
            reason="tracked_in_account",
            pending=True,
            check_code_checked=False,
        ),
        result("QMN0000404", "rejected", message=found["QMN0000404"]["message"], **refusal),
        result(
            "SIM0000001",
            "rejected",
            message=found["SIM0000001"]["message"],
            **{**refusal, "reason": "inverter_serial"},
        ),
        result(STICK, "accepted"),
    ]
    assert "serial number is wrong" in found["QMN0000404"]["message"]
    sent = [call.params["sn"] for call in cloud.calls.of(ADD)]
    assert OTHER not in sent
    assert "QMN404" not in sent
    assert OTHER not in tracked(entry)

    # With what the label says, it is taken.
    found = await bind(hass, stick(OTHER, CODE), config_entry_id=entry.entry_id)
    assert found == {OTHER: result(OTHER, "accepted")}


async def test_the_same_number_counts_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """With the first check code that stands beside it."""
    found = await bind(hass, stick(), stick("SN: qmn0000001", CODE), stick(STICK, WRONG))
    assert found == {STICK: result(STICK, "accepted")}
    assert len(cloud.calls.of(VALIDATE)) == len(cloud.calls.of(ADD)) == 1


async def test_held_by_somebody_else(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    theirs = cloud.growatt.add_plant(bob.user_id, "Theirs")
    mine = cloud.growatt.add_plant(int(RESIDENT_ID), "Garage")
    cloud.growatt.add_datalogger(OTHER, check_code=CODE, plant_id=theirs.plant_id)
    cloud.growatt.add_datalogger(THIRD, check_code=CODE, plant_id=mine.plant_id)
    data = {"plant_id": RESIDENT_PLANT, "dataloggers": [stick(OTHER, CODE), stick(THIRD, CODE)]}
    by_them, by_me = (await act(hass, "bind_datalogger", **data))["results"]
    assert {name: by_them[name] for name in BRIEF} == result(
        OTHER, "conflict", reason="held_by_account"
    )
    assert {name: by_me[name] for name in BRIEF} == result(
        THIRD, "conflict", reason="held_in_plant"
    )
    assert f"plant ID {theirs.plant_id} of the account ID {bob.user_id}" in by_them["explanation"]
    assert by_them["held_by"] == f"ID {theirs.plant_id} (ID {bob.user_id})"
    assert f"in the plant ID {mine.plant_id}." in by_me["explanation"]
    assert by_me["held_by"] == f"ID {mine.plant_id}"
    assert (by_them["tracked"], by_me["tracked"]) == (False, False)
    assert not cloud.calls.of(ADD)
    assert not entry.subentries

    # The account has a name once it is here, too; and what nobody has anymore is free.
    await add_account(hass, cloud, account_id=str(bob.user_id), name="bob")
    both = {"config_entry_id": entry.entry_id}
    data = {"plant_id": RESIDENT_PLANT, "dataloggers": [stick(OTHER, CODE)], **both}
    (told,) = (await act(hass, "bind_datalogger", **data))["results"]
    assert "of the account bob" in told["explanation"]
    assert told["held_by"] == f"ID {theirs.plant_id} (bob)"
    # So has the plant, once any account of the token was asked for its plants.
    await act(hass, "list_plants", **both)
    (told,) = (await act(hass, "bind_datalogger", **data))["results"]
    assert told["held_by"] == "Theirs (bob)"
    cloud.growatt.delete_datalogger(cloud.growatt.dataloggers[OTHER])
    found = await bind(hass, stick(OTHER, CODE), **both)
    assert found == {OTHER: result(OTHER, "accepted")}


async def test_already_in_this_very_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_datalogger(OTHER, check_code=CODE, plant_id=int(RESIDENT_PLANT), online=True)
    found = await bind(hass, stick(OTHER, CODE))
    assert found == {OTHER: result(OTHER, "associated")}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "code", "code": 10012},
        {"kind": "code", "code": 10011},
        {"kind": "code", "code": -31337},
        {"kind": "http_500"},
        {"kind": "garbage"},
        {"kind": "cut"},
    ],
    ids=lambda fault: str(fault.get("code", fault["kind"])),
)
async def test_a_check_that_cannot_be_made_stops_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, fault: dict[str, Any]
) -> None:
    cloud.faults.add(VALIDATE, **fault)
    found = await bind(hass, stick(STICK, CODE))
    assert found == {STICK: result(STICK, "accepted", check_code_checked=False)}
    # With the next one, the cloud can be asked again.
    cloud.growatt.add_datalogger(OTHER, check_code=CODE)
    found = await bind(hass, stick(OTHER, WRONG))
    assert found[OTHER]["reason"] == "check_code_wrong"


async def test_a_check_that_takes_too_long(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """All together take no longer than the action may."""
    for serial in (OTHER, THIRD):
        cloud.growatt.add_datalogger(serial, check_code=CODE)
    cloud.faults.add(VALIDATE, kind="hold")
    began = hass.loop.time()
    found = await bind(hass, stick(STICK, CODE), stick(OTHER, CODE), timeout=2)
    assert hass.loop.time() - began < 4
    cloud.faults.release()
    assert not any(result["check_code_checked"] for result in found.values())
    assert tracked(entry) == dict.fromkeys((STICK, OTHER), "datalogger")
    coordinator = entry.runtime_data.coordinator
    await until(lambda: all(binding.state == "accepted" for binding in coordinator.data.values()))
    assert (await bind(hass, stick(THIRD, CODE)))[THIRD]["check_code_checked"]


async def test_an_account_that_the_cloud_denies_keeps_them_for_later(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    token = cloud.growatt.tokens.pop(INSTALLER_TOKEN)
    await fails(hass, "list_plants", "invalid_token")
    cloud.calls.clear()
    found = await bind(hass, stick(STICK, CODE))
    waiting = {"pending": True, "reason": "not_signed_in", "check_code_checked": False}
    assert found == {STICK: result(STICK, "queued", **waiting)}
    assert not cloud.calls
    cloud.growatt.tokens[INSTALLER_TOKEN] = token
    form = await open_reauth(hass, entry)
    await submit(hass, form, token=INSTALLER_TOKEN)

    def accepted() -> bool:
        # The account is being reloaded.
        binding = entry.runtime_data.coordinator.data.get(STICK)
        return binding is not None and binding.state == "accepted"

    await until(accepted)


async def test_nothing_is_asked_of_what_cannot_be_added(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    data = {"plant_id": "Home", "dataloggers": [stick(STICK, CODE)]}
    await refused(hass, "bind_datalogger", "plant_not_found", **data)
    # Whose name that may be had to be asked.
    assert len(cloud.calls) == len(cloud.calls.of("plant/list")) == 1
    cloud.calls.clear()
    many = [stick(f"QMN{number:07}", CODE) for number in range(1001)]
    told = await refused(
        hass, "bind_datalogger", "serials_too_many", plant_id=RESIDENT_PLANT, dataloggers=many
    )
    assert told == {"count": "1001", "most": "1000"}
    found = await bind(hass, stick("x", CODE))
    assert found["x"]["state"] == "invalid"
    assert not cloud.calls
    assert not entry.subentries


async def test_those_that_cannot_be_stored(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    data = {"plant_id": RESIDENT_PLANT, "dataloggers": [stick(STICK, CODE)]}
    with full_disk():
        await fails(hass, "bind_datalogger", "not_stored", **data)
    assert not entry.subentries
    assert not cloud.calls.of(ADD)
    assert await bind(hass, stick(STICK, CODE)) == {STICK: result(STICK, "accepted")}


async def test_two_actions_at_once_add_each_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    first, second = await asyncio.gather(
        bind(hass, stick(STICK, CODE)), bind(hass, stick(STICK, CODE))
    )
    assert sorted((first[STICK]["state"], second[STICK]["state"])) == [
        "accepted",
        "already_tracked",
    ]
    assert len(cloud.calls.of(ADD)) == 1


async def test_an_account_taken_down_while_the_cloud_is_asked(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.faults.add(VALIDATE, kind="hold")
    task = hass.async_create_task(bind(hass, stick(STICK, CODE)))
    await cloud.faults.wait_held()
    assert await hass.config_entries.async_unload(entry.entry_id)
    cloud.faults.release()
    with pytest.raises(HomeAssistantError):
        await task
    assert not entry.subentries
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert await bind(hass, stick(STICK, CODE)) == {STICK: result(STICK, "accepted")}


async def test_a_check_code_is_told_nobody(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even by a cloud that repeats it; Home Assistant records what the caller wrote."""
    caplog.set_level(logging.DEBUG, "custom_components.growatt_onboarding")
    for fault in ({"kind": "code", "code": 10002}, {"kind": "code", "code": -31337}):
        cloud.faults.add(VALIDATE, **fault, msg=f"not {WRONG}")
        serial = (await bind(hass, stick(OTHER, WRONG)))[OTHER]
        assert WRONG not in repr(serial)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("custom_")]
    assert ours
    assert not any(WRONG in text for text in ours)


# check_association


async def test_a_datalogger_is_checked_like_an_inverter(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    await act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers="SIM0000001")
    await bind(hass, stick())
    cloud.growatt.bring_datalogger_online(STICK)
    devices = []
    for subentry in entry.subentries.values():
        assert subentry.unique_id is not None
        device = dr.async_get(hass).async_get_or_create(
            config_entry_id=entry.entry_id,
            config_subentry_id=subentry.subentry_id,
            identifiers={(DOMAIN, subentry.unique_id)},
        )
        devices.append(device.id)
    response = await act(hass, "check_association", device_id=devices)
    found = by_serial(response, "asked")
    assert {serial: told["state"] for serial, told in found.items()} == {
        "SIM0000001": "accepted",
        STICK: "associated",
    }
    assert all(told["asked"] for told in found.values())
    assert len(cloud.calls.of(LIST)) == 1
