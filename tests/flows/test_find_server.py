"""Find it for me: the vendor's servers are asked for the one that takes the token."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from copy import replace
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest

from custom_components.growatt_onboarding.cloud.growatt import GROWATT, GrowattClient
from custom_components.growatt_onboarding.const import DOMAIN
from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from simulator.calls import RecordedCall
from tests.common import (
    RESIDENT,
    RESIDENT_ID,
    Result,
    add_account,
    close,
    entries,
    follow,
    full_disk,
    open_dialog,
    open_reconfigure,
    own_address,
    send,
    shown_values,
    submit,
    suggested,
    until,
)
from tests.fake_provider import add_provider
from tests.prove.world import World

PLANTS = "plant/list"
# Seconds until a server that does not answer is given up.
GIVEN_UP = 8
# Seconds until the same list may be asked for again.
PAUSE = 310
GLOBAL, AMERICA, AUSTRALIA, CHINA = "global", "north_america", "australia_new_zealand", "china"
TYPED = {"server": "find", "token": INSTALLER_TOKEN}


@dataclass
class Vendor:
    """All the servers of the vendor, that for tests included; each knows its own tokens only."""

    world: World
    servers: dict[str, Simulator]
    asked: list[str]

    def give_token_to(self, *keys: str) -> None:
        """Have the token be one of these regions only."""
        for key, server in self.servers.items():
            server.growatt.tokens.pop(INSTALLER_TOKEN, None)
            if key in keys:
                server.growatt.add_token(INSTALLER_TOKEN, region=key)

    async def find(self, **typed: Any) -> Result:
        """Open the dialog and have it find the server."""
        hass = self.world.hass
        return await submit(hass, await open_dialog(hass), **{**TYPED, **typed})


@pytest.fixture
async def vendor(
    world: World, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Vendor]:
    asked: list[str] = []
    async with AsyncExitStack() as running:
        servers = {}
        for server in GROWATT.servers:

            def note(call: RecordedCall, key: str = server.key) -> None:
                if PLANTS in call.path:
                    asked.append(key)

            simulator = await running.enter_async_context(Simulator(on_call=note))
            simulator.growatt.region = server.key
            servers[server.key] = simulator
        known = (replace(server, url=servers[server.key].url) for server in GROWATT.servers)
        add_provider(monkeypatch, replace(GROWATT, servers=tuple(known)))
        yield Vendor(world, servers, asked)
        assert not any(server.growatt.limits.violations for server in servers.values())
        assert not any(server.calls.secrets_in_url for server in servers.values())


# Where it is offered


async def test_it_is_the_first_choice(hass: HomeAssistant) -> None:
    result = await open_dialog(hass)
    assert result["data_schema"].schema["server"].config["options"][0] == "find"
    assert suggested(result) == {"server": "find"}


async def test_not_in_a_cloud_whose_servers_are_not_alike(hass: HomeAssistant) -> None:
    result = await open_dialog(hass, "quectel")
    options = result["data_schema"].schema["server"].config["options"]
    assert options == ["europe", "north_america", "china", "own_address"]
    assert suggested(result) == {"server": "europe"}


# The search


@pytest.mark.parametrize(
    ("country", "order"),
    [
        ("NL", [GLOBAL, AMERICA, AUSTRALIA, CHINA]),
        ("ZA", [GLOBAL, AMERICA, AUSTRALIA, CHINA]),
        (None, [GLOBAL, AMERICA, AUSTRALIA, CHINA]),
        ("US", [AMERICA, GLOBAL, AUSTRALIA, CHINA]),
        ("CA", [AMERICA, GLOBAL, AUSTRALIA, CHINA]),
        ("AU", [AUSTRALIA, GLOBAL, AMERICA, CHINA]),
        ("NZ", [AUSTRALIA, GLOBAL, AMERICA, CHINA]),
        ("CN", [CHINA, GLOBAL, AMERICA, AUSTRALIA]),
    ],
)
async def test_the_likeliest_for_the_country_is_asked_first(
    vendor: Vendor, country: str | None, order: list[str]
) -> None:
    """The test server has no customers: it is never asked, not even if it would take the token."""
    vendor.world.hass.config.country = country
    vendor.give_token_to("test")
    result = await vendor.find()
    assert vendor.asked == order
    assert result["step_id"] == "growatt"
    assert result["errors"] == {"token": "accepted_nowhere"}


@pytest.mark.parametrize("place", [GLOBAL, AMERICA, CHINA])
async def test_it_ends_with_the_server_that_takes_the_token(vendor: Vendor, place: str) -> None:
    hass = vendor.world.hass
    vendor.give_token_to(place)
    result = await vendor.find()
    assert result["step_id"] == "one_account"
    url = vendor.servers[place].url
    assert shown_values(result)["server"] == url
    order = [GLOBAL, AMERICA, AUSTRALIA, CHINA]
    assert vendor.asked == order[: order.index(place) + 1]

    result = await submit(hass, result, next_step_id="use_account")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (entry,) = entries(hass)
    assert entry.data["server"] == url
    # What that server answered is still good.
    assert len(vendor.servers[place].calls.of(PLANTS)) == 1


async def test_it_says_what_it_does(vendor: Vendor) -> None:
    hass = vendor.world.hass
    vendor.servers[GLOBAL].faults.add(PLANTS, kind="hang")
    shown = await send(hass, await open_dialog(hass), **TYPED)
    assert shown["type"] is FlowResultType.SHOW_PROGRESS
    assert (shown["step_id"], shown["progress_action"]) == ("find_server", "find_server")
    # A browser may ask at any time.
    again = await hass.config_entries.flow.async_configure(shown["flow_id"])
    assert again["progress_action"] == "find_server"
    result = await follow(hass, again)
    assert result["errors"] == {"server": "servers_unasked"}
    assert len(vendor.servers[GLOBAL].calls.of(PLANTS)) == 1


async def test_a_token_of_another_host_in_other_words(vendor: Vendor) -> None:
    vendor.give_token_to(AMERICA)
    fault = {"kind": "code", "code": 10002, "msg": "error_useTrueHostToSet"}
    vendor.servers[GLOBAL].faults.add(PLANTS, **fault)
    assert (await vendor.find())["step_id"] == "one_account"
    assert vendor.asked == [GLOBAL, AMERICA]


async def test_an_old_address_refuses_any_token(vendor: Vendor) -> None:
    for server in vendor.servers.values():
        server.growatt.wrong_domain = True
    assert (await vendor.find())["errors"] == {"server": "accepted_nowhere"}


async def test_none_takes_it_and_one_is_chosen_by_hand(vendor: Vendor) -> None:
    hass = vendor.world.hass
    vendor.give_token_to()
    result = await vendor.find()
    assert result["errors"] == {"token": "accepted_nowhere"}
    assert suggested(result) == TYPED
    # Whoever tries again at once is told why that is in vain, and that takes no request.
    result = await submit(hass, result, **TYPED)
    assert result["errors"] == {"server": "servers_unasked"}
    assert len(vendor.asked) == 4

    vendor.give_token_to(CHINA)
    await vendor.world.clock.until(lambda: vendor.world.clock.passed > PAUSE)
    result = await submit(hass, result, server=CHINA, token=INSTALLER_TOKEN)
    assert result["step_id"] == "one_account"
    assert vendor.asked[4:] == [CHINA]


async def test_none_takes_it_but_a_given_address_does(vendor: Vendor) -> None:
    vendor.give_token_to()
    result = await vendor.find()
    own = own_address(vendor.world.simulator.url)
    result = await submit(vendor.world.hass, result, **own, token=INSTALLER_TOKEN)
    assert result["step_id"] == "one_account"


# What proves nothing


async def test_one_that_does_not_answer(vendor: Vendor) -> None:
    clock = vendor.world.clock
    vendor.give_token_to(AMERICA)
    vendor.servers[GLOBAL].faults.add(PLANTS, kind="hang")
    began = clock.passed
    assert (await vendor.find())["step_id"] == "one_account"
    # A second later, the one that was found is asked for the token's accounts.
    assert GIVEN_UP <= clock.passed - began < GIVEN_UP + 2


async def test_none_answers(vendor: Vendor) -> None:
    clock, hass = vendor.world.clock, vendor.world.hass
    for server in vendor.servers.values():
        server.faults.add(PLANTS, kind="hang")
    began = clock.passed
    result = await vendor.find()
    assert 4 * GIVEN_UP <= clock.passed - began < 4 * GIVEN_UP + 1
    assert result["errors"] == {"server": "servers_unasked"}
    names = "Global (Europe and others), North America, Australia and New Zealand, China"
    assert shown_values(result)["servers"] == names
    await clock.until(lambda: clock.passed - began > PAUSE + 4 * GIVEN_UP)
    assert (await submit(hass, result, **TYPED))["step_id"] == "one_account"


async def test_one_that_is_down(vendor: Vendor) -> None:
    hass, america = vendor.world.hass, vendor.servers[AMERICA]
    vendor.give_token_to(AMERICA)
    port = int(america.url.rpartition(":")[2])
    await america.stop()
    result = await vendor.find()
    assert vendor.asked == [GLOBAL, AUSTRALIA, CHINA]
    assert result["errors"] == {"server": "servers_unasked"}
    assert shown_values(result)["servers"] == "North America"
    assert suggested(result) == TYPED

    await america.start(port)
    began = vendor.world.clock.passed
    await vendor.world.clock.until(lambda: vendor.world.clock.passed - began > PAUSE)
    assert (await submit(hass, result, **TYPED))["step_id"] == "one_account"


async def test_one_that_limits_how_often_it_is_asked(vendor: Vendor) -> None:
    """Another program uses the same token."""
    vendor.give_token_to(GLOBAL)
    vendor.servers[GLOBAL].faults.add(PLANTS, kind="code", code=10012, msg="often")
    result = await vendor.find()
    assert result["errors"] == {"server": "servers_unasked"}
    assert shown_values(result)["servers"] == "Global (Europe and others)"
    await vendor.world.clock.until(lambda: vendor.world.clock.passed > PAUSE)
    assert (await submit(vendor.world.hass, result, **TYPED))["step_id"] == "one_account"


async def test_the_first_page_of_a_long_list_proves_enough(vendor: Vendor) -> None:
    """The rest is read from the server that was found, and only from that one."""
    hass, clock, server = vendor.world.hass, vendor.world.clock, vendor.servers[AMERICA]
    vendor.give_token_to(AMERICA)
    for number in range(950):
        server.growatt.add_plant(int(RESIDENT_ID), f"Plant {number}")
    pages = len(server.growatt.plants) // 100 + 1
    server.faults.add(PLANTS, kind="hold", executed=True, times=pages)

    async def answer(number: int) -> None:
        """Have the server answer the list's page after six seconds."""
        await until(lambda: len(server.calls.of(PLANTS)) == number)
        began = clock.passed
        await clock.until(lambda: clock.passed - began >= 6)
        server.faults.release()

    began = clock.passed
    shown = await send(hass, await open_dialog(hass), **TYPED)
    assert shown["progress_action"] == "find_server"
    await answer(1)
    flow_id = shown["flow_id"]
    await until(lambda: hass.config_entries.flow.async_get(flow_id)["step_id"] != "find_server")
    assert clock.passed - began < GIVEN_UP
    found = await hass.config_entries.flow.async_configure(flow_id)
    assert found["progress_action"] == "asking"
    for number in range(2, pages + 1):
        await answer(number)
    result = await follow(hass, found)
    assert result["step_id"] == "one_account"
    asked = [call.params["page"] for call in server.calls.of(PLANTS)]
    assert asked == [str(page) for page in range(1, pages + 1)]


