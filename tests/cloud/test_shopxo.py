"""The ShopXO client against the simulated site, over a socket."""

from collections.abc import Mapping
import logging

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    NotAllowedError,
    TakenError,
    TryAgainError,
)
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import (
    Capability,
    ClientContext,
)
from custom_components.growatt_onboarding.cloud.shopxo import SHOPXO, ShopxoClient
from simulator import FaultKind, Simulator
from simulator.shopxo.state import LOCKED, NORMAL

from .helpers import RecordingGate, everything_said, form_of, solved

PASSWORD = "Fake-Passw0rd"
EMAIL = "new-owner@example.com"
MOBILE = "13800138000"


def shopxo_client(
    http: aiohttp.ClientSession,
    url: str,
    session: Mapping[str, str] | None = None,
    gate: RecordingGate | None = None,
) -> ShopxoClient:
    context = ClientContext(http=http, url=url, credentials={}, session=session, gate=gate)
    return ShopxoClient(context)


@pytest.fixture
def shop(http: aiohttp.ClientSession, simulator: Simulator, gate: RecordingGate) -> ShopxoClient:
    return shopxo_client(http, simulator.url, gate=gate)


async def registered(
    shop: ShopxoClient, simulator: Simulator, name: str = "owner01", **values: str
) -> Account:
    form = await form_of(shop, "username")
    picture = await solved(shop, simulator, form) if form.captcha else {}
    return await shop.register(form, {"username": name, "password": PASSWORD, **picture, **values})


def calls_of(simulator: Simulator, action: str) -> int:
    return sum(call.params.get("s") == action for call in simulator.calls)


# The provider


def test_description() -> None:
    """A site is named by its address alone, and its customers own no devices there."""
    assert (SHOPXO.key, SHOPXO.servers, SHOPXO.credential_fields) == ("shopxo", (), ())
    assert Capability.BIND not in ShopxoClient.capabilities
    assert Capability.PLANTS not in ShopxoClient.capabilities
    assert SHOPXO.realm_field is None
    assert {field.name for field in SHOPXO.register_fields if field.secret} == {"password"}


async def test_offer_of_a_fresh_site(shop: ShopxoClient, simulator: Simulator) -> None:
    """Everything is offered, with pictures, and what a person should read."""
    offer = await shop.test()
    assert [
        (form.key, form.identity, form.captcha, form.code_captcha, form.sends_code)
        for form in offer.register
    ] == [
        ("username", "username", True, False, False),
        ("email", "email", False, True, True),
        ("sms", "phone", False, True, True),
    ]
    assert [[field.name for field in form.fields] for form in offer.register] == [
        ["username", "password", "nickname", "captcha"],
        ["email", "code", "password", "nickname"],
        ["phone", "code", "password", "nickname"],
    ]
    (link,) = offer.link
    assert [field.name for field in link.fields] == ["login", "password", "captcha"]
    assert offer.agreements == (
        ("terms", "http://shop.example/agreement/register.html"),
        ("privacy", "http://shop.example/agreement/privacy.html"),
    )
    assert [call.method for call in simulator.calls] == ["GET"]


async def test_offer_without_pictures(shop: ShopxoClient, simulator: Simulator) -> None:
    site = simulator.shopxo
    site.register_picture = site.login_picture = site.code_picture = False
    offer = await shop.test()
    forms = (*offer.register, *offer.link)
    assert not any(form.captcha or form.code_captcha for form in forms)
    assert not any(field.name == "captcha" for form in forms for field in form.fields)


@pytest.mark.parametrize("kinds", [[], ["email"], ["sms", "username"]])
async def test_offer_of_some(shop: ShopxoClient, simulator: Simulator, kinds: list[str]) -> None:
    """Only what the site allows is offered; signing in takes a password."""
    simulator.shopxo.register_types = simulator.shopxo.login_types = kinds
    offer = await shop.test()
    assert {form.key for form in offer.register} == set(kinds)
    assert bool(offer.link) is ("username" in kinds)


async def test_closed_site(shop: ShopxoClient, simulator: Simulator) -> None:
    """A closed site says why, although it calls its JSON a page."""
    simulator.shopxo.closed_reason = "Back on Monday"
    with pytest.raises(NotAllowedError, match="site_closed") as caught:
        await shop.test()
    assert (caught.value.field, caught.value.code) == ("server", -10000)
    assert caught.value.placeholders["message"] == "Back on Monday"


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        ("/nowhere", None, "web_page"),
        ("", FaultKind.DATA_EMPTY, "unexpected_answer"),
        ("", FaultKind.CUT, "no_answer"),
    ],
)
async def test_not_a_shop(
    http: aiohttp.ClientSession,
    simulator: Simulator,
    path: str,
    fault: FaultKind | None,
    error: str,
) -> None:
    if fault is not None:
        simulator.faults.add("api.php", kind=fault)
    with pytest.raises(CloudError, match=error) as caught:
        await shopxo_client(http, f"{simulator.url}{path}").test()
    assert caught.value.field == "server"


