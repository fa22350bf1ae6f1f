"""A binding is stored and comes back as it was; anything else is refused."""

from copy import replace
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import (
    Binding,
    BindingState,
    Problem,
    overdue_from,
    problem,
    without_future,
)
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.model import DeviceKind

TIMING = Timing()
DAY = 86_400
TIMES = st.none() | st.floats(0, 1e11) | st.integers(0, 10**11).map(float)
TEXTS = st.none() | st.text(max_size=8)
BINDINGS = st.builds(
    Binding,
    serial=st.text(),
    plant_id=st.text(),
    kind=st.sampled_from((DeviceKind.INVERTER, DeviceKind.DATALOGGER)),
    state=st.sampled_from(BindingState),
    queued_at=st.floats(0, 1e11),
    sent_at=TIMES,
    accepted_at=TIMES,
    associated_at=TIMES,
    list_checked_at=TIMES,
    watch_seen_at=TIMES,
    holder_checked_at=TIMES,
    missing_at=TIMES,
    failures=st.integers(0, 100),
    known_to_cloud=st.booleans(),
    maybe_accepted_before=st.booleans(),
    reason=TEXTS,
    message=TEXTS,
    holder_plant=TEXTS,
    holder_plant_name=TEXTS,
    holder_owner=TEXTS,
    model=TEXTS,
    series=TEXTS,
    datalogger=TEXTS,
    silent=st.booleans(),
    last_report=TIMES,
    brought_at=TIMES,
    behind_checked_at=TIMES,
)
LEAST = {"serial": "SN0001", "plant_id": "1", "state": "queued", "queued_at": 1.5}


@given(BINDINGS)
def test_what_is_stored_comes_back(binding: Binding) -> None:
    assert Binding.from_dict(json.loads(json.dumps(binding.as_dict()))) == binding


@given(BINDINGS, st.floats(0, 1e11))
def test_what_lies_in_the_future_is_now(binding: Binding, now: float) -> None:
    restored = without_future(binding, now)
    for name, value in binding._asdict().items():
        late = name.endswith("_at") and value is not None and value > now
        assert getattr(restored, name) == (now if late else value)


@given(BINDINGS)
def test_whole_times_may_have_become_integers(binding: Binding) -> None:
    stored = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in binding.as_dict().items()
    }
    restored = Binding.from_dict(stored)
    assert restored == binding
    assert [type(value) for value in restored] == [type(value) for value in binding]


def test_only_what_is_known_is_stored() -> None:
    assert Binding(serial="SN0001", plant_id="1", queued_at=1.5).as_dict() == LEAST
    assert "sent_at" in Binding(serial="S", plant_id="1", queued_at=0.0, sent_at=0.0).as_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"serial": 5},
        {"serial": None},
        {"plant_id": True},
        {"queued_at": "1"},
        {"queued_at": True},
        {"queued_at": None},
        {"queued_at": float("nan")},
        {"queued_at": float("inf")},
        {"queued_at": 10**400},
        {"sent_at": None},
        {"sent_at": [1]},
        {"failures": 1.0},
        {"failures": True},
        {"failures": "1"},
        {"known_to_cloud": 1},
        {"known_to_cloud": "yes"},
        {"reason": 1},
        {"state": "unheard_of"},
        {"state": 1},
        {"state": None},
        {"color": "blue"},
    ],
    ids=str,
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Binding.from_dict({**LEAST, **change})


@pytest.mark.parametrize("name", LEAST)
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^not a binding"):
        Binding.from_dict({key: value for key, value in LEAST.items() if key != name})


@pytest.mark.parametrize("data", [None, [], "queued", 1])
def test_what_is_no_mapping_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"^not a binding"):
        Binding.from_dict(data)


@pytest.mark.parametrize("state", BindingState)
def test_pending_is_on_in_just_three_states(state: BindingState) -> None:
    pending = state.value in ("queued", "unconfirmed", "accepted")
    assert state.pending is pending
    assert Binding(serial="S", plant_id="1", queued_at=1, state=state).pending is pending


def test_the_wait_begins_with_the_last_thing_that_happened() -> None:
    queued = Binding(serial="S", plant_id="1", queued_at=1)
    assert queued.waiting_since == 1
    sent = replace(queued, sent_at=2)
    assert sent.waiting_since == 2
    assert replace(sent, accepted_at=3).waiting_since == 3


# What is wrong with it

SENT = transitions.sending(transitions.queue("SN0001", "1", 1_000.0), 2_000.0)


@pytest.mark.parametrize(
    ("binding", "since"),
    [
        (SENT, 2_000),
        (transitions.accepted(SENT, 3_000), 3_000),
        (transitions.recover("SN1", "1", 5_000, DeviceKind.INVERTER), 5_000),
    ],
)
def test_a_wait_of_a_day_is_overdue(binding: Binding, since: float) -> None:
    assert overdue_from(binding, TIMING) == since + DAY
    assert problem(binding) is None
    found = transitions.overdue(binding, since + DAY)
    assert problem(found) is Problem.OVERDUE
    assert overdue_from(found, TIMING) is None


def test_who_is_sent_again_begins_to_wait_anew() -> None:
    found = transitions.overdue(SENT, 2_000 + DAY)
    for later in (
        transitions.sending(found, 3_000 + DAY),
        transitions.accepted(found, 3_000 + DAY),
    ):
        assert problem(later) is None
        assert overdue_from(later, TIMING) == 3_000 + 2 * DAY
    assert problem(transitions.submit_again(found, 3_000 + DAY)) is None


@pytest.mark.parametrize("state", BindingState)
def test_only_what_waits_for_the_device_becomes_overdue(state: BindingState) -> None:
    binding = replace(SENT, state=state)
    waits = state in (BindingState.UNCONFIRMED, BindingState.ACCEPTED)
    assert (overdue_from(binding, TIMING) is not None) is waits
    expected = {
        BindingState.UNCONFIRMED: Problem.OVERDUE,
        BindingState.ACCEPTED: Problem.OVERDUE,
        BindingState.CONFLICT: Problem.CONFLICT,
        BindingState.REJECTED: Problem.REJECTED,
    }
    assert problem(transitions.overdue(binding, 1e9)) is expected.get(state)
