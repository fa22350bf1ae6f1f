"""Create an account, which cannot be undone, without ever losing or repeating the request.

The request runs in a task of the integration, because Home Assistant cancels a dialog's own tasks
when the browser disconnects. A record without secrets is on disk before the request is sent.
Whoever requested the account creates its entry; if nobody is left, the integration does.
"""

import asyncio
from copy import replace
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import SOURCE_IMPORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from ..clock import wall
from ..cloud import registry
from ..cloud.errors import CloudError, UndecidedError
from ..cloud.model import Account, Values
from ..cloud.provider import Capability, CloudClient, Form
from ..cloud.servers import server_key
from ..const import CONF_ACCOUNT_ID, CONF_ACCOUNT_NAME, DOMAIN, LOGGER
from ..foreign import async_raise_issue
from ..gateway import PendingRegistration, SharedData, async_get_shared_data
from ..gateway.store import NotStoredError
from . import Target, abbreviated, account_names, entry_target, fingerprint, understood_entries
from .records import async_get_records

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry

ISSUE_UNFINISHED: Final = "registration_unfinished"
# A later version began it, which may be installed again.
_ISSUE_UNKNOWN_PROVIDER: Final = "registration_unknown_provider"
# Seconds to wait for the dialog after a registration before creating the entry without it.
_DIALOG_GRACE: Final = 30


class NotRegisteredError(CloudError):
    """The answer was lost, and a check showed that no account was created."""

    default_key = "not_registered"


class OutcomeUnknownError(CloudError):
    """The answer was lost, and it is unknown whether the account exists."""

    default_key = "outcome_unknown"
    outcome_unknown = True


class Registration:
    """A registration that is running or finished.

    Attributes:
        task: returns the account or raises the error to show. Shield it when awaiting it.
        make_entry: whether the integration creates the entry if nobody else does.
        waiting: how many dialogs and actions wait for it.
        abandoned: set once none of them waits any longer, for whatever reason.
        entry_lock: held while the entry is looked up and created.

    """

    def __init__(
        self, target: Target, name: str, task: asyncio.Task[Account], *, make_entry: bool
    ) -> None:
        self.target = target
        self.name = name
        self.task = task
        self.make_entry = make_entry
        self.waiting = 0
        self.abandoned = asyncio.Event()
        self.entry_lock = asyncio.Lock()

    @property
    def failed(self) -> bool:
        """Whether it ended without an account."""
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None)

    @callback
    def release(self) -> None:
        """Record that a dialog or an action no longer waits."""
        self.waiting -= 1
        if self.waiting == 0:
            self.abandoned.set()


DATA_REGISTRATIONS: HassKey[dict[str, Registration]] = HassKey(f"{DOMAIN}_registrations")


def _key(target: Target, name: str) -> str:
    """Return the key that two registrations of the same account share."""
    return f"{target.realm}|{name.casefold()}"


async def async_register(
    hass: HomeAssistant, target: Target, form: Form, values: Values, *, make_entry: bool = True
) -> Registration:
    """Start a registration, or join the one that is already running for this name.

    With `make_entry` the integration creates the account's entry if the caller does not. The
    caller has to call `release` when it no longer waits.
    """
    shared = await async_get_shared_data(hass)
    running = hass.data.setdefault(DATA_REGISTRATIONS, {})
    name = form.name(values)
    key = _key(target, name)
    registration = running.get(key)
    if registration is None or registration.failed:
        task = hass.async_create_background_task(
            _async_create(hass, shared, key, target, form=form, values=values),
            f"{DOMAIN} registration",
        )
        registration = running[key] = Registration(target, name, task, make_entry=make_entry)
        hass.async_create_background_task(
            _async_ensure_entry(hass, shared, key, registration), f"{DOMAIN} registration entry"
        )
    registration.waiting += 1
    registration.make_entry = registration.make_entry or make_entry
    registration.abandoned.clear()
    return registration


