"""Kill a real Home Assistant at every point of a binding: none is lost and none is doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
import signal
import sys
import tempfile
from typing import Any

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from tests.e2e.dialogs import DOMAIN, act, link_account, states
from tests.e2e.story import Story
from tests.e2e.waiting import until
from tests.server.client import PATIENCE, HomeAssistantClient
from tests.server.homeassistant_server import PROJECT, HomeAssistantServer
from tests.server.websocket import HomeAssistantApiError

SPEED = 60
SIZES = (1, 20)
AT_ONCE = 2
"""How many cases run side by side."""

# Stands in the prepared account for the address of its cloud.
PLACEHOLDER = "http://cloud.invalid"
BIND, LIST, WATCH = "device/sn/add", "device/list", "queryDeviceList"
PRODUCT = PROJECT / "custom_components" / DOMAIN
POWER_CUT = Path(__file__).parent / "components/power_cut"


class NotAsClaimedError(Exception):
    """The cut struck elsewhere, or a binding was lost, doubled or never associated."""


@dataclass
class Scene:
    """One case: what is bound, in which folder, at which cloud, and what was found."""

    point: Point
    folder: Path
    simulator: Simulator
    serials: list[str]
    reported: set[str] = field(default_factory=set)

    @property
    def marked(self) -> str:
        """The inverter at which the cut strikes: the one in the middle, or the first."""
        return self.serials[0 if self.point.first else len(self.serials) // 2]

    @property
    def plant_id(self) -> int:
        """The end user's plant."""
        return next(iter(self.simulator.growatt.plants))

    def stored(self) -> dict[str, str]:
        """Return the state of each binding on disk, by serial number."""
        for path in (self.folder / ".storage").glob(f"{DOMAIN}.*"):
            bindings = json.loads(path.read_text())["data"]["bindings"]
            return {str(binding["serial"]): str(binding["state"]) for binding in bindings}
        return {}

    def halves(self) -> list[str]:
        """Return what was written of files that were never finished."""
        texts = [path.read_text() for path in (self.folder / ".storage").glob("tmp*")]
        return [text for text in texts if text and not _is_json(text)]

    def sent(self) -> int:
        """Return how often the marked inverter's binding arrived in the cloud."""
        return sum(call.params["sn"] == self.marked for call in self.simulator.calls.of(BIND))

    def accepted(self) -> bool:
        """Say whether the cloud has taken the marked inverter's binding."""
        return self.marked in self.simulator.growatt.bindings

    def answered(self) -> bool:
        """Say whether the answer to the marked inverter's binding has left the cloud."""
        return any(
            call.params["sn"] == self.marked and call.status is not None
            for call in self.simulator.calls.of(BIND)
        )


