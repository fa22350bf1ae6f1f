"""What attributes and events tell of a device: why, in which plant, and who has it."""

import asyncio
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import State
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator.growatt import INSTALLER_TOKEN

from .common import by_serial, submit
from .home import Home

SN, OTHER, THIRD, WRONG = "SIM0000001", "SIM0000002", "SIM0000003", "UNKNOWN001"
DAY = 86_400
STICK = "QMN0000001"
OTHER_TOKEN = "y" * 32
WHY = {"reason", "explanation", "plant", "held_by", "held_by_plant_id"}


def state_of(home: Home, platform: str, unique_id: str) -> State:
    """Return what an entity shows."""
    entity_id = er.async_get(home.hass).async_get_entity_id(platform, DOMAIN, unique_id)
    assert entity_id is not None
    state = home.hass.states.get(entity_id)
    assert state is not None
    return state


def told(home: Home, serial: str) -> dict[str, Any]:
    """Return what the attributes of a status sensor tell."""
    attributes = state_of(home, "sensor", f"{serial}_association_status").attributes
    return {name: attributes[name] for name in WHY & attributes.keys()}


def told_by_event(home: Home, serial: str) -> dict[str, Any]:
    """Return what the latest event tells."""
    attributes = state_of(home, "event", f"{serial}_association").attributes
    return {name: attributes[name] for name in WHY & attributes.keys()}


async def test_a_refusal_says_why(home: Home) -> None:
    await home.hass.config.async_update(language="de")
    await home.add(WRONG)
    await home.shows("rejected", WRONG)
    seen = told(home, WRONG)
    assert (seen["reason"], seen["plant"]) == ("serial_rejected", f"ID {home.plant_id}")
    assert seen["explanation"].startswith("Die Cloud akzeptiert die Seriennummer nicht.")
    assert "serial number is wrong" in seen["explanation"]
    assert told_by_event(home, WRONG) == seen

    # Once it is accepted, there is nothing to explain.
    home.add_devices([WRONG])
    await home.call("submit_again", serial_numbers=WRONG)
    await home.shows("accepted", WRONG)
    assert told(home, WRONG) == told_by_event(home, WRONG) == {"plant": f"ID {home.plant_id}"}


async def test_a_conflict_says_who_has_it(home: Home) -> None:
    """By the names of plant and account, as far as these are known here."""
    bob = await home.add_account()
    theirs = home.add_plant(bob, "Theirs")
    mine = home.add_plant(home.entry, "Garage")
    home.add_devices([SN], plant_id=int(theirs))
    home.add_devices([OTHER], plant_id=int(mine))
    await home.add(SN, OTHER)
    await home.shows("conflict", SN, OTHER)
    by_them, by_me = told(home, SN), told(home, OTHER)
    assert by_them["held_by"] == f"Theirs ({bob.title})"
    assert by_them["held_by_plant_id"] == theirs
    assert by_them["reason"] == "held_by_account"
    assert f"in the plant Theirs of the account {bob.title}." in by_them["explanation"]
    assert (by_me["reason"], by_me["held_by"]) == ("held_in_plant", "Garage")
    assert by_me["held_by_plant_id"] == mine
    assert told_by_event(home, SN) == by_them
    reason = home.issues()[f"conflict_{SN}"]["reason"]
    assert reason == by_them["explanation"]


