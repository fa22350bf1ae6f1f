"""Changing what there is, on a real Home Assistant: account, hand-over, a single inverter."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from simulator.growatt.model import Plant
from tests.server.client import Flow, HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer

from .conftest import SPEED, judged_server
from .dialogs import DOMAIN, SUBENTRY_INVERTER, act, expect, fill, link_account, states
from .waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERIAL = "E2E0000001"
BIND = "device/sn/add"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[HomeAssistantServer]:
    """Return a Home Assistant that can be told where the global server is."""
    async with judged_server({"as_global": {}}) as running:
        yield running


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
        await fill(flow, "new_access", server="own_address", address=elsewhere.url)
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


async def test_home_assistants_own_dialog_goes_on(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client:
        entry_id = await tracks(client, simulator)
        simulator.growatt.bring_online(SERIAL)
        await becomes(client, "associated")
        expect(
            await client.start_reconfigure_flow(DOMAIN, entry_id), "menu", "reconfigure_elsewhere"
        )

        await client.call_service("as_global", "set", {"url": simulator.url})
        flow = await client.start_reconfigure_flow(DOMAIN, entry_id)
        expect(flow, "menu", "reconfigure")
        expect(await flow.choose("hand_over"), "form", "hand_over")
        asked = len(simulator.calls.of("plant/list"))

        async def handed_over() -> bool:
            await flow.submit()
            assert flow.errors in ({}, {"base": "not_now"})
            return flow.type != "form"

        await until(handed_over, "the end of the limit's pause")
        expect(flow, "abort", "handed_over")
        theirs = await flow.next_flow()
        expect(theirs, "form", "token_auth")
        assert theirs.result["handler"] == "growatt_server"
        await theirs.abort()
        assert len(simulator.calls.of("plant/list")) == asked


async def test_an_inverter_is_submitted_to_another_plant(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client:
        owner = home(simulator).user_id
        entry_id = await tracks(client, simulator)
        garage = str(simulator.growatt.add_plant(owner, "Garage").plant_id)
        [subentry] = await client.subentries(entry_id)
        flow = await open_inverter(client, entry_id, subentry["subentry_id"])

        async def listed() -> Flow | None:
            """Look again until the list of plants is new enough to have the garage."""
            nonlocal flow
            await flow.choose("plant")
            if "Garage" in str(flow.result["data_schema"]):
                return flow
            await flow.abort()
            flow = await open_inverter(client, entry_id, subentry["subentry_id"])
            return None

        await until(listed, "the new plant")
        await fill(flow, "plant", plant_id=garage)
        expect(flow, "abort", "submitted_again")
        assert flow.placeholders["results"] == f"- **Accepted:** {SERIAL}"
        simulator.growatt.bring_online(SERIAL)
        await becomes(client, "associated")
        assert str(simulator.growatt.devices[SERIAL].plant_id) == garage


async def open_inverter(client: HomeAssistantClient, entry_id: str, subentry_id: str) -> Flow:
    flow = await client.start_subentry_flow(entry_id, SUBENTRY_INVERTER, subentry_id=subentry_id)
    return expect(flow, "menu", "reconfigure")
