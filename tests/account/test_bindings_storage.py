"""An account's bindings through restarts, crashes and full disks."""

import asyncio
from collections import Counter
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import CoreState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest

import custom_components.growatt_onboarding as integration
from custom_components.growatt_onboarding import repairs
from custom_components.growatt_onboarding.clock import now
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway.store import NotStoredError
from tests.common import full_disk
from tests.home import Home
from tests.restart import Restarts

ADD = "device/sn/add"
LIST = "device/list"
SN = "SIM0000001"
OTHER_SN = "SIM0000002"


# Bindings and subentries


async def fix(home: Home, choice: str) -> None:
    """Open the repair of inverters that came back, and choose."""
    issue = ir.async_get(home.hass).async_get_issue(
        DOMAIN, f"inverters_returned_{home.entry.entry_id}"
    )
    assert issue is not None
    flow = await repairs.async_create_fix_flow(home.hass, issue.issue_id, issue.data)
    flow.hass, flow.issue_id = home.hass, issue.issue_id
    result: Any = await flow.async_step_init()
    assert result["menu_options"] == ["keep", "drop"]
    result = await getattr(flow, f"async_step_{choice}")()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await home.hass.async_block_till_done()


def not_ready(*_: object) -> None:
    raise ConfigEntryNotReady


@pytest.mark.parametrize("in_plant", [True, False])
async def test_subentry_without_binding_is_looked_for_first(
    home: Home, hass_storage: dict[str, Any], *, in_plant: bool
) -> None:
    state = "associated" if in_plant else "accepted"
    home.add_devices([SN], online=in_plant)
    await home.add(SN)
    await home.shows(state, SN)
    await home.unload(home.entry)
    hass_storage.clear()
    home.simulator.calls.clear()
    await home.set_up(home.entry)
    assert home.status(SN) == "unconfirmed"
    await home.shows(state, SN)
    assert home.simulator.calls[0].path.endswith(LIST)
    assert home.growatt.bindings[SN].accepted_count == 1


@pytest.mark.parametrize("since", [1, 3_600])
async def test_an_inverter_that_nobody_removed_comes_back(
    home: Home, restart: Restarts, since: float
) -> None:
    """Lost by Home Assistant: not written in time, or its list restored from an older copy."""
    home.add_devices([SN, OTHER_SN])
    await home.add(OTHER_SN)
    await home.shows("accepted", OTHER_SN)
    older = dict(home.entry.subentries)
    await home.add(SN, timeout=10)
    await asyncio.sleep(since)
    await restart.with_subentries(home, older)
    assert home.status(SN) == "unconfirmed"
    (subentry,) = [one for one in home.entry.subentries.values() if one.unique_id == SN]
    assert dict(subentry.data) == {"serial_number": SN, "plant_id": home.plant_id}
    issue = f"inverters_returned_{home.entry.entry_id}"
    assert home.issues()[issue] == {"account": home.entry.title, "count": "1", "serials": SN}
    await home.shows("accepted", SN, OTHER_SN)
    for serial in (SN, OTHER_SN):
        home.growatt.bring_online(serial)
    await home.shows("associated", SN, OTHER_SN)
    assert {one.accepted_count for one in home.growatt.bindings.values()} == {1}
    # It says so until somebody has seen it, over another start too.
    await restart(home)
    assert issue in home.issues()
    assert home.status(SN) == "associated"


async def test_what_came_back_is_not_asked_about_twice(home: Home, restart: Restarts) -> None:
    home.add_devices([SN])
    await home.associate(OTHER_SN)
    await home.add(SN)
    await restart.with_subentries(home, {})
    assert home.status(SN) == home.status(OTHER_SN) == "unconfirmed"
    await fix(home, "keep")
    assert not home.issues()
    await asyncio.sleep(10)
    await restart(home)
    assert not home.issues()
    await home.shows("associated", OTHER_SN)
    await home.shows("accepted", SN)


async def test_what_came_back_can_be_dropped(home: Home, restart: Restarts) -> None:
    await home.associate(SN, OTHER_SN)
    kept = {key: sub for key, sub in home.entry.subentries.items() if sub.unique_id == SN}
    await restart.with_subentries(home, kept)
    assert home.status(OTHER_SN) == "unconfirmed"
    await fix(home, "drop")
    assert not home.issues()
    for _ in range(2):
        await asyncio.sleep(10)
        await restart(home)
        assert home.status(OTHER_SN) is None
        assert [sub.unique_id for sub in home.entry.subentries.values()] == [SN]
    assert home.status(SN) == "associated"
    assert not home.issues()


@pytest.mark.parametrize("state", ["rejected", "conflict"])
async def test_what_came_back_is_not_sent_again_if_it_was_refused(
    home: Home, restart: Restarts, state: str
) -> None:
    if state == "conflict":
        stranger = home.growatt.add_user("stranger", "stranger@example.com")
        theirs = home.growatt.add_plant(stranger.user_id, "Their roof")
        home.add_devices([SN], plant_id=theirs.plant_id)
    await home.add(SN)
    await home.shows(state, SN)
    asked = home.asked(ADD)
    await restart.with_subentries(home, {})
    assert home.status(SN) == state
    await asyncio.sleep(3_600)
    assert home.asked(ADD) == asked


