"""The inverter dialog: the plant, the serial numbers, what became of them."""

import asyncio
from typing import Any
from unittest.mock import Mock

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.selector import TextSelector
import pytest

from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.errors import AccessDeniedError, RejectedError
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Plant
from custom_components.growatt_onboarding.cloud.provider import Capability, Field
from custom_components.growatt_onboarding.const import SUBENTRY_INVERTER
from custom_components.growatt_onboarding.flows.results import async_results
from simulator import END_USER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    add_account,
    add_fake_account,
    close,
    entered,
    fields_of,
    follow,
    full_disk,
    open_inverters,
    open_reauth,
    plant_options,
    send,
    shown_values,
    submit,
    suggested,
    track,
    until,
)
from tests.escaped import as_read
from tests.fake_provider import FakeCloud
from tests.prove.world import World

BIND = "device/sn/add"
KIND = "device/check/sn"
PLANTS = "plant/list"
ADD_PLANT = "plant/add"


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, who has one plant."""
    return await add_account(hass, cloud, token=END_USER_TOKEN)


@pytest.fixture
async def without_plants(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of an account without plants."""
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    return await add_account(hass, cloud, account_id=str(bob.user_id), name="bob")


async def open_serials(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, Any]:
    """Open the inverter dialog at the serial numbers of the resident's plant."""
    result = await open_inverters(hass, entry)
    assert result["step_id"] == "serial_numbers"
    assert suggested(result) == {"plant_id": RESIDENT_PLANT}
    return result


def inverters(entry: ConfigEntry) -> dict[str, dict[str, Any]]:
    """Return the inverters of an account by serial number."""
    return {
        str(subentry.unique_id): dict(subentry.data)
        for subentry in entry.get_subentries_of_type(SUBENTRY_INVERTER)
    }


# The plant


