"""Sessions of the Quectel cloud: an access token and a refresh token.

Both are JSON Web Tokens that begin with "Bearer ". They are valid for two hours and thirty days,
according to the sample tokens in the vendor's documentation.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from ..answer import as_int, as_object, as_text
from ..errors import UnexpectedAnswerError
from ..model import repr_without
from ..transport import is_header_value

ACCESS_LIFETIME: Final = 7_200
REFRESH_LIFETIME: Final = 2_592_000

# Timestamps are documented in seconds. One this large has to be in milliseconds.
_MILLISECONDS_FROM = 10**11


class Session(NamedTuple):
    """An account's tokens and when they expire (Unix time).

    `account_id` is the account's `uid`, None while unknown.
    """

    access_token: str
    access_expires: int
    refresh_token: str
    refresh_expires: int
    account_id: str | None = None

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "access_token", "refresh_token")

    @classmethod
    def from_dict(cls, stored: Mapping[str, str] | None) -> Self | None:
        """Return a stored session, None if it is unusable."""
        stored = stored or {}
        access, refresh = _token(stored.get("access_token")), _token(stored.get("refresh_token"))
        if access is None or refresh is None:
            return None
        return cls(
            access_token=access,
            access_expires=as_int(stored.get("access_expires")) or 0,
            refresh_token=refresh,
            refresh_expires=as_int(stored.get("refresh_expires")) or 0,
            account_id=as_text(stored.get("account_id")),
        )

    def as_dict(self) -> dict[str, str]:
        """Return the session in the form in which it is stored."""
        return {key: str(value) for key, value in self._asdict().items() if value is not None}


def read_session(data: object, now: float, before: Session | None = None) -> Session:
    """Read the session from the answer to signing in or refreshing.

    `before` is the session that was refreshed, whose values are kept where the answer lacks them.
    """
    found = as_object(data) or {}
    access_token, access_expires = _read_token(found.get("accessToken"), now + ACCESS_LIFETIME)
    refresh_token, refresh_expires = _read_token(found.get("refreshToken"), now + REFRESH_LIFETIME)
    if refresh_token is None and before is not None:
        refresh_token, refresh_expires = before.refresh_token, before.refresh_expires
    if access_token is None or refresh_token is None:
        raise UnexpectedAnswerError
    account_id = as_text(_claims(access_token).get("uid"))
    if account_id is None and before is not None:
        account_id = before.account_id
    return Session(
        access_token=access_token,
        access_expires=access_expires,
        refresh_token=refresh_token,
        refresh_expires=refresh_expires,
        account_id=account_id,
    )


def _read_token(value: object, default_end: float) -> tuple[str | None, int]:
    """Return a token and its expiration time, from the answer or from the token itself."""
    described = as_object(value) or {"token": value}
    if (token := _token(described.get("token"))) is None:
        return None, 0
    end = as_int(described.get("expirationTime")) or as_int(_claims(token).get("exp"))
    if end is None or end <= 0:
        return token, int(default_end)
    return token, end // 1000 if end >= _MILLISECONDS_FROM else end


def _token(value: object) -> str | None:
    """Return a token, None if it cannot be sent in a header."""
    token = as_text(value)
    return token if token is not None and is_header_value(token) else None


def _claims(token: str) -> Mapping[str, object]:
    """Return the claims of a JSON Web Token, none if it is something else."""
    _, _, rest = token.partition(".")
    payload = rest.partition(".")[0]
    try:
        text = urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    except ValueError:
        return {}
    return as_object(text) or {}
