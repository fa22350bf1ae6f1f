"""Every country of Home Assistant in the vendor's spelling."""

from homeassistant.generated.countries import COUNTRIES as ISO_COUNTRIES
import pytest

from custom_components.growatt_onboarding.cloud.errors import InvalidInputError
from custom_components.growatt_onboarding.cloud.growatt.countries import (
    COUNTRIES,
    OTHER,
    vendor_country,
)
from simulator.growatt.cloud import COUNTRIES as VENDOR_LIST

# The mirrored list has a blank before this name, which looks like a fault of the mirroring.
VENDOR_COUNTRIES = {name.strip() for name in VENDOR_LIST}

# The vendor names these twice; the other name is the one that is used.
UNUSED = {
    "Brunei Darussalam": "Brunei",
    "Dutch Caribbean": "Bonaire",
}
# The vendor does not have these at all.
MISSING = {"CG"}  # Republic of the Congo; the vendor's Congo is the Democratic Republic


def test_every_iso_country_is_mapped() -> None:
    assert set(COUNTRIES) == set(ISO_COUNTRIES)


def test_every_spelling_is_the_vendors() -> None:
    assert set(COUNTRIES.values()) <= VENDOR_COUNTRIES


def test_every_spelling_of_the_vendor_is_used() -> None:
    """What is not used is listed above with the reason."""
    assert VENDOR_COUNTRIES - set(COUNTRIES.values()) == set(UNUSED)
    assert set(UNUSED.values()) <= set(COUNTRIES.values())


def test_no_spelling_is_used_twice() -> None:
    """Two countries never become one, and only the missing ones are "Other"."""
    assert {code for code, name in COUNTRIES.items() if name == OTHER} == MISSING
    assert len(set(COUNTRIES.values())) == len(COUNTRIES)


def test_spelling() -> None:
    odd = {
        "CI": "Ivory Coast",
        "CD": "Congo Democratic Republic",
        "CO": "Columbia",
        "CV": "Cape Verde",
        "CZ": "Czech Republic",
        "FK": "Malvinas Islands( Falkland)",
        "HK": "HongKong(China)",
        "IR": "Iran",
        "KP": "North Korea",
        "KR": "South Korea",
        "MK": "Macedonia",
        "SV": "Salvador",
        "SZ": "Swaziland",
        "TL": "East Timor",
        "TR": "Turkey",
        "VG": "The British Virgin Islands",
        "VI": "United States Virgin Islands",
        "de": "Germany",
    }
    assert {code: vendor_country(code) for code in odd} == odd


@pytest.mark.parametrize("code", ["", "XX", "Germany", "DEU"])
def test_no_country(code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        vendor_country(code)
    assert (caught.value.key, caught.value.field) == ("invalid_country", "country")
