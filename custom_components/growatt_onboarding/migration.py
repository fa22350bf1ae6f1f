"""What earlier versions of this integration stored, brought to the form that this one reads.

Home Assistant refuses the entries of a later major version, and says so in its log. A later minor
version stores nothing that an earlier one cannot read, so going back to that one needs no step.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

type Change = Callable[[dict[str, Any]], dict[str, Any]]


class Step(NamedTuple):
    """What makes the data of a minor version the next one's.

    Attributes:
        account: for the data of an entry.
        inverter: for the data of each of its subentries, which have no version of their own.

    """

    account: Change
    inverter: Change


STEPS: Final[tuple[Step, ...]] = ()
"""From the first minor version on, one after another."""

ENTRY_VERSION: Final = 1
ENTRY_MINOR_VERSION: Final = 1 + len(STEPS)


@callback
def migrate(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Bring an account's entry and its inverters to this version."""
    for step in STEPS[entry.minor_version - 1 :]:
        for subentry in list(entry.subentries.values()):
            hass.config_entries.async_update_subentry(
                entry, subentry, data=step.inverter(dict(subentry.data))
            )
        hass.config_entries.async_update_entry(
            entry, data=step.account(dict(entry.data)), minor_version=entry.minor_version + 1
        )
