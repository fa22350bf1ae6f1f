"""The simulated Quectel cloud: as strict as the vendor's pages, over a socket."""

import base64
from dataclasses import dataclass
import json
from typing import Any
from urllib.parse import quote

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
import pytest

from simulator import Simulator
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET, QuectelCloud
from simulator.quectel.api import MESSAGES
from simulator.quectel.password import decrypt, key_and_vector, signature

EMAIL = "owner@example.com"
PASSWORD = "Fake-Passw0rd"
RANDOM = "FAKErandom000001"
SERIAL = "FAKESN00000001"

SEND_EMAIL = "mail/enduserapi/v2/sendEmail"
REGISTER = "enduser/enduserapi/emailPwdRegister"
LOGIN = "enduser/enduserapi/emailPwdLogin"
REFRESH = "enduser/enduserapi/refreshToken"
USER_INFO = "enduser/enduserapi/userInfo"
BIND = "binding/enduserapi/bindDeviceSn"
DEVICES = "binding/enduserapi/userDeviceList"


def encrypt(password: str, random: str = RANDOM) -> str:
    """Return a `pwd` parameter."""
    key, vector = key_and_vector(random)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    padded = padder.update(password.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


@dataclass
class Owner:
    """The plainest client: what is sent is what the test says, by form unless told otherwise."""

    session: aiohttp.ClientSession
    simulator: Simulator
    token: str = ""

    @property
    def cloud(self) -> QuectelCloud:
        """The cloud's state."""
        return self.simulator.quectel

    async def ask(
        self, method: str, path: str, query: dict[str, str] | None = None, /, **form: str
    ) -> Any:
        """Make a call and read the answer as JSON."""
        headers = {"Authorization": self.token} if self.token else {}
        async with self.session.request(
            method,
            f"{self.simulator.url}/v2/{path}",
            params=query,
            data=form or None,
            headers=headers,
        ) as response:
            return await response.json()

    async def code(self, email: str = EMAIL) -> str:
        """Have a code mailed and read it."""
        await self.ask("POST", SEND_EMAIL, email=email, emailType="1", userDomain=USER_DOMAIN)
        return self.simulator.mailbox[-1].code

    def registration(self, **changes: str) -> dict[str, str]:
        """Return the parameters of a registration; an empty change leaves one out."""
        values = {
            "email": EMAIL,
            "code": "000000",
            "pwd": encrypt(PASSWORD),
            "random": RANDOM,
            "userDomain": USER_DOMAIN,
            **changes,
        }
        return {name: value for name, value in values.items() if value}

    async def register(self, **changes: str) -> Any:
        """Register."""
        return await self.ask("POST", REGISTER, **self.registration(**changes))

    async def sign_in(self, password: str = PASSWORD, **changes: str) -> Any:
        """Sign in."""
        values = self.registration(code="", pwd=encrypt(password))
        signed = signature(EMAIL, values["pwd"], RANDOM, USER_DOMAIN_SECRET)
        values = {**values, "signature": signed, **changes}
        return await self.ask("POST", LOGIN, **{k: v for k, v in values.items() if v})

    async def signed_in(self) -> str:
        """Sign in to an account that is made for it, and return the refresh token."""
        self.cloud.add_user(EMAIL, password=PASSWORD)
        data = (await self.sign_in())["data"]
        self.token = data["accessToken"]["token"]
        refresh_token: str = data["refreshToken"]["token"]
        return refresh_token


@pytest.fixture
def owner(simulator: Simulator, session: aiohttp.ClientSession) -> Owner:
    """Return a client without an account."""
    return Owner(session, simulator)


def test_cipher_opens_the_vendors_examples() -> None:
    assert decrypt("lkZMvj0KDSJXlp66jBieHA==", "j1acpdj2bmtqZXVb") == "china1234"
    assert decrypt("KbbO5AsWloh9gulLei6NhQ==\n", "abcdef") == "abcd1234"


# Codes by e-mail


async def test_code_is_mailed(owner: Owner) -> None:
    answer = await owner.ask("POST", SEND_EMAIL, email=EMAIL, emailType="1", userDomain=USER_DOMAIN)
    assert answer == {"code": 200, "msg": "", "data": None, "extMsg": None}
    [message] = owner.simulator.mailbox
    assert (message.cloud, message.to, message.purpose) == ("quectel", EMAIL, "register")
    assert len(message.code) == 6
    assert message.code.isdigit()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"email": "nobody"}, 5040),
        ({"userDomain": "C.DM.1.1"}, 5015),
    ],
)
async def test_no_code_is_mailed(owner: Owner, changes: dict[str, str], code: int) -> None:
    values = {"email": EMAIL, "emailType": "1", "userDomain": USER_DOMAIN, **changes}
    assert (await owner.ask("POST", SEND_EMAIL, **values))["code"] == code
    assert not owner.simulator.mailbox


