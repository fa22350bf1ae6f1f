"""A dialog with a form, a refusal, a progress step and a dialog that follows it."""

import asyncio
from typing import Any

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.core import callback
import voluptuous as vol

from . import DOMAIN

NAME_SCHEMA = vol.Schema({vol.Required("name"): str})
SHORT_WORK = 0.3


class ExampleConfigFlow(ConfigFlow, domain=DOMAIN):
    """Add an entry."""

    _name = ""
    _work: asyncio.Task[None] | None = None

    @classmethod
    @callback
    def async_get_supported_subentry_types(
        cls,
        config_entry: ConfigEntry,  # noqa: ARG003
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Offer one type."""
        return {"thing": ThingFlow}

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a name."""
        errors = {}
        if user_input is not None:
            self._name = user_input["name"]
            if self._name != "taken":
                return await self.async_step_work()
            errors["name"] = "taken"
        return self.async_show_form(step_id="user", data_schema=NAME_SCHEMA, errors=errors)

    async def async_step_work(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a moment."""
        if self._work is None:
            self._work = self.hass.async_create_task(asyncio.sleep(SHORT_WORK))
        if self._work.done():
            return self.async_show_progress_done(next_step_id="done")
        return self.async_show_progress(
            step_id="work", progress_action="working", progress_task=self._work
        )

    async def async_step_done(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Create the entry."""
        return self.async_create_entry(title=self._name, data={})

    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go on to the first thing."""
        thing = await self.hass.config_entries.subentries.async_init(
            (result["result"].entry_id, "thing"), context=SubentryFlowContext(source=SOURCE_USER)
        )
        result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, thing["flow_id"])
        return result


class ThingFlow(ConfigSubentryFlow):
    """Add a subentry."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a name."""
        if user_input is not None:
            return self.async_create_entry(title=user_input["name"], data=user_input)
        return self.async_show_form(step_id="user", data_schema=NAME_SCHEMA)
