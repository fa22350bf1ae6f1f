"""Provider for the Quectel / Acceleronix end-user API.

An account belongs to one data center and one user domain (an app, or the brand behind it).
Registering takes only the user domain. Signing in, which everything else requires, takes its
secret too. There are no plants: a device is bound by its serial number and its product's key.
"""

import asyncio
from collections.abc import Callable, Mapping
from copy import replace
from functools import partial
import re
import time
from typing import Final
from urllib.parse import urlencode

from .. import fields
from ..answer import Reply
from ..errors import (
    AccessDeniedError,
    BlockedError,
    CloudError,
    InvalidInputError,
    NoAnswerError,
    TryAgainError,
    UnexpectedAnswerError,
    UnknownCodeError,
    UnreachableError,
)
from ..model import Account, DeviceKind, SightingPage, Values
from ..provider import (
    CODE_FIELD,
    EMAIL_FIELD,
    NEW_PASSWORD_FIELD,
    PASSWORD_FIELD,
    Call,
    Capability,
    ClientContext,
    CloudClient,
    Field,
    FieldKind,
    Form,
    Offer,
    Provider,
    Server,
)
from ..servers import SERVER_FIELD
from ..transport import Request, Transport
from . import api
from .password import encrypt, new_random, sign
from .session import REFRESH_AHEAD, Session, read_session

REGISTER: Final = Form(
    key="register",
    fields=(
        EMAIL_FIELD,
        NEW_PASSWORD_FIELD,
        CODE_FIELD,
        Field(name="language_id", kind=FieldKind.NUMBER, required=False),
        Field(name="nationality_id", kind=FieldKind.NUMBER, required=False),
        Field(name="time_zone_id", kind=FieldKind.NUMBER, required=False),
        Field(name="mcc", kind=FieldKind.NUMBER, required=False),
    ),
    identity="email",
    sends_code=True,
)
LINK: Final = Form(key="link", fields=(EMAIL_FIELD, PASSWORD_FIELD), identity="email")
PRODUCT_KEY: Final = Field(name="product_key")

_REGISTRATION_CODE = "1"
# Undocumented; examples are C.DM.10271.5 and E.SP.4294967410.
_USER_DOMAIN = r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)+"
# "6-20 letters, numbers or special characters": we assume printable ASCII.
_PASSWORD_SHAPE = r"[!-~]{6,20}"  # noqa: S105 - a pattern
_PRODUCT_KEY = r"[A-Za-z0-9_-]{1,64}"
_ID = (0, 2**31 - 1)
# Documented as int32 only, so it might also be negative.
_INT32 = (-(2**31), 2**31 - 1)
_MCC = (1, 999)  # three digits (ITU-T E.212)
_ENGLISH: Mapping[str, str] = {"X-Q-Language": "en"}


def _wall_clock() -> float:
    # Not passed directly, so that tests can freeze time.
    return time.time()


