"""Compares what a datalogger's label says with what the cloud knows, before anything is sent.

That is a help: where the cloud cannot be asked, its answer to the binding tells.
"""

from typing import NamedTuple

from ..cloud.errors import CloudError, InvalidInputError, RejectedError
from ..cloud.model import Location
from ..cloud.provider import CloudClient
from ..const import LOGGER


class Label(NamedTuple):
    """What the cloud says about a datalogger's serial number and check code.

    Attributes:
        checked: whether it could be asked.
        error: why the two are wrong.
        holder: the other plant or account that has it.

    """

    checked: bool = False
    error: CloudError | None = None
    holder: Location | None = None


async def async_check_label(
    client: CloudClient, account_id: str, plant_id: str, serial: str, check_code: str
) -> Label:
    """Return what the cloud says about a datalogger that is to be added to this plant."""
    try:
        holder = await client.validate_datalogger(serial, check_code)
    except CloudError as err:
        if isinstance(err, (InvalidInputError, RejectedError)) and err.field is not None:
            return Label(checked=True, error=err)
        LOGGER.debug("A check code could not be checked: %s", err.key)
        return Label()
    if (
        holder is not None
        and holder.plant_id in (None, plant_id)
        and holder.owner_id in (None, account_id)
    ):
        # It is ours already, or may be: the cloud's answer to the binding tells.
        holder = None
    return Label(checked=True, holder=holder)
