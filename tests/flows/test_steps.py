"""Every step of every dialog answers in time, and whatever goes wrong in it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
import logging
from typing import Any, NamedTuple

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowHandler, FlowManager, UnknownFlow
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding import config_flow, repairs
from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import RejectedError
from custom_components.growatt_onboarding.cloud.model import Account, Plant
from custom_components.growatt_onboarding.cloud.provider import Capability, Field
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.flows import base, inverter, register, sign_in, steps
from custom_components.growatt_onboarding.flows.forms import MORE, without_section
from custom_components.growatt_onboarding.flows.steps import AnsweringFlow, with_minimum_duration
from tests.common import UNLIMITED, account_entry, entries, suggested, until
from tests.fake_provider import URL, FakeClient, FakeCloud, add_provider, fake_provider
from tests.prove.world import World

MINIMUM_DURATION = steps._MINIMUM_DURATION

# What a person, and every proxy between, waits for.
AT_MOST = 30
# More than one call can take: a step may make several.
VERY_SLOW = 45

PASSWORD = "Not-a-real-password-1"
SITE_SECRET = "Not-a-real-site-secret-1"
SN = "SIM0000001"
HOME, GARAGE = Plant(id="20001", name="Home"), Plant(id="20002", name="Garage")
BY_NAME = {"username": "alice", "password": PASSWORD}
SITE = {"address": URL, "site_secret": SITE_SECRET, MORE: {"site": "12"}}

# What a step asks a cloud for while somebody waits; each can be slow, and each can be broken.
ASKED = (
    *("test", "is_username_available", "captcha", "send_code", "register"),
    *("link", "plants", "create_plant", "check_serial"),
)
# What is asked in the background.
IN_BACKGROUND = ("bind", "sightings")

type Result = dict[str, Any]
type Answers = dict[str, Any]


@dataclass
class Trouble:
    """What is wrong with the clients, and what they were asked for."""

    pause: float = 0
    broken: str | None = None
    asked: list[str] = field(default_factory=list)

    def add_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have all clients suffer from it."""
        for name in (*ASKED, *IN_BACKGROUND):
            original = getattr(FakeClient, name)
            monkeypatch.setattr(FakeClient, name, self._with_trouble(name, original))

    def _with_trouble(
        self, name: str, original: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            if name in ASKED:
                self.asked.append(name)
            if name == self.broken:
                try:
                    raise KeyError(PASSWORD)
                except KeyError as err:
                    raise RuntimeError(f"what was sent: {PASSWORD}, {SITE_SECRET}") from err
            await asyncio.sleep(self.pause)
            return await original(*args, **kwargs)

        return ask


@dataclass
class Home:
    """A Home Assistant and a portal."""

    world: World
    cloud: FakeCloud
    trouble: Trouble
    monkeypatch: pytest.MonkeyPatch

    @property
    def hass(self) -> HomeAssistant:
        return self.world.hass

    async def add_entry(self, **account: Any) -> MockConfigEntry:
        """Set up the entry of the portal's account."""
        target = Target(
            provider=registry.provider("fake"),
            url=URL,
            credentials={"site": "12", "site_secret": SITE_SECRET},
        )
        account = {"id": "id of alice", "name": "alice", "session": {"token": "fake"}, **account}
        entry = account_entry(target, Account(**account))
        entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        return entry

    async def reject(self, entry: ConfigEntry) -> None:
        """Have the portal reject an inverter."""
        self.cloud.fail("bind", RejectedError())
        coordinator = entry.runtime_data.coordinator
        await coordinator.async_track([SN], HOME.id)
        await until(lambda: coordinator.data[SN].state == "rejected")
        await self.hass.async_block_till_done()


class Dialog:
    """A dialog as the front end has it: it asks again when it is told that something changed."""

    def __init__(self, home: Home, manager: Any) -> None:
        self.home = home
        self.result: Result = {}
        self._manager = manager

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin."""
        await self._ask(self._manager.async_init(*args, **kwargs))

    async def submit(self, answers: Answers) -> None:
        """Fill in what is shown."""
        await self._ask(self._manager.async_configure(self.result["flow_id"], dict(answers)))

    async def _ask(self, request: Awaitable[Result]) -> None:
        self.result = await self._in_time(request)
        while self.result["type"] == "progress":
            await self.home.hass.async_block_till_done()
            again = self._manager.async_configure(self.result["flow_id"])
            self.result = await self._in_time(again)

    async def _in_time(self, request: Awaitable[Result]) -> Result:
        began = self.home.world.clock.passed
        result = await request
        assert self.home.world.clock.passed - began <= AT_MOST
        return result


# How each dialog is opened


async def account_dialog(home: Home) -> Dialog:
    dialog = Dialog(home, home.hass.config_entries.flow)
    await dialog.open(DOMAIN, context={"source": SOURCE_USER})
    return dialog


async def _of_entry(home: Home, source: str) -> Dialog:
    entry = next(iter(entries(home.hass)), None) or await home.add_entry()
    dialog = Dialog(home, home.hass.config_entries.flow)
    context = {"source": source, "entry_id": entry.entry_id}
    await dialog.open(DOMAIN, context=context, data=dict(entry.data))
    return dialog


async def reauth_dialog(home: Home) -> Dialog:
    return await _of_entry(home, SOURCE_REAUTH)


async def reconfigure_dialog(home: Home) -> Dialog:
    return await _of_entry(home, SOURCE_RECONFIGURE)


async def inverter_dialog(home: Home) -> Dialog:
    entry = next(iter(entries(home.hass)), None) or await home.add_entry()
    dialog = Dialog(home, home.hass.config_entries.subentries)
    await dialog.open((entry.entry_id, SUBENTRY_INVERTER), context={"source": SOURCE_USER})
    return dialog


async def place_dialog(home: Home) -> Dialog:
    place = Field(name="place")
    add_provider(home.monkeypatch, fake_provider(home.cloud, plant_id_field=place))
    home.cloud.capabilities -= {Capability.PLANTS}
    return await inverter_dialog(home)


async def _rejected(home: Home) -> ConfigEntry:
    entry = next(iter(entries(home.hass)), None)
    if entry is None:
        entry = await home.add_entry()
        await home.reject(entry)
    return entry


async def inverters_own_dialog(home: Home) -> Dialog:
    entry = await _rejected(home)
    (subentry,) = entry.subentries.values()
    dialog = Dialog(home, home.hass.config_entries.subentries)
    context = {"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id}
    await dialog.open((entry.entry_id, SUBENTRY_INVERTER), context=context)
    return dialog


async def _repair(home: Home, name: str) -> Dialog:
    dialog = Dialog(home, repairs_flow_manager(home.hass))
    await dialog.open(DOMAIN, data={"issue_id": home.world.repair_id(name)})
    return dialog


async def repair_dialog(home: Home) -> Dialog:
    await _rejected(home)
    return await _repair(home, f"rejected_{SN}")


async def activation_dialog(home: Home) -> Dialog:
    entry = next(iter(entries(home.hass)), None)
    if entry is None:
        entry = await home.add_entry(id=None, session=None, activation_pending=True)
        for flow in home.hass.config_entries.flow.async_progress():
            home.hass.config_entries.flow.async_abort(flow["flow_id"])
    return await _repair(home, f"activation_pending_{entry.entry_id}")


# Each dialog from its beginning to its end


class Journey(NamedTuple):
    """A way through a dialog.

    Attributes:
        open: opens the dialog.
        steps: what is shown, and what is filled in or chosen there.
        asks: what the cloud is asked for, in order.
        end: how it ends: a result, a reason, or an error.

    """

    open: Callable[[Home], Awaitable[Dialog]]
    steps: tuple[tuple[str, Answers], ...]
    asks: tuple[str, ...]
    end: str


def choose(option: str) -> Answers:
    return {"next_step_id": option}


_TO_METHOD = (("user", choose("portal")), ("portal", SITE))
_TO_REGISTER = (*_TO_METHOD, ("method", choose("register")))
_TO_LINK = (*_TO_METHOD, ("method", choose("link")))

JOURNEYS = {
    "register": Journey(
        account_dialog,
        (
            *_TO_REGISTER,
            ("register", {"way": "register"}),
            ("register_form", {**BY_NAME, "captcha": "A1B2"}),
        ),
        ("test", "captcha", "is_username_available", "register", "plants"),
        "create_entry",
    ),
    "register_with_code": Journey(
        account_dialog,
        (
            *_TO_REGISTER,
            ("register", {"way": "link"}),
            ("register_code", {"email": "alice@example.com", "captcha": "A1B2"}),
            ("register_form", {"code": "4711-0815", "password": PASSWORD}),
        ),
        ("test", "captcha", "is_username_available", "send_code", "register", "plants"),
        "create_entry",
    ),
    "link": Journey(
        account_dialog,
        (*_TO_LINK, ("link_form", BY_NAME), ("choose_account", {"account_id": "8"})),
        ("test", "link", "plants"),
        "create_entry",
    ),
    "sign_in_again": Journey(
        reauth_dialog,
        (("reauth_confirm", {"site_secret": SITE_SECRET}), ("link_form", BY_NAME)),
        ("test", "link"),
        "reauth_successful",
    ),
    "new_credentials": Journey(
        reconfigure_dialog,
        (("new_access_portal", SITE), ("link_form", BY_NAME)),
        ("test", "link"),
        "reconfigure_successful",
    ),
    "add_inverters": Journey(
        inverter_dialog,
        (
            ("serial_numbers", {"serial_numbers": SN, "plant_id": "new_plant"}),
            ("create_plant", {"name": "Roof", "peak_power": "4.2"}),
        ),
        ("plants", "create_plant", "check_serial"),
        "waiting",
    ),
    "add_inverters_to_a_place": Journey(
        place_dialog,
        (("serial_numbers", {"serial_numbers": SN, "place": "key"}),),
        ("check_serial",),
        "waiting",
    ),
    "submit_again": Journey(
        inverters_own_dialog,
        (("reconfigure", choose("submit_again")), ("submit_again", {})),
        (),
        "waiting",
    ),
    "another_plant": Journey(
        inverters_own_dialog,
        (("reconfigure", choose("plant")), ("plant", {"plant_id": GARAGE.id})),
        ("plants",),
        "waiting",
    ),
    "repair_by_checking": Journey(
        repair_dialog, (("init", choose("check_again")), ("check_again", {})), (), "form"
    ),
    "repair_by_submitting": Journey(
        repair_dialog, (("init", choose("submit_again")),), (), "create_entry"
    ),
    "repair_by_another_plant": Journey(
        repair_dialog,
        (("init", choose("choose_plant")), ("choose_plant", {"plant_id": GARAGE.id})),
        ("plants",),
        "create_entry",
    ),
    "activation": Journey(activation_dialog, (("confirm", {}),), (), "sign_in"),
}


@pytest.fixture
async def home(world: World, monkeypatch: pytest.MonkeyPatch) -> Home:
    world.hass.data[DATA_TIMING] = UNLIMITED
    assert await async_setup_component(world.hass, "repairs", {})
    can = {
        *(Capability.BIND, Capability.PLANTS, Capability.CREATE_PLANT),
        *(Capability.CHECK_SERIAL, Capability.CHECK_USERNAME),
    }
    cloud = FakeCloud(
        capabilities=frozenset(can),
        plants=(HOME, GARAGE),
        passwords={"alice": PASSWORD},
        others=(Account(id="8", name="bob", session={"token": "fake"}),),
    )
    add_provider(monkeypatch, fake_provider(cloud))
    trouble = Trouble()
    trouble.add_to(monkeypatch)
    return Home(world, cloud, trouble, monkeypatch)


def ending(result: Result) -> str:
    return str(result.get("reason") or result["type"])


def shows_unknown(result: Result) -> bool:
    return result.get("reason") == "unknown" or result.get("errors") == {"base": "unknown"}


@pytest.mark.parametrize("name", JOURNEYS)
async def test_every_step_answers_in_time(home: Home, name: str) -> None:
    """A cloud takes longer than anybody waits; nothing is lost, and nothing is asked twice."""
    journey = JOURNEYS[name]
    # What a dialog needs before it can be opened is there by then.
    await until_open(home, journey)
    home.trouble.asked.clear()
    home.trouble.pause = VERY_SLOW
    dialog = await journey.open(home)
    for step_id, answers in journey.steps:
        assert dialog.result["step_id"] == step_id
        assert not shows_unknown(dialog.result)
        await dialog.submit(answers)
    assert ending(dialog.result) == journey.end
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert tuple(home.trouble.asked) == journey.asks
    assert len(home.cloud.registered) == journey.asks.count("register")


async def until_open(home: Home, journey: Journey) -> None:
    """Prepare what the dialog is about."""
    if journey.open is not account_dialog:
        dialog = await journey.open(home)
        dialog._manager.async_abort(dialog.result["flow_id"])
        await home.hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("name", ["sign_in_again", "new_credentials", "add_inverters"])
async def test_an_account_that_is_removed_while_a_step_is_at_work(
    home: Home, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for the result any longer; that it cannot be shown is no error."""
    await until_open(home, JOURNEYS[name])
    dialog = await JOURNEYS[name].open(home)
    ((_, answers), *_) = JOURNEYS[name].steps
    home.trouble.pause = VERY_SLOW
    step = home.hass.async_create_task(dialog.submit(answers))
    (entry,) = entries(home.hass)
    await asyncio.sleep(1)
    await home.hass.config_entries.async_remove(entry.entry_id)
    with suppress(UnknownFlow):
        await step
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("name", "broken"),
    [(name, call) for name, journey in JOURNEYS.items() for call in dict.fromkeys(journey.asks)],
)
async def test_whatever_goes_wrong_is_told(
    home: Home, name: str, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A client fails as none should: the form comes again, and the log says where, not what."""
    journey, told = JOURNEYS[name], 0
    await until_open(home, journey)
    caplog.clear()
    home.trouble.broken = broken
    dialog = await journey.open(home)
    if shows_unknown(dialog.result):
        told += 1
        home.trouble.broken = None
        dialog = await journey.open(home)
    for number, (step_id, answers) in enumerate(journey.steps):
        assert dialog.result["step_id"] == step_id
        await dialog.submit(answers)
        if not shows_unknown(dialog.result):
            continue
        told += 1
        home.trouble.broken = None
        if dialog.result["type"] == "form":
            # Nothing that was typed is lost.
            assert suggested(dialog.result).items() >= dialog_typed(journey, dialog).items()
            again = [known for known, _ in journey.steps].index(dialog.result["step_id"])
        else:
            dialog, again = await journey.open(home), 0
        for _, repeated in journey.steps[again : number + 1]:
            await dialog.submit(repeated)
    assert ending(dialog.result) == journey.end
    await home.hass.async_block_till_done(wait_background_tasks=True)
    if broken == "plants" and journey.end == "create_entry" and journey.open is account_dialog:
        # The entry is there; only the dialog that would follow is not.
        assert "next_flow" not in dialog.result
        told += 1
    assert told == 1
    (line,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert line.name == "custom_components.growatt_onboarding"
    assert "RuntimeError" in line.getMessage()
    assert "in async_step_" in line.getMessage()
    assert 'test_steps.py", line' in line.getMessage()
    assert PASSWORD not in caplog.text
    assert SITE_SECRET not in caplog.text


def dialog_typed(journey: Journey, dialog: Dialog) -> Answers:
    """Return what was typed into the form that a dialog shows."""
    return without_section(dict(journey.steps)[dialog.result["step_id"]]) or {}


# The dialogs themselves


def test_every_dialog_is_one_that_answers() -> None:
    modules = (config_flow, repairs, base, inverter, register, sign_in)
    flows = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, FlowHandler)
        and found.__module__.startswith("custom_components.")
    }
    assert len(flows) >= 7
    assert all(issubclass(flow, AnsweringFlow) for flow in flows)


class _SlowMenu(AnsweringFlow):
    async def async_step_init(self, user_input: Answers | None = None) -> Result:
        await asyncio.sleep(VERY_SLOW)
        result: Result = self.async_show_menu(menu_options=["chosen"])
        return result

    async def async_step_chosen(self, user_input: Answers | None = None) -> Result:
        result: Result = self.async_abort(reason="chosen")
        return result


class _Manager(FlowManager[Any, Any, Any]):
    async def async_create_flow(self, *_: Any, **__: Any) -> FlowHandler[Any, Any, Any]:
        return _SlowMenu()

    async def async_finish_flow(self, flow: Any, result: Result) -> Result:
        return result


async def test_a_menu_that_leaves_its_step_to_home_assistant(home: Home) -> None:
    dialog = Dialog(home, _Manager(home.hass))
    await dialog.open(DOMAIN)
    assert (dialog.result["type"], dialog.result["step_id"]) == ("menu", "init")
    # Coming back to it, as the front end does after its page was loaded again, shows it again.
    await dialog._ask(dialog._manager.async_configure(dialog.result["flow_id"]))
    assert (dialog.result["type"], dialog.result["step_id"]) == ("menu", "init")
    await dialog.submit(choose("chosen"))
    assert dialog.result["reason"] == "chosen"


async def test_what_is_submitted_again_meanwhile_is_not_asked_again(home: Home) -> None:
    """A person presses twice, or the connection broke and the front end tries again."""
    dialog = await inverter_dialog(home)
    home.trouble.pause = 5
    home.trouble.asked.clear()
    manager, flow_id = home.hass.config_entries.subentries, dialog.result["flow_id"]
    answers = {"serial_numbers": SN, "plant_id": HOME.id}
    lost = home.hass.async_create_task(manager.async_configure(flow_id, dict(answers)))
    await asyncio.sleep(1)
    lost.cancel()
    await dialog.submit(answers)
    assert dialog.result["reason"] == "waiting"
    assert home.trouble.asked == ["check_serial"]
    assert home.cloud.bound == [("id of alice", HOME.id, SN)]


async def test_who_submits_twice_sees_the_progress_of_the_same_work(home: Home) -> None:
    dialog = await inverter_dialog(home)
    await dialog.submit({"serial_numbers": SN, "plant_id": "new_plant"})
    home.trouble.pause = VERY_SLOW
    home.trouble.asked.clear()
    manager, flow_id = home.hass.config_entries.subentries, dialog.result["flow_id"]
    answers = {"name": "Roof", "peak_power": "4.2"}
    first = home.hass.async_create_task(manager.async_configure(flow_id, dict(answers)))
    await asyncio.sleep(1)
    await dialog.submit(answers)
    assert (await first)["type"] == "progress"
    assert dialog.result["reason"] == "waiting"
    assert home.trouble.asked == ["create_plant", "check_serial"]
    # What is still asked in the background ends in this time, and not in that of the machine.
    home.trouble.pause = 0
    await asyncio.sleep(VERY_SLOW)


async def test_an_account_is_there_whatever_goes_wrong_after_that(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.cloud.others = ()
    dialog = await account_dialog(home)
    for _, answers in _TO_LINK:
        await dialog.submit(answers)

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(PASSWORD)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(home.hass.config_entries.subentries, "async_init", broken)
        await dialog.submit(BY_NAME)
    assert dialog.result["type"] == "create_entry"
    assert "next_flow" not in dialog.result
    assert len(entries(home.hass)) == 1
    assert "Unexpected RuntimeError in async_on_create_entry" in caplog.text
    assert PASSWORD not in caplog.text
    assert (await inverter_dialog(home)).result["step_id"] == "serial_numbers"


async def test_a_dialog_that_nobody_looks_at_any_more_blocks_no_account(home: Home) -> None:
    home.cloud.others = ()
    left = await account_dialog(home)
    for _, answers in _TO_LINK:
        await left.submit(answers)
    home.trouble.pause = VERY_SLOW
    result = await home.hass.config_entries.flow.async_configure(left.result["flow_id"], BY_NAME)
    assert result["type"] == "progress"
    # The browser is gone.
    await home.hass.async_block_till_done(wait_background_tasks=True)
    home.trouble.pause = 0
    assert not entries(home.hass)

    dialog = await account_dialog(home)
    for _, answers in _TO_LINK:
        await dialog.submit(answers)
    await dialog.submit(BY_NAME)
    assert dialog.result["type"] == "create_entry"
    assert len(entries(home.hass)) == 1


async def test_a_dialog_that_is_closed_meanwhile(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    dialog = await inverter_dialog(home)
    home.trouble.pause = VERY_SLOW
    manager, flow_id = home.hass.config_entries.subentries, dialog.result["flow_id"]
    answers = {"serial_numbers": SN, "plant_id": HOME.id}
    assert (await manager.async_configure(flow_id, answers))["type"] == "progress"
    manager.async_abort(flow_id)
    home.trouble.pause = 0
    await home.hass.async_block_till_done(wait_background_tasks=True)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    dialog = await inverter_dialog(home)
    assert dialog.result["step_id"] == "serial_numbers"


# Progress is shown long enough for the front end to have asked once by itself


@pytest.fixture
def _with_a_front_end(_no_front_end: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_MINIMUM_DURATION", MINIMUM_DURATION)


@pytest.mark.usefixtures("_with_a_front_end")
async def test_what_is_done_at_once_is_shown_all_the_same(world: World) -> None:
    done: list[float] = []

    async def work() -> None:
        done.append(world.clock.passed)

    began = world.clock.passed
    await with_minimum_duration(work())
    assert done == [began]
    assert world.clock.passed - began >= MINIMUM_DURATION > 0


@pytest.mark.usefixtures("_with_a_front_end")
async def test_a_fault_is_told(world: World) -> None:
    async def work() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await with_minimum_duration(work())
