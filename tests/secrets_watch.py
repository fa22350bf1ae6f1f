"""Watches over every test: no secret that it uses is seen where others could read it.

Secrets are what is typed into fields for them, what requests carry in such fields and headers,
and what the simulated clouds hand out: tokens, codes, answers to pictures. Looked at are our own
and aiohttp's log with everything shown, the warnings and errors of everybody's log, our exceptions,
the state machine, the repairs, the diagnostics and the addresses that the simulator is asked for.

Home Assistant's own records of what actions are called with are out of reach.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
import inspect
import json
import logging
import re
import traceback
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from aiohttp import web
from homeassistant.core import ServiceRegistry, StateMachine
from homeassistant.data_entry_flow import FlowManager
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.issue_registry import IssueEntry, IssueRegistry

from custom_components.growatt_onboarding import diagnostics
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import CloudError
from custom_components.growatt_onboarding.cloud.provider import Field, FieldKind
from custom_components.growatt_onboarding.cloud.transport import Request, Transport
from simulator import Simulator
from simulator.calls import RecordedCall
from simulator.cloud import Answer
from simulator.quectel import USER_DOMAIN_SECRET
from simulator.registry import Clouds
from simulator.simulation import Simulation

from .common import SECRETS

LOGGERS = ("custom_components.growatt_onboarding", "aiohttp")

_NEVER_SHOWN = (FieldKind.PASSWORD, FieldKind.CODE, FieldKind.CAPTCHA)

_SHORTEST_WITHOUT_DIGIT = 8
_SHORTEST = 4
_DIGITS_OF_A_PORT = 5

type Named = Mapping[str, object]


def _is_secret(described: Field) -> bool:
    return described.secret or described.kind in _NEVER_SHOWN


def _names() -> frozenset[str]:
    """Return how the fields, parameters and headers are called whose values are secret."""
    described = (
        found
        for provider in registry.providers()
        for found in (*provider.credential_fields, *provider.register_fields)
        if _is_secret(found)
    )
    return frozenset(
        {"authorization", "check_code", "site_secret"}.union(
            (found.name.lower() for found in described),
            *({name.lower() for name in cloud.secrets} for cloud in Clouds(Simulation())),
        )
    )


NAMES = _names()


@dataclass
class Watch:
    """The secrets that one test used, and what it let be seen: each a place and a text."""

    secrets: set[str] = field(default_factory=set)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def keep(self, *secrets: object) -> None:
        """Take note of secrets; words that any text may hold tell nothing."""
        self.secrets.update(
            secret for secret in secrets if isinstance(secret, str) and _tells(secret)
        )

    def keep_named(self, values: object) -> None:
        """Take note of the values whose names say that they are secret, at any depth."""
        if isinstance(values, Mapping):
            for name, value in values.items():
                if isinstance(value, Mapping | list):
                    self.keep_named(value)
                elif str(name).lower() in NAMES:
                    self.keep(value, str(value).removeprefix("Bearer "))
        elif isinstance(values, list):
            for value in values:
                self.keep_named(value)

    def see(self, place: str, *shown: object) -> None:
        """Take note of what is shown at a place."""
        for given in shown:
            text = given if isinstance(given, str) else repr(given)
            self.seen.append((place, text))
            if "%" in text or "+" in text:
                # In an address characters are written in several ways.
                self.seen.append((place, unquote_plus(text)))

    def leaks(self) -> list[str]:
        """Return where a secret was seen."""
        everything = "\n".join(text for _, text in self.seen)
        return [
            f"{place} shows {secret!r}: {text}"
            for secret in sorted(self.secrets)
            if any(written in everything for written in _written(secret))
            for place, text in self.seen
            if _as_a_word(secret).search(text)
        ]


def _tells(secret: str) -> bool:
    """Say whether a text is rare enough that finding it means that the secret was shown."""
    if len(secret) >= _SHORTEST_WITHOUT_DIGIT:
        return len(set(secret.strip())) > 1
    could_be_a_port = secret.isdecimal() and len(secret) == _DIGITS_OF_A_PORT
    return len(secret) >= _SHORTEST and any(map(str.isdigit, secret)) and not could_be_a_port


def _written(secret: str) -> set[str]:
    """Return a secret as it is, and as Python and JSON write it."""
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}


def _as_a_word(secret: str) -> re.Pattern[str]:
    """Return a pattern for a secret that is not only a part of another word."""
    written = "|".join(map(re.escape, sorted(_written(secret))))
    # Random ids have groups of four digits between dashes, by chance those of a code.
    word = r"\w" if len(secret) >= _SHORTEST_WITHOUT_DIGIT else r"[\w-]"
    return re.compile(rf"(?<!{word})(?:{written})(?!{word})")


# The watch of the test that runs now.
_now = Watch()


def start() -> Watch:
    """Begin to watch over a test."""
    global _now  # noqa: PLW0603 - what is tapped below outlives a test
    _now = Watch()
    _now.keep(*SECRETS, USER_DOMAIN_SECRET)
    return _now


class _Listener(logging.Handler):
    """Reads the log as the most curious of its readers would."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record with all that it carries."""
        text = record.getMessage()
        _now.see(f"the log of {record.name}", text)
        if record.args:
            _now.see(f"the log of {record.name}", record.args)
        if record.exc_info:
            _now.see(f"the log of {record.name}", *traceback.format_exception(record.exc_info[1]))


