"""The inverter dialog: the plant, the serial numbers, what became of them."""

import asyncio
from typing import Any
from unittest.mock import Mock

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.growatt_onboarding.cloud.errors import AccessDeniedError, RejectedError
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Plant
from custom_components.growatt_onboarding.cloud.provider import Capability, Field
from custom_components.growatt_onboarding.const import SUBENTRY_INVERTER
from simulator import END_USER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    add_account,
    add_fake_account,
    close,
    follow,
    full_disk,
    open_inverters,
    send,
    shown_values,
    submit,
    suggested,
    track,
    until,
)
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
    assert result["step_id"] == "plant"
    result = await submit(hass, result, plant_id=RESIDENT_PLANT)
    assert result["step_id"] == "serial_numbers"
    return result


def inverters(entry: ConfigEntry) -> dict[str, dict[str, Any]]:
    """Return the inverters of an account by serial number."""
    return {
        str(subentry.unique_id): dict(subentry.data)
        for subentry in entry.get_subentries_of_type(SUBENTRY_INVERTER)
    }


# The plant


async def test_choose_a_plant_and_add_inverters(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001", online=True)
    cloud.growatt.add_device("SIM0000002")
    result = await open_inverters(hass, entry)
    assert result["step_id"] == "plant"
    assert result["description_placeholders"]["account"] == RESIDENT
    options = result["data_schema"].schema["plant_id"].config["options"]
    assert options == [
        {"value": RESIDENT_PLANT, "label": "Sim Home"},
        {"value": "new_plant", "label": "new_plant"},
    ]
    result = await submit(hass, result, plant_id=RESIDENT_PLANT)
    assert result["description_placeholders"]["plant"] == "Sim Home"

    result = await submit(hass, result, serial_numbers=" sim0000001\n\nSIM 0000 002 ;")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "inverters_added"
    assert shown_values(result) == {
        "account": RESIDENT,
        "results": "- **Waiting for the inverter:** SIM0000001, SIM0000002",
    }
    assert inverters(entry) == {
        "SIM0000001": {"serial_number": "SIM0000001", "plant_id": RESIDENT_PLANT},
        "SIM0000002": {"serial_number": "SIM0000002", "plant_id": RESIDENT_PLANT},
    }
    assert [call.params["sn"] for call in cloud.calls.of(BIND)] == ["SIM0000001", "SIM0000002"]


async def test_plants_of_the_same_name_are_told_apart(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    twin = str(cloud.growatt.add_plant(int(RESIDENT_ID), " sim  home").plant_id)
    nameless = str(cloud.growatt.add_plant(int(RESIDENT_ID), " ").plant_id)
    garage = str(cloud.growatt.add_plant(int(RESIDENT_ID), "Garage").plant_id)
    result = await open_inverters(hass, entry)
    options = result["data_schema"].schema["plant_id"].config["options"]
    labels = {option["value"]: option["label"] for option in options}
    assert labels == {
        RESIDENT_PLANT: f"Sim Home ({RESIDENT_PLANT})",
        twin: f"sim home ({twin})",
        nameless: nameless,
        garage: "Garage",
        "new_plant": "new_plant",
    }
    result = await submit(hass, result, plant_id=twin)
    assert shown_values(result)["plant"] == f"sim home ({twin})"


@pytest.mark.parametrize(
    ("time_zone", "hours"),
    # Summer is now in one of the last two: a plant's zone is the same the whole year.
    [("Asia/Kolkata", 5.5), ("Europe/Amsterdam", 1), ("Australia/Sydney", 10)],
)
async def test_create_the_first_plant(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, time_zone: str, hours: float
) -> None:
    hass.config.country = "NL"
    hass.config.currency = "EUR"
    await hass.config.async_set_time_zone(time_zone)
    result = await open_inverters(hass, without_plants)
    assert result["step_id"] == "create_plant"
    assert suggested(result) == {"name": hass.config.location_name}

    result = await submit(hass, result, name=" Roof ", peak_power=4.2)
    assert result["step_id"] == "serial_numbers"
    assert result["description_placeholders"]["plant"] == "Roof"
    (plant,) = [plant for plant in cloud.growatt.plants.values() if plant.name == "Roof"]
    assert str(plant.user_id) == without_plants.data["account_id"]
    assert plant.peak_power == 4.2
    assert (plant.country, plant.currency, plant.time_zone) == ("Netherlands", "EUR", hours)


async def test_create_another_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_inverters(hass, entry)
    result = await submit(hass, result, plant_id="new_plant")
    assert result["step_id"] == "create_plant"

    typed = {"name": "Sim Home", "peak_power": 3.0}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"name": "plant_name_taken"}
    assert suggested(result) == typed
    result = await submit(hass, result, name="Shed", peak_power=0)
    assert result["errors"] == {"peak_power": "required"}
    typed = {"name": "  ", "peak_power": 3.0}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"name": "plant_name_empty"}
    assert suggested(result) == typed
    assert len(cloud.calls.of(ADD_PLANT)) == 1

    result = await submit(hass, result, name="Shed", peak_power=3.0)
    assert result["step_id"] == "serial_numbers"


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
    cloud.faults.add(ADD_PLANT, kind="code", code=code)
    result = await open_inverters(hass, without_plants)
    typed = {"name": "Roof", "peak_power": 4.2}
    result = await submit(hass, result, **typed)
    assert result["errors"] == errors
    assert suggested(result) == typed
    result = await submit(hass, result, **typed)
    assert result["step_id"] == "serial_numbers"