async def test_where_nothing_can_be_recorded_nothing_is_asked(vendor: Vendor) -> None:
    with full_disk():
        result = await vendor.find()
    assert result["errors"] == {"base": "not_stored"}
    assert vendor.asked == []
    assert (await submit(vendor.world.hass, result, **TYPED))["step_id"] == "one_account"


# The dialog


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"token": "x"}, {"token": "token_not_found"}),
        ({"token": "line\nbreak"}, {"token": "invalid_characters"}),
    ],
)
async def test_what_cannot_be_right_is_not_sent(
    vendor: Vendor, typed: dict[str, str], errors: dict[str, str]
) -> None:
    result = await vendor.find(**typed)
    assert result["errors"] == errors
    assert suggested(result) == {**TYPED, **typed}
    assert vendor.asked == []
    assert (await submit(vendor.world.hass, result, **TYPED))["step_id"] == "one_account"


async def test_closing_the_dialog_ends_the_search(vendor: Vendor) -> None:
    hass, clock = vendor.world.hass, vendor.world.clock
    vendor.servers[GLOBAL].faults.add(PLANTS, kind="hang")
    result = await send(hass, await open_dialog(hass), **TYPED)
    await until(lambda: vendor.asked or vendor.servers[GLOBAL].calls.of(PLANTS))
    close(hass, result)
    await clock.until(lambda: clock.passed > 5 * GIVEN_UP)
    assert set(vendor.asked) <= {GLOBAL}
    assert not hass.config_entries.flow.async_progress()

    await clock.until(lambda: clock.passed > PAUSE + 5 * GIVEN_UP)
    assert (await vendor.find())["step_id"] == "one_account"


