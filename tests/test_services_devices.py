"""The actions that list devices, check and submit them again, move and remove them."""

from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN, Simulator

from .common import (
    RESIDENT_ID,
    RESIDENT_PLANT,
    act,
    add_account,
    associate,
    by_serial,
    fails,
    full_disk,
    refused,
    track,
    until,
)

BIND = "device/sn/add"
GOOD, OTHER, WRONG, THEIRS = "GOOD000001", "GOOD000002", "UNKNOWN001", "THEIRS0001"
STICK = "QMN0000001"
TOKEN_OF_EVE = "y" * 32


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with the installer's token."""
    return await add_account(hass, cloud)


@pytest.fixture
async def bob(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of another end user of the same token."""
    user = cloud.growatt.add_user("bob", "bob@example.com")
    return await add_account(hass, cloud, account_id=str(user.user_id), name="bob")


@pytest.fixture
async def eve(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of an end user of another token."""
    cloud.growatt.tokens[TOKEN_OF_EVE] = cloud.growatt.tokens[INSTALLER_TOKEN]
    user = cloud.growatt.add_user("eve", "eve@example.com")
    account_id = str(user.user_id)
    return await add_account(hass, cloud, token=TOKEN_OF_EVE, account_id=account_id, name="eve")


@pytest.fixture
def garage(cloud: Simulator, bob: ConfigEntry) -> str:
    """Return a plant of bob's."""
    return str(cloud.growatt.add_plant(int(bob.data["account_id"]), "Garage").plant_id)


def make(cloud: Simulator, *serials: str, **options: Any) -> None:
    """Have the cloud know inverters."""
    for serial in serials:
        cloud.growatt.add_device(serial, **options)


def device_of(hass: HomeAssistant, entry: ConfigEntry, identifier: str) -> str:
    """Return the id of a device."""
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), entry.entry_id)
    assert device is not None
    return device.id


def tracked(entry: ConfigEntry) -> set[str | None]:
    """Return the serial numbers that an account has."""
    return {subentry.unique_id for subentry in entry.subentries.values()}


def reasons(found: dict[str, dict[str, Any]]) -> dict[str, str | None]:
    """Return the reason of each result."""
    return {serial: told["reason"] for serial, told in found.items()}


def done(found: dict[str, dict[str, Any]]) -> set[str]:
    """Return the serial numbers with which something was done."""
    return {serial for serial, told in found.items() if told["done"]}


# list_devices


async def test_list_devices_by_account_plant_state_and_kind(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, GOOD, OTHER)
    cloud.growatt.add_datalogger(STICK)
    await track(entry, GOOD, WRONG)
    await track(bob, OTHER, plant_id=garage)
    await entry.runtime_data.coordinator.async_track([STICK], RESIDENT_PLANT, DeviceKind.DATALOGGER)
    await associate(cloud, entry, GOOD)
    cloud.calls.clear()

    async def listed(**filters: Any) -> set[str]:
        return set(by_serial(await act(hass, "list_devices", **filters)))

    assert await listed() == {GOOD, WRONG, OTHER, STICK}
    assert await listed(config_entry_id=bob.entry_id) == {OTHER}
    both = [bob.entry_id, entry.entry_id, bob.entry_id]
    assert await listed(config_entry_id=both, kind="datalogger") == {STICK}
    assert await listed(state=["rejected", "associated"]) == {GOOD, WRONG}
    assert await listed(state="lost") == set()
    assert await listed(plant_id=[garage, "nowhere"]) == {OTHER}
    assert not cloud.calls
    # By the name too, once it was listed.
    assert await listed(plant_id="Garage") == set()
    await act(hass, "list_plants", config_entry_id=bob.entry_id)
    assert await listed(plant_id="Garage") == {OTHER}
    with pytest.raises(ServiceValidationError):
        await listed(config_entry_id="nobody")
    # By number and by device, with what is not here left out.
    assert await listed(serial_numbers=f"{GOOD}, x!, NOTHERE001") == {GOOD}
    device_id = device_of(hass, bob, OTHER)
    assert await listed(serial_numbers=[STICK], device_id=[device_id, "nothing"]) == {STICK, OTHER}
    assert await listed(serial_numbers=[GOOD, OTHER], config_entry_id=bob.entry_id) == {OTHER}

    await hass.config_entries.async_unload(bob.entry_id)
    assert await listed() == {GOOD, WRONG, STICK}


