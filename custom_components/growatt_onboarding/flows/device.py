"""What the flows of devices share: which plant, submit again, the cloud's first answers."""

from abc import abstractmethod
import asyncio
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
    UnknownEntry,
)
from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import voluptuous as vol

from ..account.plants import CONF_PEAK_POWER, MAX_PEAK_POWER, async_create_plant
from ..binding.model import Binding, BindingState
from ..cloud.errors import AccessDeniedError, CloudError, InvalidInputError
from ..cloud.model import DeviceKind, Plant
from ..cloud.provider import Capability
from ..const import CONF_ACCOUNT_ID, CONF_PLANT_ID
from ..coordinator import AccountConfigEntry, AccountCoordinator, AccountData
from ..foreign import Markdown, markdown, plain
from ..gateway.store import NotStoredError
from ..texts import async_reasons, async_state_names, explanation, reason_text
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
# What is left of a device that the cloud did not add: a repair.
_REFUSED: Final = frozenset({BindingState.REJECTED, BindingState.CONFLICT})
# How long the flow waits for answers before it shows what is known so far.
_WATCH_SECONDS: Final = 20


class DeviceFlow(ConfigSubentryFlow, AnsweringFlow):
    """A subentry flow that adds devices or submits one again."""

    _plant: Plant
    _coordinator: AccountCoordinator

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._title = ""
        self._memory = FormMemory()
        self._plants: tuple[Plant, ...] = ()
        # The devices that the flow is about, as far as they are tracked.
        self._serials: list[str] = []
        # What the cloud said that serial numbers belong to.
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
        return await self._ask_plant()

    async def _ask_plant(self) -> SubentryFlowResult:
        """Ask for a plant, or for what the account's cloud has instead."""
        if Capability.PLANTS in self._account.client.capabilities:
            return await self.async_step_plant()
        return await self.async_step_place()

    def _check_may_bind(self) -> None:
        """Abort if the account cannot bind devices; start reauthentication if that is why."""
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
        """Return the plant of the device that is reconfigured, if it is one of the plants."""
        if self.source != SOURCE_RECONFIGURE:
            return None
        plant_id = self._binding.plant_id
        return plant_id if any(plant.id == plant_id for plant in self._plants) else None

    async def _use_plant(self, plant: Plant) -> SubentryFlowResult:
        """Continue with a plant: add devices to it, or submit the reconfigured one to it."""
        self._plant = plant
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_submit_again({})
        return await self._ask_devices()

    @abstractmethod
    async def _ask_devices(self) -> SubentryFlowResult:
        """Ask which devices to add to the plant."""

    @property
    def _plant_label(self) -> str:
        """The plant's name, with its id where another one's looks the same."""
        return plant_labels((*self._plants, self._plant))[self._plant.id]

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

    # Reconfigure a device

    async def async_step_reconfigure(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Offer to submit a device again, also to another plant."""
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
        """Return the device's binding; abort if there is nothing to submit."""
        serial = self._serials[0]
        binding = self._account.coordinator.data.get(serial)
        if binding is None:
            raise self._abort("not_tracked", serial=serial)
        if binding.state is BindingState.ASSOCIATED:
            raise self._abort("already_associated", serial=serial, plant=binding.plant_id)
        return binding

    async def async_step_submit_again(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Submit the device's binding again."""
        serial = self._binding.serial
        if user_input is not None:
            self._coordinator = self._account.coordinator
            try:
                await self._coordinator.async_submit_again(serial, self._plant.id)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                return await self._watch()
        return self._show("submit_again", {}, serial=serial)

    # What became of them

    async def _watch(self) -> SubentryFlowResult:
        """Watch for the cloud's first answers."""
        watch = self._coordinator.async_wait_for_answers(self._serials, _WATCH_SECONDS)
        self._watching = self.hass.async_create_task(with_minimum_duration(watch))
        return await self.async_step_binding()

    async def async_step_binding(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show progress until the cloud's first answers. Closing the flow loses nothing."""
        assert self._watching is not None  # noqa: S101 - set before anything leads here
        if not self._watching.done():
            return self.async_show_progress(
                step_id="binding",
                progress_action="binding",
                progress_task=self._watching,
                description_placeholders={"count": str(len(self._serials))},
            )
        return self.async_show_progress_done(next_step_id="done")

    async def async_step_done(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show the result for each device. The subentries already exist."""
        known = self._tracked
        sticks = {one.state for one in known if one.kind is DeviceKind.DATALOGGER}
        return self.async_abort(
            reason=(
                "datalogger_refused"
                if sticks and sticks <= _REFUSED
                else "datalogger_submitted"
                if sticks
                else "submitted_again"
                if self.source == SOURCE_RECONFIGURE
                else "inverters_added"
            ),
            description_placeholders={
                "account": self._entry.title,
                "results": await self._results(known),
            },
        )

    @property
    def _tracked(self) -> list[Binding]:
        """The bindings that the flow is about, without those that were removed meanwhile."""
        bindings = self._coordinator.data
        return [bindings[serial] for serial in self._serials if serial in bindings]

    async def _results(self, known: list[Binding]) -> Markdown:
        """Return a list of what became of the bindings, by state."""
        reasons, names = await async_reasons(self.hass), await async_state_names(self.hass)
        lines = []
        for (kind, state), name in names.items():
            alike: list[str] = []
            others: list[Markdown] = []
            for binding in known:
                if (binding.kind, binding.state) != (kind, state):
                    continue
                if (remark := self._remark(binding)) is not None:
                    text = reason_text(reasons, remark, {})
                elif state.pending or state is BindingState.ASSOCIATED:
                    alike.append(binding.serial)
                    continue
                else:
                    text = explanation(self.hass, self._entry, reasons, binding)
                others.append(markdown(t"- **{name}:** {binding.serial}. {text}"))
            if alike:
                lines.append(markdown(t"- **{name}:** {', '.join(alike)}"))
            lines += others
        return Markdown("\n".join(lines))

    def _remark(self, binding: Binding) -> str | None:
        """Return the key of what to say of a binding in place of its own reason, if anything."""
        return None

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
