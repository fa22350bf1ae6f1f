"""Proof: a cloud that cannot be reached is left alone, and everything recovers by itself.

An hour of simulated time in which a firewall's pages, requests that are never answered and "too
often" come at random; in which nothing else comes for ten minutes, while somebody asks all the
time; in which what is only a help answers web pages; and in which the server asks for patience.
Another program uses the same token all along, for the same lists.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
import itertools
import logging
import sys
import time
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, callback

from simulator import Simulator
from simulator.calls import RecordedCall
from simulator.faults import FaultKind
from simulator.growatt import INSTALLER_TOKEN

from .world import Log, World, new_world

MINUTE: Final = 60.0
CALM: Final = 10 * MINUTE
# How long a request waits for its answer.
TIMEOUT: Final = 20.0
# What the product promises: a minute's pause after an outage, doubled each time, up to an hour, but
# a minute for somebody who asks; and the pause that a server asks for.
FIRST_PAUSE, LONGEST_PAUSE = MINUTE, 60 * MINUTE
PATIENCE: Final = 8 * MINUTE
LIST: Final = "v1/device/list"
WATCH: Final = "v4/new-api/queryDeviceList"
# A help and not a need: how it ends says nothing about the cloud.
HELPS: Final = frozenset({WATCH, "v1/plant/sn_plant", "v1/device/check/sn"})
_OUTAGES: Final = (FaultKind.FIREWALL, FaultKind.HANG, FaultKind.LOGIN_PAGE)
_PHASES: Final = (
    ("10 min of calm before", -10, 0),
    ("10 min of storm", 0, 10),
    ("10 min without any answer", 10, 20),
    ("10 min of storm", 20, 30),
    ("10 min of rest", 30, 40),
    ("10 min of helps that fail", 40, 50),
    ("10 min of wanted patience", 50, 60),
)


@dataclass
class Report:
    """What came of the storm. Times are in seconds since its beginning."""

    calls: list[RecordedCall]
    began: float
    # When somebody asked for a check.
    asked: list[float]
    # When the cloud could not be reached (False) and could again (True).
    expected: list[tuple[float, bool]]
    shown: list[tuple[float, bool]]
    logged: list[tuple[float, bool]]
    recovered: float | None
    problems: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        for name, first, last in _PHASES:
            calls = self.between(first, last)
            gaps = " ".join(f"{b - a:.0f}" for a, b in itertools.pairwise(c.time for c in calls))
            text = gaps if len(calls) < 12 else "..."
            yield f"  {len(calls):4} calls in {name:26} seconds between: {text}"
        kinds = {kind: sum(call.fault == kind for call in self.calls) for kind in FaultKind}
        yield "  answers: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count)
        yield f"  somebody asked {len(self.asked)} times"
        yield (
            f"  the cloud could not be reached {sum(not up for _, up in self.expected)} times;"
            f" log lines: {sum(not up for _, up in self.logged)} down,"
            f" {sum(up for _, up in self.logged)} up"
        )
        if self.recovered is not None:
            yield f"  {self.recovered / MINUTE:.0f} min after the storm everything was as it should"
        for problem in self.problems:
            yield f"  FAILED: {problem}"

    def between(self, first: float, last: float) -> list[RecordedCall]:
        """Return the calls between two minutes of the storm."""
        times = self.began + first * MINUTE, self.began + last * MINUTE
        return [call for call in self.calls if times[0] <= call.time < times[1]]


async def run(world: World) -> Report:
    """Play the storm."""
    with Log(world) as log:
        async with asyncio.TaskGroup() as others:
            tasks = [
                others.create_task(_other_program(world, WATCH, 20)),
                others.create_task(_other_program(world, LIST, 15 * MINUTE)),
            ]
            report = await _play(world, log)
            for task in tasks:
                task.cancel()
        return report


async def _other_program(world: World, path: str, every: float) -> None:
    """Use up the limits of an endpoint, as often as they let it, with the same token."""
    limits = world.simulator.growatt.limits
    while True:
        for plant in list(world.simulator.growatt.plants.values()):
            params = {"plant_id": str(plant.plant_id), "page": "1", "perpage": "100"}
            limits.admit(INSTALLER_TOKEN, path.partition("/")[2], params)
        await asyncio.sleep(every)


async def _play(world: World, log: Log) -> Report:
    simulator = world.simulator
    entry = await world.add_account()
    plants = [world.add_plant(entry, name) for name in ("North", "South")]
    serials = [f"SIM000000{number}" for number in range(9)]
    for number, serial in enumerate(serials):
        world.add_devices([serial], online_after=CALM + number * 7 * MINUTE)
    sticks = {f"QMN000000{number}": f"SPH000000{number}" for number in range(3)}
    for number, (stick, brought) in enumerate(sticks.items()):
        world.simulator.growatt.add_datalogger(
            stick, devices=[brought], online_after=CALM + number * 20 * MINUTE
        )
    await world.bind(entry, plants[0], serials[:3])
    await world.bind(entry, plants[1], serials[3:6])
    await world.bind_dataloggers(entry, plants[0], list(sticks)[:2])
    await asyncio.sleep(CALM)
    shown = _note_availability(world, world.entity_id(serials[5]))
    began = simulator.now()
    _storm(simulator)
    await world.bind(entry, plants[1], serials[6:8])
    await world.bind_dataloggers(entry, plants[1], list(sticks)[2:])
    await asyncio.sleep(10 * MINUTE)
    # Once all, then every second of the rest: each is as likely as the other.
    simulator.faults.clear()
    simulator.faults.add(kind=FaultKind.FIREWALL, times=None, probability=0.5)
    simulator.faults.add(kind=FaultKind.HANG, times=None)
    asked: list[float] = []
    for _ in range(60):
        asked.append(simulator.now())
        await world.check(serials[:1])
        await asyncio.sleep(10)
    simulator.faults.clear()
    _storm(simulator)
    await asyncio.sleep(10 * MINUTE)
    simulator.faults.clear()
    # Whatever pause is left, somebody who asks does not have to wait for its end.
    asked.append(simulator.now())
    await world.check(serials[5:6])
    await asyncio.sleep(10 * MINUTE)
    for path in HELPS:
        simulator.faults.add(path, kind=FaultKind.LOGIN_PAGE, times=None)
    await world.bind(entry, plants[0], serials[8:])
    await asyncio.sleep(10 * MINUTE)
    simulator.faults.clear()
    patience = str(int(PATIENCE))
    for path in (LIST, WATCH):
        simulator.faults.add(path, kind=FaultKind.TOO_MANY, times=None, retry_after=patience)
    await asyncio.sleep(10 * MINUTE)
    simulator.faults.clear()
    try:
        recovered = await world.shows(
            "associated", *serials, *sticks, *sticks.values(), seconds=3 * 3600
        )
    except TimeoutError:
        recovered = None
    calls = list(simulator.calls)
    report = Report(calls, began, asked, list(_expected(calls)), shown, log.reachable, recovered)
    report.problems += [f"logged: {error}" for error in log.errors]
    report.problems += _judge(report, world, serials, [*sticks, *sticks.values()])
    return report


def _storm(simulator: Simulator) -> None:
    for kind in (FaultKind.FIREWALL, FaultKind.HANG, FaultKind.CODE):
        simulator.faults.add(kind=kind, times=None, probability=0.3, code=10012)


def _note_availability(world: World, entity_id: str) -> list[tuple[float, bool]]:
    """Return a list that fills with when an entity became unavailable and available."""
    shown: list[tuple[float, bool]] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        old, new = event.data["old_state"], event.data["new_state"]
        if event.data["entity_id"] == entity_id and old is not None and new is not None:
            was, is_ = old.state != STATE_UNAVAILABLE, new.state != STATE_UNAVAILABLE
            if was is not is_:
                shown.append((world.simulator.now(), is_))

    world.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    return shown


def _failed(call: RecordedCall) -> bool:
    return call.fault in _OUTAGES


def _is_help(call: RecordedCall) -> bool:
    return call.path.removeprefix("/") in HELPS


def _end(call: RecordedCall) -> float:
    return call.time + (TIMEOUT if call.fault == FaultKind.HANG else 0)


def _expected(calls: list[RecordedCall]) -> Iterator[tuple[float, bool]]:
    """Yield when the cloud could not be reached, and could again."""
    reachable = True
    for call in calls:
        if not _is_help(call) and reachable is _failed(call):
            reachable = not reachable
            yield _end(call), reachable


def _judge(report: Report, world: World, serials: list[str], others: list[str]) -> Iterator[str]:
    """Yield what is not as it should be; `others` are dataloggers and what they bring."""
    for what, seen in (("shown", report.shown), ("logged", report.logged)):
        if [up for _, up in seen] != [up for _, up in report.expected] or any(
            abs(at - wanted) > 1
            for (at, _), (wanted, _) in zip(seen, report.expected, strict=False)
        ):
            yield f"reachability {what}: {seen}, expected {report.expected}"
    if sum(not up for _, up in report.expected) < 2:
        yield "the storm was none"
    yield from _judge_pauses(report)
    yield from _judge_phases(report)
    if report.recovered is None:
        yield f"in the end: {', '.join(f'{s} {world.status(s)}' for s in (*serials, *others))}"
    for serial in serials:
        binding = world.simulator.growatt.bindings.get(serial)
        if (count := 0 if binding is None else binding.accepted_count) != 1:
            yield f"{serial} was accepted {count} times"


def _judge_pauses(report: Report) -> Iterator[str]:
    """Yield which calls came before a pause was over: of the cloud, of a help, of a refusal."""
    failures: dict[str, int] = defaultdict(int)
    # By what pauses: when the last failure was sent and when it ended, and the end of the pause.
    pauses: dict[str, tuple[float, float, float]] = {}
    patience: dict[tuple[str, str], float] = {}
    for call in report.calls:
        path = call.path.removeprefix("/")
        scope = path if _is_help(call) else "cloud"
        for paused in {scope, "cloud"} & pauses.keys():
            sent, ended, until = pauses[paused]
            if any(sent <= at <= call.time for at in report.asked):
                until = min(until, ended + FIRST_PAUSE)
            if call.time < until - 0.001:
                yield f"{path} {until - call.time:.0f} s before the pause of {paused} was over"
        same = path, call.params.get("plant_id", "")
        if call.time < patience.get(same, 0):
            yield f"{path} {patience[same] - call.time:.0f} s before the wanted pause was over"
        if call.fault == FaultKind.TOO_MANY:
            patience[same] = call.time + PATIENCE
        if _failed(call):
            failures[scope] += 1
            pause = min(FIRST_PAUSE * 2 ** (failures[scope] - 1), LONGEST_PAUSE)
            pauses[scope] = call.time, _end(call), _end(call) + pause
        else:
            failures[scope] = 0
            pauses.pop(scope, None)


def _judge_phases(report: Report) -> Iterator[str]:
    """Yield in which part of the storm the cloud was asked too often, or too rarely."""
    alone = len(report.between(-10, 0))
    if len(report.between(10, 20)) * 3 > alone:
        yield "a cloud that does not answer was not asked much less often"
    if len(report.between(10, 20)) < 5:
        yield "somebody asked for an attempt, and there was none"
    if not any(call.time - report.asked[-1] <= MINUTE for call in report.between(30, 40)):
        yield "after the storm somebody asked for an attempt, and there was none"
    for first, last, what in ((40, 50, "helps that fail"), (50, 60, "wanted patience")):
        if not all(up for at, up in report.logged if first <= (at - report.began) / MINUTE < last):
            yield f"{what} made the cloud unreachable"
        if len(report.between(first, last)) > alone:
            yield f"{what} led to more calls, not to fewer"
    if not any(call.fault == FaultKind.TOO_MANY for call in report.calls):
        yield "no patience was wanted"


async def prove() -> int:
    """Play the storm and print what came of it."""
    logging.basicConfig(level=logging.ERROR)
    began = time.monotonic()
    async with new_world(Simulator()) as world:
        report = await run(world)
    print("60 simulated minutes of storm", *report.lines(), sep="\n")  # noqa: T201
    print(f"  took {time.monotonic() - began:.0f} s")  # noqa: T201
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(asyncio.run(prove()))
