"""An account's credentials: what is sent is what is stored, and what tells ledgers apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import SharedData, async_get_shared_data
from simulator import END_USER_TOKEN, Simulator
from simulator.calls import RecordedCall
from simulator.quectel import USER_DOMAIN, USER_DOMAIN_SECRET
from tests.common import (
    RESIDENT_ID,
    entries,
    go_to,
    open_dialog,
    open_reauth,
    open_reconfigure,
    own_address,
    refused,
    submit,
)

EMAIL = "alice@example.com"
PASSWORD = "Not-a-real-one-1"

VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
BLANKS = st.text(st.sampled_from(" \t\r\n\v\u00a0\u2003\u3000"), max_size=3)
# What a field can hold, with the only spelling of it.
SPELLINGS: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "token": st.from_regex(r"[A-Za-z0-9]{32}", fullmatch=True).map(
        lambda token: (f"{{{token}}}", token)
    ),
    "user_domain": st.from_regex(r"[A-Z]\.[A-Z]{2}\.[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True).map(
        lambda domain: (domain, domain)
    ),
    "user_domain_secret": st.text(min_size=4)
    .filter(lambda secret: secret.isprintable() and secret == secret.strip())
    .map(lambda secret: (secret, secret)),
    "site_id": st.builds(
        lambda zeros, number: (f"{zeros}{number}", str(number)),
        st.text("0", max_size=3),
        st.integers(1, 10**6),
    ),
}
# What a call carries of a field.
CARRIED: dict[str, Callable[[RecordedCall], str | None]] = {
    "token": lambda call: call.token,
    "user_domain": lambda call: call.params.get("userDomain"),
    "site_id": lambda call: call.params.get("site_id"),
}


def introduce(simulator: Simulator, provider: str, credentials: Mapping[str, str]) -> None:
    """Have the cloud know these credentials, and an account to sign in to."""
    simulator.portal = provider if provider in registry.GROUPS["portal"] else None
    match provider:
        case "growatt":
            token = credentials["token"]
            simulator.growatt.add_token(token, kind="end_user", user_id=int(RESIDENT_ID))
        case "quectel":
            secret = credentials.get("user_domain_secret", "")
            domain = simulator.quectel.add_user_domain(credentials["user_domain"], secret).name
            simulator.quectel.add_user(EMAIL, password=PASSWORD, user_domain=domain)
        case "shopxo":
            simulator.shopxo.login_types = ["username"]
            simulator.shopxo.login_picture = simulator.shopxo.register_picture = False
            simulator.shopxo.code_picture = False
            if not simulator.shopxo.users:
                simulator.shopxo.add_user(username="alice", password=PASSWORD)
        case "anqicms":
            simulator.anqicms.captcha = False
            number = int(credentials.get("site_id", "1"))
            simulator.anqicms.add_site(number)
            simulator.anqicms.add_user(user_name="alice", password=PASSWORD, site_id=number)


LOGINS = {
    "growatt": {},
    "quectel": {"email": EMAIL, "password": PASSWORD},
    "shopxo": {"login": "alice", "password": PASSWORD},
    "anqicms": {"login": "alice", "password": PASSWORD},
}


@pytest.mark.parametrize("provider", registry.PROVIDER_KEYS)
@settings(max_examples=25)
@given(data=st.data())
async def test_blanks_around_credentials_make_no_others(
    hass: HomeAssistant, cloud: Simulator, provider: str, data: st.DataObject
) -> None:
    described = registry.provider(provider)
    asked = [
        field.name
        for field in described.credential_fields
        if field.required or data.draw(st.booleans(), f"has {field.name}")
    ]
    spelled = {name: data.draw(SPELLINGS[name], name) for name in asked}
    plain = {name: spelling for name, (_, spelling) in spelled.items()}
    typed = {
        name: f"{data.draw(BLANKS)}{text}{data.draw(BLANKS)}" for name, (text, _) in spelled.items()
    }
    introduce(cloud, provider, plain)
    shared = SharedData(hass)
    cloud.calls.clear()

    targets = [
        Target(described, cloud.url, described.credentials(entered)) for entered in (plain, typed)
    ]
    account = Account(id="1", name="alice")
    assert targets[0] == targets[1]
    assert targets[0].unique_id(account) == targets[1].unique_id(account)
    for target in targets:
        assert target.entry_data(account)["access"] == plain
        gateway = shared.gateway(target.provider, target.url, target.credentials)
        assert gateway is shared.gateway(described, cloud.url, described.credentials(plain))
        client = target.client(shared)
        forms = (await client.test()).link
        # Only the right secret signs in.
        assert bool(forms) is (provider != "quectel" or "user_domain_secret" in plain)
        for form in forms:
            assert await client.link(form, LOGINS[provider])
        if provider == "quectel":
            (form,) = (await client.test()).register
            await client.send_code(form, {"email": EMAIL})
    for name in plain.keys() & CARRIED.keys():
        carried = {CARRIED[name](call) for call in cloud.calls} - {None}
        assert carried == {plain[name]}


@dataclass
class Pasted:
    """Credentials as they are stored, and how they can be pasted with something around them."""

    provider: str
    stored: dict[str, str]
    ways: tuple[dict[str, str], ...]


PASTED = [
    Pasted(
        "growatt",
        {"token": END_USER_TOKEN},
        ({"token": f" {END_USER_TOKEN}\n"}, {"token": f"\t{END_USER_TOKEN}"}),
    ),
    Pasted(
        "quectel",
        {"user_domain": USER_DOMAIN, "user_domain_secret": USER_DOMAIN_SECRET},
        (
            {"user_domain": f"{USER_DOMAIN} ", "user_domain_secret": f" {USER_DOMAIN_SECRET}"},
            {"user_domain": f"\n{USER_DOMAIN}", "user_domain_secret": f"{USER_DOMAIN_SECRET}\n"},
        ),
    ),
    Pasted("anqicms", {"site_id": "7"}, ({"site_id": " 7"}, {"site_id": "007 "})),
    Pasted("shopxo", {}, ({}, {})),
]


async def sign_in(hass: HomeAssistant, result: dict[str, Any], pasted: Pasted) -> dict[str, Any]:
    """Sign in where a dialog asks for it."""
    if result["type"] is FlowResultType.FORM and result["step_id"] == "link_form":
        result = await submit(hass, result, **LOGINS[pasted.provider])
    return result


@pytest.mark.parametrize("pasted", PASTED, ids=lambda pasted: pasted.provider)
async def test_pasted_with_blanks_everything_stays_one(
    hass: HomeAssistant, cloud: Simulator, pasted: Pasted
) -> None:
    """In every dialog that takes credentials, and in the actions."""
    assert await async_setup_component(hass, DOMAIN, {})
    introduce(cloud, pasted.provider, pasted.stored)
    first, second = pasted.ways
    described = registry.provider(pasted.provider)
    address = own_address(cloud.url) if described.servers else {"address": cloud.url}

    result = await open_dialog(hass, pasted.provider)
    result = await submit(hass, result, **address, **first)
    result = await go_to(hass, result, "link")
    result = await sign_in(hass, result, pasted)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    (entry,) = entries(hass)
    assert entry.data["access"] == pasted.stored

    result = await submit(hass, await open_reconfigure(hass, entry), **address, **second)
    result = await sign_in(hass, result, pasted)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["access"] == pasted.stored

    secrets = {field.name for field in described.credential_fields if field.secret}
    result = await open_reauth(hass, entry)
    if result["step_id"] == "reauth_confirm":
        typed = {name: text for name, text in first.items() if name in secrets}
        result = await submit(hass, result, **typed)
    result = await sign_in(hass, result, pasted)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.data["access"] == pasted.stored

    there = {"provider": pasted.provider, "server": cloud.url}
    await refused(hass, "get_captcha", "no_captcha", **there, **second)

    shared = await async_get_shared_data(hass)
    # One of each software that the address could have run.
    assert len(shared._gateways) == len(registry.GROUPS[registry.group_of(pasted.provider)])
    for name in pasted.stored.keys() & CARRIED.keys():
        carried = {CARRIED[name](call) for call in cloud.calls} - {None}
        assert carried == {pasted.stored[name]}


UNUSABLE = {
    "token": ("two\nlines", "invalid_characters"),
    "user_domain": ("C.DM.1 2", "user_domain_invalid"),
    "user_domain_secret": ("two\nlines", "invalid_characters"),
    "site_id": ("seven", "invalid_site_id"),
}


@pytest.mark.parametrize(
    ("pasted", "name"),
    [(pasted, name) for pasted in PASTED for name in pasted.stored],
    ids=lambda value: value if isinstance(value, str) else value.provider,
)
async def test_what_cannot_be_a_credential_is_refused_at_its_field(
    hass: HomeAssistant, cloud: Simulator, pasted: Pasted, name: str
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    introduce(cloud, pasted.provider, pasted.stored)
    described = registry.provider(pasted.provider)
    address = own_address(cloud.url) if described.servers else {"address": cloud.url}
    text, key = UNUSABLE[name]
    bad = {**pasted.stored, name: text}

    result = await open_dialog(hass, pasted.provider)
    result = await submit(hass, result, **address, **bad)
    assert (result["step_id"], result["errors"]) == (
        registry.group_of(pasted.provider),
        {name: key},
    )
    there = {"provider": pasted.provider, "server": cloud.url}
    told = await refused(hass, "get_captcha", key, **there, **bad)
    assert told["field"] == name
    assert not cloud.calls

    result = await submit(hass, result, **address, **pasted.stored)
    result = await sign_in(hass, await go_to(hass, result, "link"), pasted)
    (entry,) = entries(hass)
    cloud.calls.clear()
    result = await submit(hass, await open_reconfigure(hass, entry), **address, **bad)
    assert (result["step_id"], result["errors"]) == (
        f"new_access_{registry.group_of(pasted.provider)}",
        {name: key},
    )
    assert not cloud.calls
    secrets = {field.name for field in described.credential_fields if field.secret}
    # A secret that is left blank stays as it is.
    kept = {field: " " if field in secrets else text for field, text in pasted.stored.items()}
    result = await sign_in(hass, await submit(hass, result, **address, **kept), pasted)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["access"] == pasted.stored

    if name in secrets:
        cloud.calls.clear()
        result = await submit(hass, await open_reauth(hass, entry), **{name: text})
        assert (result["step_id"], result["errors"]) == ("reauth_confirm", {name: key})
        assert not cloud.calls
        result = await submit(hass, result, **{name: pasted.stored[name]})
        result = await sign_in(hass, result, pasted)
        assert result["reason"] == "reauth_successful"