def install() -> None:
    """Tap what secrets come from, and what they must not reach, once and for all tests."""
    logging.getLogger().addHandler(_Listener(logging.WARNING))
    listener = _Listener()
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(listener)
    _tap(Transport, "send", _request)
    _tap(FlowManager, "async_configure", _typed)
    _tap(ServiceRegistry, "async_call", _action)
    _tap(Simulator, "_serve", _arrived)
    _tap(Simulator, "_send", _handed_out)
    _tap(CloudError, "__init__", _error)
    _tap(HomeAssistantError, "__init__", _error)
    _tap(StateMachine, "async_set_internal", _state)
    _tap(IssueRegistry, "async_get_or_create", _issue)
    _tap_result(diagnostics, "async_get_config_entry_diagnostics")
    _tap_result(diagnostics, "async_get_device_diagnostics")


def _tap(owner: type, name: str, note: Callable[..., None]) -> None:
    """Have the arguments of each call noted: before it if it is awaited, else after it."""
    original = getattr(owner, name)

    if inspect.iscoroutinefunction(original):

        @wraps(original)
        async def tapped(*args: Any, **kwargs: Any) -> Any:
            note(*args, **kwargs)
            return await original(*args, **kwargs)
    else:

        @wraps(original)
        def tapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            note(*args, **kwargs)
            return result

    setattr(owner, name, tapped)


def _tap_result(module: object, name: str) -> None:
    """Have noted what a function answers that is awaited."""
    original = getattr(module, name)

    @wraps(original)
    async def tapped(*args: Any) -> Any:
        result = await original(*args)
        _now.see("diagnostics", json.dumps(result, default=str))
        return result

    setattr(module, name, tapped)


# Where secrets come from


def _request(_: Transport, request: Request, *args: object) -> None:
    for values in (request.query, request.form, request.json, request.headers):
        _now.keep_named(values)


def _typed(_: object, flow_id: str, user_input: Named | None = None) -> None:
    _now.keep_named(user_input)


def _action(
    _: object,
    domain: str,
    service: str,
    service_data: Named | None = None,
    *args: Any,
    **kwargs: Any,
) -> None:
    _now.keep_named(service_data)


def _handed_out(simulator: Simulator, _: RecordedCall, answer: Answer) -> None:
    _now.keep(*simulator.captchas.values())
    _now.keep(*(message.code for message in simulator.mailbox))
    _now.keep(*_tokens(answer.payload))


def _tokens(payload: Any, *, named: bool = False) -> Iterator[str]:
    """Yield what stands in an answer below a key that says token."""
    if isinstance(payload, dict):
        for key, value in payload.items():
            yield from _tokens(value, named=named or "token" in str(key).lower())
    elif named and isinstance(payload, str):
        yield from (payload, payload.removeprefix("Bearer "))


# What they must not reach


# The one address that may hold one: the vendor documents no other way to renew a sign-in.
_MAY_HOLD = ("/enduserapi/refreshToken", "refreshToken")


def _arrived(_: Simulator, http: web.Request) -> None:
    shown = [
        pair
        for pair in parse_qsl(http.query_string)
        if not (http.path.endswith(_MAY_HOLD[0]) and pair[0] == _MAY_HOLD[1])
    ]
    _now.see("a request's address", http.path, urlencode(shown))


def _error(err: Exception, *args: Any, **kwargs: Any) -> None:
    _now.see(f"an exception ({type(err).__name__})", repr(err.args), repr(vars(err)))


def _state(
    _: StateMachine, entity_id: str, new_state: str, attributes: Named | None, *args: Any
) -> None:
    _now.see(f"the state of {entity_id}", new_state, dict(attributes or {}))


def _issue(registry: IssueRegistry, domain: str, issue_id: str, **kwargs: Any) -> None:
    issue: IssueEntry | None = registry.async_get_issue(domain, issue_id)
    _now.see(f"the repair {issue_id}", repr(issue))
