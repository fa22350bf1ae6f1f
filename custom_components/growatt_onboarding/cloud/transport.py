"""One way to every cloud: a single HTTP exchange that is never repeated and never redirected.

What the transport promises:

- Each request leaves at most once. aiohttp resends idempotent requests after a broken
  connection; here it cannot. The server is asked to close the connection after each call, so
  that no later one meets a connection which has ended meanwhile.
- A failure says whether the request left: `UnreachableError` means no, `NoAnswerError` and
  `UnexpectedAnswerError` mean that its effect is not known. So does whatever a cloud answers to a
  call that cannot be undone, unless it is a clear refusal.
- Neither logs nor exceptions carry anything but method, path, status, result code and duration.
  aiohttp's own exceptions hold the address and the headers and are not chained.
- The session is the caller's. Its cookies are not sent and none are left in it.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookies import SimpleCookie
import logging
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple

import aiohttp
from aiohttp import hdrs

from .answer import Answer, printable
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
from .provider import Call, Gate

_LOGGER = logging.getLogger(__name__)

# A firewall that has refused a request refuses the next ones too.
BLOCKED_RETRY_AFTER: Final = 300.0
MAX_ANSWER_BYTES: Final = 1024 * 1024
TIMEOUT: Final = 20.0

_NOTHING: Mapping[str, str] = MappingProxyType({})
_CHUNK_BYTES = 64 * 1024
_MAX_RETRY_AFTER = 24 * 3600
_REFUSED_BY_FIREWALL = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED})


class Request(NamedTuple):
    """A call with what it sends: a query, and a body as form or as JSON (not both).

    Header values have to be `is_header_value`. Secrets belong in headers or the body.
    """

    call: Call
    query: Mapping[str, str] = _NOTHING
    form: Mapping[str, str] | None = None
    json: Mapping[str, object] | None = None
    headers: Mapping[str, str] = _NOTHING

    def __repr__(self) -> str:
        """Return what may be read by anybody."""
        return repr_without(self, "query", "form", "json", "headers")


def is_header_value(text: str) -> bool:
    """Return whether a text can stand in an HTTP header: printable ASCII without outer blanks."""
    return text.isascii() and text.isprintable() and text == text.strip()


class Transport:
    """Sends requests to one server."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        url: str,
        gate: Gate | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Send through the caller's session, which is never closed here.

        `url` is the server's address without a trailing slash; the gate is asked before every
        request and told how it ended; `timeout` is in seconds, from the first look-up of the name
        to the last byte of the answer.
        """
        self._http = http
        self._url = url
        self._gate = gate
        self._timeout = timeout

    async def send[T](self, request: Request, read: Callable[[Answer], T]) -> T:
        """Send a request once and return what `read` makes of the answer.

        `read` raises the CloudError that the answer means, so that the gate hears of it.
        """
        call = request.call
        if self._gate is not None:
            await self._gate.permit(call)
        started = monotonic()
        status: int | None = None
        # Stands when the caller is cancelled: nobody will read the answer.
        error: CloudError | None = NoAnswerError()
        try:
            answer = await self._exchange(request)
            status = answer.status
            _refuse(answer)
            result = read(answer)
            error = None
        except CloudError as err:
            if call.endpoint.irreversible and isinstance(err, UndecidedError):
                err.outcome_unknown = True
            error = err
            raise
        else:
            return result
        finally:
            _LOGGER.debug(
                "%s %s: HTTP %s, code %s, %.3f s",
                call.endpoint.method,
                call.endpoint.path,
                status,
                0 if error is None else error.code,
                monotonic() - started,
            )
            if self._gate is not None:
                self._gate.answered(call, error)

    async def _exchange(self, request: Request) -> Answer:
        """Send a request and take in the answer, whatever it is."""
        if self._http.closed:
            raise UnreachableError
        endpoint = request.call.endpoint
        try:
            async with self._http.request(
                endpoint.method,
                f"{self._url}/{endpoint.path}",
                params=request.query,
                data=request.form,
                json=request.json,
                headers={**request.headers, hdrs.CONNECTION: "close"},
                allow_redirects=False,
                raise_for_status=False,
                # A connection that takes half of all the time is a failed one. As this is the
                # shorter of the two, the total can only run out once the request is on its way.
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=self._timeout / 2),
                middlewares=(_no_retry_no_cookies,),
            ) as response:
                return Answer(
                    status=response.status,
                    content_type=response.content_type.lower(),
                    headers=response.headers,
                    body=await _body(response),
                )
        except (aiohttp.ClientError, OSError) as err:
            failure = _failure(err)
        raise failure


async def _no_retry_no_cookies(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep a request from being resent, and its cookies apart from the session's.

    It takes the place of the session's own middlewares, which in Home Assistant guard redirects.
    """
    request.headers.pop(hdrs.COOKIE, None)
    try:
        response = await handler(request)
    except (aiohttp.ClientError, OSError) as err:
        # aiohttp repeats after its own exceptions only.
        failure = _failure(err)
    else:
        response.cookies = SimpleCookie()
        return response
    raise failure


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer's body while it stays below the limit, none where only the status counts."""
    if _is_redirect(response.status) or _is_server_error(response.status):
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
    """Return what an exception of aiohttp means for the request."""
    match err:
        case aiohttp.ClientConnectorDNSError():
            return UnreachableError("cannot_resolve")
        case aiohttp.ClientSSLError():
            return UnreachableError("tls_failed")
        # All of them come from before the first byte of the request.
        case (
            aiohttp.ClientConnectorError()
            | aiohttp.ConnectionTimeoutError()
            | aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
        ):
            return UnreachableError()
        # An answer that is not HTTP.
        case aiohttp.ClientResponseError():
            return UnexpectedAnswerError()
        case _:
            return NoAnswerError()


def _refuse(answer: Answer) -> None:
    """Raise where the status alone says that the cloud itself did not answer."""
    if _is_redirect(answer.status):
        raise UnexpectedAnswerError(
            "redirected",
            placeholders={"location": _origin(answer.headers.get(hdrs.LOCATION, ""))},
        )
    if _is_server_error(answer.status):
        raise UnexpectedAnswerError(
            "server_error",
            placeholders={"status": str(answer.status)},
            retry_after=_retry_after(answer),
        )
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimitedError(retry_after=_retry_after(answer))
    if answer.status in _REFUSED_BY_FIREWALL and not answer.is_object:
        raise BlockedError(retry_after=_retry_after(answer) or BLOCKED_RETRY_AFTER)


def _is_redirect(status: int) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def _is_server_error(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retry_after(answer: Answer) -> float | None:
    """Return the seconds of a Retry-After header, None without one or where it holds a date."""
    text = answer.headers.get(hdrs.RETRY_AFTER, "")
    if not (text.isascii() and text.isdigit()):
        return None
    return float(min(int(text[:9]), _MAX_RETRY_AFTER))


def _origin(location: str) -> str:
    """Return scheme and host of a redirect's target: all a person needs, and no secret."""
    scheme, found, rest = location.partition("://")
    if not found:
        return ""
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    return f"{printable(scheme)}://{printable(host)}"