# Registering by user name


async def test_register(shop: ShopxoClient, simulator: Simulator) -> None:
    account = await registered(shop, simulator, nickname="The owner")
    assert (account.id, account.name, account.activation_pending) == ("1", "owner01", False)
    user = simulator.shopxo.users[1]
    assert (user.username, user.nickname) == ("owner01", "The owner")
    assert user.has_password(PASSWORD)
    assert account.session == {"token": user.tokens["h5"]}
    assert calls_of(simulator, "user/reg") == 1


async def test_picture(shop: ShopxoClient) -> None:
    """A picture is known by its first bytes, and every one has a challenge of its own."""
    form = await form_of(shop, "username")
    first, second = await shop.captcha(form), await shop.captcha(form, for_code=True)
    assert (first.media_type, first.image[:4]) == ("image/gif", b"GIF8")
    assert first.challenge != second.challenge


async def test_pictures_that_do_not_fit(shop: ShopxoClient, simulator: Simulator) -> None:
    """None, a wrong answer and an old picture are told apart at the field; a new one works."""
    simulator.shopxo.register_picture = False
    without = await form_of(shop, "username")
    simulator.shopxo.register_picture = True
    values = {"username": "owner01", "password": PASSWORD}
    with pytest.raises(InvalidInputError, match="captcha_needed"):
        await shop.register(without, values)
    form = await form_of(shop, "username")
    old = await solved(shop, simulator, form)
    simulator.advance(601)
    wrong = {**await solved(shop, simulator, form), "captcha": "wrong"}
    for picture, key, code in ((old, "captcha_expired", -11), (wrong, "captcha_wrong", -12)):
        with pytest.raises(InvalidInputError, match=key) as caught:
            await shop.register(form, {**values, **picture})
        assert (caught.value.field, caught.value.code) == ("captcha", code)
    account = await shop.register(form, {**values, **await solved(shop, simulator, form)})
    assert account.id == "1"


async def test_no_picture_no_answer(shop: ShopxoClient, simulator: Simulator) -> None:
    """Where the site wants no picture the key is left out: an empty one would be refused."""
    simulator.shopxo.register_picture = False
    account = await registered(shop, simulator)
    assert account.id == "1"
    (call,) = [call for call in simulator.calls if call.params.get("s") == "user/reg"]
    assert "verify" not in call.params


async def test_taken(shop: ShopxoClient, simulator: Simulator) -> None:
    simulator.shopxo.add_user(username="OWNER01")
    with pytest.raises(TakenError, match="username_taken") as caught:
        await registered(shop, simulator, captcha="wrong")
    assert caught.value.field == "username"


@pytest.mark.parametrize("name", ["a", "a" * 19, "with space", "müller", "a-b"])
async def test_name_that_cannot_be(shop: ShopxoClient, simulator: Simulator, name: str) -> None:
    with pytest.raises(InvalidInputError, match="username_format") as caught:
        await registered(shop, simulator, username=name)
    assert caught.value.field == "username"
    assert calls_of(simulator, "user/reg") == 0


@pytest.mark.parametrize(
    "password", ["12345", 'a<b>&"c123', "a&b&c&d&e", "x" * 19, "ü" * 10, "'''" + "x"]
)
@pytest.mark.parametrize("key", ["username", "link"])
async def test_password_that_signs_nobody_in(
    shop: ShopxoClient, simulator: Simulator, password: str, key: str
) -> None:
    """A password that the site would take and never let in again is not sent."""
    form = await form_of(shop, key)
    values = {
        "username": "owner01",
        "login": "owner01",
        "password": password,
        **await solved(shop, simulator, form),
    }
    with pytest.raises(InvalidInputError, match="password_6_to_18") as caught:
        await (shop.link if key == "link" else shop.register)(form, values)
    assert caught.value.field == "password"
    assert not any(call.method == "POST" for call in simulator.calls)


@pytest.mark.parametrize(
    ("password", "escapes"),
    [
        ("x" * 18, True),
        ("a & b < c", True),
        ("ümläut", True),
        ("123456", True),
        # What fits with either PHP.
        ("it's fake", True),
        ("it's fake", False),
    ],
)
async def test_password_that_works(
    shop: ShopxoClient,
    simulator: Simulator,
    password: str,
    escapes: bool,  # noqa: FBT001
) -> None:
    simulator.shopxo.escapes_apostrophes = escapes
    simulator.shopxo.login_picture = False
    await registered(shop, simulator, password=password)
    link = await form_of(shop, "link")
    (account,) = await shop.link(link, {"login": "owner01", "password": password})
    assert account.id == "1"


