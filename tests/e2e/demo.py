"""The demo: the main job on a real Home Assistant beside the simulated cloud."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
import signal
import sys

import aiohttp

from simulator import Simulator
from tests.server.client import HomeAssistantClient
from tests.server.homeassistant_server import HomeAssistantServer, ServerError
from tests.server.tokens import SignInError
from tests.server.websocket import HomeAssistantApiError

from . import anqicms, growatt, quectel, shopxo
from .dialogs import WentWrongError
from .story import Story

type Run = Callable[[HomeAssistantClient, Simulator, Story], Awaitable[None]]

RUNS: dict[str, Run] = {
    "growatt": growatt.run,
    "quectel": quectel.run,
    "shopxo": shopxo.run,
    "anqicms": anqicms.run,
}

# Simulated seconds per second, for the simulator and for Home Assistant alike: nobody wants to
# watch the vendor's five minutes.
SPEED = 60
# Home Assistant's own port stays free for the visitor's own. When taken, any other will do.
PORT = 8124
INTERRUPTED = 130


def main() -> int:
    """Run as the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--provider", choices=RUNS, default="growatt")
    parser.add_argument("--once", action="store_true", help="end when the main job is done")
    arguments = parser.parse_args()
    try:
        return asyncio.run(_demo(Story(), RUNS[arguments.provider], once=arguments.once))
    except (aiohttp.ClientError, HomeAssistantApiError, ServerError, SignInError) as err:
        sys.stderr.write(f"error: {err}\n")
    except WentWrongError as err:
        sys.stderr.write(f"error: the demo did not go as it should: {err}\n")
    return 1


async def _demo(story: Story, run: Run, *, once: bool) -> int:
    """Walk the main job and stay; Ctrl-C ends it in order at any time."""
    working = asyncio.current_task()
    assert working is not None
    interrupted = done = False

    def interrupt() -> None:
        nonlocal interrupted
        # Once: an impatient second Ctrl-C must not leave something behind.
        if not interrupted:
            interrupted = True
            working.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        story.step("Simulated clouds")
        async with Simulator(time_factor=SPEED) as simulator:
            story.note(f"{simulator.url} (nothing leaves this machine)")
            story.step("Home Assistant 2026.11.0")
            async with HomeAssistantServer(speed=SPEED, port=PORT) as server:
                if server.port != PORT:
                    story.note(f"port {PORT} is taken by another program")
                story.note(f"{server.url}, signed in as {server.username}")
                async with server.client() as client:
                    await run(client, simulator, story)
                story.end("Done: all went as it should.")
                done = True
                if not once:
                    _invite(server, simulator)
                    await server.serve()
    except asyncio.CancelledError:
        if not interrupted:
            raise
        sys.stdout.write("Stopped.\n")
    return 0 if done else INTERRUPTED


def _invite(server: HomeAssistantServer, simulator: Simulator) -> None:
    """Say how to look around."""
    sys.stdout.write(
        f"\nLook around: {server.url}\n"
        f"  user name  {server.username}\n  password   {server.password}\n"
        f"  simulator  {simulator.url} (server address in the dialog)\n"
        "Ctrl-C ends it.\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
