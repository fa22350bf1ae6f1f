"""Events for the changes of a device's association."""

from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .binding.model import BindingState
from .const import SUBENTRY_DATALOGGER
from .coordinator import AccountConfigEntry
from .entity import DeviceEntity, async_add_device_entities
from .outcome import ATTR_EXPLANATION, outcome

# Entities make no calls to the cloud.
PARALLEL_UPDATES = 0

REPORTED: Final = (
    BindingState.ACCEPTED,
    BindingState.ASSOCIATED,
    BindingState.REJECTED,
    BindingState.CONFLICT,
    BindingState.LOST,
)

ASSOCIATION = EventEntityDescription(
    key="association",
    translation_key="association",
    event_types=[state.value for state in REPORTED],
)
# The same in other words: a datalogger is not waited for as an inverter is.
DATALOGGER_ASSOCIATION = EventEntityDescription(
    key=ASSOCIATION.key,
    translation_key="datalogger_association",
    event_types=ASSOCIATION.event_types,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events of an account's devices."""

    def make(subentry: ConfigSubentry) -> list[AssociationEvent]:
        is_stick = subentry.subentry_type == SUBENTRY_DATALOGGER
        description = DATALOGGER_ASSOCIATION if is_stick else ASSOCIATION
        return [AssociationEvent(entry, subentry, description)]

    async_add_device_entities(entry, async_add_entities, make)


class AssociationEvent(DeviceEntity, EventEntity):
    """An event that fires when the device's binding enters a state worth acting on."""

    _unrecorded_attributes = frozenset({ATTR_EXPLANATION})
    _state: BindingState | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Start from the current state, for which no event is fired."""
        if self.binding is not None:
            self._state = self.binding.state
        await super().async_added_to_hass()

    @property
    @override
    def available(self) -> bool:
        """Return True: triggers would ignore an event that ends an unavailable state."""
        return True

    @property
    @override
    def state_content(self) -> BindingState | None:
        return self._state

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.binding is not None and self.binding.state is not self._state:
            self._state = self.binding.state
            if self._state in REPORTED:
                told = outcome(self.coordinator.config_entry, self.binding)
                known = {name: value for name, value in told.items() if value is not None}
                self._trigger_event(self._state.value, known)
        super()._handle_coordinator_update()
