"""Opens a picture that somebody chose: it may be anything, and of any size."""

from contextlib import closing
import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from . import MEGABYTES, MEGAPIXELS, PictureError

# Pillow's name of JPEG with a smaller picture or a depth map behind the photo.
_WITH_MORE_PICTURES: Final = "MPO"
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
# A JPEG of more is decoded at half its width and height. What is decoded whole, in color, has to
# fit into a small computer's memory.
_MOST_DECODED: Final = 16_000_000


def open_picture(source: Path | bytes) -> Image.Image:
    """Return a picture in shades of gray, the way up in which it was taken.

    Raises PictureError if it is none, is too large, is animated or is damaged.
    """
    try:
        with closing(Image.open(io.BytesIO(_content(source)), formats=_FORMATS)) as picture:
            if picture.width * picture.height > MEGAPIXELS * 1_000_000:
                raise PictureError
            _shrink(picture)
            if picture.width * picture.height > _MOST_DECODED or _is_animated(picture):
                raise PictureError
            return ImageOps.exif_transpose(picture).convert("L")
    # Whatever decoders say of a damaged file, which may have the file's name in it.
    except Exception:  # noqa: BLE001
        raise PictureError from None


def _content(source: Path | bytes) -> bytes:
    """Return what a file holds, unless that is too much."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(MEGABYTES * 1_000_000 + 1)
    if len(source) > MEGABYTES * 1_000_000:
        raise PictureError
    return source


def _shrink(picture: Image.Image) -> None:
    """Have a JPEG decoded in gray, and a large one at half its width and height."""
    width, height = picture.size
    if width * height > _MOST_DECODED:
        width, height = width // 2, height // 2
    picture.draft("L", (width, height))


def _is_animated(picture: Image.Image) -> bool:
    return picture.format != _WITH_MORE_PICTURES and getattr(picture, "is_animated", False)
