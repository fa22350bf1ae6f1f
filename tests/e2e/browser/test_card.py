"""A homeowner whose inverter is in the cloud, and whom a card tells so."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from tests.e2e.dialogs import DOMAIN, act, link_account
from tests.server.client import HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer

from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

INVERTER = "ABC0000007"
PLANT = "20001"
CORE = "growatt_server"


@pytest_asyncio.fixture(loop_scope="session")
async def client(
    server: HomeAssistantServer, simulator: Simulator
) -> AsyncIterator[HomeAssistantClient]:
    """Return an interface to the house, whose cloud is that of the vendor's global server."""
    async with server.client() as connected:
        await connected.call_service("servers_at", "set", {"urls": {"global": simulator.url}})
        yield connected
        for entry in await connected.config_entries(CORE):
            await connected.remove_config_entry(entry["entry_id"])
        await connected.call_service("servers_at", "set", {"urls": {}})


async def test_an_inverter_whose_power_is_not_shown(
    homeowner: Homeowner, client: HomeAssistantClient, simulator: Simulator
) -> None:
    simulator.growatt.add_device(INVERTER, online=True)
    await link_account(client, simulator, END_USER_TOKEN)
    (account,) = await client.config_entries(DOMAIN)
    await act(client, "bind_device", plant_id=PLANT, serial_numbers=[INVERTER])

    await homeowner.page.goto("/")
    await homeowner.ignore_card(INVERTER)
    (ignored,) = [
        entry for entry in await client.config_entries(DOMAIN) if entry["source"] == "ignore"
    ]
    await client.remove_config_entry(ignored["entry_id"])

    dialog = await homeowner.open_card(INVERTER)
    await dialog.shows("discovered", serial=INVERTER, name=account["title"])
    await dialog.leave()
    dialog = await homeowner.open_card(INVERTER)
    await dialog.shows("discovered", serial=INVERTER, name=account["title"])
    await dialog.submit()
    await dialog.tells("abort.power_shown")
    await dialog.close()
    await homeowner.sees_no_card()
    (shown,) = await client.config_entries(CORE)
    assert shown["state"] == "loaded"
