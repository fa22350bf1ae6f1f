"""Create plants, for the dialog and the action."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..cloud.errors import CloudError, InvalidInputError, UndecidedError
from ..cloud.fields import REQUIRED, optional_name
from ..cloud.model import Plant, Values
from ..cloud.provider import CloudClient
from ..const import CONF_ACCOUNT_ID, DOMAIN

if TYPE_CHECKING:
    from ..coordinator import AccountConfigEntry

CONF_NAME: Final = "name"
CONF_PEAK_POWER: Final = "peak_power"
# kWp; far above any home, yet low enough to catch a misplaced decimal point.
MAX_PEAK_POWER: Final = 10_000


async def async_create_plant(
    hass: HomeAssistant, entry: AccountConfigEntry, *, name: str, peak_power: float
) -> Plant:
    """Create a plant with the home's country, currency and time zone; `peak_power` in kWp.

    An unknown outcome is resolved by checking whether the plant exists. Raises CloudError.
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
    work = _create(
        entry.runtime_data.client,
        entry.data[CONF_ACCOUNT_ID],
        {key: value for key, value in values.items() if value},
    )
    # Even if the caller's dialog is closed meanwhile, the outcome has to be found out.
    return await asyncio.shield(entry.async_create_task(hass, work, f"{DOMAIN} plant"))


def _standard_offset(now: datetime) -> float:
    """Return the UTC offset in hours without daylight saving time: a plant keeps its offset."""
    halves = (now.replace(month=month, day=1) for month in (1, 7))
    return min(half.utcoffset() or timedelta() for half in halves) / timedelta(hours=1)


async def _create(client: CloudClient, account_id: str, values: Values) -> Plant:
    """Send the request once, and resolve an unknown outcome by reading the plants."""
    try:
        return await client.create_plant(account_id, values)
    except CloudError as err:
        if not err.outcome_unknown:
            raise
        lost = err
    unknown = CloudError("plant_outcome_unknown", placeholders={"name": values["name"]})
    try:
        plants = await client.plants(account_id)
    except CloudError:
        raise unknown from lost
    for plant in plants:
        if plant.name == values["name"]:
            return plant
    if isinstance(lost, UndecidedError):
        # The answer was not lost: it says why there is no plant.
        raise lost
    raise unknown from lost
