"""Creating an account at a ShopXO portal in the dialog, whatever the portal says."""

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator
from tests.common import Result, fails, submit, until

PASSWORD = "Fake-Passw0rd"
EMAIL = "owner@example.com"
NEW = {"username": "owner01", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _without_pictures(cloud: Simulator) -> None:
    site = cloud.shopxo
    site.register_picture = site.login_picture = site.code_picture = False


async def open_shop(hass: HomeAssistant, cloud: Simulator, way: str) -> Result:
    """Open the dialog at a portal's form."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await submit(hass, result, provider="shopxo")
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