@pytest.mark.parametrize("state", ["loaded", "unloaded", "disabled", "retried"])
@pytest.mark.parametrize("after", [0, 60])
async def test_an_inverter_that_somebody_removed_stays_removed(
    home: Home,
    restart: Restarts,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    after: float,
) -> None:
    """However soon the next start comes, and whatever the account's state is."""
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, OTHER_SN)
    await asyncio.sleep(60)
    entries = home.hass.config_entries
    if state == "unloaded":
        await home.unload(home.entry)
    elif state == "disabled":
        await entries.async_set_disabled_by(home.entry.entry_id, ConfigEntryDisabler.USER)
    elif state == "retried":
        with monkeypatch.context() as failing:
            failing.setattr(integration, "entry_client", not_ready)
            await entries.async_reload(home.entry.entry_id)
        assert home.entry.state is ConfigEntryState.SETUP_RETRY
    home.remove_inverter(home.entry, SN)
    await asyncio.sleep(after)
    if state == "disabled":
        await restart(home)
        await home.hass.config_entries.async_set_disabled_by(home.entry.entry_id, None)
        await asyncio.sleep(after)
    for _ in range(2):
        await restart(home)
        assert home.status(SN) is None
        assert [sub.unique_id for sub in home.entry.subentries.values()] == [OTHER_SN]
        assert not home.issues()
        await asyncio.sleep(60)
    if state != "disabled":
        await home.add(SN)
        await asyncio.sleep(10)
        await restart(home)
        assert home.status(SN) is not None
        assert not home.issues()


async def test_a_removal_that_home_assistant_could_not_write_is_repeated(
    home: Home, restart: Restarts
) -> None:
    """As after a power cut in the second after it."""
    await home.associate(SN, OTHER_SN)
    before = dict(home.entry.subentries)
    home.remove_inverter(home.entry, SN)
    await home.hass.async_block_till_done()
    await restart.with_subentries(home, before)
    assert home.status(SN) is None
    assert [sub.unique_id for sub in home.entry.subentries.values()] == [OTHER_SN]
    assert not home.issues()


async def test_a_removed_inverter_of_an_older_list_is_there(home: Home, restart: Restarts) -> None:
    """Somebody restored the list from before the removal, which was long over."""
    await home.associate(SN, OTHER_SN)
    before = dict(home.entry.subentries)
    home.remove_inverter(home.entry, SN)
    await asyncio.sleep(60)
    await restart.with_subentries(home, before)
    assert home.status(SN) == "unconfirmed"
    await home.shows("associated", SN, OTHER_SN)


async def test_an_inverter_added_again_right_after_its_removal_comes_back(
    home: Home, restart: Restarts
) -> None:
    await home.associate(SN)
    before = dict(home.entry.subentries)
    home.remove_inverter(home.entry, SN)
    await home.add(SN)
    await restart.with_subentries(home, {})
    assert home.status(SN) == "unconfirmed"
    await home.shows("associated", SN)
    assert before.keys() != home.entry.subentries.keys()


