"""No answer, however strange, is more than a typed error to the caller."""

import json
import string

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.growatt_onboarding.cloud.answer import Answer, Reply, printable
from custom_components.growatt_onboarding.cloud.errors import CloudError, InvalidInputError
from custom_components.growatt_onboarding.cloud.growatt import GROWATT, api
from custom_components.growatt_onboarding.cloud.model import Plant
from custom_components.growatt_onboarding.cloud.provider import Endpoint
from custom_components.growatt_onboarding.cloud.servers import resolve

NAMES = [
    "error_code",
    "error_msg",
    "code",
    "message",
    "data",
    "result",
    "obj",
    "count",
    "plants",
    "plant",
    "plant_id",
    "user_id",
    "name",
    "devices",
    "device_sn",
    "datalogger_sn",
    "model",
    "lost",
    "deviceSn",
    "datalogSn",
    "c_user",
    "c_user_id",
    "c_user_name",
]
ENDPOINTS = list(api.CODES)

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
# Answers that pass for the cloud's, with anything inside.
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=6) | st.fixed_dictionaries(
    {"error_code": st.just(0), "data": st.dictionaries(st.sampled_from(NAMES), values, max_size=4)}
)


def read_everything(reply: Reply) -> None:
    """Read a reply as each endpoint's, whatever it was."""
    for reader in (
        api.is_available,
        api.registered_id,
        api.created_plant_id,
        api.nothing,
        api.device_kind,
        api.location,
        lambda reply: api.sightings("1", reply),
        lambda reply: api.watched(1, reply),
        lambda reply: [api.plant(row) for row in api.page_rows("plants", reply, may_be_blank=True)],
    ):
        try:
            found = reader(reply)
        except CloudError:
            continue
        if isinstance(found, list):
            assert all(plant is None or isinstance(plant, Plant) for plant in found)


def read_body(endpoint: Endpoint, body: bytes, content_type: str = "application/json") -> None:
    """Read a body as an endpoint's answer."""
    answer = Answer(status=200, content_type=content_type, headers={}, body=body)
    try:
        reply = api.read_reply(endpoint, answer, ("secret",))
    except CloudError:
        return
    read_everything(reply)


@given(endpoint=st.sampled_from(ENDPOINTS), body=bodies | values)
@settings(max_examples=400)
def test_any_json(endpoint: Endpoint, body: object) -> None:
    """Any JSON in any place."""
    read_body(endpoint, json.dumps(body).encode())


@given(endpoint=st.sampled_from(ENDPOINTS), body=st.binary(), content_type=st.text())
@settings(max_examples=300)
def test_any_bytes(endpoint: Endpoint, body: bytes, content_type: str) -> None:
    """Anything at all."""
    read_body(endpoint, body, content_type)


@given(data=values)
@settings(max_examples=400)
def test_any_data_of_a_success(data: object) -> None:
    """A success with anything as its data."""
    read_everything(Reply(0, data))


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000, b"1" * 100_000])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_json_that_breaks_parsers(endpoint: Endpoint, body: bytes) -> None:
    """Nested too deeply, or a number too long."""
    read_body(endpoint, body)
    read_body(endpoint, b'{"error_code": 0, "data": ' + json.dumps(body.decode()).encode() + b"}")


@given(endpoint=st.sampled_from(ENDPOINTS), code=st.integers(-(10**6), 10**6), message=st.text())
def test_any_code(endpoint: Endpoint, code: int, message: str) -> None:
    """Every code makes an error that tells it."""
    body = json.dumps({"error_code": code, "error_msg": message}).encode()
    answer = Answer(status=200, content_type="application/json", headers={}, body=body)
    found: Reply | CloudError
    try:
        found = api.read_reply(endpoint, answer, ())
    except CloudError as error:
        found = error
    assert found.code == code
    if isinstance(found, CloudError):
        assert found.placeholders == {"code": str(code), "message": printable(message)}


@given(message=st.text())
def test_any_message(message: str) -> None:
    """What is shown is short, printable and without markup, and stays so."""
    shown = printable(message)
    assert len(shown) <= 201
    assert not set(shown) & set("<>[]`*\n\r")
    assert "://" not in shown
    assert shown.isprintable() or not shown.isascii()


@given(typed=st.text() | st.text(alphabet=string.ascii_letters + string.digits + ".:/[]@-%"))
@settings(max_examples=500)
def test_any_address(typed: str) -> None:
    """An address is refused, or gets a spelling that normalising does not change."""
    for start in ("", "http://", "https://"):
        try:
            url = resolve(GROWATT, start + typed)
        except InvalidInputError:
            continue
        assert resolve(GROWATT, url) == url
        assert url.startswith(("http://", "https://"))
        assert url.isascii()
