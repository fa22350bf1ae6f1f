"""The transport against servers that answer, misbehave or are not there."""

import asyncio
from collections.abc import Callable
import datetime as dt
import logging
from pathlib import Path
import socket
import ssl
import tracemalloc
from typing import Any
import zlib

import aiohttp
from aiohttp import compression_utils, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import RawTestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest
from yarl import URL

from custom_components.growatt_onboarding.cloud.answer import Answer
from custom_components.growatt_onboarding.cloud.errors import (
    BlockedError,
    CloudError,
    NoAnswerError,
    NotNowError,
    RateLimitedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from custom_components.growatt_onboarding.cloud.provider import Call, Endpoint
from custom_components.growatt_onboarding.cloud.transport import (
    BLOCKED_RETRY_AFTER,
    MAX_ANSWER_BYTES,
    Request,
    Transport,
    is_header_value,
)
from tests.prove.timelapse import Timelapse

from .helpers import (
    HOST,
    RawServer,
    RecordingGate,
    Reply,
    cuts,
    everything_said,
    hangs,
    http_answer,
    raw_server,
    sends,
)

GET = Call(Endpoint("GET", "v1/thing"))
POST = Call(Endpoint("POST", "v1/thing"), "name=a")
HTML = b"<!doctype html><html><body>Blocked</body></html>"
SECRET = "FAKE-SECRET-DO-NOT-LEAK"


def read_json(answer: Answer) -> dict[str, object]:
    return answer.json_object()


def a_post() -> Request:
    """Return a request that carries a secret everywhere one may be."""
    return Request(call=POST, form={"password": SECRET}, headers={"token": SECRET})


async def failure_of(transport: Transport, request: Request) -> CloudError:
    """Return the error that a request ends with, checked to tell no secret."""
    with pytest.raises(CloudError) as caught:
        await transport.send(request, read_json)
    assert SECRET not in everything_said(caught.value)
    return caught.value


async def failure_against(
    http: aiohttp.ClientSession, reply: bytes, request: Request | None = None
) -> CloudError:
    """Return the error that these bytes as answer end a request with."""
    async with raw_server(sends(reply)) as server:
        error = await failure_of(Transport(http=http, url=server.url), request or a_post())
        assert len(server.requests) == 1
    return error


# What leaves


@pytest.mark.parametrize(
    ("sent", "content_type", "body"),
    [
        ({"form": {"name": "ä b&c"}}, "application/x-www-form-urlencoded", "name=%C3%A4+b%26c"),
        ({"json": {"a": "b"}}, "application/json", '{"a": "b"}'),
    ],
)
async def test_what_is_sent(
    http: aiohttp.ClientSession, sent: dict[str, Any], content_type: str, body: str
) -> None:
    """A form is URL-encoded UTF-8; the path continues the server's, the query stays as it is."""
    async with raw_server(sends(http_answer(b'{"a": 1}'))) as server:
        transport = Transport(http=http, url=f"{server.url}/prefix")
        request = Request(call=POST, query={"q": "a+b c&d"}, headers={"token": "fake"}, **sent)
        assert await transport.send(request, read_json) == {"a": 1}
    head, _, sent_body = server.requests[0].partition("\r\n\r\n")
    method, target, _ = head.split(" ", 2)
    assert (method, URL(target).path) == ("POST", "/prefix/v1/thing")
    assert dict(URL(target).query) == {"q": "a+b c&d"}
    assert f"Content-Type: {content_type}" in head
    assert "token: fake" in head
    assert sent_body == body


async def test_answer_is_handed_over_whole(http: aiohttp.ClientSession) -> None:
    picture = b"GIF89a\x00\xff"
    reply = http_answer(picture, "401 Unauthorized", "Text/HTML; charset=utf-8", "X-Token: new")
    async with raw_server(sends(reply)) as server:
        transport = Transport(http=http, url=server.url)
        answer = await transport.send(Request(call=GET), lambda answer: answer)
    assert (answer.status, answer.content_type, answer.body) == (401, "text/html", picture)
    assert answer.headers["x-token"] == "new"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("abc-123", True),
        ("two words", True),
        ("line\r\nbreak", False),
        ("nul\0", False),
        ("ümlaut", False),
        (" outer", False),
        pytest.param("a" * 8_001, False, id="long"),
    ],
)
def test_header_values(*, text: str, fits: bool) -> None:
    assert is_header_value(text) is fits


# Cookies


