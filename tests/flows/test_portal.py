"""A portal's address tells which software it runs, and where it does not, a person is asked."""

from copy import replace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import (
    BlockedError,
    CloudError,
    NoAnswerError,
    UnreachableError,
)
from simulator import Simulator
from tests.common import (
    Result,
    entries,
    fields_of,
    is_closed,
    open_dialog,
    shown_values,
    submit,
    suggested,
)
from tests.fake_provider import URL, FakeCloud, add_provider, fake_provider
from tests.prove.world import World

PASSWORD = "Not-a-real-one-1"
# Seconds until an address that does not answer is given up.
GIVEN_UP = 8
LOOKS = {"shopxo": "/api.php", "anqicms": "/api/captcha"}
PORTALS = registry.GROUPS["portal"]


@pytest.fixture
def sites(cloud: Simulator) -> Simulator:
    """Return an address that knows alice, whatever software it runs."""
    cloud.shopxo.login_types = ["username"]
    cloud.shopxo.login_picture = cloud.anqicms.captcha = False
    cloud.shopxo.add_user(username="alice", password=PASSWORD)
    cloud.anqicms.add_user(user_name="alice", password=PASSWORD)
    return cloud


async def look_at(hass: HomeAssistant, sites: Simulator, **more: str) -> Result:
    return await submit(hass, await open_dialog(hass, PORTALS[0]), address=sites.url, **more)


async def sign_in(hass: HomeAssistant, result: Result, provider: str) -> None:
    """Sign in, which only works with the software that the portal runs."""
    assert result["step_id"] == "method", result
    result = await submit(hass, result, next_step_id="link")
    result = await submit(hass, result, login="alice", password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    (entry,) = entries(hass)
    assert entry.data["provider"] == provider


def fail(sites: Simulator, kind: str, *providers: str, **options: Any) -> None:
    for provider in providers:
        sites.faults.add(LOOKS[provider], kind=kind, **options)


# What is asked for


async def test_there_is_one_form_for_all_portals(hass: HomeAssistant) -> None:
    result = await open_dialog(hass, "anqicms")
    assert fields_of(result) == ["address", "more: site_id"]
    assert is_closed(result)
    assert (await open_dialog(hass, "shopxo"))["step_id"] == result["step_id"] == "portal"


@pytest.mark.parametrize("provider", PORTALS)
async def test_the_address_tells_the_software(
    hass: HomeAssistant, sites: Simulator, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    sites.portal = provider
    result = await look_at(hass, sites)
    # Looking changes nothing: pages are fetched, as by any browser, and only a few.
    assert {call.method for call in sites.calls} == {"GET"}
    assert len(sites.calls) <= 3
    # That there is no other software is no fault of the portal.
    assert "cannot be reached" not in caplog.text
    await sign_in(hass, result, provider)


async def test_a_number_of_a_site_is_used_where_the_portal_knows_such_numbers(
    hass: HomeAssistant, sites: Simulator
) -> None:
    sites.portal = "anqicms"
    result = await look_at(hass, sites, site_id="x")
    assert result["errors"] == {"site_id": "invalid_site_id"}
    assert suggested(result) == {"address": sites.url, "site_id": "x"}
    # The front end shows no error in a section.
    assert fields_of(result) == ["address", "site_id"]
    assert not sites.calls
    result = await submit(hass, result, address=sites.url, site_id="1")
    assert shown_values(result)["server"] == f"{sites.url} (1)"
    await sign_in(hass, result, "anqicms")


# Where it cannot be told


@pytest.mark.parametrize("provider", PORTALS)
async def test_an_address_that_answers_as_both_is_asked_about(
    hass: HomeAssistant, sites: Simulator, provider: str
) -> None:
    result = await look_at(hass, sites)
    assert result["step_id"] == "software"
    assert shown_values(result) == {"server": sites.url}
    assert result["data_schema"].schema["provider"].config["options"] == list(PORTALS)
    await sign_in(hass, await submit(hass, result, provider=provider), provider)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("hang", {}),
        ("cut", {}),
        ("firewall", {}),
        ("http_500", {}),
        ("code", {"code": 429, "msg": "slow down"}),
    ],
)
async def test_one_look_that_proves_nothing(
    hass: HomeAssistant, sites: Simulator, kind: str, options: dict[str, Any]
) -> None:
    sites.portal = "shopxo"
    fail(sites, kind, "shopxo", **options)
    result = await look_at(hass, sites)
    assert result["step_id"] == "software"
    await sign_in(hass, await submit(hass, result, provider="shopxo"), "shopxo")


async def test_the_wrong_choice_leads_back_to_the_address(
    hass: HomeAssistant, sites: Simulator
) -> None:
    sites.portal = "anqicms"
    fail(sites, "http_500", "anqicms")
    result = await look_at(hass, sites, site_id="1")
    result = await submit(hass, result, provider="shopxo")
    assert (result["step_id"], result["errors"]) == ("portal", {"address": "web_page"})
    assert suggested(result) == {"address": sites.url, "site_id": "1"}
    result = await submit(hass, result, **suggested(result))
    await sign_in(hass, result, "anqicms")


