"""A homeowner whose way into the account is lost: the token, or the answer to the registration."""

import asyncio

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.accounts import CHECK, NAME, REGISTER, no_repair, the_entry
from tests.e2e.conftest import SPEED
from tests.e2e.dialogs import PASSWORD, act, link_account
from tests.server.homeassistant_server import HomeAssistantServer

from .dialog import Dialog
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESIDENT = "sim-resident"
NEIGHBOR = "bakker"
SERIAL = "ABC0000006"
WRONG_TOKEN = "SIMULATORTOKENOFNOBODY0000000000"
OTHERS_TOKEN = "SIMULATORTOKENOFANOTHER000000000"
NEW_TOKEN = "SIMULATORTOKENRENEWED00000000000"


async def test_a_token_that_is_renewed(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    cloud = simulator.growatt
    cloud.add_device(SERIAL)
    [plant] = cloud.plants.values()
    other = cloud.add_user("de-vries", "de-vries@example.com")
    cloud.add_plant(other.user_id, "Elsewhere")
    cloud.add_token(OTHERS_TOKEN, kind="end_user", user_id=other.user_id)
    cloud.add_token(NEW_TOKEN)
    neighbor = cloud.add_user(NEIGHBOR, f"{NEIGHBOR}@example.com")
    async with server.client() as client:
        entry_id = await link_account(client, simulator, INSTALLER_TOKEN, str(plant.user_id))
        account = {"config_entry_id": entry_id}
        await act(client, "link_account", **account, account_id=str(neighbor.user_id))
        device = {"plant_id": str(plant.plant_id), "serial_numbers": [SERIAL]}
        await act(client, "bind_device", **account, **device)
    del cloud.tokens[INSTALLER_TOKEN]

    await homeowner.page.goto("/")
    # One dialog for both accounts that the token opened.
    both_names = f"{RESIDENT}, {NEIGHBOR}"
    dialog = await homeowner.sign_in_again(both_names)
    await dialog.shows("reauth_confirm", name=both_names, server=simulator.url)
    await dialog.fill("token", WRONG_TOKEN)
    await dialog.submit()
    await dialog.refuses("invalid_token")
    await dialog.fill("token", OTHERS_TOKEN)
    await dialog.submit()
    await dialog.refuses("wrong_account", found=f"Elsewhere ({other.user_id})", expected=RESIDENT)
    await dialog.fill("token", NEW_TOKEN)
    await dialog.submit()
    await dialog.tells("abort.accounts_renewed", accounts=both_names)
    await dialog.close()
    cloud.bring_online(SERIAL)
    await homeowner.open_device(SERIAL)
    await homeowner.sees_state("sensor.association_status", "associated")


async def test_nobody_can_tell_whether_the_account_exists(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="cut_after")
    simulator.faults.add(CHECK, kind="pass")
    simulator.faults.add(CHECK, kind="cut", times=None)
    dialog = await homeowner.start_dialog()
    await fill_in_the_form(dialog, simulator)
    await dialog.shows("outcome_unknown", name=NAME, server=simulator.url)
    await dialog.leave()

    [plant] = simulator.growatt.plants.values()
    user = simulator.growatt.user_named(NAME)
    assert user is not None
    # Home Assistant keeps the notice, so it only hints at whose account and where it is.
    notice = await homeowner.open_notice(
        "registration_unfinished", name=f"{NAME[:3]}…", server="http://…"
    )
    await notice.get_by_role("link").last.click()
    # The list of accounts may be read once in five minutes.
    await asyncio.sleep(300 / SPEED + 1)
    dialog = await homeowner.agree_to_start()
    await go_to_the_server(dialog, simulator)
    await dialog.shows("several_accounts", server=simulator.url)
    await dialog.go("choose_accounts")
    await dialog.shows("choose_accounts", server=simulator.url)
    await dialog.check("account_ids", f"{NAME} ({user.user_id})")
    await dialog.check("account_ids", f"{RESIDENT} ({plant.user_id})")
    await dialog.submit()
    await dialog.tells("abort.accounts_added", linked=f"{RESIDENT}, {NAME}")
    await dialog.close()
    # What one of them is changed to can be for both.
    dialog = await homeowner.reconfigure_account(NAME)
    await dialog.shows("new_access_growatt", name=NAME, accounts=RESIDENT)
    await dialog.turn_off("for_all")
    # A token of today may not show yet what it opens.
    del simulator.growatt.tokens[INSTALLER_TOKEN]
    simulator.growatt.add_token(NEW_TOKEN, merchant="a new one")
    await dialog.fill("token", NEW_TOKEN)
    await dialog.submit()
    await dialog.shows("link_form", accounts=RESIDENT)
    await dialog.refuses("token_sees_nothing")
    await dialog.fill("account_id", str(user.user_id))
    await dialog.turn_on("for_all")
    await dialog.submit()
    await dialog.tells("abort.accounts_renewed", accounts=f"{NAME}, {RESIDENT}")
    await dialog.close()
    async with server.client() as client:
        await no_repair(client)


async def test_the_dialog_is_closed_while_the_account_is_created(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    simulator.faults.add(REGISTER, kind="hold")
    dialog = await homeowner.start_dialog()
    await fill_in_the_form(dialog, simulator)
    await dialog.tells("progress.registering", server=simulator.url)
    await dialog.leave()
    simulator.faults.release()
    await homeowner.open_device(NAME)
    async with server.client() as client:
        await the_entry(client)


async def fill_in_the_form(dialog: Dialog, simulator: Simulator) -> None:
    """Fill in the form of a new account and send it off."""
    await go_to_the_server(dialog, simulator)
    await dialog.shows("one_account", server=simulator.url)
    await dialog.go("register")
    await dialog.shows("register_form")
    await dialog.fill("username", NAME)
    await dialog.fill("password", PASSWORD)
    await dialog.fill("email", f"{NAME}@example.com")
    await dialog.submit()


async def go_to_the_server(dialog: Dialog, simulator: Simulator) -> None:
    """Enter the server and the token, as far as the choice between creating and linking."""
    await dialog.shows("user")
    await dialog.go("growatt")
    await dialog.shows("growatt")
    await dialog.pick("server", "own_address")
    await dialog.fill("token", INSTALLER_TOKEN)
    await dialog.submit()
    await dialog.shows("address")
    await dialog.fill("address", simulator.url)
    await dialog.submit()
