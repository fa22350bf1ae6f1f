"""The account dialog: choosing the cloud and its server, and leaving it at any time."""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp.resolver import AbstractResolver
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import async_get_integration
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.cloud.growatt import GROWATT
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
    fields_of,
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
from .fake_provider import add_provider

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
    assert result["step_id"] == "one_account"
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

    step_id = "address" if at == "address" else "growatt"
    assert (result["step_id"], result["errors"]) == (step_id, {at: key})
    shown = {"server": cloud.url, "token": INSTALLER_TOKEN}
    assert suggested(result) == ({"address": cloud.url} if step_id == "address" else shown)
    if key == "unknown_code":
        assert result["description_placeholders"]["code"] == "31337"
        assert result["description_placeholders"]["message"] == "the cloud's own words"
    if key == "redirected":
        assert result["description_placeholders"]["location"] == ""

    result = await submit(hass, result, **typed)
    assert result["step_id"] == "one_account"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("x" * 32, "invalid_token"),
        ("líne", "token_not_found"),
        ("line\nbreak", "invalid_characters"),
    ],
)
async def test_a_bad_token_stands_at_its_field(
    hass: HomeAssistant, cloud: Simulator, token: str, error: str
) -> None:
    result = await submit(hass, await open_dialog(hass), **own_address(cloud.url), token=token)
    assert (result["step_id"], result["errors"]) == ("growatt", {"token": error})
    # The address that was typed is one of the servers by now, unless it was not asked for yet.
    server = cloud.url if error == "invalid_token" else "own_address"
    assert suggested(result) == {"server": server, "token": token}

    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    assert result["step_id"] == "one_account"


# An address that is none of the known servers


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("http://openapi.growatt.com", "insecure_url"),
        ("ftp://example.com", "invalid_url"),
        ("https://", "invalid_url"),
        ("cloud\u0093.example", "invalid_characters"),
    ],
)
async def test_a_bad_address_stands_at_its_field(
    hass: HomeAssistant, cloud: Simulator, address: str, error: str
) -> None:
    typed = {**own_address(address), "token": INSTALLER_TOKEN}
    result = await submit(hass, await open_dialog(hass), **typed)
    assert (result["step_id"], result["errors"]) == ("address", {"address": error})
    assert suggested(result) == {"address": address}
    assert not cloud.calls

    result = await submit(hass, result, address=cloud.url)
    assert result["step_id"] == "one_account"


async def test_an_address_is_asked_for_only_where_it_is_needed(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_dialog(hass)
    assert fields_of(result) == ["server", "token"]
    result = await send(hass, result, server="own_address", token=INSTALLER_TOKEN)
    assert (result["step_id"], fields_of(result)) == ("address", ["address"])
    assert not result["errors"]
    # Nobody who chose it by mistake is caught there.
    result = await send(hass, result, address=" ")
    assert (result["step_id"], result["errors"]) == ("growatt", {})
    assert suggested(result) == {"server": "own_address", "token": INSTALLER_TOKEN}
    assert not cloud.calls

    result = await send(hass, result, server="own_address", token="x" * 32)
    result = await submit(hass, result, address=cloud.url)
    assert result["errors"] == {"token": "invalid_token"}
    # It is one of the servers from now on, so it is not asked for again.
    assert result["data_schema"].schema["server"].config["options"][-2:] == [
        cloud.url,
        "own_address",
    ]
    assert suggested(result)["server"] == cloud.url
    result = await submit(hass, result, server=cloud.url, token=INSTALLER_TOKEN)
    assert result["step_id"] == "one_account"


async def test_the_address_of_a_known_server_is_that_server(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = (GROWATT.servers[0]._replace(url=cloud.url),)
    add_provider(monkeypatch, GROWATT._replace(servers=servers))
    result = await open_dialog(hass)
    result = await submit(hass, result, **own_address(cloud.url), token="x" * 32)
    assert result["errors"] == {"token": "invalid_token"}
    assert suggested(result)["server"] == "global"
    assert cloud.url not in result["data_schema"].schema["server"].config["options"]


# Who has no token yet


@pytest.mark.parametrize("token", [{}, {"token": ""}, {"token": " "}, {"token": None}])
async def test_who_has_no_token_is_told_how_to_get_one(
    hass: HomeAssistant, cloud: Simulator, token: dict[str, str | None]
) -> None:
    typed = {name: text for name, text in token.items() if text is not None}
    result = await submit(hass, await open_dialog(hass), server="global", **typed)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "no_token")
    page, _, heading = shown_values(result)["link"].partition("#")
    assert page == (await async_get_integration(hass, DOMAIN)).documentation
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").lower()
    assert f"\n## {heading.replace('-', ' ')}?\n" in readme

    # And back, with everything that was typed.
    result = await submit(hass, result, next_step_id="growatt")
    assert (result["step_id"], result["errors"]) == ("growatt", {})
    assert suggested(result)["server"] == "global"
    result = await submit(hass, result, **own_address(cloud.url), token=INSTALLER_TOKEN)
    assert result["step_id"] == "one_account"


async def test_who_has_a_token_needs_two_screens(hass: HomeAssistant, cloud: Simulator) -> None:
    """The choice of the cloud and the token; the server is found without a question."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "user")
    assert result["menu_options"] == ["growatt", "app_cloud", "portal"]
    result = await send(hass, result, next_step_id="growatt")
    assert suggested(result) == {"server": "find"}
    assert fields_of(result) == ["server", "token"]


# A server that is not there


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
    assert suggested(result) == {"address": "https://nowhere.example"}
    result = await submit(hass, result, address="")
    assert suggested(result) == {"server": "https://nowhere.example", "token": INSTALLER_TOKEN}


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
        request = asyncio.create_task(send(hass, result, next_step_id="use_account"))
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
    typed = {**own_address(cloud.url), "token": INSTALLER_TOKEN}
    first, second, third = [await submit(hass, await open_dialog(hass), **typed) for _ in range(3)]
    first = await submit(hass, first, next_step_id="use_account")
    assert first["type"] is FlowResultType.CREATE_ENTRY
    # A browser may load the page anew.
    third = await hass.config_entries.flow.async_configure(third["flow_id"])
    assert third["step_id"] == "known_account"
    second = await submit(hass, second, next_step_id="use_account")
    assert second["type"] is FlowResultType.ABORT
    assert second["reason"] == "already_configured"


async def test_the_documented_servers_are_offered(hass: HomeAssistant) -> None:
    """The test server has no customers."""
    assert DATA_TIMING not in hass.data
    result = await open_dialog(hass)
    config = result["data_schema"].schema["server"].config
    assert config["options"] == [
        "find",
        "global",
        "north_america",
        "australia_new_zealand",
        "china",
        "own_address",
    ]
    # What is shown closed is then the option's text, not its key.
    assert not config["custom_value"]
    assert config["translation_key"] == "server"
    assert suggested(result) == {"server": "find"}
