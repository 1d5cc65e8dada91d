"""Values of sentence fields: bytes as sent to Python values in Dipper's units.

Sentences of one epoch repeat their time and position, and most other fields move in small
steps, so conversions remember what they converted, up to a bound. Conversion has no other
effect: an empty field gives None, a field that can't be what it must be raises FieldError.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
KMH_PER_KNOT = 1.852
MAX_NUMBER_BYTES = 24


class FieldError(ValueError):
    """A field holds what it can't hold; the text names the field."""


class Table(dict[bytes, Value]):
    """All values that a field may take; looking up any other raises FieldError."""

    def __init__(self, name: str, values: dict[bytes, Value]) -> None:
        super().__init__(values)
        self.name = name

    def __missing__(self, key: bytes) -> Value:
        raise FieldError(f"{self.name}: {key!r}")


class Memo(dict[Key, Value]):
    """``memo[sent]`` is ``convert(sent)``, computed once; at most ``bound`` results are kept.

    A dict because its look-up takes half the time of a call through ``functools.lru_cache``.
    """

    def __init__(self, convert: Callable[[Key], Value], bound: int = 2048) -> None:
        super().__init__()
        self.convert = convert
        self.bound = bound

    def __missing__(self, key: Key) -> Value:
        value = self.convert(key)
        if len(self) >= self.bound:
            self.clear()
        self[key] = value
        return value


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

_MINUTE_US: Table[int] = Table(
    "time",
    {
        f"{hour:02d}{minute:02d}".encode("ascii"): (hour * 60 + minute) * 60_000_000
        for hour in range(24)
        for minute in range(60)
    },
)
_SECOND_US: Table[int] = Table(
    "time", {f"{second:02d}".encode("ascii"): second * 1_000_000 for second in range(61)}
)
_NORTH_SOUTH: Table[float] = Table("north or south", {b"N": 1.0, b"S": -1.0})
_EAST_WEST: Table[float] = Table("east or west", {b"E": 1.0, b"W": -1.0})


def _fraction_us(value: bytes) -> int:
    digits = value[1:]
    if value[:1] not in (b"", b".") or (digits and not digits.isdigit()):
        raise FieldError(f"time: fraction {value!r}")
    return int(digits[:6].ljust(6, b"0"))


_FRACTION_US = Memo(_fraction_us, 1024)


def _time_of_day_us(value: bytes) -> int | None:
    if not value:
        return None
    return _MINUTE_US[value[:4]] + _SECOND_US[value[4:6]] + _FRACTION_US[value[6:]]


def _date_days(value: bytes) -> int | None:
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


def _position(
    sent: tuple[bytes, bytes, bytes, bytes],
) -> tuple[float | None, float | None]:
    lat, north_south, lon, east_west = sent
    if not lat and not lon:
        return None, None
    if not (lat + lon).replace(b".", b"", 2).isdigit():
        lat, lon = _without_signs(sent)
    try:
        packed_lat, packed_lon = float(lat), float(lon)
    except ValueError as error:
        raise FieldError(f"position: {sent!r}") from error
    minutes_lat, minutes_lon = packed_lat % 100.0, packed_lon % 100.0
    degrees_lat = (packed_lat - minutes_lat) / 100.0 + minutes_lat / 60.0
    degrees_lon = (packed_lon - minutes_lon) / 100.0 + minutes_lon / 60.0
    if minutes_lat >= 60.0 or minutes_lon >= 60.0 or degrees_lat > 90.0 or degrees_lon > 180.0:
        raise FieldError(f"position: {sent!r}")
    # Adding zero turns -0.0 into 0.0.
    return (
        degrees_lat * _NORTH_SOUTH[north_south] + 0.0,
        degrees_lon * _EAST_WEST[east_west] + 0.0,
    )


def _without_signs(sent: tuple[bytes, bytes, bytes, bytes]) -> tuple[bytes, bytes]:
    """Unicore's UM981 says south and west twice: ``-0214.41,W``."""
    lat, north_south, lon, east_west = sent
    if north_south == b"S":
        lat = lat.removeprefix(b"-")
    if east_west == b"W":
        lon = lon.removeprefix(b"-")
    if not (lat + lon).replace(b".", b"", 2).isdigit():
        raise FieldError(f"position: {sent!r}")
    return lat, lon


def _decimal(
    name: str, lowest: float, highest: float, bound: int = 2048
) -> Memo[bytes, float | None]:
    """Conversion of a decimal field that lies within ``lowest`` and ``highest``."""

    def convert(value: bytes) -> float | None:
        if not value:
            return None
        if not value.replace(b".", b"", 1).isdigit():
            value = value.strip(b" ")
            unsigned = value[1:] if value[:1] in (b"-", b"+") else value
            if not unsigned.replace(b".", b"", 1).isdigit():
                raise FieldError(f"{name}: {value!r}")
        number = float(value)
        if not lowest <= number <= highest or len(value) > MAX_NUMBER_BYTES:
            raise FieldError(f"{name}: {value!r}")
        return number + 0.0

    return Memo(convert, bound)


_KNOTS = _decimal("speed over ground, knots", 0.0, 1e5)


def _knots_kmh(value: bytes) -> float | None:
    knots = _KNOTS.convert(value)
    return None if knots is None else int(knots * KMH_PER_KNOT * 1e6 + 0.5) / 1e6


TIME_OF_DAY_US: Memo[bytes, int | None] = Memo(_time_of_day_us)
"""``hhmmss`` or ``hhmmss.s…`` to microseconds since midnight; finer digits are cut off. Second 60
is a leap second, so the result may reach 86 400 999 999."""

DATE_DAYS: Memo[bytes, int | None] = Memo(_date_days)
"""``ddmmyy`` to days since 1970-01-01."""

POSITION: Memo[tuple[bytes, bytes, bytes, bytes], tuple[float | None, float | None]] = Memo(
    _position, 1024
)
"""``ddmm.m…, N, dddmm.m…, E`` to degrees, north and east positive; both are there or none."""

SPEED_KNOTS_KMH: Memo[bytes, float | None] = Memo(_knots_kmh, 4096)
"""Knots to km/h, rounded to 6 decimals."""

SPEED_KMH = _decimal("speed over ground, km/h", 0.0, 2e5, 4096)
COURSE_DEG = _decimal("course", 0.0, 360.0, 4096)
HEADING_DEG = _decimal("heading", 0.0, 360.0, 4096)
ALTITUDE_M = _decimal("altitude", -1e5, 1e8, 4096)
GEOID_SEPARATION_M = _decimal("geoid separation", -1e4, 1e4)
DILUTION = _decimal("dilution of precision", 0.0, 1e5)
DIFFERENTIAL_AGE_S = _decimal("age of differential data", 0.0, 1e7)
ERROR_M = _decimal("standard deviation", 0.0, 1e9)
