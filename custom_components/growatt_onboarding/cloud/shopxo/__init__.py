"""ShopXO, a shop system that installers run as a customer portal, as a provider.

An account is a shop's customer. What a site allows and wants is asked first, the picture's answer
is tied to its picture by an id that the client makes up (`uuid`), and a token has no known end.
`safety/logout` is never called: it deletes the account.
"""

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
import re
import secrets
from typing import Final
from uuid import uuid4

from .. import fields
from ..answer import Answer, Reply
from ..errors import CloudError, InvalidInputError, NotAllowedError
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
from ..transport import TIMEOUT, Request, Transport
from . import api
from .api import AccountType

_CAPTCHA: Final = Field(name="captcha", kind=FieldKind.CAPTCHA, autocomplete="off")
_CODE: Final = Field(name="code", kind=FieldKind.CODE, autocomplete="one-time-code")
_NEW_PASSWORD: Final = Field(
    name="password", kind=FieldKind.PASSWORD, autocomplete="new-password", secret=True
)
_NICKNAME: Final = Field(name="nickname", required=False, autocomplete="nickname")
_IDENTITIES: Final = {
    AccountType.USERNAME: Field(name="username", autocomplete="username"),
    AccountType.EMAIL: Field(name="email", kind=FieldKind.EMAIL, autocomplete="email"),
    AccountType.SMS: Field(name="phone", kind=FieldKind.PHONE, autocomplete="tel"),
}
_LOGIN_FIELDS: Final = (
    Field(name="login", autocomplete="username"),
    Field(name="password", kind=FieldKind.PASSWORD, autocomplete="current-password", secret=True),
)
_LINK: Final = "link"

_USERNAME = re.compile(r"[A-Za-z0-9_]{2,18}")
_MOBILE = re.compile(r"\+?[0-9]+")
_PASSWORD_BYTES = range(6, 19)
# What PHP's trim() takes away.
_BLANKS = " \t\n\r\0\v"


def register_form(kind: AccountType, site: api.Site) -> Form:
    """Return the form to register an account of this kind on a site."""
    identity = _IDENTITIES[kind]
    by_name = kind is AccountType.USERNAME
    form_fields = [identity, _NEW_PASSWORD, _NICKNAME]
    if not by_name:
        form_fields.insert(1, _CODE)
    elif site.register_picture:
        form_fields.append(_CAPTCHA)
    return Form(
        key=kind.value,
        fields=tuple(form_fields),
        identity=identity.name,
        sends_code=not by_name,
        captcha=by_name and site.register_picture,
        code_captcha=not by_name and site.code_picture,
    )


def link_form(site: api.Site) -> Form:
    """Return the form to sign in to an account on a site."""
    return Form(
        key=_LINK,
        fields=(*_LOGIN_FIELDS, _CAPTCHA) if site.login_picture else _LOGIN_FIELDS,
        identity="login",
        captcha=site.login_picture,
    )