async def test_accounts_whose_devices_cannot_be_listed_are_told(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    await track(entry, WRONG)
    await track(bob, OTHER, plant_id=garage)
    data = {"config_entry_id": [entry.entry_id, "nobody", bob.entry_id]}
    await hass.config_entries.async_unload(bob.entry_id)
    found = await act(hass, "list_devices", **data)
    assert set(by_serial({"devices": found["devices"]})) == {WRONG}
    assert [
        (one["config_entry_id"], one["account"], one["reason"]) for one in found["not_loaded"]
    ] == [
        ("nobody", None, "account_not_found"),
        (bob.entry_id, "bob", "not_loaded"),
    ]
    assert all(one["explanation"] for one in found["not_loaded"])
    # Without any, it is all but those that somebody has disabled.
    told = (await act(hass, "list_devices"))["not_loaded"]
    assert [one["account"] for one in told] == ["bob"]
    await hass.config_entries.async_set_disabled_by(bob.entry_id, ConfigEntryDisabler.USER)
    assert (await act(hass, "list_devices"))["not_loaded"] == []
    await refused(hass, "list_devices", "not_loaded", config_entry_id=bob.entry_id)

    await hass.config_entries.async_set_disabled_by(bob.entry_id, None)
    found = await act(hass, "list_devices", **data)
    assert set(by_serial({"devices": found["devices"]})) == {WRONG, OTHER}
    assert [one["config_entry_id"] for one in found["not_loaded"]] == ["nobody"]


# submit_again


async def test_submit_again_one_by_one(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, GOOD, OTHER)
    await track(entry, GOOD, WRONG, "UNKNOWN002")
    await track(bob, OTHER, plant_id=garage)
    await associate(cloud, entry, GOOD)
    make(cloud, WRONG, "UNKNOWN002")
    cloud.calls.clear()
    found = by_serial(
        await act(
            hass,
            "submit_again",
            serial_numbers=[f"SN: {WRONG.lower()}, {GOOD}", "x!", "NOTHERE001"],
            device_id=[
                device_of(hass, entry, "UNKNOWN002"),
                device_of(hass, entry, WRONG),
                device_of(hass, entry, entry.entry_id),
                "nothing",
            ],
        ),
        "done",
    )
    assert done(found) == {WRONG, "UNKNOWN002"}
    assert found[WRONG]["state"] == found["UNKNOWN002"]["state"] == "accepted"
    assert {serial: found[serial]["state"] for serial in (GOOD, "x!", "NOTHERE001")} == {
        GOOD: "associated",
        "x!": "invalid",
        "NOTHERE001": "not_tracked",
    }
    others = {serial: told for serial, told in found.items() if not told["done"]}
    assert list(reasons(others).values()) == [
        *("already_associated", "serial_invalid", "not_tracked", "not_a_device", "not_a_device")
    ]
    assert all(told["explanation"] for told in others.values())
    assert len(cloud.calls.of(BIND)) == 2


async def test_submit_again_when_it_cannot_be(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    await track(entry, WRONG)
    await track(bob, OTHER, plant_id=garage)
    make(cloud, WRONG, OTHER)
    await hass.config_entries.async_unload(bob.entry_id)
    with full_disk():
        found = by_serial(await act(hass, "submit_again", serial_numbers=[OTHER, WRONG]), "done")
    assert not done(found)
    assert reasons(found) == {OTHER: "not_loaded", WRONG: "not_stored"}
    assert found[OTHER]["state"] == "not_loaded"
    await hass.config_entries.async_setup(bob.entry_id)
    found = by_serial(await act(hass, "submit_again", serial_numbers=[OTHER, WRONG]), "done")
    assert done(found) == {OTHER, WRONG}

    many = [f"SIM{number:07}" for number in range(1001)]
    await refused(hass, "submit_again", "serials_too_many", serial_numbers=many)


async def test_a_device_removed_while_it_is_submitted_again(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    await track(entry, WRONG)
    cloud.faults.add(BIND, kind="hold")
    task = hass.async_create_task(act(hass, "submit_again", serial_numbers=WRONG))
    await cloud.faults.wait_held()
    assert (await act(hass, "remove_device", serial_numbers=WRONG))["results"][0]["done"]
    cloud.faults.release()
    found = by_serial(await task, "done")
    assert (found[WRONG]["state"], found[WRONG]["tracked"]) == ("removed", False)


# move_device


async def test_move_to_another_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    roof = cloud.growatt.add_plant(int(RESIDENT_ID), "Roof")
    make(cloud, GOOD, plant_id=roof.plant_id)
    make(cloud, OTHER)
    await track(entry, GOOD, OTHER)
    await associate(cloud, entry, OTHER)
    assert entry.runtime_data.coordinator.data[GOOD].state == "conflict"
    data = {"serial_numbers": [GOOD, OTHER, "NOTHERE001"], "plant_id": str(roof.plant_id)}
    found = by_serial(await act(hass, "move_device", **data), "done")
    assert done(found) == {GOOD}
    assert found[GOOD]["state"] == "associated"
    assert found[GOOD]["plant_id"] == str(roof.plant_id)
    # What is in a plant can be taken out of it in the cloud only.
    assert reasons(found)[OTHER] == "already_associated"
    assert found[OTHER]["plant_id"] == RESIDENT_PLANT
    assert {sub.data["plant_id"] for sub in entry.subentries.values()} == {
        RESIDENT_PLANT,
        str(roof.plant_id),
    }
    found = by_serial(await act(hass, "move_device", serial_numbers=WRONG, plant_id="Roof"), "done")
    assert reasons(found) == {WRONG: "not_tracked"}


async def test_move_to_another_account_of_the_same_token(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, GOOD, plant_id=int(garage))
    await track(entry, GOOD)
    await hass.async_block_till_done()
    data = {"serial_numbers": GOOD, "plant_id": garage, "config_entry_id": bob.entry_id}
    with full_disk():
        found = by_serial(await act(hass, "move_device", **data), "done")
    assert reasons(found) == {GOOD: "not_stored"}
    assert (tracked(entry), tracked(bob)) == ({GOOD}, set())

    found = by_serial(await act(hass, "move_device", **data), "done")
    assert done(found) == {GOOD}
    assert (found[GOOD]["account"], found[GOOD]["state"]) == ("bob", "associated")
    assert (tracked(entry), tracked(bob)) == (set(), {GOOD})
    await hass.async_block_till_done()
    assert GOOD not in entry.runtime_data.coordinator.data
    assert device_of(hass, bob, GOOD)


async def test_an_account_of_another_token_takes_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, eve: ConfigEntry
) -> None:
    make(cloud, GOOD)
    await track(entry, GOOD)
    data = {"serial_numbers": GOOD, "plant_id": "1", "config_entry_id": eve.entry_id}
    found = by_serial(await act(hass, "move_device", **data), "done")
    assert reasons(found) == {GOOD: "other_token"}
    assert (tracked(entry), tracked(eve)) == ({GOOD}, set())


# remove_device


async def test_remove_devices(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, GOOD, OTHER)
    await track(entry, GOOD, WRONG)
    await track(bob, OTHER, plant_id=garage)
    await associate(cloud, entry, GOOD)
    await hass.async_block_till_done()
    cloud.calls.clear()
    data = {"serial_numbers": [WRONG, "NOTHERE001"], "device_id": device_of(hass, bob, OTHER)}
    found = by_serial(await act(hass, "remove_device", **data), "done")
    assert done(found) == {WRONG, OTHER}
    assert {told["state"] for told in found.values()} == {"removed", "not_tracked"}
    assert not any(told["tracked"] for told in found.values())
    # It still says what it was removed for.
    assert found[WRONG]["reason"] == "serial_rejected"
    await hass.async_block_till_done()
    assert (tracked(entry), tracked(bob)) == ({GOOD}, set())
    assert not cloud.calls
    assert not [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]

    # It can be added again.
    make(cloud, WRONG)
    response = await act(
        hass,
        "bind_device",
        config_entry_id=entry.entry_id,
        plant_id=RESIDENT_PLANT,
        serial_numbers=WRONG,
    )
    assert response["results"][0]["state"] == "accepted"


# bind_device: what is refused, what is tracked, how long it waits


async def test_what_is_refused_need_not_be_kept(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, GOOD)
    make(cloud, THEIRS, plant_id=int(garage))
    events = async_capture_events(hass, "growatt_onboarding_first_answers")
    data = {"config_entry_id": entry.entry_id, "plant_id": RESIDENT_PLANT}
    serials = [GOOD, WRONG, THEIRS]
    response = await act(hass, "bind_device", **data, serial_numbers=serials, keep_refused=False)
    found = by_serial(response, "tracked_state", "repeated")
    assert {serial: (told["state"], told["tracked"]) for serial, told in found.items()} == {
        GOOD: ("accepted", True),
        WRONG: ("rejected", False),
        THEIRS: ("conflict", False),
    }
    assert all(found[serial]["explanation"] for serial in (WRONG, THEIRS))
    await hass.async_block_till_done()
    (event,) = events
    assert event.data["states"] == {"accepted": [GOOD], "rejected": [WRONG], "conflict": [THEIRS]}
    assert tracked(entry) == {GOOD}
    assert not [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]


async def test_what_is_refused_later_need_not_be_kept_either(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.faults.add(BIND, kind="hold")
    data = {"plant_id": RESIDENT_PLANT, "serial_numbers": WRONG, "keep_refused": False}
    response = await act(hass, "bind_device", **data, timeout=1)
    assert response["results"][0]["tracked"]
    await cloud.faults.wait_held()
    cloud.faults.release()
    await until(lambda: not tracked(entry))
    assert not [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]


async def test_where_one_is_tracked_whose_account_is_not_loaded(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, OTHER)
    await track(bob, OTHER, plant_id=garage)
    await hass.config_entries.async_unload(bob.entry_id)
    data = {"config_entry_id": entry.entry_id, "plant_id": RESIDENT_PLANT}
    (told,) = (await act(hass, "bind_device", **data, serial_numbers=OTHER))["results"]
    assert (told["state"], told["tracked"], told["tracked_state"]) == (
        "already_tracked",
        True,
        None,
    )
    assert (told["account"], told["plant_id"]) == ("bob", garage)


@pytest.mark.parametrize("kind", ["inverter", "datalogger"])
async def test_what_is_known_of_a_device_whose_account_is_not_loaded(
    hass: HomeAssistant, entry: ConfigEntry, bob: ConfigEntry, garage: str, kind: str
) -> None:
    """Is told in the same shape, however it was named and whatever was to be done with it."""
    await act(hass, "list_plants", config_entry_id=bob.entry_id)
    await bob.runtime_data.coordinator.async_track([OTHER], garage, DeviceKind(kind))
    await hass.async_block_till_done()
    device_id = device_of(hass, bob, OTHER)
    await hass.config_entries.async_unload(bob.entry_id)
    where = {
        "serial_number": OTHER,
        "tracked": True,
        "kind": kind,
        "config_entry_id": bob.entry_id,
        "account": "bob",
        "plant_id": garage,
        "plant": "Garage",
    }

    def known(response: dict[str, Any]) -> dict[str, Any]:
        (told,) = response["results"]
        assert where.items() <= told.items()
        return {name: told[name] for name in ("state", "reason", "explanation")}

    by_number = known(await act(hass, "remove_device", serial_numbers=OTHER))
    assert (by_number["state"], by_number["reason"]) == ("not_loaded", "not_loaded")
    assert known(await act(hass, "remove_device", device_id=device_id)) == by_number
    assert known(await act(hass, "submit_again", device_id=[device_id])) == by_number
    assert known(await act(hass, "check_association", device_id=device_id)) == by_number
    data = {"config_entry_id": entry.entry_id, "plant_id": RESIDENT_PLANT}
    told = known(await act(hass, "bind_device", **data, serial_numbers=OTHER))
    assert (told["state"], told["reason"]) == ("already_tracked", "tracked_not_loaded")
    assert told["explanation"].startswith(
        f"{OTHER} is already in Home Assistant: account bob, plant Garage. The account is not"
    )
    assert tracked(bob) == {OTHER}
    await hass.config_entries.async_setup(bob.entry_id)
    (told,) = (await act(hass, "bind_device", **data, serial_numbers=OTHER))["results"]
    assert where.items() <= told.items()
    assert told["reason"] == "tracked_in_account"


async def test_what_only_a_later_version_understands_stops_no_other(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    device = {"data": {}, "subentry_type": "battery", "title": OTHER, "unique_id": OTHER}
    later = MockConfigEntry(
        domain=DOMAIN, version=99, title="later", data={"provider": "x"}, subentries_data=[device]
    )
    later.add_to_hass(hass)
    make(cloud, GOOD)
    data = {"config_entry_id": entry.entry_id, "plant_id": RESIDENT_PLANT}
    response = await act(hass, "bind_device", **data, serial_numbers=[OTHER, GOOD])
    there, added = response["results"]
    assert (added["state"], there["state"]) == ("accepted", "already_tracked")
    assert (there["account"], there["kind"], there["plant_id"]) == ("later", None, None)
    (told,) = (await act(hass, "remove_device", serial_numbers=OTHER))["results"]
    assert (told["state"], told["tracked"], told["done"]) == ("not_loaded", True, False)


async def test_each_text_that_is_no_serial_number_is_told_as_it_was_given(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """However long it is, and whatever it begins with."""
    long = [f"{'Y' * 41}-{end}" for end in "ab"]
    given = [*long, "x!", long[0]]
    response = await act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers=given)
    assert [(one["serial_number"], one["repeated"]) for one in response["results"]] == [
        *((long[0], True), (long[1], False), ("x!", False))
    ]
    sticks = [{"serial_number": text} for text in ("", " ", long[0], "x!")]
    response = await act(hass, "bind_datalogger", plant_id=RESIDENT_PLANT, dataloggers=sticks)
    assert [(one["serial_number"], one["reason"]) for one in response["results"]] == [
        *(("", "serials_empty"), (long[0], "serial_invalid"), ("x!", "serial_invalid"))
    ]
    assert not cloud.calls


# The event


async def test_an_event_has_the_first_answers_of_a_batch(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """Also when they come after the action has answered, and whatever is removed meanwhile."""
    events = async_capture_events(hass, "growatt_onboarding_first_answers")
    make(cloud, GOOD, OTHER)
    await act(hass, "list_plants")
    await track(entry, "TRACKED001")
    cloud.faults.add(BIND, kind="hold")
    context = Context()
    await hass.services.async_call(
        DOMAIN,
        "bind_device",
        {
            "plant_id": RESIDENT_PLANT,
            "serial_numbers": [GOOD, WRONG, OTHER, "x!", "tracked001"],
            "timeout": 0,
        },
        blocking=True,
        context=context,
    )
    assert not events
    await cloud.faults.wait_held()
    (other,) = (sub for sub in entry.subentries.values() if sub.unique_id == OTHER)
    hass.config_entries.async_remove_subentry(entry, other.subentry_id)
    cloud.faults.release()
    await until(lambda: events)
    (event,) = events
    assert event.context is context
    assert event.data == {
        "config_entry_id": entry.entry_id,
        "account": entry.title,
        "plant_id": RESIDENT_PLANT,
        "plant": "Sim Home",
        "kind": "inverter",
        "count": 5,
        "states": {
            "accepted": [GOOD],
            "rejected": [WRONG],
            "removed": [OTHER],
            "invalid": ["x!"],
            "already_tracked": ["TRACKED001"],
        },
    }


async def test_a_batch_without_anything_to_send_has_its_event_at_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    events = async_capture_events(hass, "growatt_onboarding_first_answers")
    data = {"plant_id": RESIDENT_PLANT, "dataloggers": [{"serial_number": "x!"}]}
    await act(hass, "bind_datalogger", **data)
    await hass.async_block_till_done()
    (event,) = events
    assert (event.data["kind"], event.data["states"]) == ("datalogger", {"invalid": ["x!"]})
    assert not cloud.calls


# check_association


async def test_check_what_accounts_wait_for(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    make(cloud, GOOD, OTHER)
    await track(entry, GOOD, WRONG)
    await track(bob, OTHER, plant_id=garage)
    cloud.growatt.bring_online(OTHER)
    accounts = [entry.entry_id, bob.entry_id]
    found = by_serial(await act(hass, "check_association", config_entry_id=accounts), "asked")
    assert {serial: told["state"] for serial, told in found.items()} == {
        GOOD: "accepted",
        OTHER: "associated",
    }
    assert all(told["asked"] for told in found.values())
    # Of an account that waits for nothing, there is nothing to say.
    assert await act(hass, "check_association", config_entry_id=bob.entry_id) == {"results": []}
    # A device may be named beside its account.
    both = {"config_entry_id": entry.entry_id, "device_id": device_of(hass, entry, GOOD)}
    assert set(by_serial(await act(hass, "check_association", **both), "asked")) == {GOOD}


async def test_an_account_that_is_not_signed_in_does_not_stop_the_others(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, eve: ConfigEntry
) -> None:
    plant = str(cloud.growatt.add_plant(int(eve.data["account_id"]), "Home").plant_id)
    make(cloud, GOOD, OTHER)
    await track(entry, GOOD)
    await track(eve, OTHER, plant_id=plant)
    del cloud.growatt.tokens[TOKEN_OF_EVE]
    await fails(hass, "list_plants", "invalid_token", config_entry_id=eve.entry_id)
    accounts = [eve.entry_id, entry.entry_id]
    found = by_serial(await act(hass, "check_association", config_entry_id=accounts), "asked")
    assert (found[GOOD]["asked"], found[GOOD]["reason"]) == (True, None)
    assert (found[OTHER]["asked"], found[OTHER]["reason"]) == (False, "not_signed_in")
    told = await refused(hass, "check_association", "not_signed_in", config_entry_id=eve.entry_id)
    assert told == {"account": "eve"}


async def test_what_cannot_be_checked_does_not_stop_the_others(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, bob: ConfigEntry, garage: str
) -> None:
    """And is told beside them, each device and each account."""
    make(cloud, GOOD, OTHER)
    await track(entry, GOOD)
    await track(bob, OTHER, plant_id=garage)
    await hass.async_block_till_done()
    devices = [device_of(hass, bob, OTHER), "nothing", device_of(hass, entry, GOOD)]
    accounts = [bob.entry_id, "nobody", entry.entry_id]
    await hass.config_entries.async_unload(bob.entry_id)

    async def check(**data: Any) -> list[tuple[Any, ...]]:
        response = await act(hass, "check_association", **data)
        for one in response["results"]:
            by_serial({"results": [one]}, "asked")
        shown = ("serial_number", "config_entry_id", "state", "asked", "reason")
        return [tuple(one[name] for name in shown) for one in response["results"]]

    good = (GOOD, entry.entry_id, "accepted", True, None)
    assert await check(device_id=devices) == [
        good,
        (OTHER, bob.entry_id, "not_loaded", False, "not_loaded"),
        ("nothing", None, "not_tracked", False, "not_a_device"),
    ]
    assert await check(config_entry_id=accounts) == [
        good,
        (None, bob.entry_id, "not_loaded", False, "not_loaded"),
        (None, "nobody", "not_loaded", False, "account_not_found"),
    ]
    await hass.config_entries.async_setup(bob.entry_id)
    found = await check(config_entry_id=accounts[::2])
    assert found == [(OTHER, bob.entry_id, "accepted", True, None), good]
