"""Prove that neighbours, sick disks and restored files lose nothing that the cloud was told.

On a real Home Assistant: another integration or the disk keeps Home Assistant from writing its
entries, a copy of its files is older than ours, people remove inverters at odd moments, storage
is read-only, a token is revoked. Arguments choose the situations that contain one of them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
import re
import sys
from typing import Any

from simulator.growatt import END_USER_TOKEN
from tests.e2e.accounts import NAME, link_the_account
from tests.e2e.dialogs import (
    DOMAIN,
    INSTALLER_TOKEN,
    PASSWORD,
    act,
    entity_id,
    expect,
    fill,
    new_account,
    open_account_dialog,
    states,
)
from tests.e2e.story import Story
from tests.e2e.waiting import until
from tests.server.client import FlowKind, HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer
from tests.server.websocket import HomeAssistantApiError

from .homes import (
    Home,
    NotAsClaimedError,
    all_in,
    bind,
    compare,
    linked_folder,
    named,
    new_home,
    side_by_side,
)
from .rows import Row, chosen, show

SERIALS = [f"OUR{number:07}" for number in range(40)]
# Real seconds. What comes by itself comes soon; that entries are not saved is said within three
# minutes; after a while everything about a new entry is settled.
SOON, SAID, SETTLED = 30, 200, 25
# How long entries keep changing, and how often: Home Assistant waits for a second of peace.
RESTLESS, PAUSE = 16, 0.5
# What a command that ends a moment before the kill has at most.
MOMENT = 0.2

type Helpers = dict[str, dict[str, Any]]
UNSERIALIZABLE: Helpers = {"unserializable": {}}
FULL: Helpers = {"sick_disk": {"error": "ENOSPC", "files": ["core.config_entries"]}}
READ_ONLY: Helpers = {"sick_disk": {"error": "EROFS", "files": [f"{DOMAIN}*"]}}

RETURNED, NOT_SAVED = "inverters_returned", "entries_not_saved"


@dataclass
class Case:
    """One situation: where it is played, and what was not as promised.

    promised: the inverters that the action reported.
    """

    home: Home
    promised: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: object, problem: str) -> None:
        """Note the problem unless it holds."""
        if not holds:
            self.problems.append(problem)

    @asynccontextmanager
    async def running(
        self, helpers: Helpers | None = None
    ) -> AsyncIterator[tuple[HomeAssistantServer, HomeAssistantClient]]:
        """Run Home Assistant in this home, and stop it in the end unless it was killed."""
        async with self.home.server(helpers) as server, server.client() as client:
            yield server, client

    async def bind(self, client: HomeAssistantClient, *serials: str) -> None:
        """Have the linked account's inverters bound."""
        await self.bind_to(client, await linked_entry(client), self.home.plant_id, *serials)

    async def bind_to(
        self, client: HomeAssistantClient, entry_id: str, plant_id: str, *serials: str
    ) -> None:
        """Have an account's inverters bound, which exist from now on."""
        cloud = self.home.simulator.growatt
        for serial in serials:
            if serial not in cloud.devices:
                cloud.add_device(serial)
        self.promised |= await bind(client, entry_id, plant_id, serials)

    async def accepted(self) -> None:
        """Wait until the cloud has accepted all, and that is on disk."""
        wanted = dict.fromkeys(self.promised, "accepted")
        await until(lambda: self.home.bindings() == wanted, "the acceptance of all")

    async def written(self) -> None:
        """Wait until the cloud has accepted all, and Home Assistant has written them down too."""
        await self.accepted()
        await until(lambda: self.home.subentries() == self.promised, "the inverters on disk")

    async def end_associated(
        self,
        client: HomeAssistantClient,
        serials: Collection[str],
        plant_id: str | None = None,
    ) -> None:
        """Have all devices come online, and these inverters end associated, each bound once."""
        cloud = self.home.simulator.growatt
        for serial in cloud.bindings:
            cloud.bring_online(serial)
        try:
            await all_in(client, serials, {"associated"}, SOON)
            compare(self.home, cloud.bindings.keys(), plant_id)
        except NotAsClaimedError as err:
            self.problems.append(str(err))


type Play = Callable[[Case], Awaitable[str]]
type Lose = Callable[[Case], Awaitable[None]]


