"""The dashboard *Tracks*: what TimescaleDB knows of the fleet, asked in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.monitoring.dashboard import Dashboard
from deploy.monitoring.panels import DATABASE, Json, Panel, Query, Row, graph, table

TERMINALS = "t.name IN (${terminal:sqlstring})"
MOST_POINTS = 20_000
"""As many as a browser draws with ease."""

TERMINAL: Json = {
    "type": "query",
    "name": "terminal",
    "label": "Terminal",
    "datasource": dict(DATABASE),
    "query": "SELECT name FROM terminals ORDER BY name",
    "definition": "SELECT name FROM terminals ORDER BY name",
    "refresh": 1,
    "sort": 0,
    "multi": True,
    "includeAll": True,
    "hide": 0,
    "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    "options": [],
}

TRACKS = f"""\
SELECT DISTINCT ON (t.id, date_bin(make_interval(secs => $__interval_ms / 1000.0), p.time, \
TIMESTAMPTZ '2000-01-01'))
       p.time, t.name AS terminal, p.lat, p.lon, p.speed_kmh
FROM positions p JOIN terminals t ON t.id = p.terminal_id
WHERE $__timeFilter(p.time) AND {TERMINALS} AND p.lat IS NOT NULL
ORDER BY t.id, date_bin(make_interval(secs => $__interval_ms / 1000.0), p.time, \
TIMESTAMPTZ '2000-01-01'), p.time
LIMIT {MOST_POINTS}"""

LATEST = f"""\
SELECT p.time, t.name AS terminal, t.kind, p.lat, p.lon, p.speed_kmh, p.course_deg,
       array_to_string(p.zones, ', ') AS zones
FROM latest_position p JOIN terminals t ON t.id = p.terminal_id
WHERE {TERMINALS}
ORDER BY t.name"""

HOURS = f"""\
FROM terminals t CROSS JOIN LATERAL hours_of(t.id, $__timeFrom(), $__timeTo()) AS h
WHERE {TERMINALS}"""

MILEAGE = f"""\
SELECT t.name AS terminal, sum(h.distance_m) AS distance_m, sum(h.fixes) AS fixes,
       max(h.max_speed_kmh) AS max_speed_kmh
{HOURS}
GROUP BY t.name ORDER BY distance_m DESC NULLS LAST"""

MILEAGE_BY_HOUR = f"""\
SELECT h.hour AS time, t.name AS metric, h.distance_m AS distance
{HOURS}
ORDER BY h.hour"""

HAZARD = f"""\
SELECT t.name AS terminal, sum(h.hazard_minutes) * 60 AS hazard_seconds
{HOURS}
GROUP BY t.name HAVING sum(h.hazard_minutes) > 0 ORDER BY hazard_seconds DESC"""

HAZARD_BY_HOUR = f"""\
SELECT h.hour AS time, sum(h.hazard_minutes) * 60 AS "in hazard zones"
{HOURS}
GROUP BY h.hour ORDER BY h.hour"""

BY_ZONE = f"""\
SELECT inside.zone, sum((stay.value ->> 'seconds')::double precision) AS seconds,
       count(DISTINCT t.id) AS terminals
FROM terminals t CROSS JOIN LATERAL hours_of(t.id, $__timeFrom(), $__timeTo()) AS h
CROSS JOIN LATERAL jsonb_array_elements(h.stays) AS stay
CROSS JOIN LATERAL jsonb_array_elements_text(stay.value -> 'zones') AS inside (zone)
WHERE {TERMINALS}
GROUP BY inside.zone ORDER BY seconds DESC"""

CROSSINGS = f"""\
SELECT e.time, t.name AS terminal, e.kind, e.zone, e.zone_version, e.lat, e.lon
FROM zone_events e JOIN terminals t ON t.id = e.terminal_id
WHERE $__timeFilter(e.time) AND {TERMINALS}
ORDER BY e.time DESC LIMIT 200"""

SIZES = """\
SELECT c.relname AS "table", pg_total_relation_size(c.oid) + coalesce((
           SELECT sum(pg_total_relation_size(i.inhrelid)) FROM pg_inherits i
           WHERE i.inhparent = c.oid), 0) AS bytes
