"""Watches over every test: words of others leave only through the two functions for them.

Looked at are the results of dialogs, the repairs, devices, subentries, states and errors of ours.
What passed through `markdown` or `plain` is known by its type, so no test needs bad words for this.

And no text of ours is filled with a time of day: only the front end knows a person's time zone and
whether a day has twelve hours or twenty-four.
"""

from collections.abc import Callable, Container, Mapping
from functools import wraps
import inspect
import re
from typing import Any

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    ConfigEntries,
    ConfigEntry,
    ConfigSubentry,
)
from homeassistant.core import StateMachine
from homeassistant.data_entry_flow import FlowManager
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.device_registry import DeviceRegistry
from homeassistant.helpers.issue_registry import IssueRegistry
from homeassistant.helpers.selector import SelectSelector

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.flows.steps import AnsweringFlow
from custom_components.growatt_onboarding.foreign import LONGEST_TEXT, Markdown, Plain, plain
from scripts.lib.texts import TRANSLATIONS, leaves, placeholders, read

from .escaped import live_marks

# Markdown that we make ourselves: lists, links and pictures.
OURS = frozenset({"agreements", "captcha", "drawing", "link", "results"})
# Options that are not of a cloud but have a text.
KEYS = frozenset({"new_plant"})

_TIME_OF_DAY = re.compile(
    r"\d{1,2}:\d\d(:\d\d)?( ?[AaPp]\.?[Mm]\.?)?|.*\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.DOTALL
)

_TEXTS = dict(leaves(read(TRANSLATIONS / "en.json")))

# What was shown wrongly in the test that runs now, and how many values were looked at.
faults: list[str] = []
looked_at: list[str] = []


def start() -> None:
    """Begin to watch over a test."""
    faults.clear()
    looked_at.clear()


def _expect(place: str, value: object, kind: type[str]) -> None:
    """Take note of a value that is not fit for its place."""
    looked_at.append(place)
    if isinstance(value, str) and _TIME_OF_DAY.fullmatch(value):
        faults.append(f"{place} is a time of day: {value!r}")
    if not isinstance(value, kind):
        faults.append(f"{place} is not {kind.__name__}: {value!r}")


def _values(place: str, values: Mapping[str, str], of_error: Container[str] = ()) -> None:
    for name, value in values.items():
        where = f"{{{name}}} of {place}"
        if name.startswith("plain_") or name in of_error:
            _expect(where, value, Plain)
        else:
            _expect(where, value, Markdown)
            if name not in OURS and (marks := live_marks(value)):
                faults.append(f"{where} has {marks}: {value!r}")


def install() -> None:
    """Tap everything that shows words of others, once and for all tests."""
    _tap(FlowManager, "_async_handle_step", _step)
    _tap(IssueRegistry, "async_get_or_create", _issue)
    _tap(DeviceRegistry, "async_get_or_create", _device)
    _tap(DeviceRegistry, "async_update_device", _changed_device)
    _tap(ConfigEntries, "async_add_subentry", _subentry)
    _tap(StateMachine, "async_set_internal", _state)
    _tap(HomeAssistantError, "__init__", _error)


def _tap(owner: type, name: str, note: Callable[..., None]) -> None:
    """Have the result and the arguments of each call noted."""
    original = getattr(owner, name)

    if inspect.iscoroutinefunction(original):

        @wraps(original)
        async def tapped(*args: Any, **kwargs: Any) -> Any:
            result = await original(*args, **kwargs)
            note(result, *args, **kwargs)
            return result
    else:

        @wraps(original)
        def tapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            note(result, *args, **kwargs)
            return result

    setattr(owner, name, tapped)


def _step(result: Any, _: FlowManager[Any, Any, Any], flow: Any, *args: object) -> None:
    if not isinstance(flow, AnsweringFlow):
        return
    place = f"{result['type']} {result.get('step_id') or result.get('reason')}"
    values = result.get("description_placeholders") or {}
    described = _described(result.get("step_id"))
    errors = [name for name, value in values.items() if isinstance(value, Plain)]
    of_error = set(errors) - described if result.get("errors") else ()
    _values(place, values, of_error)
    # What is ignored is named by the front end, as it showed it.
    if "title" in result and flow.source != SOURCE_IGNORE:
        _expect(f"the title of {place}", result["title"], Plain)
    schema = result.get("data_schema")
    for selector in schema.schema.values() if schema is not None else ():
        if isinstance(selector, SelectSelector):
            _options(place, selector)


def _described(step_id: str | None) -> set[str]:
    """Return the values that descriptions of this step may use, in any dialog."""
    return set().union(
        *(
            placeholders(text)
            for place, text in _TEXTS.items()
            if f".step.{step_id}." in place and not place.endswith(".title")
        )
    )


def _options(place: str, selector: SelectSelector) -> None:
    for option in selector.config["options"]:
        if not isinstance(option, str) and option["value"] not in KEYS:
            _expect(f"an option of {place}", option["label"], Plain)


def _issue(_: object, registry: IssueRegistry, domain: str, issue_id: str, **kwargs: Any) -> None:
    if domain == DOMAIN:
        _values(f"the repair {issue_id}", kwargs.get("translation_placeholders") or {})


def _device(_: object, devices: DeviceRegistry, **kwargs: Any) -> None:
    if any(key[0] == DOMAIN for key in kwargs.get("identifiers") or ()):
        _names("a device", kwargs)


def _changed_device(
    result: Any, devices: DeviceRegistry, device_id: str, *args: object, **kwargs: Any
) -> None:
    if result is not None and any(key[0] == DOMAIN for key in result.identifiers):
        _names("a changed device", kwargs)


def _names(place: str, kwargs: Mapping[str, Any]) -> None:
    products = {provider.product for provider in registry.providers()}
    for what in ("name", "model"):
        value = kwargs.get(what)
        if isinstance(value, str) and value not in products:
            _expect(f"the {what} of {place}", value, Plain)


def _subentry(_: object, __: ConfigEntries, entry: ConfigEntry, subentry: ConfigSubentry) -> None:
    # No more than a serial number, but tests add others.
    if entry.domain == DOMAIN and plain(subentry.title) != subentry.title:
        faults.append(f"the title of a subentry is not plain: {subentry.title!r}")


def _state(
    _: object,
    __: StateMachine,
    entity_id: str,
    new_state: str,
    attributes: Mapping[str, Any] | None = None,
    *args: object,
) -> None:
    # The type may be gone here, as that of a name that was stored.
    for name, value in {"state": new_state, **(attributes or {})}.items():
        if isinstance(value, str) and plain(value, LONGEST_TEXT) != value:
            faults.append(f"{name} of {entity_id} is not plain: {value!r}")


def _error(_: object, err: HomeAssistantError, *args: object, **kwargs: Any) -> None:
    if err.translation_domain == DOMAIN:
        for name, value in (err.translation_placeholders or {}).items():
            _expect(f"{{{name}}} of the error {err.translation_key}", value, Plain)
