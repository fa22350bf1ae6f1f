"""A new account as the scenarios look for it: its entry, and the repair when it has none."""

from typing import Any

from simulator import Simulator
from simulator.growatt import INSTALLER_TOKEN
from tests.escaped import as_read
from tests.server.client import HomeAssistantClient

from .dialogs import DOMAIN, WentWrongError, link_account
from .waiting import until

NAME = "new-homeowner"
REGISTER, CHECK = "user/user_register", "user/check_user"


async def the_entry(client: HomeAssistantClient) -> dict[str, Any]:
    """Wait for the one entry and return it; nobody has waited for a dialog until then."""
    [entry] = await until(lambda: _loaded(client), "the new account's entry")
    assert entry["title"] == NAME
    return entry


async def _loaded(client: HomeAssistantClient) -> list[dict[str, Any]]:
    """Return the entries once all of them are set up: that takes a moment."""
    entries = await client.config_entries(DOMAIN)
    return entries if all(entry["state"] == "loaded" for entry in entries) else []


async def no_repair(client: HomeAssistantClient) -> None:
    """Wait until the repair about the registration is gone."""
    await until(lambda: _no_issues(client), "the end of the repair")


async def _no_issues(client: HomeAssistantClient) -> bool:
    return not await client.issues(DOMAIN)


async def is_unfinished(client: HomeAssistantClient, simulator: Simulator) -> bool:
    """Say whether the repair about this registration stands there, with hints at whose it is."""
    wanted = {"name": f"{NAME[:3]}…", "server": "http://…"}
    return any(
        issue["translation_key"] == "registration_unfinished"
        and as_read(issue["translation_placeholders"]) == wanted
        for issue in await client.issues(DOMAIN)
    )


async def link_the_account(client: HomeAssistantClient, simulator: Simulator) -> None:
    """Link the account that the cloud has, as the repair says, once the limits allow it."""
    user = simulator.growatt.user_named(NAME)
    assert user is not None
    await until(lambda: _linked(client, simulator, str(user.user_id)), "the linked account")


async def _linked(client: HomeAssistantClient, simulator: Simulator, account_id: str) -> bool:
    """Link an account, unless a restart was so quick that the token's pause is not over."""
    try:
        await link_account(client, simulator, INSTALLER_TOKEN, account_id)
    except WentWrongError as err:
        if "not_now" not in str(err):
            raise
        return False
    return True
