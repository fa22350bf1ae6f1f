"""A homeowner whose inverters do not get where they should: the repairs, and removing one."""

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.documents import examples
from tests.e2e.dialogs import DOMAIN, link_account
from tests.e2e.overdue import overdue_after
from tests.server.client import HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer

from .dialog import Dialog
from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNT = "jansen-solar"
LATE, ELSEWHERE, WITHOUT_STICK = "ABC0000003", "ABC0000004", "ABC0000005"
# Seconds until an inverter is overdue.
SOON = 6


async def test_three_inverters_in_trouble(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator
) -> None:
    cloud = simulator.growatt
    user = cloud.add_user(ACCOUNT, f"{ACCOUNT}@example.com")
    cloud.add_plant(user.user_id, "Home")
    garage = cloud.add_plant(user.user_id, "Garage").plant_id
    cloud.add_device(LATE)
    cloud.add_device(ELSEWHERE, plant_id=garage)
    cloud.add_device(WITHOUT_STICK, datalogger_sn="")
    # The dialog does not end before the answer that is held.
    timing = overdue_after(server, SOON, watched_for=60)
    async with timing, server.client() as client:
        entry_id = await link_account(client, simulator, INSTALLER_TOKEN, str(user.user_id))
        await homeowner.page.goto("/")
        await add_them(await homeowner.add_inverters(), simulator)

        await homeowner.sees_repairs(
            conflict_in_plant=ELSEWHERE, rejected=WITHOUT_STICK, overdue=LATE
        )
        await see_the_dashboard(homeowner, client)
        dialog = await homeowner.open_repair("conflict_in_plant", ELSEWHERE)
        await choose_its_plant(dialog)
        dialog = await homeowner.open_repair("rejected", WITHOUT_STICK)
        await submit_it_again(dialog, simulator)
        await stop_tracking(await homeowner.open_repair("overdue", LATE))
        await homeowner.delete_inverter(WITHOUT_STICK)
        assert [one["title"] for one in await client.subentries(entry_id)] == [ELSEWHERE]
        assert await client.issues(DOMAIN) == []


async def add_them(dialog: Dialog, simulator: Simulator) -> None:
    simulator.faults.add("device/sn/add", kind="hold")
    await dialog.shows("serial_numbers")
    await dialog.pick("plant_id", "Home")
    await dialog.fill("serial_numbers", f"{LATE}\n{ELSEWHERE}\n{WITHOUT_STICK}")
    await dialog.submit()
    await dialog.tells("progress.binding", count="3")
    simulator.faults.release()
    await dialog.shows("datalogger_missing", inverters=WITHOUT_STICK, plant="Home")
    await dialog.go("end")
    await dialog.ends("waiting", accepted=LATE, conflict=ELSEWHERE, rejected=WITHOUT_STICK)
    await dialog.close()


async def see_the_dashboard(homeowner: Homeowner, client: HomeAssistantClient) -> None:
    """As the manual has it."""
    config = examples("fleet.md")["See what waits and what is wrong"].loaded
    place = {"url_path": "devices-here"}
    title = config["title"]
    await client.command("lovelace/dashboards/create", **place, title=title, show_in_sidebar=False)
    await client.command("lovelace/config/save", **place, config=config)
    await homeowner.sees_devices(place["url_path"], ELSEWHERE, WITHOUT_STICK, LATE)
    await homeowner.keep_picture_of_dashboard("fleet")


async def choose_its_plant(dialog: Dialog) -> None:
    reason = dialog.reason("held_in_plant", plant="Garage")
    await dialog.shows("init", serial=ELSEWHERE, reason=reason)
    await dialog.go("choose_plant")
    await dialog.shows("choose_plant", serial=ELSEWHERE)
    # The plant that has it is chosen already.
    await dialog.submit()
    await dialog.has_repaired()
    await dialog.close()


async def submit_it_again(dialog: Dialog, simulator: Simulator) -> None:
    await dialog.shows("init", account=ACCOUNT, serial=WITHOUT_STICK)
    await dialog.go("submit_again")
    await dialog.refuses("still_there")
    simulator.growatt.devices[WITHOUT_STICK].datalogger_sn = "QMN0000000005"
    await dialog.submit()
    await dialog.has_repaired()
    await dialog.close()


async def stop_tracking(dialog: Dialog) -> None:
    await dialog.shows("init", serial=LATE, account=ACCOUNT)
    await dialog.go("stop_tracking")
    await dialog.shows("stop_tracking", serial=LATE)
    await dialog.submit()
    await dialog.has_repaired()
    await dialog.close()