async def test_one_plant_is_used_without_a_question(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001", online=True)
    cloud.growatt.add_device("SIM0000002")
    result = await open_serials(hass, entry)
    assert result["description_placeholders"]["account"] == RESIDENT
    assert plant_options(result) == {RESIDENT_PLANT: "Sim Home", "new_plant": "new_plant"}

    result = await submit(hass, result, serial_numbers=" sim0000001\n\nSIM 0000 002 ;")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "waiting"
    assert shown_values(result) == {
        "account": RESIDENT,
        "results": "- **In the cloud:** SIM0000001\n- **Waiting for the inverter:** SIM0000002",
    }
    assert inverters(entry) == {
        "SIM0000001": {"serial_number": "SIM0000001", "plant_id": RESIDENT_PLANT},
        "SIM0000002": {"serial_number": "SIM0000002", "plant_id": RESIDENT_PLANT},
    }
    assert [call.params["sn"] for call in cloud.calls.of(BIND)] == ["SIM0000001", "SIM0000002"]
    assert len(cloud.calls.of(PLANTS)) == 1


async def test_one_of_several_plants_has_to_be_chosen(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    twin = str(cloud.growatt.add_plant(int(RESIDENT_ID), " sim  home").plant_id)
    nameless = str(cloud.growatt.add_plant(int(RESIDENT_ID), " ").plant_id)
    garage = str(cloud.growatt.add_plant(int(RESIDENT_ID), "Garage").plant_id)
    result = await open_inverters(hass, entry)
    # Those of the same name are told apart.
    assert plant_options(result) == {
        RESIDENT_PLANT: f"Sim Home ({RESIDENT_PLANT})",
        twin: f"sim home ({twin})",
        nameless: f"ID {nameless}",
        garage: "Garage",
        "new_plant": "new_plant",
    }
    assert suggested(result) == {}
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["errors"] == {"plant_id": "plant_needed"}
    assert suggested(result) == {"serial_numbers": "SIM0000001"}
    assert not inverters(entry)

    result = await submit(hass, result, serial_numbers="SIM0000001", plant_id=garage)
    assert result["reason"] == "waiting"
    assert inverters(entry)["SIM0000001"]["plant_id"] == garage


@pytest.mark.parametrize(
    ("time_zone", "hours"),
    # Summer is now in one of the last two: a plant's zone is the same the whole year.
    [("Asia/Kolkata", 5.5), ("Europe/Amsterdam", 1), ("Australia/Sydney", 10)],
)
async def test_the_first_plant_is_created_in_the_same_form(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, time_zone: str, hours: float
) -> None:
    cloud.growatt.add_device("SIM0000001")
    hass.config.country = "NL"
    hass.config.currency = "EUR"
    await hass.config.async_set_time_zone(time_zone)
    result = await open_inverters(hass, without_plants)
    assert result["step_id"] == "serial_numbers"
    # No number stands there that would look like one.
    assert suggested(result) == {"name": hass.config.location_name}
    assert isinstance(result["data_schema"].schema["peak_power"], TextSelector)

    result = await submit(
        hass, result, serial_numbers="SIM0000001", name=" Roof ", peak_power=" 4,2"
    )
    assert result["reason"] == "waiting"
    (plant,) = [plant for plant in cloud.growatt.plants.values() if plant.name == "Roof"]
    assert str(plant.user_id) == without_plants.data["account_id"]
    assert plant.peak_power == 4.2
    assert (plant.country, plant.currency, plant.time_zone) == ("Netherlands", "EUR", hours)
    assert inverters(without_plants)["SIM0000001"]["plant_id"] == str(plant.plant_id)


async def test_nothing_is_created_for_what_is_plainly_wrong_and_nothing_twice(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    plant = {"name": "Roof", "peak_power": "4.2"}
    result = await open_inverters(hass, without_plants)
    result = await submit(hass, result, serial_numbers="AB", **plant)
    assert result["errors"] == {"serial_numbers": "serial_invalid"}
    assert suggested(result) == {"serial_numbers": "AB", **plant}
    assert not cloud.calls.of(ADD_PLANT)

    # What goes wrong after that shows it among the plants, and chosen.
    with full_disk():
        result = await submit(hass, result, serial_numbers="SIM0000001", **plant)
    assert result["errors"] == {"base": "not_stored"}
    (created,) = (one for one in cloud.growatt.plants.values() if one.name == "Roof")
    chosen = {"plant_id": str(created.plant_id)}
    assert suggested(result) == {"serial_numbers": "SIM0000001", **chosen}
    assert plant_options(result) == {str(created.plant_id): "Roof", "new_plant": "new_plant"}
    result = await submit(hass, result, serial_numbers="SIM0000001", **chosen)
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(ADD_PLANT)) == 1


@pytest.mark.parametrize("power", ["", "0", "-1", "0,0", "abc", "4 400", "10000.1", "1,234", "NaN"])
async def test_a_peak_power_that_cannot_be_one(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, power: str
) -> None:
    cloud.growatt.add_device("SIM0000001")
    typed = {"serial_numbers": "SIM0000001", "name": "Roof"}
    result = await open_inverters(hass, without_plants)
    result = await submit(hass, result, **typed, peak_power=power)
    assert result["errors"] == {"peak_power": "peak_power_needed"}
    assert suggested(result) == {**typed, "peak_power": power}
    assert not cloud.calls.of(ADD_PLANT)
    result = await submit(hass, result, **typed, peak_power="0.4")
    assert result["reason"] == "waiting"


async def test_create_another_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    result = await open_serials(hass, entry)
    # First what is plainly wrong.
    result = await submit(hass, result, serial_numbers="AB", plant_id="new_plant")
    assert result["errors"] == {"serial_numbers": "serial_invalid"}
    assert suggested(result) == {"serial_numbers": "AB", "plant_id": "new_plant"}
    result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="new_plant")
    assert result["step_id"] == "create_plant"
    assert suggested(result) == {"name": hass.config.location_name}

    typed = {"name": "Sim Home", "peak_power": "3"}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"name": "plant_name_taken"}
    assert suggested(result) == typed
    result = await submit(hass, result, name="Shed", peak_power="0")
    assert result["errors"] == {"peak_power": "peak_power_needed"}
    typed = {"name": "  ", "peak_power": "3"}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"name": "plant_name_empty"}
    assert suggested(result) == typed
    result = await submit(hass, result, peak_power="3")
    assert result["errors"] == {"name": "plant_name_empty"}
    assert len(cloud.calls.of(ADD_PLANT)) == 1

    # It goes on with the number, which nobody types again.
    with full_disk():
        result = await submit(hass, result, name="Shed", peak_power="3")
    (shed,) = (plant for plant in cloud.growatt.plants.values() if plant.name == "Shed")
    chosen = {"serial_numbers": "SIM0000001", "plant_id": str(shed.plant_id)}
    assert (result["step_id"], suggested(result)) == ("serial_numbers", chosen)
    result = await submit(hass, result, **chosen)
    assert result["reason"] == "waiting"
    assert inverters(entry)["SIM0000001"]["plant_id"] == str(shed.plant_id)
    assert len(cloud.calls.of(ADD_PLANT)) == 2


