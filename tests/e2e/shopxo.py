"""ShopXO from end to end: an account by user name and captcha picture."""

from typing import Any

from simulator import Simulator
from tests.server.client import HomeAssistantClient

from .control import captcha_answer, check_calls
from .dialogs import (
    WentWrongError,
    check_signed_in,
    expect,
    fill,
    open_account_dialog,
    picture_shown,
)
from .story import Story

USERNAME = "demo_homeowner"
# Signing in takes 18 bytes at most.
PASSWORD = "not-a-real-one"
SCRIPT, ACTION = "api.php", "user/reg"
PICTURE = "image/gif"
# The pictures are of digits.
WRONG = "none"
PICTURE_WRONG, DONE = -12, 0
# A picture would live ten simulated minutes: too short for who reads it while time runs fast.
DAY = 86_400


async def run(client: HomeAssistantClient, simulator: Simulator, story: Story) -> None:
    """Walk the whole main job. Raises WentWrongError or HomeAssistantApiError."""
    simulator.portal = "shopxo"
    simulator.shopxo.code_lifetime = DAY

    story.step("Account dialog: the site is asked what it allows, then shows a picture")
    flow = await open_account_dialog(client, "shopxo", simulator.url, {})
    expect(await flow.choose("register"), "form", "register")
    await fill(flow, "register", way="username")
    first = await picture_shown(client, expect(flow, "form", "register_form"), PICTURE)
    story.note(f"the form shows a picture ({PICTURE}, {len(first)} bytes)")

    story.step("A wrong text is refused at its field, and a new picture comes")
    account: dict[str, Any] = {"username": USERNAME, "password": PASSWORD}
    await flow.submit_and_follow(**account, captcha=WRONG)
    expect(flow, "form", "register_form")
    if list(flow.errors) != ["captcha"]:
        raise WentWrongError(f"the error is not at the picture's field: {flow.errors}")
    if await picture_shown(client, flow, PICTURE) == first:
        raise WentWrongError("the picture is still the same")
    story.note(f"error at the field 'captcha': {flow.errors['captcha']}")

    story.step("The right text creates the account")
    await fill(flow, "register_form", **account, captcha=await captcha_answer(simulator))
    expect(flow, "create_entry")
    await check_signed_in(client, flow.result["result"]["entry_id"])
    story.note(f"account '{flow.result['title']}' created and signed in")
    if flow.result.get("next_flow"):
        raise WentWrongError("an inverter dialog follows, though the site binds nothing")

    await check_calls(simulator, SCRIPT, [PICTURE_WRONG, DONE], s=ACTION)
    if [user.username for user in simulator.shopxo.users.values()] != [USERNAME]:
        raise WentWrongError("the site does not have exactly the new account")
