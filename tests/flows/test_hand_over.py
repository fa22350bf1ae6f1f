"""Handing an account over to Home Assistant's own integration for what its inverters do."""

import asyncio
from collections.abc import Generator
from copy import replace
from typing import Any, ClassVar

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult, FlowType
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
import voluptuous as vol

from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.cloud.provider import Server
from custom_components.growatt_onboarding.const import DATA_TIMING
from simulator import END_USER_TOKEN, Simulator
from tests.common import (
    RESIDENT,
    RESIDENT_PLANT,
    UNLIMITED,
    add_account,
    open_inverters,
    open_reconfigure,
    shown_values,
    submit,
    track,
    until,
)

from .other_integration import (
    OTHER,
    SN,
    OnePlant,
    TheirFlow,
    global_server,
    installed,
    serve,
    with_inverter,
)

STICK = "QMN0000001"
LINK = "/config/integrations/dashboard/add?domain=growatt_server"

type Result = dict[str, Any]


class Refusing(TheirFlow):
    async def async_step_plant(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        return self._ask(base="invalid_auth")


class NoPlants(TheirFlow):
    async def async_step_plant(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        return self.async_abort(reason="no_plants")


class BrokenLater(TheirFlow):
    async def async_step_plant(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        raise ValueError(f"what is {END_USER_TOKEN}?")


class AsksMore(TheirFlow):
    fields: ClassVar[dict[Any, Any]] = {**TheirFlow.fields, vol.Optional("public_name"): str}

    async def async_step_plant(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        raise AssertionError("a token was sent to a form that nobody knows")


class AsksOtherwise(AsksMore):
    fields: ClassVar[dict[Any, Any]] = {vol.Required("token"): str}


class AsksNothing(AsksMore):
    def _ask(self, **errors: str) -> ConfigFlowResult:
        return self.async_show_form(step_id=self.shown)


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
    with installed(hass, flow):
        yield


@pytest.fixture
def flow() -> type[ConfigFlow]:
    """Return the other integration's dialog."""
    return TheirFlow


@pytest.fixture
async def entry(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> ConfigEntry:
    """Return the entry of the resident on the global server, with an associated inverter."""
    serve(monkeypatch, global_server(cloud.url))
    return await with_inverter(hass, cloud)


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
    values = {"integration": "Growatt", "name": RESIDENT, "serial": "", "plain_serial": ""}
    assert result["description_placeholders"] == values
    result = await submit(hass, result, pass_token=False)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "handed_over"
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_FLOW
    theirs = hass.config_entries.flow.async_get(flow_id)
    assert (theirs["handler"], theirs["step_id"]) == (OTHER, "token_auth")
    # Nothing was asked of the cloud, and the account stays.
    assert len(cloud.calls) == before
    assert entry.runtime_data.coordinator.data[SN].state == "associated"


@pytest.mark.usefixtures("other")
async def test_with_the_token_it_asks_for_the_plant(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    before = len(cloud.calls)
    result = await open_hand_over(hass, entry)
    # That is what is proposed.
    assert result["data_schema"]({}) == {"pass_token": True}
    result = await submit(hass, result, pass_token=True)
    assert result["reason"] == "handed_over"
    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_FLOW
    theirs = hass.config_entries.flow.async_get(flow_id)
    assert (theirs["handler"], theirs["step_id"]) == (OTHER, "plant")
    assert len(cloud.calls) == before


@pytest.mark.parametrize("flow", [OnePlant])
@pytest.mark.usefixtures("other")
async def test_with_the_token_of_one_plant_there_is_nothing_to_ask(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    result = await submit(hass, await open_hand_over(hass, entry), pass_token=True)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "power_shown"
    assert result["description_placeholders"] == {"integration": "Growatt"}
    (theirs,) = hass.config_entries.async_entries(OTHER)
    assert theirs.unique_id == RESIDENT_PLANT
    assert not hass.config_entries.flow.async_progress()


UNKNOWN = [WithoutTokens, AnotherForm, Broken, BrokenAtOnce, NotNow]


@pytest.mark.parametrize(
    ("flow", "pass_on"),
    [
        *((flow, pass_on) for flow in UNKNOWN for pass_on in (False, True)),
        *((flow, True) for flow in (Refusing, NoPlants, BrokenLater)),
        *((flow, True) for flow in (AsksMore, AsksOtherwise, AsksNothing)),
    ],
)
@pytest.mark.usefixtures("other")
async def test_an_unknown_dialog_leads_to_a_link(
    hass: HomeAssistant, entry: ConfigEntry, caplog: pytest.LogCaptureFixture, *, pass_on: bool
) -> None:
    result = await submit(hass, await open_hand_over(hass, entry), pass_token=pass_on)
    assert END_USER_TOKEN not in caplog.text
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
    result = await submit(hass, await open_hand_over(hass, entry), pass_token=True)
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
    assert (await open_inverters(hass, entry))["step_id"] == "serial_numbers"
    assert len(cloud.calls.of("plant/list")) == 1

    result = await submit(hass, await open_hand_over(hass, entry), pass_token=False)
    assert result["step_id"] == "hand_over"
    assert result["errors"] == {"base": "not_now"}
    # The answer is remembered.
    assert result["data_schema"]({}) == {"pass_token": False}
    assert result["description_placeholders"]["minutes"] == "5"
    assert not hass.config_entries.flow.async_progress_by_handler(OTHER)

    # Later it works, in the same dialog.
    await asyncio.sleep(timing.slow_cooldown)
    result = await submit(hass, result, pass_token=False)
    assert result["reason"] == "handed_over"
