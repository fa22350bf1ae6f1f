"""Growatt's ShineServer OpenAPI: endpoints, result codes and answers.

Source: the vendor's ShowDoc books 262556420217021 (v1) and 2540838290984246 (v4).

Functions that read a reply raise UnexpectedAnswerError if what was asked for is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ..answer import (
    UNKNOWN_CODE,
    Answer,
    Meaning,
    Reply,
    as_flag,
    as_int,
    as_message,
    as_object,
    as_text,
    rows_of,
)
from ..errors import (
    AccessDeniedError,
    AlreadyBoundError,
    InvalidInputError,
    NotAllowedError,
    PlantMissingError,
    RateLimitedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
    WrongServerError,
)
from ..model import DeviceKind, Location, Plant, Sighting, SightingPage
from ..provider import Endpoint, Pace

USER_REGISTER: Final = Endpoint("POST", "v1/user/user_register", irreversible=True)
USER_CHECK: Final = Endpoint("POST", "v1/user/check_user", optional=True)
USER_LIST: Final = Endpoint("GET", "v1/user/c_user_list", Pace.SLOW_DAILY, optional=True)
PLANT_LIST: Final = Endpoint("GET", "v1/plant/list", Pace.SLOW_DAILY)
PLANT_LIST_OF_USER: Final = Endpoint(
    "POST", "v1/plant/user_plant_list", Pace.SLOW_DAILY, optional=True
)
PLANT_ADD: Final = Endpoint("POST", "v1/plant/add", Pace.SLOW, irreversible=True)
PLANT_OF_DEVICE: Final = Endpoint("POST", "v1/plant/sn_plant", Pace.SLOW, optional=True)
DEVICE_ADD: Final = Endpoint("POST", "v1/device/sn/add", Pace.SLOW)
DEVICE_LIST: Final = Endpoint("GET", "v1/device/list", Pace.SLOW)
DEVICE_CHECK: Final = Endpoint("GET", "v1/device/check/sn", Pace.SLOW, optional=True)
DATALOGGER_VALIDATE: Final = Endpoint("POST", "v1/device/datalogger/validate", optional=True)
DATALOGGER_ADD: Final = Endpoint("POST", "v1/device/datalogger/add", Pace.SLOW)
DATALOGGER_LIST: Final = Endpoint("GET", "v1/device/datalogger/list", Pace.SLOW)
DEVICE_WATCH: Final = Endpoint("POST", "v4/new-api/queryDeviceList", Pace.QUICK, optional=True)

# What adds and lists each kind of device.
ADD: Final = {DeviceKind.INVERTER: DEVICE_ADD, DeviceKind.DATALOGGER: DATALOGGER_ADD}
LIST: Final = {DeviceKind.INVERTER: DEVICE_LIST, DeviceKind.DATALOGGER: DATALOGGER_LIST}

ROWS_PER_PAGE: Final = 100

_NAME_TAKEN = 10003
_DEVICE_MISSING = 10005
_DATALOGGER_HELD = 10003
_V4_DEVICE_MISSING = 4
# What v4 calls a serial number, by the kind of device. Documented is the first.
_V4_SERIALS = (
    "deviceSn",
    "serialNum",
    "tlxSn",
    "mixSn",
    "maxSn",
    "spaSn",
    "hpsSn",
    "pcsSn",
    "inverterId",
)
# What says that a token belongs to another host. Codes that come with it mean other things.
_OTHER_HOST_MARKS = ("usetruehost", "new domain name")
_LOGIN_PAGE_MARKS = ('data-name="login"', "you have not login")

type Codes = Mapping[int, Meaning]
type Row = Mapping[str, object]


class Rows(NamedTuple):
    """A page of a list, and how many rows the cloud says the list has, None if it does not."""

    rows: Sequence[Row]
    total: int | None = None


_SYSTEM_ERROR = Meaning(TryAgainError)
_TOO_OFTEN = Meaning(RateLimitedError)
_ACCOUNT_MISSING = Meaning(RejectedError, "account_missing")
_PLANT_MISSING = Meaning(PlantMissingError)
_SERIAL_REJECTED = Meaning(RejectedError, "serial_rejected", "serial_numbers")
_DATALOGGER_REJECTED = Meaning(RejectedError, "serial_rejected", "serial_number")
_NO_BINDING = Meaning(NotAllowedError, "not_allowed_bind")
_NO_DEVICES = Meaning(NotAllowedError, "not_allowed_devices")
_NO_PLANTS = Meaning(NotAllowedError, "not_allowed_plants")
_NO_REGISTERING = Meaning(NotAllowedError, "not_allowed_register")
_OTHER_HOST = Meaning(WrongServerError)
_INVALID_TOKEN = Meaning(AccessDeniedError, "invalid_token", "token")

# Used where an endpoint does not define these codes itself. 10011 is the answer to an invalid
# token, to another region's token and to one that may not use the endpoint. As every valid token
# may use plant/list, only that endpoint proves a token invalid.
_GENERIC: Codes = {
    -1: _OTHER_HOST,
    10001: _SYSTEM_ERROR,
    10011: Meaning(NotAllowedError),
    10012: _TOO_OFTEN,
    10013: Meaning(RejectedError),  # more than 100 rows per page
    10014: Meaning(RejectedError),  # more than 250 pages
}
# The same code means different things on different endpoints.
CODES: Final[Mapping[Endpoint, Codes]] = {
    USER_REGISTER: {
        **_GENERIC,
        10002: Meaning(InvalidInputError, "username_or_password_empty", "username"),
        10003: Meaning(TakenError, "username_taken", "username"),
        10004: Meaning(InvalidInputError, "email_empty", "email"),
        10006: Meaning(RejectedError),  # user type empty; we always send it
        10008: _INVALID_TOKEN,  # token empty
        10011: _NO_REGISTERING,
        10014: Meaning(InvalidInputError, "installer_code_wrong", "installer_code"),
    },
    USER_CHECK: {
        **_GENERIC,
        10002: Meaning(InvalidInputError, "required", "username"),
        10011: _NO_REGISTERING,
    },
    USER_LIST: _GENERIC,
    PLANT_LIST: {**_GENERIC, 10011: _INVALID_TOKEN},
    PLANT_LIST_OF_USER: {**_GENERIC, 10011: _NO_PLANTS},
    PLANT_ADD: {
        **_GENERIC,
        10002: _ACCOUNT_MISSING,  # user id empty
        10003: Meaning(InvalidInputError, "required", "name"),
        10004: Meaning(InvalidInputError, "required", "peak_power"),
        10005: _ACCOUNT_MISSING,
        10006: Meaning(InvalidInputError, "plant_name_taken", "name"),
        10011: Meaning(NotAllowedError, "not_allowed_create_plant"),
    },
    PLANT_OF_DEVICE: {
        **_GENERIC,
        10002: _ACCOUNT_MISSING,
        10003: _SERIAL_REJECTED,  # serial number empty
        10004: Meaning(RejectedError),  # device type empty; the endpoint takes none
        10011: _NO_DEVICES,
    },
    DEVICE_ADD: {
        **_GENERIC,
        10002: _SERIAL_REJECTED,  # or plant id empty, but we always send it
        10003: Meaning(AlreadyBoundError),
        10004: _PLANT_MISSING,
        10005: _ACCOUNT_MISSING,
        10006: _ACCOUNT_MISSING,  # user id empty
        10007: Meaning(RejectedError, "datalogger_missing"),
        10010: Meaning(TryAgainError, "bind_failed"),
        10011: _NO_BINDING,
    },
    DEVICE_LIST: {
        **_GENERIC,
        10002: _PLANT_MISSING,  # plant id empty
        10003: _PLANT_MISSING,
        10011: _NO_DEVICES,
    },
    DEVICE_CHECK: {**_GENERIC, 10011: _NO_DEVICES},
    DATALOGGER_VALIDATE: {
        **_GENERIC,
        10001: _DATALOGGER_REJECTED,  # empty, or of a wrong length
        10002: Meaning(InvalidInputError, "check_code_wrong", "check_code"),
        10011: _NO_DEVICES,
    },
    DATALOGGER_ADD: {
        **_GENERIC,
        10002: _DATALOGGER_REJECTED,  # or plant id empty, but we always send it
        10003: Meaning(AlreadyBoundError),
        10004: _PLANT_MISSING,
        10005: _ACCOUNT_MISSING,
        10006: _ACCOUNT_MISSING,  # user id empty
        10011: _NO_BINDING,
    },
    DATALOGGER_LIST: {
        **_GENERIC,
        10002: _PLANT_MISSING,  # plant id empty
        10003: _PLANT_MISSING,
        10011: _NO_DEVICES,
    },
    # v4 has its own codes. A token that is valid for v1 need not be valid for v4, so even its
    # "invalid token" (2) only means that the token may not use this endpoint.
    DEVICE_WATCH: {
        **_GENERIC,
        1: _SYSTEM_ERROR,
        2: _NO_DEVICES,
        3: _NO_DEVICES,  # device permission verification failed
        5: _SYSTEM_ERROR,  # device offline
        6: _SYSTEM_ERROR,  # setting failed
        7: Meaning(RejectedError),  # device type
        8: Meaning(RejectedError),  # serial number empty
        9: Meaning(RejectedError),  # date empty
        10: Meaning(RejectedError),  # page empty
        11: Meaning(RejectedError),  # too many serial numbers
        12: _NO_DEVICES,  # no permission for the device
        100: _TOO_OFTEN,
        101: _NO_DEVICES,  # permission denied
        102: _TOO_OFTEN,
        105: _TOO_OFTEN,
        10011: _NO_DEVICES,
    },
}

# Codes that answer the question that was asked and are not failures.
_ANSWERS: Mapping[Endpoint, int] = {
    USER_CHECK: _NAME_TAKEN,
    PLANT_OF_DEVICE: _DEVICE_MISSING,
    DATALOGGER_VALIDATE: _DATALOGGER_HELD,
    DEVICE_WATCH: _V4_DEVICE_MISSING,
}
# What device/check/sn calls each kind (`obj`).
_KINDS = {
    1: DeviceKind.INVERTER,
    2: DeviceKind.INVERTER,  # "storage": an inverter with a battery
    3: DeviceKind.DATALOGGER,
    4: DeviceKind.OTHER,
}
# What device/list calls each kind (`type`): storage, max, sph, spa, min, pcs, hps and pbd are
# inverters; 3 is a meter, a sensor or a datalogger, 11 a switch for loads (groboost).
_LISTED_KINDS = {
    **dict.fromkeys((1, 2, 4, 5, 6, 7, 8, 9, 10), DeviceKind.INVERTER),
    **dict.fromkeys((3, 11), DeviceKind.OTHER),
}
# The years 2000 to 2100, in Unix seconds: no cloud has heard anything at another time.
_SENSIBLE_TIMES = range(946_684_800, 4_133_980_800)


def read_reply(endpoint: Endpoint, answer: Answer) -> Reply:
    """Return the cloud's reply, or raise the error that it stands for.

    v1 sends `error_code` and `error_msg`, v4 `code` and `message`. device/check/sn sends its
    values at the top level and on success no code at all.
    """
    if answer.is_web_page and any(mark in answer.text for mark in _LOGIN_PAGE_MARKS):
        raise UnexpectedAnswerError("login_page")
    body = answer.json_object()
    flat = endpoint is DEVICE_CHECK
    code: int | None = None
    if (key := next((key for key in ("error_code", "code") if key in body), None)) is not None:
        code = as_int(body[key])
    elif flat and "result" in body:
        code = 0
    if code is None:
        raise UnexpectedAnswerError
    if code in {0, _ANSWERS.get(endpoint)}:
        return Reply(code, body if flat else body.get("data"))
    message = as_message(body.get("error_msg"), body.get("message"))
    other_host = any(mark in message.casefold() for mark in _OTHER_HOST_MARKS)
    meaning = _OTHER_HOST if other_host else CODES[endpoint].get(code, UNKNOWN_CODE)
    raise meaning.to_error(code, answer.printable(message))


# Users


def is_available(reply: Reply) -> bool:
    """Read user/check_user."""
    return reply.code != _NAME_TAKEN


def registered_id(reply: Reply) -> str | None:
    """Read user/user_register: the id of the new user, None if the reply lacks it."""
    return as_text((as_object(reply.data) or {}).get("c_user_id"))


# Plants


def plant(row: Row, owner_id: str | None = None) -> Plant | None:
    """Read a row of a plant list, None if it has no id."""
    if (plant_id := as_text(row.get("plant_id"))) is None:
        return None
    return Plant(
        id=plant_id,
        name=as_text(row.get("name")) or plant_id,
        owner_id=as_text(row.get("user_id")) or owner_id,
    )


def plant_row(plant: Plant) -> Row:
    """Return a plant as a row that `plant` reads."""
    return {"plant_id": plant.id, "name": plant.name, "user_id": plant.owner_id}


def created_plant_id(reply: Reply) -> str:
    """Read plant/add."""
    return _present(as_text(_payload(reply).get("plant_id")))


def location(reply: Reply) -> Location | None:
    """Read plant/sn_plant. The `status` in it is the plant's, not the device's."""
    if reply.code == _DEVICE_MISSING:
        return None
    holder = _present(as_object(_payload(reply).get("plant")))
    return Location(
        plant_id=_present(as_text(holder.get("plant_id"))),
        plant_name=as_text(holder.get("name")),
        owner_id=as_text(holder.get("user_id")),
    )


# Devices


def device_kind(reply: Reply) -> DeviceKind:
    """Read device/check/sn."""
    body = as_object(reply.data) or {}
    if as_int(body.get("result")) != 1:
        return DeviceKind.UNKNOWN
    return _KINDS.get(as_int(body.get("obj")) or 0, DeviceKind.UNKNOWN)


def datalogger_holder(reply: Reply) -> Location | None:
    """Read device/datalogger/validate: who has the datalogger, as far as the reply tells."""
    if reply.code != _DATALOGGER_HELD:
        return None
    holder = as_object(reply.data) or {}
    return Location(
        plant_id=as_text(holder.get("plant_id")), owner_id=as_text(holder.get("user_id"))
    )


def nothing(_: Reply) -> None:
    """Read device/sn/add and device/datalogger/add, whose code says everything."""


def devices(plant_id: str, page: int, reply: Reply) -> SightingPage:
    """Read device/list."""
    return _sightings("devices", _device, plant_id, page, reply)


def dataloggers(plant_id: str, page: int, reply: Reply) -> SightingPage:
    """Read device/datalogger/list."""
    return _sightings("dataloggers", _datalogger, plant_id, page, reply)


# What reads the list of each kind of device.
SIGHTINGS: Final = {DeviceKind.INVERTER: devices, DeviceKind.DATALOGGER: dataloggers}


def _sightings(
    name: str, read: Callable[[str, Row], Sighting | None], plant_id: str, page: int, reply: Reply
) -> SightingPage:
    """Read a plant's list. Empty data is an error here: it would make all devices look removed.

    The lists are known to show fewer devices than they count.
    """
    rows, total = page_rows(name, reply, may_be_blank=False)
    found = tuple(sighting for row in rows if (sighting := read(plant_id, row)) is not None)
    more = len(rows) >= ROWS_PER_PAGE
    shown = (page - 1) * ROWS_PER_PAGE + len(found)
    return SightingPage(found, more, lacks_some=not more and shown < (total or 0))


def _device(plant_id: str, row: Row) -> Sighting | None:
    """Read a row of device/list. When it last reported is told in the plant's own time only."""
    if (serial := as_text(row.get("device_sn"))) is None:
        return None
    return Sighting(
        serial=serial.upper(),
        plant_id=plant_id,
        model=as_text(row.get("model")),
        datalogger=None if (stick := as_text(row.get("datalogger_sn"))) is None else stick.upper(),
        online=_online(row),
        kind=_LISTED_KINDS.get(as_int(row.get("type")) or 0, DeviceKind.UNKNOWN),
        series=as_text(row.get("type")),
    )


