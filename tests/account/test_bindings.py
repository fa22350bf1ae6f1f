"""An account's bindings on disk: nothing of them is ever older than what was written last."""

from collections.abc import Callable
from copy import deepcopy, replace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from hypothesis import given, strategies as st
import pytest

from custom_components.growatt_onboarding.account.bindings import BindingStore
from custom_components.growatt_onboarding.binding import transitions
from custom_components.growatt_onboarding.binding.model import Binding, BindingState
from custom_components.growatt_onboarding.gateway.store import NotStoredError
from tests.common import full_disk

KEY = "growatt_onboarding.account"
JOURNAL = f"{KEY}.journal"
MANY = 200


def bindings(count: int = MANY) -> dict[str, Binding]:
    serials = [f"SIM{number:07}" for number in range(count)]
    return {serial: transitions.queue(serial, "1", 100.0) for serial in serials}


def store(hass: HomeAssistant) -> BindingStore:
    return BindingStore(hass, KEY, "Account")


async def test_what_changed_of_many_is_written_alone(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, {"SIM0000001"})
    everything = deepcopy(hass_storage[KEY])
    known["SIM0000002"] = transitions.sending(known["SIM0000002"], 200.0)
    await first.async_write_changed(["SIM0000002"], known, set())
    assert hass_storage[KEY] == everything
    assert [item["serial"] for item in hass_storage[JOURNAL]["data"]["bindings"]] == ["SIM0000002"]
    assert await store(hass).async_read() == (known, {"SIM0000001"})


async def test_of_a_few_all_are_written(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    known, first = bindings(49), store(hass)
    await first.async_write(known, ())
    known["SIM0000002"] = transitions.sending(known["SIM0000002"], 200.0)
    await first.async_write_changed(["SIM0000002"], known, ())
    assert JOURNAL not in hass_storage
    assert await store(hass).async_read() == (known, set())


async def test_an_old_journal_does_not_count(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, ())
    known["SIM0000002"] = transitions.sending(known["SIM0000002"], 200.0)
    await first.async_write_changed(["SIM0000002"], known, ())
    known["SIM0000002"] = transitions.accepted(known["SIM0000002"], 300.0)
    await first.async_write(known, ())
    assert hass_storage[JOURNAL]["data"]["generation"] < hass_storage[KEY]["data"]["generation"]
    assert await store(hass).async_read() == (known, set())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("generation"),
        lambda data: data.update(generation="?"),
        lambda data: data.update(bindings=[{"serial": 1}]),
        lambda data: data.update(returned=None),
    ],
)
async def test_without_the_snapshot_the_journal_says_nothing(
    hass: HomeAssistant, hass_storage: dict[str, Any], damage: Callable[[dict[str, Any]], None]
) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, ())
    await first.async_write_changed(["SIM0000002"], known, ())
    damage(hass_storage[KEY]["data"])
    assert await store(hass).async_read() == ({}, set())
    assert JOURNAL not in hass_storage


async def test_the_count_begins_anew_without_the_snapshot(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, ())
    known["SIM0000002"] = transitions.sending(known["SIM0000002"], 200.0)
    await first.async_write_changed(["SIM0000002"], known, ())
    del hass_storage[KEY]
    known, again = bindings(), store(hass)
    assert await again.async_read() == ({}, set())
    await again.async_write(known, ())
    assert await store(hass).async_read() == (known, set())


@pytest.mark.parametrize("data", [{}, {"generation": 1}, {"generation": 1, "bindings": [1]}])
async def test_a_damaged_journal_is_left_out(
    hass: HomeAssistant, hass_storage: dict[str, Any], data: dict[str, Any]
) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, ())
    await first.async_write_changed(["SIM0000002"], known, ())
    hass_storage[JOURNAL]["data"] = data
    read, returned = await store(hass).async_read()
    assert (read.keys(), returned) == (known.keys(), set())
    # Each may have been sent since the big file was written: none is sent before it is looked for.
    assert {binding.state for binding in read.values()} == {BindingState.UNCONFIRMED}
    assert {binding.sent_at for binding in read.values()} == {None}


async def test_after_a_failed_write_everything_is_written(
    hass: HomeAssistant, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, ())
    known["SIM0000002"] = transitions.sending(known["SIM0000002"], 200.0)
    with full_disk():
        for _ in range(2):
            with pytest.raises(NotStoredError):
                await first.async_write_changed(["SIM0000002"], known, ())
    assert first.write_failed
    assert caplog.text.count("storage cannot be written") == 1
    known["SIM0000003"] = transitions.sending(known["SIM0000003"], 200.0)
    await first.async_write_changed(["SIM0000003"], known, ())
    assert not first.write_failed
    assert JOURNAL not in hass_storage
    assert await store(hass).async_read() == (known, set())
    assert caplog.text.count("storage can be written again") == 1


async def test_removing_leaves_nothing(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    known, first = bindings(), store(hass)
    await first.async_write(known, ())
    await first.async_write_changed(["SIM0000002"], known, ())
    assert {KEY, JOURNAL} <= hass_storage.keys()
    await first.async_remove()
    assert not {KEY, JOURNAL} & hass_storage.keys()


@given(
    steps=st.lists(st.tuples(st.integers(0, 119), st.sampled_from(["change", "all", "restart"])))
)
async def test_what_was_written_is_what_is_read(
    hass: HomeAssistant, hass_storage: dict[str, Any], steps: list[tuple[int, str]]
) -> None:
    """Whenever it ends."""
    hass_storage.clear()
    known, files = bindings(120), store(hass)
    await files.async_write(known, ())
    for time, (number, step) in enumerate(steps):
        serial = f"SIM{number:07}"
        known[serial] = replace(known[serial], list_checked_at=float(time))
        if step == "all":
            await files.async_write(known, ())
        else:
            await files.async_write_changed([serial], known, ())
        if step == "restart":
            files = store(hass)
            known, _ = await files.async_read()
        assert (await store(hass).async_read())[0] == known


async def test_storing_many_one_by_one_is_not_quadratic(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """What is written for one of twice as many is about the same, not twice as much."""
    write, written, sizes = Store._async_write_data, dict[int, float](), list[int]()

    async def measured(file: Store[Any], data: dict[str, Any]) -> None:
        sizes.append(len(data["data"]["bindings"]))
        await write(file, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Store, "_async_write_data", measured)
        for count in (500, 1_000):
            hass_storage.clear()
            known, files = bindings(count), store(hass)
            await files.async_write(known, ())
            sizes.clear()
            for serial in list(known):
                known[serial] = transitions.sending(known[serial], 200.0)
                await files.async_write_changed([serial], known, ())
            written[count] = sum(sizes) / count
    assert written[1_000] < 1.2 * written[500]
