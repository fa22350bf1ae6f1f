"""What the tests of the integration itself share."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE, SOURCE_USER, ConfigEntry
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.growatt_onboarding as integration
from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import Field
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN, SUBENTRY_INVERTER
from custom_components.growatt_onboarding.flows.forms import MORE, OWN_ADDRESS
from custom_components.growatt_onboarding.gateway.store import DurableStore
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from simulator.quectel import USER_DOMAIN

from .escaped import as_read
from .fake_provider import URL, FakeCloud, add_provider, fake_provider

# No pauses between calls: the limits have tests of their own.
UNLIMITED = Timing(call_gap=0, slow_cooldown=0, quick_cooldown=0, margin=0)

# The one end user that every simulator has, with a plant and a token of its own.
RESIDENT = "sim-resident"
RESIDENT_ID = "101"
RESIDENT_PLANT = "20001"

# What a person types to register. Obviously no real secrets.
NEW_ACCOUNT = {
    "username": "alice",
    "password": "Not-a-real-password-1",
    "email": "alice@example.com",
    "country": "NL",
}
# Every text that must never be seen outside a request's body or header.
SECRETS = (NEW_ACCOUNT["password"], INSTALLER_TOKEN, END_USER_TOKEN)

# Seconds that only what hangs takes, in simulated time and in real time alike.
HANGS = 300

type Result = dict[str, Any]
type Fault = dict[str, Any]


# Accounts


async def add_account(
    hass: HomeAssistant,
    simulator: Simulator,
    *,
    token: str = INSTALLER_TOKEN,
    account_id: str | None = RESIDENT_ID,
    name: str = RESIDENT,
    provider: str = "growatt",
    entry_id: str | None = None,
    **account: Any,
) -> MockConfigEntry:
    """Set up the entry of an account that the simulator has."""
    account = {"session": {}, **account}
    described = registry.provider(provider)
    credentials = described.credentials({CONF_TOKEN: token, "user_domain": USER_DOMAIN})
    entry = account_entry(
        Target(provider=described, url=simulator.url, credentials=credentials),
        Account(id=account_id, name=name, **account),
        entry_id,
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


def account_entry(target: Target, account: Account, entry_id: str | None = None) -> MockConfigEntry:
    """Return the entry that the dialog would make."""
    return MockConfigEntry(
        domain=DOMAIN,
        entry_id=entry_id,
        title=account.name,
        unique_id=target.unique_id(account),
        data=target.entry_data(account),
    )


def count_setups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the ids of the entries that are set up from now on."""
    seen: list[str] = []
    original = integration.async_setup_entry

    async def counting(hass: HomeAssistant, entry: Any) -> bool:
        seen.append(entry.entry_id)
        return await original(hass, entry)

    monkeypatch.setattr(integration, "async_setup_entry", counting)
    return seen


def entries(hass: HomeAssistant) -> list[ConfigEntry]:
    """Return the accounts that Home Assistant has."""
    return hass.config_entries.async_entries(DOMAIN)


async def add_fake_account(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    cloud: FakeCloud,
    *,
    plant_id_field: Field | None = None,
    signed_in: bool = True,
) -> MockConfigEntry:
    """Set up the entry of an account of a provider that is known by its description only."""
    hass.data[DATA_TIMING] = UNLIMITED
    add_provider(monkeypatch, fake_provider(cloud, plant_id_field=plant_id_field))
    target = Target(provider=registry.provider("fake"), url=URL, credentials={})
    session = {"token": "fake"} if signed_in else None
    entry = account_entry(target, Account(id="7", name="alice", session=session))
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def track(entry: ConfigEntry, *serials: str, plant_id: str = RESIDENT_PLANT) -> None:
    """Have an account track inverters, and wait until the cloud has answered."""
    coordinator = entry.runtime_data.coordinator
    await coordinator.async_track(serials, plant_id)
    await coordinator.async_wait_for_answers(serials, HANGS)


async def associate(cloud: Simulator, entry: ConfigEntry, serial: str) -> None:
    """Have an inverter that an account tracks come online and be found."""
    coordinator = entry.runtime_data.coordinator
    cloud.growatt.bring_online(serial)
    coordinator.async_check([serial])
    await until(lambda: coordinator.data[serial].state == "associated")


