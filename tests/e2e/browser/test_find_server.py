"""A homeowner who does not know in which region the account is."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.e2e.conftest import SPEED
from tests.server.homeassistant_server import HomeAssistantServer

from .dialog import DATALOGGER, Dialog
from .homeowner import Homeowner
from .texts import LANGUAGE, Texts

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESIDENT = "sim-resident"
PLANTS = "plant/list"
WRONG_TOKEN = "SIMULATORTOKENOFNOBODY0000000000"
REGIONS = ("global", "north_america", "australia_new_zealand", "china", "test")
HOME = "china"
STICK, OTHER_STICK = "QMN0CZA1F1", "QMN0CZA1F2"
CHECK_CODE = "A1B2C"
CUSTOMER = {
    "username": "customer",
    "password": "a-long-password",
    "email": "customer@example.com",
}


@pytest_asyncio.fixture(loop_scope="session")
async def vendor(
    server: HomeAssistantServer, simulator: Simulator
) -> AsyncIterator[dict[str, Simulator]]:
    """Return all the vendor's servers; the token is of one region only."""
    async with AsyncExitStack() as running, server.client() as client:
        servers = {HOME: simulator}
        for key in REGIONS:
            if key != HOME:
                servers[key] = await running.enter_async_context(Simulator(time_factor=SPEED))
            servers[key].growatt.region = key
            del servers[key].growatt.tokens[INSTALLER_TOKEN]
        simulator.growatt.add_token(INSTALLER_TOKEN, region=HOME)
        urls = {key: cloud.url for key, cloud in servers.items()}
        await client.call_service("servers_at", "set", {"urls": urls})
        yield servers
        await client.call_service("servers_at", "set", {"urls": {}})
        assert servers["test"].calls.of("*") == []
        for cloud in servers.values():
            assert cloud.calls.secrets_in_url == []
            assert cloud.growatt.limits.violations == []


async def test_a_token_of_another_region(
    homeowner: Homeowner, vendor: dict[str, Simulator]
) -> None:
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    await dialog.go("growatt")
    await dialog.shows("growatt")
    # Where the token is.
    await dialog.picture_on_screen()
    # The search is what is chosen already.
    await dialog.fill("token", WRONG_TOKEN)
    await dialog.submit()
    await dialog.refuses("accepted_nowhere")
    assert await dialog.value("token").input_value() == WRONG_TOKEN
    await dialog.fill("token", INSTALLER_TOKEN)
    vendor["global"].faults.add(PLANTS, kind="hang")
    await dialog.submit()
    await dialog.tells("progress.find_server")
    await dialog.shows("one_account", server=vendor[HOME].url)
    await dialog.go("use_account", plain_account=RESIDENT)
    dialog = dialog.of(DATALOGGER)
    await dialog.shows("datalogger")
    await dialog.leave()

    dialog = await homeowner.reconfigure_account(RESIDENT)
    await dialog.shows("new_access_growatt", name=RESIDENT, server=vendor[HOME].url)
    await dialog.pick("server", "find")
    await dialog.submit()
    await dialog.tells("abort.reconfigure_successful")
    await dialog.close()


async def test_an_owner_waits_after_four_screens_and_an_installer_after_five(
    homeowner: Homeowner, vendor: dict[str, Simulator]
) -> None:
    cloud = vendor[HOME].growatt
    for stick in (STICK, OTHER_STICK):
        cloud.add_datalogger(stick, check_code=CHECK_CODE)

    dialog = await enter_the_token(homeowner)
    await dialog.shows("one_account")
    await dialog.go("use_account", plain_account=RESIDENT)
    dialog = dialog.of(DATALOGGER)
    await dialog.shows("datalogger")
    await dialog.fill("serial_number", STICK)
    await dialog.fill("check_code", CHECK_CODE)
    await dialog.submit()
    await dialog.ends("datalogger_submitted", datalogger_accepted=STICK)
    assert dialog.steps == ["user", "growatt", "one_account", "datalogger"]
    await dialog.close()

    dialog = await enter_the_token(homeowner)
    await dialog.shows("known_account", accounts=RESIDENT)
    await dialog.go("register")
    await dialog.shows("register_form")
    for field, value in CUSTOMER.items():
        await dialog.fill(field, value)
    await dialog.submit()
    dialog = dialog.of(DATALOGGER)
    await dialog.shows("datalogger")
    await dialog.fill("serial_number", OTHER_STICK)
    await dialog.fill("check_code", CHECK_CODE)
    await dialog.fill("peak_power", "6.4")
    await dialog.submit()
    await dialog.ends("datalogger_submitted", datalogger_accepted=OTHER_STICK)
    assert dialog.steps == ["user", "growatt", "known_account", "register_form", "datalogger"]
    await dialog.close()


async def enter_the_token(homeowner: Homeowner) -> Dialog:
    """Open the dialog and enter the token."""
    dialog = await homeowner.start_dialog()
    await dialog.shows("user")
    await dialog.go("growatt")
    await dialog.shows("growatt")
    await dialog.fill("token", INSTALLER_TOKEN)
    await dialog.submit()
    return dialog


async def test_servers_that_cannot_be_asked(
    homeowner: Homeowner, vendor: dict[str, Simulator]
) -> None:
    del vendor[HOME].growatt.tokens[INSTALLER_TOKEN]
    vendor["global"].faults.add(PLANTS, kind="cut")
    vendor["north_america"].faults.add(PLANTS, kind="cut")
    dialog = await enter_the_token(homeowner)
    house = Texts(LANGUAGE)
    names = [house(f"selector.server.options.{key}") for key in ("global", "north_america")]
    await dialog.refuses("servers_unasked", servers=", ".join(names))
    await dialog.pick("server", "north_america")
    assert await dialog.value("token").input_value() == INSTALLER_TOKEN
    await dialog.leave()
