"""The distribution of what ``dipper check`` measures, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tools.check_histogram import Histogram


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=200), st.floats(0, 1))
def test_percentiles_are_by_nearest_rank(values: list[int], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    low_or_equal = [v for v in sorted(values) if sum(w <= v for w in values) >= share * len(values)]
    assert histogram.percentile(share) == low_or_equal[0]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200))
def test_a_full_histogram_widens_its_bins_and_keeps_count_and_extremes(values: list[int]) -> None:
    histogram = Histogram(max_bins=8)
    for value in values:
        histogram.add(value)
    spread = histogram.spread()
    assert spread is not None
    assert (spread.count, spread.minimum, spread.maximum) == (
        len(values),
        min(values),
        max(values),
    )
    assert spread.minimum <= spread.median <= spread.p95 <= spread.maximum


def test_nothing_counted_has_no_distribution() -> None:
    assert Histogram().spread() is None
    with pytest.raises(ValueError, match="no value"):
        Histogram().percentile(0.5)
