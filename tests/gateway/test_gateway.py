"""What the accounts of one server and token share: limits, reachability, the watch."""

import asyncio
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest

from custom_components.growatt_onboarding.binding.planner import Round
from custom_components.growatt_onboarding.cloud.errors import NotNowError, RateLimitedError
from custom_components.growatt_onboarding.cloud.model import Sighting, SightingPage
from custom_components.growatt_onboarding.cloud.provider import Call, CloudClient, Endpoint, Pace
from custom_components.growatt_onboarding.cloud.registry import PROVIDERS
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import (
    Access,
    Clouds,
    LastAnswer,
    async_get_clouds,
)
from simulator.growatt import INSTALLER_TOKEN
from tests.prove.world import World

GROWATT = PROVIDERS["growatt"]
FREE = Call(Endpoint("POST", "free"))
QUICK = Call(Endpoint("POST", "quick", Pace.QUICK))
SLOW = Call(Endpoint("POST", "slow", Pace.SLOW), "a")
OTHER_SLOW = Call(SLOW.endpoint, "b")
DAILY = Call(Endpoint("GET", "daily", Pace.SLOW_DAILY))
DOWN = "cannot be reached"
UP = "can be reached again"


@pytest.fixture
async def clouds(world: World) -> Clouds:
    return await async_get_clouds(world.hass)


@pytest.fixture
def access(world: World, clouds: Clouds) -> Access:
    return clouds.access(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})


@pytest.fixture
async def client(world: World, clouds: Clouds) -> CloudClient:
    return clouds.client(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})


# Limits


async def test_calls_keep_a_second_apart(world: World, access: Access) -> None:
    began = world.clock.passed
    await asyncio.gather(access.permit(FREE), access.permit(FREE), access.permit(SLOW))
    assert world.clock.passed - began == 2


async def test_a_person_waits_seconds_but_not_minutes(world: World, access: Access) -> None:
    await access.permit(SLOW)
    access.answered(SLOW, None)
    with pytest.raises(NotNowError) as refused:
        await access.permit(SLOW)
    assert refused.value.retry_after == pytest.approx(303)
    assert refused.value.placeholders == {"minutes": "6"}
    await access.permit(OTHER_SLOW)
    await asyncio.sleep(300)
    await access.permit(SLOW)


async def test_waiting_ends_when_the_cloud_says_too_often_meanwhile(
    world: World, access: Access
) -> None:
    """The second call was allowed in a second; the first one's answer forbids it."""
    await access.permit(SLOW)
    second = asyncio.create_task(access.permit(OTHER_SLOW))
    await asyncio.sleep(0.5)
    access.ledger.refused("slow", "b", access._clouds.limit(Pace.SLOW), world.simulator.now())
    with pytest.raises(NotNowError):
        await second


async def test_ten_a_day(world: World, access: Access) -> None:
    for _ in range(10):
        await access.permit(DAILY)
        access.answered(DAILY, None)
        await asyncio.sleep(310)
    with pytest.raises(NotNowError) as refused:
        await access.permit(DAILY)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 80_000


async def test_a_call_that_could_not_be_written_down_does_not_count(
    world: World, access: Access, clouds: Clouds
) -> None:
    async def full(_store: Store[Any], _data: dict[str, Any]) -> None:
        raise WriteError

    with pytest.MonkeyPatch.context() as context:
        context.setattr(Store, "_async_write_data", full)
        for _ in range(12):
            with pytest.raises(NotNowError) as refused:
                await access.permit(DAILY)
            assert refused.value.key == "not_stored"
            await asyncio.sleep(2)
        await access.permit(QUICK)
    await asyncio.sleep(2)
    await access.permit(DAILY)


async def test_cloud_that_limits_what_no_document_limits(world: World, access: Access) -> None:
    await access.permit(FREE)
    access.answered(FREE, RateLimitedError())
    with pytest.raises(NotNowError):
        await access.permit(FREE)
    await asyncio.sleep(304)
    await access.permit(FREE)


