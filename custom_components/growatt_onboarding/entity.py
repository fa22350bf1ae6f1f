"""What the entities of accounts and inverters share."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .binding.model import Binding
from .const import DOMAIN, SUBENTRY_INVERTER
from .coordinator import AccountConfigEntry, AccountCoordinator


class _PublishedEntity(CoordinatorEntity[AccountCoordinator]):
    """An entity that is written only when what it shows has changed.

    One coordinator publishes for up to a thousand inverters, of which mostly one has changed.
    """

    _attr_has_entity_name = True
    _written: tuple[bool, StateType] | None = None

    @property
    def shown(self) -> StateType:
        """What the entity shows."""
        raise NotImplementedError

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        shown = (self.available, self.shown)
        if shown != self._written:
            self._written = shown
            self.async_write_ha_state()


class AccountEntity(_PublishedEntity):
    """An entity of an account."""

    def __init__(self, entry: AccountConfigEntry, description: EntityDescription) -> None:
        """Belong to the account's device."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, entry.entry_id)})


class InverterEntity(_PublishedEntity):
    """An entity of an inverter."""

    def __init__(
        self, entry: AccountConfigEntry, subentry: ConfigSubentry, description: EntityDescription
    ) -> None:
        """Belong to the inverter's device, below the account's."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self.serial: str = subentry.unique_id or ""
        self._attr_unique_id = f"{self.serial}_{description.key}"
        self._model = self.binding.model if self.binding is not None else None
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, self.serial)},
            name=subentry.title,
            manufacturer=entry.runtime_data.provider.manufacturer,
            model=self._model,
            serial_number=self.serial,
            via_device_id=entry.runtime_data.device_id,
        )

    @property
    def binding(self) -> Binding | None:
        """Return the inverter's binding, None once it was removed."""
        return self.coordinator.data.get(self.serial)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state unless the inverter is being removed."""
        if self.binding is None:
            return
        if self.binding.model != self._model and self.device_entry is not None:
            # The cloud tells it with the association.
            self._model = self.binding.model
            dr.async_get(self.hass).async_update_device(self.device_entry.id, model=self._model)
        super()._handle_coordinator_update()


@callback
def async_add_inverter_entities(
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of the inverters there are, and of each that comes later."""
    known: set[str] = set()

    @callback
    def add_new() -> None:
        subentries = list(entry.get_subentries_of_type(SUBENTRY_INVERTER))
        known.intersection_update(subentry.subentry_id for subentry in subentries)
        for subentry in subentries:
            if subentry.subentry_id not in known:
                known.add(subentry.subentry_id)
                async_add_entities(make(subentry), config_subentry_id=subentry.subentry_id)

    add_new()
    entry.async_on_unload(entry.runtime_data.coordinator.async_add_listener(add_new))
