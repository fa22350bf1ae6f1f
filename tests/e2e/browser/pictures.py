"""The manual's pictures, taken by the scenarios themselves when they are asked to."""

import os
from pathlib import Path

from playwright.async_api import FloatRect, Locator, Page

from . import looks

LANGUAGE = "en"
"""The manual's."""

# Set by `scripts/e2e --screenshots`.
_FOLDER = os.environ.get("E2E_SCREENSHOTS")
# Enough for the longest form to be seen as a whole.
_HEIGHT = 1150
_AROUND_A_DIALOG = 16


async def of_dialog(page: Page, dialog: Locator, name: str) -> None:
    """Take the picture `name` of a dialog, with a little of what is around it."""
    if _FOLDER is not None:
        await _take(page, dialog, name, _HEIGHT, _AROUND_A_DIALOG)


async def of_page(page: Page, part: Locator, name: str, height: int) -> None:
    """Take the picture `name` of a part of a page, as a window of this height shows it."""
    if _FOLDER is not None:
        await _take(page, part, name, height, 0)


async def _take(page: Page, what: Locator, name: str, height: int, around: int) -> None:
    usual = page.viewport_size
    assert usual is not None
    assert _FOLDER is not None
    await page.set_viewport_size({"width": usual["width"], "height": height})
    await page.mouse.move(0, 0)
    await looks.settle(what)
    box = await what.bounding_box()
    assert box is not None
    clip = FloatRect(
        x=box["x"] - around,
        y=box["y"] - around,
        width=box["width"] + 2 * around,
        height=min(box["height"] + 2 * around, height - box["y"] + around),
    )
    await page.screenshot(path=Path(_FOLDER) / f"{name}.png", clip=clip)
    await page.set_viewport_size(usual)
