"""Carries out what the planner says, as an account's coordinator does, against a model cloud.

What is stored goes through JSON; everything else is lost at a restart.
"""

from copy import replace
from dataclasses import dataclass, field
from enum import Enum, auto
import json

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import (
    Binding,
    BindingState,
    ListKey,
    without_future,
)
from custom_components.growatt_onboarding.binding.planner import (
    Abilities,
    Memo,
    PartialList,
    Planned,
    PlannerInput,
    Step,
    StepKind,
    plan,
    requested_steps,
)
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.model import Sighting
from custom_components.growatt_onboarding.gateway.ledger import Ledger, Limit

from .cloud_model import Answer, Fault, ModelCloud, Result

TIMING = Timing()
LIMITS = {
    StepKind.SUBMIT: Limit(TIMING.slow_cooldown),
    StepKind.LOOK: Limit(TIMING.slow_cooldown),
    StepKind.LOCATE: Limit(TIMING.slow_cooldown),
    StepKind.WATCH: Limit(TIMING.quick_cooldown),
    "verify": Limit(TIMING.slow_cooldown, 10),
}


class Point(Enum):
    """Where a crash can happen in a call."""

    WRITTEN = auto()  # the binding is on disk, the call is not noted
    NOTED = auto()  # the call is noted, nothing left
    SENT = auto()  # the cloud has done it, its answer is not on disk


class Crashed(Exception):  # noqa: N818 - it is no error here
    """The process is gone."""


