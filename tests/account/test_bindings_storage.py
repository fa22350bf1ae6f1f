"""An account's bindings through restarts, crashes and full disks."""

import asyncio
from collections import Counter
from typing import Any

from homeassistant.core import CoreState
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway.store import NotStoredError
from tests.common import full_disk
from tests.home import Home

ADD = "device/sn/add"
LIST = "device/list"
SN = "SIM0000001"
OTHER_SN = "SIM0000002"


# Bindings and subentries


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


async def test_binding_without_subentry_gets_it_back(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """As after a crash within the second that Home Assistant takes to write a subentry."""
    home.add_devices([SN])
    await home.add(SN, timeout=3)
    stored = hass_storage[f"{DOMAIN}.{home.entry.entry_id}"]["data"]
    assert stored["subentry_stored"] == []
    await home.unload(home.entry)
    home.remove_inverter(home.entry, SN)
    await home.set_up(home.entry)
    assert home.status(SN) == "accepted"
    (subentry,) = home.entry.subentries.values()
    assert subentry.unique_id == SN
    assert dict(subentry.data) == {"serial_number": SN, "plant_id": home.plant_id}


async def test_inverter_removed_meanwhile_stays_removed(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(60)
    await home.unload(home.entry)
    home.remove_inverter(home.entry, SN)
    await home.set_up(home.entry)
    assert not home.entry.subentries
    assert home.status(SN) is None
    stored = hass_storage[f"{DOMAIN}.{home.entry.entry_id}"]["data"]
    assert (stored["bindings"], stored["subentry_stored"]) == ([], [])


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
