"""Every metric of ingest. None has a terminal's name in its labels."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BATCH_BUCKETS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
SECONDS_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class IngestMetrics:
    """Ingest's metrics in one registry. They move once an append, not once a line."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lines_read = Counter(
            "dipper_lines_read_total", "Lines read from terminals.", registry=registry
        )
        self.lines_used = Counter(
            "dipper_lines_used_total",
            "Lines that are in a published fix or message, or controlled the connection.",
            registry=registry,
        )
        self.rejects = Counter(
            "dipper_rejects_total",
            "Lines that gave nothing, by reason; each is a dead letter.",
            ["reason"],
            registry=registry,
        )
        self.fixes_published = Counter(
            "dipper_fixes_published_total", "Fixes that are durable in the log.", registry=registry
        )
        self.messages_published = Counter(
            "dipper_messages_published_total",
            "Messages that are durable in the log.",
            registry=registry,
        )
        self.acknowledged_lines = Counter(
            "dipper_acknowledged_lines_total",
            "Physical lines that were acknowledged to terminals in acknowledged mode.",
            registry=registry,
        )
        self.connections = Gauge(
            "dipper_connections", "Terminals' connections that are open.", registry=registry
        )
        self.connections_opened = Counter(
            "dipper_connections_opened_total", "Connections that were accepted.", registry=registry
        )
        self.connections_refused = Counter(
            "dipper_connections_refused_total",
            "Connections that were closed at once: too many were open, or too many came from one "
            "address.",
            registry=registry,
        )
        self.limits_exceeded = Counter(
            "dipper_limits_exceeded_total",
            "Times that a client ran into a limit, by limit; limits of lines are reasons of "
            "dipper_rejects_total.",
            ["limit"],
            registry=registry,
        )
        self.banned_terminals = Gauge(
            "dipper_banned_terminals",
            "Terminals that are shut out for a while after too many bad lines in a row.",
            registry=registry,
        )
        self.quarantined_connections = Gauge(
            "dipper_quarantined_connections",
            "Open connections that sent lines and have not said which terminal they are.",
            registry=registry,
        )
        self.logins = Counter(
            "dipper_logins_total",
            "Claims of identity that were judged, by way (login, certificate, identification) and "
            "outcome (accepted, refused, throttled).",
            ["way", "outcome"],
            registry=registry,
        )
        self.connections_displaced = Counter(
            "dipper_connections_displaced_total",
            "Connections that were closed since their terminal had proved on a newer one who it "
            "is.",
            registry=registry,
        )
        self.terminals_listed = Gauge(
            "dipper_terminals_listed",
            "Terminals on the list that is in force.",
            registry=registry,
        )
        self.receive_buffer_bytes = Gauge(
            "dipper_receive_buffer_bytes",
            "Bytes of records that were read and wait for the log.",
            registry=registry,
        )
        self.reading_pauses = Counter(
            "dipper_reading_pauses_total",
            "Times that reading from a connection paused since the log was slower.",
            registry=registry,
        )
        self.publish_batch_records = Histogram(
            "dipper_publish_batch_records",
            "Records of one round of appends to the log.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.publish_retries = Counter(
            "dipper_publish_retries_total",
            "Appends that were tried again since the log did not answer.",
            registry=registry,
        )
        self.publish_seconds = Histogram(
            "dipper_publish_seconds",
            "Time of one round of appends to the log, retries included.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )

    def count_rejects(self, rejected: Mapping[str, int]) -> None:
        """Add lines by reason."""
        for reason, lines in rejected.items():
            self.rejects.labels(reason).inc(lines)
