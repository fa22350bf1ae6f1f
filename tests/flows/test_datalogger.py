"""The datalogger dialog: what its label says, what became of it, and the ways to and from it."""

import json
from typing import Any
from unittest.mock import AsyncMock

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Location
from custom_components.growatt_onboarding.const import (
    DOMAIN,
    SUBENTRY_DATALOGGER,
    SUBENTRY_INVERTER,
)
from custom_components.growatt_onboarding.diagnostics import async_get_config_entry_diagnostics
from custom_components.growatt_onboarding.flows.datalogger import async_open_datalogger
from simulator import END_USER_TOKEN, Simulator
from simulator.growatt.model import Datalogger
from tests.common import (
    HANGS,
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    Fault,
    Result,
    add_account,
    close,
    code,
    entered,
    full_disk,
    kind,
    open_at,
    open_inverters,
    plant_options,
    send,
    shown_values,
    submit,
    suggested,
    until,
)
from tests.secrets_watch import Watch

STICK = "QMN000SIM0000001"
OTHER_STICK = "QMN000SIM0000009"
SN = "SIM0000001"
CODE = "5A1MC"

ADD = "device/datalogger/add"
VALIDATE = "device/datalogger/validate"
BIND = "device/sn/add"
KIND = "device/check/sn"
PLANTS = "plant/list"

# What stands in the form before anybody types.
UNTOUCHED = {"have": "label", "plant_id": RESIDENT_PLANT}

UNCHECKED = "The cloud could not check the check code"


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, who has one plant."""
    return await add_account(hass, cloud, token=END_USER_TOKEN)


@pytest.fixture
def stick(cloud: Simulator) -> Datalogger:
    """Return a datalogger that nobody has added, with an inverter behind it."""
    return cloud.growatt.add_datalogger(STICK, check_code=CODE, devices=[SN])


@pytest.fixture
def garage(cloud: Simulator) -> str:
    """Return another plant of the resident."""
    return str(cloud.growatt.add_plant(int(RESIDENT_ID), "Garage").plant_id)


async def track_stick(entry: ConfigEntry, serial: str) -> None:
    """Have an account track a datalogger, and wait until the cloud has answered."""
    coordinator = entry.runtime_data.coordinator
    await coordinator.async_track([serial], RESIDENT_PLANT, DeviceKind.DATALOGGER)
    await coordinator.async_wait_for_answers([serial], HANGS)


async def open_dialog(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the datalogger dialog."""
    return await async_open_datalogger(hass, entry)


async def open_label(hass: HomeAssistant, entry: ConfigEntry, *, photo: bool = True) -> Result:
    """Open the datalogger dialog, which asks for the label and offers the resident's plant."""
    result = await open_dialog(hass, entry)
    assert result["step_id"] == "datalogger"
    of_label = ["serial_number", "check_code", *(["photo"] if photo else [])]
    assert list(result["data_schema"].schema) == ["have", *of_label, "plant_id"]
    assert suggested(result).items() <= UNTOUCHED.items()
    return result


