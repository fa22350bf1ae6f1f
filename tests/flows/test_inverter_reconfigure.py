"""Submitting one inverter again, also to another plant, from its own page."""

import asyncio
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import area_registry as ar, device_registry as dr
import pytest

from custom_components.growatt_onboarding.cloud.errors import RejectedError
from custom_components.growatt_onboarding.cloud.provider import Capability, Field
from custom_components.growatt_onboarding.const import DOMAIN, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.texts import async_reasons, explanation
from simulator import END_USER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    add_account,
    add_fake_account,
    associate,
    count_setups,
    full_disk,
    open_inverters,
    send,
    submit,
    suggested,
    track,
    until,
)
from tests.fake_provider import FakeCloud

SN, OTHER_SN = "SIM0000001", "SIM0000002"
BIND = "device/sn/add"

type Result = dict[str, Any]


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, who has an inverter that is not online yet."""
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    assert state(entry) == "accepted"
    return entry


@pytest.fixture
def garage(cloud: Simulator) -> str:
    """Return another plant of the resident."""
    return str(cloud.growatt.add_plant(int(RESIDENT_ID), "Garage").plant_id)


def state(entry: ConfigEntry) -> str:
    return str(entry.runtime_data.coordinator.data[SN].state)


async def open_inverter(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the dialog that changes the inverter."""
    (subentry,) = entry.get_subentries_of_type(SUBENTRY_INVERTER)
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_INVERTER),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )


# Submitting again


async def test_submit_again(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    setups = count_setups(monkeypatch)
    result = await open_inverter(hass, entry)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "reconfigure"
    assert result["menu_options"] == ["submit_again", "plant"]
    values = {"account": RESIDENT, "serial": SN}
    assert result["description_placeholders"] == {**values, "plant": f"ID {RESIDENT_PLANT}"}

    result = await submit(hass, result, next_step_id="submit_again")
    assert result["step_id"] == "submit_again"
    assert result["description_placeholders"] == values
    assert len(cloud.calls.of(BIND)) == 1

    result = await submit(hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "waiting"
    assert result["description_placeholders"]["results"] == f"- **Waiting for the inverter:** {SN}"
    assert [call.params["plant_id"] for call in cloud.calls.of(BIND)] == [RESIDENT_PLANT] * 2
    await hass.async_block_till_done()
    assert not setups


async def test_submit_to_another_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, garage: str
) -> None:
    (before,) = entry.get_subentries_of_type(SUBENTRY_INVERTER)
    hass.config_entries.async_update_subentry(entry, before, title="On the roof")
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="plant")
    assert result["step_id"] == "plant"
    # The plant it was submitted to is chosen already.
    assert suggested(result) == {"plant_id": RESIDENT_PLANT}

    result = await submit(hass, result, plant_id=garage)
    assert result["reason"] == "waiting"
    assert result["description_placeholders"]["results"] == f"- **Waiting for the inverter:** {SN}"
    assert [call.params["plant_id"] for call in cloud.calls.of(BIND)] == [RESIDENT_PLANT, garage]
    (after,) = entry.get_subentries_of_type(SUBENTRY_INVERTER)
    assert after.data == {"serial_number": SN, "plant_id": garage}
    assert (after.subentry_id, after.unique_id, after.title) == (
        before.subentry_id,
        SN,
        "On the roof",
    )


async def test_its_area_follows_the_plant(
    hass: HomeAssistant, entry: ConfigEntry, garage: str
) -> None:
    areas, devices = ar.async_get(hass), dr.async_get(hass)

    def device() -> dr.DeviceEntry:
        found = devices.async_get_device_by_identifier((DOMAIN, SN), entry.entry_id)
        assert found is not None
        return found

    # As it is if the plant's name was known when the device was made.
    devices.async_update_device(device().id, area_id=areas.async_create("Sim Home").id)
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="plant")
    result = await submit(hass, result, plant_id=garage)
    assert result["reason"] == "waiting"
    area = areas.async_get_area_by_name("Garage")
    assert area is not None
    assert device().area_id == area.id


async def test_submit_to_a_new_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="plant")
    result = await submit(hass, result, plant_id="new_plant")
    assert result["step_id"] == "create_plant"
    result = await submit(hass, result, name="Shed", peak_power="3")
    assert result["reason"] == "waiting"
    (shed,) = [plant for plant in cloud.growatt.plants.values() if plant.name == "Shed"]
    assert cloud.calls.of(BIND)[-1].params["plant_id"] == str(shed.plant_id)


async def test_a_plant_that_the_account_does_not_have_any_more(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, garage: str
) -> None:
    cloud.growatt.delete_plant(int(RESIDENT_PLANT))
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="plant")
    assert suggested(result) == {"plant_id": garage}


@pytest.mark.usefixtures("simulated_time")
async def test_a_refusal_is_told(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, entry = await add_fake(hass, monkeypatch, plant_id_field=Field(name="product_key"))
    cloud.fail("bind", RejectedError("invalid_product_key"))
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="submit_again")
    result = await submit(hass, result)
    assert result["reason"] == "refused"
    assert f"- **Refused:** [{SN}](" in result["description_placeholders"]["results"]
    assert state(entry) == "rejected"


