"""AnQiCMS's answers of older, newer and changed versions, and what is none at all."""

from base64 import b64encode
import json
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer
import pytest

from custom_components.growatt_onboarding.cloud.anqicms import (
    AnqicmsClient,
    api,
    register_forms,
)
from custom_components.growatt_onboarding.cloud.answer import Reply
from custom_components.growatt_onboarding.cloud.errors import (
    CloudError,
    RejectedError,
    TakenError,
    UnexpectedAnswerError,
)
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import ClientContext

from .helpers import answer_of, http_answer, raw_server, sends

TOKEN = "eyJhbGciOiJIUzI1NiJ9.fake.token"
PNG = "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\nfake").decode()
# The seed's example, shortened to what varies.
SEED: dict[str, object] = {
    "id": 1000,
    "user_name": "newuser",
    "email": "",
    "phone": "13800138000",
    "status": 1,
    "extra": None,
    "token": TOKEN,
    "group": None,
}
BY_PHONE = register_forms(captcha=False)[1]
VALUES = {
    "phone": "13800138000",
    "code": "123456",
    "password": "Fake-Passw0rd",
    "username": "newuser",
}


async def register_answered(http: aiohttp.ClientSession, body: object) -> Account:
    """Register by telephone number on a server that answers with this body."""
    async with raw_server(sends(http_answer(json.dumps(body).encode()))) as server:
        client = AnqicmsClient(ClientContext(http=http, url=server.url, credentials={}))
        account = await client.register(BY_PHONE, VALUES)
        assert len(server.requests) == 1
    return account


@pytest.mark.parametrize("user_id", [1000, "1000", 1000.0])
@pytest.mark.parametrize("code", [0, "0", 200, "200"])
@pytest.mark.parametrize("wrap", [dict, json.dumps])
async def test_the_seeds_answer(
    http: aiohttp.ClientSession, user_id: object, code: object, wrap: Any
) -> None:
    """A success is 0, or 200 with a user; ids come as text and as numbers."""
    body = {"code": code, "msg": "注册成功", "data": wrap({**SEED, "id": user_id})}
    account = await register_answered(http, body)
    assert account == Account(
        id="1000", name="newuser", session={"token": TOKEN}, other_names=("13800138000",)
    )


