"""What is known of a denial outlives every restart, until somebody signs in."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import AccessDeniedError
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.provider import Capability
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import async_get_shared_data
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET

from .common import (
    NEW_ACCOUNT,
    RESIDENT_ID,
    RESIDENT_PLANT,
    account_entry,
    act,
    add_account,
    add_fake_account,
    close,
    count_setups,
    entries,
    fails,
    open_inverters,
    open_reconfigure,
    own_address,
    refused,
    submit,
    track,
    until,
)
from .fake_provider import FakeCloud
from .restart import next_start

SN = "SIM0000001"
EMAIL = "alice@example.com"
PASSWORD = "Not-a-real-one-1"


def connected(hass: HomeAssistant, entry: ConfigEntry) -> str | None:
    """Return what *Connected* shows."""
    unique_id = f"{entry.entry_id}_connected"
    entity_id = er.async_get(hass).async_get_entity_id("binary_sensor", DOMAIN, unique_id)
    state = hass.states.get(entity_id or "")
    return state.state if state is not None else None


def reauths(hass: HomeAssistant, entry: ConfigEntry) -> list[dict[str, Any]]:
    """Return the open dialogs that ask to sign in again."""
    return [dict(flow) for flow in entry.async_get_active_flows(hass, {SOURCE_REAUTH})]


async def denied_at_growatt(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return an account whose token was revoked, which a person has noticed; nothing is pending."""
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    del cloud.growatt.tokens[END_USER_TOKEN]
    await fails(hass, "list_plants", "invalid_token", config_entry_id=entry.entry_id)
    return entry


