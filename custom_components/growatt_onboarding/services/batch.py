"""The event that says what the cloud first answered to all devices of one action."""

from typing import Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..binding.model import Binding
from ..cloud.model import DeviceKind
from ..const import CONF_PLANT_ID, DOMAIN
from ..coordinator import AccountConfigEntry, AccountCoordinator, published
from ..foreign import plain

EVENT_FIRST_ANSWERS: Final = f"{DOMAIN}_first_answers"


class Batch:
    """Waits for the first answers to the devices of an action, however long that takes.

    The event names serial numbers only: with everything that is told of them, those of a large
    batch would be too much for Home Assistant's recorder.

    Attributes:
        seen: the bindings as they were last seen, also of devices that are gone by now.

    """

    def __init__(
        self,
        entry: AccountConfigEntry,
        call: ServiceCall,
        plant_id: str,
        kind: DeviceKind,
        states: dict[str, str | None],
    ) -> None:
        """Begin to wait for the serial numbers that have no state yet."""
        self._entry = entry
        self._call = call
        self._plant_id = plant_id
        self._kind = kind
        self._states = states
        self._open = {serial for serial, state in states.items() if state is None}
        self._coordinator: AccountCoordinator | None = None
        self.seen: dict[str, Binding] = {}
        self._plants = entry.runtime_data.plants
        self._stop = async_dispatcher_connect(call.hass, published(entry.entry_id), self._update)
        self._update(entry.runtime_data.coordinator)

    @callback
    def _update(self, coordinator: AccountCoordinator) -> None:
        """Take the answers that there are, and fire the event with the last of them."""
        # Usually one of many has changed; a reload has another coordinator.
        is_known, self._coordinator = coordinator is self._coordinator, coordinator
        for serial in self._open & coordinator.changed_serials if is_known else [*self._open]:
            if (binding := coordinator.data.get(serial)) is not None:
                self.seen[serial] = binding
            if not coordinator.unanswered(serial):
                self._open.remove(serial)
                self._states[serial] = "removed" if binding is None else binding.state.value
        if not self._open:
            self._stop()
            self._fire()

    def _fire(self) -> None:
        by_state: dict[str, list[str]] = {}
        for serial, state in self._states.items():
            by_state.setdefault(str(state), []).append(serial)
        self._call.hass.bus.async_fire(
            EVENT_FIRST_ANSWERS,
            {
                ATTR_CONFIG_ENTRY_ID: self._entry.entry_id,
                "account": plain(self._entry.title),
                CONF_PLANT_ID: self._plant_id,
                "plant": self._plants.label(self._plant_id),
                "kind": self._kind.value,
                "count": len(self._states),
                "states": by_state,
            },
            context=self._call.context,
        )
