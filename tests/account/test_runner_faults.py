"""Lists, questions and code that fail by themselves only: everything else goes on."""

import asyncio
from typing import Any

import pytest

from custom_components.growatt_onboarding.cloud import model
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import SightingPage
from tests.home import Home

SN, OTHER_SN = "SIM0000001", "SIM0000002"
HOUR, DAY = 3_600, 86_400
ADD = "device/sn/add"
LIST = "device/list"
HOLDER = "plant/sn_plant"
PLANTS = "plant/list"
WATCH = "new-api/queryDeviceList"


def numbered(count: int) -> list[str]:
    return [f"SIM{number:07}" for number in range(count)]


async def test_one_broken_list_does_not_stop_everything_else(home: Home) -> None:
    serials = numbered(20)
    home.add_devices(serials, online_after=30)
    home.faults.add(WATCH, kind="firewall", times=None)
    await home.add(*serials)
    await home.shows("associated", *serials, seconds=3 * HOUR)
    # Nor is it hammered.
    assert home.asked(WATCH) < 10

    home.faults.clear()
    home.add_devices(["SIM0000999"])
    await asyncio.sleep(2 * HOUR)
    asked = home.asked(WATCH)
    await home.add("SIM0000999")
    await asyncio.sleep(60)
    assert home.asked(WATCH) > asked


async def test_a_list_whose_pages_shift_loses_nobody(home: Home) -> None:
    serials = numbered(150)
    home.add_devices(serials, plant_id=int(home.plant_id))
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    await home.add(*serials)
    await home.shows("associated", *serials, seconds=9_000)
    await asyncio.sleep(400)
    original, moved = GrowattClient.sightings, []

    async def sightings(self: GrowattClient, *asked: Any) -> SightingPage:
        found = await original(self, *asked)
        if asked[1] == 1 and not moved:
            # What stood first on page 2 is first on no page that is still to come.
            moved.append(serials[0])
            home.growatt.move(serials[0], elsewhere)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "sightings", sightings)
        await home.check([serials[120]])
        await asyncio.sleep(HOUR)
    assert moved == serials[:1]
    assert {serial: home.status(serial) for serial in serials[1:]} == dict.fromkeys(
        serials[1:], "associated"
    )
    assert home.coordinator.next_step() is None


@pytest.mark.parametrize("may_locate", [True, False])
async def test_a_list_that_is_empty_once_loses_nobody(home: Home, *, may_locate: bool) -> None:
    """As seen in the field: a count of one, and no devices."""
    home.add_devices([SN], plant_id=int(home.plant_id))
    if not may_locate:
        denied = home.token
        denied.endpoints_denied = frozenset({HOLDER})
    await home.add(SN)
    await home.shows("associated", SN)
    await asyncio.sleep(400)
    original, emptied = GrowattClient.sightings, []

    async def sightings(self: GrowattClient, *asked: Any) -> SightingPage:
        found = await original(self, *asked)
        if not emptied:
            emptied.append(asked)
            return SightingPage(())
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "sightings", sightings)
        await home.check([SN])
        await asyncio.sleep(HOUR)
    assert emptied
    assert home.status(SN) == "associated"
    # What is really gone is lost all the same.
    home.growatt.remove_from_plant(SN)
    await home.check([SN])
    await home.shows("lost", SN)


async def test_a_list_of_very_many_devices_is_read_to_its_end(home: Home) -> None:
    """Its pages take longer than the pause after which a reading counts as given up."""
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    home.add_devices([f"OLD{number:07}" for number in range(4_000)], plant_id=elsewhere)
    home.add_devices([SN])
    await home.add(SN)
    await home.clock.until(lambda: home.entry.runtime_data.gateway.watch.read_at is not None)
    assert home.asked(WATCH) == 41


