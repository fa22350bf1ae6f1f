"""The *Discovered* card that offers to show the power of an account's inverters."""

import asyncio
from copy import replace
from typing import Any

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigFlowResult,
    FlowType,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.cloud.provider import Server
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.diagnostics import async_get_config_entry_diagnostics
from custom_components.growatt_onboarding.flows.power_card import CONF_ENTRY_ID
from simulator import END_USER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_PLANT,
    UNLIMITED,
    act,
    add_account,
    associate,
    code,
    entries,
    open_inverters,
    open_reconfigure,
    refused,
    submit,
    track,
    until,
)
from tests.restart import next_start

from .other_integration import (
    OTHER,
    SN,
    OnePlant,
    TheirFlow,
    global_server,
    installed,
    serve,
    with_inverter,
)

ANOTHER = "SIM0000002"
STICK = "QMN0000001"

type Result = dict[str, Any]


@pytest.fixture
def reachable(cloud: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Return the cloud as the server whose accounts can be handed over."""
    serve(monkeypatch, global_server(cloud.url))
    return cloud


@pytest.fixture
async def entry(hass: HomeAssistant, reachable: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with an associated inverter."""
    return await with_inverter(hass, reachable)


def cards(hass: HomeAssistant) -> list[Any]:
    """Return the cards that there are."""
    return hass.config_entries.flow.async_progress_by_handler(
        DOMAIN, match_context={"source": SOURCE_INTEGRATION_DISCOVERY}
    )


async def card(hass: HomeAssistant) -> Result:
    """Return the one card there is, as somebody opens it."""
    await until(lambda: cards(hass))
    (flow,) = cards(hass)
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


def their_flows(hass: HomeAssistant) -> list[Any]:
    """Return the dialogs of the other integration, even those that show nothing yet."""
    flows = hass.config_entries.flow
    return flows.async_progress_by_handler(OTHER, include_uninitialized=True)


async def no_card(hass: HomeAssistant) -> None:
    """Assert that there is no card, nor will be."""
    await asyncio.sleep(5)
    assert not cards(hass)


async def ignore(hass: HomeAssistant) -> ConfigEntry:
    """Ignore the card as the front end does; return the entry that says so."""
    await until(lambda: cards(hass))
    (flow,) = cards(hass)
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={
            "unique_id": flow["context"]["unique_id"],
            "title": flow["context"]["title_placeholders"]["name"],
        },
    )
    assert not cards(hass)
    ignored: ConfigEntry = result["result"]
    assert ignored.data == {}
    return ignored


async def discover(hass: HomeAssistant, entry_id: str) -> Result:
    """Start the flow of a card."""
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_INTEGRATION_DISCOVERY, "unique_id": f"{entry_id}_power"},
        data={CONF_ENTRY_ID: entry_id},
    )


def their_entry(unique_id: str, **options: Any) -> MockConfigEntry:
    """Return an entry of the other integration."""
    return MockConfigEntry(domain=OTHER, unique_id=unique_id, **options)


def add_their_device(hass: HomeAssistant, **options: Any) -> dr.DeviceEntry:
    """Add a device of an integration that has nothing to do with us."""
    local = MockConfigEntry(domain="modbus_somewhere")
    local.add_to_hass(hass)
    return dr.async_get(hass).async_get_or_create(config_entry_id=local.entry_id, **options)


# Where it appears


async def test_it_appears_with_the_association(hass: HomeAssistant, reachable: Simulator) -> None:
    entry = await add_account(hass, reachable, token=END_USER_TOKEN)
    reachable.growatt.add_device(SN)
    await track(entry, SN)
    await no_card(hass)
    await associate(reachable, entry, SN)
    before = len(reachable.calls)
    await until(lambda: cards(hass))
    (flow,) = cards(hass)
    # No longer than what a card shows of it.
    assert flow["context"]["title_placeholders"] == {"name": f"{SN}: show its power?"}
    # It can be ignored, and is not taken for the account.
    assert flow["context"]["unique_id"] not in {None, entry.unique_id}
    result = await card(hass)
    assert result["step_id"] == "discovered"
    assert result["description_placeholders"] == {
        "integration": "Growatt",
        "name": RESIDENT,
        "serial": SN,
        "plain_serial": SN,
    }
    await asyncio.sleep(60)
    assert len(reachable.calls) == before


