"""What the Quectel cloud knows: user domains, accounts, codes, tokens, products and devices."""

from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.cloud import digest

type DataCenter = Literal["china", "europe", "north_america"]


@dataclass
class UserDomain:
    """An app: its accounts are its own, whoever else runs one in the same data centre."""

    name: str
    secret: str = field(repr=False)
    disabled: bool = False


@dataclass
class Code:
    """A code that was mailed; good once, for a while, and not for guessing."""

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
        """Say whether this is the account's password."""
        return self.password_digest == digest(password)

    def as_json(self) -> dict[str, Any]:
        """Return the account without the password."""
        return {name: value for name, value in vars(self).items() if name != "password_digest"}


@dataclass
class Token:
    """A token handed out to an account."""

    uid: str
    kind: Literal["access", "refresh"]
    expires: float


@dataclass
class Product:
    """A model of device, which apps may or may not sell.

    `unique`: a device belongs to one account at a time (the vendor's binding mode 2).
    """

    key: str
    name: str
    user_domains: set[str]
    unique: bool = True


@dataclass
class Device:
    """A manufactured device.

    `requested` and `bound` hold the ids of accounts with the time of their request and of their
    association; the latter comes when the device is online. `online_at` is when it comes online
    by itself.
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
        """Return all fields but the key to the local interface."""
        return {name: value for name, value in vars(self).items() if name != "auth_key"}