@dataclass
class Driver:
    """An account. `offset` is how far our clock is off the cloud's true time."""

    cloud: ModelCloud
    abilities: Abilities = field(default_factory=Abilities)
    offset: float = 0
    disk_bindings: str = "{}"
    disk_ledger: str = ""
    # What our clock and the true one showed when the ledger was last written.
    disk_clock: tuple[float, float] = (0, 0)

    def __post_init__(self) -> None:
        self.ledger = Ledger(TIMING)
        self.memo = Memo()
        self.save_ledger()
        self.start()

    @property
    def now(self) -> float:
        return self.cloud.time + self.offset

    def reboot(self, counted: float) -> None:
        """Begin after a boot of the machine, with a part of the time since the last write."""
        saved_at, truly = self.disk_clock
        unproven = (self.cloud.time - truly) * counted
        self.offset = saved_at + unproven - self.cloud.time
        self.start(unproven)

    def start(self, unproven: float = 0) -> None:
        """Begin with what is on disk."""
        self.bindings = {
            serial: without_future(Binding.from_dict(data), self.now)
            for serial, data in json.loads(self.disk_bindings).items()
        }
        self.ledger = Ledger.from_dict(json.loads(self.disk_ledger), TIMING)
        self.ledger.reopen(self.now, unproven)
        self.asked: dict[str, float] = {}
        self.looks: dict[ListKey, PartialList] = {}
        self.watched: set[str] = set()
        self.watch: PartialList | None = None
        self.watched_at: float | None = None
        self.watch_allowed = True
        self.blocked: dict[Step, tuple[int, float]] = {}

    def save(self) -> None:
        self.disk_bindings = json.dumps(
            {serial: binding.as_dict() for serial, binding in self.bindings.items()}
        )

    def save_ledger(self) -> None:
        self.ledger.prune(self.now)
        self.disk_ledger = json.dumps(self.ledger.as_dict())
        self.disk_clock = self.now, self.cloud.time

    def add(self, serial: str, plant_id: str) -> None:
        self.bindings[serial] = transitions.queue(serial, plant_id, self.now)
        self.save()

    def plan(self) -> Planned | None:
        watch = self.abilities.watch and self.watch_allowed
        given = PlannerInput(
            bindings=self.bindings,
            abilities=replace(self.abilities, watch=watch),
            ready_at=self._ready_at,
            soonest=self.ledger.soonest(self.now),
            looks=self.looks,
            watch=self.watch if watch else None,
            watched_at=self.watched_at,
            asked=self.asked,
        )
        planned = plan(given, TIMING, self.now)
        assert plan(given, TIMING, self.now, self.memo) == planned
        return planned

    def _ready_at(self, step: Step) -> float:
        _, blocked = self.blocked.get(step, (0, 0.0))
        ready = self.ledger.ready_at(step.kind, _subject(step), LIMITS[step.kind], self.now)
        return max(ready, self.ledger.paused_until, blocked)

    def go_on(
        self,
        fault: Fault = Fault.NONE,
        latency: float = 0.2,
        crash: Point | None = None,
        longest: float = float("inf"),
    ) -> Step | None:
        """Wait for the next step and take it; None when there is none within `longest`.

        The request arrives after `latency`, and its answer as much later. Raises Crashed.
        """
        planned = self.plan()
        if planned is None or planned.at > self.now + longest:
            return None
        # A timer fires late rather than early, but in floats it may not.
        self.cloud.time = max(self.cloud.time, planned.at - self.offset + 1e-6)
        self._carry_out(planned.step, fault, latency, crash)
        return planned.step

    def verify(self) -> None:
        """Make a call of few a day, as a dialog does, if the ledger lets it."""
        limit = LIMITS["verify"]
        if self.ledger.ready_at("verify", "", limit, self.now) <= self.now:
            if self.ledger.record("verify", "", limit, self.now):
                self.save_ledger()
            if self.cloud.admit("verify", ""):
                self.ledger.let_through("verify", "", limit, self.now)
            else:
                self.ledger.refused("verify", "", limit, self.now)

    def _carry_out(self, step: Step, fault: Fault, latency: float, crash: Point | None) -> None:
        began = self.now
        limit, subject = LIMITS[step.kind], _subject(step)
        before = self.bindings.get(step.serial)
        if step.kind is StepKind.SUBMIT:
            assert before is not None
            self._change(transitions.sending(before, self.now), always=True)
        _crash_at(Point.WRITTEN, crash)
        if self.ledger.record(step.kind, subject, limit, self.now):
            self.save_ledger()
        _crash_at(Point.NOTED, crash)
        self.cloud.time += latency
        answer = self.cloud.call(step, subject, fault)
        _crash_at(Point.SENT, crash)
        self.cloud.time += latency

        done = answer.result is Result.DONE
        self.ledger.finished(step.kind, subject, self.now)
        if done:
            self.ledger.let_through(step.kind, subject, limit, self.now)
        if answer.result in (Result.NO_ANSWER, Result.BLOCKED):
            self.ledger.unreachable(self.now)
        else:
            self.ledger.reached()
        if answer.result is Result.TOO_OFTEN:
            lesson = self.ledger.by_endpoint
            self.ledger.refused(step.kind, subject, limit, self.now)
            if self.ledger.by_endpoint is not lesson:
                self.save_ledger()

        if step.kind is StepKind.SUBMIT:
            self._submitted(step, before, answer)
        elif done:
            self._took(step, answer, began)
        else:
            self._failed(step, answer)
        if done:
            self.blocked.pop(step, None)

    def _submitted(self, step: Step, before: Binding | None, answer: Answer) -> None:
        sent = self.bindings[step.serial]
        match answer.result:
            case Result.DONE:
                self._change(transitions.accepted(sent, self.now))
            case Result.EXISTS:
                self._change(transitions.known_already(sent))
            case Result.SYSTEM:
                self._change(transitions.failed(sent, "system_error", "error"))
            case Result.REFUSED | Result.DENIED:
                self._change(transitions.rejected(sent, "rejected", None))
            case Result.BLOCKED | Result.TOO_OFTEN:
                assert before is not None
                self._change(before, always=True)
            case Result.NO_ANSWER:
                pass

    def _took(self, step: Step, answer: Answer, began: float) -> None:
        match step.kind:
            case StepKind.LOOK:
                self._looked(step, answer, began)
            case StepKind.LOCATE:
                binding, plant_id = self.bindings[step.serial], answer.plant_id
                if plant_id is None:
                    self._change(transitions.unclaimed(binding, self.now))
                else:
                    ours = plant_id == binding.plant_id
                    self._change(
                        transitions.located(binding, self.now, plant_id=plant_id, ours=ours)
                    )
            case StepKind.WATCH:
                self.watched = {*(self.watched if step.page > 1 else ()), *answer.serials}
                self.watch = PartialList(step.page + 1) if answer.more else None
                if self.watch is None:
                    self.watched_at = self.now
                for serial in self.watched & self.bindings.keys():
                    self._change(transitions.seen(self.bindings[serial], self.now))

    def _looked(self, step: Step, answer: Answer, began: float) -> None:
        look = self.looks.pop(step.list_key, PartialList(began=began))
        serials = look.serials | set(answer.serials)
        for binding in list(self.bindings.values()):
            if binding.plant_id != step.plant_id:
                continue
            if binding.serial in answer.serials:
                sighting = Sighting(serial=binding.serial, model="model")
                self._change(transitions.listed(binding, sighting, self.now))
            elif not answer.more and binding.serial not in serials:
                self._change(transitions.absent(binding, self.now, look.began))
        if answer.more:
            self.looks[step.list_key] = PartialList(step.page + 1, serials, look.began)

    def _failed(self, step: Step, answer: Answer) -> None:
        if answer.result is Result.TOO_OFTEN:
            return
        if step.kind is StepKind.LOOK:
            self.looks.pop(step.list_key, None)
        if answer.result is Result.DENIED and step.kind is StepKind.LOCATE:
            self._change(transitions.holder_unknown(self.bindings[step.serial], self.now))
        elif answer.result is Result.DENIED and step.kind is StepKind.WATCH:
            self.watch_allowed = False
        elif answer.result not in (Result.NO_ANSWER, Result.BLOCKED):
            failures, _ = self.blocked.get(step, (0, 0.0))
            pause = TIMING.retry_pause(failures + 1)
            self.blocked[step] = (failures + 1, self.now + pause)

    def _change(self, binding: Binding, *, always: bool = False) -> None:
        before = self.bindings[binding.serial]
        self.bindings[binding.serial] = binding
        self.asked = {
            serial: since
            for serial, since in self.asked.items()
            if any(requested_steps(self.bindings[serial], since, self.abilities))
        }
        if always or _material(before) != _material(binding):
            self.save()


def _material(binding: Binding) -> Binding:
    """Return a binding without the times that are not worth a write."""
    return replace(binding, list_checked_at=None, holder_checked_at=None, watch_seen_at=None)


def _subject(step: Step) -> str:
    return f"plant_id={step.plant_id}&sn={step.serial}&page={step.page}"


def _crash_at(point: Point, crash: Point | None) -> None:
    if point is crash:
        raise Crashed


def pending_states() -> set[BindingState]:
    """Return the states in which the design has "pending" on."""
    return {BindingState.QUEUED, BindingState.UNCONFIRMED, BindingState.ACCEPTED}
