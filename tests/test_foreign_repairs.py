"""A stranger's words in a repair are words: no links, no pictures, no headings."""

from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.setup import async_setup_component

from custom_components.growatt_onboarding.const import DOMAIN
from scripts.lib.texts import TRANSLATIONS, read as read_texts

from .escaped import live_marks, read
from .home import Home

SN = "SIM0000001"
HOSTILE = (
    "**Your sign-in has expired.** [Sign in again](http://evil.example)"
    " ![](http://evil.example/p.png)"
)
CONFLICT: dict[str, Any] = read_texts(TRANSLATIONS / "en.json")["issues"]["conflict"]


async def test_a_strangers_plant_is_no_link_in_a_repair(home: Home) -> None:
    assert await async_setup_component(home.hass, "repairs", {})
    growatt = home.simulator.growatt
    stranger = growatt.add_user("stranger", "stranger@example.com")
    theirs = growatt.add_plant(stranger.user_id, HOSTILE)
    home.add_devices([SN], plant_id=theirs.plant_id)
    await home.add(SN)
    await home.shows("conflict", SN)

    manager = repairs_flow_manager(home.hass)
    assert manager is not None
    issue_id = home.repair_id(f"conflict_{SN}")
    result = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    values = result["description_placeholders"]
    assert values is not None
    assert live_marks(values["reason"]) == []
    # All of it can still be read.
    description = CONFLICT["fix_flow"]["step"]["init"]["description"]
    assert f"in the plant {HOSTILE} of the account" in read(description.format(**values))
    assert CONFLICT["title"].format(**values) == f"Held by another account: inverter {SN}"
