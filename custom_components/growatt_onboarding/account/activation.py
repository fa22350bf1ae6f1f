"""Asks a portal about the account itself, whether it is activated and its session still accepted.

This is the only thing that is asked of a cloud while nothing is pending, as a portal's session ends
without anybody noticing. When it was asked last is stored first, so that no restart repeats it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..binding.timing import Timing
from ..clock import now
from ..cloud.errors import CloudError
from ..cloud.provider import Capability, CloudClient
from ..const import CONF_ACTIVATION_PENDING, CONF_ASKED_AT, CONF_DENIED, DOMAIN, LOGGER
from ..gateway import Gateway
from . import EntryData


class ActivationCheck:
    """The regular check of one account, which somebody may also ask for."""

    def __init__(
        self,
        hass: HomeAssistant,
        data: EntryData,
        *,
        client: CloudClient,
        gateway: Gateway,
        timing: Timing,
        reauth_on_denial: Callable[[], AbstractContextManager[None]],
        publish: CALLBACK_TYPE,
    ) -> None:
        """Plan nothing yet; `publish` is called when the account was found to be activated."""
        self._hass = hass
        self._data = data
        self._client = client
        self._gateway = gateway
        self._timing = timing
        self._reauth_on_denial = reauth_on_denial
        self._publish = publish
        self._cancel_timer: CALLBACK_TYPE | None = None

    @property
    def possible(self) -> bool:
        """Whether the cloud can be asked without anybody signing in."""
        return (
            Capability.ACTIVATION in self._client.capabilities
            and self._client.signed_in
            and not self._data.current[CONF_DENIED]
        )

    @callback
    def begin(self) -> None:
        """Plan the next check, but none right after a start."""
        if not self.possible or self._data.entry.pref_disable_polling:
            return
        if self._data.current[CONF_ASKED_AT] is None:
            # As if somebody had asked now: the account has just been signed in to.
            self._data.change({CONF_ASKED_AT: now()})
        self._data.entry.async_on_unload(self._stop_timer)
        self._plan(at_least=self._timing.first_day_interval)

    async def async_ask(self) -> bool:
        """Ask now; return whether the account still waits. Raises CloudError."""
        self._data.change({CONF_ASKED_AT: now()})
        with self._reauth_on_denial():
            pending = await self._client.activation_pending()
        if pending is not None and self._data.change({CONF_ACTIVATION_PENDING: pending}):
            self._publish()
        if self._cancel_timer is not None:
            self._plan()
        return bool(self._data.entry.data[CONF_ACTIVATION_PENDING])

    def _plan(self, at_least: float = 0) -> None:
        """Plan the next check, not before so many seconds have passed."""
        self._stop_timer()
        data, timing = self._data.current, self._timing
        waits = data[CONF_ACTIVATION_PENDING]
        pause = timing.activation_interval if waits else timing.account_interval
        time = now()
        # Not noted if the entry was just changed by somebody else: then it is about to be reloaded.
        due = (data[CONF_ASKED_AT] or time) + pause
        if (renewable_in := self._client.renewable_in) is not None:
            due = min(due, time + renewable_in)
        due = max(due, self._gateway.soonest(time))
        self._cancel_timer = async_call_later(
            self._hass, max(due - time, at_least), self._async_due
        )

    async def _async_due(self, _now: object) -> None:
        self._cancel_timer = None
        # Ended with the account, whatever the cloud takes for its answer.
        self._data.entry.async_create_background_task(
            self._hass, self._async_ask_once(), f"{DOMAIN} activation"
        )

    async def _async_ask_once(self) -> None:
        """Ask unless that was done meanwhile; what fails is asked again the next time."""
        if not self.possible:
            return
        async with self._gateway.background_lock:
            try:
                await self.async_ask()
            except CloudError as err:
                LOGGER.debug("The account could not be checked: %s", err.key)
        if self.possible:
            self._plan()

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
