"""A wait that one can watch: what a device's dialog tells until it ends, and what that costs."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.clock import minutes_until
from simulator.growatt import END_USER_TOKEN
from tests.common import (
    HANGS,
    RESIDENT_ID,
    Result,
    close,
    open_inverters,
    send,
    shown_values,
)
from tests.prove.world import World

SN, OTHER_SN, STICK = "SIM0000001", "SIM0000002", "QMN0000001"
BIND, LIST, STICKS = "device/sn/add", "device/list", "datalogger/list"
WATCH = "queryDeviceList"
TWO_MINUTES = Timing().watched_for


@pytest.fixture
async def entry(world: World) -> MockConfigEntry:
    """Return the entry of the resident, with the limits that the vendor documents."""
    return await world.add_account(int(RESIDENT_ID), END_USER_TOKEN)


class Watched:
    """A dialog that somebody looks at every second."""

    def __init__(self, world: World, result: Result) -> None:
        self.world = world
        self.result = result
        self.began = world.clock.passed
        # What was shown, and how many seconds after the form was submitted.
        self.told: list[tuple[str, float]] = []

    async def follow(self, until: str | None = None) -> Result:
        """Look until the dialog shows a stage, or ends."""
        subentries = self.world.hass.config_entries.subentries
        while self.result["type"] is FlowResultType.SHOW_PROGRESS:
            action = self.result["progress_action"]
            if not self.told or self.told[-1][0] != action:
                self.told.append((action, self.world.clock.passed - self.began))
            if action == until:
                break
            await asyncio.sleep(1)
            self.result = await subentries.async_configure(self.result["flow_id"])
            assert self.world.clock.passed - self.began < HANGS
        return self.result

    @property
    def stages(self) -> list[str]:
        """The stages that were shown."""
        return [action for action, _ in self.told]

    @property
    def lasted(self) -> float:
        """The seconds since the form was submitted."""
        return self.world.clock.passed - self.began


async def add(world: World, entry: MockConfigEntry, *serials: str) -> Watched:
    """Submit inverters."""
    form = await open_inverters(world.hass, entry)
    return Watched(world, await send(world.hass, form, serial_numbers=" ".join(serials)))


async def test_its_text_follows_until_all_are_in_the_cloud(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    world.add_devices([SN, OTHER_SN])
    dialog = await add(world, entry, SN, OTHER_SN)
    await dialog.follow("waiting")
    assert dialog.stages == ["binding", "accepted", "waiting"]
    assert dialog.result["description_placeholders"]["waiting"] == "2"
    await asyncio.sleep(20)
    world.simulator.growatt.bring_online(SN)
    await dialog.follow("in_cloud")
    # The list of everything may be read every five seconds.
    assert 20 < dialog.lasted < 50
    values = dialog.result["description_placeholders"]
    assert (values["done"], values["count"], values["waiting"]) == ("1", "2", "1")
    world.simulator.growatt.bring_online(OTHER_SN)
    result = await dialog.follow()
    assert result["reason"] == "all_associated"
    assert not world.simulator.growatt.limits.violations


async def test_it_counts_what_was_sent(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    serials = [f"SIM00000{number:02}" for number in range(30)]
    world.add_devices(serials)
    dialog = await add(world, entry, *serials)
    values = dialog.result["description_placeholders"]
    assert dialog.result["progress_action"] == "binding"
    assert values["count"] == "30"
    assert int(values["sent"]) <= 1
    await asyncio.sleep(10)
    subentries = hass.config_entries.subentries
    dialog.result = await subentries.async_configure(dialog.result["flow_id"])
    sent = int(dialog.result["description_placeholders"]["sent"])
    assert dialog.result["progress_action"] == "binding"
    assert 5 <= sent <= len(world.simulator.calls.of(BIND)) < 30
    await dialog.follow("waiting")


async def test_it_ends_as_soon_as_nothing_is_waited_for(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    world.add_devices([SN, OTHER_SN])
    world.simulator.faults.add(BIND, kind="code", code=31337, match={"sn": OTHER_SN})
    dialog = await add(world, entry, SN, OTHER_SN)
    await dialog.follow("waiting")
    world.simulator.growatt.bring_online(SN)
    result = await dialog.follow()
    assert result["reason"] == "refused"
    assert dialog.lasted < 60
    refused, associated = shown_values(result)["results"].split("\n")
    assert OTHER_SN in refused
    assert associated == f"- **In the cloud:** {SN}"


async def test_it_stays_for_two_minutes_at_most(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    world.add_devices([SN])
    dialog = await add(world, entry, SN)
    result = await dialog.follow()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "waiting")
    assert TWO_MINUTES <= dialog.lasted < TWO_MINUTES + 15
    # Every 8 seconds, which the limits allow; and the plant's own list, for which they ask five
    # minutes of patience, is spared until it is worth it.
    assert 12 <= world.asked(WATCH) <= 16
    assert world.asked(LIST) <= 1
    assert not world.simulator.growatt.limits.violations
    # Nobody watches any longer.
    before = world.asked("*")
    await asyncio.sleep(TWO_MINUTES)
    assert world.asked("*") - before <= 5


async def test_where_looks_are_rare_it_says_when_the_next_one_is(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    """A list of dataloggers may be read every five minutes."""
    world.simulator.growatt.add_datalogger(STICK)
    subentries = hass.config_entries.subentries
    form = await subentries.async_init((entry.entry_id, "datalogger"), context={"source": "user"})
    dialog = Watched(world, await send(hass, form, serial_number=STICK))
    result = await dialog.follow("waiting_datalogger")
    assert dialog.stages == ["binding", "accepted", "waiting_datalogger"]
    at = entry.runtime_data.coordinator.next_check(STICK)
    assert at is not None
    assert shown_values(result)["minutes"] == str(minutes_until(at)) == "6"
    assert (await dialog.follow())["reason"] == "datalogger_submitted"
    assert world.asked(STICKS) == 1
    assert not world.simulator.growatt.limits.violations


async def test_a_cloud_that_does_not_answer_is_told(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    world.add_devices([SN])
    world.simulator.faults.add(BIND, kind="code", code=10010)
    dialog = await add(world, entry, SN)
    result = await dialog.follow("retrying")
    at = entry.runtime_data.coordinator.next_check(SN)
    assert at is not None
    assert shown_values(result)["minutes"] == str(minutes_until(at))
    result = await dialog.follow()
    results = shown_values(result)["results"]
    assert results.startswith(f"- **Not sent yet:** {SN}. The cloud could not add the device yet.")
    assert world.asked(BIND) == 1


@pytest.mark.parametrize("closed", [True, False])
async def test_nothing_is_asked_for_a_dialog_that_is_gone(
    hass: HomeAssistant,
    world: World,
    entry: MockConfigEntry,
    closed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    world.add_devices([SN])
    dialog = await add(world, entry, SN)
    await dialog.follow("waiting")
    if closed:
        close(hass, dialog.result)
    before = world.asked(WATCH)
    await asyncio.sleep(60)
    asked = world.asked(WATCH) - before
    assert asked <= 3 if closed else asked >= 6
    # It goes on in the background.
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)


async def test_what_the_account_may_not_look_for_is_not_waited_for(
    hass: HomeAssistant, world: World, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    await world.reload(entry)
    world.add_devices([SN])
    dialog = await add(world, entry, SN)
    result = await dialog.follow()
    assert result["reason"] == "waiting"
    assert dialog.lasted < 10
    assert not world.asked(WATCH)


def test_looks_are_only_closer_while_somebody_watches() -> None:
    values: dict[str, Any] = Timing().watched()._asdict()
    assert values == {**Timing()._asdict(), "fresh_interval": 5}
    often = Timing(fresh_interval=2)
    assert often.watched() == often
