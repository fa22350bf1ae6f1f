"""What a failed scenario leaves behind: what stood on the screen, the page and the log."""

from pathlib import Path
import re
import shutil

from playwright.async_api import Page

from tests.server.homeassistant_server import PROJECT, HomeAssistantServer

FOLDER = PROJECT / "build/e2e"
# A page's HTML leaves out what its elements draw unless each of them is named.
_WHOLE_PAGE = """() => {
  const roots = [];
  const collect = (node) => {
    if (node.shadowRoot) { roots.push(node.shadowRoot); collect(node.shadowRoot); }
    for (const child of node.children) collect(child);
  };
  collect(document.documentElement);
  return document.documentElement.getHTML({ shadowRoots: roots });
}"""


def folder(test: str) -> Path:
    """Return the folder of a test, empty."""
    path = FOLDER / re.sub(r"\W+", "-", test).strip("-")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


async def leave(page: Page, server: HomeAssistantServer, where: Path) -> None:
    """Write everything into a folder."""
    shutil.copy(server.log_path, where / "home-assistant.log")
    (where / "address.txt").write_text(f"{page.url}\n")
    await page.screenshot(path=where / "screenshot.png")
    (where / "page.html").write_text(await page.evaluate(_WHOLE_PAGE))
