"""Growatt from end to end: an account, a plant, three inverters, and their associations."""

from simulator import Simulator
from tests.server.client import Flow, HomeAssistantClient

from .dialogs import WentWrongError, act, entity_id, expect, fill, new_account, open_register_form
from .story import Story

AT_ONCE, LATER, BY_ACTION = "DEMO000001", "DEMO000002", "DEMO000003"
SERIALS = (AT_ONCE, LATER, BY_ACTION)


async def run(client: HomeAssistantClient, simulator: Simulator, story: Story) -> None:
    """Walk the whole main job. Raises WentWrongError or HomeAssistantApiError."""
    cloud = simulator.growatt
    for serial in SERIALS:
        cloud.add_device(serial, online=serial == AT_ONCE)

    story.step("Account dialog: server and token are tested, then an account is created")
    flow = await open_register_form(client, simulator)
    await fill(flow, "register_form", **new_account("demo-homeowner"))
    expect(flow, "create_entry")
    entry_id = flow.result["result"]["entry_id"]
    story.note(f"account '{flow.result['title']}' created; Home Assistant goes on by itself:")

    story.step("Inverter dialog: a plant is created, two serial numbers are typed")
    await _add_inverters(await flow.next_flow(), story)

    story.step("Action growatt_onboarding.bind_device binds a third inverter")
    plants = await act(client, "list_plants", config_entry_id=entry_id)
    bound = await act(
        client,
        "bind_device",
        config_entry_id=entry_id,
        plant_id=plants["plants"][0]["plant_id"],
        serial_numbers=[BY_ACTION],
    )
    story.note(f"response: {bound['results'][0]['state']}")

    story.step("Binary sensors: on while the association is pending, off once it is there")
    pending = {
        serial: await entity_id(client, f"{serial}_association_pending") for serial in SERIALS
    }
    await client.wait_for_state(pending[AT_ONCE], "off")
    story.note(f"{AT_ONCE} was online: associated")
    for serial in (LATER, BY_ACTION):
        await client.wait_for_state(pending[serial], "on")
    await _show(client, story)
    for serial in (LATER, BY_ACTION):
        story.note(f"{serial} comes online ...")
        cloud.bring_online(serial)
        await client.wait_for_state(pending[serial], "off")
    await _show(client, story)
    _check_cloud(simulator)


async def _add_inverters(flow: Flow, story: Story) -> None:
    """Walk the inverter dialog, and tell what it says in the end."""
    expect(flow, "menu", "choose")
    await flow.choose("add_inverters")
    if flow.step_id == "plant":
        await fill(flow, "plant", plant_id="new_plant")
    await fill(flow, "create_plant", name="Demo home", peak_power=6.4)
    await fill(flow, "serial_numbers", serial_numbers=f"{AT_ONCE}\n{LATER.lower()}")
    expect(flow, "abort", "inverters_added")
    story.note("the dialog ends with:")
    for line in flow.placeholders["results"].split("\n"):
        story.note(line.removeprefix("- ").replace("**", ""))


async def _show(client: HomeAssistantClient, story: Story) -> None:
    """Show what Home Assistant knows of each inverter."""
    rows = []
    for serial in SERIALS:
        pending = await client.state(await entity_id(client, f"{serial}_association_pending"))
        status = await client.state(await entity_id(client, f"{serial}_association_status"))
        rows.append((serial, pending["state"], status["state"]))
    story.table(("inverter", "association pending", "association status"), rows)


def _check_cloud(simulator: Simulator) -> None:
    """Compare with what the cloud saw: each sent once, nothing over a limit."""
    cloud = simulator.growatt
    for serial in SERIALS:
        if (count := cloud.bindings[serial].accepted_count) != 1:
            raise WentWrongError(f"{serial} was bound {count} times")
    if cloud.limits.violations:
        raise WentWrongError(f"limits were passed: {cloud.limits.violations}")
