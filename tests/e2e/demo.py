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

from . import growatt
from .dialogs import WentWrongError
from .story import Story

type Run = Callable[[HomeAssistantClient, Simulator, Story], Awaitable[None]]

RUNS: dict[str, Run] = {"growatt": growatt.run}

# Simulated seconds per second, for the simulator and for Home Assistant alike: nobody wants to
# watch the vendor's five minutes.
SPEED = 60
SIMULATOR_PORT, SERVER_PORT = 8125, 8124


def main() -> int:
    """Run as the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--provider", choices=RUNS, default="growatt")
    parser.add_argument("--once", action="store_true", help="end when the main job is done")
    arguments = parser.parse_args()
    story = Story()
    try:
        asyncio.run(_demo(story, RUNS[arguments.provider], once=arguments.once))
    except (aiohttp.ClientError, HomeAssistantApiError, ServerError, SignInError) as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    except WentWrongError as err:
        sys.stderr.write(f"error: the demo did not go as it should: {err}\n")
        return 1
    return 0


async def _demo(story: Story, run: Run, *, once: bool) -> None:
    """Start both, walk the main job, and stay until Ctrl-C unless told otherwise."""
    stop = asyncio.Event()
    working = asyncio.current_task()
    assert working is not None  # noqa: S101 - inside a coroutine
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _interrupt, working, stop)
    story.step("Simulated clouds")
    async with Simulator(time_factor=SPEED) as simulator:
        story.note(f"{simulator.url} (nothing leaves this machine)")
        story.step("Home Assistant 2026.11.0")
        try:
            async with HomeAssistantServer(speed=SPEED, port=SERVER_PORT) as server:
                story.note(f"{server.url}, signed in as {server.username}")
                async with server.client() as client:
                    await run(client, simulator, story)
                story.end("Done: every association was seen.")
                if not once:
                    sys.stdout.write(
                        f"\nLook around: {server.url}\n"
                        f"  user name  {server.username}\n  password   {server.password}\n"
                        f"  simulator  {simulator.url} (server address in the dialog)\n"
                        "Ctrl-C ends it.\n"
                    )
                    sys.stdout.flush()
                    stop.clear()
                    await stop.wait()
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
    if stop.is_set():
        sys.stdout.write("Stopped.\n")


def _interrupt(working: asyncio.Task[None], stop: asyncio.Event) -> None:
    """End in order, whatever is under way."""
    stop.set()
    working.cancel()


if __name__ == "__main__":
    sys.exit(main())
