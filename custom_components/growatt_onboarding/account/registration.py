"""Creating an account, which cannot be undone, without ever losing or repeating it.

The request runs in a task of the integration: Home Assistant cancels a dialog's own tasks when the
browser goes away. A note without secrets is on disk before the request leaves. Whoever asked for
the account makes its entry; when nobody is left to do so, the integration does.
"""

import asyncio
from copy import replace
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import SOURCE_IMPORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from ..clock import now
from ..cloud import registry
from ..cloud.errors import CloudError, UndecidedError
from ..cloud.model import Account, Values
from ..cloud.provider import Capability, CloudClient, Form
from ..cloud.servers import server_key
from ..const import CONF_ACCOUNT_ID, CONF_ACCOUNT_NAME, DOMAIN, LOGGER
from ..gateway import PendingRegistration, SharedData, async_get_shared_data
from ..gateway.store import NotStoredError
from . import Target, entry_target, fingerprint

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry

ISSUE_UNFINISHED: Final = "registration_unfinished"
# How long a finished registration waits for its dialog before it makes the entry itself.
_DIALOG_GRACE: Final = 30
# Config entries reach the disk a second after they were added; the note stays until they have.
_ENTRY_STORED_AFTER: Final = 5
# So many characters of a name tell whose it is.
_HINT: Final = 3


class NotRegisteredError(CloudError):
    """The answer was lost, and a look showed that no account came of it."""

    default_key = "not_registered"


class OutcomeUnknownError(CloudError):
    """The answer was lost, and nothing can tell whether the account exists."""

    default_key = "outcome_unknown"
    outcome_unknown = True


class Registration:
    """A registration under way or done, and who waits for it.

    Attributes:
        target: where the account is created.
        name: the account's name there.
        task: ends with the account, or with the error to show. Whoever waits for it shields it.
        make_entry: whether the integration makes the entry when nobody else does.
        waiting: how many dialogs and actions wait for it.
        abandoned: set once they have all ended, whatever way.
        entry_lock: held while the entry is looked for and made.

    """

    def __init__(
        self, target: Target, name: str, task: asyncio.Task[Account], *, make_entry: bool
    ) -> None:
        """Begin with nobody waiting."""
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
        """Note that a dialog or an action does not wait any more."""
        self.waiting -= 1
        if self.waiting == 0:
            self.abandoned.set()


DATA_REGISTRATIONS: HassKey[dict[str, Registration]] = HassKey(f"{DOMAIN}_registrations")


def _key(target: Target, name: str) -> str:
    """Return what makes two registrations the same."""
    return f"{target.realm}|{name.casefold()}"


async def async_register(
    hass: HomeAssistant, target: Target, form: Form, values: Values, *, make_entry: bool = True
) -> Registration:
    """Start a registration, or join the one that is already under way for this name.

    With `make_entry` the integration makes the account's entry when the caller does not. The
    caller says with `release` that it does not wait any more.
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
    """Store that it begins, send the request once, and settle an unknown outcome by a look."""
    client = target.client(shared)
    pending = shared.pending_registrations[key] = PendingRegistration(
        target.provider.key, target.url, form.name(values), now()
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
        LOGGER.debug("The lost answer could not be settled: %s", type(err).__name__)
        raise OutcomeUnknownError from lost
    if found is None:
        await async_drop_pending(hass, shared, key)
        if isinstance(lost, UndecidedError):
            # No answer was lost: the cloud said why there is no account.
            raise lost
        raise NotRegisteredError from lost
    return found


async def _async_identify(
    client: CloudClient, form: Form, values: Values, account: Account
) -> Account:
    """Return the account with its id, where the cloud signed us in without naming it."""
    if account.id is not None or account.session is None:
        return account
    try:
        found = await client.find_registered(form, values)
    except (CloudError, NotImplementedError) as err:
        LOGGER.debug("The new account's id could not be found out: %s", type(err).__name__)
        return account
    return account if found is None else replace(account, id=found.id)


async def _async_ensure_entry(
    hass: HomeAssistant, shared: SharedData, key: str, registration: Registration
) -> None:
    """See to it that a new account has its entry, then forget the registration."""
    try:
        await asyncio.wait({registration.task})
        if registration.failed:
            return
        if registration.make_entry:
            try:
                async with asyncio.timeout(_DIALOG_GRACE):
                    await registration.abandoned.wait()
            except TimeoutError:
                LOGGER.debug("The dialog does not go on: the entry is made without it")
            await async_create_entry(hass, registration)
            await asyncio.sleep(_ENTRY_STORED_AFTER)
        await async_drop_pending(hass, shared, key)
    finally:
        running = hass.data[DATA_REGISTRATIONS]
        if running.get(key) is registration:
            del running[key]


async def async_create_entry(hass: HomeAssistant, registration: Registration) -> str | None:
    """Make the entry of a new account unless it has one; return its id."""
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
    """Take a pending registration off the disk; one that stays only leads to a repair too many."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(key))
    shared.pending_registrations.pop(key, None)
    try:
        await shared.async_save()
    except NotStoredError:
        LOGGER.debug("A registration stays on disk as pending")


