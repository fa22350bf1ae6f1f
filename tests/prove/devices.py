"""The kinds of device that the proof of crashes adds, and what the cloud has of each."""

from collections.abc import Collection, Set as AbstractSet
from typing import Any, Final

from tests.e2e.dialogs import act
from tests.server.client import HomeAssistantClient

from .homes import Home, NotAsClaimedError, all_in, bind, compare


class Devices:
    """Inverters that are typed in.

    Attributes:
        add: the endpoint that takes them.
        list: the endpoint that lists them.

    """

    name = "inverters"
    add = "device/sn/add"
    list = "device/list"

    def make(self, cloud: Any, size: int) -> list[str]:
        """Make so many; return their serial numbers."""
        return [cloud.add_device(f"CUT{number:07}").sn for number in range(size)]

    def typed(self, serials: Collection[str]) -> list[str]:
        """Return those of them that a person types in."""
        return list(serials)

    def bring_online(self, cloud: Any, serial: str) -> None:
        """Have one come online."""
        cloud.bring_online(serial)

    def held(self, cloud: Any) -> AbstractSet[str]:
        """Return what the cloud has accepted."""
        found: AbstractSet[str] = cloud.bindings.keys()
        return found

    async def bind(
        self, client: HomeAssistantClient, entry_id: str, plant_id: str, serials: Collection[str]
    ) -> set[str]:
        """Have the action write them down; return what it reports."""
        return await bind(client, entry_id, plant_id, serials)

    async def all_sent(self, client: HomeAssistantClient, serials: Collection[str]) -> None:
        """Wait until the cloud has all of them."""
        await all_in(client, serials, {"accepted", "associated"})

    def compare(self, home: Home, serials: Collection[str]) -> None:
        """Raise NotAsClaimedError unless the cloud has each once and within its limits."""
        compare(home, serials)


class Dataloggers(Devices):
    """Dataloggers, without anything behind them."""

    name = "dataloggers"
    add = "device/datalogger/add"
    list = "device/datalogger/list"

    def make(self, cloud: Any, size: int) -> list[str]:
        """Make so many; return their serial numbers."""
        return [cloud.add_datalogger(f"QMN{number:07}").sn for number in range(size)]

    def bring_online(self, cloud: Any, serial: str) -> None:
        """Have one come online."""
        cloud.bring_datalogger_online(serial)

    def held(self, cloud: Any) -> AbstractSet[str]:
        """Return what the cloud has accepted."""
        return {stick.sn for stick in cloud.dataloggers.values() if stick.plant_id is not None}

    async def bind(
        self, client: HomeAssistantClient, entry_id: str, plant_id: str, serials: Collection[str]
    ) -> set[str]:
        """Have the action write them down; return what it reports."""
        response = await act(
            client,
            "bind_datalogger",
            config_entry_id=entry_id,
            plant_id=plant_id,
            dataloggers=[{"serial_number": serial} for serial in serials],
            timeout=0,
        )
        return {result["serial_number"] for result in response["results"]}

    def compare(self, home: Home, serials: Collection[str]) -> None:
        """Raise NotAsClaimedError unless the cloud has each once and within its limits."""
        cloud = home.simulator.growatt
        added = [
            call.params["sn"] for call in home.simulator.calls.of(self.add) if call.code == "0"
        ]
        if sorted(added) != sorted(self.typed(serials)):
            raise NotAsClaimedError(f"added more than once, or not at all: {added}")
        sticks = [cloud.dataloggers[serial] for serial in self.typed(serials)]
        if any(str(stick.plant_id) != home.plant_id for stick in sticks):
            raise NotAsClaimedError("a datalogger does not stand in its plant")
        if cloud.limits.violations:
            raise NotAsClaimedError(f"limits were passed: {cloud.limits.violations}")


class Brought(Dataloggers):
    """Inverters that dataloggers bring; the marked one is such an inverter."""

    name = "brought inverters"
    list = Devices.list

    def make(self, cloud: Any, size: int) -> list[str]:
        """Make so many, each with its datalogger; return all serial numbers."""
        inverters = [f"CUT{number:07}" for number in range(size)]
        for inverter in inverters:
            cloud.add_datalogger(f"QMN{inverter[3:]}", devices=[inverter])
        sticks, half = [f"QMN{inverter[3:]}" for inverter in inverters], (size + 1) // 2
        # The marked one is in the middle.
        return [*sticks[:half], *inverters, *sticks[half:]]

    def typed(self, serials: Collection[str]) -> list[str]:
        """Return the dataloggers."""
        return [serial for serial in serials if serial.startswith("QMN")]

    def bring_online(self, cloud: Any, serial: str) -> None:
        """Have a datalogger come online, and its inverter with it."""
        if self.typed([serial]):
            cloud.bring_datalogger_online(serial)

    async def all_sent(self, client: HomeAssistantClient, serials: Collection[str]) -> None:
        """Wait for nothing: some are online already, so that any may be in any state."""


INVERTERS: Final = Devices()
DATALOGGERS: Final = Dataloggers()
BROUGHT: Final = Brought()
