"""The interface that every cloud provides to the rest of the integration.

A `Provider` describes one kind of cloud. A `CloudClient` talks to one server with one set of
credentials. Code outside `cloud/` looks at capabilities and fields, never at which provider it
deals with.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from copy import replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import aiohttp

from .errors import CloudError, InvalidInputError, TakenError
from .fields import (
    REQUIRED,
    compact_phone,
    email,
    optional_name,
    optional_password,
    optional_phone,
    optional_text,
)
from .model import (
    Account,
    Captcha,
    Credentials,
    DeviceKind,
    Location,
    Plant,
    SightingPage,
    Values,
    repr_without,
)

CAPTCHA_CHALLENGE: Final = "captcha_challenge"
"""Key of a captcha's challenge among the values of a form."""

TIMEOUT: Final = 20.0
"""Seconds that an exchange may take, unless a `ClientContext` says otherwise."""


class Capability(StrEnum):
    """What a client can do, beyond what the forms of its `Offer` tell."""

    # Check whether a login name, address or number is free.
    CHECK_USERNAME = "check_username"
    PLANTS = "plants"
    CREATE_PLANT = "create_plant"
    BIND = "bind"
    # Tell a datalogger's serial number from an inverter's.
    CHECK_SERIAL = "check_serial"
    # List all devices cheaply, without their plants.
    WATCH = "watch"
    # Find the plant and account that have a device.
    LOCATE = "locate"
    # Add dataloggers, list a plant's, and check what a label says.
    DATALOGGER = "datalogger"
    # Tell whether the account waits for its activation, with the session that it has.
    ACTIVATION = "activation"


class FieldKind(StrEnum):
    """How to ask for a field."""

    TEXT = "text"
    NAME = "name"  # of a user or a person, in any script
    PASSWORD = "password"  # noqa: S105 - a kind of field
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"  # ISO 3166 alpha-2
    NUMBER = "number"
    URL = "url"
    CODE = "code"  # a code sent by e-mail or SMS
    CAPTCHA = "captcha"


# How to read what was typed into a field, where it is not plain text.
_READERS: Final = MappingProxyType(
    {FieldKind.NAME: optional_name, FieldKind.PASSWORD: optional_password}
)


class Field(NamedTuple):
    """A field of a form.

    Attributes:
        autocomplete: value of the HTML attribute.
        secret: not to be shown, like a password, even if it is copied and not typed.
        spell: returns the only spelling of a credential, of which blanks and invisible characters
            are gone already. Raises InvalidInputError if it cannot be one.
        longest: how much of it the cloud can store, as `size` counts, None if that is not known.
        guide: name of a drawing (in `drawings/`) of where people have to fetch it first, None if
            they have it. The dialog says more to whoever leaves it empty (`no_token`).

    """

    name: str
    kind: FieldKind = FieldKind.TEXT
    required: bool = True
    autocomplete: str | None = None
    secret: bool = False
    spell: Callable[[str], str] = str
    longest: int | None = None
    size: Callable[[str], int] = len
    guide: str | None = None

    def read(self, entered: Values) -> str | None:
        """Return what was entered into the field, None if nothing was and nothing has to be.

        What is never meant in a field of its kind is gone. Raises InvalidInputError at the field.
        """
        found = _READERS.get(self.kind, optional_text)(entered, self.name)
        if found is None and self.required:
            raise InvalidInputError(REQUIRED, field=self.name)
        return found


# Fields that several providers have.
USERNAME_FIELD: Final = Field(name="username", kind=FieldKind.NAME, autocomplete="username")
EMAIL_FIELD: Final = Field(name="email", kind=FieldKind.EMAIL, autocomplete="email")
PHONE_FIELD: Final = Field(name="phone", kind=FieldKind.PHONE, autocomplete="tel")
LOGIN_FIELD: Final = Field(name="login", kind=FieldKind.NAME, autocomplete="username")
PASSWORD_FIELD: Final = Field(
    name="password", kind=FieldKind.PASSWORD, autocomplete="current-password", secret=True
)
NEW_PASSWORD_FIELD: Final = replace(PASSWORD_FIELD, autocomplete="new-password")
CODE_FIELD: Final = Field(name="code", kind=FieldKind.CODE, autocomplete="one-time-code")
CAPTCHA_FIELD: Final = Field(name="captcha", kind=FieldKind.CAPTCHA, autocomplete="off")


