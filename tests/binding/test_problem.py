"""What a person has to know of a binding."""

from copy import replace

import pytest

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.binding.problem import Problem, problem, problem_due_at
from custom_components.growatt_onboarding.binding.timing import Timing

TIMING = Timing()
DAY = 86_400
SENT = transitions.sending(transitions.queue("SN0001", "1", 1_000.0), 2_000.0)


@pytest.mark.parametrize(
    ("binding", "since"),
    [
        (SENT, 2_000),
        (transitions.accepted(SENT, 3_000), 3_000),
        (transitions.recover("SN1", "1", 5_000), 5_000),
    ],
)
def test_a_wait_of_a_day_is_overdue(binding: Binding, since: float) -> None:
    assert problem_due_at(binding, TIMING) == since + DAY
    assert problem(binding, TIMING, since + DAY - 1) is None
    assert problem(binding, TIMING, since + DAY) is Problem.OVERDUE


@pytest.mark.parametrize("state", BindingState)
def test_only_what_waits_for_the_device_becomes_overdue(state: BindingState) -> None:
    binding = replace(SENT, state=state)
    waits = state in (BindingState.UNCONFIRMED, BindingState.ACCEPTED)
    assert (problem_due_at(binding, TIMING) is not None) is waits
    expected = {
        BindingState.UNCONFIRMED: Problem.OVERDUE,
        BindingState.ACCEPTED: Problem.OVERDUE,
        BindingState.CONFLICT: Problem.CONFLICT,
        BindingState.REJECTED: Problem.REJECTED,
    }
    assert problem(binding, TIMING, 1e9) is expected.get(state)
