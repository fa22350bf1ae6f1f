"""Growatt's endpoints for devices and dataloggers.

Source: ShowDoc 262556420217021, pages 9462221142197198 (add by SN), 6117939786619819 and
6117952419029888 (datalogger add, delete), 6117971175828060 (datalogger list), 6118001776634753
(datalogger validate), 6117958613377445 (device list), 6117996523846727 (kind of an SN),
6118045304653161 (datalogger of an SN), 9462219631565222 (dates), and ShowDoc 2540838290984246 page
11292915113214428 (v4 device list).
"""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
import math
from typing import Any

from .api import FIVE_MINUTES, MAX_PER_PAGE, ApiError, BareReply, GrowattRequest, NoData, endpoint
from .model import KINDS, Datalogger, Device, Plant, User, vendor_time

V4_INTERVAL = 5.0
V4_OMITS = {"meter", "groboost"}
MAX_BATCH = 100
# Not documented. Known are 10, 13 and 16 characters.
DATALOGGER_LENGTHS = range(8, 31)
# The server's own, whose dates need not be the plant's.
SERVER_ZONE = timezone(timedelta(hours=8))


def _target(request: GrowattRequest, what: str) -> tuple[User, Plant, str]:
    """Return the end user, plant and serial number of a request to add."""
    user_id = request.integer("c_user_id", 10006, "user id is empty")
    plant_id = request.integer("plant_id", 10002, f"power station id is empty or {what} is wrong")
    serial = request.required("sn", 10002, f"power station id is empty or {what} is wrong")
    user = request.user(user_id, 10005)
    return user, request.plant(plant_id, 10004, user), serial


@endpoint("POST", "device/sn/add", interval=FIVE_MINUTES, permission="bind", string_code=True)
def add_device(request: GrowattRequest) -> NoData:
    """Accept a device, which is associated with the plant once it is online."""
    user, plant, serial = _target(request, "device serial number")
    device = request.state.find_device(serial)
    if device is None:
        raise ApiError(10002, "power station id is empty or device serial number is wrong")
    if not device.datalogger_sn:
        raise ApiError(10007, "collector serial number does not exist")
    repeated = device.requested_plant_id == plant.plant_id and request.state.repeated_exists
    if device.plant_id is not None or repeated:
        raise ApiError(10003, "device already exists")
    request.state.accept(device, plant, user)
    return NoData()


@endpoint("POST", "device/datalogger/validate", string_code=True)
def validate_datalogger(request: GrowattRequest) -> str:
    """Check a datalogger's serial number against the check code on its label."""
    serial = request.text("datalogSn")
    if len(serial) not in DATALOGGER_LENGTHS:
        raise ApiError(10001, "collector serial number is empty or its length is incorrect")
    datalogger = request.state.find_datalogger(serial)
    if datalogger is None or datalogger.check_code != request.text("valiCode"):
        raise ApiError(10002, "collector serial number does not match the check code")
    if datalogger.plant_id is not None:
        holder = request.state.plants[datalogger.plant_id]
        data = {"plant_id": holder.plant_id, "user_id": holder.user_id}
        raise ApiError(10003, "collector already exists and has been added", data)
    return ""


@endpoint(
    "POST",
    "device/datalogger/add",
    interval=FIVE_MINUTES,
    permission="bind",
    string_code=True,
)
def add_datalogger(request: GrowattRequest) -> str:
    """Add a datalogger to a plant; its devices follow once they are online."""
    _, plant, serial = _target(request, "collector serial number")
    datalogger = request.state.find_datalogger(serial)
    if datalogger is None:
        raise ApiError(10002, "power station id is empty or collector serial number is wrong")
    if datalogger.plant_id is not None:
        raise ApiError(10003, "collector already exists")
    request.state.accept_datalogger(datalogger, plant)
    return ""


