"""A cloud reduced to what a binding can notice of it, with its limits strictly enforced."""

from dataclasses import dataclass, field
from enum import Enum, auto

from custom_components.growatt_onboarding.binding.planner import Step, StepKind

DAY = 86_400
PAGE_SIZE = 2
# Seconds between calls, and calls in any 24 hours, as the vendor documents them.
INTERVALS = {
    StepKind.SUBMIT: 300,
    StepKind.LOOK: 300,
    StepKind.LOCATE: 300,
    StepKind.WATCH: 5,
    "verify": 300,
}
PER_DAY = {"verify": 10}
FOREIGN = "foreign"


class Fault(Enum):
    """What can go wrong with one call."""

    NONE = auto()
    NOT_DELIVERED = auto()  # no answer, nothing done
    NOT_ANSWERED = auto()  # no answer, but done
    BLOCKED = auto()  # a firewall's page
    TOO_OFTEN = auto()  # 10012 without a reason
    SYSTEM = auto()  # 10001, 10010
    REFUSED = auto()  # 10002 and the like
    DENIED = auto()  # 10011


class Result(Enum):
    """How a call looks from here."""

    DONE = auto()
    EXISTS = auto()
    NO_ANSWER = auto()
    BLOCKED = auto()
    TOO_OFTEN = auto()
    SYSTEM = auto()
    REFUSED = auto()
    DENIED = auto()


_NOT_COUNTED = {
    Fault.NOT_DELIVERED: Result.NO_ANSWER,
    Fault.BLOCKED: Result.BLOCKED,
    Fault.TOO_OFTEN: Result.TOO_OFTEN,
}
_NOT_DONE = {
    Fault.SYSTEM: Result.SYSTEM,
    Fault.DENIED: Result.DENIED,
    Fault.REFUSED: Result.REFUSED,
}


@dataclass(frozen=True)
class Answer:
    """A result, and what a list or a question brought."""

    result: Result
    serials: tuple[str, ...] = ()
    more: bool = False
    plant_id: str | None = None


@dataclass
class Device:
    """A device; it gets to where it was requested when it is online."""

    online: bool = False
    plant_id: str | None = None
    placed_at: float = 0
    slot: int = 0
    requested: str | None = None
    accepted: int = 0


@dataclass
class ModelCloud:
    """A cloud with true time. `by_endpoint` is how it counts."""

    by_endpoint: bool = False
    time: float = 1_700_000_000.0
    devices: dict[str, Device] = field(default_factory=dict)
    calls: list[tuple[float, Step | str]] = field(default_factory=list)
    too_often: list[tuple[float, str]] = field(default_factory=list)
    _last: dict[tuple[str, str], float] = field(default_factory=dict)
    _counted: dict[str, list[float]] = field(default_factory=dict)

    def device(self, serial: str) -> Device:
        return self.devices.setdefault(serial, Device())

    def bring_online(self, serial: str) -> None:
        device = self.device(serial)
        device.online = True
        if device.requested is not None:
            self.place(serial, device.requested)

    def place(self, serial: str, plant_id: str | None) -> None:
        """Put a device somewhere. Its place in the lists stays its own: they do not shift."""
        device = self.device(serial)
        device.plant_id = None
        device.plant_id, device.requested, device.placed_at = plant_id, None, self.time
        taken = {other.slot for other in self.devices.values() if other.plant_id is not None}
        device.slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)

    def call(self, step: Step, subject: str, fault: Fault = Fault.NONE) -> Answer:
        """Answer a call that arrives now."""
        self.calls.append((self.time, step))
        if fault in _NOT_COUNTED:
            return Answer(_NOT_COUNTED[fault])
        if not self.admit(step.kind, subject):
            return Answer(Result.TOO_OFTEN)
        if fault in _NOT_DONE:
            # Only a submission can be refused for good.
            refused = fault is Fault.REFUSED and step.kind is not StepKind.SUBMIT
            return Answer(Result.SYSTEM if refused else _NOT_DONE[fault])
        answer = self._do(step)
        return Answer(Result.NO_ANSWER) if fault is Fault.NOT_ANSWERED else answer

    def admit(self, endpoint: str, subject: str) -> bool:
        """Count a call unless it is over a limit."""
        key = (endpoint, "" if self.by_endpoint else subject)
        recent = [at for at in self._counted.get(endpoint, []) if self.time - at < DAY]
        if self.time - self._last.get(key, 0) < INTERVALS[endpoint] or len(recent) >= PER_DAY.get(
            endpoint, len(recent) + 1
        ):
            self.too_often.append((self.time, endpoint))
            return False
        self._last[key] = self.time
        self._counted[endpoint] = [*recent, self.time] if endpoint in PER_DAY else []
        return True

    def _do(self, step: Step) -> Answer:
        match step.kind:
            case StepKind.SUBMIT:
                device = self.device(step.serial)
                if device.plant_id is not None:
                    return Answer(Result.EXISTS)
                device.accepted += 1
                device.requested = step.plant_id
                if device.online:
                    self.place(step.serial, step.plant_id)
                return Answer(Result.DONE)
            case StepKind.LOOK:
                return self._page(step, {step.plant_id})
            case StepKind.WATCH:
                plants = {device.plant_id for device in self.devices.values()}
                return self._page(step, plants - {None, FOREIGN})
            case StepKind.LOCATE:
                plant_id = self.device(step.serial).plant_id
                if plant_id == FOREIGN:
                    return Answer(Result.DENIED)
                return Answer(Result.DONE, plant_id=plant_id)

    def _page(self, step: Step, plants: set[str | None]) -> Answer:
        first = (step.page - 1) * PAGE_SIZE
        slots = {
            serial: device.slot
            for serial, device in self.devices.items()
            if device.plant_id in plants
        }
        return Answer(
            Result.DONE,
            serials=tuple(
                serial for serial, slot in slots.items() if first <= slot < first + PAGE_SIZE
            ),
            more=any(slot >= first + PAGE_SIZE for slot in slots.values()),
        )
