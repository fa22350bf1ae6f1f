"""What a bug report carries, and what it must not."""

import asyncio
from collections.abc import Callable
import json
import re
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.account.bindings import store_key
from custom_components.growatt_onboarding.account.registration import async_review_pending
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account, DeviceKind
from custom_components.growatt_onboarding.cloud.provider import FieldKind
from custom_components.growatt_onboarding.const import SUBENTRY_INVERTER
from custom_components.growatt_onboarding.diagnostics import (
    _HIDDEN,
    _PLAIN,
    _SERIALS,
    _TIMES,
    _TIMES_OF_CLOUD,
    async_get_config_entry_diagnostics,
    async_get_device_diagnostics,
    redact_serial,
    redact_text,
)
from custom_components.growatt_onboarding.gateway import PendingRegistration, async_get_shared_data
from simulator.growatt import INSTALLER_TOKEN

from .common import account_entry
from .prove.world import World

SN = "SIM0004711"
BIND = "v1/device/sn/add"

# As a person's own would look; each is searched for.
SERIAL, STICK = "HMK0AB1234", "XGD7CD5678"
NAMES = ("Jane", "Doe", "Elmstreet", "Zoe's roof")
PERSONAL = (
    *NAMES,
    SERIAL,
    STICK,
    "jane.doe@example.com",
    "+31 6 1234 9876",
    "52.3702157",
    "4.8951679",
    "doe-family.example",
    "plant-77001",
    "owner-88002",
    "account-99003",
    "fake-token-value",
    "fake-session-value",
)


@pytest.fixture
async def entry(world: World) -> MockConfigEntry:
    entry = await world.add_account()
    world.add_devices([SN])
    await world.bind(entry, world.add_plant(entry), [SN])
    await world.shows("accepted", SN)
    return entry


def personal(entry: MockConfigEntry) -> list[str]:
    """Return what must not be found."""
    return [INSTALLER_TOKEN, SN, SN[:-4], entry.title, entry.data["account_id"] + '"']


def found_in(text: str, words: tuple[str, ...]) -> list[str]:
    return [word for word in words if word.casefold() in text.casefold()]


# What it tells


async def test_an_account_tells_what_helps_and_nothing_personal(
    world: World, entry: MockConfigEntry
) -> None:
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    text = json.dumps(found)
    assert [word for word in personal(entry) if word in text] == []
    assert found["account"] == {
        "version": "1.1",
        "source": "user",
        "state": "loaded",
        "inverters": 1,
        "dataloggers": 0,
        "polling": True,
        "provider": "growatt",
        "server": "own address, http",
        "credentials": ["token"],
        "account_id_known": True,
        "session": [],
        "activation_pending": False,
        "denied": False,
    }
    assert (found["connected"], found["available"], found["signed_in"]) == (True, True, True)
    assert "bind" in found["capabilities"]
    assert found["next_step"]["kind"] == "watch"
    (binding,) = found["bindings"]
    assert binding == {
        "serial": "**REDACTED**4711",
        "kind": "inverter",
        "plant": 1,
        "state": "accepted",
        "queued_at": "2026-06-01T08:00:00+00:00",
        "sent_at": "2026-06-01T08:00:00+00:00",
        "accepted_at": "2026-06-01T08:00:00+00:00",
        "message": None,
        "next_step": found["next_step"],
    }
    call = found["ledger"]["endpoints"][BIND]
    assert call == {
        "requests_cooling_down": 1,
        "calls_in_24_hours": 0,
        "cooled_down_at_the_latest": "2026-06-01T08:05:03+00:00",
        "refused_until": None,
        "last_answer": {"at": "2026-06-01T08:00:00+00:00", "error": None, "code": None},
    }


async def test_a_refusal_tells_its_code(world: World, entry: MockConfigEntry) -> None:
    await asyncio.sleep(600)
    world.simulator.faults.add("device/sn/add", kind="code", code=10005)
    await entry.runtime_data.coordinator.async_submit_again(SN)
    await world.shows("rejected", SN)
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    answer = found["ledger"]["endpoints"][BIND]["last_answer"]
    assert (answer["error"], answer["code"]) == ("account_missing", 10005)
    (binding,) = found["bindings"]
    assert (binding["state"], binding["reason"]) == ("rejected", "account_missing")
    assert binding["next_step"] is None


async def test_limits_and_outages_are_told(world: World, entry: MockConfigEntry) -> None:
    world.simulator.faults.add(kind="code", code=10012, times=2)
    await asyncio.sleep(60)
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    refused = [call["refused_until"] for call in found["ledger"]["endpoints"].values()]
    assert any(refused)
    world.simulator.faults.add(kind="cut", times=None)
    await world.shows("unavailable", SN)
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    now, ledger = dt_util.utcnow().isoformat(), found["ledger"]
    assert (ledger["reachable"], found["connected"], found["available"]) == (False, False, False)
    assert ledger["outages_in_a_row"] >= 1
    assert now < ledger["paused_until"] <= found["next_step"]["at"]
    # What was counted is stored, how it ended is not: after a restart only the first is known.
    entry.runtime_data.gateway.last_answers.clear()
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    assert found["ledger"]["endpoints"][BIND]["last_answer"] is None
    assert found["ledger"]["endpoints"].keys() == ledger["endpoints"].keys()


