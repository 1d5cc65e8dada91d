"""Builders that the zone tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.model import Fix, FixQuality
from services.zones.shapes import read_shape
from services.zones.zone import Zone, content_version


def make_fix(
    time_us: int | None,
    lat: float | None,
    lon: float | None,
    terminal: str = "truck-1",
    quality: FixQuality = "gnss",
) -> Fix:
    known = {"terminal": terminal, "time_us": time_us, "lat": lat, "lon": lon, "fix": quality}
    fields: dict[str, Any] = {**dict.fromkeys(Fix._fields), "talkers": ("BD",), **known}
    return Fix(**fields)


def make_zone(
    zone_id: str,
    geometry: dict[str, object],
    radius_m: float | None = None,
    valid: tuple[int | None, int | None] = (None, None),
    version: str | None = None,
) -> Zone:
    problems: list[str] = []
    shape = read_shape(geometry, radius_m, problems.append)
    assert shape is not None, problems
    version = version or content_version(shape, "area", *valid)
    return Zone(zone_id, "area", None, version, shape, *valid, {})


def box_geometry(west: float, south: float, east: float, north: float) -> dict[str, object]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def make_box(
    zone_id: str, west: float, south: float, east: float, north: float, **more: Any
) -> Zone:
    return make_zone(zone_id, box_geometry(west, south, east, north), **more)


def make_circle(zone_id: str, lat: float, lon: float, radius_m: float, **more: Any) -> Zone:
    return make_zone(zone_id, {"type": "Point", "coordinates": [lon, lat]}, radius_m, **more)


@pytest.fixture(scope="session")
def fix() -> Callable[..., Fix]:
    return make_fix


@pytest.fixture(scope="session")
def box() -> Callable[..., Zone]:
    return make_box


@pytest.fixture(scope="session")
def circle() -> Callable[..., Zone]:
    return make_circle


@pytest.fixture(scope="session")
def zone() -> Callable[..., Zone]:
    return make_zone
