"""Random inputs for every step of every dialog: each is answered, and none with "unknown".

A walker goes through all dialogs of a home whose clouds now and then fail. At each step it submits
random inputs, as the HTTP views take them, then one with which a person would go on. When a random
input ends a dialog or leads elsewhere, the dialog is put back where it was, and so is the home.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
import copy
from copy import replace
from dataclasses import dataclass, field
import json
import logging
from typing import Any, Final
from unittest.mock import AsyncMock, patch

import aiohttp
from homeassistant.data_entry_flow import FlowResultType, InvalidData, UnknownFlow, section
from homeassistant.helpers.data_entry_flow import FlowManagerResourceView
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import JSON_DECODE_EXCEPTIONS, json_loads
from homeassistant.util.uuid import random_uuid_hex
import voluptuous as vol

from custom_components.growatt_onboarding import config_flow, repairs
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.growatt import CORE_GROWATT, GROWATT
from custom_components.growatt_onboarding.cloud.provider import HandOver, Provider
from custom_components.growatt_onboarding.config_flow import GrowattOnboardingConfigFlow
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.flows import power_card, steps
from custom_components.growatt_onboarding.flows.datalogger import DataloggerFlow
from custom_components.growatt_onboarding.flows.forms import FIND, OWN_ADDRESS, FormMemory
from custom_components.growatt_onboarding.flows.inverter import InverterFlow
from simulator.faults import FaultKind
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET

from .fuzz_home import PASSWORD, TOKENS, Home
from .fuzz_ways import Step, Way, Ways
from .hostile import BLOCK, Blocks, Dice, blocks
from .world import World

FLOWS: Final = {
    "account": GrowattOnboardingConfigFlow,
    "inverter": InverterFlow,
    "datalogger": DataloggerFlow,
    "missing account": repairs.MissingAccountRepairFlow,
    "returned": repairs.ReturnedRepairFlow,
    "activation": repairs.ActivationRepairFlow,
    "repair": repairs.DeviceRepairFlow,
}
# Steps in which nothing can be submitted: others lead through them, or they end at once.
_NEVER_SHOWN: Final = frozenset(
    {
        *(
            ("account", step)
            for step in (
                *("integration_discovery", "import", "reauth", "link", "asked", "finish"),
                *("registered", "server", "server_found", "new_access", "back", "use_account"),
                "renew",
            )
        ),
        # The cloud with plants also takes dataloggers, and has one dialog for both.
        # What a cloud without plants has is never waited for.
        *(
            ("inverter", step)
            for step in ("user", "asked", "asking", "done", "plant", "create_plant")
        ),
        *(("datalogger", step) for step in ("user", "asked", "done", "end", "place")),
        *(("returned", step) for step in ("keep", "drop", "asked", "asking")),
        *(("missing account", step) for step in ("asked", "asking")),
        *(("activation", step) for step in ("init", "asked")),
        # The last two only say that the disk cannot be written.
        *(("repair", step) for step in ("asked", "add_datalogger", "as_datalogger", "as_inverter")),
    }
)
# How often the walker comes to each step anew, at least.
_VISITS: Final = 50
# Inputs at a step that got enough, and steps until the walker leaves a dialog.
_INPUTS: Final = 3
_LONGEST_WALK: Final = 16
# How often something is done again during which the event loop stood still: it may be bad luck.
_AGAIN: Final = 3
_FAULTS: Final = tuple(
    kind for kind in FaultKind if kind not in {FaultKind.HOLD, FaultKind.SLOW, FaultKind.PASS}
)

type Result = dict[str, Any]


@dataclass
class Walked:
    """What came of the random inputs.

    Attributes:
        inputs: how many there were at each step.
        visits: how often it was come to, without what was put back.
        answers: what came of them.
        longest: for how many seconds the event loop stood still.
        problems: what was not as it should be.
        walks: how many dialogs were opened.
        put_back: how many inputs left their step.
        ways: what led to which step.

    """

    inputs: Counter[Step] = field(default_factory=Counter)
    visits: Counter[Step] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    problems: list[str] = field(default_factory=list)
    walks: int = 0
    put_back: int = 0
    ways: Ways = field(default_factory=Ways)

    def fewest(self) -> int:
        """Return how many inputs the step got that got the fewest."""
        return min(self.inputs[step] for step in EVERY_STEP)


def _every_step() -> list[Step]:
    """Return all steps of all dialogs in which something can be submitted."""
    return [
        step
        for dialog, flow in FLOWS.items()
        for name in dir(flow)
        if name.startswith("async_step_")
        and any(name in vars(cls) for cls in flow.__mro__ if DOMAIN in cls.__module__)
        and (step := (dialog, name.removeprefix("async_step_"))) not in _NEVER_SHOWN
    ]


EVERY_STEP: Final = _every_step()


class _Errors(logging.Handler):
    """Notes what is logged as an error, by whomever."""

    def __init__(self, found: Walked) -> None:
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record."""
        self._found.problems.append(f"logged: {record.getMessage()[:2_000]} {record.exc_info}")