async def test_a_plant_is_created_once_whatever_goes_wrong_after_that(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="new_plant")
    typed = {"name": "Shed", "peak_power": "3"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "check_serial", Mock(side_effect=RuntimeError))
        result = await submit(hass, result, **typed)
    assert (result["step_id"], result["errors"]) == ("create_plant", {"base": "unknown"})
    assert suggested(result) == typed
    result = await submit(hass, result, **typed)
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(ADD_PLANT)) == 1


NEW = {"serial_numbers": "SIM0000001", "name": "Roof", "peak_power": "4.2"}


@pytest.mark.parametrize(
    ("code", "errors"),
    [
        (10006, {"name": "plant_name_taken"}),
        (10001, {"base": "system_error"}),
        (10012, {"base": "rate_limited"}),
        (31337, {"base": "unknown_code"}),
    ],
)
async def test_codes_of_creating_a_plant(
    hass: HomeAssistant,
    cloud: Simulator,
    without_plants: ConfigEntry,
    code: int,
    errors: dict[str, str],
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(ADD_PLANT, kind="code", code=code)
    result = await open_inverters(hass, without_plants)
    result = await submit(hass, result, **NEW)
    assert result["errors"] == errors
    assert suggested(result) == NEW
    result = await submit(hass, result, **NEW)
    assert result["reason"] == "waiting"


@pytest.mark.parametrize("fault", ["cut_after", "data_empty", "code_after"])
async def test_a_lost_answer_to_creating_a_plant_is_settled_by_a_look(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, fault: str
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(ADD_PLANT, kind=fault)
    result = await open_inverters(hass, without_plants)
    result = await submit(hass, result, **NEW)
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(ADD_PLANT)) == 1


async def test_a_plant_is_known_when_its_dialog_was_closed_meanwhile(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_inverters(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="new_plant")
    cloud.faults.add(ADD_PLANT, kind="hold")
    step = hass.async_create_task(submit(hass, result, name="Roof", peak_power="4.2"))
    await cloud.faults.wait_held()
    # As Home Assistant does when the browser goes away.
    step.cancel()
    close(hass, result)
    cloud.faults.release()
    await until(lambda: len(cloud.calls.of(ADD_PLANT)) == 1)
    await hass.async_block_till_done()
    # The list itself may not be asked again so soon.
    cloud.faults.add(PLANTS, kind="code", code=10012)
    result = await open_inverters(hass, entry)
    assert "Roof" in plant_options(result).values()


@pytest.mark.parametrize(
    ("fault", "look"), [("cut", "pass"), ("cut", "http_500"), ("code", "http_500")]
)
async def test_a_lost_answer_that_no_look_settles(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, fault: str, look: str
) -> None:
    result = await open_inverters(hass, without_plants)
    cloud.faults.add(ADD_PLANT, kind=fault)
    cloud.faults.add(PLANTS, kind=look)
    result = await submit(hass, result, **NEW)
    assert result["errors"] == {"base": "plant_outcome_unknown"}
    assert result["description_placeholders"]["name"] == "Roof"
    assert suggested(result) == NEW
    assert len(cloud.calls.of(ADD_PLANT)) == 1


@pytest.mark.parametrize("seconds", [25, 800])
async def test_a_plant_that_comes_late_is_not_sent_twice(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, seconds: float
) -> None:
    """Until no server still works on the request, whoever submits again has us look."""
    cloud.growatt.add_device("SIM0000001")
    result = await open_inverters(hass, without_plants)
    cloud.faults.add(ADD_PLANT, kind="late", seconds=seconds)
    for _ in range(2):
        result = await submit(hass, result, **NEW)
        assert result["errors"] == {"base": "plant_outcome_unknown"}
    await asyncio.sleep(seconds)
    result = await submit(hass, result, **NEW)
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(ADD_PLANT)) == 1


async def test_a_plant_that_never_came_is_sent_again(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    result = await open_inverters(hass, without_plants)
    cloud.faults.add(ADD_PLANT, kind="cut", times=2)
    for sent in (1, 2):
        result = await submit(hass, result, **NEW)
        assert result["errors"] == {"base": "plant_outcome_unknown"}
        assert len(cloud.calls.of(ADD_PLANT)) == sent
        await asyncio.sleep(905)
    result = await submit(hass, result, **NEW)
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(ADD_PLANT)) == 3


@pytest.mark.parametrize(
    "fault", [({"kind": "code", "code": 10001}, "system_error"), ({"kind": "cut"}, "no_answer")]
)
@pytest.mark.parametrize("plants", [0, 1, 2])
async def test_plants_that_cannot_be_listed_are_listed_when_the_form_is_submitted(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    fault: tuple[dict[str, Any], str],
    plants: int,
) -> None:
    options, key = fault
    cloud.growatt.add_device("SIM0000001")
    garage = str(cloud.growatt.add_plant(int(RESIDENT_ID), "Garage").plant_id)
    if plants < 2:
        cloud.growatt.delete_plant(int(garage))
    if plants < 1:
        cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    cloud.faults.add(PLANTS, **options, times=2)
    result = await open_inverters(hass, entry)
    for typed in ({}, {"serial_numbers": "SIM0000001"}):
        assert result["step_id"] == "serial_numbers"
        assert result["errors"] == {"base": key}
        # Nobody makes a plant by mistake that is there already.
        assert fields_of(result) == ["serial_numbers", "photo", "plant_id"]
        assert plant_options(result) == {"new_plant": "new_plant"}
        assert suggested(result) == typed
        result = await submit(hass, result, serial_numbers="SIM0000001")
    # It was sent off without what only now can be asked for.
    more: dict[str, Any] = {}
    if plants == 0:
        assert result["errors"] == {"peak_power": "peak_power_needed"}
        more = {"name": "Roof", "peak_power": "4"}
    elif plants == 2:
        assert result["errors"] == {"plant_id": "plant_needed"}
        more = {"plant_id": garage}
    if more:
        assert suggested(result)["serial_numbers"] == "SIM0000001"
        result = await submit(hass, result, serial_numbers="SIM0000001", **more)
    assert result["reason"] == "waiting"


async def test_a_plant_is_made_although_the_others_cannot_be_listed(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry
) -> None:
    """By somebody who has read that, and what was entered first is not lost."""
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add("plant/user_plant_list", kind="code", code=10012, times=None)
    result = await open_inverters(hass, without_plants)
    assert result["errors"] == {"base": "rate_limited"}
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["errors"] == {"base": "rate_limited"}
    assert not cloud.calls.of(ADD_PLANT)
    result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="new_plant")
    assert result["step_id"] == "create_plant"
    result = await submit(hass, result, name="Roof", peak_power="4")
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(ADD_PLANT)) == 1
    assert list(inverters(without_plants)) == ["SIM0000001"]


