"""User domains, accounts, codes, tokens, products and devices of the Quectel cloud."""

from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.cloud import digest

type DataCenter = Literal["china", "europe", "north_america"]


@dataclass
class UserDomain:
    """An app's accounts, separate from those of other apps in the same data center."""

    name: str
    secret: str = field(repr=False)
    disabled: bool = False


@dataclass
class Code:
    """A code that was e-mailed: valid once, for a limited time and number of tries."""

    value: str = field(repr=False)
    sent: float
    wrong_tries: int = 0


@dataclass
class User:
    """An account."""

    uid: str
    user_domain: str
    email: str
    registered: float
    password_digest: str = field(repr=False)
    lang: int = 0
    nationality: int = 0
    timezone: int = 0
    wrong_passwords: int = 0
    frozen_until: float = 0.0

    def has_password(self, password: str) -> bool:
        """Return whether the password is right."""
        return self.password_digest == digest(password)

    def as_json(self) -> dict[str, Any]:
        """Return the account as JSON, without its password."""
        return {name: value for name, value in vars(self).items() if name != "password_digest"}


@dataclass
class Token:
    """An account's access or refresh token."""

    uid: str
    kind: Literal["access", "refresh"]
    expires: float


@dataclass
class Product:
    """A device model, which only some apps may bind.

    If `unique`, a device belongs to one account at a time (the vendor's binding mode 2).
    """

    key: str
    name: str
    user_domains: set[str]
    unique: bool = True


@dataclass
class Device:
    """A device.

    `requested` and `bound` map the ids of accounts to the times of their requests and of their
    associations; a device is associated once it is online. `online_at` is when it comes online by
    itself.
    """

    sn: str
    product_key: str
    device_key: str
    auth_key: str = field(repr=False)
    data_center: DataCenter = "europe"
    online: bool = False
    online_at: float | None = None
    online_after_request: float | None = None
    requested: dict[str, float] = field(default_factory=dict)
    bound: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the device as JSON, without the key to its local interface."""
        return {name: value for name, value in vars(self).items() if name != "auth_key"}
