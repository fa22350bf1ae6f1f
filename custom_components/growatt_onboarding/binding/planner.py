"""The planner: picks the next step and its time from the bindings, the ledger and the time."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import chain, islice
import math
from types import MappingProxyType
from typing import Final, NamedTuple, TypeGuard

from ..cloud.model import DeviceKind
from .model import Binding, BindingState, ListKey, may_bring
from .timing import Timing


class StepKind(StrEnum):
    """What a step asks of the cloud."""

    SUBMIT = "submit"  # bind a device to its plant
    LOOK = "look"  # read a page of a plant's list of one kind of device
    LOOK_BEHIND = "look_behind"  # the same, of inverters, for what a datalogger brings
    LOCATE = "locate"  # ask who holds an inverter
    WATCH = "watch"  # read a page of the watch list


_LISTS = (StepKind.LOOK, StepKind.LOOK_BEHIND, StepKind.WATCH)


class Step(NamedTuple):
    """One call to make; `device` is the kind of device that is submitted or listed."""

    kind: StepKind
    plant_id: str = ""
    serial: str = ""
    page: int = 1
    device: DeviceKind = DeviceKind.INVERTER

    @property
    def list_key(self) -> ListKey:
        """The list that it reads, if it is a look."""
        return self.plant_id, self.device


WATCH: Final = Step(StepKind.WATCH)


class Planned(NamedTuple):
    """A step and when to take it."""

    step: Step
    at: float


class Abilities(NamedTuple):
    """The optional calls that are available to the account."""

    watch: bool = False
    locate: bool = False

    def of(self, kind: DeviceKind) -> Abilities:
        """Return those that know devices of this kind: of dataloggers there are only lists."""
        return self if kind is DeviceKind.INVERTER else _NO_ABILITIES


_NO_ABILITIES: Final = Abilities()


class PartialList(NamedTuple):
    """A device list that has been read in part."""

    page: int = 1  # the next page
    serials: frozenset[str] = frozenset()  # the serial numbers on the earlier pages
    began: float | None = None  # when the first page was requested, None if it has not been
    keys: frozenset[str] = frozenset()  # those of `serials` that are none: `SightingPage.keys`


class _Want(NamedTuple):
    """A step that a binding needs: since when, its rank among those due, and its kind."""

    due: float
    rank: float
    kind: StepKind


# A binding, when its check was requested, and what it wants.
type _Wants = tuple[Binding, float | None, tuple[_Want, ...]]


class PlannerInput(NamedTuple):
    """Everything the next step depends on.

    Attributes:
        looks: the plants' lists that have been read in part.
        pages: how many pages they had when they were last read, where these were several.
        asked: when a check was requested, by serial number.
        ready_at: returns when the ledger and the backoff allow a step.
        soonest: no step may be taken before this time.
        watch: the watch list, if it has been read in part.
        watched_at: when the watch list was last read completely.
        watched_from: when that reading began.
        polling: whether to look for inverters that nobody has requested a check of.

    """

    bindings: Mapping[str, Binding]
    abilities: Abilities
    looks: Mapping[ListKey, PartialList]
    asked: Mapping[str, float]
    ready_at: Callable[[Step], float]
    soonest: float = 0
    watch: PartialList | None = None
    watched_at: float | None = None
    watched_from: float | None = None
    polling: bool = True
    pages: Mapping[ListKey, int] = MappingProxyType({})


class _Marks(NamedTuple):
    """What all bindings' wants depend on, beside the bindings and the requested checks."""

    timing: Timing
    abilities: Abilities
    polling: bool
    half_watched: bool
    watched_at: float | None
    watched_from: float | None
    pages: Mapping[ListKey, int]


class Memo:
    """What each binding wants, kept from plan to plan: few change between two of them.

    It changes no plan; it only saves working out again what follows from the same values.
    """

    def __init__(self) -> None:
        self._marks: _Marks | None = None
        self._wants: dict[str, _Wants] = {}

    def wants(self, given: PlannerInput, timing: Timing) -> list[_Wants]:
        """Return what the bindings want, apart from lists that have been read in part."""
        marks = _Marks(
            timing,
            given.abilities,
            given.polling,
            given.watch is not None,
            given.watched_at,
            given.watched_from,
            given.pages,
        )
        if marks != self._marks or len(self._wants) > len(given.bindings):
            self._marks = marks
            self._wants.clear()
        # Of all that is done for every inverter after every call, this takes longest.
        found, known, asked_at = [], self._wants, given.asked
        for serial, binding in given.bindings.items():
            asked, kept = asked_at.get(serial), known.get(serial)
            if kept is None or kept[0] is not binding or kept[1] != asked:
                kept = known[serial] = (binding, asked, tuple(_wanted(binding, asked, marks)))
            found.append(kept)
        return found


