"""What can go wrong between us and a cloud, as types.

Every error carries what a person needs: a translation key, placeholders for its text, the form
field at fault where there is one, and how long to wait where that is known. No error text ever
holds a password, a token, a captcha's answer or a code.
"""

from collections.abc import Mapping
from typing import ClassVar


class CloudError(Exception):
    """A call to a cloud did not do what it was asked to.

    Attributes:
        key: translation key of the text for a person.
        placeholders: values for that text.
        field: the form field at fault, None when no single field is.
        retry_after: seconds to wait before the same call makes sense, None when not known.
        code: the cloud's own result code, None when it gave none.
        outcome_unknown: a call with an effect may have had it although this error came back.

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
        """Describe the failure."""
        self.key = key or self.default_key
        self.field = field
        self.placeholders = dict(placeholders or {})
        self.retry_after = retry_after
        self.code = code
        super().__init__(f"{self.key} {self.placeholders}" if self.placeholders else self.key)


class UnreachableError(CloudError):
    """No connection to the server: the request did not leave."""

    default_key = "cannot_connect"


class NoAnswerError(CloudError):
    """The request left, its answer never came: whether it had its effect is not known."""

    default_key = "no_answer"
    outcome_unknown = True


class UnexpectedAnswerError(CloudError):
    """Something answered that is not this cloud's interface: a web page, garbage, a redirect."""

    default_key = "unexpected_answer"
    outcome_unknown = True


class BlockedError(CloudError):
    """A firewall in front of the cloud refused the request before the cloud saw it."""

    default_key = "blocked"


class WrongServerError(CloudError):
    """The cloud says that this account or token belongs on another address."""

    default_key = "wrong_server"


class AccessDeniedError(CloudError):
    """The token or sign-in is not valid (any more)."""

    default_key = "invalid_token"


class NotAllowedError(CloudError):
    """The token or account is valid but may not do this."""

    default_key = "not_allowed"


class RateLimitedError(CloudError):
    """The cloud answered that this came too soon after the last time."""

    default_key = "rate_limited"


class NotNowError(CloudError):
    """Not sent, because it would have gone over a limit; `retry_after` says when it may."""

    default_key = "not_now"


class InvalidInputError(CloudError):
    """A value is wrong and the person can correct it at `field`."""

    default_key = "invalid_input"


class TakenError(InvalidInputError):
    """There is an account of this name, address or number already: it can be linked instead."""

    default_key = "username_taken"


class AlreadyBoundError(CloudError):
    """The cloud knows this serial number already; whose it is has to be asked."""

    default_key = "already_bound"


class RejectedError(CloudError):
    """Refused for good: sending the same again would be refused again."""

    default_key = "rejected"


class PlantMissingError(RejectedError):
    """There is no such plant (any more), or it is not this account's."""

    default_key = "plant_missing"


class UndecidedError(CloudError):
    """The cloud answered, but neither that it did what was asked nor that it will not.

    The transport says `outcome_unknown` of it where the call cannot be undone.
    """


class TryAgainError(UndecidedError):
    """The cloud failed on its side; the same call may work later."""

    default_key = "system_error"


class UnknownCodeError(UndecidedError):
    """The cloud answered a code that no document explains; the text shows code and message."""

    default_key = "unknown_code"
