"""Create plants, for the dialog and the action."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..clock import now
from ..cloud.errors import CloudError, InvalidInputError, UndecidedError
from ..cloud.fields import REQUIRED, optional_name
from ..cloud.model import Plant, Values
from ..cloud.provider import CloudClient
from ..const import CONF_ACCOUNT_ID, DOMAIN
from ..gateway import async_get_shared_data

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry

CONF_PEAK_POWER: Final = "peak_power"
# When the answer to the request for a plant was lost, by the account's entry and the plant's name.
_DATA_LOST_AT: HassKey[dict[tuple[str, str], float]] = HassKey(f"{DOMAIN}_plants_lost_at")
# kWp. The most is far above any home, yet low enough to catch a misplaced decimal point.
MIN_PEAK_POWER: Final = 0.001
MAX_PEAK_POWER: Final = 10_000


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
    work = _create(hass, entry, {key: value for key, value in values.items() if value})
    # Even if the caller's dialog is closed meanwhile, the outcome has to be found out.
    return await asyncio.shield(entry.async_create_task(hass, work, f"{DOMAIN} plant"))


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
