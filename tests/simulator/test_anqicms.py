"""The simulated AnQiCMS installation, as the plainest client meets it."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from simulator import Simulator
from simulator.anqicms.state import DAY, HOUR

PASSWORD = "fake-pass"
EMAIL = "owner@example.com"
PHONE = "13800138000"
FORM = {"user_name": "newuser", "password": PASSWORD, "email": EMAIL}


@dataclass
class Site:
    """Sends calls to an installation and remembers no cookies."""

    session: aiohttp.ClientSession
    simulator: Simulator
    language: str = "en"

    async def get(self, path: str, header: str = "", **query: str) -> Any:
        """GET and read the answer as JSON."""
        async with self.session.get(
            f"{self.simulator.url}/api/{path}",
            params=query,
            headers={"token": header, "Accept-Language": self.language},
        ) as response:
            assert response.status == 200
            return await response.json()

    async def post(self, path: str, site_id: str = "", **body: Any) -> Any:
        """POST JSON and read the answer as JSON."""
        query = {"site_id": site_id} if site_id else {}
        async with self.session.post(
            f"{self.simulator.url}/api/{path}",
            params=query,
            json=body,
            headers={"Accept-Language": self.language},
        ) as response:
            assert response.status == 200
            return await response.json()

    async def page(self, path: str, **query: str) -> tuple[int, str]:
        """GET what is not JSON."""
        async with self.session.get(
            f"{self.simulator.url}/{path}", params=query, allow_redirects=False
        ) as response:
            return response.status, await response.text()


@pytest.fixture
def site(session: aiohttp.ClientSession, simulator: Simulator) -> Site:
    """Return a client of a fresh installation."""
    return Site(session, simulator)


async def answered_captcha(site: Site) -> dict[str, str]:
    """Return the answer to a new picture."""
    data = (await site.get("captcha"))["data"]
    return {
        "captcha_id": data["captcha_id"],
        "captcha": site.simulator.captchas[data["captcha_id"]],
    }


# Registering


async def test_register(site: Site) -> None:
    """A registration signs in; code and picture are not looked at."""
    answer = await site.post("register", **FORM, captcha_id="x", captcha="y", code="z")
    assert (answer["code"], answer["msg"]) == (0, "")
    data = answer["data"]
    assert (data["id"], data["user_name"], data["email_verified"]) == (1000, "newuser", False)
    assert (await site.get("user/detail", data["token"]))["data"]["id"] == 1000
    seen = repr((site.simulator.calls[:], site.simulator.anqicms.state()))
    assert PASSWORD not in seen
    assert data["token"] not in seen


async def test_register_by_phone(site: Site) -> None:
    """The documented registration without a name does not exist; with one it does."""
    form = {"phone": PHONE, "code": "123456", "password": PASSWORD}
    answer = await site.post("register", **form)
    assert answer == {"code": -1, "msg": "Please fill in the username and password correctly"}
    assert (await site.post("register", **form, user_name="newuser"))["code"] == 0


@pytest.mark.parametrize(
    ("form", "english", "chinese"),
    [
        (
            {"user_name": " "},
            "Please fill in the username and password correctly",
            "请正确填写用户名和密码",
        ),
        (
            {"password": "12345 "},
            "Please enter a password of more than 6 digits",
            "请输入6位以上的密码",
        ),
        ({"user_name": "TAKEN"}, "The username has been registered", "该用户名已被注册"),
        ({"phone": "123"}, "Incorrect mobile phone number", "手机号不正确"),
        (
            {"phone": "13900139000"},
            "The mobile phone number has been registered",
            "该手机号已被注册",
        ),
        ({"email": "nobody"}, "Incorrect email", "邮箱不正确"),
        ({"email": "Taken@example.com"}, "The email has been registered", "该邮箱已被注册"),
        (
            {"email": ""},
            "Fill in at least one of the email and mobile phone number",
            "邮箱和手机号至少填写一个",
        ),
    ],
)
async def test_register_refused(
    site: Site, form: dict[str, str], english: str, chinese: str
) -> None:
    """Only the message tells one refusal from another, and it is in the client's language.

    Which is Chinese unless the client says another, or in old versions the site's.
    """
    cloud = site.simulator.anqicms
    cloud.add_user(
        user_name="taken", password=PASSWORD, email="taken@example.com", phone="13900139000"
    )
    assert await site.post("register", **{**FORM, **form}) == {"code": -1, "msg": english}
    cloud.language = "pt-BR"
    site.language = "*"
    assert await site.post("register", **{**FORM, **form}) == {"code": -1, "msg": chinese}
    cloud.version = (3, 3, 8)
    cloud.language, site.language = "zh", "en"
    assert await site.post("register", **{**FORM, **form}) == {"code": -1, "msg": chinese}
    assert len(cloud.sites[1].users) == 1
    assert (await site.post("register", **FORM))["code"] == 0


@pytest.mark.parametrize(
    ("column", "most", "value"),
    [
        ("user_name", 64, "ü"),
        ("real_name", 64, "ü"),
        ("email", 100, "@example.com"),
        ("phone", 20, "13800138000"),
    ],
)
async def test_columns(site: Site, column: str, most: int, value: str) -> None:
    """What is longer than its column is answered as if it were stored, with the number 0."""
    for size, expected in ((most, 1000), (most + 1, 0)):
        form = {**FORM, column: value.rjust(size, "9" if column == "phone" else "x")}
        site.simulator.anqicms.sites[1].users.clear()
        answer = await site.post("register", **form)
        assert (answer["code"], answer["data"]["id"]) == (0, expected)


async def test_collation(site: Site) -> None:
    """The database takes names for the same that differ in case, accents and blanks only."""
    cloud = site.simulator.anqicms
    cloud.add_user(user_name="Müller", email="jürgen@example.com", password=PASSWORD)
    answer = await site.post("register", **{**FORM, "user_name": "muller"})
    assert answer["msg"] == "The username has been registered"
    assert (await site.post("login", user_name="MULLER", password=PASSWORD))["code"] == 0
    known = await site.get("verify/email", state="exist", email="jurgen@example.com")
    assert known["data"]["email"] == "jürgen@example.com"


async def test_saving_fails(site: Site) -> None:
    """A user that was not stored is answered as if it were, with the number 0."""
    site.simulator.anqicms.saving_fails = True
    answer = await site.post("register", **FORM)
    assert (answer["code"], answer["data"]["id"]) == (0, 0)


async def test_changed_sites(site: Site) -> None:
    """An owner may have the picture judged, or let nobody in."""
    cloud = site.simulator.anqicms
    cloud.captcha = cloud.judges_register_captcha = True
    assert (await site.post("register", **FORM))["msg"] == "Graphic code is incorrect"
    assert (await site.post("register", **FORM, **await answered_captcha(site)))["code"] == 0
    cloud.register_code = 1001
    assert (await site.post("register", **FORM))["code"] == 1001


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '"text"', '{"user_name": 5}', "user_name=newuser&password=fake-pass"]
)
async def test_not_json(site: Site, body: str) -> None:
    """Only a JSON object of texts is read."""
    async with site.session.post(f"{site.simulator.url}/api/register", data=body) as response:
        assert (await response.json())["code"] == -1
    assert site.simulator.anqicms.sites[1].users == {}


@pytest.mark.parametrize(("password", "works"), [("x" * 72, True), ("x" * 73, False)])
async def test_long_password(site: Site, password: str, works: bool) -> None:  # noqa: FBT001
    """A password beyond 72 bytes is lost without a word, and more of one is not compared."""
    form = {**FORM, "password": password}
    assert (await site.post("register", **form))["code"] == 0
    answer = await site.post("login", user_name="newuser", password=password)
    assert (answer["code"] == 0) is works
    answer = await site.post("login", user_name="newuser", password=f"{password[:72]}x")
    assert (answer["code"] == 0) is works


# A mail that confirms the address


async def test_signup_verify(site: Site) -> None:
    """The account exists without a token until the mail's link was followed."""
    cloud = site.simulator.anqicms
    cloud.signup_verify = True
    answer = await site.post("register", **FORM)
    assert (answer["code"], answer["msg"], answer["data"]["token"]) == (
        0,
        "Please Verify Your Email",
        "",
    )
    (message,) = site.simulator.mailbox
    assert (message.to, message.purpose) == (EMAIL, "verify")
    # Signing in works all the same, and sends the mail again.
    answer = await site.post("login", user_name="newuser", password=PASSWORD)
    assert answer["code"] == 0
    assert len(site.simulator.mailbox) == 2
    link = {"state": "verify", "email": EMAIL, "code": "c"}
    assert (await site.page("api/verify/email", **link))[1].startswith("<")
    wrong = await site.get("verify/email", **link, token="x", **{"return": "json"})
    right = await site.get("verify/email", **link, token=message.code, **{"return": "json"})
    assert (wrong["code"], right["code"]) == (-1, 0)
    assert cloud.sites[1].users[1000].email_verified
    # The token of before tells, and no more mails are sent.
    detail = await site.get("user/detail", answer["data"]["token"])
    assert detail["data"]["email_verified"]
    await site.post("login", user_name="newuser", password=PASSWORD)
    assert len(site.simulator.mailbox) == 2


