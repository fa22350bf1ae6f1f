"""What to do next, and when: a pure function of the bindings, the ledger and the time.

A stored time that lies in the future was noted before the clock was set back. It is taken for
"never", or for long ago, so that nothing waits until the clock comes by there again.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from .model import Binding, BindingState
from .timing import Timing


class StepKind(StrEnum):
    """The kinds of steps."""

    SUBMIT = "submit"
    LOOK = "look"
    LOCATE = "locate"
    WATCH = "watch"


_LISTS = (StepKind.LOOK, StepKind.WATCH)


class Step(NamedTuple):
    """One call to make: a plant's list, everything's list, or something about one inverter."""

    kind: StepKind
    plant_id: str = ""
    serial: str = ""
    page: int = 1


class Planned(NamedTuple):
    """A step and the time it is for."""

    step: Step
    at: float


class Abilities(NamedTuple):
    """What the account's cloud can be asked besides taking a binding and listing a plant."""

    watch: bool = False
    locate: bool = False


class PartialList(NamedTuple):
    """A list that is being read page by page.

    Attributes:
        page: the next page.
        serials: what the earlier pages showed.
        began: when the first page was asked for, None when it was not yet.

    """

    page: int = 1
    serials: frozenset[str] = frozenset()
    began: float | None = None