@pytest.mark.parametrize("password", ["'" * 4 + "12", "'" * 3])
async def test_password_whose_length_depends_on_the_site(
    shop: ShopxoClient, simulator: Simulator, password: str
) -> None:
    """With either PHP it has to sign in later, so it is not registered."""
    simulator.shopxo.escapes_apostrophes = len(password) == 3
    with pytest.raises(InvalidInputError, match="password_6_to_18"):
        await registered(shop, simulator, password=password)
    assert calls_of(simulator, "user/reg") == 0

    # An account that has such a password is linked all the same.
    simulator.shopxo.login_picture = False
    simulator.shopxo.add_user(username="owner01", password=password)
    link = await form_of(shop, "link")
    (account,) = await shop.link(link, {"login": "owner01", "password": password})
    assert account.id == "1"


@pytest.mark.parametrize("password", ["a" * 18 + " ", " 123456 ", "\t123456"])
async def test_blanks_around_a_new_password(
    shop: ShopxoClient, simulator: Simulator, password: str
) -> None:
    """They mean nothing to the site except for the length, so they are not sent."""
    simulator.shopxo.login_picture = False
    password = password.replace("\t", " ")
    await registered(shop, simulator, password=password)
    link = await form_of(shop, "link")
    for typed in (password, password.strip()):
        (account,) = await shop.link(link, {"login": "owner01", "password": typed})
        assert account.id == "1"


async def test_blanks_that_make_a_password_long_enough(
    shop: ShopxoClient, simulator: Simulator
) -> None:
    """They are sent, or nobody could sign in."""
    simulator.shopxo.login_picture = False
    await registered(shop, simulator, password=" 12345")
    link = await form_of(shop, "link")
    with pytest.raises(InvalidInputError, match="password_6_to_18"):
        await shop.link(link, {"login": "owner01", "password": "12345"})
    (account,) = await shop.link(link, {"login": "owner01", "password": " 12345"})
    assert account.id == "1"


@pytest.mark.parametrize("long", ["n" * 61, "<" * 16, "n" * 56 + "&"])
async def test_nickname_that_the_site_cannot_store(
    shop: ShopxoClient, simulator: Simulator, long: str
) -> None:
    """Sites store it escaped; what is too long makes them fail, or is cut."""
    with pytest.raises(InvalidInputError, match="longer_than") as caught:
        await registered(shop, simulator, nickname=long)
    assert (caught.value.field, caught.value.placeholders) == ("nickname", {"most": "60"})
    assert calls_of(simulator, "user/reg") == 0
    account = await registered(shop, simulator, nickname=long[:-1])
    assert account.id == "1"


async def test_address_that_the_site_cannot_store(shop: ShopxoClient, simulator: Simulator) -> None:
    simulator.shopxo.code_picture = False
    form = await form_of(shop, "email")
    address = f"{'a' * 48}@example.com"
    with pytest.raises(InvalidInputError, match="longer_than") as caught:
        await shop.send_code(form, {"email": f"a{address}"})
    assert (caught.value.field, simulator.mailbox) == ("email", [])
    values = {"email": address, "password": PASSWORD}
    await shop.send_code(form, values)
    account = await shop.register(form, {**values, "code": simulator.mailbox[-1].code})
    assert account.name == address


async def test_forbidden_name(shop: ShopxoClient, simulator: Simulator) -> None:
    simulator.shopxo.forbidden_names = {"admin"}
    with pytest.raises(InvalidInputError, match="username_forbidden") as caught:
        await registered(shop, simulator, "admin")
    assert caught.value.field == "username"


# Registering with a code


@pytest.mark.parametrize(
    ("key", "typed", "sent"),
    [
        ("email", EMAIL, EMAIL),
        ("sms", MOBILE, MOBILE),
        ("sms", "138-0013 8000", MOBILE),
        ("sms", "(138)\u20110013.8000", MOBILE),
    ],
)
async def test_register_with_a_code(
    shop: ShopxoClient, simulator: Simulator, key: str, typed: str, sent: str
) -> None:
    """A code is sent against a picture's answer and registers the account."""
    form = await form_of(shop, key)
    values = {form.identity: typed, "password": PASSWORD}
    await shop.send_code(form, {**values, **await solved(shop, simulator, form)})
    (message,) = simulator.mailbox
    assert message.to == sent
    with pytest.raises(InvalidInputError, match="code_wrong") as caught:
        await shop.register(form, {**values, "code": "wrong"})
    assert (caught.value.field, caught.value.code) == ("code", -11)
    account = await shop.register(form, {**values, "code": message.code})
    assert (account.id, account.name) == ("1", sent)
    assert account.session


