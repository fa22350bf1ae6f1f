"""Provider for Growatt's ShineServer OpenAPI v1.

Everything is done with an API token. It belongs to an end user, or to an installer or distributor
who can create and manage end users. The id of an end user is called `c_user_id`, in plants
`user_id`.
"""

from collections.abc import Callable, Mapping
from copy import replace
from functools import partial
import re
from typing import Final, NamedTuple, Self
from urllib.parse import urlencode

from .. import fields
from ..answer import Reply, as_int, as_list, as_object, as_text
from ..errors import (
    LIMITS,
    AccessDeniedError,
    AccountsUnreadError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    NotAllowedError,
    SeesNothingError,
    UnexpectedAnswerError,
    UnreachableError,
    WrongServerError,
)
from ..model import MAX_PAGES, Account, DeviceKind, Location, Plant, SightingPage, Values
from ..provider import (
    EMAIL_FIELD,
    NEW_PASSWORD_FIELD,
    PHONE_FIELD,
    USERNAME_FIELD,
    Call,
    Capability,
    ClientContext,
    CloudClient,
    Endpoint,
    Field,
    FieldKind,
    Form,
    HandOver,
    Offer,
    Provider,
    Server,
)
from ..servers import SERVER_FIELD
from ..transport import Request, Transport
from . import api
from .countries import vendor_country

REGISTER: Final = Form(
    key="register",
    fields=(
        USERNAME_FIELD,
        NEW_PASSWORD_FIELD,
        EMAIL_FIELD,
        Field(name="country", kind=FieldKind.COUNTRY, autocomplete="country"),
        Field(name="installer_code", required=False),
        replace(PHONE_FIELD, required=False),
        Field(name="time_zone", required=False),
    ),
    identity="username",
)
_ACCOUNT_ID = Field(name="account_id", required=False)
LINK: Final = Form(key="link", fields=(_ACCOUNT_ID,), identity="account_id")

_TOKEN_LENGTH = 32
_END_CUSTOMER = "1"
_PEAK_POWER_KWP = (0.001, 1_000_000.0)
_LATITUDE = (-90.0, 90.0)
_LONGITUDE = (-180.0, 180.0)
_HOURS_FROM_UTC = (-12.0, 14.0)
# Keys in the cache.
_PLANTS = "plants"
_PLANTS_READ = "plants_read"
_PLANTS_LACKING = "plants_lacking"
_PLANTS_BY_NAME = "plants_by_name"
_USERS = "users"
_USERS_READ = "users_read"
_UNPAGED = "unpaged"
# How the end users were last read.
_WHOLLY = "wholly"
_PARTLY = "partly"
_DENIED = "denied"


class _Place(NamedTuple):
    """Where a list goes on: at which page, and what told the rows before it apart."""

    page: int = 1
    shown: frozenset[str | None] = frozenset()

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {"page": self.page, "shown": list(self.shown)}

    @classmethod
    def from_json(cls, stored: object) -> Self | None:
        """Return it from `as_json`, None if it is none."""
        kept = as_object(stored) or {}
        page, shown = as_int(kept.get("page")), as_list(kept.get("shown"))
        if page is None or shown is None:
            return None
        return cls(page, frozenset(map(as_text, shown)))


_BEGINNING: Final = _Place()


class _Listed(NamedTuple):
    """What was read of a list.

    Attributes:
        place: where to go on if a limit or the number of pages ended it.
        lacking: why that is not all of it, None if it is.

    """

    rows: list[api.Row]
    place: _Place | None = None
    lacking: CloudError | None = None


class _Users(NamedTuple):
    """The token's end users.

    Attributes:
        names: their names by id, None if the token may not list them.
        unread: why these may not be all, None if they were listed now.
        listed: they were listed, if only before or in part.

    """

    names: dict[str, str] | None
    unread: CloudError | None = None
    listed: bool = True


