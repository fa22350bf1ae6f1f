"""Providers' fields as Home Assistant's forms, and what a dialog remembers between two of them."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
import math
from typing import Any, Final

from homeassistant.const import CONF_ADDRESS
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

from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.fields import REQUIRED
from ..cloud.model import Captcha, Values
from ..cloud.provider import CAPTCHA_FIELD, Field, FieldKind, Form, Provider
from ..cloud.servers import server_key
from ..const import CONF_SERVER

# The choice of a server that is none of the known ones.
OWN_ADDRESS: Final = "own_address"

_TEXT_TYPES: Final = {
    FieldKind.PASSWORD: TextSelectorType.PASSWORD,
    FieldKind.EMAIL: TextSelectorType.EMAIL,
    FieldKind.PHONE: TextSelectorType.TEL,
    FieldKind.NUMBER: TextSelectorType.NUMBER,
}


class FormMemory:
    """What was typed into a dialog so far, and the error that its next form shows."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        self.typed: dict[str, Any] = {}
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}

    def remember(self, names: Iterable[str], user_input: Mapping[str, Any]) -> None:
        """Remember what the fields of a form hold now; one that was cleared stays empty."""
        for name in names:
            self.typed.pop(name, None)
        self.typed.update(user_input)

    def set_error(self, err: CloudError, names: Iterable[str] = ()) -> None:
        """Remember an error for the form that is shown next, at the field at fault."""
        field = err.field if err.field is not None and err.field in names else "base"
        self._errors = {field: err.key}
        self._placeholders = error_placeholders(err)

    def add_base_error(self, err: CloudError) -> None:
        """Remember an error of the form itself, beside one at a field that is to be shown too."""
        self._errors.setdefault("base", err.key)
        self._placeholders = error_placeholders(err) | self._placeholders

    @property
    def has_error(self) -> bool:
        """Whether the next form has an error to show."""
        return bool(self._errors)

    def pop_error(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the error to show, once, with the values for its text."""
        errors, self._errors = self._errors, {}
        placeholders, self._placeholders = self._placeholders, {}
        return errors, placeholders


def error_placeholders(err: CloudError) -> dict[str, str]:
    """Return the values for an error's text; a pause is told in seconds and in minutes."""
    if err.retry_after is None:
        return err.placeholders
    return {
        "seconds": str(max(1, math.ceil(err.retry_after))),
        "minutes": str(max(1, math.ceil(err.retry_after / 60))),
        **err.placeholders,
    }


def field_names(fields: Iterable[Field]) -> tuple[str, ...]:
    """Return the names of fields."""
    return tuple(field.name for field in fields)


def code_fields(form: Form) -> tuple[Field, ...]:
    """Return what has to be known before a code is sent."""
    identity = tuple(field for field in form.fields if field.name == form.identity)
    return (*identity, CAPTCHA_FIELD) if form.code_captcha else identity


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
    fields: Iterable[Field], suggested: Mapping[str, Any], country: str | None = None
) -> dict[vol.Marker, Any]:
    """Return the part of a schema that asks for these fields.

    `country` (ISO 3166 alpha-2) is suggested where none was chosen yet.
    """
    return {
        (vol.Required if field.required else vol.Optional)(
            field.name,
            description={
                "suggested_value": suggested.get(
                    field.name, country if field.kind is FieldKind.COUNTRY else None
                )
            },
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


def checked(fields: Iterable[Field], user_input: Mapping[str, Any]) -> Values:
    """Return the fields that were filled in.

    Raises InvalidInputError at the first one that is required and was not.
    """
    fields = tuple(fields)
    values = filled(fields, user_input)
    for field in fields:
        if field.required and field.name not in values:
            raise InvalidInputError(REQUIRED, field=field.name)
    return values


def server_names(provider: Provider) -> tuple[str, ...]:
    """Return the names of the fields that say which server."""
    return (CONF_SERVER, CONF_ADDRESS) if provider.servers else (CONF_ADDRESS,)


def server_schema(provider: Provider, suggested: Mapping[str, Any]) -> dict[vol.Marker, Any]:
    """Return the part of a schema that asks for the server: a known one, or an address."""
    address = TextSelector(TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url"))
    suggested_address = {"suggested_value": suggested.get(CONF_ADDRESS)}
    if not provider.servers:
        return {vol.Required(CONF_ADDRESS, description=suggested_address): address}
    keys = [server.key for server in provider.servers]
    server = SelectSelector(
        SelectSelectorConfig(
            options=[*keys, OWN_ADDRESS],
            mode=SelectSelectorMode.DROPDOWN,
            translation_key=CONF_SERVER,
        )
    )
    suggested_server = {"suggested_value": suggested.get(CONF_SERVER, keys[0])}
    return {
        vol.Required(CONF_SERVER, description=suggested_server): server,
        vol.Optional(CONF_ADDRESS, description=suggested_address): address,
    }


def server_values(provider: Provider, url: str) -> dict[str, str]:
    """Return what the fields that say which server hold for this one."""
    if (key := server_key(provider, url)) != url:
        return {CONF_SERVER: key}
    address = {CONF_ADDRESS: url}
    return {CONF_SERVER: OWN_ADDRESS, **address} if provider.servers else address


def choice(options: Iterable[str], translation_key: str) -> SelectSelector:
    """Return a choice whose texts are translated."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options), mode=SelectSelectorMode.LIST, translation_key=translation_key
        )
    )


def captcha_picture(captcha: Captcha | None) -> str:
    """Return a picture as the front end shows it inside a text, nothing when there is none."""
    return "" if captcha is None else f"![captcha]({data_uri(captcha)})"


def data_uri(captcha: Captcha) -> str:
    """Return a picture as an address that holds it."""
    return f"data:{captcha.media_type};base64,{b64encode(captcha.image).decode()}"


def agreement_links(pages: Iterable[str]) -> str:
    """Return the addresses of pages as a text with links, nothing when there are none."""
    return "\n".join(f"- <{page}>" for page in pages)