@pytest.mark.parametrize("kind", ["", "x", "6"])
async def test_kind_of_mail_is_required(owner: Owner, kind: str) -> None:
    answer = await owner.ask(
        "POST", SEND_EMAIL, email=EMAIL, emailType=kind, userDomain=USER_DOMAIN
    )
    assert (answer["status"], answer["error"]) == (400, "Bad Request")


async def test_code_is_good_once(owner: Owner) -> None:
    code = await owner.code()
    assert (await owner.register(code=code))["code"] == 200
    owner.cloud.users.clear()
    assert (await owner.register(code=code))["code"] == 5046


async def test_code_is_good_for_a_while(owner: Owner) -> None:
    code = await owner.code()
    owner.simulator.advance(owner.cloud.code_lifetime + 1)
    assert (await owner.register(code=code))["code"] == 5046
    assert not owner.cloud.users


async def test_code_cannot_be_guessed(owner: Owner) -> None:
    code = await owner.code()
    for _ in range(owner.cloud.code_tries):
        assert (await owner.register(code="x"))["code"] == 5046
    assert (await owner.register(code=code))["code"] == 5046


async def test_only_the_last_code_is_good(owner: Owner) -> None:
    first, second = await owner.code(), await owner.code()
    assert first != second
    assert (await owner.register(code=first))["code"] == 5046
    assert (await owner.register(code=second))["code"] == 200


async def test_code_is_for_one_address_and_user_domain(owner: Owner) -> None:
    code = await owner.code("other@example.com")
    assert (await owner.register(code=code))["code"] == 5046
    owner.cloud.add_user_domain("C.DM.1.1", "FAKE-SECRET")
    code = await owner.code()
    assert (await owner.register(code=code, userDomain="C.DM.1.1"))["code"] == 5046


# Registering


async def test_register(owner: Owner) -> None:
    answer = await owner.register(code=await owner.code(), lang="1", mcc="262")
    [user] = owner.cloud.users.values()
    assert answer == {"code": 200, "msg": "", "data": user.uid, "extMsg": None}
    assert (user.email, user.lang) == (EMAIL, 1)
    assert user.has_password(PASSWORD)


async def test_register_by_query(owner: Owner) -> None:
    """So the vendor's page has it; the secrets in the address are written down."""
    query = owner.registration(code=await owner.code())
    assert (await owner.ask("POST", REGISTER, query))["code"] == 200
    path = f"/v2/{REGISTER}"
    assert owner.cloud.secrets_in_url == [(path, "code"), (path, "pwd"), (path, "random")]
    assert owner.simulator.calls[-1].params["pwd"] == "***"


