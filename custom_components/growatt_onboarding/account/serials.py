"""Serial numbers as people enter them, checked before a call is spent on them."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
import re

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud.characters import as_plain, named
from ..cloud.errors import CloudError, InvalidInputError, NotNowError
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability, CloudClient
from ..const import CONF_SERIAL_NUMBERS, DOMAIN, LOGGER

# Growatt prints ten characters on inverters and up to sixteen elsewhere; other clouds use more.
_SERIAL = r"[A-Za-z0-9][A-Za-z0-9_-]{3,31}"
# People group a serial number's characters with blanks; pieces of this length are whole numbers.
_MIN_WHOLE_LENGTH = 8
# Ends of lines, as all kinds of programs write them, and of a table's cells and a list's items.
_BETWEEN = r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029\t,;]+"
# How much of a text is shown that is no serial number.
_MOST_SHOWN = 40
# How many serial numbers are checked while somebody waits; one call a second is allowed.
_MAX_CHECKED = 5
# How many seconds that may take: it is a help, and the inverters are added without it too.
_LONGEST_CHECK = 10


class InvalidSerialError(ValueError):
    """The text cannot be a serial number.

    The exception's own text shows it, with the names of the characters that may look right.
    """


def normalize_serial(text: str) -> str:
    """Return a serial number as the clouds write it: upper case and without blanks.

    Raises InvalidSerialError if the text cannot be a serial number.
    """
    typed = _as_typed(text)
    serial = "".join(typed.split())
    # Check first: some letters of other alphabets become ASCII letters in upper case.
    if not re.fullmatch(_SERIAL, serial):
        shown = " ".join(typed[:_MOST_SHOWN].split())
        if foreign := [char for char in serial if not (char.isascii() and char.isprintable())]:
            shown = f"{shown} ({named(foreign)})"
        raise InvalidSerialError(shown)
    return serial.upper()


def _as_typed(text: str) -> str:
    """Return a text without what is never meant in it; a space without width is a blank."""
    return as_plain(text.replace("\N{ZERO WIDTH SPACE}", " "))


class SerialError(InvalidInputError):
    """Something is wrong with these serial numbers."""

    def __init__(self, key: str, serials: Iterable[str] = (), **placeholders: str) -> None:
        super().__init__(
            key,
            field=CONF_SERIAL_NUMBERS,
            placeholders={"serials": ", ".join(serials), **placeholders},
        )


def split_serials(text: str) -> list[str]:
    """Return the text of each line, cell or item between commas, leaving out blank ones.

    Blanks separate pieces that are long enough for a serial number each, else they belong to one.
    """
    texts: list[str] = []
    for part in re.split(_BETWEEN, _as_typed(text)):
        pieces = part.split()
        whole = len(pieces) > 1 and all(len(piece) >= _MIN_WHOLE_LENGTH for piece in pieces)
        texts += pieces if whole else filter(str.strip, [part])
    return texts


def check_serials(hass: HomeAssistant, texts: Iterable[str], most: int) -> list[str]:
    """Return the serial numbers as the clouds write them.

    Raises SerialError if there are none or more than `most`, or if one cannot be a serial number,
    is repeated, or is already tracked.
    """
    parts = list(texts)
    if not parts:
        raise SerialError("serials_empty")
    if len(parts) > most:
        raise SerialError("serials_too_many", count=str(len(parts)), most=str(most))
    serials: list[str] = []
    invalid: list[str] = []
    for part in parts:
        try:
            serials.append(normalize_serial(part))
        except InvalidSerialError as err:
            invalid.append(str(err))
    if invalid:
        raise SerialError("serial_invalid", invalid)
    if repeated := [serial for serial, times in Counter(serials).items() if times > 1]:
        raise SerialError("serial_repeated", repeated)
    tracked = tracked_serials(hass)
    if known := [serial for serial in serials if serial in tracked]:
        raise SerialError("already_tracked", known)
    return serials


@callback
def tracked_serials(hass: HomeAssistant) -> set[str]:
    """Return every serial number that any account tracks or is about to track."""
    tracked: set[str] = set()
    for entry in hass.config_entries.async_entries(DOMAIN):
        tracked.update(filter(None, (sub.unique_id for sub in entry.subentries.values())))
        if entry.state is ConfigEntryState.LOADED:
            # The binding comes first; its subentry follows once the binding is on disk.
            tracked.update(entry.runtime_data.coordinator.data)
    return tracked


async def async_refuse_dataloggers(
    client: CloudClient, serials: list[str], known: dict[str, DeviceKind]
) -> None:
    """Raise SerialError if a serial number is a datalogger's.

    Only the first few are checked, only if the limits allow it now, and only for a few seconds;
    for the others the cloud's answer to the binding will tell. `known` keeps the answers, because
    the limits forbid the same question for a while.
    """
    if Capability.CHECK_SERIAL not in client.capabilities:
        return
    try:
        async with asyncio.timeout(_LONGEST_CHECK):
            for serial in serials[:_MAX_CHECKED]:
                if serial not in known:
                    with suppress(NotNowError):
                        known[serial] = await client.check_serial(serial)
    except CloudError as err:
        LOGGER.debug("Serial numbers could not be checked: %s", err.key)
    except TimeoutError:
        LOGGER.debug("Serial numbers could not be checked in time")
    dataloggers = [serial for serial in serials if known.get(serial) is DeviceKind.DATALOGGER]
    if dataloggers:
        raise SerialError("datalogger_serial", dataloggers)
