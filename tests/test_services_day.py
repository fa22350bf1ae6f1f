"""An installer's day: many customers of one token, and mistakes put right by actions alone.

Within the cloud's limits, and ours.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN, Simulator

from .common import act, by_serial, fails, refused, submit
from .prove.world import World

CUSTOMERS = 40
MINUTES, DAY = 60, 86_400
NEW_TOKEN = "SIMULATORTOKENRENEWED00000000000"
GOOD = [f"SIM{number:07}" for number in range(44)]
# Of these, the first customer has three: who holds them is found out one after the other.
HELD = [f"HELD{number:06}" for number in range(5)]
HELD_AT_FIRST = HELD[:3]
STICKS = [f"QMN{number:07}" for number in range(3)]
# As they were noted, and as they are.
TYPOS = {f"SIN{number:07}": f"SIM{number:07}" for number in range(100, 108)}


@dataclass
class Day:
    """Who does it, with all that there is."""

    hass: HomeAssistant
    cloud: Simulator
    # The plant of each customer's account, by its entry.
    plants: dict[str, str] = field(default_factory=dict)
    # What became of each serial number, and where it was meant to be.
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[Event[Any]] = field(default_factory=list)

    def begin(self) -> list[str]:
        """Make the customers and devices; return the customers' ids."""
        growatt = self.cloud.growatt
        ids = []
        for number in range(CUSTOMERS):
            user = growatt.add_user(f"c{number}", f"c{number}@example.com")
            growatt.add_plant(user.user_id, "Home")
            ids.append(str(user.user_id))
        stranger = growatt.add_user("stranger", "stranger@example.com")
        theirs = growatt.add_plant(stranger.user_id, "Theirs")
        for serial in (*GOOD, *TYPOS.values()):
            growatt.add_device(serial)
        for serial in HELD:
            growatt.add_device(serial, plant_id=theirs.plant_id)
        for serial in STICKS:
            growatt.add_datalogger(serial)
        return ids

    async def link(self, account_ids: list[str]) -> None:
        """Link all customers of the token at once."""
        there = {"server": self.cloud.url, "token": INSTALLER_TOKEN}
        opened = (await act(self.hass, "list_accounts", **there))["accounts"]
        assert {account["account_id"] for account in opened} >= set(account_ids)
        linked = await act(self.hass, "link_account", **there, account_id=account_ids)
        for result in linked["results"]:
            entry_id = result["config_entry_id"]
            listed = await act(self.hass, "list_plants", config_entry_id=entry_id)
            self.plants[entry_id] = listed["plants"][0]["plant_id"]

    async def bind_all(self) -> None:
        """Add what the van brought, at each customer in turn."""
        self.changes = async_capture_events(self.hass, "state_changed")
        serials = [*GOOD, *TYPOS, *HELD[3:], *STICKS]
        for number, entry_id in enumerate(self.plants):
            await self._bind_some(entry_id, serials[number::CUSTOMERS])
        for serial in HELD_AT_FIRST:
            await self._bind_some(next(iter(self.plants)), [serial])
        assert self.found.keys() == {*serials, *HELD_AT_FIRST}

    async def _bind_some(self, entry_id: str, serials: list[str]) -> None:
        where = {"config_entry_id": entry_id, "plant_id": self.plants[entry_id]}
        what = {"serial_numbers": serials, "keep_refused": False}
        response = await act(self.hass, "bind_device", **where, **what)
        self.found |= by_serial(response, "tracked_state", "repeated")

    def hear(self) -> None:
        """Take what the accounts' events have told since then."""
        for change in self.changes:
            state = change.data["new_state"]
            told = {} if state is None else state.attributes
            if "event_type" in told and (serial := told.get("serial_number")):
                self.found[serial] |= {"state": told["event_type"], **told}

    def reasons(self, serials: Iterable[str]) -> set[str | None]:
        """Return why these were refused."""
        return {self.found[serial]["reason"] for serial in serials}

    async def bind(self, action: str, serial: str, **what: Any) -> str:
        """Add a device where this serial number was meant to be; return its state."""
        entry_id = self.found[serial]["config_entry_id"]
        data = {"config_entry_id": entry_id, "plant_id": self.plants[entry_id], **what}
        return str((await act(self.hass, action, **data))["results"][0]["state"])

    async def evening(self) -> None:
        """Have the sun shine on all of them, and look."""
        for serial in (*GOOD, *TYPOS.values(), *HELD):
            self.cloud.growatt.bring_online(serial)
        for serial in STICKS:
            self.cloud.growatt.bring_datalogger_online(serial)
        await act(self.hass, "check_association", config_entry_id=list(self.plants), timeout=60)
        await asyncio.sleep(60 * MINUTES)

    async def renew_token(self) -> None:
        """Have the vendor take the token for invalid the next day, and enter another one, once."""
        await asyncio.sleep(DAY)
        del self.cloud.growatt.tokens[INSTALLER_TOKEN]
        self.cloud.growatt.add_token(NEW_TOKEN)
        first, second, *_ = self.plants
        await fails(self.hass, "list_plants", "invalid_token", config_entry_id=first)
        # That was heard by all of them.
        await refused(self.hass, "list_plants", "not_signed_in", config_entry_id=second)
        flows = self.hass.config_entries.flow
        (dialog,) = flows.async_progress()
        assert dialog["context"]["source"] == SOURCE_REAUTH
        result = await flows.async_configure(dialog["flow_id"])
        result = await submit(self.hass, result, token=NEW_TOKEN)
        assert result["reason"] == "accounts_renewed"
        await self.hass.async_block_till_done()


