"""What a binding becomes by the cloud's answers, and what is asked for it, on simulated time."""

import asyncio
from itertools import pairwise

from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.growatt_onboarding.binding.planner import Step, StepKind
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud.errors import AccessDeniedError
from custom_components.growatt_onboarding.cloud.growatt import GrowattClient
from custom_components.growatt_onboarding.cloud.model import DeviceKind, Sighting, SightingPage
from custom_components.growatt_onboarding.gateway.backoff import Backoff
from simulator import INSTALLER_TOKEN
from tests.home import Home
from tests.prove.world import World

ADD = "device/sn/add"
LIST = "device/list"
WATCH = "queryDeviceList"
HOLDER = "sn_plant"
PLANTS = "plant/list"
SN = "SIM0000001"
OTHER_SN = "SIM0000002"
DAY = 86_400


def accepted(world: World, serial: str = SN) -> int:
    """Return how often the cloud accepted a serial number."""
    binding = world.simulator.growatt.bindings.get(serial)
    return binding.accepted_count if binding is not None else 0


# The cloud's answers to a submission


async def test_known_already_and_ours(home: Home) -> None:
    home.add_devices([SN], plant_id=int(home.plant_id))
    await home.add(SN)
    await home.shows("associated", SN)
    assert home.asked(ADD) == 1
    assert not home.issues()


async def test_known_already_in_another_account(home: Home) -> None:
    stranger = home.growatt.add_user("stranger", "stranger@example.com")
    theirs = home.growatt.add_plant(stranger.user_id, "Their roof")
    home.add_devices([SN], plant_id=theirs.plant_id)
    await home.add(SN)
    await home.shows("conflict", SN)
    assert home.pending(SN) == "off"
    reason = home.issues()[f"conflict_{SN}"]["reason"]
    assert f"in the plant Their roof of the account ID {stranger.user_id}." in reason


async def test_known_already_and_the_cloud_does_not_say_where(home: Home) -> None:
    """`sn_plant` answers 10011 for a device out of the token's sight: no reason for reauth."""
    growatt = home.growatt
    stranger = growatt.add_user("stranger", "stranger@example.com", merchant="somebody else")
    home.add_devices([SN], plant_id=growatt.add_plant(stranger.user_id, "Hidden").plant_id)
    await home.add(SN)
    await home.shows("conflict", SN)
    reason = home.issues()[f"conflict_{SN}"]["reason"]
    assert reason.startswith("The cloud has this device elsewhere, most likely in another account.")
    assert not home.reauths()


async def test_cloud_fails_on_its_side(home: Home) -> None:
    """It is tried again after growing pauses, and not for ever."""
    home.add_devices([SN])
    home.faults.add(ADD, kind="code", code=10001, times=None)
    await home.add(SN)
    await home.shows("rejected", SN, seconds=DAY)
    times = home.times(ADD)
    assert len(times) == 8
    pauses = [round(after - before) for before, after in pairwise(times)]
    # How uneven they are may be seen only once they are as long as they get.
    assert pauses[:5] == sorted(pauses[:5])
    assert all(2_700 < pause <= 3_600 for pause in pauses[6:])
    assert f"rejected_{SN}" in home.issues()


async def test_cloud_fails_and_recovers(home: Home) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="code", code=10010, times=3)
    await home.add(SN)
    await asyncio.sleep(5)
    (device,) = (await home.call("list_devices"))["devices"]
    assert (device["state"], device["reason"]) == ("queued", "bind_failed")
    # Nobody has to do anything.
    assert "Home Assistant submits it up to eight times" in device["explanation"]
    assert "ubmit it again" not in device["explanation"]
    await home.shows("accepted", SN)
    assert accepted(home) == 1


