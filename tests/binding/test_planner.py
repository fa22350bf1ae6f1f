"""What comes next, and when: each kind of step, fairness, and no call without need."""

from collections import Counter
from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import Binding, BindingState, ListKey
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
from custom_components.growatt_onboarding.binding.timing import SUBMIT_TRIES, Timing
from custom_components.growatt_onboarding.cloud.model import DeviceKind

from .cloud_model import DAY, FOREIGN, Fault, ModelCloud
from .driver import Driver

TIMING = Timing()
T = 1_700_000_000.0
QUEUED = transitions.queue("SN0001", "1", T)
SENT = transitions.sending(QUEUED, T)
ACCEPTED = transitions.accepted(SENT, T)
ASSOCIATED = transitions.present(ACCEPTED, T + 1)

SUBMIT = Step(kind=StepKind.SUBMIT, plant_id="1", serial="SN0001")
LOOK = Step(kind=StepKind.LOOK, plant_id="1")
LOCATE = Step(kind=StepKind.LOCATE, serial="SN0001")
WATCH = Step(kind=StepKind.WATCH)

ALONE = Abilities()
WATCHING = Abilities(watch=True)
LOCATING = Abilities(locate=True)
ABLE = Abilities(watch=True, locate=True)


def planned(
    *bindings: Binding,
    now: float = T,
    abilities: Abilities = ALONE,
    ready: dict[Step, float] | Callable[[Step], float] | None = None,
    asked: dict[str, float] | None = None,
    looks: dict[ListKey, PartialList] | None = None,
    **more: Any,
) -> Planned | None:
    """Plan with a ledger that allows everything except what `ready` names."""
    times = ready or {}
    given = PlannerInput(
        bindings={binding.serial: binding for binding in bindings},
        abilities=abilities,
        ready_at=times if callable(times) else lambda step: times.get(step, 0),
        looks=looks or {},
        asked=asked or {},
        **more,
    )
    return plan(given, TIMING, now)


def test_nothing_is_planned_without_need() -> None:
    assert planned(abilities=ABLE) is None
    ended = [
        replace(ASSOCIATED, serial=state, state=state)
        for state in BindingState
        if not state.pending
    ]
    assert planned(*ended, abilities=ABLE, watch=PartialList(page=2), now=T + DAY) is None


# Submitting


def test_what_is_queued_is_sent_at_once() -> None:
    assert planned(QUEUED) == Planned(SUBMIT, T)
    assert planned(QUEUED, now=T + 50) == Planned(SUBMIT, T + 50)


def test_the_ledger_has_its_say() -> None:
    assert planned(QUEUED, ready={SUBMIT: T + 77}) == Planned(SUBMIT, T + 77)
    assert planned(QUEUED, soonest=T + 5) == Planned(SUBMIT, T + 5)
    assert planned(QUEUED, soonest=T + 5, ready={SUBMIT: T + 3}) == Planned(SUBMIT, T + 5)


def test_what_failed_is_sent_again_after_a_growing_pause() -> None:
    once = transitions.failed(SENT, "system_error", None)
    twice = transitions.failed(transitions.sending(once, T), "system_error", None)
    assert planned(once) == Planned(SUBMIT, T + 60)
    assert planned(twice) == Planned(SUBMIT, T + TIMING.retry_pause(2))
    assert planned(transitions.absent(SENT, T + 10), now=T + 10) == Planned(SUBMIT, T + 60)


# Settling


def test_what_was_not_answered_is_looked_for_first() -> None:
    assert planned(SENT, abilities=ABLE) == Planned(LOOK, T + TIMING.first_look)
    assert planned(transitions.recover("SN0001", "1", T, DeviceKind.INVERTER)) == Planned(
        LOOK, T + TIMING.first_look
    )


def test_what_exists_but_not_here_is_located() -> None:
    looked = transitions.absent(transitions.known_already(SENT), T + 10)
    assert planned(looked, now=T + 10, abilities=LOCATING) == Planned(LOCATE, T + 10)
    located = transitions.unclaimed(looked, T + 20)
    assert planned(located, now=T + 20, abilities=LOCATING) == Planned(LOOK, T + 40)
    assert planned(looked, now=T + 10) == Planned(LOOK, T + 40)


# Waiting


@pytest.mark.parametrize(
    ("age", "interval"), [(5, 30), (1_000, 300), (DAY + 10, 1_800), (7 * DAY + 10, 21_600)]
)
def test_without_a_cheap_list_the_plants_list_is_read(age: float, interval: float) -> None:
    assert planned(ACCEPTED) == Planned(LOOK, T + TIMING.first_look)
    looked = transitions.absent(ACCEPTED, T + age)
    assert planned(looked, now=T + age) == Planned(LOOK, T + age + interval)


