"""No call over a limit, and no wait beyond one."""

import json
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.gateway.ledger import UNLIMITED, Ledger, Limit

TIMING = Timing()
SLOW = Limit(300)
DAILY = Limit(300, 10)
QUICK = Limit(5)
PAUSE = 303
NOW = 1_700_000_000.0


def called(ledger: Ledger, subject: str, at: float, limit: Limit = SLOW, took: float = 0) -> None:
    """Make a call that is answered as wanted."""
    ledger.record("list", subject, limit, at)
    ledger.finished("list", subject, at + took)
    ledger.let_through("list", subject, limit, at + took)


def refused(ledger: Ledger, subject: str, at: float, limit: Limit = SLOW) -> None:
    """Make a call that the cloud refuses as too early."""
    ledger.record("list", subject, limit, at)
    ledger.finished("list", subject, at)
    ledger.refused("list", subject, limit, at)


def test_a_new_ledger_forbids_nothing() -> None:
    ledger = Ledger(TIMING)
    assert ledger.soonest(NOW) == NOW
    assert ledger.ready_at("list", "1", DAILY, NOW) == NOW
    assert ledger.paused_until <= NOW


def test_calls_are_a_second_apart() -> None:
    ledger = Ledger(TIMING)
    ledger.record("other", "", UNLIMITED, NOW)
    assert ledger.soonest(NOW) == NOW + 1
    assert ledger.ready_at("list", "1", UNLIMITED, NOW + 0.25) == NOW + 1
    assert ledger.ready_at("list", "1", UNLIMITED, NOW + 5) == NOW + 5


def test_the_same_request_has_to_wait_from_the_end_of_the_last() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW, took=4)
    assert ledger.ready_at("list", "1", SLOW, NOW + 10) == NOW + 4 + PAUSE
    assert ledger.ready_at("list", "2", SLOW, NOW + 10) == NOW + 10
    assert ledger.ready_at("other", "1", SLOW, NOW + 10) == NOW + 10


def test_a_call_that_never_ended_may_have_arrived_late() -> None:
    ledger = Ledger(TIMING)
    ledger.record("list", "1", SLOW, NOW)
    ledger = Ledger.from_dict(ledger.as_dict(), TIMING)
    late = NOW + TIMING.call_longest
    assert ledger.ready_at("list", "1", SLOW, late + 10) == late + PAUSE


def test_what_has_no_limit_leaves_no_record() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW, UNLIMITED)
    assert ledger.empty
    assert ledger.ready_at("list", "1", UNLIMITED, NOW + 1) == NOW + 1


def test_a_call_that_was_not_made_is_taken_back() -> None:
    ledger = Ledger(TIMING)
    ledger.record("list", "1", DAILY, NOW)
    ledger.withdraw("list", "1")
    ledger.withdraw("other", "1")
    assert ledger.ready_at("list", "1", Limit(300, 1), NOW + 10) == NOW + 10


def test_quick_calls_keep_apart_whatever_their_parameters() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "page 1", NOW, QUICK)
    assert ledger.ready_at("list", "page 2", QUICK, NOW + 2) == NOW + 8


def test_the_budget_of_a_day_is_of_any_24_hours() -> None:
    ledger = Ledger(TIMING)
    times = [NOW + 2_000 * number for number in range(10)]
    for number, at in enumerate(times[:9]):
        called(ledger, str(number), at, DAILY)
    assert ledger.ready_at("list", "new", DAILY, times[9]) == times[9]
    called(ledger, "9", times[9], DAILY)
    day = 86_400 + TIMING.call_longest
    assert ledger.ready_at("list", "new", DAILY, times[9] + 10) == times[0] + day
    called(ledger, "new", times[0] + day, DAILY)
    later = times[0] + day + 10
    assert ledger.ready_at("list", "more", DAILY, later) == times[1] + day
    assert ledger.ready_at("other", "more", DAILY, later) == later


def test_after_a_refusal_the_same_request_waits() -> None:
    ledger = Ledger(TIMING)
    refused(ledger, "1", NOW)
    assert not ledger.by_endpoint
    assert ledger.ready_at("list", "1", SLOW, NOW + 10) == NOW + PAUSE
    assert ledger.ready_at("list", "2", SLOW, NOW + 10) == NOW + 10


