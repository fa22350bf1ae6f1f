"""Have Growatt Onboarding wait less long for a dialog that nobody looks at any more.

For the one scenario that would have to wait half a minute; the product has no such switch.
"""

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.account import registration

DOMAIN = "short_grace"
CONF_SECONDS = "seconds"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the action `set`, which holds until Home Assistant ends."""

    async def set_grace(call: ServiceCall) -> None:
        registration._DIALOG_GRACE = call.data[CONF_SECONDS]  # type: ignore[misc]

    schema = vol.Schema({vol.Required(CONF_SECONDS): vol.Coerce(float)})
    hass.services.async_register(DOMAIN, "set", set_grace, schema)
    return True
