"""Looking for an inverter now instead of at its time."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .clock import minutes_until, now
from .const import DOMAIN
from .coordinator import AccountConfigEntry
from .entity import InverterEntity, async_add_inverter_entities

# The coordinator makes one call after the other by itself.
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

    def make(subentry: ConfigSubentry) -> list[CheckNow]:
        return [CheckNow(entry, subentry, CHECK_NOW)]

    async_add_inverter_entities(entry, async_add_entities, make)


class CheckNow(InverterEntity, ButtonEntity):
    """Has the inverter looked for as soon as the cloud's limits allow."""

    @property
    @override
    def shown(self) -> None:
        """Nothing but whether it can be pressed."""

    @override
    async def async_press(self) -> None:
        """Ask for the check; say when it will be where a limit stands before it.

        Raises ServiceValidationError where the check has to wait: it is planned all the same.
        Where somebody has to sign in first it is not.
        """
        if not self.coordinator.signed_in:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="not_signed_in",
                translation_placeholders={"account": self.coordinator.config_entry.title},
            )
        self.coordinator.async_check([self.serial])
        planned = self.coordinator.next_check(self.serial)
        if planned is not None and planned > now() + self.coordinator.timing.patience:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="check_planned",
                translation_placeholders={"minutes": str(minutes_until(planned))},
            )
