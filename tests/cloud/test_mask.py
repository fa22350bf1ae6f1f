"""No cloud makes us say a secret that we sent it, wherever and however it repeats it."""

from collections.abc import Iterator, Mapping
from itertools import product
import json
from pathlib import Path
import re

import pytest

from custom_components.growatt_onboarding import cloud
from custom_components.growatt_onboarding.cloud.errors import CloudError
from custom_components.growatt_onboarding.cloud.mask import MASK, masked

from .calls import EVERY_CALL, Answered, ClientCall, Http
from .helpers import everything_said
from .spellings import SPELLINGS, Spelling, tells

_CODES = (10001, 10003, -1, -4, -999, 5046)
# What in a request is secret.
_SECRET = frozenset(
    {"token", "authorization", "user_password", "pwd", "password", "code", "verify", "captcha"}
    | {"refreshtoken", "signature", "random", "user_email"}
)


def echoes(said: str) -> Iterator[Answered]:
    """Yield answers that say this in each place that a text of ours is made of."""
    for code in _CODES:
        words = dict.fromkeys(("error_msg", "message", "msg", "extMsg"), said)
        yield Answered(json.dumps({"error_code": code, "code": code, **words}).encode())
    yield Answered(b"page", content_type=said)
    yield Answered(b"{}", headers={"Content-Encoding": said})
    yield Answered(b"", status=302, headers={"Location": f"https://{said}.example/{said}"})
    yield Answered(b"", status=302, headers={"Location": f"{said}://host"})


def secrets_of(secrets: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in secrets.items() if name.lower() in _SECRET and text}


async def told_by(call: ClientCall, spell: Spelling, place: int) -> list[str]:
    """Return the names of the secrets that an error tells whose answers repeat them."""
    sent: dict[str, str] = {}

    def answer() -> Answered:
        sent.update(secrets_of(http.sent))
        repeated = " | ".join(map(spell, secrets_of(http.sent).values()))
        return list(echoes(f"no {repeated}"))[place]

    http = Http(answer)
    try:
        await call.ask(http)
    except CloudError as err:
        said = everything_said(err)
        return [name for name, secret in sent.items() if tells(said, secret)]
    except NotImplementedError:
        pass
    return []


@pytest.mark.parametrize("call", EVERY_CALL, ids=str)
async def test_no_call_repeats_what_was_secret(call: ClientCall) -> None:
    places = len(list(echoes("")))
    for spell, place in product(SPELLINGS.values(), range(places)):
        assert await told_by(call, spell, place) == []


def test_every_text_of_an_answer_is_masked() -> None:
    """There is one way to make one, and it knows the secrets."""
    for file in Path(cloud.__file__).parent.rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        assert not re.search(r"(?<!\.)(?<!def )printable\(", code.replace("isprintable", "")), file
        if file.name not in {"mask.py", "answer.py"}:
            assert "masked(" not in code


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("nothing in it", "nothing in it"),
        ("passwor", "passwor"),
        ("my passworD-42, yours", f"my {MASK}, yours"),
        ("password-password", MASK),
        ("password word-42", f"{MASK} word-42"),
        ("pass word and word-42", f"{MASK} and word-42"),
        ("%70assword%2d42 %", f"{MASK} %"),
        ("&#112;assword&#45;42;", f"{MASK};"),
        (r"\u0070assword-42\ ", f"{MASK}\\ "),
    ],
)
def test_what_is_hidden(text: str, shown: str) -> None:
    assert masked(text, ["password-42", ""]) == shown


def test_a_short_secret_is_hidden_as_a_whole() -> None:
    assert masked("k7Pw, K7pw, k7P", ["k7Pw"]) == f"{MASK}, {MASK}, k7P"
