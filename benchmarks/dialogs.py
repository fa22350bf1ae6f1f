"""How long an installer's dialogs take to open, in a browser before a real Home Assistant.

One token, 40 accounts, 500 inverters. Runs in the environment of the end-to-end tests.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
import statistics
from tempfile import TemporaryDirectory
import time
from typing import Any, Final, NamedTuple

from playwright.async_api import Locator, Page

from simulator import INSTALLER_TOKEN, Simulator
from tests.e2e.browser.texts import HomeAssistantTexts, Texts
from tests.server import browser
from tests.server.client import PATIENCE, HomeAssistantClient
from tests.server.homeassistant_server import DOMAIN, PROJECT, HomeAssistantServer

from . import table

_GROUP: Final = "Dialogs"
_ACCOUNTS: Final = 40
_INVERTERS: Final = 500
# So many of them are with somebody else, and so many have not come online yet.
_HELD: Final = 5
_PENDING: Final = 20
_RUNS: Final = 5
_OPEN_WITHIN: Final = 2.0
_LISTED_WITHIN: Final = 0.5
# Its actions are there before its first account is.
_QUIET: Final[dict[str, Any]] = {"configuration": {DOMAIN: {}}, "debug_loggers": ()}
# Our pauses between calls pass faster while everything is made, but not while it is measured.
_SPEED: Final = 60

_PICTURE: Final = PROJECT / "build" / "integration-page.png"
_PAGE: Final = f"/config/integrations/integration/{DOMAIN}"
_ROW: Final = "ha-config-entry-row"
_DEVICE: Final = "ha-config-sub-entry-row"
_LINK: Final = f"/_my_redirect/config_flow_start?domain={DOMAIN}"
_BOX: Final = "dialog-data-entry-flow"
_SAY: Final = Texts("en")
_OWN: Final = HomeAssistantTexts("en")

# When a button was clicked and Home Assistant asked, by the page's clock. Not by ours: before it
# clicks, Playwright looks whether the button can be pressed, which takes long on a large page.
_WATCH: Final = """
addEventListener("click", ({ timeStamp }) => {
    performance.clearResourceTimings();
    window.clicked = timeStamp;
}, true);
"""
_SINCE: Final = """() => {
    const now = performance.now();
    const asked = performance.getEntriesByType("resource").find(
        ({ name }) => /\\/api\\/.*(flow|fix)$/.test(name)
    );
    return [now - window.clicked, now - asked.startTime];
}"""


def _serial(number: int) -> str:
    return f"BENCH{number:05}"


# The first account has an inverter that another has, too.
ACCOUNT: Final = "customer-0"
HELD: Final = _serial(0)


# What an installer has


async def make(client: HomeAssistantClient, simulator: Simulator) -> None:
    """Link all accounts of the token and bind all inverters, and wait for the cloud's answers."""
    growatt = simulator.growatt
    growatt.limits.reading = "none"
    stranger = growatt.add_user("stranger", "stranger@example.com")
    theirs = growatt.add_plant(stranger.user_id, "Theirs").plant_id
    plants: dict[str, str] = {}
    for number in range(_ACCOUNTS):
        user = growatt.add_user(f"customer-{number}", f"customer-{number}@example.com")
        plants[str(user.user_id)] = str(growatt.add_plant(user.user_id, "Home").plant_id)
    for number in range(_INVERTERS):
        online = number >= _HELD + _PENDING
        plant_id = theirs if number < _HELD else None
        growatt.add_device(_serial(number), online=online, plant_id=plant_id)

    there = {"server": simulator.url, "token": INSTALLER_TOKEN}
    linked = await act(client, "link_account", **there, account_id=list(plants))
    for number, result in enumerate(linked["results"]):
        await act(
            client,
            "bind_device",
            config_entry_id=result["config_entry_id"],
            plant_id=plants[result["account_id"]],
            serial_numbers=[_serial(one) for one in range(number, _INVERTERS, _ACCOUNTS)],
            timeout=0,
        )
    wanted = {
        "conflict": _HELD,
        "accepted": _PENDING,
        "associated": _INVERTERS - _HELD - _PENDING,
    }
    async with asyncio.timeout(PATIENCE):
        # It is another process.
        while Counter(device["state"] for device in await listed(client)) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def act(client: HomeAssistantClient, action: str, **data: Any) -> dict[str, Any]:
    """Perform an action and return its response."""
    response = await client.call_service(DOMAIN, action, data, return_response=True)
    assert response is not None
    return response


async def listed(client: HomeAssistantClient) -> list[dict[str, Any]]:
    """Return what the action tells of all devices."""
    results: list[dict[str, Any]] = (await act(client, "list_devices"))["devices"]
    return results


@asynccontextmanager
async def installer() -> AsyncGenerator[tuple[HomeAssistantServer, Simulator]]:
    """Start a Home Assistant that has all of them already, and the cloud."""
    with TemporaryDirectory() as folder:
        config_dir = Path(folder)
        async with Simulator() as simulator:
            async with (
                HomeAssistantServer(config_dir, speed=_SPEED, **_QUIET) as fast,
                fast.client() as client,
            ):
                await make(client, simulator)
            async with HomeAssistantServer(config_dir, **_QUIET) as server:
                yield server, simulator


