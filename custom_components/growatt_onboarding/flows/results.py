"""What became of the devices of a flow: first what is wrong, then what is fine, then what waits."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import replace
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from ..binding.model import Binding, BindingState
from ..const import DOMAIN
from ..coordinator import AccountConfigEntry
from ..foreign import Markdown, markdown
from ..texts import async_reasons, async_state_names, explanation, reason_key, reason_text

_REPAIRS: Final = "/config/repairs"
_ORDER: Final = (
    *(BindingState.CONFLICT, BindingState.REJECTED, BindingState.LOST),
    BindingState.ASSOCIATED,
    *(BindingState.ACCEPTED, BindingState.UNCONFIRMED, BindingState.QUEUED),
)


async def async_results(
    hass: HomeAssistant,
    entry: AccountConfigEntry,
    bindings: Iterable[Binding],
    remark: Callable[[Binding], str | None],
) -> Markdown:
    """Return a list with a line for each state, and in it for each reason.

    `remark` returns the key of what to say of a binding in place of its own reason, if anything.
    """
    reasons, names = await async_reasons(hass), await async_state_names(hass)

    def why(binding: Binding, serials: str) -> str:
        """Return what to say of a binding and those like it, empty if its state says it all."""
        if (key := remark(binding)) is not None:
            return reason_text(reasons, key, {})
        if reason_key(entry, binding, overdue=False) is not None:
            return explanation(hass, entry, reasons, replace(binding, serial=serials))
        return ""

    alike: defaultdict[tuple[BindingState, str, str], list[Binding]] = defaultdict(list)
    for binding in bindings:
        # Without its number: one reason is told once for all that have it.
        name = names[binding.kind, binding.state]
        alike[binding.state, name, why(binding, "")].append(binding)
    lines = []
    for (state, name, _), group in sorted(alike.items(), key=lambda item: _ORDER.index(item[0][0])):
        serials = ", ".join(binding.serial for binding in group)
        text = why(group[0], serials)
        if state.refused:
            devices = Markdown(", ".join(_link(hass, entry, one.serial) for one in group))
            way = reason_text(reasons, "see_repairs", {})
            told = markdown(t" {text}") if text else Markdown("")
            line = markdown(t"- **{name}:** {devices}.{told} [{way}]({_path(_REPAIRS)})")
        elif text:
            line = markdown(t"- **{name}:** {serials}. {text}")
        else:
            line = markdown(t"- **{name}:** {serials}")
        lines.append(line)
    return Markdown("\n".join(lines))


def _link(hass: HomeAssistant, entry: AccountConfigEntry, serial: str) -> Markdown:
    """Return a serial number that leads to its device, if that is there already."""
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, serial), entry.entry_id)
    if device is None:
        return markdown(serial)
    return markdown(t"[{serial}]({_path(f'/config/devices/device/{device.id}')})")


def _path(path: str) -> Markdown:
    """Return a path of the front end, which has no mark to escape."""
    return Markdown(path)
