"""What an account shows of itself: connected, and waiting to be let in."""

from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator

from .common import add_account, entries, open_reauth, submit

PASSWORD = "Not-real-1"


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    """Set the integration up, without any account."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "repairs", {})
    assert await async_setup_component(hass, DOMAIN, {})


def shown(hass: HomeAssistant, key: str) -> str | None:
    """Return what an entity of the only account shows, None when there is none."""
    (entry,) = entries(hass)
    unique_id = f"{entry.entry_id}_{key}"
    entity_id = er.async_get(hass).async_get_entity_id("binary_sensor", DOMAIN, unique_id)
    state = hass.states.get(entity_id) if entity_id is not None else None
    return state.state if state is not None else None


async def register(hass: HomeAssistant, cloud: Simulator) -> dict[str, Any]:
    site = {"provider": "shopxo", "server": cloud.url, "form": "username"}
    picture = await hass.services.async_call(
        DOMAIN, "get_captcha", site, blocking=True, return_response=True
    )
    assert picture is not None
    challenge = str(picture["challenge_id"])
    response = await hass.services.async_call(
        DOMAIN,
        "register_account",
        {
            **site,
            "username": "alice",
            "password": PASSWORD,
            "challenge_id": challenge,
            "captcha": cloud.captchas[challenge],
        },
        blocking=True,
        return_response=True,
    )
    assert response is not None
    await hass.async_block_till_done()
    return dict(response)


async def test_an_account_that_waits_for_its_review(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.shopxo.review = True
    made = await register(hass, cloud)
    assert made["activation_pending"] is True
    assert shown(hass, "activation_pending") == "on"
    assert shown(hass, "connected") == "off"
    (entry,) = entries(hass)
    issue = f"activation_pending_{entry.entry_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None
    # Nothing is asked of the site meanwhile.
    cloud.calls.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert list(cloud.calls) == []

    # The repair leads into the dialog to sign in.
    repairs = repairs_flow_manager(hass)
    assert repairs is not None
    for _ in range(2):  # a person may leave the dialog and come back
        asked = await repairs.async_init(DOMAIN, data={"issue_id": issue})
        assert asked["step_id"] == "confirm"
        result = await repairs.async_configure(asked["flow_id"], {})
        assert result["reason"] == "sign_in"
        kind, flow_id = result["next_flow"]
        assert kind == "config_flow"
        (reauth,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
        assert reauth["flow_id"] == flow_id

    # Gateway takes nothing secret there, so the dialog begins with the sign-in itself.
    dialog = await hass.config_entries.flow.async_configure(flow_id)

    # Too early: the site says so, and the same form works once it is done.
    assert dialog["step_id"] == "link_form"
    dialog = await sign_in(hass, cloud, dialog)
    assert dialog["errors"] == {"base": "account_not_active"}
    cloud.shopxo.approve("alice")
    dialog = await sign_in(hass, cloud, dialog)
    assert dialog["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert shown(hass, "activation_pending") == "off"
    assert shown(hass, "connected") == "on"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is None


async def test_an_account_that_is_removed_while_its_repair_is_open(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await reviewed(hass, cloud)
    repairs = repairs_flow_manager(hass)
    assert repairs is not None
    issue = f"activation_pending_{entry.entry_id}"
    asked = await repairs.async_init(DOMAIN, data={"issue_id": issue})
    await hass.config_entries.async_remove(entry.entry_id)
    result = await repairs.async_configure(asked["flow_id"], {})
    assert result["type"] == "create_entry"


async def reviewed(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of a new account that its portal still reviews."""
    cloud.shopxo.review = True
    await register(hass, cloud)
    (entry,) = entries(hass)
    return entry


async def sign_in(hass: HomeAssistant, cloud: Simulator, dialog: Any) -> Any:
    answer = list(cloud.captchas.values())[-1]
    return await submit(hass, dialog, login="alice", password=PASSWORD, captcha=answer)


async def test_an_account_that_cannot_bind_shows_no_association(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    made = await register(hass, cloud)
    assert made["activation_pending"] is False
    assert shown(hass, "association_pending") is None
    assert shown(hass, "activation_pending") == "off"
    assert shown(hass, "connected") == "on"


async def test_growatt_has_nothing_to_activate(hass: HomeAssistant, cloud: Simulator) -> None:
    await add_account(hass, cloud)
    assert shown(hass, "activation_pending") is None
    assert shown(hass, "association_pending") == "off"
    assert shown(hass, "connected") == "on"


async def test_signing_in_again_at_a_portal_that_does_not_answer(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await reviewed(hass, cloud)
    # As it begins, and when a person opens it.
    cloud.faults.add("*", kind="firewall", times=2)
    dialog = await open_reauth(hass, entry)
    assert (dialog["step_id"], dialog["errors"]) == ("reauth_confirm", {"base": "blocked"})
    cloud.shopxo.approve("alice")
    dialog = await submit(hass, dialog)
    assert dialog["step_id"] == "link_form"
    dialog = await sign_in(hass, cloud, dialog)
    assert dialog["reason"] == "reauth_successful"
