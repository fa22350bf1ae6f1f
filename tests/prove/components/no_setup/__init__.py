"""Keep Growatt Onboarding's accounts from being set up.

`outcome` is `retry` (Home Assistant tries again and again) or `failed` (it does not).
"""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

import custom_components.growatt_onboarding as product

DOMAIN = "no_setup"
_OUTCOMES = {"retry": ConfigEntryNotReady, "failed": ConfigEntryError}
CONFIG_SCHEMA = vol.Schema(
    {DOMAIN: vol.Schema({vol.Required("outcome"): vol.In(_OUTCOMES)})}, extra=vol.ALLOW_EXTRA
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Put something else in the place of the product's own."""

    async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        raise _OUTCOMES[config[DOMAIN]["outcome"]]("kept from being set up")

    product.async_setup_entry = async_setup_entry
    return True
