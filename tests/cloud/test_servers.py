"""Addresses as they are typed."""

import string
import sys

from hypothesis import example, given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.anqicms import ANQICMS
from custom_components.growatt_onboarding.cloud.errors import InvalidInputError
from custom_components.growatt_onboarding.cloud.growatt import GROWATT
from custom_components.growatt_onboarding.cloud.provider import Endpoint, Provider
from custom_components.growatt_onboarding.cloud.quectel import QUECTEL
from custom_components.growatt_onboarding.cloud.servers import resolve, server_key, web_page
from custom_components.growatt_onboarding.cloud.shopxo import SHOPXO

CLOUD = "custom_components.growatt_onboarding.cloud"


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("global", "https://openapi.growatt.com"),
        ("north_america", "https://openapi-us.growatt.com"),
        ("australia_new_zealand", "https://openapi-au.growatt.com"),
        ("china", "https://openapi-cn.growatt.com"),
        ("test", "https://test.growatt.com"),
    ],
)
def test_known_servers(key: str, url: str) -> None:
    """A key is its server's address; the address, however written, is the key again."""
    assert resolve(GROWATT, key) == url
    assert resolve(GROWATT, f" {url.upper()}/ ") == url
    assert server_key(GROWATT, url) == key


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("cloud.example", "https://cloud.example"),
        ("cloud.example:8443/", "https://cloud.example:8443"),
        ("https://Cloud.Example.:443//", "https://cloud.example"),
        ("https://cloud.example/a/b/?q=1#f", "https://cloud.example/a/b"),
        ("https://cloud.example/a/../b/./c", "https://cloud.example/b/c"),
        ("https://exämple.de", "https://xn--exmple-cua.de"),
        ("https://xn--exmple-cua.de", "https://xn--exmple-cua.de"),
        ("https://8.8.8.8", "https://8.8.8.8"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("HTTPS://my_host-1.example", "https://my_host-1.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("localhost:8080", "https://localhost:8080"),
        ("http://homeserver", "http://homeserver"),
        ("http://homeserver:80", "http://homeserver"),
        ("http://sim.localhost", "http://sim.localhost"),
        ("http://cloud.local", "http://cloud.local"),
        ("http://cloud.lan", "http://cloud.lan"),
        ("http://cloud.internal", "http://cloud.internal"),
        ("http://cloud.home.arpa", "http://cloud.home.arpa"),
        ("http://127.0.0.1:5000/x/", "http://127.0.0.1:5000/x"),
        ("http://10.1.2.3", "http://10.1.2.3"),
        ("http://172.31.0.1", "http://172.31.0.1"),
        ("http://192.168.1.2", "http://192.168.1.2"),
        ("http://169.254.1.1", "http://169.254.1.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[fd00::1]", "http://[fd00::1]"),
        ("http://[fe80::1]", "http://[fe80::1]"),
        ("http://[::ffff:192.168.1.2]", "http://[::ffff:192.168.1.2]"),
    ],
)
def test_address_gets_one_spelling(typed: str, url: str) -> None:
    assert resolve(GROWATT, typed) == url
    assert resolve(GROWATT, url) == url
    assert server_key(GROWATT, url) == url