# What goes wrong in the cloud


def code(number: int) -> Fault:
    """Have the cloud answer with a result code."""
    return {"kind": "code", "code": number, "msg": "the cloud's own words"}


def kind(name: str, **options: Any) -> Fault:
    """Have the cloud fail in this way."""
    return {"kind": name, **options}


# Dialogs


async def open_dialog(hass: HomeAssistant, provider: str = "growatt") -> Result:
    """Open the account dialog at the form for the server of a provider's group."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    group = registry.group_of(provider)
    result = await submit(hass, result, next_step_id=group)
    assert result["step_id"] == group
    assert not result["errors"]
    return result


def own_address(url: str) -> dict[str, str]:
    """Return what is filled in, in two forms, for a server that is none of the known ones."""
    return {"server": OWN_ADDRESS, "address": url}


async def open_at(
    hass: HomeAssistant, simulator: Simulator, step: str, token: str = INSTALLER_TOKEN
) -> Result:
    """Open the account dialog and go on to `register` or `link`."""
    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address(simulator.url), token=token)
    return await go_to(hass, result, step)


async def go_to(hass: HomeAssistant, result: Result, step: str) -> Result:
    """Go on to `register` or `link` from what is offered for the credentials.

    Where there is nothing to link, that is what is returned.
    """
    assert result["type"] is FlowResultType.MENU, result["errors"]
    ways = ("use_account", "link_form", "link") if step == "link" else (step,)
    way = next((way for way in ways if way in result["menu_options"]), None)
    return result if way is None else await submit(hass, result, next_step_id=way)


async def submit(hass: HomeAssistant, result: Result, **answers: Any) -> Result:
    """Fill in the form that a dialog shows and follow it past its progress.

    An address beside a list of servers is asked for in a form of its own.
    """
    if result["step_id"] == "address":
        return await follow(hass, await send(hass, result, address=answers["address"]))
    address = answers.pop("address") if answers.get("server") == OWN_ADDRESS else None
    result = await follow(hass, await send(hass, result, **answers))
    if address is not None and result["type"] is FlowResultType.FORM and not result["errors"]:
        result = await follow(hass, await send(hass, result, address=address))
    return result


async def send(hass: HomeAssistant, result: Result, **answers: Any) -> Result:
    """Fill in the form that a dialog shows, with its sections."""
    for name, inner in _sections(result).items():
        if given := {key: answers.pop(key) for key in inner if key in answers}:
            answers[name] = given
    return await _manager(hass, result).async_configure(result["flow_id"], answers)


def _sections(result: Result) -> dict[str, dict[str, Any]]:
    """Return what the sections of a form ask for: the selectors by field, by section."""
    schema = result.get("data_schema")
    return {
        str(name): {str(marker): selector for marker, selector in inner.schema.schema.items()}
        for name, inner in (schema.schema.items() if schema is not None else ())
        if isinstance(inner, section)
    }


def fields_of(result: Result) -> list[str]:
    """Return the fields of the form that a dialog shows, in order; a section with its fields."""
    inner = _sections(result)
    return [
        f"{name}: {', '.join(inner[name])}" if name in inner else name
        for name in map(str, result["data_schema"].schema)
    ]


def is_closed(result: Result, name: str = MORE) -> bool:
    """Return whether a section of a form is closed."""
    return bool(result["data_schema"].schema[name].options["collapsed"])


async def follow(hass: HomeAssistant, result: Result) -> Result:
    """Return what a dialog shows once its progress is over."""
    async with asyncio.timeout(HANGS):
        while result["type"] is FlowResultType.SHOW_PROGRESS:
            await hass.async_block_till_done()
            result = await _manager(hass, result).async_configure(result["flow_id"])
    return result


def shown_values(result: Result) -> dict[str, str]:
    """Return the values in what a dialog shows, as they are read."""
    return as_read(result["description_placeholders"])


def close(hass: HomeAssistant, result: Result) -> None:
    """Close a dialog, as the front end does when the person leaves it."""
    _manager(hass, result).async_abort(result["flow_id"])


async def open_inverters(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the inverter dialog of an account."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_INVERTER), context={"source": SOURCE_USER}
    )


async def open_reauth(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the dialog that asks to sign in again, as a notification would."""
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    (flow,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


async def open_reconfigure(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    """Open the dialog that changes an account."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )


def _manager(hass: HomeAssistant, result: Result) -> Any:
    of_subentry = isinstance(result["handler"], tuple)
    return hass.config_entries.subentries if of_subentry else hass.config_entries.flow


def suggested(result: Result) -> dict[str, Any]:
    """Return what the form of a dialog is filled in with already."""
    schema = result["data_schema"].schema
    inner = (found.schema.schema for found in schema.values() if isinstance(found, section))
    return {
        str(marker): marker.description["suggested_value"]
        for marker in chain(schema, *inner)
        if (marker.description or {}).get("suggested_value") is not None
    }


def entered(result: Result) -> dict[str, Any]:
    """Return what stands in a device's form, but for what stands there before anybody types."""
    return {
        name: value for name, value in suggested(result).items() if name not in {"have", "plant_id"}
    }


def plant_options(result: Result) -> dict[str, str]:
    """Return the plants that a form offers, by id."""
    options = result["data_schema"].schema["plant_id"].config["options"]
    return {option["value"]: option["label"] for option in options}


# Actions


async def act(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Perform an action and return its response."""
    response = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    assert response is not None
    return response


# Everything that is told of a serial number, by every action, in this order.
TOLD = (
    *("serial_number", "state", "tracked", "pending", "kind", "config_entry_id", "account"),
    *("plant_id", "plant", "reason", "explanation", "message", "held_by"),
    *("held_by_plant_id", "submitted", "last_check", "next_check"),
)


def by_serial(response: dict[str, Any], *more: str) -> dict[str, dict[str, Any]]:
    """Return an action's results by serial number, all of one shape: with `more` beside `TOLD`."""
    results = response.get("results", response.get("devices"))
    assert results is not None
    for result in results:
        assert set(result) == {*TOLD, *more}
    found = {result["serial_number"]: result for result in results}
    assert len(found) == len(results)
    return found


async def refused(hass: HomeAssistant, action: str, key: str, **data: Any) -> dict[str, str]:
    """Perform an action that is its caller's mistake; return the values in the error's text."""
    return await _raises(hass, action, key, data, of_caller=True)


async def fails(hass: HomeAssistant, action: str, key: str, **data: Any) -> dict[str, str]:
    """Perform an action that fails by nobody's mistake; return the values in the error's text."""
    return await _raises(hass, action, key, data, of_caller=False)


async def _raises(
    hass: HomeAssistant, action: str, key: str, data: dict[str, Any], *, of_caller: bool
) -> dict[str, str]:
    with pytest.raises(HomeAssistantError) as caught:
        await act(hass, action, **data)
    assert isinstance(caught.value, ServiceValidationError) is of_caller
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == key
    for secret in SECRETS:
        assert secret not in repr(caught.value)
        assert secret not in repr(caught.value.__cause__)
    return dict(caught.value.translation_placeholders or {})


# The disk

# What the store of the whole integration holds when there is nothing to hold.
NOTHING_STORED: dict[str, Any] = {
    "ledgers": {},
    "registrations": {},
    "lost_at": None,
    "clock": {"boot_id": None, "since_boot": 0.0, "now": 0.0, "wall": 0.0},
}


@contextmanager
def full_disk() -> Iterator[None]:
    """Have every store of ours fail to reach the disk."""

    async def full(_store: DurableStore, _data: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DurableStore, "_async_write_data", full)
        yield


# Waiting


async def until(condition: Callable[[], object]) -> None:
    """Return when a condition holds; TimeoutError when it never does."""
    async with asyncio.timeout(HANGS):
        # What is waited for sets no event.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def unique_id(realm: str, account: str) -> str:
    """Return an entry's unique id: no address in it, and no name."""
    return f"{sha256(realm.encode()).hexdigest()[:16]}_{account}"


def name_in_unique_id(name: str) -> str:
    """Return what stands for the id of an account whose id nobody knows."""
    return sha256(name.encode()).hexdigest()[:16]