@pytest.fixture
def most_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have lists given up earlier, which takes less time to see."""
    monkeypatch.setattr(model, "MAX_PAGES", 20)
    return 20


@pytest.mark.parametrize("endless", ["new", "same", "blank"])
@pytest.mark.parametrize("watched", [True, False])
async def test_a_list_without_end_is_not_read_for_ever(
    home: Home, most_pages: int, *, endless: str, watched: bool
) -> None:
    """It is given up after many pages, and then read less and less often."""
    home.token.may_v4 = watched
    await home.accept(SN)
    home.growatt.endless = endless
    before, path = home.asked("*"), WATCH if watched else LIST
    await asyncio.sleep(HOUR)
    # Some times in the first hour, as after any failure; the plant's list beside the watch too.
    assert 2 <= home.asked(path) <= 7 * most_pages
    assert home.asked("*") - before <= 14 * most_pages
    before = home.asked("*")
    await asyncio.sleep(HOUR)
    assert home.asked("*") - before <= 4 * most_pages
    assert home.status(SN) == "accepted"

    home.growatt.endless = None
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)


@pytest.mark.parametrize("endless", ["new", "same", "blank"])
@pytest.mark.usefixtures("most_pages")
async def test_a_list_without_end_loses_nobody(home: Home, endless: str) -> None:
    """That an inverter is not in the part that was read proves nothing: its holder is asked."""
    await home.associate(SN)
    home.growatt.endless = endless
    for _ in range(3):
        await asyncio.sleep(HOUR)
        await home.check([SN])
        await asyncio.sleep(600)
        assert home.status(SN) == "associated"
    assert home.asked(HOLDER) == 3
    asked = home.asked("*")
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked

    home.growatt.remove_from_plant(SN)
    await home.check([SN])
    await home.shows("lost", SN)


async def test_a_list_without_end_and_nobody_tells_the_holder(home: Home) -> None:
    """Then it stays where it was, and nothing goes on asking."""
    await home.associate(SN)
    home.growatt.endless = "same"
    home.faults.add(HOLDER, kind="code", code=10011, times=None)
    await asyncio.sleep(HOUR)
    await home.check([SN])
    await asyncio.sleep(DAY)
    asked = home.asked("*")
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked
    assert home.status(SN) == "associated"

    home.growatt.endless = None
    home.growatt.remove_from_plant(SN)
    home.faults.clear()
    await home.check([SN])
    await home.shows("lost", SN)


async def test_a_reading_that_did_not_go_on_is_begun_anew(home: Home) -> None:
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    home.add_devices([f"OLD{number:07}" for number in range(300)], plant_id=elsewhere)
    home.add_devices([SN])
    watch = home.entry.runtime_data.gateway.watch
    await home.add(SN)
    await home.clock.until(lambda: watch.half_read is not None)
    await home.unload(home.entry)
    await asyncio.sleep(HOUR)
    watch.drop_old(300)
    assert watch.half_read is None


async def test_a_question_that_cannot_be_answered_does_not_hide_the_next(home: Home) -> None:
    """Nobody can tell who holds it; then it stands in our plant."""
    elsewhere = int(home.add_plant(home.entry, "Elsewhere"))
    home.add_devices([SN], plant_id=elsewhere)
    home.faults.add(HOLDER, kind="code", code=10001, times=None)
    await home.add(SN)
    await home.shows("unconfirmed", SN)
    await asyncio.sleep(120)
    home.growatt.move(SN, int(home.plant_id))
    await home.shows("associated", SN, seconds=2 * HOUR)


async def test_a_plant_whose_list_may_not_be_read(home: Home) -> None:
    token = home.token
    token.endpoints_denied, token.may_v4 = frozenset({LIST}), False
    home.add_devices([SN], plant_id=int(home.plant_id))
    await home.add(SN)
    await home.shows("associated", SN)


async def test_a_check_that_the_cloud_fails_to_answer_ends(home: Home) -> None:
    home.add_devices([SN], plant_id=int(home.plant_id))
    await home.add(SN)
    await home.shows("associated", SN)
    await asyncio.sleep(400)
    looks = home.asked(LIST)
    home.faults.add(LIST, kind="code", code=10001, times=None)
    await home.check([SN], timeout=10)
    await asyncio.sleep(30 * DAY)
    assert home.asked(LIST) == looks + 1
    assert not home.coordinator.check_requested(SN)

    home.faults.clear()
    home.growatt.remove_from_plant(SN)
    await home.check([SN])
    await home.shows("lost", SN)


async def test_what_was_denied_to_an_earlier_request_is_not_denied_to_this_one(home: Home) -> None:
    """While it is found out whose fault a 10011 is, somebody wants the inverter elsewhere."""
    token = home.token
    token.may_bind = False
    elsewhere = home.add_plant(home.entry, "Elsewhere")
    home.add_devices([SN])
    home.faults.add(PLANTS, kind="hold")
    await home.add(SN)
    await home.faults.wait_held()
    await home.coordinator.async_submit_again(SN, elsewhere)
    token.may_bind = True
    home.faults.release()
    await home.shows("accepted", SN)
    assert home.asked(ADD) == 2


async def test_a_fault_of_our_own_is_not_the_end_of_all_steps(home: Home) -> None:
    token = home.token
    token.may_bind = False

    async def broken(*_: object) -> None:
        raise ValueError

    home.add_devices([SN, OTHER_SN])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "verify", broken)
        await home.add(SN, OTHER_SN)
        await asyncio.sleep(30)
    token.may_bind = True
    await home.shows("accepted", SN, OTHER_SN)
