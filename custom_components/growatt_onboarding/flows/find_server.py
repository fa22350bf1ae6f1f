"""The steps of the account flow that find out which of a vendor's servers takes the credentials."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult

from ..cloud.errors import AccessDeniedError, CloudError, WrongServerError
from ..cloud.model import Credentials, Values
from ..cloud.provider import Field
from ..cloud.servers import SERVER_FIELD
from ..const import CONF_SERVER
from ..gateway import NOT_STORED
from ..texts import async_server_names
from .base import AccountFlow
from .forms import UserInput
from .steps import with_minimum_duration

# Seconds until a server that does not answer is given up: most are not the right one anyway.
_PATIENCE: Final = 8.0


class FindServerFlow(AccountFlow):
    """The steps from the credentials to the server that takes them."""

    # The search, and what was submitted for it: the step of the form, and the form's values. The
    # flow's end ends it, so that no other server is shown the credentials.
    _search: asyncio.Task[str | None] | None = None
    _searching_step: str
    _searching_input: Mapping[str, Any]
    _found: str | None = None

    async def _search_server(
        self,
        step_id: str,
        fields: tuple[Field, ...],
        user_input: Mapping[str, Any],
        kept: Values | None = None,
    ) -> ConfigFlowResult:
        """Look for the server; then go on in this step as if it had been chosen in its form.

        Raises InvalidInputError if what was entered cannot be right.
        """
        entered, _ = self._entered(fields, user_input, kept)
        credentials = self._provider.credentials(entered)
        self._searching_step, self._searching_input = step_id, user_input
        search = with_minimum_duration(self._find(credentials))
        self._search = self.hass.async_create_task(search)
        return await self.async_step_find_server()

    async def _find(self, credentials: Credentials) -> str | None:
        """Return the key of the server that takes the credentials; if none, set the error."""
        try:
            return await self._ask_servers(credentials)
        except CloudError as err:
            self._memory.set_error(err)
            return None

    async def _ask_servers(self, credentials: Credentials) -> str:
        """Return the key of the first server that takes the credentials. Raises CloudError."""
        at_fault: str | None = SERVER_FIELD
        unasked: list[str] = []
        for server in self._provider.likely_servers(self.hass.config.country):
            client = self._shared.client(self._provider, server.url, credentials, timeout=_PATIENCE)
            try:
                await client.test()
            except AccessDeniedError as err:
                at_fault = err.field
            except WrongServerError:
                pass
            except CloudError as err:
                if err.key == NOT_STORED:
                    raise
                # That proves nothing.
                unasked.append(server.key)
            else:
                return server.key
        if not unasked:
            raise CloudError("accepted_nowhere", field=at_fault)
        names = await async_server_names(self.hass)
        servers = ", ".join(names[key] for key in unasked)
        raise CloudError("servers_unasked", field=SERVER_FIELD, placeholders={"servers": servers})

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
        step = getattr(self, f"async_step_{self._searching_step}")
        found = {**self._searching_input, CONF_SERVER: self._found}
        result: ConfigFlowResult = await step(None if self._found is None else found)
        return result