async def test_send_again(site: Site) -> None:
    """The link is sent again for whoever asks; where none is sent, nobody is told."""
    cloud = site.simulator.anqicms
    cloud.add_user(user_name="newuser", email=EMAIL, password=PASSWORD, email_verified=False)
    assert (await site.post("verify/email", email=EMAIL, state="verify"))["code"] == 0
    assert site.simulator.mailbox == []
    cloud.signup_verify = True
    assert (await site.post("verify/email", email=EMAIL, state="verify"))["code"] == 0
    assert len(site.simulator.mailbox) == 1
    for email, message in (
        ("free@example.com", "User does not exist"),
        ("x", "Invalid Parameter"),
    ):
        assert (await site.post("verify/email", email=email))["msg"] == message


@pytest.mark.parametrize(
    ("version", "change", "answered"),
    [
        ((3, 5, 8), {"user_name": "other"}, 1000),
        # The name comes first, and a number before the address.
        ((3, 5, 8), {"email": "taken@example.com"}, 1000),
        ((3, 5, 8), {"user_name": "other", "phone": "123"}, None),
        ((3, 5, 8), {"email": "other@example.com"}, 1000),
        ((3, 5, 6), {"user_name": "other"}, 1000),
        ((3, 5, 6), {"email": "other@example.com"}, None),
        ((3, 5, 1), {"user_name": "other"}, None),
    ],
)
async def test_somebody_elses_account(
    site: Site, version: tuple[int, int, int], change: dict[str, str], answered: int | None
) -> None:
    """A registration is answered with an unconfirmed account, whatever the password."""
    cloud = site.simulator.anqicms
    cloud.version, cloud.signup_verify = version, True
    cloud.add_user(user_name="newuser", email=EMAIL, password="someone-else", email_verified=False)
    cloud.add_user(user_name="taken", email="taken@example.com", password=PASSWORD)
    answer = await site.post("register", **{**FORM, **change})
    assert answer.get("data", {}).get("id") == answered
    assert len(site.simulator.mailbox) == (answered is not None)
    assert cloud.sites[1].users[1000].has_password("someone-else")


