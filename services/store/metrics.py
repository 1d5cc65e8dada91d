"""Every metric of the store."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.runtime.metrics import LATENCY_BUCKETS_S


class StoreMetrics:
    """The store's metrics in one registry. They move once a batch, not once a row."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "dipper_stored_rows_total", "Rows that are new in their table.", ["table"],
            registry=registry,
        )  # fmt: skip
        self.duplicates = Counter(
            "dipper_duplicate_rows_total",
            "Records whose row was there already: a terminal or a service sent it again.",
            ["table"],
            registry=registry,
        )
        self.redelivered = Counter(
            "dipper_redelivered_fixes_total",
            "Fixes that enrich published again after a crash and that are not counted twice.",
            registry=registry,
        )
        self.dead_letters = Counter(
            "dipper_store_dead_letters_total",
            "Records that became no row, by reason; each is in the table rejects.",
            ["reason"],
            registry=registry,
        )
        self.fenced = Counter(
            "dipper_store_fenced_total",
            "Batches given up because someone else had stored them.",
            registry=registry,
        )
        self.fix_latency = Histogram(
            "dipper_fix_to_stored_seconds",
            "From the time of a fix to its commit: for the oldest and newest fix of each batch.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.receive_latency = Histogram(
            "dipper_received_to_stored_seconds",
            "From the receipt of a fix's last line to its commit: for the fixes of each batch "
            "that were received first and last.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
