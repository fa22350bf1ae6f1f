"""Hides secrets in what a cloud says, however it spells them."""

from collections.abc import Iterable, Iterator
from html import unescape
from itertools import groupby
import re
from typing import Final, NamedTuple
import unicodedata

MASK: Final = "…"

# So long a part of a secret is hidden, too. A shorter secret is hidden as a whole only.
_PART = 8
# A text to be searched for anything longer would be one to be searched for long.
_LONGEST_SECRET = 8_000
# How many times over a cloud may have escaped something, as for a web page in JSON.
_TIMES_ESCAPED = 3
# A character, or what stands for one or several: as in addresses, programs and web pages.
_PIECE = r"(?is)(?:(?:%|\\x)[0-9a-f]{2})+|(?:[%\\]u[0-9a-f]{4})+|\\.|&#?\w{1,31};|."
_PREFIX = r"(?i)[%\\][ux]?"
_ESCAPES = frozenset("%\\&")


class _Char(NamedTuple):
    """A character, and where that which stands for it begins and ends in the text."""

    char: str
    start: int
    end: int


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return a text with a mask for each secret, and for each longer part of one.

    Neither case nor blanks nor escapes make a difference. Takes linear time.
    """
    parts: set[str] = set()
    for secret in secrets:
        if len(secret) > _LONGEST_SECRET:
            return MASK
        for layer in _layers(secret):
            parts.update(found for found, _, _ in _parts(layer, {min(_PART, len(layer))}))
    sizes = {len(part) for part in parts}
    hidden = bytearray(len(text))
    for layer in _layers(text):
        for part, start, end in _parts(layer, sizes):
            if part in parts:
                hidden[start:end] = b"\1" * (end - start)
    shown = groupby(zip(text, hidden, strict=True), key=lambda char: char[1])
    return "".join(MASK if mask else "".join(char for char, _ in chars) for mask, chars in shown)


def _parts(chars: list[_Char], sizes: set[int]) -> Iterator[tuple[str, int, int]]:
    """Yield all parts of these sizes, and where they begin and end in the text."""
    text = "".join(char.char for char in chars)
    for size in sizes - {0}:
        for at in range(len(chars) - size + 1):
            yield text[at : at + size], chars[at].start, chars[at + size - 1].end


def _layers(text: str) -> Iterator[list[_Char]]:
    """Yield the characters of a text as it is, and with each layer of escapes undone."""
    chars = [_Char(char, at, at + 1) for at, char in enumerate(text)]
    yield list(_compared(chars))
    for _ in range(_TIMES_ESCAPED):
        before = "".join(char.char for char in chars)
        if not _ESCAPES.intersection(before):
            break
        chars = list(_unescaped(before, chars))
        yield list(_compared(chars))


def _compared(chars: list[_Char]) -> Iterator[_Char]:
    """Yield characters as they are compared: without case, and without what could be a blank."""
    for char, start, end in chars:
        for plain in unicodedata.normalize("NFKD", char).casefold():
            if plain != "+" and unicodedata.category(plain)[0] not in "CZ":
                yield _Char(plain, start, end)


def _unescaped(text: str, chars: list[_Char]) -> Iterator[_Char]:
    """Yield the characters of a text with one layer of escapes undone."""
    for found in re.finditer(_PIECE, text):
        start, end = chars[found.start()].start, chars[found.end() - 1].end
        for char in _meaning(found[0]):
            yield _Char(char, start, end)


def _meaning(piece: str) -> str:
    """Return what a piece of a text stands for."""
    if piece[0] == "&":
        return unescape(piece)
    if len(piece) == 1:
        return piece
    digits = re.sub(_PREFIX, "", piece)
    if piece[1] in "uU" and len(piece) > 2:  # noqa: PLR2004 - a prefix
        return bytes.fromhex(digits).decode("utf-16-be", errors="replace")
    if piece[0] == "\\" and len(piece) == 2:  # noqa: PLR2004 - a prefix
        return piece[1]
    try:
        return bytes.fromhex(digits).decode()
    except UnicodeDecodeError:
        return bytes.fromhex(digits).decode("latin-1")
