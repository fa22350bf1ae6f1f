"""Reports of what becomes of devices: the events of entities, and what triggers hear.

A report is for whoever listens to its device, to its account, or to all accounts.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.start import async_at_started
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.signal_type import SignalType

from .binding.model import Binding, BindingState, Problem
from .const import CONF_SERIAL_NUMBER, DOMAIN
from .coordinator import AccountConfigEntry
from .outcome import outcome

_REPORTED_STATES: Final = (
    BindingState.ACCEPTED,
    BindingState.ASSOCIATED,
    BindingState.REJECTED,
    BindingState.CONFLICT,
    BindingState.LOST,
)
REPORTED: Final = (*(state.value for state in _REPORTED_STATES), Problem.OVERDUE.value)
"""What is reported of a device: the states worth acting on, and that it waits for too long."""


class Report(NamedTuple):
    """What became of a device.

    Attributes:
        event_type: one of `REPORTED`.
        binding: the device's binding as it was then.

    """

    entry: AccountConfigEntry
    event_type: str
    binding: Binding

    def attributes(self) -> dict[str, Any]:
        """Return what the event of an entity tells."""
        told = {CONF_SERIAL_NUMBER: self.binding.serial, **outcome(self.entry, self.binding)}
        return {name: value for name, value in told.items() if value is not None}


OF_ALL: Final = SignalType[Report](f"{DOMAIN}_report")
"""The signal of every report."""


def of_account(entry_id: str) -> SignalType[Report]:
    """Return the signal of the reports of an account's devices, those added later too."""
    return SignalType(f"{OF_ALL}_{entry_id}")


def of_device(entry_id: str, serial: str) -> SignalType[Report]:
    """Return the signal of the reports of one device."""
    return SignalType(f"{of_account(entry_id)}_{serial}")


# By account.
_DATA_WAITING: Final[HassKey[defaultdict[str, deque[Report]]]] = HassKey(f"{DOMAIN}_reports")


class Reports:
    """Reports what becomes of an account's devices, one report after the other."""

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._known: dict[str, Binding] = {}
        # What waits outlasts a reload.
        empty: defaultdict[str, deque[Report]] = defaultdict(deque)
        waiting = hass.data.setdefault(_DATA_WAITING, empty)
        self._waiting = waiting[entry.entry_id]
        # No automation hears anything before Home Assistant has started.
        self._started = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    @callback
    def begin(self) -> None:
        """Start from the current state of all devices, of which nothing is reported.

        What happens before Home Assistant has started is reported then.
        """
        coordinator = self._entry.runtime_data.coordinator
        known = coordinator.data.items()
        # That of one which is about to be removed is still to be told.
        self._known = {serial: binding for serial, binding in known if not binding.unwanted}
        self._entry.async_on_unload(coordinator.async_add_listener(self._follow))
        self._entry.async_on_unload(async_at_started(self._hass, self._start))

    async def async_finish(self) -> None:
        """Return once everything has been reported that happened until now, if that is heard."""
        if self._sending is not None:
            await self._sending

    async def async_sent(self) -> None:
        """Return once everything has been reported that happened until now."""
        await self._started.wait()
        await self.async_finish()

    @callback
    def _start(self, _hass: HomeAssistant) -> None:
        self._started.set()
        self._send()

    @callback
    def _follow(self) -> None:
        """Report what has changed: the first at once, many without blocking the event loop."""
        for serial in sorted(self._entry.runtime_data.coordinator.changed_serials):
            self._waiting.extend(self._new(serial))
        if self._started.is_set():
            self._send()

    @callback
    def _send(self) -> None:
        if self._waiting and (self._sending is None or self._sending.done()):
            self._sending = self._entry.async_create_task(self._hass, self._async_send(), DOMAIN)

    def _new(self, serial: str) -> Iterator[Report]:
        """Yield what is to be reported of a device, by what was known of it before."""
        before = self._known.pop(serial, None)
        binding = self._entry.runtime_data.coordinator.data.get(serial)
        if binding is None:
            return
        self._known[serial] = binding
        has_entered = before is None or before.state is not binding.state
        if has_entered and binding.state in _REPORTED_STATES:
            yield Report(self._entry, binding.state.value, binding)
        if binding.overdue and not (before is not None and before.overdue):
            yield Report(self._entry, Problem.OVERDUE.value, binding)

    async def _async_send(self) -> None:
        entry_id = self._entry.entry_id
        while self._waiting:
            report = self._waiting.popleft()
            serial = report.binding.serial
            for signal in (of_device(entry_id, serial), of_account(entry_id), OF_ALL):
                async_dispatcher_send(self._hass, signal, report)
            await asyncio.sleep(0)
