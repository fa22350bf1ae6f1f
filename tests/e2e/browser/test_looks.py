"""The close look finds what a person would complain about, and nothing else."""

from collections.abc import AsyncIterator
import shutil

from playwright.async_api import Page, async_playwright
import pytest
import pytest_asyncio

from tests.server.browser import CHROMIUM_NAMES

from . import looks

LONG = "Wechselrichteranmeldungsbestätigungsdialog"
NARROW = "width: 80px; overflow: hidden; white-space: nowrap"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page() -> AsyncIterator[Page]:
    """Return an empty page of a phone."""
    async with async_playwright() as playwright:
        chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
        browser = await playwright.chromium.launch(executable_path=chromium)
        yield await browser.new_page(viewport=looks.PHONE)
        await browser.close()


@pytest.mark.parametrize(
    "html",
    [
        f'<p style="{NARROW}">{LONG}</p>',
        f'<p style="{NARROW}; text-overflow: ellipsis">{LONG}</p>',
        f'<p style="margin-left: 350px">{LONG}</p>',
        '<p style="height: 8px; overflow: hidden">Small</p>',
        '<dialog open style="position: fixed; top: 700px; height: 300px">Ends below</dialog>',
        f'<div style="{NARROW}"><template shadowrootmode="open"><slot></slot></template>{LONG}',
        '<img alt="picture" src="" style="width: 500px; height: 20px">',
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_cut_off(page: Page, html: str) -> None:
    await page.set_content(f"<main>{html}</main>")
    assert (await page.locator("main").evaluate(looks.LOOK))["cut"]


@pytest.mark.parametrize(
    "html",
    [
        f"<p>{LONG}</p>",
        f'<p style="{NARROW}; display: none">{LONG}</p>',
        '<div style="height: 50px; overflow: auto"><p style="height: 500px">Far</p>Down</div>',
        '<dialog open style="position: fixed; inset: 0">Fits</dialog>',
        '<input value="A long text in a field can be moved" style="width: 60px">',
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_whole(page: Page, html: str) -> None:
    await page.set_content(f"<main>{html}</main>")
    assert (await page.locator("main").evaluate(looks.LOOK))["cut"] == []


@pytest.mark.parametrize(
    "text",
    [
        "component.growatt_onboarding.config.step.user.title",
        "own_address",
        "global",
        "The account {name} waits",
        "[object Object]",
        "Turn *Link it* on",
        "**This cannot be undone:** think",
        "See [the guide](https://example.com)",
        "Unknown error occurred",
        "KeyError: 'data'",
        "It looks again at 14:35.",
        "Last seen 2026-11-28T14:35:00+01:00",
        "2026-11-28 02:35 PM",
    ],
)
def test_what_is_not_in_words(text: str) -> None:
    assert looks.is_raw(text)


@pytest.mark.parametrize(
    "text",
    [
        "Global (Europe and others)",
        "ABC0000001",
        "jansen-solar",
        "Username*",
        "4 * 5",
        "http://127.0.0.1:8123",
        "November 28, 2026 at 2:35:00 PM",
    ],
)
def test_what_is_in_words(text: str) -> None:
    assert not looks.is_raw(text)


def test_a_day_of_24_hours_is_not_english() -> None:
    assert looks.is_raw("14:35")
    assert not looks.is_raw("14:35", "de")