# What people see and do


async def linked_entry(client: HomeAssistantClient) -> str:
    """Return the id of the account that was linked first."""
    return str((await client.config_entries(DOMAIN))[0]["entry_id"])


async def shown(client: HomeAssistantClient) -> set[str]:
    """Return the inverters that are there, with entities that know them."""
    pending = await states(client, "association_pending")
    return {serial for serial in await subentries(client) if pending.get(serial) in {"on", "off"}}


async def subentries(client: HomeAssistantClient) -> dict[str, tuple[str, str]]:
    """Return the ids of each inverter's entry and subentry, by serial number."""
    return {
        subentry["unique_id"]: (entry["entry_id"], subentry["subentry_id"])
        for entry in await client.config_entries(DOMAIN)
        for subentry in await client.subentries(entry["entry_id"])
    }


async def remove(client: HomeAssistantClient, serial: str) -> None:
    """Remove an inverter."""
    await client.remove_subentry(*(await subentries(client))[serial])


async def repairs(client: HomeAssistantClient, key: str) -> list[dict[str, Any]]:
    """Return our repairs of this kind."""
    return [issue for issue in await client.issues(DOMAIN) if issue["translation_key"] == key]


async def comes(look: Callable[[], Any], timeout: float = SOON) -> bool:
    """Wait until there is what is looked for; say whether it came."""
    try:
        await until(look, "it", timeout)
    except TimeoutError:
        return False
    return True


async def goes(client: HomeAssistantClient, key: str, timeout: float = SOON) -> bool:
    """Wait until no repair of this kind is left; say whether that came."""

    async def look() -> bool:
        return not await repairs(client, key)

    return await comes(look, timeout)


async def fix(client: HomeAssistantClient, key: str, option: str) -> None:
    """Choose an option in each repair of this kind."""
    for issue in await repairs(client, key):
        flow = await client.start_repair_flow(DOMAIN, issue["issue_id"])
        await flow.choose(option)
        if flow.type == "form":
            await flow.submit()
        expect(flow, "create_entry")


async def change_another(client: HomeAssistantClient, title: str) -> None:
    """Change the title of another integration's entry, so that Home Assistant writes them all."""
    [entry] = await client.config_entries("marketplace")
    await client.command("config_entries/update", entry_id=entry["entry_id"], title=title)


async def register(client: HomeAssistantClient, case: Case) -> str:
    """Create an account in the cloud, and return its entry's id."""
    response = await act(
        client,
        "register_account",
        provider="growatt",
        server=case.home.simulator.url,
        token=INSTALLER_TOKEN,
        **new_account(NAME),
    )
    return str(response["config_entry_id"])


# Inverters that Home Assistant has not written, or no longer has


def refuse(helpers: Helpers) -> Lose:
    """Return a way to lose inverters: Home Assistant cannot write its entries, and is killed."""

    async def lose(case: Case) -> None:
        async with case.running(helpers) as (server, client):
            await case.bind(client, *SERIALS[:5])
            await case.accepted()
            await expect_said(case, server, client)
            await server.kill()

    return lose


async def expect_said(case: Case, server: HomeAssistantServer, client: HomeAssistantClient) -> None:
    """Expect a repair, and one line in the log, that say that entries are not saved."""
    said = await comes(lambda: repairs(client, NOT_SAVED), SAID)
    case.expect(said, f"no repair says within {SAID} s that entries are not saved")
    # Once more Home Assistant fails to write them.
    await case.bind(client, SERIALS[5])
    await case.accepted()
    await asyncio.sleep(SETTLED if said else 0)
    lines = [
        line
        for line in server.log_lines("WARNING", "ERROR")
        if f"custom_components.{DOMAIN}" in line and re.search("entries", line)
    ]
    case.expect(len(lines) == 1, f"the log says so {len(lines)} times")


async def restless(case: Case) -> None:
    """Lose inverters: entries change again and again, so that nothing is written until the kill."""
    async with case.running() as (server, client):
        for serial in SERIALS[: int(RESTLESS / PAUSE)]:
            began = asyncio.get_running_loop().time()
            await case.bind(client, serial)
            await asyncio.sleep(began + PAUSE - asyncio.get_running_loop().time())
        await server.kill()


