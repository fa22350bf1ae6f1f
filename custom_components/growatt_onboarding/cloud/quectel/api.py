"""The calls of the Quectel / Acceleronix end-user API, and what its result codes mean.

Sources: the vendor's pages sendEmail, emailPwdRegister (the seed), emailPwdLogin, refreshToken,
userInfo, bindDeviceSn and userDeviceList, "Status Code"; page sendPhoneSmsCode for 5058 and 5059.
The numbers are one list for all calls, so a code documented for one is understood from all. The
vendor's pages document 200 for success, their samples print 0.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..answer import Answer, as_int, as_text, printable
from ..errors import (
    AccessDeniedError,
    AlreadyBoundError,
    BlockedError,
    CloudError,
    InvalidInputError,
    NotAllowedError,
    RateLimitedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
    UnknownCodeError,
)
from ..model import repr_without
from ..provider import Endpoint, Pace

SEND_EMAIL: Final = Endpoint("POST", "v2/mail/enduserapi/v2/sendEmail")
REGISTER: Final = Endpoint("POST", "v2/enduser/enduserapi/emailPwdRegister", irreversible=True)
LOGIN: Final = Endpoint("POST", "v2/enduser/enduserapi/emailPwdLogin")
REFRESH: Final = Endpoint("PUT", "v2/enduser/enduserapi/refreshToken")
USER_INFO: Final = Endpoint("GET", "v2/enduser/enduserapi/userInfo")
DEVICE_BIND: Final = Endpoint("POST", "v2/binding/enduserapi/bindDeviceSn")
# No limit is documented; devices take minutes to appear, so nobody needs to ask more often.
DEVICE_LIST: Final = Endpoint("GET", "v2/binding/enduserapi/userDeviceList", Pace.SLOW)

OK: Final = 200
OK_OF_SAMPLES: Final = 0
TOKEN_REJECTED: Final = 5032
NOT_REGISTERED: Final = 5031


class Meaning(NamedTuple):
    """What a result code means: the error, its text, the field at fault, the time to wait.

    `attempts`: how many more wrong passwords the cloud takes before it freezes the account.
    """

    error: type[CloudError]
    key: str | None = None
    field: str | None = None
    retry_after: float | None = None
    attempts: int | None = None


_SIGN_IN_ENDED = Meaning(AccessDeniedError, "sign_in_ended")
_SIGNATURE = Meaning(AccessDeniedError, "signature_rejected", "user_domain_secret")
_BIND_FAILED = Meaning(TryAgainError, "bind_failed")
_MAY_NOT_BIND = Meaning(NotAllowedError, "account_may_not_bind")
_SERIAL = Meaning(RejectedError, "serial_rejected", "serial_numbers")
_HOMES = Meaning(RejectedError, "homes_unsupported")


def _wrong_password(attempts: int) -> Meaning:
    return Meaning(InvalidInputError, "wrong_password", "password", attempts=attempts)


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
    5058: Meaning(RateLimitedError, "code_too_soon", "email"),
    5059: Meaning(TryAgainError, "code_not_sent", "email"),
    # Signing in
    5147: Meaning(RateLimitedError, "account_frozen", "email", 1_200),
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
    5067: Meaning(RejectedError),  # device key missing; this call takes none
    5088: _SERIAL,  # serial number missing
    5089: _BIND_FAILED,  # the request for the serial number failed
    5090: _SERIAL,
    5093: _MAY_NOT_BIND,  # abnormal user domain
    5229: Meaning(RejectedError, "product_not_in_user_domain"),
    5314: _BIND_FAILED,  # the cloud's own query failed
    5327: Meaning(RejectedError, "product_not_allowed"),
    5333: Meaning(RejectedError),  # device name too long; none is sent
    5361: Meaning(RejectedError),  # device key malformed; none is sent
    5412: Meaning(AlreadyBoundError),  # the product lets one account bind a device
    5553: Meaning(RejectedError, "product_or_device_missing"),
    5624: _HOMES,  # home mode is off
    5636: _HOMES,  # the home is missing
    5669: _MAY_NOT_BIND,  # regular users may not bind
    5893: _BIND_FAILED,  # not put among the common devices
    6040: Meaning(RejectedError, "device_shared"),
    6083: Meaning(RejectedError, "device_elsewhere"),
}


class Reply(NamedTuple):
    """An answer that is no error: its code (200 or 0) and its data as it came."""

    code: int
    data: object

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "data")

    @property
    def certain(self) -> bool:
        """Whether the code alone means success; 0 does together with data."""
        return self.code == OK


def read_reply(endpoint: Endpoint, answer: Answer, secrets: tuple[str, ...]) -> Reply:
    """Return the cloud's reply; raise what it or the page in its stead means.

    `secrets` are kept out of the message that an error shows.
    """
    body = answer.json_object()
    if (code := as_int(body.get("code"))) is None:
        raise UnexpectedAnswerError
    if code in {OK, OK_OF_SAMPLES}:
        return Reply(code, body.get("data"))
    message = as_text(body.get("msg")) or as_text(body.get("extMsg")) or ""
    raise error_of(endpoint, code, printable(message, without=secrets))


def error_of(endpoint: Endpoint, code: int, message: str) -> CloudError:
    """Return the error that a result code means."""
    # No code is documented for a refused refresh: whatever it is, signing in again helps.
    unknown = _SIGN_IN_ENDED if endpoint is REFRESH else Meaning(UnknownCodeError)
    meaning = MEANINGS.get(code, unknown)
    placeholders = {"code": str(code), "message": message}
    if meaning.attempts is not None:
        placeholders["attempts"] = str(meaning.attempts)
    return meaning.error(
        meaning.key,
        field=meaning.field,
        placeholders=placeholders,
        retry_after=meaning.retry_after,
        code=code,
    )
