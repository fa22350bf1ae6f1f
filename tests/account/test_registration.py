"""Creating an account without ever losing it or creating it twice."""

import asyncio
import gc
from typing import Any

from homeassistant.config_entries import SOURCE_IMPORT
from homeassistant.const import CONF_TOKEN
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.account import Target, registration
from custom_components.growatt_onboarding.account.records import async_get_records
from custom_components.growatt_onboarding.account.registration import (
    DATA_REGISTRATIONS,
    ISSUE_UNFINISHED,
)
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.growatt import REGISTER as FORM
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import CloudClient, Form
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.gateway import DATA_SHARED, async_get_shared_data
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from tests.common import (
    NEW_ACCOUNT,
    NOTHING_STORED,
    RESIDENT_ID,
    SECRETS,
    UNLIMITED,
    account_entry,
    act,
    close,
    entries,
    fails,
    follow,
    full_disk,
    open_at,
    open_dialog,
    own_address,
    send,
    submit,
    suggested,
    until,
)
from tests.escaped import as_read

REGISTER = "user/user_register"
CHECK = "user/check_user"


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    return [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]


def pending(hass_storage: dict[str, Any]) -> list[dict[str, Any]]:
    return list(
        hass_storage.get(DOMAIN, {"data": {"registrations": {}}})["data"]["registrations"].values()
    )


async def settled(hass: HomeAssistant) -> None:
    """Return when no registration is under way or waits for anything."""
    await until(lambda: not hass.data.get(DATA_REGISTRATIONS))
    saved = (await async_get_records(hass)).saved
    await until(lambda: saved.up_to_date or not entries(hass))
    await hass.async_block_till_done()