async def test_the_holders_plant_is_told_where_the_device_can_be_submitted_to_it(
    home: Home,
) -> None:
    """Not that of a stranger, nor that of an account here with another token."""
    home.growatt.tokens[OTHER_TOKEN] = home.token
    bob = await home.add_account(token=OTHER_TOKEN)
    stranger = home.growatt.add_user("stranger", "stranger@example.com")
    theirs = home.growatt.add_plant(stranger.user_id, "Theirs")
    home.add_devices([SN], plant_id=int(home.add_plant(bob)))
    home.add_devices([OTHER], plant_id=theirs.plant_id)
    await home.add(SN, OTHER)
    await home.shows("conflict", SN, OTHER)
    for serial in (SN, OTHER):
        seen = told(home, serial)
        assert seen["held_by"]
        assert "held_by_plant_id" not in seen
        assert told_by_event(home, serial) == seen
    found = {one["serial_number"]: one for one in (await home.call("list_devices"))["devices"]}
    assert {one["held_by_plant_id"] for one in found.values()} == {None}

    # With the same token it can be.
    eve = await home.add_account(stranger.user_id)
    await home.call("check_association", device_id=home.device(OTHER).id)
    await home.hass.async_block_till_done()
    [listed] = [
        one for one in (await home.call("list_devices"))["devices"] if one["serial_number"] == OTHER
    ]
    assert listed["held_by_plant_id"] == str(theirs.plant_id)
    moved = await home.call(
        "move_device",
        serial_numbers=OTHER,
        plant_id=listed["held_by_plant_id"],
        config_entry_id=eve.entry_id,
    )
    assert [one["done"] for one in moved["results"]] == [True]


async def test_all_is_told_in_another_language_as_soon_as_the_house_speaks_it(home: Home) -> None:
    await home.add(WRONG)
    await home.shows("rejected", WRONG)
    assert told(home, WRONG)["explanation"].startswith("The cloud does not accept")
    await home.hass.config.async_update(language="de")
    await home.hass.async_block_till_done()
    (listed,) = (await home.call("list_devices"))["devices"]
    shown = told(home, WRONG)["explanation"]
    assert shown.startswith("Die Cloud akzeptiert die Seriennummer nicht.")
    assert listed["explanation"] == home.issues()[f"rejected_{WRONG}"]["reason"] == shown
    # What is the house's in other ways changes nothing.
    await home.hass.config.async_update(country="DE")
    await home.hass.async_block_till_done()
    assert told(home, WRONG)["explanation"] == shown


async def test_an_account_is_called_otherwise_once_it_is_renamed(home: Home) -> None:
    """Also one that is not loaded; what is gone has the cloud's name."""
    bob = await home.add_account()
    theirs = home.add_plant(bob, "Theirs")
    home.add_devices([SN], plant_id=int(theirs))
    await home.add(SN)
    await home.shows("conflict", SN)
    for title in ("Robert", "Bobby"):
        home.hass.config_entries.async_update_entry(bob, title=title)
        await home.hass.async_block_till_done()
        seen = told(home, SN)
        assert seen["held_by"] == f"Theirs ({title})"
        assert f"of the account {title}." in seen["explanation"]
        assert home.issues()[f"conflict_{SN}"]["reason"] == seen["explanation"]
        if title == "Robert":
            await home.unload(bob)
    await home.hass.config_entries.async_remove(bob.entry_id)
    await home.hass.async_block_till_done()
    assert "Bobby" not in told(home, SN)["held_by"]


async def test_what_waits_for_somebody_to_sign_in_says_so(home: Home) -> None:
    """And nothing else does; so does what other accounts of the same token have."""
    await home.associate("THERE00001")
    await home.accept(SN)
    bob = await home.add_account()
    home.add_devices([THIRD])
    await home.bind(bob, home.add_plant(bob), [THIRD])
    await home.shows("accepted", THIRD)
    home.add_devices([OTHER])
    assert "reason" not in told(home, SN)
    token = home.growatt.tokens.pop(INSTALLER_TOKEN)
    assert (await home.add(OTHER, timeout=30)) == {OTHER: "queued"}
    listed = by_serial(await home.call("list_devices"))
    for serial in (SN, OTHER):
        seen = told(home, serial)
        assert seen["reason"] == listed[serial]["reason"] == "not_signed_in"
        assert seen["explanation"].startswith(f"The account {home.entry.title} is not signed in.")
        assert listed[serial]["explanation"] == seen["explanation"]
        assert listed[serial]["next_check"] is None
    assert "reason" not in told(home, "THERE00001")
    assert told(home, THIRD)["reason"] == "not_signed_in"
    again = by_serial(await home.call("submit_again", serial_numbers=SN), "done")
    assert (again[SN]["done"], again[SN]["reason"]) == (True, "not_signed_in")

    home.growatt.tokens[INSTALLER_TOKEN] = token
    flows = home.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    (flow,) = (flow for flow in flows if flow["context"]["source"] == SOURCE_REAUTH)
    # The limits forbid the same look twice within five minutes.
    await asyncio.sleep(600)
    form = await home.hass.config_entries.flow.async_configure(flow["flow_id"])
    result = await submit(home.hass, form, token=INSTALLER_TOKEN)
    assert result["reason"] == "accounts_renewed"
    await home.shows("accepted", SN, OTHER, THIRD)
    for serial in (SN, OTHER, THIRD):
        assert "reason" not in told(home, serial)


