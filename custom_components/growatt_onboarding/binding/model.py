"""A binding: our request that an inverter belong to a plant, and what became of it."""

from collections.abc import Callable
from enum import StrEnum
import math
from operator import attrgetter
from typing import Any, Final, NamedTuple, Self, get_type_hints

from .timing import Timing


class BindingState(StrEnum):
    """Where a binding stands; section *Entities* of docs/reference.md tells what each means."""

    QUEUED = "queued"
    UNCONFIRMED = "unconfirmed"
    ACCEPTED = "accepted"
    ASSOCIATED = "associated"
    LOST = "lost"
    CONFLICT = "conflict"
    REJECTED = "rejected"

    @property
    def pending(self) -> bool:
        """Whether the association is still to come."""
        return self in (BindingState.QUEUED, BindingState.UNCONFIRMED, BindingState.ACCEPTED)


class Binding(NamedTuple):
    """One inverter's binding. Times are Unix seconds, None for "not yet".

    Attributes:
        serial: serial number of the inverter.
        plant_id: the plant it shall stand in.
        queued_at: when it was asked for.
        state: where the binding stands.
        sent_at: when it was last sent, or was about to be.
        accepted_at: when the cloud said yes.
        associated_at: when it was seen in its plant.
        list_checked_at: when the plant's list was last read to its end for it, since it was sent.
        watch_seen_at: when a list that names no plants first showed it, since it was sent.
        holder_checked_at: when the cloud was last asked who holds it, since it was sent.
        missing_at: when its plant's list first lacked it although it is associated.
        failures: how often in a row the cloud failed to take it, or never answered.
        known_to_cloud: the cloud answered that it knows this serial number already.
        maybe_accepted_before: it may have been accepted before `sent_at`, so "already exists" can
            mean our own request.
        reason: translation key of why it was rejected or is being retried.
        message: the cloud's own words for that.
        holder_plant: name or id of the plant that holds it instead.
        holder_owner: id of the account that holds it instead.
        model: the cloud's name of the model.
        datalogger: serial number of the datalogger that connects it.

    """

    serial: str
    plant_id: str
    queued_at: float
    state: BindingState = BindingState.QUEUED
    sent_at: float | None = None
    accepted_at: float | None = None
    associated_at: float | None = None
    list_checked_at: float | None = None
    watch_seen_at: float | None = None
    holder_checked_at: float | None = None
    missing_at: float | None = None
    failures: int = 0
    known_to_cloud: bool = False
    maybe_accepted_before: bool = False
    reason: str | None = None
    message: str | None = None
    holder_plant: str | None = None
    holder_owner: str | None = None
    model: str | None = None
    datalogger: str | None = None

    @property
    def pending(self) -> bool:
        """Whether the association is still to come."""
        return self.state.pending

    @property
    def waiting_since(self) -> float:
        """When the wait for the association began."""
        return self.accepted_at or self.sent_at or self.queued_at

    def as_dict(self) -> dict[str, Any]:
        """Return what has to be stored: the state, and everything else that is known."""
        known = {
            name: value
            for name, value in self._asdict().items()
            if name not in self._field_defaults or value != self._field_defaults[name]
        }
        return known | {"state": self.state.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the binding that `as_dict` described.

        Raises ValueError when the data does not describe a binding.
        """
        try:
            values = {name: _restored(name, value) for name, value in data.items()}
            return cls(**values | {"state": BindingState(values["state"])})
        except (AttributeError, KeyError, OverflowError, TypeError) as err:
            raise ValueError(f"not a binding: {err}") from err


_LOOKS: Final = ("list_checked_at", "watch_seen_at", "holder_checked_at", "missing_at")
persistent_fields: Final[Callable[[Binding], tuple[Any, ...]]] = attrgetter(
    *(name for name in Binding._fields if name not in _LOOKS)
)
"""What of a binding is worth a write and worth telling: all but when it was last looked for."""

_KINDS = get_type_hints(Binding) | {"state": str}


def _restored(name: str, value: object) -> Any:
    """Return a stored value as its field takes it; JSON may have made a whole time an integer."""
    kind = _KINDS[name]
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


class Problem(StrEnum):
    """Why a binding does not come to its end by itself."""

    OVERDUE = "overdue"
    CONFLICT = "conflict"
    REJECTED = "rejected"


def problem(binding: Binding, timing: Timing, now: float) -> Problem | None:
    """Return what is wrong with a binding, None when nothing is."""
    if binding.state is BindingState.CONFLICT:
        return Problem.CONFLICT
    if binding.state is BindingState.REJECTED:
        return Problem.REJECTED
    due_at = problem_due_at(binding, timing)
    return Problem.OVERDUE if due_at is not None and due_at <= now else None


def problem_due_at(binding: Binding, timing: Timing) -> float | None:
    """Return when a binding becomes overdue if nothing changes, None when it cannot."""
    if binding.state in (BindingState.UNCONFIRMED, BindingState.ACCEPTED):
        return binding.waiting_since + timing.overdue_after
    return None