async def test_register_with_a_plain_password(owner: Owner) -> None:
    """Without a random there is no cipher."""
    code = await owner.code()
    assert (await owner.register(code=code, pwd=PASSWORD, random=""))["code"] == 200
    [user] = owner.cloud.users.values()
    assert user.has_password(PASSWORD)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"userDomain": "sim"}, 5013),
        ({"userDomain": "C.DM.1.1"}, 5015),
        ({"userDomain": "D.IS.1"}, 5104),
        ({"userDomain": ""}, 5023),
        ({"pwd": ""}, 5022),
        ({"email": ""}, 5026),
        ({"email": "taken@example.com"}, 5039),
        ({"email": "Taken@Example.com"}, 5039),
        ({"email": "nobody"}, 5040),
        ({"code": "x"}, 5046),
        ({"code": ""}, 5064),
        ({"pwd": "not base64"}, 5056),
        ({"random": "another"}, 5056),
        ({"pwd": encrypt("short")}, 5056),
        ({"pwd": encrypt("x" * 21)}, 5056),
        ({"pwd": encrypt("with blank")}, 5056),
        ({"pwd": encrypt("Übermut!")}, 5056),
        ({"timezone": "1000"}, 5171),
        ({"nationality": "1000"}, 5172),
        ({"lang": "1000"}, 5173),
        ({"timezone": "-1000"}, 5171),
        ({"nationality": "-1"}, 5172),
        ({"lang": "-1"}, 5173),
        ({"mcc": "460"}, 6084),
        ({"mcc": "1"}, 6085),
    ],
)
async def test_refused_registrations(owner: Owner, changes: dict[str, str], code: int) -> None:
    owner.cloud.add_user_domain("D.IS.1", "FAKE-SECRET", disabled=True)
    owner.cloud.add_user("taken@example.com", password=PASSWORD)
    mailed = await owner.code()
    answer = await owner.register(**{"code": mailed, **changes})
    assert (answer["code"], answer["msg"], answer["data"]) == (code, MESSAGES[code], None)
    assert len(owner.cloud.users) == 1


async def test_option_that_is_no_number(owner: Owner) -> None:
    assert (await owner.register(lang="en"))["status"] == 400
    assert (await owner.register(timezone="--8"))["status"] == 400


async def test_user_domains_have_accounts_of_their_own(owner: Owner) -> None:
    owner.cloud.add_user_domain("C.DM.1.1", "FAKE-SECRET")
    owner.cloud.add_user(EMAIL, password=PASSWORD, user_domain="C.DM.1.1")
    assert (await owner.register(code=await owner.code()))["code"] == 200


# Signing in


async def test_sign_in(owner: Owner) -> None:
    user = owner.cloud.add_user(EMAIL, password=PASSWORD)
    data = (await owner.sign_in())["data"]
    now = owner.simulator.now()
    for name, lifetime in (("accessToken", 7200), ("refreshToken", 2_592_000)):
        assert data[name]["expirationTime"] == int(now + lifetime)
        kind, _, token = data[name]["token"].partition(" ")
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert kind == "Bearer"
        assert (claims["uid"], claims["exp"]) == (user.uid, int(now + lifetime))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"userDomain": "C.DM.1.1"}, 5015),
        ({"email": ""}, 5026),
        ({"pwd": ""}, 5022),
        ({"signature": ""}, 5550),
        ({"signature": "0" * 64}, 5420),
        ({"mcc": "460"}, 6084),
    ],
)
async def test_refused_sign_ins(owner: Owner, changes: dict[str, str], code: int) -> None:
    owner.cloud.add_user(EMAIL, password=PASSWORD)
    assert (await owner.sign_in(**changes))["code"] == code


async def test_sign_in_to_nothing(owner: Owner) -> None:
    assert (await owner.sign_in())["code"] == 5031


async def test_wrong_passwords_freeze_the_account(owner: Owner) -> None:
    owner.cloud.add_user(EMAIL, password=PASSWORD)
    codes = [(await owner.sign_in("Fake-Other-1"))["code"] for _ in range(5)]
    assert codes == [5586, 5585, 5584, 5583, 5147]
    assert (await owner.sign_in())["code"] == 5147
    owner.simulator.advance(1200)
    assert (await owner.sign_in())["code"] == 200