async def test_a_token_that_is_denied_meanwhile_is_told_at_the_end(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    result = await open_inverters(hass, entry)
    token = cloud.growatt.tokens.pop(END_USER_TOKEN)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    told = shown_values(result)["results"]
    name = f"- **Not sent yet:** SIM0000001. The account {entry.title} is not signed in."
    assert told.startswith(name)
    # Once somebody has signed in, it is sent.
    cloud.growatt.tokens[END_USER_TOKEN] = token
    form = await open_reauth(hass, entry)
    await submit(hass, form, token=END_USER_TOKEN)
    await until(lambda: cloud.calls.of(BIND)[1:])


@pytest.mark.parametrize("step", ["serial_numbers", "create_plant"])
async def test_credentials_that_are_valid_no_more_lead_to_signing_in(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, step: str
) -> None:
    """Nothing else may find it out for days: nothing is asked while nothing is pending."""
    if step == "serial_numbers":
        cloud.faults.add(PLANTS, kind="code", code=10011)
        result = await open_inverters(hass, entry)
    else:
        result = await open_inverters(hass, entry)
        result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="new_plant")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(GrowattClient, "create_plant", Mock(side_effect=AccessDeniedError))
            result = await submit(hass, result, name="Roof", peak_power="5")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_signed_in"
    connected = hass.states.get("binary_sensor.growatt_sim_resident_connectivity")
    assert connected is not None
    assert connected.state == "off"
    await hass.async_block_till_done()
    (reauth,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    result = await hass.config_entries.flow.async_configure(reauth["flow_id"])
    result = await submit(hass, result, token=END_USER_TOKEN)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert (await open_inverters(hass, entry))["step_id"] == "serial_numbers"


# The serial numbers

UMLAUT = "U+00C4 LATIN CAPITAL LETTER A WITH DIAERESIS"
ARABIC = "U+0661 ARABIC-INDIC DIGIT ONE"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", ("serials_empty", "")),
        ("AB\nSIM0000001\nÄ000000001", ("serial_invalid", f"AB, Ä000000001 ({UMLAUT})")),
        ("SIM0000001 SPH5000", ("serial_invalid", "SIM0000001 + SPH5000")),
        ("SIM000000\u0661", ("serial_invalid", f"SIM000000\u0661 ({ARABIC})")),
        (f"{'ab' * 30}\0", ("serial_invalid", f"{'ab' * 20} (U+0000 NULL)")),
        ("HERE000001, SIM0000001", ("already_tracked", "HERE000001 (sim-resident)")),
    ],
)
async def test_bad_serial_numbers_stand_at_their_field(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, typed: str, told: tuple[str, str]
) -> None:
    for serial in ("SIM0000001", "HERE000001"):
        cloud.growatt.add_device(serial)
    await track(entry, "HERE000001")
    result = await open_serials(hass, entry)

    for _ in range(2):
        result = await submit(hass, result, serial_numbers=typed)
        assert result["step_id"] == "serial_numbers"
        assert result["errors"] == {"serial_numbers": told[0]}
        assert result["description_placeholders"]["serials"] == told[1]
        assert entered(result) == {"serial_numbers": typed}
    assert set(inverters(entry)) == {"HERE000001"}

    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "waiting"
    assert set(inverters(entry)) == {"HERE000001", "SIM0000001"}


