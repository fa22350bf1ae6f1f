"""What the Quectel cloud's replies hold, read without trusting them.

Each reader raises UnexpectedAnswerError where the reply lacks what was asked for.
"""

from collections.abc import Mapping
from typing import Final

from ..answer import as_flag, as_int, as_list, as_object, as_text
from ..errors import UnexpectedAnswerError
from ..model import Sighting, SightingPage
from .api import Reply

ROWS_PER_PAGE: Final = 50
# So many pages hold more devices than any account; a server that turns none is not asked forever.
MAX_PAGES: Final = 200

_SHARED = 2  # deviceType: somebody else's device that this account may use
_EXPIRED = 2  # bindStatus


def accepted(reply: Reply) -> None:
    """Read a reply that says all by its code."""
    del reply


def registered_id(reply: Reply) -> str | None:
    """Read emailPwdRegister: the new account's id, None where a certain success names none."""
    found = as_object(reply.data)
    account_id = as_text(found.get("uid") if found is not None else reply.data)
    if account_id is not None and account_id.lower() == "null":
        account_id = None
    if account_id is None and not reply.certain:
        raise UnexpectedAnswerError
    return account_id


def account_id(reply: Reply) -> str:
    """Read userInfo."""
    if (found := as_text((as_object(reply.data) or {}).get("uid"))) is None:
        raise UnexpectedAnswerError
    return found


def bound(reply: Reply) -> None:
    """Read bindDeviceSn; the key to the device's local interface in it is left alone."""
    if not reply.certain and as_text((as_object(reply.data) or {}).get("dk")) is None:
        raise UnexpectedAnswerError


def sightings(product_key: str, page: int, reply: Reply) -> SightingPage:
    """Read userDeviceList: the account's own devices of one product.

    A blank answer is refused: nobody may be missed because of it.
    """
    listing = as_object(reply.data) or {}
    rows = as_list(reply.data)
    if rows is None:
        rows = as_list(listing.get("list"))
    if rows is None:
        if as_int(listing.get("total")) != 0:
            raise UnexpectedAnswerError
        rows = []
    found = (_sighting(product_key, as_object(row) or {}) for row in rows)
    return SightingPage(
        tuple(sighting for sighting in found if sighting is not None),
        more=bool(rows) and page < MAX_PAGES and _has_next(listing, page, len(rows)),
    )


def _has_next(listing: Mapping[str, object], page: int, rows: int) -> bool:
    """Return whether another page follows, by the best that the answer says about it."""
    if (flag := as_flag(listing.get("hasNextPage"))) is not None:
        return flag
    if (pages := as_int(listing.get("pages"))) is not None:
        return page < pages
    return rows >= ROWS_PER_PAGE


def _sighting(product_key: str, row: Mapping[str, object]) -> Sighting | None:
    """Read a row, None if it is no device of this product that the account itself holds.

    Of a device without a serial number its device key is taken for one: products whose devices
    are known by their IMEI have the same in both.
    """
    serial = as_text(row.get("sn")) or as_text(row.get("deviceKey"))
    if (
        serial is None
        or as_text(row.get("productKey")) != product_key
        or as_int(row.get("deviceType")) == _SHARED
        or as_int(row.get("bindStatus")) == _EXPIRED
    ):
        return None
    return Sighting(
        serial=serial.upper(),
        plant_id=product_key,
        model=as_text(row.get("productName")),
        online=as_flag(row.get("onlineStatus")),
    )
