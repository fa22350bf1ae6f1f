"""Repairs: when they are there, what can be done about them, and that they go by themselves."""

import asyncio
from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.provider import Capability
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from scripts.lib.texts import TRANSLATIONS, read as read_texts
from simulator.growatt.model import Plant

from .common import full_disk
from .home import Home
from .prove.world import World

SN = "SIM0000001"
# A day is long, with a look every few minutes.
OVERDUE_AFTER = 7_200

TITLES: dict[str | None, Any] = read_texts(TRANSLATIONS / "en.json")["issues"]

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


def manager(world: World) -> Any:
    found = repairs_flow_manager(world.hass)
    assert found is not None
    return found


async def open_repair(world: World, problem: str) -> Result:
    """Open the dialog of the inverter's repair."""
    return await manager(world).async_init(
        DOMAIN, data={"issue_id": world.repair_id(f"{problem}_{SN}")}
    )


def title(world: World, problem: str) -> str:
    """Return a repair's title as the page lists it."""
    issue = ir.async_get(world.hass).async_get_issue(DOMAIN, world.repair_id(f"{problem}_{SN}"))
    assert issue is not None
    assert issue.translation_placeholders is not None
    return str(TITLES[issue.translation_key]["title"]).format(**issue.translation_placeholders)


async def answer(world: World, result: Result, data: dict[str, Any] | None = None) -> Result:
    """Fill in what a repair's dialog shows."""
    return await manager(world).async_configure(result["flow_id"], data)


async def choose(world: World, result: Result, option: str) -> Result:
    """Choose an option of the menu."""
    assert result["type"] == "menu"
    return await answer(world, result, {"next_step_id": option})


async def conflict(home: Home, theirs: Plant) -> None:
    """Have the inverter turn out to be bound elsewhere."""
    home.add_devices([SN], plant_id=theirs.plant_id)
    await home.add(SN)
    await home.shows("conflict", SN)
    await asyncio.sleep(600)


async def overdue(home: Home) -> None:
    """Have the inverter stay away for too long."""
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(OVERDUE_AFTER - 60)
    assert not home.issues()
    await asyncio.sleep(120)
    assert f"overdue_{SN}" in home.issues()
    assert title(home, "overdue") == f"Still waiting: inverter {SN}"


# Overdue


async def test_overdue_goes_away_by_itself(home: Home) -> None:
    await overdue(home)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert not home.issues()


async def test_overdue_check_again(home: Home) -> None:
    """A check that still finds the cause keeps the form open with the reason."""
    await overdue(home)
    await asyncio.sleep(600)
    result = await open_repair(home, "overdue")
    assert result["menu_options"] == ["check_again", "submit_again", "stop_tracking"]
    result = await choose(home, result, "check_again")
    assert (result["type"], result["errors"]) == ("form", {"base": "still_there"})
    assert f"overdue_{SN}" in home.issues()

    result = await answer(home, result, {})
    assert result["errors"] == {"base": "not_now"}
    assert int(result["description_placeholders"]["minutes"]) in range(1, 7)

    home.faults.add(kind="cut", times=None)
    await asyncio.sleep(600)
    result = await answer(home, result, {})
    assert result["errors"] == {"base": "cannot_connect"}

    home.faults.clear()
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    result = await answer(home, result, {})
    assert result["type"] == "create_entry"
    assert not home.issues()


async def test_overdue_submit_again(home: Home) -> None:
    await overdue(home)
    result = await choose(home, await open_repair(home, "overdue"), "submit_again")
    assert result["type"] == "create_entry"
    assert not home.issues()
    await home.shows("accepted", SN)
    assert home.asked("device/sn/add") == 2
    assert home.growatt.bindings[SN].accepted_count == 1
    await asyncio.sleep(OVERDUE_AFTER + 60)
    assert f"overdue_{SN}" in home.issues()