@pytest.mark.parametrize("code", [0, 200])
@pytest.mark.parametrize("data", ["", [], {}, None, {"id": None}, {"id": "x"}, {"token": TOKEN}])
async def test_success_without_a_user(http: aiohttp.ClientSession, code: int, data: object) -> None:
    """A success that names nobody leaves open what happened."""
    with pytest.raises(UnexpectedAnswerError) as caught:
        await register_answered(http, {"code": code, "data": data})
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": "x"}, {"msg": "ok"}])
async def test_no_code(http: aiohttp.ClientSession, body: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        await register_answered(http, body)


@pytest.mark.parametrize("key", ["msg", "message"])
async def test_message(http: aiohttp.ClientSession, key: str) -> None:
    with pytest.raises(CloudError, match="phone_taken"):
        await register_answered(http, {"code": -1, key: "该手机号已被注册"})


async def test_what_is_sent(http: aiohttp.ClientSession) -> None:
    """Everything typed goes as JSON, optional fields only where filled in."""
    async with raw_server(
        sends(http_answer(json.dumps({"code": 0, "data": SEED}).encode()))
    ) as server:
        client = AnqicmsClient(
            ClientContext(http=http, url=f"{server.url}/cms", credentials={"site_id": "3"})
        )
        form = register_forms(captcha=True)[1]
        picture = {"captcha": "abcd", "captcha_challenge": "captcha123"}
        await client.register(form, {**VALUES, **picture, "real_name": "新用户"})
        head, _, body = server.requests[0].partition("\r\n\r\n")
    assert head.splitlines()[0] == "POST /cms/api/register?site_id=3 HTTP/1.1"
    assert "Content-Type: application/json" in head
    assert "Accept-Language: en" in head.splitlines()
    assert json.loads(body) == {
        "user_name": "newuser",
        "phone": "13800138000",
        "code": "123456",
        "password": "Fake-Passw0rd",
        "real_name": "新用户",
        "captcha_id": "captcha123",
        "captcha": "abcd",
    }


async def test_sign_in_without_a_token(http: aiohttp.ClientSession) -> None:
    body = {"code": 0, "data": {**SEED, "token": ""}}
    async with raw_server(sends(http_answer(json.dumps(body).encode()))) as server:
        client = AnqicmsClient(ClientContext(http=http, url=server.url, credentials={}))
        with pytest.raises(UnexpectedAnswerError):
            await client.find_registered(BY_PHONE, VALUES)
        # The same answer to a registration: it is the account that was asked for, and it waits.
        account = await client.register(BY_PHONE, VALUES)
        # As another one it is nobody's of us, unless a sign-in proves it.
        with pytest.raises(UnexpectedAnswerError):
            await client.register(BY_PHONE, {**VALUES, "username": "other"})
    assert account == Account(
        id="1000", name="newuser", activation_pending=True, other_names=("13800138000",)
    )


@pytest.mark.parametrize(
    ("message", "error", "field"),
    [
        (
            "Please fill in the username and password correctly",
            "username_or_password_refused",
            "username",
        ),
        ("Please enter a password of more than 6 digits", "password_6_to_72", "password"),
        ("The username has been registered", "username_taken", "username"),
        ("The mobile phone number has been registered", "phone_taken", "phone"),
        ("The email has been registered", "email_taken", "email"),
        ("Incorrect mobile phone number", "phone_refused", "phone"),
        ("Incorrect email", "invalid_email", "email"),
        (
            "Fill in at least one of the email and mobile phone number",
            "email_or_phone_needed",
            "email",
        ),
        ("请正确填写用户名和密码", "username_or_password_refused", "username"),
        ("请输入6位以上的密码", "password_6_to_72", "password"),
        ("该用户名已被注册", "username_taken", "username"),
        ("该手机号已被注册", "phone_taken", "phone"),
        ("该邮箱已被注册", "email_taken", "email"),
        ("手机号不正确", "phone_refused", "phone"),
        ("邮箱不正确", "invalid_email", "email"),
        ("邮箱和手机号至少填写一个", "email_or_phone_needed", "email"),
        ("Graphic code is incorrect", "captcha_wrong", "captcha"),
        ("图形码不正确", "captcha_wrong", "captcha"),
        ("The verification code is incorrect", "code_wrong", "code"),
        ("验证码不正确", "code_wrong", "code"),
    ],
)
def test_messages(message: str, error: str, field: str) -> None:
    with pytest.raises(CloudError) as caught:
        api.read_reply(api.REGISTER, answer_of({"code": -1, "msg": message}))
    assert (caught.value.key, caught.value.field) == (error, field)
    # A password of the same words is hidden, and not what was meant.
    with pytest.raises(CloudError) as caught:
        api.read_reply(api.REGISTER, answer_of({"code": -1, "msg": message}, secrets=(message,)))
    assert (caught.value.key, caught.value.field) == (error, field)
    assert message not in caught.value.placeholders["message"]


# Pictures


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"captcha_off": True}, True),
        ({"captcha_off": "1"}, True),
        ({"captcha_off": 0, "captcha_id": "x", "captcha": PNG}, False),
        ({"captcha_id": "x", "captcha": PNG}, False),
        ({"captcha_id": "", "captcha": ""}, True),
    ],
)
def test_captcha_shown(data: object, wanted: bool) -> None:  # noqa: FBT001
    """Whether a picture is wanted is said, or shown by there being one."""
    assert api.captcha_shown(Reply(0, data)) is not wanted


