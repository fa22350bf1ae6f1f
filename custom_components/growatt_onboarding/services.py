"""The actions, which do for automations what the flows do for people."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final

from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    ATTR_STATE,
    CONF_NAME,
    CONF_TIMEOUT,
    CONF_USERNAME,
)
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import (
    async_get_config_entry,
    async_get_device_and_config_entry,
    async_register_admin_service,
)
import voluptuous as vol

from .account import Target, entry_target, reauth_on_denial
from .account.dataloggers import Label
from .account.plants import CONF_PEAK_POWER, MAX_PEAK_POWER, async_create_plant
from .account.registration import async_check_name, async_create_entry, async_register
from .account.serials import InvalidSerialError, normalize_serial, split_serials, tracked_serials
from .binding import transitions
from .binding.model import Binding
from .clock import now
from .cloud import registry
from .cloud.errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
)
from .cloud.fields import REQUIRED, optional_text, text
from .cloud.model import DeviceKind, Values
from .cloud.provider import (
    CAPTCHA_CHALLENGE,
    CAPTCHA_FIELD,
    USERNAME_FIELD,
    Capability,
    CloudClient,
    Field,
    Form,
)
from .cloud.servers import resolve
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_ACTIVATION_PENDING,
    CONF_PLANT_ID,
    CONF_PROVIDER,
    CONF_SERIAL_NUMBER,
    CONF_SERIAL_NUMBERS,
    CONF_SERVER,
    DOMAIN,
    MAX_SERIALS_ACTION,
)
from .coordinator import AccountConfigEntry, AccountCoordinator
from .flows.forms import (
    checked,
    code_fields,
    data_uri,
    error_placeholders,
)
from .foreign import translated
from .gateway import async_get_shared_data, async_load_provider
from .texts import async_reasons, explanation, holder_key
from .unexpected import log_unexpected

ATTR_CREATE_ENTRY: Final = "create_entry"
ATTR_FORM: Final = "form"
ATTR_CHALLENGE_ID: Final = "challenge_id"
ATTR_DATALOGGERS: Final = "dataloggers"
ATTR_CHECK_CODE: Final = "check_code"
ATTR_CHECK_CODE_CHECKED: Final = "check_code_checked"

_MAX_TIMEOUT: Final = 120
# The fields of all providers, by name: so no cloud has to be imported before it is used.
_CREDENTIALS: Final = ("token", "user_domain", "user_domain_secret", "site_id")
_CODE_FIELDS: Final = ("email", "phone", "captcha")
_REGISTER_FIELDS: Final = (
    *("username", "password", *_CODE_FIELDS, "country", "installer_code", "time_zone", "code"),
    *("language_id", "nationality_id", "time_zone_id", "mcc", "nickname", "real_name"),
)

# Actions whose only result is their response.
_RESPONSE_ONLY: Final = ("get_captcha", "check_username", "list_plants")

type Handler = Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, for admins only: each takes credentials or spends a rare call."""
    for name, (handler, fields) in _actions().items():
        async_register_admin_service(
            hass,
            DOMAIN,
            name,
            _with_clear_errors(handler),
            vol.Schema(fields),
            SupportsResponse.ONLY if name in _RESPONSE_ONLY else SupportsResponse.OPTIONAL,
        )


