"""Zones on the log: there and back, and what the schema says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources

import jsonschema
import orjson
import pytest

from services.codec import CodecError
from services.zones.records import decode_zone, encode_zone
from services.zones.zone import Zone, area_km2

SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
FAR = [[[5, 0], [6, 0], [6, 1], [5, 1], [5, 0]], [[5.2, 0.2], [5.4, 0.2], [5.4, 0.4], [5.2, 0.2]]]
GEOMETRIES = [
    ({"type": "Polygon", "coordinates": FAR}, None),
    ({"type": "MultiPolygon", "coordinates": [SQUARE, FAR]}, None),
    ({"type": "Point", "coordinates": [120.7, 28]}, 350.5),
]


@pytest.mark.parametrize(("geometry", "radius_m"), GEOMETRIES)
def test_a_zone_comes_back_from_its_record(
    zone: Callable[..., Zone], geometry: object, radius_m: float | None
) -> None:
    sent = zone("z", geometry, radius_m, valid=(5, None))._replace(
        name="瓯江口", properties={"note": "x"}
    )
    assert decode_zone(encode_zone(sent)) == sent


@pytest.mark.parametrize(("geometry", "radius_m"), GEOMETRIES)
def test_a_record_agrees_with_its_schema(
    zone: Callable[..., Zone], geometry: object, radius_m: float | None
) -> None:
    schema = json.loads(resources.files("schemas").joinpath("zone.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    record = orjson.loads(encode_zone(zone("z", geometry, radius_m)))
    validator.validate(record)
    wrong_radius = None if radius_m else 10
    assert not validator.is_valid({**record, "radius_m": wrong_radius})


@pytest.mark.parametrize(
    "change",
    [
        {"geometry": None},
        {"geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}},
        {"radius_m": "far"},
        {"id": 5},
        {"version": None},
        {"valid_from_us": "now"},
        {"properties": []},
    ],
)
def test_a_record_that_is_no_zone_is_refused(
    circle: Callable[..., Zone], change: dict[str, object]
) -> None:
    record = orjson.loads(encode_zone(circle("z", 28, 121, 50)))
    with pytest.raises(CodecError):
        decode_zone(orjson.dumps({**record, **change}))


@pytest.mark.parametrize("value", [None, b"", b"[]", b"{}"])
def test_bytes_that_are_no_record_are_refused(value: bytes | None) -> None:
    with pytest.raises(CodecError):
        decode_zone(value)


def test_the_area_of_a_polygon_leaves_out_its_holes(zone: Callable[..., Zone]) -> None:
    degree_km2 = (6371.0088 * 3.141592653589793 / 180) ** 2
    whole, triangle = 1.0, 0.2 * 0.2 / 2
    assert area_km2(zone("z", GEOMETRIES[0][0]).shape) == pytest.approx(
        (whole - triangle) * degree_km2, rel=1e-3
    )


def test_the_area_of_a_small_circle_is_pi_r_squared(circle: Callable[..., Zone]) -> None:
    assert area_km2(circle("z", 60, 0, 1000).shape) == pytest.approx(3.14159, rel=1e-5)
