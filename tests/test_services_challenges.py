"""The actions for pictures and codes, from the challenge to the account."""

from base64 import b64decode

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator
from simulator.quectel import USER_DOMAIN, USER_DOMAIN_SECRET

from .common import act, entries, fails, open_dialog, refused, submit

PASSWORD = "Not-real-1"


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    """Set the integration up, without any account."""
    assert await async_setup_component(hass, DOMAIN, {})


async def test_a_picture_is_answered(hass: HomeAssistant, cloud: Simulator) -> None:
    site = {"provider": "shopxo", "server": cloud.url, "form": "username"}
    picture = await act(hass, "get_captcha", **site)
    kind, _, data = picture["image"].partition(";base64,")
    assert kind == "data:image/gif"
    assert b64decode(data).startswith(b"GIF8")
    account = {"username": "alice", "password": PASSWORD}
    challenge = {"challenge_id": picture["challenge_id"]}

    await refused(
        hass, "register_account", "captcha_wrong", **site, **account, **challenge, captcha="0000"
    )
    assert entries(hass) == []

    picture = await act(hass, "get_captcha", **site)
    answer = cloud.captchas[picture["challenge_id"]]
    made = await act(
        hass,
        "register_account",
        **site,
        **account,
        challenge_id=picture["challenge_id"],
        captcha=answer,
    )
    assert made["account_name"] == "alice"
    (entry,) = entries(hass)
    assert made["config_entry_id"] == entry.entry_id


@pytest.mark.parametrize("challenge", [{}, {"challenge_id": " "}])
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("send_verification_code", {"form": "email", "email": "alice@example.com"}),
        ("register_account", {"form": "username", "username": "alice", "password": PASSWORD}),
    ],
)
async def test_an_answer_needs_its_picture(
    hass: HomeAssistant,
    cloud: Simulator,
    action: str,
    data: dict[str, str],
    challenge: dict[str, str],
) -> None:
    site = {"provider": "shopxo", "server": cloud.url}
    told = await refused(hass, action, "required", **site, **data, **challenge, captcha="2345")
    assert told == {"field": "challenge_id", "said": ""}
    assert len(cloud.calls) == 0


async def test_a_site_that_does_not_tell_whether_a_name_is_free(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.shopxo.login_types = ["sms"]
    cloud.shopxo.register_picture = False
    cloud.shopxo.add_user(username="bob")
    site = {"provider": "shopxo", "server": cloud.url}
    await fails(hass, "check_username", "cannot_check_name", **site, username="alice")

    # The registration itself says so, before it creates anything.
    account = {**site, "form": "username", "password": PASSWORD}
    await refused(hass, "register_account", "username_taken", **account, username="bob")
    made = await act(hass, "register_account", **account, username="alice")
    assert made["account_name"] == "alice"
    assert len(entries(hass)) == 1


async def test_a_dialog_of_a_site_that_does_not_tell_whether_a_name_is_free(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.shopxo.login_types = ["sms"]
    cloud.shopxo.register_types = ["username"]
    cloud.shopxo.register_picture = False
    cloud.portal = "shopxo"
    result = await open_dialog(hass, "shopxo")
    result = await submit(hass, result, address=cloud.url)
    assert result["step_id"] == "register_form"
    result = await submit(hass, result, username="alice", password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_code_is_sent_after_a_picture(hass: HomeAssistant, cloud: Simulator) -> None:
    site = {"provider": "shopxo", "server": cloud.url, "form": "email"}
    email = {"email": "alice@example.com"}
    picture = await act(hass, "get_captcha", **site)
    sent = await act(
        hass,
        "send_verification_code",
        **site,
        **email,
        challenge_id=picture["challenge_id"],
        captcha=cloud.captchas[picture["challenge_id"]],
    )
    assert sent == {"sent_to": "alice@example.com"}
    code = cloud.mailbox[-1].code
    made = await act(hass, "register_account", **site, **email, password=PASSWORD, code=code)
    assert made["config_entry_id"] == entries(hass)[0].entry_id


async def test_a_code_without_a_picture(hass: HomeAssistant, cloud: Simulator) -> None:
    app = {
        "provider": "quectel",
        "server": cloud.url,
        "user_domain": USER_DOMAIN,
        "user_domain_secret": USER_DOMAIN_SECRET,
    }
    await refused(hass, "get_captcha", "no_captcha", **app)
    told = await refused(hass, "send_verification_code", "required", **app)
    assert told["field"] == "email"

    await act(hass, "send_verification_code", **app, email="alice@example.com")
    code = cloud.mailbox[-1].code
    made = await act(
        hass, "register_account", **app, email="alice@example.com", password=PASSWORD, code=code
    )
    assert made["account_name"] == "alice@example.com"
    assert len(cloud.calls.of("emailPwdRegister")) == 1


async def test_where_no_code_is_sent(hass: HomeAssistant, cloud: Simulator) -> None:
    site = {"provider": "shopxo", "server": cloud.url, "form": "username"}
    await refused(hass, "send_verification_code", "nothing_offered", **site)
