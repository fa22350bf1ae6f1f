"""Reading values that came as something else."""

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.growatt_onboarding.cloud.answer import (
    as_flag,
    as_int,
    as_list,
    as_message,
    as_object,
    as_text,
    image_type,
)

from .helpers import printable
from .spellings import SPELLINGS, Spelling, tells


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (" a\n", "a"),
        ("a\x00b\u202ec\ud800d", "a b c d"),
        ("", None),
        ("  ", None),
        pytest.param("a" * 8_000, "a" * 8_000, id="long"),
        pytest.param("a" * 8_001, None, id="too long"),
        (7, "7"),
        (-7, "-7"),
        (7.0, "7"),
        (7.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (1e300, None),
        (2**63 - 1, "9223372036854775807"),
        (2**64, None),
        (float(2**53), None),
        pytest.param(10**5000, None, id="huge"),
        (True, None),
        (None, None),
        ([], None),
        ({}, None),
    ],
)
def test_text(value: object, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (10011, 10011),
        ("10011", 10011),
        (" 10011 ", 10011),
        ("-1", -1),
        ("+1", 1),
        ("0.0", 0),
        (0.0, 0),
        ("", None),
        ("0x1", None),
        ("1e3", None),
        ("\u0661", None),
        ("1" * 5000, None),
        (False, None),
        (None, None),
        ({}, None),
    ],
)
def test_int(value: object, number: int | None) -> None:
    assert as_int(value) == number


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        (1, True),
        ("0", False),
        ("", None),
        (2, None),
        (None, None),
        ([], None),
    ],
)
def test_flag(value: object, *, flag: bool | None) -> None:
    assert as_flag(value) is flag


def test_containers() -> None:
    assert as_object({"a": 1}) == {"a": 1}
    assert as_object(' {"a": 1}') == {"a": 1}
    assert as_list([1]) == [1]
    assert as_list("[1]") == [1]
    for other in ("", "[1", "{", '{"a": 1} x', None, 1):
        assert as_object(other) is None
        assert as_list(other) is None
    assert as_object([1]) is None
    assert as_object("[1]") is None
    assert as_list({"a": 1}) is None


def test_lists_that_are_longer_than_any_page() -> None:
    assert as_list([0] * 5_000) == [0] * 5_000
    assert as_list([0] * 5_001) is None
    assert as_list(str([0] * 5_001)) is None


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (("a", "b"), "a"),
        ((None, " ", "b"), "b"),
        ((7,), "7"),
        ((None,), ""),
        pytest.param(("a" * 5_000, "b"), "a" * 1_000, id="long"),
    ],
)
def test_messages(sent: tuple[object, ...], message: str) -> None:
    assert as_message(*sent) == message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("error_permission_denied", "error_permission_denied"),
        (" two\r\n lines\t", "two lines"),
        ("<b>bold</b> [x](y) `c` *d*", "b bold /b x (y) c d"),
        ("see https://evil.example/x now, or WWW.evil.example", "see now, or"),
        ("see h`ttp:|//evil.example/x or ://evil.example", "see or"),
        ("a\u202eb\x1b[31m", "a b 31m"),
        ("x" * 500, "x" * 200 + "…"),
        ("", ""),
    ],
)
def test_message_is_fit_to_be_shown(message: str, shown: str) -> None:
    """Short, on one line, without markup and addresses."""
    assert printable(message) == shown


@given(message=st.text())
def test_any_message(message: str) -> None:
    shown = printable(message)
    assert len(shown) <= 201
    assert not set(shown) & set("<>[]`*\n\r")
    assert "://" not in shown
    assert shown.isprintable() or not shown.isascii()


def test_message_repeats_no_secret() -> None:
    assert printable("bad token abc, abc!", without=("abc", "")) == "bad token …, …!"


@pytest.mark.parametrize(
    ("secret", "repeated"),
    [
        (" Fake-1 ", "Fake-1"),
        ("Fake\u200bPass", "Fake Pass"),
        ("Fake\u200b", "Fake"),
        ("Fa<k>e&'\"1", "Fa<k>e&'\"1"),
        ("Fa<k>e&'\"1", "Fa&lt;k&gt;e&amp;&#x27;&quot;1"),
        ("Fa<k>e&'\"1", "Fa&lt;k&gt;e&amp;&#039;&quot;1"),
        ("Fa<k>e&'\"1", "Fa&lt;k&gt;e&amp;'&quot;1"),
        (" Fa<k>\u200be ", "Fa&lt;k&gt; e"),
        ("`*#|", "`*#|"),
    ],
)
def test_message_repeats_no_spelling_of_a_secret(secret: str, repeated: str) -> None:
    """Nor as it looks once blanks are gone, or escaped for a web page."""
    assert printable(f"no: {repeated}!", without=("1", secret)) == "no: …!"


SECRETS = (
    "Fake-Passw0rd",
    "Fa+ke pä\"ss\\w0rd&<1>'/~",
    "100%25 \\u0041 &amp; \\n",
    "密码🔑geheim",
    "bearer of\u200bnews",
    "k7Pw",
)


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_message_repeats_no_secret_however_spelled(secret: str, spell: Spelling) -> None:
    shown = printable(f"no: {spell(secret)}!", without=("x" * 9, secret))
    assert not tells(shown, secret)
    assert shown.startswith("no: ")
    assert shown.endswith("!")


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS[:4])
def test_message_repeats_no_long_part_of_a_secret(secret: str, spell: Spelling) -> None:
    for part in (secret[:9], secret[-9:], secret[2:]):
        assert not tells(printable(f"no {spell(part)}", without=(secret,)), secret)


@given(
    secret=st.text(st.characters(exclude_categories=("C", "Z")), min_size=8, max_size=40),
    spell=st.sampled_from(list(SPELLINGS.values())),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
)
@settings(max_examples=500)
def test_any_secret(secret: str, spell: Spelling, before: str, after: str) -> None:
    shown = printable(f"{before} {spell(secret)} {after}", without=(secret,))
    assert not tells(shown, secret, part=12)


def test_token_without_what_it_begins_with() -> None:
    token = "Bearer eyJhbGciOi.Fake.Token"
    assert printable("bad eyJhbGciOi.Fake.Token", without=(token,)) == "bad …"
    assert printable("Bearer is missing", without=(token,)) == "Bearer is missing"


def test_message_repeats_no_part_of_several_secrets() -> None:
    """One secret may be a part of another."""
    assert printable("bad abc123", without=("abc", "abc123", "123")) == "bad …"


def test_secret_too_long_to_be_looked_for() -> None:
    """Then nothing is shown."""
    assert printable("any word", without=("a" * 10_000,)) == "…"


@pytest.mark.parametrize(
    ("image", "media_type"),
    [
        (b"GIF87a...", "image/gif"),
        (b"GIF89a...", "image/gif"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"<svg>", None),
        (b"BM...", None),
        (b"", None),
    ],
)
def test_image_type(image: bytes, media_type: str | None) -> None:
    """A picture is what its first bytes say."""
    assert image_type(image) == media_type
