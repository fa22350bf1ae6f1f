"""An owner, and clients of the simulated Quectel cloud."""

from collections.abc import Callable, Mapping
import time

import aiohttp

from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.cloud.provider import ClientContext, Gate
from custom_components.growatt_onboarding.cloud.quectel import QUECTEL, REGISTER, QuectelClient
from simulator import Simulator
from simulator.quectel import USER_DOMAIN, USER_DOMAIN_SECRET

EMAIL = "new-owner@example.com"
PASSWORD = "Fake-Passw0rd"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
SERIAL = "FAKESN00000001"


def quectel_client(
    http: aiohttp.ClientSession,
    url: str,
    *,
    user_domain: str = USER_DOMAIN,
    secret: str = USER_DOMAIN_SECRET,
    session: Mapping[str, str] | None = None,
    on_session: Callable[[Mapping[str, str]], None] | None = None,
    gate: Gate | None = None,
    clock: Callable[[], float] = time.time,
) -> QuectelClient:
    """Return a client; an empty secret is left out."""
    entered = {"user_domain": user_domain, "user_domain_secret": secret}
    context = ClientContext(
        http=http,
        url=url,
        credentials=QUECTEL.credentials(entered),
        session=session,
        on_session=on_session,
        gate=gate,
    )
    return QuectelClient(context, clock=clock)


async def register(client: QuectelClient, simulator: Simulator, **options: str) -> Account:
    """Have a code sent, read it in the mailbox, and register."""
    await client.send_code(REGISTER, {"email": EMAIL})
    code = simulator.mailbox[-1].code
    return await client.register(REGISTER, {**CREDENTIALS, "code": code, **options})


async def signed_in(
    http: aiohttp.ClientSession,
    simulator: Simulator,
    on_session: Callable[[Mapping[str, str]], None] | None = None,
    *,
    gate: Gate | None = None,
) -> QuectelClient:
    """Return a client of an account that has just signed in, on the simulator's clock."""
    if simulator.quectel.user_named(USER_DOMAIN, EMAIL) is None:
        simulator.quectel.add_user(EMAIL, password=PASSWORD)
    anonymous = quectel_client(http, simulator.url, clock=simulator.now)
    [account] = await anonymous.link(REGISTER, CREDENTIALS)
    return quectel_client(
        http,
        simulator.url,
        session=account.session,
        on_session=on_session,
        gate=gate,
        clock=simulator.now,
    )