def test_what_no_document_limits_waits_after_a_refusal_all_the_same() -> None:
    ledger = Ledger(TIMING)
    ledger.record("list", "1", UNLIMITED, NOW)
    ledger.refused("list", "1", SLOW, NOW)
    assert ledger.ready_at("list", "1", UNLIMITED, NOW + 10) == NOW + PAUSE
    assert ledger.ready_at("list", "2", UNLIMITED, NOW + 10) == NOW + 10
    assert not ledger.by_endpoint


def test_a_contradiction_teaches_that_endpoints_count() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW)
    refused(ledger, "2", NOW + 10)
    assert ledger.by_endpoint
    assert ledger.ready_at("list", "3", SLOW, NOW + 20) == NOW + 10 + PAUSE
    assert ledger.ready_at("other", "3", SLOW, NOW + 20) == NOW + 20
    ledger = Ledger.from_dict(ledger.as_dict(), TIMING)
    assert ledger.by_endpoint
    refused(ledger, "3", NOW + 400)
    assert ledger.by_endpoint
    assert ledger.ready_at("list", "4", SLOW, NOW + 410) == NOW + 400 + PAUSE


def test_a_refusal_without_another_call_teaches_nothing() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW)
    refused(ledger, "1", NOW + PAUSE)
    called(ledger, "2", NOW + PAUSE + 10)
    refused(ledger, "3", NOW + 3 * PAUSE)
    assert not ledger.by_endpoint


def test_where_different_requests_passed_it_takes_two_refusals_to_learn() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW)
    called(ledger, "2", NOW + 10)
    refused(ledger, "3", NOW + 20)
    # Somebody else may have used the token.
    assert not ledger.by_endpoint
    refused(ledger, "4", NOW + 30)
    assert ledger.by_endpoint


def test_a_fresh_proof_is_needed_after_a_contradiction() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW)
    called(ledger, "2", NOW + 10)
    refused(ledger, "3", NOW + 20)
    called(ledger, "4", NOW + 30)
    refused(ledger, "5", NOW + 40)
    assert ledger.by_endpoint


@pytest.mark.parametrize(
    ("first", "second", "after", "limit"),
    [
        ("1", "1", 10, SLOW),  # the same request
        ("1", "2", 280, SLOW),  # may have been far enough apart when they arrived
        ("1", "2", 2, QUICK),  # not the limit in question
    ],
)
def test_what_proves_nothing(first: str, second: str, after: float, limit: Limit) -> None:
    ledger = Ledger(TIMING)
    called(ledger, first, NOW, limit)
    called(ledger, second, NOW + after, limit)
    ledger.record("list", "3", SLOW, NOW + after + 1)
    ledger.refused("list", "4", SLOW, NOW + after + 2)
    assert ledger.by_endpoint


def test_refused_quick_calls_teach_nothing() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW, QUICK)
    refused(ledger, "2", NOW + 2, QUICK)
    assert not ledger.by_endpoint
    assert ledger.ready_at("list", "3", QUICK, NOW + 3) == NOW + 10


def test_outages_pause_longer_and_longer_until_an_answer() -> None:
    ledger = Ledger(TIMING)
    for pause in (60, 120, 240):
        ledger.unreachable(NOW)
        assert ledger.paused_until == NOW + pause
    ledger.unreachable(NOW, retry_after=5_000)
    assert ledger.paused_until == NOW + 5_000
    ledger.unreachable(NOW, retry_after=1e9)
    assert ledger.paused_until == NOW + 86_400
    ledger.reached()
    assert ledger.paused_until <= NOW + 1
    ledger.unreachable(NOW)
    assert ledger.paused_until == NOW + 60


def test_somebody_who_asks_has_the_pause_shortened() -> None:
    """Each of their requests leads to an attempt, but never to more than one a minute."""
    ledger = Ledger(TIMING)
    for _ in range(9):
        ledger.unreachable(NOW)
    ledger.shorten_pause(NOW + 10)
    assert ledger.paused_until == NOW + 60
    # Asking once more does not make it shorter.
    ledger.shorten_pause(NOW + 20)
    assert ledger.paused_until == NOW + 60
    ledger.record("list", "1", SLOW, NOW + 60)
    ledger.unreachable(NOW + 80)
    assert ledger.paused_until == NOW + 80 + 3_600
    # A request made while a call is under way is not for that one.
    ledger.record("list", "2", SLOW, NOW + 90)
    ledger.shorten_pause(NOW + 95)
    ledger.unreachable(NOW + 100)
    assert ledger.paused_until == NOW + 160


