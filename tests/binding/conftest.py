"""These tests are about plain Python: they need no Home Assistant."""

import pytest


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Stand in for the fixture that would start one for each test."""
