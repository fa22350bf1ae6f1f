"""A photo of labels in the dialogs: what it says is looked at before anything is sent."""

from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from homeassistant.components import file_upload
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.selector import FileSelector, SelectSelector
from PIL import Image
import pytest

from custom_components.growatt_onboarding import labels
from custom_components.growatt_onboarding.labels import ACCEPT, Labels
from simulator import Simulator
from simulator.growatt import END_USER_TOKEN
from tests.common import (
    Result,
    add_account,
    open_inverters,
    shown_values,
    submit,
)
from tests.drawn_labels import beside, code128

from .test_datalogger import open_label, sent, tracked

SN, OTHER_SN, THIRD_SN = "SIM0000001", "SIM0000002", "SIM0000003"
STICK, OTHER_STICK = "QMN0000001", "QMN0000002"
BIND = "device/sn/add"


class Camera:
    """Uploads photos as the front end does."""

    def __init__(self, hass: HomeAssistant, folder: Path) -> None:
        self.files: dict[str, str] = {}
        self._folder = folder
        hass.data[file_upload._DATA] = file_upload.FileUploadData(folder, self.files)

    def takes(self, *numbers: str) -> str:
        """Return the id of an uploaded photo of labels with these numbers."""
        content = BytesIO()
        beside(*(code128(number, 3) for number in numbers)).save(content, "JPEG")
        return self.uploads(content.getvalue())

    def uploads(self, content: bytes) -> str:
        """Return the id of an uploaded file."""
        file_id = str(uuid4())
        path = self._folder / file_id / "photo.jpg"
        path.parent.mkdir()
        path.write_bytes(content)
        self.files[file_id] = path.name
        return file_id


@pytest.fixture
async def entry(hass: HomeAssistant, cloud: Simulator) -> ConfigEntry:
    """Return the entry of the resident, who has one plant."""
    return await add_account(hass, cloud, token=END_USER_TOKEN)


@pytest.fixture
def camera(hass: HomeAssistant, tmp_path: Path) -> Camera:
    return Camera(hass, tmp_path)


async def open_serials(hass: HomeAssistant, entry: ConfigEntry) -> Result:
    result = await open_inverters(hass, entry)
    assert result["step_id"] == "serial_numbers"
    return result


def suggested(result: Result, field: str) -> object:
    """Return what stands in a field of a form."""
    (marker,) = (one for one in result["data_schema"].schema if one == field)
    return (marker.description or {}).get("suggested_value")


def selector(result: Result, field: str) -> Any:
    return result["data_schema"].schema[field]


def read_as(numbers: list[str], doubtful: list[str]) -> Any:
    """Have every photo say this."""
    return patch.object(labels, "_read_labels", lambda _: Labels(numbers, doubtful))


async def test_numbers_are_read_looked_at_corrected_and_sent(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera
) -> None:
    for serial in (SN, OTHER_SN, THIRD_SN):
        cloud.growatt.add_device(serial)
    form = await open_serials(hass, entry)
    assert isinstance(selector(form, "photo"), FileSelector)
    assert selector(form, "photo").config == {"accept": ACCEPT}
    form = await submit(
        hass, form, serial_numbers=f"{THIRD_SN.lower()}\nx\n", photo=camera.takes(SN, THIRD_SN)
    )
    assert (form["type"], form["step_id"], form["errors"]) == (
        FlowResultType.FORM,
        "serial_numbers",
        {},
    )
    # What was typed stays, even if it is wrong, and is not there twice.
    assert suggested(form, "serial_numbers") == f"{THIRD_SN.lower()}\nx\n{SN}"
    assert SN in shown_values(form)["photo"]
    assert not cloud.calls.of(BIND)
    assert not entry.subentries
    assert not camera.files
    result = await submit(hass, form, serial_numbers=f"{SN}\n{OTHER_SN}")
    assert result["reason"] == "waiting"
    assert tracked(entry).keys() == {SN, OTHER_SN}
    assert [call.params["sn"] for call in cloud.calls.of(BIND)] == [SN, OTHER_SN]


