"""One of several sites of an address: which one it is, and that each account is added once."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from simulator import Simulator
from tests.common import entries, open_dialog, shown_values, submit

PASSWORD = "Not-real-1"
EMAIL = "alice@example.com"

type Result = dict[str, Any]


@pytest.fixture
def sites(cloud: Simulator) -> Simulator:
    """Return an address with two sites, of which each has its own alice, with the same number."""
    cloud.anqicms.add_site(2)
    for number in (1, 2):
        cloud.anqicms.add_user(user_name="alice", email=EMAIL, password=PASSWORD, site_id=number)
    return cloud


async def open_site(hass: HomeAssistant, sites: Simulator, **number: str) -> Result:
    sites.portal = "anqicms"
    result = await open_dialog(hass, "anqicms")
    result = await submit(hass, result, address=sites.url, **number)
    assert result["step_id"] == "method"
    return result


async def link(hass: HomeAssistant, sites: Simulator, **number: str) -> Result:
    result = await submit(hass, await open_site(hass, sites, **number), next_step_id="link")
    return await submit(hass, result, login="alice", password=PASSWORD)


@pytest.mark.parametrize(
    ("number", "shown", "shown_if_open"),
    [
        ({}, "", ""),
        ({"site_id": "2"}, " (2)", " (2: Simulated site 2)"),
        # As an unknown site answers as the first one.
        ({"site_id": "9"}, " (9)", " (9: Simulated site)"),
    ],
)
async def test_the_site_is_shown_before_anything_is_sent(
    hass: HomeAssistant,
    sites: Simulator,
    number: dict[str, str],
    shown: str,
    shown_if_open: str,
) -> None:
    for is_open, place in ((False, shown), (True, shown_if_open)):
        sites.anqicms.api_open = is_open
        result = await open_site(hass, sites, **number)
        assert shown_values(result)["server"] == f"{sites.url}{place}"
        result = await submit(hass, result, next_step_id="register")
        result = await submit(hass, result, way="name_email")
        assert result["step_id"] == "register_form"
        assert shown_values(result)["server"] == f"{sites.url}{place}"
    assert not sites.calls.of("api/register")


async def test_what_a_site_is_called_breaks_out_of_nothing(
    hass: HomeAssistant, sites: Simulator
) -> None:
    sites.anqicms.api_open = True
    sites.anqicms.sites[2].name = "![x](http://evil.example/y) <b>Sun</b>\n" * 100
    result = await open_site(hass, sites, site_id="2")
    place = shown_values(result)["server"].removeprefix(sites.url)
    assert place.startswith(" (2: ")
    assert "Sun" in place
    assert not set("[]<>\n") & set(place)
    assert "evil" not in place
    assert len(place) < 250


@pytest.mark.parametrize("first", [{}, {"site_id": "1"}, {"site_id": "9"}])
async def test_one_account_is_one_entry_whatever_the_number(
    hass: HomeAssistant, sites: Simulator, first: dict[str, str]
) -> None:
    result = await link(hass, sites, **first)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    before = dict(result["data"])
    numbers: list[dict[str, str]] = [{}, {"site_id": "1"}, {"site_id": "9"}, {"site_id": "8"}]
    for number in numbers:
        result = await link(hass, sites, **number)
        assert result["reason"] == "already_configured"
    (entry,) = entries(hass)
    assert {**entry.data, "asked_at": None} == {**before, "asked_at": None}

    # The other site has an account of its own, of the same name and number.
    result = await link(hass, sites, site_id="2")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert [one.data["account_id"] for one in entries(hass)] == ["1000", "1000"]


async def test_an_account_that_waits_at_another_number_is_completed(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.anqicms.signup_verify = True
    result = await submit(hass, await open_site(hass, cloud, site_id="9"), next_step_id="register")
    result = await submit(hass, result, way="name_email")
    result = await submit(hass, result, username="alice", password=PASSWORD, email=EMAIL)
    assert result["description"] == "activation_pending"
    entry = result["result"]
    cloud.anqicms.sites[1].users[1000].email_verified = True
    result = await link(hass, cloud)
    assert result["reason"] == "reauth_successful"
    assert entries(hass) == [entry]
    assert entry.data["access"] == {"site_id": "9"}
    assert entry.data["session"]
    assert not entry.data["activation_pending"]


async def test_a_site_that_cannot_be_compared_makes_another_entry(
    hass: HomeAssistant, sites: Simulator
) -> None:
    await link(hass, sites)
    sites.faults.add("api/user/detail", kind="http_500")
    result = await link(hass, sites, site_id="9")
    assert result["type"] is FlowResultType.CREATE_ENTRY