async def test_there_is_one_for_each_account(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    await card(hass)
    reachable.growatt.add_device(ANOTHER)
    await track(entry, ANOTHER)
    await associate(reachable, entry, ANOTHER)
    await asyncio.sleep(5)
    assert len(cards(hass)) == 1


async def test_a_datalogger_has_nothing_to_show(hass: HomeAssistant, reachable: Simulator) -> None:
    entry = await add_account(hass, reachable, token=END_USER_TOKEN)
    reachable.growatt.add_datalogger(STICK, online=True)
    coordinator = entry.runtime_data.coordinator
    await coordinator.async_track([STICK], RESIDENT_PLANT, DeviceKind.DATALOGGER)
    await until(lambda: coordinator.data[STICK].state == "accepted")
    coordinator.async_check([STICK])
    await until(lambda: coordinator.data[STICK].state == "associated")
    await no_card(hass)


@pytest.mark.parametrize("known", ["another region", "an address of one's own"])
async def test_not_where_it_leads_nowhere(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    if known == "another region":
        serve(monkeypatch, global_server("https://global.example"), Server("china", cloud.url))
    entry = await with_inverter(hass, cloud)
    await no_card(hass)
    assert (await discover(hass, entry.entry_id))["type"] is FlowResultType.ABORT


@pytest.mark.parametrize(("kind", "shown"), [("sph", True), ("max", False), ("storage", False)])
async def test_not_for_a_series_that_the_other_integration_does_not_show(
    hass: HomeAssistant, reachable: Simulator, kind: str, *, shown: bool
) -> None:
    entry = await add_account(hass, reachable, token=END_USER_TOKEN)
    reachable.growatt.add_device(ANOTHER, kind=kind)
    await track(entry, ANOTHER)
    await associate(reachable, entry, ANOTHER)
    await asyncio.sleep(5)
    assert bool(cards(hass)) is shown
    # One more, which it does show.
    reachable.growatt.add_device(SN)
    await track(entry, SN)
    await associate(reachable, entry, SN)
    title = (await card(hass))["description_placeholders"]["plain_serial"]
    assert title == (ANOTHER if shown else SN)


async def test_not_within_minutes_of_our_own_call(
    hass: HomeAssistant, reachable: Simulator
) -> None:
    """The other integration begins with the same call, which the cloud would refuse."""
    hass.data[DATA_TIMING] = timing = replace(UNLIMITED, slow_cooldown=Timing().slow_cooldown)
    entry = await add_account(hass, reachable, token=END_USER_TOKEN)
    await open_inverters(hass, entry)
    assert len(reachable.calls.of("plant/list")) == 1
    reachable.growatt.add_device(SN)
    await track(entry, SN)
    await associate(reachable, entry, SN)
    await no_card(hass)
    # It waits anew after the account was set up again.
    await hass.config_entries.async_reload(entry.entry_id)
    await no_card(hass)
    await asyncio.sleep(timing.slow_cooldown)
    assert len(cards(hass)) == 1


async def test_not_until_the_account_is_signed_in(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    await card(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "denied": True})
    await until(lambda: not cards(hass))
    await no_card(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "denied": False})
    await card(hass)


async def test_it_goes_when_the_token_is_denied(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    await card(hass)
    reachable.faults.add("plant/list", **code(10011))
    assert (await open_inverters(hass, entry))["type"] is FlowResultType.ABORT
    await until(lambda: not cards(hass))


# What Home Assistant shows already


@pytest.mark.parametrize("disabled_by", [None, ConfigEntryDisabler.USER])
async def test_not_where_the_other_integration_has_the_plant(
    hass: HomeAssistant, reachable: Simulator, disabled_by: ConfigEntryDisabler | None
) -> None:
    theirs = their_entry(RESIDENT_PLANT, disabled_by=disabled_by)
    theirs.add_to_hass(hass)
    await with_inverter(hass, reachable)
    await no_card(hass)
    # Later somebody removes it.
    with installed(hass, TheirFlow):
        await hass.config_entries.async_remove(theirs.entry_id)
    await card(hass)


async def test_another_plant_shows_nothing_of_it(hass: HomeAssistant, reachable: Simulator) -> None:
    their_entry("20002").add_to_hass(hass)
    await with_inverter(hass, reachable)
    await card(hass)


@pytest.mark.parametrize(
    "device",
    [
        {"identifiers": {("modbus_somewhere", "1")}, "serial_number": SN.lower()},
        {"identifiers": {("modbus_somewhere", SN)}},
    ],
)
async def test_not_where_another_integration_has_the_inverter(
    hass: HomeAssistant, entry: ConfigEntry, device: dict[str, Any]
) -> None:
    await card(hass)
    theirs = add_their_device(hass, **device)
    await until(lambda: not cards(hass))
    await no_card(hass)
    dr.async_get(hass).async_remove_device(theirs.id)
    await card(hass)


async def test_devices_of_others_that_are_others(hass: HomeAssistant, entry: ConfigEntry) -> None:
    before = await card(hass)
    add_their_device(hass, identifiers={("modbus_somewhere", ANOTHER)}, serial_number=None)
    await asyncio.sleep(5)
    assert (await card(hass))["flow_id"] == before["flow_id"]


# When it goes


async def test_it_goes_when_the_other_integration_is_set_up(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    await card(hass)
    with installed(hass, TheirFlow):
        theirs = their_entry(RESIDENT_PLANT)
        await hass.config_entries.async_add(theirs)
    await until(lambda: not cards(hass))


async def test_it_goes_with_the_inverter(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await card(hass)
    (subentry_id,) = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry_id)
    await until(lambda: not cards(hass))


async def test_it_goes_with_the_account(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await card(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    assert not cards(hass)


async def test_it_goes_with_the_account_while_somebody_answers_it(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    class Slow(OnePlant):
        async def async_step_user(self, user_input: Result | None = None) -> ConfigFlowResult:
            await asyncio.Event().wait()
            raise AssertionError

    with installed(hass, Slow):
        opened = await card(hass)
        answer = asyncio.create_task(submit(hass, opened, pass_token=True))
        await until(lambda: their_flows(hass))
        await hass.config_entries.async_remove(entry.entry_id)
        assert not cards(hass)
        answer.cancel()


async def test_it_goes_while_the_account_is_not_set_up(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    await card(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    assert not cards(hass)
    await no_card(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await card(hass)


async def test_one_that_was_found_too_late_is_none(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """At a start Home Assistant keeps discoveries until everything is set up."""
    (flow,) = [await card(hass)]
    hass.config_entries.flow.async_abort(flow["flow_id"])
    await hass.config_entries.async_unload(entry.entry_id)
    for entry_id in (entry.entry_id, "gone"):
        assert (await discover(hass, entry_id))["type"] is FlowResultType.ABORT
    assert not cards(hass)


async def test_it_is_there_again_after_a_restart(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    await card(hass)
    before = len(reachable.calls)
    async with next_start(hass) as again:
        assert not cards(again)
        assert await async_setup_component(again, DOMAIN, {})
        result = await card(again)
        assert result["step_id"] == "discovered"
        assert len(reachable.calls) == before


# Used


async def test_it_leads_to_the_question_that_the_other_dialog_asks(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    with installed(hass, TheirFlow):
        result = await submit(hass, await card(hass), pass_token=True)
        assert result["reason"] == "handed_over"
        flow_type, flow_id = result["next_flow"]
        assert flow_type is FlowType.CONFIG_FLOW
        assert hass.config_entries.flow.async_get(flow_id)["step_id"] == "plant"
    assert not cards(hass)


async def test_it_leads_to_the_other_integrations_entry(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    """Which would have the card go, but not from under the hands of who answers it."""
    with installed(hass, OnePlant):
        result = await submit(hass, await card(hass), pass_token=True)
    assert result["reason"] == "power_shown"
    assert len(hass.config_entries.async_entries(OTHER)) == 1
    await no_card(hass)
    # Not after a restart either.
    await hass.config_entries.async_reload(entry.entry_id)
    await no_card(hass)


async def test_it_leads_to_the_form_without_the_token(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    with installed(hass, TheirFlow):
        result = await submit(hass, await card(hass), pass_token=False)
        _, flow_id = result["next_flow"]
        assert hass.config_entries.flow.async_get(flow_id)["step_id"] == "token_auth"


# Ignored


async def test_ignoring_it_is_for_good(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    await ignore(hass)
    reachable.growatt.add_device(ANOTHER)
    await track(entry, ANOTHER)
    await associate(reachable, entry, ANOTHER)
    await no_card(hass)
    await hass.config_entries.async_reload(entry.entry_id)
    await no_card(hass)
    # Who changes his mind has no other way than the menu.
    assert (await open_reconfigure(hass, entry))["step_id"] == "reconfigure"


async def test_it_stays_ignored_after_a_restart_and_when_the_account_comes_again(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    ignored = await ignore(hass)
    async with next_start(hass) as again:
        assert await async_setup_component(again, DOMAIN, {})
        await no_card(again)
        await again.config_entries.async_remove(entry.entry_id)
        assert [one.entry_id for one in entries(again)] == [ignored.entry_id]
        linked = await with_inverter(again, reachable)
        await no_card(again)
        assert linked.unique_id == entry.unique_id


async def test_who_no_longer_ignores_it_sees_it(hass: HomeAssistant, entry: ConfigEntry) -> None:
    ignored = await ignore(hass)
    await hass.config_entries.async_remove(ignored.entry_id)
    await card(hass)


async def test_an_ignored_card_is_no_account(
    hass: HomeAssistant, reachable: Simulator, entry: ConfigEntry
) -> None:
    """Home Assistant keeps it as an entry of ours, which holds nothing."""
    assert await async_setup_component(hass, "system_health", {})
    ignored = await ignore(hass)
    health = await get_system_health_info(hass, DOMAIN)
    assert health["accounts"] == 1
    diagnosed = await async_get_config_entry_diagnostics(hass, entry)
    assert ignored.entry_id not in str(diagnosed)
    # The only account need not be named.
    plants = (await act(hass, "list_plants"))["plants"]
    assert [plant["plant_id"] for plant in plants] == [RESIDENT_PLANT]
    await refused(
        hass, "check_username", "account_not_found", config_entry_id=ignored.entry_id, username="a"
    )
    # Dialogs and the start walk over all entries.
    assert (await open_inverters(hass, entry))["type"] is FlowResultType.FORM
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["step_id"] == "user"
    hass.config_entries.flow.async_abort(result["flow_id"])
    async with next_start(hass) as again:
        assert await async_setup_component(again, DOMAIN, {})
        (kept,) = [one for one in entries(again) if one.source == SOURCE_IGNORE]
        assert (kept.state, kept.data) == (ConfigEntryState.NOT_LOADED, {})
        assert not ir.async_get(again).issues
        await again.config_entries.async_remove(entry.entry_id)
        # That one can be removed when it is the only one, too.
        await again.config_entries.async_remove(kept.entry_id)
        await again.async_block_till_done()
        assert not entries(again)