async def test_what_is_overdue_without_anybody_signed_in_says_so(home: Home) -> None:
    await home.accept(SN)
    home.growatt.tokens.pop(INSTALLER_TOKEN)
    await home.add(OTHER, timeout=30)
    await asyncio.sleep(2 * DAY)
    told_why = told(home, SN)
    assert told_by_event(home, SN)["reason"] == told_why["reason"] == "not_signed_in"
    assert home.issues()[f"overdue_{SN}"]["reason"] == told_why["explanation"]


async def test_what_is_no_longer_there_says_what_to_do(home: Home) -> None:
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    for _ in range(2):
        await asyncio.sleep(600)
        await home.check([SN], timeout=60)
    await home.shows("lost", SN)
    seen = told(home, SN)
    assert seen["reason"] == "gone"
    assert "submit it again" in seen["explanation"]
    assert told_by_event(home, SN) == seen
    await home.call("submit_again", serial_numbers=SN)
    await home.shows("associated", SN)
    assert "reason" not in told(home, SN)


@pytest.mark.parametrize(
    ("code", "words", "reason", "said"),
    [
        (99999, "strange words", "unknown_code", "99999: strange words"),
        (99999, "", "unknown_code", "99999"),
        (10002, "", "serial_rejected", "10002"),
    ],
)
async def test_a_code_is_told_whatever_it_means(
    home: Home, code: int, words: str, reason: str, said: str
) -> None:
    home.add_devices([SN])
    home.faults.add("device/sn/add", kind="code", code=code, msg=words)
    await home.add(SN)
    await home.shows("rejected", SN)
    (listed,) = (await home.call("list_devices"))["devices"]
    assert (listed["reason"], listed["message"]) == (reason, said)
    assert listed["explanation"].startswith("The cloud ")
    assert listed["explanation"].endswith(f". ({said})")