def _actions() -> dict[str, tuple[Handler, dict[Any, Any]]]:
    """Return the handler and the fields of each action."""
    target = {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(CONF_PROVIDER): vol.In(list(registry.PROVIDER_KEYS)),
        vol.Optional(CONF_SERVER): cv.string,
        **_texts(_CREDENTIALS),
    }
    register_target = {**target, vol.Optional(ATTR_FORM): cv.string}
    challenge = {vol.Optional(ATTR_CHALLENGE_ID): cv.string}
    # If there is only one account, it does not have to be given.
    account = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
    timeout = {
        vol.Optional(CONF_TIMEOUT, default=10): vol.All(
            vol.Coerce(float), vol.Range(min=0, max=_MAX_TIMEOUT)
        )
    }
    datalogger = {
        vol.Required(CONF_SERIAL_NUMBER): cv.string,
        vol.Optional(ATTR_CHECK_CODE): cv.string,
    }
    several = vol.All(cv.ensure_list, vol.Length(min=1), [cv.string])
    peak_power = vol.All(
        vol.Coerce(float), vol.Range(min=0, min_included=False, max=MAX_PEAK_POWER)
    )
    return {
        "register_account": (
            _register_account,
            {
                **register_target,
                **_texts(_REGISTER_FIELDS),
                **challenge,
                vol.Optional(ATTR_CREATE_ENTRY, default=True): cv.boolean,
            },
        ),
        "get_captcha": (_get_captcha, register_target),
        "send_verification_code": (
            _send_verification_code,
            {
                **register_target,
                **_texts(_CODE_FIELDS),
                **challenge,
            },
        ),
        "check_username": (_check_username, {**target, vol.Required(CONF_USERNAME): cv.string}),
        "list_plants": (_list_plants, account),
        "create_plant": (
            _create_plant,
            {
                **account,
                vol.Required(CONF_NAME): cv.string,
                vol.Required(CONF_PEAK_POWER): peak_power,
            },
        ),
        "bind_device": (
            _bind_device,
            {
                **account,
                vol.Required(CONF_PLANT_ID): cv.string,
                vol.Required(CONF_SERIAL_NUMBERS): several,
                **timeout,
            },
        ),
        "bind_datalogger": (
            _bind_datalogger,
            {
                **account,
                vol.Required(CONF_PLANT_ID): cv.string,
                vol.Required(ATTR_DATALOGGERS): vol.All(
                    cv.ensure_list, vol.Length(min=1), [datalogger]
                ),
                **timeout,
            },
        ),
        "check_association": (
            _check_association,
            {vol.Required(ATTR_DEVICE_ID): several, **timeout},
        ),
    }


def _texts(names: Iterable[str]) -> dict[Any, Any]:
    """Return the part of a schema for providers' fields; the provider decides which it needs."""
    return {vol.Optional(name): cv.string for name in names}


# Errors


def _with_clear_errors(handler: Handler) -> Handler:
    """Return the handler with a cloud's errors translated to Home Assistant's."""

    async def handle(call: ServiceCall) -> ServiceResponse:
        try:
            with _reauth_on_denial(call):
                return await handler(call)
        except CloudError as err:
            # The caller gave a wrong value; everything else is between us and the cloud.
            callers_fault = isinstance(err, InvalidInputError) or (
                isinstance(err, AccessDeniedError) and err.field in call.data
            )
            kind = ServiceValidationError if callers_fault else HomeAssistantError
            values = {"field": err.field or "", **error_placeholders(err)}
            raise translated(kind, err.key, values) from err
        except HomeAssistantError:
            raise
        except Exception as err:  # noqa: BLE001 - whatever it is
            # Home Assistant would log its message.
            log_unexpected(f"the action {call.service}", err)
            raise translated(HomeAssistantError, "unknown", {}) from None

    return handle


def _reauth_on_denial(call: ServiceCall) -> AbstractContextManager[None]:
    """Return a context for calls with the credentials of the account that an action names."""
    entry_id = call.data.get(ATTR_CONFIG_ENTRY_ID, "")
    entry = call.hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN:
        return nullcontext()
    return reauth_on_denial(entry)


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return translated(ServiceValidationError, key, placeholders)


# Accounts


def _entry(call: ServiceCall, capability: Capability) -> AccountConfigEntry:
    """Return the entry of the account that an action is for.

    Raises ServiceValidationError if the account does not support the action or is not signed in.
    """
    entry: AccountConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    if capability not in entry.runtime_data.client.capabilities:
        raise _invalid("not_supported", account=entry.title)
    account = entry.runtime_data
    # An account that the cloud denies still takes devices, to send them later.
    later = capability in (Capability.BIND, Capability.DATALOGGER)
    signed_in = (account.client if later else account.coordinator).signed_in
    if not signed_in or entry.data[CONF_ACCOUNT_ID] is None:
        raise _invalid("not_signed_in", account=entry.title)
    return entry


async def _target(hass: HomeAssistant, data: Mapping[str, Any]) -> Target:
    """Return the server and credentials that were given, or those of an account."""
    if ATTR_CONFIG_ENTRY_ID in data:
        names = (CONF_PROVIDER, CONF_SERVER, *_CREDENTIALS)
        if given := [name for name in names if name in data]:
            raise _invalid("account_or_server", field=given[0])
        entry = hass.config_entries.async_get_entry(data[ATTR_CONFIG_ENTRY_ID])
        if entry is None or entry.domain != DOMAIN or entry.source == SOURCE_IGNORE:
            raise _invalid("account_not_found")
        return entry_target(entry)
    if CONF_SERVER not in data:
        raise InvalidInputError(REQUIRED, field=CONF_SERVER)
    key = data.get(CONF_PROVIDER, registry.PROVIDER_KEYS[0])
    provider = await async_load_provider(hass, key)
    return Target(
        provider=provider,
        url=resolve(provider, data[CONF_SERVER]),
        credentials=provider.credentials(data),
    )


