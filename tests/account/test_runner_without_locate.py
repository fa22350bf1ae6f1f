"""Bindings at a cloud that does not tell who holds a device: its list has the last word."""

from homeassistant.setup import async_setup_component

from custom_components.growatt_onboarding.const import DOMAIN
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET
from tests.common import entries
from tests.prove.world import World

PASSWORD = "Fake-Passw0rd"
SERIAL = "FAKESN00000001"


async def test_a_device_in_other_hands(world: World) -> None:
    simulator = world.simulator
    quectel = simulator.quectel
    device = quectel.add_device(SERIAL)
    stranger = quectel.add_user("stranger@example.com", password=PASSWORD)
    device.bound[stranger.uid] = simulator.now()
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
    await world.call(
        "bind_device", config_entry_id=entry.entry_id, plant_id=PRODUCT_KEY, serial_numbers=[SERIAL]
    )
    await world.shows("conflict", SERIAL)
    assert world.pending(SERIAL) == "off"
    assert f"conflict_{SERIAL}" in world.issues()

    # Whoever held it lets it go; the person asks again.
    device.bound.clear()
    quectel.bring_online(SERIAL)
    await entry.runtime_data.coordinator.async_submit_again(SERIAL)
    await world.shows("associated", SERIAL)
    assert not world.issues()
