"""The ways in which a server may spell what it repeats."""

from collections.abc import Callable, Iterator
from html import escape, unescape
import json
import re
from urllib.parse import quote, quote_plus, unquote, unquote_plus

type Spelling = Callable[[str], str]


def _units(text: str) -> Iterator[int]:
    """Yield the units of a text in UTF-16."""
    data = text.encode("utf-16-be")
    return (int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))


SPELLINGS: dict[str, Spelling] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "other case": str.swapcase,
    "percent": lambda text: quote(text, safe=""),
    "percent, small": lambda text: re.sub(r"%..", lambda it: it[0].lower(), quote(text, safe="")),
    "percent, all": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON of JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON, slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON, all": lambda text: "".join(f"\\u{unit:04x}" for unit in _units(text)),
    "bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "slashes": lambda text: re.sub(r"([^\w\s])", r"\\\1", text),
    "web page": escape,
    "web page, PHP": lambda text: escape(text).replace("&#x27;", "&#039;"),
    "web page, numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "web page, hex": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "web page in an address": lambda text: quote(escape(text), safe=""),
    "address in JSON": lambda text: json.dumps(quote(text, safe=""))[1:-1],
    "blanks": " ".join,
}


def readings(text: str) -> set[str]:
    """Return a text as anybody may read it who undoes such spellings, in lower case."""
    found = {text}
    for _ in range(3):
        for undo in (unquote, unquote_plus, unescape, _unslashed, _unbytes):
            found |= {undo(known) for known in list(found)}
    return {re.sub(r"[\s+]", "", known).casefold() for known in found}


def _unslashed(text: str) -> str:
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda it: chr(int(it[1], 16)), text)
    return re.sub(r"\\(.)", r"\1", text)


def _unbytes(text: str) -> str:
    return unquote(re.sub(r"\\x([0-9a-fA-F]{2})", r"%\1", text))


def tells(shown: str, secret: str, part: int = 8) -> bool:
    """Return whether a text shows a secret, or that long a part of it, however spelled."""
    plain = re.sub(r"[\s+]", "", secret).casefold()
    size = min(part, len(plain))
    parts = {plain[at : at + size] for at in range(len(plain) - size + 1)} - {""}
    return any(part in read for read in readings(shown) for part in parts)
