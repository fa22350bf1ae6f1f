"""What the bar and QR codes of labels say, and which of it is a serial number.

| What a code holds | What it is |
| --- | --- |
| `ABC0000001` | a number |
| `SN:ABC0000001`, `S/N ABC0000001`, `SPH:ABC0000001` | a number with its name or the model's |
| `https://…/?sn=ABC0000001`, `https://…/ABC0000001` | a number in a link |
| `SN:ABC0000001;PN:12345678;MAC:…` | the number that is called one, and not the others |
| `AB-00000001`, `123456789012345`, `SN:AB01`, `https://…/?id=ABC0000001` | doubtful |
| an EAN, `AABBCCDDEEFF`, `12-345678`, `MIN6000TL-X`, `PN:ABC0000001`, words | no number |
"""

from itertools import pairwise
import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from ..account.serials import InvalidSerialError, normalize_serial

# Of a code's text: a QR code may hold a whole page.
_LONGEST_TEXT: Final = 1_000
# What is shorter is no serial number unless the label calls it one: check codes, versions, years.
_SHORTEST: Final = 8
# What nearly every label prints.
_USUAL: Final = r"(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{8,16}"
_QUOTES: Final = str.maketrans("\"'{}[]<>()", " " * 10)
_BETWEEN_FIELDS: Final = r"[\n\r\t\v\f\x1c-\x1f,;|&]+"
_SIGN: Final = r"[:=]"
# Names as they are once only their letters are left, in lower case.
_NAMES_OF_OTHERS: Final = frozenset(
    {
        *("p", "pn", "part", "item", "art", "article", "sku", "ref", "mpn", "batch", "lot", "date"),
        *("model", "type", "typ", "product", "ver", "version", "fw", "hw", "lang"),
        *("ean", "gtin", "upc", "mac", "imei", "iccid", "imsi"),
        *("wlan", "wifi", "ssid", "bssid", "ip"),
        *("cc", "check", "code", "key", "pin", "puk", "pw", "pwd", "password"),
    }
)
_MAC: Final = r"(?=.*[A-F])(?=.*[0-9])[0-9A-F]{12}|[0-9A-F]{2}(?:-[0-9A-F]{2}){5}"
_PART_NUMBER: Final = r"[0-9]+(?:-[0-9]+)+"
# The family, and the power in watts or kilowatts.
_MODEL: Final = (
    r"[A-Z]{2,5}-?[1-9][0-9]{0,2}(?:00|K)(?:TL[A-Z0-9-]{0,8}|[A-Z]{0,3}(?:-[A-Z0-9]{1,4})?)"
)
_EAN_LENGTHS: Final = frozenset({8, 12, 13, 14})


class Numbers(NamedTuple):
    """Serial numbers as the clouds write them: those that are certain, and the doubtful ones."""

    certain: list[str]
    doubtful: list[str]


def serials_in_code(text: str) -> Numbers:
    """Return the serial numbers in what a code says, each once."""
    found = Numbers([], [])
    words = re.split(r"(\s)", text[:_LONGEST_TEXT].translate(_QUOTES))
    for link in filter(_is_link, words):
        _read_link(link, found)
    for field in re.split(_BETWEEN_FIELDS, "".join(w for w in words if not _is_link(w))):
        _read_field(field, found)
    certain = list(dict.fromkeys(found.certain))
    return Numbers(certain, [n for n in dict.fromkeys(found.doubtful) if n not in certain])


def _is_link(word: str) -> bool:
    return "://" in word


def _read_link(text: str, found: Numbers) -> None:
    """Find numbers in a link: named in its query, or the last part of its path."""
    try:
        link = urlsplit(text)
    except ValueError:
        return
    path, _, query = link.fragment.partition("?")
    for pairs in (link.query, query):
        for name, value in parse_qsl(pairs):
            _judge([name], value, found, usual_is_certain=False)
    for parts in (link.path, path):
        *before, last = ["", *filter(None, parts.split("/"))]
        if last:
            _judge(before[-1:], last, found)


def _read_field(field: str, found: Numbers) -> None:
    """Find numbers in a field: each behind its name, if it has one."""
    words = re.findall(rf"{_SIGN}|[^\s:=]+", field)
    name: list[str] = []
    after_value = False
    for word, after in pairwise([*words, ""]):
        if re.fullmatch(_SIGN, word):
            continue
        if re.fullmatch(_SIGN, after) or not any(map(str.isdigit, word)):
            name = [word] if after_value else [*name, word]
            after_value = False
        else:
            _judge(name, word, found)
            after_value = True
            if _calls_serial(name):
                name = []


def _judge(name: list[str], value: str, found: Numbers, *, usual_is_certain: bool = True) -> None:
    """Find out whether a value is a serial number, and how certain that is."""
    try:
        number = normalize_serial(value)
    except InvalidSerialError:
        return
    if _calls_serial(name):
        certain = len(number) >= _SHORTEST
    elif (
        len(number) < _SHORTEST
        or not any(map(str.isdigit, number))
        or not _NAMES_OF_OTHERS.isdisjoint(_words(name))
        or _is_something_else(number)
    ):
        return
    else:
        # As it is written: what is in small letters is rarely a number.
        certain = usual_is_certain and re.fullmatch(_USUAL, value) is not None
    (found.certain if certain else found.doubtful).append(number)


def _calls_serial(name: list[str]) -> bool:
    return any(word.endswith("sn") or "serial" in word for word in _words(name))


def _words(name: list[str]) -> list[str]:
    return [re.sub(r"[^a-z]", "", word.lower()) for word in name]


def _is_something_else(number: str) -> bool:
    """Return whether a number has the form of something else that labels show in a code."""
    if number.isdigit() and len(number) in _EAN_LENGTHS:
        digits = [int(digit) for digit in reversed(number)]
        return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
    return re.fullmatch(f"{_MAC}|{_PART_NUMBER}|{_MODEL}", number) is not None