async def _async_create(
    hass: HomeAssistant, shared: SharedData, key: str, target: Target, *, form: Form, values: Values
) -> Account:
    """Store that it is pending, send the request once, and resolve an unknown outcome."""
    client = target.client(shared)
    pending = shared.pending_registrations[key] = PendingRegistration(
        target.provider.key, target.url, form.name(values), wall()
    )
    try:
        await shared.async_save()
    except NotStoredError as err:
        del shared.pending_registrations[key]
        raise CloudError("not_stored") from err
    _raise_issue(hass, key, pending)
    await _async_store_issues(hass)
    try:
        account = await client.register(form, values)
    except CloudError as err:
        if not err.outcome_unknown:
            await async_drop_pending(hass, shared, key)
            raise
        lost = err
    else:
        return await _async_identify(client, form, values, account)
    try:
        found = await client.find_registered(form, values)
    except (CloudError, NotImplementedError) as err:
        LOGGER.debug("Could not find out whether the account was created: %s", type(err).__name__)
        raise OutcomeUnknownError from lost
    if found is None:
        await async_drop_pending(hass, shared, key)
        if isinstance(lost, UndecidedError):
            # The answer was not lost: it says why there is no account.
            raise lost
        raise NotRegisteredError from lost
    return found


async def _async_identify(
    client: CloudClient, form: Form, values: Values, account: Account
) -> Account:
    """Return the account with its id, looked up if the cloud signed us in without naming it."""
    if account.id is not None or account.session is None:
        return account
    try:
        found = await client.find_registered(form, values)
    except (CloudError, NotImplementedError) as err:
        LOGGER.debug("Could not look up the id of the new account: %s", type(err).__name__)
        return account
    return account if found is None else replace(account, id=found.id)


async def _async_ensure_entry(
    hass: HomeAssistant, shared: SharedData, key: str, registration: Registration
) -> None:
    """Make sure that a new account has its entry on disk, then drop the registration."""
    entry_id: str | None = None
    try:
        await asyncio.wait({registration.task})
        if registration.failed:
            return
        if registration.make_entry:
            try:
                async with asyncio.timeout(_DIALOG_GRACE):
                    await registration.abandoned.wait()
            except TimeoutError:
                LOGGER.debug("The dialog did not continue; creating the entry without it")
            entry_id = await async_create_entry(hass, registration)
    finally:
        running = hass.data[DATA_REGISTRATIONS]
        if running.get(key) is registration:
            del running[key]
    if entry_id is not None:
        # Home Assistant may write it late or never.
        await (await async_get_records(hass)).saved.async_wait(entry_id)
    await async_drop_pending(hass, shared, key)


async def async_create_entry(hass: HomeAssistant, registration: Registration) -> str | None:
    """Create the entry of a new account unless it exists; return its entry id."""
    account = registration.task.result()
    unique_id = registration.target.unique_id(account)
    entries = hass.config_entries
    async with registration.entry_lock:
        entry = entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)
        if entry is None:
            await entries.flow.async_init(
                DOMAIN,
                context={"source": SOURCE_IMPORT},
                data={
                    "unique_id": unique_id,
                    "title": account.name,
                    "data": registration.target.entry_data(account),
                },
            )
            entry = entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)
    return entry.entry_id if entry is not None else None


