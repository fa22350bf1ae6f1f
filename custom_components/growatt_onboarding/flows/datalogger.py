"""The flow of clouds that take dataloggers: with its number, a datalogger is added to a plant.

It adds inverters too. A number among them that is a datalogger's becomes one, and where the cloud
knows no datalogger for an inverter, the flow leads to adding it.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, override

from homeassistant.config_entries import SOURCE_USER, SubentryFlowContext, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig
import voluptuous as vol

from ..account.dataloggers import Label
from ..account.serials import (
    LONGEST_CHECK,
    async_learn_kinds,
    check_serials,
    split_serials,
    tracking_entries,
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
from ..cloud.model import DeviceKind
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
from .forms import UserInput, choice
from .inverter import InverterFlow

CONF_CHECK_CODE = "check_code"
# What somebody has who is to add a device: the stick's label, or only the number of an inverter.
CONF_HAVE = "have"
_LABEL = "label"
_ONLY_INVERTER = "only_inverter"
_OF_LABEL = (CONF_SERIAL_NUMBER, CONF_CHECK_CODE)


async def async_open_datalogger(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    *,
    plant_id: str | None = None,
    serial: str | None = None,
) -> SubentryFlowResult:
    """Open the datalogger flow of an account whose cloud takes dataloggers.

    With a plant it offers no other, and a serial number is filled in. A flow without anything to
    ask has already ended: the result is an abort then.
    """
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DATALOGGER),
        context=SubentryFlowContext(source=SOURCE_USER),
        data={CONF_PLANT_ID: plant_id, CONF_SERIAL_NUMBER: serial},
    )


class DataloggerFlow(InverterFlow):
    """The subentry flow that adds dataloggers and inverters or submits one again."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        super().__init__()
        # Dataloggers among the inverters' numbers, of which the flow has yet to ask.
        self._found: list[str] = []
        # Those that were sent as inverters before the cloud told, and have been asked about.
        self._asked_as: set[str] = set()
        # Those whose check code the cloud could not be asked about.
        self._unchecked: set[str] = set()

    # Where it begins

    @override
    async def async_step_user(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Begin with what the flow was opened with."""
        self._check_may_bind()
        opened = user_input or {}
        if (plant_id := opened.get(CONF_PLANT_ID)) is not None:
            self._given_plant_id = plant_id
        if (serial := opened.get(CONF_SERIAL_NUMBER)) is not None:
            self._memory.typed[CONF_SERIAL_NUMBER] = serial
        return await self._ask_devices()

    @override
    async def _ask_devices(self) -> SubentryFlowResult:
        if self._subentry_type == SUBENTRY_DATALOGGER:
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
        taken = tracking_entries(self.hass).keys() - self._mistaken
        self._found = [one for one in self._found if one not in taken]
        if not self._found:
            return await super()._continue()
        self._memory.typed[CONF_SERIAL_NUMBER] = self._found.pop(0)
        return await self.async_step_found_datalogger()

    async def async_step_datalogger(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Enter what a datalogger's label says. Its binding is stored before the flow continues."""
        names = (CONF_HAVE, *_OF_LABEL, *self._plant_fields)
        if user_input is not None and self._only_inverter(user_input):
            return await self._go_on_with_inverter(names, user_input)
        if user_input is not None and not await self._take_photo(names, user_input):
            try:
                # First what is plainly wrong: until that is right, no plant is created.
                serial = self._typed_serial(user_input)
                if not await self._choose_plant(user_input):
                    return await self._ask_new_plant("datalogger", user_input)
                await self._add(serial, user_input)
            except CloudError as err:
                self._refuse(self._led_on(err))
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                return await self._continue()
        schema = {**self._have_schema(), **await self._label_schema()}
        return await self._show_with_plant("datalogger", schema, **await self._label_values())

    async def async_step_found_datalogger(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Go on with a datalogger's number that was entered among those of inverters."""
        if user_input is not None and not await self._take_photo(_OF_LABEL, user_input):
            try:
                await self._add(self._typed_serial(user_input), user_input)
            except CloudError as err:
                self._refuse(err)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                return await self._continue()
        values = {"plant": self._plant_label, **await self._label_values()}
        return self._show("found_datalogger", await self._label_schema(), **values)

    # Whoever has no label

    @property
    def _label_needed(self) -> bool:
        """Whether only a datalogger helps: the flow was opened, or went on, because it lacks."""
        return self._given_plant_id is not None

    def _have_schema(self) -> dict[vol.Marker, Any]:
        """Return the question what there is, the way for those who lack the label."""
        if self._label_needed:
            return {}
        suggested = {"suggested_value": self._memory.typed.get(CONF_HAVE, _LABEL)}
        marker = vol.Optional(CONF_HAVE, description=suggested)
        return {marker: choice((_LABEL, _ONLY_INVERTER), CONF_HAVE)}

    def _only_inverter(self, user_input: dict[str, Any]) -> bool:
        """Return whether somebody has no label of a datalogger."""
        return user_input.get(CONF_HAVE) == _ONLY_INVERTER

    def _led_on(self, err: CloudError) -> CloudError:
        """Return an error; that of an inverter's number says how to go on with it."""
        if err.key != INVERTER_SERIAL or self._label_needed:
            return err
        self._memory.typed[CONF_HAVE] = _ONLY_INVERTER
        return InvalidInputError(
            "only_inverter",
            field=CONF_SERIAL_NUMBER,
            placeholders={"serials": err.placeholders["serials"]},
        )

    async def _go_on_with_inverter(
        self, names: tuple[str, ...], user_input: dict[str, Any]
    ) -> SubentryFlowResult:
        """Go on with the numbers of inverters, the one that was typed among them."""
        self._memory.remember(names, user_input)
        typed = {CONF_SERIAL_NUMBERS: user_input.get(CONF_SERIAL_NUMBER, "")}
        await self._take_photo_of_many({**user_input, **typed})
        return await self.async_step_serial_numbers()

    # What the label says

    async def _label_values(self) -> dict[str, str]:
        """Return the values in the texts of the forms for what a datalogger's label says."""
        return {
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

    async def _take_photo(self, names: tuple[str, ...], user_input: dict[str, Any]) -> bool:
        """Remember what was submitted; put the number of a photo into the form, if one came."""
        put = partial(self._photo.put_one, CONF_SERIAL_NUMBER)
        return await self._read_photo(names, user_input, put)

    def _refuse(self, err: CloudError) -> None:
        """Set the error of the next form."""
        if err.field == CONF_SERIAL_NUMBERS:
            err.field = CONF_SERIAL_NUMBER
        self._memory.set_error(err)

    def _typed_serial(self, user_input: dict[str, Any]) -> str:
        """Return the serial number that was entered. Raises SerialError."""
        typed = user_input.get(CONF_SERIAL_NUMBER, "")
        serials = check_serials(self.hass, split_serials(typed), 1, free=self._mistaken)
        self._ask_about_short(serials)
        (serial,) = serials
        return serial

    async def _add(self, serial: str, user_input: dict[str, Any]) -> None:
        """Have a datalogger tracked. Raises CloudError and NotStoredError."""
        await self._check(serial, optional_text(user_input, CONF_CHECK_CODE))
        self._coordinator = coordinator = self._account.coordinator
        kind = DeviceKind.DATALOGGER
        if serial in self._mistaken:
            await coordinator.async_track_as(serial, kind, self._plant_id)
        else:
            await coordinator.async_track([serial], self._plant_id, kind)
        self._memory.forget(_OF_LABEL)
        self._photo.forget()
        self._serials = [*(one for one in self._serials if one != serial), serial]

    async def _check(self, serial: str, check_code: str | None) -> None:
        """Have the cloud say what it can of a datalogger now.

        Raises CloudError if it cannot be added like this.
        """
        await async_learn_kinds(self._account.client, [serial], self._kinds)
        if self._kinds.get(serial) is DeviceKind.INVERTER:
            raise InvalidInputError(
                INVERTER_SERIAL, field=CONF_SERIAL_NUMBER, placeholders={"serials": serial}
            )
        self._unchecked.discard(serial)
        if check_code is not None:
            await self._compare(serial, check_code)
        # Another flow may have added it by now.
        check_serials(self.hass, [serial], 1, free=self._mistaken)

    async def _compare(self, serial: str, check_code: str) -> None:
        """Have the cloud compare a datalogger's number with its check code, if it can now.

        Raises InvalidInputError or RejectedError if they are wrong, or somebody else has it.
        """
        entry, label = self._entry, Label()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_CHECK):
                label = await self._account.labels.async_check(self._plant_id, serial, check_code)
        if not label.checked:
            self._unchecked.add(serial)
        if label.error is not None:
            raise label.error
        if (holder := label.holder) is not None:
            raise InvalidInputError(
                holder_key(entry, holder.plant_id, holder.owner_id),
                field=CONF_SERIAL_NUMBER,
                placeholders={
                    "holder": self._account.plants.label(holder.plant_id or "", holder.plant_name),
                    "owner": account_title(self.hass, entry, holder.owner_id or ""),
                },
            )

    # What became of them

    @property
    def _mistaken(self) -> set[str]:
        """The account's dataloggers that were sent as inverters, and refused as what they are."""
        bindings = self._account.coordinator.data.values()
        return {binding.serial for binding in bindings if _is_mistaken(binding)}

    @property
    def _turned_out(self) -> list[str]:
        """Those of them that the flow has sent, and has yet to ask about."""
        sent = [binding.serial for binding in self._tracked if _is_mistaken(binding)]
        return [serial for serial in sent if serial not in self._asked_as]

    @property
    @override
    def _asks_next(self) -> bool:
        return bool(self._turned_out) or self._asks_for_missing

    @property
    def _asks_for_missing(self) -> bool:
        return bool(self._lacking) and not self._datalogger_awaited and not self._has_datalogger

    @override
    async def async_step_done(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show the results, unless there is something to do first.

        What was sent may be a datalogger, or the cloud may lack that of an inverter.
        """
        if found := self._turned_out:
            self._found = found
            self._asked_as.update(found)
            return await self._continue()
        if self._asks_for_missing:
            return await self.async_step_datalogger_missing()
        return await super().async_step_done()

    async def async_step_datalogger_missing(
        self, user_input: UserInput = None
    ) -> SubentryFlowResult:
        """Choose whether to add the datalogger that the cloud does not know yet."""
        # It belongs into the plant of the inverters.
        self._given_plant_id = self._plant_id
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
            and binding.plant_id == self._plant_id
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


def _is_mistaken(binding: Binding) -> bool:
    """Return whether a datalogger was sent as an inverter."""
    return binding.state is BindingState.REJECTED and binding.reason == DATALOGGER_SERIAL