class _Shown:
    """What a dialog shows, and the dialog as it is at this moment, so that it can be put back."""

    def __init__(self, manager: Any, result: Result) -> None:
        self._manager = manager
        self._flow = _twin(manager._progress[result["flow_id"]])

    def again(self) -> Result:
        """Open a dialog that is just like it; return what it shows."""
        flow = _twin(self._flow)
        # Whatever is still under way for the other one does not find this one.
        flow.flow_id = flow.cur_step["flow_id"] = random_uuid_hex()
        self._manager._async_add_flow_progress(flow)
        result: Result = flow.cur_step
        return result


def _twin(flow: Any) -> Any:
    """Return a dialog with the same state, of which later inputs change nothing."""
    twin = copy.copy(flow)
    for name, value in vars(flow).items():
        if isinstance(value, FormMemory):
            vars(twin)[name] = copy.deepcopy(value)
        elif isinstance(value, dict | list | set):
            vars(twin)[name] = copy.copy(value)
    return twin


class Walker:
    """Walks through one dialog of a home, to one of the steps that lack random inputs."""

    def __init__(self, home: Home, found: Walked, number: int, measured: Blocks) -> None:
        self.hass = home.hass
        self.found = found
        self._home = home
        self._cloud = home.cloud
        self._number = number
        self._blocks = measured
        self._seed = found.walks
        self._dice = Dice(self._seed)
        (rare,) = self._dice.choices(EVERY_STEP, [self._lacking(step) for step in EVERY_STEP])
        self._way = Way(found.ways, self._dice, rare)

    async def walk(self) -> None:
        """Open a dialog, and go on in it as long as it is open."""
        await self._home.put_back()
        dialogs = self._home.dialogs()
        name = self._way.choose("dialog", list(dialogs))
        manager, handler, context, data = dialogs[name]

        async def opened() -> Result | None:
            begun = manager.async_init(handler, context=dict(context), data=data)
            return await self._wait(manager, await self._answer(begun, name))

        result = await self._quickly(opened, self._home.put_back, name)
        for _ in range(_LONGEST_WALK):
            if not self._is_open(manager, result):
                return
            result = await self._try(manager, result)
            self._cloud.faults.clear()
            usual = self._usual(result, self._way.choose)
            result = await self._give(manager, result, usual, self._faults(result["step_id"]))

    async def _try(self, manager: Any, result: Any) -> Result:
        """Submit inputs that may be anything; return what the dialog shows at this step then."""
        step = self._step(manager, result)
        for _ in range(self._visit(step)):
            shown = _Shown(manager, result)
            result = await self._give(manager, result, self._odd(result), self._any_faults(step))
            if not self._is_open(manager, result) or self._step(manager, result) != step:
                self.found.put_back += 1
                await self._home.put_back()
                result = shown.again()
        return result

    async def _give(self, manager: Any, result: Any, data: Any, faults: list[Any]) -> Any:
        """Submit something; return what is shown once there is no progress, None at the end."""
        shown = _Shown(manager, result)

        async def given() -> Result | None:
            for fault in faults:
                self._cloud.faults.add(**fault)
            return await self._wait(manager, await self._submit(manager, result, data))

        async def again() -> None:
            nonlocal result
            await self._home.put_back()
            result = shown.again()

        return await self._quickly(given, again, f"{self._step(manager, result)} {str(data)[:300]}")

    async def _quickly[T](
        self, work: Callable[[], Awaitable[T]], prepare: Callable[[], Awaitable[None]], what: str
    ) -> T:
        """Do something; where the event loop stood still meanwhile, do it again."""
        times: list[float] = []
        while True:
            self._blocks.longest = 0.0
            result = await work()
            times.append(self._blocks.longest)
            if times[-1] <= BLOCK or len(times) > _AGAIN:
                break
            await prepare()
        longest = min(times)
        self.found.longest = max(self.found.longest, longest)
        if longest > BLOCK:
            self.found.problems.append(f"{self._seed} {what}: stood still for {longest:.2f} s")
        return result

    def _is_open(self, manager: Any, result: Result | None) -> bool:
        return (
            result is not None and type(manager._progress.get(result["flow_id"])) in FLOWS.values()
        )

    def _step(self, manager: Any, result: Result) -> Step:
        """Return the dialog and the step of what is shown."""
        flow = manager._progress[result["flow_id"]]
        return next(name for name, kind in FLOWS.items() if type(flow) is kind), result["step_id"]

    def _lacking(self, step: Step) -> int:
        """Return how many inputs a step still lacks."""
        return max(0, self._number - self.found.inputs[step])

    def _visit(self, step: Step) -> int:
        """Return how many inputs a step is given now that a walk came to it."""
        self.found.visits[step] += 1
        most = max(1, self._number // _VISITS)
        return min(most, self._lacking(step)) or self._dice.randrange(_INPUTS)

    async def _wait(self, manager: Any, result: Result | None) -> Result | None:
        """Wait while there is progress; a browser may submit something meanwhile."""
        left: dict[Step, int] = {}
        for _ in range(60):
            if result is None or result["type"] is not FlowResultType.SHOW_PROGRESS:
                return result
            if not self._is_open(manager, result):
                return None
            step = self._step(manager, result)
            if step not in left:
                left[step] = self._visit(step)
            for _ in range(self._dice.randint(0, left[step])):
                left[step] -= 1
                odd = {self._dice.text(9): self._dice.value()}
                result = await self._submit(manager, result, odd)
                if result is None or result["type"] is not FlowResultType.SHOW_PROGRESS:
                    return result
            await asyncio.sleep(1)
            result = await self._answer(manager.async_configure(result["flow_id"]), "wait")
        self.found.problems.append(f"{self._seed}: progress without an end")
        return None

    def _any_faults(self, step: Step) -> list[dict[str, Any]]:
        """Return what goes wrong in the cloud now and then; while it hangs, there is progress."""
        dialog, _ = step
        waits = (dialog, "asking")
        if waits in EVERY_STEP and self._lacking(waits) and self._dice.random() < 0.1:
            return [{"kind": "hang"}]
        if self._dice.random() < 0.05:
            return [{"kind": self._dice.choice(_FAULTS), "times": self._dice.randrange(1, 4)}]
        return []

    def _faults(self, step: str) -> list[dict[str, Any]]:
        """Return what goes wrong when a person goes on: a registration may be lost, or any call."""
        match self._way.choose(f"fault at {step}", ["none", "hang", "lost"]):
            case "hang":
                return [{"kind": "hang"}]
            case "lost":
                return [
                    {"path": "user/user_register", "kind": "cut_after"},
                    {"path": "user/check_user", "kind": "pass"},
                    {"path": "user/check_user", "kind": "cut"},
                ]
        return []

    # An input

    async def _submit(self, manager: Any, result: Result, data: Any) -> Result | None:
        """Submit something as the front end does; return what is shown then, None at the end."""
        if not self._is_open(manager, result):
            return None
        step = self._step(manager, result)
        self._way.passes(step)
        try:
            read = json_loads(json.dumps(data))
        except JSON_DECODE_EXCEPTIONS:
            read = None
        if not isinstance(read, dict):
            self.found.answers["HTTP 400: not a JSON object"] += 1
            return result
        self.found.inputs[step] += 1
        where = f"{step} {json.dumps(data)[:300]}"
        try:
            found: Result | None = await self._answer(
                manager.async_configure(result["flow_id"], read), where
            )
        except InvalidData:
            self.found.answers["HTTP 400: not as the form asks"] += 1
            return result
        except UnknownFlow:
            return None
        return found

    async def _answer(self, work: Coroutine[Any, Any, Any], where: str) -> Result | None:
        """Return what a dialog shows, if that is all right."""
        try:
            async with asyncio.timeout(60):
                result: Result = await work
        except InvalidData, UnknownFlow:
            raise
        except Exception as err:  # noqa: BLE001 - this is what the proof looks for
            self.found.problems.append(f"{self._seed} {where}: {type(err).__name__}: {err}")
            return None
        self.found.answers[str(result["type"])] += 1
        shown = [*(result.get("errors") or {}).values(), result.get("reason")]
        if "unknown" in shown:
            self.found.problems.append(f"{self._seed} {where}: unknown")
        try:
            view: Any = FlowManagerResourceView(self.hass.config_entries.flow)
            sent = {key: value for key, value in result.items() if key not in _NOT_SENT}
            json_bytes(view._prepare_result_json(sent))
        except Exception as err:  # noqa: BLE001 - this is what the proof looks for
            self.found.problems.append(f"{self._seed} {where}: not sent: {err!r}")
        return result

    def _usual(self, result: Result, choose: Callable[[str, Sequence[str]], str]) -> dict[str, Any]:
        """Return an input with which a person goes on, who chooses like this."""
        if result["type"] is FlowResultType.MENU:
            options = list(result["menu_options"])
            return {"next_step_id": choose(result["step_id"], options)}
        schema = result["data_schema"].schema if result.get("data_schema") else {}
        return self._all_filled(schema, choose)

    def _odd(self, result: Result) -> Any:
        """Return an input that may be anything."""
        dice = self._dice
        if dice.random() < 0.1:
            return dice.value()
        usual = self._usual(result, lambda _, options: dice.choice(options))
        for name in list(usual):
            match dice.randrange(6):
                case 0:
                    usual[name] = dice.value()
                case 1 | 2:
                    usual[name] = dice.text()
                case 3 if isinstance(usual[name], str):
                    at = dice.randrange(len(usual[name]) + 1)
                    usual[name] = f"{usual[name][:at]}{dice.text(20)}{usual[name][at:]}"
        if dice.random() < (0.1 if usual else 0.8):
            usual[dice.text(9)] = dice.value()
        if usual and dice.random() < 0.1:
            del usual[dice.choice(list(usual))]
        return usual

    def _all_filled(
        self, schema: Mapping[Any, Any], choose: Callable[[str, Sequence[str]], str]
    ) -> dict[str, Any]:
        """Return what a person fills into the fields of a form, or of a section of it."""
        return {
            str(marker): self._all_filled(selector.schema.schema, choose)
            if isinstance(selector, section)
            else self._filled(str(marker), selector, choose)
            for marker, selector in schema.items()
            if isinstance(marker, vol.Required)
            or choose(f"fills in {marker}", ["yes", "no"]) == "yes"
        }

    def _filled(self, name: str, selector: Any, choose: Callable[[str, Sequence[str]], str]) -> Any:
        """Return what a person fills into a field."""
        dice, cloud = self._dice, self._cloud
        options = getattr(selector, "config", {}).get("options")
        if name == "server":
            # The known servers are out of reach, but for the one that a search finds.
            ours = [option for option in options if option in {FIND, OWN_ADDRESS, cloud.url}]
            return choose(name, ours)
        if options:
            chosen = choose(
                name,
                [option["value"] if isinstance(option, dict) else option for option in options],
            )
            return [chosen] if selector.config.get("multiple") else chosen
        number = f"{self._seed}{dice.randrange(1_000)}"
        if name == "token":
            return choose(name, TOKENS)
        if name == "username":
            return {"new": f"user{number}", "taken": "sim-resident"}[choose(name, ["new", "taken"])]
        codes = [message.code for message in cloud.mailbox] or ["1"]
        texts: dict[str, Any] = {
            "address": cloud.url,
            "user_domain": USER_DOMAIN,
            "user_domain_secret": USER_DOMAIN_SECRET,
            "site_id": "1",
            "email": dice.choice((f"user{number}@example.com", "alice@example.com")),
            "phone": f"1380013{int(number) % 10_000:04}",
            "login": "alice",
            "password": PASSWORD,
            "country": "NL",
            "code": codes[-1],
            "captcha": (list(cloud.captchas.values()) or ["1"])[-1],
            "account_id": "101",
            "product_key": PRODUCT_KEY,
            "name": f"Plant {number}",
            "peak_power": "5",
            "check_code": "1",
            # Of a file that is gone.
            "photo": "00000000-0000-4000-8000-000000000000",
            "for_all": True,
            "send_again": dice.random() < 0.1,
        }
        if name in {"serial_number", "serial_numbers"}:
            return self._serial(int(number))
        return texts.get(name, "1")

    def _serial(self, number: int) -> str:
        """Return a serial number: of nothing, an inverter, a datalogger, or one without that."""
        cloud, kind = self._cloud.growatt, self._dice.randrange(4)
        serial = f"{('NEW', 'SPH', 'QMN', 'MIN')[kind]}{number:07}"
        if serial not in cloud.devices and serial not in cloud.dataloggers:
            match kind:
                case 1:
                    cloud.add_device(serial)
                case 2:
                    cloud.add_datalogger(serial)
                case 3:
                    cloud.add_device(serial, datalogger_sn="")
        return serial


# What Home Assistant itself leaves out, or makes something else of.
_NOT_SENT: Final = frozenset(
    {"result", "progress_task", "subentries", "options", "handler", "context"}
)


def _only_to(url: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a connect() that reaches one server only: an address may be anybody's."""
    connect = aiohttp.TCPConnector.connect

    async def connect_to(
        connector: aiohttp.TCPConnector, request: aiohttp.ClientRequest, *args: Any, **options: Any
    ) -> Any:
        if str(request.url.origin()) != url:
            raise aiohttp.ClientConnectorError(request.connection_key, OSError("no network"))
        return await connect(connector, request, *args, **options)

    return connect_to


def _with_server(url: str) -> Provider:
    """Return Growatt's cloud with a server at this address, asked after one out of reach."""
    first, second, *others = GROWATT.servers
    return replace(GROWATT, servers=(first, replace(second, url=url), *others))


async def fuzz(
    world: World, number: int, found: Walked, *, walks: int, measure: bool = True
) -> None:
    """Walk until every step got so many random inputs, but through no more dialogs than `walks`.

    `measure` for how long the event loop stands still.
    """
    logger, errors = logging.getLogger(), _Errors(found)

    def offered(_: object) -> HandOver | None:
        return CORE_GROWATT if found.walks % 2 else None

    with (
        patch.object(steps, "_MINIMUM_DURATION", 0),
        patch.object(aiohttp.TCPConnector, "connect", _only_to(world.simulator.url)),
        patch.dict(registry._LOADED, growatt=_with_server(world.simulator.url)),
        # The simulated cloud is none of the servers that another integration knows.
        patch.object(config_flow, "async_open_flow", AsyncMock(return_value=None)),
        patch.object(config_flow, "offered_by", offered),
        patch.object(power_card, "offered_by", offered),
    ):
        home = Home(world)
        await home.prepare()
        level = logger.level
        logger.addHandler(errors)
        logger.setLevel(logging.ERROR)
        try:
            for _ in range(walks):
                if found.fewest() >= number:
                    break
                found.walks += 1
                with blocks() if measure else nullcontext(Blocks()) as measured:
                    await Walker(home, found, number, measured).walk()
        finally:
            await home.put_back()
            logger.removeHandler(errors)
            logger.setLevel(level)
