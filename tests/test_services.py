"""The actions: what they take, answer and refuse."""

import asyncio
from copy import replace
import logging
from typing import Any

from homeassistant.auth.models import User
from homeassistant.config_entries import SOURCE_IMPORT, ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
import voluptuous as vol

from custom_components.growatt_onboarding import services
from custom_components.growatt_onboarding.account.registration import DATA_REGISTRATIONS
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.provider import FieldKind, Offer
from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from custom_components.growatt_onboarding.gateway.ledger import Ledger, Limit
from simulator import INSTALLER_TOKEN, Simulator

from .cloud.spellings import SPELLINGS, Spelling, tells
from .common import (
    NEW_ACCOUNT,
    RESIDENT,
    RESIDENT_PLANT,
    TOLD,
    UNLIMITED,
    act,
    add_account,
    by_serial,
    entries,
    fails,
    full_disk,
    refused,
    until,
)
from .fake_provider import BY_EMAIL, BY_NAME, LOGIN, URL, FakeCloud, add_provider, fake_provider

REGISTER = "user/user_register"
BIND = "device/sn/add"
WITHOUT_PICTURE = replace(BY_NAME, fields=LOGIN.fields)


@pytest.fixture(autouse=True)
async def component(hass: HomeAssistant, cloud: Simulator) -> None:
    """Set the integration up, without any account."""
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, with the installer's token."""
    return await add_account(hass, cloud)


def there(cloud: Simulator, token: str = INSTALLER_TOKEN) -> dict[str, str]:
    """Return what says where an action goes when no account does."""
    return {"server": cloud.url, "token": token}


# What everybody may read


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
async def test_no_secret_gets_into_the_default_log(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture, spell: Spelling
) -> None:
    """Home Assistant logs the error of an action in a script, with the cloud's words in it."""
    action = {"action": f"{DOMAIN}.register_account", "data": {**there(cloud), **NEW_ACCOUNT}}
    assert await async_setup_component(
        hass, "script", {"script": {"go_on": {"sequence": [action]}}}
    )
    secrets = (NEW_ACCOUNT["password"], INSTALLER_TOKEN, NEW_ACCOUNT["password"][3:])
    for secret in secrets:
        cloud.faults.add(REGISTER, kind="code", code=-31337, msg=f"not {spell(secret)}")
        caplog.clear()
        with pytest.raises(HomeAssistantError):
            await hass.services.async_call("script", "go_on", blocking=True)
        assert "-31337" in caplog.text
        for record in caplog.records:
            if record.levelno >= logging.WARNING:
                assert not tells(record.getMessage(), secret)
                assert not tells(repr(record.exc_info), secret)
    assert not cloud.growatt.user_named("alice")
    await hass.services.async_call("script", "go_on", blocking=True)
    assert cloud.growatt.user_named("alice")


