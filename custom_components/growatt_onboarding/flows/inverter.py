"""The inverter flow: enter serial numbers and their plant."""

from collections.abc import Callable
from functools import partial
from typing import Any, override

from homeassistant.config_entries import SubentryFlowResult

from ..account.serials import (
    SerialError,
    ask_about_short,
    async_learn_kinds,
    check_serials,
    split_serials,
)
from ..cloud.errors import DATALOGGER_SERIAL, CloudError
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability
from ..const import CONF_PHOTO, CONF_SERIAL_NUMBERS, MAX_SERIALS_DIALOG
from ..gateway.store import NotStoredError
from ..labels import PictureError
from ..texts import async_reasons, reason_text
from .device import DeviceFlow
from .drawings import async_labels
from .forms import UserInput
from .photo import CONF_UNCLEAR, Photo, entered_numbers


class InverterFlow(DeviceFlow):
    """The subentry flow that adds inverters or submits one again."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        super().__init__()
        self._photo = Photo()
        # The short serial numbers that a person was asked about.
        self._asked_about: set[str] = set()

    @override
    async def _ask_devices(self) -> SubentryFlowResult:
        return await self.async_step_serial_numbers()

    async def async_step_serial_numbers(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Enter the serial numbers. Their bindings are stored before the flow continues."""
        if user_input is not None and not await self._take_photo_of_many(user_input):
            try:
                # First what is plainly wrong: until that is right, no plant is created.
                texts = split_serials(entered_numbers(CONF_SERIAL_NUMBERS, user_input))
                serials = check_serials(self.hass, texts, MAX_SERIALS_DIALOG)
                self._ask_about_short(serials)
                if not await self._choose_plant(user_input):
                    return await self._ask_new_plant("serial_numbers", user_input)
                await self._track(serials)
            except CloudError as err:
                self._memory.set_error(err)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                return await self._continue()
        typed = self._memory.typed
        return await self._show_with_plant(
            "serial_numbers",
            await self._photo.async_schema_for_many(self.hass, CONF_SERIAL_NUMBERS, typed),
            photo=await self._photo.async_remark(self.hass),
            **await self._other_label_values(),
        )

    async def _other_label_values(self) -> dict[str, str]:
        """Return the values in the text that tell the inverter's label from a datalogger's.

        Where the cloud takes no dataloggers, nobody has to know of any.
        """
        if not self._can(Capability.DATALOGGER):
            return {"not_datalogger": "", "drawing": ""}
        return {
            "not_datalogger": reason_text(await async_reasons(self.hass), "not_datalogger", {}),
            "drawing": await async_labels(self.hass, DeviceKind.INVERTER),
        }

    def _ask_about_short(self, serials: list[str]) -> None:
        """Raise SerialError once for numbers that are shorter than the cloud's usually are."""
        ask_about_short(serials, self._account.provider.shortest_serial, self._asked_about)

    async def _read_photo(
        self,
        names: tuple[str, ...],
        user_input: dict[str, Any],
        put: Callable[[dict[str, Any]], None],
    ) -> bool:
        """Remember what was submitted for these fields, and return whether a photo came with it.

        `put` puts what it says into what was submitted. One that cannot be read changes nothing
        in that, and sets the error.
        """
        unreadable: PictureError | None = None
        try:
            if has_photo := await self._photo.async_read(self.hass, user_input):
                put(user_input)
        except PictureError as err:
            has_photo, unreadable = True, err
        self._memory.remember((*names, CONF_PHOTO), user_input)
        if unreadable is not None:
            self._memory.set_error(unreadable)
        return has_photo

    async def _take_photo_of_many(self, user_input: dict[str, Any]) -> bool:
        """Remember what was submitted; put the numbers of a photo into the form, if one came."""
        names = (CONF_SERIAL_NUMBERS, CONF_UNCLEAR, *self._plant_fields)
        put = partial(self._photo.put_many, CONF_SERIAL_NUMBERS)
        return await self._read_photo(names, user_input, put)

    async def _track(self, serials: list[str]) -> None:
        """Have the inverters tracked. Raises CloudError and NotStoredError."""
        await async_learn_kinds(self._account.client, serials, self._kinds)
        # Another flow may have added one of them by now, and the entry may be reloaded.
        serials = check_serials(self.hass, serials, MAX_SERIALS_DIALOG)
        dataloggers = [
            serial for serial in serials if self._kinds.get(serial) is DeviceKind.DATALOGGER
        ]
        self._set_aside(dataloggers)
        inverters = [serial for serial in serials if serial not in dataloggers]
        self._coordinator = self._account.coordinator
        await self._coordinator.async_track(inverters, self._plant_id)
        self._photo.forget()
        self._serials = inverters

    def _set_aside(self, dataloggers: list[str]) -> None:
        """Raise SerialError if there are dataloggers: the cloud takes none."""
        if dataloggers:
            raise SerialError(DATALOGGER_SERIAL, dataloggers)

    async def _continue(self) -> SubentryFlowResult:
        """Continue with what the cloud answers for the devices that are tracked now."""
        return await self._watch()
