"""What a crash leaves of what actions have begun."""

import asyncio
from copy import deepcopy
from typing import Any

from homeassistant.config_entries import ConfigEntry
import pytest

from custom_components.growatt_onboarding.const import DOMAIN

from .home import Home
from .restart import Restarts

SN, WRONG = "SIM0000001", "UNKNOWN001"
BIND = "device/sn/add"
RECORDS = f"{DOMAIN}.records"
ENTRIES = "core.config_entries"


def holders(home: Home) -> list[str]:
    """Return the accounts that have the device, each with its subentry and its binding."""
    entries: list[ConfigEntry] = home.hass.config_entries.async_entries(DOMAIN)
    found = []
    for entry in entries:
        has_subentry = SN in {subentry.unique_id for subentry in entry.subentries.values()}
        assert has_subentry == (SN in entry.runtime_data.coordinator.data)
        if has_subentry:
            found.append(entry.title)
    return found


@pytest.mark.parametrize(
    ("lost", "kept"), [((), "to"), ((ENTRIES,), "to"), ((ENTRIES, RECORDS), "from")]
)
async def test_after_a_crash_exactly_one_account_has_it(
    home: Home,
    restart: Restarts,
    hass_storage: dict[str, Any],
    lost: tuple[str, ...],
    kept: str,
) -> None:
    other = await home.add_account()
    garage = home.add_plant(other, "Garage")
    home.add_devices([SN], plant_id=int(garage))
    await home.add(SN)
    await home.shows("conflict", SN)
    await home.hass.async_block_till_done()
    older = {
        name: deepcopy(restart.entries() if name == ENTRIES else hass_storage[name])
        for name in lost
    }
    titles = {"from": home.entry.title, "to": other.title}
    await home.call(
        "move_device",
        serial_numbers=SN,
        plant_id=garage,
        config_entry_id=other.entry_id,
        timeout=0,
    )
    assert holders(home) == [titles["to"]]
    await home.hass.async_block_till_done()
    if not lost:
        # Home Assistant writes its entries after a second.
        await asyncio.sleep(5)
    await restart(home, **older)
    assert holders(home) == [titles[kept]]

    if kept == "from":
        await home.call(
            "move_device", serial_numbers=SN, plant_id=garage, config_entry_id=other.entry_id
        )
    await home.shows("associated", SN, seconds=10_000)
    assert holders(home) == [titles["to"]]


@pytest.mark.parametrize("lost", [(), (ENTRIES,)])
async def test_what_was_removed_stays_removed(
    home: Home, restart: Restarts, lost: tuple[str, ...]
) -> None:
    await home.add(SN, WRONG)
    await home.shows("rejected", SN, WRONG)
    await asyncio.sleep(5)
    older = {name: restart.entries() for name in lost}
    await home.call("remove_device", serial_numbers=[SN, WRONG])
    await home.hass.async_block_till_done()
    await restart(home, **older)
    await asyncio.sleep(3_600)
    assert not home.entry.subentries
    assert not home.coordinator.data
    assert not home.issues()


async def test_what_was_submitted_goes_on(home: Home, restart: Restarts) -> None:
    """Each is sent once, or again after it was looked for; nothing waits for the action."""
    serials = [f"SIM{number:07}" for number in range(4)]
    await home.add(SN)
    await home.shows("rejected", SN)
    home.add_devices(serials)
    await asyncio.sleep(310)
    home.faults.add(BIND, kind="hold", executed=True)
    await home.call("submit_again", serial_numbers=SN, timeout=0)
    await home.faults.wait_held()
    others = [serial for serial in serials if serial != SN]
    data = {"plant_id": home.plant_id, "serial_numbers": others, "keep_refused": False}
    await home.call("bind_device", **data, timeout=0)
    # Home Assistant writes its entries after a second.
    await asyncio.sleep(5)
    await restart(home)
    home.faults.release()
    await home.shows("accepted", *serials)
    for serial in serials:
        home.growatt.bring_online(serial)
    await home.shows("associated", *serials)
    assert {subentry.unique_id for subentry in home.entry.subentries.values()} == set(serials)
    assert not home.issues()
