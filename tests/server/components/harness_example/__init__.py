"""A small integration with one of everything the harness drives; it talks to nothing."""

from typing import TYPE_CHECKING

from homeassistant.const import Platform
from homeassistant.core import ServiceCall, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_send
import voluptuous as vol

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant, ServiceResponse
    from homeassistant.helpers.typing import ConfigType

DOMAIN = "harness_example"
SIGNAL_SWITCHED = f"{DOMAIN}_switched"
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = [Platform.BINARY_SENSOR]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions."""

    async def echo(call: ServiceCall) -> ServiceResponse:
        if call.data["text"] == "refuse":
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="refused")
        return {"text": call.data["text"]}

    async def switch(call: ServiceCall) -> None:
        async_dispatcher_send(hass, SIGNAL_SWITCHED, call.data["on"])

    hass.services.async_register(
        DOMAIN,
        "echo",
        echo,
        schema=vol.Schema({vol.Required("text"): str}),
        supports_response=SupportsResponse.ONLY,
    )
    hass.services.async_register(
        DOMAIN, "switch", switch, schema=vol.Schema({vol.Required("on"): bool})
    )
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Add the entity, and an issue that can be fixed."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        "fixable",
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="fixable",
    )
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Remove the entity."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