async def test_cookies_stay_apart_from_the_session(http: aiohttp.ClientSession) -> None:
    """The session's cookies are not sent, and the server's do not get into it."""
    reply = http_answer(b"{}", "200 OK", "application/json", "Set-Cookie: ours=1; Path=/")
    async with raw_server(sends(reply)) as server:
        http.cookie_jar.update_cookies({"theirs": "1"}, URL(server.url))
        await Transport(http=http, url=server.url).send(a_post(), read_json)
        kept = http.cookie_jar.filter_cookies(URL(server.url))
    assert "cookie" not in server.requests[0].lower()
    assert list(kept) == ["theirs"]


# Once


def keeps_first_then(cut: Callable[[asyncio.StreamWriter], None]) -> RawServer:
    """Return a server that answers a connection's first request and cuts it at the second."""

    async def reply(raw: RawServer, writer: asyncio.StreamWriter) -> None:
        if len(raw.requests) == 1:
            writer.write(http_answer().replace(b"Connection: close\r\n", b""))
            await writer.drain()
        else:
            cut(writer)

    return RawServer(reply)


def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


def resets(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


@pytest.mark.parametrize("cut", [closes, resets])
@pytest.mark.parametrize("call", [GET, POST])
async def test_nothing_is_sent_twice(
    http: aiohttp.ClientSession, call: Call, cut: Callable[[asyncio.StreamWriter], None]
) -> None:
    """A kept connection of the shared session that ends under a request does not repeat it."""
    async with raw_server(keeps_first_then(cut).reply) as server:
        async with http.get(server.url) as kept:
            await kept.read()
        error = await failure_of(Transport(http=http, url=server.url), Request(call=call))
        assert server.connections == 1
        assert len(server.requests) == 2
    assert type(error) is NoAnswerError


async def test_aiohttp_alone_repeats_a_get(http: aiohttp.ClientSession) -> None:
    """Without the transport the same GET is sent again: what the test above would miss else."""
    async with raw_server(keeps_first_then(closes).reply) as server:
        async with http.get(server.url) as kept:
            await kept.read()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.get(server.url)
        assert len(server.requests) == 3


async def test_no_connection_is_kept(http: aiohttp.ClientSession) -> None:
    """Each call has a connection of its own, so that none meets one that has ended."""
    peers: set[object] = set()

    async def handler(request: web.BaseRequest) -> web.Response:
        peers.add(request.get_extra_info("peername"))
        return web.json_response({})

    async with RawTestServer(handler) as server:
        transport = Transport(http=http, url=str(server.make_url("")).rstrip("/"))
        for _ in range(3):
            await transport.send(Request(call=GET), read_json)
    assert len(peers) == 3


# Did not leave


class Resolver(AbstractResolver):
    def __init__(self, *, hang: bool) -> None:
        self._hang = hang

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self._hang:
            await asyncio.Event().wait()
        raise OSError(None, f"nobody knows {host}")

    async def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(("hang", "key"), [(False, "cannot_resolve"), (True, "cannot_connect")])
async def test_name_is_not_found(*, socket_enabled: None, hang: bool, key: str) -> None:
    connector = aiohttp.TCPConnector(resolver=Resolver(hang=hang))
    async with aiohttp.ClientSession(connector=connector) as session:
        transport = Transport(http=session, url="https://nowhere.invalid")
        with Timelapse():
            error = await failure_of(transport, a_post())
    assert (type(error), error.key) == (UnreachableError, key)
    assert not error.outcome_unknown


async def test_port_is_closed(http: aiohttp.ClientSession) -> None:
    async with raw_server(hangs) as server:
        url = server.url
    error = await failure_of(Transport(http=http, url=url), a_post())
    assert (type(error), error.key) == (UnreachableError, "cannot_connect")


async def test_connection_is_not_taken(http: aiohttp.ClientSession) -> None:
    """A TLS server that takes the connection and never says hello: nothing has left."""
    async with raw_server(hangs) as server:
        transport = Transport(http=http, url=server.url.replace("http", "https"))
        with Timelapse():
            error = await failure_of(transport, a_post())
    assert (type(error), error.key) == (UnreachableError, "cannot_connect")


async def test_server_speaks_no_tls(http: aiohttp.ClientSession) -> None:

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http_answer())
        writer.close()

    async with await asyncio.start_server(answer, HOST, 0) as server:
        url = f"https://{HOST}:{server.sockets[0].getsockname()[1]}"
        error = await failure_of(Transport(http=http, url=url), a_post())
    assert (type(error), error.key) == (UnreachableError, "tls_failed")


