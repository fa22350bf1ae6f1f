"""Handing an account over to Home Assistant's own integration for what its inverters do."""

import asyncio
from collections.abc import Generator
from copy import replace
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult, FlowType
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import (
    MockModule,
    mock_config_flow,
    mock_integration,
    mock_platform,
)
import voluptuous as vol

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.growatt import GROWATT
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.cloud.provider import Server
from custom_components.growatt_onboarding.const import DATA_TIMING
from simulator import END_USER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_PLANT,
    UNLIMITED,
    add_account,
    associate,
    open_inverters,
    open_reconfigure,
    shown_values,
    submit,
    track,
    until,
)
from tests.fake_provider import add_provider

SN = "SIM0000001"
STICK = "QMN0000001"
OTHER = "growatt_server"
LINK = "/config/integrations/dashboard/add?domain=growatt_server"

type Result = dict[str, Any]


class TheirFlow(ConfigFlow):
    """The dialog of the other integration, as far as it is known."""

    menu = ("password_auth", "token_auth")
    shown = "token_auth"

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        return self.async_show_menu(step_id="user", menu_options=list(self.menu))

    async def async_step_password_auth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        raise AssertionError("nobody asked for this form")

    async def async_step_token_auth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        assert user_input is None, "no token is passed on"
        return self.async_show_form(
            step_id=self.shown, data_schema=vol.Schema({vol.Required("token"): str})
        )

    async def async_step_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        raise AssertionError("nobody submits this form")


class WithoutTokens(TheirFlow):
    menu = ("password_auth",)


class AnotherForm(TheirFlow):
    shown = "token"


