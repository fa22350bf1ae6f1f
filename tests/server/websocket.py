"""A connection to Home Assistant's websocket interface."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import aiohttp


class HomeAssistantApiError(Exception):
    """Home Assistant refused a request; the text says which one and why.

    code: the HTTP status or the websocket's error code.
    details: the whole error as the websocket sent it, with its translation key if it has one.
    """

    def __init__(
        self, message: str, code: int | str = "", details: dict[str, Any] | None = None
    ) -> None:
        """Keep the code and the details beside the text."""
        super().__init__(message)
        self.code = code
        self.details = details or {}


class WebSocket:
    """One connection: commands and their results, subscriptions and their messages."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take over a connected socket; `authenticate` comes first."""
        self._socket = socket
        self._ids = count(1)
        self._results: dict[int, asyncio.Future[Any]] = {}
        self._subscriptions: dict[int, asyncio.Queue[Any]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def authenticate(self, access_token: str) -> None:
        """Sign this connection in. Raises HomeAssistantApiError."""
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": access_token})
        answer = await self._socket.receive_json()
        if answer["type"] != "auth_ok":
            raise HomeAssistantApiError(f"websocket refused the token: {answer}", answer["type"])
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        """End the connection; whatever still waits on it gets an error."""
        await self._socket.close()
        if self._reader:
            await self._reader

    async def command(self, type_: str, **data: Any) -> Any:
        """Send one command and return its result. Raises HomeAssistantApiError."""
        return await self._send(next(self._ids), {"type": type_, **data})

    @asynccontextmanager
    async def subscription(self, type_: str, **data: Any) -> AsyncIterator[Callable[[], Any]]:
        """Subscribe, and yield a function that waits for the next message.

        The subscription holds from before the body starts: nothing is missed between.
        """
        number = next(self._ids)
        messages = self._subscriptions[number] = asyncio.Queue()

        async def following() -> Any:
            message = await messages.get()
            if isinstance(message, Exception):
                raise message
            return message

        try:
            await self._send(number, {"type": type_, **data})
            yield following
        finally:
            del self._subscriptions[number]
            with suppress(HomeAssistantApiError):
                await self.command("unsubscribe_events", subscription=number)

    async def _send(self, number: int, message: dict[str, Any]) -> Any:
        if self._reader is None or self._reader.done():
            raise self._ended()
        result = self._results[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, **message})
            answer = await result
        except ConnectionError as err:
            raise self._ended() from err
        finally:
            del self._results[number]
        if not answer["success"]:
            error = answer["error"]
            text = f"{message['type']} answered {error['code']}: {error['message']}"
            raise HomeAssistantApiError(text, error["code"], error)
        return answer["result"]

    async def _read(self) -> None:
        async for frame in self._socket:
            message = frame.json()
            number = message["id"]
            if message["type"] == "event":
                if number in self._subscriptions:
                    self._subscriptions[number].put_nowait(message["event"])
            elif number in self._results and not self._results[number].done():
                self._results[number].set_result(message)
        for waiting in self._results.values():
            if not waiting.done():
                waiting.set_exception(self._ended())
        for messages in self._subscriptions.values():
            messages.put_nowait(self._ended())

    @staticmethod
    def _ended() -> HomeAssistantApiError:
        return HomeAssistantApiError("the websocket to Home Assistant has ended", "ended")