async def restore_older(case: Case) -> None:
    """Lose inverters: Home Assistant's entries are restored from a copy with only the first."""
    async with case.running() as (_, client):
        await case.bind(client, SERIALS[0])
        await case.written()
        older = case.home.entries_path.read_text()
        await case.bind(client, *SERIALS[1:6])
        await case.written()
        await asyncio.sleep(SETTLED)
    case.home.entries_path.write_text(older)


async def lost_inverters(case: Case, lose: Lose, option: str | None = None) -> str:
    """Lose inverters, start again, and choose this option of the repair, if any."""
    await lose(case)
    promised = case.promised | case.home.simulator.growatt.bindings.keys()
    if not (missing := promised - case.home.subentries()):
        raise NotAsClaimedError("Home Assistant had written all of them")
    kept = promised - (missing if option == "drop" else set())
    async with case.running() as (_, client):
        await comes(lambda: _equal(shown(client), promised))
        there = await shown(client)
        back = there & missing
        case.expect(there == promised, f"{len(there)} of {len(promised)} are there")
        await comes(lambda: repairs(client, RETURNED))
        told = named(await repairs(client, RETURNED))
        case.expect(told == missing, f"repairs name {len(told)} of {len(missing)}")
        case.expect(await goes(client, NOT_SAVED), "a repair goes on about entries not saved")
        if option is None:
            await case.end_associated(client, promised)
        elif told:
            await fix(client, RETURNED, option)
            case.expect(await goes(client, RETURNED), f"the repair stays after '{option}'")
    if option is not None:
        async with case.running() as (_, client):
            await comes(lambda: _equal(shown(client), kept))
            there = await shown(client)
            case.expect(there == kept, f"after '{option}' {len(there)} of {len(kept)} are there")
            case.expect(not await repairs(client, RETURNED), "the repair comes again")
            await case.end_associated(client, there)
    then = "" if option is None else f", {option}: {len(there)} stay"
    return f"{len(missing)} of {len(promised)} missing, {len(back)} back, {len(told)} named{then}"


async def _equal(seen: Awaitable[set[str]], wanted: set[str]) -> bool:
    return await seen == wanted


async def room_again(case: Case) -> str:
    """Have the disk full, then room on it: the repair goes away, and nothing is missing."""
    async with case.running(FULL) as (server, client):
        await case.bind(client, *SERIALS[:5])
        await case.accepted()
        await expect_said(case, server, client)
        await client.call_service("sick_disk", "heal")
        await change_another(client, "There is room again")
        await case.written()
        case.expect(await goes(client, NOT_SAVED, SAID), "the repair stays")
        await server.kill()
    async with case.running() as (_, client):
        case.expect(await comes(lambda: _equal(shown(client), case.promised)), "some are gone")
        case.expect(await goes(client, NOT_SAVED), "a repair goes on about entries not saved")
        case.expect(not await repairs(client, RETURNED), "a repair says that some were missing")
        await case.end_associated(client, case.promised)
        return f"{len(case.promised)} there"


# A new account that Home Assistant has not written, or no longer has


def refuse_account(helpers: Helpers) -> Lose:
    """Return a way to lose an account: Home Assistant cannot write its entries, and is killed."""

    async def lose(case: Case) -> None:
        async with case.running(helpers) as (server, client):
            await register(client, case)
            await asyncio.sleep(SETTLED)
            await server.kill()

    return lose


async def restless_account(case: Case) -> None:
    """Lose an account: other entries change again and again until the kill."""
    async with case.running() as (server, client):

        async def change() -> None:
            for number in range(int(RESTLESS / PAUSE)):
                await change_another(client, f"Change {number}")
                await asyncio.sleep(PAUSE)

        await asyncio.gather(register(client, case), change())
        await server.kill()


async def restore_older_account(case: Case) -> None:
    """Lose an account with its inverters: the entries are restored from a copy without it."""
    older = case.home.entries_path.read_text()
    async with case.running() as (_, client):
        entry_id = await register(client, case)
        plant = await act(
            client, "create_plant", config_entry_id=entry_id, name="New home", peak_power=5
        )
        await case.bind_to(client, entry_id, plant["plant_id"], *SERIALS[:3])
        await case.written()
        case.expect(await goes(client, "registration_unfinished"), "the registration stays open")
        await asyncio.sleep(SETTLED)
    case.home.entries_path.write_text(older)


