"""What the front end makes of Markdown: marked with GitHub's additions, which link addresses.

The parser has no such addition, so bare addresses are looked for in what it took for text.
"""

from collections.abc import Iterator
from itertools import groupby
import re
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Keeps what was escaped apart from the text around it, as marked does when it looks for addresses.
_PARSER = MarkdownIt("js-default", {"html": True}).disable(["text_join"])
_BARE = re.compile(r"(?i)(?:https?|ftp)://\S*|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]+")


class Rendered(NamedTuple):
    """Markdown as it is shown.

    Attributes:
        text: what is read.
        links: the addresses that can be clicked or are fetched.
        structure: what it is made of besides text, in order.

    """

    text: str
    links: tuple[str, ...]
    structure: tuple[str, ...]


def render(markdown: str) -> Rendered:
    """Return what is shown of Markdown."""
    tokens = list(_flat(_PARSER.parse(markdown)))
    links = [str(token.attrs.get("href", token.attrs.get("src", ""))) for token in tokens]
    for kind, run in groupby(tokens, key=lambda token: token.type):
        if kind == "text":
            links += _BARE.findall("".join(token.content for token in run))
    return Rendered(
        "".join(_text(token) for token in tokens),
        tuple(filter(None, links)),
        tuple(token.type for token in tokens if not token.type.startswith("text")),
    )


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "inline":
            yield from _flat(token.children or [])
        else:
            yield token


def _text(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak", "paragraph_close"):
        return "\n"
    return token.content
