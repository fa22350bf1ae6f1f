"""The devices of an account: its own, and one for each of its dataloggers and inverters.

An inverter's stands below that of its datalogger where this is tracked in the same entry. All
others stand below the account's.
"""

from collections.abc import Iterable

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo

from .account.plants import PlantNames, as_spoken
from .binding.model import Binding
from .cloud.model import DeviceKind
from .cloud.provider import Provider
from .const import CONF_SERVER, DOMAIN, SUBENTRY_DATALOGGER
from .coordinator import AccountConfigEntry, AccountCoordinator
from .foreign import plain


class AccountDevices:
    """Has the devices of an account follow its entry and its bindings.

    Those of the account and of its dataloggers are made here, so that others can refer to them;
    an inverter's is made with its entities.

    Attributes:
        account_id: id of the account's own device.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: AccountConfigEntry,
        coordinator: AccountCoordinator,
        provider: Provider,
        plants: PlantNames,
    ) -> None:
        """Make the account's device."""
        self._hass = hass
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._coordinator = coordinator
        self._provider = provider
        self._plant_names = plants
        self._portal = provider.portal(entry.data[CONF_SERVER])
        self._titles = self._read_titles()
        # The subentries at the latest look, and the dataloggers among them, by subentry id.
        self._subentries: object = None
        self._sticks: dict[str, str] = {}
        # The plants of the devices at the latest look, by serial number.
        self._plants: dict[str, str] = {}
        self.account_id = self._registry.async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, entry.entry_id)},
            entry_type=DeviceEntryType.SERVICE,
            manufacturer=provider.vendor,
            model=provider.product,
            name=self._name_of_account(),
            configuration_url=self._portal,
        ).id

    @callback
    def begin(self) -> None:
        """Make the devices of the dataloggers, and follow the bindings from now on."""
        self._follow_sticks()
        self._plants = {one.serial: one.plant_id for one in self._coordinator.data.values()}
        self._entry.async_on_unload(self._coordinator.async_add_listener(self._follow_bindings))

    def info(self, serial: str, title: str) -> DeviceInfo:
        """Return the device of a serial number, with the title of its subentry."""
        binding = self._coordinator.data.get(serial)
        return DeviceInfo(
            identifiers={(DOMAIN, serial)},
            name=plain(title),
            manufacturer=self._provider.manufacturer,
            model=_model(binding),
            serial_number=serial,
            configuration_url=self._portal,
            via_device_id=self._above(binding),
            # Where the device is; Home Assistant asks only when it makes the device.
            suggested_area=self._plant(binding),
        )

    def _plant(self, binding: Binding | None) -> str | None:
        """Return the name of a binding's plant, None while it is not known."""
        if binding is None:
            return None
        return self._plant_names.name(binding.plant_id)

    def _area(self, device: dr.DeviceEntry, before: str, plant: str | None) -> str | None:
        """Return the id of a device's area, which follows the plant if it is that of the plant.

        `before` is the id of the plant that the device was in, `plant` what the new one is called.
        Any other area is a person's choice.
        """
        areas = ar.async_get(self._hass)
        area = areas.async_get_area(device.area_id or "")
        known = self._plant_names.spoken(before)
        if area is None or as_spoken(area.name) not in known:
            return device.area_id
        return None if plant is None else areas.async_get_or_create(plant).id

    @callback
    def release(self, serial: str, plant: str | None) -> None:
        """Have the area of a device that another account gets follow to a plant of that name.

        Home Assistant gives the device back there as it is here.
        """
        if (device := self._device(serial)) is not None:
            before = self._coordinator.data[serial].plant_id
            area_id = self._area(device, before, plant)
            self._registry.async_update_device(device.id, area_id=area_id)

    @callback
    def follow_titles(self) -> None:
        """Name the devices whose titles have changed as they are called now."""
        before, self._titles = self._titles, self._read_titles()
        for key, title in self._titles.items():
            if before.get(key, title) == title or (device := self._device(key)) is None:
                continue
            name = self._name_of_account() if key == self._entry.entry_id else plain(title)
            self._registry.async_update_device(device.id, name=name)

    @callback
    def _follow_bindings(self) -> None:
        """Have the devices follow the bindings that changed, which is usually one of many.

        The cloud tells the model and the datalogger with the association.
        """
        changed = self._coordinator.changed_serials
        moved = self._follow_sticks()
        self._update(changed | self._behind(moved) if moved else changed)

    def _follow_sticks(self) -> set[str]:
        """Make the devices of new dataloggers; return the numbers of those that came or went."""
        # Home Assistant replaces the mapping with every change.
        if self._entry.subentries is self._subentries:
            return set()
        self._subentries = self._entry.subentries
        before = self._sticks
        self._sticks = {}
        for subentry in self._entry.get_subentries_of_type(SUBENTRY_DATALOGGER):
            serial = subentry.unique_id or ""
            self._sticks[subentry.subentry_id] = serial
            if subentry.subentry_id not in before:
                self._registry.async_get_or_create(
                    config_entry_id=self._entry.entry_id,
                    config_subentry_id=subentry.subentry_id,
                    **self.info(serial, subentry.title),
                )
        return {serial for _, serial in before.items() ^ self._sticks.items()}

    def _behind(self, sticks: set[str]) -> set[str]:
        """Return the serial numbers of the inverters behind these dataloggers."""
        bindings = self._coordinator.data.values()
        return {binding.serial for binding in bindings if _datalogger(binding) in sticks}

    def _update(self, serials: Iterable[str]) -> None:
        """Describe these devices as their bindings do, if there are any."""
        for serial in serials:
            before = self._plants.pop(serial, None)
            binding, device = self._coordinator.data.get(serial), self._device(serial)
            if binding is None:
                continue
            self._plants[serial] = binding.plant_id
            if device is None:
                continue
            area_id = device.area_id
            if before is not None and before != binding.plant_id:
                area_id = self._area(device, before, self._plant(binding))
            self._registry.async_update_device(
                device.id,
                area_id=area_id,
                model=_model(binding),
                via_device_id=self._above(binding),
            )

    def _above(self, binding: Binding | None) -> str:
        """Return the id of the device that a binding's device stands below."""
        stick = self._coordinator.data.get(_datalogger(binding))
        if stick is None or stick.kind is not DeviceKind.DATALOGGER:
            return self.account_id
        device = self._device(stick.serial)
        return self.account_id if device is None else device.id

    def _device(self, key: str) -> dr.DeviceEntry | None:
        """Return the device of a serial number, or of the entry id."""
        return self._registry.async_get_device_by_identifier((DOMAIN, key), self._entry.entry_id)

    def _read_titles(self) -> dict[str, str]:
        """Return what names the devices, by what identifies them."""
        subentries = self._entry.subentries.values()
        titles = {subentry.unique_id: subentry.title for subentry in subentries}
        return {key: title for key, title in titles.items() if key} | {
            self._entry.entry_id: self._entry.title
        }

    def _name_of_account(self) -> str:
        """Return the account's name with the vendor's: clouds may share an account's name."""
        title, vendor = plain(self._entry.title), self._provider.vendor
        named = title.casefold().startswith(vendor.casefold())
        return title if named else plain(f"{vendor} {title}")


def _model(binding: Binding | None) -> str | None:
    """Return the cloud's name for a device's model, if it has told."""
    return plain(binding.model) if binding is not None and binding.model else None


def _datalogger(binding: Binding | None) -> str:
    """Return the serial number of the datalogger that connects an inverter, "" if unknown."""
    if binding is None or binding.kind is not DeviceKind.INVERTER or binding.datalogger is None:
        return ""
    # As we write serial numbers; not every cloud does.
    return binding.datalogger.upper()
