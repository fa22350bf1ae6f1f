"""Run a Python module, Home Assistant, with a network that ends at this machine.

Usage: PYTHON loopback_only.py MODULE ARGUMENTS...

Whoever tries to reach, or to be reached from, another machine gets the error that an unplugged
cable gives, and a line starting with MARKER goes to standard error, where the harness finds it.
"""

import ctypes
import errno
from importlib import import_module
import ipaddress
from pathlib import Path
import runpy
import signal
import socket
import sys
import traceback
from typing import Any

MARKER = "BEYOND LOOPBACK:"
PR_SET_PDEATHSIG = 1
# Whose pictures of built-in integrations a front end asks Home Assistant for. Refused like any
# other, but not worth a line: the page then shows none.
PICTURES = "brands.home-assistant.io"


def refuse(what: str) -> None:
    """Say who tried what, and raise OSError."""
    frames = traceback.extract_stack()[:-2]
    callers = [
        f"{Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno}"
        for frame in frames
        if "site-packages" in frame.filename
    ]
    sys.stderr.write(f"{MARKER} {what} by {' > '.join(callers[-6:])}\n")
    raise unplugged()


def unplugged() -> OSError:
    """Return the error of a machine without a network."""
    return OSError(errno.ENETUNREACH, "no network but loopback")


def is_local(host: object) -> bool:
    """Whether a host, by name or address, is this machine's loopback."""
    if host in (None, "localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return text == "localhost"


def watch(event: str, args: tuple[Any, ...]) -> None:
    """Judge what Python is about to do with a socket (an audit hook)."""
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        sock, address = args[:2]
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not address:
            return
        if is_local(address[0]):
            return
        if event == "socket.connect" and sock.type & socket.SOCK_DGRAM:
            # Sends nothing: Home Assistant asks the kernel for its own address this way.
            raise unplugged()
        refuse(f"{event} {address}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not is_local(args[0]):
        refuse(f"{event} {args[0]!r}")


def keep_zeroconf_local() -> None:
    """Give zeroconf a socket on loopback instead of one that listens to the whole network."""
    core = import_module("zeroconf._core")
    create_sockets = core.create_sockets

    def on_loopback(*_args: object, **_kwargs: object) -> object:
        return create_sockets(["127.0.0.1"], unicast=True)

    setattr(core, create_sockets.__name__, on_loopback)


def keep_names_local() -> None:
    """Stop c-ares, Home Assistant's resolver: no audit event sees what it does."""

    def no_lookup(_channel: object, name: object, *_args: object, **_kwargs: object) -> None:
        if name == PICTURES:
            raise unplugged()
        refuse(f"name lookup {name!r}")

    channel = import_module("pycares").Channel
    for lookup in ("getaddrinfo", "getnameinfo", "gethostbyaddr", "query", "search"):
        setattr(channel, lookup, no_lookup)


def main() -> None:
    """Run the module under watch."""
    if sys.platform == "linux":
        # When the harness is killed the server goes with it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # This file's folder has modules that would hide others.
    sys.path.pop(0)
    module = sys.argv.pop(1)
    sys.addaudithook(watch)
    keep_zeroconf_local()
    keep_names_local()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
