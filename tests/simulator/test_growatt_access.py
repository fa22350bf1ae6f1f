"""What every Growatt endpoint shares: tokens, methods, limits, forms of answers."""

from typing import Any

import aiohttp
import pytest

from simulator import END_USER_TOKEN, INSTALLER_TOKEN, Simulator
from simulator.growatt.api import ENDPOINTS

from .client import Client

V4_LIST = "new-api/queryDeviceList"
DENIED = {"data": "", "error_code": 10011, "error_msg": "error_permission_denied"}


def test_constants_look_like_tokens() -> None:
    """The fake tokens have the vendor's length, and nobody takes them for real ones."""
    assert {len(INSTALLER_TOKEN), len(END_USER_TOKEN)} == {32}
    assert all(token.startswith("SIMULATORTOKEN") for token in (INSTALLER_TOKEN, END_USER_TOKEN))


def test_documented_endpoints() -> None:
    """Methods, intervals in seconds, and calls a day are those of the vendor's pages."""
    assert {
        path: (endpoint.method, endpoint.rule.interval, endpoint.rule.per_day)
        for path, endpoint in ENDPOINTS.items()
    } == {
        "user/user_register": ("POST", None, None),
        "user/check_user": ("POST", None, None),
        "user/modify": ("POST", None, None),
        "user/c_user_list": ("GET", 300, 10),
        "plant/add": ("POST", 300, None),
        "plant/modify": ("POST", None, 10),
        "plant/delete": ("POST", None, None),
        "plant/list": ("GET", 300, 10),
        "plant/user_plant_list": ("POST", 300, 10),
        "plant/details": ("GET", 300, None),
        "plant/data": ("GET", None, None),
        "plant/sn_plant": ("POST", 300, None),
        "device/sn/add": ("POST", 300, None),
        "device/datalogger/validate": ("POST", None, None),
        "device/datalogger/add": ("POST", 300, None),
        "device/datalogger/delete": ("POST", 300, None),
        "device/datalogger/list": ("GET", 300, None),
        "device/list": ("GET", 300, None),
        "device/check/sn": ("GET", 300, None),
        "device/sn_datalog": ("POST", None, None),
        "device/all/create_date": ("POST", 300, None),
        "device/tlx/tlx_data_info": ("GET", 300, None),
        "device/tlx/tlx_set_info": ("GET", None, None),
        "device/tlx/tlx_last_data": ("POST", 300, None),
        "plant/power": ("GET", 300, None),
        V4_LIST: ("POST", 5, None),
    }


@pytest.mark.parametrize(
    ("path", "missing"), [("plant/list", 10011), ("user/user_register", 10008)]
)
async def test_bad_token(installer: Client, path: str, missing: int) -> None:
    """A bad token is denied with empty data; registering has a code of its own for none."""
    installer.token = "X" * 32
    assert await installer.send(ENDPOINTS[path].method, path, {}) == DENIED
    installer.token = None
    answer = await installer.send(ENDPOINTS[path].method, path, {})
    assert (answer["error_code"], answer["data"]) == (missing, "")


async def test_v4_refusals(simulator: Simulator, installer: Client) -> None:
    """The v4 list uses keys and codes of its own."""
    installer.version = "v4"
    limited = Client(installer.session, installer.url, "L" * 32, "v4")
    simulator.growatt.add_token("L" * 32, may_v4=False)
    unknown = Client(installer.session, installer.url, "X" * 32, "v4")
    answers = [await client.post(V4_LIST, page=1) for client in (installer, installer)]
    answers += [await limited.post(V4_LIST), await unknown.post(V4_LIST)]
    assert [(answer["code"], answer["message"]) for answer in answers] == [
        (0, "SUCCESSFUL_OPERATION"),
        (102, "FREQUENTLY_ACCESS"),
        (101, "NO_PERMISSION_TO_ACCESS"),
        (2, "INVALID_SECRET_TOKEN"),
    ]


@pytest.mark.parametrize("path", ["plant/list", "plant/add", V4_LIST])
async def test_wrong_method(installer: Client, path: str) -> None:
    """A wrong method meets the web server, not the interface."""
    method = "POST" if ENDPOINTS[path].method == "GET" else "GET"
    async with installer.session.request(
        method, installer.address(path), headers=installer.headers
    ) as response:
        assert response.status == 405
        assert response.content_type == "text/html"


async def test_unknown_endpoint_is_denied(installer: Client) -> None:
    """What is not granted and what does not exist look the same."""
    assert await installer.get("user/login") == DENIED


async def test_path_of_no_cloud(installer: Client) -> None:
    """Elsewhere there is nothing."""
    async with installer.session.get(f"{installer.url}/v3/plant/list") as response:
        assert response.status == 404


