"""What importing the integration adds to a start of Home Assistant."""

import os
import statistics
import subprocess
import sys
from typing import Final

from . import table

_GROUP: Final = "Start-up"
_RUNS: Final = 7
_TRACED_RUNS: Final = 3
# What every Home Assistant with a cloud integration has imported anyway.
_THERE: Final = (
    "homeassistant.bootstrap",
    "homeassistant.helpers.aiohttp_client",
    "homeassistant.helpers.update_coordinator",
    "homeassistant.components.repairs",
    "homeassistant.components.diagnostics",
    "homeassistant.components.system_health",
    *(
        f"homeassistant.components.{name}"
        for name in ("binary_sensor", "button", "event", "number", "sensor", "switch")
    ),
)
# What Home Assistant imports of an integration that has an entry: the package, the modules it
# preloads (`homeassistant.loader.BASE_PRELOAD_PLATFORMS`), the platforms of its entities, and the
# cloud of its account.
_OURS: Final = (
    "custom_components.growatt_onboarding",
    *(
        f"custom_components.growatt_onboarding.{name}"
        for name in (
            *("config_flow", "diagnostics", "repairs", "system_health"),
            *("binary_sensor", "button", "event", "sensor"),
            "cloud.growatt",
        )
    ),
)
_CORE: Final = (
    "homeassistant.components.growatt_server",
    *(
        f"homeassistant.components.growatt_server.{name}"
        for name in ("config_flow", "diagnostics", "number", "sensor", "switch")
    ),
)
# Of all the clouds only one needs it, and only to sign in with a password.
_CRYPTO: Final = ("cryptography.hazmat.primitives.ciphers", "Crypto.Cipher")

_MEASURE: Final = """
import gc, importlib, sys, time
for name in {there!r}:
    importlib.import_module(name)
before = set(sys.modules)
# What was imported before is not to be looked through while ours is.
gc.collect()
gc.freeze()
began = time.process_time()
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as err:
        if err.name != name:
            raise
took = time.process_time() - began
new = set(sys.modules) - before
print(took, len(new), *(name for name in {crypto!r} if name in new))
"""


def imported(modules: tuple[str, ...]) -> tuple[float, int, list[str]]:
    """Return processor seconds, the number of modules, and which crypto modules are there."""
    code = _MEASURE.format(there=_THERE, modules=modules, crypto=_CRYPTO)
    output = _python("-c", code).stdout.split()
    return float(output[0]), int(output[1]), output[2:]


def slowest(modules: tuple[str, ...], count: int = 3) -> list[tuple[int, str]]:
    """Return what `python -X importtime` finds slowest: microseconds of its own, and the name."""
    code = _MEASURE.format(there=_THERE, modules=modules, crypto=_CRYPTO)
    marked = code.replace("began =", "sys.stderr.write('BEGIN\\n'); began =")
    best: dict[str, int] = {}
    for _ in range(_TRACED_RUNS):
        _, _, errors = _python("-X", "importtime", "-c", marked).stderr.partition("BEGIN\n")
        for line in errors.splitlines():
            match line.removeprefix("import time:").split("|"):
                case [own, _, name]:
                    best[name.strip()] = min(int(own), best.get(name.strip(), int(own)))
    return sorted(((own, name) for name, own in best.items()), reverse=True)[:count]


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=True,
        # As with any installed integration, what is imported was compiled once.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )


def measure() -> list[table.Row]:
    """Return the table's rows."""
    ours, core = [], []
    for _ in range(_RUNS):
        ours.append(imported(_OURS))
        core.append(imported(_CORE))
    mine = statistics.median(run[0] for run in ours)
    theirs = statistics.median(run[0] for run in core)
    crypto = ours[0][2]
    longest = ", ".join(
        f"{name.removeprefix(f'{_OURS[0]}.')} {microseconds / 1000:.0f} ms"
        for microseconds, name in slowest(_OURS)
    )
    return [
        table.Row(
            group=_GROUP,
            what="importing everything that a start imports of it",
            ours=f"{mine * 1000:.0f} ms, {ours[0][1]} modules",
            theirs=f"growatt_server {theirs * 1000:.0f} ms, {core[0][1]} modules",
            ratio=table.quotient(mine, theirs),
            goal="below 2",
            met=mine < theirs * 2,
        ),
        table.Row(
            group=_GROUP,
            what="what takes longest of it, as `python -X importtime` says",
            ours=longest,
        ),
        table.Row(
            group=_GROUP,
            what="the crypto library",
            ours=f"imported ({', '.join(crypto)})" if crypto else "not imported",
            goal="only when it is needed",
            met=not crypto,
        ),
    ]


if __name__ == "__main__":
    table.send(measure())
