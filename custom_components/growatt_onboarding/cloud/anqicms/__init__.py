"""AnQiCMS, a content management system that installers run as a customer portal, as a provider.

Only signing in with the password proves that an account is ours: to a registration with the name
or address of an account whose mail was never confirmed, the site answers with that account.
Signing in may take a picture's answer, registering by itself does not; as the site does not spend
the answer then, the one in the registration's form signs in right after it.
"""

from collections.abc import Callable, Mapping
import re
from typing import Final

from .. import fields
from ..answer import Answer, Reply, as_int, as_text
from ..errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    TakenError,
    UnexpectedAnswerError,
)
from ..model import Account, Captcha, Values
from ..provider import (
    CAPTCHA_CHALLENGE,
    Call,
    Capability,
    ClientContext,
    CloudClient,
    Endpoint,
    Field,
    FieldKind,
    Form,
    Offer,
    Provider,
)
from ..servers import SERVER_FIELD
from ..transport import TIMEOUT, Request, Transport, is_header_value
from . import api

_NEW_PASSWORD: Final = Field(
    name="password", kind=FieldKind.PASSWORD, autocomplete="new-password", secret=True
)
_REAL_NAME: Final = Field(name="real_name", required=False, autocomplete="name")
_EMAIL: Final = Field(name="email", kind=FieldKind.EMAIL, autocomplete="email")
_PHONE: Final = Field(name="phone", kind=FieldKind.PHONE, autocomplete="tel")
# Documented, but no published version sends one or asks for it.
_CODE: Final = Field(name="code", kind=FieldKind.CODE, required=False, autocomplete="one-time-code")
_CAPTCHA: Final = Field(name="captcha", kind=FieldKind.CAPTCHA, autocomplete="off")
# No published version checks it when registering, so that it may be left out there.
_OPTIONAL_CAPTCHA: Final = Field(
    name="captcha", kind=FieldKind.CAPTCHA, required=False, autocomplete="off"
)
_SITE_ID: Final = "site_id"
_PASSWORD_BYTES = range(6, 73)
# What the site's database keeps.
_MAX_NAME: Final = 64
_MAX_EMAIL: Final = 100
_MAX_PHONE: Final = 20
# What the site takes for a telephone number, wherever it stands in a text.
_MOBILE = re.compile(r"\+?[0-9]*1[3-9][0-9]{9}[0-9]*")


def register_forms(*, captcha: bool) -> tuple[Form, ...]:
    """Return the two documented ways to register."""
    picture = (_OPTIONAL_CAPTCHA,) if captcha else ()
    return (
        Form(
            key="name_email",
            fields=(
                Field(name="username", autocomplete="username"),
                _NEW_PASSWORD,
                _EMAIL,
                _REAL_NAME,
                *picture,
            ),
            identity="username",
            captcha=captcha,
        ),
        Form(
            key="phone",
            fields=(
                _PHONE,
                _CODE,
                _NEW_PASSWORD,
                Field(name="username", required=False, autocomplete="username"),
                _REAL_NAME,
                *picture,
            ),
            identity="phone",
            captcha=captcha,
        ),
    )


def link_form(*, captcha: bool) -> Form:
    """Return the form to sign in."""
    return Form(
        key="link",
        fields=(
            Field(name="login", autocomplete="username"),
            Field(
                name="password",
                kind=FieldKind.PASSWORD,
                autocomplete="current-password",
                secret=True,
            ),
            *((_CAPTCHA,) if captcha else ()),
        ),
        identity="login",
        captcha=captcha,
    )


