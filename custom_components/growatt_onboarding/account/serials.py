"""Serial numbers as labels and people write them, checked before a call is spent on them.

| What is typed | What it is |
| --- | --- |
| `ABC 000 0001` | one number in groups |
| `SPH:ABC0000001`, `SN ABC0000001` | a number with what the label prints before it |
| `"ABC0000001"`, `]C1ABC0000001` | a number from a table's cell, or from a scanner |
| `1 ABC0000001`, `2. ABC 000 0001` | a number in a list |
| `ABC0000001 ABC0000002` | two numbers: each piece is long enough for one |
| `ABC0000001 SPH5000` | unclear, and refused: one piece is a number, and what is the other? |
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Set as AbstractSet
from contextlib import suppress
import re
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..cloud.characters import as_plain, named
from ..cloud.errors import CloudError, InvalidInputError, NotNowError
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability, CloudClient
from ..const import CONF_SERIAL_NUMBERS, DOMAIN, LOGGER
from ..foreign import LONGEST_TEXT, plain

# Growatt prints ten characters on inverters and up to sixteen elsewhere; other clouds use more. A
# dialog asks about what is shorter than usual (`Provider.shortest_serial`).
_SERIAL = r"[A-Za-z0-9][A-Za-z0-9_-]{3,31}"
# People group a serial number's characters with blanks; pieces of this length with digits in them
# are whole numbers.
_MIN_WHOLE_LENGTH = 8
# Ends of lines, as all kinds of programs write them, and of a table's cells and a list's items.
_BETWEEN = r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029\t,;]+"
# What is no longer than this altogether is one number, however it is grouped.
_USUAL_LENGTH = 10
# What labels print before a serial number, beside what ends with a colon.
_LABELS = frozenset({"sn", "s/n", "no", "nr", "serial", "number"})
# What programs write around a table's cells, and what a scanner may say before a number: of which
# kind the code was (an AIM symbology identifier, such as `]C1`).
_QUOTES = r"\"'\u2018-\u201f\u00ab\u00bb"
_AROUND = rf"[{_QUOTES}]|(?<![^\s,;{_QUOTES}])\][A-Za-z][0-9A-Fa-f]"
# What stands around a number in a list, and the most digits of such a number.
_LIST_MARKS = "#.)(*-\N{BULLET}\N{MIDDLE DOT}"
_LIST_DIGITS = 3
# How much of a text is shown that is no serial number.
_MOST_SHOWN = 40
# How many serial numbers are checked while somebody waits; one call a second is allowed.
_MAX_CHECKED = 5
# How many seconds a check may take: it is a help, and the devices are added without it too.
LONGEST_CHECK = 10


class InvalidSerialError(ValueError):
    """The text cannot be a serial number.

    The exception's own text shows its beginning, with the names of the characters that may look
    right.

    Attributes:
        given: the whole text, with these names.

    """

    def __init__(self, text: str, foreign: Iterable[str] = ()) -> None:
        names = f" ({named(foreign)})" if foreign else ""
        shown = " ".join(text.split())
        super().__init__(f"{shown[:_MOST_SHOWN].strip()}{names}")
        self.given = plain(f"{shown}{names}", LONGEST_TEXT)


def normalize_serial(text: str) -> str:
    """Return a serial number as the clouds write it: upper case, no blanks, nothing before it.

    Raises InvalidSerialError if the text cannot be a serial number.
    """
    typed = _as_typed(text)
    numbers = _numbers(typed)
    serial = "".join(numbers[0].split()) if len(numbers) == 1 else ""
    # Check first: some letters of other alphabets become ASCII letters in upper case.
    if not re.fullmatch(_SERIAL, serial):
        foreign = [char for char in serial if not (char.isascii() and char.isprintable())]
        raise InvalidSerialError(typed, foreign)
    return serial.upper()


def is_serial(text: str) -> bool:
    """Return whether a text is a serial number as the clouds write it."""
    return re.fullmatch(_SERIAL, text) is not None and text == text.upper()


def _numbers(item: str) -> list[str]:
    """Return the serial numbers in an item of a list, without what stands before each.

    Raises InvalidSerialError if only some of its pieces can be serial numbers.
    """
    pieces = _pieces(item)
    whole = [piece for piece in pieces if _is_whole(piece)]
    if not whole or (len(whole) == 1 and sum(map(len, pieces)) <= _USUAL_LENGTH):
        return [" ".join(pieces)]
    if len(whole) < len(pieces):
        raise InvalidSerialError(" + ".join(pieces))
    return whole


def _pieces(item: str) -> list[str]:
    """Return what blanks separate in an item, without labels and a list's numbers."""
    *labels, rest = item.split(":")
    if any(_is_whole(word) for label in labels for word in label.split()):
        return item.split()
    kept: list[str] = []
    for piece in reversed(rest.split()):
        before_whole = bool(kept) and _is_whole(kept[-1])
        if not (before_whole and (_is_label(piece) or _is_list_number(piece))):
            kept.append(piece)
    # Before a number in groups, what is only digits may be one of its groups.
    while len(kept) > 1 and _is_label(kept[-1]):
        kept.pop()
    return kept[::-1]


