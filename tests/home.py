"""A home in a world: an account and its plant."""

from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.coordinator import AccountCoordinator
from simulator.growatt import INSTALLER_TOKEN

from .prove.world import World


@dataclass
class Home(World):
    """A world, and the account in it that a test is about."""

    entry: MockConfigEntry
    plant_id: str

    @property
    def coordinator(self) -> AccountCoordinator:
        """Return what the account is set up with now."""
        coordinator: AccountCoordinator = self.entry.runtime_data.coordinator
        return coordinator

    @property
    def growatt(self) -> Any:
        """Return the simulated cloud."""
        return self.simulator.growatt

    @property
    def token(self) -> Any:
        """Return what the cloud knows of the account's token."""
        return self.growatt.tokens[INSTALLER_TOKEN]

    @property
    def faults(self) -> Any:
        """Return what goes wrong in the cloud."""
        return self.simulator.faults

    def reauths(self) -> int:
        """Return how many dialogs ask to sign in again."""
        return len(list(self.entry.async_get_active_flows(self.hass, {SOURCE_REAUTH})))

    async def add(self, *serials: str, timeout: float = 0) -> dict[str, str]:
        """Bind inverters to the plant; return the states that the action answers."""
        return await self.bind(self.entry, self.plant_id, serials, timeout)

    async def accept(self, *serials: str, **options: Any) -> None:
        """Bind inverters whose devices are offline, until the cloud has accepted them."""
        self.add_devices(serials, **options)
        await self.add(*serials)
        await self.shows("accepted", *serials)

    async def associate(self, *serials: str) -> None:
        """Bind inverters whose devices are online, until they are associated."""
        self.add_devices(serials, online=True)
        await self.add(*serials)
        await self.shows("associated", *serials)
