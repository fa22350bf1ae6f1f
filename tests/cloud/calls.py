"""Every call of every client, and a session that answers them without a network."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import hdrs
from multidict import CIMultiDict
from yarl import URL

from custom_components.growatt_onboarding.cloud import anqicms, growatt, quectel, registry, shopxo
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Values
from custom_components.growatt_onboarding.cloud.provider import ClientContext, CloudClient, Form
from custom_components.growatt_onboarding.cloud.shopxo.api import AccountType, Site

SERIAL = "FAKESN0001"
TOKEN = "fake-token-4-every-call"
PASSWORD = "Fake-Passw0rd"
STICK = "FAKESTICK1"
CHECK_CODE = "A1B2C"
SESSIONS: Mapping[str, Mapping[str, str]] = {
    "quectel": {
        "access_token": f"Bearer {TOKEN}",
        "access_expires": "4000000000",
        "refresh_token": f"Bearer refresh-{TOKEN}",
        "refresh_expires": "4000000000",
        "account_id": "U1",
    },
    "shopxo": {"token": TOKEN},
    "anqicms": {"token": TOKEN},
}
CREDENTIALS: Mapping[str, Values] = {
    "growatt": {"token": TOKEN},
    "quectel": {"user_domain": "C.DM.10271.5", "user_domain_secret": f"domain-{TOKEN}"},
    "shopxo": {},
    "anqicms": {"site_id": "2"},
}
# What is typed into any form.
TYPED: Values = {
    "username": "owner01",
    "login": "owner01",
    "password": PASSWORD,
    "email": "owner@example.com",
    "phone": "13800138000",
    "country": "DE",
    "code": "482910",
    "captcha": "k7pw",
    "captcha_challenge": "challenge-1",
    "name": "Home",
    "peak_power": "5",
}


class Answered(NamedTuple):
    """What a server answers."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


@dataclass
class _Response:
    """As much of aiohttp's response as the transport looks at."""

    answered: Answered

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close nothing."""

    @property
    def status(self) -> int:
        return self.answered.status

    @property
    def content_type(self) -> str:
        return self.answered.content_type

    @property
    def headers(self) -> CIMultiDict[str]:
        return CIMultiDict({hdrs.CONTENT_TYPE: self.answered.content_type, **self.answered.headers})

    @property
    def content_length(self) -> int:
        return len(self.answered.body)

    @property
    def content(self) -> _Response:
        return self

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        body = self.answered.body
        for start in range(0, len(body), size):
            yield body[start : start + size]


@dataclass
class Http:
    """A session whose server answers each request with what `answer` returns."""

    answer: Callable[[], Answered]
    closed: bool = False
    # What the latest request sent, by name.
    sent: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, url: str, **options: Any) -> _Response:
        self.sent = {}
        for values in (URL(url).query, options["data"], options["json"], options["headers"]):
            self.sent |= values or {}
        return _Response(self.answer())


class ClientCall(NamedTuple):
    """A call of a client; `cloud` and `method` say which, `form` where it has several."""

    cloud: str
    method: str
    make: Callable[[CloudClient], Awaitable[object]]
    form: str = ""
    session: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return "-".join(filter(None, (self.cloud, self.method, self.form)))

    async def ask(self, http: Http) -> object:
        """Make the call with a new client."""
        context: Any = ClientContext(
            http=http,  # type: ignore[arg-type]
            url="https://cloud.invalid",
            credentials=CREDENTIALS[self.cloud],
            session=self.session,
        )
        return await self.make(registry.provider(self.cloud).client(context))


def _forms(cloud: str, method: str, forms: tuple[Form, ...], **more: str) -> list[ClientCall]:
    return [
        ClientCall(
            cloud,
            method,
            lambda client, form=form: getattr(client, method)(form, {**TYPED, **more}),
            form.key,
        )
        for form in forms
    ]


def _plain(cloud: str, method: str, *arguments: object) -> ClientCall:
    return ClientCall(cloud, method, lambda client: getattr(client, method)(*arguments))


def _signed_in(cloud: str, method: str, *arguments: object) -> ClientCall:
    return _plain(cloud, method, *arguments)._replace(session=SESSIONS[cloud])


# A site that asks for all that one can ask for.
_SITE = Site(
    register_types=frozenset(AccountType),
    login_types=frozenset(AccountType),
    register_picture=True,
    login_picture=True,
    code_picture=True,
    resend_pause=60.0,
    review=False,
    agreements=(),
)
_SHOPXO_FORMS = tuple(shopxo.register_form(kind, _SITE) for kind in AccountType)
_SHOPXO_LINK = shopxo.link_form(_SITE)
_ANQICMS_FORMS = anqicms.register_forms(captcha=True)
_ANQICMS_LINK = anqicms.link_form(captcha=True)

EVERY_CALL = [
    _plain("growatt", "test"),
    _plain("growatt", "verify"),
    _plain("growatt", "is_username_available", "owner01"),
    *_forms("growatt", "register", (growatt.REGISTER,)),
    *_forms("growatt", "find_registered", (growatt.REGISTER,)),
    *_forms("growatt", "link", (growatt.LINK,)),
    *_forms("growatt", "link", (growatt.LINK._replace(key="by_id"),), account_id="7"),
    _plain("growatt", "plants", "7"),
    _plain("growatt", "create_plant", "7", TYPED),
    _plain("growatt", "check_serial", SERIAL),
    _plain("growatt", "bind", "7", "8", SERIAL),
    _plain("growatt", "sightings", "8", 1),
    _plain("growatt", "validate_datalogger", STICK, CHECK_CODE),
    _plain("growatt", "bind", "7", "8", STICK, DeviceKind.DATALOGGER)._replace(form="stick"),
    _plain("growatt", "sightings", "8", 1, DeviceKind.DATALOGGER)._replace(form="sticks"),
    _plain("growatt", "watch", 1),
    _plain("growatt", "locate", SERIAL),
    _plain("quectel", "test"),
    _signed_in("quectel", "verify"),
    *_forms("quectel", "send_code", (quectel.REGISTER,)),
    *_forms("quectel", "register", (quectel.REGISTER,)),
    *_forms("quectel", "find_registered", (quectel.REGISTER,)),
    *_forms("quectel", "link", (quectel.LINK,)),
    _signed_in("quectel", "verify")._replace(
        form="refreshed", session={**SESSIONS["quectel"], "access_expires": "0"}
    ),
    _signed_in("quectel", "bind", "U1", "p1key", SERIAL),
    _signed_in("quectel", "sightings", "p1key", 1),
    _plain("shopxo", "test"),
    _plain("shopxo", "recognize"),
    _signed_in("shopxo", "verify"),
    _signed_in("shopxo", "activation_pending"),
    _plain("shopxo", "is_username_available", "owner01"),
    *_forms("shopxo", "register", _SHOPXO_FORMS),
    *_forms("shopxo", "find_registered", _SHOPXO_FORMS),
    *_forms("shopxo", "send_code", _SHOPXO_FORMS[1:]),
    *_forms("shopxo", "link", (_SHOPXO_LINK,)),
    _plain("shopxo", "captcha", _SHOPXO_FORMS[0]),
    _plain("anqicms", "test"),
    _plain("anqicms", "recognize"),
    _signed_in("anqicms", "verify"),
    _signed_in("anqicms", "activation_pending"),
    *_forms("anqicms", "register", _ANQICMS_FORMS),
    *_forms("anqicms", "find_registered", _ANQICMS_FORMS),
    *_forms("anqicms", "link", (_ANQICMS_LINK,)),
    _plain("anqicms", "captcha", _ANQICMS_LINK),
]
