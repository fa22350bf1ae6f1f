"""Handing an account over to the Home Assistant integration that shows its inverters' data."""

from contextlib import suppress
from typing import Final

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow

from ..account import Target
from ..binding.model import Binding, BindingState
from ..clock import minutes_until, now
from ..cloud.errors import NotNowError
from ..cloud.model import Credentials, DeviceKind
from ..cloud.provider import HandOver
from ..const import LOGGER
from ..coordinator import AccountConfigEntry
from ..gateway import Gateway
from ..unexpected import log_unexpected

ADD_LINK: Final = "/config/integrations/dashboard/add?domain={domain}"
"""The front end's path that starts an integration's config flow."""


@callback
def associated_inverters(entry: AccountConfigEntry) -> list[Binding]:
    """Return an account's inverters that there is something to show of, none if it is not set up.

    Before an association there is nothing to hand over.
    """
    if entry.state is not ConfigEntryState.LOADED:
        return []
    return [
        binding
        for binding in entry.runtime_data.coordinator.data.values()
        if binding.kind is DeviceKind.INVERTER and binding.state is BindingState.ASSOCIATED
    ]


@callback
def seconds_to_wait(gateway: Gateway, hand_over: HandOver) -> float:
    """Return how long the other integration's first call would come too soon after ours."""
    call = hand_over.first_call
    ledger, time = gateway.ledger, now()
    # Its parameters differ from ours, but the cloud may count all calls together.
    return ledger.ready_at(call.path, None, ledger.limit(call.pace), time) - time


@callback
def check_limits(gateway: Gateway, hand_over: HandOver) -> None:
    """Raise NotNowError while the other integration's first call would come too soon after ours."""
    if (wait := seconds_to_wait(gateway, hand_over)) > 0:
        minutes = minutes_until(now() + wait)
        raise NotNowError(retry_after=wait, placeholders={"minutes": str(minutes)})


def offered_by(target: Target) -> HandOver | None:
    """Return the integration that can take over from this server, if any."""
    servers = target.provider.servers
    return next((server.hand_over for server in servers if server.url == target.url), None)


async def async_open_flow(
    hass: HomeAssistant, hand_over: HandOver, credentials: Credentials | None
) -> ConfigFlowResult | None:
    """Open the other integration's flow; return where it stands.

    Without credentials it stands at its form for them. With credentials that form is submitted,
    and it stands at what it asks next, or has created its entry.

    Returns None, and leaves no flow open, if anything in it is not as expected.
    """
    flows = hass.config_entries.flow
    flow_id: str | None = None
    try:
        result = await flows.async_init(hand_over.domain, context={"source": SOURCE_USER})
        flow_id = result["flow_id"]
        if hand_over.step_id in result.get("menu_options", ()):
            result = await flows.async_configure(flow_id, {"next_step_id": hand_over.step_id})
        if _is_at_form(result, hand_over):
            if credentials is None:
                return result
            answers = _answers(hand_over, credentials)
            # A secret goes nowhere else.
            if _fields(result) == answers.keys():
                result = await flows.async_configure(flow_id, answers)
                if _goes_on(result, hand_over):
                    return result
        LOGGER.warning("The config flow of %s is not as expected", hand_over.domain)
    except Exception as err:  # noqa: BLE001 - whatever fails there, the person gets a link
        log_unexpected(f"the config flow of {hand_over.domain}", err)
    if flow_id is not None:
        with suppress(UnknownFlow):
            flows.async_abort(flow_id)
    return None


def _answers(hand_over: HandOver, credentials: Credentials) -> dict[str, str]:
    """Return what the other integration's form is filled in with."""
    passed = {field: credentials[name] for field, name in hand_over.credentials.items()}
    return {**passed, **hand_over.choices}


def _fields(result: ConfigFlowResult) -> set[str]:
    """Return the names of a form's fields."""
    schema = result["data_schema"]
    return set() if schema is None else {str(field) for field in schema.schema}


def _is_at_form(result: ConfigFlowResult, hand_over: HandOver) -> bool:
    """Return whether a flow asks for the credentials."""
    return result["type"] is FlowResultType.FORM and result["step_id"] == hand_over.step_id


def _goes_on(result: ConfigFlowResult, hand_over: HandOver) -> bool:
    """Return whether a flow has taken the credentials: it asks something else, or is complete."""
    if result["type"] is FlowResultType.CREATE_ENTRY:
        return True
    return result["type"] is FlowResultType.FORM and not _is_at_form(result, hand_over)