async def test_sixty_numbers_for_forty_customers(
    world: World,
    hass_storage: dict[str, Any],  # what is stored stays within the test
) -> None:
    hass, cloud = world.hass, world.simulator
    assert await async_setup_component(hass, DOMAIN, {})
    day = Day(hass, cloud)
    customers = day.begin()
    await day.link(customers)
    assert len(day.plants) == CUSTOMERS
    await day.bind_all()
    # Growatt takes the same request once in five minutes.
    await asyncio.sleep(30 * MINUTES)
    day.hear()
    assert set(by_serial(await act(hass, "list_devices"))) == set(GOOD)
    nothing_is_left(hass)
    assert day.reasons(TYPOS) == {"serial_rejected"}
    assert day.reasons(HELD) == {"held_by_account"}
    assert day.reasons(STICKS) == {"datalogger_serial"}
    assert {day.found[serial]["held_by"] for serial in HELD} == {"Theirs (stranger)"}

    for typo, serial in TYPOS.items():
        assert await day.bind("bind_device", typo, serial_numbers=serial) == "accepted"
    for serial in STICKS:
        stick = {"serial_number": serial}
        assert await day.bind("bind_datalogger", serial, dataloggers=stick) == "accepted"
    for serial in HELD:
        cloud.growatt.remove_from_plant(serial)
        assert await day.bind("bind_device", serial, serial_numbers=serial) == "accepted"

    await day.evening()
    assert len(by_serial(await act(hass, "list_devices", state="associated"))) == 60
    accounts = (await act(hass, "list_accounts"))["accounts"]
    assert not any(account["pending"] for account in accounts)
    nothing_is_left(hass)

    await day.renew_token()
    accounts = (await act(hass, "list_accounts"))["accounts"]
    assert [account["signed_in"] for account in accounts] == [True] * CUSTOMERS
    assert all(
        entry.data["access"] == {"token": NEW_TOKEN}
        for entry in hass.config_entries.async_entries(DOMAIN)
    )
    assert len(by_serial(await act(hass, "list_devices", state="associated"))) == 60
    nothing_is_left(hass)


def nothing_is_left(hass: HomeAssistant) -> None:
    """Make sure that neither a repair nor a dialog is left."""
    issues = ir.async_get(hass).issues.values()
    # Home Assistant itself raises those of dialogs.
    assert not [issue for issue in issues if DOMAIN in {issue.domain, issue.issue_domain}]
    assert not hass.config_entries.flow.async_progress()
    assert not hass.config_entries.subentries.async_progress()
