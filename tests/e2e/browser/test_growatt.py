"""A homeowner without an account, from signing in to an inverter that the cloud has."""

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.dialogs import PASSWORD

from .dialog import DATALOGGER as DATALOGGER_DIALOG, Dialog
from .homeowner import Homeowner
from .texts import LANGUAGE, Texts, languages

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATALOGGER, CHECK_CODE = "QMN0000001", "A1B2C"
INVERTER, OTHER_INVERTER = "ABC0000001", "ABC0000009"
WRONG_TOKEN = "SIMULATORTOKENOFNOBODY0000000000"
NAME, TAKEN = "jansen-solar", "sim-resident"
ANOTHER_LANGUAGE = "de" if LANGUAGE == "en" else "en"


async def test_a_new_account_and_the_stick_that_brings_its_inverter(
    stranger: Homeowner, simulator: Simulator
) -> None:
    simulator.growatt.add_datalogger(DATALOGGER, check_code=CHECK_CODE, devices=[INVERTER])
    await stranger.sign_in()
    await create_an_account_with_mistakes(await stranger.add_integration(), simulator)
    await add_the_datalogger(stranger.dialog(DATALOGGER_DIALOG))

    await stranger.open_device(DATALOGGER)
    await stranger.sees_state("binary_sensor.association_pending", "on")
    await stranger.sees_state("sensor.datalogger_status", "accepted")
    await stranger.looks_right("device page")
    await stranger.keep_picture("pending")
    simulator.growatt.bring_datalogger_online(DATALOGGER)
    await stranger.sees_state("binary_sensor.association_pending", "off")
    await stranger.sees_state("sensor.association_status", "associated")
    await stranger.looks_right("device page of a datalogger that is online")
    # Nobody typed its number.
    await stranger.open_device(INVERTER)
    await stranger.sees_state("binary_sensor.association_pending", "off")
    await stranger.sees_state("sensor.association_status", "associated")
    await stranger.keep_picture("associated")

    await stranger.open_integration()
    await stranger.looks_right("integration page")
    await stranger.delete_account(NAME)
    created = simulator.growatt.user_named(NAME)
    plant_id = simulator.growatt.dataloggers[DATALOGGER].plant_id
    assert created is not None
    assert plant_id is not None
    assert simulator.growatt.plants[plant_id].user_id == created.user_id
    assert simulator.calls.of("device/sn/add") == []


async def enter_the_token(dialog: Dialog, simulator: Simulator, token: str) -> None:
    await dialog.shows("growatt")
    await dialog.pick("server", "own_address")
    await dialog.fill("token", token)
    await dialog.submit()
    await dialog.shows("address")
    await dialog.fill("address", simulator.url)
    await dialog.submit()


async def fill_in_the_account(dialog: Dialog, simulator: Simulator) -> None:
    await dialog.shows("one_account", server=simulator.url)
    await dialog.go("register")
    await dialog.shows("register_form", server=simulator.url)
    await dialog.fill("username", NAME)
    await dialog.fill("password", PASSWORD)
    await dialog.fill("email", f"{NAME}@example.com")


async def create_an_account(dialog: Dialog, simulator: Simulator) -> None:
    await dialog.shows("user")
    await dialog.go("growatt")
    await enter_the_token(dialog, simulator, INSTALLER_TOKEN)
    await fill_in_the_account(dialog, simulator)
    await dialog.submit()


