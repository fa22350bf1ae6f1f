"""Creating an account, which cannot be undone, without ever losing or repeating it.

The request runs in a task of the integration: Home Assistant cancels a dialog's own tasks when the
browser goes away. A note without secrets is on disk before the request leaves. Whoever asked for
the account makes its entry; when nobody is left to do so, the integration does.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from homeassistant.config_entries import SOURCE_IMPORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from .access import Clouds, async_get_clouds, now
from .account import Target
from .cloud.errors import CloudError
from .cloud.model import Account, Values
from .cloud.provider import Form
from .const import CONF_ACCOUNT_NAME, CONF_PROVIDER, CONF_SERVER, DOMAIN, LOGGER
from .store import NotStoredError

# Config entries reach the disk a second after they were added; the note stays until they have.
_ENTRY_STORED_AFTER = 5


class NotRegisteredError(CloudError):
    """The answer was lost, and a look showed that no account came of it."""

    default_key = "not_registered"


class OutcomeUnknownError(CloudError):
    """The answer was lost, and nothing can tell whether the account exists."""

    default_key = "outcome_unknown"
    outcome_unknown = True


@dataclass(slots=True)
class Registration:
    """A registration under way or done, and who waits for it.

    Attributes:
        target: where the account is created.
        name: the account's name there.
        task: ends with the account, or with the error to show.
        dialog_gone: set when the dialog that asked has ended, whatever way.

    """

    target: Target
    name: str
    task: asyncio.Task[Account]
    dialog_gone: asyncio.Event


DATA_REGISTRATIONS: HassKey[dict[str, Registration]] = HassKey(f"{DOMAIN}_registrations")


def _key(target: Target, name: str) -> str:
    """Return what makes two registrations the same."""
    site = target.provider.identify(target.access)
    return f"{target.provider.key}|{target.url}|{site}|{name.casefold()}"


async def async_register(
    hass: HomeAssistant, target: Target, form: Form, values: Values, *, make_entry: bool = True
) -> Registration:
    """Start a registration, or join the one that is already under way for this name.

    With `make_entry` the integration makes the account's entry when the dialog does not.
    """
    running = hass.data.setdefault(DATA_REGISTRATIONS, {})
    name = values[form.identity]
    key = _key(target, name)
    if key in running:
        return running[key]
    clouds = await async_get_clouds(hass)
    if key in running:
        return running[key]
    task = hass.async_create_background_task(
        _async_create(hass, key, target, form, values), f"{DOMAIN} registration"
    )
    registration = Registration(target, name, task, asyncio.Event())
    running[key] = registration
    hass.async_create_background_task(
        _async_settle(hass, clouds, key, registration, make_entry=make_entry),
        f"{DOMAIN} registration entry",
    )
    return registration


async def _async_create(
    hass: HomeAssistant, key: str, target: Target, form: Form, values: Values
) -> Account:
    """Write the note, send the request once, and settle a lost answer by a look."""
    clouds = await async_get_clouds(hass)
    client = target.client(clouds)
    clouds.notes[key] = {
        CONF_PROVIDER: target.provider.key,
        CONF_SERVER: target.url,
        CONF_ACCOUNT_NAME: values[form.identity],
        "at": now(),
    }
    try:
        await clouds.async_save()
    except NotStoredError as err:
        del clouds.notes[key]
        raise CloudError("not_stored") from err
    _raise_issue(hass, key, clouds.notes[key])
    await _async_store_issues(hass)
    try:
        return await client.register(form, values)
    except CloudError as err:
        if not err.outcome_unknown:
            await async_drop_note(hass, clouds, key)
            raise
        lost = err
    try:
        account = await client.find_registered(form, values)
    except (CloudError, NotImplementedError) as err:
        LOGGER.debug("The lost answer could not be settled: %s", type(err).__name__)
        raise OutcomeUnknownError from lost
    if account is None:
        await async_drop_note(hass, clouds, key)
        raise NotRegisteredError from lost
    return account


async def _async_settle(
    hass: HomeAssistant, clouds: Clouds, key: str, registration: Registration, *, make_entry: bool
) -> None:
    """See to it that a new account has its entry, then forget the registration."""
    try:
        await asyncio.wait({registration.task})
        if registration.task.cancelled() or registration.task.exception() is not None:
            return
        account = registration.task.result()
        if make_entry:
            try:
                async with asyncio.timeout(clouds.timing.dialog_grace):
                    await registration.dialog_gone.wait()
            except TimeoutError:
                LOGGER.debug("The dialog does not go on: the entry is made without it")
            await async_create_entry(hass, registration.target, account)
            await asyncio.sleep(_ENTRY_STORED_AFTER)
        await async_drop_note(hass, clouds, key)
    finally:
        hass.data[DATA_REGISTRATIONS].pop(key, None)


async def async_create_entry(hass: HomeAssistant, target: Target, account: Account) -> str | None:
    """Make the account's entry unless it has one; return its id."""
    unique_id = target.unique_id(account)
    if (entry := _entry(hass, unique_id)) is None:
        await hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_IMPORT},
            data={
                "unique_id": unique_id,
                "title": account.name,
                "data": target.entry_data(account),
            },
        )
        entry = _entry(hass, unique_id)
    return entry.entry_id if entry is not None else None


def _entry(hass: HomeAssistant, unique_id: str) -> Any:
    return hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)


async def async_drop_note(hass: HomeAssistant, clouds: Clouds, key: str) -> None:
    """Take a note off the disk; one that stays only leads to a repair too many."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(key))
    clouds.notes.pop(key, None)
    try:
        await clouds.async_save()
    except NotStoredError:
        LOGGER.debug("The note about a registration stays on disk")


async def async_review_notes(hass: HomeAssistant, clouds: Clouds) -> None:
    """Turn the notes that a crash left into repairs, and drop those whose account is here."""
    present = {
        (entry.data[CONF_PROVIDER], entry.data[CONF_SERVER], entry.data[CONF_ACCOUNT_NAME])
        for entry in hass.config_entries.async_entries(DOMAIN)
    }
    running = hass.data.get(DATA_REGISTRATIONS, {})
    for key, note in list(clouds.notes.items()):
        if (note[CONF_PROVIDER], note[CONF_SERVER], note[CONF_ACCOUNT_NAME]) in present:
            await async_drop_note(hass, clouds, key)
        elif key not in running:
            _raise_issue(hass, key, note)


def _issue_id(key: str) -> str:
    return f"registration_unfinished_{sha256(key.encode()).hexdigest()[:16]}"


@callback
def _raise_issue(hass: HomeAssistant, key: str, note: dict[str, Any]) -> None:
    """Raise the repair that offers to link the account.

    It leads into the dialog by a link and not by a fix flow, because it has to work after a crash
    that left no account, when Home Assistant does not load this integration.
    """
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(key),
        is_fixable=False,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="registration_unfinished",
        translation_placeholders={"name": note[CONF_ACCOUNT_NAME], "server": note[CONF_SERVER]},
        learn_more_url=f"homeassistant://config/integrations/dashboard/add?domain={DOMAIN}",
    )


async def _async_store_issues(hass: HomeAssistant) -> None:
    """Write Home Assistant's repairs to disk now instead of in ten seconds.

    There is no public way, and a crash within those seconds would lose the only trace of an
    account that nobody could see without this integration being loaded.
    """
    registry = ir.async_get(hass)
    await registry._store.async_save(registry._data_to_save())  # noqa: SLF001
