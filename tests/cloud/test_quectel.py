"""The Quectel provider against the simulated cloud, over a socket."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from copy import replace
import logging
import subprocess
import sys
from typing import Any, Literal

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    RejectedError,
    UnexpectedAnswerError,
    UnknownCodeError,
    UnreachableError,
)
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import Capability, ClientContext, Pace
from custom_components.growatt_onboarding.cloud.quectel import (
    LINK,
    QUECTEL,
    REFRESH_AHEAD,
    REGISTER,
    QuectelClient,
)
from custom_components.growatt_onboarding.cloud.quectel.api import ROWS_PER_PAGE
from simulator import Simulator
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET

from .helpers import RecordingGate, everything_said, http_answer, raw_server, sends
from .quectel_helpers import (
    CREDENTIALS,
    EMAIL,
    PASSWORD,
    SERIAL,
    quectel_client,
    register,
    signed_in,
)

REGISTER_PATH = "emailPwdRegister"
LOGIN_PATH = "emailPwdLogin"
REFRESH_PATH = "refreshToken"
FULL = {**CREDENTIALS, "code": "123456"}


@pytest.fixture
def client(http: aiohttp.ClientSession, simulator: Simulator, gate: RecordingGate) -> QuectelClient:
    """Return a client with the user domain's secret and without an account."""
    return quectel_client(http, simulator.url, gate=gate, clock=simulator.now)


@pytest.fixture
def without_secret(http: aiohttp.ClientSession, simulator: Simulator) -> QuectelClient:
    """Return a client with the user domain alone."""
    return quectel_client(http, simulator.url, secret="", clock=simulator.now)


# What a client can do


def test_capabilities_follow_what_is_known(http: aiohttp.ClientSession) -> None:
    session = {"access_token": "Bearer FAKE", "refresh_token": "Bearer FAKE-REFRESH"}
    anonymous = quectel_client(http, "https://x", secret="")
    secret = quectel_client(http, "https://x")
    stored = quectel_client(http, "https://x", secret="", session=session)
    assert anonymous.capabilities == frozenset()
    assert secret.capabilities == {Capability.BIND}
    assert stored.capabilities == {Capability.BIND}
    assert [client.signed_in for client in (anonymous, secret, stored)] == [False, False, True]


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"access_token": "Bearer FAKE"},
        {"refresh_token": "Bearer FAKE"},
        {"access_token": "", "refresh_token": "Bearer FAKE"},
        {"access_token": "Bearer\nFAKE", "refresh_token": "Bärer FAKE"},
    ],
)
async def test_unusable_session_is_none(
    http: aiohttp.ClientSession, session: dict[str, str]
) -> None:
    client = quectel_client(http, "https://x", session=session)
    assert not client.signed_in
    with pytest.raises(AccessDeniedError) as caught:
        await client.verify()
    assert caught.value.key == "sign_in_ended"


def test_provider() -> None:
    assert QUECTEL.key == "quectel"
    assert [field.name for field in QUECTEL.credential_fields if field.required] == ["user_domain"]
    assert [field.name for field in QUECTEL.credential_fields if field.secret] == [
        "user_domain_secret"
    ]
    assert QUECTEL.realm_field == "user_domain"
    assert QUECTEL.credentials({"user_domain": " C.DM.1.1 "}) == {"user_domain": "C.DM.1.1"}
    assert QUECTEL.register_fields == REGISTER.fields
    assert QUECTEL.plant_id_field is not None