async def create_an_account_with_mistakes(dialog: Dialog, simulator: Simulator) -> None:
    await dialog.shows("user")
    await dialog.keep_picture("cloud")
    await dialog.go("growatt")

    await dialog.shows("growatt")
    await dialog.keep_picture("server")
    # Who leaves the token empty is told where it comes from, and comes back.
    await dialog.submit()
    await dialog.shows("no_token")
    await dialog.go("growatt")
    await enter_the_token(dialog, simulator, WRONG_TOKEN)
    await dialog.shows("growatt")
    await dialog.refuses("invalid_token")
    # The address that was typed is one of the servers by now.
    await dialog.says_chosen("server", simulator.url)
    assert await dialog.value("token").input_value() == WRONG_TOKEN
    await dialog.fill("token", INSTALLER_TOKEN)
    await dialog.submit()

    await fill_in_the_account(dialog, simulator)
    await dialog.keep_picture("create-account")
    await dialog.fill("username", TAKEN)
    await dialog.open_section("more")
    await dialog.shows("register_form", server=simulator.url)
    await dialog.fill("installer_code", "WRONG")
    await dialog.submit()
    await dialog.shows("taken")
    await dialog.go("back")
    await dialog.shows("register_form", server=simulator.url)
    await dialog.refuses("username_taken")
    assert await dialog.value("password").input_value() == PASSWORD
    assert await dialog.value("installer_code").input_value() == "WRONG"
    await dialog.fill("username", NAME)
    await dialog.submit()
    await dialog.refuses("installer_code_wrong")
    # It stands outside of its section now.
    await dialog.fill("installer_code", "")
    await dialog.submit()


async def fill_in_the_plant(dialog: Dialog) -> None:
    assert await dialog.value("name").input_value() == "Home"
    # No number stands there that would look like one.
    assert await dialog.value("peak_power").input_value() == ""
    await dialog.fill("peak_power", "6,4")


async def add_the_datalogger(dialog: Dialog) -> None:
    await dialog.shows("datalogger")
    await dialog.fill("serial_number", DATALOGGER)
    await dialog.fill("check_code", CHECK_CODE)
    await fill_in_the_plant(dialog)
    await dialog.keep_picture("datalogger")
    await dialog.fill("peak_power", "")
    await dialog.submit()
    await dialog.refuses("peak_power_needed")
    await dialog.fill("peak_power", "6,4")
    await dialog.fill("check_code", "WRONG")
    await dialog.submit()
    await dialog.refuses("check_code_wrong")
    assert await dialog.value("serial_number").input_value() == DATALOGGER
    await dialog.fill("check_code", CHECK_CODE)
    await dialog.submit()
    await dialog.ends("datalogger_submitted", datalogger_accepted=DATALOGGER)
    await dialog.keep_picture("datalogger-added")
    await dialog.close()


async def add_an_inverter(dialog: Dialog) -> None:
    await dialog.shows("datalogger")
    await dialog.choose("have", "only_inverter")
    await dialog.submit()
    await dialog.shows("serial_numbers")
    await dialog.fill("serial_numbers", OTHER_INVERTER)
    await fill_in_the_plant(dialog)
    await dialog.keep_picture("serial-numbers")
    await dialog.submit()
    await dialog.ends("waiting", accepted=OTHER_INVERTER)
    await dialog.keep_picture("inverters-added")
    await dialog.close()


async def test_somebody_who_only_has_the_inverters_number(
    homeowner: Homeowner, simulator: Simulator
) -> None:
    simulator.growatt.add_device(OTHER_INVERTER)
    await create_an_account(await homeowner.start_dialog(), simulator)
    await add_an_inverter(homeowner.dialog(DATALOGGER_DIALOG))
    await homeowner.open_device(OTHER_INVERTER)
    await homeowner.sees_state("sensor.association_status", "accepted")
    simulator.growatt.bring_online(OTHER_INVERTER)
    await homeowner.sees_state("sensor.association_status", "associated")


async def test_titles_of_repairs_fit_on_a_phone(homeowner: Homeowner) -> None:
    # Elsewhere a title may take several lines.
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    titles = {
        title
        for language in languages()
        for title in Texts(language).repair_titles(serial=INVERTER, account=NAME, name=NAME)
    }
    assert await dialog.too_long_for_repairs(sorted(titles)) == []


@pytest.mark.parametrize("homeowner", [ANOTHER_LANGUAGE], indirect=True)
async def test_somebody_who_speaks_another_language_than_the_house(
    homeowner: Homeowner, simulator: Simulator
) -> None:
    simulator.growatt.add_datalogger(DATALOGGER, check_code=CHECK_CODE, devices=[INVERTER])
    await create_an_account(await homeowner.start_dialog(), simulator)
    await add_the_datalogger(homeowner.dialog(DATALOGGER_DIALOG))
    await homeowner.open_device(DATALOGGER)
    await homeowner.sees_state("sensor.datalogger_status", "accepted")
