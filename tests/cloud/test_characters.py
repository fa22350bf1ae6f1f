"""Which characters a text may hold, by the kind of the field that it was typed into."""

from collections.abc import Callable
from itertools import combinations
import sys
import unicodedata

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.growatt_onboarding.cloud import characters, fields, registry
from custom_components.growatt_onboarding.cloud.answer import as_text
from custom_components.growatt_onboarding.cloud.errors import InvalidInputError
from custom_components.growatt_onboarding.cloud.model import Values
from custom_components.growatt_onboarding.cloud.provider import (
    EMAIL_FIELD,
    PASSWORD_FIELD,
    PHONE_FIELD,
    USERNAME_FIELD,
    Field,
    FieldKind,
)

from .work import counted

type Read = Callable[[Values, str], str | None]

# What copied texts bring along: a BOM, a soft hyphen, a grapheme joiner, spaces without width,
# marks, embeddings and isolates of direction, fillers, an invisible plus, a deprecated tag.
NEVER_MEANT = (
    "\ufeff\u00ad\u034f\u200b\u2060\u200e\u200f\u061c\u202a\u202c\u202e\u2066\u2069"
    "\u3164\uffa0\u115f\u2064\ufff9\ufffc\U000e0001"
)
# What shapes nothing between letters of ours.
JOINERS = "\u200c\u200d\ufe0f\u180b\U000e0067"
BLANKS = "\u00a0\u2007\u202f\u2009\u205f\u3000"
CONTROLS = "\0\t\n\r\x1b\x7f\x85\u2028\u2029\ud800"
# Words and emoji that are others, or none, without the invisible characters in them.
MEANT = {
    "persian": "\u062e\u0627\u0646\u0647\u200c\u0627\u06cc",
    "arabic": "\u0647\u200d.",
    "marks": "\u0628\u0650\u200c\u0628",
    "sinhala": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "malayalam": "\u0d05\u0d35\u0d28\u0d4d\u200d",
    "hindi": "\u0915\u094d\u200c\u0937",
    "bengali": "\u09b0\u200d\u09cd\u09af\u09be\u09ac",
    "mongolian": "\u182d\u180b \u1820\u180e\u1820",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "farmer": "\U0001f469\U0001f3fd\u200d\U0001f33e",
    "detective": "\U0001f575\ufe0f\u200d\u2642\ufe0f",
    "pride": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "shaking": "\U0001f642\u200d\u2194\ufe0f",
    "england": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "heart": "\u2764\ufe0f",
    "key": "1\ufe0f\u20e3",
    "ideograph": "\u6e21\u8fba\U000e0100",
}
FIELDS: dict[str, Field] = {
    field.name: field for provider in registry.providers() for field in provider.register_fields
} | {field.name: field for provider in registry.providers() for field in provider.credential_fields}

texts = st.text(
    st.sampled_from("ab1 #*" + NEVER_MEANT + JOINERS + BLANKS + CONTROLS + "".join(MEANT.values()))
    | st.characters()
)


def read(field: Field, typed: str) -> str | None:
    return field.read({field.name: typed})


def refused(field: Field, typed: str) -> str:
    """Return the names of the characters that are refused, which has to be at the field."""
    with pytest.raises(InvalidInputError) as caught:
        read(field, typed)
    assert (caught.value.key, caught.value.field) == ("invalid_characters", field.name)
    return caught.value.placeholders["characters"]


# Every kind of field


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("char", NEVER_MEANT + JOINERS, ids=lambda char: f"{ord(char):x}")
def test_what_is_never_meant_is_in_no_field(field: Field, char: str) -> None:
    """It goes, but a password is not changed: nobody could type the other one elsewhere."""
    for typed in (f"ab{char}c1", f"{char}abc1", f"abc1{char}", f"{char} \nabc1\u00a0{char}\n"):
        if field.kind is FieldKind.PASSWORD:
            assert f"U+{ord(char):04X}" in refused(field, typed)
        else:
            assert read(field, typed) == "abc1"
    if field.kind is not FieldKind.PASSWORD and not field.required:
        assert read(field, char) is None


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("char", CONTROLS, ids=lambda char: f"{ord(char):x}")
def test_a_control_character_is_named(field: Field, char: str) -> None:
    assert f"U+{ord(char):04X}" in refused(field, f"ab{char}c")


