"""What the accounts of one server and token share: limits, reachability, the watch."""

import asyncio
from collections import Counter
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.binding.planner import PartialList
from custom_components.growatt_onboarding.clock import now
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import NotNowError, RateLimitedError
from custom_components.growatt_onboarding.cloud.model import Account, Sighting, SightingPage
from custom_components.growatt_onboarding.cloud.provider import (
    Call,
    CloudClient,
    Endpoint,
    Form,
    Pace,
)
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import (
    Gateway,
    LastAnswer,
    SharedData,
    async_get_shared_data,
    async_load_provider,
)
from custom_components.growatt_onboarding.gateway.store import DurableStore
from simulator.growatt import INSTALLER_TOKEN
from tests.common import account_entry, full_disk
from tests.prove.world import World

GROWATT = registry.provider("growatt")
FREE = Call(Endpoint("POST", "free"))
QUICK = Call(Endpoint("POST", "quick", Pace.QUICK))
SLOW = Call(Endpoint("POST", "slow", Pace.SLOW), "a")
OTHER_SLOW = Call(SLOW.endpoint, "b")
DAILY = Call(Endpoint("GET", "daily", Pace.SLOW_DAILY))
DOWN = "cannot be reached"
UP = "can be reached again"


@pytest.fixture
async def shared(world: World) -> SharedData:
    return await async_get_shared_data(world.hass)


@pytest.fixture
def gateway(world: World, shared: SharedData) -> Gateway:
    return shared.gateway(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})


@pytest.fixture
async def client(world: World, shared: SharedData) -> CloudClient:
    return shared.client(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})


# Limits


async def test_a_cloud_is_imported_when_it_is_needed(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a start imports those of the accounts there are, and no other."""
    monkeypatch.setattr(registry, "_LOADED", {})
    account = Account(id="1", name="somebody")
    account_entry(Target(GROWATT, "https://x", {"token": "a"}), account).add_to_hass(hass)
    await async_get_shared_data(hass)
    assert [key for key in registry.PROVIDER_KEYS if registry.is_loaded(key)] == ["growatt"]
    assert (await async_load_provider(hass, "shopxo")).key == "shopxo"
    with pytest.raises(KeyError):
        await async_load_provider(hass, "of a later version")


async def test_calls_keep_a_second_apart(world: World, gateway: Gateway) -> None:
    began = world.clock.passed
    await asyncio.gather(gateway.permit(FREE), gateway.permit(FREE), gateway.permit(SLOW))
    assert world.clock.passed - began == 2


async def test_a_person_waits_seconds_but_not_minutes(world: World, gateway: Gateway) -> None:
    await gateway.permit(SLOW)
    gateway.answered(SLOW, None)
    with pytest.raises(NotNowError) as refused:
        await gateway.permit(SLOW)
    assert refused.value.retry_after == pytest.approx(303)
    assert refused.value.placeholders == {"minutes": "6"}
    await gateway.permit(OTHER_SLOW)
    await asyncio.sleep(300)
    await gateway.permit(SLOW)


async def test_waiting_ends_when_the_cloud_says_too_often_meanwhile(
    world: World, gateway: Gateway
) -> None:
    """The second call was allowed in a second; the first one's answer forbids it."""
    await gateway.permit(SLOW)
    second = asyncio.create_task(gateway.permit(OTHER_SLOW))
    await asyncio.sleep(0.5)
    gateway.ledger.refused("slow", "b", gateway.ledger.limit(Pace.SLOW), world.simulator.now())
    with pytest.raises(NotNowError):
        await second


async def test_ten_a_day(world: World, gateway: Gateway) -> None:
    for _ in range(10):
        await gateway.permit(DAILY)
        gateway.answered(DAILY, None)
        await asyncio.sleep(310)
    with pytest.raises(NotNowError) as refused:
        await gateway.permit(DAILY)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 80_000


async def test_a_call_that_could_not_be_written_down_does_not_count(
    world: World, gateway: Gateway, shared: SharedData
) -> None:
    with full_disk():
        for _ in range(12):
            with pytest.raises(NotNowError) as refused:
                await gateway.permit(DAILY)
            assert refused.value.key == "not_stored"
            await asyncio.sleep(2)
        await gateway.permit(QUICK)
    await asyncio.sleep(2)
    await gateway.permit(DAILY)


async def test_cloud_that_limits_what_no_document_limits(world: World, gateway: Gateway) -> None:
    await gateway.permit(FREE)
    gateway.answered(FREE, RateLimitedError())
    with pytest.raises(NotNowError):
        await gateway.permit(FREE)
    await asyncio.sleep(304)
    await gateway.permit(FREE)


@pytest.mark.parametrize(("call", "pause"), [(FREE, 303), (QUICK, 8), (SLOW, 303), (DAILY, 303)])
async def test_pause_that_the_cloud_did_not_tell(
    world: World, gateway: Gateway, call: Call, pause: float
) -> None:
    """It is the limit's; if the cloud asked for more, that is kept, too."""
    await gateway.permit(call)
    untold, told = RateLimitedError(), RateLimitedError(retry_after=120)
    gateway.answered(call, untold)
    assert gateway.ready_at(call, now()) - now() == pytest.approx(pause)
    gateway.answered(call, told)
    assert (untold.retry_after, told.retry_after) == (pause - 3, 120)
    with pytest.raises(NotNowError) as refused:
        await gateway.permit(call)
    assert refused.value.retry_after == pytest.approx(max(pause, 123))


async def test_limits_survive_a_restart(
    world: World, gateway: Gateway, client: CloudClient, hass_storage: dict[str, Any]
) -> None:
    await client.plants("101")
    again = SharedData(world.hass)
    await again.async_load()
    restored = again.gateway(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})
    call = Call(Endpoint("GET", "v1/plant/list", Pace.SLOW_DAILY), "page=1&perpage=100")
    with pytest.raises(NotNowError):
        await restored.permit(call)
    assert INSTALLER_TOKEN not in str(hass_storage[DOMAIN])


