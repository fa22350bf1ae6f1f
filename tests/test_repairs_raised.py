"""Repairs through reloads, removals and restarts: what a person chose to ignore stays so."""

import asyncio
from collections.abc import Callable
from copy import replace
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.const import CONF_ACTIVATION_PENDING, DATA_TIMING, DOMAIN

from .prove.world import World

SN = "SIM0000001"
OTHER_SN = "SIM0000002"
OVERDUE = f"overdue_{SN}"
REJECTED = f"rejected_{OTHER_SN}"
OVERDUE_AFTER = 7_200


@pytest.fixture
def world(world: World) -> World:
    world.hass.data[DATA_TIMING] = Timing(overdue_after=OVERDUE_AFTER)
    return world


@pytest.fixture
async def entry(world: World) -> MockConfigEntry:
    """Return an account with an inverter that is overdue, and one that the cloud refused."""
    entry = await world.add_account()
    world.add_devices([SN])
    await world.bind(entry, world.add_plant(entry), [SN, OTHER_SN])
    await world.shows("rejected", OTHER_SN)
    await asyncio.sleep(OVERDUE_AFTER + 60)
    assert known(world) == {OVERDUE: "new", REJECTED: "new"}
    return entry


def known(world: World) -> dict[str, str]:
    """Return our repairs that Home Assistant knows in any way, and how it shows each."""
    return {
        world.repair(issue.issue_id): "new" if issue.dismissed_version is None else "ignored"
        for issue in ir.async_get(world.hass).issues.values()
        if issue.domain == DOMAIN
    }


def ignore(world: World, name: str, *, ignored: bool = True) -> None:
    """Choose "Ignore" on a repair, or take that back."""
    ir.async_ignore_issue(world.hass, DOMAIN, world.repair_id(name), ignore=ignored)


def restart(world: World) -> None:
    """Have the repairs be as after a restart: what is not persistent is inactive."""
    issues = ir.async_get(world.hass).issues
    for key, issue in list(issues.items()):
        issues[key] = replace(
            issue, active=False, data=None, is_fixable=None, translation_placeholders=None
        )


async def test_what_was_ignored_stays_so_through_a_reload(
    world: World, entry: MockConfigEntry
) -> None:
    ignore(world, OVERDUE)
    await world.reload(entry)
    assert known(world) == {OVERDUE: "ignored", REJECTED: "new"}
    # Until the person takes it back.
    ignore(world, OVERDUE, ignored=False)
    await world.reload(entry)
    assert known(world) == {OVERDUE: "new", REJECTED: "new"}


async def test_ignored_goes_with_its_cause(world: World, entry: MockConfigEntry) -> None:
    ignore(world, OVERDUE)
    await world.reload(entry)
    world.simulator.growatt.bring_online(SN)
    await world.shows("associated", SN)
    assert known(world) == {REJECTED: "new"}
    # Should it come back, it is told of again.
    world.simulator.growatt.remove_from_plant(SN)
    world.simulator.growatt.devices[SN].online = False
    await asyncio.sleep(600)
    await world.check([SN])
    await world.shows("lost", SN)
    await asyncio.sleep(600)
    await entry.runtime_data.coordinator.async_submit_again(SN)
    await asyncio.sleep(OVERDUE_AFTER + 60)
    assert known(world) == {OVERDUE: "new", REJECTED: "new"}


async def test_a_new_problem_is_not_ignored(world: World, entry: MockConfigEntry) -> None:
    ignore(world, OVERDUE)
    world.simulator.faults.add("device/sn/add", kind="code", code=10005)
    await entry.runtime_data.coordinator.async_submit_again(SN)
    await world.shows("rejected", SN)
    assert known(world) == {f"rejected_{SN}": "new", REJECTED: "new"}


@pytest.mark.parametrize("meanwhile", [restart, lambda _: None], ids=["restart", "nothing"])
async def test_a_disabled_account_has_no_repairs_to_carry_out(
    world: World, entry: MockConfigEntry, meanwhile: Callable[[World], None]
) -> None:
    ignore(world, OVERDUE)
    disable = world.hass.config_entries.async_set_disabled_by
    await disable(entry.entry_id, ConfigEntryDisabler.USER)
    assert known(world) == {OVERDUE: "ignored"}
    meanwhile(world)
    await disable(entry.entry_id, None)
    assert known(world) == {OVERDUE: "ignored", REJECTED: "new"}
    assert set(world.issues()) == {OVERDUE, REJECTED}


