"""Which devices an action is for, by serial number or by device; what cannot be found says why."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry, ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr

from ..account.serials import (
    InvalidSerialError,
    normalize_serial,
    split_serials,
    tracking_entries,
)
from ..binding.model import Binding
from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.fields import REQUIRED
from ..const import CONF_SERIAL_NUMBERS, DOMAIN, MAX_SERIALS_ACTION
from ..coordinator import AccountConfigEntry
from ..flows.forms import error_placeholders
from ..foreign import plain, plain_values
from ..outcome import ATTR_EXPLANATION, ATTR_REASON, binding_result, result, subentry_told
from ..texts import reason_text
from .common import NOT_LOADED, invalid

# States of a result for what no binding stands behind.
INVALID: Final = "invalid"
NOT_TRACKED: Final = "not_tracked"
REMOVED: Final = "removed"


class Refusal(NamedTuple):
    """Why nothing was done: the key of a text, and its values."""

    key: str
    values: Mapping[str, str]

    @classmethod
    def of(cls, err: CloudError | HomeAssistantError) -> Refusal:
        """Return an error as a refusal."""
        if isinstance(err, CloudError):
            return cls(err.key, {"field": err.field or "", **error_placeholders(err)})
        return cls(err.translation_key or "", err.translation_placeholders or {})

    def told(self, reasons: Mapping[str, str]) -> dict[str, str]:
        """Return what a result tells of it."""
        words = reason_text(reasons, self.key, plain_values(self.values))
        return {ATTR_REASON: self.key, ATTR_EXPLANATION: words}


class Chosen(NamedTuple):
    """A device that was chosen: its account, or why it cannot be used.

    Attributes:
        known: what is known of one whose account is not loaded.

    """

    serial: str
    entry: AccountConfigEntry | None = None
    state: str = NOT_TRACKED
    refusal: Refusal | None = None
    known: Mapping[str, object] = MappingProxyType({})

    def result(self, reasons: Mapping[str, str], **more: object) -> dict[str, Any]:
        """Return the result of what cannot be used."""
        told = {} if self.refusal is None else self.refusal.told(reasons)
        return result(self.serial, self.state, **{**self.known, **told, **more})


class Current:
    """What there is to tell of devices after an action has waited.

    Meanwhile others may have removed or moved them, and their account may have been reloaded.
    """

    def __init__(self, hass: HomeAssistant, reasons: Mapping[str, str]) -> None:
        """Look which account has which device by now."""
        self._hass = hass
        self._reasons = reasons
        self._tracking = tracking_entries(hass)

    def binding(self, serial: str) -> tuple[AccountConfigEntry, Binding] | None:
        """Return a device's account and binding, None if it has none or that is not loaded."""
        entry: AccountConfigEntry | None = self._tracking.get(serial)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        binding = entry.runtime_data.coordinator.data.get(serial)
        return None if binding is None else (entry, binding)

    def result(self, serial: str, **more: object) -> dict[str, Any]:
        """Return the result of a device, with more or other values."""
        if (found := self.binding(serial)) is not None:
            entry, binding = found
            return binding_result(entry, binding, **more)
        known = self._tracking.get(serial)
        if known is None or known.state is ConfigEntryState.LOADED:
            return result(serial, REMOVED, **more)
        return _tracked(self._hass, known, serial).result(self._reasons, **more)


class ChosenAccount(NamedTuple):
    """An account that was chosen and cannot be used: its entry, if there is one, and why."""

    entry_id: str
    entry: ConfigEntry | None

    @property
    def refusal(self) -> Refusal:
        """Why it cannot be used."""
        if self.entry is None:
            return Refusal("account_not_found", {})
        return Refusal(NOT_LOADED, {"account": self.entry.title})

    def told(self, reasons: Mapping[str, str]) -> dict[str, Any]:
        """Return what a response tells of it."""
        return {
            ATTR_CONFIG_ENTRY_ID: self.entry_id,
            "account": None if self.entry is None else plain(self.entry.title),
            **self.refusal.told(reasons),
        }


def check_count(texts: list[str]) -> None:
    """Raise ServiceValidationError if there are no serial numbers, or too many."""
    if not texts:
        raise invalid("serials_empty")
    if len(texts) > MAX_SERIALS_ACTION:
        raise invalid("serials_too_many", count=str(len(texts)), most=str(MAX_SERIALS_ACTION))


@callback
def chosen_devices(call: ServiceCall) -> list[Chosen]:
    """Return the devices that an action is for, each once.

    Raises ServiceValidationError if none are given, or too many.
    """
    given: list[str] = call.data.get(CONF_SERIAL_NUMBERS, [])
    device_ids: list[str] = call.data.get(ATTR_DEVICE_ID, [])
    if not (given or device_ids):
        raise InvalidInputError(REQUIRED, field=f"{CONF_SERIAL_NUMBERS} / {ATTR_DEVICE_ID}")
    texts = [part for one in given for part in split_serials(one)]
    check_count([*texts, *device_ids])
    tracking = tracking_entries(call.hass)
    found = [_by_serial(call.hass, tracking, part) for part in texts]
    found += [_by_device(call.hass, device_id) for device_id in device_ids]
    return list({one.serial: one for one in found}.values())


@callback
def chosen_accounts(
    hass: HomeAssistant, entry_ids: Iterable[str]
) -> tuple[list[AccountConfigEntry], list[ChosenAccount]]:
    """Return the loaded ones of the accounts that were chosen, each once, and the others."""
    loaded: list[AccountConfigEntry] = []
    others: list[ChosenAccount] = []
    for entry_id in dict.fromkeys(entry_ids):
        entry = hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.domain != DOMAIN or entry.source == SOURCE_IGNORE:
            others.append(ChosenAccount(entry_id, None))
        elif entry.state is ConfigEntryState.LOADED:
            loaded.append(entry)
        else:
            others.append(ChosenAccount(entry_id, entry))
    return loaded, others


def _by_serial(
    hass: HomeAssistant, tracking: Mapping[str, AccountConfigEntry], text: str
) -> Chosen:
    try:
        serial = normalize_serial(text)
    except InvalidSerialError as err:
        return not_a_serial(err)
    if (entry := tracking.get(serial)) is None:
        return Chosen(serial, refusal=Refusal(NOT_TRACKED, {"serial": serial}))
    return _tracked(hass, entry, serial)


def not_a_serial(err: InvalidSerialError) -> Chosen:
    """Return what was given as a serial number and is none."""
    refusal = Refusal("serial_invalid", {"serials": str(err)})
    if not err.given:
        refusal = Refusal("serials_empty", {})
    return Chosen(err.given, state=INVALID, refusal=refusal)


def _by_device(hass: HomeAssistant, device_id: str) -> Chosen:
    device, entry = dr.async_get_device_and_config_entry_for_domain(hass, device_id, domain=DOMAIN)
    name = None if device is None else device.name_by_user or device.name
    if device is not None and entry is not None:
        subentry = entry.subentries.get(device.config_subentry_id or "")
        if subentry is not None and subentry.unique_id is not None:
            return _tracked(hass, entry, subentry.unique_id)
    return Chosen(plain(device_id), refusal=Refusal("not_a_device", {"device": name or device_id}))


def _tracked(hass: HomeAssistant, entry: AccountConfigEntry, serial: str) -> Chosen:
    """Return a device that an account has, which may not be loaded."""
    if entry.state is ConfigEntryState.LOADED:
        return Chosen(serial, entry)
    refusal = Refusal(NOT_LOADED, {"account": entry.title})
    return Chosen(serial, None, NOT_LOADED, refusal, subentry_told(hass, entry, serial))
