"""Base classes for the entities of accounts, and of their inverters and dataloggers."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import batched
from typing import Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .binding.model import Binding
from .const import DEVICE_TYPES, DOMAIN
from .coordinator import AccountConfigEntry, AccountCoordinator

# Number of devices whose entities are added in one go, which takes a few milliseconds.
_ADDED_AT_ONCE: Final = 4


class _ChangeOnlyEntity(CoordinatorEntity[AccountCoordinator]):
    """An entity that writes its state only when it has changed.

    One coordinator publishes for up to a thousand devices, and usually only one has changed.
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
        """Check the pending devices when somebody requests an update."""
        self.coordinator.async_check(list(self.coordinator.pending))


class DeviceEntity(_ChangeOnlyEntity):
    """An entity of an inverter or a datalogger."""

    def __init__(
        self, entry: AccountConfigEntry, subentry: ConfigSubentry, description: EntityDescription
    ) -> None:
        """Attach the entity to the device of its subentry."""
        self.serial: str = subentry.unique_id or ""
        super().__init__(entry.runtime_data.coordinator, context=self.serial)
        self.entity_description = description
        self._attr_unique_id = f"{self.serial}_{description.key}"
        self._attr_device_info = entry.runtime_data.devices.info(self.serial, subentry.title)

    @override
    async def async_update(self) -> None:
        """Check the device when somebody requests an update."""
        self.coordinator.async_check([self.serial])

    @property
    def binding(self) -> Binding | None:
        """Return the device's binding, or None after it was removed."""
        return self.coordinator.data.get(self.serial)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Update the state, unless the device is being removed."""
        if self.binding is not None:
            super()._handle_coordinator_update()


@callback
def async_add_device_entities(
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of the current inverters and dataloggers, and of those added later."""
    known: set[str] = set()
    last_subentries: object = None

    @callback
    def add_new() -> None:
        nonlocal last_subentries
        # Home Assistant replaces the mapping with every change.
        if entry.subentries is last_subentries:
            return
        last_subentries = entry.subentries
        subentries = [
            subentry
            for subentry in entry.subentries.values()
            if subentry.subentry_type in DEVICE_TYPES
        ]
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
