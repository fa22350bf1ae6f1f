"""Have Growatt Onboarding call an inverter overdue sooner than after a day.

For the scenarios of the repair; the product has no such switch. Goes with `fast_clock`. A dialog
may watch longer than that clock has it, for what a person has to see meanwhile.
"""

from copy import replace

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.gateway import async_get_shared_data

DOMAIN = "soon_overdue"
CONF_SECONDS = "seconds"
CONF_WATCHED_FOR = "watched_for"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the action `set`, which holds for the accounts that are set up after it."""

    async def set_overdue(call: ServiceCall) -> None:
        shared = await async_get_shared_data(hass)
        shared.timing = replace(
            shared.timing,
            overdue_after=call.data[CONF_SECONDS],
            watched_for=call.data[CONF_WATCHED_FOR],
        )

    schema = vol.Schema(
        {vol.Required(name): vol.Coerce(float) for name in (CONF_SECONDS, CONF_WATCHED_FOR)}
    )
    hass.services.async_register(DOMAIN, "set", set_overdue, schema)
    return True