async def test_lost_answer_of_a_number(shop: ShopxoClient, simulator: Simulator) -> None:
    """However it is written, it is the same account."""
    simulator.shopxo.login_picture = simulator.shopxo.code_picture = False
    simulator.shopxo.add_user(mobile=MOBILE, password=PASSWORD)
    form = await form_of(shop, "sms")
    found = await shop.find_registered(form, {"phone": "138 0013 8000", "password": PASSWORD})
    assert found is not None
    assert (found.id, found.name) == ("1", MOBILE)


async def test_codes_end(shop: ShopxoClient, simulator: Simulator) -> None:
    """A code ends after ten minutes, or after seven wrong ones; -10 is no picture here."""
    simulator.shopxo.code_picture = False
    form = await form_of(shop, "email")
    values = {"email": EMAIL, "password": PASSWORD}
    await shop.send_code(form, values)
    for _ in range(7):
        with pytest.raises(InvalidInputError, match="code_wrong"):
            await shop.register(form, {**values, "code": "wrong"})
    with pytest.raises(InvalidInputError, match="code_expired") as caught:
        await shop.register(form, {**values, "code": "wrong"})
    assert (caught.value.field, caught.value.code) == ("code", -10)
    simulator.advance(61)
    await shop.send_code(form, values)
    simulator.advance(601)
    with pytest.raises(InvalidInputError, match="code_expired"):
        await shop.register(form, {**values, "code": simulator.mailbox[-1].code})


@pytest.mark.parametrize("pause", [60, 150])
async def test_code_too_soon(shop: ShopxoClient, simulator: Simulator, pause: int) -> None:
    """How long to wait is the site's to say."""
    simulator.shopxo.code_picture = False
    simulator.shopxo.resend_pause = pause
    form = await form_of(shop, "email")
    await shop.send_code(form, {"email": EMAIL})
    with pytest.raises(TryAgainError, match="code_too_soon") as caught:
        await shop.send_code(form, {"email": EMAIL})
    assert caught.value.retry_after == pause
    simulator.advance(pause + 1)
    await shop.send_code(form, {"email": EMAIL})


async def test_code_not_sent(shop: ShopxoClient, simulator: Simulator) -> None:
    simulator.shopxo.sending_fails = "no gateway"
    form = await form_of(shop, "sms")
    values = {"phone": MOBILE, **await solved(shop, simulator, form)}
    with pytest.raises(TryAgainError, match="code_not_sent_because") as caught:
        await shop.send_code(form, values)
    assert caught.value.placeholders["message"] == "Sending Failed no gateway"


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("email", {"email": "nobody"}, ("invalid_email", "email")),
        ("email", {"email": "taken@example.com"}, ("email_taken", "email")),
        ("sms", {"phone": "call me"}, ("invalid_phone", "phone")),
        ("sms", {"phone": "+49 30 123456"}, ("phone_refused", "phone")),
        ("sms", {"phone": "13900139000"}, ("phone_taken", "phone")),
        ("sms", {}, ("required", "phone")),
        ("email", {"email": EMAIL, "captcha": "wrong"}, ("captcha_wrong", "captcha")),
        ("email", {"email": EMAIL, "captcha": ""}, ("required", "captcha")),
        ("email", {"email": EMAIL, "captcha_challenge": "x"}, ("captcha_expired", "captcha")),
    ],
)
async def test_no_code(
    shop: ShopxoClient,
    simulator: Simulator,
    key: str,
    values: dict[str, str],
    expected: tuple[str, str],
) -> None:
    """Whatever keeps a code from being sent is told at its field; corrected it is sent."""
    simulator.shopxo.add_user(email="taken@example.com", mobile="13900139000")
    form = await form_of(shop, key)
    with pytest.raises(InvalidInputError) as caught:
        await shop.send_code(form, {**await solved(shop, simulator, form), **values})
    assert (caught.value.key, caught.value.field) == expected
    right = {"email": EMAIL, "phone": MOBILE, **await solved(shop, simulator, form)}
    await shop.send_code(form, right)
    assert len(simulator.mailbox) == 1


# An account that waits for a review


async def test_review(shop: ShopxoClient, simulator: Simulator) -> None:
    """Such an account exists without id and token; signing in later opens it."""
    simulator.shopxo.review = True
    account = await registered(shop, simulator)
    assert account == Account(id=None, name="owner01", activation_pending=True)
    assert account.session is None
    link = await form_of(shop, "link")
    values = {"login": "owner01", "password": PASSWORD}
    with pytest.raises(NotAllowedError, match="account_not_active") as caught:
        await shop.link(link, {**values, **await solved(shop, simulator, link)})
    assert caught.value.placeholders["message"] == "User waiting for review"
    simulator.shopxo.approve("owner01")
    (account,) = await shop.link(link, {**values, **await solved(shop, simulator, link)})
    assert (account.id, account.activation_pending) == ("1", False)