async def _async_target(call: ServiceCall) -> tuple[Target, CloudClient]:
    """Return the server and credentials that an action is for, with a client for them."""
    shared = await async_get_shared_data(call.hass)
    target = await _target(call.hass, call.data)
    return target, target.client(shared)


async def _async_forms(client: CloudClient, data: Mapping[str, Any]) -> list[Form]:
    """Return the forms to register with that the server offers, or only the given one."""
    offer = await client.test()
    forms = [form for form in offer.register if data.get(ATTR_FORM) in (None, form.key)]
    if not forms:
        raise _invalid("nothing_offered")
    return forms


def _first_complete(
    forms: Iterable[Form], data: Mapping[str, Any], fields: Callable[[Form], tuple[Field, ...]]
) -> tuple[Form, Values]:
    """Return the first form whose required fields were given, and the values.

    Raises InvalidInputError at the field that the first form lacks.
    """
    missing: InvalidInputError | None = None
    for form in forms:
        try:
            values = checked(fields(form), data)
        except InvalidInputError as err:
            missing = missing or err
        else:
            if (challenge := optional_text(data, ATTR_CHALLENGE_ID)) is not None:
                values = {**values, CAPTCHA_CHALLENGE: challenge}
            return form, values
    raise missing or _invalid("nothing_offered")


def _check_challenge(data: Mapping[str, Any]) -> None:
    """Raise InvalidInputError if a captcha's answer comes without the picture's id."""
    answer = optional_text(data, CAPTCHA_FIELD.name)
    if answer is not None and optional_text(data, ATTR_CHALLENGE_ID) is None:
        raise InvalidInputError(REQUIRED, field=ATTR_CHALLENGE_ID)


async def _get_captcha(call: ServiceCall) -> ServiceResponse:
    """Fetch a captcha's picture.

    Responds with `challenge_id`, which `send_verification_code` and `register_account` take
    together with the answer, and `image`, a data URI.
    """
    _, client = await _async_target(call)
    forms = await _async_forms(client, call.data)
    form = next((form for form in forms if form.captcha or form.code_captcha), None)
    if form is None:
        raise _invalid("no_captcha")
    captcha = await client.captcha(form, for_code=form.code_captcha)
    return {ATTR_CHALLENGE_ID: captcha.challenge, "image": data_uri(captcha)}


async def _send_verification_code(call: ServiceCall) -> ServiceResponse:
    """Send a verification code. Responds with `sent_to`, the address or number."""
    _check_challenge(call.data)
    _, client = await _async_target(call)
    forms = [form for form in await _async_forms(client, call.data) if form.sends_code]
    form, values = _first_complete(forms, call.data, code_fields)
    try:
        await client.send_code(form, values)
    except NoAnswerError as err:
        raise CloudError("code_may_come") from err
    return {"sent_to": values[form.identity]}


async def _register_account(call: ServiceCall) -> ServiceResponse:
    """Create an account, and its entry unless `create_entry` is off.

    Responds with `account_id` (null until the cloud reports it), `account_name`,
    `activation_pending` and, unless `create_entry` is off, `config_entry_id`.
    """
    _check_challenge(call.data)
    target, client = await _async_target(call)
    forms = await _async_forms(client, call.data)
    form, values = _first_complete(forms, call.data, lambda form: form.fields)
    await async_check_name(call.hass, target, client, form, values)
    make_entry: bool = call.data[ATTR_CREATE_ENTRY]
    registration = await async_register(call.hass, target, form, values, make_entry=make_entry)
    try:
        # Canceling the action must not cancel the registration.
        account = await asyncio.shield(registration.task)
        response: dict[str, Any] = {
            CONF_ACCOUNT_ID: account.id,
            CONF_ACCOUNT_NAME: account.name,
            CONF_ACTIVATION_PENDING: bool(account.activation_pending),
        }
        if make_entry:
            response[ATTR_CONFIG_ENTRY_ID] = await async_create_entry(call.hass, registration)
    finally:
        registration.release()
    return response