async def test_a_crash_forgets_no_limit(world: World, gateway: Gateway) -> None:
    """Only the first call of an endpoint is written down as it leaves."""
    await gateway.permit(SLOW)
    gateway.answered(SLOW, None)
    await asyncio.sleep(400)
    await gateway.permit(OTHER_SLOW)
    gateway.answered(OTHER_SLOW, None)
    again = await restarted(world)
    assert again.ready_at(
        OTHER_SLOW, world.simulator.now()
    ) - world.simulator.now() == pytest.approx(303)
    assert again.ready_at(SLOW, world.simulator.now()) - world.simulator.now() == pytest.approx(303)
    assert again.ready_at(FREE, world.simulator.now()) - world.simulator.now() < 2


async def test_a_clean_end_writes_the_times_down(world: World, gateway: Gateway) -> None:
    await gateway.permit(SLOW)
    gateway.answered(SLOW, None)
    await asyncio.sleep(400)
    await gateway.permit(OTHER_SLOW)
    gateway.answered(OTHER_SLOW, None)
    await asyncio.sleep(100)
    world.hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await world.hass.async_block_till_done()
    again = await restarted(world)
    assert again.ready_at(
        OTHER_SLOW, world.simulator.now()
    ) - world.simulator.now() == pytest.approx(203)
    assert again.ready_at(SLOW, world.simulator.now()) - world.simulator.now() < 2


async def test_a_call_that_is_given_up_before_its_record_is_recorded_the_next_time(
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


async def test_what_a_limit_taught_survives_a_crash(world: World, gateway: Gateway) -> None:
    for call in (SLOW, OTHER_SLOW):
        await gateway.permit(call)
    gateway.answered(OTHER_SLOW, RateLimitedError())
    assert gateway.ledger.by_endpoint
    await world.hass.async_block_till_done()
    assert (await restarted(world)).ledger.by_endpoint


async def test_nothing_limited_leaves_while_home_assistant_stops(
    world: World, gateway: Gateway
) -> None:
    await gateway.permit(SLOW)
    world.hass.set_state(CoreState.stopping)
    with pytest.raises(NotNowError, match="not_stored"):
        await gateway.permit(OTHER_SLOW)
    await gateway.permit(FREE)
    world.hass.set_state(CoreState.running)
    await gateway.permit(OTHER_SLOW)


async def restarted(world: World) -> Gateway:
    """Return the gateway as Home Assistant has it after a start."""
    await world.hass.async_block_till_done()
    again = SharedData(world.hass)
    await again.async_load()
    return again.gateway(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})


