"""How bindings live in Home Assistant, against the simulated cloud and on simulated time."""

import asyncio
from itertools import pairwise
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account import runner
from custom_components.growatt_onboarding.account.runner import Backoff
from custom_components.growatt_onboarding.binding.planner import Step, StepKind
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.errors import AccessDeniedError
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import Sighting, SightingPage
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway.store import NotStoredError
from simulator.growatt import INSTALLER_TOKEN
from tests.prove.world import World

ADD = "device/sn/add"
LIST = "device/list"
WATCH = "queryDeviceList"
HOLDER = "sn_plant"
PLANTS = "plant/list"
SN = "SIM0000001"
OTHER_SN = "SIM0000002"
DAY = 86_400


def accepted(world: World, serial: str = SN) -> int:
    """Return how often the cloud accepted a serial number."""
    binding = world.simulator.growatt.bindings.get(serial)
    return binding.accepted_count if binding is not None else 0


def reauths(entry: MockConfigEntry, hass: HomeAssistant) -> int:
    return len(list(entry.async_get_active_flows(hass, {SOURCE_REAUTH})))


# Restarts and crashes


async def test_pending_survives_a_restart(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    assert await world.bind(entry, plant_id, [SN], timeout=10) == {SN: "accepted"}
    await world.unload(entry)
    await world.set_up(entry)
    assert world.status(SN) == "accepted"
    assert world.pending(SN) == "on"

    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    assert world.pending(SN) == "off"
    assert world.asked(ADD) == 1


@pytest.mark.parametrize("in_plant", [True, False])
async def test_subentry_without_binding_is_looked_for_first(
    world: World,
    entry: MockConfigEntry,
    plant_id: str,
    hass_storage: dict[str, Any],
    *,
    in_plant: bool,
) -> None:
    state = "associated" if in_plant else "accepted"
    world.add_devices([SN], online=in_plant)
    await world.bind(entry, plant_id, [SN])
    await world.shows(state, SN)
    await world.unload(entry)
    hass_storage.clear()
    world.simulator.calls.clear()
    await world.set_up(entry)
    assert world.status(SN) == "unconfirmed"
    await world.shows(state, SN)
    assert world.simulator.calls[0].path.endswith(LIST)
    assert accepted(world) == 1


async def test_binding_without_subentry_gets_it_back(
    world: World, entry: MockConfigEntry, plant_id: str, hass_storage: dict[str, Any]
) -> None:
    """As after a crash within the second that Home Assistant takes to write a subentry."""
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN], timeout=3)
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]
    assert stored["subentry_stored"] == []
    await world.unload(entry)
    world.remove_inverter(entry, SN)
    await world.set_up(entry)
    assert world.status(SN) == "accepted"
    (subentry,) = entry.subentries.values()
    assert subentry.unique_id == SN
    assert dict(subentry.data) == {"serial_number": SN, "plant_id": plant_id}


async def test_inverter_removed_meanwhile_stays_removed(
    world: World, entry: MockConfigEntry, plant_id: str, hass_storage: dict[str, Any]
) -> None:
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(60)
    await world.unload(entry)
    world.remove_inverter(entry, SN)
    await world.set_up(entry)
    assert not entry.subentries
    assert world.status(SN) is None
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]
    assert (stored["bindings"], stored["subentry_stored"]) == ([], [])


async def test_binding_knows_best_which_plant_it_is(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """As after a crash between the binding's write and the subentry's."""
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(60)
    await world.unload(entry)
    (subentry,) = entry.subentries.values()
    world.hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "plant_id": "999"}
    )
    await world.set_up(entry)
    (subentry,) = entry.subentries.values()
    assert subentry.data["plant_id"] == plant_id


# Storage


