"""A Home Assistant, the simulated cloud and their clock, for proofs and for tests."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from unittest.mock import patch

import aiohttp
from homeassistant import loader
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    frame,
    issue_registry as ir,
)
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account, DeviceKind
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import DATA_SHARED
from custom_components.growatt_onboarding.gateway.store import DurableStore
from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN

from ..escaped import as_read
from .timelapse import START, Timelapse


@dataclass
class World:
    """Everything there is."""

    hass: HomeAssistant
    simulator: Simulator
    clock: Timelapse

    # Accounts

    async def add_account(
        self, user_id: int | None = None, token: str = INSTALLER_TOKEN
    ) -> MockConfigEntry:
        """Set up an account's entry; without a user, one that the simulator gets now."""
        growatt = self.simulator.growatt
        if user_id is None:
            number = len(growatt.users) + 1
            user_id = growatt.add_user(f"user-{number}", f"user-{number}@example.com").user_id
        name = growatt.users[user_id].name
        target = Target(
            provider=registry.provider("growatt"),
            url=self.simulator.url,
            credentials={"token": token},
        )
        account = Account(id=str(user_id), name=name, session={})
        entry = MockConfigEntry(
            domain=DOMAIN,
            title=name,
            unique_id=target.unique_id(account),
            data=target.entry_data(account),
        )
        entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.LOADED
        return entry

    def add_plant(self, entry: MockConfigEntry, name: str = "Home") -> str:
        """Give an account a plant."""
        return str(self.simulator.growatt.add_plant(int(entry.data["account_id"]), name).plant_id)

    def add_devices(self, serials: Iterable[str], **options: Any) -> list[str]:
        """Manufacture devices."""
        return [self.simulator.growatt.add_device(serial, **options).sn for serial in serials]

    # What a person does

    async def bind(
        self, entry: MockConfigEntry, plant_id: str, serials: Iterable[str], timeout: float = 0
    ) -> dict[str, str]:
        """Bind inverters with the action; return the states it answers."""
        response = await self.call(
            "bind_device",
            config_entry_id=entry.entry_id,
            plant_id=plant_id,
            serial_numbers=list(serials),
            timeout=timeout,
        )
        return {result["serial_number"]: result["state"] for result in response["results"]}

    async def bind_dataloggers(
        self, entry: MockConfigEntry, plant_id: str, serials: Iterable[str]
    ) -> None:
        """Add dataloggers, as their dialog does."""
        await entry.runtime_data.coordinator.async_track(serials, plant_id, DeviceKind.DATALOGGER)

    async def check(self, serials: Iterable[str], timeout: float = 0) -> dict[str, str]:
        """Check inverters with the action; return the states it answers."""
        response = await self.call(
            "check_association",
            device_id=[self.device(serial).id for serial in serials],
            timeout=timeout,
        )
        return {result["serial_number"]: result["state"] for result in response["results"]}

    async def call(self, action: str, **data: Any) -> Any:
        """Call an action and return its response."""
        return await self.hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True
        )

    async def reload(self, entry: MockConfigEntry) -> None:
        """Reload an account's entry."""
        assert await self.hass.config_entries.async_reload(entry.entry_id)

    async def unload(self, entry: MockConfigEntry) -> None:
        """Take an account's entry down."""
        assert await self.hass.config_entries.async_unload(entry.entry_id)

    async def set_up(self, entry: MockConfigEntry) -> None:
        """Set an account's entry up."""
        assert await self.hass.config_entries.async_setup(entry.entry_id)

    async def restart(self, *, crash: bool = False) -> None:
        """Restart Home Assistant, as far as we are concerned, on the same boot of the machine.

        In a crash nothing reaches the disk any longer.
        """
        async with self.down(crash=crash):
            pass

    @asynccontextmanager
    async def down(self, *, crash: bool = False) -> AsyncGenerator[None]:
        """Have Home Assistant down meanwhile, as far as we are concerned."""
        entries = self.hass.config_entries.async_loaded_entries(DOMAIN)
        with patch.object(DurableStore, "_async_write_data", _lost) if crash else nullcontext():
            for entry in entries:
                await self.hass.config_entries.async_unload(entry.entry_id)
            await self.hass.data.pop(DATA_SHARED).async_close()
        yield
        for entry in entries:
            assert await self.hass.config_entries.async_setup(entry.entry_id)

    def remove_inverter(self, entry: MockConfigEntry, serial: str) -> None:
        """Remove an inverter's subentry."""
        for subentry in list(entry.subentries.values()):
            if subentry.unique_id == serial:
                self.hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)

    # What Home Assistant shows

    def device(self, serial: str) -> dr.DeviceEntry:
        """Return an inverter's device."""
        entity = er.async_get(self.hass).async_get(self.entity_id(serial))
        assert entity is not None
        assert entity.device_id is not None
        device = dr.async_get(self.hass).async_get(entity.device_id)
        assert device is not None
        return device

    def entity_id(self, serial: str, key: str = "association_status") -> str:
        """Return the id of an inverter's entity."""
        platform = "sensor" if key == "association_status" else "binary_sensor"
        entity_id = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{serial}_{key}")
        assert entity_id is not None
        return entity_id

    def status(self, serial: str) -> str | None:
        """Return what the status sensor of an inverter shows, None when there is none."""
        entities = er.async_get(self.hass)
        unique_id = f"{serial}_association_status"
        entity_id = entities.async_get_entity_id("sensor", DOMAIN, unique_id)
        state = self.hass.states.get(entity_id) if entity_id is not None else None
        return state.state if state is not None else None

    def pending(self, serial: str) -> str:
        """Return what the binary sensor of an inverter shows."""
        state = self.hass.states.get(self.entity_id(serial, "association_pending"))
        assert state is not None
        return state.state

    async def shows(self, status: str, *serials: str, seconds: float = 7_200) -> float:
        """Return, when all inverters show a status, how long that took.

        TimeoutError after so many simulated seconds.
        """
        began, changed = self.clock.passed, asyncio.Event()
        stop = self.hass.bus.async_listen(EVENT_STATE_CHANGED, callback(lambda _: changed.set()))
        try:
            async with asyncio.timeout(seconds):
                while not all(self.status(serial) == status for serial in serials):
                    await changed.wait()
                    changed.clear()
        finally:
            stop()
        return self.clock.passed - began

    def issues(self) -> dict[str, dict[str, str]]:
        """Return our open repairs and the values in their texts, as they are read, by name."""
        return {
            self.repair(issue.issue_id): as_read(issue.translation_placeholders)
            for issue in ir.async_get(self.hass).issues.values()
            if issue.domain == DOMAIN and issue.active
        }

    def repair(self, issue_id: str) -> str:
        """Return the name of a repair here: its problem and, if it has one, its inverter."""
        problem, _, subentry_id = issue_id.partition("_")
        serial = {known: serial for serial, known in self._subentry_ids.items()}.get(subentry_id)
        return issue_id if serial is None else f"{problem}_{serial}"

    def repair_id(self, name: str) -> str:
        """Return the id of the repair that is named like this here."""
        problem, _, serial = name.partition("_")
        return f"{problem}_{self._subentry_ids.get(serial, serial)}"

    @property
    def _subentry_ids(self) -> dict[str | None, str]:
        """The inverters' subentries by serial number."""
        return {
            subentry.unique_id: subentry.subentry_id
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            for subentry in entry.subentries.values()
        }

    # What the cloud was asked

    def asked(self, path: str) -> int:
        """Return how often an endpoint was called, all with "*"."""
        return len(self.simulator.calls.of(path))

    def times(self, path: str) -> list[float]:
        """Return when an endpoint was called, in simulated seconds since the beginning."""
        return [call.time - START.timestamp() for call in self.simulator.calls.of(path)]


