"""AnQiCMS from end to end: an account by name and e-mail, on a site with a captcha."""

from simulator import Simulator
from tests.server.client import HomeAssistantClient

from .control import captcha_answer, check_calls
from .dialogs import (
    PASSWORD,
    WentWrongError,
    check_signed_in,
    expect,
    fill,
    open_account_dialog,
    picture_shown,
)
from .story import Story

USERNAME = "demo-homeowner"
EMAIL = f"{USERNAME}@example.com"
REGISTER = "api/register"
PICTURE = "image/png"
DONE = 0


async def run(client: HomeAssistantClient, simulator: Simulator, story: Story) -> None:
    """Walk the whole main job. Raises WentWrongError or HomeAssistantApiError."""
    simulator.portal = "anqicms"
    cloud = simulator.anqicms
    # The strictest site there is: others show the picture and never look at its answer.
    cloud.captcha = cloud.judges_register_captcha = True

    story.step("Account dialog: the site is asked what it wants, then shows a picture")
    flow = await open_account_dialog(client, "anqicms", simulator.url, {})
    expect(await flow.choose("register"), "form", "register")
    await fill(flow, "register", way="name_email")
    shown = await picture_shown(client, expect(flow, "form", "register_form"), PICTURE)
    story.note(f"the form shows a picture ({PICTURE}, {len(shown)} bytes)")

    story.step("Name, e-mail address and the picture's text create the account")
    await fill(
        flow,
        "register_form",
        username=USERNAME,
        password=PASSWORD,
        email=EMAIL,
        captcha=await captcha_answer(simulator),
    )
    expect(flow, "create_entry")
    await check_signed_in(client, flow.result["result"]["entry_id"])
    story.note(f"account '{flow.result['title']}' created and signed in")
    if flow.result.get("next_flow"):
        raise WentWrongError("an inverter dialog follows, though the site binds nothing")

    await check_calls(simulator, REGISTER, [DONE])
    users = cloud.sites[1].users.values()
    if [(user.user_name, user.email) for user in users] != [(USERNAME, EMAIL)]:
        raise WentWrongError("the site does not have exactly the new account")
