"""Proof: whatever the wall clock does, no limit is passed and nothing comes late.

Each scenario is simulated time in a Home Assistant of the test harness, against the simulator that
enforces the documented limits by a clock of its own, which nobody sets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
import random
from typing import Final, NamedTuple

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import async_get_shared_data
from simulator.limits import DAY
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET

from .world import World

HOUR: Final = 3_600.0
# What the product promises: a fresh inverter is looked for every 30 seconds, and a limit makes the
# same request wait for five minutes, with a margin of three seconds.
SOON: Final = 40.0
COOLDOWN: Final = 303.0
PLANTS: Final = "plant/list"
EMAIL: Final = "owner@example.com"
PASSWORD: Final = "Fake-Passw0rd"


class Outcome(NamedTuple):
    """What came of a scenario."""

    situation: str
    outcome: str
    holds: bool


@dataclass
class Scene:
    """An account whose inverters wait, each in a plant of its own, and what was found.

    The first inverter is the one that people ask for all the time; the others are `fresh`.
    """

    world: World
    entry: MockConfigEntry
    serials: list[str]
    found: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def fresh(self) -> list[str]:
        """The inverters whose plants' lists nobody has asked for."""
        return self.serials[1:]

    async def ask_everything(self) -> None:
        """Ask for all that dialogs, actions and buttons can ask for, more than once."""
        for _ in range(3):
            with suppress(HomeAssistantError):
                await self.world.call("list_plants", config_entry_id=self.entry.entry_id)
            await self.world.check(self.serials[:1])
            await asyncio.sleep(15)

    async def comes_online(self, serial: str, within: float) -> None:
        """Bring an inverter online, and note how long it took to be seen."""
        self.world.simulator.growatt.bring_online(serial)
        try:
            seconds = await self.world.shows("associated", serial, seconds=30 * DAY)
        except TimeoutError:
            self.wrong.append(f"{serial} was never seen")
            return
        self.found.append(f"seen after {seconds:.0f} s")
        if seconds > within:
            self.wrong.append(f"not within {within:.0f} s")

    def says(self, situation: str) -> Outcome:
        """Return the outcome, once the limits were looked at too."""
        for violation in self.world.simulator.growatt.limits.violations:
            path = violation.endpoint.rpartition("/")[2]
            self.wrong.append(f"{path} came {violation.early:.0f} s early ({violation.rule})")
        if not self.wrong:
            self.found.insert(0, "no limit passed")
        return Outcome(situation, "; ".join([*self.wrong, *self.found]), not self.wrong)


async def begin(world: World) -> Scene:
    """Have an account whose inverters the cloud has accepted, and ask for everything."""
    entry = await world.add_account()
    serials = world.add_devices(f"SIM000000{number}" for number in range(3))
    for serial in serials:
        await world.bind(entry, world.add_plant(entry, f"Plant of {serial}"), [serial])
    await world.shows("accepted", *serials)
    scene = Scene(world, entry, serials)
    await scene.ask_everything()
    return scene


async def set_forward(world: World) -> Outcome:
    """Set the clock forward by more than a cooldown."""
    scene = await begin(world)
    world.clock.set_wall(400)
    await scene.ask_everything()
    await scene.comes_online(scene.fresh[0], SOON)
    return scene.says("set forward by 400 s")


async def set_forward_by_a_day(world: World) -> Outcome:
    """Set the clock forward by a day, when the calls of a day are used up."""
    scene = await begin(world)
    for _ in range(10):
        await asyncio.sleep(COOLDOWN)
        with suppress(HomeAssistantError):
            await world.call("list_plants", config_entry_id=scene.entry.entry_id)
    world.clock.set_wall(DAY)
    await scene.ask_everything()
    if (lists := world.asked(PLANTS)) != 10:
        scene.wrong.append(f"{lists} lists of plants")
    # By now they are asked for every five minutes.
    await scene.comes_online(scene.fresh[0], COOLDOWN)
    return scene.says("set forward by a day, ten lists used up")


