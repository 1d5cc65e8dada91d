"""Which figures of a pipeline ``dipper top`` and the status page show, and how they are written.

The one definition for both: they get the same sections from the same metrics, and only draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from services.runtime.figure_text import bytes_text, count_text, quantile_text, rate_text
from services.runtime.scrape import (
    START_TIME,
    Interval,
    buckets,
    has,
    levels,
    quantile,
    rates,
)

TOPIC_PREFIX = "telematics."
LEDGER_CHECKED = "dipper_ledger_checked_timestamp_seconds"
LEDGER_BALANCED = "dipper_ledger_balanced"


class Row(NamedTuple):
    """One figure."""

    key: str
    """Stays the same from look to look."""
    label: str
    value: float | None
    """In base units, for a sparkline; None when there is nothing to tell."""
    text: str
    """The value with its unit, for people."""
    detail: str = ""


class Section(NamedTuple):
    """Figures that belong together."""

    title: str
    rows: tuple[Row, ...]


FLOW = (
    ("lines read", "dipper_lines_read_total"),
    ("fixes published", "dipper_fixes_published_total"),
    ("messages published", "dipper_messages_published_total"),
    ("lines acknowledged", "dipper_acknowledged_lines_total"),
    ("fixes enriched", "dipper_enriched_fixes_total"),
    ("late fixes", "dipper_late_fixes_total"),
    ("zone events", "dipper_zone_events_total"),
    ("rows stored", "dipper_stored_rows_total"),
    ("duplicate rows", "dipper_duplicate_rows_total"),
)
LATENCY = (
    ("received → stored", "dipper_received_to_stored_seconds", ()),
    ("fix → stored", "dipper_fix_to_stored_seconds", ()),
    ("append to log", "dipper_publish_seconds", ()),
    ("batch", "dipper_batch_seconds", ("service",)),
)
DROPPED = (
    ("lines", "dipper_rejects_total"),
    ("store", "dipper_store_dead_letters_total"),
)
TERMINALS = (
    ("connections", "dipper_connections"),
    ("not yet identified", "dipper_quarantined_connections"),
    ("waiting for the log", "dipper_receive_buffer_bytes"),
)
ZONES = (
    ("terminals inside", "dipper_inside_zone_terminals"),
    ("zones in force", "dipper_zones"),
)

INSIDE_KIND = "dipper_inside_zone_kind_terminals"
RETRIES = (
    ("dipper_publish_retries_total", ()),
    ("dipper_retries_total", ("service", "of")),
)
LEDGER_ALWAYS = "fixes"
"""Whose figures are shown even where they are 0; of the other flows only what there is."""
LEDGER = (
    ("dipper_ledger_lines", ("state",), "lines"),
    ("dipper_ledger_records", ("flow", "state"), ""),
)


def sections(intervals: Sequence[Interval]) -> list[Section]:
    """The figures of these processes, those that have none left out."""
    made = [
        Section(title, tuple(make(intervals)))
        for title, make in (
            ("Flow", _flow),
            ("Lag", _lag),
            ("Latency p50 · p99", _latency),
            ("Rejects", _rejects),
            ("Terminals", _terminals),
            ("Zones", _zones),
            ("Ledger", _ledger),
            ("Tried again", _retries),
            ("Process", _process),
        )
    ]
    return [section for section in made if section.rows]


def _flow(intervals: Sequence[Interval]) -> list[Row]:
    return [
        _rate_row(name, label, rates(intervals, name).get((), 0.0), _total(intervals, name))
        for label, name in FLOW
        if has(intervals, name)
    ]


def _lag(intervals: Sequence[Interval]) -> list[Row]:
    lag = levels(intervals, "dipper_lag_records", ("service", "topic"))
    return [
        Row(
            f"lag/{service}/{topic}",
            f"{service} ← {topic.removeprefix(TOPIC_PREFIX)}",
            records,
            count_text(records),
            "records",
        )
        for (service, topic), records in sorted(lag.items())
    ]


def _latency(intervals: Sequence[Interval]) -> list[Row]:
    rows = []
    for label, name, by in LATENCY:
        for group, counts in sorted(buckets(intervals, name, by).items()):
            half, most = quantile(counts, 0.5), quantile(counts, 0.99)
            rows.append(
                Row(
                    "/".join((name, *group)),
                    " ".join((label, *group)),
                    None if most is None else most.value,
                    f"{quantile_text(half)} · {quantile_text(most)}",
                )
            )
    return rows


def _rejects(intervals: Sequence[Interval]) -> list[Row]:
    rows = []
    for label, name in DROPPED:
        totals = levels(intervals, name, ("reason",))
        speeds = rates(intervals, name, ("reason",))
        rows += [
            _rate_row(f"{name}/{reason}", f"{label}: {reason}", speeds.get((reason,), 0.0), total)
            for (reason,), total in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        ]
        if has(intervals, name) and not totals:
            rows.append(_rate_row(name, label, 0.0, 0.0))
    return rows


def _terminals(intervals: Sequence[Interval]) -> list[Row]:
    return [_level_row(intervals, label, name) for label, name in TERMINALS if has(intervals, name)]


def _zones(intervals: Sequence[Interval]) -> list[Row]:
    rows = [_level_row(intervals, label, name) for label, name in ZONES if has(intervals, name)]
    rows += [
        Row(f"{INSIDE_KIND}/{kind}", f"inside: {kind}", terminals, count_text(terminals))
        for (kind,), terminals in sorted(levels(intervals, INSIDE_KIND, ("kind",)).items())
    ]
    name = "dipper_zone_events_total"
    speeds = rates(intervals, name, ("kind",))
    return rows + [
        _rate_row(f"{name}/{kind}", f"events: {kind}", speeds.get((kind,), 0.0), total)
        for (kind,), total in sorted(levels(intervals, name, ("kind",)).items())
    ]


def _ledger(intervals: Sequence[Interval]) -> list[Row]:
    """Every process that shows the ledger shows that of all; the one that looked last counts."""
    known = [interval for interval in intervals if has([interval], LEDGER_CHECKED)]
    if not known:
        return []
    newest = [max(known, key=lambda interval: _total([interval], LEDGER_CHECKED))]
    checked = _total(newest, LEDGER_CHECKED)
    if not checked:
        return [Row(LEDGER_BALANCED, "balanced", None, "not looked at yet")]
    balanced = _total(newest, LEDGER_BALANCED)
    at = datetime.fromtimestamp(checked, UTC)
    rows = [
        Row(
            LEDGER_BALANCED, "balanced", balanced, "yes" if balanced else "NO", f"{at:%H:%M:%S} UTC"
        ),
        _level_row(newest, "problems", "dipper_ledger_problems"),
    ]
    for name, by, what in LEDGER:
        rows += [
            Row("/".join((name, *group)), _words(what, *group), value, count_text(value))
            for group, value in levels(newest, name, by).items()
            if value or what or group[0] == LEDGER_ALWAYS
        ]
    return rows


def _retries(intervals: Sequence[Interval]) -> list[Row]:
    """Only what has been tried again: most of the time there is nothing to see."""
    rows = []
    for name, by in RETRIES:
        speeds = rates(intervals, name, by)
        rows += [
            _rate_row(
                "/".join((name, *group)),
                ": ".join(group) or "ingest: append",
                speeds.get(group, 0.0),
                total,
            )
            for group, total in sorted(levels(intervals, name, by).items())
            if total
        ]
    return rows


def _process(intervals: Sequence[Interval]) -> list[Row]:
    rows = []
    name = "process_cpu_seconds_total"
    if has(intervals, name):
        share = rates(intervals, name).get((), 0.0)
        rows.append(Row(name, "processor", share, f"{share:.0%}", "of one core"))
    name = "process_resident_memory_bytes"
    if has(intervals, name):
        size = levels(intervals, name).get((), 0.0)
        rows.append(Row(name, "memory", size, bytes_text(size)))
    return rows


def _rate_row(key: str, label: str, per_second: float, total: float) -> Row:
    return Row(key, label, per_second, rate_text(per_second), f"{count_text(total)} total")


def _level_row(intervals: Sequence[Interval], label: str, name: str) -> Row:
    value = _total(intervals, name)
    text: Callable[[float], str] = bytes_text if name.endswith("_bytes") else count_text
    return Row(name, label, value, text(value))


def _total(intervals: Sequence[Interval], name: str) -> float:
    return levels(intervals, name).get((), 0.0)


def started_at(interval: Interval) -> float | None:
    """When the process began, in seconds since 1970; None if it does not say."""
    return interval.now.samples.get(START_TIME, {}).get(())


def _words(*parts: str) -> str:
    return ": ".join(part.replace("_", " ") for part in parts if part)
