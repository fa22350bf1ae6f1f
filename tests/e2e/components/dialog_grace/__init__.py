"""Say how long Growatt Onboarding waits for a dialog that nobody looks at any longer.

So long that an entry which comes while a scenario waits for it has not waited for its dialog; and
a moment for the one scenario that would have to wait half a minute. The product has no such switch.
"""

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.account import registration

DOMAIN = "dialog_grace"
CONF_SECONDS = "seconds"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)
# Longer than anything here is waited for.
LONG = 3_600.0


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Wait for long, and offer the action `set`, which holds until Home Assistant ends."""

    def wait(seconds: float) -> None:
        registration._DIALOG_GRACE = seconds  # type: ignore[misc]

    async def set_grace(call: ServiceCall) -> None:
        wait(call.data[CONF_SECONDS])

    wait(LONG)
    schema = vol.Schema({vol.Optional(CONF_SECONDS, default=LONG): vol.Coerce(float)})
    hass.services.async_register(DOMAIN, "set", set_grace, schema)
    return True
