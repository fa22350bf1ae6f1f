"""The AnQiCMS client against the simulated installation, over a socket."""

from collections.abc import Awaitable, Callable, Mapping
import logging

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud.anqicms import ANQICMS, AnqicmsClient
from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
    RejectedError,
    TakenError,
)
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import (
    Capability,
    ClientContext,
)
from simulator import FaultKind, Simulator
from simulator.anqicms.state import DAY

from .helpers import RecordingGate, everything_said, form_of, solved

PASSWORD = "Fake-Passw0rd"
EMAIL = "new-owner@example.com"
PHONE = "13800138000"
BY_EMAIL = {"username": "newuser", "password": PASSWORD, "email": EMAIL}
BY_PHONE = {"username": "newuser", "password": PASSWORD, "phone": PHONE, "code": "123456"}


def anqicms_client(
    http: aiohttp.ClientSession,
    url: str,
    credentials: Mapping[str, str] | None = None,
    session: Mapping[str, str] | None = None,
    on_session: Callable[[Mapping[str, str]], None] | None = None,
) -> AnqicmsClient:
    return AnqicmsClient(
        ClientContext(
            http=http,
            url=url,
            credentials=ANQICMS.credentials(credentials or {}),
            session=session,
            on_session=on_session,
        )
    )


@pytest.fixture
def site(http: aiohttp.ClientSession, simulator: Simulator) -> AnqicmsClient:
    return anqicms_client(http, simulator.url)


def count(simulator: Simulator, path: str) -> int:
    """Return how often an endpoint was asked."""
    return len(simulator.calls.of(path))


# The provider


def test_description() -> None:
    """A site is named by its address and its number, and its users own no devices there."""
    assert (ANQICMS.key, ANQICMS.servers) == ("anqicms", ())
    (field,) = ANQICMS.credential_fields
    assert (field.name, field.required) == ("site_id", False)
    assert {Capability.BIND, Capability.PLANTS} & AnqicmsClient.capabilities == frozenset()
    assert ANQICMS.realm_field == "site_id"
    entered: list[dict[str, str]] = [{}, {"site_id": " "}, {"site_id": "02"}]
    assert [ANQICMS.credentials(one) for one in entered] == [{}, {}, {"site_id": "2"}]


@pytest.mark.parametrize("captcha", [True, False])
async def test_offer(site: AnqicmsClient, simulator: Simulator, captcha: bool) -> None:  # noqa: FBT001
    """Both documented ways are offered, each with a picture where the site shows one."""
    simulator.anqicms.captcha = captcha
    offer = await site.test()
    assert [(form.key, form.identity, form.captcha) for form in offer.register] == [
        ("name_email", "username", captcha),
        ("phone", "phone", captcha),
    ]
    fields = [[(field.name, field.required) for field in form.fields] for form in offer.register]
    picture = [("captcha", False)] if captcha else []
    assert fields == [
        [
            ("username", True),
            ("password", True),
            ("email", True),
            ("real_name", False),
            *picture,
        ],
        [
            ("phone", True),
            ("code", False),
            ("password", True),
            ("username", True),
            ("real_name", False),
            *picture,
        ],
    ]
    (link,) = offer.link
    assert [(field.name, field.required) for field in link.fields] == [
        ("login", True),
        ("password", True),
        *picture,
    ]
    assert [(call.method, call.path) for call in simulator.calls] == [("GET", "/api/captcha")]


async def test_offer_of_an_old_version(site: AnqicmsClient, simulator: Simulator) -> None:
    """Where nothing says whether a picture is wanted, the picture does."""
    simulator.anqicms.version = (3, 1, 5)
    assert (await form_of(site, "link")).captcha


@pytest.mark.parametrize("site_id", ["0", "-1", "x", "1.5", "²"])
async def test_wrong_site_id(
    http: aiohttp.ClientSession, simulator: Simulator, site_id: str
) -> None:
    with pytest.raises(InvalidInputError, match="invalid_site_id") as caught:
        await anqicms_client(http, simulator.url, {"site_id": site_id}).test()
    assert caught.value.field == "site_id"
    assert len(simulator.calls) == 0


async def test_site_id(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    simulator.anqicms.add_site(2)
    site = anqicms_client(http, simulator.url, {"site_id": "2"})
    form = await form_of(site, "name_email")
    account = await site.register(form, BY_EMAIL)
    signed_in = anqicms_client(http, simulator.url, {"site_id": "2"}, account.session)
    await signed_in.verify()
    assert [len(one.users) for one in simulator.anqicms.sites.values()] == [0, 1]
    assert {call.params.get("site_id") for call in simulator.calls} == {"2"}
    assert not any("lang" in call.params for call in simulator.calls)
    with pytest.raises(AccessDeniedError):
        await anqicms_client(http, simulator.url, {}, account.session).verify()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.LOGIN_PAGE, "web_page"),
        (FaultKind.DATA_EMPTY, "unexpected_answer"),
        (FaultKind.CUT, "no_answer"),
    ],
)
async def test_what_is_no_site(
    site: AnqicmsClient, simulator: Simulator, kind: FaultKind, error: str
) -> None:
    simulator.faults.add("api/captcha", kind=kind)
    with pytest.raises(CloudError) as caught:
        await site.test()
    assert (caught.value.key, caught.value.field) == (error, "server")