class GrowattClient(CloudClient):
    """Client for one ShineServer with one token."""

    capabilities = frozenset(Capability) - {Capability.ACTIVATION}

    def __init__(self, context: ClientContext) -> None:
        """Initialize the client."""
        self._token = context.credentials["token"]
        self._cache = {} if context.cache is None else context.cache
        self._transport = Transport(
            http=context.http, url=context.url, gate=context.gate, timeout=context.timeout
        )
        # The plants in the cache, and the rows that they were read from.
        self._known_plants: tuple[Plant, ...] = ()
        self._plant_rows: object = None

    @property
    def signed_in(self) -> bool:
        """Always True, as the token is part of the credentials."""
        return True

    async def test(self) -> Offer:
        """Fetch the first plants, which every valid token may."""
        try:
            await self.verify()
        except LIMITS:
            # What was listed a moment ago proves the same.
            if self._cached_plants() is None:
                raise
        except (UnreachableError, NoAnswerError, WrongServerError, UnexpectedAnswerError) as err:
            err.field = SERVER_FIELD
            raise
        return Offer(register=(REGISTER,), link=(LINK,))

    async def verify(self) -> None:
        """Fetch the first plants, which every valid token may."""
        await self._fetch_plants(pages=1)

    # Accounts

    async def is_username_available(self, name: str) -> bool:
        """Return whether a user name is free on this server."""
        name = fields.name({"username": name}, "username")
        return await self._ask(api.USER_CHECK, {"user_name": name}, api.is_available)

    async def register(self, form: Form, values: Values) -> Account:
        """Create an end user for the token's owner."""
        del form
        name = fields.name(values, "username")
        password = fields.password(values, "password")
        email = fields.email(values, "email")
        account_id = await self._ask(
            api.USER_REGISTER,
            {
                "user_name": name,
                "user_password": password,
                "user_email": email,
                "user_type": _END_CUSTOMER,
                "user_country": vendor_country(fields.text(values, "country")),
                # Documented as agentCode. A public client sends agent_code, but untested.
                "agentCode": fields.optional_text(values, "installer_code"),
                "user_tel": _digits(fields.optional_phone(values, "phone")),
                "time": fields.optional_text(values, "time_zone"),
            },
            api.registered_id,
            subject=("user_name",),
            secrets=(password, email),
        )
        if account_id is not None:
            self._cache[_USERS] = {**self._cached_users(), account_id: name}
            self._keep_plants_by_name(account_id, ())
        return Account(id=account_id, name=name, session={})

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Check whether the name is taken now, and get its id if the token may list users."""
        del form
        name = fields.name(values, "username")
        if await self.is_username_available(name):
            return None
        # That it exists is known, whatever becomes of the list.
        users = await self._users()
        found = (key for key, user in (users.names or {}).items() if user == name)
        account_id = next(found, None)
        return Account(id=account_id, name=name, session={})

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Return the token's end users, or the one whose id was entered.

        There is no call for "who am I": an end user's token reveals its user only in plants. If it
        has none, the id has to be entered (`account_id_needed`). If it has some, it has to be the
        id in them (`wrong_account`). A new installer's token tells nothing at all
        (`token_sees_nothing`) until Growatt links devices to it. Where the list of end users could
        not be read, none of that is known: then AccountsUnreadError has those whose plants are, or
        who were listed before.
        """
        del form
        if (typed := fields.optional_text(values, "account_id")) is not None:
            typed = _identifier(typed, "account_id")
        plants = await self._plants()
        users = await self._users()
        owners: dict[str, str] = {}
        for plant in plants:
            if plant.owner_id is not None:
                owners.setdefault(plant.owner_id, plant.name)
        names = {owner: owner for owner in owners} | (users.names or {})
        if typed is not None:
            if not users.names and owners and typed not in owners:
                raise self._doubt(users) or InvalidInputError(
                    "wrong_account",
                    field="account_id",
                    placeholders={"expected": typed, "found": ", ".join(owners)},
                )
            names = {typed: names.get(typed, typed)}
        if not names:
            if users.names is not None:
                raise self._doubt(users) or SeesNothingError(field="account_id")
            # An end user's token may not list users.
            raise InvalidInputError("account_id_needed", field="account_id")
        accounts = tuple(
            Account(id=key, name=name, session={}, plant=owners.get(key))
            for key, name in names.items()
        )
        if users.unread is not None and typed is None:
            raise AccountsUnreadError(users.unread, accounts, listed=users.listed)
        return accounts

    # Plants

    async def plants(self, account_id: str) -> tuple[Plant, ...]:
        """Return the plants of an end user.

        An installer's token may get some of them only by asking for the user's name. That there
        are none is only said if the cloud has said so: else whoever reads it creates a second one.
        """
        own = tuple(plant for plant in await self._plants() if plant.owner_id in {account_id, None})
        if own:
            return own
        name = self._cached_users().get(account_id)
        if name is None:
            users = await self._users()
            name = (users.names or {}).get(account_id)
            if name is None and (doubt := self._doubt(users)) is not None:
                raise doubt
        if name is not None:
            return await self._plants_by_name(account_id, name)
        if self._cache.get(_PLANTS_LACKING):
            raise UnexpectedAnswerError
        return ()

    def known_plants(self) -> tuple[Plant, ...]:
        """Return the plants that were last listed for the token. Asks nobody."""
        return self._cached_plants() or ()

    def known_name(self, account_id: str) -> str | None:
        """Return the name of one of the token's end users, as it was last listed."""
        name = self._cached_users().get(account_id)
        return None if name == account_id else name

    async def create_plant(self, account_id: str, values: Values) -> Plant:
        """Create a plant for an end user.

        Optional values beside `name` and `peak_power` (kWp): `country` (ISO 3166 alpha-2),
        `currency`, `latitude`, `longitude`, `time_zone` (hours from UTC), `city`, `address`.
        """
        account_id = _identifier(account_id, "account_id")
        name = fields.name(values, "name")
        country = fields.optional_text(values, "country")
        plant_id = await self._ask(
            api.PLANT_ADD,
            {
                "c_user_id": account_id,
                "name": name,
                "peak_power": fields.decimal(fields.number(values, "peak_power", *_PEAK_POWER_KWP)),
                # This is what the vendor calls the country.
                "latitude_f": None if country is None else vendor_country(country),
                "currency": fields.optional_text(values, "currency"),
                "latitude": _optional_number(values, "latitude", _LATITUDE),
                "longitude": _optional_number(values, "longitude", _LONGITUDE),
                "timezone_id": _optional_number(values, "time_zone", _HOURS_FROM_UTC),
                "city": fields.optional_name(values, "city"),
                "plantAddress": fields.optional_name(values, "address"),
            },
            api.created_plant_id,
            subject=("c_user_id", "name"),
        )
        plant = Plant(id=plant_id, name=name, owner_id=account_id)
        if (by_name := self._cached_plants_by_name(account_id)) is not None:
            self._keep_plants_by_name(account_id, (*by_name, plant))
        if (cached := self._cached_plants()) is not None:
            self._keep_plants((*cached, plant))
        return plant

    # Devices

    async def check_serial(self, serial: str) -> DeviceKind:
        """Return the kind of device that a serial number belongs to, bound or not."""
        # Documented as dataloggerSn; the vendor's Postman collection calls it sn.
        return await self._ask(api.DEVICE_CHECK, {"dataloggerSn": serial}, api.device_kind)

    def check_plant_id(self, plant_id: str) -> None:
        """Raise InvalidInputError if this cannot be the id of a plant."""
        _identifier(plant_id, "plant_id")

    async def validate_datalogger(self, serial: str, check_code: str) -> Location | None:
        """Check a datalogger's serial number against its check code, added or not."""
        check_code = fields.text({"check_code": check_code}, "check_code")
        return await self._ask(
            api.DATALOGGER_VALIDATE,
            {"datalogSn": serial, "valiCode": check_code},
            api.datalogger_holder,
            subject=("datalogSn",),
            secrets=(check_code,),
        )

    async def bind(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> None:
        """Request that a datalogger be added to a plant, or an inverter once it is online."""
        _identifier(account_id, "account_id")
        self.check_plant_id(plant_id)
        await self._ask(api.ADD[kind], _binding(account_id, plant_id, serial), api.nothing)

    async def sightings(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> SightingPage:
        """Return a page of a plant's dataloggers, or of its other devices."""
        parameters = {"plant_id": plant_id, **_page(page)}
        read = partial(api.SIGHTINGS[kind], plant_id, page)
        return await self._ask(api.LIST[kind], parameters, read)

    async def watch(self, page: int) -> SightingPage:
        """Return a page of all devices that the token may read."""
        # A public client that is known to work sends the page in the query.
        return await self._ask(
            api.DEVICE_WATCH, {"page": str(page)}, partial(api.watched, page), in_query=True
        )

    async def locate(self, serial: str) -> Location | None:
        """Return the plant and end user that have an inverter."""
        return await self._ask(api.PLANT_OF_DEVICE, {"device_sn": serial}, api.location)

    def bind_call(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        """Return the call that `bind` makes."""
        return _call(api.ADD[kind], _binding(account_id, plant_id, serial))

    def sightings_call(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        """Return the call that `sightings` makes."""
        return _call(api.LIST[kind], {"plant_id": plant_id, **_page(page)})

    def watch_call(self, page: int) -> Call:
        """Return the call that `watch` makes."""
        return _call(api.DEVICE_WATCH, {"page": str(page)})

    def locate_call(self, serial: str) -> Call:
        """Return the call that `locate` makes."""
        return _call(api.PLANT_OF_DEVICE, {"device_sn": serial})

    # Helpers

    async def _ask[T](
        self,
        endpoint: Endpoint,
        parameters: Mapping[str, str | None],
        reader: Callable[[Reply], T],
        *,
        subject: tuple[str, ...] = (),
        in_query: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """Make a call and return what `reader` reads from the reply.

        Parameters that are None are left out. A GET has them in the query, a POST in a form unless
        told otherwise. `subject` names those that make up the call's subject, by default all.
        """
        sent = {key: value for key, value in parameters.items() if value is not None}
        is_get = endpoint.method == "GET"
        in_query = in_query or is_get
        request = Request(
            call=_call(endpoint, {key: sent[key] for key in subject or sent}),
            query=sent if in_query else {},
            form=None if is_get else {} if in_query else sent,
            headers={"token": self._token},
            secrets=(self._token, *secrets),
        )
        return await self._transport.send(
            request, lambda answer: reader(api.read_reply(endpoint, answer))
        )

    async def _rows(
        self,
        endpoint: Endpoint,
        name: str,
        key: str,
        parameters: Mapping[str, str],
        *,
        begin: _Place = _BEGINNING,
        pages: int = MAX_PAGES,
    ) -> _Listed:
        """Return the rows of a list, and how far that is.

        At most `pages` are read from `begin`; `key` tells rows apart. If a rate limit is hit after
        the first page, the rows so far are returned. So they are if the list seems to have no end:
        if a page only repeats earlier ones, or after many pages. Calls are few, so a list whose
        second page repeats the first is not asked for another one until its length changes.
        """
        rows: list[api.Row] = []
        place: _Place | None = begin
        shown = begin.shown
        total: int | None = None
        unpaged = as_object(self._cache.get(_UNPAGED)) or {}
        for number in range(begin.page, min(begin.page + pages, MAX_PAGES + 1)):
            page = {**parameters, **_page(number)}
            try:
                found, total = await self._ask(
                    endpoint, page, partial(api.page_rows, name, may_be_blank=True)
                )
            except LIMITS as err:
                if number == begin.page:
                    raise
                return _Listed(rows, place, err)
            if len(found) < api.ROWS_PER_PAGE:
                rows += found
                count = len(begin.shown) + len(rows)
                return _Listed(rows, lacking=_lacking(is_all=count >= (total or 0)))
            keys = {as_text(row.get(key)) for row in found}
            if keys <= shown:
                self._cache[_UNPAGED] = {**unpaged, endpoint.path: total}
                place = None
                break
            rows += found
            shown |= keys
            place = _Place(number + 1, shown)
            if total is not None and unpaged.get(endpoint.path) == total:
                place = None
                break
        is_all = total == len(shown)
        return _Listed(rows, None if is_all else place, _lacking(is_all=is_all))

    async def _plants(self) -> tuple[Plant, ...]:
        """Return all plants of the token, from the cache as far as a rate limit is hit."""
        try:
            return await self._fetch_plants()
        except LIMITS:
            if (cached := self._cached_plants()) is None:
                raise
        # Perhaps only its beginning was read a moment ago.
        if (place := _Place.from_json(self._cache.get(_PLANTS_READ))) is None:
            return cached
        try:
            return await self._fetch_plants(place)
        except LIMITS:
            return cached

    async def _fetch_plants(
        self, begin: _Place = _BEGINNING, pages: int = MAX_PAGES
    ) -> tuple[Plant, ...]:
        """Return all plants that are known once some pages of their list have been read."""
        listed = await self._rows(
            api.PLANT_LIST, "plants", "plant_id", {}, begin=begin, pages=pages
        )
        self._cache[_PLANTS_READ] = None if listed.place is None else listed.place.as_json()
        self._cache[_PLANTS_LACKING] = listed.lacking is not None
        cached = self._cached_plants() or ()
        known = (plant for plant in cached if listed.lacking or plant.id in begin.shown)
        seen = [plant for row in listed.rows if (plant := api.plant(row)) is not None]
        plants = tuple({plant.id: plant for plant in (*known, *seen)}.values())
        self._keep_plants(plants)
        return plants

    async def _plants_by_name(self, account_id: str, name: str) -> tuple[Plant, ...]:
        """Return the plants of an end user of this name; within a limit, those last listed."""
        cached = self._cached_plants_by_name(account_id)
        try:
            listed = await self._rows(
                api.PLANT_LIST_OF_USER, "plants", "plant_id", {"user_name": name}
            )
        except (*LIMITS, NotAllowedError):
            if cached is None:
                raise
            return cached
        seen = [plant for row in listed.rows if (plant := api.plant(row, account_id)) is not None]
        known = cached or () if listed.lacking else ()
        plants = tuple({plant.id: plant for plant in (*known, *seen)}.values())
        if not plants and listed.lacking is not None:
            raise listed.lacking
        self._keep_plants_by_name(account_id, plants)
        return plants

    async def _users(self) -> _Users:
        """Return the token's end users, as they were last listed if that is not possible now."""
        try:
            return await self._fetch_users()
        except AccessDeniedError:
            raise
        except NotAllowedError:
            self._cache[_USERS_READ] = _DENIED
            return _Users(None)
        except CloudError as err:
            if self._holds(err, _DENIED):
                return _Users(None)
            return _Users(self._cached_users(), err, listed=self._holds(err, _WHOLLY, _PARTLY))

    def _holds(self, err: CloudError, *answers: str) -> bool:
        """Return whether one of these answers to the last question for end users still holds.

        It does within a limit. A cloud that fails has to be heard.
        """
        return isinstance(err, LIMITS) and self._cache.get(_USERS_READ) in answers

    def _doubt(self, users: _Users) -> CloudError | None:
        """Return why somebody who is not listed may be there all the same, None if nothing says so.

        Within a limit, what the whole list showed last holds.
        """
        err = users.unread
        return None if err is None or self._holds(err, _WHOLLY) else err

    async def _fetch_users(self) -> _Users:
        listed = await self._rows(api.USER_LIST, "c_user", "c_user_id", {})
        users = self._cached_users() if listed.lacking else {}
        for row in listed.rows:
            if (user_id := as_text(row.get("c_user_id"))) is not None:
                users[user_id] = as_text(row.get("c_user_name")) or user_id
        self._cache[_USERS] = users
        self._cache[_USERS_READ] = _PARTLY if listed.lacking else _WHOLLY
        return _Users(users, listed.lacking)

    def _keep_plants(self, plants: tuple[Plant, ...]) -> None:
        self._cache[_PLANTS] = [api.plant_row(plant) for plant in plants]

    def _cached_plants(self) -> tuple[Plant, ...] | None:
        """Return the plants that were last listed, None if they are not known."""
        if (rows := as_list(self._cache.get(_PLANTS))) is None:
            return None
        if rows is not self._plant_rows:
            found = (api.plant(as_object(row) or {}) for row in rows)
            self._known_plants = tuple(plant for plant in found if plant is not None)
            self._plant_rows = rows
        return self._known_plants

    def _keep_plants_by_name(self, account_id: str, plants: tuple[Plant, ...]) -> None:
        kept = as_object(self._cache.get(_PLANTS_BY_NAME)) or {}
        rows = [api.plant_row(plant) for plant in plants]
        self._cache[_PLANTS_BY_NAME] = {**kept, account_id: rows}

    def _cached_plants_by_name(self, account_id: str) -> tuple[Plant, ...] | None:
        """Return the plants of an end user that were last listed, None if they are not known."""
        kept = as_object(self._cache.get(_PLANTS_BY_NAME)) or {}
        if (rows := as_list(kept.get(account_id))) is None:
            return None
        found = (api.plant(as_object(row) or {}) for row in rows)
        return tuple(plant for plant in found if plant is not None)

    def _cached_users(self) -> dict[str, str]:
        """Return the names of the users that were last listed, by id."""
        kept = as_object(self._cache.get(_USERS)) or {}
        return {key: name for key, user in kept.items() if (name := as_text(user)) is not None}


def _lacking(*, is_all: bool) -> CloudError | None:
    """Return the error of a list that counts more than it shows, None if it showed all."""
    return None if is_all else UnexpectedAnswerError()


def _token(typed: str) -> str:
    """Return the token in what was pasted: the vendor's mails print it as `{...}` in a sentence."""
    runs: list[str] = re.findall(r"[A-Za-z0-9]+", typed)
    found = {run for run in runs if len(run) == _TOKEN_LENGTH}
    if len(found) != 1:
        raise InvalidInputError("token_not_found", field="token")
    return found.pop()


# For the global server only: with a token, core's library ignores the chosen region.
CORE_GROWATT: Final = HandOver(
    domain="growatt_server",
    name="Growatt",
    step_id="token_auth",
    credentials={"token": "token"},
    choices={"region": "other_regions"},
    series=frozenset({"5", "7"}),  # SPH and MIN
    first_call=api.PLANT_LIST,
)
GROWATT: Final = Provider(
    key="growatt",
    vendor="Growatt",
    product="ShineServer",
    manufacturer="Growatt",
    # The portals are the old API hosts (ShowDoc page 11558377940604806), which still serve the
    # web pages. None is documented for Australia.
    servers=(
        Server(
            "global",
            "https://openapi.growatt.com",
            "https://server.growatt.com",
            hand_over=CORE_GROWATT,
            countries=frozenset(),
        ),
        Server(
            "north_america",
            "https://openapi-us.growatt.com",
            "https://server-us.growatt.com",
            countries=frozenset({"CA", "MX", "PR", "US"}),
        ),
        Server(
            "australia_new_zealand",
            "https://openapi-au.growatt.com",
            countries=frozenset({"AU", "NZ"}),
        ),
        Server(
            "china",
            "https://openapi-cn.growatt.com",
            "https://server-cn.growatt.com",
            countries=frozenset({"CN"}),
        ),
        Server("test", "https://test.growatt.com", for_tests=True),
    ),
    credential_fields=(Field(name="token", secret=True, spell=_token, guide="token"),),
    register_fields=REGISTER.fields,
    client=GrowattClient,
    # Ten characters on inverters and older dataloggers, up to sixteen on newer ones.
    shortest_serial=8,
    api_path=r"/v1(?:/(?:device|plant|user)(?:/.+)?)?$|/v4(?:/new-api(?:/.+)?)?$",
)


# Parameters


def _call(endpoint: Endpoint, subject: Mapping[str, str]) -> Call:
    """Return a call of an endpoint with the parameters that distinguish it from others."""
    return Call(endpoint, urlencode(sorted(subject.items())))


def _binding(account_id: str, plant_id: str, serial: str) -> dict[str, str]:
    return {"plant_id": plant_id, "sn": serial, "c_user_id": account_id}


def _page(number: int) -> dict[str, str]:
    return {"page": str(number), "perpage": str(api.ROWS_PER_PAGE)}


def _identifier(value: str, field: str) -> str:
    """Return an id in normal form. Growatt's ids are whole numbers."""
    if not (value.isascii() and value.isdigit()):
        raise InvalidInputError("invalid_id", field=field)
    return value.lstrip("0") or "0"


def _digits(phone: str | None) -> str | None:
    """Return the digits of a phone number, without an international prefix.

    The vendor documents a whole number, which cannot begin with zeros.
    """
    if phone is None:
        return None
    return fields.compact_phone(phone).removeprefix("+").removeprefix("00")


def _optional_number(values: Values, name: str, limits: tuple[float, float]) -> str | None:
    number = fields.optional_number(values, name, *limits)
    return None if number is None else fields.decimal(number)
