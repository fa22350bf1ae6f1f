"""Portals and apps that want to know who is there: a picture's text, a code from a mail."""

import pytest

from simulator import Simulator
from simulator.quectel import USER_DOMAIN, USER_DOMAIN_SECRET
from tests.e2e.control import captcha_answer, code_sent_to

from .homeowner import Homeowner

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

# Signing in at ShopXO takes 18 bytes at most.
PASSWORD = "not-a-real-one"
# Pictures and codes would live for minutes that pass in seconds here.
DAY = 86_400


async def test_the_text_in_a_picture(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.shopxo.code_lifetime = DAY
    dialog = await homeowner.start_dialog()
    await dialog.choose("Customer portal made with ShopXO")
    await dialog.submit()
    await dialog.shows("Server and access")
    await dialog.fill("Address", simulator.url)
    await dialog.submit()
    await dialog.go("Create an account")
    await dialog.shows("How do you want to register?")
    await dialog.choose("Username")
    await dialog.submit()

    await dialog.fill("Username", "jansen")
    await dialog.fill("Password", PASSWORD)
    first = await dialog.picture_on_screen()
    await dialog.keep_picture("captcha")
    await dialog.fill("Text in the picture", "none")
    await dialog.submit()
    await dialog.refuses("This was not the text in the picture.")
    assert await dialog.value("Username").input_value() == "jansen"
    assert await dialog.value("Password").input_value() == PASSWORD
    assert await dialog.value("Text in the picture").input_value() == ""
    assert await dialog.picture_on_screen() != first

    await dialog.fill("Text in the picture", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.shows("Name and assign")
    await dialog.close()
    assert [user.username for user in simulator.shopxo.users.values()] == ["jansen"]


async def test_signing_in_to_an_account(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.shopxo.code_lifetime = DAY
    simulator.shopxo.login_picture = True
    simulator.shopxo.add_user(username="jansen", password=PASSWORD)
    dialog = await homeowner.start_dialog()
    await dialog.choose("Customer portal made with ShopXO")
    await dialog.submit()
    await dialog.fill("Address", simulator.url)
    await dialog.submit()
    await dialog.go("Link the account I have")
    await dialog.shows("Link your account")
    await dialog.fill("Username, email or phone number", "jansen")
    await dialog.fill("Password", "of-somebody-else")
    await dialog.picture_on_screen()
    await dialog.fill("Text in the picture", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.refuses("Correct")
    await dialog.fill("Password", PASSWORD)
    await dialog.fill("Text in the picture", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.shows("Name and assign")
    await dialog.close()


async def test_a_code_from_a_mail(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.quectel.code_lifetime = float(DAY)
    email = "jansen@example.com"
    dialog = await homeowner.start_dialog()
    await dialog.choose("Quectel (Acceleronix)")
    await dialog.submit()
    await dialog.shows("Server and access")
    await dialog.pick("Server", "Another address")
    await dialog.fill("Address", simulator.url)
    await dialog.fill("User domain", USER_DOMAIN)
    await dialog.fill("User domain secret", USER_DOMAIN_SECRET)
    await dialog.submit()
    await dialog.go("Create an account")

    await dialog.shows("Confirm that it is you")
    await dialog.fill("Email", email)
    await dialog.submit()
    await dialog.shows("Create an account")
    await dialog.fill("Password", PASSWORD)
    code = await code_sent_to(simulator, email)
    await dialog.fill("Code", "000000" if code != "000000" else "111111")
    await dialog.submit()
    await dialog.refuses("This is not the code that was sent.")
    await dialog.fill("Code", code)
    await dialog.submit()
    await dialog.shows("Choose the product")
    assert simulator.quectel.user_named(USER_DOMAIN, email) is not None
