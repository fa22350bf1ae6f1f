"""Creating an account at a ShopXO portal in the dialog, whatever the portal says."""

from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator
from tests.common import (
    Result,
    act,
    entries,
    fails,
    open_dialog,
    open_reauth,
    open_reconfigure,
    refused,
    submit,
    until,
)

PASSWORD = "Fake-Passw0rd"
EMAIL = "owner@example.com"
MOBILE = "13800138000"
NEW = {"username": "owner01", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _without_pictures(cloud: Simulator) -> None:
    site = cloud.shopxo
    site.register_picture = site.login_picture = site.code_picture = False


async def open_shop(hass: HomeAssistant, cloud: Simulator, way: str) -> Result:
    """Open the dialog at a portal's form."""
    cloud.portal = "shopxo"
    result = await open_dialog(hass, "shopxo")
    result = await submit(hass, result, address=cloud.url)
    if result["step_id"] == "method":
        result = await submit(hass, result, next_step_id="register")
    return await submit(hass, result, way=way) if result["step_id"] == "register" else result


def sent(cloud: Simulator, action: str) -> int:
    return sum(call.params.get("s") == action for call in cloud.calls)


async def test_exception_of_the_site(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own words are shown; it is no lost answer, and the site can be reached."""
    cloud.shopxo.throwing = {"user/reg": 'Undefined array key "x"'}
    result = await open_shop(hass, cloud, "username")
    result = await submit(hass, result, **NEW)
    assert result["errors"] == {"base": "site_error"}
    assert result["description_placeholders"]["message"] == 'Undefined array key "x"'
    assert "cannot be reached" not in caplog.text
    cloud.shopxo.throwing = {}
    result = await submit(hass, result, **NEW)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_exception_that_no_look_can_settle(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.shopxo.login_types = ["sms"]
    cloud.shopxo.throwing = {"user/reg": "gone away"}
    result = await submit(hass, await open_shop(hass, cloud, "username"), **NEW)
    assert result["errors"] == {"base": "site_error"}
    assert result["description_placeholders"]["message"] == "gone away"
    cloud.shopxo.throwing = {}
    result = await submit(hass, result, **NEW)
    assert result["type"] is FlowResultType.CREATE_ENTRY


# What is wrong with a name


@pytest.mark.parametrize(
    ("way", "typed", "errors"),
    [
        ("email", {"email": "not-an-address"}, {"email": "invalid_email"}),
        ("email", {"email": EMAIL}, {"email": "email_taken"}),
        ("sms", {"phone": MOBILE}, {"phone": "phone_taken"}),
        ("sms", {"phone": "call me"}, {"phone": "invalid_phone"}),
    ],
)
async def test_error_stands_at_the_address(
    hass: HomeAssistant, cloud: Simulator, way: str, typed: dict[str, str], errors: dict[str, str]
) -> None:
    """In the dialog and in the action, whichever call comes first."""
    cloud.shopxo.add_user(email=EMAIL, mobile=MOBILE)
    result = await submit(hass, await open_shop(hass, cloud, way), **typed)
    if result["step_id"] == "taken":
        result = await submit(hass, result, next_step_id="back")
    assert (result["step_id"], result["errors"]) == ("register_code", errors)
    ((field, key),) = errors.items()
    assert await async_setup_component(hass, DOMAIN, {})
    data = {"provider": "shopxo", "server": cloud.url, "form": way, **typed}
    data |= {"password": PASSWORD, "code": "1234"}
    told = await refused(hass, "register_account", key, **data)
    assert told["field"] == field
    assert not sent(cloud, "user/reg")
    right = {"email": "free@example.com"} if way == "email" else {"phone": "13900139000"}
    result = await submit(hass, result, **right)
    assert result["step_id"] == "register_form"


# The look


@pytest.mark.parametrize("way", ["sms", "email"])
async def test_site_without_passwords_to_sign_in(
    hass: HomeAssistant, cloud: Simulator, way: str
) -> None:
    """Where no look can tell whether a name is free, it is registered all the same."""
    cloud.shopxo.login_types = ["email" if way == "sms" else "sms"]
    typed = {"phone": MOBILE} if way == "sms" else {"email": EMAIL}
    result = await submit(hass, await open_shop(hass, cloud, way), **typed)
    assert result["step_id"] == "register_form"
    result = await submit(hass, result, code=cloud.mailbox[-1].code, password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_look_that_the_shape_refuses(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.shopxo.login_types = ["sms"]
    assert await async_setup_component(hass, DOMAIN, {})
    data = {"provider": "shopxo", "server": cloud.url}
    for name in ("123", "+4930123456"):
        await fails(hass, "check_username", "cannot_check_name", **data, username=name)
    result = await act(hass, "check_username", **data, username=MOBILE)
    assert result["available"]


@pytest.mark.parametrize("late", [False, True])
async def test_lost_answer_where_signing_in_takes_a_picture(
    hass: HomeAssistant,
    cloud: Simulator,
    hass_storage: dict[str, Any],
    late: bool,  # noqa: FBT001
) -> None:
    """Nobody could sign in to the account yet: that is asked for at once, and after a restart."""
    cloud.shopxo.login_picture = True
    fault: Any = {"kind": "late", "seconds": 25} if late else {"kind": "cut_after"}
    cloud.faults.add("api.php", **fault, match={"s": "user/reg"})
    result = await submit(hass, await open_shop(hass, cloud, "username"), **NEW)
    if late:
        assert result["step_id"] == "outcome_unknown"
        hass.config_entries.flow.async_abort(result["flow_id"])
        await until(lambda: entries(hass))
    await hass.async_block_till_done()
    (entry,) = entries(hass)
    assert entry.data["session"] is None
    assert not entry.data["activation_pending"]
    assert list(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    (reauth,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    result = await hass.config_entries.flow.async_configure(reauth["flow_id"])
    assert result["step_id"] == "link_form"
    picture = next(reversed(cloud.captchas.values()))
    answers = {"login": "owner01", "password": PASSWORD, "captcha": picture}
    result = await submit(hass, result, **answers)
    assert result["reason"] == "reauth_successful"
    # The account is being reloaded.
    await hass.async_block_till_done()
    assert entry.data["account_id"] == "1"
    assert not entry.data["denied"]


async def test_lost_answer_where_nobody_can_sign_in(hass: HomeAssistant, cloud: Simulator) -> None:
    """No dialog asks for what the site does not offer; once it does, signing in completes it."""
    cloud.shopxo.login_types = ["email"]
    result = await submit(hass, await open_shop(hass, cloud, "email"), email=EMAIL)
    cloud.faults.add("api.php", kind="cut_after", match={"s": "user/reg"})
    result = await submit(hass, result, code=cloud.mailbox[-1].code, password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    (entry,) = entries(hass)
    assert entry.data["session"] is None
    assert not entry.data["activation_pending"]
    assert not list(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    cloud.shopxo.login_types = ["username", "email"]
    result = await submit(hass, await open_reconfigure(hass, entry), address=cloud.url)
    result = await submit(hass, result, login=EMAIL, password=PASSWORD)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["account_id"] == "1"


async def test_session_that_ends_where_nobody_can_sign_in(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """There is nothing to fill in, so nothing of it is at fault."""
    result = await submit(hass, await open_shop(hass, cloud, "username"), **NEW)
    await hass.async_block_till_done()
    (entry,) = entries(hass)
    cloud.shopxo.login_types = ["sms"]
    result = await open_reauth(hass, entry)
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "sign_in_closed"}
    cloud.shopxo.login_types = ["username"]
    result = await submit(hass, result)
    assert result["step_id"] == "link_form"
    result = await submit(hass, result, login="owner01", password=PASSWORD)
    assert result["reason"] == "reauth_successful"


# Codes


async def test_code_that_was_not_sent(hass: HomeAssistant, cloud: Simulator) -> None:
    """The site's own words say why."""
    cloud.shopxo.sending_fails = "SMTP connect() failed"
    result = await submit(hass, await open_shop(hass, cloud, "email"), email=EMAIL)
    assert result["step_id"] == "register_code"
    assert result["errors"] == {"base": "code_not_sent_because"}
    assert "SMTP connect() failed" in result["description_placeholders"]["message"]
    cloud.shopxo.sending_fails = ""
    result = await submit(hass, result, email=EMAIL)
    assert result["step_id"] == "register_form"


async def test_code_that_comes_late(hass: HomeAssistant, cloud: Simulator) -> None:
    """A mail server may be slower than we wait; the code is good all the same."""
    cloud.faults.add("api.php", kind="late", seconds=25, match={"s": "user/regverifysend"})
    result = await submit(hass, await open_shop(hass, cloud, "email"), email=EMAIL)
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "code_may_come"}
    await until(lambda: cloud.mailbox)
    result = await submit(hass, result, code=cloud.mailbox[-1].code, password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_action_whose_code_comes_late(hass: HomeAssistant, cloud: Simulator) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    data = {"provider": "shopxo", "server": cloud.url, "email": EMAIL}
    cloud.faults.add("api.php", kind="late", seconds=25, match={"s": "user/regverifysend"})
    await fails(hass, "send_verification_code", "code_may_come", **data)
    await until(lambda: cloud.mailbox)
    told = await fails(hass, "send_verification_code", "code_too_soon", **data)
    assert told["seconds"] == "60"


async def test_code_asked_for_again_too_soon(hass: HomeAssistant, cloud: Simulator) -> None:
    """The one that was sent is good, so the form that takes it comes again."""
    result = await submit(hass, await open_shop(hass, cloud, "email"), email=EMAIL)
    result = await submit(hass, result, send_again=True, password=PASSWORD)
    assert result["step_id"] == "register_code"
    result = await submit(hass, result, email=EMAIL)
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "code_too_soon"}
    assert result["description_placeholders"]["seconds"] == "60"
    (sent_code,) = cloud.mailbox
    result = await submit(hass, result, code=sent_code.code, password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_code_asked_for_by_a_dialog_that_was_closed(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await submit(hass, await open_shop(hass, cloud, "email"), email=EMAIL)
    hass.config_entries.flow.async_abort(result["flow_id"])
    result = await submit(hass, await open_shop(hass, cloud, "email"), email=EMAIL)
    assert result["errors"] == {"base": "code_too_soon"}
    result = await submit(hass, result, code=cloud.mailbox[-1].code, password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY
