"""However much a server sends or a person pastes, the work grows no faster than it, if at all."""

from collections.abc import Iterable
from contextlib import suppress
import json
from pathlib import Path

import pytest

from custom_components.growatt_onboarding import cloud
from custom_components.growatt_onboarding.cloud import fields, registry
from custom_components.growatt_onboarding.cloud.errors import CloudError, InvalidInputError
from custom_components.growatt_onboarding.cloud.servers import resolve
from custom_components.growatt_onboarding.cloud.transport import MAX_ANSWER_BYTES

from .calls import EVERY_CALL, TYPED, Answered, ClientCall, Http
from .work import Work, counted

# No pattern has to run over more, whatever arrives.
LONGEST_LOOKED_AT = 10_000
LONG = 12_000
# Texts that patterns go over again and again, or that grow when they are rewritten.
STUBBORN = (
    *("x", "1", "13", " ", "(", "x ", "\u200b", "\u0301\u0316", "www.", "a://", "/v1", "a.", "-"),
    *("%41", "%C3", "&amp;", "&#9;", "&", "\\", "\\u0041", "\\x41", "fake-tok", "Bearer "),
)
# Under which names a cloud sends its words, and codes that make an error of each kind of them.
_WORDS = ("error_msg", "message", "msg", "extMsg")
_CODES = (10001, 100, -1, -100, 5013)
# Names of lists, and a row that has a bit of everything.
_LISTS = ("plants", "devices", "dataloggers", "data", "c_user", "list")
_ROW = {
    "plant_id": 1,
    "user_id": 7,
    "name": "Home",
    "device_sn": "A1",
    "deviceSn": "A1",
    "c_user_id": 7,
    "c_user_name": "owner01",
    "sn": "A1",
    "productKey": "p1key",
    "last_update_time": {"time": "1700000000000"},
}

every_call = pytest.mark.parametrize("call", EVERY_CALL, ids=str)
# All calls of a cloud read its messages in the same way.
every_cloud = pytest.mark.parametrize("call", {it.cloud: it for it in EVERY_CALL}.values(), ids=str)


def stubborn_texts(length: int, end: str = "") -> list[str]:
    """Return texts of about this length."""
    return [piece * (length // len(piece)) + end for piece in STUBBORN]


def refusals(text: str) -> list[dict[str, object]]:
    """Return refusals that say this."""
    return [{"error_code": code, "code": code, **dict.fromkeys(_WORDS, text)} for code in _CODES]


def successes(value: object) -> list[dict[str, object]]:
    """Return successes that hold this wherever something is looked for."""
    names = "plant_id user_id id uid token captcha_id accessToken refreshToken captcha captcha_off"
    more = "home_user_reg_type agreement_userregister_url"
    inside = dict.fromkeys((*names.split(), *more.split()), value)
    return [{"error_code": 0, "code": 0, "data": data} for data in (inside, {"plant": inside})]


async def work_of(call: ClientCall, bodies: Iterable[object]) -> Work:
    """Return the work that a call is when its requests get each of these answers."""
    with counted() as work:
        for body in bodies:
            sent = (
                body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
            )
            assert len(sent) <= MAX_ANSWER_BYTES
            answered = Answered(sent)
            with suppress(CloudError, NotImplementedError):
                await call.ask(Http(lambda answered=answered: answered))
    return work


# What a server sends


@every_call
async def test_no_pattern_sees_a_long_answer(call: ClientCall) -> None:
    bodies = [
        body
        for text in stubborn_texts(LONG)
        for body in (refusals(text)[0], *successes(text), text.encode(), f"<{text}".encode())
    ]
    work = await work_of(call, bodies)
    assert len(work.longest) < LONGEST_LOOKED_AT


@every_cloud
async def test_a_long_message_is_no_more_work(call: ClientCall) -> None:
    short, long = (
        [body for text in stubborn_texts(length) for body in refusals(text)]
        for length in (LONG // 4, LONG)
    )
    assert (await work_of(call, long)).steps <= 1.1 * (await work_of(call, short)).steps


@every_call
async def test_a_long_list_is_its_share_of_work(call: ClientCall) -> None:
    """Twice the rows are at most twice the work, and what nobody would send is not read."""

    async def steps(rows: int, row: object) -> int:
        filled = {name: [row] * rows for name in _LISTS}
        return (await work_of(call, [{"error_code": 0, "code": 0, "data": filled}])).steps

    once = await steps(400, _ROW)
    assert await steps(800, _ROW) <= 2.2 * once
    for row in ({}, 0, "{"):
        assert await steps(33_000, row) <= 15 * once


# What a person pastes


@pytest.mark.parametrize("end", ["", "!", "@"])
def test_no_pattern_sees_a_long_paste(end: str) -> None:
    with counted() as work:
        for text in stubborn_texts(LONG, end):
            for check in (fields.email, fields.optional_phone, _number):
                with suppress(InvalidInputError):
                    check({"name": text}, "name")
            fields.compact_phone(text)
            for provider in registry.providers():
                with suppress(InvalidInputError):
                    resolve(provider, text)
    assert len(work.longest) < LONGEST_LOOKED_AT


@every_call
async def test_no_client_looks_at_a_long_paste(
    monkeypatch: pytest.MonkeyPatch, call: ClientCall
) -> None:
    for name in TYPED:
        for text in stubborn_texts(LONG):
            monkeypatch.setitem(TYPED, name, text)
            work = await work_of(call, successes("1"))
            assert len(work.longest) < LONGEST_LOOKED_AT
        monkeypatch.undo()


def _number(values: dict[str, str], name: str) -> float | None:
    return fields.optional_number(values, name, 0, 1)


def test_every_pattern_is_counted() -> None:
    """A compiled pattern would be looked through unseen."""
    for file in Path(cloud.__file__).parent.rglob("*.py"):
        assert "re.compile" not in file.read_text(encoding="utf-8")
