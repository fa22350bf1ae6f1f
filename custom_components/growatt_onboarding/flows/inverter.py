"""The inverter flow: choose a plant, enter serial numbers, see the cloud's first answers."""

import asyncio
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
    UnknownEntry,
)
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..account.plants import CONF_NAME, CONF_PEAK_POWER, MAX_PEAK_POWER, async_create_plant
from ..account.serials import async_refuse_dataloggers, check_serials, split_serials
from ..binding.model import Binding, BindingState
from ..cloud.errors import AccessDeniedError, CloudError, InvalidInputError
from ..cloud.model import DeviceKind, Plant
from ..cloud.provider import Capability
from ..const import CONF_ACCOUNT_ID, CONF_PLANT_ID, CONF_SERIAL_NUMBERS, MAX_SERIALS_DIALOG
from ..coordinator import AccountConfigEntry, AccountCoordinator, AccountData
from ..foreign import Markdown, markdown, plain
from ..gateway.store import NotStoredError
from ..texts import async_reasons, async_state_names, explanation
from .forms import (
    FormMemory,
    UserInput,
    checked,
    field_selector,
    plant_labels,
    required,
    select_options,
)
from .steps import AnsweringFlow, with_minimum_duration

_NEW_PLANT: Final = "new_plant"
# How long the flow waits for answers before it shows what is known so far.
_WATCH_SECONDS: Final = 20