@pytest.mark.parametrize("fault", ["cut_after", "data_empty", "code_after"])
async def test_a_lost_answer_to_creating_a_plant_is_settled_by_a_look(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, fault: str
) -> None:
    cloud.faults.add(ADD_PLANT, kind=fault)
    result = await open_inverters(hass, without_plants)
    result = await submit(hass, result, name="Roof", peak_power=4.2)
    assert result["step_id"] == "serial_numbers"
    assert result["description_placeholders"]["plant"] == "Roof"
    assert len(cloud.calls.of(ADD_PLANT)) == 1


async def test_a_plant_is_known_when_its_dialog_was_closed_meanwhile(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_inverters(hass, entry)
    result = await submit(hass, result, plant_id="new_plant")
    cloud.faults.add(ADD_PLANT, kind="hold")
    step = hass.async_create_task(submit(hass, result, name="Roof", peak_power=4.2))
    await cloud.faults.wait_held()
    # As Home Assistant does when the browser goes away.
    step.cancel()
    cloud.faults.release()
    await until(lambda: len(cloud.calls.of(ADD_PLANT)) == 1)
    await hass.async_block_till_done()
    # The list itself may not be asked again so soon.
    cloud.faults.add(PLANTS, kind="code", code=10012)
    result = await open_inverters(hass, entry)
    (options,) = (
        field.config["options"] for field in result["data_schema"].schema.values() if field
    )
    assert "Roof" in [option["label"] for option in options]


@pytest.mark.parametrize(
    ("fault", "look"), [("cut", "pass"), ("cut", "http_500"), ("code", "http_500")]
)
async def test_a_lost_answer_that_no_look_settles(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, fault: str, look: str
) -> None:
    result = await open_inverters(hass, without_plants)
    cloud.faults.add(ADD_PLANT, kind=fault)
    cloud.faults.add(PLANTS, kind=look)
    typed = {"name": "Roof", "peak_power": 4.2}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"base": "plant_outcome_unknown"}
    assert result["description_placeholders"]["name"] == "Roof"
    assert suggested(result) == typed
    assert len(cloud.calls.of(ADD_PLANT)) == 1


@pytest.mark.parametrize("seconds", [25, 800])
async def test_a_plant_that_comes_late_is_not_sent_twice(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry, seconds: float
) -> None:
    """Until no server still works on the request, whoever submits again has us look."""
    result = await open_inverters(hass, without_plants)
    cloud.faults.add(ADD_PLANT, kind="late", seconds=seconds)
    typed = {"name": "Roof", "peak_power": 4.2}
    for _ in range(2):
        result = await submit(hass, result, **typed)
        assert result["errors"] == {"base": "plant_outcome_unknown"}
    await asyncio.sleep(seconds)
    result = await submit(hass, result, **typed)
    assert result["step_id"] == "serial_numbers"
    assert len(cloud.calls.of(ADD_PLANT)) == 1


