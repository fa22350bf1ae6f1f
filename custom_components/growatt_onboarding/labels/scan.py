"""Finds the bar and QR codes in a picture: Code 128, Code 39 and QR, and no others.

Bars are read along lines, so that a low code can only be read when it lies nearly level: its part
of the picture is turned step by step. It is softened too, since noise has edges of its own, and
shrunk, which softens more. For small QR codes it is enlarged and sharpened. None of these suits
every code.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import product
import math
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageFilter
from pyzbar.pyzbar import ZBarSymbol, decode

# Pixels of a tile: a code covers several, so that its edges stand out against the noise.
_TILE: Final = 32
# Of 255: by how much more a code's tiles differ within themselves than what has no print.
_MORE_EDGES: Final = 2
# In tiles: a code cannot be read without the quiet zone around it.
_MARGIN: Final = 2
# Degrees: a code of a height of 0.15 of its width can be read up to 8 degrees from level.
_TURNS: Final = (0, 10, -10, 20, -20)
_FARTHER_TURNS: Final = (30, -30, 40, -40)
_SOFT: Final = 0.8
# Of what is twice as large: brings back what the lens has blurred.
_SHARP: Final = ImageFilter.UnsharpMask(radius=3, percent=300, threshold=0)
# How many times as long a pixel takes when it was turned or enlarged before.
_TURNING: Final = 1.5
_ENLARGING: Final = 1.5
# How many pixels one picture may take as long as, over all passes: some three seconds on a PC.
_MOST_WORK: Final = 115_000_000
# How many more there are for second looks.
_RESERVE: Final = 20_000_000
# How many pixels around a place a second look takes in, at least and at most.
_NEAR: Final = 600
_FAR: Final = 700
_QR_CODES: Final = (ZBarSymbol.QRCODE,)
_ALL: Final = (ZBarSymbol.CODE128, ZBarSymbol.CODE39, *_QR_CODES)

type _Box = tuple[int, int, int, int]


class Kind(StrEnum):
    """A kind of code, as the library calls it."""

    CODE128 = ZBarSymbol.CODE128.name
    CODE39 = ZBarSymbol.CODE39.name
    QR_CODE = ZBarSymbol.QRCODE.name


class Pass(NamedTuple):
    """One way to look at a part of a picture; enlarged and sharpened, for QR codes only."""

    scale: float = 1
    soft: bool = False
    turned: int = 0

    def work(self, box: _Box) -> float:
        """Return as how many pixels it takes: turned, a part of the picture needs more room."""
        left, top, right, bottom = box
        width, height = (right - left) * self.scale, (bottom - top) * self.scale
        pixels = width * height
        if self.turned:
            turned = math.radians(self.turned)
            cos, sin = abs(math.cos(turned)), abs(math.sin(turned))
            pixels = _TURNING * (width * cos + height * sin) * (width * sin + height * cos)
        return _ENLARGING * pixels if self.scale > 1 else pixels


class Reading(NamedTuple):
    """What one pass has read in one place.

    Attributes:
        text: what the code says.
        kind: the kind of code.
        lines: along how many lines of the picture it was read.
        x, y: the middle of the place, in pixels of the picture.
        radius: how far the place extends from there.
        how: the pass.

    """

    text: str
    kind: Kind
    lines: int
    x: float
    y: float
    radius: float
    how: Pass


# From the cheapest on.
_STAGES: Final = (
    tuple(Pass(scale=0.5, turned=turn) for turn in _TURNS),
    (Pass(),),
    tuple(Pass(soft=True, turned=turn) for turn in _TURNS),
    (Pass(scale=2), Pass(scale=2, turned=45)),
)
# Where all of that finds nothing.
_LAST_STAGE: Final = tuple(Pass(soft=True, turned=turn) for turn in _FARTHER_TURNS)


class Scan:
    """Looks at a picture until enough was done, or all."""

    def __init__(self, picture: Image.Image) -> None:
        """Initialize the scan; nothing is looked at yet."""
        self._picture = picture
        self._work = 0.0
        # The part of the picture that was prepared last, and how: it may be turned several times.
        self._prepared: tuple[object, Image.Image] = (None, picture)

    def readings(self) -> list[Reading]:
        """Return everything that any pass reads."""
        found: list[Reading] = []
        boxes = _busy_parts(self._picture)
        for stage in _STAGES:
            for box, how in product(boxes, stage):
                found += self._look(box, how, _MOST_WORK)
        if not found:
            for box, how in product(boxes, _LAST_STAGE):
                found += self._look(box, how, _MOST_WORK)
        return found

    def second_look(self, reading: Reading) -> list[Reading]:
        """Return what other passes read there."""
        # The place of what was read along one line only is one end of the code.
        reach = min(max(1.3 * reading.radius, _NEAR), _FAR)
        box = (
            max(0, int(reading.x - reach)),
            max(0, int(reading.y - reach)),
            min(self._picture.width, int(reading.x + reach)),
            min(self._picture.height, int(reading.y + reach)),
        )
        turned = reading.how.turned
        passes = [Pass(turned=turned), *(Pass(soft=True, turned=turned + by) for by in (0, -4, 4))]
        return [
            again
            for how in passes
            if how != reading.how
            for again in self._look(box, how, _MOST_WORK + _RESERVE)
        ]

    def _look(self, box: _Box, how: Pass, most: int) -> Iterator[Reading]:
        if self._work + how.work(box) > most:
            return iter(())
        self._work += how.work(box)
        prepared = (box, how.scale, how.soft)
        if prepared != self._prepared[0]:
            self._prepared = (prepared, _prepare(self._picture.crop(box), how))
        return _read(self._prepared[1], box, how)


def _prepare(seen: Image.Image, how: Pass) -> Image.Image:
    """Return a part of the picture as a pass looks at it, not turned yet."""
    if how.scale < 1:
        seen = seen.reduce(round(1 / how.scale))
    elif how.scale > 1:
        larger = (round(seen.width * how.scale), round(seen.height * how.scale))
        seen = seen.resize(larger, Image.Resampling.LANCZOS)
        seen = seen.filter(ImageFilter.GaussianBlur(how.scale / 2)).filter(_SHARP)
    return seen.filter(ImageFilter.GaussianBlur(_SOFT)) if how.soft else seen


def _read(seen: Image.Image, box: _Box, how: Pass) -> Iterator[Reading]:
    """Yield what one pass reads in a part of the picture."""
    turned = seen
    if how.turned:
        turned = seen.rotate(how.turned, Image.Resampling.BILINEAR, expand=True, fillcolor=128)
    cos, sin = math.cos(math.radians(how.turned)), math.sin(math.radians(how.turned))
    for symbol in decode(turned, symbols=_QR_CODES if how.scale > 1 else _ALL):
        left, top, width, height = symbol.rect
        x, y = left + (width - turned.width) / 2, top + (height - turned.height) / 2
        yield Reading(
            symbol.data.decode("utf-8", "replace"),
            Kind(symbol.type),
            symbol.quality,
            box[0] + (seen.width / 2 + x * cos - y * sin) / how.scale,
            box[1] + (seen.height / 2 + x * sin + y * cos) / how.scale,
            math.hypot(width, height) / 2 / how.scale,
            how,
        )


def _busy_parts(picture: Image.Image) -> list[_Box]:
    """Return the parts of the picture that have many edges, the smallest first."""
    if min(picture.size) < 2 * _TILE:
        return [(0, 0, *picture.size)]
    # Half as fine, which takes most of the noise away, and leaves bars of two pixels.
    half = picture.reduce(2)
    right, bottom = half.width - 1, half.height - 1
    here = half.crop((0, 0, right, bottom))
    # The event loop waits for each step that does not release the interpreter: they are short.
    edges = [
        ImageChops.difference(here, half.crop((x, y, right + x, bottom + y))).reduce(_TILE // 2)
        for x, y in ((1, 0), (0, 1))
    ]
    tiles = ImageChops.add(edges[0], edges[1])
    values = sorted(tiles.tobytes())
    least = values[len(values) // 3] + _MORE_EDGES
    busy = tiles.point([255 if value > least else 0 for value in range(256)])
    # What a line of print or a code's quiet zone divides is one part.
    busy = busy.filter(ImageFilter.MaxFilter(3))
    boxes = []
    waiting = {index for index, value in enumerate(busy.tobytes()) if value}
    while waiting:
        part = _connected(waiting, tiles.width)
        columns, rows = [i % tiles.width for i in part], [i // tiles.width for i in part]
        boxes.append(
            (
                max(0, (min(columns) - _MARGIN) * _TILE),
                max(0, (min(rows) - _MARGIN) * _TILE),
                min((max(columns) + 1 + _MARGIN) * _TILE, picture.width),
                min((max(rows) + 1 + _MARGIN) * _TILE, picture.height),
            )
        )
    return sorted(boxes, key=_area)


def _area(box: _Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _connected(waiting: set[int], width: int) -> list[int]:
    """Take one of the tiles and all that it is connected with, and return them."""
    part = [waiting.pop()]
    for index in part:
        column = index % width
        beside = (index - 1 if column else -1, index + 1 if column < width - 1 else -1)
        for other in (*beside, index - width, index + width):
            if other in waiting:
                waiting.remove(other)
                part.append(other)
    return part
