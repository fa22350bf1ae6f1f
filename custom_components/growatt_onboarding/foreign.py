"""Words that others chose, made fit for where they are shown.

They are names, addresses, what was typed, and what a cloud says. Home Assistant renders some texts
as Markdown: the descriptions of forms, menus and repairs, why a dialog ended, what it is doing, and
notifications. There the words of others have to pass through `markdown`. All other places are
plain: titles, names, labels, errors, attributes. There they have to pass through `plain`.
"""

from collections.abc import Mapping
import re
from string.templatelib import Template
from typing import Final
import unicodedata

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN

LONGEST_NAME: Final = 100
LONGEST_TEXT: Final = 4_000
"""Of a sentence, or of a list such as a dialog's hundred serial numbers."""

# Titles are plain, descriptions are not: a repair's title uses these names.
_PLAIN: Final = "plain_"
# All that can mean anything in Markdown or begin a link. Inside a word these two cannot.
_MARKUP = r"[!-,./:-@\[-^`{-~]|(?<![A-Za-z0-9])[-_]|[-_](?![A-Za-z0-9])"
# Between letters, and between the pictures that make one: they say what is meant.
_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


class Plain(str):
    """A text for a plain place: bounded, on one line, without control characters."""

    __slots__ = ()


class Markdown(str):
    """Markdown of our own, in which the words of others are escaped."""

    __slots__ = ()


def plain(text: str, longest: int = LONGEST_NAME) -> Plain:
    """Return a text for a plain place, cut after `longest` characters."""
    shown = " ".join(_visible(text[: 4 * longest]).split())
    return Plain(shown if len(shown) <= longest else f"{shown[:longest]}…")


def name_with_id(name: str, of_cloud: str) -> Plain:
    """Return a name with the cloud's id after it, however long the name is."""
    return Plain(f"{plain(name)} ({plain(of_cloud)})")


def only_id(of_cloud: str) -> Plain:
    """Return what to call something that has no name that we know."""
    return Plain(f"ID {plain(of_cloud)}")


def markdown(text: str | Template) -> Markdown:
    """Return Markdown that shows a text as it is.

    A template is Markdown itself; only what is put into it is shown as it is.
    """
    if isinstance(text, Markdown):
        return text
    if isinstance(text, Template):
        parts = (part if isinstance(part, str) else markdown(part.value) for part in text)
        return Markdown("".join(parts))
    return Markdown(re.sub(_MARKUP, r"\\\g<0>", plain(text, LONGEST_TEXT)))


def plain_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of placeholders in a plain text."""
    return {name: plain(value, LONGEST_TEXT) for name, value in values.items()}


def markdown_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of placeholders in Markdown, except of `plain_…`, which are for titles."""
    return {
        name: plain(value, LONGEST_TEXT) if name.startswith(_PLAIN) else markdown(value)
        for name, value in values.items()
    }


@callback
def async_raise_issue(
    hass: HomeAssistant,
    issue_id: str,
    translation_key: str,
    values: Mapping[str, str],
    *,
    is_fixable: bool,
    is_persistent: bool = False,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    data: dict[str, str | int | float | None] | None = None,
    learn_more_url: str | None = None,
) -> None:
    """Create or change an issue; its title has each value as `plain_…`."""
    titles = {f"{_PLAIN}{name}": value for name, value in values.items()}
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=is_fixable,
        is_persistent=is_persistent,
        severity=severity,
        translation_key=translation_key,
        translation_placeholders=markdown_values({**titles, **values}),
        data=data,
        learn_more_url=learn_more_url,
    )


def translated[E: HomeAssistantError](kind: type[E], key: str, values: Mapping[str, str]) -> E:
    """Return an error with a text of ours."""
    return kind(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=plain_values(values),
    )


def _visible(text: str) -> str:
    """Return a text without invisible characters and marks that turn its direction."""
    if text.isprintable():
        return text
    return "".join(map(_seen, text))


def _seen(char: str) -> str:
    """Return what is seen of a character: itself, a blank or nothing."""
    category = unicodedata.category(char)
    if category[0] != "C" or char in _JOINERS:
        return char
    return "" if category == "Cf" else " "
