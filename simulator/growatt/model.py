"""Tokens, end users, plants, dataloggers, devices and bindings of Growatt's server."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from simulator.cloud import digest

MERCHANT = "simulated installer"


class Kind(NamedTuple):
    """The names and numbers of a kind of device in Growatt's endpoints."""

    list_type: int  # device/list
    check_type: int  # device/check/sn
    obj: int  # device/check/sn: 1 inverter, 2 storage, 4 other
    dtc: int
    model: str
    power: int  # W


REPORT_INTERVAL = 300.0
"""How often what is online reports, in seconds."""

# Keys are the names in the v4 device list.
KINDS = {
    "inv": Kind(1, 16, 1, 20000, "MIC 2000TL-X", 2000),
    "storage": Kind(2, 96, 2, 3501, "SPF 5000 ES", 5000),
    "max": Kind(4, 18, 1, 5100, "MAX 50KTL3", 50000),
    "sph": Kind(5, 17, 1, 3600, "SPH 5000TL3", 5000),
    "spa": Kind(6, 19, 1, 3701, "SPA 3000TL", 3000),
    "min": Kind(7, 22, 1, 5203, "MIN 3000TL-XH", 3000),
    "wit": Kind(1, 218, 1, 5600, "WIT 50KTL3", 50000),
    "sph-s": Kind(5, 260, 1, 21200, "SPH 10000TL-HU", 10000),
    "noah": Kind(2, 1000, 2, 5001, "NOAH 2000", 800),
    # These two are in no v4 list.
    "meter": Kind(3, 0, 4, 0, "SDM630", 0),
    "groboost": Kind(11, 0, 4, 0, "GroBoost", 0),
}


def vendor_time(time: float) -> str:
    """Return unix seconds in the vendor's time format."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")


def check_code(serial: str) -> str:
    """Return what is printed beside the serial number of a datalogger unless a test says else."""
    return digest(serial)[:5].upper()


@dataclass
class Token:
    """A token and its permissions. An installer's token sees its merchant's end users."""

    value: str = field(repr=False)
    kind: Literal["installer", "end_user"] = "installer"
    user_id: int | None = None
    merchant: str = MERCHANT
    may_register: bool = True
    may_bind: bool = True
    may_v4: bool = True
    region: str = "global"
    endpoints_denied: frozenset[str] = frozenset()


@dataclass
class User:
    """An end user, whose id is called `c_user_id` in the API."""

    user_id: int
    name: str
    email: str
    registered: float
    password_digest: str = field(repr=False)
    merchant: str = MERCHANT
    country: str = "Other"
    user_type: int = 1
    tel: str = ""
    agent_code: str = ""
    time_zone: str = ""

    def has_password(self, password: str) -> bool:
        """Return whether the password is right."""
        return self.password_digest == digest(password)

    def as_json(self) -> dict[str, Any]:
        """Return the end user as JSON, without the password."""
        return {name: value for name, value in vars(self).items() if name != "password_digest"}


@dataclass
class Plant:
    """A plant of an end user."""

    plant_id: int
    user_id: int
    name: str
    created: str
    peak_power: float = 1.0
    country: str = ""
    city: str = ""
    address: str = ""
    longitude: str = ""
    latitude: str = ""
    installer_code: str = ""
    currency: str = ""
    time_zone: float = 0.0
    plant_type: int = 0
    price: str = ""


@dataclass
class Datalogger:
    """The stick that connects devices; it belongs to at most one plant.

    It reports by itself while it is `online`, and also through each device behind it that is.
    `last_report` is when it did so before it went offline, in whoever's plant it was. `online_at`
    is when it comes online by itself, and its devices with it.
    """

    sn: str
    check_code: str = field(repr=False)
    plant_id: int | None = None
    added: float | None = None
    online: bool = False
    online_since: float | None = None
    online_at: float | None = None
    last_report: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the datalogger as JSON, without its check code."""
        return {name: value for name, value in vars(self).items() if name != "check_code"}


@dataclass
class Device:
    """A device.

    `requested_plant_id` becomes `plant_id` once it is online. `online_at` is when it comes online
    by itself.
    """

    sn: str
    device_id: int
    kind: str
    datalogger_sn: str
    online: bool = False
    online_since: float | None = None
    online_at: float | None = None
    online_after_request: float | None = None
    plant_id: int | None = None
    placed: float | None = None
    requested_plant_id: int | None = None
    requested: float | None = None


@dataclass
class Binding:
    """What device/sn/add accepted for a serial number; the last request counts."""

    sn: str
    plant_id: int
    user_id: int
    accepted_at: float
    accepted_count: int = 0
    associated_at: float | None = None