@pytest.mark.parametrize("data", ["", [], {}, None, {"x": 1}])
def test_no_captcha_at_all(data: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        api.captcha_shown(Reply(0, data))


@pytest.mark.parametrize("picture", [PNG, PNG.partition(",")[2]])
def test_pictures(picture: str) -> None:
    """A picture comes with or without the head of a data URI."""
    captcha = api.picture(Reply(0, {"captcha_id": "id", "captcha": picture}))
    assert (captcha.media_type, captcha.challenge) == ("image/png", "id")


@pytest.mark.parametrize(
    "data",
    [
        "",
        {},
        {"captcha": PNG},
        {"captcha_id": "id"},
        {"captcha_id": "id", "captcha": "data:image/png;base64,???"},
        {"captcha_id": "id", "captcha": "ü"},
        {"captcha_id": "id", "captcha": b64encode(b"<svg>").decode()},
        {"captcha_off": True},
    ],
)
def test_no_picture(data: object) -> None:
    with pytest.raises(UnexpectedAnswerError, match="no_picture"):
        api.picture(Reply(0, data))


# Users


@pytest.mark.parametrize("user_id", [0, "0", -1])
def test_user_that_was_not_stored(user_id: object) -> None:
    """The number 0 is nobody's."""
    with pytest.raises(RejectedError, match="not_created"):
        api.user(Reply(0, {**SEED, "id": user_id}))


@pytest.mark.parametrize(
    ("token", "expected"),
    [(TOKEN, TOKEN), ("", None), (None, None), ("ü", None), ("a\nb", "a b"), ({}, None)],
)
def test_tokens(token: object, expected: str | None) -> None:
    assert api.user(Reply(0, {**SEED, "token": token})).token == expected


@pytest.mark.parametrize(
    ("token", "end"),
    [
        ("", None),
        ("fake", None),
        (TOKEN, None),
        ("a.é.c", None),
        ("a.e30.c", None),  # {}
        ("a.W10.c", None),  # []
        ("a.eyJ0IjoieCJ9.c", None),  # {"t":"x"}
        ("a.eyJ0IjoiMTcwMDAwMDAwMCJ9.c", 1700000000),  # {"t":"1700000000"}
        ("a.eyJ0IjoxNzAwMDAwMDAwfQ", 1700000000),  # {"t":1700000000}
    ],
)
def test_end_of_a_token(token: str, end: int | None) -> None:
    assert api.token_end(token) == end


@pytest.mark.parametrize("verified", [True, 1, "1", "true"])
def test_verified(verified: object) -> None:
    """A confirmed address is told in several ways, and not by saying nothing."""
    assert api.user(Reply(0, {**SEED, "email_verified": verified})).verified
    assert not api.user(Reply(0, SEED)).verified


@pytest.mark.parametrize(
    "data", [{"id": 1, "email": ""}, {"id": "1"}, {"id": 0, "email": "owner@example.com"}]
)
def test_somebody_has_the_address(data: object) -> None:
    assert api.exists(Reply(0, data))


@pytest.mark.parametrize(
    "data", ["", [], None, {}, {"id": 0}, {"id": 0, "email": " "}, {"id": -1, "email": None}]
)
def test_nobody_has_the_address(data: object) -> None:
    """Only a success with a user says that an address is known."""
    with pytest.raises(UnexpectedAnswerError):
        api.exists(Reply(0, data))


async def test_look_that_names_nobody(http: aiohttp.ClientSession) -> None:
    """The registration goes on: it says itself that an address is taken."""
    requests: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        requests.append(request.path)
        if request.path == "/api/verify/email":
            return web.json_response({"code": 0, "data": {"id": 0, "email": ""}})
        return web.json_response({"code": 0, "data": {"id": 7, "token": "FAKE"}})

    async with RawTestServer(handler) as server:
        context = ClientContext(http=http, url=str(server.make_url("")).rstrip("/"), credentials={})
        (form, _) = register_forms(captcha=False)
        values = {"username": "a", "password": "Fake-Passw0rd", "email": "owner@example.com"}
        account = await AnqicmsClient(context).register(form, values)
    assert account.id == "7"
    assert requests == ["/api/verify/email", "/api/register"]


async def test_sign_in_that_proves_nothing(http: aiohttp.ClientSession) -> None:
    """Another user than the one that was returned is no proof, and a number of nobody none."""
    users = iter([8, 0])

    async def handler(request: web.BaseRequest) -> web.Response:
        if request.path == "/api/login":
            return web.json_response({"code": 0, "data": {**SEED, "id": next(users)}})
        return web.json_response({"code": 0, "data": {**SEED, "id": 7, "token": ""}})

    async with RawTestServer(handler) as server:
        url = str(server.make_url("")).rstrip("/")
        client = AnqicmsClient(ClientContext(http=http, url=url, credentials={}))
        with pytest.raises(TakenError, match="account_unconfirmed"):
            await client.register(BY_PHONE, {**VALUES, "username": "other"})
        with pytest.raises(RejectedError, match="not_created"):
            await client.find_registered(BY_PHONE, VALUES)


async def test_token_that_does_not_tell_its_end(http: aiohttp.ClientSession) -> None:
    context = ClientContext(http=http, url="https://x", credentials={}, session={"token": "fake"})
    assert AnqicmsClient(context).renewable_in is None
