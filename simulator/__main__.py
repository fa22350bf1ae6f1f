"""The simulator as a program: `python -m simulator --help`."""

import argparse
import asyncio
from collections.abc import Sequence
import contextlib
from datetime import UTC, datetime
import json
from pathlib import Path
import signal
import sys
from typing import Any

from .calls import RecordedCall
from .control import KINDS
from .server import Simulator

EXIT_UNUSABLE = 2


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="The clouds of Growatt Onboarding on one port of the loopback interface.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free one")
    parser.add_argument(
        "--seed",
        type=Path,
        metavar="FILE.json",
        help="what to begin with: lists under users, plants, tokens, dataloggers and devices, "
        "each item as the control interface takes it",
    )
    parser.add_argument(
        "--offline-for",
        type=float,
        metavar="SECONDS",
        help="simulated seconds from the acceptance of an unknown serial number until its device "
        "comes online (default: never by itself)",
    )
    parser.add_argument(
        "--time-factor",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="simulated seconds per second",
    )
    parser.add_argument(
        "--limits",
        choices=("parameters", "endpoint", "none"),
        default="parameters",
        help="which calls share an interval: the same endpoint with the same parameters, or the "
        "same endpoint; none switches all limits off",
    )
    parser.add_argument(
        "--accept-any-serial",
        action="store_true",
        help="make the device of any well-formed serial number on the fly",
    )
    parser.add_argument("--quiet", action="store_true", help="print no line per call")
    return parser.parse_args(argv)


def _load(simulator: Simulator, file: Path) -> None:
    """Add the items of a seed file; a ValueError names the file and the bad item."""
    try:
        seed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ValueError(f"seed {file}: {err}") from err
    if not isinstance(seed, dict) or seed.keys() - set(KINDS):
        raise ValueError(f"seed {file}: an object with {', '.join(KINDS)} is expected")
    for kind in KINDS:
        for number, item in enumerate(seed.get(kind, []), 1):
            _load_item(simulator, f"seed {file}: {kind}, item {number}", kind, dict(item))


def _load_item(simulator: Simulator, where: str, kind: str, item: dict[str, Any]) -> None:
    try:
        simulator.clouds.named(item.pop("cloud", "growatt")).load(kind, item)
    except KeyError as err:
        raise ValueError(f"{where}: unknown {err.args[0]}") from err
    except (TypeError, ValueError) as err:
        raise ValueError(f"{where}: {err}") from err


def _report(call: RecordedCall) -> None:
    """Print a call without its parameters, which may be private."""
    time = datetime.fromtimestamp(call.time, UTC).strftime("%H:%M:%S")
    fault = f" ({call.fault})" if call.fault else ""
    code = "" if call.code is None else f" code {call.code}"
    print(
        f"{time} {call.cloud} {call.method} {call.path} -> {call.status}{code}{fault}",
        flush=True,
    )


async def _run(arguments: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    simulator = Simulator(
        time_factor=arguments.time_factor,
        offline_for=arguments.offline_for,
        limit_reading=arguments.limits,
        accept_any=arguments.accept_any_serial,
        on_call=None if arguments.quiet else _report,
    )
    if arguments.seed is not None:
        _load(simulator, arguments.seed)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await simulator.start(arguments.port)
    try:
        print(f"Simulator ready at {simulator.url}", flush=True)
        await ended.wait()
    finally:
        await simulator.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    arguments = _arguments(argv)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(arguments))
    except (OSError, OverflowError, ValueError) as err:
        text = err.strerror if isinstance(err, OSError) and err.strerror else err
        print(f"simulator: {text}", file=sys.stderr)
        return EXIT_UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
