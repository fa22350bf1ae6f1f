"""Photographs of labels, made by a program: the same ones every time.

Every range is a constant here. A photograph is drawn in the order in which a camera sees it: the
labels in perspective, the light, what lens and sensor blur, the noise, and the JPEG that is stored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
import io
import math
import random
import string
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tests import drawn_labels as drawn

SEED: Final = 31
# Pixels: twelve megapixels, lying or standing.
_SIZE: Final = (4000, 3000)
_STANDING: Final = 0.5
_LABELS: Final = (1, 4)
# Pixels of the narrowest bar or of a QR code's module in the middle of the label, spread evenly
# over its logarithm. What is left of it at the label's far end decides whether it is readable.
_MODULE: Final = (1.6, 8.0)
READABLE: Final = 2.0
# Bars' height, as a share of their width.
_HEIGHT: Final = (0.15, 0.20)
# Wide to narrow bars of Code 39.
_RATIO: Final = (2.2, 3.0)
# Degrees, and by how much the nearer end of a label is larger than its farther one.
_TURNED: Final = (-20.0, 20.0)
_PERSPECTIVE: Final = (0.0, 0.15)
# Pixels, the standard deviation of a Gaussian.
_BLUR: Final = (0.3, 1.1)
# Of 255, its standard deviation.
_NOISE: Final = (1.0, 8.0)
# What is left of the light: of paper and of ink, and from one side of the picture to the other.
_LIGHT: Final = (0.25, 1.0)
_PAPER: Final = (190, 250)
_INK: Final = (5, 60)
_SHADE: Final = (0.6, 1.0)
_JPEG: Final = (40, 95)
# A label may have another code beside the serial number's: a part number, a MAC or a model.
_OTHER_CODE: Final = 0.3

type _Quad = list[tuple[float, float]]
type _Cell = tuple[float, float, float, float]
type _Map = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Photograph:
    """A photograph, and what is on it.

    Attributes:
        jpeg: the file.
        readable: serial numbers in codes whose narrowest bar has two pixels, by kind of code.
        numbers: all serial numbers.

    """

    jpeg: bytes
    readable: dict[str, str]
    numbers: frozenset[str]


@dataclass(frozen=True)
class _Code:
    """A code on paper: its picture, the place of its own bars in it, and what it says."""

    kind: str
    number: str
    picture: Image.Image
    quiet: int


def photograph(index: int, *, with_numbers: bool) -> Photograph:
    """Return one photograph; without numbers it has other codes only, or nothing readable."""
    rng = random.Random(f"{SEED} {index} {with_numbers}")  # noqa: S311 - no secret
    size = _SIZE if rng.random() >= _STANDING else _SIZE[::-1]
    scene = _background(rng, size)
    readable: dict[str, str] = {}
    numbers: set[str] = set()
    count = rng.randint(*_LABELS)
    for cell in _cells(rng, size, count):
        module = math.exp(rng.uniform(*map(math.log, _MODULE)))
        code = _number(rng, module) if with_numbers else _something_else(rng, module)
        other = _other(rng, module) if rng.random() < _OTHER_CODE or not with_numbers else None
        narrowest = _put(rng, scene, cell, (code, other), module)
        if code.number:
            numbers.add(code.number)
            if narrowest >= READABLE:
                readable[code.number] = code.kind
    return Photograph(_taken(rng, scene), readable, frozenset(numbers))


# What is on a label


def _serial(rng: random.Random) -> str:
    """Return a serial number as vendors have them: most have ten characters."""
    length = rng.choice((10, 10, 10, 11, 13, 16))
    letters = string.ascii_uppercase
    middle = "".join(rng.choices(letters + string.digits * 2, k=length - 7))
    return "".join(rng.choices(letters, k=3)) + middle + "".join(rng.choices(string.digits, k=4))


def _drawn_module(module: float) -> int:
    """Return the pixels of a module on paper: more than in the photograph."""
    return max(4, math.ceil(module * 2))


def _number(rng: random.Random, module: float) -> _Code:
    """Return the code of a serial number."""
    number, pixels = _serial(rng), _drawn_module(module)
    kind = rng.choice(("Code 128", "Code 128", "Code 39", "QR"))
    if kind == "Code 128":
        picture = drawn.code128(number, pixels, rng.uniform(*_HEIGHT))
    elif kind == "Code 39":
        ratio = rng.uniform(*_RATIO)
        picture = drawn.code39(number, pixels, rng.uniform(*_HEIGHT), ratio=ratio)
    else:
        spellings = ("{}", "SN:{}", "SPH:{}", "https://device.example/info?sn={}&lang=en")
        text = rng.choice(spellings).format(number)
        return _Code(kind, number, drawn.qr_code(text, pixels), drawn.QUIET_OF_A_QR_CODE * pixels)
    return _Code(kind, number, picture, drawn.QUIET * pixels)


def _other(rng: random.Random, module: float) -> _Code:
    """Return a code that has no serial number: EAN, MAC, part number or model."""
    pixels, height = _drawn_module(module), rng.uniform(*_HEIGHT)
    digits = "".join(rng.choices(string.digits, k=12))
    mac = [f"{rng.randrange(256):02X}" for _ in range(6)]
    family, variant = rng.choice(("MIN", "SPH", "MOD")), rng.choice(("-X", "3-XH", "X"))
    model = f"{family}{rng.randint(3, 30)}000TL{variant}"
    part = f"{digits[:3]}.{digits[3:8]}-{digits[8:10]}"
    match rng.randrange(7):
        case 0:
            picture = drawn.ean13(digits, pixels, height)
        case 1:
            picture = drawn.code128("".join(mac), pixels, height)
        case 2:
            picture = drawn.code39("-".join(mac), pixels, height)
        case 3:
            picture = drawn.code128(part, pixels, height)
        case 4:
            picture = drawn.code128(model, pixels, height)
        case 5:
            picture = drawn.code39(f"P/N {digits[:8]}", pixels, height)
        case _:
            text = rng.choice(
                (
                    f"MAC:{':'.join(mac)}",
                    f"https://shop.example/{model}?pn={digits[:8]}",
                    f"PN:{part};MODEL:{model};MAC:{''.join(mac)}",
                    "https://support.example/manuals",
                )
            )
            return _Code("", "", drawn.qr_code(text, pixels), drawn.QUIET_OF_A_QR_CODE * pixels)
    return _Code("", "", picture, drawn.QUIET * pixels)


def _something_else(rng: random.Random, module: float) -> _Code:
    """Return another code, or lines of print that are no code."""
    if rng.random() < 0.75:
        return _other(rng, module)
    pixels = _drawn_module(module)
    picture = Image.new("L", (pixels * 160, pixels * 40), 255)
    draw = ImageDraw.Draw(picture)
    x = 10 * pixels
    while x < picture.width - 14 * pixels:
        width = rng.randint(pixels, 4 * pixels)
        draw.rectangle((x, 0, x + width - 1, picture.height), fill=0)
        x += width + rng.randint(pixels, 4 * pixels)
    return _Code("", "", picture, 0)


# The scene


def _background(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Return what is behind the labels: a case or a wall, sometimes with cooling fins."""
    level = rng.randint(60, 200)
    coarse = _texture(rng, (size[0] // 250, size[1] // 250), level, 25)
    scene = coarse.resize(size, Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        grain = _texture(rng, (size[0] // 4, size[1] // 4), 128, rng.randint(2, 14))
        grain = grain.resize(size, Image.Resampling.BILINEAR)
        scene = Image.blend(scene, grain, 0.4)
    if rng.random() < 0.5:
        draw = ImageDraw.Draw(scene)
        x = rng.randrange(size[0] // 2)
        for _ in range(rng.randint(8, 40)):
            width = rng.randint(4, 40)
            draw.rectangle((x, 0, x + width, size[1]), fill=rng.randint(20, 230))
            x += width + rng.randint(4, 40)
    return scene


def _texture(rng: random.Random, size: tuple[int, int], level: int, spread: int) -> Image.Image:
    values = np.random.default_rng(rng.randrange(2**32)).normal(level, spread, size[::-1])
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _cells(rng: random.Random, size: tuple[int, int], count: int) -> list[_Cell]:
    """Return the part of the picture for each label: they do not cover each other."""
    columns = 2 if count > 2 else 1
    rows = math.ceil(count / columns)
    width, height = size[0] / columns, size[1] / rows
    cells = [(c * width, r * height, width, height) for r in range(rows) for c in range(columns)]
    return rng.sample(cells, count)


def _put(
    rng: random.Random,
    scene: Image.Image,
    cell: _Cell,
    codes: tuple[_Code, _Code | None],
    module: float,
) -> float:
    """Put a label into the scene, and return the pixels of its code's narrowest bar there."""
    code = codes[0]
    label, at = _label(rng, *codes)
    scale = module / _drawn_module(module)
    # What does not fit into its cell is farther away.
    diagonal = math.hypot(label.width, label.height) * scale * (1 + _PERSPECTIVE[1])
    scale *= min(1.0, 0.95 * min(cell[2:]) / diagonal)
    quad = _quad(rng, label.size, cell, scale)
    to_scene = _projection(_corners(*label.size), quad)
    _project(scene, label, quad)
    x, y = at[0] + code.quiet, at[1]
    right, bottom = at[0] + code.picture.width - code.quiet, at[1] + code.picture.height
    places = [(x, y), (right, y), (x, bottom), (right, bottom)]
    if code.kind == "QR":
        places = [(x, y + code.quiet), (right, bottom - code.quiet)]
    return min(_module_at(to_scene, place, _drawn_module(module), code.kind) for place in places)


def _label(
    rng: random.Random, code: _Code, other: _Code | None
) -> tuple[Image.Image, tuple[int, int]]:
    """Return a label with its print, and where the code is on it."""
    codes = [code, *([other] if other else [])]
    rng.shuffle(codes)
    line = max(30, code.picture.width // 12)
    width = max(each.picture.width for each in codes) + 2 * line
    height = sum(each.picture.height + 3 * line for each in codes) + line
    label = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(label)
    y, at = line, (0, 0)
    for each in codes:
        where = ((width - each.picture.width) // 2, y + int(line * 0.5))
        if each is code:
            at = where
        label.paste(each.picture, where)
        text = each.number or "Type: Inverter 3000"
        draw.text((width // 2, where[1] + each.picture.height + line), text, 0, anchor="mm",
                  font_size=line * 0.7)  # fmt: skip
        y += each.picture.height + 3 * line
    paper, ink = rng.randint(*_PAPER), rng.randint(*_INK)
    return label.point([ink + (paper - ink) * value // 255 for value in range(256)]), at


def _corners(width: float, height: float) -> _Quad:
    return [(0, 0), (width, 0), (width, height), (0, height)]


def _quad(
    rng: random.Random,
    size: tuple[int, int],
    cell: _Cell,
    scale: float,
) -> _Quad:
    """Return where the corners of a label are in the scene."""
    angle = math.radians(rng.uniform(*_TURNED))
    tilt_x, tilt_y = (rng.uniform(*_PERSPECTIVE) * rng.choice((-1, 1)) / 2 for _ in range(2))
    middle = (cell[0] + cell[2] / 2, cell[1] + cell[3] / 2)
    quad = []
    for x, y in _corners(*size):
        u, v = (x / size[0] - 0.5), (y / size[1] - 0.5)
        near = 1 + 2 * (tilt_x * u + tilt_y * v)
        dx, dy = u * size[0] * scale * near, v * size[1] * scale * near
        quad.append(
            (
                middle[0] + dx * math.cos(angle) - dy * math.sin(angle),
                middle[1] + dx * math.sin(angle) + dy * math.cos(angle),
            )
        )
    return quad


def _coefficients(source: _Quad, target: _Quad) -> NDArray[np.float64]:
    """Return the eight numbers of the projection from one quadrilateral to another."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.linalg.solve(np.array(rows, float), np.array(values, float))


def _projection(source: _Quad, target: _Quad) -> _Map:
    a, b, c, d, e, f, g, h = map(float, _coefficients(source, target))

    def project(x: float, y: float) -> tuple[float, float]:
        w = g * x + h * y + 1
        return (a * x + b * y + c) / w, (d * x + e * y + f) / w

    return project


def _module_at(to_scene: _Map, place: tuple[float, float], module: int, kind: str) -> float:
    """Return how far apart the edges of a module are in the scene: bars are lines there too."""
    x, y = place
    here, right, below = (to_scene(x, y), to_scene(x + module, y), to_scene(x, y + module))
    across = (right[0] - here[0], right[1] - here[1])
    along = (below[0] - here[0], below[1] - here[1])
    area = abs(across[0] * along[1] - across[1] * along[0])
    if kind == "QR":
        return area / max(math.hypot(*along), math.hypot(*across))
    return area / math.hypot(*along)


def _project(scene: Image.Image, label: Image.Image, quad: _Quad) -> None:
    """Draw a label into the scene: twice as fine, and each pixel sees the mean."""
    left, top = (math.floor(min(point[axis] for point in quad)) - 2 for axis in (0, 1))
    right, bottom = (math.ceil(max(point[axis] for point in quad)) + 2 for axis in (0, 1))
    size = (2 * (right - left), 2 * (bottom - top))
    fine = [(2 * (x - left), 2 * (y - top)) for x, y in quad]
    inverse = tuple(map(float, _coefficients(fine, _corners(*label.size))))
    method, resample = Image.Transform.PERSPECTIVE, Image.Resampling.BILINEAR
    shown = label.transform(size, method, inverse, resample).reduce(2)
    mask = Image.new("L", label.size, 255).transform(size, method, inverse, resample).reduce(2)
    scene.paste(shown, (left, top), mask)


# The camera


@cache
def _noise() -> NDArray[np.float32]:
    """Return noise of deviation 1, more than a picture needs: each takes another part of it."""
    return np.random.default_rng(SEED).standard_normal((4700, 4700), dtype=np.float32)


def _taken(rng: random.Random, scene: Image.Image) -> bytes:
    """Return the file that a camera makes of the scene."""
    light, shade = rng.uniform(*_LIGHT), rng.uniform(*_SHADE)
    blurred = scene.filter(ImageFilter.GaussianBlur(rng.uniform(*_BLUR)))
    pixels = np.asarray(blurred, dtype=np.float32)
    height, width = pixels.shape
    slope = np.linspace(light, light * shade, width, dtype=np.float32)
    pixels = pixels * (slope if rng.random() < 0.5 else slope[::-1])
    y, x = (rng.randrange(4700 - side) for side in (height, width))
    pixels += _noise()[y : y + height, x : x + width] * np.float32(rng.uniform(*_NOISE))
    gray = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    tint = [rng.uniform(0.85, 1.0) for _ in range(3)]
    colored = Image.merge("RGB", [gray.point([int(v * t) for v in range(256)]) for t in tint])
    file = io.BytesIO()
    colored.save(file, "JPEG", quality=rng.randint(*_JPEG))
    return file.getvalue()
