"""Public clients of Growatt's OpenAPI work unchanged against the simulator.

They need packages that Home Assistant contradicts, so they run in an environment of their own,
whose interpreter the variable PEERS_PYTHON names (scripts/test sets it).
"""

import asyncio
from asyncio.subprocess import PIPE
import json
import os
from pathlib import Path
from typing import Any

from simulator import INSTALLER_TOKEN, Simulator

SCRIPT = Path(__file__).with_name("run.py")
SECOND_TOKEN = "SIMULATORTOKENSECONDPEER00000000"
SN = "SIM0000001"
STICK = "QMN000SIM0000001"
SECOND_STICK = "XGD0000001"
CODE = "K7Q2M"

EXPECTED = {
    "growatt_public_api": {
        "name is free": True,
        "register": [0, 102],
        "name is taken": False,
        "add plant": [0, 20002],
        "plant list": [[20001, 101, "Sim Home"], [20002, 102, "Peer plant"]],
        "plant details": "GMT+1",
        "kind of device": {
            "result": 1,
            "device_type": 22,
            "obj": 1,
            "msg": "inverter",
            "in_system": False,
        },
        "add device": 0,
        "plant of device": 20002,
        "device list": [[SN, 7, False]],
        "datalogger of device": STICK,
        "label": [0, None],
        "wrong label": [10002, None],
        "add datalogger": 0,
        "label of one that was added": [10003, [20002, 102]],
        "dataloggers": [[STICK, False, True], [SECOND_STICK, True, False]],
        "remove datalogger": 0,
        "v4 device list": [[SN, "min"]],
        "creation date": [SN],
        "over the limit": 10012,
    },
    "growattServer": {
        "plant list": ["Sim Home", "Peer plant"],
        "device list": [SN],
        "plant details": "Peer plant",
        "plant energy": 4.2,
        "over the limit": 10012,
    },
}


async def test_public_clients(simulator: Simulator) -> None:
    """Each client reads what it did, and the simulator finds nothing wrong with its calls."""
    python = os.environ.get("PEERS_PYTHON")
    assert python, "PEERS_PYTHON does not name the interpreter of the peers' environment"
    simulator.growatt.add_device(SN, online=True)
    simulator.growatt.add_token(SECOND_TOKEN)
    simulator.growatt.add_datalogger(SECOND_STICK, check_code=CODE)
    arguments = [simulator.url, INSTALLER_TOKEN, SECOND_TOKEN, SN, SECOND_STICK, CODE]
    process = await asyncio.create_subprocess_exec(
        python, str(SCRIPT), *arguments, stdout=PIPE, stderr=PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    lines: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    assert [line for line in lines if not line["ok"]] == []
    results: dict[str, dict[str, Any]] = {}
    for line in lines:
        results.setdefault(line["client"], {})[line["check"]] = line["result"]
    assert results == EXPECTED
    user = simulator.growatt.user_named("peer-owner")
    assert user is not None
    assert user.has_password("not-a-real-password")
    assert simulator.growatt.bindings[SN].accepted_count == 1
    assert simulator.growatt.dataloggers[SECOND_STICK].plant_id is None
    assert simulator.calls.secrets_in_url == []
    # Only the two calls that were meant to be too many.
    assert [item.endpoint for item in simulator.growatt.limits.violations] == ["device/list"] * 2
    assert {call.status for call in simulator.calls} == {200}