async def test_not_installed(site: AnqicmsClient, simulator: Simulator) -> None:
    """An installation without a site leads elsewhere, where we do not follow."""
    simulator.anqicms.installed = False
    with pytest.raises(CloudError, match="redirected"):
        await site.test()
    assert len(simulator.calls) == 1


# Registering


async def test_register(site: AnqicmsClient, simulator: Simulator) -> None:
    form = await form_of(site, "name_email")
    account = await site.register(form, {**BY_EMAIL, "real_name": "The Owner"})
    assert (account.id, account.name, account.activation_pending) == ("1000", "newuser", False)
    user = simulator.anqicms.sites[1].users[1000]
    assert (user.user_name, user.email, user.real_name) == ("newuser", EMAIL, "The Owner")
    assert user.has_password(PASSWORD)
    assert account.session is not None
    assert (count(simulator, "api/register"), count(simulator, "api/login")) == (1, 0)


async def test_blanks_around_a_password_mean_nothing(
    site: AnqicmsClient, simulator: Simulator
) -> None:
    simulator.anqicms.captcha = False
    form = await form_of(site, "name_email")
    await site.register(form, {**BY_EMAIL, "password": f" {PASSWORD} "})
    link = await form_of(site, "link")
    (account,) = await site.link(link, {"login": EMAIL, "password": f"{PASSWORD} "})
    assert account.id == "1000"


async def test_name_that_the_site_cannot_store(site: AnqicmsClient, simulator: Simulator) -> None:
    form = await form_of(site, "name_email")
    with pytest.raises(InvalidInputError, match="longer_than") as caught:
        await site.register(form, {**BY_EMAIL, "real_name": "x" * 65})
    assert (caught.value.field, caught.value.placeholders) == ("real_name", {"most": "64"})
    assert count(simulator, "api/register") == 0
    account = await site.register(form, {**BY_EMAIL, "real_name": "x" * 64})
    assert account.id == "1000"


async def test_register_by_phone(site: AnqicmsClient, simulator: Simulator) -> None:
    """A server takes no registration without a name, whatever is documented: it is not sent."""
    form = await form_of(site, "phone")
    values = {name: value for name, value in BY_PHONE.items() if name != "username"}
    with pytest.raises(InvalidInputError, match="required") as caught:
        await site.register(form, values)
    assert caught.value.field == "username"
    assert count(simulator, "api/register") == 0
    account = await site.register(form, BY_PHONE)
    assert (account.id, account.name) == ("1000", "newuser")
    assert account.other_names == (PHONE,)
    account = await site.register(
        form, {"username": "x", "password": PASSWORD, "phone": "13900139000"}
    )
    assert simulator.anqicms.sites[1].users[1001].phone == "13900139000"


async def test_number_in_one_spelling(site: AnqicmsClient, simulator: Simulator) -> None:
    """However it is written, it registers, is found, and signs in as the same."""
    form = await form_of(site, "phone")
    written = {**BY_PHONE, "phone": "138 0013\u20118000"}
    account = await site.register(form, written)
    assert account.other_names == (simulator.anqicms.sites[1].users[1000].phone,) == (PHONE,)
    found = await site.find_registered(form, written)
    assert found is not None
    assert (found.id, found.name, found.other_names) == ("1000", "newuser", (PHONE,))


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"username": ""}, "required", "username"),
        ({"username": "x" * 65}, "username_too_long", "username"),
        # The site would look for a user with such a number or address.
        ({"username": "me13800138000"}, "username_ambiguous", "username"),
        ({"username": "+8613800138000"}, "username_ambiguous", "username"),
        ({"username": "else@example.com"}, "username_ambiguous", "username"),
        ({"email": ""}, "required", "email"),
        ({"email": "nobody"}, "invalid_email", "email"),
        ({"email": f"{'x' * 89}@example.com"}, "invalid_email", "email"),
        ({"password": ""}, "required", "password"),
        ({"password": "12345"}, "password_6_to_72", "password"),
        ({"password": " 12345 "}, "password_6_to_72", "password"),
        ({"password": "ü" * 37}, "password_6_to_72", "password"),
        ({"email": "taken@example.com"}, "email_taken", "email"),
    ],
)
async def test_not_sent(
    site: AnqicmsClient, simulator: Simulator, values: dict[str, str], error: str, field: str
) -> None:
    simulator.anqicms.add_user(user_name="x", email="taken@example.com", password=PASSWORD)
    form = await form_of(site, "name_email")
    with pytest.raises(InvalidInputError) as caught:
        await site.register(form, {**BY_EMAIL, **values})
    assert (caught.value.key, caught.value.field) == (error, field)
    assert count(simulator, "api/register") == 0
    assert (await site.register(form, BY_EMAIL)).id == "1001"


