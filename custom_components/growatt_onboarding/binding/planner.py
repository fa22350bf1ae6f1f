"""The planner: picks the next step and its time from the bindings, the ledger and the time."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple, TypeGuard

from .model import Binding, BindingState
from .timing import Timing


class StepKind(StrEnum):
    """What a step asks of the cloud."""

    SUBMIT = "submit"  # bind an inverter to its plant
    LOOK = "look"  # read a page of a plant's device list
    LOCATE = "locate"  # ask who holds an inverter
    WATCH = "watch"  # read a page of the watch list


_LISTS = (StepKind.LOOK, StepKind.WATCH)


class Step(NamedTuple):
    """One call to make."""

    kind: StepKind
    plant_id: str = ""
    serial: str = ""
    page: int = 1


WATCH: Final = Step(StepKind.WATCH)


class Planned(NamedTuple):
    """A step and when to take it."""

    step: Step
    at: float


class Abilities(NamedTuple):
    """The optional calls that are available to the account."""

    watch: bool = False
    locate: bool = False


class PartialList(NamedTuple):
    """A device list that has been read in part."""

    page: int = 1  # the next page
    serials: frozenset[str] = frozenset()  # the serial numbers on the earlier pages
    began: float | None = None  # when the first page was requested, None if it has not been


class PlannerInput(NamedTuple):
    """Everything the next step depends on.

    Attributes:
        looks: the plants' device lists that have been read in part, by plant id.
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
    looks: Mapping[str, PartialList]
    asked: Mapping[str, float]
    ready_at: Callable[[Step], float]
    soonest: float = 0
    watch: PartialList | None = None
    watched_at: float | None = None
    watched_from: float | None = None
    polling: bool = True


def plan(given: PlannerInput, timing: Timing, now: float) -> Planned | None:
    """Return the next step and its time, None if nothing is left to do.

    Among the steps that can be taken soonest, the one that has been due longest wins, so that
    none starves; lists get a head start.
    """
    best: Planned | None = None
    best_rank = 0.0
    soonest = max(now, given.soonest)
    ready: dict[Step, float] = {}
    for due, kind, binding in _wanted(given, timing):
        rank = due - timing.list_head_start if kind in _LISTS else due
        # Most steps cannot win whatever the ledger says: do not ask it.
        if best is not None and (max(due, soonest), rank) >= (best.at, best_rank):
            continue
        step = _step(kind, binding, given)
        if step not in ready:
            ready[step] = given.ready_at(step)
        at = max(due, soonest, ready[step])
        if best is None or (at, rank) < (best.at, best_rank):
            best, best_rank = Planned(step, at), rank
    return best


def requested_steps(binding: Binding, asked: float, abilities: Abilities) -> Iterator[StepKind]:
    """Yield the steps that are left of a check requested at `asked`.

    It reads the plant's device list and, unless the inverter is there, asks who holds it.
    """
    if not _since(binding.list_checked_at, asked):
        yield StepKind.LOOK
    if (
        abilities.locate
        and (binding.state is not BindingState.ASSOCIATED or binding.missing_at is not None)
        and not _since(binding.holder_checked_at, asked)
    ):
        yield StepKind.LOCATE


def step_of(kind: StepKind, binding: Binding) -> Step:
    """Return the step of a kind for a binding; of a list, its first page."""
    match kind:
        case StepKind.SUBMIT:
            return Step(kind=kind, plant_id=binding.plant_id, serial=binding.serial)
        case StepKind.LOOK:
            return Step(kind=kind, plant_id=binding.plant_id)
        case StepKind.LOCATE:
            return Step(kind=kind, serial=binding.serial)
        case StepKind.WATCH:
            return WATCH


def _step(kind: StepKind, binding: Binding, given: PlannerInput) -> Step:
    """Return the step of a kind for a binding; a partly read list continues at its next page."""
    half_read: PartialList | None = None
    if kind is StepKind.LOOK:
        half_read = given.looks.get(binding.plant_id)
    elif kind is StepKind.WATCH:
        half_read = given.watch
    step = step_of(kind, binding)
    return step if half_read is None else step._replace(page=half_read.page)


