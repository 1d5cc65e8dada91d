"""Every metric that Dipper's processes show, from the classes that declare them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from services.enrich.metrics import EnrichMetrics
from services.ingest.metrics import IngestMetrics
from services.runtime.metrics import LoopMetrics
from services.store.metrics import LedgerMetrics, StoreMetrics

DECLARED = {
    "ingest": (IngestMetrics,),
    "enrich": (EnrichMetrics,),
    "store": (StoreMetrics, LedgerMetrics),
    "enrich, store": (LoopMetrics,),
}
"""Which classes of metrics the processes of which service have."""

SUFFIXES = {
    "counter": ("",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}
"""What queries append to a metric's name, by its kind."""

SCRAPED = frozenset({"up"})
"""What Prometheus itself adds."""

UNUSED = {
    "python_gc_objects_collected_total": "of CPython's memory: for a look at one process",
    "python_gc_objects_uncollectable_total": "of CPython's memory: for a look at one process",
    "python_gc_collections_total": "of CPython's memory: for a look at one process",
    "python_info": "which CPython it is: for a look at one process",
    "process_virtual_memory_bytes": "says little; the resident memory is what runs out",
    "process_start_time_seconds": "for questions by hand: when was it started",
}
"""Metrics that no panel, alert or recording rule uses, each with the reason why it is there."""

_NAME = re.compile(
    r"(?<![\w:])(?:dipper[:_][a-z0-9_:]+|process_[a-z_]+|python_[a-z_]+|up)(?![\w:])"
)


class Metric(NamedTuple):
    """One metric, as Prometheus knows it."""

    name: str
    """That of a counter ends in ``_total``."""
    kind: str
    labels: tuple[str, ...]
    help: str
    service: str
    """Whose processes show it."""

    @property
    def series(self) -> set[str]:
        """The names that queries may use."""
        return {self.name + suffix for suffix in SUFFIXES[self.kind]}


def metrics() -> list[Metric]:
    """All that Dipper declares, by service and name."""
    return [
        metric
        for service, classes in DECLARED.items()
        for metric in sorted(_of_classes(service, classes))
    ]


def process_metrics() -> set[str]:
    """Names of what every Python process shows besides."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return {sample.name for family in registry.collect() for sample in family.samples}


def used_names(queries: Iterable[str]) -> set[str]:
    """Names of metrics and recording rules in PromQL."""
    return {name for query in queries for name in _NAME.findall(_without_strings(query))}


def _without_strings(query: str) -> str:
    return re.sub(r'"[^"]*"', '""', query)


def _of_classes(service: str, classes: Iterable[type]) -> Iterator[Metric]:
    registry = CollectorRegistry()
    for declared in classes:
        for value in vars(declared(registry)).values():
            if isinstance(value, MetricWrapperBase):
                (family,) = value.describe()
                name = family.name + ("_total" if family.type == "counter" else "")
                labels = tuple(value._labelnames)
                yield Metric(name, family.type, labels, family.documentation, service)
