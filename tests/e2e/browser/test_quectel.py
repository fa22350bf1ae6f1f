"""An app of a Quectel cloud: a code from a mail, and an account that has to sign in again."""

import pytest

from simulator import Simulator
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET
from tests.e2e.control import code_sent_to

from .dialog import INVERTER, Dialog
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

EMAIL = "jansen@example.com"
PASSWORD = "not-a-real-one"
SERIAL = "ABC0000007"
# Codes would live for minutes that pass in seconds here.
DAY = 86_400.0


async def test_a_code_from_a_mail(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.quectel.code_lifetime = DAY
    dialog = await open_app(homeowner, simulator)
    await dialog.go("register")
    await dialog.shows("register_code")
    await dialog.fill("email", EMAIL)
    await dialog.submit()
    await dialog.shows("register_form", server=simulator.url)
    await dialog.fill("password", PASSWORD)
    code = await code_sent_to(simulator, EMAIL)
    await dialog.fill("code", "000000" if code != "000000" else "111111")
    await dialog.submit()
    await dialog.refuses("code_wrong")
    await dialog.fill("code", code)
    await dialog.submit()
    await dialog.of(INVERTER).shows("serial_numbers")
    assert simulator.quectel.user_named(USER_DOMAIN, EMAIL) is not None


async def test_an_account_that_has_to_sign_in_again(
    homeowner: Homeowner, simulator: Simulator
) -> None:
    simulator.quectel.add_user(EMAIL, password=PASSWORD)
    simulator.quectel.add_device(SERIAL)
    dialog = await open_app(homeowner, simulator)
    await dialog.go("link")
    await dialog.shows("link_form", server=simulator.url)
    await dialog.fill("email", EMAIL)
    await dialog.fill("password", PASSWORD)
    await dialog.submit()
    await add_an_inverter(dialog.of(INVERTER))

    simulator.quectel.tokens.clear()
    dialog = await homeowner.sign_in_again(EMAIL)
    await dialog.shows("reauth_confirm", name=EMAIL, server=simulator.url)
    await dialog.submit()
    await dialog.shows("link_form", server=simulator.url)
    assert await dialog.value("email").input_value() == EMAIL
    await dialog.fill("password", "of-somebody-else")
    await dialog.submit()
    await dialog.refuses("wrong_password")
    await dialog.fill("password", PASSWORD)
    await dialog.submit()
    await dialog.tells("abort.reauth_successful")
    await dialog.close()

    dialog = await homeowner.reconfigure_inverter(SERIAL)
    await dialog.shows("reconfigure", account=EMAIL, serial=SERIAL, plant=PRODUCT_KEY)
    await dialog.go("place")
    await dialog.shows("place", account=EMAIL)
    assert await dialog.value("product_key").input_value() == PRODUCT_KEY
    await dialog.leave()


async def add_an_inverter(dialog: Dialog) -> None:
    await dialog.shows("serial_numbers", most="100")
    await dialog.fill("serial_numbers", SERIAL)
    await dialog.fill("product_key", PRODUCT_KEY)
    await dialog.submit()
    await dialog.ends("waiting", accepted=SERIAL)
    await dialog.close()


async def open_app(homeowner: Homeowner, simulator: Simulator) -> Dialog:
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    await dialog.go("app_cloud")
    await dialog.shows("app_cloud")
    await dialog.pick("server", "own_address")
    await dialog.fill("user_domain", USER_DOMAIN)
    await dialog.fill("user_domain_secret", USER_DOMAIN_SECRET)
    await dialog.submit()
    await dialog.shows("address")
    await dialog.fill("address", simulator.url)
    await dialog.submit()
    await dialog.shows("method", server=simulator.url)
    return dialog
