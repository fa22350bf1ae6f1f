"""The Quectel / Acceleronix end-user API: endpoints, result codes and answers.

Sources: the vendor's pages sendEmail, emailPwdRegister (the seed), emailPwdLogin, refreshToken,
userInfo, bindDeviceSn and userDeviceList, "Status Code"; page sendPhoneSmsCode for 5058 and 5059.

Functions that read a reply raise UnexpectedAnswerError if what was asked for is missing.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from ..answer import (
    UNKNOWN_CODE,
    Answer,
    Meaning,
    Reply,
    as_flag,
    as_int,
    as_list,
    as_message,
    as_object,
    as_text,
    rows_of,
)
from ..errors import (
    CODE_TOO_SOON,
    AccessDeniedError,
    AlreadyBoundError,
    BlockedError,
    InvalidInputError,
    NotAllowedError,
    RateLimitedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
)
from ..model import Sighting, SightingPage
from ..provider import Endpoint, Pace

SEND_EMAIL: Final = Endpoint("POST", "v2/mail/enduserapi/v2/sendEmail")
REGISTER: Final = Endpoint("POST", "v2/enduser/enduserapi/emailPwdRegister", irreversible=True)
LOGIN: Final = Endpoint("POST", "v2/enduser/enduserapi/emailPwdLogin")
REFRESH: Final = Endpoint("PUT", "v2/enduser/enduserapi/refreshToken")
USER_INFO: Final = Endpoint("GET", "v2/enduser/enduserapi/userInfo")
DEVICE_BIND: Final = Endpoint("POST", "v2/binding/enduserapi/bindDeviceSn")
# No limit is documented, but devices take minutes to appear.
DEVICE_LIST: Final = Endpoint("GET", "v2/binding/enduserapi/userDeviceList", Pace.SLOW)

ROWS_PER_PAGE: Final = 50

TOKEN_REJECTED: Final = 5032
NOT_REGISTERED: Final = 5031

# Success: 200 in the vendor's documentation, 0 in its samples.
_OK = 200
_SAMPLE_OK = 0
_SHARED = 2  # deviceType: another account's device that this account may use
_EXPIRED = 2  # bindStatus

SIGN_IN_ENDED: Final = "sign_in_ended"
_SIGN_IN_ENDED = Meaning(AccessDeniedError, SIGN_IN_ENDED)
_SIGNATURE = Meaning(AccessDeniedError, "signature_rejected", "user_domain_secret")
_FROZEN = Meaning(RateLimitedError, "account_frozen", "email", 1_200)
_BIND_FAILED = Meaning(TryAgainError, "bind_failed")
_MAY_NOT_BIND = Meaning(NotAllowedError, "account_may_not_bind")
_SERIAL = Meaning(RejectedError, "serial_rejected", "serial_numbers")
_HOMES = Meaning(RejectedError, "homes_unsupported")


def _wrong_password(attempts: int) -> Meaning:
    """Return the meaning of a wrong password; `attempts` are left before the account is frozen."""
    return Meaning(
        InvalidInputError,
        "wrong_password",
        "password",
        placeholders={"attempts": str(attempts)},
    )


# One list for all endpoints: a code documented for one of them is understood from all.
MEANINGS: Final[Mapping[int, Meaning]] = {
    500: Meaning(TryAgainError),
    # What was typed
    5013: Meaning(InvalidInputError, "user_domain_invalid", "user_domain"),
    5015: Meaning(InvalidInputError, "user_domain_unknown", "user_domain"),
    5022: Meaning(InvalidInputError, "required", "password"),
    5023: Meaning(InvalidInputError, "required", "user_domain"),
    5026: Meaning(InvalidInputError, "required", "email"),
    NOT_REGISTERED: Meaning(InvalidInputError, "email_not_registered", "email"),
    5039: Meaning(TakenError, "email_taken", "email"),
    5040: Meaning(InvalidInputError, "invalid_email", "email"),
    5046: Meaning(InvalidInputError, "code_wrong", "code"),
    5056: Meaning(InvalidInputError, "password_6_to_20", "password"),
    5064: Meaning(InvalidInputError, "required", "code"),
    5104: Meaning(NotAllowedError, "user_domain_disabled", "user_domain"),
    5171: Meaning(InvalidInputError, "time_zone_id_rejected", "time_zone_id"),
    5172: Meaning(InvalidInputError, "nationality_id_rejected", "nationality_id"),
    5173: Meaning(InvalidInputError, "language_id_rejected", "language_id"),
    6084: Meaning(InvalidInputError, "mcc_elsewhere", "mcc"),
    6085: Meaning(InvalidInputError, "mcc_lookup_failed", "mcc"),
    # Codes by e-mail
    5058: Meaning(RateLimitedError, CODE_TOO_SOON, "email"),
    5059: Meaning(TryAgainError, "code_not_sent", "email"),
    # Signing in
    5147: _FROZEN,
    5579: _FROZEN,  # undocumented; the vendor's own app takes it for the same
    5325: Meaning(BlockedError, "network_blocked", None, 86_400),
    5420: _SIGNATURE,
    5550: _SIGNATURE,
    5583: _wrong_password(1),
    5584: _wrong_password(2),
    5585: _wrong_password(3),
    5586: _wrong_password(4),
    # Tokens
    TOKEN_REJECTED: _SIGN_IN_ENDED,
    5033: Meaning(AccessDeniedError, "account_gone"),
    5047: _SIGN_IN_ENDED,  # user authentication mismatch
    5065: _SIGN_IN_ENDED,  # user id missing
    5106: _SIGN_IN_ENDED,  # token missing
    # Devices
    5009: _BIND_FAILED,  # device verification failed
    5041: _MAY_NOT_BIND,  # no permission
    5048: _BIND_FAILED,
    5049: Meaning(AlreadyBoundError),
    5052: _BIND_FAILED,  # device not bound
    5066: Meaning(InvalidInputError, "invalid_product_key", "product_key"),
    5067: Meaning(RejectedError),  # device key missing; the endpoint takes none
    5088: _SERIAL,  # serial number missing
    5089: _BIND_FAILED,  # the request for the serial number failed
    5090: _SERIAL,
    5093: _MAY_NOT_BIND,  # abnormal user domain
    5229: Meaning(RejectedError, "product_not_in_user_domain"),
    5314: _BIND_FAILED,  # the cloud's own query failed
    5327: Meaning(RejectedError, "product_not_allowed"),
    5333: Meaning(RejectedError),  # device name too long; we send none
    5361: Meaning(RejectedError),  # device key malformed; we send none
    5412: Meaning(AlreadyBoundError),  # the product allows only one account per device
    5553: Meaning(RejectedError, "product_or_device_missing"),
    5624: _HOMES,  # home mode is off
    5636: _HOMES,  # the home is missing
    5669: _MAY_NOT_BIND,  # regular users may not bind
    5893: _BIND_FAILED,  # not added to the common devices
    6040: Meaning(RejectedError, "device_shared"),
    6083: Meaning(RejectedError, "device_elsewhere"),
}


def read_reply(endpoint: Endpoint, answer: Answer) -> Reply:
    """Return the cloud's reply, or raise the error that it stands for."""
    if endpoint is REFRESH and answer.status == HTTPStatus.BAD_REQUEST:
        # So the framework below the cloud refuses, without a code.
        raise _SIGN_IN_ENDED.to_error(answer.status, "")
    body = answer.json_object()
    if (code := as_int(body.get("code"))) is None:
        raise UnexpectedAnswerError
    if code in {_OK, _SAMPLE_OK}:
        return Reply(code, body.get("data"))
    message = as_message(body.get("msg"), body.get("extMsg"))
    # No codes are documented for a refused refresh. Signing in again helps with any of them.
    unknown = _SIGN_IN_ENDED if endpoint is REFRESH else UNKNOWN_CODE
    raise MEANINGS.get(code, unknown).to_error(code, answer.printable(message))


