"""Pictures of labels, and pictures of anything else."""

from io import BytesIO
from pathlib import Path
import struct
from typing import Any
import zlib

from PIL import Image
import pytest

from custom_components.growatt_onboarding.const import CONF_PHOTO
from custom_components.growatt_onboarding.labels import MEGABYTES, MEGAPIXELS, PictureError, scan
from custom_components.growatt_onboarding.labels.reader import read_labels
from custom_components.growatt_onboarding.labels.scan import Kind, Pass, Reading

from ..drawn_labels import beside, code39, code128, ean13, qr_code

SN, SN2, SN3 = "ABC0000001", "XYZ1234DEF", "QQQ7654321"


def stored(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


# Codes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_kind_of_code_in_each_format(kind: str) -> None:
    labels = beside(code128(SN, 3), code39(SN2, 3), qr_code(f"SN:{SN3}", 5))
    assert read_labels(stored(labels, kind)) == ([SN, SN2, SN3], [])


@pytest.mark.parametrize("turned", [-20, -13, 17])
def test_low_codes_that_are_turned(turned: int) -> None:
    labels = beside(code128(SN, 3, 0.15), code39(SN2, 3, 0.15), turned=turned)
    assert read_labels(stored(labels.convert("RGB"), quality=40)) == ([SN, SN2], [])


def test_a_number_that_begins_with_two_nines() -> None:
    assert read_labels(stored(beside(code128("99E1564A02", 3)))) == (["99E1564A02"], [])


def test_a_label_that_is_turned_farther() -> None:
    labels = beside(code128(SN, 3, 0.15), turned=38)
    assert read_labels(stored(labels)) == ([SN], [])


def test_the_camera_was_held_upright() -> None:
    labels = beside(code128(SN, 3), code128(SN2, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    turned = labels.transpose(Image.Transpose.ROTATE_90)
    assert read_labels(stored(turned, exif=exif)) == ([SN, SN2], [])


def test_numbers_stand_in_reading_order_and_once() -> None:
    row = Image.new("L", (2200, 1000), 255)
    for place, number in (((1200, 100), SN2), ((100, 130), SN), ((600, 700), SN3)):
        row.paste(code128(number, 4), place)
    row.paste(qr_code(f"https://a.example/?sn={SN3}", 5), (1600, 600))
    assert read_labels(stored(row)) == ([SN, SN2, SN3], [])


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(stored(beside(code128(SN, 3))))
    assert read_labels(path) == ([SN], [])


def test_a_large_photo_is_read_at_half_its_size() -> None:
    labels = Image.new("L", (5000, 4000), 255)
    labels.paste(code128(SN, 6), (1000, 1000))
    assert read_labels(stored(labels)) == ([SN], [])


def test_a_phones_file_of_several_pictures() -> None:
    labels = beside(code128(SN, 3))
    assert read_labels(stored(labels, "MPO", save_all=True, append_images=[labels])) == ([SN], [])


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK"])
def test_colors(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert read_labels(stored(beside(code128(SN, 3)).convert(mode), kind)) == ([SN], [])


def test_a_doubtful_number_is_offered() -> None:
    labels = beside(code128(SN, 3), code128("AB-00000001", 3))
    assert read_labels(stored(labels)) == ([SN], ["AB-00000001"])


def test_other_codes_are_left_out() -> None:
    labels = [ean13("400638133393", 3), code128("A0B1C2D3E4F5", 3), code39("P/N 12345678", 3)]
    labels += [code128("MIN6000TL-X", 3), qr_code("https://support.example/manuals", 5)]
    with pytest.raises(PictureError) as raised:
        read_labels(stored(beside(*labels)))
    assert (raised.value.key, raised.value.field) == ("picture_without_codes", CONF_PHOTO)
    assert read_labels(stored(beside(code128(SN, 3), *labels))) == ([SN], [])


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (33, 2), (640, 480)])
def test_nothing_in_it(size: tuple[int, int]) -> None:
    with pytest.raises(PictureError) as raised:
        read_labels(stored(Image.new("L", size, 128)))
    assert raised.value.key == "picture_without_codes"


# What is certain


def read_as(monkeypatch: pytest.MonkeyPatch, *found: Reading, again: bool = False) -> Any:
    """Return what is made of these readings, when a second look confirms them or not."""
    monkeypatch.setattr(scan.Scan, "readings", lambda _: list(found))

    def look(self: scan.Scan, reading: Reading) -> list[Reading]:
        return [reading._replace(how=Pass(turned=99))] if again else []

    monkeypatch.setattr(scan.Scan, "second_look", look)
    return read_labels(stored(Image.new("L", (1000, 1000), 255)))


def reading(number: str, kind: Kind, lines: int = 1, turned: int = 0, x: float = 500) -> Reading:
    return Reading(number, kind, lines, x, 500, 100, Pass(turned=turned))


@pytest.mark.parametrize(("kind", "lines"), [(Kind.CODE39, 50), (Kind.CODE128, 1)])
def test_what_was_read_once_is_confirmed_or_doubtful(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, lines: int
) -> None:
    once = reading(SN, kind, lines)
    assert read_as(monkeypatch, once) == ([], [SN])
    assert read_as(monkeypatch, once, again=True) == ([SN], [])
    assert read_as(monkeypatch, once, reading(SN, kind, lines, turned=10)) == ([SN], [])


def test_one_qr_code_or_two_lines_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_as(monkeypatch, reading(SN, Kind.QR_CODE)) == ([SN], [])
    assert read_as(monkeypatch, reading(SN, Kind.CODE128, 2)) == ([SN], [])


def test_two_readings_of_one_place_are_both_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = reading(SN, Kind.CODE128, 9), reading(SN2, Kind.CODE128, 9, x=510)
    assert read_as(monkeypatch, one, other) == ([], [SN, SN2])
    assert read_as(monkeypatch, one, other._replace(x=800)) == ([SN, SN2], [])
    # What nothing confirms does not make doubtful what much speaks for.
    assert read_as(monkeypatch, one, other._replace(lines=1)) == ([SN], [SN2])


def test_a_qr_code_may_hold_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_as(monkeypatch, reading(f"SN:{SN},SN:{SN2}", Kind.QR_CODE)) == ([SN, SN2], [])


def test_a_second_look_takes_the_whole_code_in() -> None:
    """What was read along one line only has one end of the code for its place."""
    paper = Image.new("L", (1500, 1500), 255)
    paper.paste(code39(SN, 2), (500, 700))
    end = reading(SN, Kind.CODE39, x=540)._replace(y=720, radius=0)
    again = scan.Scan(paper).second_look(end)
    assert {each.text for each in again} == {SN}
    assert len({each.how for each in again} - {end.how}) >= 2


def test_work_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy a picture is, the pixels that are looked at are bounded, not the time."""
    looked: list[float] = []
    monkeypatch.setattr(scan, "_read", lambda _, box, how: looked.append(how.work(box)) or iter(()))
    noise = Image.effect_noise((4000, 3000), 90)
    noise.paste(128, (0, 0, 4000, 1200))
    assert scan.Scan(noise).readings() == []
    assert 20_000_000 < sum(looked) <= scan._MOST_WORK


# Bad pictures


def header_of_png(width: int, height: int) -> bytes:
    """Return a picture of a few bytes that says it is of this size."""
    content = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    parts = ((b"IHDR", content), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in parts
    )


def animated(kind: str) -> bytes:
    first = beside(code128(SN, 3)).convert("RGB")
    return stored(first, kind, save_all=True, append_images=[first.rotate(180)])


JPEG = stored(beside(code128(SN, 3)))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)
BAD = {
    "empty": b"",
    "text": b"This is the serial number: ABC0000001\n" * 20,
    "damaged": JPEG[:200] + bytes(100),
    "truncated": JPEG[: len(JPEG) // 2],
    "truncated PNG": stored(beside(code128(SN, 3)), "PNG")[:-200],
    "HEIC": HEIC,
    "GIF": stored(beside(code128(SN, 3)), "GIF"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "animated PNG": animated("PNG"),
    "animated WebP": animated("WEBP"),
    "bomb of 200 megapixels": header_of_png(20_000, 10_000),
    "more megapixels": header_of_png(10_000, MEGAPIXELS * 100 + 1),
    "too many to be decoded whole": header_of_png(6_000, 6_000),
    "too many bytes": JPEG + bytes(MEGABYTES * 1_000_000),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_readable_picture(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for source in (content, path):
        with pytest.raises(PictureError) as raised:
            read_labels(source)
        assert (raised.value.key, raised.value.field) == ("picture_unreadable", CONF_PHOTO)
        # Neither the picture nor its name.
        assert str(raised.value) == "picture_unreadable"
        assert raised.value.__cause__ is None
    assert read_labels(JPEG) == ([SN], [])


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        read_labels(tmp_path / "photo.jpg")


def test_too_many_bytes_are_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    with path.open("wb") as file:
        file.truncate(50_000_000_000)
    with pytest.raises(PictureError):
        read_labels(path)