async def test_limits_survive_a_restart(
    world: World, access: Access, client: CloudClient, hass_storage: dict[str, Any]
) -> None:
    await client.plants("101")
    again = Clouds(world.hass)
    await again.async_load()
    restored = again.access(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})
    call = Call(Endpoint("GET", "v1/plant/list", Pace.SLOW_DAILY), "page=1&perpage=100")
    with pytest.raises(NotNowError):
        await restored.permit(call)
    assert INSTALLER_TOKEN not in str(hass_storage[DOMAIN])


async def test_a_crash_forgets_no_limit(world: World, access: Access) -> None:
    """Only the first call of an endpoint is written down as it leaves."""
    await access.permit(SLOW)
    access.answered(SLOW, None)
    await asyncio.sleep(400)
    await access.permit(OTHER_SLOW)
    access.answered(OTHER_SLOW, None)
    again = await restarted(world)
    assert again.ready_at(
        OTHER_SLOW, world.simulator.now()
    ) - world.simulator.now() == pytest.approx(303)
    assert again.ready_at(SLOW, world.simulator.now()) - world.simulator.now() == pytest.approx(303)
    assert again.ready_at(FREE, world.simulator.now()) - world.simulator.now() < 2


async def test_a_clean_end_writes_the_times_down(world: World, access: Access) -> None:
    await access.permit(SLOW)
    access.answered(SLOW, None)
    await asyncio.sleep(400)
    await access.permit(OTHER_SLOW)
    access.answered(OTHER_SLOW, None)
    await asyncio.sleep(100)
    world.hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await world.hass.async_block_till_done()
    again = await restarted(world)
    assert again.ready_at(
        OTHER_SLOW, world.simulator.now()
    ) - world.simulator.now() == pytest.approx(203)
    assert again.ready_at(SLOW, world.simulator.now()) - world.simulator.now() < 2


async def test_what_a_limit_taught_survives_a_crash(world: World, access: Access) -> None:
    for call in (SLOW, OTHER_SLOW):
        await access.permit(call)
    access.answered(OTHER_SLOW, RateLimitedError())
    assert access.ledger.by_endpoint
    await world.hass.async_block_till_done()
    assert (await restarted(world)).ledger.by_endpoint


async def test_nothing_limited_leaves_while_home_assistant_stops(
    world: World, access: Access
) -> None:
    await access.permit(SLOW)
    world.hass.set_state(CoreState.stopping)
    with pytest.raises(NotNowError, match="not_stored"):
        await access.permit(OTHER_SLOW)
    await access.permit(FREE)
    world.hass.set_state(CoreState.running)
    await access.permit(OTHER_SLOW)


async def restarted(world: World) -> Access:
    """Return the access as Home Assistant has it after a start."""
    again = Clouds(world.hass)
    await again.async_load()
    return again.access(GROWATT, world.simulator.url, {"token": INSTALLER_TOKEN})


async def test_everybody_with_the_same_token_shares(world: World, clouds: Clouds) -> None:
    url = world.simulator.url
    one = clouds.access(GROWATT, url, {"token": "a"})
    assert clouds.access(GROWATT, url, {"token": "a"}) is one
    assert clouds.access(GROWATT, url, {"token": "b"}) is not one
    assert clouds.access(GROWATT, url + "/x", {"token": "a"}) is not one
    assert await async_get_clouds(world.hass) is clouds


# Reachability


async def test_an_outage_is_said_once(
    world: World, access: Access, client: CloudClient, caplog: pytest.LogCaptureFixture
) -> None:
    news: list[bool] = []
    stop = access.follow(lambda: news.append(access.reachable))
    world.simulator.faults.add("check_user", kind="firewall", times=3)
    for number in range(3):
        with pytest.raises(Exception, match="blocked"):
            await client.is_username_available(f"name{number}")
    assert access.soonest(world.simulator.now()) - world.simulator.now() == pytest.approx(300)
    assert not access.reachable
    assert await client.is_username_available("name")
    assert access.reachable
    assert caplog.text.count(DOWN) == 1
    assert caplog.text.count(UP) == 1
    assert news == [False, True]
    stop()
    world.simulator.faults.add("check_user", kind="firewall")
    with pytest.raises(Exception, match="blocked"):
        await client.is_username_available("somebody")
    assert news == [False, True]


