"""The log of calls that tests and benchmarks assert on."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, overload

MASK = "***"


@dataclass(slots=True)
class RecordedCall:
    """One request. `status` and `code` are None for as long as nothing was answered."""

    time: float
    cloud: str
    method: str
    path: str
    params: dict[str, Any]
    token: str | None = field(default=None, repr=False)
    status: int | None = None
    code: int | str | None = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the call for the control interface, with only the end of its token."""
        return {**asdict(self), "token": f"...{self.token[-4:]}" if self.token else None}


def mask(params: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return the parameters with the value of every secret one replaced."""
    return {name: MASK if name in secrets else value for name, value in params.items()}


def matches(path: str, wanted: str) -> bool:
    """Say whether a path ends with `wanted` at a slash; "*" is every path."""
    return wanted == "*" or f"/{path.lstrip('/')}".endswith(f"/{wanted.lstrip('/')}")


class CallLog(Sequence[RecordedCall]):
    """All calls in the order in which they arrived."""

    def __init__(self) -> None:
        """Start with an empty log."""
        self._calls: list[RecordedCall] = []
        self._arrived = asyncio.Event()
        self.secrets_in_url: list[RecordedCall] = []

    def append(self, call: RecordedCall) -> None:
        """Note a call that has just arrived."""
        self._calls.append(call)
        self._arrived.set()

    def of(self, path: str) -> list[RecordedCall]:
        """Return the calls whose path ends with `path`."""
        return [call for call in self._calls if matches(call.path, path)]

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()
        self.secrets_in_url.clear()

    async def wait_for(
        self, path: str = "*", count: int = 1, seconds: float = 10
    ) -> list[RecordedCall]:
        """Wait until `count` calls of `path` have arrived; TimeoutError after real `seconds`."""
        async with asyncio.timeout(seconds):
            while len(found := self.of(path)) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return found

    def __len__(self) -> int:
        """Return the number of calls."""
        return len(self._calls)

    @overload
    def __getitem__(self, index: int) -> RecordedCall: ...
    @overload
    def __getitem__(self, index: slice) -> list[RecordedCall]: ...
    def __getitem__(self, index: int | slice) -> RecordedCall | list[RecordedCall]:
        """Return one call, or a slice of them."""
        return self._calls[index]
