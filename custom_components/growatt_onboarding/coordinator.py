"""One coordinator per account: carries out what the planner says and publishes the bindings.

It never decides what comes next; that is `binding.planner`. A binding is on disk before its
request leaves and again after the answer.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .access import OUTAGE, Access, Clouds, now
from .binding import life
from .binding.model import Binding, BindingState
from .binding.planner import Means, Planned, Round, Situation, Step, StepKind, plan
from .cloud.errors import (
    AccessDeniedError,
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    NotAllowedError,
    NotNowError,
    RateLimitedError,
    RejectedError,
    TryAgainError,
    UnknownCodeError,
)
from .cloud.model import DeviceKind, Location
from .cloud.provider import Call, Capability, CloudClient, Provider
from .const import (
    CONF_ACCOUNT_ID,
    CONF_PLANT_ID,
    CONF_SERIAL_NUMBER,
    DOMAIN,
    LOGGER,
    SUBENTRY_INVERTER,
)
from .store import DurableStore, NotStoredError

# A subentry reaches the disk a second after it was added; after this many it surely has.
_SUBENTRY_STORED_AFTER = 10
# How long a reload or a shutdown waits for the answer to a request that is under way.
_LAST_ANSWER_TIMEOUT = 25


def store_key(entry_id: str) -> str:
    """Return the name of the store with an account's bindings."""
    return f"{DOMAIN}.{entry_id}"


@dataclass(slots=True)
class AccountData:
    """What an account's entry needs at run time.

    Attributes:
        provider: the account's kind of cloud.
        client: talks to it for this account.
        coordinator: drives and publishes the account's bindings.
        device_id: the account's device in Home Assistant.
        loaded_data: the entry's data that all this was made from; other data needs a reload.

    """

    provider: Provider
    client: CloudClient
    coordinator: AccountCoordinator
    device_id: str
    loaded_data: dict[str, Any]


type AccountConfigEntry = ConfigEntry[AccountData]


