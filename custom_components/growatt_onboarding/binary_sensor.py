"""Whether an association is still to come, and how the account stands with its cloud."""

from typing import override

from homeassistant.components.binary_sensor import (  # type: ignore[attr-defined]  # 2026.10.4
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .cloud.provider import Capability
from .const import CONF_ACTIVATION_PENDING
from .coordinator import AccountConfigEntry
from .entity import AccountEntity, InverterEntity, async_add_inverter_entities

# Nothing is asked of the cloud by an entity.
PARALLEL_UPDATES = 0

ASSOCIATION_PENDING = BinarySensorEntityDescription(
    key="association_pending", translation_key="association_pending"
)
CONNECTED = BinarySensorEntityDescription(
    key="connected",
    translation_key="connected",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)
ACTIVATION_PENDING = BinarySensorEntityDescription(
    key="activation_pending", translation_key="activation_pending"
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of an account and its inverters."""
    runtime = entry.runtime_data
    account: list[BinarySensorEntity] = [AccountConnected(entry, CONNECTED)]
    if Capability.BIND in runtime.client.capabilities:
        account.append(AccountAssociationPending(entry, ASSOCIATION_PENDING))
    if runtime.provider.activates:
        account.append(AccountActivationPending(entry, ACTIVATION_PENDING))
    async_add_entities(account)

    def make(subentry: ConfigSubentry) -> list[InverterAssociationPending]:
        return [InverterAssociationPending(entry, subentry, ASSOCIATION_PENDING)]

    async_add_inverter_entities(entry, async_add_entities, make)


class AccountAssociationPending(AccountEntity, BinarySensorEntity):
    """On while any inverter of the account waits for its association."""

    @property
    @override
    def shown(self) -> bool:
        return any(binding.pending for binding in self.coordinator.data.values())

    @property
    @override
    def is_on(self) -> bool:
        return self.shown


class AccountConnected(AccountEntity, BinarySensorEntity):
    """On while the account is signed in and the cloud answers."""

    @property
    @override
    def available(self) -> bool:
        """Always: being out of reach is what it tells."""
        return True

    @property
    @override
    def shown(self) -> bool:
        return self.coordinator.connected

    @property
    @override
    def is_on(self) -> bool:
        return self.shown


class AccountActivationPending(AccountEntity, BinarySensorEntity):
    """On while the site has yet to let a new account in."""

    @property
    @override
    def available(self) -> bool:
        """Always: nothing is asked of the site meanwhile."""
        return True

    @property
    @override
    def shown(self) -> bool:
        return bool(self.coordinator.config_entry.data[CONF_ACTIVATION_PENDING])

    @property
    @override
    def is_on(self) -> bool:
        return self.shown


class InverterAssociationPending(InverterEntity, BinarySensorEntity):
    """On while the inverter waits for its association."""

    @property
    @override
    def shown(self) -> bool | None:
        return self.binding.pending if self.binding is not None else None

    @property
    @override
    def is_on(self) -> bool | None:
        return self.shown