class Form(NamedTuple):
    """A way to register or to sign in.

    Attributes:
        key: unique among the provider's forms of this purpose; also the translation key.
        fields: what to ask for, in order.
        identity: name of the field that identifies the account (user name, e-mail or phone).
        sends_code: `send_code` has to send a code to `identity` first, for the form to ask for.
        code_captcha: sending the code takes a captcha.

    """

    key: str
    fields: tuple[Field, ...]
    identity: str
    sends_code: bool = False
    code_captcha: bool = False

    @property
    def captcha(self) -> bool:
        """Whether the form itself takes a captcha."""
        return any(field.kind is FieldKind.CAPTCHA for field in self.fields)

    def name(self, values: Values) -> str:
        """Return the value of `identity`, a phone number in compact form."""
        name = self._identity.read(values) or ""
        return compact_phone(name) if self._identity.kind is FieldKind.PHONE else name

    @property
    def _identity(self) -> Field:
        return next(field for field in self.fields if field.name == self.identity)

    def check_identity(self, values: Values) -> None:
        """Raise InvalidInputError at `identity` if its value cannot be of its kind."""
        self._identity.read(values)
        self.check_lengths(values)
        match self._identity.kind:
            case FieldKind.EMAIL:
                email(values, self.identity)
            case FieldKind.PHONE:
                optional_phone(values, self.identity)

    def check_lengths(self, values: Values) -> None:
        """Raise InvalidInputError at the first field whose value the cloud could not store."""
        for field in self.fields:
            size = field.size(values.get(field.name, "").strip())
            if field.longest is not None and size > field.longest:
                raise InvalidInputError(
                    "longer_than", field=field.name, placeholders={"most": str(field.longest)}
                )

    def taken(self) -> TakenError:
        """Return the error for a value of `identity` that somebody has already."""
        keys = {FieldKind.EMAIL: "email_taken", FieldKind.PHONE: "phone_taken"}
        return TakenError(keys.get(self._identity.kind), field=self.identity)


class AgreementKind(StrEnum):
    """What a web page to read before registering is about."""

    TERMS = "terms"
    PRIVACY = "privacy"


class Agreement(NamedTuple):
    """A web page to read before registering, by its address."""

    kind: AgreementKind
    page: str


