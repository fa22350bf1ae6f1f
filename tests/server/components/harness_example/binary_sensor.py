"""One binary sensor that an action switches."""

from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from . import SIGNAL_SWITCHED

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add it."""
    async_add_entities([ExampleSensor(entry)])


class ExampleSensor(BinarySensorEntity):
    """Off until switched."""

    _attr_is_on = False
    _attr_should_poll = False

    def __init__(self, entry: ConfigEntry) -> None:
        """Name it after its entry."""
        self._attr_name = entry.title
        self._attr_unique_id = entry.entry_id

    async def async_added_to_hass(self) -> None:
        """Listen for the action."""
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_SWITCHED, self._async_switched)
        )

    @callback
    def _async_switched(self, on: bool) -> None:  # noqa: FBT001
        self._attr_is_on = on
        self.async_write_ha_state()
