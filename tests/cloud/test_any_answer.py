"""No answer of any cloud, however strange, is more than a typed error to the caller."""

from collections.abc import Callable
from functools import partial
import json
from typing import NamedTuple

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.growatt_onboarding.cloud.anqicms import api as anqicms
from custom_components.growatt_onboarding.cloud.answer import Answer, Reply
from custom_components.growatt_onboarding.cloud.errors import CloudError
from custom_components.growatt_onboarding.cloud.growatt import api as growatt
from custom_components.growatt_onboarding.cloud.model import Account, Captcha
from custom_components.growatt_onboarding.cloud.provider import Endpoint
from custom_components.growatt_onboarding.cloud.quectel import api as quectel
from custom_components.growatt_onboarding.cloud.quectel.session import read_session
from custom_components.growatt_onboarding.cloud.shopxo import api as shopxo

from .helpers import answer_of, printable


class Cloud(NamedTuple):
    """What reads a cloud's answers: replies with the codes that are no errors, and their data."""

    replies: list[tuple[Callable[[Answer], Reply], set[int]]]
    readers: list[Callable[[Reply], object]]


def endpoints(module: object) -> list[Endpoint]:
    return [value for value in vars(module).values() if isinstance(value, Endpoint)]


SHOPXO_RULES = [
    shopxo.common(),
    *(rules(kind) for rules in (shopxo.register, shopxo.send_code) for kind in shopxo.AccountType),
    shopxo.login(),
    shopxo.look(),
    shopxo.token_user(),
]
CLOUDS = {
    "growatt": Cloud(
        replies=[
            (
                partial(growatt.read_reply, endpoint),
                {0, growatt._ANSWERS.get(endpoint, 0)},
            )
            for endpoint in endpoints(growatt)
        ],
        readers=[
            growatt.is_available,
            growatt.registered_id,
            growatt.created_plant_id,
            growatt.nothing,
            growatt.device_kind,
            growatt.location,
            growatt.datalogger_holder,
            partial(growatt.devices, "1", 1),
            partial(growatt.dataloggers, "1", 1),
            partial(growatt.watched, 1),
            lambda reply: [
                growatt.plant(row)
                for row in growatt.page_rows("plants", reply, may_be_blank=True).rows
            ],
        ],
    ),
    "quectel": Cloud(
        replies=[
            (partial(quectel.read_reply, endpoint), {0, 200}) for endpoint in endpoints(quectel)
        ],
        readers=[
            quectel.accepted,
            quectel.registered_id,
            quectel.account_id,
            quectel.bound,
            partial(quectel.sightings, "key", 1),
            lambda reply: read_session(reply.data, 1_800_000_000),
        ],
    ),
    "shopxo": Cloud(
        replies=[
            (partial(shopxo.read_reply, rules), {0, *rules.answers}) for rules in SHOPXO_RULES
        ],
        readers=[shopxo.site, partial(shopxo.account, "owner01"), shopxo.known_user],
    ),
    "anqicms": Cloud(
        replies=[
            (partial(anqicms.read_reply, endpoint), {0, 200}) for endpoint in endpoints(anqicms)
        ],
        readers=[anqicms.captcha_shown, anqicms.picture, anqicms.user, anqicms.exists],
    ),
}
# What the readers look for, and what stands around it.
NAMES = """
error_code error_msg code message msg extMsg data result obj count
plants plant plant_id user_id name devices device_sn datalogger_sn model lost type
dataloggers last_update_time time
deviceSn datalogSn lastPager pages c_user c_user_id c_user_name
uid dk list total hasNextPage accessToken refreshToken token expirationTime sn productKey
config home_user_reg_type home_user_login_type home_site_name agreement_userregister_url id
captcha_off captcha_id captcha email email_verified
""".split()  # noqa: SIM905 - a line for each would be a page

texts = st.text() | st.sampled_from(["", "0", "10011", "[", "{", "[]", "{}", '{"plant_id": 1}'])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
        | inner.map(json.dumps)
    ),
    max_leaves=20,
)
# Answers that pass for the clouds', with anything inside.
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
successes = objects.map(lambda data: {"error_code": 0, "code": 0, "data": data})

every_cloud = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


def read_data(cloud: Cloud, reply: Reply) -> None:
    """Read a reply as each endpoint's, whatever it was."""
    for reader in cloud.readers:
        try:
            found = reader(reply)
        except CloudError:
            continue
        match found:
            case Account():
                assert found.session is None or found.id not in {None, "", "0"}
            case Captcha():
                assert found.image
                assert found.challenge
            case anqicms.User():
                assert int(found.id) > 0
                assert found.token is None or found.token.isascii()
            case shopxo.Site():
                assert all(page.startswith(("http://", "https://")) for _, page in found.agreements)


def read_answer(cloud: Cloud, answer: Answer) -> None:
    for read, successes in cloud.replies:
        try:
            reply = read(answer)
        except CloudError as err:
            assert err.key  # noqa: PT017 - any error will do
        else:
            assert reply.code in successes
            read_data(cloud, reply)


@every_cloud
@given(body=objects | successes | values)
@settings(max_examples=200)
def test_any_json(cloud: Cloud, body: object) -> None:
    read_answer(cloud, answer_of(body))


@every_cloud
@given(body=st.binary(), content_type=st.text())
def test_any_bytes(cloud: Cloud, body: bytes, content_type: str) -> None:
    read_answer(cloud, answer_of(body, content_type))


@every_cloud
@given(code=st.sampled_from([0, 200]), data=objects | values)
@settings(max_examples=400)
def test_any_data_of_a_success(cloud: Cloud, code: int, data: object) -> None:
    read_data(cloud, Reply(code, data))


@every_cloud
@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000, b"1" * 100_000], ids=range(3))
def test_json_that_breaks_parsers(cloud: Cloud, body: bytes) -> None:
    """Nested too deeply, or a number too long."""
    read_answer(cloud, answer_of(body))
    read_answer(cloud, answer_of({"error_code": 0, "code": 0, "data": body.decode()}))


@every_cloud
@given(code=st.integers(-20_000, 20_000), message=st.text())
def test_any_code(cloud: Cloud, code: int, message: str) -> None:
    """Every code is a success that was expected, or an error that shows it."""
    sent = {"code": code, "msg": message, "message": message}
    answer = answer_of(sent, secrets=("secret",))
    for read, successes in cloud.replies:
        found: Reply | CloudError
        try:
            found = read(answer)
        except CloudError as err:
            found = err
        assert found.code == code
        assert isinstance(found, Reply) is (code in successes)
        if isinstance(found, CloudError):
            shown = {key: found.placeholders[key] for key in ("code", "message")}
            assert shown == {"code": str(code), "message": printable(message, without=("secret",))}