async def test_locked(shop: ShopxoClient, simulator: Simulator) -> None:
    """A locked account waits for nothing."""
    simulator.shopxo.login_picture = False
    user = simulator.shopxo.add_user(username="owner01", password=PASSWORD, status=LOCKED)
    link, form = await form_of(shop, "link"), await form_of(shop, "username")
    values = {"login": "owner01", "username": "owner01", "password": PASSWORD}
    with pytest.raises(NotAllowedError, match="account_locked"):
        await shop.link(link, values)
    found = await shop.find_registered(form, values)
    assert found == Account(id=None, name="owner01", sign_in_needed=True)
    user.status = NORMAL
    (account,) = await shop.link(link, values)
    assert account.id == "1"


async def test_account_without_password(shop: ShopxoClient, simulator: Simulator) -> None:
    """No other password helps, and such an account is none of ours."""
    simulator.shopxo.login_picture = False
    user = simulator.shopxo.add_user(username="owner01")
    link, form = await form_of(shop, "link"), await form_of(shop, "username")
    values = {"login": "owner01", "username": "owner01", "password": PASSWORD}
    with pytest.raises(NotAllowedError, match="account_without_password"):
        await shop.link(link, values)
    assert await shop.find_registered(form, values) is None
    assert await shop.is_username_available("owner01") is False
    user.set_password(PASSWORD)
    (account,) = await shop.link(link, values)
    assert account.id == "1"


# The harmless look


@pytest.mark.parametrize("picture", [True, False])
async def test_name_check(shop: ShopxoClient, simulator: Simulator, picture: bool) -> None:  # noqa: FBT001
    simulator.shopxo.login_picture = picture
    simulator.shopxo.register_picture = False
    simulator.shopxo.add_user(username="taken", email=EMAIL, mobile=MOBILE, password=PASSWORD)
    names = ["free_1", "taken", "TAKEN", EMAIL, "other@example.com", "138 0013-8000", "139"]
    answers = [await shop.is_username_available(name) for name in names]
    assert answers == [True, False, False, False, True, False, True]
    assert calls_of(simulator, "user/reg") == 0
    assert len(simulator.shopxo.users) == 1
    assert simulator.shopxo.users[1].tokens == {}


