"""Events for the changes of a device's association: of each device, and of all of an account."""

from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util.signal_type import SignalType

from .cloud.provider import Capability
from .const import SUBENTRY_DATALOGGER
from .coordinator import AccountConfigEntry
from .entity import AccountEntity, DeviceEntity, async_add_device_entities
from .outcome import ATTR_EXPLANATION
from .reports import REPORTED, Report, of_account, of_device

# Entities make no calls to the cloud.
PARALLEL_UPDATES = 0

ASSOCIATION: Final = EventEntityDescription(
    key="association", translation_key="association", event_types=[*REPORTED]
)
# The same in other words: a datalogger is not waited for as an inverter is.
DATALOGGER_ASSOCIATION: Final = EventEntityDescription(
    key=ASSOCIATION.key, translation_key="datalogger_association", event_types=[*REPORTED]
)
DEVICE_ASSOCIATION: Final = EventEntityDescription(
    key="device_association", translation_key="device_association", event_types=[*REPORTED]
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events of an account and of its devices."""
    if Capability.BIND in entry.runtime_data.client.capabilities:
        async_add_entities([AccountEvent(entry, DEVICE_ASSOCIATION)])

    def make(subentry: ConfigSubentry) -> list[DeviceEvent]:
        is_stick = subentry.subentry_type == SUBENTRY_DATALOGGER
        description = DATALOGGER_ASSOCIATION if is_stick else ASSOCIATION
        return [DeviceEvent(entry, subentry, description)]

    async_add_device_entities(entry, async_add_entities, make)


class _ReportEvent(EventEntity):
    """An event that fires with every report it listens to."""

    _unrecorded_attributes = frozenset({ATTR_EXPLANATION})
    _signal: SignalType[Report]

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the reports."""
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, self._signal, self._fire))

    @property
    @override
    def available(self) -> bool:
        """Return True: triggers would ignore an event that ends an unavailable state."""
        return True

    @callback
    def _handle_coordinator_update(self) -> None:
        """Write nothing: each report is written when it comes, also of several at once."""

    @callback
    def _fire(self, report: Report) -> None:
        self._trigger_event(report.event_type, report.attributes())
        self.async_write_ha_state()


class DeviceEvent(_ReportEvent, DeviceEntity):
    """The event of an inverter or a datalogger."""

    def __init__(
        self,
        entry: AccountConfigEntry,
        subentry: ConfigSubentry,
        description: EventEntityDescription,
    ) -> None:
        """Listen to the device's own reports."""
        super().__init__(entry, subentry, description)
        self._signal = of_device(entry.entry_id, self.serial)


class AccountEvent(_ReportEvent, AccountEntity):
    """The event of an account, which fires for each of its devices."""

    def __init__(self, entry: AccountConfigEntry, description: EventEntityDescription) -> None:
        """Listen to the reports of all devices."""
        super().__init__(entry, description)
        self._signal = of_account(entry.entry_id)