type Reach = Callable[[Scene, HomeAssistantServer, HomeAssistantClient], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a binding.

    moment: where the process kills itself (`components/power_cut`), with `state` there; or
    reach: brings Home Assistant to the point, to be killed from outside.
    stored, sent, accepted, answered: what must be found of the marked inverter after the cut.
    half: what the beginning of an unfinished file must contain.
    first: of several inverters the cut strikes at the first, as there is no such moment later.
    """

    key: str
    text: str
    moment: str | None = None
    state: str = ""
    reach: Reach | None = None
    stored: str | None
    sent: int = 0
    accepted: bool = False
    answered: bool = False
    half: str | None = None
    first: bool = False

    def verify(self, scene: Scene) -> None:
        """Raise NotAsClaimedError unless the cut struck at this point."""
        found = (
            scene.stored().get(scene.marked),
            scene.sent(),
            scene.accepted(),
            scene.answered(),
            any(self.half is not None and self.half in text for text in scene.halves()),
        )
        wanted = (self.stored, self.sent, self.accepted, self.answered, self.half is not None)
        if found != wanted:
            raise NotAsClaimedError(f"the cut struck elsewhere: {found} instead of {wanted}")


def hold(path: str, *, executed: bool = True) -> Reach:
    """Reach the point where the cloud has the marked inverter's request of this path in hand."""

    async def reach(scene: Scene, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
        match = {"sn": scene.marked}
        scene.simulator.faults.add(path, kind="hold", match=match, executed=executed)
        await begin(scene, client)
        await scene.simulator.faults.wait_held(seconds=PATIENCE)

    return reach


def hold_look(path: str) -> Reach:
    """Reach the point where the devices are online and a list that shows them is awaited."""

    async def reach(scene: Scene, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
        await accept(scene, server, client)
        scene.simulator.faults.add(path, kind="hold")
        for serial in scene.serials:
            scene.simulator.growatt.bring_online(serial)
        await scene.simulator.faults.wait_held(seconds=PATIENCE)

    return reach


async def accept(scene: Scene, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
    """Reach the point where the cloud has accepted every binding and that is on disk."""
    await begin(scene, client)
    wanted = dict.fromkeys(scene.serials, "accepted")
    await until(lambda: scene.stored() == wanted, "the acceptance of all")


async def begin(scene: Scene, client: HomeAssistantClient) -> None:
    """Have the action write the bindings down, and note what it reports."""
    [entry] = await client.config_entries(DOMAIN)
    response = await act(
        client,
        "bind_device",
        config_entry_id=entry["entry_id"],
        plant_id=str(scene.plant_id),
        serial_numbers=scene.serials,
        timeout=0,
    )
    scene.reported |= {result["serial_number"] for result in response["results"]}


# What holds once the cloud has answered, and what each inverter's write leaves half done.
_ANSWERED: dict[str, Any] = {"sent": 1, "accepted": True, "answered": True}
_WRITING: dict[str, Any] = {"moment": "while_writing", "half": '"bindings"'}

POINTS: Sequence[Point] = (
    Point(
        key="a1",
        text="queued, nothing sent",
        moment="after_writing",
        state="queued",
        stored="queued",
    ),
    Point(key="a2", text="about to be sent", moment="before_sending", stored="unconfirmed"),
    Point(
        key="b1",
        text="received by the cloud",
        reach=hold(BIND, executed=False),
        stored="unconfirmed",
        sent=1,
    ),
    Point(
        key="b2",
        text="carried out there",
        reach=hold(BIND),
        stored="unconfirmed",
        sent=1,
        accepted=True,
    ),
    Point(
        key="c",
        text="answered, not written",
        moment="after_the_answer",
        stored="unconfirmed",
        **_ANSWERED,
    ),
    Point(key="d", text="accepted and pending", reach=accept, stored="accepted", **_ANSWERED),
    Point(
        key="e1", text="cheap list awaited", reach=hold_look(WATCH), stored="accepted", **_ANSWERED
    ),
    Point(
        key="e2", text="plant's list awaited", reach=hold_look(LIST), stored="accepted", **_ANSWERED
    ),
    Point(key="f1", text="writing it as new", state="queued", stored=None, **_WRITING),
    Point(key="f2", text="writing it as leaving", state="unconfirmed", stored="queued", **_WRITING),
    Point(
        key="f3",
        text="writing the ledger",
        moment="while_writing_the_ledger",
        state="unconfirmed",
        stored="unconfirmed",
        half='"ledgers"',
        # The others are sent to an endpoint that is noted as in use by then.
        first=True,
    ),
    Point(
        key="f4",
        text="writing the answer",
        state="accepted",
        stored="unconfirmed",
        **_ANSWERED,
        **_WRITING,
    ),
    Point(
        key="f5",
        text="writing associated",
        state="associated",
        stored="accepted",
        **_ANSWERED,
        **_WRITING,
    ),
)


@asynccontextmanager
async def template() -> AsyncIterator[Path]:
    """Make a configuration folder with one linked account, for every case to copy."""
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name)
        async with (
            Simulator(time_factor=SPEED) as simulator,
            HomeAssistantServer(folder, speed=SPEED) as server,
        ):
            async with server.client() as client:
                await link_account(client, simulator, END_USER_TOKEN)
            await server.stop()
            # Every case has a cloud of its own.
            entries = folder / ".storage/core.config_entries"
            entries.write_text(entries.read_text().replace(simulator.url, PLACEHOLDER))
        yield folder


async def prove(point: Point, count: int, linked: Path) -> str:
    """Bind, cut, start again and judge; returns what was found on disk after the cut.

    Raises NotAsClaimedError, and TimeoutError or ServerError when something never came.
    """
    serials = [f"CUT{number:07}" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name) / "config"
        shutil.copytree(linked, folder)
        async with Simulator(time_factor=SPEED) as simulator:
            entries = folder / ".storage/core.config_entries"
            entries.write_text(entries.read_text().replace(PLACEHOLDER, simulator.url))
            for serial in serials:
                simulator.growatt.add_device(serial)
            scene = Scene(point, folder, simulator, serials)
            await _cut(scene)
            point.verify(scene)
            stored = scene.stored()
            simulator.faults.clear()
            await _recover(scene, scene.reported | stored.keys())
            return _summary(stored)


async def _cut(scene: Scene) -> None:
    """Bring Home Assistant to the point and end it there."""
    point = scene.point
    components = [PRODUCT]
    configuration: dict[str, Any] = {}
    if point.moment is not None:
        components.append(POWER_CUT)
        configuration["power_cut"] = {
            "moment": point.moment,
            "serial": scene.marked,
            "state": point.state,
        }
    async with (
        HomeAssistantServer(
            scene.folder, components=components, configuration=configuration, speed=SPEED
        ) as server,
        server.client() as client,
    ):
        if point.reach is not None:
            await point.reach(scene, server, client)
            await server.kill()
            return
        if point.state == "associated":
            for serial in scene.serials:
                scene.simulator.growatt.bring_online(serial)
        try:
            async with asyncio.timeout(PATIENCE):
                code, _ = await asyncio.gather(server.serve(), _begin_until_cut(scene, client))
        except TimeoutError:
            raise NotAsClaimedError(f"the cut never struck: {scene.stored()}") from None
    if code != -signal.SIGKILL:
        raise NotAsClaimedError(f"Home Assistant ended by itself, with code {code}")


async def _begin_until_cut(scene: Scene, client: HomeAssistantClient) -> None:
    """Begin, where the connection may end before the action has answered."""
    try:
        await begin(scene, client)
    except HomeAssistantApiError as err:
        if err.code != "ended":
            raise


async def _recover(scene: Scene, promised: set[str]) -> None:
    """Start again, have everything end associated, and compare with the cloud."""
    cloud = scene.simulator.growatt
    async with HomeAssistantServer(scene.folder, speed=SPEED) as server, server.client() as client:
        kept = await states(client, "association_pending")
        if kept.keys() != promised:
            raise NotAsClaimedError(f"lost: {sorted(promised - kept.keys())}")
        if forgotten := cloud.bindings.keys() - promised:
            raise NotAsClaimedError(f"bound, but not known any longer: {sorted(forgotten)}")
        # What was never promised is asked for again, as its owner would.
        if rest := [serial for serial in scene.serials if serial not in promised]:
            scene.serials = rest
            await begin(scene, client)
            scene.serials = sorted(promised | scene.reported)
        # While a device is offline nothing shows that its first request was accepted.
        await _all_in(client, scene.serials, {"accepted", "associated"})
        for serial in scene.serials:
            cloud.bring_online(serial)
        await _all_in(client, scene.serials, {"associated"})
        pending = await states(client, "association_pending")
        if pending != dict.fromkeys(scene.serials, "off"):
            raise NotAsClaimedError(f"still pending: {pending}")
        if issues := await client.issues(DOMAIN):
            raise NotAsClaimedError(f"repairs are left: {issues}")
    _compare(scene)


async def _all_in(client: HomeAssistantClient, serials: list[str], wanted: set[str]) -> None:
    """Wait until every inverter shows one of these states."""
    seen: Mapping[str, str] = {}

    async def look() -> bool:
        nonlocal seen
        seen = await states(client, "association_status")
        return seen.keys() == set(serials) and wanted.issuperset(seen.values())

    try:
        await until(look, "association")
    except TimeoutError:
        raise NotAsClaimedError(f"{sorted(wanted)} never came: {_summary(seen)}") from None


def _compare(scene: Scene) -> None:
    """Raise NotAsClaimedError unless the cloud bound each inverter once and within its limits."""
    cloud = scene.simulator.growatt
    counts = {serial: binding.accepted_count for serial, binding in cloud.bindings.items()}
    if counts != dict.fromkeys(scene.serials, 1):
        raise NotAsClaimedError(f"bound more than once, or not at all: {counts}")
    if any(cloud.devices[serial].plant_id != scene.plant_id for serial in scene.serials):
        raise NotAsClaimedError("a device does not stand in its plant")
    if cloud.limits.violations:
        raise NotAsClaimedError(f"limits were passed: {cloud.limits.violations}")


def _summary(found: Mapping[str, str]) -> str:
    """Return how many bindings are in which state."""
    states_found = list(found.values())
    return ", ".join(f"{states_found.count(s)} {s}" for s in sorted(set(states_found))) or "none"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def _main() -> int:
    story = Story()
    story.step("Prepare a Home Assistant with one linked account")
    slots = asyncio.Semaphore(AT_ONCE)
    failures: list[str] = []

    async def case(point: Point, count: int, linked: Path) -> tuple[str, ...]:
        async with slots:
            try:
                found = await prove(point, count, linked)
            except Exception as err:  # noqa: BLE001 - every case is told, whatever befell it
                failures.append(f"{point.key} x {count}: {type(err).__name__}: {err}")
                story.note(f"{point.key} {point.text}, {count}: FAILED")
                return (point.key, point.text, str(count), "-", "FAILED")
            story.note(f"{point.key} {point.text}, {count}: holds")
            return (point.key, point.text, str(count), found, "holds")

    async with template() as linked:
        story.step("Bind, kill at the point, start again; two at a time")
        cases = [case(point, count, linked) for point in POINTS for count in SIZES]
        rows = await asyncio.gather(*cases)
    story.step("Killed at each point, with what the disk held then")
    story.table(("", "point", "n", "on disk after the cut", "outcome"), rows)
    for failure in failures:
        story.note(failure)
    story.end(
        f"{len(failures)} of {len(rows)} cases failed."
        if failures
        else "None lost, each bound exactly once, each associated."
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
