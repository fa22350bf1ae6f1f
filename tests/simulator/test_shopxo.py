"""The simulated ShopXO site, as the plainest client meets it."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from yarl import URL

from simulator import Simulator
from simulator.shopxo.state import IN_REVIEW, LOCKED

APP = {"application": "app", "application_client_type": "h5", "ajax": "ajax", "lang": "en"}
PASSWORD = "fake-pass"
EMAIL = "owner@example.com"
MOBILE = "13800138000"


@dataclass
class Shop:
    """Sends calls to the site and remembers no cookies."""

    session: aiohttp.ClientSession
    simulator: Simulator
    public: dict[str, str] = field(default_factory=lambda: dict(APP))

    async def __call__(self, action: str, **form: str) -> Any:
        """Send a form and read the answer as JSON, whatever its type."""
        async with self.session.post(
            f"{self.simulator.url}/api.php", params={"s": action, **self.public}, data=form
        ) as response:
            assert response.status == 200
            return await response.json(content_type=None)

    async def picture(self, kind: str, uuid: str = "u1", **more: str) -> str:
        """Fetch a picture and return its answer."""
        query = {"s": "user/userverifyentry", "type": kind, "uuid": uuid, **self.public, **more}
        async with self.session.get(f"{self.simulator.url}/api.php", params=query) as response:
            assert response.content_type == "text/html"
            assert (await response.read()).startswith(b"GIF8")
        return next(reversed(self.simulator.captchas.values()))

    async def register(self, name: str = "alice01", **form: str) -> Any:
        """Register by user name with a picture."""
        verify = await self.picture("user_reg")
        sent = {"accounts": name, "pwd": PASSWORD, "type": "username", "verify": verify}
        return await self("user/reg", **{**sent, "uuid": "u1", **form})

    async def login(self, name: str = "alice01", **form: str) -> Any:
        """Sign in with a picture."""
        verify = await self.picture("user_login")
        sent = {"accounts": name, "pwd": PASSWORD, "type": "username", "verify": verify}
        return await self("user/login", **{**sent, "uuid": "u1", **form})

    async def send_code(self, kind: str = "email", to: str = EMAIL, **form: str) -> Any:
        """Have a code sent, with a picture."""
        verify = await self.picture("user_reg")
        sent = {"accounts": to, "type": kind, "verify": verify, "uuid": "u1"}
        return await self("user/regverifysend", **{**sent, **form})


@pytest.fixture
def shop(session: aiohttp.ClientSession, simulator: Simulator) -> Shop:
    """Return a client of a fresh site."""
    return Shop(session, simulator)


# How it is talked to


async def test_common(shop: Shop) -> None:
    """A fresh site offers everything and wants pictures."""
    config = (await shop("base/common"))["data"]["config"]
    assert config["home_user_reg_type"] == ["username", "sms", "email"]
    assert config["home_user_register_img_verify_state"] == 1
    assert config["common_register_is_enable_audit"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "api.php?s=base%2Fcommon",
        "api.php?s=/base/common",
        "public/api.php?s=base/common",
        "api.php/base/common.html",
        "api.php/base/common",
        "api.php?s=Base/COMMON.html",
    ],
)
async def test_addresses(shop: Shop, path: str) -> None:
    """The script is found by each of its addresses."""
    address = URL(f"{shop.simulator.url}/{path}", encoded=True)
    async with shop.session.get(address) as response:
        assert (await response.json())["code"] == 0


async def test_unknown_action(shop: Shop) -> None:
    """An action that does not exist is told."""
    assert await shop("user/fly") == {"msg": "user/fly not exist", "code": -1000, "data": ""}


async def test_fault(shop: Shop) -> None:
    """A planned refusal comes in the site's form."""
    shop.simulator.shopxo.no_data = []
    shop.simulator.faults.add("api.php", kind="code", match={"s": "user/reg"}, code=-5, msg="no")
    assert await shop("user/reg") == {"msg": "no", "code": -5, "data": []}


async def test_web_is_told_no_token(shop: Shop) -> None:
    """Only an app is told who it is and what signs it in."""
    shop.public = {}
    assert (await shop.register())["data"] == {"body_html": "", "user_id": 1}


