"""Every pause, interval and limit of the integration, in seconds."""

from typing import Final, NamedTuple, Self

# Its multiples, without what stands before the point, spread most evenly between 0 and 1.
_GOLDEN_RATIO: Final = 0.618034


class Timing(NamedTuple):
    """How often a cloud is called, and how long to wait for it.

    Growatt allows the same request once per five minutes, ten times a day for some lists, and
    once per five seconds for the v4 device list (source: see `cloud/growatt/api.py`). `margin` is
    added to each, because a cloud counts from when a request arrives and we from when it leaves.
    """

    call_gap: float = 1
    slow_cooldown: float = 300
    quick_cooldown: float = 5
    margin: float = 3
    day: float = 86_400
    # Upper bound for a call, from its record in the ledger to its answer.
    call_longest: float = 30

    # When to look for a waiting inverter first, and then how often, by how long it has waited.
    first_look: float = 5
    fresh_for: float = 900
    fresh_interval: float = 30
    first_day_interval: float = 300
    week: float = 604_800
    first_week_interval: float = 1_800
    later_interval: float = 21_600
    # How often to read the plant's own list where there is a watch list.
    look_beside_watch: float = 1_800
    # One list answers for many inverters: it goes before steps due up to this much earlier.
    list_head_start: float = 900

    # How often a portal is asked about the account itself: while it waits, and otherwise.
    activation_interval: float = 3_600
    account_interval: float = 86_400

    # Backoff after the cloud failed on its side: from the first pause to the longest.
    retry_first: float = 60
    retry_longest: float = 3_600
    # Backoff while the cloud cannot be reached or its firewall refuses us.
    outage_first: float = 60
    outage_longest: float = 3_600

    # How long a dialog or an action waits for a call to be allowed.
    patience: float = 4
    # How long a dialog watches what becomes of devices, and how often to look meanwhile: as the
    # limits allow, but not more often than this.
    watched_for: float = 120
    watched_interval: float = 5
    # After a lost answer, when to look first for what it may have created; each pause is twice the
    # last. Absence proves nothing before `settle_after`, which no server works on a request.
    settle_first: float = 30
    settle_after: float = 900
    settle_longest: float = 3_600
    # After this time without an association a repair is raised.
    overdue_after: float = 86_400

    def scaled(self, factor: float) -> Self:
        """Return this timing for a clock that runs `factor` times as fast."""
        return type(self)(*(pause / factor for pause in self))

    def watched(self) -> Self:
        """Return this timing for while somebody watches."""
        return self._replace(fresh_interval=min(self.fresh_interval, self.watched_interval))

    def watch_interval(self, age: float) -> float:
        """Return the interval between checks for an inverter that has waited `age` seconds."""
        if age < self.fresh_for:
            return self.fresh_interval
        if age < self.day:
            return self.first_day_interval
        if age < self.week:
            return self.first_week_interval
        return self.later_interval

    def list_interval(self, age: float, pages: int) -> float:
        """Return the interval between readings of a plant's list that has so many pages.

        It takes no more calls in the long run than a list of one page.
        """
        interval = self.watch_interval(age)
        return interval if pages <= 1 else pages * max(interval, self.first_day_interval)

    def retry_pause(self, failures: int, first: float = 0) -> float:
        """Return the pause after this many consecutive failures (at least 1).

        That after the first is no shorter than `first`. Pauses are uneven: another program that
        asks at regular times, with the same limits, must not come before each of our attempts.
        """
        first = max(self.retry_first, first)
        uneven = (failures - 1) * _GOLDEN_RATIO % 1 / 4
        pause = _doubled(first, failures, max(self.retry_longest, first))
        return min(pause * (1 + uneven), max(self.retry_longest, first) * (1 - uneven))

    def outage_pause(self, failures: int) -> float:
        """Return the pause after this many consecutive outages (at least 1)."""
        return _doubled(self.outage_first, failures, self.outage_longest)


def _doubled(first: float, times: int, longest: float) -> float:
    """Return a pause that doubles each time, up to the longest."""
    # 32 doublings reach any pause; thousands would overflow a float.
    return min(first * 2.0 ** min(times - 1, 32), longest)


# How many times a binding is sent if the cloud fails to accept it or never answers.
SUBMIT_TRIES = 8
# How many times in 24 hours a list with a daily limit may be read.
CALLS_PER_DAY = 10
