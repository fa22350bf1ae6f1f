"""The button that has an inverter looked for."""

import asyncio

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN

from .common import open_reauth, submit
from .home import Home

SN = "SIM0000001"
# For this long the cloud does not answer the same question again.
LIMIT = 300


async def press(home: Home) -> None:
    entity_id = er.async_get(home.hass).async_get_entity_id("button", DOMAIN, f"{SN}_check_now")
    await home.hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


async def test_the_button_looks_as_soon_as_the_limits_allow_it(home: Home) -> None:
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(10)

    # A limit makes it wait, which is no error: it is planned.
    await press(home)
    assert home.coordinator.next_check(SN) is not None
    assert 10 < await home.shows("lost", SN) <= LIMIT
    assert home.coordinator.next_check(SN) is None

    await asyncio.sleep(400)
    home.growatt.move(SN, int(home.plant_id))
    await press(home)
    assert await home.shows("associated", SN) < 10
    assert not home.growatt.limits.violations


async def test_the_button_says_that_somebody_has_to_sign_in(home: Home) -> None:
    await home.accept(SN)
    token = home.growatt.tokens.pop(INSTALLER_TOKEN)
    await home.clock.until(home.reauths)
    with pytest.raises(ServiceValidationError) as caught:
        await press(home)
    assert caught.value.translation_key == "not_signed_in"

    home.growatt.tokens[INSTALLER_TOKEN] = token
    # The call that proves a token has just been made.
    await asyncio.sleep(400)
    dialog = await open_reauth(home.hass, home.entry)
    dialog = await submit(home.hass, dialog, token=INSTALLER_TOKEN)
    assert dialog["reason"] == "reauth_successful"
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    await asyncio.sleep(400)
    await press(home)
