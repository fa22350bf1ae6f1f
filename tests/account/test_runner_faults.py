"""SharedData, disks and code that fail in one place only: everything else goes on."""

import asyncio
from collections import Counter
from typing import Any

from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account.registration import (
    ISSUE_UNFINISHED,
    async_review_pending,
)
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import SightingPage
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import async_get_shared_data
from custom_components.growatt_onboarding.gateway.store import DurableStore
from simulator import INSTALLER_TOKEN
from tests.prove.world import World

SN, OTHER_SN = "SIM0000001", "SIM0000002"
HOUR, DAY = 3_600, 86_400
ADD = "device/sn/add"
LIST = "device/list"
HOLDER = "plant/sn_plant"
PLANTS = "plant/list"
WATCH = "new-api/queryDeviceList"


def numbered(count: int) -> list[str]:
    return [f"SIM{number:07}" for number in range(count)]


async def test_one_broken_list_does_not_stop_everything_else(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    serials = numbered(20)
    world.add_devices(serials, online_after=30)
    world.simulator.faults.add(WATCH, kind="firewall", times=None)
    await world.bind(entry, plant_id, serials)
    await world.shows("associated", *serials, seconds=3 * HOUR)
    # Nor is it hammered.
    assert world.asked(WATCH) < 10

    world.simulator.faults.clear()
    world.add_devices(["SIM0000999"])
    await asyncio.sleep(2 * HOUR)
    asked = world.asked(WATCH)
    await world.bind(entry, plant_id, ["SIM0000999"])
    await asyncio.sleep(60)
    assert world.asked(WATCH) > asked


async def test_a_list_whose_pages_shift_loses_nobody(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    serials = numbered(150)
    world.add_devices(serials, plant_id=int(plant_id))
    elsewhere = int(world.add_plant(entry, "Elsewhere"))
    await world.bind(entry, plant_id, serials)
    await world.shows("associated", *serials, seconds=9_000)
    await asyncio.sleep(400)
    original, moved = GrowattClient.sightings, []

    async def sightings(self: GrowattClient, plant: str, page: int) -> SightingPage:
        found = await original(self, plant, page)
        if page == 1 and not moved:
            # What stood first on page 2 is first on no page that is still to come.
            moved.append(serials[0])
            world.simulator.growatt.move(serials[0], elsewhere)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "sightings", sightings)
        await world.check([serials[120]])
        await asyncio.sleep(HOUR)
    assert moved == serials[:1]
    assert {serial: world.status(serial) for serial in serials[1:]} == dict.fromkeys(
        serials[1:], "associated"
    )
    assert entry.runtime_data.coordinator.next_step() is None


@pytest.mark.parametrize("may_locate", [True, False])
async def test_a_list_that_is_empty_once_loses_nobody(
    world: World, entry: MockConfigEntry, plant_id: str, *, may_locate: bool
) -> None:
    """As seen in the field: a count of one, and no devices."""
    world.add_devices([SN], plant_id=int(plant_id))
    if not may_locate:
        denied = world.simulator.growatt.tokens[INSTALLER_TOKEN]
        denied.endpoints_denied = frozenset({HOLDER})
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    await asyncio.sleep(400)
    original, emptied = GrowattClient.sightings, []

    async def sightings(self: GrowattClient, plant: str, page: int) -> SightingPage:
        found = await original(self, plant, page)
        if not emptied:
            emptied.append(page)
            return SightingPage(())
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "sightings", sightings)
        await world.check([SN])
        await asyncio.sleep(HOUR)
    assert emptied
    assert world.status(SN) == "associated"
    # What is really gone is lost all the same.
    world.simulator.growatt.remove_from_plant(SN)
    await world.check([SN])
    await world.shows("lost", SN)


