"""What all flows of devices share: the account, and which plant the devices are added to.

The plant is part of whatever form asks for the devices. Only a further plant has a form of its own,
which goes on with what was submitted before.
"""

from contextlib import suppress
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
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..account.plants import (
    CONF_PEAK_POWER,
    MAX_PEAK_POWER,
    MIN_PEAK_POWER,
    async_create_plant,
    async_list_plants,
)
from ..cloud import fields
from ..cloud.errors import AccessDeniedError, CloudError, InvalidInputError
from ..cloud.provider import Capability, Field
from ..const import CONF_ACCOUNT_ID, CONF_PLANT_ID
from ..coordinator import AccountConfigEntry, AccountData
from ..foreign import plain
from .forms import (
    FormMemory,
    UserInput,
    checked,
    field_selector,
    select_options,
)
from .steps import AnsweringFlow

_NEW_PLANT: Final = "new_plant"
_OF_NEW_PLANT: Final = (CONF_NAME, CONF_PEAK_POWER)


class PlantFlow(ConfigSubentryFlow, AnsweringFlow):
    """A subentry flow whose forms ask for a plant, or for what the account's cloud has instead."""

    _plant_id: str

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._title = ""
        self._memory = FormMemory()
        # What the cloud has listed, None as long as it has not.
        self._plant_ids: tuple[str, ...] | None = None
        # The only plant that makes sense, where there is such a one.
        self._given_plant_id: str | None = None
        # Those that were created here, by what was submitted for them.
        self._created: dict[tuple[object, ...], str] = {}
        # What was submitted at which step before a form asked for a further plant.
        self._left: tuple[str, dict[str, Any]] = ("", {})

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

    def _check_may_bind(self) -> None:
        """Abort if the account cannot bind devices; start reauthentication if that is why."""
        account = self._account
        if Capability.BIND not in account.client.capabilities:
            raise self._abort("cannot_bind")
        if not account.coordinator.signed_in or self._entry.data[CONF_ACCOUNT_ID] is None:
            self._entry.async_start_reauth(self.hass)
            raise self._abort("not_signed_in")

    def _can(self, capability: Capability) -> bool:
        """Return whether the account's cloud can do something."""
        return capability in self._account.client.capabilities

    # The plant in a form

    @property
    def _plant_id_field(self) -> Field:
        """The field that a cloud without plants has instead; abort if it has none."""
        field = self._account.provider.plant_id_field
        if field is None:
            raise self._abort("cannot_bind")
        return field

    @property
    def _choices(self) -> tuple[str, ...] | None:
        """The plants that can be chosen, None as long as nobody knows."""
        return self._plant_ids if self._given_plant_id is None else (self._given_plant_id,)

    @property
    def _plant_fields(self) -> tuple[str, ...]:
        """The names of all fields that may ask for the plant."""
        if self._can(Capability.PLANTS):
            return (CONF_PLANT_ID, *_OF_NEW_PLANT)
        return (self._plant_id_field.name,)

    async def _show_with_plant(
        self, step_id: str, schema: dict[Any, Any], **placeholders: str
    ) -> SubentryFlowResult:
        """Show a form that asks for the plant, too.

        Where the plants cannot be listed, it says why, and submitting it has them listed again.
        """
        if not self._memory.has_error:
            try:
                await self._list_plants()
            except CloudError as err:
                self._memory.set_error(err)
        return self._show(step_id, {**schema, **self._plant_schema()}, **placeholders)

    async def _list_plants(self) -> None:
        """Have the plants listed that can be chosen, unless they are known. Raises CloudError."""
        if self._choices is not None or not self._can(Capability.PLANTS):
            return
        account = self._account
        try:
            with account.coordinator.reauth_on_denial():
                plants = await async_list_plants(self._entry)
        except AccessDeniedError:
            raise self._abort("not_signed_in") from None
        if not plants and not self._can(Capability.CREATE_PLANT):
            raise self._abort("no_plants")
        self._plant_ids = tuple(plant.id for plant in plants)

    def _plant_schema(self) -> dict[Any, Any]:
        """Return the part of a form that asks for the plant.

        Nothing in it is required: the form may be submitted for its photo.
        """
        typed = self._memory.typed
        if not self._can(Capability.PLANTS):
            field = self._plant_id_field
            return {_optional(field.name, typed.get(field.name)): field_selector(field)}
        choices = self._choices
        if choices is not None and not choices:
            return self._new_plant_schema()
        if choices is None and not self._can(Capability.CREATE_PLANT):
            return {}
        # As long as nobody knows the others, a new one is made only if somebody wants it.
        labels = self._account.plants.labels(choices or ())
        if self._given_plant_id is None and self._can(Capability.CREATE_PLANT):
            labels[_NEW_PLANT] = plain(_NEW_PLANT)
        config = SelectSelectorConfig(
            options=select_options(labels),
            mode=SelectSelectorMode.DROPDOWN,
            translation_key="plant",
        )
        chosen = typed.get(CONF_PLANT_ID) or self._usual_plant()
        return {_optional(CONF_PLANT_ID, chosen): SelectSelector(config)}

    def _usual_plant(self) -> str | None:
        """Return the only plant, or that of the device that is reconfigured."""
        known = self._choices or ()
        if self.source == SOURCE_RECONFIGURE and self._plant_id in known:
            return self._plant_id
        return known[0] if len(known) == 1 else None

    def _new_plant_schema(self) -> dict[Any, Any]:
        """Return the part of a form that asks for what a new plant takes."""
        typed = self._memory.typed
        name = typed.get(CONF_NAME, self.hass.config.location_name)
        # Not the front end's field for numbers: it begins with 0, and some browsers make 44 of 4,4.
        power = TextSelector(TextSelectorConfig(suffix="kWp"))
        return {
            _optional(CONF_NAME, name): TextSelector(),
            _optional(CONF_PEAK_POWER, typed.get(CONF_PEAK_POWER)): power,
        }

    async def _choose_plant(self, user_input: dict[str, Any]) -> bool:
        """Use the plant that a form asks for; return False if it is yet to be created.

        The first plant is created here. Raises CloudError.
        """
        if not self._can(Capability.PLANTS):
            field = self._plant_id_field
            text = checked((field,), user_input)[field.name]
            self._account.client.check_plant_id(text)
            self._plant_id = text
            return True
        if user_input.get(CONF_PLANT_ID) == _NEW_PLANT:
            return False
        await self._list_plants()
        if not self._choices:
            await self._create_plant(user_input)
            return True
        chosen = user_input.get(CONF_PLANT_ID) or self._usual_plant()
        if chosen not in self._choices:
            raise InvalidInputError("plant_needed", field=CONF_PLANT_ID)
        self._plant_id = chosen
        return True

    @property
    def _plant_label(self) -> str:
        """What to call the plant."""
        return self._account.plants.label(self._plant_id)

    # A new plant

    async def _ask_new_plant(self, step_id: str, user_input: dict[str, Any]) -> SubentryFlowResult:
        """Ask for a further plant, and go on with what was submitted at this step."""
        self._left = (step_id, user_input)
        return await self.async_step_create_plant()

    async def async_step_create_plant(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Create a further plant, and go on with what was submitted before."""
        self._check_may_bind()
        if user_input is not None:
            self._memory.remember(_OF_NEW_PLANT, user_input)
            try:
                await self._create_plant(user_input)
            except CloudError as err:
                self._memory.set_error(err)
            else:
                step_id, submitted = self._left
                step = getattr(self, f"async_step_{step_id}")
                result: SubentryFlowResult = await step(
                    {**submitted, CONF_PLANT_ID: self._plant_id}
                )
                return result
        return self._show("create_plant", self._new_plant_schema())

    async def _create_plant(self, user_input: dict[str, Any]) -> None:
        """Create a plant and use it: whatever happens next, it is one of the plants, and chosen.

        Raises CloudError.
        """
        submitted = tuple(map(user_input.get, _OF_NEW_PLANT))
        if submitted not in self._created:
            self._created[submitted] = await self._send_plant(user_input)
            self._plant_ids = (*(self._plant_ids or ()), self._created[submitted])
        self._plant_id = self._created[submitted]
        self._memory.forget(_OF_NEW_PLANT)
        self._memory.typed[CONF_PLANT_ID] = self._plant_id

    async def _send_plant(self, user_input: dict[str, Any]) -> str:
        """Have the cloud create a plant; return its id. Raises CloudError."""
        name, peak_power = user_input.get(CONF_NAME, ""), _read_peak_power(user_input)
        try:
            with self._account.coordinator.reauth_on_denial():
                plant = await async_create_plant(
                    self.hass, self._entry, name=name, peak_power=peak_power
                )
        except AccessDeniedError:
            raise self._abort("not_signed_in") from None
        return plant.id

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


def _optional(name: str, suggested: object) -> vol.Optional:
    """Return the marker of a field that may stay empty, with a suggested value."""
    return vol.Optional(name, description={"suggested_value": suggested})


def _read_peak_power(user_input: dict[str, Any]) -> float:
    """Return the peak power in kWp. Raises InvalidInputError."""
    with suppress(InvalidInputError):
        return fields.number(user_input, CONF_PEAK_POWER, MIN_PEAK_POWER, MAX_PEAK_POWER)
    raise InvalidInputError("peak_power_needed", field=CONF_PEAK_POWER)