async def test_what_nobody_expected(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: GrowattClient) -> None:
        raise KeyError(INSTALLER_TOKEN)

    with monkeypatch.context() as fault:
        fault.setattr(GrowattClient, "test", broken)
        result = await vendor.find()
    assert result["errors"] == {"base": "unknown"}
    assert suggested(result) == TYPED
    assert (await submit(vendor.world.hass, result, **TYPED))["step_id"] == "one_account"


async def test_no_log_has_the_token(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    vendor.give_token_to()
    vendor.servers[AMERICA].faults.add(PLANTS, kind="cut")
    await vendor.find()
    assert len(vendor.asked) >= 3
    assert DOMAIN in caplog.text
    assert INSTALLER_TOKEN not in caplog.text


# An account that there is


async def test_an_account_that_moved_to_another_region(vendor: Vendor) -> None:
    """The token that is stored is looked for where none is typed."""
    hass = vendor.world.hass
    assert await async_setup_component(hass, DOMAIN, {})
    entry = await add_account(hass, vendor.servers[GLOBAL], token=END_USER_TOKEN)
    result = await open_reconfigure(hass, entry)
    assert result["step_id"] == "new_access_growatt"
    assert result["data_schema"].schema["server"].config["options"][0] == "find"
    assert suggested(result) == {"server": GLOBAL}
    del vendor.servers[GLOBAL].growatt.tokens[END_USER_TOKEN]

    result = await submit(hass, result, server="find")
    assert result["step_id"] == "new_access_growatt"
    assert result["errors"] == {"token": "accepted_nowhere"}
    assert shown_values(result)["name"] == RESIDENT
    assert suggested(result) == {"server": "find"}
    assert entry.data["server"] == vendor.servers[GLOBAL].url

    china = vendor.servers[CHINA].growatt
    china.add_token(END_USER_TOKEN, kind="end_user", user_id=int(RESIDENT_ID), region=CHINA)
    await vendor.world.clock.until(lambda: vendor.world.clock.passed > 2 * PAUSE)
    result = await submit(hass, result, server="find")
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["server"] == vendor.servers[CHINA].url
    assert entry.data["access"] == {"token": END_USER_TOKEN}