@pytest.mark.parametrize(("version", "code"), [((3, 5, 6), -1), ((3, 5, 7), 0), ((3, 5, 1), 0)])
async def test_phone_alone_with_signup_verify(
    site: Site, version: tuple[int, int, int], code: int
) -> None:
    """Some versions want an address where they want to confirm one."""
    site.simulator.anqicms.version = version
    site.simulator.anqicms.signup_verify = True
    form = {"phone": PHONE, "password": PASSWORD, "user_name": "newuser"}
    assert (await site.post("register", **form))["code"] == code


async def test_email_exists(site: Site) -> None:
    """Whether an address is known can be asked since 3.5.7; before, a page answers."""
    cloud = site.simulator.anqicms
    cloud.add_user(user_name="newuser", email=EMAIL, password=PASSWORD)
    known = await site.get("verify/email", state="exist", email="OWNER@example.com")
    assert known["data"] == {"id": 1000, "email": EMAIL}
    free = await site.get("verify/email", state="exist", email="free@example.com")
    assert free == {"code": -1, "msg": "User does not exist"}
    for version, status in (((3, 5, 6), 200), ((3, 5, 1), 404)):
        cloud.version = version
        answer = await site.page("api/verify/email", state="exist", email=EMAIL)
        assert (answer[0], answer[1][0]) == (status, "<")