def _is_whole(piece: str) -> bool:
    """Return whether a piece is long enough for a serial number, and more than a word."""
    return len(piece) >= _MIN_WHOLE_LENGTH and any(map(str.isdigit, piece))


def _is_label(piece: str) -> bool:
    """Return whether a piece only says that a serial number follows."""
    bare = piece.strip(_LIST_MARKS)
    return not bare or bare.lower() in _LABELS or (bare != piece and _is_list_number(bare))


def _is_list_number(piece: str) -> bool:
    return piece.isdigit() and len(piece) <= _LIST_DIGITS


def _as_typed(text: str) -> str:
    """Return a text without what is never meant in it; a space without width is a blank."""
    return re.sub(_AROUND, "", as_plain(text.replace("\N{ZERO WIDTH SPACE}", " ")))


class SerialError(InvalidInputError):
    """Something is wrong with these serial numbers."""

    def __init__(self, key: str, serials: Iterable[str] = (), **placeholders: str) -> None:
        super().__init__(
            key,
            field=CONF_SERIAL_NUMBERS,
            placeholders={"serials": ", ".join(serials), **placeholders},
        )


def split_serials(text: str) -> list[str]:
    """Return the text of each serial number in each line, cell or item between commas."""
    texts: list[str] = []
    for item in filter(str.strip, re.split(_BETWEEN, _as_typed(text))):
        try:
            texts += _numbers(item)
        except InvalidSerialError:
            texts.append(item.strip())
    return texts


def check_serials(
    hass: HomeAssistant, texts: Iterable[str], most: int, *, free: AbstractSet[str] = frozenset()
) -> list[str]:
    """Return the serial numbers as the clouds write them.

    Raises SerialError if there are none or more than `most`, or if one cannot be a serial number,
    is repeated, or is already tracked and not `free`.
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
    tracking = tracking_entries(hass)
    if known := [serial for serial in serials if serial in tracking and serial not in free]:
        told = [f"{serial} ({plain(tracking[serial].title)})" for serial in known]
        raise SerialError("already_tracked", told)
    return serials


def ask_about_short(serials: Iterable[str], shortest: int, asked: set[str]) -> None:
    """Raise SerialError about numbers that are shorter than usual, of each only once.

    `asked` keeps which these were: who enters one again means it.
    """
    short = [serial for serial in serials if len(serial) < shortest and serial not in asked]
    asked.update(short)
    if short:
        raise SerialError("serial_short", short)


@callback
def tracking_entries(hass: HomeAssistant) -> dict[str, ConfigEntry[Any]]:
    """Return the account that tracks each serial number or is about to."""
    found: dict[str, ConfigEntry[Any]] = {}
    for entry in hass.config_entries.async_entries(DOMAIN):
        serials = filter(None, (subentry.unique_id for subentry in entry.subentries.values()))
        found |= dict.fromkeys(serials, entry)
        if entry.state is ConfigEntryState.LOADED:
            # The binding comes first; its subentry follows once the binding is on disk.
            found |= dict.fromkeys(entry.runtime_data.coordinator.data, entry)
    return found


async def async_learn_kinds(
    client: CloudClient, serials: list[str], known: dict[str, DeviceKind]
) -> None:
    """Ask the cloud which kinds of device serial numbers belong to.

    Only the first few are checked, only if the limits allow it now, and only for a few seconds;
    for the others the cloud's answer to the binding will tell. `known` keeps the answers, because
    the limits forbid the same question for a while.
    """
    if Capability.CHECK_SERIAL not in client.capabilities:
        return
    try:
        async with asyncio.timeout(LONGEST_CHECK):
            for serial in serials[:_MAX_CHECKED]:
                if serial not in known:
                    with suppress(NotNowError):
                        known[serial] = await client.check_serial(serial)
    except CloudError as err:
        LOGGER.debug("Serial numbers could not be checked: %s", err.key)
    except TimeoutError:
        LOGGER.debug("Serial numbers could not be checked in time")
