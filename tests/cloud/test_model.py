"""What a page of devices says about the next one."""

import pytest

from custom_components.growatt_onboarding.cloud.model import MAX_PAGES, Sighting, SightingPage


@pytest.mark.parametrize(
    ("serials", "more", "shown", "has_next"),
    [
        ("AB", True, "", True),
        ("AB", False, "", False),
        ("AB", True, "AC", True),
        # It only repeats others, as it may without end.
        ("AB", True, "ABC", False),
        # What it left out may not matter.
        ("", True, "AB", True),
    ],
)
def test_has_next(serials: str, *, more: bool, shown: str, has_next: bool) -> None:
    page = SightingPage(tuple(map(Sighting, serials)), more)
    assert page.has_next(2, frozenset(shown)) is has_next


@pytest.mark.parametrize("serials", ["AB", ""])
def test_no_list_goes_on_for_ever(serials: str) -> None:
    page = SightingPage(tuple(map(Sighting, serials)), more=True)
    assert page.has_next(MAX_PAGES - 1, frozenset())
    assert not page.has_next(MAX_PAGES, frozenset())
