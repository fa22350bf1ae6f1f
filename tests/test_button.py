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


async def press(home: Home) -> None:
    entity_id = er.async_get(home.hass).async_get_entity_id("button", DOMAIN, f"{SN}_check_now")
    await home.hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


async def test_the_button_looks_at_once_or_says_when(home: Home) -> None:
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(10)

    with pytest.raises(ServiceValidationError) as caught:
        await press(home)
    assert caught.value.translation_key == "check_planned"
    assert caught.value.translation_placeholders == {"minutes": "5"}
    # Planned all the same.
    await home.shows("lost", SN)

    await asyncio.sleep(400)
    home.growatt.move(SN, int(home.plant_id))
    await press(home)
    await home.shows("associated", SN)


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
