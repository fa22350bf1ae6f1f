"""Sensors for the status and the times of a device's association."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .binding.model import Binding, BindingState, may_bring
from .clock import now
from .cloud.provider import Capability
from .const import SUBENTRY_DATALOGGER
from .coordinator import AccountConfigEntry
from .entity import AccountEntity, DeviceEntity, PassingEntities, async_add_device_entities
from .foreign import plain
from .outcome import ATTR_EXPLANATION, local_time, outcome

# Entities make no calls to the cloud.
PARALLEL_UPDATES = 0

ATTR_DATALOGGER: Final = "datalogger"


def _of_cloud(at: float | None) -> datetime | None:
    """Return a time that the cloud told, in whole seconds, the resolution of a state."""
    return None if at is None else dt_util.utc_from_timestamp(int(at))


def _associated(binding: Binding) -> datetime | None:
    """Return when the device was associated, or None while it is not."""
    known = binding.state is BindingState.ASSOCIATED
    return local_time(binding.associated_at) if known else None


def _is_looked_for(binding: Binding) -> bool:
    """Return whether a device, or what a datalogger brings, is looked for by itself."""
    return binding.pending or (may_bring(binding) and binding.brought_at is None)


# What a sensor shows of a binding, by its key. A description that holds a function would be a
# dataclass of our own, which takes as long to make as all the rest of this module.
VALUES: Final[dict[str, Callable[[Binding], str | datetime | None]]] = {
    "association_status": lambda binding: binding.state.value,
    "submitted": lambda binding: local_time(binding.sent_at),
    "associated": _associated,
    "last_report": lambda binding: _of_cloud(binding.last_report),
}

ASSOCIATION_STATUS: Final = SensorEntityDescription(
    key="association_status",
    translation_key="association_status",
    device_class=SensorDeviceClass.ENUM,
    options=[state.value for state in BindingState],
)
# The same in other words: a datalogger is not waited for as an inverter is.
DATALOGGER_STATUS: Final = SensorEntityDescription(
    key=ASSOCIATION_STATUS.key,
    translation_key="datalogger_status",
    device_class=SensorDeviceClass.ENUM,
    options=ASSOCIATION_STATUS.options,
)
# A device has each of these only while there is such a time.
TIMES: Final = (
    SensorEntityDescription(
        key="submitted",
        translation_key="submitted",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    SensorEntityDescription(
        key="associated",
        translation_key="associated",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)
LAST_REPORT: Final = SensorEntityDescription(
    key="last_report",
    translation_key="last_report",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
)
NEXT_CHECK: Final = SensorEntityDescription(
    key="next_check",
    translation_key="next_check",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
)
# It changes with every check, up to twice a minute: among more devices it is disabled at first.
_MOST_WATCHED: Final = 10
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
    """Set up the sensors of an account and its devices."""
    if Capability.BIND in entry.runtime_data.client.capabilities:
        async_add_entities([DevicesPending(entry, INVERTERS_PENDING)])

    def make(subentry: ConfigSubentry) -> list[SensorEntity]:
        is_stick = subentry.subentry_type == SUBENTRY_DATALOGGER
        status = DATALOGGER_STATUS if is_stick else ASSOCIATION_STATUS
        return [AssociationStatus(entry, subentry, status)]

    def make_passing(subentry: ConfigSubentry, binding: Binding) -> dict[str, Entity | None]:
        is_stick = subentry.subentry_type == SUBENTRY_DATALOGGER
        times = (*TIMES, LAST_REPORT) if is_stick else TIMES
        made: dict[str, Entity | None] = {
            time.key: BindingSensor(entry, subentry, time) if VALUES[time.key](binding) else None
            for time in times
        }
        looked_for = _is_looked_for(binding)
        made[NEXT_CHECK.key] = NextCheck(entry, subentry, NEXT_CHECK) if looked_for else None
        return made

    passing = PassingEntities(hass, entry, Platform.SENSOR, make_passing)
    async_add_device_entities(entry, async_add_entities, make, passing)


class DevicesPending(AccountEntity, SensorEntity):
    """The number of the account's inverters and dataloggers that wait for their association."""

    @property
    @override
    def native_value(self) -> int:
        return len(self.coordinator.pending)


class BindingSensor(DeviceEntity, SensorEntity):
    """A value of the device's binding."""

    @property
    @override
    def native_value(self) -> str | datetime | None:
        if self.binding is None:
            return None
        return VALUES[self.entity_description.key](self.binding)


class AssociationStatus(BindingSensor):
    """The state of the device's binding: why, its plant, and an inverter's datalogger."""

    _unrecorded_attributes = frozenset({ATTR_DATALOGGER, ATTR_EXPLANATION})

    @property
    @override
    def state_content(self) -> object:
        return self.state, self.extra_state_attributes

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Return what is known."""
        if (binding := self.binding) is None:
            return None
        told = outcome(self.coordinator.config_entry, binding)
        told[ATTR_DATALOGGER] = plain(binding.datalogger) if binding.datalogger else None
        return {name: value for name, value in told.items() if value is not None}


class NextCheck(DeviceEntity, SensorEntity):
    """The time of the next call to the cloud for the device."""

    _at: float | None = None

    def __init__(
        self, entry: AccountConfigEntry, subentry: ConfigSubentry, description: EntityDescription
    ) -> None:
        """Be there from the start where somebody can watch all devices."""
        super().__init__(entry, subentry, description)
        self._attr_entity_registry_enabled_default = len(entry.subentries) <= _MOST_WATCHED

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the schedule too, which calls of other accounts can change."""
        self._at = self.coordinator.next_check(self.serial)
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_add_schedule_listener(self._handle_coordinator_update)
        )

    @property
    @override
    def available(self) -> bool:
        """Return True: during an outage the sensor shows when the cloud is tried again."""
        return True

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        at = self.coordinator.next_check(self.serial)
        soon = now() + self.coordinator.timing.patience
        # A check that is due but waits for its turn keeps the time at which it became due.
        if at is None or self._at is None or max(at, self._at) > soon:
            self._at = at
        super()._handle_coordinator_update()

    @property
    @override
    def native_value(self) -> datetime | None:
        return local_time(self._at)