class QuectelClient(CloudClient):
    """Client for one data center and one user domain."""

    def __init__(self, context: ClientContext, clock: Callable[[], float] = _wall_clock) -> None:
        """Initialize the client; `clock` returns the Unix time."""
        self._context = context
        self._clock = clock
        self._transport = Transport(
            http=context.http, url=context.url, gate=context.gate, timeout=context.timeout
        )
        self._session = Session.from_dict(context.session)
        self._refreshing: asyncio.Task[Session] | None = None
        self._user_domain = context.credentials["user_domain"]
        self._secret = context.credentials.get("user_domain_secret", "")
        can_bind = self._secret or self._session
        self.capabilities = frozenset({Capability.BIND} if can_bind else ())

    @property
    def signed_in(self) -> bool:
        """Whether there are tokens of a session."""
        return self._session is not None

    async def test(self) -> Offer:
        """Check that the server has this API.

        Every call that would check the user domain registers, sends mail or counts as a failed
        sign-in. So this asks for account data without a token, which the server has to refuse.
        """
        try:
            await self._ask(Call(api.USER_INFO, "nobody"), api.account_id)
        except AccessDeniedError:
            pass
        except (
            UnreachableError,
            NoAnswerError,
            UnexpectedAnswerError,
            BlockedError,
            UnknownCodeError,
        ) as err:
            err.field = SERVER_FIELD
            raise
        return Offer(register=(REGISTER,), link=(LINK,) if self._secret else ())

    async def verify(self) -> None:
        """Fetch the account's data."""
        await self._ask_signed_in(Call(api.USER_INFO, self._subject()), api.account_id)

    # Accounts

    async def send_code(self, form: Form, values: Values) -> None:
        """Have a verification code for registering sent by e-mail."""
        del form
        email = fields.email(values, "email")
        sent = {
            "email": email,
            "emailType": _REGISTRATION_CODE,
            "userDomain": self._user_domain,
        }
        try:
            await self._ask(
                Call(api.SEND_EMAIL, urlencode({"email": email})),
                api.accepted,
                form=sent,
                secrets=(email,),
            )
        except UnexpectedAnswerError as err:
            # This endpoint is known to report an e-mail that could not be sent as HTTP 500.
            if err.placeholders.get("status") != "500":
                raise
        else:
            return
        raise TryAgainError("code_not_sent", field="email")

    async def register(self, form: Form, values: Values) -> Account:
        """Create an account, and sign in to it if the user domain's secret is known."""
        del form
        email = fields.email(values, "email")
        password = fields.password(values, "password")
        if not re.fullmatch(_PASSWORD_SHAPE, password):
            raise InvalidInputError("password_6_to_20", field="password")
        code = fields.text(values, "code")
        options = {
            "lang": _optional_integer(values, "language_id", _ID),
            "nationality": _optional_integer(values, "nationality_id", _ID),
            "timezone": _optional_integer(values, "time_zone_id", _INT32),
            "mcc": _optional_integer(values, "mcc", _MCC),
        }
        random, encrypted = await _encrypted(password)
        account_id = await self._ask(
            Call(api.REGISTER, urlencode({"email": email})),
            api.registered_id,
            form={
                "email": email,
                "pwd": encrypted,
                "random": random,
                "code": code,
                "userDomain": self._user_domain,
                **{key: value for key, value in options.items() if value is not None},
            },
            secrets=(email, password, encrypted, random, code),
        )
        account = Account(id=account_id, name=email)
        if not self._secret:
            return account
        try:
            signed_in = await self._sign_in(email, password)
        except CloudError:
            # The account has been created; signing in is possible later.
            return account
        return replace(signed_in, id=account_id or signed_in.id)

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Try to sign in to the new account, if the user domain's secret is known."""
        del form
        self._need_secret()
        try:
            return await self._sign_in(
                fields.email(values, "email"), fields.password(values, "password")
            )
        except InvalidInputError as err:
            if err.code == api.NOT_REGISTERED:
                return None
            raise

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Sign in with an e-mail address and a password."""
        del form
        self._need_secret()
        return (
            await self._sign_in(fields.email(values, "email"), fields.password(values, "password")),
        )

    async def _sign_in(self, email: str, password: str) -> Account:
        random, encrypted = await _encrypted(password)
        signature = sign(email, encrypted, random, self._secret)
        session = await self._ask(
            Call(api.LOGIN, urlencode({"email": email})),
            lambda reply: read_session(reply.data, self._clock()),
            form={
                "email": email,
                "pwd": encrypted,
                "random": random,
                "userDomain": self._user_domain,
                "signature": signature,
            },
            secrets=(email, password, encrypted, random, signature),
        )
        if session.account_id is None:
            account_id = await self._ask(
                Call(api.USER_INFO, urlencode({"email": email})), api.account_id, session=session
            )
            session = replace(session, account_id=account_id)
        return Account(id=session.account_id, name=email, session=session.as_dict())

    # Devices

    def check_plant_id(self, plant_id: str) -> None:
        """Raise InvalidInputError if this cannot be a product's key."""
        if not re.fullmatch(_PRODUCT_KEY, plant_id):
            raise InvalidInputError("invalid_product_key", field="product_key")

    async def bind(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> str | None:
        """Bind a device to the account; `plant_id` is its product's key."""
        self.check_plant_id(plant_id)
        return await self._ask_signed_in(
            self.bind_call(account_id, plant_id, serial, kind),
            api.bound,
            query={"pk": plant_id, "sn": serial},
        )

    async def sightings(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> SightingPage:
        """Return a page of the account's devices of one product."""
        return await self._ask_signed_in(
            self.sightings_call(plant_id, page, kind),
            partial(api.sightings, plant_id, page),
            query={
                "page": str(page),
                "pageSize": str(api.ROWS_PER_PAGE),
                # Other products are filtered out anyway, in case a server ignores this.
                "pkList": plant_id,
            },
        )

    def bind_call(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        """Return the call that `bind` makes."""
        del kind
        return Call(api.DEVICE_BIND, self._subject(pk=plant_id, sn=serial))

    def sightings_call(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        """Return the call that `sightings` makes."""
        del kind
        return Call(api.DEVICE_LIST, self._subject(pk=plant_id, page=str(page)))

    # Helpers

    def _subject(self, **parameters: str) -> str:
        """Return the subject of a call, which distinguishes accounts of the same user domain."""
        account_id = (self._session.account_id if self._session else None) or ""
        return urlencode({"uid": account_id, **parameters})

    def _need_secret(self) -> None:
        if not self._secret:
            raise NotImplementedError

    async def _ask_signed_in[T](
        self,
        call: Call,
        reader: Callable[[Reply], T],
        *,
        query: Mapping[str, str] | None = None,
    ) -> T:
        """Make a call with the account's token, refreshing the token first if necessary.

        If the cloud rejects the token nevertheless (it was revoked, or the clocks differ), it is
        refreshed and the call is repeated, as the rejected one had no effect.
        """
        if (session := self._session) is None:
            raise AccessDeniedError("sign_in_ended")
        if session.access_expires - REFRESH_AHEAD <= self._clock():
            session = await self._refreshed(session)
        try:
            return await self._ask(call, reader, query=query, session=session)
        except AccessDeniedError as err:
            if err.code != api.TOKEN_REJECTED:
                raise
        session = await self._refreshed(session)
        return await self._ask(call, reader, query=query, session=session)

    async def _refreshed(self, session: Session) -> Session:
        """Return the session that replaces this one, refreshed only once for all callers.

        The request is shielded from cancellation, as its answer may be the only valid session.
        """
        if self._session is not None and self._session is not session:
            return self._session
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(session))
            self._refreshing.add_done_callback(self._refresh_done)
        return await asyncio.shield(self._refreshing)

    async def _refresh(self, session: Session) -> Session:
        """Exchange the refresh token for a new session.

        The vendor documents it as a query parameter, like those for signing in. As public clients
        do, we send all of them in the body to keep the token out of the address. A server that
        does not look there refuses, which has no effect, and is asked once more as documented.
        """
        given = {"refreshToken": session.refresh_token}
        ask = partial(
            self._ask,
            Call(api.REFRESH, self._subject()),
            lambda reply: read_session(reply.data, self._clock(), session),
            secrets=(session.refresh_token,),
        )
        try:
            fresh = await ask(form=given)
        except AccessDeniedError as err:
            if err.key != api.SIGN_IN_ENDED:
                raise
            fresh = await ask(query=given)
        self._session = fresh
        if self._context.on_session is not None:
            self._context.on_session(fresh.as_dict())
        return fresh

    def _refresh_done(self, task: asyncio.Task[Session]) -> None:
        self._refreshing = None
        if not task.cancelled():
            # Mark the exception as retrieved, in case all callers have been canceled.
            task.exception()

    async def _ask[T](
        self,
        call: Call,
        reader: Callable[[Reply], T],
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        session: Session | None = None,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """Make a call and return what `reader` reads from the reply."""
        headers = dict(_ENGLISH)
        if session is not None:
            headers["Authorization"] = session.access_token
            secrets = (*secrets, session.access_token)
        request = Request(
            call=call,
            query=query or {},
            form=form,
            headers=headers,
            secrets=(self._secret, *secrets),
        )
        return await self._transport.send(
            request, lambda answer: reader(api.read_reply(call.endpoint, answer))
        )


async def _encrypted(password: str) -> tuple[str, str]:
    """Return a new random string and the password encrypted with it."""
    random = new_random()
    return random, await asyncio.to_thread(encrypt, password, random)


def _optional_integer(values: Values, name: str, limits: tuple[int, int]) -> str | None:
    """Return a whole number as it is sent, None if there is no value."""
    number = fields.optional_number(values, name, *limits, whole=True)
    return None if number is None else str(int(number))


def _user_domain(typed: str) -> str:
    """Return a user domain of the known format."""
    if not re.fullmatch(_USER_DOMAIN, typed):
        raise InvalidInputError("user_domain_invalid", field="user_domain")
    return typed


QUECTEL: Final = Provider(
    key="quectel",
    vendor="Quectel",
    product="Acceleronix",
    servers=(
        Server("europe", "https://iot-api.acceleronix.io"),
        Server("north_america", "https://iot-api.landecia.com"),
        Server("china", "https://iot-api.quectelcn.com"),
    ),
    credential_fields=(
        Field(name="user_domain", spell=_user_domain),
        Field(name="user_domain_secret", required=False, secret=True),
    ),
    client=QuectelClient,
    register_fields=REGISTER.fields,
    plant_id_field=PRODUCT_KEY,
    realm_field="user_domain",
    api_path=r"/v2(?:/(?:binding|enduser|mail|sms)(?:/.+)?)?$",
)
