"""Repairs: when they are there, what can be done about them, and that they go by themselves."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.provider import Capability
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from simulator import Simulator
from simulator.growatt.model import Plant

from .prove.timelapse import Timelapse
from .prove.world import World

SN = "SIM0000001"
# A day is long, with a look every few minutes.
OVERDUE_AFTER = 7_200

type Result = dict[str, Any]


@pytest.fixture
async def world(hass: HomeAssistant, simulator: Simulator) -> AsyncGenerator[World]:
    assert await async_setup_component(hass, "repairs", {})
    hass.data[DATA_TIMING] = Timing(overdue_after=OVERDUE_AFTER)
    with Timelapse() as clock:
        yield World(hass, simulator, clock)


@pytest.fixture
def theirs(world: World) -> Plant:
    """Return the plant of somebody else."""
    stranger = world.simulator.growatt.add_user("stranger", "stranger@example.com")
    return world.simulator.growatt.add_plant(stranger.user_id, "Their roof")


async def open_repair(world: World, problem: str) -> Result:
    """Open the dialog of the inverter's repair."""
    manager = repairs_flow_manager(world.hass)
    assert manager is not None
    return await manager.async_init(DOMAIN, data={"issue_id": world.repair_id(f"{problem}_{SN}")})


async def answer(world: World, result: Result, data: dict[str, Any] | None = None) -> Result:
    """Fill in what a repair's dialog shows."""
    manager = repairs_flow_manager(world.hass)
    assert manager is not None
    return await manager.async_configure(result["flow_id"], data)


async def choose(world: World, result: Result, way: str) -> Result:
    """Choose a way in the menu."""
    assert result["type"] == "menu"
    return await answer(world, result, {"next_step_id": way})


async def conflict(world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant) -> None:
    """Have the inverter turn out to be bound elsewhere."""
    world.add_devices([SN], plant_id=theirs.plant_id)
    await world.bind(entry, plant_id, [SN])
    await world.shows("conflict", SN)
    await asyncio.sleep(600)


async def overdue(world: World, entry: MockConfigEntry, plant_id: str) -> None:
    """Have the inverter stay away for too long."""
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await asyncio.sleep(OVERDUE_AFTER - 60)
    assert not world.issues()
    await asyncio.sleep(120)
    assert f"overdue_{SN}" in world.issues()


# Overdue


