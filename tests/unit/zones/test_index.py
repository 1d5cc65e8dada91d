"""The index against what it must equal: each zone tested alone, without any index."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from services.zones.index import ZoneIndex, circle_boxes, distance_m
from services.zones.zone import EARTH_RADIUS_M, Circle, Zone

Position = tuple[float, float]


def distance_by_vectors(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance by the angle between two vectors: another way to the same."""

    def vector(lat: float, lon: float) -> tuple[float, float, float]:
        phi, theta = math.radians(lat), math.radians(lon)
        return (
            math.cos(phi) * math.cos(theta),
            math.cos(phi) * math.sin(theta),
            math.sin(phi),
        )

    a, b = vector(lat_a, lon_a), vector(lat_b, lon_b)
    cross = (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return EARTH_RADIUS_M * math.atan2(math.hypot(*cross), dot)


def brute_force(zones: list[Zone], lat: float, lon: float) -> tuple[str, ...]:
    def contains(zone: Zone) -> bool:
        if isinstance(zone.shape, Circle):
            centre = zone.shape
            return distance_m(lat, lon, centre.lat, centre.lon) <= centre.radius_m
        return bool(shapely.covers(zone.shape, shapely.Point(lon, lat)))

    return tuple(sorted(zone.id for zone in zones if contains(zone)))


LATITUDE = st.floats(-90, 90) | st.sampled_from([-90.0, 0.0, 90.0])
LONGITUDE = st.floats(-180, 180) | st.sampled_from([-180.0, 0.0, 180.0])
WHOLE = st.integers(-4, 4).map(float)


@given(LATITUDE, LONGITUDE, LATITUDE, LONGITUDE)
def test_distance_agrees_with_the_angle_between_vectors(
    lat_a: float, lon_a: float, lat_b: float, lon_b: float
) -> None:
    # Haversine loses digits near the antipode (Sinnott 1984): half a metre there.
    expected = distance_by_vectors(lat_a, lon_a, lat_b, lon_b)
    assert distance_m(lat_a, lon_a, lat_b, lon_b) == pytest.approx(expected, abs=0.5)


@given(
    st.lists(st.tuples(LATITUDE, LONGITUDE, st.floats(1, 10_000_000)), max_size=6),
    st.lists(st.tuples(LATITUDE, LONGITUDE), max_size=6),
)
@example([(0.0, 179.999, 1000.0)], [(0.0, -179.999), (0.0, 180.0), (0.0, 179.0)])
@example([(89.999, 10.0, 1000.0)], [(89.999, -170.0), (90.0, 0.0), (89.9, 10.0)])
@example([(-89.0, 0.0, 200_000.0)], [(-90.0, 77.0), (-89.5, 180.0)])
@example([(0.0, 0.0, 10_000_000.0)], [(0.0, 89.9), (0.0, 90.0), (89.0, 180.0)])
def test_circles_agree_with_the_distance_to_each(
    circle: Callable[..., Zone],
    circles: list[tuple[float, float, float]],
    positions: list[Position],
) -> None:
    zones = [circle(f"z{number}", *place) for number, place in enumerate(circles)]
    index = ZoneIndex(zones)
    for lat, lon in positions:
        assert index.containing(lat, lon, 0) == brute_force(zones, lat, lon)


@given(LATITUDE, LONGITUDE, st.floats(1, 9_000_000), st.floats(0, 360), st.floats(0, 1))
def test_the_boxes_of_a_circle_hold_all_of_it(
    lat: float, lon: float, radius_m: float, bearing: float, part: float
) -> None:
    reach, phi, azimuth = part * radius_m / EARTH_RADIUS_M, math.radians(lat), math.radians(bearing)
    sine = math.sin(phi) * math.cos(reach) + math.cos(phi) * math.sin(reach) * math.cos(azimuth)
    there = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
    turn = math.atan2(
        math.sin(azimuth) * math.sin(reach) * math.cos(phi), math.cos(reach) - math.sin(phi) * sine
    )
    east = (lon + math.degrees(turn) + 180) % 360 - 180
    assert any(
        west <= east <= to_east and south <= there <= north
        for west, south, to_east, north in circle_boxes(Circle(lat, lon, radius_m))
    )


@st.composite
def polygon_geometries(draw: st.DrawFn) -> dict[str, object]:
    """Areas with whole coordinates, so that positions fall on edges and corners: the convex hull
    of some points without a square, which cuts it, makes a hole in it, or leaves it whole."""
    points = draw(st.lists(st.tuples(WHOLE, WHOLE), min_size=3, max_size=7, unique=True))
    west, south = draw(st.tuples(WHOLE, WHOLE))
    square = shapely.box(west, south, west + 2, south + 2)
    area = shapely.MultiPoint(points).convex_hull.difference(square)
    if area.geom_type not in {"Polygon", "MultiPolygon"} or area.is_empty:
        area = square
    geometry: dict[str, object] = json.loads(shapely.to_geojson(area))
    return geometry


@given(
    st.lists(polygon_geometries(), max_size=5),
    st.lists(st.tuples(WHOLE | st.floats(-5, 5), WHOLE | st.floats(-5, 5)), max_size=12),
)
def test_polygons_agree_with_shapely_on_each(
    zone: Callable[..., Zone], geometries: list[dict[str, object]], positions: list[Position]
) -> None:
    zones = [zone(f"z{number}", geometry) for number, geometry in enumerate(geometries)]
    index = ZoneIndex(zones)
    for lat, lon in positions:
        assert index.containing(lat, lon, 0) == brute_force(zones, lat, lon)


def test_a_boundary_belongs_to_its_zone(box: Callable[..., Zone]) -> None:
    index = ZoneIndex([box("a", 0, 0, 1, 1), box("b", 1, 0, 2, 1)])
    assert index.containing(0.5, 1.0, 0) == ("a", "b")
    assert index.containing(1.0, 0.0, 0) == ("a",)


def test_a_hole_does_not_belong_to_its_zone_but_its_edge_does(zone: Callable[..., Zone]) -> None:
    outer = [[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]
    hole = [[3, 3], [6, 3], [6, 6], [3, 6], [3, 3]]
    index = ZoneIndex([zone("a", {"type": "Polygon", "coordinates": [outer, hole]})])
    assert index.containing(4, 4, 0) == ()
    assert index.containing(3, 4, 0) == ("a",)


def test_a_zone_cut_at_the_antimeridian_holds_both_sides(zone: Callable[..., Zone]) -> None:
    def part(west: float, east: float) -> list[list[list[float]]]:
        return [[[west, 0], [east, 0], [east, 1], [west, 1], [west, 0]]]

    coordinates = [part(179, 180), part(-180, -179)]
    index = ZoneIndex([zone("a", {"type": "MultiPolygon", "coordinates": coordinates})])
    for lon in (179.5, 180.0, -180.0, -179.5):
        assert index.containing(0.5, lon, 0) == ("a",)
    assert index.containing(0.5, 0.0, 0) == ()


def test_a_position_where_two_parts_touch_counts_once(zone: Callable[..., Zone]) -> None:
    parts = [
        [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]],
        [[[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]],
    ]
    index = ZoneIndex([zone("a", {"type": "MultiPolygon", "coordinates": parts})])
    assert index.containing(1, 1, 0) == ("a",)


@pytest.mark.parametrize(
    ("valid", "time_us", "inside"),
    [
        ((None, None), None, True),
        ((None, None), 5, True),
        ((10, None), 9, False),
        ((10, None), 10, True),
        ((None, 20), 19, True),
        ((None, 20), 20, False),
        ((10, 20), 15, True),
        ((10, 20), None, False),
    ],
)
def test_a_zone_counts_from_its_first_moment_to_before_its_end(
    circle: Callable[..., Zone],
    valid: tuple[int | None, int | None],
    time_us: int | None,
    inside: bool,
) -> None:
    index = ZoneIndex([circle("a", 28, 121, 100, valid=valid)])
    assert index.containing(28, 121, time_us) == (("a",) if inside else ())


def test_ids_are_sorted_over_polygons_and_circles(
    box: Callable[..., Zone], circle: Callable[..., Zone]
) -> None:
    index = ZoneIndex(
        [
            box("d", 0, 0, 1, 1),
            circle("b", 0.5, 0.5, 9e4),
            box("a", 0, 0, 2, 2),
            circle("c", 0, 0, 9e4),
        ]
    )
    assert index.containing(0.5, 0.5, 0) == ("a", "b", "c", "d")


@pytest.mark.parametrize(("lat", "lon"), [(None, None), (0.5, None), (None, 0.5)])
def test_a_position_that_is_not_known_lies_nowhere(
    box: Callable[..., Zone], lat: float | None, lon: float | None
) -> None:
    index = ZoneIndex([box("a", -180, -90, 0, 90), box("b", 0, -90, 180, 90)])
    assert index.containing_many([lat, 0.5], [lon, 0.5], [0, 0]) == [(), ("b",)]
    assert index.containing_many([lat], [lon], [0]) == [()]


def test_no_zones_and_no_positions_are_fine(box: Callable[..., Zone]) -> None:
    assert ZoneIndex([]).containing_many([1.0, None], [2.0, None], [0, None]) == [(), ()]
    assert ZoneIndex([box("a", 0, 0, 1, 1)]).containing_many([], [], []) == []


def test_two_zones_of_one_id_are_refused(box: Callable[..., Zone]) -> None:
    with pytest.raises(ValueError, match="the same id"):
        ZoneIndex([box("a", 0, 0, 1, 1), box("a", 2, 2, 3, 3)])


@given(st.data())
def test_the_answer_does_not_depend_on_the_batch(
    box: Callable[..., Zone], circle: Callable[..., Zone], data: st.DataObject
) -> None:
    index = ZoneIndex(
        [box("a", 0, 0, 2, 2), circle("b", 1, 1, 157_249.4), box("c", 1, 1, 3, 3, valid=(3, 9))]
    )
    coordinate = st.none() | st.sampled_from([0.0, 1.0, 2.0]) | st.floats(-1, 4)
    positions = data.draw(st.lists(st.tuples(coordinate, coordinate), max_size=20))
    cut = data.draw(st.integers(0, len(positions)))

    def ask(some: slice) -> list[tuple[str, ...]]:
        lats = [lat for lat, _ in positions][some]
        lons = [lon for _, lon in positions][some]
        return index.containing_many(lats, lons, list(range(len(positions)))[some])

    whole = ask(slice(None))
    assert whole == ask(slice(None, cut)) + ask(slice(cut, None))
    assert whole == [ask(slice(at, at + 1))[0] for at in range(len(positions))]
