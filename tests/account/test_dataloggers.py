"""Dataloggers against the simulated cloud: from the label to the inverters that they bring."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from custom_components.growatt_onboarding.account.records import async_get_records
from custom_components.growatt_onboarding.binding.timing import SUBMIT_TRIES
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.const import SUBENTRY_DATALOGGER, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.flows.datalogger import async_open_datalogger
from tests.home import Home

STICK, OTHER_STICK = "QMN0000001", "QMN0000002"
SN, OTHER_SN = "SIM0000001", "SIM0000002"
ADD, LIST = "device/datalogger/add", "device/datalogger/list"
VALIDATE = "device/datalogger/validate"
DEVICES, INVERTER_ADD = "device/list", "device/sn/add"
HOUR, DAY = 3_600, 86_400


async def add_stick(home: Home, serial: str = STICK) -> None:
    await home.bind_dataloggers(home.entry, home.plant_id, [serial])


def kinds(home: Home) -> dict[str | None, str]:
    """Return the types of the account's subentries by serial number."""
    return {sub.unique_id: sub.subentry_type for sub in home.entry.subentries.values()}


def state(home: Home, serial: str = STICK) -> str:
    return home.coordinator.data[serial].state.value


async def reaches(home: Home, wanted: str, serial: str = STICK, seconds: float = DAY) -> None:
    """Wait until a binding is in a state."""

    def reached() -> bool:
        known = home.coordinator.data
        return serial in known and state(home, serial) == wanted

    await home.clock.until(reached, seconds)


async def test_a_stick_brings_its_inverter(home: Home) -> None:
    home.growatt.add_datalogger(STICK, devices=[SN])
    await add_stick(home)
    await reaches(home, "accepted")
    await asyncio.sleep(HOUR)
    binding = home.coordinator.data[STICK]
    assert (binding.state.value, binding.silent) == ("accepted", True)
    assert home.asked(DEVICES) == 0
    home.growatt.bring_datalogger_online(STICK, devices_after=600)
    await reaches(home, "associated", seconds=400)
    assert state(home) == "associated"
    await reaches(home, "associated", SN, seconds=1_200)
    assert kinds(home) == {STICK: SUBENTRY_DATALOGGER, SN: SUBENTRY_INVERTER}
    inverter = home.coordinator.data[SN]
    assert (inverter.datalogger, inverter.sent_at) == (STICK, None)
    # Nothing was sent for it, and nothing more is asked.
    assert home.asked(INVERTER_ADD) == 0
    await asyncio.sleep(HOUR)
    asked = home.asked("*")
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked


async def test_a_second_hand_stick_is_not_taken_for_online(home: Home) -> None:
    home.growatt.add_datalogger(STICK, last_report=home.simulator.now() - 30 * DAY)
    await add_stick(home)
    await reaches(home, "accepted")
    await asyncio.sleep(HOUR)
    binding = home.coordinator.data[STICK]
    assert (binding.state.value, binding.silent) == ("accepted", True)
    assert binding.last_report is not None
    home.growatt.bring_datalogger_online(STICK)
    await reaches(home, "associated", seconds=400)
    # Its reports count, also while it is offline at the moment of the look.
    home.growatt.add_datalogger(OTHER_STICK)
    await add_stick(home, OTHER_STICK)
    await reaches(home, "accepted", OTHER_STICK)
    home.growatt.bring_datalogger_online(OTHER_STICK)
    home.growatt.take_datalogger_offline(OTHER_STICK)
    await reaches(home, "associated", OTHER_STICK, seconds=400)


@pytest.mark.parametrize("clocks", ["cloud ahead", "wall set back", "wall set back before"])
async def test_an_old_report_stays_old_whatever_the_clocks_show(home: Home, clocks: str) -> None:
    if clocks == "wall set back before":
        home.clock.set_wall(-2 * HOUR)
    ahead = 3 * HOUR if clocks == "cloud ahead" else 0
    home.growatt.add_datalogger(STICK, last_report=home.simulator.now() - HOUR + ahead)
    await add_stick(home)
    await reaches(home, "accepted")
    if clocks == "wall set back":
        home.clock.set_wall(-2 * HOUR)
    await asyncio.sleep(3 * HOUR)
    await home.restart(crash=True)
    await asyncio.sleep(3 * HOUR)
    binding = home.coordinator.data[STICK]
    assert (binding.state.value, binding.silent) == ("accepted", True)
    # One that came since counts, also while it is offline at the moment of the look.
    home.growatt.dataloggers[STICK].last_report = home.simulator.now() + ahead
    await reaches(home, "associated", seconds=400)


