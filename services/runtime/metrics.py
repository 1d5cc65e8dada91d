"""Metrics of the consume loop. Each service declares its own in its ``metrics.py``.

Names start with ``dipper_``, use base units and never carry a terminal as a label.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
BATCH_BUCKETS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)


class LoopMetrics:
    """What every service that reads the log shows, by service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag_records = Gauge(
            "dipper_lag_records",
            "Records of a topic that a service has yet to read, over its partitions.",
            ["service", "topic"],
            registry=registry,
        )
        self.batch_records = Histogram(
            "dipper_batch_records",
            "Records of one partition that a service took from the log at once.",
            ["service"],
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "dipper_batch_seconds",
            "Time a service took for one batch, its outputs durable.",
            ["service"],
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.retries = Counter(
            "dipper_retries_total",
            "Times that a service tried again since the log or the database did not answer.",
            ["service", "of"],
            registry=registry,
        )
        self.deleted_unread = Counter(
            "dipper_deleted_unread_records_total",
            "Records that the log deleted before a service had read them: they are lost.",
            ["service", "topic"],
            registry=registry,
        )
        self.takeovers = Counter(
            "dipper_takeovers_total",
            "Times that a service was given partitions anew.",
            ["service"],
            registry=registry,
        )
