"""Provider for ShopXO, a shop system that installers use as a customer portal.

An account is a customer of the shop. The forms depend on the site's configuration. A captcha
solution belongs to its picture through a `uuid` that the client chooses. Tokens do not expire, as
far as we know. Never call `safety/logout`: it deletes the account.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import replace
from functools import partial
from html import escape
import re
import secrets
from typing import Final
from uuid import uuid4

from .. import fields
from ..answer import Answer, Reply, recognized
from ..errors import CloudError, InvalidInputError, NotAllowedError
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
from ..transport import Request, Transport
from . import api
from .api import AccountType

# Lengths of the columns in the site's database, which stores texts HTML-escaped.
_MAX_NICKNAME: Final = 60
_MAX_EMAIL: Final = 60
_NICKNAME: Final = Field(
    name="nickname",
    kind=FieldKind.NAME,
    required=False,
    autocomplete="nickname",
    longest=_MAX_NICKNAME,
    size=lambda typed: len(escape(typed)),
)
_IDENTITIES: Final = {
    AccountType.USERNAME: USERNAME_FIELD,
    AccountType.EMAIL: replace(EMAIL_FIELD, longest=_MAX_EMAIL),
    AccountType.SMS: PHONE_FIELD,
}
_LOGIN_FIELDS: Final = (LOGIN_FIELD, PASSWORD_FIELD)
_LINK: Final = "link"

_USERNAME = r"[A-Za-z0-9_]{2,18}"
_MOBILE = r"\+?[0-9]+"
_PASSWORD_BYTES = range(6, 19)
# Removed by PHP's trim().
_BLANKS = " \t\n\r\0\v"


def register_form(kind: AccountType, site: api.Site) -> Form:
    """Return a site's form for registering an account of this type."""
    identity = _IDENTITIES[kind]
    by_name = kind is AccountType.USERNAME
    code = () if by_name else (CODE_FIELD,)
    captcha = (CAPTCHA_FIELD,) if by_name and site.register_picture else ()
    return Form(
        key=kind.value,
        fields=(identity, *code, NEW_PASSWORD_FIELD, _NICKNAME, *captcha),
        identity=identity.name,
        sends_code=not by_name,
        code_captcha=not by_name and site.code_picture,
    )


def link_form(site: api.Site) -> Form:
    """Return a site's form for signing in."""
    captcha = (CAPTCHA_FIELD,) if site.login_picture else ()
    return Form(key=_LINK, fields=(*_LOGIN_FIELDS, *captcha), identity="login")


