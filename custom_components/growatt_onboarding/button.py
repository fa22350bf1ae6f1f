"""The buttons that check a device's association, or a portal's account, now."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .cloud.errors import CloudError
from .cloud.provider import Capability
from .coordinator import AccountConfigEntry
from .entity import AccountEntity, DeviceEntity, async_add_device_entities
from .flows.forms import error_placeholders
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
    """Set up the buttons of an account and its devices."""
    if Capability.ACTIVATION in entry.runtime_data.client.capabilities:
        async_add_entities([CheckAccountNow(entry, CHECK_NOW)])
    async_add_device_entities(
        entry, async_add_entities, lambda subentry: [CheckNow(entry, subentry, CHECK_NOW)]
    )


class CheckAccountNow(AccountEntity, ButtonEntity):
    """A button that asks a portal whether the account is activated."""

    @override
    async def async_press(self) -> None:
        """Ask now. Raises HomeAssistantError if nobody is signed in or the portal cannot tell."""
        entry = self.coordinator.config_entry
        if not self.coordinator.signed_in:
            raise _not_signed_in(entry)
        try:
            await entry.runtime_data.activation.async_ask()
        except CloudError as err:
            raise translated(HomeAssistantError, err.key, error_placeholders(err)) from err


def _not_signed_in(entry: AccountConfigEntry) -> ServiceValidationError:
    return translated(ServiceValidationError, "not_signed_in", {"account": entry.title})


class CheckNow(DeviceEntity, ButtonEntity):
    """A button that checks the device as soon as the cloud's limits allow.

    It can be pressed while the cloud cannot be reached, too: that is when somebody wants to.
    """

    @property
    @override
    def available(self) -> bool:
        """Return whether the device is still there."""
        return self.binding is not None

    @override
    async def async_press(self) -> None:
        """Request a check, which is made as soon as the limits allow it.

        Raises ServiceValidationError if somebody has to sign in first.
        """
        if not self.coordinator.signed_in:
            raise _not_signed_in(self.coordinator.config_entry)
        self.coordinator.async_check([self.serial])