class ShopxoClient(CloudClient):
    """Talks to one ShopXO site."""

    capabilities = frozenset({Capability.REGISTER, Capability.LINK, Capability.CHECK_USERNAME})

    def __init__(self, context: ClientContext, timeout: float = TIMEOUT) -> None:
        """Use the site and session of the context; a call takes at most `timeout` seconds."""
        self._token = (context.session or {}).get("token", "")
        self._transport = Transport(
            http=context.http, url=context.url, gate=context.gate, timeout=timeout
        )

    @property
    def signed_in(self) -> bool:
        """Whether there is a token."""
        return bool(self._token)

    async def test(self) -> Offer:
        """Ask what the site allows."""
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

    async def verify(self) -> None:
        """Ask for the token's user."""
        await self._post(
            api.TOKEN_USER,
            {"token": self._token},
            api.token_user(),
            api.known_user,
            secrets=(self._token,),
        )

    async def is_username_available(self, name: str) -> bool | None:
        """Return whether a user name, address or number is free.

        Asked by a sign-in with a password nobody has: the site says that the account does not
        exist before it looks at anything else. `user/reg` would say so too, or create it.
        Where the site lets nobody sign in by such a name, nothing tells.
        """
        name = _login(fields.text({"username": name}, "username"))
        if not (_MOBILE.fullmatch(name) or "@" in name or _USERNAME.fullmatch(name)):
            raise InvalidInputError("username_format", field="username")
        try:
            return not await self._exists(await self._site(), name)
        except NotImplementedError:
            return None

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        """Fetch a fresh picture: one kind for signing in, one for all else."""
        challenge = str(uuid4())
        kind = "user_login" if form.key == _LINK else "user_reg"
        request = Request(
            call=Call(api.PICTURE),
            query={**api.APPLICATION, "type": kind, "uuid": challenge},
        )
        return await self._transport.send(request, partial(api.picture, challenge))

    async def send_code(self, form: Form, values: Values) -> None:
        """Have a code of four digits sent to the form's address or number."""
        kind = AccountType(form.key)
        sent = {"accounts": _identity(form, values), "type": kind.value}
        answer = _captcha_answer(values) if form.code_captcha else {}
        await self._post(
            api.SEND_CODE,
            {**sent, **answer},
            api.send_code(kind),
            lambda _reply: None,
            secrets=tuple(answer.values()),
        )

    async def register(self, form: Form, values: Values) -> Account:
        """Create a customer's account."""
        kind = AccountType(form.key)
        name = _identity(form, values)
        password = _password(values)
        answer: Mapping[str, str] = {}
        if form.sends_code:
            answer = {"verify": fields.text(values, "code")}
        elif form.captcha:
            answer = _captcha_answer(values)
        sent = {"accounts": name, "pwd": password, "type": kind.value, **answer}
        if (nickname := fields.optional_text(values, "nickname")) is not None:
            sent["nickname"] = nickname
        return await self._post(
            api.REGISTER,
            sent,
            api.register(kind),
            partial(_registered, name),
            secrets=(password, *answer.values()),
        )

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        """Sign in, or where that takes a picture's answer look whether the account exists."""
        name = _identity(form, values)
        site = await self._site()
        if AccountType.USERNAME in site.login_types and not site.login_picture:
            return await self._sign_in_if_ours(name, _password(values))
        if not await self._exists(site, name):
            return None
        return Account(id=None, name=name, activation_pending=site.review)

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        """Sign in by user name, e-mail address or number, and password."""
        name = _login(fields.text(values, "login"))
        answer = _captcha_answer(values) if form.captcha else {}
        return (await self._sign_in(name, _known_password(values), answer),)

    # What the methods above share

    async def _site(self) -> api.Site:
        request = Request(call=Call(api.COMMON), query={**api.APPLICATION, "uuid": str(uuid4())})
        return await self._transport.send(
            request, lambda answer: api.site(api.read_reply(api.common(), answer))
        )

    async def _sign_in(self, name: str, password: str, answer: Mapping[str, str]) -> Account:
        return await self._post(
            api.LOGIN,
            {"accounts": name, "pwd": password, "type": AccountType.USERNAME.value, **answer},
            api.login(),
            partial(api.account, name),
            secrets=(password, *answer.values()),
        )

    async def _sign_in_if_ours(self, name: str, password: str) -> Account | None:
        """Sign in to an account that may have just been created, None if it was not by us."""
        try:
            return await self._sign_in(name, password, {})
        except InvalidInputError as err:
            if err.code in {api.FREE, api.WRONG_PASSWORD}:
                return None
            raise
        except NotAllowedError as err:
            # Said after the password was found right.
            if err.key == api.NOT_ACTIVE:
                return Account(id=None, name=name, activation_pending=True)
            raise

    async def _exists(self, site: api.Site, name: str) -> bool:
        """Return whether an account exists; NotImplementedError where nothing tells."""
        if (kind := _look_type(site, name)) is None:
            raise NotImplementedError
        return await self._post(
            api.LOGIN,
            {"accounts": name, "pwd": secrets.token_hex(8), "type": kind.value},
            api.look(),
            lambda reply: reply.code != api.FREE,
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
        """Make a call; what it sends goes into its form, and only the public part into its URL."""
        request = Request(
            call=Call(endpoint),
            query=api.APPLICATION,
            form={"uuid": str(uuid4()), **sent},
        )

        def read_answer(answer: Answer) -> T:
            return reader(api.read_reply(rules, answer, secrets))

        return await self._transport.send(request, read_answer)


SHOPXO: Final = Provider(
    key="shopxo",
    vendor="ShopXO",
    product="ShopXO portal",
    servers=(),
    credential_fields=(),
    client=ShopxoClient,
    activates=True,
    api_path=re.compile(r"/api\.php(?:/.+)?$"),
    register_fields=(*_IDENTITIES.values(), _CODE, _NEW_PASSWORD, _NICKNAME, _CAPTCHA),
)


# What is sent


def _registered(name: str, reply: Reply) -> Account:
    if reply.code == api.AWAITS_REVIEW:
        return Account(id=None, name=name, activation_pending=True)
    return api.account(name, reply)


def _identity(form: Form, values: Values) -> str:
    """Return what names the account, as the site spells it."""
    name = fields.text(values, form.identity)
    match form.identity:
        case "username" if not _USERNAME.fullmatch(name):
            raise InvalidInputError("username_format", field="username")
        case "email":
            fields.email(values, "email")
        case "phone":
            fields.optional_phone(values, "phone")
    return form.name(values)


def _login(typed: str) -> str:
    """Return what was typed to sign in; a number loses its marks, which no user name has."""
    number = fields.compact_phone(typed)
    return number if _MOBILE.fullmatch(number) else typed


def _password(values: Values) -> str:
    """Return a new password that the site will let sign in.

    Signing in takes 6 to 18 bytes of what is left after HTML escaping; registering takes anything,
    and so would create accounts that nobody can open. What is escaped depends on the site's PHP:
    it has to fit either way.
    """
    password = fields.password(values, "password")
    if not all(_fits(password)):
        raise InvalidInputError("password_6_to_18", field="password")
    return password


def _known_password(values: Values) -> str:
    """Return the password of an account, which a site with either PHP may have."""
    password = fields.password(values, "password")
    if not any(_fits(password)):
        raise InvalidInputError("password_6_to_18", field="password")
    return password


def _fits(password: str) -> tuple[bool, bool]:
    """Return whether a password's length is right with PHP from 8.1 on, and before it."""
    escaped = escape(password.strip(_BLANKS))
    before = escaped.replace("&#x27;", "'")
    return len(escaped.encode()) in _PASSWORD_BYTES, len(before.encode()) in _PASSWORD_BYTES


def _captcha_answer(values: Values) -> dict[str, str]:
    """Return a picture's answer with the id that ties it to its picture."""
    answer = fields.text(values, "captcha")
    return {"verify": answer, "uuid": values.get(CAPTCHA_CHALLENGE, "")}


def _look_type(site: api.Site, login: str) -> AccountType | None:
    """Return the way to sign in that can tell whether an account exists."""
    if AccountType.USERNAME in site.login_types:
        return AccountType.USERNAME
    if "@" in login:
        kind = AccountType.EMAIL
    elif _MOBILE.fullmatch(login):
        kind = AccountType.SMS
    else:
        return None
    return kind if kind in site.login_types else None
