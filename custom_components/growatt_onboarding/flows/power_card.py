"""The *Discovered* card that offers to show an account's power, once an inverter is associated.

It is there as long as it is true, until somebody ignores it, and no cloud is asked for it. Whether
Home Assistant shows an inverter's power already is told by its own lists: the other integration has
an entry for the inverter's plant, or any other integration has a device with its serial number.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
    ConfigFlowContext,
)
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, discovery_flow
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_call_later

from ..account import entry_target
from ..cloud.provider import HandOver
from ..const import DOMAIN
from ..coordinator import AccountConfigEntry
from .hand_over import associated_inverters, offered_by, seconds_to_wait

CONF_ENTRY_ID: Final = "entry_id"


def card_id(entry: AccountConfigEntry) -> str:
    """Return the unique id of an account's card, by which it is ignored. It is not the account's.

    An account that is removed and linked again has the same.
    """
    return f"{entry.unique_id}_power"


class Unshown(NamedTuple):
    """An associated inverter whose power Home Assistant does not show.

    Attributes:
        hand_over: the integration that could show it.

    """

    serial: str
    hand_over: HandOver


@callback
def first_unshown(hass: HomeAssistant, entry: AccountConfigEntry) -> Unshown | None:
    """Return an inverter of an account that the card can be about, None if there is none."""
    if (hand_over := offered_by(entry_target(entry))) is None:
        return None
    inverters = [
        inverter
        for inverter in associated_inverters(entry)
        if inverter.series is None or inverter.series in hand_over.series
    ]
    if not inverters or not entry.runtime_data.coordinator.signed_in:
        return None
    # That integration identifies its entries by the plant, and adds all its devices by itself.
    plants = {other.unique_id for other in hass.config_entries.async_entries(hand_over.domain)}
    if not (waiting := [one.serial for one in inverters if one.plant_id not in plants]):
        return None
    devices = dr.async_get(hass).devices
    shown = {number for device in devices for number in _numbers(device)}
    return next((Unshown(serial, hand_over) for serial in waiting if serial not in shown), None)


class PowerCard:
    """Has an account's card come and go with what is true."""

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        self._hand_over = offered_by(entry_target(entry))
        self._cancel_timer: CALLBACK_TYPE | None = None

    @callback
    def begin(self) -> None:
        """Follow the account and what else Home Assistant has, while the account is set up."""
        if self._hand_over is None:
            return
        for stop in (
            self._entry.async_on_state_change(self._look),
            self._coordinator.async_add_listener(self._bindings_changed),
            async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed),
            self._hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._device_changed),
            self._stop_timer,
        ):
            self._entry.async_on_unload(stop)

    @callback
    def _bindings_changed(self) -> None:
        if self._coordinator.changed_serials:
            self._look()

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Look if the account was denied, the other integration set up, or the card not ignored."""
        no_longer_ignored = (
            change is ConfigEntryChange.REMOVED
            and entry.domain == DOMAIN
            and entry.unique_id == card_id(self._entry)
        )
        if entry is self._entry or no_longer_ignored or self._is_theirs(entry):
            self._look()

    def _is_theirs(self, entry: ConfigEntry) -> bool:
        return self._hand_over is not None and entry.domain == self._hand_over.domain

    @callback
    def _device_changed(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        """Look if another integration has a device of the account now, or may have had one."""
        registry, device_id = dr.async_get(self._hass), event.data["device_id"]
        device = registry.async_get(device_id, include_child_devices=False)
        if device is None or not self._coordinator.data.keys().isdisjoint(_numbers(device)):
            self._look()

    @callback
    def _look(self) -> None:
        """Show the card or withdraw it, whichever is right now."""
        self._stop_timer()
        if first_unshown(self._hass, self._entry) is None:
            self._withdraw()
        elif not self._ignored:
            self._show()

    @property
    def _ignored(self) -> bool:
        """Whether somebody ignored the card: Home Assistant keeps that as an entry."""
        entries = self._hass.config_entries
        return entries.async_entry_for_domain_unique_id(DOMAIN, card_id(self._entry)) is not None

    @callback
    def _show(self) -> None:
        """Show the card, as soon as the other integration could be set up."""
        assert self._hand_over is not None  # noqa: S101 - else nothing looks
        wait = seconds_to_wait(self._entry.runtime_data.gateway, self._hand_over)
        if wait > 0:
            self._cancel_timer = async_call_later(self._hass, wait, self._timer)
            return
        # One at a time: Home Assistant starts no second flow of the same account.
        discovery_flow.async_create_flow(
            self._hass, DOMAIN, self._context, {CONF_ENTRY_ID: self._entry.entry_id}
        )

    @callback
    def _withdraw(self) -> None:
        """Take the card away.

        One that is being answered is left to end by itself, unless the account is no longer set up:
        what the answer brings about is what makes the card untrue.
        """
        flows = self._hass.config_entries.flow
        for flow in flows.async_progress_by_handler(
            DOMAIN, include_uninitialized=True, match_context=dict(self._context)
        ):
            is_set_up = self._entry.state is ConfigEntryState.LOADED
            if not (is_set_up and flow["context"].get("dismiss_protected")):
                flows.async_abort(flow["flow_id"])

    @property
    def _context(self) -> ConfigFlowContext:
        """What the card's flow has in common with no other."""
        return ConfigFlowContext(
            source=SOURCE_INTEGRATION_DISCOVERY, unique_id=card_id(self._entry)
        )

    @callback
    def _timer(self, _now: object) -> None:
        self._cancel_timer = None
        self._look()

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None


def _numbers(device: dr.DeviceEntry) -> Iterator[str]:
    """Yield what may be the serial number of another integration's device."""
    identifiers: set[Any] = device.identifiers
    if any(identifier[0] == DOMAIN for identifier in identifiers):
        return
    for number in (device.serial_number, *(identifier[1] for identifier in identifiers)):
        if isinstance(number, str):
            yield number.upper()
