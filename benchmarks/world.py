"""Home Assistants and clouds to measure in, and what users have today beside them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
import json
import logging
from pathlib import Path
import socket
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch
from urllib.request import Request, urlopen

import aiohttp
from growatt_public_api import GrowattApi  # type: ignore[import-not-found]
import growattServer  # type: ignore[import-not-found]
from homeassistant import loader
from homeassistant.config_entries import ConfigEntryState, ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from loguru import logger  # type: ignore[import-not-found]
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.account.bindings import BindingStore, store_key
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.const import (
    CONF_PLANT_ID,
    CONF_SERIAL_NUMBER,
    DATA_TIMING,
    DOMAIN,
    SUBENTRY_INVERTER,
)
from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.prove.world import World, new_world

# What stands beside us has tokens, and so limits, of its own.
CORE_TOKEN: Final = "SIMULATORTOKENCOREGROWATT0000000"  # noqa: S105
LOOP_TOKEN: Final = "SIMULATORTOKENPLAINLOOP000000000"  # noqa: S105
CORE: Final = "growatt_server"
# The first user and plant that are added to a simulator.
OWNER: Final = 102
FIRST_PLANT: Final = 20002


def alone() -> None:
    """Cut this process off from everything but loopback, for good; errors are all it logs."""
    logging.basicConfig(level=logging.CRITICAL)
    logger.disable("growatt_public_api")
    sys.addaudithook(_refuse_others)


def _refuse_others(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and args[0].family in (socket.AF_INET, socket.AF_INET6):
        if (host := args[1][0]) not in ("127.0.0.1", "::1"):
            raise RuntimeError(f"somebody wants to connect to {host}")
    elif event == "socket.getaddrinfo" and args[0] not in ("127.0.0.1", "::1", None):
        raise RuntimeError(f"somebody looks up {args[0]}")


@contextmanager
def core_at(url: str) -> Iterator[None]:
    """Have every growattServer client made from now on talk to the simulator."""
    original = growattServer.OpenApiV1.__init__

    def init(self: Any, token: str) -> None:
        original(self, token)
        # Not `server_url`: the library has computed the address that it uses by now.
        self.api_url = f"{url}/v1/"

    with patch.object(growattServer.OpenApiV1, "__init__", init):
        yield


def plain_client(url: str, token: str = LOOP_TOKEN) -> Any:
    """Return a growatt_public_api client of the simulator, without its cache of old replies."""
    return GrowattApi(token=token, server_url=url, use_cache=False)


@asynccontextmanager
async def simulated() -> AsyncGenerator[World]:
    """Start a Home Assistant and a cloud on simulated time, with everybody's tokens."""
    simulator = Simulator()
    simulator.growatt.add_token(CORE_TOKEN)
    simulator.growatt.add_token(LOOP_TOKEN)
    async with new_world(simulator) as world:
        with core_at(simulator.url):
            yield world
            for entry in world.hass.config_entries.async_loaded_entries(CORE):
                await world.hass.config_entries.async_unload(entry.entry_id)


def core_entry(plant_id: str) -> MockConfigEntry:
    """Return the entry of Home Assistant's own integration for a plant; one entry is one plant."""
    return MockConfigEntry(
        domain=CORE,
        title=plant_id,
        unique_id=plant_id,
        version=1,
        minor_version=1,
        data={
            "auth_type": "api_token",
            "token": CORE_TOKEN,
            "url": "https://openapi.growatt.com/",
            "plant_id": plant_id,
            "name": f"Plant {plant_id}",
        },
    )


async def add_core(world: World, plant_id: str) -> MockConfigEntry:
    """Set up Home Assistant's own integration for a plant."""
    entry = core_entry(plant_id)
    entry.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    return entry


def spread(inverters: int, plants: int) -> list[list[str]]:
    """Return serial numbers, as evenly as can be in so many plants."""
    serials = [f"BENCH{number:05}" for number in range(inverters)]
    return [serials[number::plants] for number in range(plants)]


async def add_pending(
    world: World, inverters: int, plants: int, **options: Any
) -> tuple[MockConfigEntry, dict[str, list[str]]]:
    """Set up an account, bind inverters in plants, and return once the cloud accepted all."""
    entry = await world.add_account()
    where: dict[str, list[str]] = {}
    for number, serials in enumerate(spread(inverters, plants)):
        plant_id = world.add_plant(entry, f"Plant {number}")
        where[plant_id] = world.add_devices(serials, **options)
    for plant_id, serials in where.items():
        if serials:
            await world.bind(entry, plant_id, serials)
    bindings = world.simulator.growatt._bindings
    await world.clock.until(lambda: len(bindings) == inverters, 36_000)
    return entry, where


