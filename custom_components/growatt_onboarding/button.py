"""The button that checks an inverter's association now."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import AccountConfigEntry
from .entity import InverterEntity, async_add_inverter_entities
from .foreign import translated

# The coordinator already makes one call at a time.
PARALLEL_UPDATES = 0

CHECK_NOW = ButtonEntityDescription(
    key="check_now", translation_key="check_now", entity_category=EntityCategory.DIAGNOSTIC
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of an account's inverters."""
    async_add_inverter_entities(
        entry, async_add_entities, lambda subentry: [CheckNow(entry, subentry, CHECK_NOW)]
    )


class CheckNow(InverterEntity, ButtonEntity):
    """A button that checks the inverter as soon as the cloud's limits allow.

    It can be pressed while the cloud cannot be reached, too: that is when somebody wants to.
    """

    @property
    @override
    def available(self) -> bool:
        """Return whether the inverter is still there."""
        return self.binding is not None

    @override
    async def async_press(self) -> None:
        """Request a check, which is made as soon as the limits allow it.

        Raises ServiceValidationError if somebody has to sign in first.
        """
        if not self.coordinator.signed_in:
            values = {"account": self.coordinator.config_entry.title}
            raise translated(ServiceValidationError, "not_signed_in", values)
        self.coordinator.async_check([self.serial])
