"""A dialog of an integration as a person sees it: titles, fields by their labels, buttons.

Texts are named by their keys below the dialog's section of the integration's texts, so that a
scenario is the same in every language.
"""

from pathlib import Path
import re

from playwright.async_api import Locator, Page, expect

from . import looks, pictures
from .looks import Looks
from .texts import Words

ACCOUNT = "config"
INVERTER = "config_subentries.inverter"
DATALOGGER = "config_subentries.datalogger"

_TITLES = Path(__file__).with_name("titles.js").read_text()
# Home Assistant draws each of its flows with this element.
_FLOW = "dialog-data-entry-flow"


def repair(problem: str) -> str:
    """Return the section of a repair."""
    return f"issues.{problem}.fix_flow"


class Dialog:
    """The dialog that is open; each step that is waited for is also looked at closely."""

    def __init__(self, page: Page, words: Words, eyes: Looks, section: str) -> None:
        """Watch this page for a dialog whose texts stand in this section."""
        self._page = page
        self._words = words
        self._say, self._house, self._own = words
        self._looks = eyes
        self._section = section
        self._step = ""
        self._box = page.locator(_FLOW)
        # The steps so far, those of the dialogs before this one included.
        self.steps: list[str] = []

    def of(self, section: str) -> Dialog:
        """Return the dialog whose texts stand in another section, such as the one that follows."""
        following = Dialog(self._page, self._words, self._looks, section)
        following.steps = self.steps
        return following

    def reason(self, key: str, **values: str) -> str:
        """Return what a step tells of an inverter that the cloud does not have where it should."""
        return self._house(f"exceptions.{key}.message", **values)

    # What is seen

    async def shows(self, step: str, **values: str) -> None:
        """Wait for a step's title and description, then look whether everything is as it should.

        `values` fill their gaps; what stands in the others is not looked at.
        """
        self._step = step
        self.steps.append(step)
        path = f"{self._section}.step.{step}"
        title = self._say(f"{path}.title", **values)
        await self._box.get_by_text(title, exact=True).first.wait_for()
        await self._has(f"{path}.description", values)
        await self._look(step)

    async def says(self, key: str, **values: str) -> None:
        """Wait for a text of the house, then look whether everything is as it should."""
        await self._box.get_by_text(self._house(key, **values)).first.wait_for()
        await self._look(key)

    async def tells(self, key: str, **values: str) -> None:
        """Wait for a text, then look whether everything is as it should."""
        await self._has(f"{self._section}.{key}", values)
        await self._look(key.rpartition(".")[-1])

    async def ends(self, reason: str, **results: str) -> None:
        """Wait for the end of a device's dialog, and what it says of each: state=serial.

        A datalogger's states are `datalogger_…`.
        """
        await self._has(f"{self._section}.abort.{reason}", {})
        for state, serial in results.items():
            line = self._box.get_by_role("listitem").filter(
                has_text=self._house(_key_of_state(state))
            )
            for one in serial.split(", "):
                await line.filter(has_text=one).wait_for()
        await self._look(reason)

    async def leads_to_device(self, serial: str) -> None:
        """Follow the link from what is wrong with a device to its page."""
        await self._box.get_by_role("link", name=serial, exact=True).click()
        await self._page.locator("ha-device-info-card").wait_for()

    async def refuses(self, error: str, **values: str) -> None:
        """Wait for an error, told in a box of its own."""
        alert = self._box.locator("ha-alert")
        for piece in self._say.pieces(f"{self._section}.error.{error}", **values):
            alert = alert.filter(has_text=piece)
        await alert.wait_for()
        await self._look(error)

    async def has_made_the_account(self) -> None:
        """Wait until Home Assistant says that it has the account and asks where its device is."""
        key = "ui.panel.config.integrations.config_flow.device_created"
        await self._box.get_by_text(self._own(key), exact=True).first.wait_for()
        await self._look("account made")

    async def has_repaired(self) -> None:
        """Wait until Home Assistant says that a repair is done."""
        text = self._own("ui.dialogs.repair_flow.success.description")
        await self._box.get_by_text(text).first.wait_for()
        await self._look("repaired")

    async def is_gone(self) -> None:
        """Wait until no dialog is open."""
        await self._box.locator("dialog[open]").wait_for(state="detached")

    async def picture_on_screen(self) -> str:
        """Wait until the picture in the dialog's text is drawn, and return its address."""
        picture = self._box.locator("ha-markdown img")
        # To the middle: at an edge the dialog's own bars cut it off.
        await picture.evaluate("picture => picture.scrollIntoView({block: 'center'})")
        await expect(picture).to_be_in_viewport(ratio=1)
        await expect(picture).not_to_have_js_property("naturalWidth", 0)
        return str(await picture.get_attribute("src"))

    async def says_chosen(self, field: str, option: str) -> None:
        """Wait until this is what is chosen in a list, by the option's key or what it is called."""
        chosen = self._box.get_by_role("button", name=self._label(field))
        await chosen.filter(has_text=self._option(field, option)).wait_for()

    def value(self, field: str) -> Locator:
        """Return the field to type into."""
        # A mark that it is required may follow.
        label = re.compile(rf"^{re.escape(self._label(field))}\s*\*?$")
        return self._box.get_by_role("textbox", name=label)

    async def too_long_for_repairs(self, titles: list[str]) -> list[str]:
        """Return those that would be cut off as the title of a repair's dialog on a phone."""
        await self._page.set_viewport_size(looks.PHONE)
        await self._box.locator(".dialog-title").wait_for()
        return list(await self._box.evaluate(_TITLES, titles))

    async def keep_picture(self, name: str) -> None:
        """Take a picture for the manual, if pictures are wanted and this is its language."""
        if self._say.language == pictures.LANGUAGE:
            await pictures.of_dialog(self._page, self._box.locator("dialog[open]"), name)

    # What is done

    async def turn_on(self, field: str) -> None:
        """Turn a switch on."""
        # What is drawn of it lies over what is clicked.
        await self._box.get_by_role("switch", name=self._label(field)).press("Space")

    async def turn_off(self, field: str) -> None:
        """Turn a switch off that is on."""
        await self.turn_on(field)

    async def fill(self, field: str, text: str) -> None:
        """Type into a field."""
        await self.value(field).fill(text)

    async def attach(self, field: str, path: Path) -> None:
        """Choose a file, and wait until it is uploaded, in place of the field's label."""
        selector = self._box.locator("ha-selector-file")
        await selector.get_by_text(self._label(field)).wait_for()
        async with self._page.expect_response("**/api/file_upload"):
            await selector.locator("input[type=file]").set_input_files(path)
        await selector.get_by_text(path.name).wait_for()

    async def pick(self, field: str, option: str) -> None:
        """Open a list and choose from it, by the option's key or by what it is called."""
        await self._box.get_by_role("button", name=self._label(field)).click()
        # A short list is drawn as a menu.
        name = self._option(field, option)
        option_or_item = self._box.get_by_role("option", name=name, exact=True).or_(
            self._box.get_by_role("menuitem", name=name, exact=True)
        )
        await option_or_item.click()

    async def choose(self, field: str, option: str) -> None:
        """Choose one of a few options that all stand there, by its key or what it is called."""
        name = self._option(field, option)
        await self._box.get_by_role("radio", name=name, exact=True).click()

    async def check(self, field: str, option: str) -> None:
        """Choose one more of a few options, by its key or what it is called."""
        name = self._option(field.removesuffix("s"), option)
        # As with a switch.
        await self._box.get_by_role("checkbox", name=name, exact=True).press("Space")

    async def open_section(self, section: str) -> None:
        """Open a section of a form."""
        name = self._say(f"{self._section}.step.{self._step}.sections.{section}.name")
        panel = self._box.locator("ha-expansion-panel").filter(has_text=name)
        await panel.get_by_role("button").first.click()
        await panel.locator(".container.expanded").wait_for()

    async def go(self, option: str, **values: str) -> None:
        """Choose where to go on from a menu."""
        text = self._say(f"{self._section}.step.{self._step}.menu_options.{option}", **values)
        await self._box.locator("ha-list-item").get_by_text(text, exact=True).click()

    async def submit(self) -> None:
        """Send the form off with the button at the foot of the dialog."""
        await self._box.locator("ha-dialog-footer").get_by_role("button").last.click()

    async def submit_until(self, key: str) -> None:
        """Send a form off, again as long as it is refused, until a text of Home Assistant comes."""
        wanted = self._box.get_by_text(self._own(key)).first
        while not await wanted.is_visible():
            await self.submit()
            await wanted.or_(self._box.locator("ha-alert")).first.wait_for()

    async def leave(self) -> None:
        """Close the dialog before its end."""
        close = self._box.get_by_role("button", name=self._own("ui.common.close"))
        await close.first.click()
        await self.is_gone()

    async def close(self) -> None:
        """Close the dialog that has come to its end."""
        await self.submit()
        await self.is_gone()

    # Private

    async def _has(self, key: str, values: dict[str, str]) -> None:
        """Wait for all pieces of a text, where there is one."""
        if key in self._say:
            for piece in self._say.pieces(key, **values):
                await self._box.get_by_text(piece).first.wait_for()

    async def _look(self, where: str) -> None:
        await self._looks.look_right(self._box, where)

    def _label(self, field: str) -> str:
        return self._say(f"{self._section}.step.{self._step}.data.{field}")

    def _option(self, field: str, option: str) -> str:
        key = f"selector.{field.removesuffix('_id')}.options.{option}"
        return self._say(key) if key in self._say else option


def _key_of_state(state: str) -> str:
    """Return the key of the text of a state, for a datalogger of `datalogger_…`."""
    of_stick = state.removeprefix("datalogger_")
    sensor = "association_status" if of_stick == state else "datalogger_status"
    return f"entity.sensor.{sensor}.state.{of_stick}"