def test_what_limits_nothing_any_more_is_forgotten() -> None:
    ledger = Ledger(TIMING)
    assert ledger.empty
    called(ledger, "1", NOW, DAILY)
    refused(ledger, "2", NOW)
    ledger.by_endpoint = False
    ledger.close()
    ledger.unreachable(NOW)
    ledger.prune(NOW + PAUSE - 1)
    before = ledger.ready_at("list", "1", SLOW, NOW + PAUSE - 1)
    assert before == NOW + PAUSE
    assert ledger.ready_at("list", "2", SLOW, NOW + PAUSE - 1) == NOW + PAUSE
    ledger.prune(NOW + PAUSE)
    assert ledger.usage(NOW + PAUSE) == {
        "list": {"requests_cooling_down": 0, "calls_in_24_hours": 1}
    }
    empty: list[bool] = []
    for age in (TIMING.call_longest - 1, TIMING.call_longest):
        ledger.prune(NOW + 86_400 + age)
        empty.append(ledger.empty)
    assert empty == [False, True]


@pytest.mark.parametrize("what", ["call", "refusal", "day", "lesson", "outage"])
def test_each_thing_is_worth_keeping(what: str) -> None:
    ledger = Ledger(TIMING)
    match what:
        case "call":
            ledger.record("list", "1", SLOW, NOW)
        case "refusal":
            ledger.refused("list", "1", SLOW, NOW)
        case "day":
            ledger.record("list", "1", Limit(0, 10), NOW)
        case "lesson":
            ledger.by_endpoint = True
        case "outage":
            ledger.unreachable(NOW)
    ledger.prune(NOW + 1)
    assert not ledger.empty


def test_usage_tells_what_is_used_up() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW, DAILY)
    called(ledger, "2", NOW + 200, DAILY)
    ledger.record("other", "", SLOW, NOW + 200)
    ledger.finished("other", "", NOW + 200)
    assert ledger.usage(NOW + 301) == {
        "list": {"requests_cooling_down": 1, "calls_in_24_hours": 2},
        "other": {"requests_cooling_down": 1, "calls_in_24_hours": 0},
    }
    assert ledger.usage(NOW + 86_401)["list"]["calls_in_24_hours"] == 1


def test_all_of_it_is_stored() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW, DAILY)
    refused(ledger, "2", NOW + 10)
    ledger.unreachable(NOW + 20)
    stored = json.loads(json.dumps(ledger.as_dict()))
    restored = Ledger.from_dict(stored, TIMING)
    assert restored.as_dict() == ledger.as_dict()
    assert (restored.by_endpoint, restored.outages) == (True, 1)
    assert restored.paused_until == NOW + 80
    assert restored.ready_at("list", "1", SLOW, NOW + 30) == NOW + 10 + PAUSE
    whole = json.loads(json.dumps(ledger.as_dict()).replace(".0", ""))
    assert Ledger.from_dict(whole, TIMING).as_dict() == ledger.as_dict()
    assert isinstance(Ledger.from_dict(whole, TIMING).paused_until, float)


def test_most_calls_need_no_write() -> None:
    ledger = Ledger(TIMING)
    assert ledger.record("list", "1", SLOW, NOW)
    assert not ledger.record("list", "2", SLOW, NOW)
    assert ledger.record("other", "1", SLOW, NOW)
    assert not ledger.record("quick", "1", QUICK, NOW)
    assert not ledger.record("free", "1", UNLIMITED, NOW)
    # Of those that are few a day each one counts.
    assert ledger.record("daily", "1", DAILY, NOW)
    assert ledger.record("daily", "2", DAILY, NOW)


def test_after_a_crash_what_was_in_use_counts_as_called() -> None:
    ledger = Ledger(TIMING)
    ledger.record("list", "1", SLOW, NOW)
    on_disk = ledger.as_dict()
    ledger.record("list", "2", SLOW, NOW + 5_000)
    restored = Ledger.from_dict(on_disk, TIMING)
    restored.reopen(NOW + 5_010)
    for subject in ("1", "2", "3"):
        ready = restored.ready_at("list", subject, SLOW, NOW + 5_020)
        assert ready == NOW + 5_010 + PAUSE
    assert restored.ready_at("other", "1", SLOW, NOW + 5_020) == NOW + 5_020
    # That it is in use has to be written down anew.
    assert restored.record("list", "1", SLOW, NOW + 6_000)