async def _check_username(call: ServiceCall) -> ServiceResponse:
    """Check whether a login name is free. Responds with `username` and `available`."""
    target, client = await _async_target(call)
    if Capability.CHECK_USERNAME not in client.capabilities:
        raise _invalid("not_supported", account=target.url)
    name = checked((USERNAME_FIELD,), call.data)[CONF_USERNAME]
    if (available := await client.is_username_available(name)) is None:
        raise NotAllowedError("cannot_check_name")
    return {CONF_USERNAME: name, "available": available}


# Plants


async def _list_plants(call: ServiceCall) -> ServiceResponse:
    """List an account's plants. Responds with `plants`, each with `plant_id` and `name`."""
    entry = _entry(call, Capability.PLANTS)
    with entry.runtime_data.coordinator.reauth_on_denial():
        plants = await entry.runtime_data.client.plants(entry.data[CONF_ACCOUNT_ID])
    return {"plants": [{CONF_PLANT_ID: plant.id, CONF_NAME: plant.name} for plant in plants]}


async def _create_plant(call: ServiceCall) -> ServiceResponse:
    """Create a plant. Responds with its `plant_id` and `name`."""
    entry = _entry(call, Capability.CREATE_PLANT)
    with entry.runtime_data.coordinator.reauth_on_denial():
        plant = await async_create_plant(
            call.hass,
            entry,
            name=call.data[CONF_NAME],
            peak_power=call.data[CONF_PEAK_POWER],
        )
    return {CONF_PLANT_ID: plant.id, CONF_NAME: plant.name}


# Devices


async def _bind_device(call: ServiceCall) -> ServiceResponse:
    """Bind serial numbers.

    Responds with `results`, one per serial number in the given order: `serial_number` and `state`,
    which is `invalid`, `already_tracked` or the state of the binding. A binding also has `pending`,
    `reason` (a translation key of this integration's exceptions) and `message` (the cloud's own
    words); `reason` and `message` may be null.
    """
    entry = _entry(call, Capability.BIND)
    plant_id = _plant_id(entry, call)
    texts = [part for given in call.data[CONF_SERIAL_NUMBERS] for part in split_serials(given)]
    results = _judged(call.hass, texts)
    kind, timeout = DeviceKind.INVERTER, call.data[CONF_TIMEOUT]
    bound = await _bind(entry, results, plant_id, kind, timeout)
    return {"results": [*bound.values()]}


async def _bind_datalogger(call: ServiceCall) -> ServiceResponse:
    """Bind dataloggers, after the cloud has compared the check codes that were given.

    Responds with `results` like `bind_device`, each with `check_code_checked`: whether the cloud
    compared the check code. One that is `invalid` has a `reason` if the cloud said so. Of a
    `conflict` that the check found, nothing was sent; `message` tells who holds it.
    """
    entry = _entry(call, Capability.DATALOGGER)
    plant_id = _plant_id(entry, call)
    given: list[dict[str, str]] = call.data[ATTR_DATALOGGERS]
    results = _judged(call.hass, [one[CONF_SERIAL_NUMBER] for one in given])
    codes: dict[str, str] = {}
    for one in given:
        if code := one.get(ATTR_CHECK_CODE, "").strip():
            with suppress(InvalidSerialError):
                serial = normalize_serial(one[CONF_SERIAL_NUMBER])
                if results[serial] is None:
                    codes.setdefault(serial, code)
    began, kind = now(), DeviceKind.DATALOGGER
    labels = await _labels(entry, plant_id, codes, call.data[CONF_TIMEOUT])
    reasons = await async_reasons(call.hass)
    for serial, label in labels.items():
        binding = transitions.queue(serial, plant_id, began, kind)
        results[serial] = _refusal(entry, reasons, binding, label)
    # Meanwhile the entry may have been reloaded.
    entry = _entry(call, Capability.DATALOGGER)
    timeout = max(0, began + call.data[CONF_TIMEOUT] - now())
    bound = await _bind(entry, results, plant_id, kind, timeout)
    return {
        "results": [
            {**result, ATTR_CHECK_CODE_CHECKED: serial in labels and labels[serial].checked}
            for serial, result in bound.items()
        ]
    }


async def _labels(
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
    entry: AccountConfigEntry, reasons: Mapping[str, str], binding: Binding, label: Label
) -> dict[str, Any] | None:
    """Return the result of a datalogger that is not sent because of its label, None if it is."""
    if (error := label.error) is not None:
        binding = transitions.rejected(binding, error.key, error.words)
        return _told(binding, state="invalid")
    if (holder := label.holder) is not None:
        binding = transitions.of_location(binding, holder, entry.data[CONF_ACCOUNT_ID], now())
        message = explanation(entry.runtime_data.coordinator.hass, entry, reasons, binding)
        reason = holder_key(entry, binding.holder_plant, binding.holder_owner)
        return _told(binding, reason=reason, message=message)
    return None