def waits(gateway: Gateway, call: Call) -> float:
    """Return for how many seconds the limits still forbid a call."""
    return gateway.ready_at(call, now()) - now()


# What the wall clock does


@pytest.mark.parametrize("seconds", [400, 86_400, -43_200])
async def test_within_one_boot_limits_are_exact_whatever_the_wall_clock_does(
    world: World, gateway: Gateway, shared: SharedData, seconds: float
) -> None:
    await gateway.permit(DAILY)
    gateway.answered(DAILY, None)
    world.clock.set_wall(seconds)
    await asyncio.sleep(100)
    assert waits(gateway, DAILY) == pytest.approx(203)
    await shared.async_close()
    again = await restarted(world)
    assert waits(again, DAILY) == pytest.approx(203)
    world.clock.set_wall(-2 * seconds)
    assert waits(again, DAILY) == pytest.approx(203)
    await asyncio.sleep(203)
    assert waits(await restarted(world), DAILY) == 0


@pytest.mark.parametrize("seconds", [0, -3_600, 86_400])
async def test_after_a_reboot_at_most_one_cooldown_is_waited(
    world: World, gateway: Gateway, seconds: float
) -> None:
    await gateway.permit(DAILY)
    gateway.answered(DAILY, None)
    world.clock.reboot(off=200)
    world.clock.set_wall(seconds)
    again = await restarted(world)
    assert waits(again, DAILY) == pytest.approx(303)
    assert waits(again, SLOW) == 0
    # And it is not waited once more by another start on the same boot.
    await asyncio.sleep(100)
    world.clock.set_wall(-seconds)
    assert waits(await restarted(world), DAILY) == pytest.approx(203)


async def test_of_the_calls_of_a_day_none_is_forgotten_by_a_reboot(
    world: World, gateway: Gateway
) -> None:
    for _ in range(10):
        await gateway.permit(DAILY)
        gateway.answered(DAILY, None)
        await asyncio.sleep(310)
    assert waits(gateway, DAILY) == pytest.approx(86_430 - 3_100, abs=1)
    for seconds in (86_400, -86_400):
        world.clock.reboot(off=43_200)
        world.clock.set_wall(seconds)
        gateway = await restarted(world)
        assert waits(gateway, DAILY) == pytest.approx(86_430 - 3_100 + 310, abs=1)
    await asyncio.sleep(86_430 - 3_100 + 310)
    assert waits(gateway, DAILY) == 0


async def test_that_the_wall_clock_was_set_is_written_down(
    world: World, gateway: Gateway, hass_storage: dict[str, Any]
) -> None:
    await gateway.permit(DAILY)
    before = hass_storage[DOMAIN]["data"]["clock"]
    for seconds, differs in ((30, False), (3_600, True), (0, False)):
        world.clock.set_wall(seconds)
        gateway.answered(DAILY, None)
        await world.hass.async_block_till_done()
        after = hass_storage[DOMAIN]["data"]["clock"]
        assert (after != before) is differs
        before = after


# What clients keep


async def test_the_plants_last_seen_are_there_after_a_restart(
    world: World, client: CloudClient, gateway: Gateway, shared: SharedData
) -> None:
    """So that ten lists used up do not close the dialog for a day."""
    plants = await client.plants("101")
    assert plants
    for _ in range(9):
        await asyncio.sleep(310)
        await client.test()
    await restarted(world)
    for crash in (False, True):
        if not crash:
            await shared.async_close()
        again = SharedData(world.hass)
        await again.async_load()
        client = again.client(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})
        await asyncio.sleep(310)
        assert await client.plants("101") == plants
        assert (await client.test()).link
        assert [found.id for found in await client.link(Form("", (), ""), {})] == ["101"]
    assert len(world.simulator.calls.of("plant/list")) == 10


