"""The page of Home Assistant on which actions are tried by hand."""

from playwright.async_api import Page

from . import pictures


class Actions:
    """Settings, Tools, Actions."""

    def __init__(self, page: Page) -> None:
        """Use the page that is open."""
        self._page = page

    async def choose(self, name: str) -> None:
        """Look an action up and choose it."""
        await self._page.get_by_role("button", name="Action", exact=True).click()
        await self._page.get_by_role("listbox").wait_for()
        await self._page.keyboard.type(name)
        await self._page.get_by_role("option").filter(has_text=name).click()

    async def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        row = self._page.locator("ha-settings-row").filter(has_text=label)
        await row.get_by_role("textbox").fill(text)

    async def add(self, label: str, text: str) -> None:
        """Add a line to a field that takes several, and type into it."""
        row = self._page.locator("ha-settings-row").filter(has_text=label)
        await row.get_by_role("button", name="Add").click()
        await row.get_by_role("textbox").last.fill(text)

    async def perform(self) -> None:
        """Perform the action."""
        await self._page.get_by_role("button", name="Perform action").click()

    async def answers(self, text: str) -> None:
        """Wait for a response that holds this."""
        await self._page.get_by_role("heading", name="Response").wait_for()
        await self._page.get_by_text(text).wait_for()

    async def keep_picture(self, name: str) -> None:
        """Take a picture of the form and the response, if pictures are wanted."""
        await pictures.of_page(self._page, self._page.locator("ha-panel-config"), name, 1400)
