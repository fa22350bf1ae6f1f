"""What a provider is: the form its data takes, and the calls it can make.

A provider is described once (`Provider`) and talked to through a `CloudClient` bound to one
server and one set of credentials. Everything outside `cloud/` asks capabilities and fields and
never which provider it has.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from enum import StrEnum
import re
from typing import Final, NamedTuple, Protocol

import aiohttp

from .errors import CloudError
from .fields import compact_phone
from .model import (
    Account,
    Captcha,
    DeviceKind,
    Location,
    Plant,
    SightingPage,
    Values,
    repr_without,
)

CAPTCHA_CHALLENGE: Final = "captcha_challenge"
"""Name under which a captcha's challenge travels with the values of a form."""


class Capability(StrEnum):
    """What a client can do beyond being tested."""

    REGISTER = "register"
    LINK = "link"
    # Asks without effect whether a login name, address or number is still free.
    CHECK_USERNAME = "check_username"
    PLANTS = "plants"
    CREATE_PLANT = "create_plant"
    BIND = "bind"
    # Tells a datalogger's serial number from an inverter's.
    CHECK_SERIAL = "check_serial"
    # A cheap list of all devices that names no plant.
    WATCH = "watch"
    # Says which plant and account hold a serial number.
    LOCATE = "locate"


class FieldKind(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    PASSWORD = "password"  # noqa: S105 - a kind of field
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"  # ISO 3166 alpha-2
    NUMBER = "number"
    CODE = "code"  # the code that was sent by e-mail or SMS
    CAPTCHA = "captcha"


class Field(NamedTuple):
    """A field of a form. `autocomplete` is the HTML token that lets a browser help."""

    name: str
    kind: FieldKind = FieldKind.TEXT
    required: bool = True
    autocomplete: str | None = None
    secret: bool = False


class Form(NamedTuple):
    """One way to register or to sign in.

    Attributes:
        key: names this way among its provider's (translation key of its menu entry and texts).
        fields: what it asks for, in order.
        identity: name of the field that names the account (user name, e-mail or phone).
        sends_code: a code goes to `identity` first (`send_code`), the form then asks for it.
        captcha: a picture has to be answered in the form itself.
        code_captcha: a picture has to be answered before a code is sent.

    """

    key: str
    fields: tuple[Field, ...]
    identity: str
    sends_code: bool = False
    captcha: bool = False
    code_captcha: bool = False

    def name(self, values: Values) -> str:
        """Return what names the account, a telephone number in its one spelling."""
        name = values.get(self.identity, "").strip()
        kinds = (field.kind for field in self.fields if field.name == self.identity)
        return compact_phone(name) if FieldKind.PHONE in kinds else name


class Offer(NamedTuple):
    """What this server and these credentials allow, as far as a harmless question tells."""

    register: tuple[Form, ...] = ()
    link: tuple[Form, ...] = ()
    # Pages a person should have read before registering.
    agreements: tuple[str, ...] = ()


class Pace(StrEnum):
    """How often a cloud lets the same call be made; the times themselves are not ours to know."""

    FREE = "free"
    QUICK = "quick"  # the same request every few seconds
    SLOW = "slow"  # the same request every few minutes
    SLOW_DAILY = "slow_daily"  # as slow, and a few per day


class Endpoint(NamedTuple):
    """One call of a provider's interface.

    `irreversible`: nothing takes its effect back. Whoever marks it so need not think of the rest:
    where the cloud then only says that it failed, the outcome counts as unknown.
    """

    method: str
    path: str
    pace: Pace = Pace.FREE
    irreversible: bool = False


class Call(NamedTuple):
    """An endpoint with the parameters that make two requests the same; holds no secret."""

    endpoint: Endpoint
    subject: str = ""


class Gate(Protocol):
    """Decides whether a call may leave now, and hears how it ended."""

    async def permit(self, call: Call) -> None:
        """Return when the call may leave; raise `NotNowError` when that is too far away."""

    def answered(self, call: Call, error: CloudError | None) -> None:
        """Take note of how a permitted call ended."""


class HandOver(NamedTuple):
    """An integration of Home Assistant that shows what associated inverters do.

    Attributes:
        domain: its domain.
        name: its name, as people see it.
        step_id: which of its ways to sign in takes our credentials (a step of its dialog).
        first_call: the limited call that it makes first, with the same credentials.

    """

    domain: str
    name: str
    step_id: str
    first_call: Endpoint


class Server(NamedTuple):
    """One address of a provider.

    Attributes:
        key: names it among its provider's, also the translation key of its name.
        url: what is talked to.
        portal: the web pages where a person sees the same account, None where none are known.
        hand_over: who can take over its accounts, None where nobody can.

    """

    key: str
    url: str
    portal: str | None = None
    hand_over: HandOver | None = None


class Provider(NamedTuple):
    """The description of one kind of cloud.

    Attributes:
        key: stored with every account, also the translation key of its name.
        servers: known addresses; an address of one's own is always possible too.
        credential_fields: what is needed to talk to a server at all, before any account.
        client: makes a client.
        vendor: who makes the cloud's software.
        product: what the vendor calls it.
        manufacturer: whose devices these are, None where that is not one maker.
        activates: whether a site may make new accounts wait for a review or a confirmation.
        register_fields: every field that a form to register may ask for.
        plant_id_field: what a binding needs instead of a plant, where there are no plants.
        identify: the parts of the credentials that, with the server, tell two accounts of the
            same id apart (a site, a user domain).
        api_path: matches the end of an address that is this interface's own, from its slash on:
            people copy addresses from its documentation. None where it has none to be known by.

    """

    key: str
    servers: tuple[Server, ...]
    credential_fields: tuple[Field, ...]
    client: Callable[[ClientContext], CloudClient]
    vendor: str
    product: str
    manufacturer: str | None = None
    activates: bool = False
    register_fields: tuple[Field, ...] = ()
    plant_id_field: Field | None = None
    identify: Callable[[Values], str] = lambda _credentials: ""
    api_path: re.Pattern[str] | None = None

    def portal(self, url: str) -> str:
        """Return the web pages for an address: known ones, else what the address itself shows."""
        portals = (server.portal for server in self.servers if server.url == url)
        return next(portals, None) or url


class ClientContext(NamedTuple):
    """What a client is made with.

    Attributes:
        http: the caller's aiohttp session; never closed here.
        url: the server's address without a trailing slash.
        credentials: values of the provider's credential fields.
        session: the account's session, None when not signed in.
        gate: asked before every request.
        on_session: told when the cloud hands out a new session, to be stored.
        cache: answers that are expensive to ask again, shared by all clients of the same server
            and credentials; used where the gate says "not now". None to keep nothing.

    """

    http: aiohttp.ClientSession
    url: str
    credentials: Values
    session: Mapping[str, str] | None = None
    gate: Gate | None = None
    on_session: Callable[[Mapping[str, str]], None] | None = None
    cache: MutableMapping[str, object] | None = None

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "credentials", "session", "cache")