@pytest.mark.parametrize("code", [10005, 10099])
async def test_refused_for_good(home: Home, code: int) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="code", code=code, msg="no such thing")
    await home.add(SN)
    await home.shows("rejected", SN)
    reason = home.issues()[f"rejected_{SN}"]["reason"]
    assert "{" not in reason
    assert code != 10099 or reason.startswith("The cloud sent an unknown answer.")
    assert code != 10099 or reason.endswith(" (10099: no such thing)")
    await asyncio.sleep(DAY)
    assert home.asked(ADD) == 1


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (10002, "no such sn", "does not accept the serial number."),
        (10002, "error_useTrueHostToSet", "Choose the server for your region."),
        (10004, "error_useTrueHostToSet", "Choose the server for your region."),
    ],
)
async def test_the_clouds_words_stand_beside_ours(
    home: Home, code: int, said: str, reason: str
) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="code", code=code, msg=said)
    await home.add(SN)
    await home.shows("rejected", SN)
    shown = home.issues()[f"rejected_{SN}"]["reason"]
    assert reason in shown
    assert shown.endswith(f" ({code}: {said})")


async def test_serial_number_of_a_datalogger(home: Home) -> None:
    home.add_devices([SN])
    stick = f"QMN000{SN}"
    await home.add(stick)
    await home.shows("rejected", stick)
    assert "datalogger" in home.issues()[f"rejected_{stick}"]["reason"]


async def test_refused_and_the_reason_cannot_be_asked(home: Home) -> None:
    home.faults.add("device/check/sn", kind="firewall")
    await home.add(SN)
    await home.shows("rejected", SN)
    assert "does not accept the serial number" in home.issues()[f"rejected_{SN}"]["reason"]


@pytest.mark.parametrize("kind", ["cut", "hang_after"])
async def test_lost_answer_is_settled_by_looking_first(home: Home, kind: str) -> None:
    home.add_devices([SN], online=True)
    home.faults.add(ADD, kind=kind)
    assert await home.add(SN, timeout=30) == {SN: "unconfirmed"}
    await home.shows("associated", SN)
    assert home.simulator.calls[1].path.endswith(LIST)
    assert accepted(home) == 1


@pytest.mark.parametrize("repeated_exists", [True, False])
async def test_lost_answer_for_a_device_that_is_offline(
    home: Home, *, repeated_exists: bool
) -> None:
    home.growatt.repeated_exists = repeated_exists
    home.add_devices([SN])
    home.faults.add(ADD, kind="cut_after")
    await home.add(SN)
    await home.shows("accepted", SN)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)


async def test_firewall_refuses_a_submission(home: Home) -> None:
    """It never reached the cloud: it is sent again without a look."""
    home.add_devices([SN])
    home.faults.add(ADD, kind="firewall")
    assert await home.add(SN, timeout=10) == {SN: "queued"}
    await home.shows("accepted", SN)
    assert home.asked("*") == 2


async def test_too_often_is_no_answer_to_a_submission(home: Home) -> None:
    home.add_devices([SN])
    home.faults.add(ADD, kind="code", code=10012)
    assert await home.add(SN, timeout=10) == {SN: "queued"}
    await home.shows("accepted", SN)
    first, second = home.times(ADD)
    assert second - first >= 300


async def test_a_fault_of_our_own_is_not_the_end(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError(INSTALLER_TOKEN)

    home.add_devices([SN])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GrowattClient, "bind", broken)
        await home.add(SN)
        await asyncio.sleep(30)
    assert "Unexpected ValueError in the step submit" in caplog.text
    # Its message may hold a secret.
    assert INSTALLER_TOKEN not in caplog.text
    await home.shows("associated" if accepted(home) else "accepted", SN)


# Looking


@pytest.mark.parametrize(("age", "pause"), [(0, 30), (DAY, 1_800)])
async def test_watched_less_and_less_often(home: Home, age: float, pause: float) -> None:
    home.add_devices([SN])
    await home.add(SN, timeout=10)
    await home.unload(home.entry)
    await asyncio.sleep(age)
    await home.set_up(home.entry)
    await asyncio.sleep(1)
    home.simulator.calls.clear()
    await asyncio.sleep(3.5 * pause)
    assert {round(after - before) for before, after in pairwise(home.times(WATCH))} == {pause}
    assert (f"overdue_{SN}" in home.issues()) is (age >= DAY)


