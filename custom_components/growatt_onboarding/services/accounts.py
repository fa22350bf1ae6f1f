"""The actions about accounts: register one, list and link those that there are."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_STATE, CONF_USERNAME
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, callback

from ..account import Target, entry_target, understood_entries
from ..account.linking import Opened, async_link, async_opened, entry_of
from ..account.registration import async_check_name, async_create_entry, async_register
from ..clock import now
from ..cloud import registry
from ..cloud.errors import (
    CloudError,
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
    SeesNothingError,
)
from ..cloud.fields import REQUIRED, optional_text
from ..cloud.model import Account, Values
from ..cloud.provider import (
    CAPTCHA_CHALLENGE,
    CAPTCHA_FIELD,
    USERNAME_FIELD,
    Capability,
    CloudClient,
    Field,
    Form,
)
from ..cloud.servers import resolve, server_key
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_ACTIVATION_PENDING,
    CONF_PROVIDER,
    CONF_SERVER,
    DOMAIN,
)
from ..coordinator import AccountConfigEntry
from ..flows.forms import checked, code_fields, data_uri, error_placeholders
from ..foreign import plain, plain_values
from ..gateway import async_get_shared_data, async_load_provider
from ..outcome import ATTR_EXPLANATION, ATTR_REASON, written
from ..texts import async_reasons, reason_text
from .chosen import Refusal
from .common import invalid

ATTR_CREATE_ENTRY: Final = "create_entry"
ATTR_FORM: Final = "form"
ATTR_CHALLENGE_ID: Final = "challenge_id"
ATTR_NEXT_LIST: Final = "next_list"
# The fields of all providers, by name: so no cloud has to be imported before it is used.
CREDENTIALS: Final = ("token", "user_domain", "user_domain_secret", "site_id")
CODE_FIELDS: Final = ("email", "phone", "captcha")
REGISTER_FIELDS: Final = (
    *("username", "password", *CODE_FIELDS, "country", "installer_code", "time_zone", "code"),
    *("language_id", "nationality_id", "time_zone_id", "mcc", "nickname", "real_name"),
)


async def _target(hass: HomeAssistant, data: Mapping[str, Any]) -> Target:
    """Return the server and credentials that were given, or those of an account."""
    if ATTR_CONFIG_ENTRY_ID in data:
        names = (CONF_PROVIDER, CONF_SERVER, *CREDENTIALS)
        if given := [name for name in names if name in data]:
            raise invalid("account_or_server", field=given[0])
        entry = hass.config_entries.async_get_entry(data[ATTR_CONFIG_ENTRY_ID])
        if entry is None or entry.domain != DOMAIN or entry.source == SOURCE_IGNORE:
            raise invalid("account_not_found")
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
        raise invalid("nothing_offered")
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
    raise missing or invalid("nothing_offered")


def _check_challenge(data: Mapping[str, Any]) -> None:
    """Raise InvalidInputError if a captcha's answer comes without the picture's id."""
    answer = optional_text(data, CAPTCHA_FIELD.name)
    if answer is not None and optional_text(data, ATTR_CHALLENGE_ID) is None:
        raise InvalidInputError(REQUIRED, field=ATTR_CHALLENGE_ID)


async def get_captcha(call: ServiceCall) -> ServiceResponse:
    """Fetch a captcha's picture.

    Responds with `challenge_id`, which `send_verification_code` and `register_account` take
    together with the answer, and `image`, a data URI.
    """
    _, client = await _async_target(call)
    forms = await _async_forms(client, call.data)
    form = next((form for form in forms if form.captcha or form.code_captcha), None)
    if form is None:
        raise invalid("no_captcha")
    captcha = await client.captcha(form, for_code=form.code_captcha)
    return {ATTR_CHALLENGE_ID: captcha.challenge, "image": data_uri(captcha)}


async def send_verification_code(call: ServiceCall) -> ServiceResponse:
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


async def register_account(call: ServiceCall) -> ServiceResponse:
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


async def check_username(call: ServiceCall) -> ServiceResponse:
    """Check whether a login name is free. Responds with `username` and `available`."""
    target, client = await _async_target(call)
    if Capability.CHECK_USERNAME not in client.capabilities:
        raise invalid("not_supported", account=target.url)
    name = checked((USERNAME_FIELD,), call.data)[CONF_USERNAME]
    if (available := await client.is_username_available(name)) is None:
        raise NotAllowedError("cannot_check_name")
    return {CONF_USERNAME: name, "available": available}


# The accounts that there are


async def list_accounts(call: ServiceCall) -> ServiceResponse:
    """List the accounts in Home Assistant, or those that credentials give access to.

    Responds with `accounts`, each with `account_id`, `account_name`, `account` (its title) and
    `config_entry_id`, null for one that is not in Home Assistant. One that is here also has
    `provider`, `server`, `state`, `signed_in`, `devices` and `pending` (how many devices).

    `next_list` tells of those of credentials when a limit on the cloud's list ends, None if it was
    read now. What else keeps it from being read is an error.
    """
    if call.data.keys() & {ATTR_CONFIG_ENTRY_ID, CONF_PROVIDER, CONF_SERVER, *CREDENTIALS}:
        target, client = await _async_target(call)
        form = await _async_link_form(target, client)
        opened = await _async_opened(call.hass, target, client, form)
        if opened.unread is not None and not opened.listed:
            raise opened.unread
        return {
            "accounts": [_told(one, entry_of(call.hass, target, one)) for one in opened.accounts],
            ATTR_NEXT_LIST: _next_list(opened),
        }
    here = [_in_home_assistant(entry) for entry in understood_entries(call.hass)]
    return {"accounts": [*here], ATTR_NEXT_LIST: None}


async def link_account(call: ServiceCall) -> ServiceResponse:
    """Add accounts that credentials give access to.

    Responds with `results`, one for each ID: as `list_accounts` tells an account, with `state`
    (`linked`, `already_linked`, `failed`, `not_found` or `not_listed`), `reason`, `explanation` and
    `next_list`.
    """
    target, client = await _async_target(call)
    form = await _async_link_form(target, client)
    wanted = list(dict.fromkeys(map(str.strip, call.data[CONF_ACCOUNT_ID])))
    opened = await _async_opened(call.hass, target, client, form, wanted)
    accounts = {one.id: one for one in opened.accounts}
    reasons = await async_reasons(call.hass)
    results = []
    for account_id in wanted:
        why: dict[str, str | None]
        why = {ATTR_REASON: None, ATTR_EXPLANATION: None, ATTR_NEXT_LIST: None}
        if (account := accounts.get(account_id)) is None:
            told = _told(Account(id=account_id, name=account_id), None)
            state = "not_found" if opened.unread is None else "not_listed"
            why |= _why_not_opened(account_id, opened, reasons)
        else:
            linked = await async_link(call.hass, target, account)
            told, state = _told(account, linked.entry), linked.state.value
            if linked.reason is not None:
                why |= Refusal(linked.reason, {"account": told["account"]}).told(reasons)
        results.append({**told, ATTR_STATE: state, **why})
    return {"results": [*results]}


def _why_not_opened(
    account_id: str, opened: Opened, reasons: Mapping[str, str]
) -> dict[str, str | None]:
    """Return why an account is not among those that credentials open, and when to ask again."""
    if (err := opened.unread) is None:
        return {**Refusal("account_not_opened", {"account": account_id}).told(reasons)}
    values = {"reason": reason_text(reasons, err.key, plain_values(error_placeholders(err)))}
    return {**Refusal("accounts_unread", values).told(reasons), ATTR_NEXT_LIST: _next_list(opened)}


def _next_list(opened: Opened) -> str | None:
    """Return when the list of accounts may be read again, None if it was, or if nobody knows."""
    if opened.unread is None or opened.unread.retry_after is None:
        return None
    return written(now() + opened.unread.retry_after)


async def _async_link_form(target: Target, client: CloudClient) -> Form:
    """Return the form to link accounts with that takes nothing but the credentials."""
    forms = (await client.test()).link
    for form in forms:
        if not any(field.required for field in form.fields):
            return form
    raise invalid("not_supported", account=target.url)


async def _async_opened(
    hass: HomeAssistant,
    target: Target,
    client: CloudClient,
    form: Form,
    wanted: list[str] | None = None,
) -> Opened:
    """Return the accounts that the credentials give access to.

    A token that does not tell whose it is takes the word of who names the only one, and one that
    may have several the word of who names some.
    """
    try:
        return await async_opened(hass, target, client, form, {})
    except InvalidInputError as err:
        if err.field != form.identity:
            raise
        if wanted is None:
            raise invalid("accounts_not_told") from err
        if len(wanted) != 1 and not isinstance(err, SeesNothingError):
            raise
    opened = Opened(())
    for account_id in wanted:
        # One that is none leaves the others alone.
        with suppress(InvalidInputError):
            one = await async_opened(hass, target, client, form, {form.identity: account_id})
            opened = Opened(opened.accounts + one.accounts, opened.unread or one.unread)
    return opened


@callback
def _told(account: Account, entry: AccountConfigEntry | None) -> dict[str, Any]:
    return {
        CONF_ACCOUNT_ID: account.id,
        CONF_ACCOUNT_NAME: plain(account.name),
        "account": plain(account.title if entry is None else entry.title),
        ATTR_CONFIG_ENTRY_ID: None if entry is None else entry.entry_id,
    }


@callback
def _in_home_assistant(entry: AccountConfigEntry) -> dict[str, Any]:
    """Return what is told of an account's entry."""
    loaded = entry.state is ConfigEntryState.LOADED
    account = Account(id=entry.data[CONF_ACCOUNT_ID], name=entry.data[CONF_ACCOUNT_NAME])
    provider = registry.provider(entry.data[CONF_PROVIDER])
    return {
        **_told(account, entry),
        CONF_PROVIDER: provider.key,
        CONF_SERVER: server_key(provider, entry.data[CONF_SERVER]),
        ATTR_STATE: entry.state.value,
        "signed_in": loaded and entry.runtime_data.coordinator.signed_in,
        "devices": len(entry.subentries),
        "pending": len(entry.runtime_data.coordinator.pending) if loaded else 0,
    }
