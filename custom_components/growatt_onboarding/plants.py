"""Creating a plant, from the dialog and from the action."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .cloud.errors import CloudError, InvalidInputError
from .cloud.model import Plant
from .coordinator import AccountConfigEntry

CONF_NAME: Final = "name"
CONF_PEAK_POWER: Final = "peak_power"


async def async_create_plant(
    hass: HomeAssistant, entry: AccountConfigEntry, given: Mapping[str, Any]
) -> Plant:
    """Create a plant with the name and peak power (kWp) that were given, where the home is.

    A lost answer is settled by looking whether the plant is there now. Raises CloudError.
    """
    client = entry.runtime_data.client
    account_id = entry.data["account_id"] or ""
    name = str(given[CONF_NAME]).strip()
    if not name:
        raise InvalidInputError("plant_name_empty", field=CONF_NAME)
    offset = dt_util.now().utcoffset()
    values = {
        "name": name,
        "peak_power": f"{float(given[CONF_PEAK_POWER]):g}",
        "country": hass.config.country or "",
        "currency": hass.config.currency,
        "time_zone": f"{offset.total_seconds() / 3600:g}" if offset is not None else "",
    }
    try:
        return await client.create_plant(account_id, {k: v for k, v in values.items() if v})
    except CloudError as err:
        if not err.outcome_unknown:
            raise
        lost = err
    try:
        plants = await client.plants(account_id)
    except CloudError:
        plants = ()
    for plant in plants:
        if plant.name == name:
            return plant
    raise CloudError("plant_outcome_unknown", placeholders={"name": name}) from lost
