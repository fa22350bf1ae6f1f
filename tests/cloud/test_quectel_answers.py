"""Quectel's answers, older and newer ones, and any nonsense."""

from base64 import urlsafe_b64encode
import json
from typing import Any

import pytest

from custom_components.growatt_onboarding.cloud.answer import Answer, Reply
from custom_components.growatt_onboarding.cloud.errors import (
    UnexpectedAnswerError,
    UnknownCodeError,
)
from custom_components.growatt_onboarding.cloud.model import SightingPage
from custom_components.growatt_onboarding.cloud.quectel import api
from custom_components.growatt_onboarding.cloud.quectel.session import (
    ACCESS_LIFETIME,
    REFRESH_AHEAD,
    Session,
    read_session,
)

NOW = 1_800_000_000
KEY = "p11wN7"
ROW = {"sn": "fakesn0001", "productKey": KEY, "deviceKey": "AABBCC", "deviceType": 1}
SIGHTING = ("FAKESN0001",)


def answer(body: str) -> Answer:
    return Answer(status=200, content_type="application/json", headers={}, body=body.encode())


def serials(data: object, page: int = 1) -> tuple[str, ...]:
    """Return what a device list of this data shows."""
    found = api.sightings(KEY, page, Reply(200, data))
    return tuple(sighting.serial for sighting in found.sightings)


def jwt(claims: object) -> str:
    """Return a token that says this of itself."""
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"Bearer head.{payload}.sealed"


# The envelope


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ('{"code": 200, "data": "C1", "msg": "", "extMsg": ""}', True),
        ('{"code": "200", "data": "C1"}', True),
        ('{"code": 200.0, "data": "C1", "new": {}}', True),
        ('{"code": 0, "data": "C1"}', False),
        ('{"code": "0", "data": "C1"}', False),
        ('\ufeff {"code": 200, "data": "C1"}', True),
    ],
)
def test_success(body: str, *, certain: bool) -> None:
    reply = api.read_reply(api.DEVICE_LIST, answer(body))
    assert (reply.code == 200, reply.data) == (certain, "C1")


@pytest.mark.parametrize(
    "body",
    ['{"data": "C1"}', '{"code": null}', '{"code": true}', '{"code": "ok"}', '{"code": {}}', "{}"],
)
def test_no_code(body: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        api.read_reply(api.DEVICE_LIST, answer(body))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"code": 5999, "msg": "one", "extMsg": "two"}', "one"),
        ('{"code": 5999, "msg": "", "extMsg": "two"}', "two"),
        ('{"code": 5999, "msg": null}', ""),
        ('{"code": 5999, "msg": ["one"]}', ""),
        ('{"code": 5999, "msg": "for FAKE-SECRET"}', "for …"),
    ],
)
def test_message(body: str, message: str) -> None:
    with pytest.raises(UnknownCodeError) as caught:
        api.read_reply(api.DEVICE_LIST, answer(body)._replace(secrets=("", "FAKE-SECRET")))
    assert caught.value.placeholders["message"] == message


# The readers


@pytest.mark.parametrize("data", [{"uid": "C1"}, {"uid": "C1", "new": 1}, '{"uid": "C1"}'])
def test_account_id(data: object) -> None:
    assert api.account_id(Reply(200, data)) == "C1"


@pytest.mark.parametrize("data", [None, "", [], {}, {"uid": ""}, "C1", [{"uid": "C1"}]])
def test_no_account_id(data: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        api.account_id(Reply(200, data))


@pytest.mark.parametrize("data", [None, "", [], {}, {"dk": ""}])
def test_binding_is_confirmed_by_the_code_or_by_the_device(data: object) -> None:
    api.bound(Reply(200, data))
    api.bound(Reply(0, {"dk": "AABBCC", "pk": KEY}))
    with pytest.raises(UnexpectedAnswerError):
        api.bound(Reply(0, data))


# The list of devices


@pytest.mark.parametrize(
    "data",
    [
        {"list": [ROW], "total": 1, "pages": 1},
        {"list": [ROW]},
        [ROW],
        json.dumps({"list": [ROW]}),
        json.dumps([ROW]),
        {"list": json.dumps([ROW])},
        {"list": [json.dumps(ROW)]},
        {"list": [ROW, None, 1, "x", [], {}]},
        {"list": [{**ROW, "deviceType": "1", "bindStatus": "1", "new": {"more": []}}]},
        {"list": [{"sn": "fakesn0001", "productKey": KEY}]},
        {"list": [{"sn": "", "deviceKey": "fakesn0001", "productKey": KEY}]},
        {"list": [{"deviceKey": "fakesn0001", "productKey": KEY}]},
    ],
)
def test_shapes_of_a_list(data: object) -> None:
    assert serials(data) == SIGHTING


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "productKey": "pOTHER"},
        {**ROW, "productKey": "P11WN7"},
        {**ROW, "productKey": None},
        {**ROW, "deviceType": 2},
        {**ROW, "deviceType": "2"},
        {**ROW, "bindStatus": 2},
        {"productKey": KEY},
        {"sn": [], "deviceKey": {}, "productKey": KEY},
    ],
)
def test_rows_that_are_no_device_of_ours(row: dict[str, Any]) -> None:
    assert serials({"list": [row]}) == ()


@pytest.mark.parametrize("data", [[], {"list": []}, {"list": None, "total": 0}, {"total": "0"}])
def test_empty_list(data: object) -> None:
    assert api.sightings(KEY, 1, Reply(200, data)) == SightingPage((), more=False)