async def test_a_list_of_very_many_devices_is_read_to_its_end(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """Its pages take longer than the pause after which a reading counts as given up."""
    elsewhere = int(world.add_plant(entry, "Elsewhere"))
    world.add_devices([f"OLD{number:07}" for number in range(4_000)], plant_id=elsewhere)
    world.add_devices([SN])
    await world.bind(entry, plant_id, [SN])
    await world.clock.until(lambda: entry.runtime_data.gateway.watch.read_at is not None)
    assert world.asked(WATCH) == 41


async def test_a_reading_that_did_not_go_on_is_begun_anew(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    elsewhere = int(world.add_plant(entry, "Elsewhere"))
    world.add_devices([f"OLD{number:07}" for number in range(300)], plant_id=elsewhere)
    world.add_devices([SN])
    watch = entry.runtime_data.gateway.watch
    await world.bind(entry, plant_id, [SN])
    await world.clock.until(lambda: watch.half_read is not None)
    await world.unload(entry)
    await asyncio.sleep(HOUR)
    watch.drop_old(300)
    assert watch.half_read is None


async def test_a_disk_that_fails_for_the_small_file_only(
    world: World, entry: MockConfigEntry, plant_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    serials = numbered(60)
    world.add_devices(serials)
    write, written = Store._async_write_data, Counter[str]()

    async def fails(store: Store[Any], data: Any) -> None:
        written[store.key.rpartition(".")[2]] += 1
        if store.key.endswith(".journal"):
            raise WriteError
        await write(store, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Store, "_async_write_data", fails)
        await world.bind(entry, plant_id, serials)
        await world.shows("accepted", *serials)
    assert written["news"] <= 3 * len(serials)
    assert "storage cannot be written" not in caplog.text


async def test_a_question_that_cannot_be_answered_does_not_hide_the_next(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """Nobody can tell who holds it; then it stands in our plant."""
    elsewhere = int(world.add_plant(entry, "Elsewhere"))
    world.add_devices([SN], plant_id=elsewhere)
    world.simulator.faults.add(HOLDER, kind="code", code=10001, times=None)
    await world.bind(entry, plant_id, [SN])
    await world.shows("unconfirmed", SN)
    await asyncio.sleep(120)
    world.simulator.growatt.move(SN, int(plant_id))
    await world.shows("associated", SN, seconds=2 * HOUR)


async def test_a_plant_whose_list_may_not_be_read(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    token = world.simulator.growatt.tokens[INSTALLER_TOKEN]
    token.endpoints_denied, token.may_v4 = frozenset({LIST}), False
    world.add_devices([SN], plant_id=int(plant_id))
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)


async def test_a_check_that_the_cloud_fails_to_answer_ends(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    world.add_devices([SN], plant_id=int(plant_id))
    await world.bind(entry, plant_id, [SN])
    await world.shows("associated", SN)
    await asyncio.sleep(400)
    looks = world.asked(LIST)
    world.simulator.faults.add(LIST, kind="code", code=10001, times=None)
    await world.check([SN], timeout=10)
    await asyncio.sleep(30 * DAY)
    assert world.asked(LIST) == looks + 1
    assert not entry.runtime_data.coordinator.check_requested(SN)

    world.simulator.faults.clear()
    world.simulator.growatt.remove_from_plant(SN)
    await world.check([SN])
    await world.shows("lost", SN)


async def test_what_was_denied_to_an_earlier_request_is_not_denied_to_this_one(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """While it is found out whose fault a 10011 is, somebody wants the inverter elsewhere."""
    token = world.simulator.growatt.tokens[INSTALLER_TOKEN]
    token.may_bind = False
    elsewhere = world.add_plant(entry, "Elsewhere")
    world.add_devices([SN])
    world.simulator.faults.add(PLANTS, kind="hold")
    await world.bind(entry, plant_id, [SN])
    await world.simulator.faults.wait_held()
    await entry.runtime_data.coordinator.async_submit_again(SN, elsewhere)
    token.may_bind = True
    world.simulator.faults.release()
    await world.shows("accepted", SN)
    assert world.asked(ADD) == 2


async def test_a_fault_of_our_own_is_not_the_end_of_all_steps(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    token = world.simulator.growatt.tokens[INSTALLER_TOKEN]
    token.may_bind = False

    async def broken(*_: object) -> None:
        raise ValueError

    world.add_devices([SN, OTHER_SN])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "verify", broken)
        await world.bind(entry, plant_id, [SN, OTHER_SN])
        await asyncio.sleep(30)
    token.may_bind = True
    await world.shows("accepted", SN, OTHER_SN)


async def test_a_call_that_is_given_up_before_it_is_noted_is_noted_the_next_time(
    world: World, entry: MockConfigEntry
) -> None:
    gateway, client = entry.runtime_data.gateway, entry.runtime_data.client
    write, written = DurableStore.async_write, Counter[str]()

    async def slow(store: DurableStore, data: dict[str, Any]) -> None:
        await asyncio.sleep(10)
        written[store.key] += 1
        await write(store, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DurableStore, "async_write", slow)
        given_up = asyncio.create_task(gateway.permit(client.sightings_call("1", 1)))
        await asyncio.sleep(1)
        given_up.cancel()
        await asyncio.sleep(60)
        assert not written
        await gateway.permit(client.sightings_call("2", 1))
    assert written[DOMAIN] == 1


async def test_a_repair_outlives_notes_that_could_not_be_read(
    world: World, entry: MockConfigEntry
) -> None:
    """It may be the last trace of an account that was created."""
    ir.async_create_issue(
        world.hass,
        DOMAIN,
        f"{ISSUE_UNFINISHED}_0123456789abcdef",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=ISSUE_UNFINISHED,
    )
    shared = await async_get_shared_data(world.hass)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shared._store, "damaged", True)
        await async_review_pending(world.hass, shared)
        assert len(world.issues()) == 1
    await async_review_pending(world.hass, shared)
    assert not world.issues()