# What is measured


class Opening(NamedTuple):
    """How long after the click, and after its request, a dialog's first form came, in seconds."""

    click: float
    request: float


class Installer:
    """Opens dialogs by the buttons of Home Assistant's pages, and takes the time."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._box = page.locator(_BOX)
        self.took: dict[str, list[Opening]] = {}

    async def open_link(self) -> None:
        """Add an account by the link of the README, with its code not loaded yet each time."""
        for _ in range(_RUNS):
            await self._page.goto(_LINK)
            await self._opens(
                "add an account, by the link",
                self._button(_OWN("ui.common.ok")),
                "config.step.user",
            )

    async def open_page(self) -> float:
        """Open the integration's own page, keep a picture, and return how long it took."""
        began = time.perf_counter()
        await self._page.goto(_PAGE)
        await self._page.locator(_DEVICE).nth(_INVERTERS - 1).wait_for()
        took = time.perf_counter() - began
        _PICTURE.parent.mkdir(exist_ok=True)
        await self._page.screenshot(path=_PICTURE)
        return took

    async def measure(self) -> None:
        """Open each dialog several times."""
        row = self._page.locator(_ROW).filter(has_text=ACCOUNT).first
        inverter = self._page.locator(_DEVICE).filter(has_text=HELD)
        again = _SAY("config_subentries.inverter.initiate_flow.reconfigure")
        for _ in range(_RUNS):
            await self._opens(
                "add an account",
                self._button(_SAY("config.initiate_flow.user")),
                "config.step.user",
            )
            for kind, step in (("inverter", "serial_numbers"), ("datalogger", "datalogger")):
                section = f"config_subentries.{kind}"
                await self._button(_SAY(f"{section}.initiate_flow.user")).click()
                # Home Assistant asks for the account first.
                chosen = self._page.locator("dialog-pick-config-entry").get_by_text(
                    ACCOUNT, exact=True
                )
                await self._opens(f"add {kind}s", chosen, f"{section}.step.{step}")
            await row.get_by_role("button", name=_OWN("ui.common.menu")).first.click()
            reconfigure = self._page.get_by_role(
                "menuitem",
                name=_OWN("ui.panel.config.integrations.config_entry.reconfigure"),
                exact=True,
            )
            await self._opens("change an account", reconfigure, "config.step.reconfigure_elsewhere")
            await self._opens(
                "submit an inverter again",
                inverter.get_by_role("button", name=again),
                "config_subentries.inverter.step.reconfigure",
            )
        await self._page.goto("/config/repairs")
        title = _SAY("issues.conflict.title", serial=HELD)
        for _ in range(_RUNS):
            await self._opens(
                "a repair",
                self._page.get_by_text(title),
                "issues.conflict.fix_flow.step.init",
                serial=HELD,
            )

    def _button(self, name: str) -> Locator:
        return self._page.get_by_role("button", name=name)

    async def _opens(self, what: str, button: Locator, step: str, **values: str) -> None:
        """Press a button until a dialog shows its first step, and close it."""
        title = self._box.get_by_text(_SAY(f"{step}.title", **values), exact=True).first
        await button.click()
        await title.wait_for()
        click, request = await self._page.evaluate(_SINCE)
        self.took.setdefault(what, []).append(Opening(click / 1000, request / 1000))
        await self._box.get_by_role("button", name=_OWN("ui.common.close")).first.click()
        await self._box.locator("dialog[open]").wait_for(state="detached")


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Return how many seconds something takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def measure() -> list[table.Row]:
    """Return the table's rows."""
    async with installer() as (server, _):
        async with server.client() as client:
            assert len(await listed(client)) == _INVERTERS
            lists = [await timed(lambda: listed(client)) for _ in range(_RUNS)]
        async with browser.signed_in_page(server) as page:
            page.set_default_timeout(PATIENCE * 1000)
            await page.add_init_script(_WATCH)
            person = Installer(page)
            await person.open_link()
            opened = await person.open_page()
            await person.measure()
    return [
        *(_opened(what, found) for what, found in person.took.items()),
        table.Row(
            group=_GROUP,
            what="the action that lists all devices",
            ours=_several(lists),
            goal=f"at most {_LISTED_WITHIN:g} s",
            met=max(lists) <= _LISTED_WITHIN,
        ),
        table.Row(
            group=_GROUP,
            what="Home Assistant's own page, with all of them",
            ours=f"{opened:.1f} s",
        ),
    ]


def _opened(what: str, found: list[Opening]) -> table.Row:
    clicks, requests = zip(*found, strict=True)
    return table.Row(
        group=_GROUP,
        what=f"{what}: from the request to its form, and from the click",
        ours=f"{_several(requests)}; {_several(clicks)}",
        goal=f"at most {_OPEN_WITHIN:g} s from the request",
        met=max(requests) <= _OPEN_WITHIN,
    )


def _several(found: Sequence[float]) -> str:
    return f"median {statistics.median(found):.2f} s, longest {max(found):.2f} s"


if __name__ == "__main__":
    table.send(asyncio.run(measure()))