@pytest.mark.parametrize("data", [None, "", {}, {"list": None}, {"list": "", "total": 3}, "x", 1])
def test_blank_answer_misses_nobody(data: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        serials(data)


@pytest.mark.parametrize(
    ("listing", "page", "more"),
    [
        ({"hasNextPage": True}, 1, True),
        ({"hasNextPage": "false", "pages": 9}, 1, False),
        ({"pages": 3}, 2, True),
        ({"pages": "3"}, 3, False),
        ({}, 1, False),
        ({"list": [ROW] * api.ROWS_PER_PAGE}, 1, True),
        ({"list": [], "hasNextPage": True}, 2, False),
    ],
)
def test_whether_another_page_follows(listing: dict[str, Any], page: int, *, more: bool) -> None:
    reply = Reply(200, {"list": [ROW], **listing})
    assert api.sightings(KEY, page, reply).more is more


@pytest.mark.parametrize(
    ("status", "online"), [(1, True), ("1", True), (0, False), ("0", False), (None, None)]
)
def test_online(status: object, *, online: bool | None) -> None:
    data = [{**ROW, "onlineStatus": status, "productName": "Model", "authKey": "FAKE-SECRET"}]
    page = api.sightings(KEY, 1, Reply(200, data))
    [sighting] = page.sightings
    assert (sighting.online, sighting.model, sighting.datalogger) == (online, "Model", None)
    assert "FAKE-SECRET" not in repr(page)


# Tokens


def tokens(**changes: object) -> dict[str, object]:
    return {
        "accessToken": {"token": jwt({"uid": "C1"}), "expirationTime": NOW + 1_000},
        "refreshToken": {"token": "Bearer REFRESH", "expirationTime": NOW + 2_000},
        **changes,
    }


def test_session_of_the_documented_answer() -> None:
    session = read_session(tokens(), NOW)
    assert session == Session(
        access_token=jwt({"uid": "C1"}),
        access_expires=NOW + 1_000,
        refresh_token="Bearer REFRESH",
        account_id="C1",
    )
    assert Session.from_dict(session.as_dict()) == session
    assert read_session(json.dumps(tokens()), NOW) == session


def test_session_is_not_printed() -> None:
    session = read_session(tokens(), NOW)
    assert session.access_token not in repr(session)
    assert session.refresh_token not in repr(session)


@pytest.mark.parametrize(
    ("expiration", "claims", "expected"),
    [
        (str(NOW + 1_000), {}, NOW + 1_000),
        ((NOW + 1_000) * 1000, {}, NOW + 1_000),
        (None, {"exp": NOW + 3_000}, NOW + 3_000),
        (0, {"exp": str(NOW + 3_000)}, NOW + 3_000),
        ("soon", {"exp": "soon"}, NOW + ACCESS_LIFETIME),
        (0, {"exp": -1}, NOW + ACCESS_LIFETIME),
        (-1, {}, NOW + ACCESS_LIFETIME),
        # By a clock that is wrong, as a new token is not at its end.
        (NOW - 86_400, {}, NOW + ACCESS_LIFETIME),
        (NOW + REFRESH_AHEAD, {}, NOW + ACCESS_LIFETIME),
        (NOW + REFRESH_AHEAD + 1, {}, NOW + REFRESH_AHEAD + 1),
    ],
)
def test_end_of_a_token(expiration: object, claims: dict[str, object], expected: int) -> None:
    access = {"token": jwt({"uid": 1, **claims}), "expirationTime": expiration}
    session = read_session(tokens(accessToken=access), NOW)
    assert (session.access_expires, session.account_id) == (expected, "1")


@pytest.mark.parametrize(
    "token",
    [
        "Bearer opaque",
        "a.b",
        "a.é.c",
        f"a.{urlsafe_b64encode(b'\xff\xfe').decode()}.c",
        jwt([1]),
        jwt("x"),
    ],
)
def test_token_that_says_nothing(token: str) -> None:
    if not token.isascii():
        with pytest.raises(UnexpectedAnswerError):
            read_session(tokens(accessToken=token), NOW)
        return
    session = read_session(tokens(accessToken=token, refreshToken="Bearer R"), NOW)
    assert (session.access_token, session.account_id) == (token, None)
    assert session.access_expires == NOW + ACCESS_LIFETIME


@pytest.mark.parametrize("missing", [None, "", {}, {"token": ""}, {"token": None}, [], {"x": 1}])
def test_missing_tokens(missing: object) -> None:
    for name in ("accessToken", "refreshToken"):
        with pytest.raises(UnexpectedAnswerError):
            read_session(tokens(**{name: missing}), NOW)


def test_refreshed_session_keeps_what_is_not_told_anew() -> None:
    before = read_session(tokens(), NOW)
    fresh = read_session({"accessToken": {"token": "Bearer NEW"}}, NOW + 5, before)
    assert fresh.access_token == "Bearer NEW"
    assert fresh.access_expires == NOW + 5 + ACCESS_LIFETIME
    assert fresh.refresh_token == "Bearer REFRESH"
    assert fresh.account_id == "C1"


def test_stored_session_without_a_time_is_refreshed() -> None:
    stored = {"access_token": "a", "refresh_token": "b", "access_expires": "x"}
    session = Session.from_dict(stored)
    assert session is not None
    assert session.access_expires == 0
    assert "account_id" not in session.as_dict()
