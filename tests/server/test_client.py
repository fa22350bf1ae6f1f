"""What scripts do over HTTP and websocket, against a real Home Assistant."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .client import HomeAssistantClient
from .homeassistant_server import HomeAssistantServer
from .websocket import HomeAssistantApiError

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def entry(client: HomeAssistantClient, example: str) -> AsyncIterator[dict[str, object]]:
    """Return a config entry made through its dialogs, with one subentry."""
    flow = await client.start_config_flow(example)
    await flow.submit_and_follow(name="Lamp")
    thing = await flow.next_flow()
    await thing.submit(name="First")
    entry_id = flow.result["result"]["entry_id"]
    yield flow.result["result"]
    await client.remove_config_entry(entry_id)


async def test_a_dialog_from_error_to_entry(client: HomeAssistantClient, example: str) -> None:
    flow = await client.start_config_flow(example)
    assert (flow.type, flow.step_id) == ("form", "user")

    await flow.submit(name="taken")
    assert flow.errors == {"name": "taken"}

    await flow.submit_and_follow(name="Lamp")
    assert flow.type == "create_entry"
    [entry] = await client.config_entries(example)
    assert (entry["title"], entry["state"]) == ("Lamp", "loaded")

    thing = await flow.next_flow()
    await thing.submit(name="First")
    another = await client.start_subentry_flow(entry["entry_id"], "thing")
    await another.submit(name="Second")
    subentries = await client.subentries(entry["entry_id"])
    assert [subentry["title"] for subentry in subentries] == ["First", "Second"]

    await client.remove_subentry(entry["entry_id"], subentries[0]["subentry_id"])
    assert len(await client.subentries(entry["entry_id"])) == 1
    await client.remove_config_entry(entry["entry_id"])
    assert await client.config_entries(example) == []


async def test_a_dialog_that_is_closed_is_gone(client: HomeAssistantClient, example: str) -> None:
    flow = await client.start_config_flow(example)
    await flow.abort()
    with pytest.raises(HomeAssistantApiError, match="answered 404") as caught:
        await flow.refresh()
    assert caught.value.code == 404


async def test_the_registries_know_the_entity(
    client: HomeAssistantClient, entry: dict[str, object], example: str
) -> None:
    [registered] = await client.entities(example)
    assert registered["config_entry_id"] == entry["entry_id"]
    state = await client.state(registered["entity_id"])
    assert state["state"] == "off"


async def test_waiting_for_a_state(client: HomeAssistantClient, entry: dict[str, object]) -> None:
    entity_id = "binary_sensor.lamp"
    assert (await client.wait_for_state(entity_id, "off"))["state"] == "off"

    waiting = asyncio.create_task(client.wait_for_state(entity_id, "on"))
    await client.call_service("harness_example", "switch", {"on": True})
    assert (await waiting)["state"] == "on"

    with pytest.raises(HomeAssistantApiError, match=rf"{entity_id} did not become .*'on'"):
        await client.wait_for_state(entity_id, "unknown", timeout=0.1)


async def test_actions_answer_or_say_why_not(
    client: HomeAssistantClient, entry: dict[str, object], example: str
) -> None:
    response = await client.call_service(example, "echo", {"text": "a"}, return_response=True)
    assert response == {"text": "a"}

    with pytest.raises(HomeAssistantApiError, match="Refused as asked") as caught:
        await client.call_service(example, "echo", {"text": "refuse"}, return_response=True)
    assert caught.value.details["translation_key"] == "refused"

    with pytest.raises(HomeAssistantApiError, match="call_service answered not_found"):
        await client.call_service(example, "absent")


async def test_an_issue_is_fixed(
    client: HomeAssistantClient, entry: dict[str, object], example: str
) -> None:
    [issue] = await client.issues(example)
    flow = await client.start_repair_flow(example, issue["issue_id"])
    assert flow.step_id == "confirm"
    await flow.submit()
    assert flow.type == "create_entry"
    assert await client.issues(example) == []


async def test_texts(client: HomeAssistantClient, entry: dict[str, object], example: str) -> None:
    texts = await client.translations("config", example)
    assert texts[f"component.{example}.config.step.user.title"] == "Add an example"


async def test_an_expired_token_is_renewed(
    server: HomeAssistantServer, client: HomeAssistantClient
) -> None:
    worn_out = HomeAssistantClient(client.tokens)
    async with worn_out:
        worn_out.tokens = type(client.tokens)(
            url=server.url,
            access_token="expired",
            refresh_token=client.tokens.refresh_token,
            expires_in=0,
            expires_at=0,
        )
        assert (await worn_out.config())["state"] == "RUNNING"
        assert worn_out.tokens.access_token != "expired"
