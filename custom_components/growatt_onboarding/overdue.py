"""Finds out which devices have waited too long for their association."""

from collections.abc import Iterable

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from .binding.model import overdue_from
from .clock import now
from .coordinator import AccountConfigEntry


class OverdueWatch:
    """Has an account's bindings say that they are overdue, each once for each wait.

    What the bindings say outlasts a restart; repairs, events and attributes follow them.
    """

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        # When a binding becomes overdue if nothing changes, by serial number.
        self._due: dict[str, float] = {}
        self._cancel_timer: CALLBACK_TYPE | None = None

    @callback
    def begin(self) -> None:
        """Begin once Home Assistant has started: what is recorded is told only once."""
        self._entry.async_on_unload(async_at_started(self._hass, self._follow_all))
        self._entry.async_on_unload(self._stop_timer)

    @callback
    def _follow_all(self, _hass: HomeAssistant) -> None:
        self._entry.async_on_unload(self._coordinator.async_add_listener(self._follow_changed))
        self._follow(self._coordinator.data)

    @callback
    def _follow_changed(self) -> None:
        """Follow the bindings that changed, which is usually one of up to a thousand."""
        if self._coordinator.changed_serials:
            self._follow(self._coordinator.changed_serials)

    def _follow(self, serials: Iterable[str]) -> None:
        for serial in serials:
            self._due.pop(serial, None)
            binding = self._coordinator.data.get(serial)
            if binding is not None:
                due = overdue_from(binding, self._coordinator.timing)
                if due is not None:
                    self._due[serial] = due
        self._stop_timer()
        if self._due:
            pause = max(min(self._due.values()) - now(), 0) + 1
            self._cancel_timer = async_call_later(self._hass, pause, self._async_record)

    async def _async_record(self, _now: object) -> None:
        """Record which devices have become overdue."""
        self._cancel_timer = None
        time = now()
        overdue = [serial for serial, at in self._due.items() if at <= time]
        await self._coordinator.async_record_overdue(overdue)

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
