"""Fixes as JSON lines, CSV or GeoJSON, written one at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import BinaryIO, Literal, Protocol

import orjson

from services.model import Fix
from services.tools.formatting import format_time

Format = Literal["jsonl", "csv", "geojson"]

DAY_US = 86_400_000_000
DECIMALS = 9

COLUMNS = (
    "terminal",
    "time",
    "time_of_day",
    "lat",
    "lon",
    "altitude_m",
    "geoid_separation_m",
    "speed_kmh",
    "course_deg",
    "heading_deg",
    "fix",
    "satellites_used",
    "satellites_used_by",
    "satellites_in_view_by",
    "hdop",
    "vdop",
    "pdop",
    "lat_error_m",
    "lon_error_m",
    "altitude_error_m",
    "differential_age_s",
    "talkers",
)
"""Every field of a record; ``time_of_day`` has a value only where ``time`` has none."""


class FixWriter(Protocol):
    """Writes fixes to a binary stream in one format."""

    def write(self, fix: Fix) -> None:
        """Write one fix. Raises OSError as the stream does."""

    def close(self) -> None:
        """Write what the format ends with; the stream stays open."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, fix: Fix) -> None:
        """Write one line."""
        self._out.write(orjson.dumps(fix_record(fix), option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """JSON lines end with the last line."""


class Csv:
    """A header row, then one row a fix (RFC 4180); lists as ``GP BD``, counts as ``gps=5``."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._row(COLUMNS)

    def write(self, fix: Fix) -> None:
        """Write one row."""
        record = fix_record(fix)
        self._row([_cell(record.get(column)) for column in COLUMNS])

    def close(self) -> None:
        """CSV ends with the last row."""

    def _row(self, cells: object) -> None:
        text = io.StringIO()
        csv.writer(text).writerow(cells)  # type: ignore[arg-type]
        self._out.write(text.getvalue().encode())


class GeoJson:
    """One FeatureCollection (RFC 7946); a fix without a position has a null geometry."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._separator = b"\n"
        out.write(b'{"type":"FeatureCollection","features":[')

    def write(self, fix: Fix) -> None:
        """Write one feature."""
        properties = fix_record(fix)
        lat, lon = properties.pop("lat"), properties.pop("lon")
        geometry = None if lat is None else {"type": "Point", "coordinates": [lon, lat]}
        feature = {"type": "Feature", "geometry": geometry, "properties": properties}
        self._out.write(self._separator + orjson.dumps(feature))
        self._separator = b",\n"

    def close(self) -> None:
        """Close the collection."""
        self._out.write(b"\n]}\n")


FORMATS: dict[Format, type[JsonLines] | type[Csv] | type[GeoJson]] = {
    "jsonl": JsonLines,
    "csv": Csv,
    "geojson": GeoJson,
}


def fix_record(fix: Fix) -> dict[str, object]:
    """The fix as the record that ``dipper decode`` gives: see COLUMNS.

    Without a date, ``time`` is None and ``time_of_day`` has the time as sent.
    """
    record: dict[str, object] = {
        "terminal": fix.terminal,
        "time": None if fix.time_us is None else format_time(fix.time_us),
    }
    if fix.time_us is None and fix.time_of_day_us is not None:
        record["time_of_day"] = clock_time(fix.time_of_day_us)
    for column in COLUMNS[3:]:
        record[column] = _shown(getattr(fix, column))
    return record


def clock_time(time_of_day_us: int) -> str:
    """``07:41:56.799``; in a leap second ``23:59:60.000``."""
    if time_of_day_us >= DAY_US:
        return "23:59:60" + format_time(time_of_day_us)[19:-1]
    return format_time(time_of_day_us)[11:-1]


def _shown(value: object) -> object:
    """Without the digits that come of binary fractions: a billionth of a degree is 0.1 mm."""
    return round(value, DECIMALS) if isinstance(value, float) else value


def _cell(value: object) -> object:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={count}" for name, count in value.items())
    return " ".join(value) if isinstance(value, tuple) else value
