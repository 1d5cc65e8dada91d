"""The checker's own reading of the streams: plain, slow, and nothing of the code under test."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path
from typing import NamedTuple

import shapely
from shapely.geometry import shape

EARTH_RADIUS_M = 6_371_008.8
KNOT_KMH = 1.852


class Seen(NamedTuple):
    """What the sentences of one time say."""

    lat: float | None
    lon: float | None
    altitude_m: float | None
    speed_kmh: float | None
    course_deg: float | None
    hdop: float | None
    satellites_used: int | None
    quality: int


class Crossing(NamedTuple):
    """A zone event without its id."""

    terminal: str
    time: datetime
    kind: str
    zone: str
    version: str
    lat: float
    lon: float


class Expected(NamedTuple):
    """What has to be in the database if the first lines of a stream were acknowledged."""

    fixes: Mapping[datetime, Seen]
    zones: Mapping[datetime, tuple[str, ...]]
    late: frozenset[datetime]
    crossings: Sequence[Crossing]
    rubbish: int
    """Lines that are no sentence, or one with a wrong checksum."""


class Zones:
    """Which zones of a GeoJSON file hold a position."""

    def __init__(self, file: Path) -> None:
        areas: list[tuple[str, str, shapely.Geometry]] = []
        self._circles: list[tuple[str, str, float, float, float]] = []
        for feature in json.loads(file.read_text())["features"]:
            name, version = feature["id"], feature["properties"]["version"]
            if feature["geometry"]["type"] == "Point":
                lon, lat = feature["geometry"]["coordinates"]
                radius = feature["properties"]["radius"]
                self._circles.append((name, version, lat, lon, radius))
            else:
                areas.append((name, version, shape(feature["geometry"])))
        self._areas = areas
        self._tree = shapely.STRtree([area for *_, area in areas])

    def holding(self, lat: float, lon: float) -> dict[str, str]:
        """Zone to version."""
        point = shapely.Point(lon, lat)
        found = {
            self._areas[number][0]: self._areas[number][1]
            for number in self._tree.query(point, predicate="intersects")
        }
        for name, version, centre_lat, centre_lon, radius in self._circles:
            if _distance_m(lat, lon, centre_lat, centre_lon) <= radius:
                found[name] = version
        return dict(sorted(found.items()))


def expect(terminal: str, lines: Iterable[bytes], zones: Zones) -> Expected:
    """Read a stream from its first line: fixes in the order in which they first come."""
    sentences: dict[datetime, dict[str, list[str]]] = {}
    day = None
    rubbish = 0
    for raw in lines:
        fields = _fields(raw)
        if fields is None:
            rubbish += 1
        elif fields[0] == "GNRMC":
            day = fields[9]
            sentences.setdefault(_moment(day, fields[1]), {})["RMC"] = fields
        elif fields[0] == "GNGGA" and day is not None:
            # RMC of the same epoch comes first, so its date is this one's.
            sentences.setdefault(_moment(day, fields[1]), {})["GGA"] = fields
    fixes = {at: _see(found) for at, found in sentences.items()}
    inside: dict[datetime, tuple[str, ...]] = {}
    late: set[datetime] = set()
    crossings: list[Crossing] = []
    last: datetime | None = None
    held: dict[str, str] = {}
    for at, seen in fixes.items():
        now = {} if seen.lat is None else zones.holding(seen.lat, seen.lon or 0.0)
        inside[at] = tuple(now)
        if last is not None and at < last:
            late.add(at)
            continue
        last = at
        if seen.lat is None or seen.lon is None:
            continue
        place = (seen.lat, seen.lon)
        for kind, left, right in (("exit", held, now), ("enter", now, held)):
            for zone, version in left.items():
                if zone not in right:
                    crossings.append(Crossing(terminal, at, kind, zone, version, *place))
        held = now
    return Expected(fixes, inside, frozenset(late), crossings, rubbish)


def _fields(raw: bytes) -> list[str] | None:
    text = raw.rstrip(b"\r\n")
    body, star, digits = text[1:].rpartition(b"*")
    if text[:1] != b"$" or not star or int(digits, 16) != reduce(xor, body, 0):
        return None
    return body.decode().split(",")


def _moment(date: str, clock: str) -> datetime:
    return datetime.strptime(date + clock, "%d%m%y%H%M%S.%f").replace(tzinfo=UTC)


def _see(found: Mapping[str, list[str]]) -> Seen:
    rmc, gga = found.get("RMC"), found.get("GGA")
    quality = int(gga[6]) if gga else int(rmc is not None and rmc[2] == "A")
    place = gga[2:6] if gga else rmc[3:7] if rmc else []
    known = quality > 0
    return Seen(
        lat=_degrees(place[0], place[1] == "S") if known else None,
        lon=_degrees(place[2], place[3] == "W") if known else None,
        altitude_m=_number(gga[9]) if known and gga else None,
        speed_kmh=_times(_number(rmc[7]), KNOT_KMH) if known and rmc else None,
        course_deg=_number(rmc[8]) if known and rmc else None,
        hdop=_number(gga[8]) if gga else None,
        satellites_used=int(gga[7]) if gga else None,
        quality=quality,
    )


def _degrees(text: str, negative: bool) -> float:
    dot = text.index(".")
    value = int(text[: dot - 2]) + float(text[dot - 2 :]) / 60
    return -value if negative else value


def _number(text: str) -> float | None:
    return float(text) if text else None


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    a, b = math.radians(lat_a), math.radians(lat_b)
    half_lat, half_lon = (a - b) / 2, math.radians(lon_a - lon_b) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(a) * math.cos(b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(chord))