@pytest.mark.parametrize("name", ["", " ", "a b", "x"])
async def test_name_check_of_nonsense(shop: ShopxoClient, simulator: Simulator, name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await shop.is_username_available(name)
    assert caught.value.field == "username"
    assert len(simulator.calls) == 0


async def test_name_check_by_code_login(shop: ShopxoClient, simulator: Simulator) -> None:
    """Where nobody signs in by password, an address is still told by its kind of sign-in."""
    simulator.shopxo.login_types = ["email"]
    simulator.shopxo.add_user(email=EMAIL)
    assert not await shop.is_username_available(EMAIL)
    assert await shop.is_username_available("free@example.com")
    # What has another shape, or no kind of sign-in, is not told.
    for name in (MOBILE, "owner01", "not@an@address"):
        assert await shop.is_username_available(name) is None


async def test_name_check_while_a_code_is_pending(shop: ShopxoClient, simulator: Simulator) -> None:
    """The site's software fails at that: it says nothing of the account."""
    site = simulator.shopxo
    site.login_types = ["email"]
    site.add_user(email=EMAIL)
    site.send_code("user_login", EMAIL, EMAIL)
    assert await shop.is_username_available(EMAIL) is None
    simulator.advance(601)
    assert await shop.is_username_available(EMAIL) is False


# A lost answer


@pytest.mark.parametrize("picture", [True, False])
@pytest.mark.parametrize("kind", [FaultKind.CUT_AFTER, FaultKind.CUT])
async def test_lost_answer(
    shop: ShopxoClient,
    simulator: Simulator,
    picture: bool,  # noqa: FBT001
    kind: FaultKind,
) -> None:
    """A look tells whether the account came to be; the registration left once."""
    simulator.shopxo.login_picture = picture
    simulator.faults.add("api.php", kind=kind, match={"s": "user/reg"})
    form = await form_of(shop, "username")
    values = {"username": "owner01", "password": PASSWORD, **await solved(shop, simulator, form)}
    with pytest.raises(CloudError, match="no_answer") as caught:
        await shop.register(form, values)
    assert caught.value.outcome_unknown
    found = await shop.find_registered(form, values)
    if kind is FaultKind.CUT:
        assert found is None
    else:
        assert found is not None
        assert (found.id, found.name) == (None if picture else "1", "owner01")
        assert (found.session is None) is picture
        assert found.sign_in_needed is picture
    assert calls_of(simulator, "user/reg") == 1


@pytest.mark.parametrize("picture", [True, False])
async def test_lost_answer_of_a_reviewing_site(
    shop: ShopxoClient,
    simulator: Simulator,
    picture: bool,  # noqa: FBT001
) -> None:
    simulator.shopxo.review = True
    simulator.shopxo.login_picture = picture
    await registered(shop, simulator)
    form = await form_of(shop, "username")
    found = await shop.find_registered(form, {"username": "owner01", "password": PASSWORD})
    assert found == Account(id=None, name="owner01", activation_pending=True)


async def test_found_account_of_somebody_else(shop: ShopxoClient, simulator: Simulator) -> None:
    simulator.shopxo.login_picture = False
    simulator.shopxo.add_user(username="owner01", password="someone-else")
    form = await form_of(shop, "username")
    values = {"username": "owner01", "password": PASSWORD}
    assert await shop.find_registered(form, values) is None


@pytest.mark.parametrize(("code", "error"), [(-100, TryAgainError), (-12, InvalidInputError)])
async def test_look_that_fails(
    shop: ShopxoClient, simulator: Simulator, code: int, error: type[CloudError]
) -> None:
    simulator.shopxo.login_picture = False
    form = await form_of(shop, "username")
    simulator.faults.add("api.php", kind="code", match={"s": "user/login"}, code=code)
    with pytest.raises(error):
        await shop.find_registered(form, {"username": "owner01", "password": PASSWORD})
    simulator.faults.add("api.php", kind="code", match={"s": "user/login"}, code=-10000)
    with pytest.raises(NotAllowedError, match="site_closed"):
        await shop.find_registered(form, {"username": "owner01", "password": PASSWORD})


async def test_no_look_possible(shop: ShopxoClient, simulator: Simulator) -> None:
    form = await form_of(shop, "username")
    simulator.shopxo.login_types = ["email"]
    with pytest.raises(NotImplementedError):
        await shop.find_registered(form, {"username": "owner01", "password": PASSWORD})


# Signing in


@pytest.mark.parametrize("login", ["owner01", EMAIL, MOBILE, "138 0013-8000"])
async def test_link(shop: ShopxoClient, simulator: Simulator, login: str) -> None:
    site = simulator.shopxo
    site.add_user(username="owner01", email=EMAIL, mobile=MOBILE, password=PASSWORD)
    link = await form_of(shop, "link")
    values = {"login": login, "password": PASSWORD}
    wrong = {**values, **await solved(shop, simulator, link), "captcha": "wrong"}
    with pytest.raises(InvalidInputError, match="captcha_wrong"):
        await shop.link(link, wrong)
    (account,) = await shop.link(link, {**values, **await solved(shop, simulator, link)})
    assert (account.id, account.name) == ("1", MOBILE if login.startswith("138") else login)
    assert account.session == {"token": site.users[1].tokens["h5"]}


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"login": "nobody"}, "account_unknown", "login"),
        ({"login": ""}, "required", "login"),
        ({"password": "wrong-pass"}, "password_wrong", "password"),
        ({"password": ""}, "required", "password"),
        ({"captcha": ""}, "required", "captcha"),
        ({"captcha_challenge": ""}, "captcha_expired", "captcha"),
    ],
)
async def test_link_refused(
    shop: ShopxoClient, simulator: Simulator, values: dict[str, str], error: str, field: str
) -> None:
    simulator.shopxo.add_user(username="owner01", password=PASSWORD)
    link = await form_of(shop, "link")
    typed = {"login": "owner01", "password": PASSWORD, **await solved(shop, simulator, link)}
    with pytest.raises(InvalidInputError, match=error) as caught:
        await shop.link(link, {**typed, **values})
    assert caught.value.field == field


# The session


async def test_verify(
    http: aiohttp.ClientSession, shop: ShopxoClient, simulator: Simulator
) -> None:
    """A token is good until the same kind of client signs in again."""
    account = await registered(shop, simulator)
    signed_in = shopxo_client(http, simulator.url, account.session)
    assert (shop.signed_in, signed_in.signed_in) == (False, True)
    await signed_in.verify()
    assert await signed_in.activation_pending() is False
    simulator.shopxo.sign_in(simulator.shopxo.users[1], "h5")
    with pytest.raises(AccessDeniedError, match="session_ended"):
        await signed_in.verify()
    with pytest.raises(AccessDeniedError):
        await shop.verify()
    assert calls_of(simulator, "safety/logout") == 0


# What is said of it


