"""The actions about plants."""

from typing import Any

from homeassistant.const import CONF_NAME
from homeassistant.core import ServiceCall, ServiceResponse
import voluptuous as vol

from ..account.plants import (
    CONF_PEAK_POWER,
    MAX_PEAK_POWER,
    MIN_PEAK_POWER,
    async_create_plant,
    async_list_plants,
)
from ..cloud.errors import InvalidInputError
from ..cloud.fields import number, text
from ..cloud.model import Plant
from ..cloud.provider import Capability
from ..const import CONF_PLANT_ID
from ..coordinator import AccountConfigEntry
from .common import account_entry


def peak_power(value: object) -> float:
    """Return a plant's peak power in kWp, which may be written with a decimal comma.

    Raises vol.Invalid.
    """
    try:
        return number(
            {CONF_PEAK_POWER: str(value)}, CONF_PEAK_POWER, MIN_PEAK_POWER, MAX_PEAK_POWER
        )
    except InvalidInputError:
        expected = f"a number from {MIN_PEAK_POWER} to {MAX_PEAK_POWER}"
        raise vol.Invalid(f"expected {expected}, not {value!r}") from None


def given_plant_id(entry: AccountConfigEntry, call: ServiceCall) -> str:
    """Return the plant that was given; raise InvalidInputError if it cannot be one."""
    plant_id = text(call.data, CONF_PLANT_ID)
    entry.runtime_data.client.check_plant_id(plant_id)
    return plant_id


async def list_plants(call: ServiceCall) -> ServiceResponse:
    """List an account's plants. Responds with `plants`, each with `plant_id` and `name`."""
    entry = account_entry(call, Capability.PLANTS)
    with entry.runtime_data.coordinator.reauth_on_denial():
        plants = await async_list_plants(entry)
    return {"plants": [_told(plant) for plant in plants]}


async def create_plant(call: ServiceCall) -> ServiceResponse:
    """Create a plant. Responds with its `plant_id` and `name`."""
    entry = account_entry(call, Capability.CREATE_PLANT)
    with entry.runtime_data.coordinator.reauth_on_denial():
        plant = await async_create_plant(
            call.hass,
            entry,
            name=call.data[CONF_NAME],
            peak_power=call.data[CONF_PEAK_POWER],
        )
    return _told(plant)


def _told(plant: Plant) -> dict[str, Any]:
    return {CONF_PLANT_ID: plant.id, CONF_NAME: plant.name}
