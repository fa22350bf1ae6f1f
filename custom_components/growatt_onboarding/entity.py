"""Base classes for the entities of accounts, and of their inverters and dataloggers."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import batched
from typing import Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
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


def device_unique_id(serial: str, key: str) -> str:
    """Return the unique id of a device's entity."""
    return f"{serial}_{key}"


class DeviceEntity(_ChangeOnlyEntity):
    """An entity of an inverter or a datalogger."""

    def __init__(
        self, entry: AccountConfigEntry, subentry: ConfigSubentry, description: EntityDescription
    ) -> None:
        """Attach the entity to the device of its subentry."""
        self.serial: str = subentry.unique_id or ""
        super().__init__(entry.runtime_data.coordinator, context=self.serial)
        self.entity_description = description
        self._attr_unique_id = device_unique_id(self.serial, description.key)
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


class PassingEntities:
    """The entities of one platform that a device has only while they have something to show.

    At all other times they would be unknown on the device's page. Home Assistant keeps what a
    person changed of an entity that goes, and gives it to the one that comes back.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: AccountConfigEntry,
        domain: Platform,
        make: Callable[[ConfigSubentry, Binding], Mapping[str, Entity | None]],
    ) -> None:
        """Remember how they are made: by their keys, None for what has nothing to show."""
        self._registry = er.async_get(hass)
        self._coordinator = entry.runtime_data.coordinator
        self._domain = domain
        self._make = make
        # The unique ids of those that are there.
        self._there: set[str] = set()

    @callback
    def review(self, subentry: ConfigSubentry, *, is_new: bool) -> list[Entity]:
        """Return the entities that a device is to get now, after removing those that have gone."""
        serial = subentry.unique_id or ""
        if (binding := self._coordinator.data.get(serial)) is None:
            return []
        added: list[Entity] = []
        for key, entity in self._make(subentry, binding).items():
            unique_id = device_unique_id(serial, key)
            if is_new:
                self._there.discard(unique_id)
            if entity is None:
                self._there.discard(unique_id)
                self._remove(unique_id)
            elif unique_id not in self._there:
                self._there.add(unique_id)
                added.append(entity)
        return added

    def _remove(self, unique_id: str) -> None:
        """Remove an entity, if Home Assistant knows it."""
        entity_id = self._registry.async_get_entity_id(self._domain, DOMAIN, unique_id)
        if entity_id is not None:
            self._registry.async_remove(entity_id)


@callback
def async_add_device_entities(
    entry: AccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
    passing: PassingEntities | None = None,
) -> None:
    """Add the entities of the current inverters and dataloggers, and of those added later.

    Those of `passing` come and go when their device's binding changes.
    """
    added = _DeviceEntities(entry, async_add_entities, make, passing)
    added.update()
    entry.async_on_unload(entry.runtime_data.coordinator.async_add_listener(added.update))


class _DeviceEntities:
    """Adds one platform's entities of an account's devices."""

    def __init__(
        self,
        entry: AccountConfigEntry,
        async_add_entities: AddConfigEntryEntitiesCallback,
        make: Callable[[ConfigSubentry], Iterable[Entity]],
        passing: PassingEntities | None,
    ) -> None:
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        self._async_add_entities = async_add_entities
        self._make = make
        self._passing = passing
        # The subentries whose entities were added, and all by their serial numbers.
        self._known: set[str] = set()
        self._by_serial: dict[str | None, ConfigSubentry] = {}
        self._subentries: object = None

    @callback
    def update(self) -> None:
        """Add what new devices have, and what changed ones have now."""
        due = self._new()
        if self._passing is not None:
            due += filter(None, map(self._by_serial.get, self._coordinator.changed_serials))
        if self._entry.state is not ConfigEntryState.LOADED:
            self._add(due)
            return
        self._add(due[:_ADDED_AT_ONCE])
        if later := due[_ADDED_AT_ONCE:]:
            work = self._async_add_later(later)
            self._entry.async_create_task(self._coordinator.hass, work, DOMAIN)

    def _new(self) -> list[ConfigSubentry]:
        """Return the devices whose entities have not been added yet."""
        # Home Assistant replaces the mapping with every change.
        if self._entry.subentries is self._subentries:
            return []
        self._subentries = self._entry.subentries
        self._by_serial = {
            subentry.unique_id: subentry
            for subentry in self._entry.subentries.values()
            if subentry.subentry_type in DEVICE_TYPES
        }
        found = self._by_serial.values()
        self._known.intersection_update(subentry.subentry_id for subentry in found)
        return [subentry for subentry in found if subentry.subentry_id not in self._known]

    def _add(self, subentries: Iterable[ConfigSubentry]) -> None:
        for subentry in subentries:
            is_new = subentry.subentry_id not in self._known
            self._known.add(subentry.subentry_id)
            entities = list(self._make(subentry)) if is_new else []
            if self._passing is not None:
                entities += self._passing.review(subentry, is_new=is_new)
            if entities:
                self._async_add_entities(entities, config_subentry_id=subentry.subentry_id)

    async def _async_add_later(self, subentries: list[ConfigSubentry]) -> None:
        """Add many without blocking the event loop."""
        for some in batched(subentries, _ADDED_AT_ONCE, strict=False):
            await asyncio.sleep(0)
            if self._entry.state is ConfigEntryState.LOADED:
                self._add(one for one in some if one.subentry_id in self._entry.subentries)