def _plant_id(entry: AccountConfigEntry, call: ServiceCall) -> str:
    """Return the plant that was given; raise InvalidInputError if it cannot be one."""
    plant_id = text(call.data, CONF_PLANT_ID)
    entry.runtime_data.client.check_plant_id(plant_id)
    return plant_id


def _judged(hass: HomeAssistant, texts: list[str]) -> dict[str, dict[str, Any] | None]:
    """Return the result of each serial number that cannot be bound, and None for the others."""
    if not texts:
        raise _invalid("serials_empty")
    if len(texts) > MAX_SERIALS_ACTION:
        raise _invalid("serials_too_many", count=str(len(texts)), most=str(MAX_SERIALS_ACTION))
    results: dict[str, dict[str, Any] | None] = {}
    for part in texts:
        try:
            results[normalize_serial(part)] = None
        except InvalidSerialError as err:
            results[str(err)] = {CONF_SERIAL_NUMBER: str(err), ATTR_STATE: "invalid"}
    return results | _tracked(hass, results)


def _tracked(
    hass: HomeAssistant, results: Mapping[str, dict[str, Any] | None]
) -> dict[str, dict[str, Any]]:
    """Return the results of the serial numbers that an account tracks already."""
    tracked = tracked_serials(hass)
    return {
        serial: {CONF_SERIAL_NUMBER: serial, ATTR_STATE: "already_tracked"}
        for serial, result in results.items()
        if result is None and serial in tracked
    }


async def _bind(
    entry: AccountConfigEntry,
    results: dict[str, dict[str, Any] | None],
    plant_id: str,
    kind: DeviceKind,
    timeout: float,
) -> dict[str, dict[str, Any]]:
    """Bind the serial numbers without a result yet; return the results of all."""
    coordinator = entry.runtime_data.coordinator
    results |= _tracked(coordinator.hass, results)
    if added := [serial for serial, result in results.items() if result is None]:
        await coordinator.async_track(added, plant_id, kind)
        await coordinator.async_wait_for_answers(added, timeout)
    return {serial: result or _result(coordinator, serial) for serial, result in results.items()}


async def _check_association(call: ServiceCall) -> ServiceResponse:
    """Check inverters and dataloggers now, as far as the limits allow.

    Responds with `results` like `bind_device`.
    """
    chosen: dict[AccountCoordinator, dict[str, None]] = {}
    for device_id in call.data[ATTR_DEVICE_ID]:
        entry, serial = _device(call.hass, device_id)
        if not entry.runtime_data.coordinator.signed_in:
            raise _invalid("not_signed_in", account=entry.title)
        chosen.setdefault(entry.runtime_data.coordinator, {})[serial] = None
    for coordinator, serials in chosen.items():
        coordinator.async_check(serials)
    timeout: float = call.data[CONF_TIMEOUT]
    await asyncio.gather(
        *(
            coordinator.async_wait_for_checks(serials, timeout)
            for coordinator, serials in chosen.items()
        )
    )
    return {
        "results": [
            _result(coordinator, serial)
            for coordinator, serials in chosen.items()
            for serial in serials
        ]
    }


def _device(hass: HomeAssistant, device_id: str) -> tuple[AccountConfigEntry, str]:
    """Return the account and serial number of the device of an inverter or a datalogger."""
    device, entry = async_get_device_and_config_entry(hass, DOMAIN, device_id)
    subentry = entry.subentries.get(device.config_subentry_id or "")
    if subentry is None or subentry.unique_id is None:
        raise _invalid("not_a_device", device=device.name_by_user or device.name or device_id)
    return entry, subentry.unique_id


def _result(coordinator: AccountCoordinator, serial: str) -> dict[str, Any]:
    """Return a device's result for a response."""
    if (binding := coordinator.data.get(serial)) is None:
        # Somebody removed it while the action waited.
        return {CONF_SERIAL_NUMBER: serial, ATTR_STATE: "removed"}
    return _told(binding)


def _told(binding: Binding, **instead: str) -> dict[str, Any]:
    """Return what a response tells of a binding, with other values instead of these."""
    return {
        CONF_SERIAL_NUMBER: binding.serial,
        ATTR_STATE: binding.state.value,
        "pending": binding.pending,
        "reason": binding.reason,
        "message": binding.message,
        **instead,
    }
