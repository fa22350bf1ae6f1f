"""Drawings of our own in the texts of forms: which number is meant, and where an app has what.

The front end takes away all that a picture has beside its address, so nothing is said in them that
the text of the form does not say.
"""

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant

from ..cloud.model import DeviceKind
from ..cloud.provider import Field
from ..foreign import Markdown

_FOLDER: Final = Path(__file__).parents[1] / "drawings"
# A class of the drawing with both labels: whose serial number is circled.
_INVERTERS: Final = f'class="{DeviceKind.INVERTER.value}"'


async def async_labels(hass: HomeAssistant, kind: DeviceKind) -> Markdown:
    """Return the labels of an inverter and its datalogger: the one that is meant, and the other."""
    drawing = await hass.async_add_executor_job(_read, "labels")
    return _picture(drawing.replace(_INVERTERS, f'class="{kind.value}"', 1))


async def async_field_drawing(hass: HomeAssistant, fields: Iterable[Field]) -> Markdown:
    """Return the drawing that shows where to find what a form asks for, empty without one."""
    name = next((field.guide for field in fields if field.guide is not None), None)
    return (
        Markdown("") if name is None else _picture(await hass.async_add_executor_job(_read, name))
    )


@cache
def _read(name: str) -> str:
    return (_FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def _picture(drawing: str) -> Markdown:
    return Markdown(f"![](data:image/svg+xml;base64,{b64encode(drawing.encode()).decode()})")
