"""Growatt's endpoints for plants.

Source: ShowDoc 262556420217021, pages 1494063254831721 (add), 1494059609631488 (modify),
1494059771852057 (delete), 1494058730404880 (list), 1494064249382745 (a user's list),
1494060394238679 (details), 1494061093808613 (data) and 1494064780850155 (of a device).
"""

from typing import Any

from .api import FIVE_MINUTES, PER_DAY, ApiError, GrowattRequest, endpoint
from .model import Plant, User, vendor_time


def _unique_name(request: GrowattRequest, owner: User, current: Plant | None = None) -> str:
    name = request.required("name", 10003, "power station name is empty")
    for plant in request.state.plants.values():
        if plant is not current and plant.user_id == owner.user_id and plant.name == name:
            raise ApiError(10006, "power station name already exists under this user")
    return name


def _apply_options(request: GrowattRequest, plant: Plant) -> None:
    """Apply the optional parameters that add and modify share."""
    # Really: latitude_f is the country and latitude_d the installer code.
    plant.country = request.text("latitude_f") or plant.country
    plant.installer_code = request.text("latitude_d") or plant.installer_code
    plant.currency = request.text("currency") or plant.currency
    for name in ("longitude", "latitude"):
        if value := request.text(name):
            request.decimal(name)
            setattr(plant, name, value)
    plant.time_zone = request.decimal("timezone_id", plant.time_zone)
    plant.plant_type = int(request.decimal("plant_type", plant.plant_type))
    if value := request.text("formulaMoney"):
        request.decimal("formulaMoney")
        plant.price = value
    plant.city = request.text("city") or plant.city
    plant.address = request.text("plantAddress") or plant.address


@endpoint("POST", "plant/add", interval=FIVE_MINUTES)
def add(request: GrowattRequest) -> dict[str, Any]:
    """Create a plant for an end user."""
    owner = request.user(request.integer("c_user_id", 10002, "user id is empty"), 10005)
    name = _unique_name(request, owner)
    request.required("peak_power", 10004, "peak power is empty")
    peak_power = request.decimal("peak_power")
    created = request.text("createDate") or vendor_time(request.now)[:10]
    draft = Plant(0, owner.user_id, name, created, peak_power)
    _apply_options(request, draft)
    return {"plant_id": request.state.keep_plant(draft).plant_id}


@endpoint("POST", "plant/modify", per_day=PER_DAY)
def modify(request: GrowattRequest) -> str:
    """Change a plant."""
    owner = request.user(request.integer("c_user_id", 10002, "user id is empty"), 10005)
    plant_id = request.integer("plant_id", 10007, "power station does not exist")
    plant = request.plant(plant_id, 10007, owner)
    plant.name = _unique_name(request, owner, current=plant)
    plant.peak_power = request.decimal("peak_power", plant.peak_power)
    _apply_options(request, plant)
    return ""


@endpoint("POST", "plant/delete")
def delete(request: GrowattRequest) -> str:
    """Delete a plant; its devices then belong to nobody."""
    plant = request.plant(request.integer("plant_id", 10002, "power plant id is empty"), 10004)
    request.state.delete_plant(plant.plant_id)
    return ""


def _status(request: GrowattRequest, plant: Plant) -> int:
    """Return 1 (online), 2 (offline) or 4 (no data)."""
    devices = request.state.devices_of(plant.plant_id)
    if not devices:
        return 4
    return 1 if any(device.online for device in devices) else 2


def listed(request: GrowattRequest, plant: Plant) -> dict[str, Any]:
    """Return a plant's list entry, in which some numbers and nulls are strings."""
    return {
        "status": _status(request, plant),
        "locale": "en-US",
        "total_energy": "0",
        "operator": "0",
        "country": plant.country,
        "city": plant.city,
        "current_power": "",
        "create_date": plant.created,
        "image_url": None,
        "plant_id": plant.plant_id,
        "name": plant.name,
        "installer": "0",
        "user_id": plant.user_id,
        "longitude": plant.longitude,
        "latitude": plant.latitude,
        "peak_power": plant.peak_power,
        "latitude_d": plant.installer_code or None,
        "latitude_f": plant.country or None,
    }