async def test_nothing_is_sent_while_the_disk_is_full(
    world: World, entry: MockConfigEntry, plant_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.add_devices([SN, OTHER_SN])
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", disk_full)
        with pytest.raises(NotStoredError):
            await world.bind(entry, plant_id, [SN])
        assert not entry.subentries
        await asyncio.sleep(600)
        assert world.asked("*") == 0
    assert caplog.text.count("storage cannot be written") == 1
    assert await world.bind(entry, plant_id, [SN, OTHER_SN], timeout=10) == {
        SN: "accepted",
        OTHER_SN: "accepted",
    }


async def test_disk_is_full_before_the_next_request(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """A request that cannot be written down first does not leave, and is not forgotten."""
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, plant_id, [SN, OTHER_SN])
    await world.shows("accepted", SN)
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", disk_full)
        await asyncio.sleep(300)
        assert world.asked(ADD) == 1
        assert world.status(OTHER_SN) == "queued"
    await world.shows("accepted", OTHER_SN, seconds=120)


async def test_recovers_when_the_disk_is_full_on_the_way(
    world: World, entry: MockConfigEntry, plant_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What was accepted while it could not be written is not sent again."""
    world.add_devices([SN, OTHER_SN])
    world.simulator.faults.add(ADD, kind="hold")
    await world.bind(entry, plant_id, [SN, OTHER_SN])
    await world.simulator.faults.wait_held()
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", disk_full)
        world.simulator.faults.release()
        await world.shows("accepted", SN)
        await asyncio.sleep(300)
        assert world.status(OTHER_SN) == "queued"
        assert world.asked("*") == 1
    await world.shows("accepted", SN, OTHER_SN, seconds=120)
    assert world.asked(ADD) == 2
    assert "storage can be written again" in caplog.text


async def test_no_call_without_its_note_in_the_ledger(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """The bindings can be written, the ledger cannot."""
    world.add_devices([SN])
    write = Store._async_write_data

    async def ledger_fails(store: Store[Any], data: dict[str, Any]) -> None:
        if store.key == DOMAIN:
            raise WriteError
        await write(store, data)

    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", ledger_fails)
        await world.bind(entry, plant_id, [SN])
        await asyncio.sleep(3_600)
        assert world.asked("*") == 0
        assert world.status(SN) == "queued"
    await world.shows("accepted", SN)


async def test_nothing_is_sent_while_home_assistant_stops(
    world: World, entry: MockConfigEntry, plant_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, plant_id, [SN], timeout=10)
    asked = world.asked("*")
    world.hass.set_state(CoreState.stopping)
    with pytest.raises(NotStoredError):
        await world.bind(entry, plant_id, [OTHER_SN])
    await asyncio.sleep(600)
    assert world.asked("*") == asked
    assert "storage" not in caplog.text
    world.hass.set_state(CoreState.running)


async def test_looking_is_paused_while_the_ledger_cannot_be_written(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
    world.add_devices([SN], online_after=600)
    await world.bind(entry, plant_id, [SN])
    await world.shows("accepted", SN)
    asked = world.asked(LIST)
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", disk_full)
        await asyncio.sleep(3 * 3_600)
        assert world.asked(LIST) == asked
    await world.shows("associated", SN)


async def disk_full(_store: Store[Any], _data: dict[str, Any]) -> None:
    raise WriteError


# The cloud's answers to a submission


async def test_exists_already_and_is_ours(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN], plant_id=int(plant_id))
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    assert world.asked(ADD) == 1
    assert not world.issues()


async def test_exists_already_in_another_account(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    stranger = world.simulator.growatt.add_user("stranger", "stranger@example.com")
    theirs = world.simulator.growatt.add_plant(stranger.user_id, "Their roof")
    world.add_devices([SN], plant_id=theirs.plant_id)
    await world.bind(entry, plant_id, [SN])
    await world.shows("conflict", SN)
    assert world.pending(SN) == "off"
    reason = world.issues()[f"conflict_{SN}"]["reason"]
    assert f"in the plant Their roof of the account {stranger.user_id}." in reason


async def test_exists_already_and_the_cloud_does_not_say_where(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """`sn_plant` answers 10011 for a device out of the token's sight: no reason for reauth."""
    growatt = world.simulator.growatt
    stranger = growatt.add_user("stranger", "stranger@example.com", merchant="somebody else")
    world.add_devices([SN], plant_id=growatt.add_plant(stranger.user_id, "Hidden").plant_id)
    await world.bind(entry, plant_id, [SN])
    await world.shows("conflict", SN)
    reason = world.issues()[f"conflict_{SN}"]["reason"]
    assert reason.startswith("The inverter is in another plant or account.")
    assert not reauths(entry, world.hass)


@pytest.mark.parametrize("code", [10001, 10010])
async def test_cloud_fails_on_its_side(
    world: World, entry: MockConfigEntry, plant_id: str, code: int
) -> None:
    """It is tried again after growing pauses, and not for ever."""
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="code", code=code, times=None)
    await world.bind(entry, plant_id, [SN])
    await world.shows("rejected", SN, seconds=DAY)
    times = world.times(ADD)
    assert len(times) == 8
    pauses = [round(after - before) for before, after in pairwise(times)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3_600
    assert f"rejected_{SN}" in world.issues()


async def test_cloud_fails_and_recovers(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="code", code=10010, times=3)
    await world.bind(entry, plant_id, [SN])
    await world.shows("accepted", SN)
    assert accepted(world) == 1


@pytest.mark.parametrize("code", [10002, 10004, 10005, 10006, 10007, 10099])
async def test_refused_for_good(
    world: World, entry: MockConfigEntry, plant_id: str, code: int
) -> None:
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="code", code=code, msg="no such thing")
    await world.bind(entry, plant_id, [SN])
    await world.shows("rejected", SN)
    reason = world.issues()[f"rejected_{SN}"]["reason"]
    assert "{" not in reason
    assert code != 10099 or reason == "10099: no such thing"
    await asyncio.sleep(DAY)
    assert world.asked(ADD) == 1


async def test_serial_number_of_a_datalogger(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    stick = f"QMN000{SN}"
    await world.bind(entry, plant_id, [stick])
    await world.shows("rejected", stick)
    assert "datalogger" in world.issues()[f"rejected_{stick}"]["reason"]


async def test_refused_and_the_reason_cannot_be_asked(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.simulator.faults.add("device/check/sn", kind="firewall")
    await world.bind(entry, plant_id, [SN])
    await world.shows("rejected", SN)
    assert "does not accept the serial number" in world.issues()[f"rejected_{SN}"]["reason"]


@pytest.mark.parametrize("kind", ["cut", "cut_after", "cut_body", "hang_after", "oversized"])
async def test_lost_answer_is_settled_by_looking_first(
    world: World, entry: MockConfigEntry, plant_id: str, kind: str
) -> None:
    world.add_devices([SN], online=True)
    world.simulator.faults.add(ADD, kind=kind)
    assert await world.bind(entry, plant_id, [SN], timeout=30) == {SN: "unconfirmed"}
    await world.shows("associated", SN)
    assert world.simulator.calls[1].path.endswith(LIST)
    assert accepted(world) == 1


@pytest.mark.parametrize("repeated_exists", [True, False])
async def test_lost_answer_for_a_device_that_is_offline(
    world: World, entry: MockConfigEntry, plant_id: str, *, repeated_exists: bool
) -> None:
    world.simulator.growatt.repeated_exists = repeated_exists
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="cut_after")
    await world.bind(entry, plant_id, [SN])
    await world.shows("accepted", SN)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)


@pytest.mark.parametrize("kind", ["firewall", "forbidden"])
async def test_firewall_refuses_a_submission(
    world: World, entry: MockConfigEntry, plant_id: str, kind: str
) -> None:
    """It never reached the cloud: it is sent again without a look."""
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind=kind)
    assert await world.bind(entry, plant_id, [SN], timeout=10) == {SN: "queued"}
    await world.shows("accepted", SN)
    assert world.asked("*") == 2


