"""Every query asks for what there is, and whatever there is is asked for."""

from __future__ import annotations

import pytest

from deploy.monitoring.alerts import alerts
from deploy.monitoring.catalogue import (
    SCRAPED,
    UNUSED,
    metrics,
    process_metrics,
    used_names,
)
from deploy.monitoring.files import ALL_DASHBOARDS
from deploy.monitoring.panels import PROMETHEUS
from deploy.monitoring.recording import recordings
from deploy.monitoring.timing import Timing

ALERTS = {alert.name: alert.expr for alert in alerts(Timing())}
RECORDINGS = {rule.name: rule.expr for rule in recordings(Timing())}
PANELS = {
    f"{dashboard.name}: {panel.title}": " ".join(query.text for query in panel.queries)
    for dashboard in ALL_DASHBOARDS
    if dashboard.source == PROMETHEUS
    for panel in dashboard.panels
}
QUERIES = {**ALERTS, **RECORDINGS, **PANELS}
SERIES = set().union(*(metric.series for metric in metrics()))
IDENTITIES = {"terminal", "terminal_id", "device", "imei", "name", "zone", "address", "peer"}
"""What would make a label grow without bound, or tell who was where."""


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_names_only_what_there_is(query: str) -> None:
    known = SERIES | process_metrics() | SCRAPED | set(RECORDINGS)
    assert used_names([QUERIES[query]]) <= known


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_names_something(query: str) -> None:
    assert used_names([QUERIES[query]])


def test_every_metric_has_a_use_or_a_reason() -> None:
    used = used_names(QUERIES.values())
    unused = {metric.name for metric in metrics() if not metric.series & used}
    unused |= process_metrics() - used
    assert unused == set(UNUSED)


def test_every_recorded_figure_has_a_use() -> None:
    assert set(RECORDINGS) <= used_names([*ALERTS.values(), *PANELS.values()])


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.name)
def test_a_metric_keeps_the_rules(metric: object) -> None:
    name, kind, labels, said, _ = metric  # type: ignore[misc]
    assert name.startswith("dipper_")
    assert name.endswith("_total") is (kind == "counter")
    assert said.endswith(".")
    assert not IDENTITIES & set(labels)


def test_names_are_found_in_queries_and_not_in_their_strings() -> None:
    query = 'rate(dipper_lines_read_total{job="dipper_x"}[5m]) > dipper:lag:sum or up == 0 # group'
    assert used_names([query]) == {"dipper_lines_read_total", "dipper:lag:sum", "up"}