async def test_submit_again_without_storage(home: Home) -> None:
    await overdue(home)
    with full_disk():
        result = await choose(home, await open_repair(home, "overdue"), "submit_again")
        assert result["errors"] == {"base": "not_stored"}
    assert f"overdue_{SN}" in home.issues()
    assert (await answer(home, result, {}))["type"] == "create_entry"


async def test_stop_tracking(home: Home) -> None:
    await overdue(home)
    result = await choose(home, await open_repair(home, "overdue"), "stop_tracking")
    assert (result["type"], result["step_id"]) == ("form", "stop_tracking")
    assert home.entry.subentries
    result = await answer(home, result, {})
    assert result["type"] == "create_entry"
    assert not home.entry.subentries
    await asyncio.sleep(1)
    assert not home.issues()
    # At the cloud everything stays as it is.
    assert home.growatt.bindings[SN].plant_id == int(home.plant_id)


# Conflict


async def test_conflict_goes_away_when_checked(home: Home, theirs: Plant) -> None:
    await conflict(home, theirs)
    # Nobody here knows how that account is called.
    reason = f"The device is in the plant Their roof of the account ID {theirs.user_id}."
    assert home.issues()[f"conflict_{SN}"]["reason"].startswith(reason)
    assert title(home, "conflict") == f"Held by another account: inverter {SN}"
    result = await open_repair(home, "conflict")
    assert result["menu_options"] == [
        "submit_again",
        "check_again",
        "choose_plant",
        "stop_tracking",
    ]
    result = await choose(home, result, "check_again")
    assert result["errors"] == {"base": "still_there"}
    await asyncio.sleep(600)
    home.growatt.move(SN, int(home.plant_id))
    assert (await answer(home, result, {}))["type"] == "create_entry"
    assert not home.issues()
    assert home.status(SN) == "associated"


async def test_conflict_calls_an_account_that_is_known_by_its_name(
    home: Home, theirs: Plant
) -> None:
    await home.add_account(theirs.user_id)
    await conflict(home, theirs)
    reason = "The device is in the plant Their roof of the account stranger."
    assert home.issues()[f"conflict_{SN}"]["reason"].startswith(reason)


async def test_conflict_calls_an_account_that_the_token_lists_by_its_name(
    home: Home, theirs: Plant
) -> None:
    """And a plant without a name by its id, and as such."""
    theirs.name = ""
    client = home.entry.runtime_data.client
    await client.link((await client.test()).link[0], {})
    await conflict(home, theirs)
    reason = f"The device is in the plant ID {theirs.plant_id} of the account stranger."
    assert home.issues()[f"conflict_{SN}"]["reason"].startswith(reason)


async def test_a_repair_calls_the_plant_of_a_device_by_its_name(home: Home, theirs: Plant) -> None:
    client, account_id = home.entry.runtime_data.client, home.entry.data["account_id"]
    await conflict(home, theirs)
    # It was never listed.
    assert home.issues()[f"conflict_{SN}"]["plant"] == f"ID {home.plant_id}"
    await asyncio.sleep(600)
    await client.plants(account_id)
    await home.reload(home.entry)
    assert home.issues()[f"conflict_{SN}"]["plant"] == "Home"
    twin = home.growatt.add_plant(int(account_id), "home")
    # One of another account is not to be taken for it.
    home.growatt.add_plant(theirs.user_id, "Home")
    await asyncio.sleep(600)
    await client.plants(account_id)
    await home.reload(home.entry)
    assert home.issues()[f"conflict_{SN}"]["plant"] == f"Home ({home.plant_id})"
    home.growatt.move(SN, twin.plant_id)
    await asyncio.sleep(600)
    await home.check([SN], timeout=10)
    reason = home.issues()[f"conflict_{SN}"]["reason"]
    assert reason.startswith(f"The device is in the plant home ({twin.plant_id}).")


