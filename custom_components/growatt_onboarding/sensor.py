"""Where an inverter's association stands."""

from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .binding.model import BindingState
from .coordinator import AccountConfigEntry
from .entity import InverterEntity, async_add_inverter_entities

# Nothing is asked of the cloud by an entity.
PARALLEL_UPDATES = 0

ASSOCIATION_STATUS = SensorEntityDescription(
    key="association_status",
    translation_key="association_status",
    device_class=SensorDeviceClass.ENUM,
    options=[state.value for state in BindingState],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of an account's inverters."""

    def make(subentry: ConfigSubentry) -> list[AssociationStatus]:
        return [AssociationStatus(entry, subentry, ASSOCIATION_STATUS)]

    async_add_inverter_entities(entry, async_add_entities, make)


class AssociationStatus(InverterEntity, SensorEntity):
    """The state of the inverter's binding."""

    @property
    @override
    def shown(self) -> str | None:
        return self.binding.state.value if self.binding is not None else None

    @property
    @override
    def native_value(self) -> str | None:
        return self.shown