@endpoint(
    "POST",
    "device/datalogger/delete",
    interval=FIVE_MINUTES,
    permission="bind",
    string_code=True,
)
def delete_datalogger(request: GrowattRequest) -> str:
    """Remove a datalogger and its devices from a plant."""
    message = "power station id is empty or collector serial number is wrong"
    plant = request.plant(request.integer("plant_id", 10002, message), 10003)
    serial = request.required("sn", 10002, message)
    datalogger = request.state.dataloggers.get(serial)
    if datalogger is None or datalogger.plant_id != plant.plant_id:
        raise ApiError(10004, "collector does not exist")
    request.state.delete_datalogger(datalogger)
    return ""


def _endless(request: GrowattRequest, key: str) -> list[dict[str, Any]]:
    """Return a full page of a list without end: of new devices, the same ones, or blank rows."""
    page = int(request.text("page") or "1") if request.state.endless == "new" else 0
    serials = (f"END{page * MAX_PER_PAGE + row:07}" for row in range(MAX_PER_PAGE))
    return [{} if request.state.endless == "blank" else {key: serial} for serial in serials]


def _plant(request: GrowattRequest) -> Plant:
    return request.plant(request.integer("plant_id", 10002, "power station id is empty"), 10003)


def _java_date(time: float) -> dict[str, int]:
    """Return a time in the format of Java's Date objects, in whole seconds."""
    moment = datetime.fromtimestamp(time, SERVER_ZONE)
    return {
        "time": int(time) * 1000,
        "year": moment.year - 1900,
        "month": moment.month - 1,
        "date": moment.day,
        "day": moment.isoweekday() % 7,
        "hours": moment.hour,
        "minutes": moment.minute,
        "seconds": moment.second,
        "timezoneOffset": -480,
    }


@endpoint("GET", "device/datalogger/list", interval=FIVE_MINUTES)
def list_dataloggers(request: GrowattRequest) -> dict[str, Any]:
    """List a plant's dataloggers."""
    plant = _plant(request)
    dataloggers = request.state.dataloggers_of(plant.plant_id)
    return {
        **_page_of(request, "dataloggers", "sn", dataloggers, _listed_datalogger),
        "peak_power_actual": {
            "id": plant.plant_id,
            "plantName": plant.name,
            "userAccount": request.state.users[plant.user_id].name,
            # The vendor loses the plus sign, which means a space in a URL.
            "timezoneText": f"GMT{plant.time_zone:+g}".replace("+", " "),
            "createDate": _java_date(request.now),
            "createDateText": plant.created,
            "children": [],
            "dataLogList": [],
            "eventMessBeanList": [],
            "paramBean": None,
            "plantFromBean": None,
        },
    }


@endpoint("GET", "device/list", interval=FIVE_MINUTES)
def list_devices(request: GrowattRequest) -> dict[str, Any]:
    """List a plant's devices."""
    devices = request.state.devices_of(_plant(request).plant_id)
    return _page_of(request, "devices", "device_sn", devices, _listed)


def _page_of[T](
    request: GrowattRequest,
    name: str,
    key: str,
    items: list[T],
    row: Callable[[GrowattRequest, T], dict[str, Any]],
) -> dict[str, Any]:
    """Return the page of a plant's list that is asked for; `key` is its serial numbers'."""
    if request.state.endless:
        return {"count": len(items), name: _endless(request, key)}
    return {
        "count": len(items) + request.state.phantom_devices,
        name: request.shown([row(request, item) for item in request.paged(items)]),
    }


def _listed_datalogger(request: GrowattRequest, datalogger: Datalogger) -> dict[str, Any]:
    last_report = request.state.last_report(datalogger)
    return {
        "sn": datalogger.sn,
        "model": "ShineWiFi-X",
        "lost": not request.state.is_reporting(datalogger),
        "type": 0,
        "manufacturer": "Growatt",
        "last_update_time": None if last_report is None else _java_date(last_report),
    }


def _listed(request: GrowattRequest, device: Device) -> dict[str, Any]:
    kind = KINDS[device.kind]
    return {
        "device_sn": device.sn,
        "last_update_time": vendor_time(request.now if device.online else device.placed or 0),
        "model": kind.model,
        "lost": not device.online,
        "status": 1 if device.online else 0,
        "manufacturer": "Growatt",
        "device_id": device.device_id,
        "datalogger_sn": device.datalogger_sn,
        "type": kind.list_type,
    }