class PlannerInput(NamedTuple):
    """Everything the next step depends on.

    Attributes:
        bindings: the account's bindings by serial number.
        abilities: what the cloud can be asked.
        looks: plants whose lists are half read.
        asked: serial numbers that somebody wants checked, and since when.
        ready_at: the ledger's answer to when a step may be taken.
        soonest: no step may be taken before, as far as that is known without asking for each.
        watch: the cheap list, when it is half read.
        watched_at: when the cheap list was last read to its end.
        watched_from: when that reading began.

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


def plan(given: PlannerInput, timing: Timing, now: float) -> Planned | None:
    """Return the next step and its time, None when nothing is left to do.

    Of the steps that can be taken first it is the one that has been due for longest, so that none
    starves behind others; lists have a head start.
    """
    best: Planned | None = None
    best_rank = 0.0
    soonest = max(now, given.soonest)
    ready: dict[Step, float] = {}
    for due, kind, binding in _wanted(given, timing, now):
        rank = due - timing.list_head_start if kind in _LISTS else due
        # Most steps cannot come first whatever the ledger says: it need not be asked.
        if best is not None and (max(due, soonest), rank) >= (best.at, best_rank):
            continue
        step = _step(kind, binding, given)
        if step not in ready:
            ready[step] = given.ready_at(step)
        at = max(due, soonest, ready[step])
        if best is None or (at, rank) < (best.at, best_rank):
            best, best_rank = Planned(step, at), rank
    return best


def requested_steps(
    binding: Binding, asked: float, abilities: Abilities, now: float
) -> Iterator[StepKind]:
    """Yield what is still to be done for an inverter that somebody wanted checked at `asked`.

    Its plant's list is read and, if it is not there, its holder asked for.
    """
    if asked > now:
        return
    if not _since(binding.list_checked_at, asked, now):
        yield StepKind.LOOK
    if (
        abilities.locate
        and (binding.state is not BindingState.ASSOCIATED or binding.missing_at is not None)
        and not _since(binding.holder_checked_at, asked, now)
    ):
        yield StepKind.LOCATE


def _step(kind: StepKind, binding: Binding, given: PlannerInput) -> Step:
    """Return the step of a kind that serves a binding. A list that is half read is read on."""
    match kind:
        case StepKind.SUBMIT:
            return Step(kind=kind, plant_id=binding.plant_id, serial=binding.serial)
        case StepKind.LOOK:
            half_read = given.looks.get(binding.plant_id, PartialList())
            return Step(kind=kind, plant_id=binding.plant_id, page=half_read.page)
        case StepKind.LOCATE:
            return Step(kind=kind, serial=binding.serial)
        case StepKind.WATCH:
            return Step(kind=kind, page=(given.watch or PartialList()).page)


def _wanted(
    given: PlannerInput, timing: Timing, now: float
) -> Iterator[tuple[float, StepKind, Binding]]:
    """Yield every kind of step that a binding wants, with the time from which it does."""
    for binding in given.bindings.values():
        if binding.plant_id in given.looks:
            yield 0, StepKind.LOOK, binding
        if (asked := given.asked.get(binding.serial)) is not None:
            # One after the other: the list may save the question.
            for kind in islice(requested_steps(binding, asked, given.abilities, now), 1):
                yield asked, kind, binding
        for due, kind in _wanted_by_state(binding, given, timing, now):
            yield due, kind, binding


def _wanted_by_state(
    binding: Binding, given: PlannerInput, timing: Timing, now: float
) -> Iterator[tuple[float, StepKind]]:
    """Yield what a binding wants by itself, whatever anybody asked for."""
    match binding.state:
        case BindingState.QUEUED:
            yield _submission(binding, timing, now), StepKind.SUBMIT
        case BindingState.UNCONFIRMED:
            yield from _resolve_unconfirmed(binding, given, timing, now)
        case BindingState.ACCEPTED:
            yield from _waiting(binding, given, timing, now)
        case BindingState.ASSOCIATED if binding.missing_at is not None:
            # A list can lack what it should show, as when its pages shift: asked once more.
            missing_at = min(binding.missing_at, now)
            yield missing_at, StepKind.LOOK
            if given.abilities.locate and not _since(binding.holder_checked_at, missing_at, now):
                yield missing_at, StepKind.LOCATE


def _submission(binding: Binding, timing: Timing, now: float) -> float:
    """Return when to send a binding: at once, or after a pause that grows with its failures."""
    if not binding.failures or binding.sent_at is None:
        return min(binding.queued_at, now)
    if binding.sent_at > now:
        return now
    return binding.sent_at + timing.retry_pause(binding.failures)


def _resolve_unconfirmed(
    binding: Binding, given: PlannerInput, timing: Timing, now: float
) -> Iterator[tuple[float, StepKind]]:
    """Yield how to find out what became of a request: look first, then ask who holds it."""
    since = binding.waiting_since if binding.waiting_since <= now else 0
    unlisted = binding.list_checked_at is None
    if unlisted:
        yield since + timing.first_look, StepKind.LOOK
    if given.abilities.locate and binding.holder_checked_at is None:
        # The list may save the question, unless it cannot be had.
        yield since + (timing.fresh_for if unlisted else 0), StepKind.LOCATE
    if not unlisted:
        yield from _waiting(binding, given, timing, now)


def _waiting(
    binding: Binding, given: PlannerInput, timing: Timing, now: float
) -> Iterator[tuple[float, StepKind]]:
    """Yield how to notice that a device has appeared."""
    abilities, watch_seen_at = given.abilities, binding.watch_seen_at
    if watch_seen_at is not None and watch_seen_at <= now:
        if not _since(binding.list_checked_at, watch_seen_at, now):
            yield watch_seen_at, StepKind.LOOK
        if abilities.locate and not _since(binding.holder_checked_at, watch_seen_at, now):
            yield watch_seen_at, StepKind.LOCATE
    since = binding.waiting_since if binding.waiting_since <= now else 0
    list_checked_at = (
        binding.list_checked_at if _since(binding.list_checked_at, since, now) else None
    )
    look = first_look = since + timing.first_look
    if list_checked_at is not None:
        look = list_checked_at + timing.watch_interval(list_checked_at - since)
    if abilities.watch:
        watch, watched_at = first_look, given.watched_at
        if watched_at is not None and _since(watched_at, since, now):
            # How old it was then counts: what came online during that reading is owed one more.
            age = (given.watched_from or watched_at) - since
            watch = watched_at + timing.watch_interval(age)
        yield 0 if given.watch else watch, StepKind.WATCH
        last = since if list_checked_at is None else list_checked_at
        look = last + max(timing.watch_interval(last - since), timing.look_beside_watch)
    yield look, StepKind.LOOK


def _since(at: float | None, mark: float, now: float) -> bool:
    """Tell whether something has happened since a mark."""
    return at is not None and mark <= at <= now