def _datalogger(plant_id: str, row: Row) -> Sighting | None:
    """Read a row of device/datalogger/list."""
    if (serial := as_text(row.get("sn"))) is None:
        return None
    return Sighting(
        serial=serial.upper(),
        plant_id=plant_id,
        model=as_text(row.get("model")),
        online=_online(row),
        kind=DeviceKind.DATALOGGER,
        reported_at=_time(row.get("last_update_time")),
    )


def _online(row: Row) -> bool | None:
    return None if (lost := as_flag(row.get("lost"))) is None else not lost


def _time(value: object) -> float | None:
    """Return Unix seconds, None if there is no sensible time.

    A Java Date has milliseconds, beside a year, month and so on in whatever zone the server is.
    """
    date = as_object(value)
    milliseconds = as_int(value if date is None else date.get("time"))
    if milliseconds is None or milliseconds // 1000 not in _SENSIBLE_TIMES:
        return None
    return milliseconds / 1000


def watched(page: int, reply: Reply) -> SightingPage:
    """Read v4's device list, which does not name plants."""
    if reply.code == _V4_DEVICE_MISSING:
        return SightingPage(())
    rows, _ = page_rows("data", reply, may_be_blank=True)
    found = tuple(
        Sighting(serial=serial.upper(), datalogger=as_text(row.get("datalogSn")))
        for row in rows
        if (serial := next(filter(None, map(as_text, map(row.get, _V4_SERIALS))), None)) is not None
    )
    return SightingPage(found, more=bool(rows) and _has_next(reply, page, len(rows)))


def _has_next(reply: Reply, page: int, rows: int) -> bool:
    """Return whether another page of v4's list follows; the vendor chooses the page size.

    A full page never counts as the last, whatever the answer says: asking for one page too many
    costs little, while missing one would hide devices.
    """
    if rows >= ROWS_PER_PAGE:
        return True
    payload = _payload(reply)
    if (last := as_flag(payload.get("lastPager"))) is not None:
        return not last
    return page < (as_int(payload.get("pages")) or 0)


# Helpers


def page_rows(name: str, reply: Reply, *, may_be_blank: bool) -> Rows:
    """Return a page of a list; anything that is not an object becomes an empty row.

    `may_be_blank`: accept an empty string in place of the data as an empty list.
    """
    if may_be_blank and reply.data in ("", None):
        return Rows([])
    payload = _payload(reply)
    total = as_int(payload.get("count"))
    return Rows(rows_of(payload, name, total), total)


def _payload(reply: Reply) -> Row:
    return _present(as_object(reply.data))


def _present[T](value: T | None) -> T:
    """Return a value that the answer must contain."""
    if value is None:
        raise UnexpectedAnswerError
    return value
