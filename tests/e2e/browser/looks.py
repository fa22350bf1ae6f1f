"""Whether what a person sees is whole and in words, on a phone and a desktop, light and dark."""

import asyncio
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

from playwright.async_api import Locator, Page, ViewportSize

from .texts import FOLDER

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
# From one to the next as little changes as can, and the last is how scenarios go on.
_VIEWS = ((False, PHONE), (True, PHONE), (True, DESKTOP), (False, DESKTOP))

LOOK = Path(__file__).with_name("looks.js").read_text()
_IS_DARK = "dark => document.querySelector('home-assistant').hass.themes.darkMode === dark"
# Pages arrange themselves for a moment after their size changes.
_SETTLING = 3.0
_POLL_INTERVAL = 0.05

# What no text for people looks like.
_RAW = (
    re.compile(r"\bcomponent\.\w+\."),
    re.compile(r"\b[a-z]+(_[a-z]+)+\b"),
    re.compile(r"[{}]|\[object|\bundefined\b|\bnull\b|\bNaN\b|%\w+%"),
    re.compile(r"\bTraceback\b|\w+(Error|Exception)\b|Unknown error"),
)


class LooksWrongError(Exception):
    """Something is cut off or not in words; the text says where and what."""


async def look_right(page: Page, seen: Locator, where: str) -> None:
    """Look at an element on both screens and in both schemes. Raises LooksWrongError."""
    for dark, size in _VIEWS:
        await page.emulate_media(color_scheme="dark" if dark else "light")
        await page.wait_for_function(_IS_DARK, arg=dark)
        await page.set_viewport_size(size)
        await _look(seen, f"{where}, {size['width']} px, {'dark' if dark else 'light'}")


async def settle(seen: Locator) -> None:
    """Wait until an element stays where it is."""
    before = None
    while before != (now := await seen.bounding_box()):
        before = now
        await asyncio.sleep(_POLL_INTERVAL)


async def _look(seen: Locator, where: str) -> None:
    cut: list[str] = []
    try:
        async with asyncio.timeout(_SETTLING):
            while True:
                found: dict[str, Any] = await seen.evaluate(LOOK)
                if raw := [text for text in found["texts"] if is_raw(text)]:
                    raise LooksWrongError(f"{where}: not in words: {raw}")
                if not (cut := found["cut"]) and found["texts"]:
                    return
                await asyncio.sleep(_POLL_INTERVAL)
    except TimeoutError:
        raise LooksWrongError(f"{where}: cut off or empty: {cut}") from None


def is_raw(text: str) -> bool:
    """Tell whether a text is a key or an error that should have become words."""
    return text in _KEYS or any(pattern.search(text) for pattern in _RAW)


def _keys(texts: Any) -> Iterator[str]:
    """Yield the keys that no text is equal to."""
    if isinstance(texts, dict):
        for key, value in texts.items():
            yield key
            yield from _keys(value)


_KEYS = frozenset(_keys(json.loads((FOLDER / "en.json").read_text())))
