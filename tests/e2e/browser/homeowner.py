"""Somebody in front of Home Assistant's pages, who goes by what stands there."""

import re

from playwright.async_api import Locator, Page

from tests.server.homeassistant_server import HomeAssistantServer

from . import looks, pictures
from .actions import Actions
from .dialog import Dialog

INTEGRATION = "Growatt Onboarding"


class Homeowner:
    """A person with a browser."""

    def __init__(self, page: Page, server: HomeAssistantServer) -> None:
        """Sit down at this page of this Home Assistant."""
        self.page = page
        self.dialog = Dialog(page)
        self._server = server

    # Ways through Home Assistant

    async def sign_in(self) -> None:
        """Come for the first time in this browser."""
        await self.page.goto("/")
        await self.page.get_by_label("Username").fill(self._server.username)
        await self.page.get_by_label("Password", exact=True).fill(self._server.password)
        await self.page.get_by_role("button", name="Log in").click()

    async def open_settings(self, name: str) -> None:
        """Open one of the pages that Settings lists."""
        await self.page.get_by_role("link", name="Settings", exact=True).click()
        await self.page.get_by_role("link", name=name).click()

    async def add_integration(self) -> Dialog:
        """Look for the integration and open its dialog."""
        await self.open_settings("Devices & services")
        await self.page.get_by_role("button", name="Add integration").click()
        await self.page.get_by_placeholder("Search for a brand name").fill(INTEGRATION)
        await self.page.get_by_role("listitem").get_by_text(INTEGRATION).click()
        return self.dialog

    async def start_dialog(self) -> Dialog:
        """Open the integration's dialog by its link, as the README's button does."""
        await self.page.goto("/_my_redirect/config_flow_start?domain=growatt_onboarding")
        await self.page.get_by_role("button", name="OK", exact=True).click()
        return self.dialog

    async def open_integration(self) -> None:
        """Open the integration's own page."""
        await self.open_settings("Devices & services")
        await self.page.get_by_role("link", name=INTEGRATION).click()
        await self.page.get_by_role("heading", name=INTEGRATION, level=1).wait_for()

    async def open_device(self, name: str) -> None:
        """Open a device's page from the integration's."""
        await self.open_integration()
        await self.page.get_by_role("button", name=name).first.click()
        await self.page.get_by_role("heading", name="Device info").wait_for()

    async def open_repair(self, serial: str) -> Dialog:
        """Open an inverter's repair from the page that lists them, once Settings tells of it."""
        await self.open_settings("1 repair")
        await self.page.get_by_text(serial).click()
        return self.dialog

    async def open_actions(self) -> Actions:
        """Open the page where actions are tried."""
        await self.open_settings("Tools")
        await self.page.get_by_role("tab", name="Actions", exact=True).click()
        return Actions(self.page)

    async def reconfigure_inverter(self, serial: str) -> Dialog:
        """Press the button beside an inverter on the integration's page."""
        await self.open_integration()
        inverter = self.page.locator("ha-config-sub-entry-row").filter(has_text=serial)
        await inverter.get_by_role("button", name="Submit again or move").click()
        return self.dialog

    async def reconfigure_account(self, name: str) -> Dialog:
        """Choose to change an account."""
        await self._choose(name, "Reconfigure")
        return self.dialog

    async def delete_account(self, name: str) -> None:
        """Remove an account from Home Assistant."""
        await self._choose(name, "Delete")
        question = self.page.locator("dialog-box")
        await question.get_by_text(f"Delete {name}?").wait_for()
        await question.get_by_role("button", name="Delete").click()
        await self._account(name).wait_for(state="detached")

    async def _choose(self, account: str, item: str) -> None:
        """Choose from an account's menu on the integration's page."""
        await self.open_integration()
        await self._account(account).get_by_role("button", name="Menu").first.click()
        await self.page.get_by_role("menuitem", name=item).click()

    def _account(self, name: str) -> Locator:
        return self.page.locator("ha-config-entry-row").filter(has_text=name)

    # What is seen

    async def sees_state(self, entity: str, state: str) -> None:
        """Wait until a device's page shows this state of an entity."""
        row = self.page.locator("hui-generic-entity-row")
        row = row.filter(has=self.page.get_by_text(entity, exact=True))
        # The state is the row's own text, its name is drawn into the row's inside.
        await row.filter(has_text=re.compile(rf"^\s*{re.escape(state)}\b")).wait_for()

    async def looks_right(self, where: str) -> None:
        """Look whether the page is whole and in words on all screens."""
        await looks.look_right(self.page, self._panel, where)

    async def keep_picture(self, name: str) -> None:
        """Take a picture of the page without the sidebar, if pictures are wanted."""
        await pictures.of_page(self.page, self._panel, name, 800)

    @property
    def _panel(self) -> Locator:
        """What stands beside the sidebar."""
        return self.page.locator("ha-panel-config")
