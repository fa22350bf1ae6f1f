"""Every way in which a call to Growatt can fail, over a socket, as the right typed error."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    AccountsUnreadError,
    AlreadyBoundError,
    BlockedError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
    PlantMissingError,
    RateLimitedError,
    RejectedError,
    TakenError,
    TryAgainError,
    UnexpectedAnswerError,
    UnknownCodeError,
    UnreachableError,
    WrongServerError,
)
from custom_components.growatt_onboarding.cloud.growatt import LINK, REGISTER, GrowattClient, api
from custom_components.growatt_onboarding.cloud.model import Account, DeviceKind
from simulator import Simulator

from .helpers import FAKE_TOKEN, growatt_client, hangs, http_answer, raw_server, sends

FORM = {
    "username": "new-owner",
    "password": "Fake-Passw0rd",
    "email": "new-owner@example.com",
    "country": "DE",
}
SERIAL = "FAK0000001"

type Ask = Callable[[GrowattClient], Awaitable[object]]

# One method for each endpoint that it alone asks.
METHODS: dict[str, Ask] = {
    "user/user_register": lambda client: client.register(REGISTER, FORM),
    "user/check_user": lambda client: client.is_username_available("new-owner"),
    "plant/list": lambda client: client.verify(),
    "plant/add": lambda client: client.create_plant("1", {"name": "a", "peak_power": "1"}),
    "plant/sn_plant": lambda client: client.locate(SERIAL),
    "device/sn/add": lambda client: client.bind("1", "1", SERIAL),
    "device/list": lambda client: client.sightings("1", 1),
    "device/check/sn": lambda client: client.check_serial(SERIAL),
    "device/datalogger/validate": lambda client: client.validate_datalogger(SERIAL, "A1B2C"),
    "device/datalogger/add": lambda client: client.bind("1", "1", SERIAL, DeviceKind.DATALOGGER),
    "device/datalogger/list": lambda client: client.sightings("1", 1, DeviceKind.DATALOGGER),
    "v4/new-api/queryDeviceList": lambda client: client.watch(1),
}
V1 = [path for path in METHODS if not path.startswith("v4")]
# Binding is tried again instead.
IRREVERSIBLE = ("user/user_register", "plant/add")


class Expected(NamedTuple):
    error: type[CloudError]
    key: str
    field: str | None = None
    retry_after: float | None = None


SYSTEM_ERROR = Expected(TryAgainError, "system_error")
REJECTED = Expected(RejectedError, "rejected")
NO_ACCOUNT = Expected(RejectedError, "account_missing")
NO_PLANT = Expected(PlantMissingError, "plant_missing")
BAD_SERIAL = Expected(RejectedError, "serial_rejected", "serial_numbers")
BAD_DATALOGGER = Expected(RejectedError, "serial_rejected", "serial_number")
BAD_TOKEN = Expected(AccessDeniedError, "invalid_token", "token")
NOT_DEVICES = Expected(NotAllowedError, "not_allowed_devices")
NOT_REGISTER = Expected(NotAllowedError, "not_allowed_register")
RATE_LIMITED = Expected(RateLimitedError, "rate_limited")

# Copied by hand from the vendor's pages, not from the tables under test.
CODES: dict[str, dict[int, Expected]] = {
    "user/user_register": {
        10001: SYSTEM_ERROR,
        10002: Expected(InvalidInputError, "username_or_password_empty", "username"),
        10003: Expected(TakenError, "username_taken", "username"),
        10004: Expected(InvalidInputError, "email_empty", "email"),
        10006: REJECTED,
        10008: BAD_TOKEN,
        10011: NOT_REGISTER,
        10014: Expected(InvalidInputError, "installer_code_wrong", "installer_code"),
    },
    "user/check_user": {
        10001: SYSTEM_ERROR,
        10002: Expected(InvalidInputError, "required", "username"),
        10011: NOT_REGISTER,
    },
    "plant/list": {10001: SYSTEM_ERROR, 10011: BAD_TOKEN, 10014: REJECTED},
    "plant/add": {
        10001: SYSTEM_ERROR,
        10002: NO_ACCOUNT,
        10003: Expected(InvalidInputError, "required", "name"),
        10004: Expected(InvalidInputError, "required", "peak_power"),
        10005: NO_ACCOUNT,
        10006: Expected(InvalidInputError, "plant_name_taken", "name"),
        10011: Expected(NotAllowedError, "not_allowed_create_plant"),
    },
    "plant/sn_plant": {
        10001: SYSTEM_ERROR,
        10002: NO_ACCOUNT,
        10003: BAD_SERIAL,
        10004: REJECTED,
        10011: NOT_DEVICES,
    },
    "device/sn/add": {
        10001: SYSTEM_ERROR,
        10002: BAD_SERIAL,
        10003: Expected(AlreadyBoundError, "already_bound"),
        10004: NO_PLANT,
        10005: NO_ACCOUNT,
        10006: NO_ACCOUNT,
        10007: Expected(RejectedError, "datalogger_missing"),
        10010: Expected(TryAgainError, "bind_failed"),
        10011: Expected(NotAllowedError, "not_allowed_bind"),
    },
    "device/list": {
        10001: SYSTEM_ERROR,
        10002: NO_PLANT,
        10003: NO_PLANT,
        10011: NOT_DEVICES,
        10014: REJECTED,
    },
    "device/check/sn": {10001: SYSTEM_ERROR, 10011: NOT_DEVICES},
    "device/datalogger/validate": {
        10001: BAD_DATALOGGER,
        10002: Expected(InvalidInputError, "check_code_wrong", "check_code"),
        10011: NOT_DEVICES,
    },
    "device/datalogger/add": {
        10001: SYSTEM_ERROR,
        10002: BAD_DATALOGGER,
        10003: Expected(AlreadyBoundError, "already_bound"),
        10004: NO_PLANT,
        10005: NO_ACCOUNT,
        10006: NO_ACCOUNT,
        10011: Expected(NotAllowedError, "not_allowed_bind"),
    },
    "device/datalogger/list": {
        10001: SYSTEM_ERROR,
        10002: NO_PLANT,
        10003: NO_PLANT,
        10011: NOT_DEVICES,
        10014: REJECTED,
    },
    "v4/new-api/queryDeviceList": {
        1: SYSTEM_ERROR,
        2: NOT_DEVICES,
        3: NOT_DEVICES,
        5: SYSTEM_ERROR,
        6: SYSTEM_ERROR,
        7: REJECTED,
        8: REJECTED,
        9: REJECTED,
        10: REJECTED,
        11: REJECTED,
        12: NOT_DEVICES,
        100: RATE_LIMITED,
        101: NOT_DEVICES,
        102: RATE_LIMITED,
        105: RATE_LIMITED,
        10011: NOT_DEVICES,
        10012: RATE_LIMITED,
    },
}
GENERIC = {
    -1: Expected(WrongServerError, "wrong_server"),
    10012: RATE_LIMITED,
    10013: REJECTED,
}
ALL_CODES = [
    (path, code, expected)
    for path in METHODS
    for code, expected in ({**GENERIC, **CODES[path]} if path in V1 else CODES[path]).items()
]


async def failure(ask: Ask, client: GrowattClient) -> CloudError:
    with pytest.raises(CloudError) as caught:
        await ask(client)
    return caught.value


@pytest.mark.parametrize(("path", "code", "expected"), ALL_CODES)
async def test_code(
    client: GrowattClient, simulator: Simulator, path: str, code: int, expected: Expected
) -> None:
    simulator.faults.add(path, kind="code", code=code, msg="error_of_some_kind")
    error = await failure(METHODS[path], client)
    assert (type(error), error.key, error.field) == (expected.error, expected.key, expected.field)
    assert error.retry_after == expected.retry_after
    assert error.code == code
    assert error.placeholders == {"code": str(code), "message": "error_of_some_kind"}
    assert error.outcome_unknown is (path in IRREVERSIBLE and expected == SYSTEM_ERROR)
    assert len(simulator.calls.of(path)) == 1


@pytest.mark.parametrize("path", METHODS)
async def test_unknown_code(client: GrowattClient, simulator: Simulator, path: str) -> None:
    """A code that no page explains is shown with the cloud's message, made fit to be shown."""
    message = f"<b>Strange</b>\r\n **things** ![x](https://evil.example) {'x' * 500}"
    simulator.faults.add(path, kind="code", code=77777, msg=message)
    error = await failure(METHODS[path], client)
    assert (type(error), error.key, error.code) == (UnknownCodeError, "unknown_code", 77777)
    assert error.outcome_unknown is (path in IRREVERSIBLE)
    assert error.placeholders["code"] == "77777"
    shown = error.placeholders["message"]
    assert shown.startswith("b Strange /b things ! x ( xxx")
    assert len(shown) < 210