async def lost_account(case: Case, lose: Lose, key: str) -> str:
    """Lose an account; a repair of this kind asks to link it, which brings everything back."""
    await lose(case)
    if len(case.home.entries()) != 1:
        raise NotAsClaimedError("Home Assistant had written the account")
    cloud = case.home.simulator.growatt
    plant_id = str(max(cloud.plants))
    async with case.running() as (_, client):
        found = await comes(lambda: repairs(client, key))
        keys = sorted(issue["translation_key"] for issue in await client.issues(DOMAIN))
        case.expect(found, f"no repair {key}, but {keys}")
        await link_the_account(client, case.home.simulator)
        case.expect(await goes(client, key), "the repair stays")
        back = await comes(lambda: _equal(shown(client), case.promised))
        case.expect(back, "its inverters are not back")
        await case.end_associated(client, case.promised, plant_id)
        inverters = len(await shown(client))
    case.expect(len(case.home.simulator.calls.of("user/user_register")) == 1, "created twice")
    return f"repairs: {', '.join(keys) or 'none'}; {inverters} of {len(case.promised)} inverters"


# Inverters that a person removed

KEPT, GONE = SERIALS[:2]


async def removed_while_loaded(case: Case) -> str:
    """Remove one, restart, and in the end restore the entries that still have it."""
    async with case.running() as (_, client):
        await _two(case, client)
        older = case.home.entries_path.read_text()
        await remove(client, GONE)
        await until(lambda: GONE not in case.home.subentries(), "its removal on disk")
    async with case.running() as (_, client):
        await expect_removed(case, client)
        # Whoever restores a copy does so after the removal was settled, not within a moment of it.
        await asyncio.sleep(SETTLED)
    case.home.entries_path.write_text(older)
    async with case.running() as (_, client):
        restored = await comes(lambda: _equal(shown(client), {KEPT, GONE}))
        case.expect(restored, "what was restored is not there")
        await case.end_associated(client, {KEPT, GONE})
    return _outcome(case) + (", there when restored" if restored else ", not even when restored")


async def removed_while_disabled(case: Case) -> str:
    """Remove one while its account is disabled."""
    async with case.running() as (_, client):
        await _two(case, client)
        await _disable(client, "user")
        await remove(client, GONE)
    async with case.running() as (_, client):
        await _disable(client, None)
        await expect_removed(case, client)
    return _outcome(case)


async def _disable(client: HomeAssistantClient, disabled_by: str | None) -> None:
    entry_id = await linked_entry(client)
    await client.command("config_entries/disable", entry_id=entry_id, disabled_by=disabled_by)


async def removed_without_setup(case: Case, outcome: str, state: str) -> str:
    """Remove one while its account's set-up is retried or has failed."""
    async with case.running() as (_, client):
        await _two(case, client)
    async with case.running({"no_setup": {"outcome": outcome}}) as (_, client):
        [entry] = await client.config_entries(DOMAIN)
        if entry["state"] != state:
            raise NotAsClaimedError(f"the account is {entry['state']}")
        await remove(client, GONE)
    async with case.running() as (_, client):
        await expect_removed(case, client)
    return _outcome(case)


async def removed_before_the_kill(case: Case) -> str:
    """Remove one a moment before the kill, when Home Assistant has not written that yet."""
    async with case.running() as (server, client):
        await _two(case, client)
        await asyncio.sleep(SETTLED)
        await remove(client, GONE)
        await asyncio.sleep(MOMENT)
        await server.kill()
    if GONE not in case.home.subentries():
        raise NotAsClaimedError("Home Assistant had written the removal")
    async with case.running() as (_, client):
        await expect_removed(case, client)
    return _outcome(case)


async def _two(case: Case, client: HomeAssistantClient) -> None:
    await case.bind(client, KEPT, GONE)
    await case.written()