async def test_provider_makes_clients_on_the_wall_clock(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    simulator.quectel.add_user(EMAIL, password=PASSWORD)
    credentials = {"user_domain": USER_DOMAIN, "user_domain_secret": USER_DOMAIN_SECRET}
    context = ClientContext(http=http, url=simulator.url, credentials=credentials)
    [account] = await QUECTEL.client(context).link(LINK, CREDENTIALS)
    await QUECTEL.client(replace(context, session=account.session)).verify()
    assert not simulator.calls.of(REFRESH_PATH)


def test_crypto_library_waits_until_it_is_needed() -> None:
    """Importing the provider must not load it: most accounts are another provider's."""
    code = (
        "import sys, custom_components.growatt_onboarding.cloud.quectel;"
        "sys.exit(any(name.partition('.')[0] == 'Crypto' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


# The harmless question


async def test_test_has_no_effect(
    client: QuectelClient, without_secret: QuectelClient, simulator: Simulator
) -> None:
    offer = await client.test()
    assert (offer.register, offer.link) == ((REGISTER,), (LINK,))
    offer = await without_secret.test()
    assert (offer.register, offer.link) == ((REGISTER,), ())
    assert [(call.method, call.code) for call in simulator.calls] == [("GET", 5106)] * 2
    assert not simulator.mailbox


@pytest.mark.parametrize("user_domain", ["C.DM.10271.5", "E.SP.4294967410", "U.DM.10351.1", "a.b"])
async def test_user_domains_that_may_be_right(
    http: aiohttp.ClientSession, simulator: Simulator, user_domain: str
) -> None:
    await quectel_client(http, simulator.url, user_domain=user_domain).test()


@pytest.mark.parametrize(
    ("user_domain", "key"),
    [("", "required"), ("C", "user_domain_invalid"), ("C.DM.1 2", "user_domain_invalid")],
)
async def test_user_domains_that_cannot_be_right(
    http: aiohttp.ClientSession, simulator: Simulator, user_domain: str, key: str
) -> None:
    """There is not even a client that could send one."""
    with pytest.raises(InvalidInputError) as caught:
        quectel_client(http, simulator.url, user_domain=user_domain)
    assert (caught.value.key, caught.value.field) == (key, "user_domain")
    assert not simulator.calls


@pytest.mark.parametrize(
    "body",
    [b"<!doctype html><html></html>", b'{"error_code": 10011}', b'{"code": 200, "data": {}}', b""],
)
async def test_test_of_another_server(http: aiohttp.ClientSession, body: bytes) -> None:
    async with raw_server(sends(http_answer(body))) as server:
        with pytest.raises(UnexpectedAnswerError) as caught:
            await quectel_client(http, server.url).test()
    assert caught.value.field == "server"


async def test_test_of_no_server(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    url = simulator.url
    await simulator.stop()
    with pytest.raises(UnreachableError) as caught:
        await quectel_client(http, url).test()
    assert caught.value.field == "server"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (5032, "200 OK"),
        (5033, "200 OK"),
        (5065, "401 Unauthorized"),
        (5106, "403 Forbidden"),
    ],
)
async def test_test_knows_the_interface_by_its_refusal(
    http: aiohttp.ClientSession, code: int, status: str
) -> None:
    body = b'{"code": %d, "msg": "no", "data": null}' % code
    async with raw_server(sends(http_answer(body, status))) as server:
        assert (await quectel_client(http, server.url).test()).register


# Registering


async def test_register_and_sign_in(client: QuectelClient, simulator: Simulator) -> None:
    account = await register(client, simulator)
    [user] = simulator.quectel.users.values()
    assert (account.id, account.name) == (user.uid, EMAIL)
    assert user.has_password(PASSWORD)
    assert account.session is not None
    assert account.session["account_id"] == user.uid
    assert not account.activation_pending
    assert [call.path.rpartition("/")[2] for call in simulator.calls] == [
        "sendEmail",
        REGISTER_PATH,
        LOGIN_PATH,
    ]


async def test_register_without_secret_leaves_an_account_without_session(
    without_secret: QuectelClient, simulator: Simulator
) -> None:
    account = await register(without_secret, simulator)
    [user] = simulator.quectel.users.values()
    assert account == Account(id=user.uid, name=EMAIL, session=None)
    assert not simulator.calls.of(LOGIN_PATH)


async def test_options_are_sent_as_documented(client: QuectelClient, simulator: Simulator) -> None:
    """What is left empty is not sent. A time zone has a sign, as its documented type."""
    await register(
        client, simulator, language_id="1", nationality_id="49.0", time_zone_id="-8", mcc=""
    )
    [user] = simulator.quectel.users.values()
    assert (user.lang, user.nationality, user.timezone) == (1, 49, -8)
    [call] = simulator.calls.of(REGISTER_PATH)
    always = {"email", "pwd", "random", "code", "userDomain"}
    assert call.params.keys() == always | {"lang", "nationality", "timezone"}


@pytest.mark.parametrize(
    ("values", "key", "field"),
    [
        ({"email": ""}, "required", "email"),
        ({"email": "nobody"}, "invalid_email", "email"),
        ({"password": ""}, "required", "password"),
        ({"password": "5-chr"}, "password_6_to_20", "password"),
        ({"password": "x" * 21}, "password_6_to_20", "password"),
        ({"password": "with blank"}, "password_6_to_20", "password"),
        ({"password": "fake-pass "}, "password_6_to_20", "password"),
        ({"password": " fake-pass"}, "password_6_to_20", "password"),
        ({"password": "pässwörd"}, "password_6_to_20", "password"),
        ({"code": " "}, "required", "code"),
        ({"language_id": "en"}, "invalid_number", "language_id"),
        ({"language_id": "-1"}, "invalid_number", "language_id"),
        ({"nationality_id": "1.5"}, "invalid_number", "nationality_id"),
        ({"time_zone_id": "2147483648"}, "invalid_number", "time_zone_id"),
        ({"time_zone_id": "-2147483649"}, "invalid_number", "time_zone_id"),
        ({"mcc": "1000"}, "invalid_number", "mcc"),
        ({"mcc": "0"}, "invalid_number", "mcc"),
    ],
)
async def test_what_cannot_be_right_is_not_sent(
    client: QuectelClient, simulator: Simulator, values: dict[str, str], key: str, field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await client.register(REGISTER, {**FULL, **values})
    assert (caught.value.key, caught.value.field) == (key, field)
    assert not simulator.calls


@pytest.mark.parametrize("password", ["china1", "x" * 20, "!\"#$%&'()*+,-./", "[]^_`{|}~@"])
async def test_passwords_of_all_allowed_letters(
    client: QuectelClient, simulator: Simulator, password: str
) -> None:
    await register(client, simulator, password=password)
    [user] = simulator.quectel.users.values()
    assert user.has_password(password)


async def test_random_is_fresh_for_every_request(http: aiohttp.ClientSession) -> None:
    async with raw_server(sends(http_answer(b'{"code": 5046}'))) as server:
        client = quectel_client(http, server.url)
        for _ in range(3):
            with pytest.raises(InvalidInputError):
                await client.register(REGISTER, FULL)
    randoms = {
        part for request in server.requests for part in request.split("&") if "random=" in part
    }
    assert len(randoms) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "code", "code": 5420},
        {"kind": "code", "code": 5325},
        {"kind": "cut"},
        {"kind": "garbage"},
    ],
)
async def test_account_exists_although_signing_in_failed(
    client: QuectelClient, simulator: Simulator, fault: dict[str, Any]
) -> None:
    simulator.faults.add(LOGIN_PATH, **fault)
    account = await register(client, simulator)
    assert account.session is None
    assert account.id in simulator.quectel.users