async def async_drop_pending(hass: HomeAssistant, shared: SharedData, key: str) -> None:
    """Remove a pending registration from disk too; one that stays only causes a needless repair."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(key))
    shared.pending_registrations.pop(key, None)
    try:
        await shared.async_save()
    except NotStoredError:
        LOGGER.debug("A registration is still stored as pending")


async def async_review_pending(hass: HomeAssistant, shared: SharedData) -> None:
    """Drop pending registrations whose account has an entry, and raise repairs for the others.

    As long as the entry is not on disk, it may still be lost.
    """
    saved = (await async_get_records(hass)).saved.entry_ids
    entries = understood_entries(hass)
    for key, pending in _open_pending(hass, shared):
        about = [entry for entry in entries if _is_about(pending, key, entry)]
        if any(entry.entry_id in saved for entry in about):
            await async_drop_pending(hass, shared, key)
        elif not about:
            _raise_issue(hass, key, pending)
    if shared.pending_lost:
        # The repairs are then the only trace of the lost registrations.
        return
    # A repair outlives its cause if Home Assistant stops between the two writes.
    known = {_issue_id(key) for key in shared.pending_registrations}
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(ISSUE_UNFINISHED) and issue_id not in known:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


async def async_resolve_pending(
    hass: HomeAssistant, shared: SharedData, target: Target, client: CloudClient
) -> None:
    """Drop pending registrations whose account does not exist, if the cloud can be asked."""
    if Capability.CHECK_USERNAME not in client.capabilities:
        return
    for key, pending in _open_pending(hass, shared):
        if key != _key(target, pending.account_name):
            continue
        try:
            if await client.is_username_available(pending.account_name):
                await async_drop_pending(hass, shared, key)
        except CloudError as err:
            LOGGER.debug("Could not check whether an account exists: %s", err.key)


def _open_pending(hass: HomeAssistant, shared: SharedData) -> list[tuple[str, PendingRegistration]]:
    """Return the pending registrations that no running task handles."""
    running, pending = hass.data.get(DATA_REGISTRATIONS, {}), shared.pending_registrations
    return [(key, one) for key, one in pending.items() if key not in running]


def _is_about(pending: PendingRegistration, key: str, entry: AccountConfigEntry) -> bool:
    """Return whether an entry is of the account whose registration is pending.

    An account linked with a token that tells no name is named by its id. Such an entry counts as
    a match if it was created later, in the same realm. Home Assistant takes that time from the wall
    clock, and so do we. If it was set back in between, the repair stays until somebody ignores it,
    which is better than to forget an account.
    """
    target = entry_target(entry)
    if any(_key(target, name) == key for name in account_names(entry)):
        return True
    nameless = entry.data[CONF_ACCOUNT_NAME] == entry.data[CONF_ACCOUNT_ID]
    later = entry.created_at.timestamp() >= pending.started_at
    return nameless and later and _key(target, pending.account_name) == key


def _issue_id(key: str) -> str:
    return f"{ISSUE_UNFINISHED}_{fingerprint(key)}"


@callback
def _raise_issue(hass: HomeAssistant, key: str, pending: PendingRegistration) -> None:
    """Raise the repair that offers to link the account, or to update to the version that can.

    It links to the dialog instead of using a fix flow, because it has to work after a crash that
    left no account, when Home Assistant does not load this integration. That is why it is
    persistent, and so shows in diagnostics: it holds just enough to recognize the account.
    """
    url = pending.server
    can_link = pending.provider in registry.PROVIDER_KEYS
    is_known = can_link and server_key(registry.provider(pending.provider), url) != url
    placeholders = {
        "name": abbreviated(pending.account_name),
        "server": url if is_known else f"{url.partition('://')[0]}://…",
    }
    if not can_link:
        placeholders["provider"] = pending.provider
    dialog = f"homeassistant://config/integrations/dashboard/add?domain={DOMAIN}"
    async_raise_issue(
        hass,
        _issue_id(key),
        ISSUE_UNFINISHED if can_link else _ISSUE_UNKNOWN_PROVIDER,
        placeholders,
        is_fixable=False,
        is_persistent=True,
        learn_more_url=dialog if can_link else None,
    )


async def _async_store_issues(hass: HomeAssistant) -> None:
    """Write Home Assistant's repairs to disk now instead of in ten seconds.

    A crash within those seconds would lose the only trace of the account that is visible without
    this integration being loaded. There is no public API for this; if the private one fails or
    is gone in a later version, the registration continues without this extra safety.
    """
    issues = ir.async_get(hass)
    try:
        await issues._store.async_save(issues._data_to_save())  # noqa: SLF001
    except Exception:  # noqa: BLE001 - a private API may fail in any way
        LOGGER.warning("Repairs could not be stored at once but will be later", exc_info=True)
