"""The answers that clients keep because they are expensive to request again."""

from collections import UserDict
from collections.abc import Callable, Mapping
from typing import Any, override


class Cache(UserDict[str, object]):
    """Plain JSON by the clients' own keys; says when it changes, so that it can be stored."""

    def __init__(self, on_change: Callable[[], None], stored: Mapping[str, object]) -> None:
        super().__init__()
        self.data.update(stored)
        self._on_change = on_change

    @override
    def __setitem__(self, key: str, item: object) -> None:
        changed = key not in self or self[key] != item
        super().__setitem__(key, item)
        if changed:
            self._on_change()

    @override
    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._on_change()


def stored_caches(data: object) -> dict[str, Mapping[str, Any]]:
    """Return stored caches by the key of their gateway.

    Nobody depends on one, so what is invalid is dropped.
    """
    if not isinstance(data, dict):
        return {}
    return {key: cache for key, cache in data.items() if isinstance(cache, dict)}
