"""ShopXO's answers of older, newer and changed versions, and what is none at all."""

import json
from typing import Any

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.answer import Reply
from custom_components.growatt_onboarding.cloud.errors import CloudError, UnexpectedAnswerError
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import ClientContext, Form
from custom_components.growatt_onboarding.cloud.shopxo import ShopxoClient, api, register_form
from custom_components.growatt_onboarding.cloud.shopxo.api import AccountType

from .helpers import answer_of, http_answer, raw_server, sends

PASSWORD = "Fake-Passw0rd"
# The seed's example, shortened to what varies.
SEED: dict[str, object] = {
    "id": "469",
    "number_code": "8732997469",
    "status": "0",
    "token": "a8422d2fb14dd8323a44e7e0c7bceb47",
    "username": "pppppp",
    "mobile": "",
    "address_info": "",
    "is_mandatory_bind_mobile": 0,
}
SITE = {"home_site_name": "A shop"}
ALL = frozenset(AccountType)


def plain_form() -> Form:
    """Return a form to register by user name on a site without pictures."""
    site = api.site(Reply(0, {"config": {**SITE, "home_user_register_img_verify_state": 0}}))
    return register_form(AccountType.USERNAME, site)


async def register_answered(http: aiohttp.ClientSession, body: object) -> Account:
    """Register on a server that answers with this body."""
    data = http_answer(json.dumps(body).encode(), "200 OK", "text/html")
    async with raw_server(sends(data)) as server:
        client = ShopxoClient(ClientContext(http=http, url=server.url, credentials={}))
        values = {"username": "owner01", "password": PASSWORD}
        account = await client.register(plain_form(), values)
        assert len(server.requests) == 1
    return account


# Registrations


@pytest.mark.parametrize("account_id", ["469", 469, 469.0])
@pytest.mark.parametrize("wrap", [dict, json.dumps])
async def test_the_seeds_answer(http: aiohttp.ClientSession, account_id: object, wrap: Any) -> None:
    """Ids come as text and as numbers, data as object and as text."""
    body = {"msg": "注册成功", "code": 0, "data": wrap({**SEED, "id": account_id})}
    account = await register_answered(http, body)
    session = {"token": str(SEED["token"])}
    names = (str(SEED["username"]),)
    assert account == Account(id="469", name="owner01", session=session, other_names=names)


@pytest.mark.parametrize(
    ("body", "account_id"),
    [
        # The account exists, but nobody was signed in.
        ({"msg": "注册成功，请到登录页面登录帐号", "code": 0, "data": ""}, None),  # noqa: RUF001
        ({"msg": "", "code": 0, "data": []}, None),
        ({"code": "0"}, None),
        ({"code": 0, "data": None, "more": 1}, None),
        # A site that takes us for a browser.
        ({"code": 0, "data": {"body_html": "", "user_id": 7}}, "7"),
        ({"code": 0, "data": {"id": "7", "token": ""}}, "7"),
        ({"code": 0, "data": {"id": 0, "token": "fake-token"}}, None),
    ],
)
async def test_registered_but_not_signed_in(
    http: aiohttp.ClientSession, body: object, account_id: str | None
) -> None:
    account = await register_answered(http, body)
    assert account == Account(id=account_id, name="owner01", sign_in_needed=True)
    assert account.session is None
    assert not account.activation_pending


@pytest.mark.parametrize("data", ["", [], {}, None])
@pytest.mark.parametrize("code", [-110, "-110"])
async def test_review(http: aiohttp.ClientSession, data: object, code: object) -> None:
    account = await register_answered(http, {"msg": "", "code": code, "data": data})
    assert account == Account(id=None, name="owner01", activation_pending=True)


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": "x"}, {"code": [0]}, {"msg": "ok"}])
async def test_no_code(http: aiohttp.ClientSession, body: object) -> None:
    with pytest.raises(UnexpectedAnswerError) as caught:
        await register_answered(http, body)
    assert caught.value.outcome_unknown


async def test_what_is_sent(http: aiohttp.ClientSession) -> None:
    """The public part stands in the address, everything typed in the form."""
    data = http_answer(json.dumps({"code": 0, "data": SEED}).encode())
    async with raw_server(sends(data)) as server:
        client = ShopxoClient(ClientContext(http=http, url=f"{server.url}/public", credentials={}))
        await client.register(plain_form(), {"username": "owner01", "password": "a &=+%ü"})
        head, _, form = server.requests[0].partition("\r\n\r\n")
    assert head.splitlines()[0] == (
        "POST /public/api.php?s=user/reg&application=app&application_client_type=h5"
        "&ajax=ajax&lang=en HTTP/1.1"
    )
    assert "Content-Type: application/x-www-form-urlencoded" in head
    sent = dict(part.split("=") for part in form.split("&"))
    assert sent.pop("uuid").count("-") == 4
    assert sent == {"accounts": "owner01", "pwd": "a+%26%3D%2B%25%C3%BC", "type": "username"}


