"""What is asked of a portal about the account itself, and what it is good for."""

import asyncio
from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.const import DOMAIN
from tests.common import account_entry, entries, open_dialog, submit
from tests.prove.world import World

PASSWORD = "Not-real-1"
EMAIL = "alice@example.com"
HOUR = 3_600
DAY = 86_400
DETAIL = "api/user/detail"
TOKEN_USER = "user/tokenuserinfo"

type Result = dict[str, Any]


@pytest.fixture
async def world(world: World) -> World:
    assert await async_setup_component(world.hass, "repairs", {})
    assert await async_setup_component(world.hass, DOMAIN, {})
    return world


async def open_portal(world: World) -> Result:
    world.simulator.portal = "anqicms"
    result = await open_dialog(world.hass, "anqicms")
    return await submit(world.hass, result, address=world.simulator.url)


async def register(world: World) -> Result:
    """Create an account in the dialog."""
    result = await submit(world.hass, await open_portal(world), next_step_id="register")
    result = await submit(world.hass, result, way="name_email")
    return await submit(world.hass, result, username="alice", password=PASSWORD, email=EMAIL)


async def link(world: World, login: str = "alice") -> Result:
    """Link an account in the dialog."""
    result = await submit(world.hass, await open_portal(world), next_step_id="link")
    return await submit(world.hass, result, login=login, password=PASSWORD)


@pytest.fixture
async def active(world: World) -> ConfigEntry:
    """Return the entry of an account that waits for nothing."""
    result = await register(world)
    entry: ConfigEntry = result["result"]
    return entry


@pytest.fixture
async def waiting(world: World) -> ConfigEntry:
    """Return the entry of an account that is signed in and waits for its confirmation."""
    world.simulator.anqicms.signup_verify = True
    result = await register(world)
    assert result["description"] == "activation_pending"
    result = await link(world)
    assert result["reason"] == "reauth_successful"
    await world.hass.async_block_till_done()
    (entry,) = entries(world.hass)
    assert entry.data["session"]
    assert waits(world, entry)
    return entry


def confirm(world: World) -> None:
    """Follow the link in the e-mail."""
    world.simulator.anqicms.sites[1].users[1000].email_verified = True


def waits(world: World, entry: ConfigEntry) -> bool:
    """Return whether the account waits, as the entity and the repair say alike."""
    unique_id = f"{entry.entry_id}_activation_pending"
    entity_id = er.async_get(world.hass).async_get_entity_id("binary_sensor", DOMAIN, unique_id)
    state = world.hass.states.get(entity_id or "")
    assert state is not None
    repair = f"activation_pending_{entry.entry_id}" in world.issues()
    assert repair is (state.state == "on")
    return repair


def reauths(world: World, entry: ConfigEntry) -> int:
    return len(list(entry.async_get_active_flows(world.hass, {SOURCE_REAUTH})))


async def press(world: World, entry: ConfigEntry) -> None:
    """Press the button of the account."""
    unique_id = f"{entry.entry_id}_check_now"
    entity_id = er.async_get(world.hass).async_get_entity_id("button", DOMAIN, unique_id)
    await world.hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


async def repair(world: World, entry: ConfigEntry) -> Result:
    """Open the account's repair and go on."""
    manager: Any = repairs_flow_manager(world.hass)
    issue_id = f"activation_pending_{entry.entry_id}"
    result = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    assert result["step_id"] == "confirm"
    found: Result = await manager.async_configure(result["flow_id"], {})
    return found


# By itself


async def test_a_confirmed_account_is_noticed(world: World, waiting: ConfigEntry) -> None:
    world.simulator.calls.clear()
    await asyncio.sleep(HOUR - 10)
    assert world.asked("*") == 0
    await asyncio.sleep(20)
    assert world.asked("*") == world.asked(DETAIL) == 1
    assert waits(world, waiting)

    confirm(world)
    await asyncio.sleep(HOUR)
    assert world.asked(DETAIL) == 2
    assert not waits(world, waiting)
    # From now on once a day.
    await asyncio.sleep(DAY - HOUR)
    assert world.asked(DETAIL) == 2
    assert world.simulator.mailbox[-1].time < world.simulator.now() - DAY