def plan(
    given: PlannerInput, timing: Timing, now: float, memo: Memo | None = None
) -> Planned | None:
    """Return the next step and its time, None if nothing is left to do.

    Among the steps that can be taken soonest, the one that has been due longest wins, so that
    none starves; lists get a head start.
    """
    best: Planned | None = None
    best_at = best_rank = math.inf
    soonest = max(now, given.soonest)
    ready: dict[Step, float] = {}
    wants = (memo or Memo()).wants(given, timing)
    for binding, _, steps in chain(_half_read(given, timing), wants):
        for due, rank, kind in steps:
            # Most steps cannot win whatever the ledger says: do not ask it.
            at = due if due > soonest else soonest  # noqa: FURB136 - takes half the time
            if at > best_at or (at == best_at and rank >= best_rank):
                continue
            step = _step(kind, binding, given)
            if step not in ready:
                ready[step] = given.ready_at(step)
            at = max(at, ready[step])
            if at < best_at or (at == best_at and rank < best_rank):
                best, best_at, best_rank = Planned(step, at), at, rank
    return best


def requested_steps(binding: Binding, asked: float, abilities: Abilities) -> Iterator[StepKind]:
    """Yield the steps that are left of a check requested at `asked`.

    It reads the plant's list and, unless the device is there, asks who holds it. What a datalogger
    brings is looked for too.
    """
    if not _since(binding.list_checked_at, asked):
        yield StepKind.LOOK
    if may_bring(binding) and not _since(binding.behind_checked_at, asked):
        yield StepKind.LOOK_BEHIND
    if (
        abilities.of(binding.kind).locate
        and (binding.state is not BindingState.ASSOCIATED or binding.missing_at is not None)
        and not _since(binding.holder_checked_at, asked)
    ):
        yield StepKind.LOCATE


def possible_steps(binding: Binding, abilities: Abilities) -> Iterator[StepKind]:
    """Yield the kinds of step that a binding alone can ever need."""
    yield StepKind.SUBMIT
    yield StepKind.LOOK
    if binding.kind is DeviceKind.DATALOGGER:
        yield StepKind.LOOK_BEHIND
    if abilities.of(binding.kind).locate:
        yield StepKind.LOCATE


def step_of(kind: StepKind, binding: Binding) -> Step:
    """Return the step of a kind for a binding; of a list, its first page."""
    plant_id, device = binding.list_key
    match kind:
        case StepKind.SUBMIT:
            return Step(kind=kind, plant_id=plant_id, serial=binding.serial, device=device)
        case StepKind.LOOK:
            return Step(kind=kind, plant_id=plant_id, device=device)
        case StepKind.LOOK_BEHIND:
            return Step(kind=StepKind.LOOK, plant_id=plant_id)
        case StepKind.LOCATE:
            return Step(kind=kind, serial=binding.serial)
        case StepKind.WATCH:
            return WATCH


def _step(kind: StepKind, binding: Binding, given: PlannerInput) -> Step:
    """Return the step of a kind for a binding; a partly read list continues at its next page."""
    half_read: PartialList | None = None
    step = step_of(kind, binding)
    if step.kind is StepKind.LOOK:
        half_read = given.looks.get(step.list_key)
    elif kind is StepKind.WATCH:
        half_read = given.watch
    return step if half_read is None else step._replace(page=half_read.page)


def _half_read(given: PlannerInput, timing: Timing) -> Iterator[_Wants]:
    """Yield for each list that has been read in part that it is to be continued."""
    if given.looks:
        for binding in given.bindings.values():
            if binding.list_key in given.looks:
                yield binding, None, (_want(0, StepKind.LOOK, timing),)


def _wanted(binding: Binding, asked: float | None, marks: _Marks) -> Iterator[_Want]:
    """Yield each kind of step that a binding needs; `asked`: when a check was requested."""
    if asked is not None:
        # One at a time: if the list shows the inverter, its holder is known.
        for kind in islice(requested_steps(binding, asked, marks.abilities), 1):
            yield _want(asked, kind, marks.timing)
    for due, kind in _wanted_by_state(binding, marks):
        # A person asked for what is queued.
        if marks.polling or kind is StepKind.SUBMIT:
            yield _want(due, kind, marks.timing)


