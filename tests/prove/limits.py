"""Proof: however long it runs and whatever goes wrong, no limit of the cloud is ever passed.

Hours of simulated time with the product's own planner, coordinator and intervals, in a Home
Assistant of the test harness, against the simulator that enforces the documented limits.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
import logging
import random
import statistics
import sys
import time
from typing import Final

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Simulator
from simulator.calls import RecordedCall
from simulator.faults import FaultKind
from simulator.limits import DAY, LimitReading

from .world import Log, World, new_world

HOUR: Final = 3_600.0
# How many answers are faulty, and the ways in which they are.
FAULTY: Final = 0.05
_FAULTS: Final = (
    FaultKind.FIREWALL,
    FaultKind.LOGIN_PAGE,
    FaultKind.GARBAGE,
    FaultKind.EMPTY,
    FaultKind.HTTP_500,
    FaultKind.CODE,
    FaultKind.CUT,
    FaultKind.CUT_AFTER,
    FaultKind.CUT_BODY,
    FaultKind.HANG,
    FaultKind.HANG_AFTER,
    FaultKind.WRONG_TYPE,
)
_TOO_OFTEN: Final = ("10012", "102")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens.

    Attributes:
        accounts: how many, all on one token.
        plants: how many each account has.
        inverters: how many are added to each plant.
        dataloggers: how many are added to each plant, each of which brings an inverter.
        reading: how the simulator counts.
        hours: simulated time.
        leaves: the first account is removed and added again on the way.

    """

    name: str
    accounts: int = 1
    plants: int = 4
    inverters: int = 10
    dataloggers: int = 0
    reading: LimitReading = "parameters"
    hours: float = 24
    leaves: bool = False
    seed: int = 1


SCENARIOS: Final = (
    Scenario(name="one account"),
    Scenario(name="one account, limits per endpoint", reading="endpoint"),
    Scenario(name="dataloggers among inverters", inverters=5, dataloggers=5),
    Scenario(
        name="dataloggers among inverters, limits per endpoint",
        inverters=5,
        dataloggers=5,
        reading="endpoint",
    ),
    Scenario(name="ten accounts", accounts=10, plants=1, inverters=4, leaves=True),
    Scenario(
        name="ten accounts, limits per endpoint",
        accounts=10,
        plants=1,
        inverters=4,
        leaves=True,
        reading="endpoint",
    ),
)


@dataclass
class Account:
    """An account's entry, and by plant what is added to it; `brought` is added by itself."""

    entry: MockConfigEntry
    serials: dict[str, list[str]] = field(default_factory=dict)
    dataloggers: dict[str, list[str]] = field(default_factory=dict)
    brought: list[str] = field(default_factory=list)

    async def bind(self, world: World) -> None:
        """Add everything."""
        for plant_id, serials in self.serials.items():
            await world.bind(self.entry, plant_id, serials)
        for plant_id, serials in self.dataloggers.items():
            await world.bind_dataloggers(self.entry, plant_id, serials)


@dataclass
class Report:
    """What came of a scenario."""

    scenario: Scenario
    calls: list[RecordedCall]
    faults: int
    # Simulated seconds from coming online (or being accepted later) to "associated", per device.
    delays: dict[str, float]
    problems: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        scenario = self.scenario
        yield f"{scenario.name}: {scenario.hours:g} simulated hours"
        for path, count in sorted(Counter(call.path for call in self.calls).items()):
            yield f"  {count:6} calls  {path}"
        yield f"  {self.faults:6} answers were faulty ({self.faults / len(self.calls):.1%})"
        if self.delays:
            delays = sorted(self.delays.values())
            most = delays[int(len(delays) * 0.95)]
            yield (
                f"  {len(delays):6} devices shown as associated after coming online:"
                f" median {statistics.median(delays):.0f} s, 95 % {most:.0f} s,"
                f" worst {delays[-1]:.0f} s"
            )
        for problem in self.problems:
            yield f"  FAILED: {problem}"
        if not self.problems:
            yield "  no limit and no daily budget was passed"


async def run(world: World, scenario: Scenario) -> Report:
    """Play a scenario."""
    with Log(world) as log:
        report = await _play(world, scenario)
    report.problems += [f"logged: {error}" for error in log.errors]
    return report


async def _play(world: World, scenario: Scenario) -> Report:
    simulator, chance = world.simulator, random.Random(scenario.seed)  # noqa: S311
    simulator.growatt.limits.reading = scenario.reading
    simulator.faults.seed(scenario.seed)
    shown = _note_when_shown(world)
    accounts = [await _add_account(world, scenario, chance) for _ in range(scenario.accounts)]
    for kind in _FAULTS:
        simulator.faults.add(kind=kind, times=None, probability=FAULTY / len(_FAULTS))
    for account in accounts:
        await account.bind(world)
    people = asyncio.create_task(_open_dialogs(world, accounts, chance))
    for hour in range(1, round(scenario.hours) + 1):
        await asyncio.sleep(HOUR)
        for account in accounts:
            await world.reload(account.entry)
        if scenario.leaves and hour == round(scenario.hours / 4):
            await _leave_and_come_back(world, accounts[0])
    people.cancel()
    report = Report(
        scenario,
        calls=list(simulator.calls),
        faults=sum(call.fault is not None for call in simulator.calls),
        delays=_delays(world, shown),
    )
    report.problems += _passed_limits(world, scenario)
    report.problems += _unseen(world, accounts)
    return report


