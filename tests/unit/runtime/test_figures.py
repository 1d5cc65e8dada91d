"""The figures that `dipper top` and the status page show."""

from __future__ import annotations

import inspect
import re

import pytest
from prometheus_client import CollectorRegistry

from services.enrich.metrics import EnrichMetrics
from services.ingest.metrics import IngestMetrics
from services.runtime import figures
from services.runtime.figure_text import (
    bytes_text,
    count_text,
    quantile_text,
    rate_text,
    seconds_text,
)
from services.runtime.figures import Row, Section, sections
from services.runtime.history import History
from services.runtime.metrics import LoopMetrics
from services.runtime.scrape import Interval, Quantile, parse, scrape_of
from services.store import metrics as store_metrics

BEFORE = """
dipper_lines_read_total 100
dipper_rejects_total{reason="bad_field"} 1
dipper_lag_records{service="store",topic="telematics.enriched.v1"} 7
dipper_received_to_stored_seconds_bucket{le="0.1"} 0
dipper_received_to_stored_seconds_bucket{le="1.0"} 0
dipper_received_to_stored_seconds_bucket{le="+Inf"} 0
"""
NOW = """
dipper_lines_read_total 3100
dipper_rejects_total{reason="bad_field"} 3
dipper_rejects_total{reason="checksum_wrong"} 40
dipper_lag_records{service="store",topic="telematics.enriched.v1"} 9
dipper_received_to_stored_seconds_bucket{le="0.1"} 10
dipper_received_to_stored_seconds_bucket{le="1.0"} 10
dipper_received_to_stored_seconds_bucket{le="+Inf"} 10
dipper_inside_zone_terminals 4
dipper_receive_buffer_bytes 2048
"""
LEDGER = """
dipper_ledger_checked_timestamp_seconds {checked}
dipper_ledger_balanced {balanced}
dipper_ledger_problems {problems}
dipper_ledger_lines{{state="in_flight"}} {in_flight}
"""


def rows(made: list[Section]) -> dict[str, dict[str, Row]]:
    return {section.title: {row.label: row for row in section.rows} for section in made}


def interval(before: str, now: str) -> Interval:
    return Interval(parse(before, 0.0), parse(now, 2.0))


def test_rates_lag_latency_rejects_and_levels_are_shown() -> None:
    shown = rows(sections([interval(BEFORE, NOW)]))
    assert shown["Flow"]["lines read"].text == "1.5 k/s"
    assert shown["Flow"]["lines read"].detail == "3,100 total"
    assert shown["Lag"]["store ← enriched.v1"].text == "9"
    assert shown["Latency p50 · p99"]["received → stored"].text == "50 ms · 99 ms"
    assert list(shown["Rejects"]) == ["lines: checksum_wrong", "lines: bad_field"]
    assert shown["Rejects"]["lines: bad_field"].text == "1 /s"
    assert shown["Terminals"]["waiting for the log"].text == "2.0 KiB"
    assert shown["Zones"]["terminals inside"].value == 4


def test_a_section_without_figures_is_left_out() -> None:
    assert sections([]) == []
    assert [section.title for section in sections([interval("", "dipper_zones 3\n")])] == ["Zones"]


def test_of_several_ledgers_the_one_looked_at_last_counts() -> None:
    old = LEDGER.format(checked=10, balanced=1, problems=0, in_flight=900)
    new = LEDGER.format(checked=3661, balanced=0, problems=2, in_flight=5)
    shown = rows(sections([interval("", old), interval("", new)]))["Ledger"]
    assert shown["balanced"].text == "NO"
    assert shown["balanced"].detail == "01:01:01 UTC"
    assert shown["problems"].text == "2"
    assert shown["lines: in flight"].text == "5"


def test_a_ledger_that_nobody_has_looked_at_is_not_called_unbalanced() -> None:
    never = LEDGER.format(checked=0, balanced=0, problems=0, in_flight=0)
    (row,) = rows(sections([interval("", never)]))["Ledger"].values()
    assert row.text == "not looked at yet"


def test_every_metric_that_is_shown_exists() -> None:
    registry = CollectorRegistry()
    for metrics in (LoopMetrics, IngestMetrics, EnrichMetrics):
        metrics(registry)
    for _, metrics in inspect.getmembers(store_metrics, inspect.isclass):
        if metrics.__module__ == store_metrics.__name__:
            metrics(registry)
    named = set(re.findall(r'"(dipper_\w+)"', inspect.getsource(figures)))
    assert len(named) > 20
    assert named - set(scrape_of(registry.collect(), 0.0).samples) == set()


def test_keys_are_unique_in_what_all_services_show() -> None:
    registry = CollectorRegistry()
    for metrics in (LoopMetrics, IngestMetrics, EnrichMetrics, store_metrics.StoreMetrics):
        metrics(registry)
    scrape = scrape_of(registry.collect(), 0.0)
    keys = [row.key for section in sections([Interval(scrape, scrape)]) for row in section.rows]
    assert len(keys) == len(set(keys)) > 10


def test_a_history_has_a_gap_where_a_figure_was_away_and_forgets_the_oldest() -> None:
    history = History(3)
    for value in (1.0, 2.0, None, 4.0):
        shown = [] if value is None else [Section("s", (Row("k", "k", value, ""),))]
        history.add(shown)
    assert history.of("k") == [2.0, None, 4.0]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (rate_text(0), "0 /s"),
        (rate_text(0.25), "0.25 /s"),
        (rate_text(42), "42 /s"),
        (rate_text(12_345), "12.3 k/s"),
        (rate_text(2_500_000), "2.5 M/s"),
        (count_text(1_234_567), "1,234,567"),
        (bytes_text(512), "512 B"),
        (bytes_text(1_572_864), "1.5 MiB"),
        (bytes_text(3 << 30), "3.0 GiB"),
        (seconds_text(0.0042), "4.2 ms"),
        (seconds_text(0.9999), "1,000 ms"),
        (seconds_text(1.5), "1.5 s"),
        (seconds_text(180), "3 min"),
        (seconds_text(9_000), "2.5 h"),
        (seconds_text(345_600), "4 d"),
        (seconds_text(86_400_000), "1,000 d"),
        (quantile_text(None), "–"),
        (quantile_text(Quantile(3_600, True)), "> 1 h"),
    ],
)
def test_figures_have_few_digits_and_a_unit(text: str, written: str) -> None:
    assert text == written
