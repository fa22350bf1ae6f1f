"""A datalogger's binding: when it counts as associated, and what is looked for behind it."""

from collections.abc import Iterable
from copy import replace

import pytest

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.binding.planner import (
    Abilities,
    PartialList,
    Planned,
    PlannerInput,
    Step,
    StepKind,
    plan,
    requested_steps,
)
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.errors import DATALOGGER_MISSING, AlreadyBoundError
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Sighting, SightingPage

TIMING = Timing()
DAY = TIMING.day
T = 1_700_000_000.0
SERIAL, PLANT = "QMN0000001", "1"
INVERTER_SERIAL = "ABC0000001"
ABLE = Abilities(watch=True, locate=True)

QUEUED = transitions.queue(SERIAL, PLANT, T, DeviceKind.DATALOGGER)
SENT = transitions.sending(QUEUED, T)
ACCEPTED = transitions.accepted(SENT, T + 1)
EXISTS = transitions.of_submission(SENT, QUEUED, AlreadyBoundError(), T + 1)
ASSOCIATED = transitions.present(ACCEPTED, T + 60)
INVERTER = transitions.queue(INVERTER_SERIAL, PLANT, T)

STICKS = Step(StepKind.LOOK, PLANT, device=DeviceKind.DATALOGGER)
INVERTERS = Step(StepKind.LOOK, PLANT)
SILENT = Sighting(serial=SERIAL, online=False, kind=DeviceKind.DATALOGGER)
ONLINE = replace(SILENT, online=True)
BEHIND = Sighting(serial=INVERTER_SERIAL, datalogger=SERIAL, kind=DeviceKind.INVERTER, model="MIN")


def look(
    binding: Binding,
    *sightings: Sighting,
    at: float = T + 300,
    step: Step = STICKS,
    page: SightingPage | None = None,
) -> Binding:
    """Return a binding after a list was read completely."""
    shown = page or SightingPage(sightings)
    changed = transitions.of_page(
        [binding], step, shown, PartialList(began=at), at, last_word=step is STICKS
    )
    return next(changed, binding)


def planned(
    *bindings: Binding, now: float, asked: dict[str, float] | None = None
) -> Planned | None:
    given = PlannerInput(
        bindings={binding.serial: binding for binding in bindings},
        abilities=ABLE,
        ready_at=lambda _: 0,
        looks={},
        asked=asked or {},
    )
    return plan(given, TIMING, now)


# When it is associated


@pytest.mark.parametrize("binding", [QUEUED, SENT, ACCEPTED, EXISTS])
def test_one_that_is_listed_and_online_is_associated(binding: Binding) -> None:
    found = look(binding, ONLINE)
    assert (found.state, found.associated_at) == (BindingState.ASSOCIATED, T + 300)


@pytest.mark.parametrize(
    ("reported", "state"),
    [
        # A second-hand one has an old report.
        (T - 1_000_000, BindingState.ACCEPTED),
        (T, BindingState.ACCEPTED),
        (T + 1, BindingState.ASSOCIATED),
        # Nobody can report later than now.
        (T + 301, BindingState.ACCEPTED),
        (None, BindingState.ACCEPTED),
    ],
)
def test_one_that_is_offline_needs_a_report_since_it_was_sent(
    reported: float | None, state: BindingState
) -> None:
    for binding in (SENT, ACCEPTED):
        found = look(binding, replace(SILENT, reported_at=reported))
        assert (found.state, found.last_report) == (state, reported)
        assert found.silent is (state is BindingState.ACCEPTED)


def test_a_silent_one_waits_until_it_reports() -> None:
    silent = look(ACCEPTED, SILENT)
    assert (silent.state, silent.silent, silent.accepted_at) == (
        BindingState.ACCEPTED,
        True,
        ACCEPTED.accepted_at,
    )
    assert look(silent, at=T + 600).silent is False
    associated = look(silent, ONLINE, at=T + 600)
    assert (associated.state, associated.silent) == (BindingState.ASSOCIATED, False)
    # Later it may be offline: that is another integration's business.
    assert look(associated, SILENT, at=T + 900).state is BindingState.ASSOCIATED