@pytest.mark.parametrize(
    ("uid_in_object", "success_code", "numbers_as_strings"),
    [(False, 200, False), (True, 0, True), (False, 0, True)],
)
async def test_generations_of_the_interface(
    http: aiohttp.ClientSession,
    client: QuectelClient,
    simulator: Simulator,
    *,
    uid_in_object: bool,
    success_code: int,
    numbers_as_strings: bool,
) -> None:
    """The whole way, from registering to seeing a device."""
    cloud = simulator.quectel
    cloud.uid_in_object, cloud.success_code = uid_in_object, success_code
    cloud.numbers_as_strings = numbers_as_strings
    account = await register(client, simulator)
    assert account.id in cloud.users
    owner = quectel_client(http, simulator.url, session=account.session, clock=simulator.now)
    await owner.verify()
    cloud.add_device(SERIAL, online=True)
    await owner.bind(account.id or "", PRODUCT_KEY, SERIAL)
    [sighting] = (await owner.sightings(PRODUCT_KEY, 1)).sightings
    assert (sighting.serial, sighting.online) == (SERIAL, True)


# Lost answers


@pytest.mark.parametrize("fault", ["cut_after", "cut_body", "empty", "garbage", "http_500"])
async def test_lost_answer_is_settled_by_signing_in(
    client: QuectelClient, simulator: Simulator, fault: str
) -> None:
    simulator.faults.add(REGISTER_PATH, kind=fault)
    with pytest.raises(CloudError) as caught:
        await register(client, simulator)
    assert caught.value.outcome_unknown
    assert len(simulator.calls.of(REGISTER_PATH)) == 1
    found = await client.find_registered(REGISTER, FULL)
    exists = bool(simulator.quectel.users)
    assert exists is fault.startswith("cut_")
    assert (found is not None) is exists
    if found is not None:
        assert found.id in simulator.quectel.users
        assert found.session is not None
    assert len(simulator.calls.of(REGISTER_PATH)) == 1