async def test_what_clients_keep_is_written_soon_after_it_changed(
    world: World, client: CloudClient, gateway: Gateway, hass_storage: dict[str, Any]
) -> None:
    def stored() -> list[Any]:
        return list(hass_storage[DOMAIN]["data"]["caches"].values())

    await client.plants("101")
    await world.hass.async_block_till_done()
    [cache] = stored()
    assert [row["plant_id"] for row in cache["plants"]] == ["20001"]
    # The cloud denied the credentials.
    gateway.cache.clear()
    await world.hass.async_block_till_done()
    assert stored() == []


async def test_what_clients_keep_goes_when_nothing_is_held_back_any_longer(
    world: World, client: CloudClient, gateway: Gateway, hass_storage: dict[str, Any]
) -> None:
    await client.plants("101")
    gateway.ledger.by_endpoint = True
    await asyncio.sleep(2 * 86_400)
    await gateway.permit(FREE)
    world.hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await world.hass.async_block_till_done()
    data = hass_storage[DOMAIN]["data"]
    assert len(data["ledgers"]) == 1
    assert data["caches"] == {}


@pytest.mark.parametrize(
    "damaged",
    [None, [], "text", {"key": []}, {}, *({"plants": kept} for kept in (None, 5, "[", {"1": 2}))],
    ids=str,
)
async def test_damaged_answers_are_dropped(
    world: World, client: CloudClient, hass_storage: dict[str, Any], damaged: Any
) -> None:
    await client.plants("101")
    await world.hass.async_block_till_done()
    caches = hass_storage[DOMAIN]["data"]["caches"]
    in_one = isinstance(damaged, dict) and damaged.keys() <= {"plants"}
    hass_storage[DOMAIN]["data"]["caches"] = dict.fromkeys(caches, damaged) if in_one else damaged
    again = SharedData(world.hass)
    await again.async_load()
    client = again.client(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})
    with pytest.raises(NotNowError):
        await client.plants("101")
    # The limits are kept, and the list can be read when they allow it.
    await asyncio.sleep(303)
    assert await client.plants("101")


@pytest.mark.parametrize(
    ("kept", "plants"),
    [
        ([{"plant_id": "1", "name": "Home", "user_id": "101"}], {"1": "Home"}),
        ([{"plant_id": 1, "user_id": 101, "of a later version": []}], {"1": "1"}),
        ([{"name": "Home"}, None, 5, [], "{", {"plant_id": "2", "name": "B"}], {"2": "B"}),
    ],
    ids=str,
)
async def test_of_a_kept_list_all_is_used_that_can_be(
    world: World, client: CloudClient, gateway: Gateway, kept: Any, plants: dict[str, str]
) -> None:
    await client.plants("101")
    gateway.cache["plants"] = kept
    gateway.cache["users"] = ["damaged"]
    found = await client.plants("101")
    assert {plant.id: plant.name for plant in found} == plants


async def test_everybody_with_the_same_token_shares(world: World, shared: SharedData) -> None:
    url = world.simulator.url
    one = shared.gateway(GROWATT, url, {"token": "a"})
    assert shared.gateway(GROWATT, url, {"token": "a"}) is one
    assert shared.gateway(GROWATT, url, {"token": "b"}) is not one
    assert shared.gateway(GROWATT, url + "/x", {"token": "a"}) is not one
    assert await async_get_shared_data(world.hass) is shared


# Reachability


