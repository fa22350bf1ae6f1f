"""Storage on a real disk: nothing is taken for stored that is not, and no start fails for it."""

# ruff: noqa: ASYNC240 - looking at the disk is what these tests do

import asyncio
from contextlib import suppress
import json
from pathlib import Path
import threading
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.account.bindings import store_key
from custom_components.growatt_onboarding.clock import now
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import Call, Endpoint, Pace
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.gateway import Gateway, PendingRegistration, SharedData
from custom_components.growatt_onboarding.gateway.store import DurableStore, NotStoredError
from simulator import END_USER_TOKEN, INSTALLER_TOKEN
from tests.common import NOTHING_STORED, account_entry, full_disk
from tests.escaped import as_read
from tests.prove.world import World

KEY = f"{DOMAIN}.test"
# Seconds that only what hangs takes.
HANGS = 300
GOOD = {"version": 1, "minor_version": 1, "key": KEY, "data": {"a": 1}}
# No store of ours, whatever the key: version, shape or content is another one.
BAD = [
    "[]",
    "null",
    "5",
    '"text"',
    '{"data": {}}',
    '{"version": 1}',
    '{"version": 1, "data": []}',
    '{"version": 1, "data": "text"}',
    '{"version": 2, "data": {}}',
    '{"version": 0, "data": {}}',
    '{"version": null, "data": {}}',
]


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Stand in for the harness's storage in memory: here the disk is real."""
    return {}


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    (tmp_path / ".storage").mkdir()
    return str(tmp_path)


@pytest.fixture
def file(hass: HomeAssistant) -> Path:
    return Path(hass.config.path(".storage", KEY))


@pytest.fixture
def store(hass: HomeAssistant) -> DurableStore:
    return DurableStore(hass, KEY)


def issues(hass: HomeAssistant) -> set[str]:
    return {issue_id for _, issue_id in ir.async_get(hass).issues}


async def test_what_was_written_is_read(store: DurableStore, file: Path) -> None:
    assert await store.async_read() is None
    await store.async_write({"a": 1})
    assert json.loads(file.read_text())["data"] == {"a": 1}
    assert file.stat().st_mode & 0o077 == 0
    assert await store.async_read() == {"a": 1}


@pytest.mark.parametrize("content", BAD)
async def test_another_shape_is_kept_aside(
    hass: HomeAssistant, store: DurableStore, file: Path, content: str
) -> None:
    file.write_text(content)
    assert await store.async_read() is None
    assert not file.exists()
    (kept,) = file.parent.glob(f"{KEY}.unreadable.*")
    assert kept.read_text() == content
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"store_set_aside_{KEY}")
    assert issue is not None
    assert as_read(issue.translation_placeholders) == {"path": f".storage/{kept.name}"}
    assert issue.is_persistent
    await store.async_write({"a": 1})
    assert await store.async_read() == {"a": 1}


async def test_a_later_minor_version_can_be_read(
    hass: HomeAssistant, store: DurableStore, file: Path
) -> None:
    """So that going back to an earlier version of the integration loses nothing."""
    file.write_text(json.dumps({**GOOD, "minor_version": 2}))
    assert await store.async_read() == {"a": 1}
    assert not issues(hass)


@pytest.mark.parametrize("content", ["{", "", "\x00", '{"version": 1, "data": {'])
async def test_broken_json_is_set_aside_by_home_assistant(
    hass: HomeAssistant, store: DurableStore, file: Path, content: str
) -> None:
    file.write_text(content)
    assert await store.async_read() is None
    assert any(issue_id.startswith("storage_corruption") for issue_id in issues(hass))
    await store.async_write({"a": 1})


async def test_file_that_cannot_be_read(
    hass: HomeAssistant, store: DurableStore, file: Path
) -> None:
    file.mkdir()
    assert await store.async_read() is None
    assert f"store_set_aside_{KEY}" in issues(hass)
    await store.async_write({"a": 1})


