"""A dialog that makes the entry by itself."""

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult

from . import DOMAIN


class UnserializableFlow(ConfigFlow, domain=DOMAIN):
    """Add the entry."""

    async def async_step_import(self, _data: None) -> ConfigFlowResult:
        """Add it."""
        return self.async_create_entry(title="Unserializable", data={"session": object()})