async def test_too_often_is_no_answer_to_a_submission(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="code", code=10012)
    assert await world.bind(entry, plant_id, [SN], timeout=10) == {SN: "queued"}
    await world.shows("accepted", SN)
    first, second = world.times(ADD)
    assert second - first >= 300


# Changes while a request is under way


async def test_inverter_removed_while_its_request_is_under_way(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="hold")
    await world.bind(entry, plant_id, [SN])
    await world.simulator.faults.wait_held()
    world.remove_inverter(entry, SN)
    world.simulator.faults.release()
    await asyncio.sleep(DAY)
    assert world.status(SN) is None
    assert not entry.subentries
    assert world.asked("*") == 1


async def test_wanted_elsewhere_while_its_request_is_under_way(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """The answer to the first request says nothing about the second."""
    other = world.add_plant(entry, "Other")
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="hold")
    await world.bind(entry, plant_id, [SN])
    await world.simulator.faults.wait_held()
    await entry.runtime_data.coordinator.async_submit_again(SN, other)
    world.simulator.faults.release()
    await world.shows("accepted", SN)
    assert world.asked(ADD) == 2
    assert world.simulator.growatt.bindings[SN].plant_id == int(other)
    (subentry,) = entry.subentries.values()
    assert subentry.data["plant_id"] == other


