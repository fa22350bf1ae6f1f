"""The dialogs, repairs, devices and errors when all that others chose is meant to do harm.

The watch over all tests (`words_watch.py`) looks at everything that is shown here.
"""

from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_ADDRESS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.selector import SelectSelector
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    CloudError,
    NoAnswerError,
    RejectedError,
    UnreachableError,
)
from custom_components.growatt_onboarding.cloud.model import (
    Account,
    Plant,
    Sighting,
    SightingPage,
)
from custom_components.growatt_onboarding.cloud.provider import Capability, Offer
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.foreign import LONGEST_NAME, LONGEST_TEXT, plain

from .common import (
    UNLIMITED,
    add_fake_account,
    fails,
    follow,
    open_dialog,
    open_inverters,
    open_reauth,
    open_reconfigure,
    refused,
    send,
    shown_values,
    submit,
    until,
)
from .escaped import live_marks, read
from .fake_provider import BY_NAME, LOGIN, URL, FakeClient, FakeCloud, add_provider, fake_provider

PASSWORD = "Not-a-real-password-1"
SN = "SIM0000001"
# No field takes control characters or marks of direction, but a cloud may send them.
TYPED = (
    "**You are signed out.** [Sign in](http://evil.example) ![](http://evil.example/p.png)"
    " # www.evil.example - me@evil.example <img src=http://evil.example> `x` | ~~y~~ &lt;"
)
HOSTILE = f"{TYPED}\n# www.evil.example\n- me@evil.example\u202e\x07\u2028{'z' * 10_000}"
TEXT = plain(HOSTILE, LONGEST_TEXT)
NAME = plain(HOSTILE)
MESSAGE = {"code": "7", "message": HOSTILE}
BIND = frozenset({Capability.BIND, Capability.PLANTS, Capability.CREATE_PLANT})

pytestmark = pytest.mark.usefixtures("hass_storage")


