"""An account that is known by several names is the same by each of them."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator
from tests.common import NOTHING_STORED, entries, open_dialog, open_reauth, submit

PASSWORD = "Not-real-1"
EMAIL = "alice@example.com"
PHONE = "13800138000"

type Result = dict[str, Any]


@pytest.fixture
def portals(cloud: Simulator) -> Simulator:
    """Return portals that know an account by three names and show no pictures."""
    cloud.anqicms.add_user(user_name="alice", email=EMAIL, phone=PHONE, password=PASSWORD)
    cloud.shopxo.login_picture = False
    cloud.shopxo.add_user(username="alice", email=EMAIL, mobile=PHONE, password=PASSWORD)
    return cloud


def leave_unfinished(hass_storage: dict[str, Any], url: str, provider: str, name: str) -> None:
    """Leave what Home Assistant leaves when it is killed during a registration."""
    pending = {"provider": provider, "server": url, "account_name": name, "started_at": 1.0}
    registrations = {f"{provider}|{url}||{name}": pending}
    data = {**NOTHING_STORED, "registrations": registrations}
    hass_storage[DOMAIN] = {"version": 1, "minor_version": 1, "key": DOMAIN, "data": data}


def issues(hass: HomeAssistant) -> list[str]:
    return [issue for domain, issue in ir.async_get(hass).issues if domain == DOMAIN]


async def link(hass: HomeAssistant, portals: Simulator, provider: str, login: str) -> Result:
    """Link the account by one of its names."""
    portals.portal = provider
    result = await open_dialog(hass, provider)
    result = await submit(hass, result, address=portals.url)
    result = await submit(hass, result, next_step_id="link")
    return await submit(hass, result, login=login, password=PASSWORD)


@pytest.mark.parametrize("provider", ["anqicms", "shopxo"])
@pytest.mark.parametrize("registered", ["alice", EMAIL, PHONE])
@pytest.mark.parametrize("linked", ["alice", EMAIL, PHONE])
async def test_linking_by_another_name_ends_the_registration(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    portals: Simulator,
    *,
    provider: str,
    registered: str,
    linked: str,
) -> None:
    leave_unfinished(hass_storage, portals.url, provider, registered)
    assert await async_setup_component(hass, DOMAIN, {})
    assert len(issues(hass)) == 1
    result = await link(hass, portals, provider, linked)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == ("alice" if provider == "anqicms" else linked)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not issues(hass)


async def test_the_registration_of_another_account_stays(
    hass: HomeAssistant, hass_storage: dict[str, Any], portals: Simulator
) -> None:
    leave_unfinished(hass_storage, portals.url, "anqicms", "bob")
    assert await async_setup_component(hass, DOMAIN, {})
    assert (await link(hass, portals, "anqicms", EMAIL))["title"] == "alice"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(issues(hass)) == 1


@pytest.mark.parametrize("again", ["alice", EMAIL, PHONE])
async def test_signing_in_again_by_another_name(
    hass: HomeAssistant, portals: Simulator, again: str
) -> None:
    """As the entry of an account without an id tells only names."""
    portals.faults.add("api/login", kind="cut_after")
    await link(hass, portals, "anqicms", EMAIL)
    assert (await link(hass, portals, "anqicms", EMAIL))["title"] == "alice"
    (entry,) = entries(hass)
    assert set(entry.data["other_names"]) == {EMAIL, PHONE}
    unknown = {**entry.data, "account_id": None, "account_name": EMAIL, "other_names": []}
    hass.config_entries.async_update_entry(entry, data=unknown)
    await hass.async_block_till_done()
    result = await open_reauth(hass, entry)
    result = await submit(hass, result, login=again, password=PASSWORD)
    assert result["reason"] == "reauth_successful"
    assert entry.data["account_id"] == "1000"


@pytest.mark.parametrize("login", ["alice", EMAIL, PHONE])
async def test_an_account_is_linked_once(
    hass: HomeAssistant, portals: Simulator, login: str
) -> None:
    await link(hass, portals, "anqicms", EMAIL)
    result = await link(hass, portals, "anqicms", login)
    assert result["reason"] == "already_configured"


async def test_a_name_that_signs_nobody_in_names_no_account(
    hass: HomeAssistant, portals: Simulator
) -> None:
    """The dialog to sign in again suggests what the entry is called."""
    portals.anqicms.sites[1].users[1000].user_name = "me13900139000"
    result = await link(hass, portals, "anqicms", EMAIL)
    assert result["title"] == EMAIL
