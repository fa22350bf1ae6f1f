"""Providers' fields as Home Assistant's forms."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.helpers.selector import (
    CountrySelector,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .cloud.model import Captcha, Values
from .cloud.provider import Field, FieldKind, Provider

# What ties a captcha's answer to its picture travels with the values of a form.
CAPTCHA_CHALLENGE = "captcha_challenge"

_TEXT_TYPES = {
    FieldKind.PASSWORD: TextSelectorType.PASSWORD,
    FieldKind.EMAIL: TextSelectorType.EMAIL,
    FieldKind.PHONE: TextSelectorType.TEL,
}


def field_selector(field: Field) -> Selector[Any]:
    """Return how the front end asks for a field."""
    if field.kind is FieldKind.COUNTRY:
        return CountrySelector()
    kind = TextSelectorType.PASSWORD if field.secret else _TEXT_TYPES.get(field.kind)
    config = TextSelectorConfig(type=kind or TextSelectorType.TEXT)
    if field.autocomplete is not None:
        config["autocomplete"] = field.autocomplete
    return TextSelector(config)


def fields_schema(
    fields: Iterable[Field], defaults: Mapping[str, Any] | None = None
) -> dict[vol.Marker, Any]:
    """Return the part of a schema that asks for these fields."""
    given = defaults or {}
    return {
        (vol.Required if field.required else vol.Optional)(
            field.name, description={"suggested_value": given.get(field.name)}
        ): field_selector(field)
        for field in fields
    }


def filled(fields: Iterable[Field], user_input: Mapping[str, Any]) -> Values:
    """Return the fields that were filled in; blanks around a text that is no secret go."""
    values: dict[str, str] = {}
    for field in fields:
        text = str(user_input.get(field.name) or "")
        if not field.secret and field.kind is not FieldKind.PASSWORD:
            text = text.strip()
        if text:
            values[field.name] = text
    return values


def server_selector(provider: Provider) -> SelectSelector:
    """Return the choice of a provider's servers, where an own address can be typed too."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[server.key for server in provider.servers],
            custom_value=True,
            mode=SelectSelectorMode.DROPDOWN,
            translation_key="server",
        )
    )


def choice(options: Iterable[str], translation_key: str) -> SelectSelector:
    """Return a choice whose texts are translated."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options), mode=SelectSelectorMode.LIST, translation_key=translation_key
        )
    )


def captcha_picture(captcha: Captcha | None) -> str:
    """Return a picture as the front end shows it inside a text, nothing when there is none."""
    if captcha is None:
        return ""
    image = b64encode(captcha.image).decode()
    return f"![captcha](data:{captcha.media_type};base64,{image})"
