"""A homeowner with an account: an inverter by an action, overdue, repaired, moved."""

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.overdue import overdue_after
from tests.server.homeassistant_server import HomeAssistantServer

from .dialog import DATALOGGER as DATALOGGER_DIALOG
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

INVERTER = "ABC0000002"
ACCOUNT = "jansen-solar"
# Seconds until an inverter is overdue.
SOON = 6


async def test_an_inverter_that_does_not_appear(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.growatt.add_device(INVERTER)
    user = simulator.growatt.add_user(ACCOUNT, f"{ACCOUNT}@example.com")
    plant = str(simulator.growatt.add_plant(user.user_id, "Home").plant_id)
    # Sending again waits for a limit; the dialog watches until somebody closes it, on any machine.
    async with overdue_after(server, SOON, watched_for=600):
        await link_the_account(homeowner, simulator, f"{ACCOUNT} ({user.user_id})")
        await bind_by_action(homeowner, plant)
        await submit_again(homeowner, plant)
        await repair_it(homeowner, simulator)
    await change_the_account(homeowner, simulator)
    await hand_over(homeowner, server, simulator)


async def link_the_account(homeowner: Homeowner, simulator: Simulator, account: str) -> None:
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    await dialog.go("growatt")
    await dialog.shows("growatt")
    await dialog.pick("server", "own_address")
    await dialog.fill("token", INSTALLER_TOKEN)
    await dialog.submit()
    await dialog.shows("address")
    await dialog.fill("address", simulator.url)
    await dialog.submit()
    await dialog.shows("several_accounts", server=simulator.url)
    await dialog.go("use_account", plain_count="2")
    await dialog.shows("choose_account")
    await dialog.pick("account_id", account)
    await dialog.submit()
    dialog = dialog.of(DATALOGGER_DIALOG)
    await dialog.shows("datalogger")
    await dialog.leave()


async def bind_by_action(homeowner: Homeowner, plant: str) -> None:
    actions = await homeowner.open_actions()
    await actions.choose("bind_device")
    await actions.fill("plant_id", plant)
    await actions.add("serial_numbers", INVERTER)
    await actions.perform()
    await actions.answers("state: accepted")
    await actions.keep_picture("action")


async def submit_again(homeowner: Homeowner, plant: str) -> None:
    dialog = await homeowner.reconfigure_inverter(INVERTER)
    await dialog.shows("reconfigure", account=ACCOUNT, serial=INVERTER, plant="Home")
    await dialog.go("submit_again")
    await dialog.shows("submit_again", serial=INVERTER)
    await dialog.submit()
    await dialog.tells("progress.waiting")
    await dialog.leave()


async def repair_it(homeowner: Homeowner, simulator: Simulator) -> None:
    dialog = await homeowner.open_repair("overdue", INVERTER)
    await dialog.shows("init", serial=INVERTER, account=ACCOUNT)
    await dialog.keep_picture("repair")
    await dialog.go("check_again")
    await dialog.refuses("still_there")
    simulator.growatt.bring_online(INVERTER)
    await dialog.submit()
    await dialog.has_repaired()
    await dialog.close()
    await homeowner.open_device(INVERTER)
    await homeowner.sees_state("binary_sensor.association_pending", "off")


async def change_the_account(homeowner: Homeowner, simulator: Simulator) -> None:
    dialog = await homeowner.reconfigure_account(ACCOUNT)
    await dialog.shows("reconfigure_elsewhere", name=ACCOUNT, server=simulator.url)
    await dialog.go("new_access")
    await dialog.shows("new_access_growatt", name=ACCOUNT, server=simulator.url)
    await dialog.says_chosen("server", simulator.url)
    assert await dialog.value("token").input_value() == ""
    await dialog.submit()
    await dialog.tells("abort.reconfigure_successful")
    await dialog.close()


async def hand_over(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client:
        await client.call_service("servers_at", "set", {"urls": {"global": simulator.url}})
    dialog = await homeowner.reconfigure_account(ACCOUNT)
    await dialog.shows("reconfigure", name=ACCOUNT, server=simulator.url)
    await dialog.go("hand_over")
    await dialog.shows("hand_over", name=ACCOUNT)
    # The token is not to be passed on.
    await dialog.turn_off("pass_token")
    # The cloud's limits may ask for patience first.
    await dialog.submit_until("component.growatt_server.config.step.token_auth.title")
    await dialog.leave()
    # Now it is: all plants of the token are there to choose from.
    dialog = await homeowner.reconfigure_account(ACCOUNT)
    await dialog.shows("reconfigure", name=ACCOUNT, server=simulator.url)
    await dialog.go("hand_over")
    await dialog.shows("hand_over", name=ACCOUNT)
    await dialog.submit_until("component.growatt_server.config.step.plant.title")
    await dialog.leave()
    async with server.client() as client:
        await client.call_service("servers_at", "set", {"urls": {}})
