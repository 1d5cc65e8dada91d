"""For each alert: figures under which it must be quiet, and figures under which it must fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

INTERVAL_S = 30
"""Between two values of a series."""

Series = Mapping[str, str]
"""Series → its values in promtool's notation: ``0+10x20`` begins at 0 and adds 10 twenty times."""


class Case(NamedTuple):
    """When an alert fires, and when it does not although it nearly does."""

    alert: str
    bad: Series
    quiet_until: str
    """With ``bad`` it does not fire yet."""
    fires_at: str
    fine: Series
    """With these it does not fire at that time either."""


def fleet(read: str, rejected: str, unidentified: str = "0x60") -> Series:
    """Lines read and rejected."""
    return {
        "dipper_lines_read_total": read,
        'dipper_rejects_total{reason="checksum_wrong"}': rejected,
        'dipper_rejects_total{reason="unidentified"}': unidentified,
    }


def latency(within_1_s: str, over_10_s: str) -> Series:
    """How many fixes took at most a second, and how many between 10 and 30."""
    bucket = 'dipper_received_to_stored_seconds_bucket{le="%s"}'
    return {
        bucket % "1": within_1_s,
        bucket % "10": within_1_s,
        bucket % "30": over_10_s,
        bucket % "+Inf": over_10_s,
    }


def services(**there: str) -> Series:
    """What each service shows always."""
    return {
        "dipper_connections": there["ingest"],
        "dipper_zones": there["enrich"],
        "dipper_ledger_checked_timestamp_seconds": there["store"],
    }


UP = 'up{job="dipper", instance="a:9110"}'
OTHER_JOB = 'up{job="other", instance="b:80"}'
FILES = 'process_%s_fds{job="dipper", instance="a:9110"}'
FINGERPRINT = 'dipper_zones_fingerprint{instance="%s"}'
RETRIES = 'dipper_retries_total{service="%s", of="%s", instance="a:9112"}'
BUFFER = 'dipper_receive_buffer_bytes{instance="a:9110"}'
ROUNDS = 'dipper_publish_seconds_count{instance="a:9110"}'
LAG = 'dipper_lag_records{service="store", topic="telematics.enriched.v1", instance="%s"}'
PUBLISHED = "dipper_fixes_published_total"
CHECKED = "dipper_ledger_checked_timestamp_seconds"
DEAD = 'dipper_store_dead_letters_total{reason="undecodable"}'
DELETED = 'dipper_deleted_unread_records_total{service="enrich", topic="telematics.fix.v1"}'
REFUSED = "dipper_connections_refused_total"

CASES = [
    Case("DipperServiceDown", {UP: "1x10 0x20"}, "5m30s", "7m", {UP: "1x30", OTHER_JOB: "0x30"}),
    Case(
        "DipperServiceMissing",
        services(ingest="5x30", enrich="3x10 stale", store="0+30x30"),
        "5m30s",
        "7m",
        services(ingest="0x30", enrich="0x30", store="0+30x30"),
    ),
    Case(
        "DipperFilesRunningOut",
        {FILES % "open": "50x10 900x20", FILES % "max": "1024x30"},
        "5m30s",
        "7m",
        {FILES % "open": "800x30", FILES % "max": "1024x30"},
    ),
    Case(
        "DipperZonesDiffer",
        {FINGERPRINT % "a": "1x10 2x30", FINGERPRINT % "b": "1x40"},
        # New zones reach one process before the other: that passes by itself.
        "7m",
        "9m",
        {FINGERPRINT % "a": "1x10 2x30", FINGERPRINT % "b": "1x11 2x29"},
    ),
    Case(
        "DipperDatabaseAway",
        {RETRIES % ("store", "database"): "0x10 1+5x30"},
        "7m",
        "9m",
        # One retry is no outage, and the log is not the database.
        {RETRIES % ("store", "database"): "0x10 1x30", RETRIES % ("store", "log"): "0+5x40"},
    ),
    Case(
        "DipperLogAway",
        {BUFFER: "0x10 5000x30", ROUNDS: "0+10x10 110x30"},
        "7m",
        "12m",
        # Under load something always waits; it only has to go on.
        {BUFFER: "5000x40", ROUNDS: "0+10x40", RETRIES % ("store", "database"): "0+5x40"},
    ),
    Case(
        "DipperLogAway",
        {RETRIES % ("enrich", "log"): "0x10 1+5x30"},
        "7m",
        "9m",
        {RETRIES % ("enrich", "log"): "0x10 1x30"},
    ),
    Case(
        "DipperLag",
        {PUBLISHED: "0+300x60", LAG % "a": "0x10 700x50", LAG % "b": "10x60"},
        "14m",
        "16m",
        # 10 fixes a second: 600 records are a minute.
        {PUBLISHED: "0+300x60", LAG % "a": "0x10 400x50", LAG % "b": "150x60"},
    ),
    Case("DipperLag", {LAG % "a": "3x60"}, "9m", "11m", {LAG % "a": "3x10 0x50"}),
    Case(
        "DipperSlow",
        latency("0+10x40", "0+20x40"),
        "1m",
        "3m",
        # One in fifty takes long.
        latency("0+98x40", "0+100x40"),
    ),
    Case(
        "DipperLedgerUnbalanced",
        {"dipper_ledger_balanced": "1x10 0x20"},
        "5m30s",
        "7m",
        # A process that has not looked yet.
        {
            'dipper_ledger_balanced{instance="a"}': "1x30",
            'dipper_ledger_balanced{instance="b"}': " ".join(["NaN"] * 30),
        },
    ),
    Case("DipperDeletedUnread", {DELETED: "0x10 7x20"}, "4m30s", "6m", {DELETED: "0x30"}),
    Case(
        "DipperLedgerNotChecked",
        {CHECKED: "0+30x10 300x40"},
        "15m30s",
        "17m",
        # One of two processes is enough.
        {CHECKED + '{instance="a"}': "0x50", CHECKED + '{instance="b"}': "0+30x50"},
    ),
    Case("DipperDeadLetters", {DEAD: "0x10 2x20"}, "4m30s", "6m", {DEAD: "5x30"}),
    Case(
        "DipperFleetSilent",
        fleet("0+50x20 1050x60", "0x80"),
        "15m",
        "17m",
        # Nobody has ever sent: that is a new installation.
        fleet("0x80", "0x80"),
    ),
    Case(
        "DipperManyRejects",
        fleet("0+100x60", "0x10 6+6x50"),
        "12m",
        "22m",
        # What unknown terminals send is told by another alert.
        fleet("0+100x60", "0+4x60", "0+50x60"),
    ),
    Case(
        "DipperTerminalsQuarantined",
        {"dipper_quarantined_connections": "0x10 2x30"},
        "14m",
        "16m",
        # One that has not logged in yet.
        {"dipper_quarantined_connections": "0x10 2x5 0x25"},
    ),
    Case("DipperConnectionsRefused", {REFUSED: "0x10 4x20"}, "4m30s", "6m", {REFUSED: "4x30"}),
]