async def test_pauses_of_an_outage_grow(world: World, access: Access, client: CloudClient) -> None:
    world.simulator.faults.add("check_user", kind="cut", times=None)
    pauses = []
    for number in range(9):
        with pytest.raises(Exception, match="no_answer"):
            await client.is_username_available(f"name{number}")
        pauses.append(round(access.soonest(world.simulator.now()) - world.simulator.now()))
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


async def test_how_the_last_calls_ended(world: World, access: Access, client: CloudClient) -> None:
    assert not access.last_answers
    world.simulator.faults.add("check_user", kind="code", code=10001)
    with pytest.raises(Exception, match="system_error"):
        await client.is_username_available("name")
    [(path, answer)] = access.last_answers.items()
    assert path.endswith("check_user")
    assert answer == LastAnswer(world.simulator.now(), "system_error", 10001)
    await client.is_username_available("name")
    assert access.last_answers[path] == LastAnswer(world.simulator.now())


@pytest.mark.parametrize("kind", ["hang", "hang_after"])
async def test_a_closed_dialog_is_no_outage(
    world: World,
    access: Access,
    client: CloudClient,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    world.simulator.faults.add("plant/list", kind=kind)
    dialog = asyncio.create_task(client.test())
    await asyncio.sleep(1)
    dialog.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialog
    assert access.reachable
    assert DOWN not in caplog.text
    assert access.soonest(world.simulator.now()) <= world.simulator.now() + 1
    # The cloud may have counted it.
    with pytest.raises(NotNowError):
        await client.verify()


async def test_wrong_server_is_as_good_as_none(
    world: World, access: Access, client: CloudClient
) -> None:
    world.simulator.growatt.wrong_domain = True
    with pytest.raises(Exception, match="wrong_server"):
        await client.verify()
    assert not access.reachable


# The watch


async def test_watch_is_read_page_by_page(world: World, access: Access) -> None:
    watch, time = access.watch, world.simulator.now()
    watch.take(1, page("A", "B", more=True), time)
    assert watch.half_read == Round(2, frozenset({"A", "B"}), time)
    assert watch.read_at is None
    assert watch.serials == {"A", "B"}
    watch.take(2, page("C"), time + 5)
    assert watch.half_read is None
    assert watch.read_at is not None
    assert watch.serials == {"A", "B", "C"}
    watch.take(1, page("C"), time + 30)
    assert watch.serials == {"C"}


async def test_watch_that_repeats_itself_is_at_its_end(world: World, access: Access) -> None:
    watch, time = access.watch, world.simulator.now()
    watch.take(1, page("A", "B", more=True), time)
    watch.take(2, page(more=True), time)
    assert watch.half_read == Round(3, frozenset({"A", "B"}), time)
    watch.take(3, page("A", "B", more=True), time)
    assert watch.half_read is None
    assert watch.serials == {"A", "B"}


async def test_a_denial_is_believed_for_a_while(world: World, access: Access) -> None:
    watch = access.watch
    assert not watch.denied(60)
    watch.denied_at = world.simulator.now()
    assert watch.denied(60)
    # As after a clock was set back.
    watch.denied_at += 1
    assert not watch.denied(60)
    await asyncio.sleep(61)
    assert not watch.denied(60)


async def test_old_half_of_a_watch_is_forgotten(world: World, access: Access) -> None:
    access.watch.take(1, page("A", more=True), world.simulator.now())
    await asyncio.sleep(300)
    access.watch.drop_old(300)
    assert access.watch.half_read is not None
    await asyncio.sleep(1)
    access.watch.drop_old(300)
    assert access.watch.half_read is None
    access.watch.drop_old(300)


def page(*serials: str, more: bool = False) -> SightingPage:
    return SightingPage(tuple(Sighting(serial=serial) for serial in serials), more=more)