async def test_what_is_ambiguous_is_offered_and_never_chosen(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    camera: Camera,
) -> None:
    for serial in (SN, OTHER_SN, THIRD_SN):
        cloud.growatt.add_device(serial)
    form = await open_serials(hass, entry)
    with read_as([SN], [OTHER_SN, THIRD_SN]):
        form = await submit(hass, form, photo=camera.takes(SN))
    assert suggested(form, "serial_numbers") == SN
    assert selector(form, "unclear").config["options"] == [OTHER_SN, THIRD_SN]
    assert suggested(form, "unclear") is None
    result = await submit(hass, form, serial_numbers=SN, unclear=[THIRD_SN])
    assert result["reason"] == "waiting"
    assert tracked(entry).keys() == {SN, THIRD_SN}


async def test_a_form_with_an_error_keeps_what_was_read(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    camera: Camera,
) -> None:
    for serial in (SN, OTHER_SN, THIRD_SN):
        cloud.growatt.add_device(serial)
    form = await open_serials(hass, entry)
    with read_as([SN], [OTHER_SN]):
        form = await submit(hass, form, photo=camera.takes(SN))
    form = await submit(hass, form, serial_numbers=f"{SN}\nx", unclear=[OTHER_SN])
    assert form["errors"] == {"serial_numbers": "serial_invalid"}
    assert suggested(form, "serial_numbers") == f"{SN}\nx"
    assert suggested(form, "unclear") == [OTHER_SN]
    # Another photo says something else.
    with read_as([THIRD_SN], []):
        form = await submit(hass, form, serial_numbers=SN, photo=camera.takes(SN))
    assert suggested(form, "serial_numbers") == f"{SN}\n{THIRD_SN}"
    assert "unclear" not in form["data_schema"].schema
    result = await submit(hass, form, serial_numbers=f"{SN}\n{THIRD_SN}")
    assert tracked(entry).keys() == {SN, THIRD_SN}
    assert result["reason"] == "waiting"


SECOND_PHOTO = {
    "good": ([STICK], [OTHER_STICK], {}),
    "the same": ([SN], [OTHER_SN, THIRD_SN], {}),
    "bad": ([], [], {"photo": "picture_unreadable"}),
}


@pytest.mark.parametrize("second", SECOND_PHOTO)
async def test_another_photo_leaves_what_was_selected(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera, second: str
) -> None:
    """What a person said is right is no longer in doubt, whatever the next photo says."""
    numbers, doubtful, errors = SECOND_PHOTO[second]
    for serial in (SN, OTHER_SN, THIRD_SN, STICK):
        cloud.growatt.add_device(serial)
    form = await open_serials(hass, entry)
    with read_as([SN], [OTHER_SN, THIRD_SN]):
        form = await submit(hass, form, photo=camera.takes(SN))
    # The number that was read is taken out: a bad picture does not bring it back.
    typed = {"serial_numbers": "", "unclear": [OTHER_SN]}
    if errors:
        form = await submit(hass, form, **typed, photo=camera.uploads(b"text"))
    else:
        with read_as(numbers, doubtful):
            form = await submit(hass, form, **typed, photo=camera.takes(SN))
    assert form["errors"] == errors
    stands = {name: suggested(form, name) for name in ("serial_numbers", "unclear")}
    if errors:
        assert stands == typed
        assert selector(form, "unclear").config["options"] == [OTHER_SN, THIRD_SN]
    else:
        expected = "\n".join([OTHER_SN, *numbers])
        assert stands == {"serial_numbers": expected, "unclear": None}
        assert selector(form, "unclear").config["options"] == doubtful
    left = {name: value for name, value in stands.items() if value}
    result = await submit(hass, form, **left)
    assert result["reason"] == "waiting"
    assert tracked(entry).keys() == {OTHER_SN, *numbers}


