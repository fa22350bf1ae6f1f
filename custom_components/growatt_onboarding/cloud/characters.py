"""Which characters a text may hold: what is never meant goes, what is meant stays.

Invisible characters come along when a text is copied: byte order marks, soft hyphens, spaces
without width, marks of direction. A few invisible characters shape what stands around them, as in
Persian and Indic words and in emoji made of several; between letters of ours, they are never meant.

| What is typed | Invisible, never meant | Invisible, but shapes | Other blanks | Full-width |
| --- | --- | --- | --- | --- |
| name: of a user, a plant, a person | removed | kept | a space; the wide one stays | kept |
| password | refused | kept | kept | kept |
| anything else | removed | refused | a space | ordinary |

Control characters are refused everywhere, unless they are blanks around the text. What is refused
is named, as nobody may be able to see it.
"""

from collections.abc import Iterable, Iterator
from typing import Final
import unicodedata

_NON_JOINER, _JOINER = "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"
_JOINERS: Final = frozenset({_NON_JOINER, _JOINER})
_KEYS: Final = frozenset("0123456789#*")
_FLAG, _KEYCAP = "\N{WAVING BLACK FLAG}", "\N{COMBINING ENCLOSING KEYCAP}"
_WIDE_SPACE = "\N{IDEOGRAPHIC SPACE}"


def _between(*ranges: tuple[int, int]) -> frozenset[str]:
    """Return the characters from the first to the last of each range."""
    return frozenset(chr(point) for first, last in ranges for point in range(first, last + 1))


# They name a flag's region.
_TAGS: Final = _between((0xE0020, 0xE007F))
# They choose between forms of the character before them: of emoji and ideographs, and of Mongolian.
_SELECTORS: Final = _between((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180F))
_SHAPING: Final = _JOINERS | _TAGS | _SELECTORS
# Unicode's "default ignorable code points", and what else is not shown.
_INVISIBLE: Final = _SHAPING | _between(
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFC),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_NEVER_MEANT: Final = _INVISIBLE - _SHAPING
# Control characters, surrogates, and separators of lines and paragraphs.
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Emoji, of which Unicode gets new ones all the time, and arrows.
_SYMBOLS: Final = frozenset({"So", "Sm", "Cn"})
_WITH_VARIANTS: Final = _SYMBOLS | {"Lo", "Po", "Pd"}
_RIGHT_TO_LEFT: Final = frozenset({"AL", "R"})
_MONGOLIAN: Final = _between((0x1800, 0x18AF))
# The class of the marks that take an Indic consonant's vowel.
_VIRAMA = 9
_CONTROL_NAMES: Final = {
    "\0": "NULL",
    "\t": "TAB",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
}
# Nobody reads more names than these.
_MOST_NAMED = 3


def as_name(text: str) -> str:
    """Return the name that was typed."""
    return "".join(
        " " if unicodedata.category(char) == "Zs" and char != _WIDE_SPACE else char
        for char in _without_invisible(text)
    ).strip()


def as_plain(text: str) -> str:
    """Return what was typed where no script but ours is expected."""
    return _without_invisible("".join(map(_plain, text))).strip()


def legible(text: str) -> str:
    """Return a text that arrived, with a space in place of each character that is never meant."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if meant and not _is_control(char) else " " for char, meant in _judged(text)
    )


def stray(text: str, *, shaping: bool) -> list[str]:
    """Return the characters that are never meant in a text. `shaping`: all that shape it are."""
    return [
        char
        for char, meant in _judged(text)
        if not meant or _is_control(char) or (char in _SHAPING and not shaping)
    ]


def named(chars: Iterable[str]) -> str:
    """Return the names of the first few characters, as nobody may be able to see them."""
    names = [_name(char) for char in dict.fromkeys(chars)]
    more = ["…"] if len(names) > _MOST_NAMED else []
    return ", ".join([*names[:_MOST_NAMED], *more])


def _without_invisible(text: str) -> str:
    """Return a text without invisible characters, except for those that shape what is around them.

    What comes out stays as it is if this is done again.
    """
    if text.isascii() or _INVISIBLE.isdisjoint(text):
        return text
    return "".join(char for char, meant in _judged(text) if meant)


def _judged(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each character, and whether it is seen or shapes what is."""
    # The character before, and the last one that stands for itself.
    last = base = " "
    following = [*filter(lambda char: char not in _NEVER_MEANT, text), " "]
    at = 0
    for char in text:
        meant = char not in _NEVER_MEANT
        if meant:
            at += 1
            meant = char not in _SHAPING or _shapes(base, last, char, following[at])
        yield char, meant
        if meant:
            last = char
            if char not in _SHAPING and unicodedata.category(char) not in {"Mn", "Sk"}:
                base = char


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in _CONTROL


def _shapes(base: str, last: str, char: str, after: str) -> bool:
    """Return whether an invisible character changes how its neighbors look.

    `base` is `last` or the letter or symbol that the marks up to there belong to.
    """
    if char in _TAGS:
        return last == _FLAG or last in _TAGS
    if char in _SELECTORS:
        if base.isascii():
            return base in _KEYS and after == _KEYCAP
        return last == base and unicodedata.category(last) in _WITH_VARIANTS
    return last not in _JOINERS and _joins(base, last, char, after)


def _joins(base: str, last: str, char: str, after: str) -> bool:
    """Return whether a joiner, or non-joiner, changes how its neighbors look."""
    if _VIRAMA in {unicodedata.combining(last), unicodedata.combining(after)}:
        return unicodedata.category(base) == "Lo"
    if base in _MONGOLIAN or unicodedata.bidirectional(base) in _RIGHT_TO_LEFT:
        # A letter may have the form that it has before another one where there is none.
        return char == _JOINER or unicodedata.category(after)[0] in "LM"
    symbols = {unicodedata.category(base), unicodedata.category(after)}
    return char == _JOINER and symbols <= _SYMBOLS


def _plain(char: str) -> str:
    """Return the ordinary character for one of full width, and a space for every other blank."""
    if char.isascii():
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    if unicodedata.decomposition(char).startswith("<wide>"):
        return unicodedata.normalize("NFKC", char)
    return char


def _name(char: str) -> str:
    """Return a character's number and name."""
    name = _CONTROL_NAMES.get(char) or unicodedata.name(char, "")
    return f"U+{ord(char):04X} {name}".strip()
