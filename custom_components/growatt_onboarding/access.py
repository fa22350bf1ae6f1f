"""What all accounts of one server and one token share: the ledger, and answers worth keeping.

Everything that leaves for a cloud passes `Access.permit`, whoever asks: a dialog, an action or a
coordinator.
"""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
import math
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.singleton import singleton
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .binding.ledger import UNLIMITED, Ledger, Limit
from .binding.planner import Round
from .binding.timing import CALLS_PER_DAY, Timing
from .cloud.errors import (
    BlockedError,
    CloudError,
    NoAnswerError,
    NotNowError,
    RateLimitedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from .cloud.model import Sighting
from .cloud.provider import Call, ClientContext, CloudClient, Pace, Provider
from .const import DATA_TIMING, DOMAIN
from .store import DurableStore, NotStoredError, StoredData

OUTAGE: Final = (UnreachableError, NoAnswerError, BlockedError, UnexpectedAnswerError)
"""The errors that mean the cloud itself cannot be reached."""

# The others' pauses are over before a restart could forget them.
_STORED_PACES: Final = (Pace.SLOW, Pace.SLOW_DAILY)


def now() -> float:
    """Return the time as Unix seconds, as everything in `binding/` takes it."""
    return dt_util.utcnow().timestamp()


class Access:
    """One server with one set of access data."""

    def __init__(self, clouds: Clouds, ledger: Ledger) -> None:
        """Start with what is known of the calls made so far."""
        self.ledger = ledger
        self.cache: dict[str, object] = {}
        # The cheap list, shared by every account of the token.
        self.watch_allowed = True
        self.watch_round: Round | None = None
        self.watched_at: float | None = None
        self.watched: dict[str, Sighting] = {}
        self.watch_listeners: list[Callable[[], None]] = []
        self._clouds = clouds
        self._lock = asyncio.Lock()

    async def permit(self, call: Call) -> None:
        """Return when the call may leave, having written down that it does.

        Raises NotNowError when a limit forbids it for longer than a person would wait, and
        when it could not be written down.
        """
        limit = self._clouds.limit(call.endpoint.pace)
        async with self._lock:
            time = now()
            ready = self.ledger.ready_at(call.endpoint.path, call.subject, limit, time)
            if ready - time > self._clouds.timing.patience:
                raise _not_now(ready - time)
            if ready > time:
                await asyncio.sleep(ready - time)
            self.ledger.record(call.endpoint.path, call.subject, limit, max(now(), ready))
            if call.endpoint.pace in _STORED_PACES:
                try:
                    await self._clouds.async_save()
                except NotStoredError as err:
                    raise NotNowError("not_stored", retry_after=60) from err

    def answered(self, call: Call, error: CloudError | None) -> None:
        """Note in the ledger how a call ended."""
        time = now()
        self.ledger.finished(call.endpoint.path, call.subject, time)
        if isinstance(error, OUTAGE):
            self.ledger.unreachable(time, error.retry_after)
            return
        self.ledger.reached()
        if isinstance(error, RateLimitedError):
            # A cloud that limits what no document says it limits is left alone as long as usual.
            pace = Pace.SLOW if call.endpoint.pace is Pace.FREE else call.endpoint.pace
            limit = self._clouds.limit(pace)
            self.ledger.refused(call.endpoint.path, call.subject, limit, time)

    def ready_at(self, call: Call) -> float:
        """Return when a call of the background may be made."""
        time = now()
        limit = self._clouds.limit(call.endpoint.pace)
        ready = self.ledger.ready_at(call.endpoint.path, call.subject, limit, time)
        return max(ready, self.ledger.paused(time))


def _not_now(seconds: float) -> NotNowError:
    """Return the error that says how long to wait, in words a person uses."""
    minutes = max(1, math.ceil(seconds / 60))
    return NotNowError(retry_after=seconds, placeholders={"minutes": str(minutes)})


class Clouds:
    """Everything the integration keeps for the whole of Home Assistant.

    One store holds the ledgers and the notes about registrations under way.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Start empty; `async_load` fills it."""
        self.hass = hass
        self.timing = hass.data.get(DATA_TIMING) or Timing()
        self.notes: dict[str, dict[str, Any]] = {}
        self._store = DurableStore(hass, DOMAIN)
        self._accesses: dict[str, Access] = {}
        self._limits = {
            Pace.FREE: UNLIMITED,
            Pace.QUICK: Limit(self.timing.quick_cooldown),
            Pace.SLOW: Limit(self.timing.slow_cooldown),
            Pace.SLOW_DAILY: Limit(self.timing.slow_cooldown, CALLS_PER_DAY),
        }

    async def async_load(self) -> None:
        """Read the store."""
        if (data := await self._store.async_read()) is None:
            return
        try:
            ledgers = {
                key: Ledger.from_dict(ledger, self.timing)
                for key, ledger in data["ledgers"].items()
            }
            self.notes = {key: dict(note) for key, note in data["registrations"].items()}
        except AttributeError, KeyError, TypeError, ValueError:
            await self._store.async_set_aside()
            return
        self._accesses = {key: Access(self, ledger) for key, ledger in ledgers.items()}

    async def async_save(self) -> None:
        """Write the store; raises NotStoredError."""
        await self._store.async_write(self._data())

    def _data(self) -> StoredData:
        time = now()
        for access in self._accesses.values():
            access.ledger.prune(time)
        return {
            "ledgers": {
                key: access.ledger.as_dict()
                for key, access in self._accesses.items()
                if not access.ledger.empty
            },
            "registrations": self.notes,
        }

    def limit(self, pace: Pace) -> Limit:
        """Return how often a call of this pace may be made."""
        return self._limits[pace]

    def access(self, provider: Provider, url: str, values: Mapping[str, str]) -> Access:
        """Return what is shared by everybody who uses this server with this access data."""
        parts = [provider.key, url, *(f"{key}={values[key]}" for key in sorted(values))]
        key = sha256("\n".join(parts).encode()).hexdigest()
        if key not in self._accesses:
            self._accesses[key] = Access(self, Ledger(self.timing))
        return self._accesses[key]

    def client(
        self,
        provider: Provider,
        url: str,
        values: Mapping[str, str],
        **session: Any,
    ) -> CloudClient:
        """Return a client that passes through the shared access."""
        access = self.access(provider, url, values)
        return provider.client(
            ClientContext(
                http=async_get_clientsession(self.hass),
                url=url,
                access=values,
                gate=access,
                cache=access.cache,
                **session,
            )
        )


DATA_CLOUDS: HassKey[Clouds] = HassKey(DOMAIN)


@singleton(DATA_CLOUDS, async_=True)
async def async_get_clouds(hass: HomeAssistant) -> Clouds:
    """Return the one `Clouds`, loading it at the first call."""
    clouds = Clouds(hass)
    await clouds.async_load()
    return clouds
