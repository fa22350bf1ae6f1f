"""What a page of devices says about the next one."""

import pytest

from custom_components.growatt_onboarding.cloud.model import Sighting, SightingPage


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
    assert page.has_next(frozenset(shown)) is has_next
