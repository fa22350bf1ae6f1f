"""The dialogs of this integration, walked over the interface that the front end uses."""

from base64 import b64decode
import re
from typing import Any

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.server.client import Flow, HomeAssistantClient

from .waiting import until

DOMAIN = "growatt_onboarding"
SUBENTRY_INVERTER = "inverter"
# What a person can tell apart, by the cloud. What a portal runs is found out.
GROUPS = {"growatt": "growatt", "quectel": "app_cloud"}
PORTAL = "portal"
PASSWORD = "not-a-real-password"
PICTURE = re.compile(r"!\[\w+\]\(data:(?P<type>image/\w+);base64,(?P<data>[\w+/]+=*)\)")
# How a picture of each type begins.
SIGNATURES = {"image/gif": b"GIF8", "image/png": b"\x89PNG\r\n"}


class WentWrongError(Exception):
    """Something was not as a homeowner should see it."""


def expect(flow: Flow, type_: str, name: str | None = None) -> Flow:
    """Return the flow if it stands at this kind of step (of this name, or abort reason)."""
    if flow.type != type_ or name not in (None, flow.step_id, flow.result.get("reason")):
        raise WentWrongError(f"expected {type_} {name or ''}, the dialog is at {flow!r}")
    return flow


async def fill(flow: Flow, step: str, **answers: Any) -> Flow:
    """Fill in the form of this step; raise when it comes back with errors."""
    expect(flow, "form", step)
    await flow.submit_and_follow(**answers)
    if flow.errors:
        raise WentWrongError(f"{step} answered {flow.errors} {flow.placeholders}")
    return flow


async def open_account_dialog(
    client: HomeAssistantClient, provider: str, server: str, credentials: dict[str, str]
) -> Flow:
    """Open the dialog, choose the kind of cloud and give it the credentials."""
    flow = await client.start_config_flow(DOMAIN)
    group = GROUPS.get(provider, PORTAL)
    await expect(flow, "menu", "user").choose(group)
    if group == PORTAL:
        return await fill(flow, group, address=server, **credentials)
    # Servers of a maker are a list to choose from, where the simulator is none of.
    await fill(flow, group, server="own_address", **credentials)
    return await fill(flow, "address", address=server)


async def open_growatt_dialog(
    client: HomeAssistantClient, simulator: Simulator, token: str = INSTALLER_TOKEN
) -> Flow:
    """Open the dialog up to the choice between a new account and one there is."""
    flow = await open_account_dialog(client, "growatt", simulator.url, {"token": token})
    return expect(flow, "menu")


async def open_register_form(client: HomeAssistantClient, simulator: Simulator) -> Flow:
    """Open the dialog up to the form of a new account."""
    flow = await open_growatt_dialog(client, simulator)
    return expect(await flow.choose("register"), "form", "register_form")


def new_account(username: str) -> dict[str, str]:
    """Return what is filled into the form of a new account."""
    return {
        "username": username,
        "password": PASSWORD,
        "email": f"{username}@example.com",
        "country": "NL",
    }


async def link_account(
    client: HomeAssistantClient, simulator: Simulator, token: str, account_id: str | None = None
) -> str:
    """Link an account that is there, and return its entry's id; the inverter dialog is closed."""
    flow = await open_growatt_dialog(client, simulator, token)
    if account_id is not None and flow.step_id == "one_account":
        name = simulator.growatt.users[int(account_id)].name
        if flow.placeholders["plain_account"] != name:
            await flow.abort()
            raise WentWrongError(f"not_now: the cloud's list does not have {name} yet")
    way = "use_account" if "use_account" in flow.result["menu_options"] else "link"
    return await choose_account(await flow.choose(way), account_id)


async def choose_account(flow: Flow, account_id: str | None = None) -> str:
    """Go on to the entry from where linking has begun, and return its id."""
    if flow.step_id == "link_form":
        await fill(flow, "link_form")
    if account_id is not None and flow.step_id == "choose_account":
        await fill(flow, "choose_account", account_id=account_id)
    return await finish(flow)


async def finish(flow: Flow) -> str:
    """Return the id of the entry that the dialog made; the inverter dialog is closed."""
    expect(flow, "create_entry")
    await (await flow.next_flow()).abort()
    return str(flow.result["result"]["entry_id"])


async def act(client: HomeAssistantClient, action: str, **data: Any) -> dict[str, Any]:
    """Perform an action of the integration and return its response."""
    response = await client.call_service(DOMAIN, action, data, return_response=True)
    if response is None:
        raise WentWrongError(f"{action} answered nothing")
    return response


async def entity_id(client: HomeAssistantClient, unique_id: str) -> str:
    """Return the id of one of the integration's entities."""
    for entity in await client.entities(DOMAIN):
        if entity["unique_id"] == unique_id:
            return str(entity["entity_id"])
    raise WentWrongError(f"there is no entity {unique_id}")


async def states(client: HomeAssistantClient, key: str) -> dict[str, str]:
    """Return the state of every inverter's entity of this key, by serial number."""
    suffix = f"_{key}"
    shown = {state["entity_id"]: str(state["state"]) for state in await client.states()}
    return {
        entity["unique_id"].removesuffix(suffix): shown.get(entity["entity_id"], "missing")
        for entity in await client.entities(DOMAIN)
        if entity["unique_id"].endswith(suffix) and entity["config_subentry_id"] is not None
    }


async def picture_shown(client: HomeAssistantClient, flow: Flow, media_type: str) -> bytes:
    """Return the picture that stands at its field in a form, which must be of this type."""
    texts = await client.translations("config", DOMAIN)
    text = texts[f"component.{DOMAIN}.config.step.{flow.step_id}.data_description.captcha"]
    found = PICTURE.search(text.format(**flow.placeholders))
    if found is None or found["type"] != media_type:
        raise WentWrongError(f"{flow!r} shows no picture of type {media_type}")
    image = b64decode(found["data"])
    if not image.startswith(SIGNATURES[media_type]):
        raise WentWrongError(f"what {flow!r} shows is no picture of type {media_type}")
    return image


async def check_signed_in(client: HomeAssistantClient, entry_id: str) -> None:
    """Raise unless an account's entry is set up, active, and can talk to the cloud by itself."""
    [entry] = [one for one in await client.config_entries(DOMAIN) if one["entry_id"] == entry_id]
    # Home Assistant takes the platform up after the entry.
    await until(lambda: _has_diagnostics(client), "the integration's diagnostics")
    told = (await client.diagnostics(entry_id))["data"]
    pending = told["account"]["activation_pending"]
    if entry["state"] != "loaded" or not told["signed_in"] or pending:
        raise WentWrongError(
            f"the account is {entry['state']}, signed in: {told['signed_in']}, pending: {pending}"
        )


async def _has_diagnostics(client: HomeAssistantClient) -> bool:
    return any(one["domain"] == DOMAIN for one in await client.command("diagnostics/list"))
