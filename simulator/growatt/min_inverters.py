"""Growatt's endpoints for the data of MIN inverters, and a plant's power over the day.

Home Assistant's own growatt_server reads these every five minutes. All meters are at zero.

Source: ShowDoc 262556420217021, pages 6129816412127075 (details), 8696815667375182 (settings),
6129822090975531 (latest data) and 1494062656174173 (power); the keys are those that the public
clients growattServer 2.2.0 and growatt_public_api 2026.5.19 read.
"""

from datetime import date, datetime
from typing import Any

from .api import FIVE_MINUTES, ApiError, ExtraKeys, GrowattRequest, endpoint
from .model import KINDS, Device, vendor_time

_PERIODS = range(1, 10)
_STRINGS = range(1, 5)


def _min_inverter(request: GrowattRequest, name: str, *, empty: int, unknown: int) -> Device:
    """Return the MIN inverter that a parameter names, or refuse."""
    serial = request.required(name, empty, "device sn error")
    device = request.state.devices.get(serial)
    if (
        device is None
        or KINDS[device.kind].list_type != KINDS["min"].list_type
        or device.plant_id is None
        or not request.state.may_see_plant(request.token, request.state.plants[device.plant_id])
    ):
        raise ApiError(unknown, "min does not exist")
    return device


@endpoint("GET", "device/tlx/tlx_data_info", interval=FIVE_MINUTES)
def details(request: GrowattRequest) -> ExtraKeys:
    """Return the basic facts about a MIN inverter."""
    # The system error is the only code on the page.
    device = _min_inverter(request, "device_sn", empty=10001, unknown=10001)
    kind = KINDS[device.kind]
    data = {
        "serialNum": device.sn,
        "dataLogSn": device.datalogger_sn,
        "alias": device.sn,
        "addr": 1,
        "communicationVersion": "GJAA-0003",
        "deviceType": 5,
        "dtc": kind.dtc,
        "eToday": 0,
        "eTotal": 0,
        "energyMonth": 0,
        "fwVersion": "GJ1.0",
        "groupId": -1,
        "id": device.device_id,
        "innerVersion": "GJAA03xx",
        "lastUpdateTimeText": vendor_time(request.now),
        "level": 4,
        "lost": not device.online,
        "manufacturer": "PV Inverter",
        "modbusVersion": 307,
        "modelText": kind.model,
        "parentID": f"LIST_{device.datalogger_sn}_{kind.check_type}",
        # 0 in the vendor's example, whatever the plant.
        "plantId": 0,
        "plantname": "",
        "pmax": kind.power,
        "power": 0,
        "restartTime": 65,
        "startTime": 65,
        "status": 1 if device.online else -1,
        "timezone": 0,
        "treeID": f"ST_{device.sn}",
        "treeName": device.sn,
        "trakerModel": 0,
        "updating": False,
        "userName": "",
        "vnormal": 280,
    }
    return ExtraKeys(data=data, dataloggerSn=device.datalogger_sn, deviceSn=device.sn)


@endpoint("GET", "device/tlx/tlx_set_info")
def settings(request: GrowattRequest) -> ExtraKeys:
    """Return the settings of a MIN inverter."""
    # No codes and no rate limit are documented.
    device = _min_inverter(request, "device_sn", empty=10001, unknown=10001)
    data: dict[str, Any] = {
        "serialNum": device.sn,
        "acChargeEnable": 0,
        "activeRate": 100,
        "backFlowSingleCtrl": 0,
        "chargePowerCommand": 100,
        "disChargePowerCommand": 100,
        "exportLimit": 0,
        "exportLimitPowerRate": 0,
        "lastUpdateTimeText": vendor_time(request.now),
        "onGridDischargeStopSOC": 10,
        "onOff": 1,
        "pf": 1,
        "sysTime": vendor_time(request.now),
        "voltageHighLimit": 253,
        "voltageLowLimit": 195.5,
        "wchargeSOCLowLimit": 100,
        "wdisChargeSOCLowLimit": 10,
    }
    for period in _PERIODS:
        data |= {
            f"forcedTimeStart{period}": "0:0",
            f"forcedTimeStop{period}": "0:0",
            f"forcedStopSwitch{period}": 0,
            f"time{period}Mode": 0,
        }
    return ExtraKeys(data=data, dataloggerSn=device.datalogger_sn, deviceSn=device.sn)


