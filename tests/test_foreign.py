"""Others' words in plain places and in Markdown: all can be read, and none does anything."""

import unicodedata

from hypothesis import given, strategies as st
import pytest

from custom_components.growatt_onboarding.foreign import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Markdown,
    Plain,
    markdown,
    plain,
)

from .escaped import live_marks, read

# Surrogates too, which JSON can carry.
TEXTS = st.text(st.characters(codec=None))
MARKS = st.text(st.sampled_from("\\`*_{}[]<>()#+-=.!|~&@:/;\"'\n\r\t w1xhtps"), max_size=60)
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
FAMILY = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
PERSIAN = "می\N{ZERO WIDTH NON-JOINER}خواهم"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller's **roof** [2.5 kWp] <north>", "Müller's **roof** [2.5 kWp] <north>"),
        ("one\ntwo\r\n\tthree\u2028four\x85five", "one two three four five"),
        (" \x00a\x07b\x1b[31m ", "a b [31m"),
        ("\u202eevil\u202c \u2066b\u2069\u200e", "evil b"),
        ("zero\u200bwidth\ufeff soft\xadhyphen", "zerowidth softhyphen"),
        ("half \ud83d pair", "half pair"),
        (f"{PERSIAN} {FAMILY}", f"{PERSIAN} {FAMILY}"),
        ("", ""),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_plain_is_bounded() -> None:
    assert plain("x" * LONGEST_NAME) == "x" * LONGEST_NAME
    assert plain("x" * (LONGEST_NAME + 1)) == "x" * LONGEST_NAME + "…"
    assert plain("x" * 1_000_000, LONGEST_TEXT) == "x" * LONGEST_TEXT + "…"


@given(TEXTS)
def test_plain_has_no_character_that_is_not_seen(text: str) -> None:
    shown = plain(text)
    assert isinstance(shown, Plain)
    assert len(shown) <= LONGEST_NAME + 1
    assert not [char for char in shown if char.isspace() and char != " "]
    unseen = {char for char in shown if unicodedata.category(char)[0] == "C"}
    assert unseen <= set(JOINERS)
    assert plain(shown) == shown
    # It can be stored and sent.
    shown.encode()


@given(st.one_of(TEXTS, MARKS))
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    shown = markdown(text)
    assert live_marks(shown) == []
    assert read(shown) == plain(text, LONGEST_TEXT)
    # Once is enough.
    assert markdown(shown) is shown


def test_markdown_leaves_a_serial_number_as_it_is() -> None:
    assert markdown("AB-12_C") == "AB-12_C"
    assert markdown("-AB_") == r"\-AB\_"


def test_a_template_is_ours_and_what_is_put_into_it_is_not() -> None:
    name, ours = "*a*\n# b", Markdown("![captcha](data:)")
    made = markdown(t"- **{name}:** {ours}")
    assert made == r"- **\*a\* \# b:** ![captcha](data:)"
    assert isinstance(made, Markdown)
