"""The available providers. Each is imported when it is first used.

To add a provider, put its key into a group. The key is the name of its package in this folder and,
in upper case, the name of the `Provider` in it.
"""

from collections.abc import Mapping
from importlib import import_module
from itertools import chain
from types import MappingProxyType
from typing import Final

from .provider import Provider

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "growatt": ("growatt",),
        "app_cloud": ("quectel",),
        "portal": ("shopxo", "anqicms"),
    }
)
"""What people can tell apart, in the order in which it is offered, and which providers it may be.

Each group is a step of the account dialog, with its own texts. Where it may be several providers,
these have no known servers, and the address tells which one it is (`CloudClient.recognize`).
"""

PROVIDER_KEYS: Final[tuple[str, ...]] = tuple(chain.from_iterable(GROUPS.values()))
"""The keys of the providers."""

WITH_DATALOGGERS: Final = frozenset({"growatt"})
"""Those whose clients have `Capability.DATALOGGER`, to be known before they are imported."""

_LOADED: Final[dict[str, Provider]] = {}


def provider(key: str) -> Provider:
    """Return a provider, importing it if necessary. Raises KeyError for an unknown key."""
    if key not in _LOADED:
        if key not in PROVIDER_KEYS:
            raise KeyError(key)
        _LOADED[key] = getattr(import_module(f".{key}", __package__), key.upper())
    return _LOADED[key]


def group_of(key: str) -> str:
    """Return the group of a provider."""
    return next(group for group, keys in GROUPS.items() if key in keys)


def providers() -> tuple[Provider, ...]:
    """Return all providers in the order of `PROVIDER_KEYS`, importing them if necessary."""
    return tuple(map(provider, PROVIDER_KEYS))


def is_loaded(key: str) -> bool:
    """Return whether a provider can be returned without importing it."""
    return key in _LOADED
