"""What is wrong with a binding, as far as a person has to know and can do something about it."""

from enum import StrEnum

from .model import Binding, BindingState
from .timing import Timing


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
