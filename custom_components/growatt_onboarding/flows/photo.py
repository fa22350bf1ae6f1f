"""A photo of labels in a form that asks for serial numbers.

What it says is put into the form, to be looked at: a form with a photo sends nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..account.serials import InvalidSerialError, normalize_serial, split_serials
from ..const import CONF_PHOTO
from ..labels import ACCEPT, Labels, async_read_upload, async_why_unavailable
from ..texts import async_reasons, reason_text

# Of what was not read for certain, what a person says is right.
CONF_UNCLEAR: Final = "unclear"

type _Schema = dict[vol.Marker, Any]

_NOTHING: Final = Labels([], [])


class Photo:
    """What the latest photo of a flow said."""

    def __init__(self) -> None:
        """Start without a photo."""
        self._labels = _NOTHING

    async def async_read(self, hass: HomeAssistant, user_input: dict[str, Any]) -> bool:
        """Take the photo out of what was submitted and read it; return whether there was one.

        Raises PictureError. What an earlier photo said still stands then.
        """
        if (file_id := user_input.pop(CONF_PHOTO, None)) is None:
            return False
        self._labels = await async_read_upload(hass, file_id)
        return True

    def forget(self) -> None:
        """Forget what it said, as the form is done."""
        self._labels = _NOTHING

    def put_many(self, name: str, user_input: dict[str, Any]) -> None:
        """Add its numbers to those that were entered, with what was selected of an earlier one."""
        user_input[name] = _joined(entered_numbers(name, user_input), self._labels.numbers)
        user_input.pop(CONF_UNCLEAR, None)

    def put_one(self, name: str, user_input: dict[str, Any]) -> None:
        """Enter its number, if it is the only one, and nobody typed another."""
        if not self._is_choice(user_input.get(name)):
            user_input[name], *_ = self._labels.numbers

    def _is_choice(self, typed: str | None) -> bool:
        """Return whether a person has to choose what is right."""
        numbers, doubtful = self._labels
        known = {*_spelled(typed or ""), *numbers}
        return bool(doubtful) or len(known) > 1

    # In a form

    async def async_schema_for_many(
        self, hass: HomeAssistant, name: str, typed: Mapping[str, Any]
    ) -> _Schema:
        """Return the schema of a form that asks for serial numbers."""
        schema: _Schema = {}
        marker, photo = await self._async_fields(hass, name, typed.get(name))
        schema[marker] = TextSelector(TextSelectorConfig(multiline=True))
        if self._labels.doubtful:
            options = SelectSelectorConfig(
                options=self._labels.doubtful, multiple=True, mode=SelectSelectorMode.LIST
            )
            suggested = {"suggested_value": typed.get(CONF_UNCLEAR)}
            schema[vol.Optional(CONF_UNCLEAR, description=suggested)] = SelectSelector(options)
        return schema | photo

    async def async_schema_for_one(
        self, hass: HomeAssistant, name: str, typed: Mapping[str, Any], others: _Schema
    ) -> _Schema:
        """Return the schema of a form that asks for one serial number, and for others beside it."""
        marker, photo = await self._async_fields(hass, name, typed.get(name))
        entered, read = typed.get(name), [*self._labels.numbers, *self._labels.doubtful]
        if not read or not self._is_choice(entered):
            return {marker: TextSelector(), **others, **photo}
        options = SelectSelectorConfig(
            options=_joined(entered or "", read).splitlines(),
            custom_value=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
        return {marker: SelectSelector(options), **others, **photo}

    async def _async_fields(
        self, hass: HomeAssistant, name: str, typed: object
    ) -> tuple[vol.Marker, _Schema]:
        """Return the marker of serial numbers, which a photo may bring, and the photo's field."""
        # None is required: the form is submitted with only a photo, too.
        marker = vol.Optional(name, description={"suggested_value": typed})
        if await async_why_unavailable(hass):
            return marker, {}
        photo = FileSelector(FileSelectorConfig(accept=ACCEPT))
        return marker, {vol.Optional(CONF_PHOTO): photo}

    async def async_remark(self, hass: HomeAssistant) -> str:
        """Return what to say of the latest photo, empty if there is nothing to say."""
        reasons = await async_reasons(hass)
        said = (("photo_read", self._labels.numbers), ("photo_unclear", self._labels.doubtful))
        return " ".join(
            reason_text(reasons, key, {"serials": ", ".join(numbers)})
            for key, numbers in said
            if numbers
        )


def entered_numbers(name: str, user_input: Mapping[str, Any]) -> str:
    """Return the numbers that were entered, one per line: typed, or selected as read right."""
    return _joined(user_input.get(name, ""), user_input.get(CONF_UNCLEAR, ()))


def _joined(typed: str, numbers: Iterable[str]) -> str:
    """Return what was typed with these numbers, one per line, unless they are in it."""
    known = set(_spelled(typed))
    return "\n".join(filter(None, (typed.rstrip(), *(one for one in numbers if one not in known))))


def _spelled(typed: str) -> list[str]:
    """Return the numbers in what was typed as they are sent, and what is none as it is."""
    return [_as_sent(text) for text in split_serials(typed)]


def _as_sent(text: str) -> str:
    try:
        return normalize_serial(text)
    except InvalidSerialError:
        return text
