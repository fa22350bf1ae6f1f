"""One coordinator per account: has due steps taken and publishes the bindings.

What comes next is decided by `binding.planner`.
"""

import asyncio
from collections.abc import (
    Callable,
    Container,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Set as AbstractSet,
)
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util.signal_type import SignalType

from .account import EntryData, sharers
from .account.activation import ActivationCheck
from .account.bindings import Bindings
from .account.dataloggers import Labels
from .account.plants import PlantNames
from .account.records import Records
from .account.runner import StepRunner
from .binding import transitions
from .binding.model import Binding, BindingState, persistent_fields
from .binding.planner import Planned
from .clock import difference, now
from .cloud.errors import AccessDeniedError
from .cloud.model import DeviceKind
from .cloud.provider import CloudClient, Provider
from .const import CONF_ACCOUNT_ID, CONF_DENIED, DOMAIN, LOGGER
from .gateway import Gateway, SharedData
from .unexpected import log_unexpected

if TYPE_CHECKING:
    from .devices import AccountDevices
    from .reports import Reports

# Seconds that a reload waits for the answer to a request in progress.
_LAST_ANSWER_TIMEOUT: Final = 25
# How many inverters' entities are notified in one go; that takes a few milliseconds.
_NOTIFY_BATCH: Final = 5


# Its data holds credentials, which no representation may show.
@dataclass(eq=False, repr=False)
class AccountData:
    """The runtime data of an account's entry.

    Attributes:
        activation: the regular check of the account itself.
        devices: the account's devices in Home Assistant.
        labels: has the cloud check what dataloggers' labels say.
        plants: what the account's plants are called.
        reports: tell what becomes of the account's devices.
        entry_data: the data that all this was made from; other data requires a reload.

    """

    provider: Provider
    client: CloudClient
    gateway: Gateway
    coordinator: AccountCoordinator
    activation: ActivationCheck
    devices: AccountDevices
    labels: Labels
    plants: PlantNames
    reports: Reports
    entry_data: EntryData


type AccountConfigEntry = ConfigEntry[AccountData]


def published(entry_id: str) -> SignalType[AccountCoordinator]:
    """Return the signal of every publication of an account, over its reloads."""
    return SignalType(f"{DOMAIN}_published_{entry_id}")