async def test_conflict_is_another_plant_of_ours(home: Home) -> None:
    mine = home.growatt.add_plant(int(home.entry.data["account_id"]), "Garage")
    await conflict(home, mine)
    reason = "The device is in the plant Garage. If that plant is yours, submit"
    assert home.issues()[f"conflict_{SN}"]["reason"].startswith(reason)
    assert title(home, "conflict") == f"In another plant: inverter {SN}"
    result = await open_repair(home, "conflict")
    assert result["menu_options"] == [
        "choose_plant",
        "submit_again",
        "check_again",
        "stop_tracking",
    ]
    result = await choose(home, result, "choose_plant")
    ((marker, field),) = result["data_schema"].schema.items()
    assert {option["label"] for option in field.config["options"]} == {"Home", "Garage"}
    assert marker.default() == str(mine.plant_id)
    result = await answer(home, result, {"plant_id": str(mine.plant_id)})
    await home.shows("associated", SN)
    assert not home.issues()
    (subentry,) = home.entry.subentries.values()
    assert subentry.data["plant_id"] == str(mine.plant_id)


async def test_plants_of_the_same_name_are_told_apart(home: Home) -> None:
    account_id = int(home.entry.data["account_id"])
    twins = [str(home.growatt.add_plant(account_id, "Garage").plant_id) for _ in range(2)]
    nameless = str(home.growatt.add_plant(account_id, "").plant_id)
    await conflict(home, home.growatt.plants[int(twins[0])])
    result = await choose(home, await open_repair(home, "conflict"), "choose_plant")
    ((marker, field),) = result["data_schema"].schema.items()
    labels = {option["value"]: option["label"] for option in field.config["options"]}
    assert labels == {
        home.plant_id: "Home",
        **{twin: f"Garage ({twin})" for twin in twins},
        nameless: f"ID {nameless}",
    }
    # That one has the inverter.
    assert marker.default() == twins[0]
    await answer(home, result, {"plant_id": twins[0]})
    await home.shows("associated", SN)


async def test_another_plant_without_storage(home: Home) -> None:
    """The plant that was chosen is not forgotten when sending is tried again."""
    mine = home.growatt.add_plant(int(home.entry.data["account_id"]), "Garage")
    await conflict(home, mine)
    result = await choose(home, await open_repair(home, "conflict"), "choose_plant")
    with full_disk():
        result = await answer(home, result, {"plant_id": str(mine.plant_id)})
        assert result["errors"] == {"base": "not_stored"}
    assert (await answer(home, result, {}))["type"] == "create_entry"
    await home.shows("associated", SN)
    (subentry,) = home.entry.subentries.values()
    assert subentry.data["plant_id"] == str(mine.plant_id)


async def test_plants_cannot_be_listed(home: Home, theirs: Plant) -> None:
    await conflict(home, theirs)
    home.faults.add("plant/list", kind="firewall")
    result = await choose(home, await open_repair(home, "conflict"), "choose_plant")
    assert (result["type"], result["reason"]) == ("abort", "plants_unknown")
    assert "firewall" in result["description_placeholders"]["problem"]
    assert f"conflict_{SN}" in home.issues()


async def test_an_account_without_a_plant_has_none_to_choose(home: Home, theirs: Plant) -> None:
    await conflict(home, theirs)
    plant = home.growatt.plants.pop(int(home.plant_id))
    result = await choose(home, await open_repair(home, "conflict"), "choose_plant")
    assert (result["type"], result["reason"]) == ("abort", "no_plants")
    assert result["description_placeholders"]["account"] == home.entry.title
    await asyncio.sleep(600)
    home.growatt.plants[plant.plant_id] = plant
    result = await choose(home, await open_repair(home, "conflict"), "choose_plant")
    assert result["step_id"] == "choose_plant"


async def test_where_there_are_no_plants_none_can_be_chosen(home: Home, theirs: Plant) -> None:
    await conflict(home, theirs)
    client = home.entry.runtime_data.client
    client.capabilities = client.capabilities - {Capability.PLANTS}
    # Then the account says where the inverter is to be.
    await home.coordinator.async_submit_again(SN)
    await home.shows("conflict", SN)
    assert home.issues()[f"conflict_{SN}"]["plant"] == home.entry.title
    result = await open_repair(home, "conflict")
    assert result["menu_options"] == ["submit_again", "check_again", "stop_tracking"]