async def quectel_account(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return an account that has signed in with a password."""
    cloud.quectel.add_user(EMAIL, password=PASSWORD)
    provider = registry.provider("quectel")
    entered = {"user_domain": USER_DOMAIN, "user_domain_secret": USER_DOMAIN_SECRET}
    target = Target(provider, cloud.url, provider.credentials(entered))
    client = target.client(await async_get_shared_data(hass))
    (form,) = (await client.test()).link
    (account,) = await client.link(form, {"email": EMAIL, "password": PASSWORD})
    entry = account_entry(target, account)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def denied_at_quectel(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return an account whose session has ended; the inverter that showed it is removed."""
    entry = await quectel_account(hass, cloud)
    cloud.quectel.add_device(SN)
    cloud.quectel.tokens.clear()
    await track(entry, SN, plant_id=PRODUCT_KEY)
    await until(lambda: reauths(hass, entry))
    for subentry_id in list(entry.subentries):
        hass.config_entries.async_remove_subentry(entry, subentry_id)
    await hass.async_block_till_done()
    return entry


@dataclass
class Case:
    """How an account comes to be denied, and what signs in again."""

    provider: str
    deny: Callable[[HomeAssistant, Simulator], Awaitable[ConfigEntry]]
    # What is typed into the dialog, step by step.
    steps: tuple[dict[str, str], ...]


CASES = [
    Case("growatt", denied_at_growatt, ({"token": END_USER_TOKEN},)),
    Case("quectel", denied_at_quectel, ({}, {"email": EMAIL, "password": PASSWORD})),
]


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    """Set the integration up, without any account."""
    assert await async_setup_component(hass, DOMAIN, {})


@asynccontextmanager
async def set_up_again(hass: HomeAssistant, entry: ConfigEntry) -> AsyncGenerator[HomeAssistant]:
    """Take the account down and set it up again, with no dialog left."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    for flow in reauths(hass, entry):
        hass.config_entries.flow.async_abort(flow["flow_id"])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    yield hass


@asynccontextmanager
async def started_again(hass: HomeAssistant, entry: ConfigEntry) -> AsyncGenerator[HomeAssistant]:
    """Start another Home Assistant from what this one has stored, as after a restart."""
    async with next_start(hass) as again:
        assert await async_setup_component(again, DOMAIN, {})
        await again.async_block_till_done()
        yield again


@pytest.mark.parametrize("restart", [set_up_again, started_again])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provider)
async def test_a_known_denial_survives_a_restart(
    hass: HomeAssistant,
    cloud: Simulator,
    case: Case,
    restart: Callable[..., Any],
) -> None:
    before = await case.deny(hass, cloud)
    assert connected(hass, before) == "off"
    assert before.runtime_data.coordinator.signed_in is False
    cloud.calls.clear()
    async with restart(hass, before) as again:
        (entry,) = entries(again)
        assert entry.state is ConfigEntryState.LOADED
        assert connected(again, entry) == "off"
        assert entry.runtime_data.coordinator.signed_in is False
        (dialog,) = reauths(again, entry)
        assert not cloud.calls

        # A denial may come from the network: what was denied is tried again if it is submitted.
        cloud.growatt.add_token(END_USER_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
        result = await again.config_entries.flow.async_configure(dialog["flow_id"])
        for typed in case.steps:
            result = await submit(again, result, **typed)
        assert result["reason"] == "reauth_successful"
        await again.async_block_till_done()
        assert connected(again, entry) == "on"
        assert entry.runtime_data.coordinator.signed_in
        assert not reauths(again, entry)

        assert await again.config_entries.async_reload(entry.entry_id)
        await again.async_block_till_done()
        assert connected(again, entry) == "on"
        assert not reauths(again, entry)


async def test_the_same_token_in_the_dialog_to_reconfigure_is_tried_again(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await denied_at_growatt(hass, cloud)
    async with set_up_again(hass, entry):
        cloud.growatt.add_token(END_USER_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
        result = await open_reconfigure(hass, entry)
        # A secret that is left empty stays as it is.
        result = await submit(hass, result, **own_address(cloud.url))
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        assert connected(hass, entry) == "on"
        assert await act(hass, "list_plants", config_entry_id=entry.entry_id)


async def test_a_denial_reloads_nothing(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    setups = count_setups(monkeypatch)
    entry = await denied_at_growatt(hass, cloud)
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]


async def test_a_denied_account_is_not_asked_again(hass: HomeAssistant, cloud: Simulator) -> None:
    entry = await denied_at_growatt(hass, cloud)
    account = {"config_entry_id": entry.entry_id}
    async with set_up_again(hass, entry):
        cloud.calls.clear()
        await refused(hass, "list_plants", "not_signed_in", **account)
        plant = {"name": "Roof", "peak_power": 4}
        await refused(hass, "create_plant", "not_signed_in", **account, **plant)
        assert (await open_inverters(hass, entry))["reason"] == "not_signed_in"
        # What is to be bound is kept until somebody has signed in.
        cloud.growatt.add_device(SN)
        bind = {"plant_id": RESIDENT_PLANT, "serial_numbers": [SN]}
        response = await act(hass, "bind_device", **account, **bind)
        assert [result["state"] for result in response["results"]] == ["queued"]
        assert not cloud.calls
        cloud.growatt.add_token(END_USER_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
        (dialog,) = reauths(hass, entry)
        result = await hass.config_entries.flow.async_configure(dialog["flow_id"])
        result = await submit(hass, result, token=END_USER_TOKEN)
        assert result["reason"] == "reauth_successful"
        await hass.async_block_till_done()
        await until(lambda: entry.runtime_data.coordinator.data[SN].state == "accepted")


async def test_a_session_that_is_renewed_after_a_denial_is_kept(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = FakeCloud(capabilities=frozenset({Capability.PLANTS}))
    entry = await add_fake_account(hass, monkeypatch, portal)
    portal.fail("plants", AccessDeniedError())
    await fails(hass, "list_plants", "invalid_token", config_entry_id=entry.entry_id)
    coordinator = entry.runtime_data.coordinator
    entry.runtime_data.client.renew()
    await hass.async_block_till_done()
    assert (entry.data["session"], entry.data["denied"]) == ({"token": "renewed"}, True)
    assert entry.runtime_data.coordinator is coordinator


# Wherever it is noticed


async def noticed_by_a_dialog(hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry) -> None:
    result = await open_reconfigure(hass, entry)
    result = await submit(hass, result, **own_address(cloud.url))
    assert result["errors"] == {"token": "invalid_token"}
    close(hass, result)


async def noticed_while_signing_in(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """The token is revoked after it was tested."""
    result = await open_reconfigure(hass, entry)
    with pytest.MonkeyPatch.context() as patched:
        original = GrowattClient.test

        async def test(client: GrowattClient) -> Any:
            cloud.growatt.add_token(END_USER_TOKEN, kind="end_user", user_id=int(RESIDENT_ID))
            offer = await original(client)
            del cloud.growatt.tokens[END_USER_TOKEN]
            return offer

        patched.setattr(GrowattClient, "test", test)
        result = await submit(hass, result, **own_address(cloud.url))
    assert result["errors"] == {"base": "invalid_token"}
    close(hass, result)


async def noticed_by_an_action(hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry) -> None:
    account = {"config_entry_id": entry.entry_id}
    await fails(hass, "register_account", "invalid_token", **account, **NEW_ACCOUNT)


async def noticed_by_the_inverter_dialog(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    assert (await open_inverters(hass, entry))["reason"] == "not_signed_in"


@pytest.mark.parametrize(
    "notice",
    [
        noticed_by_a_dialog,
        noticed_while_signing_in,
        noticed_by_an_action,
        noticed_by_the_inverter_dialog,
    ],
)
async def test_wherever_a_denial_is_noticed_it_is_known_from_then_on(
    hass: HomeAssistant, cloud: Simulator, notice: Callable[..., Awaitable[None]]
) -> None:
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    del cloud.growatt.tokens[END_USER_TOKEN]
    await notice(hass, cloud, entry)
    await hass.async_block_till_done()
    assert connected(hass, entry) == "off"
    # Also where a dialog that was open meanwhile kept this one from being opened.
    assert len(reauths(hass, entry)) == 1
    async with set_up_again(hass, entry):
        assert connected(hass, entry) == "off"
        assert len(reauths(hass, entry)) == 1


async def test_a_denial_of_other_credentials_is_none_of_the_accounts(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    result = await open_reconfigure(hass, entry)
    result = await submit(hass, result, **own_address(cloud.url), token="x" * 32)
    assert result["errors"] == {"token": "invalid_token"}
    close(hass, result)
    await hass.async_block_till_done()
    there = {"server": cloud.url, "token": "x" * 32}
    await refused(hass, "register_account", "invalid_token", **there, **NEW_ACCOUNT)
    assert connected(hass, entry) == "on"
    assert not reauths(hass, entry)


async def test_a_session_is_not_denied_by_what_its_credentials_are_denied(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """The user domain's secret was changed: whoever is signed in stays so."""
    entry = await quectel_account(hass, cloud)
    cloud.quectel.add_user_domain(USER_DOMAIN, "Another-secret-0000")
    result = await open_reconfigure(hass, entry)
    result = await submit(hass, result, **own_address(cloud.url), user_domain=USER_DOMAIN)
    result = await submit(hass, result, email=EMAIL, password=PASSWORD)
    assert result["errors"] == {"base": "signature_rejected"}
    close(hass, result)
    await hass.async_block_till_done()
    assert connected(hass, entry) == "on"
    assert not reauths(hass, entry)


# Somebody signs in, or removes the account, meanwhile


@pytest.fixture
def late_denial(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return an event after which the cloud denies what it was asked before."""
    asked = asyncio.Event()

    async def plants(*_: object) -> None:
        await asked.wait()
        raise AccessDeniedError

    monkeypatch.setattr(GrowattClient, "plants", plants)
    return asked


async def test_a_late_denial_of_old_credentials_does_not_deny_the_new_ones(
    hass: HomeAssistant, cloud: Simulator, late_denial: asyncio.Event
) -> None:
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    late = hass.async_create_background_task(
        fails(hass, "list_plants", "invalid_token", config_entry_id=entry.entry_id), "late"
    )
    before = entry.runtime_data
    result = await open_reconfigure(hass, entry)
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    assert result["reason"] == "reconfigure_successful"
    await until(lambda: entry.state is ConfigEntryState.LOADED and entry.runtime_data is not before)
    late_denial.set()
    await late
    await hass.async_block_till_done()
    assert connected(hass, entry) == "on"
    assert not reauths(hass, entry)
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert connected(hass, entry) == "on"


async def test_a_denial_after_the_account_was_removed(
    hass: HomeAssistant, cloud: Simulator, late_denial: asyncio.Event
) -> None:
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    late = hass.async_create_background_task(
        fails(hass, "list_plants", "invalid_token", config_entry_id=entry.entry_id), "late"
    )
    await asyncio.sleep(0)
    await hass.config_entries.async_remove(entry.entry_id)
    late_denial.set()
    await late
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress()