async def test_certificate_is_not_trusted(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    async with raw_server(sends(http_answer()), ssl=context) as server:
        error = await failure_of(Transport(http=http, url=server.url), a_post())
        assert server.requests == []
    assert (type(error), error.key) == (UnreachableError, "tls_failed")


def _self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("url", ["https://", "https://1.2.3", "https://host:0x", "ftp://host"])
async def test_address_is_none(http: aiohttp.ClientSession, url: str) -> None:
    """An address that aiohttp refuses; and any, once Home Assistant has closed the session."""
    for address in (url, "https://127.0.0.1"):
        error = await failure_of(Transport(http=http, url=address), a_post())
        assert type(error) is UnreachableError
        await http.close()


# Left, and no answer came


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (cuts, NoAnswerError),
        (hangs, NoAnswerError),
        # Cut in the head, cut in the body, without the rest of the body.
        (sends(b"HTTP/1.1 200 OK\r\nContent-Le"), NoAnswerError),
        (sends(http_answer(b'{"a": 1}')[:-3]), NoAnswerError),
        (sends(http_answer(b'{"a": 1}')[:-3], close=False), NoAnswerError),
        # Another kind of server listens there.
        (sends(b"SSH-2.0-OpenSSH_9.9\r\n\r\n\r\n"), UnexpectedAnswerError),
    ],
)
async def test_answer_never_comes(
    http: aiohttp.ClientSession, reply: Reply, kind: type[CloudError]
) -> None:
    """The request arrived; whether it had its effect is not known."""
    async with raw_server(reply) as server:
        with Timelapse():
            error = await failure_of(Transport(http=http, url=server.url), a_post())
        assert len(server.requests) == 1
    assert (type(error), error.key) == (kind, kind.default_key)
    assert error.outcome_unknown


# Something else answered


@pytest.mark.parametrize(
    ("body", "content_type", "key"),
    [
        (b"", "application/json", "empty_answer"),
        (b" \r\n", "application/json", "empty_answer"),
        (HTML, "text/html", "web_page"),
        (HTML, "application/json", "web_page"),
        (b"Please sign in", "text/html", "web_page"),
        (b"\x00\xffgarbage", "application/octet-stream", "not_json"),
        (b'{"error_code": 0', "application/json", "not_json"),
        (b"[" * 100_000, "application/json", "not_json"),
        (b"GIF89a", "image/gif", "not_json"),
        (b"[1, 2]", "application/json", "unexpected_answer"),
        (b"null", "application/json", "unexpected_answer"),
        (b"17", "text/html", "unexpected_answer"),
    ],
)
async def test_body_is_not_the_clouds(
    http: aiohttp.ClientSession, body: bytes, content_type: str, key: str
) -> None:
    """A body that is no JSON object, told apart by what it is."""
    error = await failure_against(http, http_answer(body, content_type=content_type))
    assert (type(error), error.key) == (UnexpectedAnswerError, key)
    if key in {"web_page", "not_json"}:
        assert error.placeholders["content_type"] == content_type


@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=GBK", "image/png", ""])
async def test_json_is_believed_with_any_content_type(
    http: aiohttp.ClientSession, content_type: str
) -> None:
    """Clouds send JSON as all sorts of things, also with a byte order mark."""
    reply = http_answer(b'\xef\xbb\xbf {"a": 1}\n', content_type=content_type)
    async with raw_server(sends(reply)) as server:
        transport = Transport(http=http, url=server.url)
        assert await transport.send(Request(call=GET), read_json) == {"a": 1}


@pytest.mark.parametrize(
    "reply",
    [
        http_answer(b"x" * (MAX_ANSWER_BYTES + 1)),
        # Without a length only reading tells.
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (MAX_ANSWER_BYTES + 1),
    ],
)
async def test_answer_is_too_large(http: aiohttp.ClientSession, reply: bytes) -> None:
    error = await failure_against(http, reply)
    assert (type(error), error.key) == (UnexpectedAnswerError, "too_large")


