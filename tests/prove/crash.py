"""Kill a real Home Assistant at every point of a binding: none is lost and none is doubled.

So it is for inverters, for dataloggers, and for the inverters that a datalogger brings.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import signal
import sys
from typing import Any

from tests.e2e.dialogs import DOMAIN, states
from tests.e2e.story import Story
from tests.e2e.waiting import until
from tests.server.client import PATIENCE, HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer
from tests.server.websocket import HomeAssistantApiError

from .devices import BROUGHT, DATALOGGERS, INVERTERS, Devices
from .homes import (
    Home,
    NotAsClaimedError,
    all_in,
    count,
    linked_folder,
    named,
    new_home,
    side_by_side,
)

SIZES = (1, 20)
"""How many inverters a case has; with so few each write has all of them."""
MANY = 60
"""So many that a change is written into the journal, and every other one makes a snapshot."""

WATCH = "queryDeviceList"


@dataclass
class Scene:
    """One case: what is bound, in which home, and what the action reported."""

    point: Point
    home: Home
    devices: Devices
    serials: list[str]
    reported: set[str] = field(default_factory=set)

    @property
    def marked(self) -> str:
        """The device at which the cut strikes: the one in the middle, or the first."""
        return self.serials[0 if self.point.first else len(self.serials) // 2]

    def sent(self, serial: str | None = None) -> int:
        """Return how often a binding arrived in the cloud, by default the marked device's."""
        serial = serial or self.marked
        calls = self.home.simulator.calls.of(self.devices.add)
        return sum(call.params["sn"] == serial for call in calls)

    def bring_online(self) -> None:
        """Have all devices come online."""
        for serial in self.serials:
            self.devices.bring_online(self.home.simulator.growatt, serial)

    def accepted(self) -> bool:
        """Say whether the cloud has taken the marked device's binding."""
        return self.marked in self.devices.held(self.home.simulator.growatt)

    def answered(self) -> bool:
        """Say whether the answer to the marked device's binding has left the cloud."""
        return any(
            call.params["sn"] == self.marked and call.status is not None
            for call in self.home.simulator.calls.of(self.devices.add)
        )


