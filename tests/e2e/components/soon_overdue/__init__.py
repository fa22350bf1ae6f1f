"""Have Growatt Onboarding call an inverter overdue sooner than after a day.

For the scenario of the repair; the product has no such switch. Goes with `fast_clock`.
"""

from copy import replace

from homeassistant.core import HomeAssistant
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.const import DATA_TIMING

DOMAIN = "soon_overdue"
CONF_AFTER = "after"
CONFIG_SCHEMA = vol.Schema(
    {DOMAIN: vol.Schema({vol.Required(CONF_AFTER): vol.Coerce(float)})}, extra=vol.ALLOW_EXTRA
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Change the timing that is installed; `after` is in real seconds."""
    after: float = config[DOMAIN][CONF_AFTER]
    hass.data[DATA_TIMING] = replace(hass.data[DATA_TIMING], overdue_after=after)
    return True
