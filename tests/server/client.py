"""Do over HTTP and websocket what Home Assistant's front end does for a user."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import aiohttp

from .tokens import Tokens, refresh
from .websocket import HomeAssistantApiError, WebSocket

PATIENCE = 120.0
"""Real seconds that only what hangs takes, on however busy a machine."""

FLOW_PROGRESSED = "data_entry_flow_progressed"


class FlowKind(StrEnum):
    """The dialogs, each by the path of its interface."""

    CONFIG = "/api/config/config_entries/flow"
    OPTIONS = "/api/config/config_entries/options/flow"
    SUBENTRY = "/api/config/config_entries/subentries/flow"
    REPAIR = "/api/repairs/issues/fix"


# How a finished dialog names the kind of the dialog that follows it.
NEXT_FLOW = {
    "config_flow": FlowKind.CONFIG,
    "options_flow": FlowKind.OPTIONS,
    "config_subentries_flow": FlowKind.SUBENTRY,
}


class HomeAssistantClient:
    """A signed-in user. Use as an async context manager.

    Every method raises HomeAssistantApiError when Home Assistant refuses.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Act for the user these tokens belong to."""
        self.tokens = tokens
        self._session: aiohttp.ClientSession
        self._websocket: WebSocket

    async def __aenter__(self) -> Self:
        """Connect."""
        self._session = aiohttp.ClientSession()
        try:
            socket = await self._session.ws_connect(
                f"{self.tokens.url}/api/websocket", max_msg_size=0
            )
            self._websocket = WebSocket(socket)
            await self._websocket.authenticate(self.tokens.access_token)
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._websocket.close()
        await self._session.close()

    # HTTP

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON of its answer."""
        for attempt in ("as is", "with a new token"):
            headers = {"Authorization": f"Bearer {self.tokens.access_token}"}
            async with self._session.request(
                method, f"{self.tokens.url}{path}", json=body, headers=headers
            ) as response:
                if response.ok:
                    return await response.json()
                text = await response.text()
                if response.status == 401 and attempt == "as is":
                    # It lives for half an hour.
                    self.tokens = await refresh(self._session, self.tokens)
                    continue
                raise HomeAssistantApiError(
                    f"{method} {path} answered {response.status}: {text[:1000]}", response.status
                )
        raise AssertionError

    async def config(self) -> dict[str, Any]:
        """Return Home Assistant's own settings and the components it has loaded."""
        return dict(await self.request("GET", "/api/config"))

    async def states(self) -> list[dict[str, Any]]:
        """Return the state of every entity."""
        return list(await self.request("GET", "/api/states"))

    async def state(self, entity_id: str) -> dict[str, Any]:
        """Return the state of one entity."""
        return dict(await self.request("GET", f"/api/states/{entity_id}"))

    async def call_service(
        self,
        domain: str,
        service: str,
        data: dict[str, Any] | None = None,
        *,
        target: dict[str, Any] | None = None,
        return_response: bool = False,
    ) -> dict[str, Any] | None:
        """Perform an action, wait until it is done, and return its response if asked to."""
        result = await self.command(
            "call_service",
            domain=domain,
            service=service,
            service_data=data or {},
            target=target or {},
            return_response=return_response,
        )
        response: dict[str, Any] | None = result.get("response")
        return response

    # Dialogs

    async def start_config_flow(self, domain: str) -> Flow:
        """Open the dialog that adds an integration."""
        return await self._start(FlowKind.CONFIG, domain)

    async def start_reconfigure_flow(self, domain: str, entry_id: str) -> Flow:
        """Open an entry's *Reconfigure* dialog."""
        return await self._start(FlowKind.CONFIG, domain, entry_id=entry_id)

    async def start_options_flow(self, entry_id: str) -> Flow:
        """Open an entry's *Configure* dialog."""
        return await self._start(FlowKind.OPTIONS, entry_id)

    async def start_subentry_flow(
        self, entry_id: str, subentry_type: str, *, subentry_id: str | None = None
    ) -> Flow:
        """Open the dialog that adds a subentry, or reconfigures the one named."""
        extra = {"subentry_id": subentry_id} if subentry_id else {}
        return await self._start(FlowKind.SUBENTRY, [entry_id, subentry_type], **extra)

    async def start_repair_flow(self, domain: str, issue_id: str) -> Flow:
        """Open an issue's *Fix* dialog."""
        return await self._start(FlowKind.REPAIR, domain, issue_id=issue_id)

    async def open_flow(self, kind: FlowKind, flow_id: str) -> Flow:
        """Open a dialog that is under way, such as a re-authentication."""
        result = await self.request("GET", f"{kind}/{flow_id}")
        return Flow(self, kind, result)

    async def flows_in_progress(self, domain: str) -> list[dict[str, Any]]:
        """Return an integration's dialogs that no user started, such as re-authentications."""
        flows = await self.command("config_entries/flow/progress")
        return [flow for flow in flows if flow["handler"] == domain]

    async def _start(self, kind: FlowKind, handler: str | list[str], **extra: Any) -> Flow:
        return Flow(self, kind, await self.request("POST", kind, {"handler": handler, **extra}))

    # Registries

    async def config_entries(self, domain: str | None = None) -> list[dict[str, Any]]:
        """Return the config entries, of one integration if named."""
        filters = {"domain": domain} if domain else {}
        return list(await self.command("config_entries/get", **filters))

    async def subentries(self, entry_id: str) -> list[dict[str, Any]]:
        """Return the subentries of a config entry."""
        return list(await self.command("config_entries/subentries/list", entry_id=entry_id))

    async def remove_subentry(self, entry_id: str, subentry_id: str) -> None:
        """Delete one subentry."""
        await self.command(
            "config_entries/subentries/delete", entry_id=entry_id, subentry_id=subentry_id
        )

    async def remove_config_entry(self, entry_id: str) -> None:
        """Delete a config entry."""
        await self.request("DELETE", f"/api/config/config_entries/entry/{entry_id}")

    async def reload_config_entry(self, entry_id: str) -> None:
        """Take a config entry down and set it up again."""
        await self.request("POST", f"/api/config/config_entries/entry/{entry_id}/reload")

    async def entities(self, platform: str | None = None) -> list[dict[str, Any]]:
        """Return the entity registry, of one integration if named."""
        entries = await self.command("config/entity_registry/list")
        return [entry for entry in entries if platform in (None, entry["platform"])]

    async def devices(self, entry_id: str | None = None) -> list[dict[str, Any]]:
        """Return the device registry, of one config entry if named."""
        devices = await self.command("config/device_registry/list")
        return [device for device in devices if entry_id in (None, *device["config_entries"])]

    async def issues(self, domain: str | None = None) -> list[dict[str, Any]]:
        """Return what stands under *Repairs*, of one integration if named."""
        result = await self.command("repairs/list_issues")
        return [issue for issue in result["issues"] if domain in (None, issue["domain"])]

    async def translations(
        self, category: str, domain: str, language: str = "en"
    ) -> dict[str, str]:
        """Return texts, for example of the category `config`, `config_subentries` or `issues`."""
        result = await self.command(
            "frontend/get_translations", category=category, language=language, integration=domain
        )
        return dict(result["resources"])

    async def diagnostics(self, entry_id: str) -> dict[str, Any]:
        """Return the diagnostics file of a config entry."""
        return dict(await self.request("GET", f"/api/diagnostics/config_entry/{entry_id}"))

    # Websocket

    async def command(self, type_: str, **data: Any) -> Any:
        """Send one websocket command and return its result."""
        return await self._websocket.command(type_, **data)

    async def wait_for_recorder(self) -> None:
        """Wait until the recorder has written down all that happened until now."""
        since = datetime.now(UTC).isoformat()
        async with self._websocket.subscription(
            "logbook/event_stream", start_time=since
        ) as following:
            # What the database holds already, then, once that is written, what was on its way.
            while (await following()).get("partial"):
                pass

    @asynccontextmanager
    async def events(self, event_type: str) -> AsyncIterator[Callable[[], Any]]:
        """Subscribe to events; yields a function that waits for the next one."""
        async with self._websocket.subscription(
            "subscribe_events", event_type=event_type
        ) as following:
            yield following

    async def wait_for_state(
        self,
        entity_id: str,
        wanted: str | Callable[[dict[str, Any]], bool],
        timeout: float = PATIENCE,
    ) -> dict[str, Any]:
        """Wait until an entity's state is the one wanted, and return it.

        Raises HomeAssistantApiError with the last state seen when it does not come in time.
        """

        def fits(state: dict[str, Any] | None) -> bool:
            if state is None:
                return False
            return wanted(state) if callable(wanted) else state["state"] == wanted

        last: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(timeout), self.events("state_changed") as following:
                last = next((s for s in await self.states() if s["entity_id"] == entity_id), None)
                while not fits(last):
                    change = (await following())["data"]
                    if change["entity_id"] == entity_id:
                        last = change["new_state"]
        except TimeoutError:
            raise HomeAssistantApiError(
                f"{entity_id} did not become what was waited for within {timeout} s; it is {last}",
                "timeout",
            ) from None
        assert last is not None
        return last


