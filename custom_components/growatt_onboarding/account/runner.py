"""Takes the steps that the planner picks for an account: calls the cloud and applies the answer.

A binding is stored before its request leaves and again after the answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from ..binding import transitions
from ..binding.model import Binding, ListKey, may_bring
from ..binding.planner import (
    WATCH,
    Abilities,
    Memo,
    PartialList,
    Planned,
    PlannerInput,
    Step,
    StepKind,
    plan,
    possible_steps,
    requested_steps,
    step_of,
)
from ..binding.timing import Timing
from ..clock import difference, now
from ..cloud.errors import (
    DATALOGGER_MISSING,
    DATALOGGER_SERIAL,
    DATALOGGER_UNLINKED,
    INVERTER_SERIAL,
    AccessDeniedError,
    CloudError,
    NotAllowedError,
    NotNowError,
    PlantMissingError,
    RateLimitedError,
    RejectedError,
    TryAgainError,
    UnexpectedAnswerError,
)
from ..cloud.model import DeviceKind, SightingPage
from ..cloud.provider import Call, Capability, CloudClient
from ..const import LOGGER
from ..gateway import NOT_STORED, OUTAGE, Gateway
from ..gateway.store import NotStoredError
from ..unexpected import log_unexpected
from .bindings import Bindings


def _pauses(step: Step, call: Call) -> tuple[Step, str]:
    """Return the keys under which failures of a step pause.

    All pages of a list share one. What is optional pauses as a whole if it cannot be reached.
    """
    return step._replace(page=1), call.endpoint.path


def _refuse_endless(step: Step, page: SightingPage) -> None:
    """Raise UnexpectedAnswerError if a list seems to have no end, so that it is read less often."""
    if page.is_too_many(step.page):
        raise UnexpectedAnswerError("too_large")


# Why a serial number that belongs to this kind of device is no other's.
_OF_OTHER_KIND: Final = {
    DeviceKind.DATALOGGER: DATALOGGER_SERIAL,
    DeviceKind.INVERTER: INVERTER_SERIAL,
}


class StepRunner:
    """Plans and takes the steps of one account; `under_way` while it takes one."""

    def __init__(
        self,
        *,
        client: CloudClient,
        gateway: Gateway,
        bindings: Bindings,
        account_id: str | None,
        timing: Timing,
        polling: bool = True,
    ) -> None:
        self.under_way = False
        self._client = client
        self._gateway = gateway
        self._bindings = bindings
        self._account_id = account_id
        self._timing = timing
        self._watched_timing = timing.watched()
        # How many dialogs watch.
        self._watchers = 0
        self._polling = polling
        self._memo = Memo()
        self._looks: dict[ListKey, PartialList] = {}
        # Of lists of several pages. Never changed in place: what is planned depends on it.
        self._pages: dict[ListKey, int] = {}
        self._asked: dict[str, float] = {}
        self._backoff = gateway.backoff
        # When the cloud last confirmed the credentials.
        self._verified_at: float | None = None

    # Requests

    def request_check(self, serials: Iterable[str]) -> None:
        """Check inverters as soon as the limits allow, whatever their state."""
        time = now()
        known = self._bindings.known
        asked = [serial for serial in serials if serial in known]
        self._asked.update((serial, time) for serial in asked)
        self.hurry(asked)

    def check_requested(self, serial: str) -> bool:
        """Return whether a requested check is still to be done."""
        return serial in self._asked

    def begin_anew(self, serial: str) -> None:
        """Prepare for sending a binding again: drop its check."""
        self._asked.pop(serial, None)
        self.hurry([serial])

    def hurry(self, serials: Iterable[str]) -> None:
        """Shorten the pauses after failures of all that concerns inverters: a person waits."""
        if not self._able:
            return
        self._gateway.ledger.shorten_pause(now())
        if not self._backoff:
            return
        abilities = self._abilities
        for serial in serials:
            if (binding := self._bindings.known.get(serial)) is not None:
                for kind in possible_steps(binding, abilities):
                    step = step_of(kind, binding)
                    self._backoff.shorten(*_pauses(step, self._call(step)))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Return a context in which a person watches: fresh bindings are looked at more often."""
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    def forget(self, serials: Iterable[str]) -> None:
        """Forget inverters that are no longer tracked."""
        for serial in serials:
            self._asked.pop(serial, None)
        plants = {binding.plant_id for binding in self._bindings.known.values()}
        self._looks = {key: look for key, look in self._looks.items() if key[0] in plants}
        self._pages = {key: pages for key, pages in self._pages.items() if key[0] in plants}

    # Planning

    def plan(self) -> Planned | None:
        """Return the next step, None if nothing is left to do or can be done."""
        return self._plan(self._bindings.ready(), self._memo)

    def next_step(self, serials: Iterable[str], *, watched: bool = False) -> Planned | None:
        """Return the next step for these inverters, None if there is none.

        Others are ignored, so the step may be taken later than planned here.
        """
        known = self._bindings.known
        bindings = {serial: known[serial] for serial in serials if serial in known}
        return self._plan(bindings, watched=watched)

    def _plan(
        self, bindings: Mapping[str, Binding], memo: Memo | None = None, *, watched: bool = False
    ) -> Planned | None:
        if not self._able:
            return None
        watch = self._gateway.watch
        watch.drop_old(self._timing.slow_cooldown)
        # One time for all, else each step would seem ready a little later than the one before, and
        # the ledger would be asked for every binding.
        time = now()
        given = PlannerInput(
            bindings=bindings,
            abilities=self._abilities,
            ready_at=lambda step: self._ready_at(step, time),
            soonest=self._gateway.soonest(time),
            looks=self._looks,
            pages=self._pages,
            watch=watch.half_read,
            watched_at=watch.read_at,
            watched_from=watch.read_from,
            asked=self._asked,
            polling=self._polling,
        )
        timing = self._watched_timing if watched or self._watchers else self._timing
        return plan(given, timing, time, memo)

    @property
    def _able(self) -> bool:
        """Whether the account can take any step."""
        client = self._client
        can_bind = Capability.BIND in client.capabilities and client.signed_in
        return can_bind and self._account_id is not None

    @property
    def _abilities(self) -> Abilities:
        """The optional calls that are available to the account."""
        capabilities = self._client.capabilities
        return Abilities(
            watch=Capability.WATCH in capabilities and self._can_watch(),
            locate=Capability.LOCATE in capabilities,
        )

    def _can_watch(self) -> bool:
        """Return whether the watch list can be read as often as it is worth reading.

        Otherwise the plants' own lists are read as if there were no watch list: it is only a help.
        """
        gateway, time = self._gateway, now()
        return (
            gateway.reachable
            and not gateway.watch.denied(self._timing.day)
            and self._ready_at(WATCH, time) <= time + self._timing.fresh_interval
        )

    def _ready_at(self, step: Step, time: float) -> float:
        """Return the earliest time, `time` or later, at which a step may be taken."""
        call = self._call(step)
        return max(self._gateway.ready_at(call, time), self._backoff.until(*_pauses(step, call)))

    def _call(self, step: Step) -> Call:
        """Return the call that a step makes."""
        match step.kind:
            case StepKind.SUBMIT:
                return self._client.bind_call(self._owner, step.plant_id, step.serial, step.device)
            case StepKind.LOOK | StepKind.LOOK_BEHIND:
                return self._client.sightings_call(step.plant_id, step.page, step.device)
            case StepKind.LOCATE:
                return self._client.locate_call(step.serial)
            case StepKind.WATCH:
                return self._client.watch_call(step.page)

    @property
    def _owner(self) -> str:
        """The account's id; nothing is planned without one."""
        return self._account_id or ""

    # Taking

    async def async_carry_out(self, step: Step) -> None:
        """Take a step and handle its outcome.

        Raises AccessDeniedError if the credentials are no longer valid.
        """
        self.under_way = True
        try:
            await self._async_ask(step)
        except NotStoredError:
            LOGGER.debug("Nothing was sent, because the binding could not be stored")
            self._start_over(step)
            self._pause(step)
        except NotNowError as err:
            # Otherwise another call used up a limit meanwhile: the ledger tells when to retry.
            if err.key == NOT_STORED:
                self._pause(step)
        except CloudError as err:
            await self._async_failed(step, err)
        except Exception as err:  # noqa: BLE001 - it must not block the other inverters
            log_unexpected(f"the step {step.kind}", err)
            self._pause(step)
        else:
            # A list succeeds with its last page.
            if not self._is_half_read(step):
                self._backoff.end(*_pauses(step, self._call(step)))
        finally:
            self.under_way = False

    def _is_half_read(self, step: Step) -> bool:
        """Return whether a step is to be continued with the next page of its list."""
        if step.kind is StepKind.WATCH:
            return self._gateway.watch.half_read is not None
        return step.kind is StepKind.LOOK and step.list_key in self._looks

    def _pause(self, step: Step, *, first: float = 0, at_least: float = 0) -> None:
        """Have a step pause after a failure: longer each time."""
        self._backoff.add(step._replace(page=1), first=first, at_least=at_least)

    async def _async_ask(self, step: Step) -> None:
        match step.kind:
            case StepKind.SUBMIT:
                await self._async_submit(step)
            case StepKind.LOOK | StepKind.LOOK_BEHIND:
                await self._async_look(step)
            case StepKind.LOCATE:
                await self._async_locate(step)
            case StepKind.WATCH:
                await self._async_watch(step)

    async def _async_submit(self, step: Step) -> None:
        """Send one binding: store it, send the request, store the outcome."""
        before = self._bindings.known[step.serial]
        sent = transitions.sending(before, now())
        await self._bindings.async_store(sent)
        error: CloudError | None = None
        device_key: str | None = None
        try:
            device_key = await self._client.bind(
                self._owner, step.plant_id, step.serial, step.device
            )
        except CloudError as err:
            error = await self._async_explain(step, err)
        current = self._bindings.known.get(step.serial)
        # If it was removed or submitted again meanwhile, the answer is not for the current binding.
        if current is not None and current.sent_at == sent.sent_at:
            await self._async_take(
                transitions.of_submission(current, before, error, now(), device_key)
            )
        if error is not None and not transitions.is_answer(error):
            raise error

    async def _async_explain(self, step: Step, error: CloudError) -> CloudError:
        """Return why a serial number was refused, as far as that is known better than it says."""
        # A datalogger that is taken for an inverter has none either.
        about_serial = error.field is not None or error.key == DATALOGGER_MISSING
        if (
            transitions.is_refusal(error)
            and about_serial
            and Capability.CHECK_SERIAL in self._client.capabilities
        ):
            try:
                kind = await self._client.check_serial(step.serial)
                if kind is not step.device and kind in _OF_OTHER_KIND:
                    return RejectedError(_OF_OTHER_KIND[kind], placeholders=error.placeholders)
            except CloudError as err:
                LOGGER.debug("The serial number could not be checked: %s", err.key)
        if error.key == DATALOGGER_MISSING and self._has_datalogger(step.plant_id):
            # What a plant's dataloggers bring is known to the cloud a while after themselves.
            return TryAgainError(
                DATALOGGER_UNLINKED, placeholders=error.placeholders, code=error.code
            )
        return error

    def _has_datalogger(self, plant_id: str) -> bool:
        """Return whether a datalogger of a plant is associated, so that nobody has to add one."""
        bindings = self._bindings.known.values()
        return any(binding.plant_id == plant_id and may_bring(binding) for binding in bindings)

    async def _async_look(self, step: Step) -> None:
        """Read one page of a plant's list of one kind of device."""
        began = now()
        page = await self._client.sightings(step.plant_id, step.page, step.device)
        look = self._looks.pop(step.list_key, None)
        if look is None or step.page == 1:
            look = PartialList(began=began)
        if page.has_next(step.page, look.serials):
            serials = look.serials | page.serials
            keys = look.keys | page.keys
            self._looks[step.list_key] = PartialList(step.page + 1, serials, look.began, keys)
        elif self._pages.get(step.list_key, 1) != step.page:
            self._pages = {**self._pages, step.list_key: step.page}
        bindings, time = self._bindings.known.values(), now()
        last_word = not self._abilities.of(step.device).locate
        # First, as whoever brought them counts as done afterwards.
        await self._bindings.async_bring(transitions.brought(bindings, step, page, time))
        await self._async_take(
            *transitions.of_page(
                # The wall clock is the best guess at what the cloud's shows.
                *(bindings, step, page, look, time),
                last_word=last_word,
                ahead=difference(),
            )
        )
        _refuse_endless(step, page)

    async def _async_locate(self, step: Step) -> None:
        """Ask who holds one inverter."""
        location = await self._client.locate(step.serial)
        if (binding := self._bindings.known.get(step.serial)) is not None:
            await self._async_take(transitions.of_location(binding, location, self._owner, now()))

    async def _async_watch(self, step: Step) -> None:
        """Read one page of the watch list, for all accounts of the gateway."""
        began = now()
        page = await self._client.watch(step.page)
        self._gateway.take_watch_page(step.page, page, began)
        _refuse_endless(step, page)

    async def _async_failed(self, step: Step, err: CloudError) -> None:
        """Handle a failed step."""
        if isinstance(err, RateLimitedError):
            # Somebody else may use the same credentials, or the limits are stricter than we know.
            self._pause(step, first=err.retry_after or 0)
            return
        self._start_over(step)
        if isinstance(err, AccessDeniedError):
            raise err
        if isinstance(err, NotAllowedError):
            await self._async_not_allowed(step, err)
        elif isinstance(err, PlantMissingError) and step.kind is StepKind.LOOK:
            bindings = self._bindings.known.values()
            await self._async_take(*transitions.of_missing_plant(bindings, step, err.key, now()))
        elif isinstance(err, OUTAGE) and self._call(step).endpoint.optional:
            self._backoff.add(self._call(step).endpoint.path)
        elif isinstance(err, OUTAGE):
            # Let other steps go first: their answers show whether only this one fails.
            time = now()
            outage = max(0, self._gateway.soonest(time) - time)
            self._pause(step, at_least=outage + self._timing.quick_cooldown)
        else:
            self._pause(step)
            self._end_checks(step)

    def _start_over(self, step: Step) -> None:
        """Start a list over, because its pages may shift before the next attempt."""
        if step.kind is StepKind.LOOK:
            self._looks.pop(step.list_key, None)
        elif step.kind is StepKind.WATCH:
            self._gateway.watch.half_read = None

    def _end_checks(self, step: Step) -> None:
        """Drop the requested checks that the failed step was the next one of."""
        abilities, known, failed = self._abilities, self._bindings.known, step._replace(page=1)
        for serial, asked in list(self._asked.items()):
            if (binding := known.get(serial)) is None:
                continue
            left = requested_steps(binding, asked, abilities)
            following = next((step_of(kind, binding) for kind in left), None)
            if serial == step.serial or following == failed:
                del self._asked[serial]

    async def _async_not_allowed(self, step: Step, err: NotAllowedError) -> None:
        """Find out whether the credentials are invalid or just lack a permission."""
        if step.kind is StepKind.WATCH:
            self._gateway.watch.denied_at = now()
            return
        before = self._bindings.known.get(step.serial)
        try:
            await self._async_verify()
        except AccessDeniedError:
            raise
        except CloudError:
            # The cause cannot be determined now: retry later.
            self._pause(step)
            return
        if step.kind is StepKind.LOOK:
            # The permissions of valid credentials rarely change.
            self._pause(step, at_least=self._timing.later_interval)
            self._end_checks(step)
        elif before is not None and self._bindings.known.get(step.serial) is before:
            # Otherwise the binding changed meanwhile, and the answer is not for it.
            await self._async_take(transitions.of_denial(before, step.kind, err.key, now()))

    async def _async_verify(self) -> None:
        """Ask the cloud whether the credentials are valid, unless it just confirmed them."""
        cooldown = self._timing.slow_cooldown + self._timing.margin
        if self._verified_at is None or now() - self._verified_at >= cooldown:
            await self._client.verify()
            self._verified_at = now()

    async def _async_take(self, *bindings: Binding) -> None:
        """Take new versions of bindings, and drop the checks that are now done."""
        unblocked = transitions.unblocked(bindings, self._bindings.known, now())
        await self._bindings.async_take((*bindings, *unblocked))
        abilities, known = self._abilities, self._bindings.known
        self._asked = {
            serial: asked
            for serial, asked in self._asked.items()
            if serial in known and any(requested_steps(known[serial], asked, abilities))
        }