class Offer(NamedTuple):
    """The forms that a server offers, as far as can be told without side effects."""

    register: tuple[Form, ...] = ()
    link: tuple[Form, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    # What the site calls itself, in a form that is safe to show, where one can be mistaken.
    site_name: str | None = None


class Pace(StrEnum):
    """How often a cloud accepts the same request. The gateway knows the actual limits."""

    FREE = "free"
    QUICK = "quick"  # every few seconds
    SLOW = "slow"  # every few minutes
    SLOW_DAILY = "slow_daily"  # every few minutes, and a few times a day


class Endpoint(NamedTuple):
    """An endpoint of a provider's API.

    `irreversible`: its effect cannot be undone. The transport then marks the outcome as unknown
    if the cloud reports an internal failure.
    `optional`: a help, not a need. How it ends never decides whether the cloud can be reached.
    """

    method: str
    path: str
    pace: Pace = Pace.FREE
    irreversible: bool = False
    optional: bool = False


class Call(NamedTuple):
    """A call as rate limits see it: calls with the same `subject` are the same request.

    The subject is made of parameters and contains no secrets.
    """

    endpoint: Endpoint
    subject: str = ""


class Gate(Protocol):
    """Enforces rate limits."""

    async def permit(self, call: Call) -> None:
        """Wait until the call may be sent. Raises NotNowError if that would take too long."""

    def answered(self, call: Call, error: CloudError | None) -> None:
        """Record how a permitted call ended."""


class HandOver(NamedTuple):
    """An integration that shows the data of associated inverters.

    Attributes:
        domain: its domain.
        name: its name.
        step_id: the step of its config flow that takes our credentials.
        credentials: our credentials' names, by the fields of that step that take them.
        choices: what its other fields are set to.
        series: the series of inverters that it shows with them, as `Sighting.series` tells them.
        first_call: the rate-limited call that it starts with, using the same credentials.

    """

    domain: str
    name: str
    step_id: str
    credentials: Mapping[str, str]
    choices: Mapping[str, str]
    series: frozenset[str]
    first_call: Endpoint


class Server(NamedTuple):
    """A known server of a provider.

    Attributes:
        key: unique among the provider's servers; also the translation key of its name.
        url: base URL of the API.
        portal: URL of the web portal for the same accounts, None if unknown.
        hand_over: an integration that its accounts can be handed over to.
        countries: those that it is for (ISO 3166 alpha-2), none if it is for all that have no
            server of their own. None where nobody looks for an account.
        for_tests: has no customers, so it is not offered to them.

    """

    key: str
    url: str
    portal: str | None = None
    hand_over: HandOver | None = None
    countries: frozenset[str] | None = None
    for_tests: bool = False


class Provider(NamedTuple):
    """A kind of cloud.

    Attributes:
        key: stored with every account; also the translation key of its name.
        servers: known servers. Any other address is possible too.
        credential_fields: what talking to a server takes, even without an account.
        client: returns a client.
        vendor: who makes the cloud's software.
        product: what the vendor calls it.
        manufacturer: maker of the devices, None if there are several.
        activates: new accounts may have to wait for approval or confirmation.
        register_fields: all fields that any form to register may have, as the actions name them.
        plant_id_field: what to ask for instead of a plant, for clouds without plants.
        realm_field: name of the credential that is needed, beside the server, to make account ids
            unique (a site, a user domain).
        api_path: pattern of the API's own part at the end of an address, from its slash on. People
            copy such addresses from the documentation.
        shortest_serial: the length of the shortest usual serial number; 0 where nobody knows.

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
    realm_field: str | None = None
    api_path: str | None = None
    shortest_serial: int = 0

    @property
    def realm_optional(self) -> bool:
        """Whether `realm_field` may be empty: servers then also answer where it is wrong."""
        fields = (field for field in self.credential_fields if field.name == self.realm_field)
        return any(not field.required for field in fields)

    def likely_servers(self, country: str | None) -> tuple[Server, ...]:
        """Return the servers to look for an account on, the likeliest for a country first."""
        candidates = [server for server in self.servers if server.countries is not None]
        return tuple(sorted(candidates, key=lambda server: country not in (server.countries or ())))

    def portal(self, url: str) -> str:
        """Return the URL of a server's web portal, by default the server's own."""
        portals = (server.portal for server in self.servers if server.url == url)
        return next(portals, None) or url

    def credentials(self, entered: Values) -> Credentials:
        """Return the credentials among what was entered, each in its only spelling.

        Raises InvalidInputError at the field that is empty or cannot be right.
        """
        found: dict[str, str] = {}
        for field in self.credential_fields:
            if (typed := field.read(entered)) is not None:
                found[field.name] = field.spell(typed)
        return Credentials(found)


class ClientContext(NamedTuple):
    """The environment of a client.

    Attributes:
        http: the caller's session, which clients never close.
        url: the server's base URL, without a trailing slash.
        credentials: as `Provider.credentials` returns them.
        session: the account's session, None when not signed in.
        gate: enforces rate limits.
        on_session: called with the new session to store when the cloud replaces it.
        cache: keeps the answers to expensive calls, to be used when the gate holds back a call.
            All clients with the same server and credentials may share it. It holds plain JSON,
            because it is stored, and what is in it may come from another version.
        timeout: seconds that an exchange may take, from the DNS lookup to the end of the answer.

    """

    http: aiohttp.ClientSession
    url: str
    credentials: Credentials
    session: Mapping[str, str] | None = None
    gate: Gate | None = None
    on_session: Callable[[Mapping[str, str]], None] | None = None
    cache: MutableMapping[str, object] | None = None
    timeout: float = TIMEOUT

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "credentials", "session", "cache")


class CloudClient(ABC):
    """A client for one server with one set of credentials.

    Methods raise only CloudError, or NotImplementedError where the client lacks the capability.
    Serial numbers have to be valid and in upper case. The `kind` of what is bound or listed is
    INVERTER or, with the capability, DATALOGGER.
    """

    capabilities: frozenset[Capability]

    @property
    @abstractmethod
    def signed_in(self) -> bool:
        """Whether the client can make calls on behalf of the account."""

    @abstractmethod
    async def test(self) -> Offer:
        """Check server and credentials without side effects.

        Errors name the field of the server or credential at fault.
        """

    async def recognize(self) -> bool | None:
        """Return whether the server runs this provider's software, None if there is no telling.

        Asks something harmless. Raises the error of a server that does not answer, or not by
        itself.
        """
        raise NotImplementedError

    async def verify(self) -> None:
        """Check credentials and session. Raises AccessDeniedError if they are not valid."""
        raise NotImplementedError

    async def is_username_available(self, name: str) -> bool | None:
        """Return whether a login name, address or number is free, None if there is no telling.

        Has no side effects.
        """
        raise NotImplementedError

    async def activation_pending(self) -> bool | None:
        """Return whether the account waits for its activation, None if the cloud does not tell.

        Raises AccessDeniedError if the session has ended.
        """
        raise NotImplementedError

    @property
    def renewable_in(self) -> float | None:
        """In how many seconds `activation_pending` will renew the session, None if never."""
        return None

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        """Fetch a new captcha for a form, or for having the form's code sent."""
        raise NotImplementedError

    async def send_code(self, form: Form, values: Values) -> None:
        """Have a code sent to the address or number in the form's identity field."""
        raise NotImplementedError

    async def register(self, form: Form, values: Values) -> Account:
        """Create an account. This is irreversible and must not be retried blindly.

        Values that cannot be right raise InvalidInputError before anything is sent. If an error
        has `outcome_unknown`, the account may exist.
        """
        raise NotImplementedError

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Return the account that `register` created although its answer was lost, else None.

        Has no side effects. Raises NotImplementedError where the cloud offers no
        such way to find out.
        """
        raise NotImplementedError

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Sign in, and return the accounts that this gives access to.

        Raises AccountsUnreadError if there may be others than those that are known.
        """
        raise NotImplementedError

    async def plants(self, account_id: str) -> tuple[Plant, ...]:
        """Return the account's plants; none only if the cloud has said so."""
        raise NotImplementedError

    def known_plants(self) -> tuple[Plant, ...]:
        """Return the plants that were last listed with these credentials. Asks nobody."""
        return ()

    def known_name(self, account_id: str) -> str | None:
        """Return what an account was last called in a list, None if unknown. Asks nobody."""
        del account_id
        return None

    async def create_plant(self, account_id: str, values: Values) -> Plant:
        """Create a plant from `name`, `peak_power` (in kWp) and other, optional values."""
        raise NotImplementedError

    async def check_serial(self, serial: str) -> DeviceKind:
        """Return the kind of device that a serial number belongs to."""
        raise NotImplementedError

    def check_plant_id(self, plant_id: str) -> None:
        """Raise InvalidInputError if this cannot be the id of a plant."""
        raise NotImplementedError

    async def validate_datalogger(self, serial: str, check_code: str) -> Location | None:
        """Check a datalogger's serial number against the check code on its label.

        Returns who has it, None if nobody does. Has no side effects. Raises InvalidInputError at
        `check_code` if the two do not belong together.
        """
        raise NotImplementedError

    async def bind(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> str | None:
        """Request that a device be bound to a plant and account.

        Returns once the cloud has accepted the request; the association may come later. The result
        is the cloud's own key of the device, by which a list may show it, None if it has none.
        """
        raise NotImplementedError

    async def sightings(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> SightingPage:
        """Return one page (from 1) of the devices in a plant."""
        raise NotImplementedError

    async def watch(self, page: int) -> SightingPage:
        """Return one page (from 1) of all devices, without their plants."""
        raise NotImplementedError

    async def locate(self, serial: str) -> Location | None:
        """Return who has a device, None if nobody does."""
        raise NotImplementedError

    # The calls that the methods above make, to plan them around the rate limits.
    def bind_call(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        """Return the call that `bind` makes."""
        raise NotImplementedError

    def sightings_call(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        """Return the call that `sightings` makes."""
        raise NotImplementedError

    def watch_call(self, page: int) -> Call:
        """Return the call that `watch` makes."""
        raise NotImplementedError

    def locate_call(self, serial: str) -> Call:
        """Return the call that `locate` makes."""
        raise NotImplementedError