def _wanted(given: PlannerInput, timing: Timing) -> Iterator[tuple[float, StepKind, Binding]]:
    """Yield each kind of step that a binding needs, and since when it is due."""
    for binding in given.bindings.values():
        if binding.plant_id in given.looks:
            yield 0, StepKind.LOOK, binding
        if (asked := given.asked.get(binding.serial)) is not None:
            # One at a time: if the list shows the inverter, its holder is known.
            for kind in islice(requested_steps(binding, asked, given.abilities), 1):
                yield asked, kind, binding
        for due, kind in _wanted_by_state(binding, given, timing):
            # A person asked for what is queued.
            if given.polling or kind is StepKind.SUBMIT:
                yield due, kind, binding


def _wanted_by_state(
    binding: Binding, given: PlannerInput, timing: Timing
) -> Iterator[tuple[float, StepKind]]:
    """Yield the steps that a binding needs in its state, apart from requested checks."""
    match binding.state:
        case BindingState.QUEUED:
            yield _submit_at(binding, timing), StepKind.SUBMIT
        case BindingState.UNCONFIRMED:
            yield from _resolve_unconfirmed(binding, given, timing)
        case BindingState.ACCEPTED:
            yield from _waiting(binding, given, timing)
        case BindingState.ASSOCIATED if binding.missing_at is not None:
            # A list can lack an inverter by mistake, as when its pages shift: check once more.
            yield binding.missing_at, StepKind.LOOK
            if given.abilities.locate and not _since(binding.holder_checked_at, binding.missing_at):
                yield binding.missing_at, StepKind.LOCATE


def _submit_at(binding: Binding, timing: Timing) -> float:
    """Return when to send a binding: at once, or after a pause that grows with its failures."""
    if not binding.failures or binding.sent_at is None:
        return binding.queued_at
    return binding.sent_at + timing.retry_pause(binding.failures)


def _resolve_unconfirmed(
    binding: Binding, given: PlannerInput, timing: Timing
) -> Iterator[tuple[float, StepKind]]:
    """Yield the steps that show what became of a request: the list first, then the holder."""
    since = binding.waiting_since
    unlisted = binding.list_checked_at is None
    if unlisted:
        yield since + timing.first_look, StepKind.LOOK
    if given.abilities.locate and binding.holder_checked_at is None:
        # The list goes first, but is waited for only so long: it may be impossible to read.
        yield since + (timing.fresh_for if unlisted else 0), StepKind.LOCATE
    if not unlisted:
        yield from _waiting(binding, given, timing)


def _waiting(
    binding: Binding, given: PlannerInput, timing: Timing
) -> Iterator[tuple[float, StepKind]]:
    """Yield the steps that show when an inverter appears in its plant."""
    abilities, watch_seen_at = given.abilities, binding.watch_seen_at
    if watch_seen_at is not None:
        if not _since(binding.list_checked_at, watch_seen_at):
            yield watch_seen_at, StepKind.LOOK
        if abilities.locate and not _since(binding.holder_checked_at, watch_seen_at):
            yield watch_seen_at, StepKind.LOCATE
    since = binding.waiting_since
    last, look = since, since + timing.first_look
    if _since(binding.list_checked_at, since):
        last = binding.list_checked_at
        look = last + timing.watch_interval(last - since)
    if abilities.watch:
        watch = since + timing.first_look
        if _since(given.watched_at, since):
            # Its age when that reading began: an inverter that came online later may be missed.
            age = (given.watched_from or given.watched_at) - since
            watch = given.watched_at + timing.watch_interval(age)
        yield 0 if given.watch else watch, StepKind.WATCH
        look = last + max(timing.watch_interval(last - since), timing.look_beside_watch)
    yield look, StepKind.LOOK


def _since(at: float | None, mark: float) -> TypeGuard[float]:
    """Return whether `at` is set and not before `mark`."""
    return at is not None and mark <= at