async def test_what_was_stored_in_the_future_counts_as_now(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """As after a power cut of a computer that boots behind."""
    await home.accept(SN)
    await home.unload(home.entry)
    (stored,) = hass_storage[f"{DOMAIN}.{home.entry.entry_id}"]["data"]["bindings"]
    times = [name for name in stored if name.endswith("_at")]
    assert {"queued_at", "sent_at", "accepted_at"} <= set(times)
    stored |= {name: stored[name] + 43_200 for name in times}
    began = now()
    await home.set_up(home.entry)
    # It is written down, so that no later start makes them younger still.
    (stored,) = hass_storage[f"{DOMAIN}.{home.entry.entry_id}"]["data"]["bindings"]
    assert {stored[name] for name in times} == {began}
    home.growatt.bring_online(SN)
    assert await home.shows("associated", SN) <= 40


async def test_binding_knows_best_which_plant_it_is(home: Home) -> None:
    """As after a crash between the binding's write and the subentry's."""
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(60)
    await home.unload(home.entry)
    (subentry,) = home.entry.subentries.values()
    home.hass.config_entries.async_update_subentry(
        home.entry, subentry, data={**subentry.data, "plant_id": "999"}
    )
    await home.set_up(home.entry)
    (subentry,) = home.entry.subentries.values()
    assert subentry.data["plant_id"] == home.plant_id


async def test_what_turns_out_to_be_of_the_other_kind_stays_tracked(home: Home) -> None:
    """Its subentry is replaced, which nobody takes for a removal."""
    home.growatt.add_datalogger(SN)
    await home.add(SN)
    await home.shows("rejected", SN)
    await home.coordinator.async_track_as(SN, DeviceKind.DATALOGGER)
    binding = home.coordinator.data[SN]
    assert (binding.kind, binding.state) == (DeviceKind.DATALOGGER, "queued")
    await asyncio.sleep(600)
    await home.restart()
    assert home.coordinator.data[SN].accepted_at is not None
    # Removing it later is one.
    home.remove_inverter(home.entry, SN)
    await home.restart()
    assert not home.coordinator.data


# The disk


async def test_nothing_is_sent_while_the_disk_is_full(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.add_devices([SN, OTHER_SN])
    with full_disk():
        with pytest.raises(NotStoredError):
            await home.add(SN)
        assert not home.entry.subentries
        await asyncio.sleep(600)
        assert home.asked("*") == 0
    assert caplog.text.count("storage cannot be written") == 1
    assert await home.add(SN, OTHER_SN, timeout=10) == {SN: "accepted", OTHER_SN: "accepted"}


async def test_disk_is_full_before_the_next_request(home: Home) -> None:
    """A request that cannot be written down first does not leave, and is not forgotten."""
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, OTHER_SN)
    await home.shows("accepted", SN)
    with full_disk():
        await asyncio.sleep(300)
        assert home.asked(ADD) == 1
        assert home.status(OTHER_SN) == "queued"
    await home.shows("accepted", OTHER_SN, seconds=120)


async def test_recovers_when_the_disk_is_full_on_the_way(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """What was accepted while it could not be written is not sent again."""
    home.add_devices([SN, OTHER_SN])
    home.faults.add(ADD, kind="hold")
    await home.add(SN, OTHER_SN)
    await home.faults.wait_held()
    with full_disk():
        home.faults.release()
        await home.shows("accepted", SN)
        await asyncio.sleep(300)
        assert home.status(OTHER_SN) == "queued"
        assert home.asked("*") == 1
    await home.shows("accepted", SN, OTHER_SN, seconds=120)
    assert home.asked(ADD) == 2
    assert "storage can be written again" in caplog.text


async def test_no_call_without_its_record_in_the_ledger(home: Home) -> None:
    """The bindings can be written, the ledger cannot."""
    home.add_devices([SN])
    write = Store._async_write_data

    async def ledger_fails(store: Store[Any], data: dict[str, Any]) -> None:
        if store.key == DOMAIN:
            raise WriteError
        await write(store, data)

    with pytest.MonkeyPatch.context() as full:
        full.setattr(Store, "_async_write_data", ledger_fails)
        await home.add(SN)
        await asyncio.sleep(3_600)
        assert home.asked("*") == 0
        assert home.status(SN) == "queued"
    await home.shows("accepted", SN)


async def test_nothing_is_sent_while_home_assistant_stops(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, timeout=10)
    asked = home.asked("*")
    home.hass.set_state(CoreState.stopping)
    with pytest.raises(NotStoredError):
        await home.add(OTHER_SN)
    await asyncio.sleep(600)
    assert home.asked("*") == asked
    assert "storage" not in caplog.text
    home.hass.set_state(CoreState.running)


async def test_looking_is_paused_while_the_ledger_cannot_be_written(home: Home) -> None:
    home.token.may_v4 = False
    home.add_devices([SN], online_after=600)
    await home.add(SN)
    await home.shows("accepted", SN)
    asked = home.asked(LIST)
    with full_disk():
        await asyncio.sleep(3 * 3_600)
        assert home.asked(LIST) == asked
    await home.shows("associated", SN)


async def test_submitting_again_that_cannot_be_stored_changes_nothing(home: Home) -> None:
    await home.add(SN)
    await home.shows("rejected", SN)
    with full_disk(), pytest.raises(NotStoredError):
        await home.coordinator.async_submit_again(SN)
    await asyncio.sleep(600)
    assert home.status(SN) == "rejected"
    assert home.asked(ADD) == 1


async def test_dialog_closed_while_inverters_are_written_down(home: Home) -> None:
    write = Store._async_write_data

    async def slowly(store: Store[Any], data: dict[str, Any]) -> None:
        await asyncio.sleep(2)
        await write(store, data)

    home.add_devices([SN])
    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(Store, "_async_write_data", slowly)
        dialog = asyncio.create_task(home.coordinator.async_track([SN], home.plant_id))
        await asyncio.sleep(1)
        dialog.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialog
        assert not home.entry.subentries
        await home.shows("accepted", SN)
    assert len(home.entry.subentries) == 1


async def test_same_inverter_added_twice_at_once(home: Home) -> None:
    home.add_devices([SN])
    track = home.coordinator.async_track
    await asyncio.gather(track([SN, SN], home.plant_id), track([SN], home.plant_id))
    await home.shows("accepted", SN)
    await asyncio.sleep(600)
    assert home.asked(ADD) == 1
    assert len(home.entry.subentries) == 1


async def test_a_disk_that_fails_for_the_journal_only(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    serials = [f"SIM{number:07}" for number in range(60)]
    home.add_devices(serials)
    write, written = Store._async_write_data, Counter[str]()

    async def fails(store: Store[Any], data: Any) -> None:
        written[store.key.rpartition(".")[2]] += 1
        if store.key.endswith(".journal"):
            raise WriteError
        await write(store, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Store, "_async_write_data", fails)
        await home.add(*serials)
        await home.shows("accepted", *serials)
    assert written["journal"] <= 3 * len(serials)
    assert "storage cannot be written" not in caplog.text
