"""The account dialog: choosing the cloud and its server, and leaving it at any time."""

import asyncio
from typing import Any

from aiohttp.resolver import AbstractResolver
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.const import DATA_TIMING, DOMAIN
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator

from .common import (
    Fault,
    act,
    add_account,
    close,
    code,
    entries,
    fails,
    kind,
    open_at,
    open_dialog,
    own_address,
    refused,
    send,
    shown_values,
    submit,
    suggested,
)

PLANTS = "plant/list"


# Which cloud, which server


async def test_the_clouds_words_stand_beside_ours(hass: HomeAssistant, cloud: Simulator) -> None:
    """Codes lie: a message that names another host means the wrong server, whatever the code."""
    typed = {**own_address(cloud.url), "token": INSTALLER_TOKEN}
    cloud.faults.add(PLANTS, kind="code", code=10002, msg="error_useTrueHostToSet")
    result = await submit(hass, await open_dialog(hass), **typed)
    assert result["errors"] == {"address": "wrong_server"}
    assert shown_values(result)["said"] == "(10002: error_useTrueHostToSet)"
    cloud.faults.add(PLANTS, kind="code", code=10001, msg="time format is incorrect")
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"base": "system_error"}
    assert shown_values(result)["said"] == "(10001: time format is incorrect)"
    result = await submit(hass, result, **{**typed, "token": "x"})
    assert "said" not in shown_values(result) or not shown_values(result)["said"]

    entry = await add_account(hass, cloud)
    cloud.faults.add("plant/add", kind="code", code=10005, msg="no such thing")
    told = await fails(
        hass,
        "create_plant",
        "account_missing",
        config_entry_id=entry.entry_id,
        name="A",
        peak_power=1,
    )
    assert told["said"] == "(10005: no such thing)"


@pytest.mark.parametrize(
    "typed", ["{{{}}}", " Your token is {}. Keep it.", "API令牌\uff1a{}\uff1b请妥善保管"]
)
async def test_a_token_is_found_in_what_is_pasted(
    hass: HomeAssistant, cloud: Simulator, typed: str
) -> None:
    result = await open_dialog(hass)
    # The beginning of one, one with a space, and two of them.
    for wrong in (
        INSTALLER_TOKEN[:31],
        f"{INSTALLER_TOKEN}0",
        "x",
        INSTALLER_TOKEN + END_USER_TOKEN,
    ):
        result = await submit(hass, result, **own_address(cloud.url), token=wrong)
        assert result["errors"] == {"token": "token_not_found"}
    result = await submit(
        hass, result, **own_address(cloud.url), token=f"{INSTALLER_TOKEN} {END_USER_TOKEN}"
    )
    assert result["errors"] == {"token": "token_not_found"}
    assert not cloud.calls

    pasted = typed.format(INSTALLER_TOKEN)
    result = await submit(hass, result, **own_address(cloud.url), token=pasted)
    assert result["step_id"] == "method"
    assert await async_setup_component(hass, DOMAIN, {})
    response = await act(
        hass, "check_username", server=cloud.url, token=pasted, username="somebody-new"
    )
    assert response["available"] is True
    await refused(
        hass, "check_username", "token_not_found", server=cloud.url, token="x", username="somebody"
    )


@pytest.mark.parametrize(
    ("fault", "at", "key"),
    [
        # At a field, at none, with a wait, unknown; no cloud; no answer; an answer that is none.
        (code(10011), "token", "invalid_token"),
        (code(10001), "base", "system_error"),
        (code(10012), "base", "rate_limited"),
        (code(31337), "base", "unknown_code"),
        (kind("firewall"), "base", "blocked"),
        (kind("method"), "address", "unexpected_answer"),
        (kind("hang"), "address", "no_answer"),
        (kind("redirect"), "address", "redirected"),
    ],
)
async def test_the_server_step_tells_what_is_wrong_and_recovers(
    hass: HomeAssistant, cloud: Simulator, fault: Fault, at: str, key: str
) -> None:
    cloud.faults.add(PLANTS, **fault)
    typed = {**own_address(cloud.url), "token": INSTALLER_TOKEN}

    result = await submit(hass, await open_dialog(hass), **typed)

    assert result["step_id"] == "server"
    assert result["errors"] == {at: key}
    assert suggested(result) == typed
    if key == "unknown_code":
        assert result["description_placeholders"]["code"] == "31337"
        assert result["description_placeholders"]["message"] == "the cloud's own words"
    if key == "redirected":
        assert result["description_placeholders"]["location"] == ""

    result = await submit(hass, result, **typed)
    assert result["step_id"] == "method"


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"token": "x" * 32}, {"token": "invalid_token"}),
        ({"token": ""}, {"token": "required"}),
        ({"token": "líne"}, {"token": "token_not_found"}),
        ({"token": "line\nbreak"}, {"token": "invalid_characters"}),
        ({"address": "http://openapi.growatt.com"}, {"address": "insecure_url"}),
        ({"address": "ftp://example.com"}, {"address": "invalid_url"}),
        ({"address": " "}, {"address": "required"}),
        ({"server": "global"}, {"address": "address_unused"}),
    ],
)
async def test_bad_credentials_stand_at_their_field(
    hass: HomeAssistant, cloud: Simulator, typed: dict[str, str], errors: dict[str, str]
) -> None:
    good = {**own_address(cloud.url), "token": INSTALLER_TOKEN}
    result = await submit(hass, await open_dialog(hass), **{**good, **typed})
    assert result["step_id"] == "server"
    assert result["errors"] == errors
    assert suggested(result) == {**good, **typed}

    result = await submit(hass, result, **good)
    assert result["step_id"] == "method"


