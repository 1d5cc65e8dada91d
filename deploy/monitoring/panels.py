"""Panels of Grafana dashboards as values, and as the JSON that Grafana reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

PROMETHEUS = {"type": "prometheus", "uid": "dipper-prometheus"}
DATABASE = {"type": "grafana-postgresql-datasource", "uid": "dipper-database"}
SCHEMA_VERSION = 39
"""Of dashboards' JSON: Grafana 11 and later read it as it is."""

Json = dict[str, Any]
Format = Literal["time_series", "heatmap", "table"]
Step = tuple[float | None, str]
"""From which value on a panel has which colour; the first is from None."""


class Query(NamedTuple):
    """What a panel asks."""

    text: str
    """PromQL, or SQL in panels of the database."""
    legend: str = ""
    """Name of the series: a template such as ``{{topic}}``."""
    format: Format = "time_series"
    instant: bool = False
    """Ask for the present only."""


class Panel(NamedTuple):
    """One panel; ``width`` of 24 columns, ``height`` in rows of about 30 pixels."""

    kind: str
    title: str
    description: str
    queries: Sequence[Query]
    unit: str
    width: int
    height: int
    defaults: Json
    """Of the field configuration, besides the unit."""
    options: Json
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()


class Row(NamedTuple):
    """Panels under a heading, from left to right, then below."""

    title: str
    panels: Sequence[Panel]


def queries_of(legends_by_expr: Mapping[str, str]) -> list[Query]:
    """Queries over time from expression → legend."""
    return [Query(expr, legend) for expr, legend in legends_by_expr.items()]


def graph(
    title: str,
    description: str,
    unit: str,
    queries: Mapping[str, str],
    *,
    width: int = 8,
    stacked: bool = False,
) -> Panel:
    """Lines over time."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {"custom": custom, "color": {"mode": "palette-classic"}, "min": 0}
    return Panel(
        "timeseries", title, description, queries_of(queries), unit, width, 8, defaults, options
    )


def figure(
    title: str,
    description: str,
    unit: str,
    expr: str,
    *,
    steps: Sequence[Step] = ((None, "blue"),),
    words: Mapping[str, str] | None = None,
    width: int = 4,
    decimals: int | None = None,
) -> Panel:
    """One large number with its recent course; ``words`` to show instead of some values."""
    defaults: Json = {
        "color": {"mode": "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in steps],
        },
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    if words:
        texts = {value: {"text": text} for value, text in words.items()}
        defaults["mappings"] = [{"type": "value", "options": texts}]
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none" if words else "area",
        "textMode": "value",
        "justifyMode": "auto",
        "orientation": "auto",
    }
    return Panel(
        "stat", title, description, [Query(expr, title)], unit, width, 4, defaults, options
    )


def heat_map(title: str, description: str, unit: str, expr: str, *, width: int = 12) -> Panel:
    """Buckets of a histogram over time; ``expr`` sums by ``le``."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
        "yAxis": {"unit": unit, "axisPlacement": "left"},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False},
        "legend": {"show": True},
    }
    query = Query(expr, "{{le}}", "heatmap")
    return Panel("heatmap", title, description, [query], unit, width, 8, {}, options)


def table(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str = "short",
    width: int = 8,
    height: int = 8,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Panel:
    """Rows; ``columns`` renames those of the query and leaves out the others, in this order;
    ``units`` by column as the query names it."""
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    overrides = [
        {
            "matcher": {"id": "byName", "options": column},
            "properties": [{"id": "unit", "value": its}],
        }
        for column, its in (units or {}).items()
    ]
    shown: list[Json] = []
    if columns:
        shown = [
            {"id": "filterFieldsByName", "options": {"include": {"names": list(columns)}}},
            {
                "id": "organize",
                "options": {
                    "indexByName": {name: place for place, name in enumerate(columns)},
                    "renameByName": dict(columns),
                    "excludeByName": {},
                },
            },
        ]
    return Panel(
        "table", title, description, queries, unit, width, height, {}, options, overrides, shown
    )


def panel_json(panel: Panel, number: int, x: int, y: int, source: Mapping[str, str]) -> Json:
    """As Grafana reads it, at a place of the grid."""
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": dict(source),
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, **panel.defaults},
            "overrides": list(panel.overrides),
        },
        "options": panel.options,
        "transformations": list(panel.transformations),
        "targets": [
            _target(query, "ABCDEFGH"[place], source) for place, query in enumerate(panel.queries)
        ],
    }


def _target(query: Query, letter: str, source: Mapping[str, str]) -> Json:
    common: Json = {"refId": letter, "datasource": dict(source)}
    if source == DATABASE:
        return common | {
            "rawQuery": True,
            "rawSql": query.text,
            "format": query.format,
            "editorMode": "code",
        }
    return common | {
        "expr": query.text,
        "legendFormat": query.legend or "__auto",
        "format": query.format,
        "instant": query.instant,
        "range": not query.instant,
        "editorMode": "code",
    }
