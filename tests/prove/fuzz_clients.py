"""Random answers for every call of every client: no more than an error of ours comes of any."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
import json
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from zlib import crc32

import aiohttp

from custom_components.growatt_onboarding.cloud.errors import CloudError
from simulator import INSTALLER_TOKEN, Simulator
from simulator.cloud import Request
from tests.cloud.calls import (
    CHECK_CODE,
    EVERY_CALL,
    SERIAL,
    STICK,
    TOKEN,
    Answered,
    ClientCall,
    Http,
)

from .hostile import BLOCK, Blocks, Dice, blocks

_PATH: Final = "https://cloud.invalid"
_TYPES: Final = ("application/json", "text/html", "image/png", "text/plain; charset=x", "")
_HEADERS: Final = (
    *("Retry-After", "Content-Encoding", "Location", "update-token", "Content-Length"),
    *("Content-Type", "Set-Cookie", "Date"),
)
_HEADER_VALUES: Final = (
    *("gzip", "identity", "br, gzip", "-1", "nan", "inf", "9" * 5_000, "\u00b2", "1e400"),
    *("Wed, 21 Oct 9999 99:99:99 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", "https://[", "//x/y", "/"),
)
_STATUSES: Final = (200, 200, 200, 200, 200, 200, 204, 301, 302, 400, 401, 403, 404, 405, 429, 500)
_FAILURES: Final = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientOSError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.SocketTimeoutError,
    aiohttp.ServerTimeoutError,
    ConnectionResetError,
    TimeoutError,
    OSError,
)
# What any cloud may answer when all is well, wherever it looks for it.
_ROW: Final = {
    "plant_id": 1,
    "user_id": 7,
    "name": "Home",
    "device_sn": SERIAL,
    "deviceSn": SERIAL,
    "c_user_id": 7,
    "c_user_name": "owner01",
    "sn": SERIAL,
    "productKey": "p1key",
    "lost": False,
    "last_update_time": {"time": 1_700_000_000_000, "year": 123},
}
_LISTS: Final = ("plants", "devices", "dataloggers", "data", "c_user", "list")
_TOKEN: Final = {"token": "new-token", "expirationTime": 9_999_999_999}
_DATA: Final = {
    **_ROW,
    **{name: [_ROW, _ROW] for name in _LISTS},
    "count": 2,
    "total": 2,
    "pages": 1,
    "hasNextPage": False,
    "lastPager": True,
    "dk": "1",
    "id": 7,
    "uid": "U1",
    "token": "new-token",
    "accessToken": _TOKEN,
    "refreshToken": _TOKEN,
    "captcha_off": False,
    "captcha_id": "c1",
    "captcha": "data:image/png;base64,iVBORw0KGgo=",
    "email": "owner@example.com",
    "email_verified": True,
    "plant": _ROW,
    "config": {"home_user_reg_type": ["username", "sms", "email"], "home_user_login_type": []},
}
_SUCCESS: Final = {"error_code": 0, "code": 0, "data": _DATA, "error_msg": "", "message": ""}


@dataclass
class Asked:
    """What came of a call's random answers."""

    call: str
    answers: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    problems: list[str] = field(default_factory=list)


class _Broken(Http):
    """A session whose requests may end in the middle."""

    def __init__(self, dice: Dice, real: list[Answered]) -> None:
        super().__init__(lambda: answer(dice, real))
        self._dice = dice
        self.answers = 0

    def request(self, method: str, url: str, **options: Any) -> Any:
        self.answers += 1
        if (chance := self._dice.random()) < 0.02:
            raise self._dice.choice(_FAILURES)
        response: Any = super().request(method, url, **options)
        if chance > 0.98:
            response = _Cut(response, self._dice.choice(_FAILURES)())
        return response


