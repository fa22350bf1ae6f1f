"""What was typed into a form, checked before anything is sent.

Each function takes the form's values and a field's name, and raises InvalidInputError at that
field. Only what cannot be right for any cloud is refused here; the cloud knows its own rules.
"""

import math
import re
from typing import Final
import unicodedata

from .errors import InvalidInputError
from .model import Values

# The longest address that mail can be sent to: RFC 5321, 4.5.3.1.3, without the angle brackets.
_MAX_EMAIL = 254
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_PHONE = re.compile(r"[( ]*\+?[0-9 ()./-]+")
_PHONE_MARKS = re.compile(r"[ ()./-]")
# What a number for abroad begins with, and the zero in it that is for the own country only.
_ABROAD = re.compile(r"[( ]*(?:\+|00)")
_TRUNK_ZERO = re.compile(r"\( *0 *\)")
_MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)")
# Either a thousand and more or a fraction of three digits, depending on who typed it.
_AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
REQUIRED: Final = "required"
# Control characters and halves of surrogate pairs; blanks and joiners of all scripts are text.
_NEVER_TYPED = frozenset({"Cc", "Cs"})


def optional_text(values: Values, name: str) -> str | None:
    """Return a text without outer blanks, None if there is none."""
    return _checked(values.get(name, "").strip(), name) or None


def text(values: Values, name: str) -> str:
    """Return a text without outer blanks."""
    if (found := optional_text(values, name)) is None:
        raise InvalidInputError(REQUIRED, field=name)
    return found


def password(values: Values, name: str) -> str:
    """Return a password exactly as it was typed."""
    typed = values.get(name, "")
    if not typed.strip():
        raise InvalidInputError(REQUIRED, field=name)
    return _checked(typed, name)


def email(values: Values, name: str) -> str:
    """Return an e-mail address."""
    address = text(values, name)
    if len(address) > _MAX_EMAIL or not _EMAIL.fullmatch(address):
        raise InvalidInputError("invalid_email", field=name)
    return address


def optional_phone(values: Values, name: str) -> str | None:
    """Return a telephone number as it was typed but in plain characters, None if there is none."""
    typed = optional_text(values, name)
    if typed is None:
        return None
    number = _plain(typed)
    if not (_PHONE.fullmatch(number) and any(map(str.isdigit, number))):
        raise InvalidInputError("invalid_phone", field=name)
    return number


def compact_phone(number: str) -> str:
    """Return a telephone number without what is only there to be read: one spelling for all.

    "+49 (0)170 123" is "+49170123": the zero in brackets is not dialled from abroad.
    """
    number = _plain(number)
    if _ABROAD.match(number):
        number = _TRUNK_ZERO.sub("", number)
    return _PHONE_MARKS.sub("", number)


def decimal(number: float) -> str:
    """Return a number without an exponent and without superfluous zeros."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def optional_number(values: Values, name: str, lowest: float, highest: float) -> float | None:
    """Return a number from `lowest` to `highest`, None if there is none.

    A fraction may follow a point or a comma, unless the comma could separate thousands.
    """
    typed = optional_text(values, name)
    if typed is None:
        return None
    number = math.nan
    if _NUMBER.fullmatch(typed) and not _AMBIGUOUS.fullmatch(typed):
        number = float(typed.replace(",", "."))
    if not lowest <= number <= highest:
        raise InvalidInputError(
            "invalid_number",
            field=name,
            placeholders={"lowest": decimal(lowest), "highest": decimal(highest)},
        )
    return number


def number(values: Values, name: str, lowest: float, highest: float) -> float:
    """Return a number from `lowest` to `highest`."""
    found = optional_number(values, name, lowest, highest)
    if found is None:
        raise InvalidInputError(REQUIRED, field=name)
    return found


def _plain(typed: str) -> str:
    """Return a number's text in ASCII where it has such: copied, it may hold other characters.

    Dashes, blanks and full-width digits have several forms; marks of direction cannot be seen.
    """
    return "".join(
        "-" if unicodedata.category(char) == "Pd" or char == _MINUS else char
        for char in unicodedata.normalize("NFKC", typed)
        if unicodedata.category(char) != "Cf"
    ).strip()


def _checked(typed: str, name: str) -> str:
    """Return what was typed, refusing characters that no keyboard makes."""
    if any(unicodedata.category(char) in _NEVER_TYPED for char in typed):
        raise InvalidInputError("invalid_characters", field=name)
    return typed
