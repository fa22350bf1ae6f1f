"""What can be a serial number, how it is written, and how several are told apart."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.growatt_onboarding.account.serials import (
    InvalidSerialError,
    SerialError,
    ask_about_short,
    check_serials,
    normalize_serial,
    split_serials,
)
from simulator import Simulator
from tests.common import RESIDENT_ID, add_account, track


@pytest.mark.parametrize(
    ("typed", "serial"),
    [
        ("abc1234567", "ABC1234567"),
        (" ABC 123\t4567\n", "ABC1234567"),
        ("A1B2", "A1B2"),
        ("a" * 32, "A" * 32),
        ("AB-C_1", "AB-C_1"),
        ("\ufeffABC\u00ad\u200d123\u202c", "ABC123"),
        ("ABC\u200b\u00a0\u2007\u3000123", "ABC123"),
        ("\uff21\uff22\uff23\uff11", "ABC1"),
        ("ABC 000 0001", "ABC0000001"),
        ("AB C0000001", "ABC0000001"),
        # As labels print them, and as people copy them out of lists.
        ("SPH:ABC0000001", "ABC0000001"),
        ("SPM\uff1a abc 000 0001", "ABC0000001"),
        ("SN ABC0000001", "ABC0000001"),
        ("sn. ABC 000 0001", "ABC0000001"),
        ("S/N: ABC0000001", "ABC0000001"),
        ("Serial No.: ABC0000001", "ABC0000001"),
        ("Serial number ABC0000001", "ABC0000001"),
        ("SN:SPH:ABC0000001", "ABC0000001"),
        ("1 ABC0000001", "ABC0000001"),
        ("12. SN ABC0000001", "ABC0000001"),
        ("3) ABC 000 0001", "ABC0000001"),
        ("#4 SPH:ABC0000001", "ABC0000001"),
        # As tables and scanners write them.
        ('"ABC0000001"', "ABC0000001"),
        ("\u201eABC0000001\u201c", "ABC0000001"),
        ("]C1ABC0000001", "ABC0000001"),
        ('"]C1ABC0000001"', "ABC0000001"),
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
        "ABC\N{ARABIC-INDIC DIGIT ONE}",
        "ABC\N{SUPERSCRIPT ONE}",
        "ABC\0",
        "ABC0000001 SPH5000",
        "SPH ABC0000001",
        "ABC0000001 1",
        "ABC0000001: garage",
        "ABC0000001:ABC0000002",
        "Inverter ABC0000001",
        "SN",
        "SN:",
        "1.",
    ],
)
def test_what_cannot_be_a_serial_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidSerialError):
        normalize_serial(typed)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("SIM0000001 SIM0000002", ["SIM0000001", "SIM0000002"]),
        ("SIM0000001\tSIM0000002", ["SIM0000001", "SIM0000002"]),
        ("SIM 0000001", ["SIM 0000001"]),
        ("1234 5678 9012", ["1234 5678 9012"]),
        (" \n , ;\u200b", []),
        ("SIM0000001\u200bSIM0000002", ["SIM0000001", "SIM0000002"]),
        ("SIM 0000001\rSIM 0000002\u2028SIM 0000003", [f"SIM 000000{n}" for n in (1, 2, 3)]),
        ("SIM 0000001\uff0cSIM 0000002\uff1b", ["SIM 0000001", "SIM 0000002"]),
        ('"SIM0000001","SIM0000002";"SIM 0000003"', ["SIM0000001", "SIM0000002", "SIM 0000003"]),
        ("]C1SIM0000001 ]Q1SIM0000002", ["SIM0000001", "SIM0000002"]),
        ("1 SIM0000001 2 SIM0000002", ["SIM0000001", "SIM0000002"]),
        ("1. SN: SIM0000001\n2. SN: SIM 0000002", ["SIM0000001", "SIM 0000002"]),
        ("SIM0000001 SPH5000, SIM0000002", ["SIM0000001 SPH5000", "SIM0000002"]),
    ],
)
def test_blanks_part_serial_numbers_where_each_could_be_one(text: str, parts: list[str]) -> None:
    assert split_serials(text) == parts


async def test_no_serial_number_is_taken_twice(hass: HomeAssistant, cloud: Simulator) -> None:
    """Neither in one text nor by two accounts, even of one that is not loaded."""
    entry = await add_account(hass, cloud, account_id=RESIDENT_ID)
    cloud.growatt.add_device("THERE00001")
    await track(entry, "THERE00001")
    await hass.config_entries.async_unload(entry.entry_id)
    for texts, key, told in (
        (["SIM0000001", "sim 0000001"], "serial_repeated", "SIM0000001"),
        (["SIM0000001", "there00001"], "already_tracked", f"THERE00001 ({entry.title})"),
    ):
        with pytest.raises(SerialError) as caught:
            check_serials(hass, texts, most=10)
        assert (caught.value.key, caught.value.placeholders["serials"]) == (key, told)
    assert check_serials(hass, ["sim 0000001"], most=10) == ["SIM0000001"]


def test_what_is_shorter_than_usual_is_asked_about_once() -> None:
    asked: set[str] = set()
    # Where nobody knows what is usual, nothing is.
    ask_about_short(["SIM0"], 0, asked)
    with pytest.raises(SerialError) as caught:
        ask_about_short(["SIM0001", "SIM00001", "SIM0002"], 8, asked)
    assert (caught.value.key, caught.value.placeholders["serials"]) == (
        "serial_short",
        "SIM0001, SIM0002",
    )
    ask_about_short(["SIM0002", "SIM0001"], 8, asked)
    with pytest.raises(SerialError):
        ask_about_short(["SIM0001", "SIM0003"], 8, asked)
