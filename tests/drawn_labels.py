"""Draws the codes of labels, flat and sharp."""

from itertools import groupby
from typing import override

from barcode.codex import Code39, Code128
from barcode.ean import EuropeanArticleNumber13
from PIL import Image
import segno

# Modules of white that have to stand around a code.
QUIET = 10
QUIET_OF_A_QR_CODE = 4


class _Code128(Code128):  # type: ignore[misc]  # the library has no types
    """A Code 128 that keeps two nines at its beginning: the library drops them."""

    @override
    def _try_to_optimize(self, encoded: list[int]) -> list[int]:
        if self.code.startswith("99"):
            return encoded
        optimized: list[int] = super()._try_to_optimize(encoded)
        return optimized


def code128(text: str, module: int, height: float = 0.2) -> Image.Image:
    """Return a Code 128; the height is a share of the width of its bars."""
    return _bars(_Code128(text).build()[0], module, height)


def code39(text: str, module: int, height: float = 0.2, *, ratio: float = 3) -> Image.Image:
    """Return a Code 39 without check digit; the ratio is of its wide to its narrow bars."""
    return _bars(Code39(text, add_checksum=False).build()[0], module, height, ratio=ratio)


def ean13(text: str, module: int, height: float = 0.2) -> Image.Image:
    """Return an EAN, as boxes have it: twelve digits, to which its check digit is added."""
    return _bars(EuropeanArticleNumber13(text).build()[0], module, height)


def qr_code(text: str, module: int) -> Image.Image:
    """Return a QR code."""
    rows = segno.make_qr(text, error="m").matrix
    flat = Image.new("L", (len(rows), len(rows)), 255)
    flat.putdata([0 if dark else 255 for row in rows for dark in row])
    border = QUIET_OF_A_QR_CODE * module
    bordered = Image.new("L", (len(rows) * module + 2 * border,) * 2, 255)
    bordered.paste(flat.resize((len(rows) * module,) * 2, Image.Resampling.NEAREST), (border,) * 2)
    return bordered


def _bars(modules: str, module: int, height: float, *, ratio: float = 3) -> Image.Image:
    """Return bars; in Code 39 what is three modules wide is `ratio` of them."""
    widths = [(dark, len(list(run))) for dark, run in groupby(modules)]
    drawn = [
        (dark, round(module * (ratio if count == 3 and ratio != 3 else count)))
        for dark, count in widths
    ]
    width = sum(count for _, count in drawn)
    picture = Image.new("L", (width + 2 * QUIET * module, max(1, round(width * height))), 255)
    x = QUIET * module
    for dark, count in drawn:
        if dark == "1":
            picture.paste(0, (x, 0, x + count, picture.height))
        x += count
    return picture


def beside(*pictures: Image.Image, turned: int = 0) -> Image.Image:
    """Return a picture of white paper with these on it, one below the other."""
    gap = 60
    width = max(picture.width for picture in pictures) + 2 * gap
    height = sum(picture.height + gap for picture in pictures) + gap
    paper = Image.new("L", (width, height), 255)
    y = gap
    for picture in pictures:
        paper.paste(picture, (gap, y))
        y += picture.height + gap
    if not turned:
        return paper
    return paper.rotate(turned, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