async def test_a_cause_that_went_while_the_account_was_disabled(
    world: World, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    ignore(world, OVERDUE)
    ignore(world, REJECTED)
    await world.unload(entry)
    restart(world)
    assert known(world) == {OVERDUE: "ignored", REJECTED: "ignored"}
    # One inverter was removed meanwhile, and the other is not overdue for some reason.
    world.remove_inverter(entry, OTHER_SN)
    world.hass.data[DATA_TIMING] = Timing()
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]["bindings"]
    for binding in stored:
        if binding["serial"] == SN:
            binding["accepted_at"] = world.simulator.now()
    await world.set_up(entry)
    assert known(world) == {}


async def test_another_account_leaves_them_alone(world: World, entry: MockConfigEntry) -> None:
    ignore(world, OVERDUE)
    await world.unload(entry)
    other = await world.add_account()
    await world.reload(other)
    await world.hass.config_entries.async_remove(other.entry_id)
    assert known(world) == {OVERDUE: "ignored"}
    await world.set_up(entry)
    assert known(world) == {OVERDUE: "ignored", REJECTED: "new"}


@pytest.mark.parametrize("set_up", [True, False])
async def test_a_removed_account_leaves_none(
    world: World, entry: MockConfigEntry, *, set_up: bool
) -> None:
    ignore(world, OVERDUE)
    ignore(world, REJECTED)
    if not set_up:
        await world.unload(entry)
        world.remove_inverter(entry, OTHER_SN)
    await world.hass.config_entries.async_remove(entry.entry_id)
    assert known(world) == {}


async def test_a_removed_inverter_leaves_none(world: World, entry: MockConfigEntry) -> None:
    ignore(world, OVERDUE)
    await world.reload(entry)
    world.remove_inverter(entry, SN)
    await asyncio.sleep(1)
    assert known(world) == {REJECTED: "new"}


async def test_repairs_follow_the_name_of_their_account(
    world: World, entry: MockConfigEntry
) -> None:
    ignore(world, REJECTED)
    waiting = await world.add_account()
    await world.unload(waiting)
    data = {**waiting.data, CONF_ACTIVATION_PENDING: True}
    world.hass.config_entries.async_update_entry(waiting, data=data)
    await world.set_up(waiting)
    for account in (entry, waiting):
        world.hass.config_entries.async_update_entry(account, title=f"Home of {account.title}")
    await asyncio.sleep(1)
    assert known(world)[REJECTED] == "ignored"
    assert sorted(
        str((issue.translation_placeholders or {})["account"])
        for issue in ir.async_get(world.hass).issues.values()
        if issue.domain == DOMAIN
    ) == sorted([entry.title, entry.title, waiting.title])


async def test_an_activation_that_is_ignored(world: World) -> None:
    entry = await world.add_account()
    waiting = {**entry.data, CONF_ACTIVATION_PENDING: True}
    world.hass.config_entries.async_update_entry(entry, data=waiting)
    await world.hass.async_block_till_done()
    issue = f"activation_pending_{entry.entry_id}"
    assert known(world) == {issue: "new"}
    await world.unload(entry)
    assert known(world) == {}
    await world.set_up(entry)
    ignore(world, issue)
    await world.reload(entry)
    assert known(world) == {issue: "ignored"}
    # Its cause goes, and with it the account is set up anew.
    let_in = {**entry.data, CONF_ACTIVATION_PENDING: False}
    world.hass.config_entries.async_update_entry(entry, data=let_in)
    await world.hass.async_block_till_done()
    assert known(world) == {}
    world.hass.config_entries.async_update_entry(entry, data=waiting)
    await world.hass.async_block_till_done()
    ignore(world, issue)
    await world.hass.config_entries.async_remove(entry.entry_id)
    assert known(world) == {}
