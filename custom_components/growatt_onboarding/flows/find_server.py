"""Finds out which of a vendor's servers takes the credentials, and what runs at an address."""

import asyncio
from collections.abc import Sequence
from typing import Final

from homeassistant.core import HomeAssistant

from ..cloud.errors import AccessDeniedError, CloudError, InvalidInputError, WrongServerError
from ..cloud.model import Credentials, Values
from ..cloud.provider import Provider
from ..cloud.servers import SERVER_FIELD, resolve
from ..gateway import NOT_STORED, SharedData
from ..texts import async_server_names

# Seconds until a server that does not answer is given up: most are not the right one anyway.
_PATIENCE: Final = 8.0


async def async_find_server(
    hass: HomeAssistant, shared: SharedData, provider: Provider, credentials: Credentials
) -> str:
    """Return the key of the first server that takes the credentials. Raises CloudError."""
    at_fault: str | None = SERVER_FIELD
    unasked: list[str] = []
    for server in provider.likely_servers(hass.config.country):
        client = shared.client(provider, server.url, credentials, timeout=_PATIENCE)
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
    names = await async_server_names(hass)
    servers = ", ".join(names[key] for key in unasked)
    raise CloudError("servers_unasked", field=SERVER_FIELD, placeholders={"servers": servers})


async def async_recognize(
    shared: SharedData, candidates: Sequence[Provider], address: str, entered: Values
) -> Provider | None:
    """Return the provider whose software runs at an address, None if there is no telling.

    Each looks at what the address answers to it. Raises CloudError if it answers none, or none as
    its software would: then no choice helps.
    """

    async def look(provider: Provider) -> bool | CloudError | None:
        url, credentials = resolve(provider, address), provider.credentials(entered)
        client = shared.client(provider, url, credentials, timeout=_PATIENCE)
        try:
            return await client.recognize()
        except CloudError as err:
            err.field = SERVER_FIELD
            return err

    found = await asyncio.gather(*map(look, candidates))
    recognized = [one for one, seen in zip(candidates, found, strict=True) if seen is True]
    if len(recognized) == 1:
        return recognized[0]
    errors = [seen for seen in found if isinstance(seen, CloudError)]
    if len(errors) == len(found):
        raise errors[0]
    if all(seen is False for seen in found):
        raise InvalidInputError("portal_unknown", field=SERVER_FIELD)
    return None
