"""Sends HTTP requests to a cloud.

- A request is sent at most once. aiohttp would resend idempotent requests when a reused connection
  breaks, so this is prevented, and connections are not reused.
- Errors tell whether the request may have taken effect (`outcome_unknown`).
- Logs and exceptions contain no secrets. aiohttp's exceptions hold URLs and headers, so they are
  not chained.
- Cookies of the caller's session are neither sent nor changed. Redirects are not followed.
- Answers are not compressed: a small one could fill the memory. Servers only compress if asked to.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookies import SimpleCookie
import logging
from math import inf
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import hdrs

from .answer import Answer
from .errors import (
    BlockedError,
    CloudError,
    NoAnswerError,
    RateLimitedError,
    UndecidedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from .model import repr_without
from .provider import TIMEOUT, Call, Endpoint, Gate

_LOGGER = logging.getLogger(__name__)

# A firewall that has refused one request will refuse more.
BLOCKED_RETRY_AFTER: Final = 300.0
MAX_ANSWER_BYTES: Final = 1024 * 1024

_NOTHING: Mapping[str, str] = MappingProxyType({})
_CHUNK_BYTES = 64 * 1024
_MAX_RETRY_AFTER = 24 * 3600.0
_LONGEST_DATE = 64
_MAX_HEADER = 8_000
_PLAIN = "identity"
_REFUSED_BY_FIREWALL = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED})


class Request(NamedTuple):
    """A call with its query, headers and body, which is either a form or JSON.

    Secrets belong in headers or the body, and `secrets` lists them for the answer to be masked. The
    query has one only where a cloud may take it nowhere else; no address is ever logged.
    Header values have to pass `is_header_value`.
    """

    call: Call
    query: Mapping[str, str] = _NOTHING
    form: Mapping[str, str] | None = None
    json: Mapping[str, object] | None = None
    headers: Mapping[str, str] = _NOTHING
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return repr_without(self, "query", "form", "json", "headers", "secrets")


def is_header_value(text: str) -> bool:
    """Return whether a string can be sent in an HTTP header."""
    return (
        len(text) <= _MAX_HEADER and text.isascii() and text.isprintable() and text == text.strip()
    )


class Transport:
    """Connection to one server."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        url: str,
        gate: Gate | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Initialize the transport.

        `http` is never closed here; `url` has no trailing slash; `timeout` is the total time in
        seconds from the DNS lookup to the end of the answer.
        """
        self._http = http
        self._url = url
        self._gate = gate
        self._timeout = timeout

    async def send[T](self, request: Request, read: Callable[[Answer], T]) -> T:
        """Send a request and return what `read` reads from the answer.

        The gate is told about any error that `read` raises.
        """
        call = request.call
        if self._gate is not None:
            await self._gate.permit(call)
        started = monotonic()
        answer: Answer | None = None
        # Reported if the caller is canceled.
        error: CloudError | None = NoAnswerError()
        try:
            answer = await self._exchange(request)
            _refuse(answer)
            result = read(answer)
            error = None
        except CloudError as err:
            if call.endpoint.irreversible and isinstance(err, UndecidedError):
                err.outcome_unknown = True
            if isinstance(err, RateLimitedError) and answer is not None:
                err.retry_after = _retry_after(answer) or err.retry_after
            error = err
            raise
        else:
            return result
        finally:
            _LOGGER.debug(
                "%s %s: HTTP %s, code %s, %.3f s",
                call.endpoint.method,
                call.endpoint.path,
                None if answer is None else answer.status,
                0 if error is None else error.code,
                monotonic() - started,
            )
            if self._gate is not None:
                self._gate.answered(call, error)

    async def _exchange(self, request: Request) -> Answer:
        """Send a request and return the answer, whatever it is."""
        if self._http.closed:
            raise UnreachableError
        endpoint = request.call.endpoint
        try:
            async with self._http.request(
                endpoint.method,
                _address(self._url, endpoint, request.query),
                data=request.form,
                json=request.json,
                headers={
                    **request.headers,
                    hdrs.CONNECTION: "close",
                    hdrs.ACCEPT_ENCODING: _PLAIN,
                },
                allow_redirects=False,
                auto_decompress=False,
                raise_for_status=False,
                # As connecting has to take less, the total only runs out after the request was
                # sent, so the two kinds of timeout tell whether it was. Neither is rounded up.
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout, connect=self._timeout / 2, ceil_threshold=inf
                ),
                middlewares=(_no_retry_no_cookies,),
            ) as response:
                return Answer(
                    status=response.status,
                    content_type=response.content_type.lower(),
                    headers=response.headers,
                    body=await _body(response),
                    secrets=request.secrets,
                )
        except (aiohttp.ClientError, OSError) as err:
            failure = _failure(err)
        raise failure


def _address(url: str, endpoint: Endpoint, query: Mapping[str, str]) -> str:
    """Return what to request. A blank in the query is `%20`, which no server takes for a plus."""
    address = f"{url}/{endpoint.path}"
    if not query:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query, quote_via=quote)}"


async def _no_retry_no_cookies(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from resending a request, and cookies out of it and of the session.

    This replaces the session's own middlewares; Home Assistant's only checks redirects.
    """
    request.headers.pop(hdrs.COOKIE, None)
    try:
        response = await handler(request)
    except (aiohttp.ClientError, OSError) as err:
        # aiohttp only resends after exceptions of its own.
        failure = _failure(err)
    else:
        response.cookies = SimpleCookie()
        return response
    raise failure


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer up to the size limit, empty if it will not be looked at."""
    if (
        _is_redirect(response.status)
        or _is_server_error(response.status)
        or _coding(response.headers) != _PLAIN
    ):
        return b""
    if (response.content_length or 0) > MAX_ANSWER_BYTES:
        raise UnexpectedAnswerError("too_large")
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise UnexpectedAnswerError("too_large")
    return bytes(body)


def _failure(err: Exception) -> CloudError:
    """Return the error for an exception of aiohttp."""
    match err:
        case aiohttp.ClientConnectorDNSError():
            return UnreachableError("cannot_resolve")
        case aiohttp.ClientSSLError():
            return UnreachableError("tls_failed")
        # All of these are raised before anything is sent.
        case (
            aiohttp.ClientConnectorError()
            | aiohttp.ConnectionTimeoutError()
            | aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
        ):
            return UnreachableError()
        # The answer is not HTTP.
        case aiohttp.ClientResponseError():
            return UnexpectedAnswerError()
        case _:
            return NoAnswerError()


def _refuse(answer: Answer) -> None:
    """Raise an error if an answer is not the cloud's own, by its status, or if it is compressed."""
    if _is_redirect(answer.status):
        raise UnexpectedAnswerError(
            "redirected",
            placeholders={"location": _origin(answer)},
        )
    if _is_server_error(answer.status):
        raise UnexpectedAnswerError(
            "server_error",
            placeholders={"status": str(answer.status)},
            retry_after=_retry_after(answer),
        )
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimitedError
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED and hdrs.ALLOW in answer.headers:
        # A firewall does not say what it allows. This server has no such endpoint.
        error = UnexpectedAnswerError()
        error.outcome_unknown = False
        raise error
    if answer.status in _REFUSED_BY_FIREWALL and not answer.is_object:
        raise BlockedError(retry_after=_retry_after(answer) or BLOCKED_RETRY_AFTER)
    if (coding := _coding(answer.headers)) != _PLAIN:
        raise UnexpectedAnswerError(
            "not_json", placeholders={"content_type": answer.printable(coding)}
        )


def _is_redirect(status: int) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def _is_server_error(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _coding(headers: Mapping[str, str]) -> str:
    """Return how an answer is compressed, `_PLAIN` if it is not."""
    return headers.get(hdrs.CONTENT_ENCODING, "").strip().lower() or _PLAIN


def _retry_after(answer: Answer) -> float | None:
    """Return the seconds that a Retry-After header wants us to wait, None if it does not say.

    Where it names a date, that counts from the server's own.
    """
    text = answer.headers.get(hdrs.RETRY_AFTER, "")
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        until, since = _date(text), _date(answer.headers.get(hdrs.DATE, ""))
        if until is None or since is None:
            return None
        seconds = (until - since).total_seconds()
    return min(seconds, _MAX_RETRY_AFTER) if seconds > 0 else None


def _date(text: str) -> datetime | None:
    """Return the date in a header, None if it is none."""
    try:
        date = parsedate_to_datetime(text[:_LONGEST_DATE])
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


def _origin(answer: Answer) -> str:
    """Return scheme and host of a redirect's target. The rest might contain secrets."""
    scheme, found, rest = answer.headers.get(hdrs.LOCATION, "").partition("://")
    if not found:
        return ""
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    return f"{answer.printable(scheme)}://{answer.printable(host)}"
