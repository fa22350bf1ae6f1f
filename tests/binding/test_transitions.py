"""What each answer makes of a binding."""

from copy import replace

import pytest

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import Binding, BindingState, problem
from custom_components.growatt_onboarding.binding.timing import SUBMIT_TRIES
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Sighting

QUEUED = transitions.queue("SN0001", "1", 100.0)
SENT = transitions.sending(QUEUED, 200.0)
ACCEPTED = transitions.accepted(SENT, 300.0)
EXISTS = transitions.known_already(SENT)
ASSOCIATED = transitions.present(ACCEPTED, 400.0)
MISSING = transitions.absent(ASSOCIATED, 450.0)
LOST = transitions.absent(MISSING, 500.0)
CONFLICT = transitions.located(EXISTS, 400.0, plant_id="2", ours=False)
REJECTED = transitions.rejected(SENT, "serial_rejected", "wrong")
ALL = [QUEUED, SENT, ACCEPTED, EXISTS, ASSOCIATED, MISSING, LOST, CONFLICT, REJECTED]


def test_a_binding_is_written_down_before_it_is_sent() -> None:
    assert QUEUED.state is BindingState.QUEUED
    assert SENT.state is BindingState.UNCONFIRMED
    assert SENT.sent_at == 200
    assert not SENT.maybe_accepted_before


def test_sending_forgets_what_was_seen_before() -> None:
    seen = replace(QUEUED, list_checked_at=1, holder_checked_at=1, watch_seen_at=1)
    before = replace(seen, reason="system_error", message="error")
    assert transitions.sending(before, 200.0) == SENT


def test_after_a_failure_the_cloud_may_know_our_own_request() -> None:
    failed = transitions.failed(SENT, "system_error", "error")
    assert (failed.state, failed.failures) == (BindingState.QUEUED, 1)
    assert (failed.reason, failed.message) == ("system_error", "error")
    assert transitions.sending(failed, 300.0).maybe_accepted_before


def test_failures_end() -> None:
    binding = QUEUED
    for _ in range(SUBMIT_TRIES):
        assert binding.state is BindingState.QUEUED
        binding = transitions.failed(transitions.sending(binding, 200.0), "system_error", None)
    assert binding.state is BindingState.REJECTED
    assert binding.reason == "system_error"


def test_yes_ends_doubts_and_failures() -> None:
    doubtful = replace(EXISTS, failures=3, reason="system_error", message="error")
    accepted = transitions.accepted(doubtful, 300.0)
    assert accepted == replace(SENT, state=BindingState.ACCEPTED, accepted_at=300)


def test_a_number_that_exists_has_to_be_found_out_about() -> None:
    assert (EXISTS.state, EXISTS.known_to_cloud) == (BindingState.UNCONFIRMED, True)


def test_a_refusal_keeps_its_reason() -> None:
    assert REJECTED.state is BindingState.REJECTED
    assert (REJECTED.reason, REJECTED.message) == ("serial_rejected", "wrong")


@pytest.mark.parametrize("refused", [CONFLICT, REJECTED])
def test_what_is_refused_for_good_is_unwanted_unless_it_is_to_be_kept(refused: Binding) -> None:
    assert problem(refused) is not None
    assert not refused.unwanted
    refused = replace(refused, keep_refused=False)
    assert refused.unwanted
    assert problem(refused) is None
    assert not transitions.submit_again(refused, 600.0).unwanted
    assert transitions.submit_again(refused, 600.0).keep_refused


def test_what_the_cloud_has_accepted_is_kept() -> None:
    queued = transitions.queue("SN0001", "1", 100.0, keep_refused=False)
    failed = transitions.failed(transitions.sending(queued, 200.0), "system_error", None)
    sent = transitions.sending(failed, 300.0)
    assert not sent.keep_refused
    assert transitions.accepted(sent, 400.0).keep_refused
    assert transitions.present(sent, 400.0).keep_refused
    conflict = transitions.located(sent, 400.0, plant_id="2", ours=False)
    assert conflict.unwanted
    conflict = transitions.located(
        transitions.accepted(sent, 400.0), 500.0, plant_id="2", ours=False
    )
    assert not conflict.unwanted


@pytest.mark.parametrize("binding", ALL)
def test_seen_matters_while_pending(binding: Binding) -> None:
    seen = transitions.seen(binding, 600.0)
    assert seen == (replace(binding, watch_seen_at=600) if binding.pending else binding)
    assert transitions.seen(seen, 700.0) == seen