class _Cut:
    """A response whose body never ends well."""

    def __init__(self, response: Any, err: Exception) -> None:
        self._response = response
        self._err = err

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""

    @property
    def content(self) -> Any:
        return self

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        yield self._response.answered.body[: size // 2]
        raise self._err


class _Real(Http):
    """A session that asks the simulated clouds, and keeps what they answer."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(lambda: Answered(b""))
        self._simulator = simulator
        self.seen: list[Answered] = []

    def request(self, method: str, url: str, **options: Any) -> Any:
        path, _, query = url.removeprefix(_PATH).partition("?")
        body = options["json"] or {}
        request = Request(
            method,
            path,
            dict(parse_qsl(query, keep_blank_values=True)),
            options["data"] or {},
            {"Content-Type": "application/json", **options["headers"]},
            json.dumps(body).encode() if body else urlencode(options["data"] or {}).encode(),
        )
        cloud = next(cloud for cloud in self._simulator.clouds if cloud.owns(path))
        found = cloud.answer(request)
        self.seen.append(
            Answered(found.encode(), found.status, found.content_type, dict(found.headers))
        )
        self.answer = lambda: self.seen[-1]
        return super().request(method, url, **options)


async def real_answers(call: ClientCall) -> list[Answered]:
    """Return what the simulated cloud answers the call, and what any cloud might."""
    simulator = Simulator()
    simulator.growatt.tokens[TOKEN] = simulator.growatt.tokens[INSTALLER_TOKEN]
    simulator.growatt.add_device(SERIAL)
    simulator.growatt.add_datalogger(STICK, check_code=CHECK_CODE, plant_id=20001)
    http = _Real(simulator)
    with suppress(CloudError, NotImplementedError):
        await call.ask(http)
    return [*http.seen, Answered(json.dumps(_SUCCESS).encode())]


def answer(dice: Dice, real: list[Answered]) -> Answered:
    """Return a random answer: any bytes, any JSON, or a real one with something wrong in it."""
    base = dice.choice(real)
    match dice.randrange(20):
        case 0:
            body = dice.randbytes(dice.randrange(200))
        case 1:
            body = _encoded(dice.value())
        case 2:
            body = dice.text().encode("utf-8", "surrogatepass")
        case 3:
            at = dice.randrange(len(base.body) + 1)
            body = base.body[:at] + dice.randbytes(dice.randrange(4)) + base.body[at + 1 :]
        case 4:
            body = dice.deep() if dice.random() < 0.02 else base.body[: dice.randrange(99)]
        case _:
            body = _mutated(dice, base.body)
    odd = dice.random() < 0.2
    headers = {
        name: dice.choice(_HEADER_VALUES) if dice.random() < 0.7 else dice.text(50)
        for name in dice.sample(_HEADERS, dice.randrange(3))
    }
    return Answered(
        body,
        dice.choice((*_STATUSES, dice.randrange(1_000))) if odd else base.status,
        dice.choice((*_TYPES, dice.text(50))) if odd else base.content_type,
        {**base.headers, **(headers if odd else {})},
    )


def _mutated(dice: Dice, body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return body
    for _ in range(dice.randrange(4)):
        value = dice.changed(value)
    return _encoded(value)


def _encoded(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except ValueError:
        return str(value).encode("utf-8", "surrogatepass")


async def fuzz(call: ClientCall, number: int, *, measure: bool = True) -> Asked:
    """Give a call so many random answers; `measure` for how long the event loop stands still."""
    found = Asked(str(call))
    real = await real_answers(call)
    with blocks() as measured:
        seed = crc32(str(call).encode())
        while found.answers < number:
            seed += 1
            measured.start()
            found.answers += await _ask(call, seed, real, found)
            measured.end()
            if measure and measured.longest > BLOCK:
                measured.longest = await _again(call, seed, real, measured)
                if measured.longest > BLOCK:
                    found.problems.append(f"{seed}: stood still for {measured.longest:.2f} s")
            found.longest = max(found.longest, measured.longest)
            measured.longest = 0.0
    return found


async def _again(call: ClientCall, seed: int, real: list[Answered], measured: Blocks) -> float:
    """Return the shortest of several times that the same answers took: once may be bad luck."""
    times = []
    for _ in range(4):
        measured.longest = 0.0
        measured.start()
        await _ask(call, seed, real, Asked(str(call)))
        measured.end()
        times.append(measured.longest)
    return min(times)


async def _ask(call: ClientCall, seed: int, real: list[Answered], found: Asked) -> int:
    """Make a call, note what came of it, and return how many answers it got."""
    http = _Broken(Dice(seed), real)
    try:
        outcome = await call.ask(http)
    except CloudError as err:
        found.outcomes[type(err).__name__] += 1
        strings = [err.key, str(err), *err.placeholders.values()]
    except NotImplementedError:
        found.outcomes["cannot tell"] += 1
        return max(1, http.answers)
    except Exception as err:  # noqa: BLE001 - this is what the proof looks for
        found.problems.append(f"{seed}: {type(err).__name__}: {err}")
        return max(1, http.answers)
    else:
        found.outcomes["result"] += 1
        strings = list(_strings(outcome))
    for text in strings:
        # What is stored, shown or sent.
        try:
            text.encode()
        except UnicodeEncodeError:
            found.problems.append(f"{seed}: a text that cannot be written: {text!a}")
    return max(1, http.answers)


def _strings(value: object) -> Iterator[str]:
    """Yield all texts in what a client returned."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(key)
            yield from _strings(inner)
    elif isinstance(value, tuple | list | frozenset | set):
        for inner in value:
            yield from _strings(inner)


async def fuzz_all(number: int, names: tuple[str, ...] = ()) -> list[Asked]:
    """Give every call, or those whose names contain one of these, so many random answers."""
    chosen = [call for call in EVERY_CALL if not names or any(name in str(call) for name in names)]
    return [await fuzz(call, number) for call in chosen]
