"""Which zones a position lies in: bounding boxes first, then the exact test.

The exact test of a polygon is GEOS's on prepared geometry, in the plane of longitude and latitude,
as GeoJSON defines its edges (RFC 7946, 3.1.1). That of a circle is the haversine distance on the
sphere of the earth's mean radius. A position on the boundary lies inside. Each test looks at one
position alone, so the answer does not depend on the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import asin, cos, degrees, radians, sin, sqrt
from typing import Any, NamedTuple

import numpy as np
import shapely

from services.zones import grid
from services.zones.boxes import Box, Boxes, BoxTree
from services.zones.zone import EARTH_RADIUS_M, Circle, Zone, polygons_of

_BOX_MARGIN_DEG = 1e-5
"""About a metre: boxes of circles are that much too large, so that rounding never cuts one."""

_NOWHERE: tuple[str, ...] = ()


class _Entry(NamedTuple):
    """A box and what to test a position in it against."""

    box: Box
    zone: int
    polygon: shapely.Polygon | None
    """None for a circle."""


class ZoneIndex:
    """An unchanging set of zones that answers which of them contain a position.

    ``versions`` maps the id of each zone to its version. Raises ValueError if two zones have the
    same id.
    """

    def __init__(self, zones: Iterable[Zone]) -> None:
        ordered = sorted(zones, key=lambda zone: zone.id)
        self.versions: dict[str, str] = {zone.id: zone.version for zone in ordered}
        if len(self.versions) < len(ordered):
            raise ValueError("two zones have the same id")
        # Zones are numbered in the order of their ids: sorted numbers are sorted ids.
        self._ids = [zone.id for zone in ordered]
        self._alone = [(zone.id,) for zone in ordered]
        self._circles = [zone.shape if isinstance(zone.shape, Circle) else None for zone in ordered]
        self._validity = {
            number: (zone.valid_from_us, zone.valid_until_us)
            for number, zone in enumerate(ordered)
            if zone.valid_from_us is not None or zone.valid_until_us is not None
        }
        entries = [entry for number, zone in enumerate(ordered) for entry in _entries(number, zone)]
        self._entry_zone = np.array([entry.zone for entry in entries], dtype=np.int64)
        self._entry_polygon = np.array([entry.polygon for entry in entries], dtype=object)
        self._entry_is_circle = np.array([entry.polygon is None for entry in entries], dtype=bool)
        shapely.prepare(self._entry_polygon)
        boxes = [entry.box for entry in entries]
        self._boxes: Boxes = BoxTree(boxes) if grid.candidates is None else grid.Grid(boxes)

    def __len__(self) -> int:
        return len(self._ids)

    def containing(self, lat: float, lon: float, time_us: int | None) -> tuple[str, ...]:
        """Sorted ids of the zones that contain the position at that time."""
        return self.containing_many([lat], [lon], [time_us])[0]

    def containing_many(
        self,
        lats: Sequence[float | None],
        lons: Sequence[float | None],
        times_us: Sequence[int | None],
    ) -> list[tuple[str, ...]]:
        """For each position the sorted ids of the zones that contain it at its time.

        Latitudes and longitudes in degrees. A position without either lies in no zone; without a
        time it lies in no zone that has a validity.
        """
        found = [_NOWHERE] * len(lats)
        if not self._ids or not found:
            return found
        positions, entries, latitude, longitude = self._boxes.candidates(lats, lons)
        if not len(positions):
            return found
        hit = self._in_polygon(entries, latitude, longitude)
        circles = np.flatnonzero(self._entry_is_circle[entries])
        if len(circles):
            hit[circles] = self._in_circles(entries, latitude, longitude, circles)
        return self._collect(found, positions[hit], self._entry_zone[entries[hit]], times_us)

    def _in_polygon(self, entries: Any, latitude: Any, longitude: Any) -> Any:
        """Whether each pair's position lies in its polygon; False for circles, which have none."""
        return shapely.intersects_xy(self._entry_polygon[entries], longitude, latitude)

    def _in_circles(self, entries: Any, latitude: Any, longitude: Any, pairs: Any) -> list[bool]:
        """Whether the positions of these pairs lie in their circles."""
        zones = self._entry_zone[entries[pairs]].tolist()
        circles = [circle for zone in zones if (circle := self._circles[zone])]
        lats, lons = latitude[pairs].tolist(), longitude[pairs].tolist()
        return [_in_circle(*each) for each in zip(circles, lats, lons, strict=True)]

    def _collect(
        self,
        found: list[tuple[str, ...]],
        positions: Any,
        zones: Any,
        times_us: Sequence[int | None],
    ) -> list[tuple[str, ...]]:
        """Write the zones of each position into ``found``. A circle cut at the antimeridian and
        polygons that touch give the same pair twice; unique sorts and keeps one."""
        pairs = np.unique(positions * len(self._ids) + zones)
        at, numbers = np.divmod(pairs, len(self._ids))
        for position, zone in zip(at.tolist(), numbers.tolist(), strict=True):
            if zone in self._validity and not self._is_valid(zone, times_us[position]):
                continue
            before = found[position]
            found[position] = (*before, self._ids[zone]) if before else self._alone[zone]
        return found

    def _is_valid(self, zone: int, time_us: int | None) -> bool:
        start, end = self._validity[zone]
        if time_us is None:
            return False
        return (start is None or time_us >= start) and (end is None or time_us < end)


def _entries(number: int, zone: Zone) -> list[_Entry]:
    if isinstance(zone.shape, Circle):
        return [_Entry(box, number, None) for box in circle_boxes(zone.shape)]
    return [_Entry(polygon.bounds, number, polygon) for polygon in polygons_of(zone.shape)]


def circle_boxes(circle: Circle) -> list[Box]:
    """Boxes that together hold the circle: two where it crosses the antimeridian.

    A circle that holds a pole reaches all longitudes. Otherwise its easternmost point lies
    asin(sin(radius) / cos(latitude)) from its centre, which is more than at the centre's latitude
    (J. P. Matuschek, "Finding points within a distance of a latitude/longitude").
    """
    reach_deg = degrees(circle.radius_m / EARTH_RADIUS_M)
    south = circle.lat - reach_deg - _BOX_MARGIN_DEG
    north = circle.lat + reach_deg + _BOX_MARGIN_DEG
    if south <= -90 or north >= 90:
        return [(-180.0, max(south, -90.0), 180.0, min(north, 90.0))]
    ratio = sin(radians(reach_deg)) / cos(radians(circle.lat))
    width = degrees(asin(min(1.0, ratio))) + _BOX_MARGIN_DEG
    west, east = circle.lon - width, circle.lon + width
    if west < -180:
        return [(-180.0, south, east, north), (west + 360, south, 180.0, north)]
    if east > 180:
        return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]
    return [(west, south, east, north)]


def distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance in metres by the haversine formula on the mean sphere (Sinnott 1984).

    Degrees in. It is up to 0.6 % off the distance on the ellipsoid.
    """
    phi_a, phi_b = radians(lat_a), radians(lat_b)
    chord = (
        sin((phi_b - phi_a) / 2) ** 2
        + cos(phi_a) * cos(phi_b) * sin(radians(lon_b - lon_a) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def _in_circle(circle: Circle, lat: float, lon: float) -> bool:
    return distance_m(lat, lon, circle.lat, circle.lon) <= circle.radius_m
