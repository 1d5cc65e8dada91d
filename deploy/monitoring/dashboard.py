"""A dashboard: rows of panels on Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from deploy.monitoring.panels import PROMETHEUS, SCHEMA_VERSION, Json, Panel, Row, panel_json

COLUMNS = 24
TAG = "dipper"


class Dashboard(NamedTuple):
    """``name`` is that of its file, too."""

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    source: Mapping[str, str] = PROMETHEUS
    variables: Sequence[Json] = ()
    refresh: str = "15s"
    since: str = "now-1h"

    @property
    def panels(self) -> list[Panel]:
        """All of them, in order."""
        return [panel for row in self.rows for panel in row.panels]


def dashboard_json(dashboard: Dashboard) -> Json:
    """As Grafana reads it from a file."""
    return {
        "uid": f"dipper-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": dashboard.refresh,
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "utc",
        "templating": {"list": list(dashboard.variables)},
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Dipper",
                "tags": [TAG],
                "asDropdown": True,
                "includeVars": False,
                "keepTime": True,
            }
        ],
        "panels": list(_placed(dashboard)),
    }


def _placed(dashboard: Dashboard) -> Iterator[Json]:
    number, y = 0, 0
    for row in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel_json(panel, number, x, y, dashboard.source)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
