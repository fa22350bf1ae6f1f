"""Growatt's ShineServer OpenAPI v1: its endpoints, and what their result codes mean.

Source: the vendor's ShowDoc books 262556420217021 (v1) and 2540838290984246 (v4). The same
number means different things on different endpoints, so each has its own table.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..answer import Answer, as_int, as_text, printable
from ..errors import (
    AccessDeniedError,
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    NotAllowedError,
    PlantMissingError,
    RateLimitedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
    UnknownCodeError,
    WrongServerError,
)
from ..model import repr_without
from ..provider import Endpoint, Pace

USER_REGISTER: Final = Endpoint("POST", "v1/user/user_register", irreversible=True)
USER_CHECK: Final = Endpoint("POST", "v1/user/check_user")
USER_LIST: Final = Endpoint("GET", "v1/user/c_user_list", Pace.SLOW_DAILY)
PLANT_LIST: Final = Endpoint("GET", "v1/plant/list", Pace.SLOW_DAILY)
PLANT_LIST_OF_USER: Final = Endpoint("POST", "v1/plant/user_plant_list", Pace.SLOW_DAILY)
PLANT_ADD: Final = Endpoint("POST", "v1/plant/add", Pace.SLOW, irreversible=True)
PLANT_OF_DEVICE: Final = Endpoint("POST", "v1/plant/sn_plant", Pace.SLOW)
DEVICE_ADD: Final = Endpoint("POST", "v1/device/sn/add", Pace.SLOW)
DEVICE_LIST: Final = Endpoint("GET", "v1/device/list", Pace.SLOW)
DEVICE_CHECK: Final = Endpoint("GET", "v1/device/check/sn", Pace.SLOW)
DEVICE_WATCH: Final = Endpoint("POST", "v4/new-api/queryDeviceList", Pace.QUICK)

# "Same request only once every 5 minutes", and every 5 seconds for the v4 list.
SLOW_SECONDS: Final = 300.0
QUICK_SECONDS: Final = 5.0

NAME_TAKEN: Final = 10003
DEVICE_MISSING: Final = 10005
V4_DEVICE_MISSING: Final = 4

_LOGIN_PAGE_MARKS = ('data-name="login"', "you have not login")


class Meaning(NamedTuple):
    """What a result code means: the error, its text, the field at fault, the time to wait."""

    error: type[CloudError]
    key: str | None = None
    field: str | None = None
    retry_after: float | None = None


type Codes = Mapping[int, Meaning]

# Codes that mean the same on every endpoint that gives them no meaning of its own. 10011 is
# said of a bad token, of another region's and of one that lacks this endpoint; only plant/list,
# which any token may ask, tells a bad one.
_GENERIC: Codes = {
    -1: Meaning(WrongServerError),
    10011: Meaning(NotAllowedError),
    10012: Meaning(RateLimitedError, retry_after=SLOW_SECONDS),
    10013: Meaning(RejectedError),  # more than 100 rows per page
    10014: Meaning(RejectedError),  # more than 250 pages
}
_SYSTEM_ERROR = Meaning(TryAgainError)
_ACCOUNT_MISSING = Meaning(RejectedError, "account_missing")
_PLANT_MISSING = Meaning(PlantMissingError)
_SERIAL_REJECTED = Meaning(RejectedError, "serial_rejected", "serial_numbers")
_NO_DEVICES = Meaning(NotAllowedError, "not_allowed_devices")
_NO_PLANTS = Meaning(NotAllowedError, "not_allowed_plants")
_NO_REGISTERING = Meaning(NotAllowedError, "not_allowed_register")
_INVALID_TOKEN = Meaning(AccessDeniedError, "invalid_token", "token")
_TOO_OFTEN_V4 = Meaning(RateLimitedError, retry_after=QUICK_SECONDS)

CODES: Final[Mapping[Endpoint, Codes]] = {
    USER_REGISTER: {
        **_GENERIC,
        10001: _SYSTEM_ERROR,
        10002: Meaning(InvalidInputError, "username_or_password_empty", "username"),
        10003: Meaning(TakenError, "username_taken", "username"),
        10004: Meaning(InvalidInputError, "email_empty", "email"),
        10006: Meaning(RejectedError),  # user type empty; it is always sent
        10008: _INVALID_TOKEN,  # token empty
        10011: _NO_REGISTERING,
        10014: Meaning(InvalidInputError, "installer_code_wrong", "installer_code"),
    },
    USER_CHECK: {
        **_GENERIC,
        10001: _SYSTEM_ERROR,
        10002: Meaning(InvalidInputError, "required", "username"),
        NAME_TAKEN: Meaning(TakenError, "username_taken", "username"),
        10011: _NO_REGISTERING,
    },
    USER_LIST: {**_GENERIC, 10001: _SYSTEM_ERROR},
    PLANT_LIST: {**_GENERIC, 10001: _SYSTEM_ERROR, 10011: _INVALID_TOKEN},
    PLANT_LIST_OF_USER: {**_GENERIC, 10001: _SYSTEM_ERROR, 10011: _NO_PLANTS},
    PLANT_ADD: {
        **_GENERIC,
        10001: _SYSTEM_ERROR,
        10002: _ACCOUNT_MISSING,  # user id empty
        10003: Meaning(InvalidInputError, "required", "name"),
        10004: Meaning(InvalidInputError, "required", "peak_power"),
        10005: _ACCOUNT_MISSING,
        10006: Meaning(InvalidInputError, "plant_name_taken", "name"),
        10011: Meaning(NotAllowedError, "not_allowed_create_plant"),
    },
    PLANT_OF_DEVICE: {
        **_GENERIC,
        10001: _SYSTEM_ERROR,
        10002: _ACCOUNT_MISSING,
        10003: _SERIAL_REJECTED,  # serial number empty
        10004: Meaning(RejectedError),  # device type empty; the endpoint takes none
        DEVICE_MISSING: Meaning(RejectedError, "device_missing"),
        10011: _NO_DEVICES,
    },
    DEVICE_ADD: {
        **_GENERIC,
        10001: _SYSTEM_ERROR,
        10002: _SERIAL_REJECTED,  # or the plant's id empty, which is always sent
        10003: Meaning(AlreadyBoundError),
        10004: _PLANT_MISSING,
        10005: _ACCOUNT_MISSING,
        10006: _ACCOUNT_MISSING,  # user id empty
        10007: Meaning(RejectedError, "datalogger_missing"),
        10010: Meaning(TryAgainError, "bind_failed"),
        10011: Meaning(NotAllowedError, "not_allowed_bind"),
    },
    DEVICE_LIST: {
        **_GENERIC,
        10001: _SYSTEM_ERROR,
        10002: _PLANT_MISSING,  # plant id empty
        10003: _PLANT_MISSING,
        10011: _NO_DEVICES,
    },
    DEVICE_CHECK: {**_GENERIC, 10001: _SYSTEM_ERROR, 10011: _NO_DEVICES},
    # v4 has codes of its own. A token that is good for v1 need not be for v4, so that even its
    # "invalid token" (2) only says that this token may not ask here.
    DEVICE_WATCH: {
        **_GENERIC,
        1: _SYSTEM_ERROR,
        2: _NO_DEVICES,
        3: _NO_DEVICES,  # device permission verification failed
        V4_DEVICE_MISSING: Meaning(RejectedError, "device_missing"),
        5: _SYSTEM_ERROR,  # device offline
        6: _SYSTEM_ERROR,  # setting failed
        7: Meaning(RejectedError),  # device type
        8: Meaning(RejectedError),  # serial number empty
        9: Meaning(RejectedError),  # date empty
        10: Meaning(RejectedError),  # page empty
        11: Meaning(RejectedError),  # too many serial numbers
        12: _NO_DEVICES,  # no permission for the device
        100: _TOO_OFTEN_V4,
        101: _NO_DEVICES,  # permission denied
        102: _TOO_OFTEN_V4,
        10011: _NO_DEVICES,
        10012: _TOO_OFTEN_V4,
    },
}

# Codes that answer the question that was asked, and are no failures.
_ANSWERS: Mapping[Endpoint, frozenset[int]] = {
    USER_CHECK: frozenset({NAME_TAKEN}),
    PLANT_OF_DEVICE: frozenset({DEVICE_MISSING}),
    DEVICE_WATCH: frozenset({V4_DEVICE_MISSING}),
}


class Reply(NamedTuple):
    """An answer that is no error: its code (mostly 0) and the whole object."""

    code: int
    body: Mapping[str, object]

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "body")

    @property
    def data(self) -> object:
        """The payload as it came: an object, an empty string, text that holds JSON, or None."""
        return self.body.get("data")


def read_reply(endpoint: Endpoint, answer: Answer, secrets: tuple[str, ...]) -> Reply:
    """Return the cloud's reply; raise what it or the page in its stead means.

    v1 has `error_code` and `error_msg`, v4 has `code` and `message`, and device/check/sn has
    neither when all is well. `secrets` are kept out of the message that an error shows.
    """
    if answer.is_web_page and any(mark in answer.text for mark in _LOGIN_PAGE_MARKS):
        raise UnexpectedAnswerError("login_page")
    body = answer.json_object()
    key = next((key for key in ("error_code", "code") if key in body), None)
    if key is None and endpoint is DEVICE_CHECK and "result" in body:
        return Reply(0, body)
    code = as_int(body.get(key)) if key is not None else None
    if code is None:
        raise UnexpectedAnswerError
    if code == 0 or code in _ANSWERS.get(endpoint, ()):
        return Reply(code, body)
    message = as_text(body.get("error_msg")) or as_text(body.get("message")) or ""
    raise error_of(endpoint, code, printable(message, without=secrets))


def error_of(endpoint: Endpoint, code: int, message: str) -> CloudError:
    """Return the error that a result code of an endpoint means."""
    meaning = CODES[endpoint].get(code, Meaning(UnknownCodeError))
    return meaning.error(
        meaning.key,
        field=meaning.field,
        placeholders={"code": str(code), "message": message},
        retry_after=meaning.retry_after,
        code=code,
    )
