"""What is refused before anything is sent, and at which field."""

from collections.abc import Callable

import pytest

from custom_components.growatt_onboarding.cloud import fields
from custom_components.growatt_onboarding.cloud.errors import InvalidInputError
from custom_components.growatt_onboarding.cloud.model import Values

type Check = Callable[[Values, str], object]


def refusal(check: Check, typed: str | None) -> str:
    """Return the key of the refusal, which has to be at the field."""
    values = {} if typed is None else {"name": typed}
    with pytest.raises(InvalidInputError) as caught:
        check(values, "name")
    assert caught.value.field == "name"
    return caught.value.key


def percent(values: Values, name: str) -> float:
    """Ask for a required number."""
    return fields.number(values, name, 0, 100)


@pytest.mark.parametrize("check", [fields.text, fields.password, fields.email, percent])
@pytest.mark.parametrize("typed", [None, "", "   "])
def test_required(check: Check, typed: str | None) -> None:
    """Nothing and only blanks are the same."""
    assert refusal(check, typed) == "required"


@pytest.mark.parametrize("check", [fields.text, fields.password, fields.optional_text])
@pytest.mark.parametrize("typed", ["a\nb", "a\0b", "a\ud800b", "a\x7fb"])
def test_characters(check: Check, typed: str) -> None:
    assert refusal(check, typed) == "invalid_characters"


@pytest.mark.parametrize("check", [fields.text, fields.password, fields.optional_text])
def test_length(check: Check) -> None:
    """A file in the clipboard is not what was to be pasted."""
    assert check({"name": "a" * 1_000}, "name") == "a" * 1_000
    assert refusal(check, "a" * 1_001) == "too_long"


def test_texts() -> None:
    """Outer blanks go, everything else that can be typed stays."""
    values = {"name": " Dach 🏠 \u3000家 ", "empty": " \u200b", "missing": ""}
    assert fields.name(values, "name") == "Dach 🏠 \u3000家"
    for name in ("empty", "missing"):
        assert fields.optional_name(values, name) is None
        assert fields.optional_text(values, name) is None


def test_password_stays_as_typed() -> None:
    assert fields.password({"name": " a b "}, "name") == " a b "


@pytest.mark.parametrize("typed", ["a@example.com", " a.b+c@mail.example.co.uk ", "ä@exämple.de"])
def test_email(typed: str) -> None:
    assert fields.email({"name": typed}, "name") == typed.strip()


@pytest.mark.parametrize(
    "typed",
    [
        "a",
        "a@",
        "@example.com",
        "a@example",
        "a@b@example.com",
        "a b@example.com",
        "a@example..com",
        "a@.com",
        "a@example.com.",
        "a" * 250 + "@example.com",
    ],
)
def test_not_an_email(typed: str) -> None:
    assert refusal(fields.email, typed) == "invalid_email"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("+49 (170) 123-45.67", "+49 (170) 123-45.67"),
        ("00491701234", "00491701234"),
        ("0170/1234", "0170/1234"),
        ("(+49) 170 1234567", "(+49) 170 1234567"),
        ("+49\u00a0170\u202f123", "+49 170 123"),
        ("+49 170\u2013123\u2011456\u2212789", "+49 170-123-456-789"),
        ("\uff0b\uff14\uff19 \uff11\uff17\uff10", "+49 170"),
        ("\u202a+49 170 123\u202c", "+49 170 123"),
    ],
)
def test_phone(typed: str, number: str) -> None:
    assert fields.optional_phone({"name": typed}, "name") == number


def test_no_phone() -> None:
    for typed in ("", " ", "\u202a"):
        assert fields.optional_phone({"name": typed}, "name") is None
    for typed in ("call me", "+", "()", "12a", "+1+2", "(+)", "\u0661\u0662", "1" * 65):
        assert refusal(fields.optional_phone, typed) == "invalid_phone"


@pytest.mark.parametrize(
    ("typed", "compact"),
    [
        ("+49 (0)170 123-45.67", "+491701234567"),
        ("(+49) (0) 170/1234567", "+491701234567"),
        ("0049 (0)170 1234567", "00491701234567"),
        ("(0)170 1234567", "01701234567"),
        ("138 0013\u20118000", "13800138000"),
        ("13800138000", "13800138000"),
        ("newuser", "newuser"),
        # No phone number has so many characters.
        ("1 " * 40, "1 " * 40),
    ],
)
def test_phone_in_one_spelling(typed: str, compact: str) -> None:
    """Marks go, and the zero that is not dialled from abroad."""
    assert fields.compact_phone(typed) == compact
    assert fields.compact_phone(compact) == compact


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0", 0),
        ("100", 100),
        (" 8.5 ", 8.5),
        ("8,5", 8.5),
        ("+8,25", 8.25),
        (".5", 0.5),
        ("5.", 5),
        ("8.500", 8.5),
        ("0,500", 0.5),
        ("8,5000", 8.5),
        ("\uff18\uff0c\uff15", 8.5),
    ],
)
def test_numbers(typed: str, number: float) -> None:
    """A fraction follows a point, or a comma that can be nothing else."""
    assert percent({"name": typed}, "name") == number


@pytest.mark.parametrize(
    "typed",
    [
        "-1",
        "100.1",
        "nan",
        "inf",
        "Infinity",
        "x",
        "1e1",
        "1_0",
        "\u0661",
        "1.000.000",
        "1.000,5",
        "1,000.5",
        "8,500",
        "-",
        ".",
        ",",
        "9" * 1000,
    ],
)
def test_not_a_number(typed: str) -> None:
    """What is no number, could be two, or lies outside."""
    assert refusal(percent, typed) == "invalid_number"
    assert fields.optional_number({}, "name", 0, 1) is None


@pytest.mark.parametrize(
    ("lowest", "highest", "shown"),
    [
        (0.001, 1_000_000.0, ("0.001", "1000000")),
        (-(2**31), 2**31 - 1, ("-2147483648", "2147483647")),
        (-90.0, 90.0, ("-90", "90")),
        (0, 0.5, ("0", "0.5")),
    ],
)
def test_limits_are_shown_in_full(lowest: float, highest: float, shown: tuple[str, str]) -> None:
    """Nobody types an exponent, so none is asked for."""
    with pytest.raises(InvalidInputError) as caught:
        fields.optional_number({"name": "x"}, "name", lowest, highest)
    assert tuple(caught.value.placeholders.values()) == shown