FROM pg_class c
WHERE c.relkind = 'r'
  AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'positions'::regclass)
ORDER BY bytes DESC"""


def _map(title: str, description: str, layers: Sequence[Json], query: str) -> Panel:
    options: Json = {
        "view": {"id": "fit", "lat": 0, "lon": 0, "zoom": 10, "allLayers": True},
        "basemap": {"type": "default", "name": "Layer 0", "config": {}},
        "controls": {"showZoom": True, "mouseWheelZoom": True, "showAttribution": True,
                     "showScale": True, "showMeasure": False, "showDebug": False},
        "tooltip": {"mode": "details"},
        "layers": list(layers),
    }  # fmt: skip
    return Panel(
        "geomap", title, description, [Query(query, format="table")], "short", 12, 14, {}, options
    )


def _layer(name: str, *, size: int, colour: Json, text: Json | None = None) -> Json:
    style: Json = {
        "size": {"fixed": size, "min": 2, "max": 15},
        "color": colour,
        "opacity": 0.8,
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": -12, "textAlign": "center",
                       "textBaseline": "middle"},
    }  # fmt: skip
    if text is not None:
        style["text"] = text
    return {
        "type": "markers",
        "name": name,
        "tooltip": True,
        "location": {"mode": "coords", "latitude": "lat", "longitude": "lon"},
        "config": {"showLegend": False, "style": style},
    }


def _over_time(panel: Panel) -> Panel:
    """With bars: one an hour."""
    custom = {**panel.defaults["custom"], "drawStyle": "bars", "fillOpacity": 60}
    return panel._replace(defaults={**panel.defaults, "custom": custom})


def _listed(title: str, description: str, query: str, units: dict[str, str], width: int) -> Panel:
    return table(
        title, description, [Query(query, format="table")], unit="none", width=width, units=units
    )


WHERE = Row(
    "Where they were",
    [
        _map(
            "Tracks",
            "Positions in the time range, thinned out to one per interval of the panel.",
            [_layer("tracks", size=3, colour={"field": "speed_kmh", "fixed": "blue"})],
            TRACKS,
        ),
        _map(
            "Newest positions",
            "The newest position of each terminal, whenever that was.",
            [
                _layer(
                    "terminals",
                    size=6,
                    colour={"fixed": "dark-green"},
                    text={"mode": "field", "field": "terminal", "fixed": ""},
                )
            ],
            LATEST,
        ),
    ],
)

MILES = Row(
    "Mileage",
    [
        _listed("Mileage", "Length of the tracks, whole hours (UTC) that begin in the time range.",
                MILEAGE, {"distance_m": "lengthm", "max_speed_kmh": "velocitykmh"}, 10),
        _over_time(graph("Mileage by hour", "Length of the track of each hour.", "lengthm",
                         {MILEAGE_BY_HOUR: ""}, width=14, stacked=True)),
    ],
)  # fmt: skip

HAZARDS = Row(
    "Zones",
    [
        _listed("Time in hazard zones", "By terminal. Zones of the table harmless_zones, such as "
                "ports, do not count.", HAZARD, {"hazard_seconds": "s"}, 6),
        _over_time(graph("Time in hazard zones by hour", "Of all chosen terminals together.", "s",
                         {HAZARD_BY_HOUR: ""}, width=10)),
        _listed("Time by zone", "Of all zones, harmless ones too.", BY_ZONE, {"seconds": "s"}, 8),
        _listed("Comings and goings", "The newest 200 zone events of the time range.", CROSSINGS,
                {}, 16),
        _listed("Size of tables", "On disk, with indexes and chunks.", SIZES, {"bytes": "bytes"},
                8),
    ],
)  # fmt: skip

TRACKS_DASHBOARD = Dashboard(
    "tracks",
    "Dipper: Tracks",
    "Tracks, mileage and time in hazard zones, from TimescaleDB.",
    [WHERE, MILES, HAZARDS],
    source=DATABASE,
    variables=[TERMINAL],
    refresh="1m",
    since="now-24h",
)
