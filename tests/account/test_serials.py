"""What can be a serial number, and how it is written."""

import pytest

from custom_components.growatt_onboarding.account.serials import (
    InvalidSerialError,
    normalize_serial,
)


@pytest.mark.parametrize(
    ("typed", "serial"),
    [
        ("abc1234567", "ABC1234567"),
        (" ABC 123\t4567\n", "ABC1234567"),
        ("A1B2", "A1B2"),
        ("a" * 32, "A" * 32),
        ("AB-C_1", "AB-C_1"),
    ],
)
def test_a_serial_number_is_written_in_one_way(typed: str, serial: str) -> None:
    assert normalize_serial(typed) == serial


# The last ones look like letters and digits of ours, or become some in upper case.
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ABC",
        "A" * 33,
        "AB,CD",
        "-ABCD",
        "ABC/1",
        "ABCD\N{LATIN SMALL LETTER SHARP S}",
        "ABC\N{LATIN SMALL LETTER LONG S}",
        "ABC\N{CYRILLIC CAPITAL LETTER A}",
        "ABC\N{FULLWIDTH DIGIT ONE}",
    ],
)
def test_what_cannot_be_a_serial_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidSerialError):
        normalize_serial(typed)