class AnqicmsClient(CloudClient):
    """Talks to one site of an AnQiCMS installation."""

    capabilities = frozenset({Capability.REGISTER, Capability.LINK})

    def __init__(self, context: ClientContext, timeout: float = TIMEOUT) -> None:
        """Use the site and session of the context; a call takes at most `timeout` seconds."""
        self._context = context
        self._token = (context.session or {}).get("token", "")
        self._transport = Transport(
            http=context.http, url=context.url, gate=context.gate, timeout=timeout
        )

    @property
    def signed_in(self) -> bool:
        """Whether there is a token."""
        return bool(self._token)

    async def test(self) -> Offer:
        """Ask whether signing in takes a picture's answer."""
        _site(self._context.credentials)
        try:
            captcha = await self._captcha_wanted()
        except CloudError as err:
            err.field = SERVER_FIELD
            raise
        return Offer(
            register=register_forms(captcha=captcha),
            link=(link_form(captcha=captcha),),
        )

    async def verify(self) -> None:
        """Ask for the token's user."""
        if not (self._token and is_header_value(self._token)):
            raise AccessDeniedError("session_ended")
        await self._detail(self._token)

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        """Fetch a fresh picture; any form takes it."""
        return await self._ask(api.CAPTCHA, api.picture)

    async def register(self, form: Form, values: Values) -> Account:
        """Create a user.

        An address that the site knows already is refused before anything is sent, where the site
        can be asked. Raises TakenError `account_unconfirmed` where the site answers with
        an account that waits for its mail to be confirmed and that has another password.
        """
        sent = _registration(form, values)
        if "email" in sent and await self._email_exists(sent["email"]):
            raise TakenError("email_taken", field="email")
        answer = _captcha_answer(values)
        user = await self._ask(
            api.REGISTER,
            api.user,
            json={**sent, **answer},
            secrets=(sent["password"], sent.get("code", ""), *answer.values()),
        )
        name = form.name(values)
        if user.token is not None:
            return Account(id=user.id, name=name, session={"token": user.token})
        if form.captcha and not answer:
            return Account(id=None, name=name, activation_pending=True)
        return await self._claim(user, name, sent, answer)

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Sign in where the picture's answer allows it, else ask who has the e-mail address."""
        name = form.name(values)
        sent = _registration(form, values)
        answer = _captcha_answer(values)
        if answer or not form.captcha:
            try:
                account_id, token = await self._sign_in(_login_of(sent), sent["password"], answer)
            except InvalidInputError as err:
                if err.key == api.LOGIN_FAILED:
                    return None
            else:
                return Account(id=account_id, name=name, session={"token": token})
        if (taken := await self._email_exists(sent.get("email"))) is None:
            raise NotImplementedError
        return Account(id=None, name=name) if taken else None

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Sign in by user name, e-mail address or number, and password."""
        login = _login(fields.text(values, "login"))
        password = _password(values)
        answer = _captcha_answer(values)
        if form.captcha and not answer:
            raise InvalidInputError(fields.REQUIRED, field="captcha")
        account_id, token = await self._sign_in(login, password, answer)
        return (Account(id=account_id, name=login, session={"token": token}),)

    # What the methods above share

    async def _claim(
        self, user: api.User, name: str, sent: Mapping[str, str], answer: Mapping[str, str]
    ) -> Account:
        """Find out, by signing in once, whose account a registration without a token answered.

        An account that waits for its mail to be confirmed can be signed in to. Where that cannot
        be tried, the account stays without an id: nothing proves that it is ours.
        """
        try:
            account_id, token = await self._sign_in(_login_of(sent), sent["password"], answer)
        except CloudError as err:
            if err.key == api.LOGIN_FAILED:
                same_email = (user.email or "").casefold() == sent.get("email", "").casefold()
                field = "email" if user.email and same_email else "username"
                raise TakenError("account_unconfirmed", field=field) from None
            return Account(id=None, name=name, activation_pending=True)
        try:
            confirmed = (await self._detail(token)).verified
        except CloudError:
            confirmed = False
        return Account(
            id=account_id,
            name=name,
            session={"token": token},
            activation_pending=not confirmed,
        )

    async def _captcha_wanted(self) -> bool:
        return await self._ask(api.CAPTCHA, api.captcha_wanted)

    async def _sign_in(
        self, login: str, password: str, answer: Mapping[str, str]
    ) -> tuple[str, str]:
        """Return the user's id and a token."""
        user = await self._ask(
            api.LOGIN,
            api.user,
            json={"user_name": login, "password": password, **answer},
            secrets=(password, *answer.values()),
        )
        if user.token is None:
            raise UnexpectedAnswerError
        return user.id, user.token

    async def _detail(self, token: str) -> api.User:
        return await self._ask(
            api.DETAIL,
            api.user,
            headers={"token": token},
            secrets=(token,),
        )

    async def _email_exists(self, email: str | None) -> bool | None:
        """Return whether an address has an account, None where that cannot be told."""
        if email is None:
            return None
        try:
            return await self._ask(
                api.EMAIL_EXISTS,
                api.exists,
                query={"state": "exist", "email": email},
            )
        except CloudError as err:
            return False if err.code == api.FAILED else None

    async def _ask[T](
        self,
        endpoint: Endpoint,
        reader: Callable[[Reply], T],
        *,
        query: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """Make a call and return what `reader` makes of the reply."""
        request = Request(
            call=Call(endpoint),
            query={**(query or {}), **_site(self._context.credentials)},
            json=json,
            headers=headers or {},
        )

        def read_answer(answer: Answer) -> T:
            if headers:
                self._renew(answer)
            return reader(api.read_reply(endpoint, answer, secrets))

        return await self._transport.send(request, read_answer)

    def _renew(self, answer: Answer) -> None:
        """Take the new token that the site hands out in the old one's last hour."""
        token = as_text(answer.headers.get(api.UPDATE_TOKEN))
        if token is None or not is_header_value(token) or token == self._token:
            return
        self._token = token
        if self._context.on_session is not None:
            self._context.on_session({"token": token})


def _identify(credentials: Values) -> str:
    return _site(credentials).get(_SITE_ID, "")


def _site(credentials: Values) -> dict[str, str]:
    """Return the query that names a site among several of one installation."""
    typed = fields.optional_text(credentials, _SITE_ID)
    if typed is None:
        return {}
    number = as_int(typed)
    if number is None or number < 1:
        raise InvalidInputError("invalid_site_id", field=_SITE_ID)
    return {_SITE_ID: str(number)}


ANQICMS: Final = Provider(
    key="anqicms",
    vendor="AnQiCMS",
    product="AnQiCMS portal",
    servers=(),
    credential_fields=(Field(name=_SITE_ID, kind=FieldKind.NUMBER, required=False),),
    client=AnqicmsClient,
    activates=True,
    register_fields=(
        Field(name="username", required=False, autocomplete="username"),
        _NEW_PASSWORD,
        _EMAIL,
        _PHONE,
        _CODE,
        _REAL_NAME,
        _OPTIONAL_CAPTCHA,
    ),
    identify=_identify,
    api_path=re.compile(r"/api(?:/(?:captcha|login|register|user|verify)(?:/.+)?)?$"),
)


# What is sent


def _registration(form: Form, values: Values) -> dict[str, str]:
    """Return what a registration sends."""
    sent = {"password": _password(values)}
    if form.identity == "phone":
        fields.text(values, "phone")
        fields.optional_phone(values, "phone")
        sent["phone"] = form.name(values)
        if len(sent["phone"]) > _MAX_PHONE:
            raise InvalidInputError("invalid_phone", field="phone")
        if (code := fields.optional_text(values, "code")) is not None:
            sent["code"] = code
        name = fields.optional_text(values, "username")
    else:
        sent["email"] = fields.email(values, "email")
        if len(sent["email"]) > _MAX_EMAIL:
            raise InvalidInputError("invalid_email", field="email")
        name = fields.text(values, "username")
    if name is not None:
        if len(name) > _MAX_NAME:
            raise InvalidInputError("username_too_long", field="username")
        sent["user_name"] = name
    if (real_name := fields.optional_text(values, "real_name")) is not None:
        sent["real_name"] = real_name
    return sent


def _login(typed: str) -> str:
    """Return what was typed to sign in; a number that the site knows loses its marks."""
    number = fields.compact_phone(typed)
    return number if _MOBILE.fullmatch(number) else typed


def _login_of(sent: Mapping[str, str]) -> str:
    """Return what signs a new user in.

    A site takes a name that contains an address or a Chinese mobile number for one of these, so
    that such a user name signs nobody in.
    """
    return sent.get("email") or sent["phone"]


def _password(values: Values) -> str:
    """Return a password that the site can keep.

    It takes at least 6 bytes without outer blanks, and stores none beyond 72 without a word.
    """
    password = fields.password(values, "password").strip()
    if len(password.encode()) not in _PASSWORD_BYTES:
        raise InvalidInputError("password_6_to_72", field="password")
    return password


def _captcha_answer(values: Values) -> dict[str, str]:
    """Return a picture's answer with the id of its picture, nothing where none was given."""
    answer = fields.optional_text(values, "captcha")
    if answer is None:
        return {}
    return {"captcha_id": values.get(CAPTCHA_CHALLENGE, ""), "captcha": answer}