async def test_an_account_is_asked_once_a_day_whatever_is_restarted(
    world: World, active: ConfigEntry
) -> None:
    world.simulator.calls.clear()
    for day in range(3):
        await world.restart(crash=day == 1)
        await asyncio.sleep(DAY / 2)
        await world.restart()
        assert world.asked("*") == day
        await asyncio.sleep(DAY / 2 + 10)
        assert world.asked("*") == world.asked(DETAIL) == day + 1
    # What is overdue waits until everything else has started.
    async with world.down():
        await asyncio.sleep(2 * DAY)
    assert world.asked("*") == 3
    await asyncio.sleep(HOUR)
    assert world.asked("*") == 4


async def test_an_outage_ends_nothing(world: World, waiting: ConfigEntry) -> None:
    world.simulator.faults.add("*", kind="http_500", times=None)
    await asyncio.sleep(3 * HOUR + 10)
    assert waits(world, waiting)
    assert not reauths(world, waiting)
    assert 1 < world.asked(DETAIL) <= 3
    world.simulator.faults.clear()
    confirm(world)
    await asyncio.sleep(2 * HOUR)
    assert not waits(world, waiting)


async def test_the_end_of_a_session_is_noticed(world: World, active: ConfigEntry) -> None:
    site = world.simulator.anqicms.sites[1]
    site.secret = "changed by the owner"
    await asyncio.sleep(DAY + 10)
    assert reauths(world, active) == 1
    asked = world.asked(DETAIL)
    await asyncio.sleep(3 * DAY)
    assert world.asked(DETAIL) == asked

    result = await link(world)
    assert result["reason"] == "already_configured"
    (flow,) = active.async_get_active_flows(world.hass, {SOURCE_REAUTH})
    result = await world.hass.config_entries.flow.async_configure(flow["flow_id"])
    result = await submit(world.hass, result, login="alice", password=PASSWORD)
    assert result["reason"] == "reauth_successful"
    await asyncio.sleep(DAY + 10)
    assert world.asked(DETAIL) == asked + 1
    assert not reauths(world, active)


async def test_a_session_is_renewed_for_as_long_as_the_account_is_there(
    world: World, active: ConfigEntry
) -> None:
    """A token ends after thirty days, and only who asks in its last hour gets another."""
    before = active.data["session"]
    await asyncio.sleep(29 * DAY)
    assert active.data["session"] == before
    await asyncio.sleep(DAY)
    renewed = active.data["session"]
    assert renewed != before
    asked = world.asked("*")
    await asyncio.sleep(10 * DAY)
    assert asked + 10 <= world.asked("*") <= asked + 11
    assert active.data["session"] not in (before, renewed)
    assert not reauths(world, active)
    # A restart in that hour is late for it, and then somebody has to sign in.
    async with world.down():
        await asyncio.sleep(DAY)
    await asyncio.sleep(HOUR)
    assert reauths(world, active) == 1


async def test_a_shop_is_asked_once_a_day(world: World) -> None:
    """It tells that a session has ended, as when somebody signed in elsewhere."""
    shop = world.simulator.shopxo
    user = shop.add_user(username="alice", password=PASSWORD)
    target = Target(provider=registry.provider("shopxo"), url=world.simulator.url, credentials={})
    account = Account(
        str(user.id), "alice", {"token": shop.sign_in(user, "h5")}, activation_pending=True
    )
    entry = account_entry(target, account)
    entry.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(entry.entry_id)
    await asyncio.sleep(HOUR + 10)
    assert [call.params["s"] for call in world.simulator.calls] == [TOKEN_USER]
    assert not waits(world, entry)
    shop.sign_in(user, "h5")
    await asyncio.sleep(DAY)
    asked = [call.params["s"] for call in world.simulator.calls]
    assert asked[:2] == [TOKEN_USER] * 2
    assert reauths(world, entry) == 1