async def test_an_outage_is_said_once(
    world: World, gateway: Gateway, client: CloudClient, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[bool] = []
    stop = gateway.async_add_listener(lambda: told.append(gateway.reachable))
    world.simulator.faults.add("device/list", kind="firewall", times=3)
    for number in range(3):
        with pytest.raises(Exception, match="blocked"):
            await client.sightings(f"{number}", 1)
    assert gateway.soonest(world.simulator.now()) - world.simulator.now() == pytest.approx(300)
    assert not gateway.reachable
    # A help that answers proves nothing.
    assert await client.is_username_available("name")
    assert not gateway.reachable
    await client.verify()
    assert gateway.reachable
    assert caplog.text.count(DOWN) == 1
    assert caplog.text.count(UP) == 1
    said = [record for record in caplog.records if DOWN in record.message or UP in record.message]
    assert {record.levelname for record in said} == {"INFO"}
    assert told == [False, True]
    stop()
    world.simulator.faults.add("device/list", kind="firewall")
    with pytest.raises(Exception, match="blocked"):
        await client.sightings("9", 1)
    assert told == [False, True]


async def test_pauses_of_an_outage_grow(
    world: World, gateway: Gateway, client: CloudClient
) -> None:
    world.simulator.faults.add("device/list", kind="cut", times=None)
    pauses = []
    for number in range(9):
        with pytest.raises(Exception, match="no_answer"):
            await client.sightings(f"{number}", 1)
        pauses.append(round(gateway.soonest(world.simulator.now()) - world.simulator.now()))
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


async def test_how_the_last_calls_ended(
    world: World, gateway: Gateway, client: CloudClient
) -> None:
    assert not gateway.last_answers
    world.simulator.faults.add("check_user", kind="code", code=10001)
    with pytest.raises(Exception, match="system_error"):
        await client.is_username_available("name")
    [(path, answer)] = gateway.last_answers.items()
    assert path.endswith("check_user")
    assert answer == LastAnswer(world.simulator.now(), "system_error", 10001)
    await client.is_username_available("name")
    assert gateway.last_answers[path] == LastAnswer(world.simulator.now())


@pytest.mark.parametrize("kind", ["hang", "hang_after"])
async def test_a_closed_dialog_is_no_outage(
    world: World, gateway: Gateway, client: CloudClient, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    world.simulator.faults.add("plant/list", kind=kind)
    dialog = asyncio.create_task(client.test())
    await asyncio.sleep(1)
    dialog.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialog
    assert gateway.reachable
    assert DOWN not in caplog.text
    assert gateway.soonest(world.simulator.now()) <= world.simulator.now() + 1
    # The cloud may have counted it.
    with pytest.raises(NotNowError):
        await client.verify()


async def test_wrong_server_is_as_good_as_none(
    world: World, gateway: Gateway, client: CloudClient
) -> None:
    world.simulator.growatt.wrong_domain = True
    with pytest.raises(Exception, match="wrong_server"):
        await client.verify()
    assert not gateway.reachable


# The watch


async def test_watch_is_read_page_by_page(world: World, gateway: Gateway) -> None:
    watch, time = gateway.watch, world.simulator.now()
    watch.take(1, page("A", "B", more=True), time)
    assert watch.half_read == PartialList(2, frozenset({"A", "B"}), time)
    assert watch.read_at is None
    assert watch.serials == {"A", "B"}
    watch.take(2, page("C"), time + 5)
    assert watch.half_read is None
    assert watch.read_at is not None
    assert watch.serials == {"A", "B", "C"}
    watch.take(1, page("C"), time + 30)
    assert watch.serials == {"C"}


async def test_watch_that_repeats_itself_is_at_its_end(world: World, gateway: Gateway) -> None:
    watch, time = gateway.watch, world.simulator.now()
    watch.take(1, page("A", "B", more=True), time)
    watch.take(2, page(more=True), time)
    assert watch.half_read == PartialList(3, frozenset({"A", "B"}), time)
    watch.take(3, page("A", "B", more=True), time)
    assert watch.half_read is None
    assert watch.serials == {"A", "B"}


async def test_a_denial_is_believed_for_a_while(world: World, gateway: Gateway) -> None:
    watch = gateway.watch
    assert not watch.denied(60)
    watch.denied_at = world.simulator.now()
    assert watch.denied(60)
    await asyncio.sleep(61)
    assert not watch.denied(60)


async def test_old_half_of_a_watch_is_forgotten(world: World, gateway: Gateway) -> None:
    gateway.watch.take(1, page("A", more=True), world.simulator.now())
    await asyncio.sleep(299)
    gateway.watch.drop_old(300)
    assert gateway.watch.half_read is not None
    await asyncio.sleep(2)
    gateway.watch.drop_old(300)
    assert gateway.watch.half_read is None
    gateway.watch.drop_old(300)


def page(*serials: str, more: bool = False) -> SightingPage:
    return SightingPage(tuple(Sighting(serial=serial) for serial in serials), more=more)