@pytest.mark.parametrize(
    ("provider", "typed", "url"),
    [
        (GROWATT, "https://openapi.growatt.com/v1", "https://openapi.growatt.com"),
        (GROWATT, "openapi.growatt.com/v1/plant/list?page=1", "https://openapi.growatt.com"),
        (GROWATT, "https://x.example/g/v1/device/sn/add/", "https://x.example/g"),
        (GROWATT, "https://x.example/v4/new-api/queryDeviceList", "https://x.example"),
        (GROWATT, "https://x.example/v1/v1", "https://x.example"),
        (GROWATT, "https://x.example/v1/proxy", "https://x.example/v1/proxy"),
        (GROWATT, "https://x.example/v10", "https://x.example/v10"),
        (
            QUECTEL,
            "https://iot-api.acceleronix.io/v2/enduser/enduserapi/emailPwdRegister",
            "https://iot-api.acceleronix.io",
        ),
        (QUECTEL, "https://x.example/iot/v2/binding", "https://x.example/iot"),
        (SHOPXO, "https://shop.example/api.php?s=user/reg", "https://shop.example"),
        (SHOPXO, "https://shop.example/public/api.php", "https://shop.example/public"),
        (SHOPXO, "https://x.example/shop/api.php/user/reg.html", "https://x.example/shop"),
        (SHOPXO, "https://x.example/my-api.php", "https://x.example/my-api.php"),
        (SHOPXO, "https://x.example/index.php?s=user/logininfo.html", "https://x.example"),
        (SHOPXO, "https://x.example/shop/index.php/user/reginfo.html", "https://x.example/shop"),
        (SHOPXO, "https://x.example/?s=user/reginfo.html", "https://x.example"),
        (SHOPXO, "https://x.example/user/logininfo.html", "https://x.example"),
        (SHOPXO, "https://x.example/login", "https://x.example"),
        (SHOPXO, "https://x.example/shop/register.html", "https://x.example/shop"),
        (SHOPXO, "https://x.example/login/shop", "https://x.example/login/shop"),
        (ANQICMS, "https://x.example/login", "https://x.example"),
        (ANQICMS, "https://x.example/en/register", "https://x.example/en"),
        (ANQICMS, "https://x.example/register.html?site_id=2", "https://x.example"),
        (ANQICMS, "https://en.anqicms.com/api/register", "https://en.anqicms.com"),
        (ANQICMS, "https://x.example/cms/api/register", "https://x.example/cms"),
        (ANQICMS, "https://x.example/cms/api/user/detail", "https://x.example/cms"),
        (ANQICMS, "https://x.example/api/", "https://x.example"),
        (ANQICMS, "https://x.example/api/cms", "https://x.example/api/cms"),
        (ANQICMS, "https://x.example/api-user/3512.html", "https://x.example/api-user/3512.html"),
    ],
)
def test_address_of_the_interface_itself(provider: Provider, typed: str, url: str) -> None:
    """Copied from the documentation it leads to the server; a path before it stays."""
    assert resolve(provider, typed) == url
    assert resolve(provider, url) == url


@pytest.mark.parametrize("provider", registry.providers(), ids=lambda provider: provider.key)
def test_every_call_is_known_by_its_path(provider: Provider) -> None:
    endpoints = {
        value
        for name, module in sys.modules.items()
        if name.startswith(f"{CLOUD}.{provider.key}")
        for value in vars(module).values()
        if isinstance(value, Endpoint)
    }
    assert endpoints
    for endpoint in endpoints:
        assert resolve(provider, f"https://x.example/y/{endpoint.path}") == "https://x.example/y"