async def test_lost_answer_of_a_taken_address_stays_open(
    client: QuectelClient, simulator: Simulator
) -> None:
    """Another password: the account is somebody's, but not known to be the one asked for."""
    simulator.quectel.add_user(EMAIL, password="Fake-Other-1")
    with pytest.raises(InvalidInputError) as caught:
        await client.find_registered(REGISTER, FULL)
    assert caught.value.key == "wrong_password"


async def test_nothing_settles_a_lost_answer_without_secret(
    without_secret: QuectelClient, simulator: Simulator
) -> None:
    with pytest.raises(NotImplementedError):
        await without_secret.find_registered(REGISTER, FULL)
    with pytest.raises(NotImplementedError):
        await without_secret.link(LINK, CREDENTIALS)
    assert not simulator.calls


@pytest.mark.parametrize(
    "body",
    [b'{"code": 0}', b'{"code": 0, "data": ""}', b'{"code":"0"}', b'{"code": 0, "data": "null"}'],
)
async def test_success_by_zero_needs_data(http: aiohttp.ClientSession, body: bytes) -> None:
    async with raw_server(sends(http_answer(body))) as server:
        with pytest.raises(UnexpectedAnswerError) as caught:
            await quectel_client(http, server.url).register(REGISTER, FULL)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("data", "account_id"),
    [
        ('"C1"', "C1"),
        ("1", "1"),
        ('{"uid": "C1"}', "C1"),
        ('{"uid": 1, "more": []}', "1"),
        ('"{\\"uid\\": \\"C1\\"}"', "C1"),
        ("null", None),
        ('""', None),
        ("[]", None),
        ("{}", None),
        ('{"uid": null}', None),
        ('"null"', None),
        ('" NULL "', None),
        ('{"uid": "Null"}', None),
    ],
)
async def test_shapes_of_the_new_id(
    http: aiohttp.ClientSession, data: str, account_id: str | None
) -> None:
    body = f'{{"code": "200", "data": {data}, "new": 1}}'.encode()
    async with raw_server(sends(http_answer(body))) as server:
        account = await quectel_client(http, server.url, secret="").register(REGISTER, FULL)
    assert account.id == account_id


# Signing in


async def test_link(client: QuectelClient, simulator: Simulator) -> None:
    user = simulator.quectel.add_user(EMAIL, password=PASSWORD)
    [account] = await client.link(LINK, CREDENTIALS)
    assert (account.id, account.name) == (user.uid, EMAIL)
    assert account.session is not None
    assert account.session.keys() == {
        "access_token",
        "access_expires",
        "refresh_token",
        "account_id",
    }
    assert PASSWORD not in str(account.session)
    assert int(account.session["access_expires"]) == pytest.approx(simulator.now() + 7200, abs=10)


async def test_link_takes_passwords_that_registering_refuses(
    client: QuectelClient, simulator: Simulator
) -> None:
    """The cloud judges passwords of accounts that exist."""
    with pytest.raises(InvalidInputError) as caught:
        await client.link(LINK, {"email": EMAIL, "password": "old"})
    assert (caught.value.code, caught.value.field) == (5056, "password")
    assert len(simulator.calls.of(LOGIN_PATH)) == 1


