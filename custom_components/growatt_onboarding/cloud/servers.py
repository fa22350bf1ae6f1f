"""Addresses of servers: what a person chose or typed, turned into one spelling.

Passwords and tokens travel to these addresses, so `https` is required. Plain `http` is left for
servers that cannot have a certificate and are not reached over the internet:

- addresses of this machine, of private networks and of the local link, IPv4 and IPv6
- `localhost`, names without a dot, and names ending in `.localhost`, `.local`, `.lan`,
  `.internal` or `.home.arpa`

Addresses that a carrier shares among customers (100.64.0.0/10) do not count as private.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
import re
from typing import Final

from yarl import URL

from .errors import InvalidInputError
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
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Resolvers take such a name for an IPv4 address in one of its old spellings.
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_MAX_NAME = 253
_NEVER_IN_AN_ADDRESS = frozenset(' "<>\\^`{|}')


def resolve(provider: Provider, value: str) -> str:
    """Return the base URL for the key of a known server or for an address.

    The URL has no trailing slash, no query and no fragment; its host is lower case and in
    ASCII; a port other than the scheme's own and a path are kept, but not what of the path is the
    interface's own. An address without a scheme gets `https`. Raises InvalidInputError at
    `server`: `invalid_url` or `insecure_url`.
    """
    value = value.strip()
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
    """Return what `resolve` turns into this URL: the key of a known server, else the URL."""
    return next((server.key for server in provider.servers if server.url == url), url)


def _parse(value: str) -> URL:
    """Return an absolute http or https URL; raise InvalidInputError."""
    if not value.isprintable() or any(char in value for char in _NEVER_IN_AN_ADDRESS):
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    try:
        url = URL(value if "://" in value else f"https://{value}")
        port = url.port
    except ValueError:
        url, port = URL(), None
    # Credentials in an address are either a mistake or meant to mislead about its host.
    if url.scheme not in {"http", "https"} or not port or url.raw_user or url.raw_password:
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    return url


def _base_path(provider: Provider, path: str) -> str:
    """Return a path up to where the interface begins, without a trailing slash."""
    path = path.rstrip("/")
    # Again, as what is left would be read the same way when it is resolved once more.
    while provider.api_path is not None and (own := provider.api_path.search(path)) is not None:
        path = path[: own.start()].rstrip("/")
    return path


def _host(url: URL) -> str:
    """Return a URL's host without a trailing dot; raise InvalidInputError if it cannot be one."""
    host = (url.raw_host or "").lower().removesuffix(".")
    labels = host.split(".")
    if "%" in host:
        # An IPv6 zone means something on one machine only.
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    try:
        if ":" in host or _NUMBER.fullmatch(labels[-1]):
            return ip_address(host).compressed
    except ValueError:
        raise InvalidInputError("invalid_url", field=SERVER_FIELD) from None
    if len(host) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInputError("invalid_url", field=SERVER_FIELD)
    return host


def _is_local(host: str) -> bool:
    """Return whether plain http to this host stays inside the house."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in _LOCAL_NETWORKS)