@pytest.mark.parametrize("binding", ALL)
def test_what_stands_in_its_plant_is_associated(binding: Binding) -> None:
    sighting = Sighting(serial=binding.serial, model="MIN", datalogger="DL1")
    present = transitions.listed(binding, sighting, 600.0)
    assert present.state is BindingState.ASSOCIATED
    assert present.list_checked_at == 600
    assert present.associated_at == (400 if binding in (ASSOCIATED, MISSING) else 600)
    assert present.missing_at is None
    assert (present.model, present.datalogger) == ("MIN", "DL1")
    assert (present.reason, present.message) == (None, None)
    assert (present.holder_plant, present.holder_plant_name) == (None, None)
    assert (present.holder_owner, present.known_to_cloud) == (None, False)
    again = transitions.present(present, 700.0)
    assert (again.model, again.datalogger, again.associated_at) == (
        "MIN",
        "DL1",
        present.associated_at,
    )


@pytest.mark.parametrize("binding", ALL)
def test_what_a_list_lacks(binding: Binding) -> None:
    states = {id(MISSING): BindingState.LOST, id(SENT): BindingState.QUEUED}
    absent = transitions.absent(binding, 600.0)
    assert absent.missing_at == (600 if binding is ASSOCIATED else None)
    assert absent.state is states.get(id(binding), binding.state)
    assert absent.list_checked_at == 600
    assert absent.maybe_accepted_before is (binding is SENT)


@pytest.mark.parametrize("binding", ALL)
@pytest.mark.parametrize("last_word", [True, False])
def test_what_a_list_without_end_lacks(binding: Binding, *, last_word: bool) -> None:
    """It proves nothing; who holds an associated inverter is asked once, if the cloud can tell."""
    looked = transitions.overlooked(binding, 600.0, 500.0, last_word=last_word)
    missing_at = None if last_word else binding.missing_at or 600
    wanted = missing_at if binding.state is BindingState.ASSOCIATED else None
    assert looked == replace(binding, list_checked_at=600.0, missing_at=wanted)
    asked = transitions.holder_unknown(looked, 650.0)
    again = transitions.overlooked(asked, 700.0, 680.0, last_word=last_word)
    assert again.missing_at is None
    assert again.state is asked.state


def test_the_last_word_about_what_the_cloud_knows_already() -> None:
    absent = transitions.absent(EXISTS, 600.0, last_word=True)
    assert absent.state is BindingState.CONFLICT
    assert (absent.holder_plant, absent.list_checked_at) == (None, 600)
    # It may be an earlier request of ours that the cloud knows.
    sent_twice = replace(EXISTS, maybe_accepted_before=True)
    assert transitions.absent(sent_twice, 600.0, last_word=True).state is BindingState.UNCONFIRMED
    assert transitions.absent(EXISTS, 600.0).state is BindingState.UNCONFIRMED
    assert transitions.absent(EXISTS, 300.0, 150.0, last_word=True) == EXISTS


def test_a_cloud_that_never_answers_is_not_asked_for_ever() -> None:
    binding, sent = QUEUED, 0
    while binding.state is BindingState.QUEUED:
        binding = transitions.absent(transitions.sending(binding, 200.0), 300.0)
        sent += 1
    assert sent == SUBMIT_TRIES
    assert binding.state is BindingState.UNCONFIRMED
    assert transitions.absent(binding, 400.0).state is BindingState.UNCONFIRMED


@pytest.mark.parametrize(
    "binding",
    [SENT, ACCEPTED, ASSOCIATED, transitions.seen(ACCEPTED, 350.0)],
    ids=lambda b: b.state,
)
def test_a_list_does_not_know_what_happened_while_it_was_read(binding: Binding) -> None:
    latest = max(
        at
        for at in (
            binding.sent_at,
            binding.accepted_at,
            binding.associated_at,
            binding.watch_seen_at,
        )
        if at is not None
    )
    assert transitions.absent(binding, 600.0, latest - 1) == binding
    assert transitions.absent(binding, 600.0, latest).list_checked_at == 600


def test_ours_is_associated_whatever_the_list_said() -> None:
    located = transitions.located(
        replace(EXISTS, list_checked_at=250), 600.0, plant_id="1", ours=True
    )
    assert located.state is BindingState.ASSOCIATED
    assert (located.list_checked_at, located.holder_checked_at, located.associated_at) == (
        250,
        600,
        600,
    )


