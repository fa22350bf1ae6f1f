"""Makes the measurements, one process each, and prints the table: scripts/benchmark."""

import argparse
from importlib import metadata
import os
from pathlib import Path
import platform
import subprocess
import sys
import time
from typing import Final

from . import table

NAMES: Final = (
    *("calls", "time_to_know", "event_loop", "startup", "bulk", "disk", "labels"),
    "dialogs",
)
# Needs a real Home Assistant and a browser, which are in an environment of their own.
_ON_THE_SERVER: Final = frozenset({"dialogs"})
_SERVER: Final = Path(sys.executable).parents[2] / "server" / "bin" / "python"
_README: Final = Path(__file__).with_name("README.md")


def main() -> int:
    """Measure what was asked for; 1 when a measurement failed."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--write", action="store_true", help="write benchmarks/README.md too")
    arguments = parser.parse_args()
    names: list[str] = arguments.names or list(NAMES)
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"there is no measurement {unknown[0]!r}; there are: {', '.join(NAMES)}")
    rows: list[table.Row] = []
    for name in names:
        began = time.monotonic()
        python = _SERVER if name in _ON_THE_SERVER else sys.executable
        # Each is alone with its process: what one imports or patches says nothing about others.
        done = subprocess.run(  # noqa: S603 - our Pythons, our modules
            [python, "-m", f"benchmarks.{name}"],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        if done.returncode:
            print(f"{name} failed", file=sys.stderr)
            return 1
        rows += table.receive(done.stdout)
    text = "\n".join([_machine(), *table.lines(rows)])
    print(text)
    if arguments.write:
        table.write(_README, text)
    return 0


def _machine() -> str:
    versions = {name: metadata.version(name) for name in ("homeassistant", "growattServer")}
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, Home Assistant"
        f" {versions['homeassistant']}, growattServer {versions['growattServer']}"
    )


if __name__ == "__main__":
    sys.exit(main())
