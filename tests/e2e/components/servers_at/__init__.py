"""Have Growatt Onboarding take other addresses for Growatt's servers.

For what only accounts of known servers have: the hand-over, and the search for a token's server.
Home Assistant's own Growatt integration then asks what stands for the global one, and nobody else.
"""

from copy import replace
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.cloud import registry

DOMAIN = "servers_at"
CONF_URLS = "urls"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the action `set`: the addresses by the servers' keys. It holds until the next."""
    # As it is before the first; the cloud may not be imported yet, nor in the event loop.
    provider = await hass.async_add_import_executor_job(registry.provider, "growatt")
    client = await hass.async_add_import_executor_job(_core_client)
    original = client.__init__

    async def set_urls(call: ServiceCall) -> None:
        urls = call.data[CONF_URLS]
        servers = tuple(
            replace(server, url=urls.get(server.key, server.url)) for server in provider.servers
        )
        registry._LOADED["growatt"] = replace(provider, servers=servers)

        def init(self: Any, token: str) -> None:
            original(self, token)
            # Not `server_url`: the library has computed the address that it uses by now.
            self.api_url = f"{urls['global']}/v1/"

        client.__init__ = init if "global" in urls else original

    schema = vol.Schema({vol.Required(CONF_URLS): {cv.string: cv.string}})
    hass.services.async_register(DOMAIN, "set", set_urls, schema)
    return True


def _core_client() -> Any:
    """Return the class with which Home Assistant's own integration asks with a token."""
    from growattServer import OpenApiV1  # noqa: PLC0415

    return OpenApiV1