async def _add_account(world: World, scenario: Scenario, chance: random.Random) -> Account:
    """Add an account whose devices come online at once or some time during the first 80 %."""
    account = Account(await world.add_account())

    def online_after() -> float:
        later = chance.uniform(0, scenario.hours * HOUR * 0.8)
        return 0 if chance.random() < 0.2 else later

    for number in range(scenario.plants):
        plant_id = world.add_plant(account.entry, f"Plant {number}")
        serials = [f"SIM{plant_id}{device:04}" for device in range(scenario.inverters)]
        account.serials[plant_id] = serials
        for serial in serials:
            world.simulator.growatt.add_device(serial, online_after=online_after())
        sticks = [f"QMN{plant_id}{device:04}" for device in range(scenario.dataloggers)]
        account.dataloggers[plant_id] = sticks
        for place, stick in enumerate(sticks):
            brought = f"SPH{plant_id}{place:04}"
            account.brought.append(brought)
            world.simulator.growatt.add_datalogger(
                stick, devices=[brought], online_after=online_after()
            )
    return account


async def _open_dialogs(world: World, accounts: list[Account], chance: random.Random) -> None:
    """Ask for the plants as dialogs do, more often than the cloud allows on a day."""
    while True:
        await asyncio.sleep(chance.uniform(0, 2 * HOUR))
        entry = chance.choice(accounts).entry
        try:
            await world.call("list_plants", config_entry_id=entry.entry_id)
        except HomeAssistantError:
            continue


async def _leave_and_come_back(world: World, account: Account) -> None:
    """Remove an account and add it again at once, with its inverters."""
    user_id = int(account.entry.data["account_id"])
    await world.hass.config_entries.async_remove(account.entry.entry_id)
    await asyncio.sleep(10)
    account.entry = await world.add_account(user_id)
    await account.bind(world)


def _note_when_shown(world: World) -> dict[str, float]:
    """Return a dictionary that fills with when each inverter was first shown as associated."""
    shown: dict[str, float] = {}

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state == "associated":
            serial = state.entity_id.split(".")[1].split("_")[0].upper()
            shown.setdefault(serial, world.simulator.now())

    world.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    return shown


def _delays(world: World, shown: dict[str, float]) -> dict[str, float]:
    return {
        serial: shown[serial] - binding.associated_at
        for serial, binding in world.simulator.growatt.bindings.items()
        if binding.associated_at is not None and serial in shown
    }


def _passed_limits(world: World, scenario: Scenario) -> Iterator[str]:
    """Yield what limit was passed."""
    growatt = world.simulator.growatt
    # Where the cloud counts endpoints, its first answer that says so is what teaches it: one for
    # the token, and those of which a fault kept the answer from us.
    heard = [
        call
        for call in world.simulator.calls
        if str(call.code) in _TOO_OFTEN and call.fault is None
    ]
    spoiled = len(growatt.limits.violations) - len(heard)
    allowed = 1 if scenario.reading == "endpoint" else 0
    if len(heard) > allowed:
        yield f"the cloud answered {len(heard)} times that we ask too often, not {allowed} times"
    if scenario.reading == "parameters" and spoiled:
        yield f"{spoiled} calls too many, the answers to which were lost"
    for violation in growatt.limits.violations:
        if violation.rule == "per_day" or scenario.reading == "parameters":
            yield f"{violation.endpoint} came {violation.early:.1f} s early ({violation.rule})"
    for path, rule in growatt.limits.rules.items():
        times = [call.time for call in world.simulator.calls.of(path)]
        for first, last in zip(times, times[rule.per_day or len(times) :], strict=False):
            if rule.per_day is not None and last - first < DAY:
                yield f"{path} was called more than {rule.per_day} times in a day"


def _unseen(world: World, accounts: list[Account]) -> Iterator[str]:
    """Yield what the accounts do not show although it is so."""
    serials = [s for account in accounts for found in account.serials.values() for s in found]
    sticks = [s for account in accounts for found in account.dataloggers.values() for s in found]
    brought = [s for account in accounts for s in account.brought]
    for serial in (*serials, *sticks, *brought):
        if (status := world.status(serial)) != "associated":
            yield f"{serial} is {status} in the end"
    for serial in serials:
        count = world.simulator.growatt.bindings[serial].accepted_count
        if count != 1:
            yield f"{serial} was accepted {count} times"


async def prove() -> int:
    """Play all scenarios and print what came of them."""
    logging.basicConfig(level=logging.ERROR)
    failed = False
    for scenario in SCENARIOS:
        began = time.monotonic()
        async with new_world(Simulator()) as world:
            report = await run(world, scenario)
        print(*report.lines(), sep="\n")  # noqa: T201
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
        failed = failed or bool(report.problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(prove()))
