"""What actions answer if accounts are reloaded, and devices moved or removed, while they wait."""

import asyncio
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
import pytest

from custom_components.growatt_onboarding.gateway.store import DurableStore

from .common import by_serial
from .home import Home

BIND = "device/sn/add"
CODE = "12AB3"
SERIALS = [f"SIM{number:07}" for number in range(1, 9)]
STICKS = [f"QMN{number:07}" for number in range(1, 5)]
# How the account of an action goes away while it waits, and comes back.
RELOADED = ("reload", "renew")
GONE = ("unload", "disable")


def call(home: Home, action: str, **data: Any) -> asyncio.Task[Any]:
    """Begin an action."""
    return home.hass.async_create_task(home.call(action, **data))


async def go_away(home: Home, how: str) -> None:
    """Have the account go away."""
    entries, entry = home.hass.config_entries, home.entry
    match how:
        case "reload":
            await home.reload(entry)
        case "renew":
            # As after somebody has entered it again.
            data = {**entry.data, "session": {}}
            entries.async_update_entry(entry, data=data)
        case "unload":
            await home.unload(entry)
        case "disable":
            await entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        case "remove":
            await entries.async_remove(entry.entry_id)


def begin(home: Home, action: str, garage: str) -> asyncio.Task[Any]:
    """Begin one of the actions that wait, for all the devices."""
    match action:
        case "bind_device":
            where = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
            return call(home, action, serial_numbers=SERIALS, timeout=120, **where)
        case "bind_datalogger":
            where = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
            sticks = [{"serial_number": stick, "check_code": CODE} for stick in STICKS]
            return call(home, action, dataloggers=sticks, timeout=120, **where)
        case "move_device":
            return call(home, action, serial_numbers=SERIALS, plant_id=garage, timeout=120)
        case "check_association":
            devices = [home.device(serial).id for serial in SERIALS]
            return call(home, action, device_id=devices, timeout=300)
    return call(home, action, serial_numbers=SERIALS, timeout=120)


async def prepared(home: Home, action: str) -> str:
    """Have what an action is for; return another plant."""
    home.add_devices(SERIALS)
    for stick in STICKS:
        home.growatt.add_datalogger(stick, check_code=CODE)
    if not action.startswith("bind"):
        await home.accept(*SERIALS)
        # The limits forbid the same look twice within five minutes.
        await asyncio.sleep(400)
    return home.add_plant(home.entry, "Garage")


ACTIONS = ("bind_device", "bind_datalogger", "submit_again", "move_device", "check_association")


@pytest.mark.parametrize("how", RELOADED)
@pytest.mark.parametrize("action", ACTIONS)
async def test_a_reload_in_between_is_waited_for(home: Home, action: str, how: str) -> None:
    waiting = begin(home, action, await prepared(home, action))
    await asyncio.sleep(2.5)
    await go_away(home, how)
    results = (await waiting)["results"]
    # Of what the cloud knows already, the limits may forbid to look where it is.
    states = {"accepted", "unconfirmed"} if action == "submit_again" else {"accepted"}
    assert {told["state"] for told in results} <= states
    assert all(told["tracked"] and told["account"] == home.entry.title for told in results)
    assert all(told.get("done", True) and told.get("asked", True) for told in results)


@pytest.mark.parametrize("how", GONE)
@pytest.mark.parametrize("action", ACTIONS[:1] + ACTIONS[2:])
async def test_an_account_that_goes_away_is_told(home: Home, action: str, how: str) -> None:
    waiting = begin(home, action, await prepared(home, action))
    await asyncio.sleep(2.5)
    await go_away(home, how)
    results = (await waiting)["results"]
    assert [told["serial_number"] for told in results] == SERIALS
    for told in results:
        assert (told["state"], told["tracked"], told["reason"]) == (
            "not_loaded",
            True,
            "not_loaded",
        )
        assert home.entry.title in told["explanation"]
    # All the same they are there once it is back.
    if how == "disable":
        await home.hass.config_entries.async_set_disabled_by(home.entry.entry_id, None)
    else:
        await home.set_up(home.entry)
    await home.shows("accepted", *SERIALS)


@pytest.mark.parametrize("action", ACTIONS[:1] + ACTIONS[2:])
async def test_an_account_that_is_removed_has_no_devices(home: Home, action: str) -> None:
    waiting = begin(home, action, await prepared(home, action))
    await asyncio.sleep(2.5)
    await go_away(home, "remove")
    results = (await waiting)["results"]
    assert [told["serial_number"] for told in results] == SERIALS
    assert {(told["state"], told["tracked"]) for told in results} == {("removed", False)}
    assert not any(told.get("done") for told in results)


