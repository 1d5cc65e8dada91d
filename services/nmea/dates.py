"""The UTC date of each epoch: only RMC and ZDA give one; it is kept and carried over midnight."""

from __future__ import annotations

from collections.abc import Iterable

from services.nmea.readings import Typed
from services.nmea.rmc import RMC
from services.nmea.zda import ZDA

DAY_US = 86_400_000_000
HALF_DAY_US = DAY_US // 2


def date_given(time_of_day_us: int, sentences: Iterable[Typed]) -> int | None:
    """The date (days since 1970-01-01) that an epoch's own RMC or ZDA gives; None without one.

    A valid RMC is believed first, then ZDA, then an RMC without a fix, whose date may come from
    a clock that was never set. The date belongs to the time of day that stands beside it, which
    for a ZDA may lie on the other side of midnight.
    """
    best: RMC | ZDA | None = None
    for sentence in sentences:
        if isinstance(sentence, RMC):
            if sentence.date_days is None:
                continue
            if sentence.valid:
                best = sentence
                break
            best = best or sentence
        elif (
            isinstance(sentence, ZDA)
            and sentence.date_days is not None
            and not isinstance(best, ZDA)
        ):
            best = sentence
    if best is None or best.date_days is None:
        return None
    if best.time_of_day_us is None:
        return best.date_days
    return best.date_days + _midnights_between(best.time_of_day_us, time_of_day_us)


class DateKeeper:
    """The last date of a stream and the time of day that it stood at."""

    __slots__ = ("_days", "_time_of_day_us")

    def __init__(self) -> None:
        self._days: int | None = None
        self._time_of_day_us = 0

    def time_us(self, time_of_day_us: int, given: int | None) -> int | None:
        """UTC of an epoch with this time of day, and a date of its own if ``given`` is one.

        None if no date is known yet. A kept date is carried on: a step of more than twelve hours
        is midnight; back, the next day has begun; forward, an epoch of the day before is late.
        """
        if given is not None:
            return given * DAY_US + time_of_day_us
        if self._days is None:
            return None
        days = self._days + _midnights_between(self._time_of_day_us, time_of_day_us)
        return days * DAY_US + time_of_day_us

    def keep(self, time_of_day_us: int, given: int) -> int:
        """``settle`` of an epoch that has a date of its own."""
        time_us = given * DAY_US + time_of_day_us
        # With a leap second that is the next day.
        self._days = time_us // DAY_US
        self._time_of_day_us = time_of_day_us
        return time_us

    def settle(self, time_of_day_us: int, given: int | None) -> int | None:
        """The same, and the date is kept for the epochs to come.

        A late epoch of the day before leaves the kept date as it is, unless its date was given.
        """
        if given is not None:
            return self.keep(time_of_day_us, given)
        time_us = self.time_us(time_of_day_us, None)
        if time_us is not None:
            days = time_us // DAY_US
            if self._days is None or days >= self._days:
                self._days = days
                self._time_of_day_us = time_of_day_us
        return time_us


def _midnights_between(earlier_us: int, later_us: int) -> int:
    """How many midnights lie between two times of day that are less than half a day apart."""
    step_us = later_us - earlier_us
    if step_us < -HALF_DAY_US:
        return 1
    return -1 if step_us > HALF_DAY_US else 0
