"""Home Assistant is killed around the creation of an account: the entry or the repair is there."""

from collections.abc import Callable
import json

import pytest

from simulator import Simulator
from tests.server.client import PATIENCE
from tests.server.homeassistant_server import HomeAssistantServer

from .accounts import NAME, REGISTER, is_unfinished, link_the_account, no_repair, the_entry
from .dialogs import DOMAIN, expect, fill, new_account, open_register_form
from .waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def in_memory(server: HomeAssistantServer) -> bool:
    """Say that the entry exists; it reaches the disk a second later."""
    return not on_disk(server)


def on_disk(server: HomeAssistantServer) -> bool:
    """Say whether the entry is on disk."""
    stored = json.loads((server.config_dir / ".storage/core.config_entries").read_text())
    return any(entry["domain"] == DOMAIN for entry in stored["data"]["entries"])


@pytest.fixture(autouse=True)
async def _nothing_before(server: HomeAssistantServer) -> None:
    """Wait until no entry of an earlier scenario is on disk: a power cut would bring it back."""
    await until(lambda: in_memory(server), "the end of earlier entries")


@pytest.mark.parametrize("moment", ["held", "answered"])
async def test_a_power_cut_while_the_account_is_created(
    server: HomeAssistantServer, simulator: Simulator, moment: str
) -> None:
    simulator.faults.add(REGISTER, kind="hold" if moment == "held" else "pass")
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        expect(await flow.submit(**new_account(NAME)), "progress")
        if moment == "held":
            await simulator.faults.wait_held(seconds=PATIENCE)
        else:
            [call] = await simulator.calls.wait_for(REGISTER)
            await until(lambda: call.status == 200, "the cloud's answer")
        assert await client.config_entries(DOMAIN) == []
        await server.kill()
    simulator.faults.clear()
    await server.start()
    async with server.client() as client:
        assert await client.config_entries(DOMAIN) == []
        # No entry, nothing in configuration.yaml: nobody loads the integration.
        assert DOMAIN not in (await client.config())["components"]
        assert await is_unfinished(client, simulator)
        await link_the_account(client, simulator)
        await no_repair(client)
        await the_entry(client)
    assert len(simulator.calls.of(REGISTER)) == 1


@pytest.mark.parametrize("moment", [in_memory, on_disk])
async def test_a_power_cut_after_the_entry_was_made(
    server: HomeAssistantServer, simulator: Simulator, moment: Callable[[HomeAssistantServer], bool]
) -> None:
    async with server.client() as client:
        flow = await open_register_form(client, simulator)
        await fill(flow, "register_form", **new_account(NAME))
        expect(flow, "create_entry")
        await until(lambda: moment(server), "the moment")
        await server.kill()
    await server.start()
    async with server.client() as client:
        if moment is in_memory:
            assert await client.config_entries(DOMAIN) == []
            assert await is_unfinished(client, simulator)
            await link_the_account(client, simulator)
        await the_entry(client)
        await no_repair(client)
    assert len(simulator.calls.of(REGISTER)) == 1
