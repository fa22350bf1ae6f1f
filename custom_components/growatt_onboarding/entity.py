"""Base classes for the entities of accounts and inverters."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import batched
from typing import Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .binding.model import Binding
from .const import DOMAIN, SUBENTRY_INVERTER
from .coordinator import AccountConfigEntry, AccountCoordinator
from .foreign import plain

# Number of inverters whose entities are added in one go, which takes a few milliseconds.
_ADDED_AT_ONCE: Final = 4


class _ChangeOnlyEntity(CoordinatorEntity[AccountCoordinator]):
    """An entity that writes its state only when it has changed.

    One coordinator publishes for up to a thousand inverters, and usually only one has changed.
    """

    _attr_has_entity_name = True
    _written: tuple[bool, object] | None = None

    @property
    def state_content(self) -> object:
        """Return everything that, when it changes, has to be written to the state machine."""
        return self.state

    @override
    async def async_added_to_hass(self) -> None:
        """Remember the first state, which Home Assistant writes after this."""
        await super().async_added_to_hass()
        self._written = (self.available, self.state_content)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it has changed."""
        content = (self.available, self.state_content)
        if content != self._written:
            self._written = content
            self.async_write_ha_state()


class AccountEntity(_ChangeOnlyEntity):
    """An entity of an account."""

    def __init__(self, entry: AccountConfigEntry, description: EntityDescription) -> None:
        """Attach the entity to the account's device."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, entry.entry_id)})

    @override
    async def async_update(self) -> None:
        """Check the pending inverters when somebody requests an update."""
        self.coordinator.async_check(list(self.coordinator.pending))


class InverterEntity(_ChangeOnlyEntity):
    """An entity of an inverter."""

    def __init__(
        self, entry: AccountConfigEntry, subentry: ConfigSubentry, description: EntityDescription
    ) -> None:
        """Attach the entity to the inverter's device, which is connected via the account's."""
        self.serial: str = subentry.unique_id or ""
        super().__init__(entry.runtime_data.coordinator, context=self.serial)
        self.entity_description = description
        self._attr_unique_id = f"{self.serial}_{description.key}"
        self._model = _model(self.binding)
        provider = entry.runtime_data.provider
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, self.serial)},
            name=plain(subentry.title),
            manufacturer=provider.manufacturer,
            model=self._model,
            serial_number=self.serial,
            configuration_url=entry.runtime_data.portal,
            via_device_id=entry.runtime_data.device_id,
        )

    @override
    async def async_update(self) -> None:
        """Check the inverter when somebody requests an update."""
        self.coordinator.async_check([self.serial])

    @property
    def binding(self) -> Binding | None:
        """Return the inverter's binding, or None after it was removed."""
        return self.coordinator.data.get(self.serial)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Update the device's model and the state, unless the inverter is being removed."""
        if (binding := self.binding) is None:
            return
        if (model := _model(binding)) != self._model and self.device_entry is not None:
            # The cloud reports the model with the association.
            self._model = model
            dr.async_get(self.hass).async_update_device(self.device_entry.id, model=self._model)
        super()._handle_coordinator_update()


def _model(binding: Binding | None) -> str | None:
    """Return the cloud's name for an inverter's model, if it has told."""
    return plain(binding.model) if binding is not None and binding.model else None


@callback
def async_add_inverter_entities(
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of the current inverters and of every inverter added later."""
    known: set[str] = set()
    last_subentries: object = None

    @callback
    def add_new() -> None:
        nonlocal last_subentries
        # Home Assistant replaces the mapping with every change.
        if entry.subentries is last_subentries:
            return
        last_subentries = entry.subentries
        subentries = list(entry.get_subentries_of_type(SUBENTRY_INVERTER))
        known.intersection_update(subentry.subentry_id for subentry in subentries)
        new = [subentry for subentry in subentries if subentry.subentry_id not in known]
        known.update(subentry.subentry_id for subentry in new)
        if entry.state is not ConfigEntryState.LOADED:
            add(new)
            return
        add(new[:_ADDED_AT_ONCE])
        if later := new[_ADDED_AT_ONCE:]:
            entry.async_create_task(coordinator.hass, async_add_later(later), DOMAIN)

    def add(subentries: Iterable[ConfigSubentry]) -> None:
        for subentry in subentries:
            async_add_entities(make(subentry), config_subentry_id=subentry.subentry_id)

    async def async_add_later(subentries: list[ConfigSubentry]) -> None:
        """Add many without blocking the event loop."""
        for some in batched(subentries, _ADDED_AT_ONCE, strict=False):
            await asyncio.sleep(0)
            if entry.state is ConfigEntryState.LOADED:
                add(subentry for subentry in some if subentry.subentry_id in entry.subentries)

    coordinator = entry.runtime_data.coordinator
    add_new()
    entry.async_on_unload(coordinator.async_add_listener(add_new))
