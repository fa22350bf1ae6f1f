"""Which devices an action is for, by serial number or by device; what cannot be found says why."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.service import async_get_device_and_config_entry

from ..account.serials import (
    InvalidSerialError,
    normalize_serial,
    split_serials,
    tracking_entries,
)
from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.fields import REQUIRED
from ..const import CONF_SERIAL_NUMBERS, DOMAIN, MAX_SERIALS_ACTION
from ..coordinator import AccountConfigEntry
from ..flows.forms import error_placeholders
from ..foreign import plain, plain_values
from ..outcome import ATTR_EXPLANATION, ATTR_REASON, result
from ..texts import reason_text
from .common import invalid

# States of a result for what no binding stands behind.
INVALID: Final = "invalid"
NOT_TRACKED: Final = "not_tracked"
NOT_LOADED: Final = "not_loaded"


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
    """A device that was chosen: its account, or why it cannot be used."""

    serial: str
    entry: AccountConfigEntry | None = None
    state: str = NOT_TRACKED
    refusal: Refusal | None = None

    def result(self, reasons: Mapping[str, str], **more: object) -> dict[str, Any]:
        """Return the result of what cannot be used."""
        told = {} if self.refusal is None else self.refusal.told(reasons)
        return result(self.serial, self.state, **{**told, **more})


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
    found = [_by_serial(tracking, part) for part in texts]
    found += [_by_device(call.hass, device_id) for device_id in device_ids]
    return list({one.serial: one for one in found}.values())


def _by_serial(tracking: Mapping[str, AccountConfigEntry], text: str) -> Chosen:
    try:
        serial = normalize_serial(text)
    except InvalidSerialError as err:
        return not_a_serial(err)
    if (entry := tracking.get(serial)) is None:
        return Chosen(serial, refusal=Refusal(NOT_TRACKED, {"serial": serial}))
    if entry.state is not ConfigEntryState.LOADED:
        refusal = Refusal(NOT_LOADED, {"account": entry.title})
        return Chosen(serial, state=NOT_LOADED, refusal=refusal)
    return Chosen(serial, entry)


def not_a_serial(err: InvalidSerialError) -> Chosen:
    """Return what was given as a serial number and is none."""
    refusal = Refusal("serial_invalid", {"serials": str(err)})
    return Chosen(str(err), state=INVALID, refusal=refusal)


def _by_device(hass: HomeAssistant, device_id: str) -> Chosen:
    try:
        entry, serial = device_of(hass, device_id)
    except HomeAssistantError as err:
        # Home Assistant's own reasons have texts of its own.
        known = err.translation_domain == DOMAIN
        values = {"device": device_id}
        refusal = Refusal.of(err) if known else Refusal("not_a_device", values)
        return Chosen(plain(device_id), refusal=refusal)
    return Chosen(serial, entry)


@callback
def device_of(hass: HomeAssistant, device_id: str) -> tuple[AccountConfigEntry, str]:
    """Return the account and serial number of the device of an inverter or a datalogger.

    Raises ServiceValidationError if it is none, or its account is not loaded.
    """
    device, entry = async_get_device_and_config_entry(hass, DOMAIN, device_id)
    subentry = entry.subentries.get(device.config_subentry_id or "")
    if subentry is None or subentry.unique_id is None:
        raise invalid("not_a_device", device=device.name_by_user or device.name or device_id)
    return entry, subentry.unique_id