@pytest.mark.parametrize("code", ['"10012"', '" 10012 "', "10012.0"])
async def test_code_as_text(http: aiohttp.ClientSession, code: str) -> None:
    reply = f'{{"error_code": {code}, "error_msg": "", "data": ""}}'
    async with raw_server(sends(http_answer(reply.encode()))) as server:
        error = await failure(METHODS["plant/list"], growatt_client(http, server.url, FAKE_TOKEN))
    assert (type(error), error.code) == (RateLimitedError, 10012)


# The second is the one endpoint that may leave the code out, with a result in its place.
@pytest.mark.parametrize("path", ["plant/list", "device/check/sn"])
@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        '{"data": {}}',
        '{"error_code": ""}',
        '{"error_code": null}',
        '{"error_code": "ok"}',
        '{"error_code": true}',
        '{"error_code": [0]}',
    ],
)
async def test_no_code(http: aiohttp.ClientSession, path: str, reply: str) -> None:
    async with raw_server(sends(http_answer(reply.encode()))) as server:
        error = await failure(METHODS[path], growatt_client(http, server.url, FAKE_TOKEN))
    assert (type(error), error.key) == (UnexpectedAnswerError, "unexpected_answer")


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("plant/list", '{"error_code": 0, "data": {"count": 1}}'),
        ("plant/list", '{"error_code": 0, "data": [1]}'),
        ("plant/list", '{"error_code": 0, "data": {"plants": "none"}}'),
        ("plant/add", '{"error_code": 0, "data": ""}'),
        ("plant/add", '{"error_code": 0, "data": {"plant_id": ""}}'),
        ("plant/sn_plant", '{"error_code": 0, "data": ""}'),
        ("plant/sn_plant", '{"error_code": 0, "data": {"plant": null}}'),
        ("plant/sn_plant", '{"error_code": 0, "data": {"plant": {"plant_id": null}}}'),
        ("device/list", '{"error_code": 0, "data": ""}'),
        ("device/list", '{"error_code": 0}'),
        ("device/list", '{"error_code": 0, "data": {"count": 1, "devices": null}}'),
        ("device/datalogger/list", '{"error_code": 0, "data": ""}'),
        ("device/datalogger/list", '{"error_code": 0, "data": {"count": 1}}'),
        ("v4/new-api/queryDeviceList", '{"code": 0, "data": {"count": 1}}'),
    ],
)
async def test_success_that_lacks_what_was_asked_for(
    http: aiohttp.ClientSession, path: str, reply: str
) -> None:
    async with raw_server(sends(http_answer(reply.encode()))) as server:
        error = await failure(METHODS[path], growatt_client(http, server.url, FAKE_TOKEN))
    assert (type(error), error.key) == (UnexpectedAnswerError, "unexpected_answer")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ('{"result": "1", "obj": "3"}', "datalogger"),
        ('{"result": 1, "obj": 4}', "other"),
        ('{"result": 1, "obj": 9}', "unknown"),
        ('{"result": 1}', "unknown"),
        ('{"result": 0, "obj": 1}', "unknown"),
        ('{"error_code": 0, "result": 1, "obj": 1}', "inverter"),
        ('{"error_code": "0", "data": ""}', "unknown"),
    ],
)
async def test_check_serial_without_a_code(
    http: aiohttp.ClientSession, reply: str, kind: str
) -> None:
    """This endpoint answers without an envelope."""
    async with raw_server(sends(http_answer(reply.encode()))) as server:
        assert await growatt_client(http, server.url, FAKE_TOKEN).check_serial(SERIAL) == kind


