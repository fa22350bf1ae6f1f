"""Triggers for what becomes of inverters and dataloggers."""

from typing import ClassVar, Final, override

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .binding.model import BindingState, Problem
from .const import DOMAIN
from .entity import device_unique_id
from .event import ASSOCIATION, DEVICE_ASSOCIATION
from .outcome import binding_result
from .reports import OF_ALL, Report

# Home Assistant itself checks what a target names.
_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(CONF_TARGET, default=dict): dict,
        vol.Optional(CONF_OPTIONS, default=dict): {},
    }
)


class ReportTrigger(Trigger):
    """A trigger that fires once for each report of one type, of the devices in its target.

    A target has a device if it has that or its event, and all devices of an account if it has the
    account's. Without a target, it is all devices of all accounts.
    """

    event_type: ClassVar[str]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration; raise vol.Invalid if it has options, as there are none."""
        validated: ConfigType = _SCHEMA(config)
        return validated

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Remember the target."""
        super().__init__(hass, config)
        self._target = TargetSelection(config.target or {})

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run the action with every report that is meant, until the returned function is called."""

        @callback
        def hear(report: Report) -> None:
            if report.event_type != self.event_type:
                return
            event, account_event = self._events(report)
            if self._has_any(event, account_event):
                told = binding_result(report.entry, report.binding)
                ids = {ATTR_ENTITY_ID: event, ATTR_DEVICE_ID: self._device(event)}
                run_action({**ids, **told}, f"association of {report.binding.serial}")

        return async_dispatcher_connect(self._hass, OF_ALL, hear)

    def _events(self, report: Report) -> tuple[str | None, str | None]:
        """Return the ids of the event of a report's device and of its account's."""
        registry = er.async_get(self._hass)
        of_device = device_unique_id(report.binding.serial, ASSOCIATION.key)
        of_account = f"{report.entry.entry_id}_{DEVICE_ASSOCIATION.key}"
        return (
            registry.async_get_entity_id(EVENT_DOMAIN, DOMAIN, of_device),
            registry.async_get_entity_id(EVENT_DOMAIN, DOMAIN, of_account),
        )

    def _has_any(self, *events: str | None) -> bool:
        """Return whether the target has one of these events or devices: they may have moved.

        By its device, area or label it has no event that is hidden or disabled.
        """
        if not self._target.has_any_target:
            return True
        selected = async_extract_referenced_entity_ids(self._hass, self._target)
        devices = {self._device(event) for event in events}
        return not (
            selected.referenced_devices.isdisjoint(devices)
            and selected.referenced.isdisjoint(events)
            and selected.indirectly_referenced.isdisjoint(events)
        )

    def _device(self, event: str | None) -> str | None:
        """Return the id of an event's device, None if that is not there yet."""
        entry = None if event is None else er.async_get(self._hass).async_get(event)
        return None if entry is None else entry.device_id


class AssociatedTrigger(ReportTrigger):
    """A trigger for devices that the cloud has associated."""

    event_type = BindingState.ASSOCIATED.value


class OverdueTrigger(ReportTrigger):
    """A trigger for devices that have waited too long."""

    event_type = Problem.OVERDUE.value


class ConflictTrigger(ReportTrigger):
    """A trigger for devices that another account or plant holds."""

    event_type = BindingState.CONFLICT.value


class RefusedTrigger(ReportTrigger):
    """A trigger for devices that the cloud refuses."""

    event_type = BindingState.REJECTED.value


TRIGGERS: Final[dict[str, type[Trigger]]] = {
    "associated": AssociatedTrigger,
    "overdue": OverdueTrigger,
    "conflict": ConflictTrigger,
    "refused": RefusedTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by their keys."""
    return TRIGGERS