def test_a_cheap_list_is_watched_instead() -> None:
    assert planned(ACCEPTED, abilities=WATCHING) == Planned(WATCH, T + TIMING.first_look)
    # Read for somebody else before this was accepted, it says nothing about it.
    older = planned(ACCEPTED, abilities=WATCHING, watched_at=T - 1)
    assert older == Planned(WATCH, T + TIMING.first_look)
    watched = planned(ACCEPTED, abilities=WATCHING, watched_at=T + 10, now=T + 10)
    assert watched == Planned(WATCH, T + 40)


@pytest.mark.parametrize(("age", "pause"), [(5, 1_800), (8 * DAY, 21_600)])
def test_beside_the_cheap_list_the_plants_list_is_read_now_and_then(
    age: float, pause: float
) -> None:
    late = {WATCH: T + 1e9}
    first = planned(ACCEPTED, abilities=WATCHING, ready=late)
    assert first == Planned(LOOK, T + TIMING.look_beside_watch)
    looked = transitions.absent(ACCEPTED, T + age)
    again = planned(looked, abilities=WATCHING, ready=late, now=T + age)
    assert again == Planned(LOOK, T + age + pause)


def test_what_was_seen_is_confirmed_by_what_is_free_first() -> None:
    seen = transitions.seen(ACCEPTED, T + 10)
    by_watch: dict[str, Any] = {"now": T + 10, "watched_at": T + 10, "abilities": ABLE}
    assert planned(seen, **by_watch) == Planned(LOOK, T + 10)
    assert planned(seen, ready={LOOK: T + 200}, **by_watch) == Planned(LOCATE, T + 10)
    # Without that, it is worth waiting for the list; meanwhile the watch goes on.
    waiting = {LOOK: T + 200, WATCH: T + 1e9}
    alone = planned(seen, now=T + 10, abilities=WATCHING, ready=waiting)
    assert alone == Planned(LOOK, T + 200)


def test_a_confirmation_is_asked_for_once() -> None:
    seen = transitions.seen(ACCEPTED, T + 10)
    looked = transitions.absent(seen, T + 20)
    first = planned(looked, now=T + 20, abilities=ABLE, watched_at=T + 10)
    assert first == Planned(LOCATE, T + 20)
    located = replace(looked, holder_checked_at=T + 30)
    after = planned(located, now=T + 30, abilities=ABLE, watched_at=T + 10)
    assert after == Planned(WATCH, T + 40)


# Lists of several pages


def test_a_list_that_is_half_read_is_read_to_its_end() -> None:
    page = replace(LOOK, page=3)
    looks = {("1", DeviceKind.INVERTER): PartialList(page=3)}
    assert planned(ASSOCIATED, looks=looks, now=T + 10) == Planned(page, T + 10)
    # Others' lists wait, though they have been due for longer.
    other = replace(ACCEPTED, serial="SN0002", plant_id="2", accepted_at=T - DAY)
    assert planned(other, ASSOCIATED, looks=looks, now=T + 10) == Planned(page, T + 10)
    assert planned(ASSOCIATED, looks={("2", DeviceKind.INVERTER): PartialList(page=3)}) is None


def test_a_watch_that_is_half_read_is_read_on_while_somebody_waits() -> None:
    page = replace(WATCH, page=2)
    half: dict[str, Any] = {"watch": PartialList(page=2), "abilities": WATCHING}
    assert planned(ACCEPTED, **half) == Planned(page, T)
    assert planned(ACCEPTED, watched_at=T + 1, now=T + 2, **half) == Planned(page, T + 2)
    assert planned(ASSOCIATED, **half) is None


# What somebody asks for


@pytest.mark.parametrize("state", [state for state in BindingState if not state.pending])
def test_whatever_is_asked_for_is_looked_at_then_located(state: BindingState) -> None:
    binding = replace(ASSOCIATED, state=state, list_checked_at=T - 1, holder_checked_at=T - 1)
    asked = {"SN0001": T}
    assert planned(binding, asked=asked, abilities=ABLE, now=T + 5) == Planned(LOOK, T + 5)
    looked = replace(binding, list_checked_at=T + 6)
    if state is BindingState.ASSOCIATED:
        assert planned(looked, asked=asked, abilities=ABLE, now=T + 6) is None
    else:
        assert planned(looked, asked=asked, abilities=ABLE, now=T + 6) == Planned(LOCATE, T + 6)
    assert planned(looked, asked=asked, abilities=WATCHING, now=T + 6) is None
    located = replace(looked, holder_checked_at=T + 7)
    assert planned(located, asked=asked, abilities=ABLE, now=T + 7) is None
    assert planned(binding, asked={"SN0002": T}, abilities=ABLE) is None


