"""Compares what a datalogger's label says with what the cloud knows, before anything is sent.

That is a help: where the cloud cannot be asked, its answer to the binding tells.
"""

from typing import Final, NamedTuple

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


_UNCHECKED: Final = Label()


class Labels:
    """Has the cloud of an account check labels.

    What it refused stays refused while it cannot be asked: else whoever submits a wrong label twice
    could add somebody else's datalogger, as the second question may come too soon.
    """

    def __init__(self, client: CloudClient, account_id: str | None) -> None:
        self._client = client
        self._account_id = account_id
        # The check code that was refused last and what was said of it, by serial number.
        self._refused: dict[str, tuple[str, Label]] = {}

    async def async_check(self, plant_id: str, serial: str, check_code: str) -> Label:
        """Return what the cloud says about a datalogger that is to be added to this plant."""
        try:
            holder = await self._client.validate_datalogger(serial, check_code)
        except CloudError as err:
            if isinstance(err, (InvalidInputError, RejectedError)) and err.field is not None:
                label = Label(checked=True, error=err)
                self._refused[serial] = (check_code, label)
                return label
            LOGGER.debug("A check code could not be checked: %s", err.key)
            refused, label = self._refused.get(serial, (None, _UNCHECKED))
            return label if refused == check_code else _UNCHECKED
        self._refused.pop(serial, None)
        if (
            holder is not None
            and holder.plant_id in (None, plant_id)
            and holder.owner_id in (None, self._account_id)
        ):
            # It is ours already, or may be: the cloud's answer to the binding tells.
            holder = None
        return Label(checked=True, holder=holder)