async def test_what_a_stick_brings_is_looked_for_for_a_day(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated")
    await asyncio.sleep(HOUR)
    # At the most once in five minutes.
    assert 10 <= home.asked(DEVICES) <= 12
    await asyncio.sleep(DAY)
    asked = home.asked("*")
    home.growatt.add_device(SN, datalogger_sn=STICK, online=True)
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked
    assert SN not in home.coordinator.data
    # Later a person asks for it.
    home.coordinator.async_check([STICK])
    await reaches(home, "associated", SN, seconds=600)
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked + 2


async def test_only_inverters_are_brought(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    for serial, kind in (("MTR0000001", "meter"), ("BST0000001", "groboost"), (SN, "sph")):
        home.growatt.add_device(serial, datalogger_sn=STICK, kind=kind)
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated", SN)
    assert home.coordinator.data.keys() == {STICK, SN}


async def test_an_inverter_that_somebody_removed_stays_out_until_it_is_typed(home: Home) -> None:
    home.growatt.add_datalogger(STICK, devices=[SN])
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated", SN)
    home.remove_inverter(home.entry, SN)
    await home.hass.async_block_till_done()
    for _ in range(2):
        home.coordinator.async_check([STICK])
        await asyncio.sleep(HOUR)
        assert home.coordinator.data.keys() == {STICK}
        await home.restart(crash=True)
    await home.add(SN)
    await reaches(home, "associated", SN)
    home.remove_inverter(home.entry, SN)
    await home.hass.async_block_till_done()
    home.coordinator.async_check([STICK])
    await asyncio.sleep(HOUR)
    assert home.coordinator.data.keys() == {STICK}


async def test_an_inverter_of_another_account_stays_there(home: Home) -> None:
    other = await home.add_account()
    # Whatever has become of it there.
    await home.bind(other, home.add_plant(other), [SN])
    await home.shows("rejected", SN)
    home.growatt.add_datalogger(STICK, devices=[SN])
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated")
    await asyncio.sleep(HOUR)
    assert home.coordinator.data.keys() == {STICK}
    assert home.coordinator.data[STICK].brought_at is not None


async def test_a_serial_number_that_is_none_is_not_brought(home: Home) -> None:
    home.growatt.add_datalogger(STICK, devices=["**x**", SN])
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated", SN)
    assert home.coordinator.data.keys() == {STICK, SN}


async def test_one_that_was_there_before_is_associated_at_once(home: Home) -> None:
    home.growatt.add_datalogger(STICK, plant_id=int(home.plant_id), devices=[SN])
    await add_stick(home)
    await reaches(home, "associated", seconds=400)
    assert home.asked(ADD) == 1


async def test_one_that_somebody_else_holds_is_a_conflict(home: Home) -> None:
    other = await home.add_account()
    elsewhere = int(home.add_plant(other))
    home.growatt.add_datalogger(STICK, plant_id=elsewhere)
    await add_stick(home)
    await reaches(home, "conflict", seconds=400)
    binding = home.coordinator.data[STICK]
    assert (binding.holder_plant, binding.holder_owner) == (None, None)
    # Once they have let it go, a person submits it again.
    home.growatt.delete_datalogger(home.growatt.dataloggers[STICK])
    await home.coordinator.async_submit_again(STICK)
    await reaches(home, "accepted", seconds=400)


async def test_one_that_leaves_its_plant_is_lost_after_two_lists(home: Home) -> None:
    home.growatt.add_datalogger(STICK, devices=[SN])
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated", SN)
    home.growatt.delete_datalogger(home.growatt.dataloggers[STICK])
    looks = home.asked(LIST)
    home.coordinator.async_check([STICK])
    await reaches(home, "lost", seconds=HOUR)
    assert home.asked(LIST) == looks + 2


async def test_a_lost_answer_is_settled_by_the_list(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.faults.add(ADD, kind="cut_after")
    await add_stick(home)
    await reaches(home, "unconfirmed")
    await reaches(home, "accepted", seconds=HOUR)
    assert home.asked(ADD) == 1
    home.growatt.add_datalogger(OTHER_STICK)
    home.faults.add(ADD, kind="cut")
    await add_stick(home, OTHER_STICK)
    await reaches(home, "accepted", OTHER_STICK, seconds=2 * HOUR)
    assert Counter(call.params["sn"] for call in home.simulator.calls.of(ADD)) == {
        STICK: 1,
        OTHER_STICK: 2,
    }


async def test_inverters_that_lacked_it_are_sent_again_once(home: Home) -> None:
    home.growatt.add_device(SN, datalogger_sn="")
    await home.add(SN)
    await reaches(home, "rejected", SN)
    assert home.coordinator.data[SN].reason == "datalogger_missing"
    home.growatt.add_datalogger(STICK)
    await add_stick(home)
    await reaches(home, "accepted")
    await asyncio.sleep(HOUR)
    assert home.asked(INVERTER_ADD) == 1
    home.growatt.bring_datalogger_online(STICK)
    await reaches(home, "associated")
    await reaches(home, "queued", SN)
    # The cloud still knows none for it, so it is not sent for ever.
    await asyncio.sleep(DAY)
    assert home.asked(INVERTER_ADD) == 1 + SUBMIT_TRIES
    assert state(home, SN) == "rejected"


async def test_the_cloud_learns_late_what_is_behind_an_associated_stick(home: Home) -> None:
    home.growatt.add_datalogger(STICK, devices=[OTHER_SN])
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated", OTHER_SN)
    device = home.growatt.add_device(SN, datalogger_sn="")
    await home.add(SN)
    await asyncio.sleep(60)
    binding = home.coordinator.data[SN]
    assert (binding.state, binding.reason) == ("queued", "datalogger_unlinked")
    await asyncio.sleep(HOUR)
    assert 2 <= home.asked(INVERTER_ADD) <= 6
    device.datalogger_sn = STICK
    await reaches(home, "accepted", SN, seconds=2 * HOUR)
    assert not [call for call in home.simulator.calls if call.code in ("10012", "102")]


async def test_another_stick_frees_what_the_first_did_not(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated")
    home.growatt.add_datalogger(OTHER_STICK)
    device = home.growatt.add_device(SN, datalogger_sn="")
    await home.add(SN)
    await reaches(home, "rejected", SN, seconds=4 * HOUR)
    assert home.coordinator.data[SN].reason == "datalogger_unlinked"
    assert home.asked(INVERTER_ADD) == SUBMIT_TRIES
    await asyncio.sleep(DAY)
    assert home.asked(INVERTER_ADD) == SUBMIT_TRIES
    # It has a datalogger of its own, and that is known late too.
    await add_stick(home, OTHER_STICK)
    home.growatt.bring_datalogger_online(OTHER_STICK)
    await reaches(home, "queued", SN, seconds=2 * HOUR)
    device.datalogger_sn = OTHER_STICK
    await reaches(home, "accepted", SN, seconds=2 * HOUR)


@pytest.mark.parametrize("reading", ["parameters", "endpoint"])
async def test_sticks_and_inverters_keep_the_limits(home: Home, reading: Any) -> None:
    home.growatt.limits.reading = reading
    for number in range(4):
        home.growatt.add_datalogger(f"QMN000000{number}", devices=[f"SIM000000{number}"])
        await add_stick(home, f"QMN000000{number}")
    home.add_devices(["SIM0000008", "SIM0000009"])
    await home.add("SIM0000008", "SIM0000009")
    await asyncio.sleep(HOUR)
    before = Counter(call.path for call in home.simulator.calls)
    await asyncio.sleep(HOUR)
    asked = Counter(call.path for call in home.simulator.calls) - before
    lists = {path: count for path, count in asked.items() if path.endswith("list")}
    assert sum(lists.values()) <= 24
    assert all(count <= 12 for count in lists.values())
    for number in range(4):
        home.growatt.bring_datalogger_online(f"QMN000000{number}", devices_after=1_000)
    for number in range(4):
        await reaches(home, "associated", f"SIM000000{number}", seconds=2 * HOUR)
    assert not [call for call in home.simulator.calls if call.code in ("10012", "102")]


async def test_a_stick_that_was_taken_for_an_inverter_is_one_after_all(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    await home.add(STICK)
    await reaches(home, "rejected")
    assert home.coordinator.data[STICK].reason == "datalogger_serial"
    await home.coordinator.async_track_as(STICK, DeviceKind.DATALOGGER)
    assert kinds(home) == {STICK: SUBENTRY_DATALOGGER}
    await home.restart(crash=True)
    await reaches(home, "accepted", seconds=HOUR)
    assert kinds(home) == {STICK: SUBENTRY_DATALOGGER}
    # The other way round, once the crash allows the question.
    await asyncio.sleep(HOUR)
    home.add_devices([SN])
    await add_stick(home, SN)
    await reaches(home, "rejected", SN)
    assert home.coordinator.data[SN].reason == "inverter_serial"
    await home.coordinator.async_track_as(SN, DeviceKind.INVERTER)
    await reaches(home, "accepted", SN, seconds=HOUR)
    assert kinds(home)[SN] == SUBENTRY_INVERTER


async def test_a_crash_between_the_two_kinds_loses_nothing(home: Home) -> None:
    """The binding is on disk as the new kind, and Home Assistant's list is still the old one."""
    home.growatt.add_datalogger(STICK)
    await home.add(STICK)
    await reaches(home, "rejected")
    (before,) = home.entry.subentries.values()
    await home.coordinator.async_track_as(STICK, DeviceKind.DATALOGGER)
    records = await async_get_records(home.hass)
    async with home.down(crash=True):
        with records.replacing(STICK):
            for subentry_id in list(home.entry.subentries):
                home.hass.config_entries.async_remove_subentry(home.entry, subentry_id)
        home.hass.config_entries.async_add_subentry(home.entry, before)
    await reaches(home, "accepted", seconds=HOUR)
    assert kinds(home) == {STICK: SUBENTRY_DATALOGGER}


async def test_a_plant_that_is_gone_ends_everything(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated")
    home.growatt.delete_plant(int(home.plant_id))
    began = home.asked("*")
    await asyncio.sleep(HOUR)
    assert home.asked("*") - began <= 24
    home.coordinator.async_check([STICK])
    await reaches(home, "lost", seconds=2 * HOUR)


async def test_a_check_of_a_stick_survives_what_fails_elsewhere(home: Home) -> None:
    """Its own list is read although the inverters' list, which is wanted next, cannot be."""
    home.growatt.add_datalogger(STICK, devices=[SN])
    home.growatt.bring_datalogger_online(STICK)
    await add_stick(home)
    await reaches(home, "associated", SN)
    await asyncio.sleep(HOUR)
    home.coordinator.async_check([STICK])
    await asyncio.sleep(10)
    looks, looks_behind = home.asked(LIST), home.asked(DEVICES)
    home.faults.add(LIST, kind="code", code=10012)
    home.faults.add(DEVICES, kind="code", code=10001)
    home.coordinator.async_check([STICK, SN])
    await asyncio.sleep(2 * HOUR)
    assert home.asked(LIST) == looks + 2
    # What it brings is looked for after that, and by then that works again.
    assert home.asked(DEVICES) == looks_behind + 2


async def test_a_stick_that_is_refused_like_an_inverter_without_one_is_told(home: Home) -> None:
    """Nobody knows what the cloud answers to a stick's number; this too would be true."""
    home.growatt.add_datalogger(STICK)
    home.faults.add(INVERTER_ADD, kind="code", code=10007)
    await home.add(STICK)
    await reaches(home, "rejected")
    assert home.coordinator.data[STICK].reason == "datalogger_serial"
    await home.coordinator.async_track_as(STICK, DeviceKind.DATALOGGER)
    await reaches(home, "accepted")
    # An inverter that lacks its stick stays one.
    home.growatt.add_device(SN, datalogger_sn="")
    await home.add(SN)
    await reaches(home, "rejected", SN)
    assert home.coordinator.data[SN].reason == "datalogger_missing"


async def test_a_label_that_was_refused_stays_so_while_nobody_can_be_asked(home: Home) -> None:
    home.growatt.add_datalogger(STICK, check_code="5A1MC")
    wrong = {"serial_number": STICK, "check_code": "WR0NG"}

    async def bind(**label: str) -> Any:
        answer = await home.call(
            "bind_datalogger", plant_id=home.plant_id, dataloggers=[label], timeout=30
        )
        return answer["results"][0]

    result = await bind(**wrong)
    assert (result["state"], result["reason"]) == ("invalid", "check_code_wrong")
    home.faults.add(VALIDATE, kind="code", code=10012, times=None)
    result = await bind(**wrong)
    assert (result["state"], result["reason"]) == ("invalid", "check_code_wrong")
    # So it is in the dialog, after a moment as well as later.
    dialogs = home.hass.config_entries.subentries
    form = await async_open_datalogger(home.hass, home.entry, plant_id=home.plant_id)
    for pause in (0, HOUR):
        await asyncio.sleep(pause)
        form = await dialogs.async_configure(form["flow_id"], wrong)
        assert form["errors"] == {"check_code": "check_code_wrong"}
    assert home.asked(ADD) == 0
    # Another code is nothing that the cloud refused.
    result = await bind(serial_number=STICK, check_code="5A1MC")
    assert (result["state"], result["check_code_checked"]) == ("accepted", False)


async def test_one_that_was_refused_and_is_listed_still_has_to_report(home: Home) -> None:
    """A request that failed may have had its effect, or a person added it with the vendor's app."""
    home.growatt.add_datalogger(STICK)
    home.faults.add(ADD, kind="code", code=10011)
    await add_stick(home)
    await reaches(home, "rejected")
    home.growatt.accept_datalogger(
        home.growatt.dataloggers[STICK], home.growatt.plants[int(home.plant_id)]
    )
    home.coordinator.async_check([STICK])
    await asyncio.sleep(HOUR)
    binding = home.coordinator.data[STICK]
    assert (binding.state.value, binding.silent) == ("accepted", True)
    home.growatt.bring_datalogger_online(STICK)
    await reaches(home, "associated", seconds=400)
    assert home.asked(ADD) == 1