@pytest.mark.parametrize("option", ["submit_again", "plant"])
async def test_a_full_disk_sends_nothing_and_can_be_tried_again(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, garage: str, option: str
) -> None:
    plant_id = garage if option == "plant" else RESIDENT_PLANT
    answers = {"plant_id": garage} if option == "plant" else {}
    result = await submit(hass, await open_inverter(hass, entry), next_step_id=option)
    with full_disk():
        result = await submit(hass, result, **answers)
        assert result["step_id"] == "submit_again"
        assert result["errors"] == {"base": "not_stored"}
    assert len(cloud.calls.of(BIND)) == 1
    result = await submit(hass, result)
    assert result["reason"] == "waiting"
    assert [call.params["plant_id"] for call in cloud.calls.of(BIND)] == [RESIDENT_PLANT, plant_id]


# Where it makes no sense


async def test_an_inverter_that_is_associated(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="submit_again")
    await associate(cloud, entry, SN)

    # Whether the dialog was open before or not.
    for shown in (await submit(hass, result), await open_inverter(hass, entry)):
        assert shown["type"] is FlowResultType.ABORT
        assert shown["reason"] == "already_associated"
        assert shown["description_placeholders"] == {
            "account": RESIDENT,
            "serial": SN,
            "plant": f"ID {RESIDENT_PLANT}",
        }
    assert len(cloud.calls.of(BIND)) == 1


async def test_an_inverter_that_was_removed_meanwhile(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    result = await submit(hass, await open_inverter(hass, entry), next_step_id="submit_again")
    (subentry,) = entry.get_subentries_of_type(SUBENTRY_INVERTER)
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await until(lambda: SN not in entry.runtime_data.coordinator.data)
    result = await submit(hass, result)
    assert result["reason"] == "not_tracked"
    assert result["description_placeholders"]["serial"] == SN


# Clouds that are not like that


async def add_fake(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, *, plant_id_field: Field | None = None
) -> tuple[FakeCloud, ConfigEntry]:
    """Set up the entry of an account of another provider, with an inverter."""
    cloud = FakeCloud(capabilities=frozenset({Capability.BIND}))
    entry = await add_fake_account(hass, monkeypatch, cloud, plant_id_field=plant_id_field)
    await track(entry, SN, plant_id="p11aaa")
    return cloud, entry


@pytest.mark.usefixtures("simulated_time")
async def test_where_no_dataloggers_are_taken_nobody_is_told_of_any(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, entry = await add_fake(hass, monkeypatch, plant_id_field=Field(name="product_key"))
    form = await open_inverters(hass, entry)
    values = form["description_placeholders"]
    assert (values["drawing"], values["not_datalogger"]) == ("", "")
    coordinator = entry.runtime_data.coordinator
    assert coordinator.data[SN].state == "accepted"
    reasons = await async_reasons(hass)
    told = explanation(hass, entry, reasons, coordinator.data[SN])
    assert told.startswith("Is the inverter connected to the internet")
    assert "datalogger" not in told
    progress = await send(hass, form, serial_numbers=OTHER_SN, product_key="p11aaa")
    seen = [progress["progress_action"]]
    while progress["type"] is FlowResultType.SHOW_PROGRESS:
        seen.append(progress["progress_action"])
        await asyncio.sleep(1)
        progress = await hass.config_entries.subentries.async_configure(form["flow_id"])
    assert seen[-1] == "waiting_alone"
    assert progress["reason"] == "waiting"


@pytest.mark.usefixtures("simulated_time")
async def test_another_id_that_is_typed_instead_of_a_plant(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, entry = await add_fake(hass, monkeypatch, plant_id_field=Field(name="product_key"))
    result = await open_inverter(hass, entry)
    assert result["menu_options"] == ["submit_again", "place"]
    # It is no id of a plant, and is called as it is.
    assert result["description_placeholders"]["plant"] == "p11aaa"
    result = await submit(hass, result, next_step_id="place")
    assert result["step_id"] == "place"
    assert suggested(result) == {"product_key": "p11aaa"}
    result = await submit(hass, result, product_key=" ")
    assert (result["step_id"], result["errors"]) == ("place", {"product_key": "required"})
    result = await submit(hass, result, product_key=" p22bbb ")
    assert result["reason"] == "waiting"
    assert cloud.bound == [("7", "p11aaa", SN), ("7", "p22bbb", SN)]


async def test_a_cloud_without_plants_and_without_a_field_for_one(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, entry = await add_fake(hass, monkeypatch)
    assert (await open_inverter(hass, entry))["menu_options"] == ["submit_again"]


@pytest.mark.parametrize("reason", ["not_loaded", "cannot_bind", "not_signed_in"])
async def test_an_account_that_cannot_bind_now(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    cloud, entry = await add_fake(hass, monkeypatch)
    if reason == "not_loaded":
        await hass.config_entries.async_unload(entry.entry_id)
    elif reason == "cannot_bind":
        cloud.capabilities = frozenset()
        assert await hass.config_entries.async_reload(entry.entry_id)
    else:
        hass.config_entries.async_update_entry(entry, data={**entry.data, "session": None})
        await hass.async_block_till_done()
    result = await open_inverter(hass, entry)
    assert result["reason"] == reason
    assert result["description_placeholders"] == {"account": "alice"}
    await hass.async_block_till_done()
    asked = list(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    assert len(asked) == (reason == "not_signed_in")