async def expect_removed(case: Case, client: HomeAssistantClient) -> None:
    """Expect that only the other one is there, and that no repair names the one removed."""
    await comes(lambda: _equal(shown(client), {KEPT}))
    case.expect(GONE not in await subentries(client), "it is back")
    case.expect(GONE not in named(await client.issues(DOMAIN)), "a repair names it")
    await case.end_associated(client, await shown(client))


def _outcome(case: Case) -> str:
    return "back" if "it is back" in case.problems else "stays away"


# Storage that cannot be written


async def read_only(case: Case, damaged: Callable[[str], str] | None = None) -> str:
    """Start with files of ours that cannot be written, one of them damaged perhaps."""
    home = case.home
    async with case.running() as (_, client):
        entry_id = await linked_entry(client)
        await _link_portal(home, client)
        await case.bind(client, SERIALS[0])
        await case.written()
    if damaged is not None:
        path = home.storage / damaged(entry_id)
        path.write_text(path.read_text()[:-10])
    before = _to_be_stored(home)
    async with case.running(READ_ONLY) as (_, client):
        loaded = await comes(lambda: _all_loaded(client))
        case.expect(loaded, f"the accounts are {await _account_states(client)}")
        refused = await _refused(case, client, SERIALS[1])
        case.expect(refused == "not_stored", f"binding is answered with {refused}")
        await asyncio.sleep(SOON / 6)
        sent = _to_be_stored(home) - before
        case.expect(sent == 0, f"{sent} calls were sent")
        if damaged is None:
            await client.call_service("sick_disk", "heal")
            case.expect(await _refused(case, client, SERIALS[1]) is None, "it stays refused")
    async with case.running() as (_, client):
        case.expect(await comes(lambda: _all_loaded(client)), "not all are loaded afterwards")
        case.expect(
            await comes(lambda: _equal(shown(client), case.promised)), "an inverter is gone"
        )
        await case.end_associated(client, case.promised)
    return (
        f"{'loaded' if loaded else 'not loaded'}, {sent} calls, binding: {refused or 'carried out'}"
    )


def _to_be_stored(home: Home) -> int:
    """Return how many calls arrived, without those of the cheap list, which need no record."""
    return len(home.simulator.calls) - len(home.simulator.calls.of("queryDeviceList"))


async def _link_portal(home: Home, client: HomeAssistantClient) -> None:
    """Link an account of a portal, which has no inverters."""
    home.simulator.portal = "shopxo"
    home.simulator.shopxo.add_user(username="customer", password=PASSWORD[:18])
    home.simulator.shopxo.login_picture = False
    flow = await open_account_dialog(client, "shopxo", home.simulator.url, {})
    await fill(await flow.choose("link"), "link_form", login="customer", password=PASSWORD[:18])
    expect(flow, "create_entry")


async def _account_states(client: HomeAssistantClient) -> list[str]:
    return [str(entry["state"]) for entry in await client.config_entries(DOMAIN)]


async def _all_loaded(client: HomeAssistantClient) -> bool:
    return await _account_states(client) == ["loaded", "loaded"]


async def _refused(case: Case, client: HomeAssistantClient, serial: str) -> str | None:
    """Try to bind an inverter; return with which error that is refused, None if it is not."""
    try:
        await case.bind(client, serial)
    except HomeAssistantApiError as err:
        return str(err.details.get("translation_key", err.code))
    return None


# A token that the cloud no longer accepts


async def revoked(case: Case) -> str:
    """Revoke the token; a check finds out, and a restart remembers."""
    home, serial = case.home, SERIALS[0]
    tokens = home.simulator.growatt.tokens
    async with case.running() as (_, client):
        await case.bind(client, serial)
        await case.accepted()
        await case.end_associated(client, {serial})
        token = tokens.pop(END_USER_TOKEN)
        device_id = await _device(client, serial)
        await act(client, "check_association", device_id=[device_id], timeout=SOON)
        case.expect(await comes(lambda: _asks(client)), "nobody is asked to sign in")
    before = len(home.simulator.calls)
    async with case.running() as (_, client):
        asked = await comes(lambda: _asks(client))
        case.expect(asked, "nobody is asked to sign in after the restart")
        sensor = await entity_id(client, f"{await linked_entry(client)}_connected")
        await asyncio.sleep(SOON / 6)
        connected = (await client.state(sensor))["state"]
        case.expect(connected == "off", f"Connected is {connected}")
        sent = len(home.simulator.calls) - before
        case.expect(sent == 0, f"{sent} calls were sent")
        tokens[END_USER_TOKEN] = token
        if asked:
            await _sign_in(client)
            case.expect(await goes_on(client, sensor), "Connected stays off after signing in")
    return f"{'asked' if asked else 'not asked'} to sign in, Connected: {connected}, {sent} calls"


