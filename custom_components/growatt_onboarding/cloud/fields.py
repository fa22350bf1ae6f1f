"""Checks the values of forms before they are sent.

Most functions take a form's values and the name of a field, and raise InvalidInputError for it.
They only refuse what no cloud could accept. Which characters a value may hold, and which of them
are removed, `characters` says.
"""

from collections.abc import Callable
import math
import re
from typing import Final
import unicodedata

from . import characters
from .errors import InvalidInputError
from .model import Values

# Longer than anything that is typed; more is a paste into the wrong field.
_MAX_TYPED = 1_000
# RFC 5321, section 4.5.3.1.3, without the angle brackets.
_MAX_EMAIL = 254
_EMAIL = r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+"
_PHONE = r"[( ]*\+?[0-9 ()./-]+"
_PHONE_MARKS = r"[ ()./-]"
# The start of an international phone number, and a zero in it that is only for domestic calls.
_ABROAD = r"[( ]*(?:\+|00)"
_TRUNK_ZERO = r"\( *0 *\)"
_MINUS = "\N{MINUS SIGN}"
_MAX_PHONE = 64
_NUMBER = r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)"
# The comma could be a decimal point or a thousands separator.
_AMBIGUOUS = r"[+-]?[1-9][0-9]{0,2},[0-9]{3}"
REQUIRED: Final = "required"


def optional_text(values: Values, name: str) -> str | None:
    """Return a text in which no script but ours is expected, None if it is empty."""
    return _read(values, name, characters.as_plain, shaping=False)


def text(values: Values, name: str) -> str:
    """Return a text in which no script but ours is expected."""
    return _required(optional_text(values, name), name)


def optional_name(values: Values, name: str) -> str | None:
    """Return the name of a user, a plant or a person, None if it is empty."""
    return _read(values, name, characters.as_name)


def name(values: Values, name: str) -> str:
    """Return the name of a user, a plant or a person."""
    return _required(optional_name(values, name), name)


def optional_password(values: Values, name: str) -> str | None:
    """Return a password exactly as entered, None if it is empty."""
    return _read(values, name, str)


def password(values: Values, name: str) -> str:
    """Return a password exactly as entered."""
    return _required(optional_password(values, name), name)


def email(values: Values, name: str) -> str:
    """Return an e-mail address."""
    address = text(values, name)
    if len(address) > _MAX_EMAIL or not re.fullmatch(_EMAIL, address):
        raise InvalidInputError("invalid_email", field=name)
    return address


def optional_phone(values: Values, name: str) -> str | None:
    """Return a phone number in ASCII but otherwise as entered, None if it is empty."""
    typed = optional_text(values, name)
    if typed is None:
        return None
    number = _plain(typed) if len(typed) <= _MAX_PHONE else ""
    if not (re.fullmatch(_PHONE, number) and any(map(str.isdigit, number))):
        raise InvalidInputError("invalid_phone", field=name)
    return number


def compact_phone(number: str) -> str:
    """Return a phone number without formatting: "+49170123" for "+49 (0)170 123".

    What is too long for one stays as it is.
    """
    if len(number) > _MAX_PHONE:
        return number
    number = _plain(number)
    if re.match(_ABROAD, number):
        number = re.sub(_TRUNK_ZERO, "", number)
    return re.sub(_PHONE_MARKS, "", number)


def decimal(number: float) -> str:
    """Return a number as text without an exponent or trailing zeros."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def optional_number(
    values: Values, name: str, lowest: float, highest: float, *, whole: bool = False
) -> float | None:
    """Return a (whole) number from `lowest` to `highest`, None if the field is empty.

    The decimal separator may be a comma, unless it could be a thousands separator.
    """
    typed = optional_text(values, name)
    if typed is None:
        return None
    number = math.nan
    if re.fullmatch(_NUMBER, typed) and not re.fullmatch(_AMBIGUOUS, typed):
        number = float(typed.replace(",", "."))
    if not lowest <= number <= highest or (whole and not number.is_integer()):
        raise InvalidInputError(
            "invalid_number",
            field=name,
            placeholders={"lowest": decimal(lowest), "highest": decimal(highest)},
        )
    return number


def number(values: Values, name: str, lowest: float, highest: float) -> float:
    """Return a number from `lowest` to `highest`."""
    return _required(optional_number(values, name, lowest, highest), name)


def _plain(typed: str) -> str:
    """Return a phone number with ordinary characters in place of typographic ones."""
    return "".join(
        "-" if unicodedata.category(char) == "Pd" or char == _MINUS else char
        for char in characters.as_plain(typed)
    )


def _required[T](found: T | None, name: str) -> T:
    """Return what was found. Raises InvalidInputError if that is nothing."""
    if found is None:
        raise InvalidInputError(REQUIRED, field=name)
    return found


def _read(
    values: Values, name: str, spell: Callable[[str], str], *, shaping: bool = True
) -> str | None:
    """Return a value in its right spelling, None if it is blank.

    Raises InvalidInputError if it is too long or has characters that cannot be left out of it:
    then they are named.
    """
    typed = values.get(name, "")
    if not typed.strip():
        return None
    if len(typed) > _MAX_TYPED:
        raise InvalidInputError("too_long", field=name)
    spelled = spell(typed)
    if strays := characters.stray(spelled, shaping=shaping):
        raise InvalidInputError(
            "invalid_characters",
            field=name,
            placeholders={"characters": characters.named(strays)},
        )
    return spelled or None