async def test_a_plant_that_never_came_is_sent_again(
    hass: HomeAssistant, cloud: Simulator, without_plants: ConfigEntry
) -> None:
    result = await open_inverters(hass, without_plants)
    cloud.faults.add(ADD_PLANT, kind="cut", times=2)
    typed = {"name": "Roof", "peak_power": 4.2}
    for sent in (1, 2):
        result = await submit(hass, result, **typed)
        assert result["errors"] == {"base": "plant_outcome_unknown"}
        assert len(cloud.calls.of(ADD_PLANT)) == sent
        await asyncio.sleep(905)
    result = await submit(hass, result, **typed)
    assert result["step_id"] == "serial_numbers"
    assert len(cloud.calls.of(ADD_PLANT)) == 3


@pytest.mark.parametrize(
    ("fault", "key"),
    [({"kind": "code", "code": 10001}, "system_error"), ({"kind": "cut"}, "no_answer")],
)
async def test_plants_that_cannot_be_listed_are_asked_for_again(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, fault: dict[str, Any], key: str
) -> None:
    cloud.faults.add(PLANTS, **fault)
    result = await open_inverters(hass, entry)
    assert result["step_id"] == "plant"
    assert result["errors"] == {"base": key}
    assert result["data_schema"].schema == {}
    result = await submit(hass, result)
    assert result["step_id"] == "plant"
    assert not result["errors"]
    result = await submit(hass, result, plant_id=RESIDENT_PLANT)
    assert result["step_id"] == "serial_numbers"


@pytest.mark.parametrize("step", ["plant", "create_plant"])
async def test_credentials_that_are_valid_no_more_lead_to_signing_in(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, step: str
) -> None:
    """Nothing else may find it out for days: nothing is asked while nothing is pending."""
    if step == "plant":
        cloud.faults.add(PLANTS, kind="code", code=10011)
        result = await open_inverters(hass, entry)
    else:
        result = await open_inverters(hass, entry)
        result = await submit(hass, result, plant_id="new_plant")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(GrowattClient, "create_plant", Mock(side_effect=AccessDeniedError))
            result = await submit(hass, result, name="Roof", peak_power=5)
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
    assert (await open_inverters(hass, entry))["step_id"] == "plant"


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
        ("HERE000001, SIM0000001", ("already_tracked", "HERE000001")),
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
        assert suggested(result) == {"serial_numbers": typed}
    assert set(inverters(entry)) == {"HERE000001"}

    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "inverters_added"
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
        assert suggested(result) == {"serial_numbers": typed}
    assert not cloud.calls.of(KIND)
    assert not inverters(entry)

    # Unchanged, it is meant: the cloud has the last word.
    result = await submit(hass, result, serial_numbers=typed)
    assert result["reason"] == "inverters_added"
    assert set(inverters(entry)) == {"SIM0001", "SIM0000001"}


async def test_a_hundred_serial_numbers_at_once_are_the_most(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_serials(hass, entry)
    many = "\n".join(f"SIM{number:07}" for number in range(101))
    result = await submit(hass, result, serial_numbers=many)
    assert result["errors"] == {"serial_numbers": "serials_too_many"}
    assert result["description_placeholders"]["count"] == "101"
    assert result["description_placeholders"]["most"] == "100"
    assert suggested(result) == {"serial_numbers": many}
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
    assert result["reason"] == "inverters_added"
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
    assert result["reason"] == "inverters_added"
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
    assert loop.time() - began < 20
    assert result["reason"] == "inverters_added"
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
    assert suggested(result) == {"serial_numbers": "SIM0000001"}
    assert not inverters(entry)
    assert not cloud.calls.of(BIND)

    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "inverters_added"
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
    accepted, refused = shown_values(result)["results"].split("\n")
    assert accepted == "- **Waiting for the inverter:** SIM0000002"
    assert refused.startswith("- **Refused:** SIM0000001. ")
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
    associated, conflict = result["description_placeholders"]["results"].split("\n")
    assert associated == "- **In the cloud:** SIM0000001"
    assert conflict.startswith(
        "- **Held by another account:** SIM0000002. The device is in another plant"
    )


async def test_the_end_says_what_has_no_answer_yet(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="code", code=10010)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["description_placeholders"]["results"] == "- **Not sent yet:** SIM0000001"
    assert set(inverters(entry)) == {"SIM0000001"}


async def test_the_dialog_shows_progress_and_can_be_closed(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="hold")
    result = await send(hass, await open_serials(hass, entry), serial_numbers="SIM0000001")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "binding"
    assert result["description_placeholders"] == {"count": "1"}
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
    assert result["reason"] == "inverters_added"
    there = meanwhile == "reloaded"
    assert ("SIM0000001" in str(result["description_placeholders"])) is there
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
    assert result["reason"] == "inverters_added"
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


@pytest.mark.parametrize("step", ["plant", "serial_numbers"])
async def test_an_account_that_is_unloaded_meanwhile(
    hass: HomeAssistant, entry: ConfigEntry, step: str
) -> None:
    result = await open_inverters(hass, entry)
    answers: dict[str, Any] = {"plant_id": RESIDENT_PLANT}
    if step == "serial_numbers":
        result = await submit(hass, result, **answers)
        answers = {"serial_numbers": "SIM0000001"}
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, result, **answers)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert not inverters(entry)