async def test_public_parameters_are_not_read_from_json(shop: Shop) -> None:
    """A JSON body carries the form's fields, but cannot say that it comes from an app."""
    verify = await shop.picture("user_reg")
    body = {
        **APP,
        "accounts": "alice01",
        "pwd": PASSWORD,
        "type": "username",
        "verify": verify,
        "uuid": "u1",
    }
    url = f"{shop.simulator.url}/api.php?s=user/reg"
    async with shop.session.post(url, json=body) as response:
        answer = await response.json()
    assert (answer["code"], "token" in answer["data"]) == (0, False)


@pytest.mark.parametrize("body", ["{broken", "[1]"])
async def test_broken_json(shop: Shop, body: str) -> None:
    """A body that is no JSON object holds nothing."""
    url = f"{shop.simulator.url}/api.php?s=user/reg&lang=en"
    headers = {"Content-Type": "application/json"}
    async with shop.session.post(url, data=body, headers=headers) as response:
        assert (await response.json())["msg"] == "Account cannot be empty"


async def test_language(shop: Shop) -> None:
    """Without a language the site speaks Chinese."""
    del shop.public["lang"]
    assert (await shop("user/tokenuserinfo"))["msg"] == "token不能为空"


async def test_closed(shop: Shop) -> None:
    """A closed site says so as JSON that it calls a page."""
    shop.simulator.shopxo.closed_reason = "back on Monday"
    async with shop.session.get(f"{shop.simulator.url}/api.php?s=base/common") as response:
        assert response.content_type == "text/html"
        answer = await response.json(content_type=None)
    assert answer == {"msg": "back on Monday", "code": -10000, "data": ""}


async def test_exception(shop: Shop) -> None:
    """An exception is JSON for who asks for it, else a page."""
    shop.simulator.shopxo.throwing = {"base/common": "SQLSTATE[HY000] gone away"}
    answer = await shop("base/common")
    assert (answer["code"], answer["msg"]) == (-500, "SQLSTATE[HY000] gone away")
    async with shop.session.get(f"{shop.simulator.url}/api.php?s=base/common") as response:
        assert (await response.text()).startswith("<")


# Registering by user name


async def test_register(shop: Shop) -> None:
    """A registration signs in and keeps the name, not the password."""
    answer = await shop.register(nickname="Alice")
    data = answer["data"]
    assert (answer["code"], answer["msg"]) == (0, "Register Succeeded")
    assert (data["id"], data["username"], data["nickname"]) == (1, "alice01", "Alice")
    assert len(data["token"]) == 32
    assert (await shop("user/tokenuserinfo", token=data["token"]))["data"]["id"] == 1
    seen = repr((shop.simulator.calls[:], shop.simulator.shopxo.state()))
    assert PASSWORD not in seen
    assert data["token"] not in seen


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({"accounts": ""}, -1, "Account cannot be empty"),
        ({"pwd": ""}, -1, "Password cannot be empty"),
        ({"type": "fax"}, -1, "Wrong registration type"),
        ({"verify": ""}, -1, "Verification code cannot be empty"),
        (
            {"accounts": "a"},
            -2,
            "The user name format is 2~18 characters with alphanumeric underscore",
        ),
        ({"accounts": "Taken_1"}, -3, "User already exists[Taken_1]"),
        ({"uuid": "another"}, -11, "The verification code has expired"),
        ({"verify": "0000"}, -12, "Verification code error"),
        ({"accounts": "admin"}, -1, "This username is prohibited from registration(admin)"),
    ],
)
async def test_refused(shop: Shop, form: dict[str, str], code: int, message: str) -> None:
    """Each refusal has its code and creates nobody; the corrected form works."""
    site = shop.simulator.shopxo
    site.add_user(username="taken_1")
    site.forbidden_names = {"admin"}
    answer = await shop.register(**form)
    assert answer == {"msg": message, "code": code, "data": ""}
    assert len(site.users) == 1
    assert (await shop.register())["code"] == 0


