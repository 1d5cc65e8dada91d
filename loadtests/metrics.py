"""Reading a service's /metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

LATENCY = "dipper_received_to_stored_seconds"


class Scrape(NamedTuple):
    """All samples of one moment."""

    totals: Mapping[str, float]
    """By name, summed over all labels, and by ``name{label=value}``."""
    buckets: Mapping[str, Mapping[float, float]]
    """Per histogram: upper bound to cumulative count."""


def parse(text: str) -> Scrape:
    """What a service answered. Raises ValueError for text that is no exposition."""
    totals: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                bounds = buckets.setdefault(family.name, {})
                bound = float(sample.labels["le"])
                bounds[bound] = bounds.get(bound, 0.0) + sample.value
            else:
                names = [
                    f"{sample.name}{{{label}={value}}}" for label, value in sample.labels.items()
                ]
                for name in (sample.name, *names):
                    totals[name] = totals.get(name, 0.0) + sample.value
    return Scrape(totals, buckets)


def quantile(before: Scrape, after: Scrape, histogram: str, share: float) -> float | None:
    """The value below which ``share`` of the observations between two scrapes lie.

    Interpolated within the bucket, as PromQL's histogram_quantile does. None without any
    observation; infinity beyond the last bound.
    """
    end = after.buckets.get(histogram, {})
    start = before.buckets.get(histogram, {})
    counts = {bound: count - start.get(bound, 0.0) for bound, count in sorted(end.items())}
    wanted = share * counts.get(math.inf, 0.0)
    if wanted <= 0:
        return None
    low, below = 0.0, 0.0
    for bound, count in counts.items():
        if count >= wanted:
            if math.isinf(bound):
                return math.inf
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return math.inf
