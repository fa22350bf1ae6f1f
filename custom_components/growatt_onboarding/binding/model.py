"""A binding: the request to add a device to a plant, and what became of it.

A device is an inverter, or the datalogger that brings inverters online.
"""

from collections.abc import Callable
from copy import replace
from enum import StrEnum
import math
from operator import attrgetter
from typing import Any, Final, NamedTuple, Self, get_type_hints

from ..cloud.errors import DATALOGGER_MISSING, DATALOGGER_UNLINKED
from ..cloud.model import DeviceKind
from .timing import Timing


class BindingState(StrEnum):
    """The state of a binding; docs/reference.md explains each in its section *Entities*."""

    QUEUED = "queued"
    UNCONFIRMED = "unconfirmed"
    ACCEPTED = "accepted"
    ASSOCIATED = "associated"
    LOST = "lost"
    CONFLICT = "conflict"
    REJECTED = "rejected"

    @property
    def pending(self) -> bool:
        """Whether the association is still awaited."""
        return self in (BindingState.QUEUED, BindingState.UNCONFIRMED, BindingState.ACCEPTED)

    @property
    def refused(self) -> bool:
        """Whether the cloud has refused it, or has it elsewhere: what is left is a repair."""
        return self in (BindingState.CONFLICT, BindingState.REJECTED)


# What waits for the device itself: the cloud has said yes, or may have.
_AWAITING_DEVICE: Final = (BindingState.UNCONFIRMED, BindingState.ACCEPTED)

# What the cloud refuses only until a datalogger of the plant is associated.
_UNTIL_DATALOGGER: Final = (DATALOGGER_MISSING, DATALOGGER_UNLINKED)

type ListKey = tuple[str, DeviceKind]
"""A plant's list of one kind of device: the plant's id, and the kind."""


