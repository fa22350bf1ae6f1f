"""Every result code that Quectel documents, over a socket, as the right typed error."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.growatt_onboarding.cloud.answer import Answer
from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    AlreadyBoundError,
    BlockedError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
    RateLimitedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
    UnknownCodeError,
)
from custom_components.growatt_onboarding.cloud.provider import Endpoint
from custom_components.growatt_onboarding.cloud.quectel import LINK, REGISTER, QuectelClient, api
from simulator import Simulator
from simulator.quectel import PRODUCT_KEY

from .quectel_helpers import CREDENTIALS, EMAIL, SERIAL, quectel_client, register, signed_in

type Ask = Callable[[QuectelClient], Awaitable[object]]

METHODS: dict[str, Ask] = {
    "sendEmail": lambda client: client.send_code(REGISTER, {"email": EMAIL}),
    "emailPwdRegister": lambda client: client.register(REGISTER, {**CREDENTIALS, "code": "1"}),
    "emailPwdLogin": lambda client: client.link(LINK, CREDENTIALS),
    "userInfo": lambda client: client.verify(),
    "bindDeviceSn": lambda client: client.bind("", PRODUCT_KEY, SERIAL),
    "userDeviceList": lambda client: client.sightings(PRODUCT_KEY, 1),
}


class Expected(NamedTuple):
    error: type[CloudError]
    key: str
    field: str | None = None
    retry_after: float | None = None


def required(field: str) -> Expected:
    """Return what a code that misses a field has to become."""
    return Expected(InvalidInputError, "required", field)


DOMAIN_FORMAT = Expected(InvalidInputError, "user_domain_invalid", "user_domain")
DOMAIN_UNKNOWN = Expected(InvalidInputError, "user_domain_unknown", "user_domain")
DOMAIN_DISABLED = Expected(NotAllowedError, "user_domain_disabled", "user_domain")
EMAIL_FORMAT = Expected(InvalidInputError, "invalid_email", "email")
PASSWORD_FORMAT = Expected(InvalidInputError, "password_6_to_20", "password")
WRONG_PASSWORD = Expected(InvalidInputError, "wrong_password", "password")
MCC_ELSEWHERE = Expected(InvalidInputError, "mcc_elsewhere", "mcc")
MCC_LOOKUP = Expected(InvalidInputError, "mcc_lookup_failed", "mcc")
SIGNATURE = Expected(AccessDeniedError, "signature_rejected", "user_domain_secret")
ENDED = Expected(AccessDeniedError, "sign_in_ended")
GONE = Expected(AccessDeniedError, "account_gone")
BIND_FAILED = Expected(TryAgainError, "bind_failed")
MAY_NOT_BIND = Expected(NotAllowedError, "account_may_not_bind")
SERIAL_REJECTED = Expected(RejectedError, "serial_rejected", "serial_numbers")
BOUND = Expected(AlreadyBoundError, "already_bound")
REJECTED = Expected(RejectedError, "rejected")
HOMES = Expected(RejectedError, "homes_unsupported")

# Copied by hand from the vendor's pages, not from the table under test.
CODES: dict[str, dict[int, Expected]] = {
    "sendEmail": {
        500: Expected(TryAgainError, "system_error"),
        5026: required("email"),
        5040: EMAIL_FORMAT,
        5058: Expected(RateLimitedError, "code_too_soon", "email"),
        5059: Expected(TryAgainError, "code_not_sent", "email"),
    },
    # The seed's codes but 200.
    "emailPwdRegister": {
        5013: DOMAIN_FORMAT,
        5015: DOMAIN_UNKNOWN,
        5022: required("password"),
        5023: required("user_domain"),
        5026: required("email"),
        5039: Expected(TakenError, "email_taken", "email"),
        5040: EMAIL_FORMAT,
        5046: Expected(InvalidInputError, "code_wrong", "code"),
        5056: PASSWORD_FORMAT,
        5064: required("code"),
        5104: DOMAIN_DISABLED,
        5171: Expected(InvalidInputError, "time_zone_id_rejected", "time_zone_id"),
        5172: Expected(InvalidInputError, "nationality_id_rejected", "nationality_id"),
        5173: Expected(InvalidInputError, "language_id_rejected", "language_id"),
        6084: MCC_ELSEWHERE,
        6085: MCC_LOOKUP,
    },
    "emailPwdLogin": {
        5013: DOMAIN_FORMAT,
        5015: DOMAIN_UNKNOWN,
        5022: required("password"),
        5023: required("user_domain"),
        5026: required("email"),
        5031: Expected(InvalidInputError, "email_not_registered", "email"),
        5040: EMAIL_FORMAT,
        5056: PASSWORD_FORMAT,
        5104: DOMAIN_DISABLED,
        5147: Expected(RateLimitedError, "account_frozen", "email", 1200),
        5579: Expected(RateLimitedError, "account_frozen", "email", 1200),
        5325: Expected(BlockedError, "network_blocked", None, 86400),
        5420: SIGNATURE,
        5550: SIGNATURE,
        5583: WRONG_PASSWORD,
        5584: WRONG_PASSWORD,
        5585: WRONG_PASSWORD,
        5586: WRONG_PASSWORD,
        6084: MCC_ELSEWHERE,
        6085: MCC_LOOKUP,
    },
    "userInfo": {5032: ENDED, 5033: GONE, 5065: ENDED, 5106: ENDED},
    "bindDeviceSn": {
        5009: BIND_FAILED,
        5032: ENDED,
        5041: MAY_NOT_BIND,
        5048: BIND_FAILED,
        5049: BOUND,
        5052: BIND_FAILED,
        5066: Expected(InvalidInputError, "invalid_product_key", "product_key"),
        5067: REJECTED,
        5088: SERIAL_REJECTED,
        5089: BIND_FAILED,
        5090: SERIAL_REJECTED,
        5093: MAY_NOT_BIND,
        5106: ENDED,
        5229: Expected(RejectedError, "product_not_in_user_domain"),
        5314: BIND_FAILED,
        5327: Expected(RejectedError, "product_not_allowed"),
        5333: REJECTED,
        5361: REJECTED,
        5412: BOUND,
        5553: Expected(RejectedError, "product_or_device_missing"),
        5624: HOMES,
        5636: HOMES,
        5669: MAY_NOT_BIND,
        5893: BIND_FAILED,
        6040: Expected(RejectedError, "device_shared"),
        6083: Expected(RejectedError, "device_elsewhere"),
    },
    "userDeviceList": {5032: ENDED, 5047: ENDED, 5106: ENDED, 5333: REJECTED},
}


def test_all_codes_of_the_seed_are_there() -> None:
    """Seventeen, with 200 for success."""
    assert len(CODES["emailPwdRegister"]) + 1 == 17


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [(path, code, meant) for path, codes in CODES.items() for code, meant in codes.items()],
)
async def test_code(
    http: aiohttp.ClientSession, simulator: Simulator, path: str, code: int, expected: Expected
) -> None:
    client = await signed_in(http, simulator)
    # A rejected token is renewed and shown once more.
    simulator.faults.add(path, kind="code", code=code, msg="the cloud's words", times=None)
    with pytest.raises(CloudError) as caught:
        await METHODS[path](client)
    error = caught.value
    assert Expected(type(error), error.key, error.field, error.retry_after) == expected
    assert error.code == code
    assert error.placeholders["code"] == str(code)
    assert error.placeholders["message"] == "the cloud's words"
    # What the vendor's page says of registering are refusals, all of them.
    assert not error.outcome_unknown


@pytest.mark.parametrize(("code", "attempts"), [(5583, 1), (5584, 2), (5585, 3), (5586, 4)])
async def test_wrong_passwords_left(
    http: aiohttp.ClientSession, simulator: Simulator, code: int, attempts: int
) -> None:
    client = await signed_in(http, simulator)
    simulator.faults.add("emailPwdLogin", kind="code", code=code)
    with pytest.raises(InvalidInputError) as caught:
        await client.link(LINK, CREDENTIALS)
    assert caught.value.placeholders["attempts"] == str(attempts)


@pytest.mark.parametrize("path", METHODS)
async def test_unknown_code_is_shown(
    http: aiohttp.ClientSession, simulator: Simulator, path: str
) -> None:
    client = await signed_in(http, simulator)
    simulator.faults.add(path, kind="code", code=5999, msg="New in <b>2030</b>")
    with pytest.raises(UnknownCodeError) as caught:
        await METHODS[path](client)
    assert caught.value.placeholders == {"code": "5999", "message": "New in b 2030 /b"}
    assert caught.value.outcome_unknown is (path == "emailPwdRegister")


async def test_a_fault_of_the_cloud_may_have_registered(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    client = quectel_client(http, simulator.url)
    simulator.faults.add("emailPwdRegister", kind="code_after", code=500)
    with pytest.raises(TryAgainError) as caught:
        await register(client, simulator)
    assert caught.value.outcome_unknown
    found = await client.find_registered(REGISTER, CREDENTIALS)
    assert found is not None
    assert found.id in simulator.quectel.users


@pytest.mark.parametrize(
    ("code", "error", "key"),
    [
        (5032, AccessDeniedError, "sign_in_ended"),
        (5033, AccessDeniedError, "account_gone"),
        (5106, AccessDeniedError, "sign_in_ended"),
        (5999, AccessDeniedError, "sign_in_ended"),
        (500, TryAgainError, "system_error"),
        (5325, BlockedError, "network_blocked"),
    ],
)
async def test_refused_refresh(
    http: aiohttp.ClientSession,
    simulator: Simulator,
    code: int,
    *,
    error: type[CloudError],
    key: str,
) -> None:
    """Nothing but signing in helps, unless the cloud or the network is at fault."""
    client = await signed_in(http, simulator)
    simulator.advance(7200)
    simulator.faults.add("refreshToken", kind="code", code=code, times=2)
    with pytest.raises(error) as caught:
        await client.verify()
    assert caught.value.key == key
    assert not simulator.calls.of("userInfo")


@pytest.mark.parametrize("path", METHODS)
async def test_lost_answer(http: aiohttp.ClientSession, simulator: Simulator, path: str) -> None:
    client = await signed_in(http, simulator)
    before = len(simulator.calls.of(path))
    simulator.faults.add(path, kind="cut_after", times=None)
    with pytest.raises(NoAnswerError):
        await METHODS[path](client)
    assert len(simulator.calls.of(path)) == before + 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [("firewall", BlockedError), ("login_page", UnexpectedAnswerError)],
)
async def test_code_that_was_not_sent_for_another_reason(
    http: aiohttp.ClientSession, simulator: Simulator, fault: str, error: type[CloudError]
) -> None:
    """Only HTTP 500 says of this call that the mail could not be sent."""
    client = await signed_in(http, simulator)
    simulator.faults.add("sendEmail", kind=fault)
    with pytest.raises(error):
        await client.send_code(REGISTER, {"email": EMAIL})


async def test_mail_cannot_be_sent(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    """That call is known to say so with HTTP 500; nothing was sent."""
    client = await signed_in(http, simulator)
    simulator.faults.add("sendEmail", kind="http_500")
    with pytest.raises(TryAgainError) as caught:
        await client.send_code(REGISTER, {"email": EMAIL})
    assert (caught.value.key, caught.value.field) == ("code_not_sent", "email")
    assert not simulator.mailbox


@given(
    code=st.integers(201, 9999), endpoint=st.sampled_from([api.LOGIN, api.REFRESH, api.DEVICE_BIND])
)
def test_every_number_means_something(code: int, endpoint: Endpoint) -> None:
    body = b'{"code": %d, "msg": "text"}' % code
    answer = Answer(status=200, content_type="application/json", headers={}, body=body)
    with pytest.raises(CloudError) as caught:
        api.read_reply(endpoint, answer)
    error = caught.value
    assert error.code == code
    assert error.placeholders["code"] == str(code)
    assert (type(error) is UnknownCodeError) is (
        code not in api.MEANINGS and endpoint is not api.REFRESH
    )
