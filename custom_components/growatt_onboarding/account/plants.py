"""An account's plants: lists and creates them, and knows what they are called."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..clock import now
from ..cloud.errors import CloudError, InvalidInputError, UndecidedError
from ..cloud.fields import REQUIRED, optional_name
from ..cloud.model import Plant, Values
from ..cloud.provider import Capability, CloudClient
from ..const import CONF_ACCOUNT_ID, DOMAIN, SIGNAL_WORDS_CHANGED
from ..foreign import Plain, name_with_id, only_id, plain
from ..gateway import async_get_shared_data

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry
    from .records import Records

CONF_PEAK_POWER: Final = "peak_power"
# When the answer to the request for a plant was lost, by the account's entry and the plant's name.
_DATA_LOST_AT: HassKey[dict[tuple[str, str], float]] = HassKey(f"{DOMAIN}_plants_lost_at")
# kWp. The most is far above any home, yet low enough to catch a misplaced decimal point.
MIN_PEAK_POWER: Final = 0.001
MAX_PEAK_POWER: Final = 10_000


class PlantNames:
    """What to call an account's plants, by how they were last listed."""

    def __init__(
        self, hass: HomeAssistant, records: Records, entry: AccountConfigEntry, client: CloudClient
    ) -> None:
        self._hass = hass
        self._records = records
        self._entry_id = entry.entry_id
        self._account_id: str | None = entry.data[CONF_ACCOUNT_ID]
        self._client = client

    @callback
    def begin(self) -> None:
        """Remember what was listed when the account was linked."""
        self.see(self._listed())

    def _listed(self) -> Iterator[Plant]:
        """Yield the account's plants among those that were last listed for its credentials."""
        ours = {self._account_id, None}
        return (plant for plant in self._client.known_plants() if plant.owner_id in ours)

    @callback
    def see(self, plants: Iterable[Plant]) -> None:
        """Remember what these plants are called."""
        names = {plant.id: name for plant in plants if (name := _name(plant))}
        if self._records.async_see_plants(self._entry_id, names):
            # Others may have a plant of the same name, which has its id beside it from now on.
            async_dispatcher_send(self._hass, SIGNAL_WORDS_CHANGED)

    def name(self, plant_id: str) -> Plain | None:
        """Return a plant's name, with its id where another one has the same; None if unknown."""
        return recorded_name(self._records, self._entry_id, plant_id)

    def label(self, plant_id: str, said: str | None = None) -> Plain:
        """Return what to call a plant: its name, or its id where that is all there is.

        `said` is what the cloud has just called it, which may be all that is known of a plant of
        another account. What a cloud has instead of plants is called as it is.
        """
        if Capability.PLANTS not in self._client.capabilities:
            return plain(plant_id)
        return (
            self.name(plant_id)
            or plain(said or "")
            or self._listed_name(plant_id)
            or only_id(plant_id)
        )

    def labels(self, plant_ids: Iterable[str]) -> dict[str, Plain]:
        """Return what to call each of these plants, by its id."""
        return {plant_id: self.label(plant_id) for plant_id in plant_ids}

    def known(self) -> list[str]:
        """Return the IDs of the account's plants, as far as they were listed."""
        listed = {plant.id for plant in self._listed()}
        return sorted(listed | self._records.plants(self._entry_id).keys())

    def full_name(self, plant_id: str) -> Plain:
        """Return a plant's name with its ID, or its ID where that is all there is."""
        name = self._bare_name(plant_id)
        return name_with_id(name, plant_id) if name else only_id(plant_id)

    def spoken(self, plant_id: str) -> set[str]:
        """Return all that people may call a plant, each as `as_spoken` has it."""
        name = self._bare_name(plant_id) or plant_id
        return {*map(as_spoken, (plant_id, only_id(plant_id), name, self.full_name(plant_id)))}

    def called(self, text: str) -> list[str]:
        """Return the IDs of those of the account's plants that people may call so."""
        wanted = as_spoken(text)
        return [plant_id for plant_id in self.known() if wanted in self.spoken(plant_id)]

    def _bare_name(self, plant_id: str) -> str:
        """Return a plant's name, which others may have as well; empty if it is unknown."""
        seen = self._records.plants(self._entry_id).get(plant_id)
        return seen or self._listed_name(plant_id)

    def _listed_name(self, plant_id: str) -> Plain:
        """Return the name of a plant of any account of the same credentials, empty if unknown."""
        known = (plant for plant in self._client.known_plants() if plant.id == plant_id)
        return next(map(_name, known), Plain())