# Rejected


@pytest.mark.parametrize(
    ("code", "first"),
    [
        (10004, "choose_plant"),  # the plant is not there
        (10011, "check_again"),  # the token may not: the cloud's app can
        (10002, "submit_again"),
    ],
)
async def test_what_helps_stands_first(home: Home, code: int, first: str) -> None:
    home.add_devices([SN])
    home.faults.add("device/sn/add", kind="code", code=code)
    await home.add(SN)
    await home.shows("rejected", SN)
    assert title(home, "rejected") == f"Refused: inverter {SN}"
    options = (await open_repair(home, "rejected"))["menu_options"]
    assert options[0] == first
    assert sorted(options) == ["check_again", "choose_plant", "stop_tracking", "submit_again"]


async def test_rejected_submit_again(home: Home) -> None:
    await home.add(SN)
    await home.shows("rejected", SN)
    await asyncio.sleep(600)
    result = await choose(home, await open_repair(home, "rejected"), "submit_again")
    assert result["errors"] == {"base": "still_there"}
    assert "serial number" in result["description_placeholders"]["reason"]
    home.add_devices([SN])
    await asyncio.sleep(600)
    assert (await answer(home, result, {}))["type"] == "create_entry"
    assert home.status(SN) == "accepted"
    assert not home.issues()


async def test_another_reason_is_another_text(home: Home) -> None:
    await home.add(SN)
    await home.shows("rejected", SN)
    first = home.issues()[f"rejected_{SN}"]["reason"]
    home.faults.add("device/sn/add", kind="code", code=10005)
    await asyncio.sleep(600)
    await home.coordinator.async_submit_again(SN)
    await home.shows("rejected", SN)
    assert home.issues()[f"rejected_{SN}"]["reason"] != first


# When it is too late


async def test_repair_whose_cause_is_gone(home: Home) -> None:
    """The dialog was open while the inverter appeared or was removed."""
    await overdue(home)
    result = await open_repair(home, "overdue")
    late = await open_repair(home, "overdue")
    home.remove_inverter(home.entry, SN)
    assert (await choose(home, result, "submit_again"))["type"] == "create_entry"
    assert (await choose(home, late, "check_again"))["type"] == "create_entry"


async def test_plant_chosen_too_late(home: Home, theirs: Plant) -> None:
    await conflict(home, theirs)
    result = await open_repair(home, "conflict")
    home.growatt.move(SN, int(home.plant_id))
    await home.check([SN])
    await home.shows("associated", SN)
    result = await choose(home, result, "choose_plant")
    assert result["type"] == "create_entry"


async def test_repair_opened_in_the_moment_its_cause_goes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await overdue(home)
    # What the front end still shows while the removal is on its way.
    monkeypatch.setattr(home.coordinator, "async_update_listeners", lambda: None)
    issue_id = home.repair_id(f"overdue_{SN}")
    home.remove_inverter(home.entry, SN)
    result = await manager(home).async_init(DOMAIN, data={"issue_id": issue_id})
    assert result["type"] == "create_entry"


@pytest.mark.parametrize("option", ["check_again", "submit_again", "stop_tracking"])
async def test_repair_of_an_account_that_is_taken_down(home: Home, option: str) -> None:
    await overdue(home)
    result = await open_repair(home, "overdue")
    await home.unload(home.entry)
    assert not home.issues()
    result = await choose(home, result, option)
    assert (result["type"], result["reason"]) == ("abort", "not_loaded")
    await home.set_up(home.entry)
    assert f"overdue_{SN}" in home.issues()


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
    result = await manager(world).async_init(DOMAIN, data={"issue_id": issue_id})
    assert result["step_id"] == "confirm"
    assert (await answer(world, result, {}))["type"] == "create_entry"
    assert not world.issues()
