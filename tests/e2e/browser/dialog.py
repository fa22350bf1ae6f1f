"""A dialog of an integration as a person sees it: titles, fields by their labels, buttons."""

from pathlib import Path
import re

from playwright.async_api import Locator, Page, expect

from . import looks, pictures

_TITLES = Path(__file__).with_name("titles.js").read_text()
# Home Assistant draws each of its flows with this element.
_FLOW = "dialog-data-entry-flow"


class Dialog:
    """The dialog that is open; each step that is waited for is also looked at closely."""

    def __init__(self, page: Page) -> None:
        """Watch this page."""
        self._page = page
        self._box = page.locator(_FLOW)

    # What is seen

    async def shows(self, text: str) -> None:
        """Wait for a title or another whole text, then look whether everything is as it should."""
        await self._box.get_by_text(text, exact=True).first.wait_for()
        await looks.look_right(self._page, self._box, text)

    async def tells(self, text: str) -> None:
        """Wait for a part of a text, then look whether everything is as it should."""
        await self._box.get_by_text(text).first.wait_for()
        await looks.look_right(self._page, self._box, text)

    async def refuses(self, text: str) -> None:
        """Wait for an error, told in a box of its own."""
        await self._box.locator("ha-alert").filter(has_text=text).wait_for()
        await looks.look_right(self._page, self._box, text)

    async def is_gone(self) -> None:
        """Wait until no dialog is open."""
        await self._box.locator("dialog[open]").wait_for(state="detached")

    async def picture_on_screen(self) -> str:
        """Wait until the picture in the dialog's text is drawn, and return its address."""
        picture = self._box.locator("ha-markdown img")
        await picture.scroll_into_view_if_needed()
        await expect(picture).to_be_in_viewport(ratio=1)
        await expect(picture).not_to_have_js_property("naturalWidth", 0)
        return str(await picture.get_attribute("src"))

    def value(self, label: str) -> Locator:
        """Return the field to type into that has this label."""
        # A mark that it is required may follow.
        return self._box.get_by_role("textbox", name=_whole(label))

    async def too_long_for_repairs(self, titles: list[str]) -> list[str]:
        """Return those that would be cut off as the title of a repair's dialog on a phone."""
        await self._page.set_viewport_size(looks.PHONE)
        await self._box.locator(".dialog-title").wait_for()
        return list(await self._box.evaluate(_TITLES, titles))

    async def keep_picture(self, name: str) -> None:
        """Take a picture for the README, if pictures are wanted."""
        await pictures.of_dialog(self._page, self._box.locator("dialog[open]"), name)

    # What is done

    async def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        await self.value(label).fill(text)

    async def fill_number(self, label: str, text: str) -> None:
        """Type a number into a field."""
        field = self._box.locator("ha-selector-number").filter(has_text=label)
        await field.get_by_role("spinbutton").fill(text)

    async def pick(self, label: str, option: str) -> None:
        """Open a list and choose from it."""
        await self._box.get_by_role("button", name=label).click()
        # A short list is drawn as a menu.
        option_or_item = self._box.get_by_role("option", name=option, exact=True).or_(
            self._box.get_by_role("menuitem", name=option, exact=True)
        )
        await option_or_item.click()

    async def choose(self, option: str) -> None:
        """Choose one of a few options that all stand there."""
        await self._box.get_by_role("radio", name=option, exact=True).click()

    async def go(self, way: str) -> None:
        """Choose where to go on from a menu."""
        await self._box.get_by_text(way, exact=True).click()

    async def submit(self) -> None:
        """Send the form off with the button at the foot of the dialog."""
        await self._box.locator("ha-dialog-footer").get_by_role("button").last.click()

    async def submit_until(self, text: str) -> None:
        """Send a form off, again as long as it is refused, until a text comes that follows it."""
        wanted = self._box.get_by_text(text).first
        while not await wanted.is_visible():
            await self.submit()
            await wanted.or_(self._box.locator("ha-alert")).first.wait_for()

    async def leave(self) -> None:
        """Close the dialog before its end."""
        await self._box.get_by_role("button", name="Close").first.click()
        await self.is_gone()

    async def close(self) -> None:
        """Close the dialog that has come to its end."""
        await self.submit()
        await self.is_gone()


def _whole(label: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(label)}\s*\*?$")
