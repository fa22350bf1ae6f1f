"""What the cloud refuses of what need not be kept, within the cloud's limits."""

import asyncio
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.reports import OF_ALL

from .common import by_serial, until
from .home import Home
from .restart import Restarts

GOOD, WRONG, STICK = "GOOD000001", "UNKNOWN001", "QMN0000001"
HELD = [f"HELD{number:06}" for number in range(5)]
BIND = "device/sn/add"
HOUR = 3_600
RECORDS = f"{DOMAIN}.records"
ENTRIES = "core.config_entries"


class Heard:
    """What is told of devices while a test runs."""

    def __init__(self, home: Home) -> None:
        self.batches = async_capture_events(home.hass, f"{DOMAIN}_first_answers")
        self.raised = async_capture_events(home.hass, ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED)
        self.reports: list[tuple[str, str, str | None]] = []
        async_dispatcher_connect(home.hass, OF_ALL, self._hear)

    @callback
    def _hear(self, report: Any) -> None:
        told = report.attributes()
        self.reports.append((told["serial_number"], report.event_type, told.get("reason")))

    def repairs(self) -> list[str]:
        """Return the repairs that were raised, also those that are gone again."""
        changes = [event.data for event in self.raised if event.data["domain"] == DOMAIN]
        return [change["issue_id"] for change in changes if change["action"] == "create"]