async def test_picture_left_out(shop: Shop) -> None:
    """Without the key the site only asks for it; with pictures off it registers at once."""
    form = {"accounts": "alice01", "pwd": PASSWORD, "type": "username"}
    assert (await shop("user/reg", **form))["code"] == -10
    shop.simulator.shopxo.register_picture = False
    assert (await shop("user/reg", **form, verify=""))["code"] == -1
    assert (await shop("user/reg", **form))["code"] == 0


async def test_taken_comes_before_the_picture(shop: Shop) -> None:
    """A taken name is told whatever the picture."""
    shop.simulator.shopxo.add_user(username="alice01")
    assert (await shop.register(verify="0000"))["code"] == -3


async def test_switched_off(shop: Shop) -> None:
    """A type that is not offered is refused."""
    shop.simulator.shopxo.register_types = ["email"]
    shop.simulator.shopxo.login_types = []
    assert (await shop.register())["msg"] == "Temporarily close registration"
    assert (await shop.send_code("sms", MOBILE))["msg"] == "Temporarily close registration"
    assert (await shop.login())["msg"] == "Temporarily close login"


async def test_add_failed(shop: Shop) -> None:
    """The database may fail."""
    shop.simulator.shopxo.adding_fails = True
    assert (await shop.register())["code"] == -100


async def test_review(shop: Shop) -> None:
    """A site that reviews creates the account without signing it in."""
    site = shop.simulator.shopxo
    site.review = True
    answer = await shop.register()
    assert (answer["code"], answer["msg"], answer["data"]) == (
        -110,
        "User waiting for approval",
        "",
    )
    assert site.users[1].status == IN_REVIEW
    assert (await shop.login())["msg"] == "User waiting for review"
    site.load("users", {"approve": "ALICE01"})
    assert (await shop.login())["code"] == 0
    with pytest.raises(KeyError):
        site.load("users", {"approve": "nobody"})


@pytest.mark.parametrize("password", ["123", 'a<b>&"c123', "a&b&c&d&e", "a" * 18 + " "])
async def test_password_trap(shop: Shop, password: str) -> None:
    """Registering takes passwords that signing in refuses."""
    assert (await shop.register(pwd=password))["code"] == 0
    answer = await shop.login(pwd=password)
    message = "Login password format is between 6 and 18 characters"
    assert (answer["code"], answer["msg"]) == (-1, message)


@pytest.mark.parametrize("password", ["0123456789abcdefgh", "pässwörd", "a b c d", " padded "])
async def test_passwords_that_work(shop: Shop, password: str) -> None:
    """Bytes are counted after the filter."""
    assert (await shop.register(pwd=password))["code"] == 0
    assert (await shop.login(pwd=password.strip()))["code"] == 0


# Pictures


async def test_picture_survives_a_registration(shop: Shop) -> None:
    """Registering by name does not spend the picture; upper case is as good."""
    verify = (await shop.picture("user_reg")).upper()
    form = {"pwd": PASSWORD, "type": "username", "verify": verify, "uuid": "u1"}
    codes = [(await shop("user/reg", accounts=name, **form))["code"] for name in ("aa", "bb")]
    assert codes == [0, 0]


async def test_picture_is_spent_by_signing_in(shop: Shop) -> None:
    """A successful sign-in spends the picture, a failed one does not."""
    shop.simulator.shopxo.add_user(username="alice01", password=PASSWORD)
    verify = await shop.picture("user_login")
    form = {"accounts": "alice01", "type": "username", "verify": verify, "uuid": "u1"}
    codes = [
        (await shop("user/login", **form, pwd=password))["code"]
        for password in ("wrong-pass", PASSWORD, PASSWORD)
    ]
    assert codes == [-4, 0, -11]
    assert shop.simulator.captchas == {}


async def test_picture_of_another_kind(shop: Shop) -> None:
    """A picture for signing in registers nobody."""
    verify = await shop.picture("user_login")
    assert (
        await shop(
            "user/reg", accounts="aa", pwd=PASSWORD, type="username", verify=verify, uuid="u1"
        )
    )["code"] == -11