async def goes_on(client: HomeAssistantClient, sensor: str) -> bool:
    """Wait until a binary sensor is on; say whether that came."""

    async def look() -> bool:
        return bool((await client.state(sensor))["state"] == "on")

    return await comes(look)


async def _device(client: HomeAssistantClient, serial: str) -> str:
    unique_id = f"{serial}_association_status"
    [entity] = [one for one in await client.entities(DOMAIN) if one["unique_id"] == unique_id]
    return str(entity["device_id"])


async def _asks(client: HomeAssistantClient) -> list[str]:
    """Return the ids of the dialogs that ask to sign in again."""
    flows = await client.flows_in_progress(DOMAIN)
    return [str(flow["flow_id"]) for flow in flows if flow["context"]["source"] == "reauth"]


async def _sign_in(client: HomeAssistantClient) -> None:
    """Submit the same token again: the denial may have come from the network."""
    [flow_id] = await _asks(client)
    flow = await client.open_flow(FlowKind.CONFIG, flow_id)
    await fill(flow, "reauth_confirm", token=END_USER_TOKEN)
    if flow.step_id == "link_form":
        await fill(flow, "link_form")
    expect(flow, "abort", "reauth_successful")


SITUATIONS: dict[str, Play] = {
    "inverters: another's entry cannot be written": partial(
        lost_inverters, lose=refuse(UNSERIALIZABLE)
    ),
    "inverters: no room for entries": partial(lost_inverters, lose=refuse(FULL)),
    "inverters: no room for entries, then room": room_again,
    "inverters: entries keep changing": partial(lost_inverters, lose=restless, option="keep"),
    "inverters: older entries restored": partial(lost_inverters, lose=restore_older, option="drop"),
    "account: another's entry cannot be written": partial(
        lost_account, lose=refuse_account(UNSERIALIZABLE), key="registration_unfinished"
    ),
    "account: no room for entries": partial(
        lost_account, lose=refuse_account(FULL), key="registration_unfinished"
    ),
    "account: entries keep changing": partial(
        lost_account, lose=restless_account, key="registration_unfinished"
    ),
    "account: older entries restored": partial(
        lost_account, lose=restore_older_account, key="account_missing"
    ),
    "removed: while loaded": removed_while_loaded,
    "removed: while disabled": removed_while_disabled,
    "removed: while set-up is retried": partial(
        removed_without_setup, outcome="retry", state="setup_retry"
    ),
    "removed: while set-up has failed": partial(
        removed_without_setup, outcome="failed", state="setup_error"
    ),
    "removed: right before the kill": removed_before_the_kill,
    "storage: read-only": read_only,
    "storage: read-only, shared file damaged": partial(read_only, damaged=lambda _entry_id: DOMAIN),
    "storage: read-only, bindings damaged": partial(
        read_only, damaged=lambda entry_id: f"{DOMAIN}.{entry_id}"
    ),
    "token: revoked": revoked,
}


async def prove(situation: str, linked: Path, story: Story) -> Row:
    """Play a situation, and tell what was not as promised."""
    async with new_home(linked) as home:
        case = Case(home)
        try:
            outcome = await SITUATIONS[situation](case)
        except Exception as err:  # noqa: BLE001 - every situation is told, whatever befell it
            outcome = "did not end"
            case.problems.append(f"{type(err).__name__}: {err}")
    for problem in case.problems:
        story.note(f"{situation}: {problem}")
    return situation, outcome, not case.problems


async def _main() -> int:
    story = Story()
    story.step("Prepare a Home Assistant with one linked account")
    async with linked_folder() as linked:
        story.step("Play each situation, two at a time")
        rows = await side_by_side(
            prove(situation, linked, story) for situation in SITUATIONS if chosen(situation)
        )
    return show(story, rows)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
