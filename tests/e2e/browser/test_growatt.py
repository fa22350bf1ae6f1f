"""A homeowner without an account, from signing in to an inverter that the cloud has; in German."""

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.dialogs import PASSWORD

from .homeowner import Homeowner
from .texts import Texts, languages

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

INVERTER, DATALOGGER = "ABC0000001", "QMN000ABC0000001"
WRONG_TOKEN = "SIMULATOR_TOKEN_OF_NOBODY_000000"
NAME, TAKEN = "jansen-solar", "sim-resident"


async def test_a_new_account_and_its_first_inverter(
    stranger: Homeowner, simulator: Simulator
) -> None:
    simulator.growatt.add_device(INVERTER)
    await stranger.sign_in()
    await create_an_account(stranger, simulator)
    await add_an_inverter(stranger)

    await stranger.open_device(INVERTER)
    await stranger.sees_state("Association pending", "On")
    await stranger.sees_state("Association status", "Accepted")
    await stranger.looks_right("device page")
    await stranger.keep_picture("pending")
    simulator.growatt.bring_online(INVERTER)
    await stranger.sees_state("Association pending", "Off")
    await stranger.sees_state("Association status", "Associated")
    await stranger.keep_picture("associated")

    await stranger.open_integration()
    await stranger.looks_right("integration page")
    await stranger.delete_account(NAME)
    created = simulator.growatt.user_named(NAME)
    assert created is not None
    assert simulator.growatt.bindings[INVERTER].user_id == created.user_id


async def create_an_account(stranger: Homeowner, simulator: Simulator) -> None:
    dialog = await stranger.add_integration()
    await dialog.shows("Choose the cloud")
    await dialog.keep_picture("cloud")
    await dialog.submit()

    await dialog.shows("Server and access")
    await dialog.keep_picture("server")
    await dialog.pick("Server", "Another address")
    await dialog.fill("Address", simulator.url)
    await dialog.fill("API token", WRONG_TOKEN)
    await dialog.submit()
    await dialog.refuses("The cloud does not accept this token.")
    assert await dialog.value("Address").input_value() == simulator.url
    assert await dialog.value("API token").input_value() == WRONG_TOKEN
    await dialog.fill("API token", INSTALLER_TOKEN)
    await dialog.submit()

    await dialog.shows("Do you have an account?")
    await dialog.go("Create an account")
    await dialog.fill("Username", NAME)
    await dialog.fill("Password", PASSWORD)
    await dialog.fill("Email", f"{NAME}@example.com")
    await dialog.shows("Create an account")
    await dialog.keep_picture("create-account")
    await dialog.fill("Username", TAKEN)
    await dialog.submit()
    await dialog.refuses("Somebody has an account with this name already.")
    assert await dialog.value("Password").input_value() == PASSWORD
    await dialog.fill("Username", NAME)
    await dialog.submit()


async def add_an_inverter(stranger: Homeowner) -> None:
    dialog = stranger.dialog
    await dialog.shows("Create a plant")
    assert await dialog.value("Name").input_value() == "Home"
    await dialog.fill_number("Peak power", "6.4")
    await dialog.submit()

    await dialog.shows("Serial numbers")
    await dialog.fill("Serial numbers", INVERTER)
    await dialog.keep_picture("serial-numbers")
    await dialog.fill("Serial numbers", DATALOGGER)
    await dialog.submit()
    await dialog.refuses(
        f"The number of a datalogger (the stick), not of an inverter: {DATALOGGER}"
    )
    await dialog.fill("Serial numbers", INVERTER)
    await dialog.submit()
    await dialog.tells("Accepted, waiting for the inverter to come online")
    await dialog.keep_picture("inverters-added")
    await dialog.close()


async def test_titles_of_repairs_fit_on_a_phone(homeowner: Homeowner) -> None:
    # Elsewhere a title may take several lines.
    dialog = await homeowner.start_dialog()
    await dialog.shows("Choose the cloud")
    titles = {
        title
        for language in languages()
        for title in Texts(language).repair_titles(serial=INVERTER, account=NAME)
    }
    assert await dialog.too_long_for_repairs(sorted(titles)) == []


@pytest.mark.parametrize("homeowner", ["de"], indirect=True)
async def test_the_dialogs_in_german(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.growatt.add_device(INVERTER)
    say = Texts("de")
    dialog = await homeowner.start_dialog()
    await dialog.shows(say("config.step.user.title"))
    await dialog.submit()
    await dialog.shows(say("config.step.server.title"))
    await dialog.pick(
        say("config.step.server.data.server"), say("selector.server.options.own_address")
    )
    await dialog.fill(say("config.step.server.data.address"), simulator.url)
    await dialog.fill(say("config.step.server.data.token"), INVERTER)
    await dialog.submit()
    await dialog.refuses(say("config.error.invalid_token"))
    await dialog.fill(say("config.step.server.data.token"), INSTALLER_TOKEN)
    await dialog.submit()
    await dialog.shows(say("config.step.method.title"))
    await dialog.go(say("config.step.method.menu_options.register"))
    await dialog.shows(say("config.step.register_form.title"))
    await dialog.fill(say("config.step.register_form.data.username"), NAME)
    await dialog.fill(say("config.step.register_form.data.password"), PASSWORD)
    await dialog.fill(say("config.step.register_form.data.email"), f"{NAME}@example.com")
    await dialog.submit()
    step = "config_subentries.inverter.step"
    await dialog.shows(say(f"{step}.create_plant.title"))
    await dialog.fill_number(say(f"{step}.create_plant.data.peak_power"), "6.4")
    await dialog.submit()
    await dialog.shows(say(f"{step}.serial_numbers.title"))
    await dialog.fill(say(f"{step}.serial_numbers.data.serial_numbers"), INVERTER)
    await dialog.submit()
    await dialog.tells(INVERTER)
    await dialog.close()
    await homeowner.page.goto("/config/devices/dashboard")
    await homeowner.page.get_by_role("button", name=INVERTER).click()
    # Entities are named in the language of the house, their states are told in the person's.
    await homeowner.sees_state(
        Texts("en")("entity.sensor.association_status.name"),
        say("entity.sensor.association_status.state.accepted"),
    )
