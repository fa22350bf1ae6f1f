"""What Growatt's replies hold, read without trusting them.

Each reader raises UnexpectedAnswerError where the reply lacks what was asked for.
"""

from collections.abc import Mapping
from typing import Final

from ..answer import as_flag, as_int, as_list, as_object, as_text
from ..errors import UnexpectedAnswerError
from ..model import DeviceKind, Location, Plant, Sighting, SightingPage
from .api import DEVICE_MISSING, NAME_TAKEN, V4_DEVICE_MISSING, Reply

type Row = Mapping[str, object]

ROWS_PER_PAGE: Final = 100
# The vendor turns no more.
MAX_PAGES: Final = 250

_KINDS = {
    1: DeviceKind.INVERTER,
    2: DeviceKind.INVERTER,  # "storage": an inverter with a battery
    3: DeviceKind.DATALOGGER,
    4: DeviceKind.OTHER,
}


def is_available(reply: Reply) -> bool:
    """Read user/check_user."""
    return reply.code != NAME_TAKEN


def registered_id(reply: Reply) -> str | None:
    """Read user/user_register: the new user's id, None if the reply names none."""
    return as_text((as_object(reply.data) or {}).get("c_user_id"))


def created_plant_id(reply: Reply) -> str:
    """Read plant/add."""
    return _present(as_text(_payload(reply).get("plant_id")))


def nothing(_: Reply) -> None:
    """Read a reply that says all by its code."""


def _present[T](value: T | None) -> T:
    """Return a value that an answer has to hold."""
    if value is None:
        raise UnexpectedAnswerError
    return value


def _payload(reply: Reply) -> Row:
    return _present(as_object(reply.data))


def page_rows(name: str, reply: Reply, *, may_be_blank: bool) -> list[Row]:
    """Return the rows of a list; one that is no object counts as an empty row.

    `may_be_blank`: an empty string in place of the data is taken for an empty list.
    """
    if may_be_blank and reply.data in ("", None):
        return []
    return [as_object(row) or {} for row in _present(as_list(_payload(reply).get(name)))]


def plant(row: Row, owner_id: str | None = None) -> Plant | None:
    """Read a row of a plant list, None if it has no id."""
    if (plant_id := as_text(row.get("plant_id"))) is None:
        return None
    return Plant(
        id=plant_id,
        name=as_text(row.get("name")) or plant_id,
        owner_id=as_text(row.get("user_id")) or owner_id,
    )


def device_kind(reply: Reply) -> DeviceKind:
    """Read device/check/sn, whose values stand beside each other without an envelope."""
    if as_int(reply.body.get("result")) != 1:
        return DeviceKind.UNKNOWN
    return _KINDS.get(as_int(reply.body.get("obj")) or 0, DeviceKind.UNKNOWN)


def sightings(plant_id: str, reply: Reply) -> SightingPage:
    """Read device/list. A blank answer is refused: nobody may be missed because of it."""
    rows = page_rows("devices", reply, may_be_blank=False)
    found = []
    for row in rows:
        if (serial := as_text(row.get("device_sn"))) is not None:
            lost = as_flag(row.get("lost"))
            found.append(
                Sighting(
                    serial=serial.upper(),
                    plant_id=plant_id,
                    model=as_text(row.get("model")),
                    datalogger=as_text(row.get("datalogger_sn")),
                    online=None if lost is None else not lost,
                )
            )
    return SightingPage(tuple(found), more=len(rows) >= ROWS_PER_PAGE)


def watched(page: int, reply: Reply) -> SightingPage:
    """Read the device list of v4, which names no plants."""
    if reply.code == V4_DEVICE_MISSING:
        return SightingPage(())
    rows = page_rows("data", reply, may_be_blank=True)
    found = tuple(
        Sighting(serial=serial.upper(), datalogger=as_text(row.get("datalogSn")))
        for row in rows
        if (serial := as_text(row.get("deviceSn"))) is not None
    )
    return SightingPage(
        found, more=bool(rows) and page < MAX_PAGES and _has_next(reply, page, len(rows))
    )


def _has_next(reply: Reply, page: int, rows: int) -> bool:
    """Return whether another page follows one of v4, whose size is the vendor's to choose.

    A full page is taken for one more than the last even where the answer says otherwise: a page
    too many costs little, a missed one hides devices.
    """
    if rows >= ROWS_PER_PAGE:
        return True
    payload = _payload(reply)
    if (last := as_flag(payload.get("lastPager"))) is not None:
        return not last
    return page < (as_int(payload.get("pages")) or 0)


def location(reply: Reply) -> Location | None:
    """Read plant/sn_plant. Its plant's `status` says nothing about the device."""
    if reply.code == DEVICE_MISSING:
        return None
    holder = _present(as_object(_payload(reply).get("plant")))
    return Location(
        plant_id=_present(as_text(holder.get("plant_id"))),
        plant_name=as_text(holder.get("name")),
        owner_id=as_text(holder.get("user_id")),
    )
