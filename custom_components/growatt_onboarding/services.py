"""The actions: what the dialogs do, for automations."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
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
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from .access import Clouds, async_get_clouds
from .account import Target, entry_target, tracked_serials
from .binding.model import InvalidSerialError, normalise_serial
from .cloud.errors import CloudError, InvalidInputError
from .cloud.model import Values
from .cloud.provider import Capability, CloudClient, Field, Form
from .cloud.registry import PROVIDERS
from .cloud.servers import resolve
from .const import (
    CONF_ACCOUNT_ID,
    CONF_PLANT_ID,
    CONF_PROVIDER,
    CONF_SERIAL_NUMBERS,
    CONF_SERVER,
    DOMAIN,
    MAX_SERIALS_ACTION,
)
from .coordinator import AccountConfigEntry, AccountCoordinator
from .forms import filled
from .plants import CONF_NAME, CONF_PEAK_POWER, async_create_plant
from .registration import async_create_entry, async_register

ATTR_CREATE_ENTRY: Final = "create_entry"
ATTR_TIMEOUT: Final = "timeout"
ATTR_USERNAME: Final = "username"
ATTR_FORM: Final = "form"

_ACCESS_FIELDS: Final[dict[str, Field]] = {
    field.name: field for provider in PROVIDERS.values() for field in provider.access_fields
}
_TARGET_SCHEMA: Final = {
    vol.Exclusive(ATTR_CONFIG_ENTRY_ID, "target"): cv.string,
    vol.Exclusive(CONF_PROVIDER, "target"): vol.In(PROVIDERS),
    vol.Optional(CONF_SERVER): cv.string,
    **{vol.Optional(name): cv.string for name in _ACCESS_FIELDS},
}
_REGISTER_FIELDS: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        field.name for provider in PROVIDERS.values() for field in provider.register_fields
    )
)

# With a single account there is no need to name it.
_ENTRY_SCHEMA: Final = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}

type Handler = Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions: each takes credentials or spends a rare call, so admins only."""
    for name, (handler, schema) in _ACTIONS.items():
        async_register_admin_service(
            hass, DOMAIN, name, handler, vol.Schema(schema), SupportsResponse.OPTIONAL
        )


# Errors


def _raise(err: CloudError) -> None:
    """Raise a cloud's error as Home Assistant's: the caller's fault or the cloud's."""
    kind = ServiceValidationError if isinstance(err, InvalidInputError) else HomeAssistantError
    raise kind(
        translation_domain=DOMAIN,
        translation_key=err.key,
        translation_placeholders=err.placeholders,
    ) from err


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
    )


# Accounts


def _entry(call: ServiceCall, capability: Capability) -> AccountConfigEntry:
    """Return the account an action is for, if its cloud can do what is asked."""
    entry: AccountConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    if capability not in entry.runtime_data.client.capabilities:
        raise _invalid("not_supported", account=entry.title)
    if not entry.runtime_data.client.signed_in:
        raise _invalid("not_signed_in", account=entry.title)
    return entry


def _target(hass: HomeAssistant, data: Mapping[str, Any]) -> Target:
    """Return the server and access data that an action names, or those of an account."""
    if ATTR_CONFIG_ENTRY_ID in data:
        entry = hass.config_entries.async_get_entry(data[ATTR_CONFIG_ENTRY_ID])
        if entry is None or entry.domain != DOMAIN:
            raise _invalid("account_not_found")
        return entry_target(entry)
    provider = PROVIDERS[data.get(CONF_PROVIDER, next(iter(PROVIDERS)))]
    server = data.get(CONF_SERVER) or (provider.servers[0].key if provider.servers else "")
    access = filled(provider.access_fields, data)
    for field in provider.access_fields:
        if field.required and field.name not in access:
            raise _invalid("field_missing", field=field.name)
    return Target(provider=provider, url=resolve(provider, server), access=access)


async def _async_form(client: CloudClient, data: Mapping[str, Any]) -> tuple[Form, Values]:
    """Return the way to register that the given fields fit, and their values."""
    offer = await client.test()
    forms = [form for form in offer.register if data.get(ATTR_FORM) in (None, form.key)]
    missing = ""
    for form in forms:
        values = filled(form.fields, data)
        absent = [f.name for f in form.fields if f.required and f.name not in values]
        if not absent:
            return form, values
        missing = missing or absent[0]
    if not forms:
        raise _invalid("nothing_offered")
    raise _invalid("field_missing", field=missing)


async def _register_account(call: ServiceCall) -> ServiceResponse:
    """Create an account, and its entry unless told not to."""
    clouds = await async_get_clouds(call.hass)
    try:
        target = _target(call.hass, call.data)
        client = target.client(clouds)
        form, values = await _async_form(client, call.data)
        if (
            Capability.CHECK_USERNAME in client.capabilities
            and not await client.is_username_available(values[form.identity])
        ):
            raise InvalidInputError("username_taken", field=form.identity)
        registration = await async_register(
            call.hass, target, form, values, make_entry=call.data[ATTR_CREATE_ENTRY]
        )
        registration.dialog_gone.set()
        account = await registration.task
    except CloudError as err:
        _raise(err)
        raise
    response: dict[str, Any] = {
        CONF_ACCOUNT_ID: account.id,
        "account_name": account.name,
        "activation_pending": account.activation_pending,
    }
    if call.data[ATTR_CREATE_ENTRY]:
        response[ATTR_CONFIG_ENTRY_ID] = await async_create_entry(call.hass, target, account)
    return response


