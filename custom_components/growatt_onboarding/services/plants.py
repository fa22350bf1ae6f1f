"""The actions about plants."""

from typing import Any

from homeassistant.const import CONF_NAME
from homeassistant.core import ServiceCall, ServiceResponse
import voluptuous as vol

from ..account.plants import (
    CONF_PEAK_POWER,
    MAX_PEAK_POWER,
    MIN_PEAK_POWER,
    PlantNames,
    async_create_plant,
    async_list_plants,
)
from ..cloud.errors import InvalidInputError
from ..cloud.fields import name, number, text
from ..cloud.model import Plant
from ..cloud.provider import Capability
from ..const import CONF_PLANT_ID
from ..coordinator import AccountConfigEntry
from .common import account_entry, usable_entry


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


async def async_given_plant_id(entry: AccountConfigEntry, call: ServiceCall) -> str:
    """Return the ID of the plant that was given: what can be an ID is one, all else is a name.

    The plants are listed unless exactly one that is known is called so. Raises CloudError,
    InvalidInputError if it is none or not a certain one, and ServiceValidationError if nobody is
    signed in.
    """
    account = entry.runtime_data
    try:
        plant_id = text(call.data, CONF_PLANT_ID)
        account.client.check_plant_id(plant_id)
    except InvalidInputError:
        if Capability.PLANTS not in account.client.capabilities:
            raise
        named = name(call.data, CONF_PLANT_ID)
    else:
        return plant_id
    if len(found := account.plants.called(named)) != 1:
        usable_entry(entry, Capability.PLANTS)
        with account.coordinator.reauth_on_denial():
            listed = {plant.id for plant in await async_list_plants(entry)}
        called = account.plants.called(named)
        # One that is gone stays known, and does not keep its name from another one.
        found = [plant_id for plant_id in called if plant_id in listed] or called
    if len(found) != 1:
        raise _not_a_plant(account.plants, entry.title, named, found)
    return found[0]


def _not_a_plant(
    plants: PlantNames, account: str, named: str, found: list[str]
) -> InvalidInputError:
    """Return the error for what names none of an account's plants, or several, with the choice."""
    choice = found or plants.known()
    return InvalidInputError(
        "plant_ambiguous" if found else "plant_not_found" if choice else "no_plants",
        field=CONF_PLANT_ID,
        placeholders={
            "account": account,
            "plant": named,
            "plants": ", ".join(map(plants.full_name, choice)),
        },
    )


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
