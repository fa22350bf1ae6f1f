"""One coordinator per account: takes the steps that are due and publishes the bindings.

It never decides what comes next; that is `binding.planner`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .account.bindings import Bindings, BindingStore
from .account.runner import StepRunner
from .binding import transitions
from .binding.model import Binding, BindingState, persistent_fields
from .binding.planner import Planned
from .clock import now
from .cloud.errors import AccessDeniedError
from .cloud.provider import CloudClient, Provider
from .const import CONF_ACCOUNT_ID, DOMAIN, LOGGER
from .gateway import Gateway, SharedData

# How long a reload waits for the answer to a request that is under way.
_LAST_ANSWER_TIMEOUT: Final = 25
# The entities of so many inverters are told of news in one go; that takes a few milliseconds.
_NOTIFY_BATCH: Final = 5


def store_key(entry_id: str) -> str:
    """Return the name of the store with an account's bindings."""
    return f"{DOMAIN}.{entry_id}"


@dataclass(slots=True)
class AccountData:
    """What an account's entry needs at run time.

    Attributes:
        provider: the account's kind of cloud.
        client: talks to it for this account.
        gateway: what it shares with other accounts of the same server and token.
        coordinator: drives and publishes the account's bindings.
        device_id: the account's device in Home Assistant.
        portal: the web pages where a person sees the account.
        loaded_data: the entry's data that all this was made from; other data needs a reload.
        device_names: what its devices are called, by their identifiers.

    """

    provider: Provider
    client: CloudClient
    gateway: Gateway
    coordinator: AccountCoordinator
    device_id: str
    portal: str
    loaded_data: dict[str, Any]
    device_names: dict[str, str]


type AccountConfigEntry = ConfigEntry[AccountData]


