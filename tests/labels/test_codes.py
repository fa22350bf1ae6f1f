"""What the codes of labels say, and what of it is a serial number."""

import string

from hypothesis import given, strategies as st
import pytest

from custom_components.growatt_onboarding.account.serials import is_serial
from custom_components.growatt_onboarding.labels.codes import serials_in_code

SN, SN2 = "ABC0000001", "XYZ1234DEF"
MAC = "A0:B1:C2:D3:E4:F5"


@pytest.mark.parametrize(
    "text",
    [
        SN,
        f" {SN}\n",
        f"SN:{SN}",
        f"sn={SN}",
        f"S/N: {SN}",
        f"SN {SN}",
        f"SPH:{SN}",
        f"Serial number: {SN}",
        f"SN:{SN.lower()}",
        f"SN:{SN};PN:12345678;MAC:{MAC}",
        f"MAC: {MAC} Model: MIN 6000TL-X SN: {SN}",
        f"Type SPH5000\nS/N {SN}\nDate 20260101",
        f'{{"mac": "{MAC}", "sn": "{SN}"}}',
        f"https://device.example/?lang=en&sn={SN}",
        f"https://device.example/?deviceSn={SN}&pn=12345678",
        f"HTTPS://DEVICE.EXAMPLE/{SN}",
        f"https://device.example/sn/{SN}/",
        f"https://device.example/#/add?serialNumber={SN}",
        f"https://device.example/ SN:{SN}",
    ],
)
def test_a_number(text: str) -> None:
    assert serials_in_code(text) == ([SN], [])


def test_several_numbers_each_once() -> None:
    assert serials_in_code(f"SN:{SN},SN:{SN2},{SN}") == ([SN, SN2], [])
    assert serials_in_code(f"https://device.example/?sn={SN}&sn={SN2}") == ([SN, SN2], [])
    # What is certain in one place is not doubtful in another.
    assert serials_in_code(f"https://device.example/?id={SN}&sn={SN}") == ([SN], [])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("123456789012345", "123456789012345"),
        ("AB-00000001", "AB-00000001"),
        (SN.lower(), SN),
        ("SN:AB01", "AB01"),
        ("ABC00000010000001", "ABC00000010000001"),
        (f"https://device.example/?id={SN}", SN),
        # No EAN: its check digit is another one.
        ("4006381333932", "4006381333932"),
    ],
)
def test_a_doubtful_number(text: str, number: str) -> None:
    assert serials_in_code(text) == ([], [number])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "4006381333931",
        "96385074",
        MAC,
        f"MAC:{MAC}",
        MAC.replace(":", ""),
        MAC.replace(":", "-"),
        f"MAC {MAC.replace(':', '')}",
        f"PN:{SN}",
        f"P/N {SN}",
        f"Part number: {SN}",
        "12-345678-90",
        "612.34567-89",
        "MIN6000TL-X",
        "SPH10000TL3BH-UP",
        "MOD10KTL3-X",
        "MAX100KTL3LV",
        "SPF5000ES",
        "Model MIN 6000TL-X",
        "CC:1A2B3C4D",
        "1A2B3",
        "INVERTER",
        "https://shop.example/MIN6000TL-X?pn=12345678",
        "https://support.example/manuals/en",
        f"https://shop.example/pn/{SN}",
        "https://\u2100.example/x",
        "https://",
        "\0\ufffd",
    ],
)
def test_no_number(text: str) -> None:
    assert serials_in_code(text) == ([], [])


def test_a_name_is_of_one_number_only() -> None:
    assert serials_in_code(f"SN {SN} 5000") == ([SN], [])
    assert serials_in_code(f"SN {SN} 123456789") == ([SN], ["123456789"])
    assert serials_in_code(f"PN 123456789 987654321 SN {SN}") == ([SN], [])


def test_a_text_has_an_end() -> None:
    assert serials_in_code("x" * 2_000 + f" SN:{SN}") == ([], [])


numbers = st.from_regex(r"[A-Z]{3}[A-Z0-9]{5,9}[0-9]{2}", fullmatch=True).filter(
    lambda number: serials_in_code(number).certain
)


@given(numbers, st.text(string.ascii_letters, min_size=1, max_size=8))
def test_a_number_is_found_however_it_is_written(number: str, name: str) -> None:
    for text in (f"SN:{number}", f"SN {number}", f"https://a.example/{name}?sn={number}"):
        assert serials_in_code(text) == ([number], [])
    certain, doubtful = serials_in_code(f"{name}:{number}")
    assert (certain, doubtful) in (([number], []), ([], []))


@given(st.text() | st.from_regex(r"(https?://|SN:|[A-Z0-9/:=?&. ])*", fullmatch=True))
def test_whatever_a_code_says_numbers_are_serial_numbers(text: str) -> None:
    certain, doubtful = serials_in_code(text)
    every = [*certain, *doubtful]
    assert all(map(is_serial, every))
    assert len(every) == len(set(every))
