"""Random inputs for every step of every dialog: each is answered, and none with "unknown".

A walker goes through all dialogs of a Home Assistant whose clouds now and then fail. At each step
it submits random inputs, as the HTTP views take them, then one with which a person would go on.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
import json
import logging
from typing import Any, Final
from unittest.mock import AsyncMock, patch

import aiohttp
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE, SOURCE_USER, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData, UnknownFlow
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.data_entry_flow import FlowManagerResourceView
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
from homeassistant.util.json import JSON_DECODE_EXCEPTIONS, json_loads
import voluptuous as vol

from custom_components.growatt_onboarding import config_flow, repairs
from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.growatt import CORE_GROWATT
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.config_flow import GrowattOnboardingConfigFlow
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.flows import steps
from custom_components.growatt_onboarding.flows.inverter import InverterFlow
from custom_components.growatt_onboarding.foreign import async_raise_issue
from simulator import INSTALLER_TOKEN
from simulator.faults import FaultKind
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET
from tests.common import account_entry

from .hostile import BLOCK, Dice, blocks
from .world import World

FLOWS: Final = {
    "account": GrowattOnboardingConfigFlow,
    "inverter": InverterFlow,
    "missing account": repairs.MissingAccountRepairFlow,
    "returned": repairs.ReturnedRepairFlow,
    "activation": repairs.ActivationRepairFlow,
    "repair": repairs.InverterRepairFlow,
}
# Steps in which nothing can be submitted: others lead through them, or they end at once.
_NEVER_SHOWN: Final = frozenset(
    {
        *(
            ("account", step)
            for step in ("import", "reauth", "link", "asked", "finish", "registered")
        ),
        *(("inverter", step) for step in ("user", "asked", "done")),
        *(("returned", step) for step in ("keep", "drop", "asked", "asking")),
        *(("missing account", step) for step in ("asked", "asking")),
        *(("activation", step) for step in ("init", "asked", "asking")),
        ("repair", "asked"),
        ("repair", "asking"),
    }
)
# Inputs at a step before the walker goes on, and steps until it leaves a dialog.
_INPUTS: Final = 6
_LONGEST_WALK: Final = 16
# At a step that got few so far.
_MOST_INPUTS: Final = 100
# Of dialogs that can be opened.
_KINDS: Final = 7
_FAULTS: Final = tuple(set(FaultKind) - {FaultKind.HOLD, FaultKind.SLOW, FaultKind.PASS})
_PASSWORD: Final = "Fake-Passw0rd"

type Result = dict[str, Any]


@dataclass
class Walked:
    """What came of the random inputs.

    Attributes:
        inputs: how many there were at each step.
        answers: what came of them.
        longest: for how many seconds the event loop stood still.
        problems: what was not as it should be.

    """

    inputs: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    problems: list[str] = field(default_factory=list)

    def fewest(self) -> int:
        """Return how many inputs the step got that got the fewest."""
        return min(self.inputs[step] for step in EVERY_STEP)


def _every_step() -> list[tuple[str, str]]:
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


class Walker:
    """Walks through the dialogs of a world."""

    def __init__(self, world: World) -> None:
        self.hass: HomeAssistant = world.hass
        self.found = Walked()
        self._world = world
        self._cloud = world.simulator
        self._dice = Dice(0)
        self._entries: dict[str, dict[str, Any]] = {}
        self._number = 0
        self._dialog = ""
        # The kind of dialog that was opened, and which kinds led to each step.
        self._way = 0
        self._ways: dict[tuple[str, str], set[int]] = defaultdict(set)

    # The home

    async def prepare(self) -> None:
        """Set up accounts with inverters of all kinds."""
        cloud = self._cloud
        assert await async_setup_component(self.hass, "repairs", {})
        assert await async_setup_component(self.hass, DOMAIN, {})
        self.hass.data[DATA_TIMING] = Timing(
            **dict.fromkeys(("call_gap", "slow_cooldown", "quick_cooldown", "margin"), 0),
            # What went wrong in one walk does not spoil the next.
            **dict.fromkeys(("retry_first", "retry_longest", "outage_first", "outage_longest"), 1),
            overdue_after=60,
        )
        cloud.growatt.limits.reading = "none"
        self._owner = await self._world.add_account()
        self._plant = self._world.add_plant(self._owner)
        stranger = cloud.growatt.add_user("stranger", "stranger@example.com")
        theirs = cloud.growatt.add_plant(stranger.user_id, "Theirs")
        self._world.add_devices(["SIM0000001"])
        self._world.add_devices(["SIM0000002"], plant_id=theirs.plant_id)
        self._world.add_devices(["SIM0000003"], online=True)
        app = {
            "provider": "quectel",
            "server": cloud.url,
            "email": "alice@example.com",
            "user_domain": USER_DOMAIN,
            "user_domain_secret": USER_DOMAIN_SECRET,
        }
        await self._world.call("send_verification_code", **app)
        code = cloud.mailbox[-1].code
        await self._world.call("register_account", **app, password=_PASSWORD, code=code)
        cloud.quectel.add_device("QUE0000001")
        shopper = cloud.shopxo.add_user(username="alice", password=_PASSWORD)
        customer = cloud.anqicms.add_user(user_name="alice", password=_PASSWORD)
        for provider, account_id in (("shopxo", shopper.id), ("anqicms", customer.id)):
            target = Target(registry.provider(provider), cloud.url, {})
            account = Account(
                id=str(account_id), name="alice", session=None, activation_pending=True
            )
            entry = account_entry(target, account)
            entry.add_to_hass(self.hass)
            assert await self.hass.config_entries.async_setup(entry.entry_id)
        for made in self.hass.config_entries.async_entries(DOMAIN):
            self._entries[made.entry_id] = dict(made.data)

    async def _tidy(self) -> None:
        """Have everything there again for the next walk."""
        self._cloud.faults.clear()
        for manager in self._managers():
            for flow in manager.async_progress():
                manager.async_abort(flow["flow_id"])
        for entry in self.hass.config_entries.async_entries(DOMAIN):
            if (data := self._entries.get(entry.entry_id)) is None:
                await self.hass.config_entries.async_remove(entry.entry_id)
            elif entry.data != data:
                self.hass.config_entries.async_update_entry(entry, data=data)
        await self.hass.async_block_till_done()
        (quectel,) = (
            entry
            # A registration that nobody waited for may add its account right now.
            for entry in self._home()
            if entry.data["provider"] == "quectel"
        )
        for entry, plant, serials in (
            # The last one is unknown to the cloud.
            (self._owner, self._plant, [f"SIM000000{number}" for number in (1, 2, 3, 4)]),
            (quectel, PRODUCT_KEY, ("QUE0000001",)),
        ):
            there = {str(subentry.unique_id) for subentry in entry.subentries.values()}
            repairs.remove_inverters(self.hass, entry, there - set(serials))
            if missing := [serial for serial in serials if serial not in there]:
                await self._world.bind(entry, plant, missing, timeout=5)
                # So that what is late is.
                await asyncio.sleep(120)
        for problem, entry_id in (
            (repairs.ISSUE_RETURNED, self._owner.entry_id),
            (repairs.ISSUE_ACCOUNT_MISSING, "gone"),
        ):
            async_raise_issue(
                self.hass,
                f"{problem}_{entry_id}",
                problem,
                dict.fromkeys(("account", "count", "serials"), "1"),
                is_fixable=True,
                data={"problem": problem, "entry_id": entry_id},
            )

    def _home(self) -> list[ConfigEntry]:
        """Return the accounts that are there for all walks."""
        found = map(self.hass.config_entries.async_get_entry, self._entries)
        return [entry for entry in found if entry is not None]

    def _managers(self) -> tuple[Any, ...]:
        entries = self.hass.config_entries
        return entries.flow, entries.subentries, repairs_flow_manager(self.hass)

    # A walk

    async def walk(self, seed: int) -> None:
        """Walk through one dialog."""
        await self._tidy()
        self._number = seed
        dice = self._dice = Dice(seed)
        opened = await self._open()
        if opened is None:
            return
        manager, result = opened
        for _ in range(_LONGEST_WALK):
            if result is None or "step_id" not in result or not self._is_open(manager, result):
                return
            if result["type"] is FlowResultType.SHOW_PROGRESS:
                result = await self._wait(manager, result)
                continue
            self._dialog, step = self._step(manager, result)
            for _ in range(self._tries(manager, result)):
                if dice.random() < 0.05:
                    self._cloud.faults.add(kind=dice.choice(_FAULTS), times=dice.randrange(1, 4))
                result = await self._submit(manager, result, self._odd(result))
                if result is None or result.get("step_id") != step:
                    break
            else:
                self._cloud.faults.clear()
                self._plan_faults(step)
                result = await self._submit(manager, result, self._usual(result))

    def _step(self, manager: Any, result: Result) -> tuple[str, str]:
        """Return the dialog and the step of what is shown."""
        flow = manager._progress[result["flow_id"]]
        return next(name for name, kind in FLOWS.items() if type(flow) is kind), result["step_id"]

    def _tries(self, manager: Any, result: Result) -> int:
        """Return how many inputs a step is given at once: more where there were few so far."""
        counts = sorted(self.found.inputs[step] for step in EVERY_STEP)
        few = self.found.inputs[self._step(manager, result)] <= counts[len(counts) // 2]
        return _MOST_INPUTS if few else self._dice.randrange(_INPUTS)

    def _way_to_rare_steps(self) -> int:
        """Return a kind of dialog that led to one of the steps with the fewest inputs so far."""
        rare = sorted(EVERY_STEP, key=self.found.inputs.__getitem__)[: len(EVERY_STEP) // 4]
        ways = sorted(self._ways[self._dice.choice(rare)])
        return self._dice.choice(ways or range(_KINDS))

    async def _open(  # noqa: PLR0911 - a line for each kind of dialog
        self,
    ) -> tuple[Any, Result | None] | None:
        """Open a dialog of any kind."""
        dice, (accounts, inverters, fixes) = self._dice, self._managers()
        entry = dice.choice(self._home())
        context: dict[str, Any]
        self._way = self._way_to_rare_steps()
        if self._way in {3, 4}:
            entry = dice.choice([it for it in self._home() if it.subentries])
        match self._way:
            case 0:
                return accounts, await self._begin(accounts, DOMAIN, {"source": SOURCE_USER})
            case 1:
                context = {"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
                return accounts, await self._begin(accounts, DOMAIN, context)
            case 2:
                context = {"source": SOURCE_REAUTH, "entry_id": entry.entry_id}
                return accounts, await self._begin(accounts, DOMAIN, context, dict(entry.data))
            case 3:
                handler = (entry.entry_id, SUBENTRY_INVERTER)
                context = {"source": SOURCE_USER}
                return inverters, await self._begin(inverters, handler, context)
            case 4:
                handler = (entry.entry_id, SUBENTRY_INVERTER)
                subentry_id = dice.choice(list(entry.subentries))
                context = {"source": SOURCE_RECONFIGURE, "subentry_id": subentry_id}
                return inverters, await self._begin(inverters, handler, context)
        of_inverters = self._way == _KINDS - 1
        if of_inverters and not self._issues(of_inverters=True):
            # Whatever an earlier walk left open is sent and answered, and what is late is late.
            await asyncio.sleep(200)
        if not (issues := self._issues(of_inverters=of_inverters)):
            return None
        return fixes, await self._begin(fixes, DOMAIN, {}, {"issue_id": dice.choice(issues)})

    def _issues(self, *, of_inverters: bool) -> list[str]:
        """Return our repairs that are open, of inverters or all others."""
        return [
            issue.issue_id
            for issue in ir.async_get(self.hass).issues.values()
            if issue.domain == DOMAIN and issue.active and issue.is_fixable
            if ("serial" in (issue.data or {})) is of_inverters
        ]

    async def _begin(
        self, manager: Any, handler: Any, context: dict[str, Any], data: Any = None
    ) -> Result | None:
        found: Result | None = await self._answer(
            manager.async_init(handler, context=context, data=data), "begin"
        )
        return found

    def _is_open(self, manager: Any, result: Result) -> bool:
        return type(manager._progress.get(result["flow_id"])) in FLOWS.values()

    async def _wait(self, manager: Any, result: Result) -> Result | None:
        """Wait while there is progress; a browser may submit something meanwhile."""
        found: Result | None = result
        for _ in range(60):
            if found is None or found["type"] is not FlowResultType.SHOW_PROGRESS:
                return found
            if not self._is_open(manager, found):
                return None
            for _ in range(self._tries(manager, found)):
                odd = {self._dice.text(9): self._dice.value()}
                found = await self._submit(manager, found, odd)
                if found is None or found["type"] is not FlowResultType.SHOW_PROGRESS:
                    return found
            await asyncio.sleep(1)
            found = await self._answer(manager.async_configure(found["flow_id"]), "wait")
        self.found.problems.append(f"{self._number}: progress without an end")
        return None

    def _plan_faults(self, step: str) -> None:
        """Have a registration's outcome stay unknown now and then, and a cloud not answer."""
        faults = self._cloud.faults
        if step == "register_form" and self._dice.random() < 0.3:
            faults.add("user/user_register", kind="cut_after")
            faults.add("user/check_user", kind="pass")
            faults.add("user/check_user", kind="cut")
        elif self._dice.random() < 0.2:
            faults.add(kind="hang")

    # An input

    async def _submit(self, manager: Any, result: Result, data: Any) -> Result | None:
        """Submit something as the front end does; return what is shown then, None at the end."""
        if not self._is_open(manager, result):
            return None
        step = self._step(manager, result)
        self._ways[step].add(self._way)
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
            self.found.problems.append(f"{self._number} {where}: {type(err).__name__}: {err}")
            return None
        self.found.answers[str(result["type"])] += 1
        shown = [*(result.get("errors") or {}).values(), result.get("reason")]
        if "unknown" in shown:
            self.found.problems.append(f"{self._number} {where}: unknown")
        try:
            view: Any = FlowManagerResourceView(self.hass.config_entries.flow)
            sent = {key: value for key, value in result.items() if key not in _NOT_SENT}
            json_bytes(view._prepare_result_json(sent))
        except Exception as err:  # noqa: BLE001 - this is what the proof looks for
            self.found.problems.append(f"{self._number} {where}: not sent: {err!r}")
        return result

    def _usual(self, result: Result) -> dict[str, Any]:
        """Return an input with which a person goes on."""
        if result["type"] is FlowResultType.MENU:
            options = list(result["menu_options"])
            if self._dice.random() < 0.7:
                options.sort(key=lambda step: self.found.inputs[self._dialog, step])
                del options[1:]
            return {"next_step_id": self._dice.choice(options)}
        schema = result["data_schema"].schema if result.get("data_schema") else {}
        return {
            str(marker): self._filled(str(marker), selector)
            for marker, selector in schema.items()
            if isinstance(marker, vol.Required) or self._dice.random() < 0.4
        }

    def _odd(self, result: Result) -> Any:
        """Return an input that may be anything."""
        dice = self._dice
        if dice.random() < 0.1:
            return dice.value()
        usual = self._usual(result)
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

    def _filled(self, name: str, selector: Any) -> Any:
        """Return what a person fills into a field."""
        dice, cloud = self._dice, self._cloud
        options = getattr(selector, "config", {}).get("options")
        if options and name != "server":
            option = options[-1] if dice.random() < 0.3 else dice.choice(options)
            return option["value"] if isinstance(option, dict) else option
        number = f"{self._number}{dice.randrange(1_000)}"
        codes = [message.code for message in cloud.mailbox] or ["1"]
        texts: dict[str, Any] = {
            "server": "own_address",
            "address": cloud.url,
            "token": INSTALLER_TOKEN,
            "user_domain": USER_DOMAIN,
            "user_domain_secret": USER_DOMAIN_SECRET,
            "site_id": "1",
            "username": f"user{number}",
            "email": dice.choice((f"user{number}@example.com", "alice@example.com")),
            "phone": f"1380013{int(number) % 10_000:04}",
            "login": "alice",
            "password": _PASSWORD,
            "country": "NL",
            "code": codes[-1],
            "captcha": (list(cloud.captchas.values()) or ["1"])[-1],
            "account_id": "101",
            "product_key": PRODUCT_KEY,
            "name": f"Plant {number}",
            "peak_power": 5,
            "serial_numbers": "SIM0000001",
            "send_again": dice.random() < 0.1,
            "link_instead": dice.random() < 0.3,
        }
        if name == "serial_numbers":
            # Some of them exist.
            texts[name] = f"NEW{int(number):07}"
            if dice.random() < 0.5:
                cloud.growatt.devices.get(texts[name]) or cloud.growatt.add_device(texts[name])
        return texts.get(name, "1")


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