async def test_a_portal_that_is_closed_says_so(hass: HomeAssistant, sites: Simulator) -> None:
    sites.portal = "shopxo"
    fail(sites, "code", "shopxo", code=-10000, msg="closed", times=2)
    result = await submit(hass, await look_at(hass, sites), provider="shopxo")
    assert (result["step_id"], result["errors"]) == ("portal", {"address": "site_closed"})
    await sign_in(hass, await submit(hass, result, address=sites.url), "shopxo")


# Where no choice would help


@pytest.mark.parametrize("kind", ["login_page", "garbage", "empty", "not_object", "data_empty"])
async def test_an_address_that_answers_anything_with_success_is_no_portal(
    hass: HomeAssistant, sites: Simulator, kind: str
) -> None:
    fail(sites, kind, *PORTALS)
    result = await look_at(hass, sites)
    assert (result["step_id"], result["errors"]) == ("portal", {"address": "portal_unknown"})
    assert suggested(result) == {"address": sites.url}
    sites.portal = "shopxo"
    await sign_in(hass, await submit(hass, result, address=sites.url), "shopxo")


@pytest.mark.parametrize(
    ("kind", "error"),
    [("redirect", "redirected"), ("http_500", "server_error"), ("firewall", "blocked")],
)
async def test_what_both_looks_end_with_is_told(
    hass: HomeAssistant, sites: Simulator, kind: str, error: str
) -> None:
    fail(sites, kind, *PORTALS)
    result = await look_at(hass, sites)
    assert (result["step_id"], result["errors"]) == ("portal", {"address": error})
    sites.portal = "anqicms"
    await sign_in(hass, await submit(hass, result, address=sites.url), "anqicms")


async def test_an_address_where_nothing_is(hass: HomeAssistant, sites: Simulator) -> None:
    url = sites.url
    await sites.stop()
    result = await submit(hass, await open_dialog(hass, "shopxo"), address=url)
    assert (result["step_id"], result["errors"]) == ("portal", {"address": "cannot_connect"})
    assert suggested(result) == {"address": url}
    await sites.start(int(url.rpartition(":")[2]))
    sites.portal = "shopxo"
    await sign_in(hass, await submit(hass, result, address=url), "shopxo")


@pytest.mark.parametrize(
    ("address", "error"),
    [
        (" ", "required"),
        ("http://portal.example.com", "insecure_url"),
        ("ftp://portal.example.com", "invalid_url"),
    ],
)
async def test_a_bad_address_stands_at_its_field(
    hass: HomeAssistant, sites: Simulator, address: str, error: str
) -> None:
    result = await submit(hass, await open_dialog(hass, "shopxo"), address=address, site_id="3")
    assert (result["step_id"], result["errors"]) == ("portal", {"address": error})
    assert suggested(result) == {"address": address, "site_id": "3"}
    assert not sites.calls
    sites.portal = "anqicms"
    result = await submit(hass, result, address=sites.url, site_id="1")
    await sign_in(hass, result, "anqicms")


async def test_an_address_that_does_not_answer_is_given_up_soon(world: World) -> None:
    hass, sites, clock = world.hass, world.simulator, world.clock
    fail(sites, "hang", *PORTALS)
    began = clock.passed
    result = await look_at(hass, sites)
    assert GIVEN_UP <= clock.passed - began < GIVEN_UP + 2
    assert result["errors"] == {"address": "no_answer"}
    sites.portal = "anqicms"
    assert (await submit(hass, result, address=sites.url))["step_id"] == "method"


# Any providers


OURS, OTHERS, UNTOLD = True, False, None
Seen = bool | CloudError | None


@pytest.mark.parametrize(
    ("seen", "step_id", "error"),
    [
        ((OURS, OTHERS), "method", None),
        ((OURS, UNTOLD), "method", None),
        ((BlockedError(), OURS), "method", None),
        ((OURS, OURS), "software", None),
        ((UNTOLD, UNTOLD), "software", None),
        ((OTHERS, UNTOLD), "software", None),
        ((NoAnswerError(), OTHERS), "software", None),
        ((OTHERS, OTHERS), "portal", "portal_unknown"),
        ((UnreachableError(), NoAnswerError()), "portal", "cannot_connect"),
    ],
)
async def test_what_follows_from_two_looks(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    seen: tuple[Seen, Seen],
    step_id: str,
    error: str | None,
) -> None:
    clouds = FakeCloud(), FakeCloud()
    for cloud, key, found in zip(clouds, ("fake", "other"), seen, strict=True):
        add_provider(monkeypatch, replace(fake_provider(cloud), key=key))
        if isinstance(found, CloudError):
            cloud.fail("recognize", found)
        else:
            cloud.recognized = found
    monkeypatch.setattr(registry, "GROUPS", {"portal": ("fake", "other")})
    result = await submit(hass, await open_dialog(hass, "other"), address=URL)
    assert result["step_id"] == step_id
    assert (result.get("errors") or {}) == ({} if error is None else {"address": error})
    if step_id == "portal":
        clouds[0].recognized, clouds[1].recognized = OURS, OTHERS
        result = await submit(hass, result, address=URL)
    elif step_id == "software":
        result = await submit(hass, result, provider="other")
    assert result["step_id"] == "method"
