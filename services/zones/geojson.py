"""Zones from GeoJSON (RFC 7946), with all problems of a file found in one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.zones.moments import parse_time
from services.zones.records import encode_zone
from services.zones.shapes import Report, read_shape
from services.zones.zone import Zone, content_version

MAX_TEXT = 64
"""Characters in an id, a kind or a version."""

MAX_RECORD_BYTES = 900_000
"""Bytes of a zone's record: Kafka takes messages of up to 1 MiB unless it is told otherwise."""

DEFAULT_KIND = "area"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# WGS-84 by its names, and CGCS2000, which agrees with it within centimetres.
_KNOWN_SYSTEMS = ("CRS84", ":4326", ":4490")


class ZoneFileError(ValueError):
    """A zone file with problems. Each entry of ``problems`` names file, feature and reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


def load_zones(text: bytes, name: str) -> list[Zone]:
    """The zones of a GeoJSON FeatureCollection or Feature, in the file's order.

    ``name`` stands for the file in messages. Raises ZoneFileError with every problem found; then
    no zone of the file is to be used.
    """
    features = _features(_parse(text, name), name)
    problems: list[str] = []
    zones: list[Zone] = []
    seen: dict[str, int] = {}
    for number, feature in enumerate(features):
        zone_id = _feature_id(feature)
        label = f"{name}: features[{number}]" + (f" {zone_id!r}" if zone_id is not None else "")

        def report(reason: str, label: str = label) -> None:
            problems.append(f"{label}: {reason}")

        if zone_id is not None and seen.setdefault(zone_id, number) != number:
            report(f"duplicate id: features[{seen[zone_id]}] has it too")
        zone = _read_feature(feature, zone_id, report)
        if zone is not None:
            zones.append(zone)
    if problems:
        raise ZoneFileError(problems)
    return zones


def _parse(text: bytes, name: str) -> dict[str, Any]:
    try:
        document = orjson.loads(text.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ZoneFileError([f"{name}: not JSON at {place}: {error.msg}"]) from error
    if not isinstance(document, dict):
        raise ZoneFileError([f"{name}: not GeoJSON: the top is no JSON object"])
    return document


def _features(document: Mapping[str, Any], name: str) -> list[object]:
    system = document.get("crs")
    if system is not None and not _is_known_system(system):
        raise ZoneFileError([f"{name}: crs {system} is not supported: convert to WGS-84"])
    kind = document.get("type")
    if kind == "Feature":
        return [document]
    if kind != "FeatureCollection":
        raise ZoneFileError(
            [f"{name}: type {kind!r} at the top: put zones as features into a FeatureCollection"]
        )
    features = document.get("features")
    if not isinstance(features, list):
        raise ZoneFileError([f"{name}: a FeatureCollection needs a list of features"])
    return features


def _is_known_system(system: object) -> bool:
    """``crs`` is of GeoJSON's edition of 2008; tools such as QGIS still write it."""
    properties = system.get("properties") if isinstance(system, dict) else None
    named = properties.get("name") if isinstance(properties, dict) else None
    return isinstance(named, str) and named.endswith(_KNOWN_SYSTEMS)


def _feature_id(feature: object) -> str | None:
    """The feature's id, else its properties' id, else their name; numbers as text."""
    if not isinstance(feature, dict):
        return None
    properties = feature.get("properties")
    named = properties if isinstance(properties, dict) else {}
    for value in (feature.get("id"), named.get("id"), named.get("name")):
        if value is not None:
            return _text(value)
    return None


def _read_feature(feature: object, zone_id: str | None, report: Report) -> Zone | None:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        report("not a Feature")
        return None
    if zone_id is None:
        report("no id: give the feature an id (text or a number), or a property id or name")
    elif not _is_label(zone_id):
        report(f"id must be 1 to {MAX_TEXT} printable characters")
    properties = feature.get("properties")
    if properties is None:
        properties = {}
    elif not isinstance(properties, dict):
        report("properties are no JSON object")
        properties = {}
    kind = _label(properties, "kind", report) or DEFAULT_KIND
    version = _label(properties, "version", report)
    valid_from_us, valid_until_us = _validity(properties, report)
    shape = read_shape(feature.get("geometry"), properties.get("radius"), report)
    if shape is None or zone_id is None:
        return None
    zone = Zone(
        id=zone_id,
        kind=kind,
        name=_text(properties.get("name")),
        version=version or content_version(shape, kind, valid_from_us, valid_until_us),
        shape=shape,
        valid_from_us=valid_from_us,
        valid_until_us=valid_until_us,
        properties=properties,
    )
    return zone if _fits_a_record(zone, report) else None


def _fits_a_record(zone: Zone, report: Report) -> bool:
    try:
        size = len(encode_zone(zone))
    except orjson.JSONEncodeError as error:
        report(f"properties can't be written: {error}")
        return False
    if size > MAX_RECORD_BYTES:
        report(f"too large: {size} bytes, at most {MAX_RECORD_BYTES}: simplify the outline")
        return False
    return True


def _label(properties: Mapping[str, object], key: str, report: Report) -> str | None:
    value = properties.get(key)
    if value is None:
        return None
    text = _text(value)
    if text is None or not _is_label(text):
        report(f"{key} must be 1 to {MAX_TEXT} printable characters")
        return None
    return text


def _validity(properties: Mapping[str, object], report: Report) -> tuple[int | None, int | None]:
    start = _moment(properties, "valid_from", report)
    end = _moment(properties, "valid_until", report)
    if start is not None and end is not None and end <= start:
        report("valid_until is not after valid_from")
    return start, end


def _moment(properties: Mapping[str, object], key: str, report: Report) -> int | None:
    value = properties.get(key)
    if value is None:
        return None
    try:
        return parse_time(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        report(f"{key}: {error}")
        return None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _is_label(text: str) -> bool:
    return 0 < len(text) <= MAX_TEXT and text.isprintable() and not text.isspace()