async def test_what_is_selected_and_typed_is_one_number(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera
) -> None:
    cloud.growatt.add_device(OTHER_SN)
    form = await open_serials(hass, entry)
    with read_as([], [OTHER_SN]):
        form = await submit(hass, form, photo=camera.takes(SN))
    result = await submit(hass, form, serial_numbers=OTHER_SN.lower(), unclear=[OTHER_SN])
    assert result["reason"] == "waiting"
    assert tracked(entry).keys() == {OTHER_SN}


def blank() -> bytes:
    content = BytesIO()
    Image.new("L", (800, 600), 255).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    "bad",
    [
        (b"text", "picture_unreadable"),
        (b"", "picture_unreadable"),
        (blank(), "picture_without_codes"),
    ],
    ids=["text", "empty", "blank"],
)
async def test_a_bad_picture_loses_nothing(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    camera: Camera,
    bad: tuple[bytes, str],
) -> None:
    content, error = bad
    cloud.growatt.add_device(SN)
    form = await open_serials(hass, entry)
    form = await submit(hass, form, serial_numbers=SN, photo=camera.uploads(content))
    assert form["errors"] == {"photo": error}
    assert suggested(form, "serial_numbers") == SN
    assert not cloud.calls.of(BIND)
    assert not camera.files
    label = await open_label(hass, entry)
    label = await submit(
        hass, label, serial_number=STICK, check_code="1", photo=camera.uploads(content)
    )
    assert label["errors"] == {"photo": error}
    assert (suggested(label, "serial_number"), suggested(label, "check_code")) == (STICK, "1")
    # A better one.
    form = await submit(hass, form, photo=camera.takes(SN))
    result = await submit(hass, form, serial_numbers=str(suggested(form, "serial_numbers")))
    assert result["reason"] == "waiting"


async def test_nothing_at_all_is_told_at_the_numbers(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry
) -> None:
    form = await submit(hass, await open_serials(hass, entry))
    assert form["errors"] == {"serial_numbers": "serials_empty"}
    label = await submit(hass, await open_label(hass, entry))
    assert label["errors"] == {"serial_number": "serials_empty"}
    assert not cloud.calls.of(BIND)
    cloud.growatt.add_device(SN)
    result = await submit(hass, form, serial_numbers=SN)
    assert result["reason"] == "waiting"


# The label of a datalogger


async def test_the_number_of_a_datalogger(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera
) -> None:
    cloud.growatt.add_datalogger(STICK, check_code="A1B2C")
    form = await open_label(hass, entry)
    form = await submit(hass, form, check_code="A1B2C", photo=camera.takes(STICK))
    assert (form["step_id"], form["errors"]) == ("datalogger", {})
    assert (suggested(form, "serial_number"), suggested(form, "check_code")) == (STICK, "A1B2C")
    assert STICK in shown_values(form)["photo"]
    assert sent(cloud) == []
    result = await submit(hass, form, serial_number=STICK, check_code="A1B2C")
    assert result["reason"] == "datalogger_submitted"
    assert sent(cloud) == [STICK]


@pytest.mark.parametrize("read", [([STICK, SN], []), ([STICK], [SN]), ([], [STICK])])
async def test_several_numbers_are_a_choice(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    camera: Camera,
    read: tuple[list[str], list[str]],
) -> None:
    numbers, doubtful = read
    cloud.growatt.add_datalogger(OTHER_STICK)
    form = await open_label(hass, entry)
    with read_as(numbers, doubtful):
        form = await submit(hass, form, photo=camera.takes(SN))
    choice = selector(form, "serial_number")
    assert isinstance(choice, SelectSelector)
    assert choice.config["options"] == [*numbers, *doubtful]
    assert suggested(form, "serial_number") is None
    # None of them is right.
    assert choice.config["custom_value"]
    result = await submit(hass, form, serial_number=OTHER_STICK)
    assert result["reason"] == "datalogger_submitted"
    assert sent(cloud) == [OTHER_STICK]


