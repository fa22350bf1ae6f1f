"""Checks and normalizes addresses: of servers, as typed, and of web pages, as servers send them.

As passwords and tokens are sent to servers, `https` is required. Plain `http` is only allowed for
loopback, link-local and private IP addresses (100.64.0.0/10, which carriers share among customers,
is not private), names without a dot, and the local domains below.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
import re
from typing import Final

from yarl import URL

from .errors import InvalidInputError
from .fields import optional_text
from .provider import Provider

SERVER_FIELD: Final = "server"

_LOCAL_NETWORKS = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
    IPv6Network("fe80::/10"),
)
_LOCAL_SUFFIXES = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# Resolvers take such a name for an IPv4 address in an obsolete notation.
_NUMBER = r"\d+|0x[0-9a-f]*"
_MAX_NAME = 253
# What all servers and browsers take.
_MAX_ADDRESS = 2_000
_NEVER_IN_AN_ADDRESS = frozenset(' "<>\\^`{|}')


def resolve(provider: Provider, value: str) -> str:
    """Return the base URL for an address or for the key of a known server.

    The default scheme is https. Query, fragment, trailing slash, default port and the API's own
    part of the path are removed; the host is converted to lower-case ASCII. Raises
    InvalidInputError at `server`.
    """
    value = optional_text({SERVER_FIELD: value}, SERVER_FIELD) or ""
    for server in provider.servers:
        if value == server.key:
            return server.url
    url = _parse(value)
    host = _host(url)
    if url.scheme == "http" and not _is_local(host):
        raise InvalidInputError("insecure_url", field=SERVER_FIELD)
    port = "" if url.is_default_port() else f":{url.port}"
    path = _base_path(provider, url.raw_path)
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{port}{path}"


def server_key(provider: Provider, url: str) -> str:
    """Return the key of the known server with this URL, otherwise the URL itself."""
    return next((server.key for server in provider.servers if server.url == url), url)


def web_page(address: str) -> str | None:
    """Return the address of a web page in a form that needs no escapes, None if it is not one."""
    try:
        url = _absolute(address)
        _host(url)
    except InvalidInputError:
        return None
    return str(url)


def _parse(value: str) -> URL:
    """Return the URL of a typed address, by default with https. Raises InvalidInputError."""
    if any(char in value for char in _NEVER_IN_AN_ADDRESS):
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    return _absolute(value if "://" in value else f"https://{value}")


def _absolute(value: str) -> URL:
    """Return an absolute http or https URL. Raises InvalidInputError."""
    if len(value) > _MAX_ADDRESS or not value.isprintable():
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    try:
        url = URL(value)
        # Each of these may be what cannot be parsed.
        port, host = url.port, url.host
    # Brackets in odd places lead the parser astray.
    except ValueError, IndexError:
        url, port, host = URL(), None, None
    # Credentials in a URL are either a mistake or meant to disguise the host.
    if (
        url.scheme not in {"http", "https"}
        or not (port and host)
        or url.raw_user
        or url.raw_password
    ):
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    return url


def _base_path(provider: Provider, path: str) -> str:
    """Return a path without the API's own part and without a trailing slash."""
    path = path.rstrip("/")
    # Repeated, so that resolving the result again does not change it.
    while provider.api_path is not None and (own := re.search(provider.api_path, path)) is not None:
        path = path[: own.start()].rstrip("/")
    return path


def _host(url: URL) -> str:
    """Return a URL's host without a trailing dot. Raises InvalidInputError if it is not valid."""
    host = (url.raw_host or "").lower().removesuffix(".")
    labels = host.split(".")
    if "%" in host:
        # IPv6 zones only have a meaning on one machine.
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    try:
        if ":" in host or re.fullmatch(_NUMBER, labels[-1]):
            return ip_address(host).compressed
    except ValueError:
        raise InvalidInputError("invalid_url", field=SERVER_FIELD) from None
    if len(host) > _MAX_NAME or not all(re.fullmatch(_LABEL, label) for label in labels):
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    return host


def _is_local(host: str) -> bool:
    """Return whether a host is certain to be on the local network."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in _LOCAL_NETWORKS)