class Broken(TheirFlow):
    async def async_step_token_auth(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        raise KeyError("region")


class BrokenAtOnce(TheirFlow):
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        raise RuntimeError("no library")


class NotNow(TheirFlow):
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        return self.async_abort(reason="single_instance_allowed")


@pytest.fixture
def other(hass: HomeAssistant, flow: type[ConfigFlow]) -> Generator[None]:
    """Install the other integration."""
    mock_integration(hass, MockModule(OTHER))
    mock_platform(hass, f"{OTHER}.config_flow")
    with mock_config_flow(OTHER, flow):
        yield


@pytest.fixture
def flow() -> type[ConfigFlow]:
    """Return the other integration's dialog."""
    return TheirFlow


def serve(monkeypatch: pytest.MonkeyPatch, *servers: Server) -> None:
    """Replace Growatt's servers."""
    add_provider(monkeypatch, replace(GROWATT, servers=servers))


def global_server(url: str) -> Server:
    """Return the server whose accounts can be handed over, at another address."""
    (server,) = [server for server in GROWATT.servers if server.hand_over is not None]
    assert server.key == "global"
    return replace(server, url=url)


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> ConfigEntry:
    """Return the entry of the resident on the global server, with an associated inverter."""
    serve(monkeypatch, global_server(cloud.url))
    return await with_inverter(hass, cloud)


async def with_inverter(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with an associated inverter."""
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    await associate(cloud, entry, SN)
    return entry


async def open_hand_over(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the dialog up to the last step before the other one."""
    result = await open_reconfigure(hass, entry)
    assert result["step_id"] == "reconfigure"
    result = await submit(hass, result, next_step_id="hand_over")
    assert result["step_id"] == "hand_over"
    return result


# Where it is offered


async def test_the_menu(hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry) -> None:
    result = await open_reconfigure(hass, entry)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "reconfigure"
    assert result["menu_options"] == ["new_access", "hand_over"]
    assert shown_values(result) == {
        "name": RESIDENT,
        "server": cloud.url,
        "integration": "Growatt",
    }
    result = await submit(hass, result, next_step_id="new_access")
    assert result["step_id"] == "new_access_growatt"
    result = await submit(hass, result, server="global")
    assert result["reason"] == "reconfigure_successful"


async def test_not_before_an_association(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, global_server(cloud.url))
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    cloud.growatt.add_device(SN)
    await track(entry, SN)
    # A datalogger alone has nothing to show.
    cloud.growatt.add_datalogger(STICK, online=True)
    coordinator = entry.runtime_data.coordinator
    await coordinator.async_track([STICK], RESIDENT_PLANT, DeviceKind.DATALOGGER)
    await until(lambda: coordinator.data[STICK].state == "accepted")
    coordinator.async_check([STICK])
    await until(lambda: coordinator.data[STICK].state == "associated")
    assert (await open_reconfigure(hass, entry))["step_id"] == "new_access_growatt"


async def test_not_while_the_account_is_not_set_up(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await open_reconfigure(hass, entry))["step_id"] == "new_access_growatt"


async def test_another_server_of_the_provider_says_why_not(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, global_server("https://global.example"), Server("china", cloud.url))
    entry = await with_inverter(hass, cloud)
    result = await open_reconfigure(hass, entry)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "reconfigure_elsewhere"
    assert result["menu_options"] == ["new_access"]
    assert shown_values(result) == {
        "name": RESIDENT,
        "server": cloud.url,
        "integration": "Growatt",
        "reachable": "https://global.example",
    }
    result = await submit(hass, result, next_step_id="new_access")
    result = await submit(hass, result, server="china")
    assert result["reason"] == "reconfigure_successful"


async def test_a_provider_that_nobody_takes_over_from(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, Server("global", cloud.url))
    entry = await with_inverter(hass, cloud)
    assert (await open_reconfigure(hass, entry))["step_id"] == "new_access_growatt"


# Handing over


@pytest.mark.usefixtures("other")
async def test_the_other_dialog_goes_on(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    before = len(cloud.calls)
    result = await open_hand_over(hass, entry)
    assert result["description_placeholders"] == {"integration": "Growatt", "name": RESIDENT}
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "handed_over"
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_FLOW
    theirs = hass.config_entries.flow.async_get(flow_id)
    assert (theirs["handler"], theirs["step_id"]) == (OTHER, "token_auth")
    # Nothing was asked of the cloud, and the account stays.
    assert len(cloud.calls) == before
    assert entry.runtime_data.coordinator.data[SN].state == "associated"


@pytest.mark.parametrize("flow", [WithoutTokens, AnotherForm, Broken, BrokenAtOnce, NotNow])
@pytest.mark.usefixtures("other")
async def test_an_unknown_dialog_leads_to_a_link(hass: HomeAssistant, entry: ConfigEntry) -> None:
    result = await submit(hass, await open_hand_over(hass, entry))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "hand_over_failed"
    assert result["description_placeholders"] == {"integration": "Growatt", "link": LINK}
    assert "next_flow" not in result
    # No dialog is left open that nobody looks at.
    assert not hass.config_entries.flow.async_progress_by_handler(OTHER)


async def test_an_integration_that_is_not_there(
    hass: HomeAssistant, entry: ConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = replace(global_server(entry.data["server"]).hand_over, domain="not_there")
    serve(monkeypatch, replace(global_server(entry.data["server"]), hand_over=missing))
    result = await submit(hass, await open_hand_over(hass, entry))
    assert result["reason"] == "hand_over_failed"
    assert result["description_placeholders"]["link"].endswith("not_there")


@pytest.mark.usefixtures("other")
async def test_not_within_minutes_of_our_own_call(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other integration begins with the same call, which the cloud would refuse."""
    hass.data[DATA_TIMING] = timing = replace(UNLIMITED, slow_cooldown=Timing().slow_cooldown)
    serve(monkeypatch, global_server(cloud.url))
    entry = await with_inverter(hass, cloud)
    assert not cloud.calls.of("plant/list")
    # Somebody looks at the plants.
    assert (await open_inverters(hass, entry))["step_id"] == "plant"
    assert len(cloud.calls.of("plant/list")) == 1

    result = await submit(hass, await open_hand_over(hass, entry))
    assert result["step_id"] == "hand_over"
    assert result["errors"] == {"base": "not_now"}
    assert result["description_placeholders"]["minutes"] == "5"
    assert not hass.config_entries.flow.async_progress_by_handler(OTHER)

    # Later it works, in the same dialog.
    await asyncio.sleep(timing.slow_cooldown)
    result = await submit(hass, result)
    assert result["reason"] == "handed_over"