async def test_a_short_number_is_asked_about_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    for serial in ("SIM0001", "SIM0000001"):
        cloud.growatt.add_device(serial)
    result = await open_serials(hass, entry)
    for typed, told in (("SIM 000\nSIM0000001", "SIM000"), ("sim 0001\nSIM0000001", "SIM0001")):
        result = await submit(hass, result, serial_numbers=typed)
        assert result["errors"] == {"serial_numbers": "serial_short"}
        assert result["description_placeholders"]["serials"] == told
        assert suggested(result)["serial_numbers"] == typed
    assert not cloud.calls.of(KIND)
    assert not inverters(entry)

    # Unchanged, it is meant: the cloud has the last word.
    result = await submit(hass, result, serial_numbers=typed)
    assert result["reason"] == "waiting"
    assert set(inverters(entry)) == {"SIM0001", "SIM0000001"}


async def test_a_hundred_serial_numbers_at_once_are_the_most(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_serials(hass, entry)
    many = "\n".join(f"SIM{number:07}" for number in range(101))
    result = await submit(hass, result, serial_numbers=many)
    assert result["errors"] == {"serial_numbers": "serials_too_many"}
    assert result["description_placeholders"]["count"] == "101"
    assert entered(result) == {"serial_numbers": many}
    assert not cloud.calls.of(KIND)
    assert not cloud.calls.of(BIND)


async def test_a_datalogger_is_known_even_when_it_may_not_be_asked_about_again(
    hass: HomeAssistant, world: World
) -> None:
    """The cloud allows the question once in five minutes; people submit again after seconds."""
    simulator = world.simulator
    simulator.growatt.add_device("SIM0000001")
    entry = await world.add_account(int(RESIDENT_ID), END_USER_TOKEN)
    result = await open_serials(hass, entry)
    typed = {"serial_numbers": "SIM0000001 QMN000SIM0000001"}
    with full_disk():
        result = await submit(hass, result, **typed)
    assert result["errors"] == {"base": "not_stored"}
    result = await submit(hass, result, **typed)
    assert result["step_id"] == "found_datalogger"
    assert len(simulator.calls.of(KIND)) == 2
    close(hass, result)

    # Another dialog does not know, and leaves it to the cloud's answer to the binding.
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="QMN000SIM0000001")
    assert result["reason"] == "refused"
    assert len(simulator.calls.of(KIND)) == 2
    assert not simulator.growatt.limits.violations


async def test_serial_numbers_that_cannot_be_checked_are_left_to_the_cloud(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.growatt.add_device("SIM0000002")
    cloud.faults.add(KIND, kind="firewall")
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001, SIM0000002")
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(KIND)) == 1


