"""Whether what a person sees is whole and in words, on a phone and a desktop, light and dark."""

import asyncio
from collections.abc import Collection, Iterator
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any

from playwright.async_api import Locator, Page, TimeoutError as NotInTimeError, ViewportSize

from tests.server.client import PATIENCE

from .texts import FOLDER, HomeAssistantTexts

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
# A scheme moves nothing, so one on each screen is enough to judge. The last is how scenarios go on.
_VIEWS = ((True, PHONE), (False, DESKTOP))
# For human eyes.
_ALL_VIEWS = ((True, PHONE), (False, PHONE), (True, DESKTOP), (False, DESKTOP))

LOOK = Path(__file__).with_name("looks.js").read_text()
# Until a scheme is chosen there is none, which is drawn light.
_IS_DARK = "dark => !!document.querySelector('home-assistant').hass.themes.darkMode === dark"
# How long a scheme is waited for before it is taken for missed and set once more.
_MISSED = 3.0
_POLL_INTERVAL = 0.05
_TRIES = 4

# Set by `scripts/e2e --looks`.
_FOLDER = os.environ.get("E2E_LOOKS")

# What was looked at and right: when the same comes again, it would look the same.
_RIGHT: set[tuple[str, ...]] = set()
# With the marks around it that keep its direction.
_NUMBER = re.compile(r"^\u2068?\d+\s*|\u2069$")
_PORT = re.compile(r":\d{4,5}\b")

# What no text for people looks like: a key, a gap, a mark, an error, a time for machines.
_SAID = re.compile(r" ?\(-?\d+: [^()]*\)$")
_RAW = (
    re.compile(r"\bcomponent\.\w+\."),
    re.compile(r"\b[a-z]+(_[a-z]+)+\b"),
    re.compile(r"[{}]|\[object|\bundefined\b|\bnull\b|\bNaN\b|%\w+%"),
    re.compile(r"\*[^\s*][^*]*\*|\]\("),
    re.compile(r"\bTraceback\b|\w+(Error|Exception)\b|Unknown error"),
    re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d"),
)
# In English Home Assistant has days of twice twelve hours. Another time was not written by the
# front end, which alone knows in which time zone somebody is.
_NOT_OF_A_PERSON = re.compile(r"(?<![\d:.])\d{1,2}:\d\d(:\d\d)?(?![\d:]|\s?[AP]M\b)")


class LooksWrongError(Exception):
    """Something is cut off or not in words; the text says where and what."""


class Looks:
    """Looks closely at what a person sees, and keeps pictures of it if they are wanted."""

    def __init__(self, page: Page, language: str, scenario: str) -> None:
        """Begin to look at a page; what was kept of an earlier run of the scenario goes."""
        self._page = page
        self._language = language
        # Also behind a number.
        self._forgiven = HomeAssistantTexts(language).cut_off
        self._album = _FOLDER and Path(_FOLDER) / re.sub(r"\W+", "-", scenario).strip("-")
        self._count = 0
        if self._album:
            shutil.rmtree(self._album, ignore_errors=True)
            self._album.mkdir(parents=True)

    async def look_right(
        self, seen: Locator, where: str, *, forgiven: Collection[str] = ()
    ) -> None:
        """Look at an element on both screens, dark on one of them. Raises LooksWrongError.

        `forgiven`: what may be cut off beside Home Assistant's own texts.
        """
        forgiven = (*self._forgiven, *forgiven)
        if not self._album and _shown(await seen.evaluate(LOOK)) in _RIGHT:
            return
        self._count += 1
        for dark, size in _ALL_VIEWS if self._album else _VIEWS:
            scheme = "dark" if dark else "light"
            await self._draw(dark=dark)
            await self._page.set_viewport_size(size)
            whole = f"{where}, {size['width']} px, {scheme}"
            found = await _look(seen, whole, self._language, forgiven)
            if self._album:
                name = re.sub(r"\W+", "-", where).strip("-")
                path = self._album / f"{self._count:02}-{name}-{size['width']}-{scheme}.png"
                await self._keep(seen, path, size)
        _RIGHT.add(_shown(found))

    async def _draw(self, *, dark: bool) -> None:
        """Have everything drawn in a scheme; a page that was just loading may miss it once."""
        wanted, other = ("dark", "light") if dark else ("light", "dark")
        for _ in range(_TRIES - 1):
            await self._page.emulate_media(color_scheme=wanted)
            try:
                await self._page.wait_for_function(_IS_DARK, arg=dark, timeout=_MISSED * 1_000)
            except NotInTimeError:
                await self._page.emulate_media(color_scheme=other)
            else:
                return
        await self._page.emulate_media(color_scheme=wanted)
        await self._page.wait_for_function(_IS_DARK, arg=dark)

    async def _keep(self, seen: Locator, path: Path, size: ViewportSize) -> None:
        """Keep a picture of the window, as high as it takes to see everything."""
        scrolls = (await seen.evaluate(LOOK))["scrolls"]
        await self._page.set_viewport_size({**size, "height": size["height"] + scrolls})
        await settle(seen)
        await self._page.screenshot(path=path, animations="disabled")
        await self._page.set_viewport_size(size)


async def settle(seen: Locator) -> None:
    """Wait until an element stays where it is."""
    before = None
    while before != (now := await seen.bounding_box()):
        before = now
        await asyncio.sleep(_POLL_INTERVAL)


def _shown(found: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts that are seen; the simulator has another port each time."""
    return tuple(_PORT.sub("", text) for text in found["texts"])


async def _look(
    seen: Locator, where: str, language: str, forgiven: Collection[str]
) -> dict[str, Any]:
    """Look at one screen in one scheme, and return what is found."""
    # Pages arrange themselves for a moment after their size changes.
    cut: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found: dict[str, Any] = await seen.evaluate(LOOK)
                if raw := [text for text in found["texts"] if is_raw(text, language)]:
                    raise LooksWrongError(f"{where}: not in words: {raw}")
                cut = [what for what in found["cut"] if _NUMBER.sub("", what) not in forgiven]
                if not cut and found["texts"]:
                    return found
                await asyncio.sleep(_POLL_INTERVAL)
    except TimeoutError:
        raise LooksWrongError(f"{where}: cut off or empty: {cut}") from None


def is_raw(text: str, language: str = "en") -> bool:
    """Tell whether a text has a key, an error or a time that should have become words.

    The cloud's own code and words behind a text may be anything.
    """
    ours = _SAID.sub("", text)
    patterns = (*_RAW, _NOT_OF_A_PERSON) if language == "en" else _RAW
    return ours in _KEYS or any(pattern.search(ours) for pattern in patterns)


def _keys(texts: Any) -> Iterator[str]:
    """Yield the keys that no text is equal to."""
    if isinstance(texts, dict):
        for key, value in texts.items():
            yield key
            yield from _keys(value)


_KEYS = frozenset(_keys(json.loads((FOLDER / "en.json").read_text())))