async def test_file_that_can_neither_be_read_nor_moved(
    hass: HomeAssistant,
    store: DurableStore,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file.write_text("[]")

    def fail(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.replace", fail)
    assert await store.async_read() is None
    assert "neither read nor renamed" in caplog.text
    assert not issues(hass)
    with pytest.raises(NotStoredError):
        await store.async_write({"a": 1})
    assert file.read_text() == "[]"


async def test_disk_full(store: DurableStore, file: Path) -> None:
    await store.async_write({"a": 1})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as context:
        context.setattr("atomicwrites.AtomicWriter.commit", full)
        with pytest.raises(NotStoredError):
            await store.async_write({"a": 2})
        context.setattr("os.makedirs", full)
        with pytest.raises(NotStoredError):
            await store.async_write({"a": 3})
    assert json.loads(file.read_text())["data"] == {"a": 1}
    await store.async_write({"a": 4})
    assert json.loads(file.read_text())["data"] == {"a": 4}


async def test_a_write_that_nobody_waits_for_any_more_is_not_overtaken(
    store: DurableStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, steps = asyncio.Event(), threading.Event(), list[str]()
    loop, write = asyncio.get_running_loop(), DurableStore._write_prepared_data

    def slow_at_first(self: DurableStore, mode: str, data: Any) -> None:
        first = not steps
        steps.append("begun")
        if first:
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(HANGS)
        write(self, mode, data)
        steps.append("ended")

    monkeypatch.setattr(DurableStore, "_write_prepared_data", slow_at_first)
    first = asyncio.create_task(store.async_write({"a": 1}))
    await begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(store.async_write({"a": 2}))
    for _ in range(10):
        await asyncio.sleep(0)
    go_on.set()
    await second
    assert steps == ["begun", "ended"] * 2
    assert json.loads(file.read_text())["data"] == {"a": 2}


async def test_a_last_write_that_fails_is_only_logged(
    store: DurableStore, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with full_disk():
        await store.async_write_last({"a": 1})
    assert f"{file} could not be written" in caplog.text
    await store.async_write_last({"a": 2})
    assert json.loads(file.read_text())["data"] == {"a": 2}


async def test_what_is_no_json_is_not_stored(store: DurableStore, file: Path) -> None:
    with pytest.raises(NotStoredError):
        await store.async_write({"a": object()})
    assert not file.exists()


@pytest.mark.parametrize("state", [CoreState.stopping, CoreState.final_write])
async def test_home_assistant_stopping(
    hass: HomeAssistant, store: DurableStore, file: Path, state: CoreState
) -> None:
    hass.set_state(state)
    with pytest.raises(NotStoredError):
        await store.async_write({"a": 1})
    assert not file.exists()


async def test_removing_leaves_nothing(
    hass: HomeAssistant, store: DurableStore, file: Path
) -> None:
    file.write_text("[]")
    other = file.with_name(f"{KEY}2")
    other.write_text(json.dumps(GOOD))
    await store.async_read()
    await store.async_write({"a": 1})
    await store.async_remove()
    assert list(file.parent.iterdir()) == [other]
    assert not issues(hass)
    # Nothing is there any longer to be removed.
    await store.async_remove()


# The stores as the integration uses them


PENDING = {"provider": "growatt", "server": "url", "account_name": "a", "started_at": 1.0}


@pytest.mark.parametrize(
    "data",
    [
        {},
        *(
            {key: NOTHING_STORED[key] for key in NOTHING_STORED if key != name}
            for name in NOTHING_STORED
        ),
        {**NOTHING_STORED, "ledgers": []},
        {**NOTHING_STORED, "ledgers": {"key": {}}},
        {**NOTHING_STORED, "registrations": []},
        {**NOTHING_STORED, "registrations": {"key": {}}},
        {**NOTHING_STORED, "registrations": {"key": None}},
        {**NOTHING_STORED, "lost_at": "1"},
        {**NOTHING_STORED, "clock": {}},
        {**NOTHING_STORED, "clock": {**NOTHING_STORED["clock"], "now": None}},
        *(
            {**NOTHING_STORED, "registrations": {"key": {**PENDING, **wrong}}}
            for wrong in (
                {"server": 1},
                *({"started_at": time} for time in (None, "1", True)),
            )
        ),
    ],
    ids=str,
)
async def test_domain_store_of_another_shape(hass: HomeAssistant, data: dict[str, Any]) -> None:
    path = Path(hass.config.path(".storage", DOMAIN))
    path.write_text(json.dumps({"version": 1, "minor_version": 1, "key": DOMAIN, "data": data}))
    assert await async_setup_component(hass, DOMAIN, {})
    assert f"store_set_aside_{DOMAIN}" in issues(hass)
    (kept,) = path.parent.glob(f"{DOMAIN}.unreadable.*")
    assert json.loads(kept.read_text())["data"] == data
    # That the records of calls were lost is written at once.
    await hass.async_block_till_done()
    stored = json.loads(path.read_text())["data"]
    assert stored["ledgers"] == stored["registrations"] == {}
    assert stored["lost_at"] is not None


@pytest.mark.parametrize("content", ["{", "[]"])
async def test_a_damaged_domain_store_counts_as_one_call_of_each_kind(
    world: World, content: str
) -> None:
    """Whether Home Assistant sets it aside or we do."""

    async def restarted(token: str = INSTALLER_TOKEN) -> Gateway:
        await world.hass.async_block_till_done()
        shared = SharedData(world.hass)
        await shared.async_load()
        await world.hass.async_block_till_done()
        return shared.gateway(registry.provider("growatt"), world.simulator.url, {"token": token})

    def waits(gateway: Gateway, call: Call) -> float:
        return gateway.ready_at(call, now()) - now()

    free, slow = Call(Endpoint("POST", "free")), Call(Endpoint("POST", "slow", Pace.SLOW))
    daily = Call(Endpoint("GET", "daily", Pace.SLOW_DAILY))
    gateway = await restarted()
    for _ in range(10):
        await gateway.permit(daily)
        gateway.answered(daily, None)
        await asyncio.sleep(310)
    Path(world.hass.config.path(".storage", DOMAIN)).write_text(content)
    gateway = await restarted()
    await asyncio.sleep(3)
    assert waits(gateway, free) == 0
    # Also after another start, and for credentials that are used only then.
    for again in (gateway, await restarted(), await restarted(END_USER_TOKEN)):
        assert waits(again, slow) == waits(again, daily) == pytest.approx(300)
    # A reboot does not end it early: nobody knows how long the machine was off.
    world.clock.reboot(off=1_000)
    gateway = await restarted()
    assert waits(gateway, slow) == pytest.approx(303, abs=5)
    await asyncio.sleep(304)
    assert waits(gateway, slow) == 0
    for _ in range(9):
        await gateway.permit(daily)
        gateway.answered(daily, None)
        await asyncio.sleep(310)
    assert waits(gateway, daily) > 80_000


async def test_domain_store_keeps_pending_registrations(hass: HomeAssistant) -> None:
    shared = SharedData(hass)
    shared.pending_registrations["key"] = PendingRegistration("growatt", "url", "a", 1.0)
    await shared.async_save()
    again = SharedData(hass)
    await again.async_load()
    assert again.pending_registrations == shared.pending_registrations


@pytest.mark.parametrize(
    "content",
    [
        *BAD,
        *(
            json.dumps({"version": 1, "data": data})
            for data in (
                {"bindings": []},
                {"generation": 1, "bindings": 5, "returned": []},
                {"generation": 1, "bindings": [5], "returned": []},
                {"generation": 1, "bindings": [{"serial": "SIM0000001"}], "returned": []},
                {"generation": 1, "bindings": {"SIM0000001": []}, "returned": []},
                {"generation": 1, "bindings": [], "returned": 5},
                {"generation": 1, "bindings": [], "returned": [[]]},
            )
        ),
    ],
)
async def test_account_starts_with_any_store(world: World, content: str) -> None:
    """Inverters whose bindings cannot be read are looked for, and none is bound twice."""
    entry = await world.add_account()
    plant_id = world.add_plant(entry)
    world.add_devices(["SIM0000001"], online=True)
    await world.bind(entry, plant_id, ["SIM0000001"])
    await world.shows("associated", "SIM0000001")
    await world.unload(entry)
    Path(world.hass.config.path(".storage", f"{DOMAIN}.{entry.entry_id}")).write_text(content)
    await world.set_up(entry)
    assert world.status("SIM0000001") == "unconfirmed"
    assert f"store_set_aside_{DOMAIN}.{entry.entry_id}" in world.issues()
    await world.shows("associated", "SIM0000001")
    assert world.simulator.growatt.bindings["SIM0000001"].accepted_count == 1
    await world.hass.config_entries.async_remove(entry.entry_id)
    assert not world.issues()
    assert not list(Path(world.hass.config.path(".storage")).glob(f"{DOMAIN}.{entry.entry_id}*"))


async def test_nothing_is_written_once_the_account_is_taken_down(
    world: World, entry: MockConfigEntry, plant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first write that takes its time must not leave a timer behind that writes again."""
    world.add_devices(["SIM0000001"])
    path = Path(world.hass.config.path(".storage", f"{DOMAIN}.{entry.entry_id}"))
    original = DurableStore.async_write

    async def slow(*args: Any) -> None:
        await asyncio.sleep(5)
        await original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(DurableStore, "async_write", slow)
        tracking = world.hass.async_create_task(world.bind(entry, plant_id, ["SIM0000001"]))
        await asyncio.sleep(1)
        await world.hass.config_entries.async_remove(entry.entry_id)
        with suppress(HomeAssistantError, KeyError, AttributeError):
            await tracking
    await asyncio.sleep(60)
    assert not path.exists()


# Read-only and dying disks


class ReadOnly:
    """What the operating system does with a file system that became read-only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("os.unlink", "os.replace", "os.rename", "os.makedirs"):
            monkeypatch.setattr(name, self._refuse)
        monkeypatch.setattr("atomicwrites.AtomicWriter.get_fileobject", self._refuse)
        monkeypatch.setattr(Path, "unlink", self._refuse)

    @staticmethod
    def _refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")


@pytest.mark.parametrize("content", [None, "{", "[]", '{"version": 2, "data": {}}'])
@pytest.mark.parametrize("of", ["domain", "records", "bindings"])
async def test_an_account_starts_from_a_read_only_disk(
    world: World, monkeypatch: pytest.MonkeyPatch, content: str | None, of: str
) -> None:
    """With and without a damaged file; nothing is sent as long as nothing can be written."""
    account = Account(id="1", name="alice", session={})
    target = Target(registry.provider("growatt"), world.simulator.url, {"token": INSTALLER_TOKEN})
    entry = account_entry(target, account)
    keys = {"domain": DOMAIN, "records": f"{DOMAIN}.records", "bindings": store_key(entry.entry_id)}
    path = Path(world.hass.config.path(".storage", keys[of]))
    if content is not None:
        path.write_text(content)
    # Home Assistant's own page writes its file at its very first start.
    assert await async_setup_component(world.hass, "http", {})
    with monkeypatch.context() as patched:
        ReadOnly(patched)
        entry.add_to_hass(world.hass)
        assert await world.hass.config_entries.async_setup(entry.entry_id)
        await world.hass.async_block_till_done()
        assert entry.state is ConfigEntryState.LOADED
        with pytest.raises(NotStoredError):
            await world.bind(entry, "1", ["SIM0000001"])
        await world.reload(entry)
        assert world.asked("*") == 0
        # Neither can it be removed from disk, but from Home Assistant.
        await world.hass.config_entries.async_remove(entry.entry_id)
    assert content is None or path.read_text() == content


async def test_an_account_that_is_linked_again_gets_its_inverters_back(
    world: World, entry: MockConfigEntry, plant_id: str
) -> None:
    """Home Assistant lost its entry, which nobody removed."""
    serials = world.add_devices([f"SIM{number:07}" for number in range(60)], online=True)
    await world.bind(entry, plant_id, serials)
    await world.shows("associated", *serials)
    await world.unload(entry)
    del world.hass.config_entries._entries[entry.entry_id]
    old = set(Path(world.hass.config.path(".storage")).glob(f"{store_key(entry.entry_id)}*"))
    assert len(old) == 2
    again = MockConfigEntry(
        domain=DOMAIN, title=entry.title, unique_id=entry.unique_id, data=dict(entry.data)
    )
    again.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(again.entry_id)
    assert {sub.unique_id for sub in again.subentries.values()} == set(serials)
    assert world.issues()[f"inverters_returned_{again.entry_id}"]["count"] == "60"
    assert not [path for path in old if path.exists()]
    await world.shows("associated", *serials)
    assert {one.accepted_count for one in world.simulator.growatt.bindings.values()} == {1}