class Log(logging.Handler):
    """Notes what the integration logs: the lines about the cloud's reachability, and errors.

    Attributes:
        reachable: when (simulated) a line said that the cloud cannot be reached, or can again.
        errors: the texts of errors.

    """

    def __init__(self, world: World) -> None:
        super().__init__(logging.INFO)
        self._world = world
        self._logger = logging.getLogger("custom_components.growatt_onboarding")
        self._level = self._logger.level
        self.reachable: list[tuple[float, bool]] = []
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)
        self._logger.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line."""
        text = record.getMessage()
        if "can be reached again" in text or "cannot be reached" in text:
            self.reachable.append((self._world.simulator.now(), "again" in text))
        if record.levelno >= logging.ERROR:
            self.errors.append(text)


async def _lost(store: DurableStore, _data: dict[str, Any]) -> None:
    """Stand in for a write of which nothing reaches the disk before the power is cut."""
    store._on_disk = True


class _Resolver(aiohttp.ThreadedResolver):
    """Closes as Home Assistant's own does."""

    async def real_close(self) -> None:
        """Close it in earnest."""
        await self.close()


@asynccontextmanager
async def new_world(simulator: Simulator) -> AsyncGenerator[World]:
    """Start a Home Assistant of the test harness with files of its own, on simulated time."""
    with TemporaryDirectory() as folder:
        (Path(folder) / ".storage").mkdir()
        async with async_test_home_assistant(config_dir=folder) as hass:
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            frame.async_setup(hass)
            # Home Assistant's own resolver wants the network integration.
            resolver = patch(
                "homeassistant.helpers.aiohttp_client._async_make_resolver",
                return_value=_Resolver(),
            )
            with resolver, Timelapse() as clock:
                async with simulator:
                    yield World(hass, simulator, clock)
                    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
                        await hass.config_entries.async_unload(entry.entry_id)
            await hass.async_stop(force=True)