async def set_back(world: World) -> Outcome:
    """Set the clock back by twelve hours while inverters wait."""
    scene = await begin(world)
    world.clock.set_wall(-12 * HOUR)
    await scene.comes_online(scene.fresh[0], SOON)
    await scene.ask_everything()
    # What was set once is set right again.
    world.clock.set_wall(12 * HOUR)
    await scene.ask_everything()
    await scene.comes_online(scene.fresh[1], SOON)
    return scene.says("set back by 12 h, and right again")


async def set_back_in_an_outage(world: World) -> Outcome:
    """Set the clock back while calls pause because the cloud could not be reached."""
    scene = await begin(world)
    world.simulator.faults.add("device/sn/add", kind="cut")
    await world.bind(scene.entry, world.add_plant(scene.entry), world.add_devices(["SIM0000003"]))
    await world.shows("unavailable", *scene.serials)
    await asyncio.sleep(15)
    world.clock.set_wall(-12 * HOUR)
    # The rest of the minute, and then as ever.
    await scene.comes_online(scene.fresh[0], 45 + SOON)
    return scene.says("set back by 12 h, 15 s into an outage's pause")


async def restart_forward(world: World) -> Outcome:
    """Set the clock forward while Home Assistant restarts."""
    return await _restart(world, 400, crash=False, within=SOON)


async def restart_back(world: World) -> Outcome:
    """Set the clock back while Home Assistant restarts."""
    return await _restart(world, -12 * HOUR, crash=False, within=SOON)


async def crash_forward(world: World) -> Outcome:
    """Set the clock forward by a day while Home Assistant restarts after a crash."""
    return await _restart(world, DAY, crash=True, within=COOLDOWN + SOON)


async def crash_back(world: World) -> Outcome:
    """Set the clock back by a day while Home Assistant restarts after a crash."""
    return await _restart(world, -DAY, crash=True, within=COOLDOWN + SOON)


async def _restart(world: World, seconds: float, *, crash: bool, within: float) -> Outcome:
    scene = await begin(world)
    async with world.down(crash=crash):
        await asyncio.sleep(10)
        world.clock.set_wall(seconds)
    await scene.ask_everything()
    await scene.comes_online(scene.fresh[0], within)
    how = "crash" if crash else "restart"
    direction = "forward" if seconds > 0 else "back"
    return scene.says(f"set {direction} by {abs(seconds):.0f} s during a {how} of Home Assistant")


async def reboot_behind(world: World) -> Outcome:
    """Cut the power of a computer without a battery clock, which boots an hour behind."""
    return await _reboot(world, -HOUR, crash=True)


async def reboot_ahead(world: World) -> Outcome:
    """Boot a day ahead."""
    return await _reboot(world, DAY, crash=True)


async def clean_reboot_behind(world: World) -> Outcome:
    """Boot an hour behind after Home Assistant was stopped as it should be."""
    return await _reboot(world, -HOUR, crash=False)


async def _reboot(world: World, seconds: float, *, crash: bool) -> Outcome:
    scene = await begin(world)
    async with world.down(crash=crash):
        world.clock.reboot(off=60)
        world.clock.set_wall(seconds)
    await scene.ask_everything()
    # A time server sets it right.
    world.clock.set_wall(-seconds)
    await scene.ask_everything()
    await scene.comes_online(scene.fresh[0], COOLDOWN + SOON)
    how = "power cut" if crash else "reboot"
    direction = "behind" if seconds < 0 else "ahead"
    return scene.says(f"{abs(seconds):.0f} s {direction} after a {how}, and right a minute later")


