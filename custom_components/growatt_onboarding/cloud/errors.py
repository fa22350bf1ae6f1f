"""Everything that can go wrong when talking to a cloud.

Errors never contain a password, token, captcha solution or verification code.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from .model import Account

# A code went to this address or number a moment ago; that one is good.
CODE_TOO_SOON: Final = "code_too_soon"
# The number is a datalogger's and no inverter's, and the other way round.
DATALOGGER_SERIAL: Final = "datalogger_serial"
INVERTER_SERIAL: Final = "inverter_serial"
# The cloud knows no datalogger of an inverter, which it takes once it does.
DATALOGGER_MISSING: Final = "datalogger_missing"
# It knows one in the inverter's plant, but not yet that the inverter is connected to it.
DATALOGGER_UNLINKED: Final = "datalogger_unlinked"


class CloudError(Exception):
    """A call to a cloud failed.

    Attributes:
        key: translation key of the text to show.
        placeholders: values for that text.
        field: the form field at fault, None if it is not a single one.
        retry_after: seconds to wait before trying again, None if unknown.
        code: the cloud's result code, None if there was none.
        outcome_unknown: the call may have taken effect despite this error.

    """

    default_key: ClassVar[str] = "unexpected_answer"
    outcome_unknown = False

    def __init__(
        self,
        key: str | None = None,
        *,
        field: str | None = None,
        placeholders: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        code: int | None = None,
    ) -> None:
        """Initialize the error."""
        self.key = key or self.default_key
        self.field = field
        self.placeholders = dict(placeholders or {})
        self.retry_after = retry_after
        self.code = code
        super().__init__(f"{self.key} {self.placeholders}" if self.placeholders else self.key)

    @property
    def words(self) -> str | None:
        """The cloud's code and its own words, None if there are neither.

        The code tells more than our text does, and may mean something else.
        """
        message = self.placeholders.get("message") or None
        if self.code is None:
            return message
        return f"{self.code}: {message}" if message else str(self.code)

    @property
    def said(self) -> str:
        """The cloud's code and words, to stand after our text, since codes lie. Empty if none."""
        return f"({self.words})" if self.code is not None else ""


class UnreachableError(CloudError):
    """The server could not be reached; the request was not sent."""

    default_key = "cannot_connect"


class NoAnswerError(CloudError):
    """The request was sent but never answered, so it may have taken effect."""

    default_key = "no_answer"
    outcome_unknown = True


class UnexpectedAnswerError(CloudError):
    """The answer is not one of this cloud's API: a web page, a redirect or garbage."""

    default_key = "unexpected_answer"
    outcome_unknown = True


class BlockedError(CloudError):
    """A firewall refused the request before it reached the cloud."""

    default_key = "blocked"


class WrongServerError(CloudError):
    """The account or token belongs to a server at another address."""

    default_key = "wrong_server"


class AccessDeniedError(CloudError):
    """The token or session is not valid, or no longer is."""

    default_key = "invalid_token"


class NotAllowedError(CloudError):
    """The token or account is valid but lacks the permission."""

    default_key = "not_allowed"


class RateLimitedError(CloudError):
    """The cloud refused a call because it came too soon after the previous one."""

    default_key = "rate_limited"


class NotNowError(CloudError):
    """The call was held back because it would have exceeded a rate limit."""

    default_key = "not_now"


LIMITS: Final = (NotNowError, RateLimitedError)
"""The errors that mean: too soon. They prove nothing, and what was known before holds."""


class AccountsUnreadError(CloudError):
    """The cloud's list of accounts could not be read, or not all of it.

    Attributes:
        cause: why.
        accounts: those that are known all the same. Unless `listed`, their names may be missing.
        listed: they are what the list shows of itself, or showed when a limit last let it be read.

    """

    def __init__(self, cause: CloudError, accounts: tuple[Account, ...], *, listed: bool) -> None:
        """Initialize the error, which tells the same as its cause."""
        super().__init__(
            cause.key,
            field=cause.field,
            placeholders=cause.placeholders,
            retry_after=cause.retry_after,
            code=cause.code,
        )
        self.cause = cause
        self.accounts = accounts
        self.listed = listed


class InvalidInputError(CloudError):
    """The value of `field` is wrong and can be corrected."""

    default_key = "invalid_input"


class SeesNothingError(InvalidInputError):
    """The credentials show no account that they open, and may open several all the same."""

    default_key = "token_sees_nothing"


class TakenError(InvalidInputError):
    """An account with this name, address or number exists; it can be linked instead."""

    default_key = "username_taken"


class AlreadyBoundError(CloudError):
    """The serial number is already bound, to this account or to another."""

    default_key = "already_bound"


class RejectedError(CloudError):
    """Refused for good: sending the same call again would not help."""

    default_key = "rejected"


class PlantMissingError(RejectedError):
    """The plant does not exist, no longer exists, or belongs to another account."""

    default_key = "plant_missing"


class UndecidedError(CloudError):
    """The cloud's answer does not tell whether the call took effect.

    The transport sets `outcome_unknown` on it if the call is irreversible.
    """


class TryAgainError(UndecidedError):
    """The cloud failed internally; the same call may succeed later."""

    default_key = "system_error"


class UnknownCodeError(UndecidedError):
    """The cloud sent an undocumented result code, which is shown with its message."""

    default_key = "unknown_code"