async def bind(home: Home, *serials: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Bind inverters that are not to be kept if they are refused; return the results."""
    data = {"plant_id": home.plant_id, "serial_numbers": [*serials], "keep_refused": False, **more}
    response = await home.call("bind_device", config_entry_id=home.entry.entry_id, **data)
    return by_serial(response, "tracked_state", "repeated")


async def hold(home: Home, serials: Iterable[str]) -> None:
    """Have another account hold these."""
    home.add_devices(serials, plant_id=int(home.add_plant(await home.add_account(), "Theirs")))


def tracked(home: Home) -> set[str | None]:
    """Return what the account has, with all that belongs to a device."""
    serials = {subentry.unique_id for subentry in home.entry.subentries.values()}
    assert serials == home.coordinator.data.keys()
    entities = er.async_entries_for_config_entry(er.async_get(home.hass), home.entry.entry_id)
    ids = {entity.config_subentry_id for entity in entities} - {None}
    assert ids <= home.entry.subentries.keys()
    return serials


async def test_one_after_the_other(home: Home) -> None:
    """Who holds a device is often known only after the action has answered."""
    heard = Heard(home)
    await hold(home, HELD[:3])
    for serial in HELD[:3]:
        await bind(home, serial)
    await asyncio.sleep(HOUR)
    assert not tracked(home)
    assert not heard.repairs()
    assert heard.reports == [(serial, "conflict", "held_by_account") for serial in HELD[:3]]
    assert [event.data["states"] for event in heard.batches] == [
        {"conflict": [serial]} for serial in HELD[:3]
    ]


async def test_many_at_once(home: Home) -> None:
    heard = Heard(home)
    good = home.add_devices(f"SIM{number:07}" for number in range(44))
    home.growatt.add_datalogger(STICK)
    await hold(home, HELD)
    found = await bind(home, *good, *HELD, STICK, WRONG)
    assert (found[WRONG]["state"], found[WRONG]["reason"]) == ("rejected", "serial_rejected")
    assert (found[WRONG]["tracked"], found[WRONG]["next_check"]) == (False, None)
    assert (found[HELD[0]]["state"], found[HELD[0]]["tracked"]) == ("conflict", False)
    assert found[HELD[0]]["held_by"] == "Theirs (user-3)"
    assert "Theirs" in found[HELD[0]]["explanation"]
    await asyncio.sleep(HOUR)
    assert tracked(home) == set(good)
    assert not heard.repairs()
    (event,) = heard.batches
    states = {state: set(serials) for state, serials in event.data["states"].items()}
    assert states == {
        "accepted": set(good),
        "conflict": set(HELD),
        "rejected": {STICK, WRONG},
    }


async def test_many_are_told_while_they_are_there(home: Home, hass_storage: dict[str, Any]) -> None:
    """Those that a crash has left are all refused at once."""
    serials = [f"SIM{number:07}" for number in range(12)]
    home.faults.add(BIND, kind="code", code=10010, times=None)
    await bind(home, *serials, timeout=0)
    await home.shows("queued", *serials)
    await home.unload(home.entry)
    stored = hass_storage[f"{DOMAIN}.{home.entry.entry_id}"]["data"]
    stored["bindings"] = [{**refusal(home), "serial": serial} for serial in serials]
    told: dict[str, bool] = {}

    @callback
    def hear(report: Any) -> None:
        told[report.binding.serial] = report.binding.serial in tracked(home)

    async_dispatcher_connect(home.hass, OF_ALL, hear)
    await home.set_up(home.entry)
    await home.hass.async_block_till_done()
    assert told == dict.fromkeys(serials, True)
    assert not tracked(home)


async def test_longer_than_an_action_waits(home: Home) -> None:
    heard = Heard(home)
    good = home.add_devices(f"SIM{number:07}" for number in range(310))
    wrong = [f"UNKNOWN{number:03}" for number in range(20)]
    found = await bind(home, *good, *wrong)
    assert found[wrong[-1]]["tracked"]
    await asyncio.sleep(600)
    assert tracked(home) == set(good)
    assert not heard.repairs()
    assert {serial for serial, state, _ in heard.reports if state == "rejected"} == set(wrong)


async def test_what_the_cloud_fails_to_take(home: Home) -> None:
    """It is submitted a few times, for two hours, and only then refused for good."""
    heard = Heard(home)
    home.add_devices([GOOD])
    home.faults.add(BIND, kind="code", code=10010, times=None)
    assert (await bind(home, GOOD))[GOOD]["tracked"]
    await asyncio.sleep(HOUR)
    assert tracked(home) == {GOOD}
    await asyncio.sleep(4 * HOUR)
    assert not tracked(home)
    assert not heard.repairs()
    assert [report[:2] for report in heard.reports] == [(GOOD, "rejected")]


async def test_the_script_that_waits_is_canceled(home: Home) -> None:
    heard = Heard(home)
    home.faults.add(BIND, kind="hold")
    task = home.hass.async_create_task(bind(home, WRONG))
    await home.faults.wait_held()
    task.cancel()
    home.faults.release()
    await asyncio.sleep(60)
    assert not tracked(home)
    assert not heard.repairs()
    (event,) = heard.batches
    assert event.data["states"] == {"rejected": [WRONG]}


async def test_the_account_is_reloaded_meanwhile(home: Home) -> None:
    heard = Heard(home)
    await hold(home, HELD[:2])
    await bind(home, *HELD[:2], WRONG, timeout=0)
    await home.shows("unconfirmed", *HELD[:2])
    await home.reload(home.entry)
    await asyncio.sleep(HOUR)
    assert not tracked(home)
    assert not heard.repairs()
    (event,) = heard.batches
    assert event.data["states"] == {"conflict": HELD[:2], "rejected": [WRONG]}
    assert len(heard.reports) == 3


async def test_what_was_accepted_stays(home: Home) -> None:
    """And what somebody has submitted again meanwhile."""
    home.add_devices([GOOD])
    await bind(home, GOOD)
    await home.shows("accepted", GOOD)
    other = home.add_plant(await home.add_account(), "Theirs")
    home.growatt.remove_from_plant(GOOD)
    home.growatt.devices[GOOD].plant_id = int(other)
    home.growatt.bring_online(GOOD)
    await home.shows("conflict", GOOD)
    assert tracked(home) == {GOOD}

    home.faults.add(BIND, kind="code", code=10010)
    await bind(home, WRONG)
    await home.call("submit_again", serial_numbers=WRONG)
    await home.shows("rejected", WRONG)
    await home.hass.async_block_till_done()
    assert tracked(home) == {GOOD, WRONG}
    assert f"rejected_{WRONG}" in home.issues()


@pytest.mark.parametrize("retried", [False, True])
async def test_what_is_refused_only_for_now_stays(home: Home, *, retried: bool) -> None:
    """An inverter whose datalogger the cloud does not know: it follows once that is associated."""
    if retried:
        home.growatt.add_datalogger(STICK)
        await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
        home.growatt.bring_datalogger_online(STICK)
        await home.shows("associated", STICK)
    device = home.growatt.add_device(GOOD, datalogger_sn="")
    found = await bind(home, GOOD)
    reason = "datalogger_unlinked" if retried else "datalogger_missing"
    assert (found[GOOD]["reason"], found[GOOD]["tracked"]) == (reason, True)
    assert "again" in found[GOOD]["explanation"]
    await asyncio.sleep(4 * HOUR)
    assert home.status(GOOD) == "rejected"

    stick = f"{STICK[:-1]}2"
    home.growatt.add_datalogger(stick)
    await home.bind_dataloggers(home.entry, home.plant_id, [stick])
    device.datalogger_sn = stick
    home.growatt.bring_datalogger_online(stick)
    await home.shows("associated", GOOD, seconds=6 * HOUR)
    assert not home.issues()


async def test_what_was_refused_for_now_may_be_refused_for_good(home: Home) -> None:
    home.growatt.add_device(GOOD, datalogger_sn="")
    await bind(home, GOOD)
    assert tracked(home) == {GOOD}
    del home.growatt.devices[GOOD]
    home.growatt.add_datalogger(STICK)
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", STICK)
    await asyncio.sleep(HOUR)
    assert tracked(home) == {STICK}
    assert not home.issues()


async def test_a_datalogger_brings_it_later(home: Home) -> None:
    """Nobody has removed it."""
    await bind(home, WRONG)
    assert not tracked(home)
    home.growatt.add_datalogger(STICK, devices=[WRONG])
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    home.growatt.bring_datalogger_online(STICK)
    await home.shows("associated", STICK)
    await home.shows("associated", WRONG, seconds=6 * HOUR)


async def test_it_can_be_added_again(home: Home) -> None:
    await bind(home, WRONG)
    home.add_devices([WRONG])
    # The cloud takes the same request once in five minutes.
    await asyncio.sleep(310)
    assert (await bind(home, WRONG))[WRONG]["state"] == "accepted"


async def test_a_datalogger(home: Home) -> None:
    data = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
    stick = {"serial_number": WRONG}
    response = await home.call("bind_datalogger", **data, dataloggers=stick, keep_refused=False)
    (told,) = response["results"]
    assert (told["state"], told["tracked"]) == ("rejected", False)
    assert not tracked(home)


# Crashes


@pytest.mark.parametrize(
    "lost",
    [(), (ENTRIES,), (ENTRIES, RECORDS), ("bindings",), ("bindings", ENTRIES, RECORDS)],
    ids=["nothing", "list", "list and records", "bindings", "all"],
)
async def test_after_a_crash_nothing_is_left(
    home: Home, restart: Restarts, hass_storage: dict[str, Any], lost: tuple[str, ...]
) -> None:
    """Whatever of the removal had reached the disk."""
    bindings = f"{DOMAIN}.{home.entry.entry_id}"
    home.faults.add(BIND, kind="hold")
    await bind(home, WRONG, timeout=0)
    await home.faults.wait_held()
    # Home Assistant writes its entries after a second.
    await asyncio.sleep(5)
    names = [bindings if name == "bindings" else name for name in lost]
    older = {
        name: deepcopy(restart.entries() if name == ENTRIES else hass_storage[name])
        for name in names
    }
    home.faults.release()
    await home.hass.async_block_till_done()
    await until(lambda: not tracked(home))
    if "bindings" not in lost and RECORDS in lost:
        # What had reached the disk before the subentry was removed.
        stored = deepcopy(hass_storage[bindings])
        stored["data"]["bindings"] = [refusal(home)]
        older[bindings] = stored
    if not lost:
        await asyncio.sleep(5)
    await restart(home, **older)
    heard = Heard(home)
    await asyncio.sleep(HOUR)
    assert not tracked(home)
    assert not home.issues()
    assert not heard.repairs()


def refusal(home: Home) -> dict[str, Any]:
    """Return how the refusal of the wrong number is stored."""
    return {
        "serial": WRONG,
        "plant_id": home.plant_id,
        "queued_at": 0,
        "state": "rejected",
        "reason": "serial_rejected",
        "keep_refused": False,
    }


async def test_a_refusal_that_a_crash_left_is_told(
    home: Home, restart: Restarts, hass_storage: dict[str, Any]
) -> None:
    """Nothing else would tell it: there is no repair."""
    home.faults.add(BIND, kind="hold")
    await bind(home, WRONG, timeout=0)
    await home.faults.wait_held()
    await asyncio.sleep(5)
    bindings = f"{DOMAIN}.{home.entry.entry_id}"
    stored = deepcopy(hass_storage[bindings])
    stored["data"]["bindings"] = [refusal(home)]
    older = {bindings: stored, ENTRIES: restart.entries(), RECORDS: hass_storage[RECORDS]}
    await restart(home, **deepcopy(older))
    unique_id = f"{home.entry.entry_id}_device_association"
    event = er.async_get(home.hass).async_get_entity_id("event", DOMAIN, unique_id)
    state = home.hass.states.get(event or "")
    assert state is not None
    told = {name: state.attributes[name] for name in ("event_type", "serial_number", "reason")}
    assert told == {
        "event_type": "rejected",
        "serial_number": WRONG,
        "reason": "serial_rejected",
    }
    assert not tracked(home)
    home.faults.release()
