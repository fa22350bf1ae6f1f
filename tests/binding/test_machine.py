"""Whatever order of answers, faults, restarts and reboots there is, the promises hold."""

import json

from hypothesis import assume, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
import pytest

from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.binding.planner import Abilities, Step, StepKind
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.gateway.ledger import Ledger

from .cloud_model import DAY, FOREIGN, Fault, ModelCloud
from .driver import TIMING, Crashed, Driver, Point, pending_states

QUEUED, UNCONFIRMED, ACCEPTED = (
    BindingState.QUEUED,
    BindingState.UNCONFIRMED,
    BindingState.ACCEPTED,
)
ASSOCIATED, LOST = BindingState.ASSOCIATED, BindingState.LOST
CONFLICT, REJECTED = BindingState.CONFLICT, BindingState.REJECTED

# What may become of a binding by itself. From `accepted` and behind it nothing is sent again.
FOLLOWERS = {
    QUEUED: {UNCONFIRMED, ACCEPTED, ASSOCIATED, CONFLICT, REJECTED},
    UNCONFIRMED: {QUEUED, ACCEPTED, ASSOCIATED, CONFLICT, REJECTED},
    ACCEPTED: {ASSOCIATED, CONFLICT},
    ASSOCIATED: {LOST, CONFLICT},
    LOST: {ASSOCIATED, CONFLICT},
    CONFLICT: {ASSOCIATED, QUEUED},
    REJECTED: {ASSOCIATED, CONFLICT},
}
SERIALS = st.sampled_from([f"SN{number:04}" for number in range(6)])
PLANTS = st.sampled_from(["plant1", "plant2"])
FAULTS = st.sampled_from([Fault.NONE] * 6 + list(Fault))


