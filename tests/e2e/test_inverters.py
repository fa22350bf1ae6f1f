"""Inverters on a real Home Assistant: pending over a restart, quiet afterwards, sixty at once."""

import asyncio
from collections.abc import Mapping

import psutil
import pytest

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from tests.server.client import HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer

from .dialogs import DOMAIN, SUBENTRY_INVERTER, act, expect, fill, link_account, states
from .waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BIND, LIST = "device/sn/add", "device/list"
# Several minutes of the vendor's clock, in which every interval of fresh bindings has passed.
A_WHILE = 5


def make_devices(simulator: Simulator, count: int) -> list[str]:
    """Manufacture devices that are offline, and return their serial numbers."""
    serials = [f"E2E{number:07}" for number in range(count)]
    for serial in serials:
        simulator.growatt.add_device(serial)
    return serials


async def all_are(client: HomeAssistantClient, serials: list[str], key: str, state: str) -> None:
    """Wait until every inverter's entity of this key has this state."""
    wanted = dict.fromkeys(serials, state)
    seen: Mapping[str, str] = {}

    async def look() -> bool:
        nonlocal seen
        seen = await states(client, key)
        return seen == wanted

    try:
        await until(look, f"{key} {state}")
    except TimeoutError as err:
        raise AssertionError(f"{err}; it is {seen}") from err


async def test_a_restart_keeps_a_binding_pending(
    server: HomeAssistantServer, simulator: Simulator
) -> None:
    [serial] = make_devices(simulator, 1)
    async with server.client() as client:
        entry_id = await link_account(client, simulator, END_USER_TOKEN)
        plants = await act(client, "list_plants", config_entry_id=entry_id)
        plant_id = plants["plants"][0]["plant_id"]
        bound = await act(
            client,
            "bind_device",
            config_entry_id=entry_id,
            plant_id=plant_id,
            serial_numbers=[serial],
        )
        assert [result["state"] for result in bound["results"]] == ["accepted"]
        await all_are(client, [serial], "association_pending", "on")
    await server.restart()
    async with server.client() as client:
        await all_are(client, [serial], "association_pending", "on")
        await all_are(client, [serial], "association_status", "accepted")
        simulator.growatt.bring_online(serial)
        await all_are(client, [serial], "association_pending", "off")
        await all_are(client, [serial], "association_status", "associated")
        assert len(simulator.calls.of(BIND)) == 1

        # Nothing is pending: nothing is asked, not even after a restart.
        await nothing_is_asked(simulator)
    simulator.calls.clear()
    await server.restart()
    async with server.client() as client:
        await all_are(client, [serial], "association_status", "associated")
        await nothing_is_asked(simulator)


async def nothing_is_asked(simulator: Simulator) -> None:
    """Assert that no request comes for several minutes of the vendor's clock."""
    before = len(simulator.calls)
    await asyncio.sleep(A_WHILE)
    assert simulator.calls[before:] == []


async def test_sixty_inverters_in_one_dialog(
    server: HomeAssistantServer, simulator: Simulator, record_property: pytest.FixtureRequest
) -> None:
    serials = make_devices(simulator, 60)
    assert server.pid is not None
    process = psutil.Process(server.pid)
    async with server.client() as client:
        before_it = set_ups(server)
        entry_id = await link_account(client, simulator, END_USER_TOKEN)
        loaded = before_it + 1
        # The log is written a little later.
        await until(lambda: set_ups(server) == loaded, "the account's set-up in the log")
        flow = await client.start_subentry_flow(entry_id, SUBENTRY_INVERTER)
        before = process.cpu_times()
        await fill(flow, "serial_numbers", serial_numbers="\n".join(serials))
        after = process.cpu_times()
        expect(flow, "abort", "waiting")
        await all_are(client, serials, "association_status", "accepted")
        assert len(await client.subentries(entry_id)) == 60
        assert len(simulator.calls.of(BIND)) == 60
        lists = len(simulator.calls.of(LIST))

        for serial in serials:
            simulator.growatt.bring_online(serial)
        await all_are(client, serials, "association_pending", "off")
        # All of them stand on the first page of the one plant's list.
        assert len(simulator.calls.of(LIST)) == lists + 1
        assert simulator.calls.of("plant/sn_plant") == []
    assert set_ups(server) == loaded
    assert {binding.accepted_count for binding in simulator.growatt.bindings.values()} == {1}
    spent = after.user + after.system - before.user - before.system
    record_property("processor time for 60 inverters in one dialog", f"{spent:.2f} s")


def set_ups(server: HomeAssistantServer) -> int:
    """Return how often accounts were set up since the server's first start."""
    return server.log().count(f"Setting up {DOMAIN}.binary_sensor")
