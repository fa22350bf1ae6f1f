"""The control interface for other processes: JSON over HTTP, below `/_control/`.

| request | what it does |
|---|---|
| `GET health` | `{"ok": true}` |
| `GET state` | the time and the state of each cloud, without secrets |
| `GET calls` | `calls` and `secrets_in_url`; with `?path=device/sn/add` those of a path |
| `DELETE calls` | clears them |
| `POST users`, `POST plants`, `POST tokens`, `POST dataloggers`, `POST devices` | adds one; the \
body has the arguments of `GrowattCloud.add_user` etc.; returns `{"id": ...}` |
| `POST dataloggers/{sn}` | `{"online": true or false, "devices_after": seconds or null}` |
| `POST devices/{sn}` | `{"online": true or false}`, `{"remove": true}`, `{"plant_id": 1}` |
| `POST clock` | `{"advance": seconds}`; `{}` returns the time |
| `POST limits` | `{"reading": "parameters" / "endpoint" / "none", "reset": true, \
"rules": {"plant/list": {"interval": 300, "per_day": 10}}}`, each key optional |
| `POST faults` | adds one: `path`, `kind`, `times`, `probability` and the kind's options |
| `DELETE faults` | drops all |
| `POST faults/release` | releases what `hold` keeps; returns how many were `held` |
| `GET mailbox` | messages with the codes that the clouds sent |
| `GET captcha` | the answers to all captchas that are still good, by id |

`POST users` etc. take `cloud` (default: `growatt`). A request that makes no sense is answered
with 400 and `{"error": text}`, an unknown id with 404.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from .registry import Clouds
from .simulation import Simulation

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# In this order, because each may refer to the ones before.
KINDS = ("users", "plants", "tokens", "dataloggers", "devices")


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn exceptions of the control interface, not of the clouds, into answers."""
    if not request.path.startswith("/_control/"):
        return await handler(request)
    try:
        return await handler(request)
    except KeyError as err:
        return web.json_response({"error": f"unknown: {err.args[0]}"}, status=404)
    except (TypeError, ValueError) as err:
        return web.json_response({"error": str(err)}, status=400)


async def _body(request: web.Request) -> dict[str, Any]:
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise TypeError("the body must be a JSON object")
    return body


class Control:
    """The control interface's handlers."""

    def __init__(self, simulation: Simulation, clouds: Clouds) -> None:
        self._simulation = simulation
        self._clouds = clouds

    async def health(self, _: web.Request) -> web.Response:
        """Return that the simulator is running."""
        return web.json_response({"ok": True})

    async def state(self, _: web.Request) -> web.Response:
        """Return the state of every cloud."""
        clouds = {cloud.name: cloud.state() for cloud in self._clouds}
        return web.json_response({"now": self._simulation.now(), **clouds})

    async def calls(self, request: web.Request) -> web.Response:
        """Return all calls, or those of a path."""
        log = self._simulation.calls
        calls = log.of(request.query.get("path", "*"))
        return web.json_response(
            {
                "calls": [call.as_json() for call in calls],
                "secrets_in_url": [call.as_json() for call in log.secrets_in_url],
            }
        )

    async def forget_calls(self, _: web.Request) -> web.Response:
        """Clear the log of calls."""
        self._simulation.calls.clear()
        return web.json_response({})

    async def add(self, request: web.Request) -> web.Response:
        """Add a user, a plant, a token, a datalogger or a device."""
        item = await _body(request)
        cloud = self._clouds.named(item.pop("cloud", "growatt"))
        kind = request.match_info["kind"]
        return web.json_response({"id": cloud.load(kind, item)}, status=201)

    async def datalogger(self, request: web.Request) -> web.Response:
        """Bring a datalogger online, and the devices behind it later, or take all offline."""
        changes = await _body(request)
        growatt = self._clouds.growatt
        serial = request.match_info["sn"]
        if not isinstance(online := changes.pop("online", None), bool):
            raise TypeError("online is true or false")
        if online:
            growatt.bring_datalogger_online(serial, **changes)
        else:
            growatt.take_datalogger_offline(serial, **changes)
        return web.json_response(growatt.dataloggers[serial].as_json())

    async def device(self, request: web.Request) -> web.Response:
        """Bring a device online or offline, move it, or take it out of its plant."""
        changes = await _body(request)
        growatt = self._clouds.growatt
        serial = request.match_info["sn"]
        if unknown := changes.keys() - {"online", "remove", "plant_id"}:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        if changes.get("remove"):
            growatt.remove_from_plant(serial)
        if "plant_id" in changes:
            growatt.move(serial, changes["plant_id"])
        if "online" in changes:
            (growatt.bring_online if changes["online"] else growatt.take_offline)(serial)
        return web.json_response(asdict(growatt.devices[serial]))

    async def clock(self, request: web.Request) -> web.Response:
        """Advance the clock and return the time."""
        self._simulation.clock.advance(float((await _body(request)).get("advance", 0)))
        return web.json_response({"now": self._simulation.now()})

    async def limits(self, request: web.Request) -> web.Response:
        """Change the rate limits."""
        changes = await _body(request)
        limits = self._clouds.growatt.limits
        if "reading" in changes:
            limits.reading = changes["reading"]
        for endpoint, values in changes.get("rules", {}).items():
            limits.change(endpoint, **values)
        if changes.get("reset"):
            limits.reset()
        return web.json_response({"reading": limits.reading})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault."""
        fault = self._simulation.faults.add(**await _body(request))
        return web.json_response({"kind": fault.kind, "path": fault.path}, status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Drop all faults."""
        self._simulation.faults.clear()
        return web.json_response({})

    async def release(self, _: web.Request) -> web.Response:
        """Release held requests."""
        held = self._simulation.faults.held
        self._simulation.faults.release()
        return web.json_response({"held": held})

    async def mailbox(self, _: web.Request) -> web.Response:
        """Return the messages that the clouds sent."""
        messages = [asdict(message) for message in self._simulation.mailbox]
        return web.json_response({"messages": messages})

    async def captcha(self, _: web.Request) -> web.Response:
        """Return the answers to the captchas."""
        return web.json_response(self._simulation.captchas)


def add_routes(app: web.Application, simulation: Simulation, clouds: Clouds) -> None:
    """Add the control interface to a web application."""
    control = Control(simulation, clouds)
    app.middlewares.append(_errors)
    app.router.add_get("/_control/health", control.health)
    app.router.add_get("/_control/state", control.state)
    app.router.add_get("/_control/calls", control.calls)
    app.router.add_delete("/_control/calls", control.forget_calls)
    app.router.add_post(f"/_control/{{kind:{'|'.join(KINDS)}}}", control.add)
    app.router.add_post("/_control/dataloggers/{sn}", control.datalogger)
    app.router.add_post("/_control/devices/{sn}", control.device)
    app.router.add_post("/_control/clock", control.clock)
    app.router.add_post("/_control/limits", control.limits)
    app.router.add_post("/_control/faults", control.add_fault)
    app.router.add_delete("/_control/faults", control.clear_faults)
    app.router.add_post("/_control/faults/release", control.release)
    app.router.add_get("/_control/mailbox", control.mailbox)
    app.router.add_get("/_control/captcha", control.captcha)