@pytest.mark.parametrize(
    "typed",
    [
        "http://cloud.example",
        "http://openapi.growatt.com",
        "http://8.8.8.8",
        "http://172.32.0.1",
        "http://100.64.0.1",
        "http://0.0.0.0",
        "http://192.0.2.1",
        "http://[2001:db8::1]",
        "http://[::ffff:8.8.8.8]",
        "http://notlocal.example",
        "http://localhost.example",
        "http://evillan.example",
        "http://127.0.0.1.example",
        "http://exämple.de",
    ],
)
def test_plain_http_is_for_the_house(typed: str) -> None:
    """Secrets go to a public host encrypted only."""
    with pytest.raises(InvalidInputError) as caught:
        resolve(GROWATT, typed)
    assert (caught.value.key, caught.value.field) == ("insecure_url", "server")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "  ",
        "https://",
        "https:///path",
        "://host",
        "ftp://host",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "mailto:me@example.com",
        "https://me:pass@cloud.example",
        "https://me@cloud.example",
        "https://openapi.growatt.com@evil.example",
        "https://cloud.example:0",
        "https://cloud.example:99999",
        "https://cloud.example:x",
        "https://cloud..example",
        "https://.example",
        "https://-a.example",
        "https://a-.example",
        "https://a b.example",
        "https://cloud.example/a b",
        "https://cloud.example\\x",
        "https://a%20b",
        "https://[fe80::1%25eth0]",
        "https://[zz]",
        "https://[::1",
        "https://1.2.3",
        "http://2130706433",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "https://256.1.1.1",
        "https://" + "a" * 64 + ".example",
        "https://" + "ü" * 70 + ".example",
        "https://" + "a." * 127 + "example",
        "https://xn--\u2603",
        "<script>",
        "[]\u0660xn--@",
        "https://xn--a-ecp.ru",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        resolve(GROWATT, typed)
    assert (caught.value.key, caught.value.field) == ("invalid_url", "server")


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("https://a\tb.example", "invalid_characters"),
        ("https://a\u200bb.example\n/x\x00", "invalid_characters"),
        # Without the joiner it would be the name of another server.
        ("https://\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "invalid_characters"),
        pytest.param("https://cloud.example" + "/v1" * 1_000, "too_long", id="long"),
    ],
)
def test_what_nobody_types_as_an_address(typed: str, key: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        resolve(GROWATT, typed)
    assert (caught.value.key, caught.value.field) == (key, "server")


@pytest.mark.parametrize(
    "typed",
    ["\ufeffhttps://cloud.exa\u00admple\u200b", "\uff48ttps\uff1a\uff0f\uff0fcloud.example\u3000"],
)
def test_what_came_along_with_an_address_goes(typed: str) -> None:
    assert resolve(GROWATT, typed) == "https://cloud.example"


@given(typed=st.text() | st.text(alphabet=string.ascii_letters + string.digits + ".:/[]@-%"))
@settings(max_examples=500)
def test_any_address(typed: str) -> None:
    for start in ("", "http://", "https://"):
        try:
            url = resolve(GROWATT, start + typed)
        except InvalidInputError:
            continue
        assert resolve(GROWATT, url) == url
        assert url.startswith(("http://", "https://"))
        assert url.isascii()


PIECES = st.lists(
    st.sampled_from(
        [
            *"[]:@%/?#a.1<)\\ ü\ud800\u0660\0\u200d\u0301",
            "http",
            "https://",
            "://",
            "::",
            "xn--",
            "99999",
        ]
    ),
    max_size=10,
).map("".join)


@given(typed=PIECES | PIECES.map("https://{}".format) | st.text())
@example(typed="@[]\u0660xn--@")
@settings(max_examples=1_000)
def test_any_odd_address(typed: str) -> None:
    """It is refused, or has a host that anybody can find."""
    try:
        url = resolve(GROWATT, typed)
    except InvalidInputError as err:
        assert err.field == "server"  # noqa: PT017 - any refusal will do
    else:
        assert URL(url).host
        assert resolve(GROWATT, url) == url


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ("https://shop.example/a b", "https://shop.example/a%20b"),
        ("http://Shop.example/<p>?q=ü", "http://shop.example/%3Cp%3E?q=%C3%BC"),
        ("https://xn--ls8h.example/", "https://xn--ls8h.example/"),
        ("http://192.168.1.5:8080/x", "http://192.168.1.5:8080/x"),
        *(
            (no_page, None)
            for no_page in ("", "/index.php", "javascript:alert(1)", "//shop.example")
        ),
        *((f"http://{host}", None) for host in ("[::1", "a:99999", "a..b", "a>b", "a b", "a%00b")),
        *(
            (f"http://{host}", None)
            for host in ("xn--", "xn--a-ecp.ru", "]\u00fc[x", "", "me@host")
        ),
        pytest.param("https://shop.example/" + "a" * 2_000, None, id="long"),
    ],
)
def test_pages(sent: str, page: str | None) -> None:
    assert web_page(sent) == page


@given(sent=PIECES.map("http://{}".format) | st.text())
@example(sent="http://xn--")
@settings(max_examples=1_000)
def test_any_page(sent: str) -> None:
    """It breaks out of no text, and there is none if anything is wrong with it."""
    if (page := web_page(sent)) is not None:
        assert page.startswith(("http://", "https://"))
        assert page.isascii()
        assert not set(page) & set(' "<>\\^`{|}')
        assert web_page(page) == page
