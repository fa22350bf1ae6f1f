"""What accounts of one server and one set of credentials share: ledger, cache and watch list.

Every call to a cloud passes `Gateway.permit`, be it from a dialog, an action or a coordinator.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .. import clock
from ..binding.planner import PartialList
from ..binding.timing import Timing
from ..clock import Reading, minutes_until, now, stored_time
from ..cloud import registry
from ..cloud.errors import (
    BlockedError,
    CloudError,
    NoAnswerError,
    NotNowError,
    RateLimitedError,
    UnexpectedAnswerError,
    UnreachableError,
    WrongServerError,
)
from ..cloud.model import Credentials, SightingPage
from ..cloud.provider import Call, ClientContext, CloudClient, Pace, Provider
from ..const import (
    CONF_PROVIDER,
    DATA_TIMING,
    DOMAIN,
    LOGGER,
)
from .backoff import Backoff
from .cache import Cache, stored_caches
from .ledger import UNLIMITED, Ledger
from .store import DurableStore, NotStoredError, StoredData

OUTAGE: Final = (
    BlockedError,
    NoAnswerError,
    UnexpectedAnswerError,
    UnreachableError,
    WrongServerError,
)
"""The errors that mean the cloud itself cannot be reached."""

NOT_STORED: Final = "not_stored"
"""Key of the NotNowError that means: Home Assistant cannot record the call on disk."""


class Watch:
    """The watch list: every device the credentials can see, read once for all their accounts.

    Attributes:
        serials: the serial numbers of the last complete reading and of the one in progress.
        read_at: when the list was last read completely.
        read_from: when that reading began.
        half_read: the reading in progress.
        page_at: when its last page arrived.
        denied_at: when the cloud last denied the credentials this list.

    """

    def __init__(self) -> None:
        self.serials: frozenset[str] = frozenset()
        self.read_at: float | None = None
        self.read_from: float | None = None
        self.half_read: PartialList | None = None
        self.page_at = 0.0
        self.denied_at: float | None = None

    def take(self, number: int, page: SightingPage, began: float) -> None:
        """Add a page that was requested at `began`."""
        earlier = (
            PartialList(began=began) if number == 1 or self.half_read is None else self.half_read
        )
        serials = earlier.serials | page.serials
        self.page_at = now()
        if page.has_next(number, earlier.serials):
            self.serials |= serials
            self.half_read = PartialList(number + 1, serials, earlier.began)
        else:
            self.serials, self.read_at, self.half_read = serials, self.page_at, None
            self.read_from = earlier.began

    def denied(self, longest: float) -> bool:
        """Return whether the cloud denied the list within the last `longest` seconds."""
        return self.denied_at is not None and now() - self.denied_at < longest

    def drop_old(self, longest: float) -> None:
        """Drop a partial reading whose last page is older than `longest` seconds."""
        if self.half_read is not None and now() - self.page_at > longest:
            self.half_read = None


class LastAnswer(NamedTuple):
    """When and how the last call of an endpoint ended."""

    at: float
    key: str | None = None  # translation key of the error, if any
    code: int | None = None  # the cloud's own code for the error, if it gave one


class Gateway:
    """One server with one set of credentials.

    Attributes:
        ledger: when each call may be made.
        cache: answers that the clients keep because they are expensive to request again.
        backoff: which steps pause because they failed by themselves.
        reachable: whether the last call that was a need reached the cloud.
        last_answers: how the last call of each endpoint ended, by its path.
        background_lock: held by the account that takes a background step, one at a time.
        accounts_lock: held by who asks which accounts the credentials open. Of two at once, the
            second would be held back by a limit, without an answer to fall back on.

    """

    def __init__(self, shared: SharedData, url: str, ledger: Ledger, cache: Cache) -> None:
        self.ledger = ledger
        self.cache = cache
        self.watch = Watch()
        self.backoff = Backoff(shared.timing)
        self.reachable = True
        self.last_answers: dict[str, LastAnswer] = {}
        self.background_lock = asyncio.Lock()
        self.accounts_lock = asyncio.Lock()
        self._shared = shared
        self._url = url
        self._listeners: list[CALLBACK_TYPE] = []
        self._lock = asyncio.Lock()

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `listener` when the watch list or the reachability changes; return its removal."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def _notify_listeners(self) -> None:
        for listener in list(self._listeners):
            listener()

    @callback
    def take_watch_page(self, number: int, page: SightingPage, began: float) -> None:
        """Add a page of the watch list that was requested at `began`, for all accounts."""
        self.watch.take(number, page, began)
        self._notify_listeners()

    async def permit(self, call: Call) -> None:
        """Wait until the call may leave, and record it in the ledger.

        Raises NotNowError if a limit forbids the call for longer than a person would wait, or if
        the record could not be written to disk.
        """
        limit = self.ledger.limit(call.endpoint.pace)
        async with self._lock:
            if limit != UNLIMITED and self._shared.hass.is_stopping:
                # A record made now may no longer reach the disk.
                raise NotNowError(NOT_STORED)
            longest = now() + self._shared.timing.patience
            # Check again after each wait: another call may have been answered "too often".
            while (wait := self.ready_at(call, time := now()) - time) > 0:
                ready = now() + wait
                if ready > longest:
                    raise NotNowError(
                        retry_after=wait, placeholders={"minutes": str(minutes_until(ready))}
                    )
                await asyncio.sleep(wait)
            if self.ledger.record(call.endpoint.path, call.subject, limit, now()):
                try:
                    await self._shared.async_save()
                except NotStoredError as err:
                    self.ledger.withdraw(call.endpoint.path, call.subject)
                    raise NotNowError(NOT_STORED) from err
                except asyncio.CancelledError:
                    # The record may not be on disk, and the call is not made.
                    self.ledger.withdraw(call.endpoint.path, call.subject)
                    raise

    def answered(self, call: Call, error: CloudError | None) -> None:
        """Record how a call ended; set `retry_after` of a rate-limit error that lacks it."""
        time = now()
        self._shared.follow_wall_clock()
        path = call.endpoint.path
        self.ledger.finished(path, call.subject, time)
        self.last_answers[path] = (
            LastAnswer(time) if error is None else LastAnswer(time, error.key, error.code)
        )
        if call.endpoint.optional:
            self._learn(call, error)
        elif isinstance(error, OUTAGE):
            # A call that failed because its dialog was closed says nothing about the cloud.
            if (task := asyncio.current_task()) is None or not task.cancelling():
                self.ledger.unreachable(time, error.retry_after)
                self._set_reachable(error)
        else:
            self.ledger.reached()
            self._learn(call, error)
            self._set_reachable(None)

    def _learn(self, call: Call, error: CloudError | None) -> None:
        """Learn from an answer what the cloud's limits are."""
        path, subject, pace = call.endpoint.path, call.subject, call.endpoint.pace
        if error is None:
            self.ledger.let_through(path, subject, self.ledger.limit(pace), now())
        elif isinstance(error, RateLimitedError):
            # An undocumented limit is taken for the usual one.
            limit = self.ledger.limit(Pace.SLOW if pace is Pace.FREE else pace)
            if error.retry_after is None:
                error.retry_after = limit.cooldown
            self.ledger.refused(path, subject, limit, now(), error.retry_after)
            self._shared.save_soon()

    def _set_reachable(self, outage: CloudError | None) -> None:
        """Record whether the cloud can be reached; log a change and notify the listeners."""
        if self.reachable is (outage is None):
            return
        self.reachable = outage is None
        if outage is None:
            LOGGER.info("%s can be reached again", self._url)
        else:
            LOGGER.info("%s cannot be reached: %s", self._url, outage.key)
        self._notify_listeners()

    def soonest(self, time: float) -> float:
        """Return the earliest time, `time` or later, for any background call."""
        return max(self.ledger.soonest(time), self.ledger.paused_until)

    def ready_at(self, call: Call, time: float) -> float:
        """Return the earliest time, `time` or later, at which the limits allow a call."""
        limit = self.ledger.limit(call.endpoint.pace)
        return self.ledger.ready_at(call.endpoint.path, call.subject, limit, time)