async def test_picture_ends_and_is_replaced(shop: Shop) -> None:
    """A picture lives ten minutes, and not beyond the next one."""
    first = await shop.picture("user_reg")
    assert (await shop.register(verify=first))["code"] == -12
    verify = await shop.picture("user_reg")
    shop.simulator.advance(601)
    form = {"accounts": "bob", "pwd": PASSWORD, "type": "username", "uuid": "u1"}
    assert (await shop("user/reg", **form, verify=verify))["code"] == -11


async def test_picture_by_cookie(shop: Shop) -> None:
    """Without an id of the client's own, the cookie ties the answer to the picture."""
    jar = aiohttp.CookieJar(unsafe=True)
    url = f"{shop.simulator.url}/api.php"
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        query = {**APP, "s": "user/userverifyentry", "type": "user_reg"}
        async with session.get(url, params=query):
            pass
        (verify,) = shop.simulator.captchas.values()
        form = {"accounts": "alice01", "pwd": PASSWORD, "type": "username", "verify": verify}
        async with session.post(url, params={**APP, "s": "user/reg"}, data=form) as response:
            assert (await response.json())["code"] == 0


async def test_token_takes_the_place_of_the_id(shop: Shop) -> None:
    """Whoever sends a token asks for the user's picture, not for the client's."""
    token = (await shop.register())["data"]["token"]
    query = {"s": "user/userverifyentry", "type": "user_reg", "uuid": "u1", **APP}
    async with shop.session.post(
        f"{shop.simulator.url}/api.php", params=query, data={"token": token}
    ):
        pass
    assert list(shop.simulator.captchas)[-1] == "1"


async def test_letters(shop: Shop) -> None:
    """A site may show letters."""
    shop.simulator.shopxo.picture_characters = "ab"
    assert set(await shop.picture("user_reg")) <= {"a", "b"}


# Codes


@pytest.mark.parametrize(("kind", "to"), [("email", EMAIL), ("sms", MOBILE)])
async def test_register_with_a_code(shop: Shop, kind: str, to: str) -> None:
    """The code goes to the mailbox and registers once."""
    assert (await shop.send_code(kind, to))["msg"] == "Sending Succeeded"
    (message,) = shop.simulator.mailbox
    assert (message.to, message.purpose, len(message.code)) == (to, "user_reg", 4)
    form = {"accounts": to, "pwd": PASSWORD, "type": kind}
    assert (await shop("user/reg", **form, verify=message.code))["data"]["token"]
    assert (await shop("user/reg", **form, verify=message.code))["code"] == -3


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"accounts": ""}, -1),
        ({"type": "fax"}, -1),
        ({"type": "username", "accounts": "alice01"}, -2),
        ({"accounts": "not an address"}, -2),
        ({"accounts": "taken@example.com"}, -3),
        ({"verify": ""}, -10),
        ({"uuid": "another"}, -11),
        ({"verify": "0000"}, -12),
    ],
)
async def test_no_code(shop: Shop, form: dict[str, str], code: int) -> None:
    """Each refusal to send has its code."""
    shop.simulator.shopxo.add_user(email="taken@example.com")
    assert (await shop.send_code(**{"to": EMAIL, **form}))["code"] == code
    assert shop.simulator.mailbox == []


async def test_sending_spends_the_picture_and_rests(shop: Shop) -> None:
    """A minute lies between two codes, and each takes a picture of its own."""
    assert (await shop.send_code())["code"] == 0
    assert shop.simulator.captchas == {}
    answer = await shop.send_code()
    assert (answer["code"], answer["msg"]) == (
        -100,
        "Sending Failed[Frequent operation, please try again later!]",
    )
    shop.simulator.advance(61)
    assert (await shop.send_code())["code"] == 0
    shop.simulator.shopxo.sending_fails = "no gateway"
    assert (await shop.send_code("sms", MOBILE))["msg"] == "Sending Failed[no gateway]"


