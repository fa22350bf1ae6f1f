"""The proof of random answers and inputs in short: the full one is `scripts/prove fuzz`."""

from contextlib import suppress
import json

import pytest

from custom_components.growatt_onboarding.cloud.errors import CloudError
from tests.cloud.calls import EVERY_CALL, Answered, ClientCall, Http
from tests.cloud.work import counted
from tests.secrets_watch import Watch

from . import fuzz_clients, fuzz_dialogs
from .hostile import Dice, is_frequent
from .world import World

# Steps of our code for an answer, and for each of its bytes.
_STEPS, _STEPS_A_BYTE = 30_000, 30


@pytest.mark.parametrize("call", EVERY_CALL, ids=str)
async def test_random_answers(call: ClientCall) -> None:
    found = await fuzz_clients.fuzz(call, 200, measure=False)
    assert not found.problems
    assert "result" in found.outcomes


@pytest.mark.parametrize("call", EVERY_CALL[::6], ids=str)
async def test_random_answers_are_no_more_work_than_they_are_long(call: ClientCall) -> None:
    real = await fuzz_clients.real_answers(call)
    dice, sizes = Dice(1), [0]

    def answer() -> Answered:
        found = fuzz_clients.answer(dice, real)
        sizes.append(len(found.body))
        return found

    with counted() as work:
        for _ in range(60):
            sizes.clear()
            before = work.steps
            with suppress(CloudError, NotImplementedError):
                await call.ask(Http(answer))
            allowed = _STEPS * len(sizes) + _STEPS_A_BYTE * sum(sizes)
            assert work.steps - before <= allowed


async def test_random_inputs(world: World, secrets: Watch) -> None:
    found = fuzz_dialogs.Walked()
    await fuzz_dialogs.fuzz(world, 250, found, walks=40, measure=False)
    assert not found.problems
    seen = {step for step in fuzz_dialogs.EVERY_STEP if found.inputs[step]}
    assert len(seen) > len(fuzz_dialogs.EVERY_STEP) / 2, seen
    # Many of the inputs ended their dialog or led on in it, and the next one came all the same.
    assert found.put_back > found.walks
    # What was typed as a password was typed elsewhere too.
    secrets.secrets = {secret for secret in secrets.secrets if not is_frequent(secret)}


def test_what_the_proof_would_find() -> None:
    """An answer is the same again for the same seed, so that a fault can be looked into."""
    real = [Answered(json.dumps({"code": 0, "data": [1]}).encode())]
    once, again = ([fuzz_clients.answer(Dice(seed), real) for seed in range(50)] for _ in "12")
    assert once == again
    assert len({answer.body for answer in once}) > 20
