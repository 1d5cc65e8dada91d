"""What the metrics of services say between two looks at them: rates, levels and quantiles.

The looks come from a registry or from the text of ``/metrics``: both give the same samples.
Counters begin again at 0 when their process does; what they then hold is what was added since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""
Samples = Mapping[Labels, float]
Buckets = Mapping[float, float]
"""Of a histogram: by upper bound, how many observations are at most that."""

START_TIME = "process_start_time_seconds"


class Scrape(NamedTuple):
    """All samples of one process at one moment."""

    at_s: float
    """Of any clock that only goes forward."""
    samples: Mapping[str, Samples]
    """By name as in /metrics; a metric of which there is no sample yet has an empty one."""


class Interval(NamedTuple):
    """Two looks at the same process."""

    before: Scrape
    now: Scrape

    @property
    def seconds(self) -> float:
        """Between the two."""
        return self.now.at_s - self.before.at_s


class Quantile(NamedTuple):
    """A quantile as a histogram can tell it."""

    value: float
    beyond: bool
    """It lies above the largest bound, which is the value."""


def scrape_of(families: Iterable[Metric], at_s: float) -> Scrape:
    """What a registry's ``collect()`` gives."""
    samples: dict[str, dict[Labels, float]] = defaultdict(dict)
    for family in families:
        # There even without samples: a counter by reason before its first.
        _ = samples[family.name + "_total" if family.type == "counter" else family.name]
        for sample in family.samples:
            samples[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    return Scrape(at_s, dict(samples))


def parse(text: str, at_s: float) -> Scrape:
    """The text of /metrics. Raises ValueError if it is not in Prometheus' form."""
    try:
        return scrape_of(text_string_to_metric_families(text), at_s)
    except (KeyError, IndexError) as error:
        raise ValueError(f"not in Prometheus' text form: {error}") from error


def has(intervals: Sequence[Interval], name: str) -> bool:
    """Whether one of the processes has a metric of this name."""
    return any(name in interval.now.samples for interval in intervals)


def levels(
    intervals: Sequence[Interval], name: str, by: Sequence[str] = ()
) -> dict[tuple[str, ...], float]:
    """The last values of a gauge or counter, added up over processes, by the given labels."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for interval in intervals:
        for labels, value in interval.now.samples.get(name, {}).items():
            found[_group(labels, by)] += value
    return dict(found)


def rates(
    intervals: Sequence[Interval], name: str, by: Sequence[str] = ()
) -> dict[tuple[str, ...], float]:
    """What was added to a counter, per second, over all processes, by the given labels."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for interval in intervals:
        if interval.seconds > 0:
            for labels, added in _added(interval, name):
                found[_group(labels, by)] += added / interval.seconds
    return dict(found)


def buckets(
    intervals: Sequence[Interval], name: str, by: Sequence[str] = ()
) -> dict[tuple[str, ...], Buckets]:
    """What was added to a histogram, over all processes, by the given labels."""
    found: dict[tuple[str, ...], dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for interval in intervals:
        for labels, added in _added(interval, f"{name}_bucket"):
            found[_group(labels, by)][float(dict(labels)["le"])] += added
    return {group: dict(counts) for group, counts in found.items()}


def quantile(counts: Buckets, share: float) -> Quantile | None:
    """The value that ``share`` (0 to 1) of the observations do not exceed; None without any.

    Between two bounds observations count as evenly spread, as in Prometheus' histogram_quantile.
    """
    bounds = sorted(counts)
    if not bounds or not counts[bounds[-1]]:
        return None
    wanted = share * counts[bounds[-1]]
    lower = below = 0.0
    for bound in bounds:
        if counts[bound] >= wanted and counts[bound] > below:
            if bound == float("inf"):
                return Quantile(lower, True)
            place = (wanted - below) / (counts[bound] - below)
            return Quantile(lower + (bound - lower) * place, False)
        if bound != float("inf"):
            lower, below = bound, counts[bound]
    return Quantile(lower, True)


def _group(labels: Labels, by: Sequence[str]) -> tuple[str, ...]:
    values = dict(labels)
    return tuple(values.get(name, "") for name in by)


def _added(interval: Interval, name: str) -> Iterator[tuple[Labels, float]]:
    """By series, what was added between the two looks.

    A histogram's buckets begin anew together: one that lost nothing tells nothing of the others.
    """
    before = interval.before.samples.get(name, {})
    now = interval.now.samples.get(name, {})
    new_process = interval.before.samples.get(START_TIME) != interval.now.samples.get(START_TIME)
    began_anew = {
        _without_bound(labels)
        for labels, value in now.items()
        if new_process or value < before.get(labels, 0)
    }
    for labels, value in now.items():
        begins_at = 0.0 if _without_bound(labels) in began_anew else before.get(labels, 0.0)
        yield labels, value - begins_at


def _without_bound(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != "le")