async def anything(world: World) -> Outcome:
    """Set the clock again and again, and restart, crash and reboot in between, all at random."""
    scene, chance, happenings = await begin(world), random.Random(1), 40  # noqa: S311
    for _ in range(happenings):
        boots = chance.random() < 0.4
        if boots or chance.random() < 0.5:
            async with world.down(crash=chance.random() < 0.5):
                if boots:
                    world.clock.reboot(off=chance.choice([30, 600, 40_000]))
                else:
                    await asyncio.sleep(chance.choice([1, 10, 400]))
                _set_somewhere(world, chance)
        else:
            _set_somewhere(world, chance)
        await scene.ask_everything()
        await asyncio.sleep(chance.choice([10, 200, 400, 5_000]))
    # Those have waited for days by now. The last restart may have been a crash.
    [new] = world.add_devices(["SIM0000009"])
    await world.bind(scene.entry, world.add_plant(scene.entry), [new])
    await world.shows("accepted", new)
    await scene.comes_online(new, COOLDOWN + SOON)
    return scene.says(f"set {happenings} times, between restarts, crashes and reboots at random")


def _set_somewhere(world: World, chance: random.Random) -> None:
    """Set the clock: by minutes, by an hour or by days, or right again."""
    seconds = chance.choice([400, HOUR, DAY, 7 * DAY]) * chance.choice([1, -1])
    off = world.clock.wall_off
    world.clock.set_wall(chance.choice([seconds, -off, -off - HOUR]))


async def sign_in(world: World) -> Outcome:
    """Set the clock past the end of a Quectel sign-in and back; then let it end in earnest."""
    quectel = world.simulator.quectel
    quectel.add_user(EMAIL, password=PASSWORD)
    entry = await _quectel_account(world)
    wrong, found = list[str](), list[str]()
    for number, seconds in enumerate((40 * DAY, -80 * DAY)):
        world.clock.set_wall(seconds)
        quectel.add_device(serial := f"FAKESN0000000{number}", online=True)
        await world.bind(entry, PRODUCT_KEY, [serial])
        try:
            await world.shows("associated", serial, seconds=2 * COOLDOWN)
        except TimeoutError:
            wrong.append(f"by a clock off by {seconds / DAY:.0f} days nothing is seen")
        if list(entry.async_get_active_flows(world.hass, {SOURCE_REAUTH})):
            wrong.append("somebody was asked to sign in")
    found.append(f"{len(world.simulator.calls.of('refreshToken'))} times refreshed")
    # So long that nobody refreshes it: now the cloud says that it is over.
    await asyncio.sleep(40 * DAY)
    world.clock.set_wall(-20 * DAY)
    with suppress(HomeAssistantError):
        await world.check(["FAKESN00000000"])
    await asyncio.sleep(COOLDOWN)
    if len(list(entry.async_get_active_flows(world.hass, {SOURCE_REAUTH}))) != 1:
        wrong.append("nobody was asked to sign in when it was over")
    outcome = "; ".join([*(wrong or ["over only when the cloud says so"]), *found])
    return Outcome("Quectel: set past the end of the sign-in, and far back", outcome, not wrong)


async def _quectel_account(world: World) -> MockConfigEntry:
    """Link an account as the dialog does, and set up its entry."""
    target = Target(
        provider=registry.provider("quectel"),
        url=world.simulator.url,
        credentials={"user_domain": USER_DOMAIN, "user_domain_secret": USER_DOMAIN_SECRET},
    )
    client = target.client(await async_get_shared_data(world.hass))
    [form] = (await client.test()).link
    [account] = await client.link(form, {"email": EMAIL, "password": PASSWORD})
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=account.name,
        unique_id=target.unique_id(account),
        data=target.entry_data(account),
    )
    entry.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(entry.entry_id)
    return entry


type Scenario = Callable[[World], Awaitable[Outcome]]

SCENARIOS: Final[Sequence[Scenario]] = (
    set_forward,
    set_forward_by_a_day,
    set_back,
    set_back_in_an_outage,
    restart_forward,
    restart_back,
    crash_forward,
    crash_back,
    reboot_behind,
    reboot_ahead,
    clean_reboot_behind,
    anything,
    sign_in,
)