async def fuzz(
    world: World, number: int, *, walks: float = float("inf"), measure: bool = True
) -> Walked:
    """Walk until every step got so many random inputs, but through no more dialogs than `walks`.

    `measure` for how long the event loop stands still.
    """
    walker = Walker(world)
    found = walker.found
    logger, errors = logging.getLogger(), _Errors(found)
    seed = 0
    with (
        patch.object(steps, "_MINIMUM_DURATION", 0),
        patch.object(aiohttp.TCPConnector, "connect", _only_to(world.simulator.url)),
        # The simulated cloud is none of the servers that another integration knows.
        patch.object(config_flow, "async_start_flow", AsyncMock(return_value=None)),
        patch.object(config_flow, "offered_by", lambda _: CORE_GROWATT if seed % 2 else None),
    ):
        await walker.prepare()
        level = logger.level
        logger.addHandler(errors)
        logger.setLevel(logging.ERROR)
        try:
            while found.fewest() < number and seed < walks:
                seed += 1
                await (_measured(walker, seed) if measure else walker.walk(seed))
        finally:
            logger.removeHandler(errors)
            logger.setLevel(level)
    return found


async def _measured(walker: Walker, seed: int) -> None:
    """Walk, and walk again where the event loop stood still: once may be bad luck."""
    times = []
    for _ in range(4):
        with blocks() as measured:
            await walker.walk(seed)
        times.append(measured.longest)
        if measured.longest <= BLOCK:
            break
    walker.found.longest = max(walker.found.longest, min(times))
    if min(times) > BLOCK:
        walker.found.problems.append(f"{seed}: stood still for {min(times):.2f} s")