@pytest.fixture
def portal(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """Return a cloud whose plants have such names."""
    hass.data[DATA_TIMING] = UNLIMITED
    plants = tuple(Plant(id=f"{number}{HOSTILE}", name=HOSTILE) for number in range(2))
    portal = FakeCloud(capabilities=BIND, plants=plants)
    add_provider(monkeypatch, fake_provider(portal))
    return portal


@pytest.fixture
async def entry(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, portal: FakeCloud
) -> ConfigEntry:
    """Return an account that somebody gave such a name."""
    assert await async_setup_component(hass, "repairs", {})
    entry = await add_fake_account(hass, monkeypatch, portal)
    hass.config_entries.async_update_entry(entry, title=HOSTILE)
    await hass.async_block_till_done()
    return entry


async def open_portal(hass: HomeAssistant) -> dict[str, Any]:
    return await open_dialog(hass, "fake")


def labels(result: dict[str, Any]) -> list[str]:
    selector = next(
        field
        for field in result["data_schema"].schema.values()
        if isinstance(field, SelectSelector)
    )
    return [option["label"] for option in selector.config["options"]]


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    return [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]


def manager(hass: HomeAssistant) -> Any:
    found = repairs_flow_manager(hass)
    assert found is not None
    return found


# The account dialog


async def test_linking_an_account(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(link=(LOGIN,))
    portal.fail("test", RejectedError(placeholders=MESSAGE))
    result = await submit(hass, await open_portal(hass), address=URL)
    assert result["description_placeholders"]["message"] == TEXT

    result = await submit(hass, result, address=URL)
    portal.passwords[TYPED] = PASSWORD
    portal.others = (
        Account(id=f"1{HOSTILE}", name=f"1{HOSTILE}", plant=HOSTILE),
        Account(id="2", name="2"),
    )
    result = await submit(hass, result, username=TYPED, password=PASSWORD)
    assert result["step_id"] == "choose_account"
    assert labels(result) == [
        f"{NAME} ({plain(f'id of {TYPED}')})",
        f"{NAME} ({plain(f'1{HOSTILE}')})",
        "2",
    ]
    result = await submit(hass, result, account_id=f"id of {TYPED}")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.title == NAME
    # What the account is known by stays as the cloud says it.
    assert entry.data["account_name"] == TYPED
    assert entry.data["account_id"] == f"id of {TYPED}"
    await hass.async_block_till_done()
    device = dr.async_get(hass).async_get(entry.runtime_data.devices.account_id)
    assert device is not None
    assert device.name == plain(f"Fake {HOSTILE}")


async def test_registering_an_account(hass: HomeAssistant, portal: FakeCloud) -> None:
    portal.offer = Offer(register=(BY_NAME,), link=(LOGIN,))
    result = await submit(hass, await open_portal(hass), address=URL)
    result = await submit(hass, result, next_step_id="register")
    portal.fail("register", NoAnswerError())
    given = {"username": TYPED, "password": PASSWORD, "captcha": "x"}
    progress = await send(hass, result, **given)
    # The work has its repair on disk by now.
    (issue,) = issues(hass)
    assert read((issue.translation_placeholders or {})["name"]) == "**Y…"
    result = await follow(hass, progress)
    assert result["step_id"] == "outcome_unknown"
    assert shown_values(result) == {"name": TYPED, "server": URL}


async def test_an_account_that_waits(
    hass: HomeAssistant, portal: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    portal.offer = Offer(register=(BY_NAME,), link=(LOGIN,))
    portal.pending = True
    result = await submit(hass, await open_portal(hass), address=URL)
    result = await submit(hass, result, next_step_id="register")
    given = {"username": TYPED, "password": PASSWORD, "captcha": "x"}
    result = await submit(hass, result, **given)
    assert result["title"] == NAME
    await hass.async_block_till_done()
    (issue,) = (one for one in issues(hass) if one.translation_key == "activation_pending")
    values = issue.translation_placeholders or {}
    assert values["plain_account"] == NAME
    assert read(values["account"]) == NAME
    repair = await manager(hass).async_init(DOMAIN, data={"issue_id": issue.issue_id})
    assert shown_values(repair)["account"] == NAME


async def test_signing_in_again(hass: HomeAssistant, portal: FakeCloud, entry: ConfigEntry) -> None:
    portal.offer = Offer(link=(LOGIN,))
    result = await open_reauth(hass, entry)
    assert shown_values(result)["name"] == TEXT
    result = await submit(hass, result, site_secret="Not-a-real-secret-1")
    portal.passwords[TYPED] = PASSWORD
    portal.others = tuple(Account(id=str(number), name=HOSTILE) for number in range(4))
    result = await submit(hass, result, username=TYPED, password=PASSWORD)
    assert result["errors"] == {"base": "wrong_account"}
    assert result["description_placeholders"]["expected"] == TEXT
    # One long name hides no other.
    assert result["description_placeholders"]["found"] == f"{NAME}, {NAME}, {NAME}, … (5)"


async def test_another_server(hass: HomeAssistant, portal: FakeCloud, entry: ConfigEntry) -> None:
    result = await open_reconfigure(hass, entry)
    assert result["step_id"] == "new_access_portal"
    assert shown_values(result) == {"name": TEXT, "server": URL}
    result = await submit(hass, result, **{CONF_ADDRESS: TYPED})
    assert result["errors"] == {CONF_ADDRESS: "invalid_url"}


# The inverter dialog


async def test_adding_inverters(hass: HomeAssistant, portal: FakeCloud, entry: ConfigEntry) -> None:
    result = await open_inverters(hass, entry)
    assert shown_values(result)["account"] == TEXT
    first, second = (plain(plant.id) for plant in portal.plants)
    assert labels(result) == [f"{NAME} ({first})", f"{NAME} ({second})", "new_plant"]

    result = await submit(hass, result, serial_numbers=SN, plant_id="new_plant")
    portal.fail("create_plant", NoAnswerError())
    portal.fail("plants", UnreachableError())
    result = await submit(hass, result, name=TYPED, peak_power="1")
    assert result["errors"] == {"base": "plant_outcome_unknown"}
    assert result["description_placeholders"]["name"] == TYPED

    chosen = {"plant_id": portal.plants[0].id}
    result = await submit(hass, await open_inverters(hass, entry), serial_numbers=TYPED, **chosen)
    assert result["errors"] == {"serial_numbers": "serial_invalid"}
    assert "evil.example" in result["description_placeholders"]["serials"]

    portal.fail("bind", RejectedError(placeholders=MESSAGE))
    result = await submit(hass, result, serial_numbers=SN, **chosen)
    told = result["description_placeholders"]["results"]
    # Only the list, its bold beginning and the links are ours.
    assert live_marks(told) == list("-**:**[](////).[](//)")
    assert read(told).startswith(f"- **Refused:** [{SN}](/config/devices/device/")
    assert f"({TEXT[:1000]}" in read(told)
    assert "\n" not in told


async def test_an_account_that_is_gone(
    hass: HomeAssistant, portal: FakeCloud, entry: ConfigEntry
) -> None:
    result = await open_inverters(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, result, serial_numbers=SN)
    assert result["reason"] == "not_loaded"
    assert shown_values(result) == {"account": TEXT}


# A repair, a device


async def test_an_inverter(
    hass: HomeAssistant,
    portal: FakeCloud,
    entry: ConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coordinator = entry.runtime_data.coordinator
    portal.fail("bind", RejectedError("no_text_for_this", placeholders=MESSAGE))
    await coordinator.async_track([SN], portal.plants[0].id)
    await until(lambda: coordinator.data[SN].state == "rejected")
    await hass.async_block_till_done()
    (issue,) = issues(hass)
    values = issue.translation_placeholders or {}
    assert read(values["reason"]) == TEXT
    assert read(values["account"]) == TEXT
    assert values["plain_account"] == TEXT

    repairs = manager(hass)
    result = await repairs.async_init(DOMAIN, data={"issue_id": issue.issue_id})
    assert shown_values(result)["reason"] == TEXT
    portal.fail("plants", CloudError("no_text_for_this", placeholders=MESSAGE))
    chosen = {"next_step_id": "choose_plant"}
    failed = await repairs.async_configure(result["flow_id"], chosen)
    assert shown_values(failed) == {"problem": TEXT}

    result = await repairs.async_init(DOMAIN, data={"issue_id": issue.issue_id})
    result = await repairs.async_configure(result["flow_id"], chosen)
    assert [label[: len(NAME)] for label in labels(result)] == [NAME, NAME]

    async def sightings(_self: FakeClient, plant_id: str, *_: object) -> SightingPage:
        return SightingPage(
            (Sighting(SN, plant_id, model=HOSTILE, datalogger=HOSTILE, online=True),)
        )

    monkeypatch.setattr(FakeClient, "sightings", sightings)
    result = await repairs.async_configure(result["flow_id"], {"plant_id": portal.plants[1].id})
    await until(lambda: coordinator.data[SN].state == "associated")
    await hass.async_block_till_done()
    state = hass.states.get(f"sensor.{SN.lower()}_status")
    assert state is not None
    assert state.attributes["datalogger"] == NAME
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, SN), entry.entry_id)
    assert device is not None
    assert device.model == NAME
    assert len(NAME) == LONGEST_NAME + 1
    # A person can give it such a name, too.
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title=HOSTILE)
    await hass.config_entries.async_reload(entry.entry_id)
    device = dr.async_get(hass).async_get(device.id)
    assert device is not None
    assert device.name == NAME
    coordinator = entry.runtime_data.coordinator
    # What is stored is what the cloud said.
    assert coordinator.data[SN].model == HOSTILE


# Actions


async def test_errors_of_actions(
    hass: HomeAssistant, portal: FakeCloud, entry: ConfigEntry
) -> None:
    account = {"config_entry_id": entry.entry_id}
    portal.fail("plants", RejectedError(placeholders=MESSAGE))
    assert (await fails(hass, "list_plants", "rejected", **account))["message"] == TEXT
    portal.fail("plants", AccessDeniedError())
    await fails(hass, "list_plants", "invalid_token", **account)
    assert await refused(hass, "list_plants", "not_signed_in", **account) == {"account": TEXT}