@pytest.mark.parametrize("phone", ["", "call me", "+86 138 0013 8000 000000000"])
async def test_phone_not_sent(site: AnqicmsClient, simulator: Simulator, phone: str) -> None:
    form = await form_of(site, "phone")
    with pytest.raises(InvalidInputError) as caught:
        await site.register(form, {**BY_PHONE, "phone": phone})
    assert caught.value.key == ("invalid_phone" if phone else "required")
    assert caught.value.field == "phone"
    assert count(simulator, "api/register") == 0


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("name_email", {"username": "TAKEN"}, ("username_taken", "username")),
        ("name_email", {"email": "taken@example.com"}, ("email_taken", "email")),
        ("phone", {"phone": "13900139000"}, ("phone_taken", "phone")),
        ("phone", {"phone": "+49 30 123456"}, ("phone_refused", "phone")),
    ],
)
async def test_refused(
    site: AnqicmsClient,
    simulator: Simulator,
    key: str,
    values: dict[str, str],
    expected: tuple[str, str],
) -> None:
    """A version without the look says itself what is taken."""
    cloud = simulator.anqicms
    cloud.version = (3, 5, 1)
    cloud.add_user(
        user_name="taken", password=PASSWORD, email="taken@example.com", phone="13900139000"
    )
    form = await form_of(site, key)
    with pytest.raises(InvalidInputError) as caught:
        await site.register(form, {**BY_EMAIL, **BY_PHONE, **values})
    assert (caught.value.key, caught.value.field) == expected
    assert len(cloud.sites[1].users) == 1


@pytest.mark.parametrize(("key", "name"), [("name_email", EMAIL), ("phone", PHONE)])
async def test_own_address_or_number_as_a_name(
    site: AnqicmsClient, simulator: Simulator, key: str, name: str
) -> None:
    """The site finds the user by it all the same."""
    simulator.anqicms.version = (3, 5, 6)
    form = await form_of(site, key)
    await site.register(form, {**BY_EMAIL, **BY_PHONE, "username": name})
    link = await form_of(site, "link")
    (account,) = await site.link(link, {"login": name, "password": PASSWORD})
    assert account.id == "1000"


@pytest.mark.parametrize("version", [(3, 5, 2), (3, 5, 6)])
async def test_phone_where_addresses_are_confirmed(
    site: AnqicmsClient, simulator: Simulator, version: tuple[int, int, int]
) -> None:
    """Some versions want an address, for which this form has no field."""
    cloud = simulator.anqicms
    cloud.version, cloud.signup_verify = version, True
    with pytest.raises(InvalidInputError, match="email_needed") as caught:
        await site.register(await form_of(site, "phone"), BY_PHONE)
    assert caught.value.field is None
    assert cloud.sites[1].users == {}
    cloud.signup_verify = False
    assert (await site.register(await form_of(site, "phone"), BY_PHONE)).id == "1000"


async def test_phone_that_nobody_ever_confirms(site: AnqicmsClient, simulator: Simulator) -> None:
    """Later versions create the account; as no e-mail can be sent, we sign in at once."""
    simulator.anqicms.signup_verify = True
    account = await site.register(await form_of(site, "phone"), BY_PHONE)
    assert (account.id, account.activation_pending) == ("1000", True)
    assert account.session is not None
    assert simulator.mailbox == []


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.HTTP_500])
async def test_phone_that_nobody_confirms_without_a_sign_in(
    site: AnqicmsClient, simulator: Simulator, kind: FaultKind
) -> None:
    simulator.anqicms.signup_verify = True
    simulator.faults.add("api/login", kind=kind)
    account = await site.register(await form_of(site, "phone"), BY_PHONE)
    assert (account.id, account.session, account.activation_pending) == ("1000", None, True)


async def test_not_stored(site: AnqicmsClient, simulator: Simulator) -> None:
    simulator.anqicms.saving_fails = True
    form = await form_of(site, "name_email")
    with pytest.raises(RejectedError, match="not_created") as caught:
        await site.register(form, BY_EMAIL)
    assert not caught.value.outcome_unknown


async def test_site_that_judges_the_picture(site: AnqicmsClient, simulator: Simulator) -> None:
    """Where an owner wants the answer to register too, a wrong one is told, a new one works."""
    cloud = simulator.anqicms
    cloud.captcha = cloud.judges_register_captcha = True
    form = await form_of(site, "name_email")
    for captcha in ("", "wrong"):
        values = {**BY_EMAIL, **await solved(site, simulator, form), "captcha": captcha}
        with pytest.raises(InvalidInputError, match="captcha_wrong") as caught:
            await site.register(form, values)
        assert caught.value.field == "captcha"
    account = await site.register(form, {**BY_EMAIL, **await solved(site, simulator, form)})
    assert account.id == "1000"