async def test_tries(shop: Shop) -> None:
    """The seventh wrong code spends the code; it also ends by itself."""
    await shop.send_code()
    form = {"accounts": EMAIL, "pwd": PASSWORD, "type": "email"}
    codes = [(await shop("user/reg", **form, verify="x"))["code"] for _ in range(8)]
    assert codes == [*[-11] * 7, -10]
    shop.simulator.advance(61)
    await shop.send_code()
    shop.simulator.advance(601)
    code = shop.simulator.mailbox[-1].code
    assert (await shop("user/reg", **form, verify=code))["code"] == -10


# Signing in


@pytest.mark.parametrize("name", ["alice01", "ALICE01", EMAIL, MOBILE])
async def test_login(shop: Shop, name: str) -> None:
    """A user signs in by whatever names it; the token of a platform is one."""
    shop.simulator.shopxo.add_user(
        username="alice01", mobile=MOBILE, email=EMAIL, password=PASSWORD
    )
    tokens = [(await shop.login(name))["data"]["token"] for _ in range(2)]
    answers = [(await shop("user/tokenuserinfo", token=token)) for token in tokens]
    assert [(answer["code"], answer["msg"]) for answer in answers] == [
        (-1, "User information does not exist"),
        (0, "success"),
    ]


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({"type": "fax"}, -1, "Wrong login type"),
        ({"accounts": ""}, -1, "Account cannot be empty"),
        ({"accounts": "nobody", "pwd": "x", "verify": ""}, -3, "Account does not exist"),
        ({"pwd": "12345"}, -1, "Login password format is between 6 and 18 characters"),
        ({"verify": ""}, -10, "The picture verification code cannot be empty"),
        ({"verify": "0000"}, -12, "Verification code error"),
        ({"pwd": "wrong-pass"}, -4, "Password error"),
        ({"accounts": "locked"}, -10, "User is prohibited from logging in"),
        ({"type": "email", "accounts": "x"}, -2, "Email format error"),
        ({"type": "sms", "accounts": "x"}, -2, "Mobile number format error"),
    ],
)
async def test_login_refused(shop: Shop, form: dict[str, str], code: int, message: str) -> None:
    """Each refusal to sign in has its code, and they are judged in this order."""
    site = shop.simulator.shopxo
    site.add_user(username="alice01", password=PASSWORD)
    site.add_user(username="locked", password=PASSWORD, status=LOCKED)
    answer = await shop.login(**{"name": "alice01", **form})
    assert (answer["code"], answer["msg"]) == (code, message)


async def test_login_with_a_code(shop: Shop) -> None:
    """A code signs in too."""
    shop.simulator.shopxo.add_user(email=EMAIL, password=PASSWORD)
    verify = await shop.picture("user_login")
    form = {"accounts": EMAIL, "type": "email", "uuid": "u1"}
    assert (await shop("user/loginverifysend", **form, verify=verify))["code"] == 0
    code = shop.simulator.mailbox[-1].code
    assert (await shop("user/login", **form, verify="x"))["code"] == -11
    assert (await shop("user/login", **form, verify=code))["data"]["email"] == EMAIL


async def test_blanks_of_a_password(shop: Shop) -> None:
    """They count for the length and for nothing else."""
    assert (await shop.register(pwd=" 12345"))["code"] == 0
    assert (await shop.login(pwd=" 12345"))["code"] == 0
    assert (await shop.login(pwd="12345 "))["code"] == 0
    assert (await shop.login(pwd="12345"))["code"] == -1


@pytest.mark.parametrize("strict", [True, False])
async def test_columns(shop: Shop, *, strict: bool) -> None:
    """What is too long for its column, once escaped, is an exception or cut."""
    site = shop.simulator.shopxo
    site.strict_database = strict
    answer = await shop.register(nickname="a" * 55 + "<b>")
    if strict:
        assert answer["code"] == -500
        assert "Data too long for column 'nickname'" in answer["msg"]
        assert site.users == {}
    else:
        assert site.users[1].nickname == "a" * 55 + "&lt;b"
    assert (await shop.register("bob", nickname="a" * 60))["code"] == 0


async def test_account_without_a_password(shop: Shop) -> None:
    shop.simulator.shopxo.add_user(username="alice01")
    answer = await shop.login()
    assert (answer["code"], answer["msg"]) == (-4, "Please set a password first!")