_METERS = (
    *("eacToday", "eacTotal", "eacChargeToday", "eacChargeTotal", "epvTotal"),
    *("echargeToday", "echargeTotal", "edischargeToday", "edischargeTotal"),
    *("elocalLoadToday", "elocalLoadTotal", "eselfToday", "eselfTotal"),
    *("esystemToday", "esystemTotal", "etoGridToday", "etoGridTotal"),
    *("etoUserToday", "etoUserTotal", "pac", "pac1", "pac2", "pac3", "pacToGridTotal"),
    *("pacToLocalLoad", "pacToUserTotal", "ppv", "pself", "psystem", "bmsSoc", "vacRs", "vacrs"),
    *("bdc1ChargePower", "bdc1ChargeTotal", "bdc1DischargePower", "bdc1DischargeTotal"),
    *("bdc2ChargePower", "bdc2ChargeTotal", "bdc2DischargePower", "bdc2DischargeTotal"),
    *("timeTotal", "warnCode", "faultType", "deratingMode", "temp1", "temp2", "temp3", "temp4"),
    *("temp5", "iac1", "iac2", "iac3", "vac1", "vac2", "vac3", "iso", "gfci", "loadPercent"),
)


@endpoint("POST", "device/tlx/tlx_last_data", interval=FIVE_MINUTES)
def latest(request: GrowattRequest) -> ExtraKeys:
    """Return the latest data of a MIN inverter."""
    device = _min_inverter(request, "tlx_sn", empty=10003, unknown=10002)
    data: dict[str, Any] = {
        "serialNum": device.sn,
        "dataLogSn": device.datalogger_sn,
        "again": False,
        "errorText": "Unknown",
        "fac": 50.0 if device.online else 0.0,
        "lost": not device.online,
        "pf": 1.0,
        "realOPPercent": 0,
        "status": 1 if device.online else 0,
        "statusText": "Normal" if device.online else "Waiting",
        "time": vendor_time(request.now),
        "warnText": "Unknown",
        **dict.fromkeys(_METERS, 0.0),
    }
    for number in _STRINGS:
        data |= dict.fromkeys((f"vpv{number}", f"ipv{number}", f"ppv{number}"), 0.0)
        data |= {f"epv{number}Today": 0.0, f"epv{number}Total": 0.0}
    return ExtraKeys(data=data, dataloggerSn=device.datalogger_sn, tlx_sn=device.sn)


@endpoint("GET", "plant/power", interval=FIVE_MINUTES)
def power(request: GrowattRequest) -> dict[str, Any]:
    """Return a plant's power on a day, every five minutes until now, newest first."""
    refusal = "power station ID is empty or time format is incorrect"
    plant = request.plant(request.integer("plant_id", 10003, refusal), 10002)
    try:
        day = date.fromisoformat(request.required("date", 10003, refusal))
    except ValueError:
        raise ApiError(10003, refusal) from None
    # In the plant's time zone, but naive.
    now = datetime.fromisoformat(vendor_time(request.now + plant.time_zone * 3600))
    if day < now.date():
        minutes = 24 * 60
    else:
        minutes = now.hour * 60 + now.minute + 1 if day == now.date() else 0
    times = [f"{day} {at // 60:02}:{at % 60:02}" for at in range(0, minutes, 5)]
    powers = [{"time": time, "power": 0.0} for time in reversed(times)]
    return {"count": len(powers), "powers": powers}
