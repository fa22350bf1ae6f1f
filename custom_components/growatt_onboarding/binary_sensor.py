"""Binary sensors for pending associations and for the account's connection and activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.binary_sensor import (  # type: ignore[attr-defined]  # 2026.10.4
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .cloud.provider import Capability
from .const import CONF_ACTIVATION_PENDING
from .coordinator import AccountConfigEntry, AccountCoordinator, AccountData
from .entity import AccountEntity, DeviceEntity, async_add_device_entities

# Entities make no calls to the cloud.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountBinarySensorDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of an account.

    Attributes:
        value: returns whether it is on.
        exists: returns whether an account has it.
        needs_cloud: whether it is unavailable while the cloud cannot be reached.

    """

    value: Callable[[AccountCoordinator], bool]
    exists: Callable[[AccountData], bool] = lambda _account: True
    needs_cloud: bool = False


ACCOUNT_BINARY_SENSORS: Final = (
    AccountBinarySensorDescription(
        key="association_pending",
        translation_key="association_pending",
        value=lambda coordinator: bool(coordinator.pending),
        exists=lambda account: Capability.BIND in account.client.capabilities,
        needs_cloud=True,
    ),
    AccountBinarySensorDescription(
        key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=lambda coordinator: coordinator.connected,
    ),
    AccountBinarySensorDescription(
        key="activation_pending",
        translation_key="activation_pending",
        value=lambda coordinator: bool(coordinator.config_entry.data[CONF_ACTIVATION_PENDING]),
        exists=lambda account: account.provider.activates,
    ),
)
ASSOCIATION_PENDING: Final = BinarySensorEntityDescription(
    key="association_pending", translation_key="association_pending"
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of an account and its devices."""
    async_add_entities(
        AccountBinarySensor(entry, description)
        for description in ACCOUNT_BINARY_SENSORS
        if description.exists(entry.runtime_data)
    )
    async_add_device_entities(
        entry,
        async_add_entities,
        lambda subentry: [AssociationPending(entry, subentry, ASSOCIATION_PENDING)],
    )


class AccountBinarySensor(AccountEntity, BinarySensorEntity):
    """A binary sensor of an account."""

    entity_description: AccountBinarySensorDescription

    @property
    @override
    def available(self) -> bool:
        """Return whether the value is known, which for some sensors takes a reachable cloud."""
        return super().available or not self.entity_description.needs_cloud

    @property
    @override
    def is_on(self) -> bool:
        return self.entity_description.value(self.coordinator)


class AssociationPending(DeviceEntity, BinarySensorEntity):
    """A binary sensor that is on while the device waits for its association."""

    @property
    @override
    def is_on(self) -> bool | None:
        return self.binding.pending if self.binding is not None else None
