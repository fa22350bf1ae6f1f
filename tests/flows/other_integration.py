"""The integration that accounts are handed over to, and an account that can be."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import replace
from typing import Any, ClassVar

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockModule,
    mock_config_flow,
    mock_integration,
    mock_platform,
)
import voluptuous as vol

from custom_components.growatt_onboarding.cloud.growatt import GROWATT
from custom_components.growatt_onboarding.cloud.provider import Server
from simulator import END_USER_TOKEN, Simulator
from tests.common import RESIDENT_PLANT, add_account, associate, track
from tests.fake_provider import add_provider

SN = "SIM0000001"
OTHER = "growatt_server"


class TheirFlow(ConfigFlow):
    """The dialog of the other integration, as far as it is known. Its token opens two plants."""

    menu = ("password_auth", "token_auth")
    shown = "token_auth"
    fields: ClassVar[dict[Any, Any]] = {
        vol.Required("token"): str,
        vol.Required("region", default="other_regions"): str,
    }

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        return self.async_show_menu(step_id="user", menu_options=list(self.menu))

    async def async_step_password_auth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        raise AssertionError("nobody asked for this form")

    async def async_step_token_auth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        if user_input is None:
            return self._ask()
        assert user_input == {"token": END_USER_TOKEN, "region": "other_regions"}
        return await self.async_step_plant()

    async def async_step_plant(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        return self.async_show_form(
            step_id="plant",
            data_schema=vol.Schema({vol.Required("plant_id"): vol.In([RESIDENT_PLANT, "2"])}),
        )

    async def async_step_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        raise AssertionError("nobody submits this form")

    def _ask(self, **errors: str) -> ConfigFlowResult:
        schema = vol.Schema(self.fields)
        return self.async_show_form(step_id=self.shown, data_schema=schema, errors=errors)


class OnePlant(TheirFlow):
    """The dialog with a token that opens one plant: nothing else is asked."""

    async def async_step_plant(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        await self.async_set_unique_id(RESIDENT_PLANT)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title="Home", data={})


@contextmanager
def installed(hass: HomeAssistant, flow: type[ConfigFlow]) -> Iterator[None]:
    """Install the other integration with this dialog."""
    mock_integration(hass, MockModule(OTHER))
    mock_platform(hass, f"{OTHER}.config_flow")
    with mock_config_flow(OTHER, flow):
        yield


def serve(monkeypatch: pytest.MonkeyPatch, *servers: Server) -> None:
    """Replace Growatt's servers."""
    add_provider(monkeypatch, replace(GROWATT, servers=servers))


def global_server(url: str) -> Server:
    """Return the server whose accounts can be handed over, at another address."""
    (server,) = [server for server in GROWATT.servers if server.hand_over is not None]
    assert server.key == "global"
    return replace(server, url=url)


async def with_inverter(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with an associated inverter."""
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    await associate(cloud, entry, SN)
    return entry