@pytest.mark.parametrize("path", METHODS)
async def test_lost_answer(client: GrowattClient, simulator: Simulator, path: str) -> None:
    simulator.faults.add(path, kind="cut_after", times=None)
    error = await failure(METHODS[path], client)
    assert (type(error), error.field, error.outcome_unknown) == (NoAnswerError, None, True)
    assert len(simulator.calls) == 1


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
async def test_lost_registration(client: GrowattClient, simulator: Simulator, kind: str) -> None:
    """A registration whose answer never comes may have happened, and a look tells."""
    simulator.faults.add("user/user_register", kind=kind)
    error = await failure(METHODS["user/user_register"], client)
    assert (type(error), error.outcome_unknown) == (NoAnswerError, True)
    found = await client.find_registered(REGISTER, FORM)
    user = simulator.growatt.user_named(FORM["username"])
    assert (user is not None) is (kind == "cut_after")
    assert found == (user and Account(id=str(user.user_id), name="new-owner", session={}))
    assert len(simulator.calls.of("user/user_register")) == 1


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'<form data-name="login">', "login_page"),
        (b"<p>Dear user, you have not login to the system</p>", "login_page"),
        (b"<html>Welcome</html>", "web_page"),
    ],
)
async def test_web_page(http: aiohttp.ClientSession, body: bytes, key: str) -> None:
    """The cloud's own login page is told apart from a page of some other server."""
    async with raw_server(sends(http_answer(body, content_type="text/html"))) as server:
        error = await failure(METHODS["plant/list"], growatt_client(http, server.url, FAKE_TOKEN))
    assert (type(error), error.key) == (UnexpectedAnswerError, key)


