"""What others' words look like once they are escaped for Markdown, and how they are read."""

from collections.abc import Mapping
import re

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
# Within a word these two mean nothing.
_IN_A_WORD = re.compile(r"(?<=[A-Za-z0-9])[-_](?=[A-Za-z0-9])")
_MARK = re.compile(r"[!-/:-@\[-`{-~]")


def read(markdown: str) -> str:
    """Return how escaped words are read."""
    return _ESCAPED.sub(r"\1", markdown)


def as_read(values: Mapping[str, str] | None) -> dict[str, str]:
    """Return the values in a description as they are read, without those for titles."""
    return {
        name: read(value) for name, value in (values or {}).items() if not name.startswith("plain_")
    }


def live_marks(markdown: str) -> list[str]:
    """Return the marks that are not escaped: without any there is no markup, and no link."""
    return _MARK.findall(_IN_A_WORD.sub("", _ESCAPED.sub("", markdown)))