async def test_right_password_clears_the_wrong_ones(owner: Owner) -> None:
    owner.cloud.add_user(EMAIL, password=PASSWORD)
    for password in ("Fake-Other-1", PASSWORD):
        await owner.sign_in(password)
    assert (await owner.sign_in("Fake-Other-1"))["code"] == 5586


# Tokens


async def test_user_info(owner: Owner) -> None:
    await owner.signed_in()
    [user] = owner.cloud.users.values()
    data = (await owner.ask("GET", USER_INFO))["data"]
    assert (data["uid"], data["email"], data["status"]) == (user.uid, EMAIL, 1)


@pytest.mark.parametrize("path", [USER_INFO, DEVICES])
async def test_token_is_required(owner: Owner, path: str) -> None:
    assert (await owner.ask("GET", path))["code"] == 5106
    owner.token = "Bearer FAKE"
    assert (await owner.ask("GET", path))["code"] == 5032


async def test_access_token_ends(owner: Owner) -> None:
    await owner.signed_in()
    # Real time passes as well, on a slow machine more of it.
    owner.simulator.advance(6000)
    assert (await owner.ask("GET", USER_INFO))["code"] == 200
    owner.simulator.advance(1200)
    assert (await owner.ask("GET", USER_INFO))["code"] == 5032


async def test_account_of_the_token_is_gone(owner: Owner) -> None:
    refresh_token = await owner.signed_in()
    owner.cloud.users.clear()
    assert (await owner.ask("GET", USER_INFO))["code"] == 5033
    answer = await owner.ask("PUT", REFRESH, refreshToken=refresh_token)
    assert answer["code"] == 5033


async def test_refresh_token_is_good_once(owner: Owner) -> None:
    refresh_token = await owner.signed_in()
    owner.simulator.advance(7200)
    answer = await owner.ask("PUT", REFRESH, refreshToken=refresh_token)
    owner.token = answer["data"]["accessToken"]["token"]
    assert (await owner.ask("GET", USER_INFO))["code"] == 200
    answer = await owner.ask("PUT", REFRESH, refreshToken=refresh_token)
    assert answer["code"] == 5032
    assert owner.cloud.secrets_in_url == []


async def test_refresh_by_query(owner: Owner) -> None:
    """So the vendor's page has it, and a plus is no blank; the token in the address is recorded."""
    refresh_token = await owner.signed_in()
    answer = await owner.ask("PUT", REFRESH, {"refreshToken": refresh_token})
    assert answer["code"] == 5032
    answer = await owner.ask("PUT", f"{REFRESH}?refreshToken={quote(refresh_token)}")
    assert answer["code"] == 200
    assert owner.cloud.secrets_in_url == [(f"/v2/{REFRESH}", "refreshToken")] * 2


@pytest.mark.parametrize(("missing", "code"), [("code", 5106), ("bad_request", None)])
async def test_refresh_that_is_read_in_one_place_only(
    owner: Owner, missing: Any, code: int | None
) -> None:
    owner.cloud.refresh_in = frozenset({"query"})
    owner.cloud.refresh_missing = missing
    refresh_token = await owner.signed_in()
    answer = await owner.ask("PUT", REFRESH, refreshToken=refresh_token)
    assert answer.get("code") == code
    answer = await owner.ask("PUT", f"{REFRESH}?refreshToken={quote(refresh_token)}")
    assert answer["code"] == 200


async def test_refresh_token_ends(owner: Owner) -> None:
    refresh_token = await owner.signed_in()
    owner.simulator.advance(2_592_000)
    answer = await owner.ask("PUT", REFRESH, refreshToken=refresh_token)
    assert answer["code"] == 5032


