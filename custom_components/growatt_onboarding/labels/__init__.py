"""Serial numbers from a photo of labels: what is read stays on this machine, and is not kept.

What reads is imported with the first form that takes a photo, Pillow with the first photo, and all
of it runs in the executor.
"""

from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from homeassistant.core import HomeAssistant

from ..cloud.errors import InvalidInputError
from ..const import CONF_PHOTO

# A phone that has something else, such as HEIC, converts it to one of these.
ACCEPT: Final = "image/jpeg,image/png,image/webp"
MEGABYTES: Final = 30
MEGAPIXELS: Final = 50


class Labels(NamedTuple):
    """What a photo says, in reading order: serial numbers, and what only may be one.

    Doubtful is what has an unusual form, what was read only once from a code without check digit,
    and what was read otherwise in the same place. No number is in both.
    """

    numbers: list[str]
    doubtful: list[str]


class PictureError(InvalidInputError):
    """A picture cannot be read, or has no code of a serial number."""

    default_key = "picture_unreadable"

    def __init__(self, key: str | None = None) -> None:
        """Initialize the error, at the field of the photo."""
        super().__init__(key, field=CONF_PHOTO)


async def async_read_upload(hass: HomeAssistant, file_id: str) -> Labels:
    """Return what the picture says that somebody uploaded, which is gone afterward.

    Raises PictureError.
    """
    return await hass.async_add_executor_job(_read_upload, hass, file_id)


async def async_read_labels(hass: HomeAssistant, source: Path | bytes) -> Labels:
    """Return what a picture says, a file or its content.

    Raises PictureError.
    """
    return await hass.async_add_executor_job(_read_labels, source)


async def async_why_unavailable(hass: HomeAssistant) -> str:
    """Return why no picture can be read on this machine, empty if pictures can be."""
    return await hass.async_add_executor_job(_why_unavailable)


def _read_upload(hass: HomeAssistant, file_id: str) -> Labels:
    from homeassistant.components.file_upload import process_uploaded_file  # noqa: PLC0415

    with ExitStack() as stack:
        try:
            path = stack.enter_context(process_uploaded_file(hass, file_id))
        except ValueError:  # it is gone already, as after a restart
            raise PictureError from None
        return _read_labels(path)


def _read_labels(source: Path | bytes) -> Labels:
    from .reader import read_labels  # noqa: PLC0415 - the libraries are large

    return read_labels(source)


@cache
def _why_unavailable() -> str:
    """Import what reads codes, which in turn needs a library of the system."""
    try:
        import pyzbar.pyzbar  # noqa: F401, PLC0415
    except (ImportError, OSError) as err:
        return str(err)
    return ""