@pytest.mark.parametrize("read", [([STICK], []), ([STICK, SN], []), ([STICK], [SN])])
@pytest.mark.parametrize("right", [STICK, OTHER_STICK])
async def test_a_photo_replaces_no_typed_number(
    hass: HomeAssistant,
    cloud: Simulator,
    entry: ConfigEntry,
    camera: Camera,
    *,
    read: tuple[list[str], list[str]],
    right: str,
) -> None:
    numbers, doubtful = read
    cloud.growatt.add_datalogger(right)
    form = await open_label(hass, entry)
    with read_as(numbers, doubtful):
        form = await submit(hass, form, serial_number=OTHER_STICK, photo=camera.takes(STICK))
    assert suggested(form, "serial_number") == OTHER_STICK
    assert selector(form, "serial_number").config["options"] == [OTHER_STICK, *numbers, *doubtful]
    assert STICK in shown_values(form)["photo"]
    # A bad picture changes nothing in that.
    form = await submit(hass, form, serial_number=OTHER_STICK, photo=camera.uploads(b"text"))
    assert form["errors"] == {"photo": "picture_unreadable"}
    assert suggested(form, "serial_number") == OTHER_STICK
    assert selector(form, "serial_number").config["options"] == [OTHER_STICK, *numbers, *doubtful]
    result = await submit(hass, form, serial_number=right)
    assert result["reason"] == "datalogger_submitted"
    assert sent(cloud) == [right]


async def test_a_bad_picture_puts_no_earlier_number_in(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera
) -> None:
    cloud.growatt.add_datalogger(STICK)
    form = await open_label(hass, entry)
    form = await submit(hass, form, photo=camera.takes(STICK))
    form = await submit(hass, form, serial_number="", photo=camera.uploads(b"text"))
    assert form["errors"] == {"photo": "picture_unreadable"}
    assert not suggested(form, "serial_number")
    result = await submit(hass, form, serial_number=STICK)
    assert result["reason"] == "datalogger_submitted"


async def test_the_same_number_is_spelled_as_the_photo_has_it(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera
) -> None:
    cloud.growatt.add_datalogger(STICK)
    form = await open_label(hass, entry)
    typed = f"SN: {STICK.lower()}"
    form = await submit(hass, form, serial_number=typed, photo=camera.takes(STICK))
    assert suggested(form, "serial_number") == STICK
    assert not isinstance(selector(form, "serial_number"), SelectSelector)
    result = await submit(hass, form, serial_number=STICK)
    assert result["reason"] == "datalogger_submitted"


@pytest.mark.parametrize("second", SECOND_PHOTO)
async def test_the_way_to_inverters_keeps_what_was_typed(
    hass: HomeAssistant, cloud: Simulator, entry: ConfigEntry, camera: Camera, second: str
) -> None:
    numbers, doubtful, errors = SECOND_PHOTO[second]
    form = await open_label(hass, entry)
    typed = {"have": "only_inverter", "serial_number": THIRD_SN}
    if errors:
        form = await submit(hass, form, **typed, photo=camera.uploads(b"text"))
    else:
        with read_as(numbers, doubtful):
            form = await submit(hass, form, **typed, photo=camera.takes(SN))
    assert (form["step_id"], form["errors"]) == ("serial_numbers", errors)
    assert suggested(form, "serial_numbers") == "\n".join([THIRD_SN, *numbers])
    cloud.growatt.add_device(THIRD_SN)
    result = await submit(hass, form, serial_numbers=THIRD_SN)
    assert result["reason"] == "waiting"


# Where pictures cannot be read


async def test_without_the_library_there_is_no_such_field(
    hass: HomeAssistant, entry: ConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "_why_unavailable", lambda: "no zbar")
    form = await open_serials(hass, entry)
    assert list(form["data_schema"].schema) == ["serial_numbers", "plant_id"]
    label = await open_label(hass, entry, photo=False)
    assert "photo" not in label["data_schema"].schema
    monkeypatch.undo()
    form = await open_serials(hass, entry)
    assert "photo" in form["data_schema"].schema
