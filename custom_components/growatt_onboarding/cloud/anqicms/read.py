"""What AnQiCMS's answers hold, whichever version sent them."""

from base64 import b64decode
import binascii
from typing import NamedTuple

from ..answer import as_flag, as_int, as_object, as_text
from ..errors import RejectedError, UnexpectedAnswerError
from ..model import Captcha, repr_without
from ..transport import is_header_value

_PICTURES = {
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
}


class User(NamedTuple):
    """A user as the site tells of it.

    Attributes:
        id: its number.
        name: its user name.
        email: its address.
        verified: it has followed the link in its mail.
        token: what signs it in, None where the site gives none.

    """

    id: str
    name: str | None
    email: str | None
    verified: bool
    token: str | None

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "token")


def captcha_wanted(data: object) -> bool:
    """Read whether signing in takes a picture's answer; before 3.3 only the picture told."""
    body = as_object(data)
    if body is None or not {"captcha_off", "captcha_id", "captcha"} & body.keys():
        raise UnexpectedAnswerError
    off = as_flag(body.get("captcha_off"))
    return as_text(body.get("captcha")) is not None if off is None else not off


def picture(data: object) -> Captcha:
    """Read a picture, which comes as a data URI."""
    body = as_object(data) or {}
    challenge = as_text(body.get("captcha_id"))
    try:
        image = b64decode((as_text(body.get("captcha")) or "").rpartition(",")[2], validate=True)
    except binascii.Error, ValueError:
        image = b""
    for beginning, media_type in _PICTURES.items():
        if challenge is not None and image.startswith(beginning):
            return Captcha(image=image, media_type=media_type, challenge=challenge)
    raise UnexpectedAnswerError("no_picture")


def user(data: object) -> User:
    """Read a user; the site says "done" with the number 0 where it could not store one."""
    body = as_object(data) or {}
    number = as_int(body.get("id"))
    if number is None:
        raise UnexpectedAnswerError
    if number <= 0:
        raise RejectedError("not_created")
    token = as_text(body.get("token"))
    return User(
        id=str(number),
        name=as_text(body.get("user_name")),
        email=as_text(body.get("email")),
        verified=as_flag(body.get("email_verified")) or False,
        token=token if token is not None and is_header_value(token) else None,
    )


def exists(data: object) -> bool:
    """Read who has an address; where the answer names nobody, it tells nothing."""
    body = as_object(data) or {}
    if (as_int(body.get("id")) or 0) <= 0 and as_text(body.get("email")) is None:
        raise UnexpectedAnswerError
    return True
