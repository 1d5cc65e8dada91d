"""GGA: global positioning system fix data (NMEA 0183, IEC 61162-1).

$--GGA,hhmmss.ss,ddmm.mm,N,dddmm.mm,E,quality,used,hdop,altitude,M,separation,M,age,station*hh
       1         2       3 4        5 6       7    8    9        10 11         12 13 14
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.nmea.fields import (
    COUNTS,
    DIFFERENTIAL_AGE_S,
    DILUTION,
    GEOID_SEPARATION_M,
    MAX_ALTITUDE_M,
    MIN_ALTITUDE_M,
    TIME_OF_DAY_US,
    FieldError,
    Table,
    position,
)

_build = tuple.__new__

QUALITIES: Table[int] = Table(
    "quality",
    {
        b"": 0,
        **{b"%d" % value: value for value in range(9)},
        **{b"0%d" % value: value for value in range(9)},
        # NovAtel's and Unicore's own value for a fix with SBAS corrections, which is differential.
        b"9": 2,
    },
)
"""0 none, 1 GNSS, 2 differential, 3 PPS, 4 RTK fixed, 5 RTK float, 6 estimated, 7 manual,
8 simulated."""


class GGA(NamedTuple):
    """Time, position and quality of one fix."""

    talker: str
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    lat: float | None
    """Degrees, north positive."""
    lon: float | None
    """Degrees, east positive."""
    quality: int
    """0 to 8, see QUALITIES; 0 also where the field is empty."""
    satellites_used: int | None
    hdop: float | None
    altitude_m: float | None
    """Above mean sea level."""
    geoid_separation_m: float | None
    """Mean sea level above the ellipsoid."""
    differential_age_s: float | None


def parse(talker: str, fields: Sequence[bytes]) -> GGA:
    """The sentence from its fields, the address first; the last five may be missing.

    Raises ValueError.
    """
    count = len(fields)
    if count < 15:
        if count < 10:
            raise FieldError(f"GGA: {count - 1} fields")
        fields = [*fields, *[b""] * (15 - count)]
    elif count > 17:
        raise FieldError(f"GGA: {count - 1} fields")
    if fields[10] != b"M" or fields[12] != b"M":
        _check_units(fields[10], fields[12])
    lat, lon = position(fields[2], fields[3], fields[4], fields[5])
    altitude: float | None = None
    # Inline, not altitude_m, for speed.
    if fields[9]:
        altitude = float(fields[9])
        if not MIN_ALTITUDE_M <= altitude <= MAX_ALTITUDE_M:
            raise FieldError(f"altitude: {fields[9]!r}")
    return _build(
        GGA,
        (
            talker,
            TIME_OF_DAY_US[fields[1]],
            lat,
            lon,
            QUALITIES[fields[6]],
            COUNTS[fields[7]],
            DILUTION[fields[8]],
            altitude,
            GEOID_SEPARATION_M[fields[11]],
            DIFFERENTIAL_AGE_S[fields[13]],
        ),
    )


def _check_units(altitude: bytes, separation: bytes) -> None:
    if altitude not in (b"M", b"") or separation not in (b"M", b""):
        raise FieldError(f"GGA: units {altitude!r}, {separation!r}")