class CloudClient(ABC):
    """Talks to one server with one set of credentials.

    A method that a client's capabilities do not name raises NotImplementedError. All others
    raise `CloudError` and nothing else.
    """

    capabilities: frozenset[Capability]

    @property
    @abstractmethod
    def signed_in(self) -> bool:
        """Whether calls for the account are possible."""

    @abstractmethod
    async def test(self) -> Offer:
        """Ask whether server and credentials are right, without any effect.

        Raises InvalidInputError or AccessDeniedError at the credential field at fault.
        """

    async def verify(self) -> None:
        """Ask whether the credentials and session still work; raise AccessDeniedError if not."""
        raise NotImplementedError

    async def is_username_available(self, name: str) -> bool | None:
        """Return whether a login name (address, number) is still free. Without effect.

        None where nothing tells: registering says so itself then, before it creates anything.
        """
        raise NotImplementedError

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        """Fetch a fresh picture for a form, or for having its code sent."""
        raise NotImplementedError

    async def send_code(self, form: Form, values: Values) -> None:
        """Have a code sent to the form's identity."""
        raise NotImplementedError

    async def register(self, form: Form, values: Values) -> Account:
        """Create an account. Irreversible: call it once.

        Raises InvalidInputError before anything is sent where a value cannot be right. An error
        with `outcome_unknown` may have created the account all the same.
        """
        raise NotImplementedError

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Look without effect whether `register`, whose answer was lost, created the account.

        Returns the account if it exists now, None if it does not. Raises NotImplementedError
        where the provider has no harmless look.
        """
        raise NotImplementedError

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Return the accounts that these values open; several leave the choice to the person."""
        raise NotImplementedError

    async def plants(self, account_id: str) -> tuple[Plant, ...]:
        """Return the account's plants."""
        raise NotImplementedError

    async def create_plant(self, account_id: str, values: Values) -> Plant:
        """Create a plant; `values` has `name`, `peak_power` (kWp) and optional others."""
        raise NotImplementedError

    async def check_serial(self, serial: str) -> DeviceKind:
        """Return what a serial number belongs to."""
        raise NotImplementedError

    def check_plant_id(self, plant_id: str) -> None:
        """Raise InvalidInputError where nothing can be bound to a plant (place) of such an id."""
        raise NotImplementedError

    async def bind(self, account_id: str, plant_id: str, serial: str) -> None:
        """Ask for a serial number to be bound; returning means accepted, not associated.

        Raises AlreadyBoundError, RejectedError, TryAgainError, NotAllowedError and the rest.
        """
        raise NotImplementedError

    async def sightings(self, plant_id: str, page: int) -> SightingPage:
        """Return one page (from 1) of the devices that stand in a plant."""
        raise NotImplementedError

    async def watch(self, page: int) -> SightingPage:
        """Return one page (from 1) of all devices the token sees; plants are not named."""
        raise NotImplementedError

    async def locate(self, serial: str) -> Location | None:
        """Return who holds a serial number, None when nobody does."""
        raise NotImplementedError

    # The calls that the methods above will make, so that a planner can ask when each may be made.
    def bind_call(self, account_id: str, plant_id: str, serial: str) -> Call:
        """Return the call that `bind` makes."""
        raise NotImplementedError

    def sightings_call(self, plant_id: str, page: int) -> Call:
        """Return the call that `sightings` makes."""
        raise NotImplementedError

    def watch_call(self, page: int) -> Call:
        """Return the call that `watch` makes."""
        raise NotImplementedError

    def locate_call(self, serial: str) -> Call:
        """Return the call that `locate` makes."""
        raise NotImplementedError
