"""The distribution of many values in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

MAX_BINS = 4096


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution in a few numbers; percentiles by nearest rank."""

    count: int
    minimum: float
    median: float
    p95: float
    maximum: float


class Histogram:
    """Counts of non-negative integers. Exact up to ``max_bins`` different values; beyond that
    neighbours share a bin, which then counts as its lower edge."""

    __slots__ = ("_bins", "_max_bins", "_maximum", "_minimum", "_width", "count")

    def __init__(self, max_bins: int = MAX_BINS) -> None:
        self._bins: Counter[int] = Counter()
        self._width = 1
        self._max_bins = max_bins
        self._minimum = 0
        self._maximum = 0
        self.count = 0

    def add(self, value: int) -> None:
        """Count one value."""
        self._minimum = min(value, self._minimum) if self.count else value
        self._maximum = max(value, self._maximum)
        self.count += 1
        self._bins[value // self._width] += 1
        while len(self._bins) > self._max_bins:
            self._widen()

    def percentile(self, share: float) -> int:
        """The smallest value that at least ``share`` (0 to 1) of all are not above.

        Raises ValueError if nothing was counted.
        """
        if not self.count:
            raise ValueError("no value was counted")
        rank = max(1, math.ceil(share * self.count))
        seen = 0
        for number, count in sorted(self._bins.items()):
            seen += count
            if seen >= rank:
                return min(max(number * self._width, self._minimum), self._maximum)
        return self._maximum

    def above(self, limit: float) -> int:
        """How many values lie above the limit."""
        return sum(count for number, count in self._bins.items() if number * self._width > limit)

    def below(self, limit: float) -> int:
        """How many values lie below the limit."""
        return sum(count for number, count in self._bins.items() if number * self._width < limit)

    def spread(self, unit: float = 1) -> Spread | None:
        """The distribution, each value divided by ``unit``; None if nothing was counted."""
        if not self.count:
            return None
        return Spread(
            self.count,
            self._minimum / unit,
            self.percentile(0.5) / unit,
            self.percentile(0.95) / unit,
            self._maximum / unit,
        )

    def _widen(self) -> None:
        self._width *= 2
        merged: Counter[int] = Counter()
        for number, count in self._bins.items():
            merged[number // 2] += count
        self._bins = merged