def test_one_whose_answer_was_lost_is_accepted_once_it_is_listed() -> None:
    found = look(SENT, SILENT)
    assert (found.state, found.accepted_at) == (BindingState.ACCEPTED, T + 300)


def test_one_that_was_ours_before_is_associated_at_once() -> None:
    assert look(EXISTS, SILENT).state is BindingState.ASSOCIATED
    # What exists may be our own earlier request, whose answer was lost.
    again = transitions.sending(look(SENT), T + 400)
    exists = transitions.of_submission(again, again, AlreadyBoundError(), T + 401)
    assert look(exists, SILENT, at=T + 700).state is BindingState.ACCEPTED


def test_one_that_exists_but_is_not_ours_is_held_by_somebody() -> None:
    held = look(EXISTS)
    assert (held.state, held.holder_plant, held.holder_owner) == (
        BindingState.CONFLICT,
        None,
        None,
    )
    assert look(held, SILENT, at=T + 600).state is BindingState.ASSOCIATED


def test_one_that_is_queued_is_sent_although_it_is_listed() -> None:
    found = look(QUEUED, SILENT)
    assert found.state is BindingState.QUEUED
    assert planned(found, now=T + 300) == Planned(
        Step(StepKind.SUBMIT, PLANT, SERIAL, device=DeviceKind.DATALOGGER), T + 300
    )


def test_one_that_home_assistant_lost_is_looked_for() -> None:
    returned = transitions.returned(ASSOCIATED)
    assert returned.state is BindingState.UNCONFIRMED
    assert look(returned, SILENT).state is BindingState.ASSOCIATED
    recovered = transitions.recover(SERIAL, PLANT, T, DeviceKind.DATALOGGER)
    assert look(recovered, SILENT).state is BindingState.ACCEPTED
    assert look(recovered, ONLINE).state is BindingState.ASSOCIATED


def test_it_is_lost_after_two_lists_without_it() -> None:
    once = look(ASSOCIATED, at=T + 600)
    assert once.state is BindingState.ASSOCIATED
    assert planned(once, now=T + 600) == Planned(STICKS, T + 600)
    twice = look(once, at=T + 900)
    assert twice.state is BindingState.LOST
    assert look(once, SILENT, at=T + 900).missing_at is None


def test_a_list_that_lacks_some_loses_nobody() -> None:
    lacking = SightingPage((), lacks_some=True)
    once = look(ASSOCIATED, page=lacking, at=T + 600)
    assert look(once, page=lacking, at=T + 900).state is BindingState.ASSOCIATED


# Which calls it wants


@pytest.mark.parametrize("binding", [ACCEPTED, SENT, EXISTS])
def test_only_its_own_list_is_asked(binding: Binding) -> None:
    now = T
    for _ in range(20):
        step = planned(binding, now=now)
        assert step is not None
        assert step.step == STICKS
        now = max(now, step.at)
        binding = replace(binding, list_checked_at=now)
    assert list(requested_steps(binding, now + 1, ABLE)) == [StepKind.LOOK]


def test_lists_of_both_kinds_are_told_apart() -> None:
    waiting = transitions.accepted(transitions.sending(INVERTER, T), T)
    assert look(waiting, ONLINE, step=STICKS) == waiting
    assert look(ACCEPTED, step=INVERTERS) == ACCEPTED
    missing = transitions.of_missing_plant([waiting, ACCEPTED], STICKS, "plant_missing", T)
    assert [binding.serial for binding in missing] == [SERIAL]


# What it brings


def test_what_it_brings_is_looked_for_for_a_day() -> None:
    binding, asked_at, end = ASSOCIATED, [], T + 60 + DAY
    while (step := planned(binding, now=asked_at[-1] if asked_at else T + 60)) is not None:
        assert step.step == INVERTERS
        asked_at.append(step.at)
        binding = look(binding, step=INVERTERS, at=step.at)
        assert binding.state is BindingState.ASSOCIATED
    assert asked_at[0] == T + 60 + TIMING.first_look
    assert asked_at[-1] < end
    assert end - asked_at[-1] <= TIMING.first_day_interval
    later = end + DAY
    asked = planned(binding, now=later, asked={SERIAL: later})
    assert asked == Planned(STICKS, later)
    binding = look(binding, SILENT, at=later)
    assert planned(binding, now=later, asked={SERIAL: later}) == Planned(INVERTERS, later)
    assert not list(requested_steps(look(binding, step=INVERTERS, at=later), later, ABLE))