async def test_a_fault_of_our_own_tells_no_secret(
    hass: HomeAssistant, cloud: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant logs what nobody caught, with its message."""
    data = {**there(cloud), **NEW_ACCOUNT}

    async def broken(*_: object, **values: object) -> None:
        raise ValueError(f"cannot use {data['password']} and {data['token']}")

    action = {"action": f"{DOMAIN}.register_account", "data": data}
    script = {"script": {"go_on": {"sequence": [action]}}}
    assert await async_setup_component(hass, "script", script)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(services.accounts, "async_register", broken)
        with pytest.raises(HomeAssistantError) as caught:
            await hass.services.async_call("script", "go_on", blocking=True)
    assert caught.value.translation_key == "unknown"
    assert "Unexpected ValueError in the action register_account" in caplog.text
    assert "in broken" in caplog.text
    for secret in (data["password"], data["token"]):
        assert secret not in caplog.text
    await hass.services.async_call("script", "go_on", blocking=True)
    assert cloud.growatt.user_named("alice")


# Who may do what, and with what


ALL = {
    "register_account": {},
    "check_username": {"username": "alice"},
    "list_plants": {},
    "create_plant": {"name": "Roof", "peak_power": 4},
    "bind_device": {"plant_id": "1", "serial_numbers": ["SIM0000001"]},
    "bind_datalogger": {"plant_id": "1", "dataloggers": [{"serial_number": "QMN0000001"}]},
    "check_association": {"device_id": ["x"]},
    "list_accounts": {},
    "link_account": {"account_id": ["101"]},
    "list_devices": {},
    "submit_again": {"serial_numbers": ["SIM0000001"]},
    "move_device": {"serial_numbers": ["SIM0000001"], "plant_id": "1"},
    "remove_device": {"serial_numbers": ["SIM0000001"]},
    "get_captcha": {},
    "send_verification_code": {},
}


def test_the_actions_know_the_fields_of_every_provider() -> None:
    """They name these by themselves, so that no cloud has to be imported to register them."""
    providers = registry.providers()
    register = [field for provider in providers for field in provider.register_fields]
    before_a_code = {FieldKind.EMAIL, FieldKind.PHONE, FieldKind.CAPTCHA}
    assert set(services.accounts.CREDENTIALS) == {
        field.name for provider in providers for field in provider.credential_fields
    }
    assert set(services.accounts.REGISTER_FIELDS) == {field.name for field in register}
    assert set(services.accounts.CODE_FIELDS) == {
        field.name for field in register if field.kind in before_a_code
    }


async def test_these_are_all_actions(hass: HomeAssistant) -> None:
    assert set(hass.services.async_services_for_domain(DOMAIN)) == set(ALL)


@pytest.mark.parametrize("action", ALL)
async def test_only_administrators_may(
    hass: HomeAssistant, cloud: Simulator, hass_read_only_user: User, action: str
) -> None:
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            action,
            ALL[action],
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
            return_response=True,
        )
    assert not cloud.calls


@pytest.mark.parametrize(
    ("action", "data", "words"),
    [
        ("check_username", {}, "username"),
        ("create_plant", {"name": "Roof"}, "peak_power"),
        ("create_plant", {"name": "Roof", "peak_power": 0}, "peak_power"),
        ("create_plant", {"name": "Roof", "peak_power": "much"}, "peak_power"),
        # A thousand, or one and a bit?
        ("create_plant", {"name": "Roof", "peak_power": "1,500"}, "peak_power"),
        ("create_plant", {"peak_power": 4}, "name"),
        ("bind_device", {"serial_numbers": ["SIM0000001"]}, "plant_id"),
        ("bind_device", {"plant_id": "1"}, "serial_numbers"),
        ("bind_device", {"plant_id": "1", "serial_numbers": []}, "serial_numbers"),
        ("bind_device", {**ALL["bind_device"], "timeout": 301}, "timeout"),
        ("bind_device", {**ALL["bind_device"], "timeout": -1}, "timeout"),
        ("bind_datalogger", {"plant_id": "1"}, "dataloggers"),
        ("bind_datalogger", {"plant_id": "1", "dataloggers": []}, "dataloggers"),
        ("bind_datalogger", {"plant_id": "1", "dataloggers": [["QMN0000001"]]}, "dataloggers"),
        ("bind_datalogger", {"plant_id": "1", "dataloggers": {}}, "serial_number"),
        ("bind_datalogger", {**ALL["bind_datalogger"], "timeout": 301}, "timeout"),
        (
            "bind_datalogger",
            {"plant_id": "1", "dataloggers": [{"serial_number": "QMN0000001", "code": "X"}]},
            "code",
        ),
        ("move_device", {"serial_numbers": "SIM0000001"}, "plant_id"),
        ("link_account", {}, "account_id"),
        ("list_devices", {"state": "gone"}, "state"),
        ("list_devices", {"kind": ["battery"]}, "kind"),
        ("register_account", {"provider": "nobody"}, "provider"),
        ("register_account", {"passwort": "x"}, "passwort"),
    ],
)
async def test_data_that_cannot_be_are_named(
    hass: HomeAssistant, cloud: Simulator, action: str, data: dict[str, Any], words: str
) -> None:
    with pytest.raises(vol.Invalid, match=words):
        await act(hass, action, **data)
    assert not cloud.calls


async def test_an_action_without_a_response_works_too(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    await hass.services.async_call(
        DOMAIN, "create_plant", {"name": "Roof", "peak_power": 4}, blocking=True
    )
    assert "Roof" in [plant.name for plant in cloud.growatt.plants.values()]


# register_account


async def test_register_an_account(hass: HomeAssistant, cloud: Simulator) -> None:
    response = await act(hass, "register_account", **there(cloud), **NEW_ACCOUNT, phone=31612345678)
    (entry,) = entries(hass)
    assert response == {
        "account_id": "102",
        "account_name": "alice",
        "activation_pending": False,
        "config_entry_id": entry.entry_id,
    }
    assert entry.source == SOURCE_IMPORT
    assert entry.data["access"] == {"token": INSTALLER_TOKEN}
    assert entry.runtime_data.client.signed_in
    user = cloud.growatt.user_named("alice")
    assert user is not None
    assert user.tel == "31612345678"
    assert not hass.config_entries.subentries.async_progress()
    await until(lambda: not hass.data[DATA_REGISTRATIONS])


async def test_register_an_account_without_an_entry(
    hass: HomeAssistant, cloud: Simulator, hass_storage: dict[str, Any]
) -> None:
    response = await act(
        hass, "register_account", **there(cloud), **NEW_ACCOUNT, create_entry=False
    )
    assert response == {"account_id": "102", "account_name": "alice", "activation_pending": False}
    await until(lambda: not hass.data[DATA_REGISTRATIONS])
    await hass.async_block_till_done()
    assert not entries(hass)
    assert not hass_storage[DOMAIN]["data"]["registrations"]


async def test_register_with_the_credentials_of_an_account(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    response = await act(hass, "register_account", config_entry_id=entry.entry_id, **NEW_ACCOUNT)
    new = hass.config_entries.async_get_entry(response["config_entry_id"])
    assert new is not None
    assert new.data["access"] == entry.data["access"]
    assert new.data["server"] == entry.data["server"]


async def test_two_actions_share_one_registration(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.faults.add(REGISTER, kind="hold", executed=False)
    first = hass.async_create_task(
        act(hass, "register_account", **there(cloud), **NEW_ACCOUNT, create_entry=False)
    )
    await cloud.faults.wait_held()
    second = hass.async_create_task(act(hass, "register_account", **there(cloud), **NEW_ACCOUNT))
    (running,) = hass.data[DATA_REGISTRATIONS].values()
    await until(lambda: running.waiting == 2)
    cloud.faults.release()
    assert "config_entry_id" not in await first
    response = await second
    (entry,) = entries(hass)
    assert response["config_entry_id"] == entry.entry_id
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_stopping_the_action_does_not_stop_the_registration(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    cloud.faults.add(REGISTER, kind="hold")
    task = hass.async_create_task(act(hass, "register_account", **there(cloud), **NEW_ACCOUNT))
    await cloud.faults.wait_held()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cloud.faults.release()
    await until(lambda: entries(hass))
    (entry,) = entries(hass)
    assert entry.data["account_id"] == "102"
    assert len(cloud.calls.of(REGISTER)) == 1


@pytest.mark.parametrize(
    ("left_out", "given", "field"),
    [
        ("username", {}, "username"),
        ("password", {}, "password"),
        ("server", {}, "server"),
        ("token", {}, "token"),
        ("", {"username": "  "}, "username"),
    ],
)
async def test_what_is_missing_is_named(
    hass: HomeAssistant, cloud: Simulator, left_out: str, given: dict[str, str], field: str
) -> None:
    data = {**there(cloud), **NEW_ACCOUNT, **given}
    data.pop(left_out, None)
    told = await refused(hass, "register_account", "required", **data)
    assert told["field"] == field
    assert not cloud.calls.of(REGISTER)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"username": RESIDENT}, "username_taken"),
        ({"country": "XX"}, "invalid_country"),
        ({"installer_code": "WRONG"}, "installer_code_wrong"),
        ({"token": "x" * 32}, "invalid_token"),
        ({"server": "http://openapi.growatt.com"}, "insecure_url"),
    ],
)
async def test_what_the_caller_gave_wrong(
    hass: HomeAssistant, cloud: Simulator, given: dict[str, str], key: str
) -> None:
    data = {**there(cloud), **NEW_ACCOUNT}
    await refused(hass, "register_account", key, **{**data, **given})
    assert not entries(hass)
    assert (await act(hass, "register_account", **data))["account_id"] == "102"


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ({"kind": "code", "code": 10011}, "not_allowed_register"),
        ({"kind": "code", "code": 10012}, "rate_limited"),
        ({"kind": "code", "code": 31337, "msg": "the cloud's own words"}, "unknown_code"),
        ({"kind": "firewall"}, "blocked"),
    ],
)
async def test_what_is_the_clouds_fault(
    hass: HomeAssistant, cloud: Simulator, fault: dict[str, Any], key: str
) -> None:
    cloud.faults.add(REGISTER, **fault)
    data = {**there(cloud), **NEW_ACCOUNT}
    told = await fails(hass, "register_account", key, **data)
    if key == "unknown_code":
        assert told["code"] == "31337"
        assert told["message"] == "the cloud's own words"
    assert not entries(hass)
    assert (await act(hass, "register_account", **data))["account_id"] == "102"


async def test_a_lost_answer_is_believed_late(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.faults.add(REGISTER, kind="cut")
    data = {**there(cloud), **NEW_ACCOUNT}
    await fails(hass, "register_account", "outcome_unknown", **data)
    await asyncio.sleep(905)
    await fails(hass, "register_account", "not_registered", **data)
    assert not entries(hass)
    assert len(cloud.calls.of(REGISTER)) == 1
    assert (await act(hass, "register_account", **data))["account_id"] == "102"


async def test_an_outcome_that_nobody_knows(hass: HomeAssistant, cloud: Simulator) -> None:
    cloud.faults.add(REGISTER, kind="cut_after")
    cloud.faults.add("user/check_user", kind="pass")
    cloud.faults.add("user/check_user", kind="cut")
    data = {**there(cloud), **NEW_ACCOUNT}
    await fails(hass, "register_account", "outcome_unknown", **data)
    assert len(cloud.calls.of(REGISTER)) == 1


async def test_a_stored_token_that_is_not_valid_any_more(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    """It is not the caller's fault, who gave no token."""
    del cloud.growatt.tokens[INSTALLER_TOKEN]
    data = {"config_entry_id": entry.entry_id, **NEW_ACCOUNT}
    await fails(hass, "register_account", "invalid_token", **data)


async def test_nothing_is_sent_when_it_cannot_be_stored(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    # The plants are known, so that the registration is what needs the disk first.
    await act(hass, "check_username", **there(cloud), username="alice")

    data = {**there(cloud), **NEW_ACCOUNT}
    with full_disk():
        await fails(hass, "register_account", "not_stored", **data)
    assert not cloud.calls.of(REGISTER)


async def test_the_form_is_found_by_what_was_given(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = FakeCloud(offer=Offer(register=(BY_EMAIL, WITHOUT_PICTURE)))
    await use_portal(hass, monkeypatch, portal)
    data = {"provider": "fake", "server": URL, "create_entry": False}
    person = {"username": "alice", "password": "Not-a-real-password-1"}

    response = await act(hass, "register_account", **data, **person)
    assert response["account_name"] == "alice"
    told = await refused(hass, "register_account", "required", **data, **person, form="link")
    assert told["field"] == "email"
    response = await act(
        hass, "register_account", **data, **person, form="link", email="a@example.com", code="1"
    )
    assert response["account_name"] == "a@example.com"
    assert portal.registered == [
        person,
        {"email": "a@example.com", "code": "1", "password": "Not-a-real-password-1"},
    ]
    await refused(
        hass, "register_account", "nothing_offered", **data, **person, form="no_such_form"
    )


async def use_portal(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, portal: FakeCloud
) -> None:
    """Add one more provider, and register the actions anew with its fields."""
    from custom_components.growatt_onboarding.services import (  # noqa: PLC0415
        async_setup_services,
    )

    hass.data[DATA_TIMING] = UNLIMITED
    add_provider(monkeypatch, fake_provider(portal))
    async_setup_services(hass)


# Which account


async def test_an_account_and_a_server_contradict(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    for given in ({"server": cloud.url}, {"token": INSTALLER_TOKEN}, {"provider": "growatt"}):
        told = await refused(
            hass,
            "check_username",
            "account_or_server",
            config_entry_id=entry.entry_id,
            username="alice",
            **given,
        )
        assert told == {"field": next(iter(given))}


async def test_an_account_that_is_none(hass: HomeAssistant, cloud: Simulator) -> None:
    for action, data in (("check_username", {"username": "alice"}), ("register_account", {})):
        await refused(hass, action, "account_not_found", config_entry_id="nobody", **data)


async def test_which_of_several_accounts(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    assert len((await act(hass, "list_plants"))["plants"]) == 1
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    other = await add_account(hass, cloud, account_id=str(bob.user_id), name="bob")
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "list_plants")
    assert caught.value.translation_key == "service_found_multiple_config_entry_for_domain"
    assert (await act(hass, "list_plants", config_entry_id=other.entry_id)) == {"plants": []}

    await hass.config_entries.async_unload(other.entry_id)
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "list_plants", config_entry_id=other.entry_id)
    assert caught.value.translation_key == "service_config_entry_not_loaded"


async def test_an_account_whose_id_is_not_known(hass: HomeAssistant, cloud: Simulator) -> None:
    await add_account(hass, cloud, account_id=None)
    for action in ("list_plants", "create_plant", "bind_device", "bind_datalogger"):
        told = await refused(hass, action, "not_signed_in", **ALL[action])
        assert told == {"account": RESIDENT}
    assert not cloud.calls


async def test_a_cloud_that_cannot(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = FakeCloud(offer=Offer(register=(WITHOUT_PICTURE,)))
    await use_portal(hass, monkeypatch, portal)
    told = await refused(
        hass, "check_username", "not_supported", provider="fake", server=URL, username="alice"
    )
    assert told == {"account": URL}

    data = {"provider": "fake", "server": URL, "username": "alice", "password": "Not-real-1"}
    await act(hass, "register_account", **data, form="register")
    for action in ("list_plants", "create_plant", "bind_device", "bind_datalogger"):
        told = await refused(hass, action, "not_supported", **ALL[action])
        assert told == {"account": "alice"}


# check_username


async def test_check_a_username(hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry) -> None:
    assert await act(hass, "check_username", **there(cloud), username="alice") == {
        "username": "alice",
        "available": True,
    }
    assert await act(hass, "check_username", config_entry_id=entry.entry_id, username=RESIDENT) == {
        "username": RESIDENT,
        "available": False,
    }
    told = await refused(hass, "check_username", "required", **there(cloud), username=" ")
    assert told["field"] == "username"


@pytest.mark.parametrize("action", ["check_association", "submit_again", "remove_device"])
async def test_what_an_action_is_for_has_to_be_said(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, action: str
) -> None:
    told = await refused(hass, action, "required")
    assert "device_id" in told["field"]
    assert not cloud.calls


# Plants


async def test_list_and_create_plants(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    created = await act(hass, "create_plant", name="Roof", peak_power=4.2)
    assert created == {"plant_id": "20002", "name": "Roof"}
    assert await act(hass, "list_plants") == {
        "plants": [{"plant_id": RESIDENT_PLANT, "name": "Sim Home"}, created]
    }


@pytest.mark.parametrize(("typed", "kwp"), [("6,4", 6.4), (" 10 ", 10), (0.5, 0.5)])
async def test_a_peak_power_with_a_decimal_comma(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, typed: str | float, kwp: float
) -> None:
    await act(hass, "create_plant", name="Roof", peak_power=typed)
    (call,) = cloud.calls.of("plant/add")
    assert float(call.params["peak_power"]) == kwp


async def test_a_plant_that_cannot_be_created(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    data = {"name": "Sim Home", "peak_power": 4}
    told = await refused(hass, "create_plant", "plant_name_taken", **data)
    assert told["field"] == "name"
    await refused(hass, "create_plant", "plant_name_empty", name=" ", peak_power=4)
    cloud.faults.add("plant/add", kind="code", code=10005)
    data = {"name": "Roof", "peak_power": 4}
    await fails(hass, "create_plant", "account_missing", **data)
    cloud.faults.add("plant/add", kind="cut")
    for _ in range(2):
        await fails(hass, "create_plant", "plant_outcome_unknown", **data)
    assert len(cloud.calls.of("plant/add")) == 3
    await asyncio.sleep(905)
    assert (await act(hass, "create_plant", **data))["name"] == "Roof"


async def test_plants_that_cannot_be_listed(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.faults.add("plant/list", kind="http_500")
    told = await fails(hass, "list_plants", "server_error")
    assert told["status"] == "500"


async def test_a_list_that_may_not_be_asked_for_yet_says_when(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "limit", lambda _ledger, _pace: Limit(300))
    cloud.faults.add("plant/list", kind="code", code=10012)
    told = await fails(hass, "list_plants", "rate_limited")
    assert told["minutes"] == "5"


# bind_device


def states(response: dict[str, Any]) -> dict[str, str]:
    return {result["serial_number"]: result["state"] for result in response["results"]}


async def test_one_bad_serial_number_does_not_stop_the_others(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    theirs = cloud.growatt.add_plant(bob.user_id, "Theirs")
    other = await add_account(hass, cloud, account_id=str(bob.user_id), name="bob")
    cloud.growatt.add_device("GOOD000001")
    cloud.growatt.add_device("HERE000001", plant_id=int(RESIDENT_PLANT))
    cloud.growatt.add_device("THEIRS0001", plant_id=theirs.plant_id)
    cloud.growatt.add_device("TRACKED001")
    cloud.growatt.add_device("NOSTICK001", datalogger_sn="")
    await act(
        hass,
        "bind_device",
        config_entry_id=other.entry_id,
        plant_id=str(theirs.plant_id),
        serial_numbers="TRACKED001",
    )

    response = await act(
        hass,
        "bind_device",
        config_entry_id=entry.entry_id,
        plant_id=f" {RESIDENT_PLANT} ",
        serial_numbers=[
            "x!",
            "tracked001",
            "SN: good 000001",
            "1. GOOD000001",
            "GOOD000001 SPH5000",
            "UNKNOWN001, QMN000GOOD000001",
            "NOSTICK001",
            "HERE000001",
            "THEIRS0001",
        ],
    )

    assert states(response) == {
        "x!": "invalid",
        "TRACKED001": "already_tracked",
        "GOOD000001": "accepted",
        "GOOD000001 + SPH5000": "invalid",
        "UNKNOWN001": "rejected",
        "QMN000GOOD000001": "rejected",
        "NOSTICK001": "rejected",
        "HERE000001": "associated",
        "THEIRS0001": "conflict",
    }
    results = by_serial(response, "tracked_state", "repeated")
    assert list(results) == list(states(response))
    assert [serial for serial in results if results[serial]["repeated"]] == ["GOOD000001"]
    empty = {**dict.fromkeys(TOLD), "tracked": False, "pending": False}
    assert results["x!"] == {
        **empty,
        "serial_number": "x!",
        "state": "invalid",
        "tracked_state": None,
        "repeated": False,
        "reason": "serial_invalid",
        "explanation": "Not a serial number: x!. Enter the letters and digits printed on the"
        " device's label, and nothing else.",
    }
    accepted = results["GOOD000001"]
    assert (accepted["tracked"], accepted["pending"]) == (True, True)
    nothing = {name for name, value in accepted.items() if value is None}
    holder = {"held_by", "held_by_plant_id"}
    assert nothing == {"tracked_state", "reason", "explanation", "message", *holder}
    assert (accepted["plant_id"], accepted["plant"]) == (RESIDENT_PLANT, f"ID {RESIDENT_PLANT}")
    assert (accepted["account"], accepted["config_entry_id"]) == (entry.title, entry.entry_id)
    known = results["TRACKED001"]
    assert (known["tracked"], known["tracked_state"]) == (True, "accepted")
    assert (known["account"], known["plant_id"]) == ("bob", str(theirs.plant_id))
    assert known["reason"] == "tracked_in_account"
    assert (
        f"account bob, plant ID {theirs.plant_id}, status Waiting for the inverter."
        in known["explanation"]
    )
    held = results["THEIRS0001"]
    assert held["reason"] == "held_by_account"
    assert held["held_by"] == "Theirs (bob)"
    assert "in the plant Theirs of the account bob." in held["explanation"]
    assert results["UNKNOWN001"]["reason"] == "serial_rejected"
    assert "serial number is wrong" in results["UNKNOWN001"]["message"]
    assert results["QMN000GOOD000001"]["reason"] == "datalogger_serial"
    assert results["NOSTICK001"]["reason"] == "datalogger_missing"
    assert not results["NOSTICK001"]["pending"]
    assert {str(sub.unique_id) for sub in entry.subentries.values()} == {
        "GOOD000001",
        "UNKNOWN001",
        "QMN000GOOD000001",
        "NOSTICK001",
        "HERE000001",
        "THEIRS0001",
    }


async def test_nothing_new_is_answered_at_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    response = await act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers=["x"])
    assert states(response) == {"x": "invalid"}
    assert not cloud.calls


async def test_what_cannot_be_a_plant_is_refused_before_anything_is_stored(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    data = {"plant_id": "Home", "serial_numbers": ["SIM0000001"]}
    await refused(hass, "bind_device", "plant_not_found", **data)
    assert not entry.subentries
    cloud.growatt.add_device("SIM0000001")
    response = await act(hass, "bind_device", **{**data, "plant_id": RESIDENT_PLANT})
    assert states(response) == {"SIM0000001": "accepted"}


async def test_a_plant_of_somebody_else(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    bob = cloud.growatt.add_user("bob", "bob@example.com")
    theirs = cloud.growatt.add_plant(bob.user_id, "Theirs")
    cloud.growatt.add_device("SIM0000001")
    response = await act(
        hass, "bind_device", plant_id=str(theirs.plant_id), serial_numbers="SIM0000001"
    )
    (result,) = response["results"]
    assert (result["state"], result["reason"]) == ("rejected", "plant_missing")


async def test_an_immediate_answer(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="hold")
    response = await act(
        hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers="SIM0000001", timeout=0
    )
    (state,) = states(response).values()
    assert state in ("queued", "unconfirmed")
    assert response["results"][0]["pending"]
    await cloud.faults.wait_held()
    cloud.faults.release()
    coordinator = entry.runtime_data.coordinator
    await until(lambda: coordinator.data["SIM0000001"].state == "accepted")


async def test_a_thousand_at_once_are_the_most(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    many = [f"SIM{number:07}" for number in range(1001)]
    told = await refused(
        hass, "bind_device", "serials_too_many", plant_id=RESIDENT_PLANT, serial_numbers=many
    )
    assert told == {"count": "1001", "most": "1000"}
    assert not entry.subentries
    await refused(
        hass, "bind_device", "serials_empty", plant_id=RESIDENT_PLANT, serial_numbers=[" ", ","]
    )
    assert not cloud.calls


async def test_two_actions_at_once_track_each_serial_number_once(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    serials = [f"SIM{number:07}" for number in range(4)]
    for serial in serials:
        cloud.growatt.add_device(serial)
    first, second = await asyncio.gather(
        act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers=serials[:3]),
        act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers=serials[1:]),
    )
    assert states(first) == dict.fromkeys(serials[:3], "accepted")
    assert states(second) == {
        **dict.fromkeys(serials[1:3], "already_tracked"),
        serials[3]: "accepted",
    }
    assert sorted(call.params["sn"] for call in cloud.calls.of(BIND)) == serials
    assert len(entry.subentries) == 4


async def test_inverters_that_cannot_be_stored(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    data = {"plant_id": RESIDENT_PLANT, "serial_numbers": "SIM0000001"}
    with full_disk():
        await fails(hass, "bind_device", "not_stored", **data)
    assert not entry.subentries
    assert not cloud.calls


async def test_an_inverter_removed_while_the_action_waits(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    cloud.growatt.add_device("SIM0000001")
    cloud.faults.add(BIND, kind="hold")
    task = hass.async_create_task(
        act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers="SIM0000001")
    )
    await cloud.faults.wait_held()
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    cloud.faults.release()
    (result,) = (await task)["results"]
    assert (result["state"], result["tracked"], result["reason"]) == ("removed", False, None)


# check_association


def device_of(hass: HomeAssistant, entry: ConfigEntry, identifier: str) -> str:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    (device,) = [one for one in devices if (DOMAIN, identifier) in one.identifiers]
    return device.id


async def test_check_the_association(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    for serial in ("SIM0000001", "SIM0000002"):
        cloud.growatt.add_device(serial)
    await act(hass, "bind_device", plant_id=RESIDENT_PLANT, serial_numbers="SIM0000001, SIM0000002")
    await hass.async_block_till_done()
    cloud.growatt.bring_online("SIM0000001")
    devices = [
        device_of(hass, entry, serial) for serial in ("SIM0000001", "SIM0000002", "SIM0000001")
    ]
    response = await act(hass, "check_association", device_id=devices)
    assert states(response) == {"SIM0000001": "associated", "SIM0000002": "accepted"}
    assert [result["pending"] for result in response["results"]] == [False, True]
    assert len(cloud.calls.of("device/list")) == 1


async def test_a_device_that_is_no_inverter(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    devices = [device_of(hass, entry, entry.entry_id), "nothing"]
    (account, nothing) = (await act(hass, "check_association", device_id=devices))["results"]
    assert account["reason"] == nothing["reason"] == "not_a_device"
    assert account["explanation"].startswith(f"Growatt {RESIDENT} is neither an inverter nor")
    assert nothing["explanation"].startswith("nothing is neither an inverter nor")
    assert not account["asked"]
