"""Quectel's endpoints for devices.

Source: the vendor's pages bindDeviceSn and userDeviceList.
"""

from typing import Any

from .api import ApiError, BadRequestError, QuectelRequest, endpoint
from .model import Device, User

DEFAULT_PAGE_SIZE = 10


@endpoint("POST", "binding/enduserapi/bindDeviceSn")
def bind(request: QuectelRequest) -> dict[str, Any]:
    """Accept a device, which is associated with the account once it is online."""
    user = request.user()
    product_key = request.required("pk", 5066)
    sn = request.required("sn", 5088)
    product = request.state.products.get(product_key)
    if product is None:
        raise ApiError(5553)
    if user.user_domain not in product.user_domains:
        raise ApiError(5229)
    device = request.state.find_device(sn, product_key)
    if device is None:
        raise ApiError(5090)
    if device.data_center != request.state.data_center:
        raise ApiError(6083)
    holders = device.requested.keys() | device.bound.keys()
    if user.uid in holders:
        raise ApiError(5049)
    if holders and product.unique:
        raise ApiError(5412)
    request.state.accept(device, user)
    return {
        "authKey": device.auth_key,
        "dk": device.device_key,
        "moduleType": "",
        "pk": product_key,
    }


@endpoint("GET", "binding/enduserapi/userDeviceList")
def list_devices(request: QuectelRequest) -> dict[str, Any]:
    """List the account's devices, page by page."""
    user = request.user()
    page, size = request.whole("page", 1), request.whole("pageSize", DEFAULT_PAGE_SIZE)
    if page < 1 or size < 1:
        raise BadRequestError("page")
    product_keys = [key for key in request.text("pkList").split(",") if key]
    devices = [
        device
        for device in request.state.devices_of(user.uid)
        if not product_keys or device.product_key in product_keys
    ]
    pages = -(-len(devices) // size)
    shown = devices[(page - 1) * size : page * size]
    return {
        "list": [_row(request, device, user) for device in shown],
        "total": len(devices),
        "pageNum": page,
        "pageSize": size,
        "size": len(shown),
        "pages": pages,
        "hasNextPage": page < pages,
        "isLastPage": page >= pages,
    }


def _row(request: QuectelRequest, device: Device, user: User) -> dict[str, Any]:
    product = request.state.products[device.product_key]
    return {
        "sn": None if request.state.hides_serials else device.sn,
        "deviceKey": device.device_key,
        "deviceName": product.name,
        "productKey": device.product_key,
        "productName": product.name,
        "authKey": device.auth_key,
        "bindMode": 2 if product.unique else 1,
        "bindStatus": 1,
        "bindingType": 1,
        "deviceType": 1,
        "deviceBindTimeTs": int(device.bound[user.uid] * 1000),
        "deviceStatus": "Online" if device.online else "Offline",
        "onlineStatus": int(device.online),
        "uid": user.uid,
        "phone": "",
    }
