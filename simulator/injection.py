"""What each kind of fault does to a request and its answer."""

import asyncio
from dataclasses import dataclass, replace
import json

from aiohttp import web

from .calls import RecordedCall
from .cloud import Answer, Cloud, Request, method_not_allowed, page
from .faults import Fault, FaultKind
from .simulation import Simulation

REDIRECTED = "/_redirected"
MEBIBYTE = 1024 * 1024

# Answers to requests that are not executed.
_REFUSALS = {
    FaultKind.FIREWALL: page("405", "Your request has been blocked by the firewall.", 405),
    FaultKind.METHOD: method_not_allowed("GET"),
    FaultKind.FORBIDDEN: page("403", "Forbidden.", 403),
    FaultKind.LOGIN_PAGE: Answer(
        '<!doctype html><html data-name="login"><body>Sign in to continue.</body></html>',
        content_type="text/html",
    ),
    FaultKind.GARBAGE: Answer(
        b"\x17upstream \xff\xfe reset {", content_type="application/octet-stream"
    ),
    FaultKind.EMPTY: Answer(b""),
    FaultKind.NOT_OBJECT: Answer([{"error_code": 0}]),
    FaultKind.HTTP_500: page("500", "Internal server error.", 500),
    FaultKind.TOO_MANY: page("429", "Too many requests.", 429),
}


@dataclass
class Injection:
    """A request with a fault."""

    simulation: Simulation
    http: web.Request
    cloud: Cloud
    request: Request
    call: RecordedCall

    async def inject(self, fault: Fault) -> Answer | web.StreamResponse:
        """Return the answer; a stream response has already been sent or cut off."""
        if fault.delay and not await self.simulation.until(seconds=fault.delay):
            return self._cut()
        if fault.kind in _REFUSALS:
            answer = _REFUSALS[fault.kind]
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return replace(answer, headers={**answer.headers, **headers})
        match fault.kind:
            case FaultKind.REDIRECT:
                location = REDIRECTED + self.request.path
                return replace(page("302", "Moved.", 302), headers={"Location": location})
            case FaultKind.CODE:
                return self.cloud.error(self.request.path, fault.code, fault.msg)
            case FaultKind.CUT | FaultKind.HANG:
                if fault.kind is FaultKind.HANG:
                    await self.simulation.until()
                return self._cut()
        return await self._executed(fault)

    async def _executed(self, fault: Fault) -> Answer | web.StreamResponse:
        """Execute the request, then distort its answer."""
        simulation = self.simulation
        hold = fault.kind is FaultKind.HOLD
        if hold and not fault.executed and not await simulation.faults.hold(simulation.until):
            return self._cut()
        answer = await self._answer(fault.seconds if fault.kind is FaultKind.LATE else 0)
        self.call.code = answer.code
        match fault.kind:
            case FaultKind.CODE_AFTER:
                return self.cloud.error(self.request.path, fault.code, fault.msg)
            case FaultKind.CUT_AFTER:
                return self._cut()
            case FaultKind.CUT_BODY:
                return await self._cut_body(answer)
            case FaultKind.HANG_AFTER:
                await simulation.until()
                return self._cut()
            case FaultKind.HOLD if fault.executed:
                await simulation.faults.hold(simulation.until)
            case FaultKind.SLOW:
                await simulation.until(seconds=fault.seconds)
        return _distorted(fault.kind, answer)

    async def _answer(self, after: float) -> Answer:
        """Execute the request, after some seconds even if the client is gone by then."""
        if not after:
            return self.cloud.answer(self.request)

        async def work() -> Answer:
            await self.simulation.until(seconds=after)
            return self.cloud.answer(self.request)

        late = asyncio.ensure_future(work())
        self.simulation.late.add(late)
        late.add_done_callback(self.simulation.late.discard)
        return await asyncio.shield(late)

    def _cut(self) -> web.StreamResponse:
        """Abort the connection and return a response that will not arrive."""
        if self.http.transport is not None:
            self.http.transport.abort()
        return web.Response()

    async def _cut_body(self, answer: Answer) -> web.StreamResponse:
        body = answer.encode()
        response = web.StreamResponse(
            status=answer.status,
            headers={
                "Content-Type": answer.content_type,
                "Content-Length": str(len(body)),
            },
        )
        self.call.status = answer.status
        await response.prepare(self.http)
        await response.write(body[: len(body) // 2])
        if self.http.transport is not None:
            # Not abort(): the first half must arrive.
            self.http.transport.close()
        return response


def _distorted(kind: FaultKind, answer: Answer) -> Answer:
    if kind is FaultKind.WRONG_TYPE:
        return replace(answer, content_type="text/html")
    if not isinstance(answer.payload, dict):
        return answer
    payload = dict(answer.payload)
    if kind is FaultKind.OVERSIZED:
        payload["padding"] = "x" * MEBIBYTE
    elif kind is FaultKind.STRING_CODE and answer.code_key in payload:
        payload[answer.code_key] = str(payload[answer.code_key])
    elif kind is FaultKind.DATA_EMPTY:
        payload["data"] = ""
    elif kind is FaultKind.DATA_STRING and "data" in payload:
        payload["data"] = json.dumps(payload["data"])
    return replace(answer, payload=payload)
