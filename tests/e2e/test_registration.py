"""Creating an account cannot be undone: it is never lost and never sent twice."""

import asyncio

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.server.client import FLOW_PROGRESSED, PATIENCE, FlowKind
from tests.server.homeassistant_server import HomeAssistantServer
from tests.server.websocket import HomeAssistantApiError

from .accounts import CHECK, NAME, REGISTER, is_unfinished, no_repair, the_entry
from .dialogs import (
    DOMAIN,
    act,
    choose_account,
    expect,
    fill,
    finish,
    new_account,
    open_register_form,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_closing_the_dialog_while_the_request_is_under_way(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="hold")
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        expect(await flow.submit(**new_account(NAME)), "progress")
        await simulator.faults.wait_held(seconds=PATIENCE)
        await flow.abort()
        assert await client.config_entries(DOMAIN) == []
        simulator.faults.release()
        await the_entry(client)
        await no_repair(client)
    assert len(simulator.calls.of(REGISTER)) == 1


async def test_closing_the_dialog_right_after_the_answer(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="hold")
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        async with client.events(FLOW_PROGRESSED) as following:
            expect(await flow.submit(**new_account(NAME)), "progress")
            await simulator.faults.wait_held(seconds=PATIENCE)
            simulator.faults.release()
            while (await following())["data"]["flow_id"] != flow.flow_id:
                pass
        assert await client.config_entries(DOMAIN) == []
        await flow.abort()
        await the_entry(client)
    assert len(simulator.calls.of(REGISTER)) == 1


async def test_closing_the_browser(server: HomeAssistantServer, simulator: Simulator) -> None:
    simulator.faults.add(REGISTER, kind="hold")
    async with server.client() as client:
        await client.call_service("dialog_grace", "set", {"seconds": 1})
        flow = await open_register_form(client, simulator)
        expect(await flow.submit(**new_account(NAME)), "progress")
        await simulator.faults.wait_held(seconds=PATIENCE)
    simulator.faults.release()
    async with server.client() as client:
        await the_entry(client)
        await client.call_service("dialog_grace", "set", {})
        # Who comes back after all is told that the account is there.
        left = await client.open_flow(FlowKind.CONFIG, flow.flow_id)
        expect(left, "abort", "already_configured")
    assert len(simulator.calls.of(REGISTER)) == 1


async def test_the_answer_never_comes_but_the_account_is_there(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="cut_after")
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        await fill(flow, "register_form", **new_account(NAME))
        await finish(flow)
        await the_entry(client)
    assert len(simulator.calls.of(REGISTER)) == 1
    # Before, because a taken name costs nothing to tell; after, because the answer was lost.
    assert len(simulator.calls.of(CHECK)) == 2


async def test_the_answer_never_comes_and_there_is_no_account(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="cut")
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        await flow.submit_and_follow(**new_account(NAME))
        expect(flow, "form", "register_form")
        assert flow.errors == {"base": "not_registered"}
        suggested = {
            field["name"]: field.get("description", {}).get("suggested_value")
            for field in flow.result["data_schema"]
        }
        assert suggested.items() >= new_account(NAME).items()
        assert len(simulator.calls.of(REGISTER)) == 1
        await fill(flow, "register_form", **new_account(NAME))
        await finish(flow)
        await the_entry(client)
    assert len(simulator.calls.of(REGISTER)) == 2


async def test_the_answer_never_comes_and_nothing_can_tell(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="cut_after")
    simulator.faults.add(CHECK, kind="pass")
    simulator.faults.add(CHECK, kind="cut", times=None)
    user = simulator.growatt.user_named
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        await flow.submit_and_follow(**new_account(NAME))
        expect(flow, "menu", "outcome_unknown")
        assert flow.placeholders == {"name": NAME, "server": simulator.url}
        assert await is_unfinished(client, simulator)
        simulator.faults.clear()
        created = user(NAME)
        assert created is not None
        await choose_account(await flow.choose("link"), str(created.user_id))
        await the_entry(client)
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