async def add_accepted(
    world: World, inverters: int, plants: int
) -> tuple[MockConfigEntry, dict[str, list[str]]]:
    """Set up an account whose inverters were all accepted just now, without binding each."""
    growatt = world.simulator.growatt
    user = growatt.add_user("owner", "owner@example.com")
    where: dict[str, list[str]] = {}
    for number, serials in enumerate(spread(inverters, plants)):
        plant = growatt.add_plant(user.user_id, f"Plant {number}")
        where[str(plant.plant_id)] = serials
        for serial in serials:
            growatt.accept(growatt.add_device(serial), plant, user)
    entry = await pending_entry(
        world.hass, world.simulator.url, str(user.user_id), where, world.simulator.now()
    )
    entry.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(entry.entry_id)
    return entry, where


async def pending_entry(
    hass: HomeAssistant,
    url: str,
    account_id: str,
    where: Mapping[str, Iterable[str]],
    now: float,
    *,
    state: BindingState = BindingState.ACCEPTED,
) -> MockConfigEntry:
    """Return an account's entry with inverters by plant, their bindings already stored."""
    growatt = registry.provider("growatt")
    credentials = growatt.credentials({"token": INSTALLER_TOKEN})
    target = Target(provider=growatt, url=url, credentials=credentials)
    account = Account(id=account_id, name="owner", session={})
    bindings = [
        Binding(
            serial=serial,
            plant_id=plant_id,
            state=state,
            queued_at=now,
            sent_at=now,
            accepted_at=now,
        )
        for plant_id, serials in where.items()
        for serial in serials
    ]
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="owner",
        unique_id=target.unique_id(account),
        data=target.entry_data(account),
        subentries_data=[
            ConfigSubentryData(
                data={CONF_SERIAL_NUMBER: item.serial, CONF_PLANT_ID: item.plant_id},
                subentry_type=SUBENTRY_INVERTER,
                title=item.serial,
                unique_id=item.serial,
            )
            for item in bindings
        ],
    )
    store = BindingStore(hass, store_key(entry.entry_id), entry.title)
    await store.async_write({item.serial: item for item in bindings}, ())
    return entry


@asynccontextmanager
async def real_time(timing: Timing | None = None) -> AsyncGenerator[HomeAssistant]:
    """Start a Home Assistant of the test harness with files of its own."""
    # A registry may still be written while Home Assistant has stopped.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (Path(folder) / ".storage").mkdir()
        async with async_test_home_assistant(config_dir=folder) as hass:
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            frame.async_setup(hass)
            if timing is not None:
                hass.data[DATA_TIMING] = timing
            # Home Assistant's own resolver wants the network integration.
            with patch(
                "homeassistant.helpers.aiohttp_client._async_make_resolver",
                return_value=Resolver(),
            ):
                yield hass
            await hass.async_stop(force=True)


class Resolver(aiohttp.ThreadedResolver):
    """Closes as Home Assistant's own does."""

    async def real_close(self) -> None:
        """Close it in earnest."""
        await self.close()


@dataclass(frozen=True)
class Cloud:
    """A simulator in a process of its own, so that it is not measured."""

    url: str

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Use its control interface."""
        return await asyncio.to_thread(self._control, method, path, body)

    def _control(self, method: str, path: str, body: object) -> Any:
        request = Request(  # noqa: S310 - the simulator's address
            f"{self.url}/_control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urlopen(request) as response:  # noqa: S310 - the simulator's address
            return json.load(response)

    async def calls(self) -> int:
        """Return how many calls it has had."""
        return len((await self.control("GET", "calls"))["calls"])


@contextmanager
def cloud(where: Mapping[str, Iterable[str]], *, there: bool, speed: float = 1) -> Iterator[Cloud]:
    """Start a simulator without limits; its devices stand in their plants where `there`."""
    seed: dict[str, list[dict[str, Any]]] = {
        "tokens": [{"token": CORE_TOKEN}],
        "users": [{"name": "owner", "email": "owner@example.com"}],
        "plants": [{"user_id": OWNER, "name": f"Plant {plant_id}"} for plant_id in where],
        "devices": [
            {"sn": serial, "online": there, **({"plant_id": int(plant_id)} if there else {})}
            for plant_id, serials in where.items()
            for serial in serials
        ],
    }
    with TemporaryDirectory() as folder:
        file = Path(folder) / "seed.json"
        file.write_text(json.dumps(seed), encoding="utf-8")
        process = subprocess.Popen(  # noqa: S603 - ours
            [
                *(sys.executable, "-m", "simulator", "--quiet", "--limits", "none"),
                *("--seed", str(file), "--time-factor", str(speed)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield Cloud(process.stdout.readline().split()[-1])
        finally:
            process.terminate()
            process.wait()


def plants(inverters: int, count: int) -> dict[str, list[str]]:
    """Return serial numbers by plant, as a simulator that `cloud` starts numbers them."""
    return {
        str(FIRST_PLANT + number): serials
        for number, serials in enumerate(spread(inverters, count))
    }


def calls_by(world: World, token: str) -> int:
    """Return how many calls a token has made."""
    return sum(call.token == token for call in world.simulator.calls)


def violations_by(world: World, tokens: Iterable[str] = (INSTALLER_TOKEN,)) -> int:
    """Return how often these tokens were told that they ask too often."""
    wanted = set(tokens)
    return sum(item.token in wanted for item in world.simulator.growatt.limits.violations)
