"""A real Home Assistant for each case of a proof: a folder with a linked account, and its cloud."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import re
import shutil
import tempfile
from typing import Any

from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from tests.e2e.dialogs import DOMAIN, act, link_account, states
from tests.e2e.waiting import until
from tests.server.client import PATIENCE, HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer

SPEED = 60
AT_ONCE = 2
"""How many cases run side by side."""

COMPONENTS = Path(__file__).parent / "components"
# Stands in the prepared account for the address of its cloud.
_PLACEHOLDER = "http://cloud.invalid"


# Serial numbers that are used here.
_SERIAL = re.compile(r"\b[A-Z]{3}\d{7}\b")

type StoredData = dict[str, Any]


class NotAsClaimedError(Exception):
    """Something is not as the proof says; the text says what."""


@dataclass
class Home:
    """A configuration folder, and the cloud at which its accounts are.

    Its first account is linked, and has one plant and no inverter.
    """

    folder: Path
    simulator: Simulator

    def server(self, helpers: Mapping[str, dict[str, Any]] | None = None) -> HomeAssistantServer:
        """Return a Home Assistant of this folder, with these helper integrations set up first."""
        helpers = helpers or {}
        return HomeAssistantServer(
            self.folder,
            helpers=[COMPONENTS / name for name in helpers],
            configuration=helpers,
            speed=SPEED,
        )

    @property
    def plant_id(self) -> str:
        """The linked account's plant."""
        return str(next(iter(self.simulator.growatt.plants)))

    # What is on disk

    @property
    def storage(self) -> Path:
        """Where Home Assistant stores everything."""
        return self.folder / ".storage"

    @property
    def entries_path(self) -> Path:
        """Home Assistant's own file with the entries."""
        return self.storage / "core.config_entries"

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries of our accounts on disk."""
        entries = json.loads(self.entries_path.read_text())["data"]["entries"]
        return [entry for entry in entries if entry["domain"] == DOMAIN]

    def subentries(self) -> set[str]:
        """Return the serial numbers of the inverters that Home Assistant has on disk."""
        return {
            inverter["unique_id"] for entry in self.entries() for inverter in entry["subentries"]
        }

    def bindings(self) -> dict[str, str]:
        """Return the state of each binding on disk, by serial number."""
        return {
            serial: state
            for snapshot, journal in self._stored()
            for serial, state in (_states(snapshot) | _states(journal)).items()
        }

    def journaled(self) -> set[str]:
        """Return the serial numbers of the bindings that changed since the last snapshots."""
        return {serial for _, journal in self._stored() for serial in _states(journal)}

    def _stored(self) -> Iterator[tuple[StoredData, StoredData]]:
        """Yield the snapshot of each account, and the journal if it goes on from there."""
        for path in self.storage.glob(f"{DOMAIN}.*"):
            if path.name.count(".") == 1:
                snapshot, journal = _data(path), _data(path.with_name(f"{path.name}.journal"))
                newer = journal.get("generation") == snapshot.get("generation")
                yield snapshot, journal if newer else {}

    def unfinished(self) -> list[str]:
        """Return what was written of files that were never finished."""
        texts = [path.read_text() for path in self.storage.glob("tmp*")]
        return [text for text in texts if text and not _is_json(text)]


def _data(path: Path) -> StoredData:
    """Return what a file stores, nothing if it is not there."""
    try:
        data: StoredData = json.loads(path.read_text())["data"]
    except FileNotFoundError:
        return {}
    return data


def _states(stored: StoredData) -> dict[str, str]:
    return {str(one["serial"]): str(one["state"]) for one in stored.get("bindings", ())}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@asynccontextmanager
async def linked_folder() -> AsyncIterator[Path]:
    """Make a configuration folder with one linked account, for every case to copy."""
    with tempfile.TemporaryDirectory(prefix="prove-") as name:
        folder = Path(name)
        async with Simulator(time_factor=SPEED) as simulator:
            home = Home(folder, simulator)
            async with home.server() as server:
                async with server.client() as client:
                    await link_account(client, simulator, END_USER_TOKEN)
                await server.stop()
            _replace(home.entries_path, simulator.url, _PLACEHOLDER)
        yield folder


@asynccontextmanager
async def new_home(linked: Path) -> AsyncIterator[Home]:
    """Copy the folder, and give its account a cloud of its own."""
    with tempfile.TemporaryDirectory(prefix="prove-") as name:
        folder = Path(name) / "config"
        shutil.copytree(linked, folder)
        async with Simulator(time_factor=SPEED) as simulator:
            home = Home(folder, simulator)
            _replace(home.entries_path, _PLACEHOLDER, simulator.url)
            yield home


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


async def side_by_side[T](cases: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run the cases, two at a time; return what came of each."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(case: Coroutine[Any, Any, T]) -> T:
        async with slots:
            return await case

    return await asyncio.gather(*map(one, cases))


# What people do, and see


async def bind(
    client: HomeAssistantClient, entry_id: str, plant_id: str, serials: Collection[str]
) -> set[str]:
    """Have the action write bindings down; return the serial numbers that it reports."""
    response = await act(
        client,
        "bind_device",
        config_entry_id=entry_id,
        plant_id=plant_id,
        serial_numbers=list(serials),
        timeout=0,
    )
    return {result["serial_number"] for result in response["results"]}


async def all_in(
    client: HomeAssistantClient,
    serials: Collection[str],
    wanted: Collection[str],
    timeout: float = PATIENCE,
) -> None:
    """Wait until exactly these inverters are there, each in one of these states.

    Raises NotAsClaimedError that says what is there instead.
    """
    seen: Mapping[str, str] = {}

    async def look() -> bool:
        nonlocal seen
        seen = await states(client, "association_status")
        return seen.keys() == set(serials) and set(seen.values()) <= set(wanted)

    try:
        await until(look, "the states", timeout)
    except TimeoutError:
        raise NotAsClaimedError(
            f"{len(serials)} {' or '.join(sorted(wanted))} never came: {count(seen)}"
        ) from None


def count(found: Mapping[str, str]) -> str:
    """Return how many are in which state."""
    values = list(found.values())
    return ", ".join(f"{values.count(state)} {state}" for state in sorted(set(values))) or "none"


def compare(home: Home, serials: Collection[str], plant_id: str | None = None) -> None:
    """Raise NotAsClaimedError unless the cloud bound each inverter once and within its limits."""
    cloud = home.simulator.growatt
    counts = {serial: binding.accepted_count for serial, binding in cloud.bindings.items()}
    if counts != dict.fromkeys(serials, 1):
        raise NotAsClaimedError(f"bound more than once, or not at all: {counts}")
    plant_id = home.plant_id if plant_id is None else plant_id
    if any(str(cloud.devices[serial].plant_id) != plant_id for serial in serials):
        raise NotAsClaimedError("a device does not stand in its plant")
    if cloud.limits.violations:
        raise NotAsClaimedError(f"limits were passed: {cloud.limits.violations}")


def named(issues: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the serial numbers that these repairs name."""
    return set(_SERIAL.findall(json.dumps([issue["translation_placeholders"] for issue in issues])))
