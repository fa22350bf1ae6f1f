"""Keep in the data of an entry what cannot be written, so that no entry of anybody is written.

As a custom integration might that keeps an object of its library there.
"""

from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

DOMAIN = "unserializable"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Have the entry made once this integration is there."""
    context = {"source": SOURCE_IMPORT}
    hass.async_create_task(hass.config_entries.flow.async_init(DOMAIN, context=context))
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Do nothing with it."""
    return True