async def test_a_plant_has_its_name_as_soon_as_that_is_known(home: Home) -> None:
    await home.accept(SN)
    assert told(home, SN)["plant"] == f"ID {home.plant_id}"
    await home.call("list_plants", config_entry_id=home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert told(home, SN)["plant"] == "Home"
    asked = home.asked("plant/list")
    await home.restart()
    assert told(home, SN)["plant"] == "Home"
    assert home.asked("plant/list") == asked

    # Where another account's has the same name, both are told apart.
    bob = await home.add_account()
    theirs = home.add_plant(bob, "home")
    await home.call("list_plants", config_entry_id=bob.entry_id)
    home.add_devices([OTHER])
    await home.bind(bob, theirs, [OTHER])
    await home.shows("accepted", OTHER)
    assert told(home, OTHER)["plant"] == f"home ({theirs})"
    assert told(home, SN)["plant"] == f"Home ({home.plant_id})"


async def test_a_new_plant_is_known_by_its_name(home: Home) -> None:
    plant = await home.call("create_plant", name="Roof", peak_power=3)
    home.add_devices([SN])
    await home.bind(home.entry, plant["plant_id"], [SN])
    assert told(home, SN)["plant"] == "Roof"


async def test_a_device_is_suggested_for_the_area_of_its_plant(home: Home) -> None:
    """When it is made, if the plant has a name by then; after that, people say where it is."""
    home.add_devices([SN, OTHER])
    await home.add(SN)
    assert home.device(SN).area_id is None
    await home.call("list_plants")
    await home.add(OTHER)
    area_id = home.device(OTHER).area_id
    assert area_id is not None
    area = ar.async_get(home.hass).async_get_area(area_id)
    assert area is not None
    assert area.name == "Home"
    dr.async_get(home.hass).async_update_device(home.device(OTHER).id, area_id=None)
    await home.reload(home.entry)
    assert home.device(SN).area_id is None
    assert home.device(OTHER).area_id is None


def area_of(home: Home, serial: str) -> str | None:
    """Return the name of the area in which a device is."""
    area = ar.async_get(home.hass).async_get_area(home.device(serial).area_id or "")
    return None if area is None else area.name


async def test_the_area_follows_the_plant(home: Home) -> None:
    """As long as it is the one that was suggested: where somebody put a device, it stays."""
    roof = home.add_plant(home.entry, "Roof")
    await home.call("list_plants")
    home.add_devices([SN, OTHER, THIRD])
    home.growatt.add_datalogger(STICK)
    await home.add(SN, OTHER, THIRD)
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    await home.shows("accepted", SN, OTHER, THIRD, STICK)
    own = ar.async_get(home.hass).async_create("Shed").id
    dr.async_get(home.hass).async_update_device(home.device(OTHER).id, area_id=own)
    dr.async_get(home.hass).async_update_device(home.device(THIRD).id, area_id=None)
    # Where another account's plant has the name too, it has its ID beside it from now on.
    bob = await home.add_account()
    home.add_plant(bob, "Home")
    await home.call("list_plants", config_entry_id=bob.entry_id)

    every = [SN, OTHER, THIRD, STICK]
    for plant_id, area in ((roof, "Roof"), (home.plant_id, f"Home ({home.plant_id})")):
        await home.call("move_device", serial_numbers=every, plant_id=plant_id, timeout=0)
        await home.hass.async_block_till_done()
        assert [area_of(home, serial) for serial in every] == [area, "Shed", None, area]
    # What is only submitted again stays where it is.
    await home.call("submit_again", serial_numbers=every, timeout=0)
    await home.hass.async_block_till_done()
    assert area_of(home, SN) == f"Home ({home.plant_id})"


async def test_a_plant_without_a_name_has_no_area(home: Home) -> None:
    await home.call("list_plants")
    roof = home.add_plant(home.entry, "Roof")
    home.add_devices([SN])
    await home.add(SN)
    await home.shows("accepted", SN)
    assert area_of(home, SN) == "Home"
    await home.call("move_device", serial_numbers=SN, plant_id=roof)
    await home.hass.async_block_till_done()
    assert area_of(home, SN) is None


async def test_in_another_account_a_device_is_in_the_area_of_its_plant(home: Home) -> None:
    bob = await home.add_account()
    barn = home.add_plant(bob, "Barn")
    for entry in (home.entry, bob):
        await home.call("list_plants", config_entry_id=entry.entry_id)
    home.add_devices([SN])
    await home.add(SN)
    assert area_of(home, SN) == "Home"
    for entry, plant_id, area in ((bob, barn, "Barn"), (home.entry, home.plant_id, "Home")):
        where = {"config_entry_id": entry.entry_id, "plant_id": plant_id}
        await home.call("move_device", serial_numbers=SN, **where)
        await home.hass.async_block_till_done()
        assert area_of(home, SN) == area
    shed = ar.async_get(home.hass).async_create("Shed").id
    dr.async_get(home.hass).async_update_device(home.device(SN).id, area_id=shed)
    where = {"config_entry_id": bob.entry_id, "plant_id": barn}
    await home.call("move_device", serial_numbers=SN, **where)
    await home.hass.async_block_till_done()
    assert area_of(home, SN) == "Shed"


@pytest.mark.parametrize("platform", ["sensor", "event"])
async def test_the_recorder_keeps_no_long_texts(home: Home, platform: str) -> None:
    await home.add(WRONG)
    await home.shows("rejected", WRONG)
    key = "association_status" if platform == "sensor" else "association"
    info = state_of(home, platform, f"{WRONG}_{key}").state_info
    assert info is not None
    assert "explanation" in info["unrecorded_attributes"]
    assert "reason" not in info["unrecorded_attributes"]
