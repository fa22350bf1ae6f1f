"""Creating an account cannot be undone: it is never lost and never sent twice."""

import asyncio

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.server.client import FLOW_PROGRESSED, PATIENCE, Flow, FlowKind, HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer
from tests.server.websocket import HomeAssistantApiError

from .accounts import NAME, REGISTER, no_repair, the_entry
from .dialogs import (
    DOMAIN,
    act,
    expect,
    new_account,
    open_register_form,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def register_and_hold(client: HomeAssistantClient, simulator: Simulator) -> Flow:
    """Return the dialog while the cloud keeps the answer to the registration."""
    simulator.faults.add(REGISTER, kind="hold")
    flow = await open_register_form(client, simulator)
    expect(await flow.submit(**new_account(NAME)), "progress")
    await simulator.faults.wait_held(seconds=PATIENCE)
    return flow


async def test_closing_the_dialog_while_the_request_is_under_way(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client:
        flow = await register_and_hold(client, simulator)
        await flow.abort()
        assert await client.config_entries(DOMAIN) == []
        simulator.faults.release()
        await the_entry(client)
        await no_repair(client)
    assert len(simulator.calls.of(REGISTER)) == 1


async def test_closing_the_dialog_right_after_the_answer(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    async with server.client() as client:
        async with client.events(FLOW_PROGRESSED) as following:
            flow = await register_and_hold(client, simulator)
            simulator.faults.release()
            while (await following())["data"]["flow_id"] != flow.flow_id:
                pass
        assert await client.config_entries(DOMAIN) == []
        await flow.abort()
        await the_entry(client)
    assert len(simulator.calls.of(REGISTER)) == 1


async def test_closing_the_browser(server: HomeAssistantServer, simulator: Simulator) -> None:
    async with server.client() as client:
        await client.call_service("dialog_grace", "set", {"seconds": 1})
        flow = await register_and_hold(client, simulator)
    simulator.faults.release()
    async with server.client() as client:
        await the_entry(client)
        await client.call_service("dialog_grace", "set", {})
        # Who comes back after all is told that the account is there.
        left = await client.open_flow(FlowKind.CONFIG, flow.flow_id)
        expect(left, "abort", "already_configured")
    assert len(simulator.calls.of(REGISTER)) == 1


async def test_the_action_outlives_its_caller(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="hold")
    async with server.client() as client:
        calling = asyncio.create_task(
            act(
                client,
                "register_account",
                provider="growatt",
                server=simulator.url,
                token=INSTALLER_TOKEN,
                **new_account(NAME),
            )
        )
        await simulator.faults.wait_held(seconds=PATIENCE)
    with pytest.raises(HomeAssistantApiError, match="has ended"):
        await calling
    simulator.faults.release()
    async with server.client() as client:
        await the_entry(client)
    assert len(simulator.calls.of(REGISTER)) == 1
