"""Growatt from end to end: an account, a plant, its datalogger, and the inverters."""

from collections.abc import Sequence

from simulator import Simulator
from tests.server.client import Flow, HomeAssistantClient

from .dialogs import (
    SUBENTRY_INVERTER,
    WentWrongError,
    act,
    entity_id,
    expect,
    fill,
    new_account,
    open_register_form,
    states,
)
from .story import Story
from .waiting import until

DATALOGGER, BROUGHT = "QMN0000001", "DEMO000001"
LATER, BY_ACTION = "DEMO000002", "DEMO000003"
CHECK_CODE = "DEMO1"


async def run(client: HomeAssistantClient, simulator: Simulator, story: Story) -> None:
    """Walk the whole main job. Raises WentWrongError or HomeAssistantApiError."""
    cloud = simulator.growatt
    cloud.add_datalogger(DATALOGGER, check_code=CHECK_CODE, devices=[BROUGHT])
    for serial in (LATER, BY_ACTION):
        cloud.add_device(serial)

    story.step("Account dialog: server and token are tested, then an account is created")
    flow = await open_register_form(client, simulator)
    await fill(flow, "register_form", **new_account("demo-homeowner"))
    expect(flow, "create_entry")
    entry_id = flow.result["result"]["entry_id"]
    story.note(f"account '{flow.result['title']}' created; Home Assistant goes on by itself:")

    story.step("Datalogger dialog: a plant is created, the stick's label is typed")
    await _add_datalogger(await flow.next_flow(), story)
    await _show(client, story, [DATALOGGER])
    story.note(f"{DATALOGGER} is plugged in and online; its inverter {BROUGHT} appears by itself:")
    cloud.bring_datalogger_online(DATALOGGER)
    await _all_associated(client, [DATALOGGER, BROUGHT])
    await _show(client, story, [DATALOGGER, BROUGHT])

    story.step("Inverter dialog: of another inverter only its own number is known")
    plants = await act(client, "list_plants", config_entry_id=entry_id)
    plant_id = plants["plants"][0]["plant_id"]
    flow = await client.start_subentry_flow(entry_id, SUBENTRY_INVERTER)
    await fill(flow, "serial_numbers", serial_numbers=LATER.lower())
    expect(flow, "abort", "waiting")
    _tell_results(flow, story)

    story.step("Action growatt_onboarding.bind_device binds a third inverter")
    bound = await act(
        client,
        "bind_device",
        config_entry_id=entry_id,
        plant_id=plant_id,
        serial_numbers=[BY_ACTION],
    )
    story.note(f"response: {bound['results'][0]['state']}")

    story.step("Binary sensors: on while the association is pending, off once it is there")
    everything = [DATALOGGER, BROUGHT, LATER, BY_ACTION]
    for serial in (LATER, BY_ACTION):
        pending = await entity_id(client, f"{serial}_association_pending")
        await client.wait_for_state(pending, "on")
    await _show(client, story, everything)
    for serial in (LATER, BY_ACTION):
        story.note(f"{serial} comes online ...")
        cloud.bring_online(serial)
    await _all_associated(client, everything)
    await _show(client, story, everything)
    _check_cloud(simulator)


async def _add_datalogger(flow: Flow, story: Story) -> None:
    """Walk the datalogger dialog, and tell what it says in the end."""
    label = {"serial_number": f"SN:{DATALOGGER}", "check_code": CHECK_CODE}
    await fill(flow, "datalogger", **label, name="Demo home", peak_power="6.4")
    expect(flow, "abort", "datalogger_submitted")
    _tell_results(flow, story)


def _tell_results(flow: Flow, story: Story) -> None:
    story.note("the dialog ends with:")
    for line in flow.placeholders["results"].split("\n"):
        story.note(line.removeprefix("- ").replace("**", ""))


async def _all_associated(client: HomeAssistantClient, serials: Sequence[str]) -> None:
    """Wait until Home Assistant shows all of them as associated."""

    async def look() -> bool:
        pending = await states(client, "association_pending")
        return all(pending.get(serial) == "off" for serial in serials)

    await until(look, f"the association of {', '.join(serials)}")


async def _show(client: HomeAssistantClient, story: Story, serials: Sequence[str]) -> None:
    """Show what Home Assistant knows of each device."""
    pending = await states(client, "association_pending")
    status = await states(client, "association_status")
    rows = [(serial, pending[serial], status[serial]) for serial in serials]
    story.table(("device", "waiting for the cloud", "status"), rows)


def _check_cloud(simulator: Simulator) -> None:
    """Compare with what the cloud saw: each sent once, nothing over a limit."""
    cloud = simulator.growatt
    for serial in (LATER, BY_ACTION):
        if (count := cloud.bindings[serial].accepted_count) != 1:
            raise WentWrongError(f"{serial} was bound {count} times")
    added = [call.params["sn"] for call in simulator.calls.of("device/datalogger/add")]
    if added != [DATALOGGER]:
        raise WentWrongError(f"these dataloggers were added: {added}")
    if cloud.limits.violations:
        raise WentWrongError(f"limits were passed: {cloud.limits.violations}")
