"""End this Home Assistant with SIGKILL at a marked moment of a binding, as a power cut would.

For the proof that no binding is lost or doubled; the product knows nothing of it. Who kills from
outside cannot hit what lies between two awaits, so this process kills itself there.

`moment` is the name of a function below, `serial` the inverter at whose binding it strikes, and
`state` the state of that binding, for the moments of writing.
"""

from collections.abc import Callable
from io import IOBase
import json
import os
from pathlib import Path
import signal
from typing import Any, Final

from atomicwrites import AtomicWriter
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.const import DOMAIN as PRODUCT
from custom_components.growatt_onboarding.gateway.store import DurableStore

DOMAIN = "power_cut"


def cut() -> None:
    """End without another instruction, whatever thread this is."""
    os.kill(os.getpid(), signal.SIGKILL)


def before_sending(serial: str, state: str) -> None:
    """Strike where the request would be put together; the binding was written before."""
    send = GrowattClient.bind

    async def bind(self: GrowattClient, *asked: Any) -> None:
        if serial in asked:
            cut()
        await send(self, *asked)

    GrowattClient.bind = bind


def after_the_answer(serial: str, state: str) -> None:
    """Strike when the cloud's answer was read; nothing of it was written yet."""
    send = GrowattClient.bind

    async def bind(self: GrowattClient, *asked: Any) -> None:
        await send(self, *asked)
        if serial in asked:
            cut()

    GrowattClient.bind = bind


def after_writing(serial: str, state: str) -> None:
    """Strike when the binding is on disk in this state, before anybody is told."""
    write = DurableStore.async_write

    async def async_write(self: DurableStore, data: dict[str, Any]) -> None:
        await write(self, data)
        if stored_state(data, serial) == state:
            cut()

    DurableStore.async_write = async_write


def while_writing(serial: str, state: str) -> None:
    """Strike when half of the file that has the binding in this state is written."""

    def concerns(name: str, data: dict[str, Any]) -> bool:
        return stored_state(data, serial) == state

    _cut_in_half(concerns)


def while_writing_the_ledger(serial: str, state: str) -> None:
    """Strike in the ledger's file that follows the binding's file with this state."""
    sending = False

    def concerns(name: str, data: dict[str, Any]) -> bool:
        nonlocal sending
        sending = sending or stored_state(data, serial) == state
        return sending and name == PRODUCT

    _cut_in_half(concerns)


def _cut_in_half(concerns: Callable[[str, dict[str, Any]], bool]) -> None:
    """Strike in the middle of a file: what is written goes into one beside it first."""
    sync = AtomicWriter.sync

    def half(self: AtomicWriter, file: IOBase) -> None:
        file.flush()
        written = Path(file.name).read_bytes()
        content = json.loads(written)
        if concerns(content.get("key", ""), content.get("data")):
            os.truncate(file.fileno(), len(written) // 2)
            cut()
        sync(self, file)

    AtomicWriter.sync = half


def stored_state(data: Any, serial: str) -> str | None:
    """Return the state in which stored data hold a binding, None when they do not."""
    bindings = data.get("bindings", []) if isinstance(data, dict) else []
    return next((binding["state"] for binding in bindings if binding["serial"] == serial), None)


MOMENTS: Final = {
    moment.__name__: moment
    for moment in (
        before_sending,
        after_the_answer,
        after_writing,
        while_writing,
        while_writing_the_ledger,
    )
}
CONFIG_SCHEMA = vol.Schema(
    {
        DOMAIN: vol.Schema(
            {
                vol.Required("moment"): vol.In(MOMENTS),
                vol.Required("serial"): cv.string,
                vol.Required("state"): cv.string,
            }
        )
    },
    extra=vol.ALLOW_EXTRA,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Lay the cut."""
    settings = config[DOMAIN]
    MOMENTS[settings["moment"]](settings["serial"], settings["state"])
    return True
