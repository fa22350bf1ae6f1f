"""Accounts and inverters, whatever becomes of Home Assistant's own list of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import json
import logging
from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account.records import async_get_records
from custom_components.growatt_onboarding.account.saved import entries_in, read_entries
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway.store import NotStoredError
from simulator.growatt import INSTALLER_TOKEN
from tests.common import (
    NEW_ACCOUNT,
    act,
    close,
    entries,
    full_disk,
    open_at,
    open_dialog,
    submit,
)
from tests.home import Home
from tests.prove.world import World
from tests.restart import Restarts, next_start

SN = "SIM0000001"
OTHER_SN = "SIM0000002"
NOT_SAVED = "entries_not_saved"
# Until the same list may be read again.
COOLDOWN = 310
RECORDS = f"{DOMAIN}.records"


@contextmanager
def entries_cannot_be_written() -> Iterator[None]:
    """Have Home Assistant fail to write its entries, and nothing else."""
    write = Store._async_write_data

    async def fails(store: Store[Any], data: Any) -> None:
        if store.key == "core.config_entries":
            raise WriteError
        await write(store, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Store, "_async_write_data", fails)
        yield


async def register(world: World) -> str:
    """Create an account with the action; return its entry's id."""
    entry_id: str = (
        await act(
            world.hass,
            "register_account",
            provider="growatt",
            server=world.simulator.url,
            token=INSTALLER_TOKEN,
            **NEW_ACCOUNT,
        )
    )["config_entry_id"]
    return entry_id


# Entries that Home Assistant does not write


async def test_that_entries_are_not_written_is_said_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    home.add_devices([SN, OTHER_SN])
    await home.add(OTHER_SN)
    await asyncio.sleep(10)
    with entries_cannot_be_written():
        await home.add(SN)
        await home.shows("accepted", SN)
        await asyncio.sleep(60)
        assert not home.issues()
        await asyncio.sleep(7_200)
        assert home.issues() == {NOT_SAVED: {"file": "core.config_entries"}}
        issue = ir.async_get(home.hass).async_get_issue(DOMAIN, NOT_SAVED)
        assert issue is not None
        # It may be all that is left at the next start.
        assert issue.is_persistent
        assert caplog.text.count("has not saved its config entries") == 1
    home.hass.config_entries.async_update_entry(home.entry, title="Another name")
    await asyncio.sleep(70)
    assert not home.issues()
    assert caplog.text.count("has saved its config entries again") == 1


async def test_what_home_assistant_never_wrote_comes_back(home: Home, restart: Restarts) -> None:
    home.add_devices([SN, OTHER_SN])
    await home.add(OTHER_SN)
    await asyncio.sleep(10)
    with entries_cannot_be_written():
        await home.add(SN)
        await home.shows("accepted", SN)
        await asyncio.sleep(3_600)
        await restart(home)
    assert home.status(OTHER_SN) == "accepted"
    assert home.status(SN) == "unconfirmed"
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    assert home.growatt.bindings[SN].accepted_count == 1


async def test_what_home_assistant_was_still_to_write_comes_back(
    home: Home, restart: Restarts
) -> None:
    """It waits as long as entries keep changing."""
    await asyncio.sleep(10)
    serials = home.add_devices([f"SIM{number:07}" for number in range(32)])
    for serial in serials:
        await home.add(serial)
        await asyncio.sleep(0.5)
    written = len(entries_in(restart.entries())[home.entry.entry_id])
    assert written < len(serials)
    await restart(home)
    assert {home.status(serial) for serial in serials} <= {"unconfirmed", "accepted", "queued"}
    (issue,) = home.issues().values()
    assert issue["count"] == str(len(serials) - written)
    await home.shows("accepted", *serials, seconds=86_400)
    assert {binding.accepted_count for binding in home.growatt.bindings.values()} == {1}


# Accounts


