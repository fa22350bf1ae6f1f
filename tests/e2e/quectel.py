"""Quectel from end to end: an account by e-mail code, and a device's association."""

from simulator import Simulator
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET
from tests.server.client import HomeAssistantClient

from .control import check_calls, code_sent_to, look
from .dialogs import (
    PASSWORD,
    WentWrongError,
    check_signed_in,
    entity_id,
    expect,
    fill,
    open_account_dialog,
)
from .story import Story

EMAIL = "demo-homeowner@example.com"
SERIAL = "DEMO000001"
REGISTER, BIND = "enduser/enduserapi/emailPwdRegister", "binding/enduserapi/bindDeviceSn"
# A code would live five simulated minutes: too short for who types it while time runs fast.
DAY = 86_400.0


async def run(client: HomeAssistantClient, simulator: Simulator, story: Story) -> None:
    """Walk the whole main job. Raises WentWrongError or HomeAssistantApiError."""
    cloud = simulator.quectel
    cloud.code_lifetime = DAY
    cloud.add_device(SERIAL)

    story.step("Account dialog: user domain and secret are tested, then a code is mailed")
    credentials = {"user_domain": USER_DOMAIN, "user_domain_secret": USER_DOMAIN_SECRET}
    flow = await open_account_dialog(client, "quectel", simulator.url, credentials)
    expect(await flow.choose("register"), "form", "register_code")
    await fill(flow, "register_code", email=EMAIL)
    code = await code_sent_to(simulator, EMAIL)
    story.note(f"the mailbox of {EMAIL} has it")
    await fill(flow, "register_form", password=PASSWORD, code=code)
    expect(flow, "create_entry")
    await check_signed_in(client, flow.result["result"]["entry_id"])
    story.note(f"account '{flow.result['title']}' created and signed in")

    story.step("Inverter dialog: the product key and a serial number are typed")
    inverters = await flow.next_flow()
    typed = {"serial_numbers": SERIAL.lower(), "product_key": PRODUCT_KEY}
    await fill(inverters, "serial_numbers", **typed)
    expect(inverters, "abort", "waiting")
    if inverters.placeholders["results"] != f"- **Waiting for the inverter:** {SERIAL}":
        raise WentWrongError(f"{SERIAL} was not accepted: {inverters.placeholders}")
    story.note(f"the dialog ends with: {SERIAL} accepted")

    story.step("Binary sensor: on while the association is pending, off once it is there")
    pending = await entity_id(client, f"{SERIAL}_association_pending")
    status = await entity_id(client, f"{SERIAL}_association_status")
    await client.wait_for_state(pending, "on")
    story.note(f"pending: {SERIAL} comes online ...")
    cloud.bring_online(SERIAL)
    await client.wait_for_state(pending, "off")
    await client.wait_for_state(status, "associated")
    story.note(f"{SERIAL} is associated")
    await _check_cloud(simulator)


async def _check_cloud(simulator: Simulator) -> None:
    """Compare with what the cloud saw."""
    cloud = simulator.quectel
    await check_calls(simulator, REGISTER, [cloud.success_code])
    if found := (await look(simulator, "state"))["quectel"]["secrets_in_url"]:
        raise WentWrongError(f"a secret stood in an address: {found}")
    if (count := len(simulator.calls.of(BIND))) != 1:
        raise WentWrongError(f"{SERIAL} was sent {count} times")
    user = cloud.user_named(USER_DOMAIN, EMAIL)
    if user is None or user.uid not in cloud.devices[SERIAL].bound:
        raise WentWrongError(f"the cloud does not have {SERIAL} with the new account")