def test_after_a_clean_end_the_times_are_known() -> None:
    ledger = Ledger(TIMING)
    called(ledger, "1", NOW)
    called(ledger, "2", NOW + 5_000)
    ledger.close()
    restored = Ledger.from_dict(ledger.as_dict(), TIMING)
    restored.reopen(NOW + 5_010)
    assert restored.ready_at("list", "1", SLOW, NOW + 5_020) == NOW + 5_020
    assert restored.ready_at("list", "2", SLOW, NOW + 5_020) == NOW + 5_000 + PAUSE


def test_after_another_boot_a_pause_begins_where_it_was() -> None:
    """Nobody knows how long the machine was off."""
    ledger = Ledger(TIMING)
    for number in range(10):
        called(ledger, str(number), NOW + number, DAILY)
    refused(ledger, "9", NOW + 100)
    ledger.unreachable(NOW + 100)
    ledger.close()
    restored = Ledger.from_dict(ledger.as_dict(), TIMING)
    restored.reopen(NOW + 110 + 5_000, unproven=5_000)
    assert restored.ready_at("list", "9", SLOW, NOW + 5_110) == NOW + 5_100 + PAUSE
    assert restored.ready_at("list", "8", SLOW, NOW + 5_110) == NOW + 5_008 + PAUSE
    day = NOW + 5_000 + 86_400 + TIMING.call_longest
    assert restored.ready_at("list", "new", DAILY, NOW + 7_000) == day
    assert restored.paused_until == NOW + 160


def test_whatever_was_stored_no_pause_is_longer_than_its_kind() -> None:
    later = NOW + 1e7
    stored: dict[str, Any] = {
        **STORED,
        "in_use": [],
        "paused_from": later,
        "paused_until": later,
        "calls": {"list": {"1": later}},
        "refused_until": {"other": {"1": later}},
        "days": {"list": [later] * 10},
    }
    ledger = Ledger.from_dict(stored, TIMING)
    ledger.reopen(NOW, unproven=1e6)
    assert ledger.ready_at("list", "1", SLOW, NOW) == NOW + PAUSE
    # A server may ask for a day.
    assert ledger.ready_at("other", "1", SLOW, NOW) == NOW + 86_400 + TIMING.margin
    assert ledger.ready_at("list", "2", DAILY, NOW) == NOW + 86_400 + TIMING.call_longest
    assert ledger.paused_until == NOW + 86_400
    ledger.shorten_pause(NOW)
    assert ledger.paused_until == NOW + 60
    # A second look makes none of it longer.
    assert ledger.ready_at("list", "1", SLOW, NOW + 100) == NOW + PAUSE


def test_lost_records_count_as_one_call_of_each_kind() -> None:
    ledger = Ledger(TIMING)
    ledger.lost_at = NOW
    assert ledger.ready_at("list", "1", UNLIMITED, NOW) == NOW
    assert ledger.ready_at("list", "1", QUICK, NOW) == NOW + 8
    assert ledger.ready_at("list", "1", SLOW, NOW + 100) == NOW + PAUSE
    assert ledger.ready_at("list", "1", SLOW, NOW + PAUSE) == NOW + PAUSE
    for number in range(9):
        at = NOW + 1_000 * (number + 1)
        assert ledger.ready_at("list", str(number), DAILY, at) == at
        called(ledger, str(number), at, DAILY)
    day = NOW + 86_400 + TIMING.call_longest
    assert ledger.ready_at("list", "new", DAILY, NOW + 10_000) == day
    assert ledger.ready_at("other", "new", DAILY, NOW + 10_000) == NOW + 10_000


def test_a_call_in_progress_counts_as_made_now() -> None:
    ledger = Ledger(TIMING)
    ledger.record("list", "1", SLOW, NOW)
    assert ledger.ready_at("list", "1", SLOW, NOW + 5) == NOW + 5 + PAUSE
    assert ledger.ready_at("list", "1", SLOW, NOW + 10) == NOW + 10 + PAUSE
    ledger.finished("list", "1", NOW + 7)
    assert ledger.ready_at("list", "1", SLOW, NOW + 10) == NOW + 7 + PAUSE


def test_what_could_not_be_written_is_written_next_time() -> None:
    ledger = Ledger(TIMING)
    assert ledger.record("list", "1", SLOW, NOW)
    ledger.withdraw("list", "1")
    assert ledger.ready_at("list", "1", SLOW, NOW + 1) == NOW + 1
    assert ledger.record("list", "1", SLOW, NOW + 1)


