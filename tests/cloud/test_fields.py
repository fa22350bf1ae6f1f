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
    """Control characters are not typed."""
    assert refusal(check, typed) == "invalid_characters"


def test_texts() -> None:
    """Outer blanks go, everything else that can be typed stays."""
    values = {"name": " Dach 🏠 \u3000家 ", "empty": " "}
    assert fields.text(values, "name") == "Dach 🏠 \u3000家"
    assert fields.optional_text(values, "empty") is None
    assert fields.optional_text(values, "missing") is None


def test_password_stays_as_typed() -> None:
    """Blanks belong to a password."""
    assert fields.password({"name": " a b "}, "name") == " a b "


@pytest.mark.parametrize("typed", ["a@example.com", " a.b+c@mail.example.co.uk ", "ä@exämple.de"])
def test_email(typed: str) -> None:
    """What has the shape of an address passes."""
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
    """What no mail can reach is refused."""
    assert refusal(fields.email, typed) == "invalid_email"


def test_phone() -> None:
    """A number may be written in any of the usual ways."""
    for typed in ("+49 (170) 123-45.67", "00491701234", "0170/1234"):
        assert fields.optional_phone({"name": typed}, "name") == typed
    assert fields.optional_phone({}, "name") is None
    for typed in ("call me", "+", "()", "12a", "+1+2"):
        assert refusal(fields.optional_phone, typed) == "invalid_phone"


def test_numbers() -> None:
    """Numbers have to be finite and within their limits."""
    for typed, number in (("0", 0), ("100", 100), (" 8.5 ", 8.5), ("1e1", 10)):
        assert percent({"name": typed}, "name") == number
    for typed in ("-1", "100.1", "nan", "inf", "8,5", "x"):
        assert refusal(percent, typed) == "invalid_number"
    assert fields.optional_number({}, "name", 0, 1) is None
