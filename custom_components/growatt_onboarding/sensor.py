"""Where an inverter's association stands, and when what happened to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .binding.model import Binding, BindingState
from .clock import now
from .cloud.provider import Capability
from .coordinator import AccountConfigEntry
from .entity import AccountEntity, InverterEntity, async_add_inverter_entities

# Nothing is asked of the cloud by an entity.
PARALLEL_UPDATES = 0

ATTR_DATALOGGER: Final = "datalogger"


def _time(at: float | None) -> datetime | None:
    """Return a time in whole seconds, as a state shows it."""
    return None if at is None else dt_util.utc_from_timestamp(int(at))


def _associated(binding: Binding) -> datetime | None:
    """Return since when an inverter has been associated, None while it is not."""
    known = binding.state is BindingState.ASSOCIATED
    return _time(binding.associated_at) if known else None


@dataclass(frozen=True, kw_only=True)
class InverterSensorDescription(SensorEntityDescription):
    """Describes a sensor that shows something of a binding."""

    value: Callable[[Binding], str | datetime | None]


ASSOCIATION_STATUS: Final = InverterSensorDescription(
    key="association_status",
    translation_key="association_status",
    device_class=SensorDeviceClass.ENUM,
    options=[state.value for state in BindingState],
    value=lambda binding: binding.state.value,
)
TIMES: Final = (
    InverterSensorDescription(
        key="submitted",
        translation_key="submitted",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=lambda binding: _time(binding.sent_at),
    ),
    InverterSensorDescription(
        key="associated",
        translation_key="associated",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=_associated,
    ),
)
NEXT_CHECK: Final = SensorEntityDescription(
    key="next_check",
    translation_key="next_check",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
    # It changes with every look, as often as twice a minute.
    entity_registry_enabled_default=False,
)
INVERTERS_PENDING: Final = SensorEntityDescription(
    key="inverters_pending",
    translation_key="inverters_pending",
    state_class=SensorStateClass.MEASUREMENT,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of an account and its inverters."""
    if Capability.BIND in entry.runtime_data.client.capabilities:
        async_add_entities([InvertersPending(entry, INVERTERS_PENDING)])

    def make(subentry: ConfigSubentry) -> list[SensorEntity]:
        return [
            AssociationStatus(entry, subentry, ASSOCIATION_STATUS),
            *(InverterSensor(entry, subentry, description) for description in TIMES),
            NextCheck(entry, subentry, NEXT_CHECK),
        ]

    async_add_inverter_entities(entry, async_add_entities, make)


class InvertersPending(AccountEntity, SensorEntity):
    """How many inverters of the account wait for their association."""

    @property
    @override
    def shown(self) -> int:
        return sum(binding.pending for binding in self.coordinator.data.values())

    @property
    @override
    def native_value(self) -> int:
        return self.shown


class InverterSensor(InverterEntity, SensorEntity):
    """Something of the inverter's binding."""

    entity_description: InverterSensorDescription

    @property
    @override
    def shown(self) -> object:
        return self.native_value

    @property
    @override
    def native_value(self) -> str | datetime | None:
        return self.entity_description.value(self.binding) if self.binding is not None else None


class AssociationStatus(InverterSensor):
    """The state of the inverter's binding, and by which datalogger the cloud has it."""

    _unrecorded_attributes = frozenset({ATTR_DATALOGGER})

    @property
    @override
    def shown(self) -> object:
        return self.native_value, self._datalogger

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        return None if self._datalogger is None else {ATTR_DATALOGGER: self._datalogger}

    @property
    def _datalogger(self) -> str | None:
        """The datalogger's serial number, where the cloud has told it."""
        return self.binding.datalogger if self.binding is not None else None


class NextCheck(InverterEntity, SensorEntity):
    """When something will next be asked for the inverter."""

    _at: float | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the schedule too: it also changes by what other accounts ask."""
        self._at = self.coordinator.next_check(self.serial)
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_add_schedule_listener(self._handle_coordinator_update)
        )

    @property
    @override
    def available(self) -> bool:
        """Always: while the cloud is out of reach, this tells when it is tried again."""
        return True

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        at = self.coordinator.next_check(self.serial)
        soon = now() + self.coordinator.timing.patience
        # What is due and waits for its turn stays at the time it became due.
        if at is None or self._at is None or max(at, self._at) > soon:
            self._at = at
        super()._handle_coordinator_update()

    @property
    @override
    def shown(self) -> datetime | None:
        return _time(self._at)

    @property
    @override
    def native_value(self) -> datetime | None:
        return self.shown
