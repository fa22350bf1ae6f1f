"""Providers' fields as Home Assistant forms, and what a flow remembers between forms."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
import math
from typing import Any, Final

from homeassistant.const import CONF_ADDRESS
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    CountrySelector,
    SelectOptionDict,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from ..cloud.errors import CloudError
from ..cloud.model import Captcha, Values
from ..cloud.provider import CAPTCHA_FIELD, Agreement, Field, FieldKind, Form, Provider
from ..cloud.servers import server_key
from ..const import CONF_SERVER
from ..foreign import Markdown, Plain, markdown

type UserInput = dict[str, Any] | None
"""What was submitted for a step's form, None when the step is to show the form."""

# The options beside the known servers: to look for the right one, and to enter another address.
FIND: Final = "find"
OWN_ADDRESS: Final = "own_address"

# The section of what may stay empty, and the key of its values in what is submitted.
MORE: Final = "more"

# Where a field stands, if not among the others: a code is what the form waits for, and the text in
# a picture is the last thing to do.
_PLACES: Final = {FieldKind.CODE: -1, FieldKind.CAPTCHA: 1}

_TEXT_TYPES: Final = {
    FieldKind.PASSWORD: TextSelectorType.PASSWORD,
    FieldKind.EMAIL: TextSelectorType.EMAIL,
    FieldKind.PHONE: TextSelectorType.TEL,
    FieldKind.NUMBER: TextSelectorType.NUMBER,
    FieldKind.URL: TextSelectorType.URL,
}

ADDRESS_FIELD: Final = Field(CONF_ADDRESS, FieldKind.URL, autocomplete="url")


class FormMemory:
    """What was typed into a flow so far, and the error that the next form shows."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        self.typed: dict[str, Any] = {}
        # The fields at which an error was shown.
        self.refused: set[str] = set()
        self._names: tuple[str, ...] = ()
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}

    def remember(self, names: Iterable[str], user_input: Mapping[str, Any]) -> None:
        """Remember what was submitted for the fields of a form; a cleared field stays empty."""
        self._names = tuple(names)
        self.forget(self._names)
        self.typed.update(user_input)

    def forget(self, names: Iterable[str]) -> None:
        """Forget what was typed into these fields."""
        for name in names:
            self.typed.pop(name, None)

    def set_error(self, err: CloudError, names: Iterable[str] | None = None) -> None:
        """Set the error of the next form, at the field at fault if the form has it.

        `names` are the form's fields, by default those of the last one.
        """
        if err.field is None or err.field not in (self._names if names is None else names):
            self._errors = {"base": err.key}
        else:
            self.refused.add(err.field)
            self._errors = {err.field: err.key}
        self._placeholders = error_placeholders(err)

    def add_base_error(self, err: CloudError) -> None:
        """Add an error of the form itself to an error at one of its fields."""
        self._errors.setdefault("base", err.key)
        self._placeholders = error_placeholders(err) | self._placeholders

    @property
    def has_error(self) -> bool:
        """Return whether the next form has an error to show."""
        return bool(self._errors)

    def pop_error(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the error with the placeholders of its text, and clear it."""
        errors, self._errors = self._errors, {}
        placeholders, self._placeholders = self._placeholders, {}
        return errors, placeholders


def error_placeholders(err: CloudError) -> dict[str, str]:
    """Return the placeholders of an error's text, with the pause in seconds and in minutes."""
    values = {**err.placeholders, "said": err.said}
    if err.retry_after is None:
        return values
    return {
        "seconds": str(max(1, math.ceil(err.retry_after))),
        "minutes": str(max(1, math.ceil(err.retry_after / 60))),
        **values,
    }


def field_names(fields: Iterable[Field]) -> tuple[str, ...]:
    """Return the names of the fields."""
    return tuple(field.name for field in fields)


def code_fields(form: Form) -> tuple[Field, ...]:
    """Return the fields that are needed to send a code."""
    identity = tuple(field for field in form.fields if field.name == form.identity)
    return (*identity, CAPTCHA_FIELD) if form.code_captcha else identity


