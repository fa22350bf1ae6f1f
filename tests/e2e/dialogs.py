"""The dialogs of this integration, walked over the interface that the front end uses."""

from typing import Any

from tests.server.client import Flow, HomeAssistantClient

DOMAIN = "growatt_onboarding"


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
    client: HomeAssistantClient, provider: str, server: str, access: dict[str, str]
) -> Flow:
    """Open the dialog, choose the cloud and give it the access data."""
    flow = await client.start_config_flow(DOMAIN)
    if flow.step_id == "user":
        await fill(flow, "user", provider=provider)
    return await fill(flow, "server", server=server, **access)


async def entity_id(client: HomeAssistantClient, unique_id: str) -> str:
    """Return the id of one of the integration's entities."""
    for entity in await client.entities(DOMAIN):
        if entity["unique_id"] == unique_id:
            return str(entity["entity_id"])
    raise WentWrongError(f"there is no entity {unique_id}")
