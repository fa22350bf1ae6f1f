"""Proof: a cloud that cannot be reached is left alone, and everything recovers by itself.

Thirty minutes of simulated time in which a firewall's pages, requests that are never answered and
"too often" come at random, with ten minutes in the middle in which nothing else comes.
"""

import asyncio
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

from .world import Log, World, new_world

MINUTE: Final = 60.0
CALM: Final = 10 * MINUTE
# How long a request waits for its answer.
TIMEOUT: Final = 20.0
# What the product promises: a minute's pause after an outage, doubled each time, up to an hour.
FIRST_PAUSE, LONGEST_PAUSE = MINUTE, 60 * MINUTE
_OUTAGES: Final = (FaultKind.FIREWALL, FaultKind.HANG)


@dataclass
class Report:
    """What came of the storm. Times are in seconds since its beginning."""

    calls: list[RecordedCall]
    began: float
    # When the cloud could not be reached (False) and could again (True).
    expected: list[tuple[float, bool]]
    shown: list[tuple[float, bool]]
    logged: list[tuple[float, bool]]
    recovered: float | None
    problems: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        for name, first, last in (
            ("10 min of calm before", -10, 0),
            ("10 min of storm", 0, 10),
            ("10 min without any answer", 10, 20),
            ("10 min of storm", 20, 30),
        ):
            calls = self.between(first, last)
            gaps = " ".join(f"{b - a:.0f}" for a, b in itertools.pairwise(c.time for c in calls))
            text = gaps if len(calls) < 12 else "..."
            yield f"  {len(calls):4} calls in {name:26} seconds between: {text}"
        kinds = {kind: sum(call.fault == kind for call in self.calls) for kind in FaultKind}
        yield "  answers: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count)
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
        return await _play(world, log)


async def _play(world: World, log: Log) -> Report:
    simulator = world.simulator
    entry = await world.add_account()
    plants = [world.add_plant(entry, name) for name in ("North", "South")]
    serials = [f"SIM000000{number}" for number in range(8)]
    for number, serial in enumerate(serials):
        world.add_devices([serial], online_after=CALM + number * 4 * MINUTE)
    await world.bind(entry, plants[0], serials[:3])
    await world.bind(entry, plants[1], serials[3:6])
    await asyncio.sleep(CALM)
    shown = _note_availability(world, world.entity_id(serials[5]))
    began = simulator.now()
    for kind in (*_OUTAGES, FaultKind.CODE):
        simulator.faults.add(kind=kind, times=None, probability=0.3, code=10012)
    await world.bind(entry, plants[1], serials[6:])
    await asyncio.sleep(10 * MINUTE)
    # Once all, then every second of the rest: each is as likely as the other.
    simulator.faults.clear()
    simulator.faults.add(kind=FaultKind.FIREWALL, times=None, probability=0.5)
    simulator.faults.add(kind=FaultKind.HANG, times=None)
    await asyncio.sleep(10 * MINUTE)
    simulator.faults.clear()
    for kind in (*_OUTAGES, FaultKind.CODE):
        simulator.faults.add(kind=kind, times=None, probability=0.3, code=10012)
    await asyncio.sleep(10 * MINUTE)
    simulator.faults.clear()
    try:
        recovered = await world.shows("associated", *serials, seconds=3 * 3600)
    except TimeoutError:
        recovered = None
    calls = list(simulator.calls)
    report = Report(calls, began, list(_expected(calls)), shown, log.reachable, recovered)
    report.problems += [f"logged: {error}" for error in log.errors]
    report.problems += _judge(report, world, serials)
    return report


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


def _end(call: RecordedCall) -> float:
    return call.time + (TIMEOUT if call.fault == FaultKind.HANG else 0)


def _expected(calls: list[RecordedCall]) -> Iterator[tuple[float, bool]]:
    """Yield when the cloud could not be reached, and could again."""
    reachable = True
    for call in calls:
        if reachable is _failed(call):
            reachable = not reachable
            yield _end(call), reachable


def _judge(report: Report, world: World, serials: list[str]) -> Iterator[str]:
    """Yield what is not as it should be."""
    for what, seen in (("shown", report.shown), ("logged", report.logged)):
        if [up for _, up in seen] != [up for _, up in report.expected] or any(
            abs(at - wanted) > 1
            for (at, _), (wanted, _) in zip(seen, report.expected, strict=False)
        ):
            yield f"reachability {what}: {seen}, expected {report.expected}"
    if sum(not up for _, up in report.expected) < 2:
        yield "the storm was none"
    failures = 0
    for call, following in itertools.pairwise(report.calls):
        failures = failures + 1 if _failed(call) else 0
        pause = min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) if failures else 0
        if following.time - _end(call) < pause - 0.001:
            yield (
                f"asked again {following.time - _end(call):.0f} s after failure {failures}"
                f" in a row, not {pause:.0f} s"
            )
    if len(report.between(10, 20)) * 3 > len(report.between(-10, 0)):
        yield "a cloud that does not answer was not asked much less often"
    if report.recovered is None:
        yield f"in the end: {', '.join(f'{s} {world.status(s)}' for s in serials)}"
    for serial in serials:
        if (count := world.simulator.growatt.bindings[serial].accepted_count) != 1:
            yield f"{serial} was accepted {count} times"


async def prove() -> int:
    """Play the storm and print what came of it."""
    logging.basicConfig(level=logging.ERROR)
    began = time.monotonic()
    async with new_world(Simulator()) as world:
        report = await run(world)
    print("30 simulated minutes of storm", *report.lines(), sep="\n")  # noqa: T201
    print(f"  took {time.monotonic() - began:.0f} s")  # noqa: T201
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(asyncio.run(prove()))