async def test_overdue_goes_away_by_itself(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    await overdue(world, entry, plant_id)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    assert not world.issues()


async def test_overdue_check_again(world: World, entry: MockConfigEntry, plant_id: str) -> None:
    """A check that still finds the cause keeps the form open with the reason."""
    await overdue(world, entry, plant_id)
    await asyncio.sleep(600)
    result = await open_repair(world, "overdue")
    assert result["menu_options"] == ["check_again", "submit_again", "stop_tracking"]
    result = await choose(world, result, "check_again")
    assert (result["type"], result["errors"]) == ("form", {"base": "still_there"})
    assert f"overdue_{SN}" in world.issues()

    result = await answer(world, result, {})
    assert result["errors"] == {"base": "not_now"}
    assert int(result["description_placeholders"]["minutes"]) in range(1, 7)

    world.simulator.faults.add(kind="cut", times=None)
    await asyncio.sleep(600)
    result = await answer(world, result, {})
    assert result["errors"] == {"base": "cannot_connect"}

    world.simulator.faults.clear()
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    result = await answer(world, result, {})
    assert result["type"] == "create_entry"
    assert not world.issues()


async def test_overdue_submit_again(world: World, entry: MockConfigEntry, plant_id: str) -> None:
    await overdue(world, entry, plant_id)
    result = await choose(world, await open_repair(world, "overdue"), "submit_again")
    assert result["type"] == "create_entry"
    assert not world.issues()
    await world.shows("accepted", SN)
    assert world.asked("device/sn/add") == 2
    assert world.simulator.growatt.bindings[SN].accepted_count == 1
    await asyncio.sleep(OVERDUE_AFTER + 60)
    assert f"overdue_{SN}" in world.issues()


async def test_submit_again_without_storage(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    async def full(_store: Store[Any], _data: dict[str, Any]) -> None:
        raise WriteError

    await overdue(world, entry, plant_id)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(Store, "_async_write_data", full)
        result = await choose(world, await open_repair(world, "overdue"), "submit_again")
        assert result["errors"] == {"base": "not_stored"}
    assert f"overdue_{SN}" in world.issues()
    assert (await answer(world, result, {}))["type"] == "create_entry"


async def test_stop_tracking(world: World, entry: MockConfigEntry, plant_id: str) -> None:
    await overdue(world, entry, plant_id)
    result = await choose(world, await open_repair(world, "overdue"), "stop_tracking")
    assert (result["type"], result["step_id"]) == ("form", "stop_tracking")
    assert entry.subentries
    result = await answer(world, result, {})
    assert result["type"] == "create_entry"
    assert not entry.subentries
    await asyncio.sleep(1)
    assert not world.issues()
    # At the cloud everything stays as it is.
    assert world.simulator.growatt.bindings[SN].plant_id == int(plant_id)


# Conflict


async def test_conflict_goes_away_when_checked(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await conflict(world, entry, plant_id, theirs)
    result = await choose(world, await open_repair(world, "conflict"), "check_again")
    assert result["errors"] == {"base": "still_there"}
    await asyncio.sleep(600)
    world.simulator.growatt.move(SN, int(plant_id))
    assert (await answer(world, result, {}))["type"] == "create_entry"
    assert not world.issues()
    assert world.status(SN) == "associated"


async def test_conflict_tells_who_has_the_inverter(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await conflict(world, entry, plant_id, theirs)
    reason = f"The inverter is in the plant Their roof of the account {theirs.user_id}."
    assert world.issues()[f"conflict_{SN}"]["reason"].startswith(reason)


async def test_conflict_calls_an_account_that_is_known_by_its_name(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await world.add_account(theirs.user_id)
    await conflict(world, entry, plant_id, theirs)
    reason = "The inverter is in the plant Their roof of the account stranger."
    assert world.issues()[f"conflict_{SN}"]["reason"].startswith(reason)


async def test_conflict_is_another_plant_of_ours(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    mine = world.simulator.growatt.add_plant(int(entry.data["account_id"]), "Garage")
    await conflict(world, entry, plant_id, mine)
    reason = "The inverter is in the plant Garage. If that plant is yours, submit"
    assert world.issues()[f"conflict_{SN}"]["reason"].startswith(reason)
    result = await open_repair(world, "conflict")
    assert "choose_plant" in result["menu_options"]
    result = await choose(world, result, "choose_plant")
    ((marker, field),) = result["data_schema"].schema.items()
    assert {option["label"] for option in field.config["options"]} == {"Home", "Garage"}
    assert marker.default() == str(mine.plant_id)
    result = await answer(world, result, {"plant_id": str(mine.plant_id)})
    await world.shows("associated", SN)
    assert not world.issues()
    (subentry,) = entry.subentries.values()
    assert subentry.data["plant_id"] == str(mine.plant_id)


async def test_another_plant_without_storage(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """The plant that was chosen is not forgotten when sending is tried again."""

    async def full(_store: Store[Any], _data: dict[str, Any]) -> None:
        raise WriteError

    mine = world.simulator.growatt.add_plant(int(entry.data["account_id"]), "Garage")
    await conflict(world, entry, plant_id, mine)
    result = await choose(world, await open_repair(world, "conflict"), "choose_plant")
    with pytest.MonkeyPatch.context() as context:
        context.setattr(Store, "_async_write_data", full)
        result = await answer(world, result, {"plant_id": str(mine.plant_id)})
        assert result["errors"] == {"base": "not_stored"}
    assert (await answer(world, result, {}))["type"] == "create_entry"
    await world.shows("associated", SN)
    (subentry,) = entry.subentries.values()
    assert subentry.data["plant_id"] == str(mine.plant_id)


async def test_plants_cannot_be_listed(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await conflict(world, entry, plant_id, theirs)
    world.simulator.faults.add("plant/list", kind="firewall")
    result = await choose(world, await open_repair(world, "conflict"), "choose_plant")
    assert (result["type"], result["reason"]) == ("abort", "plants_unknown")
    assert "firewall" in result["description_placeholders"]["problem"]
    assert f"conflict_{SN}" in world.issues()


async def test_an_account_without_a_plant_has_none_to_choose(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await conflict(world, entry, plant_id, theirs)
    plant = world.simulator.growatt.plants.pop(int(plant_id))
    result = await choose(world, await open_repair(world, "conflict"), "choose_plant")
    assert (result["type"], result["reason"]) == ("abort", "no_plants")
    assert result["description_placeholders"]["account"] == entry.title
    await asyncio.sleep(600)
    world.simulator.growatt.plants[plant.plant_id] = plant
    result = await choose(world, await open_repair(world, "conflict"), "choose_plant")
    assert result["step_id"] == "choose_plant"


async def test_where_there_are_no_plants_none_can_be_chosen(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await conflict(world, entry, plant_id, theirs)
    client = entry.runtime_data.client
    client.capabilities = client.capabilities - {Capability.PLANTS}
    result = await open_repair(world, "conflict")
    assert result["menu_options"] == ["check_again", "submit_again", "stop_tracking"]


# Rejected


async def test_rejected_submit_again(world: World, entry: MockConfigEntry, plant_id: str) -> None:
    await world.bind(entry, plant_id, [SN])
    await world.shows("rejected", SN)
    await asyncio.sleep(600)
    result = await choose(world, await open_repair(world, "rejected"), "submit_again")
    assert result["errors"] == {"base": "still_there"}
    assert "serial number" in result["description_placeholders"]["reason"]
    world.add_devices([SN])
    await asyncio.sleep(600)
    assert (await answer(world, result, {}))["type"] == "create_entry"
    assert world.status(SN) == "accepted"
    assert not world.issues()


async def test_another_reason_is_another_text(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    await world.bind(entry, plant_id, [SN])
    await world.shows("rejected", SN)
    first = world.issues()[f"rejected_{SN}"]["reason"]
    world.simulator.faults.add("device/sn/add", kind="code", code=10005)
    await asyncio.sleep(600)
    await entry.runtime_data.coordinator.async_submit_again(SN)
    await world.shows("rejected", SN)
    assert world.issues()[f"rejected_{SN}"]["reason"] != first


# When it is too late


async def test_repair_whose_cause_is_gone(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """The dialog was open while the inverter appeared or was removed."""
    await overdue(world, entry, plant_id)
    result = await open_repair(world, "overdue")
    late = await open_repair(world, "overdue")
    world.remove_inverter(entry, SN)
    assert (await choose(world, result, "submit_again"))["type"] == "create_entry"
    assert (await choose(world, late, "check_again"))["type"] == "create_entry"


async def test_plant_chosen_too_late(
    world: World, entry: MockConfigEntry, plant_id: str, theirs: Plant
) -> None:
    await conflict(world, entry, plant_id, theirs)
    result = await open_repair(world, "conflict")
    world.simulator.growatt.move(SN, int(plant_id))
    await world.check([SN])
    await world.shows("associated", SN)
    result = await choose(world, result, "choose_plant")
    assert result["type"] == "create_entry"


async def test_repair_opened_in_the_moment_its_cause_goes(
    world: World, entry: MockConfigEntry, plant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await overdue(world, entry, plant_id)
    # What the front end still shows while the removal is on its way.
    monkeypatch.setattr(entry.runtime_data.coordinator, "async_update_listeners", lambda: None)
    issue_id = world.repair_id(f"overdue_{SN}")
    world.remove_inverter(entry, SN)
    manager = repairs_flow_manager(world.hass)
    assert manager is not None
    result: Any = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    assert result["type"] == "create_entry"


@pytest.mark.parametrize("way", ["check_again", "submit_again", "stop_tracking"])
async def test_repair_of_an_account_that_is_taken_down(
    world: World, entry: MockConfigEntry, plant_id: str, way: str
) -> None:
    await overdue(world, entry, plant_id)
    result = await open_repair(world, "overdue")
    await world.unload(entry)
    assert not world.issues()
    result = await choose(world, result, way)
    assert (result["type"], result["reason"]) == ("abort", "not_loaded")
    await world.set_up(entry)
    assert f"overdue_{SN}" in world.issues()


# Stored data set aside


async def test_set_aside_store_is_only_told(
    world: World, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    await world.unload(entry)
    hass_storage[f"{DOMAIN}.{entry.entry_id}"] = {"version": 1, "data": []}
    with pytest.MonkeyPatch.context() as context:
        context.setattr("os.replace", lambda *_: None)
        await world.set_up(entry)
    issue_id = f"store_set_aside_{DOMAIN}.{entry.entry_id}"
    assert issue_id in world.issues()
    manager = repairs_flow_manager(world.hass)
    assert manager is not None
    result: Any = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    assert result["step_id"] == "confirm"
    assert (await answer(world, result, {}))["type"] == "create_entry"
    assert not world.issues()
