"""The Growatt client against the simulated server, over a socket."""

from collections.abc import Awaitable, Callable
import json
import logging

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer
import pytest

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import (
    AccessDeniedError,
    AccountsUnreadError,
    InvalidInputError,
    NotAllowedError,
    NotNowError,
    RateLimitedError,
    UnexpectedAnswerError,
)
from custom_components.growatt_onboarding.cloud.growatt import (
    GROWATT,
    LINK,
    REGISTER,
    GrowattClient,
)
from custom_components.growatt_onboarding.cloud.model import (
    Account,
    DeviceKind,
    Location,
    Plant,
    Sighting,
    SightingPage,
)
from custom_components.growatt_onboarding.cloud.provider import (
    Call,
    Capability,
    ClientContext,
    Offer,
)
from simulator import Simulator
from simulator.growatt.state import END_USER_TOKEN, INSTALLER_TOKEN

from .helpers import (
    FAKE_TOKEN,
    RecordingGate,
    everything_said,
    growatt_client,
    http_answer,
    raw_server,
    sends,
)

PASSWORD = "Fake-Passw0rd &=ü"
EMAIL = "new-owner@example.com"
FORM = {
    "username": "new-owner",
    "password": PASSWORD,
    "email": EMAIL,
    "country": "CZ",
}
SERIAL = "FAK0000001"
PLANT_LIST = "v1/plant/list"
USER_LIST = "v1/user/c_user_list"


async def new_account(client: GrowattClient) -> str:
    account = await client.register(REGISTER, FORM)
    assert account.id is not None
    return account.id


def end_user(http: aiohttp.ClientSession, simulator: Simulator) -> GrowattClient:
    return growatt_client(http, simulator.url, END_USER_TOKEN)


def resident(simulator: Simulator) -> tuple[str, str]:
    """Return the ids of the end user and the plant that the simulator starts with."""
    plant = next(iter(simulator.growatt.plants.values()))
    return str(plant.user_id), str(plant.plant_id)


# The provider


def test_description(http: aiohttp.ClientSession) -> None:
    assert registry.provider("growatt") is GROWATT
    assert [field.name for field in GROWATT.credential_fields if field.secret] == ["token"]
    client = GROWATT.client(ClientContext(http=http, url="https://x", credentials={"token": "a"}))
    assert client.signed_in
    # No account of it waits to be activated.
    assert client.capabilities == set(Capability) - {Capability.ACTIVATION}
    assert GROWATT.realm_field is None
    for form in (REGISTER, LINK):
        assert form.identity in {field.name for field in form.fields}


async def test_test_offers_both_ways(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate
) -> None:
    """One harmless question, whose answer is kept for later."""
    assert await client.test() == Offer(register=(REGISTER,), link=(LINK,))
    assert gate.paths == [PLANT_LIST]
    gate.closed.add(PLANT_LIST)
    assert await client.test() == Offer(register=(REGISTER,), link=(LINK,))
    await client.plants(resident(simulator)[0])
    assert gate.paths == [PLANT_LIST]
    with pytest.raises(NotNowError):
        await client.verify()


async def test_test_needs_an_answer_once(client: GrowattClient, gate: RecordingGate) -> None:
    """Where nothing was ever heard, "not now" is all there is to say."""
    gate.closed.add(PLANT_LIST)
    with pytest.raises(NotNowError) as caught:
        await client.test()
    assert caught.value.retry_after == 60


async def test_wrong_token(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    simulator.growatt.add_token("FAKETOKENOFANOTHERREGION00000000", region="china")
    for token in ("FAKETOKENNOBODYKNOWS000000000000", "FAKETOKENOFANOTHERREGION00000000"):
        client = growatt_client(http, simulator.url, token)
        for ask in (client.test, client.verify):
            with pytest.raises(AccessDeniedError) as caught:
                await ask()
            assert (caught.value.key, caught.value.field) == ("invalid_token", "token")


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("", "required"),
        ("  ", "required"),
        ("abc\r\nX: y", "invalid_characters"),
        ("töken", "token_not_found"),
        ("tok\x00en", "invalid_characters"),
    ],
)
async def test_token_that_cannot_be_one(
    http: aiohttp.ClientSession, simulator: Simulator, token: str, key: str
) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(InvalidInputError) as caught:
        await growatt_client(http, simulator.url, token).test()
    assert (caught.value.key, caught.value.field) == (key, "token")
    assert len(simulator.calls) == 0


