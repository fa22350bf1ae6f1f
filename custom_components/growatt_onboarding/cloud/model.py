"""The values that clients of the clouds take and return."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, NewType

MAX_PAGES: Final = 100
"""How many pages of a list are read at once: more than any account has, if it has an end."""

type Values = Mapping[str, str]
"""The values of a form by field name; empty optional fields are left out."""

Credentials = NewType("Credentials", Mapping[str, str])
"""Credentials in their only spelling: it is stored, sent, and tells gateways and realms apart.

`Provider.credentials` makes them of what was entered.
"""


def repr_without(record: NamedTuple, *secret: str) -> str:
    """Return a representation of a record that leaves out these fields."""
    shown = (f"{name}={value!r}" for name, value in record._asdict().items() if name not in secret)
    return f"{type(record).__name__}({', '.join(shown)})"


class Account(NamedTuple):
    """An end user's account at a provider.

    Attributes:
        id: the provider's id of the account, None while unknown.
        name: the login name, or the best name there is.
        session: tokens needed to act for the account, None when not signed in. Only the
            provider's client interprets them.
        activation_pending: the account is waiting for approval or for its owner to confirm an
            e-mail address. None where the cloud does not tell: then what was known before holds.
        sign_in_needed: the account is there, but nobody has signed in to it here yet, although one
            could.
        plant: name of one of its plants, to recognize the account where `name` is only its id.
        other_names: what else one may register it or sign in to it with.

    """

    id: str | None
    name: str
    session: Mapping[str, str] | None = None
    activation_pending: bool | None = False
    sign_in_needed: bool = False
    plant: str | None = None
    other_names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "session")

    @property
    def title(self) -> str:
        """The name by which a person recognizes the account."""
        return f"{self.plant} ({self.id})" if self.plant and self.name == self.id else self.name


class Plant(NamedTuple):
    """A group of devices. `owner_id` is the id of the account it belongs to."""

    id: str
    name: str
    owner_id: str | None = None


class DeviceKind(StrEnum):
    """The kind of device that a serial number belongs to."""

    INVERTER = "inverter"
    DATALOGGER = "datalogger"
    OTHER = "other"
    UNKNOWN = "unknown"


class Sighting(NamedTuple):
    """A device in one of a cloud's lists.

    Attributes:
        serial: serial number in upper case, or what else the list names it by.
        by_key: the list does not show its serial number: `serial` is the cloud's own key of it.
        plant_id: the plant it is in, None where the list does not tell.
        model: the cloud's name for the model.
        series: what the cloud calls the series that the model belongs to, None where it does not
            tell.
        datalogger: serial number of the datalogger that connects it.
        online: whether it is connected, None where the list does not tell.
        kind: what the list says that it is.
        reported_at: when it last reported, in Unix seconds by the cloud's clock, None where the
            list does not tell.

    """

    serial: str
    plant_id: str | None = None
    model: str | None = None
    datalogger: str | None = None
    online: bool | None = None
    by_key: bool = False
    kind: DeviceKind = DeviceKind.UNKNOWN
    reported_at: float | None = None
    series: str | None = None


class SightingPage(NamedTuple):
    """One page of a device list.

    Attributes:
        more: the cloud says or suggests that another page follows.
        lacks_some: this is the last page, but by its own count the list has more than it showed.
            That proves nothing about what it did not show.

    """

    sightings: tuple[Sighting, ...]
    more: bool = False
    lacks_some: bool = False

    @property
    def serials(self) -> frozenset[str]:
        """The serial numbers on this page."""
        return frozenset(sighting.serial for sighting in self.sightings)

    @property
    def keys(self) -> frozenset[str]:
        """The cloud's own keys of the devices on this page of which it shows no serial numbers."""
        return frozenset(sighting.serial for sighting in self.sightings if sighting.by_key)

    def has_next(self, number: int, shown: frozenset[str]) -> bool:
        """Return whether to ask for the next page; `shown` was on those before this `number`.

        As the list might never end, a page that only repeats earlier ones is the last to be read,
        and there is a limit to their number. Such a list proves nothing about what it did not
        show: `more` is true nevertheless. After an empty page the list goes on, because all its
        devices may have been irrelevant.
        """
        repeats = bool(self.sightings) and self.serials <= shown
        return self.more and not repeats and not self.is_too_many(number)

    def is_too_many(self, number: int) -> bool:
        """Return whether a list has more than this `number` of pages and that is enough."""
        return self.more and number >= MAX_PAGES


class Location(NamedTuple):
    """Who has a device, as far as the cloud tells."""

    plant_id: str | None
    plant_name: str | None = None
    owner_id: str | None = None


class Captcha(NamedTuple):
    """A captcha image. `challenge` has to be sent along with its solution."""

    image: bytes
    media_type: str
    challenge: str

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "image", "challenge")
