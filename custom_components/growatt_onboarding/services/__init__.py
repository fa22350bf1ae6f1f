"""The actions, which do for automations what the flows do for people."""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

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
from homeassistant.helpers.service import async_register_admin_service
import voluptuous as vol

from ..account import reauth_on_denial
from ..account.plants import CONF_PEAK_POWER
from ..binding.model import BindingState
from ..cloud import registry
from ..cloud.errors import AccessDeniedError, CloudError, InvalidInputError
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_PLANT_ID,
    CONF_PROVIDER,
    CONF_SERIAL_NUMBER,
    CONF_SERIAL_NUMBERS,
    CONF_SERVER,
    DEVICE_TYPES,
    DOMAIN,
)
from ..flows.forms import error_placeholders
from ..foreign import translated
from ..unexpected import log_unexpected
from . import accounts, adding, changing, looking, plants
from .accounts import ATTR_CHALLENGE_ID, ATTR_CREATE_ENTRY, ATTR_FORM
from .adding import ATTR_CHECK_CODE, ATTR_DATALOGGERS, ATTR_KEEP_REFUSED
from .common import MAX_TIMEOUT
from .looking import ATTR_KIND

# Actions whose only result is their response.
_RESPONSE_ONLY: Final = (
    *("get_captcha", "check_username", "list_accounts", "list_plants", "list_devices"),
)

type Handler = Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
type Fields = dict[Any, Any]


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


def _actions() -> dict[str, tuple[Handler, Fields]]:
    """Return the handler and the fields of each action."""
    return {**_actions_of_accounts(), **_actions_of_devices()}


def _actions_of_accounts() -> dict[str, tuple[Handler, Fields]]:
    """Return the actions about accounts and plants."""
    target = {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(CONF_PROVIDER): vol.In(list(registry.PROVIDER_KEYS)),
        vol.Optional(CONF_SERVER): cv.string,
        **_texts(accounts.CREDENTIALS),
    }
    register_target = {**target, vol.Optional(ATTR_FORM): cv.string}
    challenge = {vol.Optional(ATTR_CHALLENGE_ID): cv.string}
    create_entry = {vol.Optional(ATTR_CREATE_ENTRY, default=True): cv.boolean}
    plant = {
        vol.Required(CONF_NAME): cv.string,
        vol.Required(CONF_PEAK_POWER): plants.peak_power,
    }
    return {
        "register_account": (
            accounts.register_account,
            {**register_target, **_texts(accounts.REGISTER_FIELDS), **challenge, **create_entry},
        ),
        "get_captcha": (accounts.get_captcha, register_target),
        "send_verification_code": (
            accounts.send_verification_code,
            {**register_target, **_texts(accounts.CODE_FIELDS), **challenge},
        ),
        "check_username": (
            accounts.check_username,
            {**target, vol.Required(CONF_USERNAME): cv.string},
        ),
        "list_accounts": (accounts.list_accounts, target),
        "link_account": (
            accounts.link_account,
            {**target, vol.Required(CONF_ACCOUNT_ID): _several(cv.string)},
        ),
        "list_plants": (plants.list_plants, _ACCOUNT),
        "create_plant": (plants.create_plant, {**_ACCOUNT, **plant}),
    }


def _actions_of_devices() -> dict[str, tuple[Handler, Fields]]:
    """Return the actions about inverters and dataloggers."""
    seconds = vol.All(vol.Coerce(float), vol.Range(min=0, max=MAX_TIMEOUT))
    # Without it, the wait is in proportion to what is asked for.
    timeout = {vol.Optional(CONF_TIMEOUT): seconds}
    plant = {vol.Required(CONF_PLANT_ID): cv.string}
    keep_refused = {vol.Optional(ATTR_KEEP_REFUSED, default=True): cv.boolean}
    some_accounts = {vol.Optional(ATTR_CONFIG_ENTRY_ID): _several(cv.string)}
    some_devices = {vol.Optional(ATTR_DEVICE_ID): _several(cv.string)}
    chosen = {vol.Optional(CONF_SERIAL_NUMBERS): _several(cv.string), **some_devices}
    datalogger = {
        vol.Required(CONF_SERIAL_NUMBER): cv.string,
        vol.Optional(ATTR_CHECK_CODE): vol.Maybe(cv.string),
    }
    serials = {vol.Required(CONF_SERIAL_NUMBERS): _several(cv.string)}
    dataloggers = {vol.Required(ATTR_DATALOGGERS): _several(vol.Any(cv.string, datalogger))}
    filters = {
        vol.Optional(CONF_PLANT_ID): _several(cv.string),
        vol.Optional(ATTR_STATE): _several(vol.In([state.value for state in BindingState])),
        vol.Optional(ATTR_KIND): _several(vol.In(list(DEVICE_TYPES))),
    }
    return {
        "bind_device": (
            adding.bind_device,
            {**_ACCOUNT, **plant, **serials, **keep_refused, **timeout},
        ),
        "bind_datalogger": (
            adding.bind_datalogger,
            {**_ACCOUNT, **plant, **dataloggers, **keep_refused, **timeout},
        ),
        "list_devices": (looking.list_devices, {**some_accounts, **chosen, **filters}),
        "check_association": (
            looking.check_association,
            {**some_devices, **some_accounts, vol.Optional(CONF_TIMEOUT, default=10): seconds},
        ),
        "submit_again": (changing.submit_again, {**chosen, **timeout}),
        "move_device": (changing.move_device, {**chosen, **_ACCOUNT, **plant, **timeout}),
        "remove_device": (changing.remove_device, chosen),
    }


# If there is only one account, it does not have to be given.
_ACCOUNT: Final[Fields] = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}


def _texts(names: Iterable[str]) -> Fields:
    """Return the part of a schema for providers' fields; the provider decides which it needs."""
    return {vol.Optional(name): cv.string for name in names}


def _several(one: object) -> Any:
    """Return the validator of a list, or of a single one that stands for it."""
    return vol.All(cv.ensure_list, vol.Length(min=1), [one])


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
    entry_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
    if not isinstance(entry_id, str):
        return nullcontext()
    entry = call.hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN:
        return nullcontext()
    return reauth_on_denial(entry)