async def test_polling_that_is_switched_off(world: World, waiting: ConfigEntry) -> None:
    world.hass.config_entries.async_update_entry(waiting, pref_disable_polling=True)
    await world.reload(waiting)
    world.simulator.calls.clear()
    confirm(world)
    await asyncio.sleep(3 * DAY)
    assert world.asked("*") == 0
    await press(world, waiting)
    assert world.asked("*") == 1
    assert not waits(world, waiting)


# Because somebody asks


async def test_the_button_asks_now(world: World, waiting: ConfigEntry) -> None:
    await press(world, waiting)
    assert waits(world, waiting)
    confirm(world)
    await press(world, waiting)
    assert not waits(world, waiting)
    # The next check counts from there.
    world.simulator.calls.clear()
    await asyncio.sleep(DAY - 10)
    assert world.asked("*") == 0


async def test_the_button_says_why_nothing_is_known(world: World, waiting: ConfigEntry) -> None:
    world.simulator.faults.add(DETAIL, kind="http_500")
    with pytest.raises(HomeAssistantError) as caught:
        await press(world, waiting)
    assert caught.value.translation_key == "server_error"
    site = world.simulator.anqicms.sites[1]
    before, site.secret = site.secret, "changed by the owner"
    with pytest.raises(HomeAssistantError) as caught:
        await press(world, waiting)
    assert caught.value.translation_key == "session_ended"
    assert reauths(world, waiting) == 1
    site.secret = before
    with pytest.raises(ServiceValidationError) as caught:
        await press(world, waiting)
    assert caught.value.translation_key == "not_signed_in"
    # Nor is it asked by itself.
    asked = world.asked(DETAIL)
    await asyncio.sleep(DAY)
    assert world.asked(DETAIL) == asked


async def test_the_repair_asks_with_the_session_that_there_is(
    world: World, waiting: ConfigEntry
) -> None:
    result = await repair(world, waiting)
    assert result["errors"] == {"base": "still_pending"}
    world.simulator.faults.add(DETAIL, kind="http_500")
    manager: Any = repairs_flow_manager(world.hass)
    result = await manager.async_configure(result["flow_id"], {})
    assert result["errors"] == {"base": "cannot_connect"}
    confirm(world)
    result = await manager.async_configure(result["flow_id"], {})
    assert result["type"] == "create_entry"
    assert not waits(world, waiting)


async def test_the_repair_leads_to_signing_in_where_the_session_has_ended(
    world: World, waiting: ConfigEntry
) -> None:
    world.simulator.anqicms.sites[1].secret = "changed by the owner"
    result = await repair(world, waiting)
    assert result["reason"] == "sign_in"
    assert reauths(world, waiting) == 1
    confirm(world)
    flow_id = result["next_flow"][1]
    result = await world.hass.config_entries.flow.async_configure(flow_id)
    result = await submit(world.hass, result, login=EMAIL, password=PASSWORD)
    assert result["reason"] == "reauth_successful"
    await world.hass.async_block_till_done()
    assert not waits(world, waiting)


# What signing in tells


async def test_signing_in_before_the_confirmation_does_not_end_the_wait(world: World) -> None:
    world.simulator.anqicms.signup_verify = True
    entry = (await register(world))["result"]
    assert waits(world, entry)
    assert world.asked("api/login") == 0
    result = await repair(world, entry)
    flow_id = result["next_flow"][1]
    result = await world.hass.config_entries.flow.async_configure(flow_id)
    result = await submit(world.hass, result, login="alice", password=PASSWORD)
    assert result["reason"] == "reauth_successful"
    await world.hass.async_block_till_done()
    assert entry.runtime_data.coordinator.signed_in
    assert waits(world, entry)


@pytest.mark.parametrize(("status", "pending"), [(0, True), (1, False)])
async def test_a_linked_account_that_is_reviewed(
    world: World,
    status: int,
    pending: bool,  # noqa: FBT001
) -> None:
    user = world.simulator.anqicms.add_user(user_name="alice", email=EMAIL, password=PASSWORD)
    user.status = status
    result = await link(world)
    assert result["description"] == ("activation_pending_signed_in" if pending else None)
    entry = result["result"]
    assert waits(world, entry) is pending
    user.status = 1
    await asyncio.sleep(HOUR + 10)
    assert not waits(world, entry)
