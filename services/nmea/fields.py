"""Values of sentence fields: bytes as sent to Python values in Dipper's units.

An empty field gives None; a field that can't be what it must be raises FieldError, one that is
no number at all ValueError. Fields that take few values or that the sentences of an epoch
repeat remember their conversions, up to a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
KMH_PER_KNOT = 1.852
MAX_KNOTS = 100_000.0
MIN_ALTITUDE_M = -100_000.0
MAX_ALTITUDE_M = 100_000_000.0


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


_MINUTE_US: Table[int] = Table(
    "time",
    {
        f"{hour:02d}{minute:02d}".encode("ascii"): (hour * 60 + minute) * 60_000_000
        for hour in range(24)
        for minute in range(60)
    },
)


def _second_us(value: bytes) -> int:
    whole, _, fraction = value.partition(b".")
    if len(whole) != 2 or not (whole + fraction).isdigit() or int(whole) > 60:
        raise FieldError(f"time: seconds {value!r}")
    return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, b"0"))


_SECOND_US = Memo(_second_us)


def _time_of_day_us(value: bytes) -> int | None:
    if not value:
        return None
    return _MINUTE_US[value[:4]] + _SECOND_US[value[4:]]


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


def position(
    lat: bytes, north_south: bytes, lon: bytes, east_west: bytes
) -> tuple[float | None, float | None]:
    """``ddmm.m…, N, dddmm.m…, E`` to degrees, north and east positive; both are there or none.

    Raises ValueError.
    """
    if not lat and not lon:
        return None, None
    packed_lat = float(lat)
    packed_lon = float(lon)
    if not (0.0 <= packed_lat <= 9000.0 and 0.0 <= packed_lon <= 18000.0):
        packed_lat = _without_sign(packed_lat, north_south == b"S", 9000.0)
        packed_lon = _without_sign(packed_lon, east_west == b"W", 18000.0)
    lat_minutes = packed_lat % 100.0
    lon_minutes = packed_lon % 100.0
    if lat_minutes >= 60.0 or lon_minutes >= 60.0:
        raise FieldError(f"position: minutes of {lat!r}, {lon!r}")
    lat_degrees = (packed_lat - lat_minutes) / 100.0 + lat_minutes / 60.0
    lon_degrees = (packed_lon - lon_minutes) / 100.0 + lon_minutes / 60.0
    # Subtracting from zero keeps -0.0 out.
    if north_south != b"N":
        if north_south != b"S":
            raise FieldError(f"position: {north_south!r} is not north or south")
        lat_degrees = 0.0 - lat_degrees
    if east_west != b"E":
        if east_west != b"W":
            raise FieldError(f"position: {east_west!r} is not east or west")
        lon_degrees = 0.0 - lon_degrees
    return lat_degrees, lon_degrees


def _without_sign(packed: float, negative: bool, highest: float) -> float:
    """Unicore's UM981 says south and west twice: ``-0214.41,W``."""
    magnitude = -packed if negative and packed < 0.0 else packed
    if not 0.0 <= magnitude <= highest:
        raise FieldError(f"position: {packed}")
    return magnitude


def number(name: str, value: bytes, lowest: float, highest: float) -> float | None:
    """A decimal field within ``lowest`` and ``highest``. Raises ValueError."""
    if not value:
        return None
    converted = float(value)
    # A comparison with NaN is false.
    if not lowest <= converted <= highest:
        raise FieldError(f"{name}: {value!r}")
    return converted + 0.0


def course_deg(value: bytes) -> float | None:
    """Course over ground, true, 0 to 360. Raises ValueError."""
    return number("course", value, 0.0, 360.0)


def speed_kmh(value: bytes) -> float | None:
    """Speed over ground in km/h. Raises ValueError."""
    return number("speed", value, 0.0, KMH_PER_KNOT * MAX_KNOTS)


def knots_kmh(value: bytes) -> float | None:
    """Speed over ground in knots to km/h. Raises ValueError."""
    knots = number("speed", value, 0.0, MAX_KNOTS)
    return None if knots is None else knots * KMH_PER_KNOT


def geoid_separation_m(value: bytes) -> float | None:
    """Mean sea level above the ellipsoid in metres. Raises ValueError."""
    return number("geoid separation", value, -1e4, 1e4)


def differential_age_s(value: bytes) -> float | None:
    """Age of differential data in seconds. Raises ValueError."""
    return number("age of differential data", value, 0.0, 1e7)


def altitude_m(value: bytes) -> float | None:
    """Altitude above mean sea level in metres. Raises ValueError."""
    return number("altitude", value, MIN_ALTITUDE_M, MAX_ALTITUDE_M)


TIME_OF_DAY_US: Memo[bytes, int | None] = Memo(_time_of_day_us)
"""``hhmmss`` or ``hhmmss.s…`` to microseconds since midnight; finer digits are cut off. Second 60
is a leap second, so the result may reach 86 400 999 999."""

DATE_DAYS: Memo[bytes, int | None] = Memo(_date_days)
"""``ddmmyy`` to days since 1970-01-01."""

DILUTION: Memo[bytes, float | None] = Memo(
    lambda value: number("dilution of precision", value, 0.0, 1e5)
)
