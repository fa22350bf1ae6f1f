"""Open Home Assistant's front end in a real browser, as a signed-in user sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import shutil

from playwright.async_api import Page, Route, async_playwright
from yarl import URL

from .homeassistant_server import HomeAssistantServer
from .loopback_only import is_local

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Not that of the house: who travels reads times of where they are, as the browser draws them. So
# the house can write none into a text.
_TIME_ZONE = "America/St_Johns"
# What Chromium would otherwise ask Google's hosts in the background.
CHROMIUM_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


class BrowserError(Exception):
    """There is no browser, or a page reached beyond this machine."""


@asynccontextmanager
async def page(
    server: HomeAssistantServer,
    *,
    width: int = 1280,
    height: int = 800,
    language: str = "en",
    dark: bool = False,
    storage: dict[str, str] | None = None,
) -> AsyncIterator[Page]:
    """Open a page with these `localStorage` items, signed out unless they sign in.

    Raises BrowserError at the end if the page tried to load something from another machine.
    """
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        raise BrowserError("no Chromium on PATH; scripts/lib/browser installs one")
    refused: list[str] = []

    async def keep_local(route: Route) -> None:
        if is_local(URL(route.request.url).host):
            await route.continue_()
        else:
            refused.append(route.request.url)
            await route.abort()

    items = {
        "selectedLanguage": json.dumps(language),
        "selectedTheme": json.dumps({"dark": dark}),
        **(storage or {}),
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=list(CHROMIUM_FLAGS)
        )
        try:
            context = await browser.new_context(
                base_url=server.url,
                viewport={"width": width, "height": height},
                locale=language,
                timezone_id=_TIME_ZONE,
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            await context.add_init_script(
                f"for (const [key, value] of Object.entries({json.dumps(items)}))"
                " { if (!localStorage.getItem(key)) localStorage.setItem(key, value); }"
            )
            await context.route("**/*", keep_local)
            yield await context.new_page()
        finally:
            await browser.close()
    if refused:
        raise BrowserError(f"the front end reached beyond this machine: {', '.join(refused)}")


@asynccontextmanager
async def signed_in_page(
    server: HomeAssistantServer,
    *,
    width: int = 1280,
    height: int = 800,
    language: str = "en",
    dark: bool = False,
) -> AsyncIterator[Page]:
    """Open a page of the owner; `page.goto` takes paths such as `/config/integrations`."""
    tokens = await server.sign_in()
    storage = {"hassTokens": json.dumps(tokens.as_front_end())}
    async with page(
        server, width=width, height=height, language=language, dark=dark, storage=storage
    ) as opened:
        yield opened
