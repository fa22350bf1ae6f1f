"""The flow of clouds that take dataloggers: with its number, a datalogger is added to a plant.

It adds inverters too. A number among them that is a datalogger's becomes one, and where the cloud
knows no datalogger for an inverter, the flow leads to adding it.
"""

import asyncio
from contextlib import suppress
from typing import Any, override

from homeassistant.config_entries import SOURCE_USER, SubentryFlowContext, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig
import voluptuous as vol

from ..account.dataloggers import Label
from ..account.serials import (
    LONGEST_CHECK,
    ask_about_short,
    async_learn_kinds,
    check_serials,
    split_serials,
    tracked_serials,
)
from ..binding.model import Binding, BindingState
from ..cloud.errors import (
    DATALOGGER_MISSING,
    DATALOGGER_SERIAL,
    INVERTER_SERIAL,
    CloudError,
    InvalidInputError,
)
from ..cloud.fields import optional_text
from ..cloud.model import DeviceKind, Location, Plant
from ..const import (
    CONF_PLANT_ID,
    CONF_SERIAL_NUMBER,
    CONF_SERIAL_NUMBERS,
    SUBENTRY_DATALOGGER,
)
from ..coordinator import AccountConfigEntry
from ..gateway.store import NotStoredError
from ..texts import account_title, holder_key
from .drawings import async_labels
from .forms import UserInput
from .inverter import InverterFlow

CONF_CHECK_CODE = "check_code"
_CHOOSE = "choose"


async def async_open_datalogger(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    *,
    plant_id: str | None = None,
    serial: str | None = None,
    choose: bool = False,
) -> SubentryFlowResult:
    """Open the datalogger flow of an account whose cloud takes dataloggers.

    With a plant it does not ask for one, and a serial number is filled in. `choose` has it begin
    with the question whether there is a datalogger at all. A flow without anything to ask has
    already ended: the result is an abort then.
    """
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DATALOGGER),
        context=SubentryFlowContext(source=SOURCE_USER),
        data={CONF_PLANT_ID: plant_id, CONF_SERIAL_NUMBER: serial, _CHOOSE: choose},
    )


