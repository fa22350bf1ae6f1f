"""The HTTP server in front of the clouds."""

from collections.abc import Callable, Iterator, Mapping
import errno
from typing import Self

from aiohttp import web

from . import control, injection
from .calls import RecordedCall, mask
from .clock import Clock
from .cloud import Answer, Cloud, Request, page
from .limits import LimitReading
from .registry import Clouds
from .simulation import Simulation

HOST = "127.0.0.1"


class Simulator:
    """All clouds of a simulation on one port of the loopback interface."""

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        time_factor: float = 1.0,
        offline_for: float | None = None,
        limit_reading: LimitReading = "parameters",
        *,
        accept_any: bool = False,
        on_call: Callable[[RecordedCall], None] | None = None,
    ) -> None:
        """Create the clouds; start() makes them listen.

        `clock` returns real unix seconds (default: the wall clock); `time_factor` simulated
        seconds pass in each. With `accept_any`, devices of unknown but well-formed serial numbers
        are created on demand; they come online `offline_for` simulated seconds after they were
        accepted (None: never by themselves). `on_call` is called with each answered call.
        """
        self.simulation = simulation = Simulation(
            Clock(clock, time_factor), offline_for, limit_reading, accept_any
        )
        self.clouds = clouds = Clouds(simulation)
        # Shortcuts for tests.
        self.now, self.advance = simulation.now, simulation.clock.advance
        self.calls, self.faults = simulation.calls, simulation.faults
        self.mailbox, self.captchas = simulation.mailbox, simulation.captchas
        self.growatt, self.quectel = clouds.growatt, clouds.quectel
        self.shopxo, self.anqicms = clouds.shopxo, clouds.anqicms
        # The only portal there is, if there is only one, as at all real addresses.
        self.portal: str | None = None
        self._on_call = on_call
        self._runner: web.AppRunner | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        if self._url is None:
            raise RuntimeError("the simulator is not running")
        return self._url

    async def start(self, port: int = 0) -> None:
        """Listen on a port (0: any free one); an OSError names a port that is taken."""
        self.simulation.stopping.clear()
        app = web.Application()
        control.add_routes(app, self.simulation, self.clouds)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # A handler is canceled when its client disconnects, so that hanging ones do not pile up.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as err:
            await runner.cleanup()
            if err.errno == errno.EADDRINUSE:
                raise OSError(
                    err.errno, f"port {port} of {HOST} is taken by another program"
                ) from err
            raise
        self._runner = runner
        self._url = f"http://{HOST}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening and end hanging requests; stopping twice does nothing."""
        self.simulation.stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None
        self._url = None

    async def __aenter__(self) -> Self:
        """Start on a free port."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        """Answer a request to one of the clouds."""
        request = await _read(http)
        if request.path.startswith(injection.REDIRECTED):
            call = RecordedCall(
                self.now(), "redirect", request.method, request.path, request.params
            )
            self.calls.append(call)
            return self._send(call, Answer({"error_code": 0, "error_msg": "", "data": ""}))
        cloud = next((cloud for cloud in self._here if cloud.owns(request.path)), None)
        if cloud is None:
            return _response(page("404", "There is no cloud at this path.", 404))
        call = RecordedCall(
            self.now(),
            cloud.name,
            request.method,
            request.path,
            mask(request.params, cloud.secrets),
            cloud.token_of(request),
        )
        self.calls.append(call)
        if cloud.never_in_url & request.query.keys():
            self.calls.secrets_in_url.append(call)
            return self._send(call, page("500", "A secret stands in the address.", 500))
        if (fault := self.faults.take(request.path, request.params)) is not None:
            call.fault = fault.kind.value
            struck = injection.Injection(self.simulation, http, cloud, request, call)
            answer = await struck.inject(fault)
            if isinstance(answer, web.StreamResponse):
                return answer
            return self._send(call, answer)
        return self._send(call, cloud.answer(request))

    @property
    def _here(self) -> Iterator[Cloud]:
        return (
            cloud
            for cloud in self.clouds
            if self.portal in (None, cloud.name) or not cloud.is_portal
        )

    def _send(self, call: RecordedCall, answer: Answer) -> web.Response:
        call.status = answer.status
        call.code = answer.code
        if self._on_call is not None:
            self._on_call(call)
        return _response(answer)


async def _read(http: web.Request) -> Request:
    """Parse a request; if its body is not a form, the form is empty."""
    # A multipart form can only be read as a stream, so there is no body to keep.
    multipart = http.content_type == "multipart/form-data"
    body = b"" if multipart else await http.read()
    form: Mapping[str, object] = {}
    if multipart or http.content_type == "application/x-www-form-urlencoded":
        try:
            form = await http.post()
        except ValueError as err:
            raise web.HTTPBadRequest(text=f"broken form: {err}") from err
    return Request(
        http.method,
        http.path,
        dict(http.query),
        {name: value for name, value in form.items() if isinstance(value, str)},
        http.headers,
        body,
        http.path_qs.partition("?")[2],
    )


def _response(answer: Answer) -> web.Response:
    return web.Response(
        body=answer.encode(),
        status=answer.status,
        content_type=answer.content_type,
        charset="utf-8" if answer.content_type.startswith("text/") else None,
        headers=answer.headers,
    )
