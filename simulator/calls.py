"""The log of calls, for tests and benchmarks to assert on."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, overload

MASK = "***"


@dataclass(slots=True)
class RecordedCall:
    """A request to a cloud. `status` and `code` are None while it is unanswered."""

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
        """Return the call as JSON, with only the end of its token."""
        return {**asdict(self), "token": f"...{self.token[-4:]}" if self.token else None}


def mask(params: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return the parameters with the values of secret ones masked."""
    return {name: MASK if name in secrets else value for name, value in params.items()}


def matches(path: str, wanted: str) -> bool:
    """Return whether a path ends with the path segments `wanted`; "*" matches all."""
    return wanted == "*" or f"/{path.lstrip('/')}".endswith(f"/{wanted.lstrip('/')}")


class CallLog(Sequence[RecordedCall]):
    """All calls in order of arrival."""

    def __init__(self) -> None:
        self._calls: list[RecordedCall] = []
        self._arrived = asyncio.Event()
        self.secrets_in_url: list[RecordedCall] = []

    def append(self, call: RecordedCall) -> None:
        """Add a call that has just arrived."""
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
        """Wait for `count` calls of `path`; TimeoutError after `seconds` of real time."""
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
        """Return one call or a slice."""
        return self._calls[index]