class ShopxoClient(CloudClient):
    """Client for one ShopXO site."""

    capabilities = frozenset({Capability.CHECK_USERNAME, Capability.ACTIVATION})

    def __init__(self, context: ClientContext) -> None:
        """Initialize the client."""
        self._token = (context.session or {}).get("token", "")
        # As the site's configuration said when it was last fetched.
        self._resend_pause: float = api.RESEND_SECONDS
        self._transport = Transport(
            http=context.http, url=context.url, gate=context.gate, timeout=context.timeout
        )

    @property
    def signed_in(self) -> bool:
        """Whether there is a token."""
        return bool(self._token)

    async def test(self) -> Offer:
        """Fetch the site's configuration."""
        try:
            site = await self._site()
        except CloudError as err:
            err.field = SERVER_FIELD
            raise
        return Offer(
            register=tuple(
                register_form(kind, site) for kind in AccountType if kind in site.register_types
            ),
            link=(link_form(site),) if AccountType.USERNAME in site.login_types else (),
            agreements=site.agreements,
        )

    async def recognize(self) -> bool | None:
        """Fetch the site's configuration, whose settings no other software has."""
        return await self._transport.send(_about_site(api.LOOK), partial(recognized, _read_site))

    async def verify(self) -> None:
        """Fetch the token's user."""
        await self._post(
            api.TOKEN_USER,
            {"token": self._token},
            api.token_user(),
            api.known_user,
            secrets=(self._token,),
        )

    async def activation_pending(self) -> bool:
        """Fetch the token's user: only an approved one has a token."""
        await self.verify()
        return False

    async def is_username_available(self, name: str) -> bool | None:
        """Return whether a user name, e-mail address or phone number is free.

        Tries to sign in with a random password: a site reports an unknown account before it checks
        anything else. `user/reg` would report it too, but might create the account. None if the
        site does not let anybody sign in with this kind of name.
        """
        name = _login(fields.name({"username": name}, "username"))
        if not (re.fullmatch(_MOBILE, name) or "@" in name or re.fullmatch(_USERNAME, name)):
            raise InvalidInputError("username_format", field="username")
        exists = await self._exists(await self._site(), name)
        return None if exists is None else not exists

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        """Fetch a new captcha. Signing in has its own kind."""
        challenge = str(uuid4())
        kind = "user_login" if form.key == _LINK else "user_reg"
        request = Request(
            call=Call(api.PICTURE),
            query={**api.APPLICATION, "type": kind, "uuid": challenge},
        )
        return await self._transport.send(request, partial(api.picture, challenge))

    async def send_code(self, form: Form, values: Values) -> None:
        """Have a verification code sent by e-mail or SMS."""
        kind = AccountType(form.key)
        sent = {"accounts": _identity(form, values), "type": kind.value}
        answer = _captcha_answer(values) if form.code_captcha else {}
        await self._post(
            api.SEND_CODE,
            {**sent, **answer},
            api.send_code(kind, self._resend_pause),
            lambda _reply: None,
            secrets=tuple(answer.values()),
        )

    async def register(self, form: Form, values: Values) -> Account:
        """Create an account."""
        kind = AccountType(form.key)
        name = _identity(form, values)
        password = _password(values)
        answer: Mapping[str, str] = {}
        if form.sends_code:
            answer = {"verify": fields.text(values, "code")}
        elif form.captcha:
            answer = _captcha_answer(values)
        sent = {"accounts": name, "pwd": password, "type": kind.value, **answer}
        if (nickname := fields.optional_name(values, "nickname")) is not None:
            sent["nickname"] = nickname
        return await self._post(
            api.REGISTER,
            sent,
            api.register(kind),
            partial(_registered, name),
            secrets=(password, *answer.values()),
        )

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Sign in, or only check whether the account exists if signing in takes a captcha."""
        name = _identity(form, values)
        site = await self._site()
        by_password = AccountType.USERNAME in site.login_types
        if by_password and not site.login_picture:
            return await self._sign_in_if_ours(name, _password(values))
        if (exists := await self._exists(site, name)) is None:
            raise NotImplementedError
        if not exists:
            return None
        account = _without_session(name, pending=site.review)
        # Nobody is asked for what the site does not offer.
        return account if by_password else replace(account, sign_in_needed=False)

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Sign in with a user name, e-mail address or phone number, and a password."""
        name = _login(fields.name(values, "login"))
        answer = _captcha_answer(values) if form.captcha else {}
        return (await self._sign_in(name, _known_password(values), answer),)

    # Helpers

    async def _site(self) -> api.Site:
        site = await self._transport.send(_about_site(api.COMMON), _read_site)
        self._resend_pause = site.resend_pause
        return site

    async def _sign_in(self, name: str, password: str, answer: Mapping[str, str]) -> Account:
        return await self._post(
            api.LOGIN,
            {"accounts": name, "pwd": password, "type": AccountType.USERNAME.value, **answer},
            api.login(),
            partial(api.account, name),
            secrets=(password, *answer.values()),
        )

    async def _sign_in_if_ours(self, name: str, password: str) -> Account | None:
        """Sign in to an account that we may have created, None if we have not."""
        try:
            return await self._sign_in(name, password, {})
        except (InvalidInputError, NotAllowedError) as err:
            if err.code in {api.FREE, api.WRONG_PASSWORD}:
                return None
            # Sites only report these after the password has been accepted.
            if err.key in {api.NOT_ACTIVE, api.LOCKED}:
                return _without_session(name, pending=err.key == api.NOT_ACTIVE)
            raise

    async def _exists(self, site: api.Site, name: str) -> bool | None:
        """Return whether an account exists, None if there is no telling."""
        if (kind := _look_type(site, name)) is None:
            return None
        return await self._post(
            api.LOGIN,
            {"accounts": name, "pwd": secrets.token_hex(8), "type": kind.value},
            api.look(),
            api.known,
        )

    async def _post[T](
        self,
        endpoint: Endpoint,
        sent: Mapping[str, str],
        rules: api.Rules,
        reader: Callable[[Reply], T],
        *,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """Make a call and return what `reader` reads from the reply."""
        request = Request(
            call=Call(endpoint),
            query=api.APPLICATION,
            form={"uuid": str(uuid4()), **sent},
            secrets=secrets,
        )
        return await self._transport.send(
            request, lambda answer: reader(api.read_reply(rules, answer))
        )


SHOPXO: Final = Provider(
    key="shopxo",
    vendor="ShopXO",
    product="ShopXO portal",
    servers=(),
    credential_fields=(),
    client=ShopxoClient,
    activates=True,
    # Its pages are pasted from a browser, too.
    api_path=(
        r"/(?:api|index)\.php(?:/.+)?$"
        r"|/(?:index/)?user/(?:login|reg)[a-z]*(?:\.html)?$"
        r"|/(?:login|register|reg)(?:\.html)?$"
    ),
    register_fields=(
        *_IDENTITIES.values(),
        CODE_FIELD,
        NEW_PASSWORD_FIELD,
        _NICKNAME,
        CAPTCHA_FIELD,
    ),
)


# Parameters


def _about_site(endpoint: Endpoint) -> Request:
    return Request(call=Call(endpoint), query={**api.APPLICATION, "uuid": str(uuid4())})


def _read_site(answer: Answer) -> api.Site:
    return api.site(api.read_reply(api.common(), answer))


def _registered(name: str, reply: Reply) -> Account:
    if reply.code == api.AWAITS_REVIEW:
        return _without_session(name, pending=True)
    return api.account(name, reply)


def _without_session(name: str, *, pending: bool) -> Account:
    """Return an account that waits for an approval, or else for somebody to sign in."""
    return Account(id=None, name=name, activation_pending=pending, sign_in_needed=not pending)


def _identity(form: Form, values: Values) -> str:
    """Return the user name, e-mail address or phone number in the site's format."""
    name = fields.name(values, form.identity)
    form.check_lengths(values)
    match form.identity:
        case "username" if not re.fullmatch(_USERNAME, name):
            raise InvalidInputError("username_format", field="username")
        case "email":
            fields.email(values, "email")
        case "phone":
            fields.optional_phone(values, "phone")
    return form.name(values)


def _login(typed: str) -> str:
    """Return what was entered to sign in, a phone number in compact form."""
    number = fields.compact_phone(typed)
    return number if re.fullmatch(_MOBILE, number) else typed


def _password(values: Values) -> str:
    """Return a new password that will be accepted when signing in, whatever the PHP version.

    Sites check the length only when signing in, with blanks around it and after HTML escaping,
    which depends on that version. Otherwise the blanks mean nothing: they are stripped before
    hashing. Registering accepts any password, even one that makes signing in impossible.
    """
    return _fitting(values, all)


def _known_password(values: Values) -> str:
    """Return the password of an existing account."""
    return _fitting(values, any)


def _fitting(values: Values, enough: Callable[[Iterable[bool]], bool]) -> str:
    """Return the password without blanks around it, unless only they make it long enough."""
    typed = fields.password(values, "password")
    for password in (typed.strip(_BLANKS), typed):
        if enough(_fits(password)):
            return password
    raise InvalidInputError("password_6_to_18", field="password")


def _fits(password: str) -> tuple[bool, bool]:
    """Return whether the length of a password is valid with PHP 8.1 or later, and before."""
    escaped = escape(password)
    before = escaped.replace("&#x27;", "'")
    return len(escaped.encode()) in _PASSWORD_BYTES, len(before.encode()) in _PASSWORD_BYTES


def _captcha_answer(values: Values) -> dict[str, str]:
    """Return the parameters for a captcha solution."""
    answer = fields.text(values, "captcha")
    return {"verify": answer, "uuid": values.get(CAPTCHA_CHALLENGE, "")}


def _look_type(site: api.Site, login: str) -> AccountType | None:
    """Return the way of signing in that reveals whether this account exists."""
    if AccountType.USERNAME in site.login_types:
        return AccountType.USERNAME
    if "@" in login:
        kind = AccountType.EMAIL
    elif re.fullmatch(_MOBILE, login):
        kind = AccountType.SMS
    else:
        return None
    return kind if kind in site.login_types else None