async def test_tokens_are_not_interchangeable(owner: Owner) -> None:
    refresh_token = await owner.signed_in()
    access_token, owner.token = owner.token, refresh_token
    assert (await owner.ask("GET", USER_INFO))["code"] == 5032
    answer = await owner.ask("PUT", REFRESH, refreshToken=access_token)
    assert answer["code"] == 5032
    assert (await owner.ask("PUT", REFRESH))["code"] == 5106


# Devices


async def bind(owner: Owner, serial: str = SERIAL, product_key: str = PRODUCT_KEY) -> Any:
    """Ask for a device, by query as clients are known to."""
    return await owner.ask("POST", BIND, {"pk": product_key, "sn": serial})


async def listed(owner: Owner, **query: str) -> Any:
    """List the devices."""
    return (await owner.ask("GET", DEVICES, query))["data"]


async def test_device_is_associated_when_it_comes_online(owner: Owner) -> None:
    await owner.signed_in()
    device = owner.cloud.add_device(SERIAL)
    answer = await bind(owner)
    assert answer["data"]["dk"] == device.device_key
    assert (await listed(owner))["list"] == []
    owner.cloud.bring_online(SERIAL)
    [row] = (await listed(owner))["list"]
    assert (row["sn"], row["productKey"], row["onlineStatus"]) == (SERIAL, PRODUCT_KEY, 1)
    owner.cloud.take_offline(SERIAL)
    [row] = (await listed(owner))["list"]
    assert (row["onlineStatus"], row["deviceStatus"]) == (0, "Offline")
    owner.cloud.release(SERIAL)
    assert (await listed(owner))["list"] == []


async def test_device_comes_online_by_itself(owner: Owner) -> None:
    await owner.signed_in()
    owner.cloud.add_device(SERIAL, online_after=60)
    await bind(owner)
    owner.simulator.advance(59)
    assert (await listed(owner))["total"] == 0
    owner.simulator.advance(1)
    assert (await listed(owner))["total"] == 1


async def test_devices_may_be_listed_while_offline(owner: Owner) -> None:
    await owner.signed_in()
    owner.cloud.lists_offline = True
    owner.cloud.add_device(SERIAL)
    await bind(owner)
    [row] = (await listed(owner))["list"]
    assert row["onlineStatus"] == 0


async def test_devices_are_made_on_the_fly(owner: Owner) -> None:
    await owner.signed_in()
    simulation = owner.simulator.simulation
    assert (await bind(owner))["code"] == 5090
    simulation.accept_any, simulation.offline_for = True, 30
    assert (await bind(owner))["code"] == 200
    assert (await bind(owner, "no serial"))["code"] == 5090
    owner.simulator.advance(30)
    assert (await listed(owner))["total"] == 1


async def test_refused_bindings(owner: Owner) -> None:
    assert (await bind(owner))["code"] == 5106
    await owner.signed_in()
    cloud = owner.cloud
    cloud.add_product("pOTHER", "Other", user_domains={"C.DM.1.1"})
    cloud.add_product("pEMPTY", "Empty")
    cloud.add_device(SERIAL)
    cloud.add_device("FAKESNCHINA", data_center="china")
    for serial, product_key, code in (
        (SERIAL, "", 5066),
        ("", PRODUCT_KEY, 5088),
        (SERIAL, "pNONE", 5553),
        (SERIAL, "pOTHER", 5229),
        (SERIAL, "pEMPTY", 5090),
        ("FAKESNNOBODY", PRODUCT_KEY, 5090),
        ("FAKESNCHINA", PRODUCT_KEY, 6083),
    ):
        assert (await bind(owner, serial, product_key))["code"] == code
    assert not cloud.devices[SERIAL].requested


@pytest.mark.parametrize("online", [False, True])
async def test_device_is_bound_once(owner: Owner, *, online: bool) -> None:
    await owner.signed_in()
    owner.cloud.add_device(SERIAL, online=online)
    assert [(await bind(owner))["code"] for _ in range(2)] == [200, 5049]