class AccountCoordinator(DataUpdateCoordinator[Mapping[str, Binding]]):
    """Drives an account's bindings; its data is the bindings by serial number."""

    config_entry: AccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: AccountConfigEntry,
        *,
        client: CloudClient,
        clouds: Clouds,
        access: Access,
    ) -> None:
        """Prepare; `async_start` reads the store and begins."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title)
        self.client = client
        self.account_id: str | None = entry.data[CONF_ACCOUNT_ID]
        self.timing = clouds.timing
        self.data: Mapping[str, Binding] = {}
        self._access = access
        self._store = DurableStore(hass, store_key(entry.entry_id))
        # Subentries known to be on disk: their absence after a start means they were removed.
        self._anchored: set[str] = set()
        self._added: dict[str, float] = {}
        self._looks: dict[str, Round] = {}
        self._asked: dict[str, float] = {}
        self._blocked: dict[Step, tuple[int, float]] = {}
        self._running: asyncio.Task[None] | None = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._stopped = False
        self._sign_in_needed = False

    # Starting and stopping

    async def async_start(self) -> None:
        """Read the store, put store and subentries right with each other, and begin."""
        stored, anchored = await self._read()
        subentries = {
            subentry.unique_id: subentry
            for subentry in self.config_entry.get_subentries_of_type(SUBENTRY_INVERTER)
            if subentry.unique_id is not None
        }
        bindings = {
            serial: binding
            for serial, binding in stored.items()
            if serial in subentries or serial not in anchored
        }
        for serial in bindings.keys() - subentries.keys():
            self._add_subentry(bindings[serial])
        for serial in subentries.keys() - bindings.keys():
            plant_id = subentries[serial].data[CONF_PLANT_ID]
            bindings[serial] = life.recover(serial, plant_id, now())
        self._anchored = set(subentries)
        self.data = bindings
        if bindings != stored:
            await self._async_save()
        self._access.watch_listeners.append(self._take_sightings)
        self._wake()

    async def _read(self) -> tuple[dict[str, Binding], set[str]]:
        """Return the stored bindings and which of them had their subentry on disk."""
        if (data := await self._store.async_read()) is None:
            return {}, set()
        try:
            bindings = {
                serial: Binding.from_dict(binding) for serial, binding in data["bindings"].items()
            }
            return bindings, set(data["anchored"])
        except AttributeError, KeyError, TypeError, ValueError:
            await self._store.async_set_aside()
            return {}, set()

    async def async_stop(self) -> None:
        """Stop after the step under way, so that its answer is not lost."""
        self._stopped = True
        self._stop_timer()
        self._access.watch_listeners.remove(self._take_sightings)
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=_LAST_ANSWER_TIMEOUT)
            self._running.cancel()
        if self._added:
            try:
                await self._async_save()
            except NotStoredError:
                LOGGER.debug("Home Assistant is stopping: the store stays as it is")

    # What others ask for

    async def async_track(self, serials: Iterable[str], plant_id: str) -> None:
        """Write down new inverters and begin to bind them.

        The bindings are on disk and the subentries added when this returns. Raises
        NotStoredError, and then nothing was added.
        """
        before = self.data
        added = {serial: life.queue(serial, plant_id, now()) for serial in serials}
        self.data = {**before, **added}
        try:
            await self._async_save()
        except NotStoredError:
            self.data = {
                serial: binding for serial, binding in self.data.items() if serial not in added
            }
            raise
        for binding in added.values():
            self._add_subentry(binding)
        self._publish()
        self._wake()

    async def async_submit_again(self, serial: str, plant_id: str | None = None) -> None:
        """Send a binding anew, perhaps to another plant. Raises NotStoredError."""
        await self._async_change(life.submit_again(self.data[serial], now(), plant_id))
        self._asked.pop(serial, None)
        self._wake()

    @callback
    def async_check(self, serials: Iterable[str]) -> None:
        """Look for inverters as soon as the limits allow, whatever their state."""
        for serial in serials:
            self._asked[serial] = now()
        self._wake()

    async def async_wait_for_answers(self, serials: Iterable[str], timeout: float) -> None:
        """Return when the cloud has answered each binding, or after `timeout` seconds."""
        waiting = set(serials)
        await self._async_wait(
            lambda: not any(self._unanswered(serial) for serial in waiting), timeout
        )

    async def async_wait_for_checks(self, serials: Iterable[str], timeout: float) -> None:
        """Return when the checks asked for are done, or after `timeout` seconds."""
        waiting = set(serials)
        await self._async_wait(lambda: not waiting & self._asked.keys(), timeout)

    async def _async_wait(self, done: Callable[[], bool], timeout: float) -> None:
        """Return when a condition holds after something was published, or in time."""
        settled = asyncio.Event()

        @callback
        def look() -> None:
            if done():
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
        """Tell whether an answer to a binding may come soon."""
        binding = self.data.get(serial)
        return (
            binding is not None
            and binding.state in (BindingState.QUEUED, BindingState.UNCONFIRMED)
            and self.last_update_success
        )

    def next_check(self, serial: str) -> float | None:
        """Return when something will next be asked for this inverter, None when nothing will."""
        if (binding := self.data.get(serial)) is None:
            return None
        situation = self._situation({serial: binding})
        planned = plan(situation, self.timing, now())
        return planned.at if planned is not None else None

    @callback
    def sync_subentries(self) -> None:
        """Forget the bindings whose subentry is gone."""
        serials = {
            subentry.unique_id
            for subentry in self.config_entry.get_subentries_of_type(SUBENTRY_INVERTER)
        }
        gone = self.data.keys() - serials
        if not gone:
            return
        self.data = {serial: binding for serial, binding in self.data.items() if serial not in gone}
        for serial in gone:
            self._anchored.discard(serial)
            self._added.pop(serial, None)
            self._asked.pop(serial, None)
        self.config_entry.async_create_task(self.hass, self._async_forget(), "forget inverters")

    async def _async_forget(self) -> None:
        """Write the store without the removed inverters."""
        try:
            await self._async_save()
        except NotStoredError:
            LOGGER.warning("Removed inverters could not be taken out of the store")
        self._publish()
        self._wake()

    # Planning

    @callback
    def _wake(self) -> None:
        """Begin with the next step, unless one is under way: it will go on by itself."""
        if self._stopped or (self._running is not None and not self._running.done()):
            return
        self._stop_timer()
        self._running = self.config_entry.async_create_background_task(
            self.hass, self._async_run(), f"{DOMAIN} {self.name}"
        )

    async def _async_run(self) -> None:
        """Carry out step after step until the next one is in the future."""
        while not self._stopped and (planned := self._plan()) is not None:
            if planned.at > now():
                self._cancel_timer = async_call_later(
                    self.hass, max(planned.at - now(), 0), self._async_timer
                )
                return
            await self._async_carry_out(planned.step)

    async def _async_timer(self, _now: object) -> None:
        """Wake when the next step's time has come."""
        self._cancel_timer = None
        self._wake()

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _plan(self) -> Planned | None:
        """Return the next step, None when nothing is left to do or nothing can be done."""
        if self._sign_in_needed or not self.client.signed_in:
            return None
        if Capability.BIND not in self.client.capabilities:
            return None
        return plan(self._situation(self.data), self.timing, now())

    def _situation(self, bindings: Mapping[str, Binding]) -> Situation:
        capabilities = self.client.capabilities
        watch = Capability.WATCH in capabilities and self._access.watch_allowed
        return Situation(
            bindings=bindings,
            means=Means(watch=watch, locate=Capability.LOCATE in capabilities),
            ready_at=self._ready_at,
            looks=self._looks,
            watch=self._access.watch_round if watch else None,
            watched_at=self._access.watched_at,
            asked=self._asked,
        )

    def _ready_at(self, step: Step) -> float:
        """Return when a step's call may be made."""
        _, blocked_until = self._blocked.get(step, (0, 0.0))
        return max(self._access.ready_at(self._call(step)), blocked_until)

    def _call(self, step: Step) -> Call:
        """Return the call that a step makes."""
        match step.kind:
            case StepKind.SUBMIT:
                return self.client.bind_call(self._account, step.plant_id, step.serial)
            case StepKind.LOOK:
                return self.client.sightings_call(step.plant_id, step.page)
            case StepKind.LOCATE:
                return self.client.locate_call(step.serial)
            case StepKind.WATCH:
                return self.client.watch_call(step.page)

    @property
    def _account(self) -> str:
        return self.account_id or ""

    # Carrying out

    async def _async_carry_out(self, step: Step) -> None:
        """Take one step and publish what came of it."""
        try:
            match step.kind:
                case StepKind.SUBMIT:
                    await self._async_submit(step)
                case StepKind.LOOK:
                    await self._async_look(step)
                case StepKind.LOCATE:
                    await self._async_locate(step)
                case StepKind.WATCH:
                    await self._async_watch(step)
        except NotNowError as err:
            # Somebody else used the token since the step was planned, or the disk is full.
            if err.key == "not_stored":
                self._block(step)
            return
        except NotStoredError:
            LOGGER.error("Nothing is sent to the cloud: the storage cannot be written")
            self._block(step)
            return
        except CloudError as err:
            await self._async_failed(step, err)
            return
        self._blocked.pop(step, None)
        self._answered()

    async def _async_submit(self, step: Step) -> None:
        """Send one binding: on disk first, then to the cloud, then the answer on disk."""
        before = self.data[step.serial]
        sent = life.sending(before, now())
        await self._async_store(sent)
        try:
            await self.client.bind(self._account, step.plant_id, step.serial)
        except AlreadyBoundError:
            outcome = life.exists_already(sent)
        except TryAgainError as err:
            message = err.placeholders.get("message")
            outcome = life.failed(sent, now(), self.timing, err.key, message)
        except (RejectedError, InvalidInputError, UnknownCodeError) as err:
            reason = await self._async_reason(step.serial, err)
            outcome = life.rejected(sent, reason, err.placeholders.get("message"))
        except CloudError as err:
            if step.serial in self.data and not err.outcome_unknown:
                await self._async_store(before)
            raise
        else:
            outcome = life.accepted(sent, now())
        await self._async_change(outcome)

    async def _async_reason(self, serial: str, err: CloudError) -> str:
        """Return why a serial number was refused; a datalogger's is worth telling apart."""
        if err.key == "serial_rejected" and Capability.CHECK_SERIAL in self.client.capabilities:
            try:
                if await self.client.check_serial(serial) is DeviceKind.DATALOGGER:
                    return "datalogger_serial"
            except CloudError as check_err:
                LOGGER.debug("The serial number could not be checked: %s", check_err.key)
        return err.key

    async def _async_look(self, step: Step) -> None:
        """Read one page of a plant's list."""
        page = await self.client.sightings(step.plant_id, step.page)
        look = self._looks.pop(step.plant_id, Round())
        found = {sighting.serial: sighting for sighting in page.sightings}
        serials = look.serials | found.keys()
        changed: list[Binding] = []
        for binding in self.data.values():
            if binding.plant_id != step.plant_id:
                continue
            if sighting := found.get(binding.serial):
                changed.append(
                    life.present(
                        binding, now(), model=sighting.model, datalogger=sighting.datalogger
                    )
                )
            elif not page.more and binding.serial not in serials:
                changed.append(life.absent(binding, now()))
        if page.more:
            self._looks[step.plant_id] = Round(step.page + 1, serials)
        await self._async_change(*changed)

    async def _async_locate(self, step: Step) -> None:
        """Ask who holds one inverter."""
        location = await self.client.locate(step.serial)
        if (binding := self.data.get(step.serial)) is not None:
            await self._async_change(self._located(binding, location))

    def _located(self, binding: Binding, location: Location | None) -> Binding:
        if location is None:
            return life.held_by_nobody(binding, now())
        ours = location.plant_id == binding.plant_id and location.owner_id in (
            None,
            self.account_id,
        )
        return life.located(
            binding,
            now(),
            plant_id=location.plant_id,
            plant_name=location.plant_name,
            owner_id=location.owner_id,
            ours=ours,
        )

    async def _async_watch(self, step: Step) -> None:
        """Read one page of the list of everything the token sees, or take a fresh one."""
        access = self._access
        page = await self.client.watch(step.page)
        earlier = access.watched if step.page > 1 else {}
        access.watched = {**earlier, **{item.serial: item for item in page.sightings}}
        access.watch_round = Round(step.page + 1) if page.more else None
        if access.watch_round is None:
            access.watched_at = now()
        for listener in access.watch_listeners:
            listener()

    @callback
    def _take_sightings(self) -> None:
        """Note which of our inverters the shared list shows by now."""
        seen = {
            serial: life.seen(binding, now())
            for serial, binding in self.data.items()
            if binding.pending and binding.seen_at is None and serial in self._access.watched
        }
        if seen:
            self.data = {**self.data, **seen}
            self._wake()

    async def _async_failed(self, step: Step, err: CloudError) -> None:
        """Draw the consequences of a step that failed."""
        if isinstance(err, NotAllowedError):
            await self._async_not_allowed(step, err)
        elif isinstance(err, AccessDeniedError):
            self._start_reauth()
        elif isinstance(err, RejectedError) and step.kind is StepKind.LOOK:
            await self._async_plant_gone(step.plant_id, err.key)
            self._answered()
        elif isinstance(err, OUTAGE):
            self._unreachable(err)
            if step.kind is StepKind.SUBMIT:
                self._publish()
        elif isinstance(err, RateLimitedError):
            self._answered()
        else:
            self._block(step)
            self._answered()

    async def _async_not_allowed(self, step: Step, err: CloudError) -> None:
        """Find out whether the token is bad or only may not do this."""
        if step.kind is StepKind.WATCH:
            self._access.watch_allowed = False
            self._answered()
            return
        try:
            await self.client.verify()
        except AccessDeniedError:
            self._start_reauth()
            return
        except CloudError:
            # Whose fault it is cannot be told now: the same again later.
            self._block(step)
            return
        if step.kind is StepKind.SUBMIT and (binding := self.data.get(step.serial)) is not None:
            await self._async_change(life.rejected(binding, err.key, None))
        elif step.kind is StepKind.LOCATE and (binding := self.data.get(step.serial)) is not None:
            await self._async_change(life.held_out_of_reach(binding, now()))
        else:
            self._block(step)
        self._answered()

    async def _async_plant_gone(self, plant_id: str, reason: str) -> None:
        """Draw the consequences of a plant that does not exist any more."""
        self._looks.pop(plant_id, None)
        await self._async_change(
            *(
                life.rejected(binding, reason, None)
                if binding.pending
                else life.absent(binding, now())
                for binding in self.data.values()
                if binding.plant_id == plant_id
            )
        )

    def _block(self, step: Step) -> None:
        """Keep a step that failed from being taken again at once."""
        failures, _ = self._blocked.get(step, (0, 0.0))
        self._blocked[step] = (failures + 1, now() + self.timing.retry_pause(failures + 1))

    # Publishing

    def _start_reauth(self) -> None:
        """Ask for new access data; everything waits until the entry is reloaded with it."""
        self._sign_in_needed = True
        self._access.cache.clear()
        self.config_entry.async_start_reauth(self.hass)

    def _answered(self) -> None:
        """Note that the cloud answered: entities are available."""
        if not self.last_update_success:
            LOGGER.info("%s can be reached again", self.name)
            self.last_update_success = True
            self._publish()

    def _unreachable(self, err: CloudError) -> None:
        """Note that the cloud could not be reached: said once, entities become unavailable."""
        if self.last_update_success:
            LOGGER.warning("%s cannot be reached: %s", self.name, err.key)
            self.last_update_success = False
            self.last_exception = err
            self._publish()

    @callback
    def _publish(self) -> None:
        self.async_update_listeners()

    async def _async_change(self, *bindings: Binding) -> None:
        """Take new versions of bindings into the data, store and publish what differs."""
        changed = {
            binding.serial: binding
            for binding in bindings
            if binding.serial in self.data and self.data[binding.serial] != binding
        }
        asked_before = len(self._asked)
        self._asked = {
            serial: since
            for serial, since in self._asked.items()
            if self._still_asked(changed.get(serial) or self.data.get(serial), since)
        }
        if not changed:
            if asked_before != len(self._asked):
                self._publish()
            return
        material = any(
            binding.as_dict() | _TIMES != self.data[serial].as_dict() | _TIMES
            for serial, binding in changed.items()
        )
        self.data = {**self.data, **changed}
        if material:
            await self._async_save()
        self._publish()

    def _still_asked(self, binding: Binding | None, since: float) -> bool:
        """Tell whether a check that somebody asked for is still to be done."""
        if binding is None:
            return False
        if binding.looked_at is None or binding.looked_at < since:
            return True
        return (
            binding.state is not BindingState.ASSOCIATED
            and Capability.LOCATE in self.client.capabilities
            and (binding.located_at is None or binding.located_at < since)
        )

    async def _async_store(self, binding: Binding) -> None:
        """Store a binding without showing it yet."""
        self.data = {**self.data, binding.serial: binding}
        await self._async_save()

    async def _async_save(self) -> None:
        """Write all bindings; raises NotStoredError."""
        time = now()
        for serial, added in list(self._added.items()):
            if time - added >= _SUBENTRY_STORED_AFTER or self._stopped:
                self._anchored.add(serial)
                del self._added[serial]
        await self._store.async_write(
            {
                "bindings": {serial: binding.as_dict() for serial, binding in self.data.items()},
                "anchored": sorted(self._anchored),
            }
        )

    def _add_subentry(self, binding: Binding) -> None:
        """Give an inverter its subentry."""
        self._added[binding.serial] = now()
        self.hass.config_entries.async_add_subentry(
            self.config_entry,
            ConfigSubentry(
                data=MappingProxyType(
                    {CONF_SERIAL_NUMBER: binding.serial, CONF_PLANT_ID: binding.plant_id}
                ),
                subentry_type=SUBENTRY_INVERTER,
                title=binding.serial,
                unique_id=binding.serial,
            ),
        )


# When an inverter was last looked for is worth remembering, but not worth a write of its own.
_TIMES: dict[str, Any] = {"looked_at": None, "located_at": None, "seen_at": None}