# At the field of the server, where the server is what is tested


@pytest.mark.parametrize(
    ("kind", "expected", "field"),
    [
        ("login_page", UnexpectedAnswerError, "server"),
        ("cut", NoAnswerError, "server"),
        # A firewall says nothing about address and token.
        ("firewall", BlockedError, None),
    ],
)
async def test_test_blames_the_server(
    client: GrowattClient,
    simulator: Simulator,
    kind: str,
    *,
    expected: type[CloudError],
    field: str | None,
) -> None:
    simulator.faults.add("plant/list", kind=kind)
    error = await failure(lambda asked: asked.test(), client)
    assert (type(error), error.field) == (expected, field)


async def test_test_finds_the_old_address(client: GrowattClient, simulator: Simulator) -> None:
    simulator.growatt.wrong_domain = True
    error = await failure(lambda asked: asked.test(), client)
    assert (type(error), error.field, error.code) == (WrongServerError, "server", -1)


async def test_test_finds_nobody(http: aiohttp.ClientSession) -> None:
    async with raw_server(hangs) as server:
        url = server.url
    error = await failure(lambda asked: asked.test(), growatt_client(http, url, FAKE_TOKEN))
    assert (type(error), error.field) == (UnreachableError, "server")


# Lists that are asked in passing


OUTAGES: dict[str, type[CloudError]] = {
    "firewall": BlockedError,
    "cut": NoAnswerError,
    "garbage": UnexpectedAnswerError,
}


@pytest.mark.parametrize("kind", OUTAGES)
async def test_link_needs_the_plants(
    client: GrowattClient, simulator: Simulator, kind: str
) -> None:
    """A broken way to the cloud does not look like an account without plants."""
    simulator.faults.add("plant/list", kind=kind)
    error = await failure(lambda asked: asked.link(LINK, {}), client)
    assert type(error) is OUTAGES[kind]


UNREAD: list[tuple[dict[str, Any], type[CloudError]]] = [
    ({"kind": "code", "code": 10001}, TryAgainError),
    ({"kind": "code", "code": 10012}, RateLimitedError),
    ({"kind": "code", "code": 77777}, UnknownCodeError),
    *(({"kind": kind}, error) for kind, error in OUTAGES.items()),
]


async def test_users_that_the_token_may_not_list(
    client: GrowattClient, simulator: Simulator
) -> None:
    """There is an account to link all the same, and it does not matter how often it is asked."""
    simulator.faults.add("user/c_user_list", kind="code", code=10011, times=2)
    for _ in range(2):
        (account,) = await client.link(LINK, {})
        assert account.name == account.id
    simulator.growatt.add_user(FORM["username"], FORM["email"])
    # Within the limit the answer still holds.
    simulator.faults.add("user/c_user_list", kind="code", code=10012, times=2)
    assert await client.link(LINK, {}) == (account,)
    found = await client.find_registered(REGISTER, FORM)
    assert found == Account(id=None, name=FORM["username"], session={})
    assert len(simulator.calls.of("user/c_user_list")) == 4


