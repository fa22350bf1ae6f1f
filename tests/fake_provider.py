"""A provider of no cloud at all, to show that the dialogs need no provider by name.

It has what the clouds of installers' portals have: pictures to answer, codes to wait for,
accounts that wait for an approval, a field of their own instead of plants.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
import itertools

import pytest

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    CloudError,
    InvalidInputError,
)
from custom_components.growatt_onboarding.cloud.model import (
    Account,
    Captcha,
    DeviceKind,
    Plant,
    SightingPage,
    Values,
)
from custom_components.growatt_onboarding.cloud.provider import (
    CAPTCHA_FIELD,
    CODE_FIELD,
    EMAIL_FIELD,
    NEW_PASSWORD_FIELD,
    PASSWORD_FIELD,
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

URL = "https://portal.example"

_WITH_CODE = (EMAIL_FIELD, CODE_FIELD, NEW_PASSWORD_FIELD)

BY_NAME = Form(
    key="register",
    fields=(USERNAME_FIELD, NEW_PASSWORD_FIELD, CAPTCHA_FIELD),
    identity="username",
)
BY_EMAIL_ALONE = Form(key="register", fields=_WITH_CODE, identity="email", sends_code=True)
BY_EMAIL = Form(
    key="link",  # only a key that has a text: providers' own keys come with theirs
    fields=_WITH_CODE,
    identity="email",
    sends_code=True,
    code_captcha=True,
)
LOGIN = Form(key="link", fields=(USERNAME_FIELD, PASSWORD_FIELD), identity="username")
LOGIN_BY_EMAIL = Form(key="link", fields=(EMAIL_FIELD, PASSWORD_FIELD), identity="email")
LOGIN_WITH_PICTURE = BY_NAME


@dataclass
class FakeCloud:
    """What the cloud offers and knows, and what it was asked."""

    offer: Offer = field(default_factory=lambda: Offer(register=(BY_NAME, BY_EMAIL), link=(LOGIN,)))
    capabilities: frozenset[Capability] = frozenset()
    errors: dict[str, list[CloudError]] = field(default_factory=dict)
    registered: list[Values] = field(default_factory=list)
    sent: list[Values] = field(default_factory=list)
    bound: list[tuple[str, str, str]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    # What serial numbers belong to, if not to inverters.
    kinds: dict[str, DeviceKind] = field(default_factory=dict)
    pending: bool = False
    # Whether registering tells the id of an account that waits.
    tells_id: bool = False
    passwords: dict[str, str] = field(default_factory=dict)
    # Without one, nothing can settle a lost answer.
    can_look: bool = False
    # What it says when it is asked for its software.
    recognized: bool | None = True
    plants: tuple[Plant, ...] = ()
    # What signing in gives access to besides the account itself.
    others: tuple[Account, ...] = ()
    # The site that the latest session is of, which no other takes.
    session_site: str | None = None
    pictures: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def fail(self, call: str, err: CloudError) -> None:
        """Raise an error at the next call of this name."""
        self.errors.setdefault(call, []).append(err)

    def check(self, call: str) -> None:
        """Raise what was planned for a call."""
        if errors := self.errors.get(call):
            raise errors.pop(0)


class FakeClient(CloudClient):
    """Talks to a FakeCloud."""

    def __init__(self, cloud: FakeCloud, context: ClientContext) -> None:
        """Use the session that the entry has."""
        self._cloud = cloud
        self._context = context
        self.capabilities = cloud.capabilities

    @property
    def signed_in(self) -> bool:
        return self._context.session is not None

    def renew(self) -> None:
        """Hand out a new session, as clouds do whose tokens end."""
        assert self._context.on_session is not None
        self._context.on_session({"token": "renewed"})

    async def test(self) -> Offer:
        self._cloud.check("test")
        return self._cloud.offer

    async def recognize(self) -> bool | None:
        self._cloud.check("recognize")
        return self._cloud.recognized

    async def verify(self) -> None:
        self._cloud.check("verify")
        if self._site != self._cloud.session_site:
            raise AccessDeniedError("session_ended")

    @property
    def _site(self) -> str | None:
        return self._context.credentials.get("site")

    async def is_username_available(self, name: str) -> bool:
        return name not in self._cloud.taken

    async def captcha(self, form: Form, *, for_code: bool = False) -> Captcha:
        self._cloud.check("captcha")
        number = next(self._cloud.pictures)
        image = f"picture {number} {'for a code' if for_code else form.key}".encode()
        return Captcha(image=image, media_type="image/png", challenge=f"challenge {number}")

    async def send_code(self, form: Form, values: Values) -> None:
        self._cloud.check("send_code")
        self._cloud.sent.append(values)

    async def register(self, form: Form, values: Values) -> Account:
        self._cloud.check("register")
        self._cloud.registered.append(values)
        self._cloud.session_site = self._site
        name = values[form.identity]
        self._cloud.passwords[name] = values["password"]
        if self._cloud.pending:
            account_id = f"id of {name}" if self._cloud.tells_id else None
            return Account(id=account_id, name=name, activation_pending=True)
        return Account(id=f"id of {name}", name=name, session={"token": "fake"})

    async def find_registered(self, form: Form, values: Values) -> Account | None:
        if not self._cloud.can_look:
            raise NotImplementedError
        return None

    async def link(self, form: Form, values: Values) -> tuple[Account, ...]:
        self._cloud.check("link")
        self._cloud.session_site = self._site
        name = values[form.identity]
        if self._cloud.passwords.get(name) != values["password"]:
            raise InvalidInputError("invalid_input", field="password")
        account = Account(id=f"id of {name}", name=name, session={"token": "fake"})
        return (account, *self._cloud.others)

    async def plants(self, account_id: str) -> tuple[Plant, ...]:
        self._cloud.check("plants")
        return self._cloud.plants

    async def create_plant(self, account_id: str, values: Values) -> Plant:
        self._cloud.check("create_plant")
        plant = Plant(id=f"id of {values['name']}", name=values["name"])
        self._cloud.plants += (plant,)
        return plant

    async def check_serial(self, serial: str) -> DeviceKind:
        self._cloud.check("check_serial")
        return self._cloud.kinds.get(serial, DeviceKind.INVERTER)

    def check_plant_id(self, plant_id: str) -> None:
        if not plant_id:
            raise InvalidInputError("required", field="place")

    async def bind(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> None:
        self._cloud.check("bind")
        self._cloud.bound.append((account_id, plant_id, serial))

    async def sightings(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> SightingPage:
        return SightingPage(())

    def bind_call(
        self, account_id: str, plant_id: str, serial: str, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        return Call(Endpoint("POST", "bind"), f"{plant_id} {serial}")

    def sightings_call(
        self, plant_id: str, page: int, kind: DeviceKind = DeviceKind.INVERTER
    ) -> Call:
        return Call(Endpoint("GET", "list"), f"{plant_id} {page}")


def add_provider(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    """Add a provider for a test, as the only portal, or replace the one that has its key."""
    if provider.key not in registry.PROVIDER_KEYS:
        keys = (*registry.PROVIDER_KEYS, provider.key)
        monkeypatch.setattr(registry, "PROVIDER_KEYS", keys)
        groups = {**registry.GROUPS, "portal": (provider.key,)}
        monkeypatch.setattr(registry, "GROUPS", groups)
    monkeypatch.setitem(registry._LOADED, provider.key, provider)


def fake_provider(cloud: FakeCloud, *, plant_id_field: Field | None = None) -> Provider:
    """Return a provider that talks to this cloud and has no known servers."""
    return Provider(
        key="fake",
        vendor="Fake",
        product="Fake portal",
        servers=(),
        credential_fields=(
            Field(name="site", required=False),
            Field(name="site_secret", kind=FieldKind.PASSWORD, required=False, secret=True),
        ),
        client=lambda context: FakeClient(cloud, context),
        register_fields=(USERNAME_FIELD, *_WITH_CODE, CAPTCHA_FIELD),
        plant_id_field=plant_id_field,
        realm_field="site",
    )