async def test_sticks_of_an_account_that_goes_away_are_not_begun(home: Home) -> None:
    """Their check codes are compared first."""
    waiting = begin(home, "bind_datalogger", await prepared(home, "bind_datalogger"))
    await asyncio.sleep(2.5)
    await go_away(home, "unload")
    with pytest.raises(Exception, match="not loaded"):
        await waiting
    await home.set_up(home.entry)
    assert home.coordinator.data == {}
    results = (await begin(home, "bind_datalogger", ""))["results"]
    assert {told["state"] for told in results} == {"accepted"}


async def test_what_is_moved_meanwhile_is_told_where_it_is(home: Home) -> None:
    serials = SERIALS[:6]
    home.add_devices(serials)
    other = await home.add_account()
    barn = home.add_plant(other, "Barn")
    where = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
    binding = call(home, "bind_device", serial_numbers=serials, timeout=60, **where)
    await asyncio.sleep(1.5)
    to = {"config_entry_id": other.entry_id, "plant_id": barn}
    moved = await home.call("move_device", serial_numbers=serials, timeout=60, **to)
    for told in (*(await binding)["results"], *moved["results"]):
        assert (told["tracked"], told["account"]) == (True, other.title)
        assert told["plant_id"] == barn
    assert {told["state"] for told in moved["results"]} == {"accepted"}


@pytest.mark.parametrize("action", ["submit_again", "move_device"])
async def test_what_is_removed_before_its_turn_is_not_done(home: Home, action: str) -> None:
    await home.accept(*SERIALS)
    await asyncio.sleep(400)
    sent = home.asked(BIND)
    waiting = begin(home, action, home.add_plant(home.entry, "Garage"))
    await home.call("remove_device", serial_numbers=SERIALS)
    results = by_serial(await waiting, "done")
    assert {(told["state"], told["done"]) for told in results.values()} == {("removed", False)}
    # The first one's turn may have come before.
    assert home.asked(BIND) - sent <= 1


async def test_others_get_their_turn_while_many_are_removed(home: Home) -> None:
    """Home Assistant takes a few milliseconds for each."""
    await home.accept(*SERIALS)
    left = []

    async def watch() -> None:
        while home.coordinator.data:
            left.append(len(home.coordinator.data))
            await asyncio.sleep(0)

    watching = home.hass.async_create_task(watch())
    await home.call("remove_device", serial_numbers=SERIALS)
    await watching
    assert set(left) == set(range(1, len(SERIALS) + 1))


@pytest.mark.parametrize("how", [*GONE, "remove"])
async def test_devices_that_go_with_their_account_are_not_removed(home: Home, how: str) -> None:
    await home.accept(*SERIALS)
    waiting = call(home, "remove_device", serial_numbers=SERIALS)
    await go_away(home, how)
    results = (await waiting)["results"]
    assert [told["serial_number"] for told in results] == SERIALS
    gone = [told["serial_number"] for told in results if told["done"]]
    assert 0 < len(gone) < len(SERIALS)
    left = [serial for serial in SERIALS if serial not in gone]
    if how == "remove":
        assert {told["state"] for told in results} == {"removed"}
        return
    assert {told["state"] for told in results if not told["done"]} == {"not_loaded"}
    assert {subentry.unique_id for subentry in home.entry.subentries.values()} == set(left)