async def test_slow_checks_hold_nobody_up(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """They are a help. Each answers in time, but five of them took a minute and a half."""
    serials = [f"SIM000000{number}" for number in range(1, 6)]
    for serial in serials:
        cloud.growatt.add_device(serial)
    cloud.faults.add(KIND, kind="slow", seconds=19, times=5)
    result = await open_serials(hass, entry)
    loop = asyncio.get_running_loop()
    began = loop.time()
    result = await send(hass, result, serial_numbers=" ".join(serials))
    assert loop.time() - began < 10
    result = await follow(hass, result)
    assert loop.time() - began < 20 + Timing().watched_for
    assert result["reason"] == "waiting"
    assert set(inverters(entry)) == set(serials)

    cloud.faults.clear()
    result = await submit(hass, await open_serials(hass, entry), serial_numbers="QMN000SIM0000001")
    assert result["step_id"] == "found_datalogger"


async def test_one_added_elsewhere_while_the_cloud_was_asked(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(KIND, kind="hold")
    result = await open_serials(hass, entry)
    task = hass.async_create_task(send(hass, result, serial_numbers="SIM0000001"))
    await cloud.faults.wait_held()
    await entry.runtime_data.coordinator.async_track(["SIM0000001"], RESIDENT_PLANT)
    cloud.faults.release()
    result = await task
    assert result["errors"] == {"serial_numbers": "already_tracked"}


async def test_nothing_is_sent_when_it_cannot_be_stored(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    result = await open_serials(hass, entry)
    with full_disk():
        result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["errors"] == {"base": "not_stored"}
    assert entered(result) == {"serial_numbers": "SIM0000001"}
    assert not inverters(entry)
    assert not cloud.calls.of(BIND)

    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "waiting"
    assert len(cloud.calls.of(BIND)) == 1


# What became of them


@pytest.mark.parametrize(
    ("code", "words"),
    [(10007, "The cloud does not know of a datalogger"), (31337, "the cloud's own words")],
)
async def test_the_end_says_why_one_was_refused(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, code: int, words: str
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.growatt.add_device("SIM0000002")
    cloud.faults.add(
        BIND, kind="code", code=code, msg="the cloud's own words", match={"sn": "SIM0000001"}
    )
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001, SIM0000002")
    if code == 10007:
        result = await submit(hass, result, next_step_id="end")
    refused, accepted = shown_values(result)["results"].split("\n")
    assert accepted == "- **Waiting for the inverter:** SIM0000002"
    assert refused.startswith("- **Refused:** [SIM0000001](/config/devices/device/")
    assert refused.endswith("(/config/repairs)")
    assert words in refused
    assert set(inverters(entry)) == {"SIM0000001", "SIM0000002"}


async def test_the_end_says_what_is_there_already_and_what_belongs_to_others(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com", merchant="elsewhere")
    theirs = cloud.growatt.add_plant(bob.user_id, "Theirs")
    cloud.growatt.add_device("SIM0000001", plant_id=int(RESIDENT_PLANT))
    cloud.growatt.add_device("SIM0000002", plant_id=theirs.plant_id)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001, SIM0000002")
    assert result["reason"] == "refused"
    conflict, associated = shown_values(result)["results"].split("\n")
    assert associated == "- **In the cloud:** SIM0000001"
    assert conflict.startswith(
        "- **Held by another account:** [SIM0000002](/config/devices/device/"
    )
    assert "The cloud has this device elsewhere" in conflict


async def test_the_end_says_what_has_no_answer_yet(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="code", code=10010, times=9)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    results = shown_values(result)["results"]
    assert results.startswith("- **Not sent yet:** SIM0000001. The cloud could not add the device")
    assert "Home Assistant submits it up to eight times" in results
    assert set(inverters(entry)) == {"SIM0000001"}


async def test_the_dialog_shows_progress_and_can_be_closed(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="hold")
    result = await send(hass, await open_serials(hass, entry), serial_numbers="SIM0000001")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "binding"
    assert result["description_placeholders"]["count"] == "1"
    # It is all there already.
    assert set(inverters(entry)) == {"SIM0000001"}
    await cloud.faults.wait_held()
    # Asking again changes nothing.
    result = await hass.config_entries.subentries.async_configure(result["flow_id"])
    assert result["type"] is FlowResultType.SHOW_PROGRESS

    close(hass, result)
    cloud.faults.release()
    bindings = entry.runtime_data.coordinator
    await until(lambda: bindings.data["SIM0000001"].state == "accepted")
    assert len(cloud.calls.of(BIND)) == 1
    assert set(inverters(entry)) == {"SIM0000001"}


@pytest.mark.parametrize("meanwhile", ["reloaded", "removed"])
async def test_what_happens_while_the_dialog_watches(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, meanwhile: str
) -> None:
    """The account is reloaded, or the inverter removed."""
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="hold")
    result = await send(hass, await open_serials(hass, entry), serial_numbers="SIM0000001")
    await cloud.faults.wait_held()
    if meanwhile == "reloaded":
        reload = hass.async_create_task(hass.config_entries.async_reload(entry.entry_id))
        cloud.faults.release()
        await reload
    else:
        (subentry,) = entry.get_subentries_of_type(SUBENTRY_INVERTER)
        hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
        cloud.faults.release()
    result = await follow(hass, result)
    there = meanwhile == "reloaded"
    assert result["reason"] == ("waiting" if there else "not_tracked")
    assert ("SIM0000001" in inverters(entry)) is there
    assert len(cloud.calls.of(BIND)) == 1


async def test_sixty_inverters_at_once_reload_nothing(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    setups: list[str] = []
    schedule = hass.config_entries.async_schedule_reload
    reload = hass.config_entries.async_reload
    monkeypatch.setattr(
        hass.config_entries,
        "async_schedule_reload",
        lambda key: (setups.append(key), schedule(key)),
    )
    monkeypatch.setattr(
        hass.config_entries, "async_reload", lambda key: (setups.append(key), reload(key))[1]
    )
    serials = [f"SIM{number:07}" for number in range(60)]
    for serial in serials:
        cloud.growatt.add_device(serial)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="\n".join(serials))
    assert result["reason"] == "waiting"
    assert (
        shown_values(result)["results"] == f"- **Waiting for the inverter:** {', '.join(serials)}"
    )
    await hass.async_block_till_done()
    assert not setups
    assert set(inverters(entry)) == set(serials)
    states = hass.states.async_all("binary_sensor")
    assert len([state for state in states if "waiting_for_the_cloud" in state.entity_id]) == 61
    assert [call.params["sn"] for call in cloud.calls.of(BIND)] == serials


# Accounts that cannot


async def test_an_account_that_is_not_loaded(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    result = await open_inverters(hass, entry)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"
    assert result["description_placeholders"] == {"account": RESIDENT}


@pytest.mark.parametrize("step", ["create_plant", "serial_numbers"])
async def test_an_account_that_is_unloaded_meanwhile(
    hass: HomeAssistant, entry: ConfigEntry, step: str
) -> None:
    result = await open_inverters(hass, entry)
    answers: dict[str, Any] = {"serial_numbers": "SIM0000001"}
    if step == "create_plant":
        result = await submit(hass, result, **answers, plant_id="new_plant")
        answers = {"name": "Roof", "peak_power": "4"}
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, result, **answers)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert not inverters(entry)


@pytest.mark.parametrize("step", ["create_plant", "serial_numbers", "binding"])
async def test_an_account_that_is_removed_meanwhile(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, step: str
) -> None:
    result = await open_inverters(hass, entry)
    answers: dict[str, Any] = {"serial_numbers": "SIM0000001"}
    if step == "create_plant":
        result = await submit(hass, result, **answers, plant_id="new_plant")
        answers = {"name": "Roof", "peak_power": "4"}
    if step == "binding":
        cloud.faults.add(BIND, kind="slow", seconds=0.2)
        result = await send(hass, result, **answers)
        assert result["type"] is FlowResultType.SHOW_PROGRESS
    await hass.config_entries.async_remove(entry.entry_id)
    if step == "binding":
        result = await follow(hass, result)
    else:
        result = await submit(hass, result, **answers)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")
    assert result["description_placeholders"] == {"account": RESIDENT}


async def test_an_account_whose_id_is_not_known(hass: HomeAssistant, cloud: Simulator) -> None:
    entry = await add_account(hass, cloud, account_id=None)
    result = await open_inverters(hass, entry)
    assert result["reason"] == "not_signed_in"
    await hass.async_block_till_done()
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [
        SOURCE_REAUTH
    ]
    assert not cloud.calls


# Clouds that are not like that


async def test_a_cloud_that_binds_nothing(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await add_fake_account(hass, monkeypatch, FakeCloud())
    result = await open_inverters(hass, entry)
    assert result["reason"] == "cannot_bind"
    assert result["description_placeholders"] == {"account": "alice"}


async def test_an_account_that_is_not_signed_in(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND}))
    entry = await add_fake_account(hass, monkeypatch, cloud, signed_in=False)
    result = await open_inverters(hass, entry)
    assert result["reason"] == "not_signed_in"
    await hass.async_block_till_done()
    assert len(hass.config_entries.flow.async_progress()) == 1


@pytest.mark.usefixtures("simulated_time")
async def test_an_id_that_is_typed_instead_of_a_plant(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND}))
    typed = Field(name="plant_of_the_test")
    entry = await add_fake_account(hass, monkeypatch, cloud, plant_id_field=typed)
    result = await open_inverters(hass, entry)
    assert result["step_id"] == "serial_numbers"
    fields = ["serial_numbers", "photo", "plant_of_the_test"]
    assert list(result["data_schema"].schema) == fields
    typed = {"serial_numbers": "SIM0000001", "plant_of_the_test": "  "}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"plant_of_the_test": "required"}
    assert suggested(result) == typed
    result = await submit(hass, result, serial_numbers="SIM0000001", plant_of_the_test=" p11aaa ")
    assert result["reason"] == "waiting"
    assert cloud.bound == [("7", "p11aaa", "SIM0000001")]


