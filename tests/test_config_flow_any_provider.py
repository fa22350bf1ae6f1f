"""The dialogs with a provider that they know only by its fields and capabilities."""

import asyncio
from base64 import b64encode
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import (
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
    RateLimitedError,
    TakenError,
    UnreachableError,
)
from custom_components.growatt_onboarding.cloud.model import Account, Plant
from custom_components.growatt_onboarding.cloud.provider import (
    CAPTCHA_FIELD,
    CODE_FIELD,
    NEW_PASSWORD_FIELD,
    USERNAME_FIELD,
    Agreement,
    AgreementKind,
    Capability,
    Field,
    Offer,
)
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN, SUBENTRY_INVERTER
from simulator import Simulator

from .common import (
    UNLIMITED,
    account_entry,
    count_setups,
    entries,
    fields_of,
    is_closed,
    name_in_unique_id,
    open_dialog,
    open_reauth,
    shown_values,
    submit,
    suggested,
    unique_id,
)
from .fake_provider import (
    BY_EMAIL_ALONE,
    BY_NAME,
    LOGIN,
    LOGIN_BY_EMAIL,
    LOGIN_WITH_PICTURE,
    URL,
    FakeClient,
    FakeCloud,
    add_provider,
    fake_provider,
)

PASSWORD = "Not-a-real-password-1"
ACCOUNT = {"username": "alice", "password": PASSWORD}
NICKNAME = Field(name="nickname", required=False)


@pytest.fixture
def portal(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> FakeCloud:
    """Return the cloud of one more provider."""
    hass.data[DATA_TIMING] = UNLIMITED
    cloud = FakeCloud()
    add_provider(monkeypatch, fake_provider(cloud))
    return cloud


async def open_portal(hass: HomeAssistant, **credentials: str) -> dict[str, Any]:
    """Open the account dialog and choose the fake provider and its server."""
    result = await open_dialog(hass, "fake")
    return await submit(hass, result, address=URL, **credentials)


async def linked(hass: HomeAssistant, portal: FakeCloud, **credentials: str) -> ConfigEntry:
    """Return the entry of an account that was linked in the dialog."""
    portal.offer = Offer(link=(LOGIN,))
    portal.passwords["alice"] = PASSWORD
    result = await submit(hass, await open_portal(hass, **credentials), **ACCOUNT)
    entry: ConfigEntry = result["result"]
    return entry


def picture(result: dict[str, Any]) -> str:
    return result["description_placeholders"]["captcha"]


def drawn(text: str) -> str:
    return f"![captcha](data:image/png;base64,{b64encode(text.encode()).decode()})"


# What is offered


async def test_the_person_chooses_the_kind_of_cloud(hass: HomeAssistant, portal: FakeCloud) -> None:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "user")
    assert result["menu_options"] == list(registry.GROUPS)
    result = await submit(hass, result, next_step_id=registry.group_of("fake"))
    # What may stay empty is out of the way, but not a secret.
    assert fields_of(result) == ["address", "site_secret", "more: site"]
    assert is_closed(result)
    # There is no server to suggest.
    assert suggested(result) == {}