async def test_tokens_that_do_not_name_the_account(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    """The cloud is asked who signed in."""
    tokens = b'{"accessToken": {"token": "Bearer FAKE"}, "refreshToken": {"token": "Bearer MORE"}}'
    answers = [
        b'{"code": 200, "data": %s}' % tokens,
        b'{"code": 200, "data": {"uid": 77, "status": 1}}',
    ]

    async def reply(server: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(http_answer(answers[len(server.requests) - 1]))
        writer.close()

    async with raw_server(reply) as server:
        client = quectel_client(http, server.url, clock=simulator.now)
        [account] = await client.link(LINK, CREDENTIALS)
    assert account.id == "77"
    assert account.session is not None
    assert account.session["account_id"] == "77"
    assert "Authorization: Bearer FAKE\r\n" in server.requests[1]


# Tokens


async def test_token_is_refreshed_before_it_ends(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    told: list[Mapping[str, str]] = []
    client = await signed_in(http, simulator, told.append)
    simulator.advance(7200 - REFRESH_AHEAD - 60)
    await client.verify()
    assert not simulator.calls.of(REFRESH_PATH)
    simulator.advance(120)
    await client.verify()
    assert len(simulator.calls.of(REFRESH_PATH)) == 1
    assert int(told[0]["access_expires"]) == pytest.approx(simulator.now() + 7200, abs=10)
    assert told[0]["account_id"] in simulator.quectel.users
    assert [call.code for call in simulator.calls.of("userInfo")] == [200, 200]
    # What was stored is enough to go on, also after a restart.
    again = quectel_client(http, simulator.url, session=told[0], clock=simulator.now)
    await again.verify()
    assert len(simulator.calls.of(REFRESH_PATH)) == 1
    # Without anybody to store it, it is used all the same.
    simulator.advance(7200)
    await again.verify()
    await again.verify()
    assert len(simulator.calls.of(REFRESH_PATH)) == 2


@pytest.mark.parametrize("days", [1, 40, -40])
async def test_a_wrong_clock_ends_no_session(
    http: aiohttp.ClientSession, simulator: Simulator, days: int
) -> None:
    """By our clock both tokens may be over; only the cloud knows."""
    now = simulator.now
    with pytest.MonkeyPatch.context() as context:
        context.setattr(simulator, "now", lambda: now() + 86_400 * days)
        client = await signed_in(http, simulator)
    for hours in range(7):
        assert await client.verify() is None
        # A token that is new is not refreshed at every call, whatever its time says.
        assert len(simulator.calls.of(REFRESH_PATH)) == hours // 2
        simulator.advance(3_600)
    assert len(simulator.calls.of("userInfo")) <= 7 + 3


async def test_concurrent_calls_refresh_once(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    told: list[Mapping[str, str]] = []
    client = await signed_in(http, simulator, told.append)
    simulator.advance(7200)
    simulator.faults.add(REFRESH_PATH, kind="hold")
    calls = [asyncio.create_task(client.verify()) for _ in range(3)]
    calls.append(asyncio.create_task(client.verify()))
    await simulator.faults.wait_held()
    simulator.faults.release()
    await asyncio.gather(*calls)
    assert len(simulator.calls.of(REFRESH_PATH)) == len(told) == 1
    assert [call.code for call in simulator.calls.of("userInfo")] == [200] * 4


async def test_refresh_survives_its_callers_cancellation(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    """A refresh token is good once: an answer nobody takes in would end the session."""
    stored: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
    client = await signed_in(http, simulator, stored.put_nowait)
    simulator.advance(7200)
    simulator.faults.add(REFRESH_PATH, kind="hold")
    call = asyncio.create_task(client.verify())
    await simulator.faults.wait_held()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    simulator.faults.release()
    async with asyncio.timeout(10):
        session = await stored.get()
    assert int(session["access_expires"]) > simulator.now()
    await client.verify()
    assert len(simulator.calls.of(REFRESH_PATH)) == 1


async def test_token_the_cloud_refuses_is_refreshed_and_the_call_made_again(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    """Our clock is behind: the token seems good and is not."""
    client = await signed_in(http, simulator)
    simulator.quectel.tokens = {
        value: token for value, token in simulator.quectel.tokens.items() if token.kind == "refresh"
    }
    simulator.quectel.add_device(SERIAL)
    await client.bind("", PRODUCT_KEY, SERIAL)
    assert [call.code for call in simulator.calls.of("bindDeviceSn")] == [5032, 200]
    assert len(simulator.calls.of(REFRESH_PATH)) == 1


async def test_call_refused_while_another_one_refreshed(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    """It takes the new token and does not refresh that one too."""
    client = await signed_in(http, simulator)
    simulator.quectel.tokens = {
        value: token for value, token in simulator.quectel.tokens.items() if token.kind == "refresh"
    }
    simulator.quectel.add_device(SERIAL)
    simulator.faults.add("bindDeviceSn", kind="hold")
    binding = asyncio.create_task(client.bind("", PRODUCT_KEY, SERIAL))
    await simulator.faults.wait_held()
    await client.verify()
    simulator.faults.release()
    await binding
    assert [call.code for call in simulator.calls.of("bindDeviceSn")] == [5032, 200]
    assert len(simulator.calls.of(REFRESH_PATH)) == 1


async def test_call_is_made_again_only_once(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    client = await signed_in(http, simulator)
    simulator.faults.add("userInfo", kind="code", code=5032, times=None)
    with pytest.raises(AccessDeniedError):
        await client.verify()
    assert len(simulator.calls.of("userInfo")) == 2
    assert len(simulator.calls.of(REFRESH_PATH)) == 1


async def test_account_is_gone_or_signed_out(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    client = await signed_in(http, simulator)
    for seconds, key in ((0, "account_gone"), (2_592_000, "sign_in_ended")):
        simulator.quectel.users.clear()
        simulator.advance(seconds)
        with pytest.raises(AccessDeniedError) as caught:
            await client.verify()
        assert caught.value.key == key
    # Whether a sign-in is over is for the cloud to say.
    assert [call.code for call in simulator.calls.of(REFRESH_PATH)] == [5032, 5032]


@pytest.mark.parametrize("missing", ["code", "bad_request"])
async def test_a_server_that_reads_the_refresh_token_in_the_query(
    http: aiohttp.ClientSession,
    simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
    missing: Literal["code", "bad_request"],
) -> None:
    """It refuses the form, which has no effect, and is asked once more, as is documented."""
    caplog.set_level(logging.DEBUG)
    cloud = simulator.quectel
    cloud.refresh_in, cloud.refresh_missing = frozenset({"query"}), missing
    client = await signed_in(http, simulator)
    tokens = list(cloud.tokens)
    simulator.advance(7200)
    await client.verify()
    assert len(simulator.calls.of(REFRESH_PATH)) == 2
    assert not [token for token in tokens if token.split()[1][:60] in caplog.text]

    # The cloud's last word, however it is said, is that the sign-in is over.
    cloud.refresh_in = frozenset()
    simulator.advance(7200)
    with pytest.raises(AccessDeniedError) as caught:
        await client.verify()
    assert caught.value.key == "sign_in_ended"
    assert len(simulator.calls.of(REFRESH_PATH)) == 4


async def test_failed_refresh_is_tried_again_by_the_next_call(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    client = await signed_in(http, simulator)
    simulator.advance(7200)
    simulator.faults.add(REFRESH_PATH, kind="firewall")
    with pytest.raises(CloudError):
        await client.verify()
    assert not simulator.calls.of("userInfo")
    await client.verify()


# Devices


async def test_bind_and_see(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    client = await signed_in(http, simulator)
    simulator.quectel.add_device(SERIAL)
    await client.bind("", PRODUCT_KEY, SERIAL)
    page = await client.sightings(PRODUCT_KEY, 1)
    assert (page.sightings, page.more) == ((), False)
    simulator.quectel.bring_online(SERIAL)
    [sighting] = (await client.sightings(PRODUCT_KEY, 1)).sightings
    assert sighting.serial == SERIAL
    assert sighting.plant_id == PRODUCT_KEY
    assert sighting.model == "Sim Inverter"
    assert sighting.online is True
    simulator.quectel.take_offline(SERIAL)
    [sighting] = (await client.sightings(PRODUCT_KEY, 1)).sightings
    assert sighting.online is False


async def test_all_pages(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    client = await signed_in(http, simulator)
    [user] = simulator.quectel.users.values()
    serials = [f"FAKESN{number:08}" for number in range(ROWS_PER_PAGE + 1)]
    for serial in serials:
        simulator.quectel.accept(simulator.quectel.add_device(serial, online=True), user)
    pages = [await client.sightings(PRODUCT_KEY, number) for number in (1, 2)]
    assert [page.more for page in pages] == [True, False]
    assert [sighting.serial for page in pages for sighting in page.sightings] == serials


async def test_other_products_are_left_out(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    client = await signed_in(http, simulator)
    simulator.quectel.add_product("pOTHER", "Other")
    for serial, key in ((SERIAL, PRODUCT_KEY), ("FAKESN00000002", "pOTHER")):
        simulator.quectel.add_device(serial, product_key=key, online=True)
        await client.bind("", key, serial)
    [sighting] = (await client.sightings("pOTHER", 1)).sightings
    assert sighting.serial == "FAKESN00000002"
    # The cloud need not page through them either.
    assert simulator.calls[-1].params["pkList"] == "pOTHER"


async def test_bind_refused(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    client = await signed_in(http, simulator)
    other = simulator.quectel.add_user("other@example.com", password=PASSWORD)
    simulator.quectel.accept(simulator.quectel.add_device(SERIAL), other)
    simulator.quectel.add_device("FAKESN00000002")
    await client.bind("", PRODUCT_KEY, "FAKESN00000002")
    for serial, code, error in (
        (SERIAL, 5412, AlreadyBoundError),
        ("FAKESN00000002", 5049, AlreadyBoundError),
        ("NOBODYMADETHIS", 5090, RejectedError),
    ):
        with pytest.raises(error) as caught:
            await client.bind("", PRODUCT_KEY, serial)
        assert caught.value.code == code


@pytest.mark.parametrize("product_key", ["", "p 1"])
async def test_what_cannot_be_a_product_key_is_not_sent(
    http: aiohttp.ClientSession, simulator: Simulator, product_key: str
) -> None:
    client = await signed_in(http, simulator)
    with pytest.raises(InvalidInputError) as caught:
        await client.bind("", product_key, SERIAL)
    assert (caught.value.key, caught.value.field) == ("invalid_product_key", "product_key")
    assert not simulator.calls.of("bindDeviceSn")


async def test_calls_are_planned_as_they_are_made(
    http: aiohttp.ClientSession, simulator: Simulator, gate: RecordingGate
) -> None:
    client = await signed_in(http, simulator, gate=gate)
    simulator.quectel.add_device(SERIAL)
    await client.bind("", PRODUCT_KEY, SERIAL)
    await client.sightings(PRODUCT_KEY, 2)
    assert gate.permitted == [
        client.bind_call("", PRODUCT_KEY, SERIAL),
        client.sightings_call(PRODUCT_KEY, 2),
    ]
    assert client.sightings_call(PRODUCT_KEY, 2) != client.sightings_call(PRODUCT_KEY, 1)
    assert client.sightings_call(PRODUCT_KEY, 1).endpoint.pace is Pace.SLOW
    assert client.bind_call("", PRODUCT_KEY, SERIAL).endpoint.pace is Pace.FREE


async def test_accounts_of_a_user_domain_do_not_share_their_looks(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    first = await signed_in(http, simulator)
    simulator.quectel.users.clear()
    second = await signed_in(http, simulator)
    assert first.sightings_call(PRODUCT_KEY, 1) != second.sightings_call(PRODUCT_KEY, 1)


# Secrets


async def test_no_secret_is_told(
    http: aiohttp.ClientSession, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Every call succeeds once, fails with a message that repeats the secrets, and is cut off."""
    caplog.set_level(logging.DEBUG)
    client = quectel_client(http, simulator.url, clock=simulator.now)
    account = await register(client, simulator)
    code = simulator.mailbox[-1].code
    session = dict(account.session or {})
    owner = quectel_client(http, simulator.url, session=session, clock=simulator.now)
    device = simulator.quectel.add_device(SERIAL, online=True)
    await owner.bind("", PRODUCT_KEY, SERIAL)
    told = [repr(account), repr(await owner.sightings(PRODUCT_KEY, 1))]
    calls: list[tuple[str, str, Callable[[], Awaitable[object]]]] = [
        (
            REGISTER_PATH,
            f"{PASSWORD} {code}",
            lambda: client.register(REGISTER, {**FULL, "code": code}),
        ),
        (
            LOGIN_PATH,
            f"{PASSWORD} {USER_DOMAIN_SECRET}",
            lambda: client.link(LINK, CREDENTIALS),
        ),
        ("userInfo", session["access_token"], owner.verify),
        (
            "bindDeviceSn",
            session["access_token"],
            lambda: owner.bind("", PRODUCT_KEY, SERIAL),
        ),
        ("userDeviceList", session["access_token"], lambda: owner.sightings(PRODUCT_KEY, 1)),
    ]
    for path, secret, ask in calls:
        simulator.faults.add(path, kind="code", code=5999, msg=f"no: {secret}")
        simulator.faults.add(path, kind="cut")
        for error in (UnknownCodeError, NoAnswerError):
            with pytest.raises(error) as caught:
                await ask()
            told.append(everything_said(caught.value))
    simulator.advance(7200)
    echo = session["refresh_token"]
    simulator.faults.add(REFRESH_PATH, kind="code", code=5999, msg=echo, times=2)
    with pytest.raises(AccessDeniedError) as denied:
        await owner.verify()
    told.append(everything_said(denied.value))
    await owner.verify()
    secrets = [
        PASSWORD,
        USER_DOMAIN_SECRET,
        code,
        device.auth_key,
        session["refresh_token"],
        *simulator.quectel.tokens,
    ]
    assert caplog.text.count("enduserapi/refreshToken: HTTP 200") == 3
    # A message is cut off, so a secret may be there in part.
    parts = [secret[:60] for secret in secrets]
    assert not [part for part in parts for text in (caplog.text, *told) if part in text]
    assert simulator.quectel.secrets_in_url == []
    assert simulator.calls.secrets_in_url == []


async def test_no_secret_stands_in_an_address(http: aiohttp.ClientSession) -> None:
    """What really travels, request line by request line."""
    async with raw_server(sends(http_answer(b'{"code": 5046}'))) as server:
        client = quectel_client(
            http,
            server.url,
            session={
                "access_token": "Bearer FAKE-ACCESS",
                "access_expires": "1",
                "refresh_token": "Bearer FAKE-REFRESH",
                "account_id": "C1",
            },
        )
        for ask in (
            client.send_code(REGISTER, {"email": EMAIL}),
            client.register(REGISTER, FULL),
            client.link(LINK, CREDENTIALS),
            client.verify(),
        ):
            with pytest.raises(CloudError):
                await ask
    lines = [request.partition("\r\n")[0] for request in server.requests]
    assert lines == [
        "POST /v2/mail/enduserapi/v2/sendEmail HTTP/1.1",
        "POST /v2/enduser/enduserapi/emailPwdRegister HTTP/1.1",
        "POST /v2/enduser/enduserapi/emailPwdLogin HTTP/1.1",
        "PUT /v2/enduser/enduserapi/refreshToken HTTP/1.1",
    ]
    assert all("\r\nX-Q-Language: en\r\n" in request for request in server.requests)
    for request in server.requests:
        assert "Content-Type: application/x-www-form-urlencoded" in request
        assert PASSWORD not in request
    assert server.requests[3].endswith("\r\n\r\nrefreshToken=Bearer+FAKE-REFRESH")