async def _check_username(call: ServiceCall) -> ServiceResponse:
    """Say whether a login name is still free."""
    clouds: Clouds = await async_get_clouds(call.hass)
    try:
        client = _target(call.hass, call.data).client(clouds)
        if Capability.CHECK_USERNAME not in client.capabilities:
            raise _invalid("not_supported", account="")
        available = await client.is_username_available(call.data[ATTR_USERNAME])
    except CloudError as err:
        _raise(err)
        raise
    return {ATTR_USERNAME: call.data[ATTR_USERNAME], "available": available}


# Plants


async def _list_plants(call: ServiceCall) -> ServiceResponse:
    """List an account's plants."""
    entry = _entry(call, Capability.PLANTS)
    try:
        plants = await entry.runtime_data.client.plants(entry.data[CONF_ACCOUNT_ID] or "")
    except CloudError as err:
        _raise(err)
        raise
    return {"plants": [{CONF_PLANT_ID: plant.id, CONF_NAME: plant.name} for plant in plants]}


async def _create_plant(call: ServiceCall) -> ServiceResponse:
    """Create a plant."""
    entry = _entry(call, Capability.CREATE_PLANT)
    try:
        plant = await async_create_plant(call.hass, entry, call.data)
    except CloudError as err:
        _raise(err)
        raise
    return {CONF_PLANT_ID: plant.id, CONF_NAME: plant.name}


# Inverters


async def _bind_device(call: ServiceCall) -> ServiceResponse:
    """Bind serial numbers; each gets a result of its own."""
    entry = _entry(call, Capability.BIND)
    coordinator = entry.runtime_data.coordinator
    texts: list[str] = call.data[CONF_SERIAL_NUMBERS]
    if len(texts) > MAX_SERIALS_ACTION:
        raise _invalid("serials_too_many", count=str(len(texts)), most=str(MAX_SERIALS_ACTION))
    results: dict[str, dict[str, Any]] = {}
    added: list[str] = []
    tracked = tracked_serials(call.hass)
    for text in texts:
        try:
            serial = normalise_serial(text)
        except InvalidSerialError:
            results[text.strip()] = {"state": "invalid"}
            continue
        if serial in tracked:
            results[serial] = {"state": "already_tracked"}
        elif serial not in added:
            added.append(serial)
    if added:
        await coordinator.async_track(added, call.data[CONF_PLANT_ID])
        await coordinator.async_wait_for_answers(added, call.data[ATTR_TIMEOUT])
    results.update({serial: _result(coordinator, serial) for serial in added})
    listed: list[JsonValueType] = [
        {"serial_number": serial, **result} for serial, result in results.items()
    ]
    return {"results": listed}


async def _check_association(call: ServiceCall) -> ServiceResponse:
    """Look for inverters now, as far as the limits allow."""
    chosen: dict[AccountCoordinator, list[str]] = {}
    for device_id in call.data[ATTR_DEVICE_ID]:
        entry, serial = _inverter(call.hass, device_id)
        chosen.setdefault(entry.runtime_data.coordinator, []).append(serial)
    results: list[JsonValueType] = []
    for coordinator, serials in chosen.items():
        coordinator.async_check(serials)
        await coordinator.async_wait_for_checks(serials, call.data[ATTR_TIMEOUT])
        results.extend(
            {"serial_number": serial, **_result(coordinator, serial)} for serial in serials
        )
    return {"results": results}


def _inverter(hass: HomeAssistant, device_id: str) -> tuple[AccountConfigEntry, str]:
    """Return the account and serial number of an inverter's device."""
    device, entry = async_get_device_and_config_entry(hass, DOMAIN, device_id)
    subentry = entry.subentries.get(device.config_subentry_id or "")
    if subentry is None or subentry.unique_id is None:
        raise _invalid("not_an_inverter", device=device.name_by_user or device.name or device_id)
    return entry, subentry.unique_id


def _result(coordinator: AccountCoordinator, serial: str) -> dict[str, Any]:
    """Return what is known of an inverter, for a response."""
    if (binding := coordinator.data.get(serial)) is None:
        return {"state": "removed"}
    return {
        "state": binding.state.value,
        "pending": binding.pending,
        "reason": binding.reason,
        "message": binding.message,
    }


_TIMEOUT = vol.All(vol.Coerce(float), vol.Range(min=0, max=120))

_ACTIONS: Final[dict[str, tuple[Handler, dict[Any, Any]]]] = {
    "register_account": (
        _register_account,
        {
            **_TARGET_SCHEMA,
            vol.Optional(ATTR_FORM): cv.string,
            **{vol.Optional(name): cv.string for name in _REGISTER_FIELDS},
            vol.Optional(ATTR_CREATE_ENTRY, default=True): cv.boolean,
        },
    ),
    "check_username": (
        _check_username,
        {**_TARGET_SCHEMA, vol.Required(ATTR_USERNAME): cv.string},
    ),
    "list_plants": (_list_plants, _ENTRY_SCHEMA),
    "create_plant": (
        _create_plant,
        {
            **_ENTRY_SCHEMA,
            vol.Required(CONF_NAME): cv.string,
            vol.Required(CONF_PEAK_POWER): vol.All(
                vol.Coerce(float), vol.Range(min=0, min_included=False, max=10_000)
            ),
        },
    ),
    "bind_device": (
        _bind_device,
        {
            **_ENTRY_SCHEMA,
            vol.Required(CONF_PLANT_ID): cv.string,
            vol.Required(CONF_SERIAL_NUMBERS): vol.All(
                cv.ensure_list, vol.Length(min=1), [cv.string]
            ),
            vol.Optional(ATTR_TIMEOUT, default=10): _TIMEOUT,
        },
    ),
    "check_association": (
        _check_association,
        {
            vol.Required(ATTR_DEVICE_ID): vol.All(cv.ensure_list, vol.Length(min=1), [cv.string]),
            vol.Optional(ATTR_TIMEOUT, default=10): _TIMEOUT,
        },
    ),
}
