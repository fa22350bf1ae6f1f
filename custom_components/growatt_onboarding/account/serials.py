"""Serial numbers as people give them, judged before a call is spent on them."""

from collections import Counter
from collections.abc import Iterable
import re

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud.errors import CloudError, InvalidInputError, NotNowError
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability, CloudClient
from ..const import CONF_SERIAL_NUMBERS, DOMAIN, LOGGER

# Growatt prints ten characters on inverters and up to sixteen elsewhere; other clouds use longer
# ones. What cannot be a serial number at all is refused before a call is spent on it.
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{3,31}")
# Blanks inside a serial number are how people read it out, but not between pieces of this length.
_WHOLE_FROM = 8
# So many serial numbers are asked about while somebody waits; a call a second is allowed.
_CHECKED_IN_DIALOG = 5


class InvalidSerialError(ValueError):
    """The text cannot be a serial number."""


def normalize_serial(text: str) -> str:
    """Return a serial number as the clouds write it: upper case and without blanks.

    Raises InvalidSerialError when the text cannot be a serial number.
    """
    serial = "".join(text.split())
    # Checked first: some letters of other alphabets become one of ours in upper case.
    if not _SERIAL.fullmatch(serial):
        raise InvalidSerialError(serial)
    return serial.upper()


class SerialError(InvalidInputError):
    """Something is wrong with these serial numbers."""

    def __init__(self, key: str, serials: Iterable[str] = (), **placeholders: str) -> None:
        """Name the error and the serial numbers it is about."""
        super().__init__(
            key,
            field=CONF_SERIAL_NUMBERS,
            placeholders={"serials": ", ".join(serials), **placeholders},
        )


def split_serials(text: str) -> list[str]:
    """Return what stands on each line, in each cell or between commas, blank ones left out.

    Blanks part what would be a serial number each; else they belong to one.
    """
    texts: list[str] = []
    for part in re.split(r"[\n\t,;]+", text):
        pieces = part.split()
        whole = len(pieces) > 1 and all(len(piece) >= _WHOLE_FROM for piece in pieces)
        texts += pieces if whole else filter(str.strip, [part])
    return texts


def check_serials(hass: HomeAssistant, texts: Iterable[str], most: int) -> list[str]:
    """Return the serial numbers as the clouds write them.

    Raises SerialError when there are none or too many, or when one cannot be a serial number,
    stands there twice, or is tracked already.
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
        except InvalidSerialError:
            invalid.append(part.strip())
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
    """Return every serial number that any account tracks, or is about to."""
    tracked: set[str] = set()
    for entry in hass.config_entries.async_entries(DOMAIN):
        tracked.update(filter(None, (sub.unique_id for sub in entry.subentries.values())))
        if entry.state is ConfigEntryState.LOADED:
            # A binding is there first; its subentry follows once it is on disk.
            tracked.update(entry.runtime_data.coordinator.data)
    return tracked


async def async_refuse_dataloggers(
    client: CloudClient, serials: list[str], known: dict[str, DeviceKind]
) -> None:
    """Raise SerialError when a serial number is a datalogger's.

    Only a few are asked about, and only where the limits allow it now: the cloud's own answer to
    the binding tells about the others. `known` keeps the answers, as the same question may not be
    asked again soon.
    """
    if Capability.CHECK_SERIAL not in client.capabilities:
        return
    for serial in serials[:_CHECKED_IN_DIALOG]:
        if serial in known:
            continue
        try:
            known[serial] = await client.check_serial(serial)
        except NotNowError:
            continue
        except CloudError as err:
            LOGGER.debug("Serial numbers could not be checked: %s", err.key)
            break
    dataloggers = [serial for serial in serials if known.get(serial) is DeviceKind.DATALOGGER]
    if dataloggers:
        raise SerialError("datalogger_serial", dataloggers)
