"""Run Growatt Onboarding's cooldowns and intervals faster than the vendor's clock.

For scripts that drive a real Home Assistant beside a simulator of the same speed; the product
itself has no such switch. Must be set up before Growatt Onboarding.
"""

import logging
from typing import TYPE_CHECKING

import voluptuous as vol

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.const import DATA_TIMING

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.typing import ConfigType

DOMAIN = "fast_clock"
CONF_FACTOR = "factor"
CONFIG_SCHEMA = vol.Schema(
    {
        DOMAIN: vol.Schema(
            {
                vol.Required(CONF_FACTOR): vol.All(
                    vol.Coerce(float), vol.Range(min=0, min_included=False)
                )
            }
        )
    },
    extra=vol.ALLOW_EXTRA,
)

_LOGGER = logging.getLogger(__name__)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Install timing that is `factor` times as fast."""
    factor: float = config[DOMAIN][CONF_FACTOR]
    hass.data[DATA_TIMING] = Timing().scaled(factor)
    _LOGGER.info("Growatt Onboarding's clock runs %g times as fast", factor)
    return True