async def test_device_of_somebody_else(owner: Owner) -> None:
    await owner.signed_in()
    cloud = owner.cloud
    other = cloud.add_user("other@example.com", password=PASSWORD)
    cloud.accept(cloud.add_device(SERIAL, online=True), other)
    assert (await bind(owner))["code"] == 5412
    cloud.products[PRODUCT_KEY].unique = False
    assert (await bind(owner))["code"] == 200
    assert (await listed(owner))["total"] == 1
    assert cloud.devices[SERIAL].bound.keys() == set(cloud.users)


async def test_pages(owner: Owner) -> None:
    await owner.signed_in()
    owner.cloud.add_product("pOTHER", "Other")
    [user] = owner.cloud.users.values()
    for number in range(12):
        key = PRODUCT_KEY if number % 2 else "pOTHER"
        device = owner.cloud.add_device(f"FAKESN{number:08}", product_key=key, online=True)
        owner.cloud.accept(device, user)
    first = await listed(owner)
    assert (len(first["list"]), first["total"], first["pages"]) == (10, 12, 2)
    assert (first["hasNextPage"], first["isLastPage"]) == (True, False)
    second = await listed(owner, page="2")
    assert (len(second["list"]), second["hasNextPage"]) == (2, False)
    assert (await listed(owner, page="3"))["list"] == []
    some = await listed(owner, pkList=f"{PRODUCT_KEY},pNONE", pageSize="4")
    assert (some["total"], some["pages"]) == (6, 2)
    for query in ({"page": "0"}, {"pageSize": "x"}, {"page": "-1"}):
        assert (await owner.ask("GET", DEVICES, query))["status"] == 400


# The rest


async def test_other_answer_styles(owner: Owner) -> None:
    cloud = owner.cloud
    cloud.success_code, cloud.uid_in_object, cloud.numbers_as_strings = 0, True, True
    answer = await owner.register(code=await owner.code())
    assert answer == {
        "code": 0,
        "msg": "",
        "data": {"uid": next(iter(cloud.users))},
        "extMsg": None,
    }
    data = (await owner.sign_in())["data"]
    assert isinstance(data["accessToken"]["expirationTime"], str)
    owner.token = data["accessToken"]["token"]
    listing = await listed(owner)
    assert (listing["list"], listing["total"], listing["hasNextPage"]) == ([], "0", False)


async def test_paths_and_methods(owner: Owner) -> None:
    answer = await owner.ask("GET", "enduser/enduserapi/nothing")
    assert (answer["status"], answer["path"]) == (404, "/v2/enduser/enduserapi/nothing")
    url = f"{owner.simulator.url}/v2/{REGISTER}"
    async with owner.session.get(url) as response:
        assert response.status == 405


async def test_control_interface(owner: Owner) -> None:
    """Another process can add things and read codes, and is told no secret."""
    url = f"{owner.simulator.url}/_control"
    for kind, item in (
        ("users", {"email": EMAIL, "password": PASSWORD}),
        ("devices", {"sn": SERIAL, "online": True}),
    ):
        json_body = {"cloud": "quectel", **item}
        async with owner.session.post(f"{url}/{kind}", json=json_body) as response:
            assert response.status == 201
    async with owner.session.post(f"{url}/plants", json={"cloud": "quectel"}) as response:
        assert response.status == 404
    assert (await owner.sign_in())["code"] == 200
    code = await owner.code("other@example.com")
    async with owner.session.get(f"{url}/mailbox") as response:
        assert (await response.json())["messages"][-1]["code"] == code
    async with owner.session.get(f"{url}/state") as response:
        text = await response.text()
    state = json.loads(text)["quectel"]
    assert [user["email"] for user in state["users"]] == [EMAIL]
    assert [device["sn"] for device in state["devices"]] == [SERIAL]
    auth_key = owner.cloud.devices[SERIAL].auth_key
    secrets = [PASSWORD, USER_DOMAIN_SECRET, code, auth_key, *owner.cloud.tokens]
    assert not [secret for secret in secrets if secret in text]