async def test_a_cloud_without_plants_and_without_a_field_for_one(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND}))
    entry = await add_fake_account(hass, monkeypatch, cloud)
    result = await open_inverters(hass, entry)
    assert result["reason"] == "cannot_bind"


@pytest.mark.usefixtures("simulated_time")
async def test_where_no_dataloggers_are_taken_their_numbers_are_refused(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    capabilities = {Capability.BIND, Capability.PLANTS, Capability.CHECK_SERIAL}
    cloud = FakeCloud(capabilities=frozenset(capabilities), plants=(Plant(id="1", name="One"),))
    cloud.kinds["QMN000SIM0000001"] = DeviceKind.DATALOGGER
    entry = await add_fake_account(hass, monkeypatch, cloud)
    result = await open_inverters(hass, entry)
    typed = "QMN000SIM0000001\nSIM0000001"
    for _ in range(2):
        result = await submit(hass, result, serial_numbers=typed)
        assert result["errors"] == {"serial_numbers": "datalogger_serial"}
        assert shown_values(result)["serials"] == "QMN000SIM0000001"
        assert entered(result) == {"serial_numbers": typed}
    assert not inverters(entry)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "waiting"
    assert cloud.bound == [("7", "1", "SIM0000001")]


@pytest.mark.usefixtures("simulated_time")
async def test_plants_that_can_only_be_chosen(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND, Capability.PLANTS}))
    entry = await add_fake_account(hass, monkeypatch, cloud)
    result = await open_inverters(hass, entry)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_plants"

    cloud.plants = (Plant(id="1", name=""), Plant(id="2", name="Two"))
    # While they cannot be listed, there is nothing to choose from.
    cloud.fail("plants", RejectedError("rate_limited"))
    result = await open_inverters(hass, entry)
    assert result["errors"] == {"base": "rate_limited"}
    assert list(result["data_schema"].schema) == ["serial_numbers", "photo"]
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["errors"] == {"plant_id": "plant_needed"}
    assert plant_options(result) == {"1": "ID 1", "2": "Two"}
    result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="1")
    assert cloud.bound == [("7", "1", "SIM0000001")]


