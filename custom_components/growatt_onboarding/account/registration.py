"""Create an account, which cannot be undone, without ever losing or repeating the request.

The request runs in a task of the integration, because Home Assistant cancels a dialog's own tasks
when the browser disconnects. A record without secrets is on disk before the request is sent.
Whoever requested the account creates its entry; if nobody is left, the integration does.

After a lost answer the request may still be on its way. So an account that is not there yet proves
nothing, and nothing is sent again, until longer has passed than any server works on a request.
Until then the integration looks again by itself.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from copy import replace
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import SOURCE_IMPORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from ..clock import now, wall
from ..cloud import registry
from ..cloud.errors import CloudError, InvalidInputError, UndecidedError
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
ISSUE_NOT_CREATED: Final = "registration_not_created"
# A later version began it, which may be installed again.
_ISSUE_UNKNOWN_PROVIDER: Final = "registration_unknown_provider"
# Seconds to wait for the dialog after a registration before creating the entry without it.
_DIALOG_GRACE: Final = 30


class NotRegisteredError(CloudError):
    """The answer was lost, and long after that there still is no account."""

    default_key = "not_registered"


class OutcomeUnknownError(CloudError):
    """The answer was lost, and it is not known (yet) whether the account exists."""

    default_key = "outcome_unknown"
    outcome_unknown = True


class Registration:
    """A registration that is running or finished, or whose outcome is being found out.

    Attributes:
        task: returns the account or raises the error to show. Shield it when awaiting it.
        make_entry: whether the integration creates the entry if nobody else does.
        waiting: how many dialogs and actions wait for it.
        abandoned: set once none of them waits any longer, for whatever reason.
        woken: set when somebody wants to know the outcome now.
        entry_lock: held while the entry is looked up and created.

    """

    def __init__(
        self, hass: HomeAssistant, shared: SharedData, target: Target, form: Form, values: Values
    ) -> None:
        """Start the registration."""
        self.target = target
        self.name = form.name(values)
        self.key = _key(target, self.name)
        self.pending = PendingRegistration(target.provider.key, target.url, self.name, wall())
        self.make_entry = False
        self.waiting = 0
        self.abandoned = asyncio.Event()
        self.woken = asyncio.Event()
        self.entry_lock = asyncio.Lock()
        self._hass = hass
        self._shared = shared
        self._client = target.client(shared)
        self._form = form
        self._values = values
        # What became of the request, if that does not tell the outcome.
        self._lost: CloudError | None = None
        self._lost_at = 0.0
        self._can_look = True
        self.task = self._started(self._async_create())

    def _started(self, work: Coroutine[None, None, Account]) -> asyncio.Task[Account]:
        return self._hass.async_create_background_task(work, f"{DOMAIN} registration")

    @property
    def failed(self) -> bool:
        """Whether it ended without an account, for now or for good."""
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None)

    @property
    def undecided(self) -> bool:
        """Whether the outcome is not known yet but can be found out."""
        if not self._can_look or not self.failed or self.task.cancelled():
            return False
        return isinstance(self.task.exception(), OutcomeUnknownError)

    @callback
    def look_again(self) -> None:
        """Look for the account now, if the outcome is not known yet. Nothing is sent again."""
        if self.undecided:
            self.task = self._started(self._async_look())

    async def async_wait(self) -> None:
        """Wait for the end of the request, and of every look that somebody begins meanwhile."""
        while not self.task.done():
            await asyncio.wait({self.task})

    @callback
    def release(self) -> None:
        """Record that a dialog or an action no longer waits."""
        self.waiting -= 1
        if self.waiting == 0:
            self.abandoned.set()

    async def _async_create(self) -> Account:
        """Store that it is pending, send the request once, and look what came of a lost answer."""
        shared, key = self._shared, self.key
        shared.pending_registrations[key] = self.pending
        try:
            await shared.async_save()
        except NotStoredError as err:
            del shared.pending_registrations[key]
            raise CloudError("not_stored") from err
        ir.async_delete_issue(self._hass, DOMAIN, _issue_id(key, ISSUE_NOT_CREATED))
        _raise_issue(self._hass, key, self.pending)
        await _async_store_issues(self._hass)
        try:
            account = await self._client.register(self._form, self._values)
        except CloudError as err:
            if not err.outcome_unknown:
                await self._async_drop_pending()
                raise
            self._lost, self._lost_at = err, now()
            return await self._async_look()
        return await self._async_identify(account)

    async def _async_look(self) -> Account:
        """Return the account that was created although the answer was lost.

        Raises OutcomeUnknownError as long as that may still happen, then NotRegisteredError.
        """
        lost = self._lost
        # An error that the cloud reported itself: it no longer works on the request.
        answered = isinstance(lost, UndecidedError)
        try:
            found = await self._client.find_registered(self._form, self._values)
        except NotImplementedError:
            self._can_look = False
            raise (lost if answered and lost else OutcomeUnknownError()) from lost
        except CloudError as err:
            LOGGER.debug("Could not look for the new account: %s", err.key)
            # A refusal of what was entered stays one; some clouds count them.
            self._can_look = not isinstance(err, InvalidInputError)
            raise OutcomeUnknownError from lost
        if found is not None:
            return found
        if not answered and now() - self._lost_at < self._shared.timing.settle_after:
            raise OutcomeUnknownError from lost
        await self._async_drop_pending()
        raise (lost if answered and lost else NotRegisteredError()) from lost

    async def _async_identify(self, account: Account) -> Account:
        """Return the account with its id, looked up if the cloud signed us in without naming it."""
        if account.id is not None or account.session is None:
            return account
        try:
            found = await self._client.find_registered(self._form, self._values)
        except (CloudError, NotImplementedError) as err:
            LOGGER.debug("Could not look up the id of the new account: %s", type(err).__name__)
            return account
        return account if found is None else replace(account, id=found.id)

    async def _async_drop_pending(self) -> None:
        await async_drop_pending(self._hass, self._shared, self.key)


DATA_REGISTRATIONS: HassKey[dict[str, Registration]] = HassKey(f"{DOMAIN}_registrations")


def _key(target: Target, name: str) -> str:
    """Return the key that two registrations of the same account share."""
    return f"{target.realm}|{name.casefold()}"


async def async_check_name(
    hass: HomeAssistant, target: Target, client: CloudClient, form: Form, values: Values
) -> None:
    """Raise TakenError if somebody else has the name, where the cloud tells without side effects.

    Raises InvalidInputError, at its field, if it cannot be a name at all.
    """
    form.check_identity(values)
    name = form.name(values)
    # Of an account that is being registered, we may be the somebody.
    under_way = _key(target, name) in hass.data.get(DATA_REGISTRATIONS, {})
    if under_way or Capability.CHECK_USERNAME not in client.capabilities:
        return
    if await client.is_username_available(name) is False:
        raise form.taken()


async def async_register(
    hass: HomeAssistant, target: Target, form: Form, values: Values, *, make_entry: bool = True
) -> Registration:
    """Start a registration, or join the one that is under way for this name.

    With `make_entry` the integration creates the account's entry if the caller does not. The
    caller has to call `release` when it no longer waits.
    """
    shared = await async_get_shared_data(hass)
    running = hass.data.setdefault(DATA_REGISTRATIONS, {})
    registration = running.get(_key(target, form.name(values)))
    if registration is not None and registration.undecided:
        registration.look_again()
        registration.woken.set()
    elif registration is None or registration.failed:
        registration = Registration(hass, shared, target, form, values)
        running[registration.key] = registration
        hass.async_create_background_task(
            _async_conclude(hass, shared, registration), f"{DOMAIN} registration entry"
        )
    registration.waiting += 1
    registration.make_entry = registration.make_entry or make_entry
    registration.abandoned.clear()
    return registration


async def _async_settle(shared: SharedData, registration: Registration) -> None:
    """Wait for the end of a registration; after a lost answer, look again and again."""
    await registration.async_wait()
    pause, end = shared.timing.settle_first, now() + shared.timing.settle_longest
    while registration.undecided and now() < end:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await registration.woken.wait()
        registration.woken.clear()
        pause *= 2
        # Without it, somebody has linked the account.
        if is_pending := registration.key in shared.pending_registrations:
            registration.look_again()
        await registration.async_wait()
        if not is_pending:
            return


async def _async_conclude(
    hass: HomeAssistant, shared: SharedData, registration: Registration
) -> None:
    """Make sure that a new account has its entry on disk, then drop the registration.

    If it turns out late that there is no account, a repair says so.
    """
    key = registration.key
    entry_id: str | None = None
    try:
        await _async_settle(shared, registration)
        if registration.failed:
            if registration.waiting == 0 and _is_not_created(registration):
                _raise_not_created(hass, key, registration.pending)
            return
        if registration.make_entry:
            try:
                async with asyncio.timeout(_DIALOG_GRACE):
                    await registration.abandoned.wait()
            except TimeoutError:
                LOGGER.debug("The dialog did not continue; creating the entry without it")
            # Somebody may have linked the account while it was looked for.
            entry = _entry_about(hass, key, registration.pending)
            entry_id = entry.entry_id if entry else await async_create_entry(hass, registration)
    finally:
        running = hass.data[DATA_REGISTRATIONS]
        if running.get(key) is registration:
            del running[key]
    if entry_id is not None:
        # Home Assistant may write it late or never.
        await (await async_get_records(hass)).saved.async_wait(entry_id)
    await async_drop_pending(hass, shared, key)


def _is_not_created(registration: Registration) -> bool:
    task = registration.task
    return not task.cancelled() and isinstance(task.exception(), NotRegisteredError)


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
) -> list[str]:
    """Drop pending registrations whose account does not exist, if the cloud can be asked.

    Returns their keys. Those that may still be on their way are left alone.
    """
    dropped: list[str] = []
    if Capability.CHECK_USERNAME not in client.capabilities:
        return dropped
    for key, pending in _open_pending(hass, shared):
        settles_at = pending.started_at + shared.timing.settle_after
        if key != _key(target, pending.account_name) or wall() < settles_at:
            continue
        try:
            if await client.is_username_available(pending.account_name):
                await async_drop_pending(hass, shared, key)
                dropped.append(key)
        except CloudError as err:
            LOGGER.debug("Could not check whether an account exists: %s", err.key)
    return dropped


@callback
def async_resume_pending(hass: HomeAssistant, shared: SharedData) -> None:
    """Find out after a start what became of pending registrations, where the cloud can be asked."""
    for key, pending in _open_pending(hass, shared):
        if (target := _known_target(hass, key, pending)) is not None:
            hass.async_create_background_task(
                _async_resume(hass, shared, key, pending, target), f"{DOMAIN} pending registration"
            )


async def _async_resume(
    hass: HomeAssistant, shared: SharedData, key: str, pending: PendingRegistration, target: Target
) -> None:
    """Look for an account once it can no longer be on its way."""
    longest = shared.timing.settle_after
    await asyncio.sleep(min(max(0, pending.started_at + longest - wall()), longest))
    if _entry_about(hass, key, pending) is not None:
        return
    if key in await async_resolve_pending(hass, shared, target, target.client(shared)):
        _raise_not_created(hass, key, pending)


def _known_target(hass: HomeAssistant, key: str, pending: PendingRegistration) -> Target | None:
    """Return a target to look for an account with, None if its credentials are not known."""
    if pending.provider not in registry.PROVIDER_KEYS:
        return None
    targets = [entry_target(entry) for entry in understood_entries(hass)]
    provider = registry.provider(pending.provider)
    if not any(field.required for field in provider.credential_fields):
        targets.append(Target(provider, pending.server, provider.credentials({})))
    return next((one for one in targets if _key(one, pending.account_name) == key), None)


def _open_pending(hass: HomeAssistant, shared: SharedData) -> list[tuple[str, PendingRegistration]]:
    """Return the pending registrations whose request no running task has sent or waits for."""
    running = hass.data.get(DATA_REGISTRATIONS, {})
    return [
        (key, pending)
        for key, pending in shared.pending_registrations.items()
        if key not in running or running[key].undecided
    ]


def _entry_about(
    hass: HomeAssistant, key: str, pending: PendingRegistration
) -> AccountConfigEntry | None:
    """Return an entry of the account whose registration is pending."""
    entries = understood_entries(hass)
    return next((entry for entry in entries if _is_about(pending, key, entry)), None)


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


def _issue_id(key: str, kind: str = ISSUE_UNFINISHED) -> str:
    return f"{kind}_{fingerprint(key)}"


def _dialog_link() -> str:
    return f"homeassistant://config/integrations/dashboard/add?domain={DOMAIN}"


def _placeholders(pending: PendingRegistration) -> dict[str, str]:
    """Return just enough to recognize the account: Home Assistant puts it into diagnostics."""
    url = pending.server
    can_link = pending.provider in registry.PROVIDER_KEYS
    is_known = can_link and server_key(registry.provider(pending.provider), url) != url
    return {
        "name": abbreviated(pending.account_name),
        "server": url if is_known else f"{url.partition('://')[0]}://…",
    }


@callback
def _raise_issue(hass: HomeAssistant, key: str, pending: PendingRegistration) -> None:
    """Raise the repair that offers to link the account, or to update to the version that can.

    It links to the dialog instead of using a fix flow, because it has to work after a crash that
    left no account, when Home Assistant does not load this integration. That is why it is
    persistent, and so shows in diagnostics.
    """
    can_link = pending.provider in registry.PROVIDER_KEYS
    placeholders = _placeholders(pending)
    if not can_link:
        placeholders["provider"] = pending.provider
    async_raise_issue(
        hass,
        _issue_id(key),
        ISSUE_UNFINISHED if can_link else _ISSUE_UNKNOWN_PROVIDER,
        placeholders,
        is_fixable=False,
        is_persistent=True,
        learn_more_url=_dialog_link() if can_link else None,
    )


@callback
def _raise_not_created(hass: HomeAssistant, key: str, pending: PendingRegistration) -> None:
    """Raise the repair that says that there is no account, to somebody who was told to wait."""
    async_raise_issue(
        hass,
        _issue_id(key, ISSUE_NOT_CREATED),
        ISSUE_NOT_CREATED,
        _placeholders(pending),
        is_fixable=False,
        learn_more_url=_dialog_link(),
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
