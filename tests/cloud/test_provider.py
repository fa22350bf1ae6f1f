"""What every provider has in common."""

import sys

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account, Captcha
from custom_components.growatt_onboarding.cloud.provider import (
    ClientContext,
    CloudClient,
    Endpoint,
    FieldKind,
    Form,
    Offer,
    Provider,
)

CLOUD = "custom_components.growatt_onboarding.cloud"
FORM = Form(key="form", fields=(), identity="name")


class NothingClient(CloudClient):
    capabilities = frozenset()

    @property
    def signed_in(self) -> bool:
        return False

    async def test(self) -> Offer:
        return Offer()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("verify", ()),
        ("is_username_available", ("a",)),
        ("captcha", (FORM,)),
        ("send_code", (FORM, {})),
        ("register", (FORM, {})),
        ("find_registered", (FORM, {})),
        ("link", (FORM, {})),
        ("plants", ("1",)),
        ("create_plant", ("1", {})),
        ("check_serial", ("1",)),
        ("check_plant_id", ("1",)),
        ("bind", ("1", "1", "1")),
        ("bind_call", ("1", "1", "1")),
        ("sightings", ("1", 1)),
        ("sightings_call", ("1", 1)),
        ("watch", (1,)),
        ("watch_call", (1,)),
        ("locate", ("1",)),
        ("locate_call", ("1",)),
    ],
)
async def test_what_a_client_cannot_do(method: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(NotImplementedError):
        await getattr(NothingClient(), method)(*arguments)


@pytest.mark.parametrize("provider", registry.providers(), ids=lambda provider: provider.key)
def test_provider(provider: Provider) -> None:
    """Keys are translation keys, addresses are encrypted, secrets are marked."""
    assert len({server.key for server in provider.servers}) == len(provider.servers)
    for server in provider.servers:
        assert server.url.startswith("https://")
        assert not server.url.endswith("/")
    for field in provider.credential_fields:
        assert field.secret or field.kind is not FieldKind.PASSWORD


@pytest.mark.parametrize("provider", registry.providers(), ids=lambda provider: provider.key)
def test_registering_is_marked(provider: Provider) -> None:
    """What cannot be undone is marked so, once: the transport then sees to the rest."""
    assert provider.register_fields
    endpoints = {
        value
        for name, module in sys.modules.items()
        if name.startswith(f"{CLOUD}.{provider.key}")
        for value in vars(module).values()
        if isinstance(value, Endpoint)
    }
    marked = {endpoint.path for endpoint in endpoints if endpoint.irreversible}
    assert any("reg" in path.lower() for path in marked)
    assert all(endpoint.method == "POST" for endpoint in endpoints if endpoint.irreversible)


async def test_secrets_are_not_printed(http: aiohttp.ClientSession) -> None:
    context = ClientContext(
        http=http,
        url="https://x",
        credentials={"token": "FAKE-SECRET"},
        session={"a": "FAKE-SECRET"},
    )
    account = Account(id="1", name="a", session={"token": "FAKE-SECRET"})
    picture = Captcha(image=b"FAKE-SECRET", media_type="image/png", challenge="FAKE-SECRET")
    assert "FAKE-SECRET" not in f"{context!r}{account!r}{picture!r}"
