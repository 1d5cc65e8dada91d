"""Values of sentence fields: bytes as sent to Python values in Dipper's units.

Sentences of one epoch repeat their time and position, and most other fields move in small
steps, so conversions keep their last results (bounded). All functions are pure; an empty field
gives None, a field that can't be what it must be raises FieldError.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TypeVar

Value = TypeVar("Value")

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
KMH_PER_KNOT = 1.852
MAX_NUMBER_BYTES = 24


class FieldError(ValueError):
    """A field holds what it can't hold; the text names the field."""


class Table(dict[bytes, Value]):
    """All values that a field may take; a lookup of any other raises FieldError."""

    def __init__(self, name: str, values: dict[bytes, Value]) -> None:
        super().__init__(values)
        self.name = name

    def __missing__(self, key: bytes) -> Value:
        raise FieldError(f"{self.name}: {key!r}")


LETTERS: Table[str | None] = Table(
    "mode", {b"": None, **{bytes([code]): chr(code) for code in range(ord("A"), ord("Z") + 1)}}
)
"""One capital letter: mode indicators."""

STATUS: Table[bool] = Table("status", {b"A": True, b"D": True, b"V": False, b"": False})
"""A is valid, V is a warning; D is what some receivers send for a valid differential fix."""

COUNTS: Table[int | None] = Table(
    "count",
    {
        b"": None,
        **{
            f"{value:0{width}d}".encode("ascii"): value
            for value in range(1000)
            for width in (1, 2, 3)
        },
    },
)
"""Whole numbers 0 to 999 with or without leading zeros: satellite ids and counts."""

METRES = frozenset((b"M", b""))


@lru_cache(maxsize=1024)
def time_of_day_us(value: bytes) -> int | None:
    """``hhmmss`` or ``hhmmss.s…`` to microseconds since midnight; finer digits are cut off.

    Second 60 is a leap second, so the result may reach 86 400 999 999.
    """
    if not value:
        return None
    if not value.replace(b".", b"", 1).isdigit() or value[6:7] not in (b"", b"."):
        raise FieldError(f"time: {value!r}")
    hour, minute, second = int(value[:2]), int(value[2:4]), int(value[4:6])
    if len(value) < 6 or hour > 23 or minute > 59 or second > 60:
        raise FieldError(f"time: {value!r}")
    return (hour * 3600 + minute * 60 + second) * 1_000_000 + int(value[7:13].ljust(6, b"0"))


@lru_cache(maxsize=256)
def date_days(value: bytes) -> int | None:
    """``ddmmyy`` to days since 1970-01-01."""
    if not value:
        return None
    if len(value) != 6 or not value.isdigit():
        raise FieldError(f"date: {value!r}")
    return days(full_year(int(value[4:])), int(value[2:4]), int(value[:2]))


def full_year(year: int) -> int:
    """A year of two digits in full: 80 to 99 are 1980 to 1999 (GPS began in 1980)."""
    return 2000 + year if year < 80 else 1900 + year


def days(year: int, month: int, day: int) -> int:
    """A calendar date as days since 1970-01-01. Raises FieldError."""
    try:
        return date(year, month, day).toordinal() - EPOCH_ORDINAL
    except ValueError as error:
        raise FieldError(f"date: {year}-{month}-{day}") from error


@lru_cache(maxsize=1024)
def position(
    lat: bytes, north_south: bytes, lon: bytes, east_west: bytes
) -> tuple[float | None, float | None]:
    """``ddmm.m…,N,dddmm.m…,E`` to degrees, north and east positive; both or none."""
    if not lat and not lon:
        return None, None
    return (
        _angle("latitude", lat, north_south, b"N", b"S", 90.0),
        _angle("longitude", lon, east_west, b"E", b"W", 180.0),
    )


def _angle(
    name: str, value: bytes, sign: bytes, plus: bytes, minus: bytes, highest: float
) -> float:
    if sign == minus:
        # Unicore's UM981 says west twice: -0214.41,W.
        value = value.removeprefix(b"-")
    if not value.replace(b".", b"", 1).isdigit() or len(value) > MAX_NUMBER_BYTES:
        raise FieldError(f"{name}: {value!r}")
    packed = float(value)
    minutes = packed % 100.0
    degrees = (packed - minutes) / 100.0 + minutes / 60.0
    if minutes >= 60.0 or degrees > highest or sign not in (plus, minus):
        raise FieldError(f"{name}: {value!r},{sign!r}")
    return degrees if sign == plus or degrees == 0.0 else -degrees


def decimal(
    name: str, lowest: float, highest: float, *, scale: float = 1.0, cached: int = 2048
) -> Callable[[bytes], float | None]:
    """A converter of a decimal field: within ``lowest`` and ``highest`` as sent, then times
    ``scale`` (rounded to 6 decimals where there is a scale)."""

    @lru_cache(maxsize=cached)
    def convert(value: bytes) -> float | None:
        if not value:
            return None
        digits = value.replace(b".", b"", 1)
        if not digits.isdigit():
            value = value.strip(b" ")
            digits = value.replace(b".", b"", 1)
            signed = digits[:1] in (b"-", b"+")
            if not (digits[1:] if signed else digits).isdigit():
                raise FieldError(f"{name}: {value!r}")
        number = float(value)
        if not lowest <= number <= highest or len(value) > MAX_NUMBER_BYTES:
            raise FieldError(f"{name}: {value!r}")
        # Adding zero turns a sent -0.0 into 0.0.
        return (number if scale == 1.0 else round(number * scale, 6)) + 0.0

    return convert


course_deg = decimal("course", 0.0, 360.0, cached=4096)
speed_knots_kmh = decimal("speed over ground, knots", 0.0, 1e5, scale=KMH_PER_KNOT, cached=4096)
speed_kmh = decimal("speed over ground, km/h", 0.0, 2e5)
altitude_m = decimal("altitude", -1e5, 1e8, cached=4096)
geoid_separation_m = decimal("geoid separation", -1e4, 1e4)
dilution = decimal("dilution of precision", 0.0, 1e5)
differential_age_s = decimal("age of differential data", 0.0, 1e7)
error_m = decimal("standard deviation", 0.0, 1e9)
heading_deg = decimal("heading", 0.0, 360.0, cached=4096)
