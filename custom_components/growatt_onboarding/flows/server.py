"""The steps of the account flow that ask for a server and for what talking to it takes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_ADDRESS
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.loader import async_get_integration
import voluptuous as vol

from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.fields import REQUIRED, optional_text
from ..cloud.model import Credentials, Values
from ..cloud.provider import Field, Provider
from ..cloud.servers import SERVER_FIELD, resolve, server_key
from ..const import CONF_PROVIDER, CONF_SERVER, DOMAIN
from ..foreign import Markdown
from .base import AccountFlow
from .drawings import async_field_drawing
from .find_server import async_find_server, async_recognize
from .forms import (
    ADDRESS_FIELD,
    FIND,
    OWN_ADDRESS,
    UserInput,
    checked,
    choice,
    field_names,
    fields_schema,
    form_schema,
    server_choice,
)
from .steps import with_minimum_duration

# The part of our documentation that says where a token comes from.
_GUIDE: Final = "{documentation}#where-does-the-token-come-from"
_OPTIONAL_ADDRESS: Final = replace(ADDRESS_FIELD, required=False)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class ServerForm(NamedTuple):
    """A form for a server and for what talking to it takes.

    Attributes:
        step_id: its step.
        providers: which of them it may be; if there are several, the address tells.
        fields: what to ask for beside the server.
        go_on: goes on in the flow once the server has taken what was entered. Raises CloudError.
        switches: the names of switches at its end, which are on unless somebody turns them off.
        kept: the credentials that stay as they are where their fields are left empty.
        current: the server of the account so far: the key of a known one, or its address.
        placeholders: values for the form's texts.

    """

    step_id: str
    providers: tuple[Provider, ...]
    fields: tuple[Field, ...]
    go_on: Callable[[Any], Awaitable[ConfigFlowResult]]
    switches: tuple[str, ...] = ()
    kept: Values = _NOTHING
    current: str | None = None
    placeholders: Mapping[str, str] = _NOTHING

    @property
    def server_field(self) -> str:
        """The name of the field for the server."""
        return CONF_SERVER if self.providers[0].servers else CONF_ADDRESS

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields."""
        return (self.server_field, *field_names(self.fields), *self.switches)


