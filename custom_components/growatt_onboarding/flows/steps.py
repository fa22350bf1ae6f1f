"""What every step of every dialog has: an answer in time, whatever the cloud does or goes wrong."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any, Final

from homeassistant.config_entries import UnknownEntry
from homeassistant.data_entry_flow import (
    STEP_ID_OPTIONAL_STEPS,
    AbortFlow,
    FlowHandler,
    FlowResultType,
)

from ..const import DOMAIN
from ..foreign import markdown_values, plain, plain_values
from ..unexpected import log_unexpected
from .forms import without_section

# Seconds until a step that is still at work shows progress. Proxies end requests after 30 to 60;
# a new account's entry and the first step of its inverters share one request.
_PROGRESS_AFTER: Final = 8
# The front end asks for the next step once by itself when it starts to show progress. If the work
# ends at that moment, the front end is notified and asks again, when the flow may no longer exist.
_MINIMUM_DURATION: Final = 1.0

_PREFIX: Final = "async_step_"
_UNKNOWN: Final = "unknown"
_PROGRESS_TYPES: Final = (FlowResultType.SHOW_PROGRESS, FlowResultType.SHOW_PROGRESS_DONE)

type _Step = Callable[[Any, Any], Coroutine[Any, Any, Any]]


class AnsweringFlow(FlowHandler[Any, Any, Any]):
    """A flow whose steps answer in time, and with an error if something unexpected happens.

    That holds for every `async_step_…` of a subclass. A step's work runs in a task of its own,
    which goes on when the browser is gone: while it does, nothing is started a second time.

    Attributes:
        error_values: values for the error of the form that is shown next.

    """

    error_values: Mapping[str, str] = {}

    # The work of the latest step; it never raises.
    _work: asyncio.Task[Any] | None = None
    _asking: asyncio.Task[None] | None = None
    # The form that was submitted last, to be shown again with what was typed.
    _submitted: dict[str, Any] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Have every step of the subclass answer."""
        super().__init_subclass__(**kwargs)
        for name, step in list(vars(cls).items()):
            if name.startswith(_PREFIX):
                setattr(cls, name, _answering(step))

    async def _answer(self, step: _Step, user_input: Any) -> Any:
        """Return the result of a step, or progress if that takes long."""
        if self._work is None or self._work.done():
            self._keep_submitted(user_input)
            self._work = self.hass.async_create_background_task(
                self._outcome(step, without_section(user_input)), f"{DOMAIN} {step.__name__}"
            )
        work = self._work
        if not work.done():
            await asyncio.wait({work}, timeout=_PROGRESS_AFTER)
        if work.done():
            return await self._answered(work)
        if self._asking is None or self._asking.done():
            wait = with_minimum_duration(wait_for(work))
            self._asking = self.hass.async_create_task(wait)
        return await self.async_step_asking()

    def _keep_submitted(self, user_input: Any) -> None:
        """Keep the form that is submitted, if it is one, with what was typed and an error."""
        form = self.cur_step
        if user_input is None or form is None or form["type"] is not FlowResultType.FORM:
            return
        self._submitted = {
            **form,
            "data_schema": self.add_suggested_values_to_schema(form["data_schema"], user_input),
            "errors": {"base": _UNKNOWN},
        }

    async def _outcome(self, step: _Step, user_input: Any) -> Any:
        """Return what a step shows; if it fails, the form that was submitted, with an error."""
        # The task starts before whoever creates it can know it.
        self._work = asyncio.current_task()
        try:
            result = await step(self, user_input)
        except AbortFlow as err:
            result = self.async_abort(
                reason=err.reason,
                description_placeholders=err.description_placeholders,
                translation_domain=err.translation_domain,
            )
        except UnknownEntry:
            # The account was removed meanwhile, and its dialogs with it: nobody waits any longer.
            return self.async_abort(reason=_UNKNOWN)
        except Exception as err:  # noqa: BLE001 - whatever it is, a person waits for an answer
            log_unexpected(step.__name__, err)
            return self._submitted or self.async_abort(reason=_UNKNOWN)
        self._escape(result)
        if result["type"] in STEP_ID_OPTIONAL_STEPS:
            # After progress Home Assistant would take it for another step's.
            result.setdefault("step_id", step.__name__.removeprefix(_PREFIX))
        return result

    def _escape(self, result: Any) -> None:
        """Make the words of others in a result fit for where they are shown."""
        values = markdown_values(result.get("description_placeholders") or {})
        if result.get("errors"):
            # A description's own values win: an error, which is plain, could bring Markdown to it.
            values = {**plain_values(self.error_values), **values}
        if values:
            result["description_placeholders"] = values
        if "title" in result:
            result["title"] = plain(result["title"])

    async def _answered(self, work: asyncio.Task[Any]) -> Any:
        """Return the result of the work."""
        result = work.result()
        if self.cur_step and self.cur_step["type"] is FlowResultType.SHOW_PROGRESS:
            if result["type"] in _PROGRESS_TYPES:
                return result
            # Home Assistant wants to hear first that the progress is over.
            return self.async_show_progress_done(next_step_id="asked")
        if result["type"] is FlowResultType.SHOW_PROGRESS_DONE:
            # There was no progress, or it is over: somebody is there for the next step.
            return await getattr(self, f"{_PREFIX}{result['step_id']}")()
        return result

    async def async_step_asking(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show progress until the work is done."""
        if self._asking is None or self._asking.done():
            return self.async_show_progress_done(next_step_id="asked")
        return self.async_show_progress(
            step_id="asking", progress_action="asking", progress_task=self._asking
        )

    async def async_step_asked(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show the result of the work, after progress."""
        assert self._work is not None  # noqa: S101 - set by an earlier step
        return await self._answered(self._work)


def _answering(step: _Step) -> _Step:
    """Return a step that answers."""

    @wraps(step)
    async def answer(flow: AnsweringFlow, user_input: Any = None) -> Any:
        if asyncio.current_task() is flow._work:  # noqa: SLF001 - part of the class
            # Another step leads here.
            return await step(flow, user_input)
        return await flow._answer(step, user_input)  # noqa: SLF001 - part of the class

    return answer


async def with_minimum_duration[T](work: Coroutine[Any, Any, T]) -> T:
    """Await the work, but take at least as long as the front end needs to show progress."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _MINIMUM_DURATION
    result = await work
    await asyncio.sleep(max(0, end - loop.time()))
    return result


async def wait_for(task: asyncio.Task[Any]) -> None:
    """Wait for a task without raising its error, and without canceling it if the flow ends."""
    await asyncio.wait({task})