class SlowDisk:
    """A disk on which one file waits to be written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
        self.reached, self.goes_on = asyncio.Event(), asyncio.Event()
        write = DurableStore._async_write_data

        async def slow(store: DurableStore, data: dict[str, Any]) -> None:
            if store.key == key:
                self.reached.set()
                await self.goes_on.wait()
            await write(store, data)

        monkeypatch.setattr(DurableStore, "_async_write_data", slow)


@pytest.mark.parametrize("how", [*RELOADED, *GONE, "remove"])
async def test_what_another_account_takes_over_is_only_its(
    home: Home, how: str, monkeypatch: pytest.MonkeyPatch, hass_storage: dict[str, Any]
) -> None:
    """Whatever becomes of the account that had it, while the other one stores that."""
    sn, staying = SERIALS[:2]
    await home.accept(sn, staying)
    other = await home.add_account()
    to = {"config_entry_id": other.entry_id, "plant_id": home.add_plant(other, "Barn")}
    # The limits forbid the same look twice within five minutes.
    await asyncio.sleep(400)
    disk = SlowDisk(monkeypatch, f"growatt_onboarding.{other.entry_id}")
    waiting = call(home, "move_device", serial_numbers=sn, timeout=0, **to)
    await disk.reached.wait()
    await go_away(home, how)
    if how in RELOADED:
        home.growatt.bring_online(staying)
        await home.shows("associated", staying)
    disk.goes_on.set()
    (told,) = (await waiting)["results"]
    assert (told["account"], told["done"]) == (other.title, True)
    assert {subentry.unique_id for subentry in other.subentries.values()} == {sn}
    if how != "remove":
        assert {subentry.unique_id for subentry in home.entry.subentries.values()} == {staying}
    await home.hass.async_block_till_done()
    if how in RELOADED:
        (stored,) = hass_storage[f"growatt_onboarding.{home.entry.entry_id}"]["data"]["bindings"]
        assert (stored["serial"], stored["state"]) == (staying, "associated")


@pytest.mark.parametrize("action", ["bind_device", "move_device"])
async def test_an_account_that_goes_away_while_its_plants_are_listed(
    home: Home, action: str
) -> None:
    """One of several leaves the others alone."""
    other = await home.add_account()
    home.add_devices(SERIALS[:2])
    await home.add(SERIALS[0])
    await home.bind(other, home.add_plant(other, "Barn"), SERIALS[1:2])
    home.faults.add("plant/list", kind="hold")
    home.faults.add("plant/user_plant_list", kind="hold")
    where = {"config_entry_id": other.entry_id} if action == "bind_device" else {}
    serials = SERIALS[:2] if action == "move_device" else SERIALS[2:3]
    waiting = call(home, action, serial_numbers=serials, plant_id="Nowhere", timeout=0, **where)
    await home.faults.wait_held()
    await home.unload(other)
    home.faults.clear()
    if action == "bind_device":
        with pytest.raises(Exception, match=r"Nowhere"):
            await waiting
        return
    first, second = (await waiting)["results"]
    assert (first["reason"], first["done"]) == ("plant_not_found", False)
    assert (second["reason"], second["done"]) == ("not_loaded", False)


async def test_a_reload_of_the_account_to_move_to_is_waited_for(home: Home) -> None:
    """As after a new token, which all accounts with the old one get."""
    serials = SERIALS[:4]
    await home.accept(*serials)
    other = await home.add_account()
    to = {"config_entry_id": other.entry_id, "plant_id": home.add_plant(other, "Barn")}
    await asyncio.sleep(400)
    waiting = call(home, "move_device", serial_numbers=serials, timeout=60, **to)
    await home.reload(other)
    results = (await waiting)["results"]
    assert {(told["state"], told["done"]) for told in results} == {("accepted", True)}
    assert {told["account"] for told in results} == {other.title}


async def test_a_reload_while_devices_are_stored_is_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add_devices(SERIALS)
    disk = SlowDisk(monkeypatch, f"growatt_onboarding.{home.entry.entry_id}")
    where = {"config_entry_id": home.entry.entry_id, "plant_id": home.plant_id}
    waiting = call(home, "bind_device", serial_numbers=SERIALS, timeout=60, **where)
    await disk.reached.wait()
    reloading = home.hass.async_create_task(home.reload(home.entry))
    await asyncio.sleep(1)
    disk.goes_on.set()
    await reloading
    results = (await waiting)["results"]
    assert {told["state"] for told in results} == {"accepted"}


async def test_others_follow_once_the_account_to_move_to_is_reloaded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    serials = SERIALS[:4]
    await home.accept(*serials)
    other = await home.add_account()
    to = {"config_entry_id": other.entry_id, "plant_id": home.add_plant(other, "Barn")}
    await asyncio.sleep(400)
    disk = SlowDisk(monkeypatch, f"growatt_onboarding.{other.entry_id}")
    waiting = call(home, "move_device", serial_numbers=serials, timeout=60, **to)
    await disk.reached.wait()
    reloading = home.hass.async_create_task(home.reload(other))
    await asyncio.sleep(1)
    disk.goes_on.set()
    await reloading
    results = (await waiting)["results"]
    assert {(told["state"], told["done"]) for told in results} == {("accepted", True)}


async def test_two_accounts_that_bind_the_same_at_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one of them has it, however long it takes to store what was removed before."""
    other = await home.add_account()
    plants = {home.entry: home.plant_id, other: home.add_plant(other)}
    sn, removed = SERIALS[:2]
    await home.accept(removed)
    home.add_devices([sn])
    disk = SlowDisk(monkeypatch, "growatt_onboarding.records")
    await home.call("remove_device", serial_numbers=removed)
    await disk.reached.wait()
    binding = [
        call(home, "bind_device", serial_numbers=sn, config_entry_id=entry.entry_id, plant_id=plant)
        for entry, plant in plants.items()
    ]
    await asyncio.sleep(0.1)
    disk.goes_on.set()
    states = [told["state"] for waiting in binding for told in (await waiting)["results"]]
    assert sorted(states) == ["accepted", "already_tracked"]
    tracking = [entry for entry in plants if sn in entry.runtime_data.coordinator.data]
    assert len(tracking) == 1