# What a site wants


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["username", "sms", "email"], ALL),
        (["email"], {AccountType.EMAIL}),
        ("username,sms", {AccountType.USERNAME, AccountType.SMS}),
        ('["sms"]', {AccountType.SMS}),
        ({"0": "email", "2": "sms"}, {AccountType.EMAIL, AccountType.SMS}),
        ("", set()),
        ([], set()),
        (["fax", 5, None], set()),
        (None, ALL),
        (0, set()),
    ],
)
def test_types(value: object, expected: set[AccountType]) -> None:
    """The ways to register come in several shapes; a version that says none offers all."""
    site = api.site(Reply(0, {"config": {**SITE, "home_user_reg_type": value}}))
    assert site.register_types == expected


def test_a_fresh_site() -> None:
    """What is not said is as on a fresh site, which wants every picture."""
    site = api.site(Reply(0, {"config": SITE}))
    assert site == api.Site(
        register_types=ALL,
        login_types=ALL,
        register_picture=True,
        login_picture=True,
        code_picture=True,
        resend_pause=60.0,
        review=False,
        agreements=(),
    )


@pytest.mark.parametrize("value", [0, "0", False, 0.0])
def test_switches(value: object) -> None:
    names = (
        "home_user_register_img_verify_state",
        "home_user_login_img_verify_state",
        "common_img_verify_state",
    )
    site = api.site(Reply(0, {"config": {**SITE, **dict.fromkeys(names, value)}}))
    assert [site.register_picture, site.login_picture, site.code_picture] == [False] * 3
    assert api.site(Reply(0, {**SITE, "common_register_is_enable_audit": "1"})).review


@pytest.mark.parametrize("data", [None, "", [], {}, {"config": []}, {"config": {"x": 1}}, "{"])
def test_no_site(data: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        api.site(Reply(0, data))


@pytest.mark.parametrize(
    ("config", "pages"),
    [
        (
            {
                "agreement_userregister_url": "https://shop.example/a b",
                "agreement_userprivacy_url": "http://shop.example/<p>",
            },
            (
                ("terms", "https://shop.example/a%20b"),
                ("privacy", "http://shop.example/%3Cp%3E"),
            ),
        ),
        ({"agreement_userregister_url": "javascript:alert(1)"}, ()),
        ({"agreement_userregister_url": "/index.php"}, ()),
        ({"agreement_userregister_url": "https://["}, ()),
        ({"agreement_userregister_url": "https://xn--"}, ()),
        ({"agreement_userregister_url": ["x"]}, ()),
        (
            {
                "home_is_enable_userregister_agreement": 0,
                "agreement_userregister_url": "https://shop.example/a",
            },
            (),
        ),
    ],
)
def test_agreements(config: dict[str, object], pages: tuple[tuple[str, str], ...]) -> None:
    """Only addresses of web pages are shown, in a spelling that breaks out of no text."""
    assert api.site(Reply(0, {"config": {**SITE, **config}})).agreements == pages


# Pictures and users


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "empty_answer"),
        (b"<html>", "web_page"),
        (b"BM...", "web_page"),
        ({"code": 0, "msg": "ok"}, "no_picture"),
        ({"code": -10000, "msg": "closed"}, "site_closed"),
        ({"code": -1000, "msg": "?"}, "site_lacks_function"),
    ],
)
def test_no_picture(body: object, error: str) -> None:
    with pytest.raises(CloudError) as caught:
        api.picture("fake-challenge", answer_of(body, "text/html"))
    assert caught.value.key == error


@pytest.mark.parametrize("data", ["", [], {}, {"id": 0}, {"id": ""}, {"username": "x"}, None])
def test_token_without_a_user(data: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        api.known_user(Reply(0, data))


@pytest.mark.parametrize("account_id", [5, "5"])
def test_token_with_a_user(account_id: object) -> None:
    api.known_user(Reply(0, {"id": account_id}))


def test_a_password_that_is_a_word_of_the_message() -> None:
    """It is hidden, and the message is understood nevertheless."""
    sent = {"code": -1, "msg": "Password format 6~18 characters"}
    with pytest.raises(CloudError) as caught:
        api.read_reply(api.login(), answer_of(sent, secrets=("mypassword",)))
    assert (caught.value.key, caught.value.field) == ("password_6_to_18", "password")
    assert caught.value.placeholders["message"] == "… format 6 18 characters"