def test_what_is_left_of_a_check() -> None:
    binding = replace(ASSOCIATED, state=BindingState.LOST, list_checked_at=None)
    both = [StepKind.LOOK, StepKind.LOCATE]
    assert list(requested_steps(binding, T, ABLE)) == both
    assert list(requested_steps(binding, T, WATCHING)) == both[:1]
    assert list(requested_steps(replace(binding, list_checked_at=T), T, ABLE)) == both[1:]
    assert list(requested_steps(replace(binding, holder_checked_at=T), T, ABLE)) == both[:1]


# Fairness


def test_a_list_goes_before_many_submissions_but_not_for_ever() -> None:
    waiting = replace(ACCEPTED, plant_id="2", serial="SN0002", accepted_at=T + 100)
    now = T + 100 + TIMING.first_look
    first = planned(QUEUED, waiting, now=now)
    assert first is not None
    assert first.step.kind is StepKind.LOOK
    old = replace(QUEUED, queued_at=T - 1_000)
    assert planned(old, waiting, now=now) == Planned(replace(SUBMIT), now)


def test_what_has_been_due_for_longest_comes_first() -> None:
    bindings = [replace(QUEUED, serial=f"SN{age:04}", queued_at=T - age) for age in (10, 30, 20)]
    first = planned(*bindings)
    assert first is not None
    assert first.step.serial == "SN0030"


def test_what_can_be_taken_first_comes_before_what_is_due_for_longer() -> None:
    old = replace(QUEUED, serial="SN0002", queued_at=T - 100)
    cooling = {replace(SUBMIT, serial="SN0002"): T + 300}
    assert planned(old, QUEUED, ready=cooling) == Planned(SUBMIT, T)


@pytest.mark.parametrize("abilities", [ALONE, ABLE])
def test_where_endpoints_count_no_plant_starves_another(abilities: Abilities) -> None:
    cloud = ModelCloud(by_endpoint=True)
    driver = Driver(cloud, abilities)
    driver.ledger.by_endpoint = True
    for number in range(4):
        driver.add(f"SN{number:04}", f"plant{number}")
    begun = cloud.time
    while cloud.time < begun + DAY:
        driver.go_on()
    read = [
        step.plant_id
        for _, step in cloud.calls
        if isinstance(step, Step) and step.kind is StepKind.LOOK
    ]
    assert set(Counter(read[-40:]).values()) == {10}
    assert cloud.too_often == []


def test_lists_are_read_while_hundreds_are_submitted() -> None:
    cloud = ModelCloud()
    driver = Driver(cloud)
    driver.add("EARLY", "other")
    driver.go_on()
    cloud.bring_online("EARLY")
    for number in range(300):
        driver.add(f"SN{number:04}", f"plant{number % 2}")
    while driver.bindings["EARLY"].state is not BindingState.ASSOCIATED:
        driver.go_on()
    assert any(binding.state is BindingState.QUEUED for binding in driver.bindings.values())


def test_planning_for_a_thousand_asks_the_ledger_a_few_times() -> None:
    calls: list[Step] = []

    def ready_at(step: Step) -> float:
        calls.append(step)
        return T + 1

    bindings = [replace(QUEUED, serial=f"SN{number:04}") for number in range(500)]
    bindings += [
        replace(ACCEPTED, serial=f"SA{number:04}", plant_id=f"{number % 4}")
        for number in range(500)
    ]
    first = planned(*bindings, abilities=ABLE, soonest=T + 1, ready=ready_at)
    assert first is not None
    assert first.at == T + 1
    assert len(calls) < 10


# Nothing for ever


def days(driver: Driver, number: int, faults: dict[StepKind, Fault]) -> Counter[StepKind]:
    """Let time pass, with a fault for each kind of step; count the calls."""
    counts: Counter[StepKind] = Counter()
    end = driver.cloud.time + number * DAY
    while driver.cloud.time < end:
        due = driver.plan()
        assert due is not None
        step = driver.go_on(faults.get(due.step.kind, Fault.NONE))
        assert step is not None
        counts[step.kind] += 1
    return counts


@pytest.mark.parametrize("abilities", [ALONE, ABLE])
def test_a_cloud_that_never_answers_is_left_alone(abilities: Abilities) -> None:
    driver = Driver(ModelCloud(), abilities)
    driver.add("SN0001", "plant1")
    counts = days(driver, 30, {StepKind.SUBMIT: Fault.NOT_DELIVERED})
    assert counts[StepKind.SUBMIT] == SUBMIT_TRIES
    assert driver.bindings["SN0001"].state is BindingState.UNCONFIRMED
    assert days(driver, 10, {})[StepKind.SUBMIT] == 0


