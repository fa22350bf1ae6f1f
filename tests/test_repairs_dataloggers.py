"""Repairs of dataloggers, and of what was added as the other kind or lacks its datalogger."""

import asyncio
from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding import repairs
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.cloud.provider import Capability
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from simulator.growatt.model import Plant

from .common import full_disk
from .home import Home
from .prove.world import World

STICK, SN = "QMN0000001", "SIM0000001"
# A day is long, with a look every few minutes.
OVERDUE_AFTER = 7_200
OVERDUE, CONFLICT, REJECTED = f"overdue_{STICK}", f"conflict_{STICK}", f"rejected_{STICK}"

type Result = dict[str, Any]


@pytest.fixture
async def world(world: World) -> World:
    assert await async_setup_component(world.hass, "repairs", {})
    world.hass.data[DATA_TIMING] = Timing(overdue_after=OVERDUE_AFTER)
    return world


@pytest.fixture
def theirs(world: World) -> Plant:
    """Return the plant of somebody else."""
    stranger = world.simulator.growatt.add_user("stranger", "stranger@example.com")
    return world.simulator.growatt.add_plant(stranger.user_id, "Their roof")


async def add(home: Home, serial: str = STICK) -> None:
    """Have a datalogger be added."""
    await home.call(
        "bind_datalogger",
        config_entry_id=home.entry.entry_id,
        plant_id=home.plant_id,
        dataloggers={"serial_number": serial},
        timeout=0,
    )


async def becomes(home: Home, state: str, serial: str = STICK) -> None:
    """Wait until the cloud's answers made this of a device."""
    async with asyncio.timeout(7_200):
        # Nothing tells of every change.
        while serial not in home.coordinator.data or home.coordinator.data[serial].state != state:  # noqa: ASYNC110
            await asyncio.sleep(1)


def kinds(home: Home) -> dict[str | None, str]:
    return {sub.unique_id: sub.subentry_type for sub in home.entry.subentries.values()}


def texts_of(home: Home, name: str) -> str | None:
    """Return the key of a repair's texts."""
    issue = ir.async_get(home.hass).async_get_issue(DOMAIN, home.repair_id(name))
    assert issue is not None
    return issue.translation_key


def manager(home: Home) -> Any:
    found = repairs_flow_manager(home.hass)
    assert found is not None
    return found


async def open_repair(home: Home, name: str) -> Result:
    return await manager(home).async_init(DOMAIN, data={"issue_id": home.repair_id(name)})


async def answer(home: Home, result: Result, data: dict[str, Any] | None = None) -> Result:
    return await manager(home).async_configure(result["flow_id"], data)


async def choose(home: Home, name: str, option: str) -> Result:
    """Choose an option of a repair."""
    result = await open_repair(home, name)
    assert option in result["menu_options"]
    return await answer(home, result, {"next_step_id": option})


# Overdue


