"""How the actions take a plant: by its ID or by its name, and never by a guess."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from simulator import INSTALLER_TOKEN, Simulator

from .common import by_serial, fails, refused
from .home import Home
from .test_coordinator_denial import quectel_account

SN, OTHER, THIRD = "SIM0000001", "SIM0000002", "SIM0000003"
STICK = "QMN0000001"
PLANTS = "plant/list"


async def bound(home: Home, plant: str, serial: str = SN, **where: Any) -> str:
    """Bind an inverter to a plant that is named so; return the ID of the plant it is bound to."""
    answer = await home.call(
        "bind_device", plant_id=plant, serial_numbers=serial, timeout=0, **where
    )
    told = by_serial(answer, "tracked_state", "repeated")[serial]
    assert told["tracked"]
    plant_id: str = told["plant_id"]
    return plant_id


@pytest.mark.parametrize(
    "name", ["Roof", " roof ", "ROOF", "Roof ({})", "{}", "\N{FULLWIDTH DIGIT ZERO}{}", "ID {}"]
)
async def test_a_plant_is_named_as_people_write_names(home: Home, name: str) -> None:
    roof = home.add_plant(home.entry, "Roof")
    home.add_devices([SN])
    await home.call("list_plants")
    plant_id = await bound(home, name.format(roof))
    assert int(plant_id) == int(roof)
    await home.shows("accepted", SN)
    assert home.growatt.devices[SN].requested_plant_id == int(roof)


async def test_a_datalogger_is_added_to_a_plant_by_its_name(home: Home) -> None:
    roof = home.add_plant(home.entry, "Roof")
    home.growatt.add_datalogger(STICK)
    answer = await home.call(
        "bind_datalogger", plant_id="roof", dataloggers={"serial_number": STICK}
    )
    assert [one["plant_id"] for one in answer["results"]] == [roof]


async def test_plants_are_listed_once_to_learn_their_names(home: Home) -> None:
    home.add_devices([SN, OTHER])
    assert await bound(home, "Home") == home.plant_id
    assert await bound(home, "Home", OTHER) == home.plant_id
    assert home.asked(PLANTS) == 1
    # Neither is an ID looked up, nor a name that is known.
    await home.restart()
    home.add_devices([THIRD])
    assert await bound(home, "home", THIRD) == home.plant_id
    assert home.asked(PLANTS) == 1


async def test_a_name_that_is_new_is_found_as_soon_as_the_limits_allow(home: Home) -> None:
    await home.call("list_plants")
    roof = home.add_plant(home.entry, "Roof")
    home.add_devices([SN])
    told = await refused(
        home.hass, "bind_device", "plant_not_found", plant_id="Roof", serial_numbers=SN
    )
    assert told == {
        "field": "plant_id",
        "account": home.entry.title,
        "plant": "Roof",
        "plants": f"Home ({home.plant_id})",
        "said": "",
    }
    assert not home.entry.subentries
    await asyncio.sleep(301)
    assert await bound(home, "Roof") == roof


async def test_where_there_is_no_plant_that_is_said(home: Home) -> None:
    bob = await home.add_account()
    what = {"config_entry_id": bob.entry_id, "plant_id": "Home", "serial_numbers": SN}
    assert (await refused(home.hass, "bind_device", "no_plants", **what))["account"] == bob.title


async def test_of_several_plants_none_is_guessed(home: Home) -> None:
    roof, second = (home.add_plant(home.entry, name) for name in ("Roof", "roof"))
    home.add_devices([SN, OTHER])
    what = {"plant_id": "Roof", "serial_numbers": SN}
    told = await refused(home.hass, "bind_device", "plant_ambiguous", **what)
    assert told["plants"] == f"Roof ({roof}), roof ({second})"
    # What it names is taken.
    assert await bound(home, f"roof ({second})") == second
    assert await bound(home, f"Roof ({roof})", OTHER) == roof


async def test_a_plant_that_is_gone_does_not_keep_its_name(home: Home) -> None:
    """Somebody has deleted it in the app, and made it anew."""
    gone = home.add_plant(home.entry, "Roof")
    await home.call("list_plants")
    home.growatt.delete_plant(int(gone))
    roof = home.add_plant(home.entry, "Roof")
    await asyncio.sleep(301)
    await home.call("list_plants")
    home.add_devices([SN])
    assert await bound(home, "Roof") == roof


async def test_a_name_is_one_of_the_accounts_own_plants(home: Home) -> None:
    bob = await home.add_account()
    theirs = home.add_plant(bob, "Home")
    home.add_plant(bob, "Barn")
    home.add_devices([SN, OTHER])
    mine = {"config_entry_id": home.entry.entry_id}
    assert await bound(home, "Home", **mine) == home.plant_id
    assert await bound(home, "Home", OTHER, config_entry_id=bob.entry_id) == theirs
    what = {**mine, "plant_id": "Barn", "serial_numbers": THIRD}
    told = await refused(home.hass, "bind_device", "plant_not_found", **what)
    assert told["plants"] == f"Home ({home.plant_id})"


async def test_what_can_be_an_id_is_one(home: Home) -> None:
    """A plant may be called by a number; whose ID that is decides."""
    home.add_plant(home.entry, home.plant_id)
    home.add_plant(home.entry, "4711")
    await home.call("list_plants")
    home.add_devices([SN, OTHER])
    assert await bound(home, home.plant_id) == home.plant_id
    assert await bound(home, "4711", OTHER) == "4711"
    await home.shows("rejected", OTHER)


async def test_a_plant_whose_name_cannot_be_asked_for(home: Home) -> None:
    """It is said why; one that is known goes on without the cloud, and so does an ID."""
    what: dict[str, Any] = {"plant_id": "Home", "serial_numbers": SN}
    home.faults.add(PLANTS, kind="http_500", times=1)
    await fails(home.hass, "bind_device", "server_error", **what)
    await asyncio.sleep(301)
    home.add_devices([SN, OTHER, THIRD])
    assert await bound(home, "Home") == home.plant_id
    await asyncio.sleep(301)
    del home.growatt.tokens[INSTALLER_TOKEN]
    await fails(home.hass, "bind_device", "invalid_token", **{**what, "plant_id": "Roof"})
    await refused(home.hass, "bind_device", "not_signed_in", **{**what, "plant_id": "Roof"})
    assert home.reauths() == 1
    assert await bound(home, "Home", OTHER) == home.plant_id
    assert await bound(home, home.plant_id, THIRD) == home.plant_id


async def test_what_stands_in_place_of_a_plant_has_no_name(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    await quectel_account(hass, cloud)
    what = {"plant_id": "My home", "serial_numbers": SN}
    assert (await refused(hass, "bind_device", "invalid_product_key", **what))["field"]


async def test_devices_move_to_a_plant_by_its_name(home: Home) -> None:
    """Each to that of its own account, which is looked up once for all of them."""
    bob = await home.add_account()
    mine, theirs = home.add_plant(home.entry, "Roof"), home.add_plant(bob, "roof")
    barn = home.add_plant(bob, "Barn")
    home.add_devices([SN, OTHER, THIRD])
    await home.add(SN, OTHER)
    await home.bind(bob, barn, [THIRD])
    await home.shows("accepted", SN, OTHER)
    moved = await home.call("move_device", serial_numbers=[SN, OTHER, THIRD], plant_id="Roof")
    found = by_serial(moved, "done")
    assert {serial: told["plant_id"] for serial, told in found.items()} == {
        SN: mine,
        OTHER: mine,
        THIRD: theirs,
    }
    assert all(told["done"] for told in found.values())
    assert home.asked(PLANTS) == 1
    # To another account.
    moved = await home.call(
        "move_device", serial_numbers=SN, plant_id="barn", config_entry_id=bob.entry_id
    )
    assert [(one["account"], one["plant_id"]) for one in moved["results"]] == [(bob.title, barn)]


async def test_a_name_of_no_plant_moves_nothing(home: Home) -> None:
    bob = await home.add_account()
    home.add_plant(bob, "Barn")
    home.add_devices([SN, OTHER])
    await home.add(SN, OTHER)
    moved = await home.call("move_device", serial_numbers=[SN, OTHER], plant_id="Barn")
    for told in by_serial(moved, "done").values():
        assert (told["done"], told["reason"]) == (False, "plant_not_found")
        assert f"Home ({home.plant_id})" in told["explanation"]
        assert told["plant_id"] == home.plant_id
    assert home.asked(PLANTS) == 1


async def test_devices_are_listed_by_the_name_of_their_plant(home: Home) -> None:
    """Also where another account has a plant of that name."""
    bob = await home.add_account()
    theirs, barn = (home.add_plant(bob, name) for name in ("home", "Barn"))
    home.add_devices([SN, OTHER, THIRD])
    await home.add(SN)
    await home.bind(bob, theirs, [OTHER])
    await home.bind(bob, barn, [THIRD])
    for entry in (home.entry, bob):
        await home.call("list_plants", config_entry_id=entry.entry_id)

    async def listed(*plants: str) -> set[str]:
        return set(by_serial(await home.call("list_devices", plant_id=list(plants))))

    assert await listed("Home") == {SN, OTHER}
    assert await listed(" HOME ", "Barn") == {SN, OTHER, THIRD}
    assert await listed(f"home ({theirs})") == {OTHER}
    assert await listed(home.plant_id) == {SN}
    assert await listed("Roof") == await listed(" ") == set()


async def test_a_plant_is_created_although_its_account_is_unloaded_meanwhile(home: Home) -> None:
    home.faults.add("plant/add", kind="hold", executed=True)
    where = {"config_entry_id": home.entry.entry_id}
    creating = home.hass.async_create_task(
        home.call("create_plant", name="Barn", peak_power=5, **where)
    )
    await home.faults.wait_held()
    await home.unload(home.entry)
    home.faults.release()
    told = await creating
    await home.set_up(home.entry)
    assert told in (await home.call("list_plants", **where))["plants"]