async def test_a_host_that_does_not_exist(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoSuchHost(AbstractResolver):
        async def resolve(self, *_: Any, **__: Any) -> list[Any]:
            raise OSError("no such host")

        async def close(self) -> None:
            pass

    connector = async_get_clientsession(hass).connector
    monkeypatch.setattr(connector, "_resolver", NoSuchHost())
    typed = {**own_address("https://nowhere.example"), "token": INSTALLER_TOKEN}
    result = await submit(hass, await open_dialog(hass), **typed)
    assert result["errors"] == {"address": "cannot_resolve"}
    assert suggested(result) == typed


async def test_a_server_that_is_not_there(hass: HomeAssistant, cloud: Simulator) -> None:
    url = cloud.url
    await cloud.stop()
    result = await submit(hass, await open_dialog(hass), **own_address(url), token=INSTALLER_TOKEN)
    assert result["errors"] == {"address": "cannot_connect"}


async def test_asked_too_soon_says_when(hass: HomeAssistant, simulator: Simulator) -> None:
    """A token whose list was asked for a moment ago, and whose answer is not known any longer."""
    simulator.faults.add(PLANTS, kind="http_500")
    result = await open_dialog(hass)
    typed = {**own_address(simulator.url), "token": INSTALLER_TOKEN}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"address": "server_error"}
    result = await submit(hass, result, **typed)
    assert result["errors"] == {"base": "not_now"}
    assert result["description_placeholders"]["minutes"] in ("5", "6")
    assert len(simulator.calls) == 1


# The dialog itself


async def test_closing_the_dialog_before_anything_was_sent(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_at(hass, cloud, "register")
    close(hass, result)
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress()
    assert not entries(hass)


@pytest.mark.parametrize("closed_first", [False, True])
async def test_closing_the_browser_while_the_next_dialog_opens(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, *, closed_first: bool
) -> None:
    """The account is there by then; once it is removed, it can be added again."""
    asked = asyncio.Event()

    async def never(*_: object, **__: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    with monkeypatch.context() as stuck:
        stuck.setattr(hass.config_entries.subentries, "async_init", never)
        request = asyncio.create_task(send(hass, result, next_step_id="link"))
        await asked.wait()
        if closed_first:
            close(hass, result)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    assert not hass.config_entries.flow.async_progress()
    (entry,) = entries(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    result = await open_at(hass, cloud, "link")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_two_dialogs_do_not_add_an_account_twice(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    first = await open_at(hass, cloud, "link")
    second = await open_at(hass, cloud, "link")
    # Only one account is left for each, so it is taken at once.
    results = [first, second]
    assert [result["type"] for result in results] == [
        FlowResultType.CREATE_ENTRY,
        FlowResultType.ABORT,
    ]
    assert second["reason"] == "already_configured"


async def test_the_documented_servers_are_offered(hass: HomeAssistant) -> None:
    assert DATA_TIMING not in hass.data
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    if result["step_id"] == "user":
        result = await submit(hass, result, provider="growatt")
    config = result["data_schema"].schema["server"].config
    assert config["options"] == [
        "find",
        "global",
        "north_america",
        "australia_new_zealand",
        "china",
        "test",
        "own_address",
    ]
    # What is shown closed is then the option's text, not its key.
    assert not config["custom_value"]
    assert config["translation_key"] == "server"
    assert result["data_schema"].schema["address"].config["type"] == "url"
    assert suggested(result) == {"server": "find"}
