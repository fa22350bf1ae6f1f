"""The inverter flow: enter serial numbers for a plant."""

from typing import override

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig

from ..account.serials import SerialError, async_learn_kinds, check_serials, split_serials
from ..cloud.errors import DATALOGGER_SERIAL, CloudError
from ..cloud.model import DeviceKind
from ..const import CONF_SERIAL_NUMBERS, MAX_SERIALS_DIALOG
from ..gateway.store import NotStoredError
from .device import DeviceFlow
from .forms import UserInput, required


class InverterFlow(DeviceFlow):
    """The subentry flow that adds inverters or submits one again."""

    @override
    async def _ask_devices(self) -> SubentryFlowResult:
        return await self.async_step_serial_numbers()

    async def async_step_serial_numbers(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Enter the serial numbers. Their bindings are stored before the flow continues."""
        account = self._account
        if user_input is not None:
            self._memory.remember((CONF_SERIAL_NUMBERS,), user_input)
            try:
                serials = check_serials(
                    self.hass, split_serials(user_input[CONF_SERIAL_NUMBERS]), MAX_SERIALS_DIALOG
                )
                await async_learn_kinds(account.client, serials, self._kinds)
                # Another flow may have added one of them by now, and the entry may be reloaded.
                serials = check_serials(self.hass, serials, MAX_SERIALS_DIALOG)
                dataloggers = [
                    serial for serial in serials if self._kinds.get(serial) is DeviceKind.DATALOGGER
                ]
                self._set_aside(dataloggers)
                inverters = [serial for serial in serials if serial not in dataloggers]
                self._coordinator = self._account.coordinator
                await self._coordinator.async_track(inverters, self._plant.id)
            except CloudError as err:
                self._memory.set_error(err)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                self._serials = inverters
                return await self._continue()
        typed = self._memory.typed.get(CONF_SERIAL_NUMBERS)
        selector = TextSelector(TextSelectorConfig(multiline=True))
        return self._show(
            "serial_numbers",
            {required(CONF_SERIAL_NUMBERS, typed): selector},
            plant=self._plant_label,
            most=str(MAX_SERIALS_DIALOG),
        )

    def _set_aside(self, dataloggers: list[str]) -> None:
        """Raise SerialError if there are dataloggers: the cloud takes none."""
        if dataloggers:
            raise SerialError(DATALOGGER_SERIAL, dataloggers)

    async def _continue(self) -> SubentryFlowResult:
        """Continue with what the cloud answers for the devices that are tracked now."""
        return await self._watch()