async def test_secrets(
    shop: ShopxoClient, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator.shopxo.code_picture = False
    form = await form_of(shop, "email")
    await shop.send_code(form, {"email": EMAIL})
    code = simulator.mailbox[-1].code
    values = {"email": EMAIL, "password": PASSWORD, "code": code}
    account = await shop.register(form, values)
    assert account.session is not None
    picture = await shop.captcha(form)
    said = caplog.text + repr((account, picture))
    for secret in (PASSWORD, account.session["token"], picture.challenge):
        assert secret not in said
    assert "POST api.php?s=user/reg: HTTP 200, code 0" in caplog.text
    assert simulator.calls.secrets_in_url == []


@pytest.mark.parametrize("action", ["user/reg", "user/login"])
async def test_site_that_repeats_secrets(
    shop: ShopxoClient, simulator: Simulator, action: str
) -> None:
    forms = {"user/reg": "username", "user/login": "link"}
    form = await form_of(shop, forms[action])
    picture = await solved(shop, simulator, form)
    simulator.faults.add(
        "api.php",
        kind="code",
        match={"s": action},
        code=-77,
        msg=f"bad {PASSWORD} {picture['captcha']} {picture['captcha_challenge']}",
    )
    values = {"username": "owner01", "login": "owner01", "password": PASSWORD, **picture}
    with pytest.raises(CloudError) as caught:
        await (shop.register if action == "user/reg" else shop.link)(form, values)
    assert caught.value.placeholders["message"] == "bad … … …"
    said = everything_said(caught.value)
    for secret in (PASSWORD, *picture.values()):
        assert secret not in said


async def test_gate(shop: ShopxoClient, gate: RecordingGate, simulator: Simulator) -> None:
    await registered(shop, simulator)
    assert gate.paths == [
        "api.php?s=base/common",
        "api.php?s=user/userverifyentry",
        "api.php?s=user/reg",
    ]
    assert not any(call.subject for call in gate.permitted)


# Codes


def planned(simulator: Simulator, action: str, code: int, message: str) -> None:
    simulator.faults.add("api.php", kind="code", match={"s": action}, code=code, msg=message)


REGISTER_CODES: list[tuple[str, tuple[int, str], tuple[str, str | None]]] = [
    ("username", (-1, "Account cannot be empty"), ("rejected", None)),
    ("username", (-1, "Password cannot be empty"), ("password_6_to_18", "password")),
    ("username", (-1, "密码不能为空"), ("password_6_to_18", "password")),
    ("username", (-1, "Wrong registration type"), ("registration_closed", None)),
    ("username", (-1, "Verification code cannot be empty"), ("captcha_needed", "captcha")),
    ("username", (-1, "验证码不能为空"), ("captcha_needed", "captcha")),
    ("email", (-1, "Verification code cannot be empty"), ("required", "code")),
    ("username", (-1, "Temporarily close registration"), ("registration_closed", None)),
    ("username", (-1, "暂时关闭用户注册"), ("registration_closed", None)),
    ("username", (-1, "该用户名禁止注册(x)"), ("username_forbidden", "username")),
    ("email", (-1, "prohibited"), ("username_forbidden", "email")),
    ("username", (-1, "error"), ("rejected", None)),
    ("username", (-2, ""), ("username_format", "username")),
    ("email", (-2, ""), ("invalid_email", "email")),
    ("sms", (-2, ""), ("phone_refused", "phone")),
    ("username", (-3, ""), ("username_taken", "username")),
    ("email", (-3, ""), ("email_taken", "email")),
    ("sms", (-3, ""), ("phone_taken", "phone")),
    ("username", (-10, "picture verification code cannot be empty"), ("captcha_needed", "captcha")),
    ("username", (-10, "The account already exists"), ("username_taken", "username")),
    ("username", (-10, "账号已存在"), ("username_taken", "username")),
    ("username", (-11, ""), ("captcha_expired", "captcha")),
    ("username", (-12, ""), ("captcha_wrong", "captcha")),
    ("email", (-10, "Verification code has expired"), ("code_expired", "code")),
    ("sms", (-10, "账号已存在"), ("phone_taken", "phone")),
    ("sms", (-10, ""), ("code_expired", "code")),
    ("email", (-11, ""), ("code_wrong", "code")),
    ("sms", (-11, ""), ("code_wrong", "code")),
    ("username", (-100, "Add Failed"), ("system_error", None)),
    ("username", (-400, ""), ("session_ended", None)),
    ("username", (-500, ""), ("site_error", None)),
    ("username", (-1000, ""), ("site_lacks_function", None)),
    ("username", (-10000, ""), ("site_closed", None)),
    ("username", (-77, ""), ("unknown_code", None)),
    ("email", (-12, ""), ("unknown_code", None)),
]


@pytest.mark.parametrize(("kind", "answer", "expected"), REGISTER_CODES)
async def test_codes_of_registering(
    shop: ShopxoClient,
    simulator: Simulator,
    kind: str,
    answer: tuple[int, str],
    expected: tuple[str, str | None],
) -> None:
    """The same number means different things for different kinds of accounts."""
    form = await form_of(shop, kind)
    code, message = answer
    planned(simulator, "user/reg", code, message)
    values = {
        "username": "owner01",
        "email": EMAIL,
        "phone": MOBILE,
        "password": PASSWORD,
        "code": "1234",
        "captcha": "2345",
    }
    with pytest.raises(CloudError) as caught:
        await shop.register(form, values)
    err = caught.value
    assert (err.key, err.field, err.code) == (*expected, code)
    assert err.placeholders == {"code": str(code), "message": message}
    # An exception, a fault of the database, and what nobody knows.
    assert err.outcome_unknown is (code in {-500, -100} or err.key == "unknown_code")


SEND_CODES: list[tuple[int, str, tuple[str, str | None]]] = [
    (-1, "Temporarily close registration", ("registration_closed", None)),
    (-1, "注册类型有误", ("registration_closed", None)),
    (-1, "error", ("rejected", None)),
    (-2, "", ("invalid_email", "email")),
    (-3, "", ("email_taken", "email")),
    (-10, "", ("captcha_needed", "captcha")),
    (-11, "", ("captcha_expired", "captcha")),
    (-12, "", ("captcha_wrong", "captcha")),
    (-100, "发送失败[操作过于频繁]", ("code_too_soon", None)),
    (-100, "Sending Failed[SMTP]", ("code_not_sent_because", None)),
    (-10, "账号已存在", ("email_taken", "email")),
]
LOGIN_CODES: list[tuple[int, str, tuple[str, str | None]]] = [
    (-1, "Password format is between 6~18 characters", ("password_6_to_18", "password")),
    (-1, "密码格式 6~18 个字符", ("password_6_to_18", "password")),
    (-1, "Temporarily close login", ("sign_in_closed", None)),
    (-1, "暂时关闭登录", ("sign_in_closed", None)),
    (-1, "", ("rejected", None)),
    (-3, "", ("account_unknown", "login")),
    (-4, "", ("password_wrong", "password")),
    (-10, "图片验证码为空", ("captcha_needed", "captcha")),
    (-10, "User waiting for review", ("account_not_active", None)),
    (-10, "用户待审核", ("account_not_active", None)),
    (-10, "User is prohibited from logging in", ("account_locked", None)),
    (-10, "用户已禁止登录", ("account_locked", None)),
    (-4, "Please set a password first!", ("account_without_password", None)),
    (-4, "请先设置密码", ("account_without_password", None)),
    (-500, "SQLSTATE[HY000]", ("site_error", None)),
    (-11, "", ("captcha_expired", "captcha")),
    (-12, "", ("captcha_wrong", "captcha")),
    (-100, "", ("system_error", None)),
]


@pytest.mark.parametrize(
    ("action", "code", "message", "expected"),
    [
        *(("user/regverifysend", *case) for case in SEND_CODES),
        *(("user/login", *case) for case in LOGIN_CODES),
    ],
)
async def test_codes_of_sending_and_signing_in(
    shop: ShopxoClient,
    simulator: Simulator,
    action: str,
    *,
    code: int,
    message: str,
    expected: tuple[str, str | None],
) -> None:
    """-10 is a picture, or said of the account."""
    form = await form_of(shop, "link" if action == "user/login" else "email")
    planned(simulator, action, code, message)
    values = {"email": EMAIL, "login": "owner01", "password": PASSWORD, "captcha": "2345"}
    with pytest.raises(CloudError) as caught:
        await (shop.link if action == "user/login" else shop.send_code)(form, values)
    assert (caught.value.key, caught.value.field) == expected


@pytest.mark.parametrize("code", [-1, -400])
async def test_codes_of_the_token(
    http: aiohttp.ClientSession, simulator: Simulator, code: int
) -> None:
    shop = shopxo_client(http, simulator.url, {"token": "fake-token"})
    planned(simulator, "user/tokenuserinfo", code, "")
    with pytest.raises(AccessDeniedError, match="session_ended"):
        await shop.verify()


@pytest.mark.parametrize(
    "kind", [FaultKind.STRING_CODE, FaultKind.DATA_STRING, FaultKind.WRONG_TYPE]
)
async def test_odd_shapes(shop: ShopxoClient, simulator: Simulator, kind: FaultKind) -> None:
    simulator.faults.add("api.php", kind=kind, times=None)
    account = await registered(shop, simulator)
    assert account.id == "1"
