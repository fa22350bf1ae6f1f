"""A device that moves to another account, and what Home Assistant forgets meanwhile."""

import asyncio
from copy import deepcopy
from typing import Any

from homeassistant.config_entries import ConfigEntry
import pytest

from custom_components.growatt_onboarding.const import DOMAIN

from .home import Home
from .restart import Restarts

SN = "SIM0000001"
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