@pytest.mark.parametrize(
    ("fault", "state", "sent"),
    [
        (Fault.SYSTEM, BindingState.REJECTED, SUBMIT_TRIES),
        (Fault.REFUSED, BindingState.REJECTED, 1),
        (Fault.DENIED, BindingState.REJECTED, 1),
    ],
)
def test_what_is_refused_is_not_sent_for_ever(fault: Fault, state: BindingState, sent: int) -> None:
    driver = Driver(ModelCloud(), ABLE)
    driver.add("SN0001", "plant1")
    while driver.go_on(fault) is not None:
        pass
    assert driver.bindings["SN0001"].state is state
    assert len(driver.cloud.calls) == sent


def test_a_device_that_stays_offline_costs_ever_fewer_calls() -> None:
    driver = Driver(ModelCloud(), ABLE)
    driver.add("SN0001", "plant1")
    per_week = [days(driver, 7, {}) for _ in range(3)]
    for counts in per_week:
        assert counts[StepKind.LOCATE] == 0
    assert per_week[0][StepKind.SUBMIT] == 1
    for counts in per_week[1:]:
        assert counts == {StepKind.WATCH: 28, StepKind.LOOK: 28}


# What becomes of devices


@pytest.mark.parametrize("by_endpoint", [False, True])
@pytest.mark.parametrize("abilities", [ALONE, WATCHING, LOCATING, ABLE])
def test_devices_that_come_online_are_associated(
    abilities: Abilities, *, by_endpoint: bool
) -> None:
    cloud = ModelCloud(by_endpoint=by_endpoint)
    driver = Driver(cloud, abilities)
    for number in range(8):
        driver.add(f"SN{number:04}", f"plant{number % 3}")
        cloud.bring_online(f"SN{number:04}")
    while driver.go_on() is not None:
        pass
    assert {binding.state for binding in driver.bindings.values()} == {BindingState.ASSOCIATED}
    assert all(device.accepted == 1 for device in cloud.devices.values())
    assert len(cloud.too_often) == by_endpoint
    assert driver.ledger.by_endpoint is by_endpoint


@pytest.mark.parametrize(
    ("holder", "state"),
    [
        ("plant1", BindingState.ASSOCIATED),
        ("plant2", BindingState.CONFLICT),
        (FOREIGN, BindingState.CONFLICT),
    ],
)
def test_what_exists_is_ours_or_a_conflict(holder: str, state: BindingState) -> None:
    driver = Driver(ModelCloud(), ABLE)
    driver.cloud.place("SN0001", holder)
    driver.add("SN0001", "plant1")
    while driver.go_on() is not None:
        pass
    assert driver.bindings["SN0001"].state is state


def test_a_departure_is_seen_at_the_next_look_for_another() -> None:
    driver = Driver(ModelCloud(), ABLE)
    for serial in ("SN0001", "SN0002"):
        driver.add(serial, "plant1")
        driver.cloud.bring_online(serial)
    while driver.go_on() is not None:
        pass
    driver.cloud.place("SN0001", None)
    driver.cloud.time += 1
    assert driver.plan() is None
    driver.asked["SN0002"] = driver.now
    while driver.go_on() is not None:
        pass
    assert driver.bindings["SN0001"].state is BindingState.LOST
    assert driver.bindings["SN0002"].state is BindingState.ASSOCIATED


def test_what_came_while_a_list_was_read_is_not_lost_at_its_end() -> None:
    cloud = ModelCloud(by_endpoint=True)
    driver = Driver(cloud, ABLE)
    driver.ledger.by_endpoint = True
    for number in range(5):
        cloud.place(f"OTHER{number}", "plant1")
    cloud.place("OTHER0", None)
    driver.add("SN0001", "plant1")
    assert driver.go_on() == replace(SUBMIT, plant_id="plant1")
    driver.asked["SN0001"] = driver.now
    while not driver.looks:
        driver.go_on()
    # It gets a place on the page that has just been read, and is located.
    cloud.bring_online("SN0001")
    found = set[BindingState]()
    while driver.looks:
        driver.go_on()
        found.add(driver.bindings["SN0001"].state)
    assert BindingState.ASSOCIATED in found
    assert driver.bindings["SN0001"].state is BindingState.ASSOCIATED


# Without polling


@pytest.mark.parametrize("binding", [SENT, ACCEPTED, transitions.seen(ACCEPTED, T + 1)])
def test_without_polling_nothing_is_looked_for_unasked(binding: Binding) -> None:
    missing = replace(ASSOCIATED, missing_at=T + 2)
    for one in (binding, missing):
        assert planned(one, now=T + DAY, abilities=ABLE) is not None
        assert planned(one, now=T + DAY, abilities=ABLE, polling=False) is None
        asked = {one.serial: T + DAY}
        assert planned(one, now=T + DAY, abilities=ABLE, polling=False, asked=asked) is not None


def test_without_polling_what_is_queued_is_sent() -> None:
    assert planned(QUEUED, polling=False) == planned(QUEUED) is not None
