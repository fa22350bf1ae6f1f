"""Sessions of the Quectel cloud: an access token and a refresh token.

Both are JSON Web Tokens that begin with "Bearer ". They are valid for two hours and thirty days,
according to the sample tokens in the vendor's documentation. Whether the second one is still valid
is for the cloud to say: our clock may be wrong.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from ..answer import as_int, as_object, as_text
from ..errors import UnexpectedAnswerError
from ..model import repr_without
from ..transport import is_header_value

ACCESS_LIFETIME: Final = 7_200
# Refresh access tokens this long before they expire, so that none expires on a call's way.
REFRESH_AHEAD: Final = 300

# Timestamps are documented in seconds. One this large has to be in milliseconds.
_MILLISECONDS_FROM = 10**11


class Session(NamedTuple):
    """An account's tokens, and when the first one expires (Unix time).

    `account_id` is the account's `uid`, None while unknown.
    """

    access_token: str
    access_expires: int
    refresh_token: str
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
    access_token, end = _read_token(found.get("accessToken"))
    refresh_token, _ = _read_token(found.get("refreshToken"))
    if refresh_token is None and before is not None:
        refresh_token = before.refresh_token
    if access_token is None or refresh_token is None:
        raise UnexpectedAnswerError
    if end is None or end <= now + REFRESH_AHEAD:
        # It is new, so our clock is wrong.
        end = int(now + ACCESS_LIFETIME)
    account_id = as_text(_claims(access_token).get("uid"))
    if account_id is None and before is not None:
        account_id = before.account_id
    return Session(
        access_token=access_token,
        access_expires=end,
        refresh_token=refresh_token,
        account_id=account_id,
    )


def _read_token(value: object) -> tuple[str | None, int | None]:
    """Return a token and when it expires, from the answer or from the token itself."""
    described = as_object(value) or {"token": value}
    if (token := _token(described.get("token"))) is None:
        return None, None
    end = as_int(described.get("expirationTime")) or as_int(_claims(token).get("exp"))
    if end is None:
        return token, None
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