@pytest.mark.parametrize("binding", [*ALL, replace(EXISTS, maybe_accepted_before=True)])
def test_held_by_another_is_a_conflict(binding: Binding) -> None:
    held = transitions.located(
        binding, 600.0, plant_id="2", ours=False, plant_name="Roof", owner_id="77"
    )
    assert held.state is BindingState.CONFLICT
    assert (held.holder_plant, held.holder_plant_name, held.holder_owner) == ("2", "Roof", "77")
    assert held.holder_checked_at == 600
    assert not held.known_to_cloud
    assert not held.maybe_accepted_before


def test_the_holder_may_have_no_name() -> None:
    assert (CONFLICT.holder_plant, CONFLICT.holder_plant_name) == ("2", None)


def test_what_nobody_holds_any_more_can_be_had() -> None:
    free = transitions.unclaimed(replace(CONFLICT, list_checked_at=450), 600.0)
    assert free.state is BindingState.QUEUED
    assert (free.queued_at, free.holder_plant) == (600, None)
    # So that a check is done with this, and the cloud's "exists" is not taken for ours.
    assert (free.list_checked_at, free.holder_checked_at, free.maybe_accepted_before) == (
        450,
        600,
        False,
    )
    assert not transitions.sending(free, 700.0).maybe_accepted_before


def test_what_the_cloud_knows_and_nobody_holds_is_our_own_request() -> None:
    again = transitions.known_already(transitions.sending(transitions.absent(SENT, 300.0), 400.0))
    assert transitions.unclaimed(again, 600.0).state is BindingState.ACCEPTED


@pytest.mark.parametrize(
    ("binding", "state"),
    [
        (QUEUED, BindingState.QUEUED),
        (SENT, BindingState.UNCONFIRMED),
        # Known to the cloud, but not by us: never taken for accepted.
        (EXISTS, BindingState.UNCONFIRMED),
        (transitions.seen(ACCEPTED, 350.0), BindingState.ACCEPTED),
        (ASSOCIATED, BindingState.LOST),
        (LOST, BindingState.LOST),
        (REJECTED, BindingState.REJECTED),
    ],
    ids=lambda value: value.state if isinstance(value, Binding) else "",
)
def test_what_is_unclaimed(binding: Binding, state: BindingState) -> None:
    free = transitions.unclaimed(binding, 600.0)
    assert (free.state, free.holder_checked_at, free.watch_seen_at) == (state, 600, None)


@pytest.mark.parametrize("binding", ALL)
def test_what_may_not_be_said_is_a_conflict_only_where_it_exists(binding: Binding) -> None:
    told = transitions.holder_unknown(binding, 600.0)
    assert told.holder_checked_at == 600
    assert told.state is (BindingState.CONFLICT if binding is EXISTS else binding.state)
    assert told.holder_plant == binding.holder_plant


@pytest.mark.parametrize(
    ("binding", "maybe_accepted_before"),
    [
        (QUEUED, False),
        (SENT, True),
        (ACCEPTED, True),
        (ASSOCIATED, True),
        (LOST, True),
        (EXISTS, False),
        (CONFLICT, False),
        (REJECTED, False),
        (replace(REJECTED, maybe_accepted_before=True), True),
    ],
)
def test_sent_anew_by_a_person(binding: Binding, *, maybe_accepted_before: bool) -> None:
    binding = replace(binding, model="MIN", datalogger="DL1")
    again = transitions.submit_again(binding, 900.0)
    assert again == replace(
        transitions.queue("SN0001", "1", 900.0),
        maybe_accepted_before=maybe_accepted_before,
        model="MIN",
        datalogger="DL1",
    )
    assert transitions.submit_again(binding, 900.0, "1") == again
    # The cloud cannot hold a request of ours for a plant that we never asked for.
    moved = transitions.submit_again(binding, 900.0, "2")
    assert moved == replace(again, plant_id="2", maybe_accepted_before=False)


def test_a_lost_binding_is_looked_for_before_it_is_sent() -> None:
    recovered = transitions.recover("SN0001", "1", 100.0, DeviceKind.INVERTER)
    assert recovered.state is BindingState.UNCONFIRMED
    assert recovered.maybe_accepted_before
    assert recovered.list_checked_at is None
