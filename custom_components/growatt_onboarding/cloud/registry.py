"""The available providers. Each is imported when it is first used.

To add a provider, append its key to `PROVIDER_KEYS`. The key is the name of its package in this
folder and, in upper case, the name of the `Provider` in it.
"""

from importlib import import_module
from typing import Final

from .provider import Provider

PROVIDER_KEYS: Final[tuple[str, ...]] = ("growatt", "quectel", "shopxo", "anqicms")
"""The keys of the providers, in the order in which they are offered."""

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


def providers() -> tuple[Provider, ...]:
    """Return all providers in the order of `PROVIDER_KEYS`, importing them if necessary."""
    return tuple(map(provider, PROVIDER_KEYS))


def is_loaded(key: str) -> bool:
    """Return whether a provider can be returned without importing it."""
    return key in _LOADED