class Binding(NamedTuple):
    """One device's binding. Times are Unix time in seconds; None means "not yet".

    Attributes:
        plant_id: the plant it is to be added to.
        kind: an inverter or a datalogger.
        queued_at: when the binding was requested.
        sent_at: when it was last sent, or was about to be.
        accepted_at: when the cloud accepted it.
        associated_at: when it was seen in its plant, a datalogger with its reports.
        overdue_at: when it was found to have waited too long.
        list_checked_at: when the plant's list was last read completely since `sent_at`.
        watch_seen_at: when the watch list, which names no plants, first showed it since `sent_at`.
        holder_checked_at: when the cloud was last asked who holds it since `sent_at`.
        missing_at: when the plant's list first lacked it although it is associated.
        failures: how many times in a row the cloud failed to accept it or never answered.
        known_to_cloud: the cloud answered that it already knows this serial number.
        maybe_accepted_before: the cloud may have accepted it before `sent_at`, so "already
            exists" can refer to our own request.
        device_key: the cloud's own key of the device, by which a list may show it.
        reason: translation key of why it was rejected or is being retried.
        message: the cloud's own message about that.
        holder_plant: id of the other plant that holds it.
        holder_plant_name: what the cloud calls that plant.
        holder_owner: id of the account that owns that plant.
        model: the cloud's name for the model.
        series: what the cloud calls the series that the model belongs to.
        datalogger: serial number of the datalogger that connects it.
        silent: the plant's list shows the datalogger, but no report of it since `sent_at`.
        last_report: when the datalogger last reported, by the cloud's clock.
        brought_at: when an inverter was first seen behind the datalogger.
        behind_checked_at: when the plant's inverters were last listed to find such a one.
        keep_refused: it stays if the cloud refuses it for good; so does what was accepted once.

    """

    serial: str
    plant_id: str
    queued_at: float
    kind: DeviceKind = DeviceKind.INVERTER
    state: BindingState = BindingState.QUEUED
    sent_at: float | None = None
    accepted_at: float | None = None
    associated_at: float | None = None
    overdue_at: float | None = None
    list_checked_at: float | None = None
    watch_seen_at: float | None = None
    holder_checked_at: float | None = None
    missing_at: float | None = None
    failures: int = 0
    known_to_cloud: bool = False
    maybe_accepted_before: bool = False
    device_key: str | None = None
    reason: str | None = None
    message: str | None = None
    holder_plant: str | None = None
    holder_plant_name: str | None = None
    holder_owner: str | None = None
    model: str | None = None
    series: str | None = None
    datalogger: str | None = None
    silent: bool = False
    last_report: float | None = None
    brought_at: float | None = None
    behind_checked_at: float | None = None
    keep_refused: bool = True

    @property
    def list_key(self) -> ListKey:
        """The list that shows it."""
        return self.plant_id, self.kind

    @property
    def pending(self) -> bool:
        """Whether the association is still awaited."""
        return self.state.pending

    @property
    def retried(self) -> bool:
        """Whether it is queued because the cloud failed to take it, and so is sent again."""
        return self.state is BindingState.QUEUED and self.reason is not None

    @property
    def refused_for_now(self) -> bool:
        """Whether it is sent again once a datalogger of its plant is associated."""
        return self.state is BindingState.REJECTED and self.reason in _UNTIL_DATALOGGER

    @property
    def unwanted(self) -> bool:
        """Whether it is to be removed: refused for good, and not to be kept then."""
        return not self.keep_refused and self.state.refused and not self.refused_for_now

    @property
    def waiting_since(self) -> float:
        """When the wait for the association began."""
        return self.accepted_at or self.sent_at or self.queued_at

    @property
    def overdue(self) -> bool:
        """Whether it was found to have waited too long, since the wait began."""
        return (
            self.state in _AWAITING_DEVICE
            and self.overdue_at is not None
            and self.overdue_at >= self.waiting_since
        )

    @property
    def names(self) -> frozenset[str]:
        """What a list may show it by."""
        return frozenset(filter(None, (self.serial, self.device_key)))

    def as_dict(self) -> dict[str, Any]:
        """Return the data to store: the state, and each field that differs from its default."""
        known = {
            name: value.value if isinstance(value, StrEnum) else value
            for name, value in self._asdict().items()
            if name not in self._field_defaults or value != self._field_defaults[name]
        }
        return known | {"state": self.state.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the binding from `as_dict` data; raise ValueError if the data is invalid."""
        try:
            values = {name: _restored(name, value) for name, value in data.items()}
            kind = _KINDS[values.get("kind", DeviceKind.INVERTER)]
            return cls(**values | {"state": BindingState(values["state"]), "kind": kind})
        except (AttributeError, KeyError, OverflowError, TypeError) as err:
            raise ValueError(f"not a binding: {err}") from err


# The kinds of device that can be bound.
_KINDS: Final = {kind.value: kind for kind in (DeviceKind.INVERTER, DeviceKind.DATALOGGER)}

_CHECK_TIMES: Final = (
    "list_checked_at",
    "watch_seen_at",
    "holder_checked_at",
    "missing_at",
    "behind_checked_at",
)
persistent_fields: Final[Callable[[Binding], tuple[Any, ...]]] = attrgetter(
    *(name for name in Binding._fields if name not in _CHECK_TIMES)
)
"""The fields whose change is written and published at once: all but the times of checks."""

_TIMES: Final = tuple(name for name in Binding._fields if name.endswith("_at"))

_FIELD_TYPES = get_type_hints(Binding) | {"state": str, "kind": str}


def _restored(name: str, value: object) -> Any:
    """Return a stored value with its field's type; JSON may have turned a float into an int."""
    kind = _FIELD_TYPES[name]
    if type(value) is int and kind is not int:
        value = float(value)
    if (
        value is None
        or not isinstance(value, kind)
        or (isinstance(value, bool) and kind is not bool)
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        raise TypeError(name)
    return value


def may_bring(binding: Binding) -> bool:
    """Return whether inverters behind it are the account's: an associated datalogger's are."""
    return binding.kind is DeviceKind.DATALOGGER and binding.state is BindingState.ASSOCIATED


def without_future(binding: Binding, now: float) -> Binding:
    """Return a stored binding whose times in the future are now.

    A computer that has no battery for its clock can come back from a power cut at an earlier time.
    """
    times = {name: getattr(binding, name) for name in _TIMES}
    late: dict[str, Any] = {name: now for name, at in times.items() if at is not None and at > now}
    return replace(binding, **late)


class Problem(StrEnum):
    """Why a binding needs attention."""

    OVERDUE = "overdue"
    CONFLICT = "conflict"
    REJECTED = "rejected"


def problem(binding: Binding) -> Problem | None:
    """Return what is wrong with a binding, None if nothing is or it is about to be removed."""
    if binding.unwanted:
        return None
    if binding.state is BindingState.CONFLICT:
        return Problem.CONFLICT
    if binding.state is BindingState.REJECTED:
        return Problem.REJECTED
    return Problem.OVERDUE if binding.overdue else None


def overdue_from(binding: Binding, timing: Timing) -> float | None:
    """Return when a binding becomes overdue if nothing changes, None if it is or cannot."""
    if binding.overdue or binding.state not in _AWAITING_DEVICE:
        return None
    return binding.waiting_since + timing.overdue_after
