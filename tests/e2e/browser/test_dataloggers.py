"""A homeowner whose stick is not where it should be, or is taken for an inverter."""

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.dialogs import DOMAIN, link_account
from tests.server.homeassistant_server import HomeAssistantServer

from .dialog import Dialog
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNT, STRANGER = "jansen-solar", "de-vries"
DATALOGGER, HELD, CHECK_CODE = "QMN0000002", "QMN0000003", "A1B2C"
INVERTER, WITHOUT_STICK = "ABC0000006", "ABC0000007"


async def test_sticks_that_are_held_mistaken_and_missing(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    cloud = simulator.growatt
    user = cloud.add_user(ACCOUNT, f"{ACCOUNT}@example.com")
    plant = cloud.add_plant(user.user_id, "Home").plant_id
    stranger = cloud.add_user(STRANGER, f"{STRANGER}@example.com")
    theirs = cloud.add_plant(stranger.user_id, "Theirs").plant_id
    cloud.add_datalogger(HELD, check_code=CHECK_CODE, plant_id=theirs)
    cloud.add_datalogger(DATALOGGER)
    cloud.add_device(INVERTER)
    cloud.add_device(WITHOUT_STICK, datalogger_sn="")
    async with server.client() as client:
        await link_account(client, simulator, INSTALLER_TOKEN, str(user.user_id))
        await homeowner.page.goto("/")
        # The installer's token lists their names.
        of_datalogger = await held_by_somebody_else(
            await homeowner.add_datalogger(), simulator, "Theirs", STRANGER
        )
        # No other one of the plant is known yet, which would count as the one that is missing.
        await missing(await homeowner.add_inverters())
        cloud.devices[WITHOUT_STICK].datalogger_sn = HELD
        cloud.bring_datalogger_online(HELD)
        # Nobody submits the inverter again.
        await homeowner.open_device(WITHOUT_STICK)
        await homeowner.sees_state("sensor.association_status", "associated")
        assert cloud.dataloggers[HELD].plant_id == plant
        await mistaken_for_an_inverter(await homeowner.add_inverters(), of_datalogger)
        assert await client.issues(DOMAIN) == []


async def held_by_somebody_else(
    dialog: Dialog, simulator: Simulator, plant: str, owner: str
) -> str:
    """Return the drawing of the label that is asked for."""
    await dialog.shows("datalogger")
    of_datalogger = await dialog.picture_on_screen()
    await dialog.fill("serial_number", HELD)
    await dialog.fill("check_code", CHECK_CODE)
    await dialog.submit()
    await dialog.refuses("held_by_account", holder=plant, owner=owner)
    assert simulator.calls.of("device/datalogger/add") == []
    # They let it go.
    simulator.growatt.delete_datalogger(simulator.growatt.dataloggers[HELD])
    await dialog.leave()
    return of_datalogger


async def mistaken_for_an_inverter(dialog: Dialog, of_datalogger: str) -> None:
    await dialog.shows("serial_numbers")
    assert await dialog.picture_on_screen() != of_datalogger
    await dialog.fill("serial_numbers", f"{INVERTER}\n{DATALOGGER}")
    await dialog.submit()
    await dialog.shows("found_datalogger", plant="Home")
    assert await dialog.picture_on_screen() == of_datalogger
    assert await dialog.value("serial_number").input_value() == DATALOGGER
    await dialog.submit()
    await dialog.ends("datalogger_submitted", accepted=INVERTER, datalogger_accepted=DATALOGGER)
    await dialog.close()


async def missing(dialog: Dialog) -> None:
    await dialog.shows("serial_numbers")
    await dialog.fill("serial_numbers", WITHOUT_STICK)
    await dialog.submit()
    await dialog.shows("datalogger_missing", inverters=WITHOUT_STICK, plant="Home")
    await dialog.go("datalogger")
    await dialog.shows("datalogger")
    await dialog.fill("serial_number", HELD)
    await dialog.submit()
    await dialog.ends("datalogger_submitted", datalogger_accepted=HELD)
    await dialog.close()
