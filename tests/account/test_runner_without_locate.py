"""Bindings at a cloud that does not tell who holds a device: its list has the last word."""

import asyncio

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET
from tests.common import entries
from tests.prove.world import World

PASSWORD = "Fake-Passw0rd"
SERIAL = "FAKESN00000001"


@pytest.fixture
async def entry(world: World) -> ConfigEntry:
    """Return the entry of a new account."""
    simulator = world.simulator
    assert await async_setup_component(world.hass, DOMAIN, {})
    app = {
        "provider": "quectel",
        "server": simulator.url,
        "user_domain": USER_DOMAIN,
        "user_domain_secret": USER_DOMAIN_SECRET,
        "email": "alice@example.com",
    }
    await world.call("send_verification_code", **app)
    code = simulator.mailbox[-1].code
    await world.call("register_account", **app, password=PASSWORD, code=code)
    [entry] = entries(world.hass)
    return entry


async def bind(world: World, entry: ConfigEntry, *serials: str) -> None:
    await world.call(
        "bind_device",
        config_entry_id=entry.entry_id,
        plant_id=PRODUCT_KEY,
        serial_numbers=list(serials),
    )


async def test_a_device_in_other_hands(world: World, entry: ConfigEntry) -> None:
    simulator = world.simulator
    quectel = simulator.quectel
    device = quectel.add_device(SERIAL)
    stranger = quectel.add_user("stranger@example.com", password=PASSWORD)
    device.bound[stranger.uid] = simulator.now()
    await bind(world, entry, SERIAL)
    await world.shows("conflict", SERIAL)
    assert world.pending(SERIAL) == "off"
    assert f"conflict_{SERIAL}" in world.issues()

    # Whoever held it lets it go; the person asks again.
    device.bound.clear()
    quectel.bring_online(SERIAL)
    await entry.runtime_data.coordinator.async_submit_again(SERIAL)
    await world.shows("associated", SERIAL)
    assert not world.issues()


async def test_a_list_without_serial_numbers_is_matched_by_what_binding_returned(
    world: World, entry: ConfigEntry
) -> None:
    quectel = world.simulator.quectel
    quectel.hides_serials = True
    others = "FAKESN00000002"
    for serial in (SERIAL, others):
        quectel.add_device(serial)
    await bind(world, entry, SERIAL, others)
    await world.shows("accepted", SERIAL, others)
    quectel.bring_online(SERIAL)
    await world.shows("associated", SERIAL)
    assert world.status(others) == "accepted"
    quectel.bring_online(others)
    await world.shows("associated", others)

    # They are missed by the same name, also after a restart.
    await world.restart()
    quectel.release(SERIAL)
    for _ in range(2):
        await asyncio.sleep(600)
        await world.check([SERIAL])
    await world.shows("lost", SERIAL)
    assert world.status(others) == "associated"


async def test_what_the_cloud_knows_may_be_a_device_of_ours_without_a_serial_number(
    world: World, entry: ConfigEntry
) -> None:
    """Nobody is told that another account has it, as long as one of our own might be it."""
    quectel = world.simulator.quectel
    quectel.hides_serials = True
    device = quectel.add_device(SERIAL)
    [uid] = quectel.users
    device.bound[uid] = world.simulator.now()
    await bind(world, entry, SERIAL)
    await asyncio.sleep(3_600)
    assert world.status(SERIAL) == "unconfirmed"
    assert not world.issues()

    quectel.hides_serials = False
    await world.shows("associated", SERIAL)


async def test_a_sign_in_is_renewed_as_the_server_wants_it_and_over_if_it_refuses(
    world: World, entry: ConfigEntry
) -> None:
    """A refusal is no outage: the person is asked to sign in again."""
    quectel = world.simulator.quectel
    quectel.refresh_in = frozenset({"query"})
    quectel.refresh_missing = "bad_request"
    quectel.add_device(SERIAL)
    await asyncio.sleep(3 * 3_600)
    await bind(world, entry, SERIAL)
    await world.shows("accepted", SERIAL)
    assert not list(entry.async_get_active_flows(world.hass, {SOURCE_REAUTH}))

    quectel.refresh_in = frozenset()
    await asyncio.sleep(3 * 3_600)
    assert list(entry.async_get_active_flows(world.hass, {SOURCE_REAUTH}))