@pytest.mark.parametrize("why", ["fails", "late"])
async def test_a_new_account_that_home_assistant_did_not_write(
    world: World, restart: Restarts, hass_storage: dict[str, Any], why: str
) -> None:
    """It exists, and creating it again is impossible: a repair says so."""
    await world.add_account()
    await asyncio.sleep(10)
    if why == "fails":
        with entries_cannot_be_written():
            await register(world)
            await asyncio.sleep(600)
            assert len(hass_storage[DOMAIN]["data"]["registrations"]) == 1
            await restart(world)
    else:
        await register(world)
        await restart(world)
    assert len(entries(world.hass)) == 1
    (name,) = world.issues()
    assert name.startswith("registration_unfinished")
    await asyncio.sleep(COOLDOWN)

    # Linking it ends the repair, once Home Assistant has written it.
    result = await submit(
        world.hass, await open_at(world.hass, world.simulator, "link"), account_id="103"
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await asyncio.sleep(10)
    assert not world.issues()
    assert not hass_storage[DOMAIN]["data"]["registrations"]


async def test_an_account_that_an_older_list_lacks(world: World, restart: Restarts) -> None:
    await world.add_account()
    await asyncio.sleep(10)
    older = restart.entries()
    entry_id = await register(world)
    await asyncio.sleep(60)
    assert not world.issues()
    await restart.with_entries(world, older)
    assert world.issues() == {f"account_missing_{entry_id}": {"name": "al…"}}

    # Over another start too, until it is linked again.
    await restart(world)
    assert world.issues() == {f"account_missing_{entry_id}": {"name": "al…"}}
    close(world.hass, await open_dialog(world.hass))
    await asyncio.sleep(COOLDOWN)
    await submit(world.hass, await open_at(world.hass, world.simulator, "link"), account_id="103")
    assert not world.issues()
    await asyncio.sleep(10)
    await restart(world)
    assert not world.issues()
    assert len(entries(world.hass)) == 2


async def test_the_inverters_of_a_missing_account_come_back_with_it(
    world: World, restart: Restarts, hass_storage: dict[str, Any]
) -> None:
    await world.add_account()
    await asyncio.sleep(10)
    older = restart.entries()
    entry: Any = world.hass.config_entries.async_get_entry(await register(world))
    world.add_devices([SN, OTHER_SN])
    await world.bind(entry, world.add_plant(entry), [SN, OTHER_SN])
    await world.shows("accepted", SN, OTHER_SN)
    await restart.with_entries(world, older)
    assert world.status(SN) is None
    await asyncio.sleep(COOLDOWN)
    await submit(world.hass, await open_at(world.hass, world.simulator, "link"), account_id="103")
    again = entries(world.hass)[-1]
    assert world.issues()[f"inverters_returned_{again.entry_id}"]["count"] == "2"
    for serial in (SN, OTHER_SN):
        world.simulator.growatt.bring_online(serial)
    await world.shows("associated", SN, OTHER_SN)
    assert f"{DOMAIN}.{entry.entry_id}" not in hass_storage


async def test_a_missing_account_that_nobody_wants_back(
    world: World, restart: Restarts, hass_storage: dict[str, Any]
) -> None:
    await world.add_account()
    await asyncio.sleep(10)
    older = restart.entries()
    entry_id = await register(world)
    await asyncio.sleep(60)
    await restart.with_entries(world, older)
    assert await async_setup_component(world.hass, "repairs", {})
    manager: Any = repairs_flow_manager(world.hass)
    result = await manager.async_init(DOMAIN, data={"issue_id": f"account_missing_{entry_id}"})
    assert (result["type"], result["step_id"]) == ("form", "confirm")
    assert world.issues()
    await manager.async_configure(result["flow_id"], {})
    assert not world.issues()
    await restart(world)
    assert not world.issues()
    assert entry_id not in hass_storage[RECORDS]["data"]["accounts"]


async def test_an_account_that_somebody_removed_is_not_missing(
    home: Home, restart: Restarts, hass_storage: dict[str, Any]
) -> None:
    await home.add_account()
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(10)
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await asyncio.sleep(10)
    await restart(home)
    assert not home.issues()
    assert len(hass_storage[RECORDS]["data"]["accounts"]) == 1


# The records themselves


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"accounts": {}},
        {"accounts": [], "removed": {}},
        {"accounts": {"id": {}}, "removed": {}},
        {"accounts": {"id": None}, "removed": {}},
        {"accounts": {}, "removed": {"id": {"entry_id": 1, "serial": "a"}}},
    ],
    ids=str,
)
async def test_damaged_records_keep_nothing_from_starting(
    home: Home, restart: Restarts, data: dict[str, Any]
) -> None:
    await home.associate(SN)
    await asyncio.sleep(10)
    await restart(home, **{RECORDS: {"version": 1, "minor_version": 1, "data": data}})
    assert home.status(SN) == "associated"
    await restart(home)
    assert home.status(SN) == "associated"