async def test_v4_is_asked_again_a_day_after_it_was_denied(home: Home) -> None:
    token = home.token
    token.may_v4 = False
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(600)
    assert not home.reauths()
    token.may_v4 = True
    await asyncio.sleep(3_600)
    assert home.asked(WATCH) == 1
    await home.unload(home.entry)
    await asyncio.sleep(DAY - 3_600)
    await home.set_up(home.entry)
    await asyncio.sleep(3_600)
    assert home.asked(WATCH) > 1


async def test_watched_device_is_confirmed_at_once_while_the_list_cools_down(home: Home) -> None:
    """v4 shows it; `device/list` was just asked, so `sn_plant` is."""
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, OTHER_SN, timeout=10)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    home.growatt.bring_online(OTHER_SN)
    assert await home.shows("associated", OTHER_SN) < 60
    assert (home.asked(LIST), home.asked(HOLDER)) == (1, 1)


async def test_one_list_for_many_inverters(home: Home) -> None:
    """Two hundred and more inverters of a plant are 3 pages, and the last one is seen too."""
    home.token.may_v4 = False
    serials = [f"SIM{number:07}" for number in range(203)]
    await home.associate(*serials)
    assert [call.params["page"] for call in home.simulator.calls.of(LIST)][-3:] == ["1", "2", "3"]
    assert home.asked(LIST) <= 6
    assert accepted(home, serials[-1]) == 1


async def test_an_empty_plant_that_lists_null_is_no_outage(home: Home) -> None:
    home.token.may_v4 = False
    home.growatt.null_lists = True
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(DAY)
    assert home.status(SN) == "accepted"
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)


async def test_a_count_above_what_is_shown_loses_nobody(home: Home) -> None:
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    home.growatt.move(SN, int(home.add_plant(home.entry, "Out of sight")))
    home.growatt.foreign_device_code = 10011
    home.token.endpoints_denied = frozenset({"plant/sn_plant"})
    home.growatt.phantom_devices = 1
    for _ in range(3):
        await home.check([SN], timeout=10)
        await asyncio.sleep(3_600)
    assert home.status(SN) == "associated"

    home.growatt.phantom_devices = 0
    for _ in range(2):
        await home.check([SN], timeout=10)
        await asyncio.sleep(3_600)
    assert home.status(SN) == "lost"


async def test_who_holds_it_tells_where_a_list_does_not(home: Home) -> None:
    """What a list does not show proves nothing, so `sn_plant` decides, both ways."""
    home.growatt.phantom_devices = 1
    home.add_devices([SN])
    home.faults.add(ADD, kind="cut")
    await home.add(SN)
    await home.shows("accepted", SN)
    assert accepted(home) == 1
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(1)
    await home.check([SN])
    await home.shows("lost", SN)


@pytest.mark.parametrize("key", ["serialNum", "tlxSn", "inverterId"])
async def test_watch_may_call_a_serial_number_otherwise(home: Home, key: str) -> None:
    """Then the inverter is noticed as fast: its plant's list cannot be asked again yet."""
    home.growatt.v4_serial_key = key
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, OTHER_SN, timeout=10)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    home.growatt.bring_online(OTHER_SN)
    assert await home.shows("associated", OTHER_SN) < 60


async def test_watch_is_read_to_its_end(world: World, entry: MockConfigEntry) -> None:
    serials = [f"SIM{number:07}" for number in range(120)]
    world.add_devices(serials, plant_id=int(world.add_plant(entry, "Crowded")))
    plant_id = world.add_plant(entry, "Listed after it")
    world.add_devices([SN + "X"])
    await world.bind(entry, plant_id, [SN + "X"], timeout=10)
    world.simulator.growatt.bring_online(SN + "X")
    assert await world.shows("associated", SN + "X") < 60
    assert {call.params["page"] for call in world.simulator.calls.of(WATCH)} == {"1", "2"}