async def test_picture(site: AnqicmsClient, simulator: Simulator) -> None:
    simulator.anqicms.captcha = True
    captcha = await site.captcha(await form_of(site, "link"), for_code=True)
    assert (captcha.media_type, captcha.image[:4]) == ("image/png", b"\x89PNG")
    simulator.anqicms.captcha = False
    with pytest.raises(CloudError, match="no_picture"):
        await site.captcha(await form_of(site, "link"))


# An account whose address is to be confirmed


@pytest.mark.parametrize("captcha", [True, False])
@pytest.mark.parametrize("version", [(3, 5, 2), (3, 5, 8)])
async def test_pending(
    site: AnqicmsClient,
    simulator: Simulator,
    version: tuple[int, int, int],
    captcha: bool,  # noqa: FBT001
) -> None:
    """One registration, one e-mail: a sign-in would send another, and is not needed."""
    cloud = simulator.anqicms
    cloud.version, cloud.captcha, cloud.signup_verify = version, captcha, True
    form = await form_of(site, "name_email")
    picture = await solved(site, simulator, form) if captcha else {}
    account = await site.register(form, {**BY_EMAIL, **picture})
    assert account == Account(
        id="1000", name="newuser", activation_pending=True, other_names=(EMAIL,)
    )
    assert [message.to for message in simulator.mailbox] == [EMAIL]
    assert count(simulator, "api/login") == 0


@pytest.mark.parametrize(
    ("version", "key", "change", "field"),
    [
        ((3, 5, 6), "name_email", {"username": "other"}, "email"),
        ((3, 5, 8), "name_email", {"email": "other@example.com"}, "username"),
        ((3, 5, 8), "phone", {}, "username"),
    ],
)
async def test_somebody_elses_account(
    site: AnqicmsClient,
    simulator: Simulator,
    version: tuple[int, int, int],
    *,
    key: str,
    change: dict[str, str],
    field: str,
) -> None:
    cloud = simulator.anqicms
    cloud.version, cloud.signup_verify = version, True
    cloud.add_user(user_name="newuser", email=EMAIL, password="someone-else", email_verified=False)
    form = await form_of(site, key)
    with pytest.raises(TakenError, match="account_unconfirmed") as caught:
        await site.register(form, {**BY_EMAIL, **BY_PHONE, **change})
    assert caught.value.field == field
    assert len(cloud.sites[1].users) == 1


async def test_unconfirmed_account_of_a_name_alone(
    site: AnqicmsClient, simulator: Simulator
) -> None:
    """It has no address that the form for a number could be at fault for."""
    cloud = simulator.anqicms
    cloud.signup_verify = True
    cloud.add_user(user_name="newuser", password="someone-else", email_verified=False)
    with pytest.raises(TakenError, match="account_unconfirmed") as caught:
        await site.register(await form_of(site, "phone"), BY_PHONE)
    assert caught.value.field == "username"


async def test_known_address_sends_no_mail(site: AnqicmsClient, simulator: Simulator) -> None:
    """Since 3.5.7 an address that waits is told before anything is sent."""
    cloud = simulator.anqicms
    cloud.signup_verify = True
    cloud.add_user(user_name="x", email=EMAIL, password="someone-else", email_verified=False)
    with pytest.raises(TakenError, match="email_taken"):
        await site.register(await form_of(site, "name_email"), BY_EMAIL)
    assert simulator.mailbox == []


@pytest.mark.parametrize("version", [(3, 5, 2), (3, 5, 8)])
async def test_own_unconfirmed_account(
    site: AnqicmsClient, simulator: Simulator, version: tuple[int, int, int]
) -> None:
    """After a typo in the address or in the name, our password proves that it was ours."""
    cloud = simulator.anqicms
    cloud.version, cloud.signup_verify = version, True
    form = await form_of(site, "name_email")
    first = await site.register(form, BY_EMAIL)
    if version >= (3, 5, 8):
        with pytest.raises(TakenError, match="other_email_waits") as caught:
            await site.register(form, {**BY_EMAIL, "email": "newowner@example.com"})
        assert caught.value.field == "email"
        account = await site.register(
            form, {**BY_EMAIL, "username": "newuser2", "email": "newowner@example.com"}
        )
        assert (account.id, account.name) == ("1001", "newuser2")
    else:
        account = await site.register(form, {**BY_EMAIL, "username": "newuser2"})
        assert (account.id, account.name) == (first.id, "newuser")
        assert account.session is not None
        assert account.activation_pending


async def test_own_unconfirmed_account_by_phone(site: AnqicmsClient, simulator: Simulator) -> None:
    """An account without an address is proved by the number that it has."""
    simulator.anqicms.signup_verify = True
    form = await form_of(site, "phone")
    first = await site.register(form, BY_PHONE)
    account = await site.register(form, {**BY_PHONE, "phone": "13900139000"})
    assert (account.id, account.name) == (first.id, "newuser")
    assert simulator.anqicms.sites[1].users[1000].phone == PHONE


