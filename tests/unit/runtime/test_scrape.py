"""Rates, levels and quantiles between two looks at metrics."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from services.runtime.scrape import (
    Interval,
    Quantile,
    buckets,
    has,
    levels,
    parse,
    quantile,
    rates,
    scrape_of,
)


def between(before: str, now: str, seconds: float = 2.0) -> Interval:
    return Interval(parse(before, 100.0), parse(now, 100.0 + seconds))


def test_text_and_registry_give_the_same_samples() -> None:
    registry = CollectorRegistry()
    Counter("dipper_a_total", "a", ["reason"], registry=registry).labels("x").inc(3)
    Counter("dipper_never_total", "n", ["reason"], registry=registry)
    Gauge("dipper_b", "b", registry=registry).set(1.5)
    Histogram("dipper_c_seconds", "c", registry=registry).observe(0.3)
    told = parse(generate_latest(registry).decode(), 1.0)
    assert told == scrape_of(registry.collect(), 1.0)
    assert told.samples["dipper_never_total"] == {}


def test_a_rate_is_what_was_added_per_second_over_all_series() -> None:
    interval = between(
        'a_total{r="x"} 10\na_total{r="y"} 1\n', 'a_total{r="x"} 14\na_total{r="y"} 3\n'
    )
    assert rates([interval], "a_total") == {(): 3.0}
    assert rates([interval], "a_total", ["r"]) == {("x",): 2.0, ("y",): 1.0}


def test_a_counter_that_began_anew_counts_from_0() -> None:
    assert rates([between("a_total 1000\n", "a_total 6\n")], "a_total") == {(): 3.0}


def test_a_new_process_counts_from_0_even_where_it_has_overtaken_the_old_one() -> None:
    interval = between(
        "a_total 5\nprocess_start_time_seconds 1\n", "a_total 8\nprocess_start_time_seconds 2\n"
    )
    assert rates([interval], "a_total") == {(): 4.0}


def test_a_series_that_was_not_there_before_counts_from_0() -> None:
    assert rates([between("", "a_total 6\n")], "a_total") == {(): 3.0}


def test_processes_are_added_up_each_over_its_own_time() -> None:
    one = between("a_total 0\n", "a_total 10\n", seconds=1.0)
    other = between("a_total 0\n", "a_total 10\n", seconds=5.0)
    assert rates([one, other], "a_total") == {(): 12.0}
    assert levels([one, other], "a_total") == {(): 20.0}


def test_no_time_between_two_looks_gives_no_rate() -> None:
    assert rates([between("a_total 0\n", "a_total 10\n", seconds=0.0)], "a_total") == {}


def test_what_is_not_there_is_no_metric() -> None:
    interval = between("a_total 0\n", "a_total 10\n")
    assert has([interval], "a_total")
    assert not has([interval], "b_total")
    assert levels([interval], "b_total") == {}


def test_a_histogram_that_began_anew_begins_with_all_its_buckets() -> None:
    """The first bucket has not shrunk, which alone would look like a process that goes on."""
    before = 'h_bucket{le="1"} 2\nh_bucket{le="2"} 9\nh_bucket{le="+Inf"} 9\n'
    now = 'h_bucket{le="1"} 2\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 3\n'
    assert buckets([between(before, now)], "h") == {(): {1.0: 2.0, 2.0: 3.0, math.inf: 3.0}}


@pytest.mark.parametrize(
    ("counts", "share", "found"),
    [
        ({}, 0.5, None),
        ({1.0: 0, math.inf: 0}, 0.5, None),
        ({1.0: 10, math.inf: 10}, 0.5, Quantile(0.5, False)),
        ({1.0: 0, 2.0: 10, math.inf: 10}, 0.5, Quantile(1.5, False)),
        ({1.0: 5, 2.0: 5, 4.0: 10, math.inf: 10}, 0.99, Quantile(3.96, False)),
        ({1.0: 1, 2.0: 1, math.inf: 10}, 0.99, Quantile(2.0, True)),
    ],
)
def test_a_quantile_lies_evenly_between_the_bounds_of_its_bucket(
    counts: dict[float, float], share: float, found: Quantile | None
) -> None:
    told = quantile(counts, share)
    if found is None or told is None:
        assert told is found
    else:
        assert told.value == pytest.approx(found.value)
        assert told.beyond == found.beyond


@given(st.lists(st.floats(0, 20), min_size=1), st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_a_quantile_is_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    bounds = [0.5, 1.0, 5.0, 10.0, math.inf]
    counts = {bound: sum(value <= bound for value in values) for bound in bounds}
    true = sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]
    upper = min(bound for bound in bounds if true <= bound)
    lower = max([bound for bound in bounds if bound < true], default=0.0)
    told = quantile(counts, share)
    assert told is not None
    assert told.beyond == (upper == math.inf)
    assert lower <= told.value <= upper


@pytest.mark.parametrize("text", ["<html>no metrics</html>", "a_total x\n", "a{ 1\n"])
def test_what_is_no_metrics_is_told_as_such(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text, 0.0)