class ServerFlow(AccountFlow):
    """The steps from the choice of a cloud to a server that takes the credentials."""

    _server_form: ServerForm
    # The search for a server. The flow's end ends it, so that no other server is shown the
    # credentials.
    _search: asyncio.Task[str | None] | None = None
    _found: str | None = None

    async def _ask_server(self, form: ServerForm, user_input: UserInput) -> ConfigFlowResult:
        """Show a form, or go on with what was submitted for it."""
        self._server_form = form
        if user_input is None:
            return self._show_server_form()
        self._memory.remember(form.names, user_input)
        if any(_is_missing(field, user_input) for field in form.fields):
            return await self.async_step_no_token()
        return await self._try_server()

    def _show_server_form(self) -> ConfigFlowResult:
        form = self._server_form
        provider = form.providers[0]
        # What is fetched somewhere first may be left empty, to be told where.
        fields = tuple(
            replace(field, required=field.required and not field.guide) for field in form.fields
        )
        if provider.servers:
            server = server_choice(provider, self._memory.typed, form.current)
            schema = {**server, **form_schema(fields, self._memory)}
        else:
            schema = form_schema((ADDRESS_FIELD, *fields), self._memory)
        schema |= self._switches(form.switches)
        return self._show(form.step_id, schema, **form.placeholders)

    def _switches(self, names: Iterable[str]) -> dict[vol.Marker, Any]:
        """Return the part of a schema for switches, which are on unless somebody turns them off."""
        return {
            vol.Required(name, default=self._memory.typed.get(name, True)): BooleanSelector()
            for name in names
        }

    async def _try_server(self, provider: Provider | None = None) -> ConfigFlowResult:
        """Go on with what was entered, if the server takes it.

        `provider` is what the person says to run at the address.
        """
        form, typed = self._server_form, self._memory.typed
        try:
            entered = {**form.kept, **checked(form.fields, typed)}
            credentials = [one.credentials(entered) for one in form.providers]
            if (server := typed.get(form.server_field)) == FIND:
                return await self._search_server(credentials[0])
            if server == OWN_ADDRESS:
                return await self.async_step_address()
            if (address := optional_text(typed, form.server_field)) is None:
                raise InvalidInputError(REQUIRED, field=SERVER_FIELD)
            provider = provider or await self._recognized(address, entered)
            if provider is None:
                return await self.async_step_software()
            self._provider = provider
            await self._use_target(resolve(provider, address), entered)
            return await form.go_on(self)
        except CloudError as err:
            return self._show_server_error(err)

    async def _recognized(self, address: str, entered: Values) -> Provider | None:
        """Return what runs at an address, None if that cannot be told. Raises CloudError."""
        providers = self._server_form.providers
        if len(providers) == 1:
            return providers[0]
        return await async_recognize(self._shared, providers, address, entered)

    def _show_server_error(self, err: CloudError) -> ConfigFlowResult:
        """Show the form again that has the field at fault."""
        form = self._server_form
        if err.field == SERVER_FIELD:
            if self._typed_server is not None:
                return self._show_address(err)
            err.field = form.server_field
        self._memory.set_error(err, form.names)
        return self._show_server_form()

    # An address that is none of a known server

    @property
    def _typed_server(self) -> str | None:
        """The server that was chosen, if it is an address beside a list of known ones."""
        server: str | None = self._memory.typed.get(CONF_SERVER)
        keys = {known.key for known in self._server_form.providers[0].servers}
        return None if not keys or server in {*keys, FIND, OWN_ADDRESS} else server

    async def async_step_address(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Enter an address; without one, the form comes again."""
        if user_input is None:
            return self._show_address()
        self._memory.remember((CONF_ADDRESS,), user_input)
        try:
            if (address := optional_text(self._memory.typed, CONF_ADDRESS)) is None:
                return self._show_server_form()
            url = resolve(self._provider, address)
        except CloudError as err:
            return self._show_address(err)
        self._memory.typed[CONF_SERVER] = server_key(self._provider, url)
        return await self._try_server()

    def _show_address(self, err: CloudError | None = None) -> ConfigFlowResult:
        if err is not None:
            err.field = CONF_ADDRESS
            self._memory.set_error(err, (CONF_ADDRESS,))
        typed = {CONF_ADDRESS: self._typed_server, **self._memory.typed}
        return self._show("address", fields_schema((_OPTIONAL_ADDRESS,), typed))

    # Finding the server

    async def _search_server(self, credentials: Credentials) -> ConfigFlowResult:
        """Look for the server; then go on as if it had been chosen in the form."""
        search = with_minimum_duration(self._find(credentials))
        self._search = self.hass.async_create_task(search)
        return await self.async_step_find_server()

    async def _find(self, credentials: Credentials) -> str | None:
        """Return the key of the server that takes the credentials; if none, set the error."""
        try:
            return await async_find_server(self.hass, self._shared, self._provider, credentials)
        except CloudError as err:
            self._memory.set_error(err, self._server_form.names)
            return None

    async def async_step_find_server(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show progress while the servers are asked."""
        assert self._search is not None  # noqa: S101 - set by the previous step
        if not self._search.done():
            return self.async_show_progress(
                step_id="find_server", progress_action="find_server", progress_task=self._search
            )
        self._found = self._search.result()
        return self.async_show_progress_done(next_step_id="server_found")

    async def async_step_server_found(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Go on with the server that was found, or show the form again with what was entered.

        What the server has answered is still good, so it is not asked again.
        """
        if self._found is None:
            return self._show_server_form()
        self._memory.typed[CONF_SERVER] = self._found
        return await self._try_server()

    # What cannot be told by itself

    async def async_step_software(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose what runs at an address."""
        providers = {provider.key: provider for provider in self._server_form.providers}
        if user_input is not None:
            return await self._try_server(providers[user_input[CONF_PROVIDER]])
        schema = {vol.Required(CONF_PROVIDER): choice(providers, CONF_PROVIDER)}
        return self._show("software", schema, server=self._memory.typed[CONF_ADDRESS])

    async def async_step_no_token(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Say how to get what was left empty, and lead back to the form."""
        integration = await async_get_integration(self.hass, DOMAIN)
        link = _GUIDE.format(documentation=integration.documentation)
        drawing = await async_field_drawing(self.hass, self._server_form.fields)
        return self.async_show_menu(
            step_id="no_token",
            menu_options=[self._server_form.step_id],
            description_placeholders={"link": Markdown(link), "drawing": drawing},
        )


def _is_missing(field: Field, user_input: Mapping[str, Any]) -> bool:
    """Return whether a person has yet to fetch what belongs into a field."""
    typed = str(user_input.get(field.name) or "").strip()
    return field.required and field.guide is not None and not typed
