"""Every metric of the store."""

from __future__ import annotations

from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.model import FIX_QUALITIES
from services.runtime.metrics import LATENCY_BUCKETS_S
from services.store.prepared import REFUSED, UNDECODABLE


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
        self.fix_quality = Counter(
            "dipper_fix_quality_total",
            "Fixes that came to the store, by quality; those sent again count again.",
            ["fix"],
            registry=registry,
        )
        self.beidou_fixes = Counter(
            "dipper_beidou_fixes_total",
            "Fixes that came to the store and were made with BeiDou's satellites; of fixes that "
            "do not say how many of those, those with a talker BD, GB or PQ.",
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
        for quality in FIX_QUALITIES:
            self.fix_quality.labels(quality)
        for reason in (UNDECODABLE, REFUSED):
            self.dead_letters.labels(reason)


class LedgerMetrics:
    """What a slow look into the database tells. They move every DIPPER_STORE_WATCH_S seconds, and
    every process of the store that looks tells the same."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.balanced = Gauge(
            "dipper_ledger_balanced",
            "1 if every sum of the ledger comes out, 0 if not: `dipper ledger` says which. NaN "
            "until it was looked at.",
            registry=registry,
        )
        self.balanced.set(nan)
        self.problems = Gauge(
            "dipper_ledger_problems", "Sums of the ledger that do not come out.", registry=registry
        )
        self.lines = Gauge(
            "dipper_ledger_lines",
            "Lines in the ledger, by what became of them: used, rejected, in_flight, untallied.",
            ["state"],
            registry=registry,
        )
        self.records = Gauge(
            "dipper_ledger_records",
            "Records in the ledger, by flow (fixes, events, messages, rejects) and state "
            "(published, stored, duplicate, dead_lettered, in_flight).",
            ["flow", "state"],
            registry=registry,
        )
        self.checked = Gauge(
            "dipper_ledger_checked_timestamp_seconds",
            "When the ledger was looked at last, in seconds since 1970; 0 if never.",
            registry=registry,
        )
        self.chunks = Gauge(
            "dipper_chunks",
            "Chunks of the table positions; 0 on PostgreSQL without TimescaleDB.",
            registry=registry,
        )