def _want(due: float, kind: StepKind, timing: Timing) -> _Want:
    return _Want(due, due - timing.list_head_start if kind in _LISTS else due, kind)


def _wanted_by_state(binding: Binding, marks: _Marks) -> Iterator[tuple[float, StepKind]]:
    """Yield the steps that a binding needs in its state, apart from requested checks."""
    match binding.state:
        case BindingState.QUEUED:
            yield _submit_at(binding, marks.timing), StepKind.SUBMIT
        case BindingState.UNCONFIRMED:
            yield from _resolve_unconfirmed(binding, marks)
        case BindingState.ACCEPTED:
            yield from _waiting(binding, marks)
        case BindingState.ASSOCIATED if binding.missing_at is not None:
            # A list can lack an inverter by mistake, as when its pages shift: check once more.
            yield binding.missing_at, StepKind.LOOK
            abilities = marks.abilities.of(binding.kind)
            if abilities.locate and not _since(binding.holder_checked_at, binding.missing_at):
                yield binding.missing_at, StepKind.LOCATE
        case BindingState.ASSOCIATED if may_bring(binding) and binding.brought_at is None:
            yield from _look_behind(binding, marks)


def _submit_at(binding: Binding, timing: Timing) -> float:
    """Return when to send a binding: at once, or after a pause that grows with its failures."""
    if not binding.failures or binding.sent_at is None:
        return binding.queued_at
    return binding.sent_at + timing.retry_pause(binding.failures)


def _resolve_unconfirmed(binding: Binding, marks: _Marks) -> Iterator[tuple[float, StepKind]]:
    """Yield the steps that show what became of a request: the list first, then the holder."""
    since = binding.waiting_since
    unlisted = binding.list_checked_at is None
    if unlisted:
        yield since + marks.timing.first_look, StepKind.LOOK
    if marks.abilities.of(binding.kind).locate and binding.holder_checked_at is None:
        # The list goes first, but is waited for only so long: it may be impossible to read.
        yield since + (marks.timing.fresh_for if unlisted else 0), StepKind.LOCATE
    if not unlisted:
        yield from _waiting(binding, marks)


def _waiting(binding: Binding, marks: _Marks) -> Iterator[tuple[float, StepKind]]:
    """Yield the steps that show when a device appears in its plant."""
    abilities, watch_seen_at = marks.abilities.of(binding.kind), binding.watch_seen_at
    if watch_seen_at is not None:
        if not _since(binding.list_checked_at, watch_seen_at):
            yield watch_seen_at, StepKind.LOOK
        if abilities.locate and not _since(binding.holder_checked_at, watch_seen_at):
            yield watch_seen_at, StepKind.LOCATE
    since = binding.waiting_since
    last, look = since, since + marks.timing.first_look
    pages = marks.pages.get(binding.list_key, 1)
    if _since(binding.list_checked_at, since):
        last = binding.list_checked_at
        look = last + marks.timing.list_interval(last - since, pages)
    if abilities.watch:
        watch = since + marks.timing.first_look
        if _since(marks.watched_at, since):
            # Its age when that reading began: an inverter that came online later may be missed.
            age = (marks.watched_from or marks.watched_at) - since
            watch = marks.watched_at + marks.timing.watch_interval(age)
        yield 0 if marks.half_watched else watch, StepKind.WATCH
        interval = marks.timing.list_interval(last - since, pages)
        look = last + max(interval, marks.timing.look_beside_watch)
    yield look, StepKind.LOOK


def _look_behind(binding: Binding, marks: _Marks) -> Iterator[tuple[float, StepKind]]:
    """Yield when to look for what a datalogger brings: at the usual intervals, but for a day."""
    timing, pages = marks.timing, marks.pages.get((binding.plant_id, DeviceKind.INVERTER), 1)
    since = binding.associated_at or binding.queued_at
    due = since + timing.first_look
    if _since(binding.behind_checked_at, since):
        age = binding.behind_checked_at - since
        due = binding.behind_checked_at + timing.list_interval(age, pages)
    if due < since + timing.day:
        yield due, StepKind.LOOK_BEHIND


def _since(at: float | None, mark: float) -> TypeGuard[float]:
    """Return whether `at` is set and not before `mark`."""
    return at is not None and mark <= at