type Reach = Callable[[Scene, HomeAssistantServer, HomeAssistantClient], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a binding.

    moment: where the process kills itself (`components/power_cut`), with `state` there; or
    reach: brings Home Assistant to the point, to be killed from outside.
    stored, sent, accepted, answered: what must be found of the marked device after the cut.
    half: what the beginning of an unfinished file must contain.
    journaled: the journal has it; else nothing is said about where it stands.
    first: of several inverters the cut strikes at the first, as there is no such moment later.
    late: the cut waits until Home Assistant has written the inverters down too.
    online: the devices are online when Home Assistant starts again, so that a look shows what was
        accepted, and nothing is sent again.
    sizes: of how many devices, inverters unless `of` says else.
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
    journaled: bool = False
    first: bool = False
    late: bool = False
    online: bool = False
    sizes: Sequence[int] = SIZES
    of: Sequence[Devices] = (INVERTERS, DATALOGGERS)

    def verify(self, scene: Scene) -> None:
        """Raise NotAsClaimedError unless the cut struck at this point."""
        found = (
            scene.home.bindings().get(scene.marked),
            scene.sent(),
            scene.accepted(),
            scene.answered(),
            any(self.half is not None and self.half in text for text in scene.home.unfinished()),
            self.journaled and scene.marked in scene.home.journaled(),
        )
        half = self.half is not None
        wanted = (self.stored, self.sent, self.accepted, self.answered, half, self.journaled)
        if found != wanted:
            raise NotAsClaimedError(f"the cut struck elsewhere: {found} instead of {wanted}")


def hold(*, executed: bool = True) -> Reach:
    """Reach the point where the cloud has the marked device's request in hand."""

    async def reach(scene: Scene, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
        path, match = scene.devices.add, {"sn": scene.marked}
        scene.home.simulator.faults.add(path, kind="hold", match=match, executed=executed)
        await begin(scene, client)
        await scene.home.simulator.faults.wait_held(seconds=PATIENCE)

    return reach


def hold_look(path: str | None = None) -> Reach:
    """Reach the point where the devices are online and a list that shows them is awaited."""

    async def reach(scene: Scene, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
        await accept(scene, server, client)
        scene.home.simulator.faults.add(path or scene.devices.list, kind="hold")
        scene.bring_online()
        await scene.home.simulator.faults.wait_held(seconds=PATIENCE)

    return reach


async def accept(scene: Scene, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
    """Reach the point where the cloud has accepted every binding and that is on disk."""
    await begin(scene, client)
    wanted = dict.fromkeys(scene.devices.typed(scene.serials), "accepted")
    await until(lambda: scene.home.bindings() == wanted, "the acceptance of all")


async def begin(scene: Scene, client: HomeAssistantClient) -> None:
    """Have the action write the bindings down, and note what it reports."""
    [entry] = await client.config_entries(DOMAIN)
    typed = scene.devices.typed(scene.serials)
    scene.reported |= await scene.devices.bind(
        client, entry["entry_id"], scene.home.plant_id, typed
    )


# What holds once the cloud has answered, and what each inverter's write leaves half done.
_ANSWERED: dict[str, Any] = {"sent": 1, "accepted": True, "answered": True}
_WRITING: dict[str, Any] = {"moment": "while_writing", "half": '"bindings"'}
_BRINGING: dict[str, Any] = {**_WRITING, "of": (BROUGHT,)}
_JOURNAL: dict[str, Any] = {"moment": "while_writing", "half": '.journal"', "sizes": (MANY,)}

POINTS: Sequence[Point] = (
    Point(
        key="a1",
        text="queued, nothing sent",
        moment="after_writing",
        state="queued",
        stored="queued",
    ),
    Point(
        key="a2",
        text="about to be sent",
        moment="before_sending",
        stored="unconfirmed",
        # With many, an older journal lies beside the snapshot.
        sizes=(*SIZES, MANY),
    ),
    Point(
        key="b1",
        text="received by the cloud",
        reach=hold(executed=False),
        stored="unconfirmed",
        sent=1,
    ),
    Point(
        key="b2",
        text="carried out there",
        reach=hold(),
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
    Point(
        key="d",
        text="accepted and pending",
        reach=accept,
        stored="accepted",
        sizes=(*SIZES, MANY),
        **_ANSWERED,
    ),
    Point(
        key="e1",
        text="cheap list awaited",
        reach=hold_look(WATCH),
        stored="accepted",
        of=(INVERTERS,),
        **_ANSWERED,
    ),
    Point(key="e2", text="plant's list awaited", reach=hold_look(), stored="accepted", **_ANSWERED),
    Point(key="f1", text="writing it as new", state="queued", stored=None, **_WRITING),
    Point(
        key="f2",
        text="writing it as leaving",
        state="unconfirmed",
        stored="queued",
        # With many, the answer to the one before stands in the journal only.
        sizes=(*SIZES, MANY),
        **_WRITING,
    ),
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
    # The first change after a snapshot, and the answers.
    Point(
        key="g1",
        text="leaving, journal cut in half",
        state="unconfirmed",
        stored="queued",
        first=True,
        **_JOURNAL,
    ),
    Point(
        key="g2",
        text="leaving, in the journal",
        moment="before_sending",
        stored="unconfirmed",
        journaled=True,
        first=True,
        sizes=(MANY,),
    ),
    Point(
        key="g3",
        text="answer, journal cut in half",
        state="accepted",
        stored="unconfirmed",
        **_ANSWERED,
        **_JOURNAL,
    ),
    Point(
        key="g4",
        text="answer, in the journal",
        moment="after_writing",
        state="accepted",
        stored="accepted",
        journaled=True,
        late=True,
        sizes=(MANY,),
        **_ANSWERED,
    ),
    Point(
        key="h1",
        text="list with what it brings awaited",
        reach=hold_look(BROUGHT.list),
        stored=None,
        of=(BROUGHT,),
    ),
    Point(key="h2", text="writing it as brought", state="associated", stored=None, **_BRINGING),
    Point(
        key="h3",
        text="brought, nobody told",
        moment="after_writing",
        state="associated",
        stored="associated",
        of=(BROUGHT,),
    ),
    Point(
        key="g5",
        text="answered, as leaving in the journal",
        moment="after_the_answer",
        stored="unconfirmed",
        journaled=True,
        first=True,
        late=True,
        online=True,
        sizes=(MANY,),
        **_ANSWERED,
    ),
)


async def prove(point: Point, devices: Devices, size: int, linked: Path) -> str:
    """Bind, cut, start again and judge; returns what was found on disk after the cut.

    Raises NotAsClaimedError, and TimeoutError or ServerError when something never came.
    """
    async with new_home(linked) as home:
        scene = Scene(point, home, devices, devices.make(home.simulator.growatt, size))
        await _cut(scene)
        point.verify(scene)
        stored = home.bindings()
        home.simulator.faults.clear()
        await _recover(scene, scene.reported | stored.keys())
        return count(stored)


async def _cut(scene: Scene) -> None:
    """Bring Home Assistant to the point and end it there."""
    point = scene.point
    cut = {"moment": point.moment, "serial": scene.marked, "state": point.state}
    helpers = {"power_cut": cut} if point.moment is not None else {}
    async with scene.home.server(helpers) as server, server.client() as client:
        if point.reach is not None:
            await point.reach(scene, server, client)
            await server.kill()
            return
        if point.state == "associated":
            # A datalogger reports only what happens after it was sent.
            scene.bring_online()
        if point.late:
            match = {"sn": scene.serials[0]}
            scene.home.simulator.faults.add(scene.devices.add, kind="hold", match=match)
        try:
            async with asyncio.timeout(PATIENCE):
                code, *_ = await asyncio.gather(
                    server.serve(), _begin_until_cut(scene, client), _release(scene)
                )
        except TimeoutError:
            raise NotAsClaimedError(f"the cut never struck: {scene.home.bindings()}") from None
    if code != -signal.SIGKILL:
        raise NotAsClaimedError(f"Home Assistant ended by itself, with code {code}")


async def _begin_until_cut(scene: Scene, client: HomeAssistantClient) -> None:
    """Begin, where the connection may end before the action has answered."""
    try:
        await begin(scene, client)
    except HomeAssistantApiError as err:
        if err.code != "ended":
            raise


async def _release(scene: Scene) -> None:
    """Let the first request go once Home Assistant has written the inverters down."""
    if scene.point.late:
        await until(lambda: scene.home.subentries() == set(scene.serials), "the devices on disk")
        scene.home.simulator.faults.release()


async def _recover(scene: Scene, promised: set[str]) -> None:
    """Start again, have everything end associated, and compare with the cloud."""
    cloud = scene.home.simulator.growatt
    missing = promised - scene.home.subentries()
    settled = {
        serial
        for serial, state in scene.home.bindings().items()
        if state in {"accepted", "associated"} and serial not in missing
    }
    if scene.point.online:
        scene.bring_online()
        settled.add(scene.marked)
    async with scene.home.server() as server, server.client() as client:
        kept = await states(client, "association_pending")
        if lost := promised - kept.keys():
            raise NotAsClaimedError(f"lost: {sorted(lost)}")
        if forgotten := scene.devices.held(cloud) - promised:
            raise NotAsClaimedError(f"bound, but not known any longer: {sorted(forgotten)}")
        # What was never promised is asked for again, as its owner would.
        everything = scene.serials
        typed = scene.devices.typed(everything)
        if rest := [serial for serial in typed if serial not in promised]:
            scene.serials = rest
            await begin(scene, client)
            scene.serials = everything
        # While a device is offline nothing shows that its first request was accepted.
        await scene.devices.all_sent(client, everything)
        scene.bring_online()
        await all_in(client, scene.serials, {"associated"})
        pending = await states(client, "association_pending")
        if pending != dict.fromkeys(scene.serials, "off"):
            raise NotAsClaimedError(f"still pending: {pending}")
        for issue in await client.issues(DOMAIN):
            # Home Assistant had no time to write these inverters down, which may be said.
            if issue["translation_key"] != "inverters_returned" or not named([issue]) <= missing:
                raise NotAsClaimedError(f"a repair is left: {issue}")
    sent = scene.devices.typed(settled)
    if again := [serial for serial in sent if scene.sent(serial) != 1]:
        raise NotAsClaimedError(f"sent again: {sorted(again)}")
    scene.devices.compare(scene.home, scene.serials)


async def _main() -> int:
    story = Story()
    story.step("Prepare a Home Assistant with one linked account")
    failures: list[str] = []

    async def case(point: Point, devices: Devices, size: int, linked: Path) -> tuple[str, ...]:
        of = f"{size} {devices.name}"
        try:
            found = await prove(point, devices, size, linked)
        except Exception as err:  # noqa: BLE001 - every case is told, whatever befell it
            failures.append(f"{point.key}, {of}: {type(err).__name__}: {err}")
            story.note(f"{point.key} {point.text}, {of}: FAILED")
            return (point.key, point.text, of, "-", "FAILED")
        story.note(f"{point.key} {point.text}, {of}: holds")
        return (point.key, point.text, of, found, "holds")

    async with linked_folder() as linked:
        story.step("Bind, kill at the point, start again; two at a time")
        rows = await side_by_side(
            case(point, devices, size, linked)
            for point in POINTS
            for devices in point.of
            for size in point.sizes
        )
    story.step("Killed at each point, with what the disk held then")
    story.table(("", "point", "of", "on disk after the cut", "outcome"), rows)
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
