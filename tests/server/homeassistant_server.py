"""A real Home Assistant as a process of its own, on loopback, with a folder of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
import json
import os
from pathlib import Path
import re
import shutil
import signal
import socket
import sys
import tempfile
from types import TracebackType
from typing import Any, Self

import aiohttp

from . import configuration
from .client import HomeAssistantClient
from .configuration import LOOPBACK
from .loopback_only import MARKER
from .tokens import SignInError, Tokens, sign_in

PROJECT = Path(__file__).parents[2]
DOMAIN = "growatt_onboarding"
USERNAME = "homeowner"
PASSWORD = "not-a-secret"

RESTART_EXIT_CODE = 100
"""Home Assistant ends with this when its user asked for a restart."""

# Only what hangs takes so long, on however busy a machine.
START_TIMEOUT = 240
STOP_TIMEOUT = 120
POLL_INTERVAL = 0.05
ATTEMPTS_TO_GET_A_PORT = 5
NO_PORT = "Failed to create HTTP server"
"""What Home Assistant writes when it cannot have its port."""
RECOVERY = "activating recovery mode"
"""What Home Assistant writes, in one case or another, when it goes on without what is broken."""


class ServerError(Exception):
    """Home Assistant did not start or did not stop; the text ends with the end of its log."""


class HomeAssistantServer:
    """Home Assistant 2026.11.0 with this project's integration.

    Use as an async context manager: it is running inside, and gone after, whatever happened.

    config_dir: its configuration folder; what an earlier server left there stays. By default a
        temporary one, removed at the end unless `keep`.
    components: folders of custom integrations to copy into it.
    helpers: the same, but set up before those, to interfere with them.
    configuration: more of configuration.yaml, as JSON would say it.
    speed: how many times faster than the vendor's clock the integration's intervals run.
    language: what the house speaks: it names entities, and texts that are for nobody in particular.
    port: 0 for any; when the port is taken another is used, see `url`.
    debug_loggers: loggers that write everything into the log.
    """

    def __init__(
        self,
        config_dir: Path | None = None,
        *,
        components: Iterable[Path] | None = None,
        helpers: Iterable[Path] = (),
        configuration: Mapping[str, Any] | None = None,
        speed: float = 1,
        language: str = "en",
        port: int = 0,
        python: Path = Path(sys.executable),
        debug_loggers: Iterable[str] = (f"custom_components.{DOMAIN}",),
        keep: bool = False,
    ) -> None:
        """Say how it is to run; nothing happens yet."""
        product = PROJECT / "custom_components" / DOMAIN
        self._components = [product] if components is None else list(components)
        self._helpers = list(helpers)
        self._configuration = dict(configuration or {})
        self._speed = speed
        self._python = python
        self._debug_loggers = tuple(debug_loggers)
        self._temporary = config_dir is None and not keep
        self._given_dir = config_dir
        self._process: asyncio.subprocess.Process | None = None
        self._tokens: Tokens | None = None
        # Starting and stopping wait for each other.
        self._changing = asyncio.Lock()
        self.port = port
        self.language = language
        self.username = USERNAME
        self.password = PASSWORD

    async def __aenter__(self) -> Self:
        """Make the folder and start."""
        self.config_dir = self._given_dir or Path(tempfile.mkdtemp(prefix="homeassistant-"))
        try:
            await self.start()
        except BaseException:
            await self._clean_up()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop and clean up."""
        try:
            await self.stop()
        finally:
            await self._clean_up()

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Everything it printed, over all its starts."""
        return self.config_dir / "server.log"

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    # Process

    async def start(self) -> None:
        """Start it and wait until everything is set up. Raises ServerError."""
        async with self._changing:
            await self._start()

    async def stop(self) -> None:
        """Stop it as its service manager would. Raises ServerError if it has to be killed."""
        async with self._changing:
            await self._stop()

    async def kill(self) -> None:
        """End it at once, as a power cut would, and whatever it started."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def restart(self) -> None:
        """Stop it and start it again, same folder and port."""
        await self.stop()
        await self.start()

    async def serve(self) -> int:
        """Wait until it ends by itself and return its exit code; restarts when its user asks."""
        while self._process is not None:
            code = await self._process.wait()
            await self.kill()
            if code != RESTART_EXIT_CODE:
                return code
            await self.start()
        return 0

    # Signing in

    async def sign_in(self) -> Tokens:
        """Sign the owner in once more. Raises SignInError."""
        async with aiohttp.ClientSession() as session:
            return await sign_in(session, self.url, self.username, self.password)

    async def access_token(self) -> str:
        """Return a new access token of the owner; it lives for half an hour."""
        return (await self.sign_in()).access_token

    @asynccontextmanager
    async def client(self) -> AsyncIterator[HomeAssistantClient]:
        """Connect as the owner; a connection ends with the process."""
        async with HomeAssistantClient(await self.sign_in()) as client:
            yield client

    # Log

    def log(self) -> str:
        """Return everything it printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_lines(self, *levels: str) -> list[str]:
        """Return the first lines of the log entries of these levels, such as `ERROR`."""
        entry = re.compile(rf"^\S+ \S+ (?:{'|'.join(levels)}) \(")
        return [line for line in self.log().splitlines() if entry.match(line)]

    def attempts_beyond_loopback(self) -> list[str]:
        """Return what it tried to reach beyond this machine; each attempt was refused."""
        return [line for line in self.log().splitlines() if line.startswith(MARKER)]

    # Private

    def _prepare(self) -> None:
        extra: dict[str, Any] = {}
        helpers = list(self._helpers)
        if self._speed != 1:
            helpers.append(configuration.COMPONENTS / "fast_clock")
            extra["fast_clock"] = {"factor": self._speed}
        configuration.install_components(self.config_dir, [*self._components, *helpers])
        if helpers:
            configuration.set_up_first(
                self.config_dir,
                [helper.name for helper in helpers],
                [component.name for component in self._components],
            )
        configuration.prepare(
            self.config_dir,
            port=self.port,
            username=self.username,
            password=self.password,
            language=self.language,
            configuration={**extra, **self._configuration},
            log_levels=dict.fromkeys(self._debug_loggers, "debug"),
        )

    async def _start(self) -> None:
        self.config_dir.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS_TO_GET_A_PORT):
            self.port = free_port(self.port)
            self._prepare()
            log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
            await self._spawn()
            try:
                await self._wait_until_running(log_start)
                await self._wait_until_it_can_stop()
            except _NoPortError:
                # Another process took it in between.
                await self.kill()
            except BaseException:
                await self.kill()
                raise
            else:
                return
        raise ServerError("other processes kept taking the ports meant for Home Assistant")

    async def _stop(self) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise ServerError(
                f"Home Assistant did not stop within {STOP_TIMEOUT} s\n{self._log_end()}"
            ) from None
        except BaseException:
            await self.kill()
            raise
        await self.kill()

    async def _spawn(self) -> None:
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "SUPERVISOR", "HASSIO", "HA_"))
        }
        # What it prints is the one log, from before its own logging starts to after it ended.
        environment["HA_DISABLE_LOG_FILE"] = "true"
        launcher = Path(__file__).with_name("loopback_only.py")
        options = ["--config", str(self.config_dir), "--skip-pip", "--log-no-color"]
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._python,
                launcher,
                "homeassistant",
                *options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.config_dir,
                start_new_session=True,
            )

    async def _wait_until_running(self, log_start: int) -> None:
        assert self._process is not None
        try:
            async with asyncio.timeout(START_TIMEOUT), aiohttp.ClientSession() as session:
                while self._process.returncode is None:
                    if self._has_its_port(log_start) and await self._is_running(session):
                        return
                    await asyncio.sleep(POLL_INTERVAL)
            what = f"ended with code {self._process.returncode} while starting"
        except TimeoutError:
            what = f"was not running after {START_TIMEOUT} s"
        except _RecoveryModeError:
            what = "could not set itself up and went into recovery mode"
        raise ServerError(f"Home Assistant {what}\n{self._log_end(log_start)}")

    def _has_its_port(self, log_start: int) -> bool:
        """Whether it listens. Raises when it never will as it should, though it stays up."""
        log = self._log_since(log_start)
        if NO_PORT in log:
            raise _NoPortError(f"Home Assistant could not have port {self.port}")
        if RECOVERY in log.lower():
            raise _RecoveryModeError
        # Whoever answers there before may be another.
        return f"Now listening on port {self.port}" in log

    async def _wait_until_it_can_stop(self) -> None:
        """Wait until the recorder works off its queue.

        Told to stop before that, its thread forgets it and the process stays (2026.11.0:
        `Recorder._run_event_loop` resets `stop_requested` after its first batch).
        """
        assert self._tokens is not None
        async with asyncio.timeout(START_TIMEOUT), HomeAssistantClient(self._tokens) as client:
            await client.wait_for_recorder()

    async def _is_running(self, session: aiohttp.ClientSession) -> bool:
        try:
            if self._tokens is None or self._tokens.url != self.url:
                self._tokens = await sign_in(session, self.url, self.username, self.password)
            headers = {"Authorization": f"Bearer {self._tokens.access_token}"}
            async with session.get(f"{self.url}/api/config", headers=headers) as response:
                if response.status == 401:
                    self._tokens = None
                if not response.ok:
                    return False
                config = await response.json()
        except aiohttp.ClientError, SignInError, json.JSONDecodeError:
            return False
        return bool(config["state"] == "RUNNING")

    def _log_since(self, start: int) -> str:
        return self.log_path.read_bytes()[start:].decode(errors="replace")

    def _log_end(self, start: int = 0) -> str:
        """Return the last lines of the log from byte `start` on, leaving chatter out."""
        log = self._log_since(start)
        # An entry goes on until the next line with a time.
        entries = re.split(r"^(?=\d{4}-\d\d-\d\d \S+ [A-Z]+ \()", log, flags=re.MULTILINE)
        serious = [entry for entry in entries if entry.split(" ")[2:3] not in (["INFO"], ["DEBUG"])]
        return "\n".join("".join(serious).splitlines()[-40:])

    async def _clean_up(self) -> None:
        await self.kill()
        if self._temporary:
            shutil.rmtree(self.config_dir, ignore_errors=True)


class _NoPortError(ServerError):
    """Another process has the port."""


class _RecoveryModeError(Exception):
    """Home Assistant runs, but without what was asked for."""


def free_port(wanted: int = 0) -> int:
    """Return this port of the loopback address if nobody has it, else one that nobody has."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerError("no free port on the loopback address")
