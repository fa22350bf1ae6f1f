"""A customer portal made with AnQiCMS: a new account, and one that there is."""

import pytest

from simulator import Simulator
from tests.e2e.control import captcha_answer

from .dialog import Dialog
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME, EMAIL = "jansen", "jansen@example.com"
PASSWORD = "not-a-real-one"


async def test_a_new_account(homeowner: Homeowner, simulator: Simulator) -> None:
    site = simulator.anqicms
    site.captcha = site.judges_register_captcha = True
    dialog = await open_portal(homeowner, simulator)
    await dialog.go("register")
    await dialog.shows("register")
    await dialog.choose("way", "name_email")
    await dialog.submit()
    await dialog.shows("register_form", server=simulator.url)
    await dialog.picture_on_screen()
    await dialog.fill("username", NAME)
    await dialog.fill("password", PASSWORD)
    await dialog.fill("email", "jansen at example")
    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.refuses("invalid_email")
    await dialog.fill("email", EMAIL)
    await dialog.fill("captcha", await captcha_answer(simulator))
    await dialog.submit()
    await dialog.has_made_the_account()
    await dialog.close()
    assert [user.user_name for user in site.sites[1].users.values()] == [NAME]


async def test_signing_in_to_an_account(homeowner: Homeowner, simulator: Simulator) -> None:
    simulator.anqicms.add_user(user_name=NAME, password=PASSWORD, email=EMAIL)
    dialog = await open_portal(homeowner, simulator)
    await dialog.go("link")
    await dialog.shows("link_form", server=simulator.url)
    await dialog.fill("login", EMAIL)
    await dialog.fill("password", "of-somebody-else")
    await dialog.submit()
    await dialog.refuses("login_failed")
    await dialog.fill("password", PASSWORD)
    await dialog.submit()
    await dialog.has_made_the_account()
    await dialog.close()
    await homeowner.open_device(NAME)
    await homeowner.sees_state("binary_sensor.connectivity", "on", "connectivity")
    await homeowner.looks_right("account page")


async def open_portal(homeowner: Homeowner, simulator: Simulator) -> Dialog:
    simulator.portal = "anqicms"
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    await dialog.go("portal")
    await dialog.shows("portal")
    await dialog.fill("address", simulator.url)
    await dialog.submit()
    await dialog.shows("method", server=simulator.url)
    return dialog