@settings(max_examples=200)
@given(
    by_endpoint=st.booleans(),
    waits=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 900)), max_size=60),
    ends=st.dictionaries(st.integers(0, 59), st.booleans()),
)
def test_no_limit_is_passed_whatever_a_crash_forgets(
    *, by_endpoint: bool, waits: list[tuple[str, float]], ends: dict[int, bool]
) -> None:
    """`ends` tells after which calls it ends, and whether cleanly."""
    ledger = Ledger(TIMING)
    ledger.by_endpoint = by_endpoint
    on_disk = json.dumps(ledger.as_dict())
    time, counted = NOW, list[tuple[str, float]]()
    for number, (subject, wait) in enumerate(waits):
        time = ledger.ready_at("list", subject, SLOW, time + wait)
        if ledger.record("list", subject, SLOW, time):
            on_disk = json.dumps(ledger.as_dict())
        same = [at for other, at in counted if by_endpoint or other == subject]
        assert not same or time - max(same) >= 300
        counted.append((subject, time))
        if (clean := ends.get(number)) is None:
            ledger.finished("list", subject, time)
            continue
        if clean:
            ledger.finished("list", subject, time)
            ledger.close()
            on_disk = json.dumps(ledger.as_dict())
        ledger = Ledger.from_dict(json.loads(on_disk), TIMING)
        ledger.reopen(time)


STORED: dict[str, Any] = {
    "in_use": ["list"],
    "by_endpoint": False,
    "paused_from": 0.0,
    "paused_until": 1.0,
    "outages": 0,
    "calls": {"list": {"1": 1.0}},
    "refused_until": {"list": {"1": 1.0}},
    "days": {"list": [1.0]},
}


@pytest.mark.parametrize(
    "change",
    [
        {"in_use": None},
        {"in_use": [1]},
        {"by_endpoint": 1},
        {"by_endpoint": None},
        {"paused_from": None},
        {"paused_until": "1"},
        {"paused_until": True},
        {"paused_until": float("nan")},
        {"paused_until": -1},
        {"paused_until": 1e300},
        {"outages": 1.5},
        {"outages": True},
        {"calls": []},
        {"calls": {"list": [1]}},
        {"calls": {"list": {"1": "1"}}},
        {"calls": {"list": {"1": 10**400}}},
        {"refused_until": {"list": {"1": None}}},
        {"days": {"list": 1}},
        {"days": {"list": {"1": 1}}},
        {"days": {"list": [float("inf")]}},
    ],
    ids=str,
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    Ledger.from_dict(STORED, TIMING)
    with pytest.raises(ValueError, match=r"^not a ledger"):
        Ledger.from_dict({**STORED, **change}, TIMING)


@pytest.mark.parametrize("name", STORED)
def test_a_missing_part_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^not a ledger"):
        Ledger.from_dict({key: value for key, value in STORED.items() if key != name}, TIMING)


@settings(max_examples=200)
@given(
    by_endpoint=st.booleans(),
    waits=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30_000)), max_size=60),
    restarts=st.sets(st.integers(0, 59)),
    arrivals=st.floats(0, 20),
)
def test_whoever_obeys_the_ledger_passes_no_limit(
    *, by_endpoint: bool, waits: list[tuple[str, float]], restarts: set[int], arrivals: float
) -> None:
    """Calls of few a day, some arriving late, as strictly counted as can be."""
    ledger = Ledger(TIMING)
    ledger.by_endpoint = by_endpoint
    time, counted = NOW, list[tuple[str, float]]()
    for number, (subject, wait) in enumerate(waits):
        time = ledger.ready_at("list", subject, DAILY, time + wait)
        ledger.record("list", subject, DAILY, time)
        # The first of all arrive late, so that those after them come too close.
        arrived = time + (arrivals if number % 2 == 0 else 0)
        counted.append((subject, arrived))
        time = arrived
        if number in restarts:
            ledger = Ledger.from_dict(json.loads(json.dumps(ledger.as_dict())), TIMING)
            time += TIMING.call_longest
        else:
            ledger.finished("list", subject, time)
        ledger.prune(time)
        same = [at for other, at in counted[:-1] if by_endpoint or other == subject]
        assert not same or arrived - max(same) >= 300
        assert sum(arrived - at < 86_400 for _, at in counted) <= 10
