"""A customer portal made with ShopXO: a picture's text, signing in, and a review."""

import pytest

from simulator import Simulator
from tests.e2e.control import captcha_answer

from .dialog import ACCOUNT, Dialog
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Signing in at ShopXO takes 18 bytes at most.
PASSWORD = "not-a-real-one"
# Pictures would live for minutes that pass in seconds here.
DAY = 86_400


async def test_the_text_in_a_picture(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.shopxo.code_lifetime = DAY
    dialog = await open_portal(homeowner, simulator)
    await dialog.go("register")
    await dialog.shows("register")
    await dialog.choose("way", "username")
    await dialog.submit()

    await dialog.shows("register_form", server=simulator.url)
    await dialog.fill("username", "jansen")
    await dialog.fill("password", PASSWORD)
    first = await dialog.picture_on_screen()
    await dialog.keep_picture("captcha")
    await dialog.fill("captcha", "none")
    await dialog.submit()
    await dialog.refuses("captcha_wrong")
    assert await dialog.value("username").input_value() == "jansen"
    assert await dialog.value("password").input_value() == PASSWORD
    assert await dialog.value("captcha").input_value() == ""
    assert await dialog.picture_on_screen() != first

    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.has_made_the_account()
    await dialog.close()
    assert [user.username for user in simulator.shopxo.users.values()] == ["jansen"]


async def test_signing_in_to_an_account(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.shopxo.code_lifetime = DAY
    simulator.shopxo.login_picture = True
    simulator.shopxo.add_user(username="jansen", password=PASSWORD)
    dialog = await open_portal(homeowner, simulator)
    await dialog.go("link")
    await dialog.shows("link_form", server=simulator.url)
    await dialog.fill("login", "jansen")
    await dialog.fill("password", "of-somebody-else")
    await dialog.picture_on_screen()
    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.refuses("password_wrong")
    await dialog.fill("password", PASSWORD)
    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.has_made_the_account()
    await dialog.close()


async def test_an_account_that_is_reviewed(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.shopxo.code_lifetime = DAY
    simulator.shopxo.review = True
    simulator.shopxo.register_picture = False
    dialog = await open_portal(homeowner, simulator)
    await dialog.go("register")
    await dialog.shows("register")
    await dialog.choose("way", "username")
    await dialog.submit()
    await dialog.shows("register_form")
    await dialog.fill("username", "jansen")
    await dialog.fill("password", PASSWORD)
    await dialog.submit()
    await dialog.tells("create_entry.activation_pending")
    await dialog.close()
    await homeowner.open_device("jansen")
    await homeowner.sees_state("binary_sensor.activation_pending", "on")
    await homeowner.looks_right("account page")

    dialog = await homeowner.open_repair("activation_pending", "jansen")
    await dialog.shows("confirm", account="jansen")
    await dialog.submit()
    # There is nothing to ask for but the sign-in itself.
    dialog = dialog.of(ACCOUNT)
    await dialog.shows("link_form", server=simulator.url)
    assert await dialog.value("login").input_value() == "jansen"
    await dialog.fill("password", PASSWORD)
    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.refuses("account_not_active")
    simulator.shopxo.approve("jansen")
    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.tells("abort.reauth_successful")
    await dialog.close()
    await homeowner.open_device("jansen")
    await homeowner.sees_state("binary_sensor.activation_pending", "off")


async def open_portal(homeowner: Homeowner, simulator: Simulator) -> Dialog:
    simulator.portal = "shopxo"
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    await dialog.go("portal")
    await dialog.shows("portal")
    await dialog.fill("address", simulator.url)
    await dialog.submit()
    await dialog.shows("method", server=simulator.url)
    return dialog
