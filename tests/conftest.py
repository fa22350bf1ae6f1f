"""What every test shares."""

from collections.abc import Generator

from hypothesis import HealthCheck, settings
import pytest

# Before the harness's own folder of that name can shadow ours.
import custom_components.growatt_onboarding  # noqa: F401

pytest_plugins = ["tests.simulator.fixtures"]

# The same examples every time: a failure found once is found again.
settings.register_profile(
    "reproducible",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("reproducible")


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> Generator[None]:
    """Let Home Assistant find the integration."""
    yield
