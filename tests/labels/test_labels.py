"""Photos in Home Assistant: uploaded, read beside the event loop, and gone."""

import ctypes.util
from io import BytesIO
import json
import logging
from pathlib import Path
import subprocess
import sys

import homeassistant
from homeassistant.components import file_upload
from homeassistant.core import HomeAssistant
import pytest

from custom_components.growatt_onboarding import labels
from custom_components.growatt_onboarding.const import CONF_PHOTO
from custom_components.growatt_onboarding.labels import (
    ACCEPT,
    MEGABYTES,
    MEGAPIXELS,
    PictureError,
    async_read_labels,
    async_read_upload,
    async_why_unavailable,
)

from ..drawn_labels import beside, code128
from ..used_texts import ROOT

SN = "ABC0000001"
FILE_ID = "01ABCDEFGHJKMNPQRSTVWXYZ00"


def photo() -> bytes:
    file = BytesIO()
    beside(code128(SN, 3)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def upload(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return the path of a photo that somebody has uploaded."""
    path = tmp_path / FILE_ID / "photo.jpg"
    path.parent.mkdir()
    path.write_bytes(photo())
    hass.data[file_upload._DATA] = file_upload.FileUploadData(tmp_path, {FILE_ID: path.name})
    return path


async def test_an_upload_is_read_and_gone(hass: HomeAssistant, upload: Path) -> None:
    assert await async_read_upload(hass, FILE_ID) == ([SN], [])
    assert not upload.parent.exists()
    with pytest.raises(PictureError) as raised:
        await async_read_upload(hass, FILE_ID)
    assert (raised.value.key, raised.value.field) == ("picture_unreadable", CONF_PHOTO)


async def test_a_bad_upload_is_gone_too(hass: HomeAssistant, upload: Path) -> None:
    await hass.async_add_executor_job(upload.write_bytes, b"text")
    with pytest.raises(PictureError):
        await async_read_upload(hass, FILE_ID)
    assert not upload.parent.exists()


async def test_nothing_was_ever_uploaded(hass: HomeAssistant) -> None:
    with pytest.raises(PictureError):
        await async_read_upload(hass, FILE_ID)


async def test_nothing_of_a_picture_is_logged(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await async_read_labels(hass, photo()) == ([SN], [])
    assert SN not in caplog.text


def test_what_the_form_accepts_is_what_is_opened() -> None:
    assert {kind.partition("/")[2].upper() for kind in ACCEPT.split(",")} == {"JPEG", "PNG", "WEBP"}


def test_every_language_names_the_limits() -> None:
    for path in (ROOT / "translations").glob("*.json"):
        texts = json.loads(path.read_text(encoding="utf-8"))["exceptions"]
        text = texts["picture_unreadable"]["message"]
        assert f"{MEGABYTES} M" in text, path
        millions = "5000 万" if path.stem.startswith("zh") else f"{MEGAPIXELS} "
        assert MEGAPIXELS == 50
        assert millions in text, path


# The libraries


def test_the_library_is_the_one_that_home_assistant_pins() -> None:
    """Two versions cannot be installed at once, and Pillow comes with Home Assistant."""
    core = Path(homeassistant.__path__[0]) / "components" / "qrcode" / "manifest.json"
    ours, theirs = (
        {name.partition("==")[0]: name for name in json.loads(path.read_text())["requirements"]}
        for path in (ROOT / "manifest.json", core)
    )
    assert ours["pyzbar"] == theirs["pyzbar"]
    assert "Pillow" not in ours


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pyzbar imported and judged anew, here and by the next test."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyzbar"]:
        monkeypatch.delitem(sys.modules, name)
    labels._why_unavailable.cache_clear()


async def test_zbar_is_there(hass: HomeAssistant, fresh: None) -> None:
    assert await async_why_unavailable(hass) == ""
    labels._why_unavailable.cache_clear()


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        (None, "Unable to find zbar shared library"),
        ("/nowhere/libzbar.so.0", "/nowhere/libzbar.so.0: cannot open shared object file"),
    ],
)
async def test_zbar_is_missing(
    hass: HomeAssistant,
    fresh: None,
    monkeypatch: pytest.MonkeyPatch,
    library: str | None,
    reason: str,
) -> None:
    with monkeypatch.context() as without:
        without.setattr(ctypes.util, "find_library", lambda _: library)
        assert reason in await async_why_unavailable(hass)
    # Nobody installs a library while Home Assistant runs: it is asked once.
    assert reason in await async_why_unavailable(hass)
    labels._why_unavailable.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyzbar"]:
        monkeypatch.delitem(sys.modules, name)
    assert await async_why_unavailable(hass) == ""


def test_the_libraries_wait_for_the_first_picture() -> None:
    """What a start imports must not load them: most people type their numbers."""
    names = [
        *("config_flow", "diagnostics", "repairs", "system_health", "labels"),
        *("binary_sensor", "button", "event", "sensor", "cloud.growatt"),
    ]
    package = "custom_components.growatt_onboarding"
    code = (
        "import importlib, sys;"
        f"[importlib.import_module(f'{package}.{{name}}') for name in {names}];"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'pyzbar', 'PIL'})"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == []
