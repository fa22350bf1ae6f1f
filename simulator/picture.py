"""Captcha images, encoded without a library."""

import binascii
import struct
import zlib

_COLUMNS = 5
_ROWS = 7
# A glyph is seven rows of five dots; each row is the bits of a number.
_FONT = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31),
    "3": (30, 1, 1, 14, 1, 1, 30),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "a": (14, 17, 17, 31, 17, 17, 17),
    "b": (30, 17, 17, 30, 17, 17, 30),
    "c": (14, 17, 16, 16, 16, 17, 14),
    "d": (28, 18, 17, 17, 17, 18, 28),
    "e": (31, 16, 16, 30, 16, 16, 31),
    "f": (31, 16, 16, 30, 16, 16, 16),
    "g": (14, 17, 16, 23, 17, 17, 15),
    "h": (17, 17, 17, 31, 17, 17, 17),
    "i": (14, 4, 4, 4, 4, 4, 14),
    "j": (7, 2, 2, 2, 2, 18, 12),
    "k": (17, 18, 20, 24, 20, 18, 17),
    "m": (17, 27, 21, 21, 17, 17, 17),
    "n": (17, 25, 21, 19, 17, 17, 17),
    "p": (30, 17, 17, 30, 16, 16, 16),
    "q": (14, 17, 17, 17, 21, 18, 13),
    "r": (30, 17, 17, 30, 20, 18, 17),
    "s": (15, 16, 16, 14, 1, 1, 30),
    "t": (31, 4, 4, 4, 4, 4, 4),
    "u": (17, 17, 17, 17, 17, 17, 14),
    "v": (17, 17, 17, 17, 17, 10, 4),
    "w": (17, 17, 17, 21, 21, 27, 17),
    "x": (17, 17, 10, 4, 10, 17, 17),
    "y": (17, 17, 10, 4, 4, 4, 4),
    "z": (31, 1, 2, 4, 8, 16, 31),
}

type Dots = list[bytearray]
"""Rows of dots; 1 is ink."""


def draw(text: str, width: int, height: int) -> Dots:
    """Draw a text of the font's characters in capitals, as large as possible."""
    dots = [bytearray(width) for _ in range(height)]
    cell = width // len(text)
    scale = min(cell // (_COLUMNS + 1), height // (_ROWS + 1))
    top = (height - _ROWS * scale) // 2
    for place, char in enumerate(text.lower()):
        left = place * cell + (cell - _COLUMNS * scale) // 2
        for row, bits in enumerate(_FONT[char]):
            for column in range(_COLUMNS):
                if bits >> (_COLUMNS - 1 - column) & 1:
                    x, y = left + column * scale, top + row * scale
                    for line in dots[y : y + scale]:
                        line[x : x + scale] = b"\x01" * scale
    return dots


def gif(dots: Dots) -> bytes:
    """Return dots as a GIF.

    With 128 colors, of which two are used, and the table cleared before it fills up, every code
    is one byte and no compression is needed.
    """
    width, height = len(dots[0]), len(dots)
    clear, end, before_full = 128, 129, 100
    palette = bytes((255, 255, 255, 20, 40, 120)) + bytes(126 * 3)
    pixels = b"".join(dots)
    codes = bytearray()
    for start in range(0, len(pixels), before_full):
        codes.append(clear)
        codes += pixels[start : start + before_full]
    codes.append(end)
    blocks = b"".join(
        bytes((len(block),)) + block
        for start in range(0, len(codes), 255)
        if (block := bytes(codes[start : start + 255]))
    )
    return b"".join(
        (
            b"GIF89a",
            struct.pack("<HHBBB", width, height, 0xF6, 0, 0),
            palette,
            b"\x2c",
            struct.pack("<HHHHB", 0, 0, width, height, 0),
            b"\x07",
            blocks,
            b"\x00\x3b",
        )
    )


def png(dots: Dots) -> bytes:
    """Return dots as a grayscale PNG."""
    width, height = len(dots[0]), len(dots)
    shades = bytes((255, 40))
    lines = b"".join(b"\x00" + line.translate(shades + bytes(254)) for line in dots)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(lines)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))
    )
