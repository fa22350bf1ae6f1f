"""Public Python clients of Growatt's OpenAPI, unchanged, against the simulator.

Run by the interpreter of the peers' environment:

    python run.py URL TOKEN SECOND_TOKEN SERIAL_NUMBER DATALOGGER CHECK_CODE

The clients ask the same things, so each has an installer's token, and limits, of its own. The
serial number is one that the simulator knows and that is online. The datalogger is another one that
it knows, and new: it has never reported. Prints one JSON line per
check: `{"client": ..., "check": ..., "ok": true, "result": ...}`; a check that fails has `ok`
false and `error`. What the checks do to the simulator is for test_peers.py to verify.
"""

from collections.abc import Callable, Iterator
import json
import sys
from typing import Any

from growatt_public_api import GrowattApi  # type: ignore[import-not-found]
import growattServer  # type: ignore[import-not-found]

type Check = tuple[str, Callable[[], object]]

USER = "peer-owner"
PLANT = "Peer plant"


def growatt_public_api(
    url: str, token: str, serial: str, stick: str, check_code: str
) -> Iterator[Check]:
    """Check growatt_public_api: from an unknown user name to a device in a plant."""
    # Without its cache: it answers from an old reply when the server refuses.
    api = GrowattApi(token=token, server_url=url, use_cache=False)
    yield "name is free", lambda: api.user.check_username(USER).username_available
    registered = api.user.register(USER, "not-a-real-password", "peer@example.com", "Germany")
    yield "register", lambda: (registered.error_code, registered.data.c_user_id)
    yield "name is taken", lambda: api.user.check_username(USER).username_available
    user_id = registered.data.c_user_id
    added = api.plant.add(
        user_id,
        PLANT,
        4.2,
        country="Germany",
        timezone=1,
        plant_type=0,
        longitude=10.1,
        latitude=48.1,
    )
    plant_id = added.data.plant_id
    yield "add plant", lambda: (added.error_code, plant_id)
    yield (
        "plant list",
        lambda: [(plant.plant_id, plant.user_id, plant.name) for plant in _plants(api)],
    )
    yield "plant details", lambda: api.plant.details(plant_id).data.timezone
    yield "kind of device", lambda: api.device.type_info(serial).model_dump(include=_KIND)
    yield "add device", lambda: api.plant.add_device(plant_id, serial, user_id).error_code
    yield "plant of device", lambda: api.device.get_plant(serial).data.plant.plant_id
    yield (
        "device list",
        lambda: [
            (device.device_sn, device.type, device.lost)
            for device in api.plant.list_devices(plant_id).data.devices
        ],
    )
    yield "datalogger of device", lambda: api.device.get_datalogger(serial).data.datalogger_sn
    yield "label", lambda: _label(api, stick, check_code)
    yield "wrong label", lambda: _label(api, stick, "wrong")
    yield (
        "add datalogger",
        lambda: api.plant.add_datalogger(user_id, plant_id, stick).error_code,
    )
    yield "label of one that was added", lambda: _label(api, stick, check_code)
    yield (
        "dataloggers",
        lambda: [
            (found.datalogger_sn, found.lost, found.last_update_time is not None)
            for found in api.plant.list_dataloggers(plant_id).data.dataloggers
        ],
    )
    yield (
        "remove datalogger",
        lambda: api.plant.remove_datalogger(plant_id, stick).error_code,
    )
    yield (
        "v4 device list",
        lambda: [(device.device_sn, device.device_type) for device in api.device.list().data.data],
    )
    yield "creation date", lambda: list(api.device.create_date([serial]).data)
    yield "over the limit", lambda: api.plant.list_devices(plant_id).error_code


_KIND = {"result", "device_type", "obj", "msg", "in_system"}


def _label(api: GrowattApi, stick: str, check_code: str) -> tuple[int, object]:
    answer = api.datalogger.validate(stick, check_code)
    return answer.error_code, answer.data and (answer.data.plant_id, answer.data.user_id)


def _plants(api: GrowattApi) -> list[Any]:
    return list(api.plant.list().data.plants)


def growatt_server(url: str, token: str, plant: str) -> Iterator[Check]:
    """Check growattServer's OpenAPI V1 plant and device lists."""
    api = growattServer.OpenApiV1(token)
    # Not `server_url`: the library has computed the address that it uses by now.
    api.api_url = f"{url}/v1/"
    plants = api.plant_list()["plants"]
    yield "plant list", lambda: [plant["name"] for plant in plants]
    found = next(entry["plant_id"] for entry in plants if entry["name"] == plant)
    yield (
        "device list",
        lambda: [device["device_sn"] for device in api.device_list(found)["devices"]],
    )
    yield "plant details", lambda: api.plant_details(found)["name"]
    yield "plant energy", lambda: api.plant_energy_overview(found)["peak_power_actual"]
    yield "over the limit", lambda: _error_code(lambda: api.device_list(found))


def _error_code(call: Callable[[], object]) -> int:
    try:
        call()
    except growattServer.GrowattV1ApiError as err:
        return int(err.error_code)
    return 0


def report(line: dict[str, object]) -> None:
    """Print one line of JSON."""
    sys.stdout.write(f"{json.dumps(line)}\n")


def run(client: str, checks: Iterator[Check]) -> None:
    """Print one line per check; an error between two checks ends the client's checks."""
    name = "prepare"
    try:
        for name, check in checks:
            report({"client": client, "check": name, "ok": True, "result": check()})
    except Exception as err:  # noqa: BLE001 - whatever a client raises is its verdict
        report({"client": client, "check": name, "ok": False, "error": repr(err)})


if __name__ == "__main__":
    base, first, second, sn, datalogger, code = sys.argv[1:]
    run("growatt_public_api", growatt_public_api(base, first, sn, datalogger, code))
    run("growattServer", growatt_server(base, second, PLANT))
