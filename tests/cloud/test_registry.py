"""Which providers there are, and when they are imported."""

import subprocess
import sys

import aiohttp
import pytest

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Credentials
from custom_components.growatt_onboarding.cloud.provider import (
    Capability,
    ClientContext,
    CloudClient,
)


def test_all_providers() -> None:
    assert tuple(provider.key for provider in registry.providers()) == registry.PROVIDER_KEYS
    for provider in registry.providers():
        assert registry.provider(provider.key) is provider
        assert registry.is_loaded(provider.key)


async def test_which_take_dataloggers_is_known_before_there_is_a_client(
    http: aiohttp.ClientSession,
) -> None:
    taken = set()
    for provider in registry.providers():
        names = (field.name for field in provider.credential_fields)
        context = ClientContext(http, "https://x", Credentials(dict.fromkeys(names, "1")))
        client = provider.client(context)
        if Capability.DATALOGGER in client.capabilities:
            taken.add(provider.key)
    assert taken == registry.WITH_DATALOGGERS


def test_every_provider_is_in_one_group() -> None:
    for key in registry.PROVIDER_KEYS:
        groups = [group for group, keys in registry.GROUPS.items() if key in keys]
        assert groups == [registry.group_of(key)]


async def test_where_the_address_tells_what_it_is_every_provider_can_recognize_itself(
    http: aiohttp.ClientSession,
) -> None:
    for keys in registry.GROUPS.values():
        for provider in map(registry.provider, keys if len(keys) > 1 else ()):
            assert not provider.servers
            assert not any(field.required for field in provider.credential_fields)
            client = provider.client(ClientContext(http, "https://x", Credentials({})))
            assert type(client).recognize is not CloudClient.recognize


def test_unknown_provider() -> None:
    with pytest.raises(KeyError):
        registry.provider("fields")


def test_providers_are_imported_when_they_are_needed() -> None:
    code = """
import sys
from custom_components.growatt_onboarding.cloud import registry

def imported():
    package = "custom_components.growatt_onboarding.cloud."
    return [key for key in registry.PROVIDER_KEYS if package + key in sys.modules]

assert imported() == []
registry.provider("shopxo")
assert imported() == ["shopxo"]
assert [key for key in registry.PROVIDER_KEYS if registry.is_loaded(key)] == ["shopxo"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603