def _list(request: GrowattRequest, plants: list[Plant]) -> dict[str, Any]:
    return {
        "count": len(plants),
        "plants": request.shown([listed(request, plant) for plant in request.paged(plants)]),
    }


@endpoint("GET", "plant/list", interval=FIVE_MINUTES, per_day=PER_DAY)
def list_all(request: GrowattRequest) -> dict[str, Any]:
    """List all plants that the token may see."""
    keyword = request.text("search_keyword")
    visible = request.state.visible_plants(request.token)
    return _list(request, [plant for plant in visible if keyword in plant.name])


@endpoint("POST", "plant/user_plant_list", interval=FIVE_MINUTES, per_day=PER_DAY)
def list_of_user(request: GrowattRequest) -> dict[str, Any]:
    """List an end user's plants. No code is documented for an unknown user."""
    name = request.required("user_name", 10001, "error_system")
    user = request.state.user_named(name)
    if user is None:
        raise ApiError(10001, "error_system")
    if not request.state.may_see_user(request.token, user):
        raise ApiError(10011, "error_permission_denied")
    plants = [plant for plant in request.state.plants.values() if plant.user_id == user.user_id]
    return _list(request, plants)


def _plant(request: GrowattRequest) -> Plant:
    # Unlike in other endpoints, 10003 means empty and 10002 unknown.
    return request.plant(request.integer("plant_id", 10003, "power station id is empty"), 10002)


@endpoint("GET", "plant/details", interval=FIVE_MINUTES)
def details(request: GrowattRequest) -> dict[str, Any]:
    """Return the basic facts about a plant."""
    plant = _plant(request)
    devices = request.state.devices_of(plant.plant_id)
    dataloggers = {device.datalogger_sn for device in devices}
    return {
        "name": plant.name,
        "plant_type": plant.plant_type,
        "user_id": plant.user_id,
        "timezone": f"GMT{plant.time_zone:+g}",
        "peak_power": plant.peak_power,
        "country": plant.country,
        "city": plant.city,
        "address1": plant.address,
        "longitude": plant.longitude,
        "latitude": plant.latitude,
        "currency": plant.currency,
        "create_date": plant.created,
        "locale": "en_US",
        "status": "",
        "dataloggers": [
            {
                "datalogger_man": "Growatt",
                "datalogger_md": "",
                "datalogger_num": len(dataloggers),
            }
        ],
        "inverters": [{"inverter_man": "Growatt", "inverter_md": "", "inverter_num": len(devices)}],
        "maxs": [],
        "arrays": [{"module_man": "Growatt", "module_md": "", "num_modules": 0}],
    }


@endpoint("GET", "plant/data")
def data(request: GrowattRequest) -> dict[str, Any]:
    """Return a plant's energy, which is always zero."""
    plant = _plant(request)
    return {
        "current_power": 0,
        "today_energy": "0",
        "monthly_energy": "0",
        "yearly_energy": "0",
        "total_energy": "0",
        "peak_power_actual": plant.peak_power,
        "efficiency": "",
        "carbon_offset": "0",
        "last_update_time": vendor_time(request.now),
        "timezone": f"GMT{plant.time_zone:+g}",
    }


@endpoint("POST", "plant/sn_plant", interval=FIVE_MINUTES)
def of_device(request: GrowattRequest) -> dict[str, Any]:
    """Return the plant of a device (not of a datalogger)."""
    serial = request.required("device_sn", 10003, "device sn is empty")
    device = request.state.devices.get(serial)
    if device is None or device.plant_id is None:
        raise ApiError(10005, "device does not exist")
    plant = request.state.plants[device.plant_id]
    if not request.state.may_see_plant(request.token, plant):
        raise ApiError(request.state.foreign_device_code, "error_permission_denied")
    return {"plant": listed(request, plant)}
