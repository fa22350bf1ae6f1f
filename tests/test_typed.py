"""What is typed into a dialog or given to an action: what came along unseen has no effect."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import INSTALLER_TOKEN, Simulator

from .common import (
    NEW_ACCOUNT,
    RESIDENT_PLANT,
    SECRETS,
    act,
    add_account,
    entries,
    open_at,
    open_dialog,
    open_inverters,
    own_address,
    refused,
    submit,
)

REGISTER = "user/user_register"
ADD_PLANT = "plant/add"
UNSEEN = "\ufeff\u200b\u00ad\u202a\u2060\u200d"
# Names that are others, or none, without their joiners.
PERSIAN = "\u062e\u0627\u0646\u0647\u200c\u0627\u06cc"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    return await add_account(hass, cloud)


def hidden(text: str) -> str:
    """Return a text as it may be copied."""
    return f" {UNSEEN}{text[:2]}{UNSEEN}{text[2:]}{UNSEEN}\n"


async def register(hass: HomeAssistant, cloud: Simulator, how: str, **typed: str) -> None:
    """Create an account in the dialog or by the action."""
    if how == "dialog":
        result = await submit(hass, await open_at(hass, cloud, "register"), **typed)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result["errors"]
    else:
        where = {"server": cloud.url, "token": INSTALLER_TOKEN}
        await act(hass, "register_account", **where, **typed)


both = pytest.mark.parametrize("how", ["dialog", "action"])


@both
async def test_an_account_is_made_of_what_can_be_seen(
    hass: HomeAssistant, cloud: Simulator, how: str
) -> None:
    """There is no second try: an account cannot be deleted from here."""
    typed = {"username": "alice", "email": "alice@example.com", "installer_code": "SIM01"}
    copied = {name: hidden(text) for name, text in typed.items()}
    await register(hass, cloud, how, **{**NEW_ACCOUNT, **copied, "phone": hidden("+31 6 1234")})
    user = cloud.growatt.user_named("alice")
    assert user is not None
    assert (user.email, user.agent_code, user.tel) == ("alice@example.com", "SIM01", "3161234")
    (entry,) = entries(hass)
    assert (entry.title, entry.data["account_name"]) == ("alice", "alice")


@both
@pytest.mark.parametrize("name", [PERSIAN, FAMILY])
async def test_an_account_whose_answer_was_lost_is_found_by_its_name(
    hass: HomeAssistant, cloud: Simulator, how: str, name: str
) -> None:
    cloud.faults.add(REGISTER, kind="cut_after")
    await register(hass, cloud, how, **{**NEW_ACCOUNT, "username": f"{name}\u200b"})
    assert cloud.growatt.user_named(name) is not None
    (entry,) = entries(hass)
    assert (entry.title, entry.data["account_id"]) == (name, "102")


@both
@pytest.mark.parametrize("name", [PERSIAN, FAMILY])
async def test_a_plant_whose_answer_was_lost_is_found_by_its_name(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, how: str, name: str
) -> None:
    cloud.faults.add(ADD_PLANT, kind="cut_after")
    typed = f"{UNSEEN}{name} 1 "
    if how == "dialog":
        result = await open_inverters(hass, entry)
        result = await submit(hass, result, serial_numbers="SIM0000001", plant_id="new_plant")
        result = await submit(hass, result, name=typed, peak_power=f"{UNSEEN}4,2")
        assert result["type"] is FlowResultType.ABORT, result["errors"]
    else:
        created = await act(hass, "create_plant", name=typed, peak_power=4.2)
        assert created["name"] == f"{name} 1"
    assert cloud.growatt.plants[20002].name == f"{name} 1"


@both
async def test_a_serial_number_is_what_can_be_seen(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, how: str
) -> None:
    for serial in ("SIM0000001", "SIM0000002"):
        cloud.growatt.add_device(serial)
    typed = (
        f"{hidden('SIM0000001')}\u2028\uff33\uff29\uff2d\uff10\uff10\uff10\uff10\uff10\uff10\uff12"
    )
    if how == "dialog":
        result = await submit(hass, await open_inverters(hass, entry), serial_numbers=typed)
        assert result["reason"] == "waiting"
    else:
        plant = hidden(RESIDENT_PLANT)
        response = await act(hass, "bind_device", plant_id=plant, serial_numbers=typed)
        assert [result["state"] for result in response["results"]] == ["accepted"] * 2
    assert {sub.unique_id for sub in entry.subentries.values()} == {"SIM0000001", "SIM0000002"}


async def test_a_serial_number_that_only_looks_right_says_what_is_wrong(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    shown = "\u0410BC0000001 (U+0410 CYRILLIC CAPITAL LETTER A)"
    response = await act(
        hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers="\u0410BC0000001"
    )
    (result,) = response["results"]
    assert (result["serial_number"], result["state"]) == (shown, "invalid")
    assert shown in result["explanation"]
    assert not entry.subentries


async def test_server_and_token_are_what_can_be_seen(hass: HomeAssistant, cloud: Simulator) -> None:
    access = {"address": hidden(cloud.url), "token": hidden(INSTALLER_TOKEN)}
    result = await submit(hass, await open_dialog(hass), **{**own_address(""), **access})
    assert result["step_id"] == "one_account", result["errors"]
    response = await act(
        hass,
        "check_username",
        server=hidden(cloud.url),
        token=hidden(INSTALLER_TOKEN),
        username=hidden("alice"),
    )
    assert response == {"username": "alice", "available": True}


async def test_what_cannot_be_left_out_is_named(hass: HomeAssistant, cloud: Simulator) -> None:
    """A password is not changed; whoever made an account with it could not sign in elsewhere."""
    for name, typed, char in (
        ("password", f"{NEW_ACCOUNT['password']}\u200b", "U+200B ZERO WIDTH SPACE"),
        ("username", "al\tice", "U+0009 TAB"),
        ("email", f"{PERSIAN}@example.com", "U+200C ZERO WIDTH NON-JOINER"),
    ):
        account = {**NEW_ACCOUNT, name: typed}
        result = await submit(hass, await open_at(hass, cloud, "register"), **account)
        assert result["errors"] == {name: "invalid_characters"}
        assert result["description_placeholders"]["characters"] == char
        where = {"server": cloud.url, "token": INSTALLER_TOKEN}
        told = await refused(hass, "register_account", "invalid_characters", **where, **account)
        assert (told["field"], told["characters"]) == (name, char)
        assert not any(secret in str(told) for secret in SECRETS)
        hass.config_entries.flow.async_abort(result["flow_id"])
    assert not cloud.calls.of(REGISTER)
    await register(hass, cloud, "dialog", **NEW_ACCOUNT)