class Machine(RuleBasedStateMachine):
    """An account, its cloud, and everything that can happen to both."""

    by_endpoint = False

    @initialize(watch=st.booleans(), locate=st.booleans())
    def begin(self, *, watch: bool, locate: bool) -> None:
        self.cloud = ModelCloud(by_endpoint=self.by_endpoint)
        self.driver = Driver(self.cloud, Abilities(watch=watch, locate=locate))
        # Others' devices stand on the first pages of the lists.
        for number in range(3):
            self.cloud.place(f"OTHER{number}", "plant1")
        # How many refusals are allowed to teach how the cloud counts.
        self.lessons = int(self.by_endpoint)
        # When a device was found in its plant, in true time.
        self.found: dict[str, float] = {}

    # What people do

    @rule(serial=SERIALS, plant_id=PLANTS)
    def add(self, serial: str, plant_id: str) -> None:
        assume(serial not in self.driver.bindings)
        self.driver.add(serial, plant_id)

    @rule(serials=st.sets(SERIALS), plant_id=PLANTS)
    def add_many(self, serials: set[str], plant_id: str) -> None:
        for serial in sorted(serials - self.driver.bindings.keys()):
            self.driver.add(serial, plant_id)

    @rule(serial=SERIALS)
    def remove(self, serial: str) -> None:
        assume(serial in self.driver.bindings)
        del self.driver.bindings[serial]
        self.driver.asked.pop(serial, None)
        self.driver.save()

    @rule(serial=SERIALS)
    def check_now(self, serial: str) -> None:
        assume(serial in self.driver.bindings)
        self.driver.asked[serial] = self.driver.now

    @rule(serial=SERIALS, plant_id=PLANTS | st.none())
    def submit_again(self, serial: str, plant_id: str | None) -> None:
        assume(serial in self.driver.bindings)
        again = transitions.submit_again(self.driver.bindings[serial], self.driver.now, plant_id)
        assert again.state is QUEUED
        self.driver.bindings[serial] = again
        self.driver.asked.pop(serial, None)
        self.driver.save()

    @rule()
    def lose_the_binding_of_a_subentry(self) -> None:
        assume(self.driver.bindings)
        serial = min(self.driver.bindings)
        plant_id = self.driver.bindings[serial].plant_id
        self.driver.bindings[serial] = transitions.recover(
            serial, plant_id, self.driver.now, DeviceKind.INVERTER
        )
        self.driver.save()

    @rule(times=st.integers(1, 12))
    def open_dialogs(self, times: int) -> None:
        for _ in range(times):
            self.driver.verify()
            self.cloud.time += TIMING.slow_cooldown + TIMING.call_longest

    # What devices do

    @rule(serial=SERIALS)
    def come_online(self, serial: str) -> None:
        self.cloud.bring_online(serial)

    @rule(serial=SERIALS, plant_id=PLANTS | st.just(FOREIGN) | st.none())
    def be_moved(self, serial: str, plant_id: str | None) -> None:
        self.cloud.place(serial, plant_id)

    # What happens to the process

    @rule(faults=st.lists(FAULTS, min_size=1, max_size=8), latency=st.sampled_from([0.1, 1.0, 9.0]))
    def go_on(self, faults: list[Fault], latency: float) -> None:
        for fault in faults:
            self.take(fault, latency)

    @rule(serials=st.sets(SERIALS, min_size=1))
    def come_online_and_be_found(self, serials: set[str]) -> None:
        for serial in serials:
            self.cloud.bring_online(serial)
        self.rest()

    @rule(serials=st.sets(SERIALS), plant_id=PLANTS | st.just(FOREIGN) | st.none())
    def be_moved_and_checked(self, serials: set[str], plant_id: str | None) -> None:
        for serial in sorted(serials):
            self.cloud.place(serial, plant_id)
        self.cloud.time += 1
        for serial in self.driver.bindings:
            self.driver.asked[serial] = self.driver.now
        self.rest()

    def rest(self) -> None:
        """Take the steps of a while without faults."""
        for _ in range(25):
            self.take(Fault.NONE, 0.2)

    @rule(point=st.sampled_from(list(Point)), fault=FAULTS)
    def crash(self, point: Point, fault: Fault) -> None:
        refused = len(self.cloud.too_often)
        self.take(fault, 0.2, point)
        # Nobody was there any longer to learn from it.
        self.lessons += self.by_endpoint and len(self.cloud.too_often) > refused
        self.restart()

    @rule()
    def restart(self) -> None:
        lesson = self.driver.ledger.by_endpoint
        self.cloud.time += 15
        self.driver.start()
        # What was learned by a call is written before the next one.
        self.lessons += lesson and not self.driver.ledger.by_endpoint

    @rule(off=st.sampled_from([15.0, 5_000.0, 200_000.0]), counted=st.sampled_from([0.0, 0.5, 1.0]))
    def reboot(self, off: float, counted: float) -> None:
        """Cut the power: the wall clock knows at most how long ago the last write was."""
        lesson = self.driver.ledger.by_endpoint
        self.cloud.time += off
        self.driver.reboot(counted)
        self.lessons += lesson and not self.driver.ledger.by_endpoint

    @rule(seconds=st.sampled_from([1.0, 60.0, 3_600.0, 90_000.0]))
    def sleep(self, seconds: float) -> None:
        self.cloud.time += seconds

    # What must hold

    def take(self, fault: Fault, latency: float, crash: Point | None = None) -> Step | None:
        """Take a step and check what came of it."""
        before = dict(self.driver.bindings)
        try:
            step = self.driver.go_on(fault, latency, crash, longest=DAY)
        except Crashed:
            step = None
        if step is None:
            return None
        if step.kind is StepKind.SUBMIT:
            assert before[step.serial].state is QUEUED
        for serial, binding in self.driver.bindings.items():
            self.check_change(before[serial], binding, step)
        return step

    def check_change(self, before: Binding, after: Binding, step: Step) -> None:
        """Check one binding after a step."""
        if after.state is before.state:
            return
        assert after.state in FOLLOWERS[before.state]
        device = self.cloud.device(after.serial)
        if after.state is ASSOCIATED:
            assert step.kind in (StepKind.LOOK, StepKind.LOCATE)
            assert device.plant_id == after.plant_id
            self.found[after.serial] = self.cloud.time
        if after.state is LOST:
            assert device.plant_id != after.plant_id or device.placed_at > self.found[after.serial]
        if after.state is CONFLICT:
            assert device.plant_id != after.plant_id
        if after.state is ACCEPTED:
            assert device.accepted or before.maybe_accepted_before

    @invariant()
    def states_are_known(self) -> None:
        for binding in self.driver.bindings.values():
            assert binding.state in FOLLOWERS
            assert binding.pending is (binding.state in pending_states())

    @invariant()
    def what_is_stored_comes_back(self) -> None:
        for binding in self.driver.bindings.values():
            assert Binding.from_dict(json.loads(json.dumps(binding.as_dict()))) == binding
        stored = json.loads(json.dumps(self.driver.ledger.as_dict()))
        assert Ledger.from_dict(stored, TIMING).as_dict() == stored

    @invariant()
    def no_binding_is_forgotten(self) -> None:
        stored = json.loads(self.driver.disk_bindings)
        assert {serial: data["state"] for serial, data in stored.items()} == {
            serial: binding.state for serial, binding in self.driver.bindings.items()
        }

    @invariant()
    def no_limit_is_passed(self) -> None:
        assert len(self.cloud.too_often) <= self.lessons

    @invariant()
    def nothing_is_planned_without_need(self) -> None:
        driver = self.driver
        if not (driver.asked or driver.looks or self.pending() or self.missing()):
            assert driver.plan() is None

    @invariant()
    def something_is_planned_while_pending(self) -> None:
        driver = self.driver
        if self.pending():
            planned = driver.plan()
            assert planned is not None
            longest = TIMING.later_interval + TIMING.look_beside_watch + TIMING.slow_cooldown
            assert planned.at - driver.now <= longest

    def teardown(self) -> None:
        """Without faults, everything whose device stands in its plant ends associated."""
        if not hasattr(self, "driver"):
            return
        for serial in self.driver.bindings:
            self.cloud.bring_online(serial)
        # A cloud that would not say what the token may do is asked again after a restart.
        self.restart()
        end = self.cloud.time + 4 * DAY
        while self.unfinished() and self.cloud.time < end and self.take(Fault.NONE, 0.2):
            self.no_limit_is_passed()
        assert not self.unfinished()
        # Then lists are read to their ends, checks are made, and it is quiet.
        while not self.pending() and self.take(Fault.NONE, 0.2):
            assert self.cloud.time < end + DAY
        self.nothing_is_planned_without_need()

    def pending(self) -> bool:
        return any(binding.pending for binding in self.driver.bindings.values())

    def missing(self) -> bool:
        """Tell whether a list lacked what it should show, which is asked once more."""
        return any(binding.missing_at is not None for binding in self.driver.bindings.values())

    def unfinished(self) -> list[Binding]:
        return [
            binding
            for binding in self.driver.bindings.values()
            if binding.state is QUEUED
            or (binding.pending and self.cloud.device(binding.serial).plant_id == binding.plant_id)
        ]


class EndpointMachine(Machine):
    """The same with a cloud that counts an endpoint whatever its parameters."""

    by_endpoint = True


@pytest.mark.parametrize("machine", [Machine, EndpointMachine])
def test_machine(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=120, stateful_step_count=40, deadline=None)
    )
