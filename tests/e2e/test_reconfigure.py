"""Moving an account to another server, on a real Home Assistant."""

import pytest

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from simulator.growatt.model import Plant
from tests.server.client import HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer

from .conftest import SPEED
from .dialogs import DOMAIN, act, expect, fill, link_account, states
from .waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERIAL = "E2E0000001"
BIND = "device/sn/add"


def home(simulator: Simulator) -> Plant:
    """Return the plant of the account."""
    [plant] = simulator.growatt.plants.values()
    return plant


async def tracks(client: HomeAssistantClient, simulator: Simulator) -> str:
    """Link the account, have it track an inverter, and return its entry's id."""
    simulator.growatt.add_device(SERIAL)
    entry_id = await link_account(client, simulator, END_USER_TOKEN)
    bound = await act(
        client,
        "bind_device",
        config_entry_id=entry_id,
        plant_id=str(home(simulator).plant_id),
        serial_numbers=[SERIAL],
    )
    assert [result["state"] for result in bound["results"]] == ["accepted"]
    return entry_id


async def becomes(client: HomeAssistantClient, state: str) -> None:
    async def look() -> bool:
        return await states(client, "association_status") == {SERIAL: state}

    await until(look, state)


async def the_entry(client: HomeAssistantClient) -> dict[str, object]:
    [entry] = await client.config_entries(DOMAIN)
    return entry


async def test_the_account_moves_to_another_server(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client, Simulator(time_factor=SPEED) as elsewhere:
        elsewhere.growatt.add_device(SERIAL)
        entry_id = await tracks(client, simulator)
        flow = await client.start_reconfigure_flow(DOMAIN, entry_id)
        await fill(flow, "new_access_growatt", server="own_address")
        await fill(flow, "address", address=elsewhere.url)
        expect(flow, "abort", "reconfigure_successful")

        async def is_back() -> bool:
            return (await the_entry(client))["state"] == "loaded"

        await until(is_back, "the reloaded account")
        await becomes(client, "accepted")
        # Where it is now, it is looked for and not sent again.
        elsewhere.growatt.move(SERIAL, home(elsewhere).plant_id)
        await becomes(client, "associated")
        assert not elsewhere.calls.of(BIND)
        assert elsewhere.growatt.limits.violations == []
