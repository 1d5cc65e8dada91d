"""Zone files: what is read, and the sentence that each wrong file gets."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services.tools
from services.zones.geojson import ZoneFileError, load_zones
from services.zones.zone import Circle, Zone

SQUARE = [[120.0, 28.0], [121.0, 28.0], [121.0, 29.0], [120.0, 29.0], [120.0, 28.0]]
HOLE = [[120.2, 28.2], [120.8, 28.2], [120.8, 28.8], [120.2, 28.2]]


def polygon(*rings: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


def multipolygon(*polygons: object) -> dict[str, object]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


def point(lon: object = 121.0, lat: object = 28.0) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


def feature(geometry: object, zone_id: object = "a", **properties: object) -> dict[str, object]:
    return {"type": "Feature", "id": zone_id, "geometry": geometry, "properties": properties}


def load(*features: object) -> list[Zone]:
    document = {"type": "FeatureCollection", "features": list(features)}
    return load_zones(json.dumps(document).encode(), "zones.geojson")


def problems(*features: object) -> tuple[str, ...]:
    with pytest.raises(ZoneFileError) as caught:
        load(*features)
    return caught.value.problems


def test_a_polygon_feature_becomes_a_zone() -> None:
    (zone,) = load(feature(polygon(SQUARE, HOLE), name="Slope", kind="landslide"))
    assert (zone.id, zone.kind, zone.name) == ("a", "landslide", "Slope")
    assert not isinstance(zone.shape, Circle)
    assert len(zone.shape.interiors) == 1
    assert zone.properties == {"name": "Slope", "kind": "landslide"}


def test_a_point_with_a_radius_becomes_a_circle() -> None:
    (zone,) = load(feature(point(), radius=500))
    assert zone.shape == Circle(lat=28.0, lon=121.0, radius_m=500.0)
    assert zone.kind == "area"


def test_a_single_feature_is_a_file_too() -> None:
    (zone,) = load_zones(json.dumps(feature(polygon(SQUARE))).encode(), "one.geojson")
    assert zone.id == "a"


def test_an_altitude_and_a_byte_order_mark_are_left_out() -> None:
    raised = [[lon, lat, 12.5] for lon, lat in SQUARE]
    document = json.dumps(feature(polygon(raised))).encode()
    assert (
        load_zones(b"\xef\xbb\xbf" + document, "f")[0].shape
        == load(feature(polygon(SQUARE)))[0].shape
    )


def test_a_collection_without_features_holds_no_zones() -> None:
    assert load() == []


@pytest.mark.parametrize(
    ("given_id", "properties", "expected"),
    [
        ("f", {"id": "p", "name": "n"}, "f"),
        (None, {"id": "p", "name": "n"}, "p"),
        (None, {"name": "瓯江口"}, "瓯江口"),
        (17, {}, "17"),
    ],
)
def test_the_id_is_the_features_then_the_properties_then_the_name(
    given_id: object, properties: dict[str, object], expected: str
) -> None:
    (zone,) = load(feature(polygon(SQUARE), given_id, **properties))
    assert zone.id == expected


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "EPSG:4490"])
def test_names_of_wgs84_and_cgcs2000_are_accepted(name: str) -> None:
    crs = {"type": "name", "properties": {"name": name}}
    document = {"type": "FeatureCollection", "features": [], "crs": crs}
    assert load_zones(json.dumps(document).encode(), "f") == []


def test_validity_is_read_with_its_utc_offset() -> None:
    (zone,) = load(
        feature(
            polygon(SQUARE),
            valid_from="1970-01-01T08:00:01+08:00",
            valid_until="1970-01-01T00:00:02.5Z",
        )
    )
    assert (zone.valid_from_us, zone.valid_until_us) == (1_000_000, 2_500_000)


def version(geometry: object, **properties: object) -> str:
    return load(feature(geometry, **properties))[0].version


@pytest.mark.parametrize(
    "same",
    [
        polygon([*SQUARE[2:], *SQUARE[1:3]]),
        polygon(SQUARE[::-1]),
        polygon([SQUARE[0], *SQUARE]),
        multipolygon([SQUARE]),
        polygon([[int(lon), int(lat)] for lon, lat in SQUARE]),
    ],
    ids=["begins elsewhere", "runs the other way", "repeats a position", "is a part", "integers"],
)
def test_the_same_area_drawn_otherwise_has_the_same_version(same: object) -> None:
    assert version(same) == version(polygon(SQUARE))


@pytest.mark.parametrize(
    "other",
    [
        {"geometry": polygon(SQUARE, HOLE)},
        {"geometry": point(), "radius": 1},
        {"geometry": polygon(SQUARE), "kind": "port"},
        {"geometry": polygon(SQUARE), "valid_from": "2026-01-01T00:00:00Z"},
        {"geometry": polygon(SQUARE), "valid_until": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_change_that_can_change_events_is_a_new_version(other: dict[str, object]) -> None:
    assert version(**other) != version(polygon(SQUARE))


def test_a_change_of_the_name_is_no_new_version() -> None:
    assert version(polygon(SQUARE), name="x") == version(polygon(SQUARE), name="y")


def test_the_order_of_parts_and_holes_does_not_matter() -> None:
    far = [[lon + 5, lat] for lon, lat in SQUARE]
    other_hole = [[120.1, 28.9], [120.2, 28.9], [120.1, 28.95], [120.1, 28.9]]
    assert version(multipolygon([SQUARE, HOLE, other_hole], [far])) == version(
        multipolygon([far], [SQUARE, other_hole, HOLE])
    )


@pytest.mark.parametrize("given_version", ["2026-03", 7])
def test_a_given_version_is_kept(given_version: object) -> None:
    assert version(polygon(SQUARE), version=given_version) == str(given_version)


BOW_TIE = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (polygon(SQUARE[:-1]), "ring 0: not closed: repeat the first position at the end"),
        (polygon(SQUARE, HOLE[:-1]), "ring 1: not closed"),
        (polygon([SQUARE[0], SQUARE[1], SQUARE[0]]), "ring 0: too few positions"),
        (polygon([]), "ring 0: too few positions"),
        (polygon("ring"), "ring 0: not a list of positions"),
        (polygon(), "list of rings"),
        (polygon([[1, 2], [3]]), "ring 0: position 1 is no [longitude, latitude]"),
        (polygon([["1", "2"]]), "ring 0: position 0 is no [longitude, latitude]"),
        (polygon([[True, False]]), "ring 0: position 0 is no [longitude, latitude]"),
        (polygon(BOW_TIE), "self-intersection at lon 0.5 lat 0.5: the outline crosses"),
        (polygon([[0, 0], [1, 0], [2, 0], [0, 0]]), "self-intersection"),
        (
            polygon(SQUARE, [[lon + 5, lat] for lon, lat in HOLE]),
            "hole lies outside shell at lon 125.2 lat 28.2",
        ),
        (multipolygon([SQUARE], [HOLE]), "nested shells"),
        (multipolygon([SQUARE], [BOW_TIE]), "polygon 1: self-intersection"),
        (multipolygon(), "at least one"),
        (
            polygon([[28.0, 121.3], [28.1, 121.3], [28.1, 121.4], [28.0, 121.3]]),
            "ring 0: position 0: latitude 121.3 out of range: are lat and lon swapped?",
        ),
        (polygon([[0, 200]]), "latitude 200 out of range"),
        (polygon([[181, 0]]), "longitude 181 out of range"),
        (
            polygon([[-179, 0], [179, 0], [179, 1], [-179, 0]]),
            "spans more than 180° of longitude: split it at the antimeridian",
        ),
        ({"type": "LineString", "coordinates": []}, "LineString is not supported: use Polygon"),
        ({"coordinates": []}, "geometry type None is not supported"),
        (None, "no geometry"),
        ("POINT (1 2)", "geometry is no JSON object but POINT (1 2)"),
    ],
)
def test_a_wrong_geometry_is_named(geometry: object, reason: str) -> None:
    (problem,) = problems(feature(geometry))
    assert problem.startswith("zones.geojson: features[0] 'a': ")
    assert reason in problem


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({}, "radius missing: a Point needs the property radius, in metres"),
        ({"radius": "500"}, "radius must be a number of metres, not 500"),
        ({"radius": True}, "radius must be a number of metres"),
        ({"radius": 0}, "radius 0 out of range"),
        ({"radius": 1e8}, "radius 1e+08 out of range"),
        ({"radius": 1, "kind": ["x"]}, "kind must be 1 to 64 printable characters"),
        ({"radius": 1, "kind": "x\ny"}, "kind must be"),
        ({"radius": 1, "version": ""}, "version must be"),
        ({"radius": 1, "valid_from": "2026-01-01"}, "valid_from: '2026-01-01' is no RFC 3339"),
        ({"radius": 1, "valid_from": "2026-01-01T00:00:00"}, "is no RFC 3339 time"),
        ({"radius": 1, "valid_until": "2026-02-30T00:00:00Z"}, "valid_until: '2026-02-30"),
        ({"radius": 1, "valid_until": "0001-01-01T25:00:00Z"}, "is no time"),
        ({"radius": 1, "valid_until": 1767225600}, "valid_until: '1767225600' is no RFC 3339"),
        (
            {
                "radius": 1,
                "valid_from": "2026-01-02T00:00:00Z",
                "valid_until": "2026-01-02T08:00:00+08:00",
            },
            "valid_until is not after valid_from",
        ),
    ],
)
def test_a_wrong_property_is_named(properties: dict[str, object], reason: str) -> None:
    (problem,) = problems(feature(point(), **properties))
    assert reason in problem


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (feature(polygon(SQUARE), None), "features[0]: no id: give the feature an id"),
        (feature(polygon(SQUARE), ["a"]), "features[0]: no id"),
        (feature(polygon(SQUARE), "x" * 65), "id must be 1 to 64 printable characters"),
        (feature(polygon(SQUARE), " "), "id must be"),
        (feature(polygon(SQUARE), "a\x00"), "id must be"),
        ("text", "features[0]: not a Feature"),
        (polygon(SQUARE), "features[0]: not a Feature"),
        ({**feature(polygon(SQUARE)), "properties": [1]}, "properties are no JSON object"),
    ],
)
def test_a_wrong_feature_is_named(value: object, reason: str) -> None:
    (problem,) = problems(value)
    assert reason in problem


def test_an_outline_too_long_for_a_record_is_named() -> None:
    count = 30_000
    around = [
        [120 + math.cos(2 * math.pi * at / count), 28 + math.sin(2 * math.pi * at / count)]
        for at in range(count)
    ]
    (problem,) = problems(feature(polygon([*around, around[0]])))
    assert "at most 900000: simplify the outline" in problem


def test_properties_too_deep_for_a_record_are_named() -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    (problem,) = problems(feature(polygon(SQUARE), deep=deep))
    assert "properties can't be written" in problem


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"type": "FeatureCollection",\n "features": [}', "f: not JSON at line 2 column"),
        (b"", "f: not JSON at line 1"),
        (b"\xff\xfe", "f: not JSON"),
        (b"[]", "f: not GeoJSON: the top is no JSON object"),
        (b'{"type": "Polygon"}', "type 'Polygon' at the top"),
        (b'{"type": "FeatureCollection"}', "needs a list of features"),
        (
            b'{"type": "FeatureCollection", "features": [],'
            b' "crs": {"properties": {"name": "EPSG:3857"}}}',
            "is not supported: convert to WGS-84",
        ),
    ],
)
def test_a_file_that_is_no_zone_file_is_named(text: bytes, reason: str) -> None:
    with pytest.raises(ZoneFileError) as caught:
        load_zones(text, "f")
    (problem,) = caught.value.problems
    assert reason in problem


def test_every_problem_of_a_file_is_reported_at_once() -> None:
    found = problems(
        feature(polygon(SQUARE[:-1], HOLE[:-1]), "open", valid_from="soon"),
        feature(polygon(SQUARE), "twice"),
        feature(point(), "twice"),
    )
    assert [problem.partition(": ")[2].split(":")[0] for problem in found] == [
        "features[0] 'open'",
        "features[0] 'open'",
        "features[0] 'open'",
        "features[2] 'twice'",
        "features[2] 'twice'",
    ]
    assert "duplicate id: features[1] has it too" in found[3]
    assert str(ZoneFileError(found)) == "\n".join(found)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
GEOMETRY = st.fixed_dictionaries(
    {"type": st.sampled_from(["Point", "Polygon", "MultiPolygon"]), "coordinates": JSON}
)


def read(text: bytes) -> tuple[list[Zone], tuple[str, ...]]:
    try:
        return load_zones(text, "f"), ()
    except ZoneFileError as error:
        return [], error.problems


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_with_a_problem(text: bytes) -> None:
    zones, found = read(text)
    assert found
    assert not zones


@given(GEOMETRY | JSON, JSON, JSON)
def test_any_feature_is_one_zone_or_has_problems_that_name_it(
    geometry: object, zone_id: object, radius: object
) -> None:
    zones, found = read(json.dumps(feature(geometry, zone_id, radius=radius)).encode())
    assert len(zones) == (0 if found else 1)
    assert all(problem.startswith("f: features[0]") for problem in found)


def test_the_demonstration_zones_are_sound_and_say_that_they_are_invented() -> None:
    path = Path(services.tools.__file__).parent / "data" / "wenzhou_zones.geojson"
    zones = load_zones(path.read_bytes(), path.name)
    assert {type(zone.shape).__name__ for zone in zones} == {"Polygon", "MultiPolygon", "Circle"}
    assert all("Invented for demonstration" in str(zone.properties["note"]) for zone in zones)