def accepted(_: Reply) -> None:
    """Read sendEmail, whose code says everything."""


def registered_id(reply: Reply) -> str | None:
    """Read emailPwdRegister: the id of the new account, None if a certain success lacks it."""
    found = as_object(reply.data)
    account_id = as_text(found.get("uid") if found is not None else reply.data)
    if account_id is not None and account_id.lower() == "null":
        account_id = None
    if account_id is None and not _is_certain(reply):
        raise UnexpectedAnswerError
    return account_id


def account_id(reply: Reply) -> str:
    """Read userInfo."""
    if (found := as_text((as_object(reply.data) or {}).get("uid"))) is None:
        raise UnexpectedAnswerError
    return found


def bound(reply: Reply) -> str | None:
    """Read bindDeviceSn: the device key. Its key to the local interface is not used."""
    key = as_text((as_object(reply.data) or {}).get("dk"))
    if key is None and not _is_certain(reply):
        raise UnexpectedAnswerError
    return key and key.upper()


def _is_certain(reply: Reply) -> bool:
    """Return whether the code alone proves success; 0 needs data to support it."""
    return reply.code == _OK


def sightings(product_key: str, page: int, reply: Reply) -> SightingPage:
    """Read userDeviceList: the account's own devices of one product.

    Empty data is an error: it would make all devices look removed.
    """
    if (listing := as_object(reply.data)) is None:
        if (bare := as_list(reply.data)) is None:
            raise UnexpectedAnswerError
        listing = {"list": bare}
    total = as_int(listing.get("total"))
    rows = rows_of(listing, "list", total)
    found = (_sighting(product_key, row) for row in rows)
    return SightingPage(
        tuple(sighting for sighting in found if sighting is not None),
        more=(more := bool(rows) and _has_next(listing, page, len(rows))),
        lacks_some=not more and (page - 1) * ROWS_PER_PAGE + len(rows) < (total or 0),
    )


def _has_next(listing: Mapping[str, object], page: int, rows: int) -> bool:
    """Return whether another page follows."""
    if (flag := as_flag(listing.get("hasNextPage"))) is not None:
        return flag
    if (pages := as_int(listing.get("pages"))) is not None:
        return page < pages
    return rows >= ROWS_PER_PAGE


def _sighting(product_key: str, row: Mapping[str, object]) -> Sighting | None:
    """Read a row, None if it is not one of the account's own devices of this product.

    Some products' rows have the device key only. It may be the number on the label, as an IMEI is.
    """
    named = as_text(row.get("sn"))
    serial = named or as_text(row.get("deviceKey"))
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
        by_key=named is None,
    )
