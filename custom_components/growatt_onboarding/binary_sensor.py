"""Whether an association is still to come."""

from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import AccountConfigEntry
from .entity import AccountEntity, InverterEntity, async_add_inverter_entities

# Nothing is asked of the cloud by an entity.
PARALLEL_UPDATES = 0

ASSOCIATION_PENDING = BinarySensorEntityDescription(
    key="association_pending", translation_key="association_pending"
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of an account and its inverters."""
    async_add_entities([AccountAssociationPending(entry, ASSOCIATION_PENDING)])

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
