"""What happens to an inverter's association, as events that automations can follow."""

from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .binding.model import BindingState
from .coordinator import AccountConfigEntry
from .entity import InverterEntity, async_add_inverter_entities

# Nothing is asked of the cloud by an entity.
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


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events of an account's inverters."""

    def make(subentry: ConfigSubentry) -> list[AssociationEvent]:
        return [AssociationEvent(entry, subentry, ASSOCIATION)]

    async_add_inverter_entities(entry, async_add_entities, make)


class AssociationEvent(InverterEntity, EventEntity):
    """Fires when the inverter's binding enters a state worth acting on."""

    _state: BindingState | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Begin with the state there is: only what comes after it is news."""
        if self.binding is not None:
            self._state = self.binding.state
        await super().async_added_to_hass()

    @property
    @override
    def available(self) -> bool:
        """Always: an event that ended an unavailable state would go unnoticed by triggers."""
        return True

    @property
    @override
    def shown(self) -> BindingState | None:
        return self._state

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.binding is not None and self.binding.state is not self._state:
            self._state = self.binding.state
            if self._state in REPORTED:
                self._trigger_event(self._state.value)
        super()._handle_coordinator_update()