async def test_a_datalogger_that_is_listed_but_silent(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    await add(home)
    await asyncio.sleep(OVERDUE_AFTER - 60)
    assert not home.issues()
    await asyncio.sleep(120)
    assert texts_of(home, OVERDUE) == "datalogger_overdue"
    assert "has not reported there yet" in home.issues()[OVERDUE]["reason"]
    assert "2.4 GHz" in home.issues()[OVERDUE]["reason"]
    result = await choose(home, OVERDUE, "check_again")
    assert result["errors"] in ({"base": "still_there"}, {"base": "not_now"})
    home.growatt.bring_datalogger_online(STICK)
    await becomes(home, "associated")
    assert not home.issues()
    assert (await answer(home, result, {}))["type"] == "create_entry"


async def test_a_datalogger_that_is_not_listed(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    await add(home)
    await becomes(home, "accepted")
    home.growatt.delete_datalogger(home.growatt.dataloggers[STICK])
    await asyncio.sleep(OVERDUE_AFTER + 60)
    assert "does not list the datalogger" in home.issues()[OVERDUE]["reason"]
    assert (await choose(home, OVERDUE, "submit_again"))["type"] == "create_entry"
    assert not home.issues()
    home.growatt.bring_datalogger_online(STICK)
    await becomes(home, "associated")


async def test_words_follow_what_the_list_shows(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.faults.add("device/datalogger/list", kind="garbage", times=None)
    await add(home)
    await asyncio.sleep(OVERDUE_AFTER + 60)
    assert "does not list the datalogger" in home.issues()[OVERDUE]["reason"]
    home.faults.clear()
    await asyncio.sleep(7_200)
    assert "has not reported there yet" in home.issues()[OVERDUE]["reason"]


# Refused, and held elsewhere


async def test_a_datalogger_that_the_cloud_does_not_know(home: Home) -> None:
    await add(home)
    await becomes(home, "rejected")
    assert texts_of(home, REJECTED) == "datalogger_rejected"
    assert "serial number" in home.issues()[REJECTED]["reason"]
    result = await open_repair(home, REJECTED)
    assert result["menu_options"] == [
        "submit_again",
        "check_again",
        "choose_plant",
        "stop_tracking",
    ]
    home.growatt.add_datalogger(STICK)
    await asyncio.sleep(600)
    result = await choose(home, REJECTED, "submit_again")
    assert result["type"] == "create_entry"
    assert home.coordinator.data[STICK].state == "accepted"
    assert not home.issues()


async def test_a_datalogger_of_somebody_else(home: Home, theirs: Plant) -> None:
    stick = home.growatt.add_datalogger(STICK, plant_id=theirs.plant_id)
    await add(home)
    await becomes(home, "conflict")
    assert texts_of(home, CONFLICT) == "datalogger_conflict"
    assert home.issues()[CONFLICT]["reason"].startswith("The cloud has this device elsewhere")
    home.growatt.delete_datalogger(stick)
    await asyncio.sleep(600)
    assert (await choose(home, CONFLICT, "submit_again"))["type"] == "create_entry"
    assert not home.issues()


async def test_a_datalogger_that_is_not_tracked_anymore(home: Home) -> None:
    await add(home)
    await becomes(home, "rejected")
    result = await choose(home, REJECTED, "stop_tracking")
    assert (await answer(home, result, {}))["type"] == "create_entry"
    await asyncio.sleep(1)
    assert not home.issues()
    assert not home.entry.subentries


# Tracked as the other kind


async def wrongly_an_inverter(home: Home) -> str:
    """Have a datalogger be added as an inverter; return the id of its repair."""
    home.growatt.add_datalogger(STICK, devices=[SN])
    await home.add(STICK)
    await becomes(home, "rejected")
    assert "a datalogger (the stick), not of an inverter" in home.issues()[REJECTED]["reason"]
    return home.repair_id(REJECTED)


async def test_a_datalogger_among_the_inverters(home: Home) -> None:
    await wrongly_an_inverter(home)
    assert texts_of(home, REJECTED) == "rejected"
    result = await open_repair(home, REJECTED)
    assert result["menu_options"][0] == "as_datalogger"
    late = await open_repair(home, REJECTED)
    result = await answer(home, result, {"next_step_id": "as_datalogger"})
    assert result["type"] == "create_entry"
    assert home.coordinator.data[STICK].state == "accepted"
    assert kinds(home) == {STICK: "datalogger"}
    assert not home.issues()
    # Whoever has the dialog open still, changes nothing anymore.
    assert (await answer(home, late, {"next_step_id": "as_datalogger"}))["type"] == "create_entry"
    assert home.asked("device/datalogger/add") == 1
    home.growatt.bring_datalogger_online(STICK)
    await becomes(home, "associated", SN)
    assert kinds(home) == {STICK: "datalogger", SN: "inverter"}


async def test_a_datalogger_among_the_inverters_without_storage(home: Home) -> None:
    await wrongly_an_inverter(home)
    with full_disk():
        result = await choose(home, REJECTED, "as_datalogger")
        assert (result["step_id"], result["errors"]) == ("as_datalogger", {"base": "not_stored"})
    assert kinds(home) == {STICK: "inverter"}
    assert (await answer(home, result, {}))["type"] == "create_entry"
    assert kinds(home) == {STICK: "datalogger"}


async def test_what_is_refused_as_the_other_kind_too(home: Home) -> None:
    """That is another repair, as it is another device of Home Assistant."""
    before = await wrongly_an_inverter(home)
    home.faults.add("device/datalogger/add", kind="code", code=10004)
    result = await choose(home, REJECTED, "as_datalogger")
    assert (result["type"], result["reason"]) == ("abort", "refused_again")
    assert "plant" in result["description_placeholders"]["reason"]
    assert set(home.issues()) == {REJECTED}
    assert home.repair_id(REJECTED) != before
    assert texts_of(home, REJECTED) == "datalogger_rejected"
    await asyncio.sleep(600)
    assert (await choose(home, REJECTED, "submit_again"))["type"] == "create_entry"
    assert not home.issues()


async def test_what_was_ignored_goes_with_the_kind(home: Home) -> None:
    before = await wrongly_an_inverter(home)
    ir.async_ignore_issue(home.hass, DOMAIN, before, ignore=True)
    await home.coordinator.async_track_as(STICK, DeviceKind.DATALOGGER)
    await becomes(home, "accepted")
    assert ir.async_get(home.hass).async_get_issue(DOMAIN, before) is None


async def test_an_inverter_among_the_dataloggers(home: Home) -> None:
    home.add_devices([SN])
    await add(home, SN)
    await becomes(home, "rejected", SN)
    name = f"rejected_{SN}"
    assert texts_of(home, name) == "datalogger_rejected"
    result = await open_repair(home, name)
    assert result["menu_options"][0] == "as_inverter"
    result = await answer(home, result, {"next_step_id": "as_inverter"})
    assert result["type"] == "create_entry"
    assert kinds(home) == {SN: "inverter"}
    await home.shows("accepted", SN)
    assert not home.issues()


# Without its datalogger


async def without_datalogger(home: Home) -> str:
    """Have an inverter be refused because the cloud knows no datalogger of it."""
    home.add_devices([SN], datalogger_sn="")
    await home.add(SN)
    await home.shows("rejected", SN)
    name = f"rejected_{SN}"
    assert "Once it is associated" in home.issues()[name]["reason"]
    return name


async def test_an_inverter_without_its_datalogger(home: Home) -> None:
    name = await without_datalogger(home)
    result = await open_repair(home, name)
    assert result["menu_options"][0] == "add_datalogger"
    result = await answer(home, result, {"next_step_id": "add_datalogger"})
    assert (result["type"], result["reason"]) == ("abort", "add_datalogger")
    kind, flow_id = result["next_flow"]
    assert kind == "config_subentries_flow"
    # It asks for no plant: that is the inverter's.
    dialogs = home.hass.config_entries.subentries
    flow = dialogs.async_get(flow_id)
    assert flow["handler"] == (home.entry.entry_id, "datalogger")
    assert flow["step_id"] == "datalogger"
    assert name in home.issues()

    # Then everything goes on by itself.
    home.growatt.add_datalogger(STICK)
    home.growatt.devices[SN].datalogger_sn = STICK
    late = await open_repair(home, name)
    await dialogs.async_configure(flow_id, {"serial_number": STICK})
    assert home.coordinator.data[STICK].plant_id == home.plant_id
    home.growatt.bring_datalogger_online(STICK)
    await becomes(home, "associated")
    await becomes(home, "associated", SN)
    assert not home.issues()
    assert (await answer(home, late, {"next_step_id": "add_datalogger"}))["type"] == "create_entry"


async def test_a_number_that_is_both(home: Home) -> None:
    """What the cloud takes for an inverter, and knows no datalogger of, may be a datalogger."""
    name = await without_datalogger(home)
    home.growatt.add_datalogger(SN)
    result = await open_repair(home, name)
    assert result["menu_options"][:2] == ["add_datalogger", "as_datalogger"]
    assert (await answer(home, result, {"next_step_id": "as_datalogger"}))["type"] == "create_entry"
    assert kinds(home) == {SN: "datalogger"}
    await becomes(home, "accepted", SN)


async def test_what_an_associated_datalogger_does_not_bring(home: Home) -> None:
    home.growatt.add_datalogger(STICK)
    home.growatt.bring_datalogger_online(STICK)
    await add(home)
    await becomes(home, "associated")
    home.add_devices([SN], datalogger_sn="")
    await home.add(SN)
    await asyncio.sleep(7_200)
    await becomes(home, "rejected", SN)
    name = f"rejected_{SN}"
    assert "If it is connected to another datalogger" in home.issues()[name]["reason"]
    result = await open_repair(home, name)
    assert result["menu_options"][:3] == ["submit_again", "add_datalogger", "as_datalogger"]
    home.growatt.devices[SN].datalogger_sn = STICK
    result = await answer(home, result, {"next_step_id": "submit_again"})
    assert result["type"] == "create_entry"
    assert not home.issues()


async def test_a_dialog_that_has_nothing_to_ask(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account was signed out in this moment."""
    name = await without_datalogger(home)

    async def ended(*_: object, **__: object) -> Result:
        return {"type": FlowResultType.ABORT, "flow_id": "gone"}

    with monkeypatch.context() as patched:
        patched.setattr(repairs, "async_open_datalogger", ended)
        result = await choose(home, name, "add_datalogger")
    assert (result["type"], result["reason"]) == ("abort", "not_loaded")
    assert name in home.issues()


async def test_a_cloud_that_takes_no_dataloggers(home: Home) -> None:
    name = await without_datalogger(home)
    client = home.entry.runtime_data.client
    client.capabilities = client.capabilities - {Capability.DATALOGGER}
    result = await open_repair(home, name)
    assert result["menu_options"] == [
        "submit_again",
        "check_again",
        "choose_plant",
        "stop_tracking",
    ]