class AccountCoordinator(DataUpdateCoordinator[Mapping[str, Binding]]):
    """Drives an account's bindings; its data is the bindings by serial number."""

    config_entry: AccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        data: EntryData,
        *,
        client: CloudClient,
        shared: SharedData,
        gateway: Gateway,
        records: Records,
    ) -> None:
        entry = data.entry
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title)
        self.timing = shared.timing
        self._entry_data = data
        self._gateway = gateway
        self._client = client
        self._bindings = Bindings(hass, entry, records)
        self._runner = StepRunner(
            client=client,
            gateway=gateway,
            bindings=self._bindings,
            account_id=entry.data[CONF_ACCOUNT_ID],
            timing=shared.timing,
            # Home Assistant reloads the entry when a person turns this.
            polling=not entry.pref_disable_polling,
        )
        self.data: Mapping[str, Binding] = self._bindings.known
        self._running: asyncio.Task[None] | None = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._schedule_listeners: list[CALLBACK_TYPE] = []
        # What the latest notification is about.
        self.changed_serials: set[str] = set()
        # The serial numbers of the devices that wait for their association.
        self.pending: set[str] = set()
        self._listeners_by_serial: dict[str | None, list[CALLBACK_TYPE]] = {}
        # The state at the latest notification.
        self._published: dict[str, Binding] = {}
        self._published_to_all = (True, difference(), True)
        self._published_reachable = gateway.reachable
        self._stopped = False
        # Known from before the last start, too.
        self._sign_in_needed: bool = entry.data[CONF_DENIED]

    # Starting and stopping

    async def async_load(self) -> None:
        """Read the bindings."""
        await self._bindings.async_load()
        # A crash may have left some that are yet to be removed, which is told first.
        self._published = {
            serial: binding for serial, binding in self.data.items() if not binding.unwanted
        }
        self._count_pending(self.data)

    @callback
    def begin(self) -> None:
        """Start taking steps."""
        self.config_entry.async_on_unload(self._gateway.async_add_listener(self._follow_gateway))
        if self._sign_in_needed:
            self.config_entry.async_start_reauth(self.hass)
        # Whoever starts or reloads an account expects that it is tried.
        self._runner.hurry(self.data)
        self._changed()

    async def async_pause(self) -> None:
        """Take no step after the one in progress, whose answer is still awaited and published."""
        self._stopped = True
        self._stop_timer()
        if self._running is not None:
            if self._runner.under_way:
                await asyncio.wait({self._running}, timeout=_LAST_ANSWER_TIMEOUT)
            self._running.cancel()
            self._running = None

    @property
    def stopped(self) -> bool:
        """Whether it takes no more steps, as its account is unloaded or reloaded."""
        return self._stopped

    @callback
    def resume(self) -> None:
        """Go on after a pause."""
        self._stopped = False
        self._changed()

    async def async_stop(self) -> None:
        """Stop for good after a pause: store what has not been stored yet."""
        await self._bindings.async_close()
        # No more answers come: release whoever waits for one.
        self._notify([None])

    # Requests from dialogs, actions and entities

    async def async_track(
        self,
        serials: Iterable[str],
        plant_id: str,
        kind: DeviceKind = DeviceKind.INVERTER,
        *,
        keep_refused: bool = True,
        before_adding: CALLBACK_TYPE | None = None,
    ) -> None:
        """Store bindings for new devices, add their subentries and start binding.

        Without `keep_refused`, those that the cloud refuses for good are removed again.
        `before_adding` is called once the bindings are on disk. This completes even if the caller
        is canceled. Raises NotStoredError, in which case nothing was added.
        """
        time = now()
        bindings = [
            transitions.queue(serial, plant_id, time, kind, keep_refused=keep_refused)
            for serial in dict.fromkeys(serials)
            if serial not in self.data
        ]
        self._runner.hurry(())
        await asyncio.shield(self._change(self._bindings.async_add(bindings, before_adding)))

    async def async_take_over(self, other: AccountCoordinator, serial: str, plant_id: str) -> None:
        """Track a device that another account tracks until now. Raises NotStoredError.

        The other one lets go of it once this one's binding is on disk: after a crash exactly one
        of them has it.
        """
        kind = other.data[serial].kind
        # By then either account may be unloaded.
        plants = self.config_entry.runtime_data.plants
        devices = other.config_entry.runtime_data.devices

        @callback
        def release() -> None:
            devices.release(serial, plants.name(plant_id))
            other.async_remove([serial])

        await self.async_track([serial], plant_id, kind, before_adding=release)

    @callback
    def async_remove(self, serials: Container[str]) -> None:
        """Remove devices from Home Assistant; nothing changes in the cloud."""
        if self.hass.config_entries.async_get_entry(self.config_entry.entry_id) is None:
            # They have gone with their account.
            return
        for subentry in list(self.config_entry.subentries.values()):
            if subentry.unique_id in serials:
                self.hass.config_entries.async_remove_subentry(
                    self.config_entry, subentry.subentry_id
                )
        # Another coordinator may have its account by now, and bindings that are newer.
        if not self._stopped:
            self.sync_subentries()

    async def async_submit_again(self, serial: str, plant_id: str | None = None) -> None:
        """Send a binding again, optionally to another plant. Raises NotStoredError."""
        again = transitions.submit_again(self.data[serial], now(), plant_id)
        self._runner.begin_anew(serial)
        await asyncio.shield(self._change(self._bindings.async_replace(again)))

    async def async_record_overdue(self, serials: Iterable[str]) -> None:
        """Record that these devices have waited too long, and publish that.

        It is on disk first: what was told once is not told again after a restart.
        """
        time = now()
        known = [self.data[serial] for serial in serials if serial in self.data]
        late = [transitions.overdue(binding, time) for binding in known]
        await asyncio.shield(self._change(self._bindings.async_take(late)))

    async def async_track_as(
        self, serial: str, kind: DeviceKind, plant_id: str | None = None
    ) -> None:
        """Track a device as what it turned out to be, and send that, optionally to another plant.

        Raises NotStoredError.
        """
        binding = transitions.as_kind(self.data[serial], kind, now(), plant_id)
        self._runner.begin_anew(serial)
        await asyncio.shield(self._change(self._bindings.async_replace(binding)))

    def _change(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Return a task that changes bindings, publishes them and continues with the steps."""

        async def change() -> None:
            await work
            self._changed()

        return self.config_entry.async_create_task(self.hass, change(), DOMAIN)

    @callback
    def async_check(self, serials: Iterable[str]) -> None:
        """Check inverters as soon as the limits allow, whatever their state."""
        self._runner.request_check(serials)
        self._changed()

    async def async_wait_for_answers(self, serials: Iterable[str], timeout: float) -> None:
        """Wait until the cloud has answered each binding, or cannot in `timeout` seconds."""
        await self._async_wait_for(list(serials), self.unanswered, timeout)

    async def async_wait_for_checks(self, serials: Iterable[str], timeout: float) -> None:
        """Wait until the requested checks are done, or cannot be in `timeout` seconds."""
        await self._async_wait_for(list(serials), self.check_requested, timeout)

    async def async_watch(self, has_changed: Callable[[], bool], until: float) -> bool:
        """Look as often as the limits allow until something has changed; return whether it has.

        It has not if the time is over before that, or the account is stopped.
        """
        with self._runner.watched():
            # What is planned may be due sooner now.
            self._wake()
            over = await self._async_wait(lambda: self._stopped or has_changed(), until - now())
        return over and not self._stopped

    async def _async_wait_for(
        self, serials: list[str], is_open: Callable[[str], bool], timeout: float
    ) -> None:
        """Wait until no serial number is open, or none of them can be settled in time."""
        end = now() + timeout

        def is_settled() -> bool:
            still_open = [serial for serial in serials if is_open(serial)]
            if not still_open or (self._stopped and not self._runner.under_way):
                return True
            at = self.next_look(still_open)
            return at is None or at > end

        await self._async_wait(is_settled, timeout)

    async def _async_wait(self, is_over: Callable[[], bool], timeout: float) -> bool:
        """Wait until something is over, or the time is; return whether it was before the time."""
        over = asyncio.Event()

        @callback
        def update() -> None:
            if is_over():
                over.set()

        update()
        # The schedule can change while no binding does.
        removers = (self.async_add_listener(update), self.async_add_schedule_listener(update))
        try:
            async with asyncio.timeout(timeout):
                await over.wait()
        except TimeoutError:
            LOGGER.debug("The cloud has not answered in time")
        finally:
            for remove in removers:
                remove()
        return over.is_set()

    def unanswered(self, serial: str) -> bool:
        """Return whether the cloud is still to answer a binding. That it failed is an answer."""
        binding = self.data.get(serial)
        if binding is None or binding.retried:
            return False
        return binding.state in (BindingState.QUEUED, BindingState.UNCONFIRMED)

    def check_requested(self, serial: str) -> bool:
        """Return whether a requested check is still to be done."""
        return self._runner.check_requested(serial)

    def last_check(self, serial: str) -> float | None:
        """Return when the cloud was last asked for a device since it was sent, None if never."""
        if (binding := self.data.get(serial)) is None:
            return None
        times = [binding.list_checked_at, binding.holder_checked_at, binding.behind_checked_at]
        if binding.pending and binding.kind is DeviceKind.INVERTER:
            # One list shows all that wait, if they have come online.
            watched = self._gateway.watch.read_at
            times.append(watched if watched and watched >= binding.waiting_since else None)
        return max((at for at in times if at is not None), default=None)

    def next_check(self, serial: str) -> float | None:
        """Return when the next step for an inverter is planned, None if none is."""
        planned = self.next_step(serial)
        return planned.at if planned is not None else None

    def next_look(self, serials: Iterable[str], *, watched: bool = False) -> float | None:
        """Return when the next step for any of these devices is taken, None if none is planned.

        While a step is under way, that is now: its answer may be about them. `watched` tells it for
        while somebody watches.
        """
        if self._runner.under_way:
            return now()
        if self._sign_in_needed:
            return None
        planned = self._runner.next_step(serials, watched=watched)
        return planned.at if planned is not None else None

    def next_step(self, serial: str | None = None) -> Planned | None:
        """Return the next planned step for one inverter or for all, None if there is none."""
        if self._sign_in_needed:
            return None
        return self._runner.plan() if serial is None else self._runner.next_step([serial])

    @callback
    def async_add_schedule_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `listener` whenever the next step was scheduled; return its removal.

        The schedule can change while no binding does, because accounts share limits and lists.
        """
        self._schedule_listeners.append(listener)
        return lambda: self._schedule_listeners.remove(listener)

    @property
    def signed_in(self) -> bool:
        """Whether the account can be used without anybody signing in (again)."""
        return self._client.signed_in and not self._sign_in_needed

    @property
    def connected(self) -> bool:
        """Whether the account is signed in and the cloud answered the last call."""
        return self.signed_in and self._gateway.reachable

    @contextmanager
    def reauth_on_denial(self) -> Iterator[None]:
        """Start a reauthentication if the block raises AccessDeniedError."""
        try:
            yield
        except AccessDeniedError:
            self._start_reauth()
            self._changed()
            raise

    @property
    def returned(self) -> AbstractSet[str]:
        """The serial numbers of the inverters that Home Assistant had lost, until that is seen."""
        return self._bindings.returned

    async def async_keep_returned(self) -> None:
        """Record that a person has seen which inverters were added again."""
        await self._bindings.async_keep_returned()
        self._changed()

    @callback
    def sync_subentries(self) -> None:
        """Drop the bindings whose subentry is gone."""
        if gone := self._bindings.removed():
            self._runner.forget(gone)
            self._change(self._bindings.async_try_save())

    # Taking steps and publishing

    @callback
    def _changed(self) -> None:
        """Publish the bindings, and continue with the steps."""
        self._publish()
        self._wake()

    @callback
    def _publish(self) -> None:
        """Publish the bindings; the update fails if a step is left and the cloud is unreachable."""
        self._published_reachable = self._gateway.reachable
        self.last_update_success = self._published_reachable or self._runner.plan() is None
        self.async_update_listeners()
        changed = (self.data.get(serial) for serial in self.changed_serials)
        if unwanted := [one.serial for one in changed if one is not None and one.unwanted]:
            self.config_entry.async_create_task(self.hass, self._async_let_go(unwanted), DOMAIN)

    async def _async_let_go(self, serials: Iterable[str]) -> None:
        """Remove devices that the cloud has refused, without blocking the event loop."""
        # Everybody is to hear why while they are still there.
        await self.config_entry.runtime_data.reports.async_sent()
        for serial in serials:
            self._bindings.let_go(serial)
            self.sync_subentries()
            await asyncio.sleep(0)

    @callback
    @override
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: Any = None
    ) -> Callable[[], None]:
        """Listen to all changes, or to those of the serial number given as context."""
        remove = super().async_add_listener(update_callback, context)
        listeners = self._listeners_by_serial.setdefault(context, [])
        listeners.append(update_callback)

        @callback
        def stop() -> None:
            listeners.remove(update_callback)
            remove()

        return stop

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Notify those who listen to all changes, then those who listen to a changed inverter.

        Usually only one of many inverters has changed.
        """
        before, self._published = self._published, dict(self.data)
        self.changed_serials = before.keys() ^ self._published.keys()
        self.changed_serials |= {
            serial
            for serial, binding in self._published.items()
            if (old := before.get(serial, binding)) is not binding
            and persistent_fields(old) != persistent_fields(binding)
        }
        self._count_pending(self.changed_serials)
        # All times are shown as others when the wall clock was set, and what waits says why.
        to_all = (self.last_update_success, difference(), self.signed_in)
        all_changed = to_all != self._published_to_all
        self._published_to_all = to_all
        self._notify([None])
        async_dispatcher_send(self.hass, published(self.config_entry.entry_id), self)
        to_notify = list(self._published if all_changed else self.changed_serials)
        self._notify(to_notify[:_NOTIFY_BATCH])
        if later := to_notify[_NOTIFY_BATCH:]:
            self.config_entry.async_create_task(self.hass, self._async_notify(later), DOMAIN)

    def _count_pending(self, serials: Iterable[str]) -> None:
        """Note which of these inverters wait for their association."""
        for serial in serials:
            if (binding := self.data.get(serial)) is not None and binding.pending:
                self.pending.add(serial)
            else:
                self.pending.discard(serial)

    @callback
    def async_notify(self) -> None:
        """Have those who listen to devices look at all of them again."""
        work = self._async_notify(list(self.data))
        self.config_entry.async_create_task(self.hass, work, DOMAIN)

    async def _async_notify(self, serials: list[str]) -> None:
        """Notify many listeners in batches, so that the event loop is not blocked."""
        for batch in batched(serials, _NOTIFY_BATCH, strict=False):
            await asyncio.sleep(0)
            self._notify(batch)

    @callback
    def _notify(self, serials: Iterable[str | None]) -> None:
        """Call the listeners of these serial numbers; None stands for those of all changes."""
        for serial in serials:
            for listener in list(self._listeners_by_serial.get(serial, ())):
                try:
                    listener()
                except Exception as err:  # noqa: BLE001 - it must not block the other listeners
                    log_unexpected(f"a listener of {self.name}", err)

    @callback
    def _wake(self) -> None:
        """Start taking steps unless that is running already."""
        if self._stopped or (self._running is not None and not self._running.done()):
            return
        self._stop_timer()
        # Not eager, so that `_running` is set before the task does anything.
        self._running = self.config_entry.async_create_background_task(
            self.hass, self._async_run(), f"{DOMAIN} {self.name}", eager_start=False
        )

    async def _async_run(self) -> None:
        """Take step after step until the next one is in the future."""
        has_more = True
        while has_more:
            # Decide what is due only with the lock: answers to other accounts may have changed it.
            async with self._gateway.background_lock:
                has_more = await self._async_next()
        for listener in list(self._schedule_listeners):
            listener()

    async def _async_next(self) -> bool:
        """Take the next step if it is due, else schedule it; return whether it was taken."""
        if self._stopped or self._sign_in_needed or self.hass.is_stopping:
            return False
        if self._bindings.write_failed and not await self._bindings.async_try_save():
            self._set_timer(self.timing.retry_first)
            return False
        if (planned := self._runner.plan()) is None:
            return False
        if (pause := planned.at - now()) > 0:
            self._set_timer(pause)
            return False
        try:
            await self._runner.async_carry_out(planned.step)
        except AccessDeniedError:
            self._start_reauth()
        except Exception as err:  # noqa: BLE001 - it must not stop all further steps
            log_unexpected(f"the outcome of a step of {self.name}", err)
            self._set_timer(self.timing.retry_first)
            return False
        # Yield to the event loop between steps.
        await asyncio.sleep(0)
        self._publish()
        await asyncio.sleep(0)
        return True

    @callback
    def _set_timer(self, seconds: float) -> None:
        self._cancel_timer = async_call_later(self.hass, seconds, self._async_timer)

    async def _async_timer(self, _now: object) -> None:
        self._cancel_timer = None
        self._wake()

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _start_reauth(self) -> None:
        """Ask for new credentials, for all accounts that were denied with these.

        No step is taken until an account is reloaded with new ones.
        """
        self._gateway.cache.clear()
        if not self._take_denial():
            return
        for other in sharers(self.hass, self.config_entry):
            if other.state is ConfigEntryState.LOADED:
                other.runtime_data.coordinator.async_take_denial()
            else:
                data = {**other.data, CONF_DENIED: True}
                self.hass.config_entries.async_update_entry(other, data=data)
        self.config_entry.async_start_reauth(self.hass)

    def _take_denial(self) -> bool:
        """Take no more steps; return whether what was denied still is what the account has."""
        self._sign_in_needed = True
        return self._entry_data.change({CONF_DENIED: True})

    @callback
    def async_take_denial(self) -> None:
        """Take no more steps, as the cloud denied another account the same credentials."""
        self._take_denial()
        self._changed()

    @callback
    def _follow_gateway(self) -> None:
        """Take over what the watch list shows and whether the cloud can be reached."""
        seen = self._bindings.see(self._gateway.watch.serials)
        if seen or self._published_reachable is not self._gateway.reachable:
            self._publish()
        self._wake()
