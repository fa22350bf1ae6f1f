"""The inverter dialog: choose a plant, type serial numbers, see what became of them."""

import asyncio
from typing import Any

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .binding.model import BindingState
from .cloud.errors import CloudError
from .cloud.model import Plant
from .cloud.provider import Capability
from .const import (
    CONF_PLANT_ID,
    CONF_SERIAL_NUMBERS,
    MAX_SERIALS_DIALOG,
)
from .coordinator import AccountConfigEntry, AccountData
from .forms import field_selector
from .plants import CONF_NAME, CONF_PEAK_POWER, async_create_plant
from .serials import SerialError, async_refuse_dataloggers, check_serials, split_serials
from .store import NotStoredError

_NEW_PLANT = "new_plant"
# How long the dialog watches before it says what is known so far.
_WATCH_SECONDS = 20


class InverterFlow(ConfigSubentryFlow):
    """The inverter dialog."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._typed: dict[str, Any] = {}
        self._errors: dict[str, str] = {}
        self._error_placeholders: dict[str, str] = {}
        self._plants: tuple[Plant, ...] = ()
        self._plant: Plant | None = None
        self._serials: list[str] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def _entry(self) -> AccountConfigEntry:
        return self._get_entry()

    @property
    def _account(self) -> AccountData:
        return self._entry.runtime_data

    # Which plant

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Begin with what the account's cloud needs: a plant, or a place of another kind."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        capabilities = self._account.client.capabilities
        if Capability.BIND not in capabilities:
            return self.async_abort(reason="cannot_bind")
        if not self._account.client.signed_in:
            return self.async_abort(reason="not_signed_in")
        if Capability.PLANTS in capabilities:
            return await self.async_step_plant()
        return await self.async_step_place()

    async def async_step_plant(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose one of the account's plants, or a new one."""
        may_create = Capability.CREATE_PLANT in self._account.client.capabilities
        if user_input is not None and user_input.get(CONF_PLANT_ID) == _NEW_PLANT:
            return await self.async_step_create_plant()
        if user_input is not None and CONF_PLANT_ID in user_input:
            chosen = user_input[CONF_PLANT_ID]
            self._plant = next(plant for plant in self._plants if plant.id == chosen)
            return await self.async_step_serial_numbers()
        try:
            self._plants = await self._account.client.plants(self._entry.data["account_id"] or "")
        except CloudError as err:
            self._note_error(err)
        else:
            if not self._plants and may_create:
                return await self.async_step_create_plant()
        options = [
            SelectOptionDict(value=plant.id, label=plant.name or plant.id) for plant in self._plants
        ]
        if may_create:
            options.append(SelectOptionDict(value=_NEW_PLANT, label=_NEW_PLANT))
        selector = SelectSelector(
            SelectSelectorConfig(
                options=options, mode=SelectSelectorMode.LIST, translation_key="plant"
            )
        )
        default = options[0]["value"] if options else vol.UNDEFINED
        return self._show("plant", {vol.Required(CONF_PLANT_ID, default=default): selector})

    async def async_step_create_plant(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Create a plant."""
        if user_input is not None:
            self._typed.update(user_input)
            try:
                self._plant = await async_create_plant(self.hass, self._entry, user_input)
            except CloudError as err:
                self._note_error(err, (CONF_NAME, CONF_PEAK_POWER))
            else:
                return await self.async_step_serial_numbers()
        schema = {
            vol.Required(
                CONF_NAME,
                default=self._typed.get(CONF_NAME, self.hass.config.location_name),
            ): TextSelector(),
            vol.Required(
                CONF_PEAK_POWER, description={"suggested_value": self._typed.get(CONF_PEAK_POWER)}
            ): NumberSelector(
                NumberSelectorConfig(min=0.1, max=10_000, step="any", unit_of_measurement="kWp")
            ),
        }
        return self._show("create_plant", schema)

    async def async_step_place(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for what stands in for a plant where there are none."""
        place = self._account.provider.place_field
        if place is None:
            return self.async_abort(reason="cannot_bind")
        if user_input is not None and (text := user_input[place.name].strip()):
            self._plant = Plant(id=text, name=text)
            return await self.async_step_serial_numbers()
        return self._show("place", {vol.Required(place.name): field_selector(place)})

    # Which inverters

    async def async_step_serial_numbers(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Type the serial numbers; everything about them is on disk before the dialog goes on."""
        assert self._plant is not None  # noqa: S101 - chosen in the step before
        if user_input is not None:
            self._typed.update(user_input)
            try:
                serials = check_serials(
                    self.hass,
                    split_serials(user_input.get(CONF_SERIAL_NUMBERS, "")),
                    MAX_SERIALS_DIALOG,
                )
                await async_refuse_dataloggers(self._account.client, serials)
                # Somebody else may have added one while the cloud was asked.
                serials = check_serials(self.hass, serials, MAX_SERIALS_DIALOG)
                await self._account.coordinator.async_track(serials, self._plant.id)
            except SerialError as err:
                self._note_error(err, (CONF_SERIAL_NUMBERS,))
            except NotStoredError:
                self._errors = {"base": "not_stored"}
            else:
                self._serials = serials
                return await self.async_step_binding()
        schema = {
            vol.Required(
                CONF_SERIAL_NUMBERS,
                description={"suggested_value": self._typed.get(CONF_SERIAL_NUMBERS)},
            ): TextSelector(TextSelectorConfig(multiline=True))
        }
        return self._show("serial_numbers", schema, plant=self._plant.name or self._plant.id)

    async def async_step_binding(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Watch the cloud's first answers. Closing the dialog loses nothing."""
        if self._watching is None:
            self._watching = self.hass.async_create_task(
                self._account.coordinator.async_wait_for_answers(self._serials, _WATCH_SECONDS)
            )
        if not self._watching.done():
            return self.async_show_progress(
                step_id="binding", progress_action="binding", progress_task=self._watching
            )
        return self.async_show_progress_done(next_step_id="done")

    async def async_step_done(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Say what is known of each inverter. The subentries are there already."""
        bindings = self._account.coordinator.data
        groups: dict[str, list[str]] = {
            "associated": [],
            "accepted": [],
            "waiting": [],
            "refused": [],
        }
        for serial in self._serials:
            state = bindings[serial].state if serial in bindings else BindingState.QUEUED
            groups[_GROUPS[state]].append(serial)
        return self.async_abort(
            reason="inverters_added",
            description_placeholders={
                name: ", ".join(serials) or "-" for name, serials in groups.items()
            },
        )

    # Forms

    def _note_error(self, err: CloudError, fields: tuple[str, ...] = ()) -> None:
        """Remember an error for the form that is shown next, at the field at fault."""
        self._errors = {err.field if err.field in fields and err.field else "base": err.key}
        self._error_placeholders = err.placeholders

    def _show(
        self, step_id: str, schema: dict[Any, Any], **placeholders: str
    ) -> SubentryFlowResult:
        """Show a form with the error noted before, if any."""
        errors, self._errors = self._errors, {}
        error_placeholders, self._error_placeholders = self._error_placeholders, {}
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema(schema),
            errors=errors,
            description_placeholders={
                "account": self._entry.title,
                **placeholders,
                **error_placeholders,
            },
        )


_GROUPS = {
    BindingState.ASSOCIATED: "associated",
    BindingState.ACCEPTED: "accepted",
    BindingState.QUEUED: "waiting",
    BindingState.UNCONFIRMED: "waiting",
    BindingState.CONFLICT: "refused",
    BindingState.REJECTED: "refused",
    BindingState.LOST: "refused",
}