async def open_serials(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the inverter dialog, which asks for the serial numbers."""
    return await open_inverters(hass, entry)


async def reopen(hass: HomeAssistant, result: Result) -> Result:
    """Look at a dialog again, as the front end does that is led to it or loaded anew."""
    return await hass.config_entries.subentries.async_configure(result["flow_id"])


def tracked(entry: ConfigEntry) -> dict[str, str]:
    """Return the kinds of the devices of an account by serial number."""
    return {str(sub.unique_id): sub.subentry_type for sub in entry.subentries.values()}


def sent(cloud: Simulator) -> list[str]:
    """Return the dataloggers that the cloud was asked to add."""
    return [call.params["sn"] for call in cloud.calls.of(ADD)]


def lines(result: Result) -> list[str]:
    """Return what a dialog says in the end, line by line."""
    assert result["type"] is FlowResultType.ABORT
    return shown_values(result)["results"].split("\n")


# What the label says


@pytest.mark.parametrize("check_code", [CODE, None])
async def test_add_a_datalogger(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    stick: Datalogger,
    check_code: str | None,
) -> None:
    result = await open_label(hass, entry)
    values = shown_values(result)
    assert values.pop("drawing")
    assert values == {"account": RESIDENT, "photo": ""}
    typed = {"serial_number": f" SN: {STICK.lower()} "}
    if check_code is not None:
        typed["check_code"] = f" {check_code} "
    result = await submit(hass, result, **typed)
    assert result["reason"] == "datalogger_submitted"
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert result["description_placeholders"]["account"] == RESIDENT
    (subentry,) = entry.get_subentries_of_type(SUBENTRY_DATALOGGER)
    assert subentry.data == {"serial_number": STICK, "plant_id": RESIDENT_PLANT}
    assert subentry.unique_id == subentry.title == STICK
    (asked,) = cloud.calls.of(ADD)
    expected = {"plant_id": RESIDENT_PLANT, "sn": STICK, "c_user_id": RESIDENT_ID}
    assert asked.params == expected
    compared = [call.params["datalogSn"] for call in cloud.calls.of(VALIDATE)]
    assert compared == ([STICK] if check_code else [])

    # It brings its inverter by itself.
    cloud.growatt.bring_datalogger_online(STICK)
    cloud.growatt.bring_online(SN)
    entry.runtime_data.coordinator.async_check([STICK])
    await until(lambda: tracked(entry) == {STICK: "datalogger", SN: "inverter"})
    assert entry.runtime_data.coordinator.data[SN].state == "associated"
    assert not cloud.calls.of(BIND)


@pytest.mark.usefixtures("stick")
async def test_a_check_code_is_seen_nowhere_but_in_its_request(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    hass_storage: dict[str, Any],
    secrets: Watch,
) -> None:
    """The watch over every test looks at logs, states, repairs, errors and addresses."""
    secrets.keep(CODE, "WR0NG")
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, check_code="WR0NG")
    assert result["errors"] == {"check_code": "check_code_wrong"}
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert result["reason"] == "datalogger_submitted"
    await hass.async_block_till_done()
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    for shown in (hass_storage, diagnostics, entry.as_dict(), result):
        text = json.dumps(shown, default=repr)
        assert CODE not in text
        assert "WR0NG" not in text
    # The simulator takes it in the body only.
    assert len(cloud.calls.of(VALIDATE)) == 2


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", ("serials_empty", "")),
        ("AB", ("serial_invalid", "AB")),
        (f"{STICK}, {OTHER_STICK}", ("serials_too_many", "")),
        ("QMN000SIM0000002", ("already_tracked", "QMN000SIM0000002 (sim-resident)")),
        (SN, ("only_inverter", SN)),
    ],
)
@pytest.mark.usefixtures("stick")
async def test_bad_numbers_stand_at_their_field(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, typed: str, told: tuple[str, str]
) -> None:
    cloud.growatt.add_datalogger("QMN000SIM0000002")
    await track_stick(entry, "QMN000SIM0000002")
    cloud.calls.clear()
    result = await open_label(hass, entry)
    for _ in range(2):
        result = await submit(hass, result, serial_number=typed, check_code=CODE)
        assert result["step_id"] == "datalogger"
        assert result["errors"] == {"serial_number": told[0]}
        assert shown_values(result)["serials"] == told[1]
        assert entered(result) == {"serial_number": typed, "check_code": CODE}
    # What the cloud said once it is not asked again, and a code only after that.
    assert len(cloud.calls.of(KIND)) == (told[0] == "only_inverter")
    assert not cloud.calls.of(VALIDATE)
    assert not sent(cloud)

    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert sent(cloud) == [STICK]


@pytest.mark.parametrize(
    ("label", "errors"),
    [
        ((STICK, "WR0NG"), {"check_code": "check_code_wrong"}),
        ((OTHER_STICK, CODE), {"check_code": "check_code_wrong"}),
        (("QMN0", CODE), {"serial_number": "serial_short"}),
        ((STICK, "5A1\a"), {"check_code": "invalid_characters"}),
        ((STICK, "5" * 5_000), {"check_code": "too_long"}),
    ],
)
@pytest.mark.usefixtures("stick")
async def test_what_does_not_belong_together_is_told_at_its_field(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    label: tuple[str, str],
    errors: dict[str, str],
) -> None:
    typed = dict(zip(("serial_number", "check_code"), label, strict=True))
    result = await submit(hass, await open_label(hass, entry), **typed)
    assert result["errors"] == errors
    assert entered(result) == typed
    assert not tracked(entry)
    assert not sent(cloud)

    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert sent(cloud) == [STICK]


async def test_a_short_number_is_asked_about_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await submit(hass, await open_label(hass, entry), serial_number="QMN 0")
    assert result["errors"] == {"serial_number": "serial_short"}
    assert shown_values(result)["serials"] == "QMN0"
    assert suggested(result)["serial_number"] == "QMN 0"
    # Unchanged, it is meant: the cloud has the last word.
    result = await submit(hass, result, serial_number="QMN 0", check_code=CODE)
    assert result["errors"] == {"serial_number": "serial_rejected"}
    assert not sent(cloud)
    cloud.growatt.add_datalogger("QMN0")
    result = await submit(hass, result, serial_number="QMN 0")
    assert lines(result) == ["- **Waiting for the datalogger:** QMN0"]


@pytest.mark.parametrize("holder", [RESIDENT, "bob", "stranger"])
async def test_one_that_somebody_else_has_is_not_sent(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger, holder: str
) -> None:
    user = cloud.growatt.user_named(holder) or cloud.growatt.add_user(holder, f"{holder}@a.example")
    plant_id = cloud.growatt.add_plant(user.user_id, "Garage").plant_id
    key, values = "held_by_account", {"holder": f"ID {plant_id}", "owner": f"ID {user.user_id}"}
    if holder == "bob":
        await add_account(hass, cloud, account_id=str(user.user_id), name="Bob")
        values["owner"] = "Bob"
    elif holder == RESIDENT:
        key, values = "held_in_plant", {"holder": "Garage"}
    cloud.growatt.accept_datalogger(stick, cloud.growatt.plants[plant_id])
    typed = {"serial_number": STICK, "check_code": CODE}
    chosen = {"plant_id": RESIDENT_PLANT}
    result = await submit(hass, await open_label(hass, entry), **typed, **chosen)
    assert result["errors"] == {"serial_number": key}
    assert values.items() <= shown_values(result).items()
    assert entered(result) == typed
    assert not tracked(entry)
    assert not sent(cloud)

    cloud.growatt.delete_datalogger(stick)
    result = await submit(hass, result, **typed, **chosen)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert sent(cloud) == [STICK]


async def test_an_owner_without_a_plant_is_somebody_else(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    typed = {"serial_number": STICK, "check_code": CODE}
    result = await open_label(hass, entry)
    with pytest.MonkeyPatch.context() as patched:
        holder = AsyncMock(return_value=Location(plant_id=None, owner_id="99"))
        patched.setattr(GrowattClient, "validate_datalogger", holder)
        result = await submit(hass, result, **typed)
    assert result["errors"] == {"serial_number": "held_elsewhere"}
    assert not sent(cloud)
    result = await submit(hass, result, **typed)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]


async def test_one_that_is_ours_already_goes_on(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    cloud.growatt.accept_datalogger(stick, cloud.growatt.plants[int(RESIDENT_PLANT)])
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert lines(result) == [f"- **In the cloud:** {STICK}"]
    assert len(cloud.calls.of(VALIDATE)) == 1


async def test_a_holder_that_is_not_named_is_left_to_the_answer(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    """It may be this very plant."""
    cloud.faults.add(VALIDATE, **code(10003))
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]


@pytest.mark.parametrize(
    "fault",
    [
        code(10012),
        code(10011),
        code(31337),
        kind("firewall"),
        kind("http_500"),
        kind("cut"),
        kind("slow", seconds=19),
    ],
    ids=str,
)
async def test_a_check_code_that_cannot_be_checked_stops_nobody(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger, fault: Fault
) -> None:
    cloud.faults.add(VALIDATE, **fault)
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, check_code="WR0NG")
    (line,) = lines(result)
    assert line.startswith(f"- **Waiting for the datalogger:** {STICK}. {UNCHECKED}")
    assert tracked(entry) == {STICK: "datalogger"}
    assert sent(cloud) == [STICK]


async def test_a_check_code_that_could_be_checked_the_second_time(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    cloud.faults.add(VALIDATE, kind="firewall")
    typed = {"serial_number": STICK, "check_code": CODE}
    result = await open_label(hass, entry)
    with full_disk():
        result = await submit(hass, result, **typed)
    assert result["errors"] == {"base": "not_stored"}
    assert entered(result) == typed
    assert not tracked(entry)
    assert not sent(cloud)

    result = await submit(hass, result, **typed)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert sent(cloud) == [STICK]


async def test_what_the_cloud_refuses_is_told_whether_or_not_its_code_was_checked(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    cloud.faults.add(VALIDATE, kind="firewall")
    cloud.faults.add(ADD, **code(10002))
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    (line,) = lines(result)
    assert line.startswith(f"- **Refused:** [{STICK}](/config/devices/device/")
    assert "The cloud does not accept" in line
    assert UNCHECKED not in line


async def test_one_added_elsewhere_while_the_cloud_was_asked(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    cloud.faults.add(VALIDATE, kind="hold")
    result = await open_label(hass, entry)
    step = send(hass, result, serial_number=STICK, check_code=CODE)
    task = hass.async_create_task(step)
    await cloud.faults.wait_held()
    await track_stick(entry, STICK)
    cloud.faults.release()
    result = await task
    assert result["errors"] == {"serial_number": "already_tracked"}


# Where it begins


async def test_a_new_account_leads_to_the_datalogger_first(
    hass: HomeAssistant, cloud: Simulator, stick: Datalogger
) -> None:
    """From adding the integration to waiting, an owner with one plant has this form only."""
    result = await open_at(hass, cloud, "link", END_USER_TOKEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    _, flow_id = result["next_flow"]
    result = await hass.config_entries.subentries.async_configure(flow_id)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "datalogger")
    assert suggested(result) == UNTOUCHED
    result = await submit(hass, result, serial_number=STICK)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]


async def test_whoever_has_only_the_inverters_number_goes_on_with_it(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger, garage: str
) -> None:
    result = await open_dialog(hass, entry)
    assert result["data_schema"].schema["have"].config["options"] == ["label", "only_inverter"]
    # Nothing else is needed there, and nothing that was typed is lost.
    typed = {"serial_number": SN, "plant_id": garage}
    result = await submit(hass, result, have="only_inverter", **typed)
    assert (result["step_id"], result["errors"]) == ("serial_numbers", {})
    assert suggested(result) == {"serial_numbers": SN, "plant_id": garage}
    result = await submit(hass, result, serial_numbers=SN, plant_id=garage)
    assert result["reason"] == "waiting"
    assert lines(result) == [f"- **Waiting for the inverter:** {SN}"]
    assert tracked(entry) == {SN: "inverter"}
    assert len(cloud.calls.of(PLANTS)) == 1


async def test_an_inverters_number_in_the_first_form_is_no_dead_end(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    result = await submit(hass, await open_label(hass, entry), serial_number=SN, check_code=CODE)
    assert result["errors"] == {"serial_number": "only_inverter"}
    assert suggested(result) == {
        "have": "only_inverter",
        "serial_number": SN,
        "check_code": CODE,
        "plant_id": RESIDENT_PLANT,
    }
    result = await submit(hass, result, **suggested(result))
    assert result["step_id"] == "serial_numbers"
    result = await submit(hass, result, **suggested(result))
    assert lines(result) == [f"- **Waiting for the inverter:** {SN}"]
    # The cloud is asked once what it is.
    assert len(cloud.calls.of(KIND)) == 1


@pytest.mark.parametrize("known", ["by_name", "by_id"])
@pytest.mark.usefixtures("stick")
async def test_what_is_given_is_not_asked_for(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, garage: str, known: str
) -> None:
    if known == "by_name":
        close(hass, await open_dialog(hass, entry))
    cloud.calls.clear()
    result = await async_open_datalogger(hass, entry, plant_id=garage, serial=STICK)
    assert result["step_id"] == "datalogger"
    assert suggested(result) == {"serial_number": STICK, "plant_id": garage}
    # By its name where that is known, without asking.
    assert plant_options(result) == {garage: "Garage" if known == "by_name" else f"ID {garage}"}
    assert not cloud.calls.of(PLANTS)
    # Only the stick helps here.
    result = await submit(hass, result, serial_number=SN)
    assert result["errors"] == {"serial_number": "inverter_serial"}
    result = await submit(hass, result, serial_number=STICK)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert cloud.calls.of(ADD)[0].params["plant_id"] == garage


async def test_an_account_without_a_plant_creates_one_in_the_same_form(
    hass: HomeAssistant, cloud: Simulator, stick: Datalogger
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    entry = await add_account(hass, cloud, account_id=str(bob.user_id), name="bob")
    result = await open_dialog(hass, entry)
    assert result["step_id"] == "datalogger"
    assert suggested(result) == {"have": "label", "name": hass.config.location_name}
    typed = {"serial_number": STICK, "check_code": "WR0NG", "name": "Roof", "peak_power": "4.2"}
    result = await submit(hass, result, **typed)
    # The plant is there, whatever is wrong with the label.
    assert result["errors"] == {"check_code": "check_code_wrong"}
    (roof,) = (str(one.plant_id) for one in cloud.growatt.plants.values() if one.name == "Roof")
    assert suggested(result) == {
        "have": "label",
        "serial_number": STICK,
        "check_code": "WR0NG",
        "plant_id": roof,
    }
    result = await submit(hass, result, serial_number=STICK, check_code=CODE, plant_id=roof)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert cloud.calls.of(ADD)[0].params["plant_id"] == roof
    assert len(cloud.calls.of("plant/add")) == 1


async def test_another_plant_goes_on_with_what_was_typed(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, check_code=CODE, plant_id="new_plant")
    assert result["step_id"] == "create_plant"
    result = await submit(hass, result, name="Shed", peak_power="1")
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    shed = max(cloud.growatt.plants)
    assert cloud.calls.of(ADD)[0].params["plant_id"] == str(shed)


async def test_an_account_that_is_not_loaded(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    result = await async_open_datalogger(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")


# Among inverters


async def test_dataloggers_among_inverters_are_added_as_what_they_are(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    cloud.growatt.add_datalogger(OTHER_STICK)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers=f"{STICK}\n{SN}\n{OTHER_STICK}")
    # Nothing of the others is lost, whatever becomes of this dialog.
    assert tracked(entry) == {SN: "inverter"}
    assert result["step_id"] == "found_datalogger"
    assert suggested(result) == {"serial_number": STICK}
    assert shown_values(result)["plant"] == "Sim Home"

    result = await submit(hass, result, serial_number=STICK, check_code="WR0NG")
    assert result["step_id"] == "found_datalogger"
    assert result["errors"] == {"check_code": "check_code_wrong"}
    with full_disk():
        result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert result["errors"] == {"base": "not_stored"}
    assert suggested(result) == {"serial_number": STICK, "check_code": CODE}
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert result["step_id"] == "found_datalogger"
    assert suggested(result) == {"serial_number": OTHER_STICK}
    result = await submit(hass, result, serial_number=OTHER_STICK)
    assert result["reason"] == "datalogger_submitted"
    assert lines(result) == [
        f"- **Waiting for the inverter:** {SN}",
        f"- **Waiting for the datalogger:** {STICK}, {OTHER_STICK}",
    ]
    assert tracked(entry) == {SN: "inverter", STICK: "datalogger", OTHER_STICK: "datalogger"}
    assert sent(cloud) == [STICK, OTHER_STICK]
    assert [call.params["sn"] for call in cloud.calls.of(BIND)] == [SN]


async def test_one_that_was_entered_in_place_of_another_is_not_asked_for_again(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    cloud.growatt.add_datalogger(OTHER_STICK)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers=f"{OTHER_STICK}\n{STICK}")
    assert suggested(result) == {"serial_number": OTHER_STICK}
    result = await submit(hass, result, serial_number=STICK)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]


async def test_a_datalogger_alone_in_the_wrong_dialog(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    result = await open_serials(hass, entry)
    with full_disk():
        result = await submit(hass, result, serial_numbers=f"{STICK} {SN}")
    assert result["errors"] == {"base": "not_stored"}
    result = await submit(hass, result, serial_numbers=STICK)
    assert result["step_id"] == "found_datalogger"
    assert not tracked(entry)
    result = await submit(hass, result, serial_number=STICK)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert tracked(entry) == {STICK: "datalogger"}
    assert not cloud.calls.of(BIND)
    assert len(cloud.calls.of(KIND)) == 2


async def test_what_the_answer_tells_is_added_as_what_it_is(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    """Only the first few numbers are checked before they are sent."""
    serials = [f"SIM000000{number}" for number in range(1, 7)]
    for serial in serials[1:]:
        cloud.growatt.add_device(serial)
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers=" ".join([*serials, STICK]))
    assert result["step_id"] == "found_datalogger"
    assert suggested(result) == {"serial_number": STICK}
    assert entry.runtime_data.coordinator.data[STICK].reason == "datalogger_serial"
    result = await submit(hass, result, serial_number=STICK, check_code="WR0NG")
    assert result["errors"] == {"check_code": "check_code_wrong"}
    with full_disk():
        result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert result["errors"] == {"base": "not_stored"}
    assert tracked(entry) == dict.fromkeys((*serials, STICK), "inverter")
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert result["reason"] == "datalogger_submitted"
    assert lines(result) == [
        f"- **Waiting for the inverter:** {', '.join(serials)}",
        f"- **Waiting for the datalogger:** {STICK}",
    ]
    assert tracked(entry) == {**dict.fromkeys(serials, "inverter"), STICK: "datalogger"}
    assert sent(cloud) == [STICK]


async def test_what_the_answer_tells_is_asked_about_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger, garage: str
) -> None:
    cloud.growatt.add_datalogger(OTHER_STICK)
    cloud.faults.add(KIND, kind="firewall")
    result = await open_serials(hass, entry)
    result = await submit(hass, result, serial_numbers=STICK, plant_id=RESIDENT_PLANT)
    assert result["step_id"] == "found_datalogger"
    # Another one in its place leaves it to its repair.
    result = await submit(hass, result, serial_number=OTHER_STICK)
    refused, accepted = lines(result)
    assert "This number belongs to another kind" in refused
    assert accepted == f"- **Waiting for the datalogger:** {OTHER_STICK}"
    # The datalogger's own dialog takes it too, and its plant.
    result = await open_dialog(hass, entry)
    result = await submit(hass, result, serial_number=STICK, plant_id=garage)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert tracked(entry) == {STICK: "datalogger", OTHER_STICK: "datalogger"}
    assert cloud.calls.of(ADD)[-1].params["plant_id"] == garage


# An inverter whose datalogger the cloud does not know


async def open_lacking(hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry) -> Result:
    """Add an inverter whose datalogger the cloud does not know."""
    cloud.growatt.add_device("SIM0000007", datalogger_sn="")
    cloud.growatt.add_device("SIM0000008")
    result = await open_serials(hass, entry)
    return await submit(hass, result, serial_numbers="SIM0000007 SIM0000008")


async def test_a_missing_datalogger_can_be_added_at_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    result = await open_lacking(hass, cloud, entry)
    for _ in range(2):
        assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "datalogger_missing")
        assert result["menu_options"] == ["datalogger", "end"]
        assert shown_values(result) == {"inverters": "SIM0000007", "plant": "Sim Home"}
        result = await reopen(hass, result)
    result = await submit(hass, result, next_step_id="datalogger")
    assert result["step_id"] == "datalogger"
    result = await submit(hass, result, serial_number=STICK, check_code=CODE)
    assert result["reason"] == "datalogger_submitted"
    refused, accepted, stick = lines(result)
    assert accepted == "- **Waiting for the inverter:** SIM0000008"
    assert stick == f"- **Waiting for the datalogger:** {STICK}"
    assert "The cloud does not know" in refused
    assert "submits the inverter again on its own" in refused

    cloud.growatt.devices["SIM0000007"].datalogger_sn = STICK
    cloud.growatt.bring_datalogger_online(STICK)
    coordinator = entry.runtime_data.coordinator
    coordinator.async_check([STICK])
    await until(lambda: coordinator.data["SIM0000007"].state != "rejected")
    assert sent(cloud) == [STICK]


async def test_a_missing_datalogger_can_wait(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_lacking(hass, cloud, entry)
    result = await submit(hass, result, next_step_id="end")
    assert result["reason"] == "waiting"
    refused, accepted = lines(result)
    assert accepted == "- **Waiting for the inverter:** SIM0000008"
    assert "Add the datalogger to the same plant" in refused


async def test_a_datalogger_that_is_awaited_is_not_asked_for_again(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    result = await submit(hass, await open_label(hass, entry), serial_number=STICK)
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    result = await open_lacking(hass, cloud, entry)
    assert result["reason"] == "waiting"
    assert "submits the inverter again on its own" in lines(result)[0]


async def test_an_inverter_that_the_cloud_does_not_connect_with_its_datalogger_yet(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    """The datalogger is there and has brought its inverter: nobody can add what is missing."""
    cloud.growatt.bring_datalogger_online(STICK)
    cloud.growatt.bring_online(SN)
    result = await submit(hass, await open_label(hass, entry), serial_number=STICK)
    coordinator = entry.runtime_data.coordinator
    await until(lambda: SN in coordinator.data)
    result = await open_lacking(hass, cloud, entry)
    assert result["reason"] == "waiting"
    *_, told = lines(result)
    assert told.startswith("- **Not sent yet:** SIM0000007. The plant has a datalogger")
    assert "submits the inverter up to eight times" in told
    assert coordinator.data["SIM0000007"].state == "queued"


async def test_a_datalogger_that_is_refused_too_ends_the_dialog(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await open_lacking(hass, cloud, entry)
    result = await submit(hass, result, next_step_id="datalogger")
    result = await submit(hass, result, serial_number=STICK)
    # There is nothing to plug in yet.
    assert result["reason"] == "waiting"
    *refused, accepted = lines(result)
    assert accepted == "- **Waiting for the inverter:** SIM0000008"
    assert ["SIM0000007" in refused[0], STICK in refused[1]] == [True, True]
    assert "Add the datalogger to the same plant" in refused[0]


async def test_an_inverter_that_is_submitted_again_leads_there_too(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, stick: Datalogger
) -> None:
    result = await open_lacking(hass, cloud, entry)
    close(hass, result)
    (subentry,) = (
        sub
        for sub in entry.get_subentries_of_type(SUBENTRY_INVERTER)
        if sub.unique_id == "SIM0000007"
    )
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_INVERTER),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )
    result = await submit(hass, result, next_step_id="submit_again")
    result = await submit(hass, result)
    assert result["step_id"] == "datalogger_missing"
    result = await submit(hass, result, next_step_id="datalogger")
    result = await submit(hass, result, serial_number=STICK)
    assert result["reason"] == "datalogger_submitted"
    refused, accepted = lines(result)
    assert accepted == f"- **Waiting for the datalogger:** {STICK}"
    assert refused.startswith("- **Refused:** [SIM0000007](")


# Change one


@pytest.mark.parametrize("option", ["submit_again", "plant"])
@pytest.mark.usefixtures("stick")
async def test_a_datalogger_is_submitted_again(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    garage: str,
    option: str,
) -> None:
    cloud.faults.add(ADD, **code(10004))
    result = await open_label(hass, entry)
    result = await submit(hass, result, serial_number=STICK, plant_id=RESIDENT_PLANT)
    assert result["reason"] == "refused"
    assert lines(result)[0].startswith(f"- **Refused:** [{STICK}](")
    (subentry,) = entry.get_subentries_of_type(SUBENTRY_DATALOGGER)
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DATALOGGER),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "reconfigure")
    assert result["menu_options"] == ["submit_again", "plant"]
    values = {"account": RESIDENT, "serial": STICK, "plant": "Sim Home"}
    assert shown_values(result) == values
    result = await submit(hass, result, next_step_id=option)
    answers = {"plant_id": garage} if option == "plant" else {}
    result = await submit(hass, result, **answers)
    assert result["reason"] == "datalogger_submitted"
    assert lines(result) == [f"- **Waiting for the datalogger:** {STICK}"]
    assert sent(cloud) == [STICK, STICK]
    plant_id = answers.get("plant_id", RESIDENT_PLANT)
    assert cloud.calls.of(ADD)[-1].params["plant_id"] == plant_id
    assert tracked(entry) == {STICK: "datalogger"}


# Clouds that take none


async def test_where_no_dataloggers_are_taken_there_is_no_such_dialog(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    kinds = {SUBENTRY_INVERTER, SUBENTRY_DATALOGGER}
    assert set(entry.supported_subentry_types) == kinds
    assert all(one["supports_reconfigure"] for one in entry.supported_subentry_types.values())
    other = await add_account(
        hass, cloud, provider="quectel", session=None, account_id="7", name="someone"
    )
    assert set(other.supported_subentry_types) == {SUBENTRY_INVERTER}
    of_later_version = MockConfigEntry(domain=DOMAIN, version=99, data=entry.data)
    assert set(of_later_version.supported_subentry_types) == {SUBENTRY_INVERTER}
