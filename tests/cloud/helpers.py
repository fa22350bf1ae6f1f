"""Servers that misbehave, and a gate that remembers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import json
from ssl import SSLContext

import aiohttp

from custom_components.growatt_onboarding.cloud.answer import Answer
from custom_components.growatt_onboarding.cloud.errors import CloudError, NotNowError
from custom_components.growatt_onboarding.cloud.growatt import GROWATT, GrowattClient
from custom_components.growatt_onboarding.cloud.provider import (
    Call,
    ClientContext,
    CloudClient,
    Form,
    Gate,
)
from simulator import Simulator

HOST = "127.0.0.1"
# One that no server knows, where none is asked.
FAKE_TOKEN = "FAKE" * 8


class RecordingGate:
    """Remembers what it was asked and told; refuses calls of the paths in `closed`."""

    def __init__(self) -> None:
        self.permitted: list[Call] = []
        self.ended: list[tuple[Call, CloudError | None]] = []
        self.closed: set[str] = set()

    async def permit(self, call: Call) -> None:
        """Let a call pass unless its path, or its path and subject, is closed."""
        if self.closed & {call.endpoint.path, f"{call.endpoint.path}?{call.subject}"}:
            raise NotNowError(retry_after=60)
        self.permitted.append(call)

    def answered(self, call: Call, error: CloudError | None) -> None:
        self.ended.append((call, error))

    @property
    def paths(self) -> list[str]:
        return [call.endpoint.path for call in self.permitted]


def growatt_client(
    http: aiohttp.ClientSession, url: str, token: str, gate: Gate | None = None
) -> GrowattClient:
    credentials = GROWATT.credentials({"token": token})
    return GrowattClient(ClientContext(http=http, url=url, credentials=credentials, gate=gate))


async def form_of(client: CloudClient, key: str) -> Form:
    """Return one of the forms that a site offers."""
    offer = await client.test()
    return next(form for form in (*offer.register, *offer.link) if form.key == key)


async def solved(client: CloudClient, simulator: Simulator, form: Form) -> dict[str, str]:
    """Fetch a picture and return the values that answer it, as dialogs fill them in."""
    captcha = await client.captcha(form)
    return {
        "captcha": simulator.captchas[captcha.challenge],
        "captcha_challenge": captcha.challenge,
    }


def answer_of(
    body: object, content_type: str = "application/json", *, secrets: tuple[str, ...] = ()
) -> Answer:
    """Return an answer to a request that had these secrets; bytes stand as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=200, content_type=content_type, headers={}, body=data, secrets=secrets)


def printable(text: str, *, without: tuple[str, ...] = ()) -> str:
    """Return what is shown of a text in the answer to a request that had these secrets."""
    return answer_of({}, secrets=without).printable(text)


type Reply = Callable[["RawServer", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """A server that reads whole requests and does what `reply` says for each."""

    reply: Reply
    url: str = ""
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while not writer.is_closing():
                    self.requests.append(await _request(reader))
                    self.arrived.set()
                    await self.reply(self, writer)
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> str:
    """Read one request: its head, and as much body as that announces."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = 0
    for line in head.splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return head + (await reader.readexactly(length)).decode()


@asynccontextmanager
async def raw_server(reply: Reply, ssl: SSLContext | None = None) -> AsyncGenerator[RawServer]:
    """Run a raw server on a free port."""
    raw = RawServer(reply)
    server = await asyncio.start_server(raw.serve, HOST, 0, ssl=ssl)
    scheme = "http" if ssl is None else "https"
    raw.url = f"{scheme}://{HOST}:{server.sockets[0].getsockname()[1]}"
    try:
        yield raw
    finally:
        raw.gone.set()
        server.close()
        server.close_clients()
        await server.wait_closed()


def sends(data: bytes, *, close: bool = True) -> Reply:
    """Return a reply that sends these bytes, and by default ends the connection after them."""

    async def reply(_: RawServer, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return reply


async def hangs(raw: RawServer, _: asyncio.StreamWriter) -> None:
    await raw.gone.wait()


async def cuts(_: RawServer, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def http_answer(
    body: bytes = b"{}",
    status: str = "200 OK",
    content_type: str = "application/json",
    *headers: str,
) -> bytes:
    """Return the bytes of an HTTP answer that ends its connection."""
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def everything_said(error: BaseException) -> str:
    """Return all that an exception and those behind it would print, in a log or a debugger."""
    said: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        if (current := todo.pop()) is None:
            continue
        said += [str(current), repr(current), repr(current.args), repr(vars(current))]
        todo += [current.__cause__, current.__context__]
    return "\n".join(said)
