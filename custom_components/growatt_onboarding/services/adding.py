"""The actions that add inverters and dataloggers by serial number."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_STATE
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, callback

from ..account.dataloggers import Label
from ..account.serials import (
    InvalidSerialError,
    normalize_serial,
    split_serials,
    tracking_entries,
)
from ..binding import transitions
from ..binding.model import BindingState
from ..clock import now
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability
from ..const import CONF_ACCOUNT_ID, CONF_PLANT_ID, CONF_SERIAL_NUMBER, CONF_SERIAL_NUMBERS
from ..coordinator import AccountConfigEntry
from ..outcome import ATTR_PLANT, binding_result, result, subentry_told
from ..texts import async_reasons, async_state_names
from .batch import Batch
from .chosen import INVALID, Current, Refusal, check_count, not_a_serial
from .common import account_entry, async_usable, async_wait_for_answers, waiting_time
from .plants import async_given_plant_id

ATTR_DATALOGGERS: Final = "dataloggers"
ATTR_CHECK_CODE: Final = "check_code"
ATTR_KEEP_REFUSED: Final = "keep_refused"
_CHECK_CODE_CHECKED: Final = "check_code_checked"
_TRACKED_STATE: Final = "tracked_state"
_ALREADY_TRACKED: Final = "already_tracked"

# By serial number; None for what is still to be bound.
type Results = dict[str, dict[str, Any] | None]


async def bind_device(call: ServiceCall) -> ServiceResponse:
    """Bind serial numbers.

    Responds with `results`, one per serial number in the given order, each as `outcome.result`
    has it and with `repeated` and `tracked_state`. `state` is `invalid`, `already_tracked` or the
    state of the binding.
    """
    entry = account_entry(call, Capability.BIND)
    plant_id = await async_given_plant_id(entry, call)
    await async_usable(entry, Capability.BIND)
    texts = [part for given in call.data[CONF_SERIAL_NUMBERS] for part in split_serials(given)]
    results = await _async_judged(call.hass, texts)
    open_ones = sum(told is None for told in results.values())
    timeout = waiting_time(call, entry.runtime_data.coordinator, open_ones)
    kind = DeviceKind.INVERTER
    bound = await _async_bind(call, entry, results, plant_id, kind, timeout=timeout, began=now())
    return {"results": [*_listed(bound, texts)]}


async def bind_datalogger(call: ServiceCall) -> ServiceResponse:
    """Bind dataloggers, after the cloud has compared the check codes that were given.

    Responds with `results` like `bind_device`, each with `check_code_checked`: whether the cloud
    compared the check code. Of one that is `invalid`, or of a `conflict` that the check found,
    nothing was sent.
    """
    entry = account_entry(call, Capability.DATALOGGER)
    plant_id = await async_given_plant_id(entry, call)
    await async_usable(entry, Capability.DATALOGGER)
    given = [*_labelled(call.data[ATTR_DATALOGGERS])]
    texts = [text for text, _ in given]
    results = await _async_judged(call.hass, texts)
    codes: dict[str, str] = {}
    for text, code in given:
        if code:
            with suppress(InvalidSerialError):
                serial = normalize_serial(text)
                if results[serial] is None:
                    codes.setdefault(serial, code)
    began = now()
    open_ones = sum(told is None for told in results.values())
    timeout = waiting_time(call, entry.runtime_data.coordinator, open_ones + len(codes))
    labels = await _async_labels(entry, plant_id, codes, timeout)
    await async_usable(entry, Capability.DATALOGGER)
    for serial, label in labels.items():
        results[serial] = _refusal(entry, plant_id, serial, label)
    kind = DeviceKind.DATALOGGER
    bound = await _async_bind(call, entry, results, plant_id, kind, timeout=timeout, began=began)
    for serial, told in bound.items():
        told[_CHECK_CODE_CHECKED] = serial in labels and labels[serial].checked
    return {"results": [*_listed(bound, texts)]}


def _labelled(given: Iterable[str | Mapping[str, str | None]]) -> Iterator[tuple[str, str]]:
    """Yield the text of each datalogger's serial number and its check code, "" if it has none.

    Only a text without a check code may hold several serial numbers.
    """
    for one in given:
        label = {CONF_SERIAL_NUMBER: one} if isinstance(one, str) else one
        text = label[CONF_SERIAL_NUMBER] or ""
        code = (label.get(ATTR_CHECK_CODE) or "").strip()
        parts = [] if code else split_serials(text)
        for part in parts or [text]:
            yield part, code


async def _async_labels(
    entry: AccountConfigEntry, plant_id: str, codes: Mapping[str, str], timeout: float
) -> dict[str, Label]:
    """Return what the cloud says about labels, as far as it can be asked in `timeout` seconds."""
    account = entry.runtime_data
    labels: dict[str, Label] = {}
    if not account.coordinator.signed_in:
        return labels
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            for serial, code in codes.items():
                labels[serial] = await account.labels.async_check(plant_id, serial, code)
    return labels


def _refusal(
    entry: AccountConfigEntry, plant_id: str, serial: str, label: Label
) -> dict[str, Any] | None:
    """Return the result of a datalogger that is not sent because of its label, None if it is."""
    binding = transitions.queue(serial, plant_id, now(), DeviceKind.DATALOGGER)
    if (error := label.error) is not None:
        binding = transitions.rejected(binding, error.key, error.words)
        return binding_result(entry, binding, state=INVALID, tracked=False)
    if (holder := label.holder) is not None:
        binding = transitions.of_location(binding, holder, entry.data[CONF_ACCOUNT_ID], now())
        return binding_result(entry, binding, tracked=False)
    return None


async def _async_judged(hass: HomeAssistant, texts: list[str]) -> Results:
    """Return the result of each serial number that cannot be bound, and None for the others."""
    check_count(texts)
    reasons = await async_reasons(hass)
    results: Results = {}
    for part in texts:
        try:
            results[normalize_serial(part)] = None
        except InvalidSerialError as err:
            results[err.given] = not_a_serial(err).result(reasons)
    return results | await _async_tracked(hass, results)


async def _async_tracked(
    hass: HomeAssistant, results: Mapping[str, dict[str, Any] | None]
) -> dict[str, dict[str, Any]]:
    """Return the results of the serial numbers that an account tracks already."""
    reasons, names = await async_reasons(hass), await async_state_names(hass)
    tracking = tracking_entries(hass)
    return {
        serial: _tracked(hass, tracking[serial], serial, reasons, names)
        for serial, known in results.items()
        if known is None and serial in tracking
    }


@callback
def _tracked(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    serial: str,
    reasons: Mapping[str, str],
    names: Mapping[tuple[DeviceKind, BindingState], str],
) -> dict[str, Any]:
    """Return the result of a serial number that an account tracks: where, and in which state."""
    loaded = entry.state is ConfigEntryState.LOADED
    binding = entry.runtime_data.coordinator.data.get(serial) if loaded else None
    if binding is not None:
        told = binding_result(entry, binding)
    else:
        told = result(serial, _ALREADY_TRACKED, **subentry_told(hass, entry, serial))
    values = {
        "serial": serial,
        "account": told["account"],
        "plant": told[ATTR_PLANT] or told[CONF_PLANT_ID] or "?",
    }
    if binding is None:
        refusal = Refusal("tracked_not_loaded", values)
    else:
        state = names[binding.kind, binding.state]
        refusal = Refusal("tracked_in_account", {**values, "state": state})
    return {
        **told,
        ATTR_STATE: _ALREADY_TRACKED,
        _TRACKED_STATE: None if binding is None else binding.state.value,
        **refusal.told(reasons),
    }


async def _async_bind(
    call: ServiceCall,
    entry: AccountConfigEntry,
    results: Results,
    plant_id: str,
    kind: DeviceKind,
    *,
    timeout: float,
    began: float,
) -> dict[str, dict[str, Any]]:
    """Bind the serial numbers without a result yet; return the results of all.

    That takes until `timeout` seconds after `began`.
    """
    coordinator = entry.runtime_data.coordinator
    results |= await _async_tracked(call.hass, results)
    if added := [serial for serial, told in results.items() if told is None]:
        keep_refused: bool = call.data[ATTR_KEEP_REFUSED]
        await coordinator.async_track(added, plant_id, kind, keep_refused=keep_refused)
    states = {
        serial: None if told is None else str(told[ATTR_STATE]) for serial, told in results.items()
    }
    batch = Batch(entry, call, plant_id, kind, states)
    left = max(0, began + timeout - now())
    await async_wait_for_answers(call, entry, added, left, began=began)
    current = Current(call.hass, await async_reasons(call.hass))

    def bound(serial: str) -> dict[str, Any]:
        """Return the result of a serial number that was to be bound."""
        seen = batch.seen.get(serial)
        is_refused = seen is not None and seen.unwanted and current.binding(serial) is None
        if seen is not None and is_refused and entry.state is ConfigEntryState.LOADED:
            # It is gone because the cloud has refused it.
            return binding_result(entry, seen)
        return current.result(serial)

    return {serial: told or bound(serial) for serial, told in results.items()}


def _listed(bound: Mapping[str, dict[str, Any]], texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the results in one shape, with which of the given texts were repeated."""
    times = Counter(map(_as_key, texts))
    return [
        {_TRACKED_STATE: None, **told, "repeated": times[serial] > 1}
        for serial, told in bound.items()
    ]


def _as_key(text: str) -> str:
    """Return what a result calls a text that was given as a serial number."""
    try:
        return normalize_serial(text)
    except InvalidSerialError as err:
        return err.given