async def test_endless_answer_is_given_up(http: aiohttp.ClientSession) -> None:
    given_up = asyncio.Event()

    async def reply(raw: RawServer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            while not raw.gone.is_set():
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            given_up.set()
            raise

    async with raw_server(reply) as server:
        error = await failure_of(Transport(http=http, url=server.url), a_post())
        assert error.key == "too_large"
        async with asyncio.timeout(10):
            await given_up.wait()


async def test_largest_answer_is_read(http: aiohttp.ClientSession) -> None:
    body = b'{"a": "' + b"x" * (MAX_ANSWER_BYTES - 9) + b'"}'
    async with raw_server(sends(http_answer(body))) as server:
        transport = Transport(http=http, url=server.url)
        answer = await transport.send(Request(call=GET), lambda answer: answer)
    assert len(answer.body) == MAX_ANSWER_BYTES


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many bytes aiohttp unpacks, each time."""
    sizes: list[int] = []
    original = compression_utils.ZLibDecompressor.decompress_sync

    def decompress_sync(self: Any, *args: Any, **kwargs: Any) -> bytes:
        data: bytes = original(self, *args, **kwargs)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(compression_utils.ZLibDecompressor, "decompress_sync", decompress_sync)
    return sizes


def packed(body: bytes, times: int = 1) -> bytes:
    """Return a body so many times over, packed."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(body) for _ in range(times)), packer.flush()])


async def test_nothing_packed_is_asked_for(http: aiohttp.ClientSession) -> None:
    async with raw_server(sends(http_answer())) as server:
        await Transport(http=http, url=server.url).send(a_post(), read_json)
    assert "accept-encoding: identity\r\n" in server.requests[0].lower()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "x-gzip", "br", "gzip, identity"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_nothing_packed_is_taken(
    http: aiohttp.ClientSession, unpacked: list[int], coding: str, *, chunked: bool
) -> None:
    """A bomb of 100 KB that would fill 100 MB is neither read nor unpacked."""
    bomb = packed(b"\0" * 1024 * 1024, times=100)
    header = f"Content-Encoding: {coding}"
    reply = http_answer(bomb, "200 OK", "application/json", header)
    if chunked:
        head = reply.partition(b"\r\n\r\n")[0].replace(b"Content-Length", b"X-Length")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(bomb), bomb)
        reply = head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    tracemalloc.start()
    try:
        error = await failure_against(http, reply)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (type(error), error.key) == (UnexpectedAnswerError, "not_json")
    assert error.placeholders == {"content_type": coding}
    assert error.outcome_unknown
    assert unpacked == []
    assert most < 4 * MAX_ANSWER_BYTES


async def test_shared_session_unpacks_as_ever(
    http: aiohttp.ClientSession, unpacked: list[int]
) -> None:
    """What others get through it is not touched: without us, it would have been unpacked."""
    reply = http_answer(packed(b"{}"), "200 OK", "application/json", "Content-Encoding: gzip")
    async with raw_server(sends(reply)) as server:
        await failure_of(Transport(http=http, url=server.url), a_post())
        assert unpacked == []
        async with http.get(server.url) as response:
            assert await response.read() == b"{}"
    assert sum(unpacked) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("403 Forbidden", BlockedError),
        ("429 Too Many Requests", RateLimitedError),
        ("500 Internal Server Error", UnexpectedAnswerError),
    ],
)
async def test_status_of_a_packed_answer_counts(
    http: aiohttp.ClientSession, status: str, kind: type[CloudError]
) -> None:
    reply = http_answer(packed(HTML), status, "text/html", "Content-Encoding: gzip")
    error = await failure_against(http, reply)
    assert type(error) is kind
    assert error.key != "not_json"


async def test_plain_answer_may_say_so(http: aiohttp.ClientSession) -> None:
    reply = http_answer(b'{"a": 1}', "200 OK", "application/json", "Content-Encoding: Identity")
    async with raw_server(sends(reply)) as server:
        transport = Transport(http=http, url=server.url)
        assert await transport.send(Request(call=GET), read_json) == {"a": 1}


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://other.example/login?next=/v1", "https://other.example"),
        (f"https://me:{SECRET}@other.example:8443", "https://other.example:8443"),
        (f"/login?token={SECRET}", ""),
        ("", ""),
    ],
)
async def test_redirect_is_not_followed(
    http: aiohttp.ClientSession, location: str, shown: str
) -> None:
    """A redirect is told with where it leads, and nobody goes there."""
    header = f"Location: {location}"
    error = await failure_against(http, http_answer(HTML, "302 Found", "text/html", header))
    assert (type(error), error.key) == (UnexpectedAnswerError, "redirected")
    assert error.placeholders == {"location": shown}


@pytest.mark.parametrize("status", ["403 Forbidden", "405 Method Not Allowed"])
@pytest.mark.parametrize("body", [HTML, b"", b"denied"])
async def test_firewall(http: aiohttp.ClientSession, status: str, body: bytes) -> None:
    """A firewall refused; the cloud has not seen the request."""
    error = await failure_against(http, http_answer(body, status, "text/html"))
    assert (type(error), error.retry_after) == (BlockedError, BLOCKED_RETRY_AFTER)
    assert not error.outcome_unknown