class InverterFlow(ConfigSubentryFlow, AnsweringFlow):
    """The subentry flow that adds inverters or submits one again."""

    _plant: Plant
    _coordinator: AccountCoordinator

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._title = ""
        self._memory = FormMemory()
        self._plants: tuple[Plant, ...] = ()
        self._serials: list[str] = []
        self._kinds: dict[str, DeviceKind] = {}
        self._watching: asyncio.Task[None] | None = None

    # The account

    @property
    def _entry(self) -> AccountConfigEntry:
        """Return the account's entry; abort if it was removed in the meantime."""
        try:
            entry = self._get_entry()
        except UnknownEntry as err:
            raise AbortFlow(
                "not_loaded", description_placeholders={"account": self._title}
            ) from err
        self._title = entry.title
        return entry

    @property
    def _account(self) -> AccountData:
        """Return the account's runtime data; abort if the entry is not loaded."""
        if self._entry.state is not ConfigEntryState.LOADED:
            raise self._abort("not_loaded")
        return self._entry.runtime_data

    # Which plant

    async def async_step_user(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Ask for a plant, or for what the account's cloud has instead."""
        self._check_may_bind()
        if Capability.PLANTS in self._account.client.capabilities:
            return await self.async_step_plant()
        return await self.async_step_place()

    def _check_may_bind(self) -> None:
        """Abort if the account cannot bind inverters; start reauthentication if that is why."""
        account = self._account
        if Capability.BIND not in account.client.capabilities:
            raise self._abort("cannot_bind")
        if not account.coordinator.signed_in or self._entry.data[CONF_ACCOUNT_ID] is None:
            self._entry.async_start_reauth(self.hass)
            raise self._abort("not_signed_in")

    async def async_step_plant(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Choose one of the account's plants or a new one."""
        client = self._account.client
        if user_input:
            chosen = user_input[CONF_PLANT_ID]
            if chosen == _NEW_PLANT:
                return await self.async_step_create_plant()
            plant = next(plant for plant in self._plants if plant.id == chosen)
            return await self._use_plant(plant)
        try:
            with self._account.coordinator.reauth_on_denial():
                self._plants = await client.plants(self._entry.data[CONF_ACCOUNT_ID])
        except AccessDeniedError:
            raise self._abort("not_signed_in") from None
        except CloudError as err:
            self._memory.set_error(err)
            # There are no options to show: submitting the empty form asks the cloud again.
            return self._show("plant", {})
        may_create = Capability.CREATE_PLANT in client.capabilities
        if not self._plants:
            if may_create:
                return await self.async_step_create_plant()
            raise self._abort("no_plants")
        labels = plant_labels(self._plants)
        if may_create:
            labels[_NEW_PLANT] = plain(_NEW_PLANT)
        selector = SelectSelector(
            SelectSelectorConfig(
                options=select_options(labels),
                mode=SelectSelectorMode.LIST,
                translation_key="plant",
            )
        )
        default = self._current_plant() or next(iter(labels))
        return self._show("plant", {vol.Required(CONF_PLANT_ID, default=default): selector})

    def _current_plant(self) -> str | None:
        """Return the plant of the inverter that is reconfigured, if it is one of the plants."""
        if self.source != SOURCE_RECONFIGURE:
            return None
        plant_id = self._binding.plant_id
        return plant_id if any(plant.id == plant_id for plant in self._plants) else None

    async def _use_plant(self, plant: Plant) -> SubentryFlowResult:
        """Continue with a plant: add inverters to it, or submit the reconfigured one to it."""
        self._plant = plant
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_submit_again({})
        return await self.async_step_serial_numbers()

    async def async_step_create_plant(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Create a plant."""
        self._check_may_bind()
        if user_input is not None:
            self._memory.remember((CONF_NAME, CONF_PEAK_POWER), user_input)
            try:
                with self._account.coordinator.reauth_on_denial():
                    plant = await async_create_plant(
                        self.hass,
                        self._entry,
                        name=user_input[CONF_NAME],
                        peak_power=user_input[CONF_PEAK_POWER],
                    )
            except AccessDeniedError:
                raise self._abort("not_signed_in") from None
            except CloudError as err:
                self._memory.set_error(err)
            else:
                return await self._use_plant(plant)
        typed = self._memory.typed
        name = typed.get(CONF_NAME, self.hass.config.location_name)
        schema = {
            required(CONF_NAME, name): TextSelector(),
            required(CONF_PEAK_POWER, typed.get(CONF_PEAK_POWER)): NumberSelector(
                NumberSelectorConfig(
                    # The front end starts at the minimum. Zero is refused, so a person must decide.
                    min=0,
                    max=MAX_PEAK_POWER,
                    step="any",
                    unit_of_measurement="kWp",
                    mode=NumberSelectorMode.BOX,
                )
            ),
        }
        return self._show("create_plant", schema)

    async def async_step_place(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Ask for what the cloud has instead of plants."""
        field = self._account.provider.plant_id_field
        if field is None:
            raise self._abort("cannot_bind")
        if user_input is not None:
            self._memory.remember((field.name,), user_input)
            try:
                text = checked((field,), user_input)[field.name]
                self._account.client.check_plant_id(text)
            except InvalidInputError as err:
                self._memory.set_error(err)
            else:
                return await self._use_plant(Plant(id=text, name=text))
        typed = self._memory.typed.get(field.name)
        return self._show("place", {required(field.name, typed): field_selector(field)})

    # Reconfigure an inverter

    async def async_step_reconfigure(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Offer to submit an inverter again, also to another plant."""
        self._check_may_bind()
        account = self._account
        self._serials = [str(self._get_reconfigure_subentry().unique_id)]
        plant_id = self._binding.plant_id
        self._plant = Plant(id=plant_id, name=plant_id)
        options = ["submit_again"]
        if Capability.PLANTS in account.client.capabilities:
            options.append("plant")
        elif (field := account.provider.plant_id_field) is not None:
            self._memory.typed[field.name] = plant_id
            options.append("place")
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=options,
            description_placeholders={
                "account": self._entry.title,
                "serial": self._serials[0],
                "plant": plant_id,
            },
        )

    @property
    def _binding(self) -> Binding:
        """Return the inverter's binding; abort if there is nothing to submit."""
        serial = self._serials[0]
        binding = self._account.coordinator.data.get(serial)
        if binding is None:
            raise self._abort("not_tracked", serial=serial)
        if binding.state is BindingState.ASSOCIATED:
            raise self._abort("already_associated", serial=serial, plant=binding.plant_id)
        return binding

    async def async_step_submit_again(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Submit the inverter's binding again."""
        serial = self._binding.serial
        if user_input is not None:
            self._coordinator = self._account.coordinator
            try:
                await self._coordinator.async_submit_again(serial, self._plant.id)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                return await self.async_step_binding()
        return self._show("submit_again", {}, serial=serial)

    # Which inverters

    async def async_step_serial_numbers(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Enter the serial numbers. Their bindings are stored before the flow continues."""
        account = self._account
        if user_input is not None:
            self._memory.remember((CONF_SERIAL_NUMBERS,), user_input)
            try:
                serials = check_serials(
                    self.hass, split_serials(user_input[CONF_SERIAL_NUMBERS]), MAX_SERIALS_DIALOG
                )
                await async_refuse_dataloggers(account.client, serials, self._kinds)
                # Another flow may have added one of them by now, and the entry may be reloaded.
                serials = check_serials(self.hass, serials, MAX_SERIALS_DIALOG)
                self._coordinator = self._account.coordinator
                await self._coordinator.async_track(serials, self._plant.id)
            except CloudError as err:
                self._memory.set_error(err)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                self._serials = serials
                return await self.async_step_binding()
        typed = self._memory.typed.get(CONF_SERIAL_NUMBERS)
        selector = TextSelector(TextSelectorConfig(multiline=True))
        return self._show(
            "serial_numbers",
            {required(CONF_SERIAL_NUMBERS, typed): selector},
            plant=plant_labels((*self._plants, self._plant))[self._plant.id],
            most=str(MAX_SERIALS_DIALOG),
        )

    async def async_step_binding(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show progress until the cloud's first answers. Closing the flow loses nothing."""
        if self._watching is None:
            watch = self._coordinator.async_wait_for_answers(self._serials, _WATCH_SECONDS)
            self._watching = self.hass.async_create_task(with_minimum_duration(watch))
        if not self._watching.done():
            return self.async_show_progress(
                step_id="binding",
                progress_action="binding",
                progress_task=self._watching,
                description_placeholders={"count": str(len(self._serials))},
            )
        return self.async_show_progress_done(next_step_id="done")

    async def async_step_done(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show the result for each inverter. The subentries already exist."""
        reasons, names = await async_reasons(self.hass), await async_state_names(self.hass)
        bindings = self._coordinator.data
        known = [bindings[serial] for serial in self._serials if serial in bindings]
        lines = []
        for state in BindingState:
            found = [binding for binding in known if binding.state is state]
            if found and (state.pending or state is BindingState.ASSOCIATED):
                serials = ", ".join(binding.serial for binding in found)
                lines.append(markdown(t"- **{names[state]}:** {serials}"))
                continue
            for binding in found:
                reason = explanation(self.hass, self._entry, reasons, binding)
                lines.append(markdown(t"- **{names[state]}:** {binding.serial}. {reason}"))
        return self.async_abort(
            reason=("submitted_again" if self.source == SOURCE_RECONFIGURE else "inverters_added"),
            description_placeholders={
                "account": self._entry.title,
                "results": Markdown("\n".join(lines)),
            },
        )

    # Forms

    def _abort(self, reason: str, **placeholders: str) -> AbortFlow:
        """Return the exception that aborts the flow; the reason's text may name the account."""
        return AbortFlow(
            reason, description_placeholders={"account": self._entry.title, **placeholders}
        )

    def _show(
        self, step_id: str, schema: dict[Any, Any], **placeholders: str
    ) -> SubentryFlowResult:
        """Show a form with the error that was set, if any."""
        errors, self.error_values = self._memory.pop_error()
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema(schema),
            errors=errors,
            description_placeholders={"account": self._entry.title, **placeholders},
        )