@pytest.mark.parametrize("language", ["en", "zh", "zh-TW", "pt-BR", "ru", "ja", "fa", "bn", "id"])
@pytest.mark.parametrize("captcha", [True, False])
async def test_somebody_elses_account_in_any_language(
    site: AnqicmsClient,
    simulator: Simulator,
    language: str,
    captcha: bool,  # noqa: FBT001
) -> None:
    """It is nobody's of us because of words that nobody understands."""
    cloud = simulator.anqicms
    cloud.language, cloud.signup_verify, cloud.captcha = language, True, captcha
    cloud.add_user(
        user_name="newuser", email="x@example.com", password="someone-else", email_verified=False
    )
    form = await form_of(site, "name_email")
    picture = await solved(site, simulator, form) if captcha else {}
    with pytest.raises(TakenError, match="account_unconfirmed"):
        await site.register(form, {**BY_EMAIL, **picture})
    # Without the picture, or in words of another software, nothing says that the password is wrong.
    if captcha:
        with pytest.raises(InvalidInputError, match="captcha_needed"):
            await site.register(form, BY_EMAIL)
    simulator.faults.add("api/login", kind="code", code=-1, msg="!?")
    expected = "sign_in_refused" if captcha else "account_unconfirmed"
    with pytest.raises(InvalidInputError, match=expected):
        await site.register(form, BY_EMAIL)


async def test_own_unconfirmed_account_that_could_not_be_proved(
    site: AnqicmsClient, simulator: Simulator
) -> None:
    """A lost answer says nothing about the password, and nothing was created."""
    cloud = simulator.anqicms
    cloud.signup_verify = True
    form = await form_of(site, "name_email")
    first = await site.register(form, {**BY_EMAIL, "email": "tpyo@example.com"})
    simulator.faults.add("api/login", kind="cut")
    with pytest.raises(NoAnswerError) as lost:
        await site.register(form, BY_EMAIL)
    assert not lost.value.outcome_unknown
    with pytest.raises(TakenError, match="other_email_waits"):
        await site.register(form, BY_EMAIL)
    assert first.id == "1000"
    assert len(cloud.sites[1].users) == 1


# A lost answer


@pytest.mark.parametrize("kind", [FaultKind.CUT_AFTER, FaultKind.CUT])
@pytest.mark.parametrize("picture", [None, "right", "wrong", "left out"])
async def test_lost_answer(
    site: AnqicmsClient, simulator: Simulator, kind: FaultKind, picture: str | None
) -> None:
    """A sign-in or a look tells whether the account came to be; the registration left once."""
    simulator.anqicms.captcha = picture is not None
    simulator.faults.add("api/register", kind=kind)
    form = await form_of(site, "name_email")
    values = dict(BY_EMAIL)
    if picture in {"right", "wrong"}:
        values |= await solved(site, simulator, form)
    if picture == "wrong":
        values["captcha"] = "wrong"
    with pytest.raises(CloudError, match="no_answer") as caught:
        await site.register(form, values)
    assert caught.value.outcome_unknown
    found = await site.find_registered(form, values)
    if kind is FaultKind.CUT:
        assert found is None
    else:
        proved = picture in {None, "right"}
        assert found is not None
        assert (found.id, found.name) == ("1000" if proved else None, "newuser")
        assert (found.session is not None) is proved
        # Else nobody would ever ask.
        assert found.sign_in_needed is not proved
    assert count(simulator, "api/register") == 1


async def test_lost_answer_that_nothing_settles(site: AnqicmsClient, simulator: Simulator) -> None:
    """An old site with a picture tells nothing, and none tells of a number."""
    simulator.anqicms.captcha = True
    by_phone = await form_of(site, "phone")
    with pytest.raises(NotImplementedError):
        await site.find_registered(by_phone, BY_PHONE)
    form = await form_of(site, "name_email")
    for version in ((3, 5, 6), (3, 5, 1)):
        simulator.anqicms.version = version
        with pytest.raises(NotImplementedError):
            await site.find_registered(form, BY_EMAIL)


async def test_look_that_fails(site: AnqicmsClient, simulator: Simulator) -> None:
    simulator.anqicms.version = (3, 5, 6)
    simulator.faults.add("api/login", kind=FaultKind.CUT)
    form = await form_of(site, "name_email")
    with pytest.raises(CloudError, match="no_answer"):
        await site.find_registered(form, BY_EMAIL)


@pytest.mark.parametrize("language", ["en", "zh", "zh-TW", "pt-BR", "ru", "ja", "fa", "bn", "id"])
@pytest.mark.parametrize("version", [(3, 5, 6), (3, 5, 8)])
async def test_lost_answer_in_any_language(
    site: AnqicmsClient, simulator: Simulator, language: str, version: tuple[int, int, int]
) -> None:
    cloud = simulator.anqicms
    cloud.language, cloud.version = language, version
    form = await form_of(site, "name_email")
    assert await site.find_registered(form, BY_EMAIL) is None
    await site.register(form, BY_EMAIL)
    account = await site.find_registered(form, BY_EMAIL)
    assert account is not None
    assert account.id == "1000"


