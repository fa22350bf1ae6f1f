"""Somebody in front of Home Assistant's pages, who goes by what stands there."""

import re

from playwright.async_api import Locator, Page, expect

from tests.server.homeassistant_server import HomeAssistantServer

from . import pictures
from .actions import Actions
from .dialog import ACCOUNT, DATALOGGER, INVERTER, Dialog, repair
from .looks import Looks
from .texts import INTEGRATION, HomeAssistantTexts, Texts, Words

DOMAIN = "growatt_onboarding"

# What a device's page lists of an entity.
_ENTITY = "hui-generic-entity-row"
# What stands under *Discovered*.
_CARD = "ha-config-flow-card"


class Homeowner:
    """A person with a browser who speaks a language, which need not be that of the house."""

    def __init__(
        self, page: Page, server: HomeAssistantServer, *, language: str, scenario: str
    ) -> None:
        """Sit down at this page of this Home Assistant."""
        self.page = page
        self._words = Words(Texts(language), Texts(server.language), HomeAssistantTexts(language))
        self._say, self._house, self._own = self._words
        self._looks = Looks(page, language, scenario)
        self._server = server

    def dialog(self, section: str) -> Dialog:
        """Return the dialog that is open, or will be, whose texts stand in this section."""
        return Dialog(self.page, self._words, self._looks, section)

    # Ways through Home Assistant

    async def sign_in(self) -> None:
        """Come for the first time in this browser."""
        await self.page.goto("/")
        await self.page.locator("input[name=username]").fill(self._server.username)
        await self.page.locator("input[name=password]").fill(self._server.password)
        await self.page.keyboard.press("Enter")

    async def open_settings(self, path: str) -> None:
        """Open one of the pages that Settings lists."""
        await self.page.locator('ha-sidebar a[href="/config"]').click()
        await self.page.locator(f'a[href^="/config/{path}"]').first.click()

    async def add_integration(self) -> Dialog:
        """Look for the integration and open its dialog."""
        await self.open_settings("integrations")
        key = "ui.panel.config.integrations.add_integration"
        await self.page.get_by_role("button", name=self._own(key)).click()
        search = self.page.get_by_placeholder(
            self._own("ui.panel.config.integrations.search_brand")
        )
        await search.fill(INTEGRATION)
        await self.page.get_by_role("listitem").get_by_text(INTEGRATION).click()
        return self.dialog(ACCOUNT)

    async def start_dialog(self) -> Dialog:
        """Open the integration's dialog by its link, as the README's button does."""
        await self.page.goto(f"/_my_redirect/config_flow_start?domain={DOMAIN}")
        return await self.agree_to_start()

    async def agree_to_start(self) -> Dialog:
        """Answer the question with which a link to the integration's dialog begins."""
        await self._agree("ui.common.ok")
        return self.dialog(ACCOUNT)

    async def open_integration(self) -> None:
        """Open the integration's own page."""
        await self.open_settings("integrations")
        await self.page.get_by_role("link", name=INTEGRATION).click()
        await self.page.get_by_role("heading", name=INTEGRATION, level=1).wait_for()

    async def open_device(self, name: str) -> None:
        """Open a device's page from the integration's."""
        await self.open_integration()
        await self.page.get_by_role("button", name=name).first.click()
        await self.page.locator("ha-device-info-card").wait_for()

    async def open_repair(self, problem: str, name: str) -> Dialog:
        """Open a repair from the page that lists them, once Settings tells of it."""
        await self.open_settings("repairs")
        title = self._say(f"issues.{problem}.title", serial=name, account=name, name=name)
        await self.page.get_by_text(title).click()
        return self.dialog(repair(problem))

    async def open_notice(self, problem: str, **values: str) -> Locator:
        """Open what only says something from the page that lists the repairs."""
        await self.open_settings("repairs")
        await self.page.get_by_text(self._say(f"issues.{problem}.title", **values)).click()
        notice = self.page.locator("dialog-repairs-issue")
        for piece in self._say.pieces(f"issues.{problem}.description", **values):
            await notice.get_by_text(piece).first.wait_for()
        await self._looks.look_right(notice, problem)
        return notice

    async def open_actions(self) -> Actions:
        """Open the page where actions are tried."""
        await self.open_settings("tools")
        key = "ui.panel.config.tools.tabs.actions.title"
        await self.page.get_by_role("tab", name=self._own(key), exact=True).click()
        return Actions(self.page, self._words)

    async def reconfigure_inverter(self, serial: str) -> Dialog:
        """Press the button beside an inverter on the integration's page."""
        await self.open_integration()
        name = self._say(f"{INVERTER}.initiate_flow.reconfigure")
        await self._inverter(serial).get_by_role("button", name=name).click()
        return self.dialog(INVERTER)

    async def reconfigure_account(self, name: str) -> Dialog:
        """Choose to change an account."""
        await self.open_integration()
        await self._choose(self._account(name), "reconfigure")
        return self.dialog(ACCOUNT)

    async def open_card(self, serial: str) -> Dialog:
        """Go on from the card that says that an inverter is in the cloud."""
        card = await self._card(serial)
        await card.get_by_role("button", name=self._own("ui.common.add"), exact=True).click()
        return self.dialog(ACCOUNT)

    async def ignore_card(self, serial: str) -> None:
        """Ignore that card for good, and see it go."""
        card = await self._card(serial)
        key = "ui.panel.config.integrations.ignore.ignore"
        await card.get_by_role("button", name=self._own(key), exact=True).click()
        await self._agree(key)
        await card.wait_for(state="detached")

    async def sees_no_card(self) -> None:
        """Open the page of integrations, on which no card is left."""
        await self.open_settings("integrations")
        await self.page.get_by_role("link", name=INTEGRATION).wait_for()
        await expect(self.page.locator(_CARD)).to_have_count(0)

    async def _card(self, serial: str) -> Locator:
        """Open the page of integrations and look at the card, once it is there."""
        await self.open_settings("integrations")
        # Home Assistant draws it with the words of the house.
        title = self._house("config.step.discovered.title", serial=serial)
        card = self.page.locator(_CARD).filter(has_text=title)
        await card.wait_for()
        await self._looks.look_right(card, "card")
        return card

    async def add_inverters(self) -> Dialog:
        """Press the button for it on the integration's page, when there is one account."""
        return await self._add(INVERTER)

    async def add_datalogger(self) -> Dialog:
        """Press the button for it on the integration's page, when there is one account."""
        return await self._add(DATALOGGER)

    async def _add(self, section: str) -> Dialog:
        await self.open_integration()
        name = self._say(f"{section}.initiate_flow.user")
        await self.page.get_by_role("button", name=name).click()
        return self.dialog(section)

    async def sign_in_again(self, account: str) -> Dialog:
        """Go by what Home Assistant says about an account that has to be signed in to again."""
        await self.open_integration()
        row = self.page.locator("ha-list-item-base.attention").filter(has_text=account)
        await row.get_by_role("button").click()
        return self.dialog(ACCOUNT)

    async def delete_inverter(self, serial: str) -> None:
        """Remove an inverter from Home Assistant."""
        await self.open_integration()
        await self._choose(self._inverter(serial), "delete")
        await self._agree("ui.common.delete")
        await self._inverter(serial).wait_for(state="detached")

    async def press(self, button: str) -> None:
        """Press a button on a device's page."""
        await self._entity(button).get_by_role("button").click()

    async def delete_account(self, name: str) -> None:
        """Remove an account from Home Assistant."""
        await self.open_integration()
        await self._choose(self._account(name), "delete")
        key = "ui.panel.config.integrations.config_entry.delete_confirm_title"
        question = self.page.locator("dialog-box")
        await question.get_by_text(self._own(key, title=name)).wait_for()
        await self._agree("ui.common.delete")
        await self._account(name).wait_for(state="detached")

    async def _choose(self, row: Locator, item: str) -> None:
        """Choose from the menu of an account or inverter on the integration's page."""
        await row.get_by_role("button", name=self._own("ui.common.menu")).first.click()
        name = self._own(f"ui.panel.config.integrations.config_entry.{item}")
        await self.page.get_by_role("menuitem", name=name, exact=True).click()

    async def _agree(self, key: str) -> None:
        """Press a button of a question."""
        question = self.page.locator("dialog-box")
        await question.get_by_role("button", name=self._own(key), exact=True).click()

    def _account(self, name: str) -> Locator:
        return self.page.locator("ha-config-entry-row").filter(has_text=name)

    def _inverter(self, serial: str) -> Locator:
        return self.page.locator("ha-config-sub-entry-row").filter(has_text=serial)

    # What is seen

    async def sees_state(self, entity: str, state: str, kind: str = "_") -> None:
        """Wait until a device's page shows this state of an entity, such as `sensor.submitted`.

        `kind`: the entity's device class, where Home Assistant has words of its own for it.
        """
        # The state is the row's own text, its name is drawn into the row's inside.
        text = state if state.isdecimal() else self._state(entity, state, kind)
        row = self._entity(entity).filter(has_text=re.compile(rf"^\s*{re.escape(text)}(\s|$)"))
        await row.wait_for()

    async def sees_entities(self, *entities: str) -> None:
        """Wait until a device's page lists these entities and no others."""
        for entity in entities:
            await self._entity(entity).wait_for()
        await expect(self.page.locator(_ENTITY)).to_have_count(len(entities))

    async def sees_repairs(self, **serials: str) -> None:
        """Open the page that lists the repairs, and look at it once these are there.

        Home Assistant has one line for each title, and cuts off what does not fit.
        """
        await self.open_settings("repairs")
        titles = [
            self._say(f"issues.{problem}.title", serial=serial)
            for problem, serial in serials.items()
        ]
        for title in titles:
            await self._panel.get_by_text(title).wait_for()
        await self._looks.look_right(self._panel, "repairs page", forgiven=titles)

    async def sees_devices(self, dashboard: str, *serials: str) -> None:
        """Open a dashboard, and look at it once its table has these devices in this order."""
        await self.page.goto(f"/{dashboard}")
        table = self.page.locator("hui-markdown-card").get_by_role("table")
        await expect(table.get_by_role("link")).to_have_text(serials)
        await self._looks.look_right(self.page.locator("hui-markdown-card"), "dashboard")

    async def looks_into(self, entity: str) -> None:
        """Open what Home Assistant tells of an entity, look at it, and close it."""
        name = self._name(entity)
        await self._entity(entity).get_by_title(name, exact=True).click()
        dialog = self.page.locator("ha-more-info-dialog")
        await dialog.get_by_text(name, exact=True).first.wait_for()
        await self._looks.look_right(dialog, entity)
        await self.page.keyboard.press("Escape")
        await dialog.locator("dialog[open]").wait_for(state="detached")

    def _entity(self, entity: str) -> Locator:
        """Return a device's page's row; entities are named in the language of the house."""
        name = self._name(entity)
        return self.page.locator(_ENTITY).filter(has=self.page.get_by_title(name, exact=True))

    def _name(self, entity: str) -> str:
        """Return an entity's name; one without its own has that of its device class."""
        if (key := f"entity.{entity}.name") in self._house:
            return self._house(key)
        domain, _, kind = entity.partition(".")
        own = HomeAssistantTexts(self._server.language)
        return own(f"component.{domain}.entity_component.{kind}.name")

    def _state(self, entity: str, state: str, kind: str) -> str:
        key = f"entity.{entity}.state.{state}"
        if key in self._say:
            return self._say(key)
        domain = entity.partition(".")[0]
        return self._own(f"component.{domain}.entity_component.{kind}.state.{state}")

    async def looks_right(self, where: str) -> None:
        """Look whether the page is whole and in words on all screens."""
        await self._looks.look_right(self._panel, where)

    async def keep_picture(self, name: str) -> None:
        """Take a picture of the page without the sidebar, as a dialog does."""
        if self._say.language == pictures.LANGUAGE:
            await pictures.of_page(self.page, self._panel, name, 800)

    async def keep_picture_of_dashboard(self, name: str) -> None:
        """Take a picture of the only card of a dashboard."""
        if self._say.language == pictures.LANGUAGE:
            card = self.page.locator("hui-markdown-card")
            await pictures.of_page(self.page, card, name, 400)

    @property
    def _panel(self) -> Locator:
        """What stands beside the sidebar."""
        return self.page.locator("ha-panel-config")