@pytest.mark.parametrize(("fault", "expected"), UNREAD)
async def test_users_that_cannot_be_listed(
    client: GrowattClient, simulator: Simulator, fault: dict[str, Any], expected: type[CloudError]
) -> None:
    """Who has a plant can be linked; that nobody else is there, nobody says."""
    growatt = simulator.growatt
    growatt.limits.reading = "none"
    other = growatt.add_user(FORM["username"], FORM["email"])
    simulator.faults.add("user/c_user_list", **fault, times=5)
    error = await failure(lambda asked: asked.link(LINK, {}), client)
    assert isinstance(error, AccountsUnreadError)
    assert type(error.cause) is expected
    assert (error.key, error.said, error.listed) == (error.cause.key, error.cause.said, False)
    (account,) = error.accounts
    assert account == Account(id="101", name="101", session={}, plant="Sim Home")
    assert await client.link(LINK, {"account_id": "101"}) == error.accounts
    typed = {"account_id": str(other.user_id)}
    assert type(await failure(lambda asked: asked.link(LINK, typed), client)) is expected
    found = await client.find_registered(REGISTER, FORM)
    assert found == Account(id=None, name=FORM["username"], session={})
    (plant,) = growatt.plants.values()
    growatt.plants.clear()
    assert type(await failure(lambda asked: asked.link(LINK, {}), client)) is expected

    growatt.plants[plant.plant_id] = plant
    assert [one.name for one in await client.link(LINK, {})] == ["sim-resident", FORM["username"]]


@pytest.mark.parametrize(("fault", "expected"), UNREAD)
async def test_plants_by_name_that_cannot_be_listed(
    client: GrowattClient, simulator: Simulator, fault: dict[str, Any], expected: type[CloudError]
) -> None:
    """What cannot be read is not empty: somebody would create a second plant."""
    user = simulator.growatt.add_user("other", "other@example.com")
    for path in ("user/c_user_list", "plant/user_plant_list"):
        simulator.faults.add(path, **fault)
        error = await failure(lambda asked: asked.plants(str(user.user_id)), client)
        assert type(error) is expected
    simulator.growatt.add_plant(user.user_id, "Home")
    simulator.faults.add("plant/list", kind="data_empty", times=3)
    (plant,) = await client.plants(str(user.user_id))
    assert plant.name == "Home"
    # What a limit keeps from being listed is what was listed last.
    simulator.faults.add("plant/user_plant_list", kind="code", code=10012)
    assert await client.plants(str(user.user_id)) == (plant,)
    simulator.growatt.delete_plant(int(plant.id))
    simulator.advance(300)
    assert await client.plants(str(user.user_id)) == ()


async def test_users_of_a_refused_token(
    client: GrowattClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of the token is heard, should this list ever say it."""
    meaning = api.CODES[api.PLANT_LIST][10011]
    monkeypatch.setitem(cast("dict[object, object]", api.CODES), api.USER_LIST, {10011: meaning})
    simulator.faults.add("user/c_user_list", kind="code", code=10011)
    error = await failure(lambda asked: asked.link(LINK, {}), client)
    assert type(error) is AccessDeniedError


@pytest.mark.parametrize(
    ("path", "fault", "expected"),
    [
        ("user/c_user_list", {"kind": "firewall"}, BlockedError),
        ("plant/user_plant_list", {"kind": "cut"}, NoAnswerError),
        ("plant/user_plant_list", {"kind": "code", "code": -1}, WrongServerError),
    ],
)
async def test_plants_by_name_need_the_network(
    client: GrowattClient,
    simulator: Simulator,
    path: str,
    *,
    fault: dict[str, Any],
    expected: type[CloudError],
) -> None:
    """A cloud out of reach does not look like one without plants."""
    user = simulator.growatt.add_user("other", "other@example.com")
    simulator.faults.add(path, **fault)
    error = await failure(lambda asked: asked.plants(str(user.user_id)), client)
    assert type(error) is expected