class AccountCoordinator(DataUpdateCoordinator[Mapping[str, Binding]]):
    """Drives an account's bindings; its data is the bindings by serial number.

    Attributes:
        changed_serials: the serial numbers that the listeners are told about, or were last.

    """

    config_entry: AccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: AccountConfigEntry,
        *,
        client: CloudClient,
        shared: SharedData,
        gateway: Gateway,
    ) -> None:
        """Prepare; `async_load` reads the store, and `begin` begins."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title)
        self.timing = shared.timing
        self._gateway = gateway
        self._client = client
        self._bindings = Bindings(
            hass, entry, BindingStore(hass, store_key(entry.entry_id), entry.title)
        )
        self._runner = StepRunner(
            client=client,
            gateway=gateway,
            bindings=self._bindings,
            account_id=entry.data[CONF_ACCOUNT_ID],
            timing=shared.timing,
        )
        self.data: Mapping[str, Binding] = self._bindings.known
        self._running: asyncio.Task[None] | None = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._schedule_listeners: list[CALLBACK_TYPE] = []
        self.changed_serials: set[str] = set()
        self._listeners_by_serial: dict[str | None, list[CALLBACK_TYPE]] = {}
        # What the listeners were told last.
        self._published: dict[str, Binding] = {}
        self._published_success = True
        self._published_reachable = gateway.reachable
        self._stopped = False
        self._sign_in_needed = False

    # Starting and stopping

    async def async_load(self) -> None:
        """Read the bindings."""
        await self._bindings.async_load()
        self._published = dict(self.data)

    @callback
    def begin(self) -> None:
        """Begin with what there is to do."""
        self.config_entry.async_on_unload(self._gateway.async_add_listener(self._follow_gateway))
        self._changed()

    async def async_stop(self) -> None:
        """Stop after the step under way, so that its answer is not lost."""
        self._stopped = True
        self._stop_timer()
        if self._running is not None:
            if self._runner.under_way:
                await asyncio.wait({self._running}, timeout=_LAST_ANSWER_TIMEOUT)
            self._running.cancel()
        await self._bindings.async_close()
        # Who waits for an answer waits in vain from now on.
        self._notify([None])

    # What others ask for

    async def async_track(self, serials: Iterable[str], plant_id: str) -> None:
        """Write down new inverters and begin to bind them.

        The bindings are on disk and the subentries added when this returns, whatever becomes of
        the caller meanwhile. Raises NotStoredError, and then nothing was added.
        """
        time = now()
        bindings = [
            transitions.queue(serial, plant_id, time)
            for serial in dict.fromkeys(serials)
            if serial not in self.data
        ]
        await self._async_finish(self._bindings.async_add(bindings))

    async def async_submit_again(self, serial: str, plant_id: str | None = None) -> None:
        """Send a binding anew, perhaps to another plant. Raises NotStoredError."""
        again = transitions.submit_again(self.data[serial], now(), plant_id)
        self._runner.begin_anew(serial)
        await self._async_finish(self._bindings.async_replace(again))

    async def _async_finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Have bindings changed and go on with them, also when the caller's dialog is closed."""

        async def finish() -> None:
            await work
            self._changed()

        await asyncio.shield(self.config_entry.async_create_task(self.hass, finish(), DOMAIN))

    @callback
    def async_check(self, serials: Iterable[str]) -> None:
        """Look for inverters as soon as the limits allow, whatever their state."""
        self._runner.request_check(serials)
        self._changed()

    async def async_wait_for_answers(self, serials: Iterable[str], timeout: float) -> None:
        """Return when the cloud has answered each binding, or when no answer comes in time."""
        await self._async_wait(list(serials), self._unanswered, timeout)

    async def async_wait_for_checks(self, serials: Iterable[str], timeout: float) -> None:
        """Return when the checks asked for are done, or when they are not in time."""
        await self._async_wait(list(serials), self.check_requested, timeout)

    async def _async_wait(
        self, serials: list[str], is_open: Callable[[str], bool], timeout: float
    ) -> None:
        """Return when nothing is open for any serial number, or cannot be settled in time."""
        settled = asyncio.Event()
        end = now() + timeout

        @callback
        def look() -> None:
            still_open = [serial for serial in serials if is_open(serial)]
            under_way = self._runner.under_way and bool(still_open)
            to_come = not self._stopped and any(
                at is not None and at <= end for at in map(self.next_check, still_open)
            )
            if not (under_way or to_come):
                settled.set()

        look()
        remove = self.async_add_listener(look)
        try:
            async with asyncio.timeout(timeout):
                await settled.wait()
        except TimeoutError:
            LOGGER.debug("The cloud's answer is still to come")
        finally:
            remove()

    def _unanswered(self, serial: str) -> bool:
        """Tell whether the cloud's answer to a binding is still to come."""
        binding = self.data.get(serial)
        return binding is not None and binding.state in (
            BindingState.QUEUED,
            BindingState.UNCONFIRMED,
        )

    def check_requested(self, serial: str) -> bool:
        """Tell whether a check that somebody asked for is still to be made."""
        return self._runner.check_requested(serial)

    def next_check(self, serial: str) -> float | None:
        """Return when something will next be asked for this inverter, None when nothing will."""
        planned = self.next_step(serial)
        return planned.at if planned is not None else None

    def next_step(self, serial: str | None = None) -> Planned | None:
        """Return what will next be asked and when, for one inverter or all; None when nothing."""
        if self._sign_in_needed:
            return None
        return self._runner.plan() if serial is None else self._runner.next_step(serial)

    @callback
    def async_add_schedule_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `listener` whenever it was decided when to go on, until the following is ended.

        That can change without any news about a binding: accounts share limits and lists.
        """
        self._schedule_listeners.append(listener)
        return lambda: self._schedule_listeners.remove(listener)

    @property
    def signed_in(self) -> bool:
        """Whether the account can be used: nobody has to sign in (again) first."""
        return self._client.signed_in and not self._sign_in_needed

    @property
    def connected(self) -> bool:
        """Whether the account is signed in and the cloud answered the last call."""
        return self.signed_in and self._gateway.reachable

    @contextmanager
    def reauth_on_denial(self) -> Iterator[None]:
        """Ask for new credentials when what is done here finds out that they are not valid."""
        try:
            yield
        except AccessDeniedError:
            self._start_reauth()
            self._changed()
            raise

    @callback
    def sync_subentries(self) -> None:
        """Forget the bindings whose subentry is gone."""
        if gone := self._bindings.removed():
            self._runner.forget(gone)
            self.config_entry.async_create_task(self.hass, self._async_forget(), DOMAIN)

    async def _async_forget(self) -> None:
        """Write the store without the removed inverters."""
        await self._bindings.async_try_save()
        self._changed()

    # Driving

    @callback
    def _changed(self) -> None:
        """Publish, and begin with what there is to do now."""
        self._publish()
        self._wake()

    @callback
    def _publish(self) -> None:
        """Publish the bindings; unavailable is who needs a cloud that cannot be reached."""
        self._published_reachable = self._gateway.reachable
        self.last_update_success = self._published_reachable or self._runner.plan() is None
        self.async_update_listeners()

    @callback
    @override
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: Any = None
    ) -> Callable[[], None]:
        """Listen to everything, or with a serial number as context to what is about that."""
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
        """Tell those whom the news concern, first those who listen to everything.

        Of a thousand inverters mostly one has changed.
        """
        before, self._published = self._published, dict(self.data)
        self.changed_serials = before.keys() ^ self._published.keys()
        self.changed_serials |= {
            serial
            for serial, binding in self._published.items()
            if (old := before.get(serial, binding)) is not binding
            and persistent_fields(old) != persistent_fields(binding)
        }
        everybody = self.last_update_success is not self._published_success
        self._published_success = self.last_update_success
        self._notify([None])
        concerned = list(self._published if everybody else self.changed_serials)
        self._notify(concerned[:_NOTIFY_BATCH])
        if later := concerned[_NOTIFY_BATCH:]:
            self.config_entry.async_create_task(self.hass, self._async_notify(later), DOMAIN)

    async def _async_notify(self, serials: list[str]) -> None:
        """Tell many without keeping Home Assistant from everything else meanwhile."""
        for some in batched(serials, _NOTIFY_BATCH, strict=False):
            await asyncio.sleep(0)
            self._notify(some)

    @callback
    def _notify(self, serials: Iterable[str | None]) -> None:
        """Tell those who listen to what is about these inverters, or (None) to everything."""
        for serial in serials:
            for listener in list(self._listeners_by_serial.get(serial, ())):
                try:
                    listener()
                except Exception:  # noqa: BLE001 - the others shall hear of it all the same
                    LOGGER.exception("%s: an entity failed to take in news", self.name)

    @callback
    def _wake(self) -> None:
        """Begin with the next step, unless one is under way: it will go on by itself."""
        if self._stopped or (self._running is not None and not self._running.done()):
            return
        self._stop_timer()
        # Not eager: what it does at once must find it running.
        self._running = self.config_entry.async_create_background_task(
            self.hass, self._async_run(), f"{DOMAIN} {self.name}", eager_start=False
        )

    async def _async_run(self) -> None:
        """Take step after step until the next one is in the future."""
        going_on = True
        while going_on:
            # What is due is decided when it is our turn: others' answers may have changed it.
            async with self._gateway.background_lock:
                going_on = await self._async_next()
        for listener in list(self._schedule_listeners):
            listener()

    async def _async_next(self) -> bool:
        """Take the next step if it is due, else see to it that it will be; tell which."""
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
        except Exception:  # noqa: BLE001 - whatever it is, it must not be the end of all steps
            LOGGER.exception("%s: a step could not be dealt with", self.name)
            self._set_timer(self.timing.retry_first)
            return False
        # Between two steps Home Assistant comes to everything else.
        await asyncio.sleep(0)
        self._publish()
        await asyncio.sleep(0)
        return True

    @callback
    def _set_timer(self, seconds: float) -> None:
        self._cancel_timer = async_call_later(self.hass, seconds, self._async_timer)

    async def _async_timer(self, _now: object) -> None:
        """Wake when the next step's time has come."""
        self._cancel_timer = None
        self._wake()

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _start_reauth(self) -> None:
        """Ask for new credentials; everything waits until the entry is reloaded with it."""
        self._sign_in_needed = True
        self._gateway.cache.clear()
        self.config_entry.async_start_reauth(self.hass)

    @callback
    def _follow_gateway(self) -> None:
        """Note what the shared list shows by now, and whether the cloud can be reached."""
        seen = self._bindings.see(self._gateway.watch.serials)
        if seen or self._published_reachable is not self._gateway.reachable:
            self._publish()
        self._wake()