async def test_blanks_around_a_token(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    client = growatt_client(http, simulator.url, f" {INSTALLER_TOKEN}\n")
    await client.verify()


# Accounts


async def test_blanks_around_a_password_are_sent(
    client: GrowattClient, simulator: Simulator
) -> None:
    """No document says what they mean."""
    await client.register(REGISTER, {**FORM, "username": "new-owner", "password": " fake-pass "})
    user = simulator.growatt.user_named("new-owner")
    assert user is not None
    assert user.has_password(" fake-pass ")


async def test_register(client: GrowattClient, simulator: Simulator) -> None:
    """Every parameter of the vendor's page arrives, the country in the vendor's spelling."""
    simulator.growatt.installer_codes.add("FAKE9")
    account = await client.register(
        REGISTER,
        {
            **FORM,
            "username": " new-owner ",
            "installer_code": "FAKE9",
            "phone": "+49 (0)170 123-45",
            "time_zone": "8",
        },
    )
    user = simulator.growatt.user_named("new-owner")
    assert user is not None
    assert account == Account(id=str(user.user_id), name="new-owner", session={})
    assert user.has_password(PASSWORD)
    assert (user.email, user.country, user.user_type) == (EMAIL, "Czech Republic", 1)
    assert (user.agent_code, user.tel, user.time_zone) == ("FAKE9", "4917012345", "8")
    (call,) = simulator.calls.of("user/user_register")
    assert call.path == "/v1/user/user_register"
    assert simulator.calls.secrets_in_url == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("+49 (0)170 1234567", "491701234567"),
        ("0049 (0) 170 1234567", "491701234567"),
        ("(+49) 170\u20111234567", "491701234567"),
        ("0170 1234567", "01701234567"),
        ("(0)170 1234567", "01701234567"),
    ],
)
async def test_phone(client: GrowattClient, simulator: Simulator, typed: str, sent: str) -> None:
    """Digits alone, the country first where one was typed."""
    await client.register(REGISTER, {**FORM, "phone": typed})
    user = simulator.growatt.user_named("new-owner")
    assert user is not None
    assert user.tel == sent


async def test_register_leaves_out_what_is_empty(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate
) -> None:
    """Optional values are absent, not empty; the call is known by the name alone."""
    await client.register(REGISTER, {**FORM, "phone": " ", "installer_code": ""})
    (call,) = simulator.calls.of("user/user_register")
    assert set(call.params) == {
        "user_name",
        "user_password",
        "user_email",
        "user_type",
        "user_country",
    }
    assert [permitted.subject for permitted in gate.permitted] == ["user_name=new-owner"]