async def test_look_while_a_code_is_pending(shop: Shop) -> None:
    """Whoever leaves the code out meets an exception."""
    shop.simulator.shopxo.add_user(email=EMAIL)
    form = {"accounts": EMAIL, "type": "email", "uuid": "u1"}
    assert (await shop("user/login", **form))["code"] == -10
    verify = await shop.picture("user_login")
    assert (await shop("user/loginverifysend", **form, verify=verify))["code"] == 0
    answer = await shop("user/login", **form)
    assert (answer["code"], answer["msg"]) == (-500, 'Undefined array key "verify"')


async def test_code_after_six_wrong_ones(shop: Shop) -> None:
    """The right one does not help anymore."""
    await shop.send_code()
    form = {"accounts": EMAIL, "type": "email", "pwd": PASSWORD}
    for _ in range(6):
        assert (await shop("user/reg", **form, verify="x"))["code"] == -11
    code = shop.simulator.mailbox[-1].code
    assert (await shop("user/reg", **form, verify=code))["code"] == -11
    assert (await shop("user/reg", **form, verify=code))["code"] == -10


@pytest.mark.parametrize("address", ["müller@example.com", "٣@example.com"])
async def test_address_beyond_ascii(shop: Shop, address: str) -> None:
    assert (await shop.send_code(to=address))["code"] == -2


async def test_version_2(shop: Shop) -> None:
    """It knows one language, and one number for whatever is taken."""
    shop.simulator.shopxo.version_2 = True
    assert (await shop.register())["code"] == 0
    answer = await shop.register()
    assert (answer["code"], answer["msg"]) == (-10, "账号已存在")


async def test_page_of_the_shop(shop: Shop) -> None:
    url = f"{shop.simulator.url}/index.php"
    async with shop.session.get(url, params={"s": "base/common"}) as response:
        assert (await response.json())["code"] == -1000


async def test_logout_deletes_the_account(shop: Shop) -> None:
    """The trap: what is called a logout cancels the account."""
    assert (await shop("safety/logout", token="nobody's"))["code"] == -400
    token = (await shop.register())["data"]["token"]
    assert (await shop("safety/logout", token=token))["code"] == 0
    assert shop.simulator.shopxo.users == {}


async def test_secret_in_the_address(shop: Shop) -> None:
    """A token in an address is not let pass."""
    query = {"s": "user/tokenuserinfo", "token": "x"}
    async with shop.session.get(f"{shop.simulator.url}/api.php", params=query) as response:
        assert response.status == 500
    assert len(shop.simulator.calls.secrets_in_url) == 1


# From outside


async def test_control(shop: Shop) -> None:
    """Users are added and let in from another process, which also reads answers."""
    url = f"{shop.simulator.url}/_control"
    user = {"cloud": "shopxo", "username": "alice01", "password": PASSWORD, "status": IN_REVIEW}
    async with shop.session.post(f"{url}/users", json=user) as response:
        assert await response.json() == {"id": 1}
    approve = {"cloud": "shopxo", "approve": "alice01"}
    async with shop.session.post(f"{url}/users", json=approve) as response:
        assert response.status == 201
    assert (await shop.login())["code"] == 0
    answer = await shop.picture("user_reg", "mine")
    async with shop.session.get(f"{url}/captcha") as response:
        assert await response.json() == {"mine": answer}
    async with shop.session.get(f"{url}/state") as response:
        assert (await response.json())["shopxo"]["users"][0]["username"] == "alice01"


@pytest.mark.parametrize("item", [{}, {"username": "taken"}])
async def test_users_that_make_no_sense(simulator: Simulator, item: dict[str, str]) -> None:
    """A user needs a name that is free, and there is nothing else to add."""
    simulator.shopxo.add_user(username="taken")
    with pytest.raises(ValueError, match=r"taken|needs"):
        simulator.shopxo.load("users", item)
    with pytest.raises(KeyError):
        simulator.shopxo.load("plants", {})


async def test_ids_as_text(shop: Shop) -> None:
    """Older versions send numbers as text."""
    shop.simulator.shopxo.ids_as_text = True
    assert (await shop.register())["data"]["id"] == "1"
