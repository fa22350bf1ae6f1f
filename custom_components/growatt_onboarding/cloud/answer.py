"""Reading what a cloud answered.

Clouds send numbers as strings, an empty string for null, and objects as strings of JSON. The
`as_...` functions take a value as it arrived and return what it means, or None. What is too long
for what it should be is not looked at, so that no answer costs more work than its size is worth.
"""

from collections.abc import Callable, Mapping
import json
import re
from types import MappingProxyType
from typing import Final, NamedTuple
import unicodedata

from .characters import legible
from .errors import CloudError, UnexpectedAnswerError, UnknownCodeError
from .mask import masked
from .model import repr_without

_NOT_JSON = object()
_INTEGER = r"(?a)[+-]?\d{1,18}(?:\.0+)?"
# Stands for markup, which may be in the middle of an address. No visible text has it.
_CUT = "\0"
# Tried at the beginning of a word only: at each of its characters it would be tried in vain.
_ADDRESS = r"(?i)(?:(?<![\w\0])[\w\0]*:\0{0,9}/\0{0,9}/|w\0{0,9}w\0{0,9}w\0{0,9}\.)\S*"
_MARKUP = str.maketrans(dict.fromkeys("<>[]`*~\\|#", _CUT))
_MESSAGE_LENGTH = 200
# How much of a message is looked at: without addresses and markup it is shorter.
_MESSAGE_READ = 1_000
# The longest id, name or token: servers take no longer header.
_LONGEST_TEXT = 8_000
# Ids may need all bits of a machine's number; those with a fraction have fewer.
_NUMBERS_BELOW = 2**64
_FRACTIONS_BELOW = 2**53
# The longest page of a list; we ask for a hundred rows.
_MOST_ROWS = 5_000
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no"})
# Servers send wrong content types, so an image is recognized by its first bytes.
_IMAGE_TYPES = {b"GIF8": "image/gif", b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Answer(NamedTuple):
    """An HTTP answer; `content_type` is the media type alone, in lower case.

    `secrets` were in the request, and the cloud might repeat them.
    """

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "headers", "body", "secrets")

    def printable(self, text: str) -> str:
        """Return a text in a form that is safe to show: short, no markup, no URLs, no secrets.

        Every text of an answer that may be shown or logged has to pass through here.
        """
        text = _visible(masked(text[:_MESSAGE_READ], self.secrets))
        # What was left out leaves a blank: "2~18" is not 218.
        text = re.sub(_ADDRESS, " ", text.translate(_MARKUP))
        text = " ".join(text.replace(_CUT, " ").split())
        return text if len(text) <= _MESSAGE_LENGTH else f"{text[:_MESSAGE_LENGTH]}…"

    @property
    def text(self) -> str:
        """The body as text without surrounding whitespace."""
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
        """Return the JSON object in the body. Raises UnexpectedAnswerError for anything else."""
        text = self.text
        if not text:
            raise UnexpectedAnswerError("empty_answer")
        value = _NOT_JSON if self.is_web_page else _parse(text)
        if value is _NOT_JSON:
            is_page = self.is_web_page or self.content_type == "text/html"
            raise UnexpectedAnswerError(
                "web_page" if is_page else "not_json",
                placeholders={"content_type": self.printable(self.content_type)},
            )
        if (found := as_object(value)) is None:
            raise UnexpectedAnswerError
        return found


class Reply(NamedTuple):
    """An answer that is not an error: its result code and its unparsed data."""

    code: int
    data: object

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "data")


class Meaning(NamedTuple):
    """The error that a result code stands for.

    Attributes:
        error: the type of the error.
        key: translation key of its text, None for the type's default.
        field: the form field at fault.
        retry_after: seconds to wait before trying again, where the cloud documents them.
        placeholders: values for the text beyond `code` and `message`.

    """

    error: type[CloudError]
    key: str | None = None
    field: str | None = None
    retry_after: float | None = None
    placeholders: Mapping[str, str] = MappingProxyType({})

    def to_error(self, code: int, message: str) -> CloudError:
        """Return the error, to be shown with the cloud's code and its printable message."""
        return self.error(
            self.key,
            field=self.field,
            placeholders={"code": str(code), "message": message, **self.placeholders},
            retry_after=self.retry_after,
            code=code,
        )


UNKNOWN_CODE: Final = Meaning(UnknownCodeError)


def recognized(read: Callable[[Answer], object], answer: Answer) -> bool | None:
    """Return whether `read` can read an answer, None if it finds an error, as others may have."""
    try:
        read(answer)
    except UnexpectedAnswerError:
        return False
    except CloudError:
        return None
    return True


def as_object(value: object) -> dict[str, object] | None:
    """Return a JSON object, also one sent as a string."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _parse(value)
    return value if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """Return a JSON array, also one sent as a string, None if it is longer than any page."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _parse(value)
    return value if isinstance(value, list) and len(value) <= _MOST_ROWS else None


def rows_of(listing: Mapping[str, object], name: str, count: int | None) -> list[dict[str, object]]:
    """Return the rows of a list; one that is no object becomes an empty row.

    In place of an empty list there may be null, or nothing at all, if the `count` is 0. Raises
    UnexpectedAnswerError if there is no list otherwise.
    """
    value = listing.get(name)
    if count == 0 and value in (None, ""):
        return []
    if (rows := as_list(value)) is None:
        raise UnexpectedAnswerError
    return [as_object(row) or {} for row in rows]


def as_text(value: object) -> str | None:
    """Return a string or number as text without what nobody can see.

    A name comes back as it was sent, since `characters` rules both. None if nothing is left, or if
    it is too long for an id, a name or a token.
    """
    if isinstance(value, str):
        return (legible(value).strip() or None) if len(value) <= _LONGEST_TEXT else None
    if isinstance(value, float) and abs(value) < _FRACTIONS_BELOW and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < _NUMBERS_BELOW else None
    return None


def as_message(*values: object) -> str:
    """Return the beginning of the first text, empty if there is none. It is not `printable` yet."""
    cut = (value[:_MESSAGE_READ] if isinstance(value, str) else value for value in values)
    return next(filter(None, map(as_text, cut)), "")


def as_int(value: object) -> int | None:
    """Return a whole number, also one sent as a string."""
    text = as_text(value)
    if text is None or not re.fullmatch(_INTEGER, text):
        return None
    return int(text.partition(".")[0])


def as_flag(value: object) -> bool | None:
    """Return a boolean, also one sent as a number or a string."""
    if isinstance(value, bool):
        return value
    text = (as_text(value) or "").lower()
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def image_type(image: bytes) -> str | None:
    """Return the media type of a GIF, PNG or JPEG image, None for anything else."""
    found = (name for start, name in _IMAGE_TYPES.items() if image.startswith(start))
    return next(found, None)


def _parse(text: str) -> object:
    """Return the JSON value of a text, or `_NOT_JSON`.

    The parser's exception is not chained, because it holds the whole text.
    """
    try:
        return json.loads(text)
    except ValueError, RecursionError:
        return _NOT_JSON


def _visible(text: str) -> str:
    """Replace all invisible characters (the Unicode categories C) with spaces."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