def as_spoken(text: str) -> str:
    """Return a plant's name or ID as it is compared: blanks and capitals do not count."""
    return plain(text).casefold()


def recorded_name(records: Records, entry_id: str, plant_id: str) -> Plain | None:
    """Return what a plant of an account, loaded or not, was last listed as, None if it never was.

    Where another one has the same name, that is with its id.
    """
    if (name := records.plants(entry_id).get(plant_id)) is None:
        return None
    return plain(name) if records.plants_called(name) == 1 else name_with_id(name, plant_id)


def _name(plant: Plant) -> Plain:
    """Return a plant's name, empty if it has none."""
    return Plain() if plant.name == plant.id else plain(plant.name)


async def async_list_plants(entry: AccountConfigEntry) -> tuple[Plant, ...]:
    """Return an account's plants, and remember what they are called. Raises CloudError."""
    account = entry.runtime_data
    plants = await account.client.plants(entry.data[CONF_ACCOUNT_ID])
    account.plants.see(plants)
    return plants


async def async_create_plant(
    hass: HomeAssistant, entry: AccountConfigEntry, *, name: str, peak_power: float
) -> Plant:
    """Create a plant with the home's country, currency and time zone; `peak_power` in kWp.

    An unknown outcome is resolved by checking whether the plant exists. As long as the request may
    still be on its way, the same plant is only looked for. Raises CloudError.
    """
    if (named := optional_name({CONF_NAME: name}, CONF_NAME)) is None:
        raise InvalidInputError("plant_name_empty", field=CONF_NAME)
    if peak_power <= 0:
        raise InvalidInputError(REQUIRED, field=CONF_PEAK_POWER)
    values = {
        "name": named,
        "peak_power": f"{peak_power:g}",
        "country": hass.config.country or "",
        "currency": hass.config.currency,
        "time_zone": f"{_standard_offset(dt_util.now()):g}",
    }
    # Unloading the account may not wait for as long as the cloud takes.
    plants = entry.runtime_data.plants
    work = _create(hass, entry, {key: value for key, value in values.items() if value})
    # Even if the caller's dialog is closed meanwhile, the outcome has to be found out.
    plant = await asyncio.shield(entry.async_create_task(hass, work, f"{DOMAIN} plant"))
    plants.see((plant,))
    return plant


def _standard_offset(today: datetime) -> float:
    """Return the UTC offset in hours without daylight saving time: a plant keeps its offset."""
    halves = (today.replace(month=month, day=1) for month in (1, 7))
    return min(half.utcoffset() or timedelta() for half in halves) / timedelta(hours=1)


async def _create(hass: HomeAssistant, entry: AccountConfigEntry, values: Values) -> Plant:
    """Send the request once, and resolve an unknown outcome by reading the plants."""
    client, account_id = entry.runtime_data.client, entry.data[CONF_ACCOUNT_ID]
    name = values["name"]
    lost_at, key = hass.data.setdefault(_DATA_LOST_AT, {}), (entry.entry_id, name)
    if key in lost_at:
        if (plant := await _find(client, account_id, name)) is not None:
            del lost_at[key]
            return plant
        shared = await async_get_shared_data(hass)
        if now() - lost_at[key] < shared.timing.settle_after:
            raise _unknown(name)
    try:
        return await client.create_plant(account_id, values)
    except CloudError as err:
        if not err.outcome_unknown:
            raise
        lost = err
    lost_at[key] = now()
    plant = await _find(client, account_id, name)
    if plant is None and not isinstance(lost, UndecidedError):
        raise _unknown(name) from lost
    del lost_at[key]
    if plant is None:
        # The answer was not lost: it says why there is no plant.
        raise lost
    return plant


async def _find(client: CloudClient, account_id: str, name: str) -> Plant | None:
    """Return the account's plant of this name. Raises CloudError if the list cannot be read."""
    try:
        plants = await client.plants(account_id)
    except CloudError as err:
        raise _unknown(name) from err
    return next((plant for plant in plants if plant.name == name), None)


def _unknown(name: str) -> CloudError:
    return CloudError("plant_outcome_unknown", placeholders={"name": name})
