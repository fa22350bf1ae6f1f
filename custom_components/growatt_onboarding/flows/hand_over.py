"""Handing an account over to the Home Assistant integration that shows its inverters' data."""

from contextlib import suppress
from typing import Final

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow

from ..account import Target, entry_target
from ..binding.model import BindingState
from ..clock import minutes_until, now
from ..cloud.errors import NotNowError
from ..cloud.model import DeviceKind
from ..cloud.provider import HandOver
from ..const import LOGGER
from ..coordinator import AccountConfigEntry
from ..gateway import SharedData
from ..unexpected import log_unexpected

ADD_LINK: Final = "/config/integrations/dashboard/add?domain={domain}"
"""The front end's path that starts an integration's config flow."""


@callback
def has_associated(entry: AccountConfigEntry) -> bool:
    """Return whether any inverter is associated: before that, there is nothing to hand over."""
    return entry.state is ConfigEntryState.LOADED and any(
        binding.kind is DeviceKind.INVERTER and binding.state is BindingState.ASSOCIATED
        for binding in entry.runtime_data.coordinator.data.values()
    )


@callback
def check_limits(shared: SharedData, entry: AccountConfigEntry, hand_over: HandOver) -> None:
    """Raise NotNowError while the other integration's first call would come too soon after ours."""
    target = entry_target(entry)
    ledger = shared.gateway(target.provider, target.url, target.credentials).ledger
    call = hand_over.first_call
    # Its parameters differ from ours, but the cloud may count all calls together.
    ready = ledger.ready_at(call.path, None, ledger.limit(call.pace), now())
    if (wait := ready - now()) > 0:
        raise NotNowError(retry_after=wait, placeholders={"minutes": str(minutes_until(ready))})


def offered_by(target: Target) -> HandOver | None:
    """Return the integration that can take over from this server, if any."""
    servers = target.provider.servers
    return next((server.hand_over for server in servers if server.url == target.url), None)


async def async_start_flow(hass: HomeAssistant, hand_over: HandOver) -> str | None:
    """Start the other integration's flow up to its form for credentials; return the flow's id.

    Returns None, and leaves no flow open, if anything in it is not as expected.
    """
    flows = hass.config_entries.flow
    flow_id: str | None = None
    try:
        result = await flows.async_init(hand_over.domain, context={"source": SOURCE_USER})
        flow_id = result["flow_id"]
        if hand_over.step_id in result.get("menu_options", ()):
            result = await flows.async_configure(flow_id, {"next_step_id": hand_over.step_id})
        if result["type"] is FlowResultType.FORM and result["step_id"] == hand_over.step_id:
            return flow_id
        LOGGER.warning("The config flow of %s is not as expected", hand_over.domain)
    except Exception as err:  # noqa: BLE001 - whatever fails there, the person gets a link
        log_unexpected(f"the config flow of {hand_over.domain}", err)
    if flow_id is not None:
        with suppress(UnknownFlow):
            flows.async_abort(flow_id)
    return None