async def test_times_are_told_by_the_wall_clock(world: World, entry: MockConfigEntry) -> None:
    world.clock.set_wall(86_400)
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    (binding,) = found["bindings"]
    assert binding["sent_at"] == "2026-06-02T08:00:00+00:00"
    call = found["ledger"]["endpoints"][BIND]
    assert call["requests_cooling_down"] == 1
    assert call["cooled_down_at_the_latest"] == "2026-06-02T08:05:03+00:00"
    assert call["last_answer"]["at"] == "2026-06-02T08:00:00+00:00"
    assert found["next_step"]["at"] > "2026-06-02T08:00:00"


async def test_an_inverter_tells_of_itself(world: World, entry: MockConfigEntry) -> None:
    world.add_devices(["SIM0000815"])
    await world.bind(entry, world.add_plant(entry, "Shed"), ["SIM0000815"])
    await world.shows("accepted", "SIM0000815")
    found = await async_get_device_diagnostics(world.hass, entry, world.device("SIM0000815"))
    assert [word for word in personal(entry) if word in json.dumps(found)] == []
    (binding,) = found["bindings"]
    assert (binding["serial"], binding["plant"]) == ("**REDACTED**0815", 2)
    assert found["account"]["inverters"] == 2


async def test_a_datalogger_tells_of_itself(world: World, entry: MockConfigEntry) -> None:
    """It is cut as an inverter's, and nobody learns its check code."""
    stick = world.simulator.growatt.add_datalogger("STICK00001", devices=["SIM0000815"])
    plant_id = world.add_plant(entry, "Shed")
    coordinator = entry.runtime_data.coordinator
    await coordinator.async_track(["STICK00001"], plant_id, DeviceKind.DATALOGGER)
    found = await async_get_device_diagnostics(world.hass, entry, world.device("STICK00001"))
    step = found["bindings"][0]["next_step"]
    assert (step["kind"], step["device"]) == ("submit", "datalogger")
    await world.shows("accepted", "STICK00001")
    await asyncio.sleep(10)
    found = await async_get_device_diagnostics(world.hass, entry, world.device("STICK00001"))
    assert [
        word for word in [*personal(entry), stick.check_code] if word in json.dumps(found)
    ] == []
    assert (found["account"]["inverters"], found["account"]["dataloggers"]) == (1, 1)
    (binding,) = found["bindings"]
    assert (binding["serial"], binding["kind"]) == ("**REDACTED**0001", "datalogger")
    assert (binding["state"], binding["silent"]) == ("accepted", True)
    assert (binding["next_step"]["kind"], binding["next_step"]["device"]) == ("look", "datalogger")

    world.simulator.growatt.bring_datalogger_online("STICK00001", devices_after=7_200)
    await world.shows("associated", "STICK00001")
    await asyncio.sleep(3_600)
    found = await async_get_device_diagnostics(world.hass, entry, world.device("STICK00001"))
    (binding,) = found["bindings"]
    assert "silent" not in binding
    assert binding["model"] == "ShineWiFi-X"
    assert binding["last_report"] < binding["associated_at"] < binding["behind_checked_at"]
    # What it brings is looked for.
    assert (binding["next_step"]["kind"], binding["next_step"]["device"]) == ("look", "inverter")
    await world.shows("associated", "SIM0000815", seconds=10_000)
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    assert (found["account"]["inverters"], found["account"]["dataloggers"]) == (2, 1)
    assert "STICK00001" not in json.dumps(found)
    (binding,) = (known for known in found["bindings"] if known["kind"] == "datalogger")
    assert binding["brought_at"] > binding["associated_at"]


async def test_the_accounts_device_tells_of_the_account(
    world: World, entry: MockConfigEntry
) -> None:
    device = dr.async_get(world.hass).async_get(entry.runtime_data.devices.account_id)
    assert device is not None
    found = await async_get_device_diagnostics(world.hass, entry, device)
    assert found == await async_get_config_entry_diagnostics(world.hass, entry)


async def test_an_account_that_is_not_set_up_tells_what_is_stored(
    world: World, entry: MockConfigEntry
) -> None:
    device = world.device(SN)
    await world.unload(entry)
    found = await async_get_config_entry_diagnostics(world.hass, entry)
    assert found.keys() == {"account"}
    assert found["account"]["state"] == "not_loaded"
    assert await async_get_device_diagnostics(world.hass, entry, device) == found


# What it must not tell