@endpoint("GET", "device/check/sn", interval=FIVE_MINUTES)
def check_serial(request: GrowattRequest) -> BareReply:
    """Return the kind of a device or datalogger."""
    # It is `dataloggerSn` on the page and `sn` in the vendor's Postman collection.
    serial = request.text("dataloggerSn") or request.text("sn")
    reply = BareReply(
        result=1,
        model="",
        deviceType=0,
        obj=4,
        dtc=0,
        msg="other",
        in_system=False,
        have_meter=False,
        normalPower=0,
    )
    if request.state.find_datalogger(serial) is not None:
        reply.update(obj=3, msg="datalog", model="ShineWiFi-X")
    elif (device := request.state.find_device(serial)) is not None:
        kind = KINDS[device.kind]
        reply.update(
            obj=kind.obj,
            msg={1: "inverter", 2: "storage"}.get(kind.obj, "other"),
            model=kind.model,
            deviceType=kind.check_type,
            dtc=kind.dtc,
            normalPower=kind.power,
            in_system=device.plant_id is not None,
        )
    else:
        reply.update(result=0)
    return reply


def _visible(request: GrowattRequest) -> dict[str, Device]:
    return {device.sn: device for device in request.state.visible_devices(request.token)}


@endpoint("POST", "device/sn_datalog")
def datalogger_of(request: GrowattRequest) -> dict[str, Any]:
    """Return a device's datalogger."""
    serial = request.required("device_sn", 10003, "device sn is empty")
    if (device := _visible(request).get(serial)) is None:
        raise ApiError(10005, "device does not exist")
    return {"datalogSN": device.datalogger_sn}


@endpoint("POST", "device/all/create_date", interval=FIVE_MINUTES)
def create_dates(request: GrowattRequest) -> dict[str, Any]:
    """Return when up to 100 devices were added, without those that the token may not see."""
    # Required, but no code is documented for its absence.
    page = request.integer("pageNum", 10001, "error_system")
    serials = request.required("devices", 10001, "error_system").split(",")
    if len(serials) > MAX_BATCH or page not in {1, 2}:
        raise ApiError(10001, "error_system")
    visible = _visible(request)
    return {
        serial: {
            "createTime": vendor_time(device.placed or 0),
            "datalogSn": device.datalogger_sn,
            "deviceName": device.kind.upper(),
            "deviceSn": serial,
            "deviceType": "CLOVE",
            "lastUpdateTime": vendor_time(request.now),
        }
        for serial in serials
        # The page size is not documented; here all devices are on the first page.
        if page == 1 and (device := visible.get(serial)) is not None
    }


@endpoint("POST", "new-api/queryDeviceList", interval=V4_INTERVAL, permission="v4")
def list_v4(request: GrowattRequest) -> dict[str, Any]:
    """List all devices that the token may see, page by page."""
    size = request.state.v4_page_size
    page = request.text("page") or "1"
    if not page.isdecimal() or (number := int(page)) < 1:
        raise ApiError(10, "PAGE_NUMBER_CANNOT_BE_EMPTY")
    devices = [
        device
        for device in request.state.visible_devices(request.token)
        if device.kind not in V4_OMITS
    ]
    if request.state.endless:
        return {"data": _endless(request, "deviceSn"), "lastPager": False}
    pages = max(1, math.ceil(len(devices) / size))
    start = (number - 1) * size
    return {
        "count": len(devices),
        "data": request.shown(
            [_watched(request, device) for device in devices[start : start + size]]
        ),
        "pages": pages,
        "pageSize": size,
        "startCount": start,
        "lastPager": number >= pages,
        "notPager": False,
        "other": None,
    }


def _watched(request: GrowattRequest, device: Device) -> dict[str, Any]:
    return {
        request.state.v4_serial_key: device.sn,
        "deviceType": device.kind,
        "datalogSn": device.datalogger_sn,
        "createDate": vendor_time(device.placed or 0),
    }