async def test_unload_waits_for_the_answer(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    world.simulator.faults.add(ADD, kind="hold")
    await world.bind(entry, plant_id, [SN])
    await world.simulator.faults.wait_held()
    unloading = asyncio.create_task(world.unload(entry))
    await asyncio.sleep(1)
    world.simulator.faults.release()
    await unloading
    await world.set_up(entry)
    assert world.status(SN) == "accepted"


async def test_unload_does_not_wait_for_ever(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """A request that outlives the wait is unconfirmed, which is settled after the start."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    world.add_devices([SN])
    with pytest.MonkeyPatch.context() as stuck:
        stuck.setattr(GrowattClient, "bind", never)
        await world.bind(entry, plant_id, [SN])
        await asyncio.sleep(1)
        await world.unload(entry)
    await world.set_up(entry)
    assert world.status(SN) == "unconfirmed"
    await world.shows("accepted", SN)


async def test_nobody_waits_for_an_account_that_is_taken_down(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    async with entry.runtime_data.gateway.background_lock:
        action = asyncio.create_task(world.bind(entry, plant_id, [SN], timeout=100))
        await asyncio.sleep(1)
        assert not action.done()
        await world.unload(entry)
        await asyncio.sleep(1)
        assert action.done()
    assert await action == {SN: "queued"}


async def test_dialog_closed_while_inverters_are_written_down(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    write = Store._async_write_data

    async def slowly(store: Store[Any], data: dict[str, Any]) -> None:
        await asyncio.sleep(2)
        await write(store, data)

    world.add_devices([SN])
    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(Store, "_async_write_data", slowly)
        dialog = asyncio.create_task(entry.runtime_data.coordinator.async_track([SN], plant_id))
        await asyncio.sleep(1)
        dialog.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialog
        assert not entry.subentries
        await world.shows("accepted", SN)
    assert len(entry.subentries) == 1


async def test_same_inverter_added_twice_at_once(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN])
    track = entry.runtime_data.coordinator.async_track
    await asyncio.gather(track([SN, SN], plant_id), track([SN], plant_id))
    await world.shows("accepted", SN)
    await asyncio.sleep(600)
    assert world.asked(ADD) == 1
    assert len(entry.subentries) == 1


async def test_submitting_again_that_cannot_be_stored_changes_nothing(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    await world.bind(entry, plant_id, [SN])
    await world.shows("rejected", SN)
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", disk_full)
        with pytest.raises(NotStoredError):
            await entry.runtime_data.coordinator.async_submit_again(SN)
    await asyncio.sleep(600)
    assert world.status(SN) == "rejected"
    assert world.asked(ADD) == 1


async def test_a_fault_of_our_own_is_not_the_end(
    world: World,
    entry: MockConfigEntry,
    plant_id: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.add_devices([SN])
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(GrowattClient, "bind", None)
        await world.bind(entry, plant_id, [SN])
        await asyncio.sleep(30)
    assert "failed unexpectedly" in caplog.text
    await world.shows("associated" if accepted(world) else "accepted", SN)


# Looking


async def test_a_listener_that_fails_keeps_nobody_from_anything(
    world: World, entry: MockConfigEntry, plant_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("told")

    stop = entry.runtime_data.coordinator.async_add_listener(fail)
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    assert "a listener failed" in caplog.text
    stop()
    caplog.clear()
    assert await world.check([SN], timeout=10) == {SN: "associated"}
    assert "a listener failed" not in caplog.text


async def test_nothing_is_asked_when_nothing_is_pending(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    asked = world.asked("*")
    await world.reload(entry)
    await asyncio.sleep(2 * DAY)
    assert world.asked("*") == asked


@pytest.mark.parametrize(("age", "pause"), [(0, 30), (2_000, 300), (DAY, 1_800), (7 * DAY, 21_600)])
async def test_watched_less_and_less_often(
    world: World, entry: MockConfigEntry, plant_id: str, age: float, pause: float
) -> None:
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN], timeout=10)
    await world.unload(entry)
    await asyncio.sleep(age)
    await world.set_up(entry)
    await asyncio.sleep(1)
    world.simulator.calls.clear()
    await asyncio.sleep(3.5 * pause)
    assert {round(after - before) for before, after in pairwise(world.times(WATCH))} == {pause}
    assert (f"overdue_{SN}" in world.issues()) is (age >= DAY)


async def test_without_v4_the_plants_list_alone_is_asked(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
    world.add_devices([SN], online_after=3_600)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    assert world.asked(WATCH) == 1
    assert not reauths(entry, world.hass)
    assert all(after - before >= 300 for before, after in pairwise(world.times(LIST)))


async def test_v4_is_asked_again_a_day_after_it_was_denied(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    token = world.simulator.growatt.tokens[INSTALLER_TOKEN]
    token.may_v4 = False
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(600)
    token.may_v4 = True
    await asyncio.sleep(3_600)
    assert world.asked(WATCH) == 1
    await world.unload(entry)
    await asyncio.sleep(DAY - 3_600)
    await world.set_up(entry)
    await asyncio.sleep(3_600)
    assert world.asked(WATCH) > 1


async def test_watched_device_is_confirmed_at_once_while_the_list_cools_down(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """v4 shows it; `device/list` was just asked, so `sn_plant` is."""
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, plant_id, [SN, OTHER_SN], timeout=10)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    world.simulator.growatt.bring_online(OTHER_SN)
    assert await world.shows("associated", OTHER_SN) < 60
    assert (world.asked(LIST), world.asked(HOLDER)) == (1, 1)


async def test_one_list_for_many_inverters(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """Two hundred and more inverters of a plant are 3 pages, and the last one is seen too."""
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
    serials = [f"SIM{number:07}" for number in range(203)]
    world.add_devices(serials, online=True)
    await world.bind(entry, plant_id, serials)
    await world.shows("associated", *serials)
    assert [call.params["page"] for call in world.simulator.calls.of(LIST)][-3:] == ["1", "2", "3"]
    assert world.asked(LIST) <= 6
    assert accepted(world, serials[-1]) == 1


async def test_watch_is_read_to_its_end(world: World, entry: MockConfigEntry) -> None:
    serials = [f"SIM{number:07}" for number in range(120)]
    world.add_devices(serials, plant_id=int(world.add_plant(entry, "Crowded")))
    plant_id = world.add_plant(entry, "Listed after it")
    world.add_devices([SN + "X"])
    await world.bind(entry, plant_id, [SN + "X"], timeout=10)
    world.simulator.growatt.bring_online(SN + "X")
    assert await world.shows("associated", SN + "X") < 60
    assert {call.params["page"] for call in world.simulator.calls.of(WATCH)} == {"1", "2"}


async def test_list_that_breaks_off_is_begun_anew(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    serials = [f"SIM{number:07}" for number in range(150)]
    world.add_devices(serials, plant_id=int(plant_id))
    world.simulator.faults.add(LIST, kind="garbage", match={"page": "2"})
    world.simulator.faults.add(WATCH, kind="garbage", match={"page": "2"})
    await world.bind(entry, plant_id, serials[:1])
    world.add_devices(["SIM1000000"])
    await world.bind(entry, plant_id, ["SIM1000000"])
    await world.shows("associated", serials[0])
    await world.shows("accepted", "SIM1000000")
    assert accepted(world, "SIM1000000") == 1


async def test_list_without_an_end_is_not_read_for_ever(
    world: World, entry: MockConfigEntry, plant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a cloud does not turn pages, and says that there are more."""
    asked = []

    async def endless(_: GrowattClient, plant_id: str, page: int) -> SightingPage:
        asked.append(page)
        return SightingPage((Sighting(serial=OTHER_SN),), more=True)

    monkeypatch.setattr(GrowattClient, "sightings", endless)
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(DAY)
    assert world.status(SN) == "accepted"
    assert set(asked) == {1, 2}

    monkeypatch.undo()
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)


async def test_lost_and_found(world: World, entry: MockConfigEntry, plant_id: str) -> None:
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    world.simulator.growatt.remove_from_plant(SN)
    await asyncio.sleep(DAY)
    assert world.status(SN) == "associated"

    assert await world.check([SN], timeout=10) == {SN: "lost"}
    assert world.pending(SN) == "off"
    world.simulator.growatt.move(SN, int(plant_id))
    await asyncio.sleep(600)
    assert await world.check([SN], timeout=10) == {SN: "associated"}


async def test_departure_is_seen_when_another_inverter_is_looked_for(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    world.simulator.growatt.remove_from_plant(SN)
    world.add_devices([OTHER_SN], online_after=600)
    await world.bind(entry, plant_id, [OTHER_SN])
    await world.shows("associated", OTHER_SN)
    await world.shows("lost", SN)


async def test_check_waits_for_the_limits(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """The action does not wait for what cannot come; the check is made all the same."""
    world.add_devices([SN], online=True)
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    world.simulator.growatt.remove_from_plant(SN)
    await asyncio.sleep(1)
    began = world.clock.passed
    assert await world.check([SN], timeout=60) == {SN: "associated"}
    assert world.clock.passed - began < 60
    assert await world.shows("lost", SN) < 310


async def test_check_of_a_conflict_asks_who_holds_it(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    other = world.add_plant(entry, "Other")
    world.add_devices([SN], plant_id=int(other))
    await world.bind(entry, plant_id, [SN])
    await world.shows("conflict", SN)
    world.simulator.growatt.remove_from_plant(SN)
    await asyncio.sleep(600)
    await world.check([SN])
    await world.shows("accepted", SN)
    assert not world.issues()


async def test_plant_does_not_exist_any_more(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, plant_id, [SN, OTHER_SN], timeout=10)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    await asyncio.sleep(600)
    world.simulator.growatt.delete_plant(int(plant_id))
    await world.shows("rejected", OTHER_SN)
    await world.shows("lost", SN)


@pytest.mark.parametrize("path", [LIST, WATCH, HOLDER])
@pytest.mark.parametrize("code", [10001, 10013, 10014, 10099])
async def test_a_look_that_fails_is_tried_again_later(
    world: World, entry: MockConfigEntry, plant_id: str, path: str, code: int
) -> None:
    stranger = world.simulator.growatt.add_user("stranger", "stranger@example.com")
    theirs = world.simulator.growatt.add_plant(stranger.user_id, "Their roof")
    world.add_devices([SN], plant_id=theirs.plant_id)
    world.add_devices([OTHER_SN], online_after=600)
    world.simulator.faults.add(path, kind="code", code=code, times=2)
    await world.bind(entry, plant_id, [SN, OTHER_SN])
    await world.shows("conflict", SN)
    await world.shows("associated", OTHER_SN)


async def test_pauses_are_forgotten_in_the_end(world: World) -> None:
    pauses, step = Backoff(Timing()), Step(kind=StepKind.LOCATE, serial=SN)
    pauses.add(step)
    pauses.add(step)
    assert pauses.until(step) - world.simulator.now() == 120
    await asyncio.sleep(DAY)
    pauses.add(Step(kind=StepKind.LOCATE, serial=OTHER_SN))
    assert pauses.until(step) == 0
    pauses.add(step)
    assert pauses.until(step) - world.simulator.now() == 60


async def test_a_clock_set_back_ends_a_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses, step = Backoff(Timing()), Step(kind=StepKind.LOCATE, serial=SN)
    pauses.add(step)
    monkeypatch.setattr(runner, "now", lambda: world.simulator.now() - DAY)
    assert pauses.until(step) == 0


# Gateway


async def test_bad_token_starts_reauth_once(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, plant_id, [SN], timeout=10)
    del world.simulator.growatt.tokens[INSTALLER_TOKEN]
    await world.clock.until(lambda: reauths(entry, world.hass))
    asked = world.asked("*")
    await world.bind(entry, plant_id, [OTHER_SN])
    with pytest.raises(ServiceValidationError) as caught:
        await world.check([SN], timeout=10)
    assert caught.value.translation_key == "not_signed_in"
    await asyncio.sleep(DAY)
    assert world.asked("*") == asked
    assert reauths(entry, world.hass) == 1
    assert world.status(SN) == "accepted"


async def test_access_that_ends_meanwhile_starts_reauth(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """As of a provider whose sign-ins end."""

    async def signed_out(*_: object) -> None:
        raise AccessDeniedError

    world.add_devices([SN])
    with pytest.MonkeyPatch.context() as context:
        context.setattr(GrowattClient, "watch", signed_out)
        await world.bind(entry, plant_id, [SN])
        await world.clock.until(lambda: reauths(entry, world.hass))
    assert entry.runtime_data.coordinator.next_check(SN) is None


async def test_token_that_may_not_bind_is_no_bad_token(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_bind = False
    serials = [f"SIM000000{number}" for number in range(5)]
    world.add_devices(serials)
    await world.bind(entry, plant_id, serials)
    await world.shows("rejected", *serials, seconds=60)
    assert not reauths(entry, world.hass)
    assert world.asked(PLANTS) == 1
    assert "not allowed to add inverters" in world.issues()[f"rejected_{serials[0]}"]["reason"]


async def test_token_that_may_not_read_devices_is_no_bad_token(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    token = world.simulator.growatt.tokens[INSTALLER_TOKEN]
    token.endpoints_denied, token.may_v4 = frozenset({LIST}), False
    world.add_devices([SN], online_after=60)
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(DAY)
    assert not reauths(entry, world.hass)
    assert world.status(SN) == "accepted"
    assert world.asked(PLANTS) <= 5
    token.endpoints_denied = frozenset()
    await world.check([SN], timeout=10)
    await world.shows("associated", SN)


async def test_whose_fault_it_is_cannot_be_told(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """10011 while the daily budget of the call that would tell is used up."""
    for _ in range(10):
        await world.call("list_plants", config_entry_id=entry.entry_id)
        await asyncio.sleep(304)
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_bind = False
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(3_600)
    assert world.status(SN) == "queued"
    assert world.asked(PLANTS) == 10
    await world.shows("rejected", SN, seconds=DAY)


async def test_account_whose_id_is_not_known_asks_nothing(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.hass.config_entries.async_update_entry(entry, data={**entry.data, "account_id": None})
    await world.clock.until(lambda: entry.state is ConfigEntryState.LOADED)
    world.add_devices([SN])
    await entry.runtime_data.coordinator.async_track([SN], plant_id)
    await asyncio.sleep(DAY)
    assert world.asked("*") == 0


async def test_ten_accounts_on_one_token(world: World) -> None:
    """One watch serves all, and everybody's devices are found by it."""
    serials = [f"SIM000000{number}" for number in range(10)]
    world.add_devices(serials)
    for serial in serials:
        account = await world.add_account()
        await world.bind(account, world.add_plant(account), [serial])
    await asyncio.sleep(600)
    assert len(world.times(WATCH)) <= 600 / 30 + 2
    for serial in serials:
        world.simulator.growatt.bring_online(serial)
    assert await world.shows("associated", *serials) < 120
    assert not world.simulator.growatt.limits.violations


# Removal


async def test_removing_an_inverter_removes_only_that(
    world: World, entry: MockConfigEntry, plant_id: str, hass_storage: dict[str, Any]
) -> None:
    world.add_devices([OTHER_SN])
    await world.bind(entry, plant_id, [SN, OTHER_SN])
    await world.shows("rejected", SN)
    await world.shows("accepted", OTHER_SN)
    world.remove_inverter(entry, SN)
    await world.clock.until(lambda: f"rejected_{SN}" not in world.issues(), 10)
    assert entry.runtime_data.coordinator.next_check(SN) is None
    devices = dr.async_entries_for_config_entry(dr.async_get(world.hass), entry.entry_id)
    assert {device.serial_number for device in devices} == {None, OTHER_SN}
    entities = er.async_entries_for_config_entry(er.async_get(world.hass), entry.entry_id)
    assert not [entity for entity in entities if SN in entity.unique_id]
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]
    assert [binding["serial"] for binding in stored["bindings"]] == [OTHER_SN]
    assert world.status(OTHER_SN) == "accepted"


async def test_removing_an_account_removes_only_that(
    world: World, entry: MockConfigEntry, plant_id: str, hass_storage: dict[str, Any]
) -> None:
    other = await world.add_account()
    await world.bind(entry, plant_id, [SN])
    await world.bind(other, world.add_plant(other), [OTHER_SN])
    await world.shows("rejected", SN, OTHER_SN)
    await world.hass.config_entries.async_remove(entry.entry_id)
    assert set(world.issues()) == {f"rejected_{OTHER_SN}"}
    assert f"{DOMAIN}.{entry.entry_id}" not in hass_storage
    assert f"{DOMAIN}.{other.entry_id}" in hass_storage
    assert not dr.async_entries_for_config_entry(dr.async_get(world.hass), entry.entry_id)
    assert world.status(OTHER_SN) == "rejected"
    # The limits are the token's, not the account's.
    assert hass_storage[DOMAIN]["data"]["ledgers"]


async def test_a_plant_without_inverters_is_not_read_on(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.simulator.growatt.tokens[INSTALLER_TOKEN].may_v4 = False
    world.add_devices([f"SIM{number:07}" for number in range(150)], plant_id=int(plant_id))
    world.simulator.faults.add(LIST, kind="code", code=10012, match={"page": "2"})
    world.add_devices(["SIM1000000"])
    await world.bind(entry, plant_id, ["SIM1000000"], timeout=3)
    await world.clock.until(lambda: world.asked(LIST) == 2)
    world.remove_inverter(entry, "SIM1000000")
    await asyncio.sleep(DAY)
    assert world.asked(LIST) == 2