@pytest.mark.parametrize("fault", ["data_empty", "data_string", "string_code", "wrong_type"])
async def test_register_understands(
    client: GrowattClient, simulator: Simulator, fault: str
) -> None:
    """A success is one in every form it comes in; without an id the account has none yet."""
    simulator.growatt.numbers_as_strings = True
    simulator.faults.add("user/user_register", kind=fault)
    account = await client.register(REGISTER, FORM)
    user = simulator.growatt.user_named("new-owner")
    assert user is not None
    expected = None if fault == "data_empty" else str(user.user_id)
    assert account == Account(id=expected, name="new-owner", session={})


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("username", "", "required"),
        ("username", " ", "required"),
        ("username", "a\nb", "invalid_characters"),
        ("password", "", "required"),
        ("password", "a\x00b", "invalid_characters"),
        ("email", "", "required"),
        ("email", "no-address", "invalid_email"),
        ("country", "", "required"),
        ("country", "Atlantis", "invalid_country"),
        ("phone", "call me", "invalid_phone"),
        ("installer_code", "a\x07", "invalid_characters"),
        ("time_zone", "a\x07", "invalid_characters"),
    ],
)
async def test_register_refuses(
    client: GrowattClient, simulator: Simulator, field: str, value: str, key: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await client.register(REGISTER, {**FORM, field: value})
    assert (caught.value.key, caught.value.field) == (key, field)
    assert PASSWORD not in everything_said(caught.value)
    assert len(simulator.calls) == 0


async def test_username(client: GrowattClient, simulator: Simulator) -> None:
    assert await client.is_username_available(" new-owner ")
    await client.register(REGISTER, FORM)
    assert not await client.is_username_available("new-owner")
    with pytest.raises(InvalidInputError) as caught:
        await client.is_username_available(" ")
    assert (caught.value.key, caught.value.field) == ("required", "username")
    assert len(simulator.calls.of("user/check_user")) == 2


async def test_link_end_user(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An end user's token names him in his plants; the list of end users is not for him."""
    client = end_user(http, simulator)
    user_id, _ = resident(simulator)
    (account,) = await client.link(LINK, {})
    assert account == Account(id=user_id, name=user_id, session={}, plant="Sim Home")
    assert account.title == f"Sim Home ({user_id})"


async def test_link_installer(client: GrowattClient, simulator: Simulator) -> None:
    """An installer's token tells all end users, those without a plant too."""
    user_id, _ = resident(simulator)
    other = simulator.growatt.add_user("other", "other@example.com")
    assert await client.link(LINK, {}) == (
        Account(id=user_id, name="sim-resident", session={}, plant="Sim Home"),
        Account(id=str(other.user_id), name="other", session={}),
    )
    (account,) = await client.link(LINK, {"account_id": user_id})
    assert account == Account(id=user_id, name="sim-resident", session={}, plant="Sim Home")
    assert account.title == "sim-resident"


async def test_link_within_a_limit(
    client: GrowattClient, http: aiohttp.ClientSession, simulator: Simulator, gate: RecordingGate
) -> None:
    """Who was listed last is known, and that there may be others by now."""
    listed = await client.link(LINK, {})
    simulator.growatt.add_user("other", "other@example.com")
    gate.closed = {USER_LIST}
    with pytest.raises(AccountsUnreadError) as caught:
        await client.link(LINK, {})
    assert (caught.value.accounts, caught.value.listed) == (listed, True)
    assert (caught.value.key, caught.value.retry_after) == ("not_now", 60)
    simulator.advance(300)
    gate.closed.clear()
    assert len(await client.link(LINK, {})) == 2


async def test_link_opens_no_account_but_its_own(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    """An end user's token names its account in its plants: another that is typed is refused."""
    own = growatt_client(http, simulator.url, END_USER_TOKEN)
    with pytest.raises(InvalidInputError) as caught:
        await own.link(LINK, {"account_id": "999"})
    assert (caught.value.key, caught.value.field) == ("wrong_account", "account_id")
    assert caught.value.placeholders == {"expected": "999", "found": "101"}
    simulator.growatt.end_users_may_list = True
    simulator.advance(300)
    with pytest.raises(InvalidInputError) as caught:
        await own.link(LINK, {"account_id": "999"})
    assert caught.value.key == "wrong_account"
    simulator.advance(300)
    (account,) = await own.link(LINK, {"account_id": "101"})
    assert account.id == "101"


async def test_link_asks_for_the_id(http: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A token that tells nobody: the person has to."""
    user = simulator.growatt.add_user("no-plant-yet", EMAIL)
    token = "FAKETOKENWITHOUTPLANT00000000000"
    simulator.growatt.add_token(token, kind="end_user", user_id=user.user_id)
    client = growatt_client(http, simulator.url, token)
    with pytest.raises(InvalidInputError) as caught:
        await client.link(LINK, {})
    assert (caught.value.key, caught.value.field) == ("account_id_needed", "account_id")
    (account,) = await client.link(LINK, {"account_id": f" 00{user.user_id}"})
    assert (account.id, account.name) == (str(user.user_id), str(user.user_id))
    with pytest.raises(InvalidInputError) as caught:
        await client.link(LINK, {"account_id": "me"})
    assert (caught.value.key, caught.value.field) == ("invalid_id", "account_id")
    simulator.advance(300)
    typed = await client.link(LINK, {"account_id": f" {user.user_id} "})
    assert typed == (Account(id=str(user.user_id), name=str(user.user_id), session={}),)


async def test_a_fresh_token_of_an_installer_sees_nothing(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    """It does not help to create a plant: Growatt has to link devices to it first."""
    growatt = simulator.growatt
    growatt.add_token("N" * 32, merchant="a new one")
    client = growatt_client(http, simulator.url, "N" * 32)
    with pytest.raises(InvalidInputError) as caught:
        await client.link(LINK, {})
    assert (caught.value.key, caught.value.field) == ("token_sees_nothing", "account_id")
    growatt.add_user("linked", EMAIL, merchant="a new one")
    simulator.advance(300)
    [account] = await client.link(LINK, {})
    assert account.name == "linked"


# Plants


async def test_plants_are_the_accounts_own(client: GrowattClient, simulator: Simulator) -> None:
    user_id, plant_id = resident(simulator)
    other = simulator.growatt.add_user("other", "other@example.com")
    simulator.growatt.add_plant(other.user_id, "Other")
    plants = await client.plants(user_id)
    assert plants == (Plant(id=plant_id, name="Sim Home", owner_id=user_id),)


async def test_blank_list_of_plants(client: GrowattClient, simulator: Simulator) -> None:
    simulator.faults.add("plant/list", kind="data_empty")
    simulator.faults.add("plant/user_plant_list", kind="data_empty")
    assert await client.plants(resident(simulator)[0]) == ()


async def test_null_in_place_of_an_empty_list(client: GrowattClient, simulator: Simulator) -> None:
    growatt = simulator.growatt
    growatt.null_lists = True
    user_id, plant_id = resident(simulator)
    assert await client.sightings(plant_id, 1) == SightingPage(())
    assert await client.watch(1) == SightingPage(())
    growatt.plants.clear()
    assert await client.plants(user_id) == ()
    growatt.users.clear()
    growatt.limits.reading = "none"
    with pytest.raises(InvalidInputError) as caught:
        await client.link(LINK, {})
    assert caught.value.key == "token_sees_nothing"


async def test_ids_of_nineteen_digits(client: GrowattClient, simulator: Simulator) -> None:
    """Java's numbers have as many, and none of them is rounded."""
    growatt = simulator.growatt
    growatt.number_from(9_223_372_036_854_775_807)
    user = growatt.add_user("long", "long@example.com")
    plant = growatt.add_plant(user.user_id, "Long")
    assert Account(id="9223372036854775807", name="long", session={}, plant="Long") in (
        await client.link(LINK, {})
    )
    assert await client.plants(str(user.user_id)) == (
        Plant(id=str(plant.plant_id), name="Long", owner_id=str(user.user_id)),
    )
    growatt.add_device(SERIAL, plant_id=plant.plant_id)
    assert await client.locate(SERIAL) == Location(
        plant_id=str(plant.plant_id), plant_name="Long", owner_id=str(user.user_id)
    )


async def test_a_server_that_turns_no_pages_is_not_asked_for_them_again(
    client: GrowattClient, simulator: Simulator
) -> None:
    """It may be asked for plants only ten times a day."""
    growatt = simulator.growatt
    user_id, _ = resident(simulator)
    for number in range(120):
        growatt.add_plant(int(user_id), f"Plant {number}")
    growatt.ignores_page = True
    growatt.limits.reading = "none"
    for _ in range(3):
        assert len(await client.plants(user_id)) == 100
    pages = [call.params["page"] for call in simulator.calls.of("plant/list")]
    assert pages == ["1", "2", "1", "1"]

    # Another count is another list.
    growatt.ignores_page = False
    growatt.add_plant(int(user_id), "One more")
    assert len(await client.plants(user_id)) == 122


async def test_all_pages_of_plants(client: GrowattClient, simulator: Simulator) -> None:
    user_id, _ = resident(simulator)
    for number in range(204):
        simulator.growatt.add_plant(int(user_id), f"Plant {number}")
    assert len(await client.plants(user_id)) == 205
    pages = [call.params for call in simulator.calls.of("plant/list")]
    assert pages == [{"page": str(page), "perpage": "100"} for page in (1, 2, 3)]


async def test_list_of_plants_is_cut_by_a_limit(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate
) -> None:
    """Where a limit stops us after the first page, what is known stays known."""
    user_id, _ = resident(simulator)
    for number in range(149):
        simulator.growatt.add_plant(int(user_id), f"Plant {number}")
    # The cloud's limit, and ours.
    simulator.faults.add("plant/list", kind="code", code=10012, match={"page": "2"})
    second = f"{PLANT_LIST}?page=2&perpage=100"
    for closed, known in ((set(), 100), (set(), 150), ({second}, 150)):
        gate.closed = closed
        assert len(await client.plants(user_id)) == known
        simulator.advance(300)


async def test_list_of_plants_goes_on_where_it_was_left(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate
) -> None:
    """The first page is enough to check the token, and is not asked for twice."""
    user_id, _ = resident(simulator)
    for number in range(249):
        simulator.growatt.add_plant(int(user_id), f"Plant {number}")
    first, third = (f"{PLANT_LIST}?page={page}&perpage=100" for page in (1, 3))
    await client.test()
    for closed, known, pages in (
        ({first, third}, 200, ["1", "2"]),
        ({PLANT_LIST}, 200, []),
        ({first}, 250, ["3"]),
        # It is complete: there is nothing to go on with.
        ({first}, 250, []),
        (set(), 250, ["1", "2", "3"]),
    ):
        gate.closed = closed
        assert len(await client.plants(user_id)) == known
        assert [call.params["page"] for call in simulator.calls.of("plant/list")] == pages
        simulator.calls.clear()
        simulator.advance(300)


async def test_plants_within_the_limit_of_the_cloud(
    client: GrowattClient, simulator: Simulator
) -> None:
    """When the cloud says "too soon", the plants are those last seen; without any it is said."""
    simulator.faults.add("plant/list", kind="code", code=10012)
    user_id, plant_id = resident(simulator)
    with pytest.raises(RateLimitedError):
        await client.plants(user_id)
    await client.verify()
    assert [plant.id for plant in await client.plants(user_id)] == [plant_id]
    assert [call.code for call in simulator.calls.of("plant/list")] == [10012, 0, 10012]


async def test_odd_rows(http: aiohttp.ClientSession) -> None:
    """Rows that name nothing are left out, and still fill a page."""
    rows = [{}, 7, None, "x", {"plant_id": 5}, {"plant_id": "6", "name": "", "user_id": ""}]
    replies = {
        "/v1/plant/list": {"plants": rows},
        "/v1/user/c_user_list": {"c_user": [{}, "x", {"c_user_id": 8, "c_user_name": None}]},
        "/v1/device/list": {"devices": [*rows, {"device_sn": "a", "lost": "maybe"}] * 20},
        "/v4/new-api/queryDeviceList": {"data": [*rows, {"deviceSn": 12}]},
    }

    async def handler(request: web.BaseRequest) -> web.Response:
        key = "code" if request.path.startswith("/v4") else "error_code"
        return web.json_response({key: 0, "data": replies[request.path]})

    async with RawTestServer(handler) as server:
        client = growatt_client(http, str(server.make_url("")).rstrip("/"), FAKE_TOKEN)
        assert await client.plants("9") == (Plant(id="5", name="5"), Plant(id="6", name="6"))
        assert await client.link(LINK, {}) == (Account(id="8", name="8", session={}),)
        page = await client.sightings("1", 1)
        assert page == SightingPage((Sighting(serial="A", plant_id="1"),) * 20, more=True)
        assert await client.watch(1) == SightingPage((Sighting(serial="12"),))


async def test_list_without_end(http: aiohttp.ClientSession) -> None:
    """A server that always fills its pages is asked for many, and not for ever."""
    pages: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        pages.append(request.query["page"])
        plants = [{"plant_id": 100 * len(pages) + row, "user_id": 1} for row in range(100)]
        return web.json_response({"error_code": 0, "data": {"plants": plants}})

    async with RawTestServer(handler) as server:
        client = growatt_client(http, str(server.make_url("")).rstrip("/"), FAKE_TOKEN)
        assert len(await client.plants("1")) == 10_000
    assert pages == [str(number) for number in range(1, 101)]


@pytest.mark.parametrize("row", [{"plant_id": 1, "user_id": 1}, {}])
async def test_list_that_repeats_itself(
    http: aiohttp.ClientSession, row: dict[str, object]
) -> None:
    """A server that does not turn pages shows the same ones again; it may have others, too."""
    pages: list[str] = []
    rows: list[dict[str, object]] = [{"plant_id": 2, "user_id": 1}]

    async def handler(request: web.BaseRequest) -> web.Response:
        pages.append(request.query["page"])
        return web.json_response({"error_code": 0, "data": {"plants": rows}})

    async with RawTestServer(handler) as server:
        client = growatt_client(http, str(server.make_url("")).rstrip("/"), FAKE_TOKEN)
        assert [plant.id for plant in await client.plants("1")] == ["2"]
        rows = [row] * 100
        assert "2" in {plant.id for plant in await client.plants("1")}
        assert pages == ["1", "1", "2"]


async def test_plants_by_name(client: GrowattClient, simulator: Simulator) -> None:
    """An account that the token's list shows no plant of is asked for by its name."""
    user_id, plant_id = resident(simulator)
    hidden = simulator.growatt.plants.pop(int(plant_id))
    await client.verify()
    simulator.growatt.plants[int(plant_id)] = hidden
    assert [plant.id for plant in await client.plants(user_id)] == [plant_id]
    (call,) = simulator.calls.of("plant/user_plant_list")
    assert call.params == {"user_name": "sim-resident", "page": "1", "perpage": "100"}


async def test_plants_by_name_refused(client: GrowattClient, simulator: Simulator) -> None:
    """Where a token may not ask by name, only what is new has no plant; nobody is asked for."""
    user_id = await new_account(client)
    other = simulator.growatt.add_user("other", "other@example.com")
    simulator.faults.add("plant/user_plant_list", kind="code", code=10011, times=3)
    assert await client.plants(user_id) == ()
    plant = await client.create_plant(user_id, {"name": "Roof", "peak_power": "5"})
    simulator.faults.add("plant/list", kind="data_empty", times=3)
    simulator.advance(300)
    assert await client.plants(user_id) == (plant,)
    simulator.advance(300)
    with pytest.raises(NotAllowedError) as caught:
        await client.plants(str(other.user_id))
    assert caught.value.key == "not_allowed_plants"
    assert len(simulator.calls.of("plant/user_plant_list")) == 3
    simulator.advance(300)
    assert await client.plants("999999") == ()
    assert len(simulator.calls.of("plant/user_plant_list")) == 3


async def test_plants_by_name_within_a_limit(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate
) -> None:
    """That there are none is what the cloud has said, not what nobody may ask it now."""
    growatt = simulator.growatt
    growatt.limits.reading = "none"
    users = [growatt.add_user(name, f"{name}@example.com") for name in ("some", "none", "later")]
    some, none, later = (str(user.user_id) for user in users)
    await client.test()
    growatt.add_plant(users[0].user_id, "Home")
    # Nobody knows their names yet.
    gate.closed = {PLANT_LIST, USER_LIST}
    with pytest.raises(NotNowError):
        await client.plants(some)
    gate.closed = {PLANT_LIST}
    (plant,) = await client.plants(some)
    assert await client.plants(none) == ()
    gate.closed = {PLANT_LIST, USER_LIST, "v1/plant/user_plant_list"}
    assert await client.plants(some) == (plant,)
    assert await client.plants(none) == ()
    with pytest.raises(NotNowError) as caught:
        await client.plants(later)
    assert caught.value.retry_after == 60
    # Who is in no list has no plants in one.
    assert await client.plants("999999") == ()
    created = await client.create_plant(none, {"name": "Roof", "peak_power": "5"})
    assert await client.plants(none) == (created,)
    gate.closed.clear()
    assert await client.plants(later) == ()


async def test_lists_that_count_more_than_they_show(http: aiohttp.ClientSession) -> None:
    """They show what is there, and do not prove that anything is missing."""
    rows: dict[str, list[dict[str, object]]] = {
        "plants": [],
        "c_user": [{"c_user_id": 8, "c_user_name": "bob"}],
    }
    count = 2

    async def handler(request: web.BaseRequest) -> web.Response:
        name = "c_user" if request.path.endswith("c_user_list") else "plants"
        return web.json_response({"error_code": 0, "data": {"count": count, name: rows[name]}})

    async with RawTestServer(handler) as server:
        client = growatt_client(http, str(server.make_url("")).rstrip("/"), FAKE_TOKEN)
        with pytest.raises(AccountsUnreadError) as unread:
            await client.link(LINK, {})
        bob = Account(id="8", name="bob", session={})
        assert (unread.value.accounts, unread.value.listed) == ((bob,), True)
        for account_id in ("8", "9"):
            with pytest.raises(UnexpectedAnswerError):
                await client.plants(account_id)
        count = 1
        assert await client.link(LINK, {}) == (bob,)
        rows["plants"] = [{"plant_id": 5, "user_id": 7}]
        assert await client.plants("9") == ()
        count, rows["plants"] = 0, []
        assert await client.plants("8") == ()
        # What was listed before is still there, as far as anybody knows.
        home, roof = {"plant_id": 5, "user_id": 7}, {"plant_id": 6, "user_id": 7}
        for answer in ((2, [home, roof]), (2, [roof]), (1, [])):
            count, rows["plants"] = answer
            assert {plant.id for plant in await client.plants("8")} == {"5", "6"}
        count, rows["plants"] = 1, [roof]
        assert [plant.id for plant in await client.plants("8")] == ["6"]


async def test_create_plant(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate
) -> None:
    """A plant with everything the vendor's page knows, shown at once."""
    await client.test()
    user_id = await new_account(client)
    values = {
        "name": " Dach Süd ",
        "peak_power": "8.500",
        "country": "HK",
        "currency": "€",
        "latitude": "48.123456",
        "longitude": "-0.00001",
        "time_zone": "-9.5",
        "city": "Ulm",
        "address": "Weg 1",
    }
    plant = await client.create_plant(user_id, values)
    made = simulator.growatt.plants[int(plant.id)]
    assert plant == Plant(id=plant.id, name="Dach Süd", owner_id=user_id)
    assert (made.user_id, made.name, made.peak_power) == (int(user_id), "Dach Süd", 8.5)
    assert (made.country, made.currency, made.city) == ("HongKong(China)", "€", "Ulm")
    assert (made.latitude, made.longitude) == ("48.123456", "-0.00001")
    assert (made.time_zone, made.address) == (-9.5, "Weg 1")
    gate.closed.add(PLANT_LIST)
    assert await client.plants(user_id) == (plant,)
    assert len(await client.plants(resident(simulator)[0])) == 1


async def test_create_plant_leaves_out_what_is_empty(
    client: GrowattClient, simulator: Simulator
) -> None:
    """Name and power are enough. What was never read is not pretended to be known."""
    user_id, plant_id = resident(simulator)
    created = await client.create_plant(user_id, {"name": "Roof", "peak_power": "5", "city": ""})
    (call,) = simulator.calls.of("plant/add")
    assert call.params == {"c_user_id": user_id, "name": "Roof", "peak_power": "5"}
    assert {plant.id for plant in await client.plants(user_id)} == {plant_id, created.id}


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("name", " ", "required"),
        ("name", "a\nb", "invalid_characters"),
        ("peak_power", "", "required"),
        ("peak_power", "0", "invalid_number"),
        ("peak_power", "-1", "invalid_number"),
        ("peak_power", "nan", "invalid_number"),
        ("peak_power", "lots", "invalid_number"),
        ("country", "XX", "invalid_country"),
        ("latitude", "91", "invalid_number"),
        ("longitude", "-181", "invalid_number"),
        ("time_zone", "15", "invalid_number"),
        ("account_id", "me", "invalid_id"),
    ],
)
async def test_create_plant_refuses(
    client: GrowattClient, simulator: Simulator, field: str, value: str, key: str
) -> None:
    values = {"name": "Roof", "peak_power": "5", "account_id": "1", field: value}
    with pytest.raises(InvalidInputError) as caught:
        await client.create_plant(values.pop("account_id"), values)
    assert (caught.value.key, caught.value.field) == (key, field)
    assert len(simulator.calls) == 0


# Devices


async def test_bind_until_associated(client: GrowattClient, simulator: Simulator) -> None:
    """Accepted is not associated: the device appears when it is online."""
    user_id, plant_id = resident(simulator)
    simulator.growatt.limits.reading = "none"
    simulator.growatt.add_device(SERIAL)
    await client.bind(user_id, plant_id, SERIAL)
    (call,) = simulator.calls.of("device/sn/add")
    assert call.params == {"plant_id": plant_id, "sn": SERIAL, "c_user_id": user_id}
    assert await client.sightings(plant_id, 1) == SightingPage(())
    assert await client.watch(1) == SightingPage(())
    simulator.growatt.bring_online(SERIAL)
    (seen,) = (await client.sightings(plant_id, 1)).sightings
    assert seen == Sighting(
        serial=SERIAL,
        plant_id=plant_id,
        model=seen.model,
        datalogger=f"QMN000{SERIAL}",
        online=True,
        kind=DeviceKind.INVERTER,
        series="7",
    )
    assert seen.model
    (watched,) = (await client.watch(1)).sightings
    assert watched == Sighting(serial=SERIAL, datalogger=f"QMN000{SERIAL}")
    assert await client.locate(SERIAL) == Location(
        plant_id=plant_id, plant_name="Sim Home", owner_id=user_id
    )
    simulator.growatt.take_offline(SERIAL)
    page = await client.sightings(plant_id, 1)
    assert [seen.online for seen in page.sightings] == [False]
    assert not page.more


@pytest.mark.parametrize("fault", ["data_string", "string_code", "wrong_type", None])
async def test_lists_understand(
    client: GrowattClient, simulator: Simulator, fault: str | None
) -> None:
    """Numbers as strings, data as text, any content type, a count that is wrong."""
    user_id, plant_id = resident(simulator)
    simulator.growatt.add_device("fake-0001", plant_id=int(plant_id), online=True)
    simulator.growatt.numbers_as_strings = True
    simulator.growatt.phantom_devices = 500
    if fault is not None:
        simulator.faults.add(kind=fault, times=None)
    page = await client.sightings(plant_id, 1)
    assert [seen.serial for seen in page.sightings] == ["FAKE-0001"]
    assert not page.more
    assert [seen.serial for seen in (await client.watch(1)).sightings] == ["FAKE-0001"]
    assert [plant.id for plant in await client.plants(user_id)] == [plant_id]


async def test_pages_of_devices(client: GrowattClient, simulator: Simulator) -> None:
    _, plant_id = resident(simulator)
    for number in range(130):
        simulator.growatt.add_device(f"FAK{number:07}", plant_id=int(plant_id))
    for ask in (lambda page: client.sightings(plant_id, page), client.watch):
        first = await ask(1)
        simulator.advance(5)
        second = await ask(2)
        assert (len(first.sightings), first.more) == (100, True)
        assert (len(second.sightings), second.more) == (30, False)
        serials = {seen.serial for page in (first, second) for seen in page.sightings}
        assert len(serials) == 130
    assert simulator.growatt.limits.violations == []


@pytest.mark.parametrize(
    ("page", "rows", "told", "more"),
    [
        (1, 1, {}, False),
        (1, 100, {}, True),
        (1, 100, {"lastPager": True, "pages": 1}, True),
        (1, 1, {"lastPager": "false"}, True),
        (1, 1, {"lastPager": True, "pages": 2}, False),
        (1, 1, {"pages": "2"}, True),
        (2, 1, {"pages": 2}, False),
        (1, 1, {"pages": "many"}, False),
        # Nothing is left out of this list, so an empty page is its end.
        (1, 0, {"lastPager": False, "pages": 9}, False),
        (250, 100, {"lastPager": False, "pages": 999}, True),
    ],
)
async def test_which_page_is_the_last(
    http: aiohttp.ClientSession, page: int, rows: int, *, told: dict[str, object], more: bool
) -> None:
    data = {"data": [{"deviceSn": f"FAK{number}"} for number in range(rows)], **told}
    body = json.dumps({"code": 0, "data": data}).encode()
    async with raw_server(sends(http_answer(body))) as server:
        shown = await growatt_client(http, server.url, FAKE_TOKEN).watch(page)
    assert (len(shown.sightings), shown.more) == (rows, more)


async def test_watch_without_devices(client: GrowattClient, simulator: Simulator) -> None:
    """v4 says "device not found", or nothing at all, where there are none."""
    simulator.faults.add("queryDeviceList", kind="code", code=4)
    simulator.faults.add("queryDeviceList", kind="data_empty")
    assert await client.watch(1) == SightingPage(())
    assert await client.watch(1) == SightingPage(())


async def test_nobody_holds_it(client: GrowattClient, simulator: Simulator) -> None:
    assert await client.locate(SERIAL) is None
    assert [call.code for call in simulator.calls.of("plant/sn_plant")] == [10005]


async def test_kinds_of_serial_numbers(client: GrowattClient, simulator: Simulator) -> None:
    """A datalogger's number is told from an inverter's, though the answer has no error code."""
    simulator.growatt.add_device(SERIAL)
    simulator.growatt.add_device("FAK0000002", kind="storage")
    expected = {
        SERIAL: DeviceKind.INVERTER,
        "FAK0000002": DeviceKind.INVERTER,
        f"QMN000{SERIAL}": DeviceKind.DATALOGGER,
        "FAK9999999": DeviceKind.UNKNOWN,
    }
    assert {serial: await client.check_serial(serial) for serial in expected} == expected


@pytest.mark.parametrize(
    ("ids", "field"),
    [(("", "1"), "account_id"), (("x", "1"), "account_id"), (("1", ""), "plant_id")],
)
async def test_no_ids(
    client: GrowattClient, simulator: Simulator, ids: tuple[str, str], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await client.bind(*ids, SERIAL)
    assert (caught.value.key, caught.value.field) == ("invalid_id", field)
    assert len(simulator.calls) == 0


# Calls that are planned


type Planned = tuple[Callable[[GrowattClient], Call], Callable[[GrowattClient], Awaitable[object]]]


@pytest.mark.parametrize(
    "planned",
    [
        (
            lambda client: client.bind_call("101", "20001", SERIAL),
            lambda client: client.bind("101", "20001", SERIAL),
        ),
        (
            lambda client: client.sightings_call("20001", 2),
            lambda client: client.sightings("20001", 2),
        ),
        (
            lambda client: client.bind_call("101", "20001", "STICK", DeviceKind.DATALOGGER),
            lambda client: client.bind("101", "20001", "STICK", DeviceKind.DATALOGGER),
        ),
        (
            lambda client: client.sightings_call("20001", 2, DeviceKind.DATALOGGER),
            lambda client: client.sightings("20001", 2, DeviceKind.DATALOGGER),
        ),
        (lambda client: client.watch_call(3), lambda client: client.watch(3)),
        (
            lambda client: client.locate_call(SERIAL),
            lambda client: client.locate(SERIAL),
        ),
    ],
    ids=["bind", "sightings", "bind_datalogger", "dataloggers", "watch", "locate"],
)
async def test_planned_call_is_the_one_made(
    client: GrowattClient, simulator: Simulator, gate: RecordingGate, planned: Planned
) -> None:
    """A planner can foresee exactly what the gate will be asked, and the cloud sees that too."""
    simulator.growatt.add_device(SERIAL, datalogger_sn="STICK")
    foreseen, make = planned
    await make(client)
    assert gate.permitted == [foreseen(client)]
    ((call, error),) = gate.ended
    assert (call, error) == (foreseen(client), None)
    (arrived,) = simulator.calls[:]
    assert (arrived.method, arrived.path) == (call.endpoint.method, f"/{call.endpoint.path}")
    pairs = "&".join(f"{key}={value}" for key, value in sorted(arrived.params.items()))
    assert call.subject == pairs


# Secrets


async def test_nothing_tells_a_secret(
    client: GrowattClient, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither logs at debug level nor errors show token, password or e-mail address.

    Not even where the cloud repeats them in its message.
    """
    caplog.set_level(logging.DEBUG)
    await client.test()
    await client.register(REGISTER, FORM)
    echo = f"{INSTALLER_TOKEN} {PASSWORD} {EMAIL} is bad"
    said = ""
    for code in (10003, 10011, 12345):
        simulator.faults.add("user/user_register", kind="code", code=code, msg=echo)
        with pytest.raises(Exception, match=r".") as caught:
            await client.register(REGISTER, FORM)
        said += everything_said(caught.value)
    for kind in ("firewall", "garbage", "cut", "redirect", "http_500", "oversized"):
        simulator.faults.add("user/user_register", kind=kind)
        with pytest.raises(Exception, match=r".") as caught:
            await client.register(REGISTER, {**FORM, "username": kind})
        said += everything_said(caught.value)
    assert "is bad" in said
    assert "POST v1/user/user_register: HTTP 200, code 12345, " in caplog.text
    for secret in (INSTALLER_TOKEN, PASSWORD, EMAIL):
        assert secret not in caplog.text
        assert secret not in said
    assert simulator.calls.secrets_in_url == []