@pytest.mark.parametrize("word", MEANT.values(), ids=MEANT)
def test_what_is_meant_stays_in_names_and_passwords(word: str) -> None:
    """A cloud that sends the name back is understood to have it."""
    for field in (USERNAME_FIELD, PASSWORD_FIELD):
        for typed in (word, f"A {word}", f"{word} B", f"{word}{word}"):
            assert read(field, typed) == typed
            assert as_text(typed) == typed


def test_what_shapes_is_refused_where_only_our_script_is_expected() -> None:
    typed = MEANT["persian"]
    assert refused(EMAIL_FIELD, f"{typed}@example.com") == "U+200C ZERO WIDTH NON-JOINER"
    assert refused(PHONE_FIELD, MEANT["heart"]) == "U+FE0F VARIATION SELECTOR-16"


def test_blanks_and_wide_characters() -> None:
    typed = f"a{BLANKS}b\uff20\uff11"
    assert read(USERNAME_FIELD, typed) == "a     \u3000b\uff20\uff11"
    assert read(EMAIL_FIELD, typed) == "a      b@1"
    assert read(PASSWORD_FIELD, typed) == typed


def test_a_few_names_are_told() -> None:
    """Each once, and three are enough."""
    assert refused(USERNAME_FIELD, "a\tb\tc") == "U+0009 TAB"
    assert refused(USERNAME_FIELD, "a\0b\x01\nc\rd\n") == "U+0000 NULL, U+0001, U+000A LINE FEED, …"
    assert refused(PASSWORD_FIELD, "a\u200bb") == "U+200B ZERO WIDTH SPACE"


# Any text at all


@pytest.mark.parametrize("kind", [fields.optional_name, fields.optional_text])
@given(typed=texts)
@settings(max_examples=500)
def test_what_is_read_stays_as_it_is(kind: Read, typed: str) -> None:
    """Neither reading it again changes it, nor a cloud that sends it back."""
    try:
        found = kind({"name": typed}, "name")
    except InvalidInputError as err:
        assert err.field == "name"  # noqa: PT017 - what else it is does not matter
        return
    if found is None:
        return
    assert kind({"name": found}, "name") == found
    assert as_text(found) == found
    assert not set(found) & set(NEVER_MEANT + CONTROLS)
    if found.isascii():
        assert found.isprintable()


@given(typed=texts)
@settings(max_examples=500)
def test_a_password_is_never_changed(typed: str) -> None:
    try:
        found = fields.optional_password({"name": typed}, "name")
    except InvalidInputError:
        return
    assert found == (typed if typed.strip() else None)


@given(typed=texts)
@settings(max_examples=500)
def test_nothing_that_can_be_seen_goes(typed: str) -> None:
    """Whatever a person sees in a name, blanks apart, is sent."""

    def seen(text: str) -> list[str]:
        return [char for char in text if not (char in _NOT_SEEN or char.isspace())]

    try:
        found = fields.optional_name({"name": typed}, "name")
    except InvalidInputError:
        return
    assert seen(found or "") == seen(typed)


_NOT_SEEN = frozenset(
    chr(point)
    for point in range(sys.maxunicode + 1)
    if unicodedata.category(chr(point)) == "Cf" or chr(point) in characters._INVISIBLE
)


@pytest.mark.parametrize("pair", combinations("\u0628\u0d4d\U0001f468\u200c\u200d\ufe0f\u0650", 2))
def test_long_texts_are_linear(pair: tuple[str, str]) -> None:
    steps = []
    for times in (100, 400):
        with counted() as work:
            as_text("".join(pair) * times)
        steps.append(work.steps)
    assert steps[1] <= 4.2 * steps[0]