async def test_list_that_breaks_off_is_begun_anew(home: Home) -> None:
    serials = [f"SIM{number:07}" for number in range(150)]
    home.add_devices(serials, plant_id=int(home.plant_id))
    home.faults.add(LIST, kind="garbage", match={"page": "2"})
    home.faults.add(WATCH, kind="garbage", match={"page": "2"})
    await home.add(*serials[:1])
    home.add_devices(["SIM1000000"])
    await home.add("SIM1000000")
    await home.shows("associated", serials[0])
    await home.shows("accepted", "SIM1000000")
    assert accepted(home, "SIM1000000") == 1


async def test_list_without_an_end_is_not_read_for_ever(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a cloud does not turn pages, and says that there are more."""
    asked = []

    async def endless(_: GrowattClient, plant: str, page: int, *_kind: DeviceKind) -> SightingPage:
        asked.append(page)
        return SightingPage((Sighting(serial=OTHER_SN),), more=True)

    monkeypatch.setattr(GrowattClient, "sightings", endless)
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(7_200)
    assert home.status(SN) == "accepted"
    assert set(asked) == {1, 2}

    monkeypatch.undo()
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)


async def test_lost_and_found(home: Home) -> None:
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(DAY)
    assert home.status(SN) == "associated"

    assert await home.check([SN], timeout=10) == {SN: "lost"}
    assert home.pending(SN) == "off"
    home.growatt.move(SN, int(home.plant_id))
    await asyncio.sleep(600)
    assert await home.check([SN], timeout=10) == {SN: "associated"}


async def test_check_waits_for_the_limits(home: Home) -> None:
    """The action does not wait for what cannot come; the check is made all the same."""
    await home.associate(SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(1)
    began = home.clock.passed
    assert await home.check([SN], timeout=60) == {SN: "associated"}
    assert home.clock.passed - began < 60
    assert await home.shows("lost", SN) < 310


async def test_check_of_a_conflict_asks_who_holds_it(home: Home) -> None:
    other = home.add_plant(home.entry, "Other")
    home.add_devices([SN], plant_id=int(other))
    await home.add(SN)
    await home.shows("conflict", SN)
    home.growatt.remove_from_plant(SN)
    await asyncio.sleep(600)
    await home.check([SN])
    await home.shows("accepted", SN)
    assert not home.issues()


async def test_plant_does_not_exist_any_more(home: Home) -> None:
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, OTHER_SN, timeout=10)
    home.growatt.bring_online(SN)
    await home.shows("associated", SN)
    await asyncio.sleep(600)
    home.growatt.delete_plant(int(home.plant_id))
    await home.shows("rejected", OTHER_SN)
    await home.shows("lost", SN)


@pytest.mark.parametrize(
    ("path", "code"), [(LIST, 10001), (WATCH, 10001), (HOLDER, 10001), (LIST, 10099)]
)
async def test_a_look_that_fails_is_tried_again_later(home: Home, path: str, code: int) -> None:
    stranger = home.growatt.add_user("stranger", "stranger@example.com")
    theirs = home.growatt.add_plant(stranger.user_id, "Their roof")
    home.add_devices([SN], plant_id=theirs.plant_id)
    home.add_devices([OTHER_SN], online_after=600)
    home.faults.add(path, kind="code", code=code, times=2)
    await home.add(SN, OTHER_SN)
    await home.shows("conflict", SN)
    await home.shows("associated", OTHER_SN)


async def test_pauses_are_forgotten_in_the_end(world: World) -> None:
    timing = Timing()
    pauses, step = Backoff(timing), Step(kind=StepKind.LOCATE, serial=SN)
    pauses.add(step)
    pauses.add(step)
    assert pauses.until(step) - world.simulator.now() == pytest.approx(timing.retry_pause(2))
    await asyncio.sleep(DAY)
    pauses.add(Step(kind=StepKind.LOCATE, serial=OTHER_SN))
    assert len(pauses) == 1
    pauses.add(step)
    assert pauses.until(step) - world.simulator.now() == 60


# Gateway


async def test_bad_token_starts_reauth_once(home: Home) -> None:
    home.add_devices([SN, OTHER_SN])
    await home.add(SN, timeout=10)
    del home.growatt.tokens[INSTALLER_TOKEN]
    await home.clock.until(home.reauths)
    asked = home.asked("*")
    await home.add(OTHER_SN)
    with pytest.raises(ServiceValidationError) as caught:
        await home.check([SN], timeout=10)
    assert caught.value.translation_key == "not_signed_in"
    await asyncio.sleep(DAY)
    assert home.asked("*") == asked
    assert home.reauths() == 1
    assert home.status(SN) == "accepted"


async def test_a_sign_in_that_ends_meanwhile_starts_reauth(home: Home) -> None:
    """As of a provider whose sign-ins end."""

    async def signed_out(*_: object) -> None:
        raise AccessDeniedError

    home.add_devices([SN])
    with pytest.MonkeyPatch.context() as context:
        context.setattr(GrowattClient, "watch", signed_out)
        await home.add(SN)
        await home.clock.until(home.reauths)
    assert home.coordinator.next_check(SN) is None


async def test_token_that_may_not_bind_is_no_bad_token(home: Home) -> None:
    home.token.may_bind = False
    serials = [f"SIM000000{number}" for number in range(5)]
    home.add_devices(serials)
    await home.add(*serials)
    await home.shows("rejected", *serials, seconds=60)
    assert not home.reauths()
    assert home.asked(PLANTS) == 1
    assert "not allowed to add devices" in home.issues()[f"rejected_{serials[0]}"]["reason"]


async def test_token_that_may_not_read_devices_is_no_bad_token(home: Home) -> None:
    token = home.token
    token.endpoints_denied, token.may_v4 = frozenset({LIST}), False
    home.add_devices([SN], online_after=60)
    await home.add(SN)
    await asyncio.sleep(DAY)
    assert not home.reauths()
    assert home.status(SN) == "accepted"
    assert home.asked(PLANTS) <= 5
    token.endpoints_denied = frozenset()
    await home.check([SN], timeout=10)
    await home.shows("associated", SN)


async def test_whose_fault_it_is_cannot_be_told(home: Home) -> None:
    """10011 while the daily budget of the call that would tell is used up."""
    for _ in range(10):
        await home.call("list_plants", config_entry_id=home.entry.entry_id)
        await asyncio.sleep(304)
    home.token.may_bind = False
    home.add_devices([SN])
    await home.add(SN)
    await asyncio.sleep(3_600)
    assert home.status(SN) == "queued"
    assert home.asked(PLANTS) == 10
    await home.shows("rejected", SN, seconds=DAY)


async def test_account_whose_id_is_not_known_asks_nothing(home: Home) -> None:
    home.hass.config_entries.async_update_entry(
        home.entry, data={**home.entry.data, "account_id": None}
    )
    await home.clock.until(lambda: home.entry.state is ConfigEntryState.LOADED)
    home.add_devices([SN])
    await home.coordinator.async_track([SN], home.plant_id)
    await asyncio.sleep(DAY)
    assert home.asked("*") == 0


async def test_a_plant_without_inverters_is_not_read_on(home: Home) -> None:
    home.token.may_v4 = False
    home.add_devices([f"SIM{number:07}" for number in range(150)], plant_id=int(home.plant_id))
    home.faults.add(LIST, kind="code", code=10012, match={"page": "2"})
    home.add_devices(["SIM1000000"])
    await home.add("SIM1000000", timeout=3)
    await home.clock.until(lambda: home.asked(LIST) == 2)
    home.remove_inverter(home.entry, "SIM1000000")
    await asyncio.sleep(DAY)
    assert home.asked(LIST) == 2