# Captcha


async def test_captcha_off(site: Site) -> None:
    """Most sites want none; old versions tell of another setting, and the oldest of none."""
    cloud = site.simulator.anqicms
    assert (await site.get("captcha"))["data"] == {"captcha_off": True}
    cloud.version = (3, 5, 1)
    assert (await site.get("captcha"))["data"]["captcha_off"] is False
    cloud.captcha, cloud.admin_captcha = True, False
    assert (await site.get("captcha"))["data"] == {"captcha_off": True}
    cloud.version = (3, 1, 5)
    assert list((await site.get("captcha"))["data"]) == ["captcha_id", "captcha"]


async def test_captcha(site: Site) -> None:
    """A picture comes as a data URI; its answer signs in once, in upper case too."""
    cloud = site.simulator.anqicms
    cloud.captcha = True
    cloud.add_user(user_name="newuser", password=PASSWORD)
    data = (await site.get("captcha"))["data"]
    assert data["captcha_off"] is False
    kind, _, image = data["captcha"].partition(",")
    assert kind == "data:image/png;base64"
    assert b64decode(image).startswith(b"\x89PNG")
    login = {"user_name": "newuser", "password": PASSWORD}
    assert (await site.post("login", **login))["msg"] == "Graphic code is incorrect"
    answer = await answered_captcha(site)
    answer["captcha"] = answer["captcha"].upper()
    codes = [(await site.post("login", **login, **answer))["code"] for _ in range(2)]
    assert codes == [0, -1]


async def test_captcha_is_spent_by_a_wrong_answer(site: Site) -> None:
    """A wrong answer spends the picture; an empty one does not, and neither does time."""
    cloud = site.simulator.anqicms
    cloud.captcha = True
    cloud.add_user(user_name="newuser", password=PASSWORD)
    login = {"user_name": "newuser", "password": PASSWORD}
    answer = await answered_captcha(site)
    assert (await site.post("login", **login, **{**answer, "captcha": "?"}))["code"] == -1
    assert (await site.post("login", **login, **answer))["code"] == -1
    answer = await answered_captcha(site)
    assert (await site.post("login", **login, **{**answer, "captcha": ""}))["code"] == -1
    site.simulator.advance(DAY)
    assert (await site.post("login", **login, **answer))["code"] == 0


@pytest.mark.parametrize(("version", "code"), [((3, 4, 2), -1), ((3, 4, 3), 0)])
async def test_captcha_in_capitals(site: Site, version: tuple[int, int, int], code: int) -> None:
    """Old versions compare exactly, though they draw capitals."""
    cloud = site.simulator.anqicms
    cloud.version, cloud.captcha = version, True
    cloud.add_user(user_name="newuser", password=PASSWORD)
    answer = await answered_captcha(site)
    answer["captcha"] = f"{answer['captcha']}".upper()
    login = {"user_name": "newuser", "password": PASSWORD}
    # Unless there are only digits in it.
    assert not answer["captcha"].isdecimal()
    assert (await site.post("login", **login, **answer))["code"] == code