@pytest.mark.parametrize("version", ["v1", "v4"])
async def test_both_versions_serve_every_endpoint(installer: Client, version: str) -> None:
    """One public client uses /v4/ for everything."""
    installer.version = version
    assert (await installer.get("plant/list"))["data"]["count"] == 1


async def test_versions_share_their_limits(installer: Client) -> None:
    """The other version is no way round a limit."""
    assert (await installer.get("plant/list"))["error_code"] == 0
    installer.version = "v4"
    assert (await installer.get("plant/list"))["error_code"] == 10012


async def test_wrong_domain(simulator: Simulator, installer: Client) -> None:
    """An old host answers -1 to everybody, in both forms."""
    simulator.growatt.wrong_domain = True
    answer = await installer.get("plant/list")
    assert (answer["error_code"], answer["data"]) == (-1, "")
    assert "new domain" in answer["error_msg"]
    assert (await installer.post(V4_LIST))["code"] == -1
    simulator.growatt.wrong_domain = False
    assert (await installer.get("plant/list"))["error_code"] == 0


async def test_other_region(simulator: Simulator, installer: Client) -> None:
    """A token of another region, and one that this region is told to reject, are unknown here."""
    simulator.growatt.add_token("C" * 32, region="china")
    chinese = Client(installer.session, installer.url, "C" * 32)
    assert await chinese.get("plant/list") == DENIED
    simulator.growatt.region_reject_tokens.add(INSTALLER_TOKEN)
    assert await installer.get("plant/list") == DENIED
    simulator.growatt.region = "china"
    assert (await chinese.get("plant/list"))["error_code"] == 0


@pytest.mark.parametrize(
    ("permission", "path"),
    [
        ({"may_register": False}, "user/user_register"),
        ({"may_bind": False}, "device/sn/add"),
        ({"may_bind": False}, "device/datalogger/add"),
        ({"endpoints_denied": {"device/list"}}, "device/list"),
        ({"endpoints_denied": {"device/datalogger/list"}}, "device/datalogger/list"),
        ({"endpoints_denied": {"device/datalogger/validate"}}, "device/datalogger/validate"),
    ],
)
async def test_denied_endpoint(
    simulator: Simulator, installer: Client, permission: dict[str, Any], path: str
) -> None:
    """A good token that may not use one endpoint gets 10011 there, and only there."""
    simulator.growatt.add_token("D" * 32, **permission)
    installer.token = "D" * 32
    assert await installer.send(ENDPOINTS[path].method, path, {}) == DENIED
    assert (await installer.get("plant/list"))["error_code"] == 0


async def test_end_user_token_needs_its_user(simulator: Simulator) -> None:
    """An end user's token without one would see nothing for reasons nobody finds."""
    with pytest.raises(ValueError, match="end user"):
        simulator.growatt.add_token("E" * 32, kind="end_user", user_id=999)


@pytest.mark.parametrize(
    "path",
    [
        "device/sn/add",
        "device/check/sn",
        "device/list",
        "device/datalogger/add",
        "device/datalogger/delete",
        "device/datalogger/list",
    ],
)
async def test_interval(simulator: Simulator, installer: Client, path: str) -> None:
    """The same request is refused for 300 seconds, whatever the first answer was."""
    method = ENDPOINTS[path].method
    first = await installer.send(method, path, {})
    second = await installer.send(method, path, {})
    assert first.get("error_code") != 10012
    assert second == {"data": "", "error_code": 10012, "error_msg": "error_frequently_access"}
    simulator.advance(300)
    assert (await installer.send(method, path, {})).get("error_code") != 10012
    assert [(item.endpoint, item.rule) for item in simulator.growatt.limits.violations] == [
        (path, "interval")
    ]


@pytest.mark.parametrize("path", ["plant/list", "plant/modify"])
async def test_daily_budget(simulator: Simulator, installer: Client, path: str) -> None:
    """Ten calls in 24 hours, even when they are hours apart."""
    codes = []
    for page in range(1, 12):
        answer = await installer.send(
            ENDPOINTS[path].method, path, {"page": page, "user_name": "sim-resident"}
        )
        codes.append(answer["error_code"] == 10012)
        simulator.advance(3600)
    assert codes == [False] * 10 + [True]
    simulator.advance(13 * 3600)
    answer = await installer.send(ENDPOINTS[path].method, path, {"user_name": "sim-resident"})
    assert answer["error_code"] != 10012