@pytest.mark.parametrize(
    ("err", "words"),
    [
        (RejectedError("no_text_for_this"), "no_text_for_this"),
        (
            RejectedError("rejected", placeholders={"code": "7", "message": "because of the moon"}),
            "report the code of the answer. (because of the moon)",
        ),
        (RejectedError("rejected"), "report the code of the answer."),
    ],
)
async def test_a_refusal_without_a_text_is_told_as_the_cloud_says_it(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    err: RejectedError,
    words: str,
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND, Capability.PLANTS}))
    cloud.plants = (Plant(id=RESIDENT_ID, name="One"),)
    entry = await add_fake_account(hass, monkeypatch, cloud)
    cloud.fail("bind", err)
    result = await open_inverters(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    told = shown_values(result)["results"]
    assert f"{words} [A repair" in told
    assert told.endswith("](/config/repairs)")


# Readable for forty numbers as for one


async def test_forty_numbers_are_told_by_what_became_of_them(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    serials = [f"SIM{number:07}" for number in range(40)]
    for serial in serials:
        cloud.growatt.add_device(serial, online=serial in serials[30:])
    for serial in serials[:20]:
        cloud.faults.add(BIND, kind="code", code=10004, match={"sn": serial})
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="\n".join(serials))
    assert result["reason"] == "waiting"
    refused, associated, accepted = shown_values(result)["results"].split("\n")
    assert [serial in refused for serial in serials] == [True] * 20 + [False] * 20
    # The reason is told once for all of them, and each leads to its device.
    assert refused.count("The cloud does not recognize this plant") == 1
    assert refused.count("](/config/devices/device/") == 20
    assert refused.count("](/config/repairs)") == 1
    assert associated == f"- **In the cloud:** {', '.join(serials[30:])}"
    assert accepted == f"- **Waiting for the inverter:** {', '.join(serials[20:30])}"


async def test_what_has_no_device_yet_is_only_named(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    refused = Binding("SIM_-00001", RESIDENT_PLANT, 0, state=BindingState.REJECTED)
    told = await async_results(hass, entry, [refused], lambda _: None)
    assert as_read({"": told})[""].startswith("- **Refused:** SIM_-00001. ")