async def async_review_pending(hass: HomeAssistant, shared: SharedData) -> None:
    """Turn what a crash left pending into repairs, and drop that whose account is here."""
    entries: list[AccountConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    for key, pending in _open_pending(hass, shared):
        if any(_is_about(pending, key, entry) for entry in entries):
            await async_drop_pending(hass, shared, key)
        elif pending.provider in registry.PROVIDER_KEYS:
            # Else a later version left it, which may come back.
            _raise_issue(hass, key, pending)
    if shared.pending_lost:
        # Then these repairs are all there is to tell of them.
        return
    # A repair outlives its cause when Home Assistant ends between the two writes.
    known = {_issue_id(key) for key in shared.pending_registrations}
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(ISSUE_UNFINISHED) and issue_id not in known:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


async def async_resolve_pending(
    hass: HomeAssistant, shared: SharedData, target: Target, client: CloudClient
) -> None:
    """Drop what is pending about accounts that do not exist here, where that can be asked."""
    if Capability.CHECK_USERNAME not in client.capabilities:
        return
    for key, pending in _open_pending(hass, shared):
        if key != _key(target, pending.account_name):
            continue
        try:
            if await client.is_username_available(pending.account_name):
                await async_drop_pending(hass, shared, key)
        except CloudError as err:
            LOGGER.debug("It could not be asked about an account: %s", err.key)


def _open_pending(hass: HomeAssistant, shared: SharedData) -> list[tuple[str, PendingRegistration]]:
    """Return the pending registrations that no task of this run sees to."""
    running, pending = hass.data.get(DATA_REGISTRATIONS, {}), shared.pending_registrations
    return [(key, one) for key, one in pending.items() if key not in running]


def _is_about(pending: PendingRegistration, key: str, entry: AccountConfigEntry) -> bool:
    """Tell whether an entry is that of the account whose registration is pending.

    An account that was linked by a token which tells no name is called by its id. Made later, in
    the same realm, such an entry is taken for it.
    """
    target, name = entry_target(entry), entry.data[CONF_ACCOUNT_NAME]
    if _key(target, name) == key:
        return True
    nameless = name == entry.data[CONF_ACCOUNT_ID]
    later = entry.created_at.timestamp() >= pending.started_at
    return nameless and later and _key(target, pending.account_name) == key


def _issue_id(key: str) -> str:
    return f"{ISSUE_UNFINISHED}_{fingerprint(key)}"


@callback
def _raise_issue(hass: HomeAssistant, key: str, pending: PendingRegistration) -> None:
    """Raise the repair that offers to link the account.

    It leads into the dialog by a link and not by a fix flow, because it has to work after a crash
    that left no account, when Home Assistant does not load this integration. For that it is kept
    by Home Assistant, which puts it into diagnostics: it holds just enough to know the account by.
    """
    url = pending.server
    is_known = server_key(registry.provider(pending.provider), url) != url
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(key),
        is_fixable=False,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=ISSUE_UNFINISHED,
        translation_placeholders={
            "name": _abbreviated(pending.account_name),
            "server": url if is_known else f"{url.partition('://')[0]}://…",
        },
        learn_more_url=f"homeassistant://config/integrations/dashboard/add?domain={DOMAIN}",
    )


def _abbreviated(text: str) -> str:
    """Return the beginning of a name: who knows it recognises it, others learn little."""
    return f"{text[: min(_HINT, len(text) // 2)]}…"


async def _async_store_issues(hass: HomeAssistant) -> None:
    """Write Home Assistant's repairs to disk now instead of in ten seconds.

    A crash within those seconds would lose the only trace of an account that nobody could see
    without this integration being loaded. There is no public way, so this is extra safety: where
    the private one fails, or is gone in a later version, the registration goes on all the same.
    """
    registry = ir.async_get(hass)
    try:
        await registry._store.async_save(registry._data_to_save())  # noqa: SLF001
    except Exception:  # noqa: BLE001 - whatever a later version made of it
        LOGGER.warning("Home Assistant's repairs are stored later than usual", exc_info=True)
