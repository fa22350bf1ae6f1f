"""What the clouds tell us, as small values."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

type Values = Mapping[str, str]
"""What a form's fields were filled with, by field name; an empty optional field is absent."""


def repr_without(record: NamedTuple, *secret: str) -> str:
    """Return the text that stands for a value in a log or a traceback, without these fields."""
    told = (f"{name}={value!r}" for name, value in record._asdict().items() if name not in secret)
    return f"{type(record).__name__}({', '.join(told)})"


class Account(NamedTuple):
    """An end user's account at a provider.

    Attributes:
        id: the provider's id of the account, None while it is not known.
        name: login name, or whatever names the account best.
        session: what lets us act for it beyond the credentials (tokens), None when not signed in.
            Only the provider reads it.
        activation_pending: the account exists but waits for an approval or a confirmation mail.
        plant: name of one of its plants, by which a person knows it where `name` is only its id.

    """

    id: str | None
    name: str
    session: Mapping[str, str] | None = None
    activation_pending: bool = False
    plant: str | None = None

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "session")

    @property
    def title(self) -> str:
        """What a person knows the account by."""
        return f"{self.plant} ({self.id})" if self.plant and self.name == self.id else self.name


class Plant(NamedTuple):
    """A container of devices; `owner_id` is the id of the account it belongs to."""

    id: str
    name: str
    owner_id: str | None = None


class Sighting(NamedTuple):
    """A device that a cloud's list shows.

    Attributes:
        serial: serial number, upper case.
        plant_id: the plant it stands in, None where the list does not say.
        model: the cloud's name of the model.
        datalogger: serial number of the stick that connects it.
        online: whether the cloud hears from it, None where the list does not say.

    """

    serial: str
    plant_id: str | None = None
    model: str | None = None
    datalogger: str | None = None
    online: bool | None = None


class SightingPage(NamedTuple):
    """One page of a device list and whether another page follows."""

    sightings: tuple[Sighting, ...]
    more: bool = False

    @property
    def serials(self) -> frozenset[str]:
        """The serial numbers on this page."""
        return frozenset(sighting.serial for sighting in self.sightings)

    def has_next(self, shown: frozenset[str]) -> bool:
        """Tell whether to ask for another page after earlier ones showed these serial numbers.

        A page that only repeats others is the last: such a cloud would go on without end. One
        that shows nothing may have left out what does not matter.
        """
        return self.more and (not self.sightings or not self.serials <= shown)


class Location(NamedTuple):
    """Who holds a serial number, as far as the cloud tells."""

    plant_id: str | None
    plant_name: str | None = None
    owner_id: str | None = None


class DeviceKind(StrEnum):
    """What a serial number belongs to."""

    INVERTER = "inverter"
    DATALOGGER = "datalogger"
    OTHER = "other"
    UNKNOWN = "unknown"


class Captcha(NamedTuple):
    """A picture whose text has to be typed; `challenge` ties the answer to it."""

    image: bytes
    media_type: str
    challenge: str

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "image", "challenge")