class DataloggerFlow(InverterFlow):
    """The subentry flow that adds dataloggers and inverters or submits one again."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        super().__init__()
        # What the flow asks for first; its type of subentry unless a person chooses otherwise.
        self._asks_for: DeviceKind | None = None
        self._given_plant: Plant | None = None
        # Dataloggers among the inverters' numbers, of which the flow has yet to ask.
        self._found: list[str] = []
        # Those whose check code the cloud could not be asked about.
        self._unchecked: set[str] = set()

    # Where it begins

    @override
    async def async_step_user(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Begin with what the flow was opened with."""
        self._check_may_bind()
        opened = user_input or {}
        if (plant_id := opened.get(CONF_PLANT_ID)) is not None:
            self._given_plant = Plant(id=plant_id, name=plant_id)
        if (serial := opened.get(CONF_SERIAL_NUMBER)) is not None:
            self._memory.typed[CONF_SERIAL_NUMBER] = serial
        return await (self.async_step_choose() if opened.get(_CHOOSE) else self._ask_plant())

    async def async_step_choose(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Choose whether to add a datalogger, or only inverters."""
        return self.async_show_menu(
            step_id="choose",
            menu_options=["add_datalogger", "add_inverters"],
            description_placeholders={"account": self._entry.title},
        )

    async def async_step_add_datalogger(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Add a datalogger."""
        return await self._ask_plant()

    async def async_step_add_inverters(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Add inverters, as nobody knows the datalogger's number."""
        self._asks_for = DeviceKind.INVERTER
        return await self._ask_plant()

    @override
    async def _ask_plant(self) -> SubentryFlowResult:
        if self._given_plant is not None:
            return await self._use_plant(self._given_plant)
        return await super()._ask_plant()

    @override
    async def _ask_devices(self) -> SubentryFlowResult:
        if (self._asks_for or self._subentry_type) == DeviceKind.DATALOGGER:
            return await self.async_step_datalogger()
        return await super()._ask_devices()

    # Which datalogger

    @override
    def _set_aside(self, dataloggers: list[str]) -> None:
        """Keep the dataloggers for later."""
        self._found = dataloggers

    @override
    async def _continue(self) -> SubentryFlowResult:
        """Continue with the next datalogger that was found, then with what the cloud answers."""
        # It may have been entered in place of another one.
        self._found = [one for one in self._found if one not in tracked_serials(self.hass)]
        if not self._found:
            return await super()._continue()
        self._memory.typed[CONF_SERIAL_NUMBER] = self._found.pop(0)
        return await self.async_step_found_datalogger()

    async def async_step_datalogger(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Enter what a datalogger's label says. Its binding is stored before the flow continues."""
        if await self._add(user_input):
            return await self._continue()
        return self._show("datalogger", await self._label_schema(), **await self._label_values())

    async def async_step_found_datalogger(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Go on with a datalogger's number that was entered among those of inverters."""
        if await self._add(user_input):
            return await self._continue()
        return self._show(
            "found_datalogger", await self._label_schema(), **await self._label_values()
        )

    async def _label_values(self) -> dict[str, str]:
        """Return the values in the texts of the form for what a datalogger's label says."""
        return {
            "plant": self._plant_label,
            "photo": await self._photo.async_remark(self.hass),
            "drawing": await async_labels(self.hass, DeviceKind.DATALOGGER),
        }

    async def _label_schema(self) -> dict[vol.Marker, Any]:
        """Return the schema of what a datalogger's label says."""
        typed = self._memory.typed
        code = vol.Optional(
            CONF_CHECK_CODE, description={"suggested_value": typed.get(CONF_CHECK_CODE)}
        )
        return await self._photo.async_schema_for_one(
            self.hass,
            CONF_SERIAL_NUMBER,
            typed,
            {code: TextSelector(TextSelectorConfig(autocomplete="off"))},
        )

    async def _add(self, user_input: UserInput) -> bool:
        """Return whether a datalogger was submitted and is tracked now, else set the error."""
        if user_input is None:
            return False
        names = (CONF_SERIAL_NUMBER, CONF_CHECK_CODE)
        if await self._read_photo(names, user_input):
            if (number := self._photo.only_number) is not None:
                self._memory.typed[CONF_SERIAL_NUMBER] = number
            return False
        try:
            serial = await self._checked(user_input)
            self._coordinator = self._account.coordinator
            await self._coordinator.async_track([serial], self._plant.id, DeviceKind.DATALOGGER)
        except CloudError as err:
            if err.field == CONF_SERIAL_NUMBERS:
                err.field = CONF_SERIAL_NUMBER
            self._memory.set_error(err)
            return False
        except NotStoredError:
            self._memory.set_error(CloudError("not_stored"))
            return False
        self._memory.forget(names)
        self._photo.forget()
        self._serials.append(serial)
        return True

    async def _checked(self, user_input: dict[str, Any]) -> str:
        """Return the serial number that was entered, after what the cloud can say of it now.

        Raises CloudError if it cannot be added like this.
        """
        check_code = optional_text(user_input, CONF_CHECK_CODE)
        typed = user_input.get(CONF_SERIAL_NUMBER, "")
        serials = check_serials(self.hass, split_serials(typed), 1)
        ask_about_short(serials, self._account.provider.shortest_serial, self._asked_about)
        await async_learn_kinds(self._account.client, serials, self._kinds)
        (serial,) = serials
        if self._kinds.get(serial) is DeviceKind.INVERTER:
            raise InvalidInputError(
                INVERTER_SERIAL, field=CONF_SERIAL_NUMBER, placeholders={"serials": serial}
            )
        self._unchecked.discard(serial)
        if check_code is not None:
            await self._compare(serial, check_code)
        # Another flow may have added it by now.
        check_serials(self.hass, serials, 1)
        return serial

    async def _compare(self, serial: str, check_code: str) -> None:
        """Have the cloud compare a datalogger's number with its check code, if it can now.

        Raises InvalidInputError or RejectedError if they are wrong, or somebody else has it.
        """
        entry, label = self._entry, Label()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_CHECK):
                label = await self._account.labels.async_check(self._plant.id, serial, check_code)
        if not label.checked:
            self._unchecked.add(serial)
        if label.error is not None:
            raise label.error
        if (holder := label.holder) is not None:
            raise InvalidInputError(
                holder_key(entry, holder.plant_id, holder.owner_id),
                field=CONF_SERIAL_NUMBER,
                placeholders={
                    "holder": self._plant_name(holder),
                    "owner": account_title(self.hass, entry, holder.owner_id or ""),
                },
            )

    def _plant_name(self, holder: Location) -> str:
        """Return the name of the plant that has a datalogger, its id if that is all there is."""
        known = (plant.name for plant in self._plants if plant.id == holder.plant_id)
        return next(known, holder.plant_name) or holder.plant_id or ""

    # What became of them

    @override
    async def async_step_done(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show the results, unless the cloud lacks the datalogger of an inverter just sent."""
        if self._lacking and not self._datalogger_awaited and not self._has_datalogger:
            return await self.async_step_datalogger_missing()
        return await super().async_step_done()

    async def async_step_datalogger_missing(
        self, user_input: UserInput = None
    ) -> SubentryFlowResult:
        """Choose whether to add the datalogger that the cloud does not know yet."""
        return self.async_show_menu(
            step_id="datalogger_missing",
            menu_options=["datalogger", "end"],
            description_placeholders={
                "inverters": ", ".join(self._lacking),
                "plant": self._plant_label,
            },
        )

    async def async_step_end(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show the results, without a datalogger."""
        return await super().async_step_done()

    @property
    def _lacking(self) -> list[str]:
        """The inverters that the cloud refused because it knows no datalogger for them."""
        return [binding.serial for binding in self._tracked if _lacks_datalogger(binding)]

    @property
    def _has_datalogger(self) -> bool:
        """Whether the flow has added a datalogger."""
        return any(binding.kind is DeviceKind.DATALOGGER for binding in self._tracked)

    @property
    def _datalogger_awaited(self) -> bool:
        """Whether a datalogger of the plant will have such inverters sent again by itself."""
        return any(
            binding.kind is DeviceKind.DATALOGGER
            and binding.plant_id == self._plant.id
            and binding.pending
            for binding in self._coordinator.data.values()
        )

    @override
    def _remark(self, binding: Binding) -> str | None:
        if _lacks_datalogger(binding):
            return "sent_again_later" if self._datalogger_awaited else None
        if binding.state is BindingState.REJECTED:
            # Its repair tracks it as what it is.
            other_kind = binding.reason in {DATALOGGER_SERIAL, INVERTER_SERIAL}
            return "other_kind" if other_kind else None
        if binding.serial in self._unchecked and binding.state is not BindingState.CONFLICT:
            return "check_code_unchecked"
        return None


def _lacks_datalogger(binding: Binding) -> bool:
    """Return whether the cloud refused an inverter because it knows no datalogger for it."""
    return binding.state is BindingState.REJECTED and binding.reason == DATALOGGER_MISSING
