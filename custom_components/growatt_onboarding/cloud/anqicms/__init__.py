"""Provider for AnQiCMS, a content management system that installers use as a customer portal.

Registering with the name or e-mail address of an account that was never confirmed returns that
account. If it is not the one that was asked for, only signing in with the password proves that it
is ours. That may take a captcha. As registering does not use it up, its form asks for it already.
Each sign-in to an unconfirmed account sends another e-mail, so we make none without need.
"""

from collections.abc import Callable, Mapping
from copy import replace
from functools import partial
import re
import time
from typing import Any, Final

from aiohttp import hdrs

from .. import fields
from ..answer import Answer, Reply, as_int, as_text, recognized
from ..errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
    RejectedError,
    TakenError,
    UnexpectedAnswerError,
)
from ..model import Account, Captcha, Values
from ..provider import (
    CAPTCHA_CHALLENGE,
    CAPTCHA_FIELD,
    CODE_FIELD,
    EMAIL_FIELD,
    LOGIN_FIELD,
    NEW_PASSWORD_FIELD,
    PASSWORD_FIELD,
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
    Offer,
    Provider,
)
from ..servers import SERVER_FIELD
from ..transport import Request, Transport, is_header_value
from . import api

_REAL_NAME: Final = Field(
    name="real_name", kind=FieldKind.NAME, required=False, autocomplete="name", longest=64
)
# Documented, but no published version sends or checks codes.
_CODE: Final = replace(CODE_FIELD, required=False)
# No published version checks the captcha of a registration, and from 3.1.6 to 3.5.1 they show one
# because of another setting than the one that signing in obeys.
_OPTIONAL_CAPTCHA: Final = replace(CAPTCHA_FIELD, required=False)
_SITE_ID: Final = "site_id"
_PASSWORD_BYTES = range(6, 73)
# A site renews a token in its last hour. Its clock may differ from ours by half of that.
_RENEWED_BEFORE_END: Final = 1_800
# Lengths of the columns in the site's database.
_MAX_NAME: Final = 64
_MAX_EMAIL: Final = 100
_MAX_PHONE: Final = 20
# What sites take for a phone number, anywhere in a string.
_MOBILE = r"(?=\+?[0-9]+$)\+?[0-9]*1[3-9][0-9]{9}[0-9]*"
_NUMBER_IN_NAME = r"1[3-9][0-9]{9}"
_EMAIL_IN_NAME = r"(?a)\w@\w[\w.-]*\.\w"


def register_forms(*, captcha: bool) -> tuple[Form, ...]:
    """Return the two documented forms for registering."""
    last = (_REAL_NAME, _OPTIONAL_CAPTCHA) if captcha else (_REAL_NAME,)
    return (
        Form(
            key="name_email",
            fields=(USERNAME_FIELD, NEW_PASSWORD_FIELD, EMAIL_FIELD, *last),
            identity="username",
        ),
        Form(
            key="phone",
            fields=(PHONE_FIELD, _CODE, NEW_PASSWORD_FIELD, USERNAME_FIELD, *last),
            identity="phone",
        ),
    )


def link_form(*, captcha: bool) -> Form:
    """Return the form for signing in."""
    last = (_OPTIONAL_CAPTCHA,) if captcha else ()
    return Form(key="link", fields=(LOGIN_FIELD, PASSWORD_FIELD, *last), identity="login")


