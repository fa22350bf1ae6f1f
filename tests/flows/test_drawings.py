"""The drawings in forms: which label is meant, and where an app shows the token."""

from base64 import b64decode
from pathlib import Path
import re
from typing import Any
from xml.etree import ElementTree as ET

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
import pytest

from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.flows import drawings
from simulator import END_USER_TOKEN, Simulator
from tests.common import RESIDENT_PLANT, add_account, open_dialog, shown_values, submit
from tests.used_texts import ROOT

STICK = "QMN0000001"
FILES = sorted((ROOT / "drawings").iterdir())
BACKGROUND = "#eef1f4"
NAMESPACE = "{http://www.w3.org/2000/svg}"
# What is printed on labels, and what an app shows in every language.
PRINTED = re.compile(r"(SN|CC): [A-Z0-9]+|Me|API Token")

type Result = dict[str, Any]


def drawing(result: Result) -> ET.Element:
    """Return the drawing in what a dialog shows."""
    text = result["description_placeholders"]["drawing"]
    found = re.fullmatch(r"!\[\]\(data:image/svg\+xml;base64,([\w+/]+=*)\)", text)
    assert found is not None
    return ET.fromstring(b64decode(found[1]))  # noqa: S314 - our own


@pytest.fixture(autouse=True)
def _unread() -> None:
    """Have nothing read before."""
    drawings._read.cache_clear()


async def open_devices(hass: HomeAssistant, cloud: Simulator, kind: DeviceKind) -> Result:
    """Open the dialog that adds such a device, at its form."""
    entry = await add_account(hass, cloud, token=END_USER_TOKEN)
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, kind.value), context={"source": SOURCE_USER}
    )
    if result["step_id"] == "plant":
        result = await submit(hass, result, plant_id=RESIDENT_PLANT)
    return result


async def test_an_inverters_form_shows_the_inverters_label(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_devices(hass, cloud, DeviceKind.INVERTER)
    assert result["step_id"] == "serial_numbers"
    assert drawing(result).get("class") == "inverter"
    assert "datalogger (the stick)" in shown_values(result)["not_datalogger"]
    # A datalogger's number leads to the other form.
    cloud.growatt.add_datalogger(STICK)
    result = await submit(hass, result, serial_numbers=STICK)
    assert result["step_id"] == "found_datalogger"
    assert drawing(result).get("class") == "datalogger"


async def test_a_dataloggers_form_shows_the_dataloggers_label(
    hass: HomeAssistant, cloud: Simulator
) -> None:
    result = await open_devices(hass, cloud, DeviceKind.DATALOGGER)
    assert result["step_id"] == "datalogger"
    assert drawing(result).get("class") == "datalogger"


async def test_the_form_for_a_token_shows_where_it_is(hass: HomeAssistant) -> None:
    shown = drawing(await open_dialog(hass))
    assert "API Token" in "".join(shown.itertext())


async def test_other_credentials_have_no_drawing(hass: HomeAssistant) -> None:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await submit(hass, result, next_step_id="app_cloud")
    assert result["description_placeholders"]["drawing"] == ""


async def test_a_drawing_is_read_once(
    hass: HomeAssistant, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    read_text = Path.read_text

    def reading(path: Path, *args: Any, **options: Any) -> str:
        if path.suffix == ".svg":
            seen.append(path.name)
        return read_text(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", reading)
    for kind in (DeviceKind.INVERTER, DeviceKind.DATALOGGER, DeviceKind.INVERTER):
        await drawings.async_labels(hass, kind)
    assert seen == ["labels.svg"]


def test_what_fields_name_is_there() -> None:
    named = {
        field.guide
        for key in registry.PROVIDER_KEYS
        for field in registry.provider(key).credential_fields
    }
    assert {f"{name}.svg" for name in named if name} | {"labels.svg"} == {
        path.name for path in FILES
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_drawing_needs_no_translation_and_nothing_from_elsewhere(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    # It is sent with every form, and a phone has 390 pixels, without the dialog's edges.
    assert len(source) < 4_000
    root = ET.fromstring(source)  # noqa: S314 - our own
    assert int(root.get("width", 0)) <= 340
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    # Its own background first, since the dialog's may be dark.
    shapes = [each for each in root if each.tag.removeprefix(NAMESPACE) not in {"style", "title"}]
    assert shapes[0].tag == f"{NAMESPACE}rect"
    assert [shapes[0].get(name) for name in ("x", "y", "width", "height", "fill")] == [
        None, None, root.get("width"), root.get("height"), BACKGROUND,
    ]  # fmt: skip
    words = [text.text or "" for text in root.iter(f"{NAMESPACE}text")]
    assert words
    assert [word for word in words if not PRINTED.fullmatch(word)] == []
    assert re.findall(r"href|url\(|<script|<image|\bon\w+=|@import", source) == []