async def test_refused_calls_use_no_budget(simulator: Simulator, installer: Client) -> None:
    """Who may not call an endpoint does not use up its limit either."""
    simulator.growatt.region_reject_tokens.add(INSTALLER_TOKEN)
    await installer.get("plant/list")
    simulator.growatt.region_reject_tokens.clear()
    assert (await installer.get("plant/list"))["error_code"] == 0


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("user/c_user_list", {}),
        ("plant/list", {}),
        ("device/list", {"plant_id": 20001}),
        ("device/datalogger/list", {"plant_id": 20001}),
    ],
)
async def test_paging_bounds(installer: Client, path: str, params: dict[str, int]) -> None:
    """At most 100 per page and 250 pages; nonsense is a system error; empty means default."""
    expected = {
        ("1", "101"): 10013,
        ("251", "20"): 10014,
        ("0", "20"): 10001,
        ("x", "20"): 10001,
        ("250", "100"): 0,
        ("", ""): 0,
    }
    codes = {
        (page, size): (await installer.get(path, **params, page=page, perpage=size))["error_code"]
        for page, size in expected
    }
    assert codes == expected


async def test_pages(simulator: Simulator, installer: Client) -> None:
    """Pages follow each other without a gap; 20 stand on one by default."""
    for number in range(44):
        simulator.growatt.add_plant(101, f"Plant {number}")
    default = await installer.get("plant/list")
    assert (default["data"]["count"], len(default["data"]["plants"])) == (45, 20)
    pages = [
        (await installer.get("plant/list", page=page, perpage=30))["data"]["plants"]
        for page in (1, 2, 3)
    ]
    assert [len(page) for page in pages] == [30, 15, 0]
    ids = [plant["plant_id"] for page in pages for plant in page]
    assert ids == sorted(simulator.growatt.plants)


@pytest.mark.parametrize(
    ("method", "path", "sent", "code"),
    [
        # Some public clients send a POST's parameters like this.
        ("POST", "user/check_user", {"params": {"user_name": "sim-resident"}}, 10003),
        ("POST", "user/check_user", {"json": {"user_name": "sim-resident"}}, 10002),
        # And one a GET's.
        ("GET", "device/list", {"data": {"plant_id": 20001}}, 10002),
    ],
)
async def test_where_parameters_are_read(
    simulator: Simulator, installer: Client, *, method: str, path: str, sent: Any, code: int
) -> None:
    """Parameters are read from the query and a POST's form, not from JSON or a GET's body."""
    async with installer.session.request(
        method, installer.address(path), headers=installer.headers, **sent
    ) as response:
        assert (await response.json())["error_code"] == code
    assert simulator.calls.secrets_in_url == []


@pytest.mark.parametrize("secret", ["user_password", "token"])
async def test_secret_in_the_address(simulator: Simulator, installer: Client, secret: str) -> None:
    """A secret in an address is an error that a test can find, and is not repeated."""
    async with installer.session.post(
        installer.address("user/check_user"),
        params={secret: "not-a-real-secret", "user_name": "someone"},
        headers=installer.headers,
    ) as response:
        assert response.status == 500
        assert "not-a-real-secret" not in await response.text()
    assert [call.params[secret] for call in simulator.calls.secrets_in_url] == ["***"]


async def test_numbers_as_strings(simulator: Simulator, installer: Client) -> None:
    """Some servers send numbers as text; codes and truth values stay what they are."""
    simulator.growatt.numbers_as_strings = True
    simulator.growatt.add_device("SIM0000001", plant_id=20001)
    answer = await installer.get("device/list", plant_id=20001)
    assert answer["error_code"] == 0
    assert answer["data"]["count"] == "1"
    assert answer["data"]["devices"][0]["device_id"] == "3001"
    assert answer["data"]["devices"][0]["lost"] is True
    plant = (await installer.get("plant/list"))["data"]["plants"][0]
    assert (plant["plant_id"], plant["user_id"]) == ("20001", "101")
    accepted = await installer.post("device/sn/add", plant_id=20001, sn="SIM0000001", c_user_id=101)
    assert accepted["error_code"] == "10003"


async def test_log_of_calls(simulator: Simulator, installer: Client) -> None:
    """Every call is logged with what was asked and answered."""
    await installer.get("plant/list", page=1)
    await installer.post("user/check_user", user_name="sim-resident")
    async with aiohttp.ClientSession() as other:
        await Client(other, installer.url, None).post("user/check_user")
    assert [
        (call.cloud, call.method, call.path, call.params, call.token, call.status, call.code)
        for call in simulator.calls
    ] == [
        ("growatt", "GET", "/v1/plant/list", {"page": "1"}, INSTALLER_TOKEN, 200, 0),
        (
            "growatt",
            "POST",
            "/v1/user/check_user",
            {"user_name": "sim-resident"},
            INSTALLER_TOKEN,
            200,
            10003,
        ),
        ("growatt", "POST", "/v1/user/check_user", {}, None, 200, 10011),
    ]
    assert len(simulator.calls.of("check_user")) == 2
    assert simulator.calls.of("heck_user") == []
    assert INSTALLER_TOKEN not in repr(simulator.calls[:])
    simulator.calls.clear()
    assert len(simulator.calls) == 0