@pytest.mark.parametrize("body", [HTML, b""])
async def test_a_server_that_names_the_methods_it_allows_is_no_firewall(
    http: aiohttp.ClientSession, body: bytes
) -> None:
    """It is not the cloud's interface, and it did nothing."""
    answer = http_answer(body, "405 Method Not Allowed", "text/html", "Allow: GET")
    error = await failure_against(http, answer)
    assert (type(error), error.key) == (UnexpectedAnswerError, "unexpected_answer")
    assert not error.outcome_unknown


async def test_cloud_may_answer_403_itself(http: aiohttp.ClientSession) -> None:
    """A JSON object is the cloud's own answer, whatever its status."""
    async with raw_server(sends(http_answer(b'{"code": 1}', "403 Forbidden"))) as server:
        transport = Transport(http=http, url=server.url)
        assert await transport.send(Request(call=GET), read_json) == {"code": 1}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("Retry-After: 99999999999", 86400),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("Retry-After: -1", None),
    ],
)
async def test_retry_after_is_heard(
    http: aiohttp.ClientSession, header: str, seconds: float | None
) -> None:
    for status, kind in (
        ("429 Too Many Requests", RateLimitedError),
        ("503 Service Unavailable", UnexpectedAnswerError),
    ):
        error = await failure_against(http, http_answer(HTML, status, "text/html", header))
        assert (type(error), error.retry_after) == (kind, seconds)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway"])
async def test_server_error(http: aiohttp.ClientSession, status: str) -> None:
    """The server failed; whether before or after the effect is not known."""
    error = await failure_against(http, http_answer(b'{"error_code": 0}', status))
    assert (type(error), error.key) == (UnexpectedAnswerError, "server_error")
    assert error.placeholders == {"status": status[:3]}
    assert error.outcome_unknown


# The gate


async def test_gate_is_asked_and_told(http: aiohttp.ClientSession, gate: RecordingGate) -> None:
    """Before and after each call, with the error that the reader found."""
    refusal = RateLimitedError(retry_after=5)

    def refuse(_: Answer) -> None:
        raise refusal

    async with raw_server(sends(http_answer())) as server:
        transport = Transport(http=http, url=server.url, gate=gate)
        await transport.send(Request(call=GET), read_json)
        with pytest.raises(RateLimitedError):
            await transport.send(a_post(), refuse)
    assert gate.permitted == [GET, POST]
    assert gate.ended == [(GET, None), (POST, refusal)]


async def test_gate_refuses(http: aiohttp.ClientSession, gate: RecordingGate) -> None:
    gate.closed.add(POST.endpoint.path)
    async with raw_server(hangs) as server:
        with pytest.raises(NotNowError):
            await Transport(http=http, url=server.url, gate=gate).send(a_post(), read_json)
        assert server.connections == 0
    assert gate.ended == []


async def test_gate_hears_of_a_cancellation(
    http: aiohttp.ClientSession, gate: RecordingGate
) -> None:
    """A caller who goes away leaves a call whose outcome nobody knows."""
    async with raw_server(hangs) as server:
        transport = Transport(http=http, url=server.url, gate=gate)
        task = asyncio.create_task(transport.send(a_post(), read_json))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    ((call, error),) = gate.ended
    assert call == POST
    assert type(error) is NoAnswerError


async def test_gate_hears_of_a_fault_of_ours(
    http: aiohttp.ClientSession, gate: RecordingGate
) -> None:
    """A reader that breaks does not leave the gate waiting."""

    def broken(_: Answer) -> None:
        raise ZeroDivisionError

    async with raw_server(sends(http_answer())) as server:
        with pytest.raises(ZeroDivisionError):
            await Transport(http=http, url=server.url, gate=gate).send(a_post(), broken)
    ((_, error),) = gate.ended
    assert type(error) is NoAnswerError


# Secrets


async def test_log_tells_no_secret(
    http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Even at debug level there is method, path, status, code and duration only."""
    caplog.set_level(logging.DEBUG)

    def refuse(answer: Answer) -> None:
        raise RateLimitedError(code=10012)

    echo = http_answer(f'{{"msg": "{SECRET}"}}'.encode(), "200 OK", "text/html", f"X: {SECRET}")
    async with raw_server(sends(echo)) as server:
        request = Request(
            call=POST, query={"q": SECRET}, form={"p": SECRET}, headers={"token": SECRET}
        )
        with pytest.raises(RateLimitedError):
            await Transport(http=http, url=server.url).send(request, refuse)
    assert "POST v1/thing: HTTP 200, code 10012, " in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(request)
    assert str(POST.subject) not in caplog.text
