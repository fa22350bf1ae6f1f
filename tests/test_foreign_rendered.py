"""Others' words in Markdown, as a parser of it takes them, wherever they stand in a text."""

from hypothesis import given

from custom_components.growatt_onboarding.foreign import LONGEST_TEXT, markdown, plain

from .rendered import render
from .test_foreign import MARKS, TEXTS
from .test_foreign_repairs import HOSTILE

PLACES = (
    "{}",
    "{} is not loaded.",
    "Account {}",
    "a\n\n{}\n\nb",
    "- **{}:** x",
    "- **x:** {}",
    "*{}*",
)


def assert_is_text(text: str) -> None:
    """Fail if a text is anything but text in any place."""
    shown = plain(text, LONGEST_TEXT)
    for place in PLACES:
        if not shown:
            continue
        found, harmless = render(place.format(markdown(text))), render(place.format("x"))
        assert found.links == ()
        assert found.structure == harmless.structure
        assert shown in found.text


def test_what_a_stranger_could_call_a_plant() -> None:
    assert render(HOSTILE).links == (
        "http://evil.example",
        "http://evil.example/p.png",
    )
    bare = ("http://evil.example", "HTTPS://evil.example", "www.evil.example", "me@evil.example")
    for text in (
        HOSTILE,
        *bare,
        "# Heading",
        "1. one",
        "- one",
        "> one",
        "```",
        "---",
        "| a |\n|-|",
    ):
        assert render(text).structure != ("paragraph_open", "paragraph_close") or render(text).links
        assert_is_text(text)


@given(TEXTS)
def test_any_text_is_only_text(text: str) -> None:
    assert_is_text(text)


@given(MARKS)
def test_any_marks_are_only_text(text: str) -> None:
    assert_is_text(text)
