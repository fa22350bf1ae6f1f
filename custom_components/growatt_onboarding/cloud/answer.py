"""What a cloud answered: bytes first, believed to be JSON only after a look.

Clouds send numbers as strings, nothing as an empty string and objects as text that holds JSON.
The readers below take a value as it came and return what it means, or None.
"""

from collections.abc import Iterator, Mapping
from html import escape
import json
import math
import re
from typing import NamedTuple
import unicodedata

from .errors import UnexpectedAnswerError
from .model import repr_without

_NOT_JSON = object()
_INTEGER = re.compile(r"[+-]?\d{1,18}(?:\.0+)?", re.ASCII)
_ADDRESS = re.compile(r"(?:\w+://|www\.)\S*", re.IGNORECASE)
_MARKUP = str.maketrans("", "", "<>[]`*~\\|#")
_MESSAGE_LENGTH = 200
# Stands where a secret stood; nothing that `_MARKUP` takes away.
_MASK = "…"
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no"})


class Answer(NamedTuple):
    """An HTTP answer; `content_type` is the media type alone, in lower case."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "headers", "body")

    @property
    def text(self) -> str:
        """The body as text without surrounding blanks."""
        return self.body.decode("utf-8-sig", errors="replace").strip()

    @property
    def is_web_page(self) -> bool:
        """Whether the body is markup, whatever its content type says."""
        return self.text.startswith("<")

    @property
    def is_object(self) -> bool:
        """Whether the body looks like a JSON object, whatever its content type says."""
        return self.text.startswith("{")

    def json_object(self) -> dict[str, object]:
        """Return the body's JSON object; raise UnexpectedAnswerError if it is anything else."""
        text = self.text
        if not text:
            raise UnexpectedAnswerError("empty_answer")
        value = _NOT_JSON if self.is_web_page else _parse(text)
        if value is _NOT_JSON:
            is_page = self.is_web_page or self.content_type == "text/html"
            raise UnexpectedAnswerError(
                "web_page" if is_page else "not_json",
                placeholders={"content_type": printable(self.content_type)},
            )
        if (found := as_object(value)) is None:
            raise UnexpectedAnswerError
        return found


class Reply(NamedTuple):
    """What a portal answered that is no error: its code, and its data as it came."""

    code: int
    data: object

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "data")


def as_object(value: object) -> dict[str, object] | None:
    """Return a JSON object, also one that came as text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _parse(value)
    return value if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """Return a JSON array, also one that came as text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _parse(value)
    return value if isinstance(value, list) else None


def as_text(value: object) -> str | None:
    """Return a text or a number as text without control characters, None if nothing is left."""
    if isinstance(value, str):
        return _visible(value).strip() or None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else None
    return None


def as_int(value: object) -> int | None:
    """Return a whole number that came as number or text."""
    text = as_text(value)
    if text is None or not _INTEGER.fullmatch(text):
        return None
    return int(text.partition(".")[0])


def as_flag(value: object) -> bool | None:
    """Return a truth value that came as such, as number or as text."""
    if isinstance(value, bool):
        return value
    text = (as_text(value) or "").lower()
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def printable(text: str, *, without: tuple[str, ...] = ()) -> str:
    """Return a cloud's message fit to be shown: short, plain, no addresses.

    `without` are secrets of the request, which a cloud may repeat.
    """
    spellings = {spelling for secret in without for spelling in _spellings(secret)}
    # The longest first: one may be a part of another.
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, _MASK)
    text = _ADDRESS.sub("", _visible(text)).translate(_MARKUP)
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[:_MESSAGE_LENGTH]}…"


def _spellings(secret: str) -> Iterator[str]:
    """Yield the ways in which a cloud may repeat a secret, or `as_text` may have left it."""
    for plain in {secret, secret.strip(), _visible(secret), _visible(secret).strip()} - {""}:
        yield plain
        # Python and PHP escape an apostrophe differently, some versions of PHP not at all.
        for apostrophe in ("&#x27;", "&#039;", "&#39;", "'"):
            yield escape(plain).replace("&#x27;", apostrophe)


def _parse(text: str) -> object:
    """Return the JSON value of a text, `_NOT_JSON` if it is none.

    The parser's own exception is dropped: it carries the whole text.
    """
    try:
        return json.loads(text)
    except ValueError, RecursionError:
        return _NOT_JSON


def _visible(text: str) -> str:
    """Return the text with everything replaced that cannot be shown (Unicode's categories C)."""
    return "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
