"""Have Growatt Onboarding take another address for Growatt's global server.

For the scenario of the hand-over, which only accounts of that server have.
"""

from copy import replace

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.cloud import registry

DOMAIN = "as_global"
CONF_URL = "url"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the action `set`, which holds until Home Assistant ends."""

    async def set_url(call: ServiceCall) -> None:
        provider = registry.provider("growatt")
        servers = tuple(
            replace(server, url=call.data[CONF_URL]) if server.key == "global" else server
            for server in provider.servers
        )
        registry._LOADED["growatt"] = replace(provider, servers=servers)

    schema = vol.Schema({vol.Required(CONF_URL): cv.string})
    hass.services.async_register(DOMAIN, "set", set_url, schema)
    return True