async def test_slow_mail_server(site: AnqicmsClient, simulator: Simulator) -> None:
    """Registering and signing in send an e-mail before they answer; the address is known still."""
    simulator.anqicms.signup_verify = True
    for path in ("api/register", "api/login"):
        simulator.faults.add(path, kind=FaultKind.CUT_AFTER)
    form = await form_of(site, "name_email")
    with pytest.raises(CloudError, match="no_answer"):
        await site.register(form, BY_EMAIL)
    account = await site.find_registered(form, BY_EMAIL)
    assert account == Account(id=None, name="newuser", activation_pending=True)
    account = await site.find_registered(form, BY_EMAIL)
    assert account is not None
    assert account.id == "1000"


async def test_address_that_the_database_takes_for_ours(
    site: AnqicmsClient, simulator: Simulator
) -> None:
    """It does not tell accents apart, so a user with the other address is not our new one."""
    simulator.anqicms.add_user(user_name="x", email="jürgen@example.com", password="someone-else")
    form = await form_of(site, "name_email")
    values = {**BY_EMAIL, "email": "jurgen@example.com"}
    assert await site.find_registered(form, values) is None
    with pytest.raises(TakenError, match="email_taken"):
        await site.register(form, values)


async def test_somebody_was_faster(site: AnqicmsClient, simulator: Simulator) -> None:
    """An address that is known but has another password proves neither."""
    simulator.anqicms.add_user(user_name="x", email=EMAIL, password="someone-else")
    form = await form_of(site, "name_email")
    with pytest.raises(InvalidInputError, match="login_failed"):
        await site.find_registered(form, BY_EMAIL)
    simulator.anqicms.captcha = True
    simulator.faults.add("api/login", kind="code", code=-1, msg="Das geht nicht")
    with pytest.raises(InvalidInputError, match="sign_in_refused"):
        await site.find_registered(await form_of(site, "name_email"), BY_EMAIL)


# Signing in


@pytest.mark.parametrize("login", ["newuser", EMAIL, PHONE, "(138) 0013-8000"])
@pytest.mark.parametrize("captcha", [True, False])
async def test_link(
    site: AnqicmsClient,
    simulator: Simulator,
    login: str,
    captcha: bool,  # noqa: FBT001
) -> None:
    """By name, address or number; after a wrong answer a new picture works."""
    cloud = simulator.anqicms
    cloud.captcha = captcha
    cloud.add_user(
        user_name="newuser", email=EMAIL, phone=PHONE, password=PASSWORD, email_verified=False
    )
    link = await form_of(site, "link")
    values = {"login": login, "password": PASSWORD}
    if captcha:
        wrong = {**values, **await solved(site, simulator, link), "captcha": "wrong"}
        with pytest.raises(InvalidInputError, match="captcha_wrong") as caught:
            await site.link(link, wrong)
        assert caught.value.field == "captcha"
        values |= await solved(site, simulator, link)
    (account,) = await site.link(link, values)
    # It is called the same, whatever was typed.
    assert (account.name, set(account.other_names)) == ("newuser", {EMAIL, PHONE})
    # Nothing tells whether the site has addresses confirmed.
    assert (account.id, account.activation_pending) == ("1000", None)
    assert account.session is not None


@pytest.mark.parametrize("version", [(3, 1, 6), (3, 4, 2), (3, 5, 8)])
async def test_link_with_capitals(
    site: AnqicmsClient, simulator: Simulator, version: tuple[int, int, int]
) -> None:
    """The picture draws capitals, which old versions do not take."""
    cloud = simulator.anqicms
    cloud.version, cloud.captcha = version, True
    cloud.add_user(user_name="newuser", password=PASSWORD)
    link = await form_of(site, "link")
    picture = await solved(site, simulator, link)
    picture["captcha"] = picture["captcha"].upper()
    assert not picture["captcha"].isdecimal()
    (account,) = await site.link(link, {"login": "newuser", "password": PASSWORD, **picture})
    assert account.id == "1000"


async def test_link_without_the_picture_that_is_shown(
    site: AnqicmsClient, simulator: Simulator
) -> None:
    """Versions from 3.1.6 to 3.5.1 show one because of a setting that signing in ignores."""
    cloud = simulator.anqicms
    cloud.version = (3, 5, 1)
    cloud.add_user(user_name="newuser", password=PASSWORD)
    link = await form_of(site, "link")
    assert link.captcha
    (account,) = await site.link(link, {"login": "newuser", "password": PASSWORD})
    assert account.id == "1000"


async def test_link_where_the_picture_is_not_shown(
    site: AnqicmsClient, simulator: Simulator
) -> None:
    """They may also want one and show none; only their owner can change that."""
    cloud = simulator.anqicms
    cloud.version, cloud.captcha, cloud.admin_captcha = (3, 5, 1), True, False
    cloud.add_user(user_name="newuser", password=PASSWORD)
    link = await form_of(site, "link")
    assert not link.captcha
    values = {"login": "newuser", "password": PASSWORD}
    with pytest.raises(RejectedError, match="picture_missing"):
        await site.link(link, values)
    cloud.admin_captcha = True
    with pytest.raises(InvalidInputError, match="captcha_needed") as caught:
        await site.link(link, values)
    assert caught.value.field == "captcha"
    link = await form_of(site, "link")
    (account,) = await site.link(link, {**values, **await solved(site, simulator, link)})
    assert account.id == "1000"


