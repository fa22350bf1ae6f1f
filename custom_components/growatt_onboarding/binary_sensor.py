"""Whether an association is still to come, and how the account stands with its cloud."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

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
from .coordinator import AccountConfigEntry, AccountCoordinator, AccountData
from .entity import AccountEntity, InverterEntity, async_add_inverter_entities

# Nothing is asked of the cloud by an entity.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountBinarySensorDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of an account.

    Attributes:
        value: whether it is on.
        exists: whether an account has it.
        of_cloud: it is not known while the cloud cannot be reached.

    """

    value: Callable[[AccountCoordinator], bool]
    exists: Callable[[AccountData], bool] = lambda _account: True
    of_cloud: bool = False


ACCOUNT_BINARY_SENSORS: Final = (
    AccountBinarySensorDescription(
        key="association_pending",
        translation_key="association_pending",
        value=lambda coordinator: any(binding.pending for binding in coordinator.data.values()),
        exists=lambda account: Capability.BIND in account.client.capabilities,
        of_cloud=True,
    ),
    AccountBinarySensorDescription(
        key="connected",
        translation_key="connected",
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
    """Set up the binary sensors of an account and its inverters."""
    async_add_entities(
        AccountBinarySensor(entry, description)
        for description in ACCOUNT_BINARY_SENSORS
        if description.exists(entry.runtime_data)
    )

    def make(subentry: ConfigSubentry) -> list[InverterAssociationPending]:
        return [InverterAssociationPending(entry, subentry, ASSOCIATION_PENDING)]

    async_add_inverter_entities(entry, async_add_entities, make)


class AccountBinarySensor(AccountEntity, BinarySensorEntity):
    """How the account stands."""

    entity_description: AccountBinarySensorDescription

    @property
    @override
    def available(self) -> bool:
        """Whether it is known: what the cloud decides is not while that cannot be reached."""
        return super().available or not self.entity_description.of_cloud

    @property
    @override
    def shown(self) -> bool:
        return self.entity_description.value(self.coordinator)

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
