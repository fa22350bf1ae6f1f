"""The real front end in a real browser."""

import pytest

from .browser import BrowserError, page, signed_in_page
from .homeassistant_server import HomeAssistantServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADD_EXAMPLE = "/_my_redirect/config_flow_start?domain=harness_example"


async def test_signing_in_by_hand(server: HomeAssistantServer) -> None:
    async with page(server) as login:
        await login.goto("/")
        await login.get_by_label("Username").fill(server.username)
        await login.get_by_label("Password", exact=True).fill(server.password)
        await login.get_by_role("button", name="Log in").click()
        await login.get_by_role("link", name="Settings").wait_for()


async def test_a_dialog_and_the_one_that_follows(server: HomeAssistantServer, example: str) -> None:
    async with server.client() as client, signed_in_page(server) as settings:
        await settings.goto(ADD_EXAMPLE)
        await settings.get_by_role("button", name="OK").click()
        await settings.get_by_text("Add an example").wait_for()
        await settings.get_by_role("textbox", name="Name").fill("taken")
        await settings.get_by_role("button", name="Submit").click()
        await settings.get_by_text("This name is taken; choose another").wait_for()

        await settings.get_by_role("textbox", name="Name").fill("Clicked")
        await settings.get_by_role("button", name="Submit").click()
        await settings.get_by_text("Add a thing").wait_for()
        [entry] = await client.config_entries(example)
        assert entry["title"] == "Clicked"
        await client.remove_config_entry(entry["entry_id"])


async def test_language_and_dark_mode(server: HomeAssistantServer) -> None:
    async with signed_in_page(
        server, width=390, height=844, language="nl", dark=True
    ) as integrations:
        await integrations.goto("/config/integrations")
        await integrations.get_by_role("button", name="Voeg integratie toe").wait_for()
        await integrations.wait_for_function(
            "document.querySelector('home-assistant').hass.themes.darkMode"
        )
        assert await integrations.evaluate("[innerWidth, innerHeight]") == [390, 844]


async def test_a_page_cannot_reach_other_machines(server: HomeAssistantServer) -> None:
    async def reach_out() -> None:
        async with page(server) as login:
            await login.goto("/")
            await login.get_by_label("Username").wait_for()
            await login.evaluate("fetch('http://192.0.2.1/picture').catch(() => 0)")

    with pytest.raises(BrowserError, match=r"http://192\.0\.2\.1/picture"):
        await reach_out()