class AnqicmsClient(CloudClient):
    """Client for one site of an AnQiCMS installation."""

    capabilities = frozenset({Capability.ACTIVATION})

    def __init__(self, context: ClientContext) -> None:
        """Initialize the client."""
        self._context = context
        self._token = (context.session or {}).get("token", "")
        self._transport = Transport(
            http=context.http, url=context.url, gate=context.gate, timeout=context.timeout
        )

    @property
    def signed_in(self) -> bool:
        """Whether there is a token."""
        return bool(self._token)

    async def test(self) -> Offer:
        """Ask whether the site shows a captcha."""
        try:
            captcha = await self._captcha_shown()
        except CloudError as err:
            err.field = SERVER_FIELD
            raise
        return Offer(
            register=register_forms(captcha=captcha),
            link=(link_form(captcha=captcha),),
            site_name=await self._site_name(),
        )

    async def recognize(self) -> bool | None:
        """Ask whether the site shows a captcha, which no other software answers like this."""
        return await self._send(
            api.LOOK,
            partial(recognized, lambda answer: api.captcha_shown(api.read_reply(api.LOOK, answer))),
        )

    async def verify(self) -> None:
        """Fetch the token's user."""
        await self._detail()

    async def activation_pending(self) -> bool | None:
        """Return whether the token's user waits for a review or a confirmation."""
        return _awaits(await self._detail())

    @property
    def renewable_in(self) -> float | None:
        """In how many seconds the last hour of the token is half over."""
        if (end := api.token_end(self._token)) is None:
            return None
        pause = end - _RENEWED_BEFORE_END - time.time()
        return pause if pause > 0 else None

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        """Fetch a new captcha, which is valid for any form."""
        return await self._ask(api.CAPTCHA, api.picture)

    async def register(self, form: Form, values: Values) -> Account:
        """Create a user, unless the site reveals that the e-mail address is taken.

        Raises TakenError if the site returns another, unconfirmed account instead, which is ours
        only if its own address and our password prove it.
        """
        sent = _registration(form, values)
        if "email" in sent and await self._email_exists(sent["email"]):
            raise TakenError("email_taken", field="email")
        answer = _captcha_answer(values)
        try:
            user = await self._ask(
                api.REGISTER,
                api.user,
                json={**sent, **answer},
                secrets=(sent["password"], sent.get("code", ""), *answer.values()),
            )
        except InvalidInputError as err:
            if err.field == "email" and "email" not in sent:
                # From 3.5.2 to 3.5.6, where addresses are confirmed.
                raise InvalidInputError("email_needed") from None
            raise
        if user.token is not None and (not user.email or _is_same(user.email, sent.get("email"))):
            return replace(_account(user, form.name(values)), activation_pending=False)
        settle = self._unconfirmed if _is_as_sent(user, sent) else self._claim
        return await settle(user, sent, answer, picture=form.captcha)

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Look for the e-mail address and sign in, or do either where the other is impossible."""
        name = form.name(values)
        sent = _registration(form, values)
        if (exists := await self._email_exists(sent.get("email"), exactly=True)) is False:
            return None
        try:
            user = await self._sign_in(
                _login_of(sent), sent["password"], _captcha_answer(values), picture=form.captcha
            )
        except CloudError as err:
            if err.key == api.LOGIN_FAILED and exists is None:
                return None
            if exists and err.key not in {api.LOGIN_FAILED, api.SIGN_IN_REFUSED.key}:
                # Without an answer, it probably sends an e-mail first, and that takes long.
                return Account(
                    id=None,
                    name=name,
                    activation_pending=err.outcome_unknown,
                    sign_in_needed=not err.outcome_unknown,
                    other_names=_other_names(name, sent.get("user_name"), sent.get("phone")),
                )
            if err.key == api.CAPTCHA_WRONG:
                raise NotImplementedError from None
            raise
        return _account(user, name)

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Sign in with a user name, e-mail address or phone number, and a password."""
        login = _login(fields.name(values, "login"))
        password = _password(values)
        answer = _captcha_answer(values)
        user = await self._sign_in_or_ask(login, password, answer, picture=form.captcha)
        return (_account(user, login),)

    # Helpers

    async def _unconfirmed(
        self, user: api.User, sent: Mapping[str, str], answer: Mapping[str, str], *, picture: bool
    ) -> Account:
        """Return a new account that waits for its confirmation.

        One without an e-mail address waits forever. As no e-mail can be sent, we sign in at once.
        """
        account = replace(_account(user, _login_of(sent)), activation_pending=True)
        if user.email:
            return account
        try:
            ours = await self._sign_in(_login_of(sent), sent["password"], answer, picture=picture)
        except CloudError:
            return account
        return replace(account, session=_account(ours, "").session)

    async def _claim(
        self,
        user: api.User,
        sent: Mapping[str, str],
        answer: Mapping[str, str],
        *,
        picture: bool,
    ) -> Account:
        """Prove that an unconfirmed account, which was returned instead of a new one, is ours.

        Raises TakenError if nothing proves that, or if it waits at another address than ours.
        """
        same_email = _is_same(user.email, sent.get("email"))
        taken = TakenError(
            "account_unconfirmed", field="email" if same_email and user.email else "username"
        )
        login = user.email or user.phone
        if login is None:
            raise taken
        try:
            ours = await self._sign_in_or_ask(login, sent["password"], answer, picture=picture)
        except CloudError as err:
            if err.key == api.LOGIN_FAILED:
                raise taken from None
            # Nothing was created, so nothing is to be looked for.
            err.outcome_unknown = False
            raise
        if ours.id != user.id:
            raise taken
        if not same_email and user.email:
            raise TakenError("other_email_waits", field="email")
        account = _account(ours, login)
        return replace(account, activation_pending=account.activation_pending is not False)

    async def _captcha_shown(self) -> bool:
        return await self._ask(api.CAPTCHA, api.captcha_shown)

    async def _site_name(self) -> str | None:
        """Return what the site calls itself: one of an unknown number is the first one.

        None if it does not tell, or if no number was entered.
        """
        if not self._context.credentials:
            return None
        try:
            return await self._send(api.SYSTEM, api.site_name)
        except CloudError:
            return None

    async def _sign_in_or_ask(
        self, login: str, password: str, answer: Mapping[str, str], *, picture: bool
    ) -> api.User:
        """Sign in; if the site wants the captcha that was left empty, ask for it."""
        try:
            return await self._sign_in(login, password, answer, picture=picture)
        except InvalidInputError as err:
            if answer or err.key != api.CAPTCHA_WRONG:
                raise
        if await self._captcha_shown():
            raise InvalidInputError("captcha_needed", field="captcha")
        raise RejectedError("picture_missing")

    async def _sign_in(
        self, login: str, password: str, answer: Mapping[str, str], *, picture: bool
    ) -> api.User:
        """Sign in and return the user, with a token; `picture`: the site shows a captcha.

        Where it shows none, a refusal in words that we do not know can only mean that name and
        password do not fit.
        """
        try:
            user = await self._ask(
                api.LOGIN,
                api.user,
                json={"user_name": login, "password": password, **answer},
                secrets=(password, *answer.values()),
            )
        except RejectedError as err:
            if err.code != api.FAILED:
                raise
            meaning = api.SIGN_IN_REFUSED if picture else api.SIGN_IN_FAILED
            raise meaning.to_error(api.FAILED, err.placeholders["message"]) from None
        if user.token is None:
            raise UnexpectedAnswerError
        return user

    async def _detail(self) -> api.User:
        token = self._token
        if not (token and is_header_value(token)):
            raise AccessDeniedError("session_ended")
        return await self._ask(api.DETAIL, api.user, headers={"token": token}, secrets=(token,))

    async def _email_exists(self, email: str | None, *, exactly: bool = False) -> bool | None:
        """Return whether an e-mail address has an account, None if there is no telling.

        A site's database may take another address for the same: none counts as this one `exactly`.
        """
        if email is None:
            return None
        try:
            return await self._ask(
                api.EMAIL_EXISTS,
                partial(api.exists, email=email if exactly else None),
                query={"state": "exist", "email": email},
            )
        except CloudError as err:
            return False if err.code == api.FAILED else None

    async def _ask[T](
        self, endpoint: Endpoint, reader: Callable[[Reply], T], **parameters: Any
    ) -> T:
        """Make a call and return what `reader` reads from the reply."""
        return await self._send(
            endpoint, lambda answer: reader(api.read_reply(endpoint, answer)), **parameters
        )

    async def _send[T](
        self,
        endpoint: Endpoint,
        reader: Callable[[Answer], T],
        *,
        query: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """Make a call and return what `reader` reads from the answer."""
        request = Request(
            call=Call(endpoint),
            # The number of one of several sites of an installation.
            query={**(query or {}), **self._context.credentials},
            json=json,
            # Otherwise some things are said in Chinese.
            headers={hdrs.ACCEPT_LANGUAGE: api.LANGUAGE, **(headers or {})},
            secrets=secrets,
        )

        def read_answer(answer: Answer) -> T:
            if headers:
                self._renew(answer)
            return reader(answer)

        return await self._transport.send(request, read_answer)

    def _renew(self, answer: Answer) -> None:
        """Use the new token that a site sends during the last hour of the current one."""
        token = as_text(answer.headers.get(api.UPDATE_TOKEN))
        if token is None or not is_header_value(token) or token == self._token:
            return
        self._token = token
        if self._context.on_session is not None:
            self._context.on_session({"token": token})


def _site_id(typed: str) -> str:
    """Return the number of a site without leading zeros."""
    number = as_int(typed)
    if number is None or number < 1:
        raise InvalidInputError("invalid_site_id", field=_SITE_ID)
    return str(number)


ANQICMS: Final = Provider(
    key="anqicms",
    vendor="AnQiCMS",
    product="AnQiCMS portal",
    servers=(),
    credential_fields=(
        Field(name=_SITE_ID, kind=FieldKind.NUMBER, required=False, spell=_site_id),
    ),
    client=AnqicmsClient,
    activates=True,
    register_fields=(
        USERNAME_FIELD,
        NEW_PASSWORD_FIELD,
        EMAIL_FIELD,
        PHONE_FIELD,
        _CODE,
        _REAL_NAME,
        _OPTIONAL_CAPTCHA,
    ),
    realm_field=_SITE_ID,
    # Its pages to sign in and to register are pasted from a browser, too.
    api_path=(
        r"/api(?:/(?:captcha|login|register|setting|user|verify)(?:/.+)?)?$"
        r"|/(?:login|register)(?:\.html)?$"
    ),
)


# Parameters


def _registration(form: Form, values: Values) -> dict[str, str]:
    """Return the parameters of a registration."""
    form.check_lengths(values)
    sent = {"password": _password(values)}
    if form.identity == "phone":
        fields.text(values, "phone")
        fields.optional_phone(values, "phone")
        sent["phone"] = form.name(values)
        if len(sent["phone"]) > _MAX_PHONE:
            raise InvalidInputError("invalid_phone", field="phone")
        if (code := fields.optional_text(values, "code")) is not None:
            sent["code"] = code
    else:
        sent["email"] = fields.email(values, "email")
        if len(sent["email"]) > _MAX_EMAIL:
            raise InvalidInputError("invalid_email", field="email")
    # Required, though documented as optional.
    sent["user_name"] = name = fields.name(values, "username")
    if len(name) > _MAX_NAME:
        raise InvalidInputError("username_too_long", field="username")
    if _is_ambiguous(name) and name != _login_of(sent):
        raise InvalidInputError("username_ambiguous", field="username")
    if (real_name := fields.optional_name(values, "real_name")) is not None:
        sent["real_name"] = real_name
    return sent


def _login(typed: str) -> str:
    """Return what was entered to sign in, a mobile number in compact form."""
    number = fields.compact_phone(typed)
    return number if re.fullmatch(_MOBILE, number) else typed


def _login_of(sent: Mapping[str, str]) -> str:
    """Return the login of a new user.

    This is not the user name, because a site takes one that contains an e-mail address or a
    Chinese mobile number for the address or number itself.
    """
    return sent.get("email") or sent["phone"]


def _is_as_sent(user: api.User, sent: Mapping[str, str]) -> bool:
    """Return whether a user is the one that was to be created."""
    columns = {"user_name": user.name, "email": user.email, "phone": user.phone}
    return all(_is_same(found, sent.get(column)) for column, found in columns.items())


def _is_same(found: str | None, sent: str | None) -> bool:
    return (found or "").casefold() == (sent or "").casefold()


def _awaits(user: api.User) -> bool | None:
    """Return whether a user waits for a review or a confirmation.

    None if the e-mail address is unconfirmed: only a registration tells whether a site has it
    confirmed at all.
    """
    if user.in_review:
        return True
    return False if user.verified else None


def _account(user: api.User, typed: str) -> Account:
    """Return the account of a user, who was registered or signed in as what was typed.

    It is called by its user name, unless nobody could sign in with that.
    """
    name = typed if user.name is None or _is_ambiguous(user.name) else user.name
    return Account(
        id=user.id,
        name=name,
        session=None if user.token is None else {"token": user.token},
        activation_pending=_awaits(user),
        other_names=_other_names(name, typed, user.name, user.email, user.phone),
    )


def _other_names(name: str, *names: str | None) -> tuple[str, ...]:
    """Return the names that there are, each once and without `name`."""
    return tuple(dict.fromkeys(one for one in names if one and one != name))


def _is_ambiguous(name: str) -> bool:
    """Return whether sites take a user name for an e-mail address or a phone number."""
    return bool(re.search(_NUMBER_IN_NAME, name) or re.search(_EMAIL_IN_NAME, name))


def _password(values: Values) -> str:
    """Return a password of valid length.

    Sites strip it, require 6 bytes, and silently fail to save more than 72.
    """
    password = fields.password(values, "password").strip()
    if len(password.encode()) not in _PASSWORD_BYTES:
        raise InvalidInputError("password_6_to_72", field="password")
    return password


def _captcha_answer(values: Values) -> dict[str, str]:
    """Return the parameters for a captcha solution, none if it was left empty.

    The picture draws capitals, but what versions before 3.4.3 compare it with are small letters.
    """
    answer = fields.optional_text(values, "captcha")
    if answer is None:
        return {}
    return {"captcha_id": values.get(CAPTCHA_CHALLENGE, ""), "captcha": answer.lower()}