async def test_link_by_a_name_of_digits(site: AnqicmsClient, simulator: Simulator) -> None:
    """What the site takes for no number stays as it was typed."""
    simulator.anqicms.add_user(user_name="2026-11", password=PASSWORD)
    link = await form_of(site, "link")
    (account,) = await site.link(link, {"login": "2026-11", "password": PASSWORD})
    assert account.name == "2026-11"


@pytest.mark.parametrize("language", ["en", "zh", "zh-TW", "pt-BR", "ru", "ja", "fa", "bn", "id"])
@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"login": "nobody"}, "login_failed", "password"),
        ({"password": "wrong-pass"}, "login_failed", "password"),
        ({"login": ""}, "required", "login"),
        ({"password": "12345"}, "password_6_to_72", "password"),
        ({"captcha": ""}, "captcha_needed", "captcha"),
        ({"captcha_challenge": "x"}, "captcha_wrong", "captcha"),
    ],
)
async def test_link_refused(  # noqa: PLR0917
    site: AnqicmsClient,
    simulator: Simulator,
    language: str,
    values: dict[str, str],
    error: str,
    field: str,
) -> None:
    cloud = simulator.anqicms
    cloud.language, cloud.captcha = language, True
    cloud.add_user(user_name="newuser", password=PASSWORD)
    link = await form_of(site, "link")
    typed = {"login": "newuser", "password": PASSWORD, **await solved(site, simulator, link)}
    with pytest.raises(InvalidInputError) as caught:
        await site.link(link, {**typed, **values})
    assert (caught.value.key, caught.value.field) == (error, field)


async def test_link_refused_in_unknown_words(site: AnqicmsClient, simulator: Simulator) -> None:
    """Without a picture they can only mean one thing; with one, either may be wrong."""
    cloud = simulator.anqicms
    cloud.add_user(user_name="newuser", password=PASSWORD)
    values = {"login": "newuser", "password": PASSWORD}
    simulator.faults.add("api/login", kind="code", code=-1, msg="Das geht nicht", times=2)
    with pytest.raises(InvalidInputError, match="login_failed") as caught:
        await site.link(await form_of(site, "link"), values)
    assert caught.value.field == "password"
    cloud.captcha = True
    link = await form_of(site, "link")
    simulator.faults.add("api/login", kind="code", code=-1, msg="Das geht nicht")
    for picture in ({}, await solved(site, simulator, link)):
        with pytest.raises(InvalidInputError, match="sign_in_refused") as caught:
            await site.link(link, {**values, **picture})
    assert (caught.value.field, caught.value.placeholders["message"]) == (None, "Das geht nicht")
    await site.link(link, {**values, **await solved(site, simulator, link)})


# The session