async def test_a_removal_that_cannot_be_recorded_yet(home: Home, restart: Restarts) -> None:
    await home.associate(SN, OTHER_SN)
    await asyncio.sleep(10)
    with full_disk():
        home.remove_inverter(home.entry, SN)
        await asyncio.sleep(1)
    await asyncio.sleep(120)
    await restart(home)
    assert home.status(SN) is None
    assert not home.issues()


async def test_a_removal_is_recorded_at_the_latest_as_home_assistant_stops(home: Home) -> None:
    """While no account is loaded, nothing else may change that would be another occasion."""
    await home.associate(SN, OTHER_SN)
    await asyncio.sleep(10)
    await home.unload(home.entry)
    with full_disk():
        home.remove_inverter(home.entry, SN)
        await asyncio.sleep(100)
    async with next_start(home.hass) as hass:
        assert await async_setup_component(hass, DOMAIN, {})
        await hass.async_block_till_done()
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        assert [one.unique_id for one in entry.subentries.values()] == [OTHER_SN]


async def test_an_inverter_that_cannot_be_added_again_yet(home: Home) -> None:
    await home.associate(SN)
    home.remove_inverter(home.entry, SN)
    records = await async_get_records(home.hass)
    assert records.removed_serials(home.entry.entry_id) == {SN}
    with full_disk(), pytest.raises(NotStoredError):
        await home.add(SN)
    await home.add(SN)
    assert not records.removed_serials(home.entry.entry_id)
    await home.shows("associated", SN)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"data": 1}',
        '{"data": {"entries": [1]}}',
        '{"data": {"entries": 1}}',
    ],
)
def test_a_list_that_cannot_be_read_has_no_entries(tmp_path: Any, content: str) -> None:
    file = tmp_path / "core.config_entries"
    assert read_entries(str(file)) == {}
    file.write_text(content)
    assert read_entries(str(file)) == {}


def test_of_a_list_only_ids_are_read(tmp_path: Any) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN,
        data={"token": "secret"},
        subentries_data=[{"data": {}, "subentry_type": "inverter", "title": SN, "unique_id": SN}],
    )
    other = MockConfigEntry(domain="other")
    file = tmp_path / "core.config_entries"
    stored = [json.loads(json.dumps(one.as_dict(), default=str)) for one in (entry, other)]
    file.write_text(json.dumps({"data": {"entries": stored}}))
    assert read_entries(str(file)) == {entry.entry_id: frozenset(entry.subentries)}


async def test_a_new_account_removed_before_it_was_written_is_not_asked_about(
    world: World, restart: Restarts, hass_storage: dict[str, Any]
) -> None:
    await world.add_account()
    with entries_cannot_be_written():
        entry_id = await register(world)
        await asyncio.sleep(60)
        await world.hass.config_entries.async_remove(entry_id)
        await asyncio.sleep(70)
        assert not hass_storage[DOMAIN]["data"]["registrations"]
    await asyncio.sleep(70)
    await restart(world)
    assert not world.issues()


async def test_an_older_list_restored_soon_after_a_removal_counts(
    home: Home, restart: Restarts
) -> None:
    """The start before has read that Home Assistant had written the removal."""
    await home.associate(SN, OTHER_SN)
    await asyncio.sleep(10)
    older = restart.entries()
    home.remove_inverter(home.entry, SN)
    await asyncio.sleep(1.5)
    await restart(home)
    assert home.status(SN) is None
    await restart.with_entries(home, older)
    assert home.status(SN) == "unconfirmed"