# Signing in


@pytest.mark.parametrize(
    "login",
    [
        {"user_name": "newuser"},
        {"user_name": EMAIL},
        {"user_name": PHONE},
        {"email": EMAIL, "user_name": "nobody"},
        {"phone": PHONE},
    ],
)
async def test_login(site: Site, login: dict[str, str]) -> None:
    """A user signs in by name, address or number."""
    site.simulator.anqicms.add_user(
        user_name="newuser", email=EMAIL, phone=PHONE, password=PASSWORD
    )
    answer = await site.post("login", password=f" {PASSWORD} ", **login)
    assert (answer["code"], answer["data"]["id"]) == (0, 1000)


async def test_login_of_old_versions(site: Site) -> None:
    """Before 3.5.2 only `user_name` is read."""
    site.simulator.anqicms.add_user(user_name="newuser", email=EMAIL, password=PASSWORD)
    site.simulator.anqicms.version = (3, 5, 1)
    answer = await site.post("login", password=PASSWORD, email=EMAIL)
    assert answer["msg"] == "Please enter your account"


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ({"user_name": ""}, "Please enter your account"),
        ({"password": "12345"}, "Please enter a password of 6 characters or longer"),
        ({"password": "wrong-pass"}, "Login failed"),
        ({"user_name": "nobody"}, "Login failed"),
        # A name that looks like a number is taken for one.
        ({"user_name": "me13800138000"}, "Login failed"),
    ],
)
async def test_login_refused(site: Site, login: dict[str, str], message: str) -> None:
    """Wrong user and wrong password are not told apart."""
    cloud = site.simulator.anqicms
    for name in ("newuser", "me13800138000"):
        cloud.add_user(user_name=name, password=PASSWORD)
    form = {"user_name": "newuser", "password": PASSWORD, **login}
    assert await site.post("login", **form) == {"code": -1, "msg": message}


@pytest.mark.parametrize(
    ("language", "picture", "failed"),
    [
        ("zh-TW", "圖形碼不正確", "登入失敗"),
        ("pt-BR", "Código gráfico incorreto", "falha no login"),
        ("ru", "Неправильный графический код", "Ошибка входа"),
        ("ja", "間違ったグラフィックコード", "ログインに失敗しました"),
        ("fa", "کد گرافیکی نادرست", "ورود ناموفق بود"),
        ("bn", "ভুল গ্রাফিক্স কোড", "লগইন ব্যর্থ"),
        ("id", "Kode grafis salah", "Gagal masuk"),
    ],
)
async def test_sites_language(site: Site, language: str, picture: str, failed: str) -> None:
    """Signing in answers in the site's language, whatever the client's is."""
    cloud = site.simulator.anqicms
    cloud.language = language
    login = {"user_name": "nobody", "password": PASSWORD}
    assert (await site.post("login", **login))["msg"] == failed
    cloud.captcha = True
    assert (await site.post("login", **login))["msg"] == picture
    answer = await site.post("register", **{**FORM, "user_name": ""})
    assert answer["msg"] == "Please fill in the username and password correctly"


# Tokens


def signed_in(site: Site, lifetime: float = 30 * DAY) -> str:
    """Return a token of a user."""
    cloud = site.simulator.anqicms
    user = cloud.add_user(user_name="newuser", password=PASSWORD)
    return cloud.token(cloud.sites[1], user, lifetime)


async def test_detail(site: Site) -> None:
    """A token tells its user, with no message; `Authorization` is not read."""
    token = signed_in(site)
    answer = await site.get("user/detail", token)
    assert (answer["msg"], answer["data"]["user_name"]) == (None, "newuser")
    url = f"{site.simulator.url}/api/user/detail"
    async with site.session.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
        assert (await response.json())["code"] == 1001


