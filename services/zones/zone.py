"""A zone: its area on the earth, the time in which it counts, and the version that names both."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import shapely

from services.codec import content_id

EARTH_RADIUS_M = 6371008.8
"""Mean radius of the earth (IUGG), the sphere on which circles and areas are reckoned."""

VERSION_DIGITS = 12


class Circle(NamedTuple):
    """All positions at most ``radius_m`` from a centre along the great circle."""

    lat: float
    lon: float
    radius_m: float


Shape: TypeAlias = Circle | shapely.Polygon | shapely.MultiPolygon
"""Polygons hold (longitude, latitude) in degrees and are canonical: each ring begins at its
smallest position, outer rings run anticlockwise, holes and parts are sorted. So two files that
draw the same area give equal shapes."""


class Zone(NamedTuple):
    """An area with a meaning. Two zones are the same definition if id and version agree."""

    id: str
    kind: str
    name: str | None
    version: str
    shape: Shape
    valid_from_us: int | None
    """The first moment at which a fix can lie in the zone; None: always did."""
    valid_until_us: int | None
    """The first moment at which it no longer can; None: without end."""
    properties: Mapping[str, object]
    """The GeoJSON feature's properties, as given."""


def content_version(
    shape: Shape, kind: str, valid_from_us: int | None, valid_until_us: int | None
) -> str:
    """The version of a zone that names none: 12 hex digits of a hash of what decides events."""
    validity = f"{valid_from_us}/{valid_until_us}"
    return content_id(kind, validity, *_shape_parts(shape))[:VERSION_DIGITS]


def polygons_of(shape: Shape) -> list[shapely.Polygon]:
    """The simple polygons that make up an area; none for a circle."""
    return [] if isinstance(shape, Circle) else list(shapely.get_parts(shape))


def rings_of(polygon: shapely.Polygon) -> list[list[tuple[float, float]]]:
    """Closed rings of (longitude, latitude): the outer ring, then the holes."""
    return [list(ring.coords) for ring in (polygon.exterior, *polygon.interiors)]


def area_km2(shape: Shape) -> float:
    """Area on the mean sphere in square kilometres; polygon edges run straight in lon and lat."""
    if isinstance(shape, Circle):
        cap = 1 - math.cos(shape.radius_m / EARTH_RADIUS_M)
        return 2 * math.pi * EARTH_RADIUS_M**2 * cap / 1e6
    rings = [ring for polygon in polygons_of(shape) for ring in rings_of(polygon)]
    # Holes run clockwise, so their areas are negative.
    return sum(_ring_area_m2(ring) for ring in rings) / 1e6


def _ring_area_m2(ring: list[tuple[float, float]]) -> float:
    """Signed area, anticlockwise positive: the sum over the edges of -dlon * mean sin(lat),
    that is Lambert's cylindrical equal-area projection with straight edges."""
    total = 0.0
    for (lon_a, lat_a), (lon_b, lat_b) in itertools.pairwise(ring):
        mean_sine = (math.sin(math.radians(lat_a)) + math.sin(math.radians(lat_b))) / 2
        total -= math.radians(lon_b - lon_a) * mean_sine
    return total * EARTH_RADIUS_M**2


def _shape_parts(shape: Shape) -> list[str | bytes]:
    if isinstance(shape, Circle):
        return ["circle", struct.pack("<3d", *shape)]
    parts: list[str | bytes] = ["polygons"]
    for polygon in polygons_of(shape):
        parts.append("polygon")
        parts += [_ring_bytes(ring) for ring in rings_of(polygon)]
    return parts


def _ring_bytes(ring: list[tuple[float, float]]) -> bytes:
    return b"".join(struct.pack("<2d", lon, lat) for lon, lat in ring)
