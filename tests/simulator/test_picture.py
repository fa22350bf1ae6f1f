"""The captchas' pictures: any program can read them, and so can a person."""

from io import BytesIO

from PIL import Image
import pytest

from simulator.anqicms.state import CHARACTERS
from simulator.picture import draw, gif, png
from simulator.shopxo.state import DIGITS, LETTERS

INK_MEANS_BELOW = 128


def ink(data: bytes) -> tuple[str, list[list[bool]]]:
    """Decode a picture with somebody else's decoder into dots with and without ink."""
    image = Image.open(BytesIO(data))
    grey = image.convert("L")
    width, height = grey.size
    dots = [
        [grey.getpixel((x, y)) < INK_MEANS_BELOW for x in range(width)]  # type: ignore[operator]
        for y in range(height)
    ]
    return image.format or "", dots


@pytest.mark.parametrize(("encode", "name"), [(gif, "GIF"), (png, "PNG")])
@pytest.mark.parametrize(("width", "height"), [(100, 28), (240, 76), (33, 9)])
def test_formats(encode: object, name: str, width: int, height: int) -> None:
    """What was drawn is what a decoder shows, dot for dot."""
    dots = draw("rib5", width, height)
    assert callable(encode)
    found, shown = ink(encode(dots))
    assert found == name
    assert shown == [[bool(dot) for dot in line] for line in dots]


def test_characters_differ() -> None:
    """Every character that a cloud may show has a shape of its own."""
    shown = {char: tuple(map(bytes, draw(char, 12, 16))) for char in CHARACTERS + DIGITS + LETTERS}
    assert len(set(shown.values())) == len(shown)
    assert all(any(map(any, dots)) for dots in shown.values())


def test_four_characters_stand_apart() -> None:
    """A column without ink lies between any two characters."""
    dots = draw("8888", 100, 28)
    columns = [any(line[x] for line in dots) for x in range(100)]
    groups = sum(1 for x in range(1, 100) if columns[x] and not columns[x - 1])
    assert groups == 4
