"""What every test shares."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

from homeassistant import loader
from homeassistant.core import HomeAssistant
from hypothesis import HealthCheck, settings
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

# Before the harness's own folder of that name can shadow ours.
import custom_components.growatt_onboarding  # noqa: F401
from custom_components.growatt_onboarding.account import saved
from custom_components.growatt_onboarding.const import DATA_TIMING
from custom_components.growatt_onboarding.flows import steps
from simulator import Simulator

from . import secrets_watch, words_watch
from .common import UNLIMITED
from .home import Home
from .prove.timelapse import Timelapse
from .prove.world import World
from .restart import Restarts, restarts
from .secrets_watch import Watch

pytest_plugins = ["tests.simulator.fixtures"]
# These show that the simulator itself refuses a secret in an address.
WITHOUT_OUR_CODE = Path(__file__).parent / "simulator"

secrets_watch.install()
words_watch.install()

# The same examples every time: a failure found once is found again.
settings.register_profile(
    "reproducible",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("reproducible")


@pytest.fixture(autouse=True)
def secrets(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Fail a test that lets one of its secrets be seen."""
    watch = secrets_watch.start()
    yield watch
    if not request.path.is_relative_to(WITHOUT_OUR_CODE):
        leaks = watch.leaks()
        assert not leaks, "\n".join(leaks)


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    """Fail a test that shows words of others which are not fit for their place."""
    words_watch.start()
    yield
    assert not words_watch.faults, "\n".join(words_watch.faults)


@pytest.fixture(autouse=True)
async def enable_event_loop_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the loop check what it does in debug mode, but not note where everything was made.

    For that every future and every handle reads the whole stack: half of the time of all tests.
    """
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    monkeypatch.setattr(loop, "get_debug", lambda: False)


@pytest.fixture
def hass(hass: HomeAssistant) -> HomeAssistant:
    """Return a Home Assistant that finds the integration."""
    hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
    return hass


@pytest.fixture(autouse=True)
def _no_front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show progress no longer than it takes: only a front end needs more."""
    monkeypatch.setattr(steps, "_MINIMUM_DURATION", 0)


@pytest.fixture
def hass_storage(hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have Home Assistant's entries read back from where the harness writes them."""

    def read(path: str) -> Any:
        stored = hass_storage.get(Path(path).name)
        return {} if stored is None else saved.entries_in(stored)

    monkeypatch.setattr(saved, "read_entries", read)
    return hass_storage


@pytest.fixture(autouse=True)
def _added_entries_are_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Home Assistant write an entry that a test adds, as it does with any other."""
    add_to_hass = MockConfigEntry.add_to_hass

    def add(self: MockConfigEntry, hass: HomeAssistant) -> None:
        add_to_hass(self, hass)
        hass.config_entries._async_schedule_save()

    monkeypatch.setattr(MockConfigEntry, "add_to_hass", add)


@pytest.fixture
async def cloud(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],  # what is stored stays within the test
    simulator: Simulator,
) -> AsyncGenerator[Simulator]:
    """Return a simulator on simulated time whose limits, and ours, are switched off."""
    hass.data[DATA_TIMING] = UNLIMITED
    simulator.growatt.limits.reading = "none"
    with Timelapse():
        yield simulator
        # An account that a dialog has changed is being reloaded.
        await hass.async_block_till_done()


# A Home Assistant on simulated time


@pytest.fixture
async def simulated_time(hass: HomeAssistant) -> AsyncGenerator[None]:
    """Have a test that needs no simulator wait for nothing."""
    with Timelapse():
        yield


@pytest.fixture
async def world(hass: HomeAssistant, simulator: Simulator) -> AsyncGenerator[World]:
    with Timelapse() as clock:
        yield World(hass, simulator, clock)


@pytest.fixture
async def entry(world: World) -> MockConfigEntry:
    return await world.add_account()


@pytest.fixture
def plant_id(world: World, entry: MockConfigEntry) -> str:
    return world.add_plant(entry)


@pytest.fixture
def home(world: World, entry: MockConfigEntry, plant_id: str) -> Home:
    return Home(**vars(world), entry=entry, plant_id=plant_id)


@pytest.fixture
async def restart(world: World, hass_storage: dict[str, Any]) -> AsyncGenerator[Restarts]:
    async with restarts(hass_storage) as found:
        yield found