@pytest.mark.parametrize("provider", registry.PROVIDER_KEYS)
async def test_nothing_personal_is_told(
    hass: HomeAssistant, hass_storage: dict[str, Any], provider: str
) -> None:
    """Nothing is asked of anybody: nothing is pending."""
    described = registry.provider(provider)
    credentials = {
        field.name: "4" if field.kind is FieldKind.NUMBER else "fake-token-value"
        for field in described.credential_fields
    }
    target = Target(
        provider=described, url="https://doe-family.example/shop", credentials=credentials
    )
    account = Account(
        id="account-99003",
        name="jane.doe@example.com",
        session={"token": "fake-token-value", "refresh_token": "fake-session-value"},
    )
    entry = account_entry(target, account)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, title="Jane Doe, Elmstreet 5")
    words = " ".join(reversed(PERSONAL)) + f" {SERIAL.lower()} code 10003"
    bindings = [
        Binding(
            serial=serial,
            plant_id="plant-77001",
            state=state,
            queued_at=1,
            reason="rejected",
            message=words,
            holder_plant="plant-66004",
            holder_plant_name="Zoe's roof",
            holder_owner="owner-88002",
            datalogger=STICK,
            model="MIN 3000TL-XH",
        )
        for serial, state in ((SERIAL, BindingState.REJECTED), ("ABCD", BindingState.CONFLICT))
    ]
    hass_storage[store_key(entry.entry_id)] = {
        "version": 1,
        "data": {
            "generation": 1,
            "bindings": [binding.as_dict() for binding in bindings],
            "returned": [],
        },
    }
    subentry = ConfigSubentry(
        data=MappingProxyType({"serial_number": SERIAL, "plant_id": "plant-77001"}),
        subentry_type=SUBENTRY_INVERTER,
        title="Inverter of Jane Doe",
        unique_id=SERIAL,
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    # The text that is searched would hold all of it.
    assert found_in(json.dumps(entry.as_dict()) + words, PERSONAL) == list(PERSONAL)

    found = await async_get_config_entry_diagnostics(hass, entry)
    assert found_in(json.dumps(found), PERSONAL) == []
    assert [binding["serial"] for binding in found["bindings"]] == [
        "**REDACTED**1234",
        "**REDACTED**CD",
    ]
    assert found["bindings"][0]["message"].endswith("code 10003")
    assert found["bindings"][0]["model"] == "MIN 3000TL-XH"
    assert found["account"]["server"] == "own address, https"
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        of_device = await async_get_device_diagnostics(hass, entry, device)
        assert found_in(json.dumps(of_device), PERSONAL) == []
    assert await hass.config_entries.async_unload(entry.entry_id)
    of_unloaded = await async_get_config_entry_diagnostics(hass, entry)
    assert found_in(json.dumps(of_unloaded), PERSONAL) == []


def test_of_every_field_of_a_binding_it_is_known_how_it_is_told() -> None:
    """A new field has to be thought about."""
    told = {*_PLAIN, *_TIMES, *_TIMES_OF_CLOUD, *_SERIALS, *_HIDDEN, "plant_id", "message"}
    assert set(Binding._fields) <= told
    assert told - {"code"} <= set(Binding._fields)


SERIALS = st.from_regex(r"[A-Z0-9][A-Z0-9_-]{3,31}", fullmatch=True)


@given(serial=SERIALS)
def test_a_serial_number_is_told_by_its_end(serial: str) -> None:
    told = redact_serial(serial)
    assert serial not in told
    end = told.removeprefix("**REDACTED**")
    assert serial.endswith(end)
    assert len(end) <= min(4, len(serial) // 2)


@given(
    serial=SERIALS.filter(lambda serial: len(serial) > 4),
    others=st.lists(SERIALS),
    before=st.text(),
    after=st.text(),
    spelling=st.sampled_from([str.upper, str.lower, str.title]),
)
def test_no_text_tells_a_serial_number(
    serial: str, others: list[str], before: str, after: str, spelling: Callable[[str], str]
) -> None:
    told = redact_text(f"{before}{spelling(serial)}{after}", [serial, *others])
    assert not re.search(re.escape(serial), told, re.IGNORECASE)


@given(serial=SERIALS, after=st.sampled_from(["", ".", " is taken", ": error"]))
def test_a_short_serial_number_is_found_where_it_is_a_word(serial: str, after: str) -> None:
    assert redact_text(f"Device {serial}{after}", [serial]) == f"Device **REDACTED**{after}"


@pytest.mark.parametrize(
    "text", ["error_permission_denied", "System error", "code 10005: not found, page 250"]
)
def test_words_that_are_nobodys_stay(text: str) -> None:
    assert redact_text(text, ["7", "SIM0004711", "12"]) == text


async def test_the_file_that_is_downloaded_holds_nothing_personal(
    world: World, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Home Assistant adds the repairs that it keeps on disk."""
    assert await async_setup_component(world.hass, "diagnostics", {})
    shared = await async_get_shared_data(world.hass)
    name, url = "jane.doe@example.com", "https://doe-family.example"
    pending = PendingRegistration("growatt", url, name, 0.0)
    shared.pending_registrations[f"growatt|{url}||{name}"] = pending
    await async_review_pending(world.hass, shared)
    client = await hass_client()
    answer = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}")
    told = await answer.text()
    assert "registration_unfinished" in told
    assert found_in(told, PERSONAL) == []
