"""What the simulated clouds tell over their control interface, as a person would look it up."""

from collections.abc import Sequence
from typing import Any

import aiohttp

from simulator import Simulator

from .dialogs import WentWrongError


async def look(simulator: Simulator, what: str, **query: str) -> Any:
    """Return what the control interface answers."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{simulator.url}/_control/{what}", params=query) as response,
    ):
        return await response.json()


async def code_sent_to(simulator: Simulator, address: str) -> str:
    """Return the newest code in an address's mailbox."""
    messages = (await look(simulator, "mailbox"))["messages"]
    codes = [message["code"] for message in messages if message["to"] == address]
    if not codes:
        raise WentWrongError(f"nothing was sent to {address}")
    return str(codes[-1])


async def captcha_answer(simulator: Simulator) -> str:
    """Return the answer to the newest captcha picture."""
    answers = list((await look(simulator, "captcha")).values())
    if not answers:
        raise WentWrongError("no captcha is waiting for its answer")
    return str(answers[-1])


async def check_calls(
    simulator: Simulator, registering: str, codes: Sequence[int], **params: str
) -> None:
    """Compare with what the cloud saw: one registration per answer, no secret in an address.

    `codes`: what the calls of this path and with these parameters must have been answered.
    """
    seen = await look(simulator, "calls", path=registering)
    answered = [call["code"] for call in seen["calls"] if params.items() <= call["params"].items()]
    if answered != list(codes):
        raise WentWrongError(f"registering was answered {answered} instead of {list(codes)}")
    if seen["secrets_in_url"]:
        raise WentWrongError(f"a secret stood in an address: {seen['secrets_in_url']}")