class PendingRegistration(NamedTuple):
    """A registration whose outcome is not known yet. Holds no secret."""

    provider: str  # key of the provider
    server: str  # URL of the server
    account_name: str
    started_at: float  # by the wall clock

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the registration from stored data, whatever a later version added to it.

        Raises KeyError or TypeError if it is invalid.
        """
        pending = cls(*(data[name] for name in cls._fields))
        if not all(isinstance(text, str) for text in pending[:-1]):
            raise TypeError
        return pending._replace(started_at=stored_time(pending.started_at))


class SharedData:
    """What all accounts and dialogs share.

    One store holds the ledgers with what clients keep, the pending registrations, and what the
    clocks showed when it was written.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.timing = hass.data.get(DATA_TIMING) or Timing()
        self.pending_registrations: dict[str, PendingRegistration] = {}
        # As they were read, with what only a later version understands.
        self._stored_registrations: dict[str, StoredData] = {}
        self._store = DurableStore(hass, DOMAIN)
        self._ledgers: dict[str, Ledger] = {}
        self._caches: dict[str, Cache] = {}
        self._gateways: dict[str, Gateway] = {}
        # When the records of calls were found to be lost.
        self._lost_at: float | None = None
        self._will_save = False
        # How far the wall clock was set off when the store was last written.
        self._stored_difference = 0.0

    async def async_load(self) -> None:
        """Read the store, and continue our time from it."""
        data = await self._store.async_read()
        boot_id = await self.hass.async_add_executor_job(clock.boot_id)
        before: Reading | None = None
        if data is not None:
            try:
                before = self._restore(data)
            except AttributeError, KeyError, TypeError, ValueError:
                await self._store.async_quarantine()
        unproven = clock.resume(before, boot_id)
        time = now()
        if self._store.damaged:
            self._lost_at = time
        elif self._lost_at is not None:
            self._lost_at += unproven
        for ledger in self._ledgers.values():
            ledger.reopen(time, unproven)
            ledger.lost_at = self._lost_at
        if self._store.damaged or (before is not None and before.boot_id != boot_id):
            # Otherwise the next start would begin with this anew.
            self.save_soon()

    def _restore(self, data: StoredData) -> Reading:
        """Take over stored data; return what the clocks showed then.

        Raises AttributeError, KeyError, TypeError or ValueError if it is invalid, in which case
        nothing is taken over.
        """
        before = Reading.from_dict(data["clock"])
        lost_at = None if data["lost_at"] is None else stored_time(data["lost_at"])
        ledgers = {
            key: Ledger.from_dict(ledger, self.timing) for key, ledger in data["ledgers"].items()
        }
        self.pending_registrations = {
            key: PendingRegistration.from_dict(pending)
            for key, pending in data["registrations"].items()
        }
        self._stored_registrations = data["registrations"]
        self._ledgers, self._lost_at = ledgers, lost_at
        self._caches = {
            key: Cache(self.save_soon, cache)
            for key, cache in stored_caches(data.get("caches")).items()
        }
        return before

    async def async_save(self) -> None:
        """Write the store; raises NotStoredError."""
        await self._store.async_write(self._data())

    @property
    def pending_lost(self) -> bool:
        """Whether pending registrations may have been lost because the store could not be read."""
        return self._store.damaged

    @callback
    def save_soon(self) -> None:
        """Write the store in the background: if a crash loses this, it is only learned again."""

        async def save() -> None:
            self._will_save = False
            try:
                await self.async_save()
            except NotStoredError:
                LOGGER.debug("What was learned from the cloud could not be stored yet")

        if not self._will_save:
            self._will_save = True
            self.hass.async_create_task(save(), f"{DOMAIN} save", eager_start=False)

    @callback
    def follow_wall_clock(self) -> None:
        """Write the store soon if the wall clock was set, as a reboot has to compare with it."""
        if clock.difference() != self._stored_difference:
            self.save_soon()

    async def async_close(self, _event: Event | None = None) -> None:
        """Write the store one last time, as Home Assistant stops."""
        for ledger in self._ledgers.values():
            ledger.close()
        await self._store.async_write_last(self._data())

    def _data(self) -> StoredData:
        time = now()
        self._stored_difference = clock.difference()
        for ledger in self._ledgers.values():
            ledger.prune(time)
        return {
            "ledgers": {
                key: ledger.as_dict() for key, ledger in self._ledgers.items() if not ledger.empty
            },
            # Only while there are calls that are held back, as they are for nothing else.
            "caches": {
                key: dict(cache)
                for key, cache in self._caches.items()
                if cache and key in self._ledgers and self._ledgers[key].holds_back
            },
            "registrations": {
                key: {**self._stored_registrations.get(key, {}), **pending._asdict()}
                for key, pending in self.pending_registrations.items()
            },
            "lost_at": self._lost_at,
            "clock": clock.reading()._asdict(),
        }

    def gateway(self, provider: Provider, url: str, credentials: Credentials) -> Gateway:
        """Return the gateway for this server and these credentials."""
        parts = [provider.key, url, *(f"{key}={credentials[key]}" for key in sorted(credentials))]
        key = sha256("\n".join(parts).encode()).hexdigest()
        if key not in self._gateways:
            ledger = self._ledgers.setdefault(key, Ledger(self.timing))
            ledger.lost_at = self._lost_at
            cache = self._caches.setdefault(key, Cache(self.save_soon, {}))
            self._gateways[key] = Gateway(self, url, ledger, cache)
        return self._gateways[key]

    def client(
        self,
        provider: Provider,
        url: str,
        credentials: Credentials,
        **more: Any,
    ) -> CloudClient:
        """Return a client that uses the shared gateway, with `more` in its context."""
        gateway = self.gateway(provider, url, credentials)
        return provider.client(
            ClientContext(
                http=async_get_clientsession(self.hass),
                url=url,
                credentials=credentials,
                gate=gateway,
                cache=gateway.cache,
                **more,
            )
        )


async def async_load_provider(hass: HomeAssistant, key: str) -> Provider:
    """Return a provider, whose cloud is imported outside the event loop. Raises KeyError."""
    if not registry.is_loaded(key):
        await hass.async_add_import_executor_job(registry.provider, key)
    return registry.provider(key)


DATA_SHARED: HassKey[SharedData] = HassKey(DOMAIN)


@singleton(DATA_SHARED, async_=True)
async def async_get_shared_data(hass: HomeAssistant) -> SharedData:
    """Return the only `SharedData`; the first call loads it, and the clouds of all accounts."""
    shared = SharedData(hass)
    await shared.async_load()
    used = {
        entry.data.get(CONF_PROVIDER, "") for entry in hass.config_entries.async_entries(DOMAIN)
    }
    used.update(pending.provider for pending in shared.pending_registrations.values())
    for key in used.intersection(registry.PROVIDER_KEYS):
        await async_load_provider(hass, key)
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, shared.async_close)
    return shared
