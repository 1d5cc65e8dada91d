"""Zones as records of ``telematics.zone.v1``, whose key is the zone's id."""

from __future__ import annotations

from typing import Any

import orjson

from services.codec import CodecError, load_object
from services.zones.shapes import read_shape, shape_to_geojson
from services.zones.zone import Circle, Zone


def encode_zone(zone: Zone) -> bytes:
    """A zone as JSON bytes (see ``schemas/zone.schema.json``)."""
    return orjson.dumps(
        {
            "id": zone.id,
            "kind": zone.kind,
            "name": zone.name,
            "version": zone.version,
            "valid_from_us": zone.valid_from_us,
            "valid_until_us": zone.valid_until_us,
            "geometry": shape_to_geojson(zone.shape),
            "radius_m": zone.shape.radius_m if isinstance(zone.shape, Circle) else None,
            "properties": zone.properties,
        }
    )


def decode_zone(value: bytes | None) -> Zone:
    """The zone of such a record. Raises CodecError, for a tombstone too."""
    fields = load_object(value)
    problems: list[str] = []
    shape = read_shape(fields.get("geometry"), fields.get("radius_m"), problems.append)
    if shape is None:
        raise CodecError(f"not a zone: {'; '.join(problems)}")
    return Zone(
        id=_expect(fields, "id", str),
        kind=_expect(fields, "kind", str),
        name=_expect(fields, "name", str | None),
        version=_expect(fields, "version", str),
        shape=shape,
        valid_from_us=_expect(fields, "valid_from_us", int | None),
        valid_until_us=_expect(fields, "valid_until_us", int | None),
        properties=_expect(fields, "properties", dict),
    )


def _expect(fields: dict[str, Any], key: str, kind: Any) -> Any:
    value = fields.get(key)
    if not isinstance(value, kind):
        raise CodecError(f"not a zone: {key} is {value!r}")
    return value
