"""A homeowner with a phone's photo of the labels."""

from pathlib import Path

import pytest

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.drawn_labels import beside, code128, ean13, qr_code
from tests.e2e.dialogs import link_account
from tests.server.homeassistant_server import HomeAssistantServer

from .homeowner import Homeowner

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNT = "jansen-solar"
DATALOGGER, INVERTER, OTHER_INVERTER, MISREAD = (
    "QMN0000008",
    "ABC0000011",
    "ABC0000012",
    "ABC0000019",
)


async def test_photos_of_labels(
    homeowner: Homeowner, server: HomeAssistantServer, simulator: Simulator, tmp_path: Path
) -> None:
    cloud = simulator.growatt
    user = cloud.add_user(ACCOUNT, f"{ACCOUNT}@example.com")
    cloud.add_plant(user.user_id, "Home")
    cloud.add_datalogger(DATALOGGER)
    for serial in (INVERTER, OTHER_INVERTER):
        cloud.add_device(serial)
    stick, inverters, text = (tmp_path / name for name in ("stick.jpg", "inverters.jpg", "no.jpg"))
    beside(qr_code(f"SN:{DATALOGGER}", 6), ean13("400638133393", 3)).save(stick)
    beside(code128(INVERTER, 3), code128(MISREAD, 3)).save(inverters)
    text.write_text("This is no picture.")
    async with server.client() as client:
        await link_account(client, simulator, INSTALLER_TOKEN, str(user.user_id))
    await homeowner.page.goto("/")

    dialog = await homeowner.add_datalogger()
    await dialog.shows("datalogger")
    await dialog.attach("photo", text)
    await dialog.submit()
    await dialog.refuses("picture_unreadable")
    await dialog.attach("photo", stick)
    await dialog.submit()
    await dialog.says("exceptions.photo_read.message", serials=DATALOGGER)
    assert await dialog.value("serial_number").input_value() == DATALOGGER
    assert simulator.calls.of("device/datalogger/add") == []
    await dialog.keep_picture("photo")
    await dialog.submit()
    await dialog.ends("datalogger_submitted", datalogger_accepted=DATALOGGER)
    await dialog.close()

    dialog = await homeowner.add_inverters()
    await dialog.shows("serial_numbers")
    await dialog.attach("photo", inverters)
    await dialog.submit()
    await dialog.says("exceptions.photo_read.message", serials=f"{INVERTER}, {MISREAD}")
    assert await dialog.value("serial_numbers").input_value() == f"{INVERTER}\n{MISREAD}"
    await dialog.fill("serial_numbers", f"{INVERTER}\n{OTHER_INVERTER}")
    await dialog.submit()
    await dialog.ends("waiting", accepted=f"{INVERTER}, {OTHER_INVERTER}")
    await dialog.close()
    sent = [call.params["sn"] for call in simulator.calls.of("device/sn/add")]
    assert sent == [INVERTER, OTHER_INVERTER]
