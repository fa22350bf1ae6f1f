"""The page of Home Assistant on which actions are tried by hand."""

from playwright.async_api import Page

from . import pictures
from .texts import Words

_TEXTS = "ui.panel.config.tools.tabs.actions"


class Actions:
    """Settings, Tools, Actions."""

    def __init__(self, page: Page, words: Words) -> None:
        """Use the page that is open."""
        self._page = page
        self._say, _, self._own = words
        self._action = ""

    async def choose(self, action: str) -> None:
        """Look an action of the integration up and choose it."""
        self._action = action
        name = self._say(f"services.{action}.name")
        picker = self._page.locator("ha-service-picker")
        await picker.get_by_role("button").first.click()
        await self._page.get_by_role("listbox").wait_for()
        await self._page.keyboard.type(name)
        await self._page.get_by_role("option").filter(has_text=name).click()

    async def fill(self, field: str, text: str) -> None:
        """Type into a field."""
        row = self._page.locator("ha-settings-row").filter(has_text=self._label(field))
        await row.get_by_role("textbox").fill(text)

    async def add(self, field: str, text: str) -> None:
        """Add a line to a field that takes several, and type into it."""
        row = self._page.locator("ha-settings-row").filter(has_text=self._label(field))
        await row.get_by_role("button", name=self._own("ui.common.add")).click()
        await row.get_by_role("textbox").last.fill(text)

    async def perform(self) -> None:
        """Perform the action."""
        await self._page.get_by_role("button", name=self._own(f"{_TEXTS}.call_service")).click()

    async def answers(self, text: str) -> None:
        """Wait for a response that holds this."""
        await self._page.get_by_role("heading", name=self._own(f"{_TEXTS}.response")).wait_for()
        await self._page.get_by_text(text).wait_for()

    async def keep_picture(self, name: str) -> None:
        """Take a picture of the form and the response, as a dialog does."""
        if self._say.language == pictures.LANGUAGE:
            await pictures.of_page(self._page, self._page.locator("ha-panel-config"), name, 1400)

    def _label(self, field: str) -> str:
        return self._say(f"services.{self._action}.fields.{field}.name")