def test_nothing_more_is_looked_for_once_it_has_brought_something() -> None:
    found = look(ASSOCIATED, BEHIND, step=INVERTERS)
    assert found.brought_at == T + 300
    assert planned(found, now=T + 300) is None
    assert look(found, BEHIND, step=INVERTERS, at=T + 600).brought_at == T + 300
    # A person may know of another one.
    assert list(requested_steps(found, T + 400, ABLE)) == [StepKind.LOOK, StepKind.LOOK_BEHIND]


def test_a_plant_that_is_gone_ends_the_looking() -> None:
    (found,) = transitions.of_missing_plant([ASSOCIATED], INVERTERS, "plant_missing", T + 300)
    assert found == replace(ASSOCIATED, behind_checked_at=T + 300)


def behind(*sightings: Sighting, sticks: Iterable[Binding] = (ASSOCIATED,)) -> list[Binding]:
    return list(transitions.brought(sticks, INVERTERS, SightingPage(sightings), T + 300))


def test_inverters_behind_it_are_the_accounts() -> None:
    (found,) = behind(BEHIND)
    assert (found.serial, found.plant_id, found.kind) == (
        INVERTER_SERIAL,
        PLANT,
        DeviceKind.INVERTER,
    )
    assert (found.state, found.associated_at) == (BindingState.ASSOCIATED, T + 300)
    assert (found.model, found.datalogger, found.sent_at) == ("MIN", SERIAL, None)


@pytest.mark.parametrize("kind", sorted(set(DeviceKind) - {DeviceKind.INVERTER}))
def test_only_inverters_are_brought(kind: DeviceKind) -> None:
    assert not behind(replace(BEHIND, kind=kind))
    assert look(ASSOCIATED, replace(BEHIND, kind=kind), step=INVERTERS).brought_at is None


@pytest.mark.parametrize(
    "stick",
    [
        ACCEPTED,
        replace(ASSOCIATED, plant_id="2"),
        replace(ASSOCIATED, serial="QMN0000002"),
        replace(ASSOCIATED, kind=DeviceKind.INVERTER),
    ],
)
def test_only_an_associated_datalogger_of_the_plant_brings_any(stick: Binding) -> None:
    assert not behind(BEHIND, sticks=[stick])


def test_devices_that_a_list_names_by_a_key_are_left_alone() -> None:
    assert not behind(replace(BEHIND, by_key=True))
    assert not behind(replace(BEHIND, datalogger=None))


# What it frees


@pytest.mark.parametrize(
    ("refused", "freed"),
    [
        (transitions.rejected(INVERTER, DATALOGGER_MISSING, "10007: none"), True),
        (transitions.rejected(INVERTER, "serial_rejected", None), False),
        (transitions.rejected(replace(INVERTER, plant_id="2"), DATALOGGER_MISSING, None), False),
    ],
)
def test_inverters_that_lacked_it_are_sent_again_once(refused: Binding, freed: bool) -> None:  # noqa: FBT001
    known = {INVERTER_SERIAL: refused, SERIAL: ACCEPTED}
    (again, *_) = [*transitions.unblocked([ASSOCIATED], known, T + 300), refused]
    assert (again.state is BindingState.QUEUED) is freed
    known[SERIAL] = ASSOCIATED
    assert not list(transitions.unblocked([ASSOCIATED], known, T + 600))


def test_it_can_turn_out_to_be_of_the_other_kind() -> None:
    wrong = transitions.rejected(INVERTER, "datalogger_serial", None)
    right = transitions.as_kind(wrong, DeviceKind.DATALOGGER, T + 9)
    assert right == transitions.queue(INVERTER_SERIAL, PLANT, T + 9, DeviceKind.DATALOGGER)
    assert Binding.from_dict(right.as_dict()) == right
