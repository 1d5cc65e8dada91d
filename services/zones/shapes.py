"""GeoJSON geometry (RFC 7946) to shapes and back, with every problem named.

Whoever calls gives a ``report`` function: it is called once for each problem, with the reason and,
where sensible, the remedy. A function that has reported returns None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeAlias

import shapely

from services.zones.zone import Circle, Shape, polygons_of, rings_of

Report: TypeAlias = Callable[[str], None]
Position: TypeAlias = tuple[float, float]
Ring: TypeAlias = list[Position]

MAX_RADIUS_M = 10_000_000
"""A quarter of the earth's circumference: a larger circle is a mistake in the unit."""

_REASON_AT = re.compile(r"(?P<reason>[^\[]+)\[(?P<lon>\S+) (?P<lat>[^\s\]]+)")


def read_shape(geometry: object, radius_m: object, report: Report) -> Shape | None:
    """The shape of a GeoJSON geometry object; ``radius_m`` is wanted for a Point only."""
    if geometry is None:
        report("no geometry")
        return None
    if not isinstance(geometry, dict):
        report(f"geometry is no JSON object but {_short(geometry)}")
        return None
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        return _read_circle(coordinates, radius_m, report)
    if kind == "Polygon":
        return _read_polygon(coordinates, "", report)
    if kind == "MultiPolygon":
        return _read_polygons(coordinates, report)
    report(
        f"geometry type {_short(kind)} is not supported: "
        "use Polygon, MultiPolygon, or Point with a radius"
    )
    return None


def shape_to_geojson(shape: Shape) -> dict[str, Any]:
    """The GeoJSON geometry object of a shape; a circle's radius is not in it."""
    if isinstance(shape, Circle):
        return {"type": "Point", "coordinates": [shape.lon, shape.lat]}
    polygons = [rings_of(polygon) for polygon in polygons_of(shape)]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _read_circle(coordinates: object, radius_m: object, report: Report) -> Circle | None:
    radius = _read_radius(radius_m, report)
    position = _position(coordinates)
    if position is None:
        report(f"coordinates are no [longitude, latitude] but {_short(coordinates)}")
        return None
    fault = _out_of_range(position)
    if fault:
        report(fault)
        return None
    return None if radius is None else Circle(lat=position[1], lon=position[0], radius_m=radius)


def _read_radius(value: object, report: Report) -> float | None:
    if value is None:
        report("radius missing: a Point needs the property radius, in metres")
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        report(f"radius must be a number of metres, not {_short(value)}")
        return None
    if not 0 < value <= MAX_RADIUS_M:
        report(f"radius {value:g} out of range: metres, above 0, at most {MAX_RADIUS_M}")
        return None
    return float(value)


def _read_polygons(coordinates: object, report: Report) -> Shape | None:
    if not isinstance(coordinates, list) or not coordinates:
        report("a MultiPolygon's coordinates are a list of polygons, at least one")
        return None
    read = [
        _read_polygon(polygon, f"polygon {number}: ", report)
        for number, polygon in enumerate(coordinates)
    ]
    polygons = [polygon for polygon in read if polygon is not None]
    if len(polygons) < len(read):
        return None
    if len(polygons) == 1:
        return polygons[0]
    polygons.sort(key=rings_of)
    shape = shapely.MultiPolygon(polygons)
    return shape if _is_valid(shape, "", report) else None


def _read_polygon(coordinates: object, where: str, report: Report) -> shapely.Polygon | None:
    if not isinstance(coordinates, list) or not coordinates:
        report(f"{where}a Polygon's coordinates are a list of rings, at least one")
        return None
    read = [
        _read_ring(ring, f"{where}ring {number}: ", report)
        for number, ring in enumerate(coordinates)
    ]
    rings = [ring for ring in read if ring is not None]
    if len(rings) < len(read):
        return None
    longitudes = [lon for lon, _ in rings[0]]
    if max(longitudes) - min(longitudes) > 180:
        report(
            f"{where}spans more than 180° of longitude: split it at the antimeridian "
            "into the parts of a MultiPolygon"
        )
        return None
    if not _is_valid(shapely.Polygon(rings[0], rings[1:]), where, report):
        return None
    outer, *holes = rings
    return shapely.Polygon(
        _canonical(outer, anticlockwise=True),
        sorted(_canonical(hole, anticlockwise=False) for hole in holes),
    )


def _read_ring(coordinates: object, where: str, report: Report) -> Ring | None:
    """A closed ring without repeated neighbours; at most one problem a ring is reported."""
    if not isinstance(coordinates, list):
        report(f"{where}not a list of positions but {_short(coordinates)}")
        return None
    ring: Ring = []
    for number, value in enumerate(coordinates):
        position = _position(value)
        if position is None:
            report(f"{where}position {number} is no [longitude, latitude] but {_short(value)}")
            return None
        fault = _out_of_range(position)
        if fault:
            report(f"{where}position {number}: {fault}")
            return None
        if not ring or ring[-1] != position:
            ring.append(position)
    return _closed(ring, where, report)


def _closed(ring: Ring, where: str, report: Report) -> Ring | None:
    if len(ring) > 1 and ring[0] != ring[-1]:
        report(f"{where}not closed: repeat the first position at the end")
        return None
    if len(ring) < 4:
        report(f"{where}too few positions: a closed ring has at least 4, the last like the first")
        return None
    return ring


def _position(value: object) -> Position | None:
    """Longitude and latitude; an altitude after them is left out."""
    if not isinstance(value, list) or len(value) < 2:
        return None
    lon, lat = value[:2]
    for number in (lon, lat):
        if isinstance(number, bool) or not isinstance(number, int | float):
            return None
    # Adding 0.0 turns -0.0 into 0.0: one place has one spelling.
    return (lon + 0.0, lat + 0.0)


def _out_of_range(position: Position) -> str | None:
    lon, lat = position
    if abs(lat) > 90:
        swapped = ": are lat and lon swapped?" if abs(lat) <= 180 and abs(lon) <= 90 else ""
        return f"latitude {lat:g} out of range{swapped}"
    if abs(lon) > 180:
        return f"longitude {lon:g} out of range"
    return None


def _is_valid(shape: Shape, where: str, report: Report) -> bool:
    """Valid in the sense of OGC Simple Features, as GEOS tests it."""
    if shapely.is_valid(shape):
        return True
    said = str(shapely.is_valid_reason(shape))
    match = _REASON_AT.match(said)
    if match is None:
        report(f"{where}{said.lower()}")
        return False
    place = f"lon {float(match['lon']):g} lat {float(match['lat']):g}"
    report(f"{where}{match['reason'].lower()} at {place}{_remedy(match['reason'])}")
    return False


def _remedy(reason: str) -> str:
    """What to do about a reason of GEOS (``org.locationtech.jts.operation.valid``)."""
    remedies = {
        "Self-intersection": ": the outline crosses or doubles itself, or parts overlap",
        "Ring Self-intersection": ": the outline touches itself, split it there",
        "Hole lies outside shell": ": the first ring is the outline, the others are holes in it",
        "Nested shells": ": a part lies within another, unite them",
    }
    return remedies.get(reason, "")


def _canonical(ring: Ring, *, anticlockwise: bool) -> Ring:
    opened = ring[:-1]
    if bool(shapely.is_ccw(shapely.LinearRing(ring))) != anticlockwise:
        opened.reverse()
    start = opened.index(min(opened))
    return [*opened[start:], *opened[: start + 1]]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