@pytest.mark.parametrize("step", ["plant", "serial_numbers", "binding"])
async def test_an_account_that_is_removed_meanwhile(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, step: str
) -> None:
    result = await open_inverters(hass, entry)
    answers: dict[str, Any] = {"plant_id": RESIDENT_PLANT}
    if step != "plant":
        result = await submit(hass, result, **answers)
        answers = {"serial_numbers": "SIM0000001"}
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


async def test_an_id_that_is_typed_instead_of_a_plant(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND}))
    typed = Field(name="plant_of_the_test")
    entry = await add_fake_account(hass, monkeypatch, cloud, plant_id_field=typed)
    result = await open_inverters(hass, entry)
    assert result["step_id"] == "place"
    assert list(result["data_schema"].schema) == ["plant_of_the_test"]
    result = await submit(hass, result, plant_of_the_test="  ")
    assert result["errors"] == {"plant_of_the_test": "required"}
    result = await submit(hass, result, plant_of_the_test=" p11aaa ")
    assert result["step_id"] == "serial_numbers"
    assert result["description_placeholders"]["plant"] == "p11aaa"
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "inverters_added"
    assert cloud.bound == [("7", "p11aaa", "SIM0000001")]


async def test_a_cloud_without_plants_and_without_a_field_for_one(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND}))
    entry = await add_fake_account(hass, monkeypatch, cloud)
    result = await open_inverters(hass, entry)
    assert result["reason"] == "cannot_bind"


async def test_where_no_dataloggers_are_taken_their_numbers_are_refused(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    capabilities = {Capability.BIND, Capability.PLANTS, Capability.CHECK_SERIAL}
    cloud = FakeCloud(capabilities=frozenset(capabilities), plants=(Plant(id="1", name="One"),))
    cloud.kinds["QMN000SIM0000001"] = DeviceKind.DATALOGGER
    entry = await add_fake_account(hass, monkeypatch, cloud)
    result = await submit(hass, await open_inverters(hass, entry), plant_id="1")
    typed = "QMN000SIM0000001\nSIM0000001"
    for _ in range(2):
        result = await submit(hass, result, serial_numbers=typed)
        assert result["errors"] == {"serial_numbers": "datalogger_serial"}
        assert shown_values(result)["serials"] == "QMN000SIM0000001"
        assert suggested(result) == {"serial_numbers": typed}
    assert not inverters(entry)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    assert result["reason"] == "inverters_added"
    assert cloud.bound == [("7", "1", "SIM0000001")]


async def test_plants_that_can_only_be_chosen(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND, Capability.PLANTS}))
    entry = await add_fake_account(hass, monkeypatch, cloud)
    result = await open_inverters(hass, entry)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_plants"

    cloud.plants = (Plant(id="1", name=""), Plant(id="2", name="Two"))
    result = await open_inverters(hass, entry)
    options = result["data_schema"].schema["plant_id"].config["options"]
    assert options == [{"value": "1", "label": "1"}, {"value": "2", "label": "Two"}]
    result = await submit(hass, result, plant_id="1")
    assert result["description_placeholders"]["plant"] == "1"


@pytest.mark.parametrize(
    ("err", "words"),
    [
        (RejectedError("no_text_for_this"), "no_text_for_this"),
        (
            RejectedError("rejected", placeholders={"code": "7", "message": "because of the moon"}),
            "because of the moon",
        ),
        (RejectedError("rejected"), "rejected"),
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
    result = await submit(hass, await open_inverters(hass, entry), plant_id=RESIDENT_ID)
    result = await submit(hass, result, serial_numbers="SIM0000001")
    told = result["description_placeholders"]["results"]
    assert told == f"- **Refused:** SIM0000001. {words}"
