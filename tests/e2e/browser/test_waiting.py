"""A homeowner with an account: an inverter by an action, overdue, repaired, moved."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.conftest import judged_server
from tests.server.homeassistant_server import HomeAssistantServer

from .homeowner import Homeowner

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

INVERTER = "ABC0000002"
ACCOUNT = "jansen-solar"
# Seconds until an inverter is overdue.
SOON = 6


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[HomeAssistantServer]:
    """Return a Home Assistant that calls an inverter overdue soon."""
    async with judged_server({"soon_overdue": {"after": SOON}, "as_global": {}}) as running:
        yield running


async def test_an_inverter_that_does_not_appear(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.growatt.add_device(INVERTER)
    user = simulator.growatt.add_user(ACCOUNT, f"{ACCOUNT}@example.com")
    plant = simulator.growatt.add_plant(user.user_id, "Home")
    await link_the_account(homeowner, simulator, f"{ACCOUNT} ({user.user_id})")
    await bind_by_action(homeowner, str(plant.plant_id))

    dialog = await homeowner.reconfigure_inverter(INVERTER)
    await dialog.shows("Submit again or move")
    await dialog.go("Submit again")
    await dialog.shows("Submit again")
    await dialog.submit()
    await dialog.tells("The inverter was submitted.")
    await dialog.close()

    dialog = await homeowner.open_repair(INVERTER)
    await dialog.tells("Look at the datalogger")
    await dialog.keep_picture("repair")
    await dialog.go("Check again")
    await dialog.refuses("The cloud was asked, and nothing has changed.")
    simulator.growatt.bring_online(INVERTER)
    await dialog.submit()
    await dialog.tells("The issue is repaired!")
    await dialog.close()
    await homeowner.open_device(INVERTER)
    await homeowner.sees_state("Association pending", "Off")

    dialog = await homeowner.reconfigure_account(ACCOUNT)
    await dialog.tells("so the account is not handed over")
    await dialog.go("Change server or access data")
    await dialog.shows("Server and access")
    assert await dialog.value("Address").input_value() == simulator.url
    assert await dialog.value("API token").input_value() == ""
    await dialog.submit()
    await dialog.tells("The account was changed.")
    await dialog.close()
    await hand_over(homeowner, server, simulator)


async def hand_over(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client:
        await client.call_service("as_global", "set", {"url": simulator.url})
    dialog = await homeowner.reconfigure_account(ACCOUNT)
    await dialog.shows("Change the account")
    await dialog.go("Show power and energy")
    await dialog.shows("On to power and energy")
    # The cloud's limits may ask for patience first.
    await dialog.submit_until("Enter your API token")
    await dialog.leave()


async def link_the_account(homeowner: Homeowner, simulator: Simulator, account: str) -> None:
    dialog = await homeowner.start_dialog()
    await dialog.submit()
    await dialog.pick("Server", "Another address")
    await dialog.fill("Address", simulator.url)
    await dialog.fill("API token", INSTALLER_TOKEN)
    await dialog.submit()
    await dialog.go("Link the account I have")
    await dialog.shows("Choose the account")
    await dialog.pick("Account", account)
    await dialog.submit()
    await dialog.shows("Choose the plant")
    await dialog.leave()


async def bind_by_action(homeowner: Homeowner, plant_id: str) -> None:
    actions = await homeowner.open_actions()
    await actions.choose("Bind device")
    await actions.fill("Plant id", plant_id)
    await actions.add("Serial numbers", INVERTER)
    await actions.perform()
    await actions.answers("state: accepted")
    await actions.keep_picture("action")