async def test_verify(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A token is good for thirty days."""
    site = anqicms_client(http, simulator.url)
    account = await site.register(await form_of(site, "name_email"), BY_EMAIL)
    signed_in = anqicms_client(http, simulator.url, session=account.session)
    assert (site.signed_in, signed_in.signed_in) == (False, True)
    await signed_in.verify()
    simulator.advance(30 * DAY + 1)
    with pytest.raises(AccessDeniedError, match="session_ended") as caught:
        await signed_in.verify()
    assert caught.value.code == 1001


@pytest.mark.parametrize("token", ["", "with blank\n", "ünreadable"])
async def test_verify_without_a_token(
    http: aiohttp.ClientSession, simulator: Simulator, token: str
) -> None:
    site = anqicms_client(http, simulator.url, session={"token": token})
    with pytest.raises(AccessDeniedError, match="session_ended"):
        await site.verify()
    assert len(simulator.calls) == 0


async def test_token_is_renewed(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    stored: list[Mapping[str, str]] = []
    site = anqicms_client(http, simulator.url)
    account = await site.register(await form_of(site, "name_email"), BY_EMAIL)
    signed_in = anqicms_client(
        http, simulator.url, session=account.session, on_session=stored.append
    )
    await signed_in.verify()
    assert stored == []
    simulator.advance(30 * DAY - 1800)
    await signed_in.verify()
    (session,) = stored
    assert account.session is not None
    assert session["token"] != account.session["token"]
    simulator.advance(3600)
    await signed_in.verify()
    assert simulator.calls[-1].token == session["token"]
    # Without anybody to store it, it is used all the same.
    alone = anqicms_client(http, simulator.url, session=session)
    simulator.advance(DAY - 5400)
    await alone.verify()
    await alone.verify()
    assert simulator.calls[-1].token != session["token"]


@pytest.mark.parametrize(
    ("verified", "status", "pending"),
    [(True, 1, False), (False, 1, None), (True, 0, True), (False, 0, True)],
)
async def test_activation(
    http: aiohttp.ClientSession,
    simulator: Simulator,
    verified: bool,  # noqa: FBT001
    status: int,
    pending: bool | None,  # noqa: FBT001
) -> None:
    """An unconfirmed address alone tells nothing: many sites have none confirmed."""
    user = simulator.anqicms.add_user(
        user_name="newuser", email=EMAIL, password=PASSWORD, email_verified=verified
    )
    user.status = status
    site = anqicms_client(http, simulator.url)
    link = await form_of(site, "link")
    (account,) = await site.link(link, {"login": "newuser", "password": PASSWORD})
    assert account.activation_pending is pending
    signed_in = anqicms_client(http, simulator.url, session=account.session)
    assert await signed_in.activation_pending() is pending


# Codes


@pytest.mark.parametrize(
    ("path", "code", "error"),
    [
        ("api/register", 1001, "registration_closed"),
        ("api/register", 1002, "registration_closed"),
        ("api/register", -1, "rejected"),
        ("api/register", 500, "unknown_code"),
        ("api/login", 1001, "site_refuses_access"),
        ("api/login", 1002, "site_refuses_access"),
        ("api/captcha", -1, "rejected"),
        ("api/captcha", 9, "unknown_code"),
    ],
)
async def test_codes(
    site: AnqicmsClient, simulator: Simulator, path: str, code: int, error: str
) -> None:
    """A code means what it means on its endpoint; an unknown text is shown as it is."""
    form, link = await form_of(site, "name_email"), await form_of(site, "link")
    simulator.faults.add(path, kind="code", code=code, msg="Das geht nicht")
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "api/register": lambda: site.register(form, BY_EMAIL),
        "api/login": lambda: site.link(link, {"login": "newuser", "password": PASSWORD}),
        "api/captcha": lambda: site.captcha(form),
    }
    with pytest.raises(CloudError) as caught:
        await calls[path]()
    err = caught.value
    assert (err.key, err.field, err.code) == (error, None, code)
    assert err.placeholders == {"code": str(code), "message": "Das geht nicht"}
    assert err.outcome_unknown is ((path, error) == ("api/register", "unknown_code"))


@pytest.mark.parametrize(
    ("code", "error"),
    [(1001, AccessDeniedError), (-1, AccessDeniedError), (1002, NotAllowedError)],
)
async def test_codes_of_the_token(
    http: aiohttp.ClientSession, simulator: Simulator, code: int, error: type[CloudError]
) -> None:
    site = anqicms_client(http, simulator.url, session={"token": "fake-token"})
    simulator.faults.add("api/user/detail", kind="code", code=code, msg="no")
    with pytest.raises(error):
        await site.verify()


# What is said of it


async def test_secrets(
    http: aiohttp.ClientSession, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator.anqicms.captcha = True
    site = anqicms_client(http, simulator.url)
    form = await form_of(site, "phone")
    picture = await solved(site, simulator, form)
    account = await site.register(form, {**BY_PHONE, **picture})
    assert account.session is not None
    await anqicms_client(http, simulator.url, session=account.session).verify()
    said = caplog.text + repr((account, await site.captcha(form)))
    for secret in (PASSWORD, account.session["token"], *picture.values(), "123456"):
        assert secret not in said
    assert "POST api/register: HTTP 200, code 0" in caplog.text
    queries = repr([dict(call.params) for call in simulator.calls])
    assert PASSWORD not in queries
    assert account.session["token"] not in queries
    assert simulator.calls.secrets_in_url == []


async def test_site_that_repeats_secrets(site: AnqicmsClient, simulator: Simulator) -> None:
    simulator.anqicms.captcha = True
    form = await form_of(site, "phone")
    picture = await solved(site, simulator, form)
    secrets = (PASSWORD, *picture.values(), "123456")
    simulator.faults.add("api/register", kind="code", code=-1, msg=f"bad {' '.join(secrets)}")
    with pytest.raises(CloudError) as caught:
        await site.register(form, {**BY_PHONE, **picture})
    assert caught.value.placeholders["message"] == "bad … … … …"
    said = everything_said(caught.value)
    assert not [secret for secret in secrets if secret in said]


async def test_gate(http: aiohttp.ClientSession, simulator: Simulator, gate: RecordingGate) -> None:
    site = AnqicmsClient(ClientContext(http=http, url=simulator.url, credentials={}, gate=gate))
    await site.register(await form_of(site, "name_email"), BY_EMAIL)
    assert gate.paths == ["api/captcha", "api/verify/email", "api/register"]
    assert not any(call.subject for call in gate.permitted)


@pytest.mark.parametrize(
    "kind", [FaultKind.STRING_CODE, FaultKind.DATA_STRING, FaultKind.WRONG_TYPE]
)
async def test_odd_shapes(site: AnqicmsClient, simulator: Simulator, kind: FaultKind) -> None:
    simulator.faults.add("*", kind=kind, times=None)
    account = await site.register(await form_of(site, "name_email"), BY_EMAIL)
    assert account.id == "1000"
