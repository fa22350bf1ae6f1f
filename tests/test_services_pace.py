"""What the actions tell of devices while time passes, within the cloud's limits."""

import asyncio
from datetime import datetime

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .common import by_serial
from .home import Home

GOOD, WRONG = "GOOD000001", "UNKNOWN001"
STICK = "QMN0000001"


async def test_what_is_listed_of_a_device(home: Home) -> None:
    home.add_devices([GOOD])
    await home.add(GOOD, WRONG)
    await home.shows("accepted", GOOD)
    await asyncio.sleep(60)
    found = by_serial(await home.call("list_devices"))
    pending, refusal = found[GOOD], found[WRONG]
    assert (pending["kind"], pending["pending"], pending["tracked"]) == ("inverter", True, True)
    assert (pending["account"], pending["config_entry_id"]) == (
        home.entry.title,
        home.entry.entry_id,
    )
    times = [datetime.fromisoformat(pending[name]) for name in ("submitted", "last_check")]
    times.append(datetime.fromisoformat(pending["next_check"]))
    assert times == sorted(times)
    assert all(time.tzinfo for time in times)
    assert refusal["next_check"] is None
    assert refusal["reason"] == "serial_rejected"
    assert refusal["explanation"].startswith("The cloud does not accept the serial number.")
    assert refusal["message"] in refusal["explanation"]


async def test_why_one_is_overdue(home: Home) -> None:
    """Told by the entity at the very time at which the repair is raised, and by the actions."""
    home.growatt.add_datalogger(STICK)
    await home.accept(GOOD)
    await home.bind_dataloggers(home.entry, home.plant_id, [STICK])
    await home.shows("accepted", STICK)
    entities = {serial: home.entity_id(serial) for serial in (GOOD, STICK)}

    def told(serial: str) -> str | None:
        state = home.hass.states.get(entities[serial])
        assert state is not None
        return state.attributes.get("reason")

    assert [told(serial) for serial in entities] == [None, None]
    await asyncio.sleep(86_400 + 5)
    assert {f"overdue_{GOOD}", f"overdue_{STICK}"} <= home.issues().keys()
    assert [told(serial) for serial in entities] == ["inverter_unseen", "datalogger_silent"]
    found = by_serial(await home.call("list_devices"))
    assert {serial: told["reason"] for serial, told in found.items()} == {
        GOOD: "inverter_unseen",
        STICK: "datalogger_silent",
    }
    assert "daylight" in found[GOOD]["explanation"]
    home.growatt.bring_online(GOOD)
    await home.shows("associated", GOOD, seconds=50_000)
    assert told(GOOD) is None


@pytest.mark.parametrize(("count", "longest"), [(2, 32), (150, 180), (400, 300)])
async def test_the_wait_is_in_proportion_to_the_count(
    home: Home, count: int, longest: float
) -> None:
    """Which is what so many calls take, one a second, and no longer than five minutes."""
    serials = [f"SIM{number:07}" for number in range(count)]
    home.add_devices(serials)
    data = {"plant_id": home.plant_id, "serial_numbers": serials}
    began = home.clock.passed
    response = await home.call("bind_device", **data)
    took = home.clock.passed - began
    assert took <= longest + 1
    answered = [told for told in response["results"] if told["state"] == "accepted"]
    assert len(answered) >= min(count, 250)
    assert took >= min(count, 295) - 1


@pytest.mark.parametrize(
    ("given", "answered", "longest"), [({}, 120, 155), ({"timeout": 60}, 60, 61)]
)
async def test_who_shares_a_token_waits_for_its_turn_too(
    home: Home, given: dict[str, int], answered: int, longest: float
) -> None:
    """Which takes twice as long, unless the action says how long it waits."""
    other = await home.add_account()
    plants = {home.entry: home.plant_id, other: home.add_plant(other)}
    numbers = iter(range(1000))

    async def bind(entry: MockConfigEntry) -> int:
        where = {"config_entry_id": entry.entry_id, "plant_id": plants[entry]}
        serials = home.add_devices(f"SIM{next(numbers):07}" for _ in range(60))
        response = await home.call("bind_device", **where, serial_numbers=serials, **given)
        return sum(told["state"] == "accepted" for told in response["results"])

    began = home.clock.passed
    found = await asyncio.gather(*map(bind, plants))
    assert answered - 10 <= sum(found) <= answered
    assert home.clock.passed - began <= longest


async def test_an_outage_does_not_make_an_action_wait_longer(home: Home) -> None:
    serials = home.add_devices(f"SIM{number:07}" for number in range(20))
    home.faults.add("device/sn/add", kind="late", seconds=20, times=None)
    began = home.clock.passed
    data = {"plant_id": home.plant_id, "serial_numbers": serials}
    response = await home.call("bind_device", **data)
    assert not any(told["state"] == "accepted" for told in response["results"])
    assert home.clock.passed - began <= 51


async def test_a_check_that_the_limits_forbid_says_when(home: Home) -> None:
    await home.accept(GOOD)
    await home.check([GOOD], timeout=10)
    await asyncio.sleep(2)
    data = {"config_entry_id": home.entry.entry_id, "timeout": 1}
    found = by_serial(await home.call("check_association", **data), "asked")
    assert not found[GOOD]["asked"]
    at = datetime.fromisoformat(found[GOOD]["next_check"]).timestamp()
    assert 0 < at - home.simulator.now() <= 310
    await asyncio.sleep(310)
    found = by_serial(await home.call("check_association", **data), "asked")
    assert datetime.fromisoformat(found[GOOD]["last_check"]).timestamp() >= at - 1
