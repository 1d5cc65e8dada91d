"""The times of a stream's epochs: intervals, gaps, steps back, repeats, midnights, order."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Sequence

from services.model import Fix
from services.nmea.dates import DAY_US, HALF_DAY_US
from services.nmea.readings import Typed
from services.tools.check_facts import EpochFacts, Gap, Place, StepBack
from services.tools.check_histogram import Histogram
from services.tools.check_thresholds import IRREGULAR_FACTOR, REPEAT_WINDOW

SECOND_US = 1_000_000
MAX_EXAMPLES = 5
MAX_ORDERS = 256
"""Different orders of sentences that are told apart; a stream has a handful."""

Order = tuple[str, ...]


class EpochTimes:
    """Takes the epochs of a stream in order. Bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        self.elapsed_us = 0
        """Event time since the first epoch. Steps of half a day are a clock that was set."""
        self._undated = 0
        self._first_dated: Place | None = None
        self._previous: tuple[int | None, int] | None = None
        self._intervals = Histogram()
        self._longest: list[tuple[int, int, Place]] = []
        self._steps_back = 0
        self._first_steps_back: list[StepBack] = []
        self._recent: deque[int] = deque()
        self._known: Counter[int] = Counter()
        self._duplicates = 0
        self._midnights = 0
        self._orders: Counter[Order] = Counter()

    def add(self, fix: Fix, sentences: Sequence[Typed], place: Place) -> int:
        """Take an epoch; returns the microseconds since the one before it, 0 for the first."""
        if fix.time_of_day_us is None:
            return 0
        self.count += 1
        if fix.time_us is None:
            self._undated += 1
        else:
            self._first_dated = self._first_dated or place
        order = order_of(sentences)
        if order in self._orders or len(self._orders) < MAX_ORDERS:
            self._orders[order] += 1
        step_us = self._step(fix.time_us, fix.time_of_day_us, place)
        # Without a date the midnights that were seen stand for it.
        days_us = self._midnights * DAY_US
        self._remember(days_us + fix.time_of_day_us if fix.time_us is None else fix.time_us)
        self._previous = (fix.time_us, fix.time_of_day_us)
        return step_us

    def facts(self) -> EpochFacts:
        """What was found."""
        usual, other = usual_order(self._orders)
        irregular = gaps = 0
        longest: list[tuple[int, int, Place]] = []
        if self._intervals.count:
            median = self._intervals.percentile(0.5)
            longest_regular = median * (1 + IRREGULAR_FACTOR)
            gaps = self._intervals.above(longest_regular)
            irregular = gaps + self._intervals.below(median * (1 - IRREGULAR_FACTOR))
            longest = [each for each in self._longest if each[0] > longest_regular]
        return EpochFacts(
            count=self.count,
            undated=self._undated,
            first_dated=self._first_dated,
            interval_s=self._intervals.spread(SECOND_US),
            intervals=self._intervals.count,
            irregular=irregular,
            gaps=gaps,
            longest_gaps=tuple(
                Gap(place, step / SECOND_US)
                for step, _, place in sorted(longest, key=lambda each: each[1])
            ),
            steps_back=self._steps_back,
            first_steps_back=tuple(self._first_steps_back),
            duplicates=self._duplicates,
            midnights=self._midnights,
            usual_order=usual,
            other_order=other,
        )

    @property
    def median_interval_s(self) -> float | None:
        """Of the intervals forward in time; None without any."""
        return self._intervals.percentile(0.5) / SECOND_US if self._intervals.count else None

    def _step(self, time_us: int | None, time_of_day_us: int, place: Place) -> int:
        if self._previous is None:
            return 0
        step_us = step_between(self._previous, (time_us, time_of_day_us))
        if step_us < 0:
            self._steps_back += 1
            if len(self._first_steps_back) < MAX_EXAMPLES:
                self._first_steps_back.append(StepBack(place, -step_us / SECOND_US))
        elif step_us > 0:
            self._intervals.add(step_us)
            heapq.heappush(self._longest, (step_us, self.count, place))
            if len(self._longest) > MAX_EXAMPLES:
                heapq.heappop(self._longest)
            if step_us < HALF_DAY_US:
                self.elapsed_us += step_us
                self._midnights += time_of_day_us < self._previous[1]
        return step_us

    def _remember(self, time_us: int) -> None:
        self._duplicates += time_us in self._known
        self._recent.append(time_us)
        self._known[time_us] += 1
        if len(self._recent) > REPEAT_WINDOW:
            oldest = self._recent.popleft()
            self._known[oldest] -= 1
            if not self._known[oldest]:
                del self._known[oldest]


def step_between(earlier: tuple[int | None, int], later: tuple[int | None, int]) -> int:
    """Microseconds between two epochs, each its UTC and its time of day.

    Where one has no date, the time of day decides: a step of more than half a day is midnight.
    """
    if earlier[0] is not None and later[0] is not None:
        return later[0] - earlier[0]
    step_us = later[1] - earlier[1]
    if step_us < -HALF_DAY_US:
        return step_us + DAY_US
    return step_us - DAY_US if step_us > HALF_DAY_US else step_us


def order_of(sentences: Sequence[Typed]) -> Order:
    """Talkers and types of an epoch in the order of their first appearance."""
    return tuple(dict.fromkeys([each.talker + type(each).__name__ for each in sentences]))


def usual_order(orders: Counter[Order]) -> tuple[Order, int]:
    """The most frequent order, and how many epochs contradict it.

    An epoch that lacks a kind or has one more does not: GSV comes in every fifth epoch only.
    """
    if not orders:
        return (), 0
    usual = orders.most_common(1)[0][0]
    rank = {kind: number for number, kind in enumerate(usual)}
    other = 0
    for order, count in orders.items():
        ranks = [rank[kind] for kind in order if kind in rank]
        if ranks != sorted(ranks):
            other += count
    return usual, other
