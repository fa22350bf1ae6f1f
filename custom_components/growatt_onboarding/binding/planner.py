"""What to do next, and when: a pure function of the bindings, the ledger and the time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from .model import Binding, BindingState
from .timing import Timing


class StepKind(IntEnum):
    """The kinds of steps, the most urgent first."""

    SUBMIT = 0
    LOOK = 1
    LOCATE = 2
    WATCH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call to make: a plant's list, everything's list, or something about one inverter."""

    kind: StepKind
    plant_id: str = ""
    serial: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Planned:
    """A step and the time it is for."""

    step: Step
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the account's cloud can be asked."""

    submit: bool = True
    watch: bool = False
    locate: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """A list that is being read page by page: the next page, and what the earlier ones showed."""

    page: int = 1
    serials: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything the next step depends on.

    Attributes:
        bindings: the account's bindings by serial number.
        means: what the cloud can be asked.
        looks: plants whose lists are half read.
        watch: the cheap list, when it is half read.
        watched_at: when the cheap list was last read to its end.
        asked: serial numbers that somebody wants checked, and since when.
        ready_at: the ledger's answer to when a step may be taken.

    """

    bindings: Mapping[str, Binding]
    means: Means
    ready_at: Callable[[Step], float]
    looks: Mapping[str, Round]
    watch: Round | None = None
    watched_at: float | None = None
    asked: Mapping[str, float]


def plan(situation: Situation, timing: Timing, now: float) -> Planned | None:
    """Return the next step and its time, None when nothing is left to do."""
    best: Planned | None = None
    ready: dict[Step, float] = {}
    for due, step in _wanted(situation, timing, now):
        if best is not None and due > best.at:
            continue
        if step not in ready:
            ready[step] = situation.ready_at(step)
        candidate = Planned(step, max(due, ready[step], now))
        if best is None or (candidate.at, step.kind) < (best.at, best.step.kind):
            best = candidate
    return best


def _wanted(
    situation: Situation, timing: Timing, now: float
) -> Iterator[tuple[float, Step]]:
    """Yield every step that is wanted, with the time from which it is."""
    for plant_id, look in situation.looks.items():
        yield now, _look(situation, plant_id, look.page)
    if situation.watch is not None:
        yield now, Step(kind=StepKind.WATCH, page=situation.watch.page)
    for binding in situation.bindings.values():
        yield from _wanted_for(binding, situation, timing, now)


def _look(situation: Situation, plant_id: str, page: int | None = None) -> Step:
    """Return the step that reads on in a plant's list."""
    if page is None:
        page = situation.looks.get(plant_id, Round()).page
    return Step(kind=StepKind.LOOK, plant_id=plant_id, page=page)


def _wanted_for(
    binding: Binding, situation: Situation, timing: Timing, now: float
) -> Iterable[tuple[float, Step]]:
    """Yield the steps that one binding wants."""
    look = _look(situation, binding.plant_id)
    locate = Step(kind=StepKind.LOCATE, serial=binding.serial)
    asked = situation.asked.get(binding.serial)
    if asked is not None:
        if _before(binding.looked_at, asked):
            yield now, look
        elif (
            situation.means.locate
            and binding.state is not BindingState.ASSOCIATED
            and _before(binding.located_at, asked)
        ):
            yield now, locate
    if binding.state is BindingState.QUEUED and situation.means.submit:
        submit = Step(kind=StepKind.SUBMIT, plant_id=binding.plant_id, serial=binding.serial)
        yield binding.not_before, submit
    elif binding.state is BindingState.UNCONFIRMED:
        yield from _settling(binding, situation, timing, now)
    elif binding.state is BindingState.ACCEPTED:
        yield from _waiting(binding, situation, timing, now)


def _settling(
    binding: Binding, situation: Situation, timing: Timing, now: float
) -> Iterable[tuple[float, Step]]:
    """Yield how to find out what became of a request: look first, then ask who holds it."""
    if _before(binding.looked_at, binding.sent_at or 0):
        yield now, _look(situation, binding.plant_id)
    elif situation.means.locate and _before(binding.located_at, binding.sent_at or 0):
        yield now, Step(kind=StepKind.LOCATE, serial=binding.serial)
    else:
        yield from _waiting(binding, situation, timing, now)


def _waiting(
    binding: Binding, situation: Situation, timing: Timing, now: float
) -> Iterable[tuple[float, Step]]:
    """Yield how to notice that a device has appeared."""
    look = _look(situation, binding.plant_id)
    means = situation.means
    if binding.seen_at is not None:
        if _before(binding.looked_at, binding.seen_at):
            yield now, look
        if means.locate and _before(binding.located_at, binding.seen_at):
            yield now, Step(kind=StepKind.LOCATE, serial=binding.serial)
    since = binding.waiting_since
    interval = timing.watch_interval(now - since)
    if means.watch:
        yield _next_look(situation.watched_at, since, interval, timing), Step(kind=StepKind.WATCH)
        yield max(binding.looked_at or 0, since) + max(interval, timing.look_beside_watch), look
    else:
        yield _next_look(binding.looked_at, since, interval, timing), look


def _next_look(last: float | None, since: float, interval: float, timing: Timing) -> float:
    """Return when to look again: soon when nobody has looked since the wait began."""
    if last is None or last < since:
        return since + timing.first_look
    return last + interval


def _before(at: float | None, mark: float) -> bool:
    """Tell whether something has not happened since a mark."""
    return at is None or at < mark
