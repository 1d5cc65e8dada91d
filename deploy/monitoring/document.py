"""The part of docs/monitoring.md that is made from code: dashboards, alerts and metrics."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.monitoring.alerts import alerts
from deploy.monitoring.catalogue import UNUSED, metrics
from deploy.monitoring.dashboard import Dashboard
from deploy.monitoring.timing import Timing, duration

BEGIN = "<!-- From here on written by `python -m deploy.monitoring`. -->\n"


def generated(dashboards: Iterable[Dashboard]) -> str:
    """From the marker to the end of the file."""
    parts = [BEGIN, "\n## Dashboards\n"]
    for dashboard in dashboards:
        parts.append(f"\n### {dashboard.title}\n\n{dashboard.description}\n\n")
        shown = ((panel.title, panel.description) for panel in dashboard.panels)
        parts.append(_table(("panel", "shows"), shown))
    parts.append("\n## Alerts\n\n")
    parts.append(
        _table(
            ("alert", "severity", "after", "means"),
            (
                (
                    f"[{alert.name}]({alert.runbook.removeprefix('docs/')})",
                    alert.severity,
                    duration(alert.hold) if alert.hold else "at once",
                    alert.summary,
                )
                for alert in alerts(Timing())
            ),
        )
    )
    parts.append("\n## Metrics\n\n")
    parts.append(
        _table(
            ("metric", "kind", "labels", "of", "says"),
            ((f"`{m.name}`", m.kind, ", ".join(m.labels), m.service, m.help) for m in metrics()),
        )
    )
    parts.append(
        "\nEvery process shows `process_*` and `python_*` of the Prometheus client, too. No panel, "
        "alert or\nrecording rule uses these, for a reason:\n\n"
    )
    parts.append(_table(("metric", "reason"), ((f"`{n}`", why) for n, why in UNUSED.items())))
    return "".join(parts)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