@pytest.mark.parametrize(
    "spoil", [lambda _: "", lambda token: token[:-2], lambda token: f"x{token}"]
)
async def test_bad_token(site: Site, spoil: Callable[[str], str]) -> None:
    """A token that this site has not signed signs nobody in."""
    assert (await site.get("user/detail", spoil(signed_in(site))))["code"] == 1001


async def test_token_ends(site: Site) -> None:
    """In its last hour a token is renewed for a day, after it there is none."""
    token = signed_in(site)
    url, headers = f"{site.simulator.url}/api/user/detail", {"token": token}
    renewals = []
    for seconds in (0, 30 * DAY - HOUR + 60, HOUR):
        site.simulator.advance(seconds)
        async with site.session.get(url, headers=headers) as response:
            renewals.append((response.headers.get("Update-Token"), (await response.json())["code"]))
    (first, _), (second, _), (third, code) = renewals
    assert (first, third, code) == (None, None, 1001)
    assert second is not None
    assert (await site.get("user/detail", second))["code"] == 0


async def test_sites(site: Site) -> None:
    """Each site has its own users; an unknown one is the first."""
    cloud = site.simulator.anqicms
    cloud.add_site(2)
    token = (await site.post("register", site_id="2", **FORM))["data"]["token"]
    assert (len(cloud.sites[1].users), len(cloud.sites[2].users)) == (0, 1)
    codes = [
        (await site.get("user/detail", token, site_id=number))["code"]
        for number in ("2", "1", "9", "x")
    ]
    assert codes == [0, 1001, 1001, 1001]


async def test_name_of_a_site(site: Site) -> None:
    """A site tells how it is called if its owner lets it; an unknown one is the first."""
    cloud = site.simulator.anqicms
    cloud.add_site(2)
    assert (await site.get("setting/system"))["code"] == -1
    cloud.api_open = True
    names = [
        (await site.get("setting/system", site_id=number))["data"]["SiteName"]
        for number in ("1", "2", "9")
    ]
    assert names == ["Simulated site", "Simulated site 2", "Simulated site"]


# What is no interface


async def test_not_installed(site: Site) -> None:
    """An installation that was never set up leads to its set-up."""
    site.simulator.anqicms.installed = False
    assert (await site.page("api/captcha"))[0] == 302


async def test_lang(site: Site) -> None:
    """`lang` is taken out of the address."""
    async with site.session.get(
        f"{site.simulator.url}/api/captcha?lang=en&site_id=1", allow_redirects=False
    ) as response:
        assert (response.status, response.headers["Location"]) == (307, "/api/captcha?site_id=1")


async def test_unknown_path(site: Site) -> None:
    """There is nothing else below /api/."""
    assert (await site.page("api/fly"))[0] == 404


async def test_fault(site: Site) -> None:
    """A planned refusal comes in the site's form."""
    site.simulator.faults.add("api/captcha", kind="code", code=-5, msg="no")
    assert await site.get("captcha") == {"code": -5, "msg": "no"}


# From outside


async def test_control(site: Site) -> None:
    """Users are added from another process."""
    url = f"{site.simulator.url}/_control"
    user = {"cloud": "anqicms", "user_name": "newuser", "password": PASSWORD}
    async with site.session.post(f"{url}/users", json=user) as response:
        assert await response.json() == {"id": 1000}
    async with site.session.get(f"{url}/state") as response:
        state = (await response.json())["anqicms"]
    assert (state["version"], state["sites"]["1"][0]["user_name"]) == ("3.5.8", "newuser")
    with pytest.raises(ValueError, match="taken"):
        site.simulator.anqicms.load("users", {"user_name": "NEWUSER", "password": PASSWORD})
    with pytest.raises(KeyError):
        site.simulator.anqicms.load("plants", {})
