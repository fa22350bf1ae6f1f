"""The pages of an account and of an inverter, with every entity they have."""

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.dialogs import act, link_account
from tests.server.homeassistant_server import HomeAssistantServer

from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNT = "sim-resident"
SERIAL = "ABC0000008"
ACCOUNT_ENTITIES = (
    "binary_sensor.association_pending",
    "binary_sensor.connectivity",
    "event.device_association",
    "sensor.inverters_pending",
)
INVERTER_ENTITIES = (
    "binary_sensor.association_pending",
    "button.check_now",
    "event.association",
    "sensor.association_status",
    "sensor.submitted",
)


async def test_every_entity(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.growatt.add_device(SERIAL)
    [plant] = simulator.growatt.plants.values()
    async with server.client() as client:
        await link_account(client, simulator, INSTALLER_TOKEN)
        await act(client, "bind_device", plant_id=str(plant.plant_id), serial_numbers=[SERIAL])
    await homeowner.page.goto("/")
    await homeowner.open_device(ACCOUNT)
    await homeowner.sees_entities(*ACCOUNT_ENTITIES)
    await homeowner.sees_state("binary_sensor.connectivity", "on", "connectivity")
    await homeowner.sees_state("binary_sensor.association_pending", "on")
    await homeowner.sees_state("sensor.inverters_pending", "1")
    await homeowner.looks_right("account page")

    await homeowner.open_device(SERIAL)
    await homeowner.sees_entities(*INVERTER_ENTITIES, "sensor.next_check")
    await homeowner.sees_state("binary_sensor.association_pending", "on")
    await homeowner.sees_state("sensor.association_status", "accepted")
    simulator.growatt.bring_online(SERIAL)
    await homeowner.sees_state("sensor.association_status", "associated")
    await homeowner.sees_entities(*INVERTER_ENTITIES, "sensor.associated")
    # The second time at the latest, a limit stands before it: planned, and no error.
    await homeowner.press("button.check_now")
    await homeowner.press("button.check_now")
    await homeowner.looks_right("inverter page")
    await homeowner.looks_into("event.association")
    await homeowner.looks_into("sensor.association_status")
