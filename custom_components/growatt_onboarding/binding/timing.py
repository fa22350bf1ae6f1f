"""Every pause, interval and limit of the integration, in one place. All values in seconds."""

from typing import NamedTuple, Self


class Timing(NamedTuple):
    """How often and how patiently clouds are asked.

    The vendor documents one call of the same request per five minutes, ten a day for some lists
    and one per five seconds for the v4 device list (ShineServer OpenAPI; its books are
    named in `cloud/growatt_api.py`). `margin` is added to each, because a cloud counts from when a
    request arrives and we from when it leaves.
    """

    call_gap: float = 1
    slow_cooldown: float = 300
    quick_cooldown: float = 5
    margin: float = 3
    day: float = 86_400
    # Longer than a call takes, from being written down to its answer.
    call_longest: float = 30

    # How soon a waiting inverter is looked for first, and then how often, by how long it waits.
    first_look: float = 5
    fresh_for: float = 900
    fresh_interval: float = 30
    first_day_interval: float = 300
    week: float = 604_800
    first_week_interval: float = 1_800
    later_interval: float = 21_600
    # Where a cheap list is watched, the plant's own list is still asked now and then.
    look_beside_watch: float = 1_800
    # One list answers for many inverters, so it goes before steps that became due so much earlier.
    list_head_start: float = 900

    # The cloud failed on its side: pauses grow from the first to the longest.
    retry_first: float = 60
    retry_longest: float = 3_600
    # The cloud cannot be reached or its firewall refuses us.
    outage_first: float = 60
    outage_longest: float = 3_600

    # A dialog or an action may wait this long for a call to be allowed.
    patience: float = 4
    # An inverter accepted but not associated for so long deserves a repair.
    overdue_after: float = 86_400

    def scaled(self, factor: float) -> Self:
        """Return the same timing for a clock that runs `factor` times as fast."""
        return type(self)(*(pause / factor for pause in self))

    def watch_interval(self, age: float) -> float:
        """Return how often to look for an inverter that has been waiting for `age` seconds."""
        if age < self.fresh_for:
            return self.fresh_interval
        if age < self.day:
            return self.first_day_interval
        if age < self.week:
            return self.first_week_interval
        return self.later_interval

    def retry_pause(self, failures: int) -> float:
        """Return the pause after the given number (from 1) of failures in a row."""
        return _doubled(self.retry_first, failures, self.retry_longest)

    def outage_pause(self, failures: int) -> float:
        """Return the pause after the given number (from 1) of unreachable attempts in a row."""
        return _doubled(self.outage_first, failures, self.outage_longest)


def _doubled(first: float, times: int, longest: float) -> float:
    """Return a pause that doubles each time, up to the longest."""
    # So many doublings reach any pause; a power of many thousand would be no number any more.
    return min(first * 2.0 ** min(times - 1, 32), longest)


# A binding that the cloud failed to take, or never answered, is sent so many times.
SUBMIT_TRIES = 8
# Lists that the vendor limits per day, and how often.
CALLS_PER_DAY = 10