def field_selector(field: Field) -> Selector[Any]:
    """Return the selector of a field."""
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
    """Return the part of a schema for these fields.

    `country` (ISO 3166 alpha-2) is suggested if none was chosen yet.
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


def form_schema(
    fields: Iterable[Field], memory: FormMemory, country: str | None = None
) -> dict[vol.Marker, Any]:
    """Return the part of a schema for a form's fields, with a section for what may stay empty.

    It is closed unless something was typed into it. The front end shows no error in a section, so
    what was refused once stands outside, and so does a secret: without it, little is possible.
    `country` is as in `fields_schema`.
    """
    ordered = sorted(fields, key=lambda field: _PLACES.get(field.kind, 0))
    extra = [
        field
        for field in ordered
        if not (
            field.required or field.secret or field.kind in _PLACES or field.name in memory.refused
        )
    ]
    if len(extra) == len(ordered):
        return fields_schema(ordered, memory.typed, country)
    is_last = FieldKind.CAPTCHA
    first = [field for field in ordered if field not in extra and field.kind is not is_last]
    schema = fields_schema(first, memory.typed, country)
    if extra:
        typed = any(memory.typed.get(field.name) for field in extra)
        schema[vol.Optional(MORE)] = section(
            vol.Schema(dict(fields_schema(extra, memory.typed, country))), {"collapsed": not typed}
        )
    last = [field for field in ordered if field.kind is is_last]
    return schema | fields_schema(last, memory.typed, country)


def without_section(user_input: UserInput) -> UserInput:
    """Return what was submitted as if the form had no section."""
    if user_input is None or not isinstance(more := user_input.get(MORE), Mapping):
        return user_input
    return {**{name: typed for name, typed in user_input.items() if name != MORE}, **more}


def checked(fields: Iterable[Field], user_input: Mapping[str, Any]) -> Values:
    """Return the values of the fields that were filled in.

    Raises InvalidInputError at the first field that is required and empty, or holds what it cannot.
    """
    # The front end leaves an empty field out, or sends null for it.
    entered = {name: str(typed) for name, typed in user_input.items() if typed is not None}
    read = ((field.name, field.read(entered)) for field in fields)
    return {name: value for name, value in read if value is not None}


def server_choice(
    provider: Provider, suggested: Mapping[str, Any], current: str | None
) -> dict[vol.Marker, Any]:
    """Return the part of a schema to choose a server.

    Beside the known ones, that is the one that was chosen before and the `current` one of an
    account: its key, or its address.
    """
    keys = [server.key for server in provider.servers if not server.for_tests]
    if provider.likely_servers(None):
        keys.insert(0, FIND)
    chosen = suggested.get(CONF_SERVER, keys[0])
    others = (one for one in (current, chosen) if one not in (None, OWN_ADDRESS))
    server = SelectSelector(
        SelectSelectorConfig(
            options=[*dict.fromkeys((*keys, *others)), OWN_ADDRESS],
            mode=SelectSelectorMode.DROPDOWN,
            translation_key=CONF_SERVER,
        )
    )
    return {required(CONF_SERVER, chosen): server}


def server_values(provider: Provider, url: str) -> dict[str, str]:
    """Return the value of the field for the server, for a URL."""
    if provider.servers:
        return {CONF_SERVER: server_key(provider, url)}
    return {CONF_ADDRESS: url}


def required(name: str, suggested: object) -> vol.Required:
    """Return the marker of a required field with a suggested value."""
    return vol.Required(name, description={"suggested_value": suggested})


def choice(options: Iterable[str], translation_key: str) -> SelectSelector:
    """Return a selector whose options are translated."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options), mode=SelectSelectorMode.LIST, translation_key=translation_key
        )
    )


def select_options(labels: Mapping[str, Plain]) -> list[SelectOptionDict]:
    """Return the options of a choice, from what to call each value."""
    return [SelectOptionDict(value=value, label=label) for value, label in labels.items()]


def captcha_picture(captcha: Captcha | None) -> Markdown:
    """Return a captcha's picture, or an empty text without a captcha."""
    return Markdown("" if captcha is None else f"![captcha]({data_uri(captcha)})")


def data_uri(captcha: Captcha) -> str:
    """Return a captcha's picture as a data URI."""
    return f"data:{captcha.media_type};base64,{b64encode(captcha.image).decode()}"


def agreement_links(agreements: Iterable[Agreement], names: Mapping[str, str]) -> Markdown:
    """Return a list of links to pages (`web_page`), or an empty text without pages.

    The address is shown too: the page is not ours, and we have not read it.
    """
    return Markdown(
        "\n".join(
            markdown(t"- {names[kind]}: {Markdown(f'<{page}>')}") for kind, page in agreements
        )
    )