async def begin(hass: HomeAssistant, cloud: Simulator, *, executed: bool = True) -> dict[str, Any]:
    """Return the dialog while the cloud keeps the registration, or only its answer."""
    cloud.faults.add(REGISTER, kind="hold", executed=executed)
    result = await send(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "registering"
    await cloud.faults.wait_held()
    return result


# The dialog and the registration


async def test_the_dialog_makes_the_entry(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    result = await begin(hass, cloud)
    cloud.faults.release()
    result = await follow(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].source == "user"
    await settled(hass)
    assert not pending(hass_storage)
    assert not issues(hass)
    assert len(entries(hass)) == 1


async def test_closing_the_dialog_while_the_request_is_under_way(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    close(hass, await begin(hass, cloud))
    await hass.async_block_till_done()
    assert not entries(hass)

    cloud.faults.release()
    await until(lambda: entries(hass))
    await settled(hass)
    (entry,) = entries(hass)
    assert entry.source == SOURCE_IMPORT
    assert entry.title == "alice"
    assert entry.data["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1
    assert not pending(hass_storage)
    # Nobody is there to go on to the inverters.
    await hass.async_block_till_done()
    assert not hass.config_entries.subentries.async_progress()
    assert not hass.config_entries.flow.async_progress()


async def test_closing_the_dialog_right_after_the_request(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await send(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    (running,) = hass.data[DATA_REGISTRATIONS].values()
    account = await running.task
    close(hass, result)
    await until(lambda: entries(hass))
    await settled(hass)
    (entry,) = entries(hass)
    assert entry.data["account_id"] == account.id
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_a_dialog_that_does_not_go_on_is_not_waited_for_for_ever(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await begin(hass, cloud)
    (running,) = hass.data[DATA_REGISTRATIONS].values()
    # Somebody else waits too, so that the dialog is not the one to go on.
    running.waiting += 1
    cloud.faults.release()
    await settled(hass)
    assert len(entries(hass)) == 1
    result = await follow(hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_a_second_dialog_joins_the_registration_under_way(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    first = await begin(hass, cloud, executed=False)
    second = await send(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert second["type"] is FlowResultType.SHOW_PROGRESS

    # One of the two goes away; the other still makes the entry.
    close(hass, first)
    cloud.faults.release()
    second = await follow(hass, second)
    assert second["type"] is FlowResultType.CREATE_ENTRY
    assert len(cloud.calls.of(REGISTER)) == 1
    await settled(hass)
    assert len(entries(hass)) == 1


async def test_a_registration_that_failed_is_not_joined(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.faults.add(REGISTER, kind="code", code=10001)
    target = Target(
        provider=registry.provider("growatt"),
        url=cloud.url,
        credentials={CONF_TOKEN: INSTALLER_TOKEN},
    )
    first = await registration.async_register(hass, target, FORM, NEW_ACCOUNT)
    joined: list[asyncio.Task[registration.Registration]] = []

    def join(_: object) -> None:
        # Right away, before anybody else has heard of the failure.
        again = registration.async_register(hass, target, FORM, NEW_ACCOUNT)
        joined.append(hass.async_create_task(again))

    first.task.add_done_callback(join)
    await until(lambda: joined)
    assert first.failed
    second = await joined[0]
    assert second is not first
    assert (await second.task).id == "102"
    second.release()
    await settled(hass)
    assert len(entries(hass)) == 1


async def by_number(hass: HomeAssistant, cloud: Simulator) -> tuple[Target, CloudClient, Form]:
    """Return how to register with a phone number, on a site that asks for no picture."""
    cloud.shopxo.code_picture = False
    target = Target(provider=registry.provider("shopxo"), url=cloud.url, credentials={})
    client = target.client(await async_get_shared_data(hass))
    (form,) = [form for form in (await client.test()).register if form.key == "sms"]
    return target, client, form


async def test_a_number_is_one_account_however_it_is_written(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    target, client, form = await by_number(hass, cloud)
    number = "13800138000"
    await client.send_code(form, {"phone": number})
    values = {"password": "Not-real-1", "code": cloud.mailbox[-1].code}
    cloud.faults.add("api.php", kind="hold", match={"s": "user/reg"})
    first = await registration.async_register(hass, target, form, {**values, "phone": number})
    await cloud.faults.wait_held()
    ((key, kept),) = hass_storage[DOMAIN]["data"]["registrations"].items()
    assert key.endswith(f"|{number}")
    assert kept["account_name"] == number
    written = {**values, "phone": "138-0013 8000"}
    second = await registration.async_register(hass, target, form, written)
    assert second is first
    cloud.faults.release()
    assert (await first.task).name == number
    first.release()
    second.release()
    await settled(hass)
    assert [entry.title for entry in entries(hass)] == [number]


async def test_a_number_is_pending_in_one_spelling(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    target, _, form = await by_number(hass, cloud)
    cloud.faults.add("api.php", kind="cut", match={"s": "user/reg"})
    cloud.faults.add("api.php", kind="http_500", match={"s": "base/common"})
    values = {"phone": "138-0013 8000", "password": "Not-real-1", "code": "1234"}
    lost = await registration.async_register(hass, target, form, values)
    with pytest.raises(registration.OutcomeUnknownError):
        await lost.task
    lost.release()
    ((key, kept),) = hass_storage[DOMAIN]["data"]["registrations"].items()
    assert (key.rpartition("|")[2], kept["account_name"]) == ("13800138000", "13800138000")


async def test_an_error_that_no_cloud_raises_is_not_hidden(
    hass: HomeAssistant,
    cloud: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = await open_at(hass, cloud, "register")

    async def broken(*_: object, **__: object) -> Account:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(
        "custom_components.growatt_onboarding.cloud.growatt.GrowattClient.register", broken
    )
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert (result["step_id"], result["errors"]) == ("register_form", {"base": "unknown"})
    assert suggested(result) == NEW_ACCOUNT
    assert "Unexpected RuntimeError" in caplog.text
    # Nobody can tell what it did: the repair stays.
    assert len(issues(hass)) == 1


# The pending registration


async def test_the_registration_is_on_disk_as_pending_before_the_request_leaves(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    seen: list[dict[str, Any]] = []
    cloud.growatt.add_user = _watching(  # type: ignore[method-assign]
        cloud.growatt.add_user, lambda: seen.append(dict(hass_storage[DOMAIN]["data"]))
    )
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    ((kept,),) = [list(data["registrations"].values()) for data in seen]
    assert kept["provider"] == "growatt"
    assert kept["server"] == cloud.url
    assert kept["account_name"] == "alice"
    for secret in (*SECRETS, NEW_ACCOUNT["email"]):
        assert secret not in str(seen)


def _watching(original: Any, look: Any) -> Any:
    def watched(*args: Any, **kwargs: Any) -> Any:
        look()
        return original(*args, **kwargs)

    return watched


async def test_the_repair_is_on_disk_before_the_request_leaves(
    hass: HomeAssistant,
    cloud: Simulator,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store[Any](hass, 1, ir.STORAGE_KEY)
    monkeypatch.setattr(ir.async_get(hass), "_store", store)
    result = await begin(hass, cloud)
    (stored,) = hass_storage[ir.STORAGE_KEY]["data"]["issues"]
    assert stored["domain"] == DOMAIN
    assert stored["is_persistent"]
    # Home Assistant puts it into diagnostics.
    assert as_read(stored["translation_placeholders"]) == {"name": "al…", "server": "http://…"}
    for secret in (*SECRETS, NEW_ACCOUNT["email"]):
        assert secret not in str(hass_storage[ir.STORAGE_KEY])
    cloud.faults.release()
    await follow(hass, result)


class LaterStore:
    """A store as a later Home Assistant may have it: without the way that we take."""

    def async_delay_save(self, *_: object) -> None:
        """Store in a while."""


class FailingStore(LaterStore):
    """A store whose write fails."""

    async def async_save(self, _data: object) -> None:
        raise OSError("no space left")


@pytest.mark.parametrize("store", [LaterStore(), FailingStore()], ids=["gone", "failing"])
async def test_an_account_is_created_where_repairs_cannot_be_stored_at_once(
    hass: HomeAssistant,
    cloud: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    store: LaterStore,
) -> None:
    monkeypatch.setattr(ir.async_get(hass), "_store", store)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "Repairs could not be stored at once" in caplog.text
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not issues(hass)


@pytest.mark.parametrize("why", ["full", "stopping"])
async def test_nothing_is_sent_that_cannot_be_written_down(
    hass: HomeAssistant, cloud: Simulator, why: str
) -> None:
    result = await open_at(hass, cloud, "register")
    if why == "full":
        with full_disk():
            result = await submit(hass, result, **NEW_ACCOUNT)
    else:
        hass.set_state(CoreState.stopping)
        result = await submit(hass, result, **NEW_ACCOUNT)
        hass.set_state(CoreState.running)
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "not_stored"}
    assert suggested(result) == NEW_ACCOUNT
    assert not cloud.calls.of(REGISTER)
    assert not issues(hass)

    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_pending_registration_that_cannot_be_dropped_does_no_harm(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    result = await begin(hass, cloud)
    with full_disk():
        cloud.faults.release()
        result = await follow(hass, result)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await settled(hass)
    assert len(pending(hass_storage)) == 1
    assert not issues(hass)


@pytest.mark.parametrize("fault", [("code", 10001), ("firewall", 0)])
async def test_a_refusal_drops_the_pending_registration(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any], fault: tuple[str, int]
) -> None:
    cloud.faults.add(REGISTER, kind=fault[0], code=fault[1])
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["errors"]
    assert not pending(hass_storage)
    assert not issues(hass)


# What a crash leaves


LATER = "of a later version"


async def crashed(
    hass_storage: dict[str, Any], url: str, provider: str = "growatt", started_at: float = 1.0
) -> None:
    """Leave what Home Assistant leaves when it is killed during a registration."""
    key = f"{provider}|{url}||alice"
    kept = {"provider": provider, "server": url, "account_name": "alice", "started_at": started_at}
    if provider == LATER:
        kept["of a later version too"] = "kept"
    hass_storage[DOMAIN] = {
        "version": 1,
        "minor_version": 1,
        "key": DOMAIN,
        "data": {**NOTHING_STORED, "registrations": {key: kept}},
    }


async def test_a_crash_leaves_a_repair_that_linking_ends(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    await crashed(hass_storage, cloud.url)
    cloud.growatt.add_user("alice", "alice@example.com")
    assert await async_setup_component(hass, DOMAIN, {})
    (issue,) = issues(hass)
    assert issue.issue_id.startswith(ISSUE_UNFINISHED)
    assert issue.translation_key == ISSUE_UNFINISHED
    assert as_read(issue.translation_placeholders) == {"name": "al…", "server": "http://…"}
    assert issue.is_persistent
    assert issue.learn_more_url is not None
    assert issue.learn_more_url.endswith(f"?domain={DOMAIN}")

    result = await open_at(hass, cloud, "link")
    assert len(issues(hass)) == 1
    result = await submit(hass, result, account_id="102")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settled(hass)
    assert not issues(hass)
    assert not pending(hass_storage)


async def test_a_crash_leaves_a_repair_that_ends_when_the_account_was_never_created(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    await crashed(hass_storage, cloud.url)
    result = await open_dialog(hass)
    assert len(issues(hass)) == 1
    # The cloud cannot tell at first.
    cloud.faults.add(CHECK, kind="http_500")
    close(hass, await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN))
    assert len(issues(hass)) == 1

    result = await open_at(hass, cloud, "register")
    assert not issues(hass)
    assert not pending(hass_storage)
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_what_a_later_version_left_keeps_nothing_from_starting(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    await crashed(hass_storage, cloud.url, provider=LATER)
    assert await async_setup_component(hass, DOMAIN, {})
    (issue,) = issues(hass)
    assert issue.translation_key == "registration_unknown_provider"
    assert issue.learn_more_url is None
    # It stays for that version.
    (kept,) = pending(hass_storage)
    await (await async_get_shared_data(hass)).async_save()
    assert pending(hass_storage) == [kept]


async def test_the_cloud_of_a_pending_registration_is_loaded(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its repair names the server; a later import would hold Home Assistant up."""
    monkeypatch.setattr(registry, "_LOADED", {})
    await crashed(hass_storage, "https://portal.example", provider="shopxo")
    await async_get_shared_data(hass)
    assert [key for key in registry.PROVIDER_KEYS if registry.is_loaded(key)] == ["shopxo"]


async def test_what_a_crash_left_in_another_realm_stays(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    await crashed(hass_storage, "https://elsewhere.example")
    await open_at(hass, cloud, "link")
    assert len(issues(hass)) == 1
    assert len(cloud.calls.of(CHECK)) == 0


async def test_a_token_that_tells_no_name_ends_the_repair_too(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    """The account is called by its id then; made later in the same realm, it is the one."""
    await crashed(hass_storage, cloud.url)
    cloud.growatt.add_user("alice", "alice@example.com")
    assert await async_setup_component(hass, DOMAIN, {})
    assert len(issues(hass)) == 1
    result = await open_at(hass, cloud, "link", token=END_USER_TOKEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"Sim Home ({RESIDENT_ID})"
    await settled(hass)
    assert not issues(hass)
    assert not pending(hass_storage)


async def test_a_pending_registration_whose_account_is_here_is_dropped_at_the_start(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    await crashed(hass_storage, cloud.url)
    target = Target(
        provider=registry.provider("growatt"),
        url=cloud.url,
        credentials={CONF_TOKEN: INSTALLER_TOKEN},
    )
    account_entry(target, Account(id="102", name="Alice", session={})).add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await settled(hass)
    assert not issues(hass)
    assert not pending(hass_storage)


async def test_a_repair_whose_pending_registration_is_gone_goes_too(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """Home Assistant was killed after it dropped what was pending, before it stored the repairs.

    Not where what is pending cannot be read: it may be the last trace of a new account.
    """
    for issue in (f"{ISSUE_UNFINISHED}_0123456789abcdef", "something_else"):
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=ISSUE_UNFINISHED,
        )
    shared = await async_get_shared_data(hass)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shared._store, "damaged", True)
        assert await async_setup_component(hass, DOMAIN, {})
    assert len(issues(hass)) == 2
    await registration.async_review_pending(hass, shared)
    assert [issue.issue_id for issue in issues(hass)] == ["something_else"]


async def test_an_unknown_outcome_leaves_the_repair(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    cloud.faults.add(REGISTER, kind="cut_after")
    cloud.faults.add(CHECK, kind="pass")
    cloud.faults.add(CHECK, kind="http_500")
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["step_id"] == "outcome_unknown"
    close(hass, result)
    assert len(issues(hass)) == 1
    assert len(pending(hass_storage)) == 1
    assert not entries(hass)

    # The dialog opened again: the account is there and is linked.
    result = await open_at(hass, cloud, "link")
    result = await submit(hass, result, account_id="102")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settled(hass)
    assert not issues(hass)


# What a lost answer leaves


async def lose(hass: HomeAssistant, cloud: Simulator, **fault: Any) -> dict[str, Any]:
    """Return the dialog after the answer was lost, while nothing is created yet."""
    cloud.faults.add(REGISTER, **fault)
    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["step_id"] == "outcome_unknown"
    assert len(pending_now(hass)) == len(issues(hass)) == 1
    assert cloud.growatt.user_named("alice") is None
    return result


def pending_now(hass: HomeAssistant) -> dict[str, Any]:
    return hass.data[DATA_SHARED].pending_registrations


@pytest.mark.parametrize("seconds", [25, 100, 890])
async def test_an_account_that_comes_late_gets_its_entry(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any], seconds: float
) -> None:
    """A server that hangs creates it when it wakes, after our first look."""
    close(hass, await lose(hass, cloud, kind="late", seconds=seconds))
    await until_late(lambda: entries(hass))
    await settled(hass)
    (entry,) = entries(hass)
    assert (entry.title, entry.data["account_id"]) == ("alice", "102")
    assert not issues(hass)
    assert not pending(hass_storage)
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_who_submits_again_while_nothing_is_known_has_us_look_again(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await lose(hass, cloud, kind="late", seconds=28)
    result = await submit(hass, result, next_step_id="register_form")
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["step_id"] == "outcome_unknown"
    await until(lambda: cloud.growatt.user_named("alice"))
    result = await submit(hass, result, next_step_id="register_form")
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settled(hass)
    assert not issues(hass)
    assert [entry.source for entry in entries(hass)] == ["user"]
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_who_submits_again_as_a_look_ends_keeps_us_looking(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    """The next look is under way by then, and knows as little."""
    close(hass, await lose(hass, cloud, kind="late", seconds=100))
    (registered,) = hass.data[DATA_REGISTRATIONS].values()
    cloud.faults.add(CHECK, kind="hold")
    await cloud.faults.wait_held(seconds=60)
    registered.task.add_done_callback(lambda _: registered.look_again())
    cloud.faults.release()
    await until_late(lambda: entries(hass))
    await settled(hass)
    assert not issues(hass)


async def test_who_submits_again_once_the_account_was_linked_and_removed(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    result = await lose(hass, cloud, kind="late", seconds=25)
    await until(lambda: cloud.growatt.user_named("alice"))
    await submit(hass, await open_at(hass, cloud, "link"), account_id="102")
    await until(lambda: not pending_now(hass))
    await hass.config_entries.async_remove(entries(hass)[0].entry_id)
    cloud.faults.add(CHECK, kind="cut")
    result = await submit(hass, result, next_step_id="register_form")
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["step_id"] == "outcome_unknown"
    close(hass, result)
    await settled(hass)
    # What a task raised and nobody took is told as it is forgotten.
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_an_action_looks_again_too(hass: HomeAssistant, cloud: Simulator) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    cloud.faults.add(REGISTER, kind="late", seconds=28)
    data = {"server": cloud.url, "token": INSTALLER_TOKEN, **NEW_ACCOUNT}
    for _ in range(2):
        await fails(hass, "register_account", "outcome_unknown", **data)
    await until(lambda: cloud.growatt.user_named("alice"))
    assert (await act(hass, "register_account", **data))["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1


@pytest.mark.parametrize("fault", ["cut", "hang", "garbage", "http_500"])
async def test_no_account_is_only_believed_once_no_server_still_works_on_it(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any], fault: str
) -> None:
    close(hass, await lose(hass, cloud, kind=fault))
    began = cloud.now()
    # A cloud that cannot be asked for a while proves nothing either.
    cloud.faults.add(CHECK, kind="cut", times=3)
    await until_late(lambda: not pending_now(hass))
    assert cloud.now() - began > 850
    await settled(hass)
    assert not pending(hass_storage)
    (issue,) = issues(hass)
    assert issue.translation_key == "registration_not_created"
    assert as_read(issue.translation_placeholders) == {"name": "al…", "server": "http://…"}
    assert issue.learn_more_url is not None

    result = await submit(hass, await open_at(hass, cloud, "register"), **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settled(hass)
    assert not issues(hass)


async def test_who_waits_in_the_dialog_is_told_there(hass: HomeAssistant, cloud: Simulator) -> None:
    result = await lose(hass, cloud, kind="cut")
    # The look that comes at 930 s has not been made yet.
    await asyncio.sleep(905)
    result = await submit(hass, result, next_step_id="register_form")
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["step_id"] == "register_form"
    assert result["errors"] == {"base": "not_registered"}
    assert suggested(result) == NEW_ACCOUNT
    await settled(hass)
    assert not issues(hass)
    result = await submit(hass, result, **NEW_ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_account_linked_meanwhile_is_not_added_twice(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await lose(hass, cloud, kind="late", seconds=25)
    await until(lambda: cloud.growatt.user_named("alice"))
    result = await submit(hass, result, next_step_id="link")
    result = await submit(hass, result, account_id="102")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await asyncio.sleep(4_000)
    await settled(hass)
    assert len(entries(hass)) == 1
    assert not issues(hass)


async def test_who_cannot_be_asked_for_an_hour_is_asked_no_longer(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    close(hass, await lose(hass, cloud, kind="cut"))
    cloud.faults.add(CHECK, kind="cut", times=None)
    await asyncio.sleep(9_000)
    await settled(hass)
    asked = len(cloud.calls.of(CHECK))
    assert asked < 12
    await asyncio.sleep(90_000)
    assert len(cloud.calls.of(CHECK)) == asked
    assert len(pending(hass_storage)) == 1
    assert [issue.translation_key for issue in issues(hass)] == [ISSUE_UNFINISHED]


async def test_a_note_of_something_recent_outlives_a_no(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    """After a restart too, no account yet proves nothing while it may be on its way."""
    await crashed(hass_storage, cloud.url, started_at=cloud.now() - 300)
    await open_at(hass, cloud, "register")
    assert len(issues(hass)) == 1
    assert len(pending(hass_storage)) == 1
    await asyncio.sleep(601)
    await open_at(hass, cloud, "register")
    assert not issues(hass)
    assert not pending(hass_storage)


@pytest.mark.parametrize("created", [True, False])
async def test_after_a_start_a_portal_is_asked_once(
    hass: HomeAssistant,
    cloud: Simulator,
    hass_storage: dict[str, Any],
    created: bool,  # noqa: FBT001
) -> None:
    """Where it takes no credentials, and as late as before."""
    if created:
        cloud.shopxo.add_user(username="alice")
    await crashed(hass_storage, cloud.url, provider="shopxo", started_at=cloud.now() - 300)
    assert await async_setup_component(hass, DOMAIN, {})
    await asyncio.sleep(590)
    assert not cloud.calls.of("api.php")
    await asyncio.sleep(60)
    await hass.async_block_till_done()
    assert cloud.calls.of("api.php")
    assert len(pending(hass_storage)) == created
    expected = ISSUE_UNFINISHED if created else "registration_not_created"
    assert [issue.translation_key for issue in issues(hass)] == [expected]


async def until_late(condition: Any) -> None:
    """Return when a condition holds, as late as that may be."""
    async with asyncio.timeout(4_000):
        # What is waited for sets no event.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(1)


async def test_a_registration_under_way_is_left_alone_by_other_dialogs(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    result = await begin(hass, cloud)
    close(hass, await open_at(hass, cloud, "link"))
    assert len(pending(hass_storage)) == 1
    assert len(issues(hass)) == 1
    cloud.faults.release()
    await follow(hass, result)


async def test_the_pending_registrations_of_a_store_are_read(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    hass.data[DATA_TIMING] = UNLIMITED
    await crashed(hass_storage, "https://openapi.growatt.com")
    shared = await async_get_shared_data(hass)
    assert [kept.account_name for kept in shared.pending_registrations.values()] == ["alice"]