async def test_nothing_offered(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer()
    result = await open_portal(hass)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "nothing_offered"
    assert shown_values(result) == {"server": URL}


async def test_only_registration_offered(hass: HomeAssistant, portal: FakeCloud) -> None:
    terms = Agreement(AgreementKind.TERMS, "https://portal.example/terms")
    portal.offer = Offer(register=(BY_NAME,), agreements=(terms,))
    result = await open_portal(hass)
    assert result["step_id"] == "register_form"
    assert result["description_placeholders"]["agreements"] == f"- Terms of use: <{terms.page}>"


async def test_only_linking_offered(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(link=(LOGIN,))
    portal.passwords["alice"] = PASSWORD
    result = await open_portal(hass)
    assert result["step_id"] == "link_form"
    result = await submit(hass, result, username="alice", password="wrong")
    assert result["errors"] == {"password": "invalid_input"}
    assert suggested(result) == {"username": "alice", "password": "wrong"}
    result = await submit(hass, result, **ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    # A cloud that binds nothing has no inverter dialog.
    assert "next_flow" not in result


async def test_a_cloud_that_takes_no_dataloggers_leads_to_the_inverters(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.capabilities |= {Capability.BIND, Capability.PLANTS}
    portal.plants = (Plant(id="1", name="Home"),)
    entry = await linked(hass, portal)
    assert set(entry.supported_subentry_types) == {SUBENTRY_INVERTER}
    (flow,) = hass.config_entries.subentries.async_progress()
    assert (flow["handler"], flow["step_id"]) == (
        (entry.entry_id, SUBENTRY_INVERTER),
        "serial_numbers",
    )


# Pictures


async def test_a_picture_in_the_form_is_fresh_after_each_error(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    result = await open_portal(hass, site="3")
    assert picture(result) == drawn("picture 1 register")

    portal.fail("register", InvalidInputError("invalid_input", field="captcha"))
    result = await submit(hass, result, **ACCOUNT, captcha="first")
    assert result["errors"] == {"captcha": "invalid_input"}
    assert picture(result) == drawn("picture 2 register")
    # The answer belonged to the first picture.
    assert suggested(result) == ACCOUNT

    result = await submit(hass, result, **ACCOUNT, captcha="second")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (values,) = portal.registered
    assert values == {**ACCOUNT, "captcha": "second", "captcha_challenge": "challenge 2"}
    assert result["result"].unique_id == unique_id(f"fake|{URL}|3", "id of alice")


async def test_an_empty_answer_to_a_picture(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    result = await submit(hass, await open_portal(hass), **ACCOUNT, captcha=" ")
    assert result["errors"] == {"captcha": "required"}
    assert not portal.registered


async def test_a_picture_that_cannot_be_had(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    portal.fail("captcha", UnreachableError())
    result = await open_portal(hass)
    assert result["errors"] == {"base": "cannot_connect"}
    assert picture(result) == ""
    # Submitting brings the next one.
    portal.fail("register", InvalidInputError("invalid_input", field="captcha"))
    result = await submit(hass, result, **ACCOUNT, captcha="guess")
    assert picture(result) == drawn("picture 1 register")


async def test_why_a_form_was_refused_is_told_without_a_new_picture_too(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    result = await open_portal(hass)
    portal.fail("register", TakenError(field="username"))
    portal.fail("captcha", UnreachableError())
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    # There is no account to sign in to, so nothing stands before the form.
    assert result["errors"] == {"username": "username_taken", "base": "cannot_connect"}
    assert picture(result) == ""
    result = await submit(hass, result, username="bob", password=PASSWORD, captcha="text")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_picture_for_signing_in(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(link=(LOGIN_WITH_PICTURE,))
    portal.passwords["alice"] = PASSWORD
    result = await open_portal(hass)
    assert list(result["data_schema"].schema) == ["username", "password", "captcha"]
    assert picture(result) == drawn("picture 1 register")
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_picture_that_the_site_did_not_want_before(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(link=(LOGIN,))
    portal.passwords["alice"] = PASSWORD
    result = await open_portal(hass)
    assert list(result["data_schema"].schema) == ["username", "password"]
    portal.fail("link", InvalidInputError("captcha_needed", field="captcha"))
    portal.fail("test", UnreachableError())
    result = await submit(hass, result, **ACCOUNT)
    assert result["errors"] == {"base": "captcha_needed"}
    assert list(result["data_schema"].schema) == ["username", "password"]

    portal.offer = Offer(link=(LOGIN_WITH_PICTURE._replace(key="link"),))
    portal.fail("link", InvalidInputError("captcha_needed", field="captcha"))
    result = await submit(hass, result, **ACCOUNT)
    assert result["errors"] == {"base": "captcha_needed"}
    assert list(result["data_schema"].schema) == ["username", "password", "captcha"]
    assert picture(result) == drawn("picture 1 link")
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Codes


async def open_code_form(hass: HomeAssistant) -> dict[str, Any]:
    """Open the dialog and choose to register with an e-mail address."""
    result = await submit(hass, await open_portal(hass), next_step_id="register")
    assert result["step_id"] == "register"
    assert result["data_schema"].schema["way"].config["options"] == ["register", "link"]
    result = await submit(hass, result, way="link")
    assert result["step_id"] == "register_code"
    return result


async def test_a_code_is_sent_first(hass: HomeAssistant, portal: FakeCloud) -> None:
    result = await open_code_form(hass)
    assert list(result["data_schema"].schema) == ["email", "captcha"]
    assert picture(result) == drawn("picture 1 for a code")

    result = await submit(hass, result, email=" a@example.com ", captcha="text")
    assert result["step_id"] == "register_form"
    assert portal.sent == [
        {"email": "a@example.com", "captcha": "text", "captcha_challenge": "challenge 1"}
    ]
    # The code belongs to the address, so that is not asked for again.
    assert list(result["data_schema"].schema) == ["code", "password", "send_again"]

    result = await submit(hass, result, password=PASSWORD)
    assert result["errors"] == {"code": "required"}
    portal.fail("register", InvalidInputError("invalid_input", field="code"))
    result = await submit(hass, result, code="111111", password=PASSWORD)
    assert result["errors"] == {"code": "invalid_input"}
    assert suggested(result) == {"code": "111111", "password": PASSWORD}

    result = await submit(hass, result, code="222222", password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "a@example.com"
    assert portal.registered == [{"email": "a@example.com", "code": "222222", "password": PASSWORD}]


async def test_the_code_is_sent_again(hass: HomeAssistant, portal: FakeCloud) -> None:
    result = await open_code_form(hass)
    result = await submit(hass, result, email="a@exmaple.com", captcha="text")
    result = await submit(hass, result, code="111111", password=PASSWORD, send_again=True)
    assert result["step_id"] == "register_code"
    assert suggested(result) == {"email": "a@exmaple.com"}
    assert picture(result) == drawn("picture 2 for a code")
    assert not portal.registered

    portal.fail("send_code", RateLimitedError("not_now", retry_after=58.2))
    result = await submit(hass, result, email="a@example.com", captcha="text")
    assert result["step_id"] == "register_code"
    assert result["errors"] == {"base": "not_now"}
    assert result["description_placeholders"]["seconds"] == "59"
    assert result["description_placeholders"]["minutes"] == "1"
    assert suggested(result) == {"email": "a@example.com"}

    result = await submit(hass, result, email="a@example.com", captcha="text")
    assert result["step_id"] == "register_form"
    assert [values["email"] for values in portal.sent] == ["a@exmaple.com", "a@example.com"]
    # What was typed before is still there, but for the code that is out of date.
    assert suggested(result) == {"password": PASSWORD}
    result = await submit(hass, result, code="222222", password=PASSWORD)
    assert result["title"] == "a@example.com"


async def test_a_code_without_a_picture(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(register=(BY_EMAIL_ALONE,))
    result = await open_portal(hass)
    assert result["step_id"] == "register_code"
    assert list(result["data_schema"].schema) == ["email"]
    result = await submit(hass, result, email="a@example.com")
    assert portal.sent == [{"email": "a@example.com"}]


async def test_a_taken_address_is_told_before_a_code_is_sent(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.capabilities |= {Capability.CHECK_USERNAME}
    portal.taken.add("a@example.com")
    result = await open_code_form(hass)
    result = await submit(hass, result, email="a@example.com", captcha="text")
    assert (result["step_id"], result["menu_options"]) == ("taken", ["back", "link"])
    assert shown_values(result)["reason"].startswith("An account with this email address")
    assert not portal.sent
    result = await submit(hass, result, next_step_id="back")
    assert result["step_id"] == "register_code"
    assert result["errors"] == {"email": "email_taken"}
    assert suggested(result) == {"email": "a@example.com"}
    # Each picture can be answered once, and none was wasted.
    assert picture(result) == drawn("picture 2 for a code")
    result = await submit(hass, result, email="b@example.com", captcha="")
    assert result["errors"] == {"captcha": "required"}
    result = await submit(hass, result, email="b@example.com", captcha="text")
    assert result["step_id"] == "register_form"


async def test_a_taken_address_leads_to_linking_that_account(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.capabilities |= {Capability.CHECK_USERNAME}
    address = "alice@example.com"
    portal.taken.add(address)
    portal.passwords[address] = PASSWORD
    result = await open_code_form(hass)
    result = await submit(hass, result, email=address, captcha="text")
    result = await submit(hass, result, next_step_id="link")
    assert result["step_id"] == "link_form"
    assert not result["errors"]
    assert suggested(result)["username"] == address
    result = await submit(hass, result, username=address, password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_where_nobody_can_sign_in_no_step_leads_there(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(register=portal.offer.register)
    portal.capabilities |= {Capability.CHECK_USERNAME}
    portal.taken.add("a@example.com")
    result = await submit(hass, await open_portal(hass), way="link")
    result = await submit(hass, result, email="a@example.com", captcha="text")
    assert result["errors"] == {"email": "email_taken"}
    result = await submit(hass, result, email="b@example.com", captcha="text")
    assert result["step_id"] == "register_form"


async def test_an_error_about_the_address_after_the_code(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    """The address is not on this form: the error stands above it."""
    result = await open_code_form(hass)
    result = await submit(hass, result, email="a@example.com", captcha="text")
    portal.fail("register", InvalidInputError("invalid_email", field="email"))
    result = await submit(hass, result, code="111111", password=PASSWORD)
    # Whoever has only made a mistake is not asked about another account.
    assert result["errors"] == {"base": "invalid_email"}
    portal.fail("register", TakenError("email_taken", field="email"))
    result = await submit(hass, result, code="111111", password=PASSWORD)
    assert result["step_id"] == "taken"
    result = await submit(hass, result, next_step_id="back")
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "email_taken"}
    assert suggested(result) == {"code": "111111", "password": PASSWORD}


async def test_a_portal_that_takes_no_new_accounts(hass: HomeAssistant, portal: FakeCloud) -> None:
    """There is no token to enter, but whoever has an account can sign in."""
    portal.offer = Offer(register=(BY_NAME,), link=(LOGIN,))
    portal.passwords["alice"] = PASSWORD
    result = await submit(hass, await open_portal(hass), next_step_id="register")
    portal.fail("register", NotAllowedError("registration_closed"))
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert (result["step_id"], result["menu_options"]) == ("refused", ["link", "back"])
    reason = "The portal is not accepting new accounts at the moment."
    assert shown_values(result)["reason"].startswith(reason)
    result = await submit(hass, result, next_step_id="back")
    assert result["errors"] == {"base": "registration_closed"}
    assert suggested(result) == ACCOUNT
    portal.fail("register", NotAllowedError("registration_closed"))
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    result = await submit(hass, result, next_step_id="link")
    assert suggested(result) == ACCOUNT
    result = await submit(hass, result, **ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_picture_comes_last_and_the_code_first(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    fields = (CAPTCHA_FIELD, NICKNAME, USERNAME_FIELD, CODE_FIELD, NEW_PASSWORD_FIELD)
    portal.offer = Offer(register=(BY_NAME._replace(fields=fields),))
    result = await open_portal(hass)
    assert fields_of(result) == ["code", "username", "password", "more: nickname", "captcha"]


# Accounts that wait for something


@pytest.fixture
async def pending(hass: HomeAssistant, portal: FakeCloud) -> ConfigEntry:
    """Return the entry of an account that waits for an approval."""
    portal.offer = Offer(register=(BY_NAME,), link=(LOGIN,))
    portal.pending = True
    result = await submit(hass, await open_portal(hass), next_step_id="register")
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["description"] == "activation_pending"
    assert "next_flow" not in result
    assert result["data"]["activation_pending"]
    assert result["data"]["session"] is None
    (entry,) = entries(hass)
    assert entry.unique_id == unique_id(f"fake|{URL}|", name_in_unique_id("alice"))
    return entry


async def test_signing_in_ends_the_wait(
    hass: HomeAssistant, portal: FakeCloud, pending: ConfigEntry
) -> None:
    result = await open_reauth(hass, pending)
    # Nothing is asked of the cloud before somebody is there.
    assert result["step_id"] == "reauth_confirm"
    assert list(result["data_schema"].schema) == ["site_secret"]
    portal.fail("test", UnreachableError())
    result = await submit(hass, result)
    assert result["errors"] == {"base": "cannot_connect"}

    result = await submit(hass, result)
    assert result["step_id"] == "link_form"
    assert suggested(result) == {"username": "alice"}
    portal.passwords["bob"] = PASSWORD
    result = await submit(hass, result, username="bob", password=PASSWORD)
    assert result["step_id"] == "link_form"
    assert result["errors"] == {"base": "wrong_account"}
    assert result["description_placeholders"]["expected"] == "alice"
    assert result["description_placeholders"]["found"] == "bob"

    result = await submit(hass, result, **ACCOUNT)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert pending.data["account_id"] == "id of alice"
    assert pending.data["session"] == {"token": "fake"}
    assert not pending.data["activation_pending"]
    assert pending.unique_id == unique_id(f"fake|{URL}|", "id of alice")


async def test_linking_in_the_dialog_ends_the_wait_too(
    hass: HomeAssistant, portal: FakeCloud, pending: ConfigEntry
) -> None:
    result = await submit(hass, await open_portal(hass), next_step_id="link")
    result = await submit(hass, result, **ACCOUNT)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entries(hass) == [pending]
    assert pending.data["account_id"] == "id of alice"


async def test_linking_completes_an_account_that_has_its_id_already(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(register=(BY_NAME,), link=(LOGIN,))
    portal.pending = portal.tells_id = True
    result = await submit(hass, await open_portal(hass), next_step_id="register")
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    entry = result["result"]
    assert (entry.data["account_id"], entry.data["session"]) == ("id of alice", None)
    for reason in ("reauth_successful", "already_configured"):
        result = await submit(hass, await open_portal(hass), next_step_id="link")
        result = await submit(hass, result, **ACCOUNT)
        assert result["reason"] == reason
        assert entry.data["session"] == {"token": "fake"}
    assert entries(hass) == [entry]


async def test_another_account_of_the_same_portal_is_another_entry(
    hass: HomeAssistant, portal: FakeCloud, pending: ConfigEntry
) -> None:
    portal.passwords["bob"] = PASSWORD
    result = await submit(hass, await open_portal(hass), next_step_id="link")
    result = await submit(hass, result, username="bob", password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(entries(hass)) == 2


async def test_signing_in_keeps_a_secret_that_is_left_empty(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    entry = await linked(hass, portal, site_secret="first")
    result = await submit(hass, await open_reauth(hass, entry))
    result = await submit(hass, result, **ACCOUNT)
    assert entry.data["access"] == {"site_secret": "first"}
    result = await submit(hass, await open_reauth(hass, entry), site_secret="second")
    result = await submit(hass, result, **ACCOUNT)
    assert entry.data["access"] == {"site_secret": "second"}


async def test_a_renewed_session_is_stored_and_reloads_nothing(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    entry = await linked(hass, portal)
    coordinator = entry.runtime_data.coordinator
    entry.runtime_data.client.renew()
    await hass.async_block_till_done()
    assert entry.data["session"] == {"token": "renewed"}
    assert entry.runtime_data.coordinator is coordinator


@pytest.mark.parametrize("end", ["async_reload", "async_remove"])
async def test_a_session_renewed_while_the_account_is_taken_down_reloads_nothing(
    hass: HomeAssistant,
    portal: FakeCloud,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    end: str,
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def bind(client: FakeClient, *_: object) -> None:
        asked.set()
        await answer.wait()
        client.renew()

    monkeypatch.setattr(FakeClient, "bind", bind)
    portal.capabilities |= {Capability.BIND}
    entry = await linked(hass, portal)
    await entry.runtime_data.coordinator.async_track(["SIM0000001"], "plant")
    await asked.wait()
    setups = count_setups(monkeypatch)
    ended = hass.async_create_task(getattr(hass.config_entries, end)(entry.entry_id))
    await asyncio.sleep(0)
    assert entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS
    answer.set()
    await ended
    await hass.async_block_till_done()
    assert entry.data["session"] == {"token": "renewed"}
    assert len(setups) == (1 if end == "async_reload" else 0)
    assert "never retrieved" not in caplog.text


async def test_a_session_renewed_too_late_does_not_undo_a_sign_in(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    entry = await linked(hass, portal)
    before = entry.runtime_data.client
    signed_in = {**entry.data, "session": {"token": "of a new sign-in"}}
    hass.config_entries.async_update_entry(entry, data=signed_in)
    before.renew()
    await hass.async_block_till_done()
    assert entry.data == signed_in
    before.renew()
    assert entry.data == signed_in

    # While the account is not set up, what is renewed is kept all the same.
    client = entry.runtime_data.client
    assert client is not before
    await hass.config_entries.async_unload(entry.entry_id)
    client.renew()
    assert entry.data["session"] == {"token": "renewed"}


async def test_signing_in_where_it_is_not_offered(
    hass: HomeAssistant, portal: FakeCloud, pending: ConfigEntry
) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    result = await submit(hass, await open_reauth(hass, pending))
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "nothing_offered"}


async def test_signing_in_where_there_are_several_forms(
    hass: HomeAssistant, portal: FakeCloud, pending: ConfigEntry
) -> None:
    portal.offer = Offer(link=(LOGIN, LOGIN_WITH_PICTURE))
    result = await submit(hass, await open_reauth(hass, pending))
    assert result["step_id"] == "link"
    result = await submit(hass, result, way="register")
    assert result["step_id"] == "link_form"
    assert suggested(result) == {"username": "alice"}
    assert picture(result) == drawn("picture 2 register")


# A lost answer that nothing can settle


@pytest.mark.parametrize("link", [(LOGIN,), ()])
async def test_a_lost_answer_without_a_look(
    hass: HomeAssistant, portal: FakeCloud, link: tuple[Any, ...]
) -> None:
    portal.offer = Offer(register=(BY_NAME,), link=link)
    result = await open_portal(hass)
    if link:
        result = await submit(hass, result, next_step_id="register")
    portal.fail("register", NoAnswerError())
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["step_id"] == "outcome_unknown"
    assert result["menu_options"] == [*(["link"] if link else []), "register_form"]
    assert not entries(hass)
    if link:
        portal.passwords["alice"] = PASSWORD
        result = await submit(hass, result, next_step_id="link")
        assert result["step_id"] == "link_form"
        # The name and password that were typed to register.
        assert suggested(result) == ACCOUNT
        result = await submit(hass, result, **ACCOUNT)
    else:
        result = await submit(hass, result, next_step_id="register_form")
        result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(portal.registered) == (0 if link else 1)


async def test_the_name_is_known_when_signing_in_after_a_lost_answer(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(register=(BY_NAME,), link=(LOGIN_BY_EMAIL,))
    result = await submit(hass, await open_portal(hass), next_step_id="register")
    portal.fail("register", NoAnswerError())
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    result = await submit(hass, result, next_step_id="link")
    assert suggested(result) == {"email": "alice", "password": PASSWORD}


async def test_a_lost_answer_with_a_look(
    hass: HomeAssistant, portal: FakeCloud, cloud: Simulator
) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    portal.can_look = True
    portal.fail("register", NoAnswerError())
    result = await submit(hass, await open_portal(hass), **ACCOUNT, captcha="text")
    assert result["step_id"] == "outcome_unknown"
    await asyncio.sleep(905)
    result = await submit(hass, result, next_step_id="register_form")
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["errors"] == {"base": "not_registered"}
    assert not portal.registered
    result = await submit(hass, result, **ACCOUNT, captcha="text")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_same_name_on_another_site_is_another_account(
    hass: HomeAssistant, portal: FakeCloud
) -> None:
    portal.offer = Offer(register=(BY_NAME,))
    for site in ("1", "2"):
        result = await submit(hass, await open_portal(hass, site=site), **ACCOUNT, captcha="text")
        assert result["type"] is FlowResultType.CREATE_ENTRY
    unique_ids = [entry.unique_id for entry in entries(hass)]
    assert unique_ids == [
        unique_id(f"fake|{URL}|1", "id of alice"),
        unique_id(f"fake|{URL}|2", "id of alice"),
    ]
    assert not any(URL.partition("://")[2] in str(found) for found in unique_ids)


async def test_an_entry_that_cannot_be_set_up_has_no_inverter_dialog_yet(
    hass: HomeAssistant, portal: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.offer = Offer(link=(LOGIN,))
    portal.capabilities |= {Capability.BIND}
    portal.passwords["alice"] = PASSWORD

    async def broken(*_: object) -> bool:
        return False

    monkeypatch.setattr("custom_components.growatt_onboarding.async_setup_entry", broken)
    result = await submit(hass, await open_portal(hass), **ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "next_flow" not in result


def test_an_account_without_an_id_is_told_apart_by_its_name() -> None:
    target = Target(provider=fake_provider(FakeCloud()), url=URL, credentials={"site": "3"})
    entry = account_entry(target, Account(id=None, name="Alice"))
    assert entry.unique_id == unique_id(f"fake|{URL}|3", name_in_unique_id("alice"))