class Flow:
    """One dialog, as it stands at its newest step."""

    def __init__(self, client: HomeAssistantClient, kind: FlowKind, result: dict[str, Any]) -> None:
        """Show this step."""
        self._client = client
        self.kind = kind
        self.result = result

    def __repr__(self) -> str:
        """Name the step."""
        shown = ("type", "step_id", "errors", "reason", "title", "progress_action")
        return f"Flow({ {key: self.result[key] for key in shown if self.result.get(key)} })"

    @property
    def flow_id(self) -> str:
        """The dialog's id."""
        return str(self.result["flow_id"])

    @property
    def type(self) -> str:
        """What this step is: `form`, `menu`, `progress`, `create_entry`, `abort`, ..."""
        return str(self.result["type"])

    @property
    def step_id(self) -> str | None:
        """The id of a step that waits for the user."""
        return self.result.get("step_id")

    @property
    def errors(self) -> dict[str, str]:
        """The error key of each field at fault; `base` for the form as a whole."""
        return self.result.get("errors") or {}

    @property
    def placeholders(self) -> dict[str, str]:
        """What fills the gaps in this step's texts."""
        return self.result.get("description_placeholders") or {}

    async def submit(self, **answers: Any) -> Self:
        """Fill the form in, with its sections, and press *Submit*."""
        for field in self.result.get("data_schema") or ():
            inner = {one["name"] for one in field.get("schema", ())}
            if given := {name: answers.pop(name) for name in inner & answers.keys()}:
                answers[field["name"]] = given
        return await self._step("POST", answers)

    async def submit_and_follow(self, timeout: float = PATIENCE, **answers: Any) -> Self:
        """Fill the form in, press *Submit* and watch the progress until the next step is there.

        The events are followed from before: asking again while the progress ends, which the front
        end never does, would take the next step twice.
        """
        try:
            async with asyncio.timeout(timeout), self._client.events(FLOW_PROGRESSED) as following:
                await self.submit(**answers)
                while self.type == "progress":
                    event = await following()
                    if event["data"]["flow_id"] == self.flow_id:
                        await self.refresh()
        except TimeoutError:
            raise HomeAssistantApiError(
                f"{self!r} did not end within {timeout} s", "timeout"
            ) from None
        return self

    async def choose(self, option: str) -> Self:
        """Choose an option of a menu."""
        return await self._step("POST", {"next_step_id": option})

    async def refresh(self) -> Self:
        """Look at the step again, as the front end does when it is told of progress."""
        return await self._step("GET")

    async def next_flow(self) -> Flow:
        """Open the dialog that follows this finished one."""
        if not self.result.get("next_flow"):
            raise HomeAssistantApiError(f"no dialog follows {self!r}")
        kind, flow_id = self.result["next_flow"]
        return await self._client.open_flow(NEXT_FLOW[kind], flow_id)

    async def abort(self) -> None:
        """Close the dialog."""
        await self._client.request("DELETE", f"{self.kind}/{self.flow_id}")

    async def _step(self, method: str, answers: dict[str, Any] | None = None) -> Self:
        self.result = await self._client.request(method, f"{self.kind}/{self.flow_id}", answers)
        return self
